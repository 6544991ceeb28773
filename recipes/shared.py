"""The engine "shared": a trainer that computes each prompt once and logits on completion tokens only.

It is transformers' own Trainer (optimizer, schedule, checkpoints, resuming, trackers) with another loss: rows from packing.py, token
scores from head.py, and a recipe's objective, a function of the completions' log-probabilities. TRL's trainers are what it is checked
against (tests/recipes/test_shared_engine.py) and what `engine = "trl"` runs.
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

from prefopt.model.last_layer import trim_last_layer
from prefopt.model.posterior import attention_masks, causal_lm
from recipes import processes
from recipes.head import TokenScores, check_head, score_tokens
from recipes.packing import tokens_of, visible
from recipes.training import LocalRun
from recipes.updates import Order, Updates


@dataclass(frozen=True)
class Scores:
    """Of N completions. Only `log_probs` carries a gradient."""

    log_probs: Tensor
    """Sum over the completion's tokens [N]."""
    lengths: Tensor
    """Tokens [N], float32."""
    entropy: Tensor
    """Sum over tokens [N]."""
    logit: Tensor
    """Sum over tokens of the mean logit [N]."""
    top: Tensor
    """Tokens that were the most likely ones [N]."""

    def detach(self) -> Scores:
        return replace(self, log_probs=self.log_probs.detach())

    def __getitem__(self, rows: slice | Tensor) -> Scores:
        return Scores(*(getattr(self, name)[rows] for name in ("log_probs", "lengths", "entropy", "logit", "top")))


@dataclass(frozen=True)
class Update:
    """What a micro-batch's sums are divided by, so that the mean over the micro-batches of one update is the mean over all its rows
    (or tokens), however they are cut into batches. They are shares of a micro-batch, so they may lie below 1: one row that two processes
    share is half a row; 0 where the update has none.
    """

    done: int
    """Updates before this one."""
    rows: float
    tokens: float = 0.0
    """Of the likelihood term."""
    rehearsed: float = 0.0
    """Tokens of rehearsed examples."""
    mean: Tensor | None = None
    """Of what `survey` gave of all the update's batches; None without a survey."""


Objective = Callable[[Scores, dict[str, Tensor], Update], tuple[Tensor, dict[str, float]]]
"""(scores of the batch's completions, the batch, the update it belongs to) -> loss and metrics."""
Collate = Callable[[list[dict[str, Any]]], dict[str, Any]]
"""Rows -> a batch: what `pack` gives, "counts" (the numbers of an Update after `done`), and what the objective wants."""
Survey = Callable[[Any, dict[str, Any], int], Tensor]
"""(model, batch, updates done) -> numbers of one dimension, without gradient, whose mean over the update's batches the objective wants."""


def add_scoring(model: Any) -> None:
    """Teach a causal LM to answer `model(packed=batch)` with a tuple (log_probs, entropy, mean_logit, top), each [K]; see TokenScores.

    It is done inside forward, so that wrappers that watch forward (PEFT, DistributedDataParallel) see it.

    Raises:
        TrainingError: its output head is not one that can be scored this way.
    """
    if getattr(model.forward, "scores_packed", False):
        return
    check_head(model)
    original, trimmed = model.forward, trim_last_layer(model)

    @functools.wraps(type(model).forward)
    def forward(self: Any, *args: Any, packed: dict[str, Tensor] | None = None, measured: bool = True, **kwargs: Any) -> Any:
        if packed is None:
            return original(*args, **kwargs)
        hidden = self.get_decoder()(
            input_ids=packed["input_ids"],
            position_ids=packed["position_ids"],
            attention_mask=attention_masks(self, visible(packed["segments"], packed["position_ids"]), packed["position_ids"]),
            use_cache=False,
            **({"kept": packed["kept"]} if trimmed else {}),
        ).last_hidden_state
        read = hidden[packed["rows"], packed["places" if trimmed else "columns"]]
        found = score_tokens(read, self.get_output_embeddings(), packed["targets"], measured=measured)
        return found.log_probs, found.entropy, found.mean_logit, found.top

    forward.scores_packed = True  # type: ignore[attr-defined]  # a mark on a function
    model.forward = types.MethodType(forward, model)


def score(model: Any, batch: dict[str, Tensor], *, measured: bool = True) -> Scores:
    """Scores of a batch's completions, in the order of its `cells`."""
    packed = tokens_of(batch)
    tokens = TokenScores(*model(packed=packed, measured=measured))
    cells = packed["cells"]
    there = cells >= 0

    def summed(values: Tensor) -> Tensor:
        return torch.where(there, values[cells.clamp(min=0)], values.new_zeros(())).sum(dim=1)

    return Scores(summed(tokens.log_probs), there.sum(dim=1).float(), *map(summed, (tokens.entropy, tokens.mean_logit, tokens.top)))


class SharedTrainer(LocalRun, Trainer):  # type: ignore[misc]  # transformers is not followed by mypy
    """A Trainer over packed rows.

    Args:
        model: PeftModel in training; its base is taught to score (add_scoring).
        args: TRL's config of the method, for its names and defaults.
        rows: what `collate` takes.
        held: rows to evaluate on, where the arguments say when.
        collate: rows -> batch.
        objective: the method's loss and metrics.
        updates: which rows make an update, and in which forward passes.
        survey: looked at before the first forward pass of an update.
        dropout: leave the model's dropout on, as TRL does for SFT only.
    """

    def __init__(
        self,
        *,
        model: Any,
        args: Any,
        rows: Sequence[dict[str, Any]],
        held: Sequence[dict[str, Any]] = (),
        tokenizer: Any,
        collate: Collate,
        objective: Objective,
        updates: Updates,
        survey: Survey | None = None,
        dropout: bool = False,
    ) -> None:
        add_scoring(causal_lm(model))
        if not dropout:
            disable_dropout_in_model(model)
        args.gradient_accumulation_steps = updates.accumulate
        super().__init__(
            model=model,
            args=args,
            train_dataset=Dataset.from_list(list(rows)),
            eval_dataset=Dataset.from_list(list(held)) if held else None,
            processing_class=tokenizer,
            data_collator=collate,
        )
        self.model_accepts_loss_kwargs = False  # the Trainer divides by the count of micro-batches; Update allows for it
        self._objective, self._updates, self._survey = objective, updates, survey
        self._share: Update | None = None
        self._metrics: dict[str, dict[str, list[float]]] = {"train": defaultdict(list), "eval": defaultdict(list)}

    def get_train_dataloader(self) -> Any:
        def collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
            if rows:
                return self.data_collator(rows)  # type: ignore[no-any-return]  # a Collate
            batch = self.data_collator([self.train_dataset[0]])  # a process without work in this pass: its loss is 0, whatever it computes
            return batch | {"counts": torch.zeros_like(batch["counts"])}

        pinned = self.args.dataloader_pin_memory
        return self.accelerator.prepare(DataLoader(self.train_dataset, batch_sampler=self._updates, collate_fn=collate, pin_memory=pinned))

    def get_eval_dataloader(self, eval_dataset: Any = None) -> Any:
        """Every process evaluates all rows: shares of unequal length would wait for each other for ever."""
        data = self.eval_dataset if eval_dataset is None else eval_dataset
        return DataLoader(data, batch_size=self.args.per_device_eval_batch_size, collate_fn=self.data_collator)

    def get_batch_samples(self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device) -> tuple[list[Any], None]:
        """The micro-batches of one update, whose rows and tokens are counted."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        if batches:
            counts = torch.stack([batch["counts"] for batch in batches]).sum(dim=0).to(device)
            share = len(batches) * self.accelerator.num_processes
            shares = [count / share for count in self.accelerator.reduce(counts, "sum").tolist()]
            self._share = Update(self.state.global_step, *shares, mean=self._surveyed(batches))
        return batches, None

    @torch.no_grad()
    def _surveyed(self, batches: list[dict[str, Any]]) -> Tensor | None:
        """The mean of what the survey gives of the update's batches, over all processes."""
        if self._survey is None:
            return None
        seen = [self._survey(self.model, self._prepare_inputs(batch), self.state.global_step) for batch in batches if has_work(batch)]
        values = torch.cat(seen) if seen else torch.zeros(0, device=self.args.device)
        total, count = self.accelerator.reduce(torch.stack([values.sum(), values.new_tensor(float(len(values)))]), "sum")
        return total / count

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        scores = score(model, inputs)
        if not has_work(inputs):
            return scores.log_probs.sum() * 0
        mode = "train" if self.model.training else "eval"
        alone = Update(self.state.global_step, *inputs["counts"].tolist())
        loss, metrics = self._objective(scores, inputs, self._share if mode == "train" and self._share is not None else alone)
        for name, value in metrics.items():
            self._metrics[mode][name].append(value)
        return (loss, None) if return_outputs else loss

    def prediction_step(self, model: Any, inputs: dict[str, Tensor], *_: Any, **__: Any) -> tuple[Tensor, None, None]:
        with torch.no_grad():
            return self.compute_loss(model, self._prepare_inputs(inputs)).detach(), None, None

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        mode = "eval" if any(name.startswith("eval_") for name in logs) else "train"
        prefix = "eval_" if mode == "eval" else ""
        found: dict[str, list[float]] = defaultdict(list)
        for metrics in processes.gathered(dict(self._metrics[mode])):
            for name, values in metrics.items():
                found[name] += values
        self._metrics[mode].clear()
        super().log(logs | {f"{prefix}{name}": sum(values) / len(values) for name, values in found.items()}, start_time)


def has_work(batch: dict[str, Any]) -> bool:
    """Whether a batch has rows of this pass, and is not a stand-in for a process without any."""
    return bool(batch["counts"].any())


def updates_of(order: Order, args: Any, cut: int | None) -> Updates:
    """The updates of a run with these arguments, shared by its processes."""
    return Updates(
        order,
        args.per_device_train_batch_size,
        accumulate=args.gradient_accumulation_steps,
        cut=cut,
        processes=processes.count(),
    )


def side_metrics(chosen: Scores, rejected: Scores) -> dict[str, float]:
    """Mean logit per token on each side, entropy on both, accuracy on the chosen one, as TRL names them."""
    both = chosen.lengths.sum() + rejected.lengths.sum()
    return {
        "entropy": ((chosen.entropy.sum() + rejected.entropy.sum()) / both).item(),
        "logits/chosen": (chosen.logit.sum() / chosen.lengths.sum()).item(),
        "logits/rejected": (rejected.logit.sum() / rejected.lengths.sum()).item(),
        "mean_token_accuracy": (chosen.top.sum() / chosen.lengths.sum()).item(),
    }


def reward_metrics(chosen: Tensor, rejected: Tensor, chosen_log_probs: Tensor, rejected_log_probs: Tensor) -> dict[str, float]:
    """Rewards [N] of each side, how often and by how much the chosen one is ahead, and the log-probabilities [N], as TRL names them."""
    return {
        "rewards/chosen": chosen.mean().item(),
        "rewards/rejected": rejected.mean().item(),
        "rewards/accuracies": (chosen > rejected).float().mean().item(),
        "rewards/margins": (chosen - rejected).mean().item(),
        "logps/chosen": chosen_log_probs.mean().item(),
        "logps/rejected": rejected_log_probs.mean().item(),
    }


def choice_metrics(chosen: Tensor, rejected: Tensor) -> dict[str, float]:
    """-log of the probability that the policy itself, given only these two answers, picks the chosen one; mean over pairs, from the
    answers' log-probabilities [N]. Unlike the loss it means the same for every beta, loss and reference.
    """
    return {"preference/nll": -torch.nn.functional.logsigmoid(chosen - rejected).mean().item()}


def pair_metrics(scores: Scores, rewards: Tensor, example: Tensor) -> dict[str, float]:
    """Of B pairs, with chosen answers first: scores and rewards [2B]; rehearsed examples [B] are left out. None where all are examples."""
    if example.all():
        return {}
    if example.any():
        pairs = (~example).repeat(2)
        scores, rewards = scores[pairs], rewards[pairs]
    n, log_probs = len(rewards) // 2, scores.log_probs.detach()
    sides = log_probs[:n], log_probs[n:]
    return side_metrics(scores[:n], scores[n:]) | reward_metrics(rewards[:n], rewards[n:], *sides) | choice_metrics(*sides)


def judged_metrics(scores: Scores, rewards: Tensor, desirable: Tensor) -> dict[str, float]:
    """Of judged answers, each kind by itself where the batch has it, as TRL names them."""
    found = {"entropy": (scores.entropy.sum() / scores.lengths.sum()).item()} if len(rewards) else {}
    for side, rows in (("chosen", desirable), ("rejected", ~desirable)):
        if rows.any():
            found[f"logits/{side}"] = (scores.logit[rows].sum() / scores.lengths[rows].sum()).item()
            found[f"rewards/{side}"] = rewards[rows].mean().item()
            found[f"logps/{side}"] = scores.log_probs.detach()[rows].mean().item()
    if "rewards/chosen" in found and "rewards/rejected" in found:
        found["rewards/margins"] = found["rewards/chosen"] - found["rewards/rejected"]
    return found


def rehearsal_term(scores: Scores, example: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Sum of the examples' log-probabilities (of completions [N], those that `example` [N] marks), and how likely their tokens are."""
    total = (scores.log_probs * example).sum()
    tokens = scores.lengths[example].sum().item()
    return total, {"rehearsal/nll": -total.item() / tokens} if tokens else {}


def token_metrics(scores: Scores) -> dict[str, float]:
    """Entropy per token, and the share of tokens that were the most likely ones, as TRL names them."""
    tokens = scores.lengths.sum()
    return {"entropy": (scores.entropy.sum() / tokens).item(), "mean_token_accuracy": (scores.top.sum() / tokens).item()}
