"""Every kind of call beside NumPy's or PyTorch's own on the same input: does one fall off a cliff?

    python bench/cliffs.py                      once, with a line for each point as it is measured
    python bench/cliffs.py --runs 10            and how often each bar held
    python bench/cliffs.py --only 'strided|0-d' a few

One thread. Both statements take turns, and the minimum of each counts. Exit status 1 unless each
ratio was within its bar in nine runs of ten.
"""

import argparse
import array
import contextlib
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import machine
import numpy as np
from timing import CALM, DTYPES, OVERTIME, ROUNDS, Call, Turn, empty

import elu

SHARE = 0.9  # of the runs, in which a bar has to hold
SMALL = (16, 1000)
CACHED = 2**17  # as in bars.py
FUNCTIONS = tuple(
    family + suffix
    for family in ("elu", "selu", "celu")
    for suffix in ("", "_grad", "_grad_from_output")
)
CALLS = {name: getattr(elu, name) for name in FUNCTIONS} | {"exp": np.exp, "multiply": np.multiply}
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772

rng = np.random.default_rng(2015)


@dataclass
class Point:
    """Two statements over the same names, and how long the first may take in terms of the second.

    The names x, grad, alpha and valid (which elements count) mean the same in every point: from
    them follows what the first statement has to compute.
    """

    label: str
    bar: float
    ours: str
    other: str
    names: dict[str, Any]


@dataclass
class Record:
    """What the runs found at a point: nanoseconds of both statements for each run."""

    label: str
    bar: float
    ours: str
    other: str
    times: list[tuple[float, float]] = field(default_factory=list)
    note: str = ""  # why there are none

    @property
    def ratios(self) -> list[float]:
        return [ours / other for ours, other in self.times]

    @property
    def good(self) -> int:
        return sum(ratio <= self.bar for ratio in self.ratios)


# The data


def normal(shape: int | tuple[int, ...], dtype: str) -> np.ndarray:
    return rng.standard_normal(shape).astype(dtype)


def integers(size: int, dtype: str) -> np.ndarray:
    """None so large that its exp overflows in float16, which would time a warning."""
    return np.clip(np.round(2 * rng.standard_normal(size)), -8, 8).astype(dtype)


def mask(*shape: int) -> np.ndarray:
    return rng.random(shape) < 0.5


def memmap(x: np.ndarray) -> np.memmap:
    with tempfile.TemporaryFile() as file:  # the mapping outlives it
        mapped = np.memmap(file, x.dtype, shape=x.shape)
    mapped[:] = x
    return mapped


def unaligned(x: np.ndarray) -> np.ndarray:
    return np.frombuffer(b"\0" + x.tobytes(), x.dtype, offset=1)


def on_a_line(values: np.ndarray) -> np.ndarray:
    """A copy that starts on a cache line, as compare.py's arrays do: malloc's luck is no ratio."""
    copy = empty(values.size, values.dtype, 0).reshape(values.shape)
    copy[...] = values
    return copy


def large(shape: int | tuple[int, ...], dtype: str) -> np.ndarray:
    return on_a_line(normal(shape, dtype))


def pair(shape: int | tuple[int, ...], dtype: str) -> dict[str, Any]:
    """The operands of a large call, and where its result goes."""
    x = large(shape, dtype)
    return {"x": x, "grad": large(shape, dtype), "out": on_a_line(np.zeros_like(x))}


# The table: one function for each block of it, one yield for each of its bars


def scalars() -> Iterator[Point]:
    kinds = {
        "a Python float": -1.5,
        "a float32 scalar": np.float32(-1.5),
        "0-d float32": np.array(-1.5, np.float32),
        "0-d float64": np.array(-1.5),
    }
    for kind, x in kinds.items():
        names = {"x": x, "alpha": 1.5}
        yield Point(kind, 1.5, "elu(x)", "exp(x)", {"x": x})
        yield Point(f"{kind}, alpha=", 2.0, "elu(x, alpha=alpha)", "exp(x)", names)
    kind, other = "grad of two Python floats", "multiply(grad, x)"
    names = {"grad": 0.5, "x": -1.5}
    yield Point(kind, 1.5, "elu_grad(grad, x)", other, names)
    names |= {"alpha": 1.5}
    yield Point(f"{kind}, alpha=", 2.0, "elu_grad(grad, x, alpha=alpha)", other, names)


def small() -> Iterator[Point]:
    for dtype, size in product(DTYPES, SMALL):
        x, out, valid = normal(size, dtype), np.zeros(size, dtype), mask(size)
        square = x.reshape(4, -1)
        other = "float64" if dtype == "float32" else "float32"
        calls = [
            ("strided", normal(2 * size, dtype)[::2], ""),
            ("reversed", normal(size, dtype)[::-1], ""),
            ("unaligned", unaligned(x), ""),
            ("out=(y,)", x, ", out=(out,)"),
            ("order='C'", square, ", order='C'"),
            ("order='F'", square, ", order='F'"),
            (f"dtype={other}", x, f", dtype='{other}'"),
            ("where=", x, ", where=valid, out=out"),
            ("array.array", array.array(x.dtype.char, x.tobytes()), ""),
            ("memmap", memmap(x), ""),
        ]
        for kind, x, keywords in calls:
            names = {"x": x, "out": out, "valid": valid}
            label = f"{kind}, {dtype}, {size}"
            yield Point(label, 1.5, f"elu(x{keywords})", f"exp(x{keywords})", names)
    for size in SMALL:
        names = {"x": integers(size, "int64")}
        yield Point(f"int64, {size}", 1.5, "elu(x)", "exp(x)", names)
        names = {"x": normal(size, "float64").tolist()}
        yield Point(f"a list, {size}", 1.3, "elu(x)", "exp(x)", names)


def small_products() -> Iterator[Point]:
    for dtype, size in product(DTYPES, SMALL):
        x, grad = normal(2 * size, dtype)[::2], normal(2 * size, dtype)[::2]
        alphas = rng.uniform(0.5, 2, size).astype(dtype)
        at = f"{dtype}, {size}"
        names = {"x": x, "alpha": 1.5}
        yield Point(f"strided, alpha=1.5, {at}", 1.5, "elu(x, alpha)", "multiply(x, alpha)", names)
        names = {"x": x.copy(), "alpha": alphas}
        yield Point(f"alpha each, {at}", 1.5, "elu(x, alpha)", "multiply(x, alpha)", names)
        names = {"x": x, "grad": grad}
        yield Point(f"strided grad, {at}", 1.5, "elu_grad(grad, x)", "multiply(grad, x)", names)
    for size in SMALL:
        label = f"float32 grad, float64 x, {size}"
        names = {"x": normal(size, "float64"), "grad": normal(size, "float32")}
        yield Point(label, 1.5, "elu_grad(grad, x)", "multiply(grad, x)", names)


def pandas_objects() -> Iterator[Point]:
    import pandas

    for dtype, rows in product(DTYPES, (10, 1000)):
        at = f"{dtype}, {rows} rows"
        names = {"x": pandas.Series(normal(rows, dtype))}
        yield Point(f"Series, {at}", 1.25, "elu(x)", "exp(x)", names)
        yield Point(f"Series, alpha=1.5, {at}", 1.25, "elu(x, 1.5)", "exp(x)", names)
        names = {"grad": pandas.Series(normal(rows, dtype)), **names}
        yield Point(f"Series' gradient, {at}", 1.5, "elu_grad(grad, x)", "multiply(grad, x)", names)
        frame = pandas.DataFrame(normal((rows, 4), dtype), columns=list("abcd"))
        yield Point(f"DataFrame, {at}", 1.5, "elu(x)", "exp(x)", {"x": frame})
        label, names = f"DataFrame's gradient, {at}", {"grad": frame, "x": frame}
        yield Point(label, 1.5, "elu_grad(grad, x)", "multiply(grad, x)", names)


def xarray_objects() -> Iterator[Point]:
    import xarray

    for dtype, rows in product(DTYPES, (10, 1000)):
        names = {"x": xarray.DataArray(normal(rows, dtype), dims="time")}
        yield Point(f"DataArray, {dtype}, {rows} rows", 1.25, "elu(x)", "exp(x)", names)


def masked() -> Iterator[Point]:
    for dtype, rows in product(DTYPES, (10, 1000)):
        names = {"x": np.ma.array(normal((rows, 4), dtype), mask=mask(rows, 4))}
        yield Point(f"masked, {dtype}, {rows} rows", 1.5, "elu(x)", "exp(x)", names)


def beside_pytorch() -> Iterator[Point]:
    import ml_dtypes
    import torch

    torch.set_num_threads(1)
    # For good: without it every call looks after gradients and versions that nobody wants.
    torch.inference_mode().__enter__()

    def tensor(a: np.ndarray) -> Any:
        if a.dtype == ml_dtypes.bfloat16:
            return torch.from_numpy(a.view(np.int16)).view(torch.bfloat16)
        return torch.from_numpy(a)

    def names(x: np.ndarray) -> dict[str, Any]:
        # PyTorch gets an output of its own, so that a dirty line in the cache costs both the same.
        given = {"x": x, "grad": large(CACHED, x.dtype), "out": on_a_line(np.zeros_like(x))}
        tensors = {f"t_{name}": tensor(a) for name, a in given.items()}
        tensors["t_out"] = torch.zeros_like(tensors["t_out"])
        backward = torch.ops.aten.elu_backward.grad_input
        return given | tensors | {"torch_elu": torch._C._nn.elu, "torch_elu_backward": backward}

    backward = "torch_elu_backward(t_grad, 1., 1., 1., False, t_x, grad_input=t_out)"
    from_output = backward.replace("False", "True")
    for dtype in ("float16", ml_dtypes.bfloat16):
        name, x = np.dtype(dtype).name, large(CACHED, dtype)
        label, other = f"{name}, 2^17, PyTorch", "torch_elu(t_x, out=t_out)"
        yield Point(label, 0.30, "elu(x, out=out)", other, names(x))
        label = f"{name} gradient, 2^17, PyTorch"
        yield Point(label, 0.60, "elu_grad(grad, x, out=out)", backward, names(x))
        if dtype == "float16":
            y = on_a_line(plain("elu", {"x": x}).astype(dtype))
            label, ours = f"{name} from output, 2^17, PyTorch", "elu_grad_from_output"
            yield Point(label, 1.0, f"{ours}(grad, x, out=out)", from_output, names(y))
    x = large(CACHED, "float32")
    for name, scales in (("selu", f"{SELU_ALPHA}, {SELU_SCALE}, 1."), ("celu", "1.5, 1., 1 / 1.5")):
        ours = f"{name}(x, {'1.5, ' if name == 'celu' else ''}out=out)"
        other = f"torch_elu(t_x, {scales}, out=t_out)"
        yield Point(f"{name}, 2^17, PyTorch", 0.22, ours, other, names(x))


def relatives() -> Iterator[Point]:
    """SELU and CELU over ELU."""
    bars = {"selu": 1.3, "celu": 1.5}
    for (name, bar), dtype in product(bars.items(), DTYPES):
        names = pair(CACHED, dtype)
        yield Point(f"{name}, {dtype}, 2^17", bar, f"{name}(x, out=out)", "elu(x, out=out)", names)
        y = on_a_line(plain(name, names).astype(dtype))
        for suffix, given in (("_grad", names), ("_grad_from_output", {**names, "x": y})):
            ours, other = (f"{each}{suffix}(grad, x, out=out)" for each in (name, "elu"))
            yield Point(f"{name}{suffix}, {dtype}, 2^17", 1.3, ours, other, given)


def large_beside_exp() -> Iterator[Point]:
    ours, other = "elu(x, out=out)", "exp(x, out=out)"
    yield Point("float16, 2^17", 1.1, ours, other, pair(CACHED, "float16"))
    for dtype, result, bar in (("int8", "float16", 0.35), ("int64", "float64", 0.95)):
        out = on_a_line(np.zeros(CACHED, result))
        names = {"x": on_a_line(integers(CACHED, dtype)), "out": out}
        yield Point(f"{dtype}, 2^17", bar, ours, other, names)
    for dtype in DTYPES:
        x, out = large(CACHED, dtype), on_a_line(np.zeros(CACHED, dtype))
        swapped = on_a_line(x.astype(x.dtype.newbyteorder()))
        names = {"x": swapped, "out": out}
        yield Point(f"byte-swapped, {dtype}, 2^17", 0.75, ours, other, names)
    for dtype in DTYPES:
        names = {**pair(CACHED, dtype), "valid": mask(CACHED)}
        ours, other = "elu(x, where=valid, out=out)", "exp(x, where=valid, out=out)"
        yield Point(f"where=, {dtype}, 2^17", 1.1, ours, other, names)


def alphas() -> Iterator[Point]:
    """Many alphas over one, for the same x."""
    layouts = [
        ("alpha each", (CACHED,), (CACHED,), 1.5, 1.6),
        ("alpha on the last axis", (2**14, 8), (8,), 2.0, 2.5),
        ("alpha on the last axis", (2**11, 64), (64,), 2.0, 2.5),
        ("alpha per channel", (32, 64, 5, 5), (64, 1, 1), 1.5, 1.6),
        ("alpha per channel", (32, 64, 7, 7), (64, 1, 1), 1.5, 1.6),
        ("alpha per channel", (8, 64, 14, 14), (64, 1, 1), 1.5, 1.6),
    ]
    for (kind, shape, many, forward, gradient), dtype in product(layouts, DTYPES):
        names = pair(shape, dtype)
        names["alpha"] = on_a_line(rng.uniform(0.5, 2, many).astype(dtype))
        at = f"{shape}, {dtype}"
        ours, other = "elu(x, alpha, out=out)", "elu(x, 1.5, out=out)"
        yield Point(f"{kind}, {at}", forward, ours, other, names)
        ours, other = "elu_grad(grad, x, alpha, out=out)", "elu_grad(grad, x, 1.5, out=out)"
        yield Point(f"{kind}, gradient, {at}", gradient, ours, other, names)


def gradients() -> Iterator[Point]:
    """A grad that is not as large as x over one that is."""
    ours, other = "elu_grad(grad, x, out=out)", "elu_grad(dense, x, out=out)"
    for dtype in DTYPES:
        names = pair((512, 256), dtype)
        names |= {"dense": names["grad"], "grad": large((512, 1), dtype)}
        yield Point(f"grad (512, 1), x (512, 256), {dtype}", 1.3, ours, other, names)
    for dtype, grad in (("float32", 1.0), ("float32", np.float32(1)), ("float64", 1.0)):
        names = pair(CACHED, dtype)
        names |= {"dense": on_a_line(np.ones(CACHED, dtype)), "grad": grad}
        yield Point(f"grad = {grad!r}, {dtype}, 2^17", 1.1, ours, other, names)


def values() -> Iterator[Point]:
    """Values that a formula may stumble over, over ordinary ones."""
    ours, other = "elu_grad(grad, x, out=out)", "elu_grad(grad, ordinary, out=out)"
    kinds = [
        ("every x = -100", 1, -100, 1.6),
        ("a NaN in 64", 64, np.nan, 1.6),
        ("a -inf in 4096", 4096, -np.inf, 1.3),
    ]
    for (kind, step, value, bar), dtype in product(kinds, DTYPES):
        names = pair(CACHED, dtype)
        names["ordinary"] = on_a_line(names["x"])
        names["x"][::step] = value
        yield Point(f"{kind}, {dtype}, 2^17", bar, ours, other, names)


TABLE: list[Callable[[], Iterator[Point]]] = [
    scalars,
    small,
    small_products,
    pandas_objects,
    xarray_objects,
    masked,
    beside_pytorch,
    relatives,
    large_beside_exp,
    alphas,
    gradients,
    values,
]


def points(only: str) -> Iterator[Point]:
    for block in TABLE:
        try:
            for point in block():
                if re.search(only, point.label):
                    yield point
        except ImportError as error:
            print(f"{block.__name__}: skipped, {error}", file=sys.stderr)


# The measurement


def plain(function: str, names: dict[str, Any]) -> np.ndarray:
    """The formula as a textbook has it, in float64."""
    x, grad, alpha = (
        np.asarray(names.get(name, 1.0), np.float64) for name in ("x", "grad", "alpha")
    )
    scale, width = 1.0, np.asarray(1.0)
    if function.startswith("selu"):
        scale, alpha = SELU_SCALE, SELU_SCALE * SELU_ALPHA
    elif function.startswith("celu"):
        alpha, width = np.asarray(1.0), alpha
    negative = np.minimum(x, 0) / width
    if "grad" not in function:
        return np.where(x >= 0, scale * x, alpha * width * np.expm1(negative))
    from_output = "output" in function
    slope = (x + alpha * width) / width if from_output else alpha * np.exp(negative)
    return grad * np.where(x >= 0, scale, slope)


def check(point: Point, names: dict[str, Any]) -> None:
    """Is our result right, and the same kind of thing as the other's?"""
    # A result that the other statement, or the point before, left there would pass for ours.
    if "out" in names:
        names["out"][...] = 0.25
    got = eval(point.ours, names)
    values, hidden = np.array(got), np.ma.getmaskarray(got)
    here = ~hidden & names["valid"] if "where=" in point.ours else ~hidden
    if "1.5" in point.ours:
        names = {"alpha": 1.5, **names}
    want = plain(point.ours.partition("(")[0], names)
    other = eval(point.other, names)
    theirs = np.asarray(names["out"] if "torch" in point.other else other)
    assert values.shape == theirs.shape, f"{values.shape}, not {theirs.shape}"
    assert values.dtype == theirs.dtype, f"{values.dtype}, not {theirs.dtype}"
    if "torch" not in point.other:
        assert type(got) is type(other), f"{type(got).__name__}, not {type(other).__name__}"
        assert np.array_equal(hidden, np.ma.getmaskarray(other)), "another mask"
    zero = values.dtype.type(0)
    tolerance = {"float16": 2e-3, "bfloat16": 1e-2}.get(values.dtype.name, 1e-5)
    np.testing.assert_allclose(
        values[here].astype(np.float64),
        want[here],
        rtol=tolerance,
        atol=2 * float(np.nextafter(zero, values.dtype.type(1))),
    )
    if "where=" in point.ours:
        assert (values[~here] == 0.25).all(), "writes where it must not"


def measure(point: Point, budget: float) -> tuple[float, float]:
    """Nanoseconds of both statements."""
    names = CALLS | point.names
    check(point, names)
    turns = [Turn(Call(statement, statement, names)) for statement in (point.ours, point.other)]
    start = time.perf_counter()
    rounds = calm = 0
    # As in timing.py: a burst of noise can outlast the budget.
    while (spent := time.perf_counter() - start) < OVERTIME * budget or rounds < ROUNDS:
        if rounds >= ROUNDS and calm >= CALM and spent > budget:
            break
        # No generator: both have to take their turns.
        faster = any([turn.take(1) for turn in (turns if rounds % 2 else reversed(turns))])
        rounds += 1
        calm = 0 if faster else calm + 1
    ours, other = (turn.best * 1e9 for turn in turns)
    return ours, other


def run(only: str, budget: float) -> Iterator[Record]:
    elu.set_num_threads(1)
    for point in points(only):
        record = Record(point.label, point.bar, point.ours, point.other)
        try:
            record.times.append(measure(point, budget))
        except Exception as error:  # is a finding, too, and no reason to measure nothing else
            reason = " ".join(str(error).split())[:100]
            record.note = f"{type(error).__name__}: {reason}"
        yield record


def run_often(options: argparse.Namespace) -> tuple[dict, list[Record]]:
    """In a process of its own for each run, so that no two share their luck."""
    records: dict[str, Record] = {}
    for number in range(options.runs):
        print(f"run {number + 1} of {options.runs}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "results.json")
            command = [sys.executable, __file__, "--only", options.only, "--json", str(path)]
            command += ["--budget", str(options.budget)]
            status = subprocess.run(command, stdout=subprocess.DEVNULL).returncode
            if not path.exists():
                sys.exit(f"the process of this run ended with status {status}")
            data = json.loads(path.read_text())
        for entry in data["points"]:
            record = Record(**entry)
            if record.label in records:
                earlier = records[record.label]
                record.times = earlier.times + record.times
                record.note = record.note or earlier.note
            records[record.label] = record
    return data["machine"], list(records.values())


# The report


def versions() -> dict[str, str]:
    """Of those whose figures stand beside ours."""
    found = {}
    for package in ("torch", "pandas", "xarray"):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


HEAD = f"{'call':55}{'over':37}{'us':>10}{'us':>10}{'bar':>6}{'median':>8}{'worst':>8}  held"


def line(record: Record, runs: int) -> str:
    """The times, ours and the other's, are those of the fastest runs."""
    other = record.other.replace("torch_", "torch.").replace("t_", "")
    text = f"{record.label:55}{other if len(other) < 37 else other[:33] + '...':37}"
    if record.times:
        ours, theirs = (min(times) / 1000 for times in zip(*record.times, strict=True))
        text += f"{ours:10.3f}{theirs:10.3f}{record.bar:6.2f}{median(record.ratios):8.3f}"
        text += f"{max(record.ratios):8.3f}"
    mark = "" if held(record, runs) else "  FAIL"
    return f"{text}  {record.good}/{runs}{mark}{record.note and '  ' + record.note}"


def held(record: Record, runs: int) -> bool:
    return record.good >= SHARE * runs


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--runs", type=int, default=1, help="over everything (1)")
    add("--only", default="", metavar="REGEX", help="points whose label it is found in")
    add("--budget", type=float, default=0.3, help="seconds for each point (0.3)")
    add("--json", metavar="FILE", help="write the results there")
    return parser.parse_args()


def main() -> int:
    options = parse()
    if options.runs > 1:
        facts, records = run_often(options)
        print(HEAD, *(line(record, options.runs) for record in records), sep="\n")
    else:
        facts = machine.facts(versions())
        records = []
        print(HEAD, flush=True)
        for record in run(options.only, options.budget):
            records.append(record)
            print(line(record, 1), flush=True)
    good = sum(held(record, options.runs) for record in records)
    print(f"\n{good} of {len(records)} bars held in {SHARE:.0%} of the runs: {options.runs}")
    if options.json:
        data = {"machine": facts, "points": [asdict(record) for record in records]}
        Path(options.json).write_text(json.dumps(data, indent=1) + "\n")
    return int(good < len(records))


if __name__ == "__main__":
    sys.exit(main())
