"""What .ci/mutate changes: for each file an old text, the new one, and the tests that must notice.

A fourth text says why no test can: those are tried too, and do not count. "build" in place of tests
says that the build must fail. Variables before the tests are for both; a CPU without the
instruction set that they ask for skips them.
"""

F32 = "test_accuracy.py -m 'not slow' -k float32"
F64 = "test_accuracy.py -m 'not slow' -k float64"
CELU32 = "test_accuracy.py -k 'celu and float32'"
CELU64 = "test_accuracy.py -k 'celu and float64'"
VALUES = "test_values.py"
FMA = "test_isa.py -k to_the_bit"
HALVES = "test_dtypes.py -k rounded_once"
AVX2_HALVES, AVX512_HALVES = f"ELU_ISA=avx2 {HALVES}", f"ELU_ISA=avx512 {HALVES}"
BASELINE_HALVES = (
    "ELU_ISA=baseline test_values.py test_dtypes.py -k 'rounded_once or values and float16'"
)
BFLOATS = "test_bfloat16.py -k 'every or nan or alpha or promotion'"
TAILS = "test_layouts.py -k 'tails and (elu_grad] or elu_grad-float or elu-float)'"
AVX2_TAILS, AVX512_TAILS = f"ELU_ISA=avx2 {TAILS}", f"ELU_ISA=avx512 {TAILS}"
AVX2_HASHES = "ELU_ISA=avx2 test_hashes.py -k avx2"
NEIGHBOURS = "test_layouts.py -k '(neighbours or block_before) and elu_grad and float32'"
STRIDES = "test_layouts.py -k 'steps or unaligned or fortran'"
LARGE = "test_layouts.py -k 'large_views and float32'"
NO_INVERSE = "test_layouts.py -k 'no_inverse and float32'"
IN_PLACE = "test_inplace.py -k 'not any_overlap and not interleaved and float32-elu'"
ALPHAS_IN_PLACE = "test_inplace.py -k 'alphas and float32'"
INTERLEAVED = "test_inplace.py -k 'interleaved and float32-elu'"
CHANNELS = "test_channels.py -k 'float32-elu and (own_alpha or each_channel)'"
EACH_CHANNEL = "test_channels.py -k 'each_channel and float64-elu_grad-'"
ALPHA = "test_alpha.py"
REFUSED = "test_alpha.py test_errors.py test_bad_input.py"
NUMBERS = "test_dtypes.py -k 'numbers or scalar or bools'"
PROMOTION = "test_dtypes.py -k 'promote or has_the_dtype or one_dtype'"
CASTING = "test_keywords.py -k 'casting and (elu_grad- or [elu-)'"
DTYPE = "test_keywords.py -k 'dtype_ and (elu_grad- or elu_grad] or [elu)'"
ORDER = "test_keywords.py -k order"
OUT = "test_keywords.py -k 'out_as_exp and elu_grad-'"
WHERE = "test_keywords.py -k 'where and elu_grad'"
THREADS = "test_threads.py -k 'same_bits_with and elu_grad-float32'"
COUNTED = "test_threads.py -k 'two_threads and copy'"
STRIDED = "test_threads.py -k 'three_large or all_threads and elu_grad'"
LAZY_ALPHA = "integrations/test_dask.py -k alpha_that_is_not_allowed"
MODES = "test_environment.py -k 'any_mode and elu_grad-9- or born or began'"
FLAGS = "test_environment.py -k 'raised or flag or report or errstate'"
IMPORT = "test_import.py"
ISA = "test_isa.py -k 'asked_for or unknown'"
SUBCLASSES = "test_subclasses.py"
PANDAS = "integrations/test_pandas.py"
XARRAY = "integrations/test_xarray.py"
POLARS = "integrations/test_polars.py"
UNITS = "integrations/test_units.py"
TORCH = "integrations/test_elu_torch.py -m 'not slow'"
TORCH_VALUES = (
    f"{TORCH} -k '(values or rejected or out_is or order_of or slope) and not (float16 or float64)'"
)

MUTATIONS = {
    "elu/_coefficients.h": [
        ("F32_LN2_HI 0x1.62e43p-1f", "F32_LN2_HI 0x1.62e432p-1f", F32),
        ("F32_LN2_LO -0x1.05c61p-29f", "F32_LN2_LO 0x1.05c61p-29f", F32),
        ("F64_LN2_HI 0x1.62e42fefa39efp-1", "F64_LN2_HI 0x1.62e42fefa39eep-1", F64),
        ("F32_LOG2E 0x1.715476p+0f", "F32_LOG2E 0x1.7p+0f", F32),
        ("F32_SELU_SCALE 0x1.0cfabep+0f", "F32_SELU_SCALE 0x1.0cfacp+0f", VALUES),
        ("F32_SELU_SCALE_ALPHA 0x1.c212ccp+0f", "F32_SELU_SCALE_ALPHA 0x1.c212cep+0f", VALUES),
        ("F64_SELU_SCALE 0x1.0cfabd6a91132p+0", "F64_SELU_SCALE 0x1.0cfabd6a91133p+0", VALUES),
        ("F32_C4 0x1.5556b6p-5f", "F32_C4 0x1.5456b6p-5f", F32),
        ("F32_E4 0x1.5558acp-5f", "F32_E4 0x1.5458acp-5f", F32),
        ("F64_C5 0x1.11111110f8c0ap-7", "F64_C5 0x1.11111210f8c0ap-7", F64),
        ("F64_E7 0x1.a01a013851686p-13", "F64_E7 0x1.a01b013851686p-13", F64),
    ],
    "elu/_simd.h": [
        ("#define MADD_F32(a, b, c) fmaf(a, b, c)", "#define MADD_F32(a, b, c) ((a) * (b) + (c))",
         F32),
        ("#define HAVE_FMA 1", "#define HAVE_FMA 0", FMA),
        ("_mm256_loadu_ps(from + k), _MM_FROUND_TO_NEAREST_INT));",
         "_mm256_loadu_ps(from + k), _MM_FROUND_TO_ZERO));", AVX2_HALVES),
        ("_mm512_loadu_ps(from + k), _MM_FROUND_TO_NEAREST_INT |",
         "_mm512_loadu_ps(from + k), _MM_FROUND_TO_ZERO |", AVX512_HALVES),
        ("+ 0xfff +", "+ 0x1000 +", BASELINE_HALVES),
        ("u >= 143u << 23 ?", "u >= 144u << 23 ?", BASELINE_HALVES),
        ("+ 0.5f) - f32_bits(0.5f)", "+ 0.25f) - f32_bits(0.25f)", BASELINE_HALVES),
        ("magnitude >= 0x7c00 ? 0x7f800000", "magnitude > 0x7c00 ? 0x7f800000", BASELINE_HALVES),
        ("        u -= fabs((double)nearest) > fabs(x);\n", "",
         "test_alpha.py test_bfloat16.py -k alpha"),
        ("        u |= 1;\n", "", "test_alpha.py test_bfloat16.py -k alpha"),
        ("u + 0x7fff + (u >> 16 & 1)", "u + 0x8000", BFLOATS),
        ("? u | 0x00400000 : nearest", "? u : nearest", BFLOATS),
        ("> 0x7f800000 ? u |", ">= 0x7f800000 ? u |", BFLOATS),
        ("size >= 16; size -= 16", "size > 16; size -= 16", AVX2_TAILS),
        ("memcpy(target, source, 8); target += 8; source += 8;", "target += 8; source += 8;",
         AVX2_TAILS),
        ("memcpy(target, source, 4); target += 4;", "memcpy(target, source, 4);", AVX2_TAILS),
        ("if (size & 2) memcpy(target, source, 2);", "(void)size;", AVX2_TAILS),
        ("    memset(block, 0, block_size);\n", "", AVX2_TAILS,
         "survives since nothing that is computed of the filling is stored: it costs time alone"),
        ("size < 64 ? ((__mmask64)1 << size) - 1", "size < 64 ? ((__mmask64)1 << size) / 2",
         AVX512_TAILS),
        ("first_bytes(size - k), v)", "~(__mmask64)0, v)", f"ELU_ISA=avx512 {NEIGHBOURS}"),
        ("size > k ? size - k : 0", "block_size", "ELU_ISA=avx512 test_pages.py"),
        ("k < size / sizeof(vector_t)", "k < size / sizeof(vector_t) - 1", TAILS),
        ("if (nontemporal) STREAM", "if (!nontemporal) STREAM", TAILS),
    ],
    "elu/_fpstatus.pxd": [
        ("0xffc0u", "0xff80u", MODES),
        ("FP_SILENT 0x22u", "FP_SILENT 0x3fu", FLAGS),
        ("(flags & FE_UNDERFLOW ? 4 : 0)", "0", FLAGS),
        ("(flags & FE_INVALID ? 8 : 0)", "0", FLAGS),
    ],
    "elu/_kernels.pxi": [
        ("v32 = 0x80000000\n", "v32 = 0\n", VALUES),
        ("v64 = f64_bits(x) & <uint64_t>0x7fffffffffffffff", "v64 = f64_bits(x)", F64),
        ("        q = madd[real](q, t, F32_C3)\n", "", F32),
        ("at_least[real](x, -38)", "at_least[real](x, -37)", VALUES),
        ("at_least[real](x, -17.5)", "at_least[real](x, -16)", VALUES),
        ("<real>2.0**200 if width < <real>2.0**-900", "<real>2.0**200 if width < <real>2.0**-1060",
         CELU64),
        ("<real>2.0**-60 if width > <real>2.0**90", "<real>2.0**-60 if width > <real>2.0**127",
         VALUES),
        ("rest = rounded_off[real](width, ln2_hi, ln2) + width * ln2_lo", "rest = width * ln2_lo",
         CELU64),
        ("smallest = <real>-2.0**-27", "smallest = <real>-2.0**-20", CELU32),
        ("return given if x > smallest * width else", "return", CELU32),
        ("2 * f32_bits(<real>1) - f32_bits(lift)", "f32_bits(<real>1)", CELU32),
        ("f32_bits(number) - 1 < f32_bits(INFINITY) - 1", "f32_bits(number) != 0", LAZY_ALPHA),
        ("lifted[real](a * alpha_of[real](a, kind))", "lifted[real](a)", LAZY_ALPHA),
        ("<real>NAN if is_below[real](alpha, kind) else slope", "slope", LAZY_ALPHA),
        ("return below if below > x else x\n", "return below if below >= x else x\n", VALUES),
        ("below = (alpha + <real>0) * below", "below = alpha * below", VALUES),
        ("return below if x < 0 else x * scale_of", "return below if x <= 0 else x * scale_of",
         VALUES),
        ("t = madd[real](n, -ln2_lo, a)", "t = a", F32),
        ("m = grad * alpha * m\n", "m = grad * (alpha * m)\n", NEIGHBOURS),
        ("-795 * width", "-737 * width", F64),
        ("-<real>130.5 * width", "-<real>95 * width", F32),
        ("u64 | (f64_bits(product) & <uint64_t>0x8000000000000000)", "u64", F64),
        ("-(<int64_t>1021 << 52) else -(<int64_t>1021 << 52)",
         "-(<int64_t>1023 << 52) else -(<int64_t>1023 << 52)", F64),
        ("<real>2042.7", "<real>1000", F64),
        ("    s = <real>0 if x == -INFINITY else s\n", "", VALUES),
        ("F32_MAGIC + 160 if", "F32_MAGIC + 159 if", F32),
        ("if kind == IS_0 or kind == EACH:", "if kind == IS_0:", VALUES),
        ("return x if x != x else below", "return below", VALUES),
        ("slope = (y + alpha * width) / width", "slope = y / width + alpha", CELU32),
        ("load_few(buffer, array, n * sizeof(real), ",
         "load_few(buffer, array, (n - 1) * sizeof(real), ", TAILS),
        ("ordinary_x = 707 if real is double else 86", "ordinary_x = 711 if real is double else 86",
         F64),
        ("ordinary_x = 707 if real is double else 86",
         "ordinary_x = 707 if real is double else 88.5", F32),
        ("<real>2.0**960 if real is double else <real>2.0**96\n",
         "<real>2.0**960 if real is double else <real>2.0**127\n", F32),
        ("<real>2.0**64 if real is double else <real>2.0**32",
         "<real>2.0**64 if real is double else <real>2.0**70", F32),
        (" and (tier != SUBNORMAL or product < small):", ":", NEIGHBOURS),
        ("HAVE_FMA and x_size < INFINITY and", "HAVE_FMA and", VALUES),
        ("product *= largest_of[real](largest_alpha)", "pass",
         "test_accuracy.py -k 'partial and float32'"),
        ("ordinary_x *= alpha[0] * lifted[real](alpha[0])", "pass", CELU32),
        ("(apart[real](grad, out, n) and apart[real](x, out, n))", "apart[real](x, out, n)",
         IN_PLACE),
        ("has_each(kind) and not apart[real](alpha, out, n)", "False", ALPHAS_IN_PLACE),
        ("if needed[0] <= tier:", "if True:", NEIGHBOURS),
        ("if lifted[real](one) == 1:", "if True:", CELU32),
        ("alphas, out + i, min(n - i, <Py_ssize_t>BLOCK), False", "alphas, out + i, BLOCK, False",
         NO_INVERSE),
        ("xs if grad == x else xs + piece", "xs + piece",
         "test_inplace.py -k 'one_array and float16'"),
        ("largest < infinity and last <= most", "largest < infinity", REFUSED),
        ("row[k] = items[2 * k]", "row[k] = items[k]", STRIDES),
        ("row[k] = items[-k]", "row[k] = items[k]", STRIDES),
    ],
    "elu/_dense.pyx": [
        ("(n - head + size - 1) // size", "(n - head) // size", THREADS),
        ("min(n, head + (chunk + 1) * size))", "min(n, head + (chunk + 1) * size - 1))", THREADS),
        ("head + chunk * size if chunk else 0", "head + chunk * size", THREADS),
        ("        compute_stretch(call, start, head, False)\n", "", THREADS),
        ("m, nontemporal and head == 0 and m >=", "m, nontemporal and m >=", EACH_CHANNEL,
         "survives since a piece with elements in front of a line ends at the line, and is short"),
        ("<uintptr_t>-<intptr_t>out & (LINE - 1)", "<uintptr_t>out & (LINE - 1)",
         "test_pages.py -k 'stores'"),
        ("elif n >= RELEASE:", "elif n >= RELEASE << 12:", "test_threads.py -k 'python_threads'"),
        ("(call.x == call.out or disjoint(call.x, size, call.out, size))", "True", IN_PLACE),
        ("is_clear(call, &call.grad, size) and is_clear", "is_clear", IN_PLACE),
        ("        and is_clear(call, &call.grad, size) and is_clear(call, &call.alpha, size)\n",
         "        and is_clear(call, &call.grad, size)\n", ALPHAS_IN_PLACE),
        ("memcmp(np.PyArray_DIMS(a), np.PyArray_DIMS(b), ndim * sizeof(np.npy_intp)) == 0", "True",
         OUT),
        ("             or np.PyArray_IS_F_CONTIGUOUS(a) and np.PyArray_IS_F_CONTIGUOUS(b))\n    )",
         "             or True)\n    )", STRIDES),
        ("(np.PyArray_IS_C_CONTIGUOUS(array) and np.PyArray_IS_C_CONTIGUOUS(x))",
         "np.PyArray_IS_C_CONTIGUOUS(array)",
         "test_channels.py test_layouts.py -k 'float32 and (own_alpha or broadcast)'"),
        ("operand.run *= x_shape[ahead + k]", "operand.run = x_shape[ahead + k]", CHANNELS),
        ("    return k < 0\n", "    return True\n", CHANNELS),
        ("if ahead < 0 or", "if", REFUSED),
        ("return min(n, operand.count - start % operand.count)", "return min(n, operand.count)",
         CHANNELS),
        ("return min(n, operand.run - start % operand.run)", "return min(n, operand.run)",
         EACH_CHANNEL),
        ("number + 1 if number + 1 < operand.count else 0", "number + 1", CHANNELS),
        ("cdef Py_ssize_t rest = operand.run - start % operand.run",
         "cdef Py_ssize_t rest = operand.run", CHANNELS),
        ("size = turn * max(1, min(n, CALL) // turn)", "size = turn + 1", CHANNELS),
        (" and -(1 << 53) <= given <= 1 << 53", "", ALPHA),
        (" and not isinstance(given, numpy.timedelta64)", "", ALPHA),
        ("fabs(number) <= 65504", "fabs(number) <= 70000", ALPHA),
        ("number >= 2.0**-24 or", "number >= 2.0**-30 or", ALPHA),
        ("number >= 0 or formula != ELU_GRAD_FROM_OUTPUT", "True", REFUSED),
        ("(alphas, n, 1, infinity, infinity)", "(alphas, n, 0, infinity, infinity)", REFUSED),
        ("infinity = 0x7f800000", "infinity = 0x7f800001", REFUSED),
        ("infinity, sign if formula", "infinity, sign - 1 if formula", ALPHA,
         "survives since an alpha of -0.0 is looked at again, in Python"),
        ("return isfinite(number.f32) or not isfinite(given)", "return True",
         "test_dtypes.py -k 'python_number_beside and 1e300 and elu_grad'"),
        ("               not np.PyArray_IS_C_CONTIGUOUS(x))", "               False)", STRIDES),
        ("np.PyArray_NDIM(given) == 0 and is_dense(given)", "np.PyArray_NDIM(given) == 0",
         "test_dtypes.py test_layouts.py -k 'scalar'"),
        ('order == "C" and np.PyArray_IS_C_CONTIGUOUS(x)', 'order == "C"', ORDER),
    ],
    "elu/_ufuncs.pyx": [
        ("or dtype is None and have_same_dtype(x, out) and have_same_dtype(grad, out)", "or True",
         WHERE),
        ("and steps[out] == size\n", "\n",
         "test_layouts.py -k 'any_layout and elu_grad and float32'"),
        ("each = steps[first + 1] != 0 or", "each =", CHANNELS),
        ("\n            and (not each or steps[first + 1] == size)):", "):",
         "test_channels.py -k in_steps"),
        ("NPY_ORDER order = np.NPY_KEEPORDER", "NPY_ORDER order = np.NPY_CORDER", ORDER),
        ("n // threads * (k + 1) + min(k + 1, n % threads)",
         "n // threads * (k + 1) + min(k, n % threads)", LARGE),
        (" | NPY_ITER_RANGED | NPY_ITER_COPY_IF_OVERLAP\n", " | NPY_ITER_RANGED\n", INTERLEAVED),
        ("    if raised > 0:\n", "    if raised > 16:\n", FLAGS),
        ('strict = "casting" in keywords and any(', 'strict = "casting" in keywords and all(',
         "test_keywords.py -k casting_of"),
        ('if strict or "where" in keywords or', "if strict or", WHERE),
        ("(np.NPY_SHORT, np.NPY_USHORT, np.NPY_FLOAT)", "(np.NPY_SHORT, np.NPY_FLOAT)", PROMOTION),
        ("python_float or python_int and only_bools", "python_float", NUMBERS),
        (" or result >= 0 and dtype != result and BF16 in (dtype, result):", ":", BFLOATS),
        ("half_from_f32(<int8_t>byte)", "half_from_f32(byte)", PROMOTION),
        ("        if not fits:\n            return True\n", "", ALPHA),
        (" and fp_is_default()):", "):", MODES),
        ("if not (np.PyArray_ISONESEGMENT(alpha) and np.PyArray_ISBEHAVED_RO(alpha)):",
         "if not np.PyArray_ISBEHAVED_RO(alpha):", REFUSED),
        ("return most if b > 0 and a >= most // b else a * b", "return a * b", STRIDED),
        ("    fp_clear()\n    while True:", "    while True:", FLAGS),
    ],
    "elu/_api.py": [
        ("return where is True and dtype is None and", "return where is True and", DTYPE),
        ("return where is True and dtype is None and", "return dtype is None and", WHERE),
        ('dtype is None and casting == "same_kind" and type', "dtype is None and type", CASTING),
        ('(order == "K" or is_order_of(x, order))', "True", ORDER),
        ('        keywords["order"] = order\n', "        pass\n", SUBCLASSES),
        ("        if number == 1:\n", "        if number == 2:\n", SUBCLASSES),
        ("            np.copyto(*unselected)\n", "            pass\n", WHERE),
        ("        fp_leave_flags(caller)\n", "        pass\n", MODES),
        ("            fp_leave_long_double(rounding)\n", "            pass\n", MODES),
        ("        rounding = fp_enter_long_double()\n", "        rounding = 0\n", MODES),
    ],
    "elu/_validation.py": [
        ("not -(2**63) <= operand < 2**64:", "not -(2**63) <= operand <= 2**64:", NUMBERS),
        ("not in (1, 3, 11)", "not in (1, 2, 3, 11)", "test_bad_input.py -k cuda"),
        ('if hasattr(operand, "__cuda_array_interface__"):', "if False:",
         "test_bad_input.py -k cuda"),
        ("bytearray, complex, bool,", "bytearray, complex,", REFUSED),
        ("    if _containers.enlarges(values, inputs):", "    if False:", ALPHA),
        ("    if wrong:\n", "    if False:\n", f"{PANDAS} {XARRAY}"),
        ('not in "iuf" and', 'not in "iufb" and', REFUSED),
        ("finite = np.isfinite(converted)", "finite = ~np.isnan(converted)", REFUSED),
        ("positive = converted > 0", "positive = converted >= 0", REFUSED),
        ("not (values >= 0).all()", "not (values >= -1).all()", REFUSED),
        ('!= [np.dtype(np.float16)]:', "!= []:", CASTING),
        ('if len(found) > 1 and "bfloat16" in', 'if "float16" in', BFLOATS),
        (" or _containers.is_no_number(dtype):", ":", POLARS),
        ("        if not _containers.is_computed_in(dtype):\n", "        if False:\n", DTYPE),
        ('            values = np.float64("inf")\n', "            values = np.float64(1)\n",
         REFUSED),
        ('if not hasattr(writable(each), "__array_ufunc__"):', "if False:",
         "test_bad_input.py -k out"),
    ],
    "elu/_containers.py": [
        ('if "pint" in sys.modules and', 'if "pints" in sys.modules and', UNITS),
        ('if "astropy.units" in', 'if "astropy.unit" in', UNITS),
        ("        return _in_all(container.data_vars.values())", "        return None", XARRAY),
        ("        return _in_all(column for _, column in container.items())", "        return None",
         PANDAS),
        ("na_value=1)", "na_value=0)", PANDAS),
        ("            return not set(alpha.dims) <= {", "            return None in {", XARRAY),
        ("set(mine) & set(others)", "set()", XARRAY),
        ("            bool(_missing(labels,", "            not bool(_missing(labels,", PANDAS),
        (" and all(each.equals(axes[0]) for each in axes) else", " else", PANDAS),
        (' in "iuf" and not alpha.hasnans', ' in "iuf"', PANDAS),
        ("return alpha.reindex(labels).to_numpy(", "return alpha.to_numpy(", PANDAS),
        (' if lacks else f"has {has[0]!r}" if has else ""', ' if lacks else ""', PANDAS),
        ("if labels.nlevels != axes[0].nlevels", "if False", PANDAS),
        ("not any(map(is_of_polars, inputs))", "any(map(is_of_polars, inputs))", POLARS),
        ('each.fill_null(strategy="one")', "each", POLARS),
        ('each.fill_null(strategy="one")', "each.fill_null(1)", POLARS),
        (" and is_no_number(each.dtype):", " and False:", POLARS),
        ("if isinstance(labelled[0], pandas.Series) and all(", "if all(", PANDAS),
        ("torch.autograd.graph.increment_version(out)", "pass",
         "integrations/test_torch.py -k autograd_knows"),
        ("        if each.has_nulls():\n", "        if False:\n", POLARS),
        ("return alpha.rename(each.name)", "return alpha", PANDAS),
        ("        type(operand) is type(series)\n        and", "       ", PANDAS),
        (" and operand.index.equals(series.index)", "", PANDAS),
        ("if len(labelled) == 1:", "if True:", PANDAS),
        ("frame.index.equals(whole.index) and", "", PANDAS),
        (" and frame.columns.equals(whole.columns) for", " for", PANDAS),
        ("        result.columns = whole.columns\n", "", PANDAS),
        ("    return len(dtypes) == 1 and", "    return", PANDAS),
    ],
    "elu/torch.py": [
        ("1.0507009873554805, 1)", "1.05070098735548, 1)", f"{TORCH} -k bits"),
        ("abs(alpha * input_scale - 1) < 1e-6", "alpha * input_scale != 0", TORCH_VALUES),
        ("_is_like(grad, x) and not (is_result and alpha < 0):", "_is_like(grad, x):",
         TORCH_VALUES),
        ("a.dtype is b.dtype and a.shape", "a.shape", TORCH_VALUES),
        ("a.shape == b.shape and", "", TORCH_VALUES),
        ("or a.stride() == dense.stride()", "or a.shape == dense.shape", TORCH_VALUES),
        ("            if stride != expected:\n                return False\n", "", TORCH_VALUES),
        ("        and out.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()\n", "",
         TORCH_VALUES),
        ("x if 0 in grad.stride() else grad", "x", TORCH_VALUES),
        ("_wanted or _contexts > 0", "_wanted or _contexts > 1", f"{TORCH} -k blocks"),
        ("            _library._destroy()\n", "", f"{TORCH} -k before",
         "survives since a library that nobody holds any more is destroyed, too"),
    ],
    "setup.py": [
        ('"unix": ["-O3", "-fno-fast-math", ', '"unix": ["-O3", ', "CFLAGS=-ffast-math build"),
        ('"-ffp-contract=off"', '"-ffp-contract=fast", "-O2"', AVX2_HASHES,
         "survives since all that GCC then fuses is a sum of digits that no result shows"),
        ('["-mavx2", "-mfma", "-mf16c"]', '["-mavx2", "-mf16c"]', AVX2_HASHES),
        ('(["-fopenmp"], ["-fopenmp"])', '(["-fopenmp"], [])', "test_build.py -k openmp"),
        ('(["-fopenmp"], ["-fopenmp"])', "([], [])", "test_build.py -k openmp"),
        ('"unix": ["-fno-fast-math", "-fno-unsafe-math-optimizations", "-O3",', '"unix": [',
         "LDFLAGS=-Ofast test_environment.py -k changed_by_import"),
        ('"freethreading_compatible": True,', "", "test_build.py -k free_threaded",
         "survives since it is for a Python without the GIL, and this one has it"),
        ('"annotation_typing": False', '"annotation_typing": True', ALPHA,
         "survives since what the public parameters are annotated with is nothing Cython knows"),
    ],
    "elu/_dispatch.py": [
        ("or isas[-1]", "or isas[0]", ISA),
        ("if isa not in isas:", "if False:", ISA),
        ('os.environ.get("ELU_ISA") or', '"" or', ISA),
        (' if importlib.util.find_spec(f"elu._kernels_{name}")', "", IMPORT),
    ],
    "elu/__init__.py": [
        ("< 2:", "< 1:", IMPORT),
        ('"gomp" in', '"omp.dll" in', IMPORT),
        ('in (_error.name, f"{_error.name}._cpu")', "== _error.name", IMPORT),
        ('.__module__ = "elu"  #', '.__doc__ += ""  #', IMPORT),
    ],
    "elu/_openmp.pyx": [
        ("PER_THREAD = 1 << 14", "PER_THREAD = 1 << 15", COUNTED),
        ("if n < 2 * PER_THREAD:", "if n <= 2 * PER_THREAD:", COUNTED),
        ("n *= 2", "n *= 1", COUNTED),
        ("n //= 2", "n //= 1", COUNTED),
        ("return threads if threads < worth else <int>worth",
         "return threads if threads > worth else <int>worth", COUNTED),
        ("    if forked or not HAVE_OPENMP:\n        return 1",
         "    if not HAVE_OPENMP:\n        return 1", "test_neighbours.py -k workers"),
    ],
}
