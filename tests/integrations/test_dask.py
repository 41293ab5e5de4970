"""dask: lazy stays lazy, also inside xarray, and what is computed at last has the same bits."""

import itertools
import pickle

import numpy as np
import pytest
import reference
from reference import FORWARD, FUNCTIONS, GRADIENTS, WITH_ALPHA, assert_same_bits

import elu

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")

CELUS = FUNCTIONS[6:]
X, GRAD = np.random.default_rng(0).normal(0, 3, (2, 20, 50)).astype(np.float32)


def compute(collection):
    return collection.compute(scheduler="synchronous")


def forbidden(block):
    """Whoever computes a block of these finds out; dask itself asks for one of no elements."""
    assert block.size <= 1, "computed"
    return block


def lazy(a, chunks=(7, 20)):
    return da.from_array(a, chunks=chunks).map_blocks(forbidden, dtype=a.dtype)


def call(name, grad, x, *arguments, **keywords):
    return reference.function(name)(*reference.inputs(name, grad, x), *arguments, **keywords)


def make(a, chunks=(7, 20)):
    return da.from_array(a, chunks=chunks)


def allowed(name, alpha):
    """alpha without zeros where the function takes none."""
    return alpha if reference.allows(name, alpha) else np.maximum(alpha, 0.01)


@pytest.mark.parametrize("dtype", ["e", "f", "d", "h", "i", "?", ">f"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_nothing_is_computed(name, dtype):
    x = (np.arange(1000) % 7 - 3).astype(dtype).reshape(20, 50)
    result = call(name, lazy(x), lazy(x), 1.5)
    expected = call(name, x, x, 1.5)
    assert type(result) is da.Array
    assert result.chunks == lazy(x).chunks
    assert result.dtype == expected.dtype
    assert type(result._meta) is np.ndarray
    assert result._meta.dtype == expected.dtype
    with pytest.raises(AssertionError, match="computed"):
        compute(result)


@pytest.mark.parametrize(
    "alpha", [1.0, 2, np.float64(0.5), np.linspace(0, 2, 50), np.linspace(0, 2, 20)[:, None]]
)
@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_same_bits(name, scheduler, alpha):
    alpha = allowed(name, alpha)
    result = call(name, make(GRAD), make(X), alpha).compute(scheduler=scheduler)
    assert_same_bits(result, call(name, GRAD, X, alpha))


@pytest.mark.parametrize("name", WITH_ALPHA)
def test_a_lazy_alpha(name):
    alpha = allowed(name, np.linspace(0, 2, 50))
    result = call(name, GRAD, X, lazy(alpha, 20))
    assert type(result) is da.Array
    assert result.dtype == np.float32
    assert_same_bits(compute(call(name, GRAD, X, make(alpha, 20))), call(name, GRAD, X, alpha))


@pytest.mark.parametrize("name", GRADIENTS)
@pytest.mark.parametrize("other", [X, X.astype(np.float64), X[0], make(X, (5, 50))], ids=range(4))
def test_gradients_of_mixed_arrays(name, other):
    """An array beside a lazy one, wider, smaller, or in other chunks."""
    result = reference.function(name)(other, make(X))
    eager = compute(other) if isinstance(other, da.Array) else other
    expected = reference.function(name)(eager, X)
    assert result.dtype == expected.dtype
    assert_same_bits(compute(result), expected)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_keywords(name):
    where, out = X > 0, make(np.full_like(X, 7))
    expected = call(name, GRAD, X, where=where, out=np.full_like(X, 7))
    result = call(name, make(GRAD), make(X), where=make(where), out=out)
    assert_same_bits(compute(result), expected)
    assert call(name, make(GRAD), make(X), dtype="f8").dtype == np.float64


def test_out_that_is_no_dask_array_is_dasks_error():
    with pytest.raises(NotImplementedError, match="out"):
        elu.elu(lazy(X), out=X.copy())


def test_unknown_chunks():
    x = make(X)
    result = elu.elu(x[x > 0])
    assert np.isnan(result.chunks[0]).all()
    assert_same_bits(compute(result), elu.elu(X[X > 0]))


@pytest.mark.parametrize("dtype", ["F", "O", "g"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_unsupported_dtype_is_refused_before_anything_is_computed(name, dtype):
    x = lazy(X).astype(dtype)
    with pytest.raises(TypeError, match="float32"):
        call(name, x, x)


@pytest.mark.parametrize("alpha", [np.nan, np.inf, 1e300])
@pytest.mark.parametrize("name", WITH_ALPHA)
def test_so_is_a_bad_alpha(name, alpha):
    with pytest.raises(ValueError, match="alpha must be finite"):
        call(name, lazy(GRAD), lazy(X), alpha)


@pytest.mark.parametrize("alpha", [0, -1.0, 1e-50, np.zeros(50)], ids=repr)
@pytest.mark.parametrize("name", CELUS)
def test_so_is_one_that_is_not_more_than_0(name, alpha):
    with pytest.raises(ValueError, match="alpha must be more than 0"):
        call(name, lazy(GRAD), lazy(X), alpha)


@pytest.mark.parametrize("dumps", [pickle.dumps, None], ids=["pickle", "cloudpickle"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_graphs_are_pickled(name, dumps):
    dumps = dumps or pytest.importorskip("cloudpickle").dumps
    result = pickle.loads(dumps(call(name, make(GRAD), make(X), 1.5)))
    assert_same_bits(compute(result), call(name, GRAD, X, 1.5))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_xarray_over_dask(name):
    xr = pytest.importorskip("xarray")
    x = xr.DataArray(lazy(X), dims=("r", "c"), coords={"c": range(50)}, name="n")
    result = call(name, x, x, 1.5)
    assert type(result) is xr.DataArray
    assert type(result.data) is da.Array
    assert (result.name, result.dtype, result.chunks) == ("n", np.float32, x.chunks)
    x = x.copy(data=make(X))
    alpha = allowed(name, np.linspace(0, 2, 20))
    result = call(name, x, x, xr.DataArray(make(alpha, 7), dims="r"))
    expected = call(name, X, X, alpha[:, None])
    assert_same_bits(result.compute(scheduler="synchronous").values, expected)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_dataset_over_dask(name):
    xr = pytest.importorskip("xarray")
    x = xr.Dataset({"a": (("r", "c"), lazy(X)), "b": ("c", lazy(X[0], 20))})
    result = call(name, x, x, 1.5)
    assert type(result) is xr.Dataset
    assert result.chunks == x.chunks
    for variable in result.values():
        assert type(variable.data) is da.Array
        assert variable.dtype == np.float32


@pytest.mark.parametrize("library", ["numpy.ma", "sparse"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_chunks_of_other_kinds_keep_their_kind(name, library):
    """dask is told by its meta, before anything is computed."""
    kind = pytest.importorskip(library)
    a = np.ma.array(X, mask=X > 1) if library == "numpy.ma" else kind.COO.from_numpy(X)
    x = make(a, X.shape)
    result = call(name, x, x, 1.5)
    assert type(result._meta) is type(a)
    assert result.dtype == np.float32
    result, expected = compute(result), call(name, a, a, 1.5)
    assert type(result) is type(a)
    np.testing.assert_array_equal(np.ma.getmask(result), np.ma.getmask(expected))
    assert np.all(result == expected)


def test_frames_of_dask():
    pd = pytest.importorskip("pandas")
    frames = pytest.importorskip("dask.dataframe")
    x = pd.DataFrame(X[:, :2], columns=["p", "q"])
    for eager in (x, x["p"]):
        given = frames.from_pandas(eager, npartitions=3)
        result = elu.elu(given.map_partitions(forbidden, meta=eager), 1.5)
        assert type(result) is type(given)
        assert result.npartitions == 3
        result = compute(elu.elu(given, 1.5))
        assert type(result) is type(eager)
        assert result.equals(elu.elu(eager, 1.5))


@pytest.mark.parametrize("dtype", ["?", "F", "U1", "O"])
@pytest.mark.parametrize("name", WITH_ALPHA)
def test_a_lazy_alpha_of_a_dtype_that_is_not_allowed(name, dtype):
    alpha = lazy(np.zeros((20, 50), dtype))
    for x in (lazy(X), X):
        with pytest.raises(TypeError, match=f"^{name}: alpha must be .* dtype {alpha.dtype}"):
            call(name, x, x, alpha)


@pytest.mark.parametrize("size", [9, 2**17 + 5])
@pytest.mark.parametrize(
    ("name", "bad"),
    [
        *itertools.product(WITH_ALPHA, [np.nan, np.inf, -np.inf, 1e39]),
        *itertools.product(CELUS, [0.0, -0.0, -1.0, -1e-45, 1e-50]),
        *itertools.product(["elu_grad_from_output"], [-1.0, -1e-45]),
    ],
)
def test_a_lazy_alpha_that_is_not_allowed_gives_no_finite_number(name, size, bad):
    x = np.resize(np.float32([-1, 2, -3, -0.0, -200, -1e-30, 0.5]), size)
    grad = np.resize(np.float32([3, 1, -1, 2, 5, -0.25, 4, 1e-20]), size)
    alpha = make(np.full(size, bad), 2**16)
    for arrays in ((make(grad, 2**16), make(x, 2**16)), (grad, x)):
        with np.errstate(all="ignore"):
            result = compute(call(name, *arrays, alpha))
        negative = x < 0
        assert not np.isfinite(result[negative]).any()
        passed = x if name in FORWARD else grad
        assert_same_bits(result[~negative], passed[~negative])


@pytest.mark.parametrize("name", WITH_ALPHA)
def test_alpha_alone_does_not_enlarge_the_result(name):
    """The shapes are known before anything is computed."""
    for x, alpha in [
        (lazy(X), np.ones((2, 20, 50))),
        (lazy(X), da.ones((2, 20, 50))),
        (X, da.ones((2, 20, 50))),
        (lazy(X[:1], 20), da.ones((20, 50))),
    ]:
        with pytest.raises(ValueError, match="alpha"):
            call(name, x, x, alpha)


@pytest.mark.parametrize("name", WITH_ALPHA)
def test_frames_of_dask_with_an_alpha_each(name):
    dd, pd = pytest.importorskip("dask.dataframe"), pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [-2.0, 0.5, -1.0], "b": [1.0, -2.0, -3.0]})
    for x, alpha in [(frame, frame.abs()), (frame["a"], frame["b"].abs())]:
        expected = call(name, x.to_numpy(), x.to_numpy(), alpha.to_numpy())
        lazy_x, lazy_alpha = (dd.from_pandas(each, npartitions=2) for each in (x, alpha))
        result = call(name, lazy_x, lazy_x, lazy_alpha)
        assert type(result) is type(np.logaddexp(lazy_x, lazy_alpha))
        assert_same_bits(compute(result).to_numpy(), expected)
    assert_same_bits(compute(call(name, lazy_x, lazy_x, alpha)).to_numpy(), expected)
