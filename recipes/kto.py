"""Kahneman-Tversky optimization (Ethayarajh et al. 2024, https://arxiv.org/abs/2402.01306) of the parent adapter: answers judged alone.

Rows: one judged answer each. Desirable and undesirable rows are weighted so that desirable_weight * n_desirable /
(undesirable_weight * n_undesirable) is in [1, 4/3] (the paper, equation 8), as far as no row then weighs more than four times the mean:
with 3 desirable rows among 63 each of them would weigh as much as twenty others, and so would a wrong one.

Reference: the parent, so that every reward before the first update is 0 and each row's loss of preference 0.5; or, with `reference =
"sft"`, the adapter of the SFT stage in every round, and the policy before the first update is the parent. The run stops where that does
not hold.

Loss: sigmoid of how far an answer's reward is on the wrong side of the KL term, which is estimated from each prompt with the answer of the
row before it. Rows are therefore dealt into groups, with the seed, so that no row follows one of the same prompt, and no group has one
row. The loss pushes wrong answers down and gives right ones that the parent finds likely almost nothing to rise by; so `sft_weight` adds
their likelihood, as the loss "sft" does in dpo.

Engines: with "prompt_sharing" a group is an update, and a row is [prompt | its answer | the answer for the KL term], so that one forward
pass does the work of four; where an update has several forward passes, the answers for the KL term have passes of their own before them,
and the term is that of the whole update. The reference is computed once before training. With "trl" a group is a batch of TRL's KTOTrainer,
with our token ids, order of rows, weights and invariants.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import model_validator

from prefopt.records import Judged
from recipes.class_weights import class_facts, class_weights
from recipes.options import Beta, Count, LossWeight, RoundOptions
from recipes.rehearsal import Rehearsal, balanced_judged, draw_rehearsal, example_judged_rows
from recipes.sampler import batch_sizes, deal_batches, with_mismatched_answers
from recipes.schedule import planned_updates
from recipes.sft_schedule import follow_sft, started
from recipes.tokenization import data_of, judged_row, refuse_long, refuse_unknown_labels, require_parent

if TYPE_CHECKING:
    from torch import Tensor

    from prefopt.protocols import ExtraInput, TrainedAdapter, TrainingJob
    from recipes.logprobs import Scores
    from recipes.prompt_sharing import Batch, Update
    from recipes.reference import Reference
    from recipes.tokenization import Row
    from recipes.training import Opened


class KtoConfig(RoundOptions):
    """Options of the recipe."""

    beta: Beta = 0.1
    """Scale of the reward, beta x log-ratio to the reference; smaller lets the adapter move further from it."""
    reference: Literal["parent", "sft"] = "parent"
    """Adapter that rewards are measured against. sft: the SFT stage's, in every round. Only with engine prompt_sharing."""
    weighted: bool = True
    """Judged answers count by their weight, the net share of the votes."""
    with_reason: bool = False
    """Train on reason and answer where the answer has a reason; false: on the answer, as it is scored."""
    sft_weight: LossWeight = 1.0
    """Weight of the desirable answers' likelihood next to the loss, as sft in dpo; 0: none, as in the paper. Only with engine
    prompt_sharing; 0 where engine = "trl" is set."""
    batch_size: Count = 8
    """Judged answers in one forward pass; with engine trl at least 2."""
    without_gradient: ClassVar[str] = "leave sft_weight out (1): the likelihood has a gradient wherever an answer is not certain already"

    @property
    def group_size(self) -> int:
        """Rows whose answers are compared with each other: an update, or a batch of TRL's."""
        return self.batch_size * (1 if self.engine == "trl" else self.gradient_accumulation_steps)

    def updates_per_epoch(self, rows: int) -> int:
        """Updates in a pass over this many rows. Raises TrainingError where there is one row."""
        groups = len(batch_sizes(rows, self.group_size))
        return math.ceil(groups / self.gradient_accumulation_steps) if self.engine == "trl" else groups

    @model_validator(mode="before")
    @classmethod
    def _no_likelihood_in_trl(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and values.get("engine") == "trl":
            return {"sft_weight": 0.0} | dict(values)
        return values

    @model_validator(mode="after")
    def _consistent(self) -> KtoConfig:
        if self.group_size < 2:
            raise ValueError(
                "KTO compares each answer with another problem's: batch_size (or, with engine prompt_sharing, "
                "gradient_accumulation_steps) must be at least 2"
            )
        if self.engine == "trl" and self.sft_weight:
            raise ValueError('KTO in TRL has no likelihood term; set engine = "prompt_sharing", or sft_weight = 0')
        if self.engine == "trl" and self.reference == "sft":
            raise ValueError('TRL copies the parent as its reference; set engine = "prompt_sharing" for reference = "sft"')
        return self


class Kto:
    """Judged answers and the parent adapter -> adapter."""

    name = "kto"
    needs: Literal["judged"] = "judged"
    Config = KtoConfig

    def extra_inputs(self, config: KtoConfig) -> frozenset[ExtraInput]:
        """What the options ask for besides the judged answers and the parent adapter."""
        extra: set[ExtraInput] = set()
        if "sft" in (config.reference, config.start):
            extra.add("sft_adapter")
        if config.rehearse_preferences:
            extra.add("earlier_preferences")
        return frozenset(extra)

    def resolved(self, job: TrainingJob, config: KtoConfig) -> KtoConfig:
        """The options with the SFT stage's schedule where they leave it to that."""
        return follow_sft(config, job)

    def planned(self, job: TrainingJob, config: KtoConfig) -> int:
        """Updates that `train` makes. Raises TrainingError where there is nothing to train on."""
        config = self.resolved(job, config)
        judged, rehearsal = kto_data(job, config)
        return planned_updates(len(judged) + len(rehearsal.examples), config)

    def train(self, job: TrainingJob, config: KtoConfig) -> TrainedAdapter:
        """Train and save. Raises TrainingError, ModelError."""
        require_parent(job, self.name)
        job, config = started(job, config), self.resolved(job, config)
        judged, rehearsal = kto_data(job, config)
        refuse_unknown_labels(job, [(row.problem.id, row.answer) for row in judged])
        desirable = [row.desirable for row in judged]
        weights = class_weights(desirable, [row.weight if config.weighted else 1.0 for row in judged])
        facts, warning = class_facts(desirable, weights)

        # Here and not above: torch and TRL take seconds to import, and whoever reads the options must not wait for them.
        from recipes.callbacks import Warn
        from recipes.reference import reference_of
        from recipes.training import open_adapter, quiet, run, training_arguments

        with quiet():
            opened = open_adapter(job)
            rows = [
                judged_row(row, opened.renderer, with_reason=config.with_reason) | {"weight": weight, "example": False}
                for row, weight in zip(judged, weights, strict=True)
            ]
            rows += example_judged_rows(rehearsal.examples, opened.renderer)
            if config.balance_labels:
                rows = balanced_judged(rows, judged, rehearsal.examples, job)
            refuse_long(rows, job.prompt.max_tokens, opened.positions)
            groups = deal_batches(rows, config.group_size, job.seed)
            rows = [row for group in groups for row in with_mismatched_answers(group)]
            arguments = training_arguments(job, config, opened) | {"per_device_train_batch_size": len(groups[0])}
            if config.engine == "prompt_sharing":
                arguments["gradient_accumulation_steps"] = 1  # a group is an update, which the engine cuts into forward passes
            reference = reference_of(job, config.reference)

            def build(max_rows: int) -> Any:
                if config.engine == "trl":
                    return trl_trainer(opened, rows, arguments, config)
                return prompt_sharing_trainer(opened, rows, arguments, config, reference, max_rows)

            return run(job, self.name, config, opened, rows, build, [Warn(warning)] if warning else [], rehearsal.metrics | facts)


def kto_data(job: TrainingJob, config: KtoConfig) -> tuple[list[Judged], Rehearsal]:
    """The judged answers to train on, rehearsed ones among them, and all that is rehearsed. Raises TrainingError where there are none."""
    rehearsal = draw_rehearsal(job, config)
    earlier = [row for row in rehearsal.preferences if isinstance(row, Judged)]
    return [*data_of(job, Judged, "wait for more rankings"), *earlier], rehearsal


def kto_batch(rows: Sequence[Row], padding: int, *, at_once: bool) -> Batch:
    """A batch of B judged answers: what `pack` makes of [prompt | answer | answer for the KL term] where `at_once`, else of
    [prompt | answer], with the answers for the KL term under "mismatched", a batch of their own; weight, balance, desirable, example [B];
    reference where the rows have one; counts: judged answers, tokens of the desirable ones, and tokens of rehearsed examples.
    """
    import torch

    from recipes.packing import with_reference

    batch: Batch = kto_pack(rows, padding, "completion", "KL_completion") if at_once else kto_pack(rows, padding, "completion")
    batch["weight"] = torch.tensor([row["weight"] for row in rows], dtype=torch.float32)
    batch["balance"] = torch.tensor([row.get("balance", 1.0) for row in rows], dtype=torch.float32)
    batch["desirable"] = torch.tensor([row["label"] for row in rows])
    batch["example"] = torch.tensor([row.get("example", False) for row in rows])
    example_tokens = sum(len(row["completion_ids"]) for row in rows if row.get("example", False))
    desirable_tokens = sum(len(row["completion_ids"]) for row in rows if row["label"]) - example_tokens  # an example is desirable too
    batch["counts"] = torch.tensor([float((~batch["example"]).sum()), float(desirable_tokens), float(example_tokens)])
    if "KL_reference" in rows[0]:
        own = [{name.removeprefix("KL_"): row[name] for name in ("KL_reference", "KL_start") if name in row} for row in rows]
        batch["mismatched"] = with_reference(kto_pack(rows, padding, "KL_completion"), own)
    return with_reference(batch, rows)


def kto_pack(rows: Sequence[Row], padding: int, *names: str) -> Batch:
    """Each row's prompt with the completions of these names."""
    from recipes.packing import pack

    return pack([(row["prompt_ids"], [row[f"{name}_ids"] for name in names]) for row in rows], padding)


def mismatched_log_ratios(model: Any, batch: Batch, done: int) -> Tensor:
    """log pi - log ref [B] of the answers for the KL term, before an update of several forward passes."""
    from recipes.invariants import check_policy_is_parent
    from recipes.prompt_sharing import score

    mismatched = batch["mismatched"]
    log_probs = score(model, mismatched, log_probs_only=True).log_probs
    if done == 0:
        check_policy_is_parent(log_probs, mismatched)
    log_ratios: Tensor = log_probs - mismatched["reference"]
    return log_ratios


def kto_loss(scores: Scores, batch: Batch, update: Update, config: KtoConfig) -> tuple[Tensor, dict[str, float]]:
    """A forward pass's part of the update's loss, and its metrics.

    With r_i = log pi(answer_i) - log ref(answer_i), and KL = max(0, mean of log pi - log ref over the mismatched answers), without
    gradient, the loss of an update over its n judged answers i of weight w_i, and its rehearsed examples j, is

        1 / n * sum_i w_i (1 - sigmoid(±beta (r_i - KL)))
        - 1 / t * (sft_weight * sum_desirable b_i log pi(answer_i) + sum_j b_j log pi(example_j))

    with + for desirable and - for undesirable answers, t the tokens of the answers in the second
    part, and b the weights of `balance_labels`, by which w are multiplied already.

    Args:
        scores: of the batch's B answers, followed by its B mismatched answers where an update is one forward pass.
        batch: of `kto_batch`, with the reference's log-probabilities.
        update: what sums are divided by, and the mean of `mismatched_log_ratios` where an update has several forward passes.
        config: beta and sft_weight.
    """
    import torch

    from recipes.invariants import check_policy_is_parent
    from recipes.losses import mean_over, rehearsal_term
    from recipes.metrics import judged_metrics

    if update.done == 0:
        check_policy_is_parent(scores.log_probs, batch)
    count = len(batch["weight"])
    desirable, example = batch["desirable"], batch["example"]
    answers, all_log_ratios = scores[:count], scores.log_probs - batch["reference"]
    log_ratios = all_log_ratios[:count]
    kl = (all_log_ratios[count:].detach().mean() if update.pre_pass_mean is None else update.pre_pass_mean).clamp(min=0)
    lead = torch.where(desirable, log_ratios - kl, kl - log_ratios)
    losses = batch["weight"] * ~example * torch.sigmoid(-config.beta * lead)  # 1 - sigmoid(x) = sigmoid(-x)
    loss = mean_over(losses.sum(), update.rows)

    log_likelihood, metrics = rehearsal_term(answers, example, batch["weight"])
    likelihood_tokens = update.example_tokens
    if config.sft_weight:
        likelihood_tokens += update.tokens
        log_likelihood = log_likelihood + config.sft_weight * (batch["balance"] * answers.log_probs * (desirable & ~example)).sum()
    loss = loss - mean_over(log_likelihood, likelihood_tokens)

    judged = ~example
    rewards = config.beta * log_ratios.detach()
    return loss, metrics | judged_metrics(answers[judged], rewards[judged], desirable[judged]) | {"kl": kl.item()}


def prompt_sharing_trainer(
    opened: Opened,
    rows: list[Row],
    arguments: dict[str, Any],
    config: KtoConfig,
    reference: Reference,
    max_rows: int | None = None,
) -> Any:
    """The engine "prompt_sharing" on the rows in their order.

    Args:
        opened: base and adapter.
        rows: of `with_mismatched_answers`, group by group.
        arguments: of TRL's config; its batch size is that of an update.
        config: options.
        reference: its log-probabilities are added to the rows.
        max_rows: most rows in a forward pass; None: the batch size of the options.
    """
    from trl import KTOConfig as TrlConfig

    from recipes.prompt_sharing import PromptSharingTrainer, update_batches
    from recipes.reference import add_reference

    args = TrlConfig(**arguments, beta=config.beta, router_aux_loss_coef=0.0)
    updates = update_batches(range(len(rows)), args, max_rows or config.batch_size)  # in the order in which they were dealt
    at_once = updates.passes_per_update == 1
    padding = opened.base.tokenizer.pad_token_id

    def referenced(given: list[Row], *names: str) -> list[Row]:
        return add_reference(opened, given, updates.passes(), lambda batch: kto_pack(batch, padding, *names), reference)

    if at_once:
        rows = referenced(rows, "completion", "KL_completion")
    else:
        swapped = referenced([row | {"completion_ids": row["KL_completion_ids"]} for row in rows], "completion")
        own = [{f"KL_{name}": row[name] for name in ("reference", "start") if name in row} for row in swapped]
        rows = [row | other for row, other in zip(referenced(rows, "completion"), own, strict=True)]
    return PromptSharingTrainer(
        model=opened.model,
        args=args,
        rows=rows,
        tokenizer=opened.base.tokenizer,
        collate=partial(kto_batch, padding=padding, at_once=at_once),
        objective=partial(kto_loss, config=config),
        updates=updates,
        pre_pass=None if at_once else mismatched_log_ratios,
    )


def trl_trainer(opened: Opened, rows: list[Row], arguments: dict[str, Any], config: KtoConfig) -> Any:
    """TRL's KTOTrainer on rows of token ids in their order, weighted row by row; it checks that rewards before the first update are 0."""
    from datasets import Dataset
    from trl import KTOConfig as TrlConfig
    from trl import KTOTrainer
    from trl.trainer.kto_trainer import DataCollatorForUnpairedPreference

    from recipes.invariants import zero_rewards_checked
    from recipes.training import LocalRun
    from recipes.trl_head import with_own_head
    from recipes.trl_weights import weighing, with_weights

    class JudgedTrainer(LocalRun, KTOTrainer):  # type: ignore[misc]  # TRL has no types
        def _compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool) -> Any:
            weights = inputs.pop("weight")
            with zero_rewards_checked(self):
                return super()._compute_loss(weighing(model, weights), inputs, return_outputs)

    trainer = JudgedTrainer(
        model=opened.model,
        args=TrlConfig(**arguments, beta=config.beta, train_sampling_strategy="sequential", router_aux_loss_coef=0.0),
        train_dataset=Dataset.from_list(rows),
        processing_class=opened.base.tokenizer,
        data_collator=with_weights(DataCollatorForUnpairedPreference(pad_token_id=opened.base.tokenizer.pad_token_id)),
    )
    return with_own_head(trainer)


recipe = Kto()
