"""A two-alternative forced-choice test of pictures: one of each pair is real, the other generated, in a random order.

The kernel keeps the order and the answers; the browser gets the two pictures of one pair at a time, and nothing from which
the answer could be read. Nothing is sent or stored anywhere else.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import traitlets

from helpers import image_grids, plotting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Interval = Callable[[int, int], tuple[float, float]]
SIDES = ("left", "right")
SHOWN = 8  # pairs in the static figure
QUESTION = "Which of the two was generated?"


def checked_images(real: Any, fake: Any, trials: int) -> tuple[np.ndarray, np.ndarray]:
    """Both sets as uint8 (N, H, W, C) of one size. ValueError where they differ in it, or hold fewer images than trials."""
    if not isinstance(trials, int) or isinstance(trials, bool) or trials < 1:
        raise ValueError(f"trials is {trials!r}; it must be a whole number of at least 1")
    sets = [image_grids.to_pixels(images) for images in (real, fake)]
    if sets[0].shape[1:] != sets[1].shape[1:]:
        raise ValueError(
            f"real and fake must have one size, or it gives the answer away: {sets[0].shape[1:]}, {sets[1].shape[1:]}"
        )
    if min(map(len, sets)) < trials:
        raise ValueError(f"{trials} trials need as many real and fake images, not {len(sets[0])} and {len(sets[1])}")
    return sets[0], sets[1]


class TwoChoices(anywidget.AnyWidget):
    """The live test. `right` says of each answer so far whether it was; `answered` and `correct` count them.

    interval(correct, answered) → (low, high), shares in [0, 1], is the reader's own; it is asked once, at the end.
    """

    _esm = Path(__file__).with_name("two_choices.js")
    left = traitlets.Bytes(b"").tag(sync=True)
    right_picture = traitlets.Bytes(b"").tag(sync=True)
    number = traitlets.Int(1).tag(sync=True)
    total = traitlets.Int(1).tag(sync=True)
    question = traitlets.Unicode(QUESTION).tag(sync=True)
    status = traitlets.Unicode("").tag(sync=True)
    finished = traitlets.Bool(False).tag(sync=True)
    review = traitlets.Bytes(b"").tag(sync=True)
    review_alt = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self,
        real: np.ndarray,
        fake: np.ndarray,
        trials: int,
        rng: np.random.Generator,
        interval: Interval,
        question: str,
    ) -> None:
        self._real, self._fake, self._rng, self._interval = real, fake, rng, interval
        super().__init__(total=trials, question=question)
        self.on_msg(self._heard)
        self.again()

    @property
    def answered(self) -> int:
        """How many pairs were answered."""
        return len(self.right)

    @property
    def correct(self) -> int:
        """How many answers were right."""
        return sum(self.right)

    def again(self) -> None:
        """Begin anew with other pairs in another order; the answers so far are forgotten."""
        self.right: list[bool] = []
        self._pairs, self._sides = drawn(len(self._real), len(self._fake), self.total, self._rng)
        with self.hold_sync():
            self.finished, self.review, self.review_alt = False, b"", ""
            self._show(f"Pair 1 of {self.total}.")

    def choose(self, side: str) -> None:
        """Answer the pair on show: the generated picture is on this side, "left" or "right". ValueError on another word."""
        if side not in SIDES:
            raise ValueError(f"side must be left or right, not {side!r}")
        if self.finished:
            return
        self.right.append(side == SIDES[self._sides[self.answered]])
        with self.hold_sync():
            if self.answered == self.total:
                self._end()
            else:
                self._show(f"Pair {self.answered + 1} of {self.total}.")

    def _heard(self, _: Any, content: Any, __: Any) -> None:
        """A message of the browser: {"choice": side, "number": of the pair it saw}, or {"again": true}. Others are let pass."""
        if not isinstance(content, dict):
            return
        if content.get("again") is True:
            self.again()
        elif content.get("choice") in SIDES and content.get("number") == self.number and not self.finished:
            self.choose(content["choice"])  # a second press on the pair before has another number

    def _show(self, status: str) -> None:
        """Put the next pair and its number on show."""
        i = self.answered
        pictures = self._real[self._pairs[0][i]], self._fake[self._pairs[1][i]]
        place = self._sides[i]  # where the fake stands
        self.left, self.right_picture = (plotting.encode_png(p) for p in (pictures[1 - place], pictures[place]))
        self.number, self.status = i + 1, status

    def _end(self) -> None:
        """The result in words, and all pairs with their truth."""
        self.status = f"{self.correct} of {self.answered} right. " + self._judged()
        figure = review_figure(self._real[self._pairs[0]], self._fake[self._pairs[1]], self.right)
        missed = [str(i + 1) for i, right in enumerate(self.right) if not right]
        self.review = plotting.png_bytes(figure)
        self.review_alt = f"All pairs, the generated picture below. Missed: {', '.join(missed) or 'none'}."
        self.finished = True

    def _judged(self) -> str:
        """The reader's interval in words; an error in it becomes text, since nobody sees a traceback from a widget."""
        try:
            low, high = (float(value) for value in self._interval(self.correct, self.answered))
            if not 0 <= low <= high <= 1:
                raise ValueError(f"({low:.3g}, {high:.3g}) are no shares low ≤ high in [0, 1]")
        except Exception as error:  # whatever the reader's own function raises
            return f"interval failed: {type(error).__name__}: {error}"
        return words(low, high)


def drawn(
    real: int, fake: int, trials: int, rng: np.random.Generator
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Which real and which fake image make each pair, no image twice, and on which side the fake stands (0 left, 1 right).

    Each side is a coin of its own, so that no answer helps with another.
    """
    pairs = rng.choice(real, trials, replace=False), rng.choice(fake, trials, replace=False)
    return pairs, rng.integers(0, 2, trials)


def words(low: float, high: float) -> str:
    """What an interval of the share of right answers says about guessing."""
    spread = f"The interval reaches from {low:.0%} to {high:.0%}. "
    if low > 0.5:
        return spread + "Guessing (50 %) lies below it: you can tell them apart."
    if high < 0.5:
        return spread + "Guessing (50 %) lies above it: you see a difference, and take it the wrong way round."
    narrow = low > 0.4 and high < 0.6
    wide = "" if narrow else " Nor that you can't: the interval is too wide for that."
    return spread + "Guessing (50 %) lies inside: this test doesn't show that you can tell them apart." + wide


def static_figure(real: np.ndarray, fake: np.ndarray, trials: int, rng: np.random.Generator, question: str) -> Figure:
    """Some pairs side by side, and upside down in the last line where the generated ones stand."""
    count = min(SHOWN, trials)
    (of_real, of_fake), sides = drawn(len(real), len(fake), count, rng)
    rows = math.ceil(count / 4)
    fig, axes = plotting.figure(rows, min(4, count), width=9.2, height=1.45 * rows + 0.8, squeeze=False)
    for i, ax in enumerate(axes.flat):
        ax.set(xticks=[], yticks=[])
        ax.grid(visible=False)
        ax.spines[:].set_visible(i < count)
        if i < count:
            pair = [real[of_real[i]], fake[of_fake[i]]]
            ax.imshow(beside(pair if sides[i] else pair[::-1]), interpolation="nearest")
            ax.set_title(f"pair {i + 1}", loc="left", fontsize=10)
    fig.suptitle(
        f"{question} In a running notebook you can answer; here, turn the page", x=0.01, ha="left", fontsize=11
    )
    answers = ", ".join(f"{i + 1} {SIDES[side]}" for i, side in enumerate(sides))
    fig.supxlabel(f"generated: {answers}", rotation=180, fontsize=8)
    return fig


def beside(pair: list[np.ndarray]) -> np.ndarray:
    """Two images (H, W, C) with a white gap between them, (H, 2·W + gap, 3)."""
    pair = [np.broadcast_to(image, (*image.shape[:2], 3)) for image in pair]
    gap = np.full((pair[0].shape[0], max(1, pair[0].shape[1] // 8), 3), 255, np.uint8)
    return np.concatenate([pair[0], gap, pair[1]], axis=1)


def review_figure(real: np.ndarray, fake: np.ndarray, right: list[bool]) -> Figure:
    """Every pair, real above generated, with a mark and a word for each answer."""
    titles = [f"{i + 1} ✔" if good else f"{i + 1} ✘" for i, good in enumerate(right)]
    gap = np.full((len(real), max(1, real.shape[1] // 16), *real.shape[2:]), 255, np.uint8)
    pairs = np.concatenate([real, gap, fake], axis=1)
    cols = min(10, len(pairs))
    return image_grids.image_grid(
        pairs, cols=cols, size=0.8, cell_titles=titles, title="Real above, generated below; ✘ missed"
    )
