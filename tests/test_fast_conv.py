"""The fast transposed convolution is the ordinary one: values, gradients, parameters."""

import copy

import pytest
import torch
from torch import nn

from helpers.fast_conv import FastConvTranspose2d, use_fast_transposed

SHAPES = [(3, 2, 1, 1), (4, 2, 1, 0), (5, 2, 2, 1), (3, 1, 1, 0), (5, 3, 0, 2)]


@pytest.mark.parametrize(("kernel", "stride", "padding", "output_padding"), SHAPES)
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_equals_the_ordinary_one(kernel, stride, padding, output_padding, channels_last, bias):
    torch.manual_seed(0)
    plain = nn.ConvTranspose2d(6, 4, kernel, stride, padding, output_padding, bias=bias)
    fast = use_fast_transposed(copy.deepcopy(plain))
    assert type(fast) is FastConvTranspose2d
    x = torch.randn(3, 6, 7, 5)
    x = x.contiguous(memory_format=torch.channels_last) if channels_last else x
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    out_plain, out_fast = plain(a), fast(b)
    assert out_plain.shape == out_fast.shape
    torch.testing.assert_close(out_fast, out_plain, rtol=1e-4, atol=1e-5)
    (out_plain.tanh() ** 2).sum().backward()
    (out_fast.tanh() ** 2).sum().backward()
    torch.testing.assert_close(b.grad, a.grad, rtol=1e-4, atol=1e-5)
    for mine, theirs in zip(fast.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-4, atol=1e-4)


def test_whole_models_are_changed_in_place_and_keep_their_weights():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sequential(nn.ConvTranspose2d(2, 1, 3)))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    assert use_fast_transposed(model) is model
    assert isinstance(model[1][0], FastConvTranspose2d)
    assert all(torch.equal(model.state_dict()[key], value) for key, value in before.items())


def test_groups_take_the_ordinary_way():
    plain = nn.ConvTranspose2d(4, 4, 3, groups=2)
    x = torch.randn(1, 4, 5, 5)
    assert torch.equal(use_fast_transposed(copy.deepcopy(plain))(x), plain(x))
