"""Errors in ULP against the exact value: the accuracy table of the documentation, line by line."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import reference
from reference import BOUNDS, FLOATS, FORWARD, FUNCTIONS, assert_within

import elu

SELU_ALPHA = float(reference.SELU_ALPHA)
SELUS, CELUS = FUNCTIONS[3:6], FUNCTIONS[6:]
ALPHAS = [0.1, 0.5, 1.1, SELU_ALPHA, 3.0, -0.5, -1.0, 1e-30, 1e30]
# Of CELU, which divides by it.
ALL_WIDTHS = [1.0, 0.1, 1.1, SELU_ALPHA, 1e-30, 1e30]
WIDTHS = [
    *[(np.float32, alpha) for alpha in [*ALL_WIDTHS, 1e-45, 1e-42, 1e-38, 3e38]],
    *[(np.float64, alpha) for alpha in [*ALL_WIDTHS, 5e-324, 1e-318, 1e-300, 1e300, 1.7e308]],
]


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
@pytest.mark.parametrize("alpha", [1.0, *ALPHAS, 1e19, 1e25])
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
    # It chooses how to compute by the largest grad and the largest alpha of some hundred elements.
    for size in (grad, alpha):
        order = np.argsort(np.abs(size))
        reference.assert_same_bits(elu.elu_grad(grad[order], x[order], alpha[order]), result[order])


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


def gradients(dtype, size):
    """Of any magnitude, and every second an ordinary one."""
    grad = reference.wide_ranging(dtype, size, seed=10)
    grad[::2] = np.random.default_rng(11).normal(size=grad[::2].size)
    return grad


def outputs(name, x, *alpha, saturation):
    """As the function of this name takes x: outputs, and those next to saturation, for the last."""
    if not name.endswith("from_output"):
        return x
    function = getattr(elu, name.removesuffix("_grad_from_output"))
    return np.concatenate(
        [function(x, *alpha), x, reference.nearby([-saturation], x.dtype, steps=50)]
    )


def of_either_sign(dtype):
    x = reference.negatives(dtype)
    return np.append(x, np.abs(reference.wide_ranging(dtype, 2**14, seed=12)))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", SELUS)
def test_selu(name, dtype):
    saturation = SELU_ALPHA * float(reference.SELU_SCALE)
    x = outputs(name, of_either_sign(dtype), saturation=saturation)
    arrays = reference.inputs(name, gradients(dtype, x.size), x)
    assert_within(BOUNDS[name], name, *arrays, result=getattr(elu, name)(*arrays))


@pytest.mark.parametrize(("dtype", "alpha"), WIDTHS)
@pytest.mark.parametrize("name", CELUS)
def test_celu_with_any_alpha(name, dtype, alpha):
    """Of numbers of any magnitude, and of those that alpha makes ordinary ones."""
    alpha = dtype(alpha)
    x = of_either_sign(dtype)[::4]
    with np.errstate(all="ignore"):
        beside = reference.negatives(dtype)[1::4] * alpha
        x = np.append(x, beside[np.isfinite(beside) & (beside < 0)])
        x = outputs(name, x, alpha, saturation=alpha)
        if name == "celu_grad_from_output":  # elsewhere the slope overflows: no outputs
            x = x[np.isfinite(x / alpha)]
    arrays = reference.inputs(name, gradients(dtype, x.size), x)
    assert_within(BOUNDS[name], name, *arrays, alpha, result=getattr(elu, name)(*arrays, alpha))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", CELUS)
def test_celu_with_an_alpha_of_any_magnitude_for_each_element(name, dtype):
    x = reference.negatives(dtype)
    alpha = reference.wide_ranging(dtype, x.size, seed=13, signed=False)
    # Half of them of a size with x, and some of those next to cancellation, for the last.
    with np.errstate(all="ignore"):
        near = np.abs(x[::2]) * np.exp(np.random.default_rng(14).normal(0, 2, x[::2].size))
        near[::2] = np.abs(x[::4]) * np.random.default_rng(15).uniform(1, 2, x[::4].size)
        alpha[::2] = np.clip(near, np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max)
        if name == "celu_grad_from_output":
            settled = np.isfinite(x / alpha)
            x, alpha = x[settled], alpha[settled]
    arrays = reference.inputs(name, gradients(dtype, x.size), x)
    assert_within(BOUNDS[name], name, *arrays, alpha, result=getattr(elu, name)(*arrays, alpha))


# Where a search (bench/accuracy.py) met the largest errors.
WORST = [
    (np.float64, "elu", 1.0, -0.38333573855970249),
    (np.float64, "elu", 1.5, -0.32905556306447686),
    (np.float64, "elu_grad", 1.0, -4.4943007981224694),
    (np.float64, "elu_grad", 1.5, -408.67269894586934),
    (np.float64, "elu_grad", 0.25, -707.36439696060245),
    (np.float64, "selu", None, -0.3288290078713505),
    (np.float64, "selu_grad", None, -115.6274701082432),
    (np.float64, "celu", 1.5, -0.52158756913139959),
    (np.float64, "celu", 0.25, -0.097380559574497733),
    (np.float64, "celu_grad", 1.5, -487.1100491842318),
    (np.float64, "celu_grad", 0.25, -177.18628512131423),
    (np.float32, "elu", 1.0, -0.37524703145027161),
    (np.float32, "elu", 1.5, -0.34594488143920898),
    (np.float32, "elu_grad", 1.0, -5.8486418724060059),
    (np.float32, "elu_grad", 1.5, -4.5679178237915039),
    (np.float32, "selu", None, -0.15062868595123291),
    (np.float32, "selu_grad", None, -62.254989624023438),
    (np.float32, "celu", 1.5, -0.51893633604049683),
    (np.float32, "celu_grad", 1.5, -11.938968658447266),
]


@pytest.mark.parametrize(("dtype", "name", "alpha", "x"), WORST)
def test_the_worst_cases(dtype, name, alpha, x):
    around = reference.nearby([x], dtype, steps=50)
    arrays = reference.inputs(name, np.ones_like(around), around)
    bound = reference.bound_of(name, alpha)
    result = reference.function(name)(*arrays, alpha=alpha)
    assert_within(bound, name, *arrays, alpha and dtype(alpha), result=result)


def known_answer(name, x, alpha):
    """A result for all of `x` known to be right without the oracle, or None.

    `x` is ordered by magnitude. Within 2^-26 of 0, expm1(x) = x (1 + x/2) is a quarter of an ULP
    off x at most, and exp(x) of 1. Far out, expm1(x) is closer to -1 than half an ULP, and exp(x)
    is less than half the smallest subnormal.
    """
    slope = 1 if name.startswith("celu") else alpha or reference.selu_constants(x)[1]
    width = alpha if name.startswith("celu") else 1
    if x[-1] >= -(2.0**-26) * width:
        return x * np.float32(slope) if name in FORWARD else np.full_like(x, slope)
    if name in FORWARD and x[0] < -17.4 * width:
        return np.full_like(x, -slope * width)
    if name not in FORWARD and x[0] < -104 * width:
        return np.zeros_like(x)
    return None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "alpha", "bound", "step"),
    [
        ("elu", 1.0, 0.90, 1), ("elu_grad", 1.0, 1.0, 1), ("elu", SELU_ALPHA, 2.0, 1),
        ("selu", None, 2.0, 5), ("selu_grad", None, 3.0, 5),
        ("celu", SELU_ALPHA, 3.0, 5), ("celu_grad", SELU_ALPHA, 3.0, 5),
    ],
)
def test_every_negative_float32(name, alpha, bound, step):
    """Or every `step`-th."""
    block = 2**20 * step
    elu.set_num_threads(1)  # the two threads below share the work by blocks

    def judge(start):
        x = reference.negative_float32(start, start + block, step)
        arrays = reference.inputs(name, np.ones_like(x), x)
        result = reference.function(name)(*arrays, alpha)
        known = known_answer(name, x, alpha)
        if known is None or not np.array_equal(reference.bits(result), reference.bits(known)):
            assert_within(bound, name, *arrays, alpha and np.float32(alpha), result=result)
        return x.size

    with ThreadPoolExecutor(2) as pool:
        counts = pool.map(judge, range(0, reference.NEGATIVE_FLOAT32_COUNT, block))
        assert sum(counts) == -(-reference.NEGATIVE_FLOAT32_COUNT // step)
