"""Lesson 2's exercise 5: the plan of an experiment on posterior collapse."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from helpers.exercises import Exercise, Tools, Wrong

_RUN = {"peak_lr": 1e-3, "batch_size": 128, "warmup": 0, "beta": 1.0}
_KEYS = ("vary", "levels", "hold", "seeds", "collapsed")


def _plan_faults(plan: Any) -> Iterator[str]:
    """What is wrong with the plan's factors, levels and seeds."""
    if not isinstance(plan["vary"], str) or plan["vary"] not in _RUN:
        yield f'"vary" names one factor, one of {", ".join(_RUN)}.'
        return
    if plan["vary"] != "warmup":
        yield f"The question is whether the missing warm-up did it; your plan varies {plan['vary']}."
    levels = list(plan["levels"]) if isinstance(plan["levels"], list | tuple | np.ndarray) else []
    if len(set(levels)) < 2:
        yield '"levels" needs at least two different values, or there is nothing to compare.'
    elif plan["vary"] == "warmup" and 0 not in levels:
        yield "The levels leave out 0, the run in question: without it there is no control."
    hold = plan["hold"] if isinstance(plan["hold"], dict) else {}
    if plan["vary"] in hold:
        yield f"{plan['vary']} is varied and held at once."
    for name, value in _RUN.items():
        if name == plan["vary"]:
            continue
        if name not in hold:
            yield f"{name} is not held: if it changes too, you can't tell which of the two did it."
        elif hold[name] != value:
            yield f"{name} is held at {hold[name]}, but the run in question had {value:g}: change one thing only."
    seeds = list(plan["seeds"]) if isinstance(plan["seeds"], list | tuple | range | np.ndarray) else []
    if len(set(seeds)) < 3:
        yield "One or two seeds can't tell luck from cause: take at least three different ones for each level."


def _rule_faults(rule: Callable, rng: np.random.Generator) -> Iterator[str]:
    """What is wrong with the rule that says whether clouds are collapsed."""
    n = 400
    tiny, image = 0.01 * rng.normal(size=(n, 2)), rng.normal(size=(n, 2))
    cases = [
        (
            tiny,
            0.02 * rng.normal(size=(n, 2)),
            True,
            "It misses a collapsed encoder: μ near 0 and σ near 1 for each image.",
        ),
        (
            tiny + np.array([3.0, -2.0]),
            np.zeros((n, 2)),
            True,
            "It misses a collapsed encoder whose μ isn't 0 but the same for all: look at the variance over images.",
        ),
        (
            image,
            np.full((n, 2), -4.0),
            False,
            "It calls a healthy encoder collapsed: μ varies over images, σ is small.",
        ),
        (
            5 * image,
            np.full((n, 2), 0.0),
            False,
            "It calls an encoder collapsed whose μ still varies over images; a wide σ alone is no collapse.",
        ),
        (
            np.stack([image[:, 0], tiny[:, 1]], axis=1),
            np.stack([np.full(n, -4.0), np.zeros(n)], axis=1),
            False,
            "It calls an encoder collapsed that still uses one of its two dimensions; the run in question used none.",
        ),
    ]
    for mu, logvar, expected, message in cases:
        try:
            verdict = rule(mu, logvar)
        except Exception as error:
            yield f"collapsed(mu, logvar) raised {type(error).__name__}: {error}."
            return
        if np.size(verdict) != 1:
            yield "collapsed(mu, logvar) must say True or False once, not once for each dimension or image."
            return
        if bool(verdict) != expected:
            yield message


def verify_plan(plan: Any, tools: Tools) -> Iterator[str]:
    """Judge the plan of an experiment on collapse: one factor, a control, seeds, and a rule that detects collapse."""
    if not isinstance(plan, dict) or any(key not in plan for key in _KEYS):
        yield f"Give a dict with the keys {', '.join(_KEYS)}."
        return
    yield from _plan_faults(plan)
    if not callable(plan["collapsed"]):
        yield '"collapsed" must be a function of mu and logvar that returns True or False.'
        return
    yield from _rule_faults(plan["collapsed"], tools.rng)


def _inactive(mu: np.ndarray, logvar: np.ndarray) -> bool:
    return bool((mu.var(axis=0) <= 0.01).all())


def _plan(**changes: Any) -> dict[str, Any]:
    good = {
        "vary": "warmup",
        "levels": [0, 1, 3],
        "hold": {"peak_lr": 1e-3, "batch_size": 128, "beta": 1.0},
        "seeds": [0, 1, 2, 3, 4],
        "collapsed": _inactive,
    }
    return good | changes


Q5 = Exercise(
    id="q5",
    title="Was it the missing warm-up?",
    kind="design",
    points=3,
    minutes=10,
    verify=verify_plan,
    hints=[
        "Change one thing. Everything else stays as it was in the run in question: 0.001, 128, β = 1.",
        "A level of 0 epochs is the control. Each level needs several seeds.",
        "Eq. 8 looks at the variance of μ over images. Collapse of the whole code means that no unit is active.",
    ],
    wrong=[
        Wrong(
            _plan(vary="beta", hold={"peak_lr": 1e-3, "batch_size": 128, "warmup": 0}), "whether the missing warm-up"
        ),
        Wrong(_plan(levels=[1, 3]), "control"),
        Wrong(_plan(levels=[0]), "at least two different values"),
        Wrong(_plan(hold={"batch_size": 128, "beta": 1.0}), "peak_lr is not held"),
        Wrong(_plan(hold={"peak_lr": 5e-3, "batch_size": 128, "beta": 1.0}), "change one thing only"),
        Wrong(_plan(seeds=[0]), "luck"),
        Wrong(_plan(seeds=[0, 0, 0]), "luck"),
        Wrong(_plan(collapsed=lambda mu, logvar: bool(np.abs(mu).mean() < 0.1)), "variance over images"),
        Wrong(_plan(collapsed=lambda mu, logvar: bool((logvar > -1).all())), "wide σ alone"),
        Wrong(_plan(collapsed=lambda mu, logvar: bool((mu.var(axis=0) <= 0.01).any())), "one of its two dimensions"),
        Wrong(_plan(collapsed=lambda mu, logvar: mu.var(axis=0) <= 0.01), "once for each"),
        Wrong(_plan(collapsed=lambda mu, logvar: False), "misses a collapsed encoder"),
        Wrong({"vary": "warmup"}, "keys"),
    ],
    right=[_plan(), _plan(levels=[0, 2], seeds=range(3))],
)
