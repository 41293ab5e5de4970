"""Beside PyTorch and scikit-learn, which bring OpenMP libraries of their own: who gets slower?

Each figure is the minimum over processes that take turns. In each of them the libraries named are
imported and used, in that order, and then one of them is measured, on as many threads as it takes.
"""

import argparse
import subprocess
import sys

import numpy as np
from machine import cores
from timing import Call, Turn

LIMIT = 1.1  # of the time alone
ORDERS = {
    "elu": ["elu", "elu torch", "torch elu", "elu sklearn", "sklearn elu"],
    "torch": ["torch", "elu torch", "torch elu"],
    "sklearn": ["sklearn", "elu sklearn", "sklearn elu"],
}
SAMPLES = 15


def elu_call() -> Call:
    import elu

    x = np.linspace(-5, 5, 2**20, dtype=np.float32)
    return Call("elu", "f(x, out=out)", {"f": elu.elu, "x": x, "out": np.empty_like(x)})


def torch_call() -> Call:
    import torch

    x = torch.linspace(-5, 5, 2**20)
    return Call("torch", "f(x)", {"f": torch.nn.functional.elu, "x": x})


def sklearn_call() -> Call:
    from sklearn.metrics import pairwise_distances_argmin

    points = np.random.default_rng(2015).standard_normal((2**14, 8))
    names = {"f": pairwise_distances_argmin, "x": points, "y": points[:64]}
    return Call("sklearn", "f(x, y)", names)


CALLS = {"elu": elu_call, "torch": torch_call, "sklearn": sklearn_call}


def measure(order: list[str], measured: str) -> float:
    """Seconds a call takes, in this process."""
    turns = {name: Turn(CALLS[name]()) for name in order}
    for _ in range(SAMPLES):
        turns[measured].take(cores())
    return turns[measured].best


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="processes for each row (20)")
    parser.add_argument("--measure", nargs=2, metavar=("ORDER", "NAME"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        order, measured = options.measure
        print(measure(order.split(), measured))
        return 0
    best: dict[tuple[str, str], float] = {}
    for _ in range(options.runs):
        for measured, orders in ORDERS.items():
            for order in orders:
                command = [sys.executable, __file__, "--measure", order, measured]
                seconds = float(subprocess.check_output(command))
                best[measured, order] = min(seconds, best.get((measured, order), seconds))
    slower = 0
    print(f"{'measured':10}{'imported and used':20}{'us':>8}{'over alone':>12}")
    for (measured, order), seconds in best.items():
        ratio = seconds / best[measured, measured]
        slower += ratio > LIMIT
        print(f"{measured:10}{order:20}{seconds * 1e6:8.1f}{ratio:12.2f}")
    return int(slower > 0)


if __name__ == "__main__":
    sys.exit(main())
