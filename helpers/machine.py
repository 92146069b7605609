"""Does this machine have what the course needs? One line a thing, with what to do where something is missing."""

import importlib.metadata
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

NEEDED_GB = 3.0
OLDEST, TOO_NEW = (3, 11), (3, 14)  # of Python: as requires-python in pyproject.toml
_TORCH = """
import torch
x = torch.ones(2, 2, requires_grad=True); (x @ x).sum().backward(); assert x.grad.sum() == 16
gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "Apple GPU" if torch.backends.mps.is_available() else ""
print(torch.__version__, gpu, sep="|")
"""
_TENSORFLOW = """
import os; os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf
x = tf.Variable(tf.ones((2, 2)))
with tf.GradientTape() as tape: y = tf.reduce_sum(x @ x)
assert float(tf.reduce_sum(tape.gradient(y, x))) == 16
print(tf.__version__, len(tf.config.list_physical_devices("GPU")), sep="|")
"""


@dataclass(frozen=True)
class Finding:
    """One checked thing. state: "ok", "note" (works, with less) or "missing"."""

    what: str
    state: str
    detail: str


def _framework(name: str, code: str, gpu_words: Callable[[str], str]) -> Finding:
    """Import a framework in a process of its own, so that a broken one can't take the notebook along."""
    try:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return Finding(name, "missing", "did not answer within two minutes; restart the machine and try again")
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        return Finding(name, "missing", f"{last[:120]}; the other track works without it. Mend it: pip install -e .")
    version, gpu = done.stdout.strip().splitlines()[-1].split("|")
    return Finding(name, "ok", f"{version}, computes a gradient{gpu_words(gpu)}")


def check_python() -> Finding:
    """Python 3.11 to 3.13: a notebook may run where the package is not installed, and pip has not asked."""
    version = ".".join(map(str, sys.version_info[:3]))
    if not OLDEST <= sys.version_info[:2] < TOO_NEW:
        return Finding("Python", "missing", f"{version}; the course needs 3.11 to 3.13")
    return Finding("Python", "ok", version)


def check_torch() -> Finding:
    """PyTorch imports and computes a gradient; names the GPU."""
    return _framework("PyTorch", _TORCH, lambda gpu: f" on {gpu}" if gpu else " on the CPU")


def check_tensorflow() -> Finding:
    """TensorFlow imports and computes a gradient; counts GPUs."""
    return _framework("TensorFlow", _TENSORFLOW, lambda gpus: f" on {gpus} GPU" if int(gpus) else " on the CPU")


def check_gpu() -> Finding:
    """A graphics processor is welcome, not needed."""
    try:
        found = subprocess.run(
            ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True, timeout=20
        )
        names = found.stdout.strip().replace("\n", ", ") if found.returncode == 0 else ""
    except (FileNotFoundError, subprocess.TimeoutExpired):
        names = ""
    if names:
        needs = 'TensorFlow needs CUDA 12 for that: in an environment of its own, pip install "tensorflow[and-cuda]"'
        return Finding(
            "GPU", "ok", f"{names}: lessons run in full with a framework that computes on it, see above. {needs}"
        )
    return Finding("GPU", "note", "none found: lessons run in the profile quick, in minutes on the CPU")


def check_memory() -> Finding:
    """Free memory, in GB (10⁹ bytes)."""
    import psutil

    free = psutil.virtual_memory().available / 1e9
    if free < NEEDED_GB:
        return Finding(
            "memory", "missing", f"{free:.1f} GB free; a lesson takes up to {NEEDED_GB:g}: close other programs"
        )
    return Finding("memory", "ok", f"{free:.1f} GB free")


def check_widgets() -> Finding:
    """The packages behind the explorers are installed."""
    try:
        versions = [f"{name} {importlib.metadata.version(name)}" for name in ("ipywidgets", "anywidget")]
    except importlib.metadata.PackageNotFoundError as error:
        return Finding("widgets", "missing", f"{error.name} is not installed; you see still pictures. pip install -e .")
    return Finding("widgets", "ok", ", ".join(versions))


def check_data() -> Finding:
    """The embedded digits load."""
    from helpers import data

    try:
        digits = data.load("mnist", quiet=True)
    except Exception as error:  # whatever went wrong is what the student has to see
        return Finding("data", "missing", f"{error}"[:160])
    return Finding("data", "ok", f"{len(digits.train):,} training and {len(digits.test):,} test digits")


CHECKS = (check_python, check_torch, check_tensorflow, check_gpu, check_memory, check_widgets, check_data)
MARKS = {"ok": "✔ ok", "note": "· note", "missing": "✘ missing"}
_COLOURS = {"ok": "#00694a", "missing": "#a33c00"}  # white on them has a contrast of at least 5:1


def check(checks: tuple[Callable[[], Finding], ...] = CHECKS) -> bool:
    """Run all checks, printing each finding as it comes; True when nothing is missing."""
    started = time.perf_counter()
    findings = []
    for one in checks:
        finding = one()
        findings.append(finding)
        print(f"{MARKS[finding.state]:<10} {finding.what:<11} {finding.detail}", flush=True)
    seconds = time.perf_counter() - started
    missing = [finding.what for finding in findings if finding.state == "missing"]
    _banner(missing, seconds)
    return not missing


def _banner(missing: list[str], seconds: float) -> None:
    from IPython.display import display

    if missing:
        text, colour = f"✘ Missing: {', '.join(missing)}. The lines above say what to do.", _COLOURS["missing"]
    else:
        text, colour = "✔ This machine is ready for the course.", _COLOURS["ok"]
    text += f" ({seconds:.0f} s)"
    html = f'<div style="background:{colour};color:#fff;padding:0.6em 1em;border-radius:4px">{text}</div>'
    display({"text/plain": text, "text/html": html}, raw=True)
