"""One image file, of whatever kind, as a square of uint8 pixels."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from helpers.data_types import DataError

if TYPE_CHECKING:
    from PIL import Image

TEXT_BYTES = frozenset(range(32, 127)) | {9, 10, 13}


class NoImageError(Exception):
    """One file can't be read as an image; the message is the reason in a few words."""


def square_pixels(
    content: bytes, resolution: int, channels: int = 3, background: tuple[int, int, int] = (255, 255, 255)
) -> np.ndarray:
    """Return the centre square of an encoded image as (resolution, resolution, channels) uint8.

    Camera rotation (EXIF) is applied, transparency lies on `background`, 16 bits become 8, an animation gives its first
    frame. Resized by Lanczos. Raises NoImageError.
    """
    from PIL import Image

    image = to_rgb(decoded(content, 2 * resolution), background)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    image = image.resize((resolution, resolution), Image.Resampling.LANCZOS, box=box)
    pixels = np.asarray(image.convert("L") if channels == 1 else image)
    return pixels.reshape(resolution, resolution, channels)


def whole_pixels(content: bytes, background: tuple[int, int, int] = (255, 255, 255)) -> np.ndarray:
    """Return an encoded image at its own size as (H, W, 3) uint8. Raises NoImageError."""
    return np.asarray(to_rgb(decoded(content), background))


def decoded(content: bytes, at_least: int | None = None) -> Image.Image:
    """Return the upright image; a JPEG may come smaller, with no side below `at_least`. Raises NoImageError."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not content:
        raise NoImageError("the file is empty")
    try:
        image = Image.open(io.BytesIO(content))
        if at_least is not None:
            image.draft(None, (at_least, at_least))
        image.load()
        return ImageOps.exif_transpose(image)
    except UnidentifiedImageError as error:
        is_text = TEXT_BYTES.issuperset(content[:200])
        raise NoImageError("it holds text, not an image" if is_text else "not an image of a known kind") from error
    except Image.DecompressionBombError as error:
        raise NoImageError(f"more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels") from error
    except Exception as error:  # the decoders raise many kinds: each means that this file can't be read
        cut = "truncated" in str(error).lower() or isinstance(error, EOFError)
        raise NoImageError("cut off: the file ends before its image does" if cut else f"damaged ({error})") from error


def to_rgb(image: Image.Image, background: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    """Return the image as 8-bit RGB: transparency on `background`, 16-bit and float grey scaled to 0..255."""
    from PIL import Image

    if is_transparent(image):
        layer = image.convert("RGBA")
        canvas = Image.new("RGBA", layer.size, (*background, 255))
        return Image.alpha_composite(canvas, layer).convert("RGB")
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_to_8_bits(np.asarray(image), image.mode)).convert("RGB")
    return image.convert("RGB")


def is_transparent(image: Image.Image) -> bool:
    """Whether some of the image's pixels may be transparent, by an alpha channel or by a colour named for it."""
    keyed = "transparency" in image.info and image.mode in ("1", "L", "P", "RGB")
    return keyed or image.mode in ("RGBA", "LA", "PA", "La", "RGBa")


def _to_8_bits(values: np.ndarray, mode: str) -> np.ndarray:
    """Return grey values of 16 or 32 bits, or floats in [0, 1] or [0, 255], as uint8. Raises NoImageError."""
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise NoImageError("its pixels are not finite numbers")
    largest = 65535.0 if mode != "F" else 1.0 if values.max() <= 1.0 else 255.0
    scale = 255.0 / max(largest, float(values.max()))
    return np.clip(np.rint(values * scale), 0, 255).astype(np.uint8)


def colour(text: str) -> tuple[int, int, int]:
    """Return the red, green and blue (0..255) of a colour's name or #rrggbb; raises DataError for an unknown one."""
    from PIL import ImageColor

    try:
        red, green, blue = ImageColor.getrgb(text)[:3]
    except (ValueError, AttributeError) as error:
        raise DataError(f'background={text!r} is no colour. Give a name, as "white", or "#rrggbb".') from error
    return red, green, blue
