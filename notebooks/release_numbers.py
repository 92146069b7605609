"""The numbers of a variant: in the questions of a notebook, and the right answers for the instructor."""

from collections.abc import Iterable
from typing import Any

from helpers import exercises
from helpers.grading.variants import in_variant, variant_of
from release_exercises import ReleaseError


def with_numbers(notebook: Any, lesson: str, variant: int | None) -> None:
    """Put a variant's numbers into the questions of a lesson's notebook. Raises ReleaseError where a text isn't there once."""
    for one in exercises.definitions(lesson).values() if lesson in exercises.known_lessons() else ():
        words = variant_of(one, variant).words
        if not words:
            continue
        question = _question(notebook, one.id)
        for word, other in words.items():
            if question.source.count(word) != 1:
                raise ReleaseError(
                    f"{lesson} {one.id}: {word!r} must stand once in the text before the exercise, for its variants"
                )
            question.source = question.source.replace(word, other)


def _question(notebook: Any, qid: str) -> Any:
    """The last text before an exercise."""
    cells = notebook.cells
    at = next(at for at, cell in enumerate(cells) if {"exercise", qid} <= set(cell.metadata.get("tags", [])))
    return next(cell for cell in reversed(cells[:at]) if cell.cell_type == "markdown")


def asked(names: Iterable[str]) -> list[tuple[str, str]]:
    """The exercises (lesson, id) of these lessons whose questions hold other numbers in each variant."""
    known = [lesson for lesson in names if lesson in exercises.known_lessons()]
    return [(lesson, qid) for lesson in known for qid, one in exercises.definitions(lesson).items() if one.variants]


def right_answer(lesson: str, qid: str, variant: int) -> str:
    """The right answer of a variant in words."""
    value = in_variant(exercises.definitions(lesson)[qid], variant).reference
    parts = value if isinstance(value, dict) else {"": value}
    return ", ".join(f"{name} {part:.6g}".strip() for name, part in parts.items())
