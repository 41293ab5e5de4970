"""Threads: the same bits with any number of them, any number of callers, and after a fork."""

import importlib.util
import itertools
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import reference
from processes import FREE_THREADED, LIBOMP, run_python
from reference import DTYPES, FLOATS, FUNCTIONS, WITH_ALPHA, assert_same_bits

import elu

# From one chunk over the sizes where threads begin to far above, and never a multiple of anything.
SIZES = [1, 4099, 2**15 - 1, 2**16 + 1, 2**17 + 5, 2**18 + 17, 2**20 + 3, 2**22 + 31]

NUM_THREADS = "import elu; print(elu.get_num_threads())"


@pytest.mark.parametrize(
    ("name", "dtype", "size"),
    [
        *itertools.product(FUNCTIONS[:3], FLOATS, SIZES),
        *itertools.product(FUNCTIONS[3:], FLOATS, [4099, 2**16 + 1, 2**18 + 17]),
    ],
)
def test_same_bits_with_any_number_of_threads(name, dtype, size):
    elements = [reference.mixed(dtype, 4099, seed) for seed in (1, 2)]
    small = reference.function(name)(*reference.inputs(name, *elements), 1.5)
    expected = np.resize(small, size)
    arrays = reference.inputs(name, *(np.resize(a, size) for a in elements))
    alpha = np.full(size, 1.5, dtype)
    for n in (1, 2, 3, 8):
        elu.set_num_threads(n)
        assert_same_bits(reference.function(name)(*arrays, 1.5), expected)
        out = np.zeros(size, dtype)
        assert_same_bits(reference.function(name)(*arrays, 1.5, out=out), expected)
        out = arrays[0].copy()
        assert_same_bits(reference.function(name)(out, *arrays[1:], 1.5, out=out), expected)
        if size <= 2**20 + 3:
            assert_same_bits(reference.function(name)(*arrays, alpha), expected)
            strided = [np.repeat(a, 2)[::2] for a in arrays]
            assert_same_bits(reference.function(name)(*strided, 1.5), expected)


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
    assert 1 <= int(run_python(NUM_THREADS, OMP_NUM_THREADS=None).stdout) <= available


def test_the_environment_sets_the_number_of_threads_to_begin_with():
    """OMP_NUM_THREADS, which users of OpenMP expect to be heard."""
    assert int(run_python(NUM_THREADS, OMP_NUM_THREADS="1").stdout) == 1


@pytest.mark.parametrize(
    ("n", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (np.int64(-3), ValueError),
        (2**15 + 1, ValueError),
        (pytest.param(2**70, ValueError, id="2**70")),
        (True, TypeError),
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
    for dtype, view, name in itertools.product(DTYPES, VIEWS, FUNCTIONS):
        elements = [VIEWS[view](reference.mixed(dtype, 2**16 + 2, seed)) for seed in (1, 2)]
        arrays = reference.inputs(name, *elements)
        for alpha in (1.5, np.full(1, 1.5, dtype)) if name in WITH_ALPHA else (None,):
            cases.append((name, arrays, alpha, reference.function(name)(*arrays, alpha)))
    start, done = threading.Barrier(8), threading.Event()

    def work(caller):
        start.wait(timeout=60)
        for name, arrays, alpha, expected in cases[caller:] + cases[:caller]:
            assert_same_bits(reference.function(name)(*arrays, alpha), expected)
            out = arrays[0].astype(expected.dtype)  # in place: no scratch may be shared, either
            assert_same_bits(reference.function(name)(out, *arrays[1:], alpha, out=out), expected)

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
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *itertools.product(FUNCTIONS, ["dense", "strided", "float16"]),
        *itertools.product(WITH_ALPHA, ["alpha array"]),
    ],
)
def test_other_python_threads_run_during_a_call(name, kind, threads):
    """With so long a switch interval, another thread runs only where the lock is given up."""
    elu.set_num_threads(threads)
    x = np.full(2**23, -1.5, np.float16 if kind == "float16" else np.float32)
    x = x[::2] if kind == "strided" else x
    alpha = np.full(x.shape, 1.5, np.float32) if kind == "alpha array" else 1.5
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
            reference.function(name)(*arrays, alpha, out=out)
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
    run_python(AFTER_A_FORK)


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
    run_python(FORK_WHILE_COMPUTING)


# OpenMP makes the threads that it has not yet at the first call that asks for them: here each call
# asks for one more than the call before.
COUNT_THREADS = """
import os
import numpy as np
import elu

a = np.zeros((2000, 2000), "{dtype}")
unaligned = np.zeros(a.nbytes + 1, np.uint8)[1:].view(a.dtype).reshape(a.shape)

def count():
    return len(os.listdir("/proc/self/task"))

before = count()
for threads, view in enumerate({views}, 2):
    x = eval(view)
    elu.set_num_threads(threads)
    elu.{name}({arguments})
    if count() - before != threads - 1:
        print(view, "on", 1 + count() - before, "threads, not", threads)
"""
LARGE_VIEWS = [
    "a", "a.ravel()", "a[:, 100:500]", "a.T", "a[:, ::2]", "a[:, 100:500].T", "a[::2]",
    "a.ravel()[::-2]", "unaligned",
]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="cannot count threads here")
@pytest.mark.skipif(not elu.config()["openmp"], reason="built without OpenMP")
@pytest.mark.parametrize(
    ("name", "arguments", "dtype"),
    [
        ("elu", "x, out=x", "float32"),
        ("elu", "x", "float16"),
        ("elu", "x", "int32"),
        ("elu", "x", np.dtype("f4").newbyteorder().str),
        ("elu", "x, dtype='f8'", "float32"),
        ("elu", "x, order='F'", "float32"),
        ("elu", "x, order='C'", "float64"),
        ("elu", "x, out=np.empty(x.shape)", "float32"),
        ("elu", "a[:, ::2], out=a[:, 1::2]", "float32"),
        ("elu", "x, x[..., :1]", "float64"),
        ("elu_grad", "x, x", "float32"),
        ("elu_grad", "x, x", "float16"),
        ("elu_grad", "a[0, 0], x", "float32"),
        ("elu_grad", "2.0, x", "float16"),
        ("elu_grad", "x.astype('f8'), x", "float32"),
        ("elu_grad_from_output", "x, x", "float64"),
        ("selu", "x", "float32"),
        ("selu_grad", "x, x", "float64"),
        ("selu_grad_from_output", "x, x, out=x", "float32"),
        ("celu", "x, 1e-42, out=x", "float32"),
        ("celu_grad", "x, x, x[..., :1] + 1.5", "float64"),
        ("celu_grad_from_output", "x, x, 1.5", "float16"),
    ],
)
def test_all_threads_compute(name, arguments, dtype):
    script = COUNT_THREADS.format(views=LARGE_VIEWS, name=name, arguments=arguments, dtype=dtype)
    assert run_python(script, OPENBLAS_NUM_THREADS="1").stdout == ""


THREE_LARGE_ARRAYS = """
import os
import numpy as np
import elu

x = np.ones((2048, 4096), np.float32)[:, ::2]
assert x.size**3 == 2**66  # more than 64 bits hold
elu.set_num_threads(3)
before = len(os.listdir("/proc/self/task"))
elu.elu_grad(x, x, np.full((2048, 4096), 1.5, np.float32)[:, ::2])
print(len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="cannot count threads here")
@pytest.mark.skipif(not elu.config()["openmp"], reason="built without OpenMP")
def test_all_threads_compute_three_large_arrays():
    assert run_python(THREE_LARGE_ARRAYS, OPENBLAS_NUM_THREADS="1").stdout.strip() == "2"


# An element of float64 is twice as much work as one of float32, and half as much where the gradient
# is taken from the output. Two threads begin at 2**15 float32 elements of elu.
FROM_WHICH_SIZE = """
import os
import numpy as np
import elu

def count(size):
    a = np.zeros((128, 2 * size // 128), "{dtype}")
    x = {view}
    before = len(os.listdir("/proc/self/task"))
    elu.{name}({arguments})
    return len(os.listdir("/proc/self/task")) - before

elu.set_num_threads(2)
print(count({first} - 128), count({first}), count(16 * {first}))
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="cannot count threads here")
@pytest.mark.skipif(not elu.config()["openmp"], reason="built without OpenMP")
@pytest.mark.parametrize("view", ["a[:, ::2].copy()", "a[:, ::2]", "a.T[::2]"])
@pytest.mark.parametrize(
    ("name", "arguments", "dtype", "first"),
    [
        ("elu", "x", "float32", 2**15),
        ("elu", "x", "float64", 2**14),
        ("elu", "x, dtype='f8'", "float32", 2**14),
        ("elu", "x, np.full_like(x, 1.5)", "float64", 2**14),
        ("elu_grad", "x, x", "float32", 2**15),
        ("elu_grad", "x, x.astype('f8')", "float32", 2**14),
        ("elu_grad_from_output", "x, x", "float32", 2**16),
        ("elu_grad_from_output", "x, x", "float64", 2**15),
        ("elu_grad_from_output", "2.0, x", "float64", 2**15),
        ("selu", "x", "float32", 2**15),
        ("selu_grad", "x, x", "float64", 2**14),
        ("selu_grad_from_output", "x, x", "float32", 2**16),
        ("celu", "x, 1.5", "float64", 2**14),
        ("celu_grad", "x, x, 1.5", "float32", 2**15),
        ("celu_grad_from_output", "x, x, 1.5", "float64", 2**15),
    ],
)
def test_two_threads_begin_at_the_same_work_for_any_layout(name, arguments, dtype, first, view):
    script = FROM_WHICH_SIZE.format(
        name=name, arguments=arguments, dtype=dtype, first=first, view=view
    )
    assert run_python(script, OPENBLAS_NUM_THREADS="1").stdout.split() == ["0", "1", "0"]


EVERYTHING = """
import numpy as np
import elu
import reference

print(elu.get_num_threads())
assert elu.elu(np.ones(2**20)).all()
elu.set_num_threads(2)
for dtype in reference.DTYPES:
    for name in reference.FUNCTIONS:
        parts = reference.inputs(name, *(reference.mixed(dtype, 4099, seed) for seed in (1, 2)))
        least = 0 if reference.allows(name, 0) else 0.01
        alphas = (1.0, 1.5, np.linspace(least, 2, 4099, dtype=dtype))
        for alpha in alphas if name in reference.WITH_ALPHA else (None,):
            expected = np.tile(reference.function(name)(*parts, alpha), 50)
            alpha = np.tile(alpha, 50) if np.ndim(alpha) else alpha
            dense = [np.tile(a, 50) for a in parts]
            for arrays in (dense, [np.repeat(a, 2)[::2] for a in dense],
                           [a.astype(a.dtype.newbyteorder()) for a in dense]):
                result = reference.function(name)(*arrays, alpha)
                reference.assert_same_bits(result, expected)
        with np.errstate(all="ignore"):  # of NaNs that signal, in the casts
            wide = [parts[0].astype(np.float64), *parts[1:]]
            expected = np.tile(reference.function(name)(*wide, 1.5), 50)
            reference.assert_same_bits(
                reference.function(name)(*(np.tile(a, 50) for a in wide), 1.5), expected
            )
"""


@pytest.mark.parametrize(
    "environment",
    [
        {"OMP_STACKSIZE": "16k"},
        {"OMP_NUM_THREADS": "2147483648"},
        pytest.param(
            {"OMP_NUM_THREADS": "99999999999999999999"},
            marks=pytest.mark.skipif(LIBOMP, reason="LLVM's library does not start with this"),
        ),
        {"OMP_NUM_THREADS": "-1"},
        {"OMP_DYNAMIC": "true"},
        {"OMP_THREAD_LIMIT": "1"},
        {"OMP_WAIT_POLICY": "active"},
    ],
    ids=str,
)
def test_settings_of_openmp_do_no_harm(environment):
    """A small stack for each thread, numbers of threads that are none, and fewer than asked for."""
    process = run_python(EVERYTHING, cwd=Path(__file__).parent, **environment)
    assert int(process.stdout) >= 1


def in_a_subinterpreter(script, *, isolated, before_and_after=""):
    """What it writes to the file 1, in a process whose first interpreter runs the other code."""
    return run_python(f"""
try:
    import _interpreters as interpreters  # from Python 3.13 on
    number = interpreters.create("{'isolated' if isolated else 'legacy'}")
except ImportError:
    import _xxsubinterpreters as interpreters
    number = interpreters.create(isolated={isolated})
{before_and_after}
error = interpreters.run_string(number, {script!r})
{before_and_after}
assert error is None, error
""", warnings=None).stdout


COMPUTES = """
import os
import warnings
warnings.simplefilter("ignore")
import numpy as np
import elu
elu.set_num_threads(2)
small = np.linspace(-5, 5, 4099, dtype=np.float32)
x = np.resize(small, 2**20)
y = np.resize(elu.elu(small), 2**20)
grad = np.resize(elu.elu_grad(small, small), 2**20)
assert np.array_equal(elu.elu(x), y)
assert np.array_equal(elu.elu(np.repeat(x, 2)[::2]), y)
assert np.array_equal(elu.elu(x.reshape(1024, -1).T), y.reshape(1024, -1).T)
assert np.array_equal(elu.elu(x, np.ones_like(x)), y)
assert np.array_equal(elu.elu(x.astype(x.dtype.newbyteorder())), y)
assert np.array_equal(elu.elu_grad(x.astype(x.dtype.newbyteorder()), np.repeat(x, 2)[::2]), grad)
assert np.array_equal(elu.elu_grad(x.astype("f8"), x).astype("f4")[x > 0], grad[x > 0])
os.write(1, b"computed")
"""
COMPUTES_OR_IS_REFUSED = """
import os
try:
    import elu
except ImportError as error:
    os.write(1, b"refused")
else:
    os.write(1, b"computed" if elu.elu(1.0) == 1 else b"wrong")
"""
SUBINTERPRETERS = pytest.mark.skipif(
    not any(map(importlib.util.find_spec, ("_interpreters", "_xxsubinterpreters"))),
    reason="no module for subinterpreters here",
)


@SUBINTERPRETERS
@pytest.mark.skipif(FREE_THREADED, reason="NumPy refuses subinterpreters without the GIL")
def test_a_subinterpreter_computes():
    """NumPy may be imported by one interpreter of a process only, here by the other one."""
    assert in_a_subinterpreter(COMPUTES, isolated=False) == "computed"


@SUBINTERPRETERS
def test_an_isolated_subinterpreter_computes_or_is_refused():
    """NumPy may refuse an interpreter with a lock of its own; nothing else may happen."""
    result = in_a_subinterpreter(
        COMPUTES_OR_IS_REFUSED, isolated=True,
        before_and_after="import elu; assert elu.elu(1.0) == 1",
    )
    assert result in ("refused", "computed")
