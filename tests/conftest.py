"""Shared by all tests: the commands under notebooks/ can be imported, runs leave their files in a temporary folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Tests of parity hold both frameworks in one process. PyTorch's optimisers load the compiler Triton when first used, and
# that aborts the process once TensorFlow is in it; loaded before TensorFlow it does no harm.
import torch._dynamo

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "notebooks"))
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "tests" / "lessons"))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "Agg")


def in_a_new_process(code):
    """What Python prints when it runs `code` by itself."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(autouse=True)
def own_build_folder(tmp_path, monkeypatch):
    """Keep numbers that a test records out of the project's build folder, and settings of the caller out of the test."""
    monkeypatch.setenv("COURSE_BUILD", str(tmp_path / "build"))
    for name in ("PROFILE", "SEED", "SIZES", "EXERCISES"):
        monkeypatch.delenv(name, raising=False)


def _seed():
    """The same random numbers for every test, in whichever order tests run."""
    torch.manual_seed(0)
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)


@pytest.fixture(autouse=True, scope="module")
def seeded_module():
    """Seeds for what a file's tests share."""
    _seed()


@pytest.fixture(autouse=True)
def seeded():
    """Seeds for a test."""
    _seed()


@pytest.fixture
def sent(monkeypatch):
    """What the test displays, as in a notebook: a list of (data, settings), one entry an output."""
    import IPython
    import IPython.display

    outputs = []
    monkeypatch.setattr(IPython, "get_ipython", object)
    monkeypatch.setattr(IPython.display, "display", lambda data, **more: outputs.append((data, more)))
    return outputs


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """An empty cache folder of the test's own, and no data folder."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("COURSE_DATA", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path):
    """An empty folder for images."""
    path = tmp_path / "images"
    path.mkdir()
    return path
