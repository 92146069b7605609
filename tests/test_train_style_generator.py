"""The script behind lesson 7's checkpoint: it grows, and what it stores can be drawn with, also when it is stopped early."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from helpers import checkpoints, lessons, runtime, train_face_generator
from helpers import train_style_generator as script


@pytest.fixture
def small(monkeypatch):
    """Thin networks and few samples to score."""
    monkeypatch.setattr(script, "WIDTHS_G", (8, 8, 8, 8, 4))
    monkeypatch.setattr(script, "WIDTHS_D", (4, 8, 8, 8))
    monkeypatch.setattr(script, "BATCH", 4)
    monkeypatch.setattr(script, "SCORED", 16)
    monkeypatch.setattr(train_face_generator, "SCORED", 16)


def run(folder, *options):
    script.main(
        [
            "--images",
            "120",
            "--small-steps",
            "3",
            "--steps",
            "5",
            "--folder",
            str(folder),
            *options,
        ]
    )
    return checkpoints.load(script.NAME, folder)


def test_the_stored_generator_draws(small, tmp_path):
    state, how = run(tmp_path)
    assert (how["steps"], how["steps_of_stages"], how["batch"]) == (8, [3, 5], 4)
    assert how["train_images"] + how["held_out_images"] == 120
    assert how["licence"] and how["device"]
    assert set(how["numbers"]) == {"distance", "floor", "untrained", "share_of_the_way", "copies"}
    lesson = lessons.definitions(script.LESSON, "pytorch")
    generator = lesson.Generator(tuple(how["widths"]), how["latent_dim"], how["depth"])
    checkpoints.set_state(generator, state)
    images = lesson.draw(generator, lesson.to_w(generator, np.ones((2, how["latent_dim"]))), noise=0)
    assert images.shape == (2, 64, 64, 3)
    assert 0 <= images.min() < images.max() <= 1


def test_growing_keeps_every_layer_that_does_not_touch_the_pixels(small):
    lesson = lessons.definitions(script.LESSON, "pytorch")
    session = runtime.start(script.LESSON, track="pytorch")
    before = script.players(lesson, session, small=True, how=script.SMALL)
    steeper = SimpleNamespace(**vars(script.LARGE) | {"gamma": 2 * script.SMALL.gamma})
    after = script.grown(lesson, session, before, steeper)
    assert before.game.G.sides[-1] == 32 and after.game.G.sides[-1] == 64
    old, new = before.game.G.layers, after.game.G.layers
    w = torch.randn(2, script.LATENT)
    h_old, h_new = (model.start(2) for model in (before.game.G, after.game.G))
    for one, other in zip(old, new, strict=False):  # the new generator has two layers more
        h_old, h_new = one(h_old, w, None), other(h_new, w, None)
        assert torch.equal(h_old, h_new)
    maps = torch.randn(4, script.WIDTHS_D[1], 16, 16)
    judged = []
    for D, first in ((before.game.D, 1), (after.game.D, 2)):
        h = maps
        for down in D.downs[first:]:
            h = down(h)
        judged.append(D.out(D.hidden(D.conv(lesson.batch_spread(h)).permute(0, 2, 3, 1).flatten(1))))
    assert torch.equal(*judged)
    assert torch.equal(after.average.mapping.layers[3].weight, before.average.mapping.layers[3].weight)
    assert after.game.penalty == pytest.approx(2 * before.game.penalty)


def test_what_is_learnt_before_an_interrupt_is_kept(small, tmp_path, monkeypatch):
    real_play = script.play

    def play(*arguments):
        pair, calls = real_play(*arguments), []

        def stopping(*_, **__):
            calls.append(1)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return torch.zeros(2)

        monkeypatch.setattr(pair.game, "step", stopping)
        return pair

    monkeypatch.setattr(script, "play", play)
    how = run(tmp_path)[1]
    assert (how["steps_of_stages"], how["steps_planned"]) == ([2, 2], [3, 5])
    names = [f"{name}.{end}" for name in (script.NAME, script.PLAYERS) for end in ("json", "safetensors")]
    assert sorted(file.name for file in tmp_path.iterdir()) == names


def test_going_on_takes_up_the_players_and_counts_all_their_steps(small, tmp_path, monkeypatch):
    first = run(tmp_path)[0]
    facts = tmp_path / "07_stylegan.json"
    facts.write_text(json.dumps(json.loads(facts.read_text()) | {"minutes": 74.0}))
    game = checkpoints.load(script.PLAYERS, tmp_path)[0]
    taken, real_train = {}, script.train

    def train(lesson, session, pair, *rest):
        both = torch.nn.ModuleList([pair.game.G, pair.game.D])
        taken.update(
            average=checkpoints.state(pair.average), players=checkpoints.state(both), w=pair.game.w_mean.clone()
        )
        return real_train(lesson, session, pair, *rest)

    monkeypatch.setattr(script, "train", train)
    second, after = run(tmp_path, "--go-on", "--seed", "1")
    for kept, stored in ((taken["average"], first), (taken["players"], game)):
        assert kept.keys() == stored.keys() and all(np.array_equal(kept[key], stored[key]) for key in kept)
    assert taken["w"].abs().max() > 0
    assert (after["steps"], after["steps_of_stages"], after["steps_planned"], after["seed"]) == (
        13,
        [3, 5, 5],
        [3, 5, 5],
        1,
    )
    assert len(after["stages"]) == 3 and 74 <= after["minutes"] < 80
    assert any(not np.array_equal(first[key], second[key]) for key in first)
