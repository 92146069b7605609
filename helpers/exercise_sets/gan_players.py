"""The players of lesson 4's exercise 3, small enough to see where their gradients go; tested answers in both tracks."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from helpers.exercises import ByTrack, Tools

WEIGHTS_G = np.array([[1.2, -0.4, 0.3], [0.5, 0.9, -1.1]], dtype=np.float32)  # (2, 3)
WEIGHTS_D = np.array([[0.8], [-1.3], [0.6]], dtype=np.float32)  # (3, 1)


def _torch_player(weights: np.ndarray, bend: bool) -> Any:
    import torch

    matrix = torch.nn.Parameter(torch.from_numpy(weights.copy()))
    player = (lambda x: torch.tanh(x @ matrix.to(x.device))) if bend else (lambda x: x @ matrix.to(x.device) + 0.4)
    return player, matrix


def _tensorflow_player(weights: np.ndarray, bend: bool) -> Any:
    import tensorflow as tf

    matrix = tf.Variable(weights)
    player = (lambda x: tf.tanh(x @ matrix)) if bend else (lambda x: x @ matrix + 0.4)
    return player, matrix


def _numpy_player(weights: np.ndarray, bend: bool) -> Any:
    return ((lambda x: np.tanh(x @ weights)) if bend else (lambda x: x @ weights + 0.4)), weights


def player(weights: np.ndarray, bend: bool) -> ByTrack:
    """A small G (bend) or D for each track."""
    return ByTrack(
        pytorch=lambda: _torch_player(weights, bend)[0],
        tensorflow=lambda: _tensorflow_player(weights, bend)[0],
        numpy=lambda: _numpy_player(weights, bend)[0],
    )


def _torch_reaches(answer: Callable, real: Any, z: Any) -> list[list[bool]]:
    import torch

    (G, weights_G), (D, weights_D) = _torch_player(WEIGHTS_G, True), _torch_player(WEIGHTS_D, False)
    found = []
    for loss in answer(G, D, real, z):
        gradients = (None, None)
        if getattr(loss, "requires_grad", False):
            gradients = torch.autograd.grad(loss, (weights_G, weights_D), retain_graph=True, allow_unused=True)
        found.append([gradient is not None and bool((gradient != 0).any()) for gradient in gradients])
    return found


def _tensorflow_reaches(answer: Callable, real: Any, z: Any) -> list[list[bool]]:
    import tensorflow as tf

    (G, weights_G), (D, weights_D) = _tensorflow_player(WEIGHTS_G, True), _tensorflow_player(WEIGHTS_D, False)
    with tf.GradientTape(persistent=True) as tape:
        losses = answer(G, D, real, z)
    gradients = [tape.gradient(tf.convert_to_tensor(loss), [weights_G, weights_D]) for loss in losses]
    return [[one is not None and bool(tf.reduce_any(one != 0)) for one in pair] for pair in gradients]


def verify_gradients(answer: Callable, tools: Tools) -> Iterator[str]:
    """Say which gradient is missing or goes where it must not: loss_D → D alone, loss_G → through D into G."""
    if tools.track == "numpy":  # no gradients there
        return
    reaches = {"pytorch": _torch_reaches, "tensorflow": _tensorflow_reaches}[tools.track]
    real, z = (tools.tensor(tools.rng.normal(size=(8, n))) for n in (3, 2))
    (d_to_G, d_to_D), (g_to_G, _) = reaches(answer, real, z)
    stop = "fake.detach()" if tools.track == "pytorch" else "tf.stop_gradient(fake)"
    if d_to_G:
        yield (
            f"Both values are right, but the gradient of loss_D reaches G: G would be taught to be found out. In D's "
            f"loss fakes are data: {stop}."
        )
    if not d_to_D:
        yield "No gradient of loss_D reaches D, so D can't learn: leave D(real) and D of the stopped fakes alone."
    if not g_to_G:
        yield (
            "No gradient of loss_G reaches G, so G can't learn: stop the gradient in D's loss only, and give G's loss "
            "fakes with their gradient."
        )


def _torch_game(stop_D: bool, stop_G: bool) -> Callable:
    """A student's answer in PyTorch, with the gradient stopped in either loss."""
    from torch.nn import functional as F

    def losses(G: Callable, D: Callable, real: Any, z: Any) -> Any:
        fake = G(z)
        for_D, for_G = fake.detach() if stop_D else fake, fake.detach() if stop_G else fake
        return F.softplus(-D(real)).mean() + F.softplus(D(for_D)).mean(), F.softplus(-D(for_G)).mean()

    return losses


def _tensorflow_game(stop_D: bool, stop_G: bool) -> Callable:
    """The same in TensorFlow."""
    import tensorflow as tf

    def losses(G: Callable, D: Callable, real: Any, z: Any) -> Any:
        fake = G(z)
        for_D, for_G = tf.stop_gradient(fake) if stop_D else fake, tf.stop_gradient(fake) if stop_G else fake
        loss_D = tf.reduce_mean(tf.nn.softplus(-D(real))) + tf.reduce_mean(tf.nn.softplus(D(for_D)))
        return loss_D, tf.reduce_mean(tf.nn.softplus(-D(for_G)))

    return losses


def game_answer(stop_D: bool, stop_G: bool) -> ByTrack:
    """An answer to exercise 3 with the right values, and the gradient stopped before G in either loss, or not."""
    return ByTrack(pytorch=lambda: _torch_game(stop_D, stop_G), tensorflow=lambda: _tensorflow_game(stop_D, stop_G))
