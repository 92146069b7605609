"""The digit classifier: the same numbers as PyTorch, right on held-out digits, clear about bad input."""

import json
import time

import numpy as np
import pytest

from helpers import checkpoints, data, features


@pytest.fixture(scope="module")
def digits():
    return data.load("mnist", quiet=True)


def test_numpy_agrees_with_pytorch(digits):
    import torch

    from helpers.train_digit_classifier import DigitClassifier

    model = DigitClassifier(norm=False).eval()
    checkpoints.set_state(model, checkpoints.load("digit_classifier")[0])
    images = digits.test.images[::10]
    x = torch.from_numpy(images.astype(np.float32) / 255).permute(0, 3, 1, 2)
    with torch.no_grad():
        wanted, wanted_features = model(x).softmax(dim=1).numpy(), model.features(x).numpy()
    np.testing.assert_allclose(features.digit_probabilities(images), wanted, atol=1e-4)
    np.testing.assert_allclose(features.digit_features(images), wanted_features, atol=1e-4)


def test_held_out_accuracy_is_what_the_checkpoint_says(digits):
    began = time.perf_counter()
    labels = features.digit_labels(digits.test.images)
    accuracy = (labels == digits.test.labels).mean()
    info = checkpoints.load("digit_classifier")[1]
    assert accuracy >= 0.985
    assert accuracy == pytest.approx(info["held_out_accuracy"], abs=0.0011)  # one digit may fall on the other side
    assert time.perf_counter() - began < 10
    each = [(labels[digits.test.labels == k] == k).mean() for k in range(10)]
    assert min(each) >= 0.95


def test_checkpoint_says_how_it_was_made(digits):
    info = checkpoints.load("digit_classifier")[1]
    assert info["data_sha256"] == digits.sha256
    assert {"seed", "profile", "device", "minutes", "trained_by", "licence"} <= set(info)
    assert info["tensors"]["003.weight"] == [features.FEATURES, 7 * 7 * 64]
    json.dumps(info)


def test_float_and_uint8_images_are_the_same(digits):
    images = digits.test.images[:300]
    again = features.digit_features((images / 255).astype(np.float64))
    np.testing.assert_allclose(features.digit_features(images), again, atol=1e-4)
    np.testing.assert_allclose(features.digit_features(images[..., 0]), again, atol=1e-4)
    assert features.digit_features(images).shape == (300, features.FEATURES)
    assert features.digit_features(images[:0]).shape == (0, features.FEATURES)
    np.testing.assert_allclose(features.digit_probabilities(images).sum(axis=1), 1, atol=1e-5)


def test_noise_is_far_from_digits_and_halves_are_near(digits):
    from helpers import metrics

    rng = np.random.default_rng(0)
    a = features.digit_features(digits.train.images[:1000])
    b = features.digit_features(digits.test.images)
    noise = features.digit_features(rng.integers(0, 256, (1000, 28, 28, 1), dtype=np.uint8))
    blurred = features.digit_features((digits.test.images + np.roll(digits.test.images / 1.0, 1, axis=2)) / 510)
    floor, blur, far = (metrics.frechet_distance(a, other) for other in (b, blurred, noise))
    assert floor < blur < far and far > 20 * floor


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 1, 28, 28)), "shape"),
        (np.zeros((2, 32, 32, 1)), "shape"),
        (np.full((2, 28, 28, 1), 255.0), r"\[0, 1\]"),
        (np.full((2, 28, 28, 1), np.nan), "NaN"),
        (np.zeros((2, 28, 28, 1), dtype=int), "int64"),
    ],
)
def test_bad_images_are_named(images, message):
    with pytest.raises(ValueError, match=message):
        features.digit_labels(images)
