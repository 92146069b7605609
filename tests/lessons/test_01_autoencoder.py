"""Lesson 1: both tracks agree when weights move over, and the lesson's hand-worked values hold."""

import numpy as np
import parity
import pytest

from helpers import checkpoints, lessons

LESSON = "01_autoencoder"
MODELS = {"linear": ("LinearAutoencoder", 6), "conv": ("ConvAutoencoder", 16), "open": ("OpenAutoencoder", None)}
PARAMETERS = {"linear": 10_198, "conv": 847_889, "open": 37_569}


@pytest.fixture(scope="module")
def tracks():
    return parity.tracks(LESSON)


def make(definitions, name):
    """One of the lesson's models."""
    class_name, latent_dim = MODELS[name]
    model_class = getattr(definitions, class_name)
    return model_class() if latent_dim is None else model_class(latent_dim)


def images(n=5, seed=0):
    """Random images (n, 28, 28, 1), float32 in [0, 1]."""
    return np.random.default_rng(seed).random((n, 28, 28, 1), dtype=np.float32)


def forward(side, model, x):
    """Reconstruction and its mean squared error."""
    x_hat = model(x)
    loss = parity.mean(side, side.squared_error(x, x_hat))
    return parity.Forward(outputs=[x_hat], losses=[loss], totals=loss)


@pytest.mark.parametrize("name", MODELS)
def test_the_same_weights_give_the_same_in_both_tracks(tracks, name):
    models = parity.twins(tracks, lambda side: make(side, name))
    parity.compare(tracks, models, forward, images())


def test_weights_go_back_from_keras_to_pytorch(tracks):
    models = {track: make(side, "conv") for track, side in tracks.items()}
    checkpoints.set_state(models["pytorch"], checkpoints.state(models["tensorflow"]))
    parity.compare(tracks, models, forward, images(3, seed=2))


@pytest.mark.parametrize("track", lessons.TRACKS)
@pytest.mark.parametrize("name", MODELS)
def test_parameter_counts(tracks, track, name):
    assert tracks[track].parameter_count(make(tracks[track], name)) == PARAMETERS[name]


@pytest.mark.parametrize("latent_dim", [2, 16])
def test_exercise_1_counts_what_the_model_has(tracks, latent_dim):
    from helpers.exercise_sets.lesson_01_autoencoder import parameters

    model = tracks["pytorch"].ConvAutoencoder(latent_dim)
    assert tracks["pytorch"].parameter_count(model) == parameters(latent_dim)


def test_both_tracks_start_with_weights_of_the_same_spread(tracks):
    tracks["pytorch"].torch.manual_seed(0)
    parity.same_spread(*(checkpoints.state(make(tracks[track], "conv")) for track in lessons.TRACKS), least=0)


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_squared_error_by_hand(tracks, track):
    x = np.array([[0, 1], [1, 1]], dtype=np.float32).reshape(2, 1, 2, 1)
    x_hat = np.array([[0.5, 1], [0, 0.8]], dtype=np.float32).reshape(2, 1, 2, 1)
    side = tracks[track]
    error = parity.array(side.squared_error(*(parity.tensor(side, a) for a in (x, x_hat))))
    np.testing.assert_allclose(error, [0.25, 1.04], rtol=1e-6)


def test_pca_loses_the_variance_that_it_drops():
    from sklearn.decomposition import PCA

    x = np.random.default_rng(0).normal(size=(200, 8)) @ np.random.default_rng(1).normal(size=(8, 8))
    pca = PCA().fit(x)
    for k in (1, 3, 6):
        kept = pca.components_[:k]
        x_hat = (x - pca.mean_) @ kept.T @ kept + pca.mean_
        error = ((x - x_hat) ** 2).sum(axis=1).mean()
        assert error == pytest.approx(
            pca.explained_variance_[k:].sum() * 199 / 200
        )  # Eq. 4; scikit-learn divides by n − 1


def test_the_three_points_of_the_first_section():
    points = np.array([[-1.0, 1.0], [0.0, 0.0], [1.0, 1.0]])
    straight = np.stack([points[:, 0], np.full(3, 2 / 3)], axis=1)
    assert ((points - straight) ** 2).sum(axis=1).mean() == pytest.approx(2 / 9)
    assert np.linalg.eigvalsh(np.cov(points.T, bias=True))[0] == pytest.approx(2 / 9)
