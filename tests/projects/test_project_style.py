"""Every project has its parts, a number for every claim, and a table of runs that the verdicts rest on."""

import re

import pytest

import build
import scoreboard
from helpers import claims, lessons

PARTS = ("report", "data", "model", "reproduc", "numbers", "verdict", "your turn", "rubric", "your report", "differ",
         "references")  # fmt: skip
by_project = pytest.mark.parametrize("project", lessons.projects())


def source_of(project, kind):
    cells = lessons.cells(project, lessons.tracks(project)[0])
    return "\n".join(cell["source"] for cell in cells if cell["kind"] == kind)


def test_there_are_four_projects():
    assert [name[:2] for name in lessons.projects()] == ["p1", "p2", "p3", "p4"]


@by_project
def test_front_matter_is_complete(project):
    front = lessons.front_matter(project)
    needed = {"number", "kind", "slug", "title", "question", "promise", "result", "minutes", "tracks", "objectives",
              "prerequisites", "papers", "data", "budgets", "thresholds", "claims", "scale", "scoreboard"}  # fmt: skip
    assert needed <= set(front), needed - set(front)
    assert (front["kind"], front["slug"], f"p{front['number']}") == ("project", project, project[:2])
    assert len(front["tracks"]) == 1 and front["tracks"][0] in lessons.TRACKS
    assert front["budgets"]["quick"]["seconds"] <= 150 and front["budgets"]["full"]["seconds"] <= 1200
    assert front["budgets"]["quick"]["gb"] <= 3 and front["thresholds"]["quick"]


@by_project
def test_the_parts_of_a_project_are_there(project):
    prose, code = source_of(project, "markdown"), source_of(project, "code")
    headings = " ".join(re.findall(r"^#{2,3} (.+)$", prose, re.M)).lower()
    assert not [word for word in PARTS if word not in headings], headings
    for call in ("project_report.start(run)", "report.write(", "claims.show(run)", "run.record("):
        assert call in code, call
    assert 20 <= len(build.make_notebook(project, lessons.tracks(project)[0]).cells) <= 90


@by_project
def test_equations_are_numbered_in_order_and_cited_in_code(project):
    numbers = [int(n) for n in re.findall(r"\\tag\{(\d+)\}", source_of(project, "markdown"))]
    cited = {int(n) for n in re.findall(r"Eqs?\. (\d+)", source_of(project, "code"))}
    assert numbers == list(range(1, len(numbers) + 1)) and cited <= set(numbers)


@by_project
def test_every_claim_rests_on_three_runs_or_more(project):
    table, judged = claims.committed(project), claims.of(project)
    assert len(table.seeds) >= 3 and len(set(table.seeds)) == len(table.seeds)
    assert len(judged) >= 4
    for claim in judged:
        assert claim.number in table.numbers, f"{claim.number} is missing in {claims.results_file(project).name}"
        assert claim.number in scoreboard.committed(project, lessons.tracks(project)[0]), claim.number


@by_project
def test_the_scoreboard_has_its_models(project):
    assert scoreboard.entries(project)
