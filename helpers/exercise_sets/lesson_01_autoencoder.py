"""Exercises of lesson 1: parameters, the best linear decoder, a denoiser with two bugs, AUROC, an experiment."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from helpers.exercises import Exercise, Mistake, NumpyFunction, Tools, Wrong

# --- q1: how many parameters ----------------------------------------------------------------------------------


def _latent(rng: np.random.Generator) -> dict[str, Any]:
    return {"latent_dim": int(rng.integers(2, 300))}


def parameters(latent_dim: int) -> int:
    """Trainable parameters of the lesson's ConvAutoencoder(latent_dim)."""
    convolutions = (1 * 32 * 9 + 32) + (32 * 64 * 9 + 64)
    transposed = (64 * 32 * 9 + 32) + (32 * 1 * 9 + 1)
    hidden = (3136 * 128 + 128) + (128 * 3136 + 3136)
    code = (128 * latent_dim + latent_dim) + (latent_dim * 128 + 128)
    return convolutions + transposed + hidden + code


_CONV_BIASES, _DENSE_BIASES = 32 + 64 + 32 + 1, 128 + 3136 + 128
_DECODER = 128 + (128 * 3136 + 3136) + (64 * 32 * 9 + 32) + (32 * 9 + 1)

Q1 = Exercise(
    id="q1",
    title="Count the parameters",
    kind="derive",
    points=1,
    minutes=5,
    inputs=_latent,
    reference=parameters,
    rtol=0,
    atol=0.5,
    hints=[
        "Go layer by layer: conv1 1 → 32, conv2 32 → 64, hidden 3136 → 128, code 128 → latent_dim; "
        "and the mirror image.",
        "Only two layers depend on latent_dim: code (128·latent_dim + latent_dim) and the decoder's first "
        "(latent_dim·128 + 128).",
        "At latent_dim = 16 the sum is 847,889, which the lesson prints.",
    ],
    mistakes=[
        Mistake(
            lambda latent_dim: parameters(latent_dim) - _CONV_BIASES - _DENSE_BIASES - latent_dim,
            "All biases are missing: each output channel, and each output of a dense layer, has one.",
        ),
        Mistake(
            lambda latent_dim: parameters(latent_dim) - _CONV_BIASES,
            "The convolutions' biases are missing: one for each output channel, in transposed ones too.",
        ),
        Mistake(
            lambda latent_dim: parameters(latent_dim) - _DENSE_BIASES - latent_dim,
            "The dense layers' biases are missing: one for each output.",
        ),
        Mistake(
            lambda latent_dim: parameters(latent_dim) - 31 * 64 * 9 - 63 * 32 * 9,
            "Each output channel of the 32 → 64 (and 64 → 32) convolution has a kernel for *every* input channel: "
            "a·b·k² weights, not b·k².",
        ),
        Mistake(
            lambda latent_dim: parameters(latent_dim) - _DECODER - 128 * latent_dim,
            "That is the encoder alone. The decoder has parameters too.",
        ),
        Mistake(
            lambda latent_dim: _DECODER + 128 * latent_dim,
            "That is the decoder alone. The encoder has parameters too.",
        ),
        Mistake(
            lambda latent_dim: parameters(latent_dim) - (3136 - 784) * 128 * 2 - (3136 - 784),
            "After the second convolution there are 7·7·64 = 3136 numbers an image, not 784.",
        ),
    ],
)

# --- q2: the best linear decoder for given codes --------------------------------------------------------------


def _codes(rng: np.random.Generator) -> dict[str, Any]:
    z = rng.normal(size=(40, 3)) @ rng.normal(size=(3, 3)) + rng.uniform(1, 2, 3)
    x = z @ rng.normal(size=(3, 5)) + np.sin(z[:, :1]) + 0.3 * rng.normal(size=(40, 5)) + rng.uniform(1, 2, 5)
    return {"z": z, "x": x}


def best_decoder(z: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least-squares decoder: z (N, k), x (N, d) → D (d, k), b (d,)."""
    zc, xc = z - z.mean(axis=0), x - x.mean(axis=0)
    matrix = np.linalg.solve(zc.T @ zc, zc.T @ xc).T
    return matrix, x.mean(axis=0) - matrix @ z.mean(axis=0)


def _no_offset(z: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.linalg.lstsq(z, x, rcond=None)[0].T, np.zeros(x.shape[1])


def _transposed(z: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    matrix, offset = best_decoder(z, x)
    return matrix.T, offset


def _mean_as_offset(z: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return best_decoder(z, x)[0], x.mean(axis=0)


def _uncentred_slope(z: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    matrix = _no_offset(z, x)[0]
    return matrix, x.mean(axis=0) - matrix @ z.mean(axis=0)


def _no_inverse(z: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    matrix = ((z - z.mean(axis=0)).T @ (x - x.mean(axis=0)) / len(z)).T
    return matrix, x.mean(axis=0) - matrix @ z.mean(axis=0)


def _encoder_transposed(z: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    matrix = best_decoder(x, z)[0].T
    return matrix, x.mean(axis=0) - matrix @ z.mean(axis=0)


Q2 = Exercise(
    id="q2",
    title="The best linear decoder for given codes",
    kind="derive",
    points=3,
    minutes=12,
    arrays="numpy",
    inputs=_codes,
    reference=best_decoder,
    returns=("D", "b"),
    dtype="float64",
    rtol=1e-4,
    atol=1e-5,
    hints=[
        "The derivative by b says that the residuals have mean zero: b = mean(x) − D·mean(z).",
        "Put that in: only deviations from the means remain. With zc, xc for them, minimise ‖xc − zc·Dᵀ‖².",
        "The derivative by D gives D·(zcᵀzc) = xcᵀzc. Solve it with np.linalg.solve; both sides may need a transpose.",
    ],
    mistakes=[
        Mistake(_no_offset, "Your decoder has no offset: b is zero. It passes through the origin, the data do not."),
        Mistake(_transposed, "D has the wrong orientation: it maps a code to an image, so its shape is (d, k)."),
        Mistake(
            _mean_as_offset,
            "D is right, but b is the mean of x alone. At z = mean(z) the decoder must answer "
            "mean(x): subtract D·mean(z).",
        ),
        Mistake(
            _uncentred_slope,
            "b is chosen well for your D, but D was fitted without an offset: take the means off z and x first.",
        ),
        Mistake(
            _no_inverse,
            "That is the covariance of x and z. It is the best decoder only when the codes have covariance I; "
            "the inverse of zcᵀzc is missing.",
        ),
        Mistake(
            _encoder_transposed,
            "You solved for the best linear *encoder* and transposed it. That equals the decoder only in special "
            "cases, such as PCA's.",
        ),
    ],
)

# --- q3: the denoiser's loss with two bugs --------------------------------------------------------------------


def _denoising_case(rng: np.random.Generator) -> dict[str, Any]:
    shape = (6, 5, 4, 1)
    return {
        "model": NumpyFunction(_bend),
        "x": rng.uniform(0, 1, shape),
        "noise": rng.normal(size=shape),
        "sigma": float(rng.uniform(0.3, 0.7)),
    }


def _bend(images: np.ndarray) -> np.ndarray:
    """A stand-in for a network, the same in either layout: each pixel bent, so that it is no identity."""
    return 0.2 + 0.7 * images**2


def _loss(x: np.ndarray, x_hat: np.ndarray) -> np.ndarray:
    return ((x - x_hat) ** 2).reshape(len(x), -1).sum(axis=1).mean()


def denoising_loss(model: Any, x: np.ndarray, noise: np.ndarray, sigma: float) -> np.ndarray:
    """Squared error of model(noisy x) against the clean x: summed over pixels, mean over the batch."""
    return _loss(x, model(np.clip(x + sigma * noise, 0, 1)))


def _both_bugs(model: Any, x: np.ndarray, noise: np.ndarray, sigma: float) -> np.ndarray:
    noisy = np.clip(x + sigma**2 * noise, 0, 1)
    return _loss(noisy, model(noisy))


def _noisy_target(model: Any, x: np.ndarray, noise: np.ndarray, sigma: float) -> np.ndarray:
    noisy = np.clip(x + sigma * noise, 0, 1)
    return _loss(noisy, model(noisy))


Q3 = Exercise(
    id="q3",
    title="A denoiser that removes nothing",
    kind="bug",
    points=2,
    minutes=8,
    inputs=_denoising_case,
    images=("x", "noise"),
    reference=denoising_loss,
    rtol=1e-4,
    atol=1e-4,
    hints=[
        "Which image should come out of a denoiser? Compare with the image that this loss rewards.",
        "A normal variable of standard deviation σ is σ times a standard normal one. What does the code multiply by?",
    ],
    mistakes=[
        Mistake(_both_bugs, "Both bugs are still in: look at the target of the loss, and at the factor of the noise."),
        Mistake(
            _noisy_target,
            "The noise is right now, but the target is still the noisy image: this rewards a network that copies.",
        ),
        Mistake(
            lambda model, x, noise, sigma: _loss(x, model(np.clip(x + sigma**2 * noise, 0, 1))),
            "The target is right now, but the noise is multiplied by σ²: σ is a standard deviation, not a variance.",
        ),
        Mistake(
            lambda model, x, noise, sigma: _loss(x, model(x + sigma * noise)),
            "The clipping is gone: pixels must stay in [0, 1], as in `add_noise`.",
        ),
        Mistake(
            lambda model, x, noise, sigma: _loss(x, model(x)),
            "The model gets the clean image: feed it the noisy one.",
        ),
        Mistake(
            lambda model, x, noise, sigma: denoising_loss(model, x, noise, sigma) / x[0].size,
            "You take the mean over the pixels; Eq. 2 sums over them and takes the mean over the images only.",
        ),
        Mistake(
            lambda model, x, noise, sigma: denoising_loss(model, x, noise, sigma) * len(x),
            "You sum over the batch too; Eq. 2 takes the mean over the images.",
        ),
    ],
)

# --- q4: AUROC from its meaning -------------------------------------------------------------------------------


def _scores(rng: np.random.Generator) -> dict[str, Any]:
    inside = np.round(rng.gamma(4, 2, size=23))  # rounded, so that ties occur
    outside = np.round(rng.gamma(4, 2, size=17) + 3)
    return {"inside": inside, "outside": outside}


def auroc_by_pairs(inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Share of pairs in which the outside score is larger, ties counted one half."""
    difference = outside[:, None] - inside[None, :]
    return (difference > 0).mean() + 0.5 * (difference == 0).mean()


def _accuracy(inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    threshold = np.median(np.concatenate([inside, outside]))
    right = (outside > threshold).sum() + (inside <= threshold).sum()
    return right / (len(inside) + len(outside))


Q4 = Exercise(
    id="q4",
    title="AUROC by counting pairs",
    kind="implement",
    points=2,
    minutes=8,
    arrays="numpy",
    inputs=_scores,
    reference=auroc_by_pairs,
    rtol=1e-5,
    atol=1e-6,
    hints=[
        "There are N·M pairs. outside[:, None] − inside[None, :] holds all their differences.",
        "Count the positive differences, and half of the zeros; divide by the number of pairs.",
    ],
    mistakes=[
        Mistake(
            lambda inside, outside: 1 - auroc_by_pairs(inside, outside),
            "The direction is turned round: count the pairs in which the *strange* image has the larger error.",
        ),
        Mistake(
            lambda inside, outside: (outside[:, None] > inside).mean(),
            "Ties count as lost. A detector that gives every image the same error would get 0, "
            "but it is guessing: 0.5.",
        ),
        Mistake(
            lambda inside, outside: (outside[:, None] >= inside).mean(),
            "Ties count as won. A detector that gives every image the same error would get 1, but it is guessing: 0.5.",
        ),
        Mistake(_accuracy, "That is the accuracy at one threshold. The AUROC needs none: it compares pairs."),
        Mistake(
            lambda inside, outside: auroc_by_pairs(inside, outside) * len(inside) * len(outside),
            "That is a count of pairs, not a share: divide by their number.",
        ),
        Mistake(
            lambda inside, outside: np.array(outside.mean() > inside.mean(), dtype=float),
            "You compare the two means. Compare every pair.",
        ),
    ],
)

# --- q5: an experiment with few labels ------------------------------------------------------------------------

VERDICTS = ("code", "pixels", "unclear")


def few_labels(answer: Any, tools: Tools) -> Iterator[str]:
    """Read an experiment as a reviewer would: form, plausibility, enough draws, and a fitting verdict."""
    if not isinstance(answer, dict) or not {"code", "pixels", "verdict"} <= set(answer):
        yield 'Give a dict with the keys "code", "pixels" (a list of accuracies each) and "verdict".'
        return
    try:
        code, pixels = (np.asarray(answer[name], dtype=float).ravel() for name in ("code", "pixels"))
    except (TypeError, ValueError):
        yield '"code" and "pixels" must be lists of numbers: one accuracy a draw.'
        return
    if len(code) != len(pixels):
        yield f"The comparison is paired: give as many accuracies for both, not {len(code)} and {len(pixels)}."
        return
    if len(code) < 5:
        yield f"{len(code)} draw(s) say little: by luck alone, draws differ by several points. Use at least 5."
        return
    values = np.concatenate([code, pixels])
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        yield "Accuracies lie between 0 and 1; some of yours do not. Give shares, not per cents."
        return
    if np.ptp(code) == 0 or np.ptp(pixels) == 0:
        yield "All your draws gave the same accuracy: the labelled digits are not drawn anew. Use other seeds."
        return
    if values.mean() > 0.93:
        yield "Too good for ten labels a class: did the neighbours see all labels, or the test digits themselves?"
        return
    if not isinstance(answer["verdict"], str) or answer["verdict"] not in VERDICTS:
        yield f"The verdict must be one of {', '.join(VERDICTS)}."
        return
    yield from _judge_verdict(code - pixels, answer["verdict"])


def _judge_verdict(difference: np.ndarray, verdict: str) -> Iterator[str]:
    mean, error = difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference))
    seen = f"code minus pixels is {mean:+.3f} ± {error:.3f} (standard error over {len(difference)} draws)"
    winner = "code" if mean > 0 else "pixels"
    if verdict != "unclear" and verdict != winner:
        yield f"Your numbers say the opposite of your verdict: {seen}."
    elif verdict != "unclear" and abs(mean) < 2 * error:
        yield f"Your verdict is bolder than your numbers: {seen}. Say “unclear”, or draw more."
    elif verdict == "unclear" and abs(mean) > 3 * error:
        yield f"Your numbers are clearer than your verdict: {seen}."


_NOISE = np.array([0.01, -0.02, 0.015, -0.01, 0.005, 0.0])

Q5 = Exercise(
    id="q5",
    title="Does the code need fewer labels?",
    kind="design",
    points=4,
    minutes=15,
    verify=few_labels,
    hints=[
        "One draw: for each class, rng.choice(np.flatnonzero(y_train == label), 10, replace=False). "
        "Use the same rows for both.",
        "codes[16][0][few] are the labelled codes, codes[16][1] the test codes; metrics.knn_accuracy does the rest.",
        "Judge the *differences* of the same draw: mean, and standard error = standard deviation / √draws. "
        "Two standard errors is a usual bar.",
    ],
    wrong=[
        Wrong({"code": [0.8], "pixels": [0.7], "verdict": "code"}, "say little"),
        Wrong({"code": [0.8] * 6, "pixels": [0.7] * 6, "verdict": "code"}, "not drawn anew"),
        Wrong({"code": list(80 + 100 * _NOISE), "pixels": list(75 + 99 * _NOISE), "verdict": "code"}, "not per cents"),
        Wrong({"code": list(0.95 + _NOISE / 2), "pixels": list(0.945 - _NOISE / 2), "verdict": "unclear"}, "too good"),
        Wrong(
            {"code": list(0.75 + _NOISE), "pixels": list(0.80 + _NOISE / 2), "verdict": "code"},
            "opposite of your verdict",
        ),
        Wrong(
            {"code": list(0.751 + _NOISE), "pixels": list(0.75 - _NOISE), "verdict": "code"}, "bolder than your numbers"
        ),
        Wrong(
            {"code": list(0.80 + _NOISE), "pixels": list(0.70 + _NOISE / 2), "verdict": "unclear"}, "clearer than your"
        ),
        Wrong({"code": [0.8, 0.7, 0.75, 0.7, 0.8], "pixels": [0.7] * 4, "verdict": "code"}, "paired"),
        Wrong({"code": [0.8, 0.81, 0.79, 0.8, 0.8], "pixels": [0.7, 0.71, 0.7, 0.7, 0.69], "verdict": "yes"}, "one of"),
        Wrong({"verdict": "code"}, "keys"),
    ],
    right=[
        {"code": list(0.80 + _NOISE), "pixels": list(0.70 + _NOISE / 2), "verdict": "code"},
        {"code": list(0.751 + _NOISE), "pixels": list(0.75 - _NOISE), "verdict": "unclear"},
    ],
)

EXERCISES = [Q1, Q2, Q3, Q4, Q5]
