# cython: boundscheck=False, wraparound=False, cdivision=True
#
# Two doors to the chunk loops, and no third.
#
#   a. runs: a stretch of elements of any strides, through small buffers where need be
#   b. the fast door: dense native float32 and float64 arrays with one alpha or one per channel,
#      a typed memoryview of out, prange over chunks
#   c. the general door: the same runs as the loops of NumPy ufuncs, which do the broadcasting,
#      overlap, casting, byte order, `where`, subclasses and __array_ufunc__
#
# Compiled for the baseline: only the chunk loops in `loops` know an instruction set.

cimport numpy as np
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from cpython.ref cimport Py_INCREF
from cython.parallel cimport prange
from libc.math cimport isfinite
from libc.stdint cimport intptr_t, uint16_t, uintptr_t
from libc.string cimport memcmp, memcpy

from elu._loops cimport ELU, ELU_GRAD, ELU_GRAD_FROM_OUTPUT, F32, F64, Loops, loop_t
from elu._threads cimport threads_for

import itertools
import math

import numpy

from elu import _dispatch

cdef extern from *:
    """
    #include <fenv.h>

    /* The exception flags that NumPy reports are left as they were: SIMD code raises some for
       elements that no result depends on. Clearing them is slow, so only what is new. */
    #define REPORTED (FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW | FE_INVALID)
    static inline int get_flags(void) { return fetestexcept(REPORTED); }
    static inline void put_back_flags(int before) {
        int raised = fetestexcept(REPORTED) & ~before;
        if (raised) feclearexcept(raised);
    }

    /* The same where nothing but SIMD code ran: fetestexcept takes 10 ns more, to ask the x87 unit
       as well, which the conversion to float16 raises its exceptions with. */
    #if defined(__x86_64__) || defined(_M_X64)
    #include <xmmintrin.h>
    #define SIMD_REPORTED \
        (_MM_EXCEPT_DIV_ZERO | _MM_EXCEPT_OVERFLOW | _MM_EXCEPT_UNDERFLOW | _MM_EXCEPT_INVALID)
    static inline int get_simd_flags(void) { return _mm_getcsr() & SIMD_REPORTED; }
    static inline void put_back_simd_flags(int before) {
        int raised = get_simd_flags() & ~before;
        if (raised) _mm_setcsr(_mm_getcsr() & ~raised);
    }
    #else
    #define get_simd_flags get_flags
    #define put_back_simd_flags put_back_flags
    #endif
    """
    int get_flags() noexcept nogil
    void put_back_flags(int before) noexcept nogil
    int get_simd_flags() noexcept nogil
    void put_back_simd_flags(int before) noexcept nogil

cdef extern from "numpy/halffloat.h":
    ctypedef uint16_t npy_half
    float npy_half_to_float(npy_half h) noexcept nogil
    npy_half npy_float_to_half(float f) noexcept nogil

cdef extern from "numpy/dtype_api.h":
    int NPY_HALF
    ctypedef struct PyArray_DTypeMeta:
        int type_num
    PyArray_DTypeMeta PyArray_HalfDType, PyArray_FloatDType, PyArray_DoubleDType

cdef extern from "numpy/ufuncobject.h":
    int PyUFunc_AddPromoter(object ufunc, object dtypes, object promoter) except -1

np.import_array()
np.import_ufunc()

cdef Loops* loops = <Loops*>PyCapsule_GetPointer(_dispatch.loops, b"elu.loops")

ctypedef fused real:
    float
    double

cdef enum:
    F16 = 2             # computed by the float32 loops, converted on the way in and out
    BLOCK = 1024        # elements of a buffer: four of them, 32 KiB at most, stay in the L1 cache
    CHUNK = 1 << 12     # elements that a thread takes at least
    # The same where stores go around the cache, which a chunk waits for in the end: with 2**12,
    # elu_grad took 2 to 5 % longer for 2**26 float32 elements on two threads.
    STREAM_CHUNK = 1 << 16
    # Elements in a row from which on it pays to begin with a whole line of the cache: a store into
    # two lines takes two, NumPy aligns to 16 bytes, and elu_grad_from_output took 0.34 ns for each
    # of 2**17 float64 elements instead of 0.28. Where stores go around the cache, they must begin
    # so: rows of 784 float64 elements gained 6 % from them, rows of 196 took 1.3 times as long.
    ALIGN = 1 << 12
    STREAM_RUN = 1 << 10
    CHANNEL = 1 << 5    # elements with one alpha from which on the fast door is the faster one
    RELEASE = 1 << 13   # elements (1 to 3 us) from which on it pays to let go of the GIL

cdef enum:
    GRAD
    X
    ALPHA
    OUT
    OPERANDS

# Bytes of all operands from which on the result is stored around the last-level cache, which has
# 32 MiB where this was measured: 2**24 float32 elements of elu took 0.149 ns each instead of 0.190
# on two threads, and elu_grad 0.220 instead of 0.288; with 2**22 and elu, 32 MiB, it was slower.
cdef Py_ssize_t STREAM = 32 << 20

# One stretch of elements: where each operand starts and its step in bytes.
cdef struct Run:
    char* data[OPERANDS]
    Py_ssize_t step[OPERANDS]
    Py_ssize_t inner     # elements in a row that share a number of alpha, in the fast door
    Py_ssize_t channels  # numbers of alpha, which take turns
    int formula
    int dtype
    bint buffered  # out meets an input: a block is read before it is written
    bint streams   # out is larger than the cache: stores go around it


# -- a. runs ---------------------------------------------------------------------------------

cdef inline void gather(char* buffer, const char* source, Py_ssize_t step, Py_ssize_t n,
                        int dtype) noexcept nogil:
    cdef Py_ssize_t i
    if dtype == F32:
        for i in range(n):
            memcpy(buffer + 4 * i, source + i * step, 4)
    elif dtype == F64:
        for i in range(n):
            memcpy(buffer + 8 * i, source + i * step, 8)
    else:
        for i in range(n):
            (<float*>buffer)[i] = npy_half_to_float((<npy_half*>(source + i * step))[0])


cdef inline void scatter(char* target, Py_ssize_t step, const char* buffer, Py_ssize_t n,
                         int dtype) noexcept nogil:
    cdef Py_ssize_t i
    if dtype == F32:
        for i in range(n):
            memcpy(target + i * step, buffer + 4 * i, 4)
    elif dtype == F64:
        for i in range(n):
            memcpy(target + i * step, buffer + 8 * i, 8)
    else:
        for i in range(n):
            (<npy_half*>(target + i * step))[0] = npy_float_to_half((<float*>buffer)[i])


cdef void compute(const Run* run, Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Compute the elements from start to stop: straight where all is dense, else by blocks."""
    cdef char buffer[OPERANDS][BLOCK * 8]
    cdef char* at[OPERANDS]
    cdef char* out
    cdef Py_ssize_t size = 8 if run.dtype == F64 else 4
    cdef Py_ssize_t n
    cdef int k
    cdef bint dense = run.dtype != F16
    cdef loop_t loop
    if run.step[ALPHA] == 0:
        loop = loops.scalar[run.formula][run.dtype == F64]
    else:
        loop = loops.array[run.formula][run.dtype == F64]

    cdef bint direct = dense and run.step[OUT] == size and not run.buffered
    cdef bint gathers[OPERANDS]
    cdef Py_ssize_t block = stop - start if direct else BLOCK
    for k in range(OUT):
        gathers[k] = not dense or run.step[k] != size
    gathers[GRAD] &= run.formula != ELU
    gathers[ALPHA] &= not dense or run.step[ALPHA] != 0
    if gathers[GRAD] or gathers[X] or gathers[ALPHA]:
        block = BLOCK
    while start < stop:
        n = min(block, stop - start)
        for k in range(OUT):
            at[k] = run.data[k] + start * run.step[k]
            if gathers[k]:
                gather(buffer[k], at[k], run.step[k], n, run.dtype)
                at[k] = buffer[k]
        out = run.data[OUT] + start * run.step[OUT]
        if direct:
            loop(at[GRAD], at[X], at[ALPHA], out, n, run.streams)
        else:
            loop(at[GRAD], at[X], at[ALPHA], buffer[OUT], n, False)
            if dense and run.step[OUT] == size:
                memcpy(out, buffer[OUT], n * size)
            else:
                scatter(out, run.step[OUT], buffer[OUT], n, run.dtype)
        start += n


cdef inline bint are_apart(
    const char* a, Py_ssize_t a_size, const char* b, Py_ssize_t b_size
) noexcept nogil:
    """Two stretches of memory without a common byte."""
    return <uintptr_t>a + a_size <= <uintptr_t>b or <uintptr_t>b + b_size <= <uintptr_t>a


cdef inline Py_ssize_t work(const Run* run, Py_ssize_t n) noexcept nogil:
    """What n elements take, counted in elements of elu in float32."""
    if run.dtype == F64:  # 3 times as long
        n *= 2
    if run.formula == ELU_GRAD_FROM_OUTPUT:  # 0.7 times as long
        n //= 2
    return n


# -- b. the fast door ------------------------------------------------------------------------

cdef inline Py_ssize_t before_line(const Run* run) noexcept nogil:
    """Elements of out in front of the first whole line of the cache."""
    return (<uintptr_t>-<intptr_t>run.data[OUT] & 63) // run.step[OUT]


cdef void compute_dense(Run* run, Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Compute the dense elements from start to stop, by channels and from a whole line on.

    The run is used up. (By value it would cost a call on 16 elements 8 ns of 125.)
    """
    cdef char* alpha = run.data[ALPHA]
    cdef bint streams = run.streams
    cdef Py_ssize_t size = run.step[OUT]
    cdef Py_ssize_t row = start // run.inner if start else 0  # a division takes as long as a call
    cdef Py_ssize_t channel = row % run.channels if row else 0
    cdef Py_ssize_t head, end
    while start < stop:
        run.data[ALPHA] = alpha + channel * size
        end = min(stop, (row + 1) * run.inner)
        run.streams = streams and end - start >= STREAM_RUN
        if run.streams or end - start >= ALIGN:
            head = (before_line(run) - start) & (64 // size - 1)
            run.streams = False
            compute(run, start, start + head)
            run.streams = streams
            start += head
        compute(run, start, end)
        start = end
        row += 1
        channel = channel + 1 if channel + 1 < run.channels else 0


cdef void in_chunks(Run run, real[::1] out, int threads) noexcept nogil:
    """The run into the typed view, in chunks that begin with a whole line but the first.

    "guided": a thread takes its share of what is left, so that from call to call most of an array
    stays with the core that has it in its cache, and one that is held up leaves work to others.
    """
    cdef Py_ssize_t n = out.shape[0]
    cdef Py_ssize_t size = STREAM_CHUNK if run.streams else CHUNK
    cdef Py_ssize_t chunk, head
    cdef Run own
    run.data[OUT] = <char*>&out[0]
    head = before_line(&run)
    for chunk in prange((n - head + size - 1) // size, num_threads=threads, schedule="guided"):
        own = run
        compute_dense(&own, head + chunk * size if chunk else 0,
                      min(n, head + (chunk + 1) * size))


cdef inline bint is_dense(object array):
    """An ndarray, not 0-d: native, aligned float32 or float64 in C or Fortran order."""
    if not np.PyArray_CheckExact(array):
        return False
    cdef int kind = np.PyArray_TYPE(array)
    return (
        (kind == np.NPY_FLOAT or kind == np.NPY_DOUBLE)
        and np.PyArray_NDIM(array) > 0
        and np.PyArray_ISALIGNED(array) and np.PyArray_ISNOTSWAPPED(array)
        and (np.PyArray_IS_C_CONTIGUOUS(array) or np.PyArray_IS_F_CONTIGUOUS(array))
    )


cdef inline bint is_alike(object a, object b):
    """Two dense arrays whose elements lie in the same order: same dtype, shape and memory order."""
    cdef int ndim = np.PyArray_NDIM(a)
    return (
        np.PyArray_TYPE(a) == np.PyArray_TYPE(b)
        and ndim == np.PyArray_NDIM(b)
        and memcmp(np.PyArray_DIMS(a), np.PyArray_DIMS(b), ndim * sizeof(np.npy_intp)) == 0
        and (np.PyArray_IS_C_CONTIGUOUS(a) and np.PyArray_IS_C_CONTIGUOUS(b)
             or np.PyArray_IS_F_CONTIGUOUS(a) and np.PyArray_IS_F_CONTIGUOUS(b))
    )


cdef inline bint is_allowed(double alpha, int formula):
    return isfinite(alpha) and (alpha >= 0 or formula != ELU_GRAD_FROM_OUTPUT)


cdef bint takes_channels(Run* run, object alpha, object x):
    """Whether alpha has a number for each of many long stretches of x; the run learns of them.

    Say, shape (C, 1, 1) for x of shape (N, C, H, W): the numbers take turns every H * W elements.
    """
    if not (is_dense(alpha) and np.PyArray_TYPE(alpha) == np.PyArray_TYPE(x)
            and np.PyArray_IS_C_CONTIGUOUS(alpha) and np.PyArray_IS_C_CONTIGUOUS(x)):
        return False
    cdef np.npy_intp* x_shape = np.PyArray_DIMS(x)
    cdef np.npy_intp* shape = np.PyArray_DIMS(alpha)
    cdef int ahead = np.PyArray_NDIM(x) - np.PyArray_NDIM(alpha)
    cdef int k = np.PyArray_NDIM(alpha) - 1
    cdef Py_ssize_t i
    cdef double number
    if ahead < 0:
        return False
    run.inner = run.channels = 1
    while k >= 0 and shape[k] == 1:
        run.inner *= x_shape[ahead + k]
        k -= 1
    while k >= 0 and shape[k] == x_shape[ahead + k]:
        run.channels *= shape[k]
        k -= 1
    while k >= 0 and shape[k] == 1:
        k -= 1
    if k >= 0 or run.inner < CHANNEL:
        return False
    run.data[ALPHA] = <char*>np.PyArray_DATA(alpha)
    for i in range(run.channels):
        if run.dtype == F32:
            number = (<float*>run.data[ALPHA])[i]
        else:
            number = (<double*>run.data[ALPHA])[i]
        if not is_allowed(number, run.formula):
            return False
    return True


cdef object fast_door(int formula, object grad, object x, object alpha, object out):
    """The result for dense arrays and finite numbers alpha; None for the general door."""
    cdef double alpha64 = 0
    cdef bint is_number = True
    if type(alpha) is float:
        alpha64 = alpha
    elif type(alpha) in (int, numpy.float32, numpy.float64):
        try:
            alpha64 = alpha
        except OverflowError:
            return None
    else:
        is_number = False
    if not is_dense(x):
        return None
    if grad is not x and not (is_dense(grad) and is_alike(grad, x)):
        return None
    cdef Run run
    cdef float alpha32
    cdef int k, flags = get_simd_flags()
    cdef Py_ssize_t n = np.PyArray_SIZE(x)
    cdef Py_ssize_t size = np.PyArray_NBYTES(x)
    run.formula = formula
    run.data[GRAD] = <char*>np.PyArray_DATA(grad)
    run.data[X] = <char*>np.PyArray_DATA(x)
    run.step[ALPHA] = 0
    if np.PyArray_TYPE(x) == np.NPY_FLOAT:
        run.dtype = F32
        run.step[GRAD] = run.step[X] = run.step[OUT] = 4
    else:
        run.dtype = F64
        run.step[GRAD] = run.step[X] = run.step[OUT] = 8

    if not is_number:
        if not takes_channels(&run, alpha, x):
            return None
    else:
        if not is_allowed(alpha64, formula):
            return None
        run.inner, run.channels = n, 1
        run.data[ALPHA] = <char*>&alpha64
        if run.dtype == F32:
            alpha32 = <float>alpha64
            put_back_simd_flags(flags)  # of an alpha that is subnormal or too large in float32
            if not isfinite(alpha32):
                return None
            run.data[ALPHA] = <char*>&alpha32

    if out is None:
        out = np.PyArray_EMPTY(np.PyArray_NDIM(x), np.PyArray_DIMS(x), np.PyArray_TYPE(x),
                               not np.PyArray_IS_C_CONTIGUOUS(x))
        run.data[OUT] = <char*>np.PyArray_DATA(out)
    else:
        if not (is_dense(out) and is_alike(out, x) and np.PyArray_ISWRITEABLE(out)):
            return None
        run.data[OUT] = <char*>np.PyArray_DATA(out)
        for k in range(ALPHA):
            if run.data[k] == run.data[OUT]:
                continue
            if not are_apart(run.data[k], size, run.data[OUT], size):
                return None
        if not are_apart(run.data[ALPHA], run.channels * run.step[OUT], run.data[OUT], size):
            return None

    run.buffered = formula == ELU_GRAD and (
        run.data[OUT] == run.data[X] or run.data[OUT] == run.data[GRAD]
    )
    run.streams = (
        size * (2 if formula == ELU else 3) > STREAM
        and run.data[OUT] != run.data[X] and run.data[OUT] != run.data[GRAD]
    )
    cdef int threads = threads_for(work(&run, n))
    if threads > 1:
        if run.dtype == F32:
            view_in_chunks[float](run, out, threads, 0)
        else:
            view_in_chunks[double](run, out, threads, 0)
    elif n >= RELEASE:
        with nogil:
            compute_dense(&run, 0, n)
    else:
        compute_dense(&run, 0, n)
    put_back_simd_flags(flags)
    return out


cdef view_in_chunks(Run run, object out, int threads, real dtype):
    """A typed view of out, in the order of its memory, without the GIL.

    Of out alone, for which the inputs were checked to be alike: a view takes 0.35 us, and to wake
    a thread no more than 1 us.
    """
    cdef real[::1] view = (
        out if np.PyArray_NDIM(out) == 1 else np.PyArray_Ravel(out, np.NPY_KEEPORDER)
    )
    with nogil:
        in_chunks(run, view, threads)


# -- c. the general door ---------------------------------------------------------------------

cdef inline bint is_apart(const Run* run, int k, Py_ssize_t n, Py_ssize_t size) noexcept nogil:
    """Operand k and out have no byte in common."""
    cdef Py_ssize_t a = (n - 1) * run.step[k]
    cdef Py_ssize_t b = (n - 1) * run.step[OUT]
    return are_apart(run.data[k] + min(a, 0), max(a, -a) + size,
                     run.data[OUT] + min(b, 0), max(b, -b) + size)


cdef void run_in_chunks(Run run, int first, Py_ssize_t n) noexcept nogil:
    """The run, whose first operand is `first`, on as many threads as it is worth."""
    cdef Py_ssize_t size = 8 if run.dtype == F64 else 4 if run.dtype == F32 else 2
    cdef Py_ssize_t chunk
    cdef int k, threads = threads_for(work(&run, n))
    run.buffered = run.streams = False
    for k in range(first, OUT):
        if is_apart(&run, k, n, size):
            continue
        if run.data[k] != run.data[OUT] or run.step[k] != run.step[OUT]:
            # NumPy allows out to trail an input, as long as the elements are computed in order.
            run.buffered = True
            threads = 1
        elif run.formula == ELU_GRAD:
            run.buffered = True
    if threads > 1:
        for chunk in prange((n + CHUNK - 1) // CHUNK, num_threads=threads, schedule="guided"):
            compute(&run, chunk * CHUNK, min(n, (chunk + 1) * CHUNK))
    else:
        compute(&run, 0, n)


cdef void ufunc_loop(
    char** args, np.npy_intp* dimensions, np.npy_intp* steps, void* data
) noexcept nogil:
    """The inner loop of all ufuncs below; data tells formula and dtype."""
    cdef int kind = <int><uintptr_t>data
    cdef Run run
    cdef int k
    cdef int first = X if kind // 3 == ELU else GRAD
    cdef int flags = get_flags()
    run.formula = kind // 3
    run.dtype = kind % 3
    run.data[GRAD] = NULL
    run.step[GRAD] = 0
    for k in range(first, OPERANDS):
        run.data[k] = args[k - first]
        run.step[k] = steps[k - first]
    run_in_chunks(run, first, dimensions[0])
    put_back_flags(flags)


cdef int loop_dtype(PyArray_DTypeMeta* dtype) except -1:
    """The first loop that takes a dtype without loss, as for numpy.exp."""
    cdef int kind = dtype.type_num
    if kind in (np.NPY_BOOL, np.NPY_BYTE, np.NPY_UBYTE, NPY_HALF):
        return 0
    if kind in (np.NPY_SHORT, np.NPY_USHORT, np.NPY_FLOAT):
        return 1
    if kind in (np.NPY_INT, np.NPY_UINT, np.NPY_LONG, np.NPY_ULONG,
                np.NPY_LONGLONG, np.NPY_ULONGLONG, np.NPY_DOUBLE):
        return 2
    raise TypeError(f"dtype {(<object>dtype).type.__name__} is not supported by elu: "
                    "bool, integers, float16, float32 and float64 are")


cdef int promote(object ufunc, PyArray_DTypeMeta** given, PyArray_DTypeMeta** signature,
                 PyArray_DTypeMeta** promoted) except -1:
    """The dtype of all operands, from x (and grad) alone: alpha, the last input, has no say."""
    cdef int inputs = ufunc.nin - 1
    cdef int k, loop = -1
    cdef PyArray_DTypeMeta** by_loop = [
        &PyArray_HalfDType, &PyArray_FloatDType, &PyArray_DoubleDType
    ]
    if signature[inputs + 1] != NULL:  # dtype=
        loop = loop_dtype(signature[inputs + 1])
    else:
        for k in range(inputs):
            if given[k].type_num >= 0:  # no Python int or float, which adapts to the others
                loop = max(loop, loop_dtype(given[k]))
    if loop < 0:
        loop = 2
    for k in range(inputs + 2):
        Py_INCREF(<object>by_loop[loop])
        promoted[k] = by_loop[loop]
    return 0


# The arrays that PyUFunc_FromFuncAndData keeps pointers to, for [formula][dtype].
cdef np.PyUFuncGenericFunction functions[3]
functions[:] = [<np.PyUFuncGenericFunction>ufunc_loop] * 3
cdef void* data[3][3]
cdef char types[3][12]
cdef const char* names[3]
names[:] = [b"elu", b"elu_grad", b"elu_grad_from_output"]


cdef object new_ufunc(int formula):
    cdef int inputs = 2 if formula == ELU else 3
    cdef int[3] kinds = [F16, F32, F64]
    cdef int[3] typenums = [NPY_HALF, np.NPY_FLOAT, np.NPY_DOUBLE]
    cdef int i, k
    for i in range(3):
        data[formula][i] = <void*><uintptr_t>(formula * 3 + kinds[i])
        for k in range(inputs + 1):
            types[formula][i * (inputs + 1) + k] = <char>typenums[i]
    ufunc = np.PyUFunc_FromFuncAndData(functions, data[formula], types[formula], 3, inputs, 1,
                                       np.PyUFunc_None, names[formula], b"", 0)
    PyUFunc_AddPromoter(ufunc, (numpy.dtype,) * (inputs + 1),
                        PyCapsule_New(<void*>promote, b"numpy._ufunc_promoter", NULL))
    return ufunc

ufuncs = [new_ufunc(ELU), new_ufunc(ELU_GRAD), new_ufunc(ELU_GRAD_FROM_OUTPUT)]
# By their names, under which they are pickled: dask sends them to its workers.
elu, elu_grad, elu_grad_from_output = ufuncs


cdef bint has_long_runs(tuple operands) except -1:
    """alpha, the last of the operands, is an array that stays the same for many elements in a row.

    NumPy copies what does not lie in one stride to buffers, and an alpha of several numbers would
    be copied for every element. Not if a buffer is shorter than the stretch of one number.
    """
    alpha = operands[len(operands) - 1]
    if type(alpha) is not numpy.ndarray or alpha.size < 2:
        return False
    shape = numpy.broadcast(*operands).shape
    cdef Py_ssize_t run = 1
    for k in range(1, len(shape) + 1):
        if k <= alpha.ndim and alpha.shape[alpha.ndim - k] > 1:
            break
        run *= shape[len(shape) - k]
    return run >= 2 * RUN_BUFFER


cdef object in_pieces(object ufunc, tuple operands, object dtype, object out):
    """The ufunc on pieces of large arrays, a thread for each; None where it is called as usual.

    NumPy iterates over several dimensions, and converts dtypes, on one thread only, and the loop
    above sees one row or buffer at a time. What is cut is the outermost axis of the result.
    """
    cdef int piece, pieces
    shape = numpy.broadcast(*operands).shape
    if threads_for(math.prod(shape)) < 2:
        return None
    if out is None:
        dtypes = (*[None] * len(operands), dtype)
        iterator = numpy.nditer((*operands, None), op_dtypes=dtypes, flags=["zerosize_ok"])
        out = iterator.operands[len(operands)]  # in the order that the ufunc gives it
    elif any([operand is not out and numpy.may_share_memory(operand, out, max_work=1000)
              for operand in operands]):
        return None
    axis = max(range(len(shape)), key=lambda k: abs(out.strides[k]) if shape[k] > 1 else 0)
    pieces = min(threads_for(out.size), shape[axis])
    if pieces < 2:
        return None
    cuts = [shape[axis] * k // pieces for k in range(pieces + 1)]
    parts = [(slice(None),) * axis + (slice(*ends),) for ends in itertools.pairwise(cuts)]
    whole = [numpy.broadcast_to(operand, shape) for operand in operands]
    errstate = numpy.geterr()
    long_runs = has_long_runs(operands)
    for piece in prange(pieces, num_threads=pieces, nogil=True):
        with gil:  # a call, since the threads share what objects are assigned to here
            one_piece(ufunc, whole, out, parts[piece], errstate, long_runs)
    return out


cdef int one_piece(object ufunc, list operands, object out, tuple part, dict errstate,
                   bint long_runs) except -1:
    with numpy.errstate(**errstate):  # the caller's: each thread has its own
        if long_runs:
            numpy.setbufsize(RUN_BUFFER)
        ufunc(*[operand[part] for operand in operands], out=out[part])
    return 0
