"""A lesson's page for instructors: objectives, timing, exercises with solutions and common wrong answers, the quiz's key."""

from collections.abc import Iterator
from typing import Any

import tables
import timing
from helpers import exercises, lessons, quiz
from helpers.exercise_engine import evaluate
from helpers.exercise_tensors import ByTrack
from helpers.exercise_types import WRONG, Exercise

TRACK_NAMES = {"pytorch": "PyTorch", "tensorflow": "TensorFlow"}
KINDS = {"implement": "write code", "derive": "derive", "bug": "find the bugs", "design": "design", "open": "open"}


def guide(lesson: str, tracks: list[str], with_exercises: bool = True) -> str:
    """The page in Markdown."""
    front = lessons.front_matter(lesson)
    kind = "Project" if lessons.is_project(lesson) else "Lesson"
    number = f"{kind} {front['number']}: " if front["number"] else ""
    declared = exercises.definitions(lesson) if lesson in exercises.known_lessons() and with_exercises else {}
    content = quiz.load(lesson) if lesson in quiz.lessons_with_quiz() else None
    lines = [
        f"# {number}{front['title']}",
        "",
        front["promise"],
        "",
        "For instructors; students don't get this page.",
        "",
    ]
    lines += [*_objectives(front), *_timing(lesson, front, with_exercises)]
    if declared:
        lines += ["## Exercises", ""]
        for one in declared.values():
            lines += _exercise(lesson, one, tracks)
    if content:
        lines += [*_key(content)]
    return "\n".join(lines).rstrip() + "\n"


def _objectives(front: dict[str, Any]) -> list[str]:
    if not front.get("objectives"):
        return []
    rows = [f"{number}. {one['text']}" + (f" (met by {', '.join(map(str, one['met_by']))})" if one.get("met_by") else "")
            for number, one in enumerate(front["objectives"], 1)]  # fmt: skip
    needs = ["", "Students need: " + "; ".join(front["prerequisites"]) + "."] if front.get("prerequisites") else []
    return ["## Objectives", "", "After it, students can", "", *rows, *needs, ""]


def _timing(lesson: str, front: dict[str, Any], with_exercises: bool) -> list[str]:
    held = timing.minutes(lesson, with_exercises)
    rows = ["## Timing", "", "| part | minutes |", "| --- | --- |", f"| the notebook, read and run | {held.notebook} |"]
    declared = exercises.definitions(lesson) if held.exercises else {}
    rows += [f"| exercise {qid[1:]}: {declared[qid].title} | {number} |" for qid, number in held.exercises.items()]
    content = quiz.load(lesson) if held.quizzes else {}
    rows += [f"| quiz {part} ({len(content[part])} questions) | {number} |" for part, number in held.quizzes.items()]
    smoke, quick, full = (tables.duration(front["budgets"][profile]) for profile in ("smoke", "quick", "full"))
    running = (
        f"Running every cell takes at most {quick} on a laptop CPU (`quick`, {front['budgets']['quick']['gb']} GB), "
        f"{full} on a GPU (`full`), {smoke} in `smoke`."
    )
    return [*rows, f"| together | {held.total} |", "", running, ""]


def _exercise(lesson: str, one: Exercise, tracks: list[str]) -> list[str]:
    points = f"{one.points} point{'' if one.points == 1 else 's'}"
    lines = [f"### Exercise {one.id[1:]}: {one.title}", "", f"{KINDS[one.kind]} · {points} · {one.minutes} minutes", ""]
    solutions = {track: lessons.solution(lesson, one.id, track) for track in tracks}
    same = len(set(solutions.values())) == 1
    for track, code in list(solutions.items())[: 1 if same else None]:
        where = "" if same else f" in {TRACK_NAMES[track]}"
        lines += [f"**Solution{where}**", "", "```python", code.strip(), "```", ""]
    lines += ["**Common wrong answers, and what to say**", "", *(f"- {text}" for text in wrong_answers(one)), ""]
    return [*lines, "**Hints**, one step at a time", "", *(f"{at}. {hint}" for at, hint in enumerate(one.hints, 1)), ""]


def wrong_answers(one: Exercise) -> list[str]:
    """What a check says to each known wrong answer, each text once."""
    texts = [mistake.message for mistake in one.mistakes if isinstance(mistake.message, str)]
    return list(dict.fromkeys([*texts, *_verdicts(one)]))


def _verdicts(one: Exercise) -> Iterator[str]:
    for wrong in one.wrong:
        answer = wrong.answer
        if isinstance(answer, ByTrack):
            if answer.numpy is None:
                continue
            answer = answer.build("numpy")
        result = evaluate(one, answer, "numpy")
        if result.state == WRONG:
            yield " ".join(result.messages[0].split())


def _key(content: dict[str, Any]) -> list[str]:
    lines = ["## Quiz key", ""]
    for part in ("before", "after"):
        lines += [f"### {part.capitalize()} the lesson", ""]
        for number, question in enumerate(content[part], 1):
            lines += [f"**{number}. {' '.join(question['question'].split())}** ({question['id']})", ""]
            if question.get("code"):
                lines += ["```python", question["code"].rstrip(), "```", ""]
            lines += [f"- {text}" for text in _answers(question)] + [""]
    return lines


def _answers(question: dict[str, Any]) -> Iterator[str]:
    if question["type"] == "numeric":
        right, unit = question["answer"], f" {question['unit']}" if question.get("unit") else ""
        yield f"✔ {right['value']:g}{unit}, give or take {right['tolerance']:g}. {right['feedback']}"
        yield from (f"✘ {wrong['value']:g}: {wrong['feedback']}" for wrong in question["wrong"])
        yield f"✘ else: {question['otherwise']}"
        return
    for answer in question["answers"]:
        mark = "✔" if answer.get("correct") else "✘"
        yield f"{mark} {' '.join(answer['text'].split())}: {' '.join(answer['feedback'].split())}"
