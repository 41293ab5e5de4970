"""What containers of other libraries need to be told before a ufunc of ours gets through."""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

_introduced: set[str] = set()


def introduce(ufuncs: list[np.ufunc]) -> None:
    """Make the ufuncs known to pint and astropy, which take none that they do not know.

    Quantities without dimension pass and give such; others are the libraries' own errors.
    """
    if "pint" in sys.modules and "pint" not in _introduced:
        _introduced.add("pint")
        handled = import_module("pint.facets.numpy.numpy_func").HANDLED_UFUNCS
        for ufunc in ufuncs:
            handled[ufunc.__name__] = _for_pint(ufunc)
    if "astropy.units" in sys.modules and "astropy" not in _introduced:
        _introduced.add("astropy")
        helpers = import_module("astropy.units.quantity_helper").UFUNC_HELPERS
        without_dimension = helpers[np.expm1]
        for ufunc in ufuncs:
            helpers[ufunc] = lambda ufunc, *units: (
                [without_dimension(ufunc, unit)[0][0] for unit in units],
                without_dimension(ufunc, None)[1],
            )


def _for_pint(ufunc: np.ufunc) -> Callable[..., Any]:
    def handled(*operands: Any, **keywords: Any) -> Any:
        quantity = next(each for each in operands if hasattr(each, "m_as"))
        plain = [each.m_as("") if hasattr(each, "m_as") else each for each in operands]
        return type(quantity)(ufunc(*plain, **keywords), "")

    return handled


def is_mixed_frame(operand: object) -> bool:
    """A pandas DataFrame of several dtypes: beside a second operand pandas would make them one."""
    pandas = sys.modules.get("pandas")
    return (
        pandas is not None
        and isinstance(operand, pandas.DataFrame)
        and operand.dtypes.nunique() > 1
    )
