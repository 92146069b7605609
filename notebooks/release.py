"""Make what a class gets: build/release/student (no solutions) and build/release/instructor, each as a folder and a zip.

    python notebooks/release.py                                     the whole course
    python notebooks/release.py --lessons 02_vae 04_gan --track pytorch
    python notebooks/release.py --no-exercises --no-quiz-key
    python notebooks/release.py --variant 7 --out build/release_7   checks that compare on other numbers
    python notebooks/release.py --variants class.csv                 a zip with numbers of its own for each student on the list
    python notebooks/release.py --nbgrader                          build/release/nbgrader as well: the exercises for nbgrader

The students' edition is searched for solutions before it is written; an earlier release stays whole until the new one is.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import release_instructor
import release_nbgrader
import release_search
import release_student
import release_variants
from helpers import exercises, lessons, paths, quiz
from helpers.grading.variants import Classmate, ListError, read_list
from release_exercises import ReleaseError
from release_files import publish
from release_student import Choice

START = "00_start_here"


def chosen(
    names: Sequence[str] | None, track: str | None, with_exercises: bool, quiz_key: bool, variant: int | None
) -> Choice:
    """The choice that the options make; the notebook to start with is always in. Raises ReleaseError."""
    every = lessons.everything()
    unknown = [name for name in names or [] if name not in every]
    if unknown:
        raise ReleaseError(f"there is no lesson {', '.join(map(repr, unknown))}; there are: {', '.join(every)}")
    if variant is not None and variant < 0:
        raise ReleaseError(f"--variant is a whole number from 0 on; it is {variant}")
    wanted = [name for name in every if not names or name in names or name == START]
    if track and names is None:
        wanted = [name for name in wanted if not lessons.is_project(name) or track in lessons.tracks(name)]
    return Choice(tuple(wanted), track, with_exercises, quiz_key, variant)


def make(
    choice: Choice,
    out: Path,
    instructor: bool = True,
    nbgrader: bool = False,
    students: Sequence[Classmate] = (),
) -> dict[str, int]:
    """Build the editions and publish them; gives bytes by edition and zip. Raises ReleaseError when a solution is found.

    students: who gets a copy with numbers of its own, `students/NAME.zip`.
    """
    if release_nbgrader.in_use(out):
        raise ReleaseError(
            f"{out / 'nbgrader'} holds a class of nbgrader's: move it elsewhere, or name a new folder with --out"
        )
    editions = {"student": release_student.files(choice)}
    given = editions["student"]
    if nbgrader:
        editions["nbgrader"] = release_nbgrader.files(choice)
        given = given | release_nbgrader.handed_out(editions["nbgrader"])
    found = release_search.found_in(given, release_search.secrets())
    if found:
        raise ReleaseError("\n".join(["the students' edition would hold solutions:", *found[:20]]))
    if instructor:
        editions["instructor"] = release_instructor.files(choice)
        if students:
            editions["instructor"]["variants.csv"] = release_variants.key(choice, students)
    publish(editions, out, release_variants.copies(choice, students, editions["student"]) if students else ())
    sizes = {name: sum(map(len, files.values())) for name, files in editions.items()}
    sizes |= {f"{name}.zip": (out / f"{name}.zip").stat().st_size for name in editions}
    return sizes | {f"students/{one.key}.zip": (out / "students" / f"{one.key}.zip").stat().st_size for one in students}


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and do as it says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lessons", nargs="+", metavar="LESSON", help="such as 02_vae p3_creatures; default: all")
    parser.add_argument("--track", help=f"one track only: {' or '.join(lessons.TRACKS)}; default: both")
    parser.add_argument(
        "--exercises", action=argparse.BooleanOptionalAction, default=True, help="with the exercises, or not"
    )
    parser.add_argument(
        "--no-quiz-key", action="store_true", help="quizzes without right answers and feedback, shown unscored"
    )
    parser.add_argument("--variant", type=int, metavar="SEED", help="checks compare on the numbers of this seed")
    parser.add_argument(
        "--variants",
        type=Path,
        metavar="CSV",
        help="a list with a column `student`: a zip with its own numbers for each",
    )
    parser.add_argument(
        "--nbgrader", action="store_true", help="also the exercises in nbgrader's source layout, with a configuration"
    )
    parser.add_argument("--out", type=Path, help="the folder to write; default: build/release")
    options = parser.parse_args(arguments)
    out, started = options.out or paths.build_folder() / "release", time.perf_counter()
    try:
        if options.track not in (None, *lessons.TRACKS):
            raise ReleaseError(f"there is no track {options.track!r}; there are: {', '.join(lessons.TRACKS)}")
        if options.nbgrader and not options.exercises:
            raise ReleaseError("--nbgrader exports the exercises, which --no-exercises leaves out: give one of the two")
        if options.variants and (not options.exercises or options.variant is not None):
            raise ReleaseError("--variants gives each student a variant: leave out --no-exercises and --variant")
        if options.nbgrader and (options.variants or options.variant is not None):
            raise ReleaseError("nbgrader's sheets hold the course's own numbers: leave out --variant and --variants")
        choice = chosen(options.lessons, options.track, options.exercises, not options.no_quiz_key, options.variant)
        students = read_list(options.variants, draw=True) if options.variants else []
        sizes = make(choice, out.resolve(), nbgrader=options.nbgrader, students=students)
    except (ReleaseError, ListError, lessons.LessonError, exercises.DefinitionError, quiz.QuizError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{out}: {len(choice.lessons)} lessons and projects in {time.perf_counter() - started:.0f} s")
    for name, size in sizes.items():
        print(f"  {name:15} {size / 1e6:6.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
