"""Weights as safetensors, one file for both frameworks, with a JSON beside it that says how they were made.

The canonical form is PyTorch's layout under running numbers: "000.weight", "000.bias", "001.weight" … in the order in
which the layers are defined. Two models that define the same layers in the same order can exchange weights, whatever
their framework.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

State = dict[str, np.ndarray]
FOLDER = Path(__file__).resolve().parent
# What a layer's own names are called here, for each framework, with the kind of reordering that Keras needs.
_NORM = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged or of another model; the message says which and what to do."""


def state(model: Any) -> State:
    """The model's weights in canonical form, as NumPy copies. model: a torch.nn.Module or a built keras.Model."""
    return {key: np.array(_to_canonical(kind, array()), order="C") for key, kind, array, _ in _slots(model)}


def set_state(model: Any, weights: State) -> None:
    """Put canonical weights into a model of either framework. Nothing is changed unless everything fits.

    Raises CheckpointError that names the first tensor that is missing, left over, or of another shape.
    """
    slots = list(_slots(model))
    missing = [key for key, *_ in slots if key not in weights]
    extra = sorted(set(weights) - {key for key, *_ in slots})
    if missing or extra:
        raise CheckpointError(
            f"the weights are of another model: missing {missing[:3] or 'none'}, left over {extra[:3] or 'none'} "
            f"({len(weights)} tensors for a model of {len(slots)})"
        )
    ready = []
    for key, kind, array, assign in slots:
        new, now = _from_canonical(kind, np.asarray(weights[key])), array()
        if new.shape != now.shape:
            raise CheckpointError(
                f"tensor {key} has shape {tuple(np.shape(weights[key]))}, but the model's layer wants "
                f"{tuple(_to_canonical(kind, now).shape)}: the checkpoint belongs to a model of another size"
            )
        ready.append((assign, new))
    for assign, new in ready:
        assign(new)


def save(name: str, model: Any, folder: Path | None = None, **how: Any) -> Path:
    """Write `name.safetensors` and `name.json` (how it was trained, tensor shapes, SHA-256). Whole or not at all.

    model: a model of either framework, or canonical weights. how: seed, profile, data, metrics …; plain JSON values.
    """
    from safetensors.numpy import save as to_bytes

    weights = model if isinstance(model, dict) else state(model)
    blob = to_bytes({key: np.ascontiguousarray(value) for key, value in weights.items()})
    info = {**how, "tensors": {key: list(value.shape) for key, value in weights.items()}}
    info["sha256"] = hashlib.sha256(blob).hexdigest()
    target = (folder or FOLDER) / f"{name}.safetensors"
    target.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(info, indent=1, ensure_ascii=False) + "\n"  # before any file is touched: bad values raise here
    for path, content in ((target, blob), (target.with_suffix(".json"), text.encode())):
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            part.write_bytes(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return target


def load(name: str, folder: Path | None = None) -> tuple[State, dict[str, Any]]:
    """The weights and the JSON of a checkpoint, checked by SHA-256. Raises CheckpointError."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    folder = folder or FOLDER
    path, info_path = folder / f"{name}.safetensors", folder / f"{name}.json"
    for part in (path, info_path):
        if not part.is_file():
            known = sorted(file.stem for file in folder.glob("*.safetensors"))
            raise CheckpointError(f"there is no {part.name}; the checkpoints are: {', '.join(known) or 'none'}")
    try:
        info = json.loads(info_path.read_text(encoding="utf-8"))
        wanted = info["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{info_path.name} can't be read ({error}): restore it, `git checkout {name}.json`"
        ) from None
    blob = path.read_bytes()
    if hashlib.sha256(blob).hexdigest() != wanted:
        raise CheckpointError(
            f"{path.name} is damaged: its SHA-256 is not the one in {info_path.name}. Restore both files from the "
            "repository, or train again in the profile `full`"
        )
    try:
        return from_bytes(blob), info
    except SafetensorError as error:
        raise CheckpointError(f"{path.name} is no safetensors file: {error}") from None


def _slots(model: Any) -> Any:
    """(key, kind, read, assign) for each weight of a model, in order of definition."""
    if hasattr(model, "named_modules"):
        return _torch_slots(model)
    if hasattr(model, "_flatten_layers"):
        return _keras_slots(model)
    raise TypeError(f"a torch.nn.Module or a keras.Model is wanted, not a {type(model).__name__}")


def _torch_slots(model: Any) -> Any:
    import torch

    def slot(tensor: Any) -> tuple:
        def assign(new: np.ndarray) -> None:
            with torch.no_grad():
                tensor.copy_(torch.from_numpy(np.ascontiguousarray(new)))

        return (lambda: tensor.detach().cpu().numpy()), assign

    number = 0
    for module in model.modules():
        own = [(n, t) for n, t in [*module._parameters.items(), *module._buffers.items()] if t is not None]
        own = [(n, t) for n, t in own if n != "num_batches_tracked"]
        for name, tensor in own:
            yield f"{number:03d}.{name}", "same", *slot(tensor)
        number += bool(own)


def _keras_layers(model: Any, seen: set[int]) -> Any:
    """All layers, those of a nested model in its place (Keras's own `_flatten_layers` turns their order round)."""
    for layer in model._layers:
        if id(layer) not in seen:
            seen.add(id(layer))
            yield layer
            yield from _keras_layers(layer, seen)


def _keras_slots(model: Any) -> Any:
    number = 0
    for layer in _keras_layers(model, set()):
        own = [v for v in [*layer._trainable_variables, *layer._non_trainable_variables] if "seed" not in v.name]
        if not own:
            continue
        for variable in own:
            kind = _keras_kind(layer, variable)
            name = "weight" if variable.name in ("kernel", "embeddings") else _NORM.get(variable.name, variable.name)
            yield f"{number:03d}.{name}", kind, variable.numpy, variable.assign
        number += 1


def _keras_kind(layer: Any, variable: Any) -> str:
    if variable.name != "kernel":
        return "same"
    return {2: "dense", 4: "conv"}.get(len(variable.shape), "same")


def _to_canonical(kind: str, array: np.ndarray) -> np.ndarray:
    """Keras → PyTorch: dense (in, out) → (out, in); conv (h, w, a, b) → (b, a, h, w), for transposed ones too."""
    if kind == "dense":
        return array.T
    return array.transpose(3, 2, 0, 1) if kind == "conv" else array


def _from_canonical(kind: str, array: np.ndarray) -> np.ndarray:
    if kind == "dense":
        return array.T if array.ndim == 2 else array
    return array.transpose(2, 3, 1, 0) if kind == "conv" and array.ndim == 4 else array
