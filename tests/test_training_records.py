"""The facts beside stored weights: the same ones from every script, of one set of images or of two domains."""

from types import SimpleNamespace

import numpy as np
import pytest

from helpers import checkpoints, training_records

FACTS = {
    "name": "toys",
    "variant": "embedded",
    "source": "the package toys",
    "sha256": "ab12",
    "licence": "CC0",
    "attribution": "drawn by nobody",
}
ONE = SimpleNamespace(**FACTS, train=[0] * 9, test=[0])
TWO = SimpleNamespace(**FACTS, train_a=[0] * 5, train_b=[0] * 4, test_a=[0] * 2, test_b=[0] * 3, paired=False)
WEIGHTS = {"000.weight": np.ones((2, 3), np.float32)}


def stored(folder, dataset, **how):
    path = training_records.store(
        "toy", WEIGHTS, dataset, folder, what="a toy", script="/anywhere/train_toy.py", minutes=1.23456, **how
    )
    assert path == folder / "toy.safetensors"
    state, info = checkpoints.load("toy", folder)
    assert np.array_equal(state["000.weight"], WEIGHTS["000.weight"])
    return info


def test_what_was_trained_on_what_by_what(tmp_path):
    info = stored(tmp_path, ONE, seed=5, numbers={"distance": 2.5})
    assert info["what"] == "a toy" and info["trained_by"] == "helpers/train_toy.py"
    assert info["data"] == "toys (embedded): the package toys" and info["data_sha256"] == "ab12"
    assert info["licence"] == "CC0" and info["attribution"] == "drawn by nobody"
    assert info["train_images"] == 9 and info["held_out_images"] == 1
    assert info["seed"] == 5 and info["numbers"] == {"distance": 2.5} and info["minutes"] == 1.23
    assert info["device"].startswith("cpu, ") and info["framework"].startswith("PyTorch 2.")


def test_two_domains_are_counted_by_side_and_by_pair(tmp_path):
    info = stored(tmp_path, TWO, seed=0)
    assert info["train_images"] == [5, 4] and info["held_out_images"] == [2, 3] and "held_out_pairs" not in info
    paired = SimpleNamespace(**vars(TWO) | {"paired": True, "test_b": [0] * 2})
    info = stored(tmp_path, paired, seed=0)
    assert info["held_out_pairs"] == 2 and "held_out_images" not in info


def test_a_run_gives_seed_device_and_framework(tmp_path):
    report = {"seed": 3, "device": "a fast one", "framework": "PyTorch 9", "numbers": {"other": 1}, "seconds": 5}
    info = stored(tmp_path, ONE, run=SimpleNamespace(report=lambda: report))
    assert (info["seed"], info["device"], info["framework"]) == (3, "a fast one", "PyTorch 9")
    assert "numbers" not in info and "seconds" not in info


def test_a_record_without_seed_is_refused(tmp_path):
    with pytest.raises(TypeError, match="seed"):
        stored(tmp_path, ONE)
    assert list(tmp_path.iterdir()) == []
