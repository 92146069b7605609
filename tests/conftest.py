"""Shared by all tests: the commands under notebooks/ can be imported, runs leave their files in a temporary folder."""

import os
import sys
from pathlib import Path

import pytest

# Tests of parity hold both frameworks in one process. PyTorch's optimisers load the compiler Triton when first used, and
# that aborts the process once TensorFlow is in it; loaded before TensorFlow it does no harm.
import torch._dynamo  # noqa: F401

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "notebooks"))
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "tests" / "lessons"))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(autouse=True)
def own_build_folder(tmp_path, monkeypatch):
    """Keep numbers that a test records out of the project's build folder, and settings of the caller out of the test."""
    monkeypatch.setenv("COURSE_BUILD", str(tmp_path / "build"))
    for name in ("PROFILE", "SEED", "EXERCISES"):
        monkeypatch.delenv(name, raising=False)
