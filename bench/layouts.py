"""What compare.py leaves out: strided views, beside PyTorch, and one alpha for each channel.

    python bench/layouts.py

Contestants take turns, and the minimum counts. The limits: no view takes longer than with PyTorch,
and one alpha per channel takes at most 1.25 times as long as a single one for all.
"""

from collections.abc import Iterator

import numpy as np
import torch
from machine import cores
from timing import DTYPES, FUNCTIONS, ROUNDS, Call, Turn

import elu

VIEWS = {
    "a[:, 100:500]": lambda a: a[:, 100:500],
    "a[:, :8]": lambda a: a[:, :8],
    "a.T": lambda a: a.T,
    "a[:, 100:500].T": lambda a: a[:, 100:500].T,
    "a[:, ::2]": lambda a: a[:, ::2],
    "a[::2]": lambda a: a[::2],
}
IMAGES = [(8, 64, 56, 56), (8, 64, 64, 64), (4, 16, 224, 224)]


def seconds(call: Call, other: Call, threads: int) -> tuple[float, float]:
    turns = Turn(call), Turn(other)
    for _ in range(ROUNDS):
        for turn in turns:
            turn.take(threads)
    return turns[0].best, turns[1].best


def strided(threads: int) -> Iterator[tuple[str, float, float]]:
    a = np.random.default_rng(2015).standard_normal((4096, 1024), np.float32)
    for name, view in VIEWS.items():
        x = view(a)
        ours = Call("elu", "f(x)", {"f": elu.elu, "x": x})
        theirs = Call("PyTorch", "f(x)", {"f": torch.nn.functional.elu, "x": torch.from_numpy(x)})
        here, there = seconds(ours, theirs, threads)
        yield f"elu({name}) over PyTorch", here / there, 1.0


def channels(threads: int) -> Iterator[tuple[str, float, float]]:
    rng = np.random.default_rng(2015)
    for shape in IMAGES:
        for dtype in DTYPES:
            names = {name: rng.standard_normal(shape).astype(dtype) for name in ("x", "grad")}
            names["out"] = np.zeros(shape, dtype)
            alphas = np.linspace(0.5, 1, shape[1], dtype=dtype).reshape(-1, 1, 1)
            for function in FUNCTIONS:
                inputs = "x" if function == "elu" else "grad, x"
                each, one = (
                    Call(
                        function,
                        f"f({inputs}, alpha, out=out)",
                        {**names, "f": getattr(elu, function), "alpha": alpha},
                    )
                    for alpha in (alphas, 0.75)
                )
                many, single = seconds(each, one, threads)
                yield f"{function}, {dtype} {shape}, over one alpha", many / single, 1.25


def main() -> None:
    for threads in sorted({1, cores()}):
        elu.set_num_threads(threads)
        torch.set_num_threads(threads)
        print(f"threads: {threads}")
        for measured in (strided, channels):
            for what, ratio, limit in measured(threads):
                verdict = "pass" if ratio <= limit else "FAIL"
                print(f"  {what:67} {ratio:5.2f}  {limit:4.2f}  {verdict}", flush=True)


if __name__ == "__main__":
    main()
