"""Answers that can be recognised but not read: a release for students holds them in place of values and names.

A seal is a salted hash. It keeps an answer from being read, not from being found by trying, as `check` itself does not either.
"""

import hashlib
import math
from typing import Any

import numpy as np

from helpers.exercise_compare import Tolerance

_SALT = "pixels from noise, sealed answers"


def seal(text: str) -> str:
    """A text's salted hash, 24 hexadecimal digits."""
    return hashlib.sha256(f"{_SALT}\n{text}".encode()).hexdigest()[:24]


def seal_value(value: Any, tolerance: Tolerance) -> dict[str, Any]:
    """A value (number, bool, text, array, or a tuple or dict of them; NumPy) as JSON that only `opens` understands.

    The numbers within the tolerance of a number are one cell of a grid as wide as that: the grid is kept, and the seal of
    the cell's number. A relative tolerance is taken of the next power of two, as the width would tell the number.
    """
    if isinstance(value, dict):
        return {"dict": {str(key): seal_value(part, tolerance) for key, part in value.items()}}
    if isinstance(value, tuple):
        return {"tuple": [seal_value(part, tolerance) for part in value]}
    if isinstance(value, str):
        return {"text": seal(_folded(value))}
    array = np.asarray(value)
    if array.dtype == bool:
        return {"shape": array.shape, "bools": [seal(str(bool(one))) for one in array.ravel()]}
    return {"shape": array.shape, "numbers": [_seal_number(float(one), tolerance) for one in array.ravel()]}


def _seal_number(value: float, tolerance: Tolerance) -> dict[str, Any]:
    size = 2.0 ** math.ceil(math.log2(abs(value))) if value and math.isfinite(value) else 0.0
    width = 2 * (tolerance.atol + tolerance.rtol * size)
    offset = (value - width / 2) % width if width else 0.0
    return {"width": width, "offset": offset, "seal": seal(_cell(value, width, offset))}


def _cell(value: float, width: float, offset: float) -> str:
    return str(math.floor((value - offset) / width)) if width and math.isfinite(value) else repr(value)


def opens(sealed: dict[str, Any], got: Any) -> bool:
    """Whether an answer (NumPy) is the sealed one, within the tolerance it was sealed with."""
    if "dict" in sealed:
        parts = sealed["dict"]
        return isinstance(got, dict) and all(key in got and opens(part, got[key]) for key, part in parts.items())
    if "tuple" in sealed:
        same = isinstance(got, tuple | np.ndarray) and np.ndim(got) <= 1 and len(got) == len(sealed["tuple"])
        return same and all(opens(part, one) for part, one in zip(sealed["tuple"], got, strict=True))
    if "text" in sealed:
        return isinstance(got, str) and seal(_folded(got)) == sealed["text"]
    if isinstance(got, str | dict | tuple) or got is None:
        return False
    array = np.asarray(got)
    if (
        array.shape != tuple(sealed["shape"])
        or array.dtype.kind not in "biuf"
        or (array.dtype == bool) != ("bools" in sealed)
    ):
        return False
    if "bools" in sealed:
        return [seal(str(bool(one))) for one in array.ravel()] == sealed["bools"]
    pairs = zip(sealed["numbers"], array.ravel().tolist(), strict=True)
    return all(seal(_cell(float(one), part["width"], part["offset"])) == part["seal"] for part, one in pairs)


def blank(sealed: dict[str, Any], got: Any) -> Any:
    """A value of the sealed one's form, without its content; a text is taken from the answer where it has one there."""
    if "dict" in sealed:
        own = got if isinstance(got, dict) else {}
        return {key: blank(part, own.get(key)) for key, part in sealed["dict"].items()}
    if "tuple" in sealed:
        own = got if isinstance(got, tuple) and len(got) == len(sealed["tuple"]) else [None] * len(sealed["tuple"])
        return tuple(blank(part, one) for part, one in zip(sealed["tuple"], own, strict=True))
    if "text" in sealed:
        return got if isinstance(got, str) else ""
    empty = np.zeros(sealed["shape"], dtype=bool if "bools" in sealed else float)
    return empty if empty.shape else empty.item()


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
