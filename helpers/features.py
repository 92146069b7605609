"""What networks see in images, for `helpers.metrics`: in digits, in colour images (EfficientNet-Lite0), in drawn faces.

The digit classifier is trained once (`helpers/train_digit_classifier.py`) on the 4,000 embedded training digits, and its
weights come with the course. Because its forward pass is NumPy, both tracks measure with the very same ruler. Distances in
its space are named "Fréchet distance (digit classifier)", those of EfficientNet "Fréchet distance (EfficientNet-Lite0)".
The attributes of drawn faces are read by a second small network of that kind, see helpers/face_attributes.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from helpers import numpy_layers
from helpers.face_attributes import FACE_ATTRIBUTES, face_attribute_probabilities, face_attributes
from helpers.image_checks import check_floats

__all__ = [
    "FACE_ATTRIBUTES",
    "digit_features",
    "digit_labels",
    "digit_logits",
    "digit_probabilities",
    "efficientnet_features",
    "efficientnet_maps",
    "face_attribute_probabilities",
    "face_attributes",
    "inception_features",
]

CHECKPOINT = "digit_classifier"
FEATURES = 48
BATCH = 250
EFFICIENTNET_SIDE = 96
EFFICIENTNET_FEATURES = 1280


def digit_logits(images: Any) -> np.ndarray:
    """Unnormalised log-probabilities of the ten digits, (N, 10), float32. Images as in `digit_probabilities`."""
    return numpy_layers.dense(digit_features(images), *numpy_layers.stored_layers(CHECKPOINT)[-1])


def digit_probabilities(images: Any) -> np.ndarray:
    """The classifier's probabilities of the digits 0 … 9, (N, 10), float32; each row sums to 1.

    images: (N, 28, 28, 1) or (N, 28, 28), uint8 (0 … 255) or float (0 … 1). ValueError names another shape or range.
    """
    return numpy_layers.softmax(digit_logits(images))


def digit_labels(images: Any) -> np.ndarray:
    """The most probable digit of each image, (N,), int64. Images as in `digit_probabilities`."""
    return digit_logits(images).argmax(axis=1)


def digit_features(images: Any) -> np.ndarray:
    """The 48 activations before the classifier's last layer, (N, 48), ≥ 0. Images as in `digit_probabilities`."""
    x = _checked(images)
    parts = [_features(x[start : start + BATCH]) for start in range(0, len(x), BATCH)]
    return np.concatenate(parts) if parts else np.zeros((0, FEATURES), dtype=np.float32)


def efficientnet_features(
    images: Any, batch_size: int = 32, side: int = EFFICIENTNET_SIDE, framework: str | None = None
) -> np.ndarray:
    """What EfficientNet-Lite0 sees in images: the mean of its last convolution over all positions, (N, 1280), float32, ≥ 0.

    images: (N, H, W, 3), or (N, H, W, 1) for grey, of any size, uint8 (0 … 255) or float (0 … 1). They are resized to
    side × side by antialiased bicubic interpolation. The network's own side is 224; 96 is the default because 2,000
    images then take about 5 s on two CPU cores instead of 40 s. Six changes of 32×32 faces (mixed halves, ghosts, nearest
    pixels, JPEG, blur, noise) had the same order of distances at 64, 96, 128 and 224, but values from different sides
    don't compare. framework: "pytorch" or "tensorflow"; by default the lesson's. Both give the same numbers. ValueError
    names another shape or range, RuntimeError what to install. Tan & Le (2019), see helpers/feature_networks.py.
    """
    from helpers.feature_networks import efficientnet

    x = _colour(images)
    if batch_size < 1 or side < 32:
        raise ValueError(f"batch_size must be at least 1 and side at least 32, not {batch_size} and {side}")
    return _in_batches(x, batch_size, side, EFFICIENTNET_FEATURES, efficientnet(framework))


def efficientnet_maps(
    images: Any, batch_size: int = 32, side: int | None = None, framework: str | None = None
) -> list[np.ndarray]:
    """What five layers of EfficientNet-Lite0 see at each place of images: a list of maps (N, h, w, C), float32.

    The layers are the stem and stages 1, 2, 3 and 5: h is H/2, H/2, H/4, H/8 and H/16, rounded up, C is 32, 16, 24, 40
    and 112. images: (N, H, W, 3), or (N, H, W, 1) for grey, H and W at least 32, uint8 (0 … 255) or float (0 … 1). They
    are taken as they are, or resized to side × side first. 1,000 images of 64×64 give 230 MB. framework: as in
    `efficientnet_features`. For `metrics.feature_distance`. ValueError names another shape or range, RuntimeError what
    to install.
    """
    from helpers.feature_networks import TAPS, efficientnet_taps

    x = _colour(images)
    height, width = x.shape[1:3] if side is None else (side, side)
    if batch_size < 1 or min(height, width) < 32:
        raise ValueError(
            f"batch_size must be at least 1 and images at least 32×32, not {batch_size} and {height}×{width}"
        )
    parts = [efficientnet_taps(framework)(pixels) for pixels in _batches(x, batch_size, side)]
    if not parts:
        return [np.zeros((0, -(-height // s), -(-width // s), c), dtype=np.float32) for _, s, c in TAPS]
    return [np.concatenate(maps) for maps in zip(*parts, strict=True)]


def inception_features(images: Any, batch_size: int = 16, weights: str | Path | None = None) -> np.ndarray:
    """What torchvision's Inception v3 sees in images: its pooled last features, (N, 2048), float32, ≥ 0.

    images: (N, H, W, 3) or (N, H, W, 1), of any size, uint8 (0 … 255) or float (0 … 1), resized to 299 × 299 by
    antialiased bicubic interpolation. weights: torchvision's file; by default it is downloaded once (104 MB). The weights
    are torchvision's, not those of Heusel et al. (2017), and the resizing differs too, so a distance is named "Fréchet
    distance (Inception, torchvision)" and isn't the FID of papers. It runs in PyTorch in both tracks. Szegedy et al.
    (2016), arXiv:1512.00567. ValueError names bad images or weights, DownloadError what to do without network.
    """
    from helpers import inception

    x = _colour(images)
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}")
    path = inception.weights_file() if weights is None else Path(weights)
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return _in_batches(x, batch_size, inception.SIDE, inception.FEATURES, lambda pixels: inception.pooled(pixels, path))


def _in_batches(
    x: np.ndarray, batch_size: int, side: int, width: int, network: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Images through a network at its side, batch by batch: (N, width)."""
    parts = [network(pixels) for pixels in _batches(x, batch_size, side)]
    return np.concatenate(parts) if parts else np.zeros((0, width), dtype=np.float32)


def _batches(x: np.ndarray, batch_size: int, side: int | None) -> Iterator[np.ndarray]:
    """Yield batches of images as float32 in [0, 1], in three channels, at side × side (None: as they are)."""
    from helpers.resizing import resize

    for start in range(0, len(x), batch_size):
        pixels = x[start : start + batch_size]
        if side is not None:
            pixels = resize(pixels, side)
        elif pixels.dtype == np.uint8:
            pixels = pixels.astype(np.float32) / 255
        else:
            pixels = pixels.astype(np.float32).clip(0, 1)
        yield np.repeat(pixels, 3, axis=3) if pixels.shape[3] == 1 else pixels


def _colour(images: Any) -> np.ndarray:
    """Images (N, H, W, 3 or 1) as they are, after a check of shape and range."""
    x = np.asarray(images)
    if x.ndim != 4 or x.shape[3] not in (1, 3) or 0 in x.shape[1:]:
        raise ValueError(f"images must have shape (N, H, W, 3) or (N, H, W, 1), not {x.shape}")
    if x.dtype != np.uint8:
        check_floats(x, "EfficientNet-Lite0")
    return x


def _checked(images: Any) -> np.ndarray:
    """Images as float32 in [0, 1], (N, 28, 28, 1)."""
    x = np.asarray(images)
    if x.ndim == 3:
        x = x[..., None]
    if x.ndim != 4 or x.shape[1:] != (28, 28, 1):
        raise ValueError(f"the digit classifier needs images of shape (N, 28, 28, 1), not {np.shape(images)}")
    if x.dtype == np.uint8:
        return x.astype(np.float32) / 255
    check_floats(x, "the digit classifier")
    return x.astype(np.float32)


def _features(x: np.ndarray) -> np.ndarray:
    """One batch (B, 28, 28, 1) through three convolutions and the dense layer of features."""
    conv1, conv2, conv3, dense1, _ = numpy_layers.stored_layers(CHECKPOINT)
    x = numpy_layers.conv_relu(x, *conv1, stride=2, padding=2)  # (B, 14, 14, 24)
    x = numpy_layers.conv_relu(x, *conv2, stride=2, padding=1)  # (B, 7, 7, 48)
    x = numpy_layers.conv_relu(x, *conv3, stride=1, padding=1)  # (B, 7, 7, 64)
    return np.maximum(numpy_layers.dense(x.reshape(len(x), -1), *dense1), 0)
