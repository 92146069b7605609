"""The players of lesson 4's exercise 3, small enough to see where their gradients go; tested answers in both tracks."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from helpers import exercise_models
from helpers.exercises import ByTrack, Tools

WEIGHTS_G = np.array([[1.2, -0.4, 0.3], [0.5, 0.9, -1.1]], dtype=np.float32)  # (2, 3)
WEIGHTS_D = np.array([[0.8], [-1.3], [0.6]], dtype=np.float32)  # (3, 1)


def player(weights: np.ndarray, bend: bool) -> ByTrack:
    """A small G (bend) or D for each track."""
    return exercise_models.by_track(exercise_models.player, weights, bend)


def verify_gradients(answer: Callable, tools: Tools) -> Iterator[str]:
    """Say which gradient is missing or goes where it must not: loss_D → D alone, loss_G → through D into G."""
    if tools.track == "numpy":  # no gradients there
        return
    real, z = (tools.rng.normal(size=(8, n)) for n in (3, 2))
    found = tools.probe(exercise_models.gradients_of_game, answer, WEIGHTS_G, WEIGHTS_D, real, z)
    (d_to_G, d_to_D), (g_to_G, _) = [[one is not None and bool(np.any(one != 0)) for one in pair] for pair in found]
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
