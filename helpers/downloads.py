"""Where files are kept between runs: the cache folder, arrays saved in it, and checked downloads."""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np


def cache_folder() -> Path:
    """Return the folder for downloads and prepared arrays: COURSE_CACHE, or the platform's own for caches."""
    chosen = os.environ.get("COURSE_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    try:
        from platformdirs import user_cache_dir
    except ImportError:
        return Path.home() / ".cache" / "pixels-from-noise"
    return Path(user_cache_dir("pixels-from-noise", appauthor=False))


def save_arrays(path: Path, **arrays: np.ndarray) -> bool:
    """Write the arrays to `path` (.npz) in one step: other processes see the whole file or none.

    Returns False where the folder can't be written to: a cache is a convenience, not a condition.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
            temporary = Path(file.name)
            np.savez_compressed(file, **arrays)
        os.replace(temporary, path)
    except OSError:
        return False
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return True


def load_arrays(path: Path, *names: str) -> dict[str, np.ndarray] | None:
    """Return the named arrays of an .npz file; None where the file is missing, damaged or lacks one of them."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile, MemoryError):
        return None
