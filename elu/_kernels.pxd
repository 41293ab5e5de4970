# What a kernel module hands over: its kernels, by formula and dtype.

cdef enum:
    ELU
    ELU_GRAD
    ELU_GRAD_FROM_OUTPUT
    FORMULAS

cdef enum:
    F16
    F32
    F64
    DTYPES

# grad, x (or y), alpha, out and their length: contiguous and aligned, of the dtype under which the
# kernel is listed. elu reads no grad. out may be an input itself, or begin before one it overlaps.
# Nontemporal stores go around the cache, for an out that begins on a line of it (64 bytes): whoever
# asks for them calls fence_stores in the end.
ctypedef void (*kernel_t)(
    const void* grad, const void* x, const void* alpha, void* out, Py_ssize_t n, bint nontemporal
) noexcept nogil

# Whether something holds for all of n numbers.
ctypedef bint (*numbers_t)(const void* numbers, Py_ssize_t n) noexcept nogil

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
    numbers_t all_finite[DTYPES]
    numbers_t none_negative[DTYPES]
    fill_t fill[DTYPES]
    gather_t gather[DTYPES]
    scatter_t scatter[DTYPES]
