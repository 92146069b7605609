"""One copy for each student of a class: the students' edition with numbers of its own, and the key for the instructor."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace

import release_numbers
import release_search
import release_student
from helpers.grading.variants import Classmate
from release_exercises import ReleaseError
from release_files import Files, zipped
from release_student import Choice


def copies(choice: Choice, students: Sequence[Classmate], common: Files) -> Iterator[tuple[str, bytes]]:
    """The path and bytes of each student's zip, one after another. common: the students' edition of any variant.

    Raises ReleaseError where a copy would hold a solution.
    """
    secrets = release_search.secrets()
    changing = {lesson for lesson, _ in release_numbers.asked(choice.lessons)}
    for one in students:
        own = replace(choice, variant=one.variant)
        files = release_student.exercise_files(own) | release_student.frame(own)
        for lesson, track in release_student.every(own):
            if lesson in changing:
                path = release_student.notebook_path(lesson, track)
                files[path] = release_student.notebook_data(own, lesson, track, set(common))
        found = release_search.found_in(files, secrets)
        if found:
            raise ReleaseError("\n".join([f"the copy of {one.student} would hold solutions:", *found[:20]]))
        yield f"students/{one.key}.zip", zipped(common | files, "pixels-from-noise")


def key(choice: Choice, students: Sequence[Classmate]) -> bytes:
    """A CSV for the instructor: each student's variant and right answers."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    columns = release_numbers.asked(choice.lessons)
    writer.writerow(["student", "id", "variant", *(f"{lesson} {qid}" for lesson, qid in columns)])
    for one in students:
        answers = [release_numbers.right_answer(lesson, qid, one.variant) for lesson, qid in columns]
        writer.writerow([one.student, one.id, one.variant, *answers])
    return out.getvalue().encode()
