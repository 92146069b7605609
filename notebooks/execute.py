"""Run notebooks without a screen, with a line a cell.

    python notebooks/execute.py 02_vae --track pytorch

leaves the executed notebook, an HTML page and the lesson's numbers under build/runs/. `make run` calls it.
"""

import argparse
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

sys.path.insert(0, str(Path(__file__).resolve().parent))

from helpers import html_pages, lessons, paths

CELL_SECONDS = 900  # a single cell that runs longer has hung


class RunFailed(RuntimeError):
    """A cell of a notebook failed; the message names it."""


def _headline(source: str) -> str:
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    return (lines[0] if lines else "(empty)")[:70]


def run_notebook(notebook: Any, folder: Path, name: str, quiet: bool = False) -> float:
    """Execute `notebook` in place, in `folder`, printing a progress line a cell. Returns seconds.

    Raises RunFailed with the cell's id and its error.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    started, last = time.perf_counter(), [time.perf_counter()]

    def on_executed(cell: Any, cell_index: int, execute_reply: dict) -> None:
        now = time.perf_counter()
        mark = "✔" if execute_reply["content"]["status"] == "ok" else "✘"
        number = code.index(cell) + 1
        if not quiet:
            print(f"{name} {number:3d}/{len(code)} {mark} {now - last[0]:6.1f} s  {_headline(cell.source)}", flush=True)
        last[0] = now

    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        store_widget_state=False,
        record_timing=False,
        on_cell_executed=on_executed,
    )
    log = paths.build_folder() / "kernel.log"  # what libraries write past Python, such as TensorFlow's start-up lines
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(log, "w", encoding="utf-8") as stderr:
            client.execute(stderr=stderr)
    except CellExecutionError as error:
        failed = next(c for c in code if any(o.output_type == "error" for o in c.get("outputs", [])))
        raise RunFailed(f"{name}, cell {failed.id}: {error.ename}: {error.evalue}\n{error}") from None
    except DeadKernelError as error:
        raise RunFailed(
            f"{name}: the kernel died ({error}); out of memory is the usual reason. Its last words: {log}"
        ) from None
    tidy(notebook)
    return time.perf_counter() - started


def tidy(notebook: Any) -> None:
    """Take out of an executed notebook what differs from run to run without meaning: timings in metadata, split streams."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        merged: list[Any] = []
        for output in cell.get("outputs", []):
            if {"image/png", "image/jpeg"} & set(
                output.get("data", {})
            ):  # stored without its kernel, a widget is its static figure
                output.data.pop("application/vnd.jupyter.widget-view+json", None)
            same = (
                merged and output.output_type == "stream" == merged[-1].output_type and output.name == merged[-1].name
            )
            if same:
                merged[-1].text += output.text
            elif not (output.output_type == "stream" and output.name == "stderr"):
                merged.append(output)
        if cell.cell_type == "code":
            cell.outputs = merged


def to_html(notebook: Any, path: Path, folder: Path) -> None:
    """Write an executed notebook as a page that stands alone. folder: where its prose finds its pictures."""
    path.write_text(html_pages.page(notebook, folder), encoding="utf-8")


def run_lesson(lesson: str, track: str, solved: bool = False) -> Path:
    """Run one lesson; leave notebook, page and numbers under build/runs/ and return that folder."""
    import build

    out = paths.build_folder() / "runs"
    out.mkdir(parents=True, exist_ok=True)
    stem = f"{lesson}.{track}"
    notebook = build.make_notebook(lesson, track, solved=solved)
    numbers = paths.build_folder() / "numbers"
    before = {file: file.stat().st_mtime_ns for file in numbers.glob(f"{stem}.*.json")}
    try:
        seconds = run_notebook(notebook, lessons.notebook_file(lesson, track).parent, stem)
    finally:
        nbformat.write(notebook, out / f"{stem}.ipynb")
    to_html(notebook, out / f"{stem}.html", lessons.notebook_file(lesson, track).parent)
    made = [".html", ".ipynb"]
    for file in numbers.glob(f"{stem}.*.json"):
        if before.get(file) != file.stat().st_mtime_ns:
            shutil.copy(file, out / f"{stem}.json")
            made.append(".json")
    print(f"{stem}: done in {seconds:.0f} s; see {paths.shown(out)}/{stem} with {', '.join(made)}")
    return out


def main() -> int:
    """Read the command line and run one lesson."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lesson", help="such as 02_vae")
    parser.add_argument("--track", default="pytorch", choices=[*lessons.TRACKS, "both"])
    parser.add_argument("--solved", action="store_true", help="with the solutions in place of the exercises")
    options = parser.parse_args()
    try:
        track = options.track if options.track in lessons.tracks(options.lesson) else lessons.tracks(options.lesson)[0]
        run_lesson(options.lesson, track, options.solved)
    except (lessons.LessonError, RunFailed) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
