"""Images at another size, by weights that are the same in both tracks: NumPy alone."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

CUBIC = -0.5  # the free parameter of the cubic kernel; Keys (1981) derives this value


def resize(images: Any, side: int, antialias: bool = True) -> np.ndarray:
    """Images (N, H, W, C) resized to (N, side, side, C) by bicubic interpolation, float32, clipped to [0, 1].

    images: uint8 (0 … 255) or float (0 … 1). With `antialias`, the kernel widens where images shrink, so that each
    new pixel averages all old ones that it covers (Parmar et al. 2022 show what a score does without it); False leaves
    it four pixels wide. Equal to Pillow's Image.resize on float channels. Keys (1981), equation 4.
    """
    return resize_to(images, side, side, antialias)


def resize_to(images: Any, height: int, width: int, antialias: bool = True) -> np.ndarray:
    """Images (N, H, W, C) resized to (N, height, width, C), otherwise as `resize` does it."""
    x = np.asarray(images)
    if x.ndim != 4 or 0 in x.shape[1:]:
        raise ValueError(f"images must have shape (N, H, W, C), not {x.shape}")
    if min(height, width) < 1:
        raise ValueError(f"side is {min(height, width)}; it must be 1 or more pixels")
    x = x.astype(np.float32) / 255 if x.dtype == np.uint8 else x.astype(np.float32)
    n, old_height, old_width, channels = x.shape
    if (old_height, old_width) == (height, width):
        return x.clip(0, 1)
    x = _weights(old_height, height, antialias) @ x.reshape(n, old_height, old_width * channels)  # (N, height, W·C)
    x = _weights(old_width, width, antialias) @ x.reshape(n * height, old_width, channels)  # (N·height, width, C)
    return x.reshape(n, height, width, channels).clip(0, 1)


@functools.lru_cache(maxsize=32)
def _weights(old: int, new: int, antialias: bool) -> np.ndarray:
    """What each of the old pixels of a line adds to each of the new ones: (new, old), float32; rows sum to 1."""
    scale = old / new
    stretch = max(scale, 1.0) if antialias else 1.0
    centres = (np.arange(new) + 0.5) * scale - 0.5
    t = np.abs(np.arange(old) - centres[:, None]) / stretch
    near = (CUBIC + 2) * t**3 - (CUBIC + 3) * t**2 + 1
    far = CUBIC * (t**3 - 5 * t**2 + 8 * t - 4)
    kernel = np.where(t < 1, near, np.where(t < 2, far, 0.0))
    return (kernel / kernel.sum(axis=1, keepdims=True)).astype(np.float32)
