"""Lesson 8's transfer in one pass: AdaIN, the decoder and its training, in both tracks and against NumPy; stored weights."""

import numpy as np
import parity
import pytest
from parity import array, tensor
from style_parts import BOTH, LESSON, SIX, coffee, pictures, real_networks, run_of, transfers

from helpers import checkpoints

JOINED, CHANNELS = ("stage 1", "stage 2", "stage 3", "stage 5"), (16, 24, 40, 112)
WIDTHS, SCALES = (64, 48, 32, 24, 16), (6.0, 9.0, 8.0, 7.0)
SMALL = {"channels": (3, 4, 5), "widths": (7, 6, 5, 4), "scales": (0.5, 2.0, 3.0)}
EPS = 1e-5


@pytest.fixture(scope="module")
def tracks():
    return parity.tracks(LESSON)


# --- adaptive instance normalisation ---------------------------------------------------------------------------------


def two_maps(seed=0):
    """Maps of content (3, 6, 8, 4) and style (3, 5, 3, 4), each with means and widths of its own."""
    rng = np.random.default_rng(seed)
    return [
        rng.normal(size=(3, 1, 1, 4)) + rng.uniform(0.5, 4, size=(3, 1, 1, 4)) * rng.normal(size=(3, *size, 4))
        for size in ((6, 8), (5, 3))
    ]


def moments(f):
    return f.mean(axis=(1, 2), keepdims=True), f.std(axis=(1, 2), keepdims=True)


def adain_64(f, style):
    (m, s), (m_style, s_style) = moments(f), moments(style)
    return (f - m) * np.sqrt((s_style**2 + EPS) / (s**2 + EPS)) + m_style


@BOTH
def test_adain_gives_exactly_the_style_s_mean_and_width(tracks, track):
    side, (f, style) = tracks[track], two_maps()
    out = array(side.adain(tensor(side, f), tensor(side, style)))
    assert out.shape == f.shape
    for got, wanted in zip(moments(out), moments(style), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(out, adain_64(f, style), rtol=1e-5, atol=1e-5)
    louder = array(side.adain(tensor(side, 5 * f - 3), tensor(side, style)))
    np.testing.assert_allclose(louder, out, atol=2e-4)  # size and mean of the content's maps are lost
    same = array(side.adain(tensor(side, f), tensor(side, f)))
    np.testing.assert_allclose(same, f, atol=1e-5)
    alone = array(side.adain(tensor(side, f[1:2]), tensor(side, style[1:2])))
    np.testing.assert_allclose(alone, out[1:2], atol=1e-5)  # no neighbour counts


@BOTH
def test_maps_without_spread_give_no_nan(tracks, track):
    side, (f, style) = tracks[track], two_maps()
    flat, flat_style = np.full_like(f, 0.3), np.full_like(style, -2.0)
    onto = array(side.adain(tensor(side, flat), tensor(side, style)))
    np.testing.assert_allclose(onto, np.broadcast_to(moments(style)[0], f.shape), atol=1e-3)
    into = array(side.adain(tensor(side, f), tensor(side, flat_style)))
    assert np.isfinite(into).all() and np.abs(into + 2).max() < 0.05
    both = array(side.adain(tensor(side, flat), tensor(side, flat_style)))
    np.testing.assert_allclose(both, -2, atol=1e-5)


# --- the decoder -----------------------------------------------------------------------------------------------------


def small_maps(height=9, width=7, count=2, seed=0):
    """Maps as a network of strides 2, 4 and 8 gives them for images of an odd size, finest first."""
    rng = np.random.default_rng(seed)
    sizes = [(-(-height // stride), -(-width // stride)) for stride in (2, 4, 8)]
    return [rng.normal(size=(count, *size, c)) for size, c in zip(sizes, SMALL["channels"], strict=True)]


def mirrored(h, weight, bias):
    """A 3×3 convolution of (B, h, w, a) with (b, a, 3, 3); the picture is mirrored at its rim."""
    wide = np.pad(h, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(wide, (3, 3), (1, 2))
    return np.einsum("bhwaij,oaij->bhwo", windows, weight) + bias


def fourfold(h, height, width):
    return h.repeat(2, axis=1).repeat(2, axis=2)[:, :height, :width]


def decoded(state, maps, height, width, scales):
    """The decoder in NumPy, from its weights in order."""
    weights = iter([value.astype(float) for value in state.values()])
    maps = [f / scale for f, scale in zip(maps, scales, strict=True)]
    h = np.maximum(mirrored(maps[-1], next(weights), next(weights)), 0)
    for f in maps[-2::-1]:
        joined = np.concatenate([fourfold(h, *f.shape[1:3]), f], axis=3)
        h = np.maximum(mirrored(joined, next(weights), next(weights)), 0)
    h = np.maximum(mirrored(fourfold(h, height, width), next(weights), next(weights)), 0)
    out = 1 / (1 + np.exp(-mirrored(h, next(weights), next(weights))))
    assert next(weights, None) is None
    return out


@BOTH
def test_enlarge(tracks, track):
    side, h = tracks[track], np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    for height, width in ((6, 8), (5, 7), (6, 7)):
        got = array(side.enlarge(tensor(side, h), tensor(side, np.zeros((2, height, width, 1)))))
        np.testing.assert_allclose(got, fourfold(h, height, width), rtol=1e-6)


def test_decoders_agree(tracks):
    models = parity.twins(tracks, lambda side: side.Decoder(**SMALL), spread=0.3)
    maps, image, aim = small_maps(24, 40), pictures(2, 24, 40), pictures(2, 24, 40, seed=3)

    def forward(side, decoder, image, aim, *maps):
        out = decoder(list(maps), image)
        loss = parity.mean(side, (out - aim) ** 2)
        return parity.Forward(outputs=[out], losses=[loss], totals=loss)

    parity.compare(tracks, models, forward, image, aim, *maps, floor=1e-7)


@BOTH
@pytest.mark.parametrize(("height", "width"), [(24, 40), (19, 23), (9, 18), (33, 25)])
def test_the_decoder_against_numpy(tracks, track, height, width):
    side, maps = tracks[track], small_maps(height, width)
    decoder = parity.twins({"pytorch": side}, lambda side: side.Decoder(**SMALL), spread=0.3)["pytorch"]
    got = array(decoder([tensor(side, f) for f in maps], tensor(side, pictures(2, height, width))))
    expected = decoded(checkpoints.state(decoder), maps, height, width, SMALL["scales"])
    assert got.shape == (2, height, width, 3) and got.min() >= 0 and got.max() <= 1
    np.testing.assert_allclose(got, expected, atol=1e-4)
    assert expected.std() > 0.02


@BOTH
def test_parameter_counts(tracks, track):
    decoder = tracks[track].Decoder(CHANNELS, WIDTHS, SCALES)
    state = checkpoints.state(decoder)
    inputs = (112, 64 + 40, 48 + 24, 32 + 16, 24, 16)
    outputs = (*WIDTHS, 3)
    by_hand = sum(9 * a * b + b for a, b in zip(inputs, outputs, strict=True))
    assert by_hand == 144_619
    assert sum(value.size for value in state.values()) == by_hand
    shapes = [value.shape for key, value in state.items() if key.endswith("weight")]
    assert shapes == [(b, a, 3, 3) for a, b in zip(inputs, outputs, strict=True)]
    trained = decoder.parameters() if track == "pytorch" else decoder.trainable_variables
    assert sum(int(np.prod(part.shape)) for part in trained) == by_hand


def test_both_tracks_start_alike(tracks):
    tracks["pytorch"].torch.manual_seed(0)
    states = [checkpoints.state(side.Decoder(CHANNELS, WIDTHS, SCALES)) for side in tracks.values()]
    parity.same_spread(*states)
    for state in states:
        assert all((value == 0).all() == key.endswith("bias") for key, value in state.items())


# --- training --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(tracks):
    """Track → a transfer with the six style layers and stage 7."""
    return transfers(tracks, real_networks(), (*SIX, "stage 7"))


def new_fast(tracks, real, spread=0.0, widths=WIDTHS):
    """Track → a FastTransfer, with the same weights in both."""
    decoders = parity.twins(tracks, lambda side: side.Decoder(CHANNELS, widths, SCALES), spread=spread)
    return {track: side.FastTransfer(real[track], decoders[track], JOINED) for track, side in tracks.items()}


def weights_of(side, count, w_content=1.0, w_style=5.0, w_tv=2.0):
    """Targets without content and Gram matrices, for `count` images; masks that count all places alike."""
    layers = (*SIX, "stage 7")
    strides = (2, 2, 4, 8, 16, 16, 32)
    shares = [w_style / 6] * 6 + [0.0]
    full = np.ones((count, 1))
    return side.Targets(
        content=[],
        grams=[],
        masks=[[tensor(side, np.ones((48 // stride + (48 % stride > 0),) * 2)) for stride in strides]],
        w_content=tensor(side, full * [w_content * (name == "stage 7") for name in layers]),
        w_style=tensor(side, full * shares),
        w_tv=tensor(side, full[:, 0] * w_tv),
    )


def pairs(count=2, side=48):
    """Crops of a photo and of two drawn styles, (count, side, side, 3) each."""
    photo, *drawn = coffee(96)
    rng = np.random.default_rng(0)
    corners = rng.integers(96 - side, size=(count, 2))
    cut = lambda image, y, x: image[0, y : y + side, x : x + side]  # noqa: E731
    content = np.stack([cut(photo, y, x) for y, x in corners])
    style = np.stack([cut(drawn[i % 2], y, x) for i, (y, x) in enumerate(corners[::-1])])
    return content, style


def test_stylise_agrees_and_keeps_any_size(tracks, real):
    fast = new_fast(tracks, real, spread=0.05)
    content, style = pictures(2, 90, 77), np.concatenate(coffee(64)[1:])
    found = {}
    for track, side in tracks.items():
        out = array(fast[track].stylise(tensor(side, content), tensor(side, style)))
        assert out.shape == (2, 90, 77, 3) and out.min() >= 0 and out.max() <= 1
        alone = array(fast[track].stylise(tensor(side, content[1:]), tensor(side, style[1:])))
        np.testing.assert_allclose(alone, out[1:], atol=1e-4)
        found[track] = out
    np.testing.assert_allclose(found["tensorflow"], found["pytorch"], atol=1e-4)
    assert found["pytorch"].std() > 0.01
    other = array(fast["pytorch"].stylise(*(tensor(tracks["pytorch"], part) for part in (content, style[::-1].copy()))))
    assert np.abs(other - found["pytorch"]).max() > 1e-3  # the style counts


@BOTH
def test_a_step_has_the_losses_of_what_the_decoder_draws(tracks, real, track):
    side = tracks[track]
    fast, (content, style) = new_fast({"pytorch": side}, {"pytorch": real[track]}, spread=0.02)["pytorch"], pairs()
    x = fast.stylise(tensor(side, content), tensor(side, style))
    transfer, weights = real[track], weights_of(side, 2)
    targets = weights._replace(
        content=transfer.content(tensor(side, content)), grams=[transfer.grams(tensor(side, style))]
    )
    expected = array(transfer.losses(x, targets)).mean(axis=1)
    got = array(fast.step(tensor(side, content), tensor(side, style), weights, 1e-3))
    assert got.shape == (3,) and (expected > 0).all()
    np.testing.assert_allclose(got, expected, rtol=1e-3)


def first_gradients(fast, track):
    """Adam's running means of the gradients after one step, over 1 - β₁: the gradients it got, in PyTorch's layouts."""
    if track == "pytorch":
        found = [fast.adam.state[part]["exp_avg"].numpy() for part in fast.decoder.parameters()]
    else:
        found = [part.numpy() for part in fast.adam.variables if "momentum" in part.path]
        found = [part.transpose(3, 2, 0, 1) if part.ndim == 4 else part for part in found]
    return [part / 0.1 for part in found]


def test_steps_agree_in_both_tracks(tracks, real):
    content, style = pairs()
    fast = new_fast(tracks, real, spread=0.02)
    losses, gradients, states = {}, {}, {}
    for track, side in tracks.items():
        given = tensor(side, content), tensor(side, style), weights_of(side, 2)
        losses[track] = [array(fast[track].step(*given, 1e-3))]
        gradients[track] = first_gradients(fast[track], track)
        losses[track] += [array(fast[track].step(*given, rate)) for rate in (2e-3, 5e-4, 5e-4)]
        states[track] = checkpoints.state(fast[track].decoder)
    one, other = (np.array(rows) for rows in losses.values())
    np.testing.assert_allclose(other[0], one[0], rtol=1e-4)
    np.testing.assert_allclose(other, one, rtol=5e-3)
    assert one[-1].sum() < one[0].sum()
    for key, here, there in zip(states["pytorch"], *gradients.values(), strict=True):
        assert np.linalg.norm(there - here) <= 1e-3 * np.linalg.norm(here), key
        apart = np.abs(states["tensorflow"][key] - states["pytorch"][key])  # where gradients are tiny, Adam's ε counts
        assert np.median(apart) < 1e-4, key


@BOTH
def test_the_first_step_is_the_rate(tracks, real, track):
    side = tracks[track]
    fast, (content, style) = new_fast({"pytorch": side}, {"pytorch": real[track]})["pytorch"], pairs()
    before = checkpoints.state(fast.decoder)
    fast.step(tensor(side, content), tensor(side, style), weights_of(side, 2), 3e-3)
    moved = {key: np.abs(value - before[key]) for key, value in checkpoints.state(fast.decoder).items()}
    assert np.median(np.concatenate([way.ravel() for way in moved.values()])) == pytest.approx(3e-3, rel=0.01)
    assert max(way.max() for way in moved.values()) < 3.01e-3
    assert all(way.any() for way in moved.values())  # a gradient reaches every layer


@BOTH
def test_gradients_are_clipped_at_length_one(tracks, real, track):
    side = tracks[track]
    content, style = pairs()
    lengths = []
    for factor in (100.0, 1e-3):
        fast = new_fast({"pytorch": side}, {"pytorch": real[track]})["pytorch"]
        weights = weights_of(side, 2, factor, 5 * factor, 2 * factor)
        fast.step(tensor(side, content), tensor(side, style), weights, 1e-3)
        lengths.append(np.linalg.norm(np.concatenate([part.ravel() for part in first_gradients(fast, track)])))
    assert lengths[0] == pytest.approx(1, rel=1e-3) and 0 < lengths[1] < 0.05


@BOTH
def test_training_lowers_the_losses(tracks, real, track):
    side = tracks[track]
    if track == "pytorch":
        side.torch.manual_seed(0)
    else:
        side.keras.utils.set_random_seed(0)
    decoder = side.Decoder(CHANNELS, (16, 16, 12, 8, 8), SCALES)
    fast = side.FastTransfer(real[track], decoder, JOINED)
    content, style = pairs()
    given = tensor(side, content), tensor(side, style), weights_of(side, 2)
    before = array(fast.stylise(*given[:2]))
    totals = np.array([array(fast.step(*given, 3e-3)) for _ in range(25)]).sum(axis=1)
    assert np.isfinite(totals).all() and totals[-3:].mean() < 0.9 * totals[:3].mean()
    after = array(fast.stylise(*given[:2]))
    assert np.abs(after - before).mean() > 0.01  # what stylise draws is what was trained


@BOTH
def test_flat_pictures_give_no_nan(tracks, real, track):
    side = tracks[track]
    fast = new_fast({"pytorch": side}, {"pytorch": real[track]})["pytorch"]
    flat = np.stack([np.full((48, 48, 3), value, np.float32) for value in (0.0, 0.6)])
    content, _ = pairs()
    for one, other in ((flat, content), (content, flat), (flat, flat)):
        given = tensor(side, one), tensor(side, other)
        assert np.isfinite(array(fast.stylise(*given))).all()
        losses = array(fast.step(*given, weights_of(side, 2), 1e-3))
        assert np.isfinite(losses).all()
    assert all(np.isfinite(value).all() for value in checkpoints.state(fast.decoder).values())


# --- the stored weights ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored():
    return checkpoints.load(LESSON)


def test_the_stored_decoder_draws_the_same_in_both_tracks(tracks, real, stored):
    state, info = stored
    assert tuple(info["joined"]) == JOINED and tuple(info["channels"]) == CHANNELS
    content, glass, waves = coffee(96)
    drawn = {}
    for track, side in tracks.items():
        decoder = side.Decoder(info["channels"], info["widths"], info["scales"])
        checkpoints.set_state(decoder, state)
        fast = side.FastTransfer(real[track], decoder, info["joined"])
        given = content.repeat(2, axis=0), np.concatenate([glass, waves])
        drawn[track] = array(fast.stylise(*(tensor(side, part) for part in given)))
    np.testing.assert_allclose(drawn["tensorflow"], drawn["pytorch"], atol=2e-3)
    assert np.abs(drawn["pytorch"][0] - drawn["pytorch"][1]).mean() > 0.03  # two styles, two pictures


def test_the_stored_decoder_brings_the_style_and_keeps_the_content(tracks, real, stored):
    side, transfer, (state, info) = tracks["pytorch"], real["pytorch"], stored
    decoder = side.Decoder(info["channels"], info["widths"], info["scales"])
    checkpoints.set_state(decoder, state)
    content, *styles = coffee(128)
    fast = side.FastTransfer(transfer, decoder, info["joined"])
    six = dict.fromkeys(SIX, 1 / 6)
    for style in styles:
        targets = side.make_targets(run_of(side), transfer, content, [style], {"stage 7": 1.0}, six, 0.0)
        drawn = fast.stylise(tensor(side, content), tensor(side, style))
        of_drawn, of_content, of_style = (
            array(transfer.slope(x, targets)[0])[:, 0] for x in (drawn, tensor(side, content), tensor(side, style))
        )
        print("content, style:", of_drawn[:2], "of the photo", of_content[:2], "of the style", of_style[:2])
        assert of_drawn[1] < 0.9 * of_content[1]
        assert of_drawn[0] < 0.7 * of_style[0]
