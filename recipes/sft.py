"""Supervised fine-tuning: labeled problems to answers and reasons. Round 000 makes the adapter that every later round goes on from.

Each problem is rendered in up to three ways: problem -> answer (as the posterior is read), problem -> reason and answer (as the model
thinks aloud), and problem and label -> reason (as candidates get their reasons). The loss is the mean negative log-likelihood over
completion tokens. Without a parent it starts from a fresh adapter, with one it goes on from it.

engine "shared" makes logits for completion tokens only; "trl" is TRL's SFTTrainer on the same rows in the same order.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from prefopt.records import Problem
from recipes.order import ByLength

if TYPE_CHECKING:
    from prefopt.model.harmony import Renderer
    from prefopt.protocols import ExtraInput, TrainedAdapter, TrainingJob
    from recipes.rows import Row

Share = Annotated[float, Field(ge=0, le=1)]


class SftConfig(BaseModel):
    """Options of the recipe; sft.toml says what each is for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: Literal["shared", "trl"] = "shared"
    answer_share: Share = 1.0
    reason_share: Share = 1.0
    explain_share: Share = 1.0
    epochs: Annotated[float, Field(ge=1)] = 2.0
    batch_size: Annotated[int, Field(ge=1)] = 4
    accumulate: Annotated[int, Field(ge=1)] = 4
    learning_rate: Annotated[float, Field(gt=0)] = 2e-4
    schedule: Literal["linear", "cosine", "constant", "constant_with_warmup"] = "cosine"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.03
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    gradient_checkpointing: bool = True
    save_steps: Annotated[int, Field(ge=1)] = 50
    validation_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    patience: Annotated[int, Field(ge=1)] = 3
    report_to: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> SftConfig:
        if self.engine == "trl" and self.validation_share:
            raise ValueError('validation is written for engine = "shared"; set validation_share = 0')
        return self


class Sft:
    """Labeled problems -> adapter."""

    name = "sft"
    needs: Literal["examples"] = "examples"
    Config = SftConfig

    def extra_inputs(self, config: SftConfig) -> frozenset[ExtraInput]:
        """None, whatever the options."""
        return frozenset()

    def train(self, job: TrainingJob, config: SftConfig) -> TrainedAdapter:
        """Train and save. Raises TrainingError, ModelError."""
        from recipes.rows import answer_of, data_of, refuse_long, refuse_unknown_labels

        problems = data_of(job, Problem, "put labeled problems into data/gold.jsonl")
        refuse_unknown_labels(job, [(problem.id, answer_of(problem)) for problem in problems])
        from recipes.training import arguments, open_adapter, quiet, run  # torch and TRL take seconds to import
        from recipes.validation import Patience, evaluation, set_aside

        with quiet():
            opened = open_adapter(job)
            rows = sft_rows(problems, config, opened.renderer, job.seed)
            refuse_long(rows, job.prompt.max_tokens)
            rows, held = set_aside(rows, config, job.seed)
            settings = arguments(job, config, opened) | evaluation(config)
            if config.engine == "trl":
                return run(job, self.name, config, opened, rows, lambda _: make_trainer(opened, rows, settings))
            build = partial(make_shared_trainer, opened, rows, settings, held=held)
            return run(job, self.name, config, opened, rows, build, [Patience(config.patience)])


def sft_rows(problems: Sequence[Problem], config: SftConfig, renderer: Renderer, seed: int) -> list[Row]:
    """Rows of all renderings: of each, its share of the problems that allow it, drawn with the seed. Shuffled with it too."""
    from prefopt.errors import TrainingError
    from recipes.rows import example_row

    shares = {"answer": config.answer_share, "reason": config.reason_share, "explain": config.explain_share}
    rows: list[Row] = []
    for rendering, share in shares.items():
        able = [problem for problem in problems if rendering == "answer" or problem.reason]
        chosen = random.Random(f"{seed} {rendering}").sample(able, round(share * len(able)))  # noqa: S311 - seeded chance, no secret
        rows += [example_row(problem, rendering, renderer) for problem in chosen]
    if not rows:
        raise TrainingError(
            f"no rows: {len(problems)} problems, of which {sum(bool(p.reason) for p in problems)} have a reason, in shares {shares}",
            hint="raise answer_share, or give the problems reasons",
        )
    random.Random(seed).shuffle(rows)  # noqa: S311 - as above
    return rows


def make_trainer(opened: Any, rows: list[Row], settings: dict[str, Any]) -> Any:
    """TRL's SFTTrainer on rows of token ids, in the order of ByLength; prompt tokens carry no loss."""
    from datasets import Dataset
    from trl import SFTConfig as TrlConfig
    from trl import SFTTrainer

    from recipes.training import LocalRun

    class AnswerTrainer(LocalRun, SFTTrainer):  # type: ignore[misc]  # TRL has no types
        def _get_train_sampler(self, train_dataset: Any = None) -> ByLength:
            return order_of(rows, self.args.per_device_train_batch_size, self.args.seed)

    columns = [
        {
            "input_ids": row["prompt_ids"] + row["completion_ids"],
            "labels": [-100] * len(row["prompt_ids"]) + row["completion_ids"],
        }
        for row in rows
    ]
    return AnswerTrainer(
        model=opened.model,
        args=TrlConfig(**settings, router_aux_loss_coef=0.0),
        train_dataset=Dataset.from_list(columns),
        processing_class=opened.base.tokenizer,
    )


def make_shared_trainer(opened: Any, rows: list[Row], settings: dict[str, Any], cut: int | None = None, *, held: Sequence[Row] = ()) -> Any:
    """The same on the engine "shared", with at most `cut` rows in a forward pass. `held`: rows to validate on."""
    import torch
    from trl import SFTConfig as TrlConfig

    from recipes.packing import pack
    from recipes.shared import Scores, SharedTrainer, Update, token_metrics, updates_of

    def collate(batch: list[Row]) -> dict[str, torch.Tensor]:
        tokens = sum(len(row["completion_ids"]) for row in batch)
        trees = [(row["prompt_ids"], [row["completion_ids"]]) for row in batch]
        return pack(trees, opened.base.tokenizer.pad_token_id) | {"counts": torch.tensor([float(len(batch)), float(tokens)])}

    def likelihood(scores: Scores, batch: dict[str, torch.Tensor], update: Update) -> tuple[torch.Tensor, dict[str, float]]:
        return -scores.log_probs.sum() / update.tokens, token_metrics(scores)

    args = TrlConfig(**settings, router_aux_loss_coef=0.0)
    order = order_of(rows, args.per_device_train_batch_size, args.seed)
    return SharedTrainer(
        model=opened.model,
        args=args,
        rows=rows,
        held=held,
        tokenizer=opened.base.tokenizer,
        collate=collate,
        objective=likelihood,
        updates=updates_of(order, args, cut),
        dropout=True,
    )


def order_of(rows: Sequence[Row], batch_size: int, seed: int) -> ByLength:
    """Batches of rows of similar length."""
    return ByLength([len(row["prompt_ids"]) + len(row["completion_ids"]) for row in rows], batch_size, seed)


recipe = Sft()
