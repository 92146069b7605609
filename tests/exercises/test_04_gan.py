"""Lesson 4's exercises against answers as students write them, in each track's own code."""

import numpy as np
import pytest
from exercise_testing import assert_accepted, assert_refused

from helpers import exercises, metrics
from helpers.exercise_sets import gan_laboratory, lesson_04_gan

LESSON = "04_gan"


def test_two_boxes():
    assert_accepted(LESSON, "q1", {"value": -0.693, "js": 0.347})
    assert_refused(LESSON, "q1", {"value": -1.386, "js": 0}, "p = q")
    assert_refused(LESSON, "q1", {"value": 0, "js": 0.693}, "don't overlap")
    assert_refused(LESSON, "q1", {"value": -0.693, "js": 0.693}, "halve")
    assert_refused(LESSON, "q1", {"value": -0.347, "js": 0.520}, "one of the two expectations")
    assert_refused(LESSON, "q1", -0.693)


def test_two_boxes_by_quadrature():
    x = (np.arange(300_000) + 0.5) / 200_000  # 0 … 3/2
    p, q = (x < 1).astype(float), (x > 0.5).astype(float)
    best = p / (p + q)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(p > 0, np.log(best), 0).sum() + np.where(q > 0, np.log(1 - best), 0).sum()
    assert value / 200_000 == pytest.approx(lesson_04_gan.Q1.reference["value"], abs=1e-4)


def test_best_judge_is_where_the_loss_is_least():
    grid = np.linspace(0.0005, 0.9995, 19_981)
    for p, q, r, t in ((0.7, 0.4, 3.0, 0.8), (0.1, 1.5, 2.0, 0.9), (1.0, 1.0, 1.0, 1.0)):
        loss = -r * p * (t * np.log(grid) + (1 - t) * np.log(1 - grid)) - q * np.log(1 - grid)
        assert lesson_04_gan.best_judge(p, q, r, t) == pytest.approx(grid[loss.argmin()], abs=1e-4)


def test_best_judge():
    assert_accepted(LESSON, "q2", lambda p, q, r, t: t / (1 + q / (r * p)))
    assert_refused(LESSON, "q2", lambda p, q, r, t: p / (p + q), "Eq. 2 unchanged")
    assert_refused(LESSON, "q2", lambda p, q, r, t: p * r / (q + p * r), "label t is missing")
    assert_refused(LESSON, "q2", lambda p, q, r, t: r * t * p / (r * t * p + q), "dropped")
    assert_refused(LESSON, "q2", lambda p, q, r, t: 1 - t / (1 + q / (r * p)), "fake")


def test_diagnosis():
    right = {"A": "mode collapse", "B": "discriminator too strong", "C": "labels beyond [0, 1]", "D": "healthy"}
    assert_accepted(LESSON, "q4", right)
    assert_refused(LESSON, "q4", right | {"A": "healthy", "D": "mode collapse"}, ["Run A", "Run D"])
    assert_refused(LESSON, "q4", right | {"B": "oscillation"}, "gradient")
    assert_refused(LESSON, "q4", right | {"D": "mode collapse"}, "clusters are narrow")
    assert_refused(LESSON, "q4", ["mode collapse"], "keys")


def test_coverage():
    def by_helper(real, fake, k):
        return metrics.density_coverage(real, fake, k=k).coverage

    def without_itself(real, fake, k):  # the other way to leave a point out of its own neighbours
        among = metrics.pairwise_squared_distances(real, real)
        np.fill_diagonal(among, np.inf)
        radius = np.partition(among, k - 1, axis=1)[:, k - 1]
        return (metrics.pairwise_squared_distances(real, fake).min(axis=1) <= radius).mean()

    def one_short(real, fake, k):
        among = np.sort(np.linalg.norm(real[:, None] - real[None], axis=2), axis=1)[:, k - 1]
        return (np.linalg.norm(real[:, None] - fake[None], axis=2).min(axis=1) <= among).mean()

    assert_accepted(LESSON, "q5", by_helper)
    assert_accepted(LESSON, "q5", without_itself)
    assert_refused(LESSON, "q5", one_short, "one neighbour short")
    precision = lambda real, fake, k: metrics.precision_recall(real, fake, k=k).precision  # noqa: E731
    assert_refused(LESSON, "q5", precision, "precision")
    assert_refused(LESSON, "q5", lambda real, fake, k: metrics.density_coverage(real, fake, k=k).density, "density")
    assert_refused(LESSON, "q5", lambda real, fake, k: 0.5)


def plan(**changes):
    """A plan that is right, with some keys changed."""
    good = {
        "runs": [
            {"r1": 0, "decay": True},
            {"r1": 0, "decay": False},
            {"r1": 0.1, "decay": True},
            {"r1": 0.1, "decay": 0},
        ],
        "hold": {"lr_G": 0.02, "lr_D": 0.02, "batch": 256},
        "seeds": range(4),
        "measure": "modes covered",
    }
    return good | changes


def test_plans_of_an_experiment():
    runs = plan()["runs"]
    assert_accepted(LESSON, "q6", plan())
    assert_accepted(LESSON, "q6", plan(hold=plan()["hold"] | {"d_steps": 1}))
    assert_refused(LESSON, "q6", plan(runs=[runs[1], runs[2]]), "both things change at once")
    assert_refused(LESSON, "q6", plan(runs=runs[:3]), "only all four")
    assert_refused(LESSON, "q6", plan(seeds=[3]), "at least three")
    assert_refused(LESSON, "q6", plan(measure="loss_D"), "says little")
    assert_refused(LESSON, "q6", plan(hold={"lr_G": 0.02, "lr_D": 0.02, "batch": 32}), "failure 7 had 256")
    assert_refused(LESSON, "q6", plan(runs=[{"r1": 0}]), "keys r1 and decay")


class Awkward:
    """A value that no check should touch: it can't be hashed, compared, printed or used as a truth."""

    __hash__ = None

    def refuse(self, *_):
        raise RuntimeError("on purpose")

    __eq__ = __bool__ = __repr__ = __str__ = __len__ = __iter__ = __float__ = refuse


NAN = float("nan")
JUNK = [0, -1, True, 2.5, NAN, float("inf"), 10**400, 1 + 2j, "a", "0.1", b"x", [], [1], [[1, 2], [3]], (), (1, 2), {}]
JUNK += [{1: 2}, {"a": {"b": {}}}, [{"r1": 0}], [NAN] * 4, set(), range(10**12), iter([1]), object()]
JUNK += [int, print, lambda *_: 0]
JUNK += [np.array(1.0), np.array([1, 2]), np.array([NAN]), np.zeros((0, 3)), np.array([{}, []], dtype=object)]
JUNK += [Awkward(), [Awkward()]]


def verdict(qid, answer, track="numpy"):
    """The result of a check; fails where the student would meet an error of the check's own."""
    result = exercises.exercise(LESSON, qid, track).evaluate(answer)
    for words in ("could not use your answer", "fault of the course"):
        assert words not in result.text, f"{qid}: {result.text}"
    return result


@pytest.mark.parametrize("qid", exercises.definitions(LESSON))
def test_no_answer_is_too_odd_for_a_clear_message(qid):
    for junk in JUNK:
        for answer in (junk, lambda *_, junk=junk: junk, lambda *_, junk=junk: (junk, junk)):
            assert not verdict(qid, answer).right


@pytest.mark.parametrize("qid", ["q1", "q4", "q6"])
def test_one_odd_part_of_a_right_answer_gets_one_message(qid):
    one = exercises.definitions(LESSON)[qid]
    right = one.right[0] if one.right else one.reference
    for key in right:
        assert len(verdict(qid, {name: part for name, part in right.items() if name != key}).messages) == 1
        for junk in JUNK:
            result = verdict(qid, right | {key: junk})
            assert result.right is (key == "seeds" and isinstance(junk, range))  # the only one that is a plan
            assert result.right or len(result.messages) == 1, f"{key}: {result.messages}"


def test_one_odd_number_in_a_plan_gets_one_message():
    for junk in JUNK:
        for name in plan()["hold"]:
            assert len(verdict("q6", plan(hold=plan()["hold"] | {name: junk})).messages) == 1
        result = verdict("q6", plan(seeds=[0, 1, junk]))
        assert result.right == (type(junk) is int and junk > 1) or len(result.messages) == 1
        for name in ("r1", "decay"):
            changed = [{**one, name: junk} for one in plan()["runs"]]
            assert 1 <= len(verdict("q6", plan(runs=changed)).messages) <= 3, f"{name}: {junk!r}"
    assert_refused(LESSON, "q6", plan(runs=[{1: 0, None: 2, **one} for one in plan()["runs"]]), "belongs under")
    assert_refused(LESSON, "q6", plan(runs=[{**one, "decay": "False"} for one in plan()["runs"]]), "True or False")


def test_plans_may_hold_numpy_s_numbers():
    runs = [{"r1": np.float32(0.1) * 0 + np.float64(r1), "decay": np.bool_(on)} for r1 in (0, 0.1) for on in (0, 1)]
    assert_accepted(LESSON, "q6", plan(runs=np.array(runs), seeds=np.arange(3)))
    assert_accepted(LESSON, "q6", plan(runs=tuple(runs), seeds={np.int64(4), 5, 6}))


def test_values_in_messages_are_short():
    assert gan_laboratory.shown("x" * 100, width=10) == "'xxxxxxxx…"
    assert gan_laboratory.shown(np.zeros((9, 9))).count("\n") == 0
    assert gan_laboratory.shown(Awkward()) == "a Awkward"


def torch_games():
    torch = pytest.importorskip("torch")
    bce = torch.nn.functional.binary_cross_entropy_with_logits

    def right(G, D, real, z):
        with torch.no_grad():
            data = G(z)
        seen, shown, drawn = D(real), D(data), D(G(z))
        loss_D = bce(seen, torch.ones_like(seen)) + bce(shown, torch.zeros_like(shown))
        return loss_D, bce(drawn, torch.ones_like(drawn))

    def hers(G, D, real, z):
        fake, soft = D(G(z)), torch.nn.functional.softplus
        return soft(-torch.sigmoid(D(real))).mean() + soft(fake).mean(), soft(fake).mean()

    def no_stop(G, D, real, z):
        seen, drawn = D(real), D(G(z))
        loss_D = bce(seen, torch.ones_like(seen)) + bce(drawn, torch.zeros_like(drawn))
        return loss_D, bce(drawn, torch.ones_like(drawn))

    def stopped_for_both(G, D, real, z):
        return no_stop(lambda codes: G(codes).detach(), D, real, z)

    def as_numbers(G, D, real, z):
        loss_D, loss_G = right(G, D, real, z)
        return float(loss_D.detach()), loss_G

    return right, hers, no_stop, stopped_for_both, as_numbers


def tensorflow_games():
    tf = pytest.importorskip("tensorflow")
    bce = tf.nn.sigmoid_cross_entropy_with_logits

    def right(G, D, real, z):
        fake = G(z)
        seen, shown, drawn = D(real), D(tf.stop_gradient(fake)), D(fake)
        parts = [bce(tf.ones_like(seen), seen), bce(tf.zeros_like(shown), shown), bce(tf.ones_like(drawn), drawn)]
        return tf.reduce_mean(parts[0]) + tf.reduce_mean(parts[1]), tf.reduce_mean(parts[2])

    def hers(G, D, real, z):
        fake, mean, soft = D(G(z)), tf.reduce_mean, tf.nn.softplus
        return mean(soft(-tf.sigmoid(D(real)))) + mean(soft(fake)), mean(soft(fake))

    def no_stop(G, D, real, z):
        seen, drawn = D(real), D(G(z))
        loss_D = tf.reduce_mean(tf.nn.softplus(-seen) + tf.nn.softplus(drawn))
        return loss_D, tf.reduce_mean(tf.nn.softplus(-drawn))

    def stopped_for_both(G, D, real, z):
        return no_stop(lambda codes: tf.stop_gradient(G(codes)), D, real, z)

    def as_numbers(G, D, real, z):
        loss_D, loss_G = right(G, D, real, z)
        return float(loss_D), loss_G

    return right, hers, no_stop, stopped_for_both, as_numbers


@pytest.mark.parametrize(("track", "games"), [("pytorch", torch_games), ("tensorflow", tensorflow_games)])
def test_games_in_the_track_s_own_code(track, games):
    right, hers, no_stop, stopped_for_both, as_numbers = games()
    assert_accepted(LESSON, "q3", right, track)
    assert_refused(LESSON, "q3", hers, "unchanged", track)
    assert_refused(LESSON, "q3", no_stop, ["reaches G", "found out"], track)
    assert_refused(LESSON, "q3", stopped_for_both, "No gradient of loss_G reaches G", track)
    assert_refused(LESSON, "q3", as_numbers, "No gradient of loss_D reaches D", track)
