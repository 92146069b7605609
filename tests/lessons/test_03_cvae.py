"""Lesson 3: the tracks agree, the models have the sizes that the text gives, losses match values worked by hand."""

import functools
import math

import numpy as np
import pytest

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


@functools.cache
def definitions(track):
    return lessons.definitions(LESSON, track)


@functools.cache
def pair(name):
    """One model a track, with the same random weights (biases too)."""
    here, there = (getattr(definitions(track), name)() for track in lessons.TRACKS)
    rng = np.random.default_rng(4)
    start = checkpoints.state(here)
    weights = {k: (w + 0.1 * rng.standard_normal(w.shape)).astype(np.float32) for k, w in start.items()}
    checkpoints.set_state(here, weights)
    checkpoints.set_state(there, weights)
    return here, there


def as_torch(array):
    import torch

    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor.permute(0, 3, 1, 2) if tensor.ndim == 4 else tensor


def as_numpy(tensor):
    if hasattr(tensor, "detach"):
        tensor = tensor.detach()
        return (tensor.permute(0, 2, 3, 1) if tensor.ndim == 4 else tensor).numpy()
    return tensor.numpy()


def inputs_of(name, model):
    x, y = (IMAGES, LABELS) if name.endswith("CVAE") else (FLAT, MASK)
    eps = np.random.default_rng(5).standard_normal((6, model.latent_dim)).astype(np.float32)
    return x, y, eps


@pytest.mark.parametrize(("name", "count"), MODELS.items())
def test_parameter_counts(name, count):
    for track, model in zip(lessons.TRACKS, pair(name), strict=True):
        assert definitions(track).count_parameters(model) == count


@pytest.mark.parametrize("name", ["ReportCVAE", "CVAE"])
def test_label_models_give_the_same_output(name):
    import tensorflow as tf

    here, there = pair(name)
    ours = here.encode(as_torch(IMAGES), as_torch(LABELS))
    theirs = there.encode(tf.constant(IMAGES), tf.constant(LABELS))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(as_numpy(a), as_numpy(b), atol=1e-4)
    z = np.random.default_rng(6).standard_normal((6, here.latent_dim)).astype(np.float32)
    a, b = here.decode(as_torch(z), as_torch(LABELS)), there.decode(tf.constant(z), tf.constant(LABELS))
    assert as_numpy(a).shape == (6, 28, 28, 1)
    np.testing.assert_allclose(as_numpy(a), as_numpy(b), atol=1e-4)


def test_completion_models_give_the_same_output():
    import tensorflow as tf

    (base, completion), (tf_base, tf_completion) = zip(pair("Baseline"), pair("Completion"), strict=True)
    seen = FLAT * MASK
    ours, theirs = base.guess(as_torch(seen)), tf_base.guess(tf.constant(seen))
    np.testing.assert_allclose(as_numpy(ours), as_numpy(theirs), atol=1e-4)
    for method, x in (("recognise", FLAT), ("prior", seen)):
        ours, theirs = getattr(completion, method)(as_torch(x)), getattr(tf_completion, method)(tf.constant(x))
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(as_numpy(a), as_numpy(b), atol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_losses_and_gradients_agree(name):
    import tensorflow as tf

    here, there = pair(name)
    x, y, eps = inputs_of(name, here)
    ours = getattr(definitions("pytorch"), LOSS_OF[name])(here, as_torch(x), as_torch(y), as_torch(eps))
    here.zero_grad()
    (ours[0] + 3 * ours[1]).mean().backward()
    with tf.GradientTape() as tape:
        theirs = getattr(definitions("tensorflow"), LOSS_OF[name])(there, *map(tf.constant, (x, y, eps)))
        total = tf.reduce_mean(theirs[0] + 3 * theirs[1])
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(as_numpy(a), as_numpy(b), rtol=1e-5, atol=1e-5)
    mine = {k: p.grad.numpy() for k, p in zip(checkpoints.state(here), here.parameters(), strict=True)}
    gradients = tape.gradient(total, there.trainable_variables)
    values = [v.numpy() for v in there.trainable_variables]
    for variable, gradient in zip(there.trainable_variables, gradients, strict=True):
        variable.assign(gradient)  # the gradients, in PyTorch's layout, by way of the weights' conversion
    other = checkpoints.state(there)
    for variable, value in zip(there.trainable_variables, values, strict=True):
        variable.assign(value)
    assert set(mine) == set(other)
    for key, gradient in mine.items():
        scale = np.abs(gradient).max() + 1e-6
        assert np.abs(gradient - other[key]).max() <= 1e-3 * scale, f"gradient of {name} {key} differs"


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_losses_by_hand(track):
    d = definitions(track)
    tensor = as_torch if track == "pytorch" else __import__("tensorflow").constant
    zero = np.zeros((2, 28, 28, 1), np.float32)
    grey = d.bernoulli_loss(tensor(zero), tensor(zero + 0.3))
    np.testing.assert_allclose(as_numpy(grey), 784 * math.log(2), rtol=1e-5)
    column = [tensor(np.full((1, 1), v, np.float32)) for v in (1.0, 0.0, 3.0, math.log(4.0))]
    by_hand = 0.5 * (math.log(4) + (1 + 4) / 4 - 1)  # N(1, 1) from N(3, 4)
    np.testing.assert_allclose(as_numpy(d.kl_between(*column)), by_hand, rtol=1e-5)
    np.testing.assert_allclose(as_numpy(d.kl_divergence(column[0], column[1])), 0.5, rtol=1e-6)
    flat, mask = tensor(np.zeros((1, 784), np.float32)), tensor(MASK[:1])
    np.testing.assert_allclose(as_numpy(d.hidden_loss(flat, flat, mask)), 392 * math.log(2), rtol=1e-5)


def test_both_tracks_start_from_the_same_weights():
    starts = []
    for track in lessons.TRACKS:
        d = definitions(track)
        starts.append(checkpoints.state(d.initialise(d.CVAE(), np.random.default_rng([0, 11]))))
    assert starts[0].keys() == starts[1].keys()
    for key, weight in starts[0].items():
        np.testing.assert_array_equal(weight, starts[1][key])
        fan = (weight.shape[0] + weight.shape[1]) * math.prod(weight.shape[2:]) if weight.ndim > 1 else math.inf
        assert np.abs(weight).max() <= math.sqrt(6 / fan)


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_a_label_is_a_bias_of_the_first_layer(track):
    d, model = definitions(track), pair("ReportCVAE")[lessons.TRACKS.index(track)]
    tensor = as_torch if track == "pytorch" else __import__("tensorflow").constant
    black, labels = np.zeros((10, 28, 28, 1), np.float32), np.eye(10, dtype=np.float32)
    out = as_numpy(model.first_layer(tensor(black), tensor(labels)))
    state = checkpoints.state(model)
    by_hand = np.maximum(state["000.weight"][:, 1:].sum(axis=(2, 3)).T + state["000.bias"], 0)
    np.testing.assert_allclose(out, np.broadcast_to(by_hand[:, None, None], out.shape), atol=1e-4)
    assert d.count_parameters(model) == MODELS["ReportCVAE"]


@pytest.mark.parametrize("name", ["ReportCVAE", "CVAE"])
def test_every_output_pixel_depends_on_z(name):
    model = pair(name)[0]
    rng = np.random.default_rng(7)
    z = rng.standard_normal((40, model.latent_dim)).astype(np.float32) * 3
    images = as_numpy(model.decode(as_torch(z), as_torch(np.eye(10, dtype=np.float32)[rng.integers(0, 10, 40)])))
    assert (images.std(axis=0) > 1e-4).all()
