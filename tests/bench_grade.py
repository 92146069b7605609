"""Submissions that the grader gets through in a minute, on a class of lesson 2 in which no two notebooks are alike.

    python tests/bench_grade.py [--students 60] [--hostile 10] [--jobs 1]
    python tests/bench_grade.py --solved [--lesson 02_vae] [--track pytorch]

One in `--hostile` attacks the grader or is no notebook; of the others every second one is right, the rest partly right, mistaken,
edited or empty, in turn. Every score is compared with the one expected. The table says which kinds took the time.

--solved grades the solutions of every lesson and track, and the empty notebooks: all points, and none.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import benching
import grading_class

from helpers import grade, lessons
from helpers.grading.judge import Rules
from helpers.grading.pages import Grade
from helpers.grading.workers import Settings


def marked(student: grading_class.Student, number: int) -> grading_class.Student:
    """The same submission with a constant, a comment and a length of its own in every cell that defines something."""
    name = f"{student.name}-{number}"
    try:
        made = json.loads(student.content)
    except (ValueError, RecursionError):
        return replace(student, name=name, content=student.content + b" " * number)
    if isinstance(made, dict):
        for cell in made["cells"]:
            if isinstance(cell, dict) and cell["cell_type"] == "code" and "def " in (source := "".join(cell["source"])):
                cell["source"] = f"{source}\n\nMINE_{number} = {number}  # student {number}\n"
    return replace(student, name=name, content=json.dumps(made).encode() + b" " * number)


def crowd(students: int, hostile: int) -> Iterator[grading_class.Student]:
    """`students` submissions, every `hostile`-th an attack or no notebook, the kinds in turn."""
    attacks = [grading_class.hostile(name) for name in grading_class.HOSTILE] + grading_class.no_notebooks()
    right, *others = grading_class.honest()
    others += grading_class.odd_notebooks()
    for number in range(students):
        if hostile and number % hostile == hostile - 1:
            one = attacks[number // hostile % len(attacks)]
        else:
            one = right if number % 2 else others[number // 2 % len(others)]
        yield marked(one, number)


def wrong_scores(wanted: list[grading_class.Student], grades: list[Grade]) -> list[str]:
    """Where a student earned something else than expected."""
    by_name, found = {one.student: one for one in grades}, []
    for one in wanted:
        earned = by_name[one.name].verdicts
        found += [
            f"{one.name} {qid}: {earned[qid].points:g}, not {points:g}: {earned[qid].messages[:1]}"
            for qid, points in one.points.items()
            if points is not None and earned[qid].points != points
        ]
    return found


def processor_seconds() -> float:
    """Of this process and of all that it started and that have ended."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def measure(students: int, hostile: int, jobs: int) -> int:
    """Grade a crowd and print what it took; 1 where a score is wrong."""
    wanted = list(crowd(students, hostile))
    with tempfile.TemporaryDirectory() as folder:
        submissions, out = Path(folder, "in"), Path(folder, "out")
        for number, one in enumerate(wanted):
            own = submissions / f"{one.name}_{10_000 + number}_assignsubmission_file_"
            own.mkdir(parents=True)
            (own / "02_vae.ipynb").write_bytes(one.content)
        settings = Settings(hidden=(str(submissions.resolve()), str(out.resolve())))
        busy, spent, started = sum(benching.busy_seconds()), processor_seconds(), time.perf_counter()
        with grade.Grader(grading_class.LESSON, Rules(seed=7), settings, jobs) as grader:
            print(grader.protections(), flush=True)
            grades = grade.run(submissions, out, grader)
        seconds, spent = time.perf_counter() - started, processor_seconds() - spent
        others = (sum(benching.busy_seconds()) - busy - spent) / seconds
    print(f"\n{'kind':<18} {'submissions':>11} {'s each':>8} {'s in all':>9}")
    kinds: dict[str, list[float]] = {}
    for one in grades:
        kinds.setdefault(one.student.rsplit("-", 1)[0], []).append(one.seconds)
    for kind, each in sorted(kinds.items(), key=lambda item: -sum(item[1])):
        print(f"{kind:<18} {len(each):11} {sum(each) / len(each):8.2f} {sum(each):9.1f}")
    wrong = wrong_scores(wanted, grades)
    print("\n".join(f"WRONG SCORE {text}" for text in wrong) or "all scores as expected")
    rate = 60 * students / seconds
    print(
        f"{students} submissions, {jobs} at a time, in {seconds:.0f} s: {rate:.1f} a minute, 300 in {300 / rate:.1f} minutes; "
        f"{spent / students:.2f} processor seconds each; other programs kept {max(0.0, others):.1f} processors busy"
    )
    return int(bool(wrong))


def solved(only_lesson: str, only_track: str) -> int:
    """Grade each lesson's solutions and its empty notebook in each track; 1 where the points are not all and none."""
    wrong = 0
    for track in ("both", *lessons.TRACKS):
        with grade.Grader(lessons.names()[0], Rules(seed=7), Settings(call_seconds=60, wall_seconds=240)) as grader:
            for lesson in lessons.names():
                if (
                    track not in lessons.tracks(lesson)
                    or only_lesson not in {"", lesson}
                    or only_track not in {"", track}
                ):
                    continue
                grader.turn_to(lesson)
                full, empty = grading_class.solved(grader, track)
                top = sum(one.points for one in grader.exercises.values())
                told = [f"{qid}: {one.messages}" for qid, one in full.verdicts.items() if one.state != "right"]
                print(
                    f"{lesson} {track}: {full.total:g} of {top}, empty {empty.total:g}", *told, sep="\n    ", flush=True
                )
                wrong |= full.total != top or empty.total != 0
    return int(wrong)


def main() -> int:
    """Read the command line and measure."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--students", type=int, default=60)
    made.add_argument("--hostile", type=int, default=10, help="one in so many attacks; 0: none does")
    made.add_argument("--jobs", type=int, default=1)
    made.add_argument("--solved", action="store_true")
    made.add_argument("--lesson", default="")
    made.add_argument("--track", default="")
    options = made.parse_args()
    if options.solved:
        return solved(options.lesson, options.track)
    return measure(options.students, options.hostile, options.jobs)


if __name__ == "__main__":
    sys.exit(main())
