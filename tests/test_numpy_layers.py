"""NumPy's layers give what PyTorch's give."""

import numpy as np
import pytest

from helpers import numpy_layers


@pytest.mark.parametrize(("size", "stride", "padding"), [(5, 2, 2), (3, 1, 1), (3, 2, 0), (1, 1, 0), (4, 3, 1)])
def test_convolution_is_pytorchs(size, stride, padding):
    import torch
    from torch.nn import functional

    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 11, 9, 3)).astype(np.float32)
    weight = rng.standard_normal((7, 3, size, size)).astype(np.float32)
    bias = rng.standard_normal(7).astype(np.float32)
    found = numpy_layers.conv_relu(x, weight, bias, stride, padding)
    tensors = (torch.from_numpy(a) for a in (x.transpose(0, 3, 1, 2).copy(), weight, bias))
    wanted = functional.conv2d(*tensors, stride=stride, padding=padding).relu().permute(0, 2, 3, 1)
    assert found.shape == tuple(wanted.shape) and found.dtype == np.float32
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-4)


def test_softmax_of_large_and_small_logits():
    found = numpy_layers.softmax(np.array([[1000.0, 1000.0, 0.0], [-1000.0, 0.0, np.log(3)]]))
    np.testing.assert_allclose(found, [[0.5, 0.5, 0], [0, 0.25, 0.75]], atol=1e-12)


def test_stored_layers_come_in_order():
    shapes = [weight.shape for weight, _ in numpy_layers.stored_layers("digit_classifier")]
    assert shapes[0] == (24, 1, 5, 5) and shapes[-1] == (10, 48)
    assert all(len(weight) == len(bias) for weight, bias in numpy_layers.stored_layers("digit_classifier"))
