"""What the grader leaves: one row a student in a CSV, and one plain HTML page of feedback each. Written whole or not at all."""

import csv
import html
import io
import re
from dataclasses import asdict, dataclass, field
from typing import Any

from helpers.exercise_types import Exercise
from helpers.grading.judge import EMPTY, FAILED, PARTLY, RIGHT, Verdict

_MARKS = {RIGHT: "✔", PARTLY: "◐", EMPTY: "·", FAILED: "✘"}
_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; }
main { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; font-weight: bold; padding: .5rem 0; }
th, td { border: 1px solid #767676; padding: .4rem .6rem; text-align: left; vertical-align: top; }
td.points { text-align: right; }
pre { background: #f2f2f2; padding: .6rem; white-space: pre-wrap; overflow-wrap: anywhere; }
p.message { white-space: pre-wrap; overflow-wrap: anywhere; }
"""


@dataclass
class Grade:
    """A student's result: a verdict for each exercise, remarks, and how long it took."""

    student: str
    id: str
    key: str
    lesson: str
    file: str = ""
    track: str = ""
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def total(self) -> float:
        """All points."""
        return round(sum(one.points for one in self.verdicts.values()), 2)

    def as_json(self) -> dict[str, Any]:
        """For the record of a run."""
        return asdict(self)


def from_json(told: dict[str, Any]) -> Grade:
    """The way back of `Grade.as_json`."""
    verdicts = {qid: Verdict(**one) for qid, one in told.pop("verdicts").items()}
    return Grade(**told, verdicts=verdicts)


def clean(text: str) -> str:
    """A text without control characters, which neither a page nor a sheet may hold."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", "�", text)


def number(points: float) -> str:
    """Points without needless zeros."""
    return f"{points:.2f}".rstrip("0").rstrip(".")


def _cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    text = clean(text)
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def table(grades: list[Grade], exercises: dict[str, Exercise]) -> str:
    """The CSV: student, id, points of each exercise, total, of how many, track, file, remarks."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["student", "id", *exercises, "total", "of", "track", "file", "page", "remarks"])
    top = sum(one.points for one in exercises.values())
    for grade in grades:
        points = [number(grade.verdicts[qid].points) for qid in exercises]
        remarks = "; ".join([*grade.remarks, *_reasons(grade)])
        texts = [grade.track, grade.file, f"{grade.key}.html", remarks]
        writer.writerow([_cell(grade.student), _cell(grade.id), *points, number(grade.total), top, *map(_cell, texts)])
    return out.getvalue()


def _reasons(grade: Grade) -> list[str]:
    """What an instructor should know at a glance: exercises whose code gave no result."""
    return [
        f"{qid}: {one.messages[0].splitlines()[0][:200]}"
        for qid, one in grade.verdicts.items()
        if one.state == FAILED and one.messages
    ]


def page(grade: Grade, exercises: dict[str, Exercise], title: str) -> str:
    """A student's page."""
    top = sum(one.points for one in exercises.values())
    rows = "".join(
        f"<tr><th scope='row'>{qid}</th><td>{_safe(exercises[qid].title)}</td>"
        f"<td>{_MARKS.get(one.state, '✘')} {_safe(one.state)}</td>"
        f"<td class='points'>{number(one.points)} of {exercises[qid].points}</td></tr>"
        for qid, one in grade.verdicts.items()
    )
    parts = [_feedback(qid, exercises[qid], one) for qid, one in grade.verdicts.items()]
    remarks = "".join(f"<li>{_safe(text)}</li>" for text in grade.remarks)
    return (
        f"<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'><title>{_safe(title)}: {_safe(grade.student)}</title>"
        f"<meta name='viewport' content='width=device-width, initial-scale=1'><style>{_STYLE}</style></head>\n<body><main>"
        f"<h1>{_safe(title)}</h1><p>{_safe(grade.student)} · {number(grade.total)} of {top} points"
        f"{' · ' + _safe(grade.file) if grade.file else ''}</p>"
        f"{'<h2>Remarks</h2><ul>' + remarks + '</ul>' if remarks else ''}"
        f"<table><caption>Points</caption><thead><tr><th scope='col'>exercise</th><th scope='col'>title</th>"
        f"<th scope='col'>verdict</th><th scope='col'>points</th></tr></thead><tbody>{rows}</tbody></table>"
        f"{''.join(parts)}</main></body></html>\n"
    )


def _feedback(qid: str, exercise: Exercise, one: Verdict) -> str:
    messages = "".join(f"<p class='message'>{_safe(text)}</p>" for text in one.messages)
    printed = ""
    if one.printed and one.state != RIGHT:
        printed = f"<p>Your code printed:</p><pre>{_safe(one.printed[:1500])}</pre>"
    text = "<p>Right.</p>" if one.state == RIGHT and not one.messages else messages
    return f"<section><h2>{qid}: {_safe(exercise.title)}</h2>{text}{printed}</section>"


def _safe(text: str) -> str:
    return html.escape(clean(str(text)))
