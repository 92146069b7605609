"""What the tests of lesson 8 share: a run without the rest, a network small enough for NumPy, the real one, pictures."""

import types

import numpy as np
import pytest
from parity import array, tensor

from helpers import data, drawn_styles, lessons, style_networks

LESSON = "08_style_transfer"
BOTH = pytest.mark.parametrize("track", lessons.TRACKS)
LAYERS = ("fine", "coarse")
SIX = ("stem", *(f"stage {number}" for number in range(1, 6)))
_RNG = np.random.default_rng(8)
FIRST, SECOND = 2 * _RNG.normal(size=(3, 4)), _RNG.normal(size=(4, 5))  # weights of the small network


def run_of(side):
    """As much of helpers.runtime.Run as the definitions need."""
    return types.SimpleNamespace(tensor=lambda values: tensor(side, values), numpy=array)


def pictures(count=2, height=10, width=14, seed=0):
    """Images (count, height, width, 3) in [0, 1], every pixel at random."""
    return np.random.default_rng(seed).random((count, height, width, 3), dtype=np.float32)


def two_regions(height=10, width=14):
    """Two soft masks that sum to one."""
    left = np.clip(np.linspace(1.5, -0.5, width), 0, 1) * np.ones((height, 1))
    return [left, 1 - left]


def coffee(side=64):
    """A photo and two drawn styles, (1, side, side, 3) each."""
    photos = data.load("photos", resolution=side, quiet=True)
    photo = photos.train.images[photos.class_names.index("coffee")]
    drawn = [drawn_styles.draw(name, side) for name in ("stained glass", "waves")]
    return [image[None].astype(np.float32) / 255 for image in (photo, *drawn)]


def in_numpy(x):
    """The small network: images (B, H, W, 3) → [(B, H, W, 4), (B, H/2, W/2, 5)]. H and W are even."""
    fine = np.tanh(x @ FIRST)
    B, H, W, C = fine.shape
    halved = fine.reshape(B, H // 2, 2, W // 2, 2, C).mean(axis=(2, 4))
    return [fine, (halved @ SECOND) ** 2 + 0.5]


class SmallNet:
    """`in_numpy` in a track, called as a network of helpers.style_networks is."""

    def __init__(self, side):
        self.side = side

    def __call__(self, x, names):
        """Maps of the layers called `names`, in the track's layout."""
        found = dict(zip(LAYERS, self._torch(x) if hasattr(self.side, "torch") else self._tensorflow(x), strict=True))
        return [found[name] for name in names]

    def _torch(self, x):
        torch = self.side.torch
        first, second = (torch.tensor(part, dtype=torch.float32) for part in (FIRST, SECOND))
        fine = torch.tanh(torch.einsum("bchw,cd->bdhw", x, first))
        halved = torch.nn.functional.avg_pool2d(fine, 2)
        return [fine, torch.einsum("bchw,cd->bdhw", halved, second).square() + 0.5]

    def _tensorflow(self, x):
        tf = self.side.tf
        first, second = (tf.constant(part, tf.float32) for part in (FIRST, SECOND))
        fine = tf.tanh(tf.einsum("bhwc,cd->bhwd", x, first))
        halved = tf.nn.avg_pool2d(fine, 2, 2, "VALID")
        return [fine, tf.einsum("bhwc,cd->bhwd", halved, second) ** 2 + 0.5]


def real_networks():
    """Track → EfficientNet-Lite0."""
    return {track: style_networks.load("efficientnet-lite0", framework=track) for track in lessons.TRACKS}


def transfers(tracks, nets, layers):
    """Track → the lesson's StyleTransfer with these layers."""
    return {track: side.StyleTransfer(nets[track], layers) for track, side in tracks.items()}


def psnr(one, other):
    """Of images in [0, 1], in decibels."""
    return -10 * np.log10(np.mean((np.asarray(one, float) - other) ** 2))
