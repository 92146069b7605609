"""How long a lesson takes a student: an estimate from what it holds, by rules that are stated."""

import re
from dataclasses import dataclass

from helpers import exercises, lessons, quiz

WORDS_A_MINUTE = 150  # prose with formulas in it, read once and understood
LINES_A_MINUTE = 25  # of code, read along while the cell runs
QUESTION_MINUTES = 0.5  # of a quiz, with its feedback
PLACES = ("before", "after")


@dataclass(frozen=True)
class Minutes:
    """Minutes of a student's work: the notebook read and run, each exercise, each part of the quiz."""

    notebook: int
    exercises: dict[str, int]
    quizzes: dict[str, int]

    @property
    def total(self) -> int:
        """All of it."""
        return self.notebook + sum(self.exercises.values()) + sum(self.quizzes.values())


def minutes(lesson: str, with_exercises: bool = True) -> Minutes:
    """The minutes of a lesson or project: as its front matter, its exercises and its quiz declare them."""
    known = with_exercises and lesson in exercises.known_lessons()
    declared = exercises.definitions(lesson) if known else {}
    content = quiz.load(lesson) if lesson in quiz.lessons_with_quiz() else {part: [] for part in PLACES}
    return Minutes(
        lessons.front_matter(lesson)["minutes"],
        {qid: one.minutes for qid, one in declared.items()},
        {part: max(1, round(QUESTION_MINUTES * len(content[part]))) for part in PLACES if content[part]},
    )


def estimate(cells: list) -> float:
    """Minutes to read the cells of a notebook and run them, by the rules above."""
    words = sum(len(re.findall(r"\w+", cell.source)) for cell in cells if cell.cell_type == "markdown")
    lines = sum(len(cell.source.splitlines()) for cell in cells if cell.cell_type == "code")
    return words / WORDS_A_MINUTE + lines / LINES_A_MINUTE
