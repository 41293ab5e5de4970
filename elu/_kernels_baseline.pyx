# cython: language_level=3, cdivision=True
include "_kernels.pxi"
