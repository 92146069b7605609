"""The script behind lesson 8's checkpoint: what it stores paints in one pass, also when it is stopped early."""

import numpy as np
import pytest

from helpers import checkpoints, drawn_styles, lessons, runtime, style_networks
from helpers import train_style_decoder as script


@pytest.fixture
def small(monkeypatch):
    """Thin decoders, few and small pictures."""
    monkeypatch.setattr(script, "WIDTHS", (8, 8, 8, 6, 4))
    monkeypatch.setattr(script, "TRAINED_STYLES", ("waves", "halftone"))
    monkeypatch.setattr(script, "SEEDS", 1)
    monkeypatch.setattr(script, "STYLE_SIDE", 64)
    monkeypatch.setattr(script, "SIDE", 64)
    monkeypatch.setattr(script, "MEASURED_SIDE", 64)
    monkeypatch.setattr(script, "BATCH", 2)


def test_the_stored_decoder_paints(small, tmp_path):
    script.main(["--steps", "2", "--folder", str(tmp_path)])
    state, how = checkpoints.load(script.NAME, tmp_path)
    assert (how["steps"], how["batch"], how["side"]) == (2, 2, 64)
    assert (how["train_images"], how["held_out_images"]) == (4, 2)
    assert "coffee" in how["attribution"] and "hubble" not in how["attribution"]
    assert how["channels"] == [16, 24, 40, 112] and all(scale > 0 for scale in how["scales"])
    assert how["numbers"].keys() == {"content_loss", "style_loss", "style_loss_of_photographs", "untrained"}
    lesson = lessons.definitions(script.LESSON, "pytorch")
    decoder = lesson.Decoder(how["channels"], how["widths"], how["scales"])
    checkpoints.set_state(decoder, state)
    run = runtime.start(script.LESSON, track="pytorch")
    net = style_networks.load(how["network"], framework="pytorch")
    transfer = lesson.StyleTransfer(net, [layer.name for layer in net.layers])
    content, style = (run.tensor(drawn_styles.draw(name, 64)[None] / np.float32(255)) for name in ("waves", "neon"))
    result = run.numpy(lesson.FastTransfer(transfer, decoder, how["joined"]).stylise(content, style))
    assert result.shape == (1, 64, 64, 3)
    assert 0 <= result.min() < result.max() <= 1


def test_training_moves_the_weights_and_lowers_the_losses(small):
    lesson = lessons.definitions(script.LESSON, "pytorch")
    run = runtime.start(script.LESSON, track="pytorch")
    images = script.photographs().test.images, script.drawings(("waves",), seeds=1)
    pair = script.player(lesson, run, images[0])
    before = script.measured(lesson, run, pair.fast)
    assert script.train(lesson, run, pair.fast, images, steps=25) == 25
    after = script.measured(lesson, run, pair.fast)
    assert after["style_loss"] < before["style_loss"]


def test_held_out_pictures_are_not_trained_on():
    assert not set(script.TRAINED_PHOTOS) & set(script.HELD_OUT_PHOTOS)
    assert not set(script.TRAINED_STYLES) & set(script.HELD_OUT_STYLES)
    assert set(script.TRAINED_STYLES) | set(script.HELD_OUT_STYLES) == set(drawn_styles.NAMES)


def test_stopped_early_it_says_how_far_it_came(small, monkeypatch):
    lesson = lessons.definitions(script.LESSON, "pytorch")
    run = runtime.start(script.LESSON, track="pytorch")
    images = script.photographs().test.images, script.drawings(("waves",), seeds=1)
    pair = script.player(lesson, run, images[0])
    step, calls = pair.fast.step, []

    def stops(*arguments):
        calls.append(0)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(pair.fast, "step", stops)
    assert script.train(lesson, run, pair.fast, images, steps=9) == 2
