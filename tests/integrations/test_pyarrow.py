"""pyarrow: arrays are read where they lie, and missing values are NaN."""

import numpy as np
import pytest
import reference
from reference import DTYPES, FUNCTIONS, WITH_ALPHA, assert_same_bits

import elu

pa = pytest.importorskip("pyarrow")

X = np.array([-1.5, -0.0, 2], np.float32)


@pytest.mark.parametrize(
    "make",
    [pa.array, lambda x: pa.chunked_array([x[:1], x[1:]]), pa.Tensor.from_numpy],
    ids=["array", "chunked_array", "tensor"],
)
@pytest.mark.parametrize("dtype", [*DTYPES, np.int8])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_arrays(name, dtype, make):
    x = X.astype(dtype)
    given = make(x)
    result = reference.function(name)(*reference.inputs(name, given, given), 1.5)
    assert type(result) is np.ndarray
    assert_same_bits(result, reference.function(name)(*reference.inputs(name, x, x), 1.5))


def test_missing_values_are_nan():
    result = elu.elu(pa.array([-1.0, None, 2.0]))
    np.testing.assert_array_equal(result, [np.expm1(-1), np.nan, 2])


def test_no_copy():
    x = pa.array(X)
    view = np.asarray(x)
    assert view.ctypes.data == x.buffers()[1].address  # what NumPy, and so this library, reads
    assert_same_bits(elu.elu(x, 1.5), elu.elu(view, 1.5))


def test_back_to_arrow():
    assert pa.array(elu.elu(pa.array(X))).type == pa.float32()


@pytest.mark.parametrize("bad", [["a"], [None], [[1.0], [1.0, 2.0]]], ids=str)
def test_what_holds_no_numbers_is_a_type_error(bad):
    with pytest.raises(TypeError, match=r"object|<U1"):
        elu.elu(pa.array(bad))


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        *[(name, bad, "finite") for name in WITH_ALPHA for bad in (np.nan, np.inf, None, 1e39)],
        *[(name, bad, "more than 0") for name in FUNCTIONS[6:] for bad in (0, -1, 1e-50)],
    ],
)
def test_alpha_must_be_what_the_function_allows(name, bad, message):
    for make in (pa.array, lambda values: pa.chunked_array([values[:1], values[1:]])):
        with pytest.raises(ValueError, match=f"alpha must be {message}"):
            reference.function(name)(*reference.inputs(name, X, X), make([1.0, bad, 1.0]))


@pytest.mark.parametrize("name", WITH_ALPHA)
def test_alpha_does_not_enlarge_the_result(name):
    for alpha in (pa.array([1.0, 2.0]), pa.Tensor.from_numpy(np.ones((2, 3)))):
        with pytest.raises(ValueError, match="alpha"):
            reference.function(name)(*reference.inputs(name, X, X), alpha)
