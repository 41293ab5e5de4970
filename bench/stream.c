/* The passes over memory that bound an elementwise function from below: a copy for one input, a
 * sum for two. Each with ordinary stores, which read a cache line before they overwrite it, and
 * with non-temporal ones, which do not. stream.py compiles this file when the benchmark runs. */
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { LINE = 64, AHEAD = 1024 }; /* bytes: a cache line, and how far ahead to prefetch */

/* c = a + b, or c = a where b is NULL. c starts on a cache line and n elements fill whole lines.
 * The choices do not change within the loop: the compiler takes them out of it. */
#define PASS(NAME, ISA, T, V, LOAD, ADD, STORE, STREAM)                                           \
    __attribute__((target(ISA))) static void NAME(T *c, const T *a, const T *b, size_t n, int nt) \
    {                                                                                             \
        for (size_t line = 0; line < n; line += LINE / sizeof(T)) {                               \
            if (nt) {                                                                             \
                _mm_prefetch((const char *)(a + line) + AHEAD, _MM_HINT_NTA);                     \
                if (b)                                                                            \
                    _mm_prefetch((const char *)(b + line) + AHEAD, _MM_HINT_NTA);                 \
            }                                                                                     \
            for (size_t i = line; i < line + LINE / sizeof(T); i += sizeof(V) / sizeof(T)) {      \
                V v = LOAD(a + i);                                                                \
                if (b)                                                                            \
                    v = ADD(v, LOAD(b + i));                                                      \
                if (nt)                                                                           \
                    STREAM(c + i, v);                                                             \
                else                                                                              \
                    STORE(c + i, v);                                                              \
            }                                                                                     \
        }                                                                                         \
        _mm_sfence();                                                                             \
    }

PASS(f32_sse2, "sse2", float, __m128, _mm_loadu_ps, _mm_add_ps, _mm_store_ps, _mm_stream_ps)
PASS(f64_sse2, "sse2", double, __m128d, _mm_loadu_pd, _mm_add_pd, _mm_store_pd, _mm_stream_pd)
PASS(f32_avx, "avx", float, __m256, _mm256_loadu_ps, _mm256_add_ps, _mm256_store_ps,
     _mm256_stream_ps)
PASS(f64_avx, "avx", double, __m256d, _mm256_loadu_pd, _mm256_add_pd, _mm256_store_pd,
     _mm256_stream_pd)
PASS(f32_avx512, "avx512f", float, __m512, _mm512_loadu_ps, _mm512_add_ps, _mm512_store_ps,
     _mm512_stream_ps)
PASS(f64_avx512, "avx512f", double, __m512d, _mm512_loadu_pd, _mm512_add_pd, _mm512_store_pd,
     _mm512_stream_pd)

/* What stands before the first whole cache line of c and after the last goes one by one. */
#define SPLIT(NAME, T)                                                                            \
    static void NAME##_few(T *c, const T *a, const T *b, size_t n)                                \
    {                                                                                             \
        for (size_t i = 0; i < n; i++)                                                            \
            c[i] = b ? a[i] + b[i] : a[i];                                                        \
    }                                                                                             \
                                                                                                  \
    void NAME(T *c, const T *a, const T *b, size_t n, int threads, int nt)                        \
    {                                                                                             \
        void (*pass)(T *, const T *, const T *, size_t, int) =                                    \
            __builtin_cpu_supports("avx512f") ? NAME##_avx512                                     \
            : __builtin_cpu_supports("avx")   ? NAME##_avx                                        \
                                              : NAME##_sse2;                                      \
        const size_t per_line = LINE / sizeof(T);                                                 \
        size_t head = -(uintptr_t)c % LINE / sizeof(T);                                           \
        if (head > n)                                                                             \
            head = n;                                                                             \
        const size_t lines = (n - head) / per_line;                                               \
        const size_t tail = head + lines * per_line;                                              \
        NAME##_few(c, a, b, head);                                                                \
        NAME##_few(c + tail, a + tail, b ? b + tail : b, n - tail);                               \
        _Pragma("omp parallel for num_threads(threads) schedule(static, 1) if (threads > 1)")     \
        for (int t = 0; t < threads; t++) {                                                       \
            const size_t from = head + lines * t / threads * per_line;                            \
            const size_t to = head + lines * (t + 1) / threads * per_line;                        \
            if (!b && !nt)                                                                        \
                memcpy(c + from, a + from, (to - from) * sizeof(T));                              \
            else                                                                                  \
                pass(c + from, a + from, b ? b + from : b, to - from, nt);                        \
        }                                                                                         \
    }

SPLIT(f32, float)
SPLIT(f64, double)
