"""The parity tests can fail: a game whose tracks differ a little in an output, a loss or a gradient is refused."""

from types import SimpleNamespace

import numpy as np
import parity
import pytest

from helpers import lessons


@pytest.fixture(scope="module")
def tracks():
    """Two sides that define the same small generator and discriminator."""
    torch, tf = pytest.importorskip("torch"), pytest.importorskip("tensorflow")
    import keras

    def torch_net(n_in, n_out):
        return torch.nn.Sequential(torch.nn.Linear(n_in, 8), torch.nn.Tanh(), torch.nn.Linear(8, n_out))

    def keras_net(n_in, n_out):
        hidden, out = keras.layers.Dense(8, activation="tanh"), keras.layers.Dense(n_out)
        return keras.Sequential([keras.Input((n_in,)), hidden, out])

    return {
        "pytorch": SimpleNamespace(torch=torch, net=torch_net, softplus=torch.nn.functional.softplus),
        "tensorflow": SimpleNamespace(tf=tf, net=keras_net, softplus=tf.nn.softplus),
    }


@pytest.fixture(scope="module")
def models(tracks):
    return parity.twins(tracks, lambda side: {"G": side.net(3, 2), "D": side.net(2, 1)})


def players(side, nets, real, z, shift=0.0, weight=1.0):
    """Both players' losses. In TensorFlow, shift is added to what G draws, and weight multiplies D's loss on fakes."""
    off = hasattr(side, "tf")
    fake = nets["G"](z) + (shift if off else 0.0)
    logits = nets["D"](fake)
    loss_D = parity.mean(side, side.softplus(-nets["D"](real)))
    loss_D = loss_D + (weight if off else 1.0) * parity.mean(side, side.softplus(logits))
    loss_G = parity.mean(side, side.softplus(-logits))
    return parity.Forward([fake], [loss_D, loss_G], {"D": loss_D, "G": loss_G})


def inputs(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(16, 2)), rng.normal(size=(16, 3))


def test_two_networks_and_two_losses_agree(tracks, models):
    measured = parity.compare(tracks, models, players, *inputs())
    for track in lessons.TRACKS:
        assert measured[track].gradients.keys() == {"D", "G"}
        assert [g.shape for g in measured[track].gradients["G"].values()] == [(8, 3), (8,), (2, 8), (2,)]


def test_gradients_are_those_of_finite_differences(tracks, models):
    from helpers import checkpoints

    measured = parity.compare(tracks, models, players, *inputs())
    net = models["pytorch"]["D"]
    before = checkpoints.state(net)
    losses = []
    for step in (0.01, -0.01):
        moved = {key: value.copy() for key, value in before.items()}
        moved["000.weight"][2, 1] += step
        checkpoints.set_state(net, moved)
        losses.append(parity.measure(tracks["pytorch"], models["pytorch"], players, *inputs()).losses[0])
    checkpoints.set_state(net, before)
    slope = float(losses[0] - losses[1]) / 0.02
    for track in lessons.TRACKS:
        assert measured[track].gradients["D"]["000.weight"][2, 1] == pytest.approx(slope, rel=0.01, abs=1e-4)


@pytest.mark.parametrize("difference", [{"shift": 1e-3}, {"weight": 1.001}, {"weight": 1.00005}])
def test_a_small_difference_is_seen(tracks, models, difference):
    def off(side, nets, real, z):
        return players(side, nets, real, z, **difference)

    with pytest.raises(AssertionError):
        parity.compare(tracks, models, off, *inputs())


def test_a_gradient_that_differs_alone_is_seen(tracks, models):
    def off(side, nets, real, z):
        passed = players(side, nets, real, z)
        passed.totals["G"] = passed.totals["G"] * (1.01 if hasattr(side, "tf") else 1.0)
        return passed

    with pytest.raises(AssertionError, match=r"gradient of G 000\.weight differs"):
        parity.compare(tracks, models, off, *inputs())


def test_a_network_that_no_gradient_reaches_is_named(tracks, models):
    def cut(side, nets, real, z):
        passed = players(side, nets, real, z)
        passed.totals["G"] = passed.totals["G"] * 0.0
        return passed

    with pytest.raises(AssertionError, match="no gradient reaches G"):
        parity.compare(tracks, models, cut, *inputs())


def test_weights_are_left_as_they_were(tracks, models):
    from helpers import checkpoints

    before = {track: checkpoints.state(models[track]["G"]) for track in lessons.TRACKS}
    parity.compare(tracks, models, players, *inputs())
    for track in lessons.TRACKS:
        after = checkpoints.state(models[track]["G"])
        for key, value in before[track].items():
            np.testing.assert_array_equal(after[key], value)
            np.testing.assert_array_equal(value, before["pytorch"][key])


def test_a_unit_at_the_kink_of_its_relu_is_no_mistake(tracks, models):
    from helpers import checkpoints

    real, z = inputs()
    kink = float(parity.array(models["pytorch"]["D"](parity.tensor(tracks["pytorch"], real)))[0, 0])

    def near(side, nets, real, z):
        logits = nets["D"](real) - (kink + (1e-6 if hasattr(side, "tf") else -1e-6))
        relu = side.tf.nn.relu if hasattr(side, "tf") else side.torch.relu
        return parity.Forward([logits], [], {"D": parity.mean(side, relu(logits))})

    before = checkpoints.state(models["pytorch"]["D"])
    here, there = (parity.measure(tracks[track], models[track], near, real, z) for track in lessons.TRACKS)
    with pytest.raises(AssertionError, match="gradient of D"):
        parity.same_gradients(here.gradients["D"], there.gradients["D"], "D")
    parity.compare(tracks, models, near, real, z)
    for track in lessons.TRACKS:
        for key, value in checkpoints.state(models[track]["D"]).items():
            np.testing.assert_array_equal(value, before[key])


def test_states_that_start_alike_pass_and_others_do_not():
    rng = np.random.default_rng(0)
    normal, again = ({"000.weight": rng.normal(0, 0.02, size=3000)} for _ in range(2))
    uniform = {"000.weight": rng.uniform(-0.0346, 0.0346, size=3000)}  # as wide as the others
    parity.same_spread(normal, again)
    parity.same_spread(uniform, {"000.weight": rng.uniform(-0.0346, 0.0346, size=3000)})
    for other in (uniform, {"000.weight": 1.3 * again["000.weight"]}, {"001.weight": again["000.weight"]}):
        with pytest.raises(AssertionError):
            parity.same_spread(normal, other)
