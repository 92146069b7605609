"""Exercises of lesson 6, CycleGAN; those on losses are in cyclegan_losses, those on scores in cyclegan_scores."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from helpers.exercise_sets.cyclegan_losses import Q1, Q4
from helpers.exercise_sets.cyclegan_scores import Q5, Q6
from helpers.exercises import Exercise, Mistake

Arrays = dict[str, Any]

# --- 2. the receptive field of a stack of convolutions


def _walk(kernels: Sequence[int], strides: Sequence[int], start: int = 1, less: int = 1) -> int:
    """Eq. 6 in the order given; with start=0 or less=0 it makes a mistake."""
    r = start
    for k, s in zip(kernels, strides, strict=True):
        r = (r - less) * s + k
    return r


def receptive_field(kernels: Sequence[int], strides: Sequence[int]) -> int:
    """Side of the square of pixels that one output sees, Eq. 6. Lists from the first layer to the last."""
    return _walk(kernels[::-1], strides[::-1])


def _forward(kernels: Sequence[int], strides: Sequence[int], less: int = 1, own: int = 0) -> int:
    """The sum that walks from the picture on. less=0 counts pixels for gaps; own=1 takes a layer's own stride in."""
    return 1 + sum((k - less) * math.prod(strides[: i + own]) for i, k in enumerate(kernels))


def _stack(rng: np.random.Generator) -> Arrays:
    """Four to six layers; the first with stride 2 and the last with 1, so that the order counts."""
    depth = int(rng.integers(4, 7))
    strides = [2, *(int(s) for s in rng.integers(1, 3, size=depth - 2)), 1]
    return {"kernels": [int(k) for k in rng.integers(3, 6, size=depth)], "strides": strides}


Q2 = Exercise(
    id="q2",
    title="A receptive field from kernels and strides",
    kind="derive",
    points=2,
    minutes=10,
    inputs=_stack,
    reference=receptive_field,
    arrays="numpy",
    hints=[
        "One output sees itself: r = 1. How many places of the layer below does it see?",
        "k of them. Two neighbours among those lie s apart below, and each sees k places: (2 - 1)·s + k.",
        "Start at the last layer: for k, s in zip(reversed(kernels), reversed(strides)). 4, 4, 4 with 2, 1, 1 gives 16.",
    ],
    mistakes=[
        Mistake(
            lambda kernels, strides: _walk(kernels, strides),
            "You walked from the picture on; Eq. 6 begins at the logit, with the last layer.",
        ),
        Mistake(
            lambda kernels, strides: _walk(kernels[::-1], strides[::-1], less=0),
            "You stride r times; between r places there are r - 1 strides.",
        ),
        Mistake(
            lambda kernels, strides: _walk(kernels[::-1], strides[::-1], start=0),
            "Start from r = 1: an output sees itself.",
        ),
        Mistake(
            lambda kernels, strides: 1 + sum(k - 1 for k in kernels),
            "The strides are missing: after a stride of 2, places lie twice as far apart in the picture.",
        ),
        Mistake(
            lambda kernels, strides: _forward(kernels, strides, own=1),
            "A layer's own stride is in its product; it spreads only what the layers after it see.",
        ),
        Mistake(
            lambda kernels, strides: _forward(kernels, strides, less=0),
            "A kernel of k adds k - 1 steps, not k.",
        ),
        Mistake(
            lambda kernels, strides: _forward(kernels, strides) - 1,
            "One too few: to the steps on both sides comes the pixel itself.",
        ),
        Mistake(
            lambda kernels, strides: math.prod(strides),
            "That is the product of the strides, how far apart two outputs look, and not how much one sees.",
        ),
        Mistake(
            lambda kernels, strides: sum(kernels),
            "That is the sum of the kernels: they overlap, and the strides are missing.",
        ),
        Mistake(
            lambda kernels, strides: receptive_field(kernels, strides) ** 2,
            "That is the number of pixels in the square; its side is asked for.",
        ),
    ],
)

# --- 3. the buffer of old fakes


def _buffered(change: str = "") -> Callable[..., np.ndarray]:
    """The buffer with one of its rules changed; without a name, as it should be."""

    def shown_to_D(fakes: np.ndarray, size: int, swap: np.ndarray, place: np.ndarray) -> np.ndarray:
        kept: list[np.ndarray] = [np.zeros_like(fakes[0])] * size if change == "zeros" else []
        shown = []
        for i, fake in enumerate(fakes):
            if len(kept) < size:
                kept.append(fake)
                shown += [] if change == "silent" else [fake]
                continue
            swapped = change == "always" or swap[i - size if change == "late" else i] != (change == "turned")
            old = kept[place[i]]
            if (swapped and change != "lost") or change == "all kept":
                kept[place[i]] = fake
            if change == "queue" and swapped:
                kept[place[i]] = old
                kept, old = [*kept[1:], fake], kept[0]
            shown.append(old if swapped else fake)
        return np.stack(kept if change == "kept" else shown)

    return shown_to_D


def shown_to_D(fakes: np.ndarray, size: int, swap: np.ndarray, place: np.ndarray) -> np.ndarray:
    """What the discriminator sees of fakes (N, …) through a buffer, as coins and places say; (N, …)."""
    return _buffered()(fakes, size, swap, place)


def _coins(rng: np.random.Generator) -> Arrays:
    """A small buffer that is used again and again; both sides of the coin fall while it is full."""
    size, n = int(rng.integers(2, 5)), 24
    swap = rng.random(n) < 0.6
    swap[size], swap[-1] = True, False
    return {
        "fakes": rng.normal(size=(n, 2, 2, 1)),
        "size": size,
        "swap": swap,
        "place": rng.integers(0, size, size=n),
    }


Q3 = Exercise(
    id="q3",
    title="A buffer with the coins on the table",
    kind="implement",
    points=2,
    minutes=10,
    inputs=_coins,
    reference=shown_to_D,
    arrays="numpy",
    hints=[
        "Keep a list of what is in the buffer and one of what was shown. Go through the fakes one by one.",
        "Three cases: still filling (keep and show); swap[i] (show the old one, keep the new); else (show, don't keep).",
        "A swap in one line: fake, kept[place[i]] = kept[place[i]], fake. Then append fake to what was shown.",
    ],
    mistakes=[
        Mistake(
            lambda fakes, size, swap, place: fakes,
            "Every fake is shown as it came, so the buffer has no effect. At a swap the old one is shown.",
        ),
        Mistake(
            _buffered("lost"),
            "The old fake is shown at a swap, but the new one doesn't take its place: your buffer keeps the first for ever.",
        ),
        Mistake(_buffered("always"), "You swap every time once the buffer is full; swap[i] says whether."),
        Mistake(_buffered("turned"), "The coin is turned round: swap[i] true means that the old fake is shown."),
        Mistake(
            _buffered("all kept"),
            "A fake that is shown as it is goes into your buffer too; without a swap it is not kept.",
        ),
        Mistake(
            _buffered("silent"),
            "Nothing is shown while the buffer fills: too few come out. A new fake goes in *and* is shown.",
        ),
        Mistake(_buffered("zeros"), "Your buffer starts with zeros, and the discriminator sees them. It starts empty."),
        Mistake(
            _buffered("late"), "swap[i] belongs to fake number i, counted from the first and not from the full buffer."
        ),
        Mistake(
            _buffered("queue"), "The oldest fake leaves your buffer; it should be the one at place[i], of whatever age."
        ),
        Mistake(_buffered("kept"), "That is what lies in the buffer at the end; what was shown is asked for."),
    ],
)

EXERCISES = [Q1, Q2, Q3, Q4, Q5, Q6]
