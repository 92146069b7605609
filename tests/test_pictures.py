"""Pictures of any kind: read as they look, shrunk, never enlarged; what is none is named; results are saved whole."""

import io
import os
import time
import tracemalloc

import numpy as np
import pytest
from image_files import BLUE, RED, WHITE, encoded, noise, plain
from PIL import Image

from helpers import pictures
from helpers.data_types import DataError


def near(picture, colour, within=1):
    return bool((np.abs(255 * picture - np.array(colour)) <= within).all())


# --- kinds


@pytest.mark.parametrize("title", pictures.TITLES)
def test_each_photo_of_the_course_can_be_loaded(title):
    picture = pictures.load(title, side=64)
    assert picture.dtype == np.float32 and picture.shape[2] == 3 and max(picture.shape) == 64
    assert picture.min() >= 0 and picture.max() <= 1 and picture.std() > 0.03


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("1", 1, WHITE),
        ("L", 90, (90, 90, 90)),
        ("LA", (90, 0), WHITE),
        ("RGBA", (255, 0, 0, 0), WHITE),
        ("RGBA", (0, 0, 0, 128), (127, 127, 127)),
        ("RGB", BLUE, BLUE),
    ],
)
@pytest.mark.parametrize("size", [(16, 16), (300, 300)])  # as it is, and shrunk
def test_every_mode_comes_out_as_it_looks(mode, value, expected, size):
    image = plain(value, size, mode)
    for source in (encoded(image, "PNG"), image):
        picture = pictures.load(source, side=32)
        assert near(picture, expected) and picture.shape == ((16, 16, 3) if size == (16, 16) else (32, 32, 3))


@pytest.mark.parametrize("size", [16, 300])
def test_16_bits_palettes_and_cmyk(size):
    deep = np.full((size, size), 40_000, np.uint16)
    assert near(pictures.load(encoded(Image.fromarray(deep), "PNG"), side=32), 40_000 / 257)
    assert near(pictures.load(encoded(plain((0, 255, 255, 0), (size, size), "CMYK"), "JPEG"), side=32), RED, within=4)
    palette = plain(RED, (size, size)).convert("P", palette=Image.Palette.ADAPTIVE)
    assert near(pictures.load(encoded(palette, "PNG"), side=32), RED)
    keyed = Image.new("P", (size, size), 0)
    keyed.putpalette([0, 0, 0, *RED])
    keyed.paste(1, (0, 0, size, size // 2))
    picture = pictures.load(encoded(keyed, "PNG", transparency=0), side=32, background="blue")
    assert near(picture[:6], RED) and near(picture[-6:], BLUE)
    floats = Image.fromarray(np.full((size, size), 0.25, np.float32))
    assert near(pictures.load(encoded(floats, "TIFF"), side=32), 64)


def test_the_cameras_rotation_is_applied():
    image = plain(BLUE, (600, 400))
    image.paste(RED, (0, 0, 300, 400))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90° clockwise: the left half comes to the top
    for kind in ("JPEG", "PNG"):
        picture = pictures.load(encoded(image, kind, exif=exif), side=60)
        assert picture.shape == (60, 40, 3)
        assert near(picture[:25], RED, within=3) and near(picture[-25:], BLUE, within=3)


def test_transparent_edges_bring_no_foreign_colour():
    """Where a large picture shrinks, hidden colours under transparency must not show."""
    pixels = np.zeros((400, 400, 4), np.uint8)
    pixels[:] = (0, 255, 0, 0)  # green, but invisible
    pixels[::2] = (255, 0, 0, 255)
    picture = pictures.load(encoded(Image.fromarray(pixels), "PNG"), side=50)
    assert near(picture, (255, 128, 128), within=3)


ARRAYS = {
    "bool": np.ones((20, 30), bool),
    "uint8": np.full((20, 30, 3), 255, np.uint8),
    "uint16": np.full((20, 30, 1), 65535, np.uint16),
    "int64": np.full((20, 30, 3), 255),
    "int64 of 16 bits": np.full((20, 30, 3), 65535),
    "float64": np.ones((20, 30, 3)),
    "float16": np.ones((20, 30, 3), np.float16),
    "a little over": np.full((20, 30, 3), 1.02),
    "grey with alpha": np.dstack([np.zeros((20, 30)), np.zeros((20, 30))]),
    "alpha": np.zeros((20, 30, 4), np.uint8),
    "a batch of one": np.ones((1, 20, 30, 3), np.float32),
    "a list": np.ones((20, 30)).tolist(),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_of_many_kinds_are_white(kind):
    picture = pictures.load(ARRAYS[kind])
    assert picture.shape == (20, 30, 3) and picture.dtype == np.float32 and (picture == 1).all()
    assert pictures.load(ARRAYS[kind], side=6).shape == (4, 6, 3)


def test_values_of_arrays_are_kept():
    x = np.random.default_rng(0).random((12, 17, 3), dtype=np.float32)
    np.testing.assert_array_equal(pictures.load(x), x)
    np.testing.assert_allclose(pictures.load(np.rint(255 * x).astype(np.uint8)), x, atol=0.5 / 255 + 1e-6)
    np.testing.assert_allclose(pictures.load(np.rint(65535 * x).astype(np.uint16)), x, atol=1e-5)
    dark = np.full((20, 20), 3, np.uint16)
    assert pictures.load(dark).max() < 1e-4


# --- sizes


@pytest.mark.parametrize("as_array", [True, False])
def test_the_longer_side_shrinks_and_nothing_is_enlarged(as_array):
    image = noise((200, 100))
    source = np.asarray(image) if as_array else encoded(image, "PNG")
    assert pictures.load(source, side=50).shape == (25, 50, 3)
    assert pictures.load(source, side=500).shape == (100, 200, 3)
    assert pictures.load(source, side=50, square=True).shape == (50, 50, 3)
    assert pictures.load(source, side=150, square=True).shape == (150, 150, 3)


@pytest.mark.parametrize("as_array", [True, False])
def test_a_square_is_the_centre(as_array):
    image = plain(BLUE, (300, 100))
    image.paste(RED, (100, 0, 200, 100))
    for side in (20, 100):
        assert near(pictures.load(np.asarray(image) if as_array else encoded(image, "PNG"), side, square=True), RED)


@pytest.mark.parametrize("as_array", [True, False])
@pytest.mark.parametrize("side", [40, 90])
def test_shrinking_averages_what_it_covers(as_array, side):
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 255
    source = stripes if as_array else encoded(Image.fromarray(stripes), "PNG")
    assert np.abs(pictures.load(source, side=side)[4:-4, 4:-4] - 0.5).max() < 0.06
    smooth = np.linspace(0, 1, 400)[:, None, None] * np.ones((1, 400, 3))
    source = smooth if as_array else encoded(Image.fromarray(np.rint(255 * smooth).astype(np.uint8)), "PNG")
    wanted = (np.arange(side) + 0.5) / side
    np.testing.assert_allclose(pictures.load(source, side=side)[:, 5, 0], wanted, atol=0.01)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_of_10000_pixels_takes_little_time_and_memory(kind):
    content = encoded(plain(RED, (10_000, 3_000)), kind)
    start = time.perf_counter()
    assert near(pictures.load(content, side=256), RED, within=3)
    assert time.perf_counter() - start < 10  # below 1 s on an idle core
    assert pictures.load(content, side=256).shape == (77, 256, 3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_large_array_is_not_copied_whole(dtype):
    x = np.full((2_000, 10_000, 3), 7, dtype)
    tracemalloc.start()
    pictures.load(x, side=128)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < x.nbytes / 2


# --- what is no picture


def test_files_that_are_no_pictures_are_named(tmp_path):
    cases = {
        "empty.png": (b"", "empty.png can't be used as a picture: the file is empty"),
        "note.txt": (b"Dear reader", "note.txt can't be used as a picture: it holds text"),
        "cut.png": (encoded(noise(), "PNG")[:300], "cut.png can't be used"),
        "odd.bin": (bytes(range(256)), "not an image of a known kind"),
    }
    for name, (content, message) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=message):
            pictures.load(tmp_path / name)
    with pytest.raises(DataError, match="is a folder"):
        pictures.load(tmp_path)
    with pytest.raises(DataError, match="no file.*a title: china, flower"):
        pictures.load(str(tmp_path / "none.png"))
    with pytest.raises(DataError, match="no file"):
        os.mkfifo(tmp_path / "pipe")
        pictures.load(tmp_path / "pipe")  # must not wait for someone to write
    with pytest.raises(DataError, match="the file is empty"):
        pictures.load(b"")
    nan = io.BytesIO()
    Image.fromarray(np.full((16, 16), np.nan, np.float32)).save(nan, "TIFF")
    with pytest.raises(DataError, match="not finite"):
        pictures.load(nan.getvalue())


@pytest.mark.parametrize("size", [(1, 40), (40, 1), (1, 1)])
def test_pictures_one_pixel_wide_are_named(size):
    for source in (encoded(plain(RED, size), "PNG"), np.zeros((size[1], size[0], 3))):
        for square in (False, True):
            with pytest.raises(DataError, match=f"too small for a picture: {size[1]}×{size[0]} pixels"):
                pictures.load(source, square=square)


def test_a_picture_too_narrow_when_shrunk_is_named():
    for source in (encoded(plain(RED, (10_000, 4)), "PNG"), np.zeros((4, 10_000, 3), np.uint8)):
        with pytest.raises(DataError, match="too narrow: at a longer side of 256 pixels"):
            pictures.load(source)
        assert pictures.load(source, side=16, square=True).shape == (16, 16, 3)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((8, 8, 3), np.nan), "NaN or infinite"),
        (np.full((8, 8, 3), np.inf), "NaN or infinite"),
        (np.full((8, 8, 3), 200.0), r"must lie in \[0, 1\]; these go from 200"),
        (np.full((8, 8, 3), -1.0), r"must lie in \[0, 1\]"),
        (np.full((8, 8, 3), -1), "between 0 and 65,535; these go from -1 to -1"),
        (np.full((8, 8, 3), 70_000), "to 70000"),
        (np.zeros((3, 8, 8)), "channels first"),
        (np.zeros((8, 8, 5)), "shape is"),
        (np.zeros((2, 8, 8, 3)), "shape is"),
        (np.zeros(8), "shape is"),
        (np.zeros((0, 8, 3)), "is empty"),
        (np.zeros((8, 8, 3), complex), "complex128"),
        (np.full((8, 8, 3), "a"), "not numbers"),
        (None, "shape is"),
    ],
)
def test_arrays_that_are_no_pictures_are_named(array, message):
    with pytest.raises(DataError, match=f"this array can't be used as a picture: .*{message}"):
        pictures.load(array)


def test_bad_settings_are_named():
    with pytest.raises(ValueError, match="side is 1"):
        pictures.load("coffee", side=1)
    with pytest.raises(DataError, match="no colour"):
        pictures.load("coffee", background="nocolour")


# --- saving


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG"])
def test_a_saved_picture_comes_back(tmp_path, suffix):
    picture = pictures.load("coffee", side=64)
    path = pictures.save(tmp_path / "new" / f"mine{suffix}", picture)
    again = pictures.load(path, side=64)
    assert np.abs(again - picture).mean() < (0.003 if suffix == ".png" else 0.02)
    assert [file.name for file in path.parent.iterdir()] == [f"mine{suffix}"]
    assert path.stat().st_mode & 0o400


def test_nothing_is_overwritten_unless_asked(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(plain(RED), "PNG"))
    with pytest.raises(DataError, match="already there.*overwrite=True"):
        pictures.save(path, np.zeros((8, 8, 3)))
    assert near(pictures.load(path), RED)
    pictures.save(path, np.zeros((8, 8, 3)), overwrite=True)
    assert near(pictures.load(path), (0, 0, 0))


def test_a_failed_save_leaves_nothing_and_keeps_the_old(tmp_path, monkeypatch):
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(plain(RED), "PNG"))

    def broken(self, file, *_, **__):
        file.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(Image.Image, "save", broken)
    with pytest.raises(DataError, match="can't be written: no space left"):
        pictures.save(path, np.zeros((8, 8, 3)), overwrite=True)
    monkeypatch.undo()
    assert near(pictures.load(path), RED) and [file.name for file in tmp_path.iterdir()] == ["photo.png"]


def test_a_picture_takes_its_name_in_one_step(tmp_path, monkeypatch):
    """The whole file is there before the old one goes; where that last step fails, the old one stays."""
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(plain(RED), "PNG"))

    def refused(old, new):
        assert near(pictures.load(old), (0, 0, 0)) and str(new) == str(path)
        raise OSError("refused")

    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(DataError, match="refused"):
        pictures.save(path, np.zeros((8, 8, 3)), overwrite=True)
    assert near(pictures.load(path), RED) and [file.name for file in tmp_path.iterdir()] == ["photo.png"]


def test_what_can_not_be_saved_is_named(tmp_path):
    for name in ("a.gif", "a", "a.txt"):
        with pytest.raises(DataError, match="must end in one of .png, .jpg, .jpeg"):
            pictures.save(tmp_path / name, np.zeros((8, 8, 3)))
    for image, message in ((np.full((8, 8, 3), np.nan), "NaN"), (np.zeros((3, 8, 8)), "channels first")):
        with pytest.raises(DataError, match=f"can't be saved as a picture: .*{message}"):
            pictures.save(tmp_path / "a.png", image)
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="can't be written"):
        pictures.save(tmp_path / "file" / "a.png", np.zeros((8, 8, 3)))
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_crops_are_squares_of_the_pictures_some_of_them_mirrored():
    """Pictures whose red says the column, green the row and blue which one it is: a crop shows where it was cut."""
    rows, columns = np.indices((100, 160))
    images = [np.stack([columns, rows, 0 * rows + blue], axis=2).astype(np.uint8) for blue in (50, 200)]
    cut = pictures.crops(images, 200, 20, (0.4, 0.8), np.random.default_rng(0))
    assert cut.shape == (200, 20, 20, 3) and cut.dtype == np.float32
    pixels = 255 * cut
    assert 80 < (np.abs(pixels[..., 2] - 50).max(axis=(1, 2)) < 1).sum() < 120  # both pictures, half each
    across = pixels[:, 10, -1, 0] - pixels[:, 10, 0, 0]
    assert 70 < (across > 0).sum() < 130  # about half are mirrored
    down = pixels[:, -1, 10, 1] - pixels[:, 0, 10, 1]
    np.testing.assert_allclose(np.abs(across), down, atol=3)  # squares, upright
    shares = down * 20 / 19 / 100
    assert 0.36 < shares.min() < 0.45 and 0.75 < shares.max() < 0.84
    assert pixels[..., 0].min() < 8 and pixels[..., 0].max() > 152  # up to both rims
    again = pictures.crops(images, 200, 20, (0.4, 0.8), np.random.default_rng(0))
    np.testing.assert_array_equal(again, cut)
    small = pictures.crops([image[:24] for image in images], 5, 20, (0.1, 0.2), np.random.default_rng(1))
    assert np.abs(np.abs(np.diff(255 * small[:, 10, :, 0], axis=1)) - 1).max() < 0.01  # never enlarged


def test_crops_of_an_image_smaller_than_asked_are_enlarged():
    image = np.full((10, 14, 3), 100, np.uint8)
    cut = pictures.crops([image], 3, 32, (0.5, 1.0), np.random.default_rng(0))
    assert cut.shape == (3, 32, 32, 3)
    np.testing.assert_allclose(cut, 100 / 255, atol=1e-6)
    with pytest.raises(ValueError, match="at least one image"):
        pictures.crops([], 1, 8, (0.5, 1.0), np.random.default_rng(0))
