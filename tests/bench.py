"""Time and memory of training lesson 2's model as the lesson does it, beside the usual way, in one run.

    python tests/bench.py [--rounds 3] [--batch 64]        (or: make bench)

Each way runs in a process of its own, in turn, so that a machine whose speed drifts is fair to both. Both train the same
model with the same batch size and optimiser on the 4,000 embedded digits: the first epoch warms up, the second counts.
"""

import argparse
import gzip
import json
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from helpers import data, lessons, runtime

LESSON = "02_vae"


def timed(epoch: Callable[[], None], images: int) -> dict[str, float]:
    """Run an epoch to warm up and one to count; images per second, seconds, peak memory in GB."""
    epoch()
    started = time.perf_counter()
    epoch()
    seconds = time.perf_counter() - started
    return {"images/s": images / seconds, "seconds": seconds, "GB": runtime.peak_memory_gb()}


def course_way(track: str, batch: int) -> dict[str, float]:
    """The lesson's own step over tensors in memory."""
    run = runtime.start(LESSON, track)
    lesson = lessons.definitions(LESSON, track)
    images = run.tensor(data.load("mnist", quiet=True).train.images)
    step, order = run.compiled(lesson.make_step(run.prepare(lesson.make_vae()))), run.rng()

    def epoch() -> None:
        for xb in run.batches(images, batch_size=batch, rng=order):
            [float(loss) for loss in step(xb, np.float32(1e-3), np.float32(1))]

    return timed(epoch, len(images) // batch * batch)


def usual_torch(batch: int) -> dict[str, float]:
    """torchvision's data set, ToTensor, a DataLoader, the model as it is."""
    import torch
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms

    lesson = lessons.definitions(LESSON, "pytorch")
    images = data.load("mnist", quiet=True).train
    with tempfile.TemporaryDirectory() as folder:
        write_idx(Path(folder) / "MNIST" / "raw", images.images, images.labels)
        digits = datasets.MNIST(folder, train=True, transform=transforms.ToTensor())
        loader = DataLoader(digits, batch_size=batch, shuffle=True, drop_last=True)
        model = lesson.make_vae()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

        def epoch() -> None:
            for xb, _ in loader:
                eps = torch.randn(len(xb), model.latent_dim)
                recon, kl = lesson.elbo_terms(model, xb, eps)
                loss = (recon + kl).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                loss.item()

        return timed(epoch, len(loader) * batch)


def write_idx(folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Lay digits out as torchvision's MNIST expects them on disk."""
    folder.mkdir(parents=True)
    for part in ("train", "t10k"):
        head = struct.pack(">IIII", 2051, len(images), 28, 28)
        for name, blob in (
            (f"{part}-images-idx3-ubyte", head + images.tobytes()),
            (f"{part}-labels-idx1-ubyte", struct.pack(">II", 2049, len(labels)) + labels.astype(np.uint8).tobytes()),
        ):
            (folder / name).write_bytes(blob)
            (folder / f"{name}.gz").write_bytes(gzip.compress(blob, 1))


def usual_keras(batch: int) -> dict[str, float]:
    """A keras.Model with a train_step, trained by fit."""
    import keras
    import tensorflow as tf

    lesson = lessons.definitions(LESSON, "tensorflow")
    images = data.load("mnist", quiet=True).train.images.astype(np.float32) / 255

    class Usual(keras.Model):
        def __init__(self, vae: keras.Model) -> None:
            super().__init__()
            self.vae = vae

        def train_step(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
            with tf.GradientTape() as tape:
                eps = tf.random.normal((tf.shape(x)[0], self.vae.latent_dim))
                recon, kl = lesson.elbo_terms(self.vae, x, eps)
                loss = tf.reduce_mean(recon + kl)
            gradients = tape.gradient(loss, self.vae.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.vae.trainable_variables, strict=True))
            return {"loss": loss}

    model = Usual(lesson.make_vae())
    model.compile(optimizer=keras.optimizers.Adam(1e-3))
    count = len(images) // batch * batch
    return timed(lambda: model.fit(images[:count], batch_size=batch, epochs=1, verbose=0), count)


WAYS: dict[str, Callable[[int], dict[str, float]]] = {
    "pytorch": lambda batch: course_way("pytorch", batch),
    "pytorch, usual": usual_torch,
    "tensorflow": lambda batch: course_way("tensorflow", batch),
    "tensorflow, usual": usual_keras,
}


def measure(way: str, batch: int) -> dict[str, float]:
    """One way in a process of its own."""
    command = [sys.executable, __file__, "--way", way, "--batch", str(batch)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{way} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    """Measure all ways in turn and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        print(json.dumps(WAYS[options.way](options.batch)))
        return
    results: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for number in range(options.rounds):
        for way in WAYS:
            results[way].append(measure(way, options.batch))
            last = results[way][-1]
            print(f"round {number + 1}  {way:<18} {last['images/s']:7.0f} images/s  {last['GB']:.2f} GB", flush=True)
    print(f"\n{'way':<18} images/s (median, range)    epoch [s]   peak memory [GB]   against the usual way")
    for way, runs in results.items():
        rates = [one["images/s"] for one in runs]
        track = way.split(",")[0]
        ratios = [a["images/s"] / b["images/s"] for a, b in zip(runs, results[f"{track}, usual"], strict=True)]
        ratio = f"{statistics.median(ratios):.2f} times as fast" if way == track else ""
        print(
            f"{way:<18} {statistics.median(rates):7.0f}  ({min(rates):.0f} to {max(rates):.0f})".ljust(48)
            + f"{statistics.median(one['seconds'] for one in runs):7.2f} {max(one['GB'] for one in runs):14.2f}       {ratio}"
        )


if __name__ == "__main__":
    main()
