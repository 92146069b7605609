"""Collect a run's figures, tables and verdicts for the report that a student writes from a project.

report = project_report.start(run)
report.show(fig, alt="…", caption="…")
report.table("Distances", ("model", "distance"), [("DCGAN", 41.2)])
report.write(questions=["What did you change, and what did you expect?"])
"""

import itertools
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helpers import claims, lessons, paths, plotting

PNG = b"\x89PNG"
PROMPTS = (
    "What did you change, and what did you expect? Write the expectation down before you run anything.",
    "What came out? Name the number, its spread over seeds, and the figure that shows it.",
    "What could have caused it other than what you think? How did you rule that out, or how would you?",
    "Which verdict of the table do your runs change, and how sure are you?",
    "What would you measure next, and what would it cost?",
)


def start(run: Any) -> "Report":
    """Begin the report of a run (what `runtime.start` returned)."""
    return Report(run)


class Report:
    """What a run has to show. Made by `start`; nothing is written before `write`."""

    def __init__(self, run: Any) -> None:
        self.run = run
        self.figures: list[tuple[bytes, str, str]] = []
        self.tables: list[str] = []
        self.path: Path | None = None  # of the report, once it is written

    def show(self, fig: Any, alt: str, caption: str) -> None:
        """Show a figure as `plotting.show` does, and keep it with its caption."""
        self.figures.append((plotting.figure_bytes(fig), alt, caption))
        plotting.show(fig, alt=alt)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Print a table in plain text, and keep it. Numbers show four significant digits. Raises ValueError."""
        cells = [[str(column) for column in columns], *([_cell(value) for value in row] for row in rows)]
        if not rows or {len(row) for row in cells} != {len(columns)}:
            raise ValueError(f"the table {title!r} needs rows of {len(columns)} cells, one for each of {list(columns)}")
        widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
        left = [all(not _is_number(row[i]) for row in rows) for i in range(len(columns))]
        print(title)
        for row in cells:
            print("  ".join(text.ljust(w) if start else text.rjust(w)
                            for text, w, start in zip(row, widths, left, strict=True)).rstrip())  # fmt: skip
        marks = ["---" if start else "---:" for start in left]
        lines = [f"| {' | '.join(text.replace('|', '/') for text in row)} |" for row in (cells[0], marks, *cells[1:])]
        self.tables.append(f"### {title}\n\n" + "\n".join(lines) + "\n")

    def write(self, questions: Sequence[str] = PROMPTS) -> None:
        """Write report.md and its figures to a new folder `build/reports/SLUG/run_N/`; prints the path and keeps it as `path`.

        Every call takes the next number: a student may have written into an earlier report.
        """
        reports = paths.build_folder() / "reports" / self.run.lesson
        folder = next(f for n in itertools.count(1) if not (f := reports / f"run_{n}").exists())
        part = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        names = []
        try:
            for i, (content, _, _) in enumerate(self.figures, 1):
                names.append(f"figure_{i}{'.png' if content.startswith(PNG) else '.jpg'}")
                (part / names[-1]).write_bytes(content)
            (part / "report.md").write_text(self.text(names, questions), encoding="utf-8")
            part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        count = f"{len(names)} figures and {len(self.tables)} tables"
        print(f"your report's template, with {count}: {paths.shown(folder / 'report.md')}")
        self.path = folder / "report.md"

    def text(self, names: Sequence[str], questions: Sequence[str]) -> str:
        """The report in Markdown; names: the files of its figures, beside it."""
        run, front = self.run, lessons.front_matter(self.run.lesson)
        settings = {"profile": run.profile, "seed": run.seed, **run.settings, **run.data}
        lines = [f"# {front['title']}", "", "Your name, the date:", "", "## The question", "", str(front["question"]), "",
                 "## What was run", "", "| setting | value |", "|---|---|"]  # fmt: skip
        lines += [f"| {name} | {value} |" for name, value in settings.items()]
        lines += ["", "## What came out", ""]
        for i, (name, (_, alt, caption)) in enumerate(zip(names, self.figures, strict=True), 1):
            lines += [f"![{alt}]({name})", "", f"Figure {i}. {caption}", ""]
        lines += self.tables
        lines += ["## The verdicts", "", f"They rest on {claims.made(run.lesson)}.", "",
                  claims.as_markdown(run.lesson, run.numbers), "## What you found", ""]  # fmt: skip
        for question in questions:
            lines += [f"**{question}**", "", "…", ""]
        return "\n".join(lines)


def _is_number(value: Any) -> bool:
    return not isinstance(value, str | bool) and hasattr(value, "__float__")


def _cell(value: Any) -> str:
    if not _is_number(value):
        return str(value)
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e6 else f"{float(value):.4g}"
