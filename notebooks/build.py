"""Make the notebooks from their sources, one way: notebooks/source/NN_topic.md → notebooks/<track>/NN_topic.ipynb, and
notebooks/source/projects/pN_topic.md → notebooks/projects/pN_topic.ipynb.

    python notebooks/build.py                      all lessons and projects, the READMEs' tables, and the scoreboard
    python notebooks/build.py 02_vae               one lesson
    python notebooks/build.py 02_vae --execute     … and run it (profile quick unless PROFILE says otherwise), keeping outputs
    python notebooks/build.py --check              fail when a committed file isn't what its source gives

Outputs of a notebook whose code is unchanged are kept; those of quizzes are made anew. Cells carry stable ids: the heading
they stand under and a count.
"""

import argparse
import hashlib
import json
import math
import re
import sys
import time
import tomllib
import unicodedata
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

sys.path.insert(0, str(Path(__file__).resolve().parent))
import tables
from helpers import lessons, paths, quiz, quiz_show

TRACK_NAMES = {"pytorch": "PyTorch", "tensorflow": "TensorFlow/Keras", "both": "both frameworks"}
NBVAL_TAGS = {"check-output": "nbval-check-output"}


def course_settings() -> dict[str, str]:
    """The part [tool.course] of pyproject.toml: the repository's public address and branch."""
    with open(paths.root() / "pyproject.toml", "rb") as file:
        return tomllib.load(file)["tool"]["course"]


# ---------------------------------------------------------------------------------------------------- the cells we add


def badge(lesson: str, track: str, settings: dict[str, str]) -> str:
    """A link that opens the notebook online, or nothing while no public address is set."""
    address = settings["repository"].rstrip("/")
    if not address:
        return ""
    where = address.removeprefix("https://github.com/")
    file = lessons.notebook_file(lesson, track).relative_to(paths.root()).as_posix()
    link = f"https://colab.research.google.com/github/{where}/blob/{settings['branch']}/{file}"
    return f"[![Run this notebook in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({link})"


def title_block(lesson: str, track: str, settings: dict[str, str]) -> str:
    """Promise, time, data, and the way to the lessons before and after."""
    front = lessons.front_matter(lesson)
    project = lessons.is_project(lesson)
    kind = "Project" if project else "Lesson"
    lines = [f"# {kind} {front['number']}: {front['title']}" if front["number"] else f"# {front['title']}"]
    lines += [f"**{front['promise']}**"]
    if front["number"]:
        lines.append(tables.facts(front, TRACK_NAMES[track]))
    ways = []
    order = lessons.projects() if project else lessons.names()
    here = order.index(lesson)
    for word, at in (("Previous", here - 1), ("Next", here + 1)):
        if 0 <= at < len(order):
            ways.append(
                f"{word}: {tables.notebook_link(order[at], track, lessons.notebook_file(lesson, track).parent)}"
            )
    if front["number"] and not project:
        other = "tensorflow" if track == "pytorch" else "pytorch"
        ways.append(f"[the same lesson in {TRACK_NAMES[other]}](../{other}/{lesson}.ipynb)")
    lines.append(" · ".join(ways))
    lines.append(badge(lesson, track, settings))
    return "\n\n".join(line for line in lines if line)


def objectives_block(lesson: str) -> str:
    """What a student can do afterwards, what they need, and the papers."""
    front = lessons.front_matter(lesson)
    kind = "project" if lessons.is_project(lesson) else "lesson"
    lines = ["## What you will be able to do", f"After this {kind} you can", ""]
    lines += [
        f"{i}. {objective['text']}{'.' if i == len(front['objectives']) else ','}"
        for i, objective in enumerate(front["objectives"], 1)
    ]
    if front.get("prerequisites"):
        lines += ["", "You need: " + "; ".join(front["prerequisites"]) + "."]
    if front.get("papers"):
        lines += ["", "The papers:", ""] + [f"- {paper}" for paper in front["papers"]]
    return "\n".join(lines)


def bootstrap_code(settings: dict[str, str]) -> str:
    """The first code cell: it does nothing where the course is installed; in Colab it fetches it from its address."""
    address = settings["repository"].rstrip("/")
    elsewhere = (
        "Elsewhere, as in Colab, it fetches what is missing." if address else "Elsewhere it says how to install it."
    )
    lines = [
        f"# Does nothing where the course is installed. {elsewhere}",
        "try:",
        "    import helpers",
        "except ModuleNotFoundError:",
    ]
    if address:
        lines += [
            "    import subprocess, sys",
            f'    subprocess.run("git clone --depth 1 {address} course && pip install -q -e course", shell=True, check=True)',
            '    sys.path.insert(0, "course")',
        ]
    else:
        lines += [
            '    message = "The course is not installed here. In its top folder run: pip install -e . (or: make lab)"',
            "    raise ModuleNotFoundError(message) from None",
        ]
    return "\n".join(lines)


# ---------------------------------------------------------------------------------------------------- source → notebook


def slug(text: str) -> str:
    """A heading as part of a cell id: lower-case letters, digits, hyphens; at most 48 characters."""
    text = unicodedata.normalize("NFKD", lessons.resolve_switches(text, "pytorch")).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:48].strip("-") or "section"


def cell_ids(lesson: str) -> dict[int, str]:
    """Ordinal of each source cell → its id: the heading it stands under, and a count within that section."""
    ids, section, count, seen = {}, "start", 0, {}
    for cell in lessons.cells(lesson, "both"):
        headings = re.findall(r"^#{2,3} (.+)$", cell["source"], re.M) if cell["kind"] == "markdown" else []
        if headings:
            section, count = slug(headings[-1]), 0
            seen[section] = seen.get(section, 0) + 1
            if seen[section] > 1:
                section = f"{section}-{seen[section]}"
        count += 1
        ids[cell["ordinal"]] = f"{section}-{count}"
    return ids


def make_notebook(lesson: str, track: str, solved: bool = False) -> Any:
    """The notebook of a lesson for a track, without outputs. solved: with the solutions in place of the exercises."""
    settings, front = course_settings(), lessons.front_matter(lesson)
    cells = [new_markdown_cell(title_block(lesson, track, settings), id="title")]
    if front.get("objectives"):
        cells.append(new_markdown_cell(objectives_block(lesson), id="objectives"))
    cells.append(new_code_cell(bootstrap_code(settings), id="bootstrap", metadata={"tags": ["bootstrap"]}))
    ids = cell_ids(lesson)
    source = lessons.cells(lesson, track)
    solutions = {_exercise_of(cell): cell["source"] for cell in source if "solution" in cell["tags"]}
    for cell in source:
        if "solution" in cell["tags"]:
            continue
        if cell["kind"] == "markdown":
            cells.append(new_markdown_cell(cell["source"], id=ids[cell["ordinal"]]))
            continue
        code = cell["source"]
        if solved and "exercise" in cell["tags"]:
            if _exercise_of(cell) not in solutions:
                raise lessons.LessonError(f"{lesson}: exercise {_exercise_of(cell)} has no solution for {track}")
            code = solutions[_exercise_of(cell)]
        tags = [NBVAL_TAGS.get(tag, tag) for tag in cell["tags"] if tag not in lessons.TRACKS]
        cells.append(new_code_cell(code, id=ids[cell["ordinal"]], metadata={"tags": tags} if tags else {}))
    return new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "course": {"lesson": lesson, "track": track},
        },
    )


def _exercise_of(cell: dict[str, Any]) -> str:
    found = [tag for tag in cell["tags"] if re.fullmatch(r"q\d+", tag)]
    if len(found) != 1:
        raise lessons.LessonError(f"a cell tagged {cell['tags']} must name one exercise, such as q1")
    return found[0]


def code_hash(notebook: Any) -> str:
    """A fingerprint of all code cells but the one that fetches the course; outputs belong to one such fingerprint."""
    counted = [cell.source for cell in notebook.cells if cell.cell_type == "code" and cell.get("id") != "bootstrap"]
    code = "\n\0\n".join(counted)
    return hashlib.sha256(code.encode()).hexdigest()


def keep_outputs(new: Any, old: Any) -> bool:
    """Copy outputs from `old` into `new` where they belong to the same code. Says whether they did."""
    fingerprint = code_hash(new)
    if old is None or old.metadata.get("course", {}).get("outputs_of") != fingerprint:
        return False
    code = [cell for cell in old.cells if cell.cell_type == "code"]
    for cell, before in zip((c for c in new.cells if c.cell_type == "code"), code, strict=True):
        cell.outputs, cell.execution_count = before.outputs, before.execution_count
    renew_quizzes(new)
    for fact in ("outputs_of", "numbers"):
        if fact in old.metadata["course"]:
            new.metadata["course"][fact] = old.metadata["course"][fact]
    return True


def renew_quizzes(notebook: Any) -> None:
    """Make the stored outputs of shown quizzes anew: they follow from the quiz's file and the helpers, not from a run."""
    for cell in notebook.cells:
        shown = re.search(r'quiz\.show\("(\w+)", "(before|after)"\)', cell.source)
        for output in cell.get("outputs", []) if shown else []:
            if "text/html" in output.get("data", {}):
                output.data = quiz_show.output(quiz.load(shown[1]), shown[2])


def to_text(notebook: Any) -> str:
    """The notebook as the text of its file."""
    nbformat.validate(notebook)
    return nbformat.writes(notebook, version=4, indent=1) + "\n"


def read(path: Path) -> Any:
    """A notebook file, or None where there is none."""
    return nbformat.read(path, as_version=4) if path.is_file() else None


# ---------------------------------------------------------------------------------------------------- the command line


def check(lesson: str, track: str) -> list[str]:
    """What differs between a committed notebook and what its source gives; empty when nothing does."""
    path = lessons.notebook_file(lesson, track)
    name, old = path.relative_to(paths.root()), read(path)
    if old is None:
        return [f"{name} is missing: run python notebooks/build.py {lesson}"]
    new = make_notebook(lesson, track)
    if not keep_outputs(new, old):
        return [f"{name}: its outputs belong to other code: run python notebooks/build.py {lesson} --execute"]
    if to_text(new) == path.read_text(encoding="utf-8"):
        return []
    for a, b in zip(old.cells, new.cells, strict=False):
        if (a.get("id"), a.source) != (b.get("id"), b.source):
            return [f"{name}, cell {b.get('id')}: differs from its source: run python notebooks/build.py {lesson}"]
    return [f"{name} differs from what its source gives: run python notebooks/build.py {lesson}"]


def build(lesson: str, track: str) -> None:
    """Write one notebook, keeping outputs that still belong to its code."""
    path = lessons.notebook_file(lesson, track)
    notebook = make_notebook(lesson, track)
    kept = keep_outputs(notebook, read(path))
    paths.write_whole(path, to_text(notebook))
    print(f"{path.relative_to(paths.root())}: {len(notebook.cells)} cells, outputs {'kept' if kept else 'none'}")


def run_numbers(lesson: str, track: str, started: int) -> dict[str, Any]:
    """What the run that began at `started` (ns since 1970) recorded: profile, seed, finite values; {} when nothing."""
    files = [f for f in (paths.build_folder() / "numbers").glob(f"{lesson}.{track}.*.json")
             if f.stat().st_mtime_ns >= started]  # fmt: skip
    if not files:
        return {}
    report = json.loads(max(files, key=lambda file: file.stat().st_mtime_ns).read_text(encoding="utf-8"))
    values = {name: float(f"{value:.6g}") for name, value in report["numbers"].items() if math.isfinite(value)}
    return {"profile": report["profile"], "seed": report["seed"], "values": values}


def execute_and_save(lesson: str, track: str, save: bool) -> None:
    """Run a notebook from its first cell to its last and keep its outputs."""
    import execute

    notebook = make_notebook(lesson, track)
    path = lessons.notebook_file(lesson, track)
    path.parent.mkdir(parents=True, exist_ok=True)
    started = time.time_ns()
    execute.run_notebook(notebook, path.parent, f"{lesson} {track}")
    notebook.metadata["course"]["outputs_of"] = code_hash(notebook)
    if numbers := run_numbers(lesson, track, started):
        notebook.metadata["course"]["numbers"] = numbers
    if save:
        paths.write_whole(path, to_text(notebook))
    else:
        out = paths.build_folder() / "unsaved" / f"{lesson}.{track}.ipynb"
        paths.write_whole(out, to_text(notebook))
        print(f"left in {out}")


def main() -> int:
    """Read the command line and do as it says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lessons", nargs="*", help="such as 02_vae; default: all")
    parser.add_argument("--track", choices=[*lessons.TRACKS, "both"], help="one track only")
    parser.add_argument(
        "--check", action="store_true", help="change nothing; fail when a file isn't what its source gives"
    )
    parser.add_argument("--execute", action="store_true", help="run the notebooks and keep their outputs")
    parser.add_argument("--no-save", action="store_true", help="with --execute: leave the result under build/ only")
    options = parser.parse_args()
    problems: list[str] = []
    try:
        for lesson in options.lessons or lessons.everything():
            for track in lessons.tracks(lesson):
                if options.track and track != options.track:
                    continue
                if options.check:
                    problems += check(lesson, track)
                elif options.execute:
                    execute_and_save(lesson, track, save=not options.no_save)
                else:
                    build(lesson, track)
        if not options.lessons or (options.execute and not options.no_save):
            problems += tables.check() if options.check else tables.update()
    except lessons.LessonError as error:
        problems.append(str(error))
    for problem in problems:
        print(problem, file=sys.stderr)
    if options.check and not problems:
        print("all notebooks and tables are what their sources give")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
