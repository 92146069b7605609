"""The template of a student's report: settings, figures, tables, verdicts; nothing overwritten, nothing half-written."""

import re

import matplotlib.figure
import numpy as np
import pytest
from test_build import course  # noqa: F401  (a fixture)
from test_claims import project  # noqa: F401  (a fixture)

from helpers import paths, plotting, project_report, runtime


@pytest.fixture
def run(project, monkeypatch):  # noqa: F811
    """A run of the small project with one setting and one number."""
    project()
    monkeypatch.setenv("PROFILE", "quick")
    run = runtime.start("p1_try", "pytorch")
    run.sizes(smoke={"epochs": 1}, quick={"epochs": 4}, full={"epochs": 9})
    run.record(gain=0.25)
    return run


def figure():
    fig, ax = plotting.figure(1, 1)
    np.ravel(ax)[0].plot([1, 2, 3])
    return fig


def written(run):
    report = project_report.start(run)
    report.write()
    return report.path


def test_the_report_holds_what_the_run_showed(run, capsys):
    report = project_report.start(run)
    fig = figure()
    assert isinstance(fig, matplotlib.figure.Figure)
    report.show(fig, alt="A line that rises.", caption="The line rises.")
    report.table("Distances", ("model", "distance", "n"), [("DCGAN", 41.23456, 100), ("a | b", np.float32(0.5), 7)])
    printed = capsys.readouterr().out
    assert re.search(r"DCGAN +41\.23 +100", printed)
    assert report.write(questions=["Why?"]) is None  # a cell's last line shows no path of a machine
    path = report.path
    text = path.read_text(encoding="utf-8")
    assert path == paths.build_folder() / "reports" / "p1_try" / "run_1" / "report.md"
    for part in ("# Trying", "Does it work?", "| epochs | 4 |", "| seed | 0 |", "![A line that rises.](figure_1.png)",
                 "Figure 1. The line rises.", "| DCGAN | 41.23 | 100 |", "| a / b | 0.5 | 7 |", "| More is better |",
                 "| 0.25 |", "**Why?**"):  # fmt: skip
        assert part in text, part
    assert (path.parent / "figure_1.png").read_bytes().startswith(project_report.PNG)


def test_a_second_report_leaves_the_first_alone(run):
    first = written(run)
    first.write_text("mine", encoding="utf-8")
    second = written(run)
    assert first.read_text(encoding="utf-8") == "mine" and second.parent.name == "run_2"


def test_a_broken_off_report_leaves_nothing(run, monkeypatch):
    report = project_report.start(run)
    monkeypatch.setattr(report, "text", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        report.write()
    assert list((paths.build_folder() / "reports" / "p1_try").iterdir()) == []
    assert written(run).parent.name == "run_1"


@pytest.mark.parametrize("rows", [[], [("a",)], [("a", 1), ("b", 2, 3)]])
def test_a_table_needs_whole_rows(run, rows):
    with pytest.raises(ValueError, match="'Scores' needs rows of 2 cells"):
        project_report.start(run).table("Scores", ("model", "score"), rows)
