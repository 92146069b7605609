"""Any folder of images: every kind of file comes out right or is named in one clear error."""

import io
import os
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from PIL import Image

from helpers import data, folders
from helpers.data_types import DataError

ROOT = Path(__file__).resolve().parent.parent
RED, BLUE, GREEN, WHITE = (255, 0, 0), (0, 0, 255), (0, 255, 0), (255, 255, 255)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("COURSE_DATA", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "images"
    path.mkdir()
    return path


def plain(colour, size=(16, 16), mode="RGB"):
    return Image.new(mode, size, colour)


def noise(size=(64, 64), seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8))


def encoded(image, kind, **settings):
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return buffer.getvalue()


def fill(folder, count, prefix="image"):
    for i in range(count):
        plain((i % 256, i // 256, 7)).save(folder / f"{prefix}{i:04}.png")


def load(folder, **settings):
    return data.load(folder=folder, **({"resolution": 16, "quiet": True} | settings))


def only(folder, **settings):
    """The one image of a folder, as (H, W, C)."""
    images = load(folder, **settings).train.images
    assert images.dtype == np.uint8 and len(images) == 1
    return images[0]


def close(pixels, colour, within=0):
    return bool((np.abs(pixels.astype(int) - np.array(colour)) <= within).all())


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
