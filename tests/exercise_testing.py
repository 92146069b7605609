"""What every lesson's exercises are tested with: right answers accepted, each typical mistake refused by name.

`test_exercise_sets.py` holds every lesson's declarations to it with check_definitions. A lesson's own test, in `exercises/`,
adds assert_accepted, assert_refused and assert_answers for answers written in a track's own code:

    from exercise_testing import assert_refused
    def test_sign(): assert_refused("02_vae", "q1", -1.432, "sign")
"""

import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from helpers import exercises, lessons
from helpers.exercise_compare import agree
from helpers.exercise_engine import evaluate, find_mistake
from helpers.exercise_tensors import ByTrack, to_numpy, to_track
from helpers.exercise_types import RIGHT, UNANSWERED, WRONG, Exercise, Mistake, Result, as_dtype


def assert_accepted(lesson: str, qid: str, answer: Any, track: str = "numpy") -> Result:
    """The answer is right; otherwise the failure shows why it was refused."""
    result = exercises.exercise(lesson, qid, track).evaluate(answer)
    assert result.state == RIGHT, f"{lesson} {qid} ({track}) should accept {answer!r}, but: {result.text}"
    return result


def assert_refused(lesson: str, qid: str, wrong_answer: Any, words: Sequence[str] = (), track: str = "numpy") -> Result:
    """The answer is wrong, and the message holds all `words` (one text or a list)."""
    result = exercises.exercise(lesson, qid, track).evaluate(wrong_answer)
    assert result.state == WRONG, f"{lesson} {qid} ({track}) should refuse {wrong_answer!r}, but it is {result.state}"
    for word in [words] if isinstance(words, str) else words:
        assert word.lower() in result.text.lower(), f"{lesson} {qid}: {word!r} is missing in {result.text!r}"
    return result


def assert_answers(lesson: str, answers: dict[tuple[str, str | None], Any], track: str) -> None:
    """Answers by (exercise, words): refused with these words, or accepted where words is None."""
    for (qid, words), answer in answers.items():
        if words is None:
            assert_accepted(lesson, qid, answer, track)
        else:
            assert_refused(lesson, qid, answer, words, track)


def check_definitions(lesson: str, track: str = "numpy") -> None:
    """All exercises of a lesson hold what they promise in a track; fails with a list of everything that doesn't."""
    problems = []
    for qid, one in exercises.definitions(lesson).items():
        problems += [f"{lesson} {qid} ({track}): {text}" for text in definition_problems(one, track)]
    assert not problems, "\n" + "\n".join(problems)


def definition_problems(one: Exercise, track: str = "numpy") -> list[str]:
    """What is wrong with an exercise's declaration; an empty list when all is well."""
    problems = list(_form_problems(one))
    problems += _stub_problems(one, track)
    problems += _acceptance_problems(one, track)
    problems += _mistake_problems(one, track)
    problems += _wrong_problems(one, track)
    problems += _bad_answer_problems(one, track)
    return problems


def _form_problems(one: Exercise) -> Iterator[str]:
    if len(one.hints) < 2 or len(set(one.hints)) < len(one.hints):
        yield "it needs at least two hints, all different"
    if len(one.mistakes) + len(one.wrong) < 3:
        yield "it needs at least three mistakes or wrong answers that people do give"
    if one.reference is None and not one.right:
        yield "without a reference it needs right=[…], an answer that must be accepted"
    if one.points < 1 or one.minutes < 1 or not one.title.strip():
        yield "points and minutes start at 1, and a title must be there"
    messages = [mistake.message for mistake in one.mistakes if isinstance(mistake.message, str)]
    if len(set(messages)) < len(messages):
        yield "two mistakes share one message; each names its own mistake"


def _stub_problems(one: Exercise, track: str) -> Iterator[str]:
    for stub in (None, ..., lambda *_: None) if one.is_function else (None, ...):
        state = evaluate(one, stub, track).state
        if state != UNANSWERED:
            yield f"a stub counts as {state!r}"


def _acceptance_problems(one: Exercise, track: str) -> Iterator[str]:
    answers = [_built(answer, track) for answer in one.right if _exists(answer, track)]
    if one.is_function and not one.verify:
        answers.append(as_answer(one, one.reference, track))
    elif one.reference is not None and not one.is_function:
        answers.append(one.reference)
    for answer in answers:
        start = time.perf_counter()
        result = evaluate(one, answer, track)
        seconds = time.perf_counter() - start
        if not result.right:
            yield f"a right answer is refused: {result.text}"
        if seconds > one.time_limit / 2:
            yield f"a right answer takes {seconds:.1f} s to check, of {one.time_limit:g} s allowed"


def _mistake_problems(one: Exercise, track: str) -> Iterator[str]:
    cases = one.draw_cases()
    expected = [one.expected(one.reference, case) for case in cases] if one.mistakes else []
    for number, mistake in enumerate(one.mistakes, 1):
        name = f"mistake {number} ({_short(mistake)})"
        theirs = [one.expected(mistake.answer, case) for case in cases]
        pairs = zip(theirs, expected, strict=True)
        if all(agree(wrong, right, one.tolerance) for wrong, right in pairs):
            yield f"{name} gives what the reference gives"
            continue
        result = evaluate(one, as_answer(one, mistake.answer, track), track)
        if result.state != WRONG:
            yield f"{name} counts as {result.state!r}"
        elif isinstance(mistake.message, str) and mistake.message not in result.text:
            yield f"{name} is refused with another message: {result.text}"
        elif find_mistake(one, cases, theirs, expected) is not mistake:
            yield f"{name} gives what an earlier mistake gives"


def _wrong_problems(one: Exercise, track: str) -> Iterator[str]:
    for wrong in one.wrong:
        if not _exists(wrong.answer, track):
            continue
        result = evaluate(one, _built(wrong.answer, track), track)
        if result.state != WRONG or wrong.words.lower() not in result.text.lower():
            yield f"the wrong answer {wrong.answer!r} is {result.state!r}, without {wrong.words!r}: {result.text}"


def _bad_answer_problems(one: Exercise, track: str) -> Iterator[str]:
    """Answers that no exercise may accept or choke on."""
    junk: list[Any] = [object(), float("nan"), {}, {"nothing": float("nan")}, "?!", lambda *_: float("nan"), _raises]
    if one.is_function:
        junk.append(as_answer(one, lambda *a: _changed(one.reference(*a), _with_nan), track))
        junk.append(as_answer(one, lambda *a: _changed(one.reference(*a), _with_axis), track))
    for answer in junk:
        result = evaluate(one, answer, track)
        if result.right or "fault of the course" in result.text:
            yield f"{answer!r} is {result.state!r}: {result.text}"


def as_answer(one: Exercise, function: Any, track: str) -> Any:
    """A NumPy function as a student's function of the track would behave: tensors in, tensors out. Values stay."""
    if not callable(function) or track == "numpy" or one.arrays == "numpy":
        return function

    def answer(*arguments: Any) -> Any:
        names = list(one.draw_cases()[0])
        arrays = [_argument(one, name, value, track) for name, value in zip(names, arguments, strict=True)]
        return _result(one, function(*arrays), track)

    return answer


def _argument(one: Exercise, name: str, value: Any, track: str) -> Any:
    """A tensor of the track as the array that the NumPy function takes."""
    if callable(value):
        return lambda *arrays: to_numpy(value(*(to_track(array, track, one.dtype) for array in arrays)))
    array = to_numpy(value, name in one.images)
    return array if one.check_dtype else as_dtype(array, "float64")


def _result(one: Exercise, value: Any, track: str) -> Any:
    if isinstance(value, tuple):
        return tuple(_result(one, part, track) for part in value)
    if isinstance(value, dict):
        return {key: _result(one, part, track) for key, part in value.items()}
    value = np.asarray(value)
    dtype = str(value.dtype) if one.check_dtype and value.dtype.kind == "f" else one.dtype
    return to_track(value, track, dtype, one.image_output)


def assert_solutions(lesson: str, track: str, count: int = 6) -> None:
    """The solutions that the lesson shows in a track are accepted, each run on its own with NumPy and the framework."""
    module, short = {"pytorch": ("torch", "torch"), "tensorflow": ("tensorflow", "tf")}[track]
    framework = importlib.import_module(module)
    names = {one.id: one.function_name for one in exercises.definitions(lesson).values()}
    assert list(names) == [f"q{i + 1}" for i in range(count)]
    for qid, name in names.items():
        space = {"np": np, short: framework}
        exec(lessons.solution(lesson, qid, track), space)
        assert_accepted(lesson, qid, space[name], track)


def _changed(value: Any, change: Callable[[np.ndarray], np.ndarray]) -> Any:
    """A result with one part changed, however it is built."""
    if isinstance(value, tuple):
        return (_changed(value[0], change), *value[1:])
    if isinstance(value, dict):
        return {key: _changed(part, change) for key, part in value.items()}
    return change(np.asarray(value))


def _with_nan(array: np.ndarray) -> np.ndarray:
    array = array.astype(float)
    array[...] = np.nan
    return array


def _with_axis(array: np.ndarray) -> np.ndarray:
    return array[None, ..., None]


def _raises(*_: Any) -> None:
    raise RuntimeError("on purpose")


def _exists(answer: Any, track: str) -> bool:
    return not isinstance(answer, ByTrack) or answer.has(track)


def _built(answer: Any, track: str) -> Any:
    return answer.build(track) if isinstance(answer, ByTrack) else answer


def _short(mistake: Mistake, width: int = 40) -> str:
    text = mistake.message if isinstance(mistake.message, str) else "message by function"
    return text if len(text) <= width else text[: width - 1] + "…"
