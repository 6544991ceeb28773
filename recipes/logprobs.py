"""Log-probabilities of given tokens, without the logits of all positions and without computing them twice.

The output head is frozen, so the gradient of log p(token) for a hidden state h, W[token] - sum_v p(v) W[v], is known as soon as the
probabilities are. It is computed in the forward pass, block by block, and only it is kept: [K, H] in place of [K, V]. Entropy and mean
logit fall out of the same products: sum_v p(v) logit(v) = h · sum_v p(v) W[v], and the mean logit is h · mean_v W[v].
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from prefopt.errors import TrainingError

TOKENS_PER_BLOCK = 1024
"""Tokens scored at once. The block sizes change time and memory; values change by rounding alone."""
BLOCK_BYTES = 4 * 2**20
"""Of these tokens' float32 logits over a block of the vocabulary on a CPU: small enough to stay in its caches."""
BLOCK_BYTES_CUDA = 64 * 2**20
_SCALED = ("final_logit_softcapping", "logit_scale", "output_multiplier", "lm_head_multiplier", "logits_scaling")


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
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, log_probs_only: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        parts = [
            _score(hidden[start : start + TOKENS_PER_BLOCK], weight, bias, targets[start : start + TOKENS_PER_BLOCK], log_probs_only)
            for start in range(0, len(hidden), TOKENS_PER_BLOCK)
        ]
        log_probs, entropy, top, slope = (torch.cat(found) for found in zip(*parts, strict=True))
        ctx.save_for_backward(slope)
        ctx.mark_non_differentiable(entropy, top)
        return log_probs, entropy, top

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None, None]:
        (slope,) = ctx.saved_tensors
        return slope * gradients[0][:, None].to(slope.dtype), None, None, None, None


def _score(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, log_probs_only: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """log_probs, entropy, top [K] and d log_probs / d hidden [K, H] (empty, and entropy 0, where log_probs_only).

    The vocabulary is read in blocks. A running sum is kept relative to the largest logit so far, and rescaled where a block has a
    larger one: Milakov and Gimelshein, Online normalizer calculation for softmax, 2018.
    """
    rows, device = len(hidden), hidden.device
    step = max(1, (BLOCK_BYTES if device.type == "cpu" else BLOCK_BYTES_CUDA) // (4 * rows))
    largest = torch.full((rows,), -torch.inf, dtype=torch.float32, device=device)
    total, chosen, mean = (torch.zeros(rows, dtype=torch.float32, device=device) for _ in range(3))
    expected = torch.zeros(rows, weight.shape[1] if not log_probs_only else 0, dtype=torch.float32, device=device)
    for start in range(0, len(weight), step):
        part, offsets = weight[start : start + step], None if bias is None else bias[start : start + step]
        logits = torch.nn.functional.linear(hidden, part, offsets).float()
        in_block = (targets >= start) & (targets < start + len(part))
        chosen = torch.where(in_block, logits.gather(1, (targets - start).clamp(0, len(part) - 1)[:, None]).squeeze(1), chosen)
        before, largest = largest, torch.maximum(largest, logits.amax(dim=1))
        rescale, exponentials = (before - largest).exp_(), logits.sub_(largest[:, None]).exp_()
        total.mul_(rescale).add_(exponentials.sum(dim=1))
        if not log_probs_only:
            expected.mul_(rescale[:, None]).add_(exponentials.to(weight.dtype) @ part)
            if offsets is not None:
                mean.mul_(rescale).add_(exponentials @ offsets.float())
    normalizer = largest + total.log()
    log_probs, top = chosen - normalizer, (chosen >= largest).float()
    if log_probs_only:
        return log_probs, mean, top, hidden[:, :0]
    expected.div_(total[:, None])  # mean row of the head under the model
    entropy = normalizer - mean / total - (hidden.float() * expected).sum(dim=1)
    return log_probs, entropy, top, weight[targets] - expected.to(weight.dtype)


def score_tokens(hidden: Tensor, head: nn.Module, targets: Tensor, *, log_probs_only: bool = False) -> TokenScores:
    """Score tokens under the model.

    Args:
        hidden: [K, H], last hidden states at the positions that predict the tokens.
        head: the frozen output head.
        targets: ids [K].
        log_probs_only: compute no gradient, entropy and mean logit, which is half of the work.
    """
    weight: Any = head.weight
    bias: Any = getattr(head, "bias", None)
    log_probs, entropy, top = _LogProbs.apply(hidden, weight, bias, targets, log_probs_only)  # type: ignore[no-untyped-call]  # autograd.Function is untyped
    mean_logit = torch.zeros_like(entropy)
    if not log_probs_only:
        mean_logit = hidden.detach().float() @ weight.mean(dim=0, dtype=torch.float32) + (
            0.0 if bias is None else bias.mean(dtype=torch.float32)
        )
    return TokenScores(log_probs, entropy, mean_logit, top)


def check_head(model: Any) -> None:
    """Check that `score_tokens` is right for the model's head.

    Args:
        model: a causal LM of transformers, without PEFT around it.

    Raises:
        TrainingError: it is trained or adapted, is not a linear layer, or its logits are scaled or capped afterwards.
    """
    head, config = model.get_output_embeddings(), model.config.get_text_config()
    scaled = [name for name in _SCALED if getattr(config, name, None) not in (None, 1, 1.0)]
    if type(head) is not nn.Linear or head.weight.requires_grad or scaled:
        why = f"its config has {scaled[0]}" if scaled else "the head is trained" if isinstance(head, nn.Linear) else type(head).__name__
        raise TrainingError(
            f"the engine 'prompt_sharing' needs a frozen linear output head, and this model has another: {why}", hint=_OTHER
        )


_OTHER = 'set engine = "trl" under the recipe\'s name in prefopt.toml'
