"""The exercises' engine: what an exercise is made of, and how an answer to it is judged.

`helpers.exercises` documents how a lesson declares its exercises.
"""

import copy
import inspect
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from helpers.exercise_compare import Tolerance, agree, difference
from helpers.exercise_tensors import NotNumbers, NumpyFunction, kind_of, to_numpy, to_track
from helpers.limits import Outcome, guarded

KINDS = ("implement", "derive", "bug", "design", "open")
UNANSWERED, WRONG, RIGHT = "not answered yet", "wrong", "right"


class DefinitionError(ValueError):
    """An exercise that is declared wrongly; the message says what to change."""


class _Unanswered(Exception):
    """The student's code gave None where a result belongs."""


@dataclass(frozen=True)
class Case:
    """One random case that an answer fails: the arguments, the answer's result, the expected one; all NumPy."""

    inputs: dict[str, Any]
    got: Any
    expected: Any


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that people give: a function (or a value) and the message that names what is wrong with it."""

    answer: Any
    message: str | Callable[[Case], str]


@dataclass(frozen=True)
class Wrong:
    """A wrong answer for the tests, refused with a message that holds `words`."""

    answer: Any
    words: str


@dataclass(frozen=True)
class Result:
    """The verdict on an answer: a state ("right", "wrong", "not answered yet"), its reasons, and remarks beside it."""

    state: str
    messages: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    printed: str = ""

    @property
    def right(self) -> bool:
        """Whether the answer is accepted."""
        return self.state == RIGHT

    @property
    def text(self) -> str:
        """All reasons in one text."""
        return "\n".join(self.messages)


@dataclass(frozen=True)
class Tools:
    """What `verify` gets: the track, a random generator, and the way into the track's tensors and back."""

    track: str
    rng: np.random.Generator
    dtype: str = "float32"

    def tensor(self, array: Any, image: bool = False) -> Any:
        """NumPy → a tensor of the track; image: (N, H, W, C) becomes (N, C, H, W) in PyTorch."""
        return to_track(array, self.track, self.dtype, image)

    def numpy(self, tensor: Any, image: bool = False) -> Any:
        """A tensor of the track → NumPy, the way back of `tensor`."""
        return to_numpy(tensor, image)

    def call(self, function: Callable[..., Any], *arrays: Any, **options: Any) -> Any:
        """Call the student's function with NumPy arrays as the track's tensors; NumPy comes back. None is "not answered"."""
        result = function(*(self.tensor(array) for array in arrays), **options)
        if result is None or result is Ellipsis:
            raise _Unanswered
        return to_numpy(result)


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """An exercise's declaration. `helpers.exercises` explains every field."""

    id: str
    title: str
    kind: str
    hints: Sequence[str]
    points: int = 1
    minutes: int = 5
    inputs: Callable[[np.random.Generator], dict[str, Any]] | None = None
    reference: Any = None
    mistakes: Sequence[Mistake] = ()
    verify: Callable[[Any, Tools], Iterable[str] | str | None] | None = None
    wrong: Sequence[Wrong] = ()
    right: Sequence[Any] = ()
    cases: int = 5
    rtol: float = 1e-4
    atol: float = 1e-5
    check_dtype: bool = False
    dtype: str = "float32"
    arrays: str = "track"
    images: Sequence[str] = ()
    image_output: bool = False
    returns: Sequence[str] = ()
    time_limit: float = 10.0
    name: str = field(default="")

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            raise DefinitionError(f"exercise {self.id!r}: {problem}")

    def _problem(self) -> str:
        if self.kind not in KINDS:
            return f"kind is {self.kind!r}; it must be one of {', '.join(KINDS)}"
        if self.arrays not in {"track", "numpy"}:
            return f'arrays is {self.arrays!r}; it must be "track" or "numpy"'
        if self.reference is None and self.verify is None:
            return "it needs a reference or verify="
        if callable(self.reference) and self.inputs is None:
            return "a reference function needs inputs=, a function of a random generator that gives its arguments"
        if self.inputs is not None and not callable(self.reference):
            return "inputs= needs a reference function"
        return ""

    @property
    def is_function(self) -> bool:
        """Whether the answer is a function that is compared with the reference function."""
        return callable(self.reference)

    @property
    def function_name(self) -> str:
        """The name of the student's function in messages."""
        own = getattr(self.reference, "__name__", "") if self.is_function else ""
        return self.name or (own if own.isidentifier() else "") or "your function"

    @property
    def tolerance(self) -> Tolerance:
        """When two numbers agree."""
        return Tolerance(self.rtol, self.atol, self.check_dtype)

    def draw_cases(self) -> list[dict[str, Any]]:
        """The random cases, the same ones at every check. Floats are rounded to the dtype that the student's code gets."""
        if self.inputs is None:
            return [{}]
        seeds = np.random.SeedSequence([zlib.crc32(self.id.encode()), 20]).spawn(self.cases)
        return [_as_dtype(self.inputs(np.random.default_rng(seed)), self.dtype) for seed in seeds]

    def expected(self, answer: Any, inputs: dict[str, Any]) -> Any:
        """What a NumPy answer (the reference or a mistake) gives on a case, computed in float64 unless dtypes count."""
        arguments = copy.deepcopy(inputs) if self.check_dtype else _as_dtype(inputs, "float64")
        value = answer(*arguments.values()) if callable(answer) else answer
        return to_numpy(value)


def _as_dtype(value: Any, dtype: str) -> Any:
    if isinstance(value, dict):
        return {key: _as_dtype(part, dtype) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_as_dtype(part, dtype) for part in value)
    if isinstance(value, np.ndarray):
        return value.astype(dtype) if value.dtype.kind == "f" else value.copy()
    return value.item() if isinstance(value, np.generic) else value


def evaluate(exercise: Exercise, answer: Any, track: str) -> Result:
    """Judge an answer. Never raises because of the answer; a broken declaration shows as a "wrong" that says so."""
    if is_unanswered(answer):
        return Result(UNANSWERED, _open_parts(answer))
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
        return _wrong(
            f"check() takes the function {name} itself; you gave {kind_of(answer)}. Write check({name}), without a call."
        )
    cases = exercise.draw_cases()
    problem = _signature_problem(answer, list(cases[0]))
    if problem:
        return _wrong(problem)
    outcome, results, changed = _run_cases(exercise, answer, track, cases)
    if not outcome.ok:
        return _wrong(f"{name} gave no result: {outcome.failure}", printed=outcome.printed)
    if any(result is None or result is Ellipsis for result in results):
        remark = (
            ()
            if all(result is None or result is Ellipsis for result in results)
            else ("in some cases it returns None",)
        )
        return Result(UNANSWERED, remark or (f"{name} returns None",), printed=outcome.printed)
    verdict = _judge_results(exercise, cases, results)
    if verdict:
        return _wrong(verdict, printed=outcome.printed)
    if changed:
        return _wrong(
            f"The values are right, but {name} changes its argument `{changed}` in place. Whoever calls it loses the original: "
            "work on a copy, or use an expression that makes a new array.",
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
    """Call the answer on every case under one time limit: the outcome, the raw results, the name of a changed argument."""
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
        return f"{exercise.function_name} returns {error}."
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
    return (
        f"your function returns a NumPy array; in a loss, return a {'torch' if track == 'pytorch' else 'TensorFlow'} tensor, "
        "or no gradient flows",
    )


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
    tools = Tools(track, np.random.default_rng(zlib.crc32(exercise.id.encode())), exercise.dtype)
    outcome = guarded(lambda: _findings(exercise.verify(answer, tools)), exercise.time_limit)
    if isinstance(outcome.error, _Unanswered):
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


__all__ = [
    "KINDS",
    "RIGHT",
    "UNANSWERED",
    "WRONG",
    "Case",
    "DefinitionError",
    "Exercise",
    "Mistake",
    "NumpyFunction",
    "Result",
    "Tools",
    "Wrong",
    "evaluate",
    "find_mistake",
    "is_unanswered",
]
