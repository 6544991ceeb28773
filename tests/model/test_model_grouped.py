"""Grouped products of MXFP4 experts with LoRA equal the loop over experts and a float64 reference, forward and backward."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from prefopt.model.expert_rows import ExpertRows
from prefopt.model.experts import ExpertStack
from prefopt.model.grouped import scratch_of
from prefopt.model.mxfp4 import dequantize, quantize

BOUND = {torch.float32: 2e-6, torch.bfloat16: 5e-3}
"""Norm of the difference as a share of the norm; one rounding to bfloat16 is up to 4e-3."""


def product(way: str, counts: list[int], sizes: tuple[int, int], rank: int, dtype: torch.dtype) -> list[Tensor]:
    """The product and its gradients by x, A and B, in float64; way "exact" computes in float64."""
    (inputs, outputs), experts, rows = sizes, len(counts), ExpertRows.of_counts(counts)
    random = torch.Generator().manual_seed(sum(counts) + inputs)
    stack = ExpertStack(*quantize(torch.randn(experts, inputs, outputs, generator=random) * 0.1))
    x = torch.randn(sum(counts), inputs, generator=random).to(dtype)
    down, up = (torch.randn(experts, rank, n, generator=random) * 0.1 for n in sizes)
    gradient = torch.randn(sum(counts), outputs, generator=random).to(dtype)
    if way == "exact":
        x, down, up, gradient = (part.double() for part in (x, down, up, gradient))
    x, down, up = (part.requires_grad_() for part in (x, down, up))
    if way == "exact":
        weights, of = dequantize(stack.blocks, stack.scales, torch.float32).double(), rows.of_row
        out = torch.einsum("ri,rio->ro", x, weights[of]) + torch.einsum("ri,rki,rko->ro", x, down[of], up[of])
    else:
        stack.way = way  # type: ignore[assignment]  # "loop" or "grouped"
        out = stack(x, rows, down, up)
    out.backward(gradient)
    assert out.dtype == x.dtype
    return [out.detach().double(), *(part.grad.double() for part in (x, down, up) if part.grad is not None)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rank", [1, 3, 8, 16])
@pytest.mark.parametrize("counts", [[5, 0, 7, 1], [0, 0, 3], [40, 33, 0, 0, 2], [0, 30], [0, 0]])
def test_grouped_products_equal_a_float64_reference(counts: list[int], rank: int, dtype: torch.dtype) -> None:
    for sizes in ((64, 96), (32, 40)):
        exact = product("exact", counts, sizes, rank, dtype)
        for way in ("loop", "grouped"):
            for found, right in zip(product(way, counts, sizes, rank, dtype), exact, strict=True):
                assert torch.linalg.norm(found - right) <= BOUND[dtype] * torch.linalg.norm(right), way


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_experts_in_chunks_give_the_same_product(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    counts, sizes = [5, 0, 7, 1, 4], (64, 96)
    whole = product("grouped", counts, sizes, 8, torch.float32)
    monkeypatch.setattr(ExpertStack, "scratch", chunk * 96 * (64 + 8) * 4)
    for found, right in zip(product("grouped", counts, sizes, 8, torch.float32), whole, strict=True):
        torch.testing.assert_close(found, right, atol=1e-6, rtol=1e-6)


def test_a_whole_model_computes_the_same_in_both_ways(gptoss_path: Path) -> None:
    from tests.model.test_model_adapters import logits, open_base, trained

    model = trained(open_base(gptoss_path), seed=2)
    loop = logits(model)
    for module in model.modules():
        if isinstance(module, ExpertStack):
            module.way = "grouped"
    torch.testing.assert_close(logits(model), loop, atol=1e-5, rtol=1e-5)
    assert not torch.equal(logits(model), loop)  # the other way did run


def test_a_card_writes_out_no_more_experts_than_it_has_memory_for() -> None:
    whole = 32 * 5760 * (2880 + 64) * 2  # bytes of gpt-oss-20b's larger stack, rank 64
    assert scratch_of(80 << 30) >= whole
    assert scratch_of(48 << 30) >= whole
    assert scratch_of(16 << 30) < whole / 2
