"""Frozen MXFP4 experts with LoRA as one grouped product a direction: for CUDA devices, where a loop over experts waits for its launches.

The weights W [E, out, in] of a stack are written out in the compute dtype by one kernel, with the scaled B of the LoRA as R more columns,
used, and dropped (where memory is small, some experts at a time):

    forward     low = x A.T [rows, R]           y = [x | low] [W | B].T
    backward    [dx | dlow] = dy [W | B]        dx += dlow A        dA = dlow.T x        dB = low.T dy

Each is one grouped product over all experts, so a stack takes 6 launches forward and about 10 backward, whatever the number of experts, and
the host waits for nothing if all fit. Kept for the backward pass: x and low. The loop in prefopt.model.experts computes the same, one
expert after the other; it is faster on a CPU, and the tests compare both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import grouped_mm, pad

from prefopt.model.counted import SCRATCH as SCRATCH
from prefopt.model.counted import scratch_of as scratch_of
from prefopt.model.mxfp4 import dequantize

if TYPE_CHECKING:
    from prefopt.model.expert_rows import ExpertRows

RANKS = 8
"""A grouped product reads rows of 16 bytes: ranks are padded with zeros to a multiple of it, and to a power of two."""


class Stack(Protocol):
    """What a product reads of an ExpertStack."""

    blocks: Tensor
    scales: Tensor
    num_experts: int
    in_features: int
    out_features: int
    scratch: int


def padded_rank(rank: int) -> int:
    """The rank that the products are computed with."""
    return max(RANKS, 1 << (rank - 1).bit_length())


def padded(down: Tensor | None, up: Tensor | None) -> tuple[Tensor, Tensor] | tuple[None, None]:
    """A [E, r, in] and B [E, r, out] with zeros up to the rank that the products are computed with."""
    if down is None or up is None:
        return None, None
    missing = padded_rank(down.shape[1]) - down.shape[1]
    return (pad(down, (0, 0, 0, missing)), pad(up, (0, 0, 0, missing))) if missing else (down, up)


def grouped_product(x: Tensor, stack: Stack, rows: ExpertRows, down: Tensor | None, up: Tensor | None) -> Tensor:
    """Product of each row with its expert's weights and low-rank update.

    Args:
        x: [rows, in], sorted by expert.
        stack: the frozen weights.
        rows: the expert of each row.
        down: A [E, r, in]; None for no update.
        up: B [E, r, out], scaled.

    Returns:
        [rows, out] in the dtype of x.
    """
    result: Tensor = _GroupedProduct.apply(x, stack, rows, *padded(down, up))  # type: ignore[no-untyped-call]  # torch declares apply untyped
    return result


class _GroupedProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, stack: Stack, rows: ExpertRows, down: Tensor | None, up: Tensor | None) -> Tensor:
        low = None if down is None else row_products(x, down.to(x.dtype).transpose(1, 2), rows.ends)
        wide = x if low is None else torch.cat([x, low], dim=1)
        ctx.stack, ctx.rows = stack, rows
        ctx.save_for_backward(*((x, low, down, up) if down is not None else ()))
        return _by_chunks(wide, stack, rows, up, transposed=True)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        grad, ends = grads[0].contiguous(), ctx.rows.ends
        kept = ctx.saved_tensors  # under gradient checkpointing they can be read only once
        if not kept:
            return _by_chunks(grad, ctx.stack, ctx.rows, None, transposed=False), None, None, None, None
        x, low, down, up = kept
        if not len(x):
            return torch.zeros_like(x), None, None, torch.zeros_like(down), torch.zeros_like(up)
        both = _by_chunks(grad, ctx.stack, ctx.rows, up, transposed=False)
        by_low = both[:, x.shape[1] :].contiguous()
        by_x = both[:, : x.shape[1]] + grouped_mm(by_low, down.to(grad.dtype), offs=ends)
        by_down = grouped_mm(by_low.t(), x, offs=ends)
        by_up = grouped_mm(low.t(), grad, offs=ends)
        return by_x, None, None, by_down.to(down.dtype), by_up.to(up.dtype)


def row_products(x: Tensor, right: Tensor, ends: Tensor) -> Tensor:
    """[rows, out] of x [rows, in] and right [experts, in, out]; kernels need not take a product of no rows."""
    return grouped_mm(x, right, offs=ends) if len(x) else x.new_empty(0, right.shape[2])


def _by_chunks(x: Tensor, stack: Stack, rows: ExpertRows, up: Tensor | None, *, transposed: bool) -> Tensor:
    """x times the written-out weights: [rows, in + R] -> [rows, out] if transposed, else [rows, out] -> [rows, in + R].

    Where the weights exceed the stack's scratch, some experts at a time; then the host waits for the number of rows of each, once a layer.
    """
    width = stack.in_features + (0 if up is None else up.shape[1])
    each = stack.out_features * width * x.dtype.itemsize
    chunk = max(1, min(stack.num_experts, stack.scratch // each))
    if chunk == stack.num_experts:
        weights = written_out(stack, 0, chunk, up, x.dtype)
        return row_products(x, weights.transpose(1, 2) if transposed else weights, rows.ends)
    out = x.new_empty(len(x), stack.out_features if transposed else width)
    end = 0
    for first in range(0, stack.num_experts, chunk):
        last = min(first + chunk, stack.num_experts)
        begin, end = end, end + sum(rows.counts[first:last])
        if begin < end:
            weights = written_out(stack, first, last, up, x.dtype)
            right = weights.transpose(1, 2) if transposed else weights
            out[begin:end] = grouped_mm(x[begin:end], right, offs=rows.ends[first:last] - begin)
            del weights, right  # before the next ones are written
    return out


def written_out(stack: Stack, first: int, last: int, up: Tensor | None, dtype: torch.dtype) -> Tensor:
    """[experts, out, in + R]: the weights of experts first to last - 1, and B [E, R, out] as the last columns."""
    blocks, scales = stack.blocks[first:last], stack.scales[first:last]
    part = None if up is None else up[first:last].contiguous()
    rank = 0 if part is None else part.shape[1]
    out = torch.empty(last - first, stack.out_features, stack.in_features + rank, dtype=dtype, device=blocks.device)
    if blocks.is_cuda:
        from prefopt.model.kernels.write_out import write_out  # triton comes with torch's builds for CUDA

        write_out(blocks, scales, part, out)
        return out
    if blocks.device.type == "meta":  # in the memory plan: one launch, as on a CUDA device
        return out.zero_()
    out[..., : stack.in_features] = dequantize(blocks, scales, dtype).transpose(1, 2)
    if part is not None:
        out[..., stack.in_features :] = part.transpose(1, 2)
    return out
