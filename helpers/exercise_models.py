"""Small models that checks hand to a student's function, and what checks measure with them, in each track.

It holds no answers: the grader loads it beside a student's code. Each factory takes the track first, then NumPy arrays; each
probe takes the track and the student's function first, then NumPy arrays, and gives NumPy. In the track "numpy" a probe gives
the derivatives of the values, by central differences: the grader compares what comes back from a student's process with those
of the reference.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from helpers.exercise_tensors import ByTrack, to_numpy, to_track

STEP = 1e-4  # of a central difference, in double precision


def by_track(factory: Callable[..., Any], *arrays: Any) -> ByTrack:
    """A model of this module, built when a track asks for it."""
    return ByTrack(**{track: partial(factory, track, *arrays) for track in ("pytorch", "tensorflow", "numpy")})


# --- stands for a decoder with its cross-entropy


def pixel_losses(track: str) -> Callable[[Any], Any]:
    """Codes (B, latent_dim) → losses (B, 4, 5, 1)."""
    waves = np.linspace(0.2, 1.8, 20, dtype=np.float32 if track != "numpy" else np.float64).reshape(1, 4, 5, 1)
    if track == "pytorch":
        import torch

        fixed = torch.from_numpy(waves)
        return lambda z: 0.3 + (fixed.to(z.device) - 0.4 * z.sum(dim=1).reshape(-1, 1, 1, 1)) ** 2
    if track == "tensorflow":
        import tensorflow as tf

        return lambda z: 0.3 + (waves - 0.4 * tf.reshape(tf.reduce_sum(z, axis=1), (-1, 1, 1, 1))) ** 2
    return lambda z: 0.3 + (waves - 0.4 * z.sum(axis=1).reshape(-1, 1, 1, 1)) ** 2


# --- a generator or a discriminator of one layer


def trainable_player(track: str, weights: np.ndarray, bend: bool) -> tuple[Callable[[Any], Any], Any]:
    """A small G (bend) or D (n, a) → (n, b), and its weights (a, b)."""
    if track == "pytorch":
        import torch

        matrix = torch.nn.Parameter(torch.from_numpy(weights.copy()))
        player = (lambda x: torch.tanh(x @ matrix.to(x.device))) if bend else (lambda x: x @ matrix.to(x.device) + 0.4)
        return player, matrix
    if track == "tensorflow":
        import tensorflow as tf

        matrix = tf.Variable(weights)
        return (lambda x: tf.tanh(x @ matrix)) if bend else (lambda x: x @ matrix + 0.4), matrix
    return (lambda x: np.tanh(x @ weights)) if bend else (lambda x: x @ weights + 0.4), weights


def player(track: str, weights: np.ndarray, bend: bool) -> Callable[[Any], Any]:
    """A small G (bend) or D (n, a) → (n, b)."""
    return trainable_player(track, weights, bend)[0]


def gradients_of_game(
    track: str, answer: Callable, weights_G: np.ndarray, weights_D: np.ndarray, real: np.ndarray, z: np.ndarray
) -> list[list[Any]]:
    """For each loss that answer(G, D, real, z) gives: its gradients for G's and for D's weights, None where none flows."""
    if track == "numpy":
        return _differences_of_game(answer, [np.asarray(one, np.float64) for one in (weights_G, weights_D)], real, z)
    (G, of_G), (D, of_D) = trainable_player(track, weights_G, True), trainable_player(track, weights_D, False)
    given = to_track((real, z), track)
    found = []
    if track == "pytorch":
        import torch

        for loss in answer(G, D, *given):
            pair = (None, None)
            if getattr(loss, "requires_grad", False):
                pair = torch.autograd.grad(loss, (of_G, of_D), retain_graph=True, allow_unused=True)
            found.append(pair)
    else:
        import tensorflow as tf

        with tf.GradientTape(persistent=True) as tape:
            losses = answer(G, D, *given)
        found = [tape.gradient(tf.convert_to_tensor(loss), [of_G, of_D]) for loss in losses]
    return [[None if one is None else to_numpy(one) for one in pair] for pair in found]


def _differences_of_game(
    answer: Callable, weights: list[np.ndarray], real: np.ndarray, z: np.ndarray
) -> list[list[np.ndarray]]:
    def losses(which: int, index: tuple[int, ...], step: float) -> np.ndarray:
        moved = [one.copy() for one in weights]
        moved[which][index] += step
        return np.array(answer(player("numpy", moved[0], True), player("numpy", moved[1], False), real, z), np.float64)

    slopes = [
        np.array([(losses(i, at, STEP) - losses(i, at, -STEP)) / (2 * STEP) for at in np.ndindex(one.shape)])
        for i, one in enumerate(weights)
    ]  # (weights, losses) of each player
    return [[found[:, k].reshape(one.shape) for found, one in zip(slopes, weights, strict=True)] for k in range(2)]


# --- a critic whose slopes are known


def critic(track: str, A: np.ndarray, b: np.ndarray) -> Callable[[Any], Any]:
    """D(x) = x·A·x/2 + b·x of the pixels of grey pictures (B, …) → (B,)."""
    if track == "pytorch":
        import torch

        def D(x: Any) -> Any:
            flat = x.reshape(len(x), -1)
            matrix, vector = (torch.tensor(part, dtype=x.dtype, device=x.device) for part in (A, b))
            return (flat @ matrix * flat).sum(dim=1) / 2 + flat @ vector

        return D
    if track == "tensorflow":
        import tensorflow as tf

        def D(x: Any) -> Any:
            flat = tf.reshape(x, (x.shape[0], -1))
            matrix, vector = (tf.constant(part, x.dtype) for part in (A, b))
            return tf.reduce_sum(flat @ matrix * flat, axis=1) / 2 + tf.linalg.matvec(flat, vector)

        return D
    return lambda x: ((flat := np.asarray(x).reshape(len(x), -1)) @ A * flat).sum(axis=1) / 2 + flat @ b


def slope_of_penalty(
    track: str,
    answer: Callable,
    A: np.ndarray,
    b: np.ndarray,
    real: np.ndarray,
    fake: np.ndarray,
    t: np.ndarray,
    v: float,
) -> Any:
    """The gradient of answer(v·critic, real, fake, t) for the weight v; None where none flows."""
    D = critic(track, A, b)
    if track == "numpy":
        ahead, behind = (answer(lambda x, w=w: w * D(x), real, fake, t) for w in (v + STEP, v - STEP))
        return np.asarray((ahead - behind) / (2 * STEP))
    images = [to_track(part, track, image=True) for part in (real, fake)]
    shares = to_track(t, track)
    if track == "pytorch":
        import torch

        weight = torch.tensor(v, device=shares.device, requires_grad=True)
        penalty = answer(lambda x: weight * D(x), *images, shares)
        if not getattr(penalty, "requires_grad", False):
            return None
        found = torch.autograd.grad(penalty, weight, allow_unused=True)[0]
    else:
        import tensorflow as tf

        weight = tf.Variable(v)
        with tf.GradientTape() as tape:
            penalty = answer(lambda x: weight * D(x), *images, shares)
        found = tape.gradient(penalty, weight) if tf.is_tensor(penalty) else None
    return None if found is None else to_numpy(found)
