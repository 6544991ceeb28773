"""Frozen MXFP4 experts with LoRA, decoded while they are multiplied: for CUDA devices, where rows are few or memory is small.

Nothing is written out, and an expert without rows is not read: half a byte a weight, where prefopt.model.grouped moves four and a half.
With l = x A.T and dl = dy B.T, both grouped products:

    forward     y = x W.T + l B                    one launch (prefopt.model.kernels.multiply)
    backward    dx = dy W + dl A                   one launch        dA = dl.T x        dB = l.T dy

Kept for the backward pass: x and l. The host waits for nothing. Which of the two ways computes how many rows is measured where a model is
loaded (prefopt.model.expert_ways).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.functional import grouped_mm

from prefopt.model.grouped import Stack, padded, row_products, written_out

if TYPE_CHECKING:
    from prefopt.model.expert_rows import ExpertRows


def fused_product(x: Tensor, stack: Stack, rows: ExpertRows, down: Tensor | None, up: Tensor | None) -> Tensor:
    """As prefopt.model.grouped.grouped_product."""
    result: Tensor = _FusedProduct.apply(x.contiguous(), stack, rows, *padded(down, up))  # type: ignore[no-untyped-call]  # torch declares apply untyped
    return result


class _FusedProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, stack: Stack, rows: ExpertRows, down: Tensor | None, up: Tensor | None) -> Tensor:
        low = None if down is None else row_products(x, down.to(x.dtype).transpose(1, 2), rows.ends)
        ctx.stack, ctx.rows = stack, rows
        ctx.save_for_backward(*((x, low, down, up) if down is not None else ()))
        return _multiplied(x, stack, rows, low, up, back=False)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        grad, ends = grads[0].contiguous(), ctx.rows.ends
        kept = ctx.saved_tensors  # under gradient checkpointing they can be read only once
        if not kept:
            return _multiplied(grad, ctx.stack, ctx.rows, None, None, back=True), None, None, None, None
        x, low, down, up = kept
        if not len(x):
            return torch.zeros_like(x), None, None, torch.zeros_like(down), torch.zeros_like(up)
        by_low = grouped_mm(grad, up.to(grad.dtype).transpose(1, 2), offs=ends)
        by_x = _multiplied(grad, ctx.stack, ctx.rows, by_low, down, back=True)
        by_down, by_up = grouped_mm(by_low.t(), x, offs=ends), grouped_mm(low.t(), grad, offs=ends)
        return by_x, None, None, by_down.to(down.dtype), by_up.to(up.dtype)


def _multiplied(x: Tensor, stack: Stack, rows: ExpertRows, low: Tensor | None, lora: Tensor | None, *, back: bool) -> Tensor:
    """x [rows, in] times each expert's transposed weights, plus low times lora; back: x [rows, out] times the weights."""
    if x.is_cuda:
        from prefopt.model.kernels.multiply import multiply  # triton comes with torch's builds for CUDA

        return multiply(x, stack.blocks, stack.scales, rows.ends, low, None if lora is None else lora.contiguous(), back=back)
    if x.device.type == "meta":  # in the memory plan: one launch, as on a CUDA device
        return x.new_zeros(len(x), stack.in_features if back else stack.out_features)
    weights = written_out(stack, 0, stack.num_experts, None, x.dtype)  # a CPU, in the tests
    right = weights if back else weights.transpose(1, 2)
    if low is not None and lora is not None:
        x, right = torch.cat([x, low], dim=1), torch.cat([right, lora.to(x.dtype)], dim=1)
    return row_products(x, right, rows.ends)
