"""Steps per second of lesson 5's 64×64 networks (64 feature maps, spectral norm) beside the usual loops, in one run.

    python tests/bench_dcgan.py [--rounds 3] [--batch 64] [--width 64] [--steps 6]

Each way runs in a process of its own, in turn, so that a machine whose speed drifts is fair to both. All train networks
of the same shapes with the same batch, labels (smoothed, clamped, 5 % flipped) and Adam on the same drawn faces. The
first steps warm up and don't count.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from helpers import data, lessons, runtime

LESSON = "05_dcgan"
LATENT, SIDE, RATE, BETAS = 128, 64, 2e-4, (0.5, 0.999)
WARM_UP = 2


def faces(count: int) -> np.ndarray:
    """Drawn faces (count, 64, 64, 3) uint8."""
    return data.load("characters", n=-(-count * 10 // 9) + 1, resolution=SIDE, quiet=True).train.images[:count]


def busy_seconds() -> tuple[float, float]:
    """Processor seconds so far: of this process, of everything else on this machine."""
    everything = psutil.cpu_times()
    own = sum(psutil.Process().cpu_times()[:2])
    return own, everything.user + everything.system + getattr(everything, "nice", 0.0) - own


def timed(work: Callable[[], Any], steps: int, batch: int) -> dict[str, float]:
    """Time `work`, which does this many steps: rates, seconds, peak memory, processors that other processes kept busy."""
    before, started = busy_seconds()[1], time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    rate, others = steps / seconds, (busy_seconds()[1] - before) / seconds
    return {"steps/s": rate, "images/s": rate * batch, "GB": runtime.peak_memory_gb(), "others": max(0.0, others)}


def timed_steps(step: Callable[[], Any], steps: int, batch: int) -> dict[str, float]:
    """`timed` over calls of `step`, which waits for its losses; the first calls warm up."""
    for _ in range(WARM_UP):
        step()
    return timed(lambda: [step() for _ in range(steps)], steps, batch)


def endless(batches: Callable[[], Iterator[Any]]) -> Iterator[Any]:
    """Epoch after epoch."""
    while True:
        yield from batches()


def course_way(track: str, batch: int, width: int, steps: int) -> dict[str, float]:
    """The lesson's own networks, step and labels over tensors in memory."""
    run = runtime.start(LESSON, track)
    lesson = lessons.definitions(LESSON, track)
    images = run.tensor(faces(8 * batch).astype(np.float32) / 127.5 - 1)
    G, D = lesson.report_generator(LATENT, width), lesson.report_discriminator(width)
    game, rng = lesson.Game(run.prepare(G), run.prepare(D)), run.rng()
    update, shuffled = run.compiled(game.step), endless(lambda: run.batches(images, batch_size=batch, rng=rng))

    def step() -> None:
        real, fake = (run.tensor(part.astype(np.float32)) for part in lesson.report_labels(rng, batch))
        z = run.tensor(rng.standard_normal((batch, LATENT)).astype(np.float32))
        [float(loss) for loss in update(next(shuffled), z, np.float32(RATE), real, fake)]

    return timed_steps(step, steps, batch)


def usual_torch(batch: int, width: int, steps: int) -> dict[str, float]:
    """PyTorch's DCGAN tutorial: a folder of images, a DataLoader, contiguous float32, PyTorch's own layers."""
    with tempfile.TemporaryDirectory() as folder:
        return _usual_torch(folder, batch, width, steps)


def _usual_torch(folder: str, batch: int, width: int, steps: int) -> dict[str, float]:
    import torch
    from PIL import Image
    from torch import nn
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    to_tensor = transforms.Compose(
        [
            transforms.Resize(SIDE),
            transforms.CenterCrop(SIDE),
            transforms.ToTensor(),
            transforms.Normalize((0.5,) * 3, (0.5,) * 3),
        ]
    )
    (Path(folder) / "faces").mkdir()
    for number, image in enumerate(faces(8 * batch)):
        Image.fromarray(image).save(Path(folder) / "faces" / f"{number:04d}.png")
    pictures = datasets.ImageFolder(folder, transform=to_tensor)

    def layers_G() -> Iterator[nn.Module]:
        maps = (LATENT, 8 * width, 4 * width, 2 * width, width)
        for i, (a, b) in enumerate(zip(maps, maps[1:], strict=False)):
            yield nn.ConvTranspose2d(a, b, 4, 2 if i else 1, 1 if i else 0, bias=False)
            yield nn.BatchNorm2d(b)
            yield nn.ReLU(True)
        yield nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False)
        yield nn.Tanh()

    def layers_D() -> Iterator[nn.Module]:
        maps = (3, width, 2 * width, 4 * width, 8 * width)
        for a, b in zip(maps, maps[1:], strict=False):
            yield nn.utils.parametrizations.spectral_norm(nn.Conv2d(a, b, 4, 2, 1, bias=False))
            yield nn.LeakyReLU(0.2, inplace=True)
        yield nn.utils.parametrizations.spectral_norm(nn.Conv2d(8 * width, 1, 4, 1, 0, bias=False))
        yield nn.Flatten(0)

    torch.manual_seed(0)
    G, D = nn.Sequential(*layers_G()).to(device), nn.Sequential(*layers_D()).to(device)
    opt_G, opt_D = (torch.optim.Adam(model.parameters(), lr=RATE, betas=BETAS) for model in (G, D))
    loader, criterion = DataLoader(pictures, batch_size=batch, shuffle=True, drop_last=True), nn.BCEWithLogitsLoss()
    batches = endless(lambda: iter(loader))

    def labels(mean: float) -> torch.Tensor:
        soft = (
            (mean + 0.15 * torch.randn(batch, device=device)).clamp(0, 1) if mean else torch.zeros(batch, device=device)
        )
        return torch.where(torch.rand(batch, device=device) < 0.05, 1 - soft, soft)

    def step() -> None:
        D.zero_grad()
        loss_real = criterion(D(next(batches)[0].to(device)), labels(0.85))
        loss_real.backward()
        fake = G(torch.randn(batch, LATENT, 1, 1, device=device))
        loss_fake = criterion(D(fake.detach()), labels(0))
        loss_fake.backward()
        opt_D.step()
        G.zero_grad()
        loss = criterion(D(fake), torch.ones(batch, device=device))
        loss.backward()
        opt_G.step()
        (loss_real + loss_fake).item(), loss.item()

    return timed_steps(step, steps, batch)


def usual_keras(batch: int, width: int, steps: int) -> dict[str, float]:
    """A keras.Model with a train_step, trained by fit; the lesson's networks."""
    import keras
    import tensorflow as tf

    lesson = lessons.definitions(LESSON, "tensorflow")
    bce = keras.losses.BinaryCrossentropy(from_logits=True)

    class Usual(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.G, self.D = lesson.report_generator(LATENT, width), lesson.report_discriminator(width)
            self.opt_G, self.opt_D = (keras.optimizers.Adam(RATE, *BETAS) for _ in "GD")

        def train_step(self, real: tf.Tensor) -> dict[str, tf.Tensor]:
            of_real = tf.clip_by_value(0.85 + 0.15 * tf.random.normal((batch,)), 0.0, 1.0)
            target = tf.concat([of_real, tf.zeros(batch)], 0)
            target = tf.where(tf.random.uniform((2 * batch,)) < 0.05, 1 - target, target)
            fake = self.G(tf.random.normal((batch, LATENT)), training=True)
            with tf.GradientTape() as tape:
                logits = tf.concat([self.D(real, training=True), self.D(fake, training=True)], 0)
                loss_D = 2 * bce(target[:, None], logits[:, None])
            weights = self.D.trainable_variables
            self.opt_D.apply(tape.gradient(loss_D, weights), weights)
            with tf.GradientTape() as tape:
                logits = self.D(self.G(tf.random.normal((batch, LATENT)), training=True), training=True)
                loss_G = bce(tf.ones((batch, 1)), logits[:, None])
            weights = self.G.trainable_variables
            self.opt_G.apply(tape.gradient(loss_G, weights), weights)
            return {"D": loss_D, "G": loss_G}

    images = faces(8 * batch).astype(np.float32) / 127.5 - 1
    model = Usual()
    model.compile()
    index = np.arange(steps * batch) % len(images)
    model.fit(images[: WARM_UP * batch], batch_size=batch, epochs=1, verbose=0)
    return timed(lambda: model.fit(images[index], batch_size=batch, epochs=1, verbose=0), steps, batch)


WAYS: dict[str, Callable[[int, int, int], dict[str, float]]] = {
    "pytorch": lambda *sizes: course_way("pytorch", *sizes),
    "pytorch, usual": usual_torch,
    "tensorflow": lambda *sizes: course_way("tensorflow", *sizes),
    "tensorflow, usual": usual_keras,
}


def measure(way: str, sizes: tuple[int, int, int]) -> dict[str, float]:
    """One way in a process of its own. sizes: batch, width, steps."""
    batch, width, steps = map(str, sizes)
    command = [sys.executable, __file__, "--way", way, "--batch", batch, "--width", width, "--steps", steps]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{way} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def note(one: dict[str, float]) -> str:
    """A warning where other programs took processors: waiting for each other, PyTorch's threads then fall far behind."""
    return f"   void: other programs kept {one['others']:.1f} processors busy" if one["others"] > 0.2 else ""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all ways in turn and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--width", type=int, default=64, help="feature maps at the largest size")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--way", choices=WAYS, action="append", help="only this way (may be given several times)")
    options = parser.parse_args(arguments)
    sizes = (options.batch, options.width, options.steps)
    ways = options.way or list(WAYS)
    if len(ways) == 1:
        print(json.dumps(WAYS[ways[0]](*sizes)))
        return
    results: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for number in range(options.rounds):
        for way in ways:
            results[way].append(measure(way, sizes))
            last = results[way][-1]
            print(
                f"round {number + 1}  {way:<18} {last['steps/s']:6.2f} steps/s  {last['GB']:.2f} GB{note(last)}",
                flush=True,
            )
    print(f"\n{'way':<18} steps/s (median, range)      images/s   peak memory [GB]   against the usual way")
    for way, runs in results.items():
        rates = [one["steps/s"] for one in runs]
        usual = results.get(f"{way}, usual", [])
        ratios = [a["steps/s"] / b["steps/s"] for a, b in zip(runs, usual, strict=False)]
        ratio = f"{statistics.median(ratios):.2f} times as fast" if ratios else ""
        print(
            f"{way:<18} {statistics.median(rates):6.2f}  ({min(rates):.2f} to {max(rates):.2f})".ljust(46)
            + f"{statistics.median(one['images/s'] for one in runs):8.0f} {max(one['GB'] for one in runs):14.2f}       {ratio}"
        )


if __name__ == "__main__":
    main()
