/* Written by bench/coefficients.py, which derives the constants and proves what stands
   beside them: do not edit. Included after _simd.h, for HAVE_FMA. */

#if HAVE_FMA
#define F32_LN2_HI 0x1.62e43p-1f
#define F32_LN2_LO -0x1.05c61p-29f
#define F32_LN2_REST 0x0p+0f
#define F64_LN2_HI 0x1.62e42fefa39efp-1
#define F64_LN2_LO 0x1.abc9e3b39803fp-56
#define F64_LN2_REST 0x0p+0
#else
#define F32_LN2_HI 0x1.62e4p-1f
#define F32_LN2_LO 0x1.7f7d1cp-20f
#define F32_LN2_REST 0x1.8p-20f
#define F64_LN2_HI 0x1.62e42fefa4p-1
#define F64_LN2_LO -0x1.8432a1b0e2634p-43
#define F64_LN2_REST -0x1.844p-43
#endif

/* F32: expm1(x) rounds to -1 for x <= -17.5, where exp(x) < 0.84256 * 2^-25 */
#define F32_LOG2E 0x1.715476p+0f
#define F32_MAGIC 0x1.8p+23f
#define F32_SELU_SCALE 0x1.0cfabep+0f
#define F32_SELU_SCALE_ALPHA 0x1.c212ccp+0f
/* F32: C2 to C6: error < 0.34657 * 2^-24 of the result for |t| < log(2) / 2 + 4.2e-6 */
#define F32_C2 0x1.fffffap-2f
#define F32_C3 0x1.555464p-3f
#define F32_C4 0x1.5556b6p-5f
#define F32_C5 0x1.124e7ap-7f
#define F32_C6 0x1.6d37c2p-10f
/* F32: E2 to E6: error < 0.05244 * 2^-24 of the result for |t| < log(2) / 2 + 6.8e-5 */
#define F32_E2 0x1.fffffcp-2f
#define F32_E3 0x1.555492p-3f
#define F32_E4 0x1.5558acp-5f
#define F32_E5 0x1.12397cp-7f
#define F32_E6 0x1.6a5118p-10f

/* F64: expm1(x) rounds to -1 for x <= -38, where exp(x) < 0.56550 * 2^-54 */
#define F64_LOG2E 0x1.71547652b82fep+0
#define F64_MAGIC 0x1.8p+52
#define F64_SELU_SCALE 0x1.0cfabd6a91132p+0
#define F64_SELU_SCALE_ALPHA 0x1.c212cc640f031p+0
/* F64: C2 to C11: error < 0.30145 * 2^-53 of the result for |t| < log(2) / 2 + 1.7e-14 */
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
/* F64: E2 to E11: error < 0.03318 * 2^-53 of the result for |t| < log(2) / 2 + 9.6e-13 */
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
