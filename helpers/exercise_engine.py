"""How an answer to an exercise is judged: run it safely, compare, name the mistake."""

import copy
import inspect
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from helpers.exercise_compare import agree, difference
from helpers.exercise_tensors import NotNumbers, kind_of, to_numpy, to_track
from helpers.exercise_types import RIGHT, UNANSWERED, WRONG, Case, Exercise, Mistake, Result, Tools, Unanswered
from helpers.limits import Outcome, guarded


def evaluate(exercise: Exercise, answer: Any, track: str) -> Result:
    """Judge an answer. Never raises: a fault of the declaration shows as a wrong answer whose message says so."""
    if is_unanswered(answer):
        return Result(UNANSWERED, _open_parts(answer))
    try:
        return _judge(exercise, answer, track)
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        return _wrong(f"The check of {exercise.id} fails by itself ({what}). That is a fault of the course, not yours.")


def _judge(exercise: Exercise, answer: Any, track: str) -> Result:
    if exercise.is_function:
        return _evaluate_function(exercise, answer, track)
    if exercise.reference is not None:
        return _evaluate_value(exercise, answer, track)
    return _verify(exercise, answer, track)


def is_unanswered(answer: Any) -> bool:
    """None, Ellipsis, an empty text or one of dots, an empty class, a container with such a part: a stub."""
    if answer is None or answer is Ellipsis:
        return True
    if isinstance(answer, str):
        return not answer.strip(" .…?")
    if isinstance(answer, (list, tuple)):
        return any(is_unanswered(part) for part in answer)
    if isinstance(answer, dict):
        return any(is_unanswered(part) for part in answer.values())
    if isinstance(answer, type):
        return not any(callable(part) or isinstance(part, property) for part in vars(answer).values())
    return False


def _open_parts(answer: Any) -> tuple[str, ...]:
    names = [str(key) for key, part in answer.items() if is_unanswered(part)] if isinstance(answer, dict) else []
    return (f"still open: {', '.join(names)}",) if names else ()


# --- functions ------------------------------------------------------------------------------------------------------


def _evaluate_function(exercise: Exercise, answer: Any, track: str) -> Result:
    name = exercise.function_name
    if not callable(answer):
        given = kind_of(answer)
        return _wrong(f"A function is asked for: write check({name}), without calling it. You gave {given}.")
    cases = exercise.draw_cases()
    problem = _signature_problem(answer, list(cases[0]))
    if problem:
        return _wrong(problem)
    outcome, results, changed = _run_cases(exercise, answer, track, cases)
    if not outcome.ok:
        return _wrong(f"`{name}` gave no result: {outcome.failure}", printed=outcome.printed)
    empty = [result is None or result is Ellipsis for result in results]
    if any(empty):
        often = "" if all(empty) else "sometimes "
        return Result(UNANSWERED, (f"`{name}` {often}returns None",), printed=outcome.printed)
    verdict = _judge_results(exercise, cases, results)
    if verdict:
        return _wrong(verdict, printed=outcome.printed)
    if changed:
        return _wrong(
            f"The values are right, but `{name}` changes its argument `{changed}` in place, so that its caller loses "
            "the original. Work on a copy, or use an expression that makes a new array.",
            printed=outcome.printed,
        )
    if exercise.verify:
        return _verify(exercise, answer, track)
    return Result(RIGHT, notes=_notes(results, track, exercise), printed=outcome.printed)


def _wrong(*messages: str, printed: str = "") -> Result:
    return Result(WRONG, messages, printed=printed)


def _signature_problem(answer: Callable[..., Any], names: list[str]) -> str:
    try:
        inspect.signature(answer).bind(*names)
    except TypeError:
        own = _argument_names(answer)
        return (
            f"wrong number of arguments: it is called with {len(names)} ({', '.join(names)}), "
            f"but your function takes {len(own)} ({', '.join(own) or 'none'})."
        )
    except ValueError:  # built in, without a signature
        return ""
    return ""


def _argument_names(answer: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(answer).parameters)


def _run_cases(
    exercise: Exercise, answer: Callable[..., Any], track: str, cases: list[dict[str, Any]]
) -> tuple[Outcome, list[Any], str]:
    """Call the answer on every case under one time limit: outcome, raw results, the name of a changed argument."""
    track = "numpy" if exercise.arrays == "numpy" else track
    arguments = [[_argument(exercise, name, value, track) for name, value in case.items()] for case in cases]
    results: list[Any] = []

    def run() -> None:
        for case_arguments in arguments:
            results.append(answer(*case_arguments))

    outcome = guarded(run, exercise.time_limit)
    changed = ""
    for case, case_arguments in zip(cases, arguments, strict=True):
        for (name, value), argument in zip(case.items(), case_arguments, strict=True):
            if not changed and _changed(value, argument, name in exercise.images):
                changed = name
    return outcome, results, changed


def _argument(exercise: Exercise, name: str, value: Any, track: str) -> Any:
    return to_track(copy.deepcopy(value), track, exercise.dtype, name in exercise.images)


def _changed(original: Any, argument: Any, image: bool) -> bool:
    """Whether an array argument no longer holds what it held before the call."""
    if not isinstance(original, np.ndarray):
        return False
    try:
        now = to_numpy(argument, image)
    except NotNumbers:
        return True
    return now.shape != original.shape or not np.array_equal(now, original, equal_nan=original.dtype.kind in "fc")


def _judge_results(exercise: Exercise, cases: list[dict[str, Any]], results: list[Any]) -> str:
    """What is wrong with the results, or an empty string."""
    try:
        got = [to_numpy(result, exercise.image_output) for result in results]
    except NotNumbers as error:
        return f"`{exercise.function_name}` returns {error}."
    expected = [exercise.expected(exercise.reference, case) for case in cases]
    pairs = list(zip(got, expected, strict=True))
    texts = [difference(mine, right, exercise.tolerance, exercise.returns) for mine, right in pairs]
    if not any(texts):
        return ""
    first = next(i for i, text in enumerate(texts) if text)
    mistake = find_mistake(exercise, cases, got, expected)
    if mistake:
        return _message(mistake, Case(cases[first], *pairs[first]))
    many = f" ({sum(map(bool, texts))} of {len(texts)} random cases fail.)" if len(texts) > 1 and not all(texts) else ""
    return texts[first] + many


def find_mistake(
    exercise: Exercise, cases: list[dict[str, Any]], got: list[Any], expected: list[Any]
) -> Mistake | None:
    """The first declared mistake that gives the same as the answer in all cases, and not the same as the reference."""
    for mistake in exercise.mistakes:
        try:
            theirs = [exercise.expected(mistake.answer, case) for case in cases]
        except Exception:  # a mistake may fail where the reference doesn't
            continue
        same = all(agree(one, other, exercise.tolerance) for one, other in zip(got, theirs, strict=True))
        if same and not all(agree(one, other, exercise.tolerance) for one, other in zip(theirs, expected, strict=True)):
            return mistake
    return None


def _message(mistake: Mistake, case: Case) -> str:
    return mistake.message(case) if callable(mistake.message) else mistake.message


def _notes(results: list[Any], track: str, exercise: Exercise) -> tuple[str, ...]:
    if track == "numpy" or exercise.arrays == "numpy" or not isinstance(results[0], np.ndarray):
        return ()
    tensor = "torch" if track == "pytorch" else "TensorFlow"
    return (f"your function returns a NumPy array; in a loss, return a {tensor} tensor, or no gradient flows",)


# --- values and free-form answers -----------------------------------------------------------------------------------


def _evaluate_value(exercise: Exercise, answer: Any, track: str) -> Result:
    expected = to_numpy(exercise.reference)
    try:
        got = to_numpy(answer)
    except NotNumbers as error:
        return _wrong(f"Your answer is {error}.")
    text = difference(got, expected, exercise.tolerance, exercise.returns)
    if text:
        mistake = find_mistake(exercise, [{}], [got], [expected])
        return _wrong(_message(mistake, Case({}, got, expected)) if mistake else text[0].upper() + text[1:])
    return _verify(exercise, answer, track) if exercise.verify else Result(RIGHT)


def _verify(exercise: Exercise, answer: Any, track: str) -> Result:
    """Run the declaration's own check under the time limit; what it yields are the faults."""
    track = "numpy" if exercise.arrays == "numpy" else track
    rng = np.random.default_rng(zlib.crc32(exercise.id.encode()))
    tools = Tools(track, rng, exercise.dtype, exercise.own_functions())
    outcome = guarded(lambda: _findings(exercise.verify(answer, tools)), exercise.time_limit)
    if isinstance(outcome.error, Unanswered):
        return Result(UNANSWERED, ("it returns None",), printed=outcome.printed)
    if isinstance(outcome.error, NotNumbers):
        return _wrong(f"It gives {outcome.error}.", printed=outcome.printed)
    if not outcome.ok:
        return _wrong(
            f"The check could not use your answer ({kind_of(answer)}): {outcome.failure}", printed=outcome.printed
        )
    if outcome.value:
        return _wrong(*outcome.value, printed=outcome.printed)
    return Result(RIGHT, printed=outcome.printed)


def _findings(found: Iterable[str] | str | None) -> list[str]:
    if found is None or found is True:
        return []
    return [found] if isinstance(found, str) else [str(text) for text in found]
