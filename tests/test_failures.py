"""Detectors of failing GANs against cases made by hand: each says yes, says no, and names bad input."""

import math

import numpy as np
import pytest

from helpers import metrics

CENTRES = 2 * np.stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)], axis=1)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def ring(rng, modes, n=1600, std=0.1):
    return CENTRES[rng.choice(modes, n)] + std * rng.standard_normal((n, 2))


def test_mode_coverage_of_the_ring_itself(rng):
    found = metrics.mode_coverage(ring(rng, range(8)), CENTRES, radius=0.3)
    assert (found.covered, found.total, found.collapsed) == (8, 8, False)
    assert found.good_share == pytest.approx(1 - math.exp(-4.5), abs=0.01)  # |x| ≤ 3 σ in two dimensions
    assert found.counts.sum() == round(found.good_share * 1600)
    assert str(found) == "8 of 8 modes, 99% good samples"


@pytest.mark.parametrize(("modes", "collapsed"), [([0], True), ([2, 5], True), (range(6), True), (range(7), False)])
def test_mode_coverage_counts_what_is_there(rng, modes, collapsed):
    found = metrics.mode_coverage(ring(rng, list(modes)), CENTRES, radius=0.3)
    assert found.covered == len(modes) and found.collapsed == collapsed
    assert (np.flatnonzero(found.counts) == list(modes)).all() and len(found.counts) == 8


def test_mode_coverage_by_hand():
    samples = [[0, 0], [0.1, 0], [1, 0], [1, 0.2], [0.5, 0], [9, 9], [0, 0], [0, 0]]  # centres at 0 and at 1
    found = metrics.mode_coverage(samples, [[0, 0], [1, 0]], radius=0.25, minimum=3)
    assert (found.covered, found.good_share, found.collapsed) == (1, 6 / 8, True)
    assert found.counts.tolist() == [4, 2]
    assert metrics.mode_coverage([[3.0, 0], [9, 9]], [[0.0, 0]], radius=3).good_share == 0.5  # at the radius is good
    assert metrics.mode_coverage(samples, [[0, 0], [1, 0]], radius=0.25, minimum=2).covered == 2


def test_stray_samples_cover_no_mode(rng):
    strays = np.concatenate([ring(rng, [0], n=1590), CENTRES[1:], CENTRES[5:]])  # one or two a mode are not enough
    assert metrics.mode_coverage(strays, CENTRES, radius=0.3).covered == 1
    counts = [1521, 40, 39, 0, 0, 0, 0, 0]  # a fifth of the even share, 200, and one less
    assert metrics.mode_coverage(CENTRES.repeat(counts, axis=0), CENTRES, radius=0.3).covered == 2


def test_mode_coverage_names_bad_input(rng):
    good = ring(rng, range(8), n=80)
    for kwargs, word in (
        ({"radius": 0}, "radius"),
        ({"radius": math.nan}, "radius"),
        ({"radius": math.inf}, "radius"),
        ({"radius": 1, "minimum": 0}, "1 or more"),
    ):
        with pytest.raises(ValueError, match=word):
            metrics.mode_coverage(good, CENTRES, **kwargs)
    for bad, word in (
        (good[:7], "at least one sample"),
        (good[:, :1], "columns"),
        (good * np.nan, "NaN"),
        (good[0], "matrix"),
    ):
        with pytest.raises(ValueError, match=word):
            metrics.mode_coverage(bad, CENTRES, radius=0.3)
    with pytest.raises(ValueError, match="at least one sample"):
        metrics.mode_coverage(good, CENTRES[:0], radius=0.3)


@pytest.mark.parametrize("support", [20, 100, 400])
def test_duplicates_estimate_the_support(rng, support):
    atoms = rng.standard_normal((support, 3))
    samples = atoms[rng.integers(0, support, 5000)]
    found = metrics.duplicates(samples, 1e-9, batch_size=max(4, int(1.2 * support**0.5)), batches=800)
    assert found.support == pytest.approx(support, rel=0.35)
    assert (samples[found.pair[0]] == samples[found.pair[1]]).all() and found.pair[0] != found.pair[1]


def test_duplicates_birthdays(rng):
    found = metrics.duplicates(rng.integers(0, 365, (20000, 1)), 0, batch_size=23, batches=2000, rng=rng)
    assert found.probability == pytest.approx(0.507, abs=0.04)  # 23 people, 365 days


def test_no_duplicates_and_nothing_else(rng):
    spread = metrics.duplicates(rng.standard_normal((500, 10)), 1e-3, batch_size=10)
    assert (spread.probability, spread.support, spread.pair) == (0, math.inf, None)
    same = metrics.duplicates(np.ones((500, 10)), 0, batch_size=10)
    assert same.probability == 1 and same.support == pytest.approx(10 * 9 / (2 * math.log(400)))  # half a batch of 200


@pytest.mark.parametrize("seed", range(20))
def test_equal_samples_are_0_apart_anywhere(seed):
    x, y = np.random.default_rng(seed).standard_normal((2, 20))
    found = metrics.duplicates([x, y, x], 0, batch_size=3, batches=1)
    assert found.probability == 1 and sorted(found.pair) == [0, 2]


def test_duplicates_far_from_the_origin(rng):
    samples = np.round(rng.standard_normal((300, 2)) * 1024) / 1024
    near, far = (metrics.duplicates(samples + shift, 0.1, 20) for shift in (0, 2.0**26))
    assert near == far and 0.1 < near.probability < 0.9


def test_duplicates_are_seeded_and_show_the_first_pair(rng):
    samples = rng.standard_normal((500, 2))
    assert metrics.duplicates(samples, 1, 20, batches=1).pair == metrics.duplicates(samples, 1, 20, batches=50).pair
    assert metrics.duplicates(samples, 0.05, 20) == metrics.duplicates(samples, 0.05, 20)


def test_duplicates_name_bad_input(rng):
    samples = rng.standard_normal((50, 2))
    for args, word in (
        ((0.1, 1), "batch_size"),
        ((0.1, 51), "batch_size"),
        ((-1, 5), "tolerance"),
        ((math.nan, 5), "tolerance"),
        ((0.1, 5, 0), "batches"),
    ):
        with pytest.raises(ValueError, match=word):
            metrics.duplicates(samples, *args)


def test_oscillation_of_a_sine_and_of_what_settles():
    t = np.arange(600)
    steady = metrics.oscillation(2 * np.sin(t / 7))
    assert (
        steady.oscillates
        and steady.amplitude == pytest.approx(2, abs=0.01)
        and steady.ratio == pytest.approx(1, abs=0.01)
    )
    assert steady.crossings == 9  # 200 values, π·7 between two crossings
    growing = metrics.oscillation(np.exp(t / 200) * np.sin(t / 7))
    assert growing.oscillates and growing.ratio > 4
    slow = metrics.oscillation(np.exp(-t / 300) * np.sin(t / 7))  # shrinks to a quarter: on its way to rest
    assert not slow.oscillates and slow.crossings > 2 and 0.2 < slow.ratio < 0.5 and slow.amplitude > 0.1
    louder = np.sin(t / 7) * np.repeat([1, 4, 0.6], 200)  # the middle third doesn't count
    assert metrics.oscillation(louder).oscillates and metrics.oscillation(louder).ratio == pytest.approx(0.6, abs=0.01)
    assert metrics.oscillation(np.where(t < 300, 0, louder)).ratio == math.inf  # from rest
    assert metrics.oscillation(np.where(t < 300, 0, louder)).oscillates
    assert metrics.oscillation(louder + 50).crossings == metrics.oscillation(louder).crossings
    for calm in (np.exp(-t / 50) * np.sin(t / 7), t / 600, np.full(600, 3.0), 1e-5 * np.sin(t / 7), -np.exp(-t / 100)):
        assert not metrics.oscillation(calm).oscillates


def test_oscillation_without_bound():
    assert metrics.oscillation([1.0, -2, 4, -8, 16, -32, 64, math.inf, math.nan]).oscillates
    with pytest.raises(ValueError, match="at least 9"):
        metrics.oscillation([1.0, -1] * 4)
    with pytest.raises(ValueError, match="shape"):
        metrics.oscillation(np.zeros((9, 2)))


def test_gradient_flow():
    falling = metrics.gradient_flow(10.0 ** -np.linspace(0, 5, 1000))
    assert falling.vanishes and not falling.explodes and falling.ratio == pytest.approx(10**-4.5, rel=0.05)
    rising = metrics.gradient_flow(10.0 ** np.linspace(-2, 2, 1000))
    assert rising.explodes and not rising.vanishes
    steady = metrics.gradient_flow([1.0] * 9 + [0.2])
    assert not steady.vanishes and not steady.explodes and steady.end == 0.2
    assert metrics.gradient_flow([1.0] * 9 + [0.2], factor=4).vanishes
    assert metrics.gradient_flow([1.0, 0.0]).vanishes
    assert not metrics.gradient_flow([0.0, 1.0]).vanishes and metrics.gradient_flow([0.0, 1.0]).explodes
    assert metrics.gradient_flow([1.0, 0.1]).vanishes and metrics.gradient_flow([1.0, 10.0]).explodes  # `factor` itself
    silent = metrics.gradient_flow([0.0, 0.0])
    assert silent.vanishes and not silent.explodes
    once = metrics.gradient_flow([1.0] * 15 + [math.inf] + [1.0] * 15)
    assert once.explodes and not once.vanishes
    assert metrics.gradient_flow([1.0, math.inf]).explodes and metrics.gradient_flow([math.nan, 1.0]).explodes


def test_gradient_flow_ignores_one_outlier():
    norms = np.ones(1000)
    norms[-1] = 1e-9
    assert not metrics.gradient_flow(norms).vanishes
    falling = np.where(np.arange(1000) < 500, 1.0, 1e-4)
    falling[-1] = 1e3
    assert metrics.gradient_flow(falling).vanishes


def test_gradient_flow_names_bad_input():
    for bad in ([1.0], [[1.0, 2]], [1.0, -1]):
        with pytest.raises(ValueError, match="norms"):
            metrics.gradient_flow(bad)
    with pytest.raises(ValueError, match="factor"):
        metrics.gradient_flow([1.0, 1], factor=1)


def test_labels_inside_have_a_floor():
    for targets in ([0, 1, 1], [0.9] * 5, np.full((4, 1), 0.5)):
        found = metrics.check_labels(targets)
        assert not found.rewards_certainty and found.outside == 0 and found.lowest > 0
    assert metrics.check_labels([0.9]).best_logit == pytest.approx(math.log(9))
    assert metrics.check_labels([0.1, 0.9]).best_logit == pytest.approx(math.log(9))  # of either sign
    entropy = -(0.9 * math.log(0.9) + 0.1 * math.log(0.1))
    assert metrics.check_labels([0.9]).lowest == pytest.approx(entropy)
    assert metrics.check_labels([1.0]).best_logit == 10


def test_labels_outside_pay_for_certainty():
    found = metrics.check_labels([1.1], largest_logit=10)
    assert found.rewards_certainty and found.lowest == pytest.approx(math.log1p(math.exp(10)) - 11)  # about −1
    assert metrics.check_labels([1.1], largest_logit=100).lowest == pytest.approx(-10)  # no floor: ten times the logit
    below = metrics.check_labels([-0.1])
    assert below.lowest == pytest.approx(found.lowest) and below.outside == 1
    noisy = 0.85 + 0.15 * np.random.default_rng(0).standard_normal(100_000)
    assert metrics.check_labels(noisy).outside == pytest.approx(0.1587, abs=0.004)  # P(ε > 1)
    assert not metrics.check_labels(np.clip(noisy, 0, 1)).rewards_certainty


def test_check_labels_names_bad_input():
    for bad in ([], [math.nan], [math.inf]):
        with pytest.raises(ValueError, match="targets"):
            metrics.check_labels(bad)
    with pytest.raises(ValueError, match="largest_logit"):
        metrics.check_labels([1.0], largest_logit=0)


def test_batch_mixing():
    together, alone = np.array([[-2.0], [-1], [-3], [1]]), np.array([[2.0], [-1], [1], [1]])
    found = metrics.batch_mixing(together, alone)  # fakes: 3 of 4 right together, 1 of 4 alone
    assert (found.together, found.alone, found.gap, found.depends) == (0.75, 0.25, 0.5, True)
    assert found.shift == pytest.approx(2.0)
    as_real = metrics.batch_mixing(together, alone, real=True)
    assert (as_real.together, as_real.alone, as_real.depends) == (0.25, 0.75, True)
    same = metrics.batch_mixing(together, together + 0.01)
    assert not same.depends and same.gap == 0 and same.shift == pytest.approx(0.01)
    with pytest.raises(ValueError, match="same samples"):
        metrics.batch_mixing([], [])
    for bad, word in ((alone[:3], "same samples"), (alone * np.nan, "finite")):
        with pytest.raises(ValueError, match=word):
            metrics.batch_mixing(together, bad)
    with pytest.raises(ValueError, match="finite"):
        metrics.batch_mixing(together * np.nan, alone)
