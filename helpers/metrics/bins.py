"""The number of statistically different bins: does each region of the data get its share of samples?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.metrics.checks import generator, pair


@dataclass(frozen=True)
class DifferentBins:
    """What `different_bins` finds: how many of the bins differ, and by how much each.

    number: 0 … bins; share = number / bins, 0 … 1; real_shares, fake_shares: (bins,), each summing to 1; z: (bins,), the
    test's statistic, positive where fakes are too many; significance: the probability of a false alarm a bin.
    """

    number: int
    bins: int
    real_shares: np.ndarray
    fake_shares: np.ndarray
    z: np.ndarray
    significance: float

    @property
    def share(self) -> float:
        """The share of bins that differ, 0 … 1; about `significance` for equal distributions."""
        return self.number / self.bins


def different_bins(
    real: Any,
    fake: Any,
    bins: int | None = None,
    significance: float = 0.05,
    rng: np.random.Generator | int | None = None,
) -> DifferentBins:
    """Bins of the real set whose share of fake samples differs by more than chance: NDB.

    Richardson & Weiss (2018), arXiv:1805.12462: k-means cuts the real set into bins, each fake sample goes to the
    nearest centre, and a two-proportion z-test compares the shares, bin by bin. real: (N, D), fake: (M, D); bins: by
    default one for 20 samples of the smaller set, 2 … 100. About significance · bins differ by chance alone. Collapse
    shows as few bins that are overfull and many that are empty. ValueError names bad input.
    """
    real, fake = pair(("real", "fake"), real, fake, 2, "a comparison of bins")
    if bins is None:
        bins = int(np.clip(min(len(real), len(fake)) // 20, 2, 100))
    if not 2 <= bins <= len(real):
        raise ValueError(f"bins must lie between 2 and the {len(real)} real samples, not {bins}")
    if not 0 < significance < 1:
        raise ValueError(f"significance must lie between 0 and 1, not {significance}")
    of_real, of_fake = _assigned(real, fake, bins, generator(rng))
    counts_real, counts_fake = (np.bincount(of, minlength=bins) for of in (of_real, of_fake))
    z = two_proportions(counts_real, len(real), counts_fake, len(fake))
    from scipy.stats import norm

    number = int((np.abs(z) > norm.ppf(1 - significance / 2)).sum())
    return DifferentBins(number, bins, counts_real / len(real), counts_fake / len(fake), z, significance)


def two_proportions(counts_a: Any, total_a: int, counts_b: Any, total_b: int) -> np.ndarray:
    """z of the two-proportion test with a pooled share, positive where b has more; 0 where neither has any, or all.

    z = (p_b − p_a) / √(p (1 − p) (1/N_a + 1/N_b)), p the share in both together: Richardson & Weiss (2018), section 3.
    """
    counts_a, counts_b = np.asarray(counts_a, dtype=float), np.asarray(counts_b, dtype=float)
    pooled = (counts_a + counts_b) / (total_a + total_b)
    error = np.sqrt(pooled * (1 - pooled) * (1 / total_a + 1 / total_b))
    difference = counts_b / total_b - counts_a / total_a
    return np.divide(difference, error, out=np.zeros_like(difference), where=error > 0)


def _assigned(real: np.ndarray, fake: np.ndarray, bins: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The bin of each sample: (N,), (M,)."""
    from sklearn.cluster import KMeans

    centre, scale = real.mean(axis=0), max(real.std(), 1e-12)
    real, fake = (((x - centre) / scale).astype(np.float32) for x in (real, fake))
    clusters = KMeans(bins, n_init=1, random_state=int(rng.integers(2**31))).fit(real)
    return clusters.labels_, clusters.predict(fake)
