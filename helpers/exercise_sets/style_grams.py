"""Exercises 1 and 5 of lesson 8: the Gram matrix of maps, and that of a part of the picture."""

from collections.abc import Callable
from typing import Any

import numpy as np

from helpers.exercises import Exercise, Mistake

Arrays = dict[str, Any]
Matrix = Callable[..., np.ndarray]

# --- 1. the Gram matrix


def _maps(rng: np.random.Generator) -> np.ndarray:
    """Maps (h, w, C) with means far from 0; no two of h, w, C and h·w are equal."""
    height, width, channels = rng.permutation([3, 5, 4])
    return rng.uniform(-1, 1.5, size=channels) + rng.uniform(0.5, 2, size=channels) * rng.normal(
        size=(height, width, channels)
    )


def _rows(f: np.ndarray) -> np.ndarray:
    """Maps (h, w, C) → one row for each position, (h·w, C)."""
    return f.reshape(-1, f.shape[2])


def _products(divide: Callable[[np.ndarray], float] = lambda f: f.shape[0] * f.shape[1]) -> Matrix:
    """Sums of products of every two maps over another number."""
    return lambda f: _rows(f).T @ _rows(f) / divide(f)


def _of_positions(divide: Callable[[np.ndarray], float]) -> Matrix:
    """Products of every two positions, (h·w, h·w)."""
    return lambda f: _rows(f) @ _rows(f).T / divide(f)


def _misread(f: np.ndarray) -> np.ndarray:
    """The numbers of (h, w, C) read as if the channels came first."""
    rows = f.reshape(f.shape[2], -1)
    return rows @ rows.T / rows.shape[1]


def _cosines(f: np.ndarray) -> np.ndarray:
    gram = _products()(f)
    lengths = np.sqrt(np.diag(gram))
    return gram / np.outer(lengths, lengths)


def gram_by_hand(f: np.ndarray) -> np.ndarray:
    """The Gram matrix of maps (h, w, C), Eq. 1: the mean over all positions of the product of every two maps, (C, C)."""
    return _products()(f)


Q1 = Exercise(
    id="q1",
    title="A Gram matrix in NumPy",
    kind="implement",
    points=2,
    minutes=5,
    inputs=lambda rng: {"f": _maps(rng)},
    reference=gram_by_hand,
    arrays="numpy",
    hints=[
        "Entry (i, j) belongs to maps i and j. Multiply the two position by position; what does Eq. 1 do with the products?",
        "Put the positions in rows first: f.reshape(-1, f.shape[2]) is (h·w, C). One matrix product then sums over them.",
        "rows.T @ rows is (C, C); divide it by the number of positions, len(rows).",
    ],
    mistakes=[
        Mistake(_products(lambda f: 1), "You summed over the positions; Eq. 1 takes the mean: divide by h·w."),
        Mistake(
            _products(lambda f: f.shape[2]),
            "You divided by the number of maps, C; the mean goes over the h·w positions.",
        ),
        Mistake(
            _products(lambda f: f.size),
            "You divided by C·h·w. Each entry adds up h·w products, so its mean needs h·w alone.",
        ),
        Mistake(_products(lambda f: f.shape[0]), "You divided by the height alone; there are h·w positions."),
        Mistake(_products(lambda f: f.shape[1]), "You divided by the width alone; there are h·w positions."),
        Mistake(
            _products(lambda f: f.shape[0] * f.shape[1] - 1),
            "You divided by h·w − 1; the mean over all positions divides by h·w.",
        ),
        Mistake(
            lambda f: np.cov(_rows(f).T, bias=True),
            "You subtracted each map's mean, which gives the covariance. A Gram matrix keeps the mean in.",
        ),
        Mistake(
            lambda f: np.cov(_rows(f).T),
            "That is NumPy's covariance: each map's mean is subtracted, and h·w − 1 divides. Eq. 1 does neither.",
        ),
        Mistake(
            lambda f: np.corrcoef(_rows(f).T),
            "That is the correlation: means and widths are gone. How strong a map is, is a part of the style.",
        ),
        Mistake(
            _cosines, "You divided by the maps' lengths, so the diagonal is 1; how strong a map is, is lost with that."
        ),
        Mistake(
            _of_positions(lambda f: f.shape[2]),
            "You compared positions with positions, (h·w, h·w). That keeps where things are; compare maps with maps.",
        ),
        Mistake(
            _of_positions(lambda f: f.shape[0] * f.shape[1]),
            "You multiplied rows @ rows.T, positions with positions; rows.T @ rows compares maps with maps.",
        ),
        Mistake(
            _of_positions(lambda f: 1),
            "The result has a row for each position. A Gram matrix has one for each map, (C, C), and is a mean.",
        ),
        Mistake(
            _misread,
            "f.reshape(C, -1) doesn't turn axes: it cuts the numbers into other rows. Reshape to (h·w, C), then transpose.",
        ),
        Mistake(
            lambda f: np.outer(_rows(f).mean(axis=0), _rows(f).mean(axis=0)),
            "You multiplied the maps' means. Multiply position by position first, then take the mean.",
        ),
        Mistake(
            lambda f: np.diag(np.diag(_products()(f))),
            "Only each map with itself is there; the products of two different maps belong to the style too.",
        ),
        Mistake(
            lambda f: (_rows(f) ** 2).mean(axis=0),
            "That is each map with itself alone, (C,); every two maps have a product, (C, C).",
        ),
        Mistake(
            lambda f: f.swapaxes(1, 2) @ f / f.shape[1],
            "That is one matrix for each row of pixels; take the mean over the rows as well.",
        ),
    ],
)

# --- 5. the Gram matrix under a mask


def _masked(weigh: Callable[[np.ndarray], np.ndarray]) -> Matrix:
    """Products of every two maps with other weights for the positions."""

    def masked(f: np.ndarray, mask: np.ndarray) -> np.ndarray:
        weights = weigh(mask).reshape(-1, 1)
        return (_rows(f) * weights).T @ _rows(f)

    return masked


def masked_gram(f: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Eq. 1 of maps (h, w, C) where position p counts as mask[p] / mask.sum() → (C, C)."""
    return _masked(lambda m: m / m.sum())(f, mask)


def _masked_maps(rng: np.random.Generator) -> Arrays:
    """Maps, and a mask with soft edges: some positions out, some in, most in between; its largest value is below 1."""
    f = _maps(rng)
    mask = rng.uniform(0.05, 0.9, size=f.shape[:2])
    mask.flat[rng.choice(mask.size, size=3, replace=False)] = 0
    return {"f": f, "mask": mask}


Q5 = Exercise(
    id="q5",
    title="A style for a part of the picture",
    kind="design",
    points=2,
    minutes=10,
    inputs=_masked_maps,
    reference=masked_gram,
    arrays="numpy",
    hints=[
        "Eq. 1 gives every position the same share, 1/(h·w). Which share has a position whose mask is 0? And twice another's?",
        "Shares add up to 1: mask / mask.sum(). Each position's products are weighted with its share once.",
        "share = (mask / mask.sum()).reshape(-1, 1), rows = f.reshape(-1, f.shape[2]), then (rows * share).T @ rows.",
    ],
    mistakes=[
        Mistake(
            _masked(lambda m: m),
            "The mask is not divided by its sum: a small region would have a small Gram matrix, as if its style were faint.",
        ),
        Mistake(
            _masked(lambda m: m / m.size),
            "You took the mean over all positions, the masked ones too: divide by the mask's sum, not by h·w.",
        ),
        Mistake(
            _masked(lambda m: m / m.mean()), "The mask is divided by its mean; its sum makes shares that add up to 1."
        ),
        Mistake(
            _masked(lambda m: m / m.max()), "The mask is divided by its largest value; its sum makes shares of it."
        ),
        Mistake(
            _masked(lambda m: m**2 / m.sum()),
            "Both factors are masked, so the mask is squared: a position that counts half counts a quarter. Mask one.",
        ),
        Mistake(
            _masked(lambda m: m**2 / (m**2).sum()),
            "Both factors are masked, so the shares are those of mask². Mask one factor.",
        ),
        Mistake(
            _masked(lambda m: (m / m.sum()) ** 2),
            "The shares are in both factors, so they are squared; a product has its position's share once.",
        ),
        Mistake(
            _masked(lambda m: m**2 / m.size),
            "Both factors are masked, and the mean goes over all positions: mask one, and divide by the mask's sum.",
        ),
        Mistake(_masked(lambda m: m**2), "Both factors are masked, and nothing divides by the mask's sum."),
        Mistake(
            _masked(lambda m: np.sqrt(m) / np.sqrt(m).sum()),
            "You took the mask's root; a position's share is the mask itself over its sum.",
        ),
        Mistake(
            _masked(lambda m: (m > 0.5) / (m > 0.5).sum()),
            "You cut the mask at ½. Masks have soft edges: a position counts as much as its mask says.",
        ),
        Mistake(
            _masked(lambda m: (m > 0) / (m > 0).sum()),
            "Every position with a mask above 0 counts fully in yours; it counts as much as its mask says.",
        ),
        Mistake(_masked(lambda m: 0 * m + 1 / m.size), "The mask is not used: all positions count alike."),
        Mistake(
            _masked(lambda m: (1 - m) / (1 - m).sum()),
            "The mask is turned round: 1 counts, 0 does not.",
        ),
        Mistake(
            _masked(lambda m: m.T / m.sum()),
            "The mask is transposed, so it stands at other positions than its maps: rows first, then columns.",
        ),
        Mistake(
            lambda f, mask: (
                np.cov(_rows(f).T, aweights=mask.ravel(), bias=True) if (mask.ravel() >= 0).all() else _products()(f)
            ),
            "You subtracted the maps' means, which gives a covariance; a Gram matrix keeps them in.",
        ),
    ],
)
