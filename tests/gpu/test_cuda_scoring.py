"""Posteriors and texts in bfloat16 on a CUDA device: near those of the CPU, the same every time, and whole where memory runs out."""

from __future__ import annotations

import logging
import random

import numpy as np
import pytest
import torch

from prefopt.config import AnswerSettings, ModelSettings, PromptSettings
from prefopt.curricula.generator.problem_generator import generate
from prefopt.model.out_of_memory import free_bytes
from prefopt.model.policy import Policy
from prefopt.model.posterior import LabelTree, label_log_likelihoods
from prefopt.taxonomy import builtin_taxonomy

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]
PROBLEMS = generate(1, 5)[:24]


def opened(device: str, dtype: str) -> Policy:
    settings = ModelSettings.model_validate({"device": device, "dtype": dtype})
    return Policy.open(settings, None, PromptSettings(), AnswerSettings(), builtin_taxonomy())


@pytest.fixture(scope="module")
def policy() -> Policy:
    return opened("cuda", "bfloat16")


def test_posteriors_in_bfloat16_are_near_those_in_float32(policy: Policy) -> None:
    found = np.exp(policy.posterior(PROBLEMS, batch_size=8).log_probs)
    expected = np.exp(opened("cpu", "float32").posterior(PROBLEMS).log_probs)
    assert np.abs(found - expected).sum(axis=1).mean() < 0.1  # of 2
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.8


def test_posteriors_and_texts_are_the_same_every_time(policy: Policy) -> None:
    first, second = (policy.posterior(PROBLEMS, batch_size=8).log_probs for _ in range(2))
    assert np.array_equal(first, second)
    requests = [(problem, [policy.taxonomy.ids[i]]) for i, problem in enumerate(PROBLEMS[:6])]
    answers = [policy.propose(requests, reason_tokens=24, batch_size=6) for _ in range(2)]
    assert answers[0] == answers[1]


def test_answers_are_valid(policy: Policy) -> None:
    for answer in policy.answer(PROBLEMS[:8]):
        assert answer.level in policy.taxonomy[answer.label].levels


def test_the_memory_that_is_free_was_measured_when_the_policy_was_opened(policy: Policy) -> None:
    free, total = torch.cuda.mem_get_info()
    assert policy.free_bytes is not None
    assert 0 < policy.free_bytes < total
    assert free_bytes(policy.model) == pytest.approx(free - 0.05 * total, rel=0.1)


def test_memory_that_runs_out_halves_the_batch(policy: Policy, caplog: pytest.LogCaptureFixture) -> None:
    """64 rows with 2,000 tokens have masks of 1 GiB and more; 400 MiB are allowed."""
    draw, tree = random.Random(0), LabelTree([[7, 8, 13], [9, 13]])
    prompts = [[draw.randrange(3, 400) for _ in range(1900)] for _ in range(64)]
    expected = label_log_likelihoods(policy.model, prompts, tree, batch_size=2)
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 400 * 2**20) / total)
    try:
        with caplog.at_level(logging.WARNING):
            found = label_log_likelihoods(policy.model, prompts, tree, batch_size=64)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert "scoring 64 problems at once needs more memory than there is; going on with 32" in caplog.text
    assert np.abs(found - expected).mean() < 0.1  # rows of other batches round otherwise
