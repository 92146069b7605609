"""Styles drawn by code: each there at any size, the same each time, full of texture and colour."""

import time

import numpy as np
import pytest

from helpers import drawn_styles
from helpers.drawing_sheet import Sheet, colours


def shrunk(picture, side):
    factor = len(picture) // side
    return picture.reshape(side, factor, side, factor, 3).mean(axis=(1, 3))


def test_there_are_ten_styles_and_more():
    assert len(drawn_styles.NAMES) >= 10 and {"stained glass", "waves", "halftone", "brush strokes"} <= set(
        drawn_styles.NAMES
    )
    assert drawn_styles.LICENCE == "CC0"


@pytest.mark.parametrize("name", drawn_styles.NAMES)
def test_a_style_is_the_same_each_time_and_another_with_another_seed(name):
    first = drawn_styles.draw(name, side=96, seed=3)
    assert first.shape == (96, 96, 3) and first.dtype == np.uint8
    assert (first == drawn_styles.draw(name, side=96, seed=3)).all()
    other = drawn_styles.draw(name, side=96, seed=4)
    assert np.abs(first.astype(int) - other).mean() > 20


@pytest.mark.parametrize("name", drawn_styles.NAMES)
def test_a_style_has_texture_and_colour_everywhere(name):
    picture = drawn_styles.draw(name, side=256)
    assert picture.std() > 50
    grey = picture.mean(axis=2)
    edges = np.hypot(*np.gradient(grey)) > 20
    tiles = edges.reshape(4, 64, 4, 64).mean(axis=(1, 3))
    assert edges.mean() > 0.15 and tiles.min() > 0.04  # no empty corner
    hues = {tuple(colour) for colour in (picture.reshape(-1, 3) // 32).tolist()}
    assert len(hues) >= 15
    assert abs(np.corrcoef(grey[:128].ravel(), grey[128:].ravel())[0, 1]) < 0.6  # not one tile again and again


@pytest.mark.parametrize("name", drawn_styles.NAMES)
def test_a_style_is_the_same_picture_at_any_size(name):
    small, large = drawn_styles.draw(name, side=64), drawn_styles.draw(name, side=256)
    together = np.corrcoef(small.ravel(), shrunk(large, 64).ravel())[0, 1]
    assert together > 0.85
    assert drawn_styles.draw(name, side=33).shape == (33, 33, 3)


def pitch(picture):
    """The size of the parts in pixels: one over the mean frequency, each weighed by its power."""
    grey = picture.mean(axis=2)
    power = np.abs(np.fft.fft2((grey - grey.mean()) * np.hanning(len(grey)) * np.hanning(len(grey))[:, None])) ** 2
    frequency = np.hypot(*np.meshgrid(*2 * [np.fft.fftfreq(len(grey))]))
    return power.sum() / (power * frequency).sum()


@pytest.mark.parametrize("name", drawn_styles.NAMES)
def test_scale_is_the_size_of_the_parts(name):
    fine, coarse = (pitch(drawn_styles.draw(name, side=128, scale=scale)) for scale in (1, 3))
    assert coarse > 1.1 * fine


def test_drawing_is_quick():
    """Ten times the time that they take, so that a busy machine passes."""
    start = time.perf_counter()
    for name in drawn_styles.NAMES:
        drawn_styles.draw(name, side=64)
    assert time.perf_counter() - start < 60


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="no style 'cubism'; the styles are: stained glass, waves"):
        drawn_styles.draw("cubism")
    for side in (31, 1025, 64.5):
        with pytest.raises(ValueError, match="side is"):
            drawn_styles.draw("waves", side=side)
    with pytest.raises(ValueError, match="scale is 0.1"):
        drawn_styles.draw("waves", scale=0.1)
    with pytest.raises(ValueError, match="seed is -1"):
        drawn_styles.draw("waves", seed=-1)


def test_noise_and_points_do_not_depend_on_the_pixels():
    coarse, fine = (Sheet(size, 1.0, np.random.default_rng(0)) for size in (40, 200))
    a, b = coarse.noise(5, octaves=2), fine.noise(5, octaves=2)
    assert a.std() > 0.08 and a.min() >= 0 and a.max() <= 1
    np.testing.assert_allclose(a, b.reshape(40, 5, 40, 5).mean(axis=(1, 3)), atol=0.02)
    assert (coarse.points(0.1) == fine.points(0.1)).all()
    places = coarse.points(0.1)
    gaps = np.linalg.norm(places[:, None] - places[None], axis=-1) + np.eye(len(places))
    assert 0.04 < np.median(gaps.min(axis=1)) < 0.1
    wide = Sheet(40, 0.5, np.random.default_rng(0))
    assert wide.x.max() > 1.9 and wide.x[0, 1] - wide.x[0, 0] == pytest.approx(0.05)
    np.testing.assert_allclose(colours("ff0000 0080ff"), [[1, 0, 0], [0, 128 / 255, 1]])
