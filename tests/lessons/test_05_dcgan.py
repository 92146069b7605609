"""Lesson 5: the tracks agree, networks have the sizes that the text gives, stamps, losses and labels match hand work."""

import numpy as np
import parity
import pytest
from parity import array, tensor

from helpers import checkpoints, lessons

LESSON = "05_dcgan"
GENERATORS = {  # parameters, shape of an image
    "make_generator": (191_955, (32, 32, 3)),
    "report_generator": (3_806_080, (64, 64, 3)),
    "KerasGenerator": (2_747_616, (64, 64, 1)),
    "DenseGenerator": (271_616, (16, 16, 3)),
}
DISCRIMINATORS = {
    "make_discriminator": (76_433, (32, 32, 3)),
    "report_discriminator": (2_763_776, (64, 64, 3)),
    "KerasDiscriminator": (239_361, (64, 64, 1)),
    "DenseDiscriminator": (262_913, (16, 16, 3)),
}
SWITCHES = [{"norm": False}, {"strided": False}, {"hidden": 64}, {"end_norm": True}, {"act": "tanh"}, {"slope": 0.0}]
FLOOR = 1e-6  # of gradients that are zero but for rounding


@pytest.fixture(scope="module")
def tracks():
    return parity.tracks(LESSON)


def run(side, model, inputs, training):
    """The model's output, with or without its training behaviour."""
    if hasattr(side, "tf"):
        return model(inputs, training=training)
    return model.train(training)(inputs)


def alone(training):
    """One network, and its output's squared distance to an aim as a loss."""

    def forward(side, model, inputs, aim):
        out = run(side, model, inputs, training)
        loss = parity.mean(side, (out - aim) ** 2)
        return parity.Forward(outputs=out, losses=[loss], totals=loss)

    return forward


def aim(*shape):
    """Something random for a network to aim at."""
    return np.random.default_rng(7).uniform(-1, 1, size=shape)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("make", GENERATORS)
def test_generators_agree(tracks, make, training):
    models = parity.twins(tracks, lambda side: getattr(side, make)(), spread=0.02)
    codes = np.random.default_rng(1).normal(size=(4, models["pytorch"].latent_dim))
    parity.compare(tracks, models, alone(training), codes, aim(4, *GENERATORS[make][1]), floor=FLOOR)


JUDGED = [(make, training) for make in DISCRIMINATORS for training in (False, True)]
JUDGED.remove(("KerasDiscriminator", True))  # its dropout draws other noise in each track


@pytest.mark.parametrize(("make", "training"), JUDGED)
def test_discriminators_agree(tracks, make, training):
    models = parity.twins(tracks, lambda side: getattr(side, make)(), spread=0.02)
    images = np.random.default_rng(0).uniform(-1, 1, size=(6, *DISCRIMINATORS[make][1]))
    parity.compare(tracks, models, alone(training), images, aim(6), floor=FLOOR)


@pytest.mark.parametrize("player", [0, 1])
@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_pairs_with_a_rule_removed_agree(tracks, switches, player):
    models = parity.twins(tracks, lambda side: side.small_pair(**switches)[player], spread=0.02)
    rng = np.random.default_rng(0)
    codes, images = rng.normal(size=(6, 32)), rng.uniform(-1, 1, size=(6, 16, 16, 3))
    arguments = (codes, aim(6, 16, 16, 3)) if player == 0 else (images, aim(6))
    parity.compare(tracks, models, alone(True), *arguments, floor=FLOOR)


def the_game(side, nets, real, z):
    """Both losses of the lesson, with the labels of a report and the penalty of Eq. 7."""
    game = side.Game.__new__(side.Game)  # without its constructor, which would draw new weights
    game.G, game.D, game.augment = nets["G"], nets["D"], None
    fake = run(side, nets["G"], z, True)
    of_D = side.loss_D(game.judge(real), game.judge(fake), 0.9, 0.05) + 2.0 * game.steepness(real)
    of_G = side.loss_G(game.judge(fake))
    return parity.Forward(outputs=[fake], losses=[of_D, of_G], totals={"D": of_D, "G": of_G})


def test_the_game_agrees(tracks):
    def make(side):
        return {"G": side.make_generator(), "D": side.make_discriminator()}

    rng = np.random.default_rng(2)
    models = parity.twins(tracks, make, spread=0.02)
    images, codes = rng.uniform(-1, 1, size=(8, 32, 32, 3)), rng.normal(size=(8, 64))
    parity.compare(tracks, models, the_game, images, codes, floor=FLOOR)


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_parameter_counts(tracks, track):
    side = tracks[track]
    for make, (count, _) in {**GENERATORS, **DISCRIMINATORS}.items():
        assert side.count_parameters(getattr(side, make)()) == count, make


def test_both_tracks_start_with_weights_of_the_same_spread(tracks):
    tracks["pytorch"].torch.manual_seed(0)
    for make in ("make_generator", "make_discriminator", "report_discriminator"):
        parity.same_spread(*(checkpoints.state(getattr(tracks[track], make)()) for track in lessons.TRACKS))


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_losses_by_hand(tracks, track):
    side = tracks[track]
    zero, two = tensor(side, np.zeros(4)), tensor(side, np.full(4, 2.0))
    assert float(side.loss_D(zero, zero)) == pytest.approx(2 * np.log(2), rel=1e-6)
    assert float(side.loss_G(zero)) == pytest.approx(np.log(2), rel=1e-6)
    assert float(side.loss_D(two, -two)) == pytest.approx(2 * np.log1p(np.exp(-2)), rel=1e-5)
    soft = float(side.loss_D(two, -two, tensor(side, np.full(4, 0.9)), tensor(side, np.full(4, 0.1))))
    cross = -(0.9 * np.log(1 / (1 + np.exp(-2))) + 0.1 * np.log(1 - 1 / (1 + np.exp(-2))))
    assert soft == pytest.approx(2 * cross, rel=1e-5)
    far = tensor(side, np.full(4, 300.0))  # a probability of 1 in float32: the logits keep the loss finite
    assert float(side.loss_G(-far)) == pytest.approx(300, rel=1e-6)


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_spectral_norm_makes_the_largest_singular_value_one(tracks, track):
    side = tracks[track]
    D = side.initialise(side.Discriminator((8, 16), norm="spectral"))
    x = tensor(side, np.random.default_rng(0).normal(size=(2, 16, 16, 3)))
    for _ in range(60):
        D(x) if track == "pytorch" else D(x, training=True)
    state = checkpoints.state(D)
    for i in range(3):
        w, u = state[f"{i:03d}.weight"], state[f"{i:03d}.u"]
        w = w.reshape(len(w), -1)
        # the order of a kernel's entries differs between the tracks and does not change singular values
        v = w.T @ u / np.linalg.norm(w.T @ u)
        assert u @ w @ v == pytest.approx(np.linalg.svd(w, compute_uv=False)[0], rel=0.02)


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_stamps_by_hand_and_against_the_framework(tracks, track):
    side = tracks[track]
    stamped = side.transposed_conv(np.array([[1.0, 2.0]]), np.ones((2, 2)), stride=2, padding=0)
    np.testing.assert_array_equal(stamped, [[1, 1, 2, 2], [1, 1, 2, 2]])
    rng = np.random.default_rng(0)
    for n, k, s, p in ((2, 4, 2, 1), (5, 3, 2, 0), (4, 5, 3, 2)):
        x, kernel = rng.normal(size=(n, n)), rng.normal(size=(k, k))
        ours = side.transposed_conv(x, kernel, s, p)
        assert ours.shape == ((n - 1) * s + k - 2 * p,) * 2
        np.testing.assert_allclose(ours, side.framework_transposed_conv(x, kernel, s, p), atol=1e-5)


def test_checkerboard_share(tracks):
    share = tracks["pytorch"].checkerboard_share
    rows, cols = np.indices((16, 16))
    assert share(((rows + cols) % 2)[None].astype(float)) == pytest.approx(1)
    assert share((rows % 2)[None].astype(float)) == pytest.approx(1)
    assert share(np.sin(2 * np.pi * rows / 16)[None]) == pytest.approx(0, abs=1e-9)
    noise = np.random.default_rng(0).normal(size=(400, 16, 16))
    assert share(noise) == pytest.approx(31 / 255, rel=0.05)


def test_report_labels(tracks):
    labels = tracks["pytorch"].report_labels
    real, fake = labels(np.random.default_rng(0), 100_000)
    assert real.min() >= 0 and real.max() <= 1 and set(fake) == {0.0, 1.0}
    assert fake.mean() == pytest.approx(0.05, abs=0.003)
    loose, _ = labels(np.random.default_rng(0), 100_000, clamp=False, flip=0)
    assert loose.mean() == pytest.approx(0.85, abs=0.002) and loose.std() == pytest.approx(0.15, abs=0.002)
    assert (loose > 1).mean() == pytest.approx(0.1587, abs=0.005)


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_shifts_move_whole_pixels_and_repeat_the_rim(tracks, track):
    side = tracks[track]
    x = np.arange(2 * 4 * 4 * 1, dtype=np.float32).reshape(2, 4, 4, 1)
    rows, cols = np.array([1, 0], dtype=np.int32), np.array([0, -1], dtype=np.int32)
    whole = side.torch.from_numpy if track == "pytorch" else side.tf.constant
    moved = array(side.shifted(tensor(side, x), whole(rows), whole(cols)))
    np.testing.assert_array_equal(moved[0, :, :, 0], x[0, [1, 2, 3, 3], :, 0])
    np.testing.assert_array_equal(moved[1, :, :, 0], x[1][:, [0, 0, 1, 2], 0])
    tinted = array(side.augmented(tensor(side, np.zeros((50, 4, 4, 1))), tint=0.2))
    assert tinted.std(axis=(1, 2, 3)).max() < 1e-6 and 0.05 < tinted[:, 0, 0, 0].std() < 0.2


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_the_average_follows(tracks, track):
    side = tracks[track]
    G, average = side.make_generator((16, 8), 8), side.make_generator((16, 8), 8)
    before, target = checkpoints.state(average), checkpoints.state(G)
    side.follow(average, G, np.float32(0.75))
    for key, value in checkpoints.state(average).items():
        np.testing.assert_allclose(value, 0.75 * before[key] + 0.25 * target[key], atol=1e-6)


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_restart_begins_again(tracks, track):
    side = tracks[track]
    game = side.Game(side.make_generator((16, 8), 8), side.make_discriminator((8, 16)))
    rng = np.random.default_rng(0)
    real, z = tensor(side, rng.uniform(-1, 1, size=(4, 16, 16, 3))), tensor(side, rng.normal(size=(4, 8)))
    for _ in range(3):
        game.step(real, z, np.float32(1e-2))
    moved = checkpoints.state(game.G)
    game.restart()
    again = checkpoints.state(game.G)
    assert not any(value.any() for key, value in again.items() if key.endswith("bias") or "running_mean" in key)
    assert any(np.abs(value).max() > 0 for key, value in moved.items() if "running_mean" in key)
    assert not np.allclose(moved["000.weight"], again["000.weight"])


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_a_discriminator_learns(tracks, track):
    side = tracks[track]
    game = side.Game(side.make_generator((16, 8), 8), side.make_discriminator((8, 16)))
    rng = np.random.default_rng(0)
    real = tensor(side, np.tanh(np.linspace(-2, 2, 16))[None, :, None, None] * np.ones((16, 16, 16, 3)))
    losses = [float(game.step(real, tensor(side, rng.normal(size=(16, 8))), np.float32(2e-3))[0]) for _ in range(25)]
    assert np.mean(losses[-3:]) < 0.9 * losses[0]
