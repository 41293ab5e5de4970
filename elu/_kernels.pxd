from libc.stdint cimport uint16_t, uint64_t

# What a kernel module hands over: its kernels, by formula and dtype.

cdef enum:
    ELU
    ELU_GRAD
    ELU_GRAD_FROM_OUTPUT
    SELU
    SELU_GRAD
    SELU_GRAD_FROM_OUTPUT
    CELU
    CELU_GRAD
    CELU_GRAD_FROM_OUTPUT
    NAMED  # those that have functions; the others are for elu.torch
    # PyTorch has the slope at 0 from the left, which is the alpha of ELU.
    LEFT_ELU_GRAD = NAMED + 1
    LEFT_ELU_GRAD_FROM_OUTPUT
    LEFT_SELU_GRAD = LEFT_ELU_GRAD_FROM_OUTPUT + 2
    LEFT_SELU_GRAD_FROM_OUTPUT
    FORMULAS

cdef enum:
    F16
    F32
    F64
    BF16
    DTYPES

cdef inline int form_of(int formula) noexcept nogil:
    """ELU, ELU_GRAD or ELU_GRAD_FROM_OUTPUT, whichever of the family it is."""
    return formula % 3


cdef inline bint is_celu(int formula) noexcept nogil:
    return CELU <= formula and formula < NAMED


cdef inline bint takes_alpha(int formula) noexcept nogil:
    return formula < SELU or is_celu(formula)


cdef inline Py_ssize_t itemsize_of(int dtype) noexcept nogil:
    return 8 if dtype == F64 else 4 if dtype == F32 else 2


# grad, x (or y), alpha, out and their length: contiguous and aligned, of the dtype under which the
# kernel is listed. elu reads no grad. out may be an input itself, or begin before one it overlaps.
# Nontemporal stores go around the cache, for an out that begins on a line of it (64 bytes): whoever
# asks for them calls fence_stores in the end.
ctypedef void (*kernel_t)(
    const void* grad, const void* x, const void* alpha, void* out, Py_ssize_t n, bint nontemporal
) noexcept nogil

# The same for float16 and bfloat16, by the kernel for float32.
ctypedef void (*by_floats_t)(
    int formula, bint each, int dtype, const uint16_t* grad, const uint16_t* x,
    const uint16_t* alpha, uint16_t* out, Py_ssize_t n, bint nontemporal
) noexcept nogil

# Whether all of n numbers are in a range that their bits are compared with.
ctypedef bint (*within_t)(
    const void* numbers, Py_ssize_t n, uint64_t least, uint64_t infinity, uint64_t most
) noexcept nogil

# n times the same number; numbers that lie `step` bytes apart into a row, or out of one.
ctypedef void (*fill_t)(void* row, const void* number, Py_ssize_t n) noexcept nogil
ctypedef void (*gather_t)(
    void* row, const char* source, Py_ssize_t step, Py_ssize_t n
) noexcept nogil
ctypedef void (*scatter_t)(
    char* target, Py_ssize_t step, const void* row, Py_ssize_t n
) noexcept nogil

cdef struct Kernels:
    kernel_t compute[2][FORMULAS][DTYPES]  # first: is there an alpha for each element, or one
    by_floats_t by_floats
    within_t are_within[DTYPES]
    fill_t fill[DTYPES]
    gather_t gather[DTYPES]
    scatter_t scatter[DTYPES]


cdef inline void run_kernel(
    const Kernels* kernels, int formula, bint each, int dtype, const void* grad, const void* x,
    const void* alpha, void* out, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    """The kernel for the formula, an alpha for each element or one, and the dtype."""
    if dtype == F16 or dtype == BF16:
        kernels.by_floats(formula, each, dtype, <const uint16_t*>grad, <const uint16_t*>x,
                          <const uint16_t*>alpha, <uint16_t*>out, n, nontemporal)
    else:
        kernels.compute[each][formula][dtype](grad, x, alpha, out, n, nontemporal)
