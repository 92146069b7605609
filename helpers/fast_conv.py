"""Transposed convolutions for PyTorch on a CPU, computed by the library's fast kernels for ordinary convolutions.

A transposed convolution is the gradient of an ordinary one with respect to its input. PyTorch has a tuned CPU kernel for
that gradient, while its own transposed convolution takes a slower way there. `use_fast_transposed` swaps the way of
computing and nothing else: parameters, results and gradients stay the same (tested).
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional


class _TransposedConv(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, stride: tuple, padding: tuple, size: tuple) -> Any:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        layout = _layout(x)
        out = torch.empty((x.shape[0], weight.shape[1], *size), dtype=x.dtype, device=x.device, memory_format=layout)
        return _conv_backward(x, out, weight, stride, padding, (True, False))[0]

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple:
        x, weight = ctx.saved_tensors
        grad = grad.contiguous(memory_format=_layout(x))  # once, not once for each of the two gradients
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            grad_x = functional.conv2d(grad, weight, None, ctx.stride, ctx.padding)
        if ctx.needs_input_grad[1]:
            grad_weight = _conv_backward(x, grad, weight, ctx.stride, ctx.padding, (False, True))[1]
        return grad_x, grad_weight, None, None, None


def _layout(x: torch.Tensor) -> torch.memory_format:
    last = x.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format


def _conv_backward(
    grad: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, stride: tuple, padding: tuple, wanted: tuple[bool, bool]
) -> tuple:
    return torch.ops.aten.convolution_backward(
        grad, x, weight, None, stride, padding, (1, 1), False, (0, 0), 1, (*wanted, False)
    )


class FastConvTranspose2d(nn.ConvTranspose2d):
    """`nn.ConvTranspose2d` on a CPU by way of the convolution's input gradient. x: (B, C, H, W) → (B, C', H', W').

    Not differentiable twice; groups and dilation must be 1 (else the ordinary way is taken).
    """

    def forward(self, x: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        """Equals `nn.ConvTranspose2d.forward` within float32 rounding."""
        if x.device.type != "cpu" or output_size is not None or self.groups != 1 or set(self.dilation) != {1}:
            return super().forward(x, output_size)
        size = tuple(
            (x.shape[2 + i] - 1) * self.stride[i] - 2 * self.padding[i] + self.kernel_size[i] + self.output_padding[i]
            for i in (0, 1)
        )
        out = _TransposedConv.apply(x, self.weight, self.stride, self.padding, size)
        return out if self.bias is None else out.add_(self.bias.view(1, -1, 1, 1))


def use_fast_transposed(model: nn.Module) -> nn.Module:
    """Let every `nn.ConvTranspose2d` in `model` compute the fast way, in place; returns the model."""
    for module in model.modules():
        if type(module) is nn.ConvTranspose2d:
            module.__class__ = FastConvTranspose2d
    return model
