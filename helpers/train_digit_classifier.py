"""Train the digit classifier behind `helpers.features` and store its weights.

Run it with `python -m helpers.train_digit_classifier`.

A small convolutional network learns the 4,000 embedded training digits, moved, turned, slanted, scaled, thickened and
thinned anew in every epoch. The 1,000 held-out digits are used once, at the end, to measure it. Batch normalisation is
folded into the convolutions, so that the stored network is five plain layers; the weights are averaged over the steps.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from helpers import data, features, training_records
from helpers.progress import Progress

SEED, EPOCHS, BATCH_SIZE, LEARNING_RATE, DECAY = 0, 40, 100, 4e-3, 0.998


class DigitClassifier(nn.Module):
    """Three convolutions, 48 features, 10 logits; images (B, 1, 28, 28) in [0, 1]."""

    def __init__(self, norm: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 24, kernel_size=5, stride=2, padding=2)  # 28x28 => 14x14
        self.conv2 = nn.Conv2d(24, 48, kernel_size=3, stride=2, padding=1)  # 14x14 => 7x7
        self.conv3 = nn.Conv2d(48, 64, kernel_size=3, stride=1, padding=1)
        self.dense1 = nn.Linear(7 * 7 * 64, features.FEATURES)
        self.dense2 = nn.Linear(features.FEATURES, 10)
        self.norms = nn.ModuleList(nn.BatchNorm2d(n) if norm else nn.Identity() for n in (24, 48, 64))
        self.drop = nn.Dropout(0.3)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Images (B, 1, 28, 28) → the 48 numbers before the last layer, ≥ 0."""
        for conv, norm in zip((self.conv1, self.conv2, self.conv3), self.norms, strict=True):
            x = F.relu(norm(conv(x)))
        x = x.permute(0, 2, 3, 1).flatten(1)  # (B, 7*7*64), height, width, channel
        return F.relu(self.dense1(self.drop(x)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images (B, 1, 28, 28) → logits (B, 10)."""
        return self.dense2(self.features(x))


def augment(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Move, turn, slant, scale, thicken or thin each digit of (B, 1, 28, 28), in [0, 1], by its own random amounts."""
    n = len(x)

    def uniform(low: float, high: float) -> torch.Tensor:
        return torch.rand(n, generator=generator) * (high - low) + low

    angle, slant = uniform(-0.26, 0.26), uniform(-0.3, 0.3)
    wide, tall = uniform(0.85, 1.18), uniform(0.85, 1.18)
    matrix = torch.stack(
        [
            torch.stack([torch.cos(angle) * wide, torch.sin(angle) * tall + slant, uniform(-0.15, 0.15)], dim=1),
            torch.stack([-torch.sin(angle) * wide, torch.cos(angle) * tall, uniform(-0.15, 0.15)], dim=1),
        ],
        dim=1,
    )
    grid = F.affine_grid(matrix, list(x.shape), align_corners=False)
    x = F.grid_sample(x, grid, align_corners=False)
    amount = uniform(-0.7, 0.7).view(n, 1, 1, 1)
    thick = F.max_pool2d(x, 3, stride=1, padding=1)
    thin = -F.max_pool2d(-x, 3, stride=1, padding=1)
    return x + amount.clamp(min=0) * (thick - x) + (-amount).clamp(min=0) * (thin - x)


def train(images: np.ndarray, labels: np.ndarray, epochs: int = EPOCHS, seed: int = SEED) -> DigitClassifier:
    """Train on uint8 images (N, 28, 28, 1) and labels (N,); returns the averaged network, ready to evaluate."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    x = torch.from_numpy(images.astype(np.float32) / 255).permute(0, 3, 1, 2)
    y = torch.from_numpy(labels)
    model = DigitClassifier().to(memory_format=torch.channels_last)
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(DECAY), use_buffers=True
    )
    steps = epochs * (len(x) // BATCH_SIZE)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps, pct_start=0.15)
    for _ in (bar := Progress(range(epochs), "training the digit classifier")):
        model.train()
        total = 0.0
        for chosen in torch.randperm(len(x), generator=generator).view(-1, BATCH_SIZE):
            loss = F.cross_entropy(model(augment(x[chosen], generator)), y[chosen], label_smoothing=0.02)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            average.update_parameters(model)
            total += loss.item()
        bar.note(f"loss {total / (len(x) // BATCH_SIZE):.3f}")
    return average.module.eval()


def folded(model: DigitClassifier) -> DigitClassifier:
    """The same function without batch normalisation: its scale and shift become part of each convolution."""
    plain = DigitClassifier(norm=False).eval()
    for name, norm in zip(("conv1", "conv2", "conv3"), model.norms, strict=True):
        merged = nn.utils.fuse_conv_bn_eval(getattr(model, name), norm)
        getattr(plain, name).load_state_dict(merged.state_dict())
    for name in ("dense1", "dense2"):
        getattr(plain, name).load_state_dict(getattr(model, name).state_dict())
    return plain


def accuracy(model: DigitClassifier, images: np.ndarray, labels: np.ndarray) -> float:
    """The share of images (N, 28, 28, 1), uint8, that the network names rightly."""
    x = torch.from_numpy(images.astype(np.float32) / 255).permute(0, 3, 1, 2)
    with torch.no_grad():
        return float((model(x).argmax(dim=1).numpy() == labels).mean())


def main(arguments: list[str] | None = None) -> None:
    """Train, measure and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--folder", type=Path, default=None, help="where the weights go (default: beside the package)")
    chosen = parser.parse_args(arguments)
    digits = data.load("mnist", prefer="embedded")
    began = time.perf_counter()
    model = folded(train(digits.train.images, digits.train.labels, chosen.epochs, chosen.seed))
    minutes = (time.perf_counter() - began) / 60
    held_out = accuracy(model, digits.test.images, digits.test.labels)
    print(f"{100 * held_out:.1f} % of {len(digits.test):,} held-out digits right after {minutes:.1f} minutes")
    training_records.store(
        features.CHECKPOINT,
        model,
        digits,
        chosen.folder,
        what="digit classifier: 3 convolutions, 48 features, 10 classes",
        script=__file__,
        minutes=minutes,
        seed=chosen.seed,
        profile="quick",
        epochs=chosen.epochs,
        held_out_accuracy=round(held_out, 4),
        held_out_error_sd=round(math.sqrt(held_out * (1 - held_out) / len(digits.test)), 4),
    )


if __name__ == "__main__":
    main()
