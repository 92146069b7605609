"""Project 1: losses, networks and every adjective's number against hand work and independent computations."""

import numpy as np
import pytest

from helpers import lessons

PROJECT = "p1_cartoon_faces"


@pytest.fixture(scope="module")
def own():
    return lessons.definitions(PROJECT, "tensorflow")


@pytest.fixture(autouse=True)
def _seed(own):
    own.keras.utils.set_random_seed(0)


def pictures(n=6, side=8, seed=0):
    return np.random.default_rng(seed).random((n, side, side, 3))


@pytest.mark.parametrize(("smallest", "side"), [(25, 26), (26, 26), (63, 64), (96, 96), (1, 2)])
def test_the_side_is_the_smallest_rounded_up_to_even(own, smallest, side):
    assert own.even_side(smallest) == side


def test_networks_have_the_parameters_that_the_text_counts(own):
    assert own.make_encoder(16, 2048).count_params() + own.make_decoder(16, 1024).count_params() == 12_636_163
    assert own.make_encoder(16, 1).count_params() == 448 + 4640 + 18496 + 4097
    assert own.make_decoder(16, 64, norm=True).count_params() - own.make_decoder(16, 64).count_params() == 4 * 112
    assert own.make_encoder(16, 1, kernel=4).count_params() - own.make_encoder(16, 1).count_params() == 7 * 16 * 32


@pytest.mark.parametrize("side", [12, 26])
def test_the_decoder_turns_the_encoder_round_and_stays_between_0_and_1(own, side):
    encoder, decoder = own.make_encoder(side, 10), own.make_decoder(side, 5)
    assert encoder(pictures(2, side)).shape == (2, 10)
    drawn = decoder(100 * np.random.default_rng(0).standard_normal((2, 5))).numpy()
    assert drawn.shape == (2, side, side, 3) and drawn.min() >= 0 and drawn.max() <= 1
    sides = [layer.output.shape[1:] for layer in encoder.layers if "conv" in layer.name]
    back = [layer.input.shape[1:] for layer in decoder.layers if "conv" in layer.name]
    assert sides == back[::-1], "each layer of the decoder starts where its mirror image ended"


def test_the_leaky_discriminator_lets_a_slope_through_below_zero(own):
    def slopes(slope):
        encoder = own.make_encoder(8, 1, slope=slope)
        for weight in encoder.weights:
            weight.assign(own.tf.zeros_like(weight) - (0.1 if weight.name == "kernel" else 0.0))
        return np.ptp(encoder(pictures(4)).numpy())

    assert slopes(0.0) == 0 and slopes(0.2) > 0


def test_initialise_gives_new_kernels_within_glorots_bounds_and_zero_biases(own):
    model = own.make_decoder(8, 6, norm=True)
    before = [weight.numpy() for weight in model.weights]
    own.initialise(model)
    for old, weight in zip(before, model.weights, strict=True):
        value = weight.numpy()
        if weight.name == "kernel":
            assert not np.allclose(old, value) and np.abs(value).max() > 0
        else:
            assert (value == (1.0 if weight.name in ("gamma", "moving_variance") else 0.0)).all(), weight.name
    assert np.abs(model.weights[0].numpy()).max() <= np.sqrt(6 / (6 + 4 * 4 * 64))


@pytest.mark.parametrize(
    ("factor", "numbers", "s2"), [(1000, 768, 0.384), (500, 768, 0.768), (1000, 3 * 96**2, 13.824)]
)
def test_the_factor_is_a_noise(own, factor, numbers, s2):
    assert own.noise_variance(factor, numbers) == pytest.approx(s2)


def test_factor_times_mse_is_the_gaussian_likelihood_up_to_its_constant(own):
    from scipy import stats

    x, a, b = (pictures(1, seed=seed)[0] for seed in range(3))
    s = own.noise_variance(700, x.size) ** 0.5
    log_p = [stats.norm(mean, s).logpdf(x).sum() for mean in (a, b)]
    assert log_p[0] - log_p[1] == pytest.approx(700 * (((x - b) ** 2).mean() - ((x - a) ** 2).mean()))


def test_kl_by_hand_and_by_sampling(own):
    mu, logvar = np.array([[1.0, 0.0, -0.5]]), np.log(np.array([[1.0, 0.25, 2.0]]))
    kl = own.kl_divergence(mu, logvar).numpy()[0]
    np.testing.assert_allclose(kl[:2], [0.5, 0.5 * (0.25 - 1 - np.log(0.25))], rtol=1e-6)
    z = mu + np.exp(0.5 * logvar) * np.random.default_rng(0).standard_normal((200_000, 3))
    sampled = (0.5 * z**2 - 0.5 * (logvar + (z - mu) ** 2 / np.exp(logvar))).mean(axis=0)
    np.testing.assert_allclose(kl, sampled, atol=0.01)


def test_the_vaes_terms_are_a_mean_over_pixels_and_a_sum_over_latents(own):
    vae = own.VAE(8, 7)
    own.initialise(vae.encoder, vae.decoder)
    x, eps = pictures().astype(np.float32), np.random.default_rng(1).standard_normal((6, 7)).astype(np.float32)
    mse, kl = (float(term) for term in vae.terms(x, eps))
    mu, logvar = np.split(vae.encoder(x).numpy().astype(float), 2, axis=1)
    x_hat = vae.decoder((mu + np.exp(logvar / 2) * eps).astype(np.float32)).numpy()
    assert mse == pytest.approx(np.square(x - x_hat).sum() / x.size, rel=1e-5)
    assert kl == pytest.approx(0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).sum() / 6, rel=1e-4)


def test_a_step_of_the_vae_goes_down_the_reports_loss(own):
    vae = own.VAE(8, 4)
    vae.restart()
    x, eps = (
        np.full((32, 8, 8, 3), 0.9, np.float32),
        np.zeros((32, 4), np.float32),
    )  # one colour: the output bias is enough
    losses = [1000 * mse + kl for mse, kl in (vae.update(x, eps, np.float32(1000)).numpy() for _ in range(30))]
    assert losses[-1] < 0.9 * losses[0]
    vae = own.VAE(8, 4)  # without the momentum of the steps before
    for weight in vae.weights:
        weight.assign(own.tf.zeros_like(weight))
    biased = vae.encoder.layers[-1].bias
    biased.assign(own.tf.ones_like(biased))
    vae.optimizer.learning_rate = 0.01
    vae.update(x, eps, np.float32(0))
    assert (biased.numpy() < 1).all(), "with factor 0 only the KL is left, and it pulls mean and log-variance to 0"


def by_bisection(variance, s2):
    """Signal variance w² that minimises one direction's loss: squared error of the posterior's decoding / 2s² + KL."""
    from scipy.optimize import minimize_scalar

    def loss(w):
        """Negative log-likelihood of the marginal N(0, w² + s²), averaged over data of this variance."""
        return 0.5 * np.log(w**2 + s2) + 0.5 * variance / (w**2 + s2)

    return minimize_scalar(loss, bounds=(0, 10), method="bounded", options={"xatol": 1e-9}).x ** 2


@pytest.mark.parametrize("s2", [0.2, 0.5, 2.0])
def test_the_linear_vae_is_the_maximum_likelihood_solution(own, s2):
    variances = np.array([4, 1, 0.25])
    signal = np.array([by_bisection(v, s2) for v in variances])
    signal[signal < 1e-6] = 0
    directions, nats, kept, spread = own.linear_vae(variances, s2)
    assert directions == (signal > 0).sum()
    assert spread == pytest.approx(signal.sum() / variances.sum(), abs=1e-5)
    posterior = s2 / (signal + s2)  # variance of the code given the image, prior 1
    moved = signal * variances / (signal + s2) ** 2  # variance of its mean over images
    assert nats == pytest.approx(0.5 * (moved + posterior - 1 - np.log(posterior)).sum(), abs=1e-5)
    lost = variances * (1 - signal / (signal + s2)) ** 2
    assert kept == pytest.approx(1 - lost.sum() / variances.sum(), abs=1e-5)


def test_directions_of_codes_that_lie_in_a_plane(own):
    rng = np.random.default_rng(0)
    plane = rng.standard_normal((300, 2)) @ rng.standard_normal((2, 40)) + 500
    assert own.directions_for(plane) == 2
    assert own.directions_for(rng.standard_normal((4000, 10)), share=0.85) == 9
    assert own.directions_for(plane + 1e-3 * rng.standard_normal((300, 40)), share=0.9999999) > 2


def test_losses_of_the_players_against_probabilities(own):
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(2, 50, 1))
    probability = 1 / (1 + np.exp(-real)), 1 / (1 + np.exp(-fake))
    by_hand = -0.5 * np.log(probability[0]).mean() - 0.5 * np.log(1 - probability[1]).mean()
    assert float(own.loss_D(real, fake)) == pytest.approx(by_hand, rel=1e-6)
    assert float(own.loss_G(fake)) == pytest.approx(-np.log(probability[1]).mean(), rel=1e-6)


@pytest.mark.parametrize("penalty", [0.0, 0.1])
def test_each_turn_moves_its_own_player_alone_and_down_its_loss(own, penalty):
    game = own.Game(own.make_decoder(8, 4), own.make_encoder(8, 1), 4, penalty)
    game.restart()
    real, z = pictures(16).astype(np.float32), np.random.default_rng(0).standard_normal((16, 4)).astype(np.float32)
    rate, beta1 = np.float32(1e-3), np.float32(0.5)
    before = [[w.numpy() for w in m.weights] for m in (game.G, game.D)]
    losses, leads = zip(*(game.turn_D(real, z, rate, beta1).numpy() for _ in range(20)), strict=True)
    assert losses[-1] < losses[0] and leads[-1] > leads[0]
    assert all((a == w.numpy()).all() for a, w in zip(before[0], game.G.weights, strict=True))
    judge = [w.numpy() for w in game.D.weights]
    paid = [float(game.turn_G(z, rate, beta1)) for _ in range(20)]
    assert paid[-1] < paid[0]
    assert all((a == w.numpy()).all() for a, w in zip(judge, game.D.weights, strict=True))


def test_the_rate_is_the_one_that_is_given_and_steepness_is_the_squared_slope(own):
    game = own.Game(own.make_decoder(8, 4), own.make_encoder(8, 1), 4)
    game.restart()
    real, z = pictures(4).astype(np.float32), np.zeros((4, 4), np.float32)
    start = game.D.weights[0].numpy()
    game.turn_D(real, z, np.float32(0), np.float32(0.5))
    assert (start == game.D.weights[0].numpy()).all()
    linear = own.keras.Sequential([own.keras.Input((8, 8, 3)), own.layers.Flatten(), own.layers.Dense(1)])
    straight = own.Game(own.make_decoder(8, 4), linear, 4)
    kernel = linear.weights[0].numpy()
    assert float(straight.steepness(own.tf.constant(real))) == pytest.approx(np.square(kernel).sum(), rel=1e-5)


def test_sharpness_agrees_with_a_convolution_by_scipy(own):
    from scipy.ndimage import convolve

    x = pictures(3, 9)
    kernel = [[0, -1, 0], [-1, 4, -1], [0, -1, 0]]
    grey = x[..., 0] * 0.299 + x[..., 1] * 0.587 + x[..., 2] * 0.114
    inner = [convolve(g, kernel)[1:-1, 1:-1].var() for g in grey]
    assert own.sharpness(x) == pytest.approx(np.mean(inner))
    assert own.sharpness(0.5 * x + 0.2) == pytest.approx(0.25 * own.sharpness(x))


def test_colourfulness_pixel_by_pixel_as_in_the_paper(own):
    x = pictures(2, 5)
    values = []
    for image in x:
        rg = [255 * (r - g) for r, g, _ in image.reshape(-1, 3)]
        yb = [255 * ((r + g) / 2 - b) for r, g, b in image.reshape(-1, 3)]
        spread = (np.var(rg) + np.var(yb)) ** 0.5
        values.append(spread + 0.3 * (np.mean(rg) ** 2 + np.mean(yb) ** 2) ** 0.5)
    assert own.colourfulness(x) == pytest.approx(np.mean(values))
    assert own.colourfulness(x.mean(axis=-1, keepdims=True).repeat(3, axis=-1)) == pytest.approx(0, abs=1e-9)
    red = np.zeros((1, 4, 4, 3))
    red[..., 0] = 1
    assert own.colourfulness(red) == pytest.approx(0.3 * np.hypot(255, 127.5))


def test_variety_agrees_with_scipys_pairwise_distances(own):
    from scipy.spatial.distance import pdist

    rows = np.random.default_rng(0).standard_normal((20, 7))
    assert own.variety(rows) == pytest.approx(pdist(rows).mean())
    assert own.variety(np.ones((5, 3))) == pytest.approx(0, abs=1e-6)


def test_checkerboard_share_of_boards_stripes_and_noise(own):
    rows, cols = np.indices((8, 8))
    patterns = {"board": (rows + cols) % 2, "rows": rows % 2, "wide stripes": cols // 2 % 2, "half": cols // 4}
    shares = {name: own.checkerboard_share(p[None, ..., None] * np.ones(3)) for name, p in patterns.items()}
    assert shares["board"] == pytest.approx(1) and shares["rows"] == pytest.approx(1)
    assert shares["wide stripes"] < 0.01 and shares["half"] < 0.1
    noise = own.checkerboard_share(np.random.default_rng(0).random((500, 8, 8, 3)))
    assert noise == pytest.approx(15 / 63, abs=0.02)  # 15 of the 63 frequencies
