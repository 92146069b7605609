"""Lesson 6's networks: both tracks agree, sizes are those of the text, a logit sees 70×70 pixels; baselines by hand."""

import numpy as np
import parity
import pytest
from parity import array, tensor

from helpers import checkpoints, lessons

LESSON = "06_cyclegan"
BOTH = pytest.mark.parametrize("track", lessons.TRACKS)
FLOOR = 1e-6  # of gradients that are zero but for rounding


@pytest.fixture(scope="module")
def tracks():
    return parity.tracks(LESSON)


def pictures(*shape, seed=0):
    """Random pictures in [-1, 1]."""
    return np.random.default_rng(seed).uniform(-1, 1, size=shape)


def run(side, model, images, training=False):
    """The model's output, with or without its training behaviour."""
    return model(images, training=training) if hasattr(side, "tf") else model.train(training)(images)


def alone(side, model, images, aim):
    """One network, and its output's squared distance to an aim as a loss."""
    out = run(side, model, images)
    loss = parity.mean(side, (out - aim) ** 2)
    return parity.Forward(outputs=out, losses=[loss], totals=loss)


NETWORKS = {  # how it is made, side of the picture, shape of the output
    "U-Net": (lambda side: side.UNet(width=4, levels=4), 32, (32, 32, 3)),
    "U-Net, grey": (lambda side: side.UNet(width=4, levels=3, channels=1), 16, (16, 16, 1)),
    "PatchGAN": (lambda side: side.make_patchgan(width=4), 48, (4, 4, 1)),
    "PatchGAN, plain": (lambda side: side.make_patchgan(width=4, norm=False), 48, (4, 4, 1)),
    "generator": (lambda side: side.make_generator(), 32, (32, 32, 3)),
    "generator, other": (lambda side: side.make_generator(width=8, blocks=1, detail=4), 24, (24, 24, 3)),
    "discriminator": (lambda side: side.make_discriminator(), 32, (6, 6, 1)),
    "discriminator, deep": (lambda side: side.make_discriminator(8, 3), 64, (6, 6, 1)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_weights_give_the_same_in_both_tracks(tracks, name):
    make, side, shape = NETWORKS[name]
    models = parity.twins(tracks, make, spread=0.05)
    channels = 1 if "grey" in name else 3
    measured = parity.compare(
        tracks, models, alone, pictures(2, side, side, channels), pictures(2, *shape, seed=7), floor=FLOOR
    )
    assert measured["pytorch"].outputs[0].shape == (2, *shape)


def test_a_u_net_down_to_one_pixel_agrees(tracks):
    models = parity.twins(tracks, lambda side: side.make_unet(width=4, levels=4), spread=0.05)
    inside = {track: side.bottleneck(models[track], pictures(2, 16, 16, 3)) for track, side in tracks.items()}
    for one, other in zip(*inside.values(), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3)  # the last is 0 but for rounding, times the 316 of 1/√ε
    parity.compare(
        tracks, models, lambda *given: parity.Forward(outputs=run(*given[:3])), pictures(2, 16, 16, 3), floor=FLOOR
    )


def traced_shape(side, model, *shape):
    """The shape of the output for images of this shape (N, H, W, C), without computing it; as (N, H, W, C)."""
    if hasattr(side, "tf"):
        return tuple(side.tf.function(model).get_concrete_function(side.tf.TensorSpec(shape)).output_shapes)
    n, h, w, c = shape
    n, c, h, w = model(side.torch.empty((n, c, h, w), device="meta")).shape
    return n, h, w, c


def unbuilt(side, make):
    """A network for its sizes alone: in PyTorch without memory for the weights."""
    if hasattr(side, "tf"):
        return make()
    with side.torch.device("meta"):
        return make()


@BOTH
def test_the_report_s_u_net(tracks, track):
    side = tracks[track]
    G = unbuilt(side, side.UNet)
    widths = [64, 128, 256, 512, 512, 512, 512, 512]
    up_in, up_out = [512, 1024, 1024, 1024, 1024, 512, 256], [512, 512, 512, 512, 256, 128, 64]
    assert [len(part) for part in (G.downs, G.norms_down, G.ups, G.norms_up)] == [8, 7, 7, 7]
    kernels = [tuple(layer.weight.shape) if track == "pytorch" else layer.kernel.shape for layer in (*G.downs, *G.ups)]
    down = [(b, a, 4, 4) for a, b in zip((3, *widths), widths, strict=False)]
    up = [(a, b, 4, 4) for a, b in zip(up_in, up_out, strict=True)]
    as_torch = kernels if track == "pytorch" else [(o, i, h, w) for h, w, i, o in kernels]
    assert as_torch == down + up
    by_hand = sum(16 * a * b for a, b, *_ in down + up) + 2 * (sum(widths[1:]) + sum(up_out)) + 16 * 128 * 3 + 3
    assert side.count_parameters(G) == by_hand == 54_414_979
    assert traced_shape(side, G, 1, 256, 256, 3) == (1, 256, 256, 3)


@BOTH
def test_the_70_by_70_patchgan_gives_30_by_30_logits(tracks, track):
    side = tracks[track]
    D = unbuilt(side, side.PatchGAN)
    assert side.count_parameters(D) == 2_765_569
    assert traced_shape(side, D, 2, 256, 256, 3) == (2, 30, 30, 1)
    assert len(D.convs) == 4 and len(D.norms) == 3


@BOTH
def test_sizes_of_the_lesson_s_players(tracks, track):
    side = tracks[track]
    G, D = side.make_generator(), side.make_discriminator()
    down, blocks, up = 16 * 3 * 32 + 32, 3 * 2 * (9 * 32 * 32 + 32), 16 * 32 * 16 + 16
    assert side.count_parameters(G) == down + blocks + up + 9 * 19 * 16 + 16 + 9 * 16 * 3 + 3
    assert side.count_parameters(D) == 16 * (3 * 32 + 32 * 64 + 64 * 128 + 128) + 1 + 2 * (64 + 128)
    for resolution, logits in ((32, 6), (64, 14)):
        shape = (2, resolution, resolution, 3)
        images = np.zeros(shape, np.float32)
        assert side.apply(G, images).shape == shape
        assert side.apply(D, images).shape == (2, logits, logits, 1)


def layers_of(track, D):
    """Kernels and strides of a PatchGAN, read from its layers."""
    convs = [*D.convs, D.out]
    strides = [layer.stride if track == "pytorch" else layer.strides for layer in convs]
    return [layer.kernel_size[0] for layer in convs], [stride[0] for stride in strides]


@BOTH
@pytest.mark.parametrize(("halvings", "resolution", "square"), [(3, 256, 70), (2, 64, 34), (1, 32, 16)])
def test_a_logit_s_square_by_formula_and_by_gradient(tracks, track, halvings, resolution, square):
    side = tracks[track]
    D = side.make_patchgan(width=4, halvings=halvings, norm=False)
    kernels, strides = layers_of(track, D)
    assert (kernels, strides) == ([4] * (halvings + 2), [2] * halvings + [1, 1])
    backwards, forwards, jump = 1, 1, 1
    for k, s in zip(kernels[::-1], strides[::-1], strict=True):
        backwards = (backwards - 1) * s + k
    for k, s in zip(kernels, strides, strict=True):
        forwards, jump = forwards + (k - 1) * jump, jump * s
    assert backwards == forwards == square
    images, middle = pictures(1, resolution, resolution, 3), (resolution // 2**halvings - 2) // 2
    first, second = (side.reach(D, images, middle, middle + i) > 0 for i in (0, 1))
    assert first.shape == (resolution, resolution) and first.sum() == square**2
    assert first.any(axis=0).sum() == first.any(axis=1).sum() == square
    moved = np.argmax(second.any(axis=0)) - np.argmax(first.any(axis=0))
    assert moved == 2**halvings  # the next logit looks that much further on


@BOTH
def test_with_instance_normalisation_every_pixel_has_a_say(tracks, track):
    side = tracks[track]
    seen = side.reach(side.make_patchgan(width=4, halvings=1), pictures(1, 32, 32, 3), 7, 7) > 0
    assert seen.sum() > 0.9 * 32 * 32


@BOTH
def test_instance_norm_against_numpy(tracks, track):
    side = tracks[track]
    layer = side.InstanceNorm(2) if track == "pytorch" else side.InstanceNorm()
    x = 3 + 2 * pictures(4, 5, 6, 2)
    weights = [np.array([1.5, -0.5]), np.array([0.2, 4.0])]
    layer(tensor(side, x))
    for i, weight in enumerate(weights):
        own = list(layer.parameters())[i].data.copy_ if track == "pytorch" else layer.weights[i].assign
        own(tensor(side, weight))
    m, v = x.mean(axis=(1, 2), keepdims=True), x.var(axis=(1, 2), keepdims=True)
    expected = weights[0] * (x - m) / np.sqrt(v + 1e-5) + weights[1]
    np.testing.assert_allclose(array(layer(tensor(side, x))), expected, atol=2e-5)
    np.testing.assert_allclose(array(layer(tensor(side, x[2:3]))), expected[2:3], atol=2e-5)  # no neighbour counts
    one = array(layer(tensor(side, x[:, :1, :1])))
    np.testing.assert_allclose(one, np.broadcast_to(weights[1], one.shape), atol=5e-3)


@BOTH
def test_the_middle_of_a_u_net_is_the_same_for_all_pictures(tracks, track):
    side = tracks[track]
    maps = side.bottleneck(side.initialise(side.UNet(width=4, levels=4), std=None), pictures(2, 16, 16, 3))
    assert [part.shape for part in maps] == [(2, 4, 4, 8), (2, 2, 2, 16), (2, 1, 1, 32)]
    apart = [np.abs(part[0] - part[1]).max() for part in maps]
    assert apart[0] > 0.1 and apart[1] > 0.1 and apart[2] < 5e-3


@BOTH
def test_dropout_is_in_the_first_three_upsampling_blocks(tracks, track):
    side = tracks[track]
    if track == "pytorch":
        side.torch.manual_seed(0)
    for levels in range(2, 7):
        G = side.initialise(side.UNet(width=4, levels=levels), std=None)
        for up in G.ups[:-1]:  # silent, so that only the last block before the picture can differ
            _ = up.weight.data.zero_() if track == "pytorch" else up.kernel.assign(0 * up.kernel)
        images = tensor(side, pictures(1, 2 * 2**levels, 2 * 2**levels, 3))  # 2×2 in the middle, so that it lives
        first, second = (array(run(side, G, images, training=True)) for _ in range(2))
        assert (np.abs(first - second).max() > 1e-4) == (len(G.ups) <= 3), levels
        np.testing.assert_array_equal(*(array(run(side, G, images)) for _ in range(2)))


@pytest.mark.parametrize("std", [0.02, None])
def test_both_tracks_start_alike(tracks, std):
    tracks["pytorch"].torch.manual_seed(0)
    makers = (lambda side: side.UNet(8, 4), lambda side: side.PatchGAN(16), lambda side: side.ResNetGenerator())
    for make in makers:
        states = {track: checkpoints.state(side.initialise(make(side), std)) for track, side in tracks.items()}
        parity.same_spread(*states.values())
        for state in states.values():
            kernels = [w for w in state.values() if w.ndim == 4]
            vectors = [w for w in state.values() if w.ndim == 1]
            assert all(np.all(w == w[0]) and w[0] in (0, 1) for w in vectors)  # shifts and biases 0, scales 1
            assert std is None or np.concatenate([w.ravel() for w in kernels]).std() == pytest.approx(0.02, rel=0.05)


@BOTH
def test_a_translator_starts_near_the_picture_itself(tracks, track):
    side = tracks[track]
    x = np.random.default_rng(0).integers(0, 256, size=(7, 16, 16, 3), dtype=np.uint8)
    G, kept = side.make_generator(), 0.5 + 0.5 * np.tanh(2 * (2 * (x / 255) - 1))
    made = side.translate(G, x)
    assert made.shape == x.shape and made.dtype == np.float32 and made.min() >= 0 and made.max() <= 1
    assert 1e-4 < np.abs(made - kept).mean() < 0.1
    state = checkpoints.state(G)
    last = max(state)[:3]
    checkpoints.set_state(G, state | {key: 0 * state[key] for key in state if key.startswith(last)})
    np.testing.assert_allclose(side.translate(G, x), kept, atol=1e-6)  # without a change, tanh(2 x)


@BOTH
def test_translate_takes_bytes_and_floats_in_any_batches(tracks, track):
    side = tracks[track]
    G = side.initialise(side.ResNetGenerator(8, 1, 4), std=None)
    x = np.random.default_rng(0).integers(0, 256, size=(7, 16, 16, 3), dtype=np.uint8)
    whole = side.translate(G, x)
    np.testing.assert_allclose(side.translate(G, x, batch=3), whole, atol=1e-5)
    np.testing.assert_allclose(side.translate(G, x / 255), whole, atol=1e-5)
    np.testing.assert_allclose(side.translate(G, x[:, :, ::-1][:, :, ::-1]), whole, atol=1e-5)  # negative steps


@BOTH
def test_pictures_that_do_not_fit_are_refused(tracks, track):
    side = tracks[track]
    for model, shape in (
        (side.UNet(width=4, levels=3), (1, 12, 12, 3)),  # no multiple of 8
        (side.make_generator(4, 1, 4), (1, 15, 15, 3)),  # odd
        (side.make_generator(4, 1, 4), (1, 16, 16, 1)),  # one channel
        (side.make_discriminator(4), (1, 8, 8, 3)),  # too small for a single patch
    ):
        if track == "tensorflow" and shape[1] == 8:
            continue  # some CPUs' kernels of TensorFlow 2.21 give the last layer's input back here, without an error
        with pytest.raises(Exception) as caught:
            side.apply(model, np.zeros(shape, np.float32))
        assert not isinstance(caught.value, AttributeError | NameError)


@BOTH
def test_both_translators_go_into_one_checkpoint_and_out_again(tracks, track):
    side = tracks[track]
    one, two = (side.initialise(side.ResNetGenerator(8, 1, 4), std=None) for _ in "GG")
    state = side.packed(one, two)
    for model, way in ((one, "ab"), (two, "ba")):
        fresh = side.make_generator(8, 1, 4)
        checkpoints.set_state(fresh, side.unpacked(state, way))
        for key, value in checkpoints.state(model).items():
            np.testing.assert_array_equal(checkpoints.state(fresh)[key], value)
    for wrong in (side.unpacked(state, "ac"), side.unpacked(state, "ab") | {"099.weight": np.zeros(1)}):
        with pytest.raises(checkpoints.CheckpointError, match="another model"):
            checkpoints.set_state(one, wrong)
    with pytest.raises(checkpoints.CheckpointError, match="another size"):
        checkpoints.set_state(side.make_generator(16, 1, 4), side.unpacked(state, "ab"))


def test_colour_transfer_brings_the_target_s_mean_and_covariance(tracks):
    side, rng = tracks["pytorch"], np.random.default_rng(0)
    mix_a, mix_b = rng.normal(size=(2, 3, 3))
    source = 0.5 + 0.02 * rng.normal(size=(6, 8, 8, 3)) @ mix_a
    target = 0.45 + 0.02 * rng.normal(size=(5, 8, 8, 3)) @ mix_b
    moved = side.colour_transfer(source, source, target)
    flat, aim = moved.reshape(-1, 3), target.reshape(-1, 3)
    np.testing.assert_allclose(flat.mean(axis=0), aim.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(np.cov(flat.T), np.cov(aim.T), atol=1e-6)
    np.testing.assert_allclose(side.colour_transfer(source, source, source), source, atol=1e-5)
    steps = side.colour_transfer(0.4 + 0.01 * np.eye(3).reshape(1, 1, 3, 3), source, target)[0, 0]
    T = (steps - side.colour_transfer(np.full((1, 1, 1, 3), 0.4), source, target)[0, 0]) / 0.01
    np.testing.assert_allclose(T, T.T, atol=1e-3)  # the symmetric one, which moves colours least
    assert (np.linalg.eigvalsh(T) > 0).all()
    wild = side.colour_transfer(rng.uniform(-1, 2, size=(2, 4, 4, 3)), source, target)
    assert wild.min() == 0 and wild.max() == 1 and wild.dtype == np.float32


def test_a_matrix_root_and_the_nearest_picture(tracks):
    side, rng = tracks["pytorch"], np.random.default_rng(1)
    half = rng.normal(size=(3, 5))
    matrix = half @ half.T
    np.testing.assert_allclose(side.root(matrix) @ side.root(matrix), matrix, atol=1e-9)
    np.testing.assert_allclose(side.root(np.diag([4.0, 9.0])), np.diag([2.0, 3.0]), atol=1e-12)
    pool = rng.integers(0, 256, size=(9, 4, 4, 3), dtype=np.uint8)
    found = side.nearest(pool[[7, 2]] / 255 + 0.01 * rng.normal(size=(2, 4, 4, 3)), pool)
    np.testing.assert_allclose(found, pool[[7, 2]] / 255, atol=1e-6)
