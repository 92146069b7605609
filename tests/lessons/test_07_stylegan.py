"""Lesson 7's networks: both tracks agree, and both agree with the whole generator and discriminator in NumPy."""

import numpy as np
import parity
import pytest
from parity import array, tensor
from stylegan_parts import BOTH, DEPTH, GENERATORS, LATENT, LESSON, aim, codes, generated, make, noise_for

from helpers import checkpoints

FLOOR = 1e-6  # of gradients that are zero but for rounding


@pytest.fixture(scope="module")
def tracks():
    return parity.tracks(LESSON)


# --- both tracks, and NumPy ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GENERATORS)
def test_generators_agree(tracks, name):
    models = parity.twins(tracks, lambda side: make(side, **GENERATORS[name]), spread=0.3)
    G = models["pytorch"]
    noise = noise_for(G) if G.noisy else []
    shape = (4, G.sides[-1], G.sides[-1], 1 if name == "grey" else 3)
    measured = parity.compare(tracks, models, generated, codes(), aim(*shape), *noise, floor=FLOOR)
    assert measured["pytorch"].outputs[0].shape == shape
    assert list(models["tensorflow"].sides) == list(G.sides)


@pytest.mark.parametrize(("count", "channels"), [(8, 3), (6, 3), (1, 3), (4, 1)])
def test_discriminators_agree(tracks, count, channels):
    models = parity.twins(tracks, lambda side: side.Discriminator((5, 6), channels=channels), spread=0.3)

    def judged(side, D, images, wanted):
        loss = parity.mean(side, (D(images) - wanted) ** 2)
        return parity.Forward(outputs=D(images), losses=[loss], totals=loss)

    images = np.random.default_rng(0).uniform(-1, 1, size=(count, 16, 16, channels))
    parity.compare(tracks, models, judged, images, aim(count), floor=FLOOR)


def leaky(h, slope=0.2):
    return np.where(h > 0, h, slope * h)


def unit_pixels(h):
    return h / np.sqrt((h**2).mean(axis=-1, keepdims=True) + 1e-8)


def convolved(h, weight, bias, stride=1):
    """A convolution of maps (B, n, n, a) with kernels (b, a, k, k), padded by (k - 1) // 2."""
    pad, k = (weight.shape[-1] - 1) // 2, weight.shape[-1]
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(h, ((0, 0), (pad, pad), (pad, pad), (0, 0))), (k, k), (1, 2)
    )
    return np.einsum("bhwaij,oaij->bhwo", windows[:, ::stride, ::stride], weight) + bias


def enlarged(h):
    """Nearest pixels, then a blur with 1 2 1 over 4 along each axis; the border's pixels go on beyond it."""
    h = h.repeat(2, axis=1).repeat(2, axis=2)
    for axis in (1, 2):
        wide = np.pad(h, [(int(i == axis),) * 2 for i in range(4)], mode="edge")
        parts = [wide.take(range(i, i + h.shape[axis]), axis) for i in range(3)]
        h = (parts[0] + 2 * parts[1] + parts[2]) / 4
    return h


def styled_by(h, scale, shift):
    m, v = h.mean(axis=(1, 2), keepdims=True), h.var(axis=(1, 2), keepdims=True)
    return scale[:, None, None] * (h - m) / np.sqrt(v + 1e-8) + shift[:, None, None]


def convolved_with_styles(h, scale, kernels, bias):
    """StyleGAN2: kernels of its own for each picture, scaled by its style and brought to the length √2."""
    pictures = []
    for picture, s in zip(h, scale, strict=True):
        own = kernels * s[None, :, None, None]
        own *= np.sqrt(2 / (own**2).sum(axis=(1, 2, 3), keepdims=True))
        pictures.append(convolved(picture[None], own, bias))
    return np.concatenate(pictures)


def equalised(weight, gain=1.0):
    return weight * gain / np.sqrt(np.prod(weight.shape[1:]))


def numpy_mapping(weights, z, depth):
    h = unit_pixels(z.astype(float))
    for _ in range(depth):
        h = leaky(h @ equalised(0.01 * next(weights), 2**0.5).T + 0.01 * next(weights))
    return h


def numpy_generator(state, z, noise, depth=DEPTH, sides=(4, 4, 8, 8, 16, 16), kind="adain", constant=True, **_):
    """The generator from its weights in order: mapping, start, layers, colours → (B, R, R, 3) in [-1, 1]."""
    weights = iter([value.astype(float) for value in state.values()])
    w = numpy_mapping(weights, z, depth)
    if constant:
        h = np.repeat(next(weights)[None], len(z), axis=0)
    else:
        h = (unit_pixels(w) @ equalised(next(weights)).T + next(weights)).reshape(len(z), 4, 4, -1)
    for i, side in enumerate(sides):
        strength, kernels, bias = next(weights), next(weights) if i else None, next(weights) if i else None
        style = None if kind == "plain" else w @ equalised(next(weights)).T + next(weights)
        if kind in ("demodulated", "flat"):
            h = convolved_with_styles(h, 1 + style, kernels, bias) if i else h * (1 + style)[:, None, None]
        elif i:
            h = convolved(h, equalised(kernels, 2**0.5), bias)
        h = enlarged(h) if side > h.shape[1] else h
        slope = 0.0 if kind == "flat" and len(strength) <= 32 else 0.2
        h = leaky(h + strength * noise[i] if noise else h, slope)
        if kind == "adain":
            scale, shift = np.split(style, 2, axis=1)
            h = styled_by(h, 1 + scale, shift)
        elif kind == "plain":
            h = unit_pixels(h)
    images = np.tanh(convolved(h, equalised(next(weights)), next(weights)))
    assert next(weights, None) is None
    return images


@BOTH
@pytest.mark.parametrize(
    "name",
    [name for name in GENERATORS if name not in ("grey", "smallest")],
)
def test_the_generator_against_numpy(tracks, track, name):
    side, switches = tracks[track], GENERATORS[name]
    G = parity.twins({"pytorch": side}, lambda side: make(side, **switches), spread=0.3)["pytorch"]
    noise = noise_for(G) if G.noisy else []
    expected = numpy_generator(checkpoints.state(G), codes(), noise, **switches)
    got = side.draw(G, side.to_w(G, codes()), [part[..., 0] for part in noise] if noise else 0)
    np.testing.assert_allclose(2 * got - 1, expected, atol=5e-4)
    assert expected.std() > 0.1


@BOTH
def test_the_discriminator_against_numpy(tracks, track):
    side = tracks[track]
    D = parity.twins({"pytorch": side}, lambda side: side.Discriminator((5, 6)), spread=0.3)["pytorch"]
    x = np.random.default_rng(0).uniform(-1, 1, size=(8, 16, 16, 3))
    weights = iter([value.astype(float) for value in checkpoints.state(D).values()])
    h = x
    for _ in (5, 6):
        h = leaky(convolved(h, equalised(next(weights), 2**0.5), next(weights), stride=2))
    h = leaky(convolved(with_spread(h), equalised(next(weights), 2**0.5), next(weights)))
    h = leaky(h.reshape(8, -1) @ equalised(next(weights), 2**0.5).T + next(weights))
    logits = (h @ equalised(next(weights)).T + next(weights))[:, 0]
    np.testing.assert_allclose(array(D(tensor(side, x))), logits, atol=1e-4)
    assert logits.std() > 0.01


def with_spread(h, group=4):
    """The minibatch spread: pictures i, i + B/4, i + 2B/4 and i + 3B/4 make a group."""
    members = np.arange(len(h)).reshape(group, -1).T
    spread = np.zeros((*h.shape[:3], 1))
    for rows in members:
        spread[rows] = np.sqrt(h[rows].var(axis=0) + 1e-8).mean()
    return np.concatenate([h, spread], axis=3)


@BOTH
def test_batch_spread(tracks, track):
    side, h = tracks[track], np.random.default_rng(0).normal(size=(12, 3, 3, 2))
    np.testing.assert_allclose(array(side.batch_spread(tensor(side, h))), with_spread(h), atol=1e-5)
    odd = array(side.batch_spread(tensor(side, h[:6])))  # no groups of four: each picture alone
    np.testing.assert_allclose(odd[..., :2], h[:6], atol=1e-6)
    np.testing.assert_allclose(odd[..., 2], 1e-4, rtol=1e-3)
    same = array(side.batch_spread(tensor(side, np.repeat(h[:1], 4, axis=0))))[..., 2]
    np.testing.assert_allclose(same, 1e-4, rtol=0.1)


# --- pieces ----------------------------------------------------------------------------------------------------------


def test_instance_norm_is_torch_s_own(tracks):
    side = tracks["pytorch"]
    h = side.torch.randn(3, 4, 5, 6) * 3 + 1
    expected = side.nn.InstanceNorm2d(4, eps=1e-8)(h)
    np.testing.assert_allclose(side.instance_norm(h), expected, atol=1e-5)


@BOTH
def test_adain_gives_each_map_the_style_s_mean_and_width(tracks, track):
    side, rng = tracks[track], np.random.default_rng(0)
    h = 2 + rng.uniform(0.5, 5, size=(3, 1, 1, 4)) * rng.normal(size=(3, 5, 6, 4))
    scale, shift = rng.normal(size=(2, 3, 4))
    out = array(side.adain(*(tensor(side, part) for part in (h, scale, shift))))
    np.testing.assert_allclose(out.mean(axis=(1, 2)), shift, atol=1e-5)
    np.testing.assert_allclose(out.std(axis=(1, 2)), np.abs(scale), atol=1e-4)
    np.testing.assert_allclose(out, styled_by(h, scale, shift), atol=1e-4)
    louder = array(side.adain(*(tensor(side, part) for part in (5 * h - 3, scale, shift))))
    np.testing.assert_allclose(louder, out, atol=1e-4)  # size and mean of what comes in are lost
    one = array(side.adain(*(tensor(side, part[1:2]) for part in (h, scale, shift))))
    np.testing.assert_allclose(one, out[1:2], atol=1e-5)  # no neighbour counts


@BOTH
def test_a_dead_map_becomes_the_shift(tracks, track):
    side = tracks[track]
    h, ones = np.zeros((2, 4, 4, 3)), np.ones((2, 3))
    out = array(side.adain(tensor(side, h), tensor(side, 3 * ones), tensor(side, 0.5 * ones)))
    np.testing.assert_allclose(out, 0.5, atol=1e-6)


@BOTH
def test_pixel_norm_and_enlarge(tracks, track):
    side, h = tracks[track], np.random.default_rng(0).normal(size=(2, 4, 4, 5))
    out = array(side.pixel_norm(tensor(side, 7 * h)))
    np.testing.assert_allclose((out**2).mean(axis=3), 1, atol=1e-5)
    np.testing.assert_allclose(out, unit_pixels(h), atol=1e-5)
    vectors = array(side.pixel_norm(tensor(side, h[:, 0, 0])))
    np.testing.assert_allclose(vectors, unit_pixels(h[:, 0, 0]), atol=1e-5)
    np.testing.assert_allclose(array(side.enlarge(tensor(side, h))), enlarged(h), atol=1e-5)


@BOTH
@pytest.mark.parametrize("rate", [1.0, 0.01])
def test_equalised_layers_keep_the_variance_at_the_square_of_the_gain(tracks, track, rate):
    side, rng = tracks[track], np.random.default_rng(0)
    if track == "pytorch":
        side.torch.manual_seed(0)
    x = rng.normal(size=(200, 128))
    for gain in (1.0, 2**0.5):
        layer = side.EqualLinear(128, 256, gain=gain, rate=rate)
        assert array(layer(tensor(side, x))).var() == pytest.approx(gain**2, rel=0.05)
        assert checkpoints_of(layer, track)[0].std() == pytest.approx(1 / rate, rel=0.05)
    maps = rng.normal(size=(8, 12, 12, 24))
    for kernel_size, stride in ((3, 1), (4, 2), (1, 1)):
        layer = side.EqualConv(24, 64, kernel_size, stride)
        out = array(layer(tensor(side, maps)))
        assert out.shape == (8, 12 // stride, 12 // stride, 64)
        assert out[:, 1:-1, 1:-1].var() == pytest.approx(2, rel=0.1)  # √2 makes up for what a leaky ReLU takes


def checkpoints_of(layer, track):
    """Weight and bias of a single layer."""
    return [array(part) for part in (layer.parameters() if track == "pytorch" else layer.weights)]


@BOTH
def test_a_rate_slows_a_layer_down(tracks, track):
    side = tracks[track]
    x = tensor(side, np.random.default_rng(0).normal(size=(16, 10)))
    moved = {}
    for rate in (1.0, 0.01):
        layer = side.EqualLinear(10, 7, gain=2**0.5, rate=rate)
        before = array(layer(x))
        for weight in layer.parameters() if track == "pytorch" else layer.weights:  # every number moves by 0.1
            weight.data.add_(0.1) if track == "pytorch" else weight.assign_add(0.1 + 0 * weight)
        moved[rate] = array(layer(x)) - before
    np.testing.assert_allclose(moved[0.01], 0.01 * moved[1.0], atol=1e-5)
    np.testing.assert_allclose(moved[1.0], moved[1.0][:, :1].repeat(7, axis=1), atol=1e-5)


@BOTH
def test_the_mapping_takes_directions_alone(tracks, track):
    side = tracks[track]
    G, z = make(side, depth=8), codes()
    w = side.to_w(G, z)
    assert w.shape == z.shape and w.dtype == np.float32
    np.testing.assert_allclose(side.to_w(G, 5 * z), w, atol=1e-5)
    np.testing.assert_allclose(w, numpy_mapping(iter(checkpoints.state(G).values()), z, 8), atol=1e-5)
    np.testing.assert_allclose(side.to_w(make(side, depth=0), z), unit_pixels(z), atol=1e-5)
    styles = array(G.styles(tensor(side, z)))
    assert styles.shape == (4, 6, LATENT)
    np.testing.assert_allclose(styles, w[:, None].repeat(6, axis=1), atol=1e-6)


# --- sizes -----------------------------------------------------------------------------------------------------------


def by_hand(widths, latent_dim, depth, kind="adain", constant=True):
    """Parameters of a generator."""
    pairs = [(widths[0], widths[0])] + [(a, b) for i, b in enumerate(widths[1:]) for a in (widths[i], b)]
    mapping = depth * (latent_dim + 1) * latent_dim
    start = 16 * widths[0] * (1 if constant else latent_dim + 1)
    outputs = [widths[0], *(b for _, b in pairs)]
    layers = sum(b for b in outputs) + sum(9 * a * b + b for a, b in pairs)
    numbers = {"adain": 2 * sum(outputs), "plain": 0, "demodulated": widths[0] + sum(a for a, _ in pairs)}[kind]
    styles = numbers * (latent_dim + 1)
    return mapping + start + layers + styles + 3 * widths[-1] + 3


def count(model):
    return sum(value.size for value in checkpoints.state(model).values())


@BOTH
@pytest.mark.parametrize(
    ("widths", "switches"),
    [
        ((96, 96, 48, 24), {}),
        ((96, 96, 64, 32, 16), {}),
        ((16, 16, 8), {"kind": "plain", "constant": False}),
        ((96, 96, 64, 32, 16), {"kind": "demodulated"}),
    ],
)
def test_parameter_counts(tracks, track, widths, switches):
    G = make(tracks[track], widths, 64, 8, **switches)
    assert count(G) == by_hand(widths, 64, 8, **switches)
    assert len(G.sides) == 2 * len(widths) and G.sides[-1] == 4 * 2 ** (len(widths) - 1)


@BOTH
def test_the_discriminator_s_size(tracks, track):
    D = tracks[track].Discriminator((32, 48, 64))
    downs = 16 * (3 * 32 + 32 * 48 + 48 * 64) + 32 + 48 + 64
    assert count(D) == downs + 9 * 65 * 64 + 64 + 16 * 64 * 64 + 64 + 64 + 1


def test_both_tracks_start_alike(tracks):
    tracks["pytorch"].torch.manual_seed(0)
    for new in (lambda side: side.Generator((16, 16, 8), 32), lambda side: side.Discriminator((16, 16))):
        states = {track: checkpoints.state(new(side)) for track, side in tracks.items()}
        parity.same_spread(*states.values())
        for state in states.values():
            for key, value in state.items():
                kind = key.rpartition(".")[2]
                if kind in ("bias", "strength", "value"):
                    assert (value == (kind == "value")).all(), key
