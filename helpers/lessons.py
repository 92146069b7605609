"""Read the lessons and projects: front matter and cells of their sources, and the definitions that tests and benchmarks import.

A lesson's source is `notebooks/source/NN_topic.md`, a project's `notebooks/source/projects/pN_topic.md`; notebooks are made
from them by `notebooks/build.py`. What is said of a lesson here holds for a project, but that it has one track.
"""

import functools
import json
import re
import types
from pathlib import Path
from typing import Any

from helpers import paths

TRACKS = ("pytorch", "tensorflow")
_SWITCH = re.compile(r"⟦([^⟦⟧|]*)\|([^⟦⟧|]*)⟧")


class LessonError(ValueError):
    """A lesson or its source is not as it should be; the message says what to do."""


def source_folder() -> Path:
    """The folder of the lessons' sources."""
    return paths.root() / "notebooks" / "source"


def names() -> list[str]:
    """All lessons by slug, in order, such as "02_vae"."""
    return sorted(path.stem for path in source_folder().glob("[0-9][0-9]_*.md"))


def projects() -> list[str]:
    """All projects by slug, in order, such as "p3_creatures"."""
    return sorted(path.stem for path in (source_folder() / "projects").glob("p[0-9]_*.md"))


def everything() -> list[str]:
    """All lessons, then all projects."""
    return names() + projects()


def is_project(lesson: str) -> bool:
    """Whether a slug is of a project, such as "p3_creatures"."""
    return re.fullmatch(r"p\d_\w+", lesson) is not None


def source_file(lesson: str) -> Path:
    """The source of a lesson. Raises LessonError that names the lessons there are."""
    path = source_folder() / ("projects" if is_project(lesson) else "") / f"{lesson}.md"
    if not path.is_file():
        raise LessonError(f"there is no lesson {lesson!r}; there are: {', '.join(everything()) or 'none found'}")
    return path


def notebook_file(lesson: str, track: str) -> Path:
    """The notebook made from a lesson for a track; a lesson without tracks has one notebook at the top."""
    folder = paths.root() / "notebooks"
    if is_project(lesson):
        return folder / "projects" / f"{lesson}.ipynb"
    return folder / f"{lesson}.ipynb" if track == "both" else folder / track / f"{lesson}.ipynb"


def tracks(lesson: str) -> tuple[str, ...]:
    """The tracks of a lesson: both frameworks, one of them (projects), or ("both",) where one notebook serves them."""
    return tuple(front_matter(lesson).get("tracks", TRACKS))


@functools.cache
def _read(path: Path, _stamp: float) -> Any:
    import jupytext

    return jupytext.reads(path.read_text(encoding="utf-8"), fmt="md:myst")


def _notebook(lesson: str) -> Any:
    path = source_file(lesson)
    return _read(path, path.stat().st_mtime)


def front_matter(lesson: str) -> dict[str, Any]:
    """The part `lesson:` of a source's front matter: number, slug, title, promise, objectives, budgets, thresholds …

    A release for students has no sources; there it is read from notebooks/lessons.json.
    """
    released = released_file()
    if released.is_file():
        found = _released(released, released.stat().st_mtime)
        if lesson not in found:
            raise LessonError(f"there is no lesson {lesson!r} in this copy; there are: {', '.join(found)}")
        return found[lesson]
    return _front_matter(source_file(lesson), source_file(lesson).stat().st_mtime)


def released_file() -> Path:
    """Where a release for students keeps the front matter of its lessons."""
    return paths.root() / "notebooks" / "lessons.json"


@functools.cache
def _released(path: Path, _stamp: float) -> dict[str, dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8"))


@functools.cache
def _front_matter(path: Path, _stamp: float) -> dict[str, Any]:
    import yaml

    text = path.read_text(encoding="utf-8")
    parts = text.split("---\n", 2)
    if len(parts) < 3 or parts[0].strip():
        raise LessonError(f"{path.name} has no front matter: it must begin with a block between two lines of ---")
    try:
        content = yaml.safe_load(parts[1])
    except yaml.YAMLError as error:
        raise LessonError(f"{path.name}: the front matter is not valid YAML: {error}") from None
    if "lesson" not in content:
        raise LessonError(f"{path.name}: the front matter has no part `lesson:`")
    return content["lesson"]


def cells(lesson: str, track: str) -> list[dict[str, Any]]:
    """The cells of one track in order: {"kind": "code" or "markdown", "tags": [...], "source": text, "ordinal": number}.

    Exercise, solution and check cells are all included; `⟦left|right⟧` in prose is resolved.
    """
    out = []
    for ordinal, cell in enumerate(_notebook(lesson).cells):
        tags = list(cell.metadata.get("tags", []))
        wanted = [tag for tag in tags if tag in TRACKS]
        if wanted and track not in wanted and track != "both":
            continue
        source = cell.source if cell.cell_type == "code" else resolve_switches(cell.source, track)
        out.append({"kind": cell.cell_type, "tags": tags, "source": source, "ordinal": ordinal})
    return out


def resolve_switches(text: str, track: str) -> str:
    """`⟦left|right⟧` → left for PyTorch, right for TensorFlow."""
    return _SWITCH.sub(lambda match: match[2] if track == "tensorflow" else match[1], text)


def solution(lesson: str, exercise: str, track: str) -> str:
    """The code of an exercise's solution. Raises LessonError where the source has none."""
    for cell in cells(lesson, track):
        if "solution" in cell["tags"] and exercise in cell["tags"]:
            return cell["source"]
    raise LessonError(f"{lesson} holds no solution of {exercise} for {track}")


def definitions(lesson: str, track: str) -> types.ModuleType:
    """A module made of the notebook's cells tagged `definitions`: the lesson's models and losses.

    Raises LessonError where the notebook is missing or a cell needs something that is not in such a cell.
    """
    import nbformat

    path = notebook_file(lesson, track)
    if not path.is_file():
        raise LessonError(f"{path.name} is not built for {track}: run python notebooks/build.py {lesson}")
    module = types.ModuleType(f"lesson_{lesson}_{track}")
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and "definitions" in cell.metadata.get("tags", []):
            try:
                exec(compile(cell.source, f"{path.name}[{cell.id}]", "exec"), module.__dict__)
            except NameError as error:
                raise LessonError(
                    f"{path.name}, cell {cell.id}: {error}; tag the cell it needs `definitions`"
                ) from error
    return module
