"""The rules of a quiz file: its schema and what a schema can't say. Each problem names file, question and remedy."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PARTS = ("before", "after")
_LATEX = re.compile(r"\$|\\\(|\\\[|\\[a-zA-Z]{2,}")
_MOST_LONGEST = 2 / 3  # of the single questions may have the right answer as their longest one
_ENOUGH_TO_JUDGE = 3  # single questions, before position and length are looked at


def questions(quiz: dict[str, Any]) -> list[dict[str, Any]]:
    """All questions of a quiz, those before the lesson first."""
    return [question for part in PARTS for question in quiz.get(part) or []]


def schema_problems(content: Any, schema_file: Path) -> list[str]:
    """Where the content breaks the schema, in words. An empty list when it holds."""
    import jsonschema

    schema = json.loads(schema_file.read_text(encoding="utf-8"))
    errors = sorted(jsonschema.Draft202012Validator(schema).iter_errors(content), key=lambda error: list(error.path))
    return [f"{_place(content, list(error.path))}: {_words(error)}" for error in errors]


def _place(content: Any, path: list[Any]) -> str:
    """Where an error is: the question's id as far as there is one, then the field."""
    if len(path) < 2 or path[0] not in PARTS:
        return f"field {path[0]!r}" if path else "the file"
    question = content[path[0]][path[1]]
    name = question.get("id") if isinstance(question, dict) else None
    words = [f"question {name}" if name else f"question {path[1] + 1} of {path[0]!r}"]
    for field, index in zip(path[2::2], [*path[3::2], None], strict=False):
        words.append(f"{field} {index + 1}" if isinstance(index, int) else f"{field} {index}" if index else f"{field}")
    return ", ".join(words)


def _words(error: Any) -> str:
    value = error.instance
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in value]
        return f"add {', '.join(missing)}"
    if error.validator == "additionalProperties":
        known = ", ".join(error.schema["properties"])
        return f"an unknown field: {error.message.split('(')[-1].rstrip(')')}; known here: {known}"
    if error.validator == "type" and error.validator_value == "string":
        return (
            f"{value!r} is no text; put it between quotes, as YAML reads yes, no, numbers and dates as something else"
        )
    if error.validator == "enum":
        return f"{value!r} must be one of {', '.join(map(repr, error.validator_value))}"
    if error.validator == "pattern":
        return f"{value!r} doesn't have the form {error.validator_value}"
    if error.validator in {"minItems", "minLength"}:
        return f"needs at least {error.validator_value}"
    return error.message


def rule_problems(quiz: dict[str, Any], file_stem: str) -> list[str]:
    """What a file that fits the schema still gets wrong: ids, right answers, maths, answers that show by their form."""
    problems = [] if quiz["lesson"] == file_stem else [f"field 'lesson': write {file_stem!r}, the file's name"]
    for part in PARTS:
        for question in quiz[part]:
            problems += [f"question {question['id']}: {text}" for text in _question_problems(question, part, file_stem)]
    problems += list(_repeated(quiz))
    problems += list(_giveaways([question for question in questions(quiz) if question["type"] == "single"]))
    return problems


def _question_problems(question: dict[str, Any], part: str, file_stem: str) -> Iterator[str]:
    start = f"{file_stem[:2]}-{part}-"
    if not question["id"].startswith(start):
        yield f"its id must start with {start}, as it stands in {part!r} of {file_stem}.yaml"
    for text in texts(question):
        if _LATEX.search(text):
            yield f"write the maths in {text[:50]!r} in Unicode (μ, σ², ½, ∑); LaTeX isn't typeset in a quiz"
        if text.count("`") % 2:
            yield f"a backtick without its partner in {text[:50]!r}"
    yield from _numeric_problems(question) if question["type"] == "numeric" else _choice_problems(question)


def _choice_problems(question: dict[str, Any]) -> Iterator[str]:
    answers = question["answers"]
    right = sum(bool(answer.get("correct")) for answer in answers)
    if question["type"] == "single" and right != 1:
        yield f"a single question has exactly one answer with correct: true; this one has {right}"
    if question["type"] == "multiple" and not 0 < right < len(answers):
        yield "a multiple question needs at least one right and one wrong answer"
    if len({_plain(answer["text"]) for answer in answers}) < len(answers):
        yield "two answers read alike; change one"


def _numeric_problems(question: dict[str, Any]) -> Iterator[str]:
    right = question["answer"]
    if right["value"] == 0 and right["tolerance"] == 0:
        yield "an answer of 0 needs a tolerance above 0 (Canvas refuses it otherwise)"
    spans = [right, *question["wrong"]]
    for i, one in enumerate(spans):
        for other in spans[i + 1 :]:
            if abs(one["value"] - other["value"]) <= one["tolerance"] + other["tolerance"]:
                yield f"the values {one['value']:g} and {other['value']:g} overlap within their tolerances"


def texts(question: dict[str, Any]) -> list[str]:
    """Every text of a question that is shown, without its code block."""
    found = [question["question"], question.get("unit", ""), question.get("otherwise", "")]
    for answer in question.get("answers", []):
        found += [answer["text"], answer["feedback"]]
    for value in [question[key] for key in ("answer",) if key in question] + question.get("wrong", []):
        found.append(value["feedback"])
    return [text for text in found if text]


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _repeated(quiz: dict[str, Any]) -> Iterator[str]:
    for what, values in (
        ("id", [question["id"] for question in questions(quiz)]),
        ("question", [_plain(question["question"] + question.get("code", "")) for question in questions(quiz)]),
    ):
        for value, count in Counter(values).items():
            if count > 1:
                yield f"the {what} {value[:60]!r} stands {count} times; each must be unique"


def _giveaways(singles: list[dict[str, Any]]) -> Iterator[str]:
    """Patterns by which a right answer shows: always in the same place, mostly the longest."""
    if len(singles) < _ENOUGH_TO_JUDGE:
        return
    places = {[bool(answer.get("correct")) for answer in one["answers"]].index(True) for one in singles}
    if len(places) == 1:
        number = places.pop() + 1
        yield f"the right answer is number {number} in all {len(singles)} single questions: change the order in some"
    longest = [one["id"] for one in singles if _longest_is_right(one)]
    if len(longest) > _MOST_LONGEST * len(singles):
        share = f"{len(longest)} of {len(singles)}"
        yield f"the right answer is the longest in {share} single questions ({', '.join(longest)}): shorten some"


def _longest_is_right(question: dict[str, Any]) -> bool:
    right = [len(answer["text"]) for answer in question["answers"] if answer.get("correct")]
    return right[0] > max(len(answer["text"]) for answer in question["answers"] if not answer.get("correct"))


def completeness_problems(quiz: dict[str, Any], objectives: list[str] | None) -> list[str]:
    """What a finished lesson needs beside valid questions: enough of them, about known objectives, and about each one.

    objectives: ids from the lesson's front matter; None where the lesson isn't here.
    """
    least = 2 if quiz["lesson"].startswith("00_") else 5
    problems = [
        f"field {part!r}: needs at least {least} questions, has {len(quiz[part])}"
        for part in PARTS
        if len(quiz[part]) < least
    ]
    if objectives is None:
        return problems
    for question in questions(quiz):
        if question["objective"] not in {*objectives, "prerequisite"}:
            known = ", ".join(objectives)
            problems.append(f"question {question['id']}: unknown objective {question['objective']!r}; known: {known}")
    asked = {question["objective"] for question in questions(quiz)}
    problems += [f"objective {name!r} has no question" for name in objectives if name not in asked]
    return problems
