"""The validation of notebooks can fail: a changed output, a slow notebook, a missed threshold, a missing record."""

import nbformat
import pytest
from test_build import SOURCE, course  # noqa: F401  (a fixture)

import build
import validate
from helpers import lessons

RECORDING = SOURCE.replace(
    "print(answer())",
    'from helpers import runtime\nrun = runtime.start("01_try", track="pytorch")\nrun.record(loss=3.0, other=1)',
).replace(
    "---\n\n## First", "  thresholds: {quick: {loss: {at_most: 5}}}\n---\n\n## First"
).replace(
    "print(1 + 1)\n```", "print(1 + 1)\n```\n\n" + "\n\n".join(
        f"```{{code-cell}} ipython3\n:tags: [check-output]\nprint('check', {i})\n```" for i in range(2)
    )
)  # fmt: skip


@pytest.fixture()
def lesson(course):  # noqa: F811
    """The small lesson, recording a number, built and executed; returns its notebook file."""
    course.write_text(RECORDING, encoding="utf-8")
    build.execute_and_save("01_try", "pytorch", save=True)
    return lessons.notebook_file("01_try", "pytorch")


def run(profile="quick", solved=False):
    return validate.run_one("01_try", "pytorch", profile, solved, threads=1)


@pytest.fixture()
def root_config(course, tmp_path):  # noqa: F811
    """What a run of pytest needs beside the lesson."""
    (tmp_path / "tests").mkdir()
    source = validate.Path(validate.__file__).parent.parent / "tests" / "nbval_sanitize.cfg"
    (tmp_path / "tests" / "nbval_sanitize.cfg").write_text(source.read_text())


def test_a_sound_notebook_passes_and_a_changed_digit_turns_it_red(lesson, root_config):
    sound = run()
    assert sound.problems == [] and sound.numbers == {"loss": 3.0, "other": 1.0} and sound.peak_gb > 0.05
    notebook = nbformat.read(lesson, as_version=4)
    cell = next(c for c in notebook.cells if c.id == "first-part-2")
    cell.outputs[0].text = "3\n"
    nbformat.write(notebook, lesson)
    red = run()
    assert any("nbval failed" in problem and "first-part" not in problem[:10] for problem in red.problems)


def test_the_solved_edition_runs_with_solutions(lesson, root_config):
    assert run("smoke", solved=True).problems == []
    assert "return 42" in (build.paths.build_folder() / "solved" / "pytorch" / "01_try.ipynb").read_text()


def test_stripped_outputs_are_noticed(lesson, root_config):
    notebook = nbformat.read(lesson, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, lesson)
    assert any("only 0 cells are compared" in problem for problem in run().problems)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("quick: {seconds: 120, gb: 3}", "quick: {seconds: 4, gb: 3}", "more than 2 times its budget in quick, 4 s"),
        ("quick: {seconds: 120, gb: 3}", "quick: {seconds: 120, gb: 0.01}", "budget in quick is 0.01 GB"),
        ("{loss: {at_most: 5}}", "{loss: {at_most: 2}}", "loss is 3, wanted ≤ 2"),
        ("{loss: {at_most: 5}}", "{accuracy: {at_least: 2}}", "accuracy was never recorded"),
    ],
)
def test_broken_promises_are_named(lesson, course, tmp_path, old, new, words):  # noqa: F811
    course.write_text(RECORDING.replace(old, new), encoding="utf-8")
    numbers = tmp_path / "numbers"
    numbers.mkdir()
    (numbers / "a.json").write_text('{"numbers": {"loss": 3.0}, "peak_gb": 0.5, "data": {}, "seed": 0}')
    result = validate.Result("01_try", "pytorch", seconds=10)
    validate.judge(result, lessons.front_matter("01_try"), "quick", numbers)
    assert len(result.problems) == 1 and words in result.problems[0]


@pytest.mark.parametrize(("seconds", "slow", "late"), [(119, False, False), (121, True, False), (241, True, True)])
def test_a_slow_notebook_is_named_and_fails_beyond_twice_its_budget(lesson, tmp_path, seconds, slow, late):
    (tmp_path / "a.json").write_text('{"numbers": {"loss": 3.0}, "peak_gb": 0.5, "data": {}, "seed": 0}')
    result = validate.Result("01_try", "pytorch", seconds=seconds)
    validate.judge(result, lessons.front_matter("01_try"), "quick", tmp_path)
    assert (result.slow, result.late, bool(result.problems)) == (slow, late, late)
    table = validate.table([result], "quick")
    assert ("failed" if late else "slow" if slow else "ok") in table


@pytest.mark.parametrize(("seconds", "slow", "late"), [(239, False, False), (241, True, False), (481, True, True)])
def test_a_notebook_with_one_core_has_twice_the_time(lesson, tmp_path, seconds, slow, late):
    (tmp_path / "a.json").write_text('{"numbers": {"loss": 3.0}, "peak_gb": 0.5, "data": {}, "seed": 0}')
    result = validate.Result("01_try", "pytorch", seconds=seconds)
    validate.judge(result, lessons.front_matter("01_try"), "quick", tmp_path, share=2)
    assert (result.slow, result.late, bool(result.problems)) == (slow, late, late)


def test_no_record_is_a_failure(course, tmp_path):  # noqa: F811
    result = validate.Result("01_try", "pytorch")
    validate.judge(result, lessons.front_matter("01_try"), "quick", tmp_path)
    assert "recorded no numbers" in result.problems[0]


def test_full_thresholds_wait_for_full_data(lesson, course, tmp_path, capsys):  # noqa: F811
    course.write_text(RECORDING.replace("{quick: {loss", "{full: {loss").replace("at_most: 5", "at_most: 2"))
    for variant, problems in (("embedded", 0), ("full", 1)):
        (tmp_path / "a.json").write_text(
            f'{{"numbers": {{"loss": 3.0}}, "peak_gb": 0.5, "data": {{"mnist": "{variant}"}}, "seed": 0}}'
        )
        result = validate.Result("01_try", "pytorch", seconds=10)
        validate.judge(result, lessons.front_matter("01_try"), "full", tmp_path)
        assert len(result.problems) == problems
    assert "need the full data" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("runs", "seconds", "problems"),
    [
        ([(130, ["took 130 s"]), (90, [])], 90, []),
        ([(130, ["took 130 s"]), (125, ["took 125 s"])], 125, ["took 125 s"]),
        ([(130, ["took 130 s"]), (90, ["nbval failed"])], 90, ["nbval failed"]),
        ([(130, ["took 130 s", "nbval failed"]), (90, [])], 130, ["took 130 s", "nbval failed"]),
        ([(90, []), (80, [])], 90, []),
        ([(90, ["nbval failed"]), (80, [])], 90, ["nbval failed"]),
    ],
)
def test_only_a_late_notebook_gets_a_second_run(monkeypatch, runs, seconds, problems):
    results = iter(
        [validate.Result("02_vae", "pytorch", seconds=s, problems=list(p), slow=s > 60, late=s > 120) for s, p in runs]
    )
    monkeypatch.setattr(validate, "run_one", lambda *_: next(results))
    result = validate.run_fairly("02_vae", "pytorch", "quick", False, None)
    assert (result.seconds, result.problems) == (seconds, problems)
