"""What the tests of lesson 7's networks share: small generators, codes, noise."""

import functools

import numpy as np
import parity
import pytest

from helpers import lessons

LESSON = "07_stylegan"
BOTH = pytest.mark.parametrize("track", lessons.TRACKS)
WIDTHS, LATENT, DEPTH = (8, 6, 5), 6, 3  # 16×16
BASELINE = {"kind": "plain", "constant": False, "noisy": False, "depth": 0}
GENERATORS = {  # the paper's configurations, and other sizes
    "F": {},
    "D": {"noisy": False},
    "C": {"constant": False, "noisy": False},
    "B": BASELINE,
    "pixel norm, noise": {"kind": "plain"},
    "StyleGAN2's layers": {"kind": "demodulated"},
    "flat colours": {"kind": "flat"},
    "flat colours, no noise": {"kind": "flat", "noisy": False, "widths": (48, 40, 32)},
    "StyleGAN2's layers, no noise": {"kind": "demodulated", "noisy": False},
    "eight layers": {"depth": 8},
    "grey": {"channels": 1},
    "smallest": {"widths": (5,)},
}


def layers_of(side, kind):
    """What a generator makes its layers with: AdaIN, no style ("plain"), StyleGAN2's, or those for flat colours."""
    return {
        "adain": side.StyleLayer,
        "plain": functools.partial(side.StyleLayer, styled=False),
        "demodulated": side.DemodulatedLayer,
        "flat": side.flat_layer,
    }[kind]


def make(side, widths=WIDTHS, latent_dim=LATENT, depth=DEPTH, kind="adain", **switches):
    return side.Generator(widths, latent_dim, depth, layer=layers_of(side, kind), **switches)


def codes(n=4, seed=1):
    return np.random.default_rng(seed).normal(size=(n, LATENT)).astype(np.float32)


def noise_for(G, n=4, seed=2):
    """Noise for every layer: a list of (n, side, side, 1)."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(n, side, side, 1)).astype(np.float32) for side in G.sides]


def generated(side, G, z, aim, *noise):
    """Images with the noise given (none where it is not), and their squared distance to an aim as a loss."""
    images = G.synthesis(G.styles(z), list(noise) or [None] * len(G.sides))
    loss = parity.mean(side, (images - aim) ** 2)
    return parity.Forward(outputs=images, losses=[loss], totals=loss)


def aim(*shape):
    return np.random.default_rng(7).uniform(-1, 1, size=shape)
