"""The ratios that this package holds itself to, and how to tell whether it does."""

from collections.abc import Iterable
from dataclasses import dataclass

from peers import LIMITS, ONE_THREAD, OURS, PEER_NAMES
from timing import DTYPES, FUNCTIONS, Point

SIZES = tuple(2**exponent for exponent in range(4, 27, 2))
CACHED = 2**17  # half a megabyte of float32: input and output just fit a second-level cache

# Of several rivals the fastest counts.
RIVALS = {
    "XNNPACK": ("XNNPACK",),
    "PyTorch": ("PyTorch",),
    "np.copyto": ("np.copyto",),
    "np.exp": ("np.exp",),
    "np.multiply": ("np.multiply",),
    "the NumPy expression": ("np.where",),
    "the best copy or sum": LIMITS,
    "the fastest peer": PEER_NAMES,
    "1 thread": (ONE_THREAD,),
}


@dataclass(frozen=True)
class Bar:
    """This package's time over its rival's stays below the limit, at every one of the points."""

    what: str
    rival: str
    limit: float
    points: tuple[Point, ...]
    isa: str | None = None  # of this package; None: the one it chooses

    def ratios(self, results: dict[Point, dict[str, float]]) -> list[tuple[float, str, Point]]:
        """How much, over whom and where; empty if one of the two was not measured at a point."""
        found = []
        for point in self.points:
            times = results.get(point, {})
            rivals = [name for name in RIVALS[self.rival] if name in times]
            if OURS not in times or not rivals:
                return []
            best = min(rivals, key=times.__getitem__)
            found.append((times[OURS] / times[best], best, point))
        return found


def bars(threads: int, sizes: Iterable[int] = SIZES) -> list[Bar]:
    """All of them; `threads` is what "all threads" means here, `sizes` what "every size" does."""

    def at(function, dtype, size, threads=1, out=True):
        return (Point(function, dtype, size, threads, out),)

    def every(threads, sizes, functions=FUNCTIONS, dtypes=DTYPES):
        return tuple(
            Point(function, dtype, size, n, True)
            for n in threads
            for dtype in dtypes
            for function in functions
            for size in sizes
        )

    elu, grad, from_output = FUNCTIONS
    f32, f64 = DTYPES
    large = 2**26
    forward = at(elu, f32, CACHED)
    new_large = at(elu, f32, 2**24, threads, out=False)
    new_small = at(elu, f32, 16, out=False)
    from_output_large = at(from_output, f32, large, threads)
    grad_small = at(grad, f32, 16, out=False)
    anywhere = every(sorted({1, threads}), sizes)
    found = [
        Bar("elu, float32, 2^17", "XNNPACK", 0.85, forward),
        Bar("elu, float32, 2^17", "PyTorch", 0.16, forward),
        Bar("elu, float32, 2^17", "np.copyto", 2.6, forward),
        Bar("elu, float64, 2^17", "np.exp", 0.80, at(elu, f64, CACHED)),
        Bar("elu, float64, 2^17", "PyTorch", 0.24, at(elu, f64, CACHED)),
        Bar("elu_grad, float32, 2^17", "PyTorch", 0.40, at(grad, f32, CACHED)),
        Bar("elu_grad, float64, 2^17", "PyTorch", 0.50, at(grad, f64, CACHED)),
        Bar("... from output, float32, 2^17", "PyTorch", 0.85, at(from_output, f32, CACHED)),
        Bar("... from output, float64, 2^17", "PyTorch", 0.85, at(from_output, f64, CACHED)),
        Bar("elu, 2^26", "the best copy or sum", 1.25, at(elu, f32, large, threads)),
        Bar("elu_grad, 2^26", "the best copy or sum", 1.20, at(grad, f32, large, threads)),
        Bar("... from output, 2^26", "the best copy or sum", 1.10, from_output_large),
        Bar("elu(x), 2^24, new result", "the fastest peer", 1.0, new_large),
        Bar("elu(x), 16 values", "np.exp", 1.25, new_small),
        Bar("elu(x, out=y), 16 values", "np.exp", 1.25, at(elu, f32, 16)),
        Bar("elu_grad(g, x), 16 values", "np.multiply", 1.3, grad_small),
        Bar("every size, dtype and function", "the fastest peer", 1.0, anywhere),
        Bar("AVX2: elu, float32, 2^17", "PyTorch", 0.30, forward, "avx2"),
        Bar("baseline: elu, float32, 2^17", "the NumPy expression", 0.5, forward, "baseline"),
    ]
    if threads > 1:
        cached = [2**exponent for exponent in range(17, 23)]
        for function in FUNCTIONS:
            for dtype in DTYPES:
                what = f"2 threads: {function}, {dtype}, 2^17 to 2^22"
                found.append(Bar(what, "1 thread", 0.60, every([2], cached, [function], [dtype])))
        # Densely where threads begin to pay.
        dense = sorted({*sizes, *(2**exponent for exponent in range(10, 18))})
        found.append(Bar("2 threads: any size", "1 thread", 1.05, every([2], dense)))
    return found
