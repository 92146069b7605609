"""The kernel distance: the squared maximum mean discrepancy between two sets of features."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from helpers.metrics.checks import generator, pair

BLOCK = 4000  # rows of the kernel matrix held at once


class KernelDistance(NamedTuple):
    """An estimate and the standard error that it has for a finite sample."""

    value: float
    standard_error: float


def kernel_distance(
    features_a: Any,
    features_b: Any,
    subset_size: int | None = None,
    subsets: int = 100,
    rng: np.random.Generator | int | None = None,
) -> KernelDistance:
    """Unbiased squared maximum mean discrepancy with the kernel (x·y/D + 1)³, and its standard error.

    Bińkowski et al. (2018), arXiv:1801.01401, who call it KID when the features are Inception's; the estimator is
    Gretton et al. (2012), equation 3. features_a: (N, D), features_b: (M, D), N and M at least 3. Its expectation is 0
    for equal distributions whatever the sample sizes, so single values may be a little below 0.

    Without subset_size, all pairs of samples are used, which varies least, and the standard error is the jackknife's:
    what leaving out one sample at a time changes. With subset_size (2 … min(N, M)) the value is the mean over that many
    random `subsets`, as in the paper, and the standard error is their standard deviation / √subsets: too small where
    subsets overlap much, because it knows nothing of the samples that no subset could have held. ValueError names bad
    input.
    """
    a, b = pair(("features_a", "features_b"), features_a, features_b, 3, "the kernel distance")
    a, b = a / np.sqrt(a.shape[1]), b / np.sqrt(b.shape[1])
    if subset_size is None:
        return _with_jackknife(a, b)
    most = min(len(a), len(b))
    if not 2 <= subset_size <= most:
        raise ValueError(f"subset_size must lie between 2 and the {most} samples of the smaller set, not {subset_size}")
    if subsets < 2:
        raise ValueError(f"a standard error needs at least 2 subsets, not {subsets}")
    rng = generator(rng)
    chosen_a, chosen_b = (_chosen(len(x), subset_size, subsets, rng) for x in (a, b))
    values = _over_subsets(a, b, chosen_a, chosen_b)
    return KernelDistance(float(values.mean()), float(values.std(ddof=1) / np.sqrt(subsets)))


def _chosen(n: int, size: int, subsets: int, rng: np.random.Generator) -> np.ndarray:
    """Random subsets of n rows as columns of zeros and ones: (n, subsets)."""
    chosen = np.zeros((n, subsets))
    for column in chosen.T:
        column[rng.choice(n, size, replace=False)] = 1
    return chosen


def _over_subsets(a: np.ndarray, b: np.ndarray, chosen_a: np.ndarray, chosen_b: np.ndarray) -> np.ndarray:
    """The estimate on each pair of subsets, (subsets,): for a subset s, sᵀKs is the sum over all its pairs."""
    n, m = chosen_a.sum(axis=0), chosen_b.sum(axis=0)
    within_a = (chosen_a * (_kernel_times(a, a, chosen_a) - _diagonal(a)[:, None] * chosen_a)).sum(axis=0)
    within_b = (chosen_b * (_kernel_times(b, b, chosen_b) - _diagonal(b)[:, None] * chosen_b)).sum(axis=0)
    between = (chosen_a * _kernel_times(a, b, chosen_b)).sum(axis=0)
    return within_a / (n * (n - 1)) + within_b / (m * (m - 1)) - 2 * between / (n * m)


def _with_jackknife(a: np.ndarray, b: np.ndarray) -> KernelDistance:
    """The estimate over all pairs, and the two-sample jackknife's standard error."""
    n, m = len(a), len(b)
    rows_aa = _kernel_times(a, a, np.ones((n, 1)))[:, 0] - _diagonal(a)  # Σ over j ≠ i of k(a_i, a_j)
    rows_bb = _kernel_times(b, b, np.ones((m, 1)))[:, 0] - _diagonal(b)
    rows_ab, rows_ba = _both_sums(a, b)
    aa, bb, ab = rows_aa.sum(), rows_bb.sum(), rows_ab.sum()
    value = aa / (n * (n - 1)) + bb / (m * (m - 1)) - 2 * ab / (n * m)
    without_a = (aa - 2 * rows_aa) / ((n - 1) * (n - 2)) - 2 * (ab - rows_ab) / ((n - 1) * m)
    without_b = (bb - 2 * rows_bb) / ((m - 1) * (m - 2)) - 2 * (ab - rows_ba) / (n * (m - 1))
    variance = (n - 1) * without_a.var() + (m - 1) * without_b.var()
    return KernelDistance(float(value), float(np.sqrt(variance)))


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(x·y + 1)³ for all pairs of rows: (N, M). The rows have been divided by √D before."""
    k = x @ y.T
    k += 1
    cubes = k * k
    cubes *= k
    return cubes


def _diagonal(x: np.ndarray) -> np.ndarray:
    """The kernel of each row with itself, (N,)."""
    return (np.einsum("nd,nd->n", x, x) + 1) ** 3


def _kernel_times(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The kernel matrix of x (N, D) and y (M, D) times weights (M, W), block by block: (N, W)."""
    if len(x) <= BLOCK:
        return _kernel(x, y) @ weights  # where x is y, the products take half the time
    return np.concatenate([_kernel(x[i : i + BLOCK], y) @ weights for i in range(0, len(x), BLOCK)])


def _both_sums(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of the kernel matrix of x (N, D) and y (M, D) along its rows (N,) and its columns (M,)."""
    rows, columns = [], np.zeros(len(y))
    for start in range(0, len(x), BLOCK):
        block = _kernel(x[start : start + BLOCK], y)
        rows.append(block.sum(axis=1))
        columns += block.sum(axis=0)
    return np.concatenate(rows), columns
