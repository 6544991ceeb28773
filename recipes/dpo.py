"""Direct preference optimization (Rafailov et al. 2023, https://arxiv.org/abs/2305.18290) of the parent adapter.

The reference is the parent, and the run stops unless every reward before the first update is 0; or, by `reference = "sft"`, the adapter of
the SFT stage in every round, and the run stops unless the policy begins as the parent. The default loss adds the chosen answer's
likelihood (Pang et al. 2024, https://arxiv.org/abs/2404.19733), because two answers to one problem share most of their tokens and plain DPO
then lowers the likelihood of both. Pairs count by their weight.

engine "shared": each pair is one row, in which the prompt is computed once; the parent's log-probabilities are computed once before
training; losses of ties and margins (losses.py). engine "trl": TRL's DPOTrainer, which copies the adapter "default" to a frozen "ref",
with our token ids, weights and guards.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from prefopt.errors import TrainingError
from prefopt.records import Pair

if TYPE_CHECKING:
    from prefopt.protocols import ExtraInput, TrainedAdapter, TrainingJob
    from recipes.rows import Row

Loss = Literal[
    "sigmoid",
    "hinge",
    "ipo",
    "robust",
    "sigmoid_norm",
    "apo_zero",
    "apo_down",
    "exo_pair",
    "nca_pair",
    "bco_pair",
    "sppo_hard",
    "discopop",
    "aot",
    "aot_unpaired",
    "rao_kupper",
    "davidson",
    "sft",
]
TIES = {"rao_kupper", "davidson"}
"""Losses that learn from ties; with any other, ties are left out."""
SORTED = {"aot", "aot_unpaired"}
"""Losses that sort what is in a forward pass: a pair's weight would mean nothing, and a pass must be a whole update."""
SMOOTHED = {"robust", "exo_pair"} | SORTED
WITH_MARGIN = {"sigmoid", "hinge", "robust", "sigmoid_norm", "rao_kupper", "davidson"}


class DpoConfig(BaseModel):
    """Options of the recipe; dpo.toml says what each is for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: Literal["shared", "trl"] = "shared"
    beta: Annotated[float, Field(gt=0)] = 0.1
    loss: Annotated[tuple[Loss, ...], Field(min_length=1)] = ("sigmoid", "sft")
    loss_weights: tuple[float, ...] = (1.0, 1.0)
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    discopop_tau: Annotated[float, Field(gt=0)] = 0.05
    margin: Annotated[float, Field(ge=0)] = 0.0
    tie_share: Annotated[float, Field(gt=0, lt=1)] = 0.3333
    max_drop: Annotated[float, Field(ge=0)] = 0.0
    reference: Literal["parent", "sft"] = "parent"
    weighted: bool = True
    with_reason: bool = False
    rehearse_examples: Annotated[float, Field(ge=0, le=1)] = 0.0
    rehearse_preferences: Annotated[float, Field(ge=0, le=1)] = 0.0
    epochs: Annotated[float, Field(ge=1)] = 1.0
    batch_size: Annotated[int, Field(ge=1)] = 4
    accumulate: Annotated[int, Field(ge=1)] = 4
    learning_rate: Annotated[float, Field(gt=0)] = 2e-5
    schedule: Literal["linear", "cosine", "constant", "constant_with_warmup"] = "cosine"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    gradient_checkpointing: bool = True
    save_steps: Annotated[int, Field(ge=1)] = 25
    validation_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    patience: Annotated[int, Field(ge=1)] = 3
    report_to: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> DpoConfig:
        if len(self.loss_weights) != len(self.loss):
            raise ValueError(f"loss_weights has {len(self.loss_weights)} numbers for the {len(self.loss)} losses {list(self.loss)}")
        if set(self.loss) == {"sft"}:
            raise ValueError("loss is sft alone, which prefers nothing; add sigmoid")
        if self.label_smoothing and not SMOOTHED & set(self.loss):
            raise ValueError(f"label_smoothing does nothing with the losses {list(self.loss)}; use robust in place of sigmoid")
        if "exo_pair" in self.loss and not self.label_smoothing:
            raise ValueError("the loss exo_pair needs label_smoothing above 0, e.g. 0.001")
        if SORTED & set(self.loss) and (self.weighted or self.accumulate > 1):
            raise ValueError(f"{min(SORTED & set(self.loss))} sorts the pairs of an update: set weighted = false and accumulate = 1")
        if self.margin and not WITH_MARGIN & set(self.loss):
            raise ValueError(f"margin does nothing with the losses {list(self.loss)}")
        if self.engine == "trl" and (self.margin or TIES & set(self.loss)):
            raise ValueError('TRL has no margin and no losses of ties; set engine = "shared"')
        if self.engine == "trl" and self.validation_share:
            raise ValueError('validation is written for engine = "shared"; set validation_share = 0')
        if self.engine == "trl" and self.rehearse_examples:
            raise ValueError('TRL has no likelihood of examples beside preferences; set engine = "shared", or rehearse_examples = 0')
        if self.engine == "trl" and self.reference == "sft":
            raise ValueError('TRL copies the parent as its reference; set engine = "shared" for reference = "sft"')
        return self


class Dpo:
    """Pairs and the parent adapter -> adapter."""

    name = "dpo"
    needs: Literal["pairs"] = "pairs"
    Config = DpoConfig

    def extra_inputs(self, config: DpoConfig) -> frozenset[ExtraInput]:
        """What the options ask for besides the pairs and the parent adapter."""
        extra: set[ExtraInput] = set()
        if config.reference == "sft":
            extra.add("sft_adapter")
        if config.rehearse_preferences:
            extra.add("earlier_preferences")
        return frozenset(extra)

    def train(self, job: TrainingJob, config: DpoConfig) -> TrainedAdapter:
        """Train and save. Raises TrainingError, ModelError."""
        from recipes.rehearsal import as_pairs, rehearsed
        from recipes.rows import alike, data_of, pair_row, refuse_long, refuse_orphan, refuse_unknown_labels, unit_mean, without_ties

        refuse_orphan(job, self.name)
        extra = rehearsed(job, config)
        pairs = [*data_of(job, Pair, "wait for more rankings, or lower min_weight under [pair]"), *extra.preferences]
        if not TIES & set(config.loss):
            pairs = without_ties(pairs)
        refuse_unknown_labels(job, [(pair.problem.id, answer) for pair in pairs for answer in (pair.chosen, pair.rejected)])
        from recipes.training import (  # torch and TRL take seconds to import
            arguments,
            kept_reference,
            open_adapter,
            quiet,
            reference_folder,
            run,
        )
        from recipes.validation import Patience, evaluation, set_aside
        from recipes.watch import StopAtDrop

        with quiet():
            opened = open_adapter(job)
            weights = unit_mean([pair.weight if config.weighted else 1.0 for pair in pairs])
            rows = [
                pair_row(pair, opened.renderer, with_reason=config.with_reason)
                | {"weight": weight, "margin": config.margin * pair.weight, "tie": pair.tie, "example": False}
                for pair, weight in zip(pairs, weights, strict=True)
            ]
            rows += as_pairs(extra.examples, opened.renderer)
            facts = extra.metrics | alike(rows)
            refuse_long(rows, job.prompt.max_tokens)
            rows, held = set_aside(rows, config, job.seed)
            settings = arguments(job, config, opened) | evaluation(config)
            stops: list[Any] = [StopAtDrop(config.max_drop, config.beta, config.reference)] if config.max_drop else []
            stops.append(Patience(config.patience))
            if config.engine == "trl":
                stock = partial(make_trainer, opened, rows, settings, config)
                return run(job, self.name, config, opened, rows, lambda _: stock(), stops, facts)
            kept = kept_reference(job, config.reference)
            build = partial(make_shared_trainer, opened, rows, settings, config, reference_folder(job), kept=kept, held=held)
            return run(job, self.name, config, opened, rows, build, stops, facts)


def make_trainer(opened: Any, rows: list[Row], settings: dict[str, Any], config: DpoConfig) -> Any:
    """TRL's DPOTrainer on rows of token ids, weighted pair by pair, watched for zero rewards before the first update."""
    from datasets import Dataset
    from trl import DPOConfig as TrlConfig
    from trl import DPOTrainer
    from trl.trainer.dpo_trainer import DataCollatorForPreference

    from recipes.guards import zero_rewards
    from recipes.training import LocalRun
    from recipes.weights import weighing, with_weights

    class PairTrainer(LocalRun, DPOTrainer):  # type: ignore[misc]  # TRL has no types
        def _compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool) -> Any:
            weights = inputs.pop("weight").repeat(2)  # chosen rows first, then the rejected ones
            with zero_rewards(self):
                return super()._compute_loss(weighing(model, weights), inputs, return_outputs)

    return PairTrainer(
        model=opened.model,
        args=TrlConfig(
            **settings,
            beta=config.beta,
            loss_type=list(config.loss),
            loss_weights=list(config.loss_weights),
            label_smoothing=config.label_smoothing,
            discopop_tau=config.discopop_tau,
            router_aux_loss_coef=0.0,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=opened.base.tokenizer,
        data_collator=with_weights(DataCollatorForPreference(pad_token_id=opened.base.tokenizer.pad_token_id)),
    )


def refuse_shares(loss: str, size: int, cut: int | None) -> None:
    """A loss that sorts the `size` pairs of an update needs all of them in one forward pass of one process. Raises TrainingError."""
    from recipes import processes

    if processes.count() > 1:
        raise TrainingError(
            f"{loss} sorts the {size} pairs of an update, and {processes.count()} processes would each have a share of them",
            hint='set launcher = "none" under [train], or another loss under recipes.dpo',
        )
    if cut is not None and cut < size:
        raise TrainingError(
            f"{loss} sorts the {size} pairs of an update, and they do not fit into memory together",
            hint="set a lower batch_size, or gradient_checkpointing = true, under recipes.dpo",
        )


def make_shared_trainer(
    opened: Any,
    rows: list[Row],
    settings: dict[str, Any],
    config: DpoConfig,
    folder: Path,
    cut: int | None = None,
    *,
    kept: Path | None = None,
    held: Sequence[Row] = (),
) -> Any:
    """The engine "shared" on one row a pair, at most `cut` in a forward pass; the reference's log-probabilities are stored in `folder`.
    `kept`: an adapter that is the reference in the parent's place. `held`: rows to validate on.
    """
    import torch
    from trl import DPOConfig as TrlConfig

    from recipes.guards import refuse_moved
    from recipes.losses import PAIR_LOSSES, Pairs, Shape
    from recipes.packing import pair_batch, pair_order
    from recipes.reference import add_references
    from recipes.shared import Scores, SharedTrainer, Update, pair_metrics, rehearsal_term, updates_of
    from recipes.updates import pieces

    shape = Shape(config.beta, config.label_smoothing, config.tie_share, config.discopop_tau)

    def collate(batch: list[Row]) -> dict[str, torch.Tensor]:
        return pair_batch(batch, opened.base.tokenizer.pad_token_id)

    def preference(scores: Scores, batch: dict[str, torch.Tensor], update: Update) -> tuple[torch.Tensor, dict[str, float]]:
        n = len(batch["weight"])
        ratios = scores.log_probs - batch["reference"]
        rewards = config.beta * ratios.detach()
        if update.done == 0:
            refuse_moved(scores.log_probs, batch, config.beta)
        chosen, rejected, example = scores[:n], scores[n:], batch["example"]
        before = batch["reference"][:n] - batch["reference"][n:]
        pairs = Pairs(ratios[:n], ratios[n:], chosen.lengths, rejected.lengths, batch["margin"], batch["tie"], before)
        likely = update.tokens * ("sft" in config.loss) + update.rehearsed or 1.0  # tokens of the likelihood term
        total, metrics = rehearsal_term(chosen, example)
        loss = -total * dict(zip(config.loss, config.loss_weights, strict=True)).get("sft", 1.0) / likely
        for name, weight in zip(config.loss, config.loss_weights, strict=True):
            if name == "sft":
                loss = loss - weight * (batch["weight"] * ~(batch["tie"] | example) * chosen.log_probs).sum() / likely
            else:
                learned = ~(example if name in TIES else example | batch["tie"])
                loss = loss + weight * (batch["weight"][learned] * PAIR_LOSSES[name](pairs[learned], shape)).sum() / (update.rows or 1.0)
        return loss, metrics | pair_metrics(scores, rewards, example)

    args = TrlConfig(**settings, beta=config.beta, router_aux_loss_coef=0.0)
    if SORTED & set(config.loss):
        refuse_shares(min(SORTED & set(config.loss)), args.per_device_train_batch_size, cut)
    updates = updates_of(pair_order(rows, args.per_device_train_batch_size, args.seed), args, cut)
    rows = add_references(opened, rows, updates.passes(), collate, folder, kept)
    if held:
        held = add_references(opened, held, pieces(range(len(held)), args.per_device_eval_batch_size), collate, folder, kept)
    return SharedTrainer(
        model=opened.model,
        args=args,
        rows=rows,
        held=held,
        tokenizer=opened.base.tokenizer,
        collate=collate,
        objective=preference,
        updates=updates,
    )


recipe = Dpo()
