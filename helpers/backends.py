"""The few things that PyTorch and TensorFlow do differently around a lesson: devices, tensors, batches, compiled steps.

Both classes offer the same methods; `helpers.runtime.Run` passes calls on to one of them. NumPy images are
(N, H, W, C) in uint8 0…255 or float 0…1.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


def _as_float(array: Any) -> np.ndarray:
    """uint8 → float32 / 255; other numbers keep their values (floats as float32)."""
    array = np.asarray(array)
    if array.dtype == np.uint8:
        return array.astype(np.float32) / 255
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def _batch_indices(n: int, size: int, rng: np.random.Generator | None, drop_last: bool) -> Iterator[np.ndarray]:
    if size < 1:
        raise ValueError(f"batch_size is {size}; it must be 1 or more")
    order = np.arange(n) if rng is None else rng.permutation(n)
    end = n - n % size if drop_last else n
    if end == 0:
        raise ValueError(f"{n} examples make no batch of {size}: lower batch_size or set drop_last=False")
    for start in range(0, end, size):
        yield order[start : start + size]


def threads_in_words(number: int) -> str:
    """1 thread, 2 threads."""
    return f"{number} thread{'' if number == 1 else 's'}"


def keep_freed_memory() -> bool:
    """Ask the C library to keep freed memory for the next allocation; says whether it does (glibc on Linux only).

    A training step allocates and frees the same large arrays again and again. By default glibc hands each one back to
    the system and gets it anew, page by page. On two CPU cores lesson 2's model trained about 30 % faster without that.
    Source: mallopt(3).
    """
    import ctypes
    import platform

    if platform.libc_ver()[0] != "glibc":
        return False
    mmap_threshold, trim_threshold = -3, -1
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(mmap_threshold, 32 * 1024**2) and libc.mallopt(trim_threshold, 2**31 - 1))


class TorchBackend:
    """PyTorch: tensors (N, C, H, W), stored channels-last, on the fastest device there is."""

    def __init__(self, threads: int | None) -> None:
        import torch

        self.torch = torch
        if threads:
            torch.set_num_threads(threads)
        if torch.cuda.is_available():
            self.device = torch.device("cuda")
            torch.backends.cudnn.benchmark = True
            torch.set_float32_matmul_precision("high")
        elif torch.backends.mps.is_available():
            self.device = torch.device("mps")
        else:
            self.device = torch.device("cpu")
            keep_freed_memory()
        self.version = f"PyTorch {torch.__version__.split('+')[0]}"

    def describe(self) -> str:
        """The device in words."""
        if self.device.type == "cuda":
            return self.torch.cuda.get_device_name()
        return f"{self.device.type}, {threads_in_words(self.torch.get_num_threads())}"

    def seed(self, seed: int) -> None:
        """Seed PyTorch's generators."""
        self.torch.manual_seed(seed)

    def tensor(self, array: Any) -> Any:
        """NumPy → tensor on the device; images (N, H, W, C) → (N, C, H, W)."""
        tensor = self.torch.from_numpy(np.ascontiguousarray(_as_float(array))).to(self.device)
        return tensor.permute(0, 3, 1, 2) if tensor.ndim == 4 else tensor

    def numpy(self, tensor: Any) -> np.ndarray:
        """Tensor → NumPy; images (N, C, H, W) → (N, H, W, C)."""
        if not isinstance(tensor, self.torch.Tensor):
            return np.asarray(tensor)
        tensor = tensor.detach().cpu()
        return (tensor.permute(0, 2, 3, 1) if tensor.ndim == 4 else tensor).numpy()

    def prepare(self, model: Any) -> Any:
        """Model → device, channels-last; on a CPU with fast transposed convolutions."""
        model = model.to(self.device, memory_format=self.torch.channels_last)
        if self.device.type == "cpu":
            from helpers.fast_conv import use_fast_transposed

            use_fast_transposed(model)
        return model

    def compiled(self, step: Callable) -> Callable:
        """The step as it is: PyTorch runs it line by line."""
        return step

    def batches(
        self, arrays: tuple, batch_size: int, rng: np.random.Generator | None, drop_last: bool
    ) -> Iterator[tuple]:
        """Mini-batches by index, from tensors that lie on the device."""
        for index in _batch_indices(len(arrays[0]), batch_size, rng, drop_last):
            rows = self.torch.from_numpy(index).to(arrays[0].device)
            yield tuple(array[rows] for array in arrays)


class TensorFlowBackend:
    """TensorFlow: tensors (N, H, W, C); steps are compiled into graphs."""

    def __init__(self, threads: int | None) -> None:
        import tensorflow as tf

        self.tf = tf
        if threads:
            try:
                tf.config.threading.set_intra_op_parallelism_threads(threads)
                tf.config.threading.set_inter_op_parallelism_threads(threads)
            except RuntimeError as error:  # threads are fixed once TensorFlow has run something
                print(f"TensorFlow keeps its number of threads: {error}")
        gpus = tf.config.list_physical_devices("GPU")
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
        self.device = "/GPU:0" if gpus else "/CPU:0"
        self.version = f"TensorFlow {tf.__version__}"
        self.threads = threads

    def describe(self) -> str:
        """The device in words."""
        import os

        if "GPU" in self.device:
            gpu = self.tf.config.list_physical_devices("GPU")[0]
            return self.tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
        return f"cpu, {threads_in_words(self.threads or os.cpu_count())}"

    def seed(self, seed: int) -> None:
        """Seed Python, NumPy's old interface, TensorFlow and Keras."""
        import keras

        keras.utils.set_random_seed(seed)

    def tensor(self, array: Any) -> Any:
        """NumPy → tensor; images stay (N, H, W, C)."""
        return self.tf.constant(_as_float(array))

    def numpy(self, tensor: Any) -> np.ndarray:
        """Tensor → NumPy."""
        return tensor.numpy() if hasattr(tensor, "numpy") else np.asarray(tensor)

    def prepare(self, model: Any) -> Any:
        """The model as it is: TensorFlow places it by itself."""
        return model

    def compiled(self, step: Callable) -> Callable:
        """The step as a graph, traced once for each shape."""
        return self.tf.function(step, reduce_retracing=True)

    def batches(
        self, arrays: tuple, batch_size: int, rng: np.random.Generator | None, drop_last: bool
    ) -> Iterator[tuple]:
        """Mini-batches gathered from tensors that lie on the device."""
        for index in _batch_indices(len(arrays[0]), batch_size, rng, drop_last):
            yield tuple(self.tf.gather(array, index) for array in arrays)
