"""The grader's side of a worker: start it, send it inputs, take back numbers, end it, and say in words how it ended."""

import contextlib
import functools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from helpers import exercise_models
from helpers.exercise_tensors import ByTrack, NumpyFunction, to_numpy
from helpers.grading import watch
from helpers.grading.notebook import Notebook, Plan
from helpers.grading.remote import Foreign, RemoteFunction
from helpers.grading.wire import Closed, Overdue, Packer, Timed, Unpacker, WireError, frame, read_frame

MAX_CALLBACKS = 2000  # calls of the grader's functions that one exercise may make
_SIGNALS = {
    137: "it was ended by the system: it used more CPU time or memory than it may",
    139: "it crashed (segmentation fault)",
    134: "it crashed (abort)",
    135: "it crashed (bus error)",
    132: "it crashed (illegal instruction)",
    152: "it used more CPU time than it may",
    153: "it wrote a file that is larger than it may be",
    watch.TOO_MANY: "it started more processes than it may",
    watch.TOO_LARGE: "its processes used more memory together than they may",
}


class Ended(Exception):
    """The worker ended or had to be ended; the message says why, for the student."""


class StudentError(Exception):
    """The student's code raised an error, or gave what is no number; the message is for the student."""

    def __init__(self, message: str, state: str = "error", printed: str = "") -> None:
        super().__init__(message)
        self.state, self.printed = state, printed


# --- one worker's conversation


@dataclass
class Session:
    """Questions to one worker. Every failure comes out as Ended (the worker is gone) or StudentError."""

    pipes: Timed
    settings: Any  # a workers.Settings
    finish: Callable[[bool], int]
    ended: str = ""
    done: bool = False
    callbacks: list[Callable[..., Any]] = field(default_factory=list)
    printed: str = ""
    _called: int = 0

    def __post_init__(self) -> None:
        self.pipes.deadline = time.monotonic() + self.settings.wall_seconds

    def read(self, content: bytes) -> tuple[str, str]:
        """Have the worker read a notebook: lesson and track, as it says. Raises StudentError where it is none."""
        value = self._ask_with(content, op="read", name="content")
        lesson, track = value if isinstance(value, list) and len(value) == 2 else ("", "")
        return str(lesson), str(track)

    def plans(self, released: Notebook, exercises: list[str]) -> dict[str, dict[str, Any]]:
        """What to run of that notebook: by exercise "plan" and "whole" (a Plan or None), or "reason"."""
        value = self._ask_with(released.as_bytes(), op="plan", name="released", exercises=exercises)
        found = json.loads(np.asarray(value, np.uint8).tobytes())
        for one in found.values():
            for name in {"plan", "whole"} & set(one):
                one[name] = one[name] and Plan(**one[name])
        return found

    def _ask_with(self, content: bytes, name: str, **message: Any) -> Any:
        packer = Packer()
        message[name] = packer.pack(np.frombuffer(content, np.uint8))
        reply, value = self._ask(message, packer.arrays)
        self._raise_failure(reply)
        return value

    def load(self, cells: list[tuple[str, str]], answer: str) -> tuple[Any, list[str]]:
        """Run cells (label, code), then the expression `answer`: its value, and what went wrong on the way.

        Raises StudentError with state "missing" where the expression has no value.
        """
        message = {"op": "load", "cells": cells, "answer": answer, "seconds": self.settings.call_seconds}
        reply, value = self._ask(message, [])
        if reply["state"] != "ok":
            texts = [*_texts(reply.get("problems")), str(reply.get("why", ""))[:2000]]
            raise StudentError("; ".join(texts), str(reply["state"]), self.printed)
        return value, _texts(reply.get("problems"))

    def call(
        self,
        number: int,
        args: tuple[Any, ...],
        seconds: float,
        tensors: bool,
        dtype: str,
        images: list[bool],
        out: bool,
    ) -> tuple[Any, list[int]]:
        """Call a function of the student: its value in NumPy, and the numbers of the arguments that it changed."""
        packer = Packer(self._pack_function)
        message = {"op": "call", "f": number, "args": [packer.pack(one) for one in args], "seconds": seconds}
        message |= {"tensors": tensors, "dtype": dtype, "images": images, "image_output": out}
        reply, value = self._ask(message, packer.arrays)
        self._raise_failure(reply)
        changed = reply.get("changed", [])
        return value, [i for i in changed if isinstance(i, int)] if isinstance(changed, list) else []

    def probe(self, name: str, number: int, args: tuple[Any, ...]) -> Any:
        """What a probe of `helpers.exercise_models` measures with a function of the student."""
        packer = Packer(self._pack_function)
        message = {"op": "probe", "name": name, "f": number, "seconds": self.settings.call_seconds}
        reply, value = self._ask(message | {"args": [packer.pack(one) for one in args]}, packer.arrays)
        self._raise_failure(reply)
        return value

    def _raise_failure(self, reply: dict[str, Any]) -> None:
        if reply["state"] != "ok":
            raise StudentError(str(reply.get("why", ""))[:2000], str(reply["state"]), self.printed)

    def _ask(self, message: dict[str, Any], arrays: list[np.ndarray]) -> tuple[dict[str, Any], Any]:
        if self.ended:
            raise Ended(self.ended)
        try:
            self.pipes.write(frame(message, arrays))
            while True:
                reply, blobs = read_frame(self.pipes.read)
                if reply.get("state") != "callback":
                    break
                self._call_back(reply, blobs)
            if not isinstance(reply.get("state"), str):
                raise WireError("an answer without a state")
            if isinstance(reply.get("printed"), str):
                self.printed = reply["printed"][:4000] or self.printed
            value = Unpacker(blobs, self._unpack_function).unpack(reply.get("value"))
            return reply, value
        except Closed:
            self._end_with("")
        except Overdue:
            self._end_with(f"it was stopped: no answer after {self.settings.wall_seconds:g} s")
        except WireError as error:
            self._end_with(
                f"it was stopped: it sent {error}" if "printed" not in str(error) else f"it was stopped: {error}"
            )
        raise Ended(self.ended)

    def _end_with(self, reason: str) -> None:
        with contextlib.suppress(WireError):
            self.pipes.drain()
        self.pipes.close()
        self.done = True
        code = self.finish(bool(reason))
        if not reason and code == -1:
            reason = "it ended the process that watches over it"
        why = _SIGNALS.get(
            code, "it ended Python itself, as os._exit and exit do" + (f" (code {code})" if code else "")
        )
        self.ended = reason or why

    def end(self) -> None:
        """End the worker if it still runs."""
        if not self.done:
            self.done = True
            self.pipes.close()
            self.finish(True)
            self.ended = self.ended or "it is over"

    # --- functions that go over as numbers

    def _pack_function(self, value: Any) -> dict[str, Any]:
        if isinstance(value, ByTrack):
            return _as_model(value)
        tensors = isinstance(value, NumpyFunction)
        if not callable(value):
            raise WireError(f"a {type(value).__name__}")
        self.callbacks.append(value)
        return {"f": len(self.callbacks) - 1, "tensors": tensors}

    def _unpack_function(self, told: Any) -> Any:
        if not isinstance(told, dict):
            raise WireError("something that isn't in the agreed form")
        if "f" in told:
            return RemoteFunction(self, int(told["f"]), told.get("arguments"), bool(told.get("stub")))
        if "list" in told:
            return Unpacker([]).unpack(told["list"]) if not isinstance(told["list"], dict) else _plain(told["list"])
        return Foreign(str(told.get("kind", "something"))[:80])

    def _call_back(self, reply: dict[str, Any], blobs: list[bytes]) -> None:
        """The student's code calls a function that the check handed over."""
        self._called += 1
        if self._called > MAX_CALLBACKS:
            raise WireError(f"more than {MAX_CALLBACKS} calls of the functions it was given")
        packer = Packer()
        try:
            given = [Unpacker(blobs).unpack(one) for one in reply["args"]]
            with np.errstate(all="ignore"):
                value = self.callbacks[reply["f"]](*given)
            message = {"state": "ok", "value": packer.pack(to_numpy(value))}
        except WireError:
            raise
        except Exception as error:
            packer, message = Packer(), {"state": "error", "why": f"{type(error).__name__}: {error}"[:500]}
        self.pipes.write(frame(message, packer.arrays))


def _texts(told: Any) -> list[str]:
    """The first texts of a list, each with a bounded length; nothing where it is none."""
    return [str(one)[:2000] for one in told[:5]] if isinstance(told, list) else []


def _plain(form: Any) -> Any:
    return Unpacker([]).unpack(form)


def _as_model(value: ByTrack) -> dict[str, Any]:
    """The name and arguments of a model of `helpers.exercise_models`, from its maker."""
    maker = value.pytorch
    if not isinstance(maker, functools.partial) or maker.func.__module__ != exercise_models.__name__:
        raise WireError("a model that can't be built without the course's answers")
    args = [
        [np.asarray(one).tolist(), one.dtype.name] if isinstance(one, np.ndarray) else [one, ""]
        for one in maker.args[1:]
    ]
    return {"model": maker.func.__name__, "args": args}
