"""The exercises as nbgrader's source layout: one assignment a lesson and track, a configuration, a page for the instructor.

An assignment is a sheet: the lesson's exercises, and of its other cells only the imports and definitions that answers need, so
that nothing in it trains. Solutions and hidden tests stand between marks that `nbgrader generate_assignment` cuts out with them.
"""

import re
from pathlib import Path
from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell

import build
from helpers import exercises, lessons
from helpers.grading import notebook as grading_notebook
from release_exercises import ReleaseError
from release_files import Files, with_links_to
from release_student import Choice, notebook_path

SCHEMA = 3
CONFIG = '''\
"""nbgrader's settings for the sheets of Pixels from Noise; run nbgrader in this folder, where the whole course is installed."""

import os
import sys
from pathlib import Path

from helpers.grading.nbgrader import preprocessors

os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # where nbgrader finds alembic
c = get_config()
c.CourseDirectory.course_id = "pixels-from-noise"
c.CourseDirectory.root = str(Path(__file__).resolve().parent)
c.ClearSolutions.code_stub = {"python": ""}  # the stub of the exercise is enough
c.OverwriteCells.add_missing_cells = True  # a check cell that a student has deleted comes back
c.Autograde.autograde_preprocessors = preprocessors()  # without this line: in a kernel, without walls
c.GradeBehindWalls.seed_file = str(Path(__file__).resolve().parent / "hidden_cases_seed")
c.GradeBehindWalls.partial = 0.5  # the share for a named mistake or half of the cases
c.Execute.timeout = 120  # seconds a cell, for the other notebooks of your class
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # nbgrader gives no points where a check prints to stderr
'''


def files(choice: Choice) -> Files:
    """All files of nbgrader's folder, by path. Raises ReleaseError where no chosen lesson has an exercise."""
    out: Files = {}
    rows = []
    for lesson in choice.lessons:
        if lesson not in exercises.known_lessons():
            continue
        points = sum(one.points for one in exercises.definitions(lesson).values())
        for track in choice.tracks(lesson):
            path = f"source/{assignment(lesson, track)}/{lesson}.ipynb"
            out[path] = build.to_text(sheet(lesson, track)).encode()
            rows.append(f"| `{assignment(lesson, track)}` | {lessons.front_matter(lesson)['title']} | {points} |")
    if not out:
        raise ReleaseError(
            "none of the chosen lessons has exercises, so there is nothing for nbgrader; leave out --nbgrader"
        )
    out["nbgrader_config.py"] = CONFIG.encode()
    text = Path(__file__).with_name("release_nbgrader.md").read_text(encoding="utf-8")
    out["README.md"] = text.replace("⟨SHEETS⟩", "\n".join(rows)).encode()
    return out


def assignment(lesson: str, track: str) -> str:
    """The name of a sheet's assignment; a lesson for both frameworks has one."""
    return lesson if track == "both" else f"{lesson}_{track}"


def sheet(lesson: str, track: str) -> Any:
    """The sheet of a lesson as a notebook, with solutions and hidden tests. Raises ReleaseError."""
    notebook = build.make_notebook(lesson, track)
    solved = {cell.id: cell.source for cell in build.make_notebook(lesson, track, solved=True).cells}
    tagged = [at for at, cell in enumerate(notebook.cells) if "exercise" in _tags(cell)]
    checks = [at for at, cell in enumerate(notebook.cells) if _checked(cell)]
    cells = [locked(new_markdown_cell(_introduction(lesson, track), id="title")), *_given(lesson, track, notebook)]
    for at in range(_start(notebook, tagged[0]), checks[-1] + 1):
        cell = notebook.cells[at]
        if cell.cell_type == "markdown":
            text = cell.source if at > tagged[0] else "## " + re.split(r"(?m)^## ", cell.source)[-1]
            cell.source = with_links_to(text, "sheet", ())
            cells.append(locked(cell))
        elif "exercise" in _tags(cell):
            cells.append(_solution(cell, solved[cell.id]))
        elif qid := _checked(cell):
            cells.append(_test(cell, lesson, qid, track))
        else:
            raise ReleaseError(f"{lesson}: cell {cell.id} among the exercises is neither an exercise nor a check")
    missing = set(exercises.definitions(lesson)) - {_checked(notebook.cells[at]) for at in checks}
    if missing or len(tagged) != len(checks):
        raise ReleaseError(
            f"{lesson}: exercises without a cell or a check: {', '.join(sorted(missing)) or 'a tag is missing'}"
        )
    notebook.cells = cells
    return notebook


def _tags(cell: Any) -> set[str]:
    return set(cell.metadata.get("tags", []))


def _checked(cell: Any) -> str:
    """The exercise that a cell checks, such as "q1", or an empty text."""
    match = re.search(r"^(q\d+)\.check\(", cell.source, re.M) if cell.cell_type == "code" else None
    return match[1] if match else ""


def _start(notebook: Any, first: int) -> int:
    """The cell in which the section of the first exercise begins."""
    headed = [at for at in range(first) if re.search(r"^## ", notebook.cells[at].source, re.M)]
    return headed[-1]


def _introduction(lesson: str, track: str) -> str:
    front = lessons.front_matter(lesson)
    title = f"Lesson {front['number']}: {front['title']}" if front["number"] else front["title"]
    return (
        f"# {title}: the exercises\n\n"
        "Write your answers here and hand in this notebook. The lesson, with the equations that the exercises name, is "
        f"`{notebook_path(lesson, track)}` in your copy of the course. Only the cells for answers count: all others are put "
        "back before grading. You may add cells. Nothing is trained when your notebook is graded, so where an exercise asks "
        "for numbers of your own run, write the numbers down."
    )


def _given(lesson: str, track: str, notebook: Any) -> list[Any]:
    """Locked cells with what right answers need of the lesson: imports, constants, whole cells of definitions."""
    handed_out = grading_notebook.read(build.to_text(notebook).encode())
    solved = grading_notebook.read(build.to_text(build.make_notebook(lesson, track, solved=True)).encode())
    reader = grading_notebook.Reader(solved, handed_out)
    parts = {label: code for qid in exercises.definitions(lesson) for label, code in reader.plan(qid).cells}
    cells = []
    for cell in handed_out.cells:
        needed = [label for label in parts if label.partition(".")[0] == cell.id]
        if not needed or "exercise" in cell.tags:
            continue
        code = cell.code if "definitions" in cell.tags else "\n".join(parts[one].strip() for one in sorted(needed))
        cells.append(locked(new_code_cell(code, id=cell.id, metadata={"tags": sorted(cell.tags)})))
    return cells


# --- the kinds of cells


def _marked(cell: Any, grade_id: str, **facts: Any) -> Any:
    """A cell with nbgrader's metadata; a part that is not named is off."""
    off = {"grade": False, "locked": False, "solution": False, "task": False}
    cell.metadata["nbgrader"] = off | facts | {"grade_id": grade_id, "schema_version": SCHEMA}
    return cell


def locked(cell: Any) -> Any:
    """A cell that students can't change: nbgrader puts it back."""
    cell.metadata |= {"editable": False, "deletable": False}
    return _marked(cell, f"lesson-{cell.id}", locked=True)


def _solution(cell: Any, solution: str) -> Any:
    """An exercise: its stub as students get it, and the solution between marks."""
    (qid,) = {tag for tag in _tags(cell) if re.fullmatch(r"q\d+", tag)}
    cell.source = f"{cell.source}\n### BEGIN SOLUTION\n{solution}\n### END SOLUTION"
    cell.metadata["deletable"] = False
    return _marked(cell, qid, solution=True)


def _test(cell: Any, lesson: str, qid: str, track: str) -> Any:
    """The check of an exercise. Its value is the points: all or none for students, by the grader's rules in the hidden test."""
    answer = re.search(rf"^{qid}\.check\((.+)\)$", cell.source, re.M)
    if answer is None:
        raise ReleaseError(f"{lesson}: cell {cell.id} must pass the answer to {qid}.check in a line of its own")
    arguments = f'"{lesson}", "{qid}"' + (f', "{track}"' if track in lessons.TRACKS else "")
    cell.source = f"""\
from helpers.exercises import exercise

{qid} = exercise({arguments})
{qid}.check({answer[1]})
# {qid}.hint()
{qid}.result.right * {qid}.definition.points  # the points, for nbgrader
### BEGIN HIDDEN TESTS
from helpers.grading.points import earned

earned("{lesson}", "{qid}", {answer[1]}, "{track if track in lessons.TRACKS else "numpy"}")
### END HIDDEN TESTS"""
    cell.metadata |= {"editable": False, "deletable": False}
    return _marked(cell, f"{qid}-points", grade=True, locked=True, points=exercises.definitions(lesson)[qid].points)


# --- what students get


def handed_out(files: Files) -> Files:
    """The sheets as `nbgrader generate_assignment` leaves them, as far as code goes: without solutions and hidden tests."""
    out = {}
    for path, data in files.items():
        if path.endswith(".ipynb"):
            notebook = build.nbformat.reads(data.decode(), as_version=4)
            for cell in notebook.cells:
                cell.source = re.sub(r"(?ms)^### BEGIN (SOLUTION|HIDDEN TESTS)\n.*?^### END \1\n?", "", cell.source)
            out[path] = build.to_text(notebook).encode()
    return out


def in_use(out: Path) -> bool:
    """Whether the folder of an earlier release holds a class: a gradebook, or anything else that nbgrader made."""
    folder = out / "nbgrader"
    ours = {"source", "nbgrader_config.py", "README.md"}
    return folder.is_dir() and not {entry.name for entry in folder.iterdir()} <= ours
