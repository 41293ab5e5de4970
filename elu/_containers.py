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
        handled = import_module("pint.facets.numpy.numpy_func").HANDLED_UFUNCS
        for ufunc in ufuncs:
            handled[ufunc.__name__] = _for_pint(ufunc)
        _introduced.add("pint")  # at last: another thread must not find it half done
    if "astropy.units" in sys.modules and "astropy" not in _introduced:
        helpers = import_module("astropy.units.quantity_helper").UFUNC_HELPERS
        without_dimension = helpers[np.expm1]
        for ufunc in ufuncs:
            helpers[ufunc] = lambda ufunc, *units: (
                [without_dimension(ufunc, unit)[0][0] for unit in units],
                without_dimension(ufunc, None)[1],
            )
        _introduced.add("astropy")


def _for_pint(ufunc: np.ufunc) -> Callable[..., Any]:
    def handled(*operands: Any, **keywords: Any) -> Any:
        quantity = next(each for each in operands if hasattr(each, "m_as"))
        plain = [each.m_as("") if hasattr(each, "m_as") else each for each in operands]
        return type(quantity)(ufunc(*plain, **keywords), "")

    return handled


def is_by_column(operands: tuple[Any, ...]) -> bool:
    """A pandas DataFrame that is no single NumPy array: of several dtypes, or of nullable ones.

    Beside a second operand, and alpha is one, pandas would make it an array of the widest dtype,
    or of objects.
    """
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return False
    frames = [each for each in operands if isinstance(each, pandas.DataFrame)]
    others = [each for each in operands if not isinstance(each, pandas.DataFrame)]
    dtypes = [set(frame.dtypes) for frame in frames]
    return all(isinstance(each, (np.ndarray, np.generic, int, float)) for each in others) and any(
        len(each) > 1 or not all(isinstance(dtype, np.dtype) for dtype in each) for each in dtypes
    )


def by_column(function: Callable[..., Any], operands: tuple[Any, ...]) -> Any:
    """The function on each column by itself, of frames aligned by their labels."""
    pandas = sys.modules["pandas"]
    frames = [each for each in operands if isinstance(each, pandas.DataFrame)]
    if len(frames) == 2:
        frames = frames[0].align(frames[1])
        operands = (*frames, *operands[2:])
    frame = frames[0]

    def column(operand: Any, k: int) -> Any:
        if isinstance(operand, pandas.DataFrame):
            return operand.iloc[:, k]
        return np.broadcast_to(operand, frame.shape)[:, k] if np.ndim(operand) else operand

    columns = [
        function(*[column(operand, k) for operand in operands]) for k in range(frame.shape[1])
    ]
    result = frame._constructor(pandas.concat(columns, axis=1))
    result.columns = frame.columns
    return result.__finalize__(frame)
