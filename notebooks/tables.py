"""The tables and links that the READMEs and the scoreboard take from front matter and notebooks."""

import html
import math
import os
import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

import scoreboard
from helpers import claims, lessons, paths

TITLES = scoreboard.TRACK_TITLES
_BLOCK = re.compile(r"(<!-- begin: (\w+) -->\n).*?(<!-- end: \2 -->)", re.S)


def duration(budget: dict[str, float]) -> str:
    """Seconds of a budget in words, rounded up: "2 minutes"."""
    seconds = budget["seconds"]
    return f"{math.ceil(seconds / 60)} minutes" if seconds >= 90 else f"{seconds:.0f} s"


def facts(front: dict[str, Any], track: str) -> str:
    """The line of facts under a lesson's title."""
    budgets, data = front["budgets"], front["data"]
    return (
        f"In {track} · about {front['minutes']} minutes of your time · runs in at most {duration(budgets['quick'])} on a "
        f"laptop CPU (profile `quick`: {data['quick']}) or {duration(budgets['full'])} on a GPU "
        f"(profile `full`: {data['full']})"
    )


def notebook_link(lesson: str, track: str, from_folder: Path) -> str:
    """A Markdown link to a lesson's notebook in the same track, relative to a folder."""
    front = lessons.front_matter(lesson)
    own = lessons.tracks(lesson)
    target = lessons.notebook_file(lesson, track if track in own else own[0])
    title, kind = front["title"], "project" if lessons.is_project(lesson) else "lesson"
    rest_of_word = title.split()[0][1:]
    small = title[0].lower() + title[1:] if rest_of_word == rest_of_word.lower() else title  # names keep their capitals
    name = f"{kind} {front['number']}, {small}" if front["number"] else title
    return f"[{name}]({os.path.relpath(target, from_folder).replace(os.sep, '/')})"


def lesson_table(folder: Path) -> str:
    """One row a lesson: title, promise, notebooks, time."""
    rows = ["| lesson | what you find out | notebooks | your time | runs on a laptop in |", "|---|---|---|---|---|"]
    for lesson in lessons.names():
        front = lessons.front_matter(lesson)
        if not front["number"]:
            continue
        links = [
            f"[{TITLES[track]}]({os.path.relpath(lessons.notebook_file(lesson, track), folder).replace(os.sep, '/')})"
            for track in lessons.tracks(lesson)
        ]
        time = duration(front["budgets"]["quick"])
        rows.append(
            f"| {front['number']} · {front['title']} | {front['promise']} | {' · '.join(links)} | "
            f"{front['minutes']} min | at most {time} |"
        )
    return "\n".join(rows) + "\n"


def project_table(folder: Path) -> str:
    """One row a project: title, promise, notebook, time."""
    rows = ["| project | what you find out | notebook | your time | runs on a laptop in |", "|---|---|---|---|---|"]
    for project in lessons.projects():
        front, track = lessons.front_matter(project), lessons.tracks(project)[0]
        place = os.path.relpath(lessons.notebook_file(project, track), folder).replace(os.sep, "/")
        rows.append(
            f"| {front['number']} · {front['title']} | {front['promise']} | [{TITLES[track]}]({place}) | "
            f"{front['minutes']} min | at most {duration(front['budgets']['quick'])} |"
        )
    return "\n".join(rows) + "\n"


def verdict_tables(folder: Path) -> str:
    """Every claim of every project: its number over the committed runs, and the verdict."""
    parts = []
    for project in lessons.projects():
        front, track = lessons.front_matter(project), lessons.tracks(project)[0]
        link = notebook_link(project, track, folder)
        parts.append(
            f"## {front['title']}\n\nThe {link}. Runs: {claims.made(project)}.\n\n" + claims.as_markdown(project)
        )
    return "\n".join(parts)


def _picture(lesson: str, folder: Path, width: int) -> str:
    """The picture of a lesson as an HTML image with its alternative text, or nothing."""
    sys.path.insert(0, str(paths.root() / "images"))
    import gallery

    found = gallery.picture(lesson)
    if found is None or not found[2].is_file():
        return ""
    place = os.path.relpath(found[2], folder).replace(os.sep, "/")
    return f'<img src="{place}" alt="{html.escape(found[1], quote=True)}" width="{width}">'


def lesson_map(folder: Path) -> str:
    """One row a lesson: the question it asks, what came out, a picture."""
    rows = [
        "| lesson | question | result (lessons: in `quick`; projects: over several runs) | picture |",
        "|---|---|---|---|",
    ]
    for lesson in lessons.everything():
        front = lessons.front_matter(lesson)
        if front["number"]:
            link = notebook_link(lesson, "pytorch", folder)
            rows.append(f"| {link} | {front['question']} | {front['result']} | {_picture(lesson, folder, 420)} |")
    return "\n".join(rows) + "\n"


def picture_wall(folder: Path) -> str:
    """The picture of each lesson under its question."""
    parts = []
    for lesson in lessons.names():
        front, image = lessons.front_matter(lesson), _picture(lesson, folder, 760)
        if image:
            parts.append(f"**{front['title']}.** {front['question']} {front['result']}\n\n{image}\n")
    return "\n".join(parts) + "\n"


def _wanted(path: Path) -> str:
    import syllabus

    makers = {
        "times": syllabus.times,
        **{f"weeks_{name}": partial(syllabus.table, plan) for name, plan in syllabus.PLANS.items()},
        "lessons": lesson_table,
        "projects": project_table,
        "verdicts": verdict_tables,
        "map": lesson_map,
        "gallery": picture_wall,
        "scoreboard": scoreboard.page,
    }

    def fill(match: re.Match) -> str:
        if match[2] not in makers:
            raise lessons.LessonError(f"{path.name}: unknown table {match[2]!r}; known: {', '.join(makers)}")
        return match[1] + makers[match[2]](path.parent) + match[3]

    return _BLOCK.sub(fill, path.read_text(encoding="utf-8"))


def _files() -> list[Path]:
    folder = paths.root() / "notebooks"
    files = [paths.root() / "README.md", paths.root() / "INSTRUCTORS.md", folder / "README.md", folder / scoreboard.PAGE,
             folder / "projects" / "VERDICTS.md"]  # fmt: skip
    return [file for file in files if file.is_file()]


def check() -> list[str]:
    """The pages whose tables are not what front matter and notebooks give, and numbers that the scoreboard misses."""
    return scoreboard.check() + [
        f"{file.relative_to(paths.root())}: its tables are out of date: run python notebooks/build.py"
        for file in _files()
        if _wanted(file) != file.read_text(encoding="utf-8")
    ]


def update() -> list[str]:
    """Write the tables into the READMEs and the scoreboard."""
    for file in _files():
        file.write_text(_wanted(file), encoding="utf-8")
    return []
