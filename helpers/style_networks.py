"""The networks that style transfer looks at pictures with: named layers, differentiable in the picture, in both tracks.

EfficientNet-Lite0 comes with a package (helpers/feature_networks.py). VGG-19 is what Gatys et al. (2016) use; its weights
are a download of 80 MB (helpers/vgg.py), made only when the network is named.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from helpers import feature_networks, vgg

NAMES = ("efficientnet-lite0", "vgg19")
LEAST = 2  # positions along each side of a map; the Gram matrix of a single one says nothing of a texture


class Layer(NamedTuple):
    """A layer whose result can be asked for: its name, the stride of its map in pixels and the map's channels."""

    name: str
    stride: int
    channels: int


@dataclass(frozen=True)
class Network:
    """A network as a function: net(x, names) → the maps of these layers, differentiable with respect to x.

    name: one of NAMES. framework: "pytorch" or "tensorflow". layers: what can be asked for, from the first to the last.
    """

    name: str
    framework: str
    layers: tuple[Layer, ...]
    _maps: Callable[[Any, tuple[int, ...]], list[Any]] = field(repr=False)
    _rounds_up: bool = field(repr=False)  # a map of a picture whose side is no multiple of the stride

    def __call__(self, x: Any, names: Sequence[str]) -> list[Any]:
        """The maps of the layers called `names`, in that order: (N, C, h, w) in PyTorch, (N, h, w, C) in TensorFlow.

        x: pictures, RGB, float32 in [0, 1], (N, 3, H, W) in PyTorch, (N, H, W, 3) in TensorFlow. The network is run no
        farther than the last layer asked for. ValueError names an unknown layer, another shape or a picture too small.
        """
        wanted = self._positions(names)
        shape = tuple(x.shape)
        channels, sides = (1, (2, 3)) if self.framework == "pytorch" else (3, (1, 2))
        if len(shape) != 4 or shape[channels] not in (3, None):
            layout = "(N, 3, H, W)" if self.framework == "pytorch" else "(N, H, W, 3)"
            raise ValueError(f"{self.name} needs pictures of shape {layout}, not {shape}")
        height, width = (shape[axis] for axis in sides)
        if height is not None and width is not None:
            self.check(height, width, names)
        ascending = tuple(sorted(set(wanted)))
        found = dict(zip(ascending, self._maps(x, ascending), strict=True))
        return [found[position] for position in wanted]

    def check(self, height: int, width: int, names: Sequence[str]) -> None:
        """Raise ValueError where a picture's side is too small for the layers called `names`.

        Each of their maps must be at least 2×2: the Gram matrix of one position says nothing of a texture.
        """
        least = self.smallest(names)
        if min(height, width) < least:
            last = self.layers[max(self._positions(names))].name
            raise ValueError(
                f"a picture of {height}×{width} is too small for layer {last!r} of {self.name}: "
                f"it needs at least {least} pixels on each side"
            )

    def smallest(self, names: Sequence[str]) -> int:
        """The least side in pixels at which all maps of the layers called `names` are 2×2 or larger."""
        stride = max(self.layers[position].stride for position in self._positions(names))
        return (LEAST - 1) * stride + 1 if self._rounds_up else LEAST * stride

    def _positions(self, names: Sequence[str]) -> list[int]:
        known = [layer.name for layer in self.layers]
        names = [names] if isinstance(names, str) else list(names)
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            problem = f"has no layer {', '.join(map(repr, unknown))}" if unknown else "was asked for no layer"
            raise ValueError(f"{self.name} {problem}; its layers are: {', '.join(known)}")
        return [known.index(name) for name in names]


def load(
    name: str = "efficientnet-lite0",
    framework: str | None = None,
    weights: str | Path | None = None,
    pooling: str = "max",
) -> Network:
    """One of the networks NAMES. Its weights are constants, and equal in both frameworks.

    framework: "pytorch" or "tensorflow"; by default the lesson's. Of "vgg19" alone: weights, the path of a file as Keras
    publishes it (default: downloaded once, 80 MB, into the cache folder), and pooling, "max" or "average", which Gatys
    et al. prefer. Raises ValueError for another name or a damaged file, RuntimeError with what to install, DownloadError
    with what to do without network. Tan & Le (2019), arXiv:1905.11946; Simonyan & Zisserman (2015), arXiv:1409.1556.
    """
    if name not in NAMES:
        raise ValueError(f"there is no network {name!r}; the networks are: {', '.join(NAMES)}")
    framework = feature_networks.chosen_framework(framework)
    if name == "vgg19":
        if pooling not in vgg.POOLINGS:
            raise ValueError(f"pooling is {pooling!r}; it must be one of: {', '.join(vgg.POOLINGS)}")
        path = vgg.weights_file() if weights is None else Path(weights)
        return _vgg19(framework, path, pooling)
    if weights is not None or pooling != "max":
        raise ValueError(f"weights and pooling can be chosen for vgg19 only, not for {name}")
    return _efficientnet(framework)


@functools.cache
def _efficientnet(framework: str) -> Network:
    """EfficientNet-Lite0: the maps of the stem and of its seven stages."""
    ends = feature_networks.STAGE_ENDS
    names = ("stem", *(f"stage {number}" for number in range(1, len(ends))))
    layers = tuple(Layer(name, end.stride, end.channels) for name, end in zip(names, ends, strict=True))
    run = feature_networks.torch_maps() if framework == "pytorch" else feature_networks.tensorflow_maps()

    def maps(x: Any, positions: tuple[int, ...]) -> list[Any]:
        return run(x, tuple(ends[position].layer for position in positions))

    return Network("efficientnet-lite0", framework, layers, maps, _rounds_up=True)


@functools.lru_cache(maxsize=2)
def _vgg19(framework: str, path: Path, pooling: str) -> Network:
    """VGG-19: the maps of its sixteen convolutions, after ReLU."""
    layers = tuple(Layer(conv.name, conv.stride, conv.channels) for conv in vgg.CONVOLUTIONS)
    build = vgg.torch_maps if framework == "pytorch" else vgg.tensorflow_maps
    return Network("vgg19", framework, layers, build(vgg.read_weights(path), pooling == "average"), _rounds_up=False)
