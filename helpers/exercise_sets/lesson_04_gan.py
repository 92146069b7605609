"""Exercises of lesson 4, generative adversarial networks."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from helpers.exercise_sets.gan_laboratory import Q4, Q6
from helpers.exercise_sets.gan_players import WEIGHTS_D, WEIGHTS_G, game_answer, player, verify_gradients
from helpers.exercises import Exercise, Mistake, Variant, Wrong

Arrays = dict[str, Any]


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, x)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


# --- 1. two boxes that half overlap, by hand

_LOG2 = float(np.log(2))


def _boxes(shift: Fraction, half: str, hint: str, **more: Any) -> Exercise:
    """The exercise for a box that is moved by `shift`. half: the share that lies alone, in words; hint: on one expectation."""
    alone = float(shift)
    value, js = -2 * (1 - alone) * _LOG2, alone * _LOG2
    swapped = [
        Mistake(
            {"value": -2 * alone * _LOG2, "js": (1 - alone) * _LOG2},
            "You took the stretches where a box is alone for the one that both share.",
        )
    ]
    return Exercise(
        id="q1",
        title="Two boxes that half overlap" if alone == 0.5 else "Two boxes that overlap",
        kind="derive",
        points=1,
        minutes=5,
        reference={"value": value, "js": js},
        atol=0.002,
        hints=[
            "D* is 1 where only p is, 0 where only q is. What is it where both are 1?",
            hint,
            "The other expectation is the same by symmetry. Then solve Eq. 3 for JS.",
        ],
        mistakes=[
            Mistake(
                {"value": -2 * _LOG2, "js": 0.0},
                f"-log 4 and 0 belong to p = q. Here {half} of each box lies alone, and there D* knows the answer.",
            ),
            Mistake(
                {"value": 0.0, "js": _LOG2},
                "0 and log 2 belong to boxes that don't overlap at all. Where both are 1, D* can only say ½.",
            ),
            Mistake({"value": value, "js": 2 * js}, "V is right. Eq. 3 has 2 JS: halve V + log 4."),
            Mistake({"value": value, "js": -js}, "V is right. JS is never negative: JS = (V + log 4) / 2."),
            Mistake(
                {"value": -value, "js": js},
                "JS is right. V is a mean of logarithms of probabilities, so it is never positive.",
            ),
            Mistake(
                {"value": value / 2, "js": value / 4 + _LOG2},
                "That is one of the two expectations of Eq. 1; V adds the other, for the drawn numbers.",
            ),
            Mistake(
                {"value": value / _LOG2, "js": js / _LOG2},
                "That is in bits (log to base 2); this lesson counts in nats.",
            ),
            *(swapped if alone != 0.5 else ()),
        ],
        **more,
    )


def _other_boxes(rng: np.random.Generator) -> Variant:
    """A shift between 0 and 1, but not ½, with a denominator up to 12: 44 of them."""
    shifts = sorted({Fraction(part, whole) for whole in range(3, 13) for part in range(1, whole)} - {Fraction(1, 2)})
    shift = shifts[rng.integers(len(shifts))]
    hint = (
        f"{shift} of the real numbers lie where D* = 1 and {1 - shift} where D* = ½: "
        f"E_p[log D*] = {shift} · 0 + {1 - shift} · log ½."
    )
    words = {"[½, 3/2]": f"[{shift}, {1 + shift}]", "that half overlap": f"that overlap on [{shift}, 1]"}
    return Variant(words, _boxes(shift, str(shift), hint))


Q1 = _boxes(
    Fraction(1, 2),
    "half",
    "Half of the real numbers lie where D* = 1 and half where D* = ½: E_p[log D*] = ½ · 0 + ½ · log ½.",
    variants=_other_boxes,
)

# --- 2. the best judge of an unequal, softened diet


def best_judge(p: np.ndarray, q: np.ndarray, r: float, t: float) -> np.ndarray:
    """The best D(x) for r real samples a fake and a label t for real ones. p, q: densities (n,) → probabilities (n,)."""
    return r * t * p / (r * p + q)


def _diet(rng: np.random.Generator) -> Arrays:
    return {
        "p": rng.uniform(0.1, 2.0, size=9),
        "q": rng.uniform(0.1, 2.0, size=9),
        "r": float(rng.uniform(2.0, 5.0)),
        "t": float(rng.uniform(0.7, 0.9)),
    }


Q2 = Exercise(
    id="q2",
    title="The best judge of an unequal, softened diet",
    kind="derive",
    points=2,
    minutes=10,
    inputs=_diet,
    reference=best_judge,
    arrays="numpy",
    hints=[
        "Write the loss at one x: r·p·[-t log D - (1 - t) log(1 - D)] - q·log(1 - D). Differentiate with respect to D.",
        "Collect what multiplies 1 / D and what multiplies 1 / (1 - D): the answer is the first over the sum of both.",
        "At r = 1, t = 1 Eq. 2 must come back. Where q = 0 the best judge says t.",
    ],
    mistakes=[
        Mistake(lambda p, q, r, t: p / (p + q), "That is Eq. 2 unchanged: r and t don't appear in your result."),
        Mistake(
            lambda p, q, r, t: r * p / (r * p + q),
            "The number of real samples is right. The label t is missing: where q = 0 the best judge must say t.",
        ),
        Mistake(
            lambda p, q, r, t: t * p / (p + q),
            "The label is right. More real samples make 'real' likelier beforehand: r is missing.",
        ),
        Mistake(
            lambda p, q, r, t: r * t * p / (r * t * p + q),
            "A real sample with the label t also pays (1 - t) for 'fake'; you dropped that part of its cross-entropy.",
        ),
        Mistake(
            lambda p, q, r, t: t * p / (p + r * q),
            "r stands at the wrong density: there are r real samples for each fake.",
        ),
        Mistake(
            lambda p, q, r, t: (r * t * p + (1 - t) * q) / (r * p + q),
            "You softened the fakes too. Their label stays 0: only real samples get t.",
        ),
        Mistake(
            lambda p, q, r, t: 1 - best_judge(p, q, r, t),
            "That is the probability of 'fake'; real is 1 in this lesson.",
        ),
        Mistake(
            lambda p, q, r, t: np.log(best_judge(p, q, r, t)) - np.log1p(-best_judge(p, q, r, t)),
            "That is the best logit; the probability is asked for: its sigmoid.",
        ),
        Mistake(
            lambda p, q, r, t: best_judge(p, q, r, t).mean(),
            "One number for each x, please: you took the mean over them.",
        ),
    ],
)

# --- 3. three bugs in a game


def _game(twice: bool = False, sign: float = 1.0, saturating: bool = False, swapped: bool = False) -> Callable:
    """Both losses with bugs to switch on: the sigmoid twice, G's sign, the loss of G, the labels of D."""

    def losses(G: Callable, D: Callable, real: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits_real, logits_fake = D(real), D(G(z))
        seen = _sigmoid(logits_real) if twice else logits_real
        loss_D = _softplus(-seen).mean() + _softplus(logits_fake).mean()
        if swapped:
            loss_D = _softplus(logits_real).mean() + _softplus(-logits_fake).mean()
        loss_G = -_softplus(logits_fake).mean() if saturating else _softplus(-sign * logits_fake).mean()
        return loss_D, loss_G

    return losses


def mended_losses(G: Callable, D: Callable, real: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eq. 4 and Eq. 6 for a batch: two scalars. G and D are functions of tensors, D gives logits."""
    return _game()(G, D, real, z)


def _summed(G: Callable, D: Callable, real: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return tuple(len(real) * loss for loss in mended_losses(G, D, real, z))


def _batch(rng: np.random.Generator) -> Arrays:
    return {
        "G": player(WEIGHTS_G, True),
        "D": player(WEIGHTS_D, False),
        "real": rng.normal(size=(8, 3)) + 0.5,
        "z": rng.normal(size=(8, 2)),
    }


Q3 = Exercise(
    id="q3",
    title="Three bugs in a game",
    kind="bug",
    points=3,
    minutes=10,
    inputs=_batch,
    reference=mended_losses,
    returns=("loss_D", "loss_G"),
    verify=verify_gradients,
    hints=[
        "D answers with a logit, and softplus already holds the sigmoid. Where does she apply it once more?",
        "Put a large logit_fake into her loss of G. Should G be pleased or sorry when its fakes pass for real?",
        "The third bug changes no value. Follow the gradient of loss_D back: through D, to fake, to whom?",
    ],
    mistakes=[
        Mistake(
            _game(twice=True, sign=-1.0),
            "That is her code unchanged, as far as values go; two of its bugs change them.",
        ),
        Mistake(
            _game(twice=True), "G's loss is right. In D's the sigmoid is still applied twice: softplus takes the logit."
        ),
        Mistake(
            _game(sign=-1.0),
            "D's loss is right. G's still falls when its fakes are seen through: the sign of the logit is turned round.",
        ),
        Mistake(
            _game(saturating=True),
            "D's loss is right. For G you wrote Eq. 5, the saturating loss; Eq. 6 is asked for.",
        ),
        Mistake(_game(swapped=True), "In D's loss the labels are swapped: real is 1, fake is 0."),
        Mistake(_summed, "You summed over the batch; Eq. 4 and 6 take means."),
        Mistake(
            lambda G, D, real, z: mended_losses(G, D, real, z)[::-1], "The two losses are swapped: loss_D comes first."
        ),
    ],
    wrong=[
        Wrong(game_answer(False, False), "reaches G"),
        Wrong(game_answer(True, True), "No gradient of loss_G reaches G"),
        Wrong(game_answer(False, True), "found out"),
    ],
    right=[game_answer(True, False)],
)

# --- 5. coverage by hand (4 and 6 are questions about the failure laboratory: gan_laboratory.py)


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.linalg.norm(a[:, None] - b[None], axis=2)


def _radii(points: np.ndarray, k: int) -> np.ndarray:
    """Distance of each point to its k-th nearest other point, (n,)."""
    return np.sort(_distances(points, points), axis=1)[:, k]


def coverage(real: np.ndarray, fake: np.ndarray, k: int) -> float:
    """Share of real points (N, D) with a fake (M, D) no further than their k-th nearest real neighbour; 0 … 1."""
    return float((_distances(real, fake).min(axis=1) <= _radii(real, k)).mean())


def _points(rng: np.random.Generator) -> Arrays:
    """Real points in two clouds; fakes that are dense in a part of one and stray elsewhere."""
    real = np.concatenate([rng.normal(size=(24, 2)), rng.normal(size=(16, 2)) + np.array([5.0, 0.0])])
    fake = np.concatenate([0.7 * rng.normal(size=(21, 2)), rng.normal(size=(6, 2)) + np.array([2.0, 3.0])])
    return {"real": real, "fake": fake, "k": int(rng.integers(3, 6))}


def _precision(real: np.ndarray, fake: np.ndarray, k: int) -> float:
    return float((_distances(fake, real) <= _radii(real, k)).any(axis=1).mean())


def _recall(real: np.ndarray, fake: np.ndarray, k: int) -> float:
    return float((_distances(real, fake) <= _radii(fake, k)).any(axis=1).mean())


def _density(real: np.ndarray, fake: np.ndarray, k: int) -> float:
    return float((_distances(real, fake) <= _radii(real, k)[:, None]).sum() / (k * len(fake)))


def _one_radius(real: np.ndarray, fake: np.ndarray, k: int) -> float:
    return float((_distances(real, fake).min(axis=1) <= _radii(real, k).mean()).mean())


Q5 = Exercise(
    id="q5",
    title="Coverage",
    kind="implement",
    points=2,
    minutes=10,
    inputs=_points,
    reference=coverage,
    arrays="numpy",
    atol=1e-6,
    hints=[
        "`metrics.pairwise_squared_distances(a, b)` gives all squared distances, (len(a), len(b)).",
        "Sort the distances among real points: column 0 is each point itself, column k its k-th neighbour.",
        "A real point is covered when its distance to the nearest fake is at most its radius. Take the mean.",
    ],
    mistakes=[
        Mistake(
            lambda real, fake, k: coverage(real, fake, k - 1),
            "The radius is one neighbour short: in the sorted distances each point comes first itself, at distance 0.",
        ),
        Mistake(
            _precision,
            "That is precision, the share of fakes among real points. Coverage is a share of the real points.",
        ),
        Mistake(
            _recall, "That is recall: its radii are the fakes'. One stray fake then covers much; take the real ones'."
        ),
        Mistake(_density, "That is density, which counts fakes again and again; coverage asks for one at least."),
        Mistake(
            _one_radius,
            "Each real point has a radius of its own; with the mean radius, crowded and lonely points are treated alike.",
        ),
        Mistake(
            lambda real, fake, k: len(real) * coverage(real, fake, k),
            "That is the number of covered points; divide by how many there are.",
        ),
        Mistake(
            lambda real, fake, k: 1 - coverage(real, fake, k),
            "That is the share of real points that no fake comes near.",
        ),
    ],
)

EXERCISES = [Q1, Q2, Q3, Q4, Q5, Q6]
