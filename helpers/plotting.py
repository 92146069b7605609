"""The course's figures: NumPy arrays in, a matplotlib Figure out, one house style.

Colours are Okabe and Ito's palette, which readers with any colour vision can tell apart; every colour comes with a
second cue (marker, dash, hatch). What is ordered uses viridis. Grids of images are in `helpers.image_grids`, films in
`helpers.animation`, and the way of a figure into a notebook in `helpers.publishing`; all are offered here too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.animation import animation
from helpers.house_style import CLASS_COLOURS, COLOURS, CYCLE, DASHES, DPI, HATCHES, MARKERS, apply
from helpers.image_grids import compose, image_grid, image_rows
from helpers.publishing import encode_png, figure_bytes, picture_bundle, png_bytes, publish_picture, show

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "CLASS_COLOURS",
    "COLOURS",
    "DPI",
    "MARKERS",
    "animation",
    "bars",
    "compose",
    "curves",
    "encode_png",
    "figure",
    "figure_bytes",
    "heatmap",
    "histogram",
    "image_grid",
    "image_rows",
    "label_places",
    "latent_scatter",
    "picture_bundle",
    "png_bytes",
    "publish_picture",
    "scatter",
    "show",
    "title",
]


def figure(
    rows: int = 1, cols: int = 1, width: float | None = None, height: float | None = None, **subplots: Any
) -> tuple[Figure, Any]:
    """Make an empty figure in the house style with rows × cols axes.

    width, height: inches (default: 7 wide for one column, 9.5 for more, 3.4 a row). Other keywords (sharex, sharey,
    width_ratios, squeeze …) go to `Figure.subplots`. Returns (figure, axes) like `matplotlib.pyplot.subplots`.
    """
    from matplotlib.figure import Figure

    if rows < 1 or cols < 1:
        raise ValueError(f"a figure needs at least 1 row and 1 column, not {rows} × {cols}")
    apply()
    size = (width or (7.0 if cols == 1 else 9.5), height or 3.4 * rows)
    fig = Figure(figsize=size, dpi=DPI, layout="constrained")
    return fig, fig.subplots(rows, cols, **subplots)


def title(ax: Axes, text: str | None) -> None:
    """Set an axes' title, left-aligned and wrapped to the figure's width."""
    if not text:
        return
    import textwrap

    box = ax.get_subplotspec()
    share = 1.0 if box is None else box.get_position(ax.figure).width / 0.9
    characters = max(16, int(ax.figure.get_figwidth() * min(share, 1.0) * 11.5))
    ax.set_title("\n".join(textwrap.wrap(text, characters)), loc="left")


def curves(
    series: Mapping[str, Any],
    x: Any = None,
    xlabel: str = "epoch",
    ylabel: str = "loss [nats]",
    title: str | None = None,
    logy: bool = False,
    logx: bool = False,
    bands: Mapping[str, Any] | None = None,
    hlines: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw lines over a common x: one colour, dash and marker a name.

    series: name → (N,) values, or name → (x values, y values). x: (N,) or None for 1 … N. bands: name → (low, high),
    each (N,), shaded behind that line. hlines: label → value, drawn as thin grey lines. ValueError names what is off.
    """
    fig, ax = _axes(ax, height=3.6)
    if not series:
        raise ValueError("curves needs at least one line: {'train': [...]}")
    for i, (name, values) in enumerate(series.items()):
        xs, ys = _xy(name, values, x)
        colour = COLOURS.get(name, CYCLE[i % len(CYCLE)])
        marker = MARKERS[i % len(MARKERS)] if len(ys) <= 30 else None
        ax.plot(xs, ys, color=colour, linestyle=DASHES[i % len(DASHES)], marker=marker, label=name)
        if bands and name in bands:
            low, high = (np.asarray(b, dtype=float) for b in bands[name])
            ax.fill_between(xs, low, high, color=colour, alpha=0.18, linewidth=0)
    _reference_lines(ax, hlines)
    if logy:
        ax.set_yscale("log")
    if logx:
        ax.set_xscale("log")
    elif all(float(t).is_integer() for line in ax.lines[: len(series)] for t in line.get_xdata()):
        from matplotlib.ticker import MaxNLocator

        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    entries = len(series) + len(hlines or {})
    if entries > 5:
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    elif entries > 1:
        ax.legend()
    return _finish(fig, ax, title, xlabel, ylabel)


def latent_scatter(
    z: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str] | None = None,
    title: str | None = None,
    xlabel: str = "z₁",
    ylabel: str = "z₂",
    ax: Axes | None = None,
) -> Figure:
    """Scatter 2-D latent codes z (N, 2) by labels (N,), with each class's name at its median.

    Integer or text labels are classes (a colour and a marker each); float labels are a quantity (viridis).
    """
    z, labels = _points("latent_scatter", z), np.asarray(labels)
    if labels.shape != (len(z),):
        raise ValueError(f"latent_scatter: {len(z)} points need labels of shape ({len(z)},), not {labels.shape}")
    fig, ax = _axes(ax, width=6.2, height=5.6)
    dot = float(np.clip(9000 / max(len(z), 1), 7, 26))
    if labels.dtype.kind == "f":
        drawn = ax.scatter(z[:, 0], z[:, 1], c=labels, s=dot, linewidths=0, cmap="viridis")
        fig.colorbar(drawn, ax=ax)
    else:
        _class_clouds(ax, z, labels, class_names, dot)
    ax.set_aspect("equal", adjustable="datalim")
    return _finish(fig, ax, title, xlabel, ylabel)


def _class_clouds(ax: Axes, z: np.ndarray, labels: np.ndarray, class_names: Sequence[str] | None, dot: float) -> None:
    """Draw each class in its colour and marker, and its name in a white box at the median or close to it."""
    values = np.unique(labels)
    places = label_places(z, [np.median(z[labels == value], axis=0) for value in values])
    for i, value in enumerate(values):
        index = int(value) if labels.dtype.kind in "iu" else i
        part = z[labels == value]
        colour = CLASS_COLOURS[index % 10]
        ax.scatter(part[:, 0], part[:, 1], s=dot, color=colour, marker=MARKERS[index % 10], alpha=0.7, linewidths=0)
        named = class_names is not None and labels.dtype.kind in "iu"
        text = str(class_names[index]) if named else str(value)
        ax.text(
            *places[i],
            text,
            ha="center",
            va="center",
            weight="bold",
            zorder=5,
            bbox={"boxstyle": "round,pad=0.18", "facecolor": "white", "edgecolor": colour, "linewidth": 1.4},
        )


def label_places(z: np.ndarray, medians: Sequence[np.ndarray], apart: float = 0.055) -> np.ndarray:
    """Places for class names: their medians, pushed apart where closer than a share of the cloud's extent. (K, 2)."""
    low, high = np.percentile(z, [1, 99], axis=0)
    least = apart * max(float((high - low).max()), 1e-9)
    places = np.array(medians, dtype=float)
    for _ in range(60):
        gaps = places[:, None] - places[None]  # (K, K, 2)
        far = np.sqrt((gaps**2).sum(axis=-1))
        push = np.clip(least - far, 0, None) / np.maximum(far, 1e-9)
        np.fill_diagonal(push, 0)
        places = places + 0.5 * (push[..., None] * gaps).sum(axis=1)
    return places


def scatter(
    groups: Mapping[str, np.ndarray],
    title: str | None = None,
    xlabel: str = "x₁",
    ylabel: str = "x₂",
    equal: bool = True,
    ax: Axes | None = None,
) -> Figure:
    """Scatter several named sets of 2-D points, name → (N, 2); "real" and "fake" have their house colours."""
    fig, ax = _axes(ax, width=5.6, height=4.6)
    for i, (name, points) in enumerate(groups.items()):
        points = _points(f"scatter, group {name!r}", points)
        size = float(np.clip(9000 / max(len(points), 1), 6, 34))
        ax.scatter(
            points[:, 0],
            points[:, 1],
            s=size,
            color=COLOURS.get(name, CYCLE[i % len(CYCLE)]),
            marker=MARKERS[i % len(MARKERS)],
            alpha=0.75,
            linewidths=0,
            label=name,
        )
    if len(groups) > 1:
        ax.legend()
    if equal:
        ax.set_aspect("equal", adjustable="datalim")
    return _finish(fig, ax, title, xlabel, ylabel)


def bars(
    names: Sequence[Any],
    values: Any,
    errors: Any = None,
    ylabel: str = "",
    title: str | None = None,
    reference: float | Mapping[str, float] | None = None,
    horizontal: bool = False,
    xlabel: str = "",
    fmt: str = "{:.3g}",
    ax: Axes | None = None,
) -> Figure:
    """Bars with their values written on them.

    values: (N,), or group → (N,) for bars side by side (hatched apart). errors: half-widths of the same shape.
    reference: a number, or label → number, drawn as a line. ylabel names the measured quantity, also when horizontal.
    """
    groups = values if isinstance(values, Mapping) else {"": values}
    spread = errors if isinstance(errors, Mapping) else dict.fromkeys(groups, errors)
    fig, ax = _axes(ax, height=max(2.6, 0.42 * len(names) * len(groups) + 1.2) if horizontal else 3.6)
    thick = 0.8 / len(groups)
    for i, (group, heights) in enumerate(groups.items()):
        heights = np.asarray(heights, dtype=float)
        if heights.shape != (len(names),):
            raise ValueError(f"bars: {len(names)} names need as many values, group {group!r} has shape {heights.shape}")
        at = np.arange(len(names)) + (i - (len(groups) - 1) / 2) * thick
        style = {
            "color": COLOURS.get(group, CYCLE[i % len(CYCLE)]),
            "hatch": HATCHES[i % len(HATCHES)],
            "edgecolor": "white",
            "label": group or None,
        }
        draw, errs = (ax.barh, "xerr") if horizontal else (ax.bar, "yerr")
        drawn = draw(at, heights, thick, **{errs: spread.get(group)}, capsize=3, ecolor="#333333", **style)
        ax.bar_label(drawn, [fmt.format(v) for v in heights], padding=3, fontsize=9)
    ax.margins(**{"x" if horizontal else "y": 0.14})
    set_ticks = ax.set_yticks if horizontal else ax.set_xticks
    set_ticks(np.arange(len(names)), [str(name) for name in names])
    ax.grid(visible=False, axis="y" if horizontal else "x")
    if horizontal:
        ax.invert_yaxis()
    if reference is not None:
        _reference_lines(ax, reference if isinstance(reference, Mapping) else {"reference": reference}, horizontal)
    if len(groups) > 1 or reference is not None:
        ax.legend()
    return _finish(fig, ax, title, ylabel if horizontal else xlabel, xlabel if horizontal else ylabel)


def histogram(
    groups: Mapping[str, Any],
    bins: Any = 40,
    title: str | None = None,
    xlabel: str = "value",
    ylabel: str = "density",
    ax: Axes | None = None,
) -> Figure:
    """Outline the distributions of several named sets of numbers, name → any shape, over common bins."""
    flat = {name: np.asarray(v, dtype=float).ravel() for name, v in groups.items()}
    edges = np.histogram_bin_edges(np.concatenate(list(flat.values())), bins=bins)
    fig, ax = _axes(ax, height=3.4)
    for i, (name, v) in enumerate(flat.items()):
        colour = COLOURS.get(name, CYCLE[i % len(CYCLE)])
        density, _ = np.histogram(v, edges, density=True)
        ax.stairs(density, edges, color=colour, linestyle=DASHES[i % len(DASHES)], linewidth=1.8, label=name)
        ax.stairs(density, edges, color=colour, fill=True, alpha=0.12)
    if len(flat) > 1:
        ax.legend()
    return _finish(fig, ax, title, xlabel, ylabel)


def heatmap(
    values: np.ndarray,
    row_names: Sequence[Any] | None = None,
    col_names: Sequence[Any] | None = None,
    title: str | None = None,
    xlabel: str = "",
    ylabel: str = "",
    value_range: tuple[float, float] | None = None,
    fmt: str | None = None,
    colourbar: str | None = None,
    extent: tuple[float, float, float, float] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Show a matrix (R, C) in viridis; fmt (such as "{:.2f}") writes each value into its cell.

    extent: (left, right, bottom, top) in axis units for a matrix sampled on a plane, row 0 at the bottom.
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 2:
        raise ValueError(f"heatmap needs a matrix (R, C), not shape {values.shape}")
    fig, ax = _axes(ax, width=6.0, height=4.8)
    low, high = value_range if value_range is not None else (np.nanmin(values), np.nanmax(values))
    drawn = ax.imshow(
        values,
        vmin=low,
        vmax=high,
        cmap="viridis",
        extent=extent,
        origin="upper" if extent is None else "lower",
        aspect="auto",
        interpolation="nearest",
    )
    ax.grid(visible=False)
    for names, ticks in ((col_names, ax.set_xticks), (row_names, ax.set_yticks)):
        if names is not None:
            ticks(np.arange(len(names)), [str(name) for name in names])
    if fmt is not None and extent is None:
        for (r, c), v in np.ndenumerate(values):
            dark = (v - low) / max(high - low, 1e-12) < 0.6
            ax.text(c, r, fmt.format(v), ha="center", va="center", fontsize=9, color="white" if dark else "black")
    else:
        fig.colorbar(drawn, ax=ax, label=colourbar)
    return _finish(fig, ax, title, xlabel, ylabel)


def _axes(ax: Axes | None, width: float = 7.0, height: float = 3.4) -> tuple[Figure, Axes]:
    """The given axes and its figure, or new ones."""
    return (ax.figure, ax) if ax is not None else figure(width=width, height=height)


def _finish(fig: Figure, ax: Axes, text: str | None, xlabel: str, ylabel: str) -> Figure:
    """Set title and axis labels."""
    title(ax, text)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    return fig


def _reference_lines(ax: Axes, lines: Mapping[str, float] | None, vertical: bool = False) -> None:
    """Draw labelled thin grey lines, each with its own dash."""
    dashes: list[Any] = [(0, (2, 2)), (0, (6, 2)), (0, (1, 3))]
    for i, (label, value) in enumerate((lines or {}).items()):
        draw = ax.axvline if vertical else ax.axhline
        draw(value, color="#333333", linewidth=1.2, linestyle=dashes[i % 3], label=label)


def _xy(name: str, values: Any, x: Any) -> tuple[np.ndarray, np.ndarray]:
    """Split a series into x and y, and check their lengths."""
    if isinstance(values, tuple) and len(values) == 2 and np.ndim(values[0]) == 1:
        x, values = values
    ys = np.asarray(values, dtype=float)
    xs = np.arange(1, ys.size + 1) if x is None else np.asarray(x, dtype=float)
    if ys.ndim != 1 or xs.shape != ys.shape:
        raise ValueError(f"curves: line {name!r} has shape {ys.shape}, its x has shape {xs.shape}; both must be (N,)")
    return xs, ys


def _points(where: str, points: Any) -> np.ndarray:
    """Check that points are (N, 2) and finite."""
    points = np.asarray(points, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"{where} needs points of shape (N, 2), not {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError(f"{where}: some points are NaN or infinite")
    return points
