"""Exercise 3 of lesson 7: the gradient penalty of WGAN-GP, in a track's own code."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from helpers import exercise_models
from helpers.exercises import ByTrack, Exercise, Mistake, Tools

Arrays = dict[str, Any]
Critic = Callable[[Any], Any]


def _slopes(D: Critic, x: np.ndarray) -> np.ndarray:
    """Gradients of D's outputs for its inputs, (B, …): central differences, which are exact for a square function."""
    steps = np.eye(x[0].size).reshape(-1, 1, *x.shape[1:])  # (pixels, 1, …)
    both = np.concatenate([x + steps, x - steps]).reshape(-1, *x.shape[1:])
    ahead, behind = np.asarray(D(both)).reshape(2, len(steps), len(x))
    return ((ahead - behind) / 2).T.reshape(x.shape)


def _norms(slopes: np.ndarray) -> np.ndarray:
    """Length of each picture's slope, (B,)."""
    return np.sqrt((slopes**2).reshape(len(slopes), -1).sum(axis=1))


def _penalty(
    of: Callable[[np.ndarray], Any] = lambda slopes: ((_norms(slopes) - 1) ** 2).mean(),
    between: Callable[[np.ndarray], np.ndarray] = lambda t: t,
) -> Callable[..., Any]:
    """The penalty with another function of the slopes, or other weights of the real pictures."""

    def penalty(D: Critic, real: np.ndarray, fake: np.ndarray, t: np.ndarray) -> Any:
        share = between(t).reshape(-1, 1, 1, 1)
        return of(_slopes(D, share * real + (1 - share) * fake))

    return penalty


def gradient_penalty(D: Critic, real: np.ndarray, fake: np.ndarray, t: np.ndarray) -> float:
    """Mean of (‖∇D(x̂)‖ - 1)² at x̂ = t·real + (1 - t)·fake, without its weight. Gulrajani et al. (2017), Eq. 3."""
    return _penalty()(D, real, fake, t)


def _pairs(rng: np.random.Generator) -> Arrays:
    """A critic with slopes shorter and longer than 1, and pairs of grey pictures (6, 3, 4, 1)."""
    half = rng.normal(size=(12, 12))
    return {
        "D": exercise_models.by_track(exercise_models.critic, 0.11 * (half + half.T), 0.1 * rng.normal(size=12)),
        "real": rng.uniform(-1, 1, size=(6, 3, 4, 1)),
        "fake": rng.uniform(-1, 1, size=(6, 3, 4, 1)),
        "t": rng.uniform(0.1, 0.9, size=6),
    }


_REMEDY = {
    "pytorch": "torch.autograd.grad needs create_graph=True, and nothing may be detached.",
    "tensorflow": "keep to TensorFlow's own operations on tensors.",
}


def verify_trainable(answer: Any, tools: Tools) -> Iterator[str]:
    """The penalty of v·D must have the right slope for the weight v."""
    case, v, step = _pairs(tools.rng), 1.3, 0.5
    D, images = case["D"].build("numpy"), [case[name] for name in ("real", "fake", "t")]
    values = [tools.private("penalty", lambda x, v=v: v * D(x), *images) for v in (v - step, v + step)]
    wanted = (values[1] - values[0]) / (2 * step)  # exact: the penalty is a parabola in v
    if tools.track == "numpy":  # no gradients there
        return
    found = tools.probe(exercise_models.slope_of_penalty, answer, *case["D"].numpy.args[1:], *images, v)
    if found is None or abs(float(found) - wanted) > 0.02 * abs(wanted) + 1e-3:
        yield f"The value is right, but its gradient doesn't reach D's weights, so it trains nothing: {_REMEDY[tools.track]}"


def _in_torch() -> Callable[..., Any]:
    import torch

    def penalty(D: Any, real: Any, fake: Any, t: Any) -> Any:
        t = t[:, None, None, None]
        x = (t * real + (1 - t) * fake).requires_grad_()
        (slopes,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
        return (slopes.flatten(1).norm(dim=1) - 1).square().mean()

    return penalty


def _in_tensorflow() -> Callable[..., Any]:
    import tensorflow as tf

    def penalty(D: Any, real: Any, fake: Any, t: Any) -> Any:
        t = t[:, None, None, None]
        x = t * real + (1 - t) * fake
        with tf.GradientTape() as tape:
            tape.watch(x)
            logits = D(x)
        norms = tf.sqrt(tf.reduce_sum(tape.gradient(logits, x) ** 2, axis=(1, 2, 3)))
        return tf.reduce_mean((norms - 1) ** 2)

    return penalty


Q3 = Exercise(
    id="q3",
    title="The penalty of WGAN-GP",
    kind="implement",
    points=3,
    minutes=15,
    inputs=_pairs,
    reference=gradient_penalty,
    images=("real", "fake"),
    verify=verify_trainable,
    private={"penalty": gradient_penalty},
    right=[ByTrack(pytorch=_in_torch, tensorflow=_in_tensorflow, numpy=lambda: gradient_penalty)],
    hints=[
        "First the pictures between: t[:, None, None, None] gives each pair its own share. t = 1 is the real one.",
        "The slope of the sum of D's answers for x̂ holds each picture's own slope. The lesson's `steepness` shows how to get it.",
        "Square, sum over a picture's pixels, take the root, subtract 1, square, and take the mean over the pictures.",
    ],
    mistakes=[
        Mistake(
            _penalty(between=np.ones_like),
            "You took the slope at the real pictures, as R1 does; here it is in between.",
        ),
        Mistake(
            _penalty(between=np.zeros_like), "You took the slope at the fakes; WGAN-GP takes it between real and fake."
        ),
        Mistake(_penalty(between=lambda t: 1 - t), "t is turned round: t = 1 is the real picture."),
        Mistake(
            _penalty(between=lambda t: 0 * t + 0.5), "You took the middle of each pair; t says how far from the fake."
        ),
        Mistake(_penalty(between=lambda t: 0 * t + t[0]), "All pairs have the first one's t; each pair has its own."),
        Mistake(
            _penalty(lambda g: (_norms(g) ** 2).mean()), "The −1 is missing: you pull the slopes to 0 and not to 1."
        ),
        Mistake(
            _penalty(lambda g: (_norms(g) - 1).mean()), "The outer square is missing: slopes below and above 1 cancel."
        ),
        Mistake(
            _penalty(lambda g: np.abs(_norms(g) - 1).mean()),
            "You took absolute values of the differences; square them.",
        ),
        Mistake(
            _penalty(lambda g: ((_norms(g) ** 2 - 1) ** 2).mean()),
            "The root is missing: ‖∇D‖ is the length, not its square.",
        ),
        Mistake(
            _penalty(lambda g: (_norms(g).mean() - 1) ** 2),
            "Each slope should be 1, not their mean: subtract and square first.",
        ),
        Mistake(
            _penalty(lambda g: (np.sqrt((g**2).sum()) - 1) ** 2),
            "You took one length for the whole batch; each picture has its own slope.",
        ),
        Mistake(
            _penalty(lambda g: ((np.abs(g) - 1) ** 2).mean()),
            "You took the length over the channels alone, a number for each pixel; it goes over all of a picture.",
        ),
        Mistake(
            _penalty(lambda g: ((np.sqrt((g**2).mean(axis=(1, 2, 3))) - 1) ** 2).mean()),
            "You took the mean over the pixels under the root; a length sums them.",
        ),
        Mistake(_penalty(lambda g: ((_norms(g) - 1) ** 2).sum()), "You summed over the pictures; take their mean."),
        Mistake(
            _penalty(lambda g: (_norms(g) - 1) ** 2), "That is a number for each picture; the penalty is their mean."
        ),
        Mistake(
            _penalty(lambda g: (np.maximum(_norms(g) - 1, 0) ** 2).mean()),
            "That is the one-sided penalty; short slopes count as well.",
        ),
        Mistake(_penalty(lambda g: 10 * ((_norms(g) - 1) ** 2).mean()), "The weight λ = 10 is asked for outside."),
    ],
)
