"""Errors in ULP against the exact value: the accuracy table of the documentation, line by line."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import reference
from reference import FLOATS, SELU_ALPHA, assert_within

import elu

ALPHAS = [0.1, 0.5, 1.1, SELU_ALPHA, 3.0, -0.5, -1.0, 1e-30, 1e30]


@pytest.mark.parametrize("dtype", FLOATS)
def test_elu_with_alpha_1(dtype):
    x = reference.negatives(dtype)
    assert_within(0.90, "elu", x, 1, result=elu.elu(x))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("alpha", ALPHAS)
def test_elu_with_any_alpha(dtype, alpha):
    x = reference.negatives(dtype)
    assert_within(2.0, "elu", x, dtype(alpha), result=elu.elu(x, alpha))


@pytest.mark.parametrize("dtype", FLOATS)
def test_elu_with_an_alpha_of_any_magnitude_for_each_element(dtype):
    x = reference.negatives(dtype)
    alpha = reference.wide_ranging(dtype, x.size, seed=1)
    assert_within(2.0, "elu", x, alpha, result=elu.elu(x, alpha))


@pytest.mark.parametrize("dtype", FLOATS)
def test_gradient_of_ones_with_alpha_1_is_exp(dtype):
    x = reference.negatives(dtype)
    one = np.ones_like(x)
    assert_within(1.0, "elu_grad", one, x, 1, result=elu.elu_grad(one, x))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("alpha", [1.0, *ALPHAS])
def test_gradient_with_any_alpha(dtype, alpha):
    x = reference.negatives(dtype)
    grad = np.random.default_rng(2).normal(size=x.size).astype(dtype)
    result = elu.elu_grad(grad, x, alpha)
    assert_within(2.5, "elu_grad", grad, x, dtype(alpha), result=result)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("alpha", [1.0, SELU_ALPHA, -0.5, 1e-30, 1e30])
def test_gradient_of_any_magnitude(dtype, alpha):
    x = reference.negatives(dtype)
    grad = reference.wide_ranging(dtype, x.size, seed=3)
    result = elu.elu_grad(grad, x, alpha)
    assert_within(2.5, "elu_grad", grad, x, dtype(alpha), result=result)


@pytest.mark.parametrize("dtype", FLOATS)
def test_gradient_where_a_partial_product_leaves_the_format(dtype):
    """grad * alpha overflows, or exp(x) underflows, and the whole product does neither."""
    largest = np.log(np.finfo(dtype).max)
    rng = np.random.default_rng(4)
    x = rng.uniform(-3 * largest, 0, 2**18).astype(dtype)
    # Two factors of any magnitudes whose product undoes exp(x), give or take.
    product = np.clip(-x + rng.normal(0, 10, x.size), -2 * largest, 1.99 * largest)
    share = np.clip(rng.uniform(-1, 1, x.size) * largest, product - largest, largest)
    grad = (np.exp(share) * rng.choice([-1, 1], x.size)).astype(dtype)
    alpha = np.exp(np.minimum(product - share, largest * 0.999)).astype(dtype)

    with np.errstate(over="ignore", under="ignore"):
        assert np.isinf(grad * alpha).mean() > 0.1
        assert (np.exp(x) == 0).mean() > 0.1
    result = elu.elu_grad(grad, x, alpha)
    assert (np.isfinite(result) & (result != 0)).mean() > 0.5
    assert_within(2.5, "elu_grad", grad, x, alpha, result=result)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("alpha", [1.0, 0.0, 0.1, 1.1, SELU_ALPHA, 1e-30, 1e30])
def test_gradient_from_output(dtype, alpha):
    x = reference.negatives(dtype)
    saturated = reference.nearby([-dtype(alpha)], dtype, steps=50) if alpha else []
    y = np.concatenate([elu.elu(x, alpha), x, saturated]).astype(dtype)
    y = y[np.signbit(y)]
    grad = reference.wide_ranging(dtype, y.size, seed=5)
    grad[::2] = np.random.default_rng(6).normal(size=grad[::2].size)
    result = elu.elu_grad_from_output(grad, y, alpha)
    assert_within(1.5, "elu_grad_from_output", grad, y, dtype(alpha), result=result)


@pytest.mark.parametrize("dtype", FLOATS)
def test_gradient_from_output_with_an_alpha_of_any_magnitude_for_each_element(dtype):
    y = reference.negatives(dtype)
    alpha = reference.wide_ranging(dtype, y.size, seed=7, signed=False)
    # Half of them next to cancellation, where y + alpha loses the most.
    alpha[::2] = np.abs(y[::2] * np.random.default_rng(8).uniform(0.5, 1, y[::2].size))
    grad = reference.wide_ranging(dtype, y.size, seed=9)
    result = elu.elu_grad_from_output(grad, y, alpha)
    assert_within(1.5, "elu_grad_from_output", grad, y, alpha, result=result)


def known_answer(name, x, alpha):
    """A result for all of `x` known to be right without the oracle, or None.

    `x` is ordered by magnitude. Within 2^-26 of 0, expm1(x) = x (1 + x/2) is a quarter of an ULP
    off x at most, and exp(x) of 1. Far out, expm1(x) is closer to -1 than half an ULP, and exp(x)
    is less than half the smallest subnormal.
    """
    if x[-1] >= -(2.0**-26):
        return x * np.float32(alpha) if name == "elu" else np.ones_like(x)
    if name == "elu" and x[0] < -17.4:
        return np.full_like(x, -alpha)
    if name == "elu_grad" and x[0] < -104:
        return np.zeros_like(x)
    return None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "alpha", "bound"),
    [("elu", 1.0, 0.90), ("elu_grad", 1.0, 1.0), ("elu", SELU_ALPHA, 2.0)],
)
def test_every_negative_float32(name, alpha, bound):
    block = 2**20
    elu.set_num_threads(1)  # the two threads below share the work by blocks

    def judge(start):
        x = reference.negative_float32(start, start + block)
        arrays = reference.inputs(name, np.ones_like(x), x)
        result = getattr(elu, name)(*arrays, alpha)
        known = known_answer(name, x, alpha)
        if known is None or not np.array_equal(reference.bits(result), reference.bits(known)):
            assert_within(bound, name, *arrays, np.float32(alpha), result=result)
        return x.size

    with ThreadPoolExecutor(2) as pool:
        counts = pool.map(judge, range(0, reference.NEGATIVE_FLOAT32_COUNT, block))
        assert sum(counts) == reference.NEGATIVE_FLOAT32_COUNT
