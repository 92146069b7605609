"""Exercises 1 and 4 of lesson 6: the cycle loss, and three bugs in the translators' loss."""

from collections.abc import Callable
from typing import Any

import numpy as np

from helpers.exercises import Exercise, Mistake

Arrays = dict[str, Any]


def _off(x: np.ndarray, y: np.ndarray) -> np.floating:
    """Mean absolute difference."""
    return np.abs(x - y).mean()


def _pictures(rng: np.random.Generator, *names: str) -> Arrays:
    """Unlike images (3, 4, 4, 2) in [-1, 1], each with a width and a mean of its own."""
    return {
        name: np.clip(rng.uniform(-0.3, 0.3) + rng.uniform(0.3, 0.8) * rng.normal(size=(3, 4, 4, 2)), -1, 1)
        for name in names
    }


# --- 1. the cycle loss


def cycle_loss(a: np.ndarray, b: np.ndarray, back_a: np.ndarray, back_b: np.ndarray, weight: float) -> np.floating:
    """Eq. 3 with its weight: mean absolute differences of both round trips, a scalar."""
    return weight * (_off(back_a, a) + _off(back_b, b))


def _round_trips(rng: np.random.Generator) -> Arrays:
    return {**_pictures(rng, "a", "b", "back_a", "back_b"), "weight": rng.uniform(3.0, 12.0)}


def _reduced(reduce: Callable[[np.ndarray], Any]) -> Callable[..., Any]:
    """The cycle loss with another reduction of the differences."""

    def loss(a: np.ndarray, b: np.ndarray, back_a: np.ndarray, back_b: np.ndarray, weight: float) -> Any:
        return weight * (reduce(back_a - a) + reduce(back_b - b))

    return loss


def _over_pixels(x: np.ndarray, reduce: str) -> np.ndarray:
    return getattr(np.abs(x), reduce)(axis=(1, 2, 3))


Q1 = Exercise(
    id="q1",
    title="The cycle loss",
    kind="implement",
    points=1,
    minutes=5,
    inputs=_round_trips,
    reference=cycle_loss,
    images=("a", "b", "back_a", "back_b"),
    hints=[
        "Two round trips: A→B→A ends in back_a. With which picture is it compared?",
        "Absolute differences, and their mean over batch, pixels and channels: one number for each round trip.",
        "Add the two numbers, and multiply the sum by the weight.",
    ],
    mistakes=[
        Mistake(_reduced(lambda x: (x**2).mean()), "You squared the differences; Eq. 3 takes absolute values."),
        Mistake(_reduced(lambda x: x.mean()), "The absolute value is missing: errors up and down cancel each other."),
        Mistake(_reduced(lambda x: abs(x.mean())), "Absolute values come first and the mean after; yours cancel."),
        Mistake(_reduced(lambda x: np.abs(x).sum()), "You summed over batch and pixels; the bar of Eq. 3 is a mean."),
        Mistake(
            _reduced(lambda x: _over_pixels(x, "sum").mean()),
            "You summed over the pixels and averaged over the batch; Eq. 3 is a mean over both.",
        ),
        Mistake(_reduced(lambda x: _over_pixels(x, "mean")), "That is one number an image; the loss is a scalar."),
        Mistake(_reduced(np.abs), "That is a difference for each pixel; the loss is their mean, a scalar."),
        Mistake(
            lambda a, b, back_a, back_b, weight: weight * _off(back_a, a),
            "The backward cycle B→A→B is missing; yours has A→B→A alone.",
        ),
        Mistake(
            lambda a, b, back_a, back_b, weight: weight * _off(back_b, b),
            "The forward cycle A→B→A is missing; yours has B→A→B alone.",
        ),
        Mistake(lambda a, b, back_a, back_b, weight: cycle_loss(a, b, back_a, back_b, 1.0), "The weight is missing."),
        Mistake(
            lambda a, b, back_a, back_b, weight: cycle_loss(a, b, back_a, back_b, 0.5 * weight),
            "That is the mean of both round trips, half of Eq. 3, which adds them.",
        ),
        Mistake(
            lambda a, b, back_a, back_b, weight: cycle_loss(a, b, back_b, back_a, weight),
            "back_a is compared with b. A round trip ends where it began: back_a belongs to a.",
        ),
        Mistake(
            lambda a, b, back_a, back_b, weight: weight * _off(back_a, a) + _off(back_b, b),
            "The weight multiplies the first round trip only: put the sum in brackets.",
        ),
        Mistake(
            lambda a, b, back_a, back_b, weight: _off(back_a, a) + weight * _off(back_b, b),
            "The weight multiplies the second round trip only: put the sum in brackets.",
        ),
    ],
)

# --- 4. three bugs in the translators' loss

_IMAGES = ("a", "b", "fake_a", "fake_b", "back_a", "back_b", "same_a", "same_b")


def _loss(
    target: float = 1.0,
    crossed: bool = False,
    fakes: bool = False,
    weights: tuple[float, float, float] = (1.0, 10.0, 5.0),
    entropy: bool = False,
    crossed_identity: bool = False,
) -> Callable[..., Any]:
    """Eq. 5 with λ = 10; each of the three bugs (target 0, crossed cycle, fakes) and other faults can be switched on."""

    def loss(
        a: np.ndarray,
        b: np.ndarray,
        fake_a: np.ndarray,
        fake_b: np.ndarray,
        back_a: np.ndarray,
        back_b: np.ndarray,
        same_a: np.ndarray,
        same_b: np.ndarray,
        logits_a: np.ndarray,
        logits_b: np.ndarray,
    ) -> np.floating:
        term = (lambda x: np.logaddexp(0, -x).mean()) if entropy else lambda x: ((x - target) ** 2).mean()
        cycle = _off(back_a, b) + _off(back_b, a) if crossed else _off(back_a, a) + _off(back_b, b)
        identity = _off(same_a, a) + _off(same_b, b)
        if crossed_identity:
            identity = _off(same_a, b) + _off(same_b, a)
        if fakes:
            identity = _off(fake_b, a) + _off(fake_a, b)
        return weights[0] * (term(logits_a) + term(logits_b)) + weights[1] * cycle + weights[2] * identity

    return loss


mended_loss_G = _loss()
mended_loss_G.__name__ = "mended_loss_G"


def _judged(rng: np.random.Generator) -> Arrays:
    """All pictures of a step, and judgements of 2×2 patches."""
    logits = {f"logits_{side}": rng.uniform(-0.5, 0.5) + rng.normal(size=(3, 2, 2, 1)) for side in "ab"}
    return {**_pictures(rng, *_IMAGES), **logits}


_TARGET = "the translators pull the judgements of their fakes to 0. They want them found real, 1"
_CROSSED = "back_a came from a and should end there"
_FAKES = (
    "the identity term holds the fakes, which makes every translation stay its input; it belongs to same_a and same_b"
)

Q4 = Exercise(
    id="q4",
    title="Three bugs in the translators' loss",
    kind="bug",
    points=3,
    minutes=10,
    inputs=_judged,
    reference=mended_loss_G,
    images=(*_IMAGES, "logits_a", "logits_b"),
    hints=[
        "One bug in each line. What does a translator want the discriminator to answer?",
        "back_a is the end of A→B→A. Which picture was at its beginning?",
        "fake_b is a translation, and should differ from a. What should stay as it is: G_BA(a), same_a, beside a.",
    ],
    mistakes=[
        Mistake(_loss(0, True, True), "That is her loss unchanged; all three bugs are still in it."),
        Mistake(_loss(0, True), f"Two bugs are left: {_TARGET}; and {_CROSSED}."),
        Mistake(_loss(0, False, True), f"Two bugs are left: {_TARGET}; and {_FAKES}."),
        Mistake(_loss(1, True, True), f"Two bugs are left: {_CROSSED}; and {_FAKES}."),
        Mistake(_loss(0), f"One bug is left: {_TARGET}."),
        Mistake(_loss(1, True), f"One bug is left: {_CROSSED}."),
        Mistake(_loss(1, False, True), f"One bug is left: {_FAKES}."),
        Mistake(_loss(crossed_identity=True), "same_a is compared with b. It is G_BA(a), and should stay a."),
        Mistake(_loss(weights=(1, 10, 10)), "The identity term weighs ½λ = 5, half of what the cycle weighs."),
        Mistake(_loss(weights=(1, 10, 0)), "The identity term is gone; it should stay, with same_a and same_b."),
        Mistake(_loss(weights=(1, 5, 10)), "The weights of cycle and identity are swapped: 10 and 5."),
        Mistake(
            _loss(weights=(0.5, 10, 5)), "The ½ of Eq. 2 belongs to the discriminators; the translators have none."
        ),
        Mistake(_loss(entropy=True), "That is lesson 4's cross-entropy; Eq. 2 plays with squares."),
    ],
)
