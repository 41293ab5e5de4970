/* glibc's malloc, which fails when it is told to: test_faults.py preloads it. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

volatile long left = -1;      /* allocations of the main thread before one fails; -1: none does */
volatile long always = 0;     /* and all after it */
volatile long failures = 0;
volatile long live = 0;       /* blocks of all threads */
char failed_for[1 << 15];     /* who asked for those that failed: libraries, and symbols */
static volatile size_t freed; /* the bytes of a large block that was freed a moment ago */
static pthread_t owner;

__attribute__((constructor)) static void begin(void) {
    void *callers[1];
    backtrace(callers, 1);    /* the first one takes memory */
    owner = pthread_self();
}

/* Notes who calls; whether it is somebody whose failures are of interest.

   Not so Python's interpreter below the package: 3.11 leaks arguments, or crashes. Nor a lookup of a
   method by NumPy, after which np.exp of a subclass crashes. */
static int note_callers(void) {
    void *callers[40];
    Dl_info own, info;
    size_t used = failures ? strlen(failed_for) : 0;
    int n = backtrace(callers, 40), counts = 1;
    dladdr((void *)note_callers, &own);
    for (int k = 0; k < n && used + 200 < sizeof failed_for; k++) {
        if (!dladdr(callers[k], &info) || info.dli_fbase == own.dli_fbase) continue;
        const char *library = strrchr(info.dli_fname, '/');
        const char *symbol = info.dli_sname ? info.dli_sname : "";
        used += snprintf(failed_for + used, 200, "%.80s %.80s\n", library ? library + 1 : "", symbol);
        if (strstr(info.dli_fname, "/elu/_")) break;
        if (!strcmp(symbol, "_PyEval_EvalFrameDefault")) counts = 0;
        if (!strcmp(symbol, "PyMethod_New") || !strcmp(symbol, "PyCMethod_New")) counts = 0;
    }
    return counts;
}

static int fails(size_t n) {
    size_t room = freed;
    if (left < 0 || !pthread_equal(pthread_self(), owner)) return 0;
    freed = 0;
    if (n < room) return 0;
    if (left > 0) { left--; return 0; }
    left = -1;
    int counts = note_callers();
    failures++;
    if (always) left = 0;
    if (counts) errno = ENOMEM;
    return counts;
}

static void *counted(void *p) {
    if (p) __atomic_fetch_add(&live, 1, __ATOMIC_RELAXED);
    return p;
}

static void uncounted(void *p) {
    if (p) __atomic_fetch_sub(&live, 1, __ATOMIC_RELAXED);
}

void *malloc(size_t n) { return fails(n) ? NULL : counted(__libc_malloc(n)); }
void *calloc(size_t n, size_t m) { return fails(n * m) ? NULL : counted(__libc_calloc(n, m)); }
void *memalign(size_t a, size_t n) { return fails(n) ? NULL : counted(__libc_memalign(a, n)); }
void *aligned_alloc(size_t a, size_t n) { return memalign(a, n); }

void *realloc(void *p, size_t n) {
    if (fails(n)) return NULL;
    if (p == NULL) return counted(__libc_realloc(p, n));
    if (n == 0) uncounted(p);
    return __libc_realloc(p, n);
}

int posix_memalign(void **p, size_t a, size_t n) {
    void *q = memalign(a, n);
    if (q) *p = q;
    return q ? 0 : ENOMEM;
}

void free(void *p) {
    if (p && left >= 0 && pthread_equal(pthread_self(), owner)) {
        size_t n = malloc_usable_size(p);
        freed = n >= 1 << 14 ? n : 0;
    }
    uncounted(p);
    __libc_free(p);
}

/* NumPy's memory without its cache of small blocks, which no malloc sees. */
static void *data_malloc(void *c, size_t n) { (void)c; return malloc(n); }
static void *data_calloc(void *c, size_t n, size_t m) { (void)c; return calloc(n, m); }
static void *data_realloc(void *c, void *p, size_t n) { (void)c; return realloc(p, n); }
static void data_free(void *c, void *p, size_t n) { (void)c; (void)n; free(p); }
struct { char name[127]; unsigned char version; void *context, *functions[4]; } handler = {
    "uncached", 1, NULL, {data_malloc, data_calloc, data_realloc, data_free}
};
