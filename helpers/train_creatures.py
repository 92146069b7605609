"""Train project 3's autoencoding GAN for longer, and store its generator and encoder for the project to show.

Run it with `python -m helpers.train_creatures`.

The networks, the losses and the training step are those of the project's notebook; this script adds wider networks, more
pictures and more steps. It trains on creatures of another seed than the notebook's, less those that the notebook can
draw too, so that every picture of the notebook is a held-out one. At the end it measures the Fréchet distance
(EfficientNet-Lite0) of 2,000 samples on the scale from an untrained generator to real creatures, the squared error of
reconstructed held-out pictures, and copies. Stopped early (Ctrl+C), it measures and stores what it has.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from helpers import data, data_types, features, lessons, metrics, runtime, training_records
from helpers.progress import Progress
from helpers.train_face_generator import nearest

NAME, PROJECT, RESOLUTION = "p3_creatures", "p3_creatures", 32
WIDTHS_G, WIDTHS_D = (128, 64, 32), (32, 64, 128)
BATCH, PEAK_RATE = 16, 2e-3
THEIRS, SCORED = 17_000, 2_000  # pictures that the notebook may draw, in `full`; pictures on each side of a distance


def creatures(lesson: Any, n: int) -> data_types.Dataset:
    """n creatures to train on, from another seed; for testing those of the notebook, none of which is in both."""
    parts = [data.load("characters", style=kind, n=9, resolution=RESOLUTION, quiet=True) for kind in lesson.KINDS]
    theirs, _ = lesson.drawn_creatures(THEIRS, RESOLUTION)
    ours, _ = lesson.drawn_creatures(n, RESOLUTION, seed=1)
    known = {picture.tobytes() for picture in theirs}
    fresh = np.array([picture.tobytes() not in known for picture in ours])
    rng = np.random.default_rng(0)
    return data_types.Dataset(
        "characters",
        "embedded",
        data_types.Split(rng.permutation(ours[fresh])),
        data_types.Split(rng.permutation(theirs)),
        [],
        source="; ".join(part.source for part in parts),
        licence="; ".join(part.licence for part in parts),
        attribution="; ".join(part.attribution for part in parts),
    )


def train(run: runtime.Run, game: Any, images: np.ndarray, steps: int) -> int:
    """Train on uint8 pictures (N, 32, 32, 3); returns the steps done, fewer than asked for after Ctrl+C."""
    codes, rng, losses = run.rng(14), run.rng(15), np.zeros(6)
    done = 0
    try:
        for done in (bar := Progress(range(steps), "training the autoencoding GAN")):
            x = 2 * run.tensor(images[rng.integers(0, len(images), BATCH)]) - 1
            z = run.tensor(codes.standard_normal((BATCH, game.G.project.in_channels)).astype(np.float32))
            rate = PEAK_RATE * min(1.0, max(0.02, (1 - done / steps) / 0.7))  # falls after 30 % of the steps
            losses = 0.99 * losses + 0.01 * run.numpy(game.step(x, z, rate))
            if done % 500 == 0:
                bar.note("D_x {:.2f}, D_z {:.2f}, pictures {:.3f}, codes {:.3f}".format(*losses[[0, 1, 4, 5]]))
    except KeyboardInterrupt:
        return done
    return steps


def as_trained(game: Any) -> nn.ModuleList:
    """What is stored: the averaged generator, then the averaged encoder."""
    return nn.ModuleList([game.average, game.average_E]).eval()


def batches(run: runtime.Run, model: nn.Module, values: np.ndarray) -> np.ndarray:
    """A network on values (N, …), 500 at a time, without gradients → NumPy."""
    with torch.no_grad():
        parts = [run.numpy(model(run.tensor(values[i : i + 500]))) for i in range(0, len(values), 500)]
    return np.concatenate(parts)


def measured(run: runtime.Run, pair: nn.ModuleList, start: np.ndarray, found: data_types.Dataset) -> dict[str, float]:
    """Scores of generator and encoder (pair) on held-out pictures; `start` are samples of the untrained generator.

    Fréchet distances are those of EfficientNet-Lite0; the squared error is in units of pixels in 0 … 1.
    """
    G, E = pair
    real = found.test.images[:SCORED]
    again = found.test.images[SCORED : 2 * SCORED]
    codes = run.rng(17).standard_normal((len(real), G.project.in_channels)).astype(np.float32)
    samples = 0.5 * batches(run, G, codes) + 0.5
    rebuilt = 0.5 * batches(run, G, batches(run, E, 2 * (real / np.float32(255)) - 1)) + 0.5
    of_real, *others = (features.efficientnet_features(images) for images in (real, again, start, samples))
    floor, untrained, distance = (metrics.frechet_distance(seen, of_real) for seen in others)
    pool = found.train.images / np.float32(255)
    held_out, drawn = (nearest(images[:500], pool) for images in (real / np.float32(255), samples))
    return {
        "distance": round(distance, 1),
        "floor": round(floor, 1),
        "untrained": round(untrained, 1),
        "share_of_the_way": round((untrained - distance) / (untrained - floor), 4),
        "squared_error": round(float(np.square(rebuilt - real / 255).mean()), 5),
        "copies": float((drawn < held_out.min()).mean()),
    }


def main(arguments: list[str] | None = None) -> None:
    """Train, measure and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=15_000)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, default=None, help="where the weights go (default: beside the package)")
    chosen = parser.parse_args(arguments)
    run = runtime.start(PROJECT, track="pytorch")
    lesson = lessons.definitions(PROJECT, "pytorch")
    found = creatures(lesson, chosen.images)
    run.reseed()
    game = lesson.AEGAN(run.prepare, WIDTHS_G, WIDTHS_D)
    pair = as_trained(game)
    start = 0.5 * batches(run, pair[0], run.rng(16).standard_normal((SCORED, lesson.LATENT)).astype(np.float32)) + 0.5
    began = time.perf_counter()
    steps = train(run, game, found.train.images, chosen.steps)
    minutes = (time.perf_counter() - began) / 60
    numbers = measured(run, pair.eval(), start, found)
    print(f"{steps:,} steps in {minutes:.0f} minutes: {numbers}")
    training_records.store(
        NAME,
        pair,
        found,
        chosen.folder,
        what="averaged generator and encoder of project 3's autoencoding GAN, 32×32",
        script=__file__,
        minutes=minutes,
        run=run,
        steps=steps,
        steps_planned=chosen.steps,
        batch=BATCH,
        peak_rate=PEAK_RATE,
        widths=[list(WIDTHS_G), list(WIDTHS_D)],
        latent_dim=lesson.LATENT,
        numbers=numbers,
    )


if __name__ == "__main__":
    main()
