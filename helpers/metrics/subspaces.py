"""Angles between linear subspaces."""

from __future__ import annotations

from typing import Any

import numpy as np

from helpers.metrics.checks import matrix


def principal_angles(a: Any, b: Any) -> np.ndarray:
    """Angles in degrees between two subspaces, smallest first; all 0 when one contains the other.

    a: (D, p), b: (D, q), whose columns span the subspaces (they need not be orthonormal). Returns (min(p, q),) angles,
    0 … 90. Björck & Golub (1973), by way of scipy.linalg.subspace_angles, which is exact for small angles too.
    """
    from scipy.linalg import subspace_angles

    a, b = matrix("a", a), matrix("b", b)
    if len(a) != len(b):
        raise ValueError(f"both subspaces must lie in the same space: columns of length {len(a)} against {len(b)}")
    if max(a.shape[1], b.shape[1]) > len(a):
        raise ValueError(f"the columns span the subspaces: shape (D, p) with p ≤ D, not {a.shape} and {b.shape}")
    return np.rad2deg(np.sort(subspace_angles(a, b)))
