"""alpha: any real finite number or array of them; everything else is refused by name."""

import array
import fractions
import itertools

import numpy as np
import pytest
import reference
from reference import FLOATS, FUNCTIONS, WITH_ALPHA, assert_same_bits

import elu

CELUS = WITH_ALPHA[3:]
X = np.linspace(-4, 2, 24).reshape(4, 6)
SWAPPED = np.dtype("f8").newbyteorder()
GRAD = np.linspace(3, -2, 24).reshape(4, 6)


def call(name, alpha, dtype=np.float64, **keywords):
    arrays = reference.inputs(name, GRAD.astype(dtype), X.astype(dtype))
    return reference.function(name)(*arrays, alpha, **keywords)


@pytest.mark.parametrize("name", WITH_ALPHA)
def test_alpha_is_1_unless_given(name):
    arrays = reference.inputs(name, GRAD, X)
    function = reference.function(name)
    assert_same_bits(function(*arrays), call(name, 1.0))
    assert_same_bits(function(*arrays, alpha=1.0), call(name, 1.0))
    assert not np.array_equal(function(*arrays, alpha=2.0), call(name, 1.0))


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in WITH_ALPHA])
def test_where_alpha_is_a_constant_there_is_none_to_give(name):
    arrays = reference.inputs(name, GRAD, X)
    with pytest.raises(TypeError):
        getattr(elu, name)(*arrays, 1.0)
    with pytest.raises(TypeError, match="alpha"):
        getattr(elu, name)(*arrays, alpha=1.0)


@pytest.mark.parametrize("name", WITH_ALPHA)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "number",
    [int, float, *(np.dtype(c).type for c in "efdgbBhHiIlLqQ"), np.array],
    ids=lambda t: t.__name__,
)
def test_every_type_of_number(name, dtype, number):
    assert_same_bits(call(name, number(2), dtype), call(name, 2.0, dtype))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "alpha", [1.1, -1.1, 1 / 3, 1e-300, 1e-40, 2**60 + 1, 10**20, np.longdouble("1.1")]
)
def test_alpha_is_rounded_to_the_dtype_of_x(dtype, alpha):
    with np.errstate(under="ignore"):
        rounded = dtype(alpha)
    for name in WITH_ALPHA:
        if reference.allows(name, rounded):
            assert_same_bits(call(name, alpha, dtype), call(name, rounded, dtype))


@pytest.mark.parametrize("name", WITH_ALPHA)
@pytest.mark.parametrize("shape", [(5,), (4,), (6, 1), (2, 4, 6), (1, 4, 6), (1, 1, 1), (0,)])
def test_an_array_that_does_not_broadcast_to_x_is_a_value_error(name, shape):
    with pytest.raises(ValueError, match=r"alpha|broadcast") as error:
        call(name, np.ones(shape))
    for given in (shape, X.shape):  # NumPy's own message has no blanks
        assert str(given).replace(" ", "") in str(error.value).replace(" ", "")


@pytest.mark.parametrize("name", WITH_ALPHA)
def test_an_array_never_enlarges_a_scalar(name):
    with pytest.raises(ValueError, match="alpha"):
        reference.function(name)(*reference.inputs(name, 1.0, -1.0), np.ones(3))


@pytest.mark.parametrize("name", WITH_ALPHA)
@pytest.mark.parametrize(
    ("alpha", "given"),
    [
        (True, "bool"),
        (False, "bool"),
        (np.True_, "bool"),
        (np.ones(6, bool), "bool"),
        ("1.0", "str"),
        (b"1.0", "bytes"),
        (bytearray(b"1"), "bytearray"),
        (np.timedelta64(1, "s"), "timedelta64"),
        (None, "None"),
        (1j, "complex"),
        (np.complex64(1), "complex"),
        pytest.param(object(), "object", id="object"),
        (np.array([1, 2, 3, 4, 5, 6j]), "complex"),
        (np.array(["1"] * 6), "U1"),
        (np.array([1.0] * 6, object), "object"),
        (np.array("2020-01-01", "M8[D]"), "datetime64"),
    ],
    ids=repr,
)
def test_what_is_no_real_number_is_a_type_error(name, alpha, given):
    with pytest.raises(TypeError, match="alpha") as error:
        call(name, alpha)
    assert given in str(error.value)
    assert "real" in str(error.value)


NOT_FINITE = [np.nan, np.inf, -np.inf]


@pytest.mark.parametrize("name", WITH_ALPHA)
@pytest.mark.parametrize("value", NOT_FINITE)
def test_nan_and_infinity_are_value_errors(name, dtype, value):
    one_of_them = np.ones(6)
    one_of_them[4] = value
    for alpha in [value, dtype(value), np.array(value), one_of_them, one_of_them.astype(dtype)]:
        with pytest.raises(ValueError, match=r"alpha.*finite"):
            call(name, alpha, dtype)


@pytest.mark.parametrize("name", WITH_ALPHA)
@pytest.mark.parametrize(
    "alpha",
    [1e39, 10**39, np.float64(1e300), np.full(6, 1e39), pytest.param(10**400, id="10**400")],
)
def test_what_becomes_infinite_in_the_dtype_of_x_is_a_value_error(name, alpha):
    with pytest.raises(ValueError, match=r"alpha.*finite"):
        call(name, alpha, np.float32)


@pytest.mark.parametrize("name", WITH_ALPHA)
@pytest.mark.parametrize("number", [1 + 2**-11 + 2**-40, 1 + 3 * 2**-11 - 2**-40])
def test_alpha_is_rounded_to_float16_once(name, number):
    """By way of float32 it would be half a unit there, and round to the other side."""
    rounded = np.float16(number)
    assert np.float16(np.float32(number)) != rounded
    assert_same_bits(call(name, number, np.float16), call(name, rounded, np.float16))


@pytest.mark.parametrize("name", WITH_ALPHA)
def test_the_ends_of_float16(name):
    """One unit past them a number becomes infinite, or 0."""
    assert_same_bits(call(name, 65519.0, np.float16), call(name, 65504, np.float16))
    for alpha in (65520.0, 65520, np.full(6, 65520.0)):
        with pytest.raises(ValueError, match=r"alpha.*finite"):
            call(name, alpha, np.float16)
    if name in CELUS:
        assert_same_bits(call(name, 3e-8, np.float16), call(name, 2.0**-24, np.float16))
        for alpha in (2.0**-25, np.full(6, 2.0**-25)):
            with pytest.raises(ValueError, match=r"alpha.*more than 0"):
                call(name, alpha, np.float16)


@pytest.mark.parametrize("alpha", [-0.5, -1, np.float32(-1e-30), np.array(-2.0), [-1, 1], "array"])
def test_gradient_from_output_refuses_a_negative_alpha_and_names_the_other(alpha):
    if isinstance(alpha, str | list):
        alpha = np.ones(6)
        alpha[5] = -0.5
    with pytest.raises(ValueError, match=r"alpha.*elu_grad\b"):
        call("elu_grad_from_output", alpha)


NOT_MORE_THAN_0 = [0, -1, 0.0, -0.0, -0.5, -1e30, np.float32(-1e-30), np.int8(-2), np.array(0.0)]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("alpha", [*NOT_MORE_THAN_0, "list", "array", "column"], ids=repr)
@pytest.mark.parametrize("name", CELUS)
def test_celu_refuses_what_is_not_more_than_0(name, alpha, dtype):
    if isinstance(alpha, str):
        whole = np.ones((4, 1) if alpha == "column" else 6)
        whole[-1] = -0.0
        alpha = whole.tolist() if alpha == "list" else whole
    with pytest.raises(ValueError, match=f"^{name}: alpha must be more than 0"):
        call(name, alpha, dtype)


CONTAINERS = {
    "list": np.ndarray.tolist,
    "tuple": tuple,
    "memoryview": memoryview,
    "array.array": lambda a: array.array("d", a.tolist()),
    "masked": np.ma.array,
    "matrix": np.asmatrix,
    "float32": np.float32,
    "swapped": lambda a: a.astype(SWAPPED),
    "whole": lambda a: np.stack([a] * 4),
}


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("bad", [0.0, -0.0, -1.0])
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("name", CELUS)
def test_celu_refuses_it_in_any_container(name, container, bad):
    container, good = CONTAINERS[container], np.linspace(0.5, 2, 6)
    result = call(name, container(good), np.float32)
    assert_same_bits(np.asarray(result), call(name, good, np.float32))
    alpha, out = container(np.append(good[:5], bad)), np.full((4, 6), 7.0)
    for into in (None, out):
        with pytest.raises(ValueError, match="alpha must be more than 0"):
            call(name, alpha, out=into)
    assert (out == 7).all()


def test_celu_does_not_look_under_a_mask():
    alpha = np.ma.array([0.5, 0, 1, -1, 2, np.nan], mask=[0, 1, 0, 1, 0, 1])
    result = elu.celu(X, alpha)
    assert result.mask.tolist() == [alpha.mask.tolist()] * 4
    np.testing.assert_array_equal(result[:, ::2], elu.celu(X[:, ::2], alpha[::2]))


@pytest.mark.parametrize(
    "alpha",
    [1e-50, np.float64(1e-50), np.longdouble("1e-50"), np.full(6, 1e-50), np.array(1e-50),
     fractions.Fraction(1, 10**50)],
    ids=repr,
)
@pytest.mark.parametrize("name", CELUS)
def test_celu_refuses_what_becomes_0_in_the_dtype_of_x(name, alpha):
    assert np.isfinite(call(name, alpha)).all()
    for dtype in (np.float16, np.float32):
        with pytest.raises(ValueError, match="alpha must be more than 0"):
            call(name, alpha, dtype)
    with pytest.raises(ValueError, match="alpha must be more than 0"):
        call(name, alpha, dtype=np.float32)


@pytest.mark.parametrize("name", CELUS)
def test_celu_takes_the_smallest_numbers_and_the_largest(name, dtype):
    info = np.finfo(dtype)
    for alpha in (info.smallest_subnormal, info.tiny, info.max):
        whole = np.full(6, alpha)
        assert_same_bits(call(name, whole, dtype), call(name, alpha, dtype))
        assert_same_bits(call(name, whole.astype(np.float64), dtype), call(name, alpha, dtype))


@pytest.mark.parametrize("size", [0, 9, 2**17 + 5])
def test_a_negative_alpha_is_refused_where_it_would_become_0(size, dtype):
    """In any layout and container, since its sign says on which side y is."""
    x = np.full(size or (), -1, dtype)
    for alpha in (-1e-300, np.float64(-1e-300), np.full(x.shape, -1e-300)):
        for y in (x, np.repeat(x, 2)[::2].reshape(x.shape), np.ma.array(x)) if size else (x, x[()]):
            with pytest.raises(ValueError, match="alpha must not be negative"):
                elu.elu_grad_from_output(y, y, alpha)


def test_gradient_from_output_takes_both_zeros():
    grad = np.asarray([2.0, 2.0, 2.0])
    y = np.asarray([-0.0, 0.0, 1.0])
    for zero in [0, 0.0, -0.0, np.full(3, -0.0)]:
        result = elu.elu_grad_from_output(grad, y, zero)
        np.testing.assert_array_equal(result, [0, 2, 2])


@pytest.mark.parametrize("size", [9, 2**17 + 5])
@pytest.mark.parametrize(
    ("name", "alpha"),
    [
        *itertools.product(WITH_ALPHA, [np.nan, np.inf, -np.inf, 1e39]),
        *itertools.product(CELUS, [0.0, -0.0, -1.0, 1e-50]),
        ("elu_grad_from_output", -1.0),
    ],
)
def test_one_that_is_not_allowed_is_found_in_any_array(name, alpha, size):
    """Wherever it stands, whatever the layout, and before anything is written."""
    x = np.full(size, -1, np.float32)
    out = np.full(size, 7, np.float32)
    for given in (np.float64, np.float32, np.float16, SWAPPED, np.longdouble):
        if alpha in (1e39, 1e-50) and np.finfo(given).maxexp < 1024:
            continue
        alphas = np.ones(size, given)
        alphas[-1] = alpha
        spread = np.repeat(alphas, 2)[::2]
        for each in (alphas, spread, alphas[::-1]):
            for arrays in ([x, x], [np.repeat(x, 2)[::2]] * 2, [x[::-1], x[::-1]]):
                with pytest.raises(ValueError, match=r"alpha must (be finite|be more|not be neg)"):
                    reference.function(name)(*reference.inputs(name, *arrays), each, out=out)
    assert (out == 7).all()


@pytest.mark.parametrize("name", WITH_ALPHA)
def test_an_alpha_that_is_a_signalling_nan_is_refused_without_a_warning(name):
    nan = reference.from_bits(0x7FA00001, np.float32)
    nans = np.full(6, nan)
    for alpha in (nans, nans[::-1], nans.astype(nan.dtype.newbyteorder())):
        for dtype in (np.float16, np.float32, np.float64):
            with np.errstate(all="raise"), pytest.raises(ValueError, match="alpha must be finite"):
                call(name, alpha, dtype)


@pytest.mark.parametrize("keywords", [{}, {"where": np.zeros(9, bool)}, {"dtype": "f4"}], ids=repr)
@pytest.mark.parametrize("name", WITH_ALPHA)
def test_bad_alphas_are_refused_beside_keywords(name, keywords):
    x = np.full(9, -1, np.float32)
    for alpha in (np.nan, 1e39, np.full(9, 1e39)):
        with pytest.raises(ValueError, match=r"alpha.*finite"):
            reference.function(name)(*reference.inputs(name, x, x), alpha, out=x.copy(), **keywords)
    for alpha in (0, -1.0, 1e-50, np.zeros(9), np.full(9, 1e-50)) if name in CELUS else ():
        with pytest.raises(ValueError, match=r"alpha.*more than 0"):
            reference.function(name)(*reference.inputs(name, x, x), alpha, out=x.copy(), **keywords)
    for alpha in (np.ones(8), np.ones((2, 9))):
        with pytest.raises(ValueError, match="alpha"):
            reference.function(name)(*reference.inputs(name, x, x), alpha, out=x.copy(), **keywords)
