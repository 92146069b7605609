"""Lesson 7's styles and noise: what they reach, what they leave alone, and what is refused."""

import numpy as np
import parity
import pytest
from parity import array, tensor
from stylegan_parts import BOTH, LATENT, LESSON, codes, make, noise_for


@pytest.fixture(scope="module")
def tracks():
    return parity.tracks(LESSON)


# --- styles and noise ------------------------------------------------------------------------------------------------


def with_noise(side, spread=0.5, seed=1, **switches):
    """A generator whose noise has strengths."""
    return parity.twins({"pytorch": side}, lambda side: make(side, **switches), spread=spread, seed=seed)["pytorch"]


@BOTH
def test_noise_of_strength_0_has_no_effect(tracks, track):
    side = tracks[track]
    G, w = make(side), codes()  # strengths start at 0
    np.testing.assert_array_equal(side.draw(G, w), side.draw(G, w, 0))
    G = with_noise(side)
    assert np.abs(side.draw(G, w) - side.draw(G, w)).max() > 0.01
    np.testing.assert_array_equal(side.draw(G, w, 0), side.draw(G, w, 0))
    G = with_noise(side, noisy=False)
    np.testing.assert_array_equal(side.draw(G, w), side.draw(G, w, 0))


@BOTH
def test_fresh_noise_is_standard_normal_and_a_map_s_own(tracks, track):
    side = tracks[track]
    if track == "pytorch":
        side.torch.manual_seed(0)
    fresh = [array(part) for part in make(side).fresh_noise(300)]
    assert [part.shape for part in fresh] == [(300, n, n, 1) for n in (4, 4, 8, 8, 16, 16)]
    for part in fresh:
        assert part.mean() == pytest.approx(0, abs=0.06) and part.std() == pytest.approx(1, rel=0.03)
    assert np.abs(np.corrcoef(fresh[0].ravel(), fresh[1].ravel())[0, 1]) < 0.06


@BOTH
def test_drawing_in_batches_with_noise_for_all_or_for_each(tracks, track):
    side = tracks[track]
    G, w = with_noise(side), codes(5)
    noise = [part[..., 0] for part in noise_for(G, 5)]
    whole = side.draw(G, w, noise)
    assert whole.shape == (5, 16, 16, 3) and whole.dtype == np.float32 and whole.min() >= 0 and whole.max() <= 1
    np.testing.assert_allclose(side.draw(G, w, noise, batch=2), whole, atol=1e-5)
    shared = side.draw(G, w, [part[:1] for part in noise], batch=2)
    np.testing.assert_allclose(shared[0], whole[0], atol=1e-5)
    np.testing.assert_allclose(shared, side.draw(G, w, [part[:1].repeat(5, axis=0) for part in noise]), atol=1e-5)
    every = w[:, None].repeat(6, axis=1)
    np.testing.assert_allclose(side.draw(G, every, noise), whole, atol=1e-6)
    np.testing.assert_allclose(side.draw(G, w.astype(float), noise), whole, atol=1e-6)


@BOTH
@pytest.mark.parametrize("layer", range(6))
def test_a_layer_s_style_reaches_what_comes_after_it_alone(tracks, track, layer):
    side = tracks[track]
    G = with_noise(side, spread=0.3)
    ws = codes(1)[:, None].repeat(6, axis=1)
    other = ws.copy()
    other[:, layer] = codes(1, seed=9)
    seen = [maps_after(side, G, part) for part in (ws, other)]
    apart = [np.abs(a - b).max() for a, b in zip(*seen, strict=True)]
    assert all(gap == 0 for gap in apart[:layer]) and all(gap > 1e-3 for gap in apart[layer:])


def maps_after(side, G, ws):
    """The maps after each layer, without noise, and the picture."""
    parts = G.layers if hasattr(side, "torch") else G.style_layers
    h, found = G.start(side.tf.constant(1) if hasattr(side, "tf") else 1), []
    for i, part in enumerate(parts):
        h = part(h, tensor(side, ws[:, i]), None)
        found.append(array(h))
    return [*found, side.draw(G, ws, 0)]


@BOTH
def test_maps_of_every_layer(tracks, track):
    side = tracks[track]
    G, w = with_noise(side), codes(3)
    found = side.maps_of(G, w)
    assert [maps.shape for maps in found] == [(3, n, n, b) for n, b in zip(G.sides, (8, 8, 6, 6, 5, 5), strict=True)]
    for maps, mine in zip(found, maps_after(side, G, w[:1, None].repeat(6, axis=1)), strict=False):
        np.testing.assert_allclose(maps[:1], mine, atol=1e-4)


@BOTH
def test_what_does_not_fit_is_refused(tracks, track):
    side = tracks[track]
    G, D = make(side), side.Discriminator((5, 6))
    w = codes()
    for call in (
        lambda: side.to_w(G, np.zeros((2, LATENT + 1))),
        lambda: side.draw(G, w[:, None].repeat(3, axis=1), 0),  # styles for three layers of six
        lambda: side.draw(G, np.zeros((2, LATENT + 1)), 0),
        lambda: side.draw(G, w, [part[..., 0] for part in noise_for(G)][:2]),
        lambda: side.draw(G, w, [part[:, :3, :3, 0] for part in noise_for(G)]),
        lambda: array(D(tensor(side, np.zeros((4, 32, 32, 3))))),  # it was made for 16×16
        lambda: array(D(tensor(side, np.zeros((4, 16, 16, 1))))),
    ):
        with pytest.raises(Exception) as caught:
            call()
        assert not isinstance(caught.value, AttributeError | NameError)
