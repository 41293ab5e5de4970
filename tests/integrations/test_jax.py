"""JAX: the recipe of the README under jit, grad and vmap; its arrays are read as they are."""

import numpy as np
import pytest
import reference
from integrations import recipes
from reference import FUNCTIONS, assert_same_bits, inputs, mixed

import elu

jax = pytest.importorskip("jax")

X = np.linspace(-5, 5, 101, dtype=np.float32)


@pytest.fixture(scope="module")
def jax_elu():
    return recipes.names("JAX")["jax_elu"]


def test_same_bits(jax_elu):
    assert_same_bits(jax_elu(jax.numpy.asarray(X)), elu.elu(X))
    assert_same_bits(jax.jit(jax_elu)(jax.numpy.asarray(X)), elu.elu(X))


def test_gradient(jax_elu):
    grad = np.linspace(1, 2, 101, dtype=np.float32)
    _, backward = jax.vjp(jax_elu, jax.numpy.asarray(X))
    # The exponential function of the slope is JAX's.
    np.testing.assert_array_max_ulp(backward(jax.numpy.asarray(grad))[0], elu.elu_grad(grad, X), 3)


def test_second_derivative(jax_elu):
    assert jax.grad(jax.grad(jax_elu))(-2.0) == pytest.approx(np.exp(-2), rel=1e-6)
    assert jax.grad(jax.grad(jax_elu))(2.0) == 0


def test_as_jaxs_own(jax_elu):
    ours, theirs = (
        jax.jit(jax.value_and_grad(lambda x, f=f: (f(x) ** 2).sum()))(X)
        for f in (jax_elu, jax.nn.elu)
    )
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-5)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-5)


@pytest.mark.parametrize("x", [-1.0, np.float32(-1), np.full((2, 3), -1.0), [np.float16(-1)]])
def test_what_is_no_array_of_jax(jax_elu, x):
    """A number, or an array of NumPy's: JAX makes it one of its own, in its own dtype."""
    x = x if isinstance(x, float) else np.asarray(x)
    ours, theirs = jax_elu(x), jax.nn.elu(x)
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    np.testing.assert_allclose(ours, theirs, rtol=1e-3)
    slope = jax.grad(lambda x: jax_elu(x).sum())(x)
    np.testing.assert_allclose(slope, np.exp(x), rtol=1e-3)


@pytest.mark.slow
def test_large_arrays_under_jit(jax_elu):
    """Large enough for JAX to work on them asynchronously, and for threads of OpenMP."""
    x = np.resize(X, 10_000_000)
    assert_same_bits(jax.jit(jax_elu)(jax.numpy.asarray(x)), elu.elu(x))


def test_vmap(jax_elu):
    x = X[:100].reshape(20, 5)
    assert_same_bits(jax.vmap(jax_elu)(jax.numpy.asarray(x)), elu.elu(x))
    slopes = jax.vmap(jax.grad(lambda x: jax_elu(x).sum()))(jax.numpy.asarray(x))
    np.testing.assert_array_max_ulp(np.asarray(slopes), elu.elu_grad(np.ones_like(x), x), 3)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_arrays_as_exp_takes_them(name):
    x = mixed(np.float32, 101)
    given = jax.numpy.asarray(x)
    result = reference.function(name)(*inputs(name, given, given), 1.5)
    with np.errstate(all="ignore"):
        assert type(result) is type(np.exp(given))
    assert_same_bits(result, reference.function(name)(*inputs(name, x, x), 1.5))


def test_tracing_without_a_callback_is_jaxs_error():
    with pytest.raises(jax.errors.TracerArrayConversionError):
        jax.jit(elu.elu)(X)


def test_bfloat16():
    x = jax.numpy.asarray(X, jax.numpy.bfloat16)
    assert_same_bits(elu.elu(x).view("u2"), elu.elu(np.asarray(x)).view("u2"))
