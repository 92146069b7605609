"""Lesson 3's exercise 4: a test of whether the decoder obeys the label."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from helpers.exercise_types import Unanswered
from helpers.exercises import Exercise, Tools, Wrong


class _World:
    """A toy conditional model: images are one-hot rows. `obeys` says for which labels the decoder listens."""

    def __init__(self, n_classes: int, obeys: np.ndarray) -> None:
        self.n, self.obeys = n_classes, obeys
        self.encoded, self.asked = [], []

    def encode(self, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """The code is the image's own digit, spoiled where a wrong label is given."""
        self.encoded.append(np.array(labels))
        return (np.asarray(x).argmax(axis=1) + 0.0)[:, None]

    def decode(self, z: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """The label's digit where the decoder obeys, else the digit in z."""
        labels = np.broadcast_to(np.asarray(labels), (len(z),))
        self.asked.append(labels.copy())
        digit = np.where(self.obeys[labels], labels, np.asarray(z)[:, 0].astype(int))
        return np.eye(self.n)[digit]

    def judge(self, images: np.ndarray) -> np.ndarray:
        """The digit that an image shows."""
        return np.asarray(images).argmax(axis=1)


def _score(answer: Any, obeys: list[bool]) -> tuple[Any, float, "_World", np.ndarray]:
    n, labels = len(obeys), np.array([0, 1, 2, 3, 0, 1, 0])
    world = _World(n, np.array(obeys))
    got = answer(world.encode, world.decode, world.judge, np.eye(n)[labels], labels, n)
    hits = [obeys[c] for y in labels for c in range(n) if c != y]
    return got, float(np.mean(hits)), world, labels


def number(value: Any) -> float | None:
    """The answer as a float; None where it is no single number."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _verify_obedience(answer: Any, tools: Tools) -> Iterator[str]:
    if not callable(answer):
        yield "Give a function obedience(encode, decode, judge, x, labels, n_classes)."
        return
    deaf, _, world, labels = _score(answer, [False] * 4)
    if deaf is None:
        raise Unanswered
    score = number(deaf)
    if score is None or not -1e-9 <= score <= 1 + 1e-9:
        yield f"Return one number between 0 and 1; you returned {type(deaf).__name__}: {deaf!r:.60}."
        return
    if not world.encoded or not world.asked:
        yield "Your test never used encode and decode: z must come from real images and be decoded again."
        return
    if any(np.shape(given) != labels.shape or (given != labels).any() for given in world.encoded):
        yield "Encode each image under its own label: with a wrong one the code itself is spoiled."
        return
    if score > 0.999:
        yield (
            "A decoder that ignores the label scores 1: you compare with the digit encoded, "
            "not with the label asked for."
        )
        return
    if score > 1e-9:
        yield (
            f"A decoder that ignores the label scores {score:.2f}: you also ask for an image's own label, "
            "which proves nothing."
        )
        return
    if number(_score(answer, [True] * 4)[0]) != 1:
        yield "A decoder that always obeys must score 1; yours does not."
        return
    got, expected, world, _ = _score(answer, [True, False, False, True])
    if abs(float(got) - expected) > 1e-6:
        few = sum(len(asked) for asked in world.asked) < 21
        yield (
            "Ask every image for each of the other labels: you asked for some of them only."
            if few
            else f"A decoder that obeys two of four labels should score {expected:.3f}, not {float(got):.3f}."
        )


def obedience(encode: Any, decode: Any, judge: Any, x: np.ndarray, labels: np.ndarray, n_classes: int) -> float:
    """Share of swapped images recognised as the label asked for, over all other labels: a number in [0, 1]."""
    z = encode(x, labels)
    asked = [(labels + shift) % n_classes for shift in range(1, n_classes)]
    return float(np.mean([judge(decode(z, wanted)) == wanted for wanted in asked]))


def _asks_own_too(encode: Any, decode: Any, judge: Any, x: Any, labels: Any, n_classes: int) -> float:
    z = encode(x, labels)
    return float(np.mean([judge(decode(z, np.full(len(labels), c))) == c for c in range(n_classes)]))


def _scores_old_digit(encode: Any, decode: Any, judge: Any, x: Any, labels: Any, n_classes: int) -> float:
    z = encode(x, labels)
    asked = [(labels + shift) % n_classes for shift in range(1, n_classes)]
    return float(np.mean([judge(decode(z, wanted)) == labels for wanted in asked]))


def _one_shift(encode: Any, decode: Any, judge: Any, x: Any, labels: Any, n_classes: int) -> float:
    wanted = (labels + 1) % n_classes
    return float(np.mean(judge(decode(encode(x, labels), wanted)) == wanted))


def _encodes_wrong(encode: Any, decode: Any, judge: Any, x: Any, labels: Any, n_classes: int) -> float:
    asked = [(labels + shift) % n_classes for shift in range(1, n_classes)]
    return float(np.mean([judge(decode(encode(x, wanted), wanted)) == wanted for wanted in asked]))


Q4 = Exercise(
    id="q4",
    title="Does the decoder obey?",
    kind="design",
    points=3,
    minutes=10,
    verify=_verify_obedience,
    hints=[
        "Encode once, under the image's own label.",
        "For shift 1 … n_classes - 1, ask for (labels + shift) % n_classes: every other label, never the own one.",
        "Compare what the judge sees with what was asked for, and average over everything.",
    ],
    wrong=[
        Wrong(_asks_own_too, "own label"),
        Wrong(_scores_old_digit, "digit encoded"),
        Wrong(_one_shift, "each of the other labels"),
        Wrong(_encodes_wrong, "under its own label"),
        Wrong(lambda encode, decode, judge, x, labels, n: 0.5, "never used"),
    ],
    right=[obedience],
)
