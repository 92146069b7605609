"""How far two drawings cover the same place: the overlap of their silhouettes."""

from __future__ import annotations

from typing import Any

import numpy as np

PAPER = 0.92  # a pixel whose darkest channel is lighter than this is paper


def silhouettes(images: Any) -> np.ndarray:
    """Where drawings on white are, what they enclose included: (N, H, W, C) uint8 or float in [0, 1] → (N, H, W) bool."""
    from scipy.ndimage import binary_fill_holes

    x = np.asarray(images)
    if x.ndim != 4:
        raise ValueError(f"images must have shape (N, H, W, C), not {x.shape}")
    paper = PAPER * (255 if x.dtype == np.uint8 else 1)
    drawn = [binary_fill_holes(image.min(axis=2) < paper) for image in x]
    return np.stack(drawn) if drawn else np.zeros(x.shape[:3], bool)


def silhouette_overlap(images_a: Any, images_b: Any) -> np.ndarray:
    """The common area of two silhouettes as a share of their joint area, (N,) in [0, 1]; two empty ones overlap fully.

    Row i of both, (N, H, W, C), is compared (Jaccard, 1912: intersection over union). ValueError names unequal shapes.
    """
    a, b = np.asarray(images_a), np.asarray(images_b)
    if a.shape != b.shape:
        raise ValueError(f"both sets of images must have the same shape, not {a.shape} and {b.shape}")
    first, second = silhouettes(a), silhouettes(b)
    common, joint = ((side).sum(axis=(1, 2)) for side in (first & second, first | second))
    return np.where(joint > 0, common / np.maximum(joint, 1), 1.0)
