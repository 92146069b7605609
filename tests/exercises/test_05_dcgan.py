"""Lesson 5's exercises against answers as students write them, in each track's own code."""

import numpy as np
import pytest
from exercise_testing import assert_accepted, assert_answers, assert_refused

LESSON = "05_dcgan"


def test_size():
    assert_accepted(LESSON, "q1", lambda n, k, s, p, a: s * n - s + k - p - p + a)
    assert_refused(LESSON, "q1", lambda n, k, s, p, a: s * n + k - 2 * p + a, "n - 1")
    assert_refused(LESSON, "q1", lambda n, k, s, p, a: (n - 1) * s + k - 2 * p, "output padding")
    assert_refused(LESSON, "q1", lambda n, k, s, p, a: (n - k + 2 * p) // s + 1, "ordinary convolution")
    assert_refused(LESSON, "q1", lambda n, k, s, p, a: 28)


def test_stamps():
    def by_convolution(n, kernel, stride, padding):
        ones = np.zeros((n - 1) * stride + 1, dtype=int)
        ones[::stride] = 1
        counts = np.convolve(ones, np.ones(kernel, dtype=int))
        return counts[padding : len(counts) - padding]

    assert_accepted(LESSON, "q2", by_convolution)
    assert_accepted(LESSON, "q2", lambda n, k, s, p: by_convolution(n, k, s, p).tolist())
    assert_refused(LESSON, "q2", lambda n, k, s, p: by_convolution(n, k, s, 0), "isn't cut off")
    assert_refused(LESSON, "q2", lambda n, k, s, p: by_convolution(n, k, s, 0)[p:], "one end only")
    assert_refused(LESSON, "q2", lambda n, k, s, p: by_convolution(n, k, 1, p), "apart")


def plan(**changes):
    """A plan that is right, with some keys changed."""
    good = {
        "vary": "images",
        "levels": (4000, 400),
        "hold": ("reference", "samples_scored", "steps", "learning_rate"),
        "seeds": range(5),
        "against": "held-out faces",
    }
    return good | changes


def test_plans_of_an_experiment():
    assert_accepted(LESSON, "q4", plan())
    assert_refused(
        LESSON, "q4", plan(hold=["epochs", "learning_rate", "samples_scored", "reference"]), "Hold the steps"
    )
    assert_refused(LESSON, "q4", plan(hold=["reference"]), "Steps are not held")
    assert_refused(LESSON, "q4", plan(seeds=3), "at least three")
    assert_refused(LESSON, "q4", plan(against="training faces"), "copies them wins")
    assert_refused(LESSON, "q4", plan(vary=["images", "steps"]), "one factor")


def test_extrapolation_and_copies():
    assert_accepted(
        LESSON, "q5", lambda sizes, d: np.linalg.lstsq(np.stack([1 / sizes, sizes**0], 1), d, rcond=None)[0][1]
    )
    assert_refused(LESSON, "q5", lambda sizes, d: np.polyfit(sizes, d, 1)[1], "1/n")
    assert_refused(LESSON, "q5", lambda sizes, d: np.polyfit(1 / sizes, d, 1)[0], "slope")
    assert_refused(LESSON, "q5", lambda sizes, d: d[-1], "bias")

    def nearest(rows, train):
        return np.linalg.norm(rows[:, None] - train, axis=2).min(axis=1)

    assert_accepted(LESSON, "q6", lambda s, t, h: (nearest(s, t) < min(nearest(h, t))).sum() / len(s))
    assert_refused(LESSON, "q6", lambda s, t, h: (nearest(s, t) < nearest(h, t).mean()).mean(), "mean of the held-out")
    assert_refused(LESSON, "q6", lambda s, t, h: (nearest(s, t) < min(nearest(h, t))).sum(), "divides")
    assert_refused(LESSON, "q6", lambda s, t, h: (nearest(s, h) < min(nearest(t, h))).mean(), "swapped")


def torch_answers():
    torch = pytest.importorskip("torch")
    bce = torch.nn.functional.binary_cross_entropy_with_logits

    def mended(logits_real, logits_fake, noise):
        real = bce(logits_real, torch.clamp(0.85 + 0.15 * noise, 0, 1))
        return real + bce(logits_fake, torch.zeros_like(logits_fake))

    def soft_fakes(logits_real, logits_fake, noise):
        real = bce(logits_real, torch.clamp(0.85 + 0.15 * noise, 0, 1))
        return real + bce(logits_fake, torch.full_like(logits_fake, 0.15))

    return {
        ("q3", None): mended,
        ("q3", "fakes are softened"): soft_fakes,
        ("q3", "labels above 1"): lambda r, f, noise: bce(r, 0.85 + 0.15 * noise) + bce(f, torch.zeros_like(f)),
        ("q3", "sigmoid is applied twice"): lambda r, f, noise: mended(r.sigmoid(), f.sigmoid(), noise),
    }


def tensorflow_answers():
    tf = pytest.importorskip("tensorflow")
    bce = tf.nn.sigmoid_cross_entropy_with_logits

    def mended(logits_real, logits_fake, noise):
        target = tf.minimum(tf.maximum(0.85 + 0.15 * noise, 0.0), 1.0)
        fake = bce(labels=tf.zeros_like(logits_fake), logits=logits_fake)
        return tf.reduce_mean(bce(labels=target, logits=logits_real)) + tf.reduce_mean(fake)

    return {
        ("q3", None): mended,
        ("q3", "sigmoid is applied twice"): lambda r, f, noise: mended(tf.sigmoid(r), tf.sigmoid(f), noise),
        ("q3", "took all softening out"): lambda r, f, noise: mended(r, f, tf.ones_like(noise)),
        ("q3", "swapped"): lambda r, f, noise: mended(f, r, noise),
    }


ANSWERS = {"pytorch": torch_answers, "tensorflow": tensorflow_answers}


@pytest.mark.parametrize("track", ANSWERS)
def test_answers_in_the_track_s_own_code(track):
    assert_answers(LESSON, ANSWERS[track](), track)
