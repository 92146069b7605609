"""Project 4: every score against values worked by hand, an independent implementation, and the cheats that it must show."""

import numpy as np
import pytest
import scipy.linalg
from scipy import stats

from helpers import lessons, metrics

PROJECT = "p4_how_good"


@pytest.fixture(scope="module")
def own():
    return lessons.definitions(PROJECT, "pytorch")


def cloud(n, d, seed=0, shift=0.0, rank=None):
    """n points in d dimensions, correlated; of lower rank where one is given."""
    rng = np.random.default_rng([seed, n, d])
    mix = np.random.default_rng([seed, d]).standard_normal((rank or d, d))
    return rng.standard_normal((n, rank or d)) @ mix + shift


def by_roots(a, b):
    """Eq. 2 with the symmetric root of one covariance by its eigenvectors: no product of covariances, no QR."""
    values, vectors = np.linalg.eigh(np.cov(a.T))
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ np.cov(b.T) @ root).clip(0)
    gap = a.mean(axis=0) - b.mean(axis=0)
    return gap @ gap + np.trace(np.cov(a.T)) + np.trace(np.cov(b.T)) - 2 * np.sqrt(inner).sum()


def test_frechet_in_one_dimension_is_the_difference_of_means_and_deviations(own):
    a, b = np.array([[1.0], [2], [3]]), np.array([[4.0], [6], [8]])
    assert own.frechet(a, b) == pytest.approx(16 + 1)  # means 2 and 6, deviations 1 and 2
    assert own.frechet(a, a + 3) == pytest.approx(9)
    assert own.frechet(a, 5 * a - 8) == pytest.approx((5 - 1) ** 2)


def test_frechet_by_hand_where_the_covariances_do_not_commute(own):
    def exact(covariance):
        """Four points in two dimensions with mean 0 and exactly this covariance."""
        corners = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]]) * np.sqrt(3) / 2
        return corners @ np.linalg.cholesky(np.array(covariance, float)).T

    a, b = exact([[2, 1], [1, 2]]), exact([[1, 0], [0, 4]])
    np.testing.assert_allclose(np.cov(a.T), [[2, 1], [1, 2]], atol=1e-12)
    assert own.frechet(a, b) == pytest.approx(9 - 2 * np.sqrt(10 + 2 * np.sqrt(12)))  # tr √M = √(tr M + 2 √det M)


@pytest.mark.parametrize(
    ("n", "m", "d", "rank"), [(200, 300, 8, None), (20, 30, 60, None), (50, 9, 12, None), (40, 40, 12, 5)]
)
def test_frechet_agrees_with_independent_ways_for_many_samples_for_few_and_for_low_rank(own, n, m, d, rank):
    a, b = cloud(n, d, 0, rank=rank), cloud(m, d, 1, 0.3, rank)
    assert own.frechet(a, b) == pytest.approx(by_roots(a, b), rel=1e-6)
    assert own.frechet(a, b) == pytest.approx(metrics.frechet_distance(a, b), rel=1e-7)
    assert own.frechet(b, a) == pytest.approx(own.frechet(a, b), rel=1e-9)


def test_frechet_of_a_set_to_itself_is_zero_also_in_32_bits_and_with_fewer_samples_than_features(own):
    a = cloud(20, 60).astype(np.float32)
    assert abs(own.frechet(a, a)) < 1e-9 * np.square(a).sum()
    far, near = (cloud(20, 60, seed, shift=1000).astype(np.float32) for seed in (0, 1))
    assert own.frechet(far, near) == pytest.approx(own.frechet(far.astype(float), near.astype(float)), rel=1e-12)
    assert own.spread(a).shape == (20, 60) and own.spread(cloud(100, 6)).shape == (6, 6)
    np.testing.assert_allclose(
        own.spread(cloud(100, 6)).T @ own.spread(cloud(100, 6)), np.cov(cloud(100, 6).T), atol=1e-9
    )
    singular = np.cov(a.astype(float).T) @ np.cov(cloud(20, 60, 1).T)
    assert (
        np.iscomplexobj(scipy.linalg.sqrtm(singular)) or np.isnan(scipy.linalg.sqrtm(singular)).any()
    )  # the trap is there


def test_frechet_falls_with_the_number_of_images_and_the_line_takes_most_of_that_away(own):
    rng = np.random.default_rng(0)
    pool, real = rng.standard_normal((4000, 20)), rng.standard_normal((4000, 20))
    few, many = own.frechet(real, pool[:200]), own.frechet(real, pool)
    assert few > 3 * many
    endless = own.at_infinity(real, pool[:400], np.random.default_rng(1), repeats=8)
    assert abs(endless) < 0.3 * own.frechet(real, pool[:400])


def test_the_line_is_the_least_squares_line_over_one_over_m(own, monkeypatch):
    monkeypatch.setitem(own.at_infinity.__globals__, "frechet", lambda real, fake: 7 + 30 / len(fake))
    assert own.at_infinity(None, np.zeros((60, 1)), np.random.default_rng(0)) == pytest.approx(7)


@pytest.mark.parametrize(
    ("p", "score"),
    [
        ([[1, 0], [0, 1]], 2),
        ([[1, 0], [1, 0]], 1),
        ([[0.5, 0.5], [0.5, 0.5]], 1),
        ([[0.9, 0.1], [0.1, 0.9]], 2 * 0.9**0.9 * 0.1**0.1),
        (np.eye(10)[np.arange(1000) % 10], 10),
        ([[1, 0, 0], [0, 1, 0]], 2),
        ([[1, 0], [1, 0], [0, 1]], np.exp(np.log(3) - 2 / 3 * np.log(2))),
    ],
)
def test_inception_score_by_hand(own, p, score):
    assert own.inception_score(p) == pytest.approx(score)
    assert own.inception_score(p) == pytest.approx(metrics.inception_score(np.array(p, float), splits=1).mean)


def test_inception_score_lies_between_one_and_the_number_of_classes(own):
    rng = np.random.default_rng(0)
    for sharp in (0.01, 0.1, 1, 10):
        p = rng.dirichlet(np.full(7, sharp), 50)
        assert 1 <= own.inception_score(p) <= 7
    with np.errstate(all="raise"):  # a probability of 0 is no trouble
        assert own.inception_score(np.eye(3)) == pytest.approx(3)


def test_kid_by_hand_and_against_the_double_sum(own):
    assert own.kid(np.array([[0.0], [1]]), np.array([[0.0], [2]])) == pytest.approx(1 + 1 - 2 * (1 + 1 + 1 + 27) / 4)
    a, b = cloud(9, 4), cloud(7, 4, 1)
    k = lambda x, y: (float(x @ y) / 4 + 1) ** 3  # noqa: E731
    within = [np.mean([k(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j]) for x in (a, b)]
    assert own.kid(a, b) == pytest.approx(sum(within) - 2 * np.mean([k(x, y) for x in a for y in b]))
    assert own.kid(a, b) == pytest.approx(metrics.kernel_distance(a, b).value)


def test_kid_is_right_on_average_with_few_samples_where_frechet_is_not(own):
    rng = np.random.default_rng(0)
    pairs = [rng.standard_normal((2, 10, 5)) for _ in range(400)]
    kids = np.array([own.kid(a, b) for a, b in pairs])
    assert abs(kids.mean()) < 4 * kids.std() / 20
    assert min(own.frechet(a, b) for a, b in pairs) > 0.5


def test_precision_recall_density_coverage_by_hand(own):
    real, fake = np.array([[0.0], [1], [3], [10]]), np.array([[0.3], [0.8], [1.2], [30]])
    np.testing.assert_allclose(own.radii(real, 1), [1, 1, 2, 7])
    assert own.precision_recall(real, fake, k=1) == (0.75, 1.0)
    assert own.density_coverage(real, fake, k=1) == (1.5, 0.75)
    assert own.precision_recall(real, real + 100, k=1) == (0.0, 0.0)


def test_precision_recall_and_coverage_against_the_helpers(own):
    a, b = cloud(80, 6), cloud(90, 6, 1)
    assert own.precision_recall(a, b) == pytest.approx(tuple(metrics.precision_recall(a, b)))
    assert own.density_coverage(a, b) == pytest.approx(tuple(metrics.density_coverage(a, b)))


def test_distances_are_euclidean_and_never_below_zero(own):
    a, b = cloud(7, 3, shift=1e4), cloud(5, 3, 1, shift=1e4)
    np.testing.assert_allclose(own.distances(a, b), np.linalg.norm(a[:, None] - b[None], axis=2), rtol=1e-3)
    assert not np.isnan(own.distances(a, a)).any()


def test_a_memoriser_wins_on_held_out_samples_and_is_caught_by_its_neighbours(own):
    rng = np.random.default_rng(0)
    train, held_out, honest = rng.standard_normal((3, 400, 6))
    honest = 1.3 * honest
    thief = train[rng.integers(0, 400, 400)]
    assert own.frechet(held_out, thief) < own.frechet(held_out, honest)
    assert own.share_of_copies(thief, train, held_out) == 1
    assert own.share_of_copies(honest, train, held_out) < 0.05
    assert own.share_of_copies(held_out, train, held_out) == pytest.approx(0.01, abs=0.003)


def test_a_few_samples_over_and_over_have_precision_and_no_recall(own):
    rng = np.random.default_rng(0)
    real, other = rng.standard_normal((2, 300, 5))
    precision, recall = own.precision_recall(real, other[np.arange(300) % 5])
    assert precision > 0.75 and recall == 0


@pytest.mark.parametrize("level", [0.95, 0.8])
def test_clopper_pearson_is_scipys_exact_interval(own, level):
    for n in (1, 2, 7, 20, 100, 1500):
        for k in {0, 1, n // 3, n // 2, n - 1, n}:
            low, high = own.clopper_pearson(k, n, level)
            wanted = stats.binomtest(k, n).proportion_ci(level, method="exact")
            assert (low, high) == pytest.approx((wanted.low, wanted.high), abs=1e-7), (k, n)


def test_wilson_is_scipys_interval(own):
    for n in (1, 7, 20, 1500):
        for k in {0, 1, n // 2, n}:
            wanted = stats.binomtest(k, n).proportion_ci(0.95, method="wilson")
            assert own.wilson(k, n) == pytest.approx((wanted.low, wanted.high), abs=1e-6), (k, n)
    assert own.wilson(0, 9)[0] == 0 and own.wilson(9, 9)[1] == 1


def test_the_binomial_tail(own):
    for k, n, p in ((0, 5, 0.3), (3, 5, 0.5), (5, 5, 0.9), (6, 5, 0.9), (700, 1500, 0.45)):
        assert own.at_least(k, n, p) == pytest.approx(stats.binom.sf(k - 1, n, p), abs=1e-9)


@pytest.mark.parametrize("share", [0.9, 0.8, 0.7, 0.6])
def test_trials_needed_is_the_least_number_with_that_power(own, share):
    def power(n):
        k = np.arange(1, n + 1)
        wins = k[stats.beta.ppf(0.025, k, n - k + 1) > 0.5]  # the lower end of Clopper and Pearson's interval
        return stats.binom.sf(wins.min() - 1, n, share) if len(wins) else 0.0

    needed = own.trials_needed(share)
    assert power(needed) >= 0.8
    assert all(power(n) < 0.8 for n in range(max(5, needed - 12), needed))
    with pytest.raises(ValueError, match="30 trials are too few"):
        own.trials_needed(0.6, most=30)


def test_the_observer_finds_a_shift_guesses_among_equals_and_is_asked_about_the_other_half(own):
    rng = np.random.default_rng(0)
    real, same, moved = rng.standard_normal((3, 400, 30))
    right, trials = own.observer(real, moved + 0.8)
    assert trials == 200 and right > 190
    right, trials = own.observer(real, same)
    assert own.clopper_pearson(right, trials)[0] < 0.5 < own.clopper_pearson(right, trials)[1]
    half = moved.copy()
    half[:200] += 0.8  # a difference in the learning half alone is no help
    assert own.observer(real, half)[0] < 130
    few = rng.standard_normal((2, 20, 100))  # more features than pictures
    assert 0 <= own.observer(*few)[0] <= 10


def test_kinds_are_the_networks_own_probabilities(own):
    arrays = own.feature_networks.installed_arrays()
    seen = np.random.default_rng(0).random((3, 1280)).astype(np.float32)
    p = own.kinds_of(seen)
    assert p.shape == (3, 1000) and p.sum(axis=1) == pytest.approx(1)
    logits = seen @ arrays["_fc.weight"].T + arrays["_fc.bias"]
    np.testing.assert_allclose(np.log(p[:, 5] / p[:, 9]), logits[:, 5] - logits[:, 9], rtol=1e-3, atol=1e-4)
