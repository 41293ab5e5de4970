cdef int threads_for(Py_ssize_t count) noexcept nogil
