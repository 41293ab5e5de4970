"""Quantities: what has no dimension passes, and what has one gets its library's own error."""

import numpy as np
import pytest
import reference
from processes import run_python
from reference import FUNCTIONS, assert_same_bits

import elu

X = np.array([-1.5, -0.0, 2, -30], np.float32)


class Pint:
    def __init__(self):
        pint = pytest.importorskip("pint")
        self.error = pint.DimensionalityError
        self.quantity = pint.UnitRegistry().Quantity
        self.unit = lambda q: str(q.units)

    def __call__(self, x, unit):
        return self.quantity(x, unit)

    def magnitude(self, quantity):
        assert str(quantity.units) == "dimensionless"
        return quantity.magnitude


class Astropy:
    def __init__(self):
        self.units = pytest.importorskip("astropy.units")
        self.error = self.units.UnitTypeError

    def __call__(self, x, unit):
        return self.units.Quantity(x, unit, dtype=x.dtype)

    def magnitude(self, quantity):
        assert quantity.unit == self.units.dimensionless_unscaled
        return quantity.value


@pytest.fixture(params=[Pint, Astropy])
def library(request):
    return request.param()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_dimensionless_passes(name, library):
    x = library(X, "")
    result = reference.function(name)(*reference.inputs(name, x, x), 1.5)
    assert type(result) is type(x)
    expected = reference.function(name)(*reference.inputs(name, X, X), 1.5)
    assert_same_bits(library.magnitude(result), expected)


def test_a_scaled_unit_is_converted(library):
    result = elu.elu(library(np.array([-50.0, 100]), "percent"))
    np.testing.assert_array_equal(library.magnitude(result), elu.elu(np.array([-0.5, 1])))


def test_a_quantity_beside_an_array(library):
    result = elu.elu_grad(X, library(X, ""))
    assert_same_bits(library.magnitude(result), elu.elu_grad(X, X))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_dimension_is_the_librarys_error(name, library):
    x = library(X, "m")
    with pytest.raises(library.error):
        np.exp(x)
    with pytest.raises(library.error):
        reference.function(name)(*reference.inputs(name, x, x))


@pytest.mark.parametrize("size", [(), (4,)])
def test_a_dimension_of_alpha_is_not_dropped(library, size):
    with pytest.raises(library.error):
        elu.elu(X, library(np.full(size, 2.0), "m"))


@pytest.mark.parametrize("size", [(), (4,)])
@pytest.mark.parametrize("name", FUNCTIONS[6:])
def test_an_alpha_of_celu_that_is_not_more_than_0_is_refused(name, library, size):
    for x in (X, library(X, "")):
        for alpha in (np.zeros(size), library(np.zeros(size), "")):
            with pytest.raises(ValueError, match="alpha must be more than 0"):
                reference.function(name)(*reference.inputs(name, x, x), alpha)


WITHOUT_DASK = """
import sys
sys.modules["dask"] = None
import numpy as np
import pint
import elu

x = np.array([-1.5, 2])
quantity = pint.UnitRegistry().Quantity
assert (elu.elu(x, quantity(2.0, "")).magnitude == elu.elu(x, 2.0)).all()
assert (elu.celu(quantity(x, ""), quantity(2.0, "")).magnitude == elu.celu(x, 2.0)).all()
"""


def test_an_alpha_of_pint_where_there_is_no_dask():
    pytest.importorskip("pint")
    run_python(WITHOUT_DASK, warnings=None)


def test_masked_quantities():
    masked = pytest.importorskip("astropy.utils.masked").Masked
    x = masked(X, mask=[True, False, False, False])
    result = elu.elu(x, 1.5)
    assert type(result) is type(x)
    assert result.mask.tolist() == x.mask.tolist()
    assert_same_bits(result.unmasked[1:], elu.elu(X, 1.5)[1:])


@pytest.mark.parametrize("unit", ["", "m"])
@pytest.mark.parametrize("alpha", [1.0, 1.5])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_out_as_exp_takes_it(name, alpha, unit, library):
    """Beside an ordinary array, and beside a quantity."""
    for x in (X, library(X, "")):
        outs = [library(X.copy(), unit) for _ in range(2)]
        arrays = reference.inputs(name, x, x)
        try:
            expected = np.exp(x, out=outs[0])
        except TypeError:
            with pytest.raises(TypeError):
                reference.function(name)(*arrays, alpha, out=outs[1])
        else:
            result = reference.function(name)(*arrays, alpha, out=outs[1])
            assert type(result) is type(expected)
            assert (result is outs[1]) == (expected is outs[0])
            assert_same_bits(
                library.magnitude(result),
                reference.function(name)(*reference.inputs(name, X, X), alpha),
            )
