"""Train lesson 5's generator for longer, at 64×64, and store its weights for the lesson to show.

Run it with `python -m helpers.train_face_generator`.

The networks, the losses and the training step are those of the lesson's notebook (PyTorch); this script adds a larger
set of drawn faces, more steps and, at the end, the lesson's measures: the Fréchet distance (EfficientNet-Lite0) of 2,000
samples on the scale from an untrained generator to real faces, and the distance of samples to their nearest training
faces beside that of held-out faces. Stopped early (Ctrl+C), it measures and stores what it has.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from helpers import checkpoints, data, features, lessons, metrics, runtime, training_records
from helpers.progress import Progress

NAME, LESSON, RESOLUTION, LATENT = "05_dcgan", "05_dcgan", 64, 64
WIDTHS_G, WIDTHS_D = (128, 96, 48, 24), (24, 48, 64, 96)
BATCH, PEAK_RATE, GAMMA, EVERY, DECAY = 16, 2e-3, 0.5, 8, 0.998
SCORED = 2000


def players(lesson: Any, run: runtime.Run) -> SimpleNamespace:
    """The two players in their game, and the generator that follows by running average."""
    G, D, average = (
        run.prepare(model)
        for model in (
            lesson.make_generator(WIDTHS_G, LATENT),
            lesson.make_discriminator(WIDTHS_D),
            lesson.make_generator(WIDTHS_G, LATENT),
        )
    )
    game = lesson.Game(G, D, penalty=EVERY * GAMMA / 2)
    checkpoints.set_state(average, checkpoints.state(G))
    return SimpleNamespace(game=game, average=average)


def train(lesson: Any, run: runtime.Run, pair: SimpleNamespace, images: np.ndarray, steps: int) -> int:
    """Train on uint8 images (N, 64, 64, 3); returns the steps done, fewer than asked for after Ctrl+C."""
    codes, rng, losses = run.rng(14), run.rng(15), np.zeros(2)
    ones, zeros = run.tensor(np.ones(BATCH, np.float32)), run.tensor(np.zeros(BATCH, np.float32))
    done = 0
    try:
        for done in (bar := Progress(range(steps), "training the face generator")):
            real = 2 * run.tensor(images[rng.integers(0, len(images), BATCH)]) - 1
            rate = PEAK_RATE * min(1.0, max(0.02, (1 - done / steps) / 0.7))  # falls after 30 % of the steps
            z = run.tensor(codes.standard_normal((BATCH, LATENT)))
            now = pair.game.step(real, z, np.float32(rate), ones, zeros, penalise=done % EVERY == 0)
            losses = 0.99 * losses + 0.01 * np.array([float(part) for part in now])
            lesson.follow(pair.average, pair.game.G, min(DECAY, (1 + done) / (10 + done)))
            if done % 500 == 0:
                bar.note(f"D {losses[0]:.2f}, G {losses[1]:.2f}")
    except KeyboardInterrupt:
        return done
    return steps


def nearest(images: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """For each image (N, R, R, 3) the distance to its nearest in the pool: root of the mean squared difference, (N,)."""
    rows = [x.reshape(len(x), -1).astype(np.float32) for x in (pool, images)]
    return metrics.nearest_neighbours(*rows, k=1)[1][:, 0] / np.sqrt(rows[0].shape[1])


def scores(samples: np.ndarray, start: np.ndarray, faces: Any) -> dict[str, float]:
    """The lesson's scores of samples (N, R, R, 3) in 0 … 1; `start` are samples of the untrained generator.

    faces: a data set; its test images are the real ones. Fréchet distances are those of EfficientNet-Lite0.
    """
    real = faces.test.images[:SCORED]
    of_real, of_samples, of_start = (features.efficientnet_features(x) for x in (real, samples, start))
    half = len(of_real) // 2
    floor = metrics.frechet_distance(of_real[:half], of_real[half:])
    distance, untrained = (metrics.frechet_distance(x, of_real) for x in (of_samples, of_start))
    train_pool = faces.train.images.astype(np.float32) / 255
    of_held_out = nearest(real[:500].astype(np.float32) / 255, train_pool)
    return {
        "distance": round(distance, 1),
        "floor": round(floor, 1),
        "untrained": round(untrained, 1),
        "share_of_the_way": round((untrained - distance) / (untrained - floor), 4),
        "copies": float((nearest(samples[:500], train_pool) < of_held_out.min()).mean()),
    }


def main(arguments: list[str] | None = None) -> None:
    """Train, measure and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--steps", type=int, default=40_000)
    parser.add_argument("--folder", type=Path, default=None, help="where the weights go (default: beside the package)")
    chosen = parser.parse_args(arguments)
    run = runtime.start(LESSON, track="pytorch")
    lesson = lessons.definitions(LESSON, "pytorch")
    faces = data.load("characters", n=chosen.images, resolution=RESOLUTION)
    run.reseed()
    pair = players(lesson, run)
    start = lesson.generate(pair.average, run.rng(16).standard_normal((500, LATENT)))
    began = time.perf_counter()
    steps = train(lesson, run, pair, faces.train.images, chosen.steps)
    minutes = (time.perf_counter() - began) / 60
    samples = lesson.generate(pair.average, run.rng(17).standard_normal((SCORED, LATENT)))
    numbers = scores(samples, start, faces)
    print(f"{steps:,} steps in {minutes:.0f} minutes: {numbers}")
    training_records.store(
        NAME,
        pair.average,
        faces,
        chosen.folder,
        what="averaged DCGAN generator of lesson 5, 64×64",
        script=__file__,
        minutes=minutes,
        run=run,
        steps=steps,
        steps_planned=chosen.steps,
        batch=BATCH,
        peak_rate=PEAK_RATE,
        widths=list(WIDTHS_G),
        latent_dim=LATENT,
        numbers=numbers,
    )


if __name__ == "__main__":
    main()
