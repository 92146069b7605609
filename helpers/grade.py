"""Grade a folder or an archive of submitted notebooks: one CSV and one page of feedback a student.

    python -m helpers.grade SUBMISSIONS --lesson 02_vae --out grades/

A student's code runs in a process of its own, with limits, and sees no expected value and no other submission: this side
sends inputs, those of the notebook's own check and fresh ones from a secret seed, and compares what comes back. Started
again, it grades only what is new or changed, with the same seed, and so gives the same grades. `helpers.grading.judge` says
how points are given.
"""

import argparse
import contextlib
import hashlib
import json
import os
import queue
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from helpers import exercises, lessons, paths
from helpers.exercise_types import Exercise
from helpers.grading import notebook as grading_notebook
from helpers.grading import pages, sandbox
from helpers.grading import submissions as grading_submissions
from helpers.grading.judge import EMPTY, FAILED, Rules, Verdict, judge
from helpers.grading.pages import Grade
from helpers.grading.session import Ended, StudentError
from helpers.grading.variants import Classmate, ListError, find, in_variant, read_list
from helpers.grading.workers import Settings, Workers
from helpers.progress import Progress
from helpers.runtime import PROFILES

VERSION = 1  # raised when the same submission may earn other points than before

_WALLS: dict[tuple[str, ...], tuple[str, ...]] = {}  # what this system offers of the walls that were asked for


@dataclass
class Grader:
    """Grades submissions of one lesson. Use it in a `with`, which ends its workers."""

    lesson: str
    rules: Rules
    settings: Settings = field(default_factory=Settings)
    jobs: int = 1
    track: str = ""
    students: Sequence[Classmate] = ()  # who has questions with numbers of their own

    def __post_init__(self) -> None:
        self.turn_to(self.lesson)
        self._slots: queue.LifoQueue[dict[str, Workers]] = queue.LifoQueue()
        self._stopped = threading.Event()

    def turn_to(self, lesson: str) -> None:
        """Grade another lesson from here on, with the same workers."""
        self.lesson = lesson
        self.exercises = exercises.definitions(lesson)
        self.released = {track: _released(lesson, track) for track in lessons.tracks(lesson)}

    def __enter__(self) -> "Grader":
        self._folder = tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True)
        os.chmod(self._folder.name, 0o711)
        sandbox.hide_memory()
        if self.settings.forked and self.settings.walls:
            wanted = self.settings.walls
            if wanted not in _WALLS:
                _WALLS[wanted] = self._walls()
            self.settings = replace(self.settings, walls=_WALLS[wanted])
        for _ in range(self.jobs):
            self._slots.put({})
        return self

    def __exit__(self, *_: Any) -> None:
        self._stopped.set()
        while not self._slots.empty():
            for workers in self._slots.get().values():
                workers.close()
        self._folder.cleanup()

    def _walls(self) -> tuple[str, ...]:
        """The safest walls behind which harmless code works on this system."""
        code = "import decimal, wave, scipy.fft, helpers.numpy_layers\nopen('x', 'w').write('1')\nfine = open('x').read() == '1'"
        for walls in sandbox.COMBINATIONS:
            if not set(walls) <= set(self.settings.walls) | {"half user"} or ("half user" in walls and os.getuid()):
                continue
            workers, works = Workers("numpy", replace(self.settings, walls=walls), Path(self._folder.name)), False
            with contextlib.suppress(Ended, StudentError, OSError), workers.worker() as session:
                works = session.load([("trial", code)], "fine")[0] is True
            workers.close()
            if works:
                return walls
        return ()

    def protections(self) -> str:
        """One sentence on what student code could still reach on this system."""
        walls = self.settings.walls
        if not self.settings.forked:
            return "This system offers no walls around student code beyond separate processes and time limits."
        has = {
            "no network and no sight of other processes": "namespaces" in walls,
            "no file beyond Python, the course's helpers and an empty folder": "landlock" in walls,
            "another user": bool({"user", "half user"} & set(walls)) or os.getuid() != 0,
        }
        yes, no = ([text for text, there in has.items() if there is wanted] for wanted in (True, False))
        text = "Student code runs with limits on time, memory, prints and processes" + "".join(
            f"; {one}" for one in yes
        )
        return text + ("." if not no else f". NOT available on this system: {'; '.join(no)}.")

    def version(self) -> str:
        """A fingerprint of all that decides on points: exercises, checks, the grader, its rules and settings."""
        profile = self.settings.profile
        found = hashlib.sha256(f"{VERSION} {self.lesson} {self.rules} {self.track} {profile}".encode())
        for file in _judging():
            found.update(file.read_bytes())
        for notebook in self.released.values():
            found.update(repr(notebook).encode())
        return found.hexdigest()

    def grade_all(self, submissions: list[grading_submissions.Submission]) -> Iterator[Grade]:
        """Grades as they come, `jobs` at a time."""
        with ThreadPoolExecutor(self.jobs) as pool:
            waiting = [pool.submit(self.grade, one) for one in submissions]
            try:
                for done in as_completed(waiting):
                    yield done.result()
            except BaseException:
                self._stopped.set()
                for one in waiting:
                    one.cancel()
                raise

    def grade(self, submission: grading_submissions.Submission) -> Grade:
        """The grade of one submission. Whatever it holds, the others' grades don't change."""
        started = time.perf_counter()
        grade = Grade(submission.student, submission.id, submission.key, self.lesson)
        try:
            self._grade(submission, grade)
        except Exception as error:  # a fault of the grader must not cost others their grades
            grade.remarks.append(f"the grader failed ({type(error).__name__}: {str(error)[:200]}): look at it by hand")
        for qid in self.exercises:
            grade.verdicts.setdefault(qid, Verdict(EMPTY, 0, ["Not graded: see the remarks."]))
        grade.verdicts = {qid: grade.verdicts[qid] for qid in self.exercises}
        grade.remarks = [*submission.remarks, *grade.remarks]
        grade.seconds = round(time.perf_counter() - started, 2)
        return grade

    def _grade(self, submission: grading_submissions.Submission, grade: Grade) -> None:
        chosen = grading_submissions.choose(submission, self.lesson)
        if chosen is None:
            files = ", ".join([*submission.notebooks, *submission.others][:5])
            grade.remarks.append(f"no notebook of this lesson among the files ({files})")
            return
        grade.file = chosen[0]
        slot = self._slots.get()
        try:
            plans = self._plans(chosen[1], grade, slot)
            variant = self.variant(submission)
            if self.students and variant is None:
                grade.remarks.append("not on the class's list: graded with the course's own numbers")
            for qid, one in self.exercises.items() if plans else ():
                if self._stopped.is_set():
                    raise InterruptedError("the grader was stopped")
                grade.verdicts[qid] = self._grade_exercise(plans[qid], in_variant(one, variant), grade.track, slot)
        finally:
            self._slots.put(slot)

    def variant(self, submission: grading_submissions.Submission) -> int | None:
        """The variant of the student on the class's list; None for the course's own numbers."""
        found = find(self.students, submission.student, submission.id)
        return found.variant if found else None

    def _plans(self, content: bytes, grade: Grade, slot: dict[str, Workers]) -> dict[str, dict[str, Any]]:
        """What to run for each exercise; nothing, with a remark, where the notebook can't be read."""
        settings = replace(self.settings, wall_seconds=self.settings.reading_seconds)
        with self._workers("numpy", slot).worker(settings) as session:
            try:
                lesson, track = session.read(content)
                if lesson and lesson != self.lesson:
                    grade.remarks.append(f"this is a notebook of lesson {lesson}")
                grade.track = self.track or track or next(iter(self.released))
                released = self.released.get(grade.track) or next(iter(self.released.values()))
                return session.plans(released, list(self.exercises))
            except StudentError as error:
                grade.remarks.append(str(error))
            except Ended as end:
                grade.remarks.append(f"the notebook can't be read: {end}")
        return {}

    def _workers(self, framework: str, slot: dict[str, Workers]) -> Workers:
        if framework not in slot:
            slot[framework] = Workers(framework, self.settings, Path(self._folder.name))
        return slot[framework]

    def _grade_exercise(
        self, found: dict[str, Any], exercise: Exercise, track: str, slot: dict[str, Workers]
    ) -> Verdict:
        if "reason" in found:
            return Verdict(EMPTY, 0, [f"Not answered: {found['reason']}."])
        plan, whole = found["plan"], found["whole"]
        verdict = self._judged(plan, exercise, track, slot, self.settings)
        if verdict.points == exercise.points or not whole:
            return verdict
        if self.settings.profile:
            again = self._judged(whole, exercise, track, slot, self.settings.for_training())
            ran = f"The notebook was run up to this exercise, training included, with PROFILE={self.settings.profile}."
            return max(replace(again, messages=[*again.messages, ran]), verdict, key=lambda one: one.points)
        if not verdict.points and _undefined(verdict, plan):
            return replace(verdict, state=FAILED, messages=[_needs_training(plan), *verdict.messages])
        return verdict

    def _judged(
        self, plan: grading_notebook.Plan, exercise: Exercise, track: str, slot: dict[str, Workers], settings: Settings
    ) -> Verdict:
        """The verdict on an answer, after the plan's cells in a fresh worker."""
        numpy_alone = exercise.arrays == "numpy" or exercise.inputs is None
        framework = "numpy" if numpy_alone and not plan.uses_framework() else track
        with self._workers(framework, slot).worker(settings) as session:
            try:
                answer, problems = session.load(plan.cells, plan.answer)
            except Ended as end:
                return Verdict(FAILED, 0, [*plan.remarks, f"Your code gave no result: {end}."], session.printed)
            except StudentError as error:
                text = f"`{plan.answer[:80]}` has no value: {error}"
                return Verdict(FAILED, 0, [*plan.remarks, text], session.printed)
            verdict = judge(
                exercise, answer, session, track if track in lessons.TRACKS else "numpy", self.rules, self.lesson
            )
        if verdict.points < exercise.points:
            verdict.messages += [f"While your cells ran: {text}" for text in problems[:2]]
        verdict.messages += [text[:1].upper() + text[1:] + "." for text in plan.remarks]
        return verdict


def _judging() -> list[Path]:
    """The files of the course whose code decides on points."""
    patterns = ("exercise*.py", "exercise_sets/*.py", "grade.py", "grading/*.py")
    return sorted(file for pattern in patterns for file in (paths.root() / "helpers").glob(pattern))


def _undefined(verdict: Verdict, plan: grading_notebook.Plan) -> bool:
    """Whether the code ended at a name that only cells which aren't run would define."""
    text = "\n".join(verdict.messages)
    return any(f"name '{name}' is not defined" in text for name in plan.left_out)


def _needs_training(plan: grading_notebook.Plan) -> str:
    return (
        f"It needs {', '.join(plan.left_out[:6])}, which a cell makes that the grader doesn't run (training, data). "
        "Write the numbers themselves into the answer, or ask your teacher to grade with --run-training."
    )


def _released(lesson: str, track: str) -> grading_notebook.Notebook:
    """The notebook that students got, as its source gives it (from the file where the source isn't here)."""
    path = lessons.notebook_file(lesson, track)
    return grading_notebook.read(path.read_bytes())


# --- the command line


def _recorded_seed(file: Path, given: int | None) -> int:
    """The seed asked for, that of an earlier run into the same folder, or a new secret one."""
    if given is not None:
        return given
    with contextlib.suppress(OSError, ValueError, KeyError):
        return int(json.loads(file.read_text(encoding="utf-8"))["seed"])
    return secrets.randbits(63)


def _stored(file: Path, fingerprint: str) -> Grade | None:
    """A grade of an earlier run, where it was for the same submission, rules and seed."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        return pages.from_json(told["grade"]) if told["fingerprint"] == fingerprint else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _fingerprint(submission: grading_submissions.Submission, version: str) -> str:
    """What a grade depends on: the bytes of all of a student's notebooks, and the grader's version."""
    found = hashlib.sha256(version.encode())
    for name, content in submission.contents():
        found.update(name.encode(errors="backslashreplace"))
        found.update(hashlib.sha256(content.encode() if isinstance(content, str) else content).digest())
    found.update("\n".join([*submission.others, *submission.remarks]).encode(errors="backslashreplace"))
    return found.hexdigest()


def run(submissions: Path, out: Path, grader: Grader, quiet: bool = False) -> list[Grade]:
    """Grade all submissions into `out`: grades.csv, a page each, and records/ for the next run. Returns the grades."""
    found = grading_submissions.find(submissions)
    _own_keys(found)
    records = out / "records"
    records.mkdir(parents=True, exist_ok=True)
    title = f"Lesson {grader.lesson}" if grader.lesson not in lessons.everything() else _title(grader.lesson)
    version = grader.version()
    facts = {
        "lesson": grader.lesson,
        "seed": grader.rules.seed,
        "rules": str(grader.rules),
        "walls": grader.protections(),
    }
    paths.write_whole(records / "run.json", json.dumps(facts, indent=1))
    grades, missing, fingerprints = {}, [], {}
    for one in found:
        fingerprints[one.key] = _fingerprint(one, f"{version} {grader.variant(one)}")
        grade = _stored(records / f"{one.key}.json", fingerprints[one.key])
        if grade is None:
            missing.append(one)
        else:
            grades[one.key] = grade
    for grade in (
        Progress(grader.grade_all(missing), "grading", len(missing)) if not quiet else grader.grade_all(missing)
    ):
        grades[grade.key] = grade
        paths.write_whole(out / f"{grade.key}.html", pages.page(grade, grader.exercises, title))
        told = {"fingerprint": fingerprints[grade.key], "grade": grade.as_json()}
        paths.write_whole(records / f"{grade.key}.json", json.dumps(told, indent=1))
    ordered = [grades[one.key] for one in found]
    for grade in ordered:
        file = out / f"{grade.key}.html"
        if not file.is_file():
            paths.write_whole(file, pages.page(grade, grader.exercises, title))
    paths.write_whole(out / "grades.csv", pages.table(ordered, grader.exercises))
    return ordered


def _own_keys(found: list[grading_submissions.Submission]) -> None:
    """Number students whose names read alike in file names, or as a name that is taken."""
    seen = {"grades", "records", "con", "nul", "aux", "prn"}
    for one in found:
        while one.key.casefold() in seen:
            one.number = max(one.number, 1) + 1
        seen.add(one.key.casefold())


def _title(lesson: str) -> str:
    front = lessons.front_matter(lesson)
    return f"Lesson {front['number']}: {front['title']}" if front.get("number") else str(front["title"])


def parser() -> argparse.ArgumentParser:
    """The command line's options."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("submissions", type=Path, help="a folder or .zip, as Moodle or Canvas makes it")
    made.add_argument("--lesson", required=True, help="such as 02_vae")
    made.add_argument(
        "--out", type=Path, default=Path("grades"), help="where the CSV and the pages go (default: grades/)"
    )
    made.add_argument("--variants", type=Path, metavar="CSV", help="the class's list that the release was made with")
    made.add_argument("--track", choices=lessons.TRACKS, default="", help="default: as each notebook says")
    made.add_argument("--seed", type=int, help="of the hidden cases; default: secret, kept in records/run.json")
    made.add_argument(
        "--hidden-cases", type=int, default=5, help="fresh random cases beside the public ones (default: 5)"
    )
    made.add_argument(
        "--partial",
        type=float,
        default=0.5,
        help="share of the points for a named mistake or half of the cases (default: 0.5)",
    )
    made.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="submissions at a time (default: all cores)"
    )
    made.add_argument(
        "--seconds", type=float, default=60, help="at most, for one exercise of one student (default: 60)"
    )
    made.add_argument(
        "--run-training",
        nargs="?",
        const="quick",
        default="",
        choices=PROFILES,
        metavar="PROFILE",
        help="where an answer needs what training made, run the notebook up to it, in PROFILE (quick; or smoke, full)",
    )
    made.add_argument("--memory", type=float, default=3, help="GB that student code may take (default: 3)")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and do as it says."""
    options = parser().parse_args(arguments)
    if not 0 <= options.partial < 1 or options.hidden_cases < 0 or options.jobs < 1:
        parser().error("--partial lies from 0 to below 1, --hidden-cases from 0 on, --jobs from 1 on")
    seed = _recorded_seed(options.out / "records" / "run.json", options.seed)
    hidden = tuple(str(path.resolve()) for path in (options.submissions, options.out))
    memory = int(options.memory * 2**30)
    settings = Settings(wall_seconds=options.seconds, memory=memory, hidden=hidden, profile=options.run_training)
    rules = Rules(seed, options.hidden_cases, options.partial)
    try:
        students = read_list(options.variants) if options.variants else ()
        with Grader(options.lesson, rules, settings, options.jobs, options.track, students) as grader:
            print(grader.protections())
            started = time.perf_counter()
            grades = run(options.submissions, options.out, grader)
    except (
        exercises.UnknownExercise,
        grading_submissions.NoSubmissions,
        lessons.LessonError,
        ListError,
        OSError,
        RuntimeError,
    ) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped. What is graded is kept; start again to go on.", file=sys.stderr)
        return 130
    spent = time.perf_counter() - started
    print(f"{len(grades)} submissions in {spent:.0f} s: {options.out / 'grades.csv'}, and a page for each.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
