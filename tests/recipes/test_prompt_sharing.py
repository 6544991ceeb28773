"""The engine "prompt_sharing" against stock TRL: loss and every gradient, on a gpt-oss with sinks whose window is shorter than the prompts.

TRL runs transformers' eager attention; ours is fused, with rows cut into several blocks.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from datasets import Dataset
from transformers import TrainerCallback
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

from prefopt.config import AdapterSettings
from prefopt.model.adapters import fresh_adapter
from prefopt.model.attention import fused_attention, register_fused_sinks
from prefopt.model.experts import quantize_experts
from prefopt.model.identity import BaseIdentity
from prefopt.model.load import Base
from recipes import dpo, kto, orpo, sft
from recipes.losses import PAIR_LOSSES
from recipes.reference import Reference
from recipes.training import LocalRun, Opened, quiet
from tests.gptoss import VOCABULARY, make_model, make_tokenizer

TOLERANCE = 1e-5
Gradients = dict[str, torch.Tensor]


def chance(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def move(model: Any, seed: int, std: float = 0.02) -> None:
    """Change the LoRA weights: what a few updates would do."""
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            if "lora_" in name and ".default." in name:
                parameter.add_(torch.randn(parameter.shape, generator=chance(seed)) * std)


@pytest.fixture(autouse=True)
def _short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ALL_ATTENTION_FUNCTIONS, register_fused_sinks(), partial(fused_attention, block=16))


def opened(folder: Path, *, stock: bool = False) -> Opened:
    lm = quantize_experts(make_model(layers=2, window=24)).requires_grad_(False)
    lm.config._attn_implementation = "eager" if stock else register_fused_sinks()
    base = Base(lm, make_tokenizer(), folder, BaseIdentity("random", {}), {})
    model = fresh_adapter(base, AdapterSettings(rank=4, alpha=8), seed=0).train()
    move(model, 1)
    return Opened(base, model, None, "a parent")  # type: ignore[arg-type]  # no renderer: rows are tokens already


def make_rows(count: int = 5) -> list[dict[str, Any]]:
    """Prompts of 30 to 58 tokens, answers of 3 to 15 that begin alike or not, or are the other's beginning."""
    random = chance(0)

    def tokens(length: int) -> list[int]:
        return torch.randint(10, VOCABULARY, (length,), generator=random).tolist()

    rows = []
    for i in range(count):
        common = tokens([0, 4, 2, 3][i % 4])
        chosen = common + tokens(3 + 3 * (i % 3))
        rejected = common + ([] if i % 4 == 3 else tokens(12 - 2 * i))
        rows.append({"id": f"r{i}", "prompt_ids": tokens(30 + 7 * i), "chosen_ids": chosen, "rejected_ids": rejected, "weight": 1.0})
    return [
        row | {"completion_ids": row["chosen_ids"], "label": i % 3 != 0, "KL_completion_ids": rows[i - 1]["chosen_ids"]}
        for i, row in enumerate(rows)
    ]


def settings(folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "output_dir": str(folder / "out"),
        "per_device_train_batch_size": 8,
        "report_to": "none",
        "use_cpu": True,
        "bf16": False,
        "disable_tqdm": True,
        "remove_unused_columns": False,
        "gradient_checkpointing": False,
        "save_strategy": "no",
    } | more


class Stock(LocalRun):
    """Before a TRL trainer: rows are tokens already."""

    def tokenize_row(self, feature: dict[str, Any], model: Any = None) -> dict[str, Any]:
        return {}


def step(trainer: Any, *, checkpointing: bool = False) -> tuple[float, Gradients]:
    """Loss and gradients of the trainer's whole data as one batch, after the weights have moved away from the reference."""
    move(trainer.model, 2)
    trainer.state.global_step = 1
    if checkpointing:
        trainer.model.gradient_checkpointing_enable({"use_reentrant": False})
    batch = trainer.data_collator([trainer.train_dataset[i] for i in range(len(trainer.train_dataset))])
    with quiet():
        loss = trainer.compute_loss(trainer.model.train(), batch)
        loss.backward()
    return loss.item(), {name: p.grad for name, p in trainer.model.named_parameters() if p.grad is not None}


def assert_equal(ours: tuple[float, Gradients], theirs: tuple[float, Gradients]) -> None:
    assert ours[0] == pytest.approx(theirs[0], abs=TOLERANCE, rel=TOLERANCE)
    assert ours[1].keys() == theirs[1].keys()
    assert sum(bool(gradient.any()) for gradient in ours[1].values()) > 10
    for name, gradient in theirs[1].items():
        assert (ours[1][name] - gradient).abs().max() <= TOLERANCE, name


def logged(trainer: Any) -> dict[str, float]:
    """What the trainer writes to its log after a step."""
    trainer.log({"loss": 0.0})
    entry: dict[str, float] = trainer.state.log_history[-1]
    return entry


def our_dpo(folder: Path, rows: list[dict[str, Any]], config: Any, **more: Any) -> Any:
    return dpo.prompt_sharing_trainer(opened(folder), rows, settings(folder, **more), config, Reference(folder / "reference"))


def columns(rows: list[dict[str, Any]], *names: str) -> Dataset:
    return Dataset.from_list([{name: row[name] for name in names} for row in rows])


def stock_dpo(folder: Path, rows: list[dict[str, Any]], **more: Any) -> Any:
    start = opened(folder, stock=True)
    args = DPOConfig(**settings(folder, **more), max_length=None, router_aux_loss_coef=0.0)
    data = columns(rows, "prompt_ids", "chosen_ids", "rejected_ids")
    return type("T", (Stock, DPOTrainer), {})(model=start.model, args=args, train_dataset=data, processing_class=start.base.tokenizer)


LOSSES = [
    ("sigmoid",),
    ("sigmoid", "sft"),
    ("hinge",),
    ("robust",),
    ("sigmoid_norm",),
    ("sigmoid_norm", "sft"),
]


@pytest.mark.parametrize("losses", LOSSES, ids="+".join)
def test_dpo_equals_trl(losses: tuple[str, ...], tmp_path: Path) -> None:
    smoothing = 0.1 if dpo.SMOOTHED & set(losses) else 0.0
    same = {"beta": 0.3, "label_smoothing": smoothing, "loss_weights": [1.0, 0.5][: len(losses)]}
    config = dpo.DpoConfig(engine="prompt_sharing", loss=losses, **same)
    with quiet():
        ours, theirs = (
            our_dpo(tmp_path / "a", make_rows(), config),
            stock_dpo(tmp_path / "b", make_rows(), loss_type=list(losses), **same),
        )
    assert_equal(step(ours), step(theirs))
    found, expected = logged(ours), logged(theirs)
    assert "rewards/margins" in expected
    for name in expected.keys() - {"num_tokens"}:
        assert found[name] == pytest.approx(expected[name], abs=1e-4), name


def test_dpo_with_gradient_checkpointing_equals_trl(tmp_path: Path) -> None:
    config = dpo.DpoConfig(engine="prompt_sharing", beta=0.1, loss_weights=(1.0, 1.0))
    with quiet():
        plain, again = (our_dpo(tmp_path / name, make_rows(), config) for name in "ab")
        stock = stock_dpo(tmp_path / "c", make_rows(), loss_type=["sigmoid", "sft"], loss_weights=[1.0, 1.0])
    ours = step(again, checkpointing=True)
    expected = step(plain)
    assert ours[0] == expected[0]
    assert all(torch.equal(ours[1][name], expected[1][name]) for name in expected[1])
    assert_equal(ours, step(stock, checkpointing=True))


def test_sft_equals_trl(tmp_path: Path) -> None:
    rows, start, other = make_rows(), opened(tmp_path), opened(tmp_path, stock=True)
    data = [
        {"input_ids": row["prompt_ids"] + row["completion_ids"], "labels": [-100] * len(row["prompt_ids"]) + row["completion_ids"]}
        for row in rows
    ]
    with quiet():
        ours = sft.prompt_sharing_trainer(start, rows, settings(tmp_path))
        args = SFTConfig(**settings(tmp_path), max_length=None, router_aux_loss_coef=0.0)
        theirs = type("T", (Stock, SFTTrainer), {})(
            model=other.model, args=args, train_dataset=Dataset.from_list(data), processing_class=other.base.tokenizer
        )
    assert_equal(step(ours), step(theirs))


def test_kto_equals_trl(tmp_path: Path) -> None:
    rows, start, other = make_rows(), opened(tmp_path), opened(tmp_path, stock=True)
    data = columns(rows, "prompt_ids", "completion_ids", "KL_completion_ids", "label")
    with quiet():
        ours = kto.prompt_sharing_trainer(
            start, rows, settings(tmp_path), kto.KtoConfig(beta=0.3, sft_weight=0), Reference(tmp_path / "reference")
        )
        args = KTOConfig(**settings(tmp_path), max_length=None, beta=0.3, router_aux_loss_coef=0.0)
        theirs = type("T", (Stock, KTOTrainer), {})(model=other.model, args=args, train_dataset=data, processing_class=other.base.tokenizer)
    assert_equal(step(ours), step(theirs))
    assert logged(ours)["kl"] == pytest.approx(logged(theirs)["kl"], abs=1e-4)


def test_orpo_equals_trl(tmp_path: Path) -> None:
    """TRL's odds ratio and forward pass; the likelihood of the answers alone is taken from TRL's own logits."""
    rows, start, other = make_rows(), opened(tmp_path), opened(tmp_path, stock=True)

    def of_answers(self: Any, model: Any, batch: dict[str, Any]) -> Any:
        chosen, rejected, chosen_logits, rejected_logits, _ = ORPOTrainer.concatenated_forward(self, model, batch)
        labels = batch["chosen_labels"][:, 1:]
        logits = chosen_logits[:, : labels.shape[1]].reshape(-1, VOCABULARY)
        likelihood = torch.nn.functional.cross_entropy(logits, labels.reshape(-1), ignore_index=-100)
        return chosen, rejected, chosen_logits, rejected_logits, likelihood

    with quiet():
        ours = orpo.prompt_sharing_trainer(start, rows, settings(tmp_path), orpo.OrpoConfig(engine="prompt_sharing", beta=0.3))
        data = Dataset.from_list([orpo.trl_columns(row) for row in rows])
        theirs = type("T", (Stock, ORPOTrainer), {"concatenated_forward": of_answers})(
            model=other.model,
            args=ORPOConfig(**settings(tmp_path), max_length=4096, beta=0.3),
            train_dataset=data,
            processing_class=other.base.tokenizer,
        )
    assert_equal(step(ours), step(theirs))


def test_the_prompt_sharing_losses_are_those_of_losses_py() -> None:
    assert set(get_args(dpo.PromptSharingLoss)) == {*PAIR_LOSSES, "sft"}


class Keep(TrainerCallback):  # type: ignore[misc]  # transformers is not followed by mypy
    """Keeps the gradients of the first update."""

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, *, model: Any, **_: Any) -> None:
        self.gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def make_one(name: str, folder: Path, rows: list[dict[str, Any]], **more: Any) -> Any:
    start, given = opened(folder), settings(folder, max_grad_norm=1e9, num_train_epochs=1, logging_steps=1, **more)
    if name == "sft":
        return sft.prompt_sharing_trainer(start, rows, given)
    if name == "kto":  # a batch is an update, cut into forward passes
        size, together = given["per_device_train_batch_size"], given["gradient_accumulation_steps"]
        update = given | {"per_device_train_batch_size": size * together, "gradient_accumulation_steps": 1}
        return kto.prompt_sharing_trainer(start, rows, update, kto.KtoConfig(), Reference(folder / "reference"), size)
    if name == "orpo":
        return orpo.prompt_sharing_trainer(start, rows, given, orpo.OrpoConfig())
    return dpo.prompt_sharing_trainer(start, rows, given, dpo.DpoConfig(), Reference(folder / "reference"))


@pytest.mark.parametrize("name", ["sft", "dpo", "orpo", "kto"])
def test_one_batch_of_eight_is_eight_batches_of_one_and_three_unequal_ones(name: str, tmp_path: Path) -> None:
    rows = [row | {"weight": 0.5 + i / 7} for i, row in enumerate(make_rows(4) + make_rows(5)[1:])]
    found = []
    for size, accumulate in ((8, 1), (1, 8), (3, 3)):
        keep = Keep()
        with quiet():
            more = {"per_device_train_batch_size": size, "gradient_accumulation_steps": accumulate}
            trainer = make_one(name, tmp_path / f"{size}", rows, **more)
            trainer.add_callback(keep)
            trainer.train()
        found.append((trainer.state.log_history[0]["loss"], keep.gradients))
    assert_equal(found[1], found[0])
    assert_equal(found[2], found[0])
