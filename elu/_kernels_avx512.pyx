# cython: language_level=3
include "_kernels.pxi"
