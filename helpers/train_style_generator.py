"""Train lesson 7's generator for longer, growing from 32×32 to 64×64, and store its weights for the lesson to explore.

Run it with `python -m helpers.train_style_generator`. With `--go-on` it takes up the stored players and trains them further.

The networks, the losses and the training step are those of the lesson's notebook (PyTorch); this script adds a larger set
of drawn faces, more steps, a running average and growing: half-size faces first, where a step costs less than half, then
one more block for both players. Karras et al. (2018) fade the new block in; here the learning rate starts low instead.
Weights of the average go to 07_stylegan, those of both players to 07_stylegan_players.
The scores are those of lesson 5, of 2,000 samples. Stopped early (Ctrl+C), a stage ends, and the script goes on with what
it has.
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
WIDTHS_G, WIDTHS_D = (96, 96, 64, 32, 16), (24, 48, 64, 96)
BATCH, MIXED, EVERY, WARM = 16, 0.5, 8, 200
SMALL = SimpleNamespace(rate=2e-2, gamma=0.1, decay=0.998, falling=False)  # at half the size
LARGE = SimpleNamespace(rate=1.2e-2, gamma=0.2, decay=0.999, falling=True)
LATER = SimpleNamespace(rate=4e-3, gamma=0.2, decay=0.9997, falling=True)  # when players are taken up again


def play(lesson: Any, generator: Any, judge: Any, average: Any, how: SimpleNamespace) -> SimpleNamespace:
    """A new game of two players, with fresh Adams, and the generator that follows by running average."""
    game = lesson.Game(generator, judge, gamma=how.gamma, every=EVERY)
    return SimpleNamespace(game=game, average=average)


def players(lesson: Any, run: runtime.Run, small: bool, how: SimpleNamespace) -> SimpleNamespace:
    """New players in their game; `small` is half the resolution."""
    widths_g, widths_d = (WIDTHS_G[:-1], WIDTHS_D[1:]) if small else (WIDTHS_G, WIDTHS_D)
    generator, average = (run.prepare(lesson.Generator(widths_g, LATENT)) for _ in "GA")
    judge = run.prepare(lesson.Discriminator(widths_d))
    average.load_state_dict(generator.state_dict())
    return play(lesson, generator, judge, average, how)


def grown(lesson: Any, run: runtime.Run, before: SimpleNamespace, how: SimpleNamespace) -> SimpleNamespace:
    """Players at twice the resolution: all layers of those before but the first and last ones, which touch the pixels."""
    after = players(lesson, run, small=False, how=how)
    for new, old in ((after.game.G, before.game.G), (after.average, before.average)):
        kept = {name: weights for name, weights in old.state_dict().items() if not name.startswith("to_rgb.")}
        new.load_state_dict(new.state_dict() | kept)
    moved = after.game.D.state_dict()
    for name, weights in before.game.D.state_dict().items():
        part, *rest = name.split(".")
        if part == "downs" and rest[0] == "0":
            continue  # it saw pixels; the layer in its place has other inputs
        moved[".".join([part, str(int(rest[0]) + 1), *rest[1:]]) if part == "downs" else name] = weights
    after.game.D.load_state_dict(moved)
    after.game.w_mean.copy_(before.game.w_mean)
    return after


def train(lesson: Any, run: runtime.Run, pair: SimpleNamespace, images: np.ndarray, steps: int, how: Any) -> int:
    """Train on uint8 images (N, R, R, 3); returns the steps done, fewer than asked for after Ctrl+C."""
    codes, rng, losses, done = run.rng(14), run.rng(15), np.zeros(2), 0
    count = len(pair.game.G.layers)
    try:
        for done in (bar := Progress(range(steps), f"training at {images.shape[1]}×{images.shape[2]}")):
            real = 2 * run.tensor(images[rng.integers(0, len(images), BATCH)]) - 1
            z = run.tensor(codes.standard_normal((2, BATCH, LATENT)).astype(np.float32))
            cut = int(rng.integers(1, count)) if rng.random() < MIXED else count
            rate = how.rate
            if how.falling:  # after 30 % of the steps; and a gentle start, for a new block or Adams without memory
                rate *= min(1.0, max(0.02, (1 - done / steps) / 0.7)) * min(1.0, (done + 1) / WARM)
            now = pair.game.step(real, z, cut, rate, penalise=done % EVERY == 0)
            losses = 0.99 * losses + 0.01 * run.numpy(now)
            lesson.follow(pair.average, pair.game.G, min(how.decay, (1 + done) / (10 + done)))
            if done % 500 == 0:
                bar.note(f"D {losses[0]:.2f}, G {losses[1]:.2f}")
    except KeyboardInterrupt:
        return done
    return steps


def taken_up(lesson: Any, run: runtime.Run, folder: Path | None) -> tuple[SimpleNamespace, dict[str, Any]]:
    """The stored players and their average, ready to go on, and what is known of their training so far."""
    pair = players(lesson, run, small=False, how=LATER)
    both = nn.ModuleList([pair.game.G, pair.game.D])
    for name, model in ((PLAYERS, both), (NAME, pair.average)):
        weights, known = checkpoints.load(name, folder)
        checkpoints.set_state(model, weights)
    pair.game.w_mean.copy_(pair.average.styles(torch.randn(4096, LATENT)).mean(dim=(0, 1)).detach())
    return pair, known


def main(arguments: list[str] | None = None) -> None:
    """Train, measure and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=22_223)
    parser.add_argument("--small-steps", type=int, default=6_700, help="at 32×32")
    parser.add_argument("--steps", type=int, default=22_500, help="at 64×64")
    parser.add_argument("--go-on", action="store_true", help="take up the stored players for so many steps at 64×64")
    parser.add_argument("--seed", type=int, default=0, help="another one for each time the players are taken up")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where the weights are and go (default: beside the package)"
    )
    chosen = parser.parse_args(arguments)
    run = runtime.start(LESSON, track="pytorch", seed=chosen.seed)
    lesson = lessons.definitions(LESSON, "pytorch")
    faces = data.load("characters", n=chosen.images, resolution=RESOLUTION)
    run.reseed()
    untrained = players(lesson, run, small=False, how=LARGE).average
    before: dict[str, Any] = {"steps_of_stages": [], "steps_planned": [], "stages": [], "minutes": 0.0}
    began = time.perf_counter()
    if chosen.go_on:
        pair, before = taken_up(lesson, run, chosen.folder)
        done, planned, stages = [], [chosen.steps], [LATER]
    else:
        halves = data.load("characters", n=chosen.images, resolution=RESOLUTION // 2)
        began = time.perf_counter()
        small = players(lesson, run, small=True, how=SMALL)
        done = [train(lesson, run, small, halves.train.images, chosen.small_steps, SMALL)]
        pair, planned, stages = grown(lesson, run, small, LARGE), [chosen.small_steps, chosen.steps], [SMALL, LARGE]
    done.append(train(lesson, run, pair, faces.train.images, chosen.steps, stages[-1]))
    store(
        lesson,
        run,
        pair,
        faces,
        untrained,
        chosen.folder,
        before
        | {
            "steps_of_stages": before["steps_of_stages"] + done,
            "steps_planned": before["steps_planned"] + planned,
            "stages": before["stages"] + [vars(stage) for stage in stages],
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
    facts = {
        name: told[name] for name in ("note", "steps_of_stages", "steps_planned", "stages", "minutes") if name in told
    }
    both = nn.ModuleList([pair.game.G, pair.game.D])
    for name, model, what in (
        (PLAYERS, both, "StyleGAN generator and discriminator of lesson 7 in the middle of their game, 64×64"),
        (NAME, pair.average, "averaged StyleGAN generator of lesson 7, 64×64"),
    ):
        training_records.store(
            name, model, faces, folder, what=what, script=__file__, run=run, steps=sum(facts["steps_of_stages"]),
            batch=BATCH, widths=list(WIDTHS_G), widths_of_discriminator=list(WIDTHS_D), latent_dim=LATENT, depth=8,
            numbers=numbers, **facts,
        )  # fmt: skip


if __name__ == "__main__":
    main()
