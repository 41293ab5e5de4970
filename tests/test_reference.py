"""The oracle itself: exact values against mpmath at 300 bits, and the measure of errors."""

import mpmath
import numpy as np
import pytest
import reference
from reference import ulp_error

MP = mpmath.mp.clone()
MP.prec = 300


def definition(name, *arrays):
    """SPEC's formula below zero, element by element, in mpmath."""
    *grad, x, given = (MP.mpf(float(a)) for a in arrays)
    family, _, suffix = name.partition("_")
    alpha, width = (given, 1) if family == "elu" else (1, given)
    if family == "selu":
        scale, alpha = (MP.mpf(reference.SELU_SCALE), MP.mpf(reference.SELU_ALPHA))
        alpha, width = MP.mpf(float(arrays[-2].dtype.type(scale * alpha))), 1
    if not suffix:
        return alpha * width * MP.expm1(x / width)
    return grad[0] * (alpha * MP.exp(x / width) if suffix == "grad" else x / width + alpha)


def to_mpmath(wide):
    """`wide` without loss: in two halves, since mpmath takes no long double."""
    if isinstance(wide, reference.MP.mpf):
        return MP.mpf(wide)
    mantissa, exponent = np.frexp(wide)
    high = float(mantissa)
    return MP.ldexp(MP.mpf(high) + MP.mpf(float(mantissa - high)), int(exponent))


@pytest.mark.parametrize("long_double", [True, False])
@pytest.mark.parametrize("dtype", reference.FLOATS)
@pytest.mark.parametrize("name", reference.FUNCTIONS)
def test_exact_value_is_good_to_a_hundredth_of_an_ulp(name, dtype, long_double, monkeypatch):
    if long_double and not reference.LONG_DOUBLE:
        pytest.skip("long double is no wider than double here")
    monkeypatch.setattr(reference, "LONG_DOUBLE", long_double)
    rng = np.random.default_rng(7)
    x = rng.choice(reference.negatives(dtype), 300)
    x = np.append(x, rng.choice(reference.switch_points(dtype), 100))
    alpha = np.abs(reference.wide_ranging(dtype, x.size, seed=8))
    grad = reference.wide_ranging(dtype, x.size, seed=9)
    alpha[::2] = 1
    grad[::4] = 1
    arrays = (*reference.inputs(name, grad, x), alpha)

    wide = reference.exact(name, *arrays)
    with np.errstate(all="ignore"):
        nearest = wide.astype(dtype)
    finite = np.isfinite(nearest)
    assert np.count_nonzero(finite & (nearest != 0)) > 50
    for i in np.flatnonzero(finite):
        unit = MP.mpf(float(np.spacing(np.abs(nearest[i]))))
        error = to_mpmath(wide[i]) - definition(name, *(a[i] for a in arrays))
        assert abs(error) < unit / 100


@pytest.mark.parametrize("dtype", reference.FLOATS)
def test_error_counts_units_in_the_last_place(dtype):
    info = np.finfo(dtype)
    one = dtype(1)
    above = np.nextafter(one, dtype(2))
    below = np.nextafter(one, dtype(0))
    wide = reference.widen(np.asarray([1, 1, 1], dtype))
    np.testing.assert_array_equal(
        ulp_error(np.asarray([one, above, below]), wide), [0, 1, 0.5]
    )  # below 1 the floats lie twice as close, but the unit is that of 1
    half = wide[:1] + reference.widen(np.asarray([info.eps / 4], dtype))
    np.testing.assert_array_equal(ulp_error(np.asarray([one]), half), [0.25])
    largest = np.asarray([info.max], dtype)
    np.testing.assert_array_equal(
        ulp_error(np.nextafter(largest, dtype(0)), reference.widen(largest)), [1]
    )


@pytest.mark.parametrize("dtype", reference.FLOATS)
def test_error_of_subnormals_counts_smallest_subnormals(dtype):
    smallest = np.finfo(dtype).smallest_subnormal
    result = np.asarray([0, 1, 3, 7], dtype) * smallest
    wide = reference.widen(np.asarray([smallest] * 4))
    np.testing.assert_array_equal(ulp_error(result, wide), [1, 0, 2, 6])
    np.testing.assert_array_equal(ulp_error(result, wide / 4), [0.25, 0.75, 2.75, 6.75])


@pytest.mark.parametrize("dtype", reference.FLOATS)
@pytest.mark.parametrize(
    ("result", "exact", "error"),
    [
        (np.nan, np.nan, 0),
        (np.nan, 1, np.inf),
        (1, np.nan, np.inf),
        (np.inf, np.inf, 0),
        (-np.inf, np.inf, np.inf),
        (np.inf, 1, np.inf),
        (1, np.inf, np.inf),
        (0.0, 0.0, 0),
        (-0.0, -0.0, 0),
        (0.0, -0.0, np.inf),
        (-0.0, 0.0, np.inf),
    ],
)
def test_error_of_values_without_a_distance(dtype, result, exact, error):
    wide = reference.widen(np.asarray([exact], dtype))
    if not reference.LONG_DOUBLE and wide.dtype == object and exact == 0:
        pytest.skip("mpmath has no negative zero")
    np.testing.assert_array_equal(ulp_error(np.asarray([result], dtype), wide), [error])


@pytest.mark.parametrize("dtype", reference.FLOATS)
def test_error_of_overflow(dtype):
    largest = np.asarray([np.finfo(dtype).max], dtype)
    infinite = np.asarray([np.inf], dtype)
    just_below = reference.widen(largest) * (1 + reference.widen(np.finfo(dtype).eps) / 8)
    beyond = reference.widen(largest) * 2
    assert ulp_error(largest, just_below) < 0.5
    assert ulp_error(infinite, just_below) == np.inf
    assert ulp_error(infinite, beyond) == 0
    # A finite result has a distance to what rounds to infinity.
    just_beyond = reference.widen(largest) * (1 + reference.widen(np.finfo(dtype).eps) * 3 / 8)
    assert 0.7 < ulp_error(largest, just_beyond) < 0.8
    assert ulp_error(largest, beyond) > 2.0 ** np.finfo(dtype).nmant


def test_error_of_a_zero_with_the_wrong_sign():
    tiny = np.asarray([-1e-60])  # rounds to -0.0 as a float32
    assert ulp_error(np.asarray([-0.0], np.float32), tiny) < 1e-14
    assert ulp_error(np.asarray([0.0], np.float32), tiny) == np.inf


def test_same_bits_tells_zeros_and_nans_apart():
    nan = reference.nans(np.float32)
    reference.assert_same_bits(nan, nan.copy())
    for a, b in [(np.float32(0), np.float32(-0.0)), (nan[0], nan[1])]:
        with pytest.raises(AssertionError, match="differ in their bits"):
            reference.assert_same_bits(np.asarray([a]), np.asarray([b]))
    with pytest.raises(AssertionError, match="dtype"):
        reference.assert_same_bits(np.float32(1), np.float64(1))
    with pytest.raises(AssertionError, match="shape"):
        reference.assert_same_bits(np.zeros(1), np.zeros(()))


@pytest.mark.parametrize("dtype", reference.DTYPES)
def test_samples_hold_what_they_promise(dtype):
    nan = reference.nans(dtype)
    assert np.isnan(nan).all()
    assert np.unique(reference.bits(nan)).size == nan.size
    assert set(np.signbit(nan)) == {True, False}
    if dtype == np.float16:
        return
    info = np.finfo(dtype)
    x = reference.negatives(dtype)
    assert (x < 0).all()
    assert np.isfinite(x).all()
    assert {-info.max, -info.smallest_subnormal, -info.tiny} <= set(x)
    wide = reference.wide_ranging(dtype, 10**5, seed=1)
    assert np.isfinite(wide).all()
    assert np.abs(wide).min() < info.tiny * 1e3
    assert np.abs(wide).max() > info.max / 1e3


def test_negative_float32_is_every_one_in_order():
    first = reference.negative_float32(0, 3)
    np.testing.assert_array_equal(first, np.float32(-1e-45) * np.arange(1, 4, dtype=np.float32))
    last = reference.negative_float32(reference.NEGATIVE_FLOAT32_COUNT - 1)
    np.testing.assert_array_equal(last, [-np.finfo(np.float32).max])
