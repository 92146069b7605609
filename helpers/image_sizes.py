"""How large the images of a folder are, without decoding them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from helpers.data_types import DataError
from helpers.decode import NoImageError
from helpers.folders import opened


def image_sizes(folder: str | Path) -> np.ndarray:
    """Return width and height in pixels of all images below a folder or in a .zip: (N, 2), ordered by file name.

    The sizes are those in the files, before any rotation that a camera asks for. folder: a path, or a name inside
    COURSE_DATA. Raises DataError where there is no image, or names the first file that is none.
    """
    from PIL import Image, UnidentifiedImageError

    sizes = []
    with opened(folder) as (path, files, _):
        for file in sorted(files, key=lambda file: file.name):
            try:
                with Image.open(io.BytesIO(file.read())) as image:
                    sizes.append(image.size)
            except (NoImageError, UnidentifiedImageError, OSError) as error:
                raise DataError(f"{path}: {file.name} can't be read as an image. Repair or remove it.") from error
        if not sizes:
            raise DataError(f"{path} holds no images.")
    return np.array(sizes, dtype=np.int64)


def smallest_side(folder: str | Path) -> int:
    """Return the smallest width or height, in pixels, of all images below a folder or in a .zip. Raises DataError."""
    return int(image_sizes(folder).min())
