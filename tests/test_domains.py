"""Two domains: what is in which side, pairs that differ in one thing only, every published form of monet2photo, bad input."""

import shutil
import zipfile

import numpy as np
import pytest
from image_files import BLUE, RED, close, encoded, fill, noise, plain
from tfrecord_files import example, record

from helpers import characters, data, domain_folders, domains, emoji, face_domains, runtime
from helpers.data_types import DataError, Split
from helpers.domains import Domains, load_domains

pytestmark = pytest.mark.usefixtures("own_cache")
SIDES = ("train_a", "train_b", "test_a", "test_b")


def sides(found):
    return [getattr(found, side) for side in SIDES]


# --- emoji


def test_emoji_are_unpaired_to_train_on_and_paired_to_test(capsys):
    found = data.load_domains("emoji", n=12, n_test=8)
    assert [split.images.shape for split in sides(found)] == [(12, 64, 64, 3)] * 2 + [(8, 64, 64, 3)] * 2
    assert all(split.images.dtype == np.uint8 for split in sides(found))
    assert found.paired and found.names == ("Twemoji", "OpenMoji") and found.shape == (64, 64, 3)
    names = [split.attributes["name"].tolist() for split in sides(found)]
    assert names[2] == names[3] and not set(names[0]) & set(names[1])
    assert not set(names[2]) & (set(names[0]) | set(names[1]))
    drawn = emoji.draw_fitted(emoji.emoji_files()[names[3][5]][1], 64)
    assert np.array_equal(found.test_b.images[5], drawn)
    printed = capsys.readouterr().out
    for text in ("A = Twemoji, B = OpenMoji, 64×64×3", "12 and 12 training images without pairs, 8 held-out pairs"):
        assert text in printed
    for text in ("A: CC BY 4.0", "B: CC BY-SA 4.0", "Twitter, Inc and other contributors", "designed by OpenMoji"):
        assert text in printed


def test_a_smaller_n_is_the_beginning_of_a_larger_one(capsys):
    few, more = (load_domains("emoji", n=n, n_test=4, resolution=32, quiet=True) for n in (5, 9))
    assert capsys.readouterr().out == ""
    assert np.array_equal(few.train_a.images, more.train_a.images[:5])
    assert np.array_equal(few.train_b.attributes["name"], more.train_b.attributes["name"][:5])
    assert np.array_equal(few.test_a.images, more.test_a.images)
    assert few.sha256 != more.sha256
    assert few.sha256 == load_domains("emoji", n=5, n_test=4, resolution=32, quiet=True).sha256


def test_hash_covers_every_side():
    def split():
        return Split(np.zeros((2, 8, 8, 3), np.uint8), None, {"name": np.array(["x", "y"])})

    base = made().sha256
    for side in SIDES:
        changed = split()
        changed.images[1, 2, 3, 1] = 1
        assert made(**{side: changed}).sha256 != base
        renamed = Split(split().images, None, {"name": np.array(["x", "z"])})
        assert made(**{side: renamed}).sha256 != base


def test_the_run_notes_which_data_it_uses(monkeypatch):
    class Run:
        data = {}

    monkeypatch.setattr(runtime, "_current", Run())
    load_domains("hair", n=1, n_test=1, resolution=16, quiet=True)
    assert Run.data == {"hair": "embedded"}


# --- faces


@pytest.mark.parametrize("name", face_domains.TASKS)
def test_a_held_out_pair_is_one_face_with_one_change(name):
    task = face_domains.TASKS[name]
    found = load_domains(name, n=20, n_test=15, quiet=True)
    assert found.paired and found.names == (task.a.name, task.b.name)
    a, b = found.test_a.attributes, found.test_b.attributes
    assert set(a) == set(b) and len(a) > 5
    for attribute in a:
        if attribute in task.attributes:
            assert (a[attribute] != b[attribute]).all() and len(set(a[attribute])) == len(set(b[attribute])) == 1
        else:
            assert np.array_equal(a[attribute], b[attribute])
    differs = (found.test_a.images != found.test_b.images).any(axis=3)
    share = differs.mean(axis=(1, 2))
    assert share.min() > 0.01 and share.max() < 0.5
    assert (found.test_a.images[:, 0, 0] == 255).all()


@pytest.mark.parametrize("name", face_domains.TASKS)
def test_no_face_is_in_two_roles(name):
    task = face_domains.TASKS[name]
    found = load_domains(name, n=60, n_test=30, resolution=16, quiet=True)
    faces = []
    for split in (found.train_a, found.train_b, found.test_a):
        rest = [values for key, values in split.attributes.items() if key not in ("name", *task.attributes)]
        faces += list(zip(*rest, strict=True))
    assert len(faces) == len(set(faces)) == 150
    looks = [{split.attributes[key][0] for key in task.attributes} for split in sides(found)]
    assert looks[0] == looks[2] != looks[1] == looks[3]
    for split in sides(found):
        assert all(len(set(split.attributes[key])) == 1 for key in task.attributes)


def test_grey_hair_is_where_dark_hair_was():
    found = load_domains("hair", n=1, n_test=20, quiet=True)
    a, b = (split.images.astype(int) for split in (found.test_a, found.test_b))
    for colour, images, others in ((0x2C1B18, a, b), (0xC4C4C4, b, a)):
        rgb = [colour >> 16, colour >> 8 & 255, colour & 255]
        hair = (images == rgb).all(axis=3)
        assert (hair.sum(axis=(1, 2)) > 100).all()
        assert (images != others).any(axis=3)[hair].all()
    assert (b >= a).all()  # lighter or equal everywhere


def test_glasses_change_nothing_but_the_place_of_the_eyes():
    found = load_domains("glasses", n=1, n_test=20, quiet=True)
    differs = (found.test_a.images != found.test_b.images).any(axis=(0, 3))
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    assert rows[0] > 20 and rows[-1] < 50 and columns[-1] - columns[0] < 50


def test_faces_depend_on_the_seed_and_begin_alike(monkeypatch):
    settings = {"n_test": 3, "resolution": 16, "quiet": True}
    few, more = (load_domains("hair", n=n, **settings) for n in (4, 8))
    for side in SIDES:
        count = len(getattr(few, side))
        assert np.array_equal(getattr(few, side).images, getattr(more, side).images[:count])
    assert load_domains("hair", n=4, seed=1, **settings).sha256 != few.sha256
    monkeypatch.setattr(characters, "draw_svg", None)
    assert load_domains("hair", n=4, **settings).sha256 == few.sha256


def test_fewer_tests_leave_the_training_faces_as_they_are():
    few, more = (load_domains("glasses", n=3, n_test=n, resolution=16, quiet=True) for n in (0, 2))
    assert len(few.test_a) == 0 and np.array_equal(few.train_b.images, more.train_b.images)


@pytest.mark.parametrize(
    ("name", "kind", "part", "others"),
    [("glasses", "components", "accessories", "hair"), ("hair", "colors", "hair", "glasses")],
)
def test_a_style_without_the_attribute_is_named(monkeypatch, name, kind, part, others):
    style = face_domains.TASKS[name].style
    definition = characters.style_definition(style)
    del definition[kind][part]
    monkeypatch.setattr(characters, "style_definition", lambda style: definition)
    with pytest.raises(DataError, match=f'style {style} has no {name} to change.*or use "{others}" or "emoji"'):
        load_domains(name, n=2, quiet=True)


def test_a_style_without_those_glasses_is_named(monkeypatch):
    definition = characters.style_definition("big-smile")
    del definition["components"]["accessories"]["variants"]["glasses"]
    monkeypatch.setattr(characters, "style_definition", lambda style: definition)
    with pytest.raises(DataError, match="style big-smile has no glasses to change"):
        load_domains("glasses", n=2, quiet=True)


def test_more_faces_than_there_are_is_named(monkeypatch):
    monkeypatch.setattr(characters, "GIVE_UP", 1)
    monkeypatch.setattr(characters, "as_text", lambda value: "the same")
    with pytest.raises(DataError, match="only about 1 different faces"):
        load_domains("hair", n=2, n_test=0, quiet=True)


# --- two folders


@pytest.fixture
def apples_and_oranges(tmp_path):
    """12 wide red images, and 30 tall blue ones of another size."""
    for name, colour, size, count in (("apples", RED, (40, 20), 12), ("oranges", BLUE, (16, 64), 30)):
        (tmp_path / name).mkdir()
        for i in range(count):
            plain(colour, size).save(tmp_path / name / f"{i}.png")
    return tmp_path / "apples", tmp_path / "oranges"


def test_two_folders_of_unequal_sizes_become_one_size(apples_and_oranges, capsys):
    found = load_domains(folders=apples_and_oranges, resolution=24)
    assert [split.images.shape for split in sides(found)] == [(n, 24, 24, 3) for n in (11, 27, 1, 3)]
    assert close(found.train_a.images, RED) and close(found.test_b.images, BLUE)
    assert found.names == ("apples", "oranges") and not found.paired and found.variant == "folder"
    names = [set(split.attributes["name"]) for split in sides(found)]
    assert not names[0] & names[2] and len(names[0] | names[2]) == 12
    assert "1 and 3 test images without pairs" in capsys.readouterr().out
    fewer = load_domains(folders=apples_and_oranges, resolution=24, n=5, n_test=2, quiet=True)
    assert [len(split) for split in sides(fewer)] == [5, 5, 1, 2]
    assert np.array_equal(fewer.train_b.attributes["name"], found.train_b.attributes["name"][:5])


def test_folders_may_be_archives_and_may_hold_subfolders(apples_and_oranges, tmp_path):
    apples, oranges = apples_and_oranges
    (apples / "green").mkdir()
    plain(BLUE).save(apples / "green" / "x.png")
    shutil.make_archive(str(tmp_path / "packed"), "zip", oranges)
    found = load_domains(folders=(apples, tmp_path / "packed.zip"), resolution=16, quiet=True)
    assert len(found.train_a) + len(found.test_a) == 13 and len(found.train_b) == 27
    assert found.names == ("apples", "packed")


def test_an_empty_folder_is_an_empty_domain(apples_and_oranges, folder):
    with pytest.raises(DataError, match="Domain B is empty: .*images holds no images .found: nothing."):
        load_domains(folders=(apples_and_oranges[0], folder), quiet=True)
    (folder / "list.csv").write_text("text")
    with pytest.raises(DataError, match=r"Domain A is empty: .*found: \.csv"):
        load_domains(folders=(folder, apples_and_oranges[0]), quiet=True)


def test_folders_that_can_not_be_meant_are_named(apples_and_oranges, folder):
    apples, oranges = apples_and_oranges
    with pytest.raises(DataError, match="expected two different folders"):
        load_domains(folders=(apples, apples / ".." / "apples"), quiet=True)
    with pytest.raises(DataError, match="There is no folder or .zip"):
        load_domains(folders=(apples, folder / "missing"), quiet=True)
    (oranges / "3.png").write_bytes(b"\x89PNG no more")
    with pytest.raises(DataError, match=r"1 of the 30 image files in .*oranges can't be read:\n  3\.png"):
        load_domains(folders=(apples, oranges), quiet=True)


# --- monet2photo


def fill_layout(root, *folders, counts=(12, 21, 3, 4)):
    for name, count in zip(folders, counts, strict=False):
        (root / name).mkdir(parents=True)
        if name.endswith("tfrec"):
            records = []
            for i in range(count):
                image = encoded(plain((i, 0, 0) if name[0] == "m" else (0, i, 255)), "PNG")
                records.append(record(example(image=image, image_name=f"{i}".encode(), target=name.encode())))
            (root / name / "first.tfrec").write_bytes(b"".join(records[:5]))
            (root / name / "second.tfrec").write_bytes(b"".join(records[5:]))
        else:
            fill(root / name, count)
    return root


@pytest.mark.parametrize(
    ("layout", "sizes"),
    [
        (("trainA", "trainB", "testA", "testB"), [12, 21, 3, 4]),
        (("trainA", "trainB"), [11, 19, 1, 2]),
        (("monet_tfrec", "photo_tfrec"), [11, 19, 1, 2]),
        (("monet_jpg", "photo_jpg"), [11, 19, 1, 2]),
        (("monet", "photo"), [11, 19, 1, 2]),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_monet2photo_in_all_its_forms(tmp_path, monkeypatch, layout, sizes, packed):
    root = fill_layout(tmp_path / "course" / "monet2photo", *layout)
    if packed:
        shutil.make_archive(str(root), "zip", root.parent, root.name)
        shutil.rmtree(root)
    monkeypatch.setenv("COURSE_DATA", str(root.parent))
    found = load_domains("monet2photo", resolution=16, quiet=True)
    assert [len(split) for split in sides(found)] == sizes
    assert found.names == ("Monet", "photos") and not found.paired and found.name == "monet2photo"
    named = [split.attributes["name"] for split in sides(found)]
    assert len(set(np.concatenate(named))) == sum(sizes)
    assert all(layout[0] in name for name in named[0]) and all(layout[1] in name for name in named[1])
    if layout[0] == "monet_tfrec":
        assert (found.train_b.images[..., 2] == 255).all() and (found.train_a.images[..., 2] == 0).all()
        for image, name in zip(found.train_a.images, named[0], strict=True):
            assert (image[..., 0] == int(name.split("/")[-1])).all()
    fewer = load_domains("monet2photo", resolution=16, n=6, n_test=1, quiet=True)
    assert [len(split) for split in sides(fewer)] == [6, 6, 1, 1]
    assert np.array_equal(fewer.train_a.images, found.train_a.images[:6])


def test_without_monet2photo_it_is_said_how_to_get_it(monkeypatch, tmp_path):
    for setting, message in ((None, "COURSE_DATA is not set"), (str(tmp_path), "holds none")):
        if setting:
            monkeypatch.setenv("COURSE_DATA", setting)
        with pytest.raises(DataError, match=message) as raised:
            load_domains("monet2photo")
        for text in ("monet2photo.zip", "monet_tfrec", "kaggle.com", "folder="):
            assert text in str(raised.value)


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (("trainA",), "holds images in trainA, but none in trainB: one of the two domains is empty"),
        (("photo_tfrec",), "holds images in photo_tfrec, but none in monet_tfrec: one of the two domains is empty"),
        (("paintings", "pictures"), "not laid out as monet2photo: .*trainA and trainB.*found paintings, pictures"),
        ((), "not laid out as monet2photo: .*found none with images"),
    ],
)
def test_another_layout_is_named(folder, folders, message):
    fill_layout(folder, *folders)
    with pytest.raises(DataError, match=message):
        load_domains("monet2photo", folder=folder, quiet=True)


def test_empty_and_damaged_records_are_named(folder):
    fill_layout(folder, "monet_tfrec", "photo_tfrec")
    path = folder / "photo_tfrec" / "second.tfrec"
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    with pytest.raises(DataError, match=r"photo_tfrec/second\.tfrec is cut short: record 16"):
        load_domains("monet2photo", folder=folder, quiet=True)
    path.write_bytes(whole[:40] + b"?" + whole[41:])
    with pytest.raises(DataError, match=r"second\.tfrec: the checksum of record 1 of 16 is wrong"):
        load_domains("monet2photo", folder=folder, quiet=True)
    path.write_bytes(whole + record(example(picture=b"x")))
    with pytest.raises(DataError, match=r"second\.tfrec, record 17 has no feature image .*found: picture"):
        load_domains("monet2photo", folder=folder, quiet=True)
    path.write_bytes(whole + record(example(image=b"no image")))
    with pytest.raises(DataError, match=r"(?s)1 of the 2\d image files in .*second\.tfrec/16.*remove them\. Nothing"):
        load_domains("monet2photo", folder=folder, quiet=True)
    path.write_bytes(b"")
    with pytest.raises(DataError, match=r"second\.tfrec is empty"):
        load_domains("monet2photo", folder=folder, quiet=True)


def test_a_damaged_archive_of_records_is_named(folder, tmp_path):
    fill_layout(folder, "monet_tfrec", "photo_tfrec")
    packed = tmp_path / "monet2photo.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*.tfrec")):
            archive.write(path, path.relative_to(folder))
    content = packed.read_bytes()
    place = content.index(b"PNG", 600)
    packed.write_bytes(content[:place] + b"pNG" + content[place + 3 :])
    with pytest.raises(DataError, match=r"tfrec can't be read: damaged in the archive"):
        load_domains("monet2photo", folder=packed, quiet=True)


def test_several_records_with_one_name_stay_apart(folder):
    """Images are told apart by file and name; equal names in two files are two images."""
    fill_layout(folder, "monet_tfrec", "photo_tfrec")
    payload = record(example(image=encoded(noise(), "JPEG")))
    (folder / "monet_tfrec" / "third.tfrec").write_bytes(payload * 2)
    found = load_domains("monet2photo", folder=folder, resolution=16, quiet=True)
    names = [*found.train_a.attributes["name"], *found.test_a.attributes["name"]]
    assert len(names) == 14 and {"monet_tfrec/third.tfrec/0", "monet_tfrec/third.tfrec/1"} <= set(names)


# --- arrays given directly, and settings


def made(**changes):
    splits = {
        side: Split(np.zeros((2, 8, 8, 3), np.uint8), None, {"name": np.array(["x", "y"])}) for side in SIDES
    } | changes
    return Domains("mine", "folder", ("left", "right"), **splits, paired=True, source="", licence="", attribution="")


@pytest.mark.parametrize(
    ("side", "shape", "kind", "message"),
    [
        ("train_b", (2, 16, 16, 3), np.uint8, "must have one size; found train_a 8×8×3, train_b 16×16×3"),
        ("test_a", (2, 8, 9, 3), np.uint8, "must have one size; found .*test_a 8×9×3"),
        ("train_b", (0, 8, 8, 3), np.uint8, r"train_b \(right\) holds no images"),
        ("train_a", (0, 8, 8, 3), np.uint8, r"train_a \(left\) holds no images"),
        ("test_b", (1, 8, 8, 3), np.uint8, "2 against 1 images don't match"),
        ("train_a", (2, 8, 8, 3), np.float32, r"train_a must be an array \(N, H, W, 3\) of uint8, not float32"),
        ("train_a", (2, 8, 8), np.uint8, "train_a must be an array"),
    ],
)
def test_arrays_that_do_not_fit_are_named(side, shape, kind, message):
    with pytest.raises(DataError, match=message):
        made(**{side: Split(np.zeros(shape, kind))})


def test_lists_and_grey_images_are_named():
    with pytest.raises(DataError, match="train_a must be an array .* not list"):
        made(train_a=Split([np.zeros((8, 8, 3), np.uint8)]))
    with pytest.raises(DataError, match="3 channels, not 1"):
        made(**{side: Split(np.zeros((2, 8, 8, 1), np.uint8)) for side in SIDES})


def test_an_empty_test_side_is_allowed():
    empty = Split(np.zeros((0, 8, 8, 3), np.uint8))
    assert "0 held-out pairs" in made(test_a=empty, test_b=empty).describe()


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        (None, {}, "Give either a name .*or two folders"),
        ("emoji", {"folders": ("a", "b")}, "Give either a name"),
        ("emojis", {}, "no domains 'emojis'. Did you mean 'emoji'"),
        (None, {"folders": "apples"}, "expected two, one for each domain"),
        (None, {"folders": ("a", "b", "c")}, "expected two"),
        ("emoji", {"folder": "x"}, "folder= says where monet2photo is"),
        ("emoji", {"resolution": 4}, "resolution=4: expected .* from 8 to 4096"),
        ("emoji", {"resolution": 64.0}, "resolution=64.0"),
        ("emoji", {"n": 0}, "n=0: expected .* at least 1"),
        ("emoji", {"n_test": -1}, "n_test=-1: expected .* at least 0"),
        ("emoji", {"n": True}, "n=True"),
    ],
)
def test_settings_that_can_not_be_meant_are_named(name, settings, message):
    with pytest.raises(DataError, match=message):
        load_domains(name, **settings)


def test_names_of_the_module_are_all_loadable():
    assert set(domains.NAMES) == {"emoji", *face_domains.TASKS, "monet2photo"}
    assert data.load_domains is load_domains and data.Domains is Domains
    assert domain_folders.LAYOUTS[0][:2] == ("trainA", "trainB")
