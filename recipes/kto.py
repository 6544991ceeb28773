"""Kahneman-Tversky optimization (Ethayarajh et al. 2024, https://arxiv.org/abs/2402.01306) of the parent adapter: answers judged alone.

The reference is the parent, and the run stops unless every reward before the first update is 0 (each row's loss is then 0.5); or, by
`reference = "sft"`, the adapter of the SFT stage in every round, and the run stops unless the policy begins as the parent.

The KL term is estimated from each prompt with the answer of the row before it. Rows are therefore dealt out with the seed so that no row
follows one of the same prompt, and groups of one row do not arise: a group is an update with the engine "shared", a batch with TRL's.
Desirable and undesirable rows are weighed so that desirable_weight * n_desirable / (undesirable_weight * n_undesirable) lies in [1, 4/3]
(the paper, equation 8).

The loss pushes wrong answers down and gives right ones that the parent finds likely almost nothing to rise by; `likelihood` adds theirs, as
`sft` does in dpo.

engine "shared": a row is [prompt | its answer | the answer for the KL term], so that one forward pass does the work of four; where an
update is made of several passes, the answers for the KL term have passes of their own before them, and the term is that of the whole
update. The parent's log-probabilities are computed once before training. engine "trl": TRL's KTOTrainer with our token ids, order of rows,
weights and guards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from prefopt.errors import TrainingError
from prefopt.records import Judged
from recipes.order import deal, with_mismatched
from recipes.rows import unit_mean

if TYPE_CHECKING:
    from prefopt.protocols import ExtraInput, TrainedAdapter, TrainingJob
    from recipes.rows import Row

LOW, HIGH = 1.0, 4 / 3
"""Wanted ratio of desirable to undesirable weight."""


class KtoConfig(BaseModel):
    """Options of the recipe; kto.toml says what each is for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: Literal["shared", "trl"] = "shared"
    beta: Annotated[float, Field(gt=0)] = 0.1
    reference: Literal["parent", "sft"] = "parent"
    weighted: bool = True
    with_reason: bool = False
    likelihood: Annotated[float, Field(ge=0)] = 0.0
    rehearse_examples: Annotated[float, Field(ge=0, le=1)] = 0.0
    rehearse_preferences: Annotated[float, Field(ge=0, le=1)] = 0.0
    epochs: Annotated[float, Field(ge=1)] = 1.0
    batch_size: Annotated[int, Field(ge=1)] = 8
    accumulate: Annotated[int, Field(ge=1)] = 4
    learning_rate: Annotated[float, Field(gt=0)] = 2e-5
    schedule: Literal["linear", "cosine", "constant", "constant_with_warmup"] = "cosine"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    gradient_checkpointing: bool = True
    save_steps: Annotated[int, Field(ge=1)] = 25
    report_to: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> KtoConfig:
        if self.batch_size * (1 if self.engine == "trl" else self.accumulate) < 2:
            raise ValueError("KTO compares each answer with another problem's: batch_size must be at least 2 (engine trl), or accumulate")
        if self.engine == "trl" and self.likelihood:
            raise ValueError('KTO in TRL has no likelihood term; set engine = "shared", or likelihood = 0')
        if self.engine == "trl" and self.rehearse_examples:
            raise ValueError('TRL has no likelihood of examples beside preferences; set engine = "shared", or rehearse_examples = 0')
        if self.engine == "trl" and self.reference == "sft":
            raise ValueError('TRL copies the parent as its reference; set engine = "shared" for reference = "sft"')
        return self


class Kto:
    """Judged answers and the parent adapter -> adapter."""

    name = "kto"
    needs: Literal["judged"] = "judged"
    Config = KtoConfig

    def extra_inputs(self, config: KtoConfig) -> frozenset[ExtraInput]:
        """What the options ask for besides the judged answers and the parent adapter."""
        extra: set[ExtraInput] = set()
        if config.reference == "sft":
            extra.add("sft_adapter")
        if config.rehearse_preferences:
            extra.add("earlier_preferences")
        return frozenset(extra)

    def train(self, job: TrainingJob, config: KtoConfig) -> TrainedAdapter:
        """Train and save. Raises TrainingError, ModelError."""
        from recipes.rehearsal import as_judged, rehearsed
        from recipes.rows import data_of, judged_row, refuse_long, refuse_orphan, refuse_unknown_labels

        refuse_orphan(job, self.name)
        extra = rehearsed(job, config)
        data = [*data_of(job, Judged, "wait for more rankings"), *extra.preferences]
        refuse_unknown_labels(job, [(judged.problem.id, judged.answer) for judged in data])
        own = [judged.weight if config.weighted else 1.0 for judged in data]
        weights = class_weights([judged.desirable for judged in data], own)
        from recipes.training import (  # torch and TRL take seconds to import
            arguments,
            kept_reference,
            open_adapter,
            quiet,
            reference_folder,
            run,
        )

        with quiet():
            opened = open_adapter(job)
            rows = [
                judged_row(judged, opened.renderer, with_reason=config.with_reason) | {"weight": weight, "example": False}
                for judged, weight in zip(data, weights, strict=True)
            ]
            rows += as_judged(extra.examples, opened.renderer)
            refuse_long(rows, job.prompt.max_tokens)
            together = config.batch_size * (1 if config.engine == "trl" else config.accumulate)
            groups = deal(rows, together, job.seed)
            rows = [row for group in groups for row in with_mismatched(group)]
            settings = arguments(job, config, opened) | {"per_device_train_batch_size": len(groups[0])}
            if config.engine == "trl":
                stock = partial(make_trainer, opened, rows, settings, config)
                return run(job, self.name, config, opened, rows, lambda _: stock(), facts=extra.metrics)
            settings["gradient_accumulation_steps"] = 1
            kept = kept_reference(job, config.reference)
            build = partial(make_shared_trainer, opened, rows, settings, config, reference_folder(job), kept=kept)
            return run(job, self.name, config, opened, rows, build, facts=extra.metrics)


def class_weights(desirable: Sequence[bool], weights: Sequence[float]) -> list[float]:
    """Weight of each row: its own, times one factor for desirable and one for undesirable rows that bring the ratio of their totals into
    [1, 4/3]. The mean is 1; rows of equal weight whose ratio is in the band already get exactly 1.

    Raises:
        TrainingError: all rows are desirable, or none is: there is nothing to tell apart.
    """
    good = math.fsum(w for w, d in zip(weights, desirable, strict=True) if d)
    bad = math.fsum(w for w, d in zip(weights, desirable, strict=True) if not d)
    if not good or not bad:
        which = "desirable" if good else "undesirable"
        raise TrainingError(
            f"all {len(weights)} judged answers are {which}: KTO needs both kinds",
            hint="collect more rankings, or train this round with sft on the right answers",
        )
    ratio = good / bad
    factor = min(max(ratio, LOW), HIGH) / ratio  # of the desirable rows; undesirable rows keep 1 until the mean is set
    own = [w * factor if d and factor != 1 else w for w, d in zip(weights, desirable, strict=True)]
    return unit_mean(own)


def make_trainer(opened: Any, rows: list[Row], settings: dict[str, Any], config: KtoConfig) -> Any:
    """TRL's KTOTrainer on rows of token ids in their order, weighted row by row, watched for zero rewards before the first update."""
    from datasets import Dataset
    from trl import KTOConfig as TrlConfig
    from trl import KTOTrainer
    from trl.trainer.kto_trainer import DataCollatorForUnpairedPreference

    from recipes.guards import zero_rewards
    from recipes.training import LocalRun
    from recipes.weights import weighing, with_weights

    class JudgedTrainer(LocalRun, KTOTrainer):  # type: ignore[misc]  # TRL has no types
        def _compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool) -> Any:
            weights = inputs.pop("weight")
            with zero_rewards(self):
                return super()._compute_loss(weighing(model, weights), inputs, return_outputs)

    return JudgedTrainer(
        model=opened.model,
        args=TrlConfig(**settings, beta=config.beta, train_sampling_strategy="sequential", router_aux_loss_coef=0.0),
        train_dataset=Dataset.from_list(rows),
        processing_class=opened.base.tokenizer,
        data_collator=with_weights(DataCollatorForUnpairedPreference(pad_token_id=opened.base.tokenizer.pad_token_id)),
    )


def make_shared_trainer(
    opened: Any,
    rows: list[Row],
    settings: dict[str, Any],
    config: KtoConfig,
    folder: Path,
    cut: int | None = None,
    *,
    kept: Path | None = None,
) -> Any:
    """The engine "shared" on the rows in their order, at most `cut` in a forward pass; what the parent gives is kept in `folder`."""
    import torch
    from trl import KTOConfig as TrlConfig

    from recipes.guards import refuse_moved
    from recipes.packing import pack, with_reference
    from recipes.reference import add_references
    from recipes.shared import Scores, SharedTrainer, Update, judged_metrics, rehearsal_term, score, updates_of

    args = TrlConfig(**settings, beta=config.beta, router_aux_loss_coef=0.0)
    updates = updates_of(range(len(rows)), args, cut or config.batch_size)  # as they were dealt
    at_once = updates.passes_of_an_update == 1

    def packed(batch: list[Row], *names: str) -> dict[str, torch.Tensor]:
        trees = [(row["prompt_ids"], [row[f"{name}_ids"] for name in names]) for row in batch]
        return pack(trees, opened.base.tokenizer.pad_token_id)

    def mismatched(batch: list[Row]) -> dict[str, torch.Tensor]:
        own = [{name.removeprefix("KL_"): row[name] for name in ("KL_reference", "KL_start") if name in row} for row in batch]
        return with_reference(packed(batch, "KL_completion"), own)

    def collate(batch: list[Row]) -> dict[str, Any]:
        found: dict[str, Any] = packed(batch, "completion", "KL_completion") if at_once else packed(batch, "completion")
        found["weight"] = torch.tensor([row["weight"] for row in batch], dtype=torch.float32)
        found["desirable"] = torch.tensor([row["label"] for row in batch])
        found["example"] = torch.tensor([row.get("example", False) for row in batch])
        rehearsed = sum(len(row["completion_ids"]) for row in batch if row.get("example", False))
        liked = sum(len(row["completion_ids"]) for row in batch if row["label"]) - rehearsed  # an example is desirable too
        found["counts"] = torch.tensor([float((~found["example"]).sum()), float(liked), float(rehearsed)])
        if "KL_reference" in batch[0]:
            found["mismatched"] = mismatched(batch)
        return with_reference(found, batch)

    def ratios_of_mismatched(model: Any, batch: dict[str, Any], done: int) -> torch.Tensor:
        found = score(model, batch["mismatched"], measured=False).log_probs
        if done == 0:
            refuse_moved(found, batch["mismatched"], config.beta)
        return found - batch["mismatched"]["reference"]

    def desirability(scores: Scores, batch: dict[str, torch.Tensor], update: Update) -> tuple[torch.Tensor, dict[str, float]]:
        n, desirable, example = len(batch["weight"]), batch["desirable"], batch["example"]
        ratios = scores.log_probs - batch["reference"]
        if update.done == 0:
            refuse_moved(scores.log_probs, batch, config.beta)
        kl = (ratios[n:].detach().mean() if update.mean is None else update.mean).clamp(min=0)
        ahead = torch.where(desirable, ratios[:n] - kl, kl - ratios[:n])
        loss = (batch["weight"] * ~example * torch.sigmoid(-config.beta * ahead)).sum() / (update.rows or 1.0)
        total, metrics = rehearsal_term(scores[:n], example)
        tokens = update.rehearsed
        if config.likelihood:
            tokens += update.tokens
            total = total + config.likelihood * (scores[:n].log_probs * (desirable & ~example)).sum()
        loss = loss - total / (tokens or 1.0)
        judged, rewards = scores[:n][~example], config.beta * ratios[:n].detach()[~example]
        return loss, metrics | judged_metrics(judged, rewards, desirable[~example]) | {"kl": kl.item()}

    def referenced(rows: list[Row], *names: str) -> list[Row]:
        return add_references(opened, rows, updates.passes(), lambda batch: packed(batch, *names), folder, kept)

    if at_once:
        rows = referenced(rows, "completion", "KL_completion")
    else:
        swapped = referenced([row | {"completion_ids": row["KL_completion_ids"]} for row in rows], "completion")
        own = [{f"KL_{name}": row[name] for name in ("reference", "start") if name in row} for row in swapped]
        rows = [row | other for row, other in zip(referenced(rows, "completion"), own, strict=True)]
    return SharedTrainer(
        model=opened.model,
        args=args,
        rows=rows,
        tokenizer=opened.base.tokenizer,
        collate=collate,
        objective=desirability,
        updates=updates,
        survey=None if at_once else ratios_of_mismatched,
    )


recipe = Kto()
