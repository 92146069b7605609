"""Explorers: the kernel's half without a browser, the static figure, errors, and one output with two faces."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers import plotting, widgets
from helpers.latent_pad import LatentPad

VIEW = "application/vnd.jupyter.widget-view+json"


def decode(z):
    """Grey images (N, 8, 8, 1): the left half shows z₁, the right half z₂, both from −3 … 3."""
    images = np.zeros((len(z), 8, 8, 1), dtype=np.float32)
    images[:, :, :4, 0] = (z[:, :1, None] + 3) / 6
    images[:, :, 4:, 0] = (z[:, 1:, None] + 3) / 6
    return images


def greys(png):
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("L"))
    return int(pixels[0, 0]), int(pixels[0, -1])


def test_the_image_follows_the_position():
    pad = LatentPad(decode, [-3, -3], [3, 3], "pad")
    assert pad.position == [0, 0] and greys(pad.image) == (128, 128)
    pad.position = [3.0, -3.0]
    assert greys(pad.image) == (255, 0) and pad.answers == 2
    pad.set_state({"position": [-3.0, 3.0]})  # as the browser sends it
    assert greys(pad.image) == (0, 255) and pad.answers == 3


def test_an_error_while_exploring_is_shown_and_passes():
    def fragile(z):
        if z[0, 0] > 1:
            raise RuntimeError("z is too far out")
        return decode(z)

    pad = LatentPad(fragile, [-3, -3], [3, 3], "pad")
    before = pad.image
    pad.position = [2.0, 0.0]
    assert pad.failure == "decode failed at this place: RuntimeError: z is too far out" and pad.image == before
    assert pad.answers == 2  # the browser hears an answer, and may ask again
    pad.position = [0.5, 0.0]
    assert pad.failure == "" and pad.image != before
    pad._decode = lambda z: np.zeros((3, 8, 8, 1))
    pad.position = [0.6, 0.0]
    assert "it gave shape (3, 8, 8, 1)" in pad.failure


def test_codes_are_sent_as_bytes_with_medians_and_names():
    z = np.array([[0, 1], [0, 3], [2, 2]], dtype=np.float64)
    pad = LatentPad(decode, [-3, -3], [3, 3], "pad", z, np.array([7, 7, 9]))
    assert np.frombuffer(pad.points, np.float32).reshape(-1, 2).tolist() == z.tolist()
    assert list(pad.classes) == [0, 0, 1] and pad.names == [["7", [0.0, 2.0]], ["9", [2.0, 2.0]]]
    many = LatentPad(decode, [-3, -3], [3, 3], "pad", np.zeros((5001, 2)))
    assert len(many.points) / 8 <= 2000 and many.names == []
    for bad, labels in ((np.zeros((3, 3)), None), (z, [1, 2])):
        with pytest.raises(ValueError, match="labels"):
            LatentPad(decode, [-3, -3], [3, 3], "pad", bad, labels)


def test_the_browser_half_knows_every_trait_and_fetches_nothing():
    script = (Path(widgets.__file__).parent / "latent_pad.js").read_text(encoding="utf-8")
    for trait in ("position", "low", "high", "points", "classes", "names", "colours", "label", "image", "failure"):
        assert f'model.get("{trait}")' in script
        assert LatentPad.class_traits()[trait].metadata.get("sync")
    for word in ("http", "import ", "fetch(", "eval("):
        assert word not in script
    for need in ("tabIndex", "aria-label", "aria-live", "focus-visible", "ArrowLeft", "pointerdown"):
        assert need in script


def test_latent_explorer_is_one_output_with_two_faces(sent):
    widgets.latent_explorer(decode, limits=((-3, 3), (-1, 1)), alt="Grey squares", cells=5)
    assert len(sent) == 1
    data, more = sent[0]
    assert data[VIEW]["model_id"] and data["text/plain"] == "Figure: Grey squares"
    assert more["metadata"]["image/png"]["alt"] == "Grey squares"
    grid = np.asarray(Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("L"))
    assert grid.shape[0] > 5 * 8
    old = widgets._shown["Grey squares"]
    assert old.comm is not None
    widgets.latent_explorer(decode, alt="Grey squares", cells=3)
    assert old.comm is None  # a cell that is run again replaces its widget
    assert widgets._shown["Grey squares"].comm is not None
    assert sent[1][0][VIEW]["model_id"] != data[VIEW]["model_id"]


def test_static_grid_grows_upwards():
    asked = []
    widgets.latent_grid(lambda z: (asked.append(z), decode(z))[1], ([-3, -1], [3, 1]), cells=3)
    assert asked[0][0].tolist() == [-3, 1] and asked[0][2].tolist() == [3, 1] and asked[0][-1].tolist() == [3, -1]
    assert asked[0].dtype == np.float32


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"limits": (3, -3)}, "low < high"),
        ({"limits": 3}, "limits"),
        ({"alt": " "}, "alternative text"),
        ({"decode": lambda z: np.zeros((2, 8, 8, 1))}, "must turn codes"),
        ({"decode": lambda z: np.full((len(z), 8, 8, 1), np.nan)}, "NaN"),
    ],
)
def test_latent_explorer_names_bad_arguments(arguments, message, sent):
    with pytest.raises(ValueError, match=message):
        widgets.latent_explorer(**{"decode": decode, "alt": "x", **arguments})
    assert not sent


def test_slider_explorer(sent):
    def draw(level, kind, n):
        return np.full((8, 8), level) if kind == "grey" else np.full((8, 8, 3), n / 10)

    widgets.slider_explorer(draw, alt="Squares", level=(0.0, 1.0, 0.5), kind=["grey", "other"], n=(1, 4))
    data, _ = sent[0]
    assert VIEW in data and data["image/png"]
    box = widgets._shown["Squares"]
    level, kind, n, picture, line = box.children
    assert greys(picture.value)[0] == 128
    level.value = 1.0
    assert greys(picture.value)[0] == 255
    kind.value = "other"
    n.value = 2
    assert greys(picture.value)[0] == 51 and line.value == ""
    box.close()


def test_slider_explorer_draws_figures_and_shows_errors(sent):
    def draw(power):
        if power == 3:
            raise ValueError("no <b>third</b> power")
        return plotting.curves({"y": [1, 2**power]})

    with pytest.raises(ValueError, match="third"):  # at once, in the cell
        widgets.slider_explorer(draw, alt="Powers", power=[1, 2, 3])
    controls = {"power": widgets._control("power", [1, 2, 3])}
    box = widgets._slider_box(draw, controls, "A square.")
    controls["power"].value = 3
    assert "no &lt;b&gt;third" in box.children[-1].value
    controls["power"].value = 2
    assert box.children[-1].value == "" and len(box.children[1].value) > 1000


@pytest.mark.parametrize("spec", [(1, 0), (0, 1, 2), "ab", [], (0,), (0, "a")])
def test_slider_specs_are_checked(spec):
    with pytest.raises(ValueError, match="slider beta"):
        widgets._control("beta", spec)
