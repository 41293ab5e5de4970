cdef enum:
    # Elements from which on `out` after `where` is computed whole and copied by the mask.
    SELECTED = 64

cdef object small(
    int formula, object grad, object x, object alpha, object out, object where, object casting,
    object order, object dtype, object subok
)
cdef bint all_plain(tuple operands) except -1
cdef bint is_large(int formula, tuple operands) except -1
cdef object on_threads(int formula, tuple operands, dict keywords)
cdef int float_for(int kind) except -2
cdef object allowed_alphas(int formula, tuple inputs, object alpha)
cdef bint of_bfloat16(tuple inputs, object dtype) except -1
cdef double nearest_bfloat16(double number) except? -2
cdef object as_bfloat16(object number)
cdef object narrowed(object array, int dtype)
