# How many threads: for which size, within which limits, and one after a fork.

from elu._kernels cimport ELU_GRAD_FROM_OUTPUT, F64, form_of

import itertools
import os
from pathlib import PurePosixPath

cdef extern from *:
    """
    #ifdef _OPENMP
    #include <omp.h>
    static const int HAVE_OPENMP = 1;
    #else
    static const int HAVE_OPENMP = 0;
    static int omp_get_max_threads(void) { return 1; }
    #endif

    /* What set_num_threads was given, 0 before. The only state that threads share and change. */
    #ifdef _MSC_VER
    static volatile int asked_for = 0;  /* its C has no atomics without an option */
    #else
    static _Atomic int asked_for = 0;
    #endif
    """
    const bint HAVE_OPENMP
    int omp_get_max_threads() noexcept nogil
    int asked_for

# A thread is worth waking for this many elements of elu in float32: two threads take 0.77 of the
# time of one at 2**15 elements, which are 6 us of work, and would take longer than one below
# (bench/compare.py --bars, the rows of 2 threads over 1).
cdef enum:
    PER_THREAD = 1 << 14
    MOST = 1 << 15  # more threads than any machine has; OpenMP takes larger numbers for negative

openmp = HAVE_OPENMP

cdef bint forked = False


def _quota():
    """CPUs that the process's control group and those above it allow, None without a quota."""
    try:
        lines = _text("/proc/self/cgroup").splitlines()
    except OSError:
        return None
    quotas = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:  # version 2
            mounts, names = [""], ["cpu.max"]
        elif "cpu" in controllers.split(","):
            mounts, names = ["/cpu", "/cpu,cpuacct"], ["cpu.cfs_quota_us", "cpu.cfs_period_us"]
        else:
            continue
        # Up to the root, which in a container may be its own group: then the path is the host's.
        for mount, group in itertools.product(mounts, [path, *PurePosixPath(path).parents]):
            try:
                files = [_text(f"/sys/fs/cgroup{mount}{group}/{name}") for name in names]
                quota, period = map(int, " ".join(files).split())
            except (OSError, ValueError):  # no such file, or "max"
                continue
            if quota > 0:  # version 1 writes -1 for none
                quotas.append(quota / period)
    return max(1, int(min(quotas))) if quotas else None


def _text(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


# OMP_NUM_THREADS is the user's word and comes before the quota; omp_get_max_threads knows it,
# and the CPU affinity of the process.
cdef int at_import = omp_get_max_threads()
cdef int by_default = at_import if 0 < at_import < MOST else MOST

if not os.environ.get("OMP_NUM_THREADS"):
    by_default = min(by_default, _quota() or by_default)


cdef int limit() noexcept nogil:
    # libgomp's threads do not survive a fork, and a child that asks for them waits for ever.
    if forked or not HAVE_OPENMP:
        return 1
    cdef int openmp_limit = omp_get_max_threads()
    cdef int wanted = asked_for
    if wanted == 0:
        wanted = by_default
    # Not what it was at import: somebody set it (threadpoolctl), and then it holds in any case.
    # OpenMP does not tell one that was set to this very number from none.
    if openmp_limit != at_import and 0 < openmp_limit < wanted:
        return openmp_limit
    return wanted


cdef int threads_for(int formula, int dtype, Py_ssize_t n) noexcept nogil:
    """Threads to compute n elements on."""
    return threads_within(formula, dtype, n, 0)


cdef int threads_within(int formula, int dtype, Py_ssize_t n, int most) noexcept nogil:
    """The same with a limit of the caller's in place of the package's own, which 0 stands for."""
    # In elements of elu in float32: float64 takes 3 times as long, elu_grad_from_output 0.7 times.
    if dtype == F64:
        n *= 2
    if form_of(formula) == ELU_GRAD_FROM_OUTPUT:
        n //= 2
    if n < 2 * PER_THREAD:
        return 1
    cdef Py_ssize_t worth = n // PER_THREAD
    cdef int threads = limit() if most == 0 else 1 if forked or not HAVE_OPENMP else most
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
    if not 1 <= n <= MOST:
        raise ValueError(f"set_num_threads takes a number from 1 to {MOST}, not {n}")
    asked_for = n


def get_num_threads():
    """Return the number of threads that large arrays are computed on.

    Small ones are computed on the caller's thread in any case.

    Returns
    -------
    int
        In this order: 1 in a forked child and in a build without OpenMP; else what
        `set_num_threads` was given; else ``OMP_NUM_THREADS``; else the number of CPUs in the
        affinity mask or in the container's quota, the smaller one; the last three as they were
        at import. A limit that was set with threadpoolctl (or ``omp_set_num_threads``) in the
        thread that calls lowers each of them.

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
