"""What `data.load` returns: a data set of two splits, and the one error that reading can raise."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np


class DataError(Exception):
    """A data set can't be read; the message says what was wrong, what was expected and what to do."""


@dataclass
class Split:
    """One part of a data set: images (N, H, W, C) uint8, labels (N,) int64 or None, attributes name → (N,) text.

    Images of different sizes are a list of (H, W, C) arrays instead of one array.
    """

    images: np.ndarray | list[np.ndarray]
    labels: np.ndarray | None = None
    attributes: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        return f"Split({describe_images(self.images)}{', labelled' if self.labels is not None else ''})"

    def take(self, indices: Sequence[int] | np.ndarray | slice) -> Split:
        """Return the split that holds only the images at these positions, with their labels and attributes."""
        if isinstance(self.images, list):
            chosen = range(*indices.indices(len(self))) if isinstance(indices, slice) else indices
            images = [self.images[int(i)] for i in chosen]
        else:
            images = self.images[indices]
        labels = None if self.labels is None else self.labels[indices]
        return Split(images, labels, {name: values[indices] for name, values in self.attributes.items()})


@dataclass
class Dataset:
    """A data set: two splits, where they come from, and under which licence.

    `variant` is "embedded" (comes with the packages), "full" (the complete published set) or "folder" (your own).
    `more` says how to get the full set, or a larger one.
    """

    name: str
    variant: str
    train: Split
    test: Split
    class_names: list[str]
    source: str
    licence: str
    attribution: str
    more: str = ""

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of all images, labels and attributes: equal hashes mean equal data."""
        return arrays_sha256(self.train, self.test)

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape (H, W, C) of one image, or None where images differ in size."""
        images = self.train.images
        return None if isinstance(images, list) else tuple(images.shape[1:])

    def describe(self) -> str:
        """Return two or three lines of text: what is in use, its licence and attribution, how to get more."""
        size = "different sizes" if self.shape is None else "×".join(str(side) for side in self.shape)
        counts = f"{len(self.train):,} training and {len(self.test):,} test images"
        if len(self.test) == 0:
            counts = f"{len(self.train):,} images"
        classes = f", {len(self.class_names)} classes" if self.train.labels is not None else ""
        credit = f" · {self.attribution}" if self.attribution else ""
        lines = [
            f"{self.name} ({self.variant}): {counts}, {size}{classes}, from {self.source}",
            f"Licence: {self.licence}{credit}",
        ]
        return "\n".join(lines + ([f"More: {self.more}"] if self.more else []))

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, {self.variant!r}, train={self.train!r}, test={self.test!r})"


def describe_images(images: np.ndarray | list[np.ndarray]) -> str:
    """Return the images' count and shape as text, such as "4,000 × 28×28×1"."""
    if isinstance(images, list):
        return f"{len(images):,} × different sizes"
    return f"{len(images):,} × " + "×".join(str(side) for side in images.shape[1:])


def arrays_sha256(*splits: Split) -> str:
    """Return one SHA-256 over the shapes, types and bytes of all arrays of the splits."""
    digest = hashlib.sha256()
    for split in splits:
        images = split.images if isinstance(split.images, list) else [split.images]
        labels = [] if split.labels is None else [split.labels]
        for array in [*images, *labels]:
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        for name, values in sorted(split.attributes.items()):
            digest.update("\0".join([name, *values.tolist()]).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
