# Compiled for the baseline: what do this CPU and this operating system support?
# An instruction set counts only if the system saves its registers (XGETBV), too.

cdef extern from *:
    """
    #if defined(__x86_64__) || defined(__i386__)
      #include <cpuid.h>
      /* GCC's and Clang's runtime asks CPUID and XGETBV; Clang's does not know F16C. */
      static int cpu_has_avx2(void) {
          unsigned a, b, c, d;
          __builtin_cpu_init();
          return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
              && __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
      }
      static int cpu_has_avx512(void) {
          return cpu_has_avx2()
              && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
              && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
      }
    #elif defined(_M_X64)
      #include <intrin.h>
      static int cpu_leaf7_ebx(unsigned saved_state) {
          int r[4];
          __cpuid(r, 0);
          if (r[0] < 7) return 0;
          __cpuid(r, 1);
          /* ecx: bit 12 FMA, bit 27 OSXSAVE, bit 28 AVX, bit 29 F16C */
          if ((r[2] & 0x38001000) != 0x38001000) return 0;
          if ((_xgetbv(0) & saved_state) != saved_state) return 0;
          __cpuidex(r, 7, 0);
          return r[1];
      }
      static int cpu_has_avx2(void) { return cpu_leaf7_ebx(0x06) >> 5 & 1; }
      static int cpu_has_avx512(void) {
          /* ebx: bits 16 F, 17 DQ, 30 BW, 31 VL; XCR0: opmask and both halves of ZMM */
          return cpu_has_avx2() && (cpu_leaf7_ebx(0xe6) & 0xc0030000) == (int)0xc0030000;
      }
    #else
      static int cpu_has_avx2(void) { return 0; }
      static int cpu_has_avx512(void) { return 0; }
    #endif
    """
    bint cpu_has_avx2()
    bint cpu_has_avx512()


def supported():
    """Names of the instruction sets that can run here, the best one last."""
    names = ["baseline"]
    if cpu_has_avx2():
        names.append("avx2")
    if cpu_has_avx512():
        names.append("avx512")
    return names
