"""The house style of figures: colours, second cues and matplotlib's settings.

The colours are those of Okabe and Ito, "Color Universal Design" (2008): readers with any colour vision tell them apart.
"""

from __future__ import annotations

import functools
from typing import Any

DPI = 96
COLOURS: dict[str, str] = {
    "real": "#0072B2",
    "fake": "#D55E00",
    "G": "#009E73",
    "D": "#CC79A7",
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "black": "#000000",
    "grey": "#6E6E6E",
    "train": "#0072B2",
    "test": "#D55E00",
}
CYCLE = [COLOURS[name] for name in ("blue", "vermilion", "green", "purple", "orange", "sky", "black", "grey")]
CLASS_COLOURS = CYCLE[:7] + ["#999999", "#B8A800", "#7A3E9D"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "<", ">", "*"]
DASHES: list[Any] = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (3, 1)), (0, (1, 2))]
HATCHES = ["", "//", "..", "xx", "\\\\", "oo", "--", "++"]


@functools.cache
def apply() -> None:
    """Put the house style into matplotlib's settings, once a process."""
    import matplotlib
    from cycler import cycler

    matplotlib.rcParams.update(
        {
            "figure.dpi": DPI,
            "savefig.dpi": DPI,
            "figure.facecolor": "white",
            "axes.facecolor": "white",
            "font.size": 10.5,
            "axes.titlesize": 11.5,
            "axes.labelsize": 10.5,
            "legend.fontsize": 9.5,
            "xtick.labelsize": 9.5,
            "ytick.labelsize": 9.5,
            "axes.titlepad": 8,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": "#444444",
            "axes.grid": True,
            "grid.color": "#DDDDDD",
            "grid.linewidth": 0.7,
            "axes.axisbelow": True,
            "lines.linewidth": 1.8,
            "lines.markersize": 5,
            "legend.frameon": False,
            "hatch.linewidth": 0.7,
            "axes.prop_cycle": cycler(color=CYCLE),
            "image.cmap": "viridis",
            "font.family": "DejaVu Sans",
        }
    )
