"""Exercises of lesson 8, neural style transfer; the others are in style_grams and style_pictures."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from helpers.exercise_sets.style_grams import Q1, Q5
from helpers.exercise_sets.style_pictures import Q4, Q6
from helpers.exercises import Exercise, Mistake, Variant

Arrays = dict[str, Any]
Number = Callable[[np.ndarray], Any]

# --- 2. the style loss


def _two_grams(rng: np.random.Generator) -> Arrays:
    """Two Gram matrices of as many maps, of different strength."""
    first, second = 0.4 + rng.normal(size=(2, 15, 4))
    return {"gram_x": first.T @ first / 15, "gram_style": 2 * second.T @ second / 15}


def style_loss(gram_x: np.ndarray, gram_style: np.ndarray) -> float:
    """Eq. 3 for one layer of one image: the squared differences of two Gram matrices (C, C), as a share → a number."""
    return ((gram_x - gram_style) ** 2).sum() / (gram_style**2).sum()


Q2 = Exercise(
    id="q2",
    title="Two bugs in a style loss",
    kind="bug",
    points=1,
    minutes=5,
    inputs=_two_grams,
    reference=style_loss,
    arrays="numpy",
    hints=[
        "Eq. 3 is a fraction. Above: how far the two matrices are apart. Below: how large the style's is.",
        "Both are sums of squares over all entries, so that a layer with large numbers counts no more than others.",
        "((gram_x - gram_style) ** 2).sum(), divided by the same of gram_style alone.",
    ],
    mistakes=[
        Mistake(
            lambda x, s: np.abs(x - s).mean() / np.abs(x).mean(),
            "That is her loss unchanged: Eq. 3 squares, and what stands below the line isn't the image's own.",
        ),
        Mistake(
            lambda x, s: (x - s).sum() / s.sum(),
            "Nothing is squared: differences above and below 0 cancel.",
        ),
        Mistake(
            lambda x, s: (x - s).sum() / (s**2).sum(),
            "The differences are not squared: those above and below 0 cancel.",
        ),
        Mistake(lambda x, s: ((x - s) ** 2).sum() / s.sum(), "The style's entries are not squared below the line."),
        Mistake(
            lambda x, s: ((x - s) ** 2).sum() / np.abs(s).sum(), "Below the line stand absolute values; square them."
        ),
        Mistake(lambda x, s: np.abs(x - s).mean(), "You took the mean of absolute differences; Eq. 3 squares."),
        Mistake(
            lambda x, s: np.abs(x - s).sum() / np.abs(s).sum(),
            "One bug is left: she takes absolute values above and below; Eq. 3 squares.",
        ),
        Mistake(
            lambda x, s: ((x - s) ** 2).sum() / (x**2).sum(),
            "One bug is left: she divides by the image's own Gram matrix, so it could lower its loss by growing.",
        ),
        Mistake(
            lambda x, s: ((x - s) ** 2).sum() / (x * s).sum(),
            "You divided by the products of the two matrices; Eq. 3 takes the squares of the style's.",
        ),
        Mistake(
            lambda x, s: np.linalg.norm(x - s) / np.linalg.norm(s),
            "That is the root of Eq. 3. Without a root the slope fades where the two are close.",
        ),
        Mistake(lambda x, s: ((x - s) ** 2).sum(), "The squares are summed, but not divided by the style's."),
        Mistake(
            lambda x, s: ((x - s) ** 2).mean(),
            "That is the mean of the squares. A layer with large numbers would drown the others: divide by the style's.",
        ),
        Mistake(
            lambda x, s: ((x - s) ** 2).sum() / (4 * s.shape[0] ** 2),
            "That is the factor of Gatys et al., 1/(4·C²); Eq. 3 divides by the style's squares.",
        ),
        Mistake(
            lambda x, s: ((x - s) ** 2).mean() / (s**2).sum(),
            "You took a mean above the line and a sum below; the same on both sides, please.",
        ),
        Mistake(
            lambda x, s: ((x - s) ** 2).sum() / (s**2).mean(),
            "You took a sum above the line and a mean below; the same on both sides, please.",
        ),
        Mistake(
            lambda x, s: (((x - s) / s) ** 2).mean(),
            "You divided entry by entry, so that entries near 0 count most. Sum first, then divide.",
        ),
        Mistake(
            lambda x, s: (((x - s) / s) ** 2).sum(),
            "You divided each difference by its own entry; one division, sum by sum, is asked for.",
        ),
        Mistake(
            lambda x, s: np.abs((x**2).sum() - (s**2).sum()) / (s**2).sum(),
            "You compared how large the two are. Subtract entry by entry first, then square.",
        ),
        Mistake(
            lambda x, s: (np.triu(x - s) ** 2).sum() / (np.triu(s) ** 2).sum(),
            "You took one half of the matrix; in Eq. 3 each of the two equal entries counts.",
        ),
        Mistake(
            lambda x, s: (np.diag(x - s) ** 2).sum() / (np.diag(s) ** 2).sum(),
            "You compared the diagonals alone; products of different maps count too.",
        ),
        Mistake(
            lambda x, s: (x - s) ** 2 / (s**2).sum(),
            "That is one number for each pair of maps; the loss is their sum.",
        ),
    ],
)

# --- 3. total variation


def _steps(image: np.ndarray, wrap: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Steps down (H - 1, W, 3) and right (H, W - 1, 3); wrapped round, both are (H, W, 3)."""
    if wrap:
        return np.roll(image, -1, axis=0) - image, np.roll(image, -1, axis=1) - image
    return np.diff(image, axis=0), np.diff(image, axis=1)


def _variation(
    of: Callable[[np.ndarray], np.ndarray] = np.square, reduce: Callable[..., Any] = np.mean, wrap: bool = False
) -> Number:
    """Both directions' steps through a function, each reduced to a number, and added."""
    return lambda image: sum(reduce(of(steps)) for steps in _steps(image, wrap))


def _inner(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps down and right from each pixel that has both, (H - 1, W - 1, 3) each."""
    down, right = _steps(image)
    return down[:, :-1], right[:-1]


def total_variation(image: np.ndarray) -> float:
    """Eq. 4 of one image (H, W, 3): the mean squared step down plus the mean squared step right."""
    return _variation()(image)


def _picture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """An image (H, W, 3) in [0, 1] that is smooth in one direction and less so in the other."""
    rows, columns = 0.08 * rng.normal(size=(2, max(height, width), 3)).cumsum(axis=1)
    return np.clip(
        0.5 + rows[:height, None] + 2 * columns[None, :width] + 0.1 * rng.normal(size=(height, width, 3)), 0, 1
    )


Q3 = Exercise(
    id="q3",
    title="Total variation in NumPy",
    kind="implement",
    points=2,
    minutes=5,
    inputs=lambda rng: {"image": _picture(rng, 5, 8)},
    reference=total_variation,
    arrays="numpy",
    hints=[
        "A step is the difference of two neighbours. How many steps down has an image of H rows? And how many right?",
        "down = image[1:] - image[:-1], and the same along the second axis. Square the steps of each direction.",
        "(down**2).mean() + (right**2).mean(): each direction has its own mean, over its own number of steps.",
    ],
    mistakes=[
        Mistake(
            _variation(np.abs),
            "You took absolute values; Eq. 4 squares, so that large steps weigh most.",
        ),
        Mistake(_variation(lambda steps: steps), "The steps are not squared: those up and down cancel."),
        Mistake(
            _variation(wrap=True),
            "np.roll wraps round: it compares the last row with the first. Neighbours alone count: image[1:] - image[:-1].",
        ),
        Mistake(lambda image: (_steps(image)[0] ** 2).mean(), "The steps right are missing; both directions count."),
        Mistake(lambda image: (_steps(image)[1] ** 2).mean(), "The steps down are missing; both directions count."),
        Mistake(
            _variation(reduce=np.sum),
            "You summed; Eq. 4 takes means, so that an image of another size has a similar value.",
        ),
        Mistake(
            lambda image: np.mean(np.concatenate([steps.ravel() for steps in _steps(image)]) ** 2),
            "You took one mean over all steps together; each direction has its own mean, and the two are added.",
        ),
        Mistake(lambda image: _variation()(image) / 2, "You took the mean of the two directions; Eq. 4 adds them."),
        Mistake(
            lambda image: _variation(reduce=np.sum)(image) / image.size,
            "You divided both by the number of pixels; there is one row of steps less down, one column less right.",
        ),
        Mistake(
            lambda image: _variation(reduce=np.sum)(image) / (image.shape[0] * image.shape[1]),
            "You divided by H·W; the mean goes over the colours as well, and over the steps there are.",
        ),
        Mistake(lambda image: 3 * _variation()(image), "You summed over the colours; the mean goes over them as well."),
        Mistake(
            lambda image: np.sqrt(sum(steps**2 for steps in _inner(image))).mean(),
            "You took the root of the two squares, as the total variation of image denoising does; Eq. 4 has no root.",
        ),
        Mistake(
            lambda image: sum((steps**2).mean() for steps in _inner(image)),
            "Steps along the last row and the last column are left out; each direction has all its steps.",
        ),
        Mistake(lambda image: np.sqrt(_variation()(image)), "There is a root at the end; Eq. 4 has none."),
        Mistake(
            lambda image: sum(np.sqrt((steps**2).mean()) for steps in _steps(image)),
            "Each mean is under a root; Eq. 4 has none.",
        ),
        Mistake(
            lambda image: (np.diff(image) ** 2).mean(),
            "np.diff takes the last axis, the colours. Give axis=0 for the steps down and axis=1 for those right.",
        ),
        Mistake(
            lambda image: ((image[1:, 1:] - image[:-1, :-1]) ** 2).mean(),
            "You took one step down and right at once; Eq. 4 has the two one by one.",
        ),
        Mistake(
            lambda image: image.var(), "That is the variance: it compares with the mean and not with the neighbours."
        ),
    ],
)

# --- 7. how much a style holds

STYLE_CHANNELS = (32, 16, 24, 40, 80, 112)
ALL_CHANNELS = (*STYLE_CHANNELS, 192, 320)
PIXEL_NUMBERS = 3 * 256**2


def _symmetric(channels: int) -> int:
    """Different numbers of a symmetric matrix."""
    return channels * (channels + 1) // 2


def _counts(channels: tuple[int, ...], mistakes: Sequence[Mistake], **more: Any) -> Exercise:
    """The exercise for style layers of these widths. mistakes: on the layers that were left out or taken too many."""
    numbers = sum(map(_symmetric, channels))
    return Exercise(
        id="q7",
        title="How many numbers a style is",
        kind="derive",
        points=1,
        minutes=5,
        reference=numbers,
        name="how_many",
        rtol=0,
        atol=0.5,
        hints=[
            "A layer with C maps has a Gram matrix of C·C entries. Entry (i, j) and entry (j, i): are they two numbers?",
            "The diagonal and one side of it: C + C·(C − 1)/2 = C·(C + 1)/2 for each layer.",
            f"sum(C * (C + 1) // 2 for C in {channels}): one for each of the six style layers.",
        ],
        mistakes=[
            Mistake(
                sum(c**2 for c in channels),
                "You counted all C² entries; entry (i, j) equals entry (j, i), so each pair counts once.",
            ),
            Mistake(
                sum(channels), "That is the sum of the maps. A Gram matrix has an entry for every two of a layer's."
            ),
            Mistake(
                sum(c * (c - 1) // 2 for c in channels),
                "The diagonal is missing: each map with itself counts too, C·(C + 1)/2.",
            ),
            *mistakes,
            Mistake(
                _symmetric(sum(channels)),
                "You put all maps into one Gram matrix. Each layer has its own; maps of two layers are never multiplied.",
            ),
            Mistake(
                sum(c**2 for c in channels) / 2,
                "Half of all entries would count each diagonal entry half; the diagonal counts fully, C·(C + 1)/2.",
            ),
            Mistake(PIXEL_NUMBERS, "That is the picture, 3·256² numbers; the Gram matrices hold far fewer."),
            Mistake(
                PIXEL_NUMBERS / numbers,
                "That is how many times as many numbers the picture has; give the count itself.",
            ),
            Mistake(numbers / PIXEL_NUMBERS, "That is the share of the picture's numbers; give the count itself."),
            Mistake(2 * numbers, "You counted every layer twice; one style has one Gram matrix in each layer."),
        ],
        **more,
    )


def _other_layers(rng: np.random.Generator) -> Variant:
    """Six different widths from 16 to 128, multiples of 8."""
    channels = tuple(8 * int(width) for width in sorted(rng.choice(np.arange(2, 17), 6, replace=False)))
    left_out = Mistake(
        sum(map(_symmetric, channels[:-1])), f"That is five layers; the sixth, with {channels[-1]} maps, is missing."
    )
    listed = f"{', '.join(map(str, channels[:-1]))} and {channels[-1]} maps"
    ours = "The Gram matrices of the six style layers (32, 16, 24, 40, 80 and 112 maps) are symmetric."
    words = {ours: f"Take a network whose six style layers have {listed}. Their Gram matrices are symmetric."}
    return Variant(words, _counts(channels, [left_out]))


Q7 = _counts(
    STYLE_CHANNELS,
    [
        Mistake(
            sum(map(_symmetric, ALL_CHANNELS)),
            "That is all eight layers; the style is taken from the first six.",
        ),
        Mistake(
            sum(c**2 for c in ALL_CHANNELS),
            "That is all C² entries of all eight layers: six layers, and each pair of equal entries once.",
        ),
        Mistake(
            sum(map(_symmetric, STYLE_CHANNELS[:-1])),
            "That is five layers; the sixth, stage 5 with 112 maps, holds most of the numbers.",
        ),
    ],
    variants=_other_layers,
)

EXERCISES = [Q1, Q2, Q3, Q4, Q5, Q6, Q7]
