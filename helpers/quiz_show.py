"""Show a quiz as one output: interactive where scripts run, a plain list of questions elsewhere.

The keyboard: Tab goes from question to question, the arrow keys move among the answers of one without choosing, the space
bar or Enter chooses; a number is typed and sent by Enter. Feedback and score are announced to screen readers, and every
verdict has a word and a mark beside its colour. Answers are kept by the browser, under the lesson and part, and are sent
nowhere: they outlive the kernel, a new run of the cell and a reload of the page, and both tracks of a lesson share them.
"""

import hashlib
import html
import json
import re
import sys
from pathlib import Path
from typing import Any

# A light card, in both themes of JupyterLab. Every pair that meets has a contrast of at least 4.5, of frames 3.
COLOURS = {
    "card": "#FFFFFF",
    "text": "#1A1A1A",
    "quiet": "#4A4A4A",
    "frame": "#6E6E6E",
    "field": "#F4F4F4",
    "focus": "#0072B2",
    "right": "#00563E",
    "right-field": "#E6F4EE",
    "wrong": "#8F2500",
    "wrong-field": "#FCEDE7",
}
STYLE = """
.course-quiz[data-shown] {background: @card; color: @text; border: 1px solid @frame; border-radius: 8px;
max-width: 44rem; padding: 4px 16px 12px; color-scheme: light; font: 15px/1.45 system-ui, sans-serif}
.course-quiz .question {border: 0; margin: 18px 0 0; padding: 0; min-width: 0}
.course-quiz legend {display: block; width: 100%; padding: 0; margin: 0 0 8px; font-size: inherit; font-weight: 600;
color: @text; border: 0}
.course-quiz .task {display: block; color: @quiet; font-size: 13px; font-weight: 400}
.course-quiz .answers {display: flex; flex-direction: column; gap: 6px; margin: 0}
.course-quiz .typed {flex-flow: row wrap; align-items: center}
.course-quiz .answer {display: flex; gap: 8px; align-items: baseline; border: 1px solid @frame; border-radius: 6px;
background: @field; padding: 6px 10px; cursor: pointer}
.course-quiz .answer input {margin: 0; flex: none; accent-color: @focus}
.course-quiz .mark {margin-left: auto; white-space: nowrap; font-weight: 600}
.course-quiz :focus-visible, .course-quiz .answer:focus-within {outline: 3px solid @focus; outline-offset: 1px}
.course-quiz .answer input:focus-visible {outline: none}
.course-quiz .number {font: inherit; width: 9em; padding: 4px 8px; border: 1px solid @frame; border-radius: 6px;
background: @field; color: @text}
.course-quiz button {font: inherit; padding: 4px 14px; border: 1px solid @frame; border-radius: 6px;
background: @field; color: @text; cursor: pointer}
.course-quiz [data-state=right] {border-color: @right; background: @right-field; color: @right}
.course-quiz [data-state=wrong] {border-color: @wrong; background: @wrong-field; color: @wrong}
.course-quiz.course-quiz p.feedback {margin: 6px 0 0; padding: 0 2px; background: none}
.course-quiz .end {border-top: 1px solid @frame; margin-top: 12px; padding-top: 10px}
.course-quiz.course-quiz .score {margin: 0 0 8px; font-weight: 600}
.course-quiz.course-quiz .kept {margin: 8px 0 0; color: @quiet; font-size: 13px}
.course-quiz.course-quiz[data-shown] code {background: none; color: inherit; font-size: .95em; padding: 0}
.course-quiz.course-quiz[data-shown] pre {background: @field; color: @text; padding: 8px 10px; margin: 0 0 8px; overflow-x: auto}
"""


def display(quiz: dict[str, Any], part: str) -> None:
    """Display one part of a loaded quiz in the notebook; without a notebook, print it as text."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None:
        print(plain_text(quiz, part))
        return
    from IPython.display import display as show

    show(output(quiz, part), raw=True)


def output(quiz: dict[str, Any], part: str) -> dict[str, str]:
    """What a notebook stores of a shown part: the page, and the text for places without HTML."""
    return {"text/html": page(quiz, part), "text/plain": plain_text(quiz, part)}


def page(quiz: dict[str, Any], part: str) -> str:
    """The quiz as HTML: a plain list that the script replaces. The same quiz gives the same text, byte for byte."""
    name = f"quiz_{quiz['lesson']}_{part}"
    plain = plain_html(quiz, part)
    if quiz.get("scored") is False:
        return plain
    numbers = (f"Question {at} of {len(quiz[part])}" for at in range(1, len(quiz[part]) + 1))
    questions = [as_data(question, number) for question, number in zip(quiz[part], numbers, strict=True)]
    # Every text in the data is escaped: none ends the script.
    data = json.dumps(questions, ensure_ascii=False, separators=(",", ":"))
    fingerprint = hashlib.sha256(data.encode()).hexdigest()[:16]
    constants = f'const questions = {data}, name = "{name}", fingerprint = "{fingerprint}";'
    script = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    style = re.sub(r"@([a-z-]+)", lambda match: COLOURS[match[1]], STYLE)
    return (
        f'<div class="course-quiz {name}">{plain}</div>\n<style>{_shorter(style)}</style>\n'
        f"<script>(() => {{\n{constants}\n{_shorter(script)}\n}})();</script>"
    )


def _shorter(code: str) -> str:
    """Without comments on lines of their own, indentation and empty lines."""
    lines = [line.strip() for line in code.splitlines()]
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def as_data(question: dict[str, Any], number: str = "Question") -> dict[str, Any]:
    """A question as the script reads it: texts escaped for HTML, numbers as closed ranges. number: what stands above it."""
    shown = {
        "kind": question["type"],
        "points": question["points"],
        "task": f"{number} · {_points(question)}" + (" · choose all that apply" * (question["type"] == "multiple")),
        "text": _markup(question["question"]),
        "answers": _answers(question),
    }
    if question.get("code"):
        shown["code"] = html.escape(question["code"].rstrip(), quote=False)
    if question["type"] == "numeric":
        shown |= {"unit": html.escape(question.get("unit", "")), "otherwise": _markup(question["otherwise"])}
    return shown


def _answers(question: dict[str, Any]) -> list[dict[str, Any]]:
    if question["type"] == "numeric":
        return [_span(question["answer"], True), *(_span(wrong, False) for wrong in question["wrong"])]
    return [
        {"text": _markup(one["text"]), "right": bool(one.get("correct")), "feedback": _markup(one["feedback"])}
        for one in question["answers"]
    ]


def _span(value: dict[str, Any], right: bool) -> dict[str, Any]:
    """A value with its tolerance as a range, a hair wider, as 0.1 + 0.2 isn't 0.3."""
    reach = value["tolerance"] + 1e-9 * max(1.0, abs(value["value"]))
    limits = {"low": value["value"] - reach, "high": value["value"] + reach}
    return limits | {"right": right, "feedback": _markup(value["feedback"])}


def _points(question: dict[str, Any]) -> str:
    return f"{question['points']} point" + ("" if question["points"] == 1 else "s")


def _remark(question: dict[str, Any]) -> str:
    every = " Choose all that apply." if question["type"] == "multiple" else ""
    return f"{every} ({_points(question)})"


def _markup(text: str) -> str:
    """Plain text → HTML: escaped, `code` marked."""
    escaped = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)


def plain_text(quiz: dict[str, Any], part: str) -> str:
    """The questions of a part as text, right answers not marked."""
    lines = [_headline(quiz, part)]
    for number, question in enumerate(quiz[part], 1):
        lines.append(f"{number}. {' '.join(question['question'].split())}{_remark(question)}")
        lines += [f"     {line}" for line in question.get("code", "").rstrip().splitlines()]
        box = "[ ]" if question["type"] == "multiple" else "( )"
        lines += [f"   {box} {' '.join(answer['text'].split())}" for answer in question.get("answers", [])]
        if question["type"] == "numeric":
            lines.append(f"   ____ {question.get('unit', '')}".rstrip())
    return "\n".join(lines)


def _headline(quiz: dict[str, Any], part: str) -> str:
    count = len(quiz[part])
    points = sum(question["points"] for question in quiz[part])
    title = f"Quiz {part} the lesson “{quiz['title']}”: {count} questions, {points} points."
    if quiz.get("scored") is False:
        return f"{title} This copy holds no answers: note yours, and hand them in as your course asks."
    return f"{title} To answer them, open the notebook and run this cell."


def plain_html(quiz: dict[str, Any], part: str) -> str:
    """The same list as HTML, for places that show stored outputs without running scripts."""
    items = []
    for question in quiz[part]:
        code = f"<pre>{html.escape(question['code'].rstrip(), quote=False)}</pre>" if question.get("code") else ""
        answers = "".join(f"<li>{_markup(answer['text'])}</li>" for answer in question.get("answers", []))
        answers = f"<ul>{answers}</ul>" if answers else ""
        items.append(f"<li>{_markup(question['question'])}{_remark(question)}{code}{answers}</li>")
    return f"<p>{html.escape(_headline(quiz, part), quote=False)}</p><ol>{''.join(items)}</ol>"


def stored_bytes(quiz: dict[str, Any], part: str) -> int:
    """How much one shown part adds to a notebook file."""
    stored = {kind: text.splitlines(True) for kind, text in output(quiz, part).items()}
    return len(json.dumps(stored, ensure_ascii=False, indent=1).encode())
