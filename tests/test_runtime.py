"""Profiles, seeds, tensors, batches and the record of a run."""

import json

import numpy as np
import pytest

from conftest import in_a_new_process
from helpers import paths, runtime
from helpers.progress import Progress

TRACKS = pytest.mark.parametrize("track", ["pytorch", "tensorflow"])
SIZES = {"smoke": {"epochs": 1}, "quick": {"epochs": 5}, "full": {"epochs": 50}}


@pytest.mark.parametrize(
    "module",
    ["runtime", "data", "plotting", "widgets", "exercises", "quiz", "checkpoints", "lessons", "metrics", "features"],
)
def test_importing_a_helper_pulls_in_no_framework(module):
    code = (
        f"import sys, helpers.{module}; "
        "found = {'torch', 'tensorflow', 'keras', 'pandas', 'sklearn'} & set(sys.modules); "
        "assert not found, found"
    )
    in_a_new_process(code)


def test_profile_from_the_environment(monkeypatch, capsys):
    monkeypatch.setenv("PROFILE", "smoke")
    run = runtime.start("02_vae", "pytorch")
    assert run.sizes(**SIZES).epochs == 1
    assert "profile smoke" in capsys.readouterr().out


def test_quick_is_the_default_without_a_gpu(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert runtime.start("02_vae", "pytorch").sizes(**SIZES).epochs == 5


@pytest.mark.parametrize(
    ("track", "device", "profile"),
    [("pytorch", "cpu", "quick"), ("pytorch", "mps", "quick"), ("pytorch", "cuda", "full"), ("pytorch", "cuda:0", "full"),
     ("tensorflow", "/CPU:0", "quick"), ("tensorflow", "/GPU:0", "full")],
)  # fmt: skip
def test_full_is_the_default_on_nvidia_alone(monkeypatch, track, device, profile):
    class Backend:
        version, describe, seed = "0", lambda self: device, lambda self, seed: None

        def __init__(self, threads):
            self.device = device

    monkeypatch.delenv("PROFILE", raising=False)
    monkeypatch.setattr(runtime.sys, "platform", "linux")
    monkeypatch.setattr(runtime, {"pytorch": "TorchBackend", "tensorflow": "TensorFlowBackend"}[track], Backend)
    assert runtime.start("02_vae", track).profile == profile
    monkeypatch.setattr(runtime.sys, "platform", "darwin")  # TensorFlow's GPU there is Apple's
    assert runtime.start("02_vae", track).profile == ("full" if "cuda" in device else "quick")


def test_threads_are_counted_in_words(monkeypatch):
    monkeypatch.setenv("COURSE_THREADS", "1")
    backend = runtime.start("02_vae", "tensorflow")._backend
    backend.device = "/CPU:0"
    assert backend.describe() == "cpu, 1 thread"
    backend.threads = 2
    assert backend.describe() == "cpu, 2 threads"


@pytest.mark.parametrize(
    ("name", "value", "words"), [("PROFILE", "fast", "smoke, quick, full"), ("SEED", "one", "whole number")]
)
def test_bad_settings_are_named(monkeypatch, name, value, words):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=words):
        runtime.start("02_vae", "pytorch")


def test_unknown_track_is_named():
    with pytest.raises(ValueError, match="jax"):
        runtime.start("02_vae", "jax")


def test_profiles_must_have_the_same_settings():
    run = runtime.start("02_vae", "pytorch")
    with pytest.raises(ValueError, match="missing.*beta"):
        run.sizes(smoke={"n": 1, "beta": 1}, quick={"n": 1}, full={"n": 1, "beta": 1})
    with pytest.raises(ValueError, match="smoke, quick, full"):
        run.sizes(quick={"n": 1})


@TRACKS
def test_seeds_repeat_and_differ(track, monkeypatch):
    def draw(run):
        if track == "pytorch":
            import torch

            return torch.rand(3).numpy()
        import tensorflow as tf

        return tf.random.uniform((3,)).numpy()

    run = runtime.start("02_vae", track)
    first = draw(run)
    run.reseed()
    assert np.array_equal(first, draw(run))
    assert np.array_equal(run.rng(1).random(3), run.rng(1).random(3))
    assert not np.array_equal(run.rng(1).random(3), run.rng(2).random(3))
    monkeypatch.setenv("SEED", "7")
    assert not np.array_equal(first, draw(runtime.start("02_vae", track)))


@TRACKS
def test_images_to_tensor_and_back(track):
    run = runtime.start("02_vae", track)
    images = np.random.default_rng(0).integers(0, 256, (4, 6, 5, 3), dtype=np.uint8)
    tensor = run.tensor(images)
    assert tuple(tensor.shape) == ((4, 3, 6, 5) if track == "pytorch" else (4, 6, 5, 3))
    assert np.allclose(run.numpy(tensor), images / 255.0, atol=1e-7)
    assert run.numpy(run.tensor(np.array([3, 1]))).tolist() == [3, 1]


@TRACKS
def test_batches_cover_everything_once(track):
    run = runtime.start("02_vae", track)
    x, y = run.tensor(np.arange(10.0)), run.tensor(np.arange(10) * 2)
    pairs = list(run.batches(x, y, batch_size=4, rng=run.rng(), drop_last=False))
    seen = np.concatenate([run.numpy(a) for a, _ in pairs])
    assert [len(a) for a, _ in pairs] == [4, 4, 2]
    assert sorted(seen) == list(range(10)) and list(seen) != list(range(10))
    assert all(np.array_equal(run.numpy(a) * 2, run.numpy(b)) for a, b in pairs)
    assert [len(a) for a in run.batches(x, batch_size=4)] == [4, 4]


@TRACKS
def test_batches_that_make_no_sense(track):
    run = runtime.start("02_vae", track)
    x = run.tensor(np.arange(10.0))
    with pytest.raises(ValueError, match="no batch of 16"):
        list(run.batches(x, batch_size=16))
    with pytest.raises(ValueError, match="equal length"):
        list(run.batches(x, x[:3], batch_size=2))


def test_record_writes_numbers_and_shows_targets(monkeypatch, capsys):
    targets = {"thresholds": {"quick": {"test_loss": {"at_most": 165}}}}
    monkeypatch.setattr(runtime.lessons, "front_matter", lambda lesson: targets)
    monkeypatch.setenv("PROFILE", "quick")
    run = runtime.start("02_vae", "pytorch", seed=4)
    run.record(test_loss=np.float32(160.5))
    assert "✔" in capsys.readouterr().out
    runtime.record(test_loss=170.0, active_units=2)
    assert "✘ missed" in capsys.readouterr().out
    report = json.loads(runtime.numbers_file("02_vae", "pytorch", "quick", 4).read_text())
    assert report["numbers"] == {"test_loss": 170.0, "active_units": 2.0}
    assert report["seconds"] > 0 and 0.05 < report["peak_gb"] < 24


def test_record_refuses_what_is_no_number():
    run = runtime.start("02_vae", "pytorch")
    with pytest.raises(TypeError, match="test_loss is a str"):
        run.record(test_loss="low")


def test_progress_counts_and_notes():
    bar = Progress(range(4), "training")
    for step in bar:
        bar.note(f"step {step}")
    assert "training" in bar.line() and "4/4" in bar.line() and "step 3" in bar.line()
    assert bar.line().count("█") == 20


def test_a_checkpoint_says_how_it_came_about(monkeypatch, tmp_path, capsys):
    from torch import nn

    from helpers import checkpoints, data

    monkeypatch.setenv("COURSE_BUILD", str(tmp_path / "build"))
    digits, model = data.load("mnist", prefer="embedded"), nn.Linear(3, 2)
    monkeypatch.setenv("PROFILE", "quick")
    assert runtime.start("02_vae", "pytorch").save_checkpoint("02_vae", model, digits) is None
    assert "full only" in capsys.readouterr().out
    assert not (tmp_path / "build").exists()
    monkeypatch.setenv("PROFILE", "full")
    run = runtime.start("02_vae", "pytorch", seed=3)
    run.record(test_loss=151.5)
    saved = run.save_checkpoint("02_vae", model, digits, epochs=60)
    weights, how = checkpoints.load("02_vae", saved.parent)
    np.testing.assert_array_equal(weights["000.weight"], model.weight.detach().numpy())
    assert (how["seed"], how["profile"], how["epochs"], how["numbers"]) == (3, "full", 60, {"test_loss": 151.5})
    assert how["data_sha256"] == digits.sha256
    assert how["licence"] == digits.licence
    assert {"commit", "minutes", "device", "framework", "sha256"} <= set(how)


OWN = {"epochs": 4, "rate": 0.1, "name": "a", "widths": (8, 16), "on": True}


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("", {}),
        ("epochs=7", {"epochs": 7}),
        ("epochs=7, rate=2, widths=(4,)", {"epochs": 7, "rate": 2.0, "widths": (4,)}),
        ("name='b', on=False", {"name": "b", "on": False}),
    ],
)
def test_sizes_of_the_environment_replace_the_profiles(monkeypatch, capsys, text, changes):
    monkeypatch.setenv("SIZES", text)
    run = runtime.start("02_vae", "pytorch")
    found = run.sizes(smoke=OWN, quick=OWN, full=OWN)
    assert vars(found) == OWN | changes and run.report()["sizes"] == OWN | changes
    assert all(type(value) is type(OWN[name]) for name, value in vars(found).items())
    assert ("from SIZES" in capsys.readouterr().out) == bool(changes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epoch=7", "'epoch'; the settings here are epochs, rate"),
        ("epochs=7.5", "epochs to 7.5; it must be of the kind of 4"),
        ("epochs=True", "epochs to True"),
        ("epochs", "write it as SIZES="),
        ("epochs=", "write it as SIZES="),
        ("epochs=__import__('os')", "write it as SIZES="),
    ],
)
def test_sizes_that_cannot_be_meant(monkeypatch, text, words):
    monkeypatch.setenv("SIZES", text)
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        runtime.start("02_vae", "pytorch").sizes(smoke=OWN, quick=OWN, full=OWN)


@pytest.mark.parametrize("writable", [True, False])
def test_runs_go_to_the_home_folder_where_the_course_cannot_be_written(writable, tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_BUILD")
    monkeypatch.setattr(paths.os, "access", lambda path, mode: writable)
    monkeypatch.setattr(paths.Path, "home", lambda: tmp_path)
    expected = paths.root() if writable else tmp_path / "pixels-from-noise"
    assert paths.build_folder() == expected / "build"
