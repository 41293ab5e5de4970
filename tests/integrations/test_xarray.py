"""xarray: the same container comes back, with dimensions, coordinates, name and attributes."""

import numpy as np
import pytest
import reference
from reference import FUNCTIONS, GRADIENTS, WITH_ALPHA, assert_same_bits

import elu

xr = pytest.importorskip("xarray")

X = reference.mixed(np.float32, 12).reshape(3, 4)


@pytest.fixture
def array():
    return xr.DataArray(X, dims=("c", "t"), coords={"t": [1, 2, 3, 4]}, name="n", attrs={"u": 1})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_data_array(name, array):
    function = reference.function(name)
    result = function(*reference.inputs(name, array, array), 1.5)
    assert type(result) is xr.DataArray
    expected = array.copy(data=function(*reference.inputs(name, X, X), 1.5))
    xr.testing.assert_identical(result, expected)
    assert_same_bits(result.values, expected.values)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_dataset(name, array):
    dataset = xr.Dataset({"a": array, "b": ("t", np.arange(-2, 2))})
    result = reference.function(name)(*reference.inputs(name, dataset, dataset), 1.5)
    assert type(result) is xr.Dataset
    for key, variable in dataset.items():
        expected = reference.function(name)(*reference.inputs(name, variable, variable), 1.5)
        xr.testing.assert_identical(result[key].drop_attrs(), expected.drop_attrs())


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_align_by_name_and_label(name, array):
    """Dimensions in another order, and labels that not both have: as xarray adds two arrays."""
    grad = xr.DataArray(
        np.arange(9, dtype=np.float32).reshape(3, 3), dims=("t", "c"), coords={"t": [2, 3, 9]}
    )
    result = reference.function(name)(grad, array)
    assert (result.dims, result.shape) == ((grad + array).dims, (grad + array).shape)
    assert result.t.values.tolist() == [2, 3]
    expected = reference.function(name)(grad.values[:2], X[:, 1:3].T)
    assert_same_bits(result.values, expected)


def test_alpha_broadcasts_by_name(array):
    alpha = xr.DataArray([0.5, 1, 2], dims="c")
    assert_same_bits(elu.elu(array, alpha).values, elu.elu(X, alpha.values[:, None]))


@pytest.mark.parametrize("name", WITH_ALPHA)
def test_alpha_in_a_data_array_must_be_finite(name, array):
    with pytest.raises(ValueError, match="alpha must be finite"):
        reference.function(name)(
            *reference.inputs(name, array, array), xr.DataArray([1, np.nan, 1], dims="c")
        )


def test_out_is_refused_by_xarray(array):
    with pytest.raises(NotImplementedError, match="out"):
        elu.elu(array, out=array.copy())


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        *[(name, bad, "finite") for name in WITH_ALPHA for bad in (np.nan, np.inf, 1e39)],
        *[(name, bad, "more than 0") for name in FUNCTIONS[6:] for bad in (0.0, -1.0, 1e-50)],
    ],
)
def test_alpha_in_any_container_must_be_what_the_function_allows(name, bad, message, array):
    alpha = xr.DataArray([1.0, bad, 1.0], dims="c")
    dataset = xr.Dataset({"a": array, "b": array * 2})
    for x, given in [
        (array, alpha),
        (X[:, 0], alpha),
        (array, xr.Dataset({"a": alpha})),
        (dataset, alpha),
        (dataset, xr.Dataset({"a": alpha, "b": xr.ones_like(alpha)})),
        (dataset, xr.Dataset({"a": xr.ones_like(alpha), "b": alpha})),
    ]:
        with pytest.raises(ValueError, match=f"alpha must be {message}"):
            reference.function(name)(*reference.inputs(name, x, x), given)


@pytest.mark.parametrize("name", WITH_ALPHA)
def test_dimensions_of_alpha_alone_do_not_enlarge_the_result(name, array):
    alpha = xr.DataArray(np.ones(2), dims="new")
    for x, given in [
        (array, alpha),
        (X, xr.DataArray(np.ones((2, *X.shape)), dims=("new", "c", "t"))),
        (xr.Dataset({"a": array}), alpha),
        (xr.Dataset({"a": array}), xr.Dataset({"a": alpha})),
    ]:
        with pytest.raises(ValueError, match="alpha"):
            reference.function(name)(*reference.inputs(name, x, x), given)


@pytest.mark.parametrize("name", WITH_ALPHA)
def test_alpha_goes_by_label_and_lacks_none(name, array):
    """xarray would leave out what it finds in one of them only."""
    labels = [1, 2, 3, 4, 5]
    alpha = xr.DataArray(np.linspace(0.5, 1.5, 5), dims="t", coords={"t": labels[::-1]})
    function = reference.function(name)
    result = function(*reference.inputs(name, array, array), alpha)
    expected = function(*reference.inputs(name, X, X), alpha.values[:0:-1])
    assert_same_bits(result.transpose("c", "t").sel(t=labels[:4]).values, expected)
    for lacking in (alpha[2:], alpha.assign_coords(t=list("abcde"))):
        with pytest.raises(ValueError, match=r"labels of the other operand, and lacks [14]"):
            function(*reference.inputs(name, array, array), lacking)
