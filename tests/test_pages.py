"""No kernel reads or writes a byte outside its arrays: each ends at a page that must not be
touched, or begins right after one, and to touch it ends the process."""

import ctypes
import mmap
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import reference
from processes import run_python

import elu

ml_dtypes = pytest.importorskip("ml_dtypes")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no mprotect")

DTYPES = [*reference.DTYPES, ml_dtypes.bfloat16]
STREAMED = 24 * 2**20  # bytes, of each array: more than most caches hold of all of them
PAGE = mmap.PAGESIZE


def fenced(a, side, offset=0):
    """A copy of `a`, with its stride, that lies before or after a page that must not be touched,
    `offset` elements away from it."""
    step = a.strides[0] // a.itemsize if a.size > 1 else 1
    used = ((a.size - 1) * abs(step) + 1) * a.itemsize if a.size else 0
    gap = offset * a.itemsize
    length = -(-(used + gap) // PAGE) * PAGE
    area = mmap.mmap(-1, length + 2 * PAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(area))
    libc = ctypes.CDLL(None, use_errno=True)
    for page in (start, start + PAGE + length):
        assert libc.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(PAGE), 0) == 0
    first = PAGE + (gap if side == "after" else length - used - gap)
    copy = np.frombuffer(area, a.dtype, used // a.itemsize, first)[::step]
    copy[...] = a
    return copy


def values(dtype, count, seed):
    with np.errstate(all="ignore"):
        return reference.mixed(np.float32, count, seed).astype(dtype)


def check(name, arrays, alpha, side, offset, *, out):
    """The call beside the page gives the bits that it gives in the middle of memory."""
    function = reference.function(name)
    with np.errstate(all="ignore"):
        desired = function(*arrays, alpha=alpha)
        there = [fenced(a, side, offset) for a in arrays]
        if isinstance(alpha, np.ndarray):
            alpha = fenced(alpha, side, offset)
        if out == "new":
            result = function(*there, alpha=alpha)
        else:
            target = there[-1] if out == "in place" else fenced(np.zeros_like(arrays[-1]), side)
            result = function(*there, alpha=alpha, out=target)
    reference.assert_same_bits(result, desired)


@pytest.mark.parametrize(("side", "end"), [("before", 5), ("after", -1)])
@pytest.mark.parametrize("call", ["memmove(b, p, 1)", "memmove(p, b, 1)"])
def test_the_pages_are_fenced(side, end, call):
    """To read or write the byte beside the array ends the process."""
    code = (
        "import numpy as np; from ctypes import *; from test_pages import fenced;"
        f"a = fenced(np.zeros(5, 'i1'), {side!r}); b = create_string_buffer(1);"
        f"p = a.ctypes.data + {end}; print('alive', flush=True); {call}"
    )
    process = run_python(code, cwd=Path(__file__).parent, returncode=None)
    assert process.stdout == "alive\n", process.stderr
    assert process.returncode in (-signal.SIGSEGV, -signal.SIGBUS)


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: np.dtype(dtype).name)
@pytest.mark.parametrize("name", reference.FUNCTIONS)
def test_every_length(name, dtype, side):
    """Lengths 0 to 300, in turn with out=, in place and new; one alpha, and one for each value."""
    rng = np.random.default_rng(0)
    longest = [values(dtype, 300, seed) for seed in range(len(reference.INPUTS[name]))]
    for length in range(301):
        arrays = [a[:length] for a in longest]
        out = ("given", "in place", "new")[length % 3]
        each = rng.uniform(0.5, 2, length).astype(dtype)
        alphas = [1.0, 1.5, each] if name in reference.WITH_ALPHA else [None]
        for alpha in alphas:
            check(name, arrays, alpha, side, int(rng.integers(5)) * (length % 2), out=out)


@pytest.mark.parametrize("step", [2, 3, -1, -2])
@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: np.dtype(dtype).name)
@pytest.mark.parametrize("name", reference.FUNCTIONS)
def test_strides(name, dtype, side, step):
    for length in (1, 2, 15, 16, 33, 100, 257):
        arrays = [values(dtype, length * abs(step), seed)[::step]
                  for seed in range(len(reference.INPUTS[name]))]
        check(name, arrays, 1.5, side, 0, out=("given", "in place", "new")[length % 3])


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: np.dtype(dtype).name)
@pytest.mark.parametrize("name", ["elu", "elu_grad", "celu_grad_from_output"])
def test_stores_around_the_cache(name, dtype, side):
    length = STREAMED // np.dtype(dtype).itemsize + 13
    whole = values(dtype, 4099, 0)
    arrays = [np.resize(whole, length) for _ in reference.INPUTS[name]]
    check(name, arrays, 1.5, side, 3, out="given")


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: np.dtype(dtype).name)
def test_where(dtype, side):
    for length in (1, 17, 300):
        x = values(dtype, length, 0)
        chosen = np.arange(length) % 3 == 0
        desired = elu.elu(x, where=chosen, out=np.zeros_like(x))
        result = elu.elu(fenced(x, side), where=fenced(chosen, side),
                         out=fenced(np.zeros_like(x), side))
        reference.assert_same_bits(result, desired)
