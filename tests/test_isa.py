"""Instruction sets: each one meets the accuracy bounds, and those with FMA give the same bits.

Run as a program, this file computes everything with the instruction set that ELU_ISA names.
"""

import sys

import numpy as np
import pytest
import reference
from processes import run_python
from reference import BOUNDS, DTYPES, FLOATS, FUNCTIONS, WITH_ALPHA

import elu

ISAS = list(elu.config()["isas"])
ALPHAS = [1.0, 0.0, 1.1, float(reference.SELU_ALPHA), -0.5, 1e-30, 1e30]
ALPHAS16 = [1.0, 0.0, 1.1, -0.5]
# More of CELU's, which divides by it: the ends.
ENDS = {np.float16: [6e-8, 6e4], np.float32: [1e-42, 3e38], np.float64: [1e-318, 1.7e308]}


def sample(dtype):
    """grad and x: special values, each with each; then a broad sample of either sign."""
    special = reference.specials(dtype)
    grad, x = (a.ravel() for a in np.meshgrid(special, special))
    if dtype == np.float16:
        every = reference.from_bits(np.arange(2**16), dtype)
        return np.append(grad, np.roll(every, 12345)), np.append(x, every)
    broad = np.concatenate(
        [reference.negatives(dtype, 2**17), np.abs(reference.wide_ranging(dtype, 2**12, seed=1))]
    )
    wide = reference.wide_ranging(dtype, broad.size, seed=2)
    wide[::2] = np.random.default_rng(3).normal(size=wide[::2].size)
    return np.append(grad, wide), np.append(x, broad)


def cases():
    """name, dtype and alpha of everything that is computed."""
    for name in FUNCTIONS:
        for dtype in DTYPES:
            alphas = ALPHAS16 if dtype == np.float16 else ALPHAS
            for alpha in [*alphas, *ENDS[dtype]] if name.startswith("celu") else alphas:
                if reference.allows(name, alpha) and (alpha == 1 or name in WITH_ALPHA):
                    yield name, dtype, alpha


def key(name, dtype, alpha):
    return f"{name} {np.dtype(dtype).name} {alpha!r}"


def compute():
    samples = {dtype: sample(dtype) for dtype in DTYPES}
    found = {}
    for name, dtype, alpha in cases():
        arrays = reference.inputs(name, *samples[dtype])
        found[key(name, dtype, alpha)] = reference.function(name)(*arrays, alpha)
    return found


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What each instruction set computes."""
    folder = tmp_path_factory.mktemp("isa")
    found = {}
    for isa in ISAS:
        process = run_python([__file__], folder / isa, ELU_ISA=isa)
        assert process.stdout.strip() == isa
        with np.load(folder / f"{isa}.npz") as file:
            found[isa] = dict(file)
    return found


def quiet(array):
    """Without signalling NaNs: whether times 1 or in float32 these stay so the compiler decides."""
    bits = reference.bits(array)
    first = bits.dtype.type(1 << (np.finfo(array.dtype).nmant - 1))
    return np.where(np.isnan(array), bits | first, bits).view(array.dtype)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_avx2_and_avx512_give_the_same_bits(results, name):
    if not {"avx2", "avx512"} <= results.keys():
        pytest.skip(f"only {ISAS} here")
    for case in cases():
        if case[0] == name:
            first, second = (quiet(results[isa][key(*case)]) for isa in ("avx2", "avx512"))
            reference.assert_same_bits(first, second)


@pytest.mark.parametrize("suffix", ["", "_grad", "_grad_from_output"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_celu_with_alpha_1_is_elu_to_the_bit(results, dtype, suffix):
    """With fused multiply-add. Without, it rounds in other places."""
    for isa in ISAS[1:]:
        first, second = (results[isa][key(f + suffix, dtype, 1.0)] for f in ("celu", "elu"))
        known = ~np.isnan(second)
        assert np.isnan(first[~known]).all()
        reference.assert_same_bits(first[known], second[known])


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("isa", ISAS)
def test_the_accuracy_bounds_hold(results, isa, name):
    for case in cases():
        _, dtype, alpha = case
        if case[0] != name or dtype == np.float16:
            continue
        grad, x = sample(dtype)
        # Where a factor is infinite, test_values.py says what is due.
        finite = np.isfinite(grad) & np.isfinite(x)
        if name == "celu_grad_from_output":  # elsewhere the slope overflows: no outputs
            with np.errstate(all="ignore"):
                finite &= np.isfinite(x / dtype(alpha))
        if not name.startswith("elu"):
            finite[::2] = False
        arrays = reference.inputs(name, grad[finite], x[finite])
        reference.assert_within(
            0.90 if name == "elu" and alpha == 1 else BOUNDS[name],
            name,
            *arrays,
            dtype(alpha),
            result=results[isa][key(*case)][finite],
        )


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_the_gradient_of_ones_is_exp(isa, dtype, tmp_path):
    script = (
        "import sys, numpy as np, elu; x = np.load(sys.argv[1]); "
        "np.save(sys.argv[2], elu.elu_grad(np.ones_like(x), x))"
    )
    x = reference.negatives(dtype)
    np.save(tmp_path / "x.npy", x)
    run_python(script, tmp_path / "x.npy", tmp_path / "y.npy", ELU_ISA=isa)
    result = np.load(tmp_path / "y.npy")
    reference.assert_within(1.0, "elu_grad", np.ones_like(x), x, 1, result=result)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("isa", ISAS)
def test_special_values(results, isa, name):
    """NaN where NaN is due and nowhere else, infinities and zeros with their signs."""
    for case in cases():
        _, dtype, alpha = case
        if case[0] != name or dtype == np.float16 or (alpha != 1 and not name.startswith("celu")):
            continue
        # Of the sample, the pairs of special values.
        grad, x = (a[: reference.specials(dtype).size ** 2] for a in sample(dtype))
        # inf * exp(x) is infinite in exact arithmetic, and NaN where exp(x) has rounded to 0.
        with np.errstate(all="ignore"):
            settled = np.isfinite(grad) | (x / dtype(alpha) >= -10) | (x == -np.inf) | np.isnan(x)
            if name == "celu_grad_from_output":  # elsewhere the slope overflows: no outputs
                settled &= np.isfinite(x / dtype(alpha)) | ~np.isfinite(x)
        arrays = reference.inputs(name, grad[settled], x[settled])
        result = results[isa][key(*case)][: settled.size][settled]
        exact = reference.exact(name, *arrays, dtype(alpha))
        with np.errstate(all="ignore"):
            nearest = exact.astype(dtype)
        odd = ~np.isfinite(nearest)
        np.testing.assert_array_equal(result[odd], nearest[odd])
        assert np.isfinite(result[~odd]).all()


@pytest.mark.parametrize(("asked_for", "used"), [*zip(ISAS, ISAS, strict=True), (None, ISAS[-1])])
def test_the_one_asked_for_is_in_use_or_the_last_one(asked_for, used):
    process = run_python("import elu; print(elu.config()['isa'])", ELU_ISA=asked_for)
    assert process.stdout.strip() == used


@pytest.mark.parametrize("isa", ["sse9", "AVX-2", "native", "../avx2"])
def test_an_unknown_one_is_an_import_error_that_lists_the_available(isa):
    process = run_python("import elu", ELU_ISA=isa, returncode=1)
    assert process.stderr.strip().splitlines()[-1].startswith("ImportError: ")
    message = process.stderr.strip().splitlines()[-1]
    assert "ELU_ISA" in message
    assert isa in message
    for available in ISAS:
        assert available in message


if __name__ == "__main__":
    np.savez(sys.argv[1], **compute())
    print(elu.config()["isa"])
