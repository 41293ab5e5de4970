from typing import Any, Literal, TypeAlias, TypedDict, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

_F = TypeVar("_F", np.float16, np.float32, np.float64)
_Out: TypeAlias = NDArray[_F] | tuple[NDArray[_F]] | None
_AnyOut: TypeAlias = NDArray[Any] | tuple[NDArray[Any]] | None
_Casting: TypeAlias = Literal["no", "equiv", "safe", "same_kind", "unsafe"]
_Order: TypeAlias = Literal["K", "A", "C", "F"]

ufuncs: list[np.ufunc]

class _Config(TypedDict):
    version: str
    isa: str
    isas: list[str]
    openmp: bool
    num_threads: int

# For each function: arrays of one floating dtype, and the result is another of it; then everything
# else (lists, integers, mixed dtypes, other containers), where the types do not tell the result.

@overload
def elu(
    x: NDArray[_F],
    alpha: ArrayLike = 1.0,
    *,
    out: _Out[_F] = None,
    where: ArrayLike = True,
    casting: _Casting = "same_kind",
    order: _Order = "K",
    dtype: None = None,
    subok: bool = True,
) -> NDArray[_F]: ...
@overload
def elu(
    x: ArrayLike,
    alpha: ArrayLike = 1.0,
    *,
    out: _AnyOut = None,
    where: ArrayLike = True,
    casting: _Casting = "same_kind",
    order: _Order = "K",
    dtype: DTypeLike | None = None,
    subok: bool = True,
) -> Any: ...
@overload
def elu_grad(
    grad: NDArray[_F],
    x: NDArray[_F],
    alpha: ArrayLike = 1.0,
    *,
    out: _Out[_F] = None,
    where: ArrayLike = True,
    casting: _Casting = "same_kind",
    order: _Order = "K",
    dtype: None = None,
    subok: bool = True,
) -> NDArray[_F]: ...
@overload
def elu_grad(
    grad: ArrayLike,
    x: ArrayLike,
    alpha: ArrayLike = 1.0,
    *,
    out: _AnyOut = None,
    where: ArrayLike = True,
    casting: _Casting = "same_kind",
    order: _Order = "K",
    dtype: DTypeLike | None = None,
    subok: bool = True,
) -> Any: ...
@overload
def elu_grad_from_output(
    grad: NDArray[_F],
    y: NDArray[_F],
    alpha: ArrayLike = 1.0,
    *,
    out: _Out[_F] = None,
    where: ArrayLike = True,
    casting: _Casting = "same_kind",
    order: _Order = "K",
    dtype: None = None,
    subok: bool = True,
) -> NDArray[_F]: ...
@overload
def elu_grad_from_output(
    grad: ArrayLike,
    y: ArrayLike,
    alpha: ArrayLike = 1.0,
    *,
    out: _AnyOut = None,
    where: ArrayLike = True,
    casting: _Casting = "same_kind",
    order: _Order = "K",
    dtype: DTypeLike | None = None,
    subok: bool = True,
) -> Any: ...
def config() -> _Config: ...
