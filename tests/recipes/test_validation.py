"""The validation split: which rows are set aside, when a run ends, with which adapter, and the same after an interruption."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from prefopt.errors import TrainingError
from recipes import dpo, orpo, sft
from recipes.validation import split_validation
from tests.recipes.recipe_cases import SMALL, MakeJob, pair, problem

RECIPES = {"sft": sft.recipe, "dpo": dpo.recipe, "orpo": orpo.recipe}
OPTIONS = SMALL | {
    "validation_share": 0.3,
    "patience": 2,
    "save_steps": 1,
    "num_train_epochs": 12.0,
    "lr_scheduler_type": "constant",
    "learning_rate": 0.3,
}


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def data_for(name: str) -> list[Any]:
    return [problem(i, reason=None) if name == "sft" else pair(i) for i in range(10)]


class Interruption(Exception):  # noqa: N818 - an interruption, not an error
    """Raised by a test in the middle of a run."""


@pytest.mark.parametrize("name", ["sft", "orpo"])  # dpo: below
def test_a_run_ends_where_validation_gets_no_better_with_the_best_adapter(
    name: str, tmp_path: Path, make_job: MakeJob, parent: Path
) -> None:
    recipe, start, seen = RECIPES[name], None if name == "sft" else parent, {}

    def keep(done: int, total: int, note: str) -> None:
        for path in (job.folder / "checkpoints").glob("checkpoint-*"):
            seen[int(path.name.removeprefix("checkpoint-"))] = load_file(path / "adapter_model.safetensors")

    job = make_job(tmp_path / "job", data_for(name), start, on_step=keep)
    result = recipe.train(job, recipe.Config(**OPTIONS))
    lines = lines_of(job.folder)
    assert result.examples == 7
    losses = {line["step"]: line["eval_loss"] for line in lines if "eval_loss" in line}
    assert list(losses) == list(range(1, result.steps + 1)), "at every checkpoint"
    best = min(losses, key=losses.__getitem__)
    assert result.metrics["eval_loss"] == losses[best]
    saved = load_file(result.path / "adapter_model.safetensors")
    names = {key: key.replace(".experts.gate_up.", ".experts.base_layer.").replace(".experts.down.", ".experts.") for key in seen[best]}
    assert sorted(names.values()) == sorted(saved)
    assert all(torch.equal(saved[names[key]], value) for key, value in seen[best].items())
    assert best == result.steps - 2 < 24
    assert lines[-1]["stopped"].startswith(f"the validation loss was lowest at step {best} ({losses[best]:.4f}), 2 checkpoints ago")
    assert not any(key.startswith("eval_") and ("runtime" in key or "second" in key) for line in lines for key in line)


def test_an_interrupted_run_ends_the_same(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    whole = dpo.recipe.train(make_job(tmp_path / "whole", data_for("dpo"), parent), dpo.recipe.Config(**OPTIONS))

    def interrupt(done: int, total: int, note: str) -> None:
        if done == whole.steps - 1 and note.startswith("loss"):
            raise Interruption

    with pytest.raises(Interruption):
        dpo.recipe.train(make_job(tmp_path / "cut", data_for("dpo"), parent, on_step=interrupt), dpo.recipe.Config(**OPTIONS))
    dpo.recipe.train(make_job(tmp_path / "cut", data_for("dpo"), parent), dpo.recipe.Config(**OPTIONS))
    for name in ("adapter/adapter_model.safetensors", "metrics.jsonl"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_all_rows_of_a_problem_are_on_one_side() -> None:
    rows = [{"id": f"p{i // 3}", "row": i} for i in range(30)] + [{"id": "p0", "row": 30, "example": True}]
    trained, held = split_validation(rows, sft.SftConfig(validation_share=0.3), 5)
    assert len({row["id"] for row in held}) == 3
    assert len(held) == 9
    assert sorted([*trained, *held], key=lambda row: row["row"]) == rows
    assert not {row["id"] for row in held} & {row["id"] for row in trained if not row.get("example")}
    assert rows[-1] in trained
    assert split_validation(rows, sft.SftConfig(), 5) == (rows, [])
    with pytest.raises(TrainingError, match=r"validation_share = 0\.3 of 1 problems sets 0 aside and leaves 1 to train"):
        split_validation(rows[:3], sft.SftConfig(validation_share=0.3), 5)
