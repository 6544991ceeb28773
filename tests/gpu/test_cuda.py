"""Posteriors on a CUDA device equal those on the CPU, and the forward passes are right there. Skipped without a CUDA device."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch

import prefopt.model  # noqa: F401  # must come before torch: sets how its threads wait
from prefopt.config import AnswerSettings, ModelSettings, PromptSettings
from prefopt.curricula.generator.problem_generator import generate
from prefopt.model.head import Head
from prefopt.model.load import load_base
from prefopt.model.policy import Policy
from prefopt.model.support import support_of
from prefopt.taxonomy import builtin_taxonomy

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
