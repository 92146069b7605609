'''Exercises of the lessons: ``exercise("02_vae", "q1")`` with ``check(answer)``, ``hint()`` and ``solution()``.

In a notebook::

    from helpers.exercises import exercise
    q1 = exercise("02_vae", "q1")
    q1.check(kl_to_prior)      # prints ✔, ✘ and why, or · when it is not answered yet; never raises
    q1.hint()                  # one step at a time
    q1.solution()              # the code of the solution cell, in the notebook's framework

How to declare the exercises of a lesson
========================================
Write ``helpers/exercise_sets/lesson_02_vae.py`` (``lesson_`` + slug) with a list ``EXERCISES``. No torch and no
TensorFlow at import; a reference is NumPy and serves both frameworks. A complete example::

    """Exercises of lesson 2."""
    import numpy as np
    from helpers.exercises import ByTrack, Exercise, Mistake, Tools, Wrong

    # --- 1. a function, compared with a NumPy reference on random inputs ------------------------------------
    def inputs(rng):                       # one random case; every value is an argument, in this order
        return {"mu": rng.normal(size=(8, 2)), "logvar": rng.normal(size=(8, 2)), "s": rng.uniform(1.5, 3.0)}

    def kl_to_prior(mu, logvar, s):        # the reference; its name is the name that messages use
        return 0.5 * (np.log(s**2) * mu.shape[1] + ((mu**2 + np.exp(logvar)) / s**2 - 1 - logvar).sum(axis=1))

    Q1 = Exercise(
        id="q1", title="Divergence to a prior of any width", kind="derive", points=2, minutes=10,
        inputs=inputs, reference=kl_to_prior,
        hints=["Start from the integral of q log(q/p) and keep s.", "At s = 1 Eq. 4 must come back."],
        mistakes=[                         # at least three; the first whose output agrees gives the message
            Mistake(lambda mu, logvar, s: kl_to_prior(mu, logvar, s).sum(),
                    "One number an image, please: you also summed over the batch."),
            Mistake(lambda mu, logvar, s: kl_to_prior(mu, logvar, s) - 0.5 * np.log(s**2) * mu.shape[1],
                    "The term log s² is missing."),
            Mistake(lambda mu, logvar, s: -kl_to_prior(mu, logvar, s), "The sign is turned round."),
        ],
    )

    # --- 2. a value: a number, a string, a bool, a tuple, list or dict of them (no inputs) -------------------
    Q2 = Exercise(
        id="q2", title="KL by hand", kind="derive", points=1, minutes=3,
        reference=0.818, atol=0.002,       # for a dict: {"kl": 0.818, "units": 3}; strings compare without case
        hints=["One term for each dimension.", "Add them."],
        mistakes=[Mistake(1.636, "The factor ½ is missing."),
                  Mistake(0.409, "That is the mean over the dimensions; Eq. 4 sums."),
                  Mistake(-0.818, "A divergence is never negative.")],
    )

    # --- 3. anything else: a class, a model, an experiment's numbers ------------------------------------------
    def verify(answer, tools: Tools):      # answer: what the student gave; yield one sentence for each fault
        if not isinstance(answer, dict) or "beta" not in answer:
            yield 'Give a dict with the key "beta".'
            return                         # nothing yielded means: right
        if not 0 < answer["beta"] < 1:
            yield "With this β the rate falls; you want more of it."

    Q3 = Exercise(
        id="q3", title="Choose β", kind="design", points=3, minutes=10, verify=verify,
        hints=["What does β multiply?", "Try 0.1."],
        wrong=[Wrong({"beta": 4}, "rate falls"), Wrong({"beta": -1}, "rate falls"), Wrong({}, "key")],
        right=[{"beta": 0.1}],             # at least one answer that must be accepted
    )

    EXERCISES = [Q1, Q2, Q3]

What an ``Exercise`` takes
==========================
``id, title, kind`` ("implement", "derive", "bug", "design", "open"), ``points``, ``minutes``, ``hints`` (at least two).

``inputs(rng) -> dict``: the arguments of one random case, passed by position. Float arrays become float32 (``dtype=``),
    integer arrays keep their dtype, Python scalars and strings pass as they are. ``cases=5`` cases are drawn from a
    fixed seed. Avoid special cases (zeros, equal lengths of axes), or mistakes look alike.
``images=("x",)``: arguments that are images (N, H, W, C); PyTorch gets them as (N, C, H, W), and a 4-D output comes
    back as (N, H, W, C) for the comparison with ``image_output=True``.
``arrays="numpy"``: the student's function gets NumPy arrays in every track (default ``"track"``: tensors of the track).
A value of the dict may also be ``NumpyFunction(f)``, a NumPy function that the student's code calls with tensors of the
    track, or ``ByTrack(pytorch=make, tensorflow=make, numpy=make)``, whose ``make()`` gives the argument. ``f`` and
    ``make`` are functions of the module, or a ``functools.partial`` of one, so that a release can keep them.
``reference``: NumPy function of the same arguments, or a value (then there are no ``inputs``). May return a tuple or a
    dict; ``returns=("mu", "logvar")`` names the parts of a tuple in messages.
``rtol=1e-4, atol=1e-5``: tolerance. ``check_dtype=True``: the dtype must agree too.
``mistakes``: ``Mistake(function_or_value, message)``. The message may be a function of a ``Case`` (inputs, got,
    expected; NumPy) that gives the text. A mistake is named when it gives what the student's function gives in all
    cases, and not what the reference gives.
``verify(answer, tools)``: yields, or returns as a list, one sentence for each fault. Alone it judges free-form answers;
    beside ``reference`` it runs after the comparison has passed. ``tools.track``, ``tools.rng``,
    ``tools.tensor(array)``, ``tools.numpy(tensor)``, ``tools.call(function, *arrays)`` (NumPy in and out, through
    tensors of the track; a result of None counts as not answered), ``tools.private(name, *arguments)``.
``private={"adain": adain_by_hand}``: functions that ``verify`` needs and that hold the answer; it calls them by
    ``tools.private("adain", content, style)`` and never by name. The release for students (``make release``) keeps the
    code of ``verify`` and all that it names, but no private function, only what it gave.
``wrong``: ``Wrong(answer, words)``: wrong answers for the tests, each refused with a message that holds ``words``.
``right``: answers that the tests submit and that must be accepted. Both may hold ``ByTrack(pytorch=make, …)``; a track
    that it leaves out is skipped. With a ``reference`` the reference itself is submitted as well.
``time_limit=10``: seconds for the whole check.
``variants(rng) -> Variant``: of a value that is worked out from numbers in the question: the same exercise with others, and the
    words of the question that they replace, ``Variant({"(0.5, -1)": "(2, 1)"}, Exercise(...))``. Each stands once in the text
    before the exercise. Draws in which two mistakes look alike are drawn again. A function needs none: it gets other cases.

A stub (``...`` as body, ``answer = None``, ``{"beta": ...}``, an empty class) counts as "not answered yet".
Tests: ``tests/test_exercise_sets.py`` checks every declared exercise in every track by itself; for answers in a track's
own code, ``tests/exercise_testing.py`` has ``assert_refused`` and ``assert_accepted``.

Strict mode (``EXERCISES=strict`` in the environment, or ``exercises.strict(True)``) raises ``ExerciseFailed`` on
everything but a right answer; tests of the solved notebooks use it.
'''

import importlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helpers.exercise_engine import evaluate
from helpers.exercise_tensors import TRACKS, ByTrack, NumpyFunction, guess_track
from helpers.exercise_types import UNANSWERED, Case, DefinitionError, Exercise, Mistake, Result, Tools, Variant, Wrong

__all__ = [
    "ByTrack",
    "Case",
    "DefinitionError",
    "Exercise",
    "ExerciseFailed",
    "LessonExercise",
    "Mistake",
    "NumpyFunction",
    "Result",
    "Tools",
    "UnknownExercise",
    "Variant",
    "Wrong",
    "definitions",
    "exercise",
    "known_lessons",
    "progress",
    "strict",
]

MARKS = {"right": "✔", "wrong": "✘", UNANSWERED: "·"}
_SETS = Path(__file__).resolve().parent / "exercise_sets"
_opened: dict[tuple[str, str], "LessonExercise"] = {}
_strict: bool | None = None


class ExerciseFailed(AssertionError):
    """Strict mode only: an answer is wrong or missing."""


class UnknownExercise(LookupError):
    """There is no such lesson or exercise; the message lists those that exist."""


def strict(on: bool = True) -> None:
    """Raise ExerciseFailed on everything but a right answer (True), or only print (False)."""
    global _strict
    _strict = on


def is_strict() -> bool:
    """Whether checks raise: as `strict` said last, else as EXERCISES=strict in the environment says."""
    return os.environ.get("EXERCISES", "").strip().lower() == "strict" if _strict is None else _strict


def known_lessons() -> list[str]:
    """The lessons that have exercises, by slug, in order."""
    return sorted(path.stem.removeprefix("lesson_") for path in _SETS.glob("lesson_*.py"))


def definitions(lesson: str) -> dict[str, Exercise]:
    """The exercises of a lesson by id, in order.

    Raises UnknownExercise for an unknown lesson, DefinitionError for a faulty declaration.
    """
    if lesson not in known_lessons():
        raise UnknownExercise(f"no exercises for lesson {lesson!r}; there are some for: {', '.join(known_lessons())}")
    module = importlib.import_module(f"helpers.exercise_sets.lesson_{lesson}")
    declared: Sequence[Exercise] = getattr(module, "EXERCISES", ())
    by_id = {one.id: one for one in declared}
    if not declared or len(by_id) != len(declared):
        raise DefinitionError(f"lesson_{lesson}.py needs a list EXERCISES, each with an id of its own")
    return by_id


def exercise(lesson: str, qid: str, track: str | None = None) -> "LessonExercise":
    """An exercise of a lesson, such as exercise("02_vae", "q1").

    track: "pytorch", "tensorflow" or "numpy"; None takes the current run's.
    Raises UnknownExercise, which lists the ids there are.
    """
    if track is not None and track not in TRACKS:
        raise ValueError(f"track is {track!r}; it must be one of {', '.join(TRACKS)}")
    declared = definitions(lesson)
    if qid not in declared:
        raise UnknownExercise(f"lesson {lesson} has no exercise {qid!r}; its exercises are: {', '.join(declared)}")
    found = _opened.get((lesson, qid))
    if found is None or found.definition is not declared[qid]:
        found = _opened[lesson, qid] = LessonExercise(lesson, declared[qid])
    found.track_given = track
    return found


class LessonExercise:
    """One exercise in this kernel: it checks answers, gives hints, shows the solution, and remembers what happened."""

    def __init__(self, lesson: str, definition: Exercise) -> None:
        self.lesson, self.definition = lesson, definition
        self.track_given: str | None = None
        self.result: Result | None = None
        self.tries = self.hints_shown = 0
        self.solved = self.solution_shown = False

    @property
    def track(self) -> str:
        """The track whose tensors a check uses."""
        return self.track_given or guess_track()

    def __repr__(self) -> str:
        one = self.definition
        return f"<{self.lesson} {one.id}: {one.title} ({_plural(one.points, 'point')}, {one.minutes} minutes)>"

    def evaluate(self, answer: Any) -> Result:
        """Judge an answer without printing or remembering anything."""
        return evaluate(self.definition, answer, self.track)

    def check(self, answer: Any = None) -> None:
        """Print whether the answer is right, and if not, why. Raises ExerciseFailed in strict mode only."""
        self.result = self.evaluate(answer)
        if self.result.state != UNANSWERED:
            self.tries += 1
        self.solved = self.solved or self.result.right
        text = self._report(self.result)
        print(text)
        if is_strict() and not self.result.right:
            raise ExerciseFailed(f"{self.lesson} {text}")

    def _report(self, result: Result) -> str:
        one = self.definition
        head = f"{MARKS[result.state]} {one.id}: "
        if result.right:
            lines = [f"{head}right ({_plural(one.points, 'point')})."]
        elif result.state == UNANSWERED:
            reason = f" ({'; '.join(result.messages)})" if result.messages else ""
            lines = [f"{head}not answered yet{reason}. {one.title}, about {one.minutes} minutes. {self._help()}"]
        else:
            texts = [text[:1].upper() + text[1:] for text in result.messages]
            lines = [f"{head}not right yet. {texts[0]}", *(f"  {text}" for text in texts[1:])]
            lines.append(f"  {self._help()}")
        lines += [f"  Note: {note}." for note in result.notes]
        if result.printed.strip() and not result.right:
            lines += ["  Your code printed:", *(f"    {line}" for line in result.printed.rstrip().splitlines()[:10])]
        return "\n".join(lines)

    def _help(self) -> str:
        left = len(self.definition.hints) - self.hints_shown
        if left > 0:
            return f"{self.definition.id}.hint() gives a hint ({left} left)."
        return f"{self.definition.id}.solution() shows the solution."

    def hint(self) -> None:
        """Print the next hint; after the last one, say so and repeat it."""
        hints = self.definition.hints
        last = self.hints_shown >= len(hints)
        self.hints_shown = min(self.hints_shown + 1, len(hints))
        print(f"Hint {self.hints_shown} of {len(hints)}: {hints[self.hints_shown - 1]}")
        if last:
            print(f"That was the last hint. {self.definition.id}.solution() shows the solution.")

    def solution(self) -> None:
        """Print the code of the solution cell for this track; say clearly where it is when the source isn't here."""
        self.solution_shown = True
        print(solution_text(self.lesson, self.definition.id, self.track))


def solution_text(lesson: str, qid: str, track: str) -> str:
    """The code of the cell tagged `solution` and `qN` in the lesson's source, or a sentence on why there is none."""
    try:
        from helpers import lessons

        kinds = lessons.tracks(lesson)
        cells = lessons.cells(lesson, track if track in kinds else kinds[0])
    except (ImportError, OSError, ValueError):  # LessonError is a ValueError
        return (
            f"The solution of {qid} is in notebooks/source/{lesson}.md, which isn't here: this copy holds only "
            "the notebooks. Get the whole course, or ask your teacher."
        )
    found = [cell["source"] for cell in cells if {"solution", qid} <= set(cell["tags"])]
    if not found:
        return f"The source of lesson {lesson} has no solution cell for {qid} yet."
    return f"# Solution of {qid}\n" + "\n\n".join(text.strip() for text in found)


def progress(lesson: str) -> None:
    """Print a table of the lesson's exercises: what is solved in this kernel, tries, hints, points."""
    rows = []
    earned = 0
    for qid, one in definitions(lesson).items():
        now = _opened.get((lesson, qid)) or LessonExercise(lesson, one)
        state = "right" if now.solved else now.result.state if now.result else UNANSWERED
        earned += one.points if now.solved else 0
        helped = f"{now.hints_shown} of {len(one.hints)}" + (" + solution" if now.solution_shown else "")
        rows.append((MARKS[state], qid, one.title, one.kind, state, str(now.tries), helped, str(one.points)))
    header = ("", "id", "exercise", "kind", "state", "tries", "hints seen", "points")
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, *rows]:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    total = sum(one.points for one in definitions(lesson).values())
    print(f"{earned} of {_plural(total, 'point')}.")


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
