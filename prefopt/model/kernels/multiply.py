"""Rows times the MXFP4 weights of their experts in one launch: four bits are read, decoded in registers, and multiplied.

    forward     y [rows, out] = x W.T + l B        l = x A.T  [rows, R]
    backward    dx [rows, in] = dy W + dl A        dl = dy B.T

Each program computes a tile of the result for rows of one expert. It finds its expert in the experts' ends, so the host waits for nothing
and no further launch is needed. The weights are the left factor of the products, which newer devices read from registers.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from prefopt.model.kernels.devices import on_its_device
from prefopt.model.kernels.write_out import weights_in_float32


@triton.jit
def _place(ends, tile, experts, ROWS: tl.constexpr, EXPERTS: tl.constexpr):
    """The expert of a tile (at least `experts` beyond the last one), its first row, and one past the last row of the expert."""
    ids = tl.arange(0, EXPERTS)
    last = tl.load(ends + ids, mask=ids < experts, other=0)
    first = tl.load(ends + ids - 1, mask=(ids > 0) & (ids < experts), other=0)
    tiles = tl.where(ids < experts, (last - first + ROWS - 1) // ROWS, 0)
    expert = tl.sum((tl.cumsum(tiles, 0) <= tile).to(tl.int32), 0)
    before = tl.sum(tl.where(ids < expert, tiles, 0), 0)
    here = ids == expert
    start = tl.sum(tl.where(here, first, 0), 0) + (tile - before) * ROWS
    return expert, start, tl.sum(tl.where(here, last, 0), 0)


@triton.jit
def _narrow(codes):
    """E2M1 codes as bfloat16, times 2 ** -126: the sign, both bits of the exponent and the one of the mantissa where bfloat16 has them."""
    return (((codes & 8) << 12) | ((codes & 7) << 6)).to(tl.bfloat16, bitcast=True)


@triton.jit
def _weights(blocks, scales, row, column, outputs, inputs, ROWS: tl.constexpr, COLUMNS: tl.constexpr, WIDE: tl.constexpr):
    """[ROWS, COLUMNS] of one expert's weights from row and column on, exact and zero outside; float32 where WIDE, else bfloat16."""
    r = row + tl.arange(0, ROWS)
    byte, group = column // 2 + tl.arange(0, COLUMNS // 2), column // 32 + tl.arange(0, COLUMNS // 32)
    inside = r[:, None] < outputs
    packed = tl.load(blocks + r[:, None] * (inputs // 2) + byte[None, :], mask=inside & (byte[None, :] < inputs // 2), other=0)
    exponent = tl.load(scales + r[:, None] * (inputs // 32) + group[None, :], mask=inside & (group[None, :] < inputs // 32), other=0)
    if WIDE:
        weights = weights_in_float32(packed, exponent, ROWS, COLUMNS)
    else:
        packed, exponent = packed.to(tl.int16), exponent.to(tl.int16)
        codes = tl.join(_narrow(packed & 15), _narrow(packed >> 4)).reshape(ROWS, COLUMNS // 32, 32)  # the lower four bits come first
        # 2 ** (scale - 127): 2 ** -127 is subnormal, and 255 is NaN
        bits = tl.where(exponent == 0, 0x0040, tl.where(exponent == 255, 0x7FC0, exponent << 7)).to(tl.int16)
        factor = bits.to(tl.bfloat16, bitcast=True)
        weights = (codes * 8.507059173023462e37 * factor[:, :, None]).reshape(ROWS, COLUMNS)  # by 2 ** 126 first; nothing is rounded
    return weights


@triton.jit
def _product(
    x,
    blocks,
    scales,
    out,
    low,
    lora,
    ends,
    inputs,
    outputs,
    experts,
    RANK: tl.constexpr,
    RANKS: tl.constexpr,
    ROWS: tl.constexpr,
    EXPERTS: tl.constexpr,
    WIDTH: tl.constexpr,
    DEPTH: tl.constexpr,
    BACK: tl.constexpr,
    WIDE: tl.constexpr,
):
    width, depth = (inputs, outputs) if BACK else (outputs, inputs)
    column = tl.program_id(0) * WIDTH
    expert, start, stop = _place(ends, tl.program_id(1), experts, ROWS, EXPERTS)
    if expert < experts:
        row = start.to(tl.int64) + tl.arange(0, ROWS)
        there = row < stop
        blocks += expert.to(tl.int64) * outputs * (inputs // 2)
        scales += expert.to(tl.int64) * outputs * (inputs // 32)
        total = tl.zeros([WIDTH, ROWS], dtype=tl.float32)
        for k in range(0, depth, DEPTH):
            if BACK:
                w = tl.trans(_weights(blocks, scales, k, column, outputs, inputs, DEPTH, WIDTH, WIDE))
            else:
                w = _weights(blocks, scales, column, k, outputs, inputs, WIDTH, DEPTH, WIDE)
            at = k + tl.arange(0, DEPTH)
            rows = tl.load(x + row[:, None] * depth + at[None, :], mask=there[:, None] & (at[None, :] < depth), other=0)
            total = tl.dot(w, tl.trans(rows), total, input_precision="ieee")
        n = column + tl.arange(0, WIDTH)
        for first in range(0, RANK, RANKS):
            r = first + tl.arange(0, RANKS)
            at = lora + (expert.to(tl.int64) * RANK + r[None, :]) * width + n[:, None]
            left = tl.load(at, mask=(n[:, None] < width) & (r[None, :] < RANK), other=0)
            right = tl.load(low + row[None, :] * RANK + r[:, None], mask=there[None, :] & (r[:, None] < RANK), other=0)
            total = tl.dot(left.to(right.dtype), right, total, input_precision="ieee")
        tl.store(out + row[None, :] * width + n[:, None], total.to(out.dtype.element_ty), mask=there[None, :] & (n[:, None] < width))


def tile_of(rows: int, experts: int, dtype: torch.dtype) -> dict[str, int]:
    """Sizes of a tile: few rows where experts have few on average, so that weights are read once and little is idle."""
    if dtype == torch.float32:  # not multiplied on tensor cores: larger tiles would spill
        return {"ROWS": 16, "WIDTH": 64, "DEPTH": 32, "num_warps": 4, "num_stages": 2}
    each = rows / experts
    if each <= 16:
        return {"ROWS": 16, "WIDTH": 128, "DEPTH": 64, "num_warps": 4, "num_stages": 3}
    return {"ROWS": 64 if each <= 64 else 128, "WIDTH": 128, "DEPTH": 64, "num_warps": 8, "num_stages": 3}


def ranks_at_once(rank: int) -> int:
    """Columns of the low-rank factors that are multiplied at once; tensor cores take at least 16."""
    power: int = triton.next_power_of_2(rank)
    return min(32, max(16, power))


@on_its_device
def multiply(x: Tensor, blocks: Tensor, scales: Tensor, ends: Tensor, low: Tensor | None, lora: Tensor | None, *, back: bool) -> Tensor:
    """The product of the module's docstring, forward or back.

    Args:
        x: x [rows, in], or dy [rows, out]; contiguous, sorted by expert; bfloat16 or float32.
        blocks: [E, out, in/32, 16].
        scales: [E, out, in/32].
        ends: one past the last row of each expert, int32 [E].
        low: l or dl [rows, R], contiguous, in the dtype of x; None for no low-rank update.
        lora: B [E, R, out], or A [E, R, in]; contiguous.
        back: multiply with W in place of its transpose.
    """
    experts, outputs, groups, _ = blocks.shape
    inputs, rank = groups * 32, 0 if lora is None else lora.shape[1]
    width = inputs if back else outputs
    out = x.new_empty(len(x), width)
    if len(x):
        tile = tile_of(len(x), experts, x.dtype)
        grid = (triton.cdiv(width, tile["WIDTH"]), min(len(x), triton.cdiv(len(x), tile["ROWS"]) + experts))  # the most tiles there can be
        given = (out if low is None else low, out if lora is None else lora, ends, inputs, outputs, experts)
        fixed = {"RANK": rank, "RANKS": ranks_at_once(rank), "EXPERTS": triton.next_power_of_2(experts)}
        _product[grid](x, blocks, scales, out, *given, **fixed, **tile, BACK=back, WIDE=x.dtype == torch.float32)
    return out
