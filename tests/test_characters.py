"""Drawn faces: different, the same everywhere, with attributes that the image shows, and credited as their package does."""

import re
from importlib.resources import files

import numpy as np
import pytest

from conftest import in_a_new_process
from helpers import characters, data
from helpers.data_types import DataError

pytestmark = pytest.mark.usefixtures("own_cache")


def faces(n=30, **settings):
    return data.load("characters", n=n, **({"resolution": 32, "quiet": True} | settings))


def everything(dataset):
    return np.concatenate([dataset.train.images, dataset.test.images])


def test_characters_are_different_and_split_nine_to_one():
    found = faces(40, resolution=64)
    assert found.train.images.shape == (36, 64, 64, 3) and found.test.images.shape == (4, 64, 64, 3)
    assert found.train.images.dtype == np.uint8
    assert len({image.tobytes() for image in everything(found)}) == 40
    assert (found.train.images[:, 0, 0] == 255).all()
    assert all(len(values) == 36 for values in found.train.attributes.values())


def test_characters_are_the_same_in_any_process(tmp_path):
    code = (
        "import os; os.environ['COURSE_CACHE'] = {!r}\n"
        "from helpers import data; print(data.load('characters', n=10, resolution=32, quiet=True).sha256)"
    )
    assert in_a_new_process(code.format(str(tmp_path / "other"))).strip() == faces(10).sha256


def test_a_seed_gives_other_characters():
    assert faces(10).sha256 != faces(10, seed=1).sha256


def test_more_characters_begin_with_the_same(monkeypatch, own_cache):
    few = faces(20)
    more = faces(30)
    assert np.array_equal(few.train.images, more.train.images[: len(few.train)])
    assert np.array_equal(few.test.images, more.test.images[: len(few.test)])
    for name, values in few.train.attributes.items():
        assert np.array_equal(values, more.train.attributes[name][: len(few.train)])
    monkeypatch.setattr(characters, "draw_svg", None)
    assert faces(20).sha256 == few.sha256 and faces(30).sha256 == more.sha256
    monkeypatch.undo()
    monkeypatch.setenv("COURSE_CACHE", str(own_cache / "fresh"))
    assert faces(30).sha256 == more.sha256


def test_a_damaged_cache_of_characters_is_drawn_again(own_cache):
    first = faces(10)
    path = next(own_cache.iterdir())
    path.write_bytes(path.read_bytes()[:-3000])
    assert faces(10).sha256 == first.sha256


def test_attributes_are_what_the_image_shows():
    """Colours stand in the pixels; faces with and without a beard differ where a beard is."""
    found = faces(40, resolution=64)
    attributes = found.train.attributes
    assert {"hair", "hair_colour", "skin_colour", "mouth", "eyes", "beard", "clothes_colour"} <= set(attributes)
    for name in ("hair_colour", "skin_colour", "clothes_colour"):
        assert len(set(attributes[name])) > 1
        for image, value in zip(found.train.images, attributes[name], strict=True):
            if value != characters.NONE:
                rgb = [int(value[i : i + 2], 16) for i in (1, 3, 5)]
                assert (image == rgb).all(axis=-1).sum() > 20
    assert {"none", "fullBeard"} <= set(attributes["beard"])
    chin = np.array([image[38:46, 27:37].astype(float).std() for image in found.train.images])
    full = np.isin(attributes["beard"], ["fullBeard", "longBeard"])
    assert chin[full].mean() > chin[attributes["beard"] == "none"].mean()


def test_a_background_shows_behind_a_character():
    assert (faces(10, background="#102030").train.images[:, 0, 0] == (0x10, 0x20, 0x30)).all()


@pytest.mark.parametrize("style", ["toon-head", "adventurer", "lorelei", "pixel-art", "landscape"])
def test_licence_and_author_are_those_of_the_package(style, capsys):
    text = files("dicebear_styles").joinpath(f"{style}.json").read_text("utf-8")
    licence = re.search(r'"license":\s*\{\s*"name":\s*"([^"]*)"', text)[1]
    creator = re.search(r'"creator":\s*\{\s*"name":\s*"([^"]*)"', text)[1]
    found = faces(2, style=style, resolution=16, quiet=False)
    out = capsys.readouterr().out
    assert licence in found.licence and f"Licence: {licence}" in out
    assert creator in found.attribution and creator in out
    assert len(found.train) == 2 and found.train.attributes


def test_an_unknown_style_names_the_near_ones():
    with pytest.raises(DataError, match="no style 'toonhead'. Did you mean toon-head"):
        data.load("characters", style="toonhead")


def test_more_faces_than_there_are_is_an_error_not_a_loop(monkeypatch):
    monkeypatch.setattr(characters, "GIVE_UP", 20)
    with pytest.raises(DataError, match="has only about .* different faces at 1×1: n=5,000"):
        faces(5000, resolution=1, style="initial-face")
