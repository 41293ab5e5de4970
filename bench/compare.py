"""Measure elu beside NumPy and whichever of its peers are installed, in one run.

    python bench/compare.py                     everything
    python bench/compare.py --quick             a few sizes, less exactly
    python bench/compare.py --bars --runs 10    the ratios of bars.py, and how often each held

Contestants take turns, the minimum counts, and only ratios taken in one run mean anything: times
move with the machine.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path

import machine
import numpy as np
import report
from bars import RIVALS, SIZES, Bar, bars
from machine import cores, memory
from peers import LIMITS, MARKS, OURS, PEER_NAMES, PEERS, installed
from timing import DTYPES, FUNCTIONS, Point, arrays, disturbance, measure

QUICK = tuple(2**exponent for exponent in (4, 10, 14, 17, 20, 22))
SHARE = 0.8  # of the memory, at most
PER_POINT = 12  # arrays: ours, the copies that some peers keep, NumPy's intermediate results


def log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def progress(text: str) -> None:
    """One line that is written over, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def fits(point: Point) -> bool:
    needed = PER_POINT * point.size * np.dtype(point.dtype).itemsize
    return not memory() or needed < SHARE * memory()


def run(wanted: dict[Point, float], found: list, whom, align: int) -> Iterator[tuple]:
    """Measure the points, each with its time budget; `whom` names the contestants at a point."""
    threads = None
    for point in sorted(wanted, key=lambda point: point.threads):
        if not fits(point):
            log(f"skipped, not enough memory: {point}")
            continue
        if point.threads != threads:
            threads = point.threads
            for contestant in found:
                contestant.set_threads(threads)
        progress(str(point))
        names = whom(point)
        a = arrays(point, align)
        calls = [
            call
            for contestant in found
            if not names.isdisjoint(contestant.names)
            for call in contestant.calls(point, a)
            if call.name in names
        ]
        times = measure(point, a, calls, wanted[point])
        progress("")
        yield point, times


def compare(options: argparse.Namespace, found: list) -> report.Results:
    """Every combination of the options, printed as a table at a time."""
    wanted = {
        Point(function, dtype, size, threads, out): options.budget
        for threads in options.threads
        for dtype in options.dtypes
        for function in options.functions
        for out in options.out
        for size in options.sizes
    }
    everybody = {OURS, *PEER_NAMES, *LIMITS, *MARKS}
    results: report.Results = {}
    measured = run(wanted, found, lambda point: everybody, options.align)
    for _, section in groupby(measured, key=lambda entry: replace(entry[0], size=0)):
        rows = dict(section)
        print(report.table(rows), end="\n\n", flush=True)
        results |= rows
    return results


def hold(options: argparse.Namespace, found: list) -> tuple[report.Results, list[dict]]:
    """Measure the bars once."""
    wanted: dict[Point, float] = {}
    names: dict[Point, set[str]] = {}
    everything = bars(cores(), options.sizes)
    for bar in everything:
        if bar.isa is None:
            for point in bar.points:
                names.setdefault(point, {OURS}).update(RIVALS[bar.rival])
                # A single point has to be exact; of many, all have to be affordable.
                budget = options.budget * (4 if len(bar.points) == 1 else 0.5)
                wanted[point] = max(budget, wanted.get(point, 0))
    here = dict(run(wanted, found, names.__getitem__, options.align))
    entries = []
    for bar in everything:
        results, why = elsewhere(bar, options) if bar.isa else (here, "")
        ratios = sorted(bar.ratios(results), key=lambda entry: entry[0], reverse=True)
        above = [
            {"point": str(point), "ratio": ratio, "rival": name}
            for ratio, name, point in ratios
            if ratio > bar.limit
        ]
        entries.append(
            {
                "what": bar.what,
                "rival": bar.rival,
                "rivals": len(RIVALS[bar.rival]),
                "limit": bar.limit,
                "points": len(bar.points),
                "worst": [ratios[0][0]] if ratios else [],  # of each run
                "above": above,
                "note": why,
            }
        )
    return here, entries


def elsewhere(bar: Bar, options: argparse.Namespace) -> tuple[report.Results, str]:
    """Measure a bar with another instruction set, which takes another process."""
    (point,) = bar.points
    arguments = ["--functions", point.function, "--dtypes", point.dtype, "--sizes", str(point.size)]
    arguments += ["--threads", str(point.threads), "--out", "given", "--peers", "numpy", "torch"]
    arguments += ["--budget", str(options.budget * 4), "--align", str(options.align)]
    try:
        return load(child(arguments, {"ELU_ISA": bar.isa})), ""
    except subprocess.CalledProcessError as error:
        return {}, error.stderr.strip().rpartition("\n")[2]


def hold_often(options: argparse.Namespace) -> tuple[dict, list[dict]]:
    """Measure the bars in a process of its own for each run, so that no two share their luck."""
    entries: list[dict] = []
    disturbed = 0.0
    for number in range(options.runs):
        log(f"run {number + 1} of {options.runs}")
        arguments = ["--bars", "--budget", str(options.budget), "--align", str(options.align)]
        arguments += ["--sizes", *map(str, options.sizes), "--peers", *options.peers]
        try:
            data = child(arguments, {})
        except subprocess.CalledProcessError as error:
            sys.exit(error.stderr)
        for entry, earlier in zip(data["bars"], entries, strict=bool(entries)):
            for key in ("worst", "above"):
                entry[key] = earlier[key] + entry[key]
        entries = data["bars"]
        disturbed = max(disturbed, data["machine"]["disturbed"])
    data["machine"]["disturbed"] = disturbed  # in the worst run
    return data, entries


def child(arguments: list[str], environment: dict[str, str]) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "results.json")
        command = [sys.executable, __file__, *arguments, "--json", str(path)]
        subprocess.run(
            command,
            env=os.environ | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=True,
        )
        return json.loads(path.read_text())


def save(path: str, facts: dict, results: report.Results, entries: list[dict]) -> None:
    data = {
        "machine": facts,
        "results": [asdict(point) | {"ns_per_call": times} for point, times in results.items()],
        "bars": entries,
    }
    Path(path).write_text(json.dumps(data, indent=1) + "\n")


def load(data: dict) -> report.Results:
    results: report.Results = {}
    for entry in data["results"]:
        times = entry.pop("ns_per_call")
        results[Point(**entry)] = times
    return results


def chosen(point: Point, options: argparse.Namespace) -> bool:
    return (
        point.size in options.sizes
        and point.function in options.functions
        and point.dtype in options.dtypes
        and point.threads in options.threads
        and point.out in options.out
    )


def size(text: str) -> int:
    base, _, exponent = text.partition("^")
    return int(base) ** int(exponent or 1)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--sizes", nargs="+", type=size, help="as 2^17 or 131072; default: 2^4 to 2^26")
    add("--dtypes", nargs="+", choices=DTYPES, default=DTYPES)
    add("--functions", nargs="+", choices=FUNCTIONS, default=FUNCTIONS)
    add("--threads", nargs="+", metavar="N", default=["1", "all"], help="default: 1 all")
    add(
        "--out",
        nargs="+",
        choices=("given", "new"),
        default=("given", "new"),
        help="into a given array, or a new one; default: both",
    )
    add("--peers", nargs="*", choices=PEERS, default=list(PEERS), help="default: those installed")
    add("--quick", action="store_true", help="a few sizes, less exactly")
    add("--budget", type=float, help="seconds for each point; default: 0.5")
    add(
        "--align",
        type=int,
        choices=(64, 32, 16),
        default=64,
        help="boundary in bytes that arrays start on: 64, where the peers' own allocators put "
        "them (default), or 16, where malloc puts NumPy's large ones",
    )
    add(
        "--bars",
        action="store_true",
        help="measure the ratios of bars.py, pass or fail (of the options above, --peers, "
        '--budget, --align and, for its "every size", --sizes apply)',
    )
    add("--runs", type=int, default=1, help="with --bars: as often as this")
    add("--strict", action="store_true", help="with --bars: exit 1 unless each held in 9 of 10")
    add("--json", metavar="FILE", help="write the results there")
    add("--plot", metavar="FILE", help="draw all of them there (matplotlib)")
    add("--headline", metavar="FILE", help="draw the first table beside the five fastest peers")
    add("--ratios", metavar="FILE", help="the same as ratios, on a linear axis")
    add("--load", metavar="FILE", help="measure nothing: the results of an earlier --json")
    options = parser.parse_args()
    options.sizes = options.sizes or (QUICK if options.quick else SIZES)
    options.budget = options.budget or (0.1 if options.quick else 0.5)
    options.threads = sorted({cores() if n == "all" else int(n) for n in options.threads})
    options.out = [out == "given" for out in options.out]
    return options


def main() -> int:
    options = parse()
    results: report.Results = {}
    entries: list[dict] = []
    if options.load:
        data = json.loads(Path(options.load).read_text())
        facts, entries, results = data["machine"], data["bars"], load(data)
        results = {point: times for point, times in results.items() if chosen(point, options)}
        print(report.describe(facts), end="\n\n")
        for _, rows in report.sections(results):
            print(report.table(rows), end="\n\n")
    elif options.bars and options.runs > 1:
        data, entries = hold_often(options)
        facts, results = data["machine"], load(data)
        print(report.describe(facts), end="\n\n")
    else:
        try:
            found, notes = installed(options.peers)
        except ImportError as error:
            sys.exit(f"elu cannot be imported: {error}")
        facts = machine.facts(notes)
        print(report.describe(facts), end="\n\n", flush=True)
        if options.bars:
            results, entries = hold(options, found)
        else:
            results = compare(options, found)
        facts["disturbed"] = disturbance.share()
    if entries:
        print(report.bar_table(entries), end="\n\n")
    if facts.get("disturbed", 0) > 0.02:
        print(f"Mind: other processes took cores away in {facts['disturbed']:.0%} of the turns.")
    if options.json:
        save(options.json, facts, results, entries)
    if options.plot:
        # The bars are measured at more sizes than these, and not all of them for everybody.
        shown = {point: times for point, times in results.items() if chosen(point, options)}
        report.plot(shown, facts, options.plot)
    for path, ratios in ((options.headline, False), (options.ratios, True)):
        if path:
            report.headline(results, facts, path, ratios=ratios)
    return int(options.strict and not all(map(report.held, entries)))


if __name__ == "__main__":
    sys.exit(main())
