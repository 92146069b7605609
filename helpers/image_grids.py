"""Grids of images: composed as one NumPy array with one explicit pixel range, then drawn pixel for pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.house_style import DPI, apply

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GAP = 3  # device pixels between two images
LABEL, HEADING = 10.0, 11.5  # font sizes in points
Range = tuple[float, float]


def to_pixels(images: Any, value_range: Range | None = None) -> np.ndarray:
    """Turn images into uint8 pixels (N, H, W, C) with one range for all, never image by image.

    images: (N, H, W, C) or (N, H, W), C = 1 or 3, uint8 or float. value_range: the values shown as black and white;
    None: 0 … 255 for uint8, 0 … 1 for float. Values a little outside are clipped. ValueError says what is off.
    """
    images = np.asarray(images)
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        channels_first = images.ndim == 4 and images.shape[1] in (1, 3)
        hint = "; it looks channels-first: use run.numpy(...) on the tensor" if channels_first else ""
        raise ValueError(f"images must have shape (N, H, W, 1) or (N, H, W, 3), not {images.shape}{hint}")
    if images.size == 0:
        raise ValueError(f"there are no images to draw: shape {images.shape}")
    if images.dtype == np.uint8 and value_range in (None, (0, 1)):
        return images
    low, high = value_range if value_range is not None else (0.0, 1.0)
    if not high > low:
        raise ValueError(f"value_range must be (low, high) with low < high, not {value_range}")
    images = images.astype(np.float32)
    if not np.isfinite(images).all():
        raise ValueError(f"{np.size(images) - np.isfinite(images).sum()} pixels are NaN or infinite")
    scaled = (images - low) / (high - low)
    if scaled.min() < -20 or scaled.max() > 21:
        raise ValueError(
            f"pixels go from {images.min():.3g} to {images.max():.3g}, far outside value_range=({low:g}, {high:g}); "
            "pass the range that the images have"
        )
    return np.rint(np.clip(scaled, 0, 1) * 255).astype(np.uint8)


def compose(
    images: Any, cols: int, value_range: Range | None = None, gap: Sequence[int] = (1, 1), scale: int = 1
) -> np.ndarray:
    """Lay images out on a white sheet, row by row, as one array (height, width, 3), uint8.

    gap: white pixels between rows and between columns; scale: every pixel becomes scale × scale pixels.
    """
    pixels = to_pixels(images, value_range)
    if cols < 1:
        raise ValueError(f"a grid needs at least 1 column, not {cols}")
    if scale > 1:
        pixels = pixels.repeat(scale, axis=1).repeat(scale, axis=2)
    n, height, width, _ = pixels.shape
    rows = -(-n // cols)
    cells = np.full((rows * cols, height + gap[0], width + gap[1], 3), 255, dtype=np.uint8)
    cells[:n, :height, :width] = pixels
    cells = cells.reshape(rows, cols, *cells.shape[1:]).transpose(0, 2, 1, 3, 4)
    sheet = cells.reshape(rows * (height + gap[0]), cols * (width + gap[1]), 3)
    return sheet[: sheet.shape[0] - gap[0], : sheet.shape[1] - gap[1]]


def image_grid(
    images: Any,
    cols: int = 10,
    value_range: Range | None = None,
    title: str | None = None,
    row_labels: Sequence[Any] | None = None,
    col_labels: Sequence[Any] | None = None,
    cell_titles: Sequence[Any] | None = None,
    size: float = 0.8,
    xlabel: str | None = None,
    ylabel: str | None = None,
) -> Figure:
    """Draw images in a grid, all with the same pixel range.

    images: (N, H, W, C) or (N, H, W), float or uint8, or (R, cols, H, W, C) for a grid that knows its columns.
    value_range: None means (0, 1) for float and (0, 255) for uint8. size: inches a cell, rounded so that an image pixel
    is a whole number of screen pixels. Labels stand left of the rows and above the columns, cell_titles above each
    image, xlabel and ylabel (what changes along the grid) below and at the far left.
    """
    images = np.asarray(images)
    if images.ndim == 5:
        cols, images = images.shape[1], images.reshape(-1, *images.shape[2:])
    pixels = to_pixels(images, value_range)
    cols = min(cols, len(pixels))
    rows = -(-len(pixels) // cols)
    for name, given, wanted in (
        ("row_labels", row_labels, rows),
        ("col_labels", col_labels, cols),
        ("cell_titles", cell_titles, len(pixels)),
    ):
        if given is not None and len(given) != wanted:
            raise ValueError(f"image_grid: {name} has {len(given)} entries, the grid of {rows} × {cols} needs {wanted}")
    return _draw(
        pixels, rows, cols, title, _texts(row_labels), _texts(col_labels), _texts(cell_titles), size, xlabel, ylabel
    )


def image_rows(
    rows: Mapping[str, Any],
    value_range: Range | None = None,
    title: str | None = None,
    col_labels: Sequence[Any] | None = None,
    size: float = 0.8,
) -> Figure:
    """Draw one labelled row of images for each name → (N, H, W, C); all rows have the same N."""
    if not rows:
        raise ValueError("image_rows needs at least one row: {'input': images}")
    parts = {name: to_pixels(images, value_range) for name, images in rows.items()}
    shapes = {name: part.shape for name, part in parts.items()}
    if len({shape[:3] for shape in shapes.values()}) > 1:
        raise ValueError(f"image_rows: all rows need the same number and size of images, not {shapes}")
    channels = max(shape[3] for shape in shapes.values())
    parts = {k: np.broadcast_to(v, (*v.shape[:3], channels)) for k, v in parts.items()}
    cols = next(iter(shapes.values()))[0]
    return image_grid(np.concatenate(list(parts.values())), cols, None, title, list(parts), col_labels, size=size)


def _texts(labels: Sequence[Any] | None) -> list[str]:
    return [] if labels is None else [str(label) for label in labels]


def _extent(texts: Sequence[str], points: float, dpi: float) -> tuple[int, int]:
    """Width and height in pixels of the widest and the tallest of some texts, with a little air."""
    lines = [text.split("\n") for text in texts]
    widest = max((len(line) for text in lines for line in text), default=0)
    tallest = max((len(text) for text in lines), default=0)
    em = points * dpi / 72
    return int(np.ceil(0.62 * em * widest + 6 * (widest > 0))), int(np.ceil(1.35 * em * tallest + 3 * (tallest > 0)))


def _wrapped(texts: list[str], points: float, width: float) -> list[str]:
    """Break texts at spaces so that they fit a width in pixels, where words allow it."""
    import textwrap

    room = max(1, int((width + 2) / (0.62 * points * DPI / 72)))
    return ["\n".join(textwrap.wrap(text, room, break_long_words=False)) or text for text in texts]


def _draw(
    pixels: np.ndarray,
    rows: int,
    cols: int,
    title: str | None,
    row_labels: list[str],
    col_labels: list[str],
    cell_titles: list[str],
    size: float,
    xlabel: str | None,
    ylabel: str | None,
) -> Figure:
    """Place the composed sheet and its texts at exact pixel positions."""
    import textwrap

    from matplotlib.figure import Figure

    apply()
    height, width = pixels.shape[1:3]
    zoom = size * DPI / max(height, width)
    scale = max(1, round(zoom))
    shrink = min(1.0, zoom) if zoom < 0.75 else 1.0  # large photos: let matplotlib resample
    cell_w, cell_h = width * scale * shrink, height * scale * shrink
    cell_titles = _wrapped(cell_titles, LABEL - 1, cell_w)
    col_labels = _wrapped(col_labels, LABEL, cell_w)
    above = _extent(cell_titles, LABEL - 1, DPI)[1]
    gap = (int((GAP + above) / shrink), int(GAP / shrink))
    sheet = compose(pixels, cols, None, gap, scale)
    sheet_h, sheet_w = (round(side * shrink) for side in sheet.shape[:2])
    em = LABEL * DPI / 72
    left = _extent(row_labels, LABEL, DPI)[0] + (round(1.8 * em) if ylabel else 0)
    tilt = _extent(col_labels, LABEL, DPI)[0] > cell_w + 8
    top = above + (_extent(col_labels, LABEL, DPI)[0 if tilt else 1])
    bottom = round(1.8 * em) if xlabel else 0
    fig_w = max(left + sheet_w + 8, 220)
    heading = textwrap.wrap(title, max(16, int(fig_w / (0.56 * HEADING * DPI / 72)))) if title else []
    head = _extent(["\n".join(heading)], HEADING, DPI)[1] + 6 if heading else 4
    fig_h = head + top + sheet_h + bottom + 4

    fig = Figure(figsize=(fig_w / DPI, fig_h / DPI), dpi=DPI)
    ax = fig.add_axes((left / fig_w, (bottom + 4) / fig_h, sheet_w / fig_w, sheet_h / fig_h))
    ax.imshow(
        sheet,
        interpolation="nearest" if shrink == 1.0 else "antialiased",
        aspect="auto",
        extent=(0, sheet_w, sheet_h, 0),
    )
    ax.set_axis_off()
    step_h, step_w = cell_h + GAP + above, cell_w + GAP
    for i, text in enumerate(row_labels):
        ax.text(-5, i * step_h + cell_h / 2, text, ha="right", va="center", fontsize=LABEL)
    for i, text in enumerate(col_labels):
        ax.text(
            i * step_w + cell_w / 2,
            -4 - above,
            text,
            ha="center",
            va="bottom",
            fontsize=LABEL,
            rotation=90 if tilt else 0,
        )
    for i, text in enumerate(cell_titles):
        ax.text(
            i % cols * step_w + cell_w / 2, i // cols * step_h - 3, text, ha="center", va="bottom", fontsize=LABEL - 1
        )
    if xlabel:
        ax.text(sheet_w / 2, sheet_h + 4, xlabel, ha="center", va="top", fontsize=LABEL)
    if ylabel:
        fig.text(
            0.9 * em / fig_w,
            (bottom + 4 + sheet_h / 2) / fig_h,
            ylabel,
            rotation=90,
            ha="center",
            va="center",
            fontsize=LABEL,
        )
    if heading:
        fig.text(4 / fig_w, 1 - 5 / fig_h, "\n".join(heading), ha="left", va="top", fontsize=HEADING)
    return fig
