"""Exercises 1 and 4 of lesson 7: three bugs in an AdaIN, and the demodulated weights of StyleGAN2."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from helpers.exercises import Exercise, Mistake

Arrays = dict[str, Any]
MAP, MAP_AND_BATCH = (1, 2), (0, 1, 2)

# --- 1. three bugs in an AdaIN


def _adain(
    of_mean: Sequence[int] = MAP,
    of_width: Sequence[int] = MAP,
    power: float = 0.5,
    swapped: bool = False,
    eps: float = 1e-8,
    ddof: int = 0,
    one_more: float = 0.0,
) -> Callable[..., np.ndarray]:
    """Eq. 4 with its three bugs (statistics over the batch, no root, styles swapped) and other faults to switch on."""

    def adain(h: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
        if swapped:
            scale, shift = shift, scale
        m, v = h.mean(axis=tuple(of_mean), keepdims=True), h.var(axis=tuple(of_width), keepdims=True, ddof=ddof)
        with np.errstate(invalid="ignore", divide="ignore"):  # without ε a dead map gives 0/0
            normal = (h - m) / (v + eps) ** power
        return (one_more + scale[:, None, None]) * normal + shift[:, None, None]

    return adain


def mended_adain(h: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Adaptive instance normalisation, Eq. 4. h (B, H, W, C), scale and shift (B, C) → (B, H, W, C)."""
    return _adain()(h, scale, shift)


def _maps(rng: np.random.Generator) -> Arrays:
    """Maps with means and widths of their own, one of them dead, and styles."""
    h = rng.normal(size=(3, 1, 1, 2)) + rng.uniform(0.5, 2.5, size=(3, 1, 1, 2)) * rng.normal(size=(3, 4, 5, 2))
    h[rng.integers(3), :, :, rng.integers(2)] = 0
    return {"h": h, "scale": 1 + 0.4 * rng.normal(size=(3, 2)), "shift": rng.normal(size=(3, 2))}


_BATCH = "mean and variance go over the other pictures of the batch as well. Each map of each picture has its own"
_ROOT = "the maps are divided by their variance. Their width is its root"
_SWAP = "scale and shift are swapped: the scale multiplies"
_BOTH = {"of_mean": MAP_AND_BATCH, "of_width": MAP_AND_BATCH}

Q1 = Exercise(
    id="q1",
    title="Three bugs in an AdaIN",
    kind="bug",
    points=2,
    minutes=10,
    inputs=_maps,
    reference=mended_adain,
    arrays="numpy",
    hints=[
        "Axis 0 counts the pictures. Which axes make up one map of one picture? Two lines get that wrong in the same way.",
        "After normalising, each map's variance should be 1; look at hers. And what does `scale` do in Eq. 4?",
        "h.mean(axis=(1, 2), keepdims=True), h.var likewise; divide by np.sqrt(v + 1e-8); scale[:, None, None] multiplies.",
    ],
    mistakes=[
        Mistake(_adain(**_BOTH, power=1, swapped=True), "That is her AdaIN unchanged; all three bugs are still in it."),
        Mistake(_adain(**_BOTH, power=1), f"Two bugs are left: {_BATCH}; and {_ROOT}."),
        Mistake(_adain(**_BOTH, swapped=True), f"Two bugs are left: {_BATCH}; and {_SWAP}."),
        Mistake(_adain(power=1, swapped=True), f"Two bugs are left: {_ROOT}; and {_SWAP}."),
        Mistake(_adain(**_BOTH), f"One bug is left: {_BATCH}."),
        Mistake(_adain(power=1), f"One bug is left: {_ROOT}."),
        Mistake(_adain(swapped=True), f"One bug is left: {_SWAP}."),
        Mistake(_adain(of_width=MAP_AND_BATCH), "The mean is each map's own, but the variance is still the batch's."),
        Mistake(_adain(of_mean=MAP_AND_BATCH), "The variance is each map's own, but the mean is still the batch's."),
        Mistake(_adain(eps=0), "A map that is 0 everywhere gives 0/0: keep the 1e-8 under the root."),
        Mistake(_adain((1, 2, 3), (1, 2, 3)), "You took statistics over the channels too; each map has its own."),
        Mistake(
            _adain((3,), (3,)), "You took statistics over the channels of each pixel; they go over a map's pixels."
        ),
        Mistake(_adain(ddof=1), "You divide the squares by n - 1; a map is no sample of something larger: by n."),
        Mistake(_adain(one_more=1), "The 1 of `1 + scale` is added where the lesson calls adain, not inside."),
        Mistake(_adain(power=0), "The maps are moved to mean 0, but their width is left as it was."),
    ],
)

# --- 4. demodulated weights


def _kernels(
    axes: Sequence[int] = (2, 3, 4),
    reduce: Callable[..., np.ndarray] = np.sum,
    power: float = -0.5,
    inside: Callable[[float], float] = float,
    outside: float = 0.0,
    modulate: bool = True,
    of_outputs: bool = False,
    before: bool = False,
) -> Callable[..., np.ndarray]:
    """Modulated kernels over their size; other axes, another reduction or power, a step left out or out of place."""

    def kernels(weight: np.ndarray, scale: np.ndarray, eps: float) -> np.ndarray:
        styles = scale[:, :, None, None, None] if of_outputs else scale[:, None, :, None, None]
        styled = weight[None] * (styles if modulate else np.ones_like(styles))
        squares = (weight[None] if before else styled) ** 2
        size = reduce(squares, axis=tuple(axes), keepdims=True) + inside(eps)
        return styled * size**power if not outside else styled / (size**0.5 + eps)

    return kernels


def demodulated(weight: np.ndarray, scale: np.ndarray, eps: float) -> np.ndarray:
    """StyleGAN2's kernels for each picture: weight (b, a, k, k), scale (B, a) → (B, b, a, k, k)."""
    return _kernels()(weight, scale, eps)


def _layer(rng: np.random.Generator) -> Arrays:
    """As many inputs as outputs, so that a style on the wrong side shows; ε large enough to count."""
    return {
        "weight": 0.4 * rng.normal(size=(4, 4, 3, 3)),
        "scale": 1 + 0.6 * rng.normal(size=(2, 4)),
        "eps": rng.uniform(0.2, 0.6),
    }


Q4 = Exercise(
    id="q4",
    title="Demodulation",
    kind="derive",
    points=2,
    minutes=10,
    inputs=_layer,
    reference=demodulated,
    arrays="numpy",
    hints=[
        "Inputs that are independent, with variance 1: an output is Σ w·x. What is its variance?",
        "The sum of the squares of its kernel, over all inputs and places. Divide the kernel by the root of that.",
        "styled = weight * scale[:, None, :, None, None]; the squares are summed over the axes (2, 3, 4), with keepdims=True.",
    ],
    mistakes=[
        Mistake(
            _kernels((1, 3, 4)),
            "You summed over the outputs. Each output has its own size: sum over its inputs and places.",
        ),
        Mistake(_kernels((3, 4)), "You summed over the places of each input alone; an output adds up all its inputs."),
        Mistake(_kernels((1, 2, 3, 4)), "That is one size for all outputs of a picture; each output has its own."),
        Mistake(
            _kernels((0, 2, 3, 4)), "You summed over the batch; each picture has its own style and so its own sizes."
        ),
        Mistake(
            _kernels((2,)), "You summed over the inputs at each place of the kernel; the places belong in the sum."
        ),
        Mistake(_kernels(reduce=np.mean), "You took the mean of the squares; variances of a sum add up."),
        Mistake(_kernels(power=-1), "You divided by the variance; its root is missing."),
        Mistake(_kernels(power=0.5), "You multiply by the size; divide by it."),
        Mistake(_kernels(power=0), "The styles are in, but the demodulation is missing: divide by the size."),
        Mistake(_kernels(inside=lambda eps: 0.0), "The ε under the root is missing."),
        Mistake(_kernels(inside=lambda eps: 0.0, outside=1.0), "The ε belongs under the root."),
        Mistake(_kernels(inside=lambda eps: eps**2), "You squared ε; it is added as it is."),
        Mistake(_kernels(modulate=False), "The styles are missing, so every picture gets the same kernels."),
        Mistake(
            _kernels(of_outputs=True),
            "You scaled the outputs, and dividing takes that away again. A style scales what goes in: axis a.",
        ),
        Mistake(
            _kernels(before=True),
            "You divide by the size of the bare weights; the size after the style is what must go.",
        ),
    ],
)
