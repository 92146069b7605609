"""Features and labels of digits from a small convolutional classifier, computed with NumPy alone.

The network is trained once (`helpers/train_digit_classifier.py`) on the 4,000 embedded training digits, and its weights
come with the course. Because its forward pass is NumPy, both tracks measure with the very same ruler. Distances in this
space are named "Fréchet distance (digit classifier)".
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

CHECKPOINT = "digit_classifier"
FEATURES = 48
BATCH = 250


def digit_logits(images: Any) -> np.ndarray:
    """Unnormalised log-probabilities of the ten digits, (N, 10), float32. Images as in `digit_probabilities`."""
    weight, bias = _layer(4)
    return digit_features(images) @ weight.T + bias


def digit_probabilities(images: Any) -> np.ndarray:
    """The classifier's probabilities of the digits 0 … 9, (N, 10), float32; each row sums to 1.

    images: (N, 28, 28, 1) or (N, 28, 28), uint8 (0 … 255) or float (0 … 1). ValueError names another shape or range.
    """
    logits = digit_logits(images)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def digit_labels(images: Any) -> np.ndarray:
    """The most probable digit of each image, (N,), int64. Images as in `digit_probabilities`."""
    return digit_logits(images).argmax(axis=1)


def digit_features(images: Any) -> np.ndarray:
    """The 48 activations before the classifier's last layer, (N, 48), ≥ 0. Images as in `digit_probabilities`."""
    x = _checked(images)
    parts = [_features(x[start : start + BATCH]) for start in range(0, len(x), BATCH)]
    return np.concatenate(parts) if parts else np.zeros((0, FEATURES), dtype=np.float32)


def _checked(images: Any) -> np.ndarray:
    """Images as float32 in [0, 1], (N, 28, 28, 1)."""
    x = np.asarray(images)
    if x.ndim == 3:
        x = x[..., None]
    if x.ndim != 4 or x.shape[1:] != (28, 28, 1):
        raise ValueError(f"the digit classifier needs images of shape (N, 28, 28, 1), not {np.shape(images)}")
    if x.dtype == np.uint8:
        return x.astype(np.float32) / 255
    if x.dtype.kind != "f":
        raise ValueError(f"the digit classifier needs uint8 or float images, not {x.dtype}")
    if not np.isfinite(x).all():
        raise ValueError("the digit classifier was given images with NaN or infinite pixels")
    if x.size and (x.min() < -0.5 or x.max() > 1.5):
        raise ValueError(f"float images must lie in [0, 1]; these go from {x.min():.3g} to {x.max():.3g}")
    return x.astype(np.float32)


@functools.cache
def _state() -> dict[str, np.ndarray]:
    """The stored weights, PyTorch layouts, keys "000.weight" … "004.bias"."""
    from helpers import checkpoints

    return checkpoints.load(CHECKPOINT)[0]


def _layer(index: int) -> tuple[np.ndarray, np.ndarray]:
    """Weight and bias of the layer at this position."""
    state = _state()
    return state[f"{index:03d}.weight"], state[f"{index:03d}.bias"]


def _features(x: np.ndarray) -> np.ndarray:
    """One batch (B, 28, 28, 1) through three convolutions and the dense layer of features."""
    x = _conv(x, *_layer(0), stride=2, padding=2)  # (B, 14, 14, 24)
    x = _conv(x, *_layer(1), stride=2, padding=1)  # (B, 7, 7, 48)
    x = _conv(x, *_layer(2), stride=1, padding=1)  # (B, 7, 7, 64)
    weight, bias = _layer(3)
    return np.maximum(x.reshape(len(x), -1) @ weight.T + bias, 0)


def _conv(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """Convolution and ReLU: x (B, H, W, C), weight (K, C, k, k) → (B, H', W', K); a patch is a matrix row."""
    k = weight.shape[-1]
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(1, 2))
    patches = windows[:, ::stride, ::stride]  # (B, H', W', C, k, k)
    rows = patches.reshape(-1, weight[0].size)
    return np.maximum(rows @ weight.reshape(len(weight), -1).T + bias, 0).reshape(*patches.shape[:3], len(weight))
