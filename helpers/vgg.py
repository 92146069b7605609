"""VGG-19 before its classifier: sixteen convolutions and the poolings between them, in PyTorch and in TensorFlow.

Simonyan & Zisserman (2015), arXiv:1409.1556. The weights are the authors', as Keras publishes them, under the Creative
Commons Attribution licence: for pixels 0 … 255 in the order blue, green, red, minus the mean of ImageNet. Both
frameworks get the same numbers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from helpers import downloads

FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
URLS = (
    f"https://storage.googleapis.com/tensorflow/keras-applications/vgg19/{FILE}",
    f"https://github.com/fchollet/deep-learning-models/releases/download/v0.1/{FILE}",
)
MD5, SIZE = "253f8cb515780f3b799900260a226db6", 80_134_624  # of FILE; the MD5 stands in the source of Keras
MEAN = (123.68, 116.779, 103.939)  # red, green, blue
BLOCKS = (
    (2, 64),
    (2, 128),
    (4, 256),
    (4, 512),
    (4, 512),
)  # convolutions, channels; a pooling stands before each but the first
POOLINGS = ("max", "average")
ADVICE = (
    "VGG-19 needs this file of 80 MB. Download it elsewhere, put it into the folder {folder} or name its path in "
    'style_networks.load("vgg19", weights=…), or use "efficientnet-lite0", which needs no download.'
)


class Convolution(NamedTuple):
    """One row of the table: its name in papers and in the file, its channels and stride, and whether it begins a block."""

    name: str
    group: str
    inputs: int
    channels: int
    stride: int
    pools: bool


def _table() -> Iterator[Convolution]:
    inputs = 3
    for block, (count, channels) in enumerate(BLOCKS):
        for position in range(count):
            name, group = f"conv{block + 1}_{position + 1}", f"block{block + 1}_conv{position + 1}"
            yield Convolution(name, group, inputs, channels, 2**block, pools=position == 0 and block > 0)
            inputs = channels


CONVOLUTIONS = tuple(_table())
Weights = list[tuple[np.ndarray, np.ndarray]]
Maps = Callable[[Any, tuple[int, ...]], list[Any]]


def weights_file() -> Path:
    """The published weights in the cache folder, downloaded and checked when they aren't there.

    DownloadError says what to do without network.
    """
    folder = downloads.cache_folder()
    try:
        return downloads.fetch(URLS, folder / FILE, MD5, SIZE, algorithm="md5")
    except downloads.DownloadError as error:
        raise downloads.DownloadError(f"{error}\n{ADVICE.format(folder=folder)}") from error


def read_weights(path: Path) -> Weights:
    """Kernels (3, 3, C, K) for red, green, blue, and biases (K,) of CONVOLUTIONS, float32, from a file as Keras writes it.

    Nothing in the file is run. ValueError says what is missing or of another shape, or that it is no such file.
    """
    import h5py

    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    try:
        with h5py.File(path, "r") as file:
            arrays = [_of_group(file, conv) for conv in CONVOLUTIONS]
    except (OSError, KeyError, TypeError, AttributeError, RuntimeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} doesn't hold the weights of VGG-19 as Keras publishes them: {error}") from error
    kernel, bias = arrays[0]
    arrays[0] = (np.ascontiguousarray(kernel[:, :, ::-1]), bias)  # from blue, green, red
    return arrays


def _of_group(file: Any, conv: Convolution) -> tuple[np.ndarray, np.ndarray]:
    """The kernel and bias of one convolution, checked."""
    group = file[conv.group]
    names = [name.decode() if isinstance(name, bytes) else str(name) for name in group.attrs["weight_names"]]
    shapes = ((3, 3, conv.inputs, conv.channels), (conv.channels,))
    found = [group[name] for name in names]
    if tuple(array.shape for array in found) != shapes:
        raise ValueError(f"{conv.group} holds arrays of {[array.shape for array in found]}, not {list(shapes)}")
    kernel, bias = (np.asarray(array, dtype=np.float32) for array in found)
    if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
        raise ValueError(f"{conv.group} holds weights that are NaN or infinite")
    return kernel, bias


def torch_maps(weights: Weights, average: bool) -> Maps:
    """The network as a function of PyTorch's tensors: pictures (N, 3, H, W) in [0, 1], positions → their maps.

    The positions ascend. Gradients reach the pictures; the weights are constants, on whichever device the pictures are.
    """
    import torch
    from torch.nn import functional

    @functools.cache
    def constants_on(device: Any) -> tuple[Any, list[tuple[Any, Any]]]:
        with torch.inference_mode(False):  # else they would be of no use for gradients later
            layers = []
            for kernel, bias in weights:
                filters = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy()).to(device)
                layers.append(
                    (filters.contiguous(memory_format=torch.channels_last), torch.from_numpy(bias).to(device))
                )
            return torch.tensor(MEAN, device=device)[:, None, None], layers

    pool = functional.avg_pool2d if average else functional.max_pool2d

    def maps(x: Any, positions: tuple[int, ...]) -> list[Any]:
        mean, layers = constants_on(x.device)
        x = 255 * x.contiguous(memory_format=torch.channels_last) - mean

        def conv(x: Any, position: int) -> Any:
            return functional.relu(functional.conv2d(x, *layers[position], padding=1), inplace=True)

        return _through(x, conv, lambda x: pool(x, 2), positions)

    return maps


def tensorflow_maps(weights: Weights, average: bool) -> Maps:
    """The network as a function of TensorFlow's tensors: pictures (N, H, W, 3) in [0, 1], otherwise as in `torch_maps`."""
    import tensorflow as tf

    with tf.init_scope():  # outside of a function that is being compiled
        mean = tf.constant(MEAN)
        layers = [(tf.constant(kernel), tf.constant(bias)) for kernel, bias in weights]
    pool = tf.nn.avg_pool2d if average else tf.nn.max_pool2d

    def conv(x: Any, position: int) -> Any:
        kernel, bias = layers[position]
        return tf.nn.relu(tf.nn.conv2d(x, kernel, 1, padding="SAME") + bias)

    return lambda x, positions: _through(255 * x - mean, conv, lambda x: pool(x, 2, 2, "VALID"), positions)


def _through(
    x: Any, conv: Callable[[Any, int], Any], pool: Callable[[Any], Any], positions: tuple[int, ...]
) -> list[Any]:
    """Run the table with one framework's convolution and pooling, as far as needed: its results at `positions`."""
    kept = []
    for position, layer in enumerate(CONVOLUTIONS[: positions[-1] + 1]):
        x = conv(pool(x) if layer.pools else x, position)
        if position in positions:
            kept.append(x)
    return kept
