"""Results as tables and as a plot."""

from collections.abc import Iterable, Iterator
from statistics import median

from peers import LIMITS, MARKS, OURS, PEER_NAMES
from timing import FUNCTIONS, Point, power_of_two

Results = dict[Point, dict[str, float]]  # nanoseconds per call


def describe(facts: dict) -> str:
    lines = []
    for key, value in facts.items():
        if isinstance(value, dict):
            value = ", ".join(f"{name} {fact}" for name, fact in value.items())
        lines.append(f"{key + ':':<13} {value}")
    return "\n".join(lines)


def sections(results: Results) -> Iterator[tuple[Point, Results]]:
    """The results that differ in size only, together; the point stands for all of them."""
    grouped: dict[tuple, Results] = {}
    for point, times in results.items():
        key = point.threads, point.dtype, point.function, point.out
        grouped.setdefault(key, {})[point] = times
    for rows in grouped.values():
        yield next(iter(rows)), dict(sorted(rows.items(), key=lambda row: row[0].size))


def fastest(times: dict[str, float], names: Iterable[str]) -> str | None:
    return min((name for name in names if name in times), key=times.__getitem__, default=None)


def table(rows: Results) -> str:
    """Nanoseconds per element; the ratio is this package's time over the best peer's."""
    some = next(iter(rows))
    measured = set().union(*rows.values())
    limit = "copy" if some.function == "elu" else "sum"
    if measured & set(LIMITS):
        measured.add(limit)
    names = [name for name in (OURS, *PEER_NAMES, limit, *MARKS) if name in measured]
    out = "out=" if some.out else "new result"
    plural = "s" * (some.threads > 1)
    title = f"{some.function}, {some.dtype}, {out}, {some.threads} thread{plural}: ns per element"
    widths = [max(7, len(name)) for name in names]
    heads = "  ".join(f"{name:>{width}}" for name, width in zip(names, widths, strict=True))
    lines = [title, f"{'size':>5}  {heads}  {'ratio':>6}  to"]
    for point, times in rows.items():
        at = dict(times)
        if best := fastest(times, LIMITS):
            at[limit] = times[best]
        cells = [number(at[name] / point.size) if name in at else "" for name in names]
        line = "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
        rival = fastest(times, PEER_NAMES)
        if OURS in times and rival:
            line += f"  {times[OURS] / times[rival]:6.2f}  {rival}"
        lines.append(f"{power_of_two(point.size):>5}  {line}")
    return "\n".join(lines)


def number(value: float) -> str:
    """Three digits, and no exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"


def bar_table(entries: list[dict]) -> str:
    """One line for each bar, and below them the points that keep bars of many points from holding.

    An entry has the worst ratio of each run, and all that were above the limit.
    """
    what, rival = (max(len(entry[key]) for entry in entries) for key in ("what", "rival"))
    lines = [f"{'bar':<{what}}  {'over':<{rival}}  limit  median    best  held"]
    for entry in entries:
        ratios = entry["worst"]
        line = f"{entry['what']:<{what}}  {entry['rival']:<{rival}}  {entry['limit']:5.2f}  "
        if ratios:
            line += f"{median(ratios):6.3f}  {min(ratios):6.3f}  {verdict(entry)}"
        else:
            line += f"not measured  {entry['note']}"
        lines.append(line.rstrip())
    for entry in entries:
        if entry["points"] > 1 and entry["above"]:
            lines += ["", f"{entry['what']}, above {entry['limit']} over {entry['rival']}:"]
            at = {}
            for one in sorted(entry["above"], key=lambda one: one["ratio"], reverse=True):
                at.setdefault(one["point"], []).append(one)
            for point, ones in at.items():
                often = f", {len(ones)} of {len(entry['worst'])} runs" * (len(entry["worst"]) > 1)
                rival = f" over {ones[0]['rival']}" * (entry["rivals"] > 1)
                lines.append(f"  {ones[0]['ratio']:.2f}{rival}{often}: {point}")
    return "\n".join(lines)


def verdict(entry: dict) -> str:
    runs, good = len(entry["worst"]), sum(ratio <= entry["limit"] for ratio in entry["worst"])
    return f"{good}/{runs}" if runs > 1 else ("FAIL", "pass")[good]


def held(entry: dict) -> bool:
    """Measured, and within the limit in nine runs of ten."""
    good = sum(ratio <= entry["limit"] for ratio in entry["worst"])
    return bool(entry["worst"]) and good >= 0.9 * len(entry["worst"])


# Okabe and Ito's colours, which every kind of colour vision tells apart, and a marker each.
STYLES = {
    "elu": ("#D55E00", "o"),
    "XNNPACK": ("#0072B2", "s"),
    "PyTorch": ("#E69F00", "^"),
    "torch.compile": ("#8C510A", "v"),
    "JAX": ("#009E73", "D"),
    "ONNX Runtime": ("#CC79A7", "P"),
    "np passes": ("#7F3C8D", "<"),
    "np.where": ("#56B4E9", ">"),
    "numba": ("#000000", "x"),
    "numexpr": ("#888888", "+"),
}
LABELS = {
    "np passes": "NumPy, in place",
    "np.where": "NumPy expression",
    "limit": "the fastest copy or sum",
}
TITLES = dict(
    zip(FUNCTIONS, ("forward", "gradient from the input", "gradient from the output"), strict=True)
)


def plot(results: Results, machine: dict, path: str) -> None:
    """Throughput over size: functions across, or dtypes where there is one function only."""
    drawn = [(point, rows) for point, rows in sections(results) if point.out]
    several = len({point.function for point, _ in drawn}) > 1
    panels = {
        ((point.dtype, point.threads), point.function)
        if several
        else (point.threads, point.dtype): (point, rows)
        for point, rows in drawn
    }
    down = list(dict.fromkeys(row for row, _ in panels))
    across = list(dict.fromkeys(column for _, column in panels))
    figure, axes = grid(len(down), len(across))
    handles = {}
    for (row, column), (point, rows) in panels.items():
        axis = axes[down.index(row), across.index(column)]
        handles |= lines(axis, rows, STYLES)
        axis.set_title(title(point))
        if column == across[0]:
            axis.set_ylabel("elements per nanosecond")
        if row == down[-1]:
            axis.set_xlabel("elements in the array")
    for row in axes:
        # Three and a half decades tell the story; what starts below enters from there.
        top = max(axis.get_ylim()[1] for axis in row)
        row[0].set_ylim(max(row[0].get_ylim()[0], top / 3000), top)
    order = [name for name in (*STYLES, "limit") if name in handles]
    figure.legend(
        [handles[name] for name in order],
        [LABELS.get(name, name) for name in order],
        loc="outside right upper",
        frameon=False,
    )
    save(figure, f"ELU on {machine['cpu']}: higher is faster", path)


def headline(results: Results, machine: dict, path: str, *, ratios: bool) -> None:
    """One section beside the five fastest peers, each line with its name at its end.

    Throughput on a logarithmic axis, or how many times as fast we are on a linear one.
    """
    point, rows = next((point, rows) for point, rows in sections(results) if point.out)
    peers = [name for name in STYLES if name != OURS and all(name in t for t in rows.values())]
    best = sorted(peers, key=lambda name: sum(t[name] / t[OURS] for t in rows.values()))[:5]
    figure, axes = grid(1, 1)
    axis = axes[0, 0]
    if ratios:
        # What lines() divides by.
        rows = {p: {name: p.size * times[OURS] / times[name] for name in [OURS, *best]}
                for p, times in rows.items()}
    handles = lines(axis, rows, [OURS, *best])
    if ratios:
        axis.set(yscale="linear", ylabel="time over that of elu", ylim=(0, 20))
    else:
        axis.set_ylabel("elements per nanosecond")
    axis.set(xlabel="elements in the array", title=title(point))
    label_ends(axis, handles)
    better = "above 1, elu is faster" if ratios else "higher is faster"
    save(figure, f"ELU on {machine['cpu']}: {better}", path)


def label_ends(axis, handles: dict) -> None:
    """Each line's name beside its end, one above the other where lines end close together."""
    axis.figure.canvas.draw()  # places what follows
    ends = {name: line.get_xydata()[-1] for name, line in handles.items()}
    height = {name: axis.transAxes.inverted().transform(axis.transData.transform(end))[1]
              for name, end in ends.items()}
    lowest = 0.0
    for name in sorted(handles, key=height.__getitem__):
        lowest = max(lowest, height[name])
        axis.annotate(
            LABELS.get(name, name), ends[name], (1.04, lowest), textcoords="axes fraction",
            color=handles[name].get_color(), va="center", fontsize="small",
        )
        lowest += 0.05


def grid(down: int, across: int):
    """A figure and its axes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot.subplots(
        down,
        across,
        figsize=(2.6 + 3.9 * across, 1.1 + 3.3 * down),
        sharex=True,
        sharey="row",
        squeeze=False,
        layout="constrained",
    )


def save(figure, title: str, path: str) -> None:
    from matplotlib import pyplot

    figure.suptitle(title, fontsize="large")
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def title(point: Point) -> str:
    threads = f"{point.threads} thread{'s' * (point.threads > 1)}"
    return f"{TITLES[point.function]}, {point.dtype}, {threads}"


def lines(axis, rows: Results, names: Iterable[str]) -> dict:
    """Draw one section; returns a line for each name."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    sizes = [point.size for point in rows]
    handles = {}
    for name in names:
        colour, marker = STYLES[name]
        at = [(p.size, p.size / times[name]) for p, times in rows.items() if name in times]
        if at:
            style = {"lw": 1.1, "ms": 4.5}
            if name == OURS:
                style = {"lw": 2.6, "ms": 6, "zorder": 5}
            x, y = zip(*at, strict=True)
            (handles[name],) = axis.plot(x, y, color=colour, marker=marker, **style)
    limits = [
        (point.size, point.size / times[best])
        for point, times in rows.items()
        if (best := fastest(times, LIMITS))
    ]
    axis.set(xscale="log", yscale="log")
    if len(limits) > 1:  # --bars measures them at one size
        x, y = zip(*limits, strict=True)
        (handles["limit"],) = axis.plot(x, y, color="#444444", lw=1.6, ls=(0, (4, 2)), zorder=4)
    if sizes:
        marks = sizes[:: max(1, len(sizes) // 6)]
        axis.xaxis.set_major_locator(FixedLocator(marks))
        axis.xaxis.set_minor_locator(NullLocator())
        axis.xaxis.set_major_formatter(FuncFormatter(lambda size, _: binary(int(size))))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.grid(color="#dddddd", lw=0.6)
    axis.spines[["top", "right"]].set_visible(False)
    return handles


def binary(size: int) -> str:
    """16, 4K, 64M."""
    for shift, unit in ((20, "M"), (10, "K")):
        if size >= 1 << shift:
            return f"{size >> shift}{unit}"
    return str(size)
