"""The Fréchet distance between Gaussians fitted to two sets of features, and its value for endless samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from helpers.metrics.checks import generator, pair
from helpers.metrics.threads import one_blas_thread


def frechet_distance(features_a: Any, features_b: Any) -> float:
    """Squared Fréchet distance between Gaussians fitted to two sets of features, ≥ 0, 0 for equal mean and covariance.

    |m_a − m_b|² + tr(C_a) + tr(C_b) − 2·tr((C_a^½ C_b C_a^½)^½): Dowson & Landau (1982); for generated images Heusel et
    al. (2017), who call it FID when the features are Inception's. features_a: (N, D), features_b: (M, D), N and M at
    least 2, also fewer than D. The estimate is biased upwards for small N and M: compare only values of equal sample
    sizes, and give both. ValueError names input of another shape, NaN, or too few samples.
    """
    a, b = pair(("features_a", "features_b"), features_a, features_b, 2, "a covariance")
    return _frechet(a, b)


def frechet_from_moments(mean_a: Any, cov_a: Any, mean_b: Any, cov_b: Any) -> float:
    """Squared Fréchet distance between two Gaussians given by mean (D,) and covariance (D, D)."""
    difference = np.asarray(mean_a, dtype=float) - np.asarray(mean_b, dtype=float)
    cov_a, cov_b = np.atleast_2d(cov_a).astype(float), np.atleast_2d(cov_b).astype(float)
    return _sum(difference, np.trace(cov_a) + np.trace(cov_b), _root_trace(cov_a, cov_b))


class Extrapolation(NamedTuple):
    """A distance at ever larger samples: `value` at infinite n, from distance ≈ value + slope / n.

    sizes and distances: the points of the line, smallest size first.
    """

    value: float
    slope: float
    sizes: tuple[int, ...]
    distances: tuple[float, ...]


def frechet_extrapolated(
    features_a: Any,
    features_b: Any,
    sizes: Sequence[int] | None = None,
    repeats: int = 2,
    rng: np.random.Generator | int | None = None,
) -> Extrapolation:
    """The Fréchet distance that endless samples would give, by a line through its values against 1/n.

    Chong & Forsyth (2020), arXiv:1911.07023: to first order the bias of the estimate is proportional to 1/n. Here both
    sets are drawn down to the same n, so the bias of both goes. features_a: (N, D), features_b: (M, D); sizes: at least
    two numbers of samples, by default four between half and all of min(N, M), evenly spaced in 1/n. At each size the
    distance is the mean over `repeats` random draws, disjoint as long as rows last. The value can come out a little below
    0 for equal distributions. The line holds where n is large against the features' effective dimension. For smaller n
    the distances bend below it, and the value stays too high: two halves of 4,000 faces with 1,280 features gave 0.6 from
    n = 2,000 (without extrapolation 23), 8 from 1,000 (45) and 30 from 500 (82). ValueError as in `frechet_distance`, and
    for sizes that the sets don't have.
    """
    a, b = pair(("features_a", "features_b"), features_a, features_b, 4, "an extrapolation")
    most = min(len(a), len(b))
    if sizes is None:
        sizes = np.round(most / np.linspace(2, 1, 4)).astype(int)
    sizes = sorted({int(n) for n in sizes})
    if len(sizes) < 2 or sizes[0] < 2 or sizes[-1] > most:
        raise ValueError(f"sizes must hold at least two different numbers between 2 and {most}, not {sizes}")
    if repeats < 1:
        raise ValueError(f"repeats is {repeats}; it must be 1 or more")
    rng = generator(rng)
    distances = [np.mean(_drawn(a, b, n, repeats, rng)) for n in sizes]
    slope, value = np.polyfit(1 / np.array(sizes), distances, 1)
    return Extrapolation(float(value), float(slope), tuple(sizes), tuple(float(d) for d in distances))


def _drawn(a: np.ndarray, b: np.ndarray, n: int, repeats: int, rng: np.random.Generator) -> list[float]:
    """Distances between random draws of n rows of each set, disjoint as long as rows last."""
    distances, start = [], len(a)
    for _ in range(1 if n == len(a) == len(b) else repeats):
        if start + n > min(len(a), len(b)):
            rows_a, rows_b, start = rng.permutation(len(a)), rng.permutation(len(b)), 0
        distances.append(_frechet(a[rows_a[start : start + n]], b[rows_b[start : start + n]]))
        start += n
    return distances


def _frechet(a: np.ndarray, b: np.ndarray) -> float:
    """The distance, by way of whichever matrix is smaller: samples × samples or features × features."""
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    a, b = (a - mean_a) / np.sqrt(len(a) - 1), (b - mean_b) / np.sqrt(len(b) - 1)  # C_a = aᵀa, C_b = bᵀb
    traces = np.vdot(a, a) + np.vdot(b, b)
    if min(len(a), len(b)) < a.shape[1]:
        between = a @ b.T  # C_a C_b and between·betweenᵀ have the same eigenvalues, but for zeros
        square = between @ between.T if len(a) <= len(b) else between.T @ between
        cross = _sum_of_roots(square)
    else:
        cross = _root_trace(a.T @ a, b.T @ b)
    return _sum(mean_a - mean_b, traces, cross)


def _root_trace(cov_a: np.ndarray, cov_b: np.ndarray) -> float:
    """tr((C_a^½ C_b C_a^½)^½), with a triangular factor of C_a for its root: the eigenvalues are the same.

    The Cholesky factor with pivots costs a tenth of the root by eigenvectors, and exists for singular C_a too.
    """
    from scipy.linalg.lapack import dpstrf

    with one_blas_thread():
        factor, pivots, rank, _ = dpstrf(cov_a)  # C_a[pivots][:, pivots] = factorᵀ·factor
    factor = np.triu(factor)[:rank]
    order = pivots - 1
    return _sum_of_roots(factor @ cov_b[np.ix_(order, order)] @ factor.T)


def _sum_of_roots(matrix: np.ndarray) -> float:
    """Sum of the square roots of a symmetric matrix's eigenvalues; rounding below 0 counts as 0."""
    with one_blas_thread():
        eigenvalues = np.linalg.eigvalsh(matrix)
    return float(np.sqrt(np.clip(eigenvalues, 0, None)).sum())


def _sum(difference: np.ndarray, traces: float, cross: float) -> float:
    return max(0.0, float(difference @ difference + traces - 2 * cross))
