"""Lesson 7's speed: steps of the short training beside a plain PyTorch loop, and how fast the widgets' pictures come.

    python tests/bench_stylegan.py [--rounds 3] [--batch 16] [--steps 16]
    python tests/bench_stylegan.py --answers pytorch        # only the pictures, in one framework

The training is that of the profile `quick`: 32×32, R1 in every eighth step, mixed styles. "plain loop" trains the same
networks as StyleGAN's own code does: contiguous tensors from a DataLoader, fakes drawn anew for each player, AdaIN as it is
written in textbooks. Each way runs in a process of its own, in turn; the first steps warm up and don't count. The pictures
are those of the stored 64×64 generator, from the styles to the PNG that the browser gets; 150 ms is what a hand at a slider
takes for at once.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from benching import busy_seconds, compare, endless, timed_steps

from helpers import checkpoints, data, lessons, runtime, widgets

LESSON, SIDE, RATE, EVERY = "07_stylegan", 32, 2e-3, 8
WIDTHS_G, WIDTHS_D = (96, 96, 48, 24), (32, 48, 64)
TARGET_MS, REPEATS = 150, 30


def faces(count: int) -> np.ndarray:
    """Drawn faces, (count, 32, 32, 3) float32 in [-1, 1]."""
    found = data.load("characters", n=-(-count * 10 // 9) + 1, resolution=SIDE, quiet=True).train.images[:count]
    return found.astype(np.float32) / 127.5 - 1


def course_way(track: str, batch: int, steps: int) -> dict[str, float]:
    """The lesson's own networks and step over tensors in memory."""
    run = runtime.start(LESSON, track)
    lesson = lessons.definitions(LESSON, track)
    G, D = run.prepare(lesson.Generator(WIDTHS_G)), run.prepare(lesson.Discriminator(WIDTHS_D))
    game, images, rng = lesson.Game(G, D), run.tensor(faces(16 * batch)), run.rng()
    update, shuffled = run.compiled(game.step), endless(lambda: run.batches(images, batch_size=batch, rng=rng))
    done = 0

    def step() -> None:
        nonlocal done
        z = run.tensor(rng.standard_normal((2, batch, G.latent_dim)).astype(np.float32))
        cut = np.int32(rng.integers(1, len(G.sides) + 1))
        run.numpy(update(next(shuffled), z, cut, np.float32(RATE), penalise=done % EVERY == 0))
        done += 1

    return timed_steps(step, steps, batch)


def plain_loop(batch: int, steps: int) -> dict[str, float]:
    """The same networks in the usual loop of a StyleGAN in PyTorch."""
    import torch
    from torch.nn import functional as F
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    lesson = lessons.definitions(LESSON, "pytorch")

    def adain(h: Any, scale: Any, shift: Any) -> Any:
        return scale[:, :, None, None] * F.instance_norm(h, eps=1e-8) + shift[:, :, None, None]

    lesson.adain = adain
    G, D = lesson.Generator(WIDTHS_G).to(device), lesson.Discriminator(WIDTHS_D).to(device)
    opt_G, opt_D = (torch.optim.Adam(net.parameters(), RATE, (0.0, 0.99)) for net in (G, D))
    images = TensorDataset(torch.from_numpy(faces(16 * batch).transpose(0, 3, 1, 2).copy()))
    loader = DataLoader(images, batch_size=batch, shuffle=True, drop_last=True)
    shuffled, done = endless(lambda: iter(loader)), 0

    def fakes() -> Any:
        first, second = (G.styles(torch.randn(batch, G.latent_dim, device=device)) for _ in "12")
        early = torch.arange(len(G.layers), device=device)[:, None] < torch.randint(1, len(G.layers) + 1, ()).to(device)
        return G.synthesis(torch.where(early, first, second))

    def step() -> None:
        nonlocal done
        real = next(shuffled)[0].to(device)
        with torch.no_grad():
            fake = fakes()
        loss_D = F.softplus(D(fake)).mean() + F.softplus(-D(real)).mean()
        if done % EVERY == 0:
            seen = real.requires_grad_()
            (slopes,) = torch.autograd.grad(D(seen).sum(), seen, create_graph=True)
            loss_D = loss_D + EVERY * 0.1 / 2 * slopes.square().sum(dim=(1, 2, 3)).mean()
        opt_D.zero_grad()
        loss_D.backward()
        opt_D.step()
        loss_G = F.softplus(-D(fakes())).mean()
        opt_G.zero_grad()
        loss_G.backward()
        opt_G.step()
        loss_D.item(), loss_G.item()
        done += 1

    return timed_steps(step, steps, batch)


WAYS: dict[str, Callable[[int, int], dict[str, float]]] = {
    "pytorch": lambda *sizes: course_way("pytorch", *sizes),
    "plain loop, same networks": plain_loop,
    "tensorflow": lambda *sizes: course_way("tensorflow", *sizes),
}
USUAL = {"pytorch": "plain loop, same networks", "tensorflow": "plain loop, same networks"}
SIZES = {"batch": 16, "steps": 16}


def pictures(track: str) -> dict[str, Callable[[], np.ndarray]]:
    """What the lesson's widgets draw of the stored generator, by name: functions that give an image (H, W, 3) in [0, 1]."""
    run = runtime.start(LESSON, track)
    lesson = lessons.definitions(LESSON, track)
    state, info = checkpoints.load(LESSON)
    how = tuple(info["widths"]), info["latent_dim"], info["depth"]
    G = run.prepare(lesson.Generator(*how, layer=lesson.flat_layer))
    checkpoints.set_state(G, state)
    rng = run.rng()
    w = lesson.to_w(G, rng.standard_normal((3, G.latent_dim)))
    noise = [rng.standard_normal((1, side, side)) for side in G.sides]
    way = rng.standard_normal(G.latent_dim).astype(np.float32)

    def family() -> np.ndarray:
        ws = w[:, None].repeat(len(G.sides), axis=1)
        ws[1, :4], ws[1, 4:] = w[0], w[2]
        return np.concatenate(lesson.draw(G, ws, noise), axis=1)

    return {
        "a face from its style": lambda: lesson.draw(G, w[:1], noise)[0],
        "a face from its code": lambda: lesson.draw(G, lesson.to_w(G, rng.standard_normal((1, G.latent_dim))), noise)[
            0
        ],
        "a mixture beside its parents": family,
        "an edit, before and after": lambda: np.concatenate(
            lesson.draw(G, np.stack([w[0], w[0] + way]), noise), axis=1
        ),
    }


def answer_times(track: str) -> dict[str, list[float]]:
    """Milliseconds for each of the widgets' pictures, PNG and all: median and longest; and other programs' processors."""
    times: dict[str, list[float]] = {}
    started, before = time.perf_counter(), busy_seconds()[1]
    for name, make in pictures(track).items():
        seconds = []
        for i in range(REPEATS + 3):
            start = time.perf_counter()
            widgets._png(make())
            seconds += [time.perf_counter() - start] * (i >= 3)  # the first ones warm up
        times[name] = [1000 * statistics.median(seconds), 1000 * max(seconds)]
    times["others"] = [max(0.0, (busy_seconds()[1] - before) / (time.perf_counter() - started))]
    return times


def print_answers() -> None:
    """Measure the pictures in both frameworks, each in a process of its own, and print them beside the target."""
    print(f"\nwidgets' pictures, 64×64 [ms]        median   longest   (target: {TARGET_MS})")
    for track in lessons.TRACKS:
        done = subprocess.run([sys.executable, __file__, "--answers", track], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{track} failed:\n{done.stderr[-2000:]}")
        times = json.loads(done.stdout.strip().splitlines()[-1])
        (others,) = times.pop("others")
        for name, (median, longest) in times.items():
            verdict = "" if median <= TARGET_MS else "   TOO SLOW"
            print(f"{track:<11} {name:<28} {median:6.0f}   {longest:7.0f}{verdict}")
        print(f"{track:<11} other programs kept {others:.1f} processors busy")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all ways of training in turn, then the pictures, and print medians and ratios."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == ["--answers"]:
        print(json.dumps(answer_times(given[1])))
        return
    compare(__file__, __doc__, WAYS, USUAL, SIZES, given)
    if "--way" not in given:
        print_answers()


if __name__ == "__main__":
    main()
