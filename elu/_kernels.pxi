# The kernel source: the formulas, one function each, for one element and free of branches; then
# one contiguous kernel for each formula.
#
# It is compiled once per instruction set (_kernels_baseline.pyx, _avx2, _avx512), each time into a
# module of its own, and the compiler vectorises the loops for it.
#
#   a. bits and arithmetic: what the formulas need of the floating-point format
#   b. the formulas
#   c. blocks: elements into registers and out again, float16 by way of float32
#   d. the kernels
#   e. the table of kernels that _dense and _ufuncs take from here
#
# The same bits on every instruction set that has a fused multiply-add: each one is written as
# `madd`, in a fixed order, and -ffp-contract=off keeps the compiler from making others.
# Without the instruction (x86-64 baseline) `madd` rounds twice, and the constants and two
# compensated sums below (`HAVE_FMA`) keep the result as accurate, if not the same to the bit.

from cpython.pycapsule cimport PyCapsule_New
from libc.math cimport INFINITY, copysign, copysignf, fabs, fabsf
from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from elu._kernels cimport (
    ELU, ELU_GRAD, ELU_GRAD_FROM_OUTPUT, F16, F32, F64, Kernels, fill_t, gather_t, kernel_t,
    numbers_t, scatter_t
)


cdef extern from "_simd.h":
    # A float in C. Of two names for its own float Cython would make one member of a fused type.
    ctypedef long double half "half_in_memory"
    const bint HAVE_FMA
    float MADD_F32(float a, float b, float c) noexcept nogil
    double MADD_F64(double a, double b, double c) noexcept nogil
    uint32_t f32_bits(float x) noexcept nogil
    uint64_t f64_bits(double x) noexcept nogil
    float f32_from_bits(uint32_t u) noexcept nogil
    double f64_from_bits(uint64_t u) noexcept nogil
    void halves_to_floats(half* to, const uint16_t* source, size_t count) noexcept nogil
    void floats_to_halves(uint16_t* to, const half* source, size_t count) noexcept nogil
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
    const float F32_C2, F32_C3, F32_C4, F32_C5, F32_C6
    const float F32_E2, F32_E3, F32_E4, F32_E5, F32_E6
    const double F64_LN2_HI, F64_LN2_LO, F64_LN2_REST, F64_LOG2E, F64_MAGIC
    const double F64_C2, F64_C3, F64_C4, F64_C5, F64_C6
    const double F64_C7, F64_C8, F64_C9, F64_C10, F64_C11
    const double F64_E2, F64_E3, F64_E4, F64_E5, F64_E6, F64_E7
    const double F64_E8, F64_E9, F64_E10, F64_E11

# half computes as float does: it stands for arrays that hold float16.
ctypedef fused real:
    half
    float
    double

cdef enum:
    BLOCK = 32         # elements computed before any is stored: one to four lines of the cache
    # Bytes that elu_grad computes before it looks whether they were ordinary. In place they are on
    # the stack, and a worker's may be as small as 16 KiB.
    GRAD_BLOCK = 1 << 11

# How alpha comes: the compiler makes a loop for each.
cdef enum:
    IS_1   # of elu and elu_grad: one multiplication less, and the same bits
    IS_0   # of elu_grad_from_output, which looks at the sign of -0.0 then
    ONE
    EACH   # an alpha for each element

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


cdef inline real elu_1(real x) noexcept nogil:
    """x where x >= 0, expm1(x) where x < 0.

    expm1(x) > x, also as computed, so the larger one is the result, which is one instruction. Of
    two zeros and beside a NaN it is x.
    """
    cdef real below = expm1_negative[real](at_most_zero[real](x))
    return below if below > x else x


cdef inline real elu_of(real x, real alpha) noexcept nogil:
    """x where x >= 0, alpha * expm1(x) where x < 0; the alpha -0.0 counts as 0.0."""
    cdef real below = (alpha + <real>0) * expm1_negative[real](x)
    return below if x < 0 else x


cdef inline real exp_reduced(real x, real magic, real* shifted) noexcept nogil:
    """exp(t), between 0.7 and 1.42, where x = n log(2) + t; shifted becomes magic + n."""
    cdef real log2e, ln2_hi, ln2_lo, n, a, rest, t, tail
    if real is double:
        log2e, ln2_hi, ln2_lo = F64_LOG2E, F64_LN2_HI, F64_LN2_LO
    else:
        log2e, ln2_hi, ln2_lo = F32_LOG2E, F32_LN2_HI, F32_LN2_LO
    shifted[0] = madd[real](x, log2e, magic)
    n = shifted[0] - magic
    a = madd[real](n, -ln2_hi, x)
    if HAVE_FMA:
        t = madd[real](n, -ln2_lo, a)
        return madd[real](t, madd[real](t, exp_polynomial[real](t), 1), 1)
    # Without the fused rounding t itself is half a digit short.
    rest = n * ln2_lo
    t = a - rest
    tail = (a - t) - rest
    return 1 + (t + madd[real](t * t, exp_polynomial[real](t), tail))


cdef inline real elu_grad_ordinary(real grad, real x, real alpha) noexcept nogil:
    """grad where x >= 0, grad * alpha * exp(x) where x < 0, in the tier ORDINARY.

    2**n is within the format there, and goes straight into the exponent of exp(t).
    """
    cdef real m, shifted
    if real is double:
        m = exp_reduced[real](x, F64_MAGIC, &shifted)
        m = f64_from_bits(f64_bits(m) + (f64_bits(shifted) << 52))
    else:
        m = exp_reduced[real](x, F32_MAGIC, &shifted)
        m = f32_from_bits(f32_bits(m) + (f32_bits(shifted) << 23))
    m = grad * alpha * m
    return m if x < 0 else grad


cdef inline real elu_grad_subnormal(real grad, real x, real alpha) noexcept nogil:
    """The same in the tier SUBNORMAL, with a fused multiply-add.

    Many processors take ten times as long for a product that is subnormal. So it is computed times
    2**64 (2**128), where `unit` is the smallest normal number, and added to that: the last digits
    of the sum are the bits of a subnormal product, and rounded as it would be.
    """
    cdef real product = grad * alpha
    cdef real m, shifted, total, below
    cdef uint32_t u32
    cdef uint64_t u64
    # exp(x) below 2**-188 (2**-1146) makes 0 of such a product. For the product itself m is not
    # that small, so that it is none of those that take long: it is not the result there.
    # The bits of a normal result are a normal number more than those of the smallest, whose bits
    # are the digits of the sum then; those of a subnormal result are the digits alone.
    if real is double:
        m = exp_reduced[real](at_least[real](x, -795), F64_MAGIC + 128, &shifted)
        m = f64_from_bits(f64_bits(m) + (f64_bits(shifted) << 52))
        total = madd[real](fabs(product), m, <real>2.0**-894)
        m = f64_from_bits(max(f64_bits(m), f64_bits(<real>2.0**-958)))
        u64 = min(f64_bits(total), f64_bits(<real>2.0**-893)) - f64_bits(<real>2.0**-893)
        u64 += max(f64_bits(fabs(product) * m), f64_bits(<real>2.0**-894)) - (<uint64_t>128 << 52)
        below = f64_from_bits(u64 | (f64_bits(product) & <uint64_t>0x8000000000000000))
    else:
        m = exp_reduced[real](at_least[real](x, -130.5), F32_MAGIC + 64, &shifted)
        m = f32_from_bits(f32_bits(m) + (f32_bits(shifted) << 23))
        total = madd[real](fabsf(product), m, <real>2.0**-62)
        m = f32_from_bits(max(f32_bits(m), f32_bits(<real>2.0**-94)))
        u32 = min(f32_bits(total), f32_bits(<real>2.0**-61)) - f32_bits(<real>2.0**-61)
        u32 += max(f32_bits(fabsf(product) * m), f32_bits(<real>2.0**-62)) - (<uint32_t>64 << 23)
        below = f32_from_bits(u32 | (f32_bits(product) & <uint32_t>0x80000000))
    return below if x < 0 else grad


cdef inline real scaled_product(real product, real x, real magic) noexcept nogil:
    """product * 2**k * exp(x) for x < 0, where magic is MAGIC + k and |product| < 2**97 (2**961).

    2**k exp(x) is kept as s * (2**j * exp(t)), with the latter normal and s = 1 but for the
    extremes. product * s is exact, then, and what it is multiplied by is rounded once.
    """
    cdef real m, shifted, s
    cdef int32_t e32, j32
    cdef int64_t e64, j64
    # n + k >= -251 (-2043) keeps s normal; what is below comes out as 0 all the same.
    if real is double:
        m = exp_reduced[real](
            at_least[real](x, (F64_MAGIC - magic - <real>2042.7) * F64_LN2_HI), magic, &shifted
        )
        e64 = <int64_t>(f64_bits(shifted) << 52)
        j64 = e64 if e64 > -(<int64_t>1021 << 52) else -(<int64_t>1021 << 52)
        j64 = j64 if j64 < <int64_t>1022 << 52 else <int64_t>1022 << 52
        m = f64_from_bits(f64_bits(m) + <uint64_t>j64)
        s = f64_from_bits(<uint64_t>(e64 - j64) + <uint64_t>0x3ff0000000000000)
    else:
        m = exp_reduced[real](
            at_least[real](x, (F32_MAGIC - magic - <real>250.7) * F32_LN2_HI), magic, &shifted
        )
        e32 = <int32_t>(f32_bits(shifted) << 23)
        j32 = e32 if e32 > -(125 << 23) else -(125 << 23)
        j32 = j32 if j32 < 126 << 23 else 126 << 23
        m = f32_from_bits(f32_bits(m) + <uint32_t>j32)
        s = f32_from_bits(<uint32_t>(e32 - j32) + <uint32_t>0x3f800000)
    # exp(-inf) is the one zero: an infinite product survives any other x.
    s = <real>0 if x == -INFINITY else s
    return product * s * m


cdef inline real elu_grad_any_x(real grad, real x, real alpha) noexcept nogil:
    """The same in the tier ANY_X. A NaN in x is the result as it is."""
    cdef real below = scaled_product[real](
        grad * alpha, x, F64_MAGIC if real is double else F32_MAGIC
    )
    below = below if x < 0 else x
    return grad if x >= 0 else below


cdef inline real elu_grad_anything(real grad, real x, real alpha) noexcept nogil:
    """The same in the tier ANYTHING.

    Where grad * alpha is huge, and exp(x) may make up for it, the product is taken of smaller
    factors, and 2**160 (2**1088) goes to exp(x). Both factors are far from the smallest numbers
    there, so that no digit is lost.
    """
    cdef real product = grad * alpha
    cdef real magic, below
    if real is double:
        magic = F64_MAGIC + 1088 if fabs(product) >= <real>2.0**960 else F64_MAGIC
        if fabs(product) >= <real>2.0**960:
            product = (grad * <real>2.0**-544) * (alpha * <real>2.0**-544)
    else:
        magic = F32_MAGIC + 160 if fabsf(product) >= <real>2.0**96 else F32_MAGIC
        if fabsf(product) >= <real>2.0**96:
            product = (grad * <real>2.0**-80) * (alpha * <real>2.0**-80)
    below = scaled_product[real](product, x, magic)
    below = below if x < 0 else x
    return grad if x >= 0 else below


cdef inline real elu_grad_from_output_of(
    real grad, real y, real alpha, bint may_be_0
) noexcept nogil:
    """grad where y >= 0, grad * (y + alpha) where y < 0; with alpha = 0, -0.0 is negative.

    A NaN in y is the result as it is: of two that meet in a product, either might survive.
    """
    cdef real side = y
    cdef real below = grad * (y + alpha)
    if may_be_0:
        side = copysign(1, y) if real is double else copysignf(1, y)
        side = side if alpha == 0 else y
    below = below if side < 0 else grad
    return y if y != y else below


# -- c. blocks -------------------------------------------------------------------------------
# BLOCK elements at a time (16 or less GCC would unroll, and then not vectorise). They are computed
# before any is stored, so out may be an input, and no compiler has to prove that it is not. The
# last few are computed in a whole block, too: no element has a formula of its own.

cdef inline Py_ssize_t itemsize(const real* array) noexcept nogil:
    """Bytes of an element in memory."""
    if real is half:
        return 2
    else:
        return sizeof(real)


cdef inline real* element(const real* array, Py_ssize_t i) noexcept nogil:
    """Where the i-th element is in memory."""
    return <real*>(<char*>array + i * itemsize[real](array))


cdef inline const real* loaded(const real* array, Py_ssize_t n, real* buffer) noexcept nogil:
    """The next block of elements for arithmetic, of which n are there: in memory or the buffer."""
    cdef real padded[BLOCK]
    if n < BLOCK:
        load_few(padded, array, n * itemsize[real](array), BLOCK * itemsize[real](array))
        array = padded
    if real is half:
        halves_to_floats(buffer, <uint16_t*>array, BLOCK)
    elif n < BLOCK:
        memcpy(buffer, array, sizeof(padded))
    else:
        return array
    return buffer


cdef inline void stored(
    real* out, const real* block, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    """Store the n elements of a block."""
    cdef uint16_t halves[BLOCK]
    cdef const void* source = block
    if real is half:
        floats_to_halves(halves, block, BLOCK)
        source = halves
    if n < BLOCK:
        store_few(out, source, n * itemsize[real](out))
    else:
        store_lines(out, source, BLOCK * itemsize[real](out), nontemporal)


# -- d. the kernels --------------------------------------------------------------------------
# The operands of a kernel one by one, since GCC keeps them in registers so. The last parameters
# (`n` of a whole block, `formula`, `alphas`, `tier`) are constants wherever they are handed down,
# and everything is inlined: each combination becomes a loop without branches.

cdef inline void compute_block(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal,
    int formula, int alphas
) noexcept nogil:
    """A block of elu or elu_grad_from_output, of which n elements are there."""
    cdef real grad_buffer[BLOCK]
    cdef real x_buffer[BLOCK]
    cdef real alpha_buffer[BLOCK]
    cdef real block[BLOCK]
    cdef real one = 1 if alphas == EACH else alpha[0]
    cdef Py_ssize_t k
    x = loaded[real](x, n, x_buffer)
    if formula != ELU:
        grad = loaded[real](grad, n, grad_buffer)
    if alphas == EACH:
        alpha = loaded[real](alpha, n, alpha_buffer)
    for k in range(BLOCK):
        if formula != ELU:
            block[k] = elu_grad_from_output_of[real](
                grad[k], x[k], alpha[k] if alphas == EACH else one, alphas != ONE
            )
        elif alphas == IS_1:
            block[k] = elu_1[real](x[k])
        else:
            block[k] = elu_of[real](x[k], alpha[k] if alphas == EACH else one)
    stored[real](out, block, n, nontemporal)


cdef inline void compute_blocks(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal,
    int formula, int alphas
) noexcept nogil:
    cdef Py_ssize_t i = 0
    while i + BLOCK <= n:
        compute_block[real](
            element[real](grad, i), element[real](x, i),
            element[real](alpha, i if alphas == EACH else 0),
            element[real](out, i), BLOCK, nontemporal, formula, alphas
        )
        i += BLOCK
    if i < n:
        compute_block[real](
            element[real](grad, i), element[real](x, i),
            element[real](alpha, i if alphas == EACH else 0),
            element[real](out, i), n - i, False, formula, alphas
        )


cdef inline void compute_grad_block(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal,
    int tier, int alphas, real* largest_x, real* largest_grad, real* largest_alpha
) noexcept nogil:
    """A block of elu_grad, and the largest magnitudes so far in each place of a block."""
    cdef real grad_buffer[BLOCK]
    cdef real x_buffer[BLOCK]
    cdef real alpha_buffer[BLOCK]
    cdef real block[BLOCK]
    cdef real one = 1 if alphas == EACH else alpha[0]
    cdef real a
    cdef Py_ssize_t k
    grad = loaded[real](grad, n, grad_buffer)
    x = loaded[real](x, n, x_buffer)
    if alphas == EACH:
        alpha = loaded[real](alpha, n, alpha_buffer)
    for k in range(BLOCK):
        a = alpha[k] if alphas == EACH else <real>1 if alphas == IS_1 else one
        if tier == ORDINARY:
            block[k] = elu_grad_ordinary[real](grad[k], x[k], a)
        elif tier == SUBNORMAL:
            block[k] = elu_grad_subnormal[real](grad[k], x[k], a)
        elif tier == ANY_X:
            block[k] = elu_grad_any_x[real](grad[k], x[k], a)
        else:
            block[k] = elu_grad_anything[real](grad[k], x[k], a)
        largest_x[k] = larger_magnitude[real](largest_x[k], x[k])
        if tier != ORDINARY or alphas != IS_1:
            largest_grad[k] = larger_magnitude[real](largest_grad[k], grad[k])
        if alphas == EACH:
            largest_alpha[k] = larger_magnitude[real](largest_alpha[k], a)
    stored[real](out, block, n, nontemporal)


cdef inline int compute_grads(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal,
    int tier, int alphas
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
            element[real](grad, i), element[real](x, i),
            element[real](alpha, i if alphas == EACH else 0),
            element[real](out, i), BLOCK, nontemporal, tier, alphas,
            largest_x, largest_grad, largest_alpha
        )
        i += BLOCK
    if i < n:
        compute_grad_block[real](
            element[real](grad, i), element[real](x, i),
            element[real](alpha, i if alphas == EACH else 0),
            element[real](out, i), n - i, False, tier, alphas,
            largest_x, largest_grad, largest_alpha
        )
    # As the tiers are described above.
    cdef real ordinary_x = 707 if real is double else 86
    cdef real small = <real>2.0**64 if real is double else <real>2.0**32
    cdef real huge = <real>2.0**960 if real is double else <real>2.0**96
    cdef real x_size = largest_of[real](largest_x)
    cdef real product = largest_of[real](largest_alpha) if alphas == EACH else fabs(alpha[0])
    product *= largest_of[real](largest_grad)
    if (tier != ORDINARY or alphas != IS_1) and not product < huge:
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
    return element[real](a, n) <= b or element[real](b, n) <= a


cdef inline Py_ssize_t compute_in_tier(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal,
    int tier, int alphas, real* buffer, int* needed
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
            element[real](grad, i), element[real](x, i),
            element[real](alpha, i if alphas == EACH else 0),
            element[real](out, i) if buffer == NULL else buffer, m, nontemporal, tier, alphas
        )
        if needed[0] <= tier:
            if buffer != NULL:
                memcpy(element[real](out, i), buffer, m * itemsize[real](out))
            i += m
    return i


cdef inline void compute_by_tiers(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal,
    int alphas
) noexcept nogil:
    """elu_grad, from the lowest tier on and in each as long as it is what the elements need."""
    cdef char memory[GRAD_BLOCK]
    cdef real* buffer = NULL
    cdef int tier = ORDINARY
    cdef Py_ssize_t done
    if not (apart[real](grad, out, n) and apart[real](x, out, n)) or (
        alphas == EACH and not apart[real](alpha, out, n)
    ):
        buffer = <real*>memory
        nontemporal = False
    while n > 0:
        # Where the compiler knows that nothing is nontemporal, it keeps the largest in registers.
        if tier == ORDINARY and nontemporal:
            done = compute_in_tier[real](
                grad, x, alpha, out, n, True, ORDINARY, alphas, NULL, &tier
            )
        elif tier == ORDINARY:
            done = compute_in_tier[real](
                grad, x, alpha, out, n, False, ORDINARY, alphas, buffer, &tier
            )
        elif tier == SUBNORMAL:
            done = compute_in_tier[real](
                grad, x, alpha, out, n, False, SUBNORMAL, alphas, buffer, &tier
            )
        elif tier == ANY_X:
            done = compute_in_tier[real](
                grad, x, alpha, out, n, False, ANY_X, alphas, buffer, &tier
            )
        else:
            done = compute_in_tier[real](
                grad, x, alpha, out, n, False, ANYTHING, alphas, buffer, &tier
            )
        grad = element[real](grad, done)
        x = element[real](x, done)
        alpha = element[real](alpha, done if alphas == EACH else 0)
        out = element[real](out, done)
        n -= done


cdef inline real only(const real* alpha) noexcept nogil:
    """The one alpha there is, for arithmetic."""
    cdef real buffer[BLOCK]
    return loaded[real](alpha, 1, buffer)[0]


cdef void elu_one_alpha(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    cdef real one = only[real](alpha)
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
    cdef real one = only[real](alpha)
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
    cdef real one = only[real](alpha)
    if one == 0:
        compute_blocks[real](grad, y, &one, out, n, nontemporal, ELU_GRAD_FROM_OUTPUT, IS_0)
    else:
        compute_blocks[real](grad, y, &one, out, n, nontemporal, ELU_GRAD_FROM_OUTPUT, ONE)


cdef void elu_grad_from_output_each_alpha(
    const real* grad, const real* y, const real* alpha, real* out, Py_ssize_t n, bint nontemporal
) noexcept nogil:
    compute_blocks[real](grad, y, alpha, out, n, nontemporal, ELU_GRAD_FROM_OUTPUT, EACH)


cdef bint all_finite(const real* numbers, Py_ssize_t n) noexcept nogil:
    """Whether the largest magnitude, for which a NaN counts as such, is finite."""
    cdef real largest[BLOCK]
    cdef real buffer[BLOCK]
    cdef const real* block
    cdef Py_ssize_t k
    cdef Py_ssize_t i = 0
    for k in range(BLOCK):
        largest[k] = 0
    while i + BLOCK <= n:
        block = loaded[real](element[real](numbers, i), BLOCK, buffer)
        for k in range(BLOCK):
            largest[k] = larger_magnitude[real](largest[k], block[k])
        i += BLOCK
    if i < n:
        block = loaded[real](element[real](numbers, i), n - i, buffer)
        for k in range(BLOCK):
            largest[k] = larger_magnitude[real](largest[k], block[k])
    return largest_of[real](largest) < INFINITY


cdef bint none_negative(const real* numbers, Py_ssize_t n) noexcept nogil:
    cdef real least[BLOCK]
    cdef real buffer[BLOCK]
    cdef const real* block
    cdef bint negative = False
    cdef Py_ssize_t k
    cdef Py_ssize_t i = 0
    for k in range(BLOCK):
        least[k] = 0
    while i + BLOCK <= n:
        block = loaded[real](element[real](numbers, i), BLOCK, buffer)
        for k in range(BLOCK):
            least[k] = block[k] if block[k] < least[k] else least[k]
        i += BLOCK
    if i < n:
        block = loaded[real](element[real](numbers, i), n - i, buffer)
        for k in range(BLOCK):
            least[k] = block[k] if block[k] < least[k] else least[k]
    for k in range(BLOCK):
        negative |= least[k] < 0
    return not negative


ctypedef fused item:  # the bits of a number, whatever they mean
    uint16_t
    uint32_t
    uint64_t


cdef void fill(void* row, const void* number, Py_ssize_t n, item* _) noexcept nogil:
    cdef item bits = (<const item*>number)[0]
    cdef Py_ssize_t k
    for k in range(n):
        (<item*>row)[k] = bits


cdef void gather(
    void* row, const char* source, Py_ssize_t step, Py_ssize_t n, item* _
) noexcept nogil:
    cdef Py_ssize_t k
    cdef item* target = <item*>row
    cdef const item* items = <const item*>source
    if step == 2 * <Py_ssize_t>sizeof(item):  # the compiler vectorises a step that it knows
        for k in range(n):
            target[k] = items[2 * k]
    elif step == -<Py_ssize_t>sizeof(item):
        for k in range(n):
            target[k] = items[-k]
    else:
        for k in range(n):
            target[k] = (<const item*>(source + k * step))[0]


cdef void scatter(
    char* target, Py_ssize_t step, const void* row, Py_ssize_t n, item* _
) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(n):
        (<item*>(target + k * step))[0] = (<const item*>row)[k]


# -- e. the table ----------------------------------------------------------------------------

cdef Kernels table


cdef void enter(int dtype, real* _, item* __) noexcept:
    """Enter the kernels for arrays of this dtype, whose elements are so large."""
    table.compute[False][ELU][dtype] = <kernel_t>elu_one_alpha[real]
    table.compute[False][ELU_GRAD][dtype] = <kernel_t>elu_grad_one_alpha[real]
    table.compute[False][ELU_GRAD_FROM_OUTPUT][dtype] = (
        <kernel_t>elu_grad_from_output_one_alpha[real]
    )
    table.compute[True][ELU][dtype] = <kernel_t>elu_each_alpha[real]
    table.compute[True][ELU_GRAD][dtype] = <kernel_t>elu_grad_each_alpha[real]
    table.compute[True][ELU_GRAD_FROM_OUTPUT][dtype] = (
        <kernel_t>elu_grad_from_output_each_alpha[real]
    )
    table.all_finite[dtype] = <numbers_t>all_finite[real]
    table.none_negative[dtype] = <numbers_t>none_negative[real]
    table.fill[dtype] = <fill_t>fill[item]
    table.gather[dtype] = <gather_t>gather[item]
    table.scatter[dtype] = <scatter_t>scatter[item]


enter[half, uint16_t](F16, NULL, NULL)
enter[float, uint32_t](F32, NULL, NULL)
enter[double, uint64_t](F64, NULL, NULL)

kernels = PyCapsule_New(&table, b"elu.kernels", NULL)
