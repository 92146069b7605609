"""Judge one exercise of one submission: the worker gives numbers, this side compares them, names the mistake, gives points.

Points. All public and hidden cases right, and the exercise's further check passed: all of them. Otherwise a share of them,
`partial` (½ unless the grader is told otherwise), where

- the answer is a mistake that the exercise names, but not in a hunt for bugs, whose handed-out code is such a mistake;
- at least half of the cases are right, but not all;
- all cases are right, but an argument is changed in place, or the exercise's further check finds a fault.

Everything else earns 0: another answer, none, code that fails, ends or never ends.
"""

import contextlib
import copy
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from helpers.exercise_compare import difference
from helpers.exercise_engine import find_mistake, is_unanswered
from helpers.exercise_tensors import kind_of, to_numpy
from helpers.exercise_types import Case, Exercise, Unanswered, as_dtype
from helpers.grading.remote import Foreign, RemoteFunction, RemoteTools
from helpers.grading.session import Ended, Session, StudentError

RIGHT, PARTLY, WRONG, EMPTY, FAILED = "right", "partly right", "wrong", "not answered", "no result"


@dataclass
class Verdict:
    """What an exercise earned, and why; `printed`: the beginning of what the student's code printed."""

    state: str
    points: float = 0.0
    messages: list[str] = field(default_factory=list)
    printed: str = ""


@dataclass(frozen=True)
class Rules:
    """How answers are judged: the seed of the hidden cases, how many there are, the share that a part earns."""

    seed: int
    hidden_cases: int = 5
    partial: float = 0.5


def judge(exercise: Exercise, answer: Any, session: Session, track: str, rules: Rules, lesson: str) -> Verdict:
    """The verdict on an answer that the worker described. Never raises."""
    try:
        verdict = _judge(exercise, answer, track, rules, lesson)
    except Ended as end:
        verdict = Verdict(FAILED, 0, [f"Your code gave no result: {end}."])
    except StudentError as error:
        verdict = _failure(exercise, error)
    except Exception as error:  # what a student gave may do anything to a check
        verdict = Verdict(
            WRONG, 0, [f"The check could not use your answer ({type(error).__name__}: {str(error)[:200]})."]
        )
    verdict.printed = session.printed.strip()
    return verdict


def _judge(exercise: Exercise, answer: Any, track: str, rules: Rules, lesson: str) -> Verdict:
    if (isinstance(answer, RemoteFunction) and answer.stub) or is_unanswered(answer) or _has_stub(answer):
        return Verdict(EMPTY, 0, ["Not answered."])
    if isinstance(answer, Foreign) and exercise.reference is not None:
        return Verdict(WRONG, 0, [f"Your answer is {answer.kind}."])
    if exercise.is_function:
        return _judge_function(exercise, answer, track, rules, lesson)
    if exercise.reference is not None:
        return _judge_value(exercise, answer, track, rules)
    faults = _verified(exercise, answer, track, rules)
    return _points(exercise, rules, faults, partly=False)


def _has_stub(answer: Any) -> bool:
    parts = answer.values() if isinstance(answer, dict) else answer if isinstance(answer, list | tuple) else ()
    return any(isinstance(part, RemoteFunction) and part.stub for part in parts)


def _points(exercise: Exercise, rules: Rules, faults: list[str], partly: bool) -> Verdict:
    if not faults:
        return Verdict(RIGHT, exercise.points)
    if partly and rules.partial:
        return Verdict(PARTLY, round(exercise.points * rules.partial, 2), faults)
    return Verdict(WRONG, 0, faults)


def _failure(exercise: Exercise, error: StudentError) -> Verdict:
    if error.state == "numbers":
        return Verdict(WRONG, 0, [f"Your answer is {error}, where numbers are expected."])
    if error.state == "time":
        return Verdict(FAILED, 0, [f"`{exercise.function_name}` gave no result: {error}"])
    return Verdict(FAILED, 0, [f"Your code gave no result: {error}"])


# --- functions


def _judge_function(exercise: Exercise, answer: Any, track: str, rules: Rules, lesson: str) -> Verdict:
    name = exercise.function_name
    if not isinstance(answer, RemoteFunction):
        return Verdict(WRONG, 0, [f"A function is asked for: `{name}`, not called. You gave {kind_of(answer)}."])
    cases = exercise.draw_cases()
    public = len(cases)
    cases += list(hidden_cases(exercise, rules, lesson))
    problem = _signature_problem(answer, list(cases[0]))
    if problem:
        return Verdict(WRONG, 0, [problem])
    results, changed, errors = _run(exercise, answer, cases)
    empty = [isinstance(one, type(None) | type(...)) for one, error in zip(results, errors, strict=True) if not error]
    if empty and all(empty) and not any(errors):
        return Verdict(EMPTY, 0, [f"`{name}` returns None: not answered."])
    expected = _expected(exercise, cases)
    texts = [
        f"`{name}` {error}" if error else difference(mine, right, exercise.tolerance, exercise.returns)
        for mine, right, error in zip(results, expected, errors, strict=True)
    ]
    if any(texts):
        return _partly_wrong(exercise, rules, cases, results, expected, texts, errors, public)
    if changed:
        fault = f"The values are right, but `{name}` changes its argument `{changed}` in place. Work on a copy."
        return _points(exercise, rules, [fault], partly=True)
    faults = _verified(exercise, answer, track, rules) if exercise.verify else []
    return _points(exercise, rules, faults, partly=True)


def _signature_problem(answer: RemoteFunction, names: list[str]) -> str:
    try:
        answer.__signature__.bind(*names)
    except TypeError:
        own = list(answer.__signature__.parameters)
        given = f"{len(names)} ({', '.join(names)})"
        return f"Wrong number of arguments: it is called with {given}; yours takes {len(own)} ({', '.join(own) or 'none'})."
    return ""


def _run(exercise: Exercise, answer: RemoteFunction, cases: list[dict[str, Any]]) -> tuple[list[Any], str, list[str]]:
    """Results, the name of a changed argument, and the error of each case. Ends at the first that takes too long."""
    results, errors, changed = [], [], ""
    answer.seconds = min(exercise.time_limit, answer.seconds)
    for case in cases:
        answer.how = {
            "tensors": exercise.arrays != "numpy",
            "dtype": exercise.dtype,
            "images": [name in exercise.images for name in case],
            "out": exercise.image_output,
        }
        try:
            result, error = answer(*copy.deepcopy(list(case.values()))), ""
        except StudentError as failure:
            if failure.state == "time":
                raise
            result, error = None, f"gave no result: {failure}" if failure.state == "error" else f"gives {failure}."
        results.append(to_numpy(result) if not isinstance(result, RemoteFunction | Foreign) else kind_of(result))
        errors.append(error)
        names = list(case)
        if answer.changed and not changed and answer.changed[0] < len(names):
            changed = names[answer.changed[0]]
    return results, changed, errors


def _partly_wrong(
    exercise: Exercise,
    rules: Rules,
    cases: list[dict[str, Any]],
    results: list[Any],
    expected: list[Any],
    texts: list[str],
    errors: list[str],
    public: int,
) -> Verdict:
    first = next(i for i, text in enumerate(texts) if text)
    wrong = sum(map(bool, texts))
    mistake = None if any(errors) else find_mistake(exercise, cases, results, expected)
    if mistake:
        case = Case(cases[first], results[first], expected[first])
        text = mistake.message(case) if callable(mistake.message) else mistake.message
        return _points(exercise, rules, [text], partly=exercise.kind != "bug")
    where = "" if any(texts[:public]) else " All cases of the notebook's own check are right; hidden ones are not."
    many = f" ({wrong} of {len(texts)} cases fail.)" if wrong < len(texts) else ""
    text = texts[first][:1].upper() + texts[first][1:]
    return _points(exercise, rules, [text + many + where], partly=2 * wrong <= len(texts))


def hidden_cases(exercise: Exercise, rules: Rules, lesson: str) -> Iterator[dict[str, Any]]:
    """Fresh cases from the secret seed, the same for all students, on which single precision is no obstacle."""
    seeds = [rules.seed, zlib.crc32(lesson.encode()), zlib.crc32(exercise.id.encode())]
    rng = np.random.default_rng(seeds)
    for _ in range(rules.hidden_cases):
        for _attempt in range(20):
            case = as_dtype(exercise.inputs(rng), exercise.dtype)
            if _well_posed(exercise, case):
                break
        yield case


def _well_posed(exercise: Exercise, case: dict[str, Any]) -> bool:
    """Whether the reference in the student's precision agrees with the reference in double precision."""
    if exercise.dtype == "float64":
        return True
    arguments = {name: _for_numpy(value) for name, value in copy.deepcopy(case).items()}
    with np.errstate(all="ignore"):
        single = to_numpy(exercise.reference(*arguments.values()))
    return not difference(single, exercise.expected(exercise.reference, case), exercise.tolerance)


def _for_numpy(value: Any) -> Any:
    return value.build("numpy") if hasattr(value, "build") else value


def _expected(exercise: Exercise, cases: list[dict[str, Any]]) -> list[Any]:
    return [exercise.expected(exercise.reference, case) for case in cases]


# --- values and free-form answers


def _judge_value(exercise: Exercise, answer: Any, track: str, rules: Rules) -> Verdict:
    if isinstance(answer, RemoteFunction):
        return Verdict(WRONG, 0, ["Your answer is a function, not a value: call it, or give its result."])
    got, expected = to_numpy(answer), to_numpy(exercise.reference)
    text = difference(got, expected, exercise.tolerance, exercise.returns)
    if text:
        mistake = find_mistake(exercise, [{}], [got], [expected])
        if mistake:
            text = mistake.message(Case({}, got, expected)) if callable(mistake.message) else mistake.message
        return _points(exercise, rules, [text], partly=mistake is not None)
    return _points(exercise, rules, _verified(exercise, answer, track, rules) if exercise.verify else [], partly=True)


def _verified(exercise: Exercise, answer: Any, track: str, rules: Rules) -> list[str]:
    """The faults that the exercise's own check finds: with its public random numbers, then with secret ones."""
    track = "numpy" if exercise.arrays == "numpy" else track
    if isinstance(answer, RemoteFunction):
        answer.how = {"tensors": False, "dtype": exercise.dtype, "images": None, "out": False}
    for seed in (zlib.crc32(exercise.id.encode()), [rules.seed, zlib.crc32(exercise.id.encode())]):
        reference = exercise.reference if exercise.is_function else None
        rng = np.random.default_rng(seed)
        tools = RemoteTools(track, rng, exercise.dtype, exercise.own_functions(), reference)
        with contextlib.suppress(Unanswered):
            found = exercise.verify(answer, tools)
            faults = (
                [] if found is None or found is True else [found] if isinstance(found, str) else list(map(str, found))
            )
            if faults or tools.forged:
                return faults or tools.forged
            continue
        return ["it returns None: not answered"]
    return []
