"""A student installs the unpacked release in a fresh environment and runs a whole lesson in it, unsolved and then solved.

The packages of this environment are seen through the fresh one, so that nothing is downloaded; pip still holds every
requirement against them and builds the course's own package from the release.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest

import release_student
from helpers import lessons
from release_files import from_zip, zipped
from release_student import Choice

LESSON = "02_vae"
pytestmark = pytest.mark.skipif(
    shutil.which("make") is None, reason="no make on this machine; START.md has the commands without it"
)


def command(folder, *words, **settings):
    """Run one of START.md's commands in `folder` as a student who has nothing else; gives what it prints."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COURSE_", "JUPYTER"))
    }
    environment |= {"HOME": str(folder.parent), "TF_CPP_MIN_LOG_LEVEL": "2"} | settings
    if (
        int(version("setuptools").partition(".")[0]) >= 77
    ):  # what the build needs is here: nothing is looked for elsewhere
        environment |= {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    done = subprocess.run([*map(str, words)], cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The unpacked students' release of one lesson, with an environment that sees this one's packages but not its course."""
    top = tmp_path_factory.mktemp("student")
    for path, data in from_zip(zipped(release_student.files(Choice(("00_start_here", LESSON))), "course")).items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_bytes(data)
    folder = top / "course"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    (own,) = (folder / ".venv").glob("lib/python*/site-packages")
    (own / "shared.pth").write_text(f"import sys; sys.path.insert(0, {sysconfig.get_path('purelib')!r})\n")
    return folder


def solved_below_each_check(notebook, track):
    """The student's notebook in which every check is followed by the course's own answer and the same check."""
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        called = re.findall(r"\bq(\d+)\.check\(", cell.source) if cell.cell_type == "code" else []
        for number in called:
            cells.append(nbformat.v4.new_code_cell(lessons.solution(LESSON, f"q{number}", track)))
            cells.append(nbformat.v4.new_code_cell(cell.source))
    notebook.cells = cells


def text_of(cell):
    """All that a cell printed or gave."""
    return "".join(one.get("text", "") or one.get("data", {}).get("text/plain", "") for one in cell.outputs)


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_a_student_runs_a_whole_lesson(track, course):
    file = course / "notebooks" / track / f"{LESSON}.ipynb"
    notebook = nbformat.read(file, 4)
    solved_below_each_check(notebook, track)
    nbformat.write(notebook, file)
    command(course, "make", "run", f"LESSON={LESSON}", f"TRACK={track}", f"PYTHON={sys.executable}", PROFILE="smoke")
    where = command(course.parent, course / ".venv" / "bin" / "python", "-c", "import helpers; print(helpers.__file__)")
    assert Path(where.strip()) == course / "helpers" / "__init__.py"

    done = nbformat.read(course / "build" / "runs" / f"{LESSON}.ipynb", 4)
    code = [cell for cell in done.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code if cell.source.strip())
    assert not [one for cell in code for one in cell.outputs if one.output_type == "error"]
    checks = [text_of(cell) for cell in code if ".check(" in cell.source]
    unsolved, solved = checks[::2], checks[1::2]
    assert len(unsolved) == len(solved) == 6
    for number, (before, after) in enumerate(zip(unsolved, solved, strict=True), 1):
        assert f"q{number}: not answered yet" in before and f"q{number}.hint()" in before, before
        assert after.startswith(f"✔ q{number}: right"), after
    shown = [cell for cell in code if "quiz.show(" in cell.source]
    assert len(shown) == 2 and all("course-quiz" in cell.outputs[0].data["text/html"] for cell in shown)


def test_start_names_only_commands_that_are_there(course):
    text = (course / "START.md").read_text(encoding="utf-8")
    makefile = (course / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^(\w+):", makefile, re.M))
    named = set(re.findall(r"\bmake (\w+)", text))
    assert named == {"lab", "run"} <= targets
    first = re.search(r"-m jupyterlab (\S+)", text)[1]
    assert (course / first).is_file() and f"-m jupyterlab {first}" in makefile
