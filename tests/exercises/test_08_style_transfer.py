"""Lesson 8's exercises against answers as students write them."""

import numpy as np
import pytest
from exercise_testing import assert_accepted, assert_refused, assert_solutions

from helpers import exercises

LESSON = "08_style_transfer"
FUNCTIONS = ["q1", "q2", "q3", "q4", "q5", "q6"]


def rows_of(f):
    return f.reshape(-1, f.shape[-1])


def test_gram():
    def by_loop(f):
        h, w, C = f.shape
        out = np.zeros((C, C))
        for i in range(C):
            for j in range(C):
                out[i, j] = sum(f[y, x, i] * f[y, x, j] for y in range(h) for x in range(w)) / (h * w)
        return out

    assert_accepted(LESSON, "q1", by_loop)
    assert_accepted(LESSON, "q1", lambda f: np.einsum("hwi,hwj->ij", f, f) / (f.shape[0] * f.shape[1]))
    assert_accepted(LESSON, "q1", lambda f: (f[..., :, None] * f[..., None, :]).mean(axis=(0, 1)))
    assert_refused(LESSON, "q1", lambda f: np.einsum("hwi,hwj->ij", f, f), "divide by h·w")
    assert_refused(LESSON, "q1", lambda f: by_loop(f) / f.shape[2], "C·h·w")
    assert_refused(LESSON, "q1", lambda f: rows_of(f).T @ rows_of(f) / f.shape[2], "number of maps")
    assert_refused(LESSON, "q1", lambda f: rows_of(f).T @ rows_of(f) / len(f), "height alone")
    assert_refused(LESSON, "q1", lambda f: by_loop(f - f.mean(axis=(0, 1))), "covariance")
    assert_refused(LESSON, "q1", lambda f: np.cov(rows_of(f), rowvar=False), "NumPy's covariance")
    assert_refused(LESSON, "q1", lambda f: np.corrcoef(rows_of(f), rowvar=False), "correlation")
    assert_refused(LESSON, "q1", lambda f: by_loop(f / f.std(axis=(0, 1))), "")
    assert_refused(LESSON, "q1", lambda f: by_loop(f / np.sqrt((f**2).mean(axis=(0, 1)))), "maps' lengths")
    for divide in (1, len, lambda f: f.shape[2], lambda f: f.shape[0] * f.shape[1]):
        by = divide if callable(divide) else lambda f: 1
        words = "wrong shape" if divide is len else ["position", "map"]
        assert_refused(LESSON, "q1", lambda f, by=by: rows_of(f) @ rows_of(f).T / by(f), words)
    turned = lambda f: f.reshape(f.shape[2], f.shape[0] * f.shape[1])  # noqa: E731
    assert_refused(LESSON, "q1", lambda f: turned(f) @ turned(f).T / (f.shape[0] * f.shape[1]), "doesn't turn axes")
    assert_refused(LESSON, "q1", lambda f: rows_of(f).T @ rows_of(f), "divide by h·w")
    assert_refused(LESSON, "q1", lambda f: f.T @ f, "no result")
    assert_refused(LESSON, "q1", lambda f, mask: f, "wrong number of arguments")


def test_style_loss():
    def by_loop(x, s):
        above = below = 0.0
        for a, b in zip(x.ravel(), s.ravel(), strict=True):
            above, below = above + (a - b) ** 2, below + b**2
        return above / below

    norm = np.linalg.norm
    assert_accepted(LESSON, "q2", by_loop)
    assert_accepted(LESSON, "q2", lambda x, s: (norm(x - s) / norm(s)) ** 2)
    assert_accepted(LESSON, "q2", lambda x, s: np.mean((x - s) ** 2) / np.mean(s**2))
    assert_refused(LESSON, "q2", lambda x, s: norm(x - s) / norm(s), "root")
    assert_refused(LESSON, "q2", lambda x, s: np.abs(x - s).mean(), "absolute")
    assert_refused(
        LESSON, "q2", lambda x, s: np.abs(x - s).mean() / np.abs(s).mean(), "One bug is left: she takes absolute"
    )
    assert_refused(LESSON, "q2", lambda x, s: by_loop(s, x), "One bug is left: she divides")
    assert_refused(LESSON, "q2", lambda x, s: np.abs(x - s).mean() / np.abs(x).mean(), "her loss unchanged")
    assert_refused(LESSON, "q2", lambda x, s: norm(x - s) ** 2, "not divided by the style's")
    assert_refused(LESSON, "q2", lambda x, s: np.mean((x - s) ** 2), "mean of the squares")
    assert_refused(LESSON, "q2", lambda x, s: np.sum(x - s) / np.sum(s), "Nothing is squared")
    assert_refused(LESSON, "q2", lambda x, s: np.sum(x - s) / np.sum(s**2), "not squared")
    assert_refused(LESSON, "q2", lambda x, s: (x - s) ** 2 / np.sum(s**2), "one number for each pair")
    assert_refused(LESSON, "q2", lambda x, s: np.mean(((x - s) / s) ** 2), "entry by entry")
    assert_refused(LESSON, "q2", lambda x, s: ((x - s) ** 2).sum() / (4 * len(s) ** 2), "Gatys")
    assert_refused(LESSON, "q2", lambda x, s: ((x - s) ** 2).sum(axis=1) / (s**2).sum(), "wrong shape")


def test_total_variation():
    def by_loop(image):
        down = [(image[y + 1, x] - image[y, x]) ** 2 for y in range(len(image) - 1) for x in range(image.shape[1])]
        right = [(image[y, x + 1] - image[y, x]) ** 2 for y in range(len(image)) for x in range(image.shape[1] - 1)]
        return np.mean(down) + np.mean(right)

    steps = lambda image: (image[1:] - image[:-1], image[:, 1:] - image[:, :-1])  # noqa: E731
    assert_accepted(LESSON, "q3", by_loop)
    assert_accepted(LESSON, "q3", lambda image: sum(np.mean(np.diff(image, axis=axis) ** 2) for axis in (0, 1)))
    assert_refused(LESSON, "q3", lambda image: sum(np.abs(part).mean() for part in steps(image)), "absolute")
    assert_refused(LESSON, "q3", lambda image: sum(part.mean() for part in steps(image)), "not squared")
    rolled = lambda image, by: sum(((image - np.roll(image, by, axis)) ** 2).mean() for axis in (0, 1))  # noqa: E731
    assert_refused(LESSON, "q3", lambda image: rolled(image, 1), "wraps round")
    assert_refused(LESSON, "q3", lambda image: rolled(image, -1), "wraps round")
    assert_refused(LESSON, "q3", lambda image: (steps(image)[0] ** 2).mean(), "steps right are missing")
    assert_refused(LESSON, "q3", lambda image: (steps(image)[1] ** 2).mean(), "steps down are missing")
    assert_refused(LESSON, "q3", lambda image: sum((part**2).sum() for part in steps(image)), "You summed;")
    together = lambda image: sum((p**2).sum() for p in steps(image)) / sum(p.size for p in steps(image))  # noqa: E731
    assert_refused(LESSON, "q3", together, "one mean over all")
    assert_refused(LESSON, "q3", lambda image: sum((p**2).sum() for p in steps(image)) / image.size, "one row of steps")
    assert_refused(LESSON, "q3", lambda image: by_loop(image) / 2, "adds them")
    assert_refused(LESSON, "q3", lambda image: by_loop(image) ** 0.5, "root at the end")
    assert_refused(LESSON, "q3", lambda image: np.mean(np.diff(image) ** 2), "the last axis")
    assert_refused(LESSON, "q3", lambda image: steps(image)[0] ** 2 + steps(image)[1] ** 2, "no result")
    assert_refused(LESSON, "q3", lambda image: (steps(image)[0] ** 2).mean(axis=2), "wrong shape")


def test_adain():
    def by_loop(content, style):
        out = np.empty_like(content)
        for c in range(content.shape[2]):
            one, other = content[..., c], style[..., c]
            out[..., c] = (one - one.mean()) / (one.std() + 1e-5) * other.std() + other.mean()
        return out

    def statistics(content, style, axes=(0, 1), root=True, eps=1e-5, add=True):
        m, v = content.mean(axes, keepdims=True), content.var(axes, keepdims=True) + eps
        m_style, v_style = style.mean(axes, keepdims=True), style.var(axes, keepdims=True) + eps
        return (content - m) * (np.sqrt(v_style / v) if root else v_style / v) + m_style * add

    assert_accepted(LESSON, "q4", by_loop)
    assert_accepted(LESSON, "q4", statistics)  # Eq. 6 with the lesson's small number under both roots
    assert_accepted(LESSON, "q4", lambda content, style: statistics(content, style, eps=1e-8))
    assert_refused(LESSON, "q4", lambda content, style: by_loop(style, content), "roles are swapped")
    assert_refused(LESSON, "q4", lambda content, style: statistics(content, style, root=False), "variance")
    for axes, words in ((None, "over all maps"), (2, "over the channels"), (0, "each column"), (1, "each row")):
        assert_refused(LESSON, "q4", lambda content, style, a=axes: statistics(content, style, a), words)
    assert_refused(LESSON, "q4", lambda content, style: statistics(content, style, add=False), "mean is not added")
    assert_refused(LESSON, "q4", lambda content, style: content * style, "multiplied the two")
    assert_refused(LESSON, "q4", lambda content, style: content * style.mean((0, 1)), "multiplied by the style's mean")
    assert_refused(LESSON, "q4", lambda content, style: content * style.std((0, 1)) + style.mean((0, 1)), "not brought")
    assert_refused(LESSON, "q4", lambda content, style: content - content.mean((0, 1)) + style.mean((0, 1)), "Only the")
    assert_refused(LESSON, "q4", lambda content, style: style, "the style itself")

    def without_eps(content, style):
        with np.errstate(invalid="ignore"):
            return statistics(content, style, eps=0)

    assert_refused(LESSON, "q4", without_eps, "0/0")
    assert_refused(LESSON, "q4", lambda content, style: by_loop(content, style).mean(axis=2), "wrong shape")

    def in_place(content, style):
        content -= content.mean((0, 1))
        content *= style.std((0, 1)) / (content.std((0, 1)) + 1e-5)
        content += style.mean((0, 1))
        return content

    assert_refused(LESSON, "q4", in_place, ["values are right", "in place"])


def test_masked_gram():
    def by_loop(f, mask):
        total = np.zeros((f.shape[2], f.shape[2]))
        for y in range(f.shape[0]):
            for x in range(f.shape[1]):
                total += mask[y, x] * np.outer(f[y, x], f[y, x])
        return total / mask.sum()

    einsum = lambda f, weights: np.einsum("hwi,hw,hwj->ij", f, weights, f)  # noqa: E731
    assert_accepted(LESSON, "q5", by_loop)
    assert_accepted(LESSON, "q5", lambda f, mask: einsum(f, mask / mask.sum()))

    def both_factors(f, mask):
        rows = rows_of(f) * np.sqrt(mask / mask.sum()).reshape(-1, 1)
        return rows.T @ rows

    assert_accepted(LESSON, "q5", both_factors)
    assert_refused(LESSON, "q5", einsum, "not divided by its sum")
    assert_refused(LESSON, "q5", lambda f, mask: einsum(f, mask) / mask.size, "over all positions")
    assert_refused(LESSON, "q5", lambda f, mask: einsum(f, mask**2) / mask.sum(), "the mask is squared")
    assert_refused(LESSON, "q5", lambda f, mask: einsum(f, mask**2) / (mask**2).sum(), "mask²")
    assert_refused(LESSON, "q5", lambda f, mask: einsum(f, mask**2) / mask.size, "mask one, and divide")
    assert_refused(LESSON, "q5", lambda f, mask: einsum(f, (mask / mask.sum()) ** 2), "shares are in both")
    assert_refused(LESSON, "q5", lambda f, mask: f[mask > 0.5].T @ f[mask > 0.5] / (mask > 0.5).sum(), "cut the mask")
    assert_refused(LESSON, "q5", lambda f, mask: f[mask > 0].T @ f[mask > 0] / (mask > 0).sum(), "counts fully")
    assert_refused(LESSON, "q5", lambda f, mask: einsum(f, 0 * mask + 1) / mask.size, "not used")
    assert_refused(LESSON, "q5", lambda f, mask: by_loop(f, 1 - mask), "turned round")
    assert_refused(LESSON, "q5", lambda f, mask: by_loop(f, mask.T.reshape(mask.shape)), "transposed")
    centred = lambda f, mask: f - np.average(rows_of(f), axis=0, weights=mask.ravel())  # noqa: E731
    assert_refused(LESSON, "q5", lambda f, mask: by_loop(centred(f, mask), mask), "covariance")
    assert_refused(LESSON, "q5", lambda f, mask: f * mask, "no result")
    assert_refused(LESSON, "q5", lambda f, mask: f * mask[..., None], "wrong shape")


def test_keep_colours():
    color = pytest.importorskip("skimage.color")

    def by_yiq(content, result, clip=True):
        yiq = color.rgb2yiq(content)
        yiq[..., 0] = color.rgb2yiq(result)[..., 0]
        image = color.yiq2rgb(yiq)
        return np.clip(image, 0, 1) if clip else image

    def by_difference(content, result, weights=(0.299, 0.587, 0.114), sign=1):
        difference = result @ np.array(weights) - content @ np.array(weights)
        return np.clip(content + sign * difference[..., None], 0, 1)

    assert_accepted(LESSON, "q6", by_yiq)
    assert_accepted(LESSON, "q6", by_difference)
    assert_refused(LESSON, "q6", lambda content, result: by_yiq(result, content), "swapped")
    assert_refused(LESSON, "q6", lambda content, result: by_yiq(content, result, clip=False), "clip it")
    even, rec_709 = (1 / 3, 1 / 3, 1 / 3), (0.2126, 0.7152, 0.0722)
    assert_refused(LESSON, "q6", lambda content, result: by_difference(content, result, even), "mean of R, G and B")
    assert_refused(LESSON, "q6", lambda content, result: by_difference(content, result, rec_709), "Rec. 709")
    assert_refused(LESSON, "q6", lambda content, result: by_difference(content, result, sign=-1), "turned round")
    assert_refused(LESSON, "q6", lambda *given: by_difference(*given, weights=(0.114, 0.587, 0.299)), "B, G, R")

    def by_ratio(content, result):
        grey = lambda image: image @ np.array([0.299, 0.587, 0.114])  # noqa: E731
        return np.clip(content * (grey(result) / grey(content))[..., None], 0, 1)

    assert_refused(LESSON, "q6", by_ratio, "multiplied by the ratio")

    def by_value(content, result):
        hsv = color.rgb2hsv(content)
        hsv[..., 2] = color.rgb2hsv(result)[..., 2]
        return color.hsv2rgb(hsv)

    assert_refused(LESSON, "q6", by_value)
    assert_refused(LESSON, "q6", lambda content, result: content + (result - content) @ np.ones(3), "no result")
    assert_refused(LESSON, "q6", lambda content, result: 255 * by_yiq(content, result), "255 times")
    assert_refused(LESSON, "q6", lambda content, result: result @ np.array([0.299, 0.587, 0.114]), "wrong shape")


def test_how_many_numbers():
    channels = np.array([32, 16, 24, 40, 80, 112])
    matrices = [np.ones((c, c)) for c in channels]
    assert_accepted(LESSON, "q7", 11352)
    assert_accepted(LESSON, "q7", sum(np.triu(matrix).sum() for matrix in matrices))
    assert_accepted(LESSON, "q7", (channels * (channels + 1) // 2).sum())
    everything = np.array([*channels, 192, 320])
    for wrong, words in {
        (channels**2).sum(): "equals entry (j, i)",
        channels.sum(): "sum of the maps",
        sum(np.triu(matrix, 1).sum() for matrix in matrices): "diagonal is missing",
        (everything * (everything + 1) // 2).sum(): "all eight layers",
        (channels[:-1] * (channels[:-1] + 1) // 2).sum(): "five layers",
        channels.sum() * (channels.sum() + 1) // 2: "one Gram matrix",
        (channels**2).sum() / 2: "half",
        3 * 256**2: "the picture",
        3 * 256**2 / 11352: "how many times",
        11352 / (3 * 256**2): "share",
        "many": "a number is expected",
        11000: "too small",
    }.items():
        assert_refused(LESSON, "q7", wrong, words)
    assert_refused(LESSON, "q7", [528, 136, 300, 820, 3240, 6328], "wrong shape")
    assert_refused(LESSON, "q7", float("nan"), "NaN")


def test_broken_answers_are_refused_with_a_reason():
    for qid in FUNCTIONS:
        assert_refused(LESSON, qid, lambda *given: 1 / 0, ["no result", "ZeroDivisionError"])
        assert_refused(LESSON, qid, lambda *given: given[0][None], "wrong shape")
        assert_refused(LESSON, qid, lambda *given: "done", "text")
        assert_refused(LESSON, qid, lambda: 1, "wrong number of arguments")
        assert_refused(LESSON, qid, 3.5, "a function is asked for")
        for stub in (None, ..., lambda *given: None):
            assert exercises.exercise(LESSON, qid, "numpy").evaluate(stub).state == "not answered yet"


@pytest.mark.parametrize("track", ["pytorch", "tensorflow"])
def test_solutions_of_the_lesson_are_accepted(track):
    pytest.importorskip({"pytorch": "torch", "tensorflow": "tensorflow"}[track])
    assert_solutions(LESSON, track, count=7)
