"""Lesson 2's exercises against answers as students write them, in each track's own code."""

import numpy as np
import pytest
from exercise_testing import assert_accepted, assert_answers, assert_refused

LESSON = "02_vae"


def test_divergence_by_hand():
    assert_accepted(LESSON, "q1", 1.432)
    assert_accepted(LESSON, "q1", np.float64(1.43185))
    assert_refused(LESSON, "q1", 2.864, "½")
    assert_refused(LESSON, "q1", 0.716, "mean over the two dimensions")
    assert_refused(LESSON, "q1", -1.432, "sign")
    assert_refused(LESSON, "q1", 7.0)


def test_weight_as_beta():
    assert_accepted(LESSON, "q4", lambda weight, n_pixels, s2: 0.5 * n_pixels / s2 / weight)
    assert_refused(LESSON, "q4", lambda weight, n_pixels, s2: n_pixels / (s2 * weight), "½")
    assert_refused(LESSON, "q4", lambda weight, n_pixels, s2: 2 * s2 * weight / n_pixels, "inverse")
    assert_refused(LESSON, "q4", lambda weight, n_pixels, s2: 1 / (2 * s2 * weight), "mean over the pixels")
    assert_refused(LESSON, "q4", lambda weight, n_pixels, s2: 0.392)


def plan(**changes):
    """A plan that is right, with some keys changed."""
    good = {
        "vary": "warmup",
        "levels": (0, 5),
        "hold": {"peak_lr": 0.001, "batch_size": 128, "beta": 1},
        "seeds": range(5),
        "collapsed": lambda mu, logvar: mu.var(axis=0).max() < 0.01,
    }
    return good | changes


def test_plans_of_an_experiment():
    assert_accepted(LESSON, "q5", plan())
    assert_refused(LESSON, "q5", plan(hold={"peak_lr": 0.001, "batch_size": 32, "beta": 1}), "change one thing only")
    assert_refused(LESSON, "q5", plan(seeds=[0, 1]), "at least three")
    assert_refused(LESSON, "q5", plan(levels=[1, 2, 3]), "control")
    assert_refused(LESSON, "q5", plan(collapsed=lambda mu, logvar: mu.std() < 0.05), "variance over images")
    assert_refused(LESSON, "q5", plan(collapsed=lambda mu, logvar: 1 / 0), "raised ZeroDivisionError")
    assert_refused(LESSON, "q5", plan(collapsed=True), "must be a function")
    assert_refused(LESSON, "q5", plan(vary=["warmup", "peak_lr"]), "one factor")


def torch_answers():
    torch = pytest.importorskip("torch")

    def kl(mu, logvar):
        return -0.5 * (1 + logvar - mu**2 - logvar.exp())

    def prior(mu, logvar, s):
        target = torch.distributions.Normal(torch.zeros_like(mu), torch.full_like(mu, s))
        cloud = torch.distributions.Normal(mu, (0.5 * logvar).exp())
        return torch.distributions.kl_divergence(cloud, target).sum(dim=1)

    def mended(decode_loss, mu, logvar, eps):
        recon = decode_loss(mu + (0.5 * logvar).exp() * eps)
        return (recon.sum() + kl(mu, logvar).sum()) / len(mu)

    def her_loss(decode_loss, mu, logvar, eps):
        return decode_loss(mu + logvar.exp() * eps).mean() + kl(mu, logvar).mean()

    def mean_over_pixels(decode_loss, mu, logvar, eps):
        recon = decode_loss(mu + (0.5 * logvar).exp() * eps).flatten(1).mean(dim=1)
        return (recon + kl(mu, logvar).sum(dim=1)).mean()

    return {
        ("q2", None): prior,
        ("q2", "over the batch"): lambda mu, logvar, s: prior(mu, logvar, s).sum(),
        ("q2", "is σ"): lambda mu, logvar, s: (
            0.5 * (2 * np.log(s) - logvar + (mu**2 + (0.5 * logvar).exp()) / s**2 - 1).sum(dim=1)
        ),
        ("q2", "log s² is missing"): lambda mu, logvar, s: (
            0.5 * (-logvar + (mu**2 + logvar.exp()) / s**2 - 1).sum(dim=1)
        ),
        ("q3", None): mended,
        ("q3", "her loss unchanged"): her_loss,
        ("q3", "averaged over the pixels"): mean_over_pixels,
        ("q6", None): lambda log_w: log_w.softmax(dim=1).mul(0).sum(dim=1) + torch.logsumexp(log_w - np.log(5), dim=1),
        ("q6", "subtract the largest"): lambda log_w: log_w.exp().mean(dim=1).log(),
        ("q6", "log K"): lambda log_w: torch.logsumexp(log_w, dim=1),
        ("q6", "the ELBO"): lambda log_w: log_w.mean(dim=1),
    }


def tensorflow_answers():
    tf = pytest.importorskip("tensorflow")

    def kl(mu, logvar):
        return -0.5 * tf.reduce_sum(1 + logvar - mu**2 - tf.exp(logvar), axis=1)

    def mended(decode_loss, mu, logvar, eps):
        recon = tf.reduce_sum(decode_loss(mu + tf.sqrt(tf.exp(logvar)) * eps), axis=[1, 2, 3])
        return tf.reduce_mean(recon) + tf.reduce_mean(kl(mu, logvar))

    def variance_in_the_draw(decode_loss, mu, logvar, eps):
        recon = tf.reduce_sum(decode_loss(mu + tf.exp(logvar) * eps), axis=[1, 2, 3])
        return tf.reduce_mean(recon + kl(mu, logvar))

    return {
        ("q2", None): lambda mu, logvar, s: kl(
            mu / s, logvar - 2 * tf.math.log(s)
        ),  # the scaled problem, in which the prior has unit width
        ("q2", "doesn't depend on s"): lambda mu, logvar, s: kl(mu, logvar),
        ("q2", "sums over them"): lambda mu, logvar, s: kl(mu / s, logvar - 2 * tf.math.log(s)) / mu.shape[1],
        ("q3", None): mended,
        ("q3", "σ²"): variance_in_the_draw,
        ("q6", None): lambda log_w: tf.reduce_logsumexp(log_w, axis=1) - tf.math.log(5.0),
        ("q6", "subtract the largest"): lambda log_w: tf.math.log(tf.reduce_mean(tf.exp(log_w), axis=1)),
    }


ANSWERS = {"pytorch": torch_answers, "tensorflow": tensorflow_answers}


@pytest.mark.parametrize("track", ANSWERS)
def test_answers_in_the_track_s_own_code(track):
    assert_answers(LESSON, ANSWERS[track](), track)
