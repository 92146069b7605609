"""The students' edition: notebooks without solutions or outputs, helpers without answers, and how to start."""

import ast
import functools
import re
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import build
import release_exercises
from helpers import claims, lessons, paths, quiz
from release_exercises import ReleaseError
from release_files import Files, as_json, linked, with_links_to
from release_numbers import with_numbers

NOT_FOR_STUDENTS = (  # names of files and of whole folders
    "README.md",
    "grade*.py",
    "grading",
    "quiz_export.py",
    "quiz_files.py",
    "quiz_paper.py",
    "html_pages.py",
    "formulas.py",
)
NEEDED_BY_TESTS = {"jupytext", "text2qti", "nbval", "nbclient", "nbconvert", "pytest", "pytest-xdist", "ruff", "torchmetrics",
                   "torch-fidelity"}  # fmt: skip
TRACK_NAMES = {"pytorch": "PyTorch", "tensorflow": "TensorFlow"}

MAKEFILE = """\
# Two commands. Without make: see START.md.
PYTHON ?= python3
VENV   ?= .venv
TRACK  ?= {track}
PY     := $(VENV)/bin/python
FILE   := $(firstword $(wildcard notebooks/$(TRACK)/$(LESSON).ipynb notebooks/projects/$(LESSON).ipynb notebooks/$(LESSON).ipynb))

.PHONY: lab run
lab: $(VENV)/installed            ## install what is missing and open JupyterLab at the first notebook
	$(PY) -m jupyterlab {first}

run: $(VENV)/installed            ## run one notebook without a screen: make run LESSON={example} TRACK={track}
	@test -n "$(LESSON)" || {{ echo "which lesson? for example: make run LESSON={example} TRACK={track}"; exit 2; }}
	@test -n "$(FILE)" || {{ echo "there is no notebook $(LESSON) here; START.md lists those that are"; exit 2; }}
	$(PY) -m nbconvert --to notebook --execute --output-dir build/runs $(FILE)

$(VENV)/installed: requirements.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \\
	|| {{ echo "Python 3.11 or newer is needed, for example: make lab PYTHON=python3.12"; exit 2; }}
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --requirement requirements.txt --constraint constraints.txt --editable .
	@touch $@
"""


@dataclass(frozen=True)
class Choice:
    """What a release holds. track: None for both. variant: None for the cases of the course itself."""

    lessons: tuple[str, ...]
    track: str | None = None
    exercises: bool = True
    quiz_key: bool = True
    variant: int | None = None

    def tracks(self, lesson: str) -> list[str]:
        """The tracks of a lesson in this release; a project keeps its only one."""
        own = lessons.tracks(lesson)
        return [track for track in own if self.track in (None, track) or track == "both" or lessons.is_project(lesson)]


def files(choice: Choice) -> Files:
    """All files of the students' edition, by path. Raises ReleaseError, LessonError."""
    out: Files = {}
    out |= pictures(choice)
    out |= helper_files()
    out |= exercise_files(choice)
    out["notebooks/lessons.json"] = as_json({lesson: lessons.front_matter(lesson) for lesson in choice.lessons})
    out |= quizzes(choice)
    out |= results(choice)
    out |= frame(choice)
    present = set(out) | {notebook_path(lesson, track) for lesson, track in every(choice)}
    for lesson, track in every(choice):
        out[notebook_path(lesson, track)] = notebook_data(choice, lesson, track, present)
    return out


def exercise_files(choice: Choice) -> Files:
    """What the checks of the exercises compare with."""
    sets = [lesson for lesson in choice.lessons if choice.exercises and not lessons.is_project(lesson)]
    made = release_exercises.files(sets, choice.variant)
    return {f"helpers/exercise_sets/{name}": data for name, data in made.items()}


def notebook_data(choice: Choice, lesson: str, track: str, present: set[str]) -> bytes:
    """A notebook's file. present: the files that its links may lead to."""
    notebook = build.make_notebook(lesson, track)
    if choice.exercises:
        with_numbers(notebook, lesson, choice.variant)
    else:
        without_exercises(notebook)
    adapt_links(notebook, notebook_path(lesson, track), present)
    return build.to_text(notebook).encode()


def every(choice: Choice) -> list[tuple[str, str]]:
    """Every notebook of a release: (lesson, track)."""
    return [(lesson, track) for lesson in choice.lessons for track in choice.tracks(lesson)]


def notebook_path(lesson: str, track: str) -> str:
    """A notebook's path from the top."""
    return lessons.notebook_file(lesson, track).relative_to(paths.root()).as_posix()


def adapt_links(notebook: Any, path: str, present: set[str]) -> None:
    """Make plain text of the links to files that are no part of the release."""
    folder = path.rpartition("/")[0]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = with_links_to(cell.source, folder, present)


def without_exercises(notebook: Any) -> None:
    """Take out every section (##) that holds an exercise."""
    sections: list[list[Any]] = [[]]
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and re.search(r"^## ", cell.source, re.M):
            sections.append([])
        sections[-1].append(cell)
    kept = [cells for cells in sections if not any("exercise" in cell.metadata.get("tags", []) for cell in cells)]
    notebook.cells = [cell for cells in kept for cell in cells]


def unknown_names(notebook: Any) -> set[str]:
    """Names that code cells use and that no code cell gives: what a cell left out would have given."""
    import builtins

    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    tree = ast.parse(code)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    given = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            given.add(node.name)
        if isinstance(node, ast.Import | ast.ImportFrom):
            given |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.arg):
            given.add(node.arg)
        if isinstance(node, ast.ExceptHandler) and node.name:
            given.add(node.name)
    return used - given - set(dir(builtins)) - {"get_ipython", "display"}


# --- what lies around the notebooks


def pictures(choice: Choice) -> Files:
    """The images that the notebooks link to, with where they come from, and the licence."""
    root, out = paths.root(), {}
    for lesson, track in every(choice):
        folder = lessons.notebook_file(lesson, track).parent
        for cell in lessons.cells(lesson, track):
            for target in linked(cell["source"]) if cell["kind"] == "markdown" else []:
                file = Path(folder / target.partition("#")[0]).resolve()
                if "images" in file.parts and file.is_file():
                    out[file.relative_to(root.resolve()).as_posix()] = file.read_bytes()
    out["LICENSE"] = (root / "LICENSE").read_bytes()
    sources = root / "images" / "SOURCES.md"
    if sources.is_file():
        rows = [line for line in sources.read_text(encoding="utf-8").splitlines()
                if not line.startswith("| [") or f"images/{line[3:].partition(']')[0]}" in out]  # fmt: skip
        out["images/SOURCES.md"] = (with_links_to("\n".join(rows), "images", set(out)) + "\n").encode()
    return out


def helper_files(leave_out: tuple[str, ...] = NOT_FOR_STUDENTS) -> Files:
    """The package `helpers` without the declarations of exercises, and without what only instructors need."""
    folder = paths.root() / "helpers"
    out = {}
    for file in sorted(folder.rglob("*")):
        inside = file.relative_to(folder)
        if not file.is_file() or "__pycache__" in inside.parts or inside.parts[0] == "exercise_sets":
            continue
        left_out = any(fnmatchcase(part, pattern) for part in inside.parts for pattern in leave_out)
        if left_out or file.name.startswith("."):
            continue
        out[f"helpers/{inside.as_posix()}"] = file.read_bytes()
    return out


def quizzes(choice: Choice) -> Files:
    """The quizzes of the lessons, with or without their keys."""
    out = {"quizzes/schema.json": (quiz.folder() / "schema.json").read_bytes()}
    for lesson in choice.lessons:
        file = quiz.folder() / f"{lesson}.yaml"
        if file.is_file():
            content = quiz.load(lesson)
            out[f"quizzes/{lesson}.yaml"] = file.read_bytes() if choice.quiz_key else without_key(content)
    return out


def without_key(content: dict[str, Any]) -> bytes:
    """A quiz as YAML, without right answers and without feedback."""
    import yaml

    bare: dict[str, Any] = {"lesson": content["lesson"], "title": content["title"], "scored": False}
    for part in ("before", "after"):
        bare[part] = []
        for question in content[part]:
            kept = {
                key: value for key, value in question.items() if key not in {"answers", "answer", "wrong", "otherwise"}
            }
            if "answers" in question:
                kept["answers"] = [{"text": answer["text"]} for answer in question["answers"]]
            bare[part].append(kept)
    return yaml.safe_dump(bare, sort_keys=False, allow_unicode=True, width=110).encode()


def results(choice: Choice) -> Files:
    """The committed runs that a project's verdicts rest on."""
    out = {}
    for lesson in choice.lessons:
        for file in (claims.results_file(lesson), claims.results_file(lesson, claims.BESIDE)):
            if lessons.is_project(lesson) and file.is_file():
                out[f"notebooks/projects/results/{file.name}"] = file.read_bytes()
    return out


def frame(choice: Choice) -> Files:
    """The page for students, what to install, and how."""
    root = paths.root()
    numbered = [lesson for lesson in choice.lessons if lessons.front_matter(lesson)["number"]]
    words = {
        "first": notebook_path(*every(choice)[0]),
        "track": choice.track or "pytorch",
        "example": (numbered or choice.lessons)[0],
    }
    return {
        "START.md": start_page(choice, words).encode(),
        "Makefile": MAKEFILE.format(**words).encode(),
        "requirements.txt": requirements((root / "requirements.txt").read_text(encoding="utf-8")).encode(),
        "constraints.txt": (root / "constraints.txt").read_bytes(),
        "pyproject.toml": project_file((root / "pyproject.toml").read_text(encoding="utf-8"), "START.md").encode(),
    }


def requirements(text: str) -> str:
    """The requirements without what only tests and instructors need."""
    kept: list[str] = []
    for line in text.splitlines():
        name = re.split(r"[<>=!~\[; ]", line)[0]
        if name in NEEDED_BY_TESTS:
            continue
        while line.startswith("#") and len(kept) > 1 and kept[-1].startswith("# ---"):
            kept.pop()  # a heading with nothing under it
        kept.append(line)
    kept[0] = "# What the lessons need, all from PyPI. `constraints.txt` has exact versions that work."
    return "\n".join(kept).replace("# --- the tests", "# --- the rules of quizzes") + "\n"


def project_file(text: str, readme: str) -> str:
    """pyproject.toml without the settings of tools that a release hasn't got. Raises ReleaseError if it breaks."""
    parts = re.split(r"(?m)^(?=\[)", text)
    dropped = ("[tool.ruff", "[tool.pytest", "[tool.coverage")
    out = "".join(part for part in parts if not part.startswith(dropped))
    out = re.sub(r"(?m)^readme = .*$", f'readme = "{readme}"', out)
    data = '"helpers.exercise_sets" = ["*.json", "*.npz"]\n'
    out = out.replace("[tool.setuptools.package-data]\n", f"[tool.setuptools.package-data]\n{data}").rstrip() + "\n"
    settings = tomllib.loads(out)
    if "helpers.exercise_sets" not in settings["tool"]["setuptools"]["package-data"]:
        raise ReleaseError("pyproject.toml has no part [tool.setuptools.package-data] to add the exercises to")
    return out


@functools.cache
def _start_text() -> str:
    return (Path(__file__).resolve().parent / "release_start.md").read_text(encoding="utf-8")


def start_page(choice: Choice, words: dict[str, str]) -> str:
    """The page for students, from notebooks/release_start.md: parts between `<!-- if NAME -->` and `<!-- end -->` by choice.

    words: the first notebook, a track and a lesson to name as an example.
    """
    conditions = {
        "exercises": choice.exercises,
        "quizzes": choice.quiz_key,
        "quizzes without key": not choice.quiz_key,
        "variant": choice.variant is not None,
        "two tracks": choice.track is None,
    }
    text = _start_text()
    for name, holds in conditions.items():
        pattern = rf"<!-- if {name} -->\n(.*?)<!-- end -->\n"
        text = re.sub(pattern, lambda match, holds=holds: match[1] if holds else "", text, flags=re.S)
    for word, value in (words | {"lessons": lesson_rows(choice), "variant": str(choice.variant)}).items():
        text = text.replace(f"⟨{word.upper()}⟩", value)
    if "<!--" in text or "⟨" in text:
        raise ReleaseError("notebooks/release_start.md holds a part or a word that is not known")
    return text


def lesson_rows(choice: Choice) -> str:
    """One row a lesson: title, notebooks, time."""
    rows = ["| lesson | notebooks | your time |", "| --- | --- | --- |"]
    for lesson in choice.lessons:
        front = lessons.front_matter(lesson)
        links = [
            f"[{TRACK_NAMES.get(track, 'open')}]({notebook_path(lesson, track)})" for track in choice.tracks(lesson)
        ]
        number = f"{front['number']} · " if front["number"] else ""
        kind = "project " if lessons.is_project(lesson) else ""
        rows.append(f"| {kind}{number}{front['title']} | {' · '.join(links)} | {front['minutes']} min |")
    return "\n".join(rows)
