"""polars: Series come back as Series, as from np.exp, with their names and missing values."""

import datetime
import itertools
import re

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


@pytest.mark.parametrize("dtype", ["i1", "u2", "i4", "f2", "f4", "f8"])
@pytest.mark.parametrize("name", WITH_ALPHA)
def test_alpha_is_rounded_to_the_dtype_of_the_result(name, dtype):
    """Not to that of the first operand, which integers would not survive; nor does it change it."""
    function = reference.function(name)
    x = np.abs(X).astype(dtype) if dtype == "u2" else X.astype(dtype)
    for alpha in (1.0, 1.5, np.array([0.5, 1.5, 0.1]), pl.Series([0.5, 1.5, 0.1])):
        result = function(*inputs(name, pl.Series(x), pl.Series(x)), alpha)
        expected = function(*inputs(name, x, x), np.asarray(alpha))
        assert_same_bits(result.to_numpy(), expected)


def test_alpha_beside_gradients_of_two_dtypes():
    grad, x, alpha = np.array([1, 2]), np.array([-1.0, -2]), np.array([0.1, 0.3])
    result = elu.elu_grad(pl.Series(grad), pl.Series(x), pl.Series(alpha))
    assert_same_bits(result.to_numpy(), elu.elu_grad(grad, x, alpha))


def test_missing_values_of_each_operand_stay_missing():
    grad, x, alpha = (pl.Series([1, 2, 3, 4]).set(pl.Series([k == n for n in range(4)]), None)
                      for k in range(3))
    assert elu.elu_grad(grad, -x, alpha).is_null().to_list() == [True, True, True, False]


@pytest.mark.parametrize(
    "alpha",
    [["1", "2", "3"], [True, False, True], [datetime.date(2020, 1, 1)] * 3, [[1.0]] * 3],
)
def test_an_alpha_of_no_numbers(alpha):
    for x in (X, pl.Series(X)):
        with pytest.raises(TypeError, match="alpha must be a real number"):
            elu.elu(x, pl.Series(alpha))


@pytest.mark.parametrize(
    "series",
    [
        pl.Series([datetime.date(2020, 1, 1)]),
        pl.Series([datetime.datetime(2020, 1, 1)]),
        pl.Series([datetime.timedelta(1)]),
        pl.Series([datetime.time(1)]),
        pl.Series(["a"]),
        pl.Series(["a"], dtype=pl.Categorical),
        pl.Series([b"a"]),
        pl.Series([[1]]),
        pl.Series([[1]], dtype=pl.Array(pl.Int8, 1)),
        pl.Series([1], dtype=pl.Decimal(10, 2)),
        pl.Series([None]),
    ],
    ids=lambda series: str(series.dtype),
)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_series_of_no_numbers_is_a_type_error_that_names_the_dtype(name, series):
    for alpha, keywords in itertools.product([1.0, 0.5], [{}, {"order": "C"}, {"dtype": "f8"}]):
        with pytest.raises(TypeError, match=re.escape(f"dtype {series.dtype} is not supported")):
            reference.function(name)(*inputs(name, series, series), alpha, **keywords)


def test_booleans_are_as_those_of_an_array():
    for given in ([True, False], [True, None]):
        assert elu.elu(pl.Series(given)).dtype == pl.Float16
        assert elu.elu(pl.Series(given)).to_list() == [x if x is None else float(x) for x in given]


def test_expressions():
    """The numbers are not there yet; alpha is checked, as far as it is a number."""
    frame, column = pl.DataFrame({"a": X.astype("f8"), "b": [1.0, 2, 3]}), pl.col("a")
    for alpha in (1.0, 1.5, 70000, 1e-10):
        result = frame.select(elu.celu(column, alpha))["a"].to_numpy()
        assert_same_bits(result, elu.celu(X.astype("f8"), alpha))
    for bad in (0, np.nan, -1):
        with pytest.raises(ValueError, match="alpha must be"):
            elu.celu_grad_from_output(column, column, bad)
    both = frame.select(elu.elu(column, pl.col("b")))["a"].to_numpy()
    assert_same_bits(both, elu.elu(X.astype("f8"), [1.0, 2, 3]))
