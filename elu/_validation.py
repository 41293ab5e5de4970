"""What _api needs off the dense path: operands that NumPy can read, alpha, and error messages."""

import numbers
from typing import Any

import numpy as np
from cython.cimports.elu._kernels import (  # type: ignore[import-not-found]
    BF16,
    CELU,
    ELU_GRAD_FROM_OUTPUT,
)
from cython.cimports.elu._ufuncs import float_for, narrowed  # type: ignore[import-not-found]

from elu import _containers

COMPUTED = "float16, float32, float64 and bfloat16 of ml_dtypes"
SUPPORTED = "bool, integers, float16, float32 and float64 (and bfloat16 of ml_dtypes) are"


def readable(name: str, operand: Any) -> Any:
    """The operand as a ufunc takes it; what lies in the memory of the CPU is read there."""
    kind = type(operand)
    if kind is int and name in ("elu", "selu", "celu") and not -(2**63) <= operand < 2**64:
        return float(operand)  # which NumPy would make an object
    if isinstance(operand, (int, float, list, tuple, np.generic)):
        return operand
    if hasattr(kind, "__array_ufunc__"):
        return operand
    if _is_elsewhere(operand):
        raise TypeError(
            f"{name}: this {kind.__name__} is in the memory of another device, and this is a CPU "
            "library: copy it to the CPU first"
        )
    # Asked to read them itself, a ufunc would hand its result to a tensor's __array_wrap__.
    if hasattr(kind, "__array__"):
        try:
            return np.asarray(operand)
        except TypeError as error:
            if type(error) is not TypeError:
                raise  # the library's own, which says why
            if _is_supported(getattr(operand, "dtype", None)):
                raise TypeError(
                    f"{name}: this {kind.__name__} cannot be read as an array: {error}"
                ) from None
            dtype = getattr(operand, "dtype", kind.__name__)
            raise TypeError(f"{name}: {dtype} is not supported: {SUPPORTED} ({error})") from None
    return np.from_dlpack(operand) if hasattr(kind, "__dlpack__") else operand


def _is_supported(dtype: Any) -> bool:
    """Whether a dtype of any library has the name of one that NumPy has, and that is supported."""
    try:
        return bool(float_for(np.dtype(str(dtype).rpartition(".")[2]).num) >= 0)
    except TypeError:
        return False


def _is_elsewhere(operand: Any) -> bool:
    """Its data is in the memory of a GPU or the like, where some libraries would copy it from."""
    if hasattr(operand, "__cuda_array_interface__"):
        return True
    if not hasattr(operand, "__dlpack_device__"):
        return False
    try:
        device = operand.__dlpack_device__()[0]
    except (BufferError, RuntimeError, ValueError):
        return False  # its library says what is wrong when it is asked for the data
    return device not in (1, 3, 11)  # kDLCPU, kDLCUDAHost, kDLROCMHost


def writable(out: Any) -> Any:
    """An array in the memory of `out`, where that is a tensor of the CPU."""
    kind = type(out)
    if hasattr(kind, "__array_ufunc__") or not hasattr(kind, "__dlpack__") or _is_elsewhere(out):
        return out
    return np.asarray(out) if hasattr(kind, "__array__") else np.from_dlpack(out)


def with_casts(
    inputs: tuple[Any, ...], operands: int, keywords: dict[str, Any]
) -> dict[str, Any]:
    """Keywords by which `casting` is heard where int8, uint8 and bool have loops of their own.

    They are there for speed, and what is read by them is a cast to float16 all the same.
    """
    dtypes = {dtype for each in inputs for dtype in _containers.dtypes_in(each)}
    computed = _containers.result_dtypes(inputs, keywords.get("dtype"))
    if not dtypes <= {np.dtype(char) for char in "?bB"} or computed != [np.dtype(np.float16)]:
        return keywords
    others = {key: value for key, value in keywords.items() if key != "dtype"}
    return {**others, "signature": f"{'e' * operands}->e"}


# -- alpha -----------------------------------------------------------------------------------


def checked_alpha(
    name: str, formula: int, inputs: tuple[Any, ...], alpha: Any, keywords: dict[str, Any] | None
) -> Any:
    """alpha as the ufunc takes it: a float, an array of the result's dtype, or a container."""
    no_numbers = (str, bytes, bytearray, complex, bool, np.complexfloating, type(None))
    if isinstance(alpha, no_numbers) or _containers.is_missing(alpha):
        raise _no_number(name, type(alpha).__name__)
    # What is wrong is raised here: for want of memory, an exception that interpreted Python raises
    # can be lost on its way to a compiled function, which ends the process.
    wrong = _containers.wrong_labels(alpha, inputs)
    if wrong:
        raise ValueError(f"{name}: alpha must have the labels of the other operand, and {wrong}")
    alpha = _containers.as_operand_of(alpha, inputs)
    if isinstance(alpha, numbers.Real) and not isinstance(alpha, np.generic):
        try:
            values: Any = np.float64(alpha)
        except OverflowError:
            values = np.float64("inf")
    else:
        values = readable(f"{name}: alpha", alpha)
        if not hasattr(values, "__array_ufunc__"):
            values = np.asarray(values)
    _check_type(name, values, alpha)
    if _containers.enlarges(values, inputs):
        raise ValueError(
            f"{name}: alpha must broadcast to {_containers.described(*inputs)}, not have "
            f"{_containers.described(values)}"
        )
    found = _containers.numbers_in(values)
    if found is None:  # not computed yet
        return alpha
    computed = _containers.result_dtypes(inputs, (keywords or {}).get("dtype"))
    for each in found:
        if each is not values:
            _check_type(name, each, alpha)
        _check_numbers(name, formula, each, computed, alpha)
    if not isinstance(values, (np.ndarray, np.generic)):
        return values
    if len(computed) == 1 and computed[0] != values.dtype:
        values = _converted(values, computed[0])
    # A number without a type of its own is cast in any case; not so under a strict `casting`.
    is_number = type(values) is np.ndarray and values.ndim == 0
    is_number = is_number or isinstance(values, np.generic)
    return float(values) if is_number and "casting" not in (keywords or {}) else values


def _check_numbers(
    name: str, formula: int, values: Any, computed: list[np.dtype[Any]], alpha: Any
) -> None:
    """Finite in every dtype that is computed in, and not negative where that matters."""
    for dtype in computed or [values.dtype]:
        converted = _converted(values, dtype)
        where = f" in {dtype}" if computed else ""
        finite = np.isfinite(converted)
        if not finite.all():
            shown = _shown(alpha, values, finite)
            raise ValueError(f"{name}: alpha must be finite{where}, not {shown}")
        positive = converted > 0
        if formula >= CELU and not positive.all():
            shown = _shown(alpha, values, positive)
            raise ValueError(f"{name}: alpha must be more than 0{where}, not {shown}")
    if formula == ELU_GRAD_FROM_OUTPUT and not (values >= 0).all():
        shown = _shown(alpha, values, values >= 0)
        raise ValueError(
            f"{name}: alpha must not be negative, but it is {shown}: the sign of y picks the "
            "branch (elu_grad takes any alpha)"
        )


def _shown(alpha: Any, values: Any, allowed: Any) -> str:
    """The first number that is not allowed; of one with hundreds of digits the first ones."""
    if np.ndim(values):
        return repr(values[~allowed].flat[0].item())
    shown = repr(alpha)
    return shown if len(shown) <= 80 else f"{shown[:40]}..."


def _check_type(name: str, values: Any, alpha: Any) -> None:
    """Real numbers, as far as dtypes tell, of NumPy or of a library that has a `kind`, too."""
    for dtype in _containers.dtypes_in(values):
        kind = getattr(dtype, "kind", "f")
        is_bfloat16 = isinstance(dtype, np.dtype) and float_for(dtype.num) == BF16
        if kind not in "iuf" and not is_bfloat16:
            # What is no array at all, NumPy makes an object of.
            made_object = kind == "O" and isinstance(values, np.ndarray) and values.ndim == 0
            if isinstance(alpha, np.generic) or (made_object and alpha is not values):
                raise _no_number(name, type(alpha).__name__)
            raise _no_number(name, f"an array of dtype {dtype}")


def _no_number(name: str, given: str) -> TypeError:
    return TypeError(f"{name}: alpha must be a real number or an array of them, not {given}")


def _converted(values: Any, dtype: np.dtype[Any]) -> Any:
    """Numbers in another dtype, rounded once: to bfloat16 ml_dtypes goes by way of float32."""
    result = _containers.cast(values, dtype)
    if dtype.name == "bfloat16":
        rounded = narrowed(np.asarray(values), BF16)
        if isinstance(result, np.generic):
            return rounded
        np.asarray(result)[...] = rounded
    return result


# -- errors ----------------------------------------------------------------------------------


def explained(
    name: str, error: TypeError, operands: tuple[Any, ...], keywords: dict[str, Any] | None
) -> TypeError:
    """The error of a ufunc, in words about what was given where that is the cause."""
    found: set[Any] = set()
    for operand in operands:
        kind = type(operand)
        if not isinstance(operand, np.generic) and not hasattr(kind, "__array_ufunc__"):
            operand = np.asarray(operand)
            if operand.dtype == object and operand.ndim == 0:
                return TypeError(
                    f"{name}: {kind.__name__} is not supported: {SUPPORTED}, and arrays of them"
                )
        for dtype in _containers.dtypes_in(operand):
            is_unknown = isinstance(dtype, np.dtype) and float_for(dtype.num) < 0
            if is_unknown or str(dtype) == "str" or _containers.is_no_number(dtype):
                return TypeError(f"{name}: dtype {dtype} is not supported: {SUPPORTED}")
            found.add(dtype)
    if len(found) > 1 and "bfloat16" in {str(dtype) for dtype in found}:
        return TypeError(
            f"{name}: bfloat16 goes with bfloat16 and Python's numbers alone, not with "
            f"{' or '.join(sorted({str(dtype) for dtype in found} - {'bfloat16'}))}: convert one"
        )
    dtype = (keywords or {}).get("dtype")
    if dtype is not None:
        dtype = np.dtype(dtype)
        if not _containers.is_computed_in(dtype):
            return TypeError(f"{name}: dtype={dtype} is not supported: {COMPUTED} are")
    out = (keywords or {}).get("out")
    for each in out if isinstance(out, tuple) else (out,):
        kind = type(each)
        if each is None or each is Ellipsis:
            continue
        if not hasattr(writable(each), "__array_ufunc__"):
            return TypeError(f"{name}: out must be an array, not {kind.__name__}")
    return error
