"""`python -m elu`: what was chosen on this machine, whether it is right, and how fast it is."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import elu

Array: TypeAlias = NDArray[Any]
Row: TypeAlias = dict[str, Any]

SELU_SCALE_ALPHA = 1.7580993408473769

# Each function, its exact value where x < 0 in a wider type, and the bound of its error in ULP that
# the documentation gives. grad is 1, and the alpha of celu 1.5.
CHECKS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array], float]] = {
    "elu": (lambda x: elu.elu(x), np.expm1, 0.9),
    "elu_grad": (lambda x: elu.elu_grad(1.0, x), np.exp, 1.0),
    "selu": (lambda x: elu.selu(x), lambda x: selu_alpha(x) * np.expm1(x), 2.0),
    "selu_grad": (lambda x: elu.selu_grad(1.0, x), lambda x: selu_alpha(x) * np.exp(x), 3.0),
    "celu": (lambda x: elu.celu(x, 1.5), lambda x: 1.5 * np.expm1(x / 1.5), 3.0),
    "celu_grad": (lambda x: elu.celu_grad(1.0, x, 1.5), lambda x: np.exp(x / 1.5), 3.0),
}


def selu_alpha(x: Array) -> Array:
    """The constant as it is rounded to the type that is checked: x is of the next wider one."""
    narrow = np.float32 if x.dtype == np.float64 else np.float64
    return np.asarray(narrow(SELU_SCALE_ALPHA), x.dtype)


def numpy_elu(grad: Array, x: Array, out: Array) -> None:
    out[...] = np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def numpy_elu_grad(grad: Array, x: Array, out: Array) -> None:
    out[...] = np.where(x > 0, grad, grad * np.exp(np.minimum(x, 0)))


Call: TypeAlias = Callable[[Array, Array, Array], object]
TIMED: dict[str, tuple[Call, Call]] = {
    "elu": (lambda grad, x, out: elu.elu(x, out=out), numpy_elu),
    "elu_grad": (lambda grad, x, out: elu.elu_grad(grad, x, out=out), numpy_elu_grad),
}


def samples(dtype: type[np.floating[Any]], count: int) -> Array:
    """Negative numbers over the whole range of exponents, and dense where the results vary."""
    rng = np.random.default_rng(0)
    smallest = np.log(np.finfo(dtype).smallest_subnormal)
    whole = -np.exp(rng.uniform(smallest, np.log(800), count // 2))
    dense = -rng.uniform(0, 20 if dtype == np.float32 else 40, count // 2)
    return np.concatenate([whole, dense]).astype(dtype)


def check_accuracy(
    name: str, dtype: type[np.floating[Any]], count: int, tick: Callable[[], None]
) -> Row | None:
    """Worst error over `count` values; None where no wider type can tell."""
    ours, exact, bound = CHECKS[name]
    wide = np.float64 if dtype == np.float32 else np.longdouble
    if np.finfo(wide).nmant < np.finfo(dtype).nmant + 11:
        return None
    worst = 0.0
    for x in np.array_split(samples(dtype, count), 20):
        result = ours(x)
        with np.errstate(under="ignore"):
            right = exact(x.astype(wide))
            error = np.abs(result - right) / np.spacing(np.abs(right.astype(dtype)))
        worst = max(worst, float(error.max()))
        tick()
    return {
        "function": name, "dtype": np.dtype(dtype).name, "values": count,
        "worst_ulp": round(worst, 4), "bound": bound,
    }


def best_times(calls: tuple[Callable[[], object], ...], seconds: float = 0.1) -> list[float]:
    """The shortest run of each call in seconds. They take turns, ten at least."""
    best = [float("inf")] * len(calls)
    stop = time.perf_counter() + seconds
    turns = 0
    while turns < 10 or time.perf_counter() < stop:
        turns += 1
        for number, call in enumerate(calls):
            start = time.perf_counter()
            call()
            best[number] = min(best[number], time.perf_counter() - start)
    return best


def time_both(
    name: str, dtype: type[np.float32 | np.float64], size: int, tick: Callable[[], None]
) -> Row:
    rng = np.random.default_rng(1)
    arrays = (*rng.standard_normal((2, size), dtype=dtype), np.zeros(size, dtype))
    ours, theirs = TIMED[name]
    ns, numpy_ns = best_times((lambda: ours(*arrays), lambda: theirs(*arrays)))
    tick()
    return {
        "function": name, "dtype": np.dtype(dtype).name, "size": size,
        "ns": round(ns / size * 1e9, 4), "numpy_ns": round(numpy_ns / size * 1e9, 4),
    }


class Progress:
    """A bar on a terminal, nothing elsewhere."""

    def __init__(self, steps: int) -> None:
        self.steps, self.done, self.shown = steps, 0, sys.stderr.isatty()

    def __call__(self) -> None:
        self.done += 1
        if self.shown:
            filled = 40 * self.done // self.steps
            bar = "#" * filled + "." * (40 - filled)
            sys.stderr.write(f"\r[{bar}]" if self.done < self.steps else "\r" + " " * 42 + "\r")
            sys.stderr.flush()


def main() -> bool:
    parser = argparse.ArgumentParser(
        prog="python -m elu",
        description="Say which instruction set and how many threads elu uses here, check a few "
        "million values against the exact result, and time elu beside NumPy. "
        "Exit status 1 if a check fails.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object and no table")
    options = parser.parse_args()

    dtypes = (np.float32, np.float64)
    checks = [(name, dtype) for dtype in dtypes for name in CHECKS]
    sizes = (100, 10_000, 10_000_000)
    timings = [(name, dtype, size) for dtype in dtypes for name in TIMED for size in sizes]
    tick = Progress(20 * len(checks) + len(timings))
    accuracy = [check_accuracy(*check, 1_000_000, tick) for check in checks]
    speed = [time_both(*timing, tick) for timing in timings]
    checked = [check for check in accuracy if check is not None]
    failed = [check for check in checked if not check["worst_ulp"] <= check["bound"]]

    config = elu.config()
    if options.json:
        print(json.dumps({"config": config, "accuracy": checked, "speed": speed}, indent=2))
        return bool(failed)

    print(f"elu {config['version']}, instruction set {config['isa']} (of "
          f"{', '.join(config['isas'])}), "
          f"{config['num_threads']} thread{'s' if config['num_threads'] > 1 else ''}"
          f"{'' if config['openmp'] else ' (built without OpenMP)'}")
    print("\nlargest error in 1,000,000 values, in units in the last place (ULP)")
    for (name, dtype), check in zip(checks, accuracy, strict=True):
        verdict = "not checked: no wider type on this platform" if check is None else (
            f"{check['worst_ulp']:.3f}  <= {check['bound']:.2f}"
            f"  {'FAILED' if check in failed else 'ok'}"
        )
        print(f"  {name:9} {np.dtype(dtype).name:8} {verdict}")
    print("\nns per element with out=, and how many times as fast as NumPy's\n"
          "where(x > 0, x, expm1(minimum(x, 0))) and where(x > 0, grad, grad * exp(minimum(x, 0)))")
    print(f"  {'':18} {'elements':>10} {'elu':>8} {'NumPy':>8} {'times':>6}")
    for row in speed:
        print(f"  {row['function']:9} {row['dtype']:8} {row['size']:>10,} {row['ns']:8.3f} "
              f"{row['numpy_ns']:8.3f} {row['numpy_ns'] / row['ns']:6.1f}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
