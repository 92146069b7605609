"""The script behind the reader of face attributes: what it stores is what it measured; faces are changed as it says."""

import numpy as np
import pytest
import torch

from helpers import characters, checkpoints, face_attributes, features
from helpers import train_face_attributes as script


@pytest.fixture(scope="module")
def faces():
    return characters.characters(n=240, quiet=True)


def pixels(split):
    return torch.from_numpy(split.images).permute(0, 3, 1, 2) / 255


def run(folder):
    script.main(["--images", "240", "--epochs", "2", "--folder", str(folder)])
    return checkpoints.load(script.CHECKPOINT, folder)


def test_the_stored_reader_is_the_measured_one_and_always_the_same(faces, tmp_path):
    state, how = run(tmp_path)
    assert how["train_images"] == 216 and how["held_out_images"] == 24 and how["epochs"] == 2 and how["seed"] == 0
    assert "CC BY 4.0" in how["licence"] and "Johan Melin" in how["attribution"] and how["device"]
    assert how["data_sha256"] == faces.sha256
    model = script.FaceReader(norm=False).eval()
    checkpoints.set_state(model, state)
    y = script.targets(faces.test.attributes)
    assert script.accuracies(model, faces.test.images, y) == how["held_out_accuracy"]
    again = run(tmp_path / "again")[0]
    assert all(np.array_equal(again[key], value) for key, value in state.items())


def test_training_lowers_the_error(faces, monkeypatch):
    monkeypatch.setattr(script, "BATCH_SIZE", 24)
    y = script.targets(faces.train.attributes)
    model = script.train(faces.train.images, y, epochs=12)
    share = script.accuracies(model, faces.train.images, y)
    assert min(share.values()) > 0.6 and min(share["hair"], share["hair_colour"]) > 0.85, share  # no beard: half of all


def test_targets_are_positions_in_the_lists_of_values(faces):
    y = script.targets(faces.test.attributes)
    for column, (name, values) in zip(y.T, features.FACE_ATTRIBUTES.items(), strict=True):
        assert [values[k] for k in column] == faces.test.attributes[name].tolist()
    strange = {**faces.test.attributes, "hair": np.full(24, "wig")}
    with pytest.raises(ValueError, match="hair has values that FACE_ATTRIBUTES lacks: wig"):
        script.targets(strange)


def test_folding_keeps_the_function(faces):
    torch.manual_seed(0)
    model = script.FaceReader()
    model(pixels(faces.train)[:64])  # moves the running statistics away from their start
    for norm in model.norms:
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
        torch.nn.init.uniform_(norm.bias, -0.5, 0.5)
    x, model = pixels(faces.test), model.eval()
    with torch.no_grad():
        torch.testing.assert_close(script.folded(model)(x), model(x), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_as_many_faces_as_wanted_are_changed_and_stay_like_themselves(faces, share):
    x = pixels(faces.train)
    changed = script.augment(x, share, torch.Generator().manual_seed(0))
    assert changed.shape == x.shape and changed.min() >= 0 and changed.max() <= 1
    touched = (changed != x).flatten(1).any(dim=1)
    assert float(touched.float().mean()) == pytest.approx(share, abs=0.15 * (0 < share < 1))
    distance = torch.cdist(changed.flatten(1), x.flatten(1))
    assert (distance.argmin(dim=1) == torch.arange(len(x))).float().mean() > 0.8
    again = script.augment(x, share, torch.Generator().manual_seed(0))
    assert torch.equal(changed, again)
    if share:
        assert not torch.equal(changed, script.augment(x, share, torch.Generator().manual_seed(1)))


def test_training_begins_with_untouched_faces(faces, monkeypatch):
    seen, augment = [], script.augment
    monkeypatch.setattr(script, "augment", lambda x, share, g: seen.append(share) or augment(x, share, g))
    script.train(faces.train.images[:64], script.targets(faces.train.attributes)[:64], epochs=8)
    assert seen[0] == 0 and seen == sorted(seen) and seen[-1] == pytest.approx(2 / 3)


def test_detail_is_that_of_the_numpy_network(faces):
    x = script.with_detail(pixels(faces.test)).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(x, face_attributes.with_detail(faces.test.images / np.float32(255)), atol=1e-5)
    assert np.abs(x[..., 3]).max() == 1 and np.abs(x[:, 0, 0, 3]).max() == 0  # clipped; nothing on plain white


def test_compressing_rounds_frequencies(faces):
    x = pixels(faces.test)
    step = torch.full((len(x), 1, 1, 1), 1e-6)
    torch.testing.assert_close(script.compressed(x, step), x, atol=1e-4, rtol=0)
    errors = [float((script.compressed(x, step * factor) - x).square().mean()) for factor in (1e4, 6e4, 3e5)]
    assert errors[0] < errors[1] < errors[2] < 0.01
    flat = script.compressed(x, torch.full((len(x), 1, 1, 1), 8.0)).unflatten(3, (-1, 8)).unflatten(2, (-1, 8))
    assert flat.std(dim=(3, 5)).max() < 1e-5  # so coarse that only the means of blocks are left


def test_blurring_keeps_the_mean_and_lowers_the_contrast(faces):
    x = pixels(faces.test)
    soft = script.blurred(x)
    torch.testing.assert_close(soft.mean(), x.mean(), atol=0.01, rtol=0)
    assert (soft[..., 1:] - soft[..., :-1]).abs().mean() < 0.8 * (x[..., 1:] - x[..., :-1]).abs().mean()
    point = torch.zeros(1, 3, 9, 9)
    point[:, :, 4, 4] = 1
    assert script.blurred(point)[0, 0, 4, 4] == pytest.approx(36 / 256)


def test_the_average_forgets_its_start():
    averages, now = [torch.zeros(3)], [torch.ones(3)]
    for step in range(1, 51):
        script.follow(averages, now, step)
    assert averages[0][0] > 0.99
