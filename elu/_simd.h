/* The only C: what the kernels need that Cython has no words for. */

#ifndef ELU_SIMD_H
#define ELU_SIMD_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__) || defined(_M_X64)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__FAST_MATH__) || defined(_M_FP_FAST)
#error "elu: -ffast-math and its like change the values: build without them"
#endif
#if defined(__i386__) && !defined(__SSE2_MATH__)
#error "elu: the x87 unit rounds twice: build with -msse2 -mfpmath=sse"
#endif

/* The kernels are made of many small functions, of which none may be left to be called: GCC stops
   inlining at a size, and a loop with a call in it is not vectorised. */
#ifdef __GNUC__
#undef CYTHON_INLINE
#define CYTHON_INLINE inline __attribute__((always_inline))
#endif

/* -- fused multiply-add ------------------------------------------------------------------- */

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__aarch64__) \
    || defined(_M_ARM64) || (defined(_MSC_VER) && defined(__AVX2__)) \
    || (defined(__FP_FAST_FMA) && defined(__FP_FAST_FMAF))
#define HAVE_FMA 1
#define MADD_F32(a, b, c) fmaf(a, b, c)
#define MADD_F64(a, b, c) fma(a, b, c)
#else
#define HAVE_FMA 0
#define MADD_F32(a, b, c) ((a) * (b) + (c))
#define MADD_F64(a, b, c) ((a) * (b) + (c))
#endif

/* -- the bits of a float ------------------------------------------------------------------ */

static inline uint32_t f32_bits(float x) { uint32_t u; memcpy(&u, &x, 4); return u; }
static inline uint64_t f64_bits(double x) { uint64_t u; memcpy(&u, &x, 8); return u; }
static inline float f32_from_bits(uint32_t u) { float x; memcpy(&x, &u, 4); return x; }
static inline double f64_from_bits(uint64_t u) { double x; memcpy(&x, &u, 8); return x; }

/* Signs; of a NaN any. With -fno-trapping-math GCC turns comparisons of floats around, for which
   NEON takes four instructions instead of one. Those of integers are not in SSE2 for all sizes. */
#ifdef __aarch64__
#define BELOW_ZERO_F32(x) (f32_bits(x) > 0x80000000u)
#define BELOW_ZERO_F64(x) (f64_bits(x) > 0x8000000000000000u)
#define AT_MOST_ZERO_F32(x) ((int32_t)f32_bits(x) <= 0)
#define AT_MOST_ZERO_F64(x) ((int64_t)f64_bits(x) <= 0)
#else
#define BELOW_ZERO_F32(x) ((x) < 0)
#define BELOW_ZERO_F64(x) ((x) < 0)
#define AT_MOST_ZERO_F32(x) ((x) <= 0)
#define AT_MOST_ZERO_F64(x) ((x) <= 0)
#endif

/* -- float16 ------------------------------------------------------------------------------ */

/* Without an instruction: as F16C and NEON do it, to the bit; NaNs come out quiet. */
static inline float f32_from_half(uint16_t h) {
    uint32_t magnitude = h & 0x7fff;
    /* The product with 2^112 makes up for the other bias, and normalises what is subnormal. */
    uint32_t u = f32_bits(f32_from_bits(magnitude << 13) * 0x1p112f);
    u |= magnitude >= 0x7c00 ? 0x7f800000 : 0;
    u |= magnitude > 0x7c00 ? 0x00400000 : 0;
    return f32_from_bits(u | (uint32_t)(h & 0x8000) << 16);
}

static inline uint16_t half_from_f32(float x) {
    uint32_t u = f32_bits(x), sign = u >> 16 & 0x8000;
    u &= 0x7fffffff;
    /* To nearest even: half a unit less one, and one more where the last digit is odd. */
    uint32_t normal = (u - (112u << 23) + 0xfff + (u >> 13 & 1)) >> 13;
    /* 0.5 has the smallest subnormal half as its last digit: the addition rounds to it. */
    uint32_t subnormal = f32_bits(f32_from_bits(u) + 0.5f) - f32_bits(0.5f);
    uint32_t special = u > 0x7f800000 ? 0x7e00 | (u >> 13 & 0x3ff) : 0x7c00;
    uint32_t h = u < 113u << 23 ? subnormal : normal;
    return (uint16_t)(sign | (u >= 143u << 23 ? special : h));
}

/* From float64, rounded once: float32 rounded to odd keeps what decides about half a unit. */
static inline float f32_odd_from_f64(double x) {
    float nearest = (float)x;
    uint32_t u = f32_bits(nearest);
    if (nearest != x && x == x) {
        u -= fabs((double)nearest) > fabs(x);
        u |= 1;
    }
    return f32_from_bits(u);
}

/* count is a multiple of 16. */
static inline void halves_to_floats(float *to, const uint16_t *from, size_t count) {
    size_t k = 0;
#if defined(__AVX512F__)
    for (; k < count; k += 16)
        _mm512_storeu_ps(to + k, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(from + k))));
#elif defined(__F16C__) || (defined(_MSC_VER) && defined(__AVX2__))
    for (; k < count; k += 8)
        _mm256_storeu_ps(to + k, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(from + k))));
#elif defined(__aarch64__)
    for (; k < count; k += 4)
        vst1q_f32(to + k, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from + k))));
#else
    for (; k < count; k++) to[k] = f32_from_half(from[k]);
#endif
}

static inline void floats_to_halves(uint16_t *to, const float *from, size_t count) {
    size_t k = 0;
#if defined(__AVX512F__)
    for (; k < count; k += 16)
        _mm256_storeu_si256((__m256i *)(to + k), _mm512_cvtps_ph(
            _mm512_loadu_ps(from + k), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
#elif defined(__F16C__) || (defined(_MSC_VER) && defined(__AVX2__))
    for (; k < count; k += 8)
        _mm_storeu_si128((__m128i *)(to + k), _mm256_cvtps_ph(
            _mm256_loadu_ps(from + k), _MM_FROUND_TO_NEAREST_INT));
#elif defined(__aarch64__)
    for (; k < count; k += 4)
        vst1_u16(to + k, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(from + k))));
#else
    for (; k < count; k++) to[k] = half_from_f32(from[k]);
#endif
}

/* -- bfloat16 ----------------------------------------------------------------------------- */

/* The upper half of a float32. NaNs come out quiet, and keep what fits of their payload. */
static inline void bfloats_to_floats(float *to, const uint16_t *from, size_t count) {
    for (size_t k = 0; k < count; k++) to[k] = f32_from_bits((uint32_t)from[k] << 16);
}

static inline uint16_t bfloat_from_f32(float x) {
    uint32_t u = f32_bits(x);
    uint32_t nearest = u + 0x7fff + (u >> 16 & 1);  /* to even */
    return (uint16_t)(((u & 0x7fffffff) > 0x7f800000 ? u | 0x00400000 : nearest) >> 16);
}

static inline void floats_to_bfloats(uint16_t *to, const float *from, size_t count) {
    for (size_t k = 0; k < count; k++) to[k] = bfloat_from_f32(from[k]);
}

/* -- less than a block ---------------------------------------------------------------------- */

/* `size` bytes, an even number below that of the block, which is a multiple of 64: into a block that
   is filled up with zeros, and out of one. For a size that it does not know the compiler makes
   `rep movs` of memcpy, which takes longer than all the rest of a call on a few elements. */
#if defined(__AVX512BW__)
static inline __mmask64 first_bytes(size_t size) {
    return size < 64 ? ((__mmask64)1 << size) - 1 : ~(__mmask64)0;
}
static inline void load_few(void *block, const void *from, size_t size, size_t block_size) {
    for (size_t k = 0; k < block_size; k += 64) {
        size_t rest = size > k ? size - k : 0;
        __m512i v = _mm512_maskz_loadu_epi8(first_bytes(rest), (const char *)from + k);
        _mm512_storeu_si512((char *)block + k, v);
    }
}
static inline void store_few(void *to, const void *block, size_t size) {
    for (size_t k = 0; k < size; k += 64) {
        __m512i v = _mm512_loadu_si512((const char *)block + k);
        _mm512_mask_storeu_epi8((char *)to + k, first_bytes(size - k), v);
    }
}
#else
static inline void store_few(void *to, const void *block, size_t size) {
    char *target = (char *)to;
    const char *source = (const char *)block;
    for (; size >= 16; size -= 16, target += 16, source += 16) memcpy(target, source, 16);
    if (size & 8) { memcpy(target, source, 8); target += 8; source += 8; }
    if (size & 4) { memcpy(target, source, 4); target += 4; source += 4; }
    if (size & 2) memcpy(target, source, 2);
}
static inline void load_few(void *block, const void *from, size_t size, size_t block_size) {
    memset(block, 0, block_size);
    store_few(block, from, size);
}
#endif

/* -- block stores ------------------------------------------------------------------------- */

#if defined(__AVX512F__)
typedef __m512i vector_t;
#define LOAD(p) _mm512_loadu_si512(p)
#define STORE(p, v) _mm512_storeu_si512(p, v)
#define STREAM(p, v) _mm512_stream_si512(p, v)
#elif defined(__AVX2__)
typedef __m256i vector_t;
#define LOAD(p) _mm256_loadu_si256(p)
#define STORE(p, v) _mm256_storeu_si256(p, v)
#define STREAM(p, v) _mm256_stream_si256(p, v)
#elif defined(__SSE2__) || defined(_M_X64)
typedef __m128i vector_t;
#define LOAD(p) _mm_loadu_si128(p)
#define STORE(p, v) _mm_storeu_si128(p, v)
#define STREAM(p, v) _mm_stream_si128(p, v)
#endif

/* Store whole cache lines. Nontemporal stores go around the cache: `to` begins on a line, then. */
static inline void store_lines(void *to, const void *lines, size_t size, int nontemporal) {
#ifdef STREAM
    const vector_t *from = (const vector_t *)lines;
    vector_t *target = (vector_t *)to;
    for (size_t k = 0; k < size / sizeof(vector_t); k++) {
        vector_t v = LOAD(from + k);
        if (nontemporal) STREAM(target + k, v);
        else STORE(target + k, v);
    }
#else
    (void)nontemporal;
    memcpy(to, lines, size);
#endif
}

/* Nontemporal stores are in no order: whoever is told that they are done must find them. */
static inline void fence_stores(void) {
#if defined(__SSE2__) || defined(_M_X64)
    _mm_sfence();
#endif
}

#endif
