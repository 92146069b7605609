"""Steps per second of lesson 5's 64×64 networks (64 feature maps, spectral norm) beside the usual loops, in one run.

    python tests/bench_dcgan.py [--rounds 3] [--batch 64] [--width 64] [--steps 6]

Each way runs in a process of its own, in turn, so that a machine whose speed drifts is fair to both. All train networks
of the same shapes with the same batch, labels (smoothed, clamped, 5 % flipped) and Adam on the same drawn faces. The
first steps warm up and don't count.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from benching import WARM_UP, compare, endless, timed, timed_steps

from helpers import data, lessons, runtime

LESSON = "05_dcgan"
LATENT, SIDE, RATE, BETAS = 128, 64, 2e-4, (0.5, 0.999)


def faces(count: int) -> np.ndarray:
    """Drawn faces (count, 64, 64, 3) uint8."""
    return data.load("characters", n=-(-count * 10 // 9) + 1, resolution=SIDE, quiet=True).train.images[:count]


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


USUAL = {"pytorch": "pytorch, usual", "tensorflow": "tensorflow, usual"}
SIZES = {"batch": 64, "width": 64, "steps": 6}  # width: feature maps at the largest size


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all ways in turn and print medians and ratios."""
    compare(__file__, __doc__, WAYS, USUAL, SIZES, arguments)


if __name__ == "__main__":
    main()
