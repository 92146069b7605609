"""The feature distance: as another computation gives it, in order with what is seen, clear about bad input."""

import numpy as np
import pytest

from helpers import data, features, metrics
from helpers.resizing import resize


def maps(seed=0, n=70):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((n, side, side + 1, c), dtype=np.float32) for side, c in ((8, 3), (4, 7), (1, 2))]


def test_it_is_what_torch_computes():
    import torch

    a, b = maps(0), maps(1)
    b[1][5] = 0  # a place without any activation
    wanted = torch.zeros(70, dtype=torch.float64)
    for x, y in zip(a, b, strict=True):
        x, y = (torch.nn.functional.normalize(torch.from_numpy(z).double(), dim=3) for z in (x, y))
        wanted += torch.nn.functional.mse_loss(x, y, reduction="none").sum(dim=3).flatten(1).mean(dim=1) / 3
    found = metrics.feature_distance(a, b)
    assert found.shape == (70,) and found.dtype == np.float64
    np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-9)


def test_by_hand():
    one, two = np.zeros((1, 1, 2, 2)), np.zeros((1, 1, 2, 2))
    one[0, 0], two[0, 0] = [[3, 0], [0, 1]], [[0, 5], [0, 9]]  # at right angles: 2; parallel: 0
    assert metrics.feature_distance([one], [two]) == pytest.approx([1.0])
    assert metrics.feature_distance([one, one], [two, one]) == pytest.approx([0.5])
    assert metrics.feature_distance([one], [-one]) == pytest.approx([4.0])


def test_it_is_a_distance_of_directions():
    a, b = maps(0), maps(1)
    distance = metrics.feature_distance(a, b)
    assert (distance > 0).all() and (distance < 4).all()
    assert (metrics.feature_distance(a, a) == 0).all()
    np.testing.assert_allclose(metrics.feature_distance(b, a), distance)
    np.testing.assert_allclose(metrics.feature_distance([3 * x for x in a], b), distance)
    np.testing.assert_allclose(metrics.feature_distance([x[:9] for x in a], [x[:9] for x in b]), distance[:9])
    assert metrics.feature_distance([x[:0] for x in a], [x[:0] for x in b]).shape == (0,)


def test_what_looks_more_alike_is_nearer():
    faces = data.load("characters", n=45, resolution=64, quiet=True).train.images
    rng = np.random.default_rng(0)
    noisy = [np.clip(faces / 255 + rng.normal(0, scale, faces.shape), 0, 1) for scale in (0.01, 0.05)]
    blurred = [resize(resize(faces, side), 64) for side in (48, 24)]
    unlike = [np.roll(faces, 1, axis=0), rng.random(faces.shape)]
    seen = features.efficientnet_maps(faces)

    def distances(versions):
        return [metrics.feature_distance(seen, features.efficientnet_maps(version)).mean() for version in versions]

    for versions in (noisy, blurred):
        little, much, other, noise = distances([*versions, *unlike])
        assert 0 < little < 0.5 * much and much < other < noise


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a[0], "must be a list of maps"),
        (lambda a: [], "must be a list of maps"),
        (lambda a: a[:2], "same layers: 2 against 3"),
        (lambda a: [a[0][0], *a[1:]], r"map 0 must have shape \(N, h, w, C\)"),
        (lambda a: [a[0], a[1][:3], a[2]], "same images; map 1 has 3"),
        (lambda a: [a[0], a[1][:, :2], a[2]], "map 1 of A and of B must have one shape"),
        (lambda a: [x[:3] for x in a], "map 0 of A and of B must have one shape"),
        (lambda a: [a[0] * np.nan, *a[1:]], "map 0 must hold finite floats"),
        (lambda a: [a[0].astype(int), *a[1:]], "map 0 must hold finite floats"),
    ],
)
def test_bad_maps_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        metrics.feature_distance(change(maps()), maps(1))
