"""Exercises 4 and 6 of lesson 8: adaptive instance normalisation of one picture's maps, and keeping a photo's colours."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from helpers.exercises import Exercise, Mistake, Tools, Wrong

Arrays = dict[str, Any]

# --- 4. adaptive instance normalisation

MAP = (0, 1)
Stat = Callable[[np.ndarray], np.ndarray]


def _mean(axes: Sequence[int] | None) -> Stat:
    return lambda f: f.mean(axis=axes, keepdims=True)


def _width(axes: Sequence[int] | None, power: float = 0.5, eps: float = 1e-5) -> Stat:
    return lambda f: (f.var(axis=axes, keepdims=True) + eps) ** power


def _adain(
    axes: Sequence[int] | None = MAP,
    power: float = 0.5,
    subtract: float = 1.0,
    add: float = 1.0,
    divide: float = 1.0,
    multiply: float = 1.0,
    eps: float = 1e-5,
) -> Callable[..., np.ndarray]:
    """Eq. 6 with other axes, another power of the variance, another ε, or one of its four steps switched off (0)."""
    mean, width = _mean(axes), _width(axes, power, eps)

    def adain(content: np.ndarray, style: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):  # without ε a dead map gives 0/0
            moved = (content - subtract * mean(content)) / width(content) ** divide
        return moved * width(style) ** multiply + add * mean(style)

    return adain


def adain_by_hand(content: np.ndarray, style: np.ndarray) -> np.ndarray:
    """AdaIN, Eq. 6: content's maps (h, w, C) with the mean and spread of style's (k, l, C), map by map."""
    return _adain()(content, style)


def _maps(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Maps (height, width, 3) with means and widths of their own, none near 0."""
    noise = rng.normal(size=(height, width, 3))
    return rng.uniform(1, 3, size=3) * rng.choice([-1, 1], size=3) + rng.uniform(0.6, 2.5, size=3) * noise


def verify_sizes(answer: Callable[..., Any], tools: Tools) -> Iterator[str]:
    """The style may have another height and width, and a map of the content may be the same everywhere."""
    content, style = _maps(tools.rng, 4, 6), _maps(tools.rng, 5, 3)
    got = np.asarray(tools.call(answer, content, style))
    if got.shape != content.shape or not np.allclose(got, tools.private("adain", content, style), atol=2e-3):
        yield "It is right for two pictures of one size. The style's maps may have another height and width."
    content[:, :, 1] = 0
    got = np.asarray(tools.call(answer, content, content + 1))
    if not np.isfinite(got).all():
        yield "A map that is the same everywhere gives 0/0: keep the 1e-5 under the root."


def _without_eps(content: np.ndarray, style: np.ndarray) -> np.ndarray:
    return _adain(eps=0)(content, style)


def _of_one_size(content: np.ndarray, style: np.ndarray) -> np.ndarray:
    _ = content + style  # fails where the sizes differ
    return _adain()(content, style)


Q4 = Exercise(
    id="q4",
    title="The style of one picture on the maps of another",
    kind="implement",
    points=2,
    minutes=5,
    inputs=lambda rng: {"content": _maps(rng, 4, 6), "style": _maps(rng, 4, 6)},
    reference=adain_by_hand,
    verify=verify_sizes,
    private={"adain": adain_by_hand},
    right=[adain_by_hand],
    wrong=[Wrong(_without_eps, "0/0"), Wrong(_of_one_size, "could not use your answer")],
    atol=1e-3,  # an ε of another size, or beside the root, is right as well
    arrays="numpy",
    hints=[
        "Two steps. First bring every map of the content to mean 0 and width 1; then give it the style's width and mean.",
        "A map is f[:, :, c]: its mean and its standard deviation go over the axes (0, 1), with keepdims=True.",
        "(content - mean) / width * width_of_style + mean_of_style, where width is (var + 1e-5) ** 0.5.",
    ],
    mistakes=[
        Mistake(
            lambda content, style: adain_by_hand(style, content),
            "The roles are swapped: the content's maps stay in their places and get the style's mean and width.",
        ),
        Mistake(_adain(power=1.0), "You took the variance for the width; the standard deviation is its root."),
        Mistake(
            lambda content, style: (
                (content - _mean(MAP)(content)) / _width(MAP, 1.0)(content) * _width(MAP)(style) + _mean(MAP)(style)
            ),
            "The content is divided by its variance; divide by its standard deviation.",
        ),
        Mistake(
            lambda content, style: (
                (content - _mean(MAP)(content)) / _width(MAP)(content) * _width(MAP, 1.0)(style) + _mean(MAP)(style)
            ),
            "You multiplied by the style's variance; its standard deviation is asked for.",
        ),
        Mistake(
            _adain(axes=None),
            "You took one mean and one width over all maps; each map has its own: axis=(0, 1), keepdims=True.",
        ),
        Mistake(
            _adain(axes=(2,)),
            "You took mean and width over the channels of each position; they go over the positions of each map.",
        ),
        Mistake(_adain(axes=(0,)), "You took mean and width over each column; a map has both axes, (0, 1)."),
        Mistake(_adain(axes=(1,)), "You took mean and width over each row; a map has both axes, (0, 1)."),
        Mistake(_adain(add=0), "The style's mean is not added at the end."),
        Mistake(
            _adain(add=0, multiply=0), "The content's maps have mean 0 and width 1 now; the style has yet to come in."
        ),
        Mistake(_adain(multiply=0), "The style's mean is there; its width is missing."),
        Mistake(_adain(divide=0, multiply=0), "Only the means are moved; the widths are still the content's."),
        Mistake(_adain(divide=0), "The content is not divided by its own width first."),
        Mistake(_adain(subtract=0), "The content's own mean is not subtracted first."),
        Mistake(
            _adain(subtract=0, divide=0),
            "The content is not brought to mean 0 and width 1 first: its own statistics stay in the result.",
        ),
        Mistake(
            _adain(divide=-1, multiply=-1),
            "The widths are turned round: divide by the content's, multiply by the style's.",
        ),
        Mistake(
            lambda content, style: _adain(add=0)(content, style) + _mean(MAP)(content),
            "You added the content's own mean again; the style's is asked for.",
        ),
        Mistake(
            lambda content, style: content * style,
            "You multiplied the two pictures' maps; of the style only mean and width of each map come in.",
        ),
        Mistake(
            lambda content, style: content * _mean(MAP)(style),
            "You multiplied by the style's mean; it is added, after the content's own statistics are gone.",
        ),
        Mistake(lambda content, style: style, "That is the style itself; where things are must come from the content."),
    ],
)

# --- 6. keeping the colours

REC_601, REC_709 = (0.299, 0.587, 0.114), (0.2126, 0.7152, 0.0722)


def _luma(image: np.ndarray, weights: Sequence[float] = REC_601) -> np.ndarray:
    """Brightness of images (H, W, 3) → (H, W, 1)."""
    return image @ np.asarray(weights)[:, None]


def _clip(image: np.ndarray) -> np.ndarray:
    return np.clip(image, 0, 1)


def _kept(
    weights: Sequence[float] = REC_601, sign: float = 1.0, end: Callable[[np.ndarray], np.ndarray] = _clip
) -> Callable[..., np.ndarray]:
    """The content moved by the difference of the brightnesses; other weights, another sign, another end."""
    return lambda content, result: end(content + sign * (_luma(result, weights) - _luma(content, weights)))


def keep_colours(content: np.ndarray, result: np.ndarray) -> np.ndarray:
    """The result's brightness with the content's colours, (H, W, 3) in [0, 1]: only Y of YIQ is taken over."""
    return _kept()(content, result)


def _stretched(image: np.ndarray) -> np.ndarray:
    return (image - image.min()) / (image.max() - image.min())


Q6 = Exercise(
    id="q6",
    title="The style's brush, the photo's colours",
    kind="derive",
    points=2,
    minutes=10,
    inputs=lambda rng: {"content": rng.uniform(0, 1, size=(5, 7, 3)), "result": rng.uniform(0, 1, size=(5, 7, 3))},
    reference=keep_colours,
    arrays="numpy",
    hints=[
        "In YIQ the brightness Y stands alone, and I and Q hold the colour. Which of the three comes from which picture?",
        "The same number added to R, G and B changes Y by that number and leaves I and Q. Which number brings Y to the result's?",
        "np.clip(content + (luma(result) - luma(content))[..., None], 0, 1), with luma(x) = x @ [0.299, 0.587, 0.114].",
    ],
    mistakes=[
        Mistake(
            lambda content, result: keep_colours(result, content),
            "The pictures are swapped: the brightness comes from the result, the colours from the content.",
        ),
        Mistake(
            _kept((1 / 3, 1 / 3, 1 / 3)),
            "You took the mean of R, G and B for the brightness; green counts most: 0.299, 0.587, 0.114.",
        ),
        Mistake(_kept(REC_709), "Your weights are those of Rec. 709; YIQ has 0.299, 0.587, 0.114, those of Rec. 601."),
        Mistake(_kept(REC_601[::-1]), "The weights stand in the order B, G, R; the picture's channels are R, G, B."),
        Mistake(_kept(end=lambda image: image), "The result leaves [0, 1]; clip it at the end."),
        Mistake(_kept(sign=-1.0), "The difference is turned round: the result's brightness minus the content's."),
        Mistake(_kept(end=lambda image: image % 1), "Values beyond 1 wrap round to 0 in yours; clip them to [0, 1]."),
        Mistake(
            _kept(end=_stretched), "You stretched the picture into [0, 1], which changes every pixel; clip instead."
        ),
        Mistake(
            lambda content, result: _clip(content * _luma(result) / _luma(content)),
            "You multiplied by the ratio of the brightnesses, which changes I and Q too; add the difference.",
        ),
        Mistake(
            lambda content, result: content * _luma(result) / _luma(content),
            "You multiplied by the ratio of the brightnesses and didn't clip; add the difference, then clip.",
        ),
        Mistake(
            lambda content, result: _clip(content * _luma(result)),
            "You multiplied the content by a brightness; add the difference of the two.",
        ),
        Mistake(
            lambda content, result: _clip(content + _luma(result)),
            "The content's own brightness is still in; subtract it.",
        ),
        Mistake(
            lambda content, result: np.repeat(_luma(result), 3, axis=2),
            "That is the result in grey; the content's colours are missing.",
        ),
        Mistake(
            lambda content, result: _clip(content + (_luma(result) - _luma(content)).mean()),
            "You moved all pixels by one number; each pixel gets its own brightness.",
        ),
        Mistake(
            lambda content, result: _clip(content + (result - content).mean(axis=(0, 1))),
            "You gave the content the result's mean colour; the brightness of each pixel is asked for.",
        ),
        Mistake(
            lambda content, result: _clip(
                content + result.max(axis=2, keepdims=True) - content.max(axis=2, keepdims=True)
            ),
            "You took the largest of R, G and B for the brightness, as HSV does; YIQ weights the three.",
        ),
        Mistake(lambda content, result: (content + result) / 2, "That is the mean of the two pictures."),
        Mistake(lambda content, result: content, "That is the content as it was; the result's brightness is missing."),
    ],
)
