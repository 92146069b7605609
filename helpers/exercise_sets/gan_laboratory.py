"""Lesson 4's exercises on its failure laboratory: runs to diagnose (4), and an experiment to plan (6)."""

import math
import numbers
from collections.abc import Iterator
from typing import Any

import numpy as np

from helpers import seals
from helpers.exercises import Exercise, Tools, Wrong

# --- 4. four runs and what ails them

_RUNS = {"A": "mode collapse", "B": "discriminator too strong", "C": "labels beyond [0, 1]", "D": "healthy"}
_NAMES = ("mode collapse", "discriminator too strong", "oscillation", "labels beyond [0, 1]", "healthy")
_WHY = {
    "A": "one mode of eight, and 99 of 100 batches hold a near-duplicate, where a healthy ring has them in about half",
    "B": "D's loss is near 0 and G's gradient has fallen two-thousandfold: G hears nothing any more",
    "C": "a cross-entropy below 0 is impossible with targets in [0, 1]",
    "D": "all modes and good samples, and the losses stand near log 4 and log 2 because the players match; duplicates in "
    "half of the batches are what the mended ring of failure 1 showed too",
}
_TEMPTING = {  # run → the name that it is easily given, and what speaks against it
    ("A", "healthy"): "a loss of G near log 2 looks harmless, but losses say little: count its modes and duplicates",
    ("A", "discriminator too strong"): "its D errs more than one that guesses: its loss stands above log 4, not near 0",
    ("B", "healthy"): "a small loss of D is no good news for G: look at the gradient that reaches it",
    ("B", "mode collapse"): "it covers no mode because it has hardly moved from its start: look at what reaches G",
    ("C", "discriminator too strong"): "D is sure of itself here too, but its loss is below 0, which no honest label "
    "allows",
    (
        "D",
        "mode collapse",
    ): "half of its batches hold a near-duplicate because its clusters are narrow, as in the mended "
    "ring of failure 1; all eight are there",
    ("D", "oscillation"): "losses near log 4 and log 2 that hardly move are no swing: nothing goes to and fro",
    ("D", "discriminator too strong"): "a D that is too strong has a loss near 0; this one stands at log 4, where D "
    "guesses",
}


def verify_diagnosis(answer: Any, tools: Tools) -> Iterator[str]:
    """Compare a diagnosis, run → name, with what the numbers of the exercise's table say."""
    sealed = {run: tools.private("sealed", run) for run in _WHY}
    if not isinstance(answer, dict) or set(answer) != set(sealed):
        yield f"Give a dict with the keys {', '.join(sealed)}."
        return
    for run, name in answer.items():
        given = " ".join(name.lower().split()) if isinstance(name, str) else ""
        if seals.seal(given) == sealed[run]:
            continue
        if given not in _NAMES:
            yield f"Run {run}: {shown(name)} is none of the names: {'; '.join(_NAMES)}."
        elif (run, given) in _TEMPTING:
            yield f"Run {run} is not {given!r}: {_TEMPTING[run, given]}."
        else:
            yield f"Run {run} is not {given!r}. What to look at: {_WHY[run]}."


Q4 = Exercise(
    id="q4",
    title="Four runs and what ails them",
    kind="open",
    points=2,
    minutes=5,
    verify=verify_diagnosis,
    private={"sealed": lambda run: seals.seal(_RUNS[run])},
    hints=[
        "Read the columns that count samples before those that hold losses.",
        "Which values can a cross-entropy with targets in [0, 1] take? One run breaks that.",
        "log 4 = 1.386 and log 2 = 0.693: where two players match, the losses stand there.",
        "Failure 1 printed duplicates for a healthy ring as well. How many are too many?",
    ],
    wrong=[
        Wrong(_RUNS | {"A": "healthy"}, "count its modes"),
        Wrong(_RUNS | {"A": "discriminator too strong"}, "above log 4"),
        Wrong(_RUNS | {"A": "oscillation"}, "99 of 100"),
        Wrong(_RUNS | {"B": "mode collapse"}, "hardly moved"),
        Wrong(_RUNS | {"B": "healthy"}, "no good news"),
        Wrong(_RUNS | {"C": "discriminator too strong"}, "below 0"),
        Wrong(_RUNS | {"D": "oscillation"}, "no swing"),
        Wrong(_RUNS | {"D": "discriminator too strong"}, "where D guesses"),
        Wrong(_RUNS | {"D": "mode collapse"}, "clusters are narrow"),
        Wrong(_RUNS | {"C": "mode collapse"}, "impossible"),
        Wrong(_RUNS | {"A": "too lazy"}, "none of the names"),
        Wrong(_RUNS | {"A": ["mode collapse"]}, "none of the names"),
        Wrong({"A": "mode collapse"}, "keys"),
    ],
    right=[_RUNS, _RUNS | {"A": "Mode  Collapse"}],
)

# --- 6. an experiment: penalty, falling rates, or both?

_KEYS = ("runs", "hold", "seeds", "measure")
_HOLD = {"lr_G": 0.02, "lr_D": 0.02, "batch": 256}
_MEASURES = ("loss_D", "loss_G", "modes covered", "good samples")
_CELLS = {(penalty, decay) for penalty in (False, True) for decay in (False, True)}
_MANY = 1000  # no plan lists more runs or seeds


def shown(value: Any, width: int = 40) -> str:
    """A value as a message quotes it: its repr on one line, cut at `width`; its kind where it has no repr."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # whatever the value's own repr raises
        text = f"a {type(value).__name__}"
    return text if len(text) <= width else text[: width - 1] + "…"


def _number(value: Any) -> float | None:
    """A finite real number as a float; None for everything else."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if not isinstance(value, numbers.Real):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def _listed(value: Any) -> list[Any] | None:
    """The parts of a list, tuple, range, set or array of one axis; None for everything else, and for far too many."""
    if isinstance(value, np.ndarray) and value.ndim != 1:
        return None
    if not isinstance(value, list | tuple | range | set | frozenset | np.ndarray):
        return None
    return list(value[:_MANY]) if isinstance(value, range) else list(value)


def _setting_faults(runs: list[Any]) -> Iterator[str]:
    """What keeps the settings of a plan from being read: at most one sentence."""
    keys = {"r1", "decay"}
    if not runs or not all(isinstance(one, dict) and keys <= set(one) for one in runs):
        yield '"runs" is a list of dicts, each with the keys r1 and decay.'
        return
    extra = sorted(str(name) for one in runs for name in one if name not in keys)
    if extra:
        yield f'{extra[0]} stands among what changes between the runs; it belongs under "hold", the same in all runs.'
        return
    for one in runs:
        if _number(one["r1"]) is None:
            yield f"r1 is a number, 0 or 0.1; one run has {shown(one['r1'])}."
            return
        if _number(one["decay"]) not in (0.0, 1.0) and not isinstance(one["decay"], np.bool_):
            yield f"decay is True or False; one run has {shown(one['decay'])}."
            return


def _run_faults(value: Any) -> Iterator[str]:
    """What is wrong with the settings that a plan compares."""
    runs = _listed(value) or []
    unreadable = list(_setting_faults(runs))
    if unreadable:
        yield from unreadable
        return
    penalties = {_number(one["r1"]) for one in runs} - {0.0}
    if len(penalties) > 1:
        yield "r1 has several sizes; the question is whether it is there or not: 0 and 0.1."
    elif penalties and penalties != {0.1}:
        yield "Our recipe has r1 = 0.1: compare that with 0."
    cells = [(_number(one["r1"]) != 0, bool(one["decay"])) for one in runs]
    missing = _CELLS - set(cells)
    if missing == {(False, True), (True, False)}:
        yield "With these two runs both things change at once. You need the runs in which only one of them does."
    elif missing:
        named = sorted(f"r1 = {0.1 if penalty else 0}, decay = {decay}" for penalty, decay in missing)
        yield (
            f"Not every combination is there (missing: {'; '.join(named)}). Each may need the other, and only all four "
            "show it."
        )
    if len(cells) > len(set(cells)):
        yield "A combination stands there twice; different seeds are what repeats are for."


def _hold_faults(hold: Any) -> Iterator[str]:
    """What is wrong with what a plan holds."""
    if not isinstance(hold, dict):
        yield f'"hold" is a dict, name → value, for {", ".join(_HOLD)}; you gave {shown(hold)}.'
        return
    free = [name for name in _HOLD if name not in hold]
    if free:
        verbs = "is not held: if it changes" if len(free) == 1 else "are not held: if they change"
        yield f"{', '.join(free)} {verbs} too, you can't tell what made the difference."
    for name, value in _HOLD.items():
        if name in hold and _number(hold[name]) != value:
            yield f"{name} is held at {shown(hold[name])}, but failure 7 had {value:g}."
    both = sorted({"r1", "decay"} & set(hold))
    if both:
        yield f"{both[0]} is varied and held at once."


def _seed_faults(value: Any) -> Iterator[str]:
    """What is wrong with a plan's seeds."""
    seeds = _listed(value)
    whole = seeds is not None and all(isinstance(seed, int | np.integer) and seed >= 0 for seed in seeds)
    if not whole or any(isinstance(seed, bool) for seed in seeds):
        yield f'"seeds" is a list of whole numbers from 0 on, such as [0, 1, 2]; you gave {shown(value)}.'
    elif len(set(seeds)) < 3:
        yield "One or two seeds can't tell luck from cause: take at least three different ones for each combination."


def verify_plan(plan: Any, tools: Tools) -> Iterator[str]:
    """Judge a plan that separates penalty and falling rates: all four combinations, all else held, seeds, a measure."""
    if not isinstance(plan, dict) or any(key not in plan for key in _KEYS):
        yield f"Give a dict with the keys {', '.join(_KEYS)}."
        return
    yield from _run_faults(plan["runs"])
    yield from _hold_faults(plan["hold"])
    yield from _seed_faults(plan["seeds"])
    measure = plan["measure"]
    if not isinstance(measure, str) or measure not in _MEASURES:
        yield f'"measure" names one number, one of {", ".join(_MEASURES)}.'
    elif measure.startswith("loss"):
        yield f"{measure} says little about the samples: it stays near its start in good games and in bad ones."


def _plan(**changes: Any) -> dict[str, Any]:
    good = {
        "runs": [{"r1": r1, "decay": decay} for r1 in (0, 0.1) for decay in (False, True)],
        "hold": dict(_HOLD),
        "seeds": [0, 1, 2, 3, 4],
        "measure": "good samples",
    }
    return good | changes


def _every(name: str, value: Any) -> list[dict[str, Any]]:
    """The right runs, with one setting replaced in all of them."""
    return [{**one, name: value} for one in _plan()["runs"]]


_BOTH_OR_NONE = [{"r1": 0, "decay": False}, {"r1": 0.1, "decay": True}]

Q6 = Exercise(
    id="q6",
    title="Penalty, falling rates, or both?",
    kind="design",
    points=3,
    minutes=15,
    verify=verify_plan,
    hints=[
        "Two things can be there or not: the penalty and the falling rates. List the combinations of the two.",
        "Two settings that are each on or off make four combinations. Everything else stays as it was.",
        "Repeat each combination with several seeds, and count what the samples do, not what the losses do.",
    ],
    wrong=[
        Wrong(_plan(runs=_BOTH_OR_NONE), "both things change at once"),
        Wrong(_plan(runs=[*_BOTH_OR_NONE, {"r1": 0.1, "decay": False}]), "only all four"),
        Wrong(_plan(runs=[*_plan()["runs"], {"r1": 0, "decay": False}]), "twice"),
        Wrong(_plan(runs=_every("lr_G", 0.01)), "belongs under"),
        Wrong(_plan(runs=[{"r1": r1, "decay": d} for r1 in (0, 1.0) for d in (False, True)]), "r1 = 0.1"),
        Wrong(_plan(runs=[{"r1": r1, "decay": d} for r1 in (0, 0.1, 1) for d in (False, True)]), "several sizes"),
        Wrong(_plan(runs=["penalty", "decay"]), "list of dicts"),
        Wrong(_plan(runs=_every("r1", "0.1")), "r1 is a number"),
        Wrong(_plan(runs=_every("decay", "False")), "decay is True or False"),
        Wrong(_plan(hold={"lr_G": 0.02, "lr_D": 0.02}), "batch is not held"),
        Wrong(_plan(hold=["lr_G", "lr_D", "batch"]), '"hold" is a dict'),
        Wrong(_plan(hold=_HOLD | {"lr_D": 0.01}), "failure 7 had 0.02"),
        Wrong(_plan(hold=_HOLD | {"r1": 0.1}), "varied and held"),
        Wrong(_plan(seeds=[0]), "luck"),
        Wrong(_plan(seeds=[1, 1, 1]), "luck"),
        Wrong(_plan(seeds=3), "whole numbers"),
        Wrong(_plan(measure="loss_G"), "says little"),
        Wrong(_plan(measure="beauty"), "one number"),
        Wrong({"runs": []}, "keys"),
    ],
    right=[_plan(), _plan(measure="modes covered", seeds=range(3))],
)
