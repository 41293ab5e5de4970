"""The functions as users call them: signatures, types and docstrings.

Compiled by Cython as it stands. A call takes the dense path first; what that does not know takes
the ufunc path.
"""

# ruff: noqa: I001 - Cython's imports of C come first
from cython.cimports.elu._dense import dense, is_order_of, ordinary_alpha  # type: ignore[import-not-found]
from cython.cimports.elu._fpstatus import (  # type: ignore[import-not-found]
    fp_enter,
    fp_enter_long_double,
    fp_leave_flags,
    fp_leave_long_double,
)
from cython.cimports.elu._kernels import (  # type: ignore[import-not-found]
    CELU,
    CELU_GRAD,
    CELU_GRAD_FROM_OUTPUT,
    ELU,
    ELU_GRAD,
    ELU_GRAD_FROM_OUTPUT,
    SELU,
    SELU_GRAD,
    SELU_GRAD_FROM_OUTPUT,
    form_of,
)
from cython.cimports.elu._ufuncs import (  # type: ignore[import-not-found]
    SELECTED,
    all_plain,
    allowed_alphas,
    as_bfloat16,
    is_large,
    nearest_bfloat16,
    of_bfloat16,
    on_threads,
    small,
)

from types import EllipsisType
from typing import Any, Literal, Protocol, TypeAlias, TypedDict, TypeVar, overload

import cython
import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from elu import _containers, _dispatch, _openmp, _ufuncs
from elu._validation import checked_alpha, explained, readable, with_casts, writable
from elu._version import __version__

_F = TypeVar("_F", np.float16, np.float32, np.float64)


class _Array(Protocol):
    """An array of NumPy, or what can be made one: a Series, a tensor."""

    def __array__(self) -> Any: ...


_Number: TypeAlias = "float | np.integer[Any] | np.floating[Any]"
_Alpha: TypeAlias = "_Number | _Array | list[Any] | tuple[Any, ...]"  # and no string
_Out: TypeAlias = "NDArray[_F] | tuple[NDArray[_F]] | EllipsisType | None"
_AnyOut: TypeAlias = "NDArray[Any] | tuple[NDArray[Any]] | EllipsisType | None"
_Casting: TypeAlias = Literal["no", "equiv", "safe", "same_kind", "unsafe"]
_Order: TypeAlias = Literal["K", "A", "C", "F"]

# By formula: the ufunc with alpha = 1, which has the function's name, and that with any.
# Declared, they are read without a look into the module's dict, which takes 5 ns each time.
_UFUNCS = cython.declare(tuple, _ufuncs.UFUNCS)
_WITH_ALPHA = cython.declare(tuple, _ufuncs.WITH_ALPHA)
_ALL = cython.declare(list, [each for each in _ufuncs.UFUNCS + _ufuncs.WITH_ALPHA if each])
_NAMES = cython.declare(tuple, tuple([ufunc.__name__ for ufunc in _ufuncs.UFUNCS]))

# For each function: Python numbers; arrays of one floating dtype, and the result is another of it;
# everything else (lists, integers, mixed dtypes, other containers), where the types do not tell.
# The keywords are those of numpy.ufunc, hence the number of parameters.


@overload
def elu(
    x: float,
    alpha: _Number = 1.0,
) -> np.float64: ...

@overload
def elu(
    x: NDArray[_F],
    alpha: _Alpha = 1.0,
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
    alpha: _Alpha = 1.0,
    *,
    out: _AnyOut = None,
    where: ArrayLike = True,
    casting: _Casting = "same_kind",
    order: _Order = "K",
    dtype: DTypeLike | None = None,
    subok: bool = True,
) -> Any: ...


def elu(
    x: Any,
    alpha: Any = 1.0,
    *,
    out: Any = None,
    where: Any = True,
    casting: Any = "same_kind",
    order: Any = "K",
    dtype: Any = None,
    subok: bool = True,
) -> Any:
    """Exponential linear unit: `x` where x >= 0, ``alpha * expm1(x)`` where x < 0.

    Any layout, broadcasting and containers of other libraries will do, as for a NumPy ufunc, and
    small negative numbers keep their digits.

    Parameters
    ----------
    x : array_like
        Input of any shape, without a unit (as of `numpy.exp`); bool, integer, float16,
        float32 or float64, in either byte order.
    alpha : float or array_like, default: 1.0
        Minus the value that large negative `x` saturate at. Finite; an array of numbers must
        broadcast to the shape of `x` (one for each channel, say). It is converted to the dtype
        of the result and never changes it.
    out : ndarray, optional
        Where the result is stored, as in `numpy.ufunc`. It may be `x` itself or
        overlap it in any way.
    where, casting, order, dtype, subok : as in `numpy.ufunc`
        The keywords of every NumPy ufunc, with the meaning and the defaults that they have there.

    Returns
    -------
    ndarray or scalar
        Of the shape of `x` and the dtype of ``numpy.exp(x)``, in native byte order; `out` where
        that is given. A scalar for a 0-d `x`, and for other containers (pandas, xarray, dask)
        one of their own.

    Raises
    ------
    TypeError
        If a dtype is not supported, `alpha` is no real number, or the result cannot be cast to
        the dtype of `out`.
    ValueError
        If `alpha` is not finite or would enlarge the result, or `out` has a shape that does not
        fit or is read-only. Nothing is written.

    See Also
    --------
    elu_grad : The gradient, from the layer's input.
    elu_grad_from_output : The gradient, from the layer's output.

    Notes
    -----
    The result is at most 0.9 ULP (units in the last place) off with alpha = 1 and 2 ULP
    with any other. Both zeros keep their sign, -inf gives -alpha, NaN gives NaN. The same x gives
    the same bits wherever it stands and on however many threads.

    References
    ----------
    .. [1] D.-A. Clevert, T. Unterthiner, S. Hochreiter, "Fast and Accurate Deep Network Learning
       by Exponential Linear Units (ELUs)", 2015, `arXiv:1511.07289
       <https://arxiv.org/abs/1511.07289>`_.

    Examples
    --------
    >>> import numpy as np
    >>> from elu import elu
    >>> elu(np.array([-2.0, -0.0, 0.5]))
    array([-0.86466472, -0.        ,  0.5       ])
    >>> elu(np.array([-2.0, 0.5], dtype=np.float32), alpha=1.5)
    array([-1.2969971,  0.5      ], dtype=float32)
    """
    return _computed(ELU, x, x, alpha, out, where, casting, order, dtype, subok)


@overload
def elu_grad(
    grad: float,
    x: float,
    alpha: _Number = 1.0,
) -> np.float64: ...

@overload
def elu_grad(
    grad: NDArray[_F] | float,
    x: NDArray[_F],
    alpha: _Alpha = 1.0,
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
    alpha: _Alpha = 1.0,
    *,
    out: _AnyOut = None,
    where: ArrayLike = True,
    casting: _Casting = "same_kind",
    order: _Order = "K",
    dtype: DTypeLike | None = None,
    subok: bool = True,
) -> Any: ...


def elu_grad(
    grad: Any,
    x: Any,
    alpha: Any = 1.0,
    *,
    out: Any = None,
    where: Any = True,
    casting: Any = "same_kind",
    order: Any = "K",
    dtype: Any = None,
    subok: bool = True,
) -> Any:
    """Gradient of `elu` from its input: `grad` where x >= 0, ``grad * alpha * exp(x)`` where x < 0.

    It is accurate for every `x` and takes any `alpha`, and needs the input of the layer for that.

    Parameters
    ----------
    grad : array_like
        The gradient that arrives from the layer above (dL/dy).
    x : array_like
        The input that `elu` was given. `grad` and `x` broadcast against each other, and their
        dtypes promote, as in any NumPy ufunc.
    alpha : float or array_like, default: 1.0
        As in `elu`: finite, zero and negative included.
    out : ndarray, optional
        Where the result is stored, as in `numpy.ufunc`. It may be `grad` or `x`.
    where, casting, order, dtype, subok : as in `numpy.ufunc`
        The keywords of every NumPy ufunc, with the meaning and the defaults that they have there.

    Returns
    -------
    ndarray or scalar
        The gradient for the layer below (dL/dx), of the broadcast shape; `out` where that is
        given.

    Raises
    ------
    TypeError
        If a dtype is not supported, `alpha` is no real number, or the result cannot be cast to
        the dtype of `out`.
    ValueError
        If `alpha` is not finite or would enlarge the result, shapes do not broadcast, or `out`
        has a shape that does not fit or is read-only. Nothing is written.

    See Also
    --------
    elu_grad_from_output : Needs the layer's output only.

    Notes
    -----
    At most 1 ULP off for grad = alpha = 1, and 2.5 ULP in general, subnormal results included.
    The slope at both zeros is 1, that of the side x >= 0.

    References
    ----------
    .. [1] D.-A. Clevert, T. Unterthiner, S. Hochreiter, "Fast and Accurate Deep Network Learning
       by Exponential Linear Units (ELUs)", 2015, `arXiv:1511.07289
       <https://arxiv.org/abs/1511.07289>`_.

    Examples
    --------
    >>> import numpy as np
    >>> from elu import elu_grad
    >>> elu_grad(np.array([10.0, 10.0, 10.0]), np.array([-2.0, 0.0, 0.5]))
    array([ 1.35335283, 10.        , 10.        ])
    """
    return _computed(ELU_GRAD, grad, x, alpha, out, where, casting, order, dtype, subok)


@overload
def elu_grad_from_output(
    grad: float,
    y: float,
    alpha: _Number = 1.0,
) -> np.float64: ...

@overload
def elu_grad_from_output(
    grad: NDArray[_F] | float,
    y: NDArray[_F],
    alpha: _Alpha = 1.0,
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
    alpha: _Alpha = 1.0,
    *,
    out: _AnyOut = None,
    where: ArrayLike = True,
    casting: _Casting = "same_kind",
    order: _Order = "K",
    dtype: DTypeLike | None = None,
    subok: bool = True,
) -> Any: ...


def elu_grad_from_output(
    grad: Any,
    y: Any,
    alpha: Any = 1.0,
    *,
    out: Any = None,
    where: Any = True,
    casting: Any = "same_kind",
    order: Any = "K",
    dtype: Any = None,
    subok: bool = True,
) -> Any:
    """Gradient of `elu` from its output: `grad` where y >= 0, ``grad * (y + alpha)`` where y < 0.

    A layer that overwrites its input needs no copy of it for this. The price: near saturation
    ``y + alpha`` cancels, so that a small slope is right in absolute terms only, and 0 once y
    has rounded to -alpha. `elu_grad` is accurate everywhere.

    Parameters
    ----------
    grad : array_like
        The gradient that arrives from the layer above (dL/dy).
    y : array_like
        What `elu` returned. `grad` and `y` broadcast against each other, and their dtypes
        promote, as in any NumPy ufunc.
    alpha : float or array_like, default: 1.0
        As `elu` was given, and not negative: the sign of `y` tells the branch. With alpha = 0,
        where `elu` returns -0.0 for x < 0, -0.0 counts as negative.
    out : ndarray, optional
        Where the result is stored, as in `numpy.ufunc`. It may be `grad` or `y`.
    where, casting, order, dtype, subok : as in `numpy.ufunc`
        The keywords of every NumPy ufunc, with the meaning and the defaults that they have there.

    Returns
    -------
    ndarray or scalar
        The gradient for the layer below (dL/dx), of the broadcast shape; `out` where that is
        given.

    Raises
    ------
    TypeError
        If a dtype is not supported, `alpha` is no real number, or the result cannot be cast to
        the dtype of `out`.
    ValueError
        If `alpha` is negative, not finite or would enlarge the result, shapes do not broadcast,
        or `out` has a shape that does not fit or is read-only. Nothing is written.

    See Also
    --------
    elu_grad : Accurate everywhere, for any alpha, from the layer's input.

    Notes
    -----
    At most 1.5 ULP off from grad * (y + alpha) in exact arithmetic.

    References
    ----------
    .. [1] Caffe2, operator ``EluGradient``: dX from Y and dY.

    Examples
    --------
    >>> import numpy as np
    >>> from elu import elu, elu_grad_from_output
    >>> y = elu(np.array([-2.0, 0.0, 0.5]))
    >>> elu_grad_from_output(np.array([10.0, 10.0, 10.0]), y)
    array([ 1.35335283, 10.        , 10.        ])
    """
    return _computed(ELU_GRAD_FROM_OUTPUT, grad, y, alpha, out, where, casting, order, dtype, subok)


@overload
def selu(
    x: float,
) -> np.float64: ...

@overload
def selu(
    x: NDArray[_F],
    *,
    out: _Out[_F] = None,
    where: ArrayLike = True,
    casting: _Casting = "same_kind",
    order: _Order = "K",
    dtype: None = None,
    subok: bool = True,
) -> NDArray[_F]: ...

@overload
def selu(
    x: ArrayLike,
    *,
    out: _AnyOut = None,
    where: ArrayLike = True,
    casting: _Casting = "same_kind",
    order: _Order = "K",
    dtype: DTypeLike | None = None,
    subok: bool = True,
) -> Any: ...


def selu(
    x: Any,
    *,
    out: Any = None,
    where: Any = True,
    casting: Any = "same_kind",
    order: Any = "K",
    dtype: Any = None,
    subok: bool = True,
) -> Any:
    """Scaled ELU: ``scale * x`` where x >= 0, ``scale * alpha * expm1(x)`` where x < 0.

    scale is 1.0507009873554805 and alpha is 1.6732632423543772. With them the outputs of a layer
    of many inputs tend to mean 0 and variance 1.

    Parameters
    ----------
    x : array_like
        Input as of `elu`.
    out : ndarray, optional
        Where the result is stored, as in `numpy.ufunc`. It may be `x` itself or
        overlap it in any way.
    where, casting, order, dtype, subok : as in `numpy.ufunc`
        The keywords of every NumPy ufunc, with the meaning and the defaults that they have there.

    Returns
    -------
    ndarray or scalar
        Of the shape of `x` and the dtype of ``numpy.exp(x)``; `out` where that is given.

    Raises
    ------
    TypeError
        If a dtype is not supported, or the result cannot be cast to the dtype of `out`.
    ValueError
        If `out` has a shape that does not fit or is read-only. Nothing is written.

    See Also
    --------
    elu : The same without a scale, and with an alpha of your choice.
    selu_grad : The gradient, from the layer's input.
    selu_grad_from_output : The gradient, from the layer's output.

    Notes
    -----
    At most 2 ULP off. scale, and scale * alpha, are each rounded once to the dtype that is
    computed in, which is float32 for float16 and bfloat16.

    References
    ----------
    .. [1] G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-Normalizing Neural
       Networks", 2017, `arXiv:1706.02515 <https://arxiv.org/abs/1706.02515>`_.

    Examples
    --------
    >>> import numpy as np
    >>> from elu import selu
    >>> selu(np.array([-2.0, -0.0, 0.5]))
    array([-1.52016647, -0.        ,  0.52535049])
    """
    return _computed(SELU, x, x, 1.0, out, where, casting, order, dtype, subok)


@overload
def selu_grad(
    grad: float,
    x: float,
) -> np.float64: ...

@overload
def selu_grad(
    grad: NDArray[_F] | float,
    x: NDArray[_F],
    *,
    out: _Out[_F] = None,
    where: ArrayLike = True,
    casting: _Casting = "same_kind",
    order: _Order = "K",
    dtype: None = None,
    subok: bool = True,
) -> NDArray[_F]: ...

@overload
def selu_grad(
    grad: ArrayLike,
    x: ArrayLike,
    *,
    out: _AnyOut = None,
    where: ArrayLike = True,
    casting: _Casting = "same_kind",
    order: _Order = "K",
    dtype: DTypeLike | None = None,
    subok: bool = True,
) -> Any: ...


def selu_grad(
    grad: Any,
    x: Any,
    *,
    out: Any = None,
    where: Any = True,
    casting: Any = "same_kind",
    order: Any = "K",
    dtype: Any = None,
    subok: bool = True,
) -> Any:
    """Gradient of `selu` from its input.

    ``grad * scale`` where x >= 0, ``grad * scale * alpha * exp(x)`` where x < 0.

    Parameters
    ----------
    grad : array_like
        The gradient that arrives from the layer above (dL/dy).
    x : array_like
        The input that `selu` was given. `grad` and `x` broadcast against each other.
    out : ndarray, optional
        Where the result is stored, as in `numpy.ufunc`. It may be `grad` or `x` itself or
        overlap it in any way.
    where, casting, order, dtype, subok : as in `numpy.ufunc`
        The keywords of every NumPy ufunc, with the meaning and the defaults that they have there.

    Returns
    -------
    ndarray or scalar
        The gradient for the layer below (dL/dx), of the broadcast shape; `out` where that is
        given.

    Raises
    ------
    TypeError
        If a dtype is not supported, or the result cannot be cast to the dtype of `out`.
    ValueError
        If shapes do not broadcast, or `out` has a shape that does not fit or is read-only.
        Nothing is written.

    See Also
    --------
    selu : The function, and its two constants.
    selu_grad_from_output : Needs the layer's output only.

    Notes
    -----
    At most 3 ULP off, subnormal results included.

    References
    ----------
    .. [1] G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-Normalizing Neural
       Networks", 2017, `arXiv:1706.02515 <https://arxiv.org/abs/1706.02515>`_.

    Examples
    --------
    >>> import numpy as np
    >>> from elu import selu_grad
    >>> selu_grad(np.array([10.0, 10.0, 10.0]), np.array([-2.0, 0.0, 0.5]))
    array([ 2.37932872, 10.50700987, 10.50700987])
    """
    return _computed(SELU_GRAD, grad, x, 1.0, out, where, casting, order, dtype, subok)


@overload
def selu_grad_from_output(
    grad: float,
    y: float,
) -> np.float64: ...

@overload
def selu_grad_from_output(
    grad: NDArray[_F] | float,
    y: NDArray[_F],
    *,
    out: _Out[_F] = None,
    where: ArrayLike = True,
    casting: _Casting = "same_kind",
    order: _Order = "K",
    dtype: None = None,
    subok: bool = True,
) -> NDArray[_F]: ...

@overload
def selu_grad_from_output(
    grad: ArrayLike,
    y: ArrayLike,
    *,
    out: _AnyOut = None,
    where: ArrayLike = True,
    casting: _Casting = "same_kind",
    order: _Order = "K",
    dtype: DTypeLike | None = None,
    subok: bool = True,
) -> Any: ...


def selu_grad_from_output(
    grad: Any,
    y: Any,
    *,
    out: Any = None,
    where: Any = True,
    casting: Any = "same_kind",
    order: Any = "K",
    dtype: Any = None,
    subok: bool = True,
) -> Any:
    """Gradient of `selu` from its output.

    ``grad * scale`` where y >= 0, ``grad * (y + scale * alpha)`` where y < 0. As with
    `elu_grad_from_output` a small slope is right in absolute terms only.

    Parameters
    ----------
    grad : array_like
        The gradient that arrives from the layer above (dL/dy).
    y : array_like
        What `selu` returned. `grad` and `y` broadcast against each other.
    out : ndarray, optional
        Where the result is stored, as in `numpy.ufunc`. It may be `grad` or `y` itself or
        overlap it in any way.
    where, casting, order, dtype, subok : as in `numpy.ufunc`
        The keywords of every NumPy ufunc, with the meaning and the defaults that they have there.

    Returns
    -------
    ndarray or scalar
        The gradient for the layer below (dL/dx), of the broadcast shape; `out` where that is
        given.

    Raises
    ------
    TypeError
        If a dtype is not supported, or the result cannot be cast to the dtype of `out`.
    ValueError
        If shapes do not broadcast, or `out` has a shape that does not fit or is read-only.
        Nothing is written.

    See Also
    --------
    selu_grad : Accurate everywhere, from the layer's input.

    Notes
    -----
    At most 2.5 ULP off from that formula in exact arithmetic.

    References
    ----------
    .. [1] G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-Normalizing Neural
       Networks", 2017, `arXiv:1706.02515 <https://arxiv.org/abs/1706.02515>`_.

    Examples
    --------
    >>> import numpy as np
    >>> from elu import selu, selu_grad_from_output
    >>> y = selu(np.array([-2.0, 0.0, 0.5]))
    >>> selu_grad_from_output(np.array([10.0, 10.0, 10.0]), y)
    array([ 2.37932872, 10.50700987, 10.50700987])
    """
    return _computed(SELU_GRAD_FROM_OUTPUT, grad, y, 1.0, out, where, casting, order, dtype, subok)


@overload
def celu(
    x: float,
    alpha: _Number = 1.0,
) -> np.float64: ...

@overload
def celu(
    x: NDArray[_F],
    alpha: _Alpha = 1.0,
    *,
    out: _Out[_F] = None,
    where: ArrayLike = True,
    casting: _Casting = "same_kind",
    order: _Order = "K",
    dtype: None = None,
    subok: bool = True,
) -> NDArray[_F]: ...

@overload
def celu(
    x: ArrayLike,
    alpha: _Alpha = 1.0,
    *,
    out: _AnyOut = None,
    where: ArrayLike = True,
    casting: _Casting = "same_kind",
    order: _Order = "K",
    dtype: DTypeLike | None = None,
    subok: bool = True,
) -> Any: ...


def celu(
    x: Any,
    alpha: Any = 1.0,
    *,
    out: Any = None,
    where: Any = True,
    casting: Any = "same_kind",
    order: Any = "K",
    dtype: Any = None,
    subok: bool = True,
) -> Any:
    """Continuously differentiable ELU: `x` where x >= 0, else ``alpha * expm1(x / alpha)``.

    Its slope at 0 is 1 from both sides, whatever `alpha` is.

    Parameters
    ----------
    x : array_like
        Input as of `elu`.
    alpha : float or array_like, default: 1.0
        Minus the value that large negative `x` saturate at. Finite and more than 0; an array of
        numbers must broadcast to the shape of `x`. It never changes the dtype of the result.
    out : ndarray, optional
        Where the result is stored, as in `numpy.ufunc`. It may be `x` itself or
        overlap it in any way.
    where, casting, order, dtype, subok : as in `numpy.ufunc`
        The keywords of every NumPy ufunc, with the meaning and the defaults that they have there.

    Returns
    -------
    ndarray or scalar
        Of the shape of `x` and the dtype of ``numpy.exp(x)``; `out` where that is given.

    Raises
    ------
    TypeError
        If a dtype is not supported, `alpha` is no real number, or the result cannot be cast to
        the dtype of `out`.
    ValueError
        If `alpha` is not finite, not more than 0 or would enlarge the result, or `out` has a
        shape that does not fit or is read-only. Nothing is written.

    See Also
    --------
    elu : The same with ``alpha * expm1(x)``.
    celu_grad : The gradient, from the layer's input.
    celu_grad_from_output : The gradient, from the layer's output.

    Notes
    -----
    At most 3 ULP off, for every `alpha`: the quotient is never rounded.

    References
    ----------
    .. [1] J. T. Barron, "Continuously Differentiable Exponential Linear Units", 2017,
       `arXiv:1704.07483 <https://arxiv.org/abs/1704.07483>`_.

    Examples
    --------
    >>> import numpy as np
    >>> from elu import celu
    >>> celu(np.array([-2.0, -0.0, 0.5]), alpha=0.5)
    array([-0.49084218, -0.        ,  0.5       ])
    """
    return _computed(CELU, x, x, alpha, out, where, casting, order, dtype, subok)


@overload
def celu_grad(
    grad: float,
    x: float,
    alpha: _Number = 1.0,
) -> np.float64: ...

@overload
def celu_grad(
    grad: NDArray[_F] | float,
    x: NDArray[_F],
    alpha: _Alpha = 1.0,
    *,
    out: _Out[_F] = None,
    where: ArrayLike = True,
    casting: _Casting = "same_kind",
    order: _Order = "K",
    dtype: None = None,
    subok: bool = True,
) -> NDArray[_F]: ...

@overload
def celu_grad(
    grad: ArrayLike,
    x: ArrayLike,
    alpha: _Alpha = 1.0,
    *,
    out: _AnyOut = None,
    where: ArrayLike = True,
    casting: _Casting = "same_kind",
    order: _Order = "K",
    dtype: DTypeLike | None = None,
    subok: bool = True,
) -> Any: ...


def celu_grad(
    grad: Any,
    x: Any,
    alpha: Any = 1.0,
    *,
    out: Any = None,
    where: Any = True,
    casting: Any = "same_kind",
    order: Any = "K",
    dtype: Any = None,
    subok: bool = True,
) -> Any:
    """Gradient of `celu` from its input: `grad` where x >= 0, else ``grad * exp(x / alpha)``.

    It is accurate for every `x`, and needs the input of the layer for that.

    Parameters
    ----------
    grad : array_like
        The gradient that arrives from the layer above (dL/dy).
    x : array_like
        The input that `celu` was given. `grad` and `x` broadcast against each other.
    alpha : float or array_like, default: 1.0
        As `celu` was given. Finite and more than 0; an array of
        numbers must broadcast to the shape of `x`. It never changes the dtype of the result.
    out : ndarray, optional
        Where the result is stored, as in `numpy.ufunc`. It may be `grad` or `x` itself or
        overlap it in any way.
    where, casting, order, dtype, subok : as in `numpy.ufunc`
        The keywords of every NumPy ufunc, with the meaning and the defaults that they have there.

    Returns
    -------
    ndarray or scalar
        The gradient for the layer below (dL/dx), of the broadcast shape; `out` where that is
        given.

    Raises
    ------
    TypeError
        If a dtype is not supported, `alpha` is no real number, or the result cannot be cast to
        the dtype of `out`.
    ValueError
        If `alpha` is not finite, not more than 0 or would enlarge the result, shapes do not
        broadcast, or `out` has a shape that does not fit or is read-only. Nothing is written.

    See Also
    --------
    celu : The function.
    celu_grad_from_output : Needs the layer's output only.

    Notes
    -----
    At most 3 ULP off, subnormal results included.

    References
    ----------
    .. [1] J. T. Barron, "Continuously Differentiable Exponential Linear Units", 2017,
       `arXiv:1704.07483 <https://arxiv.org/abs/1704.07483>`_.

    Examples
    --------
    >>> import numpy as np
    >>> from elu import celu_grad
    >>> celu_grad(np.array([10.0, 10.0, 10.0]), np.array([-2.0, 0.0, 0.5]), alpha=0.5)
    array([ 0.18315639, 10.        , 10.        ])
    """
    return _computed(CELU_GRAD, grad, x, alpha, out, where, casting, order, dtype, subok)


@overload
def celu_grad_from_output(
    grad: float,
    y: float,
    alpha: _Number = 1.0,
) -> np.float64: ...

@overload
def celu_grad_from_output(
    grad: NDArray[_F] | float,
    y: NDArray[_F],
    alpha: _Alpha = 1.0,
    *,
    out: _Out[_F] = None,
    where: ArrayLike = True,
    casting: _Casting = "same_kind",
    order: _Order = "K",
    dtype: None = None,
    subok: bool = True,
) -> NDArray[_F]: ...

@overload
def celu_grad_from_output(
    grad: ArrayLike,
    y: ArrayLike,
    alpha: _Alpha = 1.0,
    *,
    out: _AnyOut = None,
    where: ArrayLike = True,
    casting: _Casting = "same_kind",
    order: _Order = "K",
    dtype: DTypeLike | None = None,
    subok: bool = True,
) -> Any: ...


def celu_grad_from_output(
    grad: Any,
    y: Any,
    alpha: Any = 1.0,
    *,
    out: Any = None,
    where: Any = True,
    casting: Any = "same_kind",
    order: Any = "K",
    dtype: Any = None,
    subok: bool = True,
) -> Any:
    """Gradient of `celu` from its output: `grad` where y >= 0, else ``grad * (y + alpha) / alpha``.

    As with `elu_grad_from_output` a small slope is right in absolute terms only.

    Parameters
    ----------
    grad : array_like
        The gradient that arrives from the layer above (dL/dy).
    y : array_like
        What `celu` returned. `grad` and `y` broadcast against each other.
    alpha : float or array_like, default: 1.0
        As `celu` was given. Finite and more than 0; an array of
        numbers must broadcast to the shape of `y`. It never changes the dtype of the result.
    out : ndarray, optional
        Where the result is stored, as in `numpy.ufunc`. It may be `grad` or `y` itself or
        overlap it in any way.
    where, casting, order, dtype, subok : as in `numpy.ufunc`
        The keywords of every NumPy ufunc, with the meaning and the defaults that they have there.

    Returns
    -------
    ndarray or scalar
        The gradient for the layer below (dL/dx), of the broadcast shape; `out` where that is
        given.

    Raises
    ------
    TypeError
        If a dtype is not supported, `alpha` is no real number, or the result cannot be cast to
        the dtype of `out`.
    ValueError
        If `alpha` is not finite, not more than 0 or would enlarge the result, shapes do not
        broadcast, or `out` has a shape that does not fit or is read-only. Nothing is written.

    See Also
    --------
    celu_grad : Accurate everywhere, from the layer's input.

    Notes
    -----
    At most 2.5 ULP off from that formula in exact arithmetic.

    References
    ----------
    .. [1] J. T. Barron, "Continuously Differentiable Exponential Linear Units", 2017,
       `arXiv:1704.07483 <https://arxiv.org/abs/1704.07483>`_.

    Examples
    --------
    >>> import numpy as np
    >>> from elu import celu, celu_grad_from_output
    >>> y = celu(np.array([-2.0, 0.0, 0.5]), alpha=0.5)
    >>> celu_grad_from_output(np.array([10.0, 10.0, 10.0]), y, alpha=0.5)
    array([ 0.18315639, 10.        , 10.        ])
    """
    return _computed(
        CELU_GRAD_FROM_OUTPUT, grad, y, alpha, out, where, casting, order, dtype, subok
    )


class _Config(TypedDict):
    version: str
    isa: str
    isas: list[str]
    openmp: bool
    num_threads: int


def config() -> _Config:
    """Return what this build and this machine are.

    Worth a line in a report of a bug, or of a measurement.

    Returns
    -------
    dict
        ``version`` of the package; ``isa``, the instruction set in use; ``isas``, those that this
        build carries and this CPU can run; ``openmp``, whether it was built with threads;
        ``num_threads`` as `get_num_threads` gives it.

    See Also
    --------
    get_num_threads : Says where that number comes from.

    Examples
    --------
    >>> import elu
    >>> elu.config()["isa"] in elu.config()["isas"]
    True
    """
    return {
        "version": __version__,
        "isa": _dispatch.isa,
        "isas": list(_dispatch.isas),
        "openmp": bool(_openmp.openmp),
        "num_threads": _openmp.get_num_threads(),
    }


# -- dense path or ufunc path ----------------------------------------------------------------


@cython.cfunc
@cython.inline
@cython.locals(formula=cython.int)
def _computed(
    formula: int, grad: Any, x: Any, alpha: Any, out: Any, where: Any, casting: Any, order: Any,
    dtype: Any, subok: Any,
) -> Any:
    """What each function is, beside its signature; a function without grad has x in its place."""
    if _is_plain(where, casting, dtype, subok) and (order == "K" or is_order_of(x, order)):
        result = dense(formula, grad, x, alpha, out)
        if result is not None:
            return result
    result = small(formula, grad, x, alpha, out, where, casting, order, dtype, subok)
    if result is not None:
        return result
    keywords = _given(out, where, casting, order, dtype, subok)
    inputs = (x,) if form_of(formula) == ELU else (grad, x)
    return _by_ufunc(formula, inputs, alpha, keywords)


@cython.cfunc
@cython.inline
@cython.returns(cython.bint)
def _is_plain(where: Any, casting: Any, dtype: Any, subok: Any) -> bool:
    """None of these keywords asks for the ufunc path."""
    return where is True and dtype is None and casting == "same_kind" and type(subok) is bool


@cython.cfunc
def _given(out: Any, where: Any, casting: Any, order: Any, dtype: Any, subok: Any) -> Any:
    """The keywords that were given, or None: dask refuses a call with any that it ignores."""
    if out is None and order == "K" and subok is True and _is_plain(where, casting, dtype, subok):
        return None
    keywords: dict[str, Any] = {}
    if out is not None:
        keywords["out"] = out
    if where is not True:
        keywords["where"] = where
    if casting != "same_kind":
        keywords["casting"] = casting
    if order != "K":
        keywords["order"] = order
    if dtype is not None:
        keywords["dtype"] = dtype
    if subok is not True:
        keywords["subok"] = subok
    return keywords


@cython.cfunc
@cython.locals(
    formula=cython.int, inputs=tuple, keywords=dict, plain=cython.bint, number=cython.double
)
def _by_ufunc(
    formula: int, inputs: tuple[Any, ...], alpha: Any, keywords: dict[str, Any]
) -> Any:
    """Whatever is not dense. NumPy does the checks, and only what it cannot know is done here.

    keywords is None where none was given.
    """
    plain = all_plain(inputs)
    caller = fp_enter()
    try:
        if not plain:
            # No comprehension here and no (*inputs, number) below: with no memory for the list that
            # Cython 3.3 makes for them, an operand is released once too often, or never.
            name = _NAMES[formula]
            first = readable(name, inputs[0])
            inputs = (first,) if len(inputs) == 1 else (first, readable(name, inputs[1]))
        number = ordinary_alpha(formula, alpha)
        if of_bfloat16(inputs, None if keywords is None else keywords.get("dtype")):
            number = nearest_bfloat16(number)
            first = as_bfloat16(inputs[0])
            inputs = (first,) if len(inputs) == 1 else (first, as_bfloat16(inputs[1]))
        if number == 1:
            return _called(formula, False, inputs, keywords, plain)
        if number == number and (keywords is None or "casting" not in keywords):
            return _called(formula, True, inputs + (number,), keywords, plain)  # noqa: RUF005
        if keywords is None or not ("casting" in keywords or "dtype" in keywords):
            alphas = allowed_alphas(formula, inputs, alpha)
            if alphas is not None:
                return _called(formula, True, inputs + (alphas,), keywords, plain)  # noqa: RUF005
        rounding = fp_enter_long_double()
        try:
            alpha = checked_alpha(_NAMES[formula], formula, inputs, alpha, keywords)
        finally:
            fp_leave_long_double(rounding)
        if type(inputs[0]) in (int, float) and len(inputs) == 1 and keywords is not None:
            # Beside alpha it would adapt to the dtype, which the only operand of a ufunc does not.
            inputs = (np.asarray(inputs[0]),)
        plain = plain and all_plain((alpha,))
        return _called(formula, True, inputs + (alpha,), keywords, plain)  # noqa: RUF005
    finally:
        fp_leave_flags(caller)


@cython.cfunc
@cython.locals(
    formula=cython.int, alphas=cython.bint, operands=tuple, keywords=dict, plain=cython.bint
)
def _called(
    formula: int, alphas: bool, operands: tuple[Any, ...], keywords: dict[str, Any], plain: bool
) -> Any:
    """The result for operands that were checked, alpha the last of them if `alphas` says so."""
    ufunc = _WITH_ALPHA[formula] if alphas else _UFUNCS[formula]
    if keywords is not None and "where" in keywords and plain:
        selected = _selected(formula, operands, alphas, keywords)
        if selected is not None:
            return selected
    if plain and is_large(formula, operands):
        result = on_threads(formula, operands, keywords)
        if result is not None:
            return result
    inputs = operands[: len(operands) - alphas]
    if keywords is not None and "casting" in keywords:
        keywords = with_casts(inputs, len(operands), keywords)
    try:
        unselected = None
        if keywords is not None and "where" in keywords:
            unselected = _unselected(operands, keywords)
        result = _by_numpy(formula, ufunc, operands, keywords, plain)
        if unselected is not None:
            np.copyto(*unselected)
        return result
    except TypeError as error:
        better = explained(_NAMES[formula], error, inputs, keywords)
        if better is error:
            raise
        raise better from None


@cython.cfunc
@cython.locals(formula=cython.int, operands=tuple, keywords=dict, plain=cython.bint)
def _by_numpy(
    formula: int, ufunc: Any, operands: tuple[Any, ...], keywords: dict[str, Any] | None,
    plain: bool,
) -> Any:
    """A call of the ufunc with whatever there is of keywords and containers."""
    if not plain:
        _containers.refuse_no_numbers(operands)
    given = None if keywords is None else _out_in(keywords)
    array = given if given is None or type(given) is np.ndarray else writable(given)
    if array is not given:
        ufunc(*operands, **{**keywords, "out": array})
        _containers.wrote_to(given)
        return given
    if plain:
        return ufunc(*operands, **keywords or {})
    _containers.introduce(_ALL)
    if keywords is None:
        result = _containers.by_arrays(globals()[_NAMES[formula]], operands)
        if result is not None:
            return result
    result = ufunc(*operands, **keywords or {})
    if (given is None or given is ...) and isinstance(result, np.ma.MaskedArray):
        return _containers.with_own_mask(result)
    return result


@cython.cfunc
@cython.locals(keywords=dict)
def _out_in(keywords: dict[str, Any]) -> Any:
    """`out`, which may stand in a tuple of one; None where it was not given."""
    out = keywords.get("out")
    return out[0] if type(out) is tuple and len(out) == 1 else out


@cython.cfunc
@cython.locals(operands=tuple, keywords=dict)
def _unselected(operands: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """The elements of `out` that keep their values, as arguments of numpy.copyto, or None.

    NumPy 2.4 would write them where `out` shares memory with an operand of another dtype: it makes
    a copy of `out`, of which it copies all back.
    """
    out, where = _out_in(keywords), keywords["where"]
    if isinstance(out, np.ndarray):
        for operand in operands + (where,):  # noqa: RUF005
            is_array = isinstance(operand, np.ndarray)
            is_array = is_array or not hasattr(type(operand), "__array_ufunc__")
            if operand is not out and is_array and np.may_share_memory(operand, out):
                array = out.view(np.ndarray)
                return array, array.copy(), "no", ~np.asarray(where, bool)
    return None


@cython.cfunc
@cython.locals(formula=cython.int, operands=tuple, alphas=cython.bint, keywords=dict)
def _selected(
    formula: int, operands: tuple[Any, ...], alphas: bool, keywords: dict[str, Any]
) -> Any:
    """`out` after `where`, by the dense path and a copy of what is selected; None where not dense.

    NumPy calls a ufunc for each stretch of selected elements, which took 1.3 to 2 times as long as
    numpy.exp from 1000 elements on, since a call computes a whole block.
    """
    x = operands[0] if form_of(formula) == ELU else operands[1]
    if len(keywords) != 2 or type(x) is not np.ndarray or x.size < SELECTED:
        return None
    out, where = _out_in(keywords), keywords["where"]
    if not (
        type(out) is type(where) is np.ndarray and out.shape == where.shape == x.shape
        and out.dtype == x.dtype and where.dtype == bool and out.flags.writeable
        and not np.may_share_memory(out, where)
    ):
        return None
    result = dense(formula, operands[0], x, operands[len(operands) - 1] if alphas else 1.0, None)
    if result is not None:
        np.copyto(out, result, where=where)
        return out
    return None
