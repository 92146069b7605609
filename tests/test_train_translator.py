"""The script behind lesson 6's checkpoint: what it stores can be loaded and drawn with, also when it is stopped early."""

import numpy as np
import pytest

from helpers import checkpoints, data, lessons
from helpers import train_translator as script


@pytest.fixture
def small(monkeypatch):
    """Thin networks, small pictures and few pairs to score."""
    for name, value in {"WIDTH": 8, "BLOCKS": 1, "DETAIL": 4, "WIDTH_D": 4, "LAYERS_D": 1, "RESOLUTION": 32}.items():
        monkeypatch.setattr(script, name, value)
    whole = data.load_domains
    monkeypatch.setattr(data, "load_domains", lambda name, **how: whole(name, n=16, n_test=24, quiet=True, **how))


def run(folder, steps=5):
    script.main(["--steps", str(steps), "--folder", str(folder)])
    return checkpoints.load(script.NAME, folder)


def test_the_stored_translators_draw(small, tmp_path):
    state, how = run(tmp_path)
    assert how["steps"] == how["steps_planned"] == 5
    assert how["train_images"] == [16, 16] and how["held_out_pairs"] == 24
    assert "CC BY-SA 4.0" in how["licence"] and "OpenMoji" in how["attribution"] and how["device"]
    lesson = lessons.definitions(script.LESSON, "pytorch")
    pictures = data.load_domains("emoji", resolution=32).test_a.images
    for way in ("ab", "ba"):
        translator = lesson.make_generator(how["width"], how["blocks"], how["detail"])
        checkpoints.set_state(translator, lesson.unpacked(state, way))
        images = lesson.translate(translator, pictures)
        assert images.shape == pictures.shape
        assert 0 <= images.min() < images.max() <= 1


def test_the_numbers_are_those_of_the_stored_weights(small, tmp_path):
    state, how = run(tmp_path)
    numbers = how["numbers"]
    assert 0 < numbers["pairs"] < 24
    for way in ("ab", "ba"):
        share = 1 - numbers[f"distance_{way}"] / numbers["identity"]
        assert numbers[f"less_than_identity_{way}"] == pytest.approx(share, abs=2e-4)
    changed = {key: value + 1 if key == "ab.004.bias" else value for key, value in state.items()}
    lesson = lessons.definitions(script.LESSON, "pytorch")
    pair = script.players(lesson, script.runtime.start(script.LESSON, track="pytorch"))
    domains = data.load_domains("emoji", resolution=32)
    results = []
    for weights in (state, changed):
        checkpoints.set_state(pair.to_b, lesson.unpacked(weights, "ab"))
        checkpoints.set_state(pair.to_a, lesson.unpacked(weights, "ba"))
        results.append(script.measured(lesson, pair, domains))
    assert results[0] == numbers
    assert results[1] != numbers


def test_what_is_learnt_before_an_interrupt_is_kept(small, tmp_path, monkeypatch):
    real_players = script.players

    def players(lesson, run):
        pair, calls = real_players(lesson, run), []
        step = pair.game.step

        def stopping(*arguments, **more):
            calls.append(1)
            if len(calls) == 4:
                raise KeyboardInterrupt
            return step(*arguments, **more)

        monkeypatch.setattr(pair.game, "step", stopping)
        return pair

    monkeypatch.setattr(script, "players", players)
    assert run(tmp_path)[1]["steps"] == 3
    assert sorted(file.name for file in tmp_path.iterdir() if file.is_file()) == [
        "06_cyclegan.json",
        "06_cyclegan.safetensors",
    ]


def test_batches_are_whole_pictures_or_their_mirror_images():
    images = np.arange(6 * 4 * 4 * 3, dtype=np.uint8).reshape(6, 4, 4, 3)
    known = {image.tobytes() for image in (*images, *images[:, :, ::-1])}
    rng = np.random.default_rng(0)
    seen = {image.tobytes() for _ in range(60) for image in script.drawn(images, rng)}
    assert seen == known
