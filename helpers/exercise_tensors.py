"""The way of an exercise's arrays into a track's tensors and back."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

TRACKS = ("numpy", "pytorch", "tensorflow")


class NotNumbers(Exception):
    """A result that can't become an array; the message says what it is instead."""


@dataclass(frozen=True)
class NumpyFunction:
    """A NumPy function that a student's code may call with its track's tensors. Gradients don't flow through it."""

    function: Callable[..., Any]

    def __call__(self, *arrays: Any) -> Any:
        """The NumPy function itself, for the reference."""
        return self.function(*arrays)

    def in_track(self, track: str) -> Callable[..., Any]:
        """The same function for tensors of the track."""
        if track == "numpy":
            return self.function

        def call(*tensors: Any) -> Any:
            return to_track(self.function(*(to_numpy(tensor) for tensor in tensors)), track)

        return call


@dataclass(frozen=True)
class ByTrack:
    """Something that is built differently in each track: one function without arguments for each."""

    pytorch: Callable[[], Any] | None = None
    tensorflow: Callable[[], Any] | None = None
    numpy: Callable[[], Any] | None = None

    def has(self, track: str) -> bool:
        """Whether there is something for the track."""
        return getattr(self, track) is not None

    def build(self, track: str) -> Any:
        """The object for the track. Raises KeyError when there is none."""
        maker = getattr(self, track)
        if maker is None:
            raise KeyError(f"nothing is declared for the track {track!r}")
        return maker()


def guess_track() -> str:
    """The current run's track; without a run, the one framework that is imported; otherwise "numpy"."""
    runtime = sys.modules.get("helpers.runtime")
    run = runtime.current() if runtime is not None else None
    if run is not None:
        return run.track
    loaded = [track for track, module in (("pytorch", "torch"), ("tensorflow", "tensorflow")) if module in sys.modules]
    return loaded[0] if loaded else "numpy"


def to_track(value: Any, track: str, dtype: str = "float32", image: bool = False) -> Any:
    """NumPy → the track's tensors, as a copy; containers element by element, everything else as it is.

    dtype: of floating-point arrays. image: a 4-D array (N, H, W, C) becomes (N, C, H, W) in PyTorch.
    """
    if isinstance(value, NumpyFunction):
        return value.in_track(track)
    if isinstance(value, ByTrack):
        return value.build(track)
    if isinstance(value, np.ndarray):
        return _array_to_track(value, track, dtype, image)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return type(value)(to_track(part, track, dtype, image) for part in value)
    if isinstance(value, dict):
        return {key: to_track(part, track, dtype, image) for key, part in value.items()}
    return value


def _array_to_track(array: np.ndarray, track: str, dtype: str, image: bool) -> Any:
    copy = np.array(array, dtype=dtype if np.issubdtype(array.dtype, np.floating) else array.dtype)
    if track == "pytorch":
        import torch

        tensor = torch.from_numpy(copy)
        if image and tensor.ndim == 4:
            tensor = tensor.permute(0, 3, 1, 2).contiguous()
        return tensor.to(_torch_device())
    if track == "tensorflow":
        import tensorflow as tf

        return tf.convert_to_tensor(copy)
    return copy


def _torch_device() -> Any:
    """The device of the current PyTorch run, where the lesson's models are; else the CPU."""
    runtime = sys.modules.get("helpers.runtime")
    run = runtime.current() if runtime is not None else None
    return run.device if run is not None and run.track == "pytorch" else "cpu"


def to_numpy(value: Any, image: bool = False) -> Any:
    """Tensors of either framework → NumPy: from any device, without gradient. Containers element by element.

    image: a 4-D PyTorch tensor (N, C, H, W) comes back as (N, H, W, C).
    Raises NotNumbers on what holds no numbers (a symbolic tensor, a function, a generator, a ragged list).
    """
    if isinstance(value, (np.ndarray, np.generic)):
        return _no_objects(np.asarray(value))
    if isinstance(value, (bool, int, float, complex, str)) or value is None or value is Ellipsis:
        return value
    if _is_numbers(value):
        return _list_to_array(value)
    if isinstance(value, (list, tuple)):
        return tuple(to_numpy(part, image) for part in value)
    if isinstance(value, dict):
        return {key: to_numpy(part, image) for key, part in value.items()}
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return _torch_to_numpy(value, image)
    return _other_to_numpy(value)


def _is_numbers(value: Any) -> bool:
    """A list of numbers, possibly nested, that makes one array. A tuple stays a tuple of results."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(part, (bool, int, float)) or _is_numbers(part) for part in value)
    )


def _list_to_array(value: list) -> np.ndarray:
    try:
        return np.asarray(value)
    except ValueError:
        raise NotNumbers("a list whose rows have different lengths") from None


def _no_objects(array: np.ndarray) -> np.ndarray:
    if array.dtype == object:
        raise NotNumbers("an array of Python objects, not of numbers")
    return array


def _torch_to_numpy(tensor: Any, image: bool) -> np.ndarray:
    tensor = tensor.detach().cpu()
    tensor = tensor.to_dense() if tensor.is_sparse else tensor
    tensor = tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor
    if image and tensor.ndim == 4:
        tensor = tensor.permute(0, 2, 3, 1)
    return np.array(tensor.numpy())


def _other_to_numpy(value: Any) -> np.ndarray:
    """TensorFlow's and Keras's tensors and variables, and whatever else offers `.numpy()`."""
    kind = type(value).__name__
    if kind in {"KerasTensor", "SymbolicTensor"}:
        raise NotNumbers("a symbolic tensor, which holds no numbers yet")
    if kind == "generator":
        raise NotNumbers("a generator; use return instead of yield")
    convert = getattr(value, "numpy", None)
    if convert is None:
        raise NotNumbers(f"{kind_of(value)}, not numbers")
    try:
        array = np.asarray(convert())
    except Exception as error:
        raise NotNumbers(f"{kind_of(value)} that can't be read as an array ({type(error).__name__})") from error
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else _no_objects(array)


def kind_of(value: Any) -> str:
    """What a value is, for messages: "a torch tensor", "a float" …"""
    module = type(value).__module__.split(".")[0]
    if module == "torch" and hasattr(value, "detach"):
        return "a torch tensor"
    if module in {"tensorflow", "keras"} and hasattr(value, "numpy"):
        return "a TensorFlow tensor"
    if isinstance(value, np.ndarray):
        return "a NumPy array"
    if callable(value):
        return "a class" if isinstance(value, type) else "a function"
    name = type(value).__name__
    return ("an " if name[0] in "aeiou" else "a ") + name
