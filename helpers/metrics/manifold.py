"""Fidelity and variety as two numbers: is a sample among the real ones, and are the real ones among the samples?

Each set's manifold is the union of balls round its points, as wide as the distance to the point's k-th neighbour.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from helpers.metrics.checks import pair

BLOCK = 5000  # rows of the distance matrix held at once
# How far apart, by rounding alone, two copies of a point may seem: squared, as a part of its squared length.
ROUNDING = {np.dtype(np.float32): 4e-6, np.dtype(np.float64): 1e-13}


class PrecisionRecall(NamedTuple):
    """Both 0 … 1."""

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """density ≥ 0 (about 1 for equal distributions), coverage 0 … 1."""

    density: float
    coverage: float


def precision_recall(real: Any, fake: Any, k: int = 3) -> PrecisionRecall:
    """The share of fake samples inside the real manifold, and of real samples inside the fake one, each 0 … 1.

    Kynkäänniemi et al. (2019), arXiv:1904.06991. real: (N, D), fake: (M, D), both with more than k samples; a ball
    reaches to its centre's k-th neighbour in the same set, border included. Both numbers grow with N and M and with k,
    so compare equal ones, and one outlier with its wide ball can raise precision. ValueError names bad input.
    """
    real, fake = _sets(real, fake, k)
    radius_real, radius_fake = _radii(real, k), _radii(fake, k)
    precise, recalled = np.zeros(len(fake), bool), np.zeros(len(real), bool)
    for rows, halves in _blocks(real, fake):  # (block of real, M)
        precise |= (halves <= radius_real[rows, None]).any(axis=0)
        recalled[rows] = (halves <= radius_fake).any(axis=1)
    return PrecisionRecall(float(precise.mean()), float(recalled.mean()))


def density_coverage(real: Any, fake: Any, k: int = 5) -> DensityCoverage:
    """How densely fake samples lie in the real balls (about 1 is right), and the share of real balls that hold one.

    Naeem et al. (2020), arXiv:2002.09797, equations 3 and 4. real: (N, D), fake: (M, D), N more than k. Density counts
    how many real balls a fake sample lies in, divided by k: above 1 where samples crowd into dense regions, and one
    outlier changes it little. Coverage of real data by itself tends to 1 − 2^−k for N = M. ValueError names bad input.
    """
    real, fake = _sets(real, fake, k, fakes=1)
    radius = _radii(real, k)
    hits = np.zeros(len(real), dtype=np.int64)  # fake samples in each real ball
    for rows, halves in _blocks(real, fake):
        hits[rows] = np.count_nonzero(halves <= radius[rows, None], axis=1)
    return DensityCoverage(float(hits.sum() / (k * len(fake))), float((hits > 0).mean()))


def _sets(real: Any, fake: Any, k: int, fakes: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Both sets, checked, and moved so that rounding is least; in float32 if both came so: distances need no more."""
    single = all(np.asarray(x).dtype in (np.float16, np.float32) for x in (real, fake))
    if k < 1:
        raise ValueError(f"k is {k}; it must be 1 or more")
    real, fake = pair(("real", "fake"), real, fake, 1, "a manifold")
    if len(real) <= k or len(fake) < (k + 1 if fakes is None else fakes):
        raise ValueError(
            f"a {k}-th neighbour needs at least {k + 1} samples, not {len(real)} real and {len(fake)} fake"
        )
    centre = real.mean(axis=0)
    dtype = np.float32 if single else np.float64
    return (real - centre).astype(dtype, copy=False), (fake - centre).astype(dtype, copy=False)


def _blocks(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Half the squared distances from the rows of a (N, D) to those of b (M, D), (≤ BLOCK, M) at once, with a's rows.

    Half of them, because |x|²/2 + |y|²/2 − x·y takes two passes over the matrix of products; a @ a.T takes half the time
    of a @ b.T where it is done in one block.
    """
    half_a, half_b = _half_squares(a), _half_squares(b)
    for start in range(0, len(a), BLOCK):
        rows = slice(start, start + BLOCK)
        products = a[rows] @ b.T if len(a) > BLOCK else a @ b.T
        np.subtract(half_b, products, out=products)
        products += half_a[rows, None]
        yield rows, products


def _half_squares(x: np.ndarray) -> np.ndarray:
    """Half the squared length of each row, (N,), added up in float64."""
    return (np.einsum("nd,nd->n", x, x, dtype=np.float64) / 2).astype(x.dtype)


def _radii(x: np.ndarray, k: int) -> np.ndarray:
    """Half the squared distance from each row to its k-th neighbour among the others, (N,), never below what rounding does.

    So points that coincide lie in one another's balls, whose radius is 0.
    """
    radii = np.empty_like(x[:, 0])
    for rows, halves in _blocks(x, x):
        inner = np.arange(len(halves))
        halves[inner, rows.start + inner] = 0  # itself
        halves.partition(k, axis=1)
        radii[rows] = halves[:, k]
    return np.maximum(radii, ROUNDING[x.dtype] * _half_squares(x))
