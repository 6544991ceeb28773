"""Log-probabilities of given tokens, without the logits of all positions and without computing them twice.

The output head is frozen, so the gradient of log p(token) for a hidden state h, s[token] W[token] - sum_v p(v) s[v] W[v] with s[v] the
slope of the logit (1 without a scale or cap), is known as soon as the probabilities are. It is computed in the forward pass, block by
block, and only it is kept: [K, H] in place of [K, V]. Without a cap, entropy and mean logit fall out of the same products:
sum_v p(v) logit(v) = h · sum_v p(v) W[v], and the mean logit is h · mean_v W[v].
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from prefopt.model.head import Head

TOKENS_PER_BLOCK = 1024
"""Tokens scored at once. The block sizes change time and memory; values change by rounding alone."""
BLOCK_BYTES = 4 * 2**20
"""Of these tokens' float32 logits over a block of the vocabulary on a CPU: small enough to stay in its caches."""
BLOCK_BYTES_CUDA = 64 * 2**20


@dataclass(frozen=True)
class TokenScores:
    """Of K scored tokens; only log_probs [K] carries a gradient. The others are zero where only log_probs were computed."""

    log_probs: Tensor
    entropy: Tensor
    mean_logit: Tensor
    top: Tensor
    """1 where the token is the most likely one, else 0."""


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
        """The same without a gradient."""
        return replace(self, log_probs=self.log_probs.detach())

    def __getitem__(self, rows: slice | Tensor) -> Scores:
        return Scores(*(getattr(self, name)[rows] for name in ("log_probs", "lengths", "entropy", "logit", "top")))


class _LogProbs(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, head: Head, targets: Tensor, log_probs_only: bool) -> tuple[Tensor, ...]:
        parts = [
            _score(hidden[start : start + TOKENS_PER_BLOCK], head, targets[start : start + TOKENS_PER_BLOCK], log_probs_only)
            for start in range(0, len(hidden), TOKENS_PER_BLOCK)
        ]
        log_probs, entropy, mean_logit, top, slope = (torch.cat(found) for found in zip(*parts, strict=True))
        ctx.save_for_backward(slope)
        ctx.mark_non_differentiable(entropy, mean_logit, top)
        return log_probs, entropy, mean_logit, top

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (slope,) = ctx.saved_tensors
        return slope * gradients[0][:, None].to(slope.dtype), None, None, None


def _score(hidden: Tensor, head: Head, targets: Tensor, log_probs_only: bool) -> tuple[Tensor, ...]:
    """log_probs, entropy, mean_logit, top [K] and d log_probs / d hidden [K, H] (empty, and the middle ones 0, where log_probs_only).

    The vocabulary is read in blocks. Running sums are kept relative to the largest logit so far, and rescaled where a block has a
    larger one: Milakov and Gimelshein, Online normalizer calculation for softmax, 2018.
    """
    rows, device, weight = len(hidden), hidden.device, head.weight
    step = max(1, (BLOCK_BYTES if device.type == "cpu" else BLOCK_BYTES_CUDA) // (4 * rows))
    largest = torch.full((rows,), -torch.inf, dtype=torch.float32, device=device)
    total, chosen, extra, sums = (torch.zeros(rows, dtype=torch.float32, device=device) for _ in range(4))
    steepness: Tensor | float = torch.zeros(rows, dtype=torch.float32, device=device) if head.cap else head.scale  # of the chosen logits
    expected = torch.zeros(rows, weight.shape[1] if not log_probs_only else 0, dtype=torch.float32, device=device)
    for start in range(0, len(weight), step):
        block = slice(start, start + step)
        logits = head.logits(hidden, block)
        width = logits.shape[1]
        in_block, column = (targets >= start) & (targets < start + width), (targets - start).clamp(0, width - 1)[:, None]
        chosen = torch.where(in_block, logits.gather(1, column).squeeze(1), chosen)
        before, largest = largest, torch.maximum(largest, logits.amax(dim=1))
        rescale = (before - largest).exp_()
        exponentials = (logits - largest[:, None] if head.cap else logits.sub_(largest[:, None])).exp_()
        total.mul_(rescale).add_(exponentials.sum(dim=1))
        if log_probs_only:
            continue
        weights = exponentials
        if head.cap:  # nothing is linear in the hidden state, so sums are made logit by logit
            slopes = head.slope(logits)
            steepness = torch.where(in_block, slopes.gather(1, column).squeeze(1), steepness)
            extra.mul_(rescale).add_((exponentials * logits).sum(dim=1))
            sums += logits.sum(dim=1)
            weights = exponentials * slopes
        elif head.bias is not None:
            extra.mul_(rescale).add_(exponentials @ head.bias[block].float())
        expected.mul_(rescale[:, None]).add_(weights.to(weight.dtype) @ weight[block])
    normalizer = largest + total.log()
    log_probs, top = chosen - normalizer, (chosen >= largest).float()
    if log_probs_only:
        return log_probs, sums, sums, top, hidden[:, :0]
    expected.div_(total[:, None])  # mean row of the head under the model, with a cap each by its slope
    mean = extra / total
    if head.cap:
        gradient = weight[targets] * steepness[:, None] - expected
        return log_probs, normalizer - mean, sums / len(weight), top, gradient.to(weight.dtype)
    states = hidden.float() * head.scale
    mean_logit = states @ weight.mean(dim=0, dtype=torch.float32) + (0.0 if head.bias is None else head.bias.mean(dtype=torch.float32))
    gradient = (weight[targets] - expected.to(weight.dtype)) * head.scale
    return log_probs, normalizer - mean - (states * expected).sum(dim=1), mean_logit, top, gradient


def score_tokens(hidden: Tensor, head: Head, targets: Tensor, *, log_probs_only: bool = False) -> TokenScores:
    """Score tokens under the model.

    Args:
        hidden: [K, H], last hidden states at the positions that predict the tokens.
        head: the frozen output head.
        targets: ids [K].
        log_probs_only: compute no gradient, entropy and mean logit, which is half of the work.
    """
    return TokenScores(*_apply(hidden, head, targets, log_probs_only))


def _apply(*inputs: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    log_probs, entropy, mean_logit, top = _LogProbs.apply(*inputs)  # type: ignore[no-untyped-call]  # autograd.Function is untyped
    return log_probs, entropy, mean_logit, top
