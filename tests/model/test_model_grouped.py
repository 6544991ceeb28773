"""Products of MXFP4 experts with LoRA, all at once, equal the loop over experts and a float64 reference, forward and backward."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from prefopt.model.expert_rows import ExpertRows
from prefopt.model.experts import ExpertStack
from prefopt.model.grouped import scratch_of
from prefopt.model.mxfp4 import dequantize, quantize

BOUND = {torch.float32: 2e-6, torch.bfloat16: 3e-3}
"""Norm of the difference as a share of the norm, for factors that are exact in the dtype. One rounding to bfloat16 gives 1.7e-3 over many
numbers (3.9e-3 for a single one); the gradients of A and B, of a product that was rounded itself, have two."""
MANY = 9
"""Times the rows, in bfloat16."""
WAYS = ("loop", "grouped", "fused")


def product(way: str, counts: list[int], sizes: tuple[int, int], rank: int, dtype: torch.dtype, device: str = "cpu") -> list[Tensor]:
    """The product and its gradients by x, A and B, in float64 on a CPU; way "exact" computes in float64."""
    (inputs, outputs), experts = sizes, len(counts)
    rows = ExpertRows(ExpertRows.of_counts(counts).of_row.to(device), experts)
    random = torch.Generator().manual_seed(sum(counts) + inputs)
    stack = ExpertStack(*quantize(torch.randn(experts, inputs, outputs, generator=random) * 0.1)).to(device)
    x = torch.randn(sum(counts), inputs, generator=random).to(dtype)
    down, up = ((torch.randn(experts, rank, n, generator=random) * 0.1).to(dtype).float() for n in sizes)
    gradient = torch.randn(sum(counts), outputs, generator=random).to(dtype)
    if way == "exact":
        x, down, up, gradient = (part.double() for part in (x, down, up, gradient))
    x, down, up, gradient = (part.to(device) for part in (x, down, up, gradient))
    x, down, up = (part.requires_grad_() for part in (x, down, up))
    if way == "exact":
        weights, of = dequantize(stack.blocks, stack.scales, torch.float32).double(), rows.of_row
        out = torch.einsum("ri,rio->ro", x, weights[of]) + torch.einsum("ri,rki,rko->ro", x, down[of], up[of])
    else:
        stack.way = way  # type: ignore[assignment]  # one of WAYS
        out = stack(x, rows, down, up)
    out.backward(gradient)
    assert out.dtype == x.dtype
    return [out.detach().double().cpu(), *(part.grad.double().cpu() for part in (x, down, up) if part.grad is not None)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rank", [1, 3, 8, 16])
@pytest.mark.parametrize("counts", [[5, 0, 7, 1], [0, 0, 3], [40, 33, 0, 0, 2], [0, 30], [0, 0]])
def test_products_equal_a_float64_reference(counts: list[int], rank: int, dtype: torch.dtype) -> None:
    counts = counts if dtype == torch.float32 else [MANY * count for count in counts]
    for sizes in ((64, 96), (32, 40)):
        exact = product("exact", counts, sizes, rank, dtype)
        for way in WAYS:
            for found, right in zip(product(way, counts, sizes, rank, dtype), exact, strict=True):
                assert torch.linalg.norm(found - right) <= BOUND[dtype] * torch.linalg.norm(right), way


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_experts_in_chunks_give_the_same_product(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    counts, sizes = [5, 0, 7, 1, 4], (64, 96)
    whole = product("grouped", counts, sizes, 8, torch.float32)
    monkeypatch.setattr(ExpertStack, "scratch", chunk * 96 * (64 + 8) * 4)
    for found, right in zip(product("grouped", counts, sizes, 8, torch.float32), whole, strict=True):
        torch.testing.assert_close(found, right, atol=1e-6, rtol=1e-6)


def test_a_whole_model_computes_the_same_in_all_ways(gptoss_path: Path) -> None:
    from tests.model.test_model_adapters import logits, open_base, trained

    model = trained(open_base(gptoss_path), seed=2)
    loop = logits(model)
    for way in ("grouped", "fused"):
        for module in model.modules():
            if isinstance(module, ExpertStack):
                module.way = way  # type: ignore[assignment]  # one of WAYS
        torch.testing.assert_close(logits(model), loop, atol=1e-5, rtol=1e-5)
        assert not torch.equal(logits(model), loop)  # the other way did run


def test_few_rows_are_decoded_while_they_are_multiplied() -> None:
    stack = ExpertStack(*quantize(torch.ones(2, 32, 8)))
    on_a_gpu, here = torch.empty(1, 32, device="meta"), torch.empty(1, 32)
    assert {stack.way_for(here, rows) for rows in (1, 10**6)} == {"loop"}
    stack.way, stack.fused_rows = "at_once", 64
    assert [stack.way_for(on_a_gpu, rows) for rows in (1, 64, 65)] == ["fused", "fused", "grouped"]


def test_a_card_writes_out_no_more_experts_than_it_has_memory_for() -> None:
    whole = 32 * 5760 * (2880 + 64) * 2  # bytes of gpt-oss-20b's larger stack, rank 64
    assert scratch_of(80 << 30) >= whole
    assert scratch_of(48 << 30) >= whole
    assert scratch_of(16 << 30) < whole / 2
