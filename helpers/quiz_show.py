"""Show a quiz through jupyterquiz, as one output: interactive where scripts run, a plain list of questions elsewhere.

What jupyterquiz gives to the keyboard: Tab reaches the answers, the arrow keys move within a single choice and choose
at once, the space bar chooses, Enter submits a number. It lacks visible focus, names for its inputs and feedback that
a screen reader announces; the style and script here add them, and make check boxes of questions with several right
answers. Still lacking: a number can't be pasted, and it is cleared when the field gets the focus again.
"""

import html
import json
import random
import re
import sys
from pathlib import Path
from typing import Any

# Light cards with dark headers, in both themes of JupyterLab. Every pair that meets has a contrast of at least 4.5.
COLOURS = {
    "--jq-multiple-choice-bg": "#004B75",
    "--jq-many-choice-bg": "#6B2A5B",
    "--jq-numeric-bg": "#00543C",
    "--jq-string-bg": "#4A3B00",
    "--jq-mc-button-bg": "#FAFAFA",
    "--jq-mc-button-border": "#6E6E6E",
    "--jq-mc-button-inset-shadow": "#555555",
    "--jq-numeric-input-bg": "#2B2B2B",
    "--jq-numeric-input-label": "#1A1A1A",
    "--jq-numeric-input-shadow": "#999999",
    "--jq-incorrect-color": "#A32A00",
    "--jq-correct-color": "#00664A",
    "--jq-text-color": "#FAFAFA",
    "--jq-link-color": "#CFE8FF",
}
CARD, CARD_TEXT, FOCUS = "#FFFFFF", "#1A1A1A", "#0072B2"
_STYLE = """
.NAME {{background: {card}; color: {text}; padding: 4px 12px 12px; max-width: 660px}}
.NAME .Quiz {{font-size: 1rem; line-height: 1.35; margin-left: 0}}
.NAME .Feedback {{font-size: 1rem; text-align: left; padding: 4px 2px}}
.NAME .MCButton {{justify-content: flex-start; text-align: left; gap: 8px; font-size: 1rem}}
.NAME .MCButton input {{position: static; width: 1rem; height: 1rem; margin: 0; flex: none; opacity: 1; clip: auto}}
.NAME .MCButton:focus-within, .NAME .Input-text:focus {{outline: 3px solid {focus}; outline-offset: 2px}}
.NAME .Answer {{border-radius: 8px}}
"""


def display(quiz: dict[str, Any], part: str) -> None:
    """Display one part of a loaded quiz in the notebook; without a notebook, print it as text."""
    text = plain_text(quiz, part)
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None:
        print(text)
        return
    from IPython.display import display as show

    show({"text/html": page(quiz, part), "text/plain": text}, raw=True)


def page(quiz: dict[str, Any], part: str) -> str:
    """The quiz as HTML: a plain list that the script replaces. The same quiz gives the same text, byte for byte."""
    name = f"quiz_{quiz['lesson']}_{part}"
    plain = plain_html(quiz, part)
    if quiz.get("scored") is False:
        return plain
    try:
        container, style, script = _jupyterquiz([as_jupyterquiz(question) for question in quiz[part]], name)
    except (ImportError, LookupError):  # not installed, or changed beyond what is known here
        return plain
    return f"{container}{plain}</div>\n<style>{style}</style>\n<script>{script}</script>"


def _jupyterquiz(questions: list[dict[str, Any]], name: str) -> tuple[str, str, str]:
    """Container, style and script as jupyterquiz makes them, with the class `name` for its random id.

    Raises LookupError where they don't look as expected.
    """
    markup, script = _captured(questions)
    found = re.match(r'<div id="(\w+)"', markup)
    container, opened, style = markup.partition("<style>")
    library, began, _ = script.partition("function try_show()")
    if not (found and opened and began and "function show_questions" in library):
        raise LookupError("this version of jupyterquiz is built differently")
    div_id = found[1]
    container = container.replace(f'id="{div_id}"', f'class="{name}"')
    style = style.removesuffix("</style>").replace(f"#{div_id} ", f".{name} ")
    style += _STYLE.format(card=CARD, text=CARD_TEXT, focus=FOCUS).replace("NAME", name)
    library = library.partition("function levenshteinDistance")[0]  # questions with text answers: none here
    library = library.replace(f"var questions{div_id}=", "var questions=").replace("</", "<\\/")
    own = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    script = f'(function () {{\n{library}\n{own}\ncourseQuiz(questions, "{name}", 50);\n}}\n}})();'
    return container, _shorter(style), _shorter(script)


def _captured(questions: list[dict[str, Any]]) -> tuple[str, str]:
    """The HTML and the script that display_quiz would display; its random id comes from a fixed seed."""
    import jupyterquiz

    shown: list[Any] = []
    around = jupyterquiz.display_quiz.__globals__
    before, state = around["display"], random.getstate()
    try:
        around["display"] = shown.append
        random.seed(0)
        jupyterquiz.display_quiz(questions, colors=COLOURS, max_width=640, border_radius=8)
    finally:
        around["display"] = before
        random.setstate(state)
    return shown[0].data, shown[1].data


def _shorter(code: str) -> str:
    """Without comments on lines of their own, messages to the console, indentation and empty lines."""
    code = re.sub(r"^\s*/\*.*?\*/\s*$", "", code, flags=re.MULTILINE | re.DOTALL)
    lines = [line.strip() for line in code.splitlines()]
    noise = re.compile(r"//.*|console\.(log|error)\(.*\);?")
    return "\n".join(line for line in lines if line and not noise.fullmatch(line))


def as_jupyterquiz(question: dict[str, Any]) -> dict[str, Any]:
    """A question in the form that jupyterquiz reads: texts escaped for HTML, each verdict with a mark beside colour."""
    shown = {"question": _markup(question["question"]) + _remark(question), "answers": _answers(question)}
    kinds = {"single": "multiple_choice", "multiple": "many_choice", "numeric": "numeric"}
    shown["type"] = kinds[question["type"]]
    if question.get("code"):
        shown["code"] = html.escape(question["code"].rstrip(), quote=False)
    if question.get("unit"):
        shown["unit"] = question["unit"]
    if question["type"] != "numeric":
        long = max(len(answer["text"]) for answer in question["answers"]) > 40
        shown["answer_cols"] = 1 if long else 2
    return shown


def _answers(question: dict[str, Any]) -> list[dict[str, Any]]:
    if question["type"] != "numeric":
        return [
            {
                "answer": _markup(answer["text"]),
                "correct": bool(answer.get("correct")),
                "feedback": _verdict(bool(answer.get("correct")), answer["feedback"]),
            }
            for answer in question["answers"]
        ]
    values = [_span(question["answer"], True), *(_span(wrong, False) for wrong in question["wrong"])]
    return [*values, {"type": "default", "feedback": _verdict(False, question["otherwise"])}]


def _span(value: dict[str, Any], correct: bool) -> dict[str, Any]:
    """A value with its tolerance as jupyterquiz's half-open range, a hair wider, as 0.1 + 0.2 isn't 0.3."""
    reach = value["tolerance"] + 1e-9 * max(1.0, abs(value["value"]))
    limits = [value["value"] - reach, value["value"] + reach]
    return {"type": "range", "range": limits, "correct": correct, "feedback": _verdict(correct, value["feedback"])}


def _verdict(correct: bool, feedback: str) -> str:
    return ("✔ " if correct else "✘ ") + _markup(feedback)


def _remark(question: dict[str, Any]) -> str:
    points = f"{question['points']} point" + ("" if question["points"] == 1 else "s")
    every = " Choose all that apply." if question["type"] == "multiple" else ""
    return f"{every} ({points})"


def _markup(text: str) -> str:
    """Plain text → HTML: escaped, `code` marked, and brackets kept from turning into links."""
    escaped = html.escape(" ".join(text.split()), quote=False).replace("](", "]&#40;")
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
    return f"{title} Open the notebook to answer them."


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
    output = {"text/html": page(quiz, part).splitlines(True), "text/plain": plain_text(quiz, part).splitlines(True)}
    return len(json.dumps(output, ensure_ascii=False, indent=1).encode())
