"""The grader on every lesson: solutions earn all points, empty notebooks none; answers from training; forged gradients.

All lessons of a track share their workers, so that the framework is loaded once. `bench_grade.py --solved` does all lessons in
both tracks.
"""

import json
import re
from dataclasses import replace

import grading_class
import pytest

pytest.importorskip("resource", reason="the grader needs Linux or macOS")
from helpers import grade, lessons
from helpers.grading import notebook as grading_notebook
from helpers.grading import remote as grading_remote
from helpers.grading.judge import Rules
from helpers.grading.submissions import Submission
from helpers.grading.workers import Settings

PATIENT = Settings(call_seconds=60.0, wall_seconds=240.0, reading_seconds=60.0)
IN_TENSORFLOW = [
    "03_cvae",
    "05_dcgan",
    "07_stylegan",
]  # every kind of exercise, a probe, pictures; test_grade.py has lesson 4


@pytest.fixture(scope="module", params=lessons.TRACKS)
def working(request):
    """A grader for all lessons of a track."""
    pytest.importorskip({"pytorch": "torch"}.get(request.param, request.param))
    with grade.Grader("02_vae", Rules(seed=7), PATIENT) as made:
        made.course = request.param
        yield made


@pytest.fixture
def graded(working):
    """Grade one exercise of a lesson: its verdict."""

    def graded(lesson, qid, code, cells=None, **settings):
        working.turn_to(lesson)
        working.exercises = {qid: working.exercises[qid]}
        made = grading_class.notebook({qid: code}, working.course, lesson)
        made["cells"] = [cell for cell in made["cells"] if cells is None or cells(cell)]
        usual, working.settings = working.settings, replace(working.settings, **settings)
        one = working.grade(Submission("ada", "", {f"{lesson}.ipynb": lambda: json.dumps(made).encode()}))
        working.settings = usual
        return one.verdicts[qid]

    return graded


def test_the_sample_has_every_kind():
    kinds = [{one.kind for one in grade.exercises.definitions(lesson).values()} for lesson in lessons.names()]
    assert set.union(*kinds) == set.union(*(kinds[lessons.names().index(one)] for one in IN_TENSORFLOW))


@pytest.mark.parametrize("lesson", [one for one in lessons.names() if lessons.tracks(one) == lessons.TRACKS])
def test_solutions_earn_all_and_empty_notebooks_nothing(working, lesson):
    if working.course == "tensorflow" and lesson not in IN_TENSORFLOW:
        return  # sampled; all of them: bench_grade.py --solved
    working.turn_to(lesson)
    full, empty = grading_class.solved(working, working.course)
    assert {qid: one.points for qid, one in full.verdicts.items()} == {
        qid: one.points for qid, one in working.exercises.items()
    }, full
    assert {one.state for one in empty.verdicts.values()} == {"not answered"} and empty.total == 0


# --- answers that training makes

START = re.compile(r"^(run = runtime\.start\(|from helpers import )", re.MULTILINE)


def short(cell):
    """Cells of a notebook that a test has time for: the run's start, imports, and exercise 1."""
    source, tags = "".join(cell["source"]), set(cell["metadata"].get("tags", []))
    return cell["cell_type"] == "code" and (START.search(source) or {"exercise", "q1"} <= tags)


def test_answers_from_training_are_graded_when_the_teacher_says_so(graded):
    code = "print(run.profile)\nkl_by_hand = 0 * run.seed + 1.432\n"
    without = graded("02_vae", "q1", code, short)
    assert (without.state, without.points) == ("no result", 0)
    assert "needs run, which" in without.messages[0] and "--run-training" in without.messages[0]
    verdict = graded("02_vae", "q1", code, short, profile="smoke")
    assert (verdict.state, verdict.points) == ("right", 1) and "PROFILE=smoke" in verdict.messages[-1]
    assert "profile smoke" in verdict.printed
    wrong = graded("02_vae", "q1", code.replace("1.432", "3"), short, profile="smoke")
    assert wrong.points == 0 and "PROFILE=smoke" in wrong.messages[-1]


def test_training_has_its_own_limit_of_time(graded):
    code = "while run:\n    pass\nkl_by_hand = 1.432\n"
    verdict = graded("02_vae", "q1", code, short, profile="smoke", training_seconds=6.0)
    assert verdict.points == 0 and "6 s" in verdict.messages[0]


def test_a_named_mistake_is_not_put_down_to_training(graded):
    code = "kl_by_hand = -1.432\n\n\ndef unused():\n    return run.seed\n"
    verdict = graded("02_vae", "q1", code, short)
    assert (verdict.state, verdict.points) == ("partly right", 0.5)


def test_a_whole_notebook_is_run_up_to_the_answer_without_its_checks():
    released = grading_notebook.read(grading_class.content({}, "pytorch", "01_autoencoder"))
    code = lessons.solution("01_autoencoder", "q5", "pytorch")
    made = grading_notebook.read(grading_class.content({"q5": code}, "pytorch", "01_autoencoder"))
    reader = grading_notebook.Reader(made, released)
    plan = reader.plan("q5")
    assert {"codes", "images_train", "run"} <= set(plan.left_out)
    cells = [text for _, text in reader.whole("q5", plan).cells]
    assert code.strip() == cells[-1].strip() and any("runtime.start(" in text for text in cells)
    assert not any(".check(" in text or "quiz.show(" in text or "run.record(" in text for text in cells)


# --- gradients

FORGED = """
import sys
from helpers import exercise_models
forged = lambda *_: [[None, np.ones((3, 1))], [np.ones((2, 3)), None]]
exercise_models.gradients_of_game = forged
for module in list(sys.modules.values()):
    if isinstance(getattr(module, "PROBES", None), dict):
        module.PROBES["gradients_of_game"] = forged

"""


def test_forged_gradients_are_found_out(graded, working, monkeypatch):
    """The probe runs beside the student's code, which replaces it; the grader compares what comes back."""
    right = lessons.solution("04_gan", "q3", working.course)
    stops = {"pytorch": "fake.detach()", "tensorflow": "tf.stop_gradient(fake)"}[working.course]
    leaking = right.replace(stops, "fake")
    assert graded("04_gan", "q3", right).points == 3 and graded("04_gan", "q3", leaking).points == 1.5
    found = graded("04_gan", "q3", FORGED + leaking)
    assert found.points == 1.5 and "not their derivatives" in found.messages[0]
    monkeypatch.setattr(grading_remote, "_are_derivatives", lambda *_: True)
    assert graded("04_gan", "q3", FORGED + leaking).points == 3


@pytest.mark.parametrize(("found", "fits"), [(None, True), (0.0, True), (2.01, True), (2.1, False), ("x", False)])
def test_a_gradient_flows_as_the_value_says_or_not_at_all(found, fits):
    import numpy as np

    assert grading_remote._are_derivatives([found], [np.array(2.0)]) is fits
    assert not grading_remote._are_derivatives([], [np.array(2.0)])
