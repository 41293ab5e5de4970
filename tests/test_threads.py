"""Threads: the same bits with any number of them, any number of callers, and after a fork."""

import itertools
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import reference
from reference import FLOATS, FUNCTIONS, assert_same_bits

import elu

# From one chunk over the sizes where threads begin to far above, and never a multiple of anything.
SIZES = [1, 4099, 2**15 - 1, 2**16 + 1, 2**17 + 5, 2**18 + 17, 2**20 + 3, 2**22 + 31]

NUM_THREADS = "import elu; print(elu.get_num_threads())"


def run(script, **environment):
    """A Python process of its own, which must end well and in time; None unsets a variable."""
    environment = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={name: value for name, value in environment.items() if value is not None},
        timeout=60,
        check=True,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_same_bits_with_any_number_of_threads(name, dtype, size):
    elements = [reference.mixed(dtype, 4099, seed) for seed in (1, 2)]
    small = getattr(elu, name)(*reference.inputs(name, *elements), 1.5)
    expected = np.resize(small, size)
    arrays = reference.inputs(name, *(np.resize(a, size) for a in elements))
    alpha = np.full(size, 1.5, dtype)
    for n in (1, 2, 3, 8):
        elu.set_num_threads(n)
        assert_same_bits(getattr(elu, name)(*arrays, 1.5), expected)
        out = np.zeros(size, dtype)
        assert_same_bits(getattr(elu, name)(*arrays, 1.5, out=out), expected)
        out = arrays[0].copy()
        assert_same_bits(getattr(elu, name)(out, *arrays[1:], 1.5, out=out), expected)
        if size <= 2**20 + 3:
            assert_same_bits(getattr(elu, name)(*arrays, alpha), expected)
            strided = [np.repeat(a, 2)[::2] for a in arrays]
            assert_same_bits(getattr(elu, name)(*strided, 1.5), expected)


@pytest.mark.skipif(not elu.config()["openmp"], reason="built without OpenMP")
@pytest.mark.parametrize("n", [1, 2, 3, 8, np.int64(2)])
def test_the_number_of_threads_is_what_was_set(n):
    elu.set_num_threads(n)
    assert elu.get_num_threads() == n
    assert type(elu.get_num_threads()) is int
    assert elu.config()["num_threads"] == n


def test_the_number_of_threads_to_begin_with_fits_the_machine():
    """No more than the processors that this process may use."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert 1 <= int(run(NUM_THREADS, OMP_NUM_THREADS=None).stdout) <= available


def test_the_environment_sets_the_number_of_threads_to_begin_with():
    """OMP_NUM_THREADS, which users of OpenMP expect to be heard."""
    assert int(run(NUM_THREADS, OMP_NUM_THREADS="1").stdout) == 1


@pytest.mark.parametrize(
    ("n", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (np.int64(-3), ValueError),
        (pytest.param(2**70, ValueError, id="2**70")),
        (1.0, TypeError),
        (1.5, TypeError),
        ("2", TypeError),
        (None, TypeError),
        ([2], TypeError),
    ],
)
def test_no_number_of_threads(n, error):
    before = elu.get_num_threads()
    with pytest.raises(error) as raised:
        elu.set_num_threads(n)
    given = repr(n) if error is ValueError and not isinstance(n, np.generic) else str(n)
    assert given in str(raised.value) or type(n).__name__ in str(raised.value)
    assert elu.get_num_threads() == before


VIEWS = {
    "small": lambda a: a[:1000],
    "dense": lambda a: a,
    "strided": lambda a: np.repeat(a, 2)[::2],
    "transposed": lambda a: a.reshape(2, -1).T,
    "swapped": lambda a: a.astype(a.dtype.newbyteorder()),
}


def test_many_callers_at_once():
    """Every function of every kind of array, while the number of threads changes."""
    cases = []
    for dtype, view, name in itertools.product((np.float16, *FLOATS), VIEWS, FUNCTIONS):
        elements = [VIEWS[view](reference.mixed(dtype, 2**16 + 2, seed)) for seed in (1, 2)]
        arrays = reference.inputs(name, *elements)
        for alpha in (1.5, np.full(1, 1.5, dtype)):
            cases.append((name, arrays, alpha, getattr(elu, name)(*arrays, alpha)))
    start, done = threading.Barrier(8), threading.Event()

    def work(caller):
        start.wait(timeout=60)
        for name, arrays, alpha, expected in cases[caller:] + cases[:caller]:
            assert_same_bits(getattr(elu, name)(*arrays, alpha), expected)
            out = arrays[0].astype(expected.dtype)  # in place: no scratch may be shared, either
            assert_same_bits(getattr(elu, name)(out, *arrays[1:], alpha, out=out), expected)

    def change():
        while not done.wait(timeout=1e-4):
            for n in (1, 3, 2, 8):
                elu.set_num_threads(n)

    changer = threading.Thread(target=change)
    changer.start()
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
    finally:
        done.set()
        changer.join()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("door", ["dense", "strided", "alpha array", "float16"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_other_python_threads_run_during_a_call(name, door, threads):
    """With so long a switch interval, another thread runs only where the lock is given up."""
    elu.set_num_threads(threads)
    x = np.full(2**23, -1.5, np.float16 if door == "float16" else np.float32)
    x = x[::2] if door == "strided" else x
    alpha = np.full(x.shape, 1.5, np.float32) if door == "alpha array" else 1.5
    arrays = reference.inputs(name, x, x)
    out = np.empty_like(x)
    go, ran = threading.Event(), threading.Event()

    def other():
        go.wait()
        ran.set()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        thread = threading.Thread(target=other)
        thread.start()
        go.set()
        sum(range(10**6))
        if getattr(sys, "_is_gil_enabled", lambda: True)():
            assert not ran.is_set(), "what runs in Python alone must not let the other thread in"
        for _ in range(50):  # on a busy machine it may not get a processor in time
            getattr(elu, name)(*arrays, alpha, out=out)
            if ran.is_set():
                break
        else:
            pytest.fail("the other thread never ran")
    finally:
        sys.setswitchinterval(interval)
        thread.join()


AFTER_A_FORK = """
import os
import warnings
import numpy as np
import elu

warnings.simplefilter("ignore", DeprecationWarning)  # of forking a process with threads
elu.set_num_threads(4)
x = np.linspace(-5, 5, 2**22 + 31, dtype=np.float32)
expected = elu.elu(x)
for repeat in range(3):
    child = os.fork()
    if child == 0:
        same = np.array_equal(elu.elu(x), expected)
        elu.set_num_threads(2)
        same &= np.array_equal(elu.elu(x), expected)
        grandchild = os.fork()
        if grandchild == 0:
            os._exit(0 if np.array_equal(elu.elu(x), expected) else 1)
        _, status = os.waitpid(grandchild, 0)
        os._exit(0 if same and status == 0 else 1)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
    assert np.array_equal(elu.elu(x), expected)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_computes_after_its_parent_used_threads():
    """libgomp hangs in such a child if it is asked for threads there."""
    run(AFTER_A_FORK)


FORK_WHILE_COMPUTING = """
import os
import threading
import warnings
import numpy as np
import elu

warnings.simplefilter("ignore", DeprecationWarning)  # of forking a process with threads
elu.set_num_threads(4)
x = np.linspace(-5, 5, 2**22 + 31, dtype=np.float32)
expected = elu.elu(x)
done = threading.Event()

def compute():
    while not done.is_set():
        elu.elu(x)

thread = threading.Thread(target=compute)
thread.start()
for repeat in range(5):
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(elu.elu(x), expected) else 1)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
done.set()
thread.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_while_another_thread_computes():
    run(FORK_WHILE_COMPUTING)
