"""Train lesson 7's generator for longer, at 64×64, and store its weights for the lesson to explore.

Run it with `python -m helpers.train_style_generator`. With `--go-on` it takes up the stored players and trains them further.

The networks, the losses and the training step are those of the lesson's notebook (PyTorch), with StyleGAN2's layers and a
plain ReLU in the fine ones; this script adds a larger set of drawn faces, more steps and a longer running average. The
penalty on steepness weighs more than in the lesson's short training at 32×32: with γ = 0.2 the discriminator ran ahead at
this size, and the faces came slower.
Weights of the average go to 07_stylegan, those of both players to 07_stylegan_players.
The scores are those of lesson 5, of 2,000 samples. Stopped early (Ctrl+C), it measures and stores what it has.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

from helpers import checkpoints, data, lessons, runtime, training_records
from helpers.progress import Progress
from helpers.train_face_generator import SCORED, scores

NAME, LESSON, RESOLUTION, LATENT = "07_stylegan", "07_stylegan", 64, 64
PLAYERS = "07_stylegan_players"  # generator and discriminator as the game left them, for going on
WIDTHS_G, WIDTHS_D = (96, 96, 64, 32, 16), (32, 64, 96, 128)
MIXED, EVERY, WARM = 0.5, 8, 100
# hold: the share of the steps at the full rate, before it falls (1: it never does)
FIRST = SimpleNamespace(batch=16, rate=1.2e-2, hold=0.3, gamma=2.0, decay=0.9996)
LATER = SimpleNamespace(batch=16, rate=1.2e-2, hold=1.0, gamma=2.0, decay=0.9996)  # when players are taken up again


def play(lesson: Any, generator: Any, judge: Any, average: Any, how: SimpleNamespace) -> SimpleNamespace:
    """A new game of two players, with fresh Adams, and the generator that follows by running average."""
    game = lesson.Game(generator, judge, gamma=how.gamma, every=EVERY)
    return SimpleNamespace(game=game, average=average)


def players(lesson: Any, run: runtime.Run, how: SimpleNamespace) -> SimpleNamespace:
    """New players in their game, and the generator's average."""
    generator, average = (run.prepare(lesson.Generator(WIDTHS_G, LATENT, layer=lesson.flat_layer)) for _ in "GA")
    judge = run.prepare(lesson.Discriminator(WIDTHS_D))
    average.load_state_dict(generator.state_dict())
    return play(lesson, generator, judge, average, how)


def train(lesson: Any, run: runtime.Run, pair: SimpleNamespace, images: np.ndarray, steps: int, how: Any) -> int:
    """Train on uint8 images (N, R, R, 3); returns the steps done, fewer than asked for after Ctrl+C."""
    codes, rng, losses, done = run.rng(14), run.rng(15), np.zeros(2), 0
    count = len(pair.game.G.layers)
    try:
        for done in (bar := Progress(range(steps), f"training at {images.shape[1]}×{images.shape[2]}")):
            real = 2 * run.tensor(images[rng.integers(0, len(images), how.batch)]) - 1
            z = run.tensor(codes.standard_normal((2, how.batch, LATENT)).astype(np.float32))
            cut = int(rng.integers(1, count)) if rng.random() < MIXED else count
            rate = how.rate * min(1.0, max(0.02, (1 - done / steps) / max(1e-9, 1 - how.hold)))
            rate *= min(1.0, (done + 1) / WARM)  # a gentle start, for Adams without memory
            now = pair.game.step(real, z, cut, rate, penalise=done % EVERY == 0)
            losses = 0.99 * losses + 0.01 * run.numpy(now)
            lesson.follow(pair.average, pair.game.G, min(how.decay, (1 + done) / (10 + done)))
            if done % 500 == 0:
                bar.note(f"D {losses[0]:.2f}, G {losses[1]:.2f}")
    except KeyboardInterrupt:
        return done
    return steps


def take_up(pair: SimpleNamespace, folder: Path | None) -> dict[str, Any]:
    """Give new players and their average the stored weights; returns what is known of their training so far."""
    both = nn.ModuleList([pair.game.G, pair.game.D])
    for name, model in ((PLAYERS, both), (NAME, pair.average)):
        weights, known = checkpoints.load(name, folder)
        checkpoints.set_state(model, weights)
    pair.game.w_mean.copy_(pair.average.styles(torch.randn(4096, LATENT)).mean(dim=(0, 1)).detach())
    return known


def main(arguments: list[str] | None = None) -> None:
    """Train, measure and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=22_223)
    parser.add_argument("--steps", type=int, default=30_000)
    parser.add_argument("--go-on", action="store_true", help="take up the stored players for so many steps")
    parser.add_argument("--seed", type=int, default=0, help="another one for each time the players are taken up")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where the weights are and go (default: beside the package)"
    )
    chosen = parser.parse_args(arguments)
    run = runtime.start(LESSON, track="pytorch", seed=chosen.seed)
    lesson = lessons.definitions(LESSON, "pytorch")
    faces = data.load("characters", n=chosen.images, resolution=RESOLUTION)
    run.reseed()
    untrained = players(lesson, run, FIRST).average
    before: dict[str, Any] = {"steps_of_stages": [], "steps_planned": [], "stages": [], "faces_seen": 0, "minutes": 0.0}
    how = LATER if chosen.go_on else FIRST
    pair = players(lesson, run, how)
    if chosen.go_on:
        before = take_up(pair, chosen.folder)
    began = time.perf_counter()
    done = train(lesson, run, pair, faces.train.images, chosen.steps, how)
    store(
        lesson,
        run,
        pair,
        faces,
        untrained,
        chosen.folder,
        before
        | {
            "steps_of_stages": before["steps_of_stages"] + [done],
            "steps_planned": before["steps_planned"] + [chosen.steps],
            "stages": before["stages"] + [vars(how)],
            "faces_seen": before["faces_seen"] + done * how.batch,
            "minutes": before["minutes"] + (time.perf_counter() - began) / 60,
        },
    )


def store(
    lesson: Any, run: runtime.Run, pair: SimpleNamespace, faces: Any, untrained: Any, folder: Path | None, told: dict
) -> None:
    """Measure the average and store it, then both players. told: steps, stages and minutes of all its training."""
    samples, start = (
        lesson.draw(model, lesson.to_w(model, run.rng(17).standard_normal((n, LATENT))))
        for model, n in ((pair.average, SCORED), (untrained, 500))
    )
    numbers = scores(samples, start, faces)
    print(f"{told['steps_of_stages']} steps in {told['minutes']:.0f} minutes: {numbers}")
    kept = ("note", "steps_of_stages", "steps_planned", "stages", "faces_seen", "minutes")
    facts = {name: told[name] for name in kept if name in told}
    both = nn.ModuleList([pair.game.G, pair.game.D])
    for name, model, what in (
        (PLAYERS, both, "StyleGAN generator and discriminator of lesson 7 in the middle of their game, 64×64"),
        (NAME, pair.average, "averaged StyleGAN generator of lesson 7, 64×64, with StyleGAN2's layers"),
    ):
        training_records.store(
            name, model, faces, folder, what=what, script=__file__, run=run, steps=sum(facts["steps_of_stages"]),
            widths=list(WIDTHS_G), widths_of_discriminator=list(WIDTHS_D), latent_dim=LATENT, depth=8,
            numbers=numbers, **facts,
        )  # fmt: skip


if __name__ == "__main__":
    main()
