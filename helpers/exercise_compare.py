"""Compare an answer with the expected one and say in words how they differ, without giving the answer away."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Tolerance:
    """When two numbers agree: |got − expected| ≤ atol + rtol·|expected|. check_dtype: the dtypes must agree as well."""

    rtol: float = 1e-4
    atol: float = 1e-5
    check_dtype: bool = False


def agree(got: Any, expected: Any, tolerance: Tolerance) -> bool:
    """Whether two results agree: structure, shapes and values (and dtypes where the tolerance says so)."""
    return not difference(got, expected, tolerance)


def difference(got: Any, expected: Any, tolerance: Tolerance, names: Sequence[str] = (), where: str = "") -> str:
    """The first difference in words, or an empty string. names: of the parts, where `expected` is a tuple."""
    if isinstance(expected, dict):
        return _dict_difference(got, expected, tolerance, where)
    if isinstance(expected, tuple):
        return _tuple_difference(got, expected, tolerance, names, where)
    if isinstance(expected, str) and isinstance(got, str):
        return "" if _same_text(got, expected) else f"{_is(where)}{_short(got)}, which is not the right answer."
    if isinstance(got, tuple) and got and isinstance(expected, np.ndarray) and expected.ndim == 1:
        got = np.asarray(got) if all(np.ndim(part) == 0 for part in got) else got  # a tuple of numbers for a list
    if isinstance(expected, str) or isinstance(got, (str, tuple, dict)) or got is None:
        return f"{_is(where)}{_kind(got)}; {_kind(expected)} is expected."
    return _array_difference(np.asarray(got), np.asarray(expected), tolerance, where)


def _is(where: str) -> str:
    return f"`{where}` is " if where else "your answer is "


def _kind(value: Any) -> str:
    if isinstance(value, tuple):
        return f"{len(value)} results"
    if isinstance(value, np.ndarray) and value.shape:
        return f"an array of shape {value.shape}"
    names = {dict: "a dict", str: "a text", bool: "True or False", type(None): "None"}
    return names.get(type(value), "a number")


def _short(value: Any, width: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= width else text[: width - 1] + "…"


def _same_text(got: str, expected: str) -> bool:
    return " ".join(got.split()).casefold() == " ".join(expected.split()).casefold()


def _dict_difference(got: Any, expected: dict, tolerance: Tolerance, where: str) -> str:
    if not isinstance(got, dict):
        return f"{_is(where)}{_kind(got)}; a dict with the keys {_listed(expected)} is expected."
    missing = [key for key in expected if key not in got]
    if missing:
        return f"{'a key is' if len(missing) == 1 else 'keys are'} missing: {_listed(missing)}."
    found = [difference(got[key], value, tolerance, (), str(key)) for key, value in expected.items()]
    return " ".join(text for text in found if text)


def _listed(keys: Any) -> str:
    return ", ".join(repr(key) for key in keys)


def _tuple_difference(got: Any, expected: tuple, tolerance: Tolerance, names: Sequence[str], where: str) -> str:
    labels = [names[i] if i < len(names) else f"result {i + 1}" for i in range(len(expected))]
    if isinstance(got, np.ndarray) and not where and len(got.shape) == 1 and len(got) == len(expected):
        got = tuple(got)  # a plain list of numbers
    if not isinstance(got, tuple):
        return f"{_is(where)}{_kind(got)}; {len(expected)} results are expected: {', '.join(labels)}."
    if len(got) != len(expected):
        return f"{_is(where)}{_kind(got)}; {len(expected)} are expected: {', '.join(labels)}."
    for one, other, label in zip(got, expected, labels, strict=True):
        text = difference(one, other, tolerance, (), label)
        if text:
            return text
    return ""


def _array_difference(got: np.ndarray, expected: np.ndarray, tolerance: Tolerance, where: str) -> str:
    prefix = f"`{where}`: " if where else ""
    if got.dtype.kind not in "biufc":
        return f"{prefix}{_short(got)} is not a number."
    if got.shape != expected.shape:
        return f"{prefix}{_shape_words(got.shape, expected.shape)}"
    if tolerance.check_dtype and got.dtype != expected.dtype:
        return f"{prefix}wrong dtype: yours is {got.dtype}, {expected.dtype} is expected."
    if (got.dtype == bool) != (expected.dtype == bool):
        return f"{prefix}you give {_dtype_words(got)}; {_dtype_words(expected)} is expected."
    if not got.size:
        return ""
    close = np.isclose(got, expected, rtol=tolerance.rtol, atol=tolerance.atol, equal_nan=True)
    return "" if close.all() else prefix + _value_words(got, expected, close)


def _dtype_words(array: np.ndarray) -> str:
    return "True or False" if array.dtype == bool else "a number"


def _shape_words(got: tuple[int, ...], expected: tuple[int, ...]) -> str:
    text = f"wrong shape: yours is {got}, {expected} is expected"
    if not got:
        return text + " (you return one single number)."
    if got[::-1] == expected:
        return text + " (the axes are turned round)."
    if [n for n in got if n != 1] == [n for n in expected if n != 1]:
        return text + " (the same numbers, but axes of length 1 differ)."
    if int(np.prod(got)) == int(np.prod(expected)):
        return text + " (the number of values is right)."
    return text + "."


def _value_words(got: np.ndarray, expected: np.ndarray, close: np.ndarray) -> str:
    bad_finite = ~np.isfinite(got.astype(complex)) & np.isfinite(expected.astype(complex))
    if bad_finite.any():
        return _not_finite_words(got, bad_finite)
    pattern = _pattern(got.astype(complex), expected.astype(complex))
    index = tuple(int(i) for i in np.argwhere(~close)[0])
    mine, right = got[index], expected[index]
    wrong = int((~close).sum())
    value = f"{mine:.6g}" if got.dtype.kind in "fc" else f"{mine}"
    if not got.shape:
        return f"{value} is {_direction(mine, right)}." + pattern
    count = "no value is right" if wrong == got.size else f"{wrong} of {got.size} values are wrong"
    position = index[0] if len(index) == 1 else index
    return f"{count}; the first, at index {position}, is {value}: {_direction(mine, right)}." + pattern


def _not_finite_words(got: np.ndarray, bad: np.ndarray) -> str:
    nans = int((np.isnan(got) & bad).sum())
    what = "NaN" if nans == int(bad.sum()) else "infinite" if nans == 0 else "NaN or infinite"
    causes = (
        "a logarithm or root of a negative number, 0/0, ∞ − ∞"
        if nans
        else "a division by 0, log 0 or an exp that overflows"
    )
    count = f"{int(bad.sum())} of {got.size} values are" if got.shape else "your answer is"
    return f"{count} {what}. Usual causes: {causes}."


def _direction(mine: Any, right: Any) -> str:
    if isinstance(mine, (bool, np.bool_)):
        return "wrong"
    if np.iscomplexobj(mine) or np.iscomplexobj(right) or not np.isfinite(right):
        return "wrong"
    if mine * 1.0 * right < 0:
        return "the sign is wrong"
    relative = abs(float(mine) - float(right)) / max(abs(float(right)), 1e-12)
    size = "far " if relative > 1 else "a little " if relative < 0.05 else ""
    return f"{size}too {'large' if mine > right else 'small'}"


def _pattern(got: np.ndarray, expected: np.ndarray) -> str:
    """A remark where all values are off by the same factor or the same amount, or where the axes are swapped."""
    if got.size < 2 or not (np.isfinite(got).all() and np.isfinite(expected).all()):
        return ""
    if got.ndim == 2 and got.shape[0] == got.shape[1] and np.allclose(got.T, expected, rtol=1e-3):
        return " Your result is the transposed one."
    if np.ptp(expected.real) < 1e-9:
        return ""
    if np.ptp(got.real) < 1e-9 and got.size > 2:
        return " All your values are equal; they should differ."
    large = np.abs(expected) > 1e-6
    ratio = (got[large] / expected[large]).real
    if ratio.size > 1 and np.allclose(ratio, ratio[0], rtol=1e-3) and np.allclose(got[~large], 0, atol=1e-4):
        return " The sign is wrong everywhere." if abs(ratio[0] + 1) < 1e-3 else _factor_words(ratio[0])
    offset = (got - expected).real
    if np.allclose(offset, offset.flat[0], rtol=1e-3):
        return f" Every value is off by the same amount, {offset.flat[0]:+.4g}."
    return ""


def _factor_words(ratio: float) -> str:
    return f" Every value is {ratio:.4g} times what it should be."
