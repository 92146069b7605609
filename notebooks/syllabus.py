"""The two plans of a course: what each week holds, and the minutes that it takes. INSTRUCTORS.md has them as tables."""

from dataclasses import dataclass
from pathlib import Path

import tables
import timing
from helpers import lessons


@dataclass(frozen=True)
class Week:
    """One week: lessons, a project (its name, or ANY for one of the group's choice) with the share of its time, a remark."""

    lessons: tuple[str, ...] = ()
    project: str = ""
    share: float = 1.0
    note: str = ""


ANY, THIRD = "any", 1 / 3
FIRST = ("00_start_here", "01_autoencoder")
EIGHT = (
    Week(FIRST, note="everybody's installation works"),
    Week(("02_vae",)),
    Week(("03_cvae",)),
    Week(("04_gan",)),
    Week(("05_dcgan",), note="groups form; each takes project 1, 2 or 4"),
    Week(("06_cyclegan",), ANY, THIRD, "the project is run as it is; each group names its own open task"),
    Week(("07_stylegan",), ANY, THIRD, "the open task: runs over three seeds"),
    Week(("08_style_transfer",), ANY, THIRD, "reports are handed in"),
)
FOURTEEN = (
    Week(FIRST, note="everybody's installation works"),
    Week(("02_vae",)),
    Week(("03_cvae",)),
    Week(("04_gan",)),
    Week(("05_dcgan",)),
    Week(project="p4_how_good", note="in class: how to judge the pictures of the weeks to come"),
    Week(project="p1_cartoon_faces", note="groups compare their verdicts"),
    Week(("06_cyclegan",)),
    Week(("07_stylegan",)),
    Week(("08_style_transfer",)),
    Week(project="p2_dcgan_laboratory", note="in class: the groups' seeds side by side"),
    Week(project="p3_creatures", note="in class: which of the three steps was it?"),
    Week(note="an own question, answered in the manner of a project: a claim, a number, an interval"),
    Week(note="groups present and review each other's reports"),
)
PLANS = {"eight": EIGHT, "fourteen": FOURTEEN}


def minutes(week: Week) -> tuple[int, int]:
    """Minutes in class (notebooks read and run, quizzes) and at home (exercises, projects)."""
    held = [timing.minutes(lesson) for lesson in week.lessons]
    in_class = sum(one.notebook + sum(one.quizzes.values()) for one in held)
    at_home = sum(sum(one.exercises.values()) for one in held)
    if week.project:
        longest = max(timing.minutes(name).notebook for name in lessons.projects())
        at_home += week.share * (longest if week.project == ANY else timing.minutes(week.project).notebook)
    return in_class, round(at_home)


def table(plan: tuple[Week, ...], folder: Path) -> str:
    """One row a week: what is done, minutes in class and at home, remarks."""
    rows = ["| week | notebooks | minutes in class | minutes at home | what else |", "|---:|---|---:|---:|---|"]
    for number, week in enumerate(plan, 1):
        names = [tables.notebook_link(name, "pytorch", folder) for name in week.lessons]
        if week.project:
            project = "a project" if week.project == ANY else tables.notebook_link(week.project, "pytorch", folder)
            names.append(project + (", a third of it" if week.share == THIRD else ""))
        in_class, at_home = minutes(week)
        rows.append(f"| {number} | {'; '.join(names) or '–'} | {in_class or '–'} | {at_home or '–'} | {week.note} |")
    return "\n".join(rows) + "\n"


def times(folder: Path) -> str:
    """One row a notebook: minutes to read and run, for exercises and quizzes; how long a run takes at most, and its memory."""
    rows = [
        "| notebook | read and run | exercises | quizzes | together | `quick`, two CPU cores | `full`, a GPU |",
        "|---|---:|---:|---:|---:|---|---|",
    ]
    for name in lessons.everything():
        held, budgets = timing.minutes(name), lessons.front_matter(name)["budgets"]
        runs = [f"{tables.duration(one)}, {one['gb']} GB" for one in (budgets["quick"], budgets["full"])]
        parts = [held.notebook, sum(held.exercises.values()), sum(held.quizzes.values())]
        rows.append(
            f"| {tables.notebook_link(name, 'pytorch', folder)} | {' | '.join(str(part or '–') for part in parts)} | "
            f"{held.total} | {' | '.join(runs)} |"
        )
    return "\n".join(rows) + "\n"
