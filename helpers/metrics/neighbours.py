"""Distances between rows, nearest neighbours, and what their votes say."""

from __future__ import annotations

from typing import Any

import numpy as np

from helpers.metrics.checks import matrix


def pairwise_squared_distances(a: Any, b: Any) -> np.ndarray:
    """Squared Euclidean distances between the rows of a (N, D) and of b (M, D): (N, M), ≥ 0."""
    a, b = matrix("a", a), matrix("b", b)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"both sets need the same number of columns: (N, {a.shape[1]}) against (M, {b.shape[1]})")
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :] - 2 * a @ b.T
    return np.clip(squares, 0, None)


def nearest_neighbours(features: Any, query: Any, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The k rows of features (N, D) nearest to each row of query (M, D), nearest first.

    Returns (indices (M, k), Euclidean distances (M, k)). Equal distances keep the order of features.
    """
    features, query = matrix("features", features), matrix("query", query)
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
