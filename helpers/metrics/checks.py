"""What the metrics ask of their input: finite matrices (samples, features) that fit each other."""

from __future__ import annotations

from typing import Any

import numpy as np


def matrix(name: str, values: Any) -> np.ndarray:
    """Values as a finite float64 matrix (samples, features); ValueError names the argument and what is wrong."""
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] == 0:
        raise ValueError(f"{name} must be a matrix (samples, features), not of shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds NaN or infinite numbers")
    return values


def pair(names: tuple[str, str], a: Any, b: Any, at_least: int, why: str) -> tuple[np.ndarray, np.ndarray]:
    """Two matrices with the same features and enough samples each; `why` says what needs that many."""
    a, b = matrix(names[0], a), matrix(names[1], b)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"both sets need the same features: (N, {a.shape[1]}) against (M, {b.shape[1]})")
    if min(len(a), len(b)) < at_least:
        raise ValueError(f"{why} needs at least {at_least} samples a set, not {len(a)} and {len(b)}")
    return a, b


def generator(rng: np.random.Generator | int | None) -> np.random.Generator:
    """The generator given, or one with the seed given; None means seed 0, so that a score can be had again."""
    return np.random.default_rng(0 if rng is None else rng)
