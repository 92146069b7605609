"""Train lesson 8's decoder for longer, on more styles, and store its weights for the lesson to paint with in one pass.

Run it with `python -m helpers.train_style_decoder`.

The network, the losses and the training step are those of the lesson's notebook (PyTorch); this script adds more steps and
more styles. Two photographs and two styles are held out; the stored numbers are the three losses on them, beside those of
the untrained decoder. Stopped early (Ctrl+C), it measures and stores what it has.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from helpers import data, drawn_styles, lessons, runtime, style_networks, training_records
from helpers.pictures import crops
from helpers.progress import Progress

NAME = LESSON = "08_style_transfer"
NETWORK = "efficientnet-lite0"
JOINED, WIDTHS = ("stage 1", "stage 2", "stage 3", "stage 5"), (64, 48, 32, 24, 16)
TRAINED_PHOTOS, HELD_OUT_PHOTOS = ("china", "flower", "astronaut", "rocket"), ("coffee", "chelsea")
HELD_OUT_STYLES = ("scales", "neon")
TRAINED_STYLES = tuple(name for name in drawn_styles.NAMES if name not in HELD_OUT_STYLES)
SEEDS, STYLE_SIDE = 4, 256  # drawings of each style, and their side in pixels
BATCH, SIDE, RATE, WARM = 4, 96, 2e-3, 50
CONTENT_SHARES, STYLE_SHARES = (0.3, 1.0), (0.35, 0.9)  # a square's side as a share of the picture's shorter one
CONTENT_LAYER, STYLE_LAYERS, STYLE_WEIGHT, SMOOTHNESS = "stage 7", 6, 5.0, 3.0
MEASURED_SIDE = 128


def photographs() -> data.Dataset:
    """The photographs in use: those trained on, and as its test those held out."""
    every = data.load("photos", quiet=True)
    train, test = ([every.class_names.index(name) for name in names] for names in (TRAINED_PHOTOS, HELD_OUT_PHOTOS))
    credits = every.attribution.split("; ")
    return dataclasses.replace(
        every,
        train=every.train.take(train),
        test=every.train.take(test),
        attribution="; ".join(credits[i] for i in train + test),
    )


def drawings(styles: tuple[str, ...], seeds: int) -> list[np.ndarray]:
    """Drawings (256, 256, 3) of these styles, uint8."""
    return [drawn_styles.draw(name, STYLE_SIDE, seed=seed) for name in styles for seed in range(seeds)]


def scales(lesson: Any, run: runtime.Run, transfer: Any, images: list[np.ndarray]) -> tuple[float, ...]:
    """The root mean square of each joined map over random squares of the images."""
    squares = run.tensor(crops(images, 24, SIDE, CONTENT_SHARES, run.rng(16)))
    maps = dict(zip(transfer.layers, transfer.content(squares), strict=True))
    return tuple(float(np.sqrt(np.mean(run.numpy(maps[layer]) ** 2))) for layer in JOINED)


def player(lesson: Any, run: runtime.Run, images: list[np.ndarray]) -> SimpleNamespace:
    """A new decoder with the network that judges it, and the scales that it divides maps by."""
    net = style_networks.load(NETWORK, framework="pytorch")
    transfer = lesson.StyleTransfer(net, [layer.name for layer in net.layers])
    channels = {layer.name: layer.channels for layer in net.layers}
    sizes = scales(lesson, run, transfer, images)
    decoder = run.prepare(lesson.Decoder([channels[layer] for layer in JOINED], WIDTHS, sizes))
    return SimpleNamespace(fast=lesson.FastTransfer(transfer, decoder, JOINED), scales=sizes)


def targets(lesson: Any, run: runtime.Run, fast: Any, content: np.ndarray, style: np.ndarray) -> Any:
    """What the results are measured by: the lesson's targets for pairs of images (N, H, W, 3) in [0, 1]."""
    style_layers = fast.transfer.layers[:STYLE_LAYERS]
    weights = dict.fromkeys(style_layers, STYLE_WEIGHT / STYLE_LAYERS)
    return lesson.make_targets(run, fast.transfer, content, [style], {CONTENT_LAYER: 1.0}, weights, SMOOTHNESS)


def train(lesson: Any, run: runtime.Run, fast: Any, images: tuple[list, list], steps: int) -> int:
    """Train on random squares; returns the steps done, fewer than asked for after Ctrl+C."""
    contents, styles = images
    rng, losses, done, weights = run.rng(14), np.zeros(3), 0, None
    try:
        for done in (bar := Progress(range(steps), "training the decoder")):
            content = crops(contents, BATCH, SIDE, CONTENT_SHARES, rng)
            style = crops(styles, BATCH, SIDE, STYLE_SHARES, rng)
            if weights is None:
                weights = targets(lesson, run, fast, content, style)
            rate = RATE * min(1.0, (done + 1) / WARM, 0.02 + (1 - done / steps) / 0.6)
            now = fast.step(run.tensor(content), run.tensor(style), weights, rate)
            losses = 0.99 * losses + 0.01 * run.numpy(now)
            if done % 100 == 0:
                bar.note("content {:.2f}, style {:.2f}, tv {:.3f}".format(*losses))
    except KeyboardInterrupt:
        return done
    return steps


def measured(lesson: Any, run: runtime.Run, fast: Any) -> dict[str, float]:
    """The mean losses on held-out photographs in held-out styles; the style loss without its weight."""
    rng = run.rng(15)
    content = crops(photographs().test.images, 8, MEASURED_SIDE, (0.8, 1.0), rng)
    style = crops(drawings(HELD_OUT_STYLES, seeds=2), 8, MEASURED_SIDE, (0.5, 0.9), rng)
    aims = targets(lesson, run, fast, content, style)
    photos, result = run.tensor(content), fast.stylise(run.tensor(content), run.tensor(style))
    before, losses = (run.numpy(fast.transfer.losses(x, aims).detach()).mean(axis=1) for x in (photos, result))
    return {
        "content_loss": round(float(losses[0]), 3),
        "style_loss": round(float(losses[1]) / STYLE_WEIGHT, 3),
        "style_loss_of_photographs": round(float(before[1]) / STYLE_WEIGHT, 3),
    }


def main(arguments: list[str] | None = None) -> None:
    """Train, measure and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=9_000)
    parser.add_argument("--folder", type=Path, default=None, help="where the weights go (default: beside the package)")
    chosen = parser.parse_args(arguments)
    run = runtime.start(LESSON, track="pytorch")
    lesson = lessons.definitions(LESSON, "pytorch")
    photos = photographs()
    images = photos.train.images, drawings(TRAINED_STYLES, SEEDS)
    run.reseed()
    pair = player(lesson, run, images[0])
    untrained = measured(lesson, run, pair.fast)
    began = time.perf_counter()
    steps = train(lesson, run, pair.fast, images, chosen.steps)
    minutes = (time.perf_counter() - began) / 60
    numbers = measured(lesson, run, pair.fast)
    print(f"{steps} steps in {minutes:.0f} minutes: {numbers}; untrained {untrained}")
    training_records.store(
        NAME,
        pair.fast.decoder,
        photos,
        chosen.folder,
        what="decoder of lesson 8 for style transfer in one pass",
        script=__file__,
        minutes=minutes,
        run=run,
        steps=steps,
        steps_planned=chosen.steps,
        batch=BATCH,
        side=SIDE,
        peak_rate=RATE,
        network=NETWORK,
        joined=list(JOINED),
        channels=[layer.channels for layer in pair.fast.transfer.net.layers if layer.name in JOINED],
        widths=list(WIDTHS),
        scales=[round(scale, 6) for scale in pair.scales],
        photos=list(TRAINED_PHOTOS),
        styles=list(TRAINED_STYLES),
        drawings_of_each_style=SEEDS,
        numbers=numbers | {"untrained": untrained},
    )


if __name__ == "__main__":
    main()
