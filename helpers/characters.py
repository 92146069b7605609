"""Drawn faces without end: DiceBear chooses hair, skin, mouth …, resvg draws them, and every attribute is known."""

from __future__ import annotations

import difflib
import hashlib
import io
import itertools
import json
import re
from collections.abc import Iterator
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import numpy as np

from helpers.data_types import DataError, Dataset, Split
from helpers.decode import colour
from helpers.downloads import cache_folder, load_arrays, save_arrays
from helpers.progress import Progress

PACKAGES = ("dicebear-core", "dicebear-styles", "resvg-py")
BAR_FROM = 300  # images: about two seconds of drawing
NONE = "none"  # the value of an attribute that a face does not have
GIVE_UP = 1000  # faces in a row that were drawn before: the style has no others
TEST_EVERY = 10


def characters(
    style: str = "toon-head",
    n: int = 2000,
    resolution: int = 64,
    seed: int = 0,
    background: str = "white",
    quiet: bool = False,
) -> Dataset:
    """Return n different faces (n, resolution, resolution, 3) uint8 of one DiceBear style, with all their attributes.

    Nine of ten are for training. The same style, resolution, seed and background give the same faces in any process,
    and a larger n begins with the same ones. Raises DataError for an unknown style or more faces than it has.
    """
    definition = style_definition(style)
    arrays = _faces(definition, style, n, resolution, seed, background, quiet)
    images = arrays.pop("images")
    arrays.pop("index")
    everything = Split(images[:n], None, {name: values[:n] for name, values in arrays.items()})
    is_test = np.arange(n) % TEST_EVERY == TEST_EVERY - 1
    meta = definition["meta"]
    return Dataset(
        name="characters",
        variant="embedded",
        train=everything.take(np.flatnonzero(~is_test)),
        test=everything.take(np.flatnonzero(is_test)),
        class_names=[],
        source=f"the package dicebear-styles, style {style}, drawn by resvg-py",
        licence=with_address(meta["license"], "not stated"),
        attribution=f"remixed from “{meta['source']['name']}” by {with_address(meta['creator'], 'unknown')}",
        more=f'any number, as n=10_000; {len(styles())} styles, as style="adventurer" or style="lorelei"',
    )


def with_address(entry: dict[str, str], unknown: str) -> str:
    """Return the name in a style's entry of licence, creator …, with its address behind it where it has one."""
    name, address = entry.get("name", unknown), entry.get("url")
    return f"{name} ({address})" if address else name


def styles() -> list[str]:
    """Return the names of all styles that the installed package holds."""
    try:
        folder = files("dicebear_styles")
    except ModuleNotFoundError as error:
        raise DataError("The characters need packages: pip install dicebear-core dicebear-styles resvg-py") from error
    return sorted(entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json"))


def style_definition(style: str) -> dict[str, Any]:
    """Return a style's definition (components, colours, meta) as the package has it; raises DataError if unknown."""
    known = styles()
    if style not in known:
        near = difflib.get_close_matches(style, known, n=3)
        hint = f"Did you mean {' or '.join(near)}? " if near else ""
        raise DataError(f"There is no style {style!r}. {hint}The styles are: {', '.join(known)}.")
    return json.loads(files("dicebear_styles").joinpath(f"{style}.json").read_text("utf-8"))


def attribute_options(definition: dict[str, Any]) -> dict[str, str]:
    """Return attribute name → DiceBear's option for everything that can differ between two faces of a style.

    Names are in snake case: {"hair": "hairVariant", "skin_colour": "skinColor", …}.
    """
    options = {}
    for name, component in definition.get("components", {}).items():
        if len(component.get("variants", {})) > 1 or component.get("probability", 100) < 100:
            options[_snake(name)] = f"{name}Variant"
    for name, entry in definition.get("colors", {}).items():
        if len(entry.get("values", [])) > 1:
            options[f"{_snake(name)}_colour"] = f"{name}Color"
    return options


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _faces(
    definition: dict[str, Any], style: str, n: int, resolution: int, seed: int, background: str, quiet: bool
) -> dict[str, np.ndarray]:
    """Return arrays of at least n faces: images, index (the number each was drawn from), one array an attribute."""
    red, green, blue = colour(background)
    options = attribute_options(definition)
    names = ["images", "index", *options]
    facts = [style, seed, resolution, (red, green, blue), json.dumps(definition, sort_keys=True)]
    key = hashlib.sha256(repr(facts + [version(package) for package in PACKAGES]).encode()).hexdigest()[:16]
    path = cache_folder() / f"characters-{style}-{resolution}px-{key}.npz"
    cached = load_arrays(path, names)
    if cached is not None and not _consistent(cached, resolution):
        cached = None
    if cached is not None and len(cached["images"]) >= n:
        return cached
    arrays = _draw(definition, options, cached, n, resolution, seed, f"#{red:02x}{green:02x}{blue:02x}", quiet)
    save_arrays(path, arrays)
    return arrays


def _consistent(arrays: dict[str, np.ndarray], resolution: int) -> bool:
    count = len(arrays["images"])
    shape = (count, resolution, resolution, 3)
    return arrays["images"].shape == shape and all(len(values) == count for values in arrays.values())


def _draw(
    definition: dict[str, Any],
    options: dict[str, str],
    begun: dict[str, np.ndarray] | None,
    n: int,
    resolution: int,
    seed: int,
    background: str,
    quiet: bool,
) -> dict[str, np.ndarray]:
    """Return the arrays of n faces: those already drawn, then as many new ones as are missing. Raises DataError."""
    images = [] if begun is None else list(begun["images"])
    index = [] if begun is None else begun["index"].tolist()
    values: dict[str, list[str]] = {name: [] if begun is None else begun[name].tolist() for name in options}
    seen = {hashlib.sha256(image.tobytes()).digest() for image in images}
    missing = n - len(images)
    start = index[-1] + 1 if index else 0
    faces = itertools.islice(_new_faces(definition, seed, start, seen, resolution, background), missing)
    bar = faces if quiet or missing < BAR_FROM else Progress(faces, "drawing characters (once)", total=missing)
    for number, image, chosen in bar:
        images.append(image)
        index.append(number)
        for attribute, option in options.items():
            values[attribute].append(as_text(chosen.get(option)))
    if len(images) < n:
        name = definition["meta"]["source"]["name"]
        raise DataError(f"{name} has only about {len(images):,} different faces at {resolution}×{resolution}: n={n:,}.")
    return {
        "images": np.stack(images),
        "index": np.array(index, dtype=np.int64),
        **{attribute: np.array(texts, dtype=np.str_) for attribute, texts in values.items()},
    }


def _new_faces(
    definition: dict[str, Any], seed: int, start: int, seen: set[bytes], resolution: int, background: str
) -> Iterator[tuple[int, np.ndarray, dict[str, Any]]]:
    """Yield number, image and chosen options of each face that is not in `seen` (SHA-256 of pixels), and add it there.

    Ends where GIVE_UP numbers in a row gave faces that were there before.
    """
    from dicebear import Avatar, Style

    style = Style(definition)
    repeats = 0
    for number in itertools.count(start):
        avatar = Avatar(style, {"seed": f"{seed}-{number}"}).to_json()
        image = draw_svg(avatar["svg"], resolution, background)
        digest = hashlib.sha256(image.tobytes()).digest()
        if digest in seen:
            repeats += 1
            if repeats >= GIVE_UP:
                return
            continue
        repeats = 0
        seen.add(digest)
        yield number, image, avatar["options"]


def as_text(value: Any) -> str:
    """Return a chosen option as the text of an attribute; `NONE` where the face doesn't have it."""
    if value is None or value == []:
        return NONE
    return "+".join(value) if isinstance(value, list) else str(value)


def draw_svg(svg: str, resolution: int, background: str) -> np.ndarray:
    """Return an SVG drawn on a background colour as (resolution, resolution, 3) uint8."""
    import resvg_py
    from PIL import Image

    png = resvg_py.svg_to_bytes(
        svg_string=svg, width=resolution, height=resolution, background=background, skip_system_fonts=True
    )
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
