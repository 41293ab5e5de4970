"""Values by name: NaN, infinities, zeros, subnormals, saturation, ReLU, a documented example."""

import numpy as np
import pytest
import reference
from reference import FORWARD, FUNCTIONS, GRADIENTS, assert_same_bits

import elu

FROM_INPUT, FROM_OUTPUT = FUNCTIONS[1::3], FUNCTIONS[2::3]


def slope_1(name, a):
    """`a` times the slope where x >= 0, which is 1 but for SELU."""
    if not name.startswith("selu"):
        return a
    wide = a.astype(np.promote_types(a.dtype, np.float32))
    with np.errstate(over="ignore", under="ignore"):
        return (wide * wide.dtype.type(reference.selu_constants(a)[0])).astype(a.dtype)


@pytest.mark.parametrize("alpha", [1.0, 0.0, 1.5])
def test_nan_of_any_payload_stays_nan(dtype, alpha):
    nan = reference.nans(dtype)
    for name in FUNCTIONS:
        if not reference.allows(name, alpha):
            continue
        function = reference.function(name)
        if name in FORWARD:
            assert np.isnan(function(nan, alpha)).all()
            continue
        for other in [1, -1, 0, np.inf, -np.inf, np.nan]:
            other = np.full_like(nan, other)
            assert np.isnan(function(nan, other, alpha)).all()
            assert np.isnan(function(other, nan, alpha)).all()


@pytest.mark.parametrize("alpha", [1.0, 0.0, 1.5, 60000.0])
def test_positive_values_pass_to_the_bit(dtype, alpha):
    x = np.abs(reference.wide_ranging(dtype, 5000, seed=1))
    x = np.append(x, np.asarray([np.inf, np.finfo(dtype).max], dtype))
    grad = reference.wide_ranging(dtype, x.size, seed=2)
    grad[:4] = [np.inf, -np.inf, -0.0, 0.0]
    for name in FUNCTIONS:
        if reference.allows(name, alpha):
            arrays = reference.inputs(name, grad, x)
            result = reference.function(name)(*arrays, alpha)
            assert_same_bits(result, slope_1(name, arrays[0]))


@pytest.mark.parametrize("alpha", [1.0, 0.0, 1.5])
def test_both_zeros_keep_their_sign(dtype, alpha):
    zeros = np.asarray([0.0, -0.0], dtype)
    for name in FORWARD:
        if reference.allows(name, alpha):
            assert_same_bits(reference.function(name)(zeros, alpha), zeros)


@pytest.mark.parametrize("alpha", [1.0, 0.0, 1.5, -1.5])
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_slope_at_both_zeros_is_1(dtype, alpha, zero):
    grad = np.asarray([2.5, -0.5, np.inf, -0.0], dtype)
    x = np.full_like(grad, zero)
    for name in GRADIENTS:
        relu = name == "elu_grad_from_output" and alpha == 0 and np.signbit(zero)
        if reference.allows(name, alpha) and not relu:
            result = reference.function(name)(grad, x, alpha)
            assert_same_bits(result, slope_1(name, grad))


@pytest.mark.parametrize("alpha", [1.0, 0.0, 1.5, -1.5])
def test_minus_infinity_is_minus_alpha(dtype, alpha):
    x = np.asarray([-np.inf], dtype)
    assert_same_bits(elu.elu(x, alpha), np.asarray([-alpha], dtype))
    if alpha > 0:
        assert_same_bits(elu.celu(x, alpha), np.asarray([-alpha], dtype))


@pytest.mark.parametrize("share", [1, 0.5, 0.1, 0.01, 1e-3])
def test_minus_infinity_of_celu_beside_the_ends_of_alpha(dtype, share):
    info, one, x = np.finfo(dtype), np.ones(3, dtype), np.full(3, -np.inf, dtype)
    for alpha in (info.max * dtype(share), info.smallest_subnormal / dtype(share), info.tiny):
        for given in (alpha, np.full(3, alpha)):
            assert_same_bits(elu.celu(x, given), np.full(3, -alpha))
            assert_same_bits(elu.celu_grad(one, x, given), np.zeros(3, dtype))


def test_minus_infinity_of_selu_is_minus_its_constants(dtype):
    x = np.asarray([-np.inf, -1000, np.finfo(dtype).min], dtype)
    _, product = reference.selu_constants(x)
    assert abs(product - 1.7580993408473768) < 1e-7
    assert_same_bits(elu.selu(x), np.full_like(x, -product))


@pytest.mark.parametrize("alpha", [1.0, 1.5])
@pytest.mark.parametrize("name", FROM_INPUT)
def test_gradient_at_minus_infinity_is_grad_times_0(dtype, name, alpha):
    grad = np.asarray([2.5, -0.5, 0.0, -0.0, np.finfo(dtype).max, np.inf, -np.inf], dtype)
    x = np.full_like(grad, -np.inf)
    result = reference.function(name)(grad, x, alpha)
    assert_same_bits(result[:5], np.asarray([0.0, -0.0, 0.0, -0.0, 0.0], dtype))
    assert np.isnan(result[5:]).all()


@pytest.mark.parametrize("name", FROM_INPUT)
def test_an_infinite_gradient_stays_so_beside_any_finite_number(dtype, name):
    """However small the slope is that it is multiplied with."""
    info = np.finfo(dtype)
    x = -np.asarray([info.smallest_subnormal, 1, 50, 100, 1000, info.max], dtype)
    grad = np.full_like(x, np.inf)
    for alpha in (info.smallest_subnormal, info.tiny, 1e-5, 1, 1.5, info.max):
        for alphas in (alpha, np.full_like(x, alpha)):
            function = reference.function(name)
            if name == "celu_grad" and alpha < 1:
                continue  # x / alpha may be infinite
            assert_same_bits(function(grad, x, alphas), grad)
            assert_same_bits(function(-grad, x, alphas), -grad)


@pytest.mark.parametrize("name", FROM_OUTPUT)
def test_gradient_from_output_at_minus_infinity_is_grad_times_minus_infinity(dtype, name):
    grad = np.asarray([2.5, -0.5, np.inf, 0.0, -0.0], dtype)
    result = getattr(elu, name)(grad, np.full_like(grad, -np.inf))
    assert_same_bits(result[:3], np.asarray([-np.inf, np.inf, -np.inf], dtype))
    assert np.isnan(result[3:]).all()


def test_subnormals_go_in_and_come_out(dtype):
    smallest = np.finfo(dtype).smallest_subnormal
    x = np.arange(-100, 101).astype(dtype) * smallest
    assert_same_bits(elu.elu(x), x)
    assert_same_bits(elu.celu(x, 1.5), x)
    assert_same_bits(elu.celu_grad(x, np.full_like(x, -smallest), 1.5), x)
    assert_same_bits(elu.celu_grad_from_output(x, np.full_like(x, -0.5), 1), x / dtype(2))
    assert_same_bits(elu.selu(x)[x >= 0], slope_1("selu", x[x >= 0]))
    assert_same_bits(elu.selu_grad(x, np.ones_like(x)), slope_1("selu", x))
    # Halves of even multiples, so that nothing rounds.
    assert_same_bits(elu.elu(x[x < 0] * dtype(2), 0.5), x[x < 0])
    assert_same_bits(elu.elu_grad(x, np.ones_like(x)), x)
    assert_same_bits(elu.elu_grad_from_output(x, np.ones_like(x)), x)
    assert_same_bits(elu.elu_grad_from_output(x, np.full_like(x, -0.5), 2.5), x * dtype(2))


@pytest.mark.parametrize("name", FROM_INPUT)
def test_subnormal_results_of_normal_input_are_not_flushed(dtype, name):
    info = np.finfo(dtype)
    smallest_normal = np.log(info.tiny)  # exp(x) is subnormal from there on, and then 0
    x = np.linspace(smallest_normal - 0.7, smallest_normal - (info.nmant - 2) * np.log(2), 50)
    result = getattr(elu, name)(np.ones(50, dtype), x.astype(dtype))
    assert (result > 0).all()
    assert (result < info.tiny).all()
    assert (np.diff(result) <= 0).all()


@pytest.mark.parametrize("alpha", [1.0, 1.1, 0.3, -0.7])
def test_saturation(dtype, alpha):
    x = np.asarray([-40, -88, -104, -110, -745, -746, -10000, np.finfo(dtype).min], dtype)
    assert_same_bits(elu.elu(x, alpha), np.full_like(x, -alpha))
    if alpha > 0:
        x = x[x < -40 * alpha]
        assert_same_bits(elu.celu(x, alpha), np.full_like(x, -alpha))


def test_slope_of_saturated_elements(dtype):
    """From the input it is small and right; from the output, which has rounded, it is 0."""
    x = np.asarray([-17.5 if dtype == np.float32 else -38 if dtype == np.float64 else -9], dtype)
    one = np.ones_like(x)
    assert elu.elu_grad(one, x) > 0
    y = elu.elu(x)
    assert_same_bits(y, -one)
    assert_same_bits(elu.elu_grad_from_output(one, y), np.zeros_like(x))
    for alpha in (0.3, 1.0, 1.1, 64.0):
        saturated = elu.celu(x * dtype(alpha), alpha)
        assert elu.celu_grad(one, x * dtype(alpha), alpha) > 0
        assert_same_bits(elu.celu_grad_from_output(one, saturated, alpha), np.zeros_like(x))


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


@pytest.mark.parametrize("suffix", ["", "_grad", "_grad_from_output"])
@pytest.mark.parametrize("power", [-3, -1, 1, 4])
def test_celu_of_numbers_and_alpha_times_a_power_of_2(dtype, suffix, power):
    """What is scaled without rounding gives the same digits: the function, times that power."""
    name, factor = "celu" + suffix, dtype(2.0**power)
    x = -np.exp(np.linspace(-3, 2, 500)).astype(dtype)
    grad = np.linspace(0.5, 2, 500).astype(dtype)
    for alpha in (1.0, 1.5):
        expected = getattr(elu, name)(*reference.inputs(name, grad, x), alpha)
        result = getattr(elu, name)(*reference.inputs(name, grad, x * factor), alpha * factor)
        assert_same_bits(result, expected * factor if name in FORWARD else expected)


def test_celu_tends_to_the_identity_and_to_relu(dtype):
    x = np.linspace(-5, 5, 101).astype(dtype)
    info = np.finfo(dtype)
    assert_same_bits(elu.celu(x[x > -0.1], info.max), x[x > -0.1])
    least = info.smallest_subnormal
    assert_same_bits(elu.celu(x, least), np.where(x < 0, -least, x))
    np.testing.assert_array_equal(elu.celu_grad(np.ones_like(x), x, least), x >= 0)


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


@pytest.mark.parametrize("name", GRADIENTS)
def test_infinite_gradients_pass_where_the_slope_is_1(name):
    """exp of the branch not taken overflows at 1000, and must not turn this into NaN."""
    x = np.asarray([1000.0, 89.0, 710.0, np.inf])
    for grad in [0.0, np.inf, -1e308]:
        grad = np.full_like(x, grad)
        assert_same_bits(getattr(elu, name)(grad, x), slope_1(name, grad))
