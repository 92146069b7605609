"""Project 3: networks, losses and steps of the DCGAN and the autoencoding GAN, by hand and against NumPy."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from helpers import checkpoints, lessons

PROJECT = "p3_creatures"
WIDTHS = (8, 6, 4), (4, 6, 8)
LOG = np.log


@pytest.fixture(scope="module")
def own():
    return lessons.definitions(PROJECT, "pytorch")


def same(model):
    """Stands in for a run's prepare."""
    return model


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return 2 * torch.rand(6, 3, 32, 32) - 1, torch.randn(6, 32)


def softplus(x):
    return np.logaddexp(0, np.asarray(x, dtype=float))


def logits(*values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


def weights_of(*models):
    return [weight.detach().clone() for model in models for weight in model.parameters()]


def moved(before, *models):
    return [not torch.equal(a, b) for a, b in zip(before, weights_of(*models), strict=True)]


# --- losses ----------------------------------------------------------------------------------------------------------


def test_the_four_adversarial_losses_by_hand(own):
    sure, unsure, zero = logits(LOG(3), LOG(3)), logits(-LOG(3), -LOG(3)), logits(0, 0)
    of_image = LOG(4 / 3) + 0.5 * LOG(4 / 3) + 0.5 * LOG(2)  # real ¾; fakes ¼ and ½
    assert float(own.loss_D(sure, unsure, zero)) == pytest.approx(of_image)
    assert float(own.loss_D(zero, zero, zero)) == pytest.approx(2 * LOG(2))
    assert float(own.loss_players(unsure, zero)) == pytest.approx(LOG(4) + LOG(2))
    assert float(own.loss_players(sure, sure)) == pytest.approx(2 * LOG(4 / 3))
    assert float(own.loss_D(sure, sure, sure)) == pytest.approx(LOG(4 / 3) + LOG(4))  # fooled: real right, fakes wrong


def test_losses_against_numpy_for_one_kind_of_fake_and_for_two(own):
    rng = np.random.default_rng(0)
    real, fake, trip = (5 * rng.standard_normal(7) for _ in range(3))
    tensors = [torch.tensor(part)[:, None] for part in (real, fake, trip)]
    one = softplus(-real).mean() + softplus(fake).mean()
    two = softplus(-real).mean() + (softplus(fake).mean() + softplus(trip).mean()) / 2
    assert float(own.loss_D(*tensors[:2])) == pytest.approx(one)
    assert float(own.loss_D(*tensors)) == pytest.approx(two)
    assert float(own.loss_players(tensors[1])) == pytest.approx(softplus(-fake).mean())
    assert float(own.loss_players(*tensors[1:])) == pytest.approx(softplus(-fake).mean() + softplus(-trip).mean())


def test_reconstructions_and_total_by_hand(own):
    assert float(own.loss_image(torch.tensor([1.0, -1, 0]), torch.tensor([0.5, -1, 1]))) == pytest.approx(0.5)
    assert float(own.loss_code(torch.tensor([1.0, 2]), torch.tensor([0.0, 4]))) == pytest.approx(2.5)
    assert own.loss_total(1.0, 10.0, 100.0, 1000.0) == pytest.approx(1 + 10 + 500 + 1000)
    assert own.loss_total(1.0, 10.0, 100.0, 1000.0, (0.2, 0.03, 0.004)) == pytest.approx(1 + 2 + 3 + 4)


def test_slope_penalty_of_a_linear_judge(own):
    weight = torch.randn(3 * 4 * 4)

    def judge(x):
        return x.flatten(1) @ weight[:, None]

    penalty = own.slope_penalty(judge, torch.randn(5, 3, 4, 4))
    assert float(penalty) == pytest.approx(own.R1 / 2 * float(weight.square().sum()), rel=1e-5)


# --- networks --------------------------------------------------------------------------------------------------------


def test_shapes_and_parameters(own):
    G, E = own.Generator((64, 32, 16)), own.Reader((16, 32, 64), own.LATENT, norm=True)
    D_x, D_z = own.Reader((16, 32, 64)), own.LatentDiscriminator()
    z = torch.randn(5, own.LATENT)
    x = G(z)
    assert x.shape == (5, 3, 32, 32) and float(x.detach().abs().max()) <= 1
    assert (E(x).shape, D_x(x).shape, D_z(z).shape) == ((5, 32), (5, 1), (5, 1))
    assert [own.count_parameters(model) for model in (G, E, D_x, D_z)] == [74_723, 74_832, 42_865, 20_865]
    assert own.Generator((8, 8, 8, 8))(z).shape == (5, 3, 64, 64)


def test_initialised_weights_have_glorots_spread(own):
    dense = own.initialised(torch.nn.Linear(300, 200))
    assert float(dense.weight.detach().std()) == pytest.approx((2 / 500) ** 0.5, rel=0.05)
    assert not dense.bias.any()


# --- steps -----------------------------------------------------------------------------------------------------------


def test_the_four_walks(own, batch):
    x, z = batch
    game = own.AEGAN(same, *WIDTHS)
    code_x, code_fake, fake, x_hat = game.walk(x, z)
    torch.testing.assert_close(code_x, game.E(x))
    drawn = game.G(torch.cat([z, game.E(x)]))
    torch.testing.assert_close(fake, drawn[:6])
    torch.testing.assert_close(x_hat, drawn[6:])
    torch.testing.assert_close(code_fake, game.E(drawn[:6]))


def test_a_step_of_the_aegan_returns_its_six_losses(own, batch):
    x, z = batch
    torch.manual_seed(1)
    game = own.AEGAN(same, *WIDTHS)
    before = copy.deepcopy(game)
    found = game.step(x, z, rate=0.0).numpy()  # nothing moves, so that all six belong to the same weights
    code_x, code_fake, fake, x_hat = (part.detach() for part in before.walk(x, z))
    on_x = [before.D_x(part).detach().numpy() for part in (x, fake, x_hat)]
    on_z = [before.D_z(part).detach().numpy() for part in (z, code_x, code_fake)]
    by_hand = [softplus(-real).mean() + (softplus(a).mean() + softplus(b).mean()) / 2 for real, a, b in (on_x, on_z)]
    by_hand += [softplus(-a).mean() + softplus(-b).mean() for _, a, b in (on_x, on_z)]
    by_hand += [float((x - x_hat).abs().mean()), float(((z - code_fake) ** 2).mean())]
    np.testing.assert_allclose(found, by_hand, rtol=1e-4)


def test_discriminators_move_by_their_losses_alone(own, batch):
    """With weights that switch the players' losses off, D_x and D_z still move; their update leaves G and E alone."""
    x, z = batch
    game = own.AEGAN(same, *WIDTHS)
    judges = weights_of(game.D_x, game.D_z)
    players = weights_of(game.G, game.E)
    code_x, code_fake, fake, x_hat = game.walk(x, z)
    real_update, calls = own.update, []

    def noted(optimizer, loss, rate):
        if not calls:
            real_update(optimizer, loss, rate)
            calls.append((moved(judges, game.D_x, game.D_z), moved(players, game.G, game.E)))
            assert all(weight.grad is None for weight in game.G.parameters())
        else:
            judged = weights_of(game.D_x, game.D_z)
            real_update(optimizer, loss, rate)
            calls.append((moved(judged, game.D_x, game.D_z), moved(players, game.G, game.E)))

    step = own.AEGAN.step
    step.__globals__["update"] = noted
    try:
        game.step(x, z, 1e-3)
    finally:
        step.__globals__["update"] = real_update
    (judges_first, players_first), (judges_second, players_second) = calls
    assert all(judges_first) and not any(players_first)
    assert not any(judges_second) and all(players_second)
    assert all(weight.requires_grad for weight in game.D_x.parameters())


@pytest.mark.parametrize("term", ["codes", "pictures", "codes again"])
def test_every_term_reaches_generator_and_encoder(own, batch, term):
    x, z = batch
    game = own.AEGAN(same, *WIDTHS)
    code_x, code_fake, fake, x_hat = game.walk(x, z)
    if term == "codes":
        loss = own.loss_players(game.D_z(code_x), game.D_z(code_fake))
    else:
        loss = own.loss_image(x, x_hat) if term == "pictures" else own.loss_code(z, code_fake)
    loss.backward()
    for layer in (game.G.project, game.E.downs[0]):
        assert layer.weight.grad is not None and bool(layer.weight.grad.any())


def test_a_step_of_the_dcgan(own, batch):
    x, z = batch
    game = own.DCGAN(same, *WIDTHS)
    before, start = copy.deepcopy(game), weights_of(game.average)
    found = game.step(x, z, rate=0.0).numpy()
    fake = before.G(z).detach()
    real, drawn = (before.D_x(part).detach().numpy() for part in (x, fake))
    by_hand = softplus(-real).mean() + softplus(drawn).mean(), softplus(-drawn).mean()
    np.testing.assert_allclose(found, by_hand, rtol=1e-4)
    judges, players = weights_of(game.D_x), weights_of(game.G)
    game.step(x, z, rate=1e-3)
    assert all(moved(judges, game.D_x)) and all(moved(players, game.G)) and any(moved(start, game.average))


def test_the_average_starts_as_the_model_and_follows_it(own):
    game = own.DCGAN(same, *WIDTHS)
    for mean, now in zip(game.average.state_dict().values(), game.G.state_dict().values(), strict=True):
        torch.testing.assert_close(mean, now)
    average, model = torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False)
    average.weight.data[:], model.weight.data[:] = 1.0, 3.0
    own.follow(average, model, done=1)  # decay 2/11
    assert float(average.weight.detach()) == pytest.approx(1 * 2 / 11 + 3 * 9 / 11)
    average.weight.data[:] = 1.0
    own.follow(average, model, done=100_000)
    assert float(average.weight.detach()) == pytest.approx(1.02)


def test_an_aegan_learns_two_round_trips(own):
    """Four flat pictures: after some steps the encoder's round trip is far better than at the start."""
    torch.manual_seed(2)
    game = own.AEGAN(same, *WIDTHS)
    x = torch.linspace(-0.8, 0.8, 4)[:, None, None, None].expand(4, 3, 32, 32).contiguous()
    losses = torch.stack([game.step(x, torch.randn(4, 32), 4e-3) for _ in range(60)])
    assert losses[-10:, 4].mean() < 0.8 * losses[:3, 4].mean()
    assert torch.isfinite(losses).all()


# --- data and inversion ----------------------------------------------------------------------------------------------


def test_tripled_pictures(own):
    images = np.random.default_rng(0).integers(0, 256, size=(5, 4, 4, 3), dtype=np.uint8)
    out = own.tripled(images, np.random.default_rng(1))
    assert out.shape == (15, 4, 4, 3) and out.dtype == np.uint8
    np.testing.assert_array_equal(out[:5], images)
    np.testing.assert_array_equal(out[5:10, :, 0], images[:, :, -1])
    np.testing.assert_array_equal(out[5:10, :, ::-1], images)
    factors = np.random.default_rng(1).uniform(0.8, 1.2, size=(5, 1, 1, 3))
    np.testing.assert_array_equal(out[10:], np.clip(np.rint(images * factors), 0, 255))
    bright = np.full((1, 2, 2, 3), 250, np.uint8)
    assert own.tripled(bright, np.random.default_rng(3))[2].min() >= 200  # clipped, not wrapped round


class Doubler(torch.nn.Module):
    """Codes (B, 32) → pictures (B, 1, 1, 32): each number doubled."""

    def forward(self, z):
        return 2 * z[:, None, None, :]


def test_inversion_finds_codes_and_keeps_to_its_time(own):
    codes = torch.linspace(-0.3, 0.3, 64).reshape(2, 32)
    x, middle = Doubler()(codes), torch.zeros(1, 32)
    ticks = iter(range(1_000_000))
    found, steps = own.invert(Doubler(), x, middle, seconds=200, clock=lambda: next(ticks))
    assert steps == 200
    torch.testing.assert_close(found, codes, atol=0.01, rtol=0)
    start, one = own.invert(Doubler(), x, middle, seconds=0.0)
    assert one == 1 and float((start.abs() - 0.1).abs().max()) < 1e-3  # Adam's first step is the rate
    assert not found.requires_grad and not middle.any()


def test_inversion_starts_from_the_nearest_code(own):
    codes = torch.linspace(-0.3, 0.3, 64).reshape(2, 32)
    starts = torch.cat([torch.ones(1, 32), codes.flip(0) + 0.01, -torch.ones(1, 32)])
    found, _ = own.invert(Doubler(), Doubler()(codes), starts.clone(), seconds=0.0, rate=1e-6)
    torch.testing.assert_close(found, codes + 0.01, atol=1e-5, rtol=0)


def test_the_search_for_a_start_is_part_of_the_time(own):
    class Slow(Doubler):
        passes = 0

        def forward(self, z):
            self.passes += 1
            return super().forward(z)

    G = Slow()
    _, steps = own.invert(G, torch.zeros(2, 1, 1, 32), torch.ones(1, 32), seconds=4, clock=lambda: G.passes)
    assert steps == 3 and G.passes == 4


def test_there_and_back_gives_codes_pictures_and_the_mean_time(own):
    passes, ticks = [], iter([10.0, 22.0])
    x = torch.ones(2, 3, 4, 4)
    z, x_hat, seconds = own.there_and_back(
        lambda x: passes.append(1) or 2 * x, lambda z: z + 1, x, rounds=3, clock=lambda: next(ticks)
    )
    assert torch.equal(z, 2 * x) and torch.equal(x_hat, 3 * x)
    assert seconds == 4 and len(passes) == 3


def test_the_stored_pair_reconstructs_pictures_that_it_never_saw(own):
    state, how = checkpoints.load(PROJECT)
    G, E = own.Generator(how["widths"][0]), own.Reader(how["widths"][1], own.LATENT, norm=True)
    checkpoints.set_state(nn.ModuleList([G, E]), state)
    pictures, _ = own.drawn_creatures(120, 32, quiet=True)
    x = 2 * torch.from_numpy(pictures.transpose(0, 3, 1, 2) / np.float32(255)) - 1
    G.eval(), E.eval()
    with torch.no_grad():
        error = float(own.squared_error(G, E(x), x).mean())
    spread = float((x / 2).var(dim=0).mean())  # the error of the mean picture
    assert error < 0.012 and error < 0.12 * spread
    assert how["numbers"]["share_of_the_way"] > 0.65


def test_squared_error_is_in_units_of_pixels(own):
    z = torch.zeros(2, 32)
    x = torch.stack([torch.full((1, 1, 32), 1.0), torch.full((1, 1, 32), 0.5)])
    np.testing.assert_allclose(own.squared_error(Doubler(), z, x), [0.25, 0.0625])
