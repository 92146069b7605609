"""Exercises of lesson 3: what they promise holds in both tracks; answers in a track's own code are judged rightly."""

import numpy as np
import pytest
from exercise_testing import assert_accepted, assert_refused

LESSON = "03_cvae"


def _loss_in_torch(hidden_only=True, learned_prior=True, swapped=False):
    import torch

    def loss(pixel_loss, mask, mu_q, logvar_q, mu_p, logvar_p):
        if not learned_prior:
            mu_p, logvar_p = torch.zeros_like(mu_p), torch.zeros_like(logvar_p)
        if swapped:
            mu_q, logvar_q, mu_p, logvar_p = mu_p, logvar_p, mu_q, logvar_q
        recon = (pixel_loss * (1 - mask) if hidden_only else pixel_loss).sum(dim=1)
        return recon + torch.distributions.kl_divergence(
            torch.distributions.Normal(mu_q, torch.exp(0.5 * logvar_q)),
            torch.distributions.Normal(mu_p, torch.exp(0.5 * logvar_p)),
        ).sum(dim=1)

    return loss


def _loss_in_tensorflow(hidden_only=True, learned_prior=True, swapped=False):
    import tensorflow as tf

    def loss(pixel_loss, mask, mu_q, logvar_q, mu_p, logvar_p):
        if not learned_prior:
            mu_p, logvar_p = tf.zeros_like(mu_p), tf.zeros_like(logvar_p)
        if swapped:
            mu_q, logvar_q, mu_p, logvar_p = mu_p, logvar_p, mu_q, logvar_q
        recon = tf.reduce_sum(pixel_loss * (1 - mask) if hidden_only else pixel_loss, axis=1)
        ratio = (tf.exp(logvar_q) + (mu_q - mu_p) ** 2) / tf.exp(logvar_p)
        return recon + 0.5 * tf.reduce_sum(logvar_p - logvar_q + ratio - 1, axis=1)

    return loss


@pytest.mark.parametrize(("track", "make"), [("pytorch", _loss_in_torch), ("tensorflow", _loss_in_tensorflow)])
def test_mended_loss_in_the_tracks_own_code(track, make):
    assert_accepted(LESSON, "q3", make(), track)
    assert_refused(LESSON, "q3", make(hidden_only=False), "copying", track)
    assert_refused(LESSON, "q3", make(learned_prior=False), "N(0, I)", track)
    assert_refused(LESSON, "q3", make(hidden_only=False, learned_prior=False), "unchanged", track)
    assert_refused(LESSON, "q3", make(swapped=True), "turned round", track)


def test_planes_of_a_two_by_two_image():
    from helpers.exercise_sets.lesson_03_cvae import with_planes

    image = np.array([[[[0.1], [0.2]], [[0.3], [0.4]]]])
    out = with_planes(image, np.array([2]), 3)
    assert out.shape == (1, 2, 2, 4)
    np.testing.assert_allclose(out[0, 1, 0], [0.3, 0, 0, 1])


def test_label_gain_by_hand():
    from helpers.exercise_sets.lesson_03_cvae import label_gain

    density = np.exp(-0.5 * ((1.2 - np.array([-2.0, 0.0, 2.0])) / 0.7) ** 2)
    prior = np.array([0.5, 0.25, 0.25])
    gain = label_gain(np.log(np.tile(density, (3, 1))), prior, np.arange(3))
    np.testing.assert_allclose(gain, np.log(density / (density * prior).sum()))
    assert (gain <= -np.log(prior)).all()


def test_obedience_refuses_what_is_no_number():
    assert_refused(LESSON, "q4", lambda encode, decode, judge, x, labels, n: [1, 2], "one number")
    assert_refused(LESSON, "q4", 3, "function")


def test_findings_name_what_is_off():
    good = {
        "loss_with": 130.0,
        "loss_without": 131.0,
        "recognised_with": 0.97,
        "recognised_without": 0.96,
        "label_from_z_without": 0.3,
        "verdict": "no",
    }
    assert_accepted(LESSON, "q5", good)
    assert_refused(LESSON, "q5", {**good, "loss_with": 700.0}, "out of reach")
    assert_refused(LESSON, "q5", {**good, "recognised_with": -0.2}, "no share")
    assert_refused(LESSON, "q5", {**good, "loss_with": float("nan")}, "nats")
