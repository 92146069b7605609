"""The start notebook's check of the machine says what is missing, in words."""

import subprocess
import tomllib

import pytest

from helpers import machine, paths


def test_all_green_says_ready(capsys):
    assert machine.check((machine.check_python, machine.check_memory, machine.check_widgets, machine.check_data))
    printed = capsys.readouterr().out
    assert printed.count("✔ ok") == 4 and "4,000 training" in printed and "ready" in printed


def test_a_broken_framework_is_named_and_the_check_goes_on(monkeypatch, capsys):
    monkeypatch.setattr(machine, "_TORCH", "raise ImportError('libcudart.so is not there')")
    assert not machine.check((machine.check_torch, machine.check_python))
    printed = capsys.readouterr().out
    assert "✘ missing  PyTorch" in printed and "libcudart.so" in printed and "✔ ok       Python" in printed
    assert "Missing: PyTorch" in printed


def test_a_framework_that_crashes_the_process_is_named(monkeypatch):
    monkeypatch.setattr(machine, "_TENSORFLOW", "import os; os.abort()")
    assert machine.check_tensorflow().state == "missing"


def test_too_little_memory_is_named(monkeypatch):
    monkeypatch.setattr(machine, "NEEDED_GB", 1e6)
    assert machine.check_memory().state == "missing"


@pytest.mark.parametrize(("version", "state"), [((3, 10, 9), "missing"), ((3, 13, 1), "ok"), ((3, 14, 0), "missing")])
def test_python_is_held_to_what_the_package_asks_for(monkeypatch, version, state):
    monkeypatch.setattr(machine.sys, "version_info", version)
    assert machine.check_python().state == state
    project = tomllib.loads((paths.root() / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest, too_new = (".".join(map(str, border)) for border in (machine.OLDEST, machine.TOO_NEW))
    assert project["requires-python"] == f">={oldest},<{too_new}"


def test_a_gpu_is_named_with_what_tensorflow_needs(monkeypatch):
    found = subprocess.CompletedProcess([], 0, stdout="NVIDIA T4\nNVIDIA T4\n")
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: found)
    finding = machine.check_gpu()
    assert finding.state == "ok" and finding.detail.startswith("NVIDIA T4, NVIDIA T4: ")
    assert "tensorflow[and-cuda]" in finding.detail


def test_no_gpu_is_a_note_not_a_fault(monkeypatch):
    def absent(*args, **kwargs):
        raise FileNotFoundError

    monkeypatch.setattr(subprocess, "run", absent)
    assert machine.check_gpu().state == "note"
