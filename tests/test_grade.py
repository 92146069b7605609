"""The grader on a class of generated submissions: every score and every reason as expected, whatever the others do."""

import contextlib
import csv
import html
import json
import sys
import zipfile
from pathlib import Path

import grading_class
import pytest

pytest.importorskip("resource", reason="the grader needs Linux or macOS")
from helpers import grade, paths
from helpers.grading import notebook as grading_notebook
from helpers.grading import submissions as grading_submissions
from helpers.grading import watch
from helpers.grading.judge import Rules
from helpers.grading.workers import Settings

pytest.importorskip("torch")
QUICK = Settings(call_seconds=4.0, wall_seconds=20.0, reading_seconds=8.0)
PATIENT = Settings(call_seconds=30.0, wall_seconds=120.0)  # a framework traces and compiles on its first call
STUDENTS = {one.name: one for one in grading_class.everyone()}


def grader(settings=QUICK, lesson=grading_class.LESSON, **more):
    return grade.Grader(lesson, Rules(seed=7, **more), settings, jobs=2)


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The whole class, graded once: rows of the CSV and pages by student."""
    folder, out = tmp_path_factory.mktemp("class"), tmp_path_factory.mktemp("grades")
    for number, one in enumerate(STUDENTS.values()):
        (folder / f"{one.name}_{10_000 + number}_assignsubmission_file_").mkdir()
        (folder / f"{one.name}_{10_000 + number}_assignsubmission_file_" / "02_vae.ipynb").write_bytes(one.content)
    with grader() as working:
        grade.run(folder, out, working, quiet=True)
    rows = {row["student"]: row for row in csv.DictReader((out / "grades.csv").open(encoding="utf-8"))}
    return rows, {name: (out / row["page"]).read_text(encoding="utf-8") for name, row in rows.items()}


def test_the_class_is_complete(graded):
    rows, pages = graded
    assert set(rows) == set(STUDENTS) and len(rows) >= 30
    assert all(page.startswith("<!DOCTYPE html>") and "<html lang='en'>" in page for page in pages.values())


@pytest.mark.parametrize("name", STUDENTS)
def test_every_score_and_reason(graded, name):
    rows, pages = graded
    wanted, row, page = STUDENTS[name], rows[name], html.unescape(pages[name])
    for qid, points in wanted.points.items():
        assert points is None or float(row[qid]) == points, f"{qid}: {row[qid]}, not {points}\n{page}"
    for words in wanted.words:
        assert words.casefold() in page.casefold()
    if float(row["total"]) < 13:
        assert "class='message'" in pages[name] or "Remarks" in page  # a reason stands there


def test_formulas_and_tags_stay_text():
    from helpers.grading.pages import Grade, page, table

    exercises = grader().exercises
    evil = Grade("=cmd|' /C calc'!A0", "1", "evil", "02_vae", "<script>x</script>.ipynb", remarks=["@SUM(1)"])
    for qid in exercises:
        evil.verdicts[qid] = grade.Verdict("wrong", 0, ["<img src=x onerror=alert(1)>"])
    assert "\n'=cmd" in table([evil], exercises)
    assert "<script" not in page(evil, exercises, "t") and "<img" not in page(evil, exercises, "t")


def test_platforms_names_and_nested_archives(tmp_path):
    one = grading_class.content({})
    with zipfile.ZipFile(tmp_path / "inner.zip", "w") as inner:
        inner.writestr("work/02_vae.ipynb", one)
        inner.writestr("__MACOSX/submission/._02_vae.ipynb", b"x")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as outer:
        outer.writestr("Ada Love_123_assignsubmission_file_/02_vae.ipynb", one)
        outer.write(tmp_path / "inner.zip", "Bob B_124_assignsubmission_file_/work.zip")
        outer.writestr("carol_12345_67890_02_vae.ipynb", one)
        outer.writestr("dan_LATE_12346_67891_02_vae-1.ipynb", one)
        outer.writestr("dan_LATE_12346_67890_02_vae.ipynb", b"old")
        outer.writestr("eve_125_assignsubmission_file_/report.pdf", b"%PDF")
        outer.writestr("../../frank/02_vae.ipynb", one)
    found = {one.student: one for one in grading_submissions.find(tmp_path / "all.zip")}
    assert {"Ada Love", "Bob B", "carol", "dan", "eve"} <= set(found) and found["Ada Love"].id == "123"
    chosen = {name: grading_submissions.choose(one, "02_vae") for name, one in found.items()}
    assert chosen["Bob B"][1] == one and chosen["dan"][0].endswith("-1.ipynb") and chosen["eve"] is None
    assert all("/" not in one.key and ".." not in one.key for one in found.values())
    with pytest.raises(grading_submissions.NoSubmissions):
        grading_submissions.find(tmp_path / "nothing")


def test_only_what_an_answer_needs_is_run():
    released = grading_notebook.read(grading_class.content({}))
    made = grading_notebook.read(grading_class.content(grading_class.RIGHT))
    plan = grading_notebook.Reader(made, released).plan("q2")
    code = "\n".join(text for _, text in plan.cells)
    assert "import numpy as np" in code and "def kl_to_prior" in code and plan.answer == "kl_to_prior"
    assert "runtime.start" not in code and "class Encoder" not in code and ".check(" not in code


def test_an_answer_from_training_is_named(tmp_path):
    answers = {"q1": "kl_by_hand = None", "q4": grading_class.beta()}
    made = grading_class.notebook(answers)
    course = next(cell for cell in made["cells"] if "runtime.start(" in "".join(cell["source"]))
    name = next(
        line.split("=")[0].strip() for line in "".join(course["source"]).splitlines() if "runtime.start(" in line
    )
    answers["q1"] = f"kl_by_hand = {name}.seed"
    (tmp_path / "ada.ipynb").write_bytes(grading_class.content(answers))
    with grader() as working:
        (one,) = working.grade_all(grading_submissions.find(tmp_path))
    assert one.verdicts["q1"].points == 0 and f"needs {name}, which" in one.verdicts["q1"].messages[0]
    assert one.verdicts["q4"].points == 2


START = "00_start_here"


def scaled(by):
    code = f"def to_unit_range(images):\n    return (images / {by}).astype(np.float32)\n"
    return grading_class.content({"q1": "import numpy as np\n\n\n" + code}, "both", START)


def test_again_gives_the_same_and_only_new_work_is_done(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "ada.ipynb").write_bytes(scaled(256))
    (folder / "bob.ipynb").write_bytes(b"x")
    call = [str(folder), "--lesson", START, "--out", str(out), "--jobs", "1"]
    assert grade.main(call) == 0
    first, seed = (out / "grades.csv").read_text(), json.loads((out / "records" / "run.json").read_text())["seed"]
    assert "ada,,0.5," in first
    (out / "grades.csv").unlink()
    before = (out / "records" / "ada.json").stat().st_mtime_ns
    (folder / "carl.ipynb").write_bytes(scaled(255))
    assert grade.main(call) == 0
    assert (out / "records" / "ada.json").stat().st_mtime_ns == before
    assert json.loads((out / "records" / "run.json").read_text())["seed"] == seed
    assert set(first.splitlines()) < set((out / "grades.csv").read_text().splitlines())
    (folder / "bob.ipynb").write_bytes(scaled(255))
    assert grade.main([*call, "--partial", "0"]) == 0
    rows = {row["student"]: row for row in csv.DictReader((out / "grades.csv").open(encoding="utf-8"))}
    assert [rows[name]["total"] for name in ("ada", "bob", "carl")] == ["0", "1", "1"]
    assert not list(out.rglob("*.part"))


def test_a_change_of_any_part_of_the_grader_has_all_graded_anew():
    folder = paths.root() / "helpers"
    parts = {folder / "grade.py", *folder.rglob("grading/**/*.py")}
    assert len(parts) > 15 and parts <= set(grade._judging())


def test_a_stop_leaves_nothing_half_written(tmp_path, monkeypatch):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.ipynb").write_bytes(b"x")
    real, calls = grade.Grader.grade, []

    def stopping(self, submission):
        calls.append(submission)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(self, submission)

    monkeypatch.setattr(grade.Grader, "grade", stopping)
    call = [str(folder), "--lesson", START, "--out", str(out), "--jobs", "1"]
    assert grade.main(call) == 130 and not (out / "grades.csv").exists() and not list(out.rglob("*.part"))
    monkeypatch.setattr(grade.Grader, "grade", real)
    assert grade.main(call) == 0 and len((out / "grades.csv").read_text().splitlines()) == 4


def test_a_class_of_the_other_track():
    """TensorFlow: gradients, models and prints as in PyTorch; one worker process for all."""
    pytest.importorskip("tensorflow")
    from helpers import lessons

    right = {qid: lessons.solution("04_gan", qid, "tensorflow") for qid in ("q1", "q2", "q3", "q4", "q5", "q6")}
    leaking = right["q3"].replace("tf.stop_gradient(fake)", "fake")
    assert leaking != right["q3"]
    found = []
    with grade.Grader("04_gan", Rules(seed=7), PATIENT, jobs=1) as working:
        for q3 in (right["q3"], leaking):
            made = grading_class.content(right | {"q3": q3}, "tensorflow", "04_gan")
            found.append(
                working.grade(grading_submissions.Submission("ada", "", {"04_gan.ipynb": lambda made=made: made}))
            )
    assert [one.total for one in found] == [13, 11.5]
    assert "reaches G" in found[1].verdicts["q3"].messages[0]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_no_process_stays_behind(graded):
    """None of this process's, and none that nobody looks after; tests beside this one may have theirs."""
    left, own = [], watch.descendants()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if b"grading/zygote.py" in (folder / "cmdline").read_bytes() and (parent == 1 or int(folder.name) in own):
                left.append(folder.name)
    assert not left
