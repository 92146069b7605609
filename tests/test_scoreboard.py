"""The scoreboard: entries of front matter, numbers out of notebooks, the difference of the tracks, both tables."""

import json
import re

import nbformat
import pytest
from test_build import SOURCE, course  # noqa: F401  (a fixture)

import build
import scoreboard
import tables
import validate
from conftest import ROOT
from helpers import lessons

ENTRY = '  scoreboard: [{model: "a model", key: distance, reference: ruler}]\n---\n\n## First'
RECORDING = SOURCE.replace("---\n\n## First", ENTRY).replace(
    "print(answer())",
    'from helpers import runtime\nrun = runtime.start("01_try", track="pytorch")\n'
    'print("  loss  of my own")\nrun.record(distance=123456.789, floor=2.0, broken=float("inf"))',
)  # fmt: skip
PRINTED = (
    "Fréchet distance of 1,000 samples: 20.8\n  distance       20.84   target ≤ 25 and ≥ 0  ✔\n"
    "  floor         9.1e-05\n  words          many\n  target  5   of   7\n"
)


@pytest.fixture()
def ruler(monkeypatch):
    """One scale with one mark, in place of the course's own."""
    known = {"ruler": scoreboard.Reference("Ruler", "Metres.", (("the floor", "01_try", "floor"),))}
    monkeypatch.setattr(scoreboard, "REFERENCES", known)


@pytest.fixture()
def entered(course, ruler):  # noqa: F811
    """The small lesson with an entry; returns its source file."""
    course.write_text(RECORDING, encoding="utf-8")
    return course


def notebook_of(numbers=None, printed=PRINTED, profile="quick"):
    """A notebook that has run: with numbers in its metadata, or only with what was printed."""
    start = nbformat.v4.new_code_cell("run = runtime.start('01_try')")
    start.outputs = [
        nbformat.v4.new_output("stream", text=f"Lesson 01_try · X 1.0 on cpu · profile {profile} · seed 0\n")
    ]
    cell = nbformat.v4.new_code_cell("run.record(distance=distance)")
    cell.outputs = [nbformat.v4.new_output("stream", text=printed)]
    notebook = nbformat.v4.new_notebook(cells=[start, cell], metadata={"course": {"lesson": "01_try"}})
    if numbers is not None:
        notebook.metadata["course"]["numbers"] = {"profile": profile, "seed": 0, "values": numbers}
    return notebook


def save(track, notebook):
    path = lessons.notebook_file("01_try", track)
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def test_numbers_come_from_metadata_or_else_from_what_was_printed():
    assert scoreboard.recorded(notebook_of({"distance": 3.0})) == {"distance": 3.0}
    assert scoreboard.recorded(notebook_of()) == {"distance": 20.84, "floor": 9.1e-05}
    for numbers in (None, {"distance": 3.0}):
        assert scoreboard.recorded(notebook_of(numbers, profile="smoke")) == {}
    assert scoreboard.recorded(None) == {}
    silent = notebook_of()
    silent.cells[1].source = "print(distance)"
    assert scoreboard.recorded(silent) == {}


def test_a_run_puts_its_numbers_into_the_notebook_and_builds_keep_them(entered, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_BUILD", str(tmp_path / "build"))
    monkeypatch.setenv("PROFILE", "quick")
    old = tmp_path / "build" / "numbers" / "01_try.pytorch.quick.seed7.json"
    old.parent.mkdir(parents=True)
    old.write_text(json.dumps({"profile": "quick", "seed": 7, "numbers": {"distance": 1.0}}))
    build.execute_and_save("01_try", "pytorch", save=True)
    path = lessons.notebook_file("01_try", "pytorch")
    wanted = {"profile": "quick", "seed": 0, "values": {"distance": 123457.0, "floor": 2.0}}  # finite, six digits
    assert build.read(path).metadata["course"]["numbers"] == wanted
    entered.write_text(entered.read_text(encoding="utf-8").replace("here.", "there."), encoding="utf-8")
    build.build("01_try", "pytorch")
    assert build.read(path).metadata["course"]["numbers"] == wanted and build.check("01_try", "pytorch") == []
    del (stripped := build.read(path)).metadata["course"]["numbers"]
    assert scoreboard.recorded(stripped) == {"distance": 123500.0, "floor": 2.0, "broken": float("inf")}
    entered.write_text(entered.read_text(encoding="utf-8").replace("1 + 1", "1 + 2"), encoding="utf-8")
    build.build("01_try", "pytorch")  # other code: its numbers go with its outputs
    assert "numbers" not in build.read(path).metadata["course"]


@pytest.mark.parametrize(
    ("pytorch", "tensorflow", "difference", "note"),
    [
        (10.0, 11.0, "+10.0 %", ""),
        (10.0, 11.1, "+11.0 %", "apart"),
        (10.0, 8.9, "−11.0 %", "apart"),
        (10.0, None, "–", "not measured"),
        (0.0, 1.0, "–", ""),
        (-4.0, -3.0, "+25.0 %", "apart"),
    ],
)
def test_the_tracks_are_compared_in_percent(pytorch, tensorflow, difference, note):
    row = scoreboard.Row("01_try", "a model", "distance", {"pytorch": pytorch, "tensorflow": tensorflow})
    assert scoreboard.shown_difference(row) == difference and row.note() == note


def test_the_page_has_models_then_marks_and_links(entered):
    save("pytorch", notebook_of({"distance": 20.84444, "floor": 1.0}))
    save("tensorflow", notebook_of({"distance": 31.0, "floor": 1.0}))
    page = scoreboard.page(lessons.notebook_file("01_try", "pytorch").parent.parent)
    model, mark = page.splitlines()[-2:]
    assert page.startswith("## Ruler\n\nMetres.\n")
    links = "1: [PyTorch](pytorch/01_try.ipynb), [TensorFlow](tensorflow/01_try.ipynb)"
    assert model == f"| a model | {links} | 20.84 | 31 | +48.7 % | **apart** |"
    assert mark == f"| the floor | {links} | 1 | 1 | +0.0 % |  |"


def test_a_notebook_that_has_not_run_shows_dashes(entered):
    save("pytorch", notebook_of({"distance": 2.0, "floor": 1.0}))
    model = scoreboard.page(entered.parent).splitlines()[-2]
    assert model.endswith("| 2 | – | – | **not measured** |") and scoreboard.check() == []


def test_check_names_a_key_that_was_never_recorded(entered):
    save("tensorflow", notebook_of({"distance": 2.0}))
    assert scoreboard.check() == ["01_try tensorflow: the scoreboard's floor is not among the recorded numbers"]
    assert scoreboard.check()[0] in tables.check()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("[{model: a, key: b}]", "needs key, model, reference"),
        ("[{model: a, key: b, reference: yard}]", "unknown reference 'yard'.*known: ruler"),
        ("[{model: a, key: 3, reference: ruler}]", "needs key, model, reference"),
        ("[a]", "needs key, model, reference"),
        ("{model: a, key: b, reference: ruler}", "must be a list"),
    ],
)
def test_bad_entries_are_named(entered, entry, message):
    entered.write_text(re.sub(r"scoreboard: .*", f"scoreboard: {entry}", RECORDING), encoding="utf-8")
    with pytest.raises(lessons.LessonError, match=message):
        scoreboard.page(entered.parent)


def test_the_page_is_held_to_the_notebooks(entered):
    page = entered.parent.parent / scoreboard.PAGE
    page.write_text("Words.\n\n<!-- begin: scoreboard -->\n<!-- end: scoreboard -->\n", encoding="utf-8")
    save("pytorch", notebook_of({"distance": 2.0, "floor": 1.0}))
    tables.update()
    assert "| a model |" in page.read_text(encoding="utf-8") and tables.check() == []
    save("pytorch", notebook_of({"distance": 3.0, "floor": 1.0}))
    assert tables.check() == ["notebooks/SCOREBOARD.md: its tables are out of date: run python notebooks/build.py"]


def test_a_project_brings_its_own_scale_and_has_one_track(entered):
    source = lessons.source_folder() / "projects" / "p1_try.md"
    source.parent.mkdir()
    front = """---
lesson:
  number: 1
  kind: project
  tracks: [tensorflow]
  scale: {title: Cats, text: Whiskers., marks: [{mark: a real cat, key: floor}]}
  scoreboard: [{model: a drawn cat, key: distance, reference: p1_try}]
---
"""
    source.write_text(front, encoding="utf-8")
    lines = scoreboard.text({("p1_try", "tensorflow"): {"distance": 5.0, "floor": 1.0}}, "quick").splitlines()
    assert lines[1] == "cats: Whiskers."
    assert [line.split() for line in lines[3:]] == [
        ["p1", "a", "drawn", "cat", "–", "5", "–"],
        ["p1", "a", "real", "cat", "–", "1", "–"],
    ]
    page = scoreboard.page(lessons.source_folder().parent)
    assert "| a drawn cat | project 1: [TensorFlow](projects/p1_try.ipynb) | – | – | – | **not measured** |" in page
    source.write_text(front.replace("key: floor", "keys: floor"), encoding="utf-8")
    with pytest.raises(lessons.LessonError, match="p1_try: scale needs"):
        scoreboard.references()


def test_a_validation_prints_what_it_measured(entered):
    measured = {("01_try", "pytorch"): {"distance": 10.0, "floor": 1.0}, ("01_try", "tensorflow"): {"distance": 12.0}}
    lines = scoreboard.text(measured, "quick").splitlines()
    assert lines[:2] == ["scoreboard", "ruler: Metres."]
    assert lines[3].split() == ["01", "a", "model", "10", "12", "+20.0", "%", "apart"]
    assert lines[4].split() == ["01", "the", "floor", "1", "–", "–", "not", "measured"]
    assert "not comparable with quick" in scoreboard.text(measured, "smoke")
    assert scoreboard.text({("02_other", "pytorch"): {"distance": 1.0}}, "quick") == ""


def test_make_validate_prints_the_scoreboard_after_its_table(entered, monkeypatch, capsys):
    def measured(lesson, track, *_, **__):
        return validate.Result(
            lesson, track, numbers={"distance": {"pytorch": 1.0, "tensorflow": 2.0}[track], "floor": 1.0}
        )

    monkeypatch.setattr(validate, "run_one", measured)
    monkeypatch.setattr("sys.argv", ["validate.py", "--profile", "quick"])
    assert validate.main() == 0
    out = capsys.readouterr().out
    assert out.index("recorded numbers") < out.index("scoreboard\nruler: Metres.") < out.index("+100.0 %  apart")


def test_the_course_enters_its_models():
    found = {lesson: scoreboard.entries(lesson) for lesson in lessons.names()}
    assert [entry["reference"] for entry in found["02_vae"] + found["03_cvae"]] == ["digits", "digits"]
    marks = {lesson for reference in scoreboard.REFERENCES.values() for _, lesson, _ in reference.marks}
    assert marks <= set(lessons.names())
    for name in ("README.md", "notebooks/README.md"):
        assert "SCOREBOARD.md)" in (ROOT / name).read_text(encoding="utf-8")
