from libc.stdint cimport uint16_t

from elu._kernels cimport Kernels

cdef const Kernels* kernels

# One number, in the format of an array's elements.
cdef union Number:
    uint16_t f16
    uint16_t bf16
    float f32
    double f64

cdef object dense(int formula, object grad, object x, object alpha, object out)
cdef double ordinary_alpha(int formula, object alpha) except? -2
cdef bint are_allowed(int formula, int dtype, const void* alphas, Py_ssize_t n) noexcept nogil
cdef bint is_alpha(int formula, double given, int dtype, Number* number) noexcept
cdef bint is_order_of(object x, object order) except -1
cdef bint converted(double given, int dtype, Number* number)
cdef int typenum(int dtype)
cdef bint is_bfloat16(int kind) except -1
