"""Quizzes for learning platforms: text2qti's Markdown for Canvas, XML for Moodle. Standard library only."""

import html
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import Any


def canvas_text(quiz: dict[str, Any], parts: Sequence[str]) -> str:
    """A quiz as text2qti reads it. Feedback on known wrong numbers joins the feedback on any wrong number."""
    title = f"Quiz title: {_one_line(quiz['title'])}, {' and '.join(parts)} the lesson"
    blocks = [f"{title}\nshuffle answers: true"]
    for question in (question for part in parts for question in quiz[part]):
        head = [f"Title: {question['id']}", f"Points: {question['points']}"]
        blocks.append("\n".join([*head, *_marked("1.", _canvas_question(question)), *_canvas_answers(question)]))
    return "\n\n".join(blocks) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _marked(marker: str, text: str) -> list[str]:
    """A text behind its marker; further lines are indented as far as its first one."""
    first, *rest = text.split("\n")
    indent = " " * (len(marker) + 1)
    return [f"{marker} {first}", *(indent + line if line else "" for line in rest)]


def _canvas_question(question: dict[str, Any]) -> str:
    text = _markdown(question["question"])
    if question.get("unit"):
        text += f" (in {_markdown(question['unit'])})"
    if question.get("code"):
        text += "\n\n```\n" + question["code"].rstrip() + "\n```\n"
    return text


def _canvas_answers(question: dict[str, Any]) -> list[str]:
    if question["type"] == "numeric":
        right = question["answer"]
        hints = [f"If you got {wrong['value']:g}: {wrong['feedback']}" for wrong in question["wrong"]]
        return [
            *_marked("+", _markdown(right["feedback"])),
            *_marked("-", _markdown(" ".join([question["otherwise"], *hints]))),
            f"=  {_number(right['value'])} +- {_number(right['tolerance'])}",
        ]
    lines = []
    for letter, answer in zip("abcdefgh", question["answers"], strict=False):
        right = bool(answer.get("correct"))
        if question["type"] == "single":
            marker = f"*{letter})" if right else f"{letter})"
        else:
            marker = "[*]" if right else "[ ]"
        lines += _marked(marker, _markdown(answer["text"])) + _marked("...", _markdown(answer["feedback"]))
    return lines


def _markdown(text: str) -> str:
    """Plain text with `code` → Markdown in which nothing else is markup."""
    pieces = re.split(r"(`[^`]+`)", _one_line(text))
    escaped = [piece if piece.startswith("`") and len(piece) > 1 else _escaped(piece) for piece in pieces]
    joined = "".join(escaped)
    return re.sub(
        r"^([-+]|\d+(?=\.\s))", lambda start: "\\" + start[1] if start[1] in "-+" else start[1] + "\\", joined
    )


def _escaped(text: str) -> str:
    text = re.sub(r"([\\*_\[\]{}#|~^])", r"\\\1", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _number(value: float) -> str:
    """A number without exponent, as platforms read it."""
    return f"{value:.10f}".rstrip("0").rstrip(".") if value != int(value) else str(int(value))


def moodle_xml(quiz: dict[str, Any], parts: Sequence[str]) -> str:
    """A quiz as Moodle XML, a question category for each part."""
    root = ET.Element("quiz")
    name = f"{quiz['lesson']} {_one_line(quiz['title'])}".replace("/", "//")  # a single / would part categories
    for part in parts:
        category = ET.SubElement(root, "question", type="category")
        _text(category, "category", f"$course$/top/{name}/{part} the lesson")
        for question in quiz[part]:
            root.append(_moodle_question(question))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _text(parent: ET.Element, tag: str, text: str, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, tag, attributes)
    ET.SubElement(element, "text").text = text
    return element


def _moodle_question(question: dict[str, Any]) -> ET.Element:
    numeric = question["type"] == "numeric"
    element = ET.Element("question", type="numerical" if numeric else "multichoice")
    _text(element, "name", question["id"])
    body = f"<p>{as_html(question['question'])}</p>"
    if question.get("unit"):
        body += f"<p>in {as_html(question['unit'])}</p>"
    if question.get("code"):
        body += f"<pre>{html.escape(question['code'].rstrip(), quote=False)}</pre>"
    _text(element, "questiontext", body, format="html")
    ET.SubElement(element, "defaultgrade").text = str(question["points"])
    ET.SubElement(element, "penalty").text = "0.3333333"
    ET.SubElement(element, "idnumber").text = question["id"]
    if numeric:
        _moodle_numbers(element, question)
    else:
        _moodle_choices(element, question)
    _text(ET.SubElement(element, "tags"), "tag", question["objective"])
    return element


def _moodle_choices(element: ET.Element, question: dict[str, Any]) -> None:
    """Right answers share 100 %; in a multiple question wrong ones share −100 %, so that guessing gains nothing."""
    single = question["type"] == "single"
    ET.SubElement(element, "single").text = "true" if single else "false"
    ET.SubElement(element, "shuffleanswers").text = "true"
    ET.SubElement(element, "answernumbering").text = "abc"
    right = sum(bool(answer.get("correct")) for answer in question["answers"])
    wrong = len(question["answers"]) - right
    for answer in question["answers"]:
        share = 100 / right if answer.get("correct") else 0 if single else -100 / wrong
        _moodle_answer(element, f"{share:.5f}".rstrip("0").rstrip("."), as_html(answer["text"]), answer["feedback"])


def _moodle_numbers(element: ET.Element, question: dict[str, Any]) -> None:
    spans = [(question["answer"], "100"), *((wrong, "0") for wrong in question["wrong"])]
    for span, fraction in spans:
        answer = _moodle_answer(element, fraction, _number(span["value"]), span["feedback"], "moodle_auto_format")
        ET.SubElement(answer, "tolerance").text = _number(span["tolerance"])
    rest = _moodle_answer(element, "0", "*", question["otherwise"], "moodle_auto_format")
    ET.SubElement(rest, "tolerance").text = "0"


def _moodle_answer(element: ET.Element, fraction: str, text: str, feedback: str, form: str = "html") -> ET.Element:
    answer = _text(element, "answer", text, fraction=fraction, format=form)
    _text(answer, "feedback", f"<p>{as_html(feedback)}</p>", format="html")
    return answer


def as_html(text: str) -> str:
    """A quiz's plain text with `code` → HTML."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(_one_line(text), quote=False))


FORMATS = {"canvas": canvas_text, "moodle": moodle_xml}
