"""Lesson 4: the tracks agree, networks have the sizes that the text gives, losses and steps match values worked by hand."""

import numpy as np
import parity
import pytest
from parity import array, tensor

from helpers import checkpoints, lessons, metrics

LESSON = "04_gan"
RNG = np.random.default_rng(4)
RING, CODES = RNG.normal(size=(16, 2)), RNG.normal(size=(16, 4))
DIGITS, NOISE = RNG.uniform(size=(8, 784)), RNG.normal(size=(8, 32))


@pytest.fixture(scope="module")
def tracks():
    return parity.tracks(LESSON)


def ring_players(side):
    return {"G": side.make_mlp(side.RING_LATENT, 2), "D": side.make_mlp(2, 1)}


def digit_players(side):
    return {"G": side.make_generator(), "D": side.make_discriminator()}


PAIRS = {"ring": (ring_players, RING, CODES, 0.1), "digits": (digit_players, DIGITS, NOISE, 0.02)}


def game(side, nets, real, z):
    fake = nets["G"](z)
    logits_real, logits_fake = nets["D"](real), nets["D"](fake)
    penalty = side.r1_penalty(nets["D"], real)
    loss_D, loss_G = side.loss_D(logits_real, logits_fake), side.loss_G(logits_fake)
    losses = [loss_D, loss_G, side.loss_G_saturating(logits_fake), penalty]
    return parity.Forward([fake, logits_real, logits_fake], losses, {"D": loss_D + 0.5 * penalty, "G": loss_G})


def saturated(side, nets, real, z):
    loss = side.loss_G_saturating(nets["D"](nets["G"](z)))
    return parity.Forward([], [loss], {"G": loss})


@pytest.mark.parametrize("forward", [game, saturated])
@pytest.mark.parametrize("name", PAIRS)
def test_the_same_weights_give_the_same_in_both_tracks(tracks, name, forward):
    make, real, z, spread = PAIRS[name]
    parity.compare(tracks, parity.twins(tracks, make, spread), forward, real, z)


@pytest.mark.parametrize("mixed", [True, False])
def test_the_discriminator_with_batch_normalisation_agrees(tracks, mixed):
    def forward(side, D, real, fake):
        if hasattr(D, "train"):
            D.train()
        logits = side.judge_both(D, real, fake, mixed)
        return parity.Forward(logits, [side.loss_D(*logits)], side.loss_D(*logits))

    models = parity.twins(tracks, lambda side: side.make_normed_D())
    parity.compare(tracks, models, forward, RING, RING + 1.5, floor=1e-6)


def gans(tracks, **rates):
    """Track → a GAN for the ring, all with the same weights."""
    nets = parity.twins(tracks, ring_players)
    return {
        track: side.GAN(nets[track]["G"], nets[track]["D"], side.RING_LATENT, **rates) for track, side in tracks.items()
    }


@pytest.mark.parametrize("saturating", [True, False])
@pytest.mark.parametrize("r1", [0, 0.1])
def test_turns_give_the_same_losses_in_both_tracks(tracks, r1, saturating):
    seen = {}
    for track, gan in gans(tracks).items():
        real, z = (tensor(tracks[track], values) for values in (RING, CODES))
        gan.scale_rates(0.5)
        numbers = [float(gan.loss_of_D(real, z)), float(gan.step_D(real, z, r1))]
        numbers += [float(part) for part in gan.step_G(z, saturating)]
        seen[track] = np.array([*numbers, float(gan.loss_of_D(real, z))])
    np.testing.assert_allclose(seen["tensorflow"], seen["pytorch"], rtol=1e-3)  # after an Adam step, rounding is larger
    assert seen["pytorch"][0] == pytest.approx(seen["pytorch"][1], rel=1e-6)  # a loss before its own update
    assert seen["pytorch"][0] != pytest.approx(seen["pytorch"][-1], rel=1e-3)


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_each_step_moves_one_player_only(tracks, track):
    side, gan = tracks[track], gans(tracks)[track]
    real, z = (tensor(side, values) for values in (RING, CODES))
    for step, moves, rests in (
        (lambda: gan.step_D(real, z, 0.1), gan.D, gan.G),
        (lambda: gan.step_G(z, False), gan.G, gan.D),
    ):
        before = [checkpoints.state(net) for net in (moves, rests)]
        step()
        after = [checkpoints.state(net) for net in (moves, rests)]
        assert all((after[0][key] != before[0][key]).any() for key in before[0])
        assert all((after[1][key] == before[1][key]).all() for key in before[1])


def watched(side, G, seen):
    """G, which adds a word to `seen` for each gradient that comes back to what it draws."""

    def pytorch(fake):
        fake.register_hook(lambda gradient: seen.append("gradient"))
        return fake

    def tensorflow(fake):
        def back(gradient):
            seen.append("gradient")
            return gradient

        return side.tf.custom_gradient(lambda drawn: (side.tf.identity(drawn), back))(fake)

    return lambda z: (tensorflow if hasattr(side, "tf") else pytorch)(G(z))


@pytest.mark.parametrize("r1", [0, 0.1])
@pytest.mark.parametrize("track", lessons.TRACKS)
def test_fakes_are_data_in_the_turn_of_D_alone(tracks, track, r1):
    side, gan = tracks[track], gans(tracks)[track]
    G, seen = gan.G, []
    gan.G = watched(side, G, seen)
    gan.step_D(tensor(side, RING), tensor(side, CODES), r1)
    assert not seen, "the gradient of D's loss goes back into G"
    parity.measure(side, G, lambda side, _, z: parity.Forward([], totals=side.loss_G(gan.D(gan.G(z)))), CODES)
    assert seen, "this test sees no gradient where there is one"


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_each_rate_falls_from_where_it_began(tracks, track):
    gan = gans(tracks, lr_G=0.02, lr_D=0.004)[track]
    for share in (1.0, 0.25, 0.5):  # a share of the start, not of the rate before
        gan.scale_rates(share)
        for optimiser, rate in ((gan.opt_G, 0.02), (gan.opt_D, 0.004)):
            found = optimiser.param_groups[0]["lr"] if track == "pytorch" else float(optimiser.learning_rate)
            assert found == pytest.approx(share * rate, rel=1e-5)


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_rates_of_zero_keep_a_player_still_and_gradients_still_come(tracks, track):
    side, gan = tracks[track], gans(tracks, lr_G=0.0)[track]
    before = checkpoints.state(gan.G)
    _, norm = gan.step_G(tensor(side, CODES), True)
    assert float(norm) > 0
    assert all((value == before[key]).all() for key, value in checkpoints.state(gan.G).items())


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_parameter_counts(tracks, track):
    side = tracks[track]
    ring, digits = ring_players(side), digit_players(side)
    assert side.count_parameters(ring["G"]) == 4 * 64 + 64 + 64 * 64 + 64 + 64 * 2 + 2 == 4_610
    assert side.count_parameters(ring["D"]) == 2 * 64 + 64 + 64 * 64 + 64 + 64 + 1 == 4_417
    assert side.count_parameters(digits["G"]) == 32 * 256 + 256 + 256 * 256 + 256 + 256 * 784 + 784 == 275_728
    assert side.count_parameters(digits["D"]) == 784 * 256 + 256 + 256 * 256 + 256 + 256 + 1 == 267_009
    normed = 2 * 64 + 64 + 2 * 64 + 64 * 64 + 64 + 2 * 64 + 64 + 1
    assert side.count_parameters(side.make_normed_D()) == normed == 4_673
    for net, layers in ((digits["G"], (32, 256, 256, 784)), (digits["D"], (784, 256, 256, 1))):
        state = checkpoints.state(net)
        assert [state[f"{i:03}.weight"].shape for i in range(3)] == list(zip(layers[1:], layers[:-1], strict=True))


def test_both_tracks_start_with_weights_of_the_same_spread(tracks):
    tracks["pytorch"].torch.manual_seed(0)
    for make in (ring_players, digit_players):
        pairs = [make(tracks[track]) for track in lessons.TRACKS]
        for name in pairs[0]:
            states = [checkpoints.state(pair[name]) for pair in pairs]
            parity.same_spread(*states)
            assert not any(value.any() for state in states for key, value in state.items() if key.endswith("bias"))


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_losses_by_hand(tracks, track):
    side = tracks[track]
    zero, two, far = (tensor(side, np.full((4, 1), value)) for value in (0.0, 2.0, 300.0))
    assert float(side.loss_D(zero, zero)) == pytest.approx(np.log(4), rel=1e-6)
    assert float(side.loss_G(zero)) == pytest.approx(np.log(2), rel=1e-6)
    assert float(side.loss_D(two, -two)) == pytest.approx(2 * np.log1p(np.exp(-2)), rel=1e-5)  # real = 1, fake = 0
    assert float(side.loss_D(-two, two)) == pytest.approx(2 * np.log1p(np.exp(2)), rel=1e-5)
    assert float(side.loss_G_saturating(two)) == pytest.approx(-np.log1p(np.exp(2)), rel=1e-5)
    assert float(side.loss_G(-far)) == pytest.approx(
        300, rel=1e-6
    )  # a probability of 0 in float32: logits keep it finite
    assert float(side.loss_D(-far, far)) == pytest.approx(600, rel=1e-6)


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_penalty_by_hand(tracks, track):
    side = tracks[track]
    slope, points = tensor(side, [[3.0], [-4.0]]), tensor(side, [[1.0, 2.0], [0.0, -1.0]])
    assert float(side.r1_penalty(lambda x: x @ slope, points)) == pytest.approx(25, rel=1e-6)
    # half of |x|² has the gradient x: the mean of 5 and 1
    bowl = side.r1_penalty(lambda x: (x * x) @ tensor(side, [[0.5], [0.5]]), points)
    assert float(array(bowl)) == pytest.approx(3, rel=1e-6)


def test_ring(tracks):
    side = tracks["pytorch"]
    points = side.ring_points(4000, np.random.default_rng(0))
    assert points.shape == (4000, 2) and points.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(side.RING_CENTRES, axis=1), 2)
    found = metrics.mode_coverage(points, side.RING_CENTRES, radius=3 * side.RING_STD)
    assert found.covered == 8 and found.good_share == pytest.approx(1 - np.exp(-4.5), abs=0.006)
    np.testing.assert_array_equal(points, tracks["tensorflow"].ring_points(4000, np.random.default_rng(0)))
    codes = side.ring_codes(5, np.random.default_rng(0))
    assert codes.shape == (5, side.RING_LATENT) and codes.dtype == np.float32


@pytest.mark.parametrize("track", lessons.TRACKS)
def test_the_game_is_played(tracks, track):
    """A hundred turns bring the fakes from the origin towards the ring, and D learns against a G that stands still."""
    side, gan = tracks[track], gans(tracks)[track]
    rng, still = np.random.default_rng(0), gans(tracks, lr_G=0.0)[track]
    distances, losses = [], []
    codes = tensor(side, side.ring_codes(500, rng))
    for turn in range(100):
        real, z = tensor(side, side.ring_points(128, rng)), tensor(side, side.ring_codes(128, rng))
        gan.step_D(real, z, 0.1)
        gan.step_G(z, False)
        losses.append(float(still.step_D(real, z, 0)))
        if turn in (0, 99):
            radius = np.linalg.norm(array(gan.G(codes)), axis=1)
            distances.append(np.abs(radius - 2).mean())
    assert losses[-1] < 0.5 * losses[0]
    assert distances[1] < 0.7 * distances[0]
