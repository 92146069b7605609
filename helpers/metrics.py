"""Distances between sets of features, neighbours and subspaces: NumPy and SciPy only, the same in both tracks."""

from __future__ import annotations

from typing import Any

import numpy as np


def frechet_distance(features_a: Any, features_b: Any) -> float:
    """Squared Fréchet distance between Gaussians fitted to two sets of features, ≥ 0, 0 for equal mean and covariance.

    |m_a − m_b|² + tr(C_a) + tr(C_b) − 2·tr((C_a^½ C_b C_a^½)^½): Dowson & Landau (1982); for generated images Heusel et
    al. (2017), who call it FID when the features are Inception's. features_a: (N, D), features_b: (M, D), N and M at
    least 2. The root is taken of a symmetric matrix by its eigenvalues, so the result is real also where N < D.
    The estimate is biased upwards for small N and M: compare only values of equal sample sizes, and give both.
    """
    a, b = _matrix("features_a", features_a), _matrix("features_b", features_b)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"both sets need the same features: (N, {a.shape[1]}) against (M, {b.shape[1]})")
    if min(len(a), len(b)) < 2:
        raise ValueError(f"a covariance needs at least 2 samples a set, not {len(a)} and {len(b)}")
    return frechet_from_moments(a.mean(axis=0), np.cov(a, rowvar=False), b.mean(axis=0), np.cov(b, rowvar=False))


def frechet_from_moments(mean_a: Any, cov_a: Any, mean_b: Any, cov_b: Any) -> float:
    """Squared Fréchet distance between two Gaussians given by mean (D,) and covariance (D, D)."""
    difference = np.asarray(mean_a, dtype=float) - np.asarray(mean_b, dtype=float)
    cov_a, cov_b = np.atleast_2d(cov_a).astype(float), np.atleast_2d(cov_b).astype(float)
    values, vectors = np.linalg.eigh(cov_a)
    root_a = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    product = root_a @ cov_b @ root_a
    cross = np.sqrt(np.clip(np.linalg.eigvalsh((product + product.T) / 2), 0, None)).sum()
    return max(0.0, float(difference @ difference + np.trace(cov_a) + np.trace(cov_b) - 2 * cross))


def pairwise_squared_distances(a: Any, b: Any) -> np.ndarray:
    """Squared Euclidean distances between the rows of a (N, D) and of b (M, D): (N, M), ≥ 0."""
    a, b = _matrix("a", a), _matrix("b", b)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"both sets need the same number of columns: (N, {a.shape[1]}) against (M, {b.shape[1]})")
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :] - 2 * a @ b.T
    return np.clip(squares, 0, None)


def nearest_neighbours(features: Any, query: Any, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The k rows of features (N, D) nearest to each row of query (M, D), nearest first.

    Returns (indices (M, k), Euclidean distances (M, k)). Equal distances keep the order of features.
    """
    features, query = _matrix("features", features), _matrix("query", query)
    if not 1 <= k <= len(features):
        raise ValueError(f"k must lie between 1 and the {len(features)} rows of features, not {k}")
    indices = np.empty((len(query), k), dtype=np.int64)
    distances = np.empty((len(query), k))
    for start in range(0, len(query), 500):
        part = slice(start, start + 500)
        squares = pairwise_squared_distances(query[part], features)
        indices[part] = np.argsort(squares, axis=1, kind="stable")[:, :k]
        distances[part] = np.sqrt(np.take_along_axis(squares, indices[part], axis=1))
    return indices, distances


def knn_accuracy(train_z: Any, train_y: Any, test_z: Any, test_y: Any, k: int = 5) -> float:
    """How often the k nearest training codes vote for the right class, 0 … 1.

    train_z: (N, D), train_y: (N,), test_z: (M, D), test_y: (M,). A tie goes to the class of the nearest among the tied.
    """
    train_y, test_y = np.asarray(train_y), np.asarray(test_y)
    for name, z, y in (("train", train_z, train_y), ("test", test_z, test_y)):
        if y.shape != (len(z),):
            raise ValueError(f"{name}_y must have shape ({len(z)},) like {name}_z, not {y.shape}")
    classes, coded = np.unique(train_y, return_inverse=True)
    neighbours = coded[nearest_neighbours(train_z, test_z, k)[0]]  # (M, k), nearest first
    votes = (neighbours[:, :, None] == np.arange(len(classes))).sum(axis=1).astype(float)  # (M, classes)
    for rank in range(k):  # less than half a vote in sum: it decides ties, and nothing else
        votes[np.arange(len(votes)), neighbours[:, rank]] += 0.5 ** (rank + 2)
    return float((classes[votes.argmax(axis=1)] == test_y).mean())


def principal_angles(a: Any, b: Any) -> np.ndarray:
    """Angles in degrees between two subspaces, smallest first; all 0 when one contains the other.

    a: (D, p), b: (D, q), whose columns span the subspaces (they need not be orthonormal). Returns (min(p, q),) angles,
    0 … 90. Björck & Golub (1973), by way of scipy.linalg.subspace_angles, which is exact for small angles too.
    """
    from scipy.linalg import subspace_angles

    a, b = _matrix("a", a), _matrix("b", b)
    if len(a) != len(b):
        raise ValueError(f"both subspaces must lie in the same space: columns of length {len(a)} against {len(b)}")
    if max(a.shape[1], b.shape[1]) > len(a):
        raise ValueError(f"the columns span the subspaces: shape (D, p) with p ≤ D, not {a.shape} and {b.shape}")
    return np.rad2deg(np.sort(subspace_angles(a, b)))


def _matrix(name: str, values: Any) -> np.ndarray:
    """Check that values are a finite matrix, as float64."""
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] == 0:
        raise ValueError(f"{name} must be a matrix (samples, features), not of shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds NaN or infinite numbers")
    return values
