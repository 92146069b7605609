"""Lesson 6's exercises against answers as students write them, in each track's own code."""

import numpy as np
import pytest
from exercise_testing import assert_accepted, assert_answers, assert_refused, assert_solutions

LESSON = "06_cyclegan"


def test_receptive_field():
    def forwards(kernels, strides):
        r, step = 1, 1
        for k, s in zip(kernels, strides, strict=True):
            r, step = r + (k - 1) * step, step * s
        return r

    def by_marking(kernels, strides):
        seen = {0}
        for k, s in zip(kernels[::-1], strides[::-1], strict=True):
            seen = {s * place + i for place in seen for i in range(k)}
        return max(seen) + 1

    def from_the_picture(kernels, strides):
        r = 1
        for k, s in zip(kernels, strides, strict=True):
            r = (r - 1) * s + k
        return r

    assert_accepted(LESSON, "q2", forwards)
    assert_accepted(LESSON, "q2", by_marking)
    assert_accepted(LESSON, "q2", lambda k, s: 1 + np.dot(np.array(k) - 1, np.cumprod([1, *s[:-1]])))
    assert_refused(LESSON, "q2", from_the_picture, "begins at the logit")
    assert_refused(LESSON, "q2", lambda k, s: 1 + np.dot(np.array(k) - 1, np.cumprod(s)), "own stride")
    assert_refused(LESSON, "q2", lambda k, s: sum(np.array(k) - 1) + 1, "strides are missing")
    assert_refused(LESSON, "q2", lambda k, s: 1 + np.dot(k, np.cumprod([1, *s[:-1]])), "k - 1 steps")
    assert_refused(LESSON, "q2", lambda k, s: int(np.prod(s)), "product of the strides")
    assert_refused(LESSON, "q2", lambda k, s: 70)


def buffered(fakes, size, swap, place, rule="right"):
    """The buffer as a student writes it, with an array for what it holds; rule: "right" or a mistake."""
    kept, full, shown = np.zeros((size, *fakes.shape[1:])), 0, []
    for i, fake in enumerate(fakes):
        if full < size and rule != "zeros":
            kept[full], full = fake, full + 1
            if rule != "silent":
                shown.append(fake)
        elif swap[i] != (rule == "turned"):
            shown.append(kept[place[i]].copy())
            kept[place[i]] = fake
        else:
            shown.append(fake)
    return np.array(shown)


def test_buffer():
    assert_accepted(LESSON, "q3", buffered)
    assert_refused(LESSON, "q3", lambda *given: buffered(*given, "turned"), "turned round")
    assert_refused(LESSON, "q3", lambda *given: buffered(*given, "silent"), "too few")
    assert_refused(LESSON, "q3", lambda *given: buffered(*given, "zeros"), "starts empty")
    assert_refused(LESSON, "q3", lambda fakes, size, swap, place: fakes.copy(), "no effect")

    def grows(fakes, size, swap, place):
        kept, shown = [], []
        for i, fake in enumerate(fakes):
            shown.append(kept[place[i]] if len(kept) >= size and swap[i] else fake)
            kept.append(fake)
        return np.stack(shown)

    def from_an_empty_one(fakes, size, swap, place):
        kept = []
        return np.stack([kept[place[i]] if swap[i] else fake for i, fake in enumerate(fakes)])

    def overwrites(fakes, size, swap, place):
        for i in range(size, len(fakes)):
            if swap[i]:
                old, fakes[place[i]] = fakes[place[i]].copy(), fakes[i]
                fakes[i] = old
        return fakes

    assert_refused(LESSON, "q3", grows, "keeps the first for ever")
    assert_refused(LESSON, "q3", from_an_empty_one, "no result")
    assert_refused(LESSON, "q3", overwrites)


def test_colours():
    def by_loop(images, source, target):
        out = np.empty_like(images)
        for c in range(3):
            a, b = source[..., c], target[..., c]
            out[..., c] = (images[..., c] - a.mean()) / a.std() * b.std() + b.mean()
        return np.clip(out, 0, 1)

    def sample_widths(images, source, target):  # divided by n - 1: the ratio is the same
        a, b = source.reshape(-1, 3), target.reshape(-1, 3)
        return np.clip(b.mean(0) + b.std(0, ddof=1) / a.std(0, ddof=1) * (images - a.mean(0)), 0, 1)

    assert_accepted(LESSON, "q5", by_loop)
    assert_accepted(LESSON, "q5", sample_widths)
    assert_refused(LESSON, "q5", lambda i, s, t: by_loop(i, t, s), "swapped")
    assert_refused(LESSON, "q5", lambda i, s, t: by_loop(i, i, t), "statistics of `images`")
    plain = lambda i, s, t: t.mean() + t.std() / s.std() * (i - s.mean())  # noqa: E731
    assert_refused(LESSON, "q5", lambda i, s, t: np.clip(plain(i, s, t), 0, 1), "each channel has its own")
    axes = (0, 1, 2)
    ratio = lambda s, t, power: (t.std(axes) / s.std(axes)) ** power  # noqa: E731
    moved = lambda i, s, t, power: t.mean(axes) + ratio(s, t, power) * (i - s.mean(axes))  # noqa: E731
    assert_refused(LESSON, "q5", lambda i, s, t: moved(i, s, t, 1), "cut them off")
    assert_refused(LESSON, "q5", lambda i, s, t: np.clip(moved(i, s, t, 2), 0, 1), "variances")
    assert_refused(LESSON, "q5", lambda i, s, t: np.clip(moved(i, s, t, -1), 0, 1), "turned round")


def test_found_again():
    def by_loop(translated, truth):
        hits = 0
        for i, row in enumerate(translated):
            hits += int(np.argmin(np.linalg.norm(truth - row, axis=1)) == i)
        return hits / len(translated)

    apart = lambda x, y: np.linalg.norm(x[:, None] - y[None], axis=2)  # noqa: E731
    own = lambda nearest: np.mean(nearest == np.arange(len(nearest)))  # noqa: E731
    assert_accepted(LESSON, "q6", by_loop)
    assert_accepted(LESSON, "q6", lambda x, y: own(apart(y, x).argmin(axis=0)))
    assert_refused(LESSON, "q6", lambda x, y: own(apart(y, x).argmin(axis=1)), "other way round")
    assert_refused(LESSON, "q6", lambda x, y: own(apart(x, y).argmax(axis=1)), "farthest")
    assert_refused(LESSON, "q6", lambda x, y: own(apart(x, x).argmin(axis=1)), "own nearest")
    assert_refused(LESSON, "q6", lambda x, y: len(x) * by_loop(x, y), "divides")
    assert_refused(LESSON, "q6", lambda x, y: own((x @ y.T).argmax(axis=1)), "Euclidean")


def torch_answers():
    torch = pytest.importorskip("torch")
    l1, mse = torch.nn.functional.l1_loss, torch.nn.functional.mse_loss

    def mended(a, b, fake_a, fake_b, back_a, back_b, same_a, same_b, logits_a, logits_b, target=1.0, identity=5):
        adversarial = sum(mse(logits, torch.full_like(logits, target)) for logits in (logits_a, logits_b))
        return adversarial + 10 * (l1(back_a, a) + l1(back_b, b)) + identity * (l1(same_a, a) + l1(same_b, b))

    return {
        ("q1", None): lambda a, b, x, y, weight: weight * l1(x, a) + weight * l1(y, b),
        ("q1", "squared"): lambda a, b, x, y, weight: weight * (mse(x, a) + mse(y, b)),
        ("q1", "mean of both"): lambda a, b, x, y, weight: weight * l1(torch.cat([x, y]), torch.cat([a, b])),
        ("q1", "compared with b"): lambda a, b, x, y, weight: weight * (l1(x, b) + l1(y, a)),
        ("q1", "first round trip only"): lambda a, b, x, y, weight: weight * l1(x, a) + l1(y, b),
        ("q1", "averaged over the batch"): lambda a, b, x, y, weight: (
            weight * ((x - a).abs().flatten(1).sum(1).mean() + (y - b).abs().flatten(1).sum(1).mean())
        ),
        ("q4", None): mended,
        ("q4", "found real"): lambda *given: mended(*given, target=0.0),
        ("q4", "back_a came from a"): lambda a, b, fa, fb, x, y, *rest: mended(a, b, fa, fb, y, x, *rest),
        ("q4", "holds the fakes"): lambda a, b, fa, fb, x, y, sa, sb, *rest: mended(a, b, fa, fb, x, y, fb, fa, *rest),
        ("q4", "half of what the cycle"): lambda *given: mended(*given, identity=10),
    }


def tensorflow_answers():
    tf = pytest.importorskip("tensorflow")
    mean = tf.reduce_mean

    def off(x, y):
        return mean(tf.abs(x - y))

    def mended(a, b, fake_a, fake_b, back_a, back_b, same_a, same_b, logits_a, logits_b, half=1.0):
        adversarial = mean(tf.square(1 - logits_a)) + mean(tf.square(1 - logits_b))
        return half * adversarial + 10 * (off(a, back_a) + off(b, back_b)) + 5 * (off(a, same_a) + off(b, same_b))

    def entropy(*given):
        logits = given[-2:]
        softer = sum(mean(tf.nn.softplus(-part)) for part in logits)
        return mended(*given, half=0.0) + softer

    return {
        ("q1", None): lambda a, b, x, y, weight: weight * (off(x, a) + off(y, b)),
        ("q1", "cancel"): lambda a, b, x, y, weight: weight * (mean(x - a) + mean(y - b)),
        ("q1", "backward cycle"): lambda a, b, x, y, weight: weight * off(x, a),
        ("q1", "forward cycle"): lambda a, b, x, y, weight: weight * off(y, b),
        ("q1", "weight is missing"): lambda a, b, x, y, weight: off(x, a) + off(y, b),
        ("q1", "summed over batch"): lambda a, b, x, y, weight: (
            weight * (tf.reduce_sum(tf.abs(x - a)) + tf.reduce_sum(tf.abs(y - b)))
        ),
        ("q4", None): mended,
        ("q4", "belongs to the discriminators"): lambda *given: mended(*given, half=0.5),
        ("q4", "cross-entropy"): entropy,
        ("q4", "same_a is compared with b"): lambda a, b, fa, fb, x, y, sa, sb, *rest: mended(
            a, b, fa, fb, x, y, sb, sa, *rest
        ),
    }


ANSWERS = {"pytorch": torch_answers, "tensorflow": tensorflow_answers}


@pytest.mark.parametrize("track", ANSWERS)
def test_answers_in_the_track_s_own_code(track):
    assert_answers(LESSON, ANSWERS[track](), track)


@pytest.mark.parametrize("track", ["numpy", *ANSWERS])
def test_her_loss_is_refused_with_one_message_for_each_way_to_mend_a_part(track):
    if track != "numpy":
        ANSWERS[track]()  # skips where the framework is missing
    name = {"numpy": "numpy", "pytorch": "torch", "tensorflow": "tensorflow"}[track]
    absolute, mean = abs, pytest.importorskip(name).math.reduce_mean if track == "tensorflow" else lambda x: x.mean()

    def loss(a, b, fake_a, fake_b, back_a, back_b, same_a, same_b, logits_a, logits_b, mended=()):
        target = 1 if "target" in mended else 0
        first, second = (back_a, back_b) if "cycle" in mended else (back_b, back_a)
        to_a, to_b = (same_a, same_b) if "identity" in mended else (fake_b, fake_a)
        adversarial = mean((logits_a - target) ** 2) + mean((logits_b - target) ** 2)
        cycle = mean(absolute(first - a)) + mean(absolute(second - b))
        return adversarial + 10 * cycle + 5 * (mean(absolute(to_a - a)) + mean(absolute(to_b - b)))

    left = {"target": "found real", "cycle": "back_a came from a", "identity": "holds the fakes"}
    assert_refused(LESSON, "q4", loss, "all three", track)
    for kept in left:
        others = [part for part in left if part != kept]
        assert_refused(LESSON, "q4", lambda *given, m=(kept,): loss(*given, mended=m), [left[o] for o in others], track)
        assert_refused(LESSON, "q4", lambda *given, m=others: loss(*given, mended=m), ["One bug", left[kept]], track)
    assert_accepted(LESSON, "q4", lambda *given: loss(*given, mended=tuple(left)), track)


@pytest.mark.parametrize("track", ["pytorch", "tensorflow"])
def test_solutions_of_the_lesson_are_accepted(track):
    ANSWERS[track]()  # skips where the framework is missing
    assert_solutions(LESSON, track)
