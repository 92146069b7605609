"""Silhouettes of drawings and their overlap."""

import numpy as np
import pytest

from helpers import metrics


def page(*boxes):
    """White pictures (1, 12, 12, 3) with filled boxes (top, bottom, left, right)."""
    image = np.full((1, 12, 12, 3), 255, np.uint8)
    for top, bottom, left, right in boxes:
        image[0, top:bottom, left:right] = (200, 30, 30)
    return image


def test_an_outline_encloses_its_inside():
    ring = page((2, 10, 2, 10))
    ring[0, 4:8, 4:8] = 255
    assert metrics.silhouettes(ring).sum() == 64
    ring[0, 2:5, 5:7] = 255  # a gap: nothing is enclosed any more
    assert metrics.silhouettes(ring).sum() == 64 - 16 - 4


def test_overlap_is_intersection_over_union():
    assert metrics.silhouette_overlap(page((2, 6, 2, 6)), page((2, 6, 4, 8))) == pytest.approx([8 / 24])
    assert metrics.silhouette_overlap(page((2, 6, 2, 6)), page((8, 10, 2, 6))) == [0]
    assert metrics.silhouette_overlap(page(), page()) == [1]


def test_light_colours_count_and_floats_give_the_same():
    image = page((2, 6, 2, 6))
    image[0, 8:10, 8:10] = (255, 255, 180)  # light yellow is drawn, nearly white is paper
    image[0, 0:2, 0:2] = (240, 240, 240)
    assert metrics.silhouettes(image).sum() == 16 + 4
    assert np.array_equal(metrics.silhouettes(image), metrics.silhouettes(image.astype(np.float32) / 255))


def test_no_images_and_wrong_shapes():
    assert metrics.silhouettes(np.zeros((0, 8, 8, 3), np.uint8)).shape == (0, 8, 8)
    with pytest.raises(ValueError, match="same shape"):
        metrics.silhouette_overlap(page(), page().repeat(2, axis=0))
    with pytest.raises(ValueError, match=r"\(N, H, W, C\)"):
        metrics.silhouettes(page()[0])
