"""Bias and clamped SwiGLU of gpt-oss in one launch, forward and backward.

    gate, up = x[:, 0::2] + bias, x[:, 1::2] + bias        g = min(gate, limit)        u = clamp(up, -limit, limit)
    out = (u + 1) g sigmoid(alpha g)

Computed in float32 and rounded once. The bias is frozen and gets no gradient.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from prefopt.model.kernels.devices import on_its_device

_COLUMNS = 512  # of a tile; a program computes one row of it


@triton.jit
def _parts(x, bias, of_row, width, limit, COLUMNS: tl.constexpr):
    """Positions, gate and up before the clamps, and the mask of a tile."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    inside = column < width
    expert = tl.load(of_row + row).to(tl.int64)
    at, at_bias = row * 2 * width + 2 * column, expert * 2 * width + 2 * column
    gate = tl.load(x + at, mask=inside, other=0).to(tl.float32) + tl.load(bias + at_bias, mask=inside, other=0).to(tl.float32)
    up = tl.load(x + at + 1, mask=inside, other=0).to(tl.float32) + tl.load(bias + at_bias + 1, mask=inside, other=0).to(tl.float32)
    return row * width + column, at, gate, up, inside


@triton.jit
def _forward(x, bias, of_row, out, width, alpha, limit, COLUMNS: tl.constexpr):
    to, _, gate, up, inside = _parts(x, bias, of_row, width, limit, COLUMNS)
    g, u = tl.minimum(gate, limit), tl.maximum(tl.minimum(up, limit), -limit)
    tl.store(out + to, ((u + 1) * g * tl.sigmoid(alpha * g)).to(out.dtype.element_ty), mask=inside)


@triton.jit
def _backward(grad, x, bias, of_row, by_x, width, alpha, limit, COLUMNS: tl.constexpr):
    to, at, gate, up, inside = _parts(x, bias, of_row, width, limit, COLUMNS)
    g, u = tl.minimum(gate, limit), tl.maximum(tl.minimum(up, limit), -limit)
    above = tl.load(grad + to, mask=inside, other=0).to(tl.float32)
    share = tl.sigmoid(alpha * g)
    by_gate = above * (u + 1) * share * (1 + alpha * g * (1 - share))
    by_up = above * g * share
    tl.store(by_x + at, tl.where(gate <= limit, by_gate, 0).to(by_x.dtype.element_ty), mask=inside)
    tl.store(by_x + at + 1, tl.where((up <= limit) & (up >= -limit), by_up, 0).to(by_x.dtype.element_ty), mask=inside)


@on_its_device
def swiglu_forward(x: Tensor, bias: Tensor, of_row: Tensor, alpha: float, limit: float) -> Tensor:
    """[rows, inner] of x [rows, 2 inner], gate and up interleaved, bias [E, 2 inner] and the expert of each row."""
    width = x.shape[1] // 2
    out = x.new_empty(len(x), width)
    if len(x):
        _forward[(len(x), triton.cdiv(width, _COLUMNS))](x, bias, of_row, out, width, alpha, limit, COLUMNS=_COLUMNS)
    return out


@on_its_device
def swiglu_backward(grad: Tensor, x: Tensor, bias: Tensor, of_row: Tensor, alpha: float, limit: float) -> Tensor:
    """The gradient by x of `swiglu_forward`, for the gradient by its output."""
    width = x.shape[1] // 2
    by_x = torch.empty_like(x)
    if len(x):
        _backward[(len(x), triton.cdiv(width, _COLUMNS))](grad, x, bias, of_row, by_x, width, alpha, limit, COLUMNS=_COLUMNS)
    return by_x
