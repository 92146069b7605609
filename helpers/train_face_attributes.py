"""Train the reader of face attributes behind `helpers.features` and store its weights.

Run it with `python -m helpers.train_face_attributes`.

A small convolutional network with one group of outputs for each attribute learns drawn faces whose attributes are known.
At first they are as drawn; then more and more of them are moved a little, blurred, shrunk, made noisy, compressed or
changed in contrast, because the network will judge what generators draw. Every tenth face is held out, to measure. Batch
normalisation is folded into the convolutions; the weights are averaged over the steps.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from helpers import data, training_records
from helpers.face_attributes import CHECKPOINT, CONVOLUTIONS, DETAIL, FACE_ATTRIBUTES, FEATURES, SIDE
from helpers.progress import Progress

SEED, IMAGES, EPOCHS, BATCH_SIZE, LEARNING_RATE, DECAY = 0, 20_000, 12, 64, 4e-3, 0.998
# Faint lines, such as the mouth's, are learnt from untouched faces: all of them are at first, a third of them at last.
CHANGED, RISE = 2 / 3, 0.5
SIZES = [len(values) for values in FACE_ATTRIBUTES.values()]


class FaceReader(nn.Module):
    """Fine detail, six convolutions, 96 features, logits of all attributes side by side; images (B, 3, 64, 64) in [0, 1]."""

    def __init__(self, norm: bool = True) -> None:
        super().__init__()
        inputs = (4, *(filters for filters, _, _ in CONVOLUTIONS))
        self.convs = nn.ModuleList(
            nn.Conv2d(before, filters, kernel_size=size, stride=stride, padding=size // 2)
            for before, (filters, size, stride) in zip(inputs, CONVOLUTIONS, strict=False)
        )
        side = SIDE // math.prod(stride for _, _, stride in CONVOLUTIONS)
        self.dense1 = nn.Linear(side * side * inputs[-1], FEATURES)
        self.dense2 = nn.Linear(FEATURES, sum(SIZES))
        self.norms = nn.ModuleList(nn.BatchNorm2d(n) if norm else nn.Identity() for n in inputs[1:])
        self.drop = nn.Dropout(0.1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images (B, 3, 64, 64) → logits (B, all values of all attributes)."""
        x = with_detail(x)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.relu(norm(conv(x)))
        x = x.permute(0, 2, 3, 1).flatten(1)  # (B, 8*8*32), height, width, channel
        return self.dense2(F.relu(self.dense1(self.drop(x))))


def with_detail(x: torch.Tensor) -> torch.Tensor:
    """Images (B, 3, H, W) with a fourth channel, as `helpers.face_attributes.with_detail` adds it in NumPy."""
    grey = x.mean(dim=1, keepdim=True)
    around = F.avg_pool2d(F.pad(grey, (2, 2, 2, 2), mode="replicate"), 5, stride=1)
    return torch.cat([x, (DETAIL * (grey - around)).clamp(-1, 1)], dim=1)


def augment(x: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """Move and change about this share of the faces (B, 3, 64, 64), in [0, 1], each by its own random amounts."""

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return torch.rand(len(x), *shape, generator=generator) * (high - low) + low

    def some(chance: float) -> torch.Tensor:
        return (uniform(0, 1, 1, 1, 1) < chance).float()

    drawn, x = x, moved(x, uniform)
    small = F.interpolate(F.avg_pool2d(x, 2), scale_factor=2, mode="bicubic", antialias=True)
    x = x + some(0.2) * (small - x)
    x = x + some(0.3) * uniform(0.3, 1, 1, 1, 1) * (blurred(x) - x)
    gain, colour, light = uniform(0.92, 1.08, 1, 1, 1), uniform(-0.01, 0.01, 3, 1, 1), uniform(-0.03, 0.03, 1, 1, 1)
    x = x + some(0.6) * ((x - 0.5) * gain + 0.5 + colour + light - x)
    x = x + some(0.3) * (compressed(x, uniform(0.01, 0.06, 1, 1, 1)) - x)
    noise = torch.randn(x.shape, generator=generator)
    x = (x + some(0.4) * uniform(0, 0.06, 1, 1, 1) * noise).clamp(0, 1)
    return torch.where(some(share) > 0, x, drawn)


def moved(x: torch.Tensor, uniform: Callable[..., torch.Tensor]) -> torch.Tensor:
    """Each face shifted by up to 2 pixels, turned by up to 2°, scaled by up to 4 %; the border goes on outside."""
    angle, wide, tall = uniform(-0.035, 0.035), uniform(0.96, 1.04), uniform(0.96, 1.04)
    right, down = uniform(-0.063, 0.063), uniform(-0.063, 0.063)
    matrix = torch.stack(
        [
            torch.stack([torch.cos(angle) * wide, torch.sin(angle) * tall, right], dim=1),
            torch.stack([-torch.sin(angle) * wide, torch.cos(angle) * tall, down], dim=1),
        ],
        dim=1,
    )
    grid = F.affine_grid(matrix, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def blurred(x: torch.Tensor) -> torch.Tensor:
    """Each pixel the weighted mean of 5×5 around it: a bell with a standard deviation of 1 pixel."""
    line = torch.tensor([1.0, 4, 6, 4, 1]) / 16
    kernel = torch.outer(line, line).expand(3, 1, 5, 5)
    return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="replicate"), kernel, groups=3)


def compressed(x: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
    """What JPEG does to (B, 3, 64, 64): frequencies of 8×8 blocks, rounded to multiples of a step (B, 1, 1, 1).

    The step grows with the frequency, up to eightfold. It is a share of the range of pixels.
    """
    k = torch.arange(8)
    basis = torch.cos(math.pi / 8 * (k + 0.5) * k[:, None]) / 2  # the discrete cosine transform, orthonormal
    basis[0] /= math.sqrt(2)
    steps = step[..., None, None] * (1 + (k + k[:, None]) / 2)
    blocks = x.unflatten(3, (-1, 8)).unflatten(2, (-1, 8)).transpose(3, 4)  # (B, 3, 8, 8, 8, 8)
    rounded = torch.round(basis @ blocks @ basis.T / steps) * steps
    return (basis.T @ rounded @ basis).transpose(3, 4).flatten(4, 5).flatten(2, 3)


def targets(attributes: dict[str, np.ndarray]) -> torch.Tensor:
    """Values as text → their positions in FACE_ATTRIBUTES, (N, attributes), int64. ValueError names an unknown value."""
    columns = []
    for name, values in FACE_ATTRIBUTES.items():
        unknown = sorted(set(attributes[name].tolist()) - set(values))
        if unknown:
            raise ValueError(f"{name} has values that FACE_ATTRIBUTES lacks: {', '.join(unknown)}")
        columns.append(np.searchsorted(values, attributes[name]))
    return torch.from_numpy(np.stack(columns, axis=1))


def follow(averages: Any, now: Any, step: Any) -> None:
    """Move averaged weights towards those of this step; at first in larger moves, so that the start is forgotten."""
    decay = min(DECAY, (1 + int(step)) / (10 + int(step)))
    torch.optim.swa_utils.get_ema_multi_avg_fn(decay)(averages, now, step)


def train(images: np.ndarray, y: torch.Tensor, epochs: int = EPOCHS, seed: int = SEED) -> FaceReader:
    """Train on uint8 images (N, 64, 64, 3) and targets (N, attributes); returns the averaged network, ready to evaluate."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.from_numpy(images)
    model = FaceReader().to(memory_format=torch.channels_last)
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=follow, use_buffers=True)
    each = len(images) // BATCH_SIZE
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=epochs * each, pct_start=0.15)
    for epoch in (bar := Progress(range(epochs), "training the reader of face attributes")):
        share = CHANGED * min(1.0, epoch / epochs / RISE)
        model.train()
        total = 0.0
        for chosen in torch.randperm(len(images), generator=generator)[: each * BATCH_SIZE].view(-1, BATCH_SIZE):
            x = augment(pixels[chosen].permute(0, 3, 1, 2) / 255, share, generator)
            parts = model(x).split(SIZES, dim=1)
            loss = sum(F.cross_entropy(part, y[chosen, i]) for i, part in enumerate(parts))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            average.update_parameters(model)
            total += loss.item()
        bar.note(f"loss {total / each:.3f}")
    return average.module.eval()


def folded(model: FaceReader) -> FaceReader:
    """The same function without batch normalisation: its scale and shift become part of each convolution."""
    plain = FaceReader(norm=False).eval()
    for target, conv, norm in zip(plain.convs, model.convs, model.norms, strict=True):
        target.load_state_dict(nn.utils.fuse_conv_bn_eval(conv, norm).state_dict())
    for name in ("dense1", "dense2"):
        getattr(plain, name).load_state_dict(getattr(model, name).state_dict())
    return plain


def accuracies(model: FaceReader, images: np.ndarray, y: torch.Tensor) -> dict[str, float]:
    """For each attribute the share of images (N, 64, 64, 3), uint8, whose value the network names rightly."""
    with torch.no_grad():
        logits = [model(part.permute(0, 3, 1, 2) / 255) for part in torch.from_numpy(images).split(250)]
    parts = torch.cat(logits).split(SIZES, dim=1)
    right = {
        name: part.argmax(dim=1) == y[:, i] for i, (name, part) in enumerate(zip(FACE_ATTRIBUTES, parts, strict=True))
    }
    return {name: round(float(hits.float().mean()), 4) for name, hits in right.items()}


def main(arguments: list[str] | None = None) -> None:
    """Train, measure and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--folder", type=Path, default=None, help="where the weights go (default: beside the package)")
    chosen = parser.parse_args(arguments)
    faces = data.load("characters", n=chosen.images, resolution=SIDE)
    began = time.perf_counter()
    model = folded(train(faces.train.images, targets(faces.train.attributes), chosen.epochs, chosen.seed))
    minutes = (time.perf_counter() - began) / 60
    held_out = accuracies(model, faces.test.images, targets(faces.test.attributes))
    print(f"right on {len(faces.test):,} held-out faces after {minutes:.1f} minutes: {held_out}")
    training_records.store(
        CHECKPOINT,
        model,
        faces,
        chosen.folder,
        what="reader of face attributes: 6 convolutions, 96 features, 10 attributes",
        script=__file__,
        minutes=minutes,
        seed=chosen.seed,
        epochs=chosen.epochs,
        held_out_accuracy=held_out,
    )


if __name__ == "__main__":
    main()
