"""Lesson 2: the tracks agree, the model has the sizes that the text gives, losses match values worked by hand."""

import numpy as np
import parity
import pytest
from parity import array, tensor

from helpers import checkpoints, lessons

LESSON = "02_vae"
MODELS = {"make_vae": (69_076, 65_089), "make_dense_vae": (784 * 256 + 256 + 2 * 514, 3 * 256 + 256 * 784 + 784)}
LOSSES = ("bernoulli_loss", "gaussian_loss")


@pytest.fixture(scope="module")
def tracks():
    return parity.tracks(LESSON)


def batch(n=6, seed=0):
    """Images (n, 28, 28, 1) in [0, 1] and noise (n, 2)."""
    rng = np.random.default_rng(seed)
    return rng.random((n, 28, 28, 1)), rng.normal(size=(n, 2))


def forward(loss_recon):
    """A pass: logits, mu, logvar; both terms an image; gradients of their weighted mean."""

    def passed(side, vae, x, eps):
        terms = side.elbo_terms(vae, x, eps, getattr(side, loss_recon))
        return parity.Forward(vae(x, eps), terms, parity.mean(side, terms[0] + 0.7 * terms[1]))

    return passed


@pytest.mark.parametrize("loss_recon", LOSSES)
@pytest.mark.parametrize("make", MODELS)
def test_the_same_weights_give_the_same_in_both_tracks(tracks, make, loss_recon):
    models = parity.twins(tracks, lambda side: getattr(side, make)(), spread=0.02)
    measured = parity.compare(tracks, models, forward(loss_recon), *batch())
    assert len(measured["pytorch"].losses) == 2


def test_weights_go_from_keras_to_pytorch(tracks):
    models = {track: side.make_vae() for track, side in tracks.items()}
    checkpoints.set_state(models["pytorch"], checkpoints.state(models["tensorflow"]))
    parity.compare(tracks, models, forward("bernoulli_loss"), *batch(3, seed=2))


@pytest.mark.parametrize("track", lessons.TRACKS)
@pytest.mark.parametrize("make", MODELS)
def test_parameter_counts(tracks, track, make):
    vae = getattr(tracks[track], make)()
    counts = tuple(tracks[track].count_parameters(part) for part in (vae.encoder, vae.decoder))
    assert counts == MODELS[make]


def test_both_tracks_start_with_weights_of_the_same_spread(tracks):
    tracks["pytorch"].torch.manual_seed(0)
    states = [checkpoints.state(tracks[track].make_vae()) for track in lessons.TRACKS]
    parity.same_spread(*states)
    for state in states:
        assert not any(value.any() for key, value in state.items() if key.endswith("bias"))


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_losses_by_hand(tracks, track):
    side = tracks[track]
    kl = side.kl_divergence(tensor(side, [[1, 0], [0, 0]]), tensor(side, [[0, np.log(0.25)], [0, 0]]))
    np.testing.assert_allclose(array(kl), [0.5 + np.log(2) - 0.375, 0], atol=1e-6)
    logits, white = tensor(side, np.zeros((2, 28, 28, 1))), tensor(side, np.ones((2, 28, 28, 1)))
    np.testing.assert_allclose(array(side.bernoulli_loss(logits, white)), [784 * np.log(2)] * 2, rtol=1e-6)
    np.testing.assert_allclose(array(side.gaussian_loss(logits, white)), [98, 98], rtol=1e-6)
    far = tensor(side, np.full((1, 28, 28, 1), 200.0))  # a probability of 1 in float32: the logits keep the loss finite
    np.testing.assert_allclose(array(side.bernoulli_loss(far, tensor(side, np.zeros((1, 28, 28, 1))))), [784 * 200.0])


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_divergence_against_torch_distributions(tracks, track):
    from torch.distributions import Normal, kl_divergence

    rng = np.random.default_rng(3)
    mu, logvar = rng.normal(size=(2, 64, 5)).astype(np.float32)
    cloud = Normal(tensor(tracks["pytorch"], mu), tensor(tracks["pytorch"], np.exp(0.5 * logvar)))
    expected = kl_divergence(cloud, Normal(0.0, 1.0)).sum(dim=1).numpy()
    side = tracks[track]
    found = array(side.kl_divergence(tensor(side, mu), tensor(side, logvar)))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_draws_have_the_cloud_s_mean_and_width(tracks, track):
    side, n = tracks[track], 200_000
    eps = np.random.default_rng(4).normal(size=(n, 2))
    mu, logvar = np.tile([1.0, -2.0], (n, 1)), np.tile([0.0, np.log(0.25)], (n, 1))
    z = array(side.reparameterise(*(tensor(side, a) for a in (mu, logvar, eps))))
    np.testing.assert_allclose(z.mean(axis=0), [1, -2], atol=0.01)
    np.testing.assert_allclose(z.std(axis=0), [1, 0.5], atol=0.01)


@pytest.mark.parametrize("track", lessons.TRACKS)
@pytest.mark.parametrize("make", MODELS)
def test_a_step_lowers_the_loss(tracks, track, make):
    side = tracks[track]
    vae = getattr(side, make)()
    step = side.make_step(vae)
    x = tensor(side, batch(16)[0] > 0.8)
    losses = [sum(float(part) for part in step(x, np.float32(2e-3), np.float32(1.0))) for _ in range(25)]
    assert np.mean(losses[-3:]) < 0.95 * losses[0]


def test_active_units(tracks):
    active_units = tracks["pytorch"].active_units
    rng = np.random.default_rng(5)
    assert active_units(rng.normal(size=(300, 4)) * [1, 0.5, 0.05, 0]) == 2
    assert active_units(np.full((300, 4), 3.0)) == 0


def test_spread_of_the_gradient_estimators_by_hand():
    """f(z) = (z - 2)² at μ = 0, σ = 1: variance 87 for the score function, 42 with a baseline, 4 reparameterised."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    weights = weights / weights.sum()

    def variance(values):
        return weights @ values**2 - (weights @ values) ** 2

    f = (nodes - 2) ** 2
    assert weights @ (f * nodes) == pytest.approx(-4)
    assert variance(f * nodes) == pytest.approx(87)
    assert variance((f - 5) * nodes) == pytest.approx(42)
    assert variance(2 * (nodes - 2)) == pytest.approx(4)
