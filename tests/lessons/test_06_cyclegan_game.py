"""Lesson 6's training: losses, steps, buffer, rate and averages against NumPy, and the same in both tracks."""

from types import SimpleNamespace

import numpy as np
import parity
import pytest
from parity import array, tensor

from helpers import checkpoints, lessons

LESSON = "06_cyclegan"
BOTH = pytest.mark.parametrize("track", lessons.TRACKS)
PLAYERS = ("G_AB", "G_BA", "D_A", "D_B")
SHIFT = (2, -3)


@pytest.fixture(scope="module")
def tracks():
    return parity.tracks(LESSON)


def pictures(n=3, side=16, seed=0):
    """Random pictures of A, brighter ones of B, in [-1, 1]."""
    rng = np.random.default_rng(seed)
    return tuple(np.clip(m + 0.4 * rng.normal(size=(n, side, side, 3)), -1, 1).astype(np.float32) for m in (-0.3, 0.4))


def players(side):
    """Small ones, by name."""
    make = {"G": lambda: side.make_generator(8, 1, 4), "D": lambda: side.make_discriminator(8)}
    return {name: make[name[0]]() for name in PLAYERS}


def bare_game(side, nets):
    """A game without its constructor, which would draw new weights."""
    game = side.Game.__new__(side.Game)
    for name in PLAYERS:
        setattr(game, name, nets[name])
    return game


def of_discriminators(side, game, a, b, old, shift):
    """The discriminators' loss of Eq. 2, a network call for real and one for fake."""
    seen = ((game.D_A, a, old[0]), (game.D_B, b, old[1]))
    return sum(side.loss_D(D(side.rolled(real, shift)), D(side.rolled(fake, shift))) for D, real, fake in seen)


def the_game(side, nets, a, b, old_a, old_b):
    """All losses of a step, with the loss that each player descends."""
    game = bare_game(side, nets)
    parts, fakes = game.losses_G(a, b, shift=SHIFT)
    total = parts[0] + 10.0 * parts[1] + 5.0 * parts[2]
    of_D = of_discriminators(side, game, a, b, (old_a, old_b), SHIFT)
    totals = {name: total if name[0] == "G" else of_D for name in PLAYERS}
    return parity.Forward(outputs=fakes, losses=[*parts, total, of_D], totals=totals)


def test_the_game_agrees_in_both_tracks(tracks):
    models = parity.twins(tracks, players, spread=0.05)
    parity.compare(tracks, models, the_game, *pictures(), *pictures(seed=1), floor=1e-6)


def numpy_losses(side, nets, a, b, old, shift=(0, 0)):
    """Adversarial, cycle, identity and the discriminators' losses in NumPy, from the networks' outputs alone."""
    look = {name: (lambda x, net=net: side.apply(net, x)) for name, net in nets.items()}
    moved = lambda x: np.roll(x, shift, axis=(1, 2))  # noqa: E731
    fake_b, fake_a = look["G_AB"](a), look["G_BA"](b)
    adversarial = sum(np.mean((look[D](moved(x)) - 1) ** 2) for D, x in (("D_A", fake_a), ("D_B", fake_b)))
    cycle = np.mean(np.abs(look["G_BA"](fake_b) - a)) + np.mean(np.abs(look["G_AB"](fake_a) - b))
    identity = np.mean(np.abs(look["G_AB"](b) - b)) + np.mean(np.abs(look["G_BA"](a) - a))
    judged = [(look[D](moved(real)), look[D](moved(fake))) for D, real, fake in zip(("D_A", "D_B"), (a, b), old)]  # noqa: B905
    of_D = sum(0.5 * np.mean((real - 1) ** 2) + 0.5 * np.mean(fake**2) for real, fake in judged)
    return np.array([adversarial, cycle, identity, of_D]), (fake_a, fake_b)


def new_game(side, spread=0.05):
    """A game whose players all have random weights, biases too."""
    if hasattr(side, "torch"):
        side.torch.manual_seed(0)
    game = side.Game(*players(side).values())
    rng = np.random.default_rng(1)
    for name in PLAYERS:
        state = checkpoints.state(getattr(game, name))
        moved = {key: (w + spread * rng.standard_normal(w.shape)).astype(np.float32) for key, w in state.items()}
        checkpoints.set_state(getattr(game, name), moved)
    return game, {name: getattr(game, name) for name in PLAYERS}


@BOTH
def test_losses_of_a_step_against_numpy(tracks, track):
    side = tracks[track]
    game, nets = new_game(side)
    (a, b), old = pictures(), pictures(seed=1)
    expected, fakes = numpy_losses(side, nets, a, b, old, SHIFT)
    given = [tensor(side, x) for x in (a, b)], tuple(tensor(side, x) for x in old)
    losses, made = game.step(*given[0], np.float32(0), given[1], shift=np.array(SHIFT, np.int32))
    np.testing.assert_allclose(array(losses), expected, rtol=1e-4)
    for mine, theirs in zip(made, fakes, strict=True):
        np.testing.assert_allclose(array(mine), theirs, atol=1e-4)
    assert not np.allclose(expected, numpy_losses(side, nets, a, b, old)[0], rtol=1e-3)  # the shift is seen
    losses, _ = game.step(*given[0], np.float32(0))  # without a memory the new fakes are shown
    np.testing.assert_allclose(array(losses), numpy_losses(side, nets, a, b, fakes)[0], rtol=1e-4)


def plain_descent(side, game):
    """Put gradient descent in Adam's place, so that a step is the rate times the gradient."""
    if hasattr(side, "torch"):
        groups = ((game.G_AB, game.G_BA), (game.D_A, game.D_B))
        game.opt_G, game.opt_D = (
            side.torch.optim.SGD([w for model in pair for w in model.parameters()], lr=1.0) for pair in groups
        )
    else:
        game.opt_G, game.opt_D = (side.keras.optimizers.SGD(1.0) for _ in "GD")
        game.opt_G.build(game.weights[0]), game.opt_D.build(game.weights[1])


def moved_by(before, nets, letter):
    """Squared length of the way that the players of one letter went."""
    return sum(
        np.sum((checkpoints.state(nets[name])[key].astype(float) - value) ** 2)
        for name in PLAYERS
        if name[0] == letter
        for key, value in before[name].items()
    )


@BOTH
def test_a_step_descends_equations_5_and_2(tracks, track):
    side = tracks[track]
    game, nets = new_game(side)
    plain_descent(side, game)
    (a, b), old = pictures(), pictures(seed=1)
    weights = np.array([1.0, 7.0, 1.5])
    start, _ = numpy_losses(side, nets, a, b, old)
    before = {name: checkpoints.state(net) for name, net in nets.items()}
    rate = 3e-4
    given = [tensor(side, x) for x in (a, b)], tuple(tensor(side, x) for x in old)
    game.step(*given[0], np.float32(rate), given[1], cycle=np.float32(7), identity=np.float32(1.5))
    after = {name: checkpoints.state(net) for name, net in nets.items()}
    way = {letter: moved_by(before, nets, letter) for letter in "GD"}
    for letter in "GD":  # the loss of one kind of player, with the other kind as it was
        for name in PLAYERS:
            checkpoints.set_state(nets[name], (after if name[0] == letter else before)[name])
        end, _ = numpy_losses(side, nets, a, b, old)
        fall = weights @ (end - start)[:3] if letter == "G" else (end - start)[3]
        assert fall == pytest.approx(-way[letter] / rate, rel=0.08), letter


def test_several_steps_agree_in_both_tracks(tracks):
    games = {track: new_game(side) for track, side in tracks.items()}
    for name in PLAYERS:
        state = checkpoints.state(games["pytorch"][1][name])
        checkpoints.set_state(games["tensorflow"][1][name], state)
    losses = {track: [] for track in tracks}
    for track, side in tracks.items():
        old = tuple(tensor(side, x) for x in pictures(seed=9))
        for step in range(3):
            a, b = (tensor(side, x) for x in pictures(seed=step))
            rate, shift = np.float32(side.rate_at(step, 3, 2e-3)), np.array([step, -step], np.int32)
            now, old = games[track][0].step(a, b, rate, old, np.float32(5), np.float32(2), shift=shift)
            losses[track].append(array(now))
    one, other = (np.array(rows) for rows in losses.values())
    np.testing.assert_allclose(one, other, rtol=2e-3)
    assert not np.allclose(one[0], one[-1], rtol=0.02)


@BOTH
def test_noise_reaches_the_way_back_alone(tracks, track):
    side = tracks[track]
    game, _ = new_game(side)
    a, b = (tensor(side, x) for x in pictures())
    (clear, fakes), (noisy, others) = game.losses_G(a, b), game.losses_G(a, b, np.float32(0.5))
    clear, noisy = (np.array([array(part) for part in parts]) for parts in (clear, noisy))
    np.testing.assert_allclose(noisy[[0, 2]], clear[[0, 2]], rtol=1e-5)
    assert abs(noisy[1] - clear[1]) > 0.01
    np.testing.assert_allclose(array(fakes[0]), array(others[0]), atol=1e-6)


@BOTH
def test_rolled_goes_round(tracks, track):
    side = tracks[track]
    x = np.arange(2 * 5 * 4 * 3, dtype=np.float32).reshape(2, 5, 4, 3)
    moved = array(side.rolled(tensor(side, x), np.array([1, -2], np.int32)))
    np.testing.assert_array_equal(moved, np.roll(x, (1, -2), axis=(1, 2)))
    np.testing.assert_array_equal(moved[:, 0, 0], x[:, 4, 2])


@BOTH
def test_losses_by_hand_and_against_numpy(tracks, track):
    side = tracks[track]
    half = tensor(side, np.full((2, 3), 0.5))
    assert float(side.loss_D(half, half)) == pytest.approx(0.25)
    assert float(side.loss_G(half)) == pytest.approx(0.25)
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(4, 3, 3, 1)), rng.normal(size=(2, 3, 3, 1))
    expected = np.mean((real - 1) ** 2) / 2 + np.mean(fake**2) / 2
    assert float(side.loss_D(tensor(side, real), tensor(side, fake))) == pytest.approx(expected, rel=1e-5)
    assert float(side.loss_G(tensor(side, fake))) == pytest.approx(np.mean((fake - 1) ** 2), rel=1e-5)
    x, y = pictures()
    assert float(side.distance(tensor(side, x), tensor(side, y))) == pytest.approx(np.abs(x - y).mean(), rel=1e-5)


def test_a_buffer_by_hand(tracks):
    coins, places = iter([0.1, 0.9, 0.1, 0.1]), iter([0, 1, 0])
    buffer = tracks["pytorch"].Buffer(
        2, SimpleNamespace(random=lambda: next(coins), integers=lambda size: next(places))
    )
    np.testing.assert_array_equal(buffer(np.arange(1, 7)), [1, 2, 1, 4, 2, 3])
    assert [int(fake) for fake in buffer.images] == [6, 5]


def test_a_buffer_loses_nothing_and_shows_half_old_ones(tracks):
    buffer = tracks["pytorch"].Buffer(50, np.random.default_rng(0))
    made = np.arange(40_000)
    shown = np.concatenate([buffer(part) for part in np.split(made, 10_000)])
    assert shown.shape == made.shape
    everything = np.sort(np.concatenate([shown, buffer.images]))
    copies = np.bincount(everything, minlength=len(made))  # the first 50 are shown when they come, and stay
    assert (copies[50:] == 1).all() and (copies[:50] == 2).all() and len(buffer.images) == 50
    age = (made - shown)[1000:]
    assert (age >= 0).all() and (age > 0).mean() == pytest.approx(0.5, abs=0.02)
    assert age[age > 0].mean() == pytest.approx(100, rel=0.05)


def test_a_buffer_takes_pictures(tracks):
    images = np.random.default_rng(0).normal(size=(5, 4, 4, 3))
    shown = tracks["tensorflow"].Buffer(2, np.random.default_rng(1))(images)
    assert shown.shape == images.shape
    np.testing.assert_array_equal(shown[:2], images[:2])


def test_the_rate_stays_and_then_falls_on_a_line(tracks):
    rate_at = tracks["pytorch"].rate_at
    rates = np.array([rate_at(step, 200, 2e-4) for step in range(201)])
    np.testing.assert_allclose(rates[:101], 2e-4)
    np.testing.assert_allclose(np.diff(rates[100:]), -2e-6)
    assert rates[-1] == 0 and rates[150] == pytest.approx(1e-4)
    assert [tracks["tensorflow"].rate_at(step, 200, 2e-4) for step in range(201)] == rates.tolist()


@BOTH
def test_the_average_follows(tracks, track):
    side = tracks[track]
    average, G = (side.initialise(side.ResNetGenerator(8, 1, 4), std=None) for _ in "GG")
    before, target = checkpoints.state(average), checkpoints.state(G)
    side.follow(average, G, np.float32(0.75))
    for key, value in checkpoints.state(average).items():
        np.testing.assert_allclose(value, 0.75 * before[key] + 0.25 * target[key], atol=1e-6)
        np.testing.assert_array_equal(checkpoints.state(G)[key], target[key])


@BOTH
def test_restart_begins_again(tracks, track):
    side = tracks[track]
    game = side.Game(*players(side).values())
    first = {name: checkpoints.state(getattr(game, name)) for name in PLAYERS}
    a, b = (tensor(side, x) for x in pictures())
    game.step(a, b, np.float32(1e-2))
    game.restart()
    for name in PLAYERS:
        again = checkpoints.state(getattr(game, name))
        assert not np.allclose(again["000.weight"], first[name]["000.weight"])
        vectors = [value for value in again.values() if value.ndim == 1]
        assert all(np.all(value == value[0]) and value[0] in (0, 1) for value in vectors)
    if track == "pytorch":
        assert not game.opt_G.state and not game.opt_D.state
    else:
        assert not any(np.any(part.numpy()) for part in (*game.opt_G.variables, *game.opt_D.variables))
