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

# The bounds that the documentation gives, in units in the last place.
BOUNDS = {"elu": 0.9, "elu_grad": 1.0}


def numpy_elu(x: Array) -> Array:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def numpy_elu_grad(grad: Array, x: Array) -> Array:
    return np.where(x > 0, grad, grad * np.exp(np.minimum(x, 0)))


Of2: TypeAlias = Callable[[Array, Array], Array]
FUNCTIONS: dict[str, tuple[Of2, Of2, Callable[[Array], Array]]] = {
    "elu": (lambda grad, x: elu.elu(x), lambda grad, x: numpy_elu(x), np.expm1),
    "elu_grad": (lambda grad, x: elu.elu_grad(grad, x), numpy_elu_grad, np.exp),
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
    ours, _, exact = FUNCTIONS[name]
    wide = np.float64 if dtype == np.float32 else np.longdouble
    if np.finfo(wide).nmant < np.finfo(dtype).nmant + 11:
        return None
    worst = 0.0
    for x in np.array_split(samples(dtype, count), 20):
        result = ours(np.ones_like(x), x)
        with np.errstate(under="ignore"):
            right = exact(x.astype(wide))
            error = np.abs(result - right) / np.spacing(np.abs(right.astype(dtype)))
        worst = max(worst, float(error.max()))
        tick()
    return {
        "function": name, "dtype": np.dtype(dtype).name, "values": count,
        "worst_ulp": round(worst, 4), "bound": BOUNDS[name],
    }


def best_time(call: Callable[[], object], seconds: float = 0.05) -> float:
    """The shortest of many runs, in seconds."""
    best = float("inf")
    stop = time.perf_counter() + seconds
    while True:
        start = time.perf_counter()
        call()
        end = time.perf_counter()
        best = min(best, end - start)
        if end > stop:
            return best


def time_both(
    name: str, dtype: type[np.float32 | np.float64], size: int, tick: Callable[[], None]
) -> Row:
    ours, theirs, _ = FUNCTIONS[name]
    rng = np.random.default_rng(1)
    grad, x = rng.standard_normal((2, size), dtype=dtype)
    ns = best_time(lambda: ours(grad, x)) / size * 1e9
    numpy_ns = best_time(lambda: theirs(grad, x)) / size * 1e9
    tick()
    return {
        "function": name, "dtype": np.dtype(dtype).name, "size": size,
        "ns": round(ns, 4), "numpy_ns": round(numpy_ns, 4),
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
        "million values of ELU and its gradient against the correctly rounded result, and time "
        "both beside the NumPy expression. Exit status 1 if a check fails.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object and no table")
    options = parser.parse_args()

    cases = [(name, dtype) for dtype in (np.float32, np.float64) for name in FUNCTIONS]
    sizes = (100, 10_000, 10_000_000)
    tick = Progress(20 * len(cases) + len(sizes) * len(cases))
    accuracy = [check_accuracy(*case, 1_000_000, tick) for case in cases]
    speed = [time_both(*case, size, tick) for case in cases for size in sizes]
    checked = [check for check in accuracy if check is not None]
    failed = [check for check in checked if not check["worst_ulp"] <= check["bound"]]

    config = elu.config()
    if options.json:
        print(json.dumps({"config": config, "accuracy": checked, "speed": speed}, indent=2))
        return bool(failed)

    print(f"elu {config['version']}, {config['isa']} of {', '.join(config['isas'])}, "
          f"{config['num_threads']} thread{'s' if config['num_threads'] > 1 else ''}"
          f"{'' if config['openmp'] else ' (built without OpenMP)'}")
    print("\nworst error over 1,000,000 values each, in ULP of the correctly rounded result")
    for (name, dtype), check in zip(cases, accuracy, strict=True):
        verdict = "not checked: no wider type on this platform" if check is None else (
            f"{check['worst_ulp']:.3f}  <= {check['bound']:.2f}"
            f"  {'FAILED' if check in failed else 'ok'}"
        )
        print(f"  {name:9} {np.dtype(dtype).name:8} {verdict}")
    print("\ntime per element in ns, beside NumPy's where(x > 0, x, expm1(minimum(x, 0)))")
    print(f"  {'':18} {'elements':>10} {'elu':>8} {'NumPy':>8} {'ratio':>6}")
    for row in speed:
        print(f"  {row['function']:9} {row['dtype']:8} {row['size']:>10,} {row['ns']:8.3f} "
              f"{row['numpy_ns']:8.3f} {row['ns'] / row['numpy_ns']:6.2f}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
