"""Two domains of DiceBear faces that differ in one attribute: the true partner of a held-out face is drawn, not guessed."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np

from helpers import characters
from helpers.data_types import DataError, Split
from helpers.downloads import cache_folder, load_arrays, save_arrays
from helpers.progress import Progress

TRAINING_FACES = 1000  # a side, unless told
HELD_OUT = 200  # pairs
BAR_FROM = 300  # drawings: about two seconds
BACKGROUND = "#ffffff"
SPLITS = ("train_a", "train_b", "test_a", "test_b")


class Look(NamedTuple):
    """What the faces of one domain have in common: its name, and DiceBear's options that fix it."""

    name: str
    options: dict[str, Any]


class FaceTask(NamedTuple):
    """A style, the attributes (as in `characters`) that tell its two domains apart, and the two looks."""

    style: str
    attributes: tuple[str, ...]
    a: Look
    b: Look


# One colour, one pair of glasses: each face of A has one right answer in B, and the other way round.
TASKS = {
    "hair": FaceTask(
        "toon-head",
        ("hair_colour",),
        Look("dark hair", {"hairColor": ["#2c1b18"]}),
        Look("grey hair", {"hairColor": ["#c4c4c4"]}),
    ),
    "glasses": FaceTask(
        "big-smile",
        ("accessories",),
        Look("no glasses", {"accessoriesProbability": 0}),
        Look("glasses", {"accessoriesProbability": 100, "accessoriesVariant": ["glasses"]}),
    ),
}


def face_domains(
    name: str, resolution: int, n: int | None, n_test: int | None, seed: int, quiet: bool
) -> dict[str, Any]:
    """Return the fields of `Domains` for the task "hair" or "glasses".

    No face is drawn in two roles, whatever its look: not in both training sides, not in training and test. attributes:
    those of `data.load("characters")`, and "name", the seed that a face was drawn from. Raises DataError.
    """
    task = TASKS[name]
    definition = task_definition(name)
    wanted = {"train": n or TRAINING_FACES, "test": HELD_OUT if n_test is None else min(n_test, HELD_OUT)}
    arrays = _faces(task, definition, wanted, resolution, seed, quiet)
    meta = definition["meta"]
    return {
        "name": name,
        "variant": "embedded",
        "names": (task.a.name, task.b.name),
        **{split: _split(arrays, split, wanted[split.split("_")[0]]) for split in SPLITS},
        "paired": True,
        "source": f"the package dicebear-styles, style {task.style}, drawn by resvg-py",
        "licence": characters.with_address(meta["license"], "not stated"),
        "attribution": f"remixed from “{meta['source']['name']}” by "
        f"{characters.with_address(meta['creator'], 'unknown')}",
        "more": "any number of faces, as n=5_000",
    }


def task_definition(name: str) -> dict[str, Any]:
    """Return the definition of a task's style; raises DataError where the installed one can't show both looks."""
    task = TASKS[name]
    definition = characters.style_definition(task.style)
    options = characters.attribute_options(definition)
    variants = definition.get("components", {}).get("accessories", {}).get("variants", {})
    if not set(task.attributes) <= set(options) or (name == "glasses" and "glasses" not in variants):
        others = " or ".join(f'"{other}"' for other in TASKS if other != name)
        raise DataError(
            f"The installed style {task.style} has no {name} to change: dicebear-styles {version('dicebear-styles')} is "
            f'another release than the course knows. Install the one in constraints.txt, or use {others} or "emoji".'
        )
    return definition


def _split(arrays: dict[str, np.ndarray], split: str, count: int) -> Split:
    prefix = f"{split}."
    values = {key.removeprefix(prefix): array[:count] for key, array in arrays.items() if key.startswith(prefix)}
    return Split(values.pop("images"), None, values)


def _faces(
    task: FaceTask, definition: dict[str, Any], wanted: dict[str, int], resolution: int, seed: int, quiet: bool
) -> dict[str, np.ndarray]:
    """Return "split.images" and "split.attribute" of at least as many faces as wanted, from the cache or drawn now."""
    attributes = ["name", *characters.attribute_options(definition)]
    names = [f"{split}.{field}" for split in SPLITS for field in ("images", *attributes)]
    facts = [repr(task), seed, resolution, json.dumps(definition, sort_keys=True)]
    key = hashlib.sha256(repr(facts + [version(package) for package in characters.PACKAGES]).encode()).hexdigest()[:16]
    path = cache_folder() / f"faces-{task.style}-{resolution}px-{key}.npz"
    cached = load_arrays(path, names)
    have = {"train": 0, "test": 0}
    if cached is not None and _consistent(cached, resolution):
        have = {kind: len(cached[f"{kind}_a.images"]) for kind in have}
        if all(have[kind] >= wanted[kind] for kind in wanted):
            return cached
    counts = {kind: max(have[kind], wanted[kind]) for kind in wanted}
    arrays = _draw(task, definition, counts, resolution, seed, quiet)
    save_arrays(path, arrays)
    return arrays


def _consistent(arrays: dict[str, np.ndarray], resolution: int) -> bool:
    for split in SPLITS:
        count = len(arrays[f"{split.split('_')[0]}_a.images"])
        if arrays[f"{split}.images"].shape != (count, resolution, resolution, 3):
            return False
        if any(len(array) != count for key, array in arrays.items() if key.startswith(f"{split}.")):
            return False
    return True


def _draw(
    task: FaceTask, definition: dict[str, Any], counts: dict[str, int], resolution: int, seed: int, quiet: bool
) -> dict[str, np.ndarray]:
    """Draw the faces of all four splits.

    Face i depends on the style and the seed alone, and so does its role: the first 200 are for testing, then the sides
    of training take turns; a larger n begins with the same faces.
    """
    from dicebear import Avatar, Style

    style = Style(definition)
    options = characters.attribute_options(definition)
    looks = {"a": task.a, "b": task.b}
    images: dict[str, list[np.ndarray]] = {split: [] for split in SPLITS}
    values: dict[str, dict[str, list[str]]] = {split: {name: [] for name in ("name", *options)} for split in SPLITS}
    roles = _roles(counts)
    faces = zip(roles, _different_faces(task, style, options, seed, len(roles)), strict=True)
    total = sum(len(splits) for splits in roles)
    bar = faces if quiet or total < BAR_FROM else Progress(faces, "drawing faces (once)", total=len(roles))
    for splits, face_seed in bar:
        for split in splits:
            avatar = Avatar(style, {"seed": face_seed} | looks[split[-1]].options).to_json()
            images[split].append(characters.draw_svg(avatar["svg"], resolution, BACKGROUND))
            values[split]["name"].append(face_seed)
            for attribute, option in options.items():
                values[split][attribute].append(characters.as_text(avatar["options"].get(option)))
    arrays = {}
    for split in SPLITS:
        empty = np.zeros((0, resolution, resolution, 3), dtype=np.uint8)
        arrays[f"{split}.images"] = np.stack(images[split]) if images[split] else empty
        for name, texts in values[split].items():
            arrays[f"{split}.{name}"] = np.array(texts, dtype=np.str_)
    return arrays


def _roles(counts: dict[str, int]) -> list[tuple[str, ...]]:
    """Return what each face, in order, is drawn for; a held-out one is drawn with both looks, the spare ones not at all."""
    held_out: list[tuple[str, ...]] = [("test_a", "test_b")] * counts["test"]
    spare: list[tuple[str, ...]] = [()] * (HELD_OUT - counts["test"])
    return held_out + spare + [("train_a",), ("train_b",)] * counts["train"]


def _different_faces(task: FaceTask, style: Any, options: dict[str, str], seed: int, count: int) -> Iterator[str]:
    """Yield the seeds of `count` faces, no two alike in all attributes but the task's. Raises DataError where there are fewer.

    A face's look in the task's attributes doesn't count: two that differ in nothing else are one face.
    """
    from dicebear import Avatar

    seen: set[tuple[str, ...]] = set()
    repeats = 0
    for number in itertools.count():
        if len(seen) == count:
            return
        face_seed = f"{seed}-{number}"
        chosen = Avatar(style, {"seed": face_seed} | task.a.options).to_json()["options"]
        rest = tuple(
            characters.as_text(chosen.get(option)) for name, option in options.items() if name not in task.attributes
        )
        repeats = repeats + 1 if rest in seen else 0
        if repeats >= characters.GIVE_UP:
            raise DataError(f"The style {task.style} has only about {len(seen):,} different faces; give a smaller n.")
        if rest not in seen:
            seen.add(rest)
            yield face_seed
