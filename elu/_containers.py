"""What pandas, xarray, pint and astropy need to be told, or asked."""

import contextlib
import itertools
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from elu import _ufuncs

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
        if any(hasattr(each, "m_as") for each in keywords.get("out", ())):
            raise TypeError(f"{ufunc.__name__}: pint takes no quantity as out of a ufunc")
        quantity = next(each for each in operands if hasattr(each, "m_as"))
        plain = [each.m_as("") if hasattr(each, "m_as") else each for each in operands]
        return type(quantity)(ufunc(*plain, **keywords), "")

    return handled


def wrong_labels(alpha: Any, inputs: tuple[Any, ...]) -> str:
    """What is wrong with the labels of alpha, in words; nothing where it has those of the inputs.

    pandas and xarray would give NaN, or leave out what only one of two has.
    """
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(alpha, pandas.Series):
        labels = _common_labels(inputs)
        if labels is not None:
            lacks, has = _missing(labels, [alpha.index]), _missing(alpha.index, [labels])
            return f"lacks {lacks[0]!r}" if lacks else f"has {has[0]!r}" if has else ""
    for other in inputs if hasattr(alpha, "dims") else ():
        mine, others = alpha.indexes, getattr(other, "indexes", {})
        for key in set(mine) & set(others):
            lacks = _missing(others[key], [mine[key]])
            if lacks:
                return f"lacks {lacks[0]!r}"
    return ""


def _common_labels(inputs: tuple[Any, ...]) -> Any:
    """The labels of Series of pandas, and of the columns of its frames; None where they differ."""
    pandas = sys.modules["pandas"]
    labelled = (pandas.Series, pandas.DataFrame)
    axes = [each.axes[-1] for each in inputs if isinstance(each, labelled)]
    return axes[0] if axes and all(each.equals(axes[0]) for each in axes) else None


def as_operand_of(alpha: Any, inputs: tuple[Any, ...]) -> Any:
    """alpha as the library of the inputs takes it beside them, in a ufunc that it does not know."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(alpha, pandas.Series):
        labels = _common_labels(inputs)
        is_plain = getattr(alpha.dtype, "kind", "O") in "iuf" and not alpha.hasnans
        if labels is not None and is_plain:
            # pandas would take 10 times as long, and give a nullable dtype on.
            dtype = getattr(alpha.dtype, "numpy_dtype", alpha.dtype)
            return alpha.reindex(labels).to_numpy(dtype)
        for each in inputs:
            if isinstance(each, pandas.Series):
                return alpha.rename(each.name)
            if isinstance(each, pandas.DataFrame):
                columns = each.columns.union(alpha.index, sort=False)
                rows = np.broadcast_to(alpha.reindex(columns), (len(each), len(columns)))
                return pandas.DataFrame(rows, index=each.index, columns=columns)
    if is_of_polars(alpha) and not any(map(is_of_polars, inputs)):
        return alpha.to_numpy()
    return alpha


# -- what a container holds ------------------------------------------------------------------


def is_missing(number: Any) -> bool:
    """Whether it is pandas.NA, which makes an object of what it is computed with."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and number is getattr(pandas, "NA", None)


def numbers_in(container: Any) -> list[Any] | None:
    """The arrays of numbers that a container of any kind holds; None if they are not there yet."""
    if isinstance(container, np.ma.MaskedArray):
        return [np.asarray(container.data)[~np.ma.getmaskarray(container)]]
    if isinstance(container, (np.ndarray, np.generic)):
        return [container]
    # Without dask, pint's quantities have this method all the same, and it fails.
    dask = sys.modules.get("dask.array")
    if dask and hasattr(container, "__dask_graph__") and container.__dask_graph__() is not None:
        return None
    if hasattr(container, "data_vars"):  # an xarray Dataset
        return _in_all(container.data_vars.values())
    if hasattr(container, "columns") and hasattr(container, "items"):  # a pandas DataFrame
        return _in_all(column for _, column in container.items())
    if hasattr(container, "magnitude"):  # a quantity of pint
        return numbers_in(container.magnitude)
    if is_of_polars(container):  # what is missing stays missing
        return [container.drop_nulls().to_numpy()]
    values = getattr(container, "values", None)
    if hasattr(values, "to_numpy"):  # pandas' nullable arrays, likewise
        return [values.to_numpy(np.float64, na_value=1)]
    data = getattr(container, "data", values)
    if isinstance(data, np.ndarray):
        if getattr(container, "nnz", np.inf) < container.size:  # a sparse array
            return [data, np.asarray(container.fill_value)]
        return [data]
    if hasattr(type(container), "__array_ufunc__"):
        return None
    return [np.asarray(container)]


def _in_all(containers: Any) -> list[Any] | None:
    found = [numbers_in(each) for each in containers]
    return None if None in found else [array for arrays in found for array in arrays or []]


def result_dtypes(inputs: tuple[Any, ...], dtype: Any) -> list[np.dtype[Any]]:
    """The dtypes that are computed in: several for a frame of several; none if it is unknown."""
    if dtype is not None:
        try:
            dtype = np.dtype(dtype)
        except TypeError:
            return []
        return [dtype] if is_computed_in(dtype) else []  # the ufunc refuses the others
    found: set[np.dtype[Any]] = set()
    for given in itertools.product(*[_dtypes(each) for each in inputs]):
        try:
            found.add(_ufuncs.elu_grad.resolve_dtypes((given[0], given[-1], None))[-1])
        except TypeError:
            return []
    return list(found)


def cast(values: Any, dtype: np.dtype[Any]) -> Any:
    """The values in the dtype, without a word about those that it cannot hold.

    In interpreted Python: where NumPy fails without an exception, for want of memory, Python makes
    one, and a compiled `with` ends the process.
    """
    with np.errstate(all="ignore"):
        if isinstance(values, np.ma.MaskedArray):
            # Its own way stumbles over the value that bfloat16 is filled with.
            return np.ma.array(values.data.astype(dtype), mask=np.ma.getmask(values))
        return values.astype(dtype)


def is_computed_in(dtype: np.dtype[Any]) -> bool:
    """Whether there are kernels for it."""
    return dtype.char in "efd" or dtype.name == "bfloat16"


def _dtypes(operand: Any) -> list[Any]:
    """Those of an operand's parts, as numpy.ufunc.resolve_dtypes takes them."""
    if type(operand) in (int, float):
        return [type(operand)]
    if is_of_polars(operand):  # which has dtypes of its own
        return [operand.clear().to_numpy().dtype]
    found = [getattr(each, "numpy_dtype", each) for each in dtypes_in(operand)]  # nullable ones
    return [each for each in found if isinstance(each, np.dtype)]


def dtypes_in(operand: Any) -> list[Any]:
    """The dtypes of an operand's parts, as its library has them; none if they are not known."""
    dtypes = getattr(operand, "dtypes", None)
    if hasattr(dtypes, "items"):  # frames, by name
        return _distinct(dtypes)
    if hasattr(operand, "dtype"):
        return [operand.dtype]
    return [] if hasattr(type(operand), "__array_ufunc__") else [np.asarray(operand).dtype]


def _distinct(dtypes: Any) -> list[Any]:
    """Those of the columns of a frame, each once. pandas takes 0.4 us for one of its own array."""
    values = dtypes.to_numpy() if hasattr(dtypes, "to_numpy") else dtypes.values()
    return list(dict.fromkeys(values))


def is_no_number(dtype: Any) -> bool:
    """Whether it is a dtype of polars' other than integers, floats and Boolean."""
    return hasattr(dtype, "is_numeric") and not (
        dtype.is_integer() or dtype.is_float() or str(dtype) == "Boolean"
    )


def refuse_no_numbers(operands: tuple[Any, ...]) -> None:
    """polars would put numbers in the place of its dates and categories."""
    for each in operands:
        if is_of_polars(each) and is_no_number(each.dtype):
            raise TypeError(f"no loop for {each.dtype}")


def enlarges(alpha: Any, inputs: tuple[Any, ...]) -> bool:
    """Whether the result has another shape because of alpha."""
    if hasattr(alpha, "dims"):  # xarray broadcasts by name
        others = [each for each in inputs if hasattr(each, "dims")]
        if others:
            return not set(alpha.dims) <= {key for each in others for key in each.dims}
    if hasattr(alpha, "data_vars"):
        return False
    others = [each for each in inputs if type(each) is type(alpha)]
    pandas = sys.modules.get("pandas")
    if others and pandas is not None and isinstance(alpha, (pandas.Series, pandas.DataFrame)):
        return any(  # it aligns by label
            bool(_missing(labels, [each.axes[k] for each in others]))
            for k, labels in enumerate(alpha.axes)
        )
    shapes = [_shape(each) for each in (alpha, *inputs)]
    if None in shapes:
        return False
    most = max(len(shape) for shape in shapes)
    mine, *theirs = [(1,) * (most - len(shape)) + shape for shape in shapes]
    # Where theirs do not broadcast, NumPy says so.
    return len(shapes[0]) > max(len(shape) for shape in shapes[1:]) or any(
        n != 1 and all(shape[k] != n for shape in theirs) for k, n in enumerate(mine)
    )


def _missing(labels: Any, axes: list[Any]) -> list[Any]:
    """The labels that none of the axes has."""
    if any(labels.equals(each) for each in axes):  # which is quick
        return []
    if labels.nlevels != axes[0].nlevels:
        return list(labels)
    # pyarrow, in which pandas holds strings, would not look for another type.
    return list(labels[~labels.astype(object).isin(axes[0].append(axes[1:]))])


def described(*operands: Any) -> str:
    """Their shape, dimensions or labels, in a message."""
    if not any(hasattr(each, "dims") or hasattr(each, "axes") for each in operands):
        with contextlib.suppress(ValueError):
            return f"shape {np.broadcast_shapes(*[np.shape(each) for each in operands])}"
    return " and ".join(dict.fromkeys(_described(each) for each in operands))


def _described(operand: Any) -> str:
    if hasattr(operand, "dims"):
        return f"dimensions {tuple(operand.dims)}"
    if not hasattr(operand, "axes"):
        return f"shape {np.shape(operand)}"
    labels = [
        ", ".join([*(repr(each) for each in axis[:3].tolist()), *["..."] * (len(axis) > 3)])
        for axis in operand.axes
    ]
    return f"labels {' by '.join(labels)}"


def _shape(operand: Any) -> Any:
    """None where it is not known, as with dask, or not to be asked for."""
    if not (hasattr(operand, "shape") or hasattr(operand, "__array_ufunc__")):
        return np.shape(operand)
    shape = getattr(operand, "shape", None)
    return shape if isinstance(shape, tuple) and all(isinstance(n, int) for n in shape) else None


def with_own_mask(result: Any) -> Any:
    """NumPy gives the result of one masked array the mask of that array, not a copy.

    That of three operands gets the mask of one that is masked somewhere, which may be smaller.
    """
    if result is np.ma.masked or result.mask is np.ma.nomask:
        return result
    # unshare_mask does not know that it is shared, and a new masked array takes 5 us.
    mask = result.mask
    if mask.shape != result.shape:
        mask = np.broadcast_to(mask, result.shape)
    result._mask = mask.copy()
    return result


def wrote_to(out: Any) -> None:
    """Tell PyTorch that a tensor has changed: its autograd would compute with the new numbers."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(out, torch.Tensor):
        torch.autograd.graph.increment_version(out)


# -- pandas and polars -----------------------------------------------------------------------
# Beside a second operand, and alpha is one, pandas takes two or three times as long for a ufunc as
# for a product. It would make a frame of several dtypes an array of the widest, or of objects, too.


def by_arrays(function: Callable[..., Any], operands: tuple[Any, ...]) -> Any:
    """The function of Series or frames beside arrays and numbers; None where a ufunc does more."""
    pandas = sys.modules.get("pandas")
    labelled = [
        each for each in operands
        if (pandas is not None and isinstance(each, (pandas.Series, pandas.DataFrame)))
        or is_of_polars(each)
    ]
    kinds = (*map(type, labelled), np.ndarray, np.generic, int, float)
    if not labelled or not all(isinstance(each, kinds) for each in operands):
        return None
    if all(is_of_polars(each) for each in labelled):
        return _of_polars(function, operands, labelled)
    if len(operands) < 2:
        return None
    if all(isinstance(each, pandas.DataFrame) for each in labelled):
        return _of_frames(function, operands, labelled)
    if isinstance(labelled[0], pandas.Series) and all(
        _is_like(each, labelled[0]) for each in operands
    ):
        return _of_series(function, operands, labelled)
    return None


def is_of_polars(operand: Any) -> bool:
    """A Series of polars."""
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(operand, polars.Series)


def _of_polars(function: Callable[..., Any], operands: tuple[Any, ...], labelled: list[Any]) -> Any:
    """A ufunc's result would have the dtype that goes with alpha's."""
    arrays = [
        each.fill_null(strategy="one").to_numpy() if is_of_polars(each) else each
        for each in operands
    ]
    result = type(labelled[0])(labelled[0].name, function(*arrays))
    for each in labelled:
        if each.has_nulls():
            result = result.set(each.is_null(), None)
    return result


def _is_like(operand: Any, series: Any) -> bool:
    """A Series of the same labels and a dtype of NumPy's, an array of its length, or a number."""
    if isinstance(operand, np.ndarray):
        return type(operand) is np.ndarray and operand.shape in ((), series.shape)
    return not hasattr(operand, "index") or (
        type(operand) is type(series)
        and isinstance(operand.dtype, np.dtype) and operand.index.equals(series.index)
    )


def _of_series(function: Callable[..., Any], operands: tuple[Any, ...], labelled: list[Any]) -> Any:
    first = labelled[0]
    arrays = [each.to_numpy() if hasattr(each, "index") else each for each in operands]
    result = first._constructor(function(*arrays), index=first.index, copy=False)
    if len(labelled) == 1:  # as pandas does
        return result.__finalize__(first)
    return result.rename(first.name if len({each.name for each in labelled}) == 1 else None)


def _of_frames(function: Callable[..., Any], operands: tuple[Any, ...], frames: list[Any]) -> Any:
    """Aligned by their labels: of their arrays, or column by column."""
    pandas = sys.modules["pandas"]
    whole = frames[0]
    if not all(
        frame.index.equals(whole.index) and frame.columns.equals(whole.columns) for frame in frames
    ):
        for frame in frames[1:]:
            whole = whole.align(frame)[0]
        labels = {"index": whole.index, "columns": whole.columns}
        aligned = iter([frame.reindex(**labels) for frame in frames])
        operands = tuple(
            next(aligned) if isinstance(each, pandas.DataFrame) else each for each in operands
        )
    frames = [each for each in operands if isinstance(each, pandas.DataFrame)]
    if all(_is_array(frame) for frame in frames):
        arrays = [
            each.to_numpy() if isinstance(each, pandas.DataFrame) else each for each in operands
        ]
        result = whole._constructor(
            function(*arrays), index=whole.index, columns=whole.columns, copy=False
        )
    else:
        columns = [
            function(*[_column(each, whole, k) for each in operands])
            for k in range(whole.shape[1])
        ]
        if not columns:
            return whole.copy()
        result = whole._constructor(pandas.concat(columns, axis=1))
        result.columns = whole.columns
    return result.__finalize__(whole)


def _is_array(frame: Any) -> bool:
    """All columns have one dtype of NumPy's."""
    dtypes = _distinct(frame.dtypes)
    return len(dtypes) == 1 and isinstance(dtypes[0], np.dtype)


def _column(operand: Any, whole: Any, k: int) -> Any:
    if hasattr(operand, "iloc"):
        return operand.iloc[:, k]
    return np.broadcast_to(operand, whole.shape)[:, k] if np.ndim(operand) else operand
