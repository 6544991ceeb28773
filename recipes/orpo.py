"""Odds ratio preference optimization (Hong et al. 2024, https://arxiv.org/abs/2403.07691) of the parent adapter.

Rows: one pair each, weighted by the net share of the votes, without ties; or, with `votes = "soft"`, the odds ratio term is the likelihood
of the votes, p log sigmoid + (1 - p) log sigmoid of the opposite, ties included at p = 1/2, and each slate counts as one.

Reference: none.

Loss: the chosen answer's negative log-likelihood, plus beta times the odds ratio term over mean token log-probabilities.

Engines: "prompt_sharing" computes each pair as one row whose prompt is computed once. "trl" is trl.experimental.orpo for the odds ratio,
the sum of the two parts, the metrics and the training loop; ours are the token ids (TRL would put a begin token before Harmony's first
message and cut long rows), the weights of pairs, and the forward pass: TRL counts the prompt's tokens in the likelihood and makes logits
for all of them; here both parts are over the answer alone, as in the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from pydantic import model_validator

from prefopt.records import Pair
from recipes.options import Beta, RoundOptions, ValidationOptions
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
    without_ties,
)
from recipes.validation import evaluation_arguments, split_validation

if TYPE_CHECKING:
    from torch import Tensor

    from prefopt.protocols import ExtraInput, TrainedAdapter, TrainingJob
    from recipes.logprobs import Scores
    from recipes.prompt_sharing import Batch, Update
    from recipes.tokenization import Row
    from recipes.training import Opened


class OrpoConfig(RoundOptions, ValidationOptions):
    """Options of the recipe."""

    beta: Beta = 0.1
    """Weight of the odds ratio next to the chosen answer's likelihood (lambda in the paper)."""
    votes: Literal["soft", "net"] = "net"
    """soft: the odds ratio has the likelihood of the votes, 2:1 less than 3:0. net: that of a win, weighted by the net share of the votes.
    soft only with engine prompt_sharing."""
    weighted: bool = True
    """With votes = net, pairs count by their weight, the net share of the votes; with soft, each slate counts as one. false: all pairs
    count alike."""
    with_reason: bool = False
    """Train on reason and answer where both answers have a reason; false: on the answer, as it is scored."""

    @model_validator(mode="after")
    def _consistent(self) -> OrpoConfig:
        if self.votes == "soft" and self.engine == "trl":
            raise ValueError('TRL\'s ORPO has no votes of a pair: set engine = "prompt_sharing", or votes = "net"')
        return self


class Orpo:
    """Pairs and the parent adapter -> adapter."""

    name = "orpo"
    needs: Literal["pairs"] = "pairs"
    Config = OrpoConfig

    def extra_inputs(self, config: OrpoConfig) -> frozenset[ExtraInput]:
        """What the options ask for besides the pairs and the parent adapter."""
        extra: set[ExtraInput] = set()
        if config.start == "sft":
            extra.add("sft_adapter")
        if config.rehearse_preferences:
            extra.add("earlier_preferences")
        return frozenset(extra)

    def resolved(self, job: TrainingJob, config: OrpoConfig) -> OrpoConfig:
        """The options with the SFT stage's schedule where they leave it to that."""
        return follow_sft(config, job)

    def planned(self, job: TrainingJob, config: OrpoConfig) -> int:
        """Updates that `train` makes. Raises TrainingError where there is nothing to train on."""
        config = self.resolved(job, config)
        pairs, rehearsal = orpo_data(job, config)
        return planned_updates(rows_to_train_on([p.problem.id for p in pairs], len(rehearsal.examples), config, job.seed), config)

    def train(self, job: TrainingJob, config: OrpoConfig) -> TrainedAdapter:
        """Train and save. Raises TrainingError, ModelError."""
        require_parent(job, self.name)
        job, config = started(job, config), self.resolved(job, config)
        pairs, rehearsal = orpo_data(job, config)
        refuse_unknown_labels(job, [(pair.problem.id, answer) for pair in pairs for answer in (pair.chosen, pair.rejected)])

        # Here and not above: torch and TRL take seconds to import, and whoever reads the options must not wait for them.
        from recipes.callbacks import EarlyStopping
        from recipes.training import open_adapter, quiet, run, training_arguments

        with quiet():
            opened = open_adapter(job)
            soft = config.votes == "soft"
            rows = pair_rows(pairs, opened.renderer, with_reason=config.with_reason, weighted=config.weighted, soft=soft)
            rows += example_pair_rows(rehearsal.examples, opened.renderer)
            if config.balance_labels:
                rows = balanced_pairs(rows, pairs, rehearsal.examples, job)
            facts = rehearsal.metrics | similarity_metrics(rows)
            refuse_long(rows, job.prompt.max_tokens, opened.positions)
            rows, validation_rows = split_validation(rows, config, job.seed)
            # ORPOTrainer, unlike the others, needs a length to cut at; no row is longer
            arguments = training_arguments(job, config, opened) | evaluation_arguments(config) | {"max_length": job.prompt.max_tokens}

            def build(max_rows: int) -> Any:
                if config.engine == "trl":
                    return trl_trainer(opened, rows, arguments, config)
                return prompt_sharing_trainer(opened, rows, arguments, config, max_rows, validation_rows)

            callbacks = [] if config.engine == "trl" else [EarlyStopping(config.patience)]
            return run(job, self.name, config, opened, rows, build, callbacks, facts)


def orpo_data(job: TrainingJob, config: OrpoConfig) -> tuple[list[Pair], Rehearsal]:
    """The pairs to train on, rehearsed ones among them, and all that is rehearsed. Raises TrainingError where there are none."""
    rehearsal = draw_rehearsal(job, config)
    earlier = [row for row in rehearsal.preferences if isinstance(row, Pair)]
    pairs = [*data_of(job, Pair, "wait for more rankings, or lower min_weight under [pair]"), *earlier]
    preferred = without_ties(pairs)
    return pairs if config.votes == "soft" else preferred, rehearsal


def orpo_loss(scores: Scores, batch: Batch, update: Update, config: OrpoConfig) -> tuple[Tensor, dict[str, float]]:
    """A forward pass's part of the update's loss, and its metrics.

    The loss of an update over its n pairs i of weight w_i, and its rehearsed examples j, is

        - 1 / t * (sum_i v_i log pi(chosen_i) + sum_j w_j log pi(example_j))  -  beta / n * sum_i w_i log sigmoid(log odds ratio_i)

    where t are the tokens of the answers in the first part, without those of ties. v_i = w_i, and log sigmoid(x) is p_i log sigmoid(x) +
    (1 - p_i) log sigmoid(-x) with p_i = 1, but for soft votes: there w_i counts slates, v_i is the net share, and p_i the votes.

    Args:
        scores: of the batch's 2B completions, the chosen answers first.
        batch: of `pair_batch`.
        update: what sums are divided by.
        config: beta.
    """
    from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

    from recipes.losses import mean_over, odds_ratio, rehearsal_term
    from recipes.metrics import orpo_metrics

    count = len(batch["weight"])
    example = batch["example"]
    weight = batch["weight"] * ~example  # an example has no part in the odds ratio
    chosen, rejected = scores[:count], scores[count:]
    chosen_mean, rejected_mean = chosen.log_probs / chosen.lengths, rejected.log_probs / rejected.lengths
    log_odds = odds_ratio(chosen_mean, rejected_mean)
    log_ratio = logsigmoid(log_odds)
    votes = -binary_cross_entropy_with_logits(log_odds, batch["votes"], reduction="none") if config.votes == "soft" else log_ratio

    examples, metrics = rehearsal_term(chosen, example, batch["weight"])
    preferred = ~(example | batch["tie"])
    log_likelihood = (batch["likelihood"] * preferred * chosen.log_probs).sum() + examples
    likelihood = mean_over(log_likelihood, update.tokens + update.example_tokens)
    loss = -likelihood - mean_over(config.beta * (weight * votes).sum(), update.rows)
    if example.all():
        return loss, metrics
    pairs = ~example
    means = chosen_mean.detach()[pairs], rejected_mean.detach()[pairs]
    return loss, metrics | orpo_metrics(
        chosen.detach()[pairs], rejected.detach()[pairs], means, log_odds.detach()[pairs], log_ratio.detach()[pairs], config.beta
    )


def prompt_sharing_trainer(
    opened: Opened,
    rows: list[Row],
    arguments: dict[str, Any],
    config: OrpoConfig,
    max_rows: int | None = None,
    validation_rows: Sequence[Row] = (),
) -> Any:
    """The engine "prompt_sharing" on one row a pair.

    Args:
        opened: base and adapter.
        rows: of `pair_rows` and `example_pair_rows`.
        arguments: of TRL's config.
        config: options.
        max_rows: most rows in a forward pass; None: the batch size.
        validation_rows: set aside to validate on.
    """
    from trl.experimental.orpo import ORPOConfig as TrlConfig

    from recipes.packing import pair_batch, pair_sampler
    from recipes.prompt_sharing import PromptSharingTrainer, update_batches

    args = TrlConfig(**arguments, beta=config.beta)
    return PromptSharingTrainer(
        model=opened.model,
        args=args,
        rows=rows,
        validation_rows=validation_rows,
        tokenizer=opened.base.tokenizer,
        collate=partial(pair_batch, padding=opened.base.tokenizer.pad_token_id),
        objective=partial(orpo_loss, config=config),
        updates=update_batches(pair_sampler(rows, args.per_device_train_batch_size, args.seed), args, max_rows),
    )


def trl_trainer(opened: Opened, rows: list[Row], arguments: dict[str, Any], config: OrpoConfig) -> Any:
    """TRL's ORPOTrainer on rows of token ids, weighted pair by pair."""
    import torch
    from datasets import Dataset
    from trl.experimental.orpo import ORPOConfig as TrlConfig
    from trl.experimental.orpo import ORPOTrainer
    from trl.trainer.utils import selective_log_softmax

    from recipes.training import LocalRun
    from recipes.trl_weights import weigh

    class OddsTrainer(LocalRun, ORPOTrainer):  # type: ignore[misc]  # TRL has no types
        def tokenize_row(self, feature: dict[str, Any], model: Any = None) -> dict[str, Any]:
            return {}  # the columns are there already

        def concatenated_forward(self, model: Any, batch: dict[str, Any]) -> tuple[Any, ...]:
            """Mean log-probability of each answer, logits, and the mean negative log-likelihood of the chosen answers' tokens."""
            both = self.concatenated_inputs(batch, padding_value=self.padding_value, device=self.accelerator.device)
            ids, labels = both["concatenated_input_ids"], both["concatenated_labels"][:, 1:]
            first = int((labels != -100).any(dim=0).nonzero()[0])  # no row is scored before this position
            logits = model(
                ids,
                attention_mask=both["concatenated_attention_mask"],
                use_cache=False,
                logits_to_keep=ids.shape[1] - first,
            ).logits[:, :-1]
            scored = labels[:, first:] != -100
            log_probs = selective_log_softmax(logits, labels[:, first:].clamp(min=0)) * scored
            weights = torch.tensor(batch["weight"], dtype=torch.float32).repeat(2)
            sums, counts = weigh(log_probs, weights).sum(dim=1), scored.sum(dim=1)
            n = len(batch["weight"])
            means = sums / counts
            return means[:n], means[n:], logits[:n], logits[n:], -sums[:n].sum() / counts[:n].sum()

    return OddsTrainer(
        model=opened.model,
        args=TrlConfig(**arguments, beta=config.beta),
        train_dataset=Dataset.from_list([{"weight": row["weight"]} | trl_columns(row) for row in rows]),
        processing_class=opened.base.tokenizer,
    )


def trl_columns(row: Row) -> dict[str, list[int]]:
    """The columns that ORPOTrainer makes of a pair when it tokenizes; prompt tokens have the label -100, which is not scored."""
    prompt = row["prompt_ids"]
    columns = {"prompt_input_ids": prompt, "prompt_attention_mask": [1] * len(prompt)}
    for side in ("chosen", "rejected"):
        completion = row[f"{side}_ids"]
        columns |= {
            f"{side}_input_ids": prompt + completion,
            f"{side}_attention_mask": [1] * (len(prompt) + len(completion)),
            f"{side}_labels": [-100] * len(prompt) + completion,
        }
    return columns


recipe = Orpo()
