"""nbgrader's autograding with this course's grader in the place of a kernel that runs the whole notebook.

An `nbgrader_config.py` switches it on; `make release RELEASE_OPTIONS=--nbgrader` writes one that does:

    from helpers.grading.nbgrader import preprocessors
    c.Autograde.autograde_preprocessors = preprocessors()

A sheet of the course is graded by `helpers.grade`: only the cells that an answer needs are run, behind its walls, and the points
and messages become the outputs of the check cells. Every other notebook is executed as nbgrader does it.
"""

import atexit
import contextlib
import functools
import re
import secrets
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.converters import Autograde
from nbgrader.preprocessors import Execute
from traitlets import Float, Unicode

from helpers import exercises, lessons, paths
from helpers.grade import Grader
from helpers.grading.judge import Rules
from helpers.grading.pages import Grade, clean, number
from helpers.grading.submissions import Submission
from helpers.grading.workers import Settings

POINTS = re.compile(r"(q\d+)-points")  # the grade_id of a check cell


class GradeBehindWalls(Execute):
    """Fills the check cells of a sheet with what the course's grader gives; executes other notebooks."""

    partial = Float(0.5, help="Share of the points for a named mistake or half of the cases.").tag(config=True)
    seed_file = Unicode("hidden_cases_seed", help="Where the secret seed of the hidden cases is kept.").tag(config=True)

    def preprocess(self, nb: Any, resources: Any, *more: Any, **options: Any) -> tuple[Any, Any]:
        """The notebook with its check cells filled, or executed."""
        where = resources["nbgrader"]
        known = sheet(where["assignment"], where["notebook"])
        if known is None:
            return super().preprocess(nb, resources, *more, **options)
        seed_file = Path(self.seed_file).resolve()
        grader = _grader(*known, Rules(_seed(seed_file), partial=self.partial), str(seed_file.parent))
        self.log.info(grader.protections())
        file = f"{where['notebook']}.ipynb"
        handed_in = Submission(where["student"], notebooks={file: lambda: nbformat.writes(nb).encode()})
        fill(nb, grader.grade(handed_in))
        return nb, resources


def preprocessors() -> list[type]:
    """nbgrader's own steps of autograding, with this one in the place of Execute."""
    usual = Autograde.class_traits()["autograde_preprocessors"].default()
    return [GradeBehindWalls if one is Execute else one for one in usual]


def sheet(assignment: str, notebook: str) -> tuple[str, str] | None:
    """Lesson and track of one of the course's sheets, such as 02_vae_pytorch/02_vae; None for any other notebook."""
    if notebook not in exercises.known_lessons():
        return None
    tracks = {
        f"{notebook}_{track}" if track in lessons.TRACKS else notebook: track for track in lessons.tracks(notebook)
    }
    return (notebook, tracks[assignment]) if assignment in tracks else None


def fill(nb: Any, grade: Grade) -> None:
    """Give every check cell its messages and, as its value, its points; a cell without a verdict gets an error: 0 points."""
    for cell in nb.cells:
        if not utils.is_grade(cell) or cell.cell_type != "code":
            continue
        match = POINTS.fullmatch(cell.metadata.nbgrader.grade_id)
        verdict = grade.verdicts.get(match[1]) if match else None
        cell.execution_count = None
        if verdict is None:
            text = (
                f"The grader knows nothing of {cell.metadata.nbgrader.grade_id}: was the sheet made by another release?"
            )
            cell.outputs = [new_output("error", ename="NotGraded", evalue=text, traceback=[text])]
            continue
        lines = [f"{verdict.state}, {number(verdict.points)} points", *verdict.messages, *grade.remarks]
        lines += ["Your code printed:", verdict.printed] if verdict.printed and verdict.state != "right" else []
        value = new_output("execute_result", {"text/plain": repr(float(verdict.points))})
        cell.outputs = [new_output("stream", text=clean("\n".join(lines)) + "\n"), value]


def _seed(file: Path) -> int:
    """The secret seed of this class, drawn at the first grading. Raises ValueError where the file holds no number."""
    if not file.is_file():
        paths.write_whole(file, f"{secrets.randbits(63)}\n")
    text = file.read_text(encoding="utf-8").strip()
    if not text.isdecimal():
        raise ValueError(f"{file} must hold the seed of the hidden cases, a whole number; it holds {text[:40]!r}")
    return int(text)


@functools.cache
def _grader(lesson: str, track: str, rules: Rules, folder: str) -> Grader:
    """One grader for all students of a sheet, which ends with this process. folder: of the class, hidden from their code."""
    grader = Grader(lesson, rules, Settings(hidden=(folder,)), track=track if track in lessons.TRACKS else "")
    with contextlib.ExitStack() as stack:
        stack.enter_context(grader)
        atexit.register(stack.pop_all().close)
    return grader
