"""Bias and clamped SwiGLU of gpt-oss's experts: by torch's operators, or by one kernel in each direction on a CUDA device."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from prefopt.model.expert_rows import ExpertRows


def clamped_swiglu(x: Tensor, bias: Tensor, rows: ExpertRows, alpha: float, limit: float) -> Tensor:
    """(u + 1) g sigmoid(alpha g) with g = min(gate, limit) and u = clamp(up, -limit, limit), after the bias is added.

    Args:
        x: [rows, 2 * inner], gate and up interleaved.
        bias: [E, 2 * inner], frozen.
        rows: the expert of each row.
        alpha: factor of the sigmoid's argument.
        limit: of gate and up.

    Returns:
        [rows, inner] in the dtype of x.
    """
    gate, up = (x + bias[rows.of_row]).view(len(x), bias.shape[1] // 2, 2).unbind(-1)
    gate = gate.clamp(max=limit)
    up = up.clamp(min=-limit, max=limit)
    activated: Tensor = (up + 1) * (gate * torch.sigmoid(gate * alpha))
    return activated


def fused_clamped_swiglu(x: Tensor, bias: Tensor, rows: ExpertRows, alpha: float, limit: float) -> Tensor:
    """As clamped_swiglu, in one launch in each direction; it keeps x alone. For CUDA devices, and for the memory plan."""
    out: Tensor = _Fused.apply(x.contiguous(), bias, rows.of_row, alpha, limit)  # type: ignore[no-untyped-call]  # torch declares apply untyped
    return out


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, bias: Tensor, of_row: Tensor, alpha: float, limit: float) -> Tensor:
        ctx.save_for_backward(x, bias, of_row)
        ctx.alpha, ctx.limit = alpha, limit
        if x.device.type == "meta":
            return x.new_zeros(len(x), x.shape[1] // 2)
        from prefopt.model.kernels.swiglu import swiglu_forward  # triton comes with torch's builds for CUDA

        return swiglu_forward(x, bias, of_row, alpha, limit)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, bias, of_row = ctx.saved_tensors
        if x.device.type == "meta":
            return torch.zeros_like(x), None, None, None, None
        from prefopt.model.kernels.swiglu import swiglu_backward  # as above

        return swiglu_backward(grads[0].contiguous(), x, bias, of_row, ctx.alpha, ctx.limit), None, None, None, None
