"""Posteriors on a CUDA device equal those on the CPU. Skipped without a CUDA device, so CI does not run it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import prefopt.model  # noqa: F401  # must come before torch: sets how its threads wait
from prefopt.config import AnswerSettings, ModelSettings, PromptSettings
from prefopt.curricula.generator.problem_generator import generate
from prefopt.model.policy import Policy
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
