"""Exercises of lesson 7, StyleGAN; the others are in stylegan_layers, stylegan_penalty and stylegan_directions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from helpers.exercise_sets.stylegan_directions import Q5, Q6
from helpers.exercise_sets.stylegan_layers import Q1, Q4
from helpers.exercise_sets.stylegan_penalty import Q3
from helpers.exercises import Exercise, Mistake

Arrays = dict[str, Any]
Truncation = Callable[[np.ndarray, np.ndarray, float], np.ndarray]

# --- 2. truncated and mixed styles


def _truncated(w: np.ndarray, mean: np.ndarray, psi: float) -> np.ndarray:
    """Styles w (B, D) drawn towards their mean (D,)."""
    return mean + psi * (w - mean)


def _same(w: np.ndarray, mean: np.ndarray, psi: float) -> np.ndarray:
    return w


def _mixed(
    of_first: Truncation = _truncated,
    of_second: Truncation = _truncated,
    turned: bool = False,
    more: int = 0,
    of_numbers: bool = False,
) -> Callable[..., np.ndarray]:
    """The mixture with another truncation of either, turned round, cut some layers later, or cut inside the vectors."""

    def mixed(
        first: np.ndarray, second: np.ndarray, w_mean: np.ndarray, psi: float, cut: int, layers: int
    ) -> np.ndarray:
        one, two = of_first(first, w_mean, psi)[:, None], of_second(second, w_mean, psi)[:, None]
        early = (np.arange(first.shape[1]) if of_numbers else np.arange(layers)[:, None]) < cut + more
        styles = np.where(early, two, one) if turned else np.where(early, one, two)
        return np.broadcast_to(styles, (len(first), layers, first.shape[1]))

    return mixed


def mixed_styles(
    first: np.ndarray, second: np.ndarray, w_mean: np.ndarray, psi: float, cut: int, layers: int
) -> np.ndarray:
    """A truncated style for every layer, first's below the cut and second's from it on: (B, layers, D)."""
    return _mixed()(first, second, w_mean, psi, cut, layers)


def _faces(rng: np.random.Generator) -> Arrays:
    """Styles of three pairs around a mean that is far from 0, and a cut between the layers."""
    layers = int(rng.integers(6, 11))
    return {
        "first": 1 + rng.normal(size=(3, 12)),
        "second": 1 + rng.normal(size=(3, 12)),
        "w_mean": 1 + 0.3 * rng.normal(size=12),
        "psi": rng.uniform(0.4, 0.8),
        "cut": int(rng.integers(2, layers - 1)),
        "layers": layers,
    }


Q2 = Exercise(
    id="q2",
    title="Truncated and mixed styles",
    kind="implement",
    points=2,
    minutes=10,
    inputs=_faces,
    reference=mixed_styles,
    arrays="numpy",
    hints=[
        "Truncate each of the two: start at the mean, and go the share ψ of the way to w.",
        "w_mean + psi * (w - w_mean). Then one style for each layer: (B, D) becomes (B, layers, D).",
        "early = np.arange(layers)[:, None] < cut, and np.where(early, first[:, None], second[:, None]).",
    ],
    mistakes=[
        Mistake(
            _mixed(*[lambda w, mean, psi: psi * w] * 2),
            "You multiplied w by ψ: that leads to 0, where no face is. Truncation leads to the mean.",
        ),
        Mistake(
            _mixed(*[lambda w, mean, psi: w + psi * (mean - w)] * 2),
            "ψ is turned round: ψ = 1 leaves w as it is, ψ = 0 gives the mean.",
        ),
        Mistake(
            _mixed(*[lambda w, mean, psi: psi * (w - mean)] * 2),
            "The mean is subtracted and never added again: mean + ψ·(w - mean).",
        ),
        Mistake(
            _mixed(*[lambda w, mean, psi: mean + psi * w] * 2),
            "The mean is added but never subtracted: mean + ψ·(w - mean).",
        ),
        Mistake(
            _mixed(*[lambda w, mean, psi: _truncated(w, w.mean(axis=0), psi)] * 2),
            "You took the mean of these few w; w_mean is the mean of all, from the training.",
        ),
        Mistake(
            _mixed(*[lambda w, mean, psi: np.clip(w, mean - psi, mean + psi)] * 2),
            "You cut w off at a distance of ψ; truncation shrinks every distance from the mean by the factor ψ.",
        ),
        Mistake(_mixed(_same, _same), "The styles are mixed but not truncated."),
        Mistake(_mixed(of_second=_same), "Only the first styles are truncated; both are to be."),
        Mistake(_mixed(of_first=_same), "Only the second styles are truncated; both are to be."),
        Mistake(_mixed(turned=True), "The sides of the cut are swapped: the layers below it take the first style."),
        Mistake(_mixed(more=1), "One layer too many has the first style: layer number `cut` takes the second."),
        Mistake(_mixed(more=-1), "One layer too few has the first style: layers 0 … cut - 1 take it."),
        Mistake(
            _mixed(of_numbers=True),
            "You cut inside the vectors: each style is then half of one and half of the other. The cut goes through the layers.",
        ),
        Mistake(
            lambda first, second, w_mean, psi, cut, layers: _mixed()(first, first, w_mean, psi, cut, layers),
            "All layers have the first style; those from the cut on take the second.",
        ),
        Mistake(
            lambda *given: mixed_styles(*given).swapaxes(0, 1),
            "The axes are in another order: pictures first, then layers, (B, layers, D).",
        ),
    ],
)

EXERCISES = [Q1, Q2, Q3, Q4, Q5, Q6]
