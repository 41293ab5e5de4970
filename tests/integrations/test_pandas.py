"""pandas: the same container comes back, with its labels, its dtypes and its missing values."""

import itertools

import numpy as np
import pytest
import reference
from reference import FUNCTIONS, GRADIENTS, WITH_ALPHA, assert_same_bits

import elu

pd = pytest.importorskip("pandas")

X = np.array([[-1.5, -0.0], [2.0, -3.0], [-0.25, 4.0]], np.float32)
ROWS, COLUMNS = list("abc"), ["p", "q"]


@pytest.mark.parametrize("alpha", [1.5, 2, np.float64(0.5)])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_series(name, alpha):
    function = reference.function(name)
    series = pd.Series(X[:, 0], index=ROWS, name="s")
    result = function(*reference.inputs(name, series, series), alpha)
    assert type(result) is pd.Series
    assert result.name == "s"
    assert result.index.equals(series.index)
    column = X[:, 0].copy()
    assert_same_bits(result.to_numpy(), function(*reference.inputs(name, column, column), alpha))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_frame(name):
    function = reference.function(name)
    frame = pd.DataFrame(X, index=ROWS, columns=COLUMNS)
    result = function(*reference.inputs(name, frame, frame), 1.5)
    assert type(result) is pd.DataFrame
    assert result.index.equals(frame.index)
    assert result.columns.equals(frame.columns)
    assert_same_bits(result.to_numpy(), function(*reference.inputs(name, X, X), 1.5))


def test_a_frame_of_several_dtypes_keeps_them_as_exp_does():
    frame = pd.DataFrame({"half": np.float16([-1]), "single": np.float32([-1]), "int": [-1]})
    assert elu.elu(frame).dtypes.equals(np.exp(frame).dtypes)


@pytest.mark.parametrize("dtype", ["Float32", "Int16", "float32[pyarrow]", "mixed"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_frames_are_computed_column_by_column(name, dtype):
    """Each as the Series it is: nullable dtypes and missing values would not survive an array."""
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"p": [-1, None, 2], "q": [-3, -4, 5]}, index=ROWS)
    frame = frame.astype({"p": "Float32", "q": "f4"} if dtype == "mixed" else dtype)
    frame.attrs["unit"] = "V"
    frame.columns.name = "channel"
    function = reference.function(name)
    for alpha in (1.5, np.float32([0.5, 2])):
        result = function(*reference.inputs(name, frame, frame), alpha)
        assert type(result) is pd.DataFrame
        assert result.attrs == frame.attrs
        assert result.columns.identical(frame.columns)
        for k, one in enumerate(np.broadcast_to(alpha, 2)):
            column = frame.iloc[:, k]
            expected = function(*reference.inputs(name, column, column), float(one))
            pd.testing.assert_series_equal(result.iloc[:, k], expected, check_exact=True)


@pytest.mark.parametrize("dtype", ["float32", "Float32"])
def test_gradients_of_frames_align_by_both_labels(dtype):
    x = pd.DataFrame(X, index=ROWS, columns=COLUMNS).astype(dtype)
    grad = pd.DataFrame(2 * X, index=ROWS, columns=COLUMNS).astype(dtype)
    expected = elu.elu_grad(grad, x)
    for other in (grad.iloc[::-1, ::-1], grad.iloc[::-1], grad.iloc[:, ::-1]):
        pd.testing.assert_frame_equal(elu.elu_grad(other, x).loc[ROWS, COLUMNS], expected)
    partly = elu.elu_grad(grad.loc[["b", "c"], ["q"]], x)
    assert set(partly.dtypes) == set(x.dtypes)
    pd.testing.assert_frame_equal(partly.loc[["b", "c"], ["q"]], expected.loc[["b", "c"], ["q"]])
    assert partly.isna().to_numpy().sum() == 4


def test_a_nullable_frame_beside_an_array_or_a_number():
    x = pd.DataFrame(X, index=ROWS, columns=COLUMNS).astype("Float32")
    for grad in (2.0, np.float32([1, 2]), 2 * X):
        expected = elu.elu_grad(np.broadcast_to(np.float32(grad), X.shape), X)
        result = elu.elu_grad(grad, x)
        assert set(result.dtypes) == {pd.Float32Dtype()}
        assert_same_bits(result.to_numpy(np.float32), expected)


def test_a_series_beside_a_frame_is_pandas_error():
    frame = pd.DataFrame(X, index=ROWS, columns=COLUMNS)
    for x in (frame, frame.astype("Float32")):
        for arrays, alpha in itertools.product([(frame["p"], x), (x, frame["p"])], [1.0, 1.5]):
            with pytest.raises(NotImplementedError, match="mixed DataFrame and Series"):
                elu.elu_grad(*arrays, alpha)


@pytest.mark.parametrize("dtype", ["Float32", "Int16", "float32[pyarrow]"])
def test_missing_values_stay_missing(dtype):
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    series = pd.Series([-1, None, 2], dtype=dtype)
    result = elu.elu(series, 1.5)
    assert result.dtype == np.exp(series).dtype
    assert result.isna().tolist() == [False, True, False]
    expected = elu.elu(np.float32([-1, 2]), 1.5)
    assert_same_bits(result.dropna().to_numpy(np.float32), expected)


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_align_by_label(name):
    """As pandas aligns the operands of any ufunc, whatever their order."""
    function = reference.function(name)
    grad = pd.Series(np.float32([1, 2, 3]), index=list("cba"))
    x = pd.Series(X[:, 0], index=ROWS)
    result = function(grad, x)
    assert result.index.equals(np.hypot(grad, x).index)
    expected = function(np.float32([3, 2, 1]), X[:, 0].copy())
    assert_same_bits(result[ROWS].to_numpy(), expected)


class Labelled(pd.Series):
    """A subclass as libraries have them."""

    @property
    def _constructor(self):
        return Labelled


def series(x, **keywords):
    """One with a note in its attrs, which pandas keeps where no other Series is beside it."""
    result = pd.Series(x, **{"index": ROWS, "name": "s", **keywords})
    result.attrs["note"] = 1
    return result


Y = X[:, 0]
TWICE = pd.MultiIndex.from_tuples([(1, "a"), (1, "a"), (2, "b")])


@pytest.mark.parametrize(
    "operands",
    [
        (series(Y), series(Y)), (series(Y), series(Y, name="t")), (series(Y), series(Y, name=None)),
        (series(Y), 2), (2.5, series(Y)), (series(Y), np.float64(2)), (np.float32(2), series(Y)),
        (series(Y), Y.astype("f8")), (Y, series(Y)), (series(Y.astype("i4")), series(Y)),
        (series(Y, index=TWICE), series(Y, index=TWICE)), (series(Y[:1], index=["a"]), Y[:1]),
        (series(Y[:0], index=[]), series(Y[:0], index=[])), (series(Y[:0], index=[]), 2.0),
        (series(Y), series(Y, index=list("cba"))), (series(Y), series(Y, dtype="Float32")),
        (Labelled(Y, index=ROWS), series(Y)), (series(Y), Labelled(Y, index=ROWS)),
        (Labelled(Y, index=ROWS, name="u"), 2.0),
        (series(Y), np.ma.array(Y, mask=[0, 1, 0])),
    ],
    ids=map(str, itertools.count()),
)
def test_gradients_of_series_are_as_those_of_a_ufunc(operands):
    """Type, name, labels, attrs and dtype are those of numpy.logaddexp."""
    expected = np.logaddexp(*operands)
    for name in GRADIENTS:
        result = reference.function(name)(*operands)
        assert type(result) is type(expected)
        if isinstance(expected, pd.Series):
            assert (result.name, result.dtype, result.attrs) == (
                expected.name, expected.dtype, expected.attrs
            )
            assert result.index.identical(expected.index)
            by_pandas = getattr(elu._ufuncs, name)(*operands)
            pd.testing.assert_series_equal(result, by_pandas, check_exact=True)


@pytest.mark.parametrize("shape", [(2,), (1,), (1, 3), (3, 1)])
def test_an_array_of_another_shape_beside_a_series_is_as_in_a_ufunc(shape):
    other = np.ones(shape, np.float32)
    for operands in [(series(Y), other), (other, series(Y))]:
        try:
            expected = np.logaddexp(*operands)
        except Exception as error:
            with pytest.raises(type(error)):
                elu.elu_grad(*operands)
        else:
            result = elu.elu_grad(*operands)
            assert (type(result), result.shape) == (type(expected), expected.shape)


@pytest.mark.parametrize("other", [list, np.asarray])
@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_of_a_series_beside_an_array(name, other):
    x, grad = pd.Series(X[:, 0], index=ROWS), np.float32([1, 2, 4])
    result = reference.function(name)(other(grad), x)
    assert result.index.equals(x.index)
    expected = reference.function(name)(other(grad), X[:, 0])
    assert_same_bits(result.to_numpy(), expected)


def test_alpha_aligns_by_label():
    x = pd.Series(np.float32([-1, -1, 2]), index=ROWS)
    alpha = pd.Series([1, 2, 3.0], index=list("cba"))
    result = elu.elu(x, alpha)
    assert_same_bits(result[ROWS].to_numpy(), elu.elu(x.to_numpy(), np.array([3, 2, 1])))


@pytest.mark.parametrize("dtype", ["float64", "Float64"])
@pytest.mark.parametrize("labels", ["abc", "cba"])
def test_the_name_is_that_of_x(labels, dtype):
    x = pd.Series(X[:, 0], index=ROWS, name="x")
    missing = None if dtype == "Float64" else 0.25
    alpha = pd.Series([0.5, 0.5, missing], index=list(labels), name="alpha", dtype=dtype)
    assert elu.elu(x, alpha).name == elu.elu_grad(x, x, alpha).name == "x"
    assert alpha.name == "alpha"


def test_a_label_twice_in_alpha():
    """Refused, unless x has it twice, too."""
    alpha = pd.Series([0.5, 1.0, 2.0], index=list("aab"))
    with pytest.raises(ValueError, match="duplicate labels"):
        elu.elu(pd.Series(X[:2, 0], index=list("ab")), alpha)
    result = elu.elu(pd.Series(X[:, 0], index=list("aab")), alpha)
    assert_same_bits(result.to_numpy(), elu.elu(X[:, 0], alpha.to_numpy()))


@pytest.mark.parametrize("name", ["elu_grad", "celu_grad"])
def test_alpha_beside_gradients_of_other_labels(name):
    """Of its two operands in the same order it goes by labels, too."""
    function = reference.function(name)
    grad, x = pd.Series(X[:, 1], index=ROWS), pd.Series(X[:, 0], index=ROWS)
    alpha = pd.Series([0.5, 1.0, 2.0], index=ROWS)
    expected = function(grad, x, alpha)
    result = function(grad[::-1], x, alpha[::-1])
    assert_same_bits(result[ROWS].to_numpy(), expected.to_numpy())


def test_labels_that_alpha_lacks_are_refused():
    x, frame = pd.Series(X[:, 0], index=ROWS), pd.DataFrame(X, index=ROWS, columns=COLUMNS)
    for given, alpha in [(x, pd.Series(0.5, index=["a", "c"])), (frame, pd.Series({"q": 0.5}))]:
        for each in (alpha, alpha.astype("Float64")):
            with pytest.raises(ValueError, match=r"labels of the other operand, and lacks '[bp]'"):
                elu.elu(given, each)


@pytest.mark.parametrize("level", ["u", "v"])
def test_labels_of_one_level_are_refused(level):
    index = pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["u", "v"])
    alpha = pd.Series([0.5, 1.0], index=index.unique(level))
    for x in (pd.Series(-1.0, index=index), pd.DataFrame(-1.0, index=[0], columns=index)):
        with pytest.raises(ValueError, match=r"alpha must have the labels .* lacks \('a', 1\)"):
            elu.elu(x, alpha)


@pytest.mark.parametrize("dtype", ["Float64", "Int64", "float32[pyarrow]"])
def test_a_nullable_alpha_does_not_change_the_dtype(dtype):
    """Unless a number is missing."""
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    x, alpha = series(X[:, 0]), pd.Series([1, 2, 3], index=list("cba"), dtype=dtype)
    pd.testing.assert_series_equal(elu.elu(x, alpha), elu.elu(x, alpha.astype("f8")))
    assert elu.elu(x, alpha).attrs == x.attrs
    assert elu.elu(x, alpha.where(alpha > 1)).isna().tolist() == [False, False, True]


@pytest.mark.parametrize("labels", [{"index": [1, 2]}, {"columns": list("ab")}, {}])
def test_frames_without_rows_or_columns(labels):
    frame = pd.DataFrame(dtype="f4", **labels)
    for result in (
        elu.elu(frame), elu.elu(frame, 2.0), elu.elu_grad(1.0, frame), elu.celu_grad(frame, frame)
    ):
        pd.testing.assert_frame_equal(result, np.multiply(frame, 2.0))


@pytest.mark.parametrize("dtype", ["float64", "Float64"])
@pytest.mark.parametrize("bad", [-np.inf, np.inf])
@pytest.mark.parametrize("name", WITH_ALPHA)
def test_alpha_in_a_series_must_be_finite(name, bad, dtype):
    x = pd.Series(X[:, 0], index=ROWS)
    alpha = pd.Series([1, bad, 1], index=ROWS, dtype=dtype)
    with pytest.raises(ValueError, match="alpha must be finite"):
        reference.function(name)(*reference.inputs(name, x, x), alpha)


def test_nan_as_alpha_in_a_series_is_refused():
    with pytest.raises(ValueError, match="alpha must be finite"):
        elu.elu(pd.Series([-1.0, 2.0]), pd.Series([1.0, np.nan]))


@pytest.mark.parametrize("dtype", ["float64", "Float64", "Int8"])
def test_a_negative_alpha_in_a_series_is_refused_for_the_output_form(dtype):
    x = pd.Series(X[:, 0], index=ROWS)
    with pytest.raises(ValueError, match="elu_grad "):
        elu.elu_grad_from_output(x, x, pd.Series([1, -1, 1], index=ROWS, dtype=dtype))


@pytest.mark.parametrize("bad", [0, -1, 1e-50])
@pytest.mark.parametrize("name", FUNCTIONS[6:])
def test_an_alpha_that_is_not_more_than_0_is_refused_in_series_and_frames(name, bad):
    x, frame = pd.Series(X[:, 0], index=ROWS), pd.DataFrame(X, index=ROWS, columns=COLUMNS)
    column = pd.Series([1, bad, 1], index=ROWS)
    for given, alpha in [
        (x, bad), (x, column), (x, column.astype("Float64")), (X[:, 0], column), (frame, bad),
        (frame, np.array([1, bad])), (frame, pd.Series({"p": 1, "q": bad})),
        (frame, pd.DataFrame({"p": 1, "q": bad}, index=ROWS)),
        (frame.astype({"p": "f8"}), pd.DataFrame({"p": 1, "q": bad}, index=ROWS)),
    ]:
        with pytest.raises(ValueError, match="alpha must be more than 0"):
            reference.function(name)(*reference.inputs(name, given, given), alpha)


def test_a_missing_alpha_gives_a_missing_result():
    alpha = pd.Series([2, None, 2], index=ROWS, dtype="Float64")
    for function in (elu.elu, elu.celu):
        result = function(pd.Series(X[:, 0], index=ROWS), alpha)
        assert result.isna().tolist() == [False, True, False]


@pytest.mark.parametrize("out", [pd.Series.copy, np.array], ids=["series", "array"])
def test_out_as_exp_takes_it(out):
    x = pd.Series(X[:, 0], index=ROWS)
    out = out(x)
    elu.elu(x, 1.5, out=out)
    assert_same_bits(np.asarray(out), elu.elu(X[:, 0], 1.5))


@pytest.mark.parametrize(
    "series",
    [
        pd.Series(["a"]),
        pd.Series([1.0, "a"], dtype=object),
        pd.Series([1.0, 2.0], dtype="category"),
        pd.Series(pd.to_datetime(["2020-01-01"])),
    ],
    ids=["str", "object", "category", "datetime"],
)
@pytest.mark.parametrize("container", [pd.Series, pd.DataFrame])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_no_number_is_refused(name, container, series):
    with pytest.raises(TypeError, match=r"object|str|category|datetime64"):
        reference.function(name)(*[container(series)] * len(reference.INPUTS[name]))


@pytest.mark.parametrize("dtypes", [("f4", "f8"), ("f2", "i1"), ("f4", "Float32"), ("f4", "f4")])
@pytest.mark.parametrize("name", WITH_ALPHA)
def test_a_frame_as_alpha_changes_no_dtype(name, dtypes):
    """Each column as by itself, with the column of alpha of the same label."""
    frame = pd.DataFrame({"p": X[:, 0], "q": [-3, -4, 5]}, index=ROWS)
    frame = frame.astype({"p": dtypes[0], "q": dtypes[1]})
    alpha = pd.DataFrame({"q": [0.5, 1, 2], "p": [0.1, 2, 3]}, index=ROWS)
    function = reference.function(name)
    result = function(*reference.inputs(name, frame, frame), alpha)
    assert type(result) is pd.DataFrame
    assert set(result.columns) == {"p", "q"}
    for label in COLUMNS:
        column, own = frame[label], alpha[label].to_numpy()
        expected = function(*reference.inputs(name, column, column), own)
        assert result[label].dtype == np.exp(column).dtype
        pd.testing.assert_series_equal(result[label], expected, check_exact=True)


@pytest.mark.parametrize("dtypes", [("f4", "f8"), ("f4", "f4")])
@pytest.mark.parametrize("name", WITH_ALPHA)
def test_a_series_as_alpha_of_a_frame_as_multiply_takes_it(name, dtypes):
    """By the labels of the columns."""
    frame = pd.DataFrame(X, index=ROWS, columns=COLUMNS)
    frame = frame.astype({"p": dtypes[0], "q": dtypes[1]})
    alpha = pd.Series({"q": 0.5, "p": 2.0})
    expected = np.multiply(frame, alpha)
    function = reference.function(name)
    result = function(*reference.inputs(name, frame, frame), alpha)
    assert type(result) is type(expected)
    assert (set(result.columns), list(result.index)) == (set(expected.columns), ROWS)
    for label in COLUMNS:
        column = frame[label]
        right = function(*reference.inputs(name, column, column), alpha[label])
        pd.testing.assert_series_equal(result[label], right, check_exact=True)


BAD_ALPHAS = [np.nan, np.inf, -np.inf, 1e39]


@pytest.mark.parametrize("bad", BAD_ALPHAS)
@pytest.mark.parametrize("dtypes", ["f4", "Float32", {"p": "f4", "q": "f2"}], ids=str)
@pytest.mark.parametrize("name", WITH_ALPHA)
def test_alpha_in_a_frame_must_be_finite(name, dtypes, bad):
    """In the dtype of each column: 1e39 is not in float32 and float16."""
    frame = pd.DataFrame(X, index=ROWS, columns=COLUMNS).astype(dtypes)
    alpha = pd.DataFrame(np.ones(X.shape), index=ROWS, columns=COLUMNS)
    alpha.loc["b", "q"] = bad
    for x, keywords in [(frame, {}), (X, {}), (X, {"dtype": np.float32})]:
        with pytest.raises(ValueError, match="alpha must be finite"):
            reference.function(name)(*reference.inputs(name, x, x), alpha, **keywords)


@pytest.mark.parametrize("bad", BAD_ALPHAS)
@pytest.mark.parametrize("name", WITH_ALPHA)
def test_alpha_in_a_series_must_be_finite_beside_anything(name, bad):
    alpha = pd.Series([1.0, bad, 1.0], index=ROWS)
    for x in (X[:, 0].copy(), pd.Series(X[:, 0], index=ROWS)):
        with pytest.raises(ValueError, match="alpha must be finite"):
            reference.function(name)(*reference.inputs(name, x, x), alpha)
    frame = pd.DataFrame(X, index=ROWS, columns=COLUMNS)
    alpha = pd.Series({"p": 1.0, "q": bad})
    with pytest.raises(ValueError, match="alpha must be finite"):
        reference.function(name)(*reference.inputs(name, frame, frame), alpha)


@pytest.mark.parametrize("name", WITH_ALPHA)
def test_labels_of_alpha_alone_do_not_enlarge_the_result(name):
    frame, series = pd.DataFrame(X, index=ROWS, columns=COLUMNS), pd.Series(X[:, 0], index=ROWS)
    for x, alpha in [
        (series, pd.Series(1.5, index=list("abcd"))),
        (series, pd.DataFrame(1.5, index=ROWS, columns=COLUMNS)),
        (frame, pd.DataFrame(1.5, index=list("abcd"), columns=COLUMNS)),
        (frame, pd.DataFrame(1.5, index=ROWS, columns=["p", "q", "r"])),
        (frame, pd.Series({"p": 1.5, "q": 1.5, "r": 1.5})),
        (frame.astype({"p": "f8"}), pd.DataFrame(1.5, index=ROWS, columns=["p", "q", "r"])),
        (X[0], pd.DataFrame(1.5, index=ROWS, columns=COLUMNS)),
    ]:
        with pytest.raises(ValueError, match="alpha"):
            reference.function(name)(*reference.inputs(name, x, x), alpha)


@pytest.mark.parametrize("alpha", [
    pd.Series([True, None, False], dtype="boolean"),
    pd.Series(list("abc")),
    pd.Series(list("123"), dtype="string"),
    pd.Series(list("aab"), dtype="category"),
    pd.Index(list("abc")),
    pd.DataFrame({"p": pd.array([True, False, True], "boolean")}),
    pd.Series(pd.to_datetime(["2020"] * 3)),
    pd.NA,
], ids=["boolean", "str", "string", "category", "index", "frame", "datetime", "NA"])
@pytest.mark.parametrize("name", WITH_ALPHA)
def test_an_alpha_that_is_no_number_is_a_type_error(name, alpha):
    for x in (np.float32([-1, 0, 1]), pd.Series(np.float64([-1, 0, 1]))):
        with pytest.raises(TypeError, match=f"^{name}: alpha must be a real number"):
            reference.function(name)(*reference.inputs(name, x, x), alpha)


def test_labels_are_named_where_the_shapes_agree():
    series = pd.Series([-1.0, 1.0], index=["a", "b"])
    with pytest.raises(ValueError, match="of the other operand, and lacks 'b'"):
        elu.elu(series, pd.Series(1.5, index=["a", "c"]))
    with pytest.raises(ValueError, match="of the other operand, and has 999"):
        elu.elu(pd.Series(np.zeros(999)), pd.Series(np.ones(1000)))


@pytest.mark.parametrize("size", [9, 2**17 + 5])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_series_as_out_of_arrays_as_exp_takes_it(name, size):
    x = np.resize(X.ravel(), size)
    for alpha, threads in [(1.0, 1), (1.0, 2), (1.5, 2), (np.full(size, 1.5), 2)]:
        elu.set_num_threads(threads)
        out, other = (pd.Series(np.zeros(size, np.float32), name="s") for _ in range(2))
        result = reference.function(name)(*reference.inputs(name, x, x), alpha, out=out)
        expected = np.exp(x, out=other)
        assert type(result) is type(expected)
        assert (result is out) == (expected is other)
        plain = reference.function(name)(*reference.inputs(name, x, x), alpha)
        assert_same_bits(out.to_numpy(), plain)
