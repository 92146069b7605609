"""Weights travel between the frameworks and to disk without a change; damaged files are named."""

import json

import numpy as np
import pytest

from helpers import checkpoints


@pytest.fixture(scope="module")
def torch_model():
    import torch
    from torch import nn

    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, kernel_size=3, stride=2, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Sequential(nn.ConvTranspose2d(8, 5, kernel_size=3, stride=2, padding=1, output_padding=1), nn.ReLU()),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(5, 4),
    )
    model(torch.rand(16, 3, 8, 8))  # moves the running statistics away from their start
    return model.eval()


def keras_model():
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.ZeroPadding2D(1),
            layers.Conv2D(8, 3, strides=2, padding="valid"),
            layers.BatchNormalization(epsilon=1e-5),
            layers.ReLU(),
            keras.Sequential(
                [
                    keras.Input((4, 4, 8)),
                    layers.Conv2DTranspose(5, 3, strides=2, padding="valid", output_padding=1),
                    layers.Cropping2D(1),
                    layers.ReLU(),
                ]
            ),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4),
        ]
    )


def test_torch_to_keras_same_output_and_back(torch_model):
    import torch

    weights = checkpoints.state(torch_model)
    model = keras_model()
    checkpoints.set_state(model, weights)
    x = np.random.default_rng(0).random((6, 8, 8, 3), dtype=np.float32)
    with torch.no_grad():
        expected = torch_model(torch.from_numpy(x).permute(0, 3, 1, 2)).numpy()
    assert np.abs(model(x, training=False).numpy() - expected).max() < 1e-5
    back = checkpoints.state(model)
    assert list(back) == list(weights)
    assert all(np.array_equal(back[key], weights[key]) for key in weights)


def test_saved_and_loaded_unchanged(torch_model, tmp_path):
    checkpoints.save("model", torch_model, folder=tmp_path, seed=3, profile="quick")
    weights, info = checkpoints.load("model", folder=tmp_path)
    assert info["seed"] == 3 and info["tensors"]["000.weight"] == [8, 3, 3, 3]
    assert all(np.array_equal(weights[key], value) for key, value in checkpoints.state(torch_model).items())
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.json", "model.safetensors"]


def test_flipped_byte_is_named(torch_model, tmp_path):
    path = checkpoints.save("model", torch_model, folder=tmp_path)
    blob = bytearray(path.read_bytes())
    blob[-5] ^= 1
    path.write_bytes(blob)
    with pytest.raises(checkpoints.CheckpointError, match="damaged"):
        checkpoints.load("model", folder=tmp_path)


def test_broken_json_and_missing_file_are_named(torch_model, tmp_path):
    path = checkpoints.save("model", torch_model, folder=tmp_path)
    path.with_suffix(".json").write_text("{")
    with pytest.raises(checkpoints.CheckpointError, match="model.json"):
        checkpoints.load("model", folder=tmp_path)
    with pytest.raises(checkpoints.CheckpointError, match="the checkpoints are: model"):
        checkpoints.load("other", folder=tmp_path)


def test_wrong_shape_changes_nothing(torch_model):
    weights = checkpoints.state(torch_model)
    wrong = {**weights, "003.weight": np.zeros((4, 6), np.float32)}
    wrong["000.weight"] = weights["000.weight"] + 1
    with pytest.raises(checkpoints.CheckpointError, match=r"003\.weight.*\(4, 6\).*\(4, 5\)"):
        checkpoints.set_state(torch_model, wrong)
    assert np.array_equal(checkpoints.state(torch_model)["000.weight"], weights["000.weight"])


def test_missing_and_left_over_tensors_are_named(torch_model):
    weights = checkpoints.state(torch_model)
    del weights["000.bias"]
    with pytest.raises(checkpoints.CheckpointError, match=r"000\.bias"):
        checkpoints.set_state(torch_model, {**weights, "009.weight": np.zeros(1)})


def test_values_json_cannot_hold_leave_no_file(torch_model, tmp_path):
    with pytest.raises(TypeError):
        checkpoints.save("model", torch_model, folder=tmp_path, metrics=np.zeros(3))
    assert list(tmp_path.iterdir()) == []


def test_committed_checkpoints_load_and_say_how_they_were_made():
    files = sorted(checkpoints.FOLDER.glob("*.safetensors"))
    assert files, "no committed checkpoint found"
    for file in files:
        weights, info = checkpoints.load(file.stem)
        assert weights and {"data", "seed", "device", "minutes"} <= set(info), file.name
    assert sum(file.stat().st_size for file in files) < 40e6
    assert all(json.loads(f.with_suffix(".json").read_text())["sha256"] for f in files)
