"""Any folder of images, or a .zip of one, as a data set."""

from __future__ import annotations

import contextlib
import hashlib
import os
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from helpers.data_types import DataError, Dataset, Split
from helpers.decode import NoImageError, colour, square_pixels
from helpers.downloads import cache_folder, load_arrays, save_arrays
from helpers.progress import Progress

IMAGE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jfif", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".avif")
)
MEMBER_LIMIT = 256 * 2**20  # bytes of one file, unpacked
CACHE_FROM = 1000  # from this many images on, the decoded arrays are kept in the cache folder
BAR_FROM = 300
NAMED = 12  # bad files that a message names
TEST_SHARE = 0.1


@dataclass(frozen=True)
class ImageFile:
    """One image file in a folder or archive: its path inside, its class, a text that changes with it, its reader."""

    name: str
    group: str
    stamp: str
    read: Callable[[], bytes]

    @property
    def key(self) -> str:
        """A number in hexadecimal that depends on the name alone; files ordered by it are well shuffled."""
        return hashlib.sha256(self.name.encode("utf-8", "surrogateescape")).hexdigest()


def load_folder(
    folder: str | Path,
    resolution: int = 64,
    n: int | None = None,
    channels: int = 3,
    background: str = "white",
    skip_bad: bool = False,
    quiet: bool = False,
    name: str | None = None,
) -> Dataset:
    """Return all images below a folder or in a .zip as (N, resolution, resolution, channels) uint8.

    A subfolder is a class. One tenth of each class, chosen by file name, is for testing. n: at most so many images in
    all. Raises one DataError that names every file that can't be read; skip_bad=True leaves those out.
    """
    with opened(folder) as (path, files, others):
        grouped = _with_groups(files, others, str(path))
        return _dataset(path, grouped, resolution, n, channels, background, skip_bad, quiet, name)


@contextlib.contextmanager
def opened(
    folder: str | Path, suffixes: frozenset[str] = IMAGE_SUFFIXES
) -> Iterator[tuple[Path, list[ImageFile], list[str]]]:
    """Give the path of a folder or .zip, its files with one of these endings, and the names of all others.

    The files of a .zip can be read as long as the context lasts. Hidden files are among the others. Raises DataError
    where there is no such folder or archive.
    """
    path = find(folder)
    if path.is_dir():
        yield (path, *_files_in_folder(path, suffixes))
        return
    if path.suffix.lower() != ".zip" and not zipfile.is_zipfile(path):
        hint = f" Its folder is {path.parent}." if path.suffix.lower() in IMAGE_SUFFIXES else ""
        raise DataError(f"{path} is a file; expected a folder of images, or a .zip of one.{hint}")
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{path} is a damaged .zip ({error}). Fetch or pack it again.") from error
    with archive:
        yield (path, *_files_in_zip(archive, suffixes))


def in_course_data(name: str | Path) -> Path | None:
    """The folder or file of this name inside COURSE_DATA, or the .zip; None where there is neither."""
    course_data = os.environ.get("COURSE_DATA")
    places = [Path(course_data).expanduser() / entry for entry in (name, f"{name}.zip")] if course_data else []
    return next((place for place in places if place.exists()), None)


def find(folder: str | Path) -> Path:
    """Return the path as given, or inside COURSE_DATA if it is there; raises DataError where there is neither."""
    path = Path(folder).expanduser()
    if path.exists():
        return path
    if found := in_course_data(path):
        return found
    course_data = os.environ.get("COURSE_DATA")
    places = [path] + ([Path(course_data).expanduser() / path] if course_data else [])
    looked = " and ".join(str(place.absolute()) for place in places)
    raise DataError(f"There is no folder or .zip {folder}: looked for {looked}. Check the name or give the whole path.")


def _is_wanted(name: str, suffixes: frozenset[str]) -> bool:
    parts = PurePosixPath(name).parts
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return not hidden and PurePosixPath(name).suffix.lower() in suffixes


def _files_in_folder(folder: Path, suffixes: frozenset[str]) -> tuple[list[ImageFile], list[str]]:
    files: list[ImageFile] = []
    others: list[str] = []

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename} can't be listed ({error.strerror}). Change its permissions.") from error

    for root, _, names in os.walk(folder, onerror=refuse):
        for file_name in names:
            path = Path(root, file_name)
            name = path.relative_to(folder).as_posix()
            if not _is_wanted(name, suffixes):
                others.append(name)
                continue
            try:
                status = path.stat()
                stamp = f"{status.st_size}:{status.st_mtime_ns}"
            except OSError:
                stamp = "unreadable"
            files.append(ImageFile(name, "", stamp, lambda path=path: _read_file(path)))
    return files, others


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MEMBER_LIMIT + 1)
    except OSError as error:
        raise NoImageError(f"can't be opened ({error.strerror})") from error
    return _within_limit(content)


def _files_in_zip(archive: zipfile.ZipFile, suffixes: frozenset[str]) -> tuple[list[ImageFile], list[str]]:
    files: list[ImageFile] = []
    others: list[str] = []
    for info in archive.infolist():
        if info.is_dir():
            continue
        if _is_wanted(info.filename, suffixes):
            stamp = f"{info.file_size}:{info.CRC}"
            files.append(ImageFile(info.filename, "", stamp, lambda info=info: _read_member(archive, info)))
        else:
            others.append(info.filename)
    return files, others


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Return a member's bytes, read in memory: nothing is ever extracted, so no name can point outside."""
    if info.flag_bits & 0x1:
        raise NoImageError("it is encrypted")
    try:
        with archive.open(info) as member:
            content = member.read(MEMBER_LIMIT + 1)
    except Exception as error:  # bad checksums, broken streams, unknown compression: each means an unreadable member
        raise NoImageError(f"damaged in the archive ({error})") from error
    return _within_limit(content)


def _within_limit(content: bytes) -> bytes:
    if len(content) > MEMBER_LIMIT:
        raise NoImageError(f"larger than {MEMBER_LIMIT // 2**20} MB")
    return content


def _with_groups(files: list[ImageFile], others: list[str], where: str) -> list[ImageFile]:
    """Return the files with their class: the first subfolder below what all have in common, or "" if there is one only.

    Raises DataError where there is no image.
    """
    if not files:
        kinds = Counter(PurePosixPath(name).suffix.lower() or "no ending" for name in others)
        found = ", ".join(f"{count:,} × {kind}" for kind, count in kinds.most_common(6)) or "nothing"
        kinds_wanted = " ".join(sorted(IMAGE_SUFFIXES))
        raise DataError(f"{where} holds no images (found: {found}). Expected files ending in {kinds_wanted}.")
    parents = [PurePosixPath(file.name).parts[:-1] for file in files]
    common = len(os.path.commonprefix(parents))
    groups = [parts[common] if len(parts) > common else "(no subfolder)" for parts in parents]
    if len(set(groups)) == 1:
        groups = [""] * len(groups)
    return [ImageFile(file.name, group, file.stamp, file.read) for file, group in zip(files, groups, strict=True)]


def split_by_name(files: list[ImageFile], n: int | None = None) -> tuple[list[ImageFile], list[ImageFile]]:
    """Return the training and the test files, shuffled by name; n: so many in all, in the same proportion.

    A tenth of each class is for testing, at least one image where the class has two. Where an image goes depends on the
    names alone, and with a smaller n no image changes sides.
    """
    train: list[ImageFile] = []
    test: list[ImageFile] = []
    by_group: dict[str, list[ImageFile]] = {}
    for file in sorted(files, key=lambda file: file.key):
        by_group.setdefault(file.group, []).append(file)
    for members in by_group.values():
        held_out = max(1, round(TEST_SHARE * len(members))) if len(members) > 1 else 0
        test += members[:held_out]
        train += members[held_out:]
    train.sort(key=lambda file: file.key)
    test.sort(key=lambda file: file.key)
    if n is not None and n < len(files):
        tests = min(len(test), round(n * len(test) / len(files)))
        train, test = train[: n - tests], test[:tests]
    return train, test


def _check_memory(count: int, resolution: int, channels: int) -> None:
    """Raise DataError where the images would take more than half of the free memory."""
    import psutil

    needed, free = count * resolution * resolution * channels, psutil.virtual_memory().available
    if needed > free / 2:
        fits = int(free / 2 / (resolution * resolution * channels))
        raise DataError(
            f"{count:,} images at {resolution}×{resolution}×{channels} need {needed / 1e9:.1f} GB, and half of the "
            f"free memory is {free / 2e9:.1f} GB. Give n={fits} or less, or a smaller resolution."
        )


def _dataset(
    path: Path,
    files: list[ImageFile],
    resolution: int,
    n: int | None,
    channels: int,
    background: str,
    skip_bad: bool,
    quiet: bool,
    name: str | None,
) -> Dataset:
    if channels not in (1, 3):
        raise DataError(f"channels={channels!r}: expected 3 (colour) or 1 (grey).")
    train, test = split_by_name(files, n)
    chosen = train + test
    if not quiet and len(chosen) >= BAR_FROM:
        share = f"{len(chosen):,} of {len(files):,}" if len(chosen) < len(files) else f"{len(chosen):,}"
        print(f"Reading {share} images from {path.name}.")
    images, bad = pixels(path, chosen, resolution, channels, background, skip_bad, quiet)
    if bad:
        print(f"Left out {len(bad):,} of {len(chosen):,} files that can't be read as images.")
    good = np.array([i for i in range(len(chosen)) if i not in bad], dtype=np.int64)
    names = sorted({file.group for file in files} - {""})
    everything = Split(
        images[good] if bad else images,
        np.array([names.index(chosen[i].group) for i in good], dtype=np.int64) if names else None,
        {"file": np.array([chosen[i].name for i in good], dtype=np.str_)},
    )
    cut = int((good < len(train)).sum())
    return Dataset(
        name=name or path.stem,
        variant="folder",
        train=everything.take(slice(0, cut)),
        test=everything.take(slice(cut, None)),
        class_names=names,
        source=f"{path.name} ({len(files):,} images)",
        licence="not known to the course: it is that of your images",
        attribution="",
    )


def pixels(
    path: Path,
    files: list[ImageFile],
    resolution: int,
    channels: int = 3,
    background: str = "white",
    skip_bad: bool | None = None,
    quiet: bool = False,
) -> tuple[np.ndarray, dict[int, str]]:
    """Return the images of files as (N, resolution, resolution, channels) uint8, and why those at some positions are bad.

    path: where the files are, for messages. Raises DataError where the images don't fit into memory, where a file is no
    image and skip_bad isn't True, or where all are bad. The message offers skip_bad=True unless it is None.
    """
    _check_memory(len(files), resolution, channels)
    images, bad = _decoded(path, files, resolution, channels, background, quiet)
    if bad and (not skip_bad or len(bad) == len(files)):
        raise DataError(_bad_files(path, files, bad, can_skip=skip_bad is not None))
    return images, bad


def _decoded(
    path: Path, files: list[ImageFile], resolution: int, channels: int, background: str, quiet: bool
) -> tuple[np.ndarray, dict[int, str]]:
    """Return the images of all files, and the reason for each position that can't be read. Large sets are cached."""
    from PIL import __version__ as pillow

    ground = colour(background)
    listing = [str(path.absolute()), pillow, str((resolution, channels, ground))] + [f.name + f.stamp for f in files]
    key = hashlib.sha256("\n".join(listing).encode("utf-8", "surrogateescape")).hexdigest()[:24]
    cached = cache_folder() / f"folder-{resolution}px-{key}.npz"
    shape = (len(files), resolution, resolution, channels)
    if len(files) >= CACHE_FROM:
        arrays = load_arrays(cached, ["images"])
        if arrays is not None and arrays["images"].shape == shape:
            return arrays["images"], {}
    images = np.zeros(shape, dtype=np.uint8)
    bad: dict[int, str] = {}

    def read(i: int) -> None:
        try:
            images[i] = square_pixels(files[i].read(), resolution, channels, ground)
        except NoImageError as error:
            bad[i] = str(error)

    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        done = pool.map(read, range(len(files)))
        for _ in done if quiet or len(files) < BAR_FROM else Progress(done, "reading images", total=len(files)):
            pass
    if not bad and len(files) >= CACHE_FROM:
        save_arrays(cached, {"images": images}, compress=False)
    return images, bad


def _bad_files(path: Path, files: list[ImageFile], bad: dict[int, str], can_skip: bool) -> str:
    lines = [f"  {files[i].name}: {reason}" for i, reason in sorted(bad.items(), key=lambda item: files[item[0]].name)]
    more = [f"  … and {len(lines) - NAMED:,} more"] if len(lines) > NAMED else []
    return "\n".join(
        [
            f"{len(bad):,} of the {len(files):,} image files in {path} can't be read:",
            *lines[:NAMED],
            *more,
            f"Repair or remove them{', or leave them out with skip_bad=True' if can_skip else ''}. Nothing was loaded.",
        ]
    )
