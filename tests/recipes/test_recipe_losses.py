"""Losses and weights of the four recipes on a tiny gpt-oss, against an independent computation."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.recipes.recipe_cases import SMALL, MakeJob, answer, judged, pair, problem


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def sum_log_probs(job: Any, adapter: Path | None, rows: list[tuple[list[int], list[int]]]) -> list[float]:
    """log P(completion | prompt) of each (prompt, completion), one plain forward a row, without TRL."""
    import torch

    from prefopt.model.adapters import load_adapter
    from prefopt.model.load import load_base

    base = load_base(job.model)
    model = base.model if adapter is None else load_adapter(base, adapter, trainable=False)
    sums = []
    for prompt, completion in rows:
        ids = torch.tensor([prompt + completion])
        with torch.no_grad():
            logits = model(ids).logits[0, len(prompt) - 1 : -1].double()
        sums.append(logits.log_softmax(-1).gather(1, torch.tensor(completion)[:, None]).sum().item())
    return sums


def rendered(job: Any, pairs: list[Any]) -> list[tuple[list[int], list[int], list[int]]]:
    from prefopt.model.harmony import Renderer
    from prefopt.model.load import load_base

    renderer = Renderer(load_base(job.model).tokenizer, job.prompt, job.answer, job.taxonomy)
    return [
        (
            renderer.prompt(p.problem, with_reason=False),
            renderer.completion(p.chosen, with_reason=False),
            renderer.completion(p.rejected, with_reason=False),
        )
        for p in pairs
    ]


def test_sft_loss_is_the_mean_over_completion_tokens(tmp_path: Path, make_job: MakeJob) -> None:
    from prefopt.model.harmony import Renderer
    from prefopt.model.load import load_base
    from recipes.sft import recipe

    problems = [problem(i) for i in range(3)]
    job = make_job(tmp_path / "sft", problems)
    result = recipe.train(job, recipe.Config(**SMALL | {"batch_size": 16}))
    renderer = Renderer(load_base(job.model).tokenizer, job.prompt, job.answer, job.taxonomy)
    rows = []
    for p in problems:
        right = answer(0, reason=p.reason, label=p.label, difficulty=p.difficulty)
        rows.append((renderer.prompt(p, with_reason=False), renderer.completion(right, with_reason=False)))
        rows.append((renderer.prompt(p, with_reason=True), renderer.completion(right, with_reason=True)))
        rows.append((renderer.explain_prompt(p, p.label), renderer.explain_completion(p.reason)))
    by_hand = -sum(sum_log_probs(job, None, rows)) / sum(len(completion) for _, completion in rows)
    assert lines_of(job.folder)[0]["loss"] == pytest.approx(by_hand, abs=1e-5)
    assert result.examples == len(rows) == 9
    assert result.steps == 1
    assert not (job.folder / "checkpoints").exists()


def test_sft_learns_and_continues_a_parent(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    from prefopt.model.adapter_card import adapter_id, read_card
    from recipes.sft import recipe

    steps: list[tuple[int, int, str]] = []
    job = make_job(tmp_path / "on", [problem(i) for i in range(8)], parent, round=2, on_step=lambda *step: steps.append(step))
    result = recipe.train(job, recipe.Config(**SMALL | {"num_train_epochs": 3.0}))
    first, last = lines_of(job.folder)[0]["loss"], lines_of(job.folder)[-1]["loss"]
    before = lines_of(parent.parent)
    assert first < before[0]["loss"] - 0.1, "it starts where its parent ended"
    assert last < first
    assert [done for done, _, _ in steps] == list(range(1, result.steps + 1))
    assert steps[0] == (1, result.steps, f"loss {first:.3f}")
    card = read_card(result.path)
    assert (card.parent, card.recipe, card.round, card.seed) == (adapter_id(parent), "sft", 2, 3)
    assert adapter_id(result.path) != adapter_id(parent)


def test_dpo_first_loss_is_ln2_and_the_chosen_likelihood_under_the_parent(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    from recipes.dpo import recipe

    pairs = [pair(i) for i in range(4)]
    job = make_job(tmp_path / "dpo", pairs, parent)
    recipe.train(job, recipe.Config(**SMALL))
    line = lines_of(job.folder)[0]
    rows = rendered(job, pairs)
    chosen = sum_log_probs(job, parent, [(prompt, chosen) for prompt, chosen, _ in rows])
    likelihood = -sum(chosen) / sum(len(c) for _, c, _ in rows)
    assert line["loss"] == pytest.approx(0.1 * math.log(2) + likelihood, abs=1e-5)
    assert line["rewards/chosen"] == line["rewards/rejected"] == line["rewards/margins"] == 0.0
    assert line["logps/chosen"] == pytest.approx(sum(chosen) / 4, abs=1e-3)


def test_dpo_second_loss_by_hand(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    """After one update the loss of the same batch is -log sigmoid of beta times the difference of log-ratios to the parent."""
    from recipes.dpo import recipe

    pairs = [pair(i) for i in range(4)]
    options = SMALL | {"beta": 0.1, "loss": ["sigmoid"], "loss_weights": [1.0], "lr_scheduler_type": "constant"}
    one = recipe.train(make_job(tmp_path / "one", pairs, parent), recipe.Config(**options))
    job = make_job(tmp_path / "two", pairs, parent)
    recipe.train(job, recipe.Config(**options | {"num_train_epochs": 2.0}))
    rows = rendered(job, pairs)
    sides = [[(prompt, side) for prompt, side in ((r[0], r[k]) for r in rows)] for k in (1, 2)]
    ratios = [
        [new - old for new, old in zip(sum_log_probs(job, one.path, side), sum_log_probs(job, parent, side), strict=True)] for side in sides
    ]
    margins = [0.1 * (chosen - rejected) for chosen, rejected in zip(*ratios, strict=True)]
    by_hand = sum(math.log1p(math.exp(-m)) for m in margins) / 4
    line = lines_of(job.folder)[1]
    assert line["loss"] == pytest.approx(by_hand, abs=1e-4)
    assert line["rewards/margins"] == pytest.approx(sum(margins) / 4, abs=1e-4)
    assert line["rewards/margins"] > 0


def test_equal_weights_are_stock_trl_to_the_bit(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    """A stock DPOTrainer, fed the same token ids, gives the same adapter as the recipe with weights that are all 1/3."""
    import torch
    from datasets import Dataset
    from safetensors.torch import load_file
    from trl import DPOConfig, DPOTrainer

    from recipes.dpo import recipe
    from recipes.training import open_adapter, quiet, training_arguments

    class Stock(DPOTrainer):
        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

    pairs = [pair(i, weight=1 / 3) for i in range(8)]
    job = make_job(tmp_path / "ours", pairs, parent)
    config = recipe.Config(**SMALL, engine="trl", beta=0.1, loss_weights=[1.0, 1.0])
    ours = recipe.train(job, config)
    plain = make_job(tmp_path / "stock", pairs, parent)
    opened = open_adapter(plain)
    rows = [{"prompt_ids": p, "chosen_ids": c, "rejected_ids": r} for p, c, r in rendered(plain, pairs)]
    with quiet():
        args = DPOConfig(
            **training_arguments(plain, config, opened) | {"save_strategy": "no"}, loss_type=["sigmoid", "sft"], loss_weights=[1.0, 1.0]
        )
        trainer = Stock(model=opened.model, args=args, train_dataset=Dataset.from_list(rows), processing_class=opened.base.tokenizer)
        trainer.train()
    from prefopt.model.adapter_card import AdapterCard
    from prefopt.model.adapters import save_adapter

    card = AdapterCard(parent=None, base=opened.base.fingerprint, recipe="x", round=0, seed=0, rank=4, alpha=8, experts=True)
    save_adapter(opened.model, tmp_path / "stock_adapter", card)
    a, b = (load_file(path / "adapter_model.safetensors") for path in (ours.path, tmp_path / "stock_adapter"))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("name", ["dpo", "orpo"])
def test_weights_act_as_in_the_weighted_mean(name: str, tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    """The gradient of a batch with weights is the weighted sum of each pair's own gradient (a batch of one, without weights)."""
    import torch

    from recipes.tokenization import pair_row
    from recipes.training import open_adapter, quiet, training_arguments

    module = __import__(f"recipes.{name}", fromlist=["recipe"])
    # of the odds ratio and likelihood in ORPO only the first is a mean over pairs; answers of equal length make both so
    pairs = [pair(i) for i in range(3)]
    weights = [0.25, 1.0, 1.75]
    loss = {"beta": 0.1, "loss": ["sigmoid"], "loss_weights": [1.0]} if name == "dpo" else {}
    config = module.recipe.Config(**SMALL, **loss)

    def gradient(chosen: list[int], by: list[float]) -> dict[str, torch.Tensor]:
        job = make_job(tmp_path / "job", pairs, parent)
        opened = open_adapter(job)
        rows = [pair_row(pairs[i], opened.renderer, with_reason=False) | {"weight": w} for i, w in zip(chosen, by, strict=True)]
        with quiet():
            settings = training_arguments(job, config, opened) | ({"max_length": 2048} if name == "orpo" else {})
            trainer = module.trl_trainer(opened, rows, settings, config)
            batch = trainer.data_collator([trainer.train_dataset[i] for i in range(len(rows))])
            trainer.compute_loss(trainer.model, batch).backward()
        return {n: p.grad for n, p in trainer.model.named_parameters() if p.grad is not None}

    together = gradient([0, 1, 2], weights)
    alone = [gradient([i], [1.0]) for i in range(3)]
    for key, value in together.items():
        expected = sum(w * g[key] for w, g in zip(weights, alone, strict=True)) / 3
        torch.testing.assert_close(value, expected, atol=1e-6, rtol=1e-4)


def test_orpo_first_loss_by_hand(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    from recipes.orpo import recipe

    pairs = [pair(i) for i in range(4)]
    job = make_job(tmp_path / "orpo", pairs, parent)
    recipe.train(job, recipe.Config(**SMALL))
    rows = rendered(job, pairs)
    chosen = sum_log_probs(job, parent, [(p, c) for p, c, _ in rows])
    rejected = sum_log_probs(job, parent, [(p, r) for p, _, r in rows])
    means = [(c / len(row[1]), r / len(row[2])) for c, r, row in zip(chosen, rejected, rows, strict=True)]

    def log_odds(mean: float) -> float:
        return mean - math.log1p(-math.exp(mean))

    terms = [math.log1p(math.exp(-(log_odds(c) - log_odds(r)))) for c, r in means]
    likelihood = -sum(chosen) / sum(len(row[1]) for row in rows)
    assert lines_of(job.folder)[0]["loss"] == pytest.approx(likelihood + 0.1 * sum(terms) / 4, abs=1e-5)


def test_kto_first_loss_is_one_half(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    from recipes.kto import recipe

    data = [judged(i, desirable=i % 2 == 0) for i in range(8)]
    job = make_job(tmp_path / "kto", data, parent)
    result = recipe.train(job, recipe.Config(**SMALL | {"num_train_epochs": 2.0, "sft_weight": 0.0}))
    first = lines_of(job.folder)[0]
    assert first["loss"] == 0.5
    assert first["kl"] == first["rewards/chosen"] == first["rewards/rejected"] == 0.0
    assert result.examples == 8
    assert result.steps == 4
    assert lines_of(job.folder)[-1]["rewards/margins"] > 0


def test_kto_weights_act_on_rows(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    """By hand, before the first update: each row's loss is 1 - sigmoid(±(beta * log-ratio)), its slope 1/4 * beta, times its weight."""
    import torch

    from recipes.kto import recipe, trl_trainer, with_mismatched_answers
    from recipes.tokenization import judged_row
    from recipes.training import open_adapter, quiet, training_arguments

    data = [judged(i, desirable=i % 2 == 0) for i in range(3)]
    weights = [0.5, 2.0, 0.5]
    job = make_job(tmp_path / "kto", data, parent)
    opened = open_adapter(job)
    rows = with_mismatched_answers(
        [judged_row(j, opened.renderer, with_reason=False) | {"weight": w} for j, w in zip(data, weights, strict=True)]
    )
    config = recipe.Config(**SMALL)
    with quiet():
        trainer = trl_trainer(opened, rows, training_arguments(job, config, opened), config)
        batch = trainer.data_collator([trainer.train_dataset[i] for i in range(3)])
        trainer.compute_loss(trainer.model, batch).backward()
    ours = {n: p.grad.clone() for n, p in trainer.model.named_parameters() if p.grad is not None}
    trainer.model.zero_grad()
    total = torch.zeros(())
    for row, weight in zip(rows, weights, strict=True):
        ids = torch.tensor([row["prompt_ids"] + row["completion_ids"]])
        logits = trainer.model(ids).logits[0, len(row["prompt_ids"]) - 1 : -1]
        log_prob = logits.log_softmax(-1).gather(1, torch.tensor(row["completion_ids"])[:, None]).sum()
        total = total - weight * (1 if row["label"] else -1) * config.beta / 4 * log_prob / 3
    total.backward()
    for name, parameter in trainer.model.named_parameters():
        if name in ours:
            torch.testing.assert_close(ours[name], parameter.grad, atol=1e-6, rtol=1e-4)
