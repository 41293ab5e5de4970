# The facade: checks, picks the door, carries the docstrings.

import numbers

import numpy

from elu import _dispatch, _threads
from elu._containers import by_column, introduce, is_by_column
from elu._doors import ufuncs
from elu._version import __version__

from elu._doors cimport RUN_BUFFER, fast_door, has_long_runs, in_pieces
from elu._loops cimport ELU, ELU_GRAD, ELU_GRAD_FROM_OUTPUT

# The characters of the dtypes that numpy.exp computes without loss in float16, float32 or float64.
cdef frozenset SUPPORTED = frozenset("?bBhHiIlLqQefd")
# What NumPy computes itself; shape and dtype of anything else are its own library's matter.
cdef tuple PLAIN = (
    numpy.ndarray, numpy.memmap, numpy.float16, numpy.float32, numpy.float64, int, float
)
cdef tuple NUMPY = (numpy.ndarray, numpy.generic, int, float)


def elu(x, alpha=1.0, *, out=None, where=True, casting="same_kind", order="K", dtype=None,
        subok=True):
    """Exponential linear unit: `x` where x >= 0, ``alpha * expm1(x)`` where x < 0.

    A NumPy ufunc behind a faster door for dense arrays: any layout, broadcasting and containers of
    other libraries will do, and small negative numbers keep their digits.

    Parameters
    ----------
    x : array_like
        Input of any shape, without dimension (as for `numpy.exp`); bool, integer, float16,
        float32 or float64, in either byte order.
    alpha : float or array_like, default: 1.0
        Minus the value that large negative `x` saturate at. Finite; an array of numbers must
        broadcast to the shape of `x` (a slope per channel, say). It is converted to the dtype
        of the result and never changes it.
    out : ndarray, optional
        Where the result is stored; of the result's shape and dtype. It may be `x` itself or
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
        If a dtype is not supported, `alpha` is no real number, or `out` has another dtype.
    ValueError
        If `alpha` is not finite, or `out` has another shape or is read-only. Nothing is written.

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
    if is_plain(where, casting, order, dtype):
        result = fast_door(ELU, x, x, alpha, out)
        if result is not None:
            return result
    return general_door(ELU, (x,), alpha, out, where, casting, order, dtype, subok)


def elu_grad(grad, x, alpha=1.0, *, out=None, where=True, casting="same_kind", order="K",
             dtype=None, subok=True):
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
        Where the result is stored; of the result's shape and dtype. It may be `grad` or `x`.
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
        If a dtype is not supported, `alpha` is no real number, or `out` has another dtype.
    ValueError
        If `alpha` is not finite, shapes do not broadcast, or `out` has another shape or is
        read-only. Nothing is written.

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
    if is_plain(where, casting, order, dtype):
        result = fast_door(ELU_GRAD, grad, x, alpha, out)
        if result is not None:
            return result
    return general_door(ELU_GRAD, (grad, x), alpha, out, where, casting, order, dtype, subok)


def elu_grad_from_output(grad, y, alpha=1.0, *, out=None, where=True, casting="same_kind",
                         order="K", dtype=None, subok=True):
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
        Where the result is stored; of the result's shape and dtype. It may be `grad` or `y`.
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
        If a dtype is not supported, `alpha` is no real number, or `out` has another dtype.
    ValueError
        If `alpha` is negative or not finite, shapes do not broadcast, or `out` has another
        shape or is read-only. Nothing is written.

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
    if is_plain(where, casting, order, dtype):
        result = fast_door(ELU_GRAD_FROM_OUTPUT, grad, y, alpha, out)
        if result is not None:
            return result
    return general_door(
        ELU_GRAD_FROM_OUTPUT, (grad, y), alpha, out, where, casting, order, dtype, subok
    )


def config():
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
        "openmp": bool(_threads.openmp),
        "num_threads": _threads.get_num_threads(),
    }


cdef inline bint is_plain(object where, object casting, object order, object dtype):
    """None of these keywords was given."""
    return where is True and dtype is None and casting == "same_kind" and order == "K"


cdef object general_door(int formula, tuple inputs, object alpha, object out, object where,
                         object casting, object order, object dtype, object subok):
    """Whatever is no dense array: by NumPy's ufunc machinery."""
    ufunc = ufuncs[formula]
    inputs = tuple([as_operand(ufunc.__name__, operand) for operand in inputs])
    alpha = checked_alpha(ufunc, inputs, alpha, dtype)
    given = out  # NumPy tells (None,) from None: with the first, `where` needs no `out`
    if type(out) is tuple and len(out) == 1:
        out = out[0]
    if out is not None:
        check_out(ufunc, inputs, alpha, out, dtype)
    operands = (*inputs, alpha)
    plain = all([type(operand) in PLAIN for operand in operands])
    if plain and is_plain(where, casting, order, dtype):
        # Dense perhaps, now that lists are arrays and alpha has the dtype of the result.
        result = fast_door(formula, inputs[0], inputs[-1], alpha, out)
        if result is not None:
            return result
        result = in_pieces(ufunc, operands, result_dtype(ufunc, inputs, None), out)
        if result is not None:
            return result
    # Only what was given: dask and others know no further keywords, and refuse them all.
    keywords = {}
    if given is not None:
        keywords["out"] = given
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
    if plain and has_long_runs(operands):
        with numpy.errstate():  # at its end the caller's buffer size is back
            numpy.setbufsize(RUN_BUFFER)
            return ufunc(*operands, **keywords)
    if not plain:
        introduce(ufuncs)
        if not keywords and type(alpha) in PLAIN and is_by_column(inputs):
            function = (elu, elu_grad, elu_grad_from_output)[formula]
            return by_column(function, operands)
    return ufunc(*operands, **keywords)


cdef object as_operand(str name, object operand):
    """Lists become arrays; numbers and what speaks for itself stay as they are."""
    if type(operand) in (int, float):
        return operand
    kind = type(operand)
    operand = as_array(name, operand)
    dtype = getattr(operand, "dtype", None)
    if type(operand) is not kind and dtype == object and operand.ndim == 0:
        raise TypeError(f"{name}: {kind.__name__} is not supported: "
                        "bool, integers, float16, float32 and float64 are, and arrays of them")
    if isinstance(dtype, numpy.dtype) and dtype.char not in SUPPORTED:
        raise TypeError(f"{name}: dtype {dtype} is not supported: "
                        "bool, integers, float16, float32 and float64 are")
    return operand


cdef object as_array(str name, object operand):
    """What lies in the memory of the CPU, read there; what has a say of its own stays as it is."""
    kind = type(operand)
    if hasattr(kind, "__array_ufunc__"):
        return operand
    if is_elsewhere(operand):
        raise TypeError(f"{name}: this {kind.__name__} is in the memory of another device, and "
                        "this is a CPU library: copy it to the CPU first")
    if hasattr(kind, "__array__"):
        return operand
    if hasattr(kind, "__dlpack__"):
        return numpy.from_dlpack(operand)
    return numpy.asarray(operand)


cdef bint is_elsewhere(object operand) except -1:
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


cdef object result_dtype(object ufunc, tuple inputs, object dtype):
    """The dtype of the result; None where a container only knows it later."""
    if dtype is not None:
        dtype = numpy.dtype(dtype)
        return dtype if dtype.char in "efd" else None  # the ufunc refuses the others
    dtypes = [type(operand) if type(operand) in (int, float) else getattr(operand, "dtype", None)
              for operand in inputs]
    if not all([isinstance(known, (type, numpy.dtype)) for known in dtypes]):
        return None
    return ufunc.resolve_dtypes((*dtypes, float, None))[-1]


cdef object checked_alpha(object ufunc, tuple inputs, object alpha, object dtype):
    """alpha as the ufunc takes it: a Python float, or an array of the result's dtype."""
    name = ufunc.__name__
    container = False
    if isinstance(alpha, numbers.Real) and not isinstance(alpha, bool):
        try:
            values = numpy.float64(alpha)
        except OverflowError:
            values = numpy.float64("inf")
    elif isinstance(alpha, (str, bytes, complex, bool)) or alpha is None:
        raise TypeError(f"{name}: alpha must be a real number or an array of them, "
                        f"not {type(alpha).__name__}")
    elif hasattr(type(alpha), "__array_ufunc__") and not isinstance(alpha, numpy.ndarray):
        # A container of another library, perhaps not computed yet: checked if it holds an array.
        values = getattr(alpha, "data", None)
        if values is None:
            values = getattr(alpha, "values", None)
        if hasattr(values, "to_numpy"):  # pandas' nullable arrays: what is missing stays missing
            values = values.to_numpy(numpy.float64, na_value=1)
        if not isinstance(values, numpy.ndarray):
            return alpha
        container = True
    else:
        values = numpy.asanyarray(as_array(f"{name}: alpha", alpha))
    if values.dtype.kind not in "iuf":
        raise TypeError(f"{name}: alpha must be a real number or an array of them, "
                        f"not an array of dtype {values.dtype}")
    result = result_dtype(ufunc, inputs, dtype)
    if result is not None and result != values.dtype:
        with numpy.errstate(all="ignore"):
            values = values.astype(result)
    if values.ndim > 0 and not container:
        check_alpha_shape(name, inputs, values)
    if not holds(numpy.isfinite(values)):
        raise ValueError(f"{name}: alpha must be finite"
                         f"{f' in {result}' if result is not None else ''}, not {alpha!r}")
    if ufunc is ufuncs[ELU_GRAD_FROM_OUTPUT] and not holds(values >= 0):
        raise ValueError(f"{name}: alpha must not be negative, since the sign of y would not tell "
                         f"the branch (elu_grad takes any alpha), not {alpha!r}")
    if container:
        return alpha
    return float(values) if result is None and values.ndim == 0 else values


cdef inline bint holds(object condition) except -1:
    """Everywhere; the reduction of a single truth value would take longer than all else."""
    return condition if condition.ndim == 0 else condition.all()


cdef object check_alpha_shape(str name, tuple inputs, object alpha):
    """alpha broadcasts to the shape of the inputs, and does not enlarge it."""
    if not all([isinstance(operand, NUMPY) for operand in inputs]):
        return
    shape = numpy.broadcast(*inputs).shape
    try:
        enlarges = numpy.broadcast(*inputs, alpha).shape != shape
    except ValueError:
        enlarges = True
    if enlarges:
        raise ValueError(f"{name}: alpha must broadcast to the shape {shape} of the result, "
                         f"which its own shape {alpha.shape} does not")


cdef object check_out(object ufunc, tuple inputs, object alpha, object out, object dtype):
    """out is of the result's shape and dtype, where all of them are arrays."""
    name = ufunc.__name__
    operands = (*inputs, alpha)
    if not hasattr(type(out), "__array_ufunc__"):
        raise TypeError(f"{name}: out must be an array, not {type(out).__name__}")
    if not all([isinstance(each, NUMPY) for each in (*operands, out)]):
        return
    shape = numpy.broadcast(*operands).shape
    if out.shape != shape:
        raise ValueError(f"{name}: out must have the result's shape {shape}, not {out.shape}")
    if dtype is None:
        dtype = result_dtype(ufunc, inputs, None)
        if out.dtype != dtype:
            raise TypeError(f"{name}: out must have the result's dtype {dtype}, not {out.dtype}")
    if not out.flags.writeable:
        raise ValueError(f"{name}: out must be writeable, and is read-only")
