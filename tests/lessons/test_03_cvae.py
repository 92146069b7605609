"""Lesson 3: the tracks agree, the models have the sizes that the text gives, losses match values worked by hand."""

import functools
import math

import numpy as np
import parity
import pytest
from parity import array, tensor

from helpers import checkpoints, lessons

LESSON = "03_cvae"
RNG = np.random.default_rng(3)
IMAGES = RNG.uniform(size=(6, 28, 28, 1)).astype(np.float32)
LABELS = np.eye(10, dtype=np.float32)[[0, 3, 9, 1, 7, 7]]
FLAT = IMAGES.reshape(6, 784)
MASK = np.zeros((28, 28), np.float32)
MASK[:, :14] = 1
MASK = np.tile(MASK.reshape(1, 784), (6, 1))
MODELS = {"ReportCVAE": 343_581, "CVAE": 436_281, "Baseline": 561_784, "Completion": 1_044_816}
LOSS_OF = {"ReportCVAE": "cvae_loss", "CVAE": "cvae_loss", "Baseline": "baseline_loss", "Completion": "completion_loss"}


@pytest.fixture(scope="module")
def tracks():
    return parity.tracks(LESSON)


@pytest.fixture(scope="module")
def pairs(tracks):
    """Class name → one model a track, with the same random weights (biases too)."""
    return {name: parity.twins(tracks, lambda side, name=name: getattr(side, name)(), seed=4) for name in MODELS}


def inputs_of(name, model):
    x, y = (IMAGES, LABELS) if name.endswith("CVAE") else (FLAT, MASK)
    eps = np.random.default_rng(5).standard_normal((6, model.latent_dim)).astype(np.float32)
    return x, y, eps


@pytest.mark.parametrize(("name", "count"), MODELS.items())
def test_parameter_counts(tracks, pairs, name, count):
    for track, side in tracks.items():
        assert side.count_parameters(pairs[name][track]) == count


@pytest.mark.parametrize("name", ["ReportCVAE", "CVAE"])
def test_label_models_give_the_same_output(tracks, pairs, name):
    def forward(side, model, x, y, z):
        return parity.Forward([*model.encode(x, y), model.decode(z, y)])

    z = np.random.default_rng(6).standard_normal((6, pairs[name]["pytorch"].latent_dim))
    measured = parity.compare(tracks, pairs[name], forward, IMAGES, LABELS, z)
    assert measured["pytorch"].outputs[2].shape == (6, 28, 28, 1)


def test_completion_models_give_the_same_output(tracks, pairs):
    def guess(side, base, seen):
        return parity.Forward([base.guess(seen)])

    def beliefs(side, completion, x, seen):
        return parity.Forward([*completion.recognise(x), *completion.prior(seen)])

    parity.compare(tracks, pairs["Baseline"], guess, FLAT * MASK)
    parity.compare(tracks, pairs["Completion"], beliefs, FLAT, FLAT * MASK)


@pytest.mark.parametrize("name", MODELS)
def test_losses_and_gradients_agree(tracks, pairs, name):
    def forward(side, model, x, y, eps):
        terms = getattr(side, LOSS_OF[name])(model, x, y, eps)
        return parity.Forward([], terms, parity.mean(side, terms[0] + 3 * terms[1]))

    parity.compare(tracks, pairs[name], forward, *inputs_of(name, pairs[name]["pytorch"]), floor=1e-9)


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_losses_by_hand(tracks, track):
    d = tracks[track]
    tensor = functools.partial(parity.tensor, d)
    zero = np.zeros((2, 28, 28, 1), np.float32)
    grey = d.bernoulli_loss(tensor(zero), tensor(zero + 0.3))
    np.testing.assert_allclose(array(grey), 784 * math.log(2), rtol=1e-5)
    column = [tensor(np.full((1, 1), v, np.float32)) for v in (1.0, 0.0, 3.0, math.log(4.0))]
    by_hand = 0.5 * (math.log(4) + (1 + 4) / 4 - 1)  # N(1, 1) from N(3, 4)
    np.testing.assert_allclose(array(d.kl_between(*column)), by_hand, rtol=1e-5)
    np.testing.assert_allclose(array(d.kl_divergence(column[0], column[1])), 0.5, rtol=1e-6)
    flat, mask = tensor(np.zeros((1, 784), np.float32)), tensor(MASK[:1])
    np.testing.assert_allclose(array(d.hidden_loss(flat, flat, mask)), 392 * math.log(2), rtol=1e-5)


def test_both_tracks_start_from_the_same_weights(tracks):
    starts = []
    for d in tracks.values():
        starts.append(checkpoints.state(d.initialise(d.CVAE(), np.random.default_rng([0, 11]))))
    assert starts[0].keys() == starts[1].keys()
    for key, weight in starts[0].items():
        np.testing.assert_array_equal(weight, starts[1][key])
        fan = (weight.shape[0] + weight.shape[1]) * math.prod(weight.shape[2:]) if weight.ndim > 1 else math.inf
        assert np.abs(weight).max() <= math.sqrt(6 / fan)


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_a_label_is_a_bias_of_the_first_layer(tracks, pairs, track):
    d, model = tracks[track], pairs["ReportCVAE"][track]
    tensor = functools.partial(parity.tensor, d)
    black, labels = np.zeros((10, 28, 28, 1), np.float32), np.eye(10, dtype=np.float32)
    out = array(model.first_layer(tensor(black), tensor(labels)))
    state = checkpoints.state(model)
    by_hand = np.maximum(state["000.weight"][:, 1:].sum(axis=(2, 3)).T + state["000.bias"], 0)
    np.testing.assert_allclose(out, np.broadcast_to(by_hand[:, None, None], out.shape), atol=1e-4)
    assert d.count_parameters(model) == MODELS["ReportCVAE"]


@pytest.mark.parametrize("name", ["ReportCVAE", "CVAE"])
def test_every_output_pixel_depends_on_z(tracks, pairs, name):
    model, side = pairs[name]["pytorch"], tracks["pytorch"]
    rng = np.random.default_rng(7)
    z = rng.standard_normal((40, model.latent_dim)) * 3
    images = array(model.decode(tensor(side, z), tensor(side, np.eye(10)[rng.integers(0, 10, 40)])))
    assert (images.std(axis=0) > 1e-4).all()
