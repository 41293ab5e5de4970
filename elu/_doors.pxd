cdef object fast_door(int formula, object grad, object x, double alpha, object out)
cdef object in_pieces(object ufunc, tuple operands, object dtype, object out)
