"""Supervised fine-tuning: labelled problems to answers and reasons. Round 000 makes the adapter that every later round goes on from.

Each problem is rendered in up to three ways: problem -> answer (as the posterior is read), problem -> reason and answer (as the model
thinks aloud), and problem and label -> reason (as candidates get their reasons). The loss is TRL's mean negative log-likelihood over
completion tokens. Without a parent it starts from a fresh adapter, with one it goes on from it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from prefopt.records import Problem

if TYPE_CHECKING:
    from prefopt.model.harmony import Renderer
    from prefopt.protocols import TrainedAdapter, TrainingJob
    from recipes.rows import Row

Share = Annotated[float, Field(ge=0, le=1)]


class SftConfig(BaseModel):
    """Options of the recipe; sft.toml says what each is for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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
    report_to: tuple[str, ...] = ()


class Sft:
    """Labelled problems -> adapter."""

    name = "sft"
    needs: Literal["examples"] = "examples"
    Config = SftConfig

    def train(self, job: TrainingJob, config: SftConfig) -> TrainedAdapter:
        """Train and save. Raises TrainingError, ModelError."""
        from recipes.rows import answer_of, data_of, refuse_long, refuse_unknown_labels

        problems = data_of(job, Problem, "put labelled problems into data/gold.jsonl")
        refuse_unknown_labels(job, [(problem.id, answer_of(problem)) for problem in problems])
        from recipes.training import arguments, open_adapter, quiet, run  # torch and TRL take seconds to import

        with quiet():
            opened = open_adapter(job)
            rows = sft_rows(problems, config, opened.renderer, job.seed)
            refuse_long(rows, job.prompt.max_tokens)
            trainer = make_trainer(opened, rows, arguments(job, config, opened))
            return run(job, self.name, config, opened, rows, trainer)


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


class ByLength:
    """Order of the rows in each epoch: batches of rows of similar length, so that little is padded, in a drawn order.

    Rows are shuffled, cut into pools of eight batches, sorted by length inside a pool, and the batches are shuffled. The order depends on
    seed and epoch alone, so a run that goes on finds the batches it would have had.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths, self._size, self._seed, self._epoch = lengths, batch_size, seed, 0

    def __len__(self) -> int:
        return len(self._lengths)

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        chance = random.Random(f"{self._seed} {self._epoch}")  # noqa: S311 - seeded chance, no secret
        order = list(range(len(self._lengths)))
        chance.shuffle(order)
        pool = 8 * self._size
        order = [i for k in range(0, len(order), pool) for i in sorted(order[k : k + pool], key=self._lengths.__getitem__)]
        batches = [order[k : k + self._size] for k in range(0, len(order), self._size)]
        partial = [batches.pop()] if len(batches[-1]) < self._size else []  # stays last, or all batches after it would shift
        chance.shuffle(batches)
        return (i for batch in batches + partial for i in batch)


def make_trainer(opened: Any, rows: list[Row], settings: dict[str, Any]) -> Any:
    """TRL's SFTTrainer on rows of token ids, in the order of ByLength; prompt tokens carry no loss."""
    from datasets import Dataset
    from trl import SFTConfig as TrlConfig
    from trl import SFTTrainer

    from recipes.training import LocalRun

    class AnswerTrainer(LocalRun, SFTTrainer):  # type: ignore[misc]  # TRL has no types
        def _get_train_sampler(self, train_dataset: Any = None) -> ByLength:
            lengths = [len(row["prompt_ids"]) + len(row["completion_ids"]) for row in rows]
            return ByLength(lengths, self.args.per_device_train_batch_size, self.args.seed)

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


recipe = Sft()
