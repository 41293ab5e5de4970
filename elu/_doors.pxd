cdef enum:
    RUN_BUFFER = 1024  # elements that NumPy may buffer where alpha stays the same for twice as many

cdef object fast_door(int formula, object grad, object x, object alpha, object out)
cdef bint has_long_runs(tuple operands) except -1
cdef object in_pieces(object ufunc, tuple operands, object dtype, object out)
