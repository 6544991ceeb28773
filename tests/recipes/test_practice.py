"""What happens when a run meets its limits: memory runs out, numbers are not finite."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from prefopt.errors import TrainingError
from recipes import dpo, kto, orpo, prompt_sharing, sft
from tests.recipes.recipe_cases import SMALL, MakeJob, judged, pair, problem

RECIPES = {"sft": sft.recipe, "dpo": dpo.recipe, "orpo": orpo.recipe, "kto": kto.recipe}


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def data_for(name: str) -> list[Any]:
    if name == "sft":
        return [problem(i, reason=None) for i in range(10)]
    return [judged(i, desirable=i % 2 == 0) if name == "kto" else pair(i, weight=1 / (1 + i % 3)) for i in range(10)]


@pytest.fixture
def memory_for(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A machine whose memory holds the backward pass of a few rows; with more, torch's own allocator fails."""
    real, seen = prompt_sharing.score, []

    def limit(most: int, after: int = 0) -> list[int]:
        def score(model: Any, batch: Any, **options: Any) -> Any:
            rows = len(batch["input_ids"])
            if torch.is_grad_enabled() and rows > most:
                seen.append(rows)
                if len(seen) > after:
                    torch.empty(2**50)
            return real(model, batch, **options)

        monkeypatch.setattr(prompt_sharing, "score", score)
        return seen

    return limit


@pytest.mark.parametrize("name", ["sft", "kto"])
def test_memory_that_runs_out_halves_the_forward_pass_and_not_the_update(
    name: str, tmp_path: Path, make_job: MakeJob, parent: Path, memory_for: Any
) -> None:
    """In the second update, after a checkpoint: the run continues with half as many rows, and its losses are those of the whole batch."""
    recipe, start = RECIPES[name], None if name == "sft" else parent
    options = SMALL | {"gradient_accumulation_steps": 2, "num_train_epochs": 2.0, "save_steps": 1}
    whole = recipe.train(make_job(tmp_path / "whole", data_for(name), start), recipe.Config(**options))
    seen = memory_for(3, after=2)
    job = make_job(tmp_path / "cut", data_for(name), start)
    found = recipe.train(job, recipe.Config(**options))
    assert seen == [4, 4, 4]
    assert (found.metrics["rows_in_a_pass"], found.steps, found.examples) == (2, whole.steps, whole.examples)
    assert "rows_in_a_pass" not in whole.metrics
    for cut, line in zip(lines_of(tmp_path / "cut"), lines_of(tmp_path / "whole"), strict=True):
        assert cut["loss"] == pytest.approx(line["loss"], abs=1e-5)
    weights = [load_file(result.path / "adapter_model.safetensors") for result in (whole, found)]
    assert max((weights[0][key] - weights[1][key]).abs().max() for key in weights[0]) < 1e-4


def test_one_row_that_does_not_fit_is_an_error(tmp_path: Path, make_job: MakeJob, parent: Path, memory_for: Any) -> None:
    memory_for(0)
    job = make_job(tmp_path / "job", data_for("dpo"), parent)
    with pytest.raises(TrainingError, match=r"memory ran out with one row in a forward pass: .*can't allocate memory") as raised:
        dpo.recipe.train(job, dpo.recipe.Config(**SMALL))
    assert "gradient_checkpointing = true" in raised.value.hint
    assert (job.folder / "checkpoints" / "rows").read_text() == "1"


def test_the_adapter_before_a_broken_update_is_kept(
    tmp_path: Path, make_job: MakeJob, parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third update's gradient is NaN: the kept adapter is the one of a run that ends after two."""
    options = SMALL | {"lr_scheduler_type": "constant", "num_train_epochs": 2.0}
    two = dpo.recipe.train(make_job(tmp_path / "two", data_for("dpo")[:4], parent), dpo.recipe.Config(**options))
    real, calls = prompt_sharing.score, []

    def score(model: Any, batch: Any, **more: Any) -> Any:
        found = real(model, batch, **more)
        calls.append(torch.is_grad_enabled())
        return found if sum(calls) < 3 else replace(found, log_probs=found.log_probs * math.nan)

    monkeypatch.setattr(prompt_sharing, "score", score)
    job = make_job(tmp_path / "job", data_for("dpo")[:4], parent)
    with pytest.raises(TrainingError, match=r"step 3 of 3: the gradient's norm is nan; the adapter after step 2 is saved in") as raised:
        dpo.recipe.train(job, dpo.recipe.Config(**options | {"num_train_epochs": 3.0}))
    assert "lower learning_rate" in raised.value.hint
    assert not (job.folder / "adapter").exists()
    kept = job.folder / "checkpoints" / "last-good" / "adapter_model.safetensors"
    assert kept.read_bytes() == (two.path / "adapter_model.safetensors").read_bytes()
    calls[:] = [True, True]
    with pytest.raises(TrainingError, match="step 1 of 1: the gradient's norm is nan; nothing was learned before it"):
        orpo.recipe.train(make_job(tmp_path / "first", data_for("dpo")[:4], parent), orpo.recipe.Config(**SMALL))


def test_a_tracker_writes_into_the_cache(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    from tensorboard.backend.event_processing import event_accumulator as accumulator

    job = make_job(tmp_path / "job", data_for("orpo"), parent, cache=tmp_path / "cache", round=3, earlier=data_for("orpo"))
    orpo.recipe.train(job, orpo.recipe.Config(**SMALL | {"report_to": ["tensorboard"]}))
    events = accumulator.EventAccumulator(str(tmp_path / "cache" / "trackers" / "003" / "tensorboard")).Reload()
    losses = [event.value for event in events.Scalars("train/loss")]
    assert losses == pytest.approx([line["loss"] for line in lines_of(job.folder)])
    assert "TENSORBOARD_LOGGING_DIR" not in os.environ
