"""Lesson 2: the tracks agree, the model has the sizes that the text gives, losses match values worked by hand."""

import numpy as np
import pytest

from helpers import checkpoints, lessons

LESSON = "02_vae"
MODELS = {"make_vae": (69_076, 65_089), "make_dense_vae": (784 * 256 + 256 + 2 * 514, 3 * 256 + 256 * 784 + 784)}
LOSSES = ("bernoulli_loss", "gaussian_loss")


@pytest.fixture(scope="module")
def tracks():
    pytest.importorskip("torch")
    pytest.importorskip("tensorflow")
    return {track: lessons.definitions(LESSON, track) for track in lessons.TRACKS}


def tensor(definitions, array):
    """NumPy → the track's tensor; images (N, H, W, C) take the track's layout."""
    array = np.asarray(array, dtype=np.float32)
    if hasattr(definitions, "tf"):
        return definitions.tf.constant(array)
    moved = definitions.torch.from_numpy(array)
    return moved.permute(0, 3, 1, 2) if moved.ndim == 4 else moved


def array(values):
    """The track's tensor → NumPy; images come back as (N, H, W, C)."""
    if hasattr(values, "detach"):
        values = values.detach()
        return (values.permute(0, 2, 3, 1) if values.ndim == 4 else values).numpy()
    return values.numpy()


def batch(n=6, seed=0):
    """Images (n, 28, 28, 1) in [0, 1] and noise (n, 2)."""
    rng = np.random.default_rng(seed)
    return rng.random((n, 28, 28, 1)), rng.normal(size=(n, 2))


def in_torch(definitions, vae, x, eps, loss_recon):
    """Logits, mu, logvar, the two terms, and gradients in definition order."""
    outputs = [array(part) for part in vae(x, eps)]
    terms = definitions.elbo_terms(vae, x, eps, getattr(definitions, loss_recon))
    (terms[0] + 0.7 * terms[1]).mean().backward()
    return outputs, [array(term) for term in terms], [weight.grad.numpy() for weight in vae.parameters()]


def in_tensorflow(definitions, vae, x, eps, loss_recon):
    """The same, with gradients brought to PyTorch's layouts by the code that moves weights."""
    tf = definitions.tf
    outputs = [array(part) for part in vae(x, eps)]
    with tf.GradientTape() as tape:
        terms = definitions.elbo_terms(vae, x, eps, getattr(definitions, loss_recon))
        loss = tf.reduce_mean(terms[0] + 0.7 * terms[1])
    gradients = tape.gradient(loss, vae.trainable_variables)
    before = checkpoints.state(vae)
    for variable, gradient in zip(vae.trainable_variables, gradients, strict=True):
        variable.assign(gradient)
    moved = list(checkpoints.state(vae).values())
    checkpoints.set_state(vae, before)
    return outputs, [array(term) for term in terms], moved


@pytest.mark.parametrize("loss_recon", LOSSES)
@pytest.mark.parametrize("make", MODELS)
def test_the_same_weights_give_the_same_in_both_tracks(tracks, make, loss_recon):
    torch_side, keras_side = tracks["pytorch"], tracks["tensorflow"]
    torch_side.torch.manual_seed(0)
    models = {track: getattr(tracks[track], make)() for track in lessons.TRACKS}
    rng = np.random.default_rng(1)
    weights = {  # biases are zero at the start, so move everything a little
        key: (value + 0.02 * rng.normal(size=value.shape)).astype(np.float32)
        for key, value in checkpoints.state(models["pytorch"]).items()
    }
    for model in models.values():
        checkpoints.set_state(model, weights)
    x, eps = batch()
    one = in_torch(torch_side, models["pytorch"], tensor(torch_side, x), tensor(torch_side, eps), loss_recon)
    two = in_tensorflow(keras_side, models["tensorflow"], tensor(keras_side, x), tensor(keras_side, eps), loss_recon)
    for a, b in zip(one[0], two[0], strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(b, a, atol=1e-4)
    for a, b in zip(one[1], two[1], strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-5)
    assert len(one[2]) == len(two[2]) == len(weights)
    for a, b in zip(one[2], two[2], strict=True):
        assert a.shape == b.shape
        assert np.linalg.norm(b - a) <= 1e-3 * np.linalg.norm(a)


def test_weights_go_from_keras_to_pytorch(tracks):
    models = {track: tracks[track].make_vae() for track in lessons.TRACKS}
    checkpoints.set_state(models["pytorch"], checkpoints.state(models["tensorflow"]))
    x, eps = batch(3, seed=2)
    logits = [array(models[t](tensor(tracks[t], x), tensor(tracks[t], eps))[0]) for t in lessons.TRACKS]
    np.testing.assert_allclose(logits[0], logits[1], atol=1e-4)


@pytest.mark.parametrize("track", lessons.TRACKS)
@pytest.mark.parametrize("make", MODELS)
def test_parameter_counts(tracks, track, make):
    vae = getattr(tracks[track], make)()
    counts = tuple(tracks[track].count_parameters(part) for part in (vae.encoder, vae.decoder))
    assert counts == MODELS[make]


def test_both_tracks_start_with_weights_of_the_same_spread(tracks):
    tracks["pytorch"].torch.manual_seed(0)
    states = [checkpoints.state(tracks[track].make_vae()) for track in lessons.TRACKS]
    assert states[0].keys() == states[1].keys()
    for key, one in states[0].items():
        other = states[1][key]
        assert one.shape == other.shape
        if key.endswith("bias"):
            assert not one.any() and not other.any()
        elif one.size > 500:  # the largest of a few numbers says little about their bound
            assert np.abs(one).max() == pytest.approx(np.abs(other).max(), rel=0.1), key


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
