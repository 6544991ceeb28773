"""Log-probabilities of given tokens, without the logits of all positions and without computing them twice.

The output head is frozen, so the gradient of log p(token) for a hidden state h, W[token] - sum_v p(v) W[v], is known as soon as the
probabilities are. It is computed in the forward pass, chunk by chunk, and only it is kept: [K, H] in place of [K, V]. Entropy and mean
logit fall out of the same products: sum_v p(v) logit(v) = h · sum_v p(v) W[v], and the mean logit is h · mean_v W[v].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from prefopt.errors import TrainingError

_CHUNK_BYTES = 64 * 2**20
"""Logits of one chunk, float32."""
_SCALED = ("final_logit_softcapping", "logit_scale", "output_multiplier", "lm_head_multiplier", "logits_scaling")


@dataclass(frozen=True)
class TokenScores:
    """Of K scored tokens; only log_probs [K] carries a gradient. The others are zero where `measured` was off."""

    log_probs: Tensor
    entropy: Tensor
    mean_logit: Tensor
    top: Tensor
    """1 where the token is the most likely one, else 0."""


class _LogProbs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, measured: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        count = hidden.shape[0]
        log_probs, entropy, top = (torch.zeros(count, dtype=torch.float32, device=hidden.device) for _ in range(3))
        slope = torch.empty_like(hidden) if measured else None
        step = max(1, _CHUNK_BYTES // (4 * weight.shape[0]))
        for start in range(0, count, step):
            part = slice(start, start + step)
            logits = torch.nn.functional.linear(hidden[part], weight, bias).float()
            chosen = logits.gather(1, targets[part, None]).squeeze(1)
            largest = logits.amax(dim=1)
            exponentials = logits.sub_(largest[:, None]).exp_()
            total = exponentials.sum(dim=1)
            normaliser = largest + total.log()
            log_probs[part], top[part] = chosen - normaliser, (chosen >= largest).float()
            if slope is not None:
                probabilities = exponentials.div_(total[:, None])
                expected = probabilities.to(weight.dtype) @ weight  # [k, H], mean row of the head under the model
                mean = (hidden[part].float() * expected.float()).sum(dim=1)
                entropy[part] = normaliser - (mean if bias is None else mean + probabilities @ bias.float())
                slope[part] = weight[targets[part]] - expected
        ctx.save_for_backward(slope)
        ctx.mark_non_differentiable(entropy, top)
        return log_probs, entropy, top

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None, None]:
        (slope,) = ctx.saved_tensors
        return slope * gradients[0][:, None].to(slope.dtype), None, None, None, None


def score_tokens(hidden: Tensor, head: nn.Module, targets: Tensor, *, measured: bool = True) -> TokenScores:
    """Score tokens under the model.

    Args:
        hidden: [K, H], last hidden states at the positions that predict the tokens.
        head: the frozen output head.
        targets: ids [K].
        measured: with gradient, entropy and mean logit; off, only log_probs and top are computed, at half the work.
    """
    weight: Any = head.weight
    bias: Any = getattr(head, "bias", None)
    log_probs, entropy, top = _LogProbs.apply(hidden, weight, bias, targets, measured)  # type: ignore[no-untyped-call]  # autograd.Function is untyped
    mean_logit = torch.zeros_like(entropy)
    if measured:
        mean_logit = hidden.detach().float() @ weight.mean(dim=0, dtype=torch.float32) + (
            0.0 if bias is None else bias.mean(dtype=torch.float32)
        )
    return TokenScores(log_probs, entropy, mean_logit, top)


def check_head(model: Any) -> None:
    """The head is one that `score_tokens` computes right.

    Args:
        model: a causal LM of transformers, without PEFT around it.

    Raises:
        TrainingError: it is trained or adapted, is no linear layer, or its logits are scaled or capped afterwards.
    """
    head, config = model.get_output_embeddings(), model.config.get_text_config()
    scaled = [name for name in _SCALED if getattr(config, name, None) not in (None, 1, 1.0)]
    if type(head) is not nn.Linear or head.weight.requires_grad or scaled:
        why = f"its config has {scaled[0]}" if scaled else "the head is trained" if isinstance(head, nn.Linear) else type(head).__name__
        raise TrainingError(f"the engine 'shared' needs a frozen linear output head, and this model has another: {why}", hint=_OTHER)


_OTHER = 'set engine = "trl" under the recipe\'s name in prefopt.toml'
