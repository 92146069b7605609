"""Small images, written and read as the tests of folders need them."""

import io

import numpy as np
from PIL import Image

from helpers import data

RED, BLUE, GREEN, WHITE = (255, 0, 0), (0, 0, 255), (0, 255, 0), (255, 255, 255)


def plain(colour, size=(16, 16), mode="RGB"):
    return Image.new(mode, size, colour)


def noise(size=(64, 64), seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8))


def encoded(image, kind, **settings):
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return buffer.getvalue()


def fill(folder, count, prefix="image"):
    for i in range(count):
        plain((i % 256, i // 256, 7)).save(folder / f"{prefix}{i:04}.png")


def load(folder, **settings):
    return data.load(folder=folder, **({"resolution": 16, "quiet": True} | settings))


def only(folder, **settings):
    """The one image of a folder, as (H, W, C)."""
    images = load(folder, **settings).train.images
    assert images.dtype == np.uint8 and len(images) == 1
    return images[0]


def close(pixels, colour, within=0):
    return bool((np.abs(pixels.astype(int) - np.array(colour)) <= within).all())
