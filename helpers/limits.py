"""Run somebody else's code safely: a time limit, a cap on what it prints, every error caught and put into words."""

import contextlib
import ctypes
import io
import linecache
import os
import signal
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

_MACHINERY = (__file__, contextlib.__file__)
PRINT_LIMIT = 2000  # characters of a student's output that a check keeps
_HERE = os.path.dirname(os.path.abspath(__file__))
_LIBRARY_FOLDERS = tuple({sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")})


class TimeUp(BaseException):
    """The time limit has passed. A BaseException, so that `except Exception` in the guarded code lets it through."""


@dataclass(frozen=True)
class Outcome:
    """What came of a guarded call: its value, or its failure in words."""

    value: Any = None
    failure: str = ""  # empty: the call returned
    error: BaseException | None = None
    timed_out: bool = False
    printed: str = ""

    @property
    def ok(self) -> bool:
        """Whether the call returned a value in time."""
        return not self.failure


class _CappedWriter(io.TextIOBase):
    """Keeps the first characters that are printed and drops the rest, so that endless output can't fill the memory."""

    def __init__(self, limit: int) -> None:
        self._parts: list[str] = []
        self._room = limit
        self.dropped = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        kept = text[: self._room]
        if kept:
            self._parts.append(kept)
            self._room -= len(kept)
        self.dropped += len(text) - len(kept)
        return len(text)

    def text(self) -> str:
        """The kept text, with a remark when some was dropped."""
        tail = f"\n[… {self.dropped:,} more characters left out]" if self.dropped else ""
        return "".join(self._parts) + tail


def guarded(call: Callable[[], Any], seconds: float, print_limit: int = PRINT_LIMIT) -> Outcome:
    """Run `call()` for at most `seconds`; never raises. Exits, interrupts, endless loops come back as failures too."""
    writer = _CappedWriter(print_limit)
    try:
        with contextlib.redirect_stdout(writer), time_limit(seconds):
            value = call()
    except TimeUp:
        message = f"it was stopped after {seconds:g} s: does a loop in it never end?"
        return Outcome(failure=message, timed_out=True, printed=writer.text())
    except BaseException as error:  # SystemExit and KeyboardInterrupt as well: the notebook goes on
        return Outcome(failure=describe_error(error), error=error, printed=writer.text())
    return Outcome(value=value, printed=writer.text())


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeUp inside the block once `seconds` have passed: an alarm on the main thread, a watchdog elsewhere.

    Both repeat, so that a bare `except:` in the block can't swallow it for long (the watchdog has no power over one
    around a sleep). Earlier handlers and alarms come back.
    """
    on_main = threading.current_thread() is threading.main_thread()
    with _alarm(seconds) if on_main and hasattr(signal, "setitimer") else _watchdog(seconds):
        yield


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    rings, over = 0, False

    def ring(signum: int, frame: Any) -> None:
        nonlocal rings
        rings += 1
        if over:
            return
        if frame is not None and frame.f_code.co_filename in _MACHINERY:  # the block is being left, or was just rung
            signal.setitimer(signal.ITIMER_REAL, 0.001)
            return
        # A loop such as `while True: try: … except: pass` is left by a ring between its `except` and its next turn, a
        # microsecond later. So the delays vary over many scales.
        signal.setitimer(signal.ITIMER_REAL, 0.02 if rings < 5 else 2e-6 * 1.3 ** (rings % 20))
        raise TimeUp

    old_handler = signal.signal(signal.SIGALRM, ring)
    old_delay, old_interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        over = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL if old_handler is None else old_handler)
        if old_delay:
            signal.setitimer(signal.ITIMER_REAL, old_delay, old_interval)


@contextlib.contextmanager
def _watchdog(seconds: float) -> Iterator[None]:
    """The same for other threads and for Windows: a second thread puts the exception into this one.

    It arrives between two byte codes, so a long call into compiled code delays it.
    """
    ident = threading.get_ident()
    finished, lock = threading.Event(), threading.Lock()

    def watch() -> None:
        delay = seconds
        for _ in range(200):
            if finished.wait(delay):
                return
            delay = 0.05
            with lock:
                if not finished.is_set():
                    _raise_in(ident, TimeUp)

    watcher = threading.Thread(target=watch, name="time limit", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        _stop_watching(ident, finished, lock)


def _stop_watching(ident: int, finished: threading.Event, lock: threading.Lock) -> None:
    """End the watch and withdraw an exception that was sent but hasn't arrived."""
    while True:
        try:
            with lock:
                finished.set()
                _raise_in(ident, None)
            return
        except TimeUp:
            continue


def _raise_in(ident: int, exception: type[BaseException] | None) -> None:
    target = ctypes.py_object(exception) if exception else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), target)


def describe_error(error: BaseException) -> str:
    """An exception in words: type, message, and the last line of the student's own code on its way."""
    if isinstance(error, SystemExit):
        what = "it calls exit() or sys.exit(), which would end the kernel"
    elif isinstance(error, KeyboardInterrupt):
        what = "it was interrupted (KeyboardInterrupt)"
    else:
        text = _first_lines(str(error))
        what = f"it raises {type(error).__name__}" + (f": {text}" if text else "")
    return what + student_line(error.__traceback__)


def _first_lines(text: str, lines: int = 4, width: int = 300) -> str:
    kept = [line.rstrip() for line in text.strip().splitlines() if line.strip()]
    short = "\n    ".join(kept[:lines])
    return short[:width] + ("…" if len(short) > width or len(kept) > lines else "")


def student_line(trace: TracebackType | None) -> str:
    """Line, function and source of the innermost frame outside the helpers and the libraries; or an empty string."""
    frames = [frame for frame in traceback.extract_tb(trace) if is_student_file(frame.filename)] if trace else []
    if not frames:
        return ""
    last = frames[-1]
    source = (last.line or linecache.getline(last.filename, last.lineno or 0)).strip()
    where = f"\n    in line {last.lineno} of {last.name}" if last.name != "<module>" else f"\n    in line {last.lineno}"
    return where + (f": {source}" if source else "")


def is_student_file(filename: str) -> bool:
    """Whether code of this file is a student's: no library, no part of the helpers, nothing frozen or built in.

    Cells have names such as <ipython-input-…> or …/ipykernel_123/456.py.
    """
    if filename.startswith("<"):
        return filename.startswith(("<ipython-input", "<stdin", "<string"))
    path = os.path.abspath(filename)
    inside = (_HERE, *_LIBRARY_FOLDERS)
    return not any(path.startswith(folder + os.sep) for folder in inside) and "site-packages" not in path
