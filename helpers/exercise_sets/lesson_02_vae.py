"""Exercises of lesson 2, the variational autoencoder."""

from collections.abc import Callable
from typing import Any

import numpy as np

from helpers import exercise_models
from helpers.exercise_sets.vae_collapse import Q5
from helpers.exercises import Exercise, Mistake, Variant

Arrays = dict[str, Any]


def _kl(mu: Any, logvar: Any) -> Any:
    """Terms of Eq. 1, one for each dimension."""
    return -0.5 * (1 + logvar - mu**2 - np.exp(logvar))


# --- 1. the divergence of one cloud, by hand


def _cloud(mu: Any, sigma: Any, **more: Any) -> Exercise:
    """The exercise for a cloud whose first dimension has σ = 1."""
    mu, sigma = np.array(mu), np.array(sigma)
    terms = _kl(mu, np.log(sigma**2))
    right, variance = float(terms.sum()), f"{sigma[1] ** 2:g}"
    return Exercise(
        id="q1",
        title="The divergence of one cloud",
        kind="derive",
        points=1,
        minutes=3,
        reference=right,
        atol=0.002,
        hints=[
            "Eq. 1 has one term for each dimension; the divergence is their sum.",
            f"The first dimension has σ = 1, so only ½ μ² is left of it: {terms[0]:g}.",
            f"The second: -½ (1 + log {variance} - {mu[1] ** 2:g} - {variance}) = {terms[1]:.3f}.",
        ],
        mistakes=[
            Mistake(2 * right, "The factor ½ of Eq. 1 is missing."),
            Mistake(right / 2, "That is the mean over the two dimensions; Eq. 1 sums over them."),
            Mistake(-right, "The sign is turned round: a divergence is never negative."),
            Mistake(
                float(_kl(mu, np.log(sigma)).sum()),
                f"You took σ where σ² belongs: the second variance is {variance}, not {sigma[1]:g}.",
            ),
            Mistake(float(_kl(mu, sigma**2).sum()), "You put σ² in the place of log σ²: take the logarithm first."),
            Mistake(right / np.log(2), "That is in bits (log to base 2); nats want the natural logarithm."),
        ],
        **more,
    )


def _other_cloud(rng: np.random.Generator) -> Variant:
    """μ from -2.5 to 2.5 in steps of a tenth, the second σ from ½ to 4."""
    mu = rng.integers(1, 26, 2) * rng.choice([-1, 1], 2) / 10
    sigma = [1.0, float(rng.choice([0.5, 1.5, 2, 2.5, 3, 4]))]
    words = {"(0.5, -1)": f"({mu[0]:g}, {mu[1]:g})", "(1, 2)": f"(1, {sigma[1]:g})"}
    return Variant(words, _cloud(mu, sigma))


Q1 = _cloud([0.5, -1.0], [1.0, 2.0], variants=_other_cloud)

# --- 2. a prior of any width


def kl_to_prior(mu: np.ndarray, logvar: np.ndarray, s: float) -> np.ndarray:
    """KL(N(mu, exp(logvar)) ‖ N(0, s² I)) per image. mu, logvar: (B, latent_dim) → (B,), in nats."""
    return 0.5 * (2 * np.log(s) - logvar + (mu**2 + np.exp(logvar)) / s**2 - 1).sum(axis=1)


def _clouds(rng: np.random.Generator) -> Arrays:
    return {"mu": rng.normal(size=(8, 3)), "logvar": rng.normal(size=(8, 3)), "s": float(rng.uniform(1.5, 3.0))}


def _prior_with(log_s2: float = 1.0, power: int = 2, sigma_read: float = 1.0, mu_divided: bool = True) -> Callable:
    """A wrong `kl_to_prior`: the weight of log s², the power of s, the factor in exp, whether μ² is divided."""

    def answer(mu: Any, logvar: Any, s: float) -> Any:
        mean_part = mu**2 / s**power if mu_divided else mu**2
        spread = np.exp(sigma_read * logvar) / s**power
        return 0.5 * (log_s2 * 2 * np.log(s) - logvar + mean_part + spread - 1).sum(axis=1)

    return answer


Q2 = Exercise(
    id="q2",
    title="Divergence to a prior of any width",
    kind="derive",
    points=2,
    minutes=10,
    inputs=_clouds,
    reference=kl_to_prior,
    hints=[
        "Write E_q[log q(z) - log p(z)] for one dimension; s² is in the normalisation of p and in its exponent.",
        "E_q[z²] = μ² + σ². The normalisations leave ½ log(s² / σ²).",
        "At s = 1 Eq. 1 must come back, and at μ = 0, σ = s the result must be 0.",
    ],
    mistakes=[
        Mistake(
            lambda mu, logvar, s: kl_to_prior(mu, logvar, s).sum(),
            "One number an image, please: you also summed over the batch.",
        ),
        Mistake(
            lambda mu, logvar, s: kl_to_prior(mu, logvar, s).mean(),
            "One number an image, please: you averaged over the batch. The loss takes that mean later.",
        ),
        Mistake(
            lambda mu, logvar, s: kl_to_prior(mu, logvar, s) / mu.shape[1],
            "You averaged over the latent dimensions; the divergence sums over them.",
        ),
        Mistake(
            lambda mu, logvar, s: kl_to_prior(mu, logvar, 1.0),
            "The result doesn't depend on s: that is Eq. 1, the prior of unit width.",
        ),
        Mistake(_prior_with(log_s2=0.0), "The term log s² is missing: at μ = 0, σ = s the divergence must be 0."),
        Mistake(_prior_with(log_s2=0.5), "The normalisation of the prior gives log s², not log s."),
        Mistake(_prior_with(power=1), "You divide by s; the exponent of the prior has s²."),
        Mistake(_prior_with(sigma_read=0.5), "exp(0.5 · logvar) is σ; the formula wants σ² = exp(logvar)."),
        Mistake(_prior_with(mu_divided=False), "μ² must be divided by s² too: E[z²] = μ² + σ²."),
        Mistake(lambda mu, logvar, s: 2 * kl_to_prior(mu, logvar, s), "The factor ½ is missing."),
        Mistake(
            lambda mu, logvar, s: -kl_to_prior(mu, logvar, s),
            "The sign is turned round: a divergence is never negative.",
        ),
    ],
)

# --- 3. three bugs in a loss


def _mended(std: float = 0.5, pixels: str = "sum", latents: str = "sum", batch: str = "mean") -> Callable:
    """The loss of Eq. 5 with its reductions and the factor of logvar in the draw to choose."""

    def loss(decode_loss: Callable, mu: np.ndarray, logvar: np.ndarray, eps: np.ndarray) -> np.ndarray:
        per_pixel = decode_loss(mu + np.exp(std * logvar) * eps)
        recon = getattr(per_pixel, pixels)(axis=(1, 2, 3))
        kl = getattr(_kl(mu, logvar), latents)(axis=1)
        total = recon + kl
        return total if batch == "none" else getattr(total, batch)()

    return loss


def mended_loss(decode_loss: Callable, mu: np.ndarray, logvar: np.ndarray, eps: np.ndarray) -> np.ndarray:
    """The negative bound of a batch with one draw an image, Eq. 5: sum over pixels and latents, mean over the batch."""
    return _mended()(decode_loss, mu, logvar, eps)


def _batch(rng: np.random.Generator) -> Arrays:
    shape = (6, 3)
    return {
        "decode_loss": exercise_models.by_track(exercise_models.pixel_losses),
        "mu": rng.normal(size=shape),
        "logvar": rng.normal(size=shape),
        "eps": rng.normal(size=shape),
    }


Q3 = Exercise(
    id="q3",
    title="Three bugs in a loss",
    kind="bug",
    points=3,
    minutes=10,
    inputs=_batch,
    reference=mended_loss,
    hints=[
        "Check the draw against `reparameterise`: what is exp(logvar)?",
        "Eq. 5 sums over pixels and sums over latents. Which sums did her two means replace?",
        "Sum pixels to (B,), sum latents to (B,), add, then take one mean over the batch.",
    ],
    mistakes=[
        Mistake(
            _mended(std=1.0, pixels="mean", latents="mean"),
            "That is her loss unchanged; all three bugs are still in it.",
        ),
        Mistake(
            _mended(std=1.0),
            "The reductions are right now. The draw still scales ε by σ²: exp(logvar) is the variance.",
        ),
        Mistake(_mended(pixels="mean"), "The reconstruction is still averaged over the pixels; Eq. 5 sums over them."),
        Mistake(
            _mended(latents="mean"),
            "The divergence is still averaged over the latent dimensions; Eq. 1 sums over them.",
        ),
        Mistake(
            _mended(pixels="mean", latents="mean"),
            "The draw is right now. Both terms are still averaged over everything: β is pixels / latent_dim.",
        ),
        Mistake(_mended(std=1.0, pixels="mean"), "Two bugs are left: σ² in the draw, and the mean over the pixels."),
        Mistake(_mended(std=1.0, latents="mean"), "Two bugs are left: σ² in the draw, and the mean over the latents."),
        Mistake(
            _mended(batch="sum"),
            "You summed over the batch as well: take the mean, or the learning rate depends on it.",
        ),
        Mistake(_mended(batch="none"), "That is one number an image; the loss is their mean, a scalar."),
    ],
)

# --- 4. the β that hides in a weight


def equivalent_beta(weight: float, n_pixels: int, s2: float) -> float:
    """The β that a weight on the mean squared error amounts to, for a Gaussian decoder of variance s2."""
    return n_pixels / (2 * s2 * weight)


def _weights(rng: np.random.Generator) -> Arrays:
    return {
        "weight": float(rng.uniform(100, 2000)),
        "n_pixels": int(rng.integers(300, 5000)),
        "s2": float(rng.uniform(0.2, 0.8)),
    }


Q4 = Exercise(
    id="q4",
    title="The β that hides in a weight",
    kind="derive",
    points=2,
    minutes=5,
    inputs=_weights,
    reference=equivalent_beta,
    arrays="numpy",
    hints=[
        "A loss may be multiplied by any positive number; its minimum stays where it is.",
        "w · MSE = (w / n) Σ (x - x̂)². What must you multiply with to make that 1/(2s²) Σ (x - x̂)²?",
        "With n = 784, s² = 1 and w = 1000 the result must be 0.392.",
    ],
    mistakes=[
        Mistake(
            lambda w, n, s2: n / (s2 * w), "The factor ½ is missing: the Gaussian's exponent is -(x - x̂)² / (2s²)."
        ),
        Mistake(
            lambda w, n, s2: 2 * s2 * w / n,
            "That is the inverse: a larger weight on the reconstruction is a smaller β.",
        ),
        Mistake(lambda w, n, s2: 1 / (2 * s2 * w), "The MSE is a mean over the pixels; their number is missing."),
        Mistake(lambda w, n, s2: n / (2 * w), "The variance s² of the decoder is missing; you took s = 1."),
        Mistake(lambda w, n, s2: n / (2 * s2**0.5 * w), "You divided by s; the argument s2 is already the variance."),
        Mistake(
            lambda w, n, s2: n * s2 / (2 * w), "s² stands on the wrong side: a wider decoder forgives more, so β falls."
        ),
    ],
)

# --- 6. a tighter bound


def log_mean_weight(log_w: np.ndarray) -> np.ndarray:
    """log of the mean of exp(log_w) over the draws, without underflow. log_w: (B, K) → (B,), in nats."""
    top = log_w.max(axis=1)
    return top + np.log(np.exp(log_w - top[:, None]).mean(axis=1))


def _log_weights(rng: np.random.Generator) -> Arrays:
    """Log-weights near -160, where exp gives 0 in float32."""
    return {"log_w": -160 + 3 * rng.normal(size=(7, 5))}


def _naive(log_w: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(np.exp(log_w.astype(np.float32)).mean(axis=1))


def _axis(log_w: np.ndarray) -> np.ndarray:
    return log_mean_weight(log_w.T)


Q6 = Exercise(
    id="q6",
    title="A tighter bound",
    kind="open",
    points=2,
    minutes=15,
    inputs=_log_weights,
    reference=log_mean_weight,
    hints=[
        "Subtract the largest log-weight of each row before exp, and add it again after log.",
        "logsumexp does that for a sum. A mean over K is the sum divided by K: in logs, minus log K.",
        "With K = 1 the result is log_w itself, which averages to the ELBO.",
    ],
    mistakes=[
        Mistake(
            lambda log_w: log_w.mean(axis=1),
            "That is the mean of the logs: the ELBO with K draws. Take the log of the mean, which is larger.",
        ),
        Mistake(
            lambda log_w: log_mean_weight(log_w) + np.log(log_w.shape[1]),
            "That is the log of the sum; a mean over K draws needs - log K.",
        ),
        Mistake(_naive, "exp(-160) is 0 in float32, so the log is -inf: subtract the largest value first."),
        Mistake(
            lambda log_w: log_w.max(axis=1), "That is only the best draw: its neighbours count too, and so does 1/K."
        ),
        Mistake(_axis, "You averaged over the images; the draws are the second axis, and the result has shape (B,)."),
        Mistake(
            lambda log_w: log_mean_weight(log_w).mean(),
            "One number an image, please: you also averaged over the batch.",
        ),
        Mistake(
            lambda log_w: -log_mean_weight(log_w), "The sign is turned round: this is a bound on log p(x), not a loss."
        ),
    ],
)

EXERCISES = [Q1, Q2, Q3, Q4, Q5, Q6]
