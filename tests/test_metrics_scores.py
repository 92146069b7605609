"""Scores of generated samples against closed forms, values by hand and independent implementations."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import chi2_contingency

from helpers import metrics


@pytest.fixture(scope="module")
def sets():
    """Features that look like pooled activations: correlated, ≥ 0, a dead one among them; the second set is shifted."""
    rng = np.random.default_rng(0)
    mix = rng.standard_normal((64, 96)) / 8
    a, b = (np.maximum(rng.standard_normal((n, 64)) @ mix + m, 0) for n, m in ((400, 0.3), (300, 0.5)))
    a[:, 5] = b[:, 5] = b[:, 6] = 0
    return a.astype(np.float32), b.astype(np.float32)


def tensors(*arrays):
    import torch

    return [torch.from_numpy(np.array(x)) for x in arrays]


# --- Fréchet distance


@pytest.mark.parametrize("rows", [400, 90, 40])  # more and fewer than the 96 features
def test_frechet_agrees_with_torchmetrics_and_torch_fidelity(sets, rows):
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torchmetrics.image.fid import _compute_fid

    a, b = (x[:rows].astype(np.float64) for x in sets)
    stats = [fid_features_to_statistics(x) for x in tensors(a, b)]
    theirs = fid_statistics_to_metric(*stats, verbose=False)["frechet_inception_distance"]
    moments = tensors(a.mean(0), np.cov(a, rowvar=False), b.mean(0), np.cov(b, rowvar=False))
    mine = metrics.frechet_distance(a, b)
    assert mine == pytest.approx(theirs, rel=1e-5)
    assert mine == pytest.approx(float(_compute_fid(*moments)), rel=1e-5)
    assert mine == pytest.approx(metrics.frechet_from_moments(*moments), rel=1e-6)


def test_frechet_takes_the_same_value_by_samples_and_by_features(sets):
    a, b = (x.astype(np.float64) for x in sets)
    for n, m in ((60, 300), (300, 60), (60, 50)):  # N × M matrices inside
        x, y = a[:n], b[:m]
        wanted = metrics.frechet_from_moments(x.mean(0), np.cov(x, rowvar=False), y.mean(0), np.cov(y, rowvar=False))
        assert metrics.frechet_distance(x, y) == pytest.approx(wanted, rel=1e-6)


def test_frechet_of_float32_features_is_computed_in_float64(sets):
    a, b = sets
    far = np.float32(1000)  # a mean far from 0 costs float32 its digits
    assert metrics.frechet_distance(np.round(a * 64) / 64 + far, np.round(b * 64) / 64 + far) == pytest.approx(
        metrics.frechet_distance(np.round(a * 64) / 64, np.round(b * 64) / 64), rel=1e-6
    )


@pytest.mark.parametrize("seed", range(5))
def test_extrapolation_recovers_the_truth_on_gaussians(seed):
    rng, d = np.random.default_rng(seed), 20
    scale = np.linspace(1, 2, d)
    truth = ((scale - 1) ** 2).sum() + d * 0.2**2
    a, b = rng.standard_normal((2000, d)), rng.standard_normal((2000, d)) * scale + 0.2
    line = metrics.frechet_extrapolated(a, b, sizes=(100, 150, 250, 500, 1000), repeats=8, rng=seed)
    assert line.value == pytest.approx(truth, abs=0.07 * truth)
    assert line.distances[0] > 1.12 * truth  # what it corrects
    assert line.slope > 0 and line.sizes == (100, 150, 250, 500, 1000)


def test_extrapolated_floor_is_zero():
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 1000, 16))
    line = metrics.frechet_extrapolated(a, b, rng=0)
    assert line.sizes == (500, 600, 750, 1000)
    assert abs(line.value) < 0.15 * line.distances[-1]
    assert line == metrics.frechet_extrapolated(a, b, rng=0)
    assert line.distances[-1] == pytest.approx(metrics.frechet_distance(a, b))


def test_extrapolation_by_hand():
    """The line through mean distances of draws: disjoint while rows last, then drawn anew."""
    a, b = np.random.default_rng(2).standard_normal((300, 4)), np.random.default_rng(3).standard_normal((240, 4)) * 1.2
    line = metrics.frechet_extrapolated(a, b, sizes=(240, 100, 240), repeats=3, rng=5)
    rng, means = np.random.default_rng(5), []
    for parts in ([[0, 100], [100, 200]], [[0, 100]]), ([[0, 240]],) * 3:
        values = []
        for group in parts:
            rows_a, rows_b = rng.permutation(300), rng.permutation(240)
            values += [metrics.frechet_distance(a[rows_a[i:j]], b[rows_b[i:j]]) for i, j in group]
        means.append(np.mean(values))
    assert line.sizes == (100, 240) and line.distances == pytest.approx(means)
    assert line.slope == pytest.approx((means[0] - means[1]) / (1 / 100 - 1 / 240))
    assert line.value == pytest.approx(means[1] - line.slope / 240)


def test_extrapolation_names_bad_sizes(sets):
    for sizes in ((100,), (100, 301), (1, 100)):
        with pytest.raises(ValueError, match="sizes must hold"):
            metrics.frechet_extrapolated(*sets, sizes=sizes)
    with pytest.raises(ValueError, match="repeats"):
        metrics.frechet_extrapolated(*sets, repeats=0)
    with pytest.raises(ValueError, match="at least 4"):
        metrics.frechet_extrapolated(sets[0][:3], sets[1])


# --- kernel distance


def test_kernel_distance_by_hand():
    a, b = np.array([[0.0], [1.0], [2.0]]), np.array([[1.0], [1.0], [3.0]])

    def k(x, y):
        return (x * y + 1) ** 3

    within_a = 2 * (k(0, 1) + k(0, 2) + k(1, 2)) / 6
    within_b = 2 * (k(1, 1) + 2 * k(1, 3)) / 6
    between = sum(k(x, y) for x in (0, 1, 2) for y in (1, 1, 3)) / 9
    assert metrics.kernel_distance(a, b).value == pytest.approx(within_a + within_b - 2 * between)


def test_kernel_distance_agrees_with_torch_fidelity_and_torchmetrics(sets):
    from torch_fidelity.metric_kid import kid_features_to_metric
    from torchmetrics.image.kid import poly_mmd

    a, b = (x[:250].astype(np.float64) for x in sets)
    x, y = tensors(a, b)
    mine = metrics.kernel_distance(a, b).value
    theirs = kid_features_to_metric(x, y, kid_subsets=2, kid_subset_size=250, verbose=False)
    assert mine == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-9)
    assert mine == pytest.approx(float(poly_mmd(x, y)), rel=1e-9)
    whole = metrics.kernel_distance(a, b, subset_size=250, subsets=3)  # each subset is the set
    assert whole.value == pytest.approx(mine, rel=1e-9) and whole.standard_error < 1e-12
    many = metrics.kernel_distance(a, b, subset_size=50, subsets=200)
    same = kid_features_to_metric(x, y, kid_subsets=200, kid_subset_size=50, verbose=False)
    assert many.value == pytest.approx(same["kernel_inception_distance_mean"], abs=6 * many.standard_error)
    deviation = many.standard_error * np.sqrt(200)
    assert deviation == pytest.approx(same["kernel_inception_distance_std"], rel=0.25)


def test_kernel_distance_on_given_subsets_agrees_with_one_by_one(sets):
    a, b = sets
    mine = metrics.kernel_distance(a, b, subset_size=40, subsets=6, rng=3)
    rng = np.random.default_rng(3)
    rows_a = [rng.choice(len(a), 40, replace=False) for _ in range(6)]
    rows_b = [rng.choice(len(b), 40, replace=False) for _ in range(6)]
    values = [metrics.kernel_distance(a[i], b[j]).value for i, j in zip(rows_a, rows_b, strict=True)]
    assert mine.value == pytest.approx(np.mean(values), rel=1e-9)
    assert mine.standard_error == pytest.approx(np.std(values, ddof=1) / np.sqrt(6), rel=1e-9)


def test_kernel_distance_is_unbiased_and_knows_its_error_with_few_samples():
    rng = np.random.default_rng(0)
    draws = [metrics.kernel_distance(*rng.standard_normal((2, 30, 8))) for _ in range(300)]
    values = np.array(draws)[:, 0]
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(300)  # equal distributions: 0, at 30 samples a set
    assert (values < 0).any()
    for shift_a, shift_b in ((0, 1), (1, 0)):  # the shifted set has most of the variance
        draws = [metrics.kernel_distance(x + shift_a, y + shift_b) for x, y in rng.standard_normal((200, 2, 30, 8))]
        values, errors = np.array(draws).T
        assert np.sqrt((errors**2).mean()) == pytest.approx(values.std(), rel=0.25)


def test_the_standard_error_is_the_jackknife_s():
    a, b = np.random.default_rng(1).standard_normal((7, 3)), np.random.default_rng(2).standard_normal((5, 3)) * 2
    without_a = [metrics.kernel_distance(np.delete(a, i, axis=0), b).value for i in range(7)]
    without_b = [metrics.kernel_distance(a, np.delete(b, i, axis=0)).value for i in range(5)]
    wanted = np.sqrt(6 * np.var(without_a) + 4 * np.var(without_b))
    assert metrics.kernel_distance(a, b).standard_error == pytest.approx(wanted)


def test_kernel_distance_does_not_depend_on_block_size(sets, monkeypatch):
    before = metrics.kernel_distance(*sets), metrics.kernel_distance(*sets, subset_size=30, subsets=4)
    monkeypatch.setattr("helpers.metrics.kernel.BLOCK", 7)
    after = metrics.kernel_distance(*sets), metrics.kernel_distance(*sets, subset_size=30, subsets=4)
    np.testing.assert_allclose(before, after, rtol=1e-9)


def test_kernel_distance_names_bad_input(sets):
    a, b = sets
    for size in (0, 1, 301):
        with pytest.raises(ValueError, match="subset_size must lie"):
            metrics.kernel_distance(a, b, subset_size=size)
    with pytest.raises(ValueError, match="at least 2 subsets"):
        metrics.kernel_distance(a, b, subset_size=10, subsets=1)
    with pytest.raises(ValueError, match="at least 3 samples"):
        metrics.kernel_distance(a[:2], b)


# --- Inception score


def test_inception_score_by_hand():
    sure = np.tile(np.eye(4), (5, 1))  # each class five times, certain
    assert metrics.inception_score(sure, splits=5) == pytest.approx((4, 0))
    assert metrics.inception_score(sure[:1].repeat(20, axis=0)) == pytest.approx((1, 0))  # one class
    assert metrics.inception_score(np.full((20, 4), 0.25)) == pytest.approx((1, 0))  # no idea
    p = np.array([[0.5, 0.5], [1.0, 0.0]])
    divergence = (0.5 * np.log(0.5 / 0.75) + 0.5 * np.log(0.5 / 0.25) + np.log(1 / 0.75)) / 2
    assert metrics.inception_score(p, splits=1).mean == pytest.approx(np.exp(divergence))


def test_inception_score_agrees_with_torch_fidelity():
    from torch_fidelity.metric_isc import isc_features_to_metric

    logits = np.random.default_rng(0).standard_normal((505, 10)) * 3
    odds = np.exp(logits)
    theirs = isc_features_to_metric(*tensors(logits), splits=10, shuffle=False)
    mine = metrics.inception_score(odds / odds.sum(axis=1, keepdims=True))
    assert mine == pytest.approx(tuple(theirs.values()), rel=1e-9)


def test_inception_score_names_bad_input():
    with pytest.raises(ValueError, match="softmax"):
        metrics.inception_score(np.random.default_rng(0).standard_normal((20, 4)))
    for row in ([1.5, -0.5], [0.9, 0.3], [0.3, 0.3]):
        with pytest.raises(ValueError, match="softmax"):
            metrics.inception_score([row], splits=1)
    for bad, splits in ((np.full((5, 4), 0.25), 6), (np.full((5, 4), 0.25), 0)):
        with pytest.raises(ValueError, match="splits"):
            metrics.inception_score(bad, splits)
    with pytest.raises(ValueError, match="NaN"):
        metrics.inception_score(np.full((20, 4), np.nan))


# --- precision, recall, density, coverage


@pytest.mark.parametrize("k", [1, 3, 5])
def test_precision_recall_agrees_with_torch_fidelity(sets, k):
    from torch_fidelity.metric_prc import prc_features_to_metric

    a, b = sets
    fake, real = tensors(b.astype(np.float64), a.astype(np.float64))
    theirs = prc_features_to_metric(
        fake, real, prc_neighborhood=k, prc_batch_size=500, save_cpu_ram=False, verbose=False
    )
    mine = metrics.precision_recall(a, b, k)
    assert mine == pytest.approx((theirs["precision"], theirs["recall"]), abs=1e-6)  # theirs is a float32
    assert 0 < mine.precision < 1 and 0 < mine.recall < 1 and mine.precision != mine.recall
    assert (mine == metrics.precision_recall(a, b)) == (k == 3)


def test_precision_recall_by_hand():
    real = np.array([[0.0], [1.0], [2.0], [10.0]])  # radii for k = 1: 1, 1, 1, 8
    fake = np.array([[0.0], [2.9], [3.1], [30.0]])  # radii: 2.9, 0.2, 0.2, 26.9
    assert metrics.precision_recall(real, fake, k=1) == (0.75, 1.0)  # 30 is in no ball; 10 is in the ball round 30
    border = np.array([[3.0], [6.0], [7.0]])  # radii: 3, 1, 1; 3 is on the border of 2's ball, and 0 on that of 3's
    assert metrics.precision_recall(real[:3], border, k=1) == (1 / 3, 1.0)
    near = np.array([[0.0], [0.1], [0.2]])
    assert metrics.precision_recall(real, near, k=1) == (1.0, 0.25)  # of the real points only 0 is near fakes


@pytest.mark.parametrize("k", [1, 3, 5])
def test_density_coverage_agrees_with_the_definition(sets, k):
    real, fake = sets
    between, within = cdist(real, fake), cdist(real, real)
    radius = np.sort(within, axis=1)[:, k]  # the nearest is itself
    inside = between <= radius[:, None]
    mine = metrics.density_coverage(real, fake, k)
    assert mine.density == pytest.approx(inside.sum(axis=0).mean() / k, abs=1e-9)
    assert mine.coverage == pytest.approx((between.min(axis=1) <= radius).mean(), abs=1e-9)
    assert 0 < mine.coverage < 1


def test_density_coverage_by_hand():
    real = np.array([[0.0], [1.0], [2.0], [10.0]])  # radii for k = 1: 1, 1, 1, 8; for k = 2: 2, 1, 2, 9
    fake = np.array([[1.0], [1.5], [50.0]])
    # 1 lies in the balls of 0, 1 and 2; 1.5 in those of 1 and 2; 50 in none
    assert metrics.density_coverage(real, fake, k=1) == pytest.approx(((3 + 2) / 3, 3 / 4))
    assert metrics.density_coverage(real, fake[:1], k=2) == pytest.approx((4 / 2, 1))  # one sample is enough
    # k = 2: 1 lies in four balls, 1.5 in four
    assert metrics.density_coverage(real, fake, k=2) == pytest.approx((8 / 6, 1))


def test_equal_distributions_have_the_expected_density_and_coverage():
    real, fake = np.random.default_rng(0).standard_normal((2, 1500, 4))
    density, coverage = metrics.density_coverage(real, fake)
    assert density == pytest.approx(1, abs=0.06)
    assert coverage == pytest.approx(1 - 2**-5, abs=0.02)
    precision, recall = metrics.precision_recall(real, real)
    assert (precision, recall) == (1, 1)
    collapsed = metrics.density_coverage(real, fake[:10].repeat(150, axis=0))
    assert collapsed.coverage < 0.1


def test_far_from_the_origin_and_with_duplicates(sets, monkeypatch):
    a, b = (x.astype(np.float64) for x in sets)
    for measure in (metrics.precision_recall, metrics.density_coverage):
        assert measure(a + 1000, b + 1000) == measure(a, b)
        far = (x.astype(np.float32) + np.float32(1000) for x in (a, b))
        assert measure(*far) == pytest.approx(measure(a, b), abs=0.03)
        before = measure(a, b)
        monkeypatch.setattr("helpers.metrics.manifold.BLOCK", 7)
        assert measure(a, b) == before
        monkeypatch.undo()
    for dtype in (np.float32, np.float64):
        twice = np.repeat(a[:50], 10, axis=0).astype(dtype)
        assert metrics.precision_recall(twice, twice) == (1, 1)  # balls of radius 0 hold their centres
        assert metrics.precision_recall(twice, b.astype(dtype)).precision == 0  # and nothing else


@pytest.mark.parametrize(("dtype", "close"), [(np.float32, 0.02), (np.float64, 1e-5)])
def test_a_ball_is_no_wider_than_the_number_format_asks_for(dtype, close):
    real = np.array([[0.0], [close], [1.0], [1.0 + close]], dtype=dtype)
    fake = np.array([[3 * close], [0.5], [2.0], [3.0]], dtype=dtype)
    assert metrics.precision_recall(real, fake, k=1).precision == 0
    assert metrics.precision_recall(real, real + real.dtype.type(close / 2), k=1).precision == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_copies_of_a_point_lie_in_one_another_s_balls_of_radius_0(dtype):
    points = np.random.default_rng(0).standard_normal((50, 300)) * np.linspace(1, 9, 50)[:, None]
    real, fake = points.repeat(8, axis=0).astype(dtype), points[::-1].repeat(7, axis=0).astype(dtype)
    assert metrics.precision_recall(real, fake) == (1, 1)
    assert metrics.density_coverage(real, fake) == pytest.approx((8 / 5, 1))  # each fake lies in 8 real balls, k = 5


def test_manifolds_name_bad_input(sets):
    a, b = sets
    for measure in (metrics.precision_recall, metrics.density_coverage):
        with pytest.raises(ValueError, match="k is 0"):
            measure(a, b, k=0)
        with pytest.raises(ValueError, match="at least 6"):
            measure(a[:5], b, k=5)
        with pytest.raises(ValueError, match="same features"):
            measure(a, b[:, :9])
    with pytest.raises(ValueError, match="at least 4"):
        metrics.precision_recall(a, b[:3])


# --- different bins


def test_two_proportions_by_hand_and_by_chi_squared():
    z = metrics.two_proportions([10, 0, 5], 50, [30, 0, 5], 50)
    assert z[0] == pytest.approx(0.4 / np.sqrt(0.4 * 0.6 * 2 / 50))
    assert z[1] == z[2] == 0
    table = [[13, 87], [40, 160]]
    wanted = chi2_contingency(table, correction=False).statistic
    assert metrics.two_proportions([13], 100, [40], 200)[0] ** 2 == pytest.approx(wanted)


def test_different_bins_by_hand():
    centres = np.array([[0.0, 0], [10, 0], [0, 10], [10, 10]])
    rng = np.random.default_rng(0)
    real = centres.repeat(100, axis=0) + 0.1 * rng.standard_normal((400, 2))
    fake = centres[[0, 0, 1, 2]].repeat(50, axis=0) + 0.1 * rng.standard_normal((200, 2))
    found = metrics.different_bins(real, fake, bins=4)
    assert (found.number, found.bins, found.share) == (2, 4, 0.5)  # one cluster twice, one never
    assert found.real_shares.tolist() == [0.25] * 4
    assert sorted(found.fake_shares) == [0, 0.25, 0.25, 0.5]
    assert found.z[found.fake_shares == 0.5] > 0 > found.z[found.fake_shares == 0]


def test_equal_distributions_differ_in_as_many_bins_as_chance_says():
    shares = []
    for seed in range(5):
        real, fake = np.random.default_rng(seed).standard_normal((2, 1000, 6))
        shares.append(metrics.different_bins(real, fake, bins=50, rng=seed).share)
        assert metrics.different_bins(real, fake[:50].repeat(20, axis=0), bins=50, rng=seed).share > 0.5
    assert 0.0 < np.mean(shares) < 0.12


def test_different_bins_names_bad_input(sets):
    a, b = sets
    for bins in (1, 401):
        with pytest.raises(ValueError, match="bins must lie"):
            metrics.different_bins(a, b, bins=bins)
    for significance in (0, 1, 5):
        with pytest.raises(ValueError, match="significance"):
            metrics.different_bins(a, b, significance=significance)


@pytest.mark.parametrize(("n", "m", "bins"), [(400, 300, 15), (300, 400, 15), (30, 25, 2), (2600, 2500, 100)])
def test_a_bin_for_twenty_samples(n, m, bins):
    rng = np.random.default_rng(0)
    assert metrics.different_bins(rng.random((n, 1)), rng.random((m, 1)), rng=rng).bins == bins


def test_different_bins_of_one_significance_and_one_seed(sets):
    a, b = sets
    first, again = (metrics.different_bins(a, b, rng=4) for _ in range(2))
    assert first.z.tolist() == again.z.tolist() and first.significance == 0.05
    assert first.number == (np.abs(first.z) > 1.959964).sum() > (first.z > 1.959964).sum()
    halves = np.repeat([[0.0], [1.0]], 200, axis=0)
    found = metrics.different_bins(halves[100:300], halves[82:282], bins=2)  # 100 and 100 against 118 and 82
    assert np.sort(found.z) == pytest.approx([-1.807, 1.807], abs=1e-3) and found.number == 0  # the test has two sides
    strict = metrics.different_bins(a, b, significance=1e-6, rng=4)
    assert strict.number == (np.abs(strict.z) > 4.891638).sum() < first.number


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_different_bins_takes_sets_without_spread():
    assert metrics.different_bins(np.ones((40, 2)), np.ones((30, 2)), bins=2).number == 0
