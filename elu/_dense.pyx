# cython: boundscheck=False, wraparound=False, cdivision=True
#
# The dense path: native float16, float32 and float64 arrays in C or Fortran order, and scalars.
# From dense() downwards in walking order.
#
#   a. what is given: scalars, dense arrays, one alpha, or a smaller array that is repeated
#   b. the way to the kernels: on one thread, or a typed memoryview and prange over chunks
#   c. a chunk: whole cache lines, what is repeated, and the kernel
#
# Compiled for the baseline: only the kernels know an instruction set.

cimport numpy as np
from cpython.pycapsule cimport PyCapsule_GetPointer
from cython.parallel cimport prange
from libc.math cimport NAN, fabs, isfinite
from libc.stdint cimport intptr_t, uint16_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy

from elu._fpstatus cimport fp_enter, fp_leave, fp_status
from elu._kernels cimport (
    BF16, CELU, CELU_GRAD, CELU_GRAD_FROM_OUTPUT, ELU, ELU_GRAD_FROM_OUTPUT, F16, F32, F64,
    LEFT_ELU_GRAD, LEFT_ELU_GRAD_FROM_OUTPUT, LEFT_SELU_GRAD, LEFT_SELU_GRAD_FROM_OUTPUT, SELU,
    Kernels, form_of, is_celu, itemsize_of, run_kernel
)
from elu._openmp cimport threads_for, threads_within

import sys
from pathlib import Path

import numpy

from elu import _dispatch

cdef extern from "_simd.h":
    float f32_odd_from_f64(double x) noexcept nogil
    uint16_t half_from_f32(float x) noexcept nogil
    uint16_t bfloat_from_f32(float x) noexcept nogil
    void fence_stores() noexcept nogil

cdef extern from "numpy/arrayobject.h":
    int NPY_HALF, NPY_USERDEF
    object PyArray_Scalar(void* data, np.dtype dtype, object base)

np.import_array()

cdef const Kernels* kernels = <const Kernels*>PyCapsule_GetPointer(
    _dispatch.kernels, b"elu.kernels"
)

ctypedef fused element:
    uint16_t
    float
    double

cdef enum:
    CHUNK = 1 << 12     # elements that a thread takes at least
    # The same where stores are nontemporal, which a chunk waits for in the end: with 2**12,
    # elu_grad took 2 to 5 % longer for 2**26 float32 elements on two threads.
    NONTEMPORAL_CHUNK = 1 << 16
    # Elements from which on it pays to begin with a whole line of the cache: a store into two lines
    # takes two, NumPy aligns to 16 bytes, and elu_grad_from_output took 0.34 ns for each of 2**17
    # float64 elements instead of 0.28.
    ALIGN = 1 << 12
    LINE = 64           # bytes
    RELEASE = 1 << 13   # elements (1 to 3 us) from which on it pays to let go of the GIL
    # Bytes of a buffer on a thread's stack, which may be as small as 16 KiB.
    BUFFER = 1 << 10
    # What is repeated is laid out in full, if not in more bytes than a second-level cache has room
    # for; so many elements at least, for which a call of the kernel is cheap.
    LAID_OUT = 1 << 18
    CALL = 1 << 9
    # Elements in a row from which on it pays to make them begin with a whole line for nontemporal
    # stores: rows of 784 float64 elements gained 6 % from them, rows of 196 took 1.3 times as long.
    NONTEMPORAL_RUN = 1 << 10
    # Elements with one alpha from which on a kernel call for them alone is the faster one.
    LONG_RUN = 1 << 7

# Bytes of all operands from which on stores are nontemporal: those of the last-level cache. With
# 32 MiB, on two threads, 2**24 float32 elements of elu took 0.149 ns each, not 0.190, and of
# elu_grad 0.220 instead of 0.288; with 2**22 and elu, 32 MiB, it was slower.
cdef Py_ssize_t NONTEMPORAL = last_level_cache()


cdef Py_ssize_t last_level_cache() except -1:
    """As Linux tells it; else 32 MiB. sysconf() gave all that the machine has, 12 times as much."""
    try:
        text = Path("/sys/devices/system/cpu/cpu0/cache/index3/size").read_text("ascii")
        return int(text.strip().removesuffix("K")) << 10
    except (OSError, ValueError):
        return 32 << 20


# What is read: `data` itself where it has the layout of x. A smaller array is repeated: each of
# `count` numbers holds for `run` elements, and then the next one's turn comes, and so on for ever.
cdef struct Operand:
    const char* data
    Py_ssize_t run
    Py_ssize_t count

cdef struct Call:
    int formula
    int dtype
    Py_ssize_t itemsize
    Operand grad
    const char* x
    Operand alpha
    char* out
    bint repeats      # grad or alpha does
    bint nontemporal


# -- a. what is given ------------------------------------------------------------------------

cdef object dense(int formula, object grad, object x, object alpha, object out):
    """The result for dense arrays and scalars; None where the ufunc path has to find it."""
    cdef fp_status caller = fp_enter()
    try:
        if np.PyArray_CheckExact(x) and np.PyArray_NDIM(x) > 0:
            return dense_arrays(formula, grad, x, alpha, out)
        if out is None:
            return dense_scalars(formula, grad, x, alpha)
        return None
    finally:
        fp_leave(caller)


cdef object dense_scalars(int formula, object grad, object x, object alpha):
    """A Python float, or a NumPy float or 0-d array; grad as well."""
    cdef Number numbers[4]
    cdef double number
    cdef int dtype = scalar_dtype(x)
    if dtype < 0 or not (grad is x or scalar_dtype(grad) == dtype):
        return None
    if not (as_number(alpha, &number) and is_alpha(formula, number, dtype, &numbers[2])):
        return None
    read_scalar(grad, &numbers[0])
    read_scalar(x, &numbers[1])
    run_kernel(kernels, formula, False, dtype, &numbers[0], &numbers[1], &numbers[2], &numbers[3],
               1, False)
    return PyArray_Scalar(&numbers[3], np.PyArray_DescrFromType(typenum(dtype)), None)


cdef inline int scalar_dtype(object given):
    """Of a scalar that the kernels can read, else -1."""
    kind = type(given)
    if kind is float or kind is numpy.float64:
        return F64
    if kind is numpy.float32:
        return F32
    if kind is numpy.float16:
        return F16
    if np.PyArray_CheckExact(given) and np.PyArray_NDIM(given) == 0 and is_dense(given):
        return array_dtype(given)
    return -1


cdef inline void read_scalar(object given, Number* number):
    if type(given) is float:
        number.f64 = given
    elif np.PyArray_CheckExact(given):
        memcpy(number, np.PyArray_DATA(given), np.PyArray_ITEMSIZE(given))
    else:
        np.PyArray_ScalarAsCtype(given, number)


cdef bint as_number(object given, double* number) except -1:
    """Whether a number of Python or NumPy is given that float64 holds."""
    kind = type(given)
    if kind is float or kind is numpy.float64 or kind is numpy.float32 or kind is numpy.float16:
        number[0] = given
    elif kind is int and -(1 << 53) <= given <= 1 << 53:
        number[0] = <long long>given
    elif isinstance(given, numpy.integer) and not isinstance(given, numpy.timedelta64):
        return as_number(int(given), number)
    else:
        return False
    return True


cdef double ordinary_alpha(int formula, object alpha) except? -2:
    """A number that is allowed in any dtype; else NaN, for a closer look."""
    cdef double number = 0
    if as_number(alpha, &number) and fabs(number) <= 65504 and (
        number >= 0 or formula != ELU_GRAD_FROM_OUTPUT
    ) and (number >= 2.0**-24 or not is_celu(formula)):
        return number
    return NAN


cdef bint are_allowed(
    int formula, int dtype, const void* alphas, Py_ssize_t n
) noexcept nogil:
    """Whether all alphas are finite, and of the sign that the formula wants."""
    cdef uint64_t sign = 1
    cdef uint64_t infinity = 0x7c00
    sign <<= 8 * itemsize_of(dtype) - 1
    if dtype == BF16:
        infinity = 0x7f80
    elif dtype == F32:
        infinity = 0x7f800000
    elif dtype == F64:
        infinity = 0x7ff0000000000000
    if is_celu(formula):
        return kernels.are_within[dtype](alphas, n, 1, infinity, infinity)
    # -0.0 is no negative number.
    return kernels.are_within[dtype](
        alphas, n, 0, infinity, sign if formula == ELU_GRAD_FROM_OUTPUT else 2 * sign - 1
    )


cdef bint is_alpha(int formula, double given, int dtype, Number* number) noexcept:
    """Whether the number is allowed in the dtype, which it is converted to."""
    if formula == ELU_GRAD_FROM_OUTPUT and given < 0:
        return False  # which may be -0.0 there
    return converted(given, dtype, number) and are_allowed(formula, dtype, number, 1)


cdef bint converted(double given, int dtype, Number* number):
    """The number in the dtype; False where it is too large for that."""
    if dtype == F64:
        number.f64 = given
        return True
    if dtype == F32:
        number.f32 = <float>given
        return isfinite(number.f32) or not isfinite(given)
    if dtype == BF16:
        number.bf16 = bfloat_from_f32(f32_odd_from_f64(given))
        return number.bf16 & 0x7f80 != 0x7f80 or not isfinite(given)
    number.f16 = half_from_f32(f32_odd_from_f64(given))
    return number.f16 & 0x7c00 != 0x7c00 or not isfinite(given)


cdef object dense_arrays(int formula, object grad, object x, object alpha, object out):
    cdef Call call
    cdef Number one_grad, one_alpha
    if not is_dense(x):
        return None
    call.formula = formula
    call.dtype = array_dtype(x)
    call.itemsize = itemsize_of(call.dtype)
    call.x = <const char*>np.PyArray_DATA(x)
    call.repeats = False
    if not (takes_grad(&call, grad, x, &one_grad) and takes_alpha(&call, alpha, x, &one_alpha)):
        return None
    if type(out) is tuple and len(out) == 1:
        out = out[0]
    if out is None:
        out = np.PyArray_EMPTY(np.PyArray_NDIM(x), np.PyArray_DIMS(x), np.PyArray_TYPE(x),
                               not np.PyArray_IS_C_CONTIGUOUS(x))
        call.out = <char*>np.PyArray_DATA(out)
    elif not takes_out(&call, out, x):
        return None
    run(&call, out, np.PyArray_SIZE(x))
    return out


cdef bint is_order_of(object x, object order) except -1:
    """Whether an array of this order is what the dense path makes for x."""
    if not np.PyArray_CheckExact(x):
        return False
    return (
        order == "C" and np.PyArray_IS_C_CONTIGUOUS(x)
        or order == "F" and np.PyArray_IS_F_CONTIGUOUS(x)
    )


cdef inline bint is_dense(object array) except -1:
    """Of an ndarray: native, aligned floats that have kernels, in C or Fortran order."""
    cdef int kind = np.PyArray_TYPE(array)
    return (
        (kind == np.NPY_FLOAT or kind == np.NPY_DOUBLE or kind == NPY_HALF or is_bfloat16(kind))
        and np.PyArray_ISALIGNED(array) and np.PyArray_ISNOTSWAPPED(array)
        and (np.PyArray_IS_C_CONTIGUOUS(array) or np.PyArray_IS_F_CONTIGUOUS(array))
    )


cdef inline int array_dtype(object array):
    """Of a dense array."""
    cdef int kind = np.PyArray_TYPE(array)
    if kind == np.NPY_FLOAT:
        return F32
    return F64 if kind == np.NPY_DOUBLE else F16 if kind == NPY_HALF else BF16


cdef int typenum(int dtype):
    """What NumPy calls it."""
    if dtype == BF16:
        return bfloat16
    return np.NPY_FLOAT if dtype == F32 else np.NPY_DOUBLE if dtype == F64 else NPY_HALF


cdef int bfloat16 = -1  # what NumPy calls that of ml_dtypes, once an array of it came


cdef bint is_bfloat16(int kind) except -1:
    global bfloat16
    if kind < NPY_USERDEF:
        return False
    if bfloat16 < 0 and "ml_dtypes" in sys.modules:
        bfloat16 = numpy.dtype(sys.modules["ml_dtypes"].bfloat16).num
    return kind == bfloat16


cdef inline bint same_layout(object a, object b):
    """Two dense arrays whose elements lie in the same order: same dtype, shape and memory order."""
    cdef int ndim = np.PyArray_NDIM(a)
    return (
        np.PyArray_TYPE(a) == np.PyArray_TYPE(b)
        and ndim == np.PyArray_NDIM(b)
        and memcmp(np.PyArray_DIMS(a), np.PyArray_DIMS(b), ndim * sizeof(np.npy_intp)) == 0
        and (np.PyArray_IS_C_CONTIGUOUS(a) and np.PyArray_IS_C_CONTIGUOUS(b)
             or np.PyArray_IS_F_CONTIGUOUS(a) and np.PyArray_IS_F_CONTIGUOUS(b))
    )


cdef inline bint takes_grad(Call* call, object grad, object x, Number* one) except -1:
    """Whether grad is x, has its layout, or is a number or an array that broadcasts to it."""
    cdef double number
    if grad is x or np.PyArray_CheckExact(grad):
        return grad is x and same_operand(&call.grad, x) or takes_array(call, &call.grad, grad, x)
    # A Python number adapts to x. A float of NumPy does not, unless it is of the same dtype.
    if type(grad) is not float and type(grad) is not int and scalar_dtype(grad) != call.dtype:
        return False
    if not (as_number(grad, &number) and converted(number, call.dtype, one)):
        return False
    call.repeats = True
    call.grad = Operand(<const char*>one, 1, 1)
    return True


cdef inline bint takes_alpha(Call* call, object alpha, object x, Number* one) except -1:
    """Whether alpha is a number, or an array that broadcasts to x, and allowed for the formula."""
    cdef double number
    if as_number(alpha, &number):
        call.alpha = Operand(<const char*>one, 0, 1)
        return is_alpha(call.formula, number, call.dtype, one)
    if not (np.PyArray_CheckExact(alpha) and takes_array(call, &call.alpha, alpha, x)):
        return False
    return are_allowed(call.formula, call.dtype, call.alpha.data, np.PyArray_SIZE(alpha))


cdef inline bint same_operand(Operand* operand, object x):
    """An operand that is not repeated."""
    operand.data = <const char*>np.PyArray_DATA(x)
    operand.run, operand.count = 1, np.PyArray_SIZE(x)
    return True


cdef inline bint takes_array(Call* call, Operand* operand, object array, object x):
    """Whether an array has the layout of x, or is repeated for it as the operand then says.

    Say, shape (C, 1, 1) for x of shape (N, C, H, W): each number holds for H * W elements.
    """
    if not (is_dense(array) and np.PyArray_TYPE(array) == np.PyArray_TYPE(x)):
        return False
    if same_layout(array, x):
        return same_operand(operand, x if array is x else array)
    if not (np.PyArray_IS_C_CONTIGUOUS(array) and np.PyArray_IS_C_CONTIGUOUS(x)):
        return False
    cdef np.npy_intp* x_shape = np.PyArray_DIMS(x)
    cdef np.npy_intp* shape = np.PyArray_DIMS(array)
    cdef int ahead = np.PyArray_NDIM(x) - np.PyArray_NDIM(array)
    cdef int k = np.PyArray_NDIM(array) - 1
    if ahead < 0 or np.PyArray_SIZE(x) == 0:
        return False
    operand.run = operand.count = 1
    while k >= 0 and shape[k] == 1:
        operand.run *= x_shape[ahead + k]
        k -= 1
    while k >= 0 and shape[k] == x_shape[ahead + k]:
        operand.count *= shape[k]
        k -= 1
    while k >= 0 and shape[k] == 1:
        k -= 1
    operand.data = <const char*>np.PyArray_DATA(array)
    call.repeats = True
    return k < 0


cdef inline bint takes_out(Call* call, object out, object x):
    """Whether out has the layout of x, and its memory is an input's or apart from them."""
    if not (np.PyArray_CheckExact(out) and is_dense(out) and same_layout(out, x)
            and np.PyArray_ISWRITEABLE(out)):
        return False
    call.out = <char*>np.PyArray_DATA(out)
    cdef Py_ssize_t size = np.PyArray_NBYTES(x)
    return (
        (call.x == call.out or disjoint(call.x, size, call.out, size))
        and is_clear(call, &call.grad, size) and is_clear(call, &call.alpha, size)
    )


cdef inline bint is_clear(const Call* call, const Operand* operand, Py_ssize_t size):
    """out may be the operand itself, if that is not repeated, and else has none of its bytes."""
    if operand.data == call.out and operand.count * call.itemsize == size:
        return operand.run == 1
    return disjoint(operand.data, operand.count * call.itemsize, call.out, size)


cdef inline bint disjoint(const char* a, Py_ssize_t a_size, const char* b, Py_ssize_t b_size):
    """Two stretches of memory without a common byte."""
    return <uintptr_t>a + a_size <= <uintptr_t>b or <uintptr_t>b + b_size <= <uintptr_t>a


# -- b. the way to the kernels ---------------------------------------------------------------

cdef inline int run(Call* call, object out, Py_ssize_t n) except -1:
    cdef char* grads = NULL
    cdef char* alphas = NULL
    cdef int threads = threads_for(call.formula, call.dtype, n)
    if not call.repeats:
        return run_on(call, out, n, threads)
    grads = expanded(call, &call.grad, n)
    alphas = expanded(call, &call.alpha, n)
    try:
        return run_on(call, out, n, threads)
    finally:
        free(grads)
        free(alphas)


cdef inline char* expanded(const Call* call, Operand* operand, Py_ssize_t n) noexcept:
    """Lay out in full what is repeated often; NULL where it stays as it is."""
    cdef Py_ssize_t turn = operand.run * operand.count
    cdef Py_ssize_t size
    cdef char* memory
    cdef char* line
    if operand.run == 0 or operand.run == 1 and turn >= min(n, CALL) or 2 * turn > n:
        return NULL
    size = turn * max(1, min(n, CALL) // turn)
    if size * call.itemsize > LAID_OUT:
        return NULL
    memory = <char*>malloc(size * call.itemsize + LINE)
    if memory != NULL:
        line = on_line(memory)
        lay_out(call, operand, line, 0, size)
        operand.data, operand.run, operand.count = line, 1, size
    return memory


cdef inline char* on_line(char* memory) noexcept nogil:
    """The first whole line of the cache: what lies across two takes twice as long to load."""
    return memory + (<uintptr_t>-<intptr_t>memory & (LINE - 1))


cdef inline int run_on(Call* call, object out, Py_ssize_t n, int threads) except -1:
    call.nontemporal = (
        n * call.itemsize * (2 if form_of(call.formula) == ELU else 3) > NONTEMPORAL
        and call.out != call.x and call.out != call.grad.data
    )
    if threads > 1:
        if call.dtype == F64:
            in_chunks[double](call, out, threads, 0)
        elif call.dtype == F32:
            in_chunks[float](call, out, threads, 0)
        else:
            in_chunks[uint16_t](call, out.view(numpy.uint16), threads, 0)
    elif n >= RELEASE:
        with nogil:
            compute(call, 0, n)
    else:
        compute(call, 0, n)
    return 0


cdef int in_chunks(const Call* call, object out, int threads, element _) except -1:
    """Chunks of a typed view, in the order of its memory, that begin with a whole cache line.

    The view is of out alone, for which the inputs were checked: one takes 0.35 us, and to wake a
    thread no more than 1 us.

    "guided": a thread takes its share of what is left, so that from call to call most of an array
    stays with the core that has it in its cache, and one that is held up leaves work to others.
    """
    cdef element[::1] view = (
        out if np.PyArray_NDIM(out) == 1 else np.PyArray_Ravel(out, np.NPY_KEEPORDER)
    )
    cdef Py_ssize_t n = view.shape[0]
    cdef Py_ssize_t size = NONTEMPORAL_CHUNK if call.nontemporal else CHUNK
    cdef Py_ssize_t head = before_line(&view[0], sizeof(element))
    cdef Py_ssize_t chunk
    for chunk in prange((n - head + size - 1) // size, num_threads=threads, schedule="guided",
                        nogil=True):
        compute_in_thread(call, head + chunk * size if chunk else 0,
                          min(n, head + (chunk + 1) * size))
    return 0


cdef void compute_in_thread(const Call* call, Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """A worker has the floating-point environment of whoever was the first to need it."""
    cdef fp_status own = fp_enter()
    compute(call, start, stop)
    fp_leave(own)


# What elu.torch calls formulas and dtypes by.
CODES = {
    "elu": (ELU, LEFT_ELU_GRAD, LEFT_ELU_GRAD_FROM_OUTPUT),
    "selu": (SELU, LEFT_SELU_GRAD, LEFT_SELU_GRAD_FROM_OUTPUT),
    "celu": (CELU, CELU_GRAD, CELU_GRAD_FROM_OUTPUT),
    "float16": F16,
    "float32": F32,
    "float64": F64,
    "bfloat16": BF16,
}


def run_at(
    int formula, int dtype, size_t grad, size_t x, double alpha, size_t out, Py_ssize_t n,
    int most_threads
):
    """The same for n elements in a row at these addresses, which elu.torch has checked.

    False where alpha is not allowed. grad is 0 where the formula takes none.
    """
    cdef Call call
    cdef Number one
    cdef int kind = np.NPY_UINT16 if itemsize_of(dtype) == 2 else typenum(dtype)
    cdef fp_status caller = fp_enter()
    try:
        if not is_alpha(formula, alpha, dtype, &one):
            return False
        call.formula, call.dtype, call.itemsize = formula, dtype, itemsize_of(dtype)
        call.x = <const char*>x
        call.out = <char*>out
        call.grad = Operand(<const char*>(grad if grad else x), 1, n)
        call.alpha = Operand(<const char*>&one, 0, 1)
        call.repeats = False
        array = np.PyArray_SimpleNewFromData(1, <np.npy_intp*>&n, kind, call.out)
        run_on(&call, array, n, threads_within(formula, dtype, n, most_threads))
        return True
    finally:
        fp_leave(caller)


# -- c. a chunk ------------------------------------------------------------------------------

cdef inline Py_ssize_t before_line(const void* out, Py_ssize_t itemsize) noexcept nogil:
    """Elements in front of the first whole line of the cache."""
    return (<uintptr_t>-<intptr_t>out & (LINE - 1)) // itemsize


cdef void compute(const Call* call, Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """The elements from start to stop, from a whole line on where that pays."""
    cdef Py_ssize_t head = 0
    if call.nontemporal or stop - start >= ALIGN:
        head = min(before_line(call.out + start * call.itemsize, call.itemsize), stop - start)
        compute_stretch(call, start, head, False)
    compute_stretch(call, start + head, stop - start - head, call.nontemporal)
    if call.nontemporal:
        fence_stores()


cdef inline void compute_stretch(
    const Call* call, Py_ssize_t start, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    cdef Py_ssize_t at = start * call.itemsize
    cdef bint each = call.alpha.run != 0
    if call.repeats:
        compute_pieces(call, start, n, nontemporal)
    else:
        run_kernel(kernels, call.formula, each, call.dtype, call.grad.data + at, call.x + at,
                   call.alpha.data + (at if each else 0), call.out + at, n, nontemporal)


cdef void compute_pieces(
    const Call* call, Py_ssize_t start, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    """Piece by piece, each as long as what is repeated lies in a row, or in a buffer."""
    cdef char grads[BUFFER + LINE]
    cdef char alphas[BUFFER + LINE]
    cdef const char* grad
    cdef const char* alpha
    cdef Py_ssize_t at, head, m
    cdef bint one_alpha = call.alpha.run == 0 or call.alpha.run >= LONG_RUN
    while n > 0:
        m = in_a_row(&call.grad, start, n, False, call.itemsize)
        m = in_a_row(&call.alpha, start, m, one_alpha, call.itemsize)
        at = start * call.itemsize
        # Nontemporal stores must begin with a whole line, which most pieces do not.
        head = before_line(call.out + at, call.itemsize) if nontemporal else 0
        if head and m >= NONTEMPORAL_RUN:
            m = head
        grad = laid_out(call, &call.grad, start, m, on_line(grads), False)
        alpha = laid_out(call, &call.alpha, start, m, on_line(alphas), one_alpha)
        run_kernel(kernels, call.formula, not one_alpha, call.dtype, grad, call.x + at, alpha,
                   call.out + at, m, nontemporal and head == 0 and m >= NONTEMPORAL_RUN)
        start += m
        n -= m


cdef inline Py_ssize_t in_a_row(
    const Operand* operand, Py_ssize_t start, Py_ssize_t n, bint one, Py_ssize_t itemsize
) noexcept nogil:
    """Elements from start on, n at most, before the operand has to be looked up again."""
    if operand.run == 0:
        return n
    if operand.run == 1:
        return min(n, operand.count - start % operand.count)
    if one:
        return min(n, operand.run - start % operand.run)
    return min(n, BUFFER // itemsize)


cdef inline const char* laid_out(
    const Call* call, const Operand* operand, Py_ssize_t start, Py_ssize_t n, char* buffer,
    bint one
) noexcept nogil:
    """Where n elements of the operand from start on are, or the one number for all of them."""
    if operand.run == 0:
        return operand.data
    if operand.run == 1 or one:
        return operand.data + start // operand.run % operand.count * call.itemsize
    lay_out(call, operand, buffer, start, n)
    return buffer


cdef inline void lay_out(
    const Call* call, const Operand* operand, char* target, Py_ssize_t start, Py_ssize_t n
) noexcept nogil:
    """n elements of the operand from start on, one after the other."""
    cdef Py_ssize_t number = start // operand.run % operand.count
    cdef Py_ssize_t rest = operand.run - start % operand.run
    cdef Py_ssize_t m
    while n > 0:
        m = min(n, rest)
        kernels.fill[call.dtype](target, operand.data + number * call.itemsize, m)
        target += m * call.itemsize
        n -= m
        rest = operand.run
        number = number + 1 if number + 1 < operand.count else 0
