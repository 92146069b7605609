"""Exercises of lesson 5, deep convolutional GANs."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from helpers.exercises import Exercise, Mistake, Tools, Wrong

Arrays = dict[str, Any]

# --- 1. the size of a transposed convolution


def out_size(n: int, kernel: int, stride: int, padding: int, output_padding: int) -> int:
    """Size of a transposed convolution's output along one side, Eq. 4."""
    return (n - 1) * stride + kernel - 2 * padding + output_padding


def _layer(rng: np.random.Generator) -> Arrays:
    """Sizes for which the usual mistakes give different numbers."""
    return {
        "n": int(rng.integers(4, 20)),
        "kernel": int(rng.integers(4, 8)),
        "stride": int(rng.integers(2, 4)),
        "padding": int(rng.integers(1, 3)),
        "output_padding": 1,
    }


Q1 = Exercise(
    id="q1",
    title="The size of a transposed convolution",
    kind="derive",
    points=1,
    minutes=5,
    inputs=_layer,
    reference=out_size,
    arrays="numpy",
    hints=[
        "Where does the first pixel of the last of n stamps lie, if stamps are s pixels apart?",
        "At (n - 1)·s. From there the stamp reaches k pixels on.",
        "The padding is cut off at both ends; the output padding is kept at one. 7 → 28 with s = 4 needs k - 2p = 4.",
    ],
    mistakes=[
        Mistake(
            lambda n, k, s, p, a: (n + 2 * p - k) // s + 1,
            "That is the size of an ordinary convolution, which makes images smaller.",
        ),
        Mistake(
            lambda n, k, s, p, a: n * s + k - 2 * p + a,
            "You count n steps; between n stamps there are n - 1.",
        ),
        Mistake(lambda n, k, s, p, a: (n - 1) * s + k - 2 * p, "The output padding a is missing."),
        Mistake(lambda n, k, s, p, a: (n - 1) * s + k - p + a, "The padding is cut off at both ends: 2p, not p."),
        Mistake(
            lambda n, k, s, p, a: (n - 1) * s + k + 2 * p + a,
            "The sign of the padding is turned round: a transposed convolution cuts it off.",
        ),
        Mistake(
            lambda n, k, s, p, a: (n - 1) * s + k - 2 * p + 2 * a,
            "The output padding is added at one end only: a, not 2a.",
        ),
        Mistake(lambda n, k, s, p, a: n * s, "That holds only where k - 2p + a equals s, as with k = 4, s = 2, p = 1."),
    ],
)

# --- 2. how many stamps cover a pixel


def stamps(n: int, kernel: int, stride: int, padding: int) -> np.ndarray:
    """How many of n stamps cover each output pixel along one axis: whole numbers, (n',)."""
    counts = np.zeros((n - 1) * stride + kernel, dtype=np.int64)
    for i in range(n):
        counts[i * stride : i * stride + kernel] += 1
    return counts[padding : len(counts) - padding]


def _stamped(rng: np.random.Generator) -> Arrays:
    kernel = int(rng.choice([3, 5, 7]))
    return {
        "n": int(rng.integers(6, 10)),
        "kernel": kernel,
        "stride": 2,
        "padding": int(rng.integers(1, kernel // 2 + 1)),
    }


def _one_end(n: int, kernel: int, stride: int, padding: int) -> np.ndarray:
    return stamps(n, kernel, stride, 0)[padding:]


Q2 = Exercise(
    id="q2",
    title="Where the checkerboard comes from",
    kind="derive",
    points=2,
    minutes=10,
    inputs=_stamped,
    reference=stamps,
    arrays="numpy",
    hints=[
        "Begin with zeros of length (n - 1)·s + k, and add 1 where each stamp lies.",
        "Stamp i covers the pixels from i·s to i·s + k - 1.",
        "Cut p pixels off at both ends last. Inside, the counts are all k / s where s divides k.",
    ],
    mistakes=[
        Mistake(
            lambda n, k, s, p: stamps(n, k, s, 0),
            "The margin of p pixels at each end isn't cut off.",
        ),
        Mistake(_one_end, "The margin is cut off at one end only; Eq. 3 cuts at both."),
        Mistake(
            lambda n, k, s, p: stamps(n, k, 1, p),
            "Your stamps are one pixel apart; the stride s sets them s pixels apart.",
        ),
        Mistake(
            lambda n, k, s, p: stamps(n + 1, k, s, p),
            "There is one stamp too many: n inputs make n stamps.",
        ),
        Mistake(
            lambda n, k, s, p: stamps(n, k, s, p) / k,
            "That is the share of the kernel; count the stamps themselves.",
        ),
        Mistake(
            lambda n, k, s, p: np.full(len(stamps(n, k, s, p)), k / s),
            "That is the mean over the pixels. Where the stride doesn't divide the kernel, neighbours get different counts.",
        ),
        Mistake(
            lambda n, k, s, p: np.outer(stamps(n, k, s, p), stamps(n, k, s, p)),
            "That is the count in two dimensions; one axis is asked for.",
        ),
    ],
)

# --- 3. three bugs in a discriminator's loss


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, x)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _loss(clamp: bool = True, logits: bool = True, fake_target: float = 0.0, reduce: str = "mean") -> Callable:
    """The discriminator's loss with each of its three bugs to switch on, and the reduction to choose."""

    def loss(logits_real: np.ndarray, logits_fake: np.ndarray, noise: np.ndarray) -> np.ndarray:
        target = 0.85 + 0.15 * noise
        if clamp:
            target = target.clip(0, 1)
        real, fake = (logits_real, logits_fake) if logits else (_sigmoid(logits_real), _sigmoid(logits_fake))
        terms = _softplus(real) - target * real, _softplus(fake) - fake_target * fake
        return sum(terms) if reduce == "none" else sum(getattr(term, reduce)() for term in terms)

    return loss


def mended_loss_D(logits_real: np.ndarray, logits_fake: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Cross-entropy with softened, clamped targets for real images and 0 for fakes: mean over the batch, a scalar."""
    return _loss()(logits_real, logits_fake, noise)


def _logits(rng: np.random.Generator) -> Arrays:
    noise = rng.normal(size=16)
    noise[:2] = 2.0, -7.0  # some targets beyond either end
    return {"logits_real": 2 * rng.normal(size=16) + 1, "logits_fake": 2 * rng.normal(size=16) - 1, "noise": noise}


def _no_softening(logits_real: np.ndarray, logits_fake: np.ndarray, noise: np.ndarray) -> np.ndarray:
    return _softplus(-logits_real).mean() + _softplus(logits_fake).mean()


def _swapped(logits_real: np.ndarray, logits_fake: np.ndarray, noise: np.ndarray) -> np.ndarray:
    return mended_loss_D(logits_fake, logits_real, noise)


Q3 = Exercise(
    id="q3",
    title="Three bugs in a discriminator's loss",
    kind="bug",
    points=3,
    minutes=10,
    inputs=_logits,
    reference=mended_loss_D,
    hints=[
        "The cross-entropy of a logit l with target t is softplus(l) - t·l. Which of her two lines holds that?",
        "softplus already holds the sigmoid. Leave the logits as they are.",
        "Clamp 0.85 + 0.15·noise to [0, 1]; the target of a fake is 0, so its term is softplus(l) alone.",
    ],
    mistakes=[
        Mistake(_loss(False, False, 0.15), "That is her loss unchanged; all three bugs are still in it."),
        Mistake(_loss(clamp=False), "One bug is left: labels above 1. Clamp the softened targets to [0, 1]."),
        Mistake(
            _loss(logits=False), "One bug is left: the sigmoid is applied twice. softplus(l) - t·l takes the logit."
        ),
        Mistake(_loss(fake_target=0.15), "One bug is left: the fakes are softened too. Their target is 0."),
        Mistake(_loss(clamp=False, logits=False), "Two bugs are left: labels above 1, and the sigmoid applied twice."),
        Mistake(_loss(clamp=False, fake_target=0.15), "Two bugs are left: labels above 1, and softened fakes."),
        Mistake(_loss(logits=False, fake_target=0.15), "Two bugs are left: the sigmoid twice, and softened fakes."),
        Mistake(_no_softening, "You took all softening out: real images should keep 0.85 + 0.15·noise, clamped."),
        Mistake(_swapped, "Real and fake are swapped: the softened labels belong to the real images."),
        Mistake(_loss(reduce="sum"), "You summed over the batch; the loss is the mean of each kind."),
        Mistake(_loss(reduce="none"), "That is one number for each pair; the loss is a scalar."),
    ],
)

# --- 4. an experiment on the number of images

_FACTORS = ("images", "steps", "epochs", "learning_rate")
_HOLDABLE = (*_FACTORS, "samples_scored", "reference")
_KEYS = ("vary", "levels", "hold", "seeds", "against")


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple | range | set | np.ndarray) else []


def _held_faults(hold: list[Any]) -> Iterator[str]:
    unknown = [name for name in hold if name not in _HOLDABLE]
    if unknown:
        yield f'"hold" names {unknown[0]!r}, which is none of {", ".join(_HOLDABLE)}.'
    if "images" in hold:
        yield "The number of images is varied and held at once."
    if "epochs" in hold and "steps" in hold:
        yield "Epochs and steps can't both stay the same when the number of images changes: choose one."
    elif "epochs" in hold:
        yield "With the same epochs, a tenth of the images gets a tenth of the steps: two things change at once. Hold the steps."
    elif "steps" not in hold:
        yield "Steps are not held: a longer training, too, gives better pictures."
    if "learning_rate" not in hold:
        yield "The learning rate is not held: if it changes too, you can't tell which of the two did it."
    if "samples_scored" not in hold:
        yield "The number of scored samples is not held: fewer samples give a larger distance by themselves (Eq. 10)."
    if "reference" not in hold:
        yield "The reference is not held: distances to different sets of faces don't compare."


def verify_plan(plan: Any, tools: Tools) -> Iterator[str]:
    """Judge the plan of an experiment on the number of images: one factor, same steps, seeds, held-out reference."""
    if not isinstance(plan, dict) or any(key not in plan for key in _KEYS):
        yield f"Give a dict with the keys {', '.join(_KEYS)}."
        return
    if plan["vary"] not in _FACTORS:
        yield f'"vary" names one factor, one of {", ".join(_FACTORS)}.'
        return
    if plan["vary"] != "images":
        yield f"The question is whether more images are better; your plan varies {plan['vary']}."
        return
    levels = _as_list(plan["levels"])
    if len(set(levels)) < 2:
        yield '"levels" needs at least two different numbers of images, or there is nothing to compare.'
    elif not all(isinstance(level, int | np.integer) and level > 0 for level in levels):
        yield '"levels" are numbers of images: whole and positive.'
    yield from _held_faults(_as_list(plan["hold"]))
    if len(set(_as_list(plan["seeds"]))) < 3:
        yield "One or two seeds can't tell luck from cause: take at least three different ones for each level."
    if plan["against"] == "training faces":
        yield "Against the training faces a generator that copies them wins; compare with held-out faces."
    elif plan["against"] != "held-out faces":
        yield '"against" is "training faces" or "held-out faces".'


def _plan(**changes: Any) -> dict[str, Any]:
    good = {
        "vary": "images",
        "levels": [4000, 2000, 400],
        "hold": ["steps", "learning_rate", "samples_scored", "reference"],
        "seeds": [0, 1, 2, 3, 4],
        "against": "held-out faces",
    }
    return good | changes


Q4 = Exercise(
    id="q4",
    title="Is more data better?",
    kind="design",
    points=3,
    minutes=10,
    verify=verify_plan,
    hints=[
        "Change one thing. What else changes when 100 epochs are made on a tenth of the images?",
        "The steps: hold them, and let the epochs follow. The score, too, depends on how many samples and which reference.",
        "One run is one draw: several seeds. And a copyist must not win: compare with faces that nobody trained on.",
    ],
    wrong=[
        Wrong(_plan(vary="epochs"), "more images are better"),
        Wrong(_plan(levels=[4000]), "at least two different"),
        Wrong(_plan(levels=[1.0, 0.5, 0.1]), "whole and positive"),
        Wrong(_plan(hold=["epochs", "learning_rate", "samples_scored", "reference"]), "a tenth of the steps"),
        Wrong(_plan(hold=["epochs", "steps", "learning_rate", "samples_scored", "reference"]), "can't both"),
        Wrong(_plan(hold=["learning_rate", "samples_scored", "reference"]), "longer training"),
        Wrong(_plan(hold=["steps", "samples_scored", "reference"]), "learning rate is not held"),
        Wrong(_plan(hold=["steps", "learning_rate", "reference"]), "scored samples is not held"),
        Wrong(_plan(hold=["steps", "learning_rate", "samples_scored"]), "reference is not held"),
        Wrong(_plan(hold=["images", "steps", "learning_rate", "samples_scored", "reference"]), "varied and held"),
        Wrong(_plan(hold=["steps", "learning_rate", "samples_scored", "reference", "luck"]), "luck"),
        Wrong(_plan(seeds=[0]), "luck from cause"),
        Wrong(_plan(seeds=[1, 1, 1]), "luck from cause"),
        Wrong(_plan(against="training faces"), "copies"),
        Wrong(_plan(against="the internet"), "held-out faces"),
        Wrong({"vary": "images"}, "keys"),
    ],
    right=[_plan(), _plan(levels=(4000, 400), seeds=range(3))],
)

# --- 5. the distance at endless samples


def at_infinity(sizes: np.ndarray, distances: np.ndarray) -> float:
    """Where a least-squares line over 1/n meets 1/n = 0, Eq. 10. sizes, distances: (M,)."""
    return float(np.polyfit(1 / np.asarray(sizes, float), distances, 1)[1])


def _measured(rng: np.random.Generator) -> Arrays:
    sizes = np.array([250.0, 500.0, 1000.0, 2000.0])
    value, slope = rng.uniform(100, 900), rng.uniform(2e4, 9e4)
    return {"sizes": sizes, "distances": value + slope / sizes + rng.normal(size=4)}


Q5 = Exercise(
    id="q5",
    title="The distance at endless samples",
    kind="derive",
    points=2,
    minutes=10,
    inputs=_measured,
    reference=at_infinity,
    arrays="numpy",
    dtype="float64",
    hints=[
        "Let u = 1/n. Eq. 10 is then a straight line in u. What is u at infinitely many samples?",
        "np.polyfit(u, distances, 1) gives slope and intercept, in this order.",
        "The answer is the intercept. It lies below every measured distance.",
    ],
    mistakes=[
        Mistake(
            lambda sizes, distances: np.polyfit(sizes, distances, 1)[1],
            "Your line is over n, and its intercept is at no samples at all. Take 1/n.",
        ),
        Mistake(
            lambda sizes, distances: np.polyfit(1 / sizes, distances, 1)[0],
            "That is the slope c; the value at 1/n = 0 is the intercept.",
        ),
        Mistake(lambda sizes, distances: distances[-1], "That is the distance at the most samples, bias included."),
        Mistake(
            lambda sizes, distances: distances.mean(),
            "That is the mean of the distances: its bias is that of few samples.",
        ),
        Mistake(
            lambda sizes, distances: np.polyfit(1 / np.sqrt(sizes), distances, 1)[1],
            "Your line is over 1/√n, as for a standard error; the bias goes like 1/n.",
        ),
    ],
)

# --- 6. copies


def _to_train(rows: np.ndarray, train: np.ndarray) -> np.ndarray:
    return np.array([np.sqrt(((row - train) ** 2).sum(axis=1)) for row in rows])


def share_of_copies(samples: np.ndarray, train: np.ndarray, held_out: np.ndarray) -> float:
    """Share of samples nearer to the training set than every held-out row is, 0 … 1. Rows are features."""
    return float((_to_train(samples, train).min(axis=1) < _to_train(held_out, train).min(axis=1).min()).mean())


def _rows(rng: np.random.Generator) -> Arrays:
    """A third of the samples are copies of training rows with a little noise."""
    train, held_out = rng.normal(size=(40, 6)), rng.normal(size=(30, 6))
    samples = rng.normal(size=(24, 6))
    copies = int(rng.integers(5, 10))
    samples[:copies] = train[:copies] + 0.02 * rng.normal(size=(copies, 6))
    return {"samples": samples, "train": train, "held_out": held_out}


def _share(threshold: Callable) -> Callable:
    """A wrong answer that compares the nearest distances with another threshold."""

    def answer(samples: np.ndarray, train: np.ndarray, held_out: np.ndarray) -> float:
        return float((_to_train(samples, train).min(axis=1) < threshold(samples, train, held_out)).mean())

    return answer


Q6 = Exercise(
    id="q6",
    title="A number for copies",
    kind="open",
    points=2,
    minutes=15,
    inputs=_rows,
    reference=share_of_copies,
    arrays="numpy",
    hints=[
        "For each row, the distances to all training rows; keep the smallest.",
        "Do the same for held-out rows. The yardstick is the smallest of these.",
        "The mean of a comparison is a share: (to_train(samples) < to_train(held_out).min()).mean().",
    ],
    mistakes=[
        Mistake(
            lambda samples, train, held_out: float(
                (_to_train(samples, train).min(axis=1) < _to_train(held_out, train).min(axis=1).min()).sum()
            ),
            "That is the number of copies; the share divides it by the number of samples.",
        ),
        Mistake(
            _share(lambda s, t, h: np.median(_to_train(h, t).min(axis=1))),
            "You took the median of the held-out distances: about half of honest samples lie below it. Take the smallest.",
        ),
        Mistake(
            _share(lambda s, t, h: _to_train(h, t).min(axis=1).mean()),
            "You took the mean of the held-out distances: about half of honest samples lie below it. Take the smallest.",
        ),
        Mistake(
            _share(lambda s, t, h: _to_train(h, t).min(axis=1).max()),
            "You took the largest of the held-out distances; nearer than *any* of them means below the smallest.",
        ),
        Mistake(
            lambda samples, train, held_out: 1 - share_of_copies(samples, train, held_out),
            "The comparison is turned round: copies are the ones that lie nearer.",
        ),
        Mistake(
            lambda samples, train, held_out: float(
                (_to_train(samples, train).mean(axis=1) < _to_train(held_out, train).mean(axis=1).min()).mean()
            ),
            "You averaged over the training rows; a copy is near to one of them, so take the smallest distance.",
        ),
        Mistake(
            lambda samples, train, held_out: share_of_copies(samples, held_out, train),
            "Training and held-out rows are swapped: a copy is near to a training row.",
        ),
        Mistake(
            lambda samples, train, held_out: float(np.mean(_to_train(samples, train).min(axis=1) < 1e-6)),
            "Only exact copies count in yours; a network's copies are never exact, so compare with held-out rows.",
        ),
    ],
)

EXERCISES = [Q1, Q2, Q3, Q4, Q5, Q6]
