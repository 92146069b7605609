"""Folders and archives of images: classes, splits, caching, and what is refused."""

import os
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from image_files import BLUE, GREEN, RED, close, encoded, fill, load, noise, plain

from helpers import data, folders
from helpers.data_types import DataError

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.usefixtures("own_cache")

# --- folders


def test_an_empty_folder_is_named(folder):
    with pytest.raises(DataError, match="holds no images .found: nothing"):
        load(folder)


def test_a_folder_without_images_says_what_it_holds(folder):
    for name in ("a.csv", "b.csv", "c.txt"):
        (folder / name).write_text("text")
    with pytest.raises(DataError, match=r"2 × \.csv, 1 × \.txt.*Expected files ending in.*\.png"):
        load(folder)


def test_a_missing_path_is_named(folder, monkeypatch):
    with pytest.raises(DataError, match="There is no folder or .zip .*missing"):
        load(folder / "missing")
    monkeypatch.setenv("COURSE_DATA", str(folder))
    with pytest.raises(DataError, match="looked for .*nowhere and .*images.nowhere"):
        load("nowhere")


def test_a_file_in_place_of_a_folder_is_named(folder):
    fill(folder, 1)
    with pytest.raises(DataError, match="is a file; expected a folder of images.*Its folder is .*images"):
        load(folder / "image0000.png")
    (folder / "list.txt").write_text("text")
    with pytest.raises(DataError, match="is a file; expected"):
        load(folder / "list.txt")


def test_a_subfolder_is_a_class(folder):
    for name, colour in (("cats", RED), ("dogs/large", BLUE), ("dogs/small", BLUE)):
        (folder / name).mkdir(parents=True)
        for i in range(10):
            plain(colour).save(folder / name / f"{i}.png")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "thumbnail.png").write_text("no image")
    (folder / "readme.txt").write_text("text")
    found = load(folder)
    assert found.class_names == ["cats", "dogs"]
    assert np.bincount(found.train.labels).tolist() == [9, 18] and np.bincount(found.test.labels).tolist() == [1, 2]
    assert found.train.labels.dtype == np.int64
    for split in (found.train, found.test):
        assert all(close(image, (RED, BLUE)[y]) for image, y in zip(split.images, split.labels, strict=True))


def test_one_subfolder_for_all_is_no_class(folder):
    (folder / "set").mkdir()
    fill(folder / "set", 3)
    found = load(folder)
    assert found.class_names == [] and found.train.labels is None


def test_images_beside_subfolders_are_a_class_too(folder):
    (folder / "cats").mkdir()
    fill(folder / "cats", 2)
    fill(folder, 2)
    assert load(folder).class_names == ["(no subfolder)", "cats"]


def test_the_split_depends_on_the_names_alone(folder):
    fill(folder, 50)
    first, second = load(folder), load(folder)
    assert (len(first.train), len(first.test)) == (45, 5)
    assert first.sha256 == second.sha256
    train, test = set(first.train.attributes["file"]), set(first.test.attributes["file"])
    assert len(train | test) == 50
    assert list(first.train.attributes["file"]) != sorted(train)
    (folder / "more").mkdir()
    fill(folder / "more", 10)
    assert test <= set(load(folder).test.attributes["file"])


def test_a_smaller_n_is_a_part_of_the_larger(folder):
    fill(folder, 50)
    everything, some = load(folder), load(folder, n=20)
    assert (len(some.train), len(some.test)) == (18, 2)
    assert set(some.train.attributes["file"]) <= set(everything.train.attributes["file"])
    assert set(some.test.attributes["file"]) <= set(everything.test.attributes["file"])
    assert len(load(folder, n=500).train) == 45


def test_too_many_images_for_the_memory_are_refused_before_reading(folder, monkeypatch):
    fill(folder, 50)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=50_000))
    with pytest.raises(DataError, match="50 images at 16×16×3 need .* GB.*n=32 or less"):
        load(folder)
    assert len(load(folder, n=32).train) == 29


def test_what_is_in_use_is_printed(folder, capsys):
    fill(folder, 10)
    load(folder, quiet=False)
    out = capsys.readouterr().out
    assert "images (folder): 9 training and 1 test images, 16×16×3, from images (10 images)" in out
    assert "Licence: not known" in out


def test_large_sets_are_cached_until_a_file_changes(folder, monkeypatch, own_cache):
    monkeypatch.setattr(folders, "CACHE_FROM", 10)
    fill(folder, 10)
    first = load(folder)
    assert len(list(own_cache.iterdir())) == 1

    def refuses(*args):
        raise AssertionError("read again")

    with monkeypatch.context() as patched:
        patched.setattr(folders, "square_pixels", refuses)
        assert load(folder).sha256 == first.sha256
        with pytest.raises(AssertionError, match="read again"):
            load(folder, background="black")
    plain(GREEN).save(folder / "image0003.png")
    assert load(folder).sha256 != first.sha256
    for path in own_cache.iterdir():
        path.write_bytes(b"damaged")
    assert close(np.concatenate([load(folder).train.images, load(folder).test.images]).max(axis=0)[..., 1], 255)


# --- archives


def pack(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_zip_is_read_as_its_folder_would_be(folder, tmp_path):
    for name in ("a", "b"):
        (folder / name).mkdir()
        fill(folder / name, 10, prefix=name)
    files = {f"set/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in folder.rglob("*.png")}
    packed = load(pack(tmp_path / "set.zip", files | {"__MACOSX/set/._a.png": b"", "set/notes.txt": b"text"}))
    assert packed.name == "set" and packed.variant == "folder" and packed.class_names == ["a", "b"]
    pixels = {split.attributes["file"][i]: split.images[i] for split in (packed.train, packed.test) for i in range(2)}
    for name, image in pixels.items():
        assert close(image, (int(Path(name).stem[1:]), 0, 7))
    assert len(packed.train) + len(packed.test) == 20


def test_a_zip_writes_nothing_whatever_its_names(tmp_path, monkeypatch):
    where = tmp_path / "deep" / "deeper"
    where.mkdir(parents=True)
    monkeypatch.chdir(where)
    image = encoded(plain(RED), "PNG")
    path = pack(where / "evil.zip", {"../../evil.png": image, "/evil2.png": image})
    before = sorted(tmp_path.rglob("*"))
    assert len(load(path).train) == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_member_that_is_too_large_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "MEMBER_LIMIT", 2 * 2**20)
    path = pack(tmp_path / "set.zip", {"large.bmp": encoded(plain(RED, (1000, 1000)), "BMP")})
    with pytest.raises(DataError, match="large.bmp: larger than 2 MB"):
        load(path)


def test_damaged_and_encrypted_members_are_named(tmp_path):
    image = encoded(noise(), "PNG")
    path = pack(tmp_path / "set.zip", {"a.png": image, "b.png": image, "c.png": image})
    content = bytearray(path.read_bytes())
    content[content.index(b"a.png") + 1000] ^= 255
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        header = content.index(b"b.png", content.index(signature)) if offset == 6 else content.rindex(b"b.png")
        content[content.rindex(signature, 0, header) + offset] |= 1
    path.write_bytes(content)
    with pytest.raises(
        DataError, match=r"2 of the 3 (.|\n)*a.png: damaged in the archive(.|\n)*b.png: it is encrypted"
    ):
        load(path)


def test_a_damaged_zip_is_named(tmp_path):
    path = pack(tmp_path / "set.zip", {"a.png": encoded(noise(), "PNG")})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="set.zip is a damaged .zip"):
        load(path)


def test_an_own_set_is_found_by_name_in_the_data_folder(folder, tmp_path, monkeypatch):
    pack(tmp_path / "my_faces.zip", {f"{i}.png": encoded(plain((i, 0, 0)), "PNG") for i in range(5)})
    fill(folder, 3)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert data.load("my_faces", resolution=8, quiet=True).name == "my_faces"
    assert len(data.load("images", resolution=8, quiet=True).train) == 2
    assert data.load(folder="my_faces.zip", quiet=True).train.images.shape == (4, 64, 64, 3)


# --- real images, where a private folder has them

PRIVATE = Path(os.environ.get("COURSE_DATA") or ROOT.parent / "shared" / "data")
REAL = [
    ("anime_faces/anime_faces_96px_8000.zip", 8000, 60),
    ("pokemon_919/pokemon_256px_919.zip", 919, 40),
    ("emoji_vendors_64px/google.zip", 1908, 40),
    ("emoji_vendors_64px/twitter.zip", 1908, 40),
]


@pytest.mark.parametrize(("name", "count", "spread"), REAL, ids=[name.rpartition("/")[2] for name, *_ in REAL])
def test_real_images_are_read(name, count, spread):
    path = PRIVATE / name
    if not path.is_file():
        pytest.skip(f"no private data: {name}")
    found = data.load(folder=path, resolution=32, n=200, quiet=True)
    assert found.train.images.shape == (180, 32, 32, 3) and found.test.images.shape == (20, 32, 32, 3)
    assert f"({count:,} images)" in found.source
    assert found.train.images.std() > spread
    assert len({image.tobytes() for image in found.train.images}) > 150
