"""The course's plans and times: every lesson in its order, projects after what they need, minutes that fit what is there."""

import re
from pathlib import Path

import pytest

import build
import syllabus
import timing
from helpers import exercises, lessons, paths, quiz

NUMBERED = [name for name in lessons.names() if lessons.front_matter(name)["number"]]


@pytest.mark.parametrize("plan", syllabus.PLANS)
def test_every_lesson_comes_once_and_in_order(plan):
    held = [name for week in syllabus.PLANS[plan] for name in week.lessons]
    assert held == ["00_start_here", *NUMBERED]
    assert len(syllabus.PLANS[plan]) == {"eight": 8, "fourteen": 14}[plan]


@pytest.mark.parametrize("plan", syllabus.PLANS)
def test_projects_come_after_the_lessons_that_they_need(plan):
    held, shares = set(), 0.0
    for week in syllabus.PLANS[plan]:
        held |= {lessons.front_matter(name)["number"] for name in week.lessons}
        shares += week.share if week.project else 0
        if week.project in lessons.projects():
            needed = " ".join(lessons.front_matter(week.project)["prerequisites"])
            numbers = {
                int(digit) for part in re.findall(r"lessons? ([\d, and]+)", needed) for digit in re.findall(r"\d", part)
            }
            assert numbers and numbers <= held, (week.project, numbers - held)
    assert shares == pytest.approx({"eight": 1, "fourteen": len(lessons.projects())}[plan])


def test_fourteen_weeks_hold_every_project_and_eight_weeks_one():
    assert {week.project for week in syllabus.FOURTEEN} - {""} == set(lessons.projects())
    assert {week.project for week in syllabus.EIGHT} - {""} == {syllabus.ANY}


@pytest.mark.parametrize("plan", syllabus.PLANS)
def test_no_week_is_longer_than_a_session_and_an_afternoon(plan):
    for week in syllabus.PLANS[plan]:
        in_class, at_home = syllabus.minutes(week)
        assert in_class <= 95 and at_home <= 180, week


@pytest.mark.parametrize("name", NUMBERED)
def test_declared_minutes_fit_what_there_is_to_read(name):
    declared = lessons.front_matter(name)["minutes"]
    for track in lessons.tracks(name):
        assert declared == pytest.approx(timing.estimate(build.read(lessons.notebook_file(name, track)).cells), rel=0.2)


def test_minutes_add_up():
    held = timing.minutes("02_vae")
    questions = [len(quiz.load("02_vae")[part]) for part in timing.PLACES]
    declared = exercises.definitions("02_vae").values()
    assert held.notebook == lessons.front_matter("02_vae")["minutes"]
    assert sum(held.quizzes.values()) == pytest.approx(sum(questions) / 2, abs=1)
    assert held.total == held.notebook + sum(one.minutes for one in declared) + sum(held.quizzes.values())
    assert timing.minutes("02_vae", with_exercises=False).exercises == {}
    assert timing.minutes("p1_cartoon_faces").total == lessons.front_matter("p1_cartoon_faces")["minutes"]


def test_tables_have_a_row_for_each_notebook_and_week():
    folder = paths.root()
    times = syllabus.times(folder).splitlines()
    assert len(times) == 2 + len(lessons.everything())
    for name, plan in syllabus.PLANS.items():
        rows = syllabus.table(plan, folder).splitlines()
        assert [row.split(" | ")[0].strip("| ") for row in rows[2:]] == [
            str(week) for week in range(1, len(plan) + 1)
        ], name
        assert len({row.count("|") for row in rows}) == 1
    links = re.findall(r"\]\(([^)]+)\)", "".join(times) + syllabus.table(syllabus.FOURTEEN, folder))
    assert links and all((Path(folder) / link).is_file() for link in links)
