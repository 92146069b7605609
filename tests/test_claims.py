"""Intervals, verdicts, and the tables that a project's verdicts rest on."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats
from test_build import course  # noqa: F401  (a fixture)

from helpers import claims, lessons

FRONT = """---
lesson:
  number: 1
  kind: project
  slug: p1_try
  title: Trying
  question: Does it work?
  tracks: [pytorch]
  claims:
    - {claim: "More is better", number: gain, at_least: 0, meaning: "how much better"}
    - {claim: "It is fast", number: seconds, at_most: 2.5, meaning: "seconds an epoch"}
    - {claim: "Nobody measured this", number: nothing, at_most: 1, meaning: "nothing"}
---

# Trying
"""
RESULTS = {
    "profile": "quick", "own_sizes": "epochs=4", "sizes": {"epochs": 4}, "device": "CPU", "framework": "PyTorch 2",
    "seeds": [0, 1, 2], "minutes": [1.0, 2.0, 3.0], "numbers": {"gain": [1.0, 1.1, 0.9], "seconds": [3.0, 2.0, 2.5]},
}  # fmt: skip


def put_project(text):
    """Write the source of a project into the course's folder; its file."""
    source = lessons.source_folder() / "projects" / "p1_try.md"
    source.parent.mkdir(parents=True)
    source.write_text(text, encoding="utf-8")
    return source


@pytest.fixture
def project(course):  # noqa: F811
    """A small project with claims; returns the function that writes its table."""
    put_project(FRONT)

    def commit(**changes):
        path = claims.results_file("p1_try")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(RESULTS | changes), encoding="utf-8")

    return commit


@pytest.mark.parametrize("values", [[1.0, 2.0, 4.0], list(np.random.default_rng(0).normal(5, 2, 12))])
def test_interval_is_students(values):
    mean, low, high = claims.interval(values)
    wanted = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    assert (mean, low, high) == pytest.approx((np.mean(values), *wanted))


def test_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(1)
    found = [claims.interval(rng.normal(3, 1, 3)) for _ in range(2000)]
    assert 0.93 < np.mean([low <= 3 <= high for _, low, high in found]) < 0.97


def test_one_value_tells_nothing():
    assert claims.interval([2.0]) == (2.0, -math.inf, math.inf)
    assert claims.judge([2.0], at_least=0) == claims.OPEN


@pytest.mark.parametrize("values", [[], [1.0, math.nan]])
def test_values_that_give_no_interval(values):
    with pytest.raises(ValueError, match="finite values"):
        claims.interval(values)


@pytest.mark.parametrize(
    ("values", "border", "verdict"),
    [
        ([5.0, 5.1, 4.9], {"at_least": 4}, claims.HOLDS),
        ([5.0, 5.1, 4.9], {"at_least": 6}, claims.FAILS),
        ([5.0, 5.1, 4.9], {"at_least": 5}, claims.OPEN),
        ([5.0, 5.1, 4.9], {"at_most": 6}, claims.HOLDS),
        ([5.0, 5.1, 4.9], {"at_most": 4}, claims.FAILS),
        ([5.0, 9.0, 1.0], {"at_most": 6}, claims.OPEN),
        ([2.0, 2.0, 2.0], {"at_most": 2}, claims.HOLDS),
        ([2.0, 2.0, 2.0], {"at_least": 2}, claims.HOLDS),
    ],
)
def test_judge(values, border, verdict):
    assert claims.judge(values, **border) == verdict


@pytest.mark.parametrize("borders", [{}, {"at_least": 1, "at_most": 2}])
def test_judge_needs_one_border(borders):
    with pytest.raises(ValueError, match="one border"):
        claims.judge([1.0, 2.0], **borders)


def test_verdicts_of_a_project(project):
    project()
    gain, seconds, nothing = claims.verdicts("p1_try", {"gain": 7.0})
    assert (gain.verdict, gain.here, gain.border) == (claims.HOLDS, 7.0, "≥ 0")
    assert gain.interval.mean == pytest.approx(1.0) and 0 < gain.interval.low < 1
    assert (seconds.verdict, seconds.here) == (claims.OPEN, None)
    assert (nothing.verdict, nothing.interval, nothing.spread) == (claims.OPEN, None, "–")


def test_runs_kept_beside_are_judged_by_themselves(project, capsys):
    project()
    assert all(one.beside is None for one in claims.verdicts("p1_try"))
    assert "in full" not in claims.as_markdown("p1_try")
    path = claims.results_file("p1_try", claims.BESIDE)
    assert path.name == "p1_try.full.json"
    path.write_text(
        json.dumps(RESULTS | {"profile": "full", "numbers": {"gain": [-1.0, -1.1, -0.9]}}), encoding="utf-8"
    )
    gain, seconds, nothing = claims.verdicts("p1_try")
    assert (gain.verdict, gain.beside.verdict) == (claims.HOLDS, claims.FAILS)
    assert gain.beside.interval.mean == pytest.approx(-1.0)
    assert nothing.beside.verdict == claims.OPEN
    assert "those of full: the notebook in the profile full" in claims.made("p1_try")
    head, _, first = claims.as_markdown("p1_try").splitlines()[:3]
    assert head.endswith("| verdict | in full |") and "✔ holds |" in first and first.endswith(": ✘ does not hold |")
    assert len({line.count("|") for line in claims.as_markdown("p1_try", {"gain": 1.0}).splitlines()}) == 1
    claims.show(SimpleNamespace(lesson="p1_try", numbers={"gain": 1.0}))
    shown = capsys.readouterr().out
    assert "in full, 3 runs -1 (" in shown and "): ✘ does not hold\n   ✔ holds\n" in shown


def test_a_number_that_is_not_finite_is_no_verdict(project):
    project(numbers={"gain": [1.0, math.nan, 1.0]})
    assert claims.verdicts("p1_try")[0].verdict == claims.OPEN


def test_the_table_says_how_it_was_made(project):
    assert not claims.committed("p1_try") and "no run" in claims.committed("p1_try").made
    project()
    table = claims.committed("p1_try")
    assert table and table.seeds == (0, 1, 2) and table.numbers["gain"].tolist() == [1.0, 1.1, 0.9]
    assert (
        table.made
        == "the notebook in the profile quick with SIZES 'epochs=4', seeds 0, 1, 2, 2 minutes each on CPU, PyTorch 2"
    )


@pytest.mark.parametrize(
    ("minutes", "words"), [(1.2, "1 minute each"), (0.2, "0 minutes each"), (1.6, "2 minutes each")]
)
def test_minutes_are_counted_in_words(project, minutes, words):
    project(minutes=[minutes] * 3)
    assert f", {words} on " in claims.committed("p1_try").made


def test_a_note_on_how_it_was_made_is_told(project):
    project(note="seed 1 was run twice")
    assert claims.committed("p1_try").made.endswith("PyTorch 2 (seed 1 was run twice)")


@pytest.mark.parametrize(
    "changes", [{"numbers": {"gain": [1.0]}}, {"minutes": [1.0]}, {"numbers": {"gain": "no"}}, {"seeds": 3}]
)
def test_a_damaged_table_is_named(project, changes):
    project(**changes)
    with pytest.raises(lessons.LessonError, match="p1_try.json.*repeat.py"):
        claims.committed("p1_try")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("at_least: 0", "at_least: 0, at_most: 1"),
        ("at_least: 0, ", ""),
        ("number: gain, ", ""),
        ("at_least: 0", "least: 0"),
    ],
)
def test_a_claim_must_be_whole(project, old, new):
    path = lessons.source_file("p1_try")
    path.write_text(FRONT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(lessons.LessonError, match="a claim needs"):
        claims.of("p1_try")


def test_show_and_markdown(project, capsys):
    project()

    class Run:
        lesson, numbers = "p1_try", {"gain": 0.5}

    claims.show(Run())
    printed = capsys.readouterr().out
    assert "1. More is better" in printed and "this run 0.5" in printed and "✔ holds" in printed
    assert "this run –" in printed and "? cannot be told" in printed and "SIZES 'epochs=4'" in printed
    rows = claims.as_markdown("p1_try", {"gain": 0.5}).splitlines()
    assert len(rows) == 5 and {row.count("|") for row in rows} == {7}
    assert {row.count("|") for row in claims.as_markdown("p1_try").splitlines()} == {6}
