"""Every value of a format through every function of one variable, against the exact result.

    python bench/accuracy.py                              # all: 40 minutes an instruction set
    python bench/accuracy.py --formats float16 bfloat16   # seconds
    python bench/accuracy.py --formats float32 --cases elu selu --share 64

float32 has 2^32 values, the 16-bit formats 65536, NaNs and both infinities included. `--share n`
looks at every n-th block of float32 only; an odd n meets all parts of a binade. float64 cannot be
exhausted: there, `--blocks` samples of 8,192 negative values each, the first with both ends,
subnormals and each switch point as well, and then a search for worse ones around the worst.
A gradient is shown as the slope, for grad = 1. The exact result is the tests' oracle's, which
tests/test_reference.py checks against mpmath.

For each function, the table says how far the worst result is off, in ULP and where; the mean; the
share that another number of the format is nearer to; whether the results rise with x; and whether
they stay in the range of the function. What misses a bound of SPEC makes the command fail.
"""

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import reference

# Each is a number of every format: what is rounded here is the result alone.
ALPHAS = {"elu": (1.0, 1.5, 0.25), "selu": (None,), "celu": (1.5, 0.25)}
FORMATS = {name: reference.dtype_of(name)
           for name in ("float16", "bfloat16", "float32", "float64")}
BLOCK = 2**13  # values: what is computed on the way stays in the cache, which halves the time
TASK = 64  # blocks for a process at a time
# Around each of the worst values, where the polynomial's error is near its largest, more samples
# meet worse roundings; 2^40 ULP are 0.0001 to 0.0002 of a value.
ROUNDS, WORST, SAMPLES, NEAR = 4, 64, 16, 2**40


@dataclass(frozen=True)
class Case:
    name: str
    alpha: float | None

    def __str__(self) -> str:
        return self.name if self.alpha is None else f"{self.name}, alpha = {self.alpha:g}"

    def bound(self, dtype: np.dtype) -> float:
        """The bound of SPEC in ULP."""
        return 0.51 if dtype.itemsize == 2 else reference.bound_of(self.name, self.alpha)

    def range(self, dtype: np.dtype) -> tuple[float, float]:
        """The least and the greatest result that the function has, rounded to the format."""
        scale, lower = 1.0, self.alpha
        if self.name.startswith("selu"):
            scale, lower = (float(c) for c in reference.selu_constants(np.empty(0, dtype)))
        if self.name in reference.FORWARD:
            least, greatest = -lower, np.inf
        elif self.name.endswith("from_output"):  # a line: y below -alpha is nobody's output
            least, greatest = -np.inf, np.inf
        else:
            least, greatest = 0.0, max(scale, 1.0 if self.name == "celu_grad" else lower)
        return tuple(float(np.asarray(end).astype(dtype)) for end in (least, greatest))

    def rises(self) -> bool:
        """Whether the function itself never falls: a slope with alpha > 1 does, at 0."""
        return self.name in reference.FORWARD or self.name == "celu_grad" or (
            self.alpha is not None and self.alpha <= 1
        )


@dataclass
class Seen:
    """What was seen of one function: first of a block, then of all of them together."""

    values: int = 0
    total: float = 0.0
    worst: float = -1.0
    at: float = np.nan
    not_nearest: int = 0
    falls: int = 0
    outside: int = 0

    def add(self, other: "Seen") -> None:
        for field in ("values", "total", "not_nearest", "falls", "outside"):
            setattr(self, field, getattr(self, field) + getattr(other, field))
        if other.worst > self.worst:
            self.worst, self.at = other.worst, other.at


def block_size(dtype: np.dtype) -> int:
    """Values in a block, which all have the same sign."""
    return min(BLOCK, 2 ** (8 * dtype.itemsize - 1))


def block_of(dtype: np.dtype, number: int) -> np.ndarray:
    """The values of a block in order of their bits, and the first one of the next block, so that
    results are compared across the edge too; for float64 in rising order."""
    if dtype == np.float64:
        sample = reference.scattered if number else reference.negatives
        return np.sort(sample(dtype, BLOCK, seed=number))
    count = block_size(dtype)
    last = 2 ** (8 * dtype.itemsize) - 1
    patterns = np.arange(number * count, (number + 1) * count + 1, dtype=np.uint64).clip(max=last)
    return patterns.astype(f"u{dtype.itemsize}").view(dtype)


def block_around(value: float, seed: int) -> np.ndarray:
    """Negative float64 values near this one, in rising order."""
    smallest, infinity = (int(b) for b in reference.bits(np.array([-5e-324, -np.inf])))
    middle = int(reference.bits(np.float64(value)))
    ends = max(middle - NEAR, smallest), min(middle + NEAR, infinity)
    patterns = np.random.default_rng(seed).integers(*ends, BLOCK, np.uint64)
    return np.sort(reference.from_bits(patterns, np.float64))


def look(case: Case, format_name: str, block: int | tuple[float, int]) -> Seen:
    """Compute one block and compare it with the oracle."""
    dtype = FORMATS[format_name]
    x = block_around(*block) if isinstance(block, tuple) else block_of(dtype, block)
    grad = np.ones_like(x)
    arrays = reference.inputs(case.name, grad, x)
    with np.errstate(all="ignore"):
        result = reference.function(case.name)(*arrays, alpha=case.alpha)
        error = reference.ulp_error(result, reference.exact(case.name, *arrays, case.alpha))
        wide = result.astype(np.float64)
        least, greatest = case.range(dtype)
        steps = np.diff(wide)
        if dtype != np.float64:
            if np.signbit(x[0]):  # the larger the bits, the smaller the number
                steps = -steps
            error, wide = error[:-1], wide[:-1]
        worst = int(np.argmax(error))
        return Seen(
            values=error.size,
            total=float(error.sum()),
            worst=float(error[worst]),
            at=float(x[worst]),
            not_nearest=int(np.count_nonzero(error > 0.5)),
            falls=int(np.count_nonzero(steps < 0)) if case.rises() else 0,
            outside=int(np.count_nonzero((wide < least) | (wide > greatest))),
        )


def measure(pool: ProcessPoolExecutor, case: Case, format_name: str, numbers: range) -> Seen:
    """What was seen of a function in all blocks; a terminal shows how far it is."""
    seen = Seen()
    blocks, worst = list(numbers), []
    for _ in range(ROUNDS if format_name == "float64" else 1):
        results = pool.map(partial(look, case, format_name), blocks, chunksize=TASK)
        for done, result in enumerate(results, start=1):
            seen.add(result)
            worst.append((result.worst, result.at))
            if sys.stderr.isatty():
                end = "\r\033[K" if done == len(blocks) else ""
                print(f"\r{case}: {done / len(blocks):.0%} {end}", end="", file=sys.stderr)
        worst = sorted(worst, reverse=True)[:WORST]
        blocks = [(at, seen.values + k) for k in range(SAMPLES) for _, at in worst]
    return seen


def blocks(dtype: np.dtype, arguments: argparse.Namespace) -> range:
    if dtype == np.float64:
        return range(arguments.blocks)
    share = arguments.share if dtype == np.float32 else 1
    return range(0, 2 ** (8 * dtype.itemsize) // block_size(dtype), share)


def row(case: Case, dtype: np.dtype, seen: Seen) -> str:
    rises = "yes" if not seen.falls else f"{seen.falls} falls"
    return (
        f"| {case} | {seen.values:,} | {seen.worst:.4f} | {case.bound(dtype):.2f} | "
        f"{seen.at:.17g} | "
        f"{seen.total / seen.values:.4f} | {seen.not_nearest / seen.values:.3%} | "
        f"{rises if case.rises() else ''} | "
        f"{'yes' if not seen.outside else f'{seen.outside} outside'} |"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    parser.add_argument("--cases", nargs="+", choices=reference.FUNCTIONS, metavar="FUNCTION",
                        default=list(reference.FUNCTIONS))
    parser.add_argument("--share", type=int, default=1, metavar="N",
                        help="every N-th block of float32")
    parser.add_argument("--blocks", type=int, default=32768, metavar="N", help="of float64")
    parser.add_argument("--isas", nargs="+", default=reference.package.config()["isas"])
    arguments = parser.parse_args()
    cases = [Case(name, alpha) for name in arguments.cases
             for alpha in ALPHAS[name.partition("_")[0]]]
    missed = 0
    for isa in arguments.isas:
        # The processes, new ones, read it when they import the package.
        os.environ["ELU_ISA"] = isa
        with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
            for name in arguments.formats:
                dtype = FORMATS[name]
                numbers = blocks(dtype, arguments)
                print(f"\n{name}, {isa}\n\n| function | values | worst ULP | bound | at | mean | "
                      "not nearest | rises | in range |\n|---|---|---|---|---|---|---|---|---|")
                for case in cases:
                    seen = measure(pool, case, name, numbers)
                    print(row(case, dtype, seen), flush=True)
                    missed += not seen.worst <= case.bound(dtype) or bool(seen.outside)
    if missed:
        print(f"\n{missed} rows miss their bound or their range")
    return min(missed, 1)


if __name__ == "__main__":
    sys.exit(main())
