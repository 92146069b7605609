"""A small exercise, its mistakes, and what the engine's tests say about answers to it."""

import numpy as np

from helpers.exercise_engine import evaluate
from helpers.exercise_types import RIGHT, WRONG
from helpers.exercises import Exercise, Mistake


def inputs_of_kl(rng):
    return {"mu": rng.normal(size=(6, 3)), "logvar": rng.normal(size=(6, 3))}


def kl(mu, logvar):
    return -0.5 * (1 + logvar - mu**2 - np.exp(logvar)).sum(axis=1)


MISTAKES = [
    Mistake(lambda mu, logvar: kl(mu, logvar).sum(), "also summed over the batch"),
    Mistake(lambda mu, logvar: 2 * kl(mu, logvar), "the factor one half is missing"),
    Mistake(lambda mu, logvar: -kl(mu, logvar), "the sign is turned round"),
    Mistake(lambda mu, logvar: kl(mu, 2 * logvar), lambda case: f"{case.got.shape[0]} values with the wrong width"),
]


def make(**changes):
    fields = {
        "id": "q1", "title": "KL", "kind": "implement", "hints": ["one", "two"],
        "inputs": inputs_of_kl, "reference": kl, "mistakes": MISTAKES, "time_limit": 5,
    }  # fmt: skip
    return Exercise(**(fields | changes))


def make_value(reference, mistakes=(), **changes):
    return make(inputs=None, reference=reference, mistakes=mistakes, **changes)


def make_free(verify, **changes):
    return make(inputs=None, reference=None, mistakes=(), verify=verify, **changes)


def refused(answer, words, exercise=None, track="numpy"):
    result = evaluate(exercise or make(), answer, track)
    assert result.state == WRONG, result
    assert words.lower() in result.text.lower(), result.text
    return result


def accepted(answer, exercise=None, track="numpy"):
    result = evaluate(exercise or make(), answer, track)
    assert result.state == RIGHT, result
    return result
