"""Exercises 5 and 6 of lesson 6: a baseline of moved colours, and a detector for translations that are all alike."""

from collections.abc import Callable
from typing import Any

import numpy as np

from helpers.exercises import Exercise, Mistake

Arrays = dict[str, Any]

# --- 5. colour transfer, a channel at a time


def _moved(
    axis: tuple[int, ...] | None = (0, 1, 2),
    power: float = 1.0,
    add: bool = True,
    subtract: bool = True,
    clip: bool = True,
) -> Callable[..., np.ndarray]:
    """Colour transfer with statistics over other axes, another power of the ratio, or a step left out."""

    def transfer(images: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        (m_a, s_a), (m_b, s_b) = ((x.mean(axis, keepdims=True), x.std(axis, keepdims=True)) for x in (source, target))
        moved = (s_b / s_a) ** power * (images - m_a * subtract) + m_b * add
        return moved.clip(0, 1) if clip else moved

    return transfer


def channel_transfer(images: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Eq. 1 with the rising sign for each channel, cut off at 0 and 1. All (N, R, R, 3) in [0, 1]."""
    return _moved()(images, source, target)


def _colours(rng: np.random.Generator) -> Arrays:
    """Pictures whose channels have means and widths of their own, and with some values that leave [0, 1] when moved."""

    def pictures(low: float, high: float) -> np.ndarray:
        return np.clip(rng.uniform(0.35, 0.65, 3) + rng.uniform(low, high, 3) * rng.normal(size=(6, 5, 5, 3)), 0, 1)

    return {"images": pictures(0.1, 0.2), "source": pictures(0.08, 0.15), "target": pictures(0.2, 0.3)}


Q5 = Exercise(
    id="q5",
    title="The simplest translator there is",
    kind="derive",
    points=2,
    minutes=10,
    inputs=_colours,
    reference=channel_transfer,
    arrays="numpy",
    hints=[
        "Eq. 1: y = a·x + b with a = σ_B/σ_A and b = μ_B - a·μ_A. That is μ_B + σ_B/σ_A·(x - μ_A).",
        "x.mean(axis=(0, 1, 2)) gives one mean for each channel, over all pixels of all pictures; x.std likewise.",
        "The statistics come from source and target; images are only moved. At the end np.clip(…, 0, 1).",
    ],
    mistakes=[
        Mistake(_moved(clip=False), "Some values leave [0, 1]: cut them off."),
        Mistake(_moved(power=2), "You took variances; Eq. 1 has the ratio of the standard deviations."),
        Mistake(_moved(power=-1), "The ratio is turned round: a wide target needs a factor above 1, σ_B/σ_A."),
        Mistake(_moved(power=0), "Only the means are moved; the widths must fit as well: σ_B/σ_A."),
        Mistake(_moved(add=False), "The target's mean is not added, so the colours lie around 0."),
        Mistake(_moved(subtract=False), "The source's mean is not subtracted before the stretching."),
        Mistake(_moved(axis=None), "You took one mean and width over all three channels; each channel has its own."),
        Mistake(
            lambda images, source, target: _moved()(images, images, target),
            "You took the statistics of `images`; they come from all of `source`.",
        ),
        Mistake(_moved(axis=(1, 2)), "You took statistics picture by picture; they go over all pictures."),
        Mistake(_moved(axis=(0,)), "You took statistics pixel by pixel; they go over all pixels of all pictures."),
        Mistake(
            lambda images, source, target: _moved()(images, target, source),
            "Source and target are swapped: the images move from the one's colours to the other's.",
        ),
    ],
)

# --- 6. a detector for translations that are all alike


def _squares(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return ((x[:, None] - y[None]) ** 2).sum(axis=2)


def _own(nearest: np.ndarray) -> float:
    return float((nearest == np.arange(len(nearest))).mean())


def found_again(translated: np.ndarray, truth: np.ndarray) -> float:
    """Share of rows whose nearest row of truth (N, D) has the same number, 0 … 1."""
    return _own(_squares(translated, truth).argmin(axis=1))


def _features(rng: np.random.Generator) -> Arrays:
    """Translations some way off the truth and a little narrower, so that about half find their partner."""
    truth = 1 + rng.normal(size=(40, 4))
    return {"translated": 0.7 * truth + 0.5 + 0.4 * rng.normal(size=truth.shape), "truth": truth}


Q6 = Exercise(
    id="q6",
    title="A detector for identical zebras",
    kind="design",
    points=2,
    minutes=15,
    inputs=_features,
    reference=found_again,
    arrays="numpy",
    hints=[
        "You need all distances from translations to true pictures: a table (N, N). Differences broadcast: x[:, None] - y[None].",
        "Square, sum over the features; the column of the smallest number in each row is the nearest true picture.",
        "Compare those columns with np.arange(N); the mean of a comparison is a share.",
    ],
    mistakes=[
        Mistake(
            lambda translated, truth: _own(_squares(translated, truth).argmin(axis=0)),
            "You looked for each true picture's nearest translation; it is the other way round.",
        ),
        Mistake(
            lambda translated, truth: _own(_squares(translated, truth).argmax(axis=1)),
            "You took the farthest true picture; the nearest is asked for.",
        ),
        Mistake(
            lambda translated, truth: float(len(truth) * found_again(translated, truth)),
            "That is how many are found; the share divides it by their number.",
        ),
        Mistake(
            lambda translated, truth: 1 - found_again(translated, truth),
            "That is the share that is *not* found again.",
        ),
        Mistake(
            lambda translated, truth: 1.0,
            "All are found, as each row is its own nearest in its own set. Compare translations with true pictures.",
        ),
        Mistake(
            lambda translated, truth: float(
                (_squares(translated, truth).argsort(axis=1)[:, :2] == np.arange(len(truth))[:, None])
                .any(axis=1)
                .mean()
            ),
            "You accept the second nearest as well; only the nearest counts.",
        ),
        Mistake(
            lambda translated, truth: _own((translated @ truth.T).argmax(axis=1)),
            "A dot product prefers long rows; take the Euclidean distance.",
        ),
        Mistake(
            lambda translated, truth: _own(np.abs(translated[:, None] - truth[None]).sum(axis=2).argmin(axis=1)),
            "You summed absolute differences; the Euclidean distance sums squares.",
        ),
        Mistake(
            lambda translated, truth: _squares(translated, truth).argmin(axis=1) == np.arange(len(truth)),
            "That is an answer for each row; give their share.",
        ),
    ],
)
