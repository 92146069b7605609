"""The exercise of the start notebook: small, so that one sees how a check works."""

from typing import Any

import numpy as np

from helpers.exercises import Exercise, Mistake


def _images(rng: np.random.Generator) -> dict[str, Any]:
    brightest = rng.integers(180, 256)  # so that no batch is sure to hold white
    return {"images": rng.integers(0, brightest, size=(3, 4, 5, 1), dtype=np.uint8)}


def to_unit_range(images: np.ndarray) -> np.ndarray:
    """Pixels 0…255 → 0…1. images: uint8 of any shape → float32 of the same shape."""
    return images.astype(np.float32) / np.float32(255)


Q1 = Exercise(
    id="q1",
    title="Pixels from 0 to 1",
    kind="implement",
    points=1,
    minutes=3,
    arrays="numpy",
    inputs=_images,
    reference=to_unit_range,
    check_dtype=True,
    rtol=1e-5,
    atol=1e-6,
    hints=[
        "A uint8 pixel holds 0 … 255. Which number must the brightest pixel be divided by to become 1?",
        "NumPy's `images / 255` gives float64; networks use float32. `images.astype(np.float32)` converts.",
    ],
    mistakes=[
        Mistake(
            lambda images: images.astype(np.float32) / np.float32(256),
            "White would come out as 0.996: you divide by 256. A pixel takes 256 values, 0 to 255: the largest is 255.",
        ),
        Mistake(
            lambda images: images // 255,
            "Every pixel is 0 or 1: `//`, and converting back to uint8, drop the fraction. Use `/` and float32.",
        ),
        Mistake(
            lambda images: images / 255,
            "The values are right, but the dtype is float64: twice the memory, and networks compute in float32. "
            "Convert with astype(np.float32).",
        ),
        Mistake(
            lambda images: images.astype(np.float32),
            "The dtype is right, but the values still run from 0 to 255: divide them.",
        ),
        Mistake(
            lambda images: images.astype(np.float32) / np.float32(127.5) - np.float32(1),
            "This maps to -1 … 1. Some networks want that; here the range is 0 … 1.",
        ),
        Mistake(
            lambda images: images.astype(np.float32) / np.float32(images.max()),
            "You divide by the largest pixel of this batch: a dark batch comes out brighter than it is. Divide by 255.",
        ),
    ],
)

EXERCISES = [Q1]
