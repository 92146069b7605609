"""Train lesson 6's translators for longer, at 64×64, and store their weights for the lesson to show.

Run it with `python -m helpers.train_translator`.

The networks, the losses and the training step are those of the lesson's notebook (PyTorch); this script adds larger
pictures, more steps and, at the end, the lesson's score: the feature distance (EfficientNet-Lite0) of translated held-out
emoji to their true partners, as a share of that of the untouched emoji. Stopped early (Ctrl+C), it measures and stores
what it has.
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

NAME, LESSON, RESOLUTION = "06_cyclegan", "06_cyclegan", 64
WIDTH, BLOCKS, DETAIL, WIDTH_D, LAYERS_D = 32, 4, 16, 32, 2
BATCH, RATE, CYCLE, IDENTITY, NOISE, DECAY = 2, 1e-3, 5.0, 2.0, 0.1, 0.998
STYLE_MAPS = slice(2, None)  # the maps of EfficientNet-Lite0 that the lesson scores with
ALIKE = 0.8  # common over joint area of two silhouettes


def players(lesson: Any, run: runtime.Run) -> SimpleNamespace:
    """The four players in their game, and two translators that follow by running average."""

    def translators() -> list[Any]:
        return [run.prepare(lesson.make_generator(WIDTH, BLOCKS, DETAIL)) for _ in "GG"]

    judges = [run.prepare(lesson.make_discriminator(WIDTH_D, LAYERS_D)) for _ in "DD"]
    game = lesson.Game(*translators(), *judges)
    averages = translators()
    for average, model in zip(averages, (game.G_AB, game.G_BA), strict=True):
        checkpoints.set_state(average, checkpoints.state(model))
    return SimpleNamespace(game=game, to_b=averages[0], to_a=averages[1])


def drawn(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random batch of uint8 images (N, R, R, 3), each mirrored with chance ½ → (BATCH, R, R, 3)."""
    batch = images[rng.integers(0, len(images), BATCH)]
    mirrored = rng.random(BATCH) < 0.5
    return np.where(mirrored[:, None, None, None], batch[:, :, ::-1], batch)


def train(lesson: Any, run: runtime.Run, pair: SimpleNamespace, domains: data.Domains, steps: int) -> int:
    """Train on both training sides; returns the steps done, fewer than asked for after Ctrl+C."""
    rng, losses, most, done = run.rng(14), np.zeros(4), domains.shape[0] // 8, 0
    try:
        for done in (bar := Progress(range(steps), "training the translators")):
            sides = (drawn(split.images, rng) for split in (domains.train_a, domains.train_b))
            a, b = (2 * run.tensor(side) - 1 for side in sides)
            now, _ = pair.game.step(
                a,
                b,
                lesson.rate_at(done, steps, RATE),
                cycle=CYCLE,
                identity=IDENTITY,
                noise=NOISE,
                shift=rng.integers(-most, most + 1, 2),
            )
            for average, model in ((pair.to_b, pair.game.G_AB), (pair.to_a, pair.game.G_BA)):
                lesson.follow(average, model, min(DECAY, (1 + done) / (10 + done)))
            losses = 0.99 * losses + 0.01 * run.numpy(now)
            if done % 200 == 0:
                bar.note("G {:.2f}, cycle {:.3f}, identity {:.3f}, D {:.2f}".format(*losses))
    except KeyboardInterrupt:
        return done
    return steps


def measured(lesson: Any, pair: SimpleNamespace, domains: data.Domains) -> dict[str, float]:
    """The lesson's scores on the held-out pairs whose silhouettes agree, beside the identity's."""
    both = domains.test_a.images, domains.test_b.images
    alike = metrics.silhouette_overlap(*both) >= ALIKE
    a, b = (lesson.as_floats(images[alike]) for images in both)
    maps = {name: features.efficientnet_maps(x)[STYLE_MAPS] for name, x in (("a", a), ("b", b))}
    numbers: dict[str, float] = {"pairs": int(alike.sum())}
    numbers["identity"] = round(float(metrics.feature_distance(maps["a"], maps["b"]).mean()), 4)
    for way, model, x, truth in (("ab", pair.to_b, a, "b"), ("ba", pair.to_a, b, "a")):
        made = features.efficientnet_maps(lesson.translate(model, x))[STYLE_MAPS]
        distance = float(metrics.feature_distance(made, maps[truth]).mean())
        numbers[f"distance_{way}"] = round(distance, 4)
        numbers[f"less_than_identity_{way}"] = round(1 - distance / numbers["identity"], 4)
    return numbers


def main(arguments: list[str] | None = None) -> None:
    """Train, measure and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3_000)
    parser.add_argument("--folder", type=Path, default=None, help="where the weights go (default: beside the package)")
    chosen = parser.parse_args(arguments)
    run = runtime.start(LESSON, track="pytorch")
    lesson = lessons.definitions(LESSON, "pytorch")
    domains = data.load_domains("emoji", resolution=RESOLUTION)
    run.reseed()
    pair = players(lesson, run)
    began = time.perf_counter()
    steps = train(lesson, run, pair, domains, chosen.steps)
    minutes = (time.perf_counter() - began) / 60
    numbers = measured(lesson, pair, domains)
    print(f"{steps:,} steps in {minutes:.0f} minutes: {numbers}")
    training_records.store(
        NAME,
        lesson.packed(pair.to_b, pair.to_a),
        domains,
        chosen.folder,
        what="averaged translators of lesson 6, Twemoji ↔ OpenMoji, 64×64",
        script=__file__,
        minutes=minutes,
        run=run,
        steps=steps,
        steps_planned=chosen.steps,
        batch=BATCH,
        rate=RATE,
        width=WIDTH,
        blocks=BLOCKS,
        detail=DETAIL,
        numbers=numbers,
    )


if __name__ == "__main__":
    main()
