"""Load a data set by name, or any folder of images: uint8 NHWC arrays with labels, source and licence.

digits = data.load("mnist")                              # 5,000 digits, at once and without a network
digits = data.load("mnist", prefer="full")               # all 70,000: from COURSE_DATA, the cache or a download
faces = data.load("characters", n=5_000, resolution=64)  # drawn here, every attribute known
mine = data.load(folder="my_pictures", resolution=64)    # a folder or a .zip; a subfolder is a class
two = data.load_domains("emoji")                         # two domains of images without pairs: see helpers/domains.py
"""

from __future__ import annotations

import difflib
from pathlib import Path

from helpers import characters, data_sources, folders, runtime
from helpers.data_types import DataError, Dataset, Split
from helpers.domains import Domains, load_domains
from helpers.downloads import DownloadError

__all__ = ["NAMES", "DataError", "Dataset", "Domains", "Split", "load", "load_domains", "present"]

IDX_SETS = {"mnist": data_sources.MNIST, "fashion_mnist": data_sources.FASHION_MNIST}
NAMES = (*IDX_SETS, "characters", "photos")
PREFERENCES = ("embedded", "full")
SIZES = range(1, 4097)  # pixels a side


def load(
    name: str | None = None,
    prefer: str = "embedded",
    *,
    folder: str | Path | None = None,
    resolution: int | None = None,
    n: int | None = None,
    style: str = "toon-head",
    seed: int = 0,
    background: str = "white",
    channels: int = 3,
    skip_bad: bool = False,
    quiet: bool = False,
) -> Dataset:
    """Return a data set as uint8 images (N, H, W, C) and print what is in use, its licence and how to get more.

    prefer: "embedded" (comes with the packages) or "full" (COURSE_DATA, the cache, else a download; where that fails, a
    notice says so and what is used instead). n: at most so many images in all. resolution: pixels a side (characters,
    photos, folders). style, seed: of characters. channels: 3 or 1 (grey), skip_bad: leave out files that are no images
    (folders). quiet: print nothing but a notice. Raises DataError.
    """
    _check(name, prefer, folder, resolution, n, channels)
    if name in IDX_SETS:
        dataset = _load_idx(IDX_SETS[name], prefer, folder, n, quiet)
    elif name == "characters":
        dataset = characters.characters(style, n or 2000, resolution or 64, seed, background, quiet)
    elif name == "photos":
        dataset = data_sources.photos(n, resolution)
    else:
        dataset = folders.load_folder(
            folder or _own_set(name), resolution or 64, n, channels, background, skip_bad, quiet, name
        )
    runtime.note_data(dataset.name, dataset.variant)
    if not quiet:
        print(dataset.describe())
    return dataset


def present(name: str) -> bool:
    """Whether COURSE_DATA holds a folder or .zip of this name, which `load(folder=name)` would read."""
    return folders.in_course_data(name) is not None


def _load_idx(spec: data_sources.IdxSet, prefer: str, folder: str | Path | None, n: int | None, quiet: bool) -> Dataset:
    """Return the embedded set, or the full one where it is asked for or where there is no embedded one."""
    has_embedded = spec.name == data_sources.MNIST.name
    if prefer == "embedded" and folder is None and has_embedded:
        return data_sources.mnist_embedded(n)
    by_hand = f"put its four .gz files into a folder {spec.name}, and name the folder above it in COURSE_DATA"
    by_debian = f"on Debian or Ubuntu: sudo apt install {spec.debian_package}"
    try:
        local = data_sources.idx_local(spec, folder, n)
        if local is not None:
            return local
        if prefer == "full":
            return data_sources.idx_download(spec, n, quiet)
    except DownloadError as error:
        if not has_embedded:
            raise DownloadError(f"{error}\nOr {by_debian}\nOr {by_hand}") from error
        print(f"*** NOTICE: the full {spec.name} is not at hand; the 5,000 embedded digits are used instead. ***")
        print(f"{error}\nTo have it without a network: {by_hand}.")
        return data_sources.mnist_embedded(n)
    raise DataError(
        f"{spec.name} does not come with a package. Any of these gets it:\n"
        f'  · with a network, once: data.load("{spec.name}", prefer="full") (31 MB)\n'
        f"  · {by_debian}\n  · {by_hand}"
    )


def _check(
    name: str | None, prefer: str, folder: str | Path | None, resolution: int | None, n: int | None, channels: int
) -> None:
    """Raise DataError for settings that can't be meant."""
    if name is None and folder is None:
        raise DataError(f'Give a name ({", ".join(NAMES)}) or a folder: data.load(folder="my_pictures").')
    if prefer not in PREFERENCES:
        raise DataError(f'prefer={prefer!r}: expected "embedded" or "full".')
    if n is not None and (not isinstance(n, int) or isinstance(n, bool) or n < 1):
        raise DataError(f"n={n!r}: expected a whole number of images, at least 1.")
    if resolution is not None and (not isinstance(resolution, int) or resolution not in SIZES):
        raise DataError(f"resolution={resolution!r}: expected a whole number of pixels from 1 to {SIZES[-1]}.")
    if name in IDX_SETS and resolution not in (None, 28):
        raise DataError(f"{name} is 28×28; resolution= is for characters, photos and folders.")
    if name in ("characters", "photos") and folder is not None:
        raise DataError(f"{name} comes with packages: leave folder= out, or leave the name out to read the folder.")
    if channels != 3 and name in NAMES:
        raise DataError(f"channels= is for folders: {name} has the channels it has.")


def _own_set(name: str | None) -> Path:
    """Return the folder or .zip of this name inside COURSE_DATA; raises DataError that lists the known names."""
    if found := folders.in_course_data(str(name)):
        return found
    near = difflib.get_close_matches(str(name), NAMES, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise DataError(
        f"There is no data set {name!r}.{hint} The names are {', '.join(NAMES)}; your own images: "
        f'data.load(folder="path"), or a folder or .zip {name!r} in COURSE_DATA.'
    )
