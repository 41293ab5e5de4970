# The kernel source: the whole story of one element, and the loops over a chunk of them.
#
# It is compiled once per instruction set (_kernels_baseline.pyx, _avx2, _avx512), each time into a
# module of its own, and the compiler vectorises the chunk loops for it.
#
#   a. bits and arithmetic: what the formulas need of the floating-point format
#   b. one function per formula, for one element, free of branches
#   c. one chunk loop per formula, for alpha as a scalar and as an array
#   d. the table of chunk loops, which _doors takes from here
#
# The same bits on every instruction set that has a fused multiply-add: each one is written as
# `madd`, in a fixed order, and -ffp-contract=off keeps the compiler from making others.
# Without the instruction (x86-64 baseline) `madd` rounds twice, and the constants and two
# compensated sums below (`HAVE_FMA`) keep the result as accurate, if not the same to the bit.

from cpython.pycapsule cimport PyCapsule_New
from libc.math cimport INFINITY, copysign, copysignf, fabs, fabsf
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from elu._loops cimport ELU, ELU_GRAD, ELU_GRAD_FROM_OUTPUT, F32, F64, Loops, loop_t


# The constants are derived, and the error of each polynomial proved, by bench/coefficients.py.
# C<k> and E<k> are the coefficients of t**k: C in expm1(t), E in exp(t), |t| <= log(2)/2.
# LN2_HI + LN2_LO is log(2), LN2_HI + LN2_REST is log(2) rounded to the format. What is rounded of
# n * LN2_HI is nothing: the addition is fused with it, or LN2_HI is short enough for any n.
# MAGIC + n holds the integer n in its last bits: adding it rounds, and its bits are the exponent.
cdef extern from *:
    """
    /* GCC computes one vector after the other unless told to take turns: elu took 0.591 ns for a
       float64 element instead of 0.573. Only AVX-512 has the registers for it. */
    #if defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
    #pragma GCC optimize("schedule-insns", "sched-pressure")
    #endif

    #include <math.h>
    #include <stdint.h>
    #include <string.h>

    #if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__aarch64__) \\
        || defined(_M_ARM64) || (defined(_MSC_VER) && defined(__AVX2__))
    #define HAVE_FMA 1
    #define MADD_F32(a, b, c) fmaf(a, b, c)
    #define MADD_F64(a, b, c) fma(a, b, c)
    #define F32_LN2_HI 0x1.62e43p-1f
    #define F32_LN2_LO -0x1.05c61p-29f
    #define F32_LN2_REST 0x0p+0f
    #define F64_LN2_HI 0x1.62e42fefa39efp-1
    #define F64_LN2_LO 0x1.abc9e3b39803fp-56
    #define F64_LN2_REST 0x0p+0
    #else
    #define HAVE_FMA 0
    #define MADD_F32(a, b, c) ((a) * (b) + (c))
    #define MADD_F64(a, b, c) ((a) * (b) + (c))
    #define F32_LN2_HI 0x1.62e4p-1f
    #define F32_LN2_LO 0x1.7f7d1cp-20f
    #define F32_LN2_REST 0x1.8p-20f
    #define F64_LN2_HI 0x1.62e42fefa4p-1
    #define F64_LN2_LO -0x1.8432a1b0e2634p-43
    #define F64_LN2_REST -0x1.844p-43
    #endif

    /* Whole lines of the cache in one go. Non-temporal stores go around the cache: the target must
       be aligned to a line, then. The branch is the same for a whole array. */
    #if defined(__AVX512F__)
    #include <immintrin.h>
    static inline void put_lines(void *to, const void *lines, size_t size, int streams) {
        const __m512i *from = (const __m512i *)lines;
        __m512i *target = (__m512i *)to;
        for (size_t k = 0; k < size / sizeof(__m512i); k++) {
            __m512i v = _mm512_loadu_si512(from + k);
            if (streams) _mm512_stream_si512(target + k, v);
            else _mm512_storeu_si512(target + k, v);
        }
    }
    #elif defined(__AVX2__)
    #include <immintrin.h>
    static inline void put_lines(void *to, const void *lines, size_t size, int streams) {
        const __m256i *from = (const __m256i *)lines;
        __m256i *target = (__m256i *)to;
        for (size_t k = 0; k < size / sizeof(__m256i); k++) {
            __m256i v = _mm256_loadu_si256(from + k);
            if (streams) _mm256_stream_si256(target + k, v);
            else _mm256_storeu_si256(target + k, v);
        }
    }
    #elif defined(__SSE2__) || defined(_M_X64)
    #include <emmintrin.h>
    static inline void put_lines(void *to, const void *lines, size_t size, int streams) {
        const __m128i *from = (const __m128i *)lines;
        __m128i *target = (__m128i *)to;
        for (size_t k = 0; k < size / sizeof(__m128i); k++) {
            __m128i v = _mm_loadu_si128(from + k);
            if (streams) _mm_stream_si128(target + k, v);
            else _mm_storeu_si128(target + k, v);
        }
    }
    #else
    static inline void put_lines(void *to, const void *lines, size_t size, int streams) {
        memcpy(to, lines, size);
    }
    #endif
    /* Non-temporal stores are in no order: whoever is told that they are done must find them. */
    #if defined(__SSE2__) || defined(_M_X64)
    static inline void end_lines(int streams) { if (streams) _mm_sfence(); }
    #else
    static inline void end_lines(int streams) {}
    #endif

    static inline uint32_t f32_bits(float x) { uint32_t u; memcpy(&u, &x, 4); return u; }
    static inline uint64_t f64_bits(double x) { uint64_t u; memcpy(&u, &x, 8); return u; }
    static inline float f32_from_bits(uint32_t u) { float x; memcpy(&x, &u, 4); return x; }
    static inline double f64_from_bits(uint64_t u) { double x; memcpy(&x, &u, 8); return x; }

    /* The bounds within which elu_grad_plain needs no care: 2**n is a normal number, and no part
       of the product overflows. Beyond, powers of two change hands. */
    #define F32_PLAIN_X 86.0f
    #define F32_HUGE 0x1p+96f
    #define F32_LEND 0x1p-32f
    #define F32_TINY 0x1p-94f
    #define F32_BORROW 0x1p+32f
    #define F64_PLAIN_X 707.0
    #define F64_HUGE 0x1p+960
    #define F64_LEND 0x1p-64
    #define F64_TINY 0x1p-958
    #define F64_BORROW 0x1p+64

    #define F32_LOG2E 0x1.715476p+0f
    #define F32_MAGIC 0x1.8p+23f
    #define F32_C2 0x1.fffffap-2f
    #define F32_C3 0x1.555464p-3f
    #define F32_C4 0x1.5556b6p-5f
    #define F32_C5 0x1.124e7ap-7f
    #define F32_C6 0x1.6d37c2p-10f
    #define F32_E2 0x1.fffffcp-2f
    #define F32_E3 0x1.555492p-3f
    #define F32_E4 0x1.5558acp-5f
    #define F32_E5 0x1.12397cp-7f
    #define F32_E6 0x1.6a5118p-10f

    #define F64_LOG2E 0x1.71547652b82fep+0
    #define F64_MAGIC 0x1.8p+52
    #define F64_C2 0x1.0000000000009p-1
    #define F64_C3 0x1.55555555555f2p-3
    #define F64_C4 0x1.5555555551804p-5
    #define F64_C5 0x1.11111110f8c0ap-7
    #define F64_C6 0x1.6c16c181364b9p-10
    #define F64_C7 0x1.a01a022568d48p-13
    #define F64_C8 0x1.a019a0f13bf6cp-16
    #define F64_C9 0x1.71dcd78d63f1p-19
    #define F64_C10 0x1.28a7c1b856495p-22
    #define F64_C11 0x1.b15fdd5620f21p-26
    #define F64_E2 0x1.000000000000ap-1
    #define F64_E3 0x1.555555555550dp-3
    #define F64_E4 0x1.55555555507bap-5
    #define F64_E5 0x1.111111112453cp-7
    #define F64_E6 0x1.6c16c184319a2p-10
    #define F64_E7 0x1.a01a013851686p-13
    #define F64_E8 0x1.a0199a21cf1b1p-16
    #define F64_E9 0x1.71df0cbfb105ap-19
    #define F64_E10 0x1.28ad4c08742b2p-22
    #define F64_E11 0x1.ad9ef2c4d7d7fp-26
    """
    const bint HAVE_FMA
    float MADD_F32(float a, float b, float c) noexcept nogil
    double MADD_F64(double a, double b, double c) noexcept nogil
    void put_lines(void* to, const void* lines, size_t size, bint streams) noexcept nogil
    void end_lines(bint streams) noexcept nogil
    uint32_t f32_bits(float x) noexcept nogil
    uint64_t f64_bits(double x) noexcept nogil
    float f32_from_bits(uint32_t u) noexcept nogil
    double f64_from_bits(uint64_t u) noexcept nogil
    const float F32_PLAIN_X, F32_HUGE, F32_LEND, F32_TINY, F32_BORROW
    const double F64_PLAIN_X, F64_HUGE, F64_LEND, F64_TINY, F64_BORROW
    const float F32_LN2_HI, F32_LN2_LO, F32_LN2_REST, F32_LOG2E, F32_MAGIC
    const float F32_C2, F32_C3, F32_C4, F32_C5, F32_C6
    const float F32_E2, F32_E3, F32_E4, F32_E5, F32_E6
    const double F64_LN2_HI, F64_LN2_LO, F64_LN2_REST, F64_LOG2E, F64_MAGIC
    const double F64_C2, F64_C3, F64_C4, F64_C5, F64_C6
    const double F64_C7, F64_C8, F64_C9, F64_C10, F64_C11
    const double F64_E2, F64_E3, F64_E4, F64_E5, F64_E6, F64_E7
    const double F64_E8, F64_E9, F64_E10, F64_E11


ctypedef fused real:
    float
    double

cdef enum:
    LINES = 32          # elements computed before any is stored: two or four lines of the cache
    PLAIN_BLOCK = 4096  # elements that elu_grad computes before it looks whether they were plain


# -- a. bits and arithmetic ------------------------------------------------------------------

cdef inline real madd(real a, real b, real c) noexcept nogil:
    """a * b + c, rounded once where the instruction set can."""
    if real is float:
        return MADD_F32(a, b, c)
    else:
        return MADD_F64(a, b, c)


cdef inline real at_least(real x, real lowest) noexcept nogil:
    """max(x, lowest) for lowest < 0, by the bits: a float compare costs twice as much.

    The bits of negative numbers grow with their magnitude, those of positive ones are smaller.
    A negative NaN is clamped as if it were -inf.
    """
    cdef uint32_t u32, v32
    cdef uint64_t u64, v64
    if real is float:
        u32 = f32_bits(x)
        v32 = f32_bits(lowest)
        return f32_from_bits(v32 if u32 > v32 else u32)
    else:
        u64 = f64_bits(x)
        v64 = f64_bits(lowest)
        return f64_from_bits(v64 if u64 > v64 else u64)


cdef inline real power_of_two(real biased) noexcept nogil:
    """2**n from MAGIC + bias + n, the rounded multiple of log(2)."""
    if real is float:
        return f32_from_bits(f32_bits(biased) << 23)
    else:
        return f64_from_bits(f64_bits(biased) << 52)


# -- b. the formulas -------------------------------------------------------------------------

cdef inline real expm1_polynomial(real t) noexcept nogil:
    """(expm1(t) - t - C2 t**2) / t**3, best for the error of expm1(x) in ULP."""
    cdef real q
    if real is float:
        q = madd(F32_C6, t, F32_C5)
        q = madd(q, t, F32_C4)
        q = madd(q, t, F32_C3)
    else:
        q = madd(F64_C11, t, F64_C10)
        q = madd(q, t, F64_C9)
        q = madd(q, t, F64_C8)
        q = madd(q, t, F64_C7)
        q = madd(q, t, F64_C6)
        q = madd(q, t, F64_C5)
        q = madd(q, t, F64_C4)
        q = madd(q, t, F64_C3)
    return q


cdef inline real exp_polynomial(real t) noexcept nogil:
    """(exp(t) - 1 - t) / t**2, best for the relative error of exp(t): one term less will do."""
    cdef real q
    if real is float:
        q = madd(F32_E6, t, F32_E5)
        q = madd(q, t, F32_E4)
        q = madd(q, t, F32_E3)
        q = madd(q, t, F32_E2)
    else:
        q = madd(F64_E11, t, F64_E10)
        q = madd(q, t, F64_E9)
        q = madd(q, t, F64_E8)
        q = madd(q, t, F64_E7)
        q = madd(q, t, F64_E6)
        q = madd(q, t, F64_E5)
        q = madd(q, t, F64_E4)
        q = madd(q, t, F64_E3)
        q = madd(q, t, F64_E2)
    return q


cdef inline real expm1_negative(real x) noexcept nogil:
    """expm1(x) for x < 0; anything for other x.

    Range reduction x = n log(2) + t, then 2**n (1 + p) - 1 = fma(2**n, p, 2**n - 1) with
    p = expm1(t) = t + C2 t**2 + t**3 q(t). 2**n - 1 is exact as long as it matters.

    log(2) is one number of the format, which is not quite enough for n != 0: where rounding is
    coarse, the polynomial makes up for the rest. It does not come near 0, where n = 0.
    """
    cdef real magic, log2e, ln2_hi, ln2_rest, c2, shifted, n, t, a, rest, tail, square, p, scale
    # Past these ends the result is -1 to the last bit, and 2**n would leave the format.
    if real is float:
        x = at_least(x, <real>-17.5)
        magic = F32_MAGIC + 127
        log2e, ln2_hi, ln2_rest, c2 = F32_LOG2E, F32_LN2_HI, F32_LN2_REST, F32_C2
    else:
        x = at_least(x, <real>-38)
        magic = F64_MAGIC + 1023
        log2e, ln2_hi, ln2_rest, c2 = F64_LOG2E, F64_LN2_HI, F64_LN2_REST, F64_C2
    shifted = madd(x, log2e, magic)
    n = shifted - magic
    t = madd(n, -ln2_hi, x)
    if HAVE_FMA:
        p = madd(t * t, madd(expm1_polynomial(t), t, c2), t)
    else:
        # t + tail is x - n (LN2_HI + LN2_REST) with more digits than t alone.
        rest = n * ln2_rest
        a = t
        t = a - rest
        tail = (a - t) - rest
        # The half of the square, the largest term after t, is exact but for its own rounding.
        square = t * t
        p = madd(square, c2 - <real>0.5, tail)
        p = madd(square * t, expm1_polynomial(t), p)
        p = t + madd(square, <real>0.5, p)
    scale = power_of_two(shifted)
    return madd(scale, p, scale - 1)


cdef inline real exp_reduced(real x, real magic, real* shifted) noexcept nogil:
    """exp(t), between 0.7 and 1.42, where x = n log(2) + t; shifted becomes magic + n."""
    cdef real log2e, ln2_hi, ln2_lo, n, a, rest, t, tail
    if real is float:
        log2e, ln2_hi, ln2_lo = F32_LOG2E, F32_LN2_HI, F32_LN2_LO
    else:
        log2e, ln2_hi, ln2_lo = F64_LOG2E, F64_LN2_HI, F64_LN2_LO
    shifted[0] = madd(x, log2e, magic)
    n = shifted[0] - magic
    a = madd(n, -ln2_hi, x)
    if HAVE_FMA:
        t = madd(n, -ln2_lo, a)
        return madd(t, madd(t, exp_polynomial(t), <real>1), <real>1)
    # Without the fused rounding t itself is half a digit short.
    rest = n * ln2_lo
    t = a - rest
    tail = (a - t) - rest
    return 1 + (t + madd(t * t, exp_polynomial(t), tail))


cdef inline real alpha_magic(real alpha) noexcept nogil:
    """MAGIC + k with 2**k the power of two in alpha, and k = 0 for |alpha| < 2."""
    cdef int32_t k32
    cdef int64_t k64
    if real is float:
        k32 = <int32_t>(f32_bits(alpha) >> 23 & 0xff) - 127
        return f32_from_bits(f32_bits(F32_MAGIC) + <uint32_t>(k32 if k32 > 0 else 0))
    else:
        k64 = <int64_t>(f64_bits(alpha) >> 52 & 0x7ff) - 1023
        return f64_from_bits(f64_bits(F64_MAGIC) + <uint64_t>(k64 if k64 > 0 else 0))


cdef inline real alpha_fraction(real alpha) noexcept nogil:
    """alpha / 2**k: grad times this does not overflow where alpha * exp(x) would make up for it."""
    if real is float:
        return f32_from_bits(f32_bits(alpha) - (f32_bits(alpha_magic(alpha)) << 23))
    else:
        return f64_from_bits(f64_bits(alpha) - (f64_bits(alpha_magic(alpha)) << 52))


cdef inline real elu_of(real x, real alpha) noexcept nogil:
    return alpha * expm1_negative(x) if x < 0 else x


cdef inline real elu_grad_plain(real grad, real x, real alpha) noexcept nogil:
    """grad where x >= 0, grad * alpha * exp(x) where x < 0.

    For |x| <= PLAIN_X, |grad| < HUGE, |alpha| < 2: 2**n is within the format, then, and goes
    straight into the exponent of exp(t).
    """
    cdef real m, shifted
    if real is float:
        m = exp_reduced(x, F32_MAGIC, &shifted)
        m = f32_from_bits(f32_bits(m) + (f32_bits(shifted) << 23))
    else:
        m = exp_reduced(x, F64_MAGIC, &shifted)
        m = f64_from_bits(f64_bits(m) + (f64_bits(shifted) << 52))
    return grad * alpha * m if x < 0 else grad


cdef inline real elu_grad_any(real grad, real x, real alpha) noexcept nogil:
    """The same for any grad and x, and with the same bits where both apply.

    exp(x) alone may be far below the format where grad or alpha makes up for it, and the result
    may be subnormal: so it is kept as s * (2**j * exp(t)), with the latter normal and s = 1 but
    for the extremes. grad * alpha * s is exact, then, and the product with the rest rounded once.
    """
    cdef real m, shifted, s, product, lent, x_in_range
    cdef real original = grad
    cdef real magic = alpha_magic(alpha)
    cdef int32_t e32, j32
    cdef int64_t e64, j64
    # A huge grad lends exp(x) some of its exponent, so that no part of the product overflows, and
    # a tiny one borrows some, so that none is subnormal where alpha makes up for it.
    # n + k >= -251 or -2043 keeps s normal; what is below comes out as 0 all the same.
    if real is float:
        lent = 32 if fabsf(grad) >= F32_HUGE else 0
        lent = -32 if fabsf(grad) < F32_TINY and magic > F32_MAGIC else lent
        magic += lent
        grad = grad * (F32_LEND if lent > 0 else F32_BORROW if lent < 0 else 1)
        x_in_range = at_least(x, (F32_MAGIC - magic - <real>250.7) * F32_LN2_HI)
        m = exp_reduced(x_in_range, magic, &shifted)
        e32 = <int32_t>(f32_bits(shifted) << 23)
        j32 = e32 if e32 > -(125 << 23) else -(125 << 23)
        j32 = j32 if j32 < 126 << 23 else 126 << 23
        m = f32_from_bits(f32_bits(m) + <uint32_t>j32)
        s = f32_from_bits(<uint32_t>(e32 - j32) + <uint32_t>0x3f800000)
    else:
        lent = 64 if fabs(grad) >= F64_HUGE else 0
        lent = -64 if fabs(grad) < F64_TINY and magic > F64_MAGIC else lent
        magic += lent
        grad = grad * (F64_LEND if lent > 0 else F64_BORROW if lent < 0 else 1)
        x_in_range = at_least(x, (F64_MAGIC - magic - <real>2042.7) * F64_LN2_HI)
        m = exp_reduced(x_in_range, magic, &shifted)
        e64 = <int64_t>(f64_bits(shifted) << 52)
        j64 = e64 if e64 > -(<int64_t>1021 << 52) else -(<int64_t>1021 << 52)
        j64 = j64 if j64 < <int64_t>1022 << 52 else <int64_t>1022 << 52
        m = f64_from_bits(f64_bits(m) + <uint64_t>j64)
        s = f64_from_bits(<uint64_t>(e64 - j64) + <uint64_t>0x3ff0000000000000)
    # exp(-inf) is the one zero: an infinite grad survives any other x.
    s = <real>0 if x == -INFINITY else s
    product = grad * alpha_fraction(alpha) * s * m
    product = product if x < 0 else x
    return original if x >= 0 else product


cdef inline real elu_grad_from_output_of(
    real grad, real y, real alpha, bint alpha_is_0
) noexcept nogil:
    """grad where y >= 0, grad * (y + alpha) where y < 0; with alpha = 0, -0.0 is negative.

    A NaN in y is the result as it is: of two that meet in a product, either might survive.
    """
    cdef real side = (copysignf(1, y) if real is float else copysign(1, y)) if alpha_is_0 else y
    cdef real result = grad * (y + alpha) if side < 0 else grad
    return y if y != y else result


# -- c. the chunk loops ----------------------------------------------------------------------
# All have one signature, so that the doors need to know one: elu leaves grad unread.
#
# LINES elements at a time (16 or less GCC would unroll, and then not vectorise): they are computed
# before any is stored, so out may be an input of elu and elu_grad_from_output, and no compiler has
# to prove that it is not. elu_grad may compute a block again, and must not have written over its
# inputs.

cdef void elu_scalar(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint streams
) noexcept nogil:
    cdef real slope = alpha[0]
    cdef real lines[LINES]
    cdef Py_ssize_t k, i = 0
    if slope == 1:  # one multiplication less, and the same bits
        while i + LINES <= n:
            for k in range(LINES):
                lines[k] = elu_of(x[i + k], <real>1)
            put_lines(&out[i], lines, sizeof(lines), streams)
            i += LINES
    else:
        while i + LINES <= n:
            for k in range(LINES):
                lines[k] = elu_of(x[i + k], slope)
            put_lines(&out[i], lines, sizeof(lines), streams)
            i += LINES
    for i in range(i, n):
        out[i] = elu_of(x[i], slope)
    end_lines(streams)


cdef void elu_array(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint streams
) noexcept nogil:
    cdef real lines[LINES]
    cdef Py_ssize_t k, i = 0
    while i + LINES <= n:
        for k in range(LINES):
            lines[k] = elu_of(x[i + k], alpha[i + k])
        put_lines(&out[i], lines, sizeof(lines), streams)
        i += LINES
    for i in range(i, n):
        out[i] = elu_of(x[i], alpha[i])
    end_lines(streams)


cdef void elu_grad_scalar(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint streams
) noexcept nogil:
    cdef Py_ssize_t start = 0
    cdef Py_ssize_t block
    while start < n:
        block = min(n - start, PLAIN_BLOCK)
        # Where the compiler knows that nothing streams, it keeps the maxima in registers.
        if streams:
            elu_grad_block(&grad[start], &x[start], alpha[0], &out[start], block, True)
        else:
            elu_grad_block(&grad[start], &x[start], alpha[0], &out[start], block, False)
        start += PLAIN_BLOCK
    end_lines(streams)


cdef inline void elu_grad_block(
    const real* grad, const real* x, real alpha, real* out, Py_ssize_t n, bint streams
) noexcept nogil:
    cdef real lines[LINES]
    cdef Py_ssize_t k, i = 0
    cdef bint plain = fabs(alpha) < 2
    # The largest magnitudes as bits, which makes a NaN the largest of all.
    cdef uint32_t x32[LINES]
    cdef uint32_t grad32[LINES]
    cdef uint64_t x64[LINES]
    cdef uint64_t grad64[LINES]
    for k in range(LINES):
        if real is float:
            x32[k] = grad32[k] = 0
        else:
            x64[k] = grad64[k] = 0
    if alpha == 1:
        while i + LINES <= n:
            for k in range(LINES):
                lines[k] = elu_grad_plain(grad[i + k], x[i + k], <real>1)
                if real is float:
                    x32[k] = max(x32[k], f32_bits(x[i + k]) & <uint32_t>0x7fffffff)
                else:
                    x64[k] = max(x64[k], f64_bits(x[i + k]) & <uint64_t>0x7fffffffffffffff)
            put_lines(&out[i], lines, sizeof(lines), streams)
            i += LINES
    else:
        while i + LINES <= n:
            for k in range(LINES):
                lines[k] = elu_grad_plain(grad[i + k], x[i + k], alpha)
                if real is float:
                    x32[k] = max(x32[k], f32_bits(x[i + k]) & <uint32_t>0x7fffffff)
                    grad32[k] = max(grad32[k], f32_bits(grad[i + k]) & <uint32_t>0x7fffffff)
                else:
                    x64[k] = max(x64[k], f64_bits(x[i + k]) & <uint64_t>0x7fffffffffffffff)
                    grad64[k] = max(grad64[k], f64_bits(grad[i + k]) & <uint64_t>0x7fffffffffffffff)
            put_lines(&out[i], lines, sizeof(lines), streams)
            i += LINES
    for k in range(LINES):
        if real is float:
            plain &= x32[k] <= f32_bits(F32_PLAIN_X) and grad32[k] < f32_bits(F32_HUGE)
        else:
            plain &= x64[k] <= f64_bits(F64_PLAIN_X) and grad64[k] < f64_bits(F64_HUGE)
    # Hardly ever: NaN, an infinity, a slope near or below the smallest normal number.
    if not plain:
        i = 0
    for i in range(i, n):
        out[i] = elu_grad_any(grad[i], x[i], alpha)


cdef void elu_grad_array(
    const real* grad, const real* x, const real* alpha, real* out, Py_ssize_t n, bint streams
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = elu_grad_any(grad[i], x[i], alpha[i])


cdef void elu_grad_from_output_scalar(
    const real* grad, const real* y, const real* alpha, real* out, Py_ssize_t n, bint streams
) noexcept nogil:
    cdef real slope = alpha[0]
    cdef real lines[LINES]
    cdef Py_ssize_t k, i = 0
    if slope != 0:
        while i + LINES <= n:
            for k in range(LINES):
                lines[k] = elu_grad_from_output_of(grad[i + k], y[i + k], slope, False)
            put_lines(&out[i], lines, sizeof(lines), streams)
            i += LINES
    for i in range(i, n):
        out[i] = elu_grad_from_output_of(grad[i], y[i], slope, slope == 0)
    end_lines(streams)


cdef void elu_grad_from_output_array(
    const real* grad, const real* y, const real* alpha, real* out, Py_ssize_t n, bint streams
) noexcept nogil:
    cdef real lines[LINES]
    cdef Py_ssize_t k, i = 0
    while i + LINES <= n:
        for k in range(LINES):
            lines[k] = elu_grad_from_output_of(
                grad[i + k], y[i + k], alpha[i + k], alpha[i + k] == 0
            )
        put_lines(&out[i], lines, sizeof(lines), streams)
        i += LINES
    for i in range(i, n):
        out[i] = elu_grad_from_output_of(grad[i], y[i], alpha[i], alpha[i] == 0)
    end_lines(streams)


# -- d. the table ----------------------------------------------------------------------------

cdef Loops table

table.scalar[ELU][F32] = <loop_t>elu_scalar[float]
table.scalar[ELU][F64] = <loop_t>elu_scalar[double]
table.scalar[ELU_GRAD][F32] = <loop_t>elu_grad_scalar[float]
table.scalar[ELU_GRAD][F64] = <loop_t>elu_grad_scalar[double]
table.scalar[ELU_GRAD_FROM_OUTPUT][F32] = <loop_t>elu_grad_from_output_scalar[float]
table.scalar[ELU_GRAD_FROM_OUTPUT][F64] = <loop_t>elu_grad_from_output_scalar[double]
table.array[ELU][F32] = <loop_t>elu_array[float]
table.array[ELU][F64] = <loop_t>elu_array[double]
table.array[ELU_GRAD][F32] = <loop_t>elu_grad_array[float]
table.array[ELU_GRAD][F64] = <loop_t>elu_grad_array[double]
table.array[ELU_GRAD_FROM_OUTPUT][F32] = <loop_t>elu_grad_from_output_array[float]
table.array[ELU_GRAD_FROM_OUTPUT][F64] = <loop_t>elu_grad_from_output_array[double]

loops = PyCapsule_New(&table, b"elu.loops", NULL)
