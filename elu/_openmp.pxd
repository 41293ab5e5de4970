cdef int threads_for(int formula, int dtype, Py_ssize_t n) noexcept nogil
