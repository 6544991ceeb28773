"""RMSNorm of rows in one launch, forward and backward, computed in float32 and rounded once. The weight is frozen and gets no gradient."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from prefopt.model.kernels.devices import on_its_device


@triton.jit
def _forward(x, weight, out, scale, width, eps, COLUMNS: tl.constexpr):
    row, column = tl.program_id(0).to(tl.int64), tl.arange(0, COLUMNS)
    inside = column < width
    values = tl.load(x + row * width + column, mask=inside, other=0).to(tl.float32)
    factor = 1 / tl.sqrt(tl.sum(values * values, axis=0) / width + eps)
    weights = tl.load(weight + column, mask=inside, other=0).to(tl.float32)
    tl.store(out + row * width + column, (values * factor * weights).to(out.dtype.element_ty), mask=inside)
    tl.store(scale + row, factor)


@triton.jit
def _backward(grad, x, weight, scale, by_x, width, COLUMNS: tl.constexpr):
    row, column = tl.program_id(0).to(tl.int64), tl.arange(0, COLUMNS)
    inside = column < width
    factor = tl.load(scale + row)
    normed = tl.load(x + row * width + column, mask=inside, other=0).to(tl.float32) * factor
    above = tl.load(grad + row * width + column, mask=inside, other=0).to(tl.float32)
    above *= tl.load(weight + column, mask=inside, other=0).to(tl.float32)
    along = tl.sum(above * normed, axis=0) / width
    tl.store(by_x + row * width + column, (factor * (above - normed * along)).to(by_x.dtype.element_ty), mask=inside)


@on_its_device
def rms_norm_forward(x: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """x [rows, width], contiguous, and weight [width] -> the normed rows, and each row's factor [rows] in float32."""
    out, scale = torch.empty_like(x), x.new_empty(len(x), dtype=torch.float32)
    if len(x):
        columns = triton.next_power_of_2(x.shape[1])
        _forward[(len(x),)](x, weight, out, scale, x.shape[1], eps, COLUMNS=columns, num_warps=8)
    return out, scale


@on_its_device
def rms_norm_backward(grad: Tensor, x: Tensor, weight: Tensor, scale: Tensor) -> Tensor:
    """The gradient by x of `rms_norm_forward`, for the gradient by its output."""
    by_x = torch.empty_like(x)
    if len(x):
        columns = triton.next_power_of_2(x.shape[1])
        _backward[(len(x),)](grad, x, weight, scale, by_x, x.shape[1], COLUMNS=columns, num_warps=8)
    return by_x
