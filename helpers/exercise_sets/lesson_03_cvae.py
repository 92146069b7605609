"""Exercises of lesson 3, the conditional VAE."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from helpers.exercise_sets.cvae_swap import Q4, number
from helpers.exercises import Exercise, Mistake, Tools, Wrong

# --- 1. the label as planes ---------------------------------------------------------------------------------------


def _plane_inputs(rng: np.random.Generator) -> dict[str, Any]:
    n_classes = 4
    labels = rng.permutation(np.concatenate([np.arange(1, n_classes), rng.integers(1, n_classes, 3)]))
    return {"images": rng.uniform(0.1, 0.9, size=(6, 3, 5, 2)), "labels": labels, "n_classes": n_classes}


def with_planes(images: np.ndarray, labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Images (N, H, W, C) with one plane a class behind their channels → (N, H, W, C + n_classes)."""
    planes = np.broadcast_to(np.eye(n_classes)[labels][:, None, None, :], (*images.shape[:3], n_classes))
    return np.concatenate([images, planes], axis=3)


def _planes_first(images: np.ndarray, labels: np.ndarray, n_classes: int) -> np.ndarray:
    return np.concatenate([with_planes(images, labels, n_classes)[..., images.shape[3] :], images], axis=3)


def _number_plane(images: np.ndarray, labels: np.ndarray, n_classes: int) -> np.ndarray:
    return np.concatenate([images, np.broadcast_to(labels[:, None, None, None], (*images.shape[:3], 1))], axis=3)


def _number_in_planes(images: np.ndarray, labels: np.ndarray, n_classes: int) -> np.ndarray:
    out = with_planes(images, labels, n_classes)
    out[..., images.shape[3] :] *= labels[:, None, None, None]
    return out


def _off_by_one(images: np.ndarray, labels: np.ndarray, n_classes: int) -> np.ndarray:
    return with_planes(images, labels - 1, n_classes)


Q1 = Exercise(
    id="q1",
    title="The label as planes",
    kind="implement",
    points=1,
    minutes=5,
    arrays="numpy",
    inputs=_plane_inputs,
    reference=with_planes,
    hints=[
        "np.eye(n_classes)[labels] gives one row a label: (N, n_classes).",
        "Give that two axes of length 1 in the middle, broadcast them to H and W, and put it behind the image.",
    ],
    mistakes=[
        Mistake(
            _number_plane,
            "One plane with the class number says that class 3 lies between 2 and 4. "
            "One-hot: n_classes planes, one of them all ones.",
        ),
        Mistake(_planes_first, "The planes come behind the image's own channels, not before them."),
        Mistake(_number_in_planes, "The right plane is chosen, but it holds the class number; it must hold ones."),
        Mistake(_off_by_one, "Your planes are shifted by one: labels count from 0, so label 0 fills the first plane."),
    ],
)

# --- 2. what a label is worth -------------------------------------------------------------------------------------


def _gain_inputs(rng: np.random.Generator) -> dict[str, Any]:
    prior = rng.dirichlet([2.0, 3.0, 4.0, 5.0])
    return {"log_px_given_class": rng.normal(-900.0, 2.0, size=(7, 4)), "prior": prior, "labels": rng.integers(0, 4, 7)}


def _log_sum(values: np.ndarray) -> np.ndarray:
    top = values.max(axis=1)
    return top + np.log(np.exp(values - top[:, None]).sum(axis=1))


def _own(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return values[np.arange(len(labels)), labels]


def label_gain(log_px_given_class: np.ndarray, prior: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """log p(x | y) - log p(x) for each image: (N, K), (K,), (N,) → (N,), in nats."""
    return _own(log_px_given_class, labels) - _log_sum(log_px_given_class + np.log(prior))


def _naive(log_px_given_class: np.ndarray, prior: np.ndarray, labels: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return _own(log_px_given_class, labels) - np.log((np.exp(log_px_given_class) * prior).sum(axis=1))


def _bounded(answer: Any, tools: Tools) -> Iterator[str]:
    prior = np.array([0.5, 0.25, 0.25])
    far = np.array([[-700.0, -900.0, -900.0], [-900.0, -900.0, -700.0]])
    gain = np.asarray(answer(far, prior, np.array([0, 2])))
    if not np.allclose(gain, -np.log([0.5, 0.25]), atol=1e-6):
        yield "When only one class explains the image, the gain must reach its ceiling -log p(y); yours does not."


Q2 = Exercise(
    id="q2",
    title="What a label is worth",
    kind="derive",
    points=2,
    minutes=10,
    arrays="numpy",
    dtype="float64",
    inputs=_gain_inputs,
    reference=label_gain,
    atol=1e-4,
    verify=_bounded,
    hints=[
        "p(x) is the sum over classes of p(c) p(x|c): in logarithms, a logsumexp of log p(x|c) + log p(c).",
        "Take the image's own class from the table with [np.arange(N), labels].",
        "exp(-900) is 0 in floating point: use scipy.special.logsumexp.",
    ],
    mistakes=[
        Mistake(lambda t, p, y: _own(t, y) - _log_sum(t), "Your p(x) adds the classes without their prior p(c)."),
        Mistake(
            lambda t, p, y: _own(t, y) - (t * p).sum(axis=1),
            "You averaged log-likelihoods. p(x) is an average of likelihoods: the log comes after the sum.",
        ),
        Mistake(lambda t, p, y: -label_gain(t, p, y), "The sign is turned round: it is log p(x|y) minus log p(x)."),
        Mistake(
            lambda t, p, y: label_gain(t, p, y) + np.log(p[y]), "That is log p(y|x). Eq. 4 subtracts log p(y) from it."
        ),
        Mistake(
            lambda t, p, y: label_gain(t, p, y).mean(), "One number an image, please: you took the mean over them."
        ),
        Mistake(_naive, "exp(-900) underflows to 0, and its logarithm is minus infinity: use a logsumexp."),
    ],
)

# --- 3. the colleague's loss --------------------------------------------------------------------------------------


def _loss_inputs(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "pixel_loss": rng.exponential(0.3, size=(6, 20)),
        "mask": (np.arange(20) % 4 < 2).astype(float) * np.ones((6, 1)),
        "mu_q": rng.normal(size=(6, 3)),
        "logvar_q": rng.normal(-1.0, 0.5, size=(6, 3)),
        "mu_p": rng.normal(size=(6, 3)),
        "logvar_p": rng.normal(0.3, 0.5, size=(6, 3)),
    }


def _kl(mu_q: Any, logvar_q: Any, mu_p: Any, logvar_p: Any) -> np.ndarray:
    ratio = (np.exp(logvar_q) + (mu_q - mu_p) ** 2) / np.exp(logvar_p)
    return 0.5 * (logvar_p - logvar_q + ratio - 1).sum(axis=1)


def mended_loss(
    pixel_loss: np.ndarray,
    mask: np.ndarray,
    mu_q: np.ndarray,
    logvar_q: np.ndarray,
    mu_p: np.ndarray,
    logvar_p: np.ndarray,
) -> np.ndarray:
    """Hidden pixels alone, and the divergence to the prior network: (B,), in nats."""
    return (pixel_loss * (1 - mask)).sum(axis=1) + _kl(mu_q, logvar_q, mu_p, logvar_p)


def _with_kl(kl: Any) -> Any:
    return lambda loss, mask, *gaussians: (loss * (1 - mask)).sum(axis=1) + kl(*gaussians)


Q3 = Exercise(
    id="q3",
    title="Excellent loss, poor completions",
    kind="bug",
    points=2,
    minutes=10,
    inputs=_loss_inputs,
    reference=mended_loss,
    hints=[
        "Which pixels can the generation network copy from its input? They must not count.",
        "At test time z comes from the prior network. To what does her divergence pull q?",
        "Eq. 7 with mu_p and logvar_p in place of 0 and 0.",
    ],
    mistakes=[
        Mistake(
            lambda loss, mask, *g: loss.sum(axis=1) + _kl(g[0], g[1], 0 * g[2], 0 * g[3]),
            "That is her loss unchanged: seen pixels count, and the divergence ignores the prior network.",
        ),
        Mistake(
            lambda loss, mask, *g: loss.sum(axis=1) + _kl(*g),
            "The divergence is right. The seen pixels still count: the model is paid for copying them.",
        ),
        Mistake(
            _with_kl(lambda mq, lq, mp, lp: _kl(mq, lq, 0 * mp, 0 * lp)),
            "The pixels are right. The divergence still goes to N(0, I): nothing ever trains the prior network, "
            "from which z is drawn at test time.",
        ),
        Mistake(
            lambda loss, mask, *g: (loss * mask).sum(axis=1) + _kl(*g),
            "The mask is 1 where a pixel is seen; you kept the seen pixels and dropped the hidden ones.",
        ),
        Mistake(
            _with_kl(lambda mq, lq, mp, lp: _kl(mp, lp, mq, lq)),
            "The divergence is turned round: Eq. 7 is KL(q || p), q the recognition network.",
        ),
        Mistake(
            lambda loss, mask, *g: (loss * (1 - mask)).mean(axis=1) + _kl(*g),
            "Sum over pixels, don't average: a mean is a hidden β as large as the number of pixels.",
        ),
        Mistake(lambda *a: mended_loss(*a).mean(), "One number an image, please: you took the mean over the batch."),
    ],
)

# --- 5. does the encoder need the label? --------------------------------------------------------------------------

_LOSSES, _SHARES = ("loss_with", "loss_without"), ("recognised_with", "recognised_without", "label_from_z_without")


def _verify_findings(answer: Any, tools: Tools) -> Iterator[str]:
    if not isinstance(answer, dict) or {*_LOSSES, *_SHARES, "verdict"} - set(answer):
        yield f"Give a dict with the keys {', '.join([*_LOSSES, *_SHARES])} and verdict."
        return
    for key in _LOSSES:
        value = number(answer[key])
        if value is None or not np.isfinite(value):
            yield f"{key} must be a number, in nats an image."
        elif 0 < value < 5:
            yield f"{key} = {value:g} looks like a mean over pixels: sum over the 784 pixels and add the KL."
        elif not 80 <= value <= 350:
            yield f"{key} = {value:g} is out of reach here: reconstruction plus KL lies between 80 and 350 nats."
    for key in _SHARES:
        value = number(answer[key])
        if value is None or not np.isfinite(value):
            yield f"{key} must be a number."
        elif 1 < value <= 100:
            yield f"{key} = {value:g} is a percentage: give a share between 0 and 1."
        elif not 0 <= value <= 1:
            yield f"{key} = {value:g} is no share: it must lie between 0 and 1."
    verdict = answer["verdict"]
    if verdict not in ("yes", "no"):
        yield 'The verdict is "yes" or "no".'
        return
    worse = (number(answer["loss_without"]) or 0) - (number(answer["loss_with"]) or 0)
    if (verdict == "yes") != (worse > 2):
        yield (
            f"Your verdict contradicts your numbers: without the label the loss is {worse:.1f} nats worse, "
            "and the rule says 2."
        )


def _findings(**changed: Any) -> dict[str, Any]:
    base = {
        "loss_with": 131.0,
        "loss_without": 131.5,
        "recognised_with": 0.97,
        "recognised_without": 0.97,
        "label_from_z_without": 0.2,
        "verdict": "no",
    }
    return {**base, **changed}


Q5 = Exercise(
    id="q5",
    title="Does the encoder need the label?",
    kind="open",
    points=3,
    minutes=15,
    verify=_verify_findings,
    hints=[
        "Write a loss like cvae_loss that calls model.encode(x, 0 * y), and give it to train as loss=….",
        "Start from initialise(CVAE(), run.rng(11)): the same start as our model, so that only one thing differs.",
        "held_out_loss, recognised and label_from_z measure the rest; give label_from_z heard=0.0.",
    ],
    wrong=[
        Wrong(_findings(loss_with=0.17, loss_without=0.17), "mean over pixels"),
        Wrong(_findings(recognised_with=97.0), "percentage"),
        Wrong(_findings(verdict="yes"), "contradicts"),
        Wrong(_findings(loss_without=140.0), "contradicts"),
        Wrong({"loss_with": 131.0}, "keys"),
        Wrong(_findings(verdict="maybe"), '"yes" or "no"'),
    ],
    right=[_findings(), _findings(loss_without=137.0, verdict="yes")],
)

EXERCISES = [Q1, Q2, Q3, Q4, Q5]
