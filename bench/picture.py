"""Draw ELU and its gradient, computed by this package, as bench/elu.png."""

from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from elu import elu, elu_grad

PICTURE = Path(__file__).with_name("elu.png")
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#777777"  # told apart by the colour-blind, too
INK, FAINT = "#333333", "#e4e4e4"
STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 8.5,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.spines.bottom": False,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.titlepad": 10,
    "grid.color": FAINT,
    "grid.linewidth": 0.7,
    "lines.dash_capstyle": "round",
    "lines.solid_capstyle": "round",
    "text.color": INK,
    "xtick.color": INK,
    "xtick.major.size": 0,
    "ytick.color": INK,
    "ytick.major.size": 0,
}

# With a gap at 0, where gradients jump.
BELOW, ABOVE = np.linspace(-5, -1e-6, 500), np.linspace(0, 3, 300)
X = np.concatenate([BELOW, [np.nan], ABOVE])


def draw(axes: Axes, title: str, relu: np.ndarray, half: np.ndarray, one: np.ndarray) -> None:
    """Three curves over X: that of alpha = 1 on top, where all of them meet."""
    axes.set_title(title)
    axes.axvline(0, color="#bbbbbb", linewidth=0.9, zorder=1)
    axes.axhline(0, color="#bbbbbb", linewidth=0.9, zorder=1)
    axes.plot(X, relu, color=GREY, linewidth=1.8, linestyle=(0, (0.1, 2)))
    axes.plot(X, half, color=ORANGE, linewidth=1.3)
    axes.plot(X, one, color=BLUE, linewidth=2.6)
    axes.set_xlim(-5.1, 3.1)
    axes.set_xticks(range(-5, 4))


def main() -> None:
    with rc_context(STYLE):
        figure = Figure(figsize=(6, 2.5), dpi=200, layout="constrained")
        figure.get_layout_engine().set(w_pad=0.1, h_pad=0.08, wspace=0.02)
        left, right = figure.subplots(1, 2)

        draw(left, "ELU", np.maximum(X, 0), elu(X, 0.5), elu(X))
        left.set_ylim(-1.25, 3.1)
        left.set_yticks(range(-1, 4))
        left.text(-4.95, 0.2, "ReLU", color=GREY)
        left.text(-4.95, -0.38, "alpha = 0.5", color=ORANGE)
        left.text(-4.95, -0.84, "alpha = 1", color=BLUE)

        step = np.where(np.isnan(X), X, X >= 0)
        draw(right, "Its gradient", step, elu_grad(1.0, X, 0.5), elu_grad(1.0, X))
        right.set_ylim(-0.06, 1.06)
        right.set_yticks([0, 0.5, 1])
        right.text(-0.75, 0.58, "alpha = 1", color=BLUE, ha="right")
        right.text(0.2, 0.53, "alpha = 0.5", color=ORANGE)
        right.text(-0.12, 0.03, "ReLU", color=GREY, ha="right")
        # At 0 itself every slope is 1.
        right.plot(0, 0.5, "o", color=ORANGE, markerfacecolor="white", markersize=4)

        # Without the version of matplotlib the file changes with the picture only.
        figure.savefig(PICTURE, metadata={"Software": None})


if __name__ == "__main__":
    main()
