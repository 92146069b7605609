"""Profile, device, seeds, progress, final numbers: what a lesson needs around its training loop.

A lesson starts with `run = runtime.start("02_vae", track="pytorch")`. Settings come from the environment: PROFILE (smoke,
quick or full), SEED (a whole number that replaces the lesson's own), SIZES (settings that replace the profile's, such as
"epochs=40, rate=0.001"), COURSE_THREADS (CPU threads).
"""

import ast
import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from helpers import checkpoints, lessons, paths, thresholds, training_records
from helpers.backends import TensorFlowBackend, TorchBackend
from helpers.progress import Progress

PROFILES = ("smoke", "quick", "full")
TRACKS = ("pytorch", "tensorflow")
_current: "Run | None" = None


def current() -> "Run | None":
    """The run that `start` began in this kernel, or None."""
    return _current


def _whole_number(name: str, default: int | None) -> int | None:
    text = os.environ.get(name, "")
    if not text:
        return default
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{name} is {text!r}; it must be a whole number, such as {name}=0") from None


def _own_sizes(text: str, defaults: dict[str, Any]) -> dict[str, Any]:
    """The settings in SIZES, each of the type that it replaces. Raises ValueError that says what is wrong."""
    how = "write it as SIZES='name=value, name=value'"
    try:
        words = ast.parse(f"sizes({text})", mode="eval").body.keywords
        own = {word.arg: ast.literal_eval(word.value) for word in words}
    except (SyntaxError, ValueError, AttributeError):
        raise ValueError(f"SIZES is {text!r}; {how}") from None
    if text.strip() and not own:
        raise ValueError(f"SIZES is {text!r}; {how}")
    for name, value in own.items():
        if name not in defaults:
            raise ValueError(f"SIZES names {name!r}; the settings here are {', '.join(defaults)}")
        kind = type(defaults[name])
        if kind is float and type(value) is int:
            own[name] = float(value)
        elif type(value) is not kind:
            raise ValueError(f"SIZES sets {name} to {value!r}; it must be of the kind of {defaults[name]!r}")
    return own


def _is_nvidia(device: Any) -> bool:
    """Whether a device is an NVIDIA GPU: "cuda" in PyTorch, "/GPU:0" in TensorFlow, where on a Mac it is Apple's."""
    name = str(device).lower()
    return name.startswith("cuda") or (name.startswith("/gpu") and sys.platform != "darwin")


def _profile(device: Any) -> str:
    name = os.environ.get("PROFILE", "") or ("full" if _is_nvidia(device) else "quick")
    if name not in PROFILES:
        raise ValueError(f"PROFILE is {name!r}; it must be one of {', '.join(PROFILES)}, or unset")
    return name


def start(lesson: str, track: str, seed: int = 0) -> "Run":
    """Begin a lesson: choose profile and device, set every seed, print one line about both. Returns the run.

    lesson: such as "02_vae"; track: "pytorch" or "tensorflow". Raises ValueError on unknown settings.
    """
    global _current
    if track not in TRACKS:
        raise ValueError(f"track is {track!r}; it must be one of {', '.join(TRACKS)}")
    _current = Run(lesson, track, _whole_number("SEED", seed))
    return _current


class Run:
    """One pass through a lesson. Made by `start`."""

    def __init__(self, lesson: str, track: str, seed: int) -> None:
        threads = _whole_number("COURSE_THREADS", None)
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        self._backend = TorchBackend(threads) if track == "pytorch" else TensorFlowBackend(threads)
        self.lesson, self.track, self.seed = lesson, track, seed
        self.device = self._backend.device
        self.profile = _profile(self.device)
        self.numbers: dict[str, float] = {}
        self.data: dict[str, str] = {}
        self.settings: dict[str, Any] = {}
        self.reseed()
        print(
            f"{'Project' if lessons.is_project(lesson) else 'Lesson'} {lesson} · {self._backend.version} on "
            f"{self._backend.describe()} · profile {self.profile} · seed {seed}"
        )

    def sizes(self, **profiles: dict[str, Any]) -> SimpleNamespace:
        """The settings of this run's profile, as attributes. Give smoke=, quick= and full= with the same names in each.

        The environment's SIZES replaces single ones. Raises ValueError where names differ, or where SIZES can't be meant.
        """
        names = {profile: set(values) for profile, values in profiles.items()}
        if set(names) != set(PROFILES):
            raise ValueError(f"sizes needs {', '.join(PROFILES)}; got {', '.join(sorted(names))}")
        if len({frozenset(keys) for keys in names.values()}) != 1:
            every = set.union(*names.values())
            missing = {p: sorted(every - keys) for p, keys in names.items() if every - keys}
            raise ValueError(f"every profile needs the same settings; missing: {missing}")
        own = _own_sizes(os.environ.get("SIZES", ""), profiles[self.profile])
        chosen = profiles[self.profile] | own
        self.settings |= chosen
        changed = f"; from SIZES: {', '.join(own)}" if own else ""
        print(f"Profile {self.profile}: " + ", ".join(f"{key} = {value}" for key, value in chosen.items()) + changed)
        return SimpleNamespace(**chosen)

    def rng(self, offset: int = 0) -> np.random.Generator:
        """A NumPy generator of its own, from seed and offset."""
        return np.random.default_rng([self.seed, offset])

    def reseed(self, offset: int = 0) -> None:
        """Set every seed again (Python, NumPy's old interface, the framework)."""
        seed = self.seed + 1000 * offset
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002  (libraries still draw from it)
        self._backend.seed(seed)

    def tensor(self, array: Any) -> Any:
        """NumPy → the framework's tensor on the device. uint8 becomes float32 0…1; images (N, H, W, C) take the
        framework's layout: (N, C, H, W) in PyTorch."""
        return self._backend.tensor(array)

    def numpy(self, tensor: Any) -> np.ndarray:
        """Tensor → NumPy; images come back as (N, H, W, C)."""
        return self._backend.numpy(tensor)

    def prepare(self, model: Any) -> Any:
        """The model on this run's device, in the layout that is fastest there. Parameters and results stay the same."""
        return self._backend.prepare(model)

    def compiled(self, step: Callable) -> Callable:
        """The step in its fastest form: a graph in TensorFlow, as it is in PyTorch."""
        return self._backend.compiled(step)

    def batches(
        self, *arrays: Any, batch_size: int, rng: np.random.Generator | None = None, drop_last: bool = True
    ) -> Iterator[Any]:
        """Mini-batches of one or several tensors of equal length, shuffled by `rng` (None: in order).

        One array gives tensors, several give tuples. drop_last leaves out a smaller last batch.
        """
        lengths = {len(array) for array in arrays}
        if len(lengths) != 1:
            raise ValueError(f"batches needs one or more tensors of equal length; got lengths {sorted(lengths)}")
        for rows in self._backend.batches(arrays, batch_size, rng, drop_last):
            yield rows[0] if len(rows) == 1 else rows

    def progress(self, iterable: Iterable[Any], label: str, total: int | None = None) -> Progress:
        """Loop over `iterable` with a progress bar; `bar.note(text)` adds a word to it."""
        return Progress(iterable, label, total)

    def record(self, **numbers: float) -> None:
        """Note final numbers of the lesson: print each beside its target and write all to `build/numbers/`.

        Values are plain numbers. Targets are the thresholds in the front matter of the lesson's source; in the profile
        `smoke` they are not checked.
        """
        for name, value in numbers.items():
            try:
                self.numbers[name] = float(value)
            except (TypeError, ValueError):
                raise TypeError(f"record takes numbers; {name} is a {type(value).__name__}") from None
        for line in thresholds.lines(numbers, self._targets()):
            print(line)
        text = json.dumps(self.report(), indent=1, ensure_ascii=False) + "\n"
        paths.write_whole(numbers_file(self.lesson, self.track, self.profile, self.seed), text)

    def save_checkpoint(self, name: str, model: Any, dataset: Any = None, **how: Any) -> Path | None:
        """In the profile `full`, write weights and how they came about to `build/checkpoints/`; returns the file.

        model: a model of either framework. dataset: the data.Dataset it was trained on, whose licence goes along.
        how: more facts for the JSON, such as epochs=60. In other profiles nothing is written, and None is returned: a
        checkpoint is for what `full` reaches. To make it the course's own, copy both files to `helpers/checkpoints/`.
        """
        if self.profile != "full":
            print(f"{name}: weights are kept in the profile full only (this is {self.profile})")
            return None
        if dataset is not None:
            how = training_records.about_data(dataset) | how
        report = self.report()
        minutes = round(report.pop("seconds") / 60, 1)
        folder = paths.build_folder() / "checkpoints"
        target = checkpoints.save(name, model, folder, commit=paths.commit(), minutes=minutes, **(report | how))
        print(f"{name}: weights and how they came about are in {target.relative_to(paths.build_folder().parent)}")
        return target

    def report(self) -> dict[str, Any]:
        """What `record` writes: numbers, data, versions, seconds and peak memory since the kernel's start."""
        return {
            "lesson": self.lesson,
            "track": self.track,
            "profile": self.profile,
            "seed": self.seed,
            "numbers": self.numbers,
            "sizes": self.settings,
            "data": self.data,
            "device": self._backend.describe(),
            "framework": self._backend.version,
            "seconds": round(seconds_alive(), 1),
            "peak_gb": round(peak_memory_gb(), 2),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def _targets(self) -> dict[str, dict[str, float]]:
        try:
            return lessons.front_matter(self.lesson).get("thresholds", {}).get(self.profile, {})
        except lessons.LessonError:
            return {}  # a notebook away from its course still runs


def record(**numbers: float) -> None:
    """`Run.record` of the current run. Raises RuntimeError before `start`."""
    if _current is None:
        raise RuntimeError("record needs a run: call runtime.start(lesson, track) in the first cell")
    _current.record(**numbers)


def note_data(name: str, variant: str) -> None:
    """Note which data the current run uses, so that its numbers say what they were measured on."""
    if _current is not None:
        _current.data[name] = variant


def numbers_file(lesson: str, track: str, profile: str, seed: int) -> Path:
    """Where a run's numbers lie."""
    return paths.build_folder() / "numbers" / f"{lesson}.{track}.{profile}.seed{seed}.json"


def seconds_alive() -> float:
    """Seconds since this Python process began, imports included."""
    import psutil

    return time.time() - psutil.Process().create_time()


def peak_memory_gb() -> float:
    """The most memory that this process has held so far, in GB (10⁹ bytes)."""
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset / 1e9
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e9 if sys.platform == "darwin" else peak * 1024 / 1e9
