# The only place that knows OpenMP: how many threads, for which size, after a fork.

import os

cdef extern from *:
    """
    #ifdef _OPENMP
    #include <omp.h>
    static const int HAVE_OPENMP = 1;
    #else
    static const int HAVE_OPENMP = 0;
    static int omp_get_max_threads(void) { return 1; }
    #endif
    """
    const bint HAVE_OPENMP
    int omp_get_max_threads() noexcept nogil

# A thread is worth waking for this many elements of elu: two threads take 0.79 of the time of one
# at 2**15 elements of float32, which is 7 us of work, and would take longer than one below
# (bench/compare.py --bars, the rows of 2 threads over 1).
cdef enum:
    PER_THREAD = 1 << 14

openmp = HAVE_OPENMP

cdef int asked_for = 0  # by set_num_threads; 0: nothing yet
cdef bint forked = False


def _quota():
    """CPUs that the container's quota (cgroup v2 or v1) allows, None without one."""
    roots = ["/sys/fs/cgroup"]
    try:
        with open("/proc/self/cgroup") as file:
            roots += ["/sys/fs/cgroup" + line.split(":", 2)[2].strip() for line in file
                      if line.startswith("0::")]
    except OSError:
        return None
    quotas = []
    for root in roots:
        for name in ("cpu.max", "cpu/cpu.cfs_quota_us"):
            try:
                with open(f"{root}/{name}") as file:
                    fields = file.read().split()
                if name != "cpu.max":
                    with open(f"{root}/cpu/cpu.cfs_period_us") as file:
                        fields += file.read().split()
                quotas.append(int(fields[0]) / int(fields[1]))
            except (OSError, ValueError, IndexError):  # no such file, or "max"
                continue
    quotas = [quota for quota in quotas if quota > 0]  # v1 writes -1 for none
    return max(1, int(min(quotas))) if quotas else None


# OMP_NUM_THREADS is the user's word and comes before the quota; omp_get_max_threads knows it,
# and the CPU affinity of the process.
cdef int at_import = omp_get_max_threads()
cdef int by_default = at_import

if "OMP_NUM_THREADS" not in os.environ:
    by_default = min(at_import, _quota() or at_import)


cdef int limit() noexcept nogil:
    # libgomp's threads do not survive a fork, and a child that asks for them waits for ever.
    if forked or not HAVE_OPENMP:
        return 1
    cdef int openmp_limit = omp_get_max_threads()
    cdef int wanted = asked_for if asked_for else by_default
    # Below its value at import: somebody lowered it (threadpoolctl), and that holds in any case.
    if openmp_limit < at_import and openmp_limit < wanted:
        return openmp_limit
    return wanted


cdef int threads_for(Py_ssize_t count) noexcept nogil:
    """Threads to compute `count` elements on."""
    if count < 2 * PER_THREAD:
        return 1
    cdef Py_ssize_t worth = count // PER_THREAD
    cdef int threads = limit()
    return threads if threads < worth else <int>worth


def set_num_threads(n):
    """Set the number of threads that large arrays are computed on.

    It holds for the whole process, until the next call.

    Parameters
    ----------
    n : int
        At least 1. More than there are CPUs is allowed, and no use.

    Raises
    ------
    TypeError
        If `n` is no integer.
    ValueError
        If `n` is less than 1.

    See Also
    --------
    get_num_threads : How many are in use, and what else limits them.

    Examples
    --------
    >>> import elu
    >>> before = elu.get_num_threads()
    >>> elu.set_num_threads(1)
    >>> elu.get_num_threads()
    1
    >>> elu.set_num_threads(before)
    """
    global asked_for
    if isinstance(n, bool) or not hasattr(type(n), "__index__"):
        raise TypeError(f"set_num_threads takes an int, not {type(n).__name__}")
    n = n.__index__()
    if not 1 <= n <= 2**15:
        raise ValueError(f"set_num_threads takes a number from 1 to {2**15}, not {n}")
    asked_for = n


def get_num_threads():
    """Return the number of threads that large arrays are computed on.

    Small ones are computed on the caller's thread in any case.

    Returns
    -------
    int
        In this order: 1 in a forked child and in a build without OpenMP; else what
        `set_num_threads` was given; else ``OMP_NUM_THREADS``; else the number of CPUs in the
        affinity mask or in the container's quota, the smaller one. A limit that was set with
        threadpoolctl (or ``omp_set_num_threads``) lowers each of them.

    See Also
    --------
    set_num_threads : Choose another number.

    Examples
    --------
    >>> import elu
    >>> elu.get_num_threads() >= 1
    True
    """
    return limit()


def _after_fork():
    global forked
    forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
