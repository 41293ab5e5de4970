"""What is measured (a point), on which arrays, and how: alternating, the minimum counts."""

import os
import time
import timeit
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from machine import cores

FUNCTIONS = ("elu", "elu_grad", "elu_grad_from_output")
DTYPES = ("float32", "float64")

SAMPLE = 200e-6  # seconds: a sample repeats a call this long, so that the timer does not matter
SAMPLES = 3  # in a row, once a contestant has the caches and the cores for itself
LONG = 5e-3  # seconds: a call this long warms itself up and is its own sample
ROUNDS = 7  # at least, whatever the time budget
CALM = 5  # rounds in which nobody got faster end a measurement,
OVERTIME = 4  # and so do this many times the budget
VERY_LONG = 50e-3  # seconds a call: who takes this long, and
FAR_BEHIND = 10  # times as long as the fastest that computes the same, is measured once only


@dataclass(frozen=True)
class Point:
    """One measurement: everything that may change a time, except who is measured."""

    function: str
    dtype: str
    size: int
    threads: int
    out: bool  # into a given array, or into a new one

    def __str__(self) -> str:
        out = "out=" if self.out else "new result"
        plural = "s" * (self.threads > 1)
        size = power_of_two(self.size)
        return f"{self.function} {self.dtype} {size}, {out}, {self.threads} thread{plural}"


@dataclass
class Arrays:
    """The arguments of a point; every contestant that can work on NumPy arrays shares them."""

    x: np.ndarray  # the layer's input, or its output for elu_grad_from_output
    grad: np.ndarray
    out: np.ndarray


@dataclass
class Call:
    """A contestant at one point: a statement as its user would write it, and what it refers to."""

    name: str
    statement: str
    names: dict[str, Any]
    result: str = "out"  # where the statement leaves its result
    expected: Callable[[Arrays], np.ndarray] | None = None  # instead of the point's function
    before: Callable[[], None] = field(default=lambda: None)  # untimed, ahead of each turn


def power_of_two(size: int) -> str:
    exponent = size.bit_length() - 1
    return f"2^{exponent}" if size == 1 << exponent else str(size)


def empty(size: int, dtype: str, align: int) -> np.ndarray:
    """An array whose first byte lies `align` bytes past a cache line (0: on its start)."""
    n_bytes = size * np.dtype(dtype).itemsize
    memory = np.empty(n_bytes + 128, np.uint8)
    start = -memory.ctypes.data % 64 + align % 64
    return memory[start : start + n_bytes].view(dtype)


def arrays(point: Point, align: int) -> Arrays:
    """Normal random values, a million of them over and over: no branch predictor learns that."""
    rng = np.random.default_rng(2015)
    made = Arrays(*(empty(point.size, point.dtype, align) for _ in range(3)))
    for array in (made.x, made.grad):
        values = rng.standard_normal(min(point.size, 2**20), point.dtype)
        if array is made.x and point.function == "elu_grad_from_output":
            values = np.maximum(values, np.expm1(np.minimum(values, 0)))
        for start in range(0, point.size, values.size):
            array[start : start + values.size] = values[: point.size - start]
    made.out[:] = 0  # so that its pages exist
    return made


def expected(function: str, a: Arrays) -> np.ndarray:
    x, grad = a.x.astype(np.float64), a.grad.astype(np.float64)
    if function == "elu":
        return np.where(x > 0, x, np.expm1(x))
    return grad * np.where(x > 0, 1, x + 1 if function == "elu_grad_from_output" else np.exp(x))


def check(call: Call, point: Point, a: Arrays) -> None:
    """Run a contestant once, and see that it computes what the others do."""
    head = slice(0, 4096)
    a.out[head] = np.nan
    call.before()
    exec(call.statement, call.names)
    got = np.asarray(eval(call.result, call.names))
    if got.dtype != a.x.dtype or got.shape != a.x.shape:
        raise AssertionError(f"{call.name} returns {got.dtype} {got.shape}: {point}")
    start = Arrays(a.x[head], a.grad[head], a.out[head])
    want = call.expected(start) if call.expected else expected(point.function, start)
    # Wide enough for a peer that computes exp(x) - 1: this is no test of accuracy.
    where = f"{call.name}: {point}"
    np.testing.assert_allclose(got[head], want, rtol=1e-5, atol=1e-6, err_msg=where)


def settle(patience: float = 0.2) -> None:
    """Wait until this process runs no other thread: workers spin for a while after their work.

    Without this, the workers of one contestant would take a core from the next.
    """
    tasks = Path("/proc/self/task")
    if not tasks.exists():
        time.sleep(patience / 20)
        return
    here = str(os.getpid())
    until = time.perf_counter() + patience
    while time.perf_counter() < until:
        running = 0
        for task in tasks.iterdir():
            try:
                state = task.joinpath("stat").read_text().rpartition(") ")[2][0]
            except OSError:  # the thread has ended
                continue
            running += state == "R" and task.name != here
        if not running:
            return
        time.sleep(1e-4)


@dataclass
class Disturbance:
    """How often other processes left fewer cores than a contestant had threads."""

    turns: int = 0
    disturbed: int = 0

    def look(self, threads: int) -> None:
        try:
            facts = dict(line.split(" ", 1) for line in Path("/proc/stat").read_text().splitlines())
        except OSError:
            return
        others = int(facts["procs_running"]) - 1
        self.turns += 1
        self.disturbed += others + threads > cores()

    def share(self) -> float:
        return self.disturbed / max(1, self.turns)


disturbance = Disturbance()


@dataclass
class Turn:
    """A contestant's record over the rounds."""

    call: Call
    best: float = float("inf")

    def __post_init__(self) -> None:
        self.timer = timeit.Timer(self.call.statement, globals=self.call.names)
        self.best = self.timer.timeit(1)

    def take(self, threads: int) -> bool:
        """Whether it was clearly faster than ever before."""
        settle()
        disturbance.look(threads)
        self.call.before()
        if self.best < LONG:
            number = max(1, round(SAMPLE / self.best))
            self.timer.timeit(number)  # caches, threads
            seconds = min(self.timer.repeat(SAMPLES, number)) / number
        else:
            seconds = self.timer.timeit(1)
        faster = seconds < 0.99 * self.best
        self.best = min(self.best, seconds)
        return faster

    def hopeless(self, fastest: float) -> bool:
        """More rounds would take long and change nothing."""
        return self.best > VERY_LONG and self.best > FAR_BEHIND * fastest


def measure(point: Point, a: Arrays, calls: Iterable[Call], budget: float) -> dict[str, float]:
    """Nanoseconds a call takes, for each contestant: alternating, the minimum over the rounds."""
    turns = []
    for call in calls:
        check(call, point, a)
        turns.append(Turn(call))
    start = time.perf_counter()
    rounds = calm = 0
    # A burst of noise can outlast the budget: go on while anybody still gets faster.
    while (spent := time.perf_counter() - start) < OVERTIME * budget or rounds < ROUNDS:
        if rounds >= ROUNDS and calm >= CALM and spent > budget:
            break
        fastest = min((turn.best for turn in turns if not turn.call.expected), default=0)
        faster = False
        for turn in turns if rounds % 2 else reversed(turns):
            if not turn.hopeless(fastest):
                faster |= turn.take(point.threads)
        rounds += 1
        calm = 0 if faster else calm + 1
    return {turn.call.name: turn.best * 1e9 for turn in turns}
