"""The worker: runs one student's code for one exercise in a process of its own, and answers what the grader asks over a pipe.

It knows the student's cells and the inputs of the moment; no expected value, no exercise set, no other submission.
"""

import inspect
import linecache
import math
import os
import sys
import types
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from helpers import exercise_models
from helpers.exercise_engine import is_unanswered
from helpers.exercise_tensors import ByTrack, NotNumbers, NumpyFunction, kind_of, to_numpy, to_track
from helpers.grading import notebook as grading_notebook
from helpers.grading.wire import MAX_ARRAYS, Packer, Unpacker, WireError, frame, read_exactly, read_frame, write_all
from helpers.limits import Outcome, guarded

MODELS = {name: getattr(exercise_models, name) for name in ("pixel_losses", "player", "critic")}
PROBES = {name: getattr(exercise_models, name) for name in ("gradients_of_game", "slope_of_penalty")}


class GraderRefused(RuntimeError):
    """The function that the check handed over could not take these arguments; the message says why."""


class Worker:
    """One student's names, and the functions among them that the grader may call."""

    def __init__(self, read_fd: int, write_fd: int, track: str) -> None:
        self._read_fd, self._write_fd, self._track = read_fd, write_fd, track
        self._functions: list[Any] = []
        self._space = types.ModuleType("__main__")

    def serve(self) -> None:
        """Answer requests until the grader closes the pipe."""
        while True:
            message, arrays = read_frame(partial(read_exactly, self._read_fd))
            self._reply(*self._answer(message, arrays))

    def _answer(self, message: dict[str, Any], arrays: list[bytes]) -> tuple[dict[str, Any], list[np.ndarray]]:
        packer = Packer(self._describe)
        operations = [self._read, self._plan, self._load, self._call, self._probe]
        operation = {one.__name__[1:]: one for one in operations}[message["op"]]
        try:
            return operation(message, Unpacker(arrays, self._theirs), packer), packer.arrays
        except WireError as error:
            return {"state": "error", "why": f"it gives {error}, which is more than a check can take"}, []
        except NotNumbers as error:
            return {"state": "numbers", "why": str(error)}, []

    def _reply(self, message: dict[str, Any], arrays: list[np.ndarray]) -> None:
        write_all(self._write_fd, frame(message, arrays))

    # --- what the grader asks

    def _read(self, message: dict[str, Any], unpacker: Unpacker, packer: Packer) -> dict[str, Any]:
        """Read a notebook, and run nothing of it: lesson and track."""
        try:
            self._notebook = grading_notebook.read(unpacker.unpack(message["content"]).tobytes())
        except grading_notebook.NoNotebook as error:
            return {"state": "none", "why": str(error)}
        return {"state": "ok", "value": packer.pack([self._notebook.lesson, self._notebook.track])}

    def _plan(self, message: dict[str, Any], unpacker: Unpacker, packer: Packer) -> dict[str, Any]:
        """What to run of that notebook for each exercise, with the released one beside it."""
        released = grading_notebook.from_bytes(unpacker.unpack(message["released"]).tobytes())
        found = grading_notebook.plans(self._notebook, released, message["exercises"])
        return {"state": "ok", "value": packer.pack(np.frombuffer(found, np.uint8))}

    def _load(self, message: dict[str, Any], unpacker: Unpacker, packer: Packer) -> dict[str, Any]:
        """Run the cells, then find the answer: the value of an expression, or the reason why there is none."""
        problems, printed = [], ""
        sys.modules["__main__"] = self._space
        for label, source in message["cells"]:
            done = guarded(partial(self._execute, label, source), message["seconds"])
            printed += done.printed
            if not done.ok:
                problems.append(f"cell {label}: {done.failure}")
                if done.timed_out:
                    break
        found = guarded(partial(self._evaluate, message["answer"]), message["seconds"])
        if not found.ok:
            return {"state": "missing", "why": found.failure, "problems": problems, "printed": printed[:2000]}
        return {"state": "ok", "value": packer.pack(found.value), "problems": problems, "printed": printed[:2000]}

    def _execute(self, label: str, source: str) -> None:
        name = f"<ipython-input-{label}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        exec(compile(source, name, "exec"), self._space.__dict__)

    def _evaluate(self, expression: str) -> Any:
        return eval(compile(expression, "<ipython-input-answer>", "eval"), self._space.__dict__)

    def _call(self, message: dict[str, Any], unpacker: Unpacker, packer: Packer) -> dict[str, Any]:
        """Call a function of the student with arrays as tensors of the track; NumPy goes back."""
        function, originals = self._functions[message["f"]], [unpacker.unpack(one) for one in message["args"]]
        images = message["images"]
        track = self._track if message["tensors"] else "numpy"
        given = [to_track(one, track, message["dtype"], image) for one, image in zip(originals, images, strict=True)]
        done = guarded(lambda: function(*given), message["seconds"])
        if not done.ok:
            return _failed(done)
        changed = [i for i, one in enumerate(originals) if _changed(one, given[i], images[i])]
        value = self._pack_result(done.value, message["image_output"], packer)
        return {"state": "ok", "value": value, "changed": changed, "printed": done.printed}

    def _pack_result(self, value: Any, image_output: bool, packer: Packer) -> Any:
        converted = guarded(lambda: packer.pack(_converted(value, image_output)), 20)  # its own methods may do anything
        if not converted.ok and isinstance(converted.error, WireError | NotNumbers):
            raise converted.error
        if not converted.ok:
            raise NotNumbers(f"{kind_of(value)} that can't be read ({converted.failure})")
        return converted.value

    def _probe(self, message: dict[str, Any], unpacker: Unpacker, packer: Packer) -> dict[str, Any]:
        if message["name"] not in PROBES:
            raise WireError("a probe that nobody knows")
        probe, function = PROBES[message["name"]], self._functions[message["f"]]
        given = [unpacker.unpack(one) for one in message["args"]]
        done = guarded(lambda: probe(self._track, function, *given), message["seconds"])
        return {"state": "ok", "value": packer.pack(done.value), "printed": done.printed} if done.ok else _failed(done)

    # --- functions that go over as numbers

    def _describe(self, value: Any) -> dict[str, Any]:
        """What the grader learns of a value that isn't data: its kind, and for a function how it is called."""
        told: dict[str, Any] = {"kind": kind_of(value)[:80]}
        if callable(value):
            self._functions.append(value)
            told |= {"f": len(self._functions) - 1, "stub": is_unanswered(value), "arguments": _arguments(value)}
        else:
            try:
                packer = Packer()
                array = to_numpy(value)
                told["list"] = packer.pack(np.asarray(array).tolist())
            except (NotNumbers, WireError):
                pass
        return told

    def _theirs(self, told: dict[str, Any]) -> Any:
        """A function of the grader's, or a model that is built here."""
        if "model" in told:
            if told["model"] not in MODELS:
                raise WireError("a model that nobody knows")
            arrays = [np.asarray(part, dtype) if dtype else part for part, dtype in told["args"]]
            return exercise_models.by_track(MODELS[told["model"]], *arrays)
        if told.get("tensors"):
            return NumpyFunction(partial(self._call_back, told["f"]))
        return partial(self._call_back, told["f"])

    def _call_back(self, number: int, *given: Any) -> Any:
        """Ask the grader for what its function gives."""
        packer = Packer()
        args = [packer.pack(to_numpy(one)) for one in given]
        self._reply({"state": "callback", "f": number, "args": args}, packer.arrays)
        message, arrays = read_frame(partial(read_exactly, self._read_fd))
        if message["state"] != "ok":
            raise GraderRefused(message["why"])
        return Unpacker(arrays).unpack(message["value"])


def _converted(value: Any, image_output: bool) -> Any:
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and (count := math.prod(int(side) for side in shape)) > MAX_ARRAYS:
        raise WireError(f"an array of {count:,} values")
    return value if value is None or value is Ellipsis or callable(value) else to_numpy(value, image_output)


def _failed(done: Outcome) -> dict[str, Any]:
    state = "time" if done.timed_out else "numbers" if isinstance(done.error, NotNumbers) else "error"
    why = str(done.error) if state == "numbers" else done.failure
    return {"state": state, "why": why[:2000], "printed": done.printed}


def _arguments(function: Callable[..., Any]) -> list[list[Any]] | None:
    """Name, kind, and whether there is a default, of each parameter; None where Python doesn't know."""
    try:
        found = inspect.signature(function).parameters.values()
        return [[one.name[:80], int(one.kind), one.default is not one.empty] for one in found][:50]
    except Exception:  # built in, or with a signature of its own making
        return None


def _changed(original: Any, given: Any, image: bool) -> bool:
    if not isinstance(original, np.ndarray):
        return False
    try:
        now = to_numpy(given, image)
        return now.shape != original.shape or not np.array_equal(now, original, equal_nan=original.dtype.kind in "fc")
    except Exception:
        return True


class NoAnswers:
    """Refuses the import of what a student's copy of the course doesn't have either."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Raise ImportError for exercise sets; everything else is left to the usual finders."""
        if name.startswith("helpers.exercise_sets") or name.startswith("helpers.grad"):
            raise ImportError("the exercise sets and the grader are not here: they hold or guard the course's answers")


def begin(read_fd: int, write_fd: int, track: str) -> None:
    """Serve one job and end this process."""
    sys.meta_path.insert(0, NoAnswers())
    sys.setrecursionlimit(1000)
    try:
        Worker(read_fd, write_fd, track).serve()
    except WireError:
        os._exit(0)  # the grader has closed the pipe
    except BaseException:
        os._exit(71)


def load_framework(track: str) -> None:
    """Import the track's framework with one thread."""
    if track == "pytorch":
        import torch

        torch.set_num_threads(1)
    elif track == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)


__all__ = ["ByTrack", "Worker", "begin", "load_framework"]
