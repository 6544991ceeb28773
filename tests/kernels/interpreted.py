"""Run the kernels under Triton's interpreter and print their largest differences from a reference, as one JSON object."""

from __future__ import annotations

import json

import torch
from torch import Tensor

from prefopt.model.kernels.swiglu import swiglu_backward, swiglu_forward
from prefopt.model.kernels.write_out import write_out
from prefopt.model.mxfp4 import dequantize


def written_out(dtype: torch.dtype, experts: int, outputs: int, groups: int, rank: int) -> float:
    """How many numbers are wrong, for every byte and scales 9 to 250; below, bfloat16 has subnormal numbers, which the interpreter drops."""
    random = torch.Generator().manual_seed(experts * outputs)
    blocks = torch.arange(experts * outputs * groups * 16).remainder(256).to(torch.uint8).view(experts, outputs, groups, 16)
    scales = torch.randint(9, 251, (experts, outputs, groups), generator=random).to(torch.uint8)
    up = torch.randn(experts, rank, outputs, generator=random) if rank else None
    out = torch.full((experts, outputs, groups * 32 + rank), 7.0, dtype=dtype)
    write_out(blocks, scales, up, out)
    right = dequantize(blocks, scales, dtype).transpose(1, 2)
    wrong = (out[..., : groups * 32].double() != right.double()).sum()
    if up is not None:  # the interpreter cuts float32 to bfloat16 where a GPU rounds, so a last bit may differ
        last_bit = 2.0**-7 if dtype == torch.bfloat16 else 0.0
        wrong += ((out[..., groups * 32 :].double() - up.transpose(1, 2)).abs() > last_bit * up.transpose(1, 2).abs()).sum()
    return float(wrong)


def activated(rows: int, inner: int, experts: int) -> tuple[float, float]:
    """Differences of output and gradient from float64, as shares of the largest value."""
    random = torch.Generator().manual_seed(rows + inner)
    x, bias = torch.randn(rows, 2 * inner, generator=random) * 5, torch.randn(experts, 2 * inner, generator=random)
    of_row = torch.sort(torch.randint(experts, (rows,), generator=random))[0]
    above = torch.randn(rows, inner, generator=random)
    exact = x.double().requires_grad_()
    gate, up = (exact + bias.double()[of_row]).view(rows, inner, 2).unbind(-1)
    out = (up.clamp(-7, 7) + 1) * gate.clamp(max=7) * torch.sigmoid(1.702 * gate.clamp(max=7))
    out.backward(above.double())
    assert exact.grad is not None
    pairs = (swiglu_forward(x, bias, of_row, 1.702, 7.0), out), (swiglu_backward(above, x, bias, of_row, 1.702, 7.0), exact.grad)
    return pairs[0][0].dtype == x.dtype and _share(*pairs[0]), _share(*pairs[1])


def _share(found: Tensor, right: Tensor) -> float:
    return float((found.double() - right).abs().max() / right.abs().max())


if __name__ == "__main__":
    wrong = {
        f"{dtype} {sizes} rank {rank}": written_out(dtype, *sizes, rank)
        for dtype in (torch.float32, torch.bfloat16)
        for sizes in ((1, 32, 8), (3, 40, 5), (2, 7, 1))
        for rank in (0, 8, 16)
    }
    print(json.dumps({"write_out": wrong, "swiglu": {str(s): activated(*s) for s in ((7, 40, 4), (3, 600, 2), (1, 513, 1), (40, 32, 32))}}))
