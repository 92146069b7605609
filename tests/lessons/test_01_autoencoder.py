"""Lesson 1: both tracks agree when weights move over, and the lesson's hand-worked values hold."""

import numpy as np
import pytest

from helpers import checkpoints, lessons

LESSON = "01_autoencoder"
MODELS = {"linear": ("LinearAutoencoder", 6), "conv": ("ConvAutoencoder", 16), "open": ("OpenAutoencoder", None)}
PARAMETERS = {"linear": 10_198, "conv": 847_889, "open": 37_569}


@pytest.fixture(scope="module")
def tracks():
    pytest.importorskip("torch")
    pytest.importorskip("tensorflow")
    return {track: lessons.definitions(LESSON, track) for track in lessons.TRACKS}


def make(definitions, name):
    """One of the lesson's models."""
    class_name, latent_dim = MODELS[name]
    model_class = getattr(definitions, class_name)
    return model_class() if latent_dim is None else model_class(latent_dim)


def images(n=5, seed=0):
    """Random images (n, 28, 28, 1), float32 in [0, 1]."""
    return np.random.default_rng(seed).random((n, 28, 28, 1), dtype=np.float32)


def in_torch(definitions, model, x):
    """Reconstruction (NHWC), loss and canonical gradients in PyTorch."""
    tensor = definitions.torch.from_numpy(x).permute(0, 3, 1, 2)
    x_hat = model(tensor)
    loss = definitions.squared_error(tensor, x_hat).mean()
    loss.backward()
    state = {name: parameter.grad.numpy() for name, parameter in model.named_parameters()}
    return x_hat.detach().permute(0, 2, 3, 1).numpy(), float(loss.detach()), list(state.values())


def in_tensorflow(definitions, model, x):
    """Reconstruction, loss and gradients, brought to PyTorch's layouts, in TensorFlow."""
    tf = definitions.tf
    tensor = tf.constant(x)
    with tf.GradientTape() as tape:
        x_hat = model(tensor)
        loss = tf.reduce_mean(definitions.squared_error(tensor, x_hat))
    gradients = tape.gradient(loss, model.trainable_variables)
    before = checkpoints.state(model)
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        variable.assign(gradient)  # so that the checkpoint code turns the gradients' layouts as it does the weights'
    moved = checkpoints.state(model)
    checkpoints.set_state(model, before)
    return x_hat.numpy(), float(loss), list(moved.values())


@pytest.mark.parametrize("name", MODELS)
def test_the_same_weights_give_the_same_in_both_tracks(tracks, name):
    definitions = tracks["pytorch"]
    definitions.torch.manual_seed(0)
    torch_model, keras_model = make(definitions, name), make(tracks["tensorflow"], name)
    weights = checkpoints.state(torch_model)
    rng = np.random.default_rng(1)
    weights = {key: (w + 0.1 * rng.normal(size=w.shape)).astype(np.float32) for key, w in weights.items()}  # biases too
    for model in (torch_model, keras_model):
        checkpoints.set_state(model, weights)
    x = images()
    hat_torch, loss_torch, grads_torch = in_torch(definitions, torch_model, x)
    hat_keras, loss_keras, grads_keras = in_tensorflow(tracks["tensorflow"], keras_model, x)
    scale = max(1.0, np.abs(hat_torch).max())
    np.testing.assert_allclose(hat_keras, hat_torch, atol=1e-4 * scale)
    assert loss_keras == pytest.approx(loss_torch, rel=1e-5)
    assert len(grads_keras) == len(grads_torch) == len(weights)
    for one, other in zip(grads_keras, grads_torch, strict=True):
        assert one.shape == other.shape
        assert np.linalg.norm(one - other) <= 1e-3 * np.linalg.norm(other)


def test_weights_go_back_from_keras_to_pytorch(tracks):
    keras_model, torch_model = (make(tracks[track], "conv") for track in ("tensorflow", "pytorch"))
    checkpoints.set_state(torch_model, checkpoints.state(keras_model))
    x = images(3, seed=2)
    with tracks["pytorch"].torch.no_grad():
        x_hat = torch_model(tracks["pytorch"].torch.from_numpy(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(keras_model(x).numpy(), x_hat, atol=1e-4)


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
    states = [checkpoints.state(make(tracks[track], "conv")) for track in lessons.TRACKS]
    for (name, one), other in zip(states[0].items(), states[1].values(), strict=True):
        assert one.shape == other.shape
        assert np.abs(one).max() == pytest.approx(np.abs(other).max(), rel=0.1), name  # the same bounds


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_squared_error_by_hand(tracks, track):
    x = np.array([[0, 1], [1, 1]], dtype=np.float32).reshape(2, 1, 2, 1)
    x_hat = np.array([[0.5, 1], [0, 0.8]], dtype=np.float32).reshape(2, 1, 2, 1)
    if track == "pytorch":
        x, x_hat = (tracks[track].torch.from_numpy(a).permute(0, 3, 1, 2) for a in (x, x_hat))
    error = np.asarray(tracks[track].squared_error(x, x_hat))
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
