"""Rows of experts: their order, and the sum of each token's rows, each in one launch."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from prefopt.model.kernels.devices import on_its_device


@triton.jit
def _order(expert, order, token, back, ends, rows, chosen, experts, EXPERTS: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    source = tl.load(order + row)
    tl.store(token + row, source // chosen)
    tl.store(back + source, row)
    here = tl.load(expert + row)
    before = tl.load(expert + row - 1, mask=row > 0, other=0)
    ids = tl.arange(0, EXPERTS)
    tl.store(ends + ids, tl.zeros((EXPERTS,), tl.int32) + row.to(tl.int32), mask=(ids >= before) & (ids < here) & (ids < experts))
    stop = tl.where(row == rows - 1, experts, 0)  # the last row also ends the experts after its own
    tl.store(ends + ids, tl.zeros((EXPERTS,), tl.int32) + rows, mask=(ids >= here) & (ids < stop))


@triton.jit
def _sum(rows, bias, weights, expert, back, out, width, chosen, WEIGHTED: tl.constexpr, COLUMNS: tl.constexpr):
    token = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, COLUMNS)
    inside = column < width
    total = tl.zeros((COLUMNS,), tl.float32)
    for k in range(chosen):
        at = tl.load(back + token * chosen + k)
        values = tl.load(rows + at * width + column, mask=inside, other=0).to(tl.float32)
        if WEIGHTED:
            of = tl.load(expert + token * chosen + k)
            values += tl.load(bias + of * width + column, mask=inside, other=0).to(tl.float32)
            values *= tl.load(weights + token * chosen + k).to(tl.float32)
        total += values
    tl.store(out + token * width + column, total.to(out.dtype.element_ty), mask=inside)


@triton.jit
def _sum_backward(grad, rows, bias, weights, expert, back, by_rows, by_weights, width, chosen, COLUMNS: tl.constexpr):
    choice = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, COLUMNS)
    inside = column < width
    at, of = tl.load(back + choice), tl.load(expert + choice)
    above = tl.load(grad + (choice // chosen) * width + column, mask=inside, other=0).to(tl.float32)
    values = tl.load(rows + at * width + column, mask=inside, other=0).to(tl.float32)
    values += tl.load(bias + of * width + column, mask=inside, other=0).to(tl.float32)
    tl.store(by_weights + choice, tl.sum(above * values, axis=0).to(by_weights.dtype.element_ty))
    factor = tl.load(weights + choice).to(tl.float32)
    tl.store(by_rows + at * width + column, (above * factor).to(by_rows.dtype.element_ty), mask=inside)


@on_its_device
def order_rows(expert: Tensor, order: Tensor, chosen: int, experts: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of the sorted experts of rows and the order that sorts them, both int64 [rows]: the token of each row, the inverse of the order,
    and one past the last row of each expert, int32 [experts].
    """
    token, back = torch.empty_like(order), torch.empty_like(order)
    if not len(order):
        return token, back, order.new_zeros(experts, dtype=torch.int32)
    ends = order.new_empty(experts, dtype=torch.int32)
    powers = triton.next_power_of_2(experts)
    _order[(len(order),)](expert, order, token, back, ends, len(order), chosen, experts, EXPERTS=powers, num_warps=1)
    return token, back, ends


@on_its_device
def sum_rows(rows: Tensor, back: Tensor, weighted: tuple[Tensor, Tensor, Tensor] | None = None) -> Tensor:
    """[tokens, width]: the sum of each token's rows [tokens * K, width], which are at back [tokens, K].

    Args:
        rows: contiguous.
        back: contiguous.
        weighted: bias [E, width] to add to each row, its weight [tokens, K] and its expert [tokens, K].
    """
    (tokens, chosen), width = back.shape, rows.shape[1]
    out = rows.new_empty(tokens, width)
    bias, weights, expert = weighted or (rows, rows, back)
    if tokens:
        options = {"WEIGHTED": weighted is not None, "COLUMNS": triton.next_power_of_2(width)}
        _sum[(tokens,)](rows, bias, weights, expert, back, out, width, chosen, **options, num_warps=8)
    return out


@on_its_device
def sum_rows_backward(grad: Tensor, rows: Tensor, back: Tensor, bias: Tensor, weights: Tensor, expert: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients by the rows and by the weights of `sum_rows`, for the gradient by its result."""
    by_rows, by_weights = torch.empty_like(rows), torch.empty_like(weights)
    if back.numel():
        sizes = (rows.shape[1], back.shape[1])
        columns = triton.next_power_of_2(rows.shape[1])
        _sum_backward[(back.numel(),)](grad, rows, bias, weights, expert, back, by_rows, by_weights, *sizes, COLUMNS=columns, num_warps=8)
    return by_rows, by_weights
