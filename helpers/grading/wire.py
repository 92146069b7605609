"""What grader and worker say to each other: frames of JSON and raw arrays over pipes. Nothing that arrives is ever executed.

A frame is 8 bytes (lengths of its two parts), JSON, and the bytes of its arrays. Values are packed into a small tagged form;
functions go over as numbers, and stay where they are.
"""

import json
import math
import os
import select
import struct
import time
from collections.abc import Callable
from typing import Any

import numpy as np

MAX_JSON, MAX_ARRAYS = 2_000_000, 48_000_000  # bytes of a frame that a side accepts
MAX_PARTS, MAX_DEPTH, MAX_RANGE, MAX_TEXT = 20_000, 20, 10_000, 50_000
_HEAD = struct.Struct(">II")
_KINDS = "biufc"


class WireError(Exception):
    """What arrived is no frame, or a value is too large or of a kind that doesn't go over; the message says which."""


class Closed(WireError):
    """The other side has gone."""


class Overdue(WireError):
    """The other side did not answer in time."""


# --- values


class Packer:
    """Turns a value into its tagged form and collects its arrays. function: what stands for a function or a model."""

    def __init__(self, function: Callable[[Any], Any] | None = None) -> None:
        self.function = function
        self.arrays: list[np.ndarray] = []
        self._parts = 0
        self._bytes = 0

    def pack(self, value: Any, depth: int = 0) -> Any:
        """The tagged form. Raises WireError where the value is too large, too deep or of a kind that doesn't go over."""
        self._parts += 1
        if self._parts > MAX_PARTS or depth > MAX_DEPTH:
            raise WireError("a value of too many parts")
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            if abs(value) >= 2**63:
                raise WireError(f"a whole number of {value.bit_length()} bits")
            return int(value)
        if isinstance(value, float):
            return float(value)
        if isinstance(value, str):
            if len(value) > MAX_TEXT:
                raise WireError(f"a text of {len(value):,} characters")
            return str(value)
        return self._pack_other(value, depth)

    def _pack_other(self, value: Any, depth: int) -> Any:
        if value is Ellipsis:
            return {"k": "..."}
        if isinstance(value, complex):
            return {"k": "complex", "v": [value.real, value.imag]}
        if isinstance(value, np.ndarray | np.generic):
            return self._pack_array(np.asarray(value), isinstance(value, np.generic))
        if isinstance(value, range):
            return {"k": "range", "v": [self.pack(part, depth + 1) for part in (value.start, value.stop, value.step)]}
        for kind, types in (("list", list), ("tuple", tuple), ("set", set | frozenset)):
            if isinstance(value, types):
                return {"k": kind, "v": [self.pack(part, depth + 1) for part in value]}
        if isinstance(value, dict):
            pairs = [[self.pack(key, depth + 1), self.pack(part, depth + 1)] for key, part in value.items()]
            return {"k": "dict", "v": pairs}
        if self.function is None:
            raise WireError(f"a {type(value).__name__}")
        return {"k": "other", "v": self.function(value)}

    def _pack_array(self, array: np.ndarray, scalar: bool) -> Any:
        if array.dtype.kind == "U" and array.size <= MAX_PARTS:
            return self.pack(array.tolist())
        if array.dtype.kind not in _KINDS or array.dtype.itemsize > 16:
            raise WireError(f"an array of {array.dtype.name}")
        self._bytes += array.nbytes
        if self._bytes > MAX_ARRAYS:
            raise WireError(f"an array of {array.size:,} values, or several that large together")
        self.arrays.append(np.ascontiguousarray(array).reshape(array.shape))
        kind = "scalar" if scalar else "array"
        return {"k": kind, "v": [len(self.arrays) - 1, array.dtype.newbyteorder("=").str, list(array.shape)]}


class Unpacker:
    """The way back: tagged form and array bytes → values. function: makes a value of what stands for a function."""

    def __init__(self, arrays: list[bytes], function: Callable[[Any], Any] | None = None) -> None:
        self.arrays, self.function = arrays, function
        self._parts = 0

    def unpack(self, form: Any, depth: int = 0) -> Any:
        """The value. Raises WireError on anything that isn't a tagged form within the limits."""
        self._parts += 1
        if self._parts > 2 * MAX_PARTS or depth > MAX_DEPTH + 2:
            raise WireError("a value of too many parts")
        if form is None or isinstance(form, bool | int | float | str):
            if isinstance(form, int) and abs(form) >= 2**63:
                raise WireError("a number that is too large")
            return form
        if not isinstance(form, dict) or not isinstance(form.get("k"), str):
            raise WireError("something that isn't in the agreed form")
        try:
            return self._unpack_kind(form["k"], form.get("v"), depth)
        except (TypeError, ValueError, KeyError, IndexError, OverflowError) as error:
            raise WireError(f"something that isn't in the agreed form ({type(error).__name__})") from None

    def _unpack_kind(self, kind: str, v: Any, depth: int) -> Any:
        if kind == "...":
            return ...
        if kind == "complex":
            return complex(float(v[0]), float(v[1]))
        if kind in {"array", "scalar"}:
            return self._array(v, kind == "scalar")
        if kind == "range":
            start, stop, step = (int(self.unpack(part, depth + 1)) for part in v)
            found = range(start, stop, step)
            if len(found) > MAX_RANGE:
                raise WireError(f"a range of {len(found):,} numbers")
            return found
        if kind == "dict":
            return {self.unpack(key, depth + 1): self.unpack(part, depth + 1) for key, part in v}
        if kind in {"list", "tuple", "set"}:
            parts = [self.unpack(part, depth + 1) for part in v]
            return parts if kind == "list" else tuple(parts) if kind == "tuple" else set(parts)
        if kind == "other" and self.function is not None:
            return self.function(v)
        raise WireError(f"something of an unknown kind, {kind[:20]!r}")

    def _array(self, v: Any, scalar: bool) -> Any:
        index, name, shape = v
        dtype = np.dtype(str(name))
        shape = tuple(int(side) for side in shape)
        if dtype.kind not in _KINDS or dtype.itemsize > 16 or len(shape) > 16 or min(shape, default=0) < 0:
            raise WireError("an array of an unknown kind")
        content = self.arrays[int(index)]
        if math.prod(shape) * dtype.itemsize != len(content):
            raise WireError("an array whose bytes don't fit its shape")
        array = np.frombuffer(content, dtype).reshape(shape).copy()
        return array[()] if scalar else array


# --- frames


def frame(message: dict[str, Any], arrays: list[np.ndarray] = ()) -> bytes:
    """The bytes of a message and its arrays. Raises WireError where they are more than the other side accepts."""
    content = [np.ascontiguousarray(array).tobytes() for array in arrays]
    text = json.dumps(message | {"sizes": [len(part) for part in content]}).encode()
    if len(text) > MAX_JSON or sum(map(len, content)) > MAX_ARRAYS:
        raise WireError("more than a frame may hold")
    return _HEAD.pack(len(text), sum(map(len, content))) + text + b"".join(content)


def read_frame(read: Callable[[int], bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """The next message and the bytes of its arrays. read(n) gives exactly n bytes or raises."""
    length, blob = _HEAD.unpack(read(_HEAD.size))
    if length > MAX_JSON or blob > MAX_ARRAYS:
        raise WireError("more than a frame may hold")
    text, content = read(length), read(blob)
    try:
        message = json.loads(text)
        sizes = message.pop("sizes")
        if not all(isinstance(size, int) and size >= 0 for size in sizes) or sum(sizes) != blob:
            raise ValueError("sizes")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise WireError("bytes that aren't in the agreed form") from None
    arrays, at = [], 0
    for size in sizes:
        arrays.append(content[at : at + size])
        at += size
    return message, arrays


def read_exactly(fd: int, count: int) -> bytes:
    """Exactly `count` bytes from a pipe, waiting for them. Raises Closed at its end."""
    parts = []
    while count:
        part = os.read(fd, min(count, 1 << 20))
        if not part:
            raise Closed("the other side has gone")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def write_all(fd: int, content: bytes) -> None:
    """All bytes into a pipe, waiting for room. Raises Closed where nobody reads."""
    view = memoryview(content)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except OSError as error:
            raise Closed("the other side has gone") from error


class Timed:
    """A pipe's two ends with a deadline, and a third pipe of prints that is emptied while waiting (POSIX)."""

    def __init__(self, read_fd: int, write_fd: int, print_fd: int, print_limit: int) -> None:
        self.read_fd, self.write_fd, self.print_fd, self.print_limit = read_fd, write_fd, print_fd, print_limit
        self.printed, self.kept = 0, bytearray()
        self.deadline = math.inf
        for fd in (read_fd, write_fd, print_fd):
            os.set_blocking(fd, False)

    def read(self, count: int) -> bytes:
        """Exactly `count` bytes. Raises Closed, Overdue, or WireError when more than the limit is printed."""
        parts = []
        while count:
            self._wait(self.read_fd, select.POLLIN)
            try:
                part = os.read(self.read_fd, min(count, 1 << 20))
            except BlockingIOError:
                continue
            if not part:
                raise Closed("the other side has gone")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def write(self, content: bytes) -> None:
        """All bytes. Raises as `read` does."""
        view = memoryview(content)
        while view:
            self._wait(self.write_fd, select.POLLOUT)
            try:
                view = view[os.write(self.write_fd, view[: 1 << 16]) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise Closed("the other side has gone") from error

    def _wait(self, fd: int, event: int) -> None:
        while True:
            poll = select.poll()
            poll.register(fd, event)
            if self.print_fd >= 0:
                poll.register(self.print_fd, select.POLLIN)
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise Overdue("no answer in time")
            ready = dict(poll.poll(min(left, 5) * 1000))
            if self.print_fd in ready:
                self.drain()
            if fd in ready:
                return

    def drain(self) -> None:
        """Read what was printed, keep its first part. Raises WireError beyond the limit."""
        while self.print_fd >= 0:
            try:
                part = os.read(self.print_fd, 1 << 16)
            except BlockingIOError:
                return
            if not part:
                os.close(self.print_fd)
                self.print_fd = -1
                return
            self.printed += len(part)
            self.kept += part[: max(0, 4000 - len(self.kept))]
            if self.printed > self.print_limit:
                raise WireError(f"it printed more than {self.print_limit:,} bytes")

    def close(self) -> None:
        """Close all ends."""
        for fd in (self.read_fd, self.write_fd, self.print_fd):
            if fd >= 0:
                os.close(fd)
        self.read_fd = self.write_fd = self.print_fd = -1
