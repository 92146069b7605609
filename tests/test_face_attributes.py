"""The reader of face attributes: right on faces it never saw, also on spoilt ones, NumPy alone, clear about bad input."""

import json
import time

import numpy as np
import pytest

from conftest import in_a_new_process
from helpers import characters, checkpoints, data, features
from helpers.resizing import resize

# What a share of faces at least is read rightly; the committed weights reach more, see the JSON beside them.
LEAST = dict.fromkeys(features.FACE_ATTRIBUTES, 0.98) | {"mouth": 0.97, "hair_colour": 0.99, "skin_colour": 0.99}


@pytest.fixture(scope="module")
def faces():
    """500 faces of another seed than the one trained on."""
    fresh = characters.characters(n=500, seed=7, quiet=True)
    attributes = {
        name: np.concatenate([fresh.train.attributes[name], values]) for name, values in fresh.test.attributes.items()
    }
    return np.concatenate([fresh.train.images, fresh.test.images]), attributes


def shares(images, attributes):
    """The share of faces whose value is read rightly, for each attribute."""
    return {name: float((read == attributes[name]).mean()) for name, read in features.face_attributes(images).items()}


def test_values_are_those_of_the_style():
    definition = characters.style_definition("toon-head")
    options = characters.attribute_options(definition)
    assert set(features.FACE_ATTRIBUTES) == set(options)
    for name, values in features.FACE_ATTRIBUTES.items():
        option = options[name]
        if name.endswith("_colour"):
            known = definition["colors"][option.removesuffix("Color")]["values"]
        else:
            component = definition["components"][option.removesuffix("Variant")]
            known = [*component["variants"], *["none"] * (component.get("probability", 100) < 100)]
        assert list(values) == sorted(values) and set(values) == set(known), name


def test_fresh_faces_are_read(faces):
    images, attributes = faces
    began = time.perf_counter()
    found = shares(images, attributes)
    assert time.perf_counter() - began < 5  # about 0.5 s on one quiet core
    assert {name: share for name, share in found.items() if share < LEAST[name]} == {}


def test_held_out_faces_are_read_as_the_checkpoint_says():
    held_out = data.load("characters", n=2000, quiet=True).test
    stated = checkpoints.load("face_attributes")[1]["held_out_accuracy"]
    for name, share in shares(held_out.images, held_out.attributes).items():
        spread = np.sqrt(stated[name] * (1 - stated[name]) / len(held_out))
        assert share == pytest.approx(stated[name], abs=4 * spread + 0.005), name


def blurred(x, rng):
    """The mean of each pixel and its neighbours, weighted 1 2 1 in both directions."""
    for axis in (1, 2):
        x = (np.roll(x, 1, axis) + 2 * x + np.roll(x, -1, axis)) / 4
    return x


def noisy(x, rng):
    """Normal noise with a standard deviation of 0.04."""
    return np.clip(x + 0.04 * rng.standard_normal(x.shape), 0, 1)


def moved(x, rng):
    """Two pixels to the right, one up."""
    return np.pad(x, ((0, 0), (0, 1), (2, 0), (0, 0)), mode="edge")[:, 1:, :-2]


def paler(x, rng):
    """Less contrast, a little lighter."""
    return 0.94 * x + 0.04


def quantised(x, rng):
    """Through JPEG at quality 80."""
    import io

    from PIL import Image

    out = []
    for image in (255 * x).round().astype(np.uint8):
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, format="JPEG", quality=80)
        out.append(np.asarray(Image.open(buffer)) / 255)
    return np.stack(out)


def smaller(x, rng):
    """Half as many pixels each way."""
    return resize(x, 32)


# The share of all values, over the ten attributes, that must still be read rightly.
SPOILT = {blurred: 0.96, noisy: 0.97, moved: 0.93, paler: 0.98, quantised: 0.95, smaller: 0.94}


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
def test_spoilt_faces_are_read(faces, spoil):
    images, attributes = faces
    found = shares(spoil(images[:300] / 255, np.random.default_rng(0)), {k: v[:300] for k, v in attributes.items()})
    large = ("hair_colour", "skin_colour", "clothes_colour", "hair", "rear_hair")
    assert min(found[name] for name in large) >= 0.97, found
    assert np.mean(list(found.values())) >= SPOILT[spoil], found


def test_probabilities_say_how_sure(faces):
    images, attributes = faces
    probabilities = features.face_attribute_probabilities(images[:100])
    read = features.face_attributes(images[:100])
    for name, values in features.FACE_ATTRIBUTES.items():
        assert probabilities[name].shape == (100, len(values)) and probabilities[name].dtype == np.float32
        np.testing.assert_allclose(probabilities[name].sum(axis=1), 1, atol=1e-5)
        assert [values[k] for k in probabilities[name].argmax(axis=1)] == read[name].tolist()
    noise = features.face_attribute_probabilities(np.random.default_rng(0).random((100, 64, 64, 3)))
    sure = {name: float(p.max(axis=1).mean()) for name, p in probabilities.items()}
    assert min(sure.values()) > 0.9
    assert np.mean([p.max(axis=1).mean() for p in noise.values()]) < np.mean(list(sure.values()))


def test_half_a_change_of_colour_is_read_on_the_way(faces):
    """A face whose hair goes from one colour to another: first the one is read, last the other, in between no third."""
    from dicebear import Avatar, Style

    style = Style(characters.style_definition("toon-head"))
    looks = [
        Avatar(style, {"seed": "9", "hairColor": [colour], "beardProbability": 0}).to_json()["svg"]
        for colour in ("#2c1b18", "#d6b370")
    ]
    dark, fair = (characters.draw_svg(svg, 64, "#ffffff") / 255 for svg in looks)
    read = features.face_attributes(np.stack([dark, 0.9 * dark + 0.1 * fair, 0.1 * dark + 0.9 * fair, fair]))
    assert read["hair_colour"].tolist() == ["#2c1b18", "#2c1b18", "#d6b370", "#d6b370"]


def test_numpy_agrees_with_pytorch(faces):
    import torch

    from helpers.train_face_attributes import SIZES, FaceReader

    model = FaceReader(norm=False).eval()
    checkpoints.set_state(model, checkpoints.load("face_attributes")[0])
    images = faces[0][:50]
    with torch.no_grad():
        logits = model(torch.from_numpy(images).permute(0, 3, 1, 2) / 255).split(SIZES, dim=1)
    found = features.face_attribute_probabilities(images)
    for part, (name, probabilities) in zip(logits, found.items(), strict=True):
        np.testing.assert_allclose(probabilities, part.softmax(dim=1).numpy(), atol=1e-4, err_msg=name)


def test_no_framework_is_needed_and_the_numbers_stay():
    code = (
        "import sys, numpy as np; from helpers import features; "
        "x = np.random.default_rng(0).random((20, 64, 64, 3)); "
        "p = features.face_attribute_probabilities(x); "
        "assert all((p[k] == v).all() for k, v in features.face_attribute_probabilities(x).items()); "
        "print([name for name in ('torch', 'tensorflow') if name in sys.modules])"
    )
    assert in_a_new_process(code).strip() == "[]"


def test_float_and_uint8_images_are_the_same(faces):
    images = faces[0][:40]
    a = features.face_attribute_probabilities(images)
    b = features.face_attribute_probabilities((images / 255).astype(np.float64))
    for name in a:
        np.testing.assert_allclose(a[name], b[name], atol=1e-5)
    none = features.face_attributes(images[:0])
    assert all(none[name].shape == (0,) and none[name].dtype.kind == "U" for name in features.FACE_ATTRIBUTES)


def test_a_face_is_read_the_same_in_any_company(faces):
    images = faces[0][:40]
    together = features.face_attribute_probabilities(images)
    alone = [features.face_attribute_probabilities(images[i : i + 1]) for i in (0, 17, 39)]
    for name in together:
        np.testing.assert_allclose(together[name][[0, 17, 39]], np.concatenate([p[name] for p in alone]), atol=1e-5)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 3, 64, 64)), r"not \(2, 3, 64, 64\)"),
        (np.zeros((64, 64, 3)), r"\(N, 64, 64, 3\) or \(N, 32, 32, 3\)"),
        (np.zeros((2, 64, 64, 1)), "not"),
        (np.zeros((2, 128, 128, 3), np.uint8), "128"),
        (np.full((2, 64, 64, 3), 255.0), r"\[0, 1\]"),
        (np.full((2, 64, 64, 3), -1.0), r"\[0, 1\]"),
        (np.full((2, 64, 64, 3), np.nan), "NaN"),
        (np.zeros((2, 64, 64, 3), dtype=int), "int64"),
    ],
)
def test_bad_images_are_named(images, message):
    with pytest.raises(ValueError, match=message):
        features.face_attributes(images)


def test_checkpoint_says_how_it_was_made():
    info = checkpoints.load("face_attributes")[1]
    assert {"seed", "device", "framework", "minutes", "trained_by", "data_sha256", "licence", "attribution"} <= set(
        info
    )
    assert info["trained_by"] == "helpers/train_face_attributes.py"
    assert set(info["held_out_accuracy"]) == set(features.FACE_ATTRIBUTES)
    assert (checkpoints.FOLDER / "face_attributes.safetensors").stat().st_size < 1.5e6
    json.dumps(info)
