"""The script behind lesson 7's checkpoint: what it stores can be drawn with, also when it is stopped early, and gone on with."""

import json

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
    monkeypatch.setattr(script.FIRST, "batch", 4)
    monkeypatch.setattr(script.LATER, "batch", 8)
    monkeypatch.setattr(script, "SCORED", 16)
    monkeypatch.setattr(train_face_generator, "SCORED", 16)


def run(folder, *options):
    script.main(["--images", "120", "--steps", "5", "--folder", str(folder), *options])
    return checkpoints.load(script.NAME, folder)


def test_the_stored_generator_draws(small, tmp_path):
    state, how = run(tmp_path)
    assert (how["steps"], how["steps_of_stages"], how["faces_seen"]) == (5, [5], 20)
    assert how["stages"][0]["batch"] == 4
    assert how["train_images"] + how["held_out_images"] == 120
    assert how["licence"] and how["device"]
    assert set(how["numbers"]) == {"distance", "floor", "untrained", "share_of_the_way", "copies"}
    lesson = lessons.definitions(script.LESSON, "pytorch")
    generator = lesson.Generator(tuple(how["widths"]), how["latent_dim"], how["depth"], layer=lesson.flat_layer)
    checkpoints.set_state(generator, state)
    images = lesson.draw(generator, lesson.to_w(generator, np.ones((2, how["latent_dim"]))), noise=0)
    assert images.shape == (2, 64, 64, 3)
    assert 0 <= images.min() < images.max() <= 1


def test_the_rate_starts_gently_stays_and_falls(small, monkeypatch):
    lesson = lessons.definitions(script.LESSON, "pytorch")
    session = runtime.start(script.LESSON, track="pytorch")
    pair = script.players(lesson, session, script.FIRST)
    assert pair.game.penalty == pytest.approx(script.EVERY * script.FIRST.gamma / 2)
    rates, penalised = [], []

    def step(real, z, cut, rate, penalise):
        rates.append(rate / script.FIRST.rate)
        penalised.append(penalise)
        return torch.zeros(2)

    monkeypatch.setattr(pair.game, "step", step)
    monkeypatch.setattr(lesson, "follow", lambda *_: None)
    images = np.zeros((4, 64, 64, 3), np.uint8)
    assert script.train(lesson, session, pair, images, 1000, script.FIRST) == 1000
    assert rates[0] == pytest.approx(1 / script.WARM) and rates[script.WARM - 1] == 1 == rates[300]
    assert rates[650] == pytest.approx(0.5) and rates[-1] == pytest.approx(0.02)
    assert np.flatnonzero(penalised).tolist() == list(range(0, 1000, script.EVERY))
    rates.clear()
    assert script.LATER.rate == script.FIRST.rate and script.LATER.hold == 1
    script.train(lesson, session, pair, images, 300, script.LATER)
    assert rates[0] == pytest.approx(1 / script.WARM) and set(rates[script.WARM - 1 :]) == {1.0}


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
    assert (how["steps_of_stages"], how["steps_planned"]) == ([2], [5])
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
    told = [after[name] for name in ("steps", "steps_of_stages", "steps_planned", "faces_seen", "seed")]
    assert told == [10, [5, 5], [5, 5], 60, 1]
    assert len(after["stages"]) == 2 and 74 <= after["minutes"] < 80
    assert any(not np.array_equal(first[key], second[key]) for key in first)
