"""Exercises 5 and 6 of lesson 7: linear separability from counts, and a direction that changes one attribute alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.exercises import Exercise, Mistake, Tools, Wrong

Arrays = dict[str, Any]

# --- 5. linear separability


def _h(p: np.ndarray, axis: Any = -1) -> np.ndarray:
    """Entropy of probabilities along axes, in nats; 0·log 0 = 0."""
    return -(p * np.log(np.where(p > 0, p, 1))).sum(axis=axis)


def _conditional(tables: np.ndarray, given: int = 1) -> np.ndarray:
    """H(Y|X) of each table (K, 2, 2), (K,), in nats. given: the axis of what is known, 1 for X."""
    tables = np.asarray(tables, float)
    sides = tables.sum(axis=3 - given, keepdims=True)
    shares = np.squeeze(sides, 3 - given) / tables.sum(axis=(1, 2))[:, None]
    return (shares * _h(tables / sides, axis=3 - given)).sum(axis=1)


def _joint(tables: np.ndarray) -> np.ndarray:
    tables = np.asarray(tables, float)
    return tables / tables.sum(axis=(1, 2), keepdims=True)


def separability(tables: np.ndarray) -> float:
    """Linear separability exp(Σ H(Y|X)) from counts (K, 2, 2), side of the plane by label. Karras et al. (2019), 4.2."""
    return float(np.exp(_conditional(tables).sum()))


def _without_care(tables: np.ndarray) -> float:
    """With 0·log 0 as NumPy has it."""
    p = np.asarray(tables) / np.asarray(tables).sum(axis=2, keepdims=True)
    return separability(tables) if (p > 0).all() else float("nan")


def _even_sides(tables: np.ndarray) -> float:
    tables = np.asarray(tables, float)
    return float(np.exp(_h(tables / tables.sum(axis=2, keepdims=True)).mean(axis=1).sum()))


def _tables(rng: np.random.Generator) -> Arrays:
    """Three to five attributes; planes that separate them more or less, one of them sometimes without a fault on a side."""
    count = int(rng.integers(3, 6))
    tables = rng.integers(2, 40, size=(count, 2, 2))
    tables[:, 0, 0] += rng.integers(40, 160, size=count)
    tables[:, 1, 1] += rng.integers(20, 60, size=count)
    if rng.random() < 0.5:
        tables[0, 0, 1] = 0
    return {"tables": tables}


Q5 = Exercise(
    id="q5",
    title="Linear separability from counts",
    kind="derive",
    points=2,
    minutes=10,
    inputs=_tables,
    reference=separability,
    arrays="numpy",
    hints=[
        "For one attribute: on each side x of the plane the labels have shares p(y|x), counts over the row's sum.",
        "The side's entropy is -Σ p·log p. H(Y|X) is the mean over the sides, weighted with how many points lie on each.",
        "Add the attributes' H(Y|X), and take exp of the sum. For 0·log 0: np.where(p > 0, p, 1) inside the logarithm.",
    ],
    mistakes=[
        Mistake(_without_care, "A side without a single fault gives NaN: 0·log 0 counts as 0."),
        Mistake(
            lambda tables: float(np.exp(_conditional(tables).sum() / np.log(2))),
            "You measured in bits and took exp of that; with natural logarithms exp fits.",
        ),
        Mistake(
            lambda tables: float(2 ** _conditional(tables).sum()),
            "The entropies are in nats, so they go into exp and not into 2 to the power.",
        ),
        Mistake(lambda tables: float(_conditional(tables).sum()), "The exp is missing: the score is exp of the sum."),
        Mistake(
            lambda tables: float(np.exp(_conditional(tables).mean())),
            "You took the mean over the attributes; the score adds them up.",
        ),
        Mistake(
            lambda tables: float(np.exp(_conditional(tables)).sum()),
            "You added after the exp; add the entropies first.",
        ),
        Mistake(
            lambda tables: float(np.exp(-_conditional(tables).sum())),
            "The sign is turned round: entropies are ≥ 0, so the score is ≥ 1.",
        ),
        Mistake(
            lambda tables: float(np.exp(_h(_joint(tables).sum(axis=1)).sum())),
            "That is H(Y): how mixed the labels are, whatever the plane says. Take the entropy on each side.",
        ),
        Mistake(
            lambda tables: float(np.exp(_conditional(tables, given=2).sum())),
            "That is H(X|Y): rows and columns are swapped. The side of the plane is known, the label is not.",
        ),
        Mistake(
            lambda tables: float(np.exp(_h(_joint(tables), axis=(1, 2)).sum())),
            "That is the joint entropy H(X, Y); subtract H(X), or take shares within each row.",
        ),
        Mistake(_even_sides, "Both sides weigh the same in yours; weight each with its share of the points."),
        Mistake(
            lambda tables: float(np.exp((1 - _joint(tables)[:, [0, 1], [0, 1]].sum(axis=1)).sum())),
            "You summed the shares of errors; the score takes entropies.",
        ),
    ],
)

# --- 6. a direction that changes one attribute alone

FLIPPED, CHANGED = 0.9, 0.1  # shares: of edits that must succeed, of other attributes that may change


@dataclass(frozen=True)
class World:
    """Attributes that are planes in w: attribute k is there where w·normals[k] > offsets[k]. mix: what correlates w."""

    normals: np.ndarray
    offsets: np.ndarray
    mix: np.ndarray

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """n points w (n, D) and their attributes (n, K + 1), 0 or 1; the first is the wanted one."""
        w = rng.normal(size=(n, len(self.mix))) @ self.mix
        return w, self.attributes(w)

    def attributes(self, w: np.ndarray) -> np.ndarray:
        """Points (n, D) → attributes (n, K + 1), 0 or 1."""
        return (w @ self.normals.T > self.offsets).astype(np.int64)


def make_world(rng: np.random.Generator, D: int = 12, K: int = 3) -> World:
    """A world whose attributes go together: planes at angles of 63°, in a w that is wider some ways than others."""
    turns = [np.linalg.qr(rng.normal(size=(D, D)))[0] for _ in range(2)]
    apart = np.linalg.cholesky(0.55 * np.eye(K + 1) + 0.45)  # rows of length 1 with products 0.45
    normals = apart @ turns[0][: K + 1]
    mix = turns[1].T * np.geomspace(0.6, 1.5, D) @ turns[1]
    widths = np.linalg.norm(mix @ normals.T, axis=0)
    return World(normals, widths * rng.uniform(-0.4, 0.4, size=K + 1), mix)


def normals_of(w: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Normals of planes, by least squares of labels (N, K) on w (N, D) → (K, D)."""
    centred = w - w.mean(axis=0)
    return np.linalg.lstsq(centred, labels - labels.mean(axis=0), rcond=None)[0].T


def direction(w: np.ndarray, wanted: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The wanted plane's normal without its parts along the others', as Shen et al. (2020) do, (D,)."""
    basis, _ = np.linalg.qr(normals_of(w, others).T)  # (D, K)
    (own,) = normals_of(w, wanted[:, None])
    return own - basis @ (basis.T @ own)


def difference_of_means(w: np.ndarray, wanted: np.ndarray, others: np.ndarray) -> np.ndarray:
    """From the mean of those without to the mean of those with, (D,)."""
    return w[wanted == 1].mean(axis=0) - w[wanted == 0].mean(axis=0)


def bare_normal(w: np.ndarray, wanted: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The wanted plane's normal, (D,)."""
    return normals_of(w, wanted[:, None])[0]


def rate_edits(world: World, w: np.ndarray, d: np.ndarray) -> tuple[float, float]:
    """Edits of points w that lack the attribute: (share that gets it, share of others that change).

    The step along d is the shortest of 100 at which the aim is reached, or the one that flips most.
    """
    before = world.attributes(w)
    steps = np.linspace(0, 12, 101)[1:] * np.linalg.norm(world.mix) / len(world.mix) ** 0.5
    after = [world.attributes(w + step * d / np.linalg.norm(d)) for step in steps]
    flipped = np.array([now[:, 0].mean() for now in after])
    best = int(np.argmax(flipped >= FLIPPED)) if flipped.max() >= FLIPPED else int(flipped.argmax())
    return float(flipped[best]), float((after[best][:, 1:] != before[:, 1:]).mean())


def _alike(a: np.ndarray, b: np.ndarray) -> bool:
    return float(a @ b) > 0.99 * float(np.linalg.norm(a) * np.linalg.norm(b))


_KNOWN = (  # wrong directions by their names in Q6's `private`, and what is wrong with them
    (
        "means",
        "It is the difference of the two means, which holds everything that tends to come along with the attribute.",
    ),
    (
        "normal",
        "It is the normal of the wanted attribute's plane, and the other planes stand askew to it. Take the parts along "
        "their normals out.",
    ),
)


def verify_direction(answer: Any, tools: Tools) -> Iterator[str]:
    """Judge directions in three worlds by the edits that they make."""
    if not callable(answer):
        yield "A function is asked for: write check(direction), without calling it."
        return
    for _ in range(3):
        world = make_world(tools.rng)
        w, labels = world.draw(tools.rng, 2000)
        given = w.copy(), labels[:, 0].copy(), labels[:, 1:].copy()
        known = [(tools.private(name, *given), text) for name, text in _KNOWN]
        d = np.asarray(tools.call(answer, *given))
        fault = _form_fault(d, w) or _edit_fault(world, tools.rng, d, known)
        if fault:
            yield fault
            return


def _form_fault(d: np.ndarray, w: np.ndarray) -> str:
    if d.dtype.kind not in "biuf" or d.shape != w.shape[1:]:
        turned = " That is a direction for each point; one is asked for, for all." if d.shape == w.shape else ""
        return f"Give one direction of shape {w.shape[1:]}, as long as a w; yours has shape {d.shape}.{turned}"
    if not np.isfinite(d).all():
        return "Your direction holds NaN or infinite numbers."
    return "" if np.linalg.norm(d) > 0 else "Your direction is 0: nothing moves."


def _edit_fault(world: World, rng: np.random.Generator, d: np.ndarray, wrong: Sequence[tuple[np.ndarray, str]]) -> str:
    w, labels = world.draw(rng, 2000)
    lacking = w[labels[:, 0] == 0]
    flipped, changed = rate_edits(world, lacking, d)
    if flipped < FLIPPED and rate_edits(world, lacking, -d)[0] >= FLIPPED:
        return "Your direction takes the attribute away; it should lead from those without to those with it."
    if flipped < FLIPPED:
        return f"However far you go, at most {flipped:.0%} of the held-out w get the attribute; 90 % should."
    if changed <= CHANGED:
        return ""
    known = next((text for other, text in wrong if _alike(d, other)), "")
    return f"It flips the attribute, but {changed:.0%} of the others change too; at most 10 % may. {known}".rstrip()


def _one_by_one(w: np.ndarray, wanted: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Takes the others' parts out one after the other as if they stood at right angles to each other: they don't."""
    own, rest = bare_normal(w, wanted, others), normals_of(w, others)
    rest /= np.linalg.norm(rest, axis=1, keepdims=True)
    return own - (rest @ own) @ rest


Q6 = Exercise(
    id="q6",
    title="A direction that spares the others",
    kind="design",
    points=3,
    minutes=15,
    verify=verify_direction,
    private={"means": difference_of_means, "normal": bare_normal},
    arrays="numpy",
    name="direction",
    hints=[
        "Begin with a plane: least squares of the labels on w, np.linalg.lstsq(w - w.mean(axis=0), wanted - wanted.mean()). "
        "Its normal flips the attribute. What else does a step along it change?",
        "Every attribute has a plane, and a step along d crosses another's plane unless d lies in it, at a right angle "
        "to its normal.",
        "Take the parts along all other normals out at once: Q, _ = np.linalg.qr(normals.T) gives them right angles, "
        "then own - Q @ (Q.T @ own).",
    ],
    wrong=[
        Wrong(difference_of_means, "difference of the two means"),
        Wrong(bare_normal, "normal of the wanted"),
        Wrong(lambda w, wanted, others: -direction(w, wanted, others), "takes the attribute away"),
        Wrong(
            lambda w, wanted, others: direction(w, others[:, 0], np.column_stack([wanted, others[:, 1:]])), "held-out w"
        ),
        Wrong(lambda w, wanted, others: w[wanted == 1].mean(axis=0), "of the others change"),
        Wrong(lambda w, wanted, others: np.linalg.svd(w - w.mean(axis=0))[2][0], ""),
        Wrong(lambda w, wanted, others: np.zeros(w.shape[1]), "is 0"),
        Wrong(lambda w, wanted, others: np.full(w.shape[1], np.nan), "NaN"),
        Wrong(lambda w, wanted, others: w - w.mean(axis=0), "for each point"),
        Wrong(lambda w, wanted, others: 1.0, "shape (12,)"),
        Wrong(lambda w, wanted: wanted, "could not use your answer"),
        Wrong(_one_by_one, "of the others change"),
        Wrong(np.ones(12), "a function is asked for"),
    ],
    right=[direction, lambda *given: 40 * direction(*given)],
)
