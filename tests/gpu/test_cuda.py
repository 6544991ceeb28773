"""Posteriors on a CUDA device equal those on the CPU, and the forward passes are right there. Skipped without a CUDA device."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

import prefopt.model  # noqa: F401  # must come before torch: sets how its threads wait
from prefopt.config import AnswerSettings, ModelSettings, PromptSettings
from prefopt.curricula.generator.problem_generator import generate
from prefopt.model.expert_ways import fused_rows
from prefopt.model.head import Head
from prefopt.model.load import load_base
from prefopt.model.policy import Policy
from prefopt.model.support import support_of
from prefopt.taxonomy import builtin_taxonomy
from tests.model.test_model_grouped import product

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]


def test_posteriors_on_cuda_equal_those_on_the_cpu():
    problems = generate(1, 5)[:24]
    rows = []
    for device in ("cpu", "cuda"):
        settings = ModelSettings(device=device, dtype="float32")
        policy = Policy.open(settings, None, PromptSettings(), AnswerSettings(), builtin_taxonomy())
        rows.append(policy.posterior(problems, batch_size=8).log_probs)
    assert np.abs(rows[0] - rows[1]).max() < 1e-3


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_gpt_oss_is_computed_the_quick_way_on_cuda(dtype: Literal["float32", "bfloat16"]):
    base = load_base(ModelSettings(device="cuda", dtype=dtype))
    support = support_of(base.model, 600)
    assert (support.packed, support.prefix, support.way) == ("", "", "batched")


def test_products_of_bfloat16_are_kept_in_float32_on_cuda():
    torch.manual_seed(0)
    weight, hidden = (torch.randn(*size, device="cuda").bfloat16() for size in ((500, 256), (2, 7, 256)))
    logits = Head(weight).logits(hidden)
    assert logits.dtype == torch.float32
    assert (logits.double() - hidden.double() @ weight.double().t()).abs().max() < 1e-3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [[1, 0, 3, 0], [40, 0, 90, 7], [300, 20, 0, 500]])
def test_experts_computed_at_once_equal_float64_on_cuda(rows: list[int], dtype: torch.dtype):
    bound = 3e-3 if dtype == torch.bfloat16 else 1e-4  # grouped products may use TF32
    for way in ("grouped", "fused"):
        found, right = product(way, rows, (256, 320), 8, dtype, "cuda"), product("exact", rows, (256, 320), 8, dtype)
        for one, other in zip(found, right, strict=True):
            assert torch.linalg.norm(one - other) <= bound * torch.linalg.norm(other), way


def test_the_ways_of_computing_experts_are_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    settings = ModelSettings(device="cuda", dtype="bfloat16")
    first = fused_rows(load_base(settings).model)
    assert len(list((tmp_path / "prefopt" / "ways").iterdir())) == 1
    monkeypatch.setattr("prefopt.model.expert_ways.measured", lambda *_: pytest.fail("measured again"))
    assert fused_rows(load_base(settings).model) == first
