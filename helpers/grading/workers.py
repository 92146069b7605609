"""Start workers for students' code and end them: forked from a zygote on Linux, new processes elsewhere."""

import contextlib
import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from helpers import paths
from helpers.grading import sandbox
from helpers.grading.session import Session
from helpers.grading.wire import Timed


@dataclass(frozen=True)
class Settings:
    """What a worker may use, and the walls around it. Tests take single defences away."""

    walls: tuple[str, ...] = sandbox.WALLS
    cpu_seconds: int = 30
    wall_seconds: float = 60.0
    call_seconds: float = 10.0
    reading_seconds: float = 15.0  # for a whole notebook, before any of it is run
    memory: int = 3 * 2**30
    file_size: int = 20 * 2**20
    processes: int = 64
    print_limit: int = 20_000_000
    limits: bool = True
    forked: bool = sys.platform == "linux"
    hidden: tuple[str, ...] = ()
    profile: str = ""  # of notebooks that are run whole; empty: training is never run
    training_seconds: float = 900.0

    def for_training(self) -> "Settings":
        """The settings for a notebook that is run whole: more time and larger files, the same walls."""
        seconds = self.training_seconds
        limits = {"cpu_seconds": int(seconds) + 1, "wall_seconds": seconds, "call_seconds": seconds}
        return replace(self, **limits, file_size=200 * 2**20)

    def as_json(self) -> str:
        """What the zygote needs of it."""
        root = paths.root()
        helpers = [str(one) for one in (root / "helpers").iterdir() if one.name not in {"exercise_sets", "__pycache__"}]
        return json.dumps(
            {
                "walls": self.walls,
                "course_files": [*helpers, str(root / "helpers" / "__pycache__")],
                "listed": [str(root / "helpers")],
                "hidden": [str(root / "helpers" / "exercise_sets"), *self.hidden],
            }
        )

    def job(self, folder: Path) -> dict[str, Any]:
        """What one worker needs of it: its folder, its limits, its environment."""
        limits = {
            "seconds": self.cpu_seconds,
            "memory": self.memory,
            "file_size": self.file_size,
            "processes": self.processes,
        }
        own = {"HOME": str(folder), "TMPDIR": str(folder), "COURSE_CACHE": f"{folder}/cache"}
        own |= {"COURSE_BUILD": f"{folder}/build", "PROFILE": self.profile}
        return {"folder": str(folder), "limits": limits if self.limits else {}, "environment": environment() | own}


def environment() -> dict[str, str]:
    """The environment of student code: nothing of the grader's own."""
    fixed = {"LANG": "C.UTF-8", "MPLBACKEND": "Agg", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    tensorflow = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_ENABLE_ONEDNN_OPTS": "0"}
    windows = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    return fixed | threads | tensorflow | windows | {"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"}


# --- workers


class Workers:
    """Starts workers of one track, one at a time: forked from a zygote on Linux, else new processes."""

    def __init__(self, track: str, settings: Settings, folder: Path) -> None:
        self.track, self.settings, self.folder = track, settings, folder
        self._zygote: subprocess.Popen | None = None
        self._control: socket.socket | None = None

    def _command(self, control: str) -> list[str]:
        script = paths.root() / "helpers" / "grading" / "zygote.py"
        # -I: nothing is imported from the script's own folder, whose code.py is not the standard library's
        return [sys.executable, "-I", "-B", str(script), str(paths.root()), self.track, control]

    def start_zygote(self) -> None:
        """Have the zygote ready; a dead one is replaced."""
        if self._zygote is not None and self._zygote.poll() is None:
            return
        self.close()
        ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)  # an order and the next job stay two messages
        self._zygote = subprocess.Popen(
            self._command(str(theirs.fileno())),
            pass_fds=[theirs.fileno()],
            env=environment(),
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        with self._zygote.stdin as stream:  # not on the command line, which student code can read
            stream.write(self.settings.as_json().encode())
        ours.settimeout(120)
        self._control = ours
        try:
            ready = ours.recv(16)
        except OSError:
            ready = b""
        if ready != b"ready\n":
            raise RuntimeError(f"no worker for {self.track} starts: is its framework installed?")

    @contextlib.contextmanager
    def worker(self, settings: Settings | None = None) -> Iterator[Session]:
        """A fresh worker with a folder of its own; both are gone afterwards. settings: other limits for this one alone."""
        folder = Path(tempfile.mkdtemp(prefix="job-", dir=self.folder))
        folder.chmod(0o700)
        settings = settings or self.settings
        session = (self._forked if settings.forked else self._started)(folder, settings)
        try:
            yield session
        finally:
            session.end()
            _remove(folder)

    def _forked(self, folder: Path, settings: Settings) -> Session:
        self.start_zygote()
        questions, answers, prints = os.pipe(), os.pipe(), os.pipe()
        job = json.dumps(settings.job(folder)).encode()
        socket.send_fds(self._control, [job], [questions[0], answers[1], prints[1]])
        for fd in (questions[0], answers[1], prints[1]):
            os.close(fd)
        return Session(Timed(answers[0], questions[1], prints[0], settings.print_limit), settings, self._end_forked)

    def _end_forked(self, kill: bool) -> int:
        """End the running worker and give its exit code; -1: the zygote has died with it."""
        if self._control is None:
            return -1
        try:
            if kill:
                self._control.sendall(b"k")
            self._control.settimeout(30)
            code = json.loads(self._control.recv(256))["code"]
            return code
        except (OSError, ValueError):
            self.close()
            return -1

    def _started(self, folder: Path, settings: Settings) -> Session:
        process = subprocess.Popen(
            self._command("-"),
            env=settings.job(folder)["environment"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        fds = [os.dup(stream.fileno()) for stream in (process.stdout, process.stdin, process.stderr)]
        for stream in (process.stdout, process.stdin, process.stderr):
            stream.close()
        return Session(Timed(*fds, settings.print_limit), settings, functools.partial(_end_started, process))

    def close(self) -> None:
        """End the zygote and all that it started."""
        if self._zygote is not None:
            with contextlib.suppress(OSError):
                os.killpg(self._zygote.pid, 9)
            self._zygote.wait()
        if self._control is not None:
            self._control.close()
        self._zygote = self._control = None


def _remove(folder: Path) -> None:
    """Remove a folder, whatever lies in it: Python itself gives up at a thousand folders in one another."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:
        subprocess.run(["rm", "-rf", "--", folder], stderr=subprocess.DEVNULL, check=False)


def _end_started(process: subprocess.Popen, kill: bool) -> int:
    if not kill:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
    code = process.poll()
    with contextlib.suppress(OSError):
        os.killpg(process.pid, 9)
    process.wait()
    return 137 if code is None else code if code >= 0 else 128 - code
