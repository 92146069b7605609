"""What stands in the grader for things of a student's: functions that run in the worker, values that are no data."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from helpers.exercise_types import Tools, Unanswered


class Foreign:
    """Stands for something of the student's that is neither data nor a function."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __repr__(self) -> str:
        return self.kind


class RemoteFunction:
    """A student's function: called here, it runs in the worker, and NumPy comes back."""

    def __init__(self, session: Any, number: int, arguments: Any, stub: bool) -> None:
        self.session, self.number, self.stub = session, number, stub
        self.__signature__ = _signature(arguments)
        self.how: dict[str, Any] = {"tensors": False, "dtype": "float32", "images": None, "out": False}
        self.seconds = session.settings.call_seconds
        self.changed: list[int] = []

    def __call__(self, *args: Any, **options: Any) -> Any:
        """The function's value for NumPy arguments."""
        how = self.how | {"images": self.how["images"] or [False] * len(args)}
        value, self.changed = self.session.call(self.number, args, self.seconds, **how)
        return value

    def __repr__(self) -> str:
        return "a function"


def _signature(arguments: Any) -> inspect.Signature | None:
    """A signature from names and kinds, for messages on a wrong number of arguments."""
    try:
        kinds = list(inspect._ParameterKind)
        parts = [
            inspect.Parameter(name, kinds[kind], default=None if has_default else inspect.Parameter.empty)
            for name, kind, has_default in arguments
        ]
        return inspect.Signature(parts)
    except (TypeError, ValueError, IndexError):
        return inspect.Signature([inspect.Parameter("arguments", inspect.Parameter.VAR_POSITIONAL)])


@dataclass(frozen=True)
class RemoteTools(Tools):
    """What `verify` gets in the grader: NumPy stays NumPy here and becomes a tensor in the worker.

    reference: the exercise's own function, whose derivatives a probe's gradients must be. forged: what was found to be none.
    """

    reference: Callable[..., Any] | None = None
    forged: list[str] = field(default_factory=list)

    def tensor(self, array: Any, image: bool = False) -> Any:
        """The array itself; the worker makes the tensor."""
        return array

    def call(self, function: Any, *arrays: Any, **options: Any) -> Any:
        """The student's function with arrays as tensors of the track; NumPy comes back. None is "not answered"."""
        if not isinstance(function, RemoteFunction):
            raise TypeError(f"{function!r} is no function")
        function.how = {"tensors": self.track != "numpy", "dtype": self.dtype, "images": None, "out": False}
        result = function(*arrays)
        if result is None or result is Ellipsis:
            raise Unanswered
        return result

    def probe(self, measure: Callable[..., Any], answer: Any, *arrays: Any) -> Any:
        """The probe, run in the worker by its name: gradients, or None where none flows.

        The student's code shares the worker with the probe and could give anything. So each gradient that comes back is
        compared here with the derivative of the reference, by whose values the answer has been judged.
        """
        found = answer.session.probe(measure.__name__, answer.number, arrays)
        if self.reference is not None and not _are_derivatives(found, measure("numpy", self.reference, *arrays)):
            self.forged.append("The values are right, but the gradients that come with them are not their derivatives.")
        return found


def _are_derivatives(found: Any, wanted: Any) -> bool:
    """Whether all gradients in `found` that flow at all equal those in `wanted`, within single precision."""
    if isinstance(wanted, list):
        fits = isinstance(found, list | tuple) and len(found) == len(wanted)
        return fits and all(_are_derivatives(*pair) for pair in zip(found, wanted, strict=True))
    if found is None or not np.any(np.asarray(found)):
        return True  # stopped: whether it may be is the check's to say
    try:
        got = np.asarray(found, np.float64)
    except (TypeError, ValueError):
        return False
    return got.shape == wanted.shape and np.allclose(got, wanted, rtol=0.02, atol=0.02 * np.abs(wanted).max() + 1e-6)
