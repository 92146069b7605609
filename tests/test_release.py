"""A release for students holds no solution, works by itself, and replaces an earlier one only when it is whole."""

import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
from setuptools import find_packages

import release
import release_instructor
import release_search
import release_student
from conftest import ROOT
from helpers import lessons, quiz, quiz_show
from release_exercises import ReleaseError
from release_files import from_folder, from_zip, linked, publish, with_links_to, zipped
from release_student import Choice

LINE = "    return n_pixels / (2 * s2 * weight)  # lesson 2, exercise 4"


@pytest.fixture(scope="module")
def student():
    """The students' edition of the whole course, as files by path."""
    return release_student.files(Choice(tuple(lessons.names())))


@pytest.fixture(scope="module")
def secrets():
    """What the search looks for."""
    return release_search.secrets()


@pytest.fixture(scope="module")
def unpacked(student, tmp_path_factory):
    """The folder that the students' zip unpacks to."""
    folder = tmp_path_factory.mktemp("unpacked")
    for path, data in from_zip(zipped(student, "course")).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder / "course"


# --- no solutions


def test_no_solution_is_in_any_file_of_the_zip(student, secrets):
    archive = zipped(student, "course")
    assert from_zip(archive) == {f"course/{path}": data for path, data in student.items()}
    assert release_search.found_in({"student.zip": archive}, secrets) == []


def test_every_solution_is_looked_for(secrets):
    """The start notebook's is an expression that the library has as well."""
    for lesson in lessons.names()[1:]:
        for track in lessons.tracks(lesson):
            for cell in lessons.cells(lesson, track):
                if "solution" in cell["tags"]:
                    assert set(release_search.code_lines(cell["source"])) & set(secrets), cell["source"]


def test_answers_among_the_declarations_are_looked_for(secrets):
    wanted = {  # a reference, a right answer in a track's own code, a mistake, and what they call
        "def f():\n    return r * t * p / (r * p + q)": "lesson_04_gan.py, best_judge",
        "def f():\n    return own - basis @ (basis.T @ own)": "stylegan_directions.py, direction",
        "def f():\n    return (slopes.flatten(1).norm(dim=1) - 1).square().mean()": "stylegan_penalty.py, _in_torch",
    }
    for code, origin in wanted.items():
        (line,) = release_search.code_lines(code)
        assert line in secrets and (origin in secrets[line] or "solution cell" in secrets[line])


def _cell(kind):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("text"), nbformat.v4.new_code_cell("1")])
    if kind == "cell":
        notebook.cells[0].source = f"Look:\n\n```python\n{LINE}\n```"
    elif kind == "cell metadata":
        notebook.cells[1].metadata["note"] = LINE
    elif kind == "notebook metadata":
        notebook.metadata["course"] = {"solutions": {"q4": [LINE]}}
    elif kind == "output":
        notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text=f"# Solution\n{LINE}\n")]
    return nbformat.writes(notebook).encode()


@pytest.mark.parametrize(
    ("path", "data"),
    [
        *(
            (f"notebooks/{kind}.ipynb", _cell(kind))
            for kind in ("cell", "cell metadata", "notebook metadata", "output")
        ),
        ("helpers/runtime.py", f"# {LINE}\n".encode()),
        ("helpers/two.py", b"def equivalent_beta(w):\n    return n_pixels/( 2*s2 *weight )\n"),
        ("helpers/exercise_sets/lesson_02_vae.json", json.dumps([{"hints": [LINE]}]).encode()),
        ("START.md", LINE.encode()),
        ("inner.zip", zipped({"deep/inner.txt": LINE.encode()}, "a")),
    ],
)
def test_a_planted_solution_is_found(path, data, student, secrets):
    around = {name: student[name] for name in ("START.md", "notebooks/00_start_here.ipynb")}
    assert release_search.found_in(around, secrets) == []
    found = release_search.found_in(around | {path: data}, secrets)
    assert found and all(path in text and "n_pixels/(2*s2*weight)" in text for text in found)


def test_a_build_with_a_solution_in_it_is_refused(tmp_path, monkeypatch, secrets, capsys):
    files = {"START.md": LINE.encode()}
    monkeypatch.setattr(release_student, "files", lambda choice: files)
    monkeypatch.setattr(release_search, "secrets", lambda: secrets)
    assert release.main(["--out", str(tmp_path / "out")]) == 1
    assert "would hold solutions" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_nothing_for_instructors_is_in_it(student):
    kept_back = ("grade", "grading", "build", "test_", "release")
    assert not [path for path in student if any(part.startswith(kept_back) for part in Path(path).parts)]
    assert "helpers/README.md" not in student  # it names what students don't get
    assert not [
        path for path in student if path.startswith(("notebooks/source", "tests", ".")) or path.endswith(".pyc")
    ]
    for path in student:
        if path.endswith(".ipynb"):
            notebook = nbformat.reads(student[path].decode(), 4)
            nbformat.validate(notebook)
            cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
            assert not any(cell.outputs or cell.execution_count for cell in cells)
            assert not any("solution" in cell.metadata.get("tags", []) for cell in cells)


# --- it works by itself


def test_a_student_can_use_it(unpacked):
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "release_smoke.py", unpacked],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "MPLBACKEND": "Agg", "HOME": str(unpacked.parent)},
    )
    assert done.returncode == 0, done.stderr
    for text in (
        "· q1: not answered yet",
        "✔ q1: right (1 point).",
        "Hint 1 of 2",
        "Quiz before the lesson",
        "· q6: not answered",
        "this copy holds only the notebooks",
    ):
        assert text in done.stdout


def test_links_lead_to_files_that_are_there(student):
    for path, data in student.items():
        if path.endswith(".ipynb"):
            texts = [cell.source for cell in nbformat.reads(data.decode(), 4).cells if cell.cell_type == "markdown"]
            folder = path.rpartition("/")[0]
        elif path == "START.md":
            texts, folder = [data.decode()], ""
        else:
            continue
        for text in texts:
            assert text == with_links_to(text, folder, student)
    assert "images/02_vae.svg" in student and b"02_vae.svg" in student["images/SOURCES.md"]


def test_a_link_out_of_the_release_becomes_text():
    text = "[a](b.ipynb) and [c](../d.md#e), `x[i](j)`, [web](https://example.org), ![p](../images/p.svg)\n```\n[f](g)\n```"
    shown = "a and [c](../d.md#e), `x[i](j)`, [web](https://example.org), p\n```\n[f](g)\n```"
    assert with_links_to(text, "notebooks", {"d.md"}) == shown
    assert linked(text) == ["b.ipynb", "../d.md#e", "https://example.org", "../images/p.svg"]


def test_it_installs_what_lessons_need(student, unpacked):
    settings = tomllib.loads(student["pyproject.toml"].decode())
    assert settings["project"]["readme"] == "START.md" and "ruff" not in settings["tool"]
    wanted = settings["tool"]["setuptools"]["packages"]["find"]["include"]
    for root in (unpacked, ROOT):  # without the grader, and with it
        folders = {file.relative_to(root).parent for file in root.glob("helpers/**/*.py")}
        assert set(find_packages(root, include=wanted)) == {".".join(folder.parts) for folder in folders}
    needed = student["requirements.txt"].decode()
    assert "torch>=" in needed and "pytest" not in needed and "text2qti" not in needed
    assert not [
        line
        for line, after in zip(needed.splitlines(), needed.splitlines()[1:], strict=False)
        if line.startswith("# ---") and after.startswith("# ---")
    ]
    assert not needed.splitlines()[-1].startswith("#")


def test_front_matter_comes_from_the_release(student, tmp_path, monkeypatch):
    file = tmp_path / "notebooks" / "lessons.json"
    file.parent.mkdir()
    file.write_bytes(student["notebooks/lessons.json"])
    monkeypatch.setattr(lessons.paths, "root", lambda: tmp_path)
    assert lessons.front_matter("02_vae")["thresholds"] and lessons.tracks("00_start_here") == ("both",)
    with pytest.raises(lessons.LessonError, match="no lesson '77_x' in this copy; there are: 00_start_here, 01"):
        lessons.front_matter("77_x")


# --- options


def test_one_lesson_in_one_track():
    files = release_student.files(release.chosen(["03_cvae"], "tensorflow", True, True, None))
    books = [path for path in files if path.endswith(".ipynb")]
    assert books == ["notebooks/00_start_here.ipynb", "notebooks/tensorflow/03_cvae.ipynb"]
    assert {"quizzes/03_cvae.yaml", "helpers/exercise_sets/lesson_03_cvae.npz"} <= set(files)
    assert "quizzes/02_vae.yaml" not in files and "helpers/exercise_sets/lesson_02_vae.py" not in files
    assert "pytorch" not in files["START.md"].decode().lower() and "02_vae.ipynb](" not in files[books[1]].decode()


def test_without_exercises():
    files = release_student.files(Choice(tuple(lessons.names()), exercises=False))
    assert [path for path in files if "exercise_sets" in path] == ["helpers/exercise_sets/__init__.py"]
    for path in (path for path in files if path.endswith(".ipynb")):
        notebook = nbformat.reads(files[path].decode(), 4)
        assert "exercise(" not in files[path].decode() and len(notebook.cells) >= 10
        assert release_student.unknown_names(notebook) == set(), path
    assert "## Exercises" not in files["START.md"].decode()


def test_unknown_names_are_seen():
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("import os\nx = [i for i in y]\ndef f(a): return a + z")]
    )
    assert release_student.unknown_names(notebook) == {"y", "z"}


def test_quizzes_without_key(tmp_path, capsys):
    files = release_student.quizzes(Choice(tuple(lessons.names()), quiz_key=False))
    for path, data in files.items():
        (tmp_path / Path(path).name).write_bytes(data)
    for lesson in lessons.names():
        text = (tmp_path / f"{lesson}.yaml").read_text(encoding="utf-8")
        assert not [word for word in ("feedback:", "correct:", "otherwise:", "wrong:", "answer:") if word in text]
        full, bare = quiz.load(lesson), quiz.load(lesson, tmp_path)
        feedback = [answer["feedback"] for answer in full["before"][0].get("answers", [])]
        for part in ("before", "after"):
            shown = quiz_show.page(bare, part)
            assert "script" not in shown and all(quiz_show._markup(q["question"]) in shown for q in full[part])
            assert not [one for one in feedback if quiz_show._markup(one) in shown]
            assert "holds no answers" in quiz_show.plain_text(bare, part)
    assert quiz.problems("02_vae", tmp_path) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--lessons", "02_vae", "09_none"], "no lesson '09_none'; there are: 00_start_here"),
        (["--track", "jax"], "no track 'jax'; there are: pytorch, tensorflow"),
        (["--variant", "-1"], "--variant is a whole number"),
    ],
)
def test_a_wrong_option_is_one_clear_error(options, words, tmp_path, capsys):
    assert release.main([*options, "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr()
    assert words in said.err and len(said.err.splitlines()) == 1 and not said.out and not (tmp_path / "out").exists()


# --- whole or not at all, and always the same


def test_an_interrupted_build_leaves_the_earlier_release(tmp_path, monkeypatch):
    out = tmp_path / "release"
    publish({"student": {"a.txt": b"1", "b/c.txt": b"2"}}, out)
    before = from_folder(out)
    assert from_zip(before["student.zip"]) == {
        "pixels-from-noise-student/a.txt": b"1",
        "pixels-from-noise-student/b/c.txt": b"2",
    }
    write, count = Path.write_bytes, []

    def failing(self, data):
        count.append(self)
        if len(count) == 2:
            raise KeyboardInterrupt
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", failing)
    with pytest.raises(KeyboardInterrupt):
        publish({"student": {"a.txt": b"9", "d.txt": b"9"}}, out)
    assert from_folder(out) == before and [path.name for path in tmp_path.iterdir()] == ["release"]


def test_a_build_stopped_while_it_changes_places_is_mended(tmp_path):
    out = tmp_path / "release"
    publish({"student": {"a.txt": b"1"}}, out)
    out.rename(tmp_path / ".release.old")
    with pytest.raises(TypeError):
        publish({"student": {"a.txt": None}}, out)
    assert (out / "student" / "a.txt").read_bytes() == b"1" and [path.name for path in tmp_path.iterdir()] == [
        "release"
    ]


def test_no_other_folder_is_replaced(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ReleaseError, match="holds other things"):
        publish({"student": {"a.txt": b"1"}}, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_two_builds_give_the_same_bytes():
    """One here, one in a process with another order of sets and a clock that is a day ahead."""
    choice = Choice(("02_vae",), "pytorch", variant=3)
    here = [
        hashlib.sha256(zipped(edition.files(choice), "x")).hexdigest()
        for edition in (release_student, release_instructor)
    ]
    code = """if True:
        import hashlib, sys; sys.path.insert(0, "notebooks")
        import release_instructor, release_student
        from release_files import zipped
        choice = release_student.Choice(("02_vae",), "pytorch", variant=3)
        for edition in (release_student, release_instructor):
            print(hashlib.sha256(zipped(edition.files(choice), "x")).hexdigest())"""
    environment = {"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": "2", "TZ": "UTC-24"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == here


def test_the_search_reads_code_as_code():
    code = """import os
def f(a):
    '''return a * 2 + 17 + 3'''
    result = a * 22 + 17  # note
    return result

x = {
    "level": [1, 2],
}
"""
    assert list(release_search.code_lines(code)) == ["result=a*22+17", '"level":[1,2],']
