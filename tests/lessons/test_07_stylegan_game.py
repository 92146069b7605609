"""Lesson 7's training against NumPy and in both tracks: losses, R1, mixing, steps, averages; and the stored weights."""

import numpy as np
import parity
import pytest
from parity import array, tensor
from stylegan_parts import make

from helpers import checkpoints, lessons

LESSON = "07_stylegan"
BOTH = pytest.mark.parametrize("track", lessons.TRACKS)
pytestmark = pytest.mark.filterwarnings("ignore:Gradients do not exist")  # without noise, its strengths have none
WIDTHS, WIDTHS_D, LATENT, DEPTH = (8, 6), (5,), 6, 2  # 8×8
LAYERS = 4


@pytest.fixture(scope="module")
def tracks():
    return parity.tracks(LESSON)


def pictures(n=4, seed=0, side=8):
    return np.clip(0.3 + 0.4 * np.random.default_rng(seed).normal(size=(n, side, side, 3)), -1, 1).astype(np.float32)


def two_codes(n=4, seed=1):
    return np.random.default_rng(seed).normal(size=(2, n, LATENT)).astype(np.float32)


def players(side):
    """Small ones without noise, so that all is determined."""
    return {"G": side.Generator(WIDTHS, LATENT, DEPTH, noisy=False), "D": side.Discriminator(WIDTHS_D)}


def new_game(side, **settings):
    """A game whose players all have random weights, biases too: the same in both tracks."""
    if hasattr(side, "torch"):
        side.torch.manual_seed(0)
    nets, rng = players(side), np.random.default_rng(1)
    for net in nets.values():
        weights = {}
        for key, value in checkpoints.state(net).items():
            mapping = net is nets["G"] and int(key[:3]) < DEPTH  # its weights are kept a hundred times as large
            spread = 100 if mapping else 1 if value.ndim > 1 else 0.3
            weights[key] = (spread * rng.standard_normal(value.shape)).astype(np.float32)
        checkpoints.set_state(net, weights)
    return side.Game(nets["G"], nets["D"], **settings)


def softplus(x):
    return np.logaddexp(0, x)


def logits(side, D, images):
    return array(D(tensor(side, images))).astype(float)


def mixed_by_hand(side, G, z, cut):
    """Images of a mixture, styles put together in NumPy; as the networks see them, in [-1, 1]."""
    first, second = (side.to_w(G, part) for part in z)
    ws = np.stack([first if i < cut else second for i in range(LAYERS)], axis=1)
    return 2 * side.draw(G, ws) - 1


# --- losses and the penalty ------------------------------------------------------------------------------------------


@BOTH
def test_losses_by_hand_and_against_numpy(tracks, track):
    side = tracks[track]
    zeros = tensor(side, np.zeros(3))
    assert float(side.loss_D(zeros, zeros)) == pytest.approx(2 * np.log(2))
    assert float(side.loss_G(zeros)) == pytest.approx(np.log(2))
    real, fake = 3 * np.random.default_rng(0).normal(size=(2, 7))
    expected = softplus(-real).mean() + softplus(fake).mean()
    assert float(side.loss_D(tensor(side, real), tensor(side, fake))) == pytest.approx(expected, rel=1e-5)
    assert float(side.loss_G(tensor(side, fake))) == pytest.approx(softplus(-fake).mean(), rel=1e-5)
    assert float(side.loss_G(tensor(side, [-200.0]))) == pytest.approx(200)  # no overflow


@BOTH
def test_steepness_of_a_plane_and_of_a_bowl(tracks, track):
    side = tracks[track]
    game, x = new_game(side), pictures(3)
    total = (lambda t: t.flatten(1).sum(dim=1)) if track == "pytorch" else lambda t: side.tf.reduce_sum(t, (1, 2, 3))
    game.D = lambda images: 0.5 * total(images)
    assert float(array(game.steepness(tensor(side, x)))) == pytest.approx(0.25 * 8 * 8 * 3, rel=1e-5)
    game.D = lambda images: total(images**2)
    assert float(array(game.steepness(tensor(side, x)))) == pytest.approx(
        (4 * x**2).sum(axis=(1, 2, 3)).mean(), rel=1e-5
    )


@BOTH
def test_steepness_against_differences(tracks, track):
    side = tracks[track]
    game, x = new_game(side), pictures(4)
    rng, h = np.random.default_rng(3), 1e-2
    ways = rng.normal(size=(300, *x.shape))  # the mean square of slopes along random ways is the squared length
    slopes = [(logits(side, game.D, x + h * way) - logits(side, game.D, x - h * way)).sum() / (2 * h) for way in ways]
    assert float(array(game.steepness(tensor(side, x)))) * 4 == pytest.approx(np.mean(np.square(slopes)), rel=0.35)


def the_game(side, nets, real, z):
    """Both losses with R1, and the loss that each player descends."""
    game = side.Game.__new__(side.Game)  # without its constructor, which would build optimizers
    game.G, game.D = nets["G"], nets["D"]
    fake = game.G.synthesis(game.G.styles(z))
    of_D = side.loss_D(game.D(real), game.D(fake)) + 0.4 * game.steepness(real)
    of_G = side.loss_G(game.D(fake))
    return parity.Forward(outputs=[fake], losses=[of_D, of_G], totals={"D": of_D, "G": of_G})


def test_the_game_agrees_in_both_tracks(tracks):
    parity.compare(tracks, parity.twins(tracks, players, spread=0.3), the_game, pictures(), two_codes()[0], floor=1e-6)


# --- mixing ----------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("cut", range(LAYERS + 1))
def test_layers_below_the_cut_take_the_first_style(tracks, track, cut):
    side = tracks[track]
    game, z = new_game(side), two_codes()
    got = array(game.fakes(tensor(side, z), np.int32(cut)))
    np.testing.assert_allclose(got, mixed_by_hand(side, game.G, z, cut), atol=1e-4)
    if 0 < cut < LAYERS:
        assert np.abs(got - mixed_by_hand(side, game.G, z[::-1], cut)).max() > 0.05


@BOTH
def test_the_mean_of_w_follows_the_first_codes(tracks, track):
    side = tracks[track]
    game, expected = new_game(side), np.zeros(LATENT)
    assert not array(game.w_mean).any()
    for step in range(3):
        z = two_codes(seed=step)
        game.fakes(tensor(side, z), np.int32(2))
        expected = 0.99 * expected + 0.01 * side.to_w(game.G, z[0]).mean(axis=0)
    np.testing.assert_allclose(array(game.w_mean), expected, atol=1e-6)


# --- steps -----------------------------------------------------------------------------------------------------------


def plain_descent(side, game):
    """Put gradient descent in Adam's place, so that a step is the rate times the gradient."""
    if hasattr(side, "torch"):
        game.opt_G, game.opt_D = (side.torch.optim.SGD(net.parameters(), lr=1.0) for net in (game.G, game.D))
    else:
        game.opt_G, game.opt_D = (side.keras.optimizers.SGD(1.0) for _ in "GD")
        game.opt_G.build(game.weights[0]), game.opt_D.build(game.weights[1])


def states(game):
    return {name: checkpoints.state(getattr(game, name)) for name in "GD"}


def set_states(game, **given):
    for name, state in given.items():
        checkpoints.set_state(getattr(game, name), state)


def way(before, after):
    """Squared length of the way that a player's weights went."""
    return sum(np.sum((after[key].astype(float) - value) ** 2) for key, value in before.items())


def loss_of_D(side, game, real, fake, gamma=0.0, every=1):
    value = softplus(-logits(side, game.D, real)).mean() + softplus(logits(side, game.D, fake)).mean()
    return value + (every * gamma / 2 * float(array(game.steepness(tensor(side, real)))) if gamma else 0.0)


@BOTH
@pytest.mark.parametrize("penalise", [False, True])
def test_a_step_descends_its_losses(tracks, track, penalise):
    side = tracks[track]
    game = new_game(side, gamma=0.3, every=4)
    plain_descent(side, game)
    real, z, cut, rate = pictures(), two_codes(), 2, 3e-5
    penalty = {"gamma": 0.3, "every": 4} if penalise else {}
    fake, before = mixed_by_hand(side, game.G, z, cut), states(game)
    start = loss_of_D(side, game, real, fake, **penalty)
    losses = array(game.step(tensor(side, real), tensor(side, z), np.int32(cut), rate, penalise=penalise))
    after = states(game)
    assert losses.shape == (2,) and losses[0] == pytest.approx(start, rel=1e-4)
    assert losses[1] == pytest.approx(softplus(-logits(side, game.D, fake)).mean(), rel=1e-4)  # by the new D
    end = loss_of_D(side, game, real, fake, **penalty)
    assert end - start == pytest.approx(-way(before["D"], after["D"]) / rate, rel=0.1)
    again = mixed_by_hand(side, game.G, z, cut)
    fall = softplus(-logits(side, game.D, again)).mean() - softplus(-logits(side, game.D, fake)).mean()
    assert fall == pytest.approx(-way(before["G"], after["G"]) / rate, rel=0.1)


@BOTH
def test_the_penalty_weighs_what_was_left_out(tracks, track):
    side = tracks[track]
    for settings, weight in (({}, 8 * 0.1 / 2), ({"gamma": 2.0, "every": 3}, 3.0)):
        game = new_game(side, **settings)
        real, z = tensor(side, pictures()), tensor(side, two_codes())
        steepness, before = float(array(game.steepness(real))), states(game)
        first = []
        for penalise in (True, False):
            set_states(game, **before)
            first.append(float(array(game.step(real, z, np.int32(2), 0.0, penalise=penalise))[0]))
        assert first[0] - first[1] == pytest.approx(weight * steepness, rel=1e-3)


@BOTH
def test_adam_s_first_step_is_the_rate(tracks, track):
    side = tracks[track]
    game = new_game(side)
    before = states(game)
    game.step(tensor(side, pictures()), tensor(side, two_codes()), np.int32(2), 0.01)
    for name, state in states(game).items():
        moved = np.concatenate([np.abs(state[key] - value).ravel() for key, value in before[name].items()])
        assert np.median(moved) == pytest.approx(0.01, rel=0.01) and moved.max() < 0.0101
    for key, value in states(game)["G"].items():  # only what weighs noise stays: there is none
        assert np.array_equal(value, before["G"][key]) == key.endswith("strength"), key


def test_several_steps_agree_in_both_tracks(tracks):
    games = {track: new_game(side) for track, side in tracks.items()}
    set_states(games["tensorflow"], **states(games["pytorch"]))
    losses = {track: [] for track in tracks}
    for track, side in tracks.items():
        for step in range(4):
            given = tensor(side, pictures(seed=step)), tensor(side, two_codes(seed=step)), np.int32(step)
            losses[track].append(array(games[track].step(*given, 0.01 / (1 + step), penalise=step % 2 == 0)))
    one, other = (np.array(rows) for rows in losses.values())
    np.testing.assert_allclose(one, other, rtol=2e-3)
    assert not np.allclose(one[0], one[-1], rtol=0.02)
    np.testing.assert_allclose(*(array(game.w_mean) for game in games.values()), rtol=1e-3, atol=1e-6)


def test_a_traced_step_is_the_step(tracks):
    side = tracks["tensorflow"]
    results = []
    for wrapped in (lambda step: step, side.tf.function):
        game = new_game(side)
        set_states(game, **states_of_seed(side))
        step = wrapped(game.step)
        for cut in (1, 3):  # a tensor, so that one graph serves all cuts
            given = tensor(side, pictures(seed=cut)), tensor(side, two_codes(seed=cut)), side.tf.constant(cut)
            results.append(array(step(*given, side.tf.constant(0.01), penalise=True)))
    np.testing.assert_allclose(results[:2], results[2:], rtol=1e-3)


def states_of_seed(side):
    """Weights that don't depend on how the players are built."""
    return states(new_game(side))


@BOTH
def test_after_a_step_both_players_can_learn_again(tracks, track):
    side = tracks[track]
    game = new_game(side)
    for seed in (1, 2):
        before = states(game)
        game.step(tensor(side, pictures(seed=seed)), tensor(side, two_codes(seed=seed)), np.int32(1), 0.01)
        after = states(game)
        assert all(way(before[name], after[name]) > 0 for name in "GD")


@BOTH
def test_the_average_follows(tracks, track):
    side = tracks[track]
    average, G = (side.Generator(WIDTHS, LATENT, DEPTH) for _ in "GG")
    before, target = checkpoints.state(average), checkpoints.state(G)
    side.follow(average, G, np.float32(0.75))
    for key, value in checkpoints.state(average).items():
        np.testing.assert_allclose(
            value, 0.75 * before[key] + 0.25 * target[key], atol=1e-3 if "weight" in key else 1e-6
        )
        np.testing.assert_array_equal(checkpoints.state(G)[key], target[key])


@BOTH
def test_both_adams_have_the_paper_s_settings(tracks, track):
    side = tracks[track]
    game = new_game(side)
    for optimizer in (game.opt_G, game.opt_D):
        if track == "pytorch":
            found = (*optimizer.param_groups[0]["betas"], optimizer.param_groups[0]["eps"])
        else:
            found = (optimizer.beta_1, optimizer.beta_2, optimizer.epsilon)
        assert found == pytest.approx((0.0, 0.99, 1e-8))


@BOTH
def test_adam_forgets(tracks, track):
    side = tracks[track]
    given, others = ([tensor(side, pictures(seed=i)), tensor(side, two_codes(seed=i)), np.int32(2)] for i in (3, 4))
    game = new_game(side)
    first, ends = states(game), {}
    for name in ("fresh", "remembers", "forgets"):
        set_states(game, **first)
        _ = side.forget(game) if name == "forgets" else None
        game.step(*given, 0.01)
        ends[name] = states(game)
        game.step(*others, 0.01)
    for player in "GD":
        assert way(ends["fresh"][player], ends["forgets"][player]) < 1e-6
        assert way(ends["fresh"][player], ends["remembers"][player]) > 1e-4


# --- the stored weights ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored():
    return checkpoints.load(LESSON)


def loaded(side, stored):
    state, info = stored
    G = make(side, tuple(info["widths"]), info["latent_dim"], info["depth"], "flat")
    checkpoints.set_state(G, state)
    return G


def test_the_stored_generator_draws_the_same_in_both_tracks(tracks, stored):
    z = np.random.default_rng(5).normal(size=(3, stored[1]["latent_dim"]))
    drawn, styles = [], []
    for side in tracks.values():
        G = loaded(side, stored)
        rng = np.random.default_rng(6)
        noise = [rng.normal(size=(1, n, n)) for n in G.sides]
        styles.append(side.to_w(G, z))
        drawn.append([side.draw(G, styles[0], noise), side.draw(G, styles[0], 0)])
    np.testing.assert_allclose(*styles, atol=1e-4)
    for one, other in zip(*drawn, strict=True):
        assert one.shape == (3, 64, 64, 3)
        np.testing.assert_allclose(one, other, atol=2e-3)
    shown, still = drawn[0]
    assert 0 < np.abs(shown - still).mean() < 0.1  # noise changes details


def test_the_stored_generator_draws_people_on_white(tracks, stored):
    side = tracks["pytorch"]
    G = loaded(side, stored)
    images = side.draw(G, side.to_w(G, np.random.default_rng(7).normal(size=(40, G.latent_dim))), 0)
    assert np.median(images[:, :3, [0, 1, 2, -3, -2, -1]]) > 0.97  # the upper corners
    assert images[:, 20:44, 20:44].mean() < 0.9
    apart = np.abs(images[:20] - images[20:]).mean(axis=(1, 2, 3))
    assert apart.min() > 0.01  # no two alike


@BOTH
def test_a_checkpoint_of_another_resolution_or_size_is_refused_by_name(tracks, track, stored):
    side, (state, info) = tracks[track], stored
    widths = tuple(info["widths"])
    before = checkpoints.state(smaller := make(side, widths[:-1], info["latent_dim"], info["depth"], "flat"))
    with pytest.raises(checkpoints.CheckpointError, match=r"another model.*tensors for a model of"):
        checkpoints.set_state(smaller, state)
    for key, value in checkpoints.state(smaller).items():
        np.testing.assert_array_equal(value, before[key])
    narrow = make(side, (widths[0] // 2, *widths[1:]), info["latent_dim"], info["depth"], "flat")
    with pytest.raises(checkpoints.CheckpointError, match="another size"):
        checkpoints.set_state(narrow, state)
    with pytest.raises(checkpoints.CheckpointError, match="another model"):
        checkpoints.set_state(side.Discriminator((8, 8)), state)


def test_what_the_checkpoint_says_of_itself(stored):
    state, info = stored
    assert {"widths", "latent_dim", "depth", "numbers", "sha256"} <= set(info)
    assert info["numbers"]["share_of_the_way"] >= 0.92  # the aim that the lesson names, from untrained to real halves
    assert all(np.isfinite(value).all() for value in state.values())
