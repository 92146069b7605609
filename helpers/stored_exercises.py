"""Exercises whose answers are stored as numbers, not as code: what `make release` puts in the place of a lesson's declarations.

For an exercise with a reference function: the public cases, what the reference gives for them, and what every known mistake
gives, with its message. For a value: seals. For a check of its own: the check's code, and what it asked of private functions.
"""

import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from helpers import seals
from helpers.exercise_compare import Tolerance, difference
from helpers.exercise_tensors import ByTrack, NotNumbers, NumpyFunction, to_numpy
from helpers.exercise_types import Exercise, Mistake, Tools

FIELDS = ("id", "title", "kind", "hints", "points", "minutes", "rtol", "atol", "check_dtype", "dtype", "arrays", "images",
          "image_output", "returns", "time_limit", "name")  # fmt: skip


class StoredCase(dict):
    """The arguments of a case, and which case it is."""

    def __init__(self, number: int, arguments: Mapping[str, Any]) -> None:
        super().__init__(arguments)
        self.number = number


@dataclass(frozen=True)
class StoredResults:
    """What a function gives for the cases, one after another; None where it fails in one of them."""

    results: tuple[Any, ...] | None


@dataclass(frozen=True, kw_only=True)
class StoredExercise(Exercise):
    """An exercise that is judged as its declaration judges it, without holding an answer as code."""

    stored: tuple[dict[str, Any], ...] = ()
    replayed: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def _problem(self) -> str:
        return ""

    @property
    def is_function(self) -> bool:
        """Whether the answer is a function."""
        return self.reference is not None

    def draw_cases(self, *variant: int) -> list[dict[str, Any]]:
        """The stored cases; there are no others."""
        return [StoredCase(number, case) for number, case in enumerate(self.stored)]

    def expected(self, answer: StoredResults, inputs: StoredCase) -> Any:
        """What is stored for a case. Raises LookupError where the function failed."""
        if answer.results is None:
            raise LookupError("nothing is stored: the function failed")
        return answer.results[inputs.number]

    def own_functions(self) -> Mapping[str, Callable[..., Any]]:
        """Functions that give what was recorded, from the first on."""
        return {name: _player(results) for name, results in self.replayed.items()}


def _player(results: tuple[Any, ...]) -> Callable[..., Any]:
    left = iter(results)
    return lambda *_: next(left)


def load(lesson: str, folder: Path | None = None) -> list[StoredExercise]:
    """The stored exercises of a lesson, in order. folder: where its .json and .npz lie, if not beside the declarations."""
    folder = folder or Path(__file__).resolve().parent / "exercise_sets"
    content = json.loads((folder / f"lesson_{lesson}.json").read_text(encoding="utf-8"))
    with np.load(folder / f"lesson_{lesson}.npz", allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    return [_exercise(one, arrays) for one in content]


def _exercise(content: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> StoredExercise:
    def read(value: Any) -> Any:
        return decoded(value, arrays)

    def results(values: list[Any] | None) -> StoredResults:
        return StoredResults(None if values is None else tuple(read(value) for value in values))

    settings: dict[str, Any] = {name: content[name] for name in FIELDS}
    if content.get("verify"):
        settings["verify"] = found(content["verify"])
    if "sealed" in content:
        settings["verify"] = SealedCheck(content["sealed"], content["mistakes"], settings.get("verify"))
    if "cases" in content:
        settings["stored"] = tuple(read(case) for case in content["cases"])
        settings["reference"] = results(content["reference"])
        settings["mistakes"] = [Mistake(results(one["results"]), read(one["message"])) for one in content["mistakes"]]
    settings["replayed"] = {name: tuple(map(read, values)) for name, values in content.get("private", {}).items()}
    return StoredExercise(**settings)


def found(address: str) -> Any:
    """What stands at an address such as "helpers.exercise_models:critic"."""
    module, _, name = address.partition(":")
    return getattr(importlib.import_module(module), name)


def decoded(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """JSON → the value it stands for; `notebooks/release_exercises.py` has the way there."""
    if isinstance(value, list):
        return [decoded(part, arrays) for part in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    match kind:
        case "array":
            return arrays[content]
        case "tuple":
            return tuple(decoded(part, arrays) for part in content)
        case "dict":
            return {key: decoded(part, arrays) for key, part in content}
        case "function":
            return found(content)
        case "partial":
            return partial(found(content[0]), *(decoded(part, arrays) for part in content[1]))
        case "numpy_function":
            return NumpyFunction(decoded(content, arrays))
        case "by_track":
            return ByTrack(**{track: decoded(part, arrays) for track, part in content.items()})
    raise ValueError(f"nothing is known of stored values of the kind {kind!r}")


class SealedCheck:
    """Judges a value against seals: right, a known mistake, or wrong in form or content."""

    def __init__(self, sealed: dict[str, Any], mistakes: list[dict[str, Any]], more: Callable | None = None) -> None:
        self.sealed, self.mistakes, self.more = sealed, mistakes, more

    def __call__(self, answer: Any, tools: Tools) -> Iterator[str]:
        """One sentence on what is wrong, or nothing."""
        try:
            got = to_numpy(answer)
        except NotNumbers as error:
            yield f"Your answer is {error}."
            return
        if seals.opens(self.sealed, got):
            yield from (self.more(answer, tools) or ()) if self.more else ()
            return
        known = (one["message"] for one in self.mistakes if seals.opens(one["sealed"], got))
        text = next(known, None) or _difference(self.sealed, got)
        yield text[0].upper() + text[1:]


def _difference(sealed: dict[str, Any], got: Any, where: str = "") -> str:
    """What is wrong with the form, or which values are; an empty string when nothing is."""
    if seals.opens(sealed, got):
        return ""
    parts = sealed.get("dict")
    if parts is not None and isinstance(got, dict) and all(key in got for key in parts):
        return " ".join(filter(None, (_difference(part, got[key], key) for key, part in parts.items())))
    text = difference(got, seals.blank(sealed, got), Tolerance(0.0, sys.float_info.max), (), where)
    return text or (f"`{where}`: " if where else "") + f"{_shown(got)} is not right."


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, int | float) and not isinstance(value, bool) else f"{value}"
