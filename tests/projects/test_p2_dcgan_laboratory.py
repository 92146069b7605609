"""Project 2: the report's networks are lesson 5's, losses and augmentation match hand work, its measures say what they claim."""

import numpy as np
import pytest

from helpers import lessons

PROJECT = "p2_dcgan_laboratory"


@pytest.fixture(scope="module")
def own():
    return lessons.definitions(PROJECT, "tensorflow")


@pytest.fixture(scope="module")
def lesson():
    return lessons.definitions("05_dcgan", "tensorflow")


@pytest.fixture(scope="module")
def tf(own):
    return own.tf


def parts(model):
    """Every layer with weights, in order: its kind and what makes it what it is."""
    keep = ("filters", "units", "kernel_size", "strides", "padding", "use_bias", "momentum", "epsilon")
    return [
        (type(layer).__name__, {name: value for name, value in layer.get_config().items() if name in keep})
        for layer in model._flatten_layers(include_self=False)
        if layer.weights
    ]


def count(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)


PLAYERS = [("Generator", "KerasGenerator", 2_747_616), ("Discriminator", "KerasDiscriminator", 239_361)]


@pytest.mark.parametrize(("name", "name_of_lesson", "parameters"), PLAYERS)
def test_the_reports_networks_are_those_of_lesson_5(own, lesson, name, name_of_lesson, parameters):
    mine, theirs = getattr(own, name)(), getattr(lesson, name_of_lesson)()
    assert count(mine) == count(theirs) == parameters
    assert parts(mine) == parts(theirs)
    rng = np.random.default_rng(0)
    values = [rng.normal(scale=0.1, size=weight.shape) ** 2 for weight in theirs.weights if "seed" not in weight.name]
    for model in (mine, theirs):
        for weight, value in zip([w for w in model.weights if "seed" not in w.name], values, strict=True):
            weight.assign(value)
    x = rng.normal(size=(2, 100) if name == "Generator" else (2, 64, 64, 1)).astype(np.float32)
    np.testing.assert_allclose(mine(x).numpy(), theirs(x).numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("side", [32, 64, 128])
def test_shapes_at_every_resolution(own, tf, side):
    G, D = own.Generator(side, 16), own.Discriminator(side, 4)
    images = G(tf.zeros((3, 100)))
    assert images.shape == (3, side, side, 1) and D(images).shape == (3,)
    assert G.dense.units == 16 * (side // 8) ** 2


def test_the_discriminator_drops_three_in_ten_and_only_in_training(own, lesson, tf):
    D = own.Discriminator(32, 4)
    assert D.dropout == lesson.KerasDiscriminator().dropout.rate == 0.3
    x = tf.fill((4, 32, 32, 1), 0.5)
    np.testing.assert_array_equal(D(x), D(x))
    assert np.std([D(x, training=True).numpy() for _ in range(8)], axis=0).min() > 0


def test_losses_equal_keras_cross_entropy(own, tf):
    real, fake = (tf.constant(np.random.default_rng(i).normal(scale=3, size=7), tf.float32) for i in (0, 1))
    bce = own.keras.losses.BinaryCrossentropy(from_logits=True)
    ones, zeros = tf.ones((7, 1)), tf.zeros((7, 1))
    expected = float(bce(ones, real[:, None])) + float(bce(zeros, fake[:, None]))
    assert float(own.loss_D(real, fake)) == pytest.approx(expected, rel=1e-5)
    assert float(own.loss_G(fake)) == pytest.approx(float(bce(ones, fake[:, None])), rel=1e-5)


def test_initialise_sets_normalisations_and_glorots_range(own):
    G = own.Generator(32, 16)
    own.initialise(G)
    assert float(G.norm1.gamma.numpy().min()) == 1.0 and float(np.abs(G.norm1.beta.numpy()).max()) == 0.0
    kernel = G.dense.kernel.numpy()
    limit = np.sqrt(6 / sum(kernel.shape))
    assert 0.95 * limit < np.abs(kernel).max() <= limit and abs(kernel.mean()) < 0.02 * limit


def images(n=5, side=8, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, size=(n, side, side, 1)).astype(np.float32)


def test_moving_fills_with_grey(own, tf):
    x, down, right = images(), [0, 2, -3, 1, 8], [0, -1, 3, 0, 0]
    out = own.moved(tf.constant(x), tf.constant(down), tf.constant(right)).numpy()
    for i, (d, r) in enumerate(zip(down, right, strict=True)):
        expected = np.zeros((8, 8))
        for row in range(8):
            for column in range(8):
                if 0 <= row - d < 8 and 0 <= column - r < 8:
                    expected[row, column] = x[i, row - d, column - r, 0]
        np.testing.assert_array_equal(out[i, :, :, 0], expected)


def test_tones_about_the_mean(own, tf):
    x = images()
    bright, contrast = np.array([0, 0.5, -0.5, 0.2, 0], np.float32), np.array([1, 1, 0.5, 1.5, 1.5], np.float32)
    out = own.toned(tf.constant(x), tf.constant(bright), tf.constant(contrast)).numpy()
    np.testing.assert_allclose(out.mean((1, 2, 3)), x.mean((1, 2, 3)) + bright, atol=1e-6)
    np.testing.assert_allclose(out.std((1, 2, 3)), x.std((1, 2, 3)) * contrast, atol=1e-6)


def test_holes_are_half_as_wide_as_the_image_and_may_hang_over(own, tf):
    x = np.ones((3, 8, 8, 1), np.float32)
    out = own.holed(tf.constant(x), tf.constant([0, 2, -2]), tf.constant([4, 2, -2]), 1.0).numpy()[..., 0]
    assert (out == 0).sum((1, 2)).tolist() == [16, 16, 4]
    assert not out[0, 0:4, 4:8].any() and not out[1, 2:6, 2:6].any() and not out[2, 0:2, 0:2].any()
    half = own.holed(tf.constant(x), tf.constant([0, 2, -2]), tf.constant([4, 2, -2]), 0.5).numpy()
    assert set(np.unique(half)) == {0.5, 1.0}


def test_strength_zero_changes_nothing_and_one_stays_within_the_papers_ranges(own, tf):
    x = images(200, 16)
    np.testing.assert_array_equal(own.diff_augment(tf.constant(x), 0.0), x)
    tf.random.set_seed(1)
    flat = own.diff_augment(tf.fill((400, 16, 16, 1), 0.25), 1.0).numpy()[..., 0]
    tone = np.array([np.abs(image).max() for image in flat])  # what is neither moved in nor in the hole
    assert tone.max() <= 0.75 + 1e-6 and tone.max() > 0.7
    grey = (flat == 0).mean((1, 2))  # at most the hole, a quarter, and two rims of an eighth
    assert grey.max() <= 0.25 + 1 - (7 / 8) ** 2 + 1e-6 and grey.mean() > 0.1
    assert len(np.unique(tone.round(4))) > 300  # every image by its own


def test_gradients_pass_through_the_augmentation(own, tf):
    """Against differences, for one draw: the slope of a weighted sum of what is seen by each pixel."""
    x, weights = images(2, 8), np.random.default_rng(3).normal(size=(2, 8, 8, 1)).astype(np.float32)

    def seen(x):
        tf.random.set_seed(5)
        return tf.reduce_sum(own.diff_augment(x, 1.0) * weights)

    point = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(point)
        total = seen(point)
    slopes = tape.gradient(total, point).numpy()
    assert np.abs(slopes).max() > 0.3
    for index in ((0, 3, 3, 0), (1, 0, 5, 0), (1, 7, 2, 0), (0, 6, 1, 0)):
        step = np.zeros_like(x)
        step[index] = 0.1
        by_difference = float(seen(tf.constant(x + step)) - seen(tf.constant(x - step))) / 0.2
        assert slopes[index] == pytest.approx(by_difference, abs=2e-3)


def a_game(own, tf, side=32):
    tf.random.set_seed(0)
    return own.Game(own.Generator(side, 16), own.Discriminator(side, 4, dropout=0.0))


def test_one_step_moves_both_players_by_adams_first_step(own, tf):
    """Adam's first step is the learning rate against the sign of the slope; slopes by a separate computation."""
    game = a_game(own, tf)
    real, z = tf.constant(images(6, 32)), tf.constant(np.random.default_rng(1).normal(size=(6, 100)), tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        fake = game.G(z, training=True)
        of_D = own.loss_D(game.D(real), game.D(fake))
        of_G = own.loss_G(game.D(fake))
    for player, loss in ((game.D, of_D), (game.G, of_G)):
        player.expected = [
            (w.numpy(), tape.gradient(loss, w).numpy()) for w in (player.out.kernel, player.trainable_variables[0])
        ]
    out = game.step(real, z, tf.constant(1e-3), tf.constant(0.0))
    assert [float(v) for v in out] == pytest.approx([float(of_D), float(of_G)], rel=1e-4)
    for player in (game.D, game.G):
        for weight, (before, slope) in zip(
            (player.out.kernel, player.trainable_variables[0]), player.expected, strict=True
        ):
            clear = np.abs(slope) > 2e-4  # far above Adam's epsilon
            assert clear.mean() > 0.02
            np.testing.assert_allclose((weight.numpy() - before)[clear], -1e-3 * np.sign(slope[clear]), rtol=0.05)


def test_restart_forgets_weights_and_optimizers(own, tf):
    game = a_game(own, tf)
    real, z = tf.constant(images(4, 32)), tf.zeros((4, 100))
    game.step(real, z, tf.constant(1e-3), tf.constant(1.0))
    assert float(game.opt_D.iterations) == 1
    before = game.G.dense.kernel.numpy()
    game.restart()
    assert np.abs(game.G.dense.kernel.numpy() - before).mean() > 1e-2
    assert all(not np.any(state.numpy()) for state in (*game.opt_G.variables, *game.opt_D.variables))
    assert float(game.G.norm1.moving_variance.numpy().min()) == 1.0


@pytest.mark.parametrize(("works_at", "seen_at"), [(64, 32), (32, 64)])
def test_a_generator_brought_to_another_side(own, tf, works_at, seen_at):
    """Averages or repeats the pixels of the generator inside, and training reaches that generator."""
    inside = own.Generator(works_at, 16)
    game = own.Game(own.Brought(inside, seen_at), own.Discriminator(seen_at, 4))
    z = tf.constant(np.random.default_rng(0).normal(size=(5, 100)), tf.float32)
    own_pictures, brought = inside(z).numpy(), game.G(z).numpy()
    change = own.shrink if works_at > seen_at else own.enlarged
    np.testing.assert_allclose(brought, change(own_pictures, seen_at), atol=1e-6)
    before = inside.dense.kernel.numpy()
    game.step(tf.constant(images(5, seen_at)), z, tf.constant(1e-3), tf.constant(0.0))
    assert np.abs(inside.dense.kernel.numpy() - before).max() > 5e-4
    game.restart()
    assert np.abs(inside.dense.kernel.numpy() - before).mean() > 1e-2


def test_grey_shrink_enlarge_and_mirror(own):
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]], np.uint8).reshape(4, 1, 1, 3)
    np.testing.assert_allclose(own.grey(colours).ravel(), [0.299, 0.587, 0.114, 1.0], atol=1e-6)
    assert own.grey(np.full((2, 4, 4, 1), 51, np.uint8)).ravel() == pytest.approx(0.2)
    x = np.arange(32.0).reshape(2, 4, 4, 1)
    np.testing.assert_array_equal(own.shrink(x, 2)[0, :, :, 0], [[2.5, 4.5], [10.5, 12.5]])
    np.testing.assert_array_equal(own.shrink(own.enlarged(x, 12), 4), x)
    many = np.repeat(x[:1], 400, axis=0)
    turned = own.mirrored(many, np.random.default_rng(0))[:, 0, 0, 0]
    assert set(turned) == {0.0, 3.0} and 150 < (turned == 3).sum() < 250


def test_variety_is_none_for_one_face_over_and_over_and_one_for_real_faces(own):
    real = np.random.default_rng(0).uniform(size=(300, 8, 8, 1)).repeat(4, axis=1).repeat(4, axis=2)
    assert own.variety(np.repeat(real[:1], 300, axis=0), real) == pytest.approx(0.0, abs=1e-6)
    assert own.variety(real[:150], real) == pytest.approx(1.0, abs=0.05)
    assert own.variety(0.5 * real, real) == pytest.approx(0.5)
    grain = np.random.default_rng(1).uniform(size=(300, 32, 32, 1))
    assert own.variety(grain, real) < 0.3  # as wide pixel by pixel, but only grain


def test_nearest_faces_and_copies(own):
    rng = np.random.default_rng(0)
    pool, real = rng.uniform(size=(2, 20, 8, 8, 1))
    samples = np.concatenate([pool[[3, 7]] + 1e-3, rng.uniform(size=(6, 8, 8, 1))])
    index, far = own.to_nearest(samples, pool)
    assert index[:2].tolist() == [3, 7]
    by_hand = [np.sqrt(((pool - sample) ** 2).mean(axis=(1, 2, 3))).min() for sample in samples]
    np.testing.assert_allclose(far, by_hand, rtol=1e-5, atol=1e-6)
    limit = min(np.sqrt(((pool - face) ** 2).mean(axis=(1, 2, 3))).min() for face in real)
    assert own.share_of_copies(samples, pool, real) == np.mean(np.array(by_hand) < limit)
    assert own.share_of_copies(pool, pool, real) == 1.0
