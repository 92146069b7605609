"""Notebooks are made from their sources, one way, with stable ids and outputs that stay while the code does."""

import re
import subprocess
import sys

import nbformat
import pytest

import build
import tables
from conftest import ROOT
from helpers import lessons

SOURCE = """---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
lesson:
  number: 1
  slug: 01_try
  title: A try
  promise: It works.
  minutes: 5
  objectives: [{id: a, text: do it, met_by: [q1]}]
  data: {smoke: x, quick: x, full: x}
  budgets: {smoke: {seconds: 60, gb: 3}, quick: {seconds: 120, gb: 3}, full: {seconds: 600, gb: 8}}
---

## First part

Use ⟦`nn.Module`|`keras.Model`⟧ here.

```{code-cell} ipython3
:tags: [check-output]
print(1 + 1)
```

```{code-cell} ipython3
:tags: [pytorch, definitions]
def double(x):
    return x * 2
```

```{code-cell} ipython3
:tags: [tensorflow, definitions]
def double(x):
    return 2 * x
```

+++ {"tags": ["tensorflow"]}

Only TensorFlow reads this.

+++

## Second part

```{code-cell} ipython3
:tags: [exercise, q1]
def answer():
    ...
```

```{code-cell} ipython3
:tags: [solution, q1]
def answer():
    return 42
```

```{code-cell} ipython3
print(answer())
```
"""


@pytest.fixture()
def course(tmp_path, monkeypatch):
    """A course with one small lesson in a temporary folder; returns its source file."""
    folder = tmp_path / "notebooks" / "source"
    folder.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.course]\nrepository = ""\nbranch = "main"\n')
    (folder / "01_try.md").write_text(SOURCE, encoding="utf-8")
    monkeypatch.setattr(build.paths, "root", lambda: tmp_path)
    return folder / "01_try.md"


def by_id(notebook):
    return {cell.id: cell for cell in notebook.cells}


def test_each_track_holds_its_own_and_the_shared_cells(course):
    torch, keras = build.make_notebook("01_try", "pytorch"), build.make_notebook("01_try", "tensorflow")
    assert "`nn.Module`" in by_id(torch)["first-part-1"].source
    assert "`keras.Model`" in by_id(keras)["first-part-1"].source
    assert "x * 2" in by_id(torch)["first-part-3"].source and "first-part-4" not in by_id(torch)
    assert "2 * x" in by_id(keras)["first-part-4"].source and "Only TensorFlow" in by_id(keras)["first-part-5"].source
    assert by_id(torch)["second-part-2"].source == by_id(keras)["second-part-2"].source


def test_tags_become_what_nbval_knows(course):
    cell = by_id(build.make_notebook("01_try", "pytorch"))["first-part-2"]
    assert cell.metadata["tags"] == ["nbval-check-output"]


def test_students_get_the_stub_and_the_solved_edition_the_solution(course):
    student, solved = (build.make_notebook("01_try", "pytorch", solved=s) for s in (False, True))
    assert "42" not in build.to_text(student)
    assert "return 42" in by_id(solved)["second-part-2"].source
    assert [c.id for c in student.cells] == [c.id for c in solved.cells]


def test_ids_elsewhere_stay_when_a_cell_is_added(course):
    before = [c.id for c in build.make_notebook("01_try", "pytorch").cells]
    text = course.read_text(encoding="utf-8")
    added = "More prose.\n\n+++\n\nAnd more.\n\n```{code-cell} ipython3\nprint(0)\n```\n\n## Second part"
    course.write_text(text.replace("## Second part", added), encoding="utf-8")
    after = [c.id for c in build.make_notebook("01_try", "pytorch").cells]
    assert set(before) <= set(after) and len(after) > len(before)


def test_building_twice_gives_the_same_bytes(course):
    build.build("01_try", "pytorch")
    path = lessons.notebook_file("01_try", "pytorch")
    first = path.read_bytes()
    build.build("01_try", "pytorch")
    assert path.read_bytes() == first


def executed(lesson, track):
    """Execute for real and save, as `--execute` does."""
    build.execute_and_save(lesson, track, save=True)
    return build.read(lessons.notebook_file(lesson, track))


def test_outputs_stay_with_unchanged_code_only(course):
    assert by_id(executed("01_try", "pytorch"))["first-part-2"].outputs[0].text == "2\n"
    course.write_text(course.read_text(encoding="utf-8").replace("here.", "there."), encoding="utf-8")
    build.build("01_try", "pytorch")
    kept = build.read(lessons.notebook_file("01_try", "pytorch"))
    assert "there." in by_id(kept)["first-part-1"].source and by_id(kept)["first-part-2"].outputs
    course.write_text(course.read_text(encoding="utf-8").replace("1 + 1", "1 + 2"), encoding="utf-8")
    build.build("01_try", "pytorch")
    assert not by_id(build.read(lessons.notebook_file("01_try", "pytorch")))["first-part-2"].outputs


PUBLIC = '[tool.course]\nrepository = "https://github.com/someone/course"\nbranch = "main"\n'


def test_outputs_stay_when_the_public_address_changes(course, tmp_path):
    executed("01_try", "pytorch")
    (tmp_path / "pyproject.toml").write_text(PUBLIC, encoding="utf-8")
    build.build("01_try", "pytorch")
    kept = by_id(build.read(lessons.notebook_file("01_try", "pytorch")))
    assert "git clone" in kept["bootstrap"].source and kept["first-part-2"].outputs[0].text == "2\n"


def test_check_names_what_differs(course):
    assert "missing" in build.check("01_try", "pytorch")[0]
    build.build("01_try", "pytorch")
    assert "outputs" in build.check("01_try", "pytorch")[0]
    executed("01_try", "pytorch")
    assert build.check("01_try", "pytorch") == []
    course.write_text(course.read_text(encoding="utf-8").replace("here.", "there."), encoding="utf-8")
    assert "first-part-1" in build.check("01_try", "pytorch")[0]


def test_a_failing_cell_is_named_and_the_old_notebook_stays(course):
    import execute

    executed("01_try", "pytorch")
    path = lessons.notebook_file("01_try", "pytorch")
    before = path.read_bytes()
    course.write_text(course.read_text(encoding="utf-8").replace("1 + 1", "1 / 0"), encoding="utf-8")
    with pytest.raises(execute.RunFailed, match=r"first-part-2.*ZeroDivisionError"):
        executed("01_try", "pytorch")
    assert path.read_bytes() == before and not list(path.parent.glob(".*"))


def test_definitions_are_importable_in_both_tracks(course):
    for track in lessons.TRACKS:
        build.build("01_try", track)
        assert lessons.definitions("01_try", track).double(21) == 42


def test_badge_only_with_a_public_address(course, tmp_path):
    assert "colab" not in build.to_text(build.make_notebook("01_try", "pytorch")).lower()
    (tmp_path / "pyproject.toml").write_text(PUBLIC, encoding="utf-8")
    notebook = build.make_notebook("01_try", "pytorch")
    assert "github/someone/course/blob/main/notebooks/pytorch/01_try.ipynb" in by_id(notebook)["title"].source
    assert "git clone --depth 1 https://github.com/someone/course" in by_id(notebook)["bootstrap"].source


@pytest.mark.parametrize(
    ("wrong", "words"),
    [("no front matter", "must begin"), ("---\nlesson: [\n---\n", "not valid YAML"), ("---\na: 1\n---\n", "lesson:")],
)
def test_broken_front_matter_is_named(course, wrong, words):
    course.write_text(wrong, encoding="utf-8")
    with pytest.raises(lessons.LessonError, match=words):
        lessons.front_matter("01_try")


def test_unknown_lesson_is_named():
    done = subprocess.run([sys.executable, "notebooks/execute.py", "77_none"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1 and "01_autoencoder" in done.stderr and "Traceback" not in done.stderr


def test_ids_are_valid_for_every_lesson():
    for lesson in lessons.everything():
        ids = list(build.cell_ids(lesson).values())
        assert len(ids) == len(set(ids)) and all(re.fullmatch(r"[a-z0-9-]{1,64}", one) for one in ids)
        for track in lessons.tracks(lesson):
            nbformat.validate(build.make_notebook(lesson, track))


@pytest.mark.parametrize(
    ("lesson", "end"), [("06_cyclegan", "lesson 6, CycleGAN"), ("01_autoencoder", "lesson 1, autoencoders")]
)
def test_a_link_starts_small_but_for_names(lesson, end):
    assert f"[{end}]" in tables.notebook_link(lesson, "pytorch", ROOT / "notebooks")


def test_a_link_to_a_lesson_keeps_the_capitals_of_names():
    link = tables.notebook_link("03_cvae", "pytorch", ROOT / "notebooks" / "tensorflow")
    assert link == "[lesson 3, the conditional VAE](../pytorch/03_cvae.ipynb)"
