"""The Inception score: how sure a classifier is of each sample, and how many classes it sees in all."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from helpers.metrics.checks import matrix


class Score(NamedTuple):
    """Mean and standard deviation over the splits."""

    mean: float
    std: float


def inception_score(probabilities: Any, splits: int = 10) -> Score:
    """exp of the mean Kullback–Leibler divergence from p(y) to p(y|x), 1 … K: sharp classes for one, all for many.

    Salimans et al. (2016), arXiv:1606.03498. probabilities: (N, K), a classifier's for each sample, rows summing to 1;
    Inception's in the paper, so name the classifier with the number. The samples are cut into `splits` runs of equal
    length as they stand (shuffle those that are ordered by class); mean and standard deviation are over the runs. It
    compares with no real data: real images also have a score, and a generator that gives one perfect image a class
    reaches the maximum. ValueError names rows that are no probabilities, and fewer samples than splits.
    """
    p = matrix("probabilities", probabilities)
    if not 1 <= splits <= len(p):
        raise ValueError(f"splits must lie between 1 and the {len(p)} samples, not {splits}")
    if (p < 0).any() or np.abs(p.sum(axis=1) - 1).max() > 1e-3:
        raise ValueError("each row of probabilities must be ≥ 0 and sum to 1: give softmax(logits), not logits")
    edges = np.arange(splits + 1) * len(p) // splits
    scores = [_score(p[start:end]) for start, end in zip(edges[:-1], edges[1:], strict=True)]
    return Score(float(np.mean(scores)), float(np.std(scores)))


def _score(p: np.ndarray) -> float:
    """exp(E_x KL(p(y|x) ‖ p(y))) of one run of samples; 0·log 0 = 0."""
    from scipy.special import rel_entr

    return float(np.exp(rel_entr(p, p.mean(axis=0)).sum(axis=1).mean()))
