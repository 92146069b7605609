"""Detectors of how a GAN fails: each turns what a run leaves behind into a number and a verdict. NumPy only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.metrics.checks import matrix
from helpers.metrics.neighbours import nearest_neighbours, pairwise_squared_distances


@dataclass(frozen=True)
class ModeCoverage:
    """What `mode_coverage` found. counts: good samples at each mode, (K,)."""

    covered: int
    total: int
    good_share: float
    counts: np.ndarray
    collapsed: bool

    def __str__(self) -> str:
        return f"{self.covered} of {self.total} modes, {self.good_share:.0%} good samples"


def mode_coverage(samples: Any, centres: Any, radius: float, minimum: int | None = None) -> ModeCoverage:
    """Modes that samples (N, D) reach, and the share of samples that lie at one of them.

    A sample is good when its nearest centre (K, D) is at most `radius` away; Metz et al. (2017) and Srivastava et al.
    (2017) take three standard deviations of a mode. A mode is covered when at least `minimum` good samples lie at it
    (default: a fifth of its even share N / K, at least 1). good_share is 0 … 1. `collapsed` says that at least a quarter
    of the modes is missing. ValueError on a radius that isn't positive, or too few samples to judge every mode.
    """
    samples, centres = matrix("samples", samples), matrix("centres", centres)
    if not (math.isfinite(radius) and radius > 0):
        raise ValueError(f"radius must be a positive distance, not {radius}")
    if len(centres) == 0 or len(samples) < len(centres):
        raise ValueError(f"{len(samples)} samples cannot cover {len(centres)} modes: give at least one sample a mode")
    least = max(1, len(samples) // (5 * len(centres))) if minimum is None else minimum
    if least < 1:
        raise ValueError(f"minimum must be 1 or more samples a mode, not {minimum}")
    nearest, distance = (found[:, 0] for found in nearest_neighbours(centres, samples))
    good = distance <= radius
    counts = np.bincount(nearest[good], minlength=len(centres))
    covered = int((counts >= least).sum())
    return ModeCoverage(covered, len(centres), float(good.mean()), counts, covered <= 0.75 * len(centres))


@dataclass(frozen=True)
class Duplicates:
    """What `duplicates` found. pair: the two samples nearest to each other in the first batch that holds a duplicate."""

    probability: float
    support: float
    batches: int
    pair: tuple[int, int] | None


def duplicates(
    samples: Any, tolerance: float, batch_size: int, batches: int = 200, rng: np.random.Generator | None = None
) -> Duplicates:
    """How often a small batch of samples holds a near-duplicate, and how many different samples that speaks for.

    The birthday paradox test of Arora & Zhang (2017): a batch of s draws from n equally likely ones holds an equal pair
    with probability about 1 − exp(−s(s − 1) / 2n), so n ≈ s(s − 1) / (−2 ln(1 − probability)). samples: (N, D), points or
    features. Two are duplicates when at most `tolerance` apart (Euclidean). `batches` batches of `batch_size` different
    rows are drawn with `rng` (default: seed 0). probability: 0 … 1. support: inf when no batch held a duplicate; when
    all did, the value of half a batch without, an upper limit.
    """
    samples = matrix("samples", samples)
    rng = np.random.default_rng(0) if rng is None else rng
    if not 2 <= batch_size <= len(samples):
        raise ValueError(f"batch_size must lie between 2 and the {len(samples)} samples, not {batch_size}")
    if batches < 1 or not tolerance >= 0:
        raise ValueError(f"duplicates needs batches ≥ 1 and tolerance ≥ 0, not {batches} and {tolerance}")
    hits, pair = 0, None
    for _ in range(batches):
        rows = rng.choice(len(samples), batch_size, replace=False)
        i, j, distance = _closest_pair(samples[rows])
        if distance <= tolerance:
            hits += 1
            pair = pair or (int(rows[i]), int(rows[j]))
    without = max(batches - hits, 0.5) / batches
    support = math.inf if hits == 0 else batch_size * (batch_size - 1) / (-2 * math.log(without))
    return Duplicates(hits / batches, support, batches, pair)


def _closest_pair(points: np.ndarray) -> tuple[int, int, float]:
    """Indices and distance of the two nearest rows; the distance is of their difference, so equal rows are 0 apart."""
    squares = pairwise_squared_distances(points - points.mean(axis=0), points - points.mean(axis=0))
    np.fill_diagonal(squares, np.inf)
    i, j = np.unravel_index(squares.argmin(), squares.shape)
    return int(i), int(j), float(np.linalg.norm(points[i] - points[j]))


@dataclass(frozen=True)
class Oscillation:
    """What `oscillation` found. amplitude: half the swing in the last third; ratio: that over the first third's."""

    amplitude: float
    ratio: float
    crossings: int
    oscillates: bool


def oscillation(values: Any, smallest: float = 1e-3) -> Oscillation:
    """Whether a series (T,) keeps swinging to and fro instead of settling.

    Compares the last third with the first: amplitude is half the distance between highest and lowest value there, ratio
    is the last amplitude over the first, crossings counts how often the last third passes through its own middle. It
    oscillates when ratio > 0.5, the amplitude is above `smallest` and there are at least 2 crossings: a series that
    converges has a small ratio, one that drifts or decays has no crossings. A value that is not finite counts as an
    oscillation without bound. T must be at least 9. For GANs: Mescheder, Geiger & Nowozin (2018).
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or len(values) < 9:
        raise ValueError(f"oscillation needs a series of at least 9 values, shape (T,), not {values.shape}")
    if not np.isfinite(values).all():
        return Oscillation(math.inf, math.inf, 0, True)
    first, last = values[: len(values) // 3], values[-(len(values) // 3) :]
    before, after = np.ptp(first) / 2, np.ptp(last) / 2
    above = last > (last.max() + last.min()) / 2
    crossings = int((above[1:] != above[:-1]).sum())
    ratio = float(after / before) if before > 0 else (math.inf if after > 0 else 0.0)
    return Oscillation(float(after), ratio, crossings, bool(ratio > 0.5 and after > smallest and crossings >= 2))


@dataclass(frozen=True)
class GradientFlow:
    """What `gradient_flow` found. start, end: median norms of the first and the last tenth; ratio: end over start."""

    start: float
    end: float
    ratio: float
    vanishes: bool
    explodes: bool


def gradient_flow(norms: Any, factor: float = 10.0) -> GradientFlow:
    """Whether the gradient that reaches the generator dies away or blows up in a run.

    norms: (T,) norms of the gradient at G's parameters, ≥ 0, T at least 2. Medians over the first and the last tenth are
    compared: it vanishes when the last is `factor` times smaller, and explodes when it is `factor` times larger or not
    finite. Arjovsky & Bottou (2017) show both for the two losses of Goodfellow et al. (2014).
    """
    norms = np.asarray(norms, dtype=np.float64)
    if norms.ndim != 1 or len(norms) < 2 or (norms < 0).any():
        raise ValueError(f"gradient_flow needs at least 2 norms ≥ 0 of shape (T,), not {norms.shape}")
    if not factor > 1:
        raise ValueError(f"factor must be above 1, not {factor}")
    tenth = max(1, len(norms) // 10)
    start, end = float(np.median(norms[:tenth])), float(np.median(norms[-tenth:]))
    if not np.isfinite(norms).all():
        return GradientFlow(start, math.inf, math.inf, False, True)
    ratio = end / start if start > 0 else (0.0 if end == 0 else math.inf)
    return GradientFlow(start, end, ratio, bool(ratio * factor <= 1), bool(ratio >= factor))


@dataclass(frozen=True)
class LabelCheck:
    """What `check_labels` found. outside: share beyond [0, 1]; lowest: the least cross-entropy that the labels allow."""

    outside: float
    lowest: float
    best_logit: float
    rewards_certainty: bool


def check_labels(targets: Any, largest_logit: float = 10.0) -> LabelCheck:
    """Whether targets of a binary cross-entropy leave [0, 1], and what a discriminator can gain from that.

    The loss softplus(l) − t·l at target t has its minimum at the logit l = log(t / (1 − t)) for 0 < t < 1. Beyond that
    range it has none: it falls without bound, below zero, as l grows. targets: any shape, one label a sample. `lowest` is
    the mean loss of a discriminator that gives each sample its best logit within ±largest_logit, `best_logit` the mean
    size of those logits. rewards_certainty: some target is outside, so that the loss has no lower bound. Smoothing that
    stays inside: Salimans et al. (2016).
    """
    targets = np.asarray(targets, dtype=np.float64).ravel()
    if targets.size == 0 or not np.isfinite(targets).all():
        raise ValueError("targets must be finite numbers, at least one")
    if not largest_logit > 0:
        raise ValueError(f"largest_logit must be positive, not {largest_logit}")
    inside = np.clip(targets, 0, 1)
    with np.errstate(divide="ignore"):
        best = np.log(inside) - np.log1p(-inside)  # ± inf at and beyond the ends
    logits = np.clip(best, -largest_logit, largest_logit)
    lowest = float((np.logaddexp(0, logits) - targets * logits).mean())
    outside = float(((targets < 0) | (targets > 1)).mean())
    return LabelCheck(outside, lowest, float(np.abs(logits).mean()), outside > 0)


@dataclass(frozen=True)
class BatchMixing:
    """What `batch_mixing` found. together, alone: shares judged right; gap: together − alone; shift: in logits."""

    together: float
    alone: float
    gap: float
    shift: float
    depends: bool


def batch_mixing(logits_together: Any, logits_alone: Any, real: bool = False, tolerance: float = 0.1) -> BatchMixing:
    """Whether a discriminator's verdict on the same samples depends on what else lies in their batch.

    logits_together: (N,) or (N, 1) logits from a batch that also held the other kind, logits_alone: for the same samples
    in a batch of their own. real: which sign is right (fake: below 0). depends: the shares judged right differ by more
    than `tolerance`. shift: mean absolute difference of the logits. Batch normalisation makes the difference: Ioffe &
    Szegedy (2015), section 3; Salimans et al. (2016), section 3.4.
    """
    a, b = (np.asarray(values, dtype=np.float64) for values in (logits_together, logits_alone))
    if a.shape != b.shape or a.size == 0:
        raise ValueError(f"batch_mixing compares the same samples: logits of shape {a.shape} against {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("logits must be finite")
    right_a, right_b = (float(((values > 0) == real).mean()) for values in (a, b))
    shift = float(np.abs(a - b).mean())
    return BatchMixing(right_a, right_b, right_a - right_b, shift, abs(right_a - right_b) > tolerance)
