"""Pictures for style transfer: any file, array or photo of the course, as float pixels of a chosen size; and back to files."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers import decode
from helpers.data_sources import PHOTOS, package_folder
from helpers.data_types import DataError
from helpers.resizing import resize_to

if TYPE_CHECKING:
    from PIL import Image

TITLES = tuple(photo.title for photo in PHOTOS)
LEAST = 2  # pixels of a side
FINER = 2  # a large picture first shrinks by whole numbers to so many times the size asked for
KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
JPEG_QUALITY = 92
LARGEST = {"u1": 255, "u2": 65535}


def load(source: Any, side: int = 256, square: bool = False, background: str = "white") -> np.ndarray:
    """A picture as float32 in [0, 1], RGB, (H, W, 3), its longer side shrunk to `side` pixels.

    source: the title of one of the course's photos (TITLES, such as "coffee"); the path of an image file; the bytes of
    one; a PIL image; or an array (H, W), (H, W, 1), (H, W, 2) grey with alpha, (H, W, 3), (H, W, 4) with alpha, also as
    a batch of one, of bool, uint8, uint16, other whole numbers from 0 to 65,535, or floats in [0, 1] (a little outside,
    as interpolation leaves them, is clipped).
    The camera's rotation (EXIF) is applied, transparency lies on `background` (a colour's name or "#rrggbb"), 16 bits
    and CMYK become RGB, an animation gives its first frame. Shrinking is antialiased (bicubic). A picture is never
    enlarged: a smaller one keeps its size. With `square`, its centre becomes exactly side × side, enlarged if need be.
    DataError says in one sentence why something is no picture: an empty or damaged file, text, a folder, NaN, values
    out of range, another shape, or a side of less than two pixels, before or after shrinking.
    """
    if side < LEAST:
        raise ValueError(f"side is {side}; it must be {LEAST} or more pixels")
    filling = decode.colour(background)
    name, image = _opened(source, side)
    try:
        pixels = _prepared(image, name, side, square, filling)
    except decode.NoImageError as error:
        raise DataError(f"{name} can't be used as a picture: {error}.") from error
    except ValueError as error:
        raise DataError(f"{name} can't be used as a picture: {error}.") from error
    height, width = _size(pixels, side, square)
    if min(height, width) < LEAST:
        raise DataError(
            f"{name} is too narrow: at a longer side of {side} pixels it is {height}×{width}; "
            f"both sides must be {LEAST} or more. Crop it, or use square=True for its centre."
        )
    return resize_to(pixels[None], height, width)[0]


def save(path: str | Path, image: Any, overwrite: bool = False) -> Path:
    """Write a picture to a .png or .jpg file, whole or not at all; returns the path.

    image: (H, W, 3) or any other array that `load` takes, also a batch of one. A file that is already there is kept, unless
    `overwrite` is given, so no photo is lost by a name chosen twice. DataError says why nothing was written.
    """
    from PIL import Image

    target = Path(path).expanduser()
    kind = KINDS.get(target.suffix.lower())
    if kind is None:
        raise DataError(f"{target} must end in one of {', '.join(KINDS)}.")
    if target.exists() and not overwrite:
        raise DataError(f"{target} is already there. Choose another name, or pass overwrite=True to replace it.")
    try:
        pixels = np.rint(255 * _flattened(_checked(image), (255, 255, 255))).astype(np.uint8)
    except ValueError as error:
        raise DataError(f"this can't be saved as a picture: {error}.") from error
    temporary = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            settings = {"quality": JPEG_QUALITY, "subsampling": 0} if kind == "JPEG" else {}
            with temporary.open("xb") as file:
                Image.fromarray(pixels).save(file, kind, **settings)
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{target} can't be written: {error}.") from error
    return target


def crops(
    images: Sequence[np.ndarray], count: int, side: int, shares: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """Random squares of random images, half of them mirrored: float32 (count, side, side, 3) in [0, 1].

    images: uint8 arrays (H, W, 3). shares: (low, high), a square's side as a share of the image's shorter one; a square is
    no smaller than `side`, unless the image is. ValueError where there is no image.
    """
    from PIL import Image

    if not len(images):
        raise ValueError("crops needs at least one image")
    out = np.empty((count, side, side, 3), np.float32)
    for row in out:
        image = images[rng.integers(len(images))]
        least = min(image.shape[:2])
        width = min(least, max(side, int(least * rng.uniform(*shares))))
        top, left = (int(rng.integers(n - width + 1)) for n in image.shape[:2])
        square = Image.fromarray(image[top : top + width, left : left + width])
        row[:] = np.asarray(square.resize((side, side), Image.Resampling.BILINEAR), np.float32) / 255
        if rng.random() < 0.5:
            row[:] = row[:, ::-1].copy()
    return out


def _opened(source: Any, side: int) -> tuple[str, Any]:
    """What to call the source in errors, and its PIL image or array."""
    from PIL import Image, ImageOps

    if isinstance(source, Image.Image):
        return "this image", ImageOps.exif_transpose(source)
    if isinstance(source, bytes | bytearray | memoryview):
        name, content = "this image", bytes(source)
    elif isinstance(source, str | os.PathLike):
        name, content = _content(source)
    else:
        return "this array", np.asarray(source)
    try:
        return name, decode.decoded(content, FINER * side)
    except decode.NoImageError as error:
        raise DataError(f"{name} can't be used as a picture: {error}.") from error


def _content(source: str | os.PathLike) -> tuple[str, bytes]:
    """The name and bytes of a photo of the course, or of a file."""
    for photo in PHOTOS:
        if photo.title == source:
            distribution = {"sklearn": "scikit-learn", "skimage": "scikit-image"}[photo.package]
            path = package_folder(photo.package, distribution) / photo.file
            break
    else:
        path = Path(source).expanduser()
    if path.is_dir():
        raise DataError(f"{path} is a folder. Name one image file in it.")
    if not path.is_file():
        raise DataError(f"there is no file {path}. Give the path of an image, or a title: {', '.join(TITLES)}.")
    try:
        return str(path), path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} can't be read ({error}).") from error


def _prepared(image: Any, name: str, side: int, square: bool, background: tuple[int, int, int]) -> np.ndarray:
    """Pixels (H, W, 3), float32 in [0, 1], at most a little larger than needed, cropped where a square is wanted."""
    is_array = isinstance(image, np.ndarray)
    image = _one(image) if is_array else image
    height, width = image.shape[:2] if is_array else image.size[::-1]
    if min(height, width) < LEAST:
        raise DataError(f"{name} is too small for a picture: {height}×{width} pixels, both must be {LEAST} or more.")
    least, longest = min(height, width), max(height, width)
    factor = max(1, (least if square else longest) // (FINER * side))
    factor = min(factor, least)
    top, left = ((height - least) // 2, (width - least) // 2) if square else (0, 0)
    bottom, right = (top + least, left + least) if square else (height, width)
    if is_array:
        return _flattened(_checked(image[top:bottom, left:right], factor), background)
    image = image.crop((left, top, right, bottom)) if square else image
    return np.asarray(decode.to_rgb(_reduced(image, factor), background)).astype(np.float32) / 255


def _size(pixels: np.ndarray, side: int, square: bool) -> tuple[int, int]:
    """The height and width that the picture shall have."""
    if square:
        return side, side
    height, width = pixels.shape[:2]
    scale = min(1.0, side / max(height, width))
    return round(height * scale), round(width * scale)


def _reduced(image: Image.Image, factor: int) -> Image.Image:
    """The image shrunk by a whole number, every pixel the mean of a block; done before conversions, which take memory."""
    from PIL import Image

    if factor == 1:
        return image
    if image.mode.startswith("I;"):
        return Image.fromarray(np.rint(_block_means(np.asarray(image)[..., None], factor)[..., 0]).astype(np.uint16))
    if decode.is_transparent(image):
        image = image.convert("RGBA")
    elif image.mode in ("1", "P"):
        image = image.convert("RGB")
    return image.reduce(factor)


def _one(array: np.ndarray) -> np.ndarray:
    """The array as (H, W, C), C from 1 to 4; ValueError for another shape."""
    x = array[0] if array.ndim == 4 and len(array) == 1 else array
    x = x[..., None] if x.ndim == 2 else x
    if x.ndim == 3 and x.shape[2] > 4 and x.shape[0] in (1, 3, 4):
        raise ValueError(f"its shape {array.shape} has the channels first; (H, W, 3) is wanted")
    if x.ndim != 3 or not 1 <= x.shape[2] <= 4:
        raise ValueError(f"its shape is {array.shape}; (H, W), (H, W, 3) or (H, W, 4) is wanted")
    if x.size == 0:
        raise ValueError(f"its shape {array.shape} is empty")
    return x


def _checked(array: Any, factor: int = 1) -> np.ndarray:
    """Pixels (H, W, C), float32 in [0, 1], shrunk by a whole number; ValueError for another shape, kind or range."""
    x = _one(np.asarray(array))
    if x.dtype.kind == "f":
        if not np.isfinite(x).all():
            raise ValueError("it has NaN or infinite pixels")
        if x.min() < -0.5 or x.max() > 1.5:
            raise ValueError(f"floats must lie in [0, 1]; these go from {x.min():.3g} to {x.max():.3g}")
        return _block_means(x, factor).clip(0, 1)
    if x.dtype.kind == "b":
        return _block_means(x, factor)
    if x.dtype.kind not in "iu":
        raise ValueError(f"it holds {x.dtype}, not numbers of pixels")
    largest = LARGEST.get(x.dtype.str[1:]) or (255 if x.max() <= 255 else 65535)
    if x.min() < 0 or x.max() > largest:
        raise ValueError(f"whole numbers must lie between 0 and 65,535; these go from {x.min()} to {x.max()}")
    return _block_means(x, factor) / np.float32(largest)


def _block_means(x: np.ndarray, factor: int) -> np.ndarray:
    """The mean of each block of factor × factor pixels, float32, in rows of blocks to save memory; (H, W, C) → (h, w, C)."""
    if factor == 1:
        return x.astype(np.float32)
    height, width = (size // factor for size in x.shape[:2])
    means = np.empty((height, width, x.shape[2]), dtype=np.float32)
    for row in range(height):
        block = x[row * factor : (row + 1) * factor, : width * factor]
        means[row] = block.reshape(factor, width, factor, -1).mean(axis=(0, 2), dtype=np.float32)
    return means


def _flattened(x: np.ndarray, background: tuple[int, int, int]) -> np.ndarray:
    """Pixels (H, W, 1 … 4) as (H, W, 3): grey in three channels, transparency on the background."""
    colours = x[..., :1].repeat(3, axis=2) if x.shape[2] < 3 else x[..., :3]
    if x.shape[2] in (1, 3):
        return colours
    alpha = x[..., -1:]
    return colours * alpha + (1 - alpha) * np.array(background, dtype=np.float32) / 255
