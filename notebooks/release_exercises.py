"""The exercises of a release for students: cases and results as arrays, and of the code only what checks need.

`helpers/exercise_sets/` of the release holds for each lesson a .json and .npz that `helpers.stored_exercises` reads, and a
.py with the functions that its checks call (`verify`, small models), cut out of the declarations with all that they name.
"""

import ast
import importlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from helpers import exercises, seals
from helpers.exercise_compare import agree
from helpers.exercise_engine import evaluate, find_mistake
from helpers.exercise_tensors import ByTrack, NumpyFunction, to_numpy
from helpers.exercise_types import Exercise, Mistake
from helpers.grading.variants import in_variant
from helpers.stored_exercises import FIELDS

SETS = "helpers.exercise_sets"
MOMENT = (1980, 1, 1, 0, 0, 0)
ATTEMPTS = 20


class ReleaseError(ValueError):
    """A release can't be made as asked; the message says why and what to do."""


@dataclass
class Needs:
    """Which functions of the declarations' modules a release must keep, and which it must not; module → names."""

    kept: dict[str, set[str]] = field(default_factory=dict)
    banned: dict[str, set[str]] = field(default_factory=dict)

    def keep(self, function: Callable[..., Any], what: str) -> str:
        """The address of a module's function, which is kept if it stands among the declarations."""
        module, name = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
        if not module or getattr(importlib.import_module(module), name, None) is not function:
            raise ReleaseError(f"{what} must be a function of a module, or a functools.partial of one, to be released")
        if module.startswith(SETS):
            self.kept.setdefault(module, set()).add(name)
        return f"{module}:{name}"

    def ban(self, answer: Any) -> None:
        """Nothing of this answer, right or wrong, may be kept as code."""
        if isinstance(answer, dict):
            answer = list(answer.values())
        if isinstance(answer, ByTrack):
            answer = [answer.pytorch, answer.tensorflow, answer.numpy]
        if isinstance(answer, list | tuple):
            for part in answer:
                self.ban(part)
        elif callable(answer) and getattr(answer, "__module__", "").startswith(SETS):
            self.banned.setdefault(answer.__module__, set()).add(answer.__qualname__.split(".")[0])


# --- values as JSON and arrays


@dataclass
class Arrays:
    """Arrays by name, each stored once."""

    named: dict[str, np.ndarray] = field(default_factory=dict)
    names: dict[tuple, str] = field(default_factory=dict)

    def add(self, array: np.ndarray) -> str:
        """The name under which an array is stored."""
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.names:
            self.names[key] = f"a{len(self.names)}"
            self.named[self.names[key]] = array
        return self.names[key]

    def data(self) -> bytes:
        """An .npz file, the same bytes for the same arrays."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, array in self.named.items():
                member = io.BytesIO()
                np.lib.format.write_array(member, array, allow_pickle=False)
                info = zipfile.ZipInfo(f"{name}.npy", MOMENT)
                archive.writestr(info, member.getvalue(), zipfile.ZIP_DEFLATED)
        return out.getvalue()


def encoded(value: Any, arrays: Arrays, needs: Needs, what: str) -> Any:
    """A value as JSON that `stored_exercises.decoded` reads; arrays go where they belong. Raises ReleaseError."""

    def part(inner: Any) -> Any:
        return encoded(inner, arrays, needs, what)

    if isinstance(value, np.ndarray | np.generic):
        return {"array": arrays.add(np.asarray(value))}
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list):
        return [part(one) for one in value]
    if isinstance(value, tuple):
        return {"tuple": [part(one) for one in value]}
    if isinstance(value, dict):
        return {"dict": [[key, part(one)] for key, one in value.items()]}
    if isinstance(value, NumpyFunction):
        return {"numpy_function": part(value.function)}
    if isinstance(value, ByTrack):
        makers = {track: getattr(value, track) for track in ("pytorch", "tensorflow", "numpy")}
        return {"by_track": {track: part(maker) for track, maker in makers.items() if maker is not None}}
    if isinstance(value, partial):
        if value.keywords:
            raise ReleaseError(f"{what}: a functools.partial to be released takes its arguments by position")
        return {"partial": [needs.keep(value.func, what), [part(one) for one in value.args]]}
    if isinstance(value, type(needs.keep)) or callable(value):
        return {"function": needs.keep(value, what)}
    raise ReleaseError(f"{what}: a {type(value).__name__} can't be stored in a release")


# --- an exercise


def public_cases(one: Exercise, variant: int | None) -> list[dict[str, Any]]:
    """The cases of a release; of a variant the first of its draws in which every known mistake still shows as itself."""
    if variant is None:
        return one.draw_cases()
    for attempt in range(ATTEMPTS):
        cases = one.draw_cases(variant, attempt)
        if _tell_apart(one, cases):
            return cases
    raise ReleaseError(f"{one.id}: in variant {variant} the mistakes can't be told apart: choose another number")


def _tell_apart(one: Exercise, cases: list[dict[str, Any]]) -> bool:
    expected = [one.expected(one.reference, case) for case in cases]
    for mistake in one.mistakes:
        theirs = results(one, mistake.answer, cases)
        if theirs is None or find_mistake(one, cases, theirs, expected) is not mistake:
            return False
    return True


def results(one: Exercise, answer: Any, cases: list[dict[str, Any]]) -> list[Any] | None:
    """What a function gives for the cases; None where it fails."""
    try:
        return [one.expected(answer, case) for case in cases]
    except Exception:  # a mistake may fail where the reference doesn't
        return None


def stored(one: Exercise, arrays: Arrays, needs: Needs, variant: int | None = None) -> dict[str, Any]:
    """An exercise as the JSON that `stored_exercises.load` reads."""
    what = f"exercise {one.id} ({one.title})"
    content: dict[str, Any] = {name: getattr(one, name) for name in FIELDS}
    content |= {"hints": list(one.hints), "images": list(one.images), "returns": list(one.returns)}
    for answer in (one.reference, one.right, [wrong.answer for wrong in one.wrong], dict(one.private)):
        needs.ban(answer)
    for mistake in one.mistakes:
        needs.ban(mistake.answer)
    if one.verify:
        content["verify"] = needs.keep(one.verify, f"{what}: verify")
        recorded = {name: [encoded(to_numpy(value), arrays, needs, what) for value in values]
                    for name, values in _recorded(one).items()}  # fmt: skip
        content |= {"private": recorded} if recorded else {}
    if one.is_function:
        cases = public_cases(one, variant)
        right = results(one, one.reference, cases)
        content["name"] = one.function_name if one.function_name.isidentifier() else ""
        content["cases"] = [encoded(case, arrays, needs, f"{what}: inputs") for case in cases]
        content["reference"] = [encoded(value, arrays, needs, what) for value in right]
        content["mistakes"] = [_mistake(one, mistake, cases, arrays, needs) for mistake in one.mistakes]
    elif one.reference is not None:
        content["sealed"] = seals.seal_value(to_numpy(one.reference), one.tolerance)
        content["mistakes"] = [_sealed_mistake(one, mistake) for mistake in one.mistakes]
    return content


def _mistake(
    one: Exercise, mistake: Mistake, cases: list[dict[str, Any]], arrays: Arrays, needs: Needs
) -> dict[str, Any]:
    what = f"exercise {one.id}: the message of a mistake"
    found = results(one, mistake.answer, cases)
    values = None if found is None else [encoded(value, arrays, needs, what) for value in found]
    return {"message": encoded(mistake.message, arrays, needs, what), "results": values}


def _sealed_mistake(one: Exercise, mistake: Mistake) -> dict[str, Any]:
    value = to_numpy(mistake.answer)
    if callable(mistake.message):
        raise ReleaseError(f"exercise {one.id}: the message of a wrong value must be a text to be released")
    if agree(value, to_numpy(one.reference), one.tolerance):
        raise ReleaseError(f"exercise {one.id}: a mistake is as good as right")
    return {"message": mistake.message, "sealed": seals.seal_value(value, one.tolerance)}


def _recorded(one: Exercise) -> dict[str, list[Any]]:
    """What a check of a right answer asks of the private functions, in order."""
    if not one.private:
        return {}
    calls: dict[str, list[Any]] = {name: [] for name in one.private}

    def listening(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            calls[name].append(function(*arguments))
            return calls[name][-1]

        return call

    heard = {name: listening(name, function) for name, function in one.private.items()}
    answer = next(iter([*one.right, one.reference]))
    answer = answer.build("numpy") if isinstance(answer, ByTrack) else answer
    result = evaluate(_with_private(one, heard), answer, "numpy")
    if not result.right or not all(calls.values()):
        raise ReleaseError(f"exercise {one.id}: a right answer in NumPy must pass and reach every private function")
    return calls


def _with_private(one: Exercise, private: dict[str, Callable[..., Any]]) -> Exercise:
    from dataclasses import replace

    return replace(one, private=private)


# --- a part of a module's code


def closure(module: str, names: set[str], banned: frozenset[str] | set[str] = frozenset()) -> set[str]:
    """The names of a module that some of its names need, those included. Raises ReleaseError when one is banned."""
    tree = _tree(module)[1]
    bound = {statement: set(bound_names(statement)) for statement in tree.body}
    every = set().union(*bound.values())
    missing, kept = set(names), set()
    while missing:
        kept |= missing
        needed = [statement for statement in tree.body if bound[statement] & kept]
        used = {node.id for statement in needed for node in ast.walk(statement) if isinstance(node, ast.Name)}
        missing = (used & every) - kept
    if banned & kept:
        raise ReleaseError(
            f"{module}: the check needs {', '.join(sorted(banned & kept))}, which is an answer: reach it by "
            "tools.private, so that a release holds what it gave and not its code"
        )
    return kept


def cut(module: str, kept: set[str]) -> str:
    """The code of a module that binds these names."""
    text, tree = _tree(module)
    lines, out = text.splitlines(), ['"""What the checks of these exercises need; no answers."""', ""]
    for statement in tree.body:
        if not set(bound_names(statement)) & kept:
            continue
        if isinstance(statement, ast.Import | ast.ImportFrom):
            names = [alias for alias in statement.names if (alias.asname or alias.name.split(".")[0]) in kept]
            narrow = (
                ast.Import(names) if isinstance(statement, ast.Import) else ast.ImportFrom(statement.module, names, 0)
            )
            out.append(ast.unparse(narrow))
        else:
            first = min([statement.lineno, *(one.lineno for one in getattr(statement, "decorator_list", []))])
            blank = "\n\n" if isinstance(statement, ast.FunctionDef | ast.ClassDef) else "\n"
            out.append(blank + "\n".join(lines[first - 1 : statement.end_lineno]))
    return "\n".join(out) + "\n"


def taken(module: str, kept: set[str]) -> dict[str, set[str]]:
    """What the kept code of a module imports from the declarations' other modules."""
    out: dict[str, set[str]] = {}
    for statement in _tree(module)[1].body:
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith(SETS):
            names = {alias.name for alias in statement.names if (alias.asname or alias.name) in kept}
            out.setdefault(statement.module or "", set()).update(names)
    return out


def _tree(module: str) -> tuple[str, ast.Module]:
    text = Path(importlib.import_module(module).__file__ or "").read_text(encoding="utf-8")
    return text, ast.parse(text)


def bound_names(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement of a module binds or changes."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.split(".")[0] for alias in statement.names)
    elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        yield from (node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name))


# --- the folder


def files(lessons: list[str], variant: int | None = None) -> dict[str, bytes]:
    """The files of `helpers/exercise_sets/` of a release with the exercises of these lessons, by name."""
    heading = '"""Exercises of the lessons: what their checks compare with. No answers as code."""\n'
    out: dict[str, bytes] = {"__init__.py": heading.encode()}
    needs = Needs()
    for lesson in lessons:
        arrays = Arrays()
        declared = exercises.definitions(lesson).values()
        content = [stored(in_variant(one, variant), arrays, needs, variant) for one in declared]
        text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
        out[f"lesson_{lesson}.json"], out[f"lesson_{lesson}.npz"] = text.encode(), arrays.data()
    for module, names in kept_names(needs).items():
        out[f"{module.rpartition('.')[2]}.py"] = cut(module, names).encode()
    for lesson in lessons:
        name = f"lesson_{lesson}.py"
        code = out.get(name, b'"""The exercises of this lesson."""\n').decode()
        loading = f'\nEXERCISES = load("{lesson}")\n'
        head, _, rest = code.partition("\n")
        out[name] = f"{head}\n\nfrom helpers.stored_exercises import load\n{rest.lstrip()}{loading}".encode()
    return out


def kept_names(needs: Needs) -> dict[str, set[str]]:
    """All names that a release keeps of the declarations' modules, by module. Raises ReleaseError when one is an answer."""
    wanted = {module: set(names) for module, names in needs.kept.items()}
    out: dict[str, set[str]] = {}
    waiting = list(wanted)
    while waiting:
        module = waiting.pop(0)
        out[module] = closure(module, wanted[module], needs.banned.get(module, set()))
        for other, names in taken(module, out[module]).items():
            if not names <= wanted.get(other, set()):
                wanted.setdefault(other, set()).update(names)
                waiting.append(other)
    return dict(sorted(out.items()))
