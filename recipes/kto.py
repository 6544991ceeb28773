"""Kahneman-Tversky optimisation (Ethayarajh et al. 2024, https://arxiv.org/abs/2402.01306) of the parent adapter: answers judged alone.

The reference is the parent: TRL copies the adapter "default" to a frozen "ref", and the run stops unless every reward before the first
update is 0 (the loss, which TRL logs without weights, is then 0.5).

TRL estimates the KL term from each prompt with the answer of the row before it in the batch. Rows are therefore dealt out with the seed so
that no row follows one of the same prompt, and batches of one row do not arise. Desirable and undesirable rows are weighed so that
desirable_weight * n_desirable / (undesirable_weight * n_undesirable) lies in [1, 4/3] (the paper, equation 8).

Stock TRL: loss, reference, training loop. Ours: token ids, order of rows, weights, guards.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from prefopt.errors import TrainingError
from prefopt.records import Judged
from recipes.rows import unit_mean

if TYPE_CHECKING:
    from prefopt.protocols import TrainedAdapter, TrainingJob
    from recipes.rows import Row

LOW, HIGH = 1.0, 4 / 3
"""Wanted ratio of desirable to undesirable weight."""


class KtoConfig(BaseModel):
    """Options of the recipe; kto.toml says what each is for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    beta: Annotated[float, Field(gt=0)] = 0.1
    weighted: bool = True
    with_reason: bool = False
    epochs: Annotated[float, Field(ge=1)] = 1.0
    batch_size: Annotated[int, Field(ge=2)] = 8
    accumulate: Annotated[int, Field(ge=1)] = 4
    learning_rate: Annotated[float, Field(gt=0)] = 2e-5
    schedule: Literal["linear", "cosine", "constant", "constant_with_warmup"] = "cosine"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    gradient_checkpointing: bool = True
    save_steps: Annotated[int, Field(ge=1)] = 25
    report_to: tuple[str, ...] = ()


class Kto:
    """Judged answers and the parent adapter -> adapter."""

    name = "kto"
    needs: Literal["judged"] = "judged"
    Config = KtoConfig

    def train(self, job: TrainingJob, config: KtoConfig) -> TrainedAdapter:
        """Train and save. Raises TrainingError, ModelError."""
        from recipes.rows import data_of, judged_row, refuse_long, refuse_orphan, refuse_unknown_labels

        refuse_orphan(job, self.name)
        data = data_of(job, Judged, "wait for more rankings")
        refuse_unknown_labels(job, [(judged.problem.id, judged.answer) for judged in data])
        own = [judged.weight if config.weighted else 1.0 for judged in data]
        weights = class_weights([judged.desirable for judged in data], own)
        from recipes.training import arguments, open_adapter, quiet, run  # torch and TRL take seconds to import

        with quiet():
            opened = open_adapter(job)
            rows = [
                judged_row(judged, opened.renderer, with_reason=config.with_reason) | {"weight": weight}
                for judged, weight in zip(data, weights, strict=True)
            ]
            refuse_long(rows, job.prompt.max_tokens)
            batches = deal(rows, config.batch_size, job.seed)
            settings = arguments(job, config, opened) | {"per_device_train_batch_size": len(batches[0])}
            rows = [row for batch in batches for row in with_mismatched(batch)]
            trainer = make_trainer(opened, rows, settings, config)
            return run(job, self.name, config, opened, rows, trainer)


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


def deal(rows: Sequence[Row], size: int, seed: int) -> list[list[Row]]:
    """Rows in batches, dealt with the seed, so that going round in a batch no row follows one of the same prompt.

    All batches have `size` rows but the last, which has at least two: where one row would be left over, all batches are made a little
    smaller (or, of few rows, larger).

    Raises:
        TrainingError: one row; or a prompt has so many rows that it must follow itself.
    """
    count = len(rows)
    if count < 2:
        raise TrainingError("one judged answer: KTO compares each with another problem's", hint="collect more rankings")
    size = next(s for s in (*range(min(size, count), 1, -1), count) if count % s != 1)
    sizes = [min(size, count - start) for start in range(0, count, size)]
    batches: list[list[Row]] = [[] for _ in sizes]
    groups = _by_prompt(rows, seed)
    for group in groups:  # each row to the batch with the fewest of its prompt, and of these to the emptiest
        for row in group:
            open_ = [b for b in range(len(batches)) if len(batches[b]) < sizes[b]]
            best = min(open_, key=lambda b: (_same(batches[b], row), len(batches[b]) / sizes[b], b))
            batches[best].append(row)
    return [_apart(batch) for batch in batches]


def _by_prompt(rows: Sequence[Row], seed: int) -> list[list[Row]]:
    """Rows of each prompt together, the most numerous prompts first, otherwise in an order drawn with the seed."""
    shuffled = list(rows)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - seeded chance, no secret
    groups: dict[tuple[int, ...], list[Row]] = {}
    for row in shuffled:
        groups.setdefault(tuple(row["prompt_ids"]), []).append(row)
    return sorted(groups.values(), key=len, reverse=True)


def _same(batch: Sequence[Row], row: Row) -> int:
    return sum(other["prompt_ids"] == row["prompt_ids"] for other in batch)


def _apart(batch: list[Row]) -> list[Row]:
    """The batch in an order in which no row follows (also going round) one of the same prompt: prompts by their count, first on the
    even places, then on the odd ones. Possible exactly if no prompt has more than half of the rows.
    """
    groups = _by_prompt(batch, 0)
    most = groups[0]
    if 2 * len(most) > len(batch):
        raise TrainingError(
            f"problem {most[0]['id']} has {len(most)} of the {len(batch)} judged answers of a batch: "
            "KTO would compare its answers with themselves",
            hint="raise batch_size under [recipes.kto], or collect rankings of more problems",
        )
    ordered = [row for group in groups for row in group]
    places = [*range(0, len(batch), 2), *range(1, len(batch), 2)]
    arranged = [row for _, row in sorted(zip(places, ordered, strict=True), key=lambda pair: pair[0])]
    for before, row in zip([arranged[-1], *arranged], arranged, strict=False):
        if before["prompt_ids"] == row["prompt_ids"]:
            raise TrainingError(f"problem {row['id']} follows itself in a batch")
    return arranged


def with_mismatched(batch: Sequence[Row]) -> list[Row]:
    """Each row with the answer of the row before it, the first with the last one's: the samples of the KL term, as TRL makes them."""
    before = [batch[-1], *batch[:-1]]
    return [row | {"KL_completion_ids": other["completion_ids"]} for row, other in zip(batch, before, strict=True)]


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


recipe = Kto()
