"""polars: Series come back as Series, as from np.exp, with their names and missing values."""

import numpy as np
import pytest
import reference
from reference import FUNCTIONS, WITH_ALPHA, assert_same_bits, inputs

import elu

pl = pytest.importorskip("polars")

X = np.array([-1.5, -0.0, 2], np.float32)


@pytest.mark.parametrize("alpha", [1.0, 1.5, np.float64(0.5)])
@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i8"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_series(name, dtype, alpha):
    x = X.astype(dtype)
    series = pl.Series("s", x)
    result = reference.function(name)(*inputs(name, series, series), alpha)
    assert type(result) is pl.Series
    assert (result.name, result.dtype) == ("s", np.exp(series).dtype)
    assert_same_bits(result.to_numpy(), reference.function(name)(*inputs(name, x, x), alpha))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_missing_values_stay_missing(name):
    series = pl.Series("s", [-1.0, None, 2.0])
    result = reference.function(name)(*inputs(name, series, series), 1.5)
    assert result.is_null().to_list() == [False, True, False]


@pytest.mark.parametrize("name", WITH_ALPHA)
def test_a_series_as_alpha(name):
    alpha = pl.Series([0.5, 1.0, 2.0])
    for x in (X, pl.Series(X)):
        result = reference.function(name)(*inputs(name, x, x), alpha)
        expected = reference.function(name)(*inputs(name, X, X), alpha.to_numpy())
        assert_same_bits(np.asarray(result), expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39])
@pytest.mark.parametrize("name", WITH_ALPHA)
def test_alpha_in_a_series_must_be_finite(name, bad):
    for x in (X, pl.Series(X)):
        with pytest.raises(ValueError, match="alpha must be finite"):
            reference.function(name)(*inputs(name, x, x), pl.Series([1.0, bad, 1.0]))


@pytest.mark.parametrize("bad", [0.0, -1.0, 1e-50])
@pytest.mark.parametrize("name", FUNCTIONS[6:])
def test_alpha_in_a_series_must_be_more_than_0_for_celu(name, bad):
    for x in (X, pl.Series(X)):
        with pytest.raises(ValueError, match="alpha must be more than 0"):
            reference.function(name)(*inputs(name, x, x), pl.Series([1.0, bad, 1.0]))


@pytest.mark.parametrize("name", WITH_ALPHA)
def test_alpha_does_not_enlarge_the_result(name):
    for x in (X[:1], pl.Series(X[:1])):
        with pytest.raises(ValueError, match="alpha"):
            reference.function(name)(*inputs(name, x, x), pl.Series([1.0, 2.0, 0.5]))


def test_a_frame_as_exp_takes_it():
    frame = pl.DataFrame({"a": X, "b": X})
    result = elu.elu(frame, 1.5)
    assert type(result) is type(np.exp(frame))
    assert_same_bits(np.asarray(result), elu.elu(frame.to_numpy(), 1.5))
