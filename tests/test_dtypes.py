"""The result's dtype is the one NumPy gives, in native order, and alpha never changes it."""

import itertools

import numpy as np
import pytest
import reference
from reference import FORWARD, FUNCTIONS, GRADIENTS, WITH_ALPHA, assert_same_bits

import elu

ORDERED = [
    dtype.newbyteorder(order) for dtype in map(np.dtype, "efdhilqHILQ") for order in ("<", ">")
]
SUPPORTED = [np.dtype(c) for c in "?bB"] + ORDERED
IDS = "{0.byteorder}{0.char}".format
UNSUPPORTED = ["g", "F", "D", "G", "O", "U3", "S3", "M8[D]", "m8[s]", "V4", [("a", "f4")]]

ALPHAS = [
    1,
    0.5,
    np.float16(0.5),
    np.float32(0.5),
    np.float64(0.5),
    np.longdouble(0.5),
    np.int8(1),
    np.uint64(1),
    np.array(0.5),
    np.array([0.5]),
    np.array([1, 2, 1, 2]),
    np.linspace(0.5, 2, 4),
    np.linspace(0.5, 2, 4, dtype=np.dtype("f8").newbyteorder()),
    np.linspace(0.5, 2, 4, dtype=np.longdouble),
]


def sample(dtype, seed=0):
    """A few values of either sign, where the dtype has signs."""
    values = np.random.default_rng(seed).uniform(-6, 6, 40).round(2)
    return (abs(values) if dtype.kind == "u" else values).astype(dtype)


def as_result(a, dtype):
    """`a` in the dtype it is computed in, native."""
    return a.astype(dtype.newbyteorder("="))


@pytest.mark.parametrize("name", FORWARD)
@pytest.mark.parametrize("dtype", SUPPORTED, ids=IDS)
def test_the_result_has_the_dtype_of_exp(name, dtype):
    function, x = getattr(elu, name), sample(dtype)
    expected = np.exp(x).dtype
    assert expected.isnative
    assert_same_bits(function(x), function(as_result(x, expected)))
    assert function(x).dtype == expected
    assert function(x).dtype.isnative


@pytest.mark.parametrize("name", GRADIENTS)
@pytest.mark.parametrize("dtype", SUPPORTED, ids=IDS)
def test_gradient_of_one_dtype(name, dtype):
    grad, x = sample(dtype, 1), sample(dtype, 2)
    result = reference.function(name)(grad, x)
    assert result.dtype == np.exp(x).dtype
    assert result.dtype.isnative
    same = [as_result(a, result.dtype) for a in (grad, x)]
    assert_same_bits(result, reference.function(name)(*same))


@pytest.mark.parametrize("name", GRADIENTS)
def test_grad_and_x_promote_as_in_a_ufunc(name):
    """np.hypot has loops for the same floats, and two inputs as well."""
    for first, second in itertools.product(SUPPORTED, repeat=2):
        grad, x = sample(first, 1), sample(second, 2)
        expected = np.hypot(grad, x).dtype
        result = reference.function(name)(grad, x)
        assert result.dtype == expected, (first, second)
        same = [as_result(a, expected) for a in (grad, x)]
        assert_same_bits(result, reference.function(name)(*same))


@pytest.mark.parametrize("name", GRADIENTS)
@pytest.mark.parametrize(
    "scalar", [2, 2.5, np.float16(2.5), np.float64(2.5), np.int64(2)], ids=repr
)
@pytest.mark.parametrize("dtype", reference.DTYPES)
def test_a_scalar_promotes_as_in_a_ufunc(name, scalar, dtype):
    """A number of Python's adapts to the array, a number of NumPy's takes part."""
    function, a = reference.function(name), sample(np.dtype(dtype))
    assert function(scalar, a).dtype == np.hypot(scalar, a).dtype
    assert function(a, scalar).dtype == np.hypot(a, scalar).dtype


@pytest.mark.parametrize("x", [-1, -1.5, True, [-1, 2], [-1.5, 2.0]], ids=repr)
@pytest.mark.parametrize("name", FORWARD)
def test_python_numbers(name, x):
    function = getattr(elu, name)
    assert function(x).dtype == np.exp(x).dtype
    assert_same_bits(function(x), function(np.asarray(x)))


@pytest.mark.parametrize("alpha", [1.0, 0.5, 1.1, 3.0, -2.5])
def test_float16_is_computed_in_float32_and_rounded_once(alpha):
    """Every float16; alpha as a float16, so that it is the same number in float32."""
    every = reference.from_bits(np.arange(2**16), np.float16)
    alpha = np.float16(alpha)
    numbers = every[~np.isnan(every)]
    grad = np.roll(numbers, 12345)
    with np.errstate(over="ignore", under="ignore"):  # in the casts below
        for name in FUNCTIONS:
            if not reference.allows(name, alpha) or (alpha != 1 and name not in WITH_ALPHA):
                continue
            function, arrays = reference.function(name), reference.inputs(name, grad, numbers)
            expected = function(*(a.astype(np.float32) for a in arrays), alpha)
            expected = expected.astype(np.float16)
            known = ~np.isnan(expected)
            assert known.all() or name in GRADIENTS
            assert_same_bits(function(*arrays, alpha)[known], expected[known])
            assert np.isnan(function(*arrays, alpha)[~known]).all()


@pytest.mark.parametrize("alpha", ALPHAS, ids=repr)
@pytest.mark.parametrize("dtype", SUPPORTED, ids=IDS)
def test_alpha_never_changes_the_dtype(dtype, alpha):
    x, grad = sample(dtype, 1).reshape(-1, 4), sample(dtype, 2).reshape(-1, 4)
    expected = np.exp(x).dtype
    converted = np.asarray(alpha).astype(expected)
    for name in WITH_ALPHA:
        arrays = reference.inputs(name, grad, x)
        result = reference.function(name)(*arrays, alpha)
        assert result.dtype == expected
        assert_same_bits(result, reference.function(name)(*arrays, converted))


@pytest.mark.parametrize("dtype", reference.FLOATS)
def test_alpha_never_changes_the_dtype_of_a_scalar(dtype):
    x = dtype(-1.5)
    for alpha in ALPHAS[:9]:
        for name in WITH_ALPHA:
            result = reference.function(name)(*reference.inputs(name, x, x), alpha)
            assert type(result) is dtype


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", UNSUPPORTED, ids=str)
def test_unsupported_dtype_is_a_type_error_that_names_it(name, dtype):
    bad = np.zeros(3, dtype)
    good = np.zeros(3, np.float32)
    for arrays in [(bad, bad)] + [(bad, good), (good, bad)] * (name in GRADIENTS):
        with pytest.raises(TypeError) as error:
            reference.function(name)(*reference.inputs(name, *arrays))
        message = str(error.value)
        assert str(bad.dtype) in message
        assert "bool, integers, float16, float32 and float64" in message


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("x", [None, "1.5", 1j, {}, [None], ["1"]], ids=repr)
def test_what_is_no_number_is_a_type_error(name, x):
    with pytest.raises(TypeError, match="bool, integers, float16, float32 and float64"):
        reference.function(name)(*reference.inputs(name, x, x))


@pytest.mark.parametrize("name", FORWARD)
def test_bools_and_large_python_integers_are_numbers(name):
    function = getattr(elu, name)
    assert_same_bits(function([True, False]), function(np.float16([1, 0])))
    for number in (-(10**30), -(2**63) - 1, -(2**63), 2**64 - 1, 2**64):
        assert_same_bits(function(number), function(float(number)))
    assert_same_bits(elu.elu([True, False]), np.float16([1, 0]))
    assert elu.elu(-(10**30)) == -1


# Beside float16, int8 and int16 some of these overflow, and one does in float64.
PYTHON_NUMBERS = {
    number: eval(number)
    for number in ["True", "3", "300", "70000", "2**70", "10**400", "0.3", "-1e-50", "1e300"]
}


SIZES = [(9, 2), (2**17 + 5, 1), (2**17 + 5, 2), (2**20 + 3, 2)]  # and threads


def attempt(function, *arguments):
    """The result, or the type of the error."""
    try:
        return function(*arguments)
    except (ArithmeticError, TypeError, ValueError) as error:
        return type(error)


@pytest.mark.parametrize("number", PYTHON_NUMBERS)
@pytest.mark.parametrize("given", "?bhifed")
@pytest.mark.parametrize("name", GRADIENTS)
def test_a_python_number_beside_an_array_at_any_size(name, given, number):
    """np.copysign has the loops of np.logaddexp, and reports nothing but the conversions."""
    function, number = reference.function(name), PYTHON_NUMBERS[number]
    elements = np.asarray([-2, -1, 0, 1, -3, 2, -1, -4, 5]).astype(given)
    for first in (True, False):
        with np.errstate(all="ignore"):
            dtype = attempt(np.copysign, *(number, elements)[:: 1 if first else -1])
            if dtype is not OverflowError:
                dtype = dtype.dtype
                arrays = [np.full(9, dtype.type(number)), elements.astype(dtype)]
                small = function(*arrays[:: 1 if first else -1])
        for size, threads in SIZES if name.startswith("elu") else SIZES[::2]:
            operands = (number, np.resize(elements, size))[:: 1 if first else -1]
            elu.set_num_threads(threads)
            with np.errstate(all="raise"):
                expected, result = (attempt(f, *operands) for f in (np.copysign, function))
            if isinstance(expected, type):
                assert result is expected
            if dtype is OverflowError:
                continue
            with np.errstate(all="ignore"):
                assert_same_bits(function(*operands), np.resize(small, size))


@pytest.mark.parametrize("given", "?bhifed")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_two_python_numbers_or_one_beside_a_scalar(name, given):
    """The types of the results, too, are those that np.copysign and np.exp give."""
    function = reference.function(name)
    scalar = np.dtype(given).type(1)
    for pair in [(2, -1), (2.5, -1), (-1, 2.5), (2, scalar), (scalar, -1), (0.5, scalar)]:
        arguments = reference.inputs(name, *pair)
        expected = (np.exp if name in FORWARD else np.copysign)(*arguments)
        result = function(*arguments)
        assert type(result) is type(expected), pair
        arrays = [np.asarray([a], expected.dtype) for a in arguments]
        assert_same_bits(result, function(*arrays)[0])
