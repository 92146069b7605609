"""The exercises in nbgrader's layout: whole, without answers for students, and graded by nbgrader as by the course's grader."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("resource", reason="the grader needs Linux or macOS")
import release
import release_nbgrader
import release_search
import release_student
from helpers import exercises, lessons
from helpers.grading import points as grading_points
from release_exercises import ReleaseError

LESSON, TRACK, SHEET = "02_vae", "pytorch", "02_vae_pytorch"
FROM_A_RUN = {"codes", "images_test", "images_train", "run", "y_test", "y_train"}  # what lesson 1's exercise 5 measures


def choice(*names, track=None):
    return release.chosen(names or None, track, True, True, None)


@pytest.fixture(scope="module")
def files():
    return release_nbgrader.files(choice())


def notebooks(files):
    return {
        path: nbformat.reads(data.decode(), as_version=4) for path, data in files.items() if path.endswith(".ipynb")
    }


def test_every_exercise_has_a_cell_for_its_answer_and_one_for_its_points(files):
    found = notebooks(files)
    wanted = [(lesson, track) for lesson in exercises.known_lessons() for track in lessons.tracks(lesson)]
    assert set(found) == {f"source/{release_nbgrader.assignment(*one)}/{one[0]}.ipynb" for one in wanted}
    for path, notebook in found.items():
        facts = {cell.metadata["nbgrader"]["grade_id"]: cell for cell in notebook.cells}
        assert len(facts) == len(notebook.cells), f"{path}: an id stands twice"
        declared = exercises.definitions(Path(path).stem)
        for qid, one in declared.items():
            answer, points = facts.pop(qid).metadata["nbgrader"], facts.pop(f"{qid}-points").metadata["nbgrader"]
            assert (answer["solution"], answer["grade"], answer["locked"]) == (True, False, False)
            assert (points["solution"], points["grade"], points["locked"]) == (False, True, True)
            assert points["points"] == one.points
        for grade_id, cell in facts.items():
            mark = cell.metadata["nbgrader"]
            assert mark["locked"] and not mark["grade"] | mark["solution"], f"{path}: {grade_id}"
        assert all(cell.metadata["nbgrader"]["schema_version"] == 3 for cell in notebook.cells)
        unknown = release_student.unknown_names(notebook)
        assert unknown == (FROM_A_RUN if "01_autoencoder" in path else set()), path


def test_no_sheet_trains_or_loads_data(files):
    for path, notebook in notebooks(files).items():
        code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.metadata["nbgrader"]["locked"]]
        for cell in code:
            assert not re.search(r"^\s*for |data\.load|runtime\.start|\.backward\(|\.fit\(", cell.source, re.M), path


def test_what_students_get_holds_no_solution(files):
    secrets, handed_out = release_search.secrets(), release_nbgrader.handed_out(files)
    assert len(handed_out) == len(notebooks(files))
    assert release_search.found_in(handed_out, secrets) == []
    assert len(release_search.found_in(files, secrets)) > 100  # the search can find them
    for path, notebook in notebooks(handed_out).items():
        stubs = release_student.build.make_notebook(Path(path).stem, notebook.metadata.course.track)
        known = {cell.id: cell.source for cell in stubs.cells}
        for cell in notebook.cells:
            assert "BEGIN" not in cell.source and "grading" not in cell.source.replace("before grading", "")
            if cell.metadata["nbgrader"]["solution"]:
                assert cell.source.strip() == known[cell.id].strip()


def test_points_in_a_kernel_follow_the_rules_of_the_grader(capsys):
    declared = exercises.definitions(LESSON)
    mistake = declared["q4"].mistakes[0].answer
    cases = {
        ("q1", declared["q1"].reference): 1,
        ("q1", declared["q1"].mistakes[0].answer): 0.5,
        ("q1", 12345.0): 0,
        ("q1", None): 0,
        ("q4", declared["q4"].reference): 2,
        ("q4", mistake): 1,
        ("q4", lambda weight, n_pixels, s2: None): 0,
        ("q4", lambda weight: 1): 0,
        ("q3", declared["q3"].reference): 3,
        ("q3", declared["q3"].mistakes[0].answer): 0,  # the bugs as they were handed out
    }
    for (qid, answer), points in cases.items():
        assert grading_points.earned(LESSON, qid, answer, "numpy") == points, qid
    assert "The factor ½ is missing" in capsys.readouterr().out
    assert grading_points.earned(LESSON, "q5", declared["q5"].right[0], "numpy") == 3
    assert grading_points.earned(LESSON, "q4", mistake, "numpy", partial=0) == 0
    with pytest.raises(exercises.UnknownExercise, match="no exercise 'q9'"):
        grading_points.earned(LESSON, "q9", 1, "numpy")


def test_what_is_right_only_for_the_cases_of_the_notebook_is_not_right():
    known = {tuple(case.values()): None for case in exercises.definitions(LESSON)["q4"].draw_cases()}

    def learnt(weight, n_pixels, s2):
        return n_pixels / (2 * s2 * weight) if (weight, n_pixels, s2) in known else 0.0

    assert exercises.exercise(LESSON, "q4", "numpy").evaluate(learnt).right
    assert grading_points.earned(LESSON, "q4", learnt, "numpy") == 1  # half of the cases


def test_requests_that_make_no_sense_are_refused(tmp_path, capsys):
    with pytest.raises(ReleaseError, match="nothing for nbgrader"):
        release_nbgrader.files(release_student.Choice(("p3_creatures",)))
    assert release.main(["--nbgrader", "--no-exercises", "--out", str(tmp_path / "out")]) == 1
    assert "give one of the two" in capsys.readouterr().err
    class_folder = tmp_path / "used" / "nbgrader"
    (class_folder / "source").mkdir(parents=True)
    assert not release_nbgrader.in_use(tmp_path / "used")
    (class_folder / "gradebook.db").touch()
    assert release.main(["--lessons", LESSON, "--out", str(tmp_path / "used")]) == 1
    assert "holds a class" in capsys.readouterr().err and (class_folder / "gradebook.db").exists()


# --- with nbgrader itself


def edited(notebook, answers, change=None):
    """A copy of a sheet with these answers, and with its cells changed."""
    copy = nbformat.from_dict(notebook)
    for cell in copy.cells:
        cell.source = answers.get(cell.metadata["nbgrader"]["grade_id"], cell.source)
    if change:
        change(copy)
    return copy


def _checks(notebook):
    return [cell for cell in notebook.cells if cell.metadata["nbgrader"]["grade"]]


def cheat(notebook):
    """Checks that always give the points of the largest."""
    for cell in _checks(notebook):
        cell.source, cell.metadata["nbgrader"]["points"] = "3.0", 3
        cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "3.0"})]


def delete_checks(notebook):
    gone = _checks(notebook)
    notebook.cells = [cell for cell in notebook.cells if cell not in gone]


def submissions(sheet):
    """Student → (what is handed in, the points that it must get)."""
    right = {qid: lessons.solution(LESSON, qid, TRACK) for qid in exercises.definitions(LESSON)}
    mistakes = {"q1": "kl_by_hand = 2.863", "q4": right["q4"].replace("(2 * s2", "(s2")}  # both without their ½
    patched = {"q1": "from helpers import exercises\nexercises.LessonExercise.check = lambda *a: None\nkl_by_hand = 7"}
    return {
        "right": (edited(sheet, right), 13),
        "half": (edited(sheet, {qid: right[qid] for qid in ("q1", "q3", "q5")}), 7),
        "mistaken": (edited(sheet, right | mistakes), 13 - 0.5 - 1),
        "edited": (edited(sheet, {"q4": right["q4"]}, cheat), 2),
        "deleted": (edited(sheet, right, delete_checks), 13),
        "patched": (edited(sheet, patched), 0),
        "empty": (edited(sheet, {}), 0),
    }


def nbgrader(folder, *arguments):
    """Run a command of nbgrader's in a class's folder."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    threads = {"OMP_NUM_THREADS": "1", "COURSE_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=os.environ | threads, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stderr


def hand_in(folder, student, notebook):
    path = folder / "submitted" / student / SHEET / f"{LESSON}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A class's folder after one round of nbgrader: sheets made, handed in, graded, exported."""
    pytest.importorskip("nbgrader")
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("class")
    for path, data in release_nbgrader.files(choice(LESSON, track=TRACK)).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    nbgrader(folder, "generate_assignment", SHEET)
    sheet = nbformat.read(folder / "release" / SHEET / f"{LESSON}.ipynb", as_version=4)
    handed_in = submissions(sheet)
    for student, (notebook, _) in handed_in.items():
        hand_in(folder, student, notebook)
    nbgrader(folder, "autograde", SHEET)
    config = (folder / "nbgrader_config.py").read_text(encoding="utf-8")
    usual = re.sub(r".*autograde_preprocessors.*\n", "", config)
    assert usual != config
    (folder / "nbgrader_config.py").write_text(usual, encoding="utf-8")
    hand_in(folder, "kernel", handed_in["mistaken"][0])  # as nbgrader grades without our step
    nbgrader(folder, "autograde", SHEET, "--student", "kernel")
    nbgrader(folder, "export")
    return folder


def test_nbgrader_gives_the_points_that_are_due(graded):
    with open(graded / "grades.csv", encoding="utf-8", newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    sheet = nbformat.read(graded / "release" / SHEET / f"{LESSON}.ipynb", as_version=4)
    due = {student: points for student, (_, points) in submissions(sheet).items()}
    assert {student: float(row["score"]) for student, row in rows.items()} == due | {"kernel": due["mistaken"]}
    assert {float(row["max_score"]) for row in rows.values()} == {13}


def test_nbgrader_hands_out_what_we_have_searched(graded):
    source = {path.relative_to(graded).as_posix(): path.read_bytes() for path in graded.glob(f"source/{SHEET}/*.ipynb")}
    (ours,) = notebooks(release_nbgrader.handed_out(source)).values()
    theirs = nbformat.read(graded / "release" / SHEET / f"{LESSON}.ipynb", as_version=4)
    assert [(cell.id, cell.source.strip()) for cell in theirs.cells] == [
        (cell.id, cell.source.strip()) for cell in ours.cells
    ]
    given = {path.relative_to(graded).as_posix(): path.read_bytes() for path in (graded / "release").rglob("*.ipynb")}
    assert given and release_search.found_in(given, release_search.secrets()) == []


def test_feedback_names_the_mistake(graded):
    notebook = nbformat.read(graded / "autograded" / "mistaken" / SHEET / f"{LESSON}.ipynb", as_version=4)
    (cell,) = [cell for cell in notebook.cells if cell.metadata["nbgrader"]["grade_id"] == "q1-points"]
    assert cell.outputs[0].text == "partly right, 0.5 points\nThe factor ½ of Eq. 1 is missing.\n"
    assert "earned(" in cell.source  # the whole check is back


def test_other_notebooks_of_the_class_are_executed(tmp_path):
    pytest.importorskip("nbgrader")
    from helpers.grading import nbgrader as grading_nbgrader

    mark = {"grade": True, "locked": True, "solution": False, "task": False, "grade_id": "q1-points", "points": 2}
    cell = nbformat.v4.new_code_cell("1 + 0.5", metadata={"nbgrader": mark | {"schema_version": 3}})
    notebook = nbformat.v4.new_notebook(cells=[cell])
    step = grading_nbgrader.GradeBehindWalls(seed_file=str(tmp_path / "seed"))
    where = {
        "nbgrader": {"assignment": "poems", "notebook": LESSON, "student": "ada"},
        "metadata": {"path": str(tmp_path)},
    }
    done, _ = step.preprocess(notebook, where)
    assert done.cells[0].outputs[0].data["text/plain"] == "1.5" and not (tmp_path / "seed").exists()
    assert grading_nbgrader.sheet(SHEET, LESSON) == (LESSON, TRACK)
    assert grading_nbgrader.sheet("00_start_here", "00_start_here") == ("00_start_here", "both")
    assert grading_nbgrader.sheet(SHEET, "01_autoencoder") is None and grading_nbgrader.sheet("x", "x") is None


def test_a_check_that_nobody_knows_earns_nothing_and_a_bad_seed_is_named(tmp_path):
    pytest.importorskip("nbgrader")
    from nbgrader.utils import determine_grade

    from helpers.grading import nbgrader as grading_nbgrader
    from helpers.grading.pages import Grade

    mark = {"grade": True, "locked": True, "solution": False, "task": False, "grade_id": "q9-points", "points": 2}
    cell = nbformat.v4.new_code_cell("", metadata={"nbgrader": mark | {"schema_version": 3}})
    grading_nbgrader.fill(nbformat.v4.new_notebook(cells=[cell]), Grade("ada", "", "ada", LESSON))
    assert determine_grade(cell) == (0, 2) and "another release" in cell.outputs[0].evalue
    (tmp_path / "seed").write_text("abc", encoding="utf-8")
    with pytest.raises(ValueError, match="a whole number; it holds 'abc'"):
        grading_nbgrader._seed(tmp_path / "seed")
    assert grading_nbgrader._seed(tmp_path / "new") == grading_nbgrader._seed(tmp_path / "new")
