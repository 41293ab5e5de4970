"""Sparse arrays: those of a library that lets ufuncs in stay sparse, the others are refused."""

import numpy as np
import pytest
import reference
from reference import FORWARD, FUNCTIONS, GRADIENTS, assert_same_bits

sparse = pytest.importorskip("sparse")

DENSE = np.where(np.eye(5, 7, 1) > 0, np.linspace(-3, 1, 7), 0).astype(np.float32)
FORMATS = [sparse.COO, sparse.GCXS]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_same_format_comes_back(name, kind):
    x = kind.from_numpy(DENSE)
    result = reference.function(name)(*reference.inputs(name, x, x), 1.5)
    assert type(result) is kind
    assert result.dtype == np.float32
    expected = reference.function(name)(*reference.inputs(name, DENSE, DENSE), 1.5)
    np.testing.assert_array_equal(result.todense(), expected)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", FORWARD)
def test_zeros_stay_implicit(name, kind):
    """elu(0) is 0: no element is stored that was not."""
    x = sparse.random((100, 100), density=0.01, format=kind.__name__.lower(), random_state=0)
    x = -x
    function = reference.function(name)
    result = function(x, 2.0)
    assert (result.nnz, result.fill_value) == (x.nnz, 0)
    assert_same_bits(result.todense(), function(x.todense(), 2.0))


@pytest.mark.parametrize("name", GRADIENTS)
def test_a_sparse_gradient_beside_a_dense_array(name):
    grad = sparse.COO.from_numpy(DENSE)
    x = np.linspace(-3, 3, 35, dtype=np.float32).reshape(5, 7)
    result = reference.function(name)(grad, x)
    assert type(result) is type(np.multiply(grad, x))
    expected = reference.function(name)(DENSE, x)
    np.testing.assert_array_equal(getattr(result, "todense", lambda: result)(), expected)


@pytest.mark.parametrize("kind", ["csr_array", "coo_array", "csr_matrix"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_scipy_lets_no_ufunc_in(name, kind):
    x = getattr(pytest.importorskip("scipy.sparse"), kind)(DENSE)
    with pytest.raises(TypeError, match=kind):
        reference.function(name)(*reference.inputs(name, x, x))


@pytest.mark.parametrize("name", reference.WITH_ALPHA)
def test_what_a_sparse_alpha_does_not_store_is_looked_at(name):
    x = np.array([-1.0, -0.5, 2.0])
    arrays = reference.inputs(name, x, x)
    stored = np.array([1.0, 2.0, 3.0])
    for fill_value in (np.nan, np.inf):
        alpha = sparse.COO([[2]], [1.0], shape=(3,), fill_value=fill_value)
        with pytest.raises(ValueError, match=f"^{name}: alpha must be finite"):
            reference.function(name)(*arrays, alpha)
        full = sparse.COO([[0, 1, 2]], stored, shape=(3,), fill_value=fill_value)
        result = reference.function(name)(*arrays, full)
        expected = reference.function(name)(*arrays, stored)
        reference.assert_same_bits(np.asarray(result), expected)
