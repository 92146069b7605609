"""What the benchmarks of training share: timing with a note of what else was running, ways in turn, a table at the end."""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psutil

from helpers import runtime

WARM_UP = 2
BUSY = 0.2  # processors that other programs may keep busy before a measurement is void


def busy_seconds() -> tuple[float, float]:
    """Processor seconds so far: of this process, of everything else on this machine."""
    everything = psutil.cpu_times()
    own = sum(psutil.Process().cpu_times()[:2])
    return own, everything.user + everything.system + getattr(everything, "nice", 0.0) - own


def timed(work: Callable[[], Any], steps: int, batch: int) -> dict[str, float]:
    """Time `work`, which does this many steps: rates, seconds, peak memory, processors that other processes kept busy."""
    before, started = busy_seconds()[1], time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    rate, others = steps / seconds, (busy_seconds()[1] - before) / seconds
    return {"steps/s": rate, "images/s": rate * batch, "GB": runtime.peak_memory_gb(), "others": max(0.0, others)}


def timed_steps(step: Callable[[], Any], steps: int, batch: int) -> dict[str, float]:
    """`timed` over calls of `step`, which waits for its losses; the first calls warm up."""
    for _ in range(WARM_UP):
        step()
    return timed(lambda: [step() for _ in range(steps)], steps, batch)


def endless(batches: Callable[[], Iterator[Any]]) -> Iterator[Any]:
    """Epoch after epoch."""
    while True:
        yield from batches()


def compare(
    script: str,
    description: str,
    ways: dict[str, Callable[..., dict[str, float]]],
    usual: dict[str, str],
    sizes: dict[str, int],
    arguments: Sequence[str] | None = None,
) -> None:
    """Measure all ways in turn, each in a process of its own, and print medians and ratios.

    script: the benchmark's file. usual: way → the way it is compared with. sizes: names and defaults of the whole
    numbers that every way is called with, in this order; each is an option of the command line.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    for name, default in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--way", choices=ways, action="append", help="only this way (may be given several times)")
    options = parser.parse_args(arguments)
    values = {name: getattr(options, name) for name in sizes}
    chosen = options.way or list(ways)
    if len(chosen) == 1:
        print(json.dumps(ways[chosen[0]](*values.values())))
        return
    results: dict[str, list[dict[str, float]]] = {way: [] for way in chosen}
    for number in range(options.rounds):
        for way in chosen:
            last = _measured(script, way, values)
            results[way].append(last)
            rate = f"{last['steps/s']:6.2f} steps/s  {last['GB']:.2f} GB"
            print(f"round {number + 1}  {way:<28} {rate}{_note(last)}", flush=True)
    _print_table(results, usual)


def _measured(script: str, way: str, sizes: dict[str, int]) -> dict[str, float]:
    """One way in a process of its own."""
    command = [sys.executable, script, "--way", way]
    for name, value in sizes.items():
        command += [f"--{name}", str(value)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{way} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def _note(one: dict[str, float]) -> str:
    """A warning where other programs took processors: waiting for each other, PyTorch's threads then fall far behind."""
    return f"   void: other programs kept {one['others']:.1f} processors busy" if one["others"] > BUSY else ""


def _print_table(results: dict[str, list[dict[str, float]]], usual: dict[str, str]) -> None:
    print(f"\n{'way':<28} steps/s (median, range)      images/s   peak memory [GB]   against the usual way")
    for way, runs in results.items():
        rates = [one["steps/s"] for one in runs]
        others = results.get(usual.get(way, ""), [])
        ratios = [a["steps/s"] / b["steps/s"] for a, b in zip(runs, others, strict=False)]
        ratio = f"{statistics.median(ratios):.2f} times as fast" if ratios else ""
        spread = f"{way:<28} {statistics.median(rates):6.2f}  ({min(rates):.2f} to {max(rates):.2f})".ljust(56)
        images, memory = statistics.median(one["images/s"] for one in runs), max(one["GB"] for one in runs)
        print(f"{spread}{images:8.0f} {memory:14.2f}       {ratio}")
