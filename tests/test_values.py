"""Values by name: NaN, infinities, zeros, subnormals, saturation, ReLU, a documented example."""

import numpy as np
import pytest
import reference
from reference import assert_same_bits

import elu


@pytest.mark.parametrize("alpha", [1.0, 0.0, 1.5])
def test_nan_of_any_payload_stays_nan(dtype, alpha):
    nan = reference.nans(dtype)
    assert np.isnan(elu.elu(nan, alpha)).all()
    for other in [1, -1, 0, np.inf, -np.inf, np.nan]:
        other = np.full_like(nan, other)
        for gradient in [elu.elu_grad, elu.elu_grad_from_output]:
            assert np.isnan(gradient(nan, other, alpha)).all()
            assert np.isnan(gradient(other, nan, alpha)).all()


@pytest.mark.parametrize("alpha", [1.0, 0.0, 1.5, 60000.0])
def test_positive_values_pass_to_the_bit(dtype, alpha):
    x = np.abs(reference.wide_ranging(dtype, 5000, seed=1))
    x = np.append(x, np.asarray([np.inf, np.finfo(dtype).max], dtype))
    assert_same_bits(elu.elu(x, alpha), x)
    grad = reference.wide_ranging(dtype, x.size, seed=2)
    grad[:4] = [np.inf, -np.inf, -0.0, 0.0]
    assert_same_bits(elu.elu_grad(grad, x, alpha), grad)
    assert_same_bits(elu.elu_grad_from_output(grad, x, alpha), grad)


@pytest.mark.parametrize("alpha", [1.0, 0.0, 1.5])
def test_both_zeros_keep_their_sign(dtype, alpha):
    zeros = np.asarray([0.0, -0.0], dtype)
    assert_same_bits(elu.elu(zeros, alpha), zeros)


@pytest.mark.parametrize("alpha", [1.0, 0.0, 1.5, -1.5])
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_slope_at_both_zeros_is_1(dtype, alpha, zero):
    grad = np.asarray([2.5, -0.5, np.inf, -0.0], dtype)
    x = np.full_like(grad, zero)
    assert_same_bits(elu.elu_grad(grad, x, alpha), grad)
    if alpha > 0 or (alpha == 0 and not np.signbit(zero)):
        assert_same_bits(elu.elu_grad_from_output(grad, x, alpha), grad)


@pytest.mark.parametrize("alpha", [1.0, 0.0, 1.5, -1.5])
def test_minus_infinity_is_minus_alpha(dtype, alpha):
    x = np.asarray([-np.inf], dtype)
    assert_same_bits(elu.elu(x, alpha), np.asarray([-alpha], dtype))


@pytest.mark.parametrize("alpha", [1.0, 1.5])
def test_gradient_at_minus_infinity_is_grad_times_0(dtype, alpha):
    grad = np.asarray([2.5, -0.5, 0.0, -0.0, np.finfo(dtype).max, np.inf, -np.inf], dtype)
    x = np.full_like(grad, -np.inf)
    result = elu.elu_grad(grad, x, alpha)
    assert_same_bits(result[:5], np.asarray([0.0, -0.0, 0.0, -0.0, 0.0], dtype))
    assert np.isnan(result[5:]).all()


def test_gradient_from_output_at_minus_infinity_is_grad_times_minus_infinity(dtype):
    grad = np.asarray([2.5, -0.5, np.inf, 0.0, -0.0], dtype)
    result = elu.elu_grad_from_output(grad, np.full_like(grad, -np.inf))
    assert_same_bits(result[:3], np.asarray([-np.inf, np.inf, -np.inf], dtype))
    assert np.isnan(result[3:]).all()


def test_subnormals_go_in_and_come_out(dtype):
    smallest = np.finfo(dtype).smallest_subnormal
    x = np.arange(-100, 101).astype(dtype) * smallest
    assert_same_bits(elu.elu(x), x)
    # Halves of even multiples, so that nothing rounds.
    assert_same_bits(elu.elu(x[x < 0] * dtype(2), 0.5), x[x < 0])
    assert_same_bits(elu.elu_grad(x, np.ones_like(x)), x)
    assert_same_bits(elu.elu_grad_from_output(x, np.ones_like(x)), x)
    assert_same_bits(elu.elu_grad_from_output(x, np.full_like(x, -0.5), 2.5), x * dtype(2))


def test_subnormal_results_of_normal_input_are_not_flushed(dtype):
    info = np.finfo(dtype)
    smallest_normal = np.log(info.tiny)  # exp(x) is subnormal from there on, and then 0
    x = np.linspace(smallest_normal - 0.1, smallest_normal - (info.nmant - 2) * np.log(2), 50)
    result = elu.elu_grad(np.ones(50, dtype), x.astype(dtype))
    assert (result > 0).all()
    assert (result < info.tiny).all()
    assert (np.diff(result) <= 0).all()


@pytest.mark.parametrize("alpha", [1.0, 1.1, 0.3, -0.7])
def test_saturation(dtype, alpha):
    x = np.asarray([-40, -88, -104, -110, -745, -746, -10000, np.finfo(dtype).min], dtype)
    assert_same_bits(elu.elu(x, alpha), np.full_like(x, -alpha))


def test_slope_of_saturated_elements(dtype):
    """From the input it is small and right; from the output, which has rounded, it is 0."""
    x = np.asarray([-17.5 if dtype == np.float32 else -38 if dtype == np.float64 else -9], dtype)
    one = np.ones_like(x)
    assert elu.elu_grad(one, x) > 0
    y = elu.elu(x)
    assert_same_bits(y, -one)
    assert_same_bits(elu.elu_grad_from_output(one, y), np.zeros_like(x))


def test_small_values_keep_their_digits():
    """Where exp(x) - 1 gives 0, or twice the right value."""
    x = np.asarray([-1e-20, -1e-8, -3e-8], np.float32)
    reference.assert_within(0.90, "elu", x, 1, result=elu.elu(x))


def test_minus_0_as_alpha_is_0(dtype):
    x = np.asarray([-1, -0.5, -np.inf, 2], dtype)
    for alpha in (-0.0, np.full(4, -0.0, dtype)):
        assert_same_bits(elu.elu(x, alpha), elu.elu(x, 0.0))


def test_alpha_0_is_relu(dtype):
    x = reference.specials(dtype)
    x = x[~np.isnan(x)]
    negative = x < 0
    y = elu.elu(x, 0)
    assert_same_bits(y, np.where(negative, dtype(-0.0), x))
    grad = np.full_like(x, 2.5)
    assert_same_bits(elu.elu_grad(grad, x, 0), np.where(negative, dtype(0), grad))
    # -0.0 is what every negative x became, so it counts as negative here.
    below = negative | ((x == 0) & np.signbit(x))
    assert_same_bits(elu.elu_grad_from_output(grad, y, 0), np.where(below, dtype(0), grad))


def test_alpha_0_for_some_channels_only(dtype):
    y = np.asarray([[-0.0, 0.0], [-0.0, 0.0], [-0.5, 2.0]], dtype).T
    alpha = np.asarray([0, 1, 1], dtype)
    result = elu.elu_grad_from_output(np.full_like(y, 3), y, alpha)
    assert_same_bits(result, np.asarray([[0, 3, 1.5], [3, 3, 3]], dtype))


def test_negative_alpha(dtype):
    """The curve rises on both sides, and its slope is negative on the left."""
    x = np.linspace(-5, -0.25, 20).astype(dtype)
    assert_same_bits(elu.elu(x, -0.5), -elu.elu(x, 0.5))
    assert (elu.elu(x, -0.5) > 0).all()
    grad = np.full_like(x, 2)
    assert_same_bits(elu.elu_grad(grad, x, -0.5), -elu.elu_grad(grad, x, 0.5))
    assert (elu.elu_grad(grad, x, -0.5) < 0).all()


def test_caffe2_documented_example():
    """Caffe2's documentation of its operator Elu, alpha = 1.1."""
    x = np.asarray(
        [
            [0.35339102, 1.1860217, -0.10710736],
            [-3.1173866, -0.1889988, -0.20330353],
            [1.8525308, -0.368949, 0.506277],
        ],
        np.float32,
    )
    documented = np.asarray(
        [
            [0.35339102, 1.1860217, -0.11172786],
            [-1.0513, -0.18943374, -0.20236646],
            [1.8525308, -0.33939326, 0.506277],
        ],
        np.float32,
    )
    y = elu.elu(x, alpha=1.1)
    # The documented values come from exp(x) - 1, and miss the exact ones by up to 1.26 ULP.
    assert reference.ulp_error(documented, reference.elu(x, 1.1)).max() < 1.26
    assert reference.ulp_error(y, reference.widen(documented)).max() <= 2
    assert_same_bits(y[x > 0], documented[x > 0])


@pytest.mark.parametrize("function", [elu.elu_grad, elu.elu_grad_from_output])
def test_infinite_gradients_pass_where_the_slope_is_1(function):
    """exp of the branch not taken overflows at 1000, and must not turn this into NaN."""
    x = np.asarray([1000.0, 89.0, 710.0, np.inf])
    for grad in [0.0, np.inf, -1e308]:
        grad = np.full_like(x, grad)
        assert_same_bits(function(grad, x), grad)
