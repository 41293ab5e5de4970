cdef int threads_within(int formula, int dtype, Py_ssize_t n, int most) noexcept nogil
cdef int threads_for(int formula, int dtype, Py_ssize_t n) noexcept nogil
