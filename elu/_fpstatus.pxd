# The floating-point environment: what is saved, set and restored around a call.
#
# The caller's rounding mode, flush-to-zero (FTZ, DAZ) and traps would change bits, or end the
# process: every computation runs in the default environment. SIMD code raises exception flags for
# elements that no result depends on: the caller finds the flags that he had.

cdef extern from *:
    """
    #include <fenv.h>

    #if defined(__x86_64__) || defined(_M_X64)
    /* MXCSR alone: SIMD code touches no other register, and <fenv.h> takes 20 ns longer. */
    #include <xmmintrin.h>
    typedef unsigned fp_status;
    #define FP_MODES 0xffc0u    /* FTZ, rounding, masks of the traps, DAZ */
    #define FP_DEFAULT 0x1f80u  /* round to nearest, all traps masked */
    #define FP_SILENT 0x22u     /* inexact and denormal, which NumPy does not report */

    static inline fp_status fp_enter(void) {
        fp_status caller = _mm_getcsr();
        if ((caller & FP_MODES) != FP_DEFAULT) _mm_setcsr((caller & ~FP_MODES) | FP_DEFAULT);
        return caller;
    }
    static inline int fp_is_default(void) { return (_mm_getcsr() & FP_MODES) == FP_DEFAULT; }
    static inline void fp_leave(fp_status caller) {
        if ((_mm_getcsr() ^ caller) & ~FP_SILENT) _mm_setcsr(caller);
    }
    static inline void fp_leave_flags(fp_status caller) {
        if ((caller & FP_MODES) != FP_DEFAULT)
            _mm_setcsr((_mm_getcsr() & ~FP_MODES) | (caller & FP_MODES));
    }
    #else
    typedef fenv_t fp_status;
    static inline fp_status fp_enter(void) {
        fp_status caller;
        fegetenv(&caller);
        fesetenv(FE_DFL_ENV);
        return caller;
    }
    static inline int fp_is_default(void) { return 0; }  /* there is no quick way to know */
    static inline void fp_leave(fp_status caller) { fesetenv(&caller); }
    static inline void fp_leave_flags(fp_status caller) { feupdateenv(&caller); }
    #endif

    /* long double has a rounding mode of its own on x86, where alpha may be one. */
    static inline int fp_enter_long_double(void) {
        int caller = fegetround();
        if (caller != FE_TONEAREST) fesetround(FE_TONEAREST);
        return caller;
    }
    static inline void fp_leave_long_double(int caller) {
        if (caller != FE_TONEAREST) fesetround(caller);
    }

    /* NumPy's casts raise flags in any way there is, and NumPy has numbers of its own for
       them: NPY_FPE_DIVIDEBYZERO and so on, which only its headers for arrays bring along. */
    #define FP_REPORTED (FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW | FE_INVALID)
    static inline void fp_clear(void) { feclearexcept(FP_REPORTED); }
    static inline int fp_raised(void) {
        int flags = fetestexcept(FP_REPORTED);
        return (flags & FE_DIVBYZERO ? 1 : 0)
            | (flags & FE_OVERFLOW ? 2 : 0)
            | (flags & FE_UNDERFLOW ? 4 : 0)
            | (flags & FE_INVALID ? 8 : 0);
    }
    """
    ctypedef struct fp_status:
        pass
    # The default environment from here on; what the caller had, to be handed back.
    fp_status fp_enter() noexcept nogil
    # Whether the caller's modes are known to be the default ones.
    bint fp_is_default() noexcept nogil
    # The caller's environment, flags included.
    void fp_leave(fp_status caller) noexcept nogil
    # The caller's modes, and the flags that were raised: those of NumPy's casts.
    void fp_leave_flags(fp_status caller) noexcept nogil
    int fp_enter_long_double() noexcept nogil
    void fp_leave_long_double(int caller) noexcept nogil
    void fp_clear() noexcept nogil
    int fp_raised() noexcept nogil
