"""The floating-point environment: no warning, no exception flag, no mode changed by any call."""

import ctypes
import platform
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import reference
from reference import FLOATS, FUNCTIONS

import elu

DTYPES = [np.float16, *FLOATS]
ALPHAS = {
    np.float16: [1.0, 0.0, 1.1, -1.5, 6e4, 6e-8],
    np.float32: [1.0, 0.0, 1.1, -1.5, 3e38, 1e-45],
    np.float64: [1.0, 0.0, 1.1, -1.5, 1.7e308, 5e-324],
}

# The same elements in arrays of several kinds; the square one drops the last few.
DOORS = {
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


def calls(dtype, door):
    """Every function of every special value, for several alphas."""
    with np.errstate(all="ignore"):
        grad, x = (DOORS[door](a) for a in every_pair(dtype))
    for name in FUNCTIONS:
        for alpha in ALPHAS[dtype]:
            if alpha < 0 and name == "elu_grad_from_output":
                continue
            yield name, reference.inputs(name, grad, x), alpha


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_nothing_is_raised_or_warned_of(dtype, door):
    for name, arrays, alpha in calls(dtype, door):
        full = np.full(arrays[0].shape, alpha, dtype)
        wide = np.float64(alpha)  # to be converted to x's dtype without a word
        with np.errstate(all="raise"), warnings.catch_warnings():
            warnings.simplefilter("error")
            for given in (alpha, wide, full, full[..., :1]):
                result = getattr(elu, name)(*arrays, given)
                getattr(elu, name)(*arrays, given, out=np.empty_like(result))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_nothing_is_raised_for_scalars(name, dtype):
    grads, xs = every_pair(dtype)
    with np.errstate(all="raise"):
        for pair in zip(grads[::3], xs[::3], strict=True):
            getattr(elu, name)(*reference.inputs(name, *pair), 1.5)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nothing_is_raised_where_dtypes_are_mixed_or_converted(name):
    x = np.arange(-128, 128)
    with np.errstate(all="raise"):
        for dtype in ["i1", "u1", "?", "i4", "u8", ">i2"]:
            a = x.astype(dtype)
            getattr(elu, name)(*reference.inputs(name, a, a), 1e-300)
        for pair in [(np.float64, np.float32), (np.float16, np.float64), (np.float32, np.int8)]:
            arrays = [np.asarray(x, dtype) for dtype in pair]
            getattr(elu, name)(*reference.inputs(name, *arrays), 1.1)


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
                    getattr(elu, name)(*arrays, alpha)
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
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_no_exception_flag_is_left_set(dtype, door):
    libm = ctypes.CDLL("libm.so.6")
    flags = REPORTED[platform.machine()]
    for name, arrays, alpha in calls(dtype, door):
        function = getattr(elu, name)
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
                        getattr(elu, name)(*reference.inputs(name, a, a))
    elu.set_num_threads(before)


def test_no_mode_is_changed_by_import_or_by_calls():
    """In a process of its own, and so before anything else could have changed one."""
    script = (
        "import test_environment as t; assert all(t.modes()); t.use_everything(); "
        "assert all(t.modes()), t.modes()"
    )
    subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=Path(__file__).parent,
        timeout=60,
        check=True,
    )


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
