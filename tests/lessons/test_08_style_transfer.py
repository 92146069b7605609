"""Lesson 8's losses and its descent on pixels, against NumPy in both tracks."""

import types

import numpy as np
import parity
import pytest
from parity import array, tensor
from style_parts import BOTH, LAYERS, LESSON, SmallNet, in_numpy, pictures, run_of, two_regions

LESS = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture(scope="module")
def tracks():
    return parity.tracks(LESSON)


def maps(shape=(2, 5, 7, 4), seed=0):
    """Maps with means far from 0."""
    return 0.5 + np.random.default_rng(seed).normal(size=shape)


def a_mask(height=5, width=7, seed=1):
    """Between 0 and 1, with soft edges."""
    return np.random.default_rng(seed).uniform(0.05, 0.9, size=(height, width))


def gram_64(f, mask=None):
    """Gram matrices in float64, (B, h, w, C) → (B, C, C)."""
    share = np.ones(f.shape[1:3]) if mask is None else mask
    return np.einsum("bhwi,hw,bhwj->bij", f, share / share.sum(), f)


def variation_by_loop(image):
    """Eq. 4 of one image (H, W, 3), pixel by pixel."""
    height, width, channels = image.shape
    down = right = 0.0
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                down += (image[y + 1, x, c] - image[y, x, c]) ** 2 if y + 1 < height else 0.0
                right += (image[y, x + 1, c] - image[y, x, c]) ** 2 if x + 1 < width else 0.0
    return down / ((height - 1) * width * channels) + right / (height * (width - 1) * channels)


def gram_of(side, f, mask=None):
    return array(side.gram(tensor(side, f), None if mask is None else tensor(side, mask)))


# --- Gram matrices ---------------------------------------------------------------------------------------------------


@BOTH
def test_gram_by_hand(tracks, track):
    a, b = [[1.0, 2, 0], [3, 0, 1]], [[0.0, 1, 0], [1, 2, 0]]
    f = np.stack([a, b], axis=2)[None]
    np.testing.assert_allclose(gram_of(tracks[track], f), [[[15 / 6, 5 / 6], [5 / 6, 6 / 6]]], rtol=1e-6)
    mask = np.array([[1.0, 1, 0], [2, 0, 0]])  # positions count 1, 1, 2 of 4
    np.testing.assert_allclose(gram_of(tracks[track], f, mask), [[[23 / 4, 8 / 4], [8 / 4, 3 / 4]]], rtol=1e-6)


@BOTH
@pytest.mark.parametrize("shape", [(2, 5, 7, 4), (1, 40, 30, 16), (3, 2, 2, 24)])
def test_gram_against_numpy(tracks, track, shape):
    f, mask = maps(shape), a_mask(*shape[1:3])
    np.testing.assert_allclose(gram_of(tracks[track], f), gram_64(f), **LESS)
    np.testing.assert_allclose(gram_of(tracks[track], f, mask), gram_64(f, mask), **LESS)


@BOTH
def test_gram_forgets_places_and_knows_maps(tracks, track):
    side, f = tracks[track], maps()
    order = np.random.default_rng(2).permutation(35)
    shuffled = f.reshape(2, 35, 4)[:, order].reshape(f.shape)
    np.testing.assert_allclose(gram_of(side, shuffled), gram_of(side, f), **LESS)
    mask = a_mask()
    np.testing.assert_allclose(
        gram_of(side, shuffled, mask.reshape(35)[order].reshape(5, 7)), gram_of(side, f, mask), **LESS
    )
    swap = [2, 1, 0, 3]
    swapped = gram_of(side, f[..., swap])
    np.testing.assert_allclose(swapped, gram_of(side, f)[:, swap][:, :, swap], **LESS)
    assert np.abs(swapped - gram_of(side, f)).max() > 0.1
    alone = f.copy()
    alone[..., 0] = f[..., 0].reshape(2, 35)[:, order].reshape(2, 5, 7)  # one map's places only
    changed = np.abs(gram_of(side, alone) - gram_of(side, f))
    assert changed[:, 0, 1:].max() > 0.05 and changed[:, 1:, 1:].max() < 1e-5


@BOTH
def test_masks_share_a_gram_matrix_out(tracks, track):
    side, f = tracks[track], maps()
    cuts = np.random.default_rng(3).dirichlet(np.ones(3), size=(5, 7)).transpose(2, 0, 1)  # three that sum to one
    parts = np.array([gram_of(side, f, mask) for mask in cuts])
    shares = cuts.mean(axis=(1, 2))
    np.testing.assert_allclose(np.einsum("k,kbij->bij", shares, parts), gram_of(side, f), **LESS)
    np.testing.assert_allclose(gram_of(side, f, 0.3 * cuts[0]), parts[0], **LESS)  # how faint a mask is doesn't count
    np.testing.assert_allclose(gram_of(side, f, np.ones((5, 7))), gram_of(side, f), **LESS)
    left = np.zeros((5, 7))
    left[:, :3] = 1
    np.testing.assert_allclose(gram_of(side, f, left), gram_of(side, f[:, :, :3]), **LESS)


# --- losses ----------------------------------------------------------------------------------------------------------


@BOTH
def test_loss_content(tracks, track):
    side = tracks[track]
    f, target = maps(seed=1), maps(seed=2)

    def loss(one, other):
        return array(side.loss_content(tensor(side, one), tensor(side, other)))

    np.testing.assert_allclose(loss(f, target), ((f - target) ** 2).sum((1, 2, 3)) / (target**2).sum((1, 2, 3)), **LESS)
    by_hand = loss(np.array([1.0, 2, 2, 0]).reshape(1, 2, 1, 2), np.array([3.0, 2, 0, 1]).reshape(1, 2, 1, 2))
    np.testing.assert_allclose(by_hand, [9 / 14], rtol=1e-6)
    np.testing.assert_allclose(loss(target, target), [0, 0])
    np.testing.assert_allclose(loss(0 * f, target), [1, 1], rtol=1e-6)
    np.testing.assert_allclose(loss(7 * f, 7 * target), loss(f, target), rtol=1e-5)


@BOTH
def test_loss_style(tracks, track):
    side = tracks[track]
    g, target = gram_64(maps(seed=1)), gram_64(maps(seed=2))

    def loss(one, other):
        return array(side.loss_style(tensor(side, one), tensor(side, other)))

    np.testing.assert_allclose(loss(g, target), ((g - target) ** 2).sum((1, 2)) / (target**2).sum((1, 2)), **LESS)
    by_hand = loss([[[1.0, 2], [2, 0]]], [[[2.0, 1], [1, 3]]])
    np.testing.assert_allclose(by_hand, [12 / 15], rtol=1e-6)
    np.testing.assert_allclose(loss(target, target), [0, 0])
    np.testing.assert_allclose(loss(4 * target, target), [9, 9], rtol=1e-5)
    np.testing.assert_allclose(loss(7 * g, 7 * target), loss(g, target), rtol=1e-5)


@BOTH
def test_loss_tv(tracks, track):
    side = tracks[track]

    def loss(images):
        return array(side.loss_tv(tensor(side, images)))

    images = pictures(3, 6, 9)
    np.testing.assert_allclose(loss(images), [variation_by_loop(image.astype(float)) for image in images], **LESS)
    grey = np.array([[0, 0.5, 0.5], [1, 0.5, 0]])[None, :, :, None] * np.ones(3)
    np.testing.assert_allclose(loss(grey), [1.25 / 3 + 0.75 / 4], rtol=1e-6)
    assert loss(np.full((1, 4, 5, 3), 0.7)) == 0
    ramp = np.broadcast_to(0.1 * np.arange(7)[None, None, :, None], (1, 4, 7, 3))
    np.testing.assert_allclose(loss(ramp), [0.01], rtol=1e-5)  # one end is no neighbour of the other
    np.testing.assert_allclose(loss(ramp.transpose(0, 2, 1, 3)), [0.01], rtol=1e-5)
    checks = np.indices((6, 8)).sum(axis=0)[None, :, :, None] % 2 * np.ones(3)
    np.testing.assert_allclose(loss(checks), [2], rtol=1e-6)


# --- targets ---------------------------------------------------------------------------------------------------------


def a_case(side, count=2, **changes):
    """Content, styles and targets of the small network: every image, layer and style with weights of its own."""
    content, styles = pictures(count), [pictures(count, 8, 6, seed=5), pictures(count, 12, 4, seed=6) ** 2]
    settings = {
        "w_content": [{"coarse": 1.0, "fine": 0.3}, {"coarse": 0.7}, {"fine": 2.0}][:count],
        "w_style": [{"fine": 5.0, "coarse": 2.0}, {"fine": 1.0}, {"coarse": 3.0}][:count],
        "w_tv": [0.4, 3.0, 0.0][:count],
        "masks": two_regions(),
        **changes,
    }
    transfer = side.StyleTransfer(SmallNet(side), LAYERS)
    return transfer, side.make_targets(run_of(side), transfer, content, styles, **settings), content, styles


@BOTH
def test_targets(tracks, track):
    side = tracks[track]
    _, targets, content, styles = a_case(side)
    np.testing.assert_allclose(array(targets.w_content), [[0.3, 1], [0, 0.7]], rtol=1e-6)
    np.testing.assert_allclose(array(targets.w_style), [[5, 2], [1, 0]])
    np.testing.assert_allclose(array(targets.w_tv), [0.4, 3], rtol=1e-6)
    for f, expected in zip(targets.content, in_numpy(content.astype(float)), strict=True):
        np.testing.assert_allclose(array(f), expected, **LESS)
    for grams, style in zip(targets.grams, styles, strict=True):
        for g, f in zip(grams, in_numpy(style.astype(float)), strict=True):
            np.testing.assert_allclose(array(g), gram_64(f), rtol=1e-4, atol=1e-5)
    for masks, mask in zip(targets.masks, two_regions(), strict=True):
        fine, coarse = (array(part) for part in masks)
        assert fine.shape == (10, 14) and coarse.shape == (5, 7)
        np.testing.assert_allclose(fine, mask, atol=1e-5)
        assert coarse.mean() == pytest.approx(mask.mean(), abs=0.02) and coarse.min() >= 0 and coarse.max() <= 1
        assert (np.diff(coarse, axis=1) * np.sign(mask[0, -1] - mask[0, 0]) > -1e-6).all()
    np.testing.assert_allclose(sum(array(masks[1]) for masks in targets.masks), 1, atol=1e-5)


@BOTH
def test_one_weight_for_all_and_no_mask(tracks, track):
    side = tracks[track]
    given = {"w_content": {"coarse": 2.0}, "w_style": {"fine": 3.0}, "w_tv": 0.5}
    transfer, targets, content, _ = a_case(side, masks=None, **given)
    np.testing.assert_allclose(array(targets.w_content), [[0, 2], [0, 2]])
    np.testing.assert_allclose(array(targets.w_style), [[3, 0], [3, 0]])
    np.testing.assert_allclose(array(targets.w_tv), [0.5, 0.5])
    for masks in targets.masks:
        assert all(np.allclose(array(mask), 1) for mask in masks)
    losses, _ = transfer.slope(tensor(side, content), targets)
    np.testing.assert_allclose(array(losses)[0], 0, atol=1e-8)  # the content itself


def test_a_mask_is_shrunk_without_losing_thin_parts(tracks):
    mask = np.zeros((64, 64), np.float32)
    mask[:, 9] = 1  # a line of one pixel, between the positions that every fourth pixel would be
    for side in tracks.values():
        small = side.shrunk(mask, (16, 16))
        assert small.shape == (16, 16) and small.dtype == np.float32
        assert small.sum() * 16 == pytest.approx(mask.sum(), rel=0.1)


# --- all losses together, and their slope ----------------------------------------------------------------------------


def losses_64(x, content, styles, masks, w_content, w_style, w_tv):
    """The three losses in float64, (3, B), written anew from Eqs. 1 to 4."""
    out = np.zeros((3, len(x)))
    mine, theirs = in_numpy(x), in_numpy(content)
    for layer, name in enumerate(LAYERS):
        for i in range(len(x)):
            f, target = mine[layer][i : i + 1], theirs[layer][i : i + 1]
            out[0, i] += w_content[i].get(name, 0) * ((f - target) ** 2).mean() / (target**2).mean()
            for style, mask in zip(styles, masks, strict=True):
                g, a = gram_64(f, mask[layer]), gram_64(in_numpy(style)[layer][i : i + 1])
                out[1, i] += w_style[i].get(name, 0) * ((g - a) ** 2).sum() / (a**2).sum()
    out[2] = [weight * variation_by_loop(image) for weight, image in zip(w_tv, x, strict=True)]
    return out


@BOTH
def test_losses_and_their_slope_against_numpy(tracks, track):
    side = tracks[track]
    transfer, targets, content, styles = a_case(side)
    x = pictures(seed=9)
    losses, gradient = (array(part) for part in transfer.slope(tensor(side, x), targets))
    masks = [[array(mask).astype(float) for mask in row] for row in targets.masks]
    weights = (
        [{"coarse": 1.0, "fine": 0.3}, {"coarse": 0.7}],
        [{"fine": 5.0, "coarse": 2.0}, {"fine": 1.0}],
        [0.4, 3.0],
    )

    def by_numpy(images):
        return losses_64(images, content.astype(float), [style.astype(float) for style in styles], masks, *weights)

    np.testing.assert_allclose(losses, by_numpy(x.astype(float)), rtol=1e-5)
    assert losses.shape == (3, 2) and gradient.shape == x.shape
    rng, h = np.random.default_rng(1), 1e-5
    for _ in range(12):
        place = tuple(rng.integers(n) for n in x.shape)
        bump = np.zeros(x.shape)
        bump[place] = h
        slope = (by_numpy(x + bump).sum() - by_numpy(x - bump).sum()) / (2 * h)
        assert gradient[place] == pytest.approx(slope, rel=1e-3, abs=1e-4 * float(np.abs(gradient).max())), place


@BOTH
def test_images_of_a_batch_know_nothing_of_each_other(tracks, track):
    side = tracks[track]
    transfer, targets, content, _ = a_case(side, count=3)
    x = pictures(3, seed=9)
    losses, gradient = (array(part) for part in transfer.slope(tensor(side, x), targets))
    run = run_of(side)
    ends = [images for _, images, _ in side.optimise(run, transfer, targets, x, 3)][-1]
    for i in range(3):
        one = slice(i, i + 1)
        alone = targets._replace(
            content=[f[one] for f in targets.content],
            grams=[[g[one] for g in grams] for grams in targets.grams],
            w_content=targets.w_content[one],
            w_style=targets.w_style[one],
            w_tv=targets.w_tv[one],
        )
        own_losses, own = (array(part) for part in transfer.slope(tensor(side, x[one]), alone))
        np.testing.assert_allclose(own_losses, losses[:, one], rtol=1e-5)
        np.testing.assert_allclose(own, gradient[one], rtol=1e-4, atol=1e-6 * np.abs(gradient).max())
        end = [images for _, images, _ in side.optimise(run, transfer, alone, x[one], 3)][-1]
        np.testing.assert_allclose(end, ends[one], atol=2e-4)


# --- Adam on the pixels ----------------------------------------------------------------------------------------------


def adam(x, gradients, rates):
    """Adam in float64, pixels kept in [0, 1]."""
    m = v = np.zeros(x.shape)
    for t, (g, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        x = np.clip(x - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8), 0, 1)
    return x


@BOTH
def test_the_pixels_follow_adam(tracks, track):
    side, start = tracks[track], pictures()
    rng = np.random.default_rng(4)
    gradients = rng.choice([-1, 1], size=(6, *start.shape)) * rng.uniform(0.1, 3, size=(6, *start.shape))
    rates = [0.1, 0.1, 0.05, 0.2, 0.02, 0.02]
    before = tensor(side, start)
    pixels = side.PixelOptimizer(before, 0.7)
    for gradient, rate in zip(gradients, rates, strict=True):
        pixels.step(tensor(side, gradient), rate)
    got = array(pixels.x)
    np.testing.assert_allclose(got, adam(start.astype(float), gradients, rates), atol=1e-5)
    assert got.min() == 0 and got.max() == 1
    np.testing.assert_array_equal(array(before), start)  # the start stays as it was


@BOTH
def test_the_rate_falls_to_a_tenth(tracks, track):
    """A slope that is 1 everywhere moves every pixel by the rate, so the way adds up the rates."""
    side = tracks[track]
    start = np.full((1, 4, 6, 3), 0.95, np.float32)
    ones = tensor(side, np.ones(start.shape))
    steady = types.SimpleNamespace(slope=lambda x, targets: (tensor(side, np.zeros((3, 1))), ones))
    seen = list(side.optimise(run_of(side), steady, None, start, 7, rate=0.1, every=3))
    assert [step for step, _, _ in seen] == [0, 3, 6, 7]
    way = np.cumsum([0, *(0.1 * (1 - 0.9 * step / 7) for step in range(7))])
    for step, images, losses in seen:
        np.testing.assert_allclose(images, start - way[step], atol=1e-5)
        assert losses.shape == (3, 1) and isinstance(images, np.ndarray)


@BOTH
def test_what_optimise_yields(tracks, track):
    side = tracks[track]
    transfer, targets, content, _ = a_case(side)
    seen = list(side.optimise(run_of(side), transfer, targets, content, 4, every=2))
    assert [step for step, _, _ in seen] == [0, 2, 4]
    np.testing.assert_array_equal(seen[0][1], content)  # not overwritten by later steps
    for _, images, losses in seen:
        again, _ = transfer.slope(tensor(side, images), targets)
        np.testing.assert_allclose(losses, array(again), rtol=1e-4, atol=1e-7)
    totals = [losses.sum(axis=0) for _, _, losses in seen]
    assert (totals[2] < totals[0]).all()
    (only,) = side.optimise(run_of(side), transfer, targets, content, 0)
    assert only[0] == 0 and np.array_equal(only[1], content)


@BOTH
def test_one_transfer_takes_picture_after_picture_of_any_size_and_number(tracks, track):
    side, run = tracks[track], run_of(tracks[track])
    transfer = side.StyleTransfer(SmallNet(side), LAYERS)
    even = dict.fromkeys(LAYERS, 1.0)
    for count, height, width, styles in ((1, 10, 14, 1), (1, 8, 6, 1), (2, 12, 4, 1), (1, 6, 16, 2), (3, 10, 14, 1)):
        content, x = pictures(count, height, width), pictures(count, height, width, seed=9)
        drawn = [pictures(count, 8, 8, seed=seed) for seed in range(5, 5 + styles)]
        masks = two_regions(height, width)[:styles]
        targets = side.make_targets(run, transfer, content, drawn, even, even, 1.0, masks)
        (_, _, losses), (_, images, _) = side.optimise(run, transfer, targets, x, 1, every=1)
        shrunk = [[array(mask).astype(float) for mask in row] for row in targets.masks]
        everything = (x, content, drawn, shrunk, [even] * count, [even] * count, [1.0] * count)
        np.testing.assert_allclose(losses, losses_64(*everything), rtol=1e-4)
        assert images.shape == content.shape and np.abs(images - x).max() > 0.01
