"""Repeating a project over seeds: one process a seed, one table, goes on after a break, says which seed failed."""

import json
import sys

import pytest
import repeat
from test_build import course  # noqa: F401  (a fixture)
from test_claims import put_project

from helpers import claims, paths

SOURCE = """---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
lesson:
  number: 1
  kind: project
  slug: p1_try
  title: Trying
  question: Does it work?
  promise: It works.
  minutes: 5
  tracks: [pytorch]
  data: {quick: x, full: x}
  budgets: {smoke: {seconds: 60, gb: 3}, quick: {seconds: 120, gb: 3}, full: {seconds: 600, gb: 8}}
  claims: [{claim: "More is better", number: gain, at_least: 0, meaning: "how much better"}]
---

## First

```{code-cell} ipython3
from helpers import runtime
run = runtime.start("p1_try", track="pytorch")
size = run.sizes(smoke=dict(epochs=1), quick=dict(epochs=2), full=dict(epochs=3))
```

```{code-cell} ipython3
if run.seed == 7:
    raise RuntimeError("seven is too much")
run.record(gain=size.epochs + 0.1 * run.seed, seed=run.seed)
```
"""


@pytest.fixture
def project(course):  # noqa: F811
    """The source of a small project."""
    return put_project(SOURCE)


def repeated(monkeypatch, *options):
    monkeypatch.setattr(sys, "argv", ["repeat.py", "p1_try", *options])
    return repeat.main()


def test_one_value_a_seed_and_how_it_was_made(project, monkeypatch, capsys):
    assert repeated(monkeypatch, "--profile", "quick", "--seeds", "0", "1", "--sizes", "epochs=5") == 0
    content = json.loads(claims.results_file("p1_try").read_text(encoding="utf-8"))
    assert content["numbers"] == {"gain": [5.0, 5.1], "seed": [0.0, 1.0]} and content["seeds"] == [0, 1]
    assert (content["profile"], content["own_sizes"], content["sizes"]) == ("quick", "epochs=5", {"epochs": 5})
    assert content["framework"].startswith("PyTorch") and len(content["minutes"]) == 2
    assert "More is better" in capsys.readouterr().out
    assert claims.committed("p1_try").numbers["gain"].tolist() == [5.0, 5.1]


def test_it_goes_on_where_it_was_broken_off(project, monkeypatch, capsys):
    assert repeated(monkeypatch, "--profile", "smoke", "--seeds", "0", "7") == 1
    assert "seed 7: failed" in (said := capsys.readouterr().err) and "seven is too much" in said
    assert not claims.results_file("p1_try").exists()
    ran = []
    monkeypatch.setattr(repeat, "run_seed", lambda *a: ran.append(a[2]) or run_of(a[2]))
    assert repeated(monkeypatch, "--profile", "smoke", "--seeds", "0", "1") == 0
    assert ran == [1]
    assert repeated(monkeypatch, "--profile", "smoke", "--seeds", "0", "1", "--fresh") == 0
    assert ran == [1, 0, 1]
    project.write_text(SOURCE.replace("0.1 *", "0.2 *"), encoding="utf-8")
    assert repeated(monkeypatch, "--profile", "smoke", "--seeds", "0") == 0
    assert ran == [1, 0, 1, 0]


def run_of(seed, **changes):
    kept = paths.build_folder() / "repeat" / "p1_try" / "runs.json"
    first = json.loads(kept.read_text(encoding="utf-8"))["runs"]["0"] if kept.exists() else {}
    return first | {"seed": seed} | changes


@pytest.mark.parametrize("part", ["profile", "sizes", "data", "device", "framework"])
def test_runs_of_different_kinds_are_no_table(part):
    run = dict.fromkeys(("profile", "sizes", "data", "device", "framework", "lesson", "commit"), "a")
    run |= {"numbers": {"x": 1.0}, "seed": 0, "minutes": 1.0}
    assert repeat.together([run, run], "")["numbers"] == {"x": [1.0, 1.0]}
    with pytest.raises(repeat.RepeatFailed, match=f"differ in {part}"):
        repeat.together([run, run | {part: "b"}], "")


def test_an_unknown_project_is_named(course, monkeypatch, capsys):  # noqa: F811
    monkeypatch.setattr(sys, "argv", ["repeat.py", "p9_nothing"])
    assert repeat.main() == 1 and "p9_nothing" in capsys.readouterr().err
