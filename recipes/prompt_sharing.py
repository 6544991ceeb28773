"""The engine "prompt_sharing": a trainer that computes each prompt once and logits on completion tokens only.

It is transformers' own Trainer (optimizer, schedule, checkpoints, resuming, trackers) with another loss: rows from packing.py, token
scores from logprobs.py, and a recipe's objective, a function of the completions' log-probabilities. It is checked against TRL's trainers
(tests/recipes/test_prompt_sharing.py), which `engine = "trl"` runs.
"""

from __future__ import annotations

import functools
import types
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import Trainer
from trl.trainer.utils import disable_dropout_in_model

from prefopt.errors import TrainingError
from prefopt.model.packed import causal_lm, packed_hidden
from prefopt.model.support import support_of
from recipes import distributed
from recipes.batching import RowOrder, UpdateBatches
from recipes.logprobs import Scores, TokenScores, score_tokens
from recipes.packing import tokens_of, visible
from recipes.tokenization import row_tokens
from recipes.training import LocalRun


@dataclass(frozen=True)
class Update:
    """What the sums over a forward pass are divided by, so that the mean over the forward passes of an update is the mean over all its rows
    (or tokens), however they are cut. They are the update's counts divided by its forward passes, so they may be below 1: one row that two
    processes share is half a row. 0 where the update has none.
    """

    done: int
    """Updates before this one."""
    rows: float
    tokens: float = 0.0
    """Of the likelihood term."""
    example_tokens: float = 0.0
    """Of rehearsed examples."""
    pre_pass_mean: Tensor | None = None
    """Mean of the values of `PrePass` over all the update's forward passes; None without one."""


Batch = dict[str, Any]
"""What `pack` makes, "counts" (the numbers of an Update after `done`), and what the objective needs."""
Objective = Callable[[Scores, Batch, Update], tuple[Tensor, dict[str, float]]]
"""(scores of the batch's completions, the batch, the update it belongs to) -> loss and metrics."""
Collate = Callable[[list[dict[str, Any]]], Batch]
"""Rows -> a batch."""
PrePass = Callable[[Any, Batch, int], Tensor]
"""(model, batch, updates done) -> values [N], without gradient, whose mean over the update the objective needs before its first pass."""


def add_scoring(model: Any, tokens: int) -> None:
    """Make a causal LM answer `model(packed=batch)` with a tuple (log_probs, entropy, mean_logit, top), each [K]; see TokenScores.

    It happens inside forward, so that wrappers around forward (PEFT, DistributedDataParallel) still apply.

    Args:
        model: a causal LM of transformers.
        tokens: of the longest prompt with a completion.

    Raises:
        TrainingError: the model computes something else in packed rows than in rows of their own.
        ModelError: it is not a causal LM.
    """
    support, original = support_of(model, tokens), model.forward
    if support.packed:
        raise TrainingError(
            f"the engine 'prompt_sharing' would train on wrong numbers: {support.packed}",
            hint='set engine = "trl" under the recipe\'s name in prefopt.toml',
        )
    decoder, head = support.parts
    if head.weight.requires_grad:
        raise TrainingError(
            "the engine 'prompt_sharing' needs a frozen output head, and this one is trained",
            hint='freeze the output head, or set engine = "trl" under the recipe\'s name',
        )
    if getattr(original, "scores_packed", False):
        return

    @functools.wraps(type(model).forward)
    def forward(self: Any, *args: Any, packed: dict[str, Tensor] | None = None, log_probs_only: bool = False, **kwargs: Any) -> Any:
        if packed is None:
            return original(*args, **kwargs)
        attended = visible(packed["segments"], packed["position_ids"])
        hidden = packed_hidden(decoder, packed["input_ids"], packed["position_ids"], attended, packed["kept"])
        scores = score_tokens(hidden[packed["rows"], packed["places"]], head, packed["targets"], log_probs_only=log_probs_only)
        return scores.log_probs, scores.entropy, scores.mean_logit, scores.top

    forward.scores_packed = True  # type: ignore[attr-defined]  # a mark on a function
    model.forward = types.MethodType(forward, model)


def score(model: Any, batch: Batch, *, log_probs_only: bool = False) -> Scores:
    """Scores of a batch's completions, in the order of its `cells`."""
    packed = tokens_of(batch)
    tokens = TokenScores(*model(packed=packed, log_probs_only=log_probs_only))
    cells = packed["cells"]
    filled = cells >= 0  # a shorter completion has fewer tokens than the row of cells

    def summed(values: Tensor) -> Tensor:
        return torch.where(filled, values[cells.clamp(min=0)], values.new_zeros(())).sum(dim=1)

    return Scores(summed(tokens.log_probs), filled.sum(dim=1).float(), *map(summed, (tokens.entropy, tokens.mean_logit, tokens.top)))


class PromptSharingTrainer(LocalRun, Trainer):  # type: ignore[misc]  # transformers is not followed by mypy
    """A Trainer over packed rows.

    Args:
        model: PeftModel in training; its base gets add_scoring.
        args: TRL's config of the method, for its names and defaults.
        rows: to train on, as `collate` takes them.
        validation_rows: to evaluate on, at the steps that the arguments set.
        tokenizer: saved with checkpoints.
        collate: rows -> batch.
        objective: the method's loss and metrics.
        updates: which rows make an update, and in which forward passes.
        pre_pass: computed over an update before its first forward pass.
        dropout: leave the model's dropout on, as TRL does for SFT only.
    """

    def __init__(
        self,
        *,
        model: Any,
        args: Any,
        rows: Sequence[dict[str, Any]],
        validation_rows: Sequence[dict[str, Any]] = (),
        tokenizer: Any,
        collate: Collate,
        objective: Objective,
        updates: UpdateBatches,
        pre_pass: PrePass | None = None,
        dropout: bool = False,
    ) -> None:
        add_scoring(causal_lm(model), max(map(row_tokens, [*rows, *validation_rows])))
        if not dropout:
            disable_dropout_in_model(model)
        args.gradient_accumulation_steps = updates.passes_per_process
        super().__init__(
            model=model,
            args=args,
            train_dataset=Dataset.from_list(list(rows)),
            eval_dataset=Dataset.from_list(list(validation_rows)) if validation_rows else None,
            processing_class=tokenizer,
            data_collator=collate,
        )
        self.model_accepts_loss_kwargs = False  # the Trainer divides by the count of micro-batches; Update allows for it
        self._objective, self._updates, self._pre_pass = objective, updates, pre_pass
        self._current_update: Update | None = None
        self._metrics: dict[str, dict[str, list[float]]] = {"train": defaultdict(list), "eval": defaultdict(list)}

    def get_train_dataloader(self) -> Any:
        """Forward passes of this process, in the order of the updates."""

        def collate(rows: list[dict[str, Any]]) -> Batch:
            batch: Batch = self.data_collator(rows or [self.train_dataset[0]])
            if not rows:  # a process without work in this pass computes any row, for the collective calls, with loss 0
                batch["counts"] = torch.zeros_like(batch["counts"])
            return batch

        pinned = self.args.dataloader_pin_memory
        return self.accelerator.prepare(DataLoader(self.train_dataset, batch_sampler=self._updates, collate_fn=collate, pin_memory=pinned))

    def get_eval_dataloader(self, eval_dataset: Any = None) -> Any:
        """Every process evaluates all rows: with shares of unequal length, collective calls would never return."""
        data = self.eval_dataset if eval_dataset is None else eval_dataset
        return DataLoader(data, batch_size=self.args.per_device_eval_batch_size, collate_fn=self.data_collator)

    def get_batch_samples(self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device) -> tuple[list[Any], None]:
        """The forward passes of one update, whose rows and tokens are counted over all processes."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        if batches:
            counts = torch.stack([batch["counts"] for batch in batches]).sum(dim=0).to(device)
            passes = len(batches) * self.accelerator.num_processes
            per_pass = [count / passes for count in self.accelerator.reduce(counts, "sum").tolist()]
            self._current_update = replace(Update(self.state.global_step, *per_pass), pre_pass_mean=self._pre_pass_mean(batches))
        return batches, None

    @torch.no_grad()
    def _pre_pass_mean(self, batches: list[Batch]) -> Tensor | None:
        """The mean of the pre-pass over the update's forward passes of all processes."""
        if self._pre_pass is None:
            return None
        computed = [self._pre_pass(self.model, self._prepare_inputs(batch), self.state.global_step) for batch in batches if has_work(batch)]
        values = torch.cat(computed) if computed else torch.zeros(0, device=self.args.device)
        local = torch.stack([values.sum(), values.new_tensor(float(len(values)))])
        total, count = self.accelerator.reduce(local, "sum").unbind()
        mean: Tensor = total / count
        return mean

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        """The objective's loss of one forward pass; its metrics are collected until `log`."""
        scores = score(model, inputs)
        if not has_work(inputs):
            return scores.log_probs.sum() * 0
        mode = "train" if self.model.training else "eval"
        update = self._current_update if mode == "train" else None
        if update is None:  # a validation batch, or compute_loss called outside a run: the batch is its own update
            update = Update(self.state.global_step, *inputs["counts"].tolist())
        loss, metrics = self._objective(scores, inputs, update)
        for name, value in metrics.items():
            self._metrics[mode][name].append(value)
        return (loss, None) if return_outputs else loss

    def prediction_step(self, model: Any, inputs: dict[str, Tensor], *_: Any, **__: Any) -> tuple[Tensor, None, None]:
        """The loss of a validation batch."""
        with torch.no_grad():
            return self.compute_loss(model, self._prepare_inputs(inputs)).detach(), None, None

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log with the mean of each metric over the forward passes of all processes since the last call."""
        mode = "eval" if any(name.startswith("eval_") for name in logs) else "train"
        prefix = "eval_" if mode == "eval" else ""
        gathered: dict[str, list[float]] = defaultdict(list)
        for metrics in distributed.all_gather(dict(self._metrics[mode])):
            for name, values in metrics.items():
                gathered[name] += values
        self._metrics[mode].clear()
        super().log(logs | {f"{prefix}{name}": sum(values) / len(values) for name, values in gathered.items()}, start_time)


def has_work(batch: Batch) -> bool:
    """Whether a batch has rows of this pass; False for the placeholder of a process without any."""
    return bool(batch["counts"].any())


def update_batches(order: RowOrder, args: Any, max_rows: int | None) -> UpdateBatches:
    """The updates of a run with these arguments of a trainer, shared by the run's processes."""
    return UpdateBatches(
        order,
        args.per_device_train_batch_size,
        gradient_accumulation_steps=args.gradient_accumulation_steps,
        max_rows=max_rows,
        processes=distributed.world_size(),
    )
