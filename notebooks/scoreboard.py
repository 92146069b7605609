"""The scoreboard: the models that draw pictures of their own, on common scales, both tracks side by side.

A lesson enters a model in its front matter, by the name of a number that it records:
`scoreboard: [{model: "VAE, 2 numbers", key: samples_distance, reference: digits}]`. A project may bring a scale of its own:
`scale: {title: …, text: …, marks: [{mark: …, key: …}]}`; its reference is the project's slug. The numbers come from the
committed notebooks, so that the page says what these show; `make validate` prints the same table of the numbers that it
measured.
"""

import math
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from helpers import lessons

PAGE = "SCOREBOARD.md"  # beside this file
TRACK_TITLES = {"pytorch": "PyTorch", "tensorflow": "TensorFlow"}
LIMIT = 10.0  # percent, above which two tracks count as apart
FLAG = "apart"
KEYS = {"model", "key", "reference"}
Numbers = Callable[[str, str], dict[str, float]]  # (lesson, track) → its recorded numbers, empty where there are none


@dataclass(frozen=True)
class Reference:
    """A scale: what is measured against what. marks: (name, lesson, recorded number) of its fixed points."""

    title: str
    text: str
    marks: tuple[tuple[str, str, str], ...]


REFERENCES = {
    "digits": Reference(
        "Digits",
        "Fréchet distance (digit classifier), 1,000 samples against the 1,000 held-out digits. Lower is better; "
        "the floor is what 1,000 training digits get.",
        (("real digits (floor)", "01_autoencoder", "real_distance"),),
    ),
    "faces": Reference(
        "Faces",
        "Fréchet distance (EfficientNet-Lite0), 2,000 samples against 2,000 drawn faces, the held-out ones among them. "
        "Lower is better; the floor is what one half of these faces gets against the other.",
        (("real faces (floor)", "05_dcgan", "floor"), ("an untrained generator", "05_dcgan", "untrained")),
    ),
}


def references() -> dict[str, Reference]:
    """All scales by name: the course's, and those that projects bring. Raises LessonError on a scale that isn't whole."""
    found = dict(REFERENCES)
    for project in lessons.projects():
        scale = lessons.front_matter(project).get("scale")
        if scale is None:
            continue
        try:
            marks = tuple((mark["mark"], project, mark["key"]) for mark in scale["marks"])
            found[project] = Reference(scale["title"], scale["text"], marks)
        except (KeyError, TypeError):
            raise lessons.LessonError(
                f"{project}: scale needs title, text and marks of mark and key: {scale!r}"
            ) from None
    return found


@dataclass(frozen=True)
class Row:
    """A model or a mark, and its value in each track of its lesson (None: not measured)."""

    lesson: str
    name: str
    key: str
    values: dict[str, float | None]

    def difference(self) -> float | None:
        """TensorFlow's value above PyTorch's in percent of PyTorch's, or None where one is missing or PyTorch's is 0."""
        a, b = (self.values.get(track) for track in lessons.TRACKS)
        return None if a is None or b is None or a == 0 else 100 * (b - a) / abs(a)

    def note(self) -> str:
        """ "apart" when the tracks differ by more than LIMIT percent, "not measured" when a value is missing."""
        if None in self.values.values():
            return "not measured"
        difference = self.difference()
        return FLAG if difference is not None and abs(difference) > LIMIT else ""


def entries(lesson: str) -> list[dict[str, str]]:
    """What a lesson enters. Raises LessonError on an entry that isn't as it should be."""
    found = lessons.front_matter(lesson).get("scoreboard", [])
    for entry in found if isinstance(found, list) else [found]:
        if not isinstance(entry, dict) or set(entry) != KEYS or not all(isinstance(v, str) for v in entry.values()):
            raise lessons.LessonError(
                f"{lesson}: an entry of scoreboard needs {', '.join(sorted(KEYS))}; it is {entry!r}"
            )
        if entry["reference"] not in references():
            raise lessons.LessonError(
                f"{lesson}: unknown reference {entry['reference']!r} in scoreboard; known: {', '.join(references())}"
            )
    if not isinstance(found, list):
        raise lessons.LessonError(f"{lesson}: scoreboard must be a list of entries")
    return found


def rows(reference: str, numbers: Numbers, among: Iterable[str] | None = None) -> list[Row]:
    """The models of a reference in the order of lessons, then its marks. among: these lessons only."""
    wanted = [lesson for lesson in lessons.everything() if among is None or lesson in set(among)]
    named = [(entry["model"], lesson, entry["key"]) for lesson in wanted for entry in entries(lesson)
             if entry["reference"] == reference]  # fmt: skip
    if named:
        named += [mark for mark in references()[reference].marks if mark[1] in wanted]
    return [
        Row(lesson, name, key, {track: _finite(numbers(lesson, track).get(key)) for track in lessons.tracks(lesson)})
        for name, lesson, key in named
    ]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def shown(value: float | None) -> str:
    """Four significant digits, as lessons print them; a dash where nothing was measured."""
    return "–" if value is None else f"{value:.4g}"


def shown_difference(row: Row) -> str:
    """The difference in percent with its sign, or a dash."""
    difference = row.difference()
    return "–" if difference is None else f"{difference:+.1f} %".replace("-", "−")


# --------------------------------------------------------------------------------------- numbers of committed notebooks

_START = re.compile(r"^(?:Lesson|Project) \S+ · .* · profile (\w+) · seed (-?\d+)$", re.M)
_LINE = re.compile(r"^ {2,}(\w+) {2,}(\S+)(?:   target .*)?$", re.M)


def recorded(notebook: Any, profile: str = "quick") -> dict[str, float]:
    """The numbers that a notebook's run recorded: from its metadata, else from what `run.record` printed.

    Empty where the notebook has no outputs, or those of another profile.
    """
    if notebook is None:
        return {}
    stored = notebook.metadata.get("course", {}).get("numbers")
    if stored is not None:
        return dict(stored["values"]) if stored["profile"] == profile else {}
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if not any(found[1] == profile for cell in code if (found := _START.search(_printed(cell)))):
        return {}
    numbers: dict[str, float] = {}
    for cell in code:
        if "run.record(" in cell.source:
            for name, text in _LINE.findall(_printed(cell)):
                try:
                    numbers[name] = float(text)
                except ValueError:  # a line of the lesson's own
                    continue
    return numbers


def _printed(cell: Any) -> str:
    return "".join(output.get("text", "") for output in cell.get("outputs", []) if output.output_type == "stream")


def committed(lesson: str, track: str) -> dict[str, float]:
    """The numbers of a lesson's committed notebook, in the profile quick."""
    path = lessons.notebook_file(lesson, track)
    return recorded(nbformat.read(path, as_version=4)) if path.is_file() else {}


# ------------------------------------------------------------------------------------------------------- the two tables


def page(folder: Path) -> str:
    """The scoreboard in Markdown, links relative to a folder."""
    parts = []
    for name, reference in references().items():
        found = rows(name, committed)
        if not found:
            continue
        lines = [f"## {reference.title}", "", reference.text, "",
                 "| model | lesson | PyTorch | TensorFlow | difference | |", "|---|---|---:|---:|---:|---|"]  # fmt: skip
        for row in found:
            values = " | ".join(shown(row.values.get(track)) for track in lessons.TRACKS)
            note = f"**{row.note()}**" if row.note() else ""
            lines.append(f"| {row.name} | {_links(row.lesson, folder)} | {values} | {shown_difference(row)} | {note} |")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _links(lesson: str, folder: Path) -> str:
    number = lessons.front_matter(lesson)["number"]
    links = [
        f"[{TRACK_TITLES[track]}]({os.path.relpath(lessons.notebook_file(lesson, track), folder).replace(os.sep, '/')})"
        for track in lessons.tracks(lesson)
    ]
    return f"{'project ' if lessons.is_project(lesson) else ''}{number}: {', '.join(links)}"


def text(measured: dict[tuple[str, str], dict[str, float]], profile: str) -> str:
    """The scoreboard of a validation in plain text; empty when none of its lessons enters a model.

    measured: (lesson, track) → recorded numbers.
    """
    among = {lesson for lesson, _ in measured}
    lines = []
    for name, reference in references().items():
        found = rows(name, lambda lesson, track: measured.get((lesson, track), {}), among)
        if not found:
            continue
        head = f"{reference.title.lower()}: {reference.text}" if profile == "quick" else (
            f"{reference.title.lower()}, with the sizes of {profile}: not comparable with quick"
        )  # fmt: skip
        lines += ["", head, f"  {'model':<44} {'pytorch':>10} {'tensorflow':>10} {'difference':>10}"]
        for row in found:
            cells = [*(shown(row.values.get(track)) for track in lessons.TRACKS), shown_difference(row)]
            label = f"{row.lesson.split('_')[0]} {row.name}"
            lines.append(f"  {label:<44} {' '.join(cell.rjust(10) for cell in cells)}  {row.note()}".rstrip())
    return "\n".join(["scoreboard", *lines[1:]]) if lines else ""


def check() -> list[str]:
    """Entries whose number the committed notebook never recorded, though it ran."""
    problems = []
    for lesson in lessons.everything():
        named = [(entry["key"], lesson) for entry in entries(lesson)]
        named += [
            (key, of) for reference in references().values() for _, of, key in reference.marks if of == lesson and named
        ]
        for track in lessons.tracks(lesson) if named else ():
            numbers = committed(lesson, track)
            missing = [key for key, _ in named if numbers and key not in numbers]
            problems += [
                f"{lesson} {track}: the scoreboard's {key} is not among the recorded numbers" for key in missing
            ]
    return problems
