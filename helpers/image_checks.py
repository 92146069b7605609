"""Checks of the images that a stored network is given."""

from __future__ import annotations

import numpy as np


def check_floats(x: np.ndarray, network: str) -> None:
    """Refuse what isn't an array of floats about [0, 1]; a little outside, as interpolation leaves it, is let pass.

    Raises ValueError that names the network and what was wrong: the type, NaN or infinite pixels, or the range.
    """
    if x.dtype.kind != "f":
        raise ValueError(f"{network} needs uint8 or float images, not {x.dtype}")
    if not np.isfinite(x).all():
        raise ValueError(f"{network} was given images with NaN or infinite pixels")
    if x.size and (x.min() < -0.5 or x.max() > 1.5):
        raise ValueError(f"float images must lie in [0, 1]; these go from {x.min():.3g} to {x.max():.3g}")
