"""Run the kernels under Triton's interpreter and print how far they are from float64, as one JSON object: norms of differences as shares of
the norm, for inputs that are exact in the dtype.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from prefopt.model import expert_rows, few_launches, fused
from prefopt.model.attention import _add_sink
from prefopt.model.expert_rows import ExpertRows, TokenRows
from prefopt.model.experts import ExpertStack
from prefopt.model.kernels.multiply import multiply
from prefopt.model.kernels.rms_norm import rms_norm_backward, rms_norm_forward
from prefopt.model.kernels.rotate import rotate_backward, rotate_forward
from prefopt.model.kernels.rows import order_rows, sum_rows, sum_rows_backward
from prefopt.model.kernels.sink import add_sink
from prefopt.model.kernels.swiglu import swiglu_backward, swiglu_forward
from prefopt.model.kernels.write_out import write_out
from prefopt.model.mxfp4 import dequantize, quantize
from tests.kernels.bfloat16 import compute_bfloat16


def written_out(dtype: torch.dtype, experts: int, outputs: int, groups: int, rank: int) -> float:
    """How many numbers are wrong, for every byte and every scale."""
    random = torch.Generator().manual_seed(experts * outputs)
    blocks = torch.arange(experts * outputs * groups * 16).remainder(256).to(torch.uint8).view(experts, outputs, groups, 16)
    scales = torch.arange(experts * outputs * groups).remainder(256).to(torch.uint8).view(experts, outputs, groups)
    up = torch.randn(experts, rank, outputs, generator=random) if rank else None
    out = torch.full((experts, outputs, groups * 32 + rank), 7.0, dtype=dtype)
    write_out(blocks, scales, up, out)
    right = dequantize(blocks, scales, torch.float32).transpose(1, 2).to(dtype)
    right = right if up is None else torch.cat([right, up.transpose(1, 2).to(dtype)], dim=2)
    return float(((out != right) & ~(out.isnan() & right.isnan())).sum())


def activated(dtype: torch.dtype, rows: int, inner: int, experts: int) -> list[float]:
    """Differences of SwiGLU's output and gradient from float64."""
    x, bias = (torch.randn(rows, 2 * inner) * 5).to(dtype), torch.randn(experts, 2 * inner).to(dtype)
    of_row = torch.sort(torch.randint(experts, (rows,)))[0]
    above = torch.randn(rows, inner).to(dtype)
    exact = x.double().requires_grad_()
    gate, up = (exact + bias.double()[of_row]).view(rows, inner, 2).unbind(-1)
    out = (up.clamp(-7, 7) + 1) * gate.clamp(max=7) * torch.sigmoid(1.702 * gate.clamp(max=7))
    (gradient,) = torch.autograd.grad(out, exact, above.double())
    found = swiglu_forward(x, bias, of_row, 1.702, 7.0), swiglu_backward(above, x, bias, of_row, 1.702, 7.0)
    return _shares(found, (out, gradient), dtype)


def normed(dtype: torch.dtype, rows: int, width: int) -> list[float]:
    """Differences of RMSNorm and its gradient from the function that runs on a CPU, in float64."""
    x, weight, above = (torch.randn(*shape).to(dtype) for shape in ((rows, width), (width,), (rows, width)))
    out, scale = rms_norm_forward(x, weight, 1e-5)
    right, right_scale = few_launches._normed(x.double(), weight.double(), 1e-5)
    gradient = few_launches._norm_backward(above.double(), x.double(), weight.double(), right_scale)
    assert _share(scale, right_scale) < 1e-6
    return _shares((out, rms_norm_backward(above, x, weight, scale)), (right, gradient), dtype)


def rotated(dtype: torch.dtype, heads: int, keys: int, repeats: int, size: int) -> list[float]:
    """Differences of rotated and repeated heads, and of their gradients, as above; two rows of five tokens."""
    parts = [torch.randn(10, n, size).to(dtype) for n in (heads, keys, keys)]
    cos, sin = torch.randn(5, size // 2).to(dtype), torch.randn(5, size // 2).to(dtype)
    exact = [part.double().requires_grad_() for part in parts]
    right = few_launches._Rotated.apply(*exact, cos.double(), sin.double(), repeats)
    above = [torch.randn(part.shape).to(dtype) for part in right]
    gradients = torch.autograd.grad(right, exact, [part.double() for part in above])
    found = rotate_forward(*parts, cos, sin, repeats)
    return _shares((*found, *rotate_backward(*above, cos, sin, repeats)), (*right, *gradients), dtype)


def with_sink(dtype: torch.dtype, heads: int, size: int) -> list[float]:
    """Differences of a result and its normalizer with a sink, as above; the normalizer has room for 32 queries, and 5 are used."""
    out, normalizer, sinks = torch.randn(2, 5, heads, size).to(dtype), torch.randn(2, heads, 32) * 4, torch.randn(heads).to(dtype)
    normalizer[0, 0, 0] = torch.finfo(torch.float32).min  # a query that attends to no key
    right, right_normalizer = out.double(), normalizer.double()
    _add_sink(right.transpose(1, 2), right_normalizer, sinks)
    add_sink(out, normalizer, sinks)
    assert torch.equal(normalizer[..., 5:].double(), right_normalizer[..., 5:])
    assert _share(normalizer[..., :5].clamp(min=-100), right_normalizer[..., :5].clamp(min=-100)) < 1e-6
    return _shares((out,), (right,), dtype)


def ordered_and_summed(dtype: torch.dtype, tokens: int, chosen: int, experts: int, width: int) -> list[float]:
    """Differences of sums of rows and their gradients, as above; some experts have no rows."""
    expert = torch.randint(1, max(2, experts - 2), (tokens, chosen))
    right = TokenRows.of_choices(expert, experts)
    of_row, order = torch.sort(expert.reshape(-1), stable=True)
    token, back, ends = order_rows(of_row, order, chosen, experts)
    assert torch.equal(token, right.token)
    assert torch.equal(back.view(tokens, chosen), right.back)
    assert torch.equal(ends, right.rows.ends)
    rows, bias = torch.randn(tokens * chosen, width).to(dtype), torch.randn(experts, width).to(dtype)
    weights, above = torch.randn(tokens, chosen).to(dtype), torch.randn(tokens, width).to(dtype)
    exact = [part.double().requires_grad_() for part in (rows, weights)]
    summed = expert_rows._Summed.apply(exact[0], bias.double(), exact[1], right.back, expert)
    gradients = torch.autograd.grad(summed, exact, above.double())
    given = (bias, weights, expert)
    found = (sum_rows(rows, right.back, given), sum_rows(rows, right.back), *sum_rows_backward(above, rows, right.back, *given))
    return _shares(found, (summed, rows.double()[right.back].sum(1), *gradients), dtype)


def decoded(dtype: torch.dtype, directions: tuple[bool, ...]) -> float:
    """How many products are wrong, of every code times every scale. Those that are not finite have an expert of their own, where all is."""
    experts, groups, outputs = 33, 8, 16
    blocks = (torch.arange(16) * 0x11).to(torch.uint8).expand(experts, outputs, groups, 16).contiguous()
    order = [*range(253), *range(3), *range(253, 256), *range(5)]
    scales = torch.tensor(order).to(torch.uint8).view(experts, 1, groups).expand(experts, outputs, groups).contiguous()
    weights = dequantize(blocks, scales, torch.float32).double().transpose(1, 2)  # [E, out, in]
    wrong = 0.0
    for back in directions:
        size = outputs if back else groups * 32
        identity, ends = torch.eye(size, dtype=dtype).repeat(experts, 1), torch.arange(size, (experts + 1) * size, size).int()
        found = multiply(identity, blocks, scales, ends, None, None, back=back).view(experts, size, -1)
        right = (torch.eye(size).double() @ (weights if back else weights.transpose(1, 2))).to(dtype)  # with the NaN of 0 times NaN
        wrong += float(((found != right) & ~(found.isnan() & right.isnan())).sum())
        wrong += float(not found[:-1].isfinite().all())
    return wrong


def multiplied(dtype: torch.dtype, counts: list[int], inputs: int, outputs: int, rank: int) -> list[float]:
    """Differences of products and gradients by x, A and B from float64."""
    rows, experts = ExpertRows.of_counts(counts), len(counts)
    stack = ExpertStack(*quantize(torch.randn(experts, inputs, outputs) * 0.1))
    x, above = torch.randn(sum(counts), inputs).to(dtype), torch.randn(sum(counts), outputs).to(dtype)
    lora = [(torch.randn(experts, rank, size) * 0.1).to(dtype).float() for size in (inputs, outputs)] if rank else []
    results = []
    for exact in (False, True):
        given = [part.double() if exact else part for part in (x, *lora)]
        given = [part.detach().clone().requires_grad_() for part in given]
        if exact:
            weights = dequantize(stack.blocks, stack.scales, torch.float32).double()
            out = torch.einsum("ri,rio->ro", given[0], weights[rows.of_row])
            if rank:
                out = out + torch.einsum("ri,rki,rko->ro", given[0], given[1][rows.of_row], given[2][rows.of_row])
        else:
            out = fused.fused_product(given[0], stack, rows, *(given[1:] or (None, None)))
        results.append([out, *torch.autograd.grad(out, given, above.to(out.dtype))])
    return [_share(one, other) for one, other in zip(*results, strict=True)]


def _by_the_kernel(x: Tensor, stack: ExpertStack, rows: ExpertRows, low: Tensor | None, lora: Tensor | None, *, back: bool) -> Tensor:
    """As fused._multiplied on a CUDA device."""
    return multiply(x, stack.blocks, stack.scales, rows.ends, low, lora, back=back)


def _share(found: Tensor, right: Tensor) -> float:
    """The norm of a difference, as a share of the norm."""
    return float(torch.linalg.norm(found.double() - right) / torch.linalg.norm(right))


def _shares(found: Sequence[Tensor], right: Sequence[Tensor], dtype: torch.dtype) -> list[float]:
    assert all(part.dtype == dtype for part in found)
    return [_share(one, other) for one, other in zip(found, right, strict=True)]


CASES: dict[str, tuple[Callable[..., list[float]], tuple[tuple[Any, ...], ...]]] = {
    "swiglu": (activated, ((7, 40, 4), (3, 600, 2), (1, 513, 1), (40, 32, 32))),
    "rms_norm": (normed, ((3, 64), (5, 90), (1, 2880))),
    "rotate": (rotated, ((8, 2, 4, 16), (6, 3, 1, 24), (6, 3, 2, 64))),
    "sink": (with_sink, ((4, 64), (3, 24))),
    "rows": (ordered_and_summed, ((9, 4, 32, 64), (12, 2, 3, 90), (40, 3, 5, 33))),
    "multiply": (multiplied, (([40, 0, 17, 300], 96, 160, 3), ([0, 5, 0], 64, 130, 0), ([90], 32, 40, 16), ([9, 0, 71, 0], 160, 96, 40))),
}
"""Kernels, and the sizes that they are tried with."""


if __name__ == "__main__":
    compute_bfloat16()
    wrong = {
        f"{dtype} {sizes} rank {rank}": written_out(dtype, *sizes, rank)
        for dtype in (torch.float32, torch.bfloat16)
        for sizes in ((1, 32, 8), (3, 40, 5), (2, 7, 1))
        for rank in (0, 8, 16)
    }
    torch.manual_seed(0)
    fused._multiplied = _by_the_kernel  # type: ignore[assignment]  # a stack is enough
    shares = {
        str(dtype): {name: [kernel(dtype, *sizes) for sizes in cases] for name, (kernel, cases) in CASES.items()}
        for dtype in (torch.float32, torch.bfloat16)
    }
    codes = {str(dtype): decoded(dtype, back) for dtype, back in ((torch.float32, (True,)), (torch.bfloat16, (False, True)))}
    print(json.dumps({"write_out": wrong, "shares": shares, "codes": codes}))
