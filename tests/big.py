"""Arrays of more than 2^31 elements: every element is computed, on both sides of that one too.

    pytest tests/big.py

Not one of the test_ files: up to 16 GiB is more than a run of all tests may take.
"""

import itertools
from pathlib import Path

import numpy as np
import pytest
from processes import run_python

import elu

MORE = 2**31 + 4099
# What stands where: at both ends, on both sides of 2^31, and at 2^30, whose byte may be the 2^31st.
MARKS = [0, 2**30 - 1, 2**30, 2**31 - 2, 2**31 - 1, 2**31, 2**31 + 1, MORE - 1]


def marked(array):
    """-1 everywhere but at a few places, where it is -0.5, 1 and 2 by turns."""
    array[...] = -1
    array.reshape(-1)[MARKS] = np.resize([-0.5, 1, 2], len(MARKS))
    return array


def check_all(array, expected):
    """Each row of it is `expected`; 16-bit floats are compared slowly, and their bits are not."""
    bits = array.view(f"u{array.itemsize}")
    expected = np.asarray(expected).astype(array.dtype).view(bits.dtype)
    rows = 2**24 // expected.size
    for start in range(0, len(bits), rows):
        assert (bits[start : start + rows] == expected).all(), start


def check(result, function=elu.elu):
    """`result` is that of an array that was marked, in the order of its elements."""
    small = np.resize(np.asarray([-0.5, 1, 2, -1]), 4).astype(result.dtype)
    half, one, two, other = (function(small[k : k + 1])[0] for k in range(4))
    flat = result.reshape(-1)
    assert np.shares_memory(flat, result)
    np.testing.assert_array_equal(flat[MARKS], np.resize([half, one, two], len(MARKS)))
    flat[MARKS] = other
    check_all(flat, other)


def in_place(dtype):
    x = marked(np.empty(MORE, dtype))
    assert elu.elu(x, out=x) is x
    check(x)


def gradient():
    x = marked(np.empty(MORE, "f2"))
    elu.elu_grad(np.float16(3), x, 0.5, out=x)
    check(x, lambda a: elu.elu_grad(np.float16(3), a, 0.5))


def reversed_view():
    x = marked(np.empty(MORE, "f2")[::-1])
    elu.celu(x, 0.5, out=x)
    check(x[::-1][::-1], lambda a: elu.celu(a, 0.5))


def other_byte_order():
    x = marked(np.empty(MORE, ">f2"))
    elu.selu(x, out=x)
    check(x, lambda a: elu.selu(a).astype(">f2"))


def broadcast():
    """Without an array of the input's size: its strides are 0."""
    out = np.zeros(MORE, "f2")
    elu.elu(np.broadcast_to(np.float16(-1), MORE), out=out)
    check_all(out, elu.elu(np.float16(-1)))


def integers():
    x = np.full(MORE, -1, "i1")
    x[MARKS] = 1
    result = elu.elu(x)
    assert result.dtype == np.float16
    assert (result[MARKS] == 1).all()
    result[MARKS] = elu.elu(np.float16(-1))
    check_all(result, elu.elu(np.float16(-1)))


def channels():
    """Rows of which the last begins beyond 2^31, and an alpha for each column."""
    rows, columns = 2**16 + 3, 2**15 + 1
    alpha = np.linspace(0.5, 1.5, columns).astype("f2")
    x = np.full((rows, columns), -1, "f2")
    elu.elu(x, alpha, out=x)
    check_all(x, elu.elu(np.full(columns, -1, "f2"), alpha))


def far_apart():
    """Few elements, with strides of more bytes than 31 bits hold."""
    x = np.zeros((3, 2**30 + 1), "f2")[:, :5]
    x[...] = np.linspace(-2, 2, 15).reshape(3, 5)
    expected = elu.elu(x.copy())
    np.testing.assert_array_equal(elu.elu(x), expected)
    np.testing.assert_array_equal(elu.elu(x.T, out=x.T), expected.T)


# GiB of each, of arrays and what a check adds.
KINDS = {
    "in_place('f2')": 4,
    "in_place(__import__('ml_dtypes').bfloat16)": 4,
    "in_place('f4')": 8,
    "in_place('f8')": 16,
    "gradient()": 4,
    "reversed_view()": 4,
    "other_byte_order()": 4,
    "broadcast()": 4,
    "integers()": 6,
    "channels()": 4,
    "far_apart()": 1,
}


def available():
    """GiB of memory, 0 where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return 0
    return {line.split()[0]: int(line.split()[1]) for line in lines}["MemAvailable:"] / 2**20


@pytest.mark.parametrize(
    ("kind", "threads"),
    [*itertools.product(KINDS, [2]), ("in_place('f2')", 1), ("broadcast()", 1), ("channels()", 1)],
)
def test_arrays_of_more_than_2_to_the_31_elements(kind, threads):
    if available() < KINDS[kind] + 3:
        pytest.skip(f"takes {KINDS[kind]} GiB, and 3 for others")
    script = f"import big, elu; elu.set_num_threads({threads}); big.{kind}"
    run_python(script, cwd=Path(__file__).parent, timeout=1200)
