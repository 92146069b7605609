"""A quiz on paper: one HTML page that prints well, with or without the key. Standard library only."""

import html
from collections.abc import Sequence
from typing import Any

from helpers.quiz_export import as_html

LETTERS = "abcdefgh"
TASKS = {"single": "One answer is right.", "multiple": "One or more are right.", "numeric": "Write a number."}
RIGHT = '<span class="right" role="img" aria-label="right">✔</span>'
WRONG = '<span role="img" aria-label="wrong">✘</span>'
STYLE = """
body { font: 11pt/1.45 Georgia, serif; color: #000; background: #fff; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4em; } h2 { font-size: 1.1em; margin-top: 2em; }
.who { display: flex; gap: 2rem; } .who span { flex: 1; border-bottom: 1px solid #000; padding-top: 1.6em; }
.question { break-inside: avoid; margin: 1.4em 0; } .task { color: #444; font-style: italic; }
ol.answers { list-style: none; padding-left: 0; } ol.answers li { margin: 0.35em 0 0.35em 1.9em; text-indent: -1.9em; }
.box { display: inline-block; width: 0.85em; height: 0.85em; border: 1px solid #000; margin: 0 0.45em -0.05em 0; }
.round { border-radius: 50%; } .blank { display: inline-block; width: 9em; border-bottom: 1px solid #000; }
pre { background: #f3f3f3; padding: 0.5em 0.8em; white-space: pre-wrap; } code { font-family: monospace; }
.key { margin-left: 1.9em; color: #333; } .right { font-weight: bold; }
@media print { body { margin: 0; max-width: none; } }
"""


def printable_html(quiz: dict[str, Any], parts: Sequence[str], key: bool = False) -> str:
    """A quiz as a page to print. key: with right answers marked in words and with every piece of feedback."""
    title = f"{quiz['title']}: questions {' and '.join(parts)} the lesson"
    head = html.escape(title, quote=False) + (" · key" if key else "")
    points = sum(question["points"] for part in parts for question in quiz[part])
    lines = ["<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
             '<meta name="viewport" content="width=device-width, initial-scale=1">', f"<title>{head}</title>",
             f"<style>{STYLE}</style>", "</head>", "<body>", "<main>", f"<h1>{head}</h1>"]  # fmt: skip
    if not key:
        lines.append('<p class="who"><span>Name</span><span>Date</span></p>')
    lines.append(f"<p>{points} points</p>")
    number = 0
    for part in parts:
        if len(parts) > 1:
            lines.append(f"<h2>{part.capitalize()} the lesson</h2>")
        for question in quiz[part]:
            number += 1
            lines += _question(question, number, key)
    return "\n".join([*lines, "</main>", "</body>", "</html>"]) + "\n"


def _question(question: dict[str, Any], number: int, key: bool) -> list[str]:
    worth = "1 point" if question["points"] == 1 else f"{question['points']} points"
    lines = [f'<section class="question" id="{question["id"]}">',
             f"<p><strong>{number}.</strong> {as_html(question['question'])} "
             f'<span class="task">{TASKS[question["type"]]} ({worth})</span></p>']  # fmt: skip
    if question.get("code"):
        lines.append(f"<pre>{html.escape(question['code'].rstrip(), quote=False)}</pre>")
    lines += _number(question, key) if question["type"] == "numeric" else _choices(question, key)
    return [*lines, "</section>"]


def _choices(question: dict[str, Any], key: bool) -> list[str]:
    shape = "box round" if question["type"] == "single" else "box"
    lines = ['<ol class="answers">']
    for letter, answer in zip(LETTERS, question["answers"], strict=False):
        text = f'<span class="{shape}" aria-hidden="true"></span>{letter}) {as_html(answer["text"])}'
        if key:
            verdict = RIGHT if answer.get("correct") else WRONG
            text += f'<div class="key">{verdict} {as_html(answer["feedback"])}</div>'
        lines.append(f"<li>{text}</li>")
    return [*lines, "</ol>"]


def _number(question: dict[str, Any], key: bool) -> list[str]:
    unit = f" {as_html(question['unit'])}" if question.get("unit") else ""
    if not key:
        return [f'<p><span class="blank" role="img" aria-label="space for a number"></span>{unit}</p>']
    right = question["answer"]
    lines = [f'<p class="key">{RIGHT} {right["value"]:g}{unit}, give or take '
             f"{right['tolerance']:g}. {as_html(right['feedback'])}</p>"]  # fmt: skip
    lines += [
        f'<p class="key">{WRONG} {wrong["value"]:g}: {as_html(wrong["feedback"])}</p>' for wrong in question["wrong"]
    ]
    return [*lines, f'<p class="key">{WRONG} else: {as_html(question["otherwise"])}</p>']
