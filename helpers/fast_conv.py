"""Transposed convolutions for PyTorch on a CPU, computed by the library's fastest kernels for their shape.

A transposed convolution is the gradient of an ordinary one with respect to its input. PyTorch has a tuned CPU kernel for
that gradient, while its own transposed convolution takes a slower way there. With one or three channels to make, that
kernel wastes most of its work: there one matrix product makes all stamps, and folding adds them up. `use_fast_transposed`
swaps the way of computing and nothing else: parameters, results and gradients stay the same (tested).
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional

STAMPS = 12  # up to so many stamped numbers an output pixel, folding was faster than the tuned kernel (two AMD cores)


class _ByGradient(torch.autograd.Function):
    """Forward by the tuned kernel for the input gradient of an ordinary convolution."""

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


class _ByFolding(torch.autograd.Function):
    """Forward by one matrix product, (C'·k·k, C) · (C, H·W) an image, and adding up what falls on the same pixel."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, stride: tuple, padding: tuple, size: tuple) -> Any:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        ctx.extra = tuple(
            size[i] - _least_size(x.shape[2 + i], weight.shape[2 + i], stride[i], padding[i]) for i in (0, 1)
        )
        stamps = weight.flatten(1).t().expand(len(x), -1, -1) @ x.flatten(2)  # (B, C'·k·k, H·W)
        return functional.fold(stamps, size, weight.shape[2:], 1, padding, stride)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple:
        x, weight = ctx.saved_tensors
        wanted = (*ctx.needs_input_grad[:2], False)
        grad_x, grad_weight, _ = torch.ops.aten.convolution_backward(
            grad, x, weight, None, ctx.stride, ctx.padding, (1, 1), True, ctx.extra, 1, wanted
        )
        return grad_x, grad_weight, None, None, None


def _least_size(size: int, kernel: int, stride: int, padding: int) -> int:
    return (size - 1) * stride - 2 * padding + kernel


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
    """`nn.ConvTranspose2d` on a CPU by the fastest way for its shape. x: (B, C, H, W) → (B, C', H', W').

    Not differentiable twice; groups and dilation must be 1 (else the ordinary way is taken).
    """

    def forward(self, x: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        """Equals `nn.ConvTranspose2d.forward` within float32 rounding."""
        if x.device.type != "cpu" or x.ndim != 4 or output_size is not None:
            return super().forward(x, output_size)
        if self.groups != 1 or set(self.dilation) != {1}:
            return super().forward(x)
        sides = zip(x.shape[2:], self.kernel_size, self.stride, self.padding, strict=True)
        size = tuple(_least_size(*side) + extra for side, extra in zip(sides, self.output_padding, strict=True))
        way = _ByFolding if self.stamps() <= STAMPS else _ByGradient
        out = way.apply(x, self.weight, self.stride, self.padding, size)
        return out if self.bias is None else out.add_(self.bias.view(1, -1, 1, 1))

    def stamps(self) -> float:
        """How many stamped numbers fall on an output pixel, all output channels together."""
        (k, m), (s, t) = self.kernel_size, self.stride
        return self.out_channels * k * m / (s * t)


def use_fast_transposed(model: nn.Module) -> nn.Module:
    """Let every `nn.ConvTranspose2d` in `model` compute the fast way, in place; returns the model."""
    for module in model.modules():
        if type(module) is nn.ConvTranspose2d:
            module.__class__ = FastConvTranspose2d
    return model
