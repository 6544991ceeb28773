"""Write the MXFP4 weights of several experts out, with LoRA's B as further columns, in one launch."""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from prefopt.model.kernels.devices import on_its_device

_ROWS, _COLUMNS = 32, 256  # of a tile


@triton.jit
def weights_in_float32(packed, exponent, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """[ROWS, COLUMNS] float32 of bytes [ROWS, COLUMNS / 2] and scales [ROWS, COLUMNS / 32], exact."""
    packed = packed.to(tl.int32)
    codes = tl.join(packed & 15, packed >> 4).reshape(ROWS, COLUMNS)  # the lower four bits come first
    power, half = (codes >> 1) & 3, codes & 1
    magnitude = tl.where(power == 0, half * 0.5, (1 + half * 0.5) * (1 << tl.maximum(power - 1, 0)))
    signed = tl.where(codes >= 8, -magnitude, magnitude).to(tl.float32)
    exponent = exponent.to(tl.int32)
    bits = tl.where(exponent == 0, 0x00400000, tl.where(exponent == 255, 0x7FC00000, exponent << 23))  # 2 ** -127 is subnormal; 255 is NaN
    factor = bits.to(tl.float32, bitcast=True)
    return signed * tl.broadcast_to(factor[:, :, None], (ROWS, COLUMNS // 32, 32)).reshape(ROWS, COLUMNS)


@triton.jit
def _write_out(
    blocks,
    scales,
    up,
    out,
    inputs,
    outputs,
    RANK: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    expert = tl.program_id(2).to(tl.int64)
    n = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    column = tl.program_id(0) * COLUMNS
    inside = n[:, None] < outputs
    byte, group = column // 2 + tl.arange(0, COLUMNS // 2), column // 32 + tl.arange(0, COLUMNS // 32)
    row = expert * outputs + n
    packed = tl.load(blocks + row[:, None] * (inputs // 2) + byte[None, :], mask=inside & (byte[None, :] < inputs // 2), other=0)
    exponent = tl.load(scales + row[:, None] * (inputs // 32) + group[None, :], mask=inside & (group[None, :] < inputs // 32), other=0)
    weights = weights_in_float32(packed, exponent, ROWS, COLUMNS)
    k = column + tl.arange(0, COLUMNS)
    at = out + row[:, None] * (inputs + RANK)
    tl.store(at + k[None, :], weights.to(out.dtype.element_ty), mask=inside & (k[None, :] < inputs))
    if RANK > 0 and column == 0:
        r = tl.arange(0, RANK)
        b = tl.load(up + (expert * RANK + r[None, :]) * outputs + n[:, None], mask=inside, other=0)
        tl.store(at + inputs + r[None, :], b.to(out.dtype.element_ty), mask=inside)


@on_its_device
def write_out(blocks: Tensor, scales: Tensor, up: Tensor | None, out: Tensor) -> None:
    """Fill `out` [E, out, in + R] with the weights of blocks [E, out, in/32, 16] and scales [E, out, in/32], and with up [E, R, out].

    R, which is 0 without `up`, must be a power of two.
    """
    experts, outputs, groups, _ = blocks.shape
    inputs, rank = groups * 32, 0 if up is None else up.shape[1]
    grid = (triton.cdiv(inputs, _COLUMNS), triton.cdiv(outputs, _ROWS), experts)
    _write_out[grid](blocks, scales, out if up is None else up, out, inputs, outputs, RANK=rank, ROWS=_ROWS, COLUMNS=_COLUMNS, num_warps=8)
