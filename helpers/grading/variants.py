"""Variants: the numbers that one student's copy asks for, and the list that says which student has which variant.

A class's list is a CSV with a column `student`, as the learning platform spells the names, perhaps `id`, and `variant`: a whole
number that `make release` draws for every student without one and adds to the list. The grader reads the same list.
"""

import csv
import io
import re
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers import paths
from helpers.exercise_compare import agree
from helpers.exercise_engine import find_mistake
from helpers.exercise_tensors import to_numpy
from helpers.exercise_types import DefinitionError, Exercise, Variant

ATTEMPTS = 50
LARGEST = 2**31


class ListError(ValueError):
    """A class's list that can't be used; the message says which line and why."""


# --- an exercise's numbers


def variant_of(one: Exercise, number: int | None) -> Variant:
    """The variant with this number: the first of its draws that is no other exercise's answer in disguise.

    Without a number, or for an exercise without variants, the exercise itself. Raises DefinitionError.
    """
    if number is None or one.variants is None:
        return Variant({}, one)
    for attempt in range(ATTEMPTS):
        seed = np.random.SeedSequence([zlib.crc32(one.id.encode()), 21, number, attempt])
        drawn = one.variants(np.random.default_rng(seed))
        if _of_its_own(drawn.exercise, one):
            return drawn
    raise DefinitionError(f"{one.id}: no draw of variant {number} tells the mistakes apart: choose another number")


def in_variant(one: Exercise, number: int | None) -> Exercise:
    """The exercise of a variant. Raises DefinitionError."""
    return variant_of(one, number).exercise


def _of_its_own(drawn: Exercise, base: Exercise) -> bool:
    """Whether each mistake shows as itself, and the answer to the course's own numbers as nothing that is known."""
    right, theirs = to_numpy(drawn.reference), to_numpy(base.reference)
    alone = all(_known_as(drawn, to_numpy(mistake.answer)) is mistake for mistake in drawn.mistakes)
    return alone and not agree(theirs, right, drawn.tolerance) and _known_as(drawn, theirs) is None


def _known_as(one: Exercise, answer: object) -> object:
    return find_mistake(one, [{}], [answer], [to_numpy(one.reference)])


# --- a class's list


@dataclass(frozen=True)
class Classmate:
    """One line of a class's list."""

    student: str
    id: str
    variant: int

    @property
    def key(self) -> str:
        """Name and number as one word, for file names."""
        return re.sub(r"[^\w.-]+", "_", f"{self.student}_{self.id}" if self.id else self.student).strip("._")[:80]


def read_list(file: Path, draw: bool = False) -> list[Classmate]:
    """The students of a class's list. draw: give a variant to those who have none, and write the list again.

    Raises ListError, OSError.
    """
    try:
        reader = csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline=""))
        rows = [{key: (value or "").strip() for key, value in row.items() if key} for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ListError(f"{file} is no CSV in UTF-8: {error}") from None
    columns = [*(reader.fieldnames or ())]
    if "student" not in columns:
        raise ListError(f"{file} needs a column `student` in its first line; it has: {', '.join(columns) or 'nothing'}")
    rows = [row for row in rows if any(row.values())]
    taken = {row["variant"] for row in rows if row.get("variant")}
    missing = [row for row in rows if not row.get("variant")]
    if missing and not draw:
        raise ListError(f"{file}: {missing[0]['student']} has no variant yet: make the release with this list first")
    for row in missing:
        while (number := str(secrets.randbelow(LARGEST))) in taken:
            pass
        row["variant"] = number
        taken.add(number)
    found = [_classmate(file, line, row) for line, row in enumerate(rows, 2)]
    _all_different(file, found)
    if missing:
        _write_list(file, columns, rows)
    return found


def _classmate(file: Path, line: int, row: Mapping[str, str]) -> Classmate:
    if not row["student"]:
        raise ListError(f"{file}, line {line}: the student's name is missing")
    if not row["variant"].isdecimal() or int(row["variant"]) >= LARGEST:
        raise ListError(f"{file}, line {line}: a variant is a whole number below 2^31; this is {row['variant']!r}")
    return Classmate(row["student"], row.get("id", ""), int(row["variant"]))


def _all_different(file: Path, found: list[Classmate]) -> None:
    if not found:
        raise ListError(f"{file} names no student")
    keys = [one.key.casefold() for one in found]
    for one in found:
        if not one.key or keys.count(one.key.casefold()) > 1:
            raise ListError(f"{file}: {one.student!r} can't be told from another student: add a column `id`")


def _write_list(file: Path, columns: list[str], rows: list[dict[str, str]]) -> None:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns if "variant" in columns else [*columns, "variant"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    paths.write_whole(file, out.getvalue())


def find(students: list[Classmate], name: str, number: str = "") -> Classmate | None:
    """Who on the list has handed something in: by number where both have one, else by name. None: nobody, or several."""
    same = [one for one in students if number and one.id == number]
    same = same or [one for one in students if _folded(one.student) == _folded(name) and not (number and one.id)]
    return same[0] if len(same) == 1 else None


def _folded(name: str) -> str:
    return " ".join(re.sub(r"[\W_]+", " ", name).split()).casefold()
