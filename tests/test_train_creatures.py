"""The script behind project 3's checkpoint: what it stores draws and encodes, and what it measures was held out."""

import numpy as np
import pytest
import torch
from torch import nn

from helpers import checkpoints, lessons, runtime
from helpers import train_creatures as script


@pytest.fixture(scope="module")
def lesson():
    return lessons.definitions(script.PROJECT, "pytorch")


@pytest.fixture
def small(monkeypatch):
    """Thin networks, few pictures and few samples to score."""
    for name, value in {"WIDTHS_G": (8, 8, 8), "WIDTHS_D": (8, 8, 8), "THEIRS": 90, "SCORED": 40}.items():
        monkeypatch.setattr(script, name, value)


def run(folder, steps=5):
    script.main(["--images", "60", "--steps", str(steps), "--folder", str(folder)])
    return checkpoints.load(script.NAME, folder)


def pair_of(lesson, state, how):
    """Generator and encoder with stored weights."""
    G, E = lesson.Generator(how["widths"][0]), lesson.Reader(how["widths"][1], how["latent_dim"], norm=True)
    checkpoints.set_state(pair := nn.ModuleList([G, E]), state)
    return pair.eval()


def test_the_stored_pair_draws_and_encodes(small, lesson, tmp_path):
    state, how = run(tmp_path)
    assert how["steps"] == how["steps_planned"] == 5 and how["device"]
    assert how["train_images"] == 60 and how["held_out_images"] == 90
    for words in ("CC0", "commercial use"):
        assert words in how["licence"]
    assert "Pablo Stanley" in how["attribution"] and "bottts" in how["data"] and "critters" in how["data"]
    G, E = pair_of(lesson, state, how)
    with torch.no_grad():
        pictures = G(torch.randn(3, how["latent_dim"]))
        assert pictures.shape == (3, 3, 32, 32) and pictures.abs().max() <= 1 and pictures.std() > 0
        assert E(pictures).shape == (3, how["latent_dim"])


def test_the_numbers_are_those_of_the_stored_weights(small, lesson, tmp_path):
    state, how = run(tmp_path)
    found = script.creatures(lesson, 60)
    go = runtime.start(script.PROJECT, track="pytorch")
    go.reseed()
    start = script.batches(go, lesson.AEGAN(go.prepare, script.WIDTHS_G, script.WIDTHS_D).average.eval(),
                           go.rng(16).standard_normal((40, how["latent_dim"])).astype(np.float32))  # fmt: skip
    changed = {key: -value if key.endswith("weight") else value for key, value in state.items()}
    same, other = (script.measured(go, pair_of(lesson, w, how), 0.5 * start + 0.5, found) for w in (state, changed))
    assert same == pytest.approx(how["numbers"], rel=1e-3)
    assert other["distance"] != pytest.approx(same["distance"], rel=1e-3)
    assert other["squared_error"] != pytest.approx(same["squared_error"], rel=1e-3)


def test_no_picture_of_the_notebook_is_trained_on(small, lesson, monkeypatch):
    theirs, kinds = lesson.drawn_creatures(90, 32)
    ours, _ = lesson.drawn_creatures(60, 32, seed=1)

    def drawn(n, side, seed=0):
        mixed = ours.copy()
        mixed[:7] = theirs[:7]  # as if the other seed had drawn seven of them again
        return (mixed, kinds[:60]) if seed else (theirs, kinds)

    monkeypatch.setattr(lesson, "drawn_creatures", drawn)
    found = script.creatures(lesson, 60)
    assert len(found.train) == 53 and len(found.test) == 90
    known = {picture.tobytes() for picture in theirs}
    assert not any(picture.tobytes() in known for picture in found.train.images)


def test_copies_are_counted_as_such(small, lesson):
    found = script.creatures(lesson, 60)
    go = runtime.start(script.PROJECT, track="pytorch")
    picture = 2 * torch.from_numpy(found.train.images[0] / np.float32(255)).permute(2, 0, 1) - 1

    class Copyist(nn.Module):
        """Draws the same training picture for any code."""

        project = nn.ConvTranspose2d(32, 1, 1)

        def forward(self, z):
            return picture.expand(len(z), 3, 32, 32)

    encoder = lesson.Reader(script.WIDTHS_D, 32, norm=True).eval()
    numbers = script.measured(go, nn.ModuleList([Copyist(), encoder]), found.test.images[:40] / 255, found)
    assert numbers["copies"] == 1
    assert numbers["untrained"] == 0  # "untrained" were the real pictures themselves


def test_what_is_learnt_before_an_interrupt_is_kept(small, tmp_path, lesson, monkeypatch):
    calls, whole = [], script.train

    def train(go, game, images, steps):
        step = game.step

        def stopping(*arguments):
            calls.append(1)
            if len(calls) == 4:
                raise KeyboardInterrupt
            return step(*arguments)

        monkeypatch.setattr(game, "step", stopping)
        return whole(go, game, images, steps)

    monkeypatch.setattr(script, "train", train)
    assert run(tmp_path)[1]["steps"] == 3
    assert sorted(file.name for file in tmp_path.iterdir()) == ["p3_creatures.json", "p3_creatures.safetensors"]
