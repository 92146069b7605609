"""Lesson 7's exercises against answers as students write them, in each track's own code."""

import numpy as np
import pytest
from exercise_testing import assert_accepted, assert_answers, assert_refused, assert_solutions

from helpers.exercise_sets import stylegan_directions as worlds

LESSON = "07_stylegan"


def test_adain():
    def by_loop(h, scale, shift):
        out = np.empty_like(h)
        for i, picture in enumerate(h):
            for c in range(h.shape[3]):
                one = picture[..., c]
                out[i, ..., c] = scale[i, c] * (one - one.mean()) / (one.std() + 1e-8) + shift[i, c]
        return out

    def hers(h, scale, shift, axes=(0, 1, 2), root=False, swapped=True):
        m, v = h.mean(axis=axes, keepdims=True), h.var(axis=axes, keepdims=True)
        normal = (h - m) / (np.sqrt(v + 1e-8) if root else v + 1e-8)
        scale, shift = (shift, scale) if swapped else (scale, shift)
        return scale[:, None, None] * normal + shift[:, None, None]

    assert_accepted(LESSON, "q1", by_loop)
    assert_refused(LESSON, "q1", hers, "all three")
    mended = {"axes": (1, 2), "root": True, "swapped": False}
    words = {"axes": "other pictures of the batch", "root": "its root", "swapped": "swapped"}
    for part in mended:
        others = {name: value for name, value in mended.items() if name != part}
        assert_refused(LESSON, "q1", lambda *given, o=others: hers(*given, **o), ["One bug", words[part]])
        left = [words[name] for name in others]
        assert_refused(LESSON, "q1", lambda *given, p=part: hers(*given, **{p: mended[p]}), ["Two bugs", *left])
    assert_accepted(LESSON, "q1", lambda *given: hers(*given, **mended))

    def no_floor(h, scale, shift):
        with np.errstate(invalid="ignore"):
            normal = (h - h.mean((1, 2), keepdims=True)) / h.std((1, 2), keepdims=True)
        return scale[:, None, None] * normal + shift[:, None, None]

    assert_refused(LESSON, "q1", no_floor, "0/0")
    assert_refused(LESSON, "q1", lambda h, s, b: hers(h, 1 + s, b, **mended), "1 + scale")
    assert_refused(
        LESSON, "q1", lambda h, s, b: hers(h, s, b, **{**mended, "axes": (1, 2, 3)}), "over the channels too"
    )
    assert_refused(LESSON, "q1", lambda h, s, b: h.sum(axis=0), "wrong shape")
    assert_refused(LESSON, "q1", lambda h, s: h, "wrong number of arguments")
    assert_refused(LESSON, "q1", lambda h, s, b: s * h + b, "no result")


def test_mixed_styles():
    def by_loop(first, second, w_mean, psi, cut, layers):
        out = np.zeros((len(first), layers, first.shape[1]))
        for layer in range(layers):
            w = first if layer < cut else second
            out[:, layer] = (1 - psi) * w_mean + psi * w
        return out

    def mixed_first(first, second, w_mean, psi, cut, layers):
        ws = np.stack([first] * cut + [second] * (layers - cut), axis=1)
        return w_mean + psi * (ws - w_mean)

    assert_accepted(LESSON, "q2", by_loop)
    assert_accepted(LESSON, "q2", mixed_first)
    assert_refused(LESSON, "q2", lambda a, b, m, psi, cut, n: by_loop(a, b, 0 * m, psi, cut, n), "leads to 0")
    assert_refused(LESSON, "q2", lambda a, b, m, psi, cut, n: by_loop(a, b, m, 1 - psi, cut, n), "turned round")
    assert_refused(LESSON, "q2", lambda a, b, m, psi, cut, n: by_loop(b, a, m, psi, cut, n), "swapped")
    assert_refused(LESSON, "q2", lambda a, b, m, psi, cut, n: by_loop(a, b, m, psi, cut + 1, n), "too many")
    assert_refused(LESSON, "q2", lambda a, b, m, psi, cut, n: by_loop(a, b, m, psi, cut - 1, n), "too few")
    assert_refused(LESSON, "q2", lambda a, b, m, psi, cut, n: by_loop(a, b, m, 1, cut, n), "not truncated")
    assert_refused(LESSON, "q2", lambda *given: by_loop(*given).transpose(1, 0, 2), "pictures first")
    assert_refused(LESSON, "q2", lambda a, b, m, psi, cut, n: m + psi * (a - m), "wrong shape")


def test_demodulation():
    def by_loop(weight, scale, eps):
        out = []
        for style in scale:
            kernels = []
            for kernel in weight:  # (a, k, k)
                styled = kernel * style[:, None, None]
                kernels.append(styled / np.sqrt(np.sum(styled**2) + eps))
            out.append(kernels)
        return np.array(out)

    def einsum(weight, scale, eps, power=0.5, extra=0.0):
        styled = np.einsum("oaij,na->noaij", weight, scale)
        return styled / (np.einsum("noaij,noaij->no", styled, styled)[..., None, None, None] + eps) ** power + extra

    assert_accepted(LESSON, "q4", by_loop)
    assert_accepted(LESSON, "q4", einsum)
    assert_refused(LESSON, "q4", lambda w, s, eps: einsum(w, s, eps, 1.0), "its root is missing")
    assert_refused(LESSON, "q4", lambda w, s, eps: einsum(w, s, 0.0), "under the root is missing")
    assert_refused(LESSON, "q4", lambda w, s, eps: einsum(w, s, eps**2), "squared ε")
    assert_refused(LESSON, "q4", lambda w, s, eps: einsum(w, s, eps, 0.0), "demodulation is missing")
    assert_refused(LESSON, "q4", lambda w, s, eps: einsum(w, 0 * s + 1, eps), "same kernels")
    assert_refused(LESSON, "q4", lambda w, s, eps: einsum(w.swapaxes(0, 1), s, eps).swapaxes(1, 2))
    assert_refused(LESSON, "q4", lambda w, s, eps: w / np.sqrt((w**2).sum() + eps), "wrong shape")


def test_separability():
    def by_words(tables):
        total = 0.0
        for table in tables:
            n = table.sum()
            for side in table:
                for count in side:
                    if count:
                        total -= count / n * np.log(count / side.sum())
        return np.exp(total)

    def chain_rule(tables):  # H(Y|X) = H(X, Y) - H(X)
        h = lambda p: -sum(q * np.log(q) for q in np.ravel(p) if q)  # noqa: E731
        return np.exp(sum(h(t / t.sum()) - h(t.sum(axis=1) / t.sum()) for t in tables))

    def careless(tables, log=np.log, axis=2):
        p = tables / tables.sum(axis=axis, keepdims=True)
        shares = tables.sum(axis=axis) / tables.sum(axis=(1, 2))[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.exp(-(shares * (p * log(p)).sum(axis=axis)).sum())

    careful = lambda base: lambda p: np.log(np.where(p > 0, p, 1)) / np.log(base)  # noqa: E731
    assert_accepted(LESSON, "q5", by_words)
    assert_accepted(LESSON, "q5", chain_rule)
    assert_accepted(LESSON, "q5", lambda tables: careless(tables, careful(np.e)))
    assert_refused(LESSON, "q5", careless, "0·log 0")
    assert_refused(LESSON, "q5", lambda tables: careless(tables, careful(2)), "bits")
    assert_refused(LESSON, "q5", lambda tables: careless(tables, careful(np.e), axis=1), "H(X|Y)")
    assert_refused(LESSON, "q5", lambda tables: np.log(by_words(tables)), "exp is missing")
    assert_refused(LESSON, "q5", lambda tables: 1 / by_words(tables), "sign")
    assert_refused(LESSON, "q5", lambda tables: by_words(tables) ** (1 / len(tables)), "mean over the attributes")
    assert worlds.separability(np.array([[[5, 0], [0, 9]]])) == 1
    assert worlds.separability(np.array([[[4, 4], [3, 3]]] * 3)) == pytest.approx(8)


def test_directions():
    sklearn = pytest.importorskip("sklearn.linear_model")

    def with_classifiers(w, wanted, others, spare=True):
        labels = np.column_stack([wanted, others]).T
        normals = [sklearn.LogisticRegression(C=100.0).fit(w, row).coef_[0] for row in labels]
        if not spare:
            return normals[0]
        rest = np.stack(normals[1:])
        return normals[0] - np.linalg.pinv(rest) @ (rest @ normals[0])

    assert_accepted(LESSON, "q6", with_classifiers)
    assert_refused(LESSON, "q6", lambda *given: with_classifiers(*given, spare=False), "parts along their normals out")
    means = lambda w, wanted, others: w[wanted > 0].mean(0) - w[wanted < 1].mean(0)  # noqa: E731
    assert_refused(LESSON, "q6", means, "difference of the two means")
    assert_refused(LESSON, "q6", lambda *given: -with_classifiers(*given), "takes the attribute away")
    assert_refused(LESSON, "q6", lambda w, wanted, others: w[0], "")
    assert_refused(LESSON, "q6", lambda w, wanted, others: "north", "shape (12,)")
    assert_refused(LESSON, "q6", lambda w, wanted, others: np.zeros((1, w.shape[1])), "shape (1, 12)")
    assert_refused(LESSON, "q6", lambda w, wanted, others: 1 / 0, "ZeroDivisionError")


def test_worlds_are_fair():
    """The solution has a wide margin in any world, and the two usual directions fail in all of them."""
    for seed in range(25):
        rng = np.random.default_rng(seed)
        world = worlds.make_world(rng)
        w, labels = world.draw(rng, 2000)
        assert labels.mean(axis=0).min() > 0.25 and labels.mean(axis=0).max() < 0.75
        held_out, theirs = world.draw(rng, 2000)
        given, lacking = (w, labels[:, 0], labels[:, 1:]), held_out[theirs[:, 0] == 0]
        flipped, changed = worlds.rate_edits(world, lacking, worlds.direction(*given))
        assert flipped >= worlds.FLIPPED and changed < 0.6 * worlds.CHANGED
        for other in (worlds.difference_of_means, worlds.bare_normal):
            assert worlds.rate_edits(world, lacking, other(*given))[1] > 1.2 * worlds.CHANGED


def torch_answers():
    torch = pytest.importorskip("torch")

    def penalty(D, real, fake, t, to=1.0, at=None, norm=None, graph=True):
        t = t[:, None, None, None]
        x = (t * real + (1 - t) * fake if at is None else at(real, fake, t)).clone().requires_grad_()
        logits = D(x)
        slopes = torch.autograd.grad(logits, x, torch.ones_like(logits), create_graph=graph)[0]
        lengths = slopes.flatten(1).norm(dim=1) if norm is None else norm(slopes)
        return ((lengths - to) ** 2).mean()

    return {
        ("q3", None): penalty,
        ("q3", "slope at the real pictures"): lambda *given: penalty(*given, at=lambda real, fake, t: real),
        ("q3", "slope at the fakes"): lambda *given: penalty(*given, at=lambda real, fake, t: fake),
        ("q3", "t = 1 is the real"): lambda *given: penalty(*given, at=lambda real, fake, t: real + t * (fake - real)),
        ("q3", "−1 is missing"): lambda *given: penalty(*given, to=0.0),
        ("q3", "root is missing"): lambda *given: penalty(*given, norm=lambda g: g.flatten(1).square().sum(dim=1)),
        ("q3", "channels alone"): lambda *given: penalty(*given, norm=lambda g: g.norm(2, dim=1)),
        ("q3", "whole batch"): lambda *given: penalty(*given, norm=lambda g: g.norm()),
        ("q3", ("value is right", "create_graph=True")): lambda *given: penalty(*given, graph=False),
        ("q3", "D's weights"): lambda *given: penalty(*given).detach(),
        ("q3", "no result"): lambda D, real, fake, t: torch.autograd.grad(D(real).sum(), real)[0].norm(),
    }


def tensorflow_answers():
    tf = pytest.importorskip("tensorflow")

    def penalty(D, real, fake, t, to=1.0, mean=tf.reduce_mean, watch=True):
        t = tf.reshape(t, (-1, 1, 1, 1))
        x = fake + t * (real - fake)
        with tf.GradientTape() as tape:
            _ = tape.watch(x) if watch else None
            logits = D(x)
        slopes = tape.gradient(logits, x)
        lengths = tf.norm(tf.reshape(slopes, (x.shape[0], -1)), axis=1)
        return mean((lengths - to) ** 2)

    return {
        ("q3", None): penalty,
        ("q3", "−1 is missing"): lambda *given: penalty(*given, to=0.0),
        ("q3", "take their mean"): lambda *given: penalty(*given, mean=tf.reduce_sum),
        ("q3", "a number for each picture"): lambda *given: penalty(*given, mean=tf.identity),
        ("q3", "λ = 10"): lambda *given: 10 * penalty(*given),
        ("q3", "absolute values"): lambda *given: penalty(*given, mean=lambda x: tf.reduce_mean(tf.sqrt(x))),
        ("q3", ("value is right", "D's weights")): lambda *given: tf.stop_gradient(penalty(*given)),
        ("q3", "its gradient doesn't reach"): lambda *given: float(penalty(*given)),
        ("q3", "no result"): lambda *given: penalty(*given, watch=False),
        ("q3", "t = 1 is the real"): lambda D, real, fake, t: penalty(D, fake, real, t),
        ("q3", "middle of each pair"): lambda D, real, fake, t: penalty(D, real, fake, 0 * t + 0.5),
    }


ANSWERS = {"pytorch": torch_answers, "tensorflow": tensorflow_answers}


@pytest.mark.parametrize("track", ANSWERS)
def test_answers_in_the_track_s_own_code(track):
    assert_answers(LESSON, ANSWERS[track](), track)


@pytest.mark.parametrize("track", ["pytorch", "tensorflow"])
def test_solutions_of_the_lesson_are_accepted(track):
    ANSWERS[track]()  # skips where the framework is missing
    assert_solutions(LESSON, track)
