"""Run the kernels under Triton's interpreter and print their largest differences from a reference, as one JSON object."""

from __future__ import annotations

import json

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
    """How many numbers are wrong, for every byte and scales 9 to 250: below, bfloat16 is subnormal, which the interpreter drops."""
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


def normed(rows: int, width: int) -> list[float]:
    """Differences of RMSNorm and its gradient from the CPU's, which the tests compare with float64."""
    x, weight, above = torch.randn(rows, width), torch.randn(width), torch.randn(rows, width)
    out, scale = rms_norm_forward(x, weight, 1e-5)
    right, right_scale = few_launches._normed(x, weight, 1e-5)
    gradient = few_launches._norm_backward(above, x, weight, right_scale)
    return [_share(out, right), _share(scale, right_scale), _share(rms_norm_backward(above, x, weight, scale), gradient)]


def rotated(heads: int, keys: int, repeats: int, size: int) -> list[float]:
    """Differences of rotated and repeated heads, and of their gradients, from the CPU's; two rows of five tokens."""
    parts = [torch.randn(10, n, size).requires_grad_() for n in (heads, keys, keys)]
    cos, sin = torch.randn(5, size // 2), torch.randn(5, size // 2)
    right = few_launches._Rotated.apply(*parts, cos, sin, repeats)
    above = [torch.randn_like(part) for part in right]
    gradients = torch.autograd.grad(right, parts, above)
    found = rotate_forward(*(part.detach() for part in parts), cos, sin, repeats)
    pairs = [*zip(found, right, strict=True), *zip(rotate_backward(*above, cos, sin, repeats), gradients, strict=True)]
    return [_share(one, other) for one, other in pairs]


def with_sink(heads: int, size: int) -> list[float]:
    """Differences of a result and its normalizer with a sink from the CPU's; the normalizer has room for 32 queries, and 5 are used."""
    out, normalizer, sinks = torch.randn(2, 5, heads, size), torch.randn(2, heads, 32) * 4, torch.randn(heads)
    normalizer[0, 0, 0] = torch.finfo(torch.float32).min  # a query that attends to no key
    right, right_normalizer = out.clone(), normalizer.clone()
    _add_sink(right.transpose(1, 2), right_normalizer, sinks)
    add_sink(out, normalizer, sinks)
    return [
        _share(out, right),
        _share(normalizer[..., :5], right_normalizer[..., :5]),
        float((normalizer != right_normalizer)[..., 5:].sum()),
    ]


def ordered_and_summed(tokens: int, chosen: int, experts: int, width: int) -> list[float]:
    """Wrong numbers in the order of rows, and differences of sums and their gradients from the CPU's; some experts have no rows."""
    expert = torch.randint(1, max(2, experts - 2), (tokens, chosen))
    right = TokenRows.of_choices(expert, experts)
    of_row, order = torch.sort(expert.reshape(-1), stable=True)
    token, back, ends = order_rows(of_row, order, chosen, experts)
    wrong = (token != right.token).sum() + (back.view(tokens, chosen) != right.back).sum() + (ends != right.rows.ends).sum()
    rows, bias = torch.randn(tokens * chosen, width).requires_grad_(), torch.randn(experts, width)
    weights = torch.randn(tokens, chosen).requires_grad_()
    summed, above = expert_rows._Summed.apply(rows, bias, weights, right.back, expert), torch.randn(tokens, width)
    gradients = torch.autograd.grad(summed, (rows, weights), above)
    given = (bias, weights.detach(), expert)
    found = sum_rows_backward(above, rows.detach(), right.back, *given)
    pairs = [(sum_rows(rows.detach(), right.back, given), summed), (sum_rows(rows.detach(), right.back), rows[right.back].sum(1))]
    return [float(wrong), *(_share(one, other) for one, other in (*pairs, *zip(found, gradients, strict=True)))]


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
    """Norms of the differences of products and gradients by x, A and B from float64, as shares of the norms."""
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
    return [float(torch.linalg.norm(one.double() - other) / torch.linalg.norm(other)) for one, other in zip(*results, strict=True)]


def _by_the_kernel(x: Tensor, stack: ExpertStack, rows: ExpertRows, low: Tensor | None, lora: Tensor | None, *, back: bool) -> Tensor:
    """As fused._multiplied on a CUDA device."""
    return multiply(x, stack.blocks, stack.scales, rows.ends, low, lora, back=back)


def _share(found: Tensor, right: Tensor) -> float:
    return float((found.double() - right).abs().max() / right.abs().max())


if __name__ == "__main__":
    wrong = {
        f"{dtype} {sizes} rank {rank}": written_out(dtype, *sizes, rank)
        for dtype in (torch.float32, torch.bfloat16)
        for sizes in ((1, 32, 8), (3, 40, 5), (2, 7, 1))
        for rank in (0, 8, 16)
    }
    torch.manual_seed(0)
    shares = {
        "swiglu": [activated(*sizes) for sizes in ((7, 40, 4), (3, 600, 2), (1, 513, 1), (40, 32, 32))],
        "rms_norm": [normed(*sizes) for sizes in ((3, 64), (5, 90), (1, 2880))],
        "rotate": [rotated(*sizes) for sizes in ((8, 2, 4, 16), (6, 3, 1, 24), (6, 3, 2, 64))],
        "sink": [with_sink(*sizes) for sizes in ((4, 64), (3, 24))],
        "rows": [ordered_and_summed(*sizes) for sizes in ((9, 4, 32, 64), (1, 2, 3, 90), (40, 3, 5, 33))],
    }
    compute_bfloat16()
    fused._multiplied = _by_the_kernel  # type: ignore[assignment]  # a stack is enough
    cases = ([40, 0, 17, 300], 96, 160, 3), ([0, 5, 0], 64, 130, 0), ([90], 32, 40, 16), ([9, 0, 71, 0], 160, 96, 40)
    products = {str(dtype): [multiplied(dtype, *case) for case in cases] for dtype in (torch.float32, torch.bfloat16)}
    codes = {str(dtype): decoded(dtype, back) for dtype, back in ((torch.float32, (True,)), (torch.bfloat16, (False, True)))}
    print(json.dumps({"write_out": wrong, "shares": shares, "multiply": products, "codes": codes}))
