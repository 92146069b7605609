"""Lesson 8's transfer with the real network: both tracks have the same losses, slopes and quality."""

import numpy as np
import parity
import pytest
from parity import array, tensor
from style_parts import BOTH, LESSON, SIX, coffee, pictures, psnr, real_networks, run_of, transfers, two_regions


@pytest.fixture(scope="module")
def tracks():
    return parity.tracks(LESSON)


@pytest.fixture(scope="module")
def real(tracks):
    """Track → a transfer with EfficientNet-Lite0's layers."""
    nets = real_networks()
    return transfers(tracks, nets, [layer.name for layer in nets["pytorch"].layers])


def photo_targets(side, transfer, w_content, content, styles, **settings):
    six = dict.fromkeys(SIX, 5 / 6)
    return side.make_targets(
        run_of(side),
        transfer,
        content,
        styles,
        {"stage 7": w_content, "stage 3": 0.2 * w_content},
        six,
        2.0,
        **settings,
    )


def test_losses_and_slopes_agree_in_both_tracks(tracks, real):
    images = np.random.default_rng(0).random((2, 48, 72, 3), dtype=np.float32)
    content, styles = np.concatenate([image[:, :48].repeat(2, axis=2)[:, :, :72] for image in coffee()[:2]]), []
    for seed in (1, 2):
        smooth = np.random.default_rng(seed).random((2, 10, 14, 3), dtype=np.float32)
        styles.append(smooth.repeat(5, axis=1).repeat(5, axis=2))
    found = []
    for track, side in tracks.items():
        targets = photo_targets(side, real[track], 1.0, content, styles, masks=two_regions(48, 72))
        found.append([array(part) for part in real[track].slope(tensor(side, images), targets)])
    (losses, gradient), (losses_tf, gradient_tf) = found
    np.testing.assert_allclose(losses_tf, losses, rtol=1e-4)
    assert gradient.shape == images.shape
    assert np.linalg.norm(gradient_tf - gradient) <= 1e-4 * np.linalg.norm(gradient)
    assert np.abs(gradient).min(axis=(1, 2, 3)).max() < np.abs(gradient).mean()  # no constant


@BOTH
def test_the_slope_is_the_loss_s(tracks, real, track):
    side, transfer = tracks[track], real[track]
    content, style, _ = coffee()
    targets = photo_targets(side, transfer, 1.0, content, [style])
    x = np.clip(content + 0.1 * (pictures(1, 64, 64) - 0.5), 0, 1)
    _, gradient = transfer.slope(tensor(side, x), targets)
    gradient = array(gradient).astype(float)
    way = gradient / np.linalg.norm(gradient)
    for h in (0.002, 0.005):
        ends = [array(transfer.slope(tensor(side, x + sign * h * way), targets)[0]).sum() for sign in (1, -1)]
        assert (ends[0] - ends[1]) / (2 * h) == pytest.approx(np.linalg.norm(gradient), rel=0.02)


def test_both_tracks_come_to_the_same_picture(tracks, real):
    """Step by step at first. Later, differences of rounding grow as they do within one track; the quality stays equal."""
    content, style, _ = coffee()
    first, results, curves, reference = {}, {}, {}, None
    for track, side in tracks.items():
        if reference is None:  # the style alone, from the first track
            alone = photo_targets(side, real[track], 0.0, content, [style])
            reference = [images for _, images, _ in side.optimise(run_of(side), real[track], alone, content, 35)][-1]
        targets = photo_targets(side, real[track], 1.0, content, [style])
        steps = list(side.optimise(run_of(side), real[track], targets, content, 35, every=5))
        early = list(side.optimise(run_of(side), real[track], targets, content, 2, every=1))
        first[track] = [images for _, images, _ in early[1:]]
        results[track], curves[track] = steps[-1][1], np.array([losses[:, 0] for _, _, losses in steps])
    for least, one, other in zip((70, 55), *first.values(), strict=True):
        assert psnr(one, other) > least
    one, other = results.values()
    print(f"PSNR between the tracks: {psnr(one, other):.1f} dB")
    assert psnr(one, other) > 22
    for name, image in (("content", content), ("style alone", reference)):
        values = [psnr(result, image) for result in results.values()]
        print(f"PSNR to the {name}: {values[0]:.2f} and {values[1]:.2f} dB")
        assert abs(values[0] - values[1]) < 1
        assert 5 < values[0] < 40
    for losses in curves.values():  # (steps, 3)
        assert losses[0, 0] == pytest.approx(0, abs=1e-5) and 0 < losses[-1, 0] < 1
        assert losses[-1, 1] < 0.35 * losses[0, 1]
        assert (np.diff(losses.sum(axis=1)) < 0).all()
    np.testing.assert_allclose(curves["tensorflow"], curves["pytorch"], rtol=0.05, atol=0.02)


@BOTH
def test_without_content_the_style_wins(tracks, real, track):
    """Each weight does what its name says: the same start, three weights of the style in one batch."""
    side, transfer = tracks[track], real[track]
    content, style, _ = (image.repeat(3, axis=0) for image in coffee())
    weights = [dict.fromkeys(SIX, weight / 6) for weight in (0.0, 2.0, 30.0)]
    targets = side.make_targets(run_of(side), transfer, content, [style], {"stage 7": 1.0}, weights, 0.0)
    *_, (_, images, losses) = side.optimise(run_of(side), transfer, targets, content, 12, rate=0.05)
    np.testing.assert_array_equal(images[0], content[0])  # nothing pulls it away
    away = [np.mean((image - content[0]) ** 2) for image in images]
    assert 0 == away[0] < away[1] < away[2]
    assert losses[1, 2] / 30 < losses[1, 1] / 2 and losses[0, 2] > losses[0, 1]
