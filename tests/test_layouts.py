"""An element's result has the same bits wherever it stands: at any length, place, stride, order.

Each test takes what the element gives alone, in an array of one, as the value to compare with.
"""

import itertools

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from reference import FUNCTIONS, GRADIENTS, INPUTS, WITH_ALPHA, assert_same_bits

import elu

CELUS = FUNCTIONS[6:]
POOL = 256
LINE = 64  # bytes in a cache line and in the widest vector register


def alone(name, arrays, alpha):
    """The function of each element by itself."""
    function = reference.function(name)
    columns = [[a[i : i + 1] for i in range(a.size)] for a in arrays]
    return np.concatenate([function(*row, alpha) for row in zip(*columns, strict=True)])


@pytest.fixture(scope="module", params=FUNCTIONS)
def case(request, dtype):
    """The name of a function, a pool of input elements, and what each gives alone."""
    pool = [reference.mixed(dtype, POOL, seed=1), reference.mixed(dtype, POOL, seed=2)]
    arrays = reference.inputs(request.param, *pool)
    return request.param, arrays, alone(request.param, arrays, 1.5)


def at_byte(a, offset):
    """A copy of the one-dimensional `a`, `offset` bytes behind a multiple of a cache line."""
    memory = np.empty(a.nbytes + 2 * LINE, np.uint8)
    start = -memory.ctypes.data % LINE + offset
    copy = memory[start : start + a.nbytes].view(a.dtype)
    copy[...] = a
    return copy


def test_tails_of_every_length_at_every_alignment(case):
    name, pool, expected = case
    item = expected.itemsize
    for offset in range(0, LINE, item):
        arrays = [at_byte(a, offset) for a in pool]
        for length in range(201):
            result = reference.function(name)(*(a[:length] for a in arrays), 1.5)
            assert_same_bits(result, expected[:length])


def test_only_the_elements_of_out_are_written(case):
    name, arrays, expected = case
    item = expected.itemsize
    for first, length in itertools.product(range(LINE // item), range(0, 150)):
        memory = at_byte(np.full(POOL, 77, expected.dtype), 0)
        out = memory[first : first + length]
        reference.function(name)(*(a[:length] for a in arrays), 1.5, out=out)
        assert_same_bits(out, expected[:length])
        assert (memory[:first] == 77).all()
        assert (memory[first + length :] == 77).all()


def test_unaligned(case):
    """Arrays that start between two elements, which no vector load may assume away."""
    name, pool, expected = case
    for offset in range(1, expected.itemsize):
        arrays = [at_byte(a, offset) for a in pool]
        assert not arrays[0].flags.aligned
        assert_same_bits(reference.function(name)(*arrays, 1.5), expected)
        out = at_byte(np.zeros_like(expected), offset)
        reference.function(name)(*arrays, 1.5, out=out)
        assert_same_bits(out, expected)


@pytest.mark.parametrize("name", GRADIENTS)
def test_two_nans_give_the_same_one_everywhere(name, dtype):
    """A product takes one of its NaNs, and not here this one and there the other."""
    nan = reference.nans(dtype)
    pool = [a.ravel() for a in np.meshgrid(nan, nan)]
    expected = alone(name, pool, 1.5)
    for length in range(expected.size + 1):
        result = reference.function(name)(*(a[:length] for a in pool), 1.5)
        assert_same_bits(result, expected[:length])
    assert_same_bits(reference.function(name)(*(a[::3] for a in pool), 1.5), expected[::3])


@pytest.mark.parametrize("shape", [(4, 64), (4, 8, 8), (2, 4, 4, 8), (1, 256, 1)])
def test_fortran_order(case, shape):
    name, pool, expected = case
    expected = expected.reshape(shape)
    for order in itertools.product("CF", repeat=len(pool)):
        arrays = [a.reshape(shape).copy(order=o) for a, o in zip(pool, order, strict=True)]
        result = reference.function(name)(*arrays, 1.5)
        assert_same_bits(result, expected)
        if set(order) == {"F"}:
            assert result.flags.f_contiguous


@pytest.mark.parametrize("step", [-1, 2, -2, 3, 7, -16, 100])
def test_steps(case, step):
    name, pool, expected = case
    result = reference.function(name)(*(a[::step] for a in pool), 1.5)
    assert_same_bits(result, expected[::step])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_fields_of_a_record(name):
    """Strides that are no multiple of the element's size."""
    x = reference.mixed(np.float32, POOL)
    records = np.zeros(POOL, np.dtype([("tag", "u1"), ("x", "f4"), ("y", "f4")]))
    records["x"] = x
    result = reference.function(name)(*reference.inputs(name, records["x"], records["x"]))
    assert_same_bits(result, reference.function(name)(*reference.inputs(name, x, x)))


def test_repeated_element(case):
    """A stride of 0."""
    name, pool, expected = case
    for i in range(0, POOL, 16):
        arrays = [np.broadcast_to(a[i], (3, 50)) for a in pool]
        assert_same_bits(reference.function(name)(*arrays, 1.5), np.full((3, 50), expected[i]))


def test_0d_gives_a_scalar(case):
    name, pool, expected = case
    for i in range(POOL):
        swapped = [np.array(a[i], a.dtype.newbyteorder()) for a in pool]
        for arrays in [[a[i] for a in pool], [np.array(a[i]) for a in pool], swapped]:
            result = reference.function(name)(*arrays, 1.5)
            assert isinstance(result, np.generic)
            assert_same_bits(result, expected[i])


def test_0d_out_is_returned_itself(case):
    name, pool, expected = case
    out = np.zeros((), expected.dtype)
    assert reference.function(name)(*(a[9] for a in pool), 1.5, out=out) is out
    assert_same_bits(out, expected[9])


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 5)])
def test_empty(dtype, shape):
    for name in FUNCTIONS:
        empty = np.empty(shape, dtype)
        result = reference.function(name)(*[empty] * len(INPUTS[name]))
        assert_same_bits(result, empty)
        assert result is not empty
        out = np.empty(shape, dtype)
        assert reference.function(name)(*[empty] * len(INPUTS[name]), out=out) is out


def test_read_only_input(case):
    name, pool, expected = case
    arrays = [a.copy() for a in pool]
    for a in arrays:
        a.flags.writeable = False
    assert_same_bits(reference.function(name)(*arrays, 1.5), expected)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_lists(name):
    x = [[-1.5, 0.0], [2.0, -0.25]]
    result = reference.function(name)(*reference.inputs(name, x, x))
    assert_same_bits(result, reference.function(name)(*reference.inputs(name, *[np.array(x)] * 2)))


@pytest.mark.parametrize("gradient", GRADIENTS)
@pytest.mark.parametrize(
    ("grad_shape", "x_shape"),
    [((), (5, 7)), ((5, 7), ()), ((7,), (5, 7)), ((5, 1), (1, 7)), ((5, 1), (7,)), ((1,), (3, 5))],
)
def test_grad_and_x_broadcast(dtype, gradient, grad_shape, x_shape):
    grad = reference.mixed(dtype, np.prod(grad_shape, dtype=int), seed=3).reshape(grad_shape)
    x = reference.mixed(dtype, np.prod(x_shape, dtype=int), seed=4).reshape(x_shape)
    full = [np.array(a) for a in np.broadcast_arrays(grad, x)]
    function = reference.function(gradient)
    assert_same_bits(function(grad, x, 1.5), function(*full, 1.5))


# Views of a large square, of this side.
SIDE = 700
VIEWS = {
    "column block": lambda a: a[:, 100:180],
    "row block": lambda a: a[100:400],
    "transposed": lambda a: a.T,
    "transposed block": lambda a: a[:, 100:180].T,
    "every second": lambda a: a[:, ::2],
    "every second row": lambda a: a[::2],
    "reversed": lambda a: a[::-1, ::-1],
    "swapped axes": lambda a: a.reshape(70, 10, 700).swapaxes(0, 1),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_large_views(name, dtype, view):
    a, b = (np.resize(reference.mixed(dtype, 4099, seed), (SIDE, SIDE)) for seed in (1, 2))
    x, grad = VIEWS[view](a), VIEWS[view](b)
    dense = [np.ascontiguousarray(array) for array in reference.inputs(name, grad, x)]
    expected = reference.function(name)(*dense, 1.5)
    for threads in (1, 2, 3):
        elu.set_num_threads(threads)
        result = reference.function(name)(*reference.inputs(name, grad, x), 1.5)
        assert_same_bits(result, expected)
        target = a.copy()
        out = VIEWS[view](target)
        reference.function(name)(*reference.inputs(name, grad, out), 1.5, out=out)  # in place
        assert_same_bits(out, expected)
    out[...] = x
    assert_same_bits(target, a)  # and nothing beside the view was written


@st.composite
def layouts(draw, shape, steps):
    """A function that lays elements out in memory: places of `shape` in, an array out.

    `places` are flat indices into a pool. Returned are the array and the places that it came to
    hold, which differ from those asked for where an axis of stride 0 repeats an element.
    """
    order = draw(st.permutations(range(len(shape))))
    step = [draw(st.sampled_from(steps)) for _ in shape]
    offset = draw(st.integers(0, 15))

    def lay(places, pool):
        kept = places[tuple(slice(0, 1) if s == 0 else slice(None) for s in step)]
        spread = [n * max(abs(s), 1) for n, s in zip(kept.shape, step, strict=True)]
        size = int(np.prod(spread))
        memory = np.zeros(size * pool.itemsize + offset, np.uint8)
        permuted = memory[offset:].view(pool.dtype).reshape([spread[i] for i in order])
        whole = permuted.transpose(np.argsort(order))
        part = whole[tuple(slice(None, None, s or None) for s in step)]
        part[...] = pool[kept]
        return np.broadcast_to(part, places.shape) if 0 in step else part, np.broadcast_to(
            kept, places.shape
        )

    return lay


@given(data=st.data())
def test_any_layout_of_inputs_and_out(case, data):
    name, pool, _ = case
    shape = tuple(data.draw(st.lists(st.integers(1, 13), min_size=1, max_size=4), label="shape"))
    seed = data.draw(st.integers(0, 2**32 - 1), label="seed")
    rng = np.random.default_rng(seed)
    arrays, elements = [], []
    for a in pool:
        lay = data.draw(layouts(shape, steps=[1, 1, -1, 2, -2, 3, 0]))
        array, places = lay(rng.integers(0, POOL, shape), a)
        arrays.append(array)
        elements.append(a[places].ravel())
    out, _ = data.draw(layouts(shape, steps=[1, 1, -1, 2, -3]))(np.zeros(shape, int), pool[0])

    function = reference.function(name)
    expected = function(*elements, 1.5).reshape(shape)
    assert_same_bits(function(*arrays, 1.5), expected)
    assert function(*arrays, 1.5, out=out) is out
    assert_same_bits(out, expected)


@pytest.mark.parametrize("size", [5, 17])
@pytest.mark.parametrize(
    ("name", "dimensions"),
    [*itertools.product(FUNCTIONS[:3], [33, 48, 64]), *itertools.product(FUNCTIONS[3:], [64])],
)
def test_many_dimensions(name, size, dimensions):
    """Up to the 64 of NumPy, dense, strided, of several dtypes, and with an array of alphas."""
    shape = (*(2 if k < size else 1 for k in range(dimensions - 1)), 5)
    count = int(np.prod(shape))
    x, grad = (np.resize(reference.mixed(np.float32, 999, seed), count) for seed in (1, 2))
    least = 0 if reference.allows(name, 0) else 0.01
    alpha = np.resize(np.linspace(least, 3, 41, dtype=np.float32), count)
    alphas = [1.0, 1.5, alpha, np.float32([0.5, 1, 1.5, 2, least])]
    function = reference.function(name)
    twice = (*shape[:-1], 2 * shape[-1])
    for threads in (1, 2):
        elu.set_num_threads(threads)
        for numbers in alphas if name in WITH_ALPHA else alphas[:1]:
            whole = getattr(numbers, "shape", ()) == alpha.shape
            given = numbers.reshape(shape) if whole else numbers
            every = np.resize(numbers, count)
            expected = function(*reference.inputs(name, grad, x), every).reshape(shape)
            dense = reference.inputs(name, grad.reshape(shape), x.reshape(shape))
            strided = [np.repeat(a, 2).reshape(twice)[..., ::2] for a in dense]
            swapped = [a.astype(a.dtype.newbyteorder()) for a in dense]
            for arrays in (dense, strided, swapped, [a.T.copy().T for a in dense]):
                assert_same_bits(function(*arrays, given), expected)
            out = np.zeros(twice, np.float32)[..., ::2]
            function(*strided, given, out=out)
            assert_same_bits(out, expected)
        with np.errstate(invalid="ignore"):  # NaNs that signal are cast
            mixed = reference.inputs(name, grad.reshape(shape).astype(np.float64), x.reshape(shape))
            flat = [a.reshape(-1) for a in mixed]
            assert_same_bits(function(*mixed, 1.5), function(*flat, 1.5).reshape(shape))


@pytest.mark.parametrize("name", CELUS)
def test_an_alpha_so_small_that_it_has_no_inverse(name, dtype):
    """CELU computes in another way with one, and in the usual way where each has its own."""
    smallest = np.finfo(dtype).smallest_subnormal
    x, grad = (reference.mixed(dtype, POOL, seed) for seed in (1, 2))
    x[::2] = np.arange(-POOL // 4, POOL // 4) * smallest
    for alpha in (smallest, 3 * smallest, 40 * smallest, np.finfo(dtype).tiny):
        pool = reference.inputs(name, grad, x)
        expected = alone(name, pool, alpha)
        assert_same_bits(reference.function(name)(*pool, np.full_like(x, alpha)), expected)
        for length in range(POOL + 1):
            arrays = [a[:length].copy() for a in pool]
            assert_same_bits(reference.function(name)(*arrays, alpha), expected[:length])
            out = arrays[-1]
            assert_same_bits(reference.function(name)(*arrays, alpha, out=out), expected[:length])
        assert_same_bits(reference.function(name)(*(a[::3] for a in pool), alpha), expected[::3])
        large = [np.resize(a, 2**17 + 5) for a in pool]
        for threads in (1, 3):
            elu.set_num_threads(threads)
            result = reference.function(name)(*large, alpha)
            assert_same_bits(result, np.resize(expected, result.size))


FROM_INPUT = [
    ("elu_grad", 1.0), ("elu_grad", 1.5), ("selu_grad", None), ("celu_grad", 1.0),
    ("celu_grad", 1.5),
]


@pytest.mark.parametrize(("name", "alpha"), FROM_INPUT)
def test_an_element_of_the_block_before_changes_nothing(dtype, name, alpha):
    """elu_grad chooses by blocks how it computes, and by the block before where to begin."""
    function = reference.function(name)
    least = -np.log(np.finfo(dtype).tiny) - 1
    large = [float(np.finfo(dtype).max) ** share for share in (1, 0.9, 0.7)]
    for first in (-least, -least - 3, np.finfo(dtype).min, -np.inf, np.nan):
        for strange in (np.inf, -np.inf, np.nan, *large, 2.0**15, 0.0):
            x, grad = np.full(2500, -1, dtype), np.ones(2500, dtype)
            x[0] = first
            for start in (1, 256, 512, 1024):  # in the block itself, and in those behind it
                grad[:] = 1
                grad[start::7] = strange
                expected = function(grad[start : start + 1], x[start : start + 1], alpha)
                result = function(grad, x, alpha)[start::7]
                assert_same_bits(result, np.repeat(expected, result.size))


STRANGE = {
    "x NaN": (1, np.nan),
    "x -inf": (1, -np.inf),
    "x -100": (1, -100),
    "x -1000": (1, -1000),
    "grad NaN": (np.nan, -1),
    "grad huge": ("largest", -1),
    "grad huge, x -100": ("largest", -100),
    "grad infinite": (-np.inf, -2),
    "grad tiny": ("smallest", -3),
}


@pytest.mark.parametrize(
    ("name", "alpha"),
    [*FROM_INPUT, ("elu_grad", 3.0), ("elu_grad", "array"), ("celu_grad", "array")],
)
@pytest.mark.parametrize("strange", STRANGE)
def test_an_elements_neighbours_do_not_change_it(dtype, strange, name, alpha):
    """elu_grad computes some elements in another way, and may take their neighbours along."""
    function = reference.function(name)
    info = np.finfo(dtype)
    values = [
        {"largest": info.max, "smallest": info.smallest_subnormal}.get(value, value)
        for value in STRANGE[strange]
    ]
    size = 1500
    rng = np.random.default_rng(9)
    grad, x = (rng.normal(0, 3, size).astype(dtype) for _ in range(2))
    alphas = rng.uniform(0.1, 4, size).astype(dtype)
    given = alphas if alpha == "array" else alpha
    each = np.broadcast_to(np.asarray(1.0 if given is None else given, dtype), size)

    def alone(i):
        return function(grad[i : i + 1], x[i : i + 1], each[i : i + 1])[0]

    expected = np.asarray([alone(i) for i in range(size)])
    strangers = np.asarray(values, dtype)
    stranger = np.concatenate(
        [function(*strangers[:, None], each[i : i + 1]) for i in range(size)]
    )
    for share in (1 / 500, 1 / 64, 1 / 8, 1 / 2):
        here = rng.random(size) < share
        right = np.where(here, stranger, expected)
        arrays = [np.where(here, value, a) for value, a in zip(strangers, (grad, x), strict=True)]
        assert_same_bits(function(*arrays, given), right)
        assert_same_bits(function(*(np.repeat(a, 2)[::2] for a in arrays), given), right)
        for over in (0, 1):
            for shift in (0, 3, -3):  # in place, and partly over the input
                memory = np.zeros(size + 6, dtype)
                memory[3:-3] = arrays[over]
                operands = [memory[3:-3] if k == over else arrays[k] for k in (0, 1)]
                out = memory[3 + shift : 3 + shift + size]
                assert_same_bits(function(*operands, given, out=out), right)
