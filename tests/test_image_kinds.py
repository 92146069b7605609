"""Image files one by one: every kind comes out right, and what is no image is named in one clear error."""

import numpy as np
import pytest
from image_files import BLUE, GREEN, RED, WHITE, close, encoded, fill, load, noise, only, plain
from PIL import Image

from helpers import folders
from helpers.data_types import DataError

pytestmark = pytest.mark.usefixtures("own_cache")

# --- kinds of images


def test_a_16_bit_png_is_scaled_not_clipped(folder):
    values = np.linspace(0, 65535, 16 * 16).astype(np.uint16).reshape(16, 16)
    Image.fromarray(values).save(folder / "deep.png")
    assert close(only(folder), (values / 257)[..., np.newaxis], within=1)


def test_a_dark_16_bit_png_stays_dark(folder):
    Image.fromarray(np.full((16, 16), 200, np.uint16)).save(folder / "dark.png")
    assert close(only(folder), (1, 1, 1))


@pytest.mark.parametrize(("value", "grey"), [(0.5, 128), (64.0, 64)])
def test_a_float_tiff_is_read_in_either_range(folder, value, grey):
    Image.fromarray(np.full((16, 16), value, np.float32)).save(folder / "float.tif")
    assert close(only(folder), (grey, grey, grey))


def test_a_tiff_of_no_numbers_is_named(folder):
    Image.fromarray(np.full((16, 16), np.nan, np.float32)).save(folder / "nan.tif")
    with pytest.raises(DataError, match="nan.tif: its pixels are not finite"):
        load(folder)


def test_a_cmyk_jpeg_keeps_its_colours(folder):
    plain((0, 255, 255, 0), mode="CMYK").save(folder / "print.jpg", quality=95)
    with Image.open(folder / "print.jpg") as image:
        assert image.mode == "CMYK"
    assert close(only(folder), RED, within=4)


def test_an_animated_gif_gives_its_first_frame(folder):
    plain(RED).save(folder / "moving.gif", save_all=True, append_images=[plain(BLUE), plain(GREEN)])
    assert close(only(folder), RED)


def test_the_cameras_rotation_is_applied(folder):
    image = plain(BLUE)
    image.paste(RED, (0, 0, 8, 16))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90° clockwise to see it upright: the left half comes to the top
    image.save(folder / "turned.png", exif=exif)
    pixels = only(folder)
    assert close(pixels[:6], RED, within=1) and close(pixels[-6:], BLUE, within=1)


def test_a_palette_with_transparency_lies_on_the_background(folder):
    image = Image.new("P", (16, 16), 0)
    image.putpalette([0, 0, 0, *RED])
    image.paste(1, (0, 0, 16, 8))
    image.save(folder / "palette.png", transparency=0)
    for background, colour in (("white", WHITE), ("#00f", BLUE)):
        pixels = only(folder, background=background)
        assert close(pixels[:6], RED, within=1) and close(pixels[-6:], colour, within=1)


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("1", 1, WHITE),
        ("L", 90, (90, 90, 90)),
        ("LA", (90, 0), WHITE),
        ("RGBA", (255, 0, 0, 0), WHITE),
        ("RGBA", (0, 0, 255, 255), BLUE),
        ("RGBA", (0, 0, 0, 128), (127, 127, 127)),
    ],
)
def test_every_mode_becomes_rgb_on_white(folder, mode, value, expected):
    plain(value, mode=mode).save(folder / "image.png")
    assert close(only(folder), expected)


def test_the_centre_square_is_cut_out(folder):
    image = plain(RED, (48, 16))
    image.paste(GREEN, (16, 0, 32, 16))
    image.save(folder / "wide.png")
    assert close(only(folder), GREEN)


def test_mixed_sizes_come_out_alike(folder):
    for i, size in enumerate([(1, 1), (200, 30), (16, 16), (33, 500)]):
        plain(BLUE, size).save(folder / f"{i}.bmp")
    mixed = load(folder, resolution=24)
    assert mixed.train.images.shape == (3, 24, 24, 3) and mixed.test.images.shape == (1, 24, 24, 3)
    assert close(mixed.train.images, BLUE)


def test_resizing_averages_instead_of_skipping(folder):
    pixels = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "checkerboard.png")
    assert close(only(folder, resolution=8)[2:-2, 2:-2], (127, 127, 127), within=3)


def test_a_large_jpeg_is_read_as_well_as_a_png(folder, tmp_path):
    image = noise((128, 128)).resize((640, 640), Image.Resampling.BICUBIC)
    image.save(folder / "large.jpg", quality=95, subsampling=0)
    other = tmp_path / "other"
    other.mkdir()
    image.save(other / "large.png")
    for resolution in (64, 320):
        jpeg, png = only(folder, resolution=resolution), only(other, resolution=resolution)
        assert np.abs(jpeg.astype(int) - png).mean() < 4


def test_grey_images_have_one_channel(folder):
    plain(WHITE).save(folder / "a.png")
    assert only(folder, channels=1).shape == (16, 16, 1)
    with pytest.raises(DataError, match="channels=2"):
        load(folder, channels=2)


def test_a_background_that_is_no_colour_is_named(folder):
    fill(folder, 1)
    with pytest.raises(DataError, match="background='blueish' is no colour"):
        load(folder, background="blueish")


# --- files that are no images


@pytest.fixture
def with_bad_files(folder):
    fill(folder, 20)
    jpeg = encoded(noise(), "JPEG")
    (folder / "notes.png").write_text("This is text.\n")
    (folder / "half.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (folder / "empty.png").touch()
    (folder / "bytes.gif").write_bytes(bytes(range(256)))
    png = bytearray(encoded(noise(), "PNG"))
    png[3000:3010] = bytes(10)
    (folder / "flipped.png").write_bytes(png)
    return folder


BAD = {
    "notes.png": "it holds text, not an image",
    "half.jpg": "cut off",
    "empty.png": "the file is empty",
    "bytes.gif": "not an image of a known kind",
    "flipped.png": "damaged",
}


def test_files_that_are_no_images_are_named_in_one_error(with_bad_files, own_cache, monkeypatch):
    monkeypatch.setattr(folders, "CACHE_FROM", 1)
    with pytest.raises(DataError) as caught:
        load(with_bad_files)
    message = str(caught.value)
    assert message.startswith("5 of the 25 image files")
    for name, reason in BAD.items():
        assert f"  {name}: {reason}" in message
    assert "skip_bad=True" in message
    assert not own_cache.exists() or not list(own_cache.iterdir())


def test_bad_files_can_be_left_out(with_bad_files, capsys):
    found = load(with_bad_files, skip_bad=True)
    assert len(found.train) + len(found.test) == 20
    assert "Left out 5 of 25 files" in capsys.readouterr().out
    named = {*found.train.attributes["file"], *found.test.attributes["file"]}
    assert not named & set(BAD)
    for split in (found.train, found.test):
        for file, image in zip(split.attributes["file"], split.images, strict=True):
            assert close(image, (int(file[5:9]), 0, 7))


def test_a_folder_of_bad_files_only_is_an_error_in_any_case(folder):
    (folder / "notes.png").write_text("text")
    with pytest.raises(DataError, match="notes.png: it holds text"):
        load(folder, skip_bad=True)


def test_a_message_does_not_list_thousands(folder):
    for i in range(30):
        (folder / f"{i:02}.png").write_text("text")
    with pytest.raises(DataError, match="and 18 more") as caught:
        load(folder)
    assert "11.png" in str(caught.value) and "12.png" not in str(caught.value)


def test_a_bomb_of_pixels_is_named(folder, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    plain(RED).save(folder / "huge.png")
    with pytest.raises(DataError, match="huge.png: more than 200 pixels"):
        load(folder)


def test_a_link_to_nothing_is_named(folder):
    fill(folder, 1)
    try:
        (folder / "gone.png").symlink_to(folder / "nowhere.png")
    except OSError:
        pytest.skip("this system does not let us make links")
    with pytest.raises(DataError, match="gone.png: can't be opened"):
        load(folder)
