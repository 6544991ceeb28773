"""Posteriors of a real vLLM against those of this process. Runs where PREFOPT_VLLM names one, and PREFOPT_VLLM_MODEL the folder it serves:

vllm serve FOLDER --served-model-name base --dtype bfloat16 --max-model-len 2048
"""

from __future__ import annotations

import os

import numpy as np
import pytest

from prefopt.config import AnswerSettings, ModelSettings, PromptSettings
from prefopt.curricula.generator.problem_generator import generate
from prefopt.model.policy import Policy
from prefopt.taxonomy import builtin_taxonomy

URL, FOLDER = os.environ.get("PREFOPT_VLLM", ""), os.environ.get("PREFOPT_VLLM_MODEL", "")
BFLOAT16 = 0.02
"""Total variation that bfloat16 makes: 0.009 in this process, 0.014 measured."""


@pytest.mark.skipif(not (URL and FOLDER), reason="needs a vLLM: PREFOPT_VLLM and PREFOPT_VLLM_MODEL")
@pytest.mark.parametrize("taxonomy", ["ko_math_2022", "ko_math_2022_all"])
def test_posteriors_and_answers_of_vllm(taxonomy: str) -> None:
    settings = ModelSettings(path=FOLDER, device="cpu", dtype="float32", quantized=False)
    here, there = (
        Policy.open(settings.model_copy(update={"server": url}), None, PromptSettings(), AnswerSettings(), builtin_taxonomy(taxonomy))
        for url in ("", URL)
    )
    problems = generate(1, 5)[:3]
    exact, found = here.posterior(problems), there.posterior(problems)
    assert np.abs(np.exp(found.log_probs) - np.exp(exact.log_probs)).sum(axis=1).max() / 2 <= BFLOAT16
    assert np.abs(found.label_mass - exact.label_mass).max() <= BFLOAT16
    for answer in there.answer(problems):
        assert answer.concepts
        assert not {"L", "p", "N"} & set(answer.concepts)
