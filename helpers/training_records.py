"""How weights that come with the course were made: the facts that training scripts store beside them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers import backends, checkpoints

if TYPE_CHECKING:
    from helpers.data_types import Dataset
    from helpers.domains import Domains
    from helpers.runtime import Run


def about_data(dataset: Dataset | Domains) -> dict[str, Any]:
    """What the data of a training is, as JSON values: source, SHA-256, licence, attribution."""
    return {
        "data": f"{dataset.name} ({dataset.variant}): {dataset.source}",
        "data_sha256": dataset.sha256,
        "licence": dataset.licence,
        "attribution": dataset.attribution,
    }


def store(
    name: str,
    model: Any,
    dataset: Dataset | Domains,
    folder: Path | None = None,
    *,
    what: str,
    script: str,
    minutes: float,
    run: Run | None = None,
    **how: Any,
) -> Path:
    """Save a training script's weights with what they are and how they came about; returns the file of weights.

    model, folder: as in `checkpoints.save`. what: the network in a few words. script: the script's `__file__`. run: the
    script's run, from which seed, device and framework are taken; without one, it trained on the CPU with PyTorch and
    gives its seed in `how`. how: settings and measured numbers, plain JSON values. Raises TypeError without a seed.
    """
    made_by = _machine(run) | how
    if "seed" not in made_by:
        raise TypeError("store needs a run, or the seed=…")
    facts = {"what": what, "trained_by": f"helpers/{Path(script).name}", **about_data(dataset), **_counts(dataset)}
    return checkpoints.save(name, model, folder, **facts, **made_by, minutes=round(minutes, 2))


def _counts(dataset: Dataset | Domains) -> dict[str, Any]:
    """How many images were trained on and held out; of two domains, those of each side, or the held-out pairs."""
    if hasattr(dataset, "train"):
        return {"train_images": len(dataset.train), "held_out_images": len(dataset.test)}
    trained = [len(dataset.train_a), len(dataset.train_b)]
    if dataset.paired:
        return {"train_images": trained, "held_out_pairs": len(dataset.test_a)}
    return {"train_images": trained, "held_out_images": [len(dataset.test_a), len(dataset.test_b)]}


def _machine(run: Run | None) -> dict[str, Any]:
    """What trained: device and framework, and the seed of the run."""
    if run is not None:
        report = run.report()
        return {key: report[key] for key in ("seed", "device", "framework")}
    import torch

    version, threads = torch.__version__.split("+")[0], torch.get_num_threads()
    return {"device": f"cpu, {backends.threads_in_words(threads)}", "framework": f"PyTorch {version}"}
