"""The fast transposed convolution is the ordinary one: values, gradients, parameters."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from helpers import fast_conv
from helpers.fast_conv import FastConvTranspose2d, use_fast_transposed

GEOMETRY = [
    (3, 2, 1, 1),
    (4, 2, 1, 0),
    (5, 2, 2, 1),
    (3, 1, 1, 0),
    (5, 3, 0, 2),
    (3, 2, 0, 0),
    ((3, 4), (1, 2), (0, 1), 0),
]


def images(*shape, channels_last=True):
    x = torch.randn(shape)
    return x.contiguous(memory_format=torch.channels_last) if channels_last else x


def assert_same(plain, fast, x, after=lambda y: y):
    """Equal outputs, and equal gradients of images and weights."""
    results = []
    for layer in (plain, fast):
        leaf = x.clone().requires_grad_()
        out = after(layer(leaf))
        (out.tanh() ** 2).sum().backward()
        results.append((out, leaf.grad, *(weight.grad for weight in layer.parameters())))
    for theirs, mine in zip(*results, strict=True):
        assert mine.shape == theirs.shape
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("geometry", GEOMETRY)
@pytest.mark.parametrize("channels", [4, 1, 3])
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_equals_the_ordinary_one(geometry, channels, channels_last, bias):
    torch.manual_seed(0)
    plain = nn.ConvTranspose2d(6, channels, *geometry, bias=bias)
    fast = use_fast_transposed(copy.deepcopy(plain))
    assert type(fast) is FastConvTranspose2d
    for batch in (3, 1):
        assert_same(plain, fast, images(batch, 6, 7, 5, channels_last=channels_last))


@pytest.mark.parametrize(("channels", "way"), [(64, "_ByGradient"), (4, "_ByGradient"), (1, "_ByFolding")])
def test_both_ways_are_taken(channels, way, monkeypatch):
    def refuse(*_):
        raise AssertionError("the other way was taken")

    other = ({"_ByGradient", "_ByFolding"} - {way}).pop()
    monkeypatch.setattr(fast_conv, other, type("Other", (), {"apply": staticmethod(refuse)}))
    assert use_fast_transposed(nn.ConvTranspose2d(8, channels, 3, padding=1))(images(2, 8, 5, 5)).shape[1] == channels


@pytest.mark.parametrize("channels", [4, 1])
def test_cropped_and_changed_in_place_as_lessons_do(channels):
    torch.manual_seed(0)
    plain = nn.ConvTranspose2d(6, channels, 3, 2)
    fast = use_fast_transposed(copy.deepcopy(plain))
    x = images(2, 6, 4, 5)
    for crop in (lambda y: functional.pad(y, (0, -1, 0, -1)), lambda y: y[:, :, :-1, :-1], lambda y: y[:, :, 1:-1]):
        assert_same(plain, fast, x, lambda y, crop=crop: torch.relu(crop(y)))
        assert_same(plain, fast, x, lambda y, crop=crop: torch.relu_(crop(y)))


def test_whole_models_are_changed_in_place_and_keep_their_weights():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sequential(nn.ConvTranspose2d(2, 1, 3)))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    assert use_fast_transposed(model) is model
    assert isinstance(model[1][0], FastConvTranspose2d)
    assert all(torch.equal(model.state_dict()[key], value) for key, value in before.items())


def test_groups_dilation_and_a_single_image_take_the_ordinary_way():
    for plain in (nn.ConvTranspose2d(4, 4, 3, groups=2), nn.ConvTranspose2d(4, 4, 3, dilation=2)):
        x = torch.randn(1, 4, 5, 5)
        assert torch.equal(use_fast_transposed(copy.deepcopy(plain))(x), plain(x))
    plain = nn.ConvTranspose2d(4, 4, 3, stride=2)
    fast = use_fast_transposed(copy.deepcopy(plain))
    assert torch.equal(fast(x[0]), plain(x[0]))
    assert torch.equal(fast(x, output_size=[12, 12]), plain(x, output_size=[12, 12]))
