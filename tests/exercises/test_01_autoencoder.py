"""Lesson 1's exercises against answers as students write them, in each track's own code."""

import numpy as np
import pytest
from exercise_testing import assert_accepted, assert_refused

LESSON = "01_autoencoder"


def test_parameters_by_layers_are_accepted():
    sizes = [(1, 32), (32, 64), (64, 32), (32, 1)]
    fixed = sum(a * b * 9 + b for a, b in sizes) + 2 * 3136 * 128 + 128 + 3136
    assert_accepted(LESSON, "q1", lambda latent_dim: fixed + 257 * latent_dim + 128)


def test_parameters_for_one_size_only_are_refused():
    assert_refused(LESSON, "q1", lambda latent_dim: 847_889)


def test_decoder_by_an_extra_column_of_ones_is_accepted():
    def best_decoder(z, x):
        solution = np.linalg.lstsq(np.column_stack([z, np.ones(len(z))]), x, rcond=None)[0]
        return solution[:-1].T, solution[-1]

    assert_accepted(LESSON, "q2", best_decoder)


def test_decoder_without_offset_is_refused():
    def best_decoder(z, x):
        return (np.linalg.pinv(z) @ x).T, np.zeros(x.shape[1])

    assert_refused(LESSON, "q2", best_decoder, "no offset")


def test_decoder_by_pca_is_refused():
    def best_decoder(z, x):
        axes = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[2][: z.shape[1]]
        return axes.T, x.mean(axis=0)

    assert_refused(LESSON, "q2", best_decoder)


def torch_losses():
    torch = pytest.importorskip("torch")

    def squared_error(x, x_hat):
        return ((x - x_hat) ** 2).flatten(1).sum(dim=1)

    def right(model, x, noise, sigma):
        return squared_error(x, model((x + sigma * noise).clamp(0, 1))).mean()

    def copies(model, x, noise, sigma):
        noisy = (x + sigma * noise).clamp(0, 1)
        return squared_error(noisy, model(noisy)).mean()

    def too_little_noise(model, x, noise, sigma):
        return squared_error(x, model((x + sigma**2 * noise).clamp(0, 1))).mean()

    def mean_over_pixels(model, x, noise, sigma):
        return torch.nn.functional.mse_loss(model((x + sigma * noise).clamp(0, 1)), x)

    return right, copies, too_little_noise, mean_over_pixels


def tensorflow_losses():
    tf = pytest.importorskip("tensorflow")

    def squared_error(x, x_hat):
        return tf.reduce_sum((x - x_hat) ** 2, axis=[1, 2, 3])

    def right(model, x, noise, sigma):
        return tf.reduce_mean(squared_error(x, model(tf.clip_by_value(x + sigma * noise, 0, 1))))

    def copies(model, x, noise, sigma):
        noisy = tf.clip_by_value(x + sigma * noise, 0, 1)
        return tf.reduce_mean(squared_error(noisy, model(noisy)))

    def too_little_noise(model, x, noise, sigma):
        return tf.reduce_mean(squared_error(x, model(tf.clip_by_value(x + sigma**2 * noise, 0, 1))))

    def mean_over_pixels(model, x, noise, sigma):
        return tf.reduce_mean((x - model(tf.clip_by_value(x + sigma * noise, 0, 1))) ** 2)

    return right, copies, too_little_noise, mean_over_pixels


@pytest.mark.parametrize(("track", "losses"), [("pytorch", torch_losses), ("tensorflow", tensorflow_losses)])
def test_the_denoisers_bugs_are_named_one_by_one(track, losses):
    right, copies, too_little_noise, mean_over_pixels = losses()
    assert_accepted(LESSON, "q3", right, track)
    assert_refused(LESSON, "q3", copies, ["still the noisy image", "copies"], track)
    assert_refused(LESSON, "q3", too_little_noise, ["σ²", "standard deviation"], track)
    assert_refused(LESSON, "q3", mean_over_pixels, "mean over the pixels", track)


def test_auroc_of_scikit_learn_is_accepted():
    from sklearn.metrics import roc_auc_score

    def auroc_by_pairs(inside, outside):
        return roc_auc_score(np.repeat([0, 1], [len(inside), len(outside)]), np.concatenate([inside, outside]))

    assert_accepted(LESSON, "q4", auroc_by_pairs)


def test_auroc_mistakes_are_named():
    assert_refused(LESSON, "q4", lambda a, b: (a[:, None] > b).mean() + (a[:, None] == b).mean() / 2, "turned round")
    assert_refused(LESSON, "q4", lambda a, b: sum(y > x for x in a for y in b) / len(a) / len(b), "Ties count as lost")


def experiment(code, pixels, verdict):
    return {"code": code, "pixels": pixels, "verdict": verdict}


def test_an_experiment_is_read_as_by_a_reviewer():
    rng = np.random.default_rng(0)
    draws = rng.normal(0, 0.01, 10)
    better = experiment(list(0.82 + draws), list(0.74 + draws + rng.normal(0, 0.005, 10)), "code")
    assert_accepted(LESSON, "q5", better)
    assert_accepted(LESSON, "q5", better | {"code": np.array(better["code"])})
    assert_refused(LESSON, "q5", better | {"verdict": "pixels"}, "opposite")
    assert_refused(LESSON, "q5", better | {"verdict": "unclear"}, "clearer than your verdict")
    assert_refused(
        LESSON, "q5", {key: better[key][:2] for key in ("code", "pixels")} | {"verdict": "code"}, "at least 5"
    )
    assert_refused(LESSON, "q5", better | {"code": [float("nan")] * 10}, "between 0 and 1")
    assert_refused(LESSON, "q5", better | {"code": ["good"] * 10}, "lists of numbers")
