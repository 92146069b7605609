"""Two domains of images from files: two folders of your own, or monet2photo in any of the forms that it is published in."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from helpers import folders
from helpers.data_types import DataError, Split
from helpers.folders import IMAGE_SUFFIXES, ImageFile
from helpers.tfrecords import parse_example, read_records

RECORD_SUFFIXES = frozenset((".tfrec", ".tfrecord", ".tfrecords"))
# The folders of Monet's paintings and of photographs: the authors' archive, Kaggle's two forms, and a plain one.
LAYOUTS = (
    ("trainA", "trainB", "testA", "testB"),
    ("monet_tfrec", "photo_tfrec"),
    ("monet_jpg", "photo_jpg"),
    ("monet", "photo"),
)
HOW_TO_GET = (
    "Any of these is read:\n"
    "  · the CycleGAN authors' archive with trainA, trainB, testA and testB (about 290 MB):\n"
    "    https://efrosgans.eecs.berkeley.edu/cyclegan/datasets/monet2photo.zip\n"
    "  · the Kaggle competition's files, as TFRecords (monet_tfrec, photo_tfrec) or as images (monet_jpg, photo_jpg):\n"
    "    https://www.kaggle.com/competitions/gan-getting-started/data\n"
    "  · a folder of your own with the subfolders monet and photo\n"
    "Unpacked or as .zip. Put it where COURSE_DATA points to, as monet2photo or monet2photo.zip, or name it: "
    'data.load_domains("monet2photo", folder="path")'
)


def two_folders(
    first: str | Path, second: str | Path, resolution: int, n: int | None, n_test: int | None, quiet: bool
) -> dict[str, Any]:
    """Return the fields of `Domains` for two folders or .zip files of images, A and B.

    One tenth of each side, chosen by file name, is for testing. Images of any size, the two sides' different ones too,
    are cut to their centre square and resized. Raises DataError.
    """
    paths = (folders.find(first), folders.find(second))
    if paths[0].resolve() == paths[1].resolve():
        raise DataError(f"Both domains are {paths[0]}; expected two different folders.")
    sides = []
    for path, domain in zip(paths, "AB", strict=True):
        with folders.opened(path) as (_, files, others):
            if not files:
                kinds = sorted({PurePosixPath(name).suffix.lower() or "no ending" for name in others})
                found = ", ".join(kinds) or "nothing"
                raise DataError(
                    f"Domain {domain} is empty: {path} holds no images (found: {found}). Each domain needs at least one."
                )
            train, test = _shared_out(files)
            sides.append(_splits(path, train[:n], test[:n_test], resolution, quiet))
    names = (paths[0].stem, paths[1].stem)
    return {
        "name": f"{names[0]} and {names[1]}",
        "variant": "folder",
        "names": names,
        "train_a": sides[0][0],
        "train_b": sides[1][0],
        "test_a": sides[0][1],
        "test_b": sides[1][1],
        "paired": False,
        "source": f"{paths[0].name} and {paths[1].name}",
        "licence": "not known to the course: it is that of your images",
        "attribution": "",
    }


def monet2photo(
    folder: str | Path | None, resolution: int, n: int | None, n_test: int | None, quiet: bool
) -> dict[str, Any]:
    """Return the fields of `Domains` for Monet's paintings (A) and landscape photographs (B).

    They are in `folder`, or in COURSE_DATA as monet2photo or monet2photo.zip, in one of `LAYOUTS`. Where the layout has
    no test folders, one tenth of each side, chosen by name, is for testing. Raises DataError.
    """
    place = _place() if folder is None else folder
    with folders.opened(place, IMAGE_SUFFIXES | RECORD_SUFFIXES) as (path, files, _):
        layout, by_folder = _layout(path, files)
        images = [_images(by_folder[name], name) for name in layout]
        if len(images) == 4:
            train_a, train_b, test_a, test_b = (sorted(side, key=lambda file: file.key) for side in images)
        else:
            (train_a, test_a), (train_b, test_b) = (_shared_out(side) for side in images)
        side_a = _splits(path, train_a[:n], test_a[:n_test], resolution, quiet)
        side_b = _splits(path, train_b[:n], test_b[:n_test], resolution, quiet)
    return {
        "name": "monet2photo",
        "variant": "full",
        "names": ("Monet", "photos"),
        "train_a": side_a[0],
        "train_b": side_b[0],
        "test_a": side_a[1],
        "test_b": side_b[1],
        "paired": False,
        "source": f"{path.name} ({' and '.join(layout[:2])})",
        "licence": "none stated by the collection; Monet's paintings (he died in 1926) are in the public domain, the "
        "photographs are their owners'",
        "attribution": "Zhu, Park, Isola and Efros (2017), arXiv:1703.10593, from WikiArt and Flickr",
    }


def _place() -> Path:
    """Return where monet2photo lies in COURSE_DATA; raises DataError that says how to get it."""
    course_data = os.environ.get("COURSE_DATA")
    for name in ("monet2photo", "monet2photo.zip"):
        if course_data and (path := Path(course_data).expanduser() / name).exists():
            return path
    looked = f"{Path(course_data).expanduser()} holds none" if course_data else "COURSE_DATA is not set"
    raise DataError(f"monet2photo does not come with a package, and {looked}. {HOW_TO_GET}.")


def _layout(path: Path, files: list[ImageFile]) -> tuple[tuple[str, ...], dict[str, list[ImageFile]]]:
    """Return the names of the layout's folders, and each one's files; raises DataError where there is no such layout.

    Testing folders may be missing or empty; training folders may not.
    """
    by_folder: dict[str, list[ImageFile]] = {}
    for file in files:
        for part in PurePosixPath(file.name).parts[:-1]:
            by_folder.setdefault(part, []).append(file)
    for layout in LAYOUTS:
        pair = layout[:2]
        present = [name in by_folder for name in pair]
        if all(present):
            tests = [by_folder.setdefault(name, []) for name in layout[2:]]
            return (layout if any(tests) else pair), by_folder
        if any(present):
            there, missing = pair if present[0] else pair[::-1]
            raise DataError(
                f"{path} holds images in {there}, but none in {missing}: one of the two domains is empty. {HOW_TO_GET}."
            )
    wanted = "; ".join(" and ".join(layout[:2]) for layout in LAYOUTS)
    seen = ", ".join(sorted(by_folder)[:8]) or "none with images"
    raise DataError(
        f"{path} is not laid out as monet2photo: expected the folders {wanted}; found {seen}. {HOW_TO_GET}."
    )


def _images(files: list[ImageFile], folder: str) -> list[ImageFile]:
    """Return the image files; a TFRecord among them becomes the images that it holds."""
    images: list[ImageFile] = []
    for file in sorted(files, key=lambda file: file.name):
        if PurePosixPath(file.name).suffix.lower() in RECORD_SUFFIXES:
            images += _images_in_records(file)
        else:
            images.append(file)
    if not images and folder not in ("testA", "testB"):
        raise DataError(f"{folder} holds no images: one of the two domains is empty.")
    return images


def _images_in_records(file: ImageFile) -> list[ImageFile]:
    """Return the images of a TFRecord file, by the features image (an encoded image) and image_name."""
    try:
        content = file.read()
    except folders.NoImageError as error:
        raise DataError(f"{file.name} can't be read: {error}") from error
    images = []
    for i, payload in enumerate(read_records(content, file.name)):
        where = f"{file.name}, record {i + 1}"
        features = parse_example(payload, where)
        image = features.get("image")
        if not isinstance(image, list) or len(image) != 1:
            raise DataError(
                f"{where} has no feature image with one encoded image (found: {', '.join(sorted(features)) or 'none'}). "
                "Expected the features image, image_name and target of the Kaggle competition's files."
            )
        given = features.get("image_name")
        name = given[0].decode("utf-8", "replace") if isinstance(given, list) and given else str(i)
        images.append(ImageFile(f"{file.name}/{name}", "", f"{zlib.crc32(image[0])}", _gives(image[0])))
    return images


def _gives(content: bytes) -> Callable[[], bytes]:
    return lambda: content


def _shared_out(files: list[ImageFile]) -> tuple[list[ImageFile], list[ImageFile]]:
    """Return training and test files, shuffled by name: a tenth for testing, none where there is only one image."""
    return folders.split_by_name([replace(file, group="") for file in files])


def _splits(
    path: Path, train: list[ImageFile], test: list[ImageFile], resolution: int, quiet: bool
) -> tuple[Split, Split]:
    """Read the images of one domain."""
    both = train + test
    images, _ = folders.pixels(path, both, resolution, quiet=quiet)
    names = np.array([file.name for file in both], dtype=np.str_)
    cut = len(train)
    return Split(images[:cut], None, {"name": names[:cut]}), Split(images[cut:], None, {"name": names[cut:]})
