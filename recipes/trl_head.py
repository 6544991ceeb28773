"""TRL's fused output head, and the model's own logits in its place where the two differ.

TRL computes log-probabilities from last hidden states and knows some of the names under which models scale or cap their logits. Where a
model has another way, or no last hidden states that TRL finds, its losses would be of another model; there, the model's own logits are
used, which takes the memory of all of them.
"""

from __future__ import annotations

import functools
import types
from typing import Any, TypeVar

import torch
from torch import Tensor
from trl.trainer.utils import FusedCausalLMOutput

from prefopt.model.out_of_memory import is_out_of_memory
from prefopt.model.packed import causal_lm, inputs_device
from prefopt.model.support import quiet_model
from prefopt.model.support_probe import FAULTS, random_ids

T = TypeVar("T")
_TOKENS, _FLOAT32, _NARROW = 32, 1e-4, 0.1
"""Of the row that is compared, and differences of log-probabilities that are rounding: the largest in float32, else the mean."""


def with_own_head(trainer: T) -> T:
    """The trainer, whose model answers `fused_lm_head=True` with the model's own log-probabilities where TRL's differ."""
    lm = causal_lm(trainer.model)  # type: ignore[attr-defined]  # TRL's trainers have no types
    ids = torch.tensor([random_ids(lm, _TOKENS, seed=0)], device=inputs_device(lm))
    with quiet_model(lm):
        own = _scores(lm(input_ids=ids).logits, ids).log_probs
        try:
            found = lm(input_ids=ids, labels=ids, fused_lm_head=True).log_probs
        except FAULTS as error:
            if is_out_of_memory(error):
                raise
            found = None
    if found is None or found.shape != own.shape or not _same(found, own, lm.dtype):
        _answer_by_itself(lm)
    return trainer


def _same(found: Tensor, own: Tensor, dtype: torch.dtype) -> bool:
    difference = (found.float() - own).abs()
    return bool(difference.max() <= _FLOAT32) if dtype == torch.float32 else bool(difference.mean() <= _NARROW)


def _answer_by_itself(lm: Any) -> None:
    fused = lm.forward

    @functools.wraps(type(lm).forward)
    def forward(
        self: Any, *args: Any, fused_lm_head: bool = False, labels: Any = None, num_items_in_batch: Any = None, **inputs: Any
    ) -> Any:
        if not fused_lm_head:
            return fused(*args, labels=labels, num_items_in_batch=num_items_in_batch, **inputs)
        return _scores(fused(*args, **(inputs | {"use_cache": False})).logits, labels, num_items_in_batch)

    lm.forward = types.MethodType(forward, lm)


def _scores(logits: Tensor, labels: Tensor, count: Any = None) -> FusedCausalLMOutput:
    """What TRL's fused head returns, from all logits [B, T, V] and labels [B, T] (-100: not scored)."""
    targets = labels[:, 1:].to(logits.device)
    mask = targets != -100
    scores = logits[:, :-1].float()
    distribution = scores.log_softmax(-1)
    chosen = distribution.gather(2, targets.clamp(min=0)[:, :, None])[:, :, 0] * mask
    with torch.no_grad():
        entropy = -(distribution.exp() * distribution).sum(-1) * mask
        means, top = scores.mean(-1) * mask, (scores.argmax(-1) == targets) & mask
        concentration = (2 * distribution).logsumexp(-1) * mask
    return FusedCausalLMOutput(
        loss=-chosen.sum() / (mask.sum().clamp(min=1) if count is None else count),
        log_probs=chosen,
        entropy=entropy,
        log_sum_sq_probs=concentration,
        mean_logits=means,
        is_top1=top,
        label_mask=mask,
    )
