"""Sizes of a folder's images: what the files say, from folders and archives; a file that is no image is named."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from helpers.data_types import DataError
from helpers.image_sizes import image_sizes, smallest_side


def draw(path, width, height):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path):
    draw(tmp_path / "faces" / "b.png", 40, 31)
    draw(tmp_path / "faces" / "a.jpg", 27, 50)
    draw(tmp_path / "faces" / "more" / "c.png", 64, 64)
    (tmp_path / "faces" / "notes.txt").write_text("no image, and no image's ending")
    return tmp_path / "faces"


def test_sizes_are_width_and_height_ordered_by_name(folder):
    np.testing.assert_array_equal(image_sizes(folder), [[27, 50], [40, 31], [64, 64]])


def test_the_smallest_side_may_be_a_width_or_a_height(folder):
    assert smallest_side(folder) == 27
    draw(folder / "flat.png", 90, 19)
    assert smallest_side(folder) == 19


def test_an_archive_and_a_name_in_course_data_give_the_same(folder, tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(tmp_path))
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    np.testing.assert_array_equal(image_sizes("packed"), image_sizes(folder))


def test_a_file_that_is_no_image_is_named(folder):
    (folder / "broken.png").write_bytes(b"not a picture")
    with pytest.raises(DataError, match="broken.png"):
        smallest_side(folder)


def test_a_folder_without_images_and_a_missing_one_say_so(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError):
        image_sizes(tmp_path / "empty")
    with pytest.raises(DataError, match="nowhere"):
        image_sizes(tmp_path / "nowhere")
