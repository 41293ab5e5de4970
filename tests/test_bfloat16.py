"""bfloat16 of the package ml_dtypes: computed in float32 and rounded once, on every path."""

import numpy as np
import pytest
import reference
from processes import run_python
from reference import FORWARD, FUNCTIONS, GRADIENTS, WITH_ALPHA

import elu

ml_dtypes = pytest.importorskip("ml_dtypes")

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
EVERY = np.arange(2**16, dtype=np.uint16).view(BFLOAT16)
WIDE = EVERY.astype(np.float32)
NUMBERS = EVERY[~np.isnan(WIDE)]
GRAD = np.roll(NUMBERS, 12345)
ALPHAS = {name: [1.0, 0.5, 3.0] if name in WITH_ALPHA else [None] for name in FUNCTIONS}
CASES = [(name, alpha) for name, alphas in ALPHAS.items() for alpha in alphas]


def compute(name, grad, x, alpha=1.0, **keywords):
    return reference.function(name)(*reference.inputs(name, grad, x), alpha, **keywords)


def assert_same(actual, desired):
    """The same bits, where no NaN."""
    actual, desired = np.asarray(actual), np.asarray(desired)
    assert actual.dtype == desired.dtype == BFLOAT16
    assert actual.shape == desired.shape
    known = ~np.isnan(desired.astype(np.float32))
    assert (np.isnan(actual.astype(np.float32)) == ~known).all()
    assert (actual[known].view(np.uint16) == desired[known].view(np.uint16)).all()


def through_float32(name, grad, x, alpha=1.0):
    with np.errstate(all="ignore"):
        result = compute(name, grad.astype(np.float32), x.astype(np.float32), alpha)
        return result.astype(BFLOAT16)


@pytest.mark.parametrize(("name", "alpha"), CASES)
def test_every_value_is_that_of_float32_rounded_once(name, alpha):
    assert_same(compute(name, GRAD, NUMBERS, alpha), through_float32(name, GRAD, NUMBERS, alpha))


@pytest.mark.parametrize("name", FORWARD)
def test_every_value_is_within_half_a_unit(name):
    numbers = NUMBERS.astype(np.float32)
    exact = reference.exact(name, numbers).astype(np.float64)
    ordinary = np.isfinite(exact) & (abs(exact) < 3.3e38)
    exact = exact[ordinary]
    result = reference.function(name)(NUMBERS)[ordinary].astype(np.float64)
    unit = np.ldexp(1.0, np.maximum(np.frexp(exact)[1] - 8, -133))
    assert (abs(result - exact) <= 0.51 * unit).all()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nan_gives_nan_and_no_warning(name):
    nan = EVERY[np.isnan(WIDE)]
    with np.errstate(all="raise"):
        result = compute(name, np.ones_like(nan), nan)
    assert np.isnan(result.astype(np.float32)).all()
    assert (result.view(np.uint16) & 0x0040 != 0).all(), "a NaN that signals"


LAYOUTS = {
    "strided": lambda a: np.repeat(a, 2)[::2],
    "reversed": lambda a: a[::-1].copy()[::-1],
    "fortran": lambda a: np.asfortranarray(a.reshape(-1, 5)),
    "transposed": lambda a: a.reshape(-1, 5).T,
    "unaligned": lambda a: np.frombuffer(b"\0" + a.tobytes(), np.uint8)[1:].view(a.dtype),
    "large": lambda a: np.resize(a, 2**18 + 3),
    "large and strided": lambda a: np.repeat(np.resize(a, 2**18 + 3), 2)[::2],
}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_layouts_threads_and_out(name, layout, threads):
    elu.set_num_threads(threads)
    numbers = NUMBERS[: len(NUMBERS) // 5 * 5]
    x, grad = layout(numbers), layout(np.roll(numbers, 7))
    expected = through_float32(name, grad, x, 1.5)
    assert_same(compute(name, grad, x, 1.5), expected)
    assert_same(compute(name, grad, x, np.full(x.shape, 1.5)), expected)
    out = np.zeros_like(expected)
    assert compute(name, grad, x, 1.5, out=out) is out
    assert_same(out, expected)
    copy = x.copy("K")
    compute(name, grad, copy, 1.5, out=copy)
    assert_same(copy, expected)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 127, 128, 129, 300])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_sizes(name, size):
    x, grad = NUMBERS[40000 : 40000 + size], GRAD[:size]
    assert_same(compute(name, grad, x, 0.5), through_float32(name, grad, x, 0.5))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_scalars_and_numbers_of_python(name):
    x = NUMBERS[40000]
    for given in (x, np.asarray(x)):
        result = compute(name, given, given, 1.5)
        assert type(result) is ml_dtypes.bfloat16
        assert_same(result, through_float32(name, np.asarray(x), np.asarray(x), 1.5))
    if name in GRADIENTS:
        few = NUMBERS[39990:40010]
        for number in (2, 2.5):
            grad = np.full(few.shape, number, BFLOAT16)
            assert_same(reference.function(name)(number, few), through_float32(name, grad, few))
            assert_same(reference.function(name)(few, number), through_float32(name, few, grad))


@pytest.mark.parametrize("name", WITH_ALPHA)
def test_alpha_is_rounded_to_bfloat16_in_any_form(name):
    x, grad = NUMBERS[40000:40008], GRAD[:8]
    expected = compute(name, grad, x, float(np.asarray(1.1, BFLOAT16)))
    for alpha in (1.1, np.float32(1.1), np.asarray(1.1, BFLOAT16), np.asarray(1.1, BFLOAT16)[()],
                  np.full(8, 1.1), [1.1] * 8, np.full(8, 1.1, np.dtype("f8").newbyteorder()),
                  np.full(8, 1.1, BFLOAT16)):
        assert_same(compute(name, grad, x, alpha), expected)
        assert_same(compute(name, grad[::-1], x[::-1], alpha), expected[::-1])
    for bad in (np.nan, 1e39, np.full(8, np.inf), np.full(8, 1e39)):
        with pytest.raises(ValueError, match="alpha must be finite"):
            compute(name, grad, x, bad)
    with pytest.raises(ValueError, match="alpha"):
        compute(name, grad, x, np.ones((2, 8)))


# Rounded to float32 first, they would lie in the middle of two numbers of bfloat16, or be reported.
NEAREST = {1 + 2**-8 + 1e-14: 1 + 2**-7, 257 + 1e-10: 258, 5e-41: 2.0**-133}
PATHS = {
    "dense": lambda a: a,
    "strided": lambda a: np.repeat(a, 2)[::2],
    "masked": np.ma.array,
    "large": lambda a: np.repeat(np.resize(a, 2**18), 2)[::2],
}


@pytest.mark.parametrize("number", NEAREST)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", WITH_ALPHA)
def test_an_alpha_is_rounded_once_on_every_path(name, path, number):
    grad, x = (PATHS[path](a) for a in (GRAD[:8], NUMBERS[40000:40008]))
    expected = compute(name, np.asarray(grad), np.asarray(x), NEAREST[number])
    each = np.full(x.shape, number)
    for alpha in (number, np.float64(number), np.longdouble(number), each, each.tolist()):
        for keywords in ({}, {"dtype": BFLOAT16}, {"casting": "unsafe"}, {"order": "F"}):
            with np.errstate(all="raise"):
                result = compute(name, grad, x, alpha, **keywords)
            assert_same(result, expected)


@pytest.mark.parametrize("number", NEAREST)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", GRADIENTS)
def test_a_number_beside_it_is_rounded_once_on_every_path(name, path, number):
    x, function = PATHS[path](NUMBERS[40000:40008]), reference.function(name)
    nearest = np.full(x.shape, NEAREST[number], BFLOAT16)
    with np.errstate(all="raise"):
        assert_same(function(number, x), function(nearest, np.asarray(x)))
        assert_same(function(x, number), function(np.asarray(x), nearest))
        assert_same(function(x, number, casting="no"), function(np.asarray(x), nearest))


@pytest.mark.parametrize("name", WITH_ALPHA)
def test_an_alpha_of_nans_is_refused_without_a_warning(name):
    for dtype in ("f2", "f4", "f8", BFLOAT16):
        x = np.full(4, -1, dtype)
        for nan in (EVERY[np.isnan(WIDE)][0], EVERY[np.isnan(WIDE)][-1]):
            with np.errstate(all="raise"), pytest.raises(ValueError, match="alpha must be finite"):
                compute(name, x, x, np.full(4, nan))


def test_an_alpha_of_bfloat16_beside_other_dtypes():
    x = np.linspace(-2, 2, 8)
    np.testing.assert_array_equal(elu.elu(x, np.full(8, 1.5, BFLOAT16)), elu.elu(x, 1.5))


@pytest.mark.parametrize("name", GRADIENTS)
@pytest.mark.parametrize("other", ["f4", "f8", "f2", "i8", ml_dtypes.float8_e4m3fn], ids=str)
def test_no_promotion_with_other_dtypes(name, other):
    x = NUMBERS[40000:40003]
    for a, b in [(x, np.ones(3, other)), (np.ones(3, other), x), (x[::-1], np.ones(3, other))]:
        with pytest.raises(TypeError, match=rf"{name}: .*{np.dtype(other).name}"):
            reference.function(name)(a, b)


@pytest.mark.parametrize("other", [1j, np.complex64(1), True, "1", None], ids=repr)
@pytest.mark.parametrize("name", GRADIENTS)
def test_what_is_not_supported_beside_it_either(name, other):
    """Complex numbers of Python's, too, which ml_dtypes would cast to bfloat16."""
    x = NUMBERS[40000:40003]
    for a, b in [(x, other), (other, x), (x[::-1], other)]:
        with pytest.raises(TypeError, match=f"{name}: "):
            reference.function(name)(a, b)


def test_keywords():
    x = NUMBERS[40000:40008]
    assert_same(elu.elu([1, -2], dtype=BFLOAT16), elu.elu(np.asarray([1, -2], BFLOAT16)))
    assert_same(elu.elu(x.astype("f4"), dtype=BFLOAT16), elu.elu(x))
    assert elu.elu(x, out=np.empty(8, "f4")).dtype == np.float32
    where = np.arange(8) % 2 == 0
    out = np.zeros_like(x)
    elu.elu(x, out=out, where=where)
    assert_same(out, np.where(where, elu.elu(x), np.zeros_like(x)))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", BFLOAT16], ids=str)
@pytest.mark.parametrize("name", WITH_ALPHA)
def test_a_masked_alpha_that_knows_what_it_is_filled_with(name, dtype):
    """NumPy converts no masked array of bfloat16 after that."""
    grad, x = (np.linspace(-1, 1, 8).astype(dtype) for _ in range(2))
    alpha = np.ma.array(np.full(8, 1.5, BFLOAT16), mask=np.arange(8) % 2 == 0)
    repr(alpha.fill_value)
    result = compute(name, grad, x, alpha)
    assert result.mask.tolist() == alpha.mask.tolist()
    reference.assert_same_bits(result.data[1::2], compute(name, grad, x, 1.5)[1::2])


@pytest.mark.parametrize("size", [2, 2**17])
@pytest.mark.parametrize("name", GRADIENTS)
def test_a_number_that_is_too_large_is_reported_as_by_a_cast(name, size):
    x = np.ones(size, BFLOAT16)
    for number in (1e39, -1e300, 10**300):
        with pytest.warns(RuntimeWarning, match="overflow encountered in cast"):
            result = reference.function(name)(number, x)
        assert (result == (np.inf if number > 0 else -np.inf)).all()
    assert np.isinf(reference.function(name)(np.inf, x)).all()
    assert np.isfinite(reference.function(name)(3e38, x)).all()


def test_subclasses_and_containers():
    x = NUMBERS[40000:40008]
    masked = elu.elu(np.ma.masked_array(x, np.arange(8) % 2 == 0))
    assert masked.dtype == BFLOAT16
    assert masked.mask.sum() == 4

    class Array(np.ndarray):
        pass

    assert type(elu.selu(x.view(Array))) is Array


def test_the_package_is_not_imported_by_ours():
    run_python(
        "import elu, numpy as np, sys\n"
        "elu.elu(np.ones(3)); elu.elu_grad(np.ones(3), np.ones(6)[::2], np.ones(3))\n"
        "assert 'ml_dtypes' not in sys.modules"
    )


def test_the_first_calls_come_from_many_threads_at_once():
    """They have a loop added to a ufunc, which without the GIL happens in several threads."""
    run_python("""
import threading
from concurrent.futures import ThreadPoolExecutor
import ml_dtypes, numpy as np, elu
x = np.linspace(-3, 3, 64, dtype=np.float32).astype(ml_dtypes.bfloat16)[::2]
calls = [
    lambda: elu.elu(x), lambda: elu.elu(x, x * 0 + 1), lambda: elu.selu(x),
    lambda: elu.elu_grad(x, x), lambda: elu.celu_grad(x, x, x * 0 + 1),
]
start = threading.Barrier(16)
def work(k):
    start.wait(timeout=60)
    return {n % 5: calls[n % 5]().tobytes() for n in range(k, k + 5)}
with ThreadPoolExecutor(16) as pool:
    results = list(pool.map(work, range(16)))
after = {n: call().tobytes() for n, call in enumerate(calls)}
assert all(each == after for each in results)
""")
