"""deterministic = true: torch's own switch is on during a run alone, and an operator without such a way is an error in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from prefopt.errors import TrainingError
from recipes import dpo, prompt_sharing
from recipes.determinism import same_bits
from tests.recipes.recipe_cases import SMALL, MakeJob, pair


def test_a_deterministic_run_gives_the_same_adapter(
    tmp_path: Path, make_job: MakeJob, parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a CPU it gives the bits of any other run."""
    seen: dict[bool, set[bool]] = {False: set(), True: set()}
    real = prompt_sharing.score

    def score(model: Any, batch: Any, **more: Any) -> Any:
        seen[wanted].add(torch.are_deterministic_algorithms_enabled())
        return real(model, batch, **more)

    monkeypatch.setattr(prompt_sharing, "score", score)
    weights = []
    for name, wanted in (("usual", False), ("same", True)):
        job = make_job(tmp_path / name, [pair(i) for i in range(4)], parent)
        done = dpo.recipe.train(job, dpo.recipe.Config(**SMALL, deterministic=wanted))
        weights.append((done.path / "adapter_model.safetensors").read_bytes())
    assert seen == {False: {False}, True: {True}}
    assert weights[0] == weights[1]
    assert not torch.are_deterministic_algorithms_enabled()


def test_an_operator_that_is_not_deterministic_is_an_error_in_words(
    tmp_path: Path, make_job: MakeJob, parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hint is followed to success."""
    real = prompt_sharing.score

    def score(model: Any, batch: Any, **more: Any) -> Any:
        torch.nn.functional.max_unpool1d(torch.ones(1, 1, 2), torch.tensor([[[0, 2]]]), 2)
        return real(model, batch, **more)

    monkeypatch.setattr(prompt_sharing, "score", score)
    job = make_job(tmp_path, [pair(i) for i in range(4)], parent)
    with pytest.raises(TrainingError, match="needs an operator that is not: max_unpool") as caught:
        dpo.recipe.train(job, dpo.recipe.Config(**SMALL, deterministic=True))
    assert caught.value.hint == "set deterministic = false under the recipe's name in prefopt.toml"
    assert not torch.are_deterministic_algorithms_enabled()
    assert dpo.recipe.train(job, dpo.recipe.Config(**SMALL, deterministic=False)).steps == 1


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="something else"), same_bits(True):
        raise RuntimeError("something else")
    assert not torch.are_deterministic_algorithms_enabled()
