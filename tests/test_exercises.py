"""What a student sees of an exercise, and what an author sees of a faulty declaration."""

import contextlib
import io
import subprocess
import sys

import pytest
from exercise_examples import MISTAKES, kl, make, refused
from exercise_testing import definition_problems

from helpers import exercises, lessons, runtime
from helpers.exercise_tensors import guess_track
from helpers.exercises import ByTrack, DefinitionError, Mistake, Wrong


def stub(mu, logvar): ...


def raises(mu, logvar):
    raise ValueError("on purpose")


class StubClass: ...


# --- declarations ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "easy"}, "kind is 'easy'"),
        ({"arrays": "list"}, "arrays is"),
        ({"reference": None, "inputs": None}, "needs a reference or verify="),
        ({"inputs": None}, "needs inputs="),
        ({"reference": 3}, "needs a reference function"),
    ],
)
def test_a_faulty_declaration_says_what_to_change(changes, words):
    with pytest.raises(DefinitionError, match=words):
        make(**changes)


def test_a_check_that_breaks_is_reported_not_raised():
    broken = make(inputs=lambda rng: 1 / 0)
    refused(kl, "a fault of the course", broken)


def test_the_declarations_test_finds_what_is_wrong():
    def problems(**changes):
        return "\n".join(definition_problems(make(**changes)))

    assert problems() == ""
    assert "two hints" in problems(hints=["one"])
    assert "three mistakes" in problems(mistakes=MISTAKES[:2])
    assert "what the reference gives" in problems(mistakes=[*MISTAKES, Mistake(kl, "is right")])
    twin = Mistake(MISTAKES[1].answer, "never reached")
    assert "another message" in problems(mistakes=[*MISTAKES, twin])
    assert "share one message" in problems(mistakes=[*MISTAKES, Mistake(lambda m, v: m, MISTAKES[0].message)])
    assert "points" in problems(points=0)
    free = {"inputs": None, "reference": None, "mistakes": (), "wrong": [Wrong(1, "one"), Wrong(2, "x"), Wrong(3, "x")]}
    text = problems(**free, verify=lambda answer, tools: "one" if answer == 1 else None, right=[1])
    assert "a right answer is refused" in text and "'right'" in text
    assert "needs right=" in problems(**free, verify=lambda answer, tools: None)
    assert "RuntimeError" not in problems(**free, verify=lambda answer, tools: "one x", right=[ByTrack()])


# --- what a student sees --------------------------------------------------------------------------------------------


@pytest.fixture
def q1(monkeypatch):
    monkeypatch.setattr(exercises, "_opened", {})
    monkeypatch.setattr(exercises, "_strict", None)
    monkeypatch.setattr(exercises, "definitions", lambda lesson: {"q1": make(), "q2": make(id="q2", title="Two")})
    return exercises.exercise("02_vae", "q1", track="numpy")


def test_check_prints_a_mark_and_words(q1, capsys):
    q1.check()
    assert capsys.readouterr().out.startswith("· q1: not answered yet")
    q1.check(lambda mu, logvar: 2 * kl(mu, logvar))
    out = capsys.readouterr().out
    assert out.startswith("✘ q1: not right yet. The factor one half") and "q1.hint() gives a hint (2 left)" in out
    q1.check(kl)
    assert capsys.readouterr().out == "✔ q1: right (1 point).\n"
    assert q1.solved and q1.tries == 2


def test_strict_mode_raises(q1, monkeypatch, capsys):
    exercises.strict()
    for answer in (None, stub, 3, lambda mu, logvar: mu):
        with pytest.raises(exercises.ExerciseFailed, match="02_vae"):
            q1.check(answer)
    q1.check(kl)
    exercises.strict(False)
    q1.check(None)
    monkeypatch.setattr(exercises, "_strict", None)
    monkeypatch.setenv("EXERCISES", "strict")
    with pytest.raises(exercises.ExerciseFailed):
        q1.check(None)


def test_hints_come_one_at_a_time(q1, capsys):
    for expected in ("Hint 1 of 2: one", "Hint 2 of 2: two", "That was the last hint"):
        q1.hint()
        assert expected in capsys.readouterr().out
    q1.check(lambda mu, logvar: mu)
    assert "q1.solution() shows the solution" in capsys.readouterr().out


SOURCE = """---
lesson: {number: 2, slug: 02_vae, title: VAE}
---

```{code-cell} ipython3
:tags: [solution, q1, pytorch]
answer = "torch"
```

```{code-cell} ipython3
:tags: [solution, q1, tensorflow]
answer = "keras"
```
"""


def test_the_solution_is_the_tracks_cell(q1, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(lessons, "source_folder", lambda: tmp_path)
    q1.solution()
    assert "which isn't here" in capsys.readouterr().out
    (tmp_path / "02_vae.md").write_text(SOURCE, encoding="utf-8")
    for track, mine, other in (("pytorch", "torch", "keras"), ("tensorflow", "keras", "torch")):
        exercises.exercise("02_vae", "q1", track).solution()
        out = capsys.readouterr().out
        assert f'answer = "{mine}"' in out and other not in out
    exercises.exercise("02_vae", "q2").solution()
    assert "no solution cell for q2" in capsys.readouterr().out


def test_progress_shows_what_is_solved(q1, capsys):
    q1.check(kl)
    q1.hint()
    exercises.progress("02_vae")
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("✔  q1") and "1 of 2" in line for line in lines)
    assert any(line.startswith("·  q2") and "not answered yet" in line for line in lines)
    assert lines[-1] == "1 of 2 points."


def test_unknown_names_list_the_known_ones():
    with pytest.raises(exercises.UnknownExercise, match="'99_none'.*00_start_here"):
        exercises.exercise("99_none", "q1")
    with pytest.raises(exercises.UnknownExercise, match="'q99'.*q1"):
        exercises.exercise("00_start_here", "q99")
    with pytest.raises(ValueError, match="pytorch"):
        exercises.exercise("00_start_here", "q1", track="jax")


def test_the_track_is_the_current_runs(monkeypatch):
    class Run:
        track = "tensorflow"

    monkeypatch.setattr(runtime, "_current", Run())
    assert guess_track() == "tensorflow"
    monkeypatch.setattr(runtime, "_current", None)
    assert guess_track() in {"numpy", "pytorch", "tensorflow"}


def test_a_notebook_goes_on_after_every_bad_answer(q1):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        for answer in (None, 3, stub, raises, lambda: 0, lambda mu, logvar: sys.exit(), StubClass, object()):
            q1.check(answer)
    assert out.getvalue().count("q1:") == 8


def test_importing_is_quick_and_pulls_in_no_framework():
    code = (
        "import time; t = time.perf_counter(); import helpers.exercises, helpers.quiz; t = time.perf_counter() - t; "
        "import sys; heavy = [m for m in ('torch', 'tensorflow', 'matplotlib', 'scipy') if m in sys.modules]; "
        "print(round(t, 2), heavy); assert t < 0.5 and not heavy, (t, heavy)"
    )
    done = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True) for _ in range(2)]
    assert any(one.returncode == 0 for one in done), done[-1].stderr
