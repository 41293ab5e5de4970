# What a kernel module hands to the doors: chunk loops, by formula and dtype.

cdef enum:
    ELU
    ELU_GRAD
    ELU_GRAD_FROM_OUTPUT

cdef enum:
    F32
    F64

# grad, x (or y), alpha, out, count: dense and aligned, of the dtype under which the loop is listed;
# out may be x or y itself (not for ELU_GRAD), or is apart from the others. streams: around the
# cache, for an out that starts on a line of it (64 bytes).
ctypedef void (*loop_t)(
    const void* grad, const void* x, const void* alpha, void* out, Py_ssize_t n, bint streams
) noexcept nogil

cdef struct Loops:
    loop_t scalar[3][2]  # [formula][dtype], alpha read once
    loop_t array[3][2]  # [formula][dtype], an alpha for each element
