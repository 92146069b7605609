"""Layers of small classifiers in NumPy alone, so that both tracks measure with the very same numbers."""

from __future__ import annotations

import functools

import numpy as np


def conv_relu(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int = 1, padding: int = 0) -> np.ndarray:
    """Convolution and ReLU: x (B, H, W, C), weight (K, C, k, k), bias (K,) → (B, H', W', K), ≥ 0, float32.

    H' is ⌊(H + 2·padding − k) / stride⌋ + 1. A patch of k·k·C pixels is one row of a matrix, a filter one column.
    """
    k = weight.shape[-1]
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(1, 2))
    patches = windows[:, ::stride, ::stride].transpose(0, 1, 2, 4, 5, 3)  # (B, H', W', k, k, C): k·C lie side by side
    columns = weight.transpose(2, 3, 1, 0).reshape(-1, len(weight))
    out = patches.reshape(-1, len(columns)) @ columns
    out += bias
    return np.maximum(out, 0, out=out).reshape(*patches.shape[:3], len(weight))


def dense(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Linear layer: x (B, C), weight (K, C), bias (K,) → (B, K)."""
    return x @ weight.T + bias


def softmax(logits: np.ndarray) -> np.ndarray:
    """Logits (B, K) → probabilities (B, K); each row sums to 1."""
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


@functools.cache
def stored_layers(checkpoint: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weight and bias of each layer of a committed checkpoint, in order, in PyTorch's layouts. Raises CheckpointError."""
    from helpers import checkpoints

    state = checkpoints.load(checkpoint)[0]
    return [(state[f"{i:03d}.weight"], state[f"{i:03d}.bias"]) for i in range(len(state) // 2)]
