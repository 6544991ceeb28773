"""General ability of a policy: nats per token on texts unrelated to its labels, to detect forgetting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from prefopt.errors import ModelError
from prefopt.model.decoding import own_logits
from prefopt.model.head import hidden_states_of
from prefopt.model.packed import causal_lm, inputs_device, refuse_beyond
from prefopt.model.support import support_of
from prefopt.protocols import OnStep, ignore_steps

BLOCK = 256
"""Positions whose logits exist at once."""


@torch.no_grad()
def nats_per_token(model: Any, texts: Sequence[Sequence[int]], on_step: OnStep = ignore_steps, *, block: int = BLOCK) -> np.ndarray:
    """Mean negative log-likelihood of each text's tokens after its first: float64 [N], in nats.

    Args:
        model: a causal LM, with or without an adapter.
        texts: token ids, at least two each.
        on_step: progress in texts.
        block: positions whose logits exist at once.

    Raises:
        ModelError: a text has more tokens than the model has positions; a likelihood is not finite.
    """
    lm = causal_lm(model)
    support, device = support_of(lm), inputs_device(lm)
    refuse_beyond(lm, max(map(len, texts), default=0))
    nats = np.empty(len(texts))
    for row, ids in enumerate(texts):
        tokens = torch.tensor([list(ids)], device=device)
        if support.decoder is None or support.head is None:
            total = _nats(own_logits(lm, tokens, len(ids), use_cache=False)[0, :-1], tokens[0, 1:])
        else:
            with hidden_states_of(support.decoder) as seen:
                own_logits(lm, tokens, 1, use_cache=False)
            starts = range(0, len(ids) - 1, block)
            spans = [slice(start, min(start + block, len(ids) - 1)) for start in starts]
            total = sum(_nats(support.head.logits(seen[-1][0, span]), tokens[0, 1:][span]) for span in spans)
        nats[row] = total / (len(ids) - 1)
        on_step(row + 1, len(texts), "rehearsal texts")
    if not np.isfinite(nats).all():
        raise ModelError("a text's likelihood is not finite: the model or its adapter is broken")
    return nats


def _nats(logits: Tensor, targets: Tensor) -> float:
    """Sum of the negative log-probabilities of targets [K] under logits [K, V]."""
    chosen = logits.gather(1, targets[:, None].to(logits.device))[:, 0]
    return float((logits.logsumexp(dim=1) - chosen).double().sum())
