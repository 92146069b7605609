"""Run every notebook from its first cell to its last with nbval, and hold it to its budgets and thresholds.

    python notebooks/validate.py                        all notebooks in the profile quick
    python notebooks/validate.py 02_vae --track pytorch one notebook
    python notebooks/validate.py --solved --profile smoke --jobs 2

For each notebook: no cell raises; outputs of cells tagged nbval-check-output equal the committed ones; memory stays within
the budget of the profile; the recorded numbers keep the thresholds. Time depends on the machine and on what else runs
there: a notebook beyond its budget is called slow, and fails only beyond twice the budget, in two runs. Budgets are for
two cores; with --jobs each notebook has one, and twice the time. One table at the end shows it all.
--solved puts the solutions in place of the exercises, whose checks must then all pass.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import build
import scoreboard
from helpers import lessons, paths, thresholds

CELL_SECONDS = 300
CORES = 2  # that budgets count on
SLACK = 2.0  # times its budget, beyond which a notebook fails for its time
WIDTHS = (16, 11, 7, 14, 12)


@dataclass
class Result:
    """What came of one notebook."""

    lesson: str
    track: str
    seconds: float = 0.0
    peak_gb: float = 0.0
    numbers: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    reached: bool = True
    slow: bool = False  # took longer than its budget
    late: bool = False  # took longer than SLACK times its budget, which is a problem


def changed_lessons(base: str) -> set[str]:
    """Lessons and projects whose source or notebooks differ from the git revision `base`; all when helpers changed too."""
    listed = subprocess.run(
        ["git", "diff", "--name-only", base, "--"], capture_output=True, text=True, cwd=paths.root()
    )
    if listed.returncode != 0:
        print(f"git can't compare with {base!r}: every lesson counts as changed", file=sys.stderr)
        return set(lessons.everything())
    files = [line for line in listed.stdout.splitlines() if line]
    if any(file.startswith("helpers/") or file.startswith("requirements") for file in files):
        return set(lessons.everything())
    return {lesson for lesson in lessons.everything() if any(lesson in file for file in files)}


def edition(lesson: str, track: str, solved: bool) -> Path:
    """The notebook file to run: the committed one, or the solved edition with the committed outputs to compare with."""
    path = lessons.notebook_file(lesson, track)
    if not solved:
        return path
    notebook, committed = build.make_notebook(lesson, track, solved=True), build.read(path)
    before = {cell.id: cell for cell in committed.cells} if committed else {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.id in before and before[cell.id].source == cell.source:
            cell.outputs = before[cell.id].outputs
            cell.execution_count = before[cell.id].execution_count
    out = paths.build_folder() / "solved" / track / f"{lesson}.ipynb"
    paths.write_whole(out, build.to_text(notebook))
    return out


def compared_cells(path: Path) -> int:
    """How many cells of a notebook nbval really compares: tagged, executed and with an output."""
    notebook = build.read(path)
    return sum(
        "nbval-check-output" in cell.metadata.get("tags", [])
        and bool(cell.outputs)
        and cell.execution_count is not None
        for cell in notebook.cells
        if cell.cell_type == "code"
    )


def run_one(lesson: str, track: str, profile: str, solved: bool, threads: int | None) -> Result:
    """Run one notebook under nbval in a process of its own and judge it."""
    result = Result(lesson, track)
    front = lessons.front_matter(lesson)
    path = edition(lesson, track, solved)
    if not path.is_file():
        result.problems.append("not built: run python notebooks/build.py")
        return result
    if front["number"] and compared_cells(path) < 3:
        result.problems.append(
            f"only {compared_cells(path)} cells are compared with committed outputs; at least 3 are wanted"
        )
    logs = paths.build_folder() / ("solved" if solved else "validate")
    logs.mkdir(parents=True, exist_ok=True)
    numbers = logs / f"{lesson}.{track}.{profile}"
    env = {**os.environ, "PROFILE": profile, "COURSE_BUILD": str(numbers), "TF_CPP_MIN_LOG_LEVEL": "2"}
    if threads:
        env |= {"COURSE_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
    if solved:
        env["EXERCISES"] = "strict"
    for old in numbers.glob("numbers/*.json"):
        old.unlink()
    command = [
        sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={CELL_SECONDS}",
        "--nbval-sanitize-with", str(paths.root() / "tests" / "nbval_sanitize.cfg"),
        "-p", "no:cacheprovider", "-c", str(paths.root() / "pyproject.toml"), "--rootdir", str(paths.root()),
        "-x", str(path),
    ]  # fmt: skip
    started = time.perf_counter()
    log = logs / f"{lesson}.{track}.{profile}.log"
    with open(log, "w", encoding="utf-8") as file:
        done = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, env=env, cwd=paths.root())
    result.seconds = time.perf_counter() - started
    if done.returncode != 0:
        tail = log.read_text(encoding="utf-8").strip().splitlines()[-40:]
        result.problems.append("nbval failed:\n    " + "\n    ".join(tail))
    judge(result, front, profile, numbers / "numbers", CORES / threads if threads else 1)
    return result


def run_fairly(lesson: str, track: str, profile: str, solved: bool, threads: int | None) -> Result:
    """`run_one`, and once more where only the time was far too long: the faster run counts.

    Another program may have had the processor for a while.
    """
    first = run_one(lesson, track, profile, solved, threads)
    if not first.late or len(first.problems) > 1:
        return first
    print(f"{lesson} {track}: {first.problems[0]}; once more", flush=True)
    return min(first, run_one(lesson, track, profile, solved, threads), key=lambda r: (len(r.problems), r.seconds))


def judge(result: Result, front: dict, profile: str, folder: Path, share: float = 1) -> None:
    """Add to `result` what a notebook recorded, and every budget and threshold that it breaks.

    share: how many times fewer cores it had than its budget counts on.
    """
    reports = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]
    if not reports:
        if front["number"]:
            result.problems.append("it recorded no numbers: its last code cell must call run.record(…)")
        return
    report = reports[-1]
    result.numbers, result.peak_gb = report["numbers"], report["peak_gb"]
    budget = front["budgets"][profile]
    result.slow = result.seconds > share * budget["seconds"]
    result.late = result.seconds > SLACK * share * budget["seconds"]
    if result.late:
        most = SLACK * share
        result.problems.append(
            f"took {result.seconds:.0f} s, more than {most:g} times its budget in {profile}, {budget['seconds']} s"
        )
    if result.peak_gb > budget["gb"]:
        result.problems.append(f"held {result.peak_gb:.1f} GB; its budget in {profile} is {budget['gb']} GB")
    if profile == "smoke":
        return
    if profile == "full" and "embedded" in report["data"].values():
        print(f"{result.lesson} {result.track}: thresholds of full need the full data; it ran on embedded data")
        return
    result.problems += thresholds.check(result.numbers, front.get("thresholds", {}).get(profile, {}))


def _row(columns: tuple) -> str:
    return " ".join(str(column).ljust(width) for column, width in zip(columns, WIDTHS, strict=True))


def table(results: list[Result], profile: str) -> str:
    """All notebooks in one table: time, memory, verdict, and below it every recorded number, tracks side by side."""
    rows = [_row(("notebook", "track", "result", "time [s]", "memory [GB]"))]
    for r in results:
        verdict = "not reached" if not r.reached else "failed" if r.problems else "slow" if r.slow else "ok"
        budget = lessons.front_matter(r.lesson)["budgets"][profile]
        rows.append(_row((r.lesson, r.track, verdict, f"{r.seconds:.0f} of {budget['seconds']}",
                          f"{r.peak_gb:.1f} of {budget['gb']}")))  # fmt: skip
    rows += ["", "recorded numbers".ljust(46) + " pytorch     tensorflow  target"]
    for lesson in dict.fromkeys(r.lesson for r in results):
        by_track = {r.track: r.numbers for r in results if r.lesson == lesson}
        targets = lessons.front_matter(lesson).get("thresholds", {}).get(profile, {})
        for name in dict.fromkeys(name for numbers in by_track.values() for name in numbers):
            values = [f"{by_track.get(t, {}).get(name, float('nan')):<11.4g}" for t in lessons.TRACKS]
            target = " and ".join(
                f"{rule.replace('_', ' ')} {bound:g}" for rule, bound in targets.get(name, {}).items()
            )
            rows.append(f"{lesson:<16}{name:<30} {values[0]} {values[1]} {target}".rstrip())
    return "\n".join(rows)


def announce(result: Result) -> None:
    """Print a finished notebook's line and its problems at once."""
    print(
        f"{result.lesson} {result.track}: {'FAILED' if result.problems else 'slow' if result.slow else 'ok'} "
        f"in {result.seconds:.0f} s",
        flush=True,
    )
    for problem in result.problems:
        print(f"  - {problem}", flush=True)


def main() -> int:
    """Read the command line, run the notebooks, print the table; 1 when anything failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lessons", nargs="*", help="such as 02_vae; default: all")
    parser.add_argument("--track", choices=[*lessons.TRACKS, "both"])
    parser.add_argument("--profile", default=os.environ.get("PROFILE") or "quick", choices=("smoke", "quick", "full"))
    parser.add_argument("--solved", action="store_true", help="with solutions in place; checks in strict mode")
    parser.add_argument("--jobs", type=int, default=1, help="notebooks at a time, one thread each when more than 1")
    parser.add_argument("--minutes", type=float, help="start no new notebook after this time")
    parser.add_argument("--changed-since", metavar="REV", help="run lessons that differ from this git revision first")
    options = parser.parse_args()

    changed = changed_lessons(options.changed_since) if options.changed_since else set()
    todo = [(lesson, track) for lesson in options.lessons or lessons.everything() for track in lessons.tracks(lesson)
            if options.track in (None, track)]  # fmt: skip
    todo.sort(key=lambda item: item[0] not in changed)
    started = time.perf_counter()

    def run(item: tuple[str, str]) -> Result:
        if options.minutes and time.perf_counter() - started > 60 * options.minutes:
            late = Result(*item, reached=False)
            if item[0] in changed:
                late.problems.append("changed, but not reached in time")
            return late
        result = run_fairly(*item, options.profile, options.solved, threads=1 if options.jobs > 1 else None)
        announce(result)
        return result

    with ThreadPoolExecutor(max(options.jobs, 1)) as pool:
        results = list(pool.map(run, todo))
    print("\n" + table(results, options.profile))
    measured = {(r.lesson, r.track): r.numbers for r in results if r.reached}
    if board := scoreboard.text(measured, options.profile):
        print("\n" + board)
    for r in results:
        if not r.reached:
            print(f"not reached within {options.minutes:g} minutes: {r.lesson} {r.track}")
        elif r.slow and not r.late:
            print(f"slow: {r.lesson} {r.track} took more than its budget in {options.profile}; see the table")
    failed = [r for r in results if r.problems]
    for r in failed:
        print(f"\n{r.lesson} {r.track} failed:\n  - " + "\n  - ".join(r.problems))
    passed = sum(r.reached and not r.problems for r in results)
    print(f"\nnotebooks: {passed} passed, {len(failed)} failed")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
