cdef object fast_door(int formula, object grad, object x, double alpha, object out)
