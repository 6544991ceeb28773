"""Supervised fine-tuning: labeled problems to answers and reasons. Round 000 makes the adapter that every later round continues.

Rows: each problem is rendered in up to three ways: problem -> answer (as the posterior is read), problem -> reason and answer (as the
model thinks aloud), and problem and label -> reason (as candidates get their reasons).

Loss: the mean negative log-likelihood over completion tokens. Without a parent a fresh adapter is trained, with one the parent's.

Engines: "prompt_sharing" makes logits for completion tokens only; "trl" is TRL's SFTTrainer on the same rows in the same order.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from prefopt.errors import TrainingError
from prefopt.records import Problem
from recipes.options import Count, Epochs, LearningRate, Share, ValidationOptions, WarmupRatio
from recipes.sampler import LengthGroupedSampler
from recipes.schedule import planned_updates, rows_to_train_on
from recipes.tokenization import answer_of, data_of, example_row, refuse_long, refuse_unknown_labels
from recipes.validation import evaluation_arguments, split_validation

if TYPE_CHECKING:
    from torch import Tensor

    from prefopt.model.harmony import Renderer
    from prefopt.protocols import ExtraInput, TrainedAdapter, TrainingJob
    from recipes.logprobs import Scores
    from recipes.prompt_sharing import Batch, Update
    from recipes.tokenization import Row
    from recipes.training import Opened


EMPTY = "put labeled problems into data/gold.jsonl"


class SftConfig(ValidationOptions):
    """Options of the recipe."""

    answer_share: Share = 1.0
    """Share of the problems trained as problem -> answer, as probabilities are read."""
    reason_share: Share = 1.0
    """Share of the problems with a reason trained as problem -> reason, then answer."""
    explain_share: Share = 1.0
    """Share of the problems with a reason trained as problem and label -> reason, as candidates get theirs."""
    num_train_epochs: Epochs = 2.0
    """Passes over the data, from 1 to 1000."""
    learning_rate: LearningRate = 2e-4
    """Of AdamW on the float32 LoRA weights; 2e-4 is usual for LoRA."""
    warmup_ratio: WarmupRatio = 0.03
    """Share of all updates during which the learning rate rises; its first update has a rate above 0. A run of fewer than ten has none."""
    save_steps: Count = 50
    """Updates between checkpoints; an interrupted run resumes from the last one."""


class Sft:
    """Labeled problems -> adapter."""

    name = "sft"
    needs: Literal["examples"] = "examples"
    Config = SftConfig

    def extra_inputs(self, config: SftConfig) -> frozenset[ExtraInput]:
        """None, whatever the options."""
        return frozenset()

    def planned(self, job: TrainingJob, config: SftConfig) -> int:
        """Updates that `train` makes. Raises TrainingError where there is nothing to train on."""
        drawn = drawn_renderings(data_of(job, Problem, EMPTY), config, job.seed)
        return planned_updates(rows_to_train_on([problem.id for problem, _ in drawn], 0, config, job.seed), config)

    def train(self, job: TrainingJob, config: SftConfig) -> TrainedAdapter:
        """Train and save. Raises TrainingError, ModelError."""
        problems = data_of(job, Problem, EMPTY)
        refuse_unknown_labels(job, [(problem.id, answer_of(problem)) for problem in problems])

        # Here and not above: torch and TRL take seconds to import, and whoever reads the options must not wait for them.
        from recipes.callbacks import EarlyStopping
        from recipes.training import open_adapter, quiet, run, training_arguments

        with quiet():
            opened = open_adapter(job)
            rows = sft_rows(problems, config, opened.renderer, job.seed)
            refuse_long(rows, job.prompt.max_tokens, opened.positions)
            rows, validation_rows = split_validation(rows, config, job.seed)
            arguments = training_arguments(job, config, opened) | evaluation_arguments(config)

            def build(max_rows: int) -> Any:
                if config.engine == "trl":
                    return trl_trainer(opened, rows, arguments)
                return prompt_sharing_trainer(opened, rows, arguments, max_rows, validation_rows)

            callbacks = [] if config.engine == "trl" else [EarlyStopping(config.patience)]
            return run(job, self.name, config, opened, rows, build, callbacks)


def sft_rows(problems: Sequence[Problem], config: SftConfig, renderer: Renderer, seed: int) -> list[Row]:
    """Rows of all renderings, as token ids, shuffled with the seed. Raises TrainingError where there is none."""
    rows = [example_row(problem, rendering, renderer) for problem, rendering in drawn_renderings(problems, config, seed)]
    random.Random(seed).shuffle(rows)  # noqa: S311 - seeded draw, not a secret
    return rows


def drawn_renderings(problems: Sequence[Problem], config: SftConfig, seed: int) -> list[tuple[Problem, str]]:
    """Which problems are rendered how: for each rendering its share of the problems that allow it, drawn with the seed.

    Raises:
        TrainingError: there is none.
    """
    shares = {"answer": config.answer_share, "reason": config.reason_share, "explain": config.explain_share}
    found: list[tuple[Problem, str]] = []
    for rendering, share in shares.items():
        able = [problem for problem in problems if rendering == "answer" or problem.reason]
        drawn = random.Random(f"{seed} {rendering}").sample(able, round(share * len(able)))  # noqa: S311 - seeded draw, not a secret
        found += [(problem, rendering) for problem in drawn]
    if not found:
        raise TrainingError(
            f"no rows: {len(problems)} problems, of which {sum(bool(p.reason) for p in problems)} have a reason, in shares {shares}",
            hint="raise answer_share under [recipes.sft]; the other shares need problems with reasons",
        )
    return found


def sft_batch(rows: Sequence[Row], padding: int) -> Batch:
    """What `pack` makes of [prompt | completion], and counts: rows and their completion tokens."""
    import torch

    from recipes.packing import pack

    tokens = sum(len(row["completion_ids"]) for row in rows)
    packed = pack([(row["prompt_ids"], [row["completion_ids"]]) for row in rows], padding)
    return packed | {"counts": torch.tensor([float(len(rows)), float(tokens)])}


def sft_loss(scores: Scores, batch: Batch, update: Update) -> tuple[Tensor, dict[str, float]]:
    """A forward pass's part of the update's loss, - 1 / t * sum_i log pi(completion_i) with t the completions' tokens; and its metrics."""
    from recipes.metrics import token_metrics

    return -scores.log_probs.sum() / update.tokens, token_metrics(scores)


def sft_sampler(rows: Sequence[Row], batch_size: int, seed: int) -> LengthGroupedSampler:
    """Batches of rows of similar length."""
    return LengthGroupedSampler([len(row["prompt_ids"]) + len(row["completion_ids"]) for row in rows], batch_size, seed)


def prompt_sharing_trainer(
    opened: Opened, rows: list[Row], arguments: dict[str, Any], max_rows: int | None = None, validation_rows: Sequence[Row] = ()
) -> Any:
    """The engine "prompt_sharing", with at most `max_rows` rows in a forward pass."""
    from trl import SFTConfig as TrlConfig

    from recipes.prompt_sharing import PromptSharingTrainer, update_batches

    args = TrlConfig(**arguments, router_aux_loss_coef=0.0)
    return PromptSharingTrainer(
        model=opened.model,
        args=args,
        rows=rows,
        validation_rows=validation_rows,
        tokenizer=opened.base.tokenizer,
        collate=partial(sft_batch, padding=opened.base.tokenizer.pad_token_id),
        objective=sft_loss,
        updates=update_batches(sft_sampler(rows, args.per_device_train_batch_size, args.seed), args, max_rows),
        dropout=True,
    )


def trl_trainer(opened: Opened, rows: list[Row], arguments: dict[str, Any]) -> Any:
    """TRL's SFTTrainer on rows of token ids, in the order of `sft_sampler`; prompt tokens have the label -100, which is not scored."""
    from datasets import Dataset
    from trl import SFTConfig as TrlConfig
    from trl import SFTTrainer

    from recipes.training import LocalRun
    from recipes.trl_head import with_own_head

    class AnswerTrainer(LocalRun, SFTTrainer):  # type: ignore[misc]  # TRL has no types
        def _get_train_sampler(self, train_dataset: Any = None) -> LengthGroupedSampler:
            return sft_sampler(rows, self.args.per_device_train_batch_size, self.args.seed)

    columns = [
        {
            "input_ids": row["prompt_ids"] + row["completion_ids"],
            "labels": [-100] * len(row["prompt_ids"]) + row["completion_ids"],
        }
        for row in rows
    ]
    trainer = AnswerTrainer(
        model=opened.model,
        args=TrlConfig(**arguments, router_aux_loss_coef=0.0),
        train_dataset=Dataset.from_list(columns),
        processing_class=opened.base.tokenizer,
    )
    return with_own_head(trainer)


recipe = Sft()
