"""Styles for style transfer, drawn by code: free of any rights (CC0), the same on every machine, at any size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from helpers import drawn_paints, drawn_patterns
from helpers.drawing_sheet import Sheet

LICENCE = "CC0"
LEAST, MOST = 32, 1024  # pixels of a side
FINER, FINE = 2, 256  # drawn so many times larger, and at least so large, then shrunk: edges are smooth
_DRAWN: dict[str, Callable[[Sheet], np.ndarray]] = {
    "stained glass": drawn_patterns.stained_glass,
    "waves": drawn_patterns.waves,
    "brush strokes": drawn_paints.brush_strokes,
    "halftone": drawn_patterns.halftone,
    "mosaic": drawn_patterns.mosaic,
    "pencil": drawn_paints.pencil,
    "watercolour": drawn_paints.watercolour,
    "weave": drawn_patterns.weave,
    "scales": drawn_patterns.scales,
    "marbled paper": drawn_paints.marbled,
    "neon": drawn_patterns.neon,
    "pointillism": drawn_paints.pointillism,
}
NAMES = tuple(_DRAWN)


def draw(name: str, side: int = 256, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    """One of the styles NAMES as a picture (side, side, 3), uint8, RGB.

    The same name, seed and scale give the same picture at any side from 32 to 1,024, only finer; another seed gives
    another one in the same style. scale: the size of the texture's parts, from 0.25 to 4. ValueError names an unknown
    style or a setting out of range.
    """
    if name not in _DRAWN:
        raise ValueError(f"there is no style {name!r}; the styles are: {', '.join(NAMES)}")
    if not LEAST <= side <= MOST or int(side) != side:
        raise ValueError(f"side is {side}; it must be a whole number from {LEAST} to {MOST}")
    if not 0.25 <= scale <= 4:
        raise ValueError(f"scale is {scale}; it must lie between 0.25 and 4")
    if seed < 0:
        raise ValueError(f"seed is {seed}; it must be 0 or more")
    rng = np.random.default_rng([seed, *name.encode()])
    finer = max(FINER, FINE // side)
    drawn = _DRAWN[name](Sheet(int(side) * finer, float(scale), rng))
    small = drawn.reshape(side, finer, side, finer, 3).mean(axis=(1, 3))
    return (255 * np.clip(small, 0, 1) + 0.5).astype(np.uint8)
