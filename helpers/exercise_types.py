"""What an exercise is made of. `helpers.exercises` documents how a lesson declares its exercises."""

import copy
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from helpers.exercise_compare import Tolerance
from helpers.exercise_tensors import ByTrack, to_numpy, to_track

KINDS = ("implement", "derive", "bug", "design", "open")
UNANSWERED, WRONG, RIGHT = "not answered yet", "wrong", "right"


class DefinitionError(ValueError):
    """An exercise that is declared wrongly; the message says what to change."""


class Unanswered(Exception):
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
class Variant:
    """A value exercise with other numbers. words: a text that the lesson's question holds once → what stands there instead."""

    words: Mapping[str, str]
    exercise: "Exercise"


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
    own: Mapping[str, Callable[..., Any]] = field(default_factory=dict)

    def private(self, name: str, *arguments: Any) -> Any:
        """What the course's own function `name`, one of the exercise's `private`, gives for these arguments.

        A release holds no such code: it replays what was recorded. So these calls must be the same for every answer that
        gets as far, in number, order and arguments.
        """
        return self.own[name](*arguments)

    def tensor(self, array: Any, image: bool = False) -> Any:
        """NumPy → a tensor of the track; image: (N, H, W, C) becomes (N, C, H, W) in PyTorch."""
        return to_track(array, self.track, self.dtype, image)

    def numpy(self, tensor: Any, image: bool = False) -> Any:
        """A tensor of the track → NumPy, the way back of `tensor`."""
        return to_numpy(tensor, image)

    def call(self, function: Callable[..., Any], *arrays: Any, **options: Any) -> Any:
        """The student's function called with NumPy arrays as tensors; NumPy comes back. None is "not answered"."""
        result = function(*(self.tensor(array) for array in arrays), **options)
        if result is None or result is Ellipsis:
            raise Unanswered
        return to_numpy(result)

    def probe(self, measure: Callable[..., Any], answer: Any, *arrays: Any) -> Any:
        """What a probe of `helpers.exercise_models` measures with the student's function in this track."""
        return measure(self.track, answer, *arrays)


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
    private: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
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
    variants: Callable[[np.random.Generator], Variant] | None = None

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
        if self.variants is not None and (self.reference is None or callable(self.reference)):
            return "variants= needs a value as reference; a function's variants are other cases"
        return ""

    @property
    def is_function(self) -> bool:
        """Whether the answer is a function that is compared with the reference function."""
        return callable(self.reference)

    @property
    def function_name(self) -> str:
        """The name of the student's function in messages."""
        own = getattr(self.reference, "__name__", "") if self.is_function else ""
        return self.name or (own if own.isidentifier() else "") or "the function"

    @property
    def tolerance(self) -> Tolerance:
        """When two numbers agree."""
        return Tolerance(self.rtol, self.atol, self.check_dtype)

    def draw_cases(self, *variant: int) -> list[dict[str, Any]]:
        """The random cases, the same at every check. Floats are rounded to the dtype that the student's code gets.

        variant: numbers from 0 on that choose other cases of the same kind.
        """
        if self.inputs is None:
            return [{}]
        seeds = np.random.SeedSequence([zlib.crc32(self.id.encode()), 20, *variant]).spawn(self.cases)
        return [as_dtype(self.inputs(np.random.default_rng(seed)), self.dtype) for seed in seeds]

    def own_functions(self) -> Mapping[str, Callable[..., Any]]:
        """The functions that `verify` reaches through `tools.private`, for one check."""
        return self.private

    def expected(self, answer: Any, inputs: dict[str, Any]) -> Any:
        """What a NumPy answer (the reference or a mistake) gives on a case, computed in float64 unless dtypes count."""
        arguments = copy.deepcopy(inputs) if self.check_dtype else as_dtype(inputs, "float64")
        for name, part in arguments.items():
            if isinstance(part, ByTrack):
                arguments[name] = part.build("numpy")
        value = answer(*arguments.values()) if callable(answer) else answer
        return to_numpy(value)


def as_dtype(value: Any, dtype: str) -> Any:
    """A copy whose floating-point arrays have the dtype; containers part by part, NumPy scalars become Python's."""
    if isinstance(value, dict):
        return {key: as_dtype(part, dtype) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(as_dtype(part, dtype) for part in value)
    if isinstance(value, np.ndarray):
        return value.astype(dtype) if value.dtype.kind == "f" else value.copy()
    return value.item() if isinstance(value, np.generic) else value
