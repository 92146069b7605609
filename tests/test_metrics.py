"""Metrics against closed forms and independent implementations."""

import numpy as np
import pytest
from scipy.linalg import sqrtm
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from helpers import metrics


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def frechet_by_sqrtm(a, b):
    ca, cb = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(ca + cb - 2 * sqrtm(ca @ cb).real)


@pytest.mark.parametrize("d", [2, 16, 48])
def test_frechet_agrees_with_sqrtm(rng, d):
    a = rng.standard_normal((400, d)) @ rng.standard_normal((d, d))
    b = rng.standard_normal((300, d)) @ rng.standard_normal((d, d)) + 1
    assert metrics.frechet_distance(a, b) == pytest.approx(frechet_by_sqrtm(a, b), rel=1e-6)


def test_frechet_closed_forms(rng):
    a = rng.standard_normal((500, 5))
    assert metrics.frechet_distance(a, a) == pytest.approx(0, abs=1e-8)
    assert metrics.frechet_distance(a, a + 3) == pytest.approx(5 * 9)  # a shift: squared length
    assert metrics.frechet_distance(a[:, :1], a[:, 1:2]) == pytest.approx(  # one dimension: (m−m')² + (s−s')²
        (a[:, 0].mean() - a[:, 1].mean()) ** 2 + (a[:, 0].std(ddof=1) - a[:, 1].std(ddof=1)) ** 2
    )
    ca, cb = np.diag([1.0, 4.0]), np.diag([9.0, 1.0])
    assert metrics.frechet_from_moments([0, 0], ca, [1, 0], cb) == pytest.approx(1 + 4 + 1)
    scaled = metrics.frechet_distance(2 * a, 2 * a + 6)
    assert scaled == pytest.approx(4 * 45)


def test_frechet_is_symmetric_and_real_with_fewer_samples_than_features(rng):
    a, b = rng.standard_normal((10, 48)), rng.standard_normal((12, 48)) * 2
    a[:, 7] = 0  # a dead feature
    d = metrics.frechet_distance(a, b)
    assert isinstance(d, float) and np.isfinite(d) and d > 0
    assert d == pytest.approx(metrics.frechet_distance(b, a), rel=1e-8)
    assert metrics.frechet_distance(a, a) == pytest.approx(0, abs=1e-6)


def test_frechet_is_never_negative_and_takes_sets_without_spread(rng):
    for seed in range(5):
        a = np.random.default_rng(seed).standard_normal((60, 40))
        assert 0 <= metrics.frechet_distance(a, a) < 1e-8 and 0 <= metrics.frechet_distance(a[:20], a[:20]) < 1e-8
    still, moved = np.zeros((9, 3)), np.full((7, 3), 2.0)
    assert metrics.frechet_distance(still, moved) == 12
    assert metrics.frechet_distance(still[:2], moved) == 12  # fewer samples than features
    x, y = rng.standard_normal((50, 1)), rng.standard_normal((40, 1)) + 1
    moments = x.mean(0), np.cov(x, rowvar=False), y.mean(0), np.cov(y, rowvar=False)  # of one feature: numbers
    assert metrics.frechet_from_moments(*moments) == pytest.approx(metrics.frechet_distance(x, y))


def test_frechet_leaves_the_threads_of_linear_algebra_as_they_were(rng, monkeypatch):
    from threadpoolctl import threadpool_info, threadpool_limits

    def threads():
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    inside, eigvalsh = [], np.linalg.eigvalsh
    monkeypatch.setattr(np.linalg, "eigvalsh", lambda matrix: inside.append(threads()) or eigvalsh(matrix))
    with threadpool_limits(limits=2, user_api="blas"):
        metrics.frechet_distance(*rng.standard_normal((2, 30, 4)))
        after = threads()
    assert set(inside[0]) == {1} and set(after) == {2}


def test_frechet_names_bad_input(rng):
    a = rng.standard_normal((10, 3))
    for bad, word in (
        (a[:, :2], "same features"),
        (a[:1], "at least 2"),
        (a[:, 0], "matrix"),
        (a * np.nan, "NaN"),
        (np.full_like(a, np.inf), "infinite"),
    ):
        with pytest.raises(ValueError, match=word):
            metrics.frechet_distance(a, bad)
    with pytest.raises(ValueError, match="matrix"):
        metrics.frechet_distance(a[:, :0], a[:, :0])


def test_nearest_neighbours_agree_with_scikit_learn(rng):
    features, query = rng.standard_normal((700, 8)), rng.standard_normal((600, 8))
    distances, indices = NearestNeighbors(n_neighbors=4).fit(features).kneighbors(query)
    mine, how_far = metrics.nearest_neighbours(features, query, k=4)
    assert (mine == indices).all()
    np.testing.assert_allclose(how_far, distances, atol=1e-9)
    for k in (0, 701):
        with pytest.raises(ValueError, match="k must lie"):
            metrics.nearest_neighbours(features, query, k=k)
    with pytest.raises(ValueError, match="columns"):
        metrics.nearest_neighbours(features, query[:, :7])


def test_equal_distances_keep_the_order_and_are_never_negative(rng):
    features = np.tile(rng.standard_normal((4, 3)), (30, 1)) + 1000
    indices, distances = metrics.nearest_neighbours(features, features[:4], k=30)
    assert (indices == np.arange(4)[:, None] + 4 * np.arange(30)).all()
    spread = 1000 * rng.standard_normal((200, 40))
    assert np.isfinite(distances).all() and (metrics.pairwise_squared_distances(spread, spread) >= 0).all()


def test_knn_accuracy_agrees_with_scikit_learn(rng):
    z, y = rng.standard_normal((600, 2)), rng.integers(0, 3, 600)
    z += y[:, None]
    for k in (1, 5, 7):
        theirs = KNeighborsClassifier(k).fit(z[:400], y[:400]).score(z[400:], y[400:])
        assert metrics.knn_accuracy(z[:400], y[:400], z[400:], y[400:], k) == pytest.approx(theirs, abs=0.03)
    one = KNeighborsClassifier(1).fit(z[:400], y[:400]).score(z[400:], y[400:])
    assert metrics.knn_accuracy(z[:400], y[:400], z[400:], y[400:], 1) == pytest.approx(one)


def test_knn_tie_goes_to_the_nearest():
    z, y = np.array([[0.0], [1.0], [5.0]]), np.array(["near", "far", "far"])
    assert metrics.knn_accuracy(z, y, [[0.1]], ["near"], k=2) == 1.0
    assert metrics.knn_accuracy(z, y, [[0.1]], ["far"], k=3) == 1.0  # two votes beat one
    line = [[1.0], [2.0], [3.0], [4.0], [5.0]], ["a", "a", "b", "b", "b"]
    assert metrics.knn_accuracy(*line, [[0.0]], ["b"]) == 1.0  # five by default: the two nearest are outvoted
    assert metrics.knn_accuracy(*line, [[0.0]], ["a"], k=4) == 1.0  # two for each
    with pytest.raises(ValueError, match="train_y must have shape"):
        metrics.knn_accuracy(z, y[:2], [[0.1]], ["far"])
    with pytest.raises(ValueError, match="test_y must have shape"):
        metrics.knn_accuracy(z, y, [[0.1]], ["far", "far"])


def test_principal_angles(rng):
    basis = rng.standard_normal((20, 3))
    np.testing.assert_allclose(metrics.principal_angles(basis, basis @ rng.standard_normal((3, 3))), 0, atol=1e-5)
    eye = np.eye(4)
    np.testing.assert_allclose(metrics.principal_angles(eye[:, :2], eye[:, [0, 2]]), [0, 90], atol=1e-6)
    turned = np.array([[np.cos(0.3)], [np.sin(0.3)], [0], [0]])
    np.testing.assert_allclose(metrics.principal_angles(eye[:, :1], turned), [np.rad2deg(0.3)])
    np.testing.assert_allclose(metrics.principal_angles(eye, eye[:, 1:3]), 0, atol=1e-5)  # the whole space holds it
    with pytest.raises(ValueError, match="same space"):
        metrics.principal_angles(eye, np.eye(3))
    for a, b in ((basis.T, basis[:3]), (basis[:3], basis.T)):
        with pytest.raises(ValueError, match="p ≤ D"):
            metrics.principal_angles(a, b)
