"""Measure PyTorch with its own ELU, SELU and CELU and with those of elu.torch, in one process.

    python bench/patched.py                one and two threads
    python bench/patched.py --runs 10      how often each bar held

Each pair takes turns, the minimum counts, and the ratio is what means something.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator

import torch

import elu.torch

functional = torch.nn.functional

# What is measured, on how many elements or for which batch; and the bar, where there is one.
BARS = {
    "forward float32 2^20": 0.16,
    "forward and backward float32 2^20": 0.40,
    "forward bfloat16 2^20": 0.35,
}
MOST_EXTRA = 3.0  # us for 512 elements


def calls() -> Iterator[tuple[str, Callable[[], object]]]:
    torch.manual_seed(0)
    x = torch.randn(2**20)
    leaf = x.clone().requires_grad_()
    grad = torch.randn(2**20)
    bfloat = x.bfloat16()
    few = torch.randn(512)

    def backward():
        leaf.grad = None
        functional.elu(leaf).backward(grad)

    yield "forward float32 512", lambda: functional.elu(few)
    yield "forward float32 2^20", lambda: functional.elu(x)
    yield "forward and backward float32 2^20", backward
    yield "forward bfloat16 2^20", lambda: functional.elu(bfloat)
    yield "selu forward float32 2^20", lambda: functional.selu(x)
    yield "celu forward float32 2^20", lambda: functional.celu(x, 1.5)
    for name, model, shape, batches in models():
        for batch in batches:
            yield from uses(f"{name}, batch {batch}", model, torch.randn(batch, *shape))


def models():
    """A network of fully connected layers, and a small convolutional one."""
    layer, act = torch.nn.Linear, torch.nn.ELU
    mlp = torch.nn.Sequential(
        layer(48, 512), act(), layer(512, 256), act(), layer(256, 128), act(), layer(128, 12)
    )
    conv = torch.nn.Conv2d
    net = torch.nn.Sequential(
        conv(3, 32, 3, padding=1), act(), conv(32, 64, 3, stride=2), act(),
        conv(64, 64, 3, stride=2), act(), torch.nn.Flatten(), layer(3136, 10)
    )
    yield "MLP", mlp, (48,), (1, 64, 4096)
    yield "conv", net, (3, 32, 32), (1, 64)


def uses(name, model, x):
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)

    def inference():
        with torch.inference_mode():
            model(x)

    def training():
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()

    yield f"{name}, inference", inference
    yield f"{name}, training", training


def measured(call: Callable[[], object], seconds: float) -> tuple[float, float]:
    """Best time of a call in us: as PyTorch is, and patched."""
    call()
    start = time.perf_counter()
    call()
    times = max(1, int(0.002 / (time.perf_counter() - start)))
    best = [float("inf")] * 2
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop:
        for patched in (False, True):
            if patched:
                elu.torch.patch()
            call()
            start = time.perf_counter()
            for _ in range(times):
                call()
            best[patched] = min(best[patched], (time.perf_counter() - start) / times * 1e6)
            elu.torch.unpatch()
    return best[0], best[1]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=1.0, help="for each line")
    options = parser.parse_args()
    held: dict[str, int] = {}
    print(f"PyTorch {torch.__version__}, {elu.config()}\n")
    for run in range(options.runs):
        for threads in options.threads:
            torch.set_num_threads(threads)
            for name, call in calls():
                own, ours = measured(call, options.seconds)
                what = f"{name}, {threads} thread{'s' if threads > 1 else ''}"
                bar = BARS.get(name, float("inf"))
                held[what] = held.get(what, 0) + (
                    ours < own + MOST_EXTRA if name.endswith(" 512") else ours <= bar * own
                )
                limit = f"  bar {bar:.2f}" if name in BARS else ""
                print(f"{what:52} {own:10.1f} us  patched {ours:10.1f} us "
                      f"{ours / own:5.2f}{limit}", flush=True)
        print(f"\nrun {run + 1} of {options.runs}; held so far:")
        for what, times in held.items():
            if what.partition(",")[0] in BARS or " 512" in what:
                print(f"  {what:50} {times} of {run + 1}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
