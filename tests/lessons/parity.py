"""What the parity tests of all lessons share: the same weights and inputs give the same in both tracks.

A lesson's test holds one fixture and one function a model. A network alone:

    @pytest.fixture(scope="module")
    def tracks():
        return parity.tracks("02_vae")

    def forward(side, vae, x, eps):
        terms = side.elbo_terms(vae, x, eps, side.bernoulli_loss)
        return parity.Forward(outputs=vae(x, eps), losses=terms, totals=side.mean(terms[0] + terms[1]))

    def test_the_same_weights_give_the_same_in_both_tracks(tracks):
        parity.compare(tracks, parity.twins(tracks, lambda side: side.make_vae()), forward, images, noise)

A game has networks by name, and for each network the loss that it descends:

    def players(side, nets, real, z):
        fake = nets["G"](z)
        loss_D, loss_G = side.loss_D(nets["D"](real), nets["D"](fake)), side.loss_G(nets["D"](fake))
        return parity.Forward(outputs=[fake], losses=[loss_D, loss_G], totals={"D": loss_D, "G": loss_G})

    models = parity.twins(tracks, lambda side: {"G": side.make_generator(), "D": side.make_discriminator()})
    parity.compare(tracks, models, players, real, z)

`side` is the module of a track's definitions; parity.mean(side, x) averages in either framework. Outputs agree within
1e-4 (of their largest value where that is above 1), losses within 1e-5 relative, and each gradient within 1e-3 of its
norm and of its largest entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from helpers import checkpoints, lessons

OUTPUTS, LOSSES, GRADIENTS = 1e-4, 1e-5, 1e-3
DRAWS = 3  # how many sets of weights may have a unit at the kink of its ReLU before it counts as a mistake
NOT_TRAINED = ("running_mean", "running_var", "u")  # tensors of a state that no gradient reaches
Tracks = Mapping[str, ModuleType]


def tracks(lesson: str) -> dict[str, ModuleType]:
    """Track → the lesson's definitions; skips the test where a framework is not installed."""
    pytest.importorskip("torch")
    pytest.importorskip("tensorflow")
    return {track: lessons.definitions(lesson, track) for track in lessons.TRACKS}


def tensor(side: ModuleType, values: Any) -> Any:
    """NumPy → the track's float32 tensor; images (N, H, W, C) take the track's layout."""
    values = np.asarray(values, dtype=np.float32)
    if hasattr(side, "tf"):
        return side.tf.constant(values)
    moved = side.torch.from_numpy(np.ascontiguousarray(values))
    return moved.permute(0, 3, 1, 2) if moved.ndim == 4 else moved


def array(values: Any) -> np.ndarray:
    """A tensor of either framework → NumPy; images come back as (N, H, W, C)."""
    if hasattr(values, "detach"):
        values = values.detach()
        return (values.permute(0, 2, 3, 1) if values.ndim == 4 else values).numpy()
    return values.numpy() if hasattr(values, "numpy") else np.asarray(values)


def mean(side: ModuleType, values: Any) -> Any:
    """The mean of a tensor as a scalar tensor that can be differentiated."""
    return side.tf.reduce_mean(values) if hasattr(side, "tf") else values.mean()


def twins(tracks: Tracks, make: Callable[[ModuleType], Any], spread: float = 0.1, seed: int = 1) -> dict[str, Any]:
    """Track → what make(side) builds, a network or {name: network}, with the same weights in both tracks.

    Every trained weight is moved by `spread` · N(0, 1), so that biases, which start at zero, count.
    """
    for side in tracks.values():
        if hasattr(side, "torch"):
            side.torch.manual_seed(0)
    models = {track: make(side) for track, side in tracks.items()}
    rng = np.random.default_rng(seed)
    for name, first in networks(models["pytorch"]).items():
        weights = checkpoints.state(first)
        for key in weights:
            if trained(key):
                moved = weights[key] + spread * rng.standard_normal(weights[key].shape)
                weights[key] = moved.astype(np.float32)
        for made in models.values():
            checkpoints.set_state(networks(made)[name], weights)
    return models


def networks(made: Any) -> dict[str, Any]:
    """Networks by name; a network alone is named ""."""
    return dict(made) if isinstance(made, Mapping) else {"": made}


def trained(key: str) -> bool:
    """Whether a tensor of a state is one that training changes by its gradient."""
    return key.rpartition(".")[2] not in NOT_TRAINED


@dataclass
class Forward:
    """What one pass gives. totals: the scalar that a network descends, or name → scalar for several networks."""

    outputs: Sequence[Any]
    losses: Sequence[Any] = ()
    totals: Any = field(default_factory=dict)


@dataclass
class Measured:
    """A pass in NumPy: outputs, losses, and gradients in PyTorch's layouts by network and weight."""

    outputs: list[np.ndarray]
    losses: list[np.ndarray]
    gradients: dict[str, dict[str, np.ndarray]]


def measure(side: ModuleType, made: Any, forward: Callable[..., Forward], *inputs: Any) -> Measured:
    """forward(side, made, *tensors) in one track, with the gradient of each total for its network's weights."""
    nets, given = networks(made), [tensor(side, values) for values in inputs]
    if hasattr(side, "tf"):
        with side.tf.GradientTape(persistent=True) as tape:
            passed = forward(side, made, *given)
        gradients = {name: _keras_gradients(nets[name], tape, total) for name, total in networks(passed.totals).items()}
    else:
        passed = forward(side, made, *given)
        gradients = {name: _torch_gradients(side, nets[name], total) for name, total in networks(passed.totals).items()}
    outputs = passed.outputs if isinstance(passed.outputs, list | tuple) else [passed.outputs]
    return Measured([array(part) for part in outputs], [array(loss) for loss in passed.losses], gradients)


def _torch_gradients(side: ModuleType, net: Any, total: Any) -> dict[str, np.ndarray]:
    weights = list(net.parameters())
    found = side.torch.autograd.grad(total, weights, retain_graph=True, allow_unused=True)
    arrays = [np.zeros(tuple(w.shape)) if g is None else g.numpy() for w, g in zip(weights, found, strict=True)]
    return dict(zip(filter(trained, checkpoints.state(net)), arrays, strict=True))


def _keras_gradients(net: Any, tape: Any, total: Any) -> dict[str, np.ndarray]:
    """Gradients in PyTorch's layouts, turned by the code that turns weights: they stand in for the weights a moment."""
    variables, before = net.trainable_variables, checkpoints.state(net)
    for variable, gradient in zip(variables, tape.gradient(total, variables), strict=True):
        variable.assign(0 * variable.value if gradient is None else gradient)
    after = checkpoints.state(net)
    checkpoints.set_state(net, before)
    return {key: value for key, value in after.items() if trained(key)}


def compare(
    tracks: Tracks, models: Mapping[str, Any], forward: Callable[..., Forward], *inputs: Any, floor: float = 0.0
) -> dict[str, Measured]:
    """Assert that forward gives the same in both tracks; returns what each measured.

    models: as `twins` makes them; their weights are the same afterwards. inputs: NumPy arrays. floor: how far gradients
    may differ in absolute terms, for those that are zero but for rounding (a bias before a normalisation).

    A unit that lies at the kink of its ReLU up to rounding falls to either side, by the CPU's kernels, and moves all
    gradients by some thousandths. So gradients that differ are measured again with slightly other weights, where no unit
    lies there; a mistake is in all of them.
    """
    before = {
        track: {name: checkpoints.state(net) for name, net in networks(made).items()} for track, made in models.items()
    }
    attempt = 0
    try:
        for attempt in range(DRAWS):
            if attempt:
                _move(models, before, seed=attempt)
            here, there = (measure(tracks[track], models[track], forward, *inputs) for track in lessons.TRACKS)
            same_results(here, there)
            try:
                for name, gradients in here.gradients.items():
                    same_gradients(gradients, there.gradients[name], name, floor)
                break
            except AssertionError:
                if attempt == DRAWS - 1:
                    raise
    finally:
        if attempt:
            _move(models, before, by=0.0)
    return dict(zip(lessons.TRACKS, (here, there), strict=True))


def _move(models: Mapping[str, Any], before: Mapping[str, Mapping], seed: int = 0, by: float = 0.02) -> None:
    """Give each track's networks their weights `before`, moved by the same N(0, 1) times `by` of their tensor's spread."""
    for track, made in models.items():
        rng = np.random.default_rng(seed)
        for name, weights in before[track].items():
            moved = dict(weights)
            for key in filter(trained, weights):
                step = by * weights[key].std() * rng.standard_normal(weights[key].shape)
                moved[key] = (weights[key] + step).astype(weights[key].dtype)
            checkpoints.set_state(networks(made)[name], moved)


def same_results(here: Measured, there: Measured) -> None:
    """Assert that two passes have the same outputs and losses, and gradients for the same networks."""
    for a, b in zip(here.outputs, there.outputs, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(b, a, rtol=0, atol=OUTPUTS * max(1.0, float(np.abs(a).max())))
    for a, b in zip(here.losses, there.losses, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(b, a, rtol=LOSSES, atol=1e-6)
    assert here.gradients.keys() == there.gradients.keys()


def same_gradients(
    here: Mapping[str, np.ndarray], there: Mapping[str, np.ndarray], name: str = "", floor: float = 0.0
) -> None:
    """Assert that two sets of gradients have the same weights, shapes and values; at least one is not zero."""
    assert here.keys() == there.keys()
    assert any(gradient.any() for gradient in here.values()), f"no gradient reaches {name or 'the network'}"
    for key, a in here.items():
        b, words = there[key], f"gradient of {name} {key} differs"
        assert a.shape == b.shape, words
        assert np.linalg.norm(b - a) <= GRADIENTS * np.linalg.norm(a) + floor, words
        assert np.abs(b - a).max() <= GRADIENTS * np.abs(a).max() + 1e-9 + floor, words


def same_spread(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray], least: int = 500) -> None:
    """Assert that two states start alike: equal shapes; tensors of at least `least` numbers vary as much and have, or
    don't have, a bound as tight as that of a uniform distribution (√3 standard deviations).
    """
    assert one.keys() == other.keys()
    for key, weights in one.items():
        assert weights.shape == other[key].shape, key
        if weights.size > least:  # a few numbers say little about their distribution
            spreads = [float(w.std()) for w in (weights, other[key])]
            assert spreads[0] == pytest.approx(spreads[1], rel=0.15), key
            tight = [bool(np.abs(w).max() <= 2 * s) for w, s in zip((weights, other[key]), spreads, strict=True)]
            assert tight[0] == tight[1], key
