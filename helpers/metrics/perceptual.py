"""How different two images look to a trained network, place by place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

BLOCK = 64  # images at once
EPS = 1e-10  # added to lengths: a vector of zeros stays one


def feature_distance(maps_a: Sequence[Any], maps_b: Sequence[Any]) -> np.ndarray:
    """The feature distance of each image of A to the image of B in the same row, (N,), float64, 0 for equal maps.

    maps_a, maps_b: lists of maps (N, h, w, C) from the same layers, as `features.efficientnet_maps` gives them. At each
    place the C channels are scaled to length 1; the squared difference is summed over channels, and averaged over places
    and then over layers. So it lies between 0 and 4, and between 0 and 2 where no channel is below 0. This is LPIPS,
    Zhang et al. (2018), arXiv:1801.03924, equation 1, with another network, all its weights 1, and the mean over layers
    for their sum. Values of different layers or image sizes don't compare. ValueError names bad input.
    """
    a, b = _maps("maps_a", maps_a), _maps("maps_b", maps_b)
    if len(a) != len(b):
        raise ValueError(f"maps_a and maps_b must come from the same layers: {len(a)} against {len(b)} maps")
    for i, (x, y) in enumerate(zip(a, b, strict=True)):
        if x.shape != y.shape:
            raise ValueError(f"map {i} of A and of B must have one shape, not {x.shape} and {y.shape}")
    return np.mean([_one_layer(x, y) for x, y in zip(a, b, strict=True)], axis=0)


def _maps(name: str, maps: Sequence[Any]) -> list[np.ndarray]:
    """The maps as arrays, after a check of shapes and values."""
    if isinstance(maps, np.ndarray) or not isinstance(maps, Sequence) or len(maps) == 0:
        raise ValueError(f"{name} must be a list of maps (N, h, w, C), one for each layer, not {type(maps).__name__}")
    arrays = [np.asarray(x) for x in maps]
    for i, x in enumerate(arrays):
        if x.ndim != 4 or 0 in x.shape[1:]:
            raise ValueError(f"{name}: map {i} must have shape (N, h, w, C), not {x.shape}")
        if len(x) != len(arrays[0]):
            raise ValueError(f"{name}: all maps must be of the same images; map {i} has {len(x)}, not {len(arrays[0])}")
        if x.dtype.kind != "f" or not np.isfinite(x).all():
            raise ValueError(f"{name}: map {i} must hold finite floats")
    return arrays


def _one_layer(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The distance in one layer, (N,)."""
    rows = range(0, len(x), BLOCK)
    parts = [np.square(_unit(x[i : i + BLOCK]) - _unit(y[i : i + BLOCK])).sum(axis=3).mean(axis=(1, 2)) for i in rows]
    return np.concatenate(parts) if parts else np.zeros(0)


def _unit(x: np.ndarray) -> np.ndarray:
    """Maps (N, h, w, C) as float64, the channels of each place scaled to length 1."""
    x = x.astype(np.float64)
    return x / (np.sqrt(np.square(x).sum(axis=3, keepdims=True)) + EPS)
