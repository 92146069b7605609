"""Inception v3 as torchvision has it, for a user who wants to compare with numbers from elsewhere: a download of 104 MB."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np

from helpers.downloads import DownloadError, cache_folder, file_hash

URL = "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth"
SHA256_PREFIX = "0cc3c7bd"  # the publisher puts it into the name
SIDE, FEATURES = 299, 2048


def weights_file() -> Path:
    """The weights in the cache folder, downloaded when they aren't there; DownloadError says what to do without network.

    The file must have the SHA-256 whose first eight digits its publisher has put into its name.
    """
    path = cache_folder() / URL.rpartition("/")[2]
    if path.is_file() and file_hash(path).startswith(SHA256_PREFIX):
        return path
    import torch

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(URL, str(path), hash_prefix=SHA256_PREFIX)
    except (OSError, RuntimeError) as error:
        raise DownloadError(
            f"the weights of Inception v3 (104 MB) could not be downloaded from {URL}: {error}. Put the file into "
            f"{path.parent} by hand, or use features.efficientnet_features, which needs no download."
        ) from error
    return path


@functools.lru_cache(maxsize=1)
def network(path: Path) -> Any:
    """The network with the weights of this file, in evaluation; ValueError where they aren't those of Inception v3.

    Read with weights_only=True, so nothing in the file is run, and strictly: each array must be there and fit.
    """
    import pickle

    import torch
    from torchvision.models import inception_v3

    model = inception_v3(weights=None, aux_logits=True, init_weights=False, transform_input=False)
    try:
        model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except (RuntimeError, pickle.UnpicklingError, AttributeError, TypeError, EOFError) as error:
        raise ValueError(f"{path} doesn't hold the weights of torchvision's Inception v3: {error}") from error
    model.fc = torch.nn.Identity()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return model.eval().to(device, memory_format=torch.channels_last)


def pooled(pixels: np.ndarray, path: Path) -> np.ndarray:
    """Pixels (B, 299, 299, 3) in [0, 1] → the 2,048 numbers before the classifier, (B, 2048), float32."""
    import torch

    model = network(path)
    device = next(model.parameters()).device
    with torch.inference_mode():
        x = 2 * torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2) - 1  # the scaling that it was trained with
        return model(x).cpu().numpy()
