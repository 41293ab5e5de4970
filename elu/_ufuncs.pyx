# cython: boundscheck=False, wraparound=False, cdivision=True
#
# The ufunc path: everything else with an array's memory, by NumPy's machinery over the kernels.
#
#   a. small arrays, that need no more than the ufunc; large ones by NumPy's iterator, a copy of it
#      for each thread
#   b. a stretch of elements of any strides: by blocks through small buffers
#   c. which dtype is computed in
#   d. the ufuncs: for each formula one without alpha, which is 1, and one with it
#
# The ufuncs do the broadcasting, overlap, casting, byte order, `where`, subclasses and errors.

cimport numpy as np
from cpython.object cimport PyObject
from cpython.pycapsule cimport PyCapsule_New
from cpython.ref cimport Py_INCREF
from cython.parallel cimport prange
from libc.stdint cimport int8_t, uint8_t, uint16_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from elu._dense cimport (
    Number, are_allowed, converted, is_alpha, is_bfloat16, kernels, ordinary_alpha, typenum
)
from elu._fpstatus cimport (
    fp_clear, fp_enter, fp_is_default, fp_leave, fp_raised, fp_status
)
from elu._kernels cimport (
    BF16, DTYPES, ELU, F16, F32, F64, NAMED, form_of, itemsize_of, run_kernel, takes_alpha
)
from elu._openmp cimport threads_for, threads_within

import sys
from array import array as python_array

import numpy

cdef extern from "Python.h":
    object PyObject_Vectorcall(object, PyObject** arguments, size_t count, PyObject* keywords)

cdef extern from "numpy/dtype_api.h":
    int NPY_HALF
    ctypedef struct PyArray_DTypeMeta:
        int type_num
    PyArray_DTypeMeta PyArray_HalfDType, PyArray_FloatDType, PyArray_DoubleDType
    PyArray_DTypeMeta PyArray_PyFloatDType, PyArray_PyLongDType

cdef extern from "numpy/ufuncobject.h":
    int PyUFunc_AddPromoter(object ufunc, object dtypes, object promoter) except -1
    int PyUFunc_RegisterLoopForType(
        np.ufunc ufunc, int usertype, np.PyUFuncGenericFunction function, const int* arg_types,
        void* data
    ) except -1
    int PyUFunc_GiveFloatingpointErrors(const char* name, int raised) except -1

cdef extern from "numpy/arrayobject.h":
    int NPY_USERDEF
    ctypedef struct NpyIter
    ctypedef int (*iternext_t "NpyIter_IterNextFunc *")(NpyIter*) noexcept nogil
    ctypedef int NPY_ORDER
    ctypedef int NPY_CASTING
    np.npy_uint32 NPY_ITER_EXTERNAL_LOOP, NPY_ITER_RANGED, NPY_ITER_COPY_IF_OVERLAP
    np.npy_uint32 NPY_ITER_ZEROSIZE_OK, NPY_ITER_BUFFERED, NPY_ITER_GROWINNER
    np.npy_uint32 NPY_ITER_DELAY_BUFALLOC
    np.npy_uint32 NPY_ITER_READONLY, NPY_ITER_WRITEONLY, NPY_ITER_ALIGNED, NPY_ITER_NBO
    np.npy_uint32 NPY_ITER_ALLOCATE, NPY_ITER_NO_BROADCAST, NPY_ITER_NO_SUBTYPE
    np.npy_uint32 NPY_ITER_OVERLAP_ASSUME_ELEMENTWISE
    int PyArray_OrderConverter(object given, NPY_ORDER* order) except 0
    int PyArray_CastingConverter(object given, NPY_CASTING* casting) except 0
    ctypedef struct PyArrayObject
    ctypedef struct PyArray_Descr
    NpyIter* NpyIter_AdvancedNew(
        int nop, PyArrayObject** op, np.npy_uint32 flags, NPY_ORDER order, NPY_CASTING casting,
        np.npy_uint32* op_flags, PyArray_Descr** op_dtypes, int oa_ndim, int** op_axes,
        np.npy_intp* shape, np.npy_intp buffersize
    )
    int NpyIter_Deallocate(NpyIter*) except 0
    int NpyIter_ResetToIterIndexRange(
        NpyIter*, np.npy_intp start, np.npy_intp stop, char** error
    ) except 0
    void PyArray_DiscardWritebackIfCopy(PyArrayObject*)
    np.npy_intp NpyIter_GetIterSize(NpyIter*) noexcept
    int NpyIter_GetNOp(NpyIter*) noexcept
    bint NpyIter_IterationNeedsAPI(NpyIter*) noexcept
    iternext_t NpyIter_GetIterNext(NpyIter*, char** error) except NULL
    PyArrayObject** NpyIter_GetOperandArray(NpyIter*) noexcept
    char** NpyIter_GetDataPtrArray(NpyIter*) noexcept nogil
    np.npy_intp* NpyIter_GetInnerStrideArray(NpyIter*) noexcept nogil
    np.npy_intp* NpyIter_GetInnerLoopSizePtr(NpyIter*) noexcept nogil

cdef extern from *:
    """
    /* NumPy does not always say so where its malloc finds no memory for an iterator. */
    static NpyIter* checked(NpyIter* iterator) {
        if (iterator == NULL && !PyErr_Occurred()) PyErr_NoMemory();
        return iterator;
    }

    /* NpyIter_Copy does not look at what malloc gives it: there must be room for 64 dimensions. */
    static NpyIter* copied(NpyIter* iterator) {
        void* room = PyMem_RawMalloc(1 << 14);
        PyMem_RawFree(room);
        return room == NULL ? checked(NULL) : checked(NpyIter_Copy(iterator));
    }
    """
    NpyIter* checked(NpyIter* iterator) except NULL
    NpyIter* copied(NpyIter* iterator) except NULL

cdef extern from "_simd.h":
    uint16_t half_from_f32(float x) noexcept nogil
    void bfloats_to_floats(float* to, const uint16_t* source, size_t count) noexcept nogil

np.import_array()
np.import_ufunc()

cdef enum:
    BUFFERS = 3 << 10   # bytes, for all operands: a worker's stack may have only 16 KiB
    # Elements of NumPy's buffers, beside alpha: a stretch with one alpha that is longer than a
    # buffer is not copied to it for each element. NumPy's own are of 8192.
    BUFFER_OF_ALPHAS = 1 << 10
    MOST_OPERANDS = 4   # grad, x, alpha, out

# What a stretch of elements is computed with. The operands are those of the ufunc: grad where the
# formula takes one, x, alpha where `alphas` says so, out.
cdef struct Loop:
    int formula
    int dtype
    bint alphas
    int most_threads        # 0 where the package's own limit holds
    const uint16_t* halves  # of all bytes that grad and x may be, NULL where they are of `dtype`


# -- a. small and large arrays ---------------------------------------------------------------

cdef tuple KEYWORDS = ("where", "order", "dtype", "subok")


# Beside the operands the keywords of numpy.ufunc: in a dict they cost 0.2 us.
cdef object small(
    int formula, object grad, object x, object alpha, object out, object where, object casting,
    object order, object dtype, object subok
):
    """The result for arrays of supported dtypes that are not large; None for everything else.

    Nothing is to be checked or explained here, and so nothing stands between the call and the
    ufunc: 0.06 us less of 0.3 for 16 elements.
    """
    if not (is_supported(x) and (grad is x or is_supported(grad)) and fp_is_default()):
        return None
    cdef double number = ordinary_alpha(formula, alpha)
    cdef Py_ssize_t n = size_of(x)
    if (dtype is not None or is_of_a_user(x) or is_of_a_user(grad)) and of_bfloat16(
        (grad, x), dtype
    ):
        number = nearest_bfloat16(number)
    if not (grad is x or have_same_shape(grad, x)):
        n = up_to_2_30(n, size_of(grad))
    if threads_for(formula, F64, n) > 1 or casting != "same_kind" or not (
        (out is None or np.PyArray_CheckExact(out)) and (
            where is True or n < SELECTED and (
                out is None
                or dtype is None and have_same_dtype(x, out) and have_same_dtype(grad, out)
            )
        )
    ):
        return None
    if number == number:
        alpha = number
    else:
        alpha = None if dtype is not None else allowed_alphas(
            formula, (x,) if form_of(formula) == ELU else (grad, x), alpha
        )
        if alpha is None:
            return None
    cdef bint plain = (
        out is None and where is True and order == "K" and dtype is None and subok is True
    )
    ufunc = ufuncs[formula] if number == 1 else with_alpha[formula]
    cdef PyObject* arguments[8]
    cdef size_t count = 0
    if form_of(formula) != ELU:
        arguments[count] = <PyObject*>grad
        count += 1
    arguments[count] = <PyObject*>x
    count += 1
    if number != 1:
        arguments[count] = <PyObject*>alpha
        count += 1
    if not plain:
        arguments[count] = <PyObject*>out
        count += 1
        arguments[count] = <PyObject*>where
        arguments[count + 1] = <PyObject*>order
        arguments[count + 2] = <PyObject*>dtype
        arguments[count + 3] = <PyObject*>subok
    try:
        # Cython's own call does not notice that NumPy failed without an exception, for want of
        # memory, which ends the process on Python 3.12; this makes one.
        return PyObject_Vectorcall(ufunc, arguments, count, NULL if plain else <PyObject*>KEYWORDS)
    except TypeError:
        return None  # to be explained


cdef inline bint is_supported(object given):
    """A list, or an array of NumPy's own type and a dtype that is computed in, or cast to one."""
    if np.PyArray_CheckExact(given):
        return float_for(np.PyArray_TYPE(given)) >= 0
    return type(given) is list


cdef inline Py_ssize_t size_of(object given):
    """Elements of an array. What is read from a list costs more than threads could save."""
    return np.PyArray_SIZE(given) if np.PyArray_CheckExact(given) else 1


cdef object allowed_alphas(int formula, tuple inputs, object alpha):
    """alpha as an array of the dtype that is computed in; None where it needs a closer look.

    That is where something is no array of floats, or alpha enlarges the result or is not allowed.
    """
    cdef int dtype
    cdef Py_ssize_t n
    if type(alpha) is list:
        alpha = numpy.asarray(alpha)
    for each in (alpha, *inputs):
        if not (np.PyArray_CheckExact(each) and float_for(np.PyArray_TYPE(each)) >= 0):
            return None
    dtype = dtype_of(inputs, None)
    if dtype < 0:
        return None
    if not is_float(np.PyArray_TYPE(alpha)) or enlarges(alpha, inputs):
        return None
    n = np.PyArray_SIZE(alpha)
    if np.PyArray_TYPE(alpha) == typenum(dtype):
        if not (np.PyArray_ISONESEGMENT(alpha) and np.PyArray_ISBEHAVED_RO(alpha)):
            alpha = alpha.astype(numpy_dtype(dtype))
    elif dtype == BF16 or float_for(np.PyArray_TYPE(alpha)) > dtype:
        alpha = as_doubles(alpha)
        # A negative number may be -0.0 in the dtype.
        if not are_allowed(formula, F64, np.PyArray_DATA(alpha), n):
            return None
        alpha = narrowed(alpha, dtype)
    else:
        alpha = cast_silently(alpha, numpy_dtype(dtype))
    # In a row now, in whatever order.
    return alpha if are_allowed(formula, dtype, np.PyArray_DATA(alpha), n) else None


cdef object cast_silently(object array, object dtype):
    """A copy in a dtype that holds all its numbers: only a NaN that signals could be reported."""
    from elu._containers import cast  # here, since it imports this module

    return cast(array, dtype)


cdef object as_doubles(object array):
    """The array itself where its numbers are doubles in a row."""
    if np.PyArray_TYPE(array) != np.NPY_DOUBLE:
        return cast_silently(array, numpy.float64)
    if np.PyArray_ISONESEGMENT(array) and np.PyArray_ISBEHAVED_RO(array):
        return array
    return array.astype(numpy.float64)


cdef object narrowed(object array, int dtype):
    """A copy in a smaller dtype, without a warning: where a number is too large it is infinite."""
    given = as_doubles(array)
    copy = numpy.empty_like(given, numpy_dtype(dtype))
    cdef const double* numbers = <const double*>np.PyArray_DATA(given)
    cdef char* target = <char*>np.PyArray_DATA(copy)
    cdef Py_ssize_t size = np.PyArray_ITEMSIZE(copy)
    cdef Number number  # aligned for each format, as an element of a smaller one need not be
    cdef Py_ssize_t k
    cdef fp_status caller = fp_enter()
    for k in range(np.PyArray_SIZE(given)):
        converted(numbers[k], dtype, &number)
        memcpy(target + k * size, &number, size)
    fp_leave(caller)
    return copy


cdef inline bint is_of_a_user(object given):
    """An array of a dtype that is not NumPy's own."""
    return np.PyArray_CheckExact(given) and np.PyArray_TYPE(given) >= NPY_USERDEF


cdef bint of_bfloat16(tuple inputs, object dtype) except -1:
    """Whether bfloat16 is computed in, to which ml_dtypes rounds a number by way of float32."""
    if "ml_dtypes" not in sys.modules:
        return False
    if dtype is not None:
        try:
            return is_bfloat16(numpy.dtype(dtype).num)
        except TypeError:
            return False  # NumPy says so
    for each in inputs:
        dtype = getattr(each, "dtype", None)
        if isinstance(dtype, numpy.dtype) and is_bfloat16(dtype.num):
            return True
    return False


cdef double nearest_bfloat16(double number) except? -2:
    cdef Number nearest
    cdef float result
    converted(number, BF16, &nearest)
    bfloats_to_floats(&result, &nearest.bf16, 1)
    return result


cdef object as_bfloat16(object number):
    """An array, since a number of Python's is a float64 to NumPy beside bfloat16."""
    if type(number) is not float and type(number) is not int:
        return number
    array = numpy.asarray(number, numpy.float64)
    rounded = narrowed(array, BF16)
    # Of a number that is too large NumPy's own cast tells.
    if numpy.isinf(rounded) and not numpy.isinf(array):
        return array.astype(rounded.dtype)
    return rounded


cdef inline bint is_float(int kind) except -1:
    return (
        kind == NPY_HALF or kind == np.NPY_FLOAT or kind == np.NPY_DOUBLE or is_bfloat16(kind)
    )


cdef inline object numpy_dtype(int dtype):
    return np.PyArray_DescrFromType(typenum(dtype))


cdef bint enlarges(object alpha, tuple inputs):
    """Whether the inputs, broadcast against each other, have less than alpha in some dimension."""
    cdef int axis, ndim = np.PyArray_NDIM(alpha)
    cdef Py_ssize_t size
    cdef bint fits
    for axis in range(1, ndim + 1):
        size = np.PyArray_DIM(alpha, ndim - axis)
        fits = False
        for each in inputs:
            fits = fits or axis <= np.PyArray_NDIM(each) and (
                size == 1 or size == np.PyArray_DIM(each, np.PyArray_NDIM(each) - axis)
            )
        if not fits:
            return True
    return False


cdef inline bint have_same_shape(object a, object b):
    return np.PyArray_CheckExact(a) and np.PyArray_CheckExact(b) and np.PyArray_SAMESHAPE(a, b)


cdef inline bint have_same_dtype(object a, object b):
    return np.PyArray_CheckExact(a) and np.PyArray_CheckExact(b) and np.PyArray_EquivArrTypes(a, b)


cdef object on_threads(int formula, tuple operands, dict keywords):
    """The result for large arrays, on several threads; None where the ufunc has to be called.

    So it is where one thread is enough, where something is no plain array or number, and where
    NumPy has to say what is wrong.
    """
    cdef int inputs = 1 if form_of(formula) == ELU else 2
    cdef int dtype
    keywords = keywords or {}
    # A Python number is cast to what it adapts to, which a strict `casting` does not allow.
    strict = "casting" in keywords and any(type(each) in (float, int) for each in operands)
    if strict or "where" in keywords or type(keywords.get("subok", True)) is not bool or not all(
        type(each) is numpy.ndarray or type(each) in (float, int)
        or isinstance(each, numpy.generic) for each in operands
    ):
        return None
    out = keywords.get("out")
    if type(out) is tuple and len(out) == 1:
        out = out[0]
    if out is not None and type(out) is not numpy.ndarray:
        return None
    dtype = dtype_of(operands[:inputs], keywords.get("dtype"))
    if dtype < 0:
        return None
    try:
        return iterate(Loop(formula, dtype, len(operands) > inputs, 0, NULL), operands,
                       numpy_dtype(dtype), out, keywords)
    except (TypeError, ValueError):
        return None  # before anything was computed: the ufunc says it in its own words


# What a ufunc reads by itself, beside arrays: neither a container of another library nor something
# to be read first.
cdef frozenset PLAIN = frozenset([
    float, list, tuple, python_array, numpy.memmap, numpy.float16, numpy.float32, numpy.float64
])


cdef bint all_plain(tuple operands) except -1:
    for each in operands:
        if not np.PyArray_CheckExact(each) and type(each) not in PLAIN:
            return False
    return True


cdef bint is_large(int formula, tuple operands) except -1:
    """Whether several threads may pay: in the dtype that takes longest, and for NumPy's arrays."""
    cdef Py_ssize_t most = 1
    for operand in operands:
        if np.PyArray_CheckExact(operand):
            most = up_to_2_30(most, np.PyArray_SIZE(operand))
    return threads_for(formula, F64, most) > 1 and (
        threads_for(formula, F64, broadcast_size(operands)) > 1
    )


cdef inline Py_ssize_t up_to_2_30(Py_ssize_t a, Py_ssize_t b) noexcept:
    """a * b, of which no more than that it is large need be known: three sizes may overflow."""
    cdef Py_ssize_t most = 1 << 30
    return most if b > 0 and a >= most // b else a * b


cdef Py_ssize_t broadcast_size(tuple operands) except -1:
    """Elements of the result; some number where the shapes do not broadcast."""
    cdef Py_ssize_t size = 1, largest
    cdef int axis, ndim, most = 0
    for operand in operands:
        if np.PyArray_CheckExact(operand):
            most = max(most, np.PyArray_NDIM(operand))
    for axis in range(1, most + 1):
        largest = 1
        for operand in operands:
            if np.PyArray_CheckExact(operand):
                ndim = np.PyArray_NDIM(operand)
                if axis <= ndim and np.PyArray_DIM(operand, ndim - axis) != 1:
                    largest = np.PyArray_DIM(operand, ndim - axis)
        size *= largest
    return size


def run_strided(
    int formula, int dtype, tuple arrays, double alpha, object out, int most_threads
):
    """The same for plain arrays of any strides, which elu.torch has checked, bfloat16 as uint16.

    False where alpha is not allowed.
    """
    cdef Number number
    if not is_alpha(formula, alpha, dtype, &number):
        return False
    alphas = numpy.empty((), out.dtype)
    memcpy(np.PyArray_DATA(alphas), &number, itemsize_of(dtype))
    iterate(Loop(formula, dtype, True, most_threads, NULL), arrays + (alphas,), out.dtype, out, {})
    return True


cdef object iterate(Loop loop, tuple operands, object computed, object out, dict keywords):
    """One iterator for each thread, all of them over a range of the same iteration."""
    cdef NPY_ORDER order = np.NPY_KEEPORDER  # None leaves it
    cdef NPY_CASTING casting
    cdef PyArrayObject* arrays[MOST_OPERANDS]
    cdef PyArray_Descr* dtypes[MOST_OPERANDS]
    cdef np.npy_uint32 flags[MOST_OPERANDS]
    cdef int k, count = len(operands) + 1
    PyArray_OrderConverter(keywords.get("order", "K"), &order)
    PyArray_CastingConverter(keywords.get("casting", "same_kind"), &casting)
    # A Python number adapts to the dtype, as in a ufunc.
    given = []
    for each in operands:
        array = numpy.asarray(each, computed if type(each) in (float, int) else None)
        given.append(array)  # a name of its own: see _by_ufunc in _api.py
    for k in range(count):
        dtypes[k] = <PyArray_Descr*>computed
        flags[k] = NPY_ITER_READONLY | NPY_ITER_ALIGNED | NPY_ITER_OVERLAP_ASSUME_ELEMENTWISE
        if k < count - 1:
            arrays[k] = <PyArrayObject*>given[k]
    arrays[count - 1] = <PyArrayObject*>out if out is not None else NULL
    flags[count - 1] = (
        NPY_ITER_WRITEONLY | NPY_ITER_ALIGNED | NPY_ITER_OVERLAP_ASSUME_ELEMENTWISE
        | NPY_ITER_ALLOCATE | NPY_ITER_NO_BROADCAST | NPY_ITER_NO_SUBTYPE
    )
    cdef NpyIter* iterator = checked(NpyIter_AdvancedNew(
        count, arrays, NPY_ITER_EXTERNAL_LOOP | NPY_ITER_RANGED | NPY_ITER_COPY_IF_OVERLAP
        | NPY_ITER_ZEROSIZE_OK | NPY_ITER_BUFFERED | NPY_ITER_GROWINNER | NPY_ITER_DELAY_BUFALLOC,
        order, casting, flags, dtypes, -1, NULL, NULL, BUFFER_OF_ALPHAS if loop.alphas else 0
    ))
    if out is None:
        out = <object>NpyIter_GetOperandArray(iterator)[count - 1]
    cdef int raised = compute_ranges(&loop, iterator)
    # Of casts, as the ufunc would report it, in the caller's thread.
    if raised > 0:
        PyUFunc_GiveFloatingpointErrors(names[loop.formula][loop.alphas], raised)
    return out if raised >= 0 else None


cdef int compute_ranges(const Loop* loop, NpyIter* iterator) except -2:
    """The whole iteration; the floating-point errors, -1 where Python would be needed for it."""
    cdef Py_ssize_t n = NpyIter_GetIterSize(iterator)
    cdef int threads = threads_within(loop.formula, loop.dtype, n, loop.most_threads)
    cdef int k, raised = 0, made = 0
    cdef int ready = 0
    cdef bint done = False
    cdef iternext_t next
    cdef NpyIter** iterators = <NpyIter**>malloc(threads * sizeof(NpyIter*))
    try:
        if NpyIter_IterationNeedsAPI(iterator) or iterators == NULL:
            return -1
        for k in range(threads):
            iterators[k] = iterator if k == 0 else copied(iterator)
            made = k + 1
        for k in range(threads):
            NpyIter_ResetToIterIndexRange(
                iterators[k], n // threads * k + min(k, n % threads),
                n // threads * (k + 1) + min(k + 1, n % threads), NULL
            )
            ready = k + 1
        next = NpyIter_GetIterNext(iterator, NULL)
        if threads == 1:
            with nogil:
                raised = compute_range(loop, iterator, next)
        else:
            for k in prange(threads, num_threads=threads, schedule="static", nogil=True):
                raised |= compute_range(loop, iterators[k], next)
        done = True
    finally:
        if not done:
            # NumPy writes back what it has in buffers and in a copy of `out`, which may be an
            # input: there is nothing in either yet. That of buffers cannot be prevented.
            for k in range(ready):
                compute(
                    loop, NpyIter_GetDataPtrArray(iterators[k]),
                    NpyIter_GetInnerStrideArray(iterators[k]),
                    NpyIter_GetInnerLoopSizePtr(iterators[k])[0]
                )
            PyArray_DiscardWritebackIfCopy(
                NpyIter_GetOperandArray(iterator)[NpyIter_GetNOp(iterator) - 1]
            )
        # The last one writes back what was computed elsewhere since it overlaps.
        for k in range(1, made):
            NpyIter_Deallocate(iterators[k])
        free(iterators)
        NpyIter_Deallocate(iterator)
    return raised


cdef int compute_range(const Loop* loop, NpyIter* iterator, iternext_t next) noexcept nogil:
    """The range of one iterator; the floating-point errors of its casts."""
    cdef char** data = NpyIter_GetDataPtrArray(iterator)
    cdef np.npy_intp* steps = NpyIter_GetInnerStrideArray(iterator)
    cdef np.npy_intp* n = NpyIter_GetInnerLoopSizePtr(iterator)
    cdef fp_status own = fp_enter()
    cdef fp_status casts
    cdef int raised
    fp_clear()
    while True:
        casts = fp_enter()
        compute(loop, data, steps, n[0])
        fp_leave(casts)
        if not next(iterator):
            break
    raised = fp_raised()
    fp_leave(own)
    return raised


# -- b. a stretch of elements ----------------------------------------------------------------

cdef Number ones[DTYPES]  # alpha for the ufuncs without it


cdef void ufunc_loop(
    char** args, np.npy_intp* dimensions, np.npy_intp* steps, void* data
) noexcept nogil:
    """The inner loop of all ufuncs."""
    cdef fp_status caller = fp_enter()
    compute(<const Loop*>data, args, steps, dimensions[0])
    fp_leave(caller)


cdef void compute(
    const Loop* loop, char** data, np.npy_intp* steps, Py_ssize_t n
) noexcept nogil:
    """Straight where all is contiguous, else by blocks through buffers."""
    cdef int first = 0 if form_of(loop.formula) == ELU else 1  # of x
    cdef int out = first + 1 + loop.alphas
    cdef Py_ssize_t size = itemsize_of(loop.dtype)
    cdef const char* alpha = <const char*>&ones[loop.dtype]
    cdef bint each = False
    if loop.alphas:
        alpha = data[first + 1]
        # A lazy alpha was not looked at: the kernels with one for each element know what to make of
        # one that is not allowed.
        each = steps[first + 1] != 0 or n > 0 and not are_allowed(
            loop.formula, loop.dtype, alpha, 1
        )
    if (loop.halves == NULL and steps[0] == size and steps[first] == size and steps[out] == size
            and (not each or steps[first + 1] == size)):
        run_kernel(kernels, loop.formula, each, loop.dtype, data[0], data[first], alpha, data[out],
                   n, False)
    elif each:
        compute_blocks(loop, data, steps, NULL, n)
    else:
        compute_blocks(loop, data, steps, alpha, n)


cdef void compute_blocks(
    const Loop* loop, char** data, np.npy_intp* steps, const char* one_alpha, Py_ssize_t n
) noexcept nogil:
    """one_alpha is NULL where each element has its own."""
    cdef char buffers[BUFFERS]
    cdef const char* at[MOST_OPERANDS]
    cdef int first = 0 if form_of(loop.formula) == ELU else 1
    cdef int inputs = first + 1 + (one_alpha == NULL)
    cdef int out = first + 1 + loop.alphas
    cdef Py_ssize_t size = itemsize_of(loop.dtype)
    cdef int k
    # By constants: two divisions are a tenth of a call on 16 elements.
    cdef Py_ssize_t buffer = BUFFERS // 4 if inputs == 3 else BUFFERS // 3
    cdef Py_ssize_t block = buffer // 8 if size == 8 else buffer // 4 if size == 4 else buffer // 2
    cdef Py_ssize_t m, start = 0
    cdef char* target
    cdef char* result
    at[first + 1] = one_alpha
    while start < n:
        m = min(block, n - start)
        for k in range(inputs):
            at[k] = data[k] + start * steps[k]
            if k <= first and loop.halves != NULL:
                gather_bytes(<uint16_t*>(buffers + k * buffer), at[k], steps[k], m, loop.halves)
                at[k] = buffers + k * buffer
            elif steps[k] != size:
                kernels.gather[loop.dtype](buffers + k * buffer, at[k], steps[k], m)
                at[k] = buffers + k * buffer
        target = data[out] + start * steps[out]
        result = target
        if steps[out] != size:
            result = buffers + inputs * buffer
        run_kernel(kernels, loop.formula, one_alpha == NULL, loop.dtype, at[0], at[first],
                   at[first + 1], result, m, False)
        if steps[out] != size:
            kernels.scatter[loop.dtype](target, steps[out], result, m)
        start += m


cdef inline void gather_bytes(
    uint16_t* buffer, const char* source, Py_ssize_t step, Py_ssize_t n, const uint16_t* halves
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        buffer[i] = halves[(<const uint8_t*>(source + i * step))[0]]


# -- c. which dtype is computed in -----------------------------------------------------------
# That of numpy.logaddexp, for grad and x alone: alpha has no say.

cdef enum:
    PYTHON_INT = -1    # in place of a NumPy dtype's number
    PYTHON_FLOAT = -2


cdef int float_for(int kind) except -2:
    """The smallest float that takes a NumPy dtype without loss, as for numpy.exp; -1 for none."""
    if kind in (np.NPY_BOOL, np.NPY_BYTE, np.NPY_UBYTE, NPY_HALF):
        return F16
    if kind in (np.NPY_SHORT, np.NPY_USHORT, np.NPY_FLOAT):
        return F32
    if kind in (np.NPY_INT, np.NPY_UINT, np.NPY_LONG, np.NPY_ULONG,
                np.NPY_LONGLONG, np.NPY_ULONGLONG, np.NPY_DOUBLE):
        return F64
    return BF16 if is_bfloat16(kind) else -1


cdef int common_float(const int* kinds, int count) except -2:
    """For all of the inputs; -1 where one is not supported, or bfloat16 beside another dtype."""
    cdef int k, dtype, result = -1
    cdef bint any_float = False, only_bools = True, python_float = False, python_int = False
    for k in range(count):
        if kinds[k] < 0:
            python_float |= kinds[k] == PYTHON_FLOAT
            python_int |= kinds[k] == PYTHON_INT
            continue
        dtype = float_for(kinds[k])
        if dtype < 0 or result >= 0 and dtype != result and BF16 in (dtype, result):
            return -1
        result = max(result, dtype)
        any_float |= is_float(kinds[k])
        only_bools &= kinds[k] == np.NPY_BOOL
    # A Python number adapts to floats; a float makes float64 of integers, an int of bools.
    if result < 0 or not any_float and (python_float or python_int and only_bools):
        return F64
    return result


cdef int dtype_of(tuple inputs, object dtype) except -2:
    """The dtype that arrays, scalars and Python numbers are computed in; -1 where there is none."""
    cdef int* kinds = [0, 0]
    cdef int k = 0
    if dtype is not None:
        dtype = numpy.dtype(dtype)
        return float_for(dtype.num) if dtype.isnative and is_float(dtype.num) else -1
    for each in inputs:
        if type(each) is float:
            kinds[k] = PYTHON_FLOAT
        elif type(each) is int:
            kinds[k] = PYTHON_INT
        else:
            kinds[k] = each.dtype.num
        k += 1
    return common_float(kinds, k)


cdef int promote(
    object ufunc, PyArray_DTypeMeta** given, PyArray_DTypeMeta** signature,
    PyArray_DTypeMeta** promoted
) except -1:
    """NumPy's question which dtypes the loop for the given ones has."""
    cdef int operands = ufunc.nin + 1
    cdef bint alphas = ufunc.__name__.endswith("_alpha")
    cdef int inputs = operands - 1 - alphas
    cdef bint same = inputs == 1 or given[0] == given[1]
    cdef int kinds[2]
    cdef int k, dtype
    cdef PyArray_DTypeMeta** floats = [
        &PyArray_HalfDType, &PyArray_FloatDType, &PyArray_DoubleDType, NULL
    ]
    for k in range(inputs):
        # Python's complex has no number, either, and ml_dtypes would cast it to bfloat16.
        kinds[k] = given[k].type_num if given[k].type_num >= 0 else np.NPY_OBJECT
        if given[k] == &PyArray_PyFloatDType:
            kinds[k] = PYTHON_FLOAT
        elif given[k] == &PyArray_PyLongDType:
            kinds[k] = PYTHON_INT
    if signature[operands - 1] != NULL:  # dtype=
        kinds[0], inputs = signature[operands - 1].type_num, 1
    dtype = common_float(kinds, inputs)
    if dtype < 0:
        raise TypeError(f"{ufunc.__name__} has no loop for these dtypes")
    if dtype == BF16:
        add_bfloat16(ufunc)
        bfloat = type(numpy_dtype(BF16))
        floats[BF16] = <PyArray_DTypeMeta*>bfloat
    for k in range(operands):
        promoted[k] = floats[dtype]
        # Those that have a loop of their own, if all inputs are of that dtype.
        if k < operands - 1 - alphas and same and is_byte(given[k].type_num) and dtype == F16:
            promoted[k] = given[k]
        Py_INCREF(<object>promoted[k])
    return 0


cdef inline bint is_byte(int kind) noexcept:
    return kind == np.NPY_BOOL or kind == np.NPY_BYTE or kind == np.NPY_UBYTE


# -- d. the ufuncs ---------------------------------------------------------------------------

# int8, uint8 and bool have loops of their own, since NumPy's cast to float16 takes 3.5 ns for an
# element, ten times as long as all the rest: 2**17 of int8 took as long as with numpy.exp.
cdef enum:
    BYTES = 3
    LOOPS = BYTES + BF16  # that for bfloat16 is added when it is needed

cdef uint16_t halves[2][256]  # first: has the byte a sign


cdef void fill_tables() noexcept:
    cdef int byte, dtype
    for dtype in range(DTYPES):
        converted(1, dtype, &ones[dtype])
    for byte in range(256):
        halves[False][byte] = half_from_f32(byte)
        halves[True][byte] = half_from_f32(<int8_t>byte)


fill_tables()

# What NumPy keeps pointers to, for [formula][alphas]([loop]).
cdef np.PyUFuncGenericFunction functions[LOOPS]
functions[:] = [<np.PyUFuncGenericFunction>ufunc_loop] * 6
cdef Loop loops[NAMED][2][LOOPS + 1]
cdef void* data[NAMED][2][LOOPS]
cdef char types[NAMED][2][LOOPS * MOST_OPERANDS]
cdef const char* names[NAMED][2]
names[:] = [
    [b"elu", b"elu_alpha"],
    [b"elu_grad", b"elu_grad_alpha"],
    [b"elu_grad_from_output", b"elu_grad_from_output_alpha"],
    [b"selu", NULL],
    [b"selu_grad", NULL],
    [b"selu_grad_from_output", NULL],
    [b"celu", b"celu_alpha"],
    [b"celu_grad", b"celu_grad_alpha"],
    [b"celu_grad_from_output", b"celu_grad_from_output_alpha"],
]


cdef object new_ufunc(int formula, bint alphas):
    cdef int inputs = 1 if form_of(formula) == ELU else 2
    cdef int operands = inputs + alphas + 1
    cdef int* typenums = [NPY_HALF, np.NPY_FLOAT, np.NPY_DOUBLE]
    cdef int* bytenums = [np.NPY_BOOL, np.NPY_BYTE, np.NPY_UBYTE]
    cdef int loop, dtype, k
    if alphas and not takes_alpha(formula):
        return None
    loops[formula][alphas][LOOPS] = Loop(formula, BF16, alphas, 0, NULL)
    for loop in range(LOOPS):
        dtype = max(F16, loop - BYTES)
        loops[formula][alphas][loop] = Loop(formula, dtype, alphas, 0, NULL)
        if loop < BYTES:
            loops[formula][alphas][loop].halves = halves[bytenums[loop] == np.NPY_BYTE]
        data[formula][alphas][loop] = &loops[formula][alphas][loop]
        for k in range(operands):
            types[formula][alphas][loop * operands + k] = <char>(
                bytenums[loop] if loop < BYTES and k < inputs else typenums[dtype]
            )
    ufunc = np.PyUFunc_FromFuncAndData(
        functions, data[formula][alphas], types[formula][alphas], LOOPS, operands - 1, 1,
        np.PyUFunc_None, names[formula][alphas], b"", 0
    )
    PyUFunc_AddPromoter(ufunc, (numpy.dtype,) * operands,
                        PyCapsule_New(<void*>promote, b"numpy._ufunc_promoter", NULL))
    return ufunc


cdef int add_bfloat16(object ufunc) except -1:
    """Add the loop for bfloat16, of which NumPy has no number before ml_dtypes is imported."""
    cdef int kind = typenum(BF16)
    cdef int* kinds = [kind, kind, kind, kind]
    for formula in range(NAMED):
        for alphas in range(2):
            if ufunc is (with_alpha if alphas else ufuncs)[formula]:
                PyUFunc_RegisterLoopForType(
                    ufunc, kind, <np.PyUFuncGenericFunction>ufunc_loop, kinds,
                    &loops[formula][alphas][LOOPS]
                )
    return 0


# By formula: the ufuncs without an alpha, which is 1, and those with one (None for SELU).
cdef tuple ufuncs = tuple([new_ufunc(formula, False) for formula in range(NAMED)])
cdef tuple with_alpha = tuple([new_ufunc(formula, True) for formula in range(NAMED)])
UFUNCS, WITH_ALPHA = ufuncs, with_alpha

# By their names, too, under which they are pickled: dask sends them to its workers.
globals().update({each.__name__: each for each in ufuncs + with_alpha if each is not None})
