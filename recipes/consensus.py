"""Consensus: the adapter learns what the teachers found right, from all rounds so far, by likelihood.

Rows: one slate each, with all its answers; the prompt is computed once. Added to them are the SFT stage's examples in all their renderings,
so that writing reasons is not unlearned, and the slates of earlier rounds.

Start: the adapter of the SFT stage (`start = "sft"`) or the parent, with the SFT stage's learning rate and epochs.

Loss: the negative log-likelihood of the answers, each by its share of the votes (Uma et al. 2020, A Case for Soft Loss Functions,
https://doi.org/10.1609/hcomp.v8i1.7478), or of the answer that a majority puts first. `odds_ratio` adds ORPO's term (Hong et al. 2024,
https://arxiv.org/abs/2403.07691) over all pairs of answers of a slate.

Engine: "prompt_sharing" alone; TRL has no rows with several answers.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

from prefopt.errors import TrainingError
from prefopt.records import SlateVotes
from recipes.label_balance import balance_weights
from recipes.options import Count, LossWeight, RoundOptions, ValidationOptions
from recipes.rehearsal import Example, Rehearsal, draw_rehearsal, taught
from recipes.sampler import LengthGroupedSampler
from recipes.schedule import planned_updates, rows_to_train_on
from recipes.sft_schedule import follow_sft, started
from recipes.tokenization import data_of, example_row, refuse_long, refuse_other_channels, refuse_unknown_labels, require_parent
from recipes.validation import evaluation_arguments, split_validation

if TYPE_CHECKING:
    from torch import Tensor

    from prefopt.model.harmony import Renderer
    from prefopt.protocols import ExtraInput, TrainedAdapter, TrainingJob
    from recipes.logprobs import Scores
    from recipes.prompt_sharing import Batch, Update
    from recipes.tokenization import Row
    from recipes.training import Opened


class ConsensusConfig(RoundOptions, ValidationOptions):
    """Options of the recipe."""

    engine: Literal["prompt_sharing"] = "prompt_sharing"
    """The only one: TRL has no rows with several answers."""
    votes: Literal["soft", "majority"] = "soft"
    """soft: every answer counts by its share of the votes. majority: the answer that more than half of the votes put first counts as 1, and
    slates without one are left out."""
    odds_ratio: LossWeight = 0.0
    """Weight of the odds ratio between the answers of a slate, by the votes that compare them, next to the likelihood; 0: none."""
    batch_size: Count = 4
    """Slates and examples in one forward pass."""


class Consensus:
    """The votes of slates and the parent adapter -> adapter."""

    name = "consensus"
    needs: Literal["slates"] = "slates"
    Config = ConsensusConfig

    def extra_inputs(self, config: ConsensusConfig) -> frozenset[ExtraInput]:
        """What the options ask for besides the slates and the parent adapter."""
        extra: set[ExtraInput] = set()
        if config.start == "sft":
            extra.add("sft_adapter")
        if config.rehearse_preferences:
            extra.add("earlier_preferences")
        return frozenset(extra)

    def resolved(self, job: TrainingJob, config: ConsensusConfig) -> ConsensusConfig:
        """The options with the SFT stage's schedule where they leave it to that."""
        return follow_sft(config, job)

    def planned(self, job: TrainingJob, config: ConsensusConfig) -> int:
        """Updates that `train` makes. Raises TrainingError where there is nothing to train on."""
        config = self.resolved(job, config)
        slates, rehearsal = consensus_data(job, config)
        own = [slate.problem.id for slate in slates]
        return planned_updates(rows_to_train_on(own, len(rehearsal.examples), config, job.seed), config)

    def train(self, job: TrainingJob, config: ConsensusConfig) -> TrainedAdapter:
        """Train and save. Raises TrainingError, ModelError."""
        require_parent(job, self.name)
        job, config = started(job, config), self.resolved(job, config)
        slates, rehearsal = consensus_data(job, config)
        refuse_unknown_labels(job, [(slate.problem.id, answer) for slate in slates for answer in slate.answers])

        # Here and not above: torch and TRL take seconds to import, and whoever reads the options must not wait for them.
        from recipes.callbacks import EarlyStopping
        from recipes.training import open_adapter, quiet, run, training_arguments

        with quiet():
            opened = open_adapter(job)
            rows = [slate_row(slate, opened.renderer) for slate in slates]
            rows += example_rows(rehearsal.examples, opened.renderer)
            facts = {"consensus/slates": float(len(slates))} | rehearsal.metrics
            if config.balance_labels:
                rows = balanced(rows, slates, rehearsal.examples, job)
            refuse_long(rows, job.prompt.max_tokens, opened.positions)
            random.Random(job.seed).shuffle(rows)  # noqa: S311 - seeded draw, not a secret
            rows, validation_rows = split_validation(rows, config, job.seed)
            arguments = training_arguments(job, config, opened) | evaluation_arguments(config)

            def build(max_rows: int) -> Any:
                return prompt_sharing_trainer(opened, rows, arguments, config, max_rows, validation_rows)

            return run(job, self.name, config, opened, rows, build, [EarlyStopping(config.patience)], facts)


def consensus_data(job: TrainingJob, config: ConsensusConfig) -> tuple[list[SlateVotes], Rehearsal]:
    """The slates to train on, with the shares that the options give their answers, rehearsed ones among them, and all that is rehearsed.

    Raises:
        TrainingError: there is none.
    """
    rehearsal = draw_rehearsal(job, config)
    earlier = [row for row in rehearsal.preferences if isinstance(row, SlateVotes)]
    slates = [*data_of(job, SlateVotes, "wait for more rankings"), *earlier]
    if config.votes == "majority":
        clear = [slate for slate in slates if max(slate.shares) > 0.5]
        if not clear:
            raise TrainingError(
                f"on none of the {len(slates)} slates do more than half of the votes put one answer first",
                hint='set votes = "soft" under the recipe\'s name; or, when more teachers have answered: '
                "prefopt round branch N --at collect",
            )
        slates = [slate.model_copy(update={"shares": tuple(float(share > 0.5) for share in slate.shares)}) for slate in clear]
    return slates, rehearsal


def shares_of(slate: SlateVotes) -> dict[str, float]:
    """The share of the votes of each label of a slate."""
    return {answer.label: share for answer, share in zip(slate.answers, slate.shares, strict=True)}


def balanced(rows: Sequence[Row], slates: Sequence[SlateVotes], examples: Sequence[Example], job: TrainingJob) -> list[Row]:
    """The rows of these slates, then of these examples, with their shares weighed by label_balance."""
    labels = [shares_of(slate) for slate in slates] + [{label: 1.0} if (label := taught(example)) else {} for example in examples]
    return [
        row
        | {"shares": [share * weight for share in row["shares"]]}
        | {"contests": [[*contest[:3], contest[3] * weight] for contest in row["contests"]]}
        for row, weight in zip(rows, balance_weights(labels, [str(problem.label) for problem in job.rehearsal]), strict=True)
    ]


def example_rows(examples: Sequence[Example], renderer: Renderer) -> list[Row]:
    """Examples as rows like `slate_row`'s, with one answer."""
    made = [example_row(problem, how, renderer) for problem, how in examples]
    return [
        {"id": row["id"], "prompt_ids": row["prompt_ids"], "answers_ids": [row["completion_ids"]]}
        | {"shares": [1.0], "contests": [], "example": True}
        for row in made
    ]


def slate_row(slate: SlateVotes, renderer: Renderer) -> Row:
    """A slate as token ids. All its answers are rendered alike: without reasons, and up to the label where one of them has a label alone.

    Returns:
        {"id", "prompt_ids", "answers_ids", "shares", "contests", "example"}; a contest is (first answer, second answer, share of the votes
        for the first, 1 / number of the slate's contests).

    Raises:
        TrainingError: the control tokens of two answers differ.
    """
    label_only = any(answer.partial for answer in slate.answers)
    answers = [renderer.completion(answer, with_reason=False, label_only=label_only) for answer in slate.answers]
    prompt, control = renderer.prompt(slate.problem, with_reason=False), set(renderer.tokenizer.get_added_vocab().values())
    for other in answers[1:]:
        refuse_other_channels({"id": slate.problem.id, "chosen_ids": answers[0], "rejected_ids": other}, control)
    found = contests(slate)
    return {"id": slate.problem.id, "prompt_ids": prompt, "answers_ids": answers, "shares": list(slate.shares)} | {
        "contests": [[float(first), float(second), share, 1 / len(found)] for first, second, share in found],
        "example": False,
    }


def contests(slate: SlateVotes) -> list[tuple[int, int, float]]:
    """Pairs of answers that a vote compares, and the share of these votes for the first; level ones count half for each."""
    found = []
    for first, second in combinations(range(len(slate.answers)), 2):
        votes = [vote for vote in slate.votes if vote.compares(first, second) and vote.weight]
        if votes:
            won = sum(vote.weight * _won(vote.ranks[first], vote.ranks[second]) for vote in votes)
            found.append((first, second, won / sum(vote.weight for vote in votes)))
    return found


def _won(rank: int, other: int) -> float:
    return 1.0 if rank < other else 0.5 if rank == other else 0.0


def consensus_batch(rows: Sequence[Row], padding: int) -> Batch:
    """What `pack_uneven` makes of [prompt | answer 1 | answer 2 …]; share [N] of each answer; contests [M, 4], with numbers of answers in
    the batch; example [N]; counts: slates, and tokens of all answers by their shares.
    """
    import torch

    from recipes.packing import pack_uneven

    batch: Batch = pack_uneven([(row["prompt_ids"], row["answers_ids"]) for row in rows], padding)
    batch["share"] = torch.tensor([share for row in rows for share in row["shares"]], dtype=torch.float32)
    batch["example"] = torch.tensor([row["example"] for row in rows for _ in row["shares"]])
    first, found = 0, []
    for row in rows:
        found += [[first + contest[0], first + contest[1], *contest[2:]] for contest in row["contests"]]
        first += len(row["shares"])
    batch["contests"] = torch.tensor(found, dtype=torch.float32).reshape(-1, 4)
    tokens = sum(share * len(answer) for row in rows for share, answer in zip(row["shares"], row["answers_ids"], strict=True))
    batch["counts"] = torch.tensor([float(sum(not row["example"] for row in rows)), tokens])
    return batch


def consensus_loss(scores: Scores, batch: Batch, update: Update, config: ConsensusConfig) -> tuple[Tensor, dict[str, float]]:
    """A forward pass's part of the update's loss, and its metrics.

    With s_a the share of the votes for answer a (1 for an example), the loss of an update over its n slates is

        - 1 / t * sum_a s_a log pi(a)  -  odds_ratio / n * sum_slates mean_(a, b) [p_ab log sigmoid(o_ab) + (1 - p_ab) log sigmoid(-o_ab)]

    with t = sum_a s_a |a| in tokens, o_ab the log of the odds ratio of two answers that votes compare (over mean token log-probabilities),
    and p_ab the share of these votes for a.

    Args:
        scores: of the batch's N answers.
        batch: of `consensus_batch`.
        update: what sums are divided by.
        config: odds_ratio.
    """
    from torch.nn.functional import binary_cross_entropy_with_logits

    from recipes.losses import mean_over, odds_ratio, rehearsal_term
    from recipes.metrics import token_metrics

    share, example = batch["share"], batch["example"]
    loss = -(share * scores.log_probs).sum() / update.tokens
    _, metrics = rehearsal_term(scores.detach(), example)
    contests = batch["contests"]
    if config.odds_ratio and len(contests):
        means = scores.log_probs / scores.lengths
        first, second = contests[:, 0].long(), contests[:, 1].long()
        log_odds = odds_ratio(means[first], means[second])
        missed = binary_cross_entropy_with_logits(log_odds, contests[:, 2], weight=contests[:, 3], reduction="sum")
        loss = loss + mean_over(config.odds_ratio * missed, update.rows)
        metrics["log_odds_ratio"] = -missed.item() / max(1.0, float((~example).sum()))
    slates = ~example
    if slates.any():
        metrics |= {
            "consensus/nll": -((share * scores.log_probs)[slates].sum() / (share * scores.lengths)[slates].sum()).item(),
            "consensus/agreement": agreement(scores.log_probs.detach()[slates], share[slates], batch["tree"][slates]),
        }
    return loss, token_metrics(scores) | metrics


def agreement(log_probs: Tensor, share: Tensor, tree: Tensor) -> float:
    """Share of the slates whose most probable answer is among those with the most votes. All [N]; `tree` is the slate of each answer."""
    found = []
    for slate in sorted(set(tree.tolist())):
        own = tree == slate
        found.append(float(share[own][log_probs[own].argmax()] >= share[own].max()))
    return sum(found) / len(found)


def prompt_sharing_trainer(
    opened: Opened,
    rows: list[Row],
    arguments: dict[str, Any],
    config: ConsensusConfig,
    max_rows: int | None = None,
    validation_rows: Sequence[Row] = (),
) -> Any:
    """The engine "prompt_sharing" on one row a slate, with at most `max_rows` rows in a forward pass."""
    from trl import SFTConfig as TrlConfig

    from recipes.prompt_sharing import PromptSharingTrainer, update_batches

    args = TrlConfig(**arguments, router_aux_loss_coef=0.0)
    lengths = [len(row["prompt_ids"]) + sum(map(len, row["answers_ids"])) for row in rows]
    return PromptSharingTrainer(
        model=opened.model,
        args=args,
        rows=rows,
        validation_rows=validation_rows,
        tokenizer=opened.base.tokenizer,
        collate=partial(consensus_batch, padding=opened.base.tokenizer.pad_token_id),
        objective=partial(consensus_loss, config=config),
        updates=update_batches(LengthGroupedSampler(lengths, args.per_device_train_batch_size, args.seed), args, max_rows),
    )


recipe = Consensus()
