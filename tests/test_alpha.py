"""alpha: any real finite number or array of them; everything else is refused by name."""

import numpy as np
import pytest
import reference
from reference import FLOATS, FUNCTIONS, assert_same_bits

import elu

X = np.linspace(-4, 2, 24).reshape(4, 6)
GRAD = np.linspace(3, -2, 24).reshape(4, 6)


def call(name, alpha, dtype=np.float64, **keywords):
    arrays = reference.inputs(name, GRAD.astype(dtype), X.astype(dtype))
    return getattr(elu, name)(*arrays, alpha, **keywords)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_alpha_is_1_unless_given(name):
    arrays = reference.inputs(name, GRAD, X)
    function = getattr(elu, name)
    assert_same_bits(function(*arrays), call(name, 1.0))
    assert_same_bits(function(*arrays, alpha=1.0), call(name, 1.0))
    assert not np.array_equal(function(*arrays, alpha=2.0), call(name, 1.0))


@pytest.mark.parametrize("name", FUNCTIONS)
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
    "alpha", [1.1, -1.1, 1 / 3, 1e-300, 2**60 + 1, 10**20, np.longdouble("1.1")]
)
def test_alpha_is_rounded_to_the_dtype_of_x(dtype, alpha):
    with np.errstate(under="ignore"):
        rounded = dtype(alpha)
    for name in FUNCTIONS if alpha > 0 else FUNCTIONS[:2]:
        assert_same_bits(call(name, alpha, dtype), call(name, rounded, dtype))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(1,), (6,), (4, 1), (1, 1), (4, 6)])
def test_an_array_gives_each_element_its_own(name, dtype, shape):
    alpha = np.linspace(0.25, 2, np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    before = alpha.copy()
    result = call(name, alpha, dtype)
    full = np.broadcast_to(alpha, X.shape)
    for i in np.ndindex(X.shape):
        assert_same_bits(result[i], call(name, full[i], dtype)[i])
    assert_same_bits(alpha, before)


def assert_as_with_one_alpha_per_channel(name, arrays, alpha, result):
    """Arrays of three dimensions, whose second are the channels."""
    for channel, number in enumerate(alpha.ravel().tolist()):
        parts = [np.ascontiguousarray(array[:, channel]) for array in arrays]
        assert_same_bits(result[:, channel], getattr(elu, name)(*parts, number))


# Short and long ones, some that are no multiple of a line, and some too large for the cache.
@pytest.mark.parametrize(
    "shape", [(3, 2, 1), (3, 4, 33), (2, 3, 1021), (2, 3, 4100), (1500, 3, 1019), (200, 5, 7001)]
)
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_an_alpha_per_channel(name, dtype, shape):
    x = np.resize(reference.mixed(dtype, 4099), shape)
    arrays = reference.inputs(name, np.flip(x), x)
    alpha = np.linspace(0, 3, shape[1], dtype=dtype).reshape(-1, 1)
    memory = np.empty(x.size + 1, dtype)
    out = memory[1:].reshape(shape)  # off the lines of the cache
    for given in (alpha, alpha[None]):
        out[...] = 7
        assert getattr(elu, name)(*arrays, given, out=out) is out
        assert_as_with_one_alpha_per_channel(name, arrays, alpha, out)
    in_place = np.copy(x)
    getattr(elu, name)(*reference.inputs(name, arrays[0], in_place), alpha, out=in_place)
    assert_same_bits(in_place, out)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_alpha_for_several_axes_or_batches(name):
    shape = (2, 3, 4, 40)
    x = reference.mixed(np.float32, np.prod(shape)).reshape(shape)
    arrays = reference.inputs(name, np.flip(x), x)
    for alpha_shape in [(2, 1, 1, 1), (3, 4, 1), (2, 3, 1, 1), (4, 1), (2, 1, 4, 1), (3, 1, 40)]:
        alpha = np.linspace(0.5, 2, np.prod(alpha_shape), dtype=np.float32).reshape(alpha_shape)
        result = getattr(elu, name)(*arrays, alpha)
        full = np.array(np.broadcast_to(alpha, shape))
        assert_same_bits(result, getattr(elu, name)(*arrays, full))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_bad_channel_is_refused_before_anything_is_written(name, bad):
    x = np.ones((2, 3, 64))
    out = np.full_like(x, 7)
    with pytest.raises(ValueError, match="alpha"):
        getattr(elu, name)(*reference.inputs(name, x, x), np.reshape([1, 2, bad], (3, 1)), out=out)
    assert (out == 7).all()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_out_may_share_memory_with_alpha(name):
    x = reference.mixed(np.float64, 2 * 3 * 64).reshape(2, 3, 64)
    arrays = reference.inputs(name, np.flip(x), x)
    alpha = np.reshape([0.5, 1.5, 2.5], (3, 1))
    out = np.zeros_like(x)
    shared = out.ravel()[5:8].reshape(3, 1)
    shared[...] = alpha
    assert_same_bits(
        getattr(elu, name)(*arrays, shared, out=out), getattr(elu, name)(*arrays, alpha)
    )


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_an_alpha_per_channel_leaves_the_buffer_size_of_numpy_alone(name, dtype):
    x = reference.mixed(dtype, 2 * 6 * 2500).reshape(2, 6, 2500)[:, ::2]
    arrays = reference.inputs(name, np.flip(x), x)
    alpha = np.asarray([0.5, 1.5, 0.0], dtype).reshape(3, 1)
    with np.errstate():
        np.setbufsize(4096)
        result = getattr(elu, name)(*arrays, alpha)
        assert np.getbufsize() == 4096
    assert_as_with_one_alpha_per_channel(name, arrays, alpha, result)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_array_may_be_strided_read_only_or_swapped(name):
    alpha = np.linspace(0.25, 2, 24).reshape(6, 4)
    expected = call(name, np.ascontiguousarray(alpha.T))
    read_only = alpha.copy()
    read_only.flags.writeable = False
    for same in [alpha.T, read_only.T, alpha.astype(">f8").T, np.repeat(alpha, 2, 0)[::2].T]:
        assert_same_bits(call(name, same), expected)


@pytest.mark.parametrize("name", FUNCTIONS[1:])
def test_an_array_broadcasts_to_the_common_shape_of_grad_and_x(name):
    alpha = np.asarray([[0.5], [1.5], [2.0], [0.0]])
    for arrays in [(GRAD[0], X), (GRAD, X[:, :1]), (GRAD[:, :1], X[0])]:
        full = [np.array(a) for a in np.broadcast_arrays(*arrays, alpha)]
        assert_same_bits(getattr(elu, name)(*arrays, alpha), getattr(elu, name)(*full))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("shape", [(5,), (4,), (6, 1), (2, 4, 6), (1, 4, 6), (0,)])
def test_an_array_that_does_not_broadcast_to_x_is_a_value_error(name, shape):
    with pytest.raises(ValueError, match=r"alpha|broadcast") as error:
        call(name, np.ones(shape))
    for given in (shape, X.shape):  # NumPy's own message has no blanks
        assert str(given).replace(" ", "") in str(error.value).replace(" ", "")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_array_never_enlarges_a_scalar(name):
    with pytest.raises(ValueError, match="alpha"):
        getattr(elu, name)(*reference.inputs(name, 1.0, -1.0), np.ones(3))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(
    ("alpha", "given"),
    [
        (True, "bool"),
        (False, "bool"),
        (np.True_, "bool"),
        (np.ones(6, bool), "bool"),
        ("1.0", "str"),
        (b"1.0", "bytes"),
        (None, "None"),
        (1j, "complex"),
        (np.complex64(1), "complex"),
        pytest.param(object(), "object", id="object"),
        (np.array([1, 2, 3, 4, 5, 6j]), "complex"),
        (np.array(["1"] * 6), "<U1"),
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


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float16, *FLOATS])
@pytest.mark.parametrize("value", NOT_FINITE)
def test_nan_and_infinity_are_value_errors(name, dtype, value):
    one_of_them = np.ones(6)
    one_of_them[4] = value
    for alpha in [value, dtype(value), np.array(value), one_of_them, one_of_them.astype(dtype)]:
        with pytest.raises(ValueError, match=r"alpha.*finite"):
            call(name, alpha, dtype)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(
    "alpha",
    [1e39, 10**39, np.float64(1e300), np.full(6, 1e39), pytest.param(10**400, id="10**400")],
)
def test_what_becomes_infinite_in_the_dtype_of_x_is_a_value_error(name, alpha):
    with pytest.raises(ValueError, match=r"alpha.*finite"):
        call(name, alpha, np.float32)


@pytest.mark.parametrize("alpha", [-0.5, -1, np.float32(-1e-30), np.array(-2.0), [-1, 1], "array"])
def test_gradient_from_output_refuses_a_negative_alpha_and_names_the_other(alpha):
    if isinstance(alpha, str | list):
        alpha = np.ones(6)
        alpha[5] = -0.5
    with pytest.raises(ValueError, match=r"alpha.*elu_grad\b"):
        call("elu_grad_from_output", alpha)


def test_gradient_from_output_takes_both_zeros():
    grad = np.asarray([2.0, 2.0, 2.0])
    y = np.asarray([-0.0, 0.0, 1.0])
    for zero in [0, 0.0, -0.0]:
        result = elu.elu_grad_from_output(grad, y, zero)
        np.testing.assert_array_equal(result, [0, 2, 2])
