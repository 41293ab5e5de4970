"""out= new, in place and overlapping: as if nothing overlapped, and no input written otherwise."""

import itertools

import numpy as np
import pytest
import reference
from hypothesis import example, given
from hypothesis import strategies as st
from reference import FUNCTIONS, GRADIENTS, INPUTS, assert_same_bits

# Around one vector, around one buffer of a few KiB, and beyond the sizes where threads begin.
SIZES = [1, 7, 65, 4099, 2**18 + 17]


def fresh(name, *arrays, alpha=1.5):
    """The result from copies that share no memory with anything."""
    return reference.function(name)(*(np.array(a) for a in arrays), np.array(alpha))


def check(name, arrays, out, alpha=1.5):
    """`out` gets and is the result that fresh copies give."""
    expected = fresh(name, *arrays, alpha=alpha)
    assert reference.function(name)(*arrays, alpha, out=out) is out
    assert_same_bits(out, expected)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_new_out(name, dtype, size):
    arrays = reference.inputs(name, *(reference.mixed(dtype, size, seed) for seed in (1, 2)))
    before = [a.copy() for a in arrays]
    check(name, arrays, np.full(size, 77, dtype))
    for a, b in zip(arrays, before, strict=True):
        assert_same_bits(a, b)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_result_is_new_memory(name, dtype):
    """Also where every value passes unchanged."""
    x = np.abs(reference.wide_ranging(dtype, 100, seed=1))
    arrays = reference.inputs(name, x.copy(), x)
    result = reference.function(name)(*arrays)
    assert not any(np.shares_memory(result, a) for a in arrays)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("name", "over"), [(name, i) for name in FUNCTIONS for i in range(len(INPUTS[name]))]
)
def test_in_place(name, over, dtype, size):
    arrays = reference.inputs(name, *(reference.mixed(dtype, size, seed) for seed in (1, 2)))
    others = [a for i, a in enumerate(arrays) if i != over]
    before = [a.copy() for a in others]
    check(name, arrays, arrays[over])
    for a, b in zip(others, before, strict=True):
        assert_same_bits(a, b)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", GRADIENTS)
def test_one_array_for_everything(name, dtype, size):
    x = reference.mixed(dtype, size)
    check(name, [x, x], x)


VIEWS = {
    "transposed": lambda a: a.T,
    "rows reversed": lambda a: a[::-1],
    "columns reversed": lambda a: a[:, ::-1],
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("view", VIEWS)
def test_in_place_through_another_view(name, dtype, view):
    """out is the input's memory in another order: nothing may be overwritten before it is read."""
    for over in range(len(INPUTS[name])):
        square = [reference.mixed(dtype, 70 * 70, seed).reshape(70, 70) for seed in (1, 2)]
        arrays = reference.inputs(name, *square)
        check(name, arrays, VIEWS[view](arrays[over]))


SHIFTS = [1, 2, 3, 7, 8, 15, 16, 17, 63, 64, 65, 1000, 4096]


@pytest.mark.parametrize("size", [100, 5000, 2**18 + 17])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_out_partly_overlaps_an_input_in_either_direction(name, dtype, size):
    for over, shift in itertools.product(range(len(INPUTS[name])), SHIFTS):
        some = (1, 17, 4096) if name.startswith("elu") else (17,)
        if shift >= size or (size > 5000 and shift not in some):
            continue
        for forward in (True, False):
            arrays = reference.inputs(name, *(reference.mixed(dtype, size, s) for s in (1, 2)))
            memory = reference.mixed(dtype, size + shift, seed=3)
            low, high = memory[:size], memory[shift:]
            arrays[over], out = (low, high) if forward else (high, low)
            outside = memory[:shift] if forward else memory[size:]
            kept = outside.copy()
            check(name, arrays, out)
            assert_same_bits(outside, kept)


@pytest.mark.parametrize("name", GRADIENTS)
def test_out_partly_overlaps_both_inputs(name, dtype):
    size = 5000
    for grad_at, x_at, out_at in itertools.permutations((0, 3, 67)):
        memory = reference.mixed(dtype, size + 67, seed=4)
        grad, x, out = (memory[at : at + size] for at in (grad_at, x_at, out_at))
        check(name, [grad, x], out)


def low(memory):
    return memory[: memory.size // 2]


def high(memory):
    return memory[memory.size // 2 :]


def even(memory):
    return memory[0::2]


def odd(memory):
    return memory[1::2]


def backwards(memory):
    return memory[::-2]


@pytest.mark.parametrize("size", [10, 1000, 2**17 + 9])
@pytest.mark.parametrize(
    ("name", "into", "source"),
    [
        (name, *pair)
        for name in FUNCTIONS
        for pair in itertools.permutations(
            [low, high, even, odd, backwards] if name.startswith("elu") else [low, even, odd], 2
        )
    ],
)
def test_interleaved_strides(name, dtype, size, into, source):
    """Halves of one memory: gathered, spread out, reversed, or side by side without sharing."""
    for over in range(len(INPUTS[name])):
        memory = reference.mixed(dtype, 2 * size, seed=5)
        arrays = reference.inputs(name, *(reference.mixed(dtype, size, s) for s in (1, 2)))
        arrays[over] = source(memory)
        check(name, arrays, into(memory))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("shift", [0, 1, -5])
def test_out_overlaps_an_array_of_alphas(name, dtype, shift):
    memory = np.linspace(0.5, 2, 5010).astype(dtype)
    alpha, out = memory[5:5005], memory[5 + shift : 5005 + shift]
    arrays = reference.inputs(name, *(reference.mixed(dtype, 5000, s) for s in (1, 2)))
    check(name, arrays, out, alpha=alpha)


@pytest.mark.parametrize("name", FUNCTIONS[6:])
def test_overlap_beside_an_alpha_so_small_that_it_has_no_inverse(name, dtype):
    alpha = 3 * np.finfo(dtype).smallest_subnormal
    for over, shift in itertools.product(range(len(INPUTS[name])), (0, 1, -1, 33, -33)):
        memory = reference.mixed(dtype, 5100, seed=3)
        arrays = reference.inputs(name, *(reference.mixed(dtype, 5000, s) for s in (1, 2)))
        arrays[over] = memory[50:5050]
        check(name, arrays, memory[50 + shift : 5050 + shift], alpha=alpha)


@pytest.mark.parametrize("name", GRADIENTS)
def test_out_is_an_input_that_is_broadcast(name, dtype):
    """One row of the matrix serves as grad for all rows, and is itself overwritten."""
    for row in (0, 20, 49):
        matrix = reference.mixed(dtype, 50 * 40).reshape(50, 40)
        check(name, [matrix[row], matrix], matrix)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_input_of_another_dtype_in_the_memory_of_out(name):
    """Elements of other sizes or the other byte order are read where float64 is written."""
    memory = np.zeros(1000)
    half = memory.view("i4")
    swapped = memory.view(np.dtype("f8").newbyteorder())
    for x in [half[:1000], half[1000:], half[::2], memory.view("i8"), swapped]:
        x[...] = np.random.default_rng(6).integers(-20, 20, 1000)
        grad = np.random.default_rng(7).normal(size=1000)
        check(name, reference.inputs(name, grad, x), memory)


@example(size=64, out_at=1, out_step=1, in_at=0, in_step=1)
@example(size=64, out_at=63, out_step=-1, in_at=0, in_step=1)
@given(
    size=st.integers(1, 300),
    out_at=st.integers(0, 40),
    out_step=st.sampled_from([1, 1, 2, 3, -1, -2]),
    in_at=st.integers(0, 40),
    in_step=st.sampled_from([1, 1, 2, 3, -1, -2, 0]),
)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_any_overlap(name, size, out_at, out_step, in_at, in_step):
    def view(memory, at, step):
        """`size` elements of memory, `step` apart; a negative step starts at the far end."""
        first = at + (-step * (size - 1) if step < 0 else 0)
        return memory[first + step * np.arange(size)], np.lib.stride_tricks.as_strided(
            memory[first:], (size,), (step * memory.itemsize,)
        )

    memory = reference.mixed(np.float32, 3 * 300 + 50)
    copy, source = view(memory, in_at, in_step)
    _, out = view(memory, out_at, out_step)
    assert_same_bits(copy, source)
    for over in range(len(INPUTS[name])):
        arrays = reference.inputs(name, *(reference.mixed(np.float32, size, s) for s in (1, 2)))
        arrays[over] = source
        check(name, arrays, out)
