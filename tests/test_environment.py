"""The floating-point environment: no warning, no exception flag, no mode changed by any call."""

import contextlib
import ctypes
import functools
import itertools
import platform
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import reference
from processes import run_python
from reference import DTYPES, FLOATS, FORWARD, FUNCTIONS, WITH_ALPHA

import elu

ALPHAS = {
    np.float16: [1.0, 0.0, 1.1, -1.5, 6e4, 6e-8],
    np.float32: [1.0, 0.0, 1.1, -1.5, 3e38, 1e-45],
    np.float64: [1.0, 0.0, 1.1, -1.5, 1.7e308, 5e-324],
}

# The same elements in arrays of several kinds; the square one drops the last few.
LAYOUTS = {
    "dense": lambda a: a,
    "strided": lambda a: np.repeat(a, 2)[::2],
    "swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "unaligned": lambda a: np.frombuffer(b"\0" + a.tobytes(), a.dtype, offset=1),
    "square": lambda a: a[: int(a.size**0.5) ** 2].reshape(int(a.size**0.5), -1).T,
}


def every_pair(dtype):
    """grad and x: each special value with each."""
    special = reference.specials(dtype)
    return [a.ravel() for a in np.meshgrid(special, special)]


def calls(dtype, layout):
    """Every function of every special value, for several alphas."""
    with np.errstate(all="ignore"):
        grad, x = (LAYOUTS[layout](a) for a in every_pair(dtype))
    for name in FUNCTIONS:
        for alpha in ALPHAS[dtype]:
            if reference.allows(name, alpha) and (alpha == 1 or name in WITH_ALPHA):
                yield name, reference.inputs(name, grad, x), alpha


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_is_raised_or_warned_of(dtype, layout):
    for name, arrays, alpha in calls(dtype, layout):
        full = np.full(arrays[0].shape, alpha, dtype)
        wide = np.float64(alpha)  # to be converted to x's dtype without a word
        with np.errstate(all="raise"), warnings.catch_warnings():
            warnings.simplefilter("error")
            for given in (alpha, wide, full, full[..., :1]):
                result = reference.function(name)(*arrays, given)
                reference.function(name)(*arrays, given, out=np.empty_like(result))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nothing_is_raised_for_scalars(name, dtype):
    grads, xs = every_pair(dtype)
    with np.errstate(all="raise"):
        for pair in zip(grads[::3], xs[::3], strict=True):
            reference.function(name)(*reference.inputs(name, *pair), 1.5)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nothing_is_raised_where_dtypes_are_mixed_or_converted(name):
    x = np.arange(-128, 128)
    small = 1e-300 if reference.allows(name, 0) else 1e-5  # in float16 0, and subnormal
    with np.errstate(all="raise"):
        for dtype in ["i1", "u1", "?", "i4", "u8", ">i2"]:
            a = x.astype(dtype)
            reference.function(name)(*reference.inputs(name, a, a), small)
        for pair in [(np.float64, np.float32), (np.float16, np.float64), (np.float32, np.int8)]:
            arrays = [np.asarray(x, dtype) for dtype in pair]
            reference.function(name)(*reference.inputs(name, *arrays), 1.1)


@pytest.mark.parametrize(
    "alpha", [1e-300, np.float64(1e-300), np.full(3, 1e-300), 5e-324, 1e-45], ids=repr
)
def test_an_alpha_that_underflows_in_the_dtype_of_x_is_0_without_a_word(alpha):
    x = np.asarray([-1, -2, 3], np.float16)
    with np.errstate(all="raise"):
        reference.assert_same_bits(elu.elu(x, alpha), np.asarray([-0.0, -0.0, 3], np.float16))


def test_refused_alphas_give_errors_and_no_warnings():
    x = np.ones(3, np.float32)
    with np.errstate(all="raise"):
        for alpha in [np.nan, np.inf, 1e300, np.full(3, 1e300), np.array([1, np.nan, 1])]:
            with pytest.raises(ValueError, match="finite"):
                elu.elu(x, alpha)


def test_the_error_handling_of_numpy_is_left_alone():
    for mode in ("raise", "ignore", "warn"):
        with np.errstate(all=mode):
            before = np.geterr()
            for name, arrays, alpha in calls(np.float16, "dense"):
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    reference.function(name)(*arrays, alpha)
            assert np.geterr() == before
    with np.errstate(all="raise"):
        elu.elu(-np.ones(5))
        with pytest.raises(FloatingPointError):
            np.log(np.zeros(1))


GLIBC = platform.libc_ver()[0] == "glibc"
# <fenv.h>: invalid, division by zero, overflow, underflow. All set inexact, and NumPy ignores it.
REPORTED = {"x86_64": 0x01 | 0x04 | 0x08 | 0x10, "aarch64": 0x01 | 0x02 | 0x04 | 0x08}


@pytest.mark.skipif(
    not (GLIBC and platform.machine() in REPORTED), reason="asks glibc for the exception flags"
)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_exception_flag_is_left_set(dtype, layout):
    libm = ctypes.CDLL("libm.so.6")
    flags = REPORTED[platform.machine()]
    for name, arrays, alpha in calls(dtype, layout):
        function = reference.function(name)
        out = np.empty_like(function(*arrays, alpha))
        libm.feclearexcept(flags)
        function(*arrays, alpha, out=out)
        assert libm.fetestexcept(flags) == 0, (name, alpha)
    libm.feraiseexcept(flags)  # the instrument itself
    assert libm.fetestexcept(flags) == flags
    libm.feclearexcept(flags)


def modes():
    """Subnormals in, subnormals out, and rounding to nearest even, in NumPy and in Python."""
    found = []
    for dtype in FLOATS:
        info = np.finfo(dtype)
        small = np.full(33, info.smallest_subnormal)
        normal = np.full(33, info.tiny)
        one, eps = np.ones(33, dtype), np.full(33, info.eps)
        found += [
            (small + small == 2 * info.smallest_subnormal).all(),
            (small * (one / eps) > 0).all(),
            (normal / dtype(2) > 0).all(),
            (one + eps / dtype(2) == one).all(),
            (-one - eps / dtype(2) == -one).all(),
            (one + eps * dtype(0.75) > one).all(),
        ]
    smallest, tiny = 5e-324, sys.float_info.min
    found += [smallest * 1.0 > 0, tiny / 2 > 0, 1 + sys.float_info.epsilon / 2 == 1.0]
    return [bool(f) for f in found]


def use_everything():
    """All functions, dense and strided, on one thread and on several."""
    before = elu.get_num_threads()
    for size in (5, 2**20 + 3):
        for dtype in FLOATS:
            x = np.resize(reference.specials(dtype), 2 * size)
            for name in FUNCTIONS:
                for a in (x, x[::2]):
                    for threads in (1, 4):
                        elu.set_num_threads(threads)
                        reference.function(name)(*reference.inputs(name, a, a))
    elu.set_num_threads(before)


def test_no_mode_is_changed_by_import_or_by_calls():
    """In a process of its own, and so before anything else could have changed one."""
    script = (
        "import test_environment as t; assert all(t.modes()); t.use_everything(); "
        "assert all(t.modes()), t.modes()"
    )
    run_python(script, cwd=Path(__file__).parent)


def test_no_mode_is_changed_in_other_threads():
    found = []

    def work():
        found.append(modes())
        use_everything()
        found.append(modes())

    for _ in range(2):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(found) == 4
    assert all(map(all, found)), found
    use_everything()
    assert all(modes())


@pytest.mark.parametrize("threads", [1, 3])
def test_the_callers_errstate_holds_in_all_threads(threads):
    """Of NumPy's casts to the common dtype, which tell of NaNs that signal."""
    x = reference.from_bits(np.full((700, 700), 0x7FA00001), np.float32)[:, ::2]
    grad = np.ones(x.shape)
    elu.set_num_threads(threads)
    with np.errstate(all="ignore"):
        assert np.isnan(elu.elu_grad(grad, x)).all()
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        elu.elu_grad(grad, x)


# -- what NumPy reports ----------------------------------------------------------------------

# Conversions that the caller asked for, and one that NumPy has to make to compute at all.
CONVERSIONS = {
    "narrower dtype": (1e300, "f8", {"dtype": "f4"}),
    "narrowest dtype": (1e30, "f4", {"dtype": "f2"}),
    "narrower out": (1e300, "f8", {"out": "f4"}),
    "narrower dtype, too small": (1e-300, "f8", {"dtype": "f4"}),
    "narrower out of float32": (7e4, "f4", {"out": "f2"}),
    "nothing": (1e300, "f8", {}),
    "wider dtype": (1e30, "f4", {"dtype": "f8"}),
}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("size", [9, 2**17 + 5])
@pytest.mark.parametrize("conversion", CONVERSIONS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_conversions_report_what_they_report_in_numpys_own_ufuncs(name, conversion, size, threads):
    """np.positive and np.copysign compute nothing that could be reported."""
    value, dtype, keywords = CONVERSIONS[conversion]
    x = np.full(size, 1, dtype)
    x[-1] = value
    theirs = np.positive if name in FORWARD else np.copysign
    elu.set_num_threads(threads)
    found = []
    for function in (theirs, reference.function(name)):
        calls = []
        given = dict(keywords)
        if "out" in given:
            given["out"] = np.zeros(size, given["out"])
        for arrays in ([x, x], [np.repeat(x, 2)[::2]] * 2):
            arrays = reference.inputs(name, *arrays)
            with np.errstate(all="raise"):
                try:
                    function(*arrays, **given)
                except FloatingPointError as error:
                    calls.append(str(error).split(" encountered")[0])
            with np.errstate(all="call", call=lambda *what, calls=calls: calls.append(what)):
                function(*arrays, **given)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                with np.errstate(all="warn"):
                    function(*arrays, **given)
            calls += [warning.category for warning in caught]
        found.append(calls)
    assert found[0] == found[1]


# -- modes that the caller has set -----------------------------------------------------------

X86_64 = GLIBC and platform.machine() == "x86_64"
# Bits of the SSE unit: subnormal results become 0, subnormal operands count as 0, and roundings.
FLUSH, ZERO, DOWN, UP, TOWARDS_0 = 0x8000, 0x0040, 0x2000, 0x4000, 0x6000
MODES = {"flush to zero": FLUSH | ZERO, "down": DOWN, "up": UP, "towards 0": TOWARDS_0}


class Environment(ctypes.Structure):
    """fenv_t of glibc on x86-64: the x87 unit, with its control word first, and the SSE unit."""

    _fields_ = [("x87", ctypes.c_uint16 * 14), ("sse", ctypes.c_uint32)]


@contextlib.contextmanager
def modes_set(bits):
    """The modes of the calling thread; afterwards they must be found as they were set."""
    libm = ctypes.CDLL("libm.so.6")
    before, changed, after = Environment(), Environment(), Environment()
    libm.fegetenv(ctypes.byref(before))
    libm.fegetenv(ctypes.byref(changed))
    changed.sse |= bits
    changed.x87[0] |= (bits & TOWARDS_0) >> 3  # its roundings
    libm.fesetenv(ctypes.byref(changed))
    try:
        yield
    finally:
        libm.fegetenv(ctypes.byref(after))
        libm.fesetenv(ctypes.byref(before))
    assert (after.sse & 0xFFC0, after.x87[0]) == (changed.sse & 0xFFC0, changed.x87[0])


@pytest.mark.skipif(not X86_64, reason="sets the modes of an x86-64 in glibc's way")
def test_modes_are_set():
    """The instrument itself."""
    with modes_set(FLUSH | ZERO):
        flushed = sys.float_info.min / 2
    sums = []
    for mode in (UP, DOWN):
        with modes_set(mode):
            sums.append(np.add(np.ones(5), 1e-30).tolist())
    assert flushed == 0
    assert sums == [[1 + 2**-52] * 5, [1.0] * 5]
    assert all(modes())


def in_any_mode(name, size):
    """Calls of everything that reads a mode, as functions without arguments."""
    function = reference.function(name)
    least = 0 if reference.allows(name, 0) else 1e-3
    for dtype in DTYPES:
        grad, x = (np.resize(reference.mixed(dtype, 4099, seed), size) for seed in (1, 2))
        alpha = np.resize(np.asarray([0.5, 1.1, 2, 3e-5, least], dtype), size)
        for layout in ("dense", "strided", "swapped", "unaligned"):
            arrays = reference.inputs(name, LAYOUTS[layout](grad), LAYOUTS[layout](x))
            for given in (1.0, 1.1, np.longdouble("1.1"), alpha, alpha.astype(np.float64) / 3):
                yield functools.partial(function, *arrays, given)
            yield functools.partial(function, *arrays, 1.1, out=np.empty(size, dtype))
            yield functools.partial(function, *arrays, 1.1, dtype=np.float64)
            yield functools.partial(function, *arrays, out=np.empty(size))
        for other in DTYPES:
            pair = [grad.astype(other), x]
            if name not in FORWARD:
                yield functools.partial(function, *pair, 1.1)
                yield functools.partial(function, *pair[::-1])
        if size < 100:
            numbers = [float(a) for a in reference.specials(dtype)]
            for number in numbers:
                yield functools.partial(function, *reference.inputs(name, 0.1, number), 1.1)
                scalar = dtype(number)
                yield functools.partial(function, *reference.inputs(name, scalar, scalar))
            yield functools.partial(function, *reference.inputs(name, numbers, numbers))
            yield functools.partial(function, *reference.inputs(name, 0.1, x), 1.1)
    whole = np.resize(np.arange(-5, 5), size)
    yield functools.partial(function, *reference.inputs(name, whole, whole), 1.1)


@pytest.mark.skipif(not X86_64, reason="sets the modes of an x86-64 in glibc's way")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("name", "size"),
    [
        *itertools.product(FUNCTIONS[:3], [9, 4099, 2**17 + 5]),
        *itertools.product(FUNCTIONS[3:], [9, 2**17 + 5]),
    ],
)
def test_the_bits_are_the_same_in_any_mode(name, mode, size):
    with np.errstate(all="ignore"):
        for call in in_any_mode(name, size):
            expected = np.copy(call())
            for threads in (1, 2):
                elu.set_num_threads(threads)
                with modes_set(MODES[mode]):
                    result = call()
                reference.assert_same_bits(result, expected)


WITHOUT_MEMORY = """
import re
import resource
import numpy as np
import test_environment as t
import elu

x = np.full(2**25, -1.5, np.float32)
with open("/proc/self/status") as file:
    used = 1024 * int(re.search(r"VmSize:\\s+(\\d+)", file.read())[1])
resource.setrlimit(resource.RLIMIT_AS, (used + 2**24, used + 2**24))
for array in (x, x[::2]):
    with t.modes_set(t.FLUSH | t.ZERO):  # looks for them in the end
        try:
            elu.elu(array)
        except MemoryError:
            pass
        else:
            raise AssertionError("there was memory")
"""


@pytest.mark.skipif(not X86_64, reason="sets the modes of an x86-64 in glibc's way")
def test_modes_are_found_again_where_there_is_no_memory():
    run_python(WITHOUT_MEMORY, cwd=Path(__file__).parent, OMP_NUM_THREADS="1")


BORN_IN_ANOTHER_MODE = """
import numpy as np
import reference
import test_environment as t
import elu

elu.set_num_threads(3)
subnormal = np.full(2**18 + 3, -8e-40, np.float32)
with t.modes_set({mode}):
    elu.elu(subnormal)  # the threads of OpenMP begin here
for a in (subnormal, np.repeat(subnormal, 2)[::2]):
    for alpha in (1.0, 1.1, np.full_like(subnormal, 1.1), np.full(2**18 + 3, 1.1)):
        number = float(np.ravel(alpha)[0])
        for name in reference.FUNCTIONS[: 9 if number is alpha else 3]:
            arrays = reference.inputs(name, a, a)
            small = reference.function(name)(*(b[:1] for b in arrays), number)
            for _ in range(2):
                result = reference.function(name)(*arrays, alpha)
                reference.assert_same_bits(result, np.resize(small, a.size))
"""


@pytest.mark.skipif(not X86_64, reason="sets the modes of an x86-64 in glibc's way")
@pytest.mark.parametrize("mode", MODES)
def test_threads_that_began_in_another_mode_give_the_same_bits(mode):
    run_python(BORN_IN_ANOTHER_MODE.format(mode=MODES[mode]), cwd=Path(__file__).parent)
