"""DPO losses that only TRL has: accepted with engine = "trl" alone, and trained with."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, get_args

import pytest

from recipes import dpo
from tests.recipes.recipe_cases import SMALL, MakeJob, pair


def options_for(loss: str) -> dict[str, Any]:
    options: dict[str, Any] = {"engine": "trl", "loss": [loss], "loss_weights": [1.0]}
    if loss in dpo.SMOOTHED:
        options["label_smoothing"] = 0.1
    if loss in dpo.SORTED:
        options |= {"weighted": False, "gradient_accumulation_steps": 1}
    return options


@pytest.mark.parametrize("loss", get_args(dpo.TrlLoss))
def test_a_loss_of_trl_needs_its_engine(loss: str) -> None:
    assert dpo.DpoConfig(**options_for(loss)).loss == (loss,)
    with pytest.raises(ValueError, match=f'{loss} is a loss of TRL alone; set engine = "trl"'):
        dpo.DpoConfig(**options_for(loss) | {"engine": "prompt_sharing"})


@pytest.mark.parametrize("loss", get_args(dpo.TrlLoss))
def test_a_run_with_a_loss_of_trl(loss: str, tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    pairs = [pair(i, weight=1.0 if loss in dpo.SORTED else 1 / (1 + i % 2)) for i in range(4)]
    config = dpo.DpoConfig(**SMALL | options_for(loss) | {"num_train_epochs": 3.0})
    job = make_job(tmp_path / "job", pairs, parent)
    result = dpo.recipe.train(job, config)
    lines = [json.loads(line) for line in (job.folder / "metrics.jsonl").read_text().splitlines()]
    assert (result.steps, result.examples) == (3, 4)
    assert all(math.isfinite(line["loss"]) for line in lines)
    assert lines[0]["rewards/chosen"] == 0, "the reference is the parent"
    assert lines[-1]["rewards/chosen"] != 0, "the adapter was trained"
