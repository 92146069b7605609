"""Run a project's notebook once a seed and commit its numbers: the runs that its verdicts rest on.

    python notebooks/repeat.py p2_dcgan_laboratory --seeds 0 1 2 --profile full
    python notebooks/repeat.py p2_dcgan_laboratory --seeds 0 1 2 --sizes "epochs=400"

writes notebooks/projects/results/SLUG.json: every recorded number, one value a seed, and how it was made. A run that was
broken off goes on where it stopped; --fresh starts anew. Every seed is a process of its own. --beside, for runs in `full`,
keeps the table and writes SLUG.full.json, whose verdicts stand beside the others.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import build
from helpers import claims, lessons, paths


class RepeatFailed(RuntimeError):
    """A seed's run failed or gave no numbers; the message says which."""


def script(project: str, track: str) -> str:
    """The code cells of a project as one Python program."""
    cells = [cell.source for cell in build.make_notebook(project, track).cells if cell.cell_type == "code"]
    return "\n\n".join(cells) + "\n"


def run_seed(project: str, track: str, seed: int, profile: str, sizes: str) -> dict[str, Any]:
    """One run in a process of its own; what it recorded. Raises RepeatFailed."""
    folder = paths.build_folder() / "repeat" / project
    folder.mkdir(parents=True, exist_ok=True)
    program, log = folder / f"seed{seed}.py", folder / f"seed{seed}.log"
    program.write_text(script(project, track), encoding="utf-8")
    own = {"PROFILE": profile, "SEED": str(seed), "SIZES": sizes, "COURSE_BUILD": str(folder / f"seed{seed}")}
    numbers = folder / f"seed{seed}" / "numbers" / f"{project}.{track}.{profile}.seed{seed}.json"
    numbers.unlink(missing_ok=True)
    started = time.perf_counter()
    with open(log, "w", encoding="utf-8") as out:
        env = {**os.environ, "MPLBACKEND": "Agg", "TF_CPP_MIN_LOG_LEVEL": "2", **own}
        code = subprocess.run([sys.executable, str(program)], stdout=out, stderr=subprocess.STDOUT, env=env,
                              cwd=lessons.notebook_file(project, track).parent.parent).returncode  # fmt: skip
    if code != 0 or not numbers.is_file():
        tail = "\n".join(log.read_text(encoding="utf-8").strip().splitlines()[-15:])
        raise RepeatFailed(f"{project}, seed {seed}: {'no numbers recorded' if code == 0 else 'failed'}\n{tail}")
    return json.loads(numbers.read_text(encoding="utf-8")) | {"minutes": (time.perf_counter() - started) / 60}


def together(runs: list[dict[str, Any]], sizes: str) -> dict[str, Any]:
    """Several runs as one table. Raises RepeatFailed where they are not of one kind."""
    first = runs[0]
    for run in runs[1:]:
        for part in ("profile", "sizes", "data", "device", "framework"):
            if run[part] != first[part]:
                raise RepeatFailed(f"runs differ in {part}: {first[part]} and {run[part]}; begin anew with --fresh")
    names = [name for name in first["numbers"] if all(name in run["numbers"] for run in runs)]
    return {
        "project": first["lesson"],
        "profile": first["profile"],
        "own_sizes": sizes,
        "sizes": first["sizes"],
        "data": first["data"],
        "device": first["device"],
        "framework": first["framework"],
        "commit": first["commit"],
        "seeds": [run["seed"] for run in runs],
        "minutes": [round(run["minutes"], 1) for run in runs],
        "numbers": {name: [float(f"{run['numbers'][name]:.6g}") for run in runs] for name in names},
    }


def main() -> int:
    """Read the command line, run the seeds, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", help="such as p3_creatures")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--profile", default="full", choices=("smoke", "quick", "full"))
    parser.add_argument("--sizes", default="", help="settings that replace the profile's: 'epochs=400, images=265'")
    parser.add_argument(
        "--beside", action="store_true", help="keep the committed runs and write SLUG.PROFILE.json beside them"
    )
    parser.add_argument("--fresh", action="store_true", help="forget seeds that were run before")
    options = parser.parse_args()
    if options.beside and options.profile != claims.BESIDE:
        parser.error(f"--beside is for runs in {claims.BESIDE}; these are in {options.profile}")
    try:
        track = lessons.tracks(options.project)[0]
        kept = paths.build_folder() / "repeat" / options.project / "runs.json"
        wanted = {"profile": options.profile, "own_sizes": options.sizes,
                  "code": build.code_hash(build.make_notebook(options.project, track))}  # fmt: skip
        done: dict[str, Any] = {}
        if kept.is_file() and not options.fresh:
            before = json.loads(kept.read_text(encoding="utf-8"))
            done = before["runs"] if before["wanted"] == wanted else {}
        for seed in options.seeds:
            if str(seed) not in done:
                run = run_seed(options.project, track, seed, options.profile, options.sizes)
                done[str(seed)] = run | {"commit": paths.commit()}
                paths.write_whole(kept, json.dumps({"wanted": wanted, "runs": done}))
            print(f"{options.project}, seed {seed}: {done[str(seed)]['minutes']:.1f} minutes", flush=True)
        table = together([done[str(seed)] for seed in options.seeds], options.sizes)
    except (RepeatFailed, lessons.LessonError) as error:
        print(error, file=sys.stderr)
        return 1
    path = claims.results_file(options.project, options.profile if options.beside else "")
    paths.write_whole(path, json.dumps(table, indent=1, ensure_ascii=False) + "\n")
    print(claims.as_markdown(options.project))
    print(path.relative_to(paths.root()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
