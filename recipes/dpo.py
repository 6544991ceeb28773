"""Direct preference optimization (Rafailov et al. 2023, https://arxiv.org/abs/2305.18290) of the parent adapter.

Rows: one pair each. With `votes = "soft"` a pair's loss is the likelihood of its votes, p log sigmoid(d) + (1 - p) log sigmoid(-d), ties
included at p = 1/2, and each slate counts as one; with "net" it is that of a win, weighted by the net share of the votes, and ties are left
out unless the loss models them.

Reference: the parent, so that every reward before the first update is 0; or, with `reference = "sft"`, the adapter of the SFT stage in
every round, and the policy before the first update is the parent. The run stops where that does not hold.

Loss: `loss` weighted by `loss_weights`. The default adds the chosen answer's negative log-likelihood ("sft"; Pang et al. 2024,
https://arxiv.org/abs/2404.19733), because two answers to one problem share most tokens and plain DPO lowers the likelihood of both.

Engines: "prompt_sharing" computes each pair as one row whose prompt is computed once, and the reference once before training. "trl" is
TRL's DPOTrainer, which holds the reference as a second adapter "ref", with our token ids, weights and invariants; it has more losses.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field, model_validator

from prefopt.records import Pair
from recipes.options import Beta, LossWeight, RoundOptions, ValidationOptions
from recipes.rehearsal import Rehearsal, balanced_pairs, draw_rehearsal, example_pair_rows
from recipes.schedule import planned_updates, rows_to_train_on
from recipes.sft_schedule import follow_sft, started
from recipes.tokenization import (
    data_of,
    pair_rows,
    refuse_long,
    refuse_unknown_labels,
    require_parent,
    similarity_metrics,
    without_even_splits,
    without_ties,
)
from recipes.validation import evaluation_arguments, split_validation

if TYPE_CHECKING:
    from torch import Tensor

    from prefopt.protocols import ExtraInput, TrainedAdapter, TrainingJob
    from recipes.logprobs import Scores
    from recipes.prompt_sharing import Batch, Update
    from recipes.reference import Reference
    from recipes.tokenization import Row
    from recipes.training import Opened

PromptSharingLoss = Literal["sigmoid", "hinge", "robust", "sigmoid_norm", "rao_kupper", "davidson", "sft"]
TrlLoss = Literal[
    "ipo", "apo_zero", "apo_down", "exo_pair", "nca_pair", "bco_pair", "sppo_hard", "discopop", "aot", "aot_unpaired"
]  # fmt: skip
Loss = Literal[PromptSharingLoss, TrlLoss]
TRL_ONLY = frozenset(get_args(TrlLoss))
"""Losses that the engine "trl" alone has."""
TIES = frozenset({"rao_kupper", "davidson"})
"""Losses that learn from ties; with any other, ties are left out."""
SORTED = frozenset({"aot", "aot_unpaired"})
"""Losses that sort the pairs of a forward pass: a pair's weight would mean nothing, and a pass must be a whole update."""
SMOOTHED = frozenset({"robust", "exo_pair"}) | SORTED


class DpoConfig(RoundOptions, ValidationOptions):
    """Options of the recipe."""

    beta: Beta = 1.0
    """Scale of the reward, beta x log-ratio to the reference; smaller lets the adapter move further from it."""
    loss: Annotated[tuple[Loss, ...], Field(min_length=1)] = ("sigmoid", "sft")
    """One or more losses (docs/recipes.md). sft is the chosen answer's likelihood; davidson and rao_kupper learn from ties."""
    loss_weights: tuple[LossWeight, ...] = (0.1, 1.0)
    """One number per loss, 0 or more; a loss of preferences must have one above 0."""
    label_smoothing: Annotated[float, Field(ge=0, le=0.45)] = 0.0
    """Share of pairs believed to be the wrong way round, up to 0.45. Only with robust, exo_pair, aot, aot_unpaired."""
    discopop_tau: Annotated[float, Field(ge=1e-3, le=100)] = 0.05
    """Temperature of discopop between its logistic and its exponential part. Only with discopop."""
    margin: Annotated[float, Field(ge=0, le=1000)] = 0.0
    """By how much a unanimous pair's rewards should differ, a weaker one's less. Only with engine prompt_sharing."""
    tie_share: Annotated[float, Field(ge=0.001, le=0.99)] = 0.3333
    """Probability that two equally good answers are judged level, from 0.001 to 0.99. Only with davidson and rao_kupper."""
    max_drop: Annotated[float, Field(ge=0)] = 0.0
    """Stop where chosen answers are this many nats less likely than under the reference (mean of 10 updates); 0: never."""
    reference: Literal["parent", "sft"] = "parent"
    """Adapter that rewards are measured against. sft: the SFT stage's, in every round. Only with engine prompt_sharing."""
    votes: Literal["auto", "soft", "net"] = "auto"
    """soft: the likelihood of the votes, 2:1 less than 3:0. net: a win, weighted by the net share of the votes. auto: soft with the losses
    sigmoid and sft, engine prompt_sharing, no margin, and weighted = true; otherwise net."""
    weighted: bool = True
    """With votes = net, pairs count by their weight, the net share of the votes; with soft, each slate counts as one. false: all pairs
    count alike."""
    with_reason: bool = False
    """Train on reason and answer where both answers have a reason; false: on the answer, as it is scored."""
    without_gradient: ClassVar[str] = 'set loss = ["sigmoid", "sft"] and leave loss_weights out: the likelihood has a gradient'

    @model_validator(mode="after")
    def _consistent(self) -> DpoConfig:
        losses = set(self.loss)
        if len(losses) < len(self.loss):
            raise ValueError(f"loss names one twice: {list(self.loss)}; name each once, with a higher number in loss_weights")
        if len(self.loss_weights) != len(self.loss):
            raise ValueError(f"loss_weights has {len(self.loss_weights)} numbers for the {len(self.loss)} losses {list(self.loss)}")
        if losses == {"sft"}:
            raise ValueError("loss is sft alone, which prefers nothing; add sigmoid")
        if not any(weight for name, weight in zip(self.loss, self.loss_weights, strict=True) if name != "sft"):
            raise ValueError(f"loss_weights {list(self.loss_weights)} of the losses {list(self.loss)} prefer nothing; set one above 0")
        if self.engine == "prompt_sharing" and losses & TRL_ONLY:
            raise ValueError(f'{min(losses & TRL_ONLY)} is a loss of TRL alone; set engine = "trl"')
        if self.engine == "trl" and (self.margin or losses & TIES):
            raise ValueError('TRL has no margin and no losses of ties; set engine = "prompt_sharing"')
        if self.engine == "trl" and self.reference == "sft":
            raise ValueError('TRL copies the parent as its reference; set engine = "prompt_sharing" for reference = "sft"')
        if self.votes == "soft":
            self._refuse_soft_votes(losses - {"sft", "sigmoid"})
        if self.label_smoothing and not losses & SMOOTHED:
            raise ValueError(f"label_smoothing does nothing with the losses {list(self.loss)}; use robust in place of sigmoid")
        if "exo_pair" in losses and self.label_smoothing < 1e-4:  # it takes the logarithm of the share
            raise ValueError("the loss exo_pair needs label_smoothing of 0.0001 or more, e.g. 0.001")
        if losses & SORTED and (self.weighted or self.gradient_accumulation_steps > 1):
            raise ValueError(
                f"{min(losses & SORTED)} sorts the pairs of an update: set weighted = false and gradient_accumulation_steps = 1"
            )
        return self

    def _refuse_soft_votes(self, others: Set[str]) -> None:
        """ValueError where votes = "soft" has no meaning; `others` are the losses next to sigmoid and sft."""
        if self.engine == "trl":
            raise ValueError(
                'TRL has no votes of a pair, only one label_smoothing for all: set engine = "prompt_sharing", or votes = "net"'
            )
        if others:
            raise ValueError(f'{min(others)} has no likelihood of split votes: set loss = ["sigmoid", "sft"], or votes = "net"')
        if self.margin:
            raise ValueError('margin and votes = "soft" both say how far rewards should differ: set margin = 0, or votes = "net"')

    @property
    def soft(self) -> bool:
        """Whether the loss is the likelihood of the votes."""
        plain = self.engine == "prompt_sharing" and set(self.loss) <= {"sigmoid", "sft"} and not self.margin and self.weighted
        return self.votes == "soft" or (self.votes == "auto" and plain)


class Dpo:
    """Pairs and the parent adapter -> adapter."""

    name = "dpo"
    needs: Literal["pairs"] = "pairs"
    Config = DpoConfig

    def extra_inputs(self, config: DpoConfig) -> frozenset[ExtraInput]:
        """What the options ask for besides the pairs and the parent adapter."""
        extra: set[ExtraInput] = set()
        if "sft" in (config.reference, config.start):
            extra.add("sft_adapter")
        if config.rehearse_preferences:
            extra.add("earlier_preferences")
        return frozenset(extra)

    def resolved(self, job: TrainingJob, config: DpoConfig) -> DpoConfig:
        """The options with the SFT stage's schedule where they leave it to that."""
        return follow_sft(config, job)

    def planned(self, job: TrainingJob, config: DpoConfig) -> int:
        """Updates that `train` makes. Raises TrainingError where there is nothing to train on."""
        config = self.resolved(job, config)
        pairs, rehearsal = dpo_data(job, config)
        return planned_updates(rows_to_train_on([p.problem.id for p in pairs], len(rehearsal.examples), config, job.seed), config)

    def train(self, job: TrainingJob, config: DpoConfig) -> TrainedAdapter:
        """Train and save. Raises TrainingError, ModelError."""
        require_parent(job, self.name)
        job, config = started(job, config), self.resolved(job, config)
        pairs, rehearsal = dpo_data(job, config)
        refuse_unknown_labels(job, [(pair.problem.id, answer) for pair in pairs for answer in (pair.chosen, pair.rejected)])

        # Here and not above: torch and TRL take seconds to import, and whoever reads the options must not wait for them.
        from recipes.callbacks import EarlyStopping, StopAtDrop
        from recipes.reference import reference_of
        from recipes.training import open_adapter, quiet, run, training_arguments

        with quiet():
            opened = open_adapter(job)
            how = {"with_reason": config.with_reason, "weighted": config.weighted, "soft": config.soft}
            rows = pair_rows(pairs, opened.renderer, **how, margin=config.margin) + example_pair_rows(rehearsal.examples, opened.renderer)
            if config.balance_labels:
                rows = balanced_pairs(rows, pairs, rehearsal.examples, job)
            facts = rehearsal.metrics | similarity_metrics(rows)
            refuse_long(rows, job.prompt.max_tokens, opened.positions)
            rows, validation_rows = split_validation(rows, config, job.seed)
            arguments = training_arguments(job, config, opened) | evaluation_arguments(config)
            reference = reference_of(job, config.reference)

            def build(max_rows: int) -> Any:
                if config.engine == "trl":
                    return trl_trainer(opened, rows, arguments, config)
                return prompt_sharing_trainer(opened, rows, arguments, config, reference, max_rows, validation_rows)

            drop = [StopAtDrop(config.max_drop, config.beta, config.reference)] if config.max_drop else []
            return run(job, self.name, config, opened, rows, build, [*drop, EarlyStopping(config.patience)], facts)


def dpo_data(job: TrainingJob, config: DpoConfig) -> tuple[list[Pair], Rehearsal]:
    """The pairs to train on, rehearsed ones among them, and all that is rehearsed. Raises TrainingError where there are none."""
    rehearsal = draw_rehearsal(job, config)
    earlier = [row for row in rehearsal.preferences if isinstance(row, Pair)]
    pairs = [*data_of(job, Pair, "wait for more rankings, or lower min_weight under [pair]"), *earlier]
    if TIES & set(config.loss):
        return without_even_splits(pairs), rehearsal
    preferred = without_ties(pairs)
    return pairs if config.soft else preferred, rehearsal


def dpo_loss(scores: Scores, batch: Batch, update: Update, config: DpoConfig) -> tuple[Tensor, dict[str, float]]:
    """A forward pass's part of the update's loss, and its metrics.

    The loss of an update over its n pairs i of weight w_i, and its rehearsed examples j, is

        sum_k lambda_k / n * sum_i w_i loss_k(i)  -  lambda_sft / t * (sum_i v_i log pi(chosen_i) + sum_j w_j log pi(example_j))

    where k are the losses but sft, lambda their `loss_weights`, t the tokens of the answers in the second part, and v_i = w_i but for soft
    votes, where w_i counts slates and v_i is the net share. Ties have no chosen answer there. Without the loss sft, the second part has the
    examples alone, and lambda_sft is 1.

    Args:
        scores: of the batch's 2B completions, the chosen answers first.
        batch: of `pair_batch`, with the reference's log-probabilities.
        update: what sums are divided by.
        config: losses and their parameters.
    """
    from recipes.invariants import check_policy_is_parent
    from recipes.losses import PAIR_LOSSES, LossParameters, Pairs, mean_over, rehearsal_term, soft_sigmoid
    from recipes.metrics import pair_metrics

    if update.done == 0:
        check_policy_is_parent(scores.log_probs, batch)
    count = len(batch["weight"])
    weight, tie, example = batch["weight"], batch["tie"], batch["example"]
    chosen, rejected = scores[:count], scores[count:]
    log_ratios = scores.log_probs - batch["reference"]
    pairs = Pairs(
        chosen=log_ratios[:count],
        rejected=log_ratios[count:],
        chosen_length=chosen.lengths,
        rejected_length=rejected.lengths,
        margin=batch["margin"],
        tie=tie,
        votes=batch["votes"],
    )
    parameters = LossParameters(config.beta, config.label_smoothing, config.tie_share)

    # Rehearsed examples have a likelihood alone. With the loss sft they share one mean over tokens with the chosen answers.
    likelihood_tokens = update.example_tokens
    likelihood_weight = 1.0
    if "sft" in config.loss:
        likelihood_tokens += update.tokens
        likelihood_weight = config.loss_weights[config.loss.index("sft")]
    examples, metrics = rehearsal_term(chosen, example, batch["weight"])
    loss = mean_over(-examples * likelihood_weight, likelihood_tokens)

    for name, loss_weight in zip(config.loss, config.loss_weights, strict=True):
        if name == "sft":
            preferred = ~(tie | example)  # neither answer of a tie is the chosen one
            log_likelihood = (batch["likelihood"] * preferred * chosen.log_probs).sum()
            loss = loss - mean_over(loss_weight * log_likelihood, likelihood_tokens)
        else:
            learned = ~example if name in TIES or config.soft else ~(example | tie)
            pair_loss = soft_sigmoid if config.soft else PAIR_LOSSES[name]
            pair_losses = weight[learned] * pair_loss(pairs[learned], parameters)
            loss = loss + mean_over(loss_weight * pair_losses.sum(), update.rows)
    return loss, metrics | pair_metrics(scores, config.beta * log_ratios.detach(), example)


def prompt_sharing_trainer(
    opened: Opened,
    rows: list[Row],
    arguments: dict[str, Any],
    config: DpoConfig,
    reference: Reference,
    max_rows: int | None = None,
    validation_rows: Sequence[Row] = (),
) -> Any:
    """The engine "prompt_sharing" on one row a pair.

    Args:
        opened: base and adapter.
        rows: of `pair_rows` and `example_pair_rows`.
        arguments: of TRL's config.
        config: options.
        reference: its log-probabilities are added to the rows.
        max_rows: most rows in a forward pass; None: the batch size.
        validation_rows: set aside to validate on.
    """
    from trl import DPOConfig as TrlConfig

    from recipes.batching import batched
    from recipes.packing import pair_batch, pair_sampler
    from recipes.prompt_sharing import PromptSharingTrainer, update_batches
    from recipes.reference import add_reference

    args = TrlConfig(**arguments, beta=config.beta, router_aux_loss_coef=0.0)
    updates = update_batches(pair_sampler(rows, args.per_device_train_batch_size, args.seed), args, max_rows)
    collate = partial(pair_batch, padding=opened.base.tokenizer.pad_token_id)
    rows = add_reference(opened, rows, updates.passes(), collate, reference)
    if validation_rows:
        passes = batched(range(len(validation_rows)), args.per_device_eval_batch_size)
        validation_rows = add_reference(opened, validation_rows, passes, collate, reference)
    return PromptSharingTrainer(
        model=opened.model,
        args=args,
        rows=rows,
        validation_rows=validation_rows,
        tokenizer=opened.base.tokenizer,
        collate=collate,
        objective=partial(dpo_loss, config=config),
        updates=updates,
    )


def trl_trainer(opened: Opened, rows: list[Row], arguments: dict[str, Any], config: DpoConfig) -> Any:
    """TRL's DPOTrainer on rows of token ids, weighted pair by pair; it checks that rewards before the first update are 0."""
    from datasets import Dataset
    from trl import DPOConfig as TrlConfig
    from trl import DPOTrainer
    from trl.trainer.dpo_trainer import DataCollatorForPreference

    from recipes.invariants import zero_rewards_checked
    from recipes.training import LocalRun
    from recipes.trl_head import with_own_head
    from recipes.trl_weights import weighing, with_weights

    class PairTrainer(LocalRun, DPOTrainer):  # type: ignore[misc]  # TRL has no types
        def _compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool) -> Any:
            weights = inputs.pop("weight").repeat(2)  # chosen rows first, then the rejected ones
            with zero_rewards_checked(self):
                return super()._compute_loss(weighing(model, weights), inputs, return_outputs)

    trainer = PairTrainer(
        model=opened.model,
        args=TrlConfig(
            **arguments,
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
    return with_own_head(trainer)


recipe = Dpo()
