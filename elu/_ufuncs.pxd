cdef object small(int formula, object grad, object x, object alpha)
cdef bint all_plain(tuple operands) except -1
cdef bint is_large(int formula, tuple operands) except -1
cdef object on_threads(int formula, tuple operands, dict keywords)
cdef int float_for(int kind) noexcept
