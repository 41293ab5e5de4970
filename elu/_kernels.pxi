# The kernel source: the formulas, one function each, for one element and free of branches; then
# one contiguous kernel for each formula.
#
# It is compiled once per instruction set (_kernels_baseline.pyx, _avx2, _avx512), each time into a
# module of its own, and the compiler vectorises the loops for it.
#
#   a. bits and arithmetic: what the formulas need of the floating-point format
#   b. the formulas
#   c. blocks: elements into registers and out again
#   d. the kernels; float16 and bfloat16 by way of those for float32
#   e. the table of kernels that _dense and _ufuncs take from here
#
# The same bits on every instruction set that has a fused multiply-add: each one is written as
# `madd`, in a fixed order, and -ffp-contract=off keeps the compiler from making others.
# Without the instruction (x86-64 baseline) `madd` rounds twice, and the constants and two
# compensated sums below (`HAVE_FMA`) keep the result as accurate, if not the same to the bit.

from cpython.pycapsule cimport PyCapsule_New
from libc.math cimport INFINITY, NAN, copysign, copysignf, fabs, fabsf
from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from elu._kernels cimport (
    BF16, CELU, CELU_GRAD, CELU_GRAD_FROM_OUTPUT, ELU, ELU_GRAD, ELU_GRAD_FROM_OUTPUT, F16, F32,
    F64, LEFT_ELU_GRAD, LEFT_ELU_GRAD_FROM_OUTPUT, LEFT_SELU_GRAD, LEFT_SELU_GRAD_FROM_OUTPUT,
    SELU, SELU_GRAD, SELU_GRAD_FROM_OUTPUT, Kernels, fill_t, gather_t, kernel_t, scatter_t, within_t
)


cdef extern from "_simd.h":
    const bint HAVE_FMA
    float MADD_F32(float a, float b, float c) noexcept nogil
    double MADD_F64(double a, double b, double c) noexcept nogil
    uint32_t f32_bits(float x) noexcept nogil
    uint64_t f64_bits(double x) noexcept nogil
    bint BELOW_ZERO_F32(float x) noexcept nogil
    bint BELOW_ZERO_F64(double x) noexcept nogil
    bint AT_MOST_ZERO_F32(float x) noexcept nogil
    bint AT_MOST_ZERO_F64(double x) noexcept nogil
    float f32_from_bits(uint32_t u) noexcept nogil
    double f64_from_bits(uint64_t u) noexcept nogil
    void halves_to_floats(float* to, const uint16_t* source, size_t count) noexcept nogil
    void floats_to_halves(uint16_t* to, const float* source, size_t count) noexcept nogil
    void bfloats_to_floats(float* to, const uint16_t* source, size_t count) noexcept nogil
    void floats_to_bfloats(uint16_t* to, const float* source, size_t count) noexcept nogil
    void load_few(
        void* block, const void* source, size_t size, size_t block_size
    ) noexcept nogil
    void store_few(void* to, const void* block, size_t size) noexcept nogil
    void store_lines(void* to, const void* lines, size_t size, bint nontemporal) noexcept nogil

# C<k> and E<k> are the coefficients of t**k: C in expm1(t), E in exp(t), |t| <= log(2)/2.
# LN2_HI + LN2_LO is log(2), LN2_HI + LN2_REST is log(2) rounded to the format. What is rounded of
# n * LN2_HI is nothing: the addition is fused with it, or LN2_HI is short enough for any n.
# MAGIC + n holds the integer n in its last bits: adding it rounds, and its bits are the exponent.
cdef extern from "_coefficients.h":
    const float F32_LN2_HI, F32_LN2_LO, F32_LN2_REST, F32_LOG2E, F32_MAGIC
    const float F32_SELU_SCALE, F32_SELU_SCALE_ALPHA
    const float F32_C2, F32_C3, F32_C4, F32_C5, F32_C6
    const float F32_E2, F32_E3, F32_E4, F32_E5, F32_E6
    const double F64_LN2_HI, F64_LN2_LO, F64_LN2_REST, F64_LOG2E, F64_MAGIC
    const double F64_SELU_SCALE, F64_SELU_SCALE_ALPHA
    const double F64_C2, F64_C3, F64_C4, F64_C5, F64_C6
    const double F64_C7, F64_C8, F64_C9, F64_C10, F64_C11
    const double F64_E2, F64_E3, F64_E4, F64_E5, F64_E6, F64_E7
    const double F64_E8, F64_E9, F64_E10, F64_E11

ctypedef fused real:
    float
    double

cdef enum:
    BLOCK = 32         # elements computed before any is stored: one to four lines of the cache
    # Bytes that elu_grad computes before it looks whether they were ordinary. In place they are on
    # the stack, and a worker's may be as small as 16 KiB.
    GRAD_BLOCK = 1 << 11
    PIECE = 256        # elements that float16 and bfloat16 are computed by

# All functions are one, with a scale, an alpha and a width, which is one over the input scale:
#
#     scale * x where x >= 0, alpha * width * expm1(x / width) where x < 0
#
# ELU has a scale and a width of 1. SELU has, too, a width of 1, and its scale and alpha (which
# includes the scale) are constants. CELU has a scale and an alpha of 1, and what its users call
# alpha is the width. The compiler makes a loop for each, and leaves out what is 1.
cdef enum:
    IS_1        # alpha, of elu and elu_grad: the same bits as any other
    IS_0        # alpha, of elu_grad_from_output, which looks at the sign of -0.0 then
    ONE         # alpha for all elements
    EACH        # an alpha for each element
    CONSTANTS   # those of SELU
    ONE_LEFT    # as ONE and CONSTANTS, with the slope at 0 from the left
    CONSTANTS_LEFT
    ONE_WIDTH   # for all elements
    EACH_WIDTH  # a width for each element

# For which elements elu_grad computes: each tier but SUBNORMAL holds for those of the tiers before,
# too, with the same bits, and takes longer.
cdef enum:
    ORDINARY   # |x| <= 86 (707), and |grad * alpha| < 2**96 (2**960) or alpha = 1
    SUBNORMAL  # x is finite, and |grad * alpha| < 2**32 (2**64)
    ANY_X      # |grad * alpha| < 2**96 (2**960)
    ANYTHING


# -- a. bits and arithmetic ------------------------------------------------------------------

cdef inline real madd(real a, real b, real c) noexcept nogil:
    """a * b + c, rounded once where the instruction set can."""
    if real is double:
        return MADD_F64(a, b, c)
    else:
        return MADD_F32(a, b, c)


cdef inline real rounded_off(real a, real b, real product) noexcept nogil:
    """a * b - product, where product is a * b rounded: exact."""
    cdef double a_hi, a_lo, b_hi, b_lo
    if HAVE_FMA:
        return madd[real](a, b, -product)
    if real is double:
        a_hi = f64_from_bits(f64_bits(a) & <uint64_t>0xfffffffff8000000)
        b_hi = f64_from_bits(f64_bits(b) & <uint64_t>0xfffffffff8000000)
        a_lo, b_lo = a - a_hi, b - b_hi
        return ((a_hi * b_hi - product) + a_hi * b_lo + a_lo * b_hi) + a_lo * b_lo
    else:
        return <float>(<double>(<float>a) * <double>(<float>b) - <double>(<float>product))


cdef inline real at_least(real x, real lowest) noexcept nogil:
    """max(x, lowest) for lowest < 0, by the bits: a float compare costs twice as much.

    The bits of negative numbers grow with their magnitude, those of positive ones are smaller.
    A negative NaN is clamped as if it were -inf.
    """
    cdef uint32_t u32, v32
    cdef uint64_t u64, v64
    if real is double:
        u64 = f64_bits(x)
        v64 = f64_bits(lowest)
        return f64_from_bits(v64 if u64 > v64 else u64)
    else:
        u32 = f32_bits(x)
        v32 = f32_bits(lowest)
        return f32_from_bits(v32 if u32 > v32 else u32)


cdef inline real at_most_zero(real x) noexcept nogil:
    """min(x, -0.0) by the bits: those of -0.0 are between the positive numbers and the negative."""
    cdef uint32_t u32, v32 = 0x80000000
    cdef uint64_t u64, v64 = 0x8000000000000000
    if real is double:
        u64 = f64_bits(x)
        return f64_from_bits(v64 if u64 < v64 else u64)
    else:
        u32 = f32_bits(x)
        return f32_from_bits(v32 if u32 < v32 else u32)


cdef inline real larger_magnitude(real largest, real x) noexcept nogil:
    """max(largest, |x|) by the bits, for which a NaN is larger than everything else."""
    cdef uint32_t u32, v32
    cdef uint64_t u64, v64
    if real is double:
        u64 = f64_bits(largest)
        v64 = f64_bits(x) & <uint64_t>0x7fffffffffffffff
        return f64_from_bits(v64 if u64 < v64 else u64)
    else:
        u32 = f32_bits(largest)
        v32 = f32_bits(x) & <uint32_t>0x7fffffff
        return f32_from_bits(v32 if u32 < v32 else u32)


cdef inline real power_of_two(real biased) noexcept nogil:
    """2**n from MAGIC + bias + n, the rounded multiple of log(2)."""
    if real is double:
        return f64_from_bits(f64_bits(biased) << 52)
    else:
        return f32_from_bits(f32_bits(biased) << 23)


# -- b. the formulas -------------------------------------------------------------------------

cdef inline real expm1_polynomial(real t) noexcept nogil:
    """(expm1(t) - t - C2 t**2) / t**3, best for the error of expm1(x) in ULP."""
    cdef real q
    if real is double:
        q = madd[real](F64_C11, t, F64_C10)
        q = madd[real](q, t, F64_C9)
        q = madd[real](q, t, F64_C8)
        q = madd[real](q, t, F64_C7)
        q = madd[real](q, t, F64_C6)
        q = madd[real](q, t, F64_C5)
        q = madd[real](q, t, F64_C4)
        q = madd[real](q, t, F64_C3)
    else:
        q = madd[real](F32_C6, t, F32_C5)
        q = madd[real](q, t, F32_C4)
        q = madd[real](q, t, F32_C3)
    return q


cdef inline real exp_polynomial(real t) noexcept nogil:
    """(exp(t) - 1 - t) / t**2, best for the relative error of exp(t): one term less will do."""
    cdef real q
    if real is double:
        q = madd[real](F64_E11, t, F64_E10)
        q = madd[real](q, t, F64_E9)
        q = madd[real](q, t, F64_E8)
        q = madd[real](q, t, F64_E7)
        q = madd[real](q, t, F64_E6)
        q = madd[real](q, t, F64_E5)
        q = madd[real](q, t, F64_E4)
        q = madd[real](q, t, F64_E3)
        q = madd[real](q, t, F64_E2)
    else:
        q = madd[real](F32_E6, t, F32_E5)
        q = madd[real](q, t, F32_E4)
        q = madd[real](q, t, F32_E3)
        q = madd[real](q, t, F32_E2)
    return q


cdef inline real expm1_negative(real x) noexcept nogil:
    """expm1(x) for x < 0 or -0.0; anything for other x.

    Range reduction x = n log(2) + t, then 2**n (1 + p) - 1 = fma(2**n, p, 2**n - 1) with
    p = expm1(t) = t + C2 t**2 + t**3 q(t). 2**n - 1 is exact as long as it matters.

    log(2) is one number of the format, which is not quite enough for n != 0: where rounding is
    coarse, the polynomial makes up for the rest. It does not come near 0, where n = 0.
    """
    cdef real magic, log2e, ln2_hi, ln2_rest, c2, shifted, n, t, a, rest, tail, square, p, scale
    # Past these ends the result is -1 to the last bit, and 2**n would leave the format.
    if real is double:
        x = at_least[real](x, -38)
        magic = F64_MAGIC + 1023
        log2e, ln2_hi, ln2_rest, c2 = F64_LOG2E, F64_LN2_HI, F64_LN2_REST, F64_C2
    else:
        x = at_least[real](x, -17.5)
        magic = F32_MAGIC + 127
        log2e, ln2_hi, ln2_rest, c2 = F32_LOG2E, F32_LN2_HI, F32_LN2_REST, F32_C2
    shifted = madd[real](x, log2e, magic)
    n = shifted - magic
    t = madd[real](n, -ln2_hi, x)
    if HAVE_FMA:
        p = madd[real](t * t, madd[real](expm1_polynomial[real](t), t, c2), t)
    else:
        # t + tail is x - n (LN2_HI + LN2_REST) with more digits than t alone.
        rest = n * ln2_rest
        a = t
        t = a - rest
        tail = (a - t) - rest
        # The half of the square, the largest term after t, is exact but for its own rounding.
        square = t * t
        p = madd[real](square, c2 - <real>0.5, tail)
        p = madd[real](square * t, expm1_polynomial[real](t), p)
        p = t + madd[real](square, 0.5, p)
    scale = power_of_two[real](shifted)
    return madd[real](scale, p, scale - 1)


cdef inline real lifted(real width) noexcept nogil:
    """A power of two that brings a width to where its inverse and 1000 times as much are numbers.

    1 for all but the smallest and the largest ones. x is lifted with it.
    """
    cdef real lift = 1
    if real is double:
        lift = <real>2.0**-200 if width > <real>2.0**900 else lift
        return <real>2.0**200 if width < <real>2.0**-900 else lift
    else:
        lift = <real>2.0**-60 if width > <real>2.0**90 else lift
        return <real>2.0**60 if width < <real>2.0**-90 else lift


cdef inline real reduced(real x, real width, real ln2_lo, real magic, real* shifted) noexcept nogil:
    """x - n width log(2), nearly half of the latter at most; shifted becomes magic + n.

    width LN2_HI is the sum of two numbers without loss. Of what n makes of the first nothing is
    lost, either: x and it have the same unit, of which the difference is a small multiple.
    """
    cdef real log2e, ln2_hi, ln2, rest, n, product, r
    if real is double:
        log2e, ln2_hi = F64_LOG2E, F64_LN2_HI
    else:
        log2e, ln2_hi = F32_LOG2E, F32_LN2_HI
    ln2 = width * ln2_hi
    rest = rounded_off[real](width, ln2_hi, ln2) + width * ln2_lo
    shifted[0] = madd[real](x, log2e * (<real>1 / width), magic)
    n = shifted[0] - magic
    if HAVE_FMA:
        return madd[real](n, -rest, madd[real](n, -ln2, x))
    # Of the halves, since n ln2 may be too large a number. Where n is 0, that could cost a digit.
    ln2 *= <real>0.5
    product = n * ln2
    r = (x * <real>0.5 - product) - (rounded_off[real](n, ln2, product) + n * (rest * <real>0.5))
    return x if n == 0 else r * 2


cdef inline real width_times_expm1(real x, real width, int kind) noexcept nogil:
    """width * expm1(x / width) for x < 0 or -0.0; anything for other x.

    As expm1_negative, with a factor for all terms: r = width t, and p becomes width * expm1(t). So
    neither a quotient's rounding nor that of a product is in the digits of r, the largest term.
    """
    cdef real c2, ln2_rest, magic, lowest, smallest, shifted, r, t, p, scale, below
    cdef real lift = lifted[real](width) if kind == EACH_WIDTH else <real>1
    cdef real given = x
    if real is double:
        lowest, magic, ln2_rest, c2 = -38, F64_MAGIC + 1023, F64_LN2_REST, F64_C2
        smallest = <real>-2.0**-56
    else:
        lowest, magic, ln2_rest, c2 = -17.5, F32_MAGIC + 127, F32_LN2_REST, F32_C2
        smallest = <real>-2.0**-27
    width *= lift
    x = at_least[real](x * lift, lowest * width)
    r = reduced[real](x, width, ln2_rest, magic, &shifted)
    t = r * (<real>1 / width)
    p = madd[real](r * t, madd[real](expm1_polynomial[real](t), t, c2), r)
    scale = power_of_two[real](shifted)
    below = madd[real](scale, p, width * (scale - <real>1))
    if kind != EACH_WIDTH:
        return below
    # What is that small beside the width is the result, and has lost digits if it was lifted down.
    # Its inverse by the bits: 512 bits at once are slow to divide.
    if real is double:
        lift = f64_from_bits(2 * f64_bits(<real>1) - f64_bits(lift))
    else:
        lift = f32_from_bits(2 * f32_bits(<real>1) - f32_bits(lift))
    return given if x > smallest * width else below * lift


cdef inline real elu_1(real x) noexcept nogil:
    """x where x >= 0, expm1(x) where x < 0.

    expm1(x) > x, also as computed, so the larger one is the result, which is one instruction. Of
    two zeros and beside a NaN it is x.
    """
    cdef real below = expm1_negative[real](at_most_zero[real](x))
    return below if below > x else x


cdef inline bint has_width(int kind) noexcept nogil:
    return kind == ONE_WIDTH or kind == EACH_WIDTH


cdef inline bint has_each(int kind) noexcept nogil:
    """Whether there is an alpha, or what is called so, for each element."""
    return kind == EACH or kind == EACH_WIDTH


cdef inline bint alpha_is_1(int kind) noexcept nogil:
    return kind == IS_1 or has_width(kind)


cdef inline bint is_positive(real number) noexcept nogil:
    """Whether 0 < number < infinity, by the bits, of which those of 0 wrap around."""
    if real is double:
        return f64_bits(number) - 1 < f64_bits(INFINITY) - 1
    else:
        return f32_bits(number) - 1 < f32_bits(INFINITY) - 1


cdef inline real alpha_of(real given, int kind) noexcept nogil:
    """What the function calls alpha; NaN beside a width that is not allowed, if of many."""
    if kind == EACH_WIDTH:
        return <real>1 if is_positive[real](given) else <real>NAN
    if kind == CONSTANTS or kind == CONSTANTS_LEFT:
        return F64_SELU_SCALE_ALPHA if real is double else F32_SELU_SCALE_ALPHA
    return <real>1 if alpha_is_1(kind) else given


cdef inline real width_of(real given, int kind) noexcept nogil:
    return given if has_width(kind) else <real>1


cdef inline bint is_left(int kind) noexcept nogil:
    return kind == ONE_LEFT or kind == CONSTANTS_LEFT


cdef inline bint is_below(real x, int kind) noexcept nogil:
    """Whether x is on the side of the exponential function. Of a NaN it says either."""
    if real is double:
        return AT_MOST_ZERO_F64(x) if is_left(kind) else BELOW_ZERO_F64(x)
    else:
        return AT_MOST_ZERO_F32(x) if is_left(kind) else BELOW_ZERO_F32(x)


cdef inline real scale_of(int kind, real _) noexcept nogil:
    """The slope where x >= 0."""
    if kind != CONSTANTS and kind != CONSTANTS_LEFT:
        return 1
    return F64_SELU_SCALE if real is double else F32_SELU_SCALE


cdef inline real elu_of(real x, real alpha, real width, int kind) noexcept nogil:
    """The function as said above; the alpha -0.0 counts as 0.0."""
    cdef real below
    if has_width(kind):
        below = width_times_expm1[real](x, width, kind)
    else:
        below = expm1_negative[real](x)
    below = (alpha + <real>0) * below
    return below if x < 0 else x * scale_of[real](kind, x)


cdef inline real exp_reduced(
    real x, real width, int kind, real magic, real* shifted
) noexcept nogil:
    """exp(t), between 0.7 and 1.42, where x / width = n log(2) + t; shifted becomes magic + n."""
    cdef real log2e, ln2_hi, ln2_lo, n, a, rest, t
    cdef real tail = 0
    if real is double:
        log2e, ln2_hi, ln2_lo = F64_LOG2E, F64_LN2_HI, F64_LN2_LO
    else:
        log2e, ln2_hi, ln2_lo = F32_LOG2E, F32_LN2_HI, F32_LN2_LO
    if has_width(kind):
        t = reduced[real](x, width, ln2_lo, magic, shifted) * (<real>1 / width)
    else:
        shifted[0] = madd[real](x, log2e, magic)
        n = shifted[0] - magic
        a = madd[real](n, -ln2_hi, x)
        if HAVE_FMA:
            t = madd[real](n, -ln2_lo, a)
        else:
            # Without the fused rounding t itself is half a digit short.
            rest = n * ln2_lo
            t = a - rest
            tail = (a - t) - rest
    if HAVE_FMA:
        return madd[real](t, madd[real](t, exp_polynomial[real](t), 1), 1)
    return 1 + (t + madd[real](t * t, exp_polynomial[real](t), tail))


cdef inline real elu_grad_ordinary(
    real grad, real x, real alpha, real width, int kind
) noexcept nogil:
    """The derivative times grad, in the tier ORDINARY.

    That is grad * scale where x >= 0, grad * alpha * exp(x / width) where x < 0.

    2**n is within the format there, and goes straight into the exponent of exp(t).
    """
    cdef real m
    cdef real shifted = 0
    if real is double:
        m = exp_reduced[real](x, width, kind, F64_MAGIC, &shifted)
        m = f64_from_bits(f64_bits(m) + (f64_bits(shifted) << 52))
    else:
        m = exp_reduced[real](x, width, kind, F32_MAGIC, &shifted)
        m = f32_from_bits(f32_bits(m) + (f32_bits(shifted) << 23))
    m = grad * alpha * m
    return m if is_below[real](x, kind) else grad * scale_of[real](kind, x)


cdef inline real elu_grad_subnormal(
    real grad, real x, real alpha, real width, int kind
) noexcept nogil:
    """The same in the tier SUBNORMAL, with a fused multiply-add.

    Many processors take ten times as long for a product that is subnormal. So it is computed times
    2**64 (2**128), where `unit` is the smallest normal number, and added to that: the last digits
    of the sum are the bits of a subnormal product, and rounded as it would be.
    """
    cdef real product = grad * alpha
    cdef real m, total, below, x_least
    cdef real shifted = 0
    cdef uint32_t u32
    cdef uint64_t u64
    # exp(x) below 2**-188 (2**-1146) makes 0 of such a product. For the product itself m is not
    # that small, so that it is none of those that take long: it is not the result there.
    # The bits of a normal result are a normal number more than those of the smallest, whose bits
    # are the digits of the sum then; those of a subnormal result are the digits alone.
    if real is double:
        x_least = at_least[real](x, -795 * width)
        m = exp_reduced[real](x_least, width, kind, F64_MAGIC + 128, &shifted)
        m = f64_from_bits(f64_bits(m) + (f64_bits(shifted) << 52))
        total = madd[real](fabs(product), m, <real>2.0**-894)
        m = f64_from_bits(max(f64_bits(m), f64_bits(<real>2.0**-958)))
        u64 = min(f64_bits(total), f64_bits(<real>2.0**-893)) - f64_bits(<real>2.0**-893)
        u64 += max(f64_bits(fabs(product) * m), f64_bits(<real>2.0**-894)) - (<uint64_t>128 << 52)
        below = f64_from_bits(u64 | (f64_bits(product) & <uint64_t>0x8000000000000000))
    else:
        x_least = at_least[real](x, -<real>130.5 * width)
        m = exp_reduced[real](x_least, width, kind, F32_MAGIC + 64, &shifted)
        m = f32_from_bits(f32_bits(m) + (f32_bits(shifted) << 23))
        total = madd[real](fabsf(product), m, <real>2.0**-62)
        m = f32_from_bits(max(f32_bits(m), f32_bits(<real>2.0**-94)))
        u32 = min(f32_bits(total), f32_bits(<real>2.0**-61)) - f32_bits(<real>2.0**-61)
        u32 += max(f32_bits(fabsf(product) * m), f32_bits(<real>2.0**-62)) - (<uint32_t>64 << 23)
        below = f32_from_bits(u32 | (f32_bits(product) & <uint32_t>0x80000000))
    return below if is_below[real](x, kind) else grad * scale_of[real](kind, x)


cdef inline real scaled_product(
    real product, real x, real width, int kind, real magic
) noexcept nogil:
    """product * 2**k * exp(x / width) for x < 0; magic is MAGIC + k, |product| < 2**97 (2**961).

    2**k exp() is kept as s * (2**j * exp(t)), with the latter normal and s = 1 but for the
    extremes. product * s is exact, then, and what it is multiplied by is rounded once.
    """
    cdef real m, s, x_least
    cdef real shifted = 0
    cdef int32_t e32, j32
    cdef int64_t e64, j64
    # n + k >= -251 (-2043) keeps s normal; what is below comes out as 0 all the same.
    if real is double:
        x_least = at_least[real](x, (F64_MAGIC - magic - <real>2042.7) * F64_LN2_HI * width)
        m = exp_reduced[real](x_least, width, kind, magic, &shifted)
        e64 = <int64_t>(f64_bits(shifted) << 52)
        j64 = e64 if e64 > -(<int64_t>1021 << 52) else -(<int64_t>1021 << 52)
        j64 = j64 if j64 < <int64_t>1022 << 52 else <int64_t>1022 << 52
        m = f64_from_bits(f64_bits(m) + <uint64_t>j64)
        s = f64_from_bits(<uint64_t>(e64 - j64) + <uint64_t>0x3ff0000000000000)
    else:
        x_least = at_least[real](x, (F32_MAGIC - magic - <real>250.7) * F32_LN2_HI * width)
        m = exp_reduced[real](x_least, width, kind, magic, &shifted)
        e32 = <int32_t>(f32_bits(shifted) << 23)
        j32 = e32 if e32 > -(125 << 23) else -(125 << 23)
        j32 = j32 if j32 < 126 << 23 else 126 << 23
        m = f32_from_bits(f32_bits(m) + <uint32_t>j32)
        s = f32_from_bits(<uint32_t>(e32 - j32) + <uint32_t>0x3f800000)
    # exp(-inf) is the one zero: an infinite product survives any other x.
    s = <real>0 if x == -INFINITY else s
    return product * s * m


cdef inline real below_or_above(
    real below, real grad, real side, real x, int kind
) noexcept nogil:
    """`below` where `side` is below 0, else grad * scale. A NaN in x is the result as it is.

    Of two NaN that meet in a product, either might survive.
    """
    below = below if is_below[real](side, kind) else grad * scale_of[real](kind, x)
    return x if x != x else below


cdef inline real elu_grad_any_x(
    real grad, real x, real alpha, real width, int kind
) noexcept nogil:
    """The same in the tier ANY_X."""
    cdef real below = scaled_product[real](
        grad * alpha, x, width, kind, F64_MAGIC if real is double else F32_MAGIC
    )
    return below_or_above[real](below, grad, x, x, kind)


cdef inline real elu_grad_anything(
    real grad, real x, real alpha, real width, int kind
) noexcept nogil:
    """The same in the tier ANYTHING.

    Where grad * alpha is huge, and exp(x) may make up for it, the product is taken of smaller
    factors, and 2**160 (2**1088) goes to exp(x). Both factors are far from the smallest numbers
    there, so that no digit is lost. Beside an infinite grad alpha may not be, and would become 0.
    """
    cdef real product = grad * alpha
    cdef real magic, below
    if real is double:
        magic = F64_MAGIC + 1088 if fabs(product) >= <real>2.0**960 else F64_MAGIC
        if fabs(product) >= <real>2.0**960 and fabs(grad) < INFINITY:
            product = (grad * <real>2.0**-544) * (alpha * <real>2.0**-544)
    else:
        magic = F32_MAGIC + 160 if fabsf(product) >= <real>2.0**96 else F32_MAGIC
        if fabsf(product) >= <real>2.0**96 and fabsf(grad) < INFINITY:
            product = (grad * <real>2.0**-80) * (alpha * <real>2.0**-80)
    below = scaled_product[real](product, x, width, kind, magic)
    return below_or_above[real](below, grad, x, x, kind)


cdef inline real elu_grad_from_output_of(
    real grad, real y, real alpha, real width, int kind
) noexcept nogil:
    """The same from y: grad * scale where y >= 0, grad * (y + alpha * width) / width where y < 0.

    With alpha = 0, -0.0 is negative.
    """
    cdef real side = y
    cdef real slope = y + alpha
    if has_width(kind):
        slope = (y + alpha * width) / width
    if kind == EACH:  # of a lazy alpha, which may be negative
        slope = <real>NAN if is_below[real](alpha, kind) else slope
    if kind == IS_0 or kind == EACH:
        side = copysign(1, y) if real is double else copysignf(1, y)
        side = side if alpha == 0 else y
    return below_or_above[real](grad * slope, grad, side, y, kind)


# -- c. blocks -------------------------------------------------------------------------------
# BLOCK elements at a time (16 or less GCC would unroll, and then not vectorise). They are computed
# before any is stored, so out may be an input, and no compiler has to prove that it is not. The
# last few are computed in a whole block, too: no element has a formula of its own.

cdef inline const real* loaded(const real* array, Py_ssize_t n, real* buffer) noexcept nogil:
    """The next block of elements, of which n are there: where they are, or in the buffer."""
    if n == BLOCK:
        return array
    load_few(buffer, array, n * sizeof(real), BLOCK * sizeof(real))
    return buffer


cdef inline void stored(
    real* out, const real* block, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    """Store the n elements of a block."""
    if n < BLOCK:
        store_few(out, block, n * sizeof(real))
    else:
        store_lines(out, block, BLOCK * sizeof(real), nontemporal)


# -- d. the kernels --------------------------------------------------------------------------
# The operands of a kernel one by one, since GCC keeps them in registers so. The last parameters
# (`n` of a whole block, `formula`, `kind`, `tier`) are constants wherever they are handed down,
# and everything is inlined: each combination becomes a loop without branches.

cdef inline void compute_block(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal,
    int formula, int kind
) noexcept nogil:
    """A block of elu or elu_grad_from_output, of which n elements are there."""
    cdef real grad_buffer[BLOCK]
    cdef real x_buffer[BLOCK]
    cdef real alpha_buffer[BLOCK]
    cdef real block[BLOCK]
    cdef real one = 1 if has_each(kind) else alpha[0]
    cdef real a, width
    cdef Py_ssize_t k
    x = loaded[real](x, n, x_buffer)
    if formula != ELU:
        grad = loaded[real](grad, n, grad_buffer)
    if has_each(kind):
        alpha = loaded[real](alpha, n, alpha_buffer)
    for k in range(BLOCK):
        a = alpha[k] if has_each(kind) else one
        width = width_of[real](a, kind)
        a = alpha_of[real](a, kind)
        if formula != ELU:
            block[k] = elu_grad_from_output_of[real](grad[k], x[k], a, width, kind)
        elif kind == IS_1:
            block[k] = elu_1[real](x[k])
        else:
            block[k] = elu_of[real](x[k], a, width, kind)
    stored[real](out, block, n, nontemporal)


cdef inline void compute_blocks(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal,
    int formula, int kind
) noexcept nogil:
    cdef Py_ssize_t i = 0
    while i + BLOCK <= n:
        compute_block[real](
            grad + i, x + i,
            alpha + (i if has_each(kind) else 0),
            out + i, BLOCK, nontemporal, formula, kind
        )
        i += BLOCK
    if i < n:
        compute_block[real](
            grad + i, x + i,
            alpha + (i if has_each(kind) else 0),
            out + i, n - i, False, formula, kind
        )


cdef inline void compute_grad_block(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal,
    int tier, int kind, real* largest_x, real* largest_grad, real* largest_alpha
) noexcept nogil:
    """A block of elu_grad, and the largest magnitudes so far in each place of a block."""
    cdef real grad_buffer[BLOCK]
    cdef real x_buffer[BLOCK]
    cdef real alpha_buffer[BLOCK]
    cdef real block[BLOCK]
    cdef real one = 1 if has_each(kind) else alpha[0]
    cdef real a, xk, lift, width
    cdef real lift_of_one = lifted[real](one) if kind == ONE_WIDTH else <real>1
    cdef Py_ssize_t k
    grad = loaded[real](grad, n, grad_buffer)
    x = loaded[real](x, n, x_buffer)
    if has_each(kind):
        alpha = loaded[real](alpha, n, alpha_buffer)
    for k in range(BLOCK):
        a = alpha[k] if has_each(kind) else one
        # x that becomes 0 or infinite by it has a slope of 1 or 0 in any case; beside a width that
        # is not allowed it stays what it is.
        lift = lifted[real](a * alpha_of[real](a, kind)) if kind == EACH_WIDTH else lift_of_one
        width = width_of[real](a * lift, kind)
        a = alpha_of[real](a, kind)
        xk = x[k] * lift
        if tier == ORDINARY:
            block[k] = elu_grad_ordinary[real](grad[k], xk, a, width, kind)
        elif tier == SUBNORMAL:
            block[k] = elu_grad_subnormal[real](grad[k], xk, a, width, kind)
        elif tier == ANY_X:
            block[k] = elu_grad_any_x[real](grad[k], xk, a, width, kind)
        else:
            block[k] = elu_grad_anything[real](grad[k], xk, a, width, kind)
        # Of one width, x is compared with it in the end.
        if kind == EACH_WIDTH:
            xk = xk * a * (<real>1 / width)
        largest_x[k] = larger_magnitude[real](largest_x[k], xk)
        if tier != ORDINARY or not alpha_is_1(kind):
            largest_grad[k] = larger_magnitude[real](largest_grad[k], grad[k])
        if kind == EACH:
            largest_alpha[k] = larger_magnitude[real](largest_alpha[k], a)
    stored[real](out, block, n, nontemporal)


cdef inline int compute_grads(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal,
    int tier, int kind
) noexcept nogil:
    """n elements of elu_grad in a tier, and the tier that they need."""
    cdef real largest_x[BLOCK]
    cdef real largest_grad[BLOCK]
    cdef real largest_alpha[BLOCK]
    cdef Py_ssize_t k
    cdef Py_ssize_t i = 0
    for k in range(BLOCK):
        largest_x[k] = largest_grad[k] = largest_alpha[k] = 0
    while i + BLOCK <= n:
        compute_grad_block[real](
            grad + i, x + i,
            alpha + (i if has_each(kind) else 0),
            out + i, BLOCK, nontemporal, tier, kind,
            largest_x, largest_grad, largest_alpha
        )
        i += BLOCK
    if i < n:
        compute_grad_block[real](
            grad + i, x + i,
            alpha + (i if has_each(kind) else 0),
            out + i, n - i, False, tier, kind,
            largest_x, largest_grad, largest_alpha
        )
    # As the tiers are described above.
    cdef real ordinary_x = 707 if real is double else 86
    cdef real small = <real>2.0**64 if real is double else <real>2.0**32
    cdef real huge = <real>2.0**960 if real is double else <real>2.0**96
    cdef real x_size = largest_of[real](largest_x)
    cdef real product = largest_of[real](largest_grad)
    if kind == EACH:
        product *= largest_of[real](largest_alpha)
    elif not alpha_is_1(kind):
        product *= fabs(alpha_of[real](alpha[0], kind))
    if kind == ONE_WIDTH:
        ordinary_x *= alpha[0] * lifted[real](alpha[0])
    if (tier != ORDINARY or not alpha_is_1(kind)) and not product < huge:
        return ANYTHING
    # SUBNORMAL alone does not hold for all that the tiers before it do.
    if x_size <= ordinary_x and (tier != SUBNORMAL or product < small):
        return ORDINARY
    return SUBNORMAL if HAVE_FMA and x_size < INFINITY and product < small else ANY_X


cdef inline real largest_of(const real* magnitudes) noexcept nogil:
    """Of a block, as integers, which the compiler reduces in vectors."""
    cdef uint32_t u32 = 0
    cdef uint64_t u64 = 0
    cdef Py_ssize_t k
    for k in range(BLOCK):
        if real is double:
            u64 = max(u64, f64_bits(magnitudes[k]))
        else:
            u32 = max(u32, f32_bits(magnitudes[k]))
    return f64_from_bits(u64) if real is double else f32_from_bits(u32)


cdef inline bint apart(const real* a, const real* b, Py_ssize_t n) noexcept nogil:
    """Two arrays of n elements without a common byte."""
    return a + n <= b or b + n <= a


cdef inline Py_ssize_t compute_in_tier(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal,
    int tier, int kind, real* buffer, int* needed
) noexcept nogil:
    """elu_grad by GRAD_BLOCK bytes, until some need another tier; how many were computed.

    Those that need more than this tier do not count. They are computed once more, so that `out`
    must not be an input meanwhile: the buffer is NULL where it is none.
    """
    cdef Py_ssize_t m
    cdef Py_ssize_t i = 0
    needed[0] = tier
    while i < n and needed[0] == tier:
        m = min(n - i, <Py_ssize_t>(GRAD_BLOCK // sizeof(real)))
        needed[0] = compute_grads[real](
            grad + i, x + i,
            alpha + (i if has_each(kind) else 0),
            out + i if buffer == NULL else buffer, m, nontemporal, tier, kind
        )
        if needed[0] <= tier:
            if buffer != NULL:
                memcpy(out + i, buffer, m * sizeof(real))
            i += m
    return i


cdef inline void compute_by_tiers(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal,
    int kind
) noexcept nogil:
    """elu_grad, from the lowest tier on and in each as long as it is what the elements need."""
    cdef char memory[GRAD_BLOCK]
    cdef real* buffer = NULL
    cdef int tier = ORDINARY
    cdef Py_ssize_t done
    if not (apart[real](grad, out, n) and apart[real](x, out, n)) or (
        has_each(kind) and not apart[real](alpha, out, n)
    ):
        buffer = <real*>memory
        nontemporal = False
    while n > 0:
        # Where the compiler knows that nothing is nontemporal, it keeps the largest in registers.
        if tier == ORDINARY and nontemporal:
            done = compute_in_tier[real](
                grad, x, alpha, out, n, True, ORDINARY, kind, NULL, &tier
            )
        elif tier == ORDINARY:
            done = compute_in_tier[real](
                grad, x, alpha, out, n, False, ORDINARY, kind, buffer, &tier
            )
        elif tier == SUBNORMAL:
            done = compute_in_tier[real](
                grad, x, alpha, out, n, False, SUBNORMAL, kind, buffer, &tier
            )
        elif tier == ANY_X:
            done = compute_in_tier[real](
                grad, x, alpha, out, n, False, ANY_X, kind, buffer, &tier
            )
        else:
            done = compute_in_tier[real](
                grad, x, alpha, out, n, False, ANYTHING, kind, buffer, &tier
            )
        grad = grad + done
        x = x + done
        alpha = alpha + (done if has_each(kind) else 0)
        out = out + done
        n -= done


# The kernels of the table. What CELU's users call alpha is the width. A copy of the one alpha is
# none of the memory that is stored to: else its inverse is taken again for each block, and
# celu_grad takes 1.7 times as long.

cdef void elu_one_alpha(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    cdef real one = alpha[0]
    if one == 1:
        compute_blocks[real](x, x, &one, out, n, nontemporal, ELU, IS_1)
    else:
        compute_blocks[real](x, x, &one, out, n, nontemporal, ELU, ONE)


cdef void elu_each_alpha(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    compute_blocks[real](x, x, alpha, out, n, nontemporal, ELU, EACH)


cdef void elu_grad_one_alpha(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    cdef real one = alpha[0]
    if one == 1:
        compute_by_tiers[real](grad, x, &one, out, n, nontemporal, IS_1)
    else:
        compute_by_tiers[real](grad, x, &one, out, n, nontemporal, ONE)


cdef void elu_grad_each_alpha(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    compute_by_tiers[real](grad, x, alpha, out, n, nontemporal, EACH)


cdef void elu_grad_from_output_one_alpha(
    const real* grad, const real* y, const real* alpha, real* out, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    cdef real one = alpha[0]
    if one == 0:
        compute_blocks[real](grad, y, &one, out, n, nontemporal, ELU_GRAD_FROM_OUTPUT, IS_0)
    else:
        compute_blocks[real](grad, y, &one, out, n, nontemporal, ELU_GRAD_FROM_OUTPUT, ONE)


cdef void elu_grad_from_output_each_alpha(
    const real* grad, const real* y, const real* alpha, real* out, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    compute_blocks[real](grad, y, alpha, out, n, nontemporal, ELU_GRAD_FROM_OUTPUT, EACH)


cdef void selu(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    compute_blocks[real](x, x, alpha, out, n, nontemporal, ELU, CONSTANTS)


cdef void selu_grad(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    compute_by_tiers[real](grad, x, alpha, out, n, nontemporal, CONSTANTS)


cdef void selu_grad_from_output(
    const real* grad, const real* y, const real* alpha, real* out, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    compute_blocks[real](grad, y, alpha, out, n, nontemporal, ELU_GRAD_FROM_OUTPUT, CONSTANTS)


cdef void left_elu_grad(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    compute_by_tiers[real](grad, x, alpha, out, n, nontemporal, ONE_LEFT)


cdef void left_elu_grad_from_output(
    const real* grad, const real* y, const real* alpha, real* out, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    compute_blocks[real](grad, y, alpha, out, n, nontemporal, ELU_GRAD_FROM_OUTPUT, ONE_LEFT)


cdef void left_selu_grad(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    compute_by_tiers[real](grad, x, alpha, out, n, nontemporal, CONSTANTS_LEFT)


cdef void left_selu_grad_from_output(
    const real* grad, const real* y, const real* alpha, real* out, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    compute_blocks[real](grad, y, alpha, out, n, nontemporal, ELU_GRAD_FROM_OUTPUT, CONSTANTS_LEFT)


cdef void celu_one_alpha(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    cdef real one = alpha[0]
    cdef real alphas[BLOCK]
    cdef Py_ssize_t k
    cdef Py_ssize_t i = 0
    if lifted[real](one) == 1:
        compute_blocks[real](x, x, &one, out, n, nontemporal, ELU, ONE_WIDTH)
        return
    # One that has to be lifted, as only those for each element are.
    for k in range(BLOCK):
        alphas[k] = one
    while i < n:
        compute_blocks[real](
            x, x + i, alphas, out + i, min(n - i, <Py_ssize_t>BLOCK), False, ELU, EACH_WIDTH
        )
        i += BLOCK


cdef void celu_each_alpha(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    compute_blocks[real](x, x, alpha, out, n, nontemporal, ELU, EACH_WIDTH)


cdef void celu_grad_one_alpha(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    cdef real one = alpha[0]
    compute_by_tiers[real](grad, x, &one, out, n, nontemporal, ONE_WIDTH)


cdef void celu_grad_each_alpha(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    compute_by_tiers[real](grad, x, alpha, out, n, nontemporal, EACH_WIDTH)


cdef void celu_grad_from_output_one_alpha(
    const real* grad, const real* y, const real* alpha, real* out, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    cdef real one = alpha[0]
    compute_blocks[real](grad, y, &one, out, n, nontemporal, ELU_GRAD_FROM_OUTPUT, ONE_WIDTH)


cdef void celu_grad_from_output_each_alpha(
    const real* grad, const real* y, const real* alpha, real* out, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    compute_blocks[real](grad, y, alpha, out, n, nontemporal, ELU_GRAD_FROM_OUTPUT, EACH_WIDTH)


# float16 and bfloat16: by way of float32, rounded once.

cdef Kernels table


cdef void by_floats(
    int formula, bint each, int dtype, const uint16_t* grad, const uint16_t* x,
    const uint16_t* alpha, uint16_t* out, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    """The kernel for float32 between buffers. grad may be x, as for elu, which reads none."""
    # One memory for all of them, since a worker's stack may be as small as 16 KiB.
    cdef float memory[3 * PIECE]
    cdef float one[16]
    cdef Py_ssize_t piece = 3 * PIECE // 4 if each else PIECE
    cdef float* results = memory
    cdef float* xs = memory + piece
    cdef float* grads = xs if grad == x else xs + piece
    cdef float* alphas = xs + 2 * piece if each else <float*>one
    cdef uint16_t* padded = <uint16_t*>results  # before there are any
    cdef uint16_t* rounded = <uint16_t*>xs      # when they are read
    cdef Py_ssize_t m
    cdef Py_ssize_t i = 0
    if not each:
        widen(one, alpha, 1, dtype, padded)
    while i < n:
        m = min(n - i, piece)
        widen(xs, x + i, m, dtype, padded)
        if grad != x:
            widen(grads, grad + i, m, dtype, padded)
        if each:
            widen(alphas, alpha + i, m, dtype, padded)
        table.compute[each][formula][F32](grads, xs, alphas, results, m, False)
        if dtype == F16:
            floats_to_halves(rounded, results, up_to_16(m))
        else:
            floats_to_bfloats(rounded, results, up_to_16(m))
        if m % BLOCK == 0:
            store_lines(out + i, rounded, m * sizeof(uint16_t), nontemporal)
        else:
            store_few(out + i, rounded, m * sizeof(uint16_t))
        i += m


cdef inline void widen(
    float* to, const uint16_t* source, Py_ssize_t n, int dtype, uint16_t* padded
) noexcept nogil:
    """n numbers as float32, and some zeros that fill up the last 16."""
    if n % 16:
        load_few(padded, source, n * sizeof(uint16_t), (up_to_16(n) + 16 & ~31) * sizeof(uint16_t))
        source = padded
        n = up_to_16(n)
    if dtype == F16:
        halves_to_floats(to, source, n)
    else:
        bfloats_to_floats(to, source, n)


cdef inline Py_ssize_t up_to_16(Py_ssize_t n) noexcept nogil:
    return (n + 15) & ~<Py_ssize_t>15


# Memory that holds numbers, whatever they mean.

ctypedef fused item:
    uint16_t
    uint32_t
    uint64_t


cdef bint are_within(
    const item* numbers, Py_ssize_t n, uint64_t least, uint64_t infinity, uint64_t most
) noexcept nogil:
    """Whether, by their bits, magnitudes are from least to below infinity and numbers <= most."""
    cdef item sign = <item>1 << (8 * sizeof(item) - 1)
    cdef item smallest = sign - 1, largest = 0, last = 0
    cdef Py_ssize_t k
    for k in range(n):
        smallest = min(smallest, numbers[k] & (sign - 1))
        largest = max(largest, numbers[k] & (sign - 1))
        last = max(last, numbers[k])
    return n == 0 or smallest >= least and largest < infinity and last <= most


cdef void fill(item* row, const item* number, Py_ssize_t n) noexcept nogil:
    cdef item bits = number[0]
    cdef Py_ssize_t k
    for k in range(n):
        row[k] = bits


cdef void gather(item* row, const char* source, Py_ssize_t step, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t k
    cdef const item* items = <const item*>source
    if step == 2 * <Py_ssize_t>sizeof(item):  # the compiler vectorises a step that it knows
        for k in range(n):
            row[k] = items[2 * k]
    elif step == -<Py_ssize_t>sizeof(item):
        for k in range(n):
            row[k] = items[-k]
    else:
        for k in range(n):
            row[k] = (<const item*>(source + k * step))[0]


cdef void scatter(
    char* target, Py_ssize_t step, const item* row, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(n):
        (<item*>(target + k * step))[0] = row[k]


# -- e. the table ----------------------------------------------------------------------------

cdef void enter_kernels(int dtype, real* _) noexcept:
    table.compute[False][ELU][dtype] = <kernel_t>elu_one_alpha[real]
    table.compute[False][ELU_GRAD][dtype] = <kernel_t>elu_grad_one_alpha[real]
    table.compute[False][ELU_GRAD_FROM_OUTPUT][dtype] = (
        <kernel_t>elu_grad_from_output_one_alpha[real]
    )
    table.compute[False][SELU][dtype] = <kernel_t>selu[real]
    table.compute[False][SELU_GRAD][dtype] = <kernel_t>selu_grad[real]
    table.compute[False][SELU_GRAD_FROM_OUTPUT][dtype] = <kernel_t>selu_grad_from_output[real]
    table.compute[False][CELU][dtype] = <kernel_t>celu_one_alpha[real]
    table.compute[False][CELU_GRAD][dtype] = <kernel_t>celu_grad_one_alpha[real]
    table.compute[False][CELU_GRAD_FROM_OUTPUT][dtype] = (
        <kernel_t>celu_grad_from_output_one_alpha[real]
    )
    table.compute[False][LEFT_ELU_GRAD][dtype] = <kernel_t>left_elu_grad[real]
    table.compute[False][LEFT_ELU_GRAD_FROM_OUTPUT][dtype] = (
        <kernel_t>left_elu_grad_from_output[real]
    )
    table.compute[False][LEFT_SELU_GRAD][dtype] = <kernel_t>left_selu_grad[real]
    table.compute[False][LEFT_SELU_GRAD_FROM_OUTPUT][dtype] = (
        <kernel_t>left_selu_grad_from_output[real]
    )
    table.compute[True][ELU][dtype] = <kernel_t>elu_each_alpha[real]
    table.compute[True][ELU_GRAD][dtype] = <kernel_t>elu_grad_each_alpha[real]
    table.compute[True][ELU_GRAD_FROM_OUTPUT][dtype] = (
        <kernel_t>elu_grad_from_output_each_alpha[real]
    )
    table.compute[True][CELU][dtype] = <kernel_t>celu_each_alpha[real]
    table.compute[True][CELU_GRAD][dtype] = <kernel_t>celu_grad_each_alpha[real]
    table.compute[True][CELU_GRAD_FROM_OUTPUT][dtype] = (
        <kernel_t>celu_grad_from_output_each_alpha[real]
    )


cdef void enter_memory(int dtype, item* _) noexcept:
    table.are_within[dtype] = <within_t>are_within[item]
    table.fill[dtype] = <fill_t>fill[item]
    table.gather[dtype] = <gather_t>gather[item]
    table.scatter[dtype] = <scatter_t>scatter[item]


table.by_floats = by_floats
enter_kernels[float](F32, NULL)
enter_kernels[double](F64, NULL)
enter_memory[uint16_t](F16, NULL)
enter_memory[uint16_t](BF16, NULL)
enter_memory[uint32_t](F32, NULL)
enter_memory[uint64_t](F64, NULL)

kernels = PyCapsule_New(&table, b"elu.kernels", NULL)
