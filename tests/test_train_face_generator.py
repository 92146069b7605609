"""The script behind lesson 5's checkpoint: what it stores can be loaded and drawn with, also when it is stopped early."""

import json

import numpy as np
import pytest

from helpers import checkpoints, lessons
from helpers import train_face_generator as script


@pytest.fixture
def small(monkeypatch):
    """Thin networks and few samples to score."""
    monkeypatch.setattr(script, "WIDTHS_G", (8, 8, 8, 8))
    monkeypatch.setattr(script, "WIDTHS_D", (8, 8, 8, 8))
    monkeypatch.setattr(script, "SCORED", 16)


def run(folder, *options):
    script.main(["--images", "200", "--steps", "9", "--folder", str(folder), *options])
    return checkpoints.load(script.NAME, folder)


def test_the_stored_generator_draws(small, tmp_path):
    state, how = run(tmp_path)
    assert how["steps"] == how["steps_planned"] == 9
    assert how["train_images"] + how["held_out_images"] == 200
    assert how["licence"] and how["device"]
    assert set(how["numbers"]) == {"distance", "floor", "untrained", "share_of_the_way", "copies"}
    lesson = lessons.definitions(script.LESSON, "pytorch")
    generator = lesson.make_generator(tuple(how["widths"]), how["latent_dim"])
    checkpoints.set_state(generator, state)
    images = lesson.generate(generator, np.zeros((2, how["latent_dim"]), np.float32))
    assert images.shape == (2, 64, 64, 3)
    assert 0 <= images.min() < images.max() <= 1


def test_what_is_learnt_before_an_interrupt_is_kept(small, tmp_path, monkeypatch):
    calls = []

    def stopping(pair, *arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return 0.0, 0.0

    real_players = script.players

    def players(lesson, run):
        pair = real_players(lesson, run)
        monkeypatch.setattr(pair.game, "step", lambda *arguments, **more: stopping(pair, *arguments))
        return pair

    monkeypatch.setattr(script, "players", players)
    assert run(tmp_path)[1]["steps"] == 3
    assert sorted(file.name for file in tmp_path.iterdir() if file.is_file()) == [
        "05_dcgan.json",
        "05_dcgan.safetensors",
    ]
    assert json.loads((tmp_path / "05_dcgan.json").read_text(encoding="utf-8"))["steps_planned"] == 9


def test_nearest_is_the_root_of_the_mean_squared_difference():
    pool = np.zeros((2, 4, 4, 3))
    pool[1] = 1
    np.testing.assert_allclose(script.nearest(np.full((1, 4, 4, 3), 0.75), pool), [0.25])
