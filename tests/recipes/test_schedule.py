"""How many updates a run makes, and the learning rate of each: over the whole grid without a model, and in real runs."""

from __future__ import annotations

import itertools
import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader
from transformers import Trainer, TrainingArguments

from prefopt.errors import TrainingError
from recipes import dpo, kto, orpo, sft
from recipes.batching import UpdateBatches
from recipes.sampler import deal_batches
from recipes.schedule import planned_updates, rate_factor, warmup_updates
from tests.recipes.recipe_cases import SMALL, MakeJob, judged, pair, problem

RECIPES: dict[str, Any] = {"sft": sft.recipe, "dpo": dpo.recipe, "orpo": orpo.recipe, "kto": kto.recipe}
ENGINES = ("prompt_sharing", "trl")
KINDS = ("linear", "cosine", "constant", "constant_with_warmup")
RATIOS = (0.0, 0.03, 0.1, 0.5, 0.99)
ROWS = (1, 2, 3, 4, 5, 11, 16, 17, 33, 40)


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(forward passes or rows of a data loader, accumulation, epochs) -> updates, as transformers' trainer counts them."""
    trainer = Trainer(torch.nn.Linear(1, 1), TrainingArguments(str(tmp_path_factory.mktemp("trainer")), report_to="none", use_cpu=True))

    def count(loader: Any, accumulation: int, epochs: float) -> int:
        trainer.args.gradient_accumulation_steps, trainer.args.num_train_epochs = accumulation, epochs
        return int(trainer.set_initial_training_values(trainer.args, loader)[-1])

    return count


def loader_of(name: str, config: Any, rows: int, most: int) -> tuple[Any, int]:
    """The data loader that a run on this many rows has, and the forward passes of an update."""
    size, accumulation = config.batch_size, config.gradient_accumulation_steps
    if name == "kto":
        size = len(deal_batches([{"id": str(i), "prompt_ids": [i]} for i in range(rows)], config.group_size, 0)[0])
        accumulation = accumulation if config.engine == "trl" else 1
    if config.engine == "trl":
        return DataLoader(range(rows), batch_size=size), accumulation  # type: ignore[arg-type]  # a range is a map of indices
    updates = UpdateBatches(range(rows), size, gradient_accumulation_steps=accumulation, max_rows=most)
    return DataLoader(range(rows), batch_sampler=updates), updates.passes_per_process  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("engine", ENGINES)
def test_the_plan_is_what_the_trainer_counts(name: str, engine: str, counted: Any) -> None:
    """Any rows from 1 to 40, batch, accumulation and epochs; with the engine of prefopt also any cut into forward passes."""
    for batch, accumulation, epochs in itertools.product((1, 2, 3, 4, 7, 16, 64), (1, 2, 3, 4, 8), (1.0, 1.5, 2.0)):
        if name == "kto" and batch * (1 if engine == "trl" else accumulation) < 2:
            continue
        options = {"engine": engine, "batch_size": batch, "gradient_accumulation_steps": accumulation, "num_train_epochs": epochs}
        config = RECIPES[name].Config(**options)
        for rows in range(2 if name == "kto" else 1, 41):
            loader, passes = loader_of(name, config, rows, most=1 + rows % batch)
            assert planned_updates(rows, config) == counted(loader, passes, epochs), (options, rows)


def test_no_update_has_rate_0() -> None:
    """It rises strictly during the warm-up, never after it, and is 1 at most."""
    for updates, ratio, kind in itertools.product((*range(1, 200), 10**6, 10**9), RATIOS, KINDS):
        warmup = warmup_updates(ratio, updates)
        shown = range(updates) if updates < 200 else (0, 1, max(0, warmup - 1), warmup, updates // 2, updates - 2, updates - 1)
        rates = [rate_factor(i, updates=updates, warmup=warmup, kind=kind) for i in shown]
        assert all(0 < rate <= 1 for rate in rates), (updates, ratio, kind)
        if updates < 200 and kind != "constant":
            assert all(a < b for a, b in itertools.pairwise(rates[:warmup]))
            assert all(a >= b for a, b in itertools.pairwise(rates[warmup:]))


def test_rates_by_hand_and_against_transformers() -> None:
    """Warm-up (i + 1) / (n + 1); what follows it is transformers' own schedule."""
    from transformers import get_scheduler

    assert [warmup_updates(0.1, n) for n in (1, 9, 10, 11, 100)] == [0, 0, 1, 2, 10]
    assert [rate_factor(i, updates=40, warmup=3, kind="linear") for i in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert [rate_factor(i, updates=3, warmup=0, kind="linear") for i in range(4)] == pytest.approx([1, 2 / 3, 1 / 3, 0])
    for kind in KINDS:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        stock = get_scheduler(kind, optimizer, num_warmup_steps=4, num_training_steps=40)
        for update in range(41):
            if update >= 4:
                assert rate_factor(update, updates=40, warmup=4, kind=kind) == pytest.approx(stock.get_last_lr()[0], abs=1e-12)
            optimizer.step()
            stock.step()
    with pytest.raises(ValueError, match="no learning rate schedule 'polynomial'"):
        rate_factor(5, updates=10, warmup=0, kind="polynomial")


def data_for(name: str, rows: int) -> list[Any]:
    if name == "sft":
        return [problem(i, reason=None) for i in range(rows)]
    return [judged(i, desirable=i % 2 == 0) if name == "kto" else pair(i) for i in range(rows)]


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def drawn_runs() -> list[Any]:
    """For each recipe and engine some of ROWS, the smallest among them, each with other options."""
    chance, runs = random.Random(14), []
    for name, engine in itertools.product(RECIPES, ENGINES):
        least = 2 if name == "kto" else 1
        for rows in (least, *chance.sample([n for n in ROWS if n > least], 3)):
            options = {
                "engine": engine,
                "batch_size": chance.choice((2, 3, 4)),
                "gradient_accumulation_steps": chance.choice((1, 2, 4)),
                "num_train_epochs": chance.choice((1.0, 1.5, 2.0)),
                "lr_scheduler_type": (kind := chance.choice(KINDS)),
                **({} if kind == "constant" else {"warmup_ratio": chance.choice(RATIOS)}),
            }
            runs.append(pytest.param(name, rows, options, id=f"{name}-{engine}-{rows}"))
    return runs


@pytest.mark.parametrize(("name", "rows", "options"), drawn_runs())
def test_a_run_makes_its_updates_and_changes_the_adapter(
    name: str, rows: int, options: dict[str, Any], tmp_path: Path, make_job: MakeJob, parent: Path
) -> None:
    recipe = RECIPES[name]
    config = recipe.Config(**options, gradient_checkpointing=False, save_steps=1000)
    job = make_job(tmp_path / "job", data_for(name, rows), None if name == "sft" else parent)
    planned = recipe.planned(job, config)
    found = recipe.train(job, config)
    rates = [line["learning_rate"] for line in lines_of(job.folder)]
    assert found.steps == found.planned == planned == planned_updates(rows, config) == len(rates)
    factor = {"updates": planned, "warmup": warmup_updates(config.warmup_ratio, planned), "kind": config.lr_scheduler_type}
    assert rates == pytest.approx([2e-4 * rate_factor(i, **factor) for i in range(planned)])
    assert min(rates) > 0
    assert changed(found.path, None if name == "sft" else parent)


def changed(adapter: Path, before: Path | None) -> bool:
    from safetensors.torch import load_file

    new = load_file(adapter / "adapter_model.safetensors")
    if before is None:
        return any(bool(value.any()) for name, value in new.items() if "lora_B" in name)
    old = load_file(before / "adapter_model.safetensors")
    return any(not torch.equal(value, old[name]) for name, value in new.items())


@pytest.mark.parametrize("rows", [1, 4, 16, 17])
def test_a_small_round_with_the_defaults_learns(rows: int, tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    """A round of up to 16 rows is one update a pass, and there are as many passes as in the SFT stage: two."""
    job = make_job(tmp_path / "job", data_for("dpo", rows), parent)
    found = dpo.recipe.train(job, dpo.DpoConfig(gradient_checkpointing=False))
    updates = 2 * math.ceil(rows / 16)
    assert [line["learning_rate"] for line in lines_of(job.folder)] == pytest.approx(
        [2e-4 * rate_factor(i, updates=updates, warmup=0, kind="cosine") for i in range(updates)]
    )
    assert found.steps == updates
    assert changed(found.path, parent)


def test_the_plan_counts_what_is_mixed_in_set_aside_and_left_out(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    """Ties without a loss for them, rehearsed examples and preferences, validation by problem: as the run does."""
    tied = [pair(i).model_copy(update={"tie": True}) for i in range(3)]
    extra = {"rehearsal": [problem(i) for i in range(50, 60)], "earlier": [pair(i) for i in range(70, 78)], "round": 2}
    job = make_job(tmp_path / "job", [*tied, *(pair(i // 2) for i in range(12))], parent, **extra)
    options = SMALL | {"votes": "net", "rehearse_examples": 0.5, "rehearse_preferences": 0.5, "validation_share": 0.3}
    config = dpo.DpoConfig(**options)
    found = dpo.recipe.train(job, config)
    assert found.steps == found.planned == dpo.recipe.planned(job, config) == math.ceil(found.examples / 4)
    reasoned = make_job(tmp_path / "sft", [problem(i, reason="까닭" if i % 2 else None) for i in range(9)])
    shares = sft.SftConfig(**SMALL | {"reason_share": 0.5, "validation_share": 0.2})
    made = sft.recipe.train(reasoned, shares)
    assert made.steps == sft.recipe.planned(reasoned, shares) == math.ceil(made.examples / 4)


def test_a_trainer_that_makes_other_updates_than_planned_is_refused(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    class Otherwise(dpo.DpoConfig):
        def updates_per_epoch(self, rows: int) -> int:
            return super().updates_per_epoch(rows) + 1

    job = make_job(tmp_path / "job", data_for("dpo", 8), parent)
    with pytest.raises(TrainingError, match="the trainer makes 2 updates, and 3 were planned") as raised:
        dpo.recipe.train(job, Otherwise(**SMALL))
    assert "updates_per_epoch" in raised.value.hint
    assert not (job.folder / "adapter").exists()
