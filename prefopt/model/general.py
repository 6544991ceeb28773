"""General ability of a policy: nats per token on texts unrelated to its labels, to detect forgetting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from prefopt.errors import ModelError
from prefopt.model.packed import causal_lm, inputs_device
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
        ModelError: a likelihood is not finite.
    """
    lm = causal_lm(model)
    support, device = support_of(lm), inputs_device(lm)
    nats = np.empty(len(texts))
    for row, ids in enumerate(texts):
        tokens = torch.tensor([list(ids)], device=device)
        if support.decoder is None or support.head is None:
            logits = lm(input_ids=tokens, use_cache=False).logits[0].float()
            blocks = [(slice(0, len(ids) - 1), logits[:-1])]
        else:
            hidden = support.decoder(input_ids=tokens, use_cache=False).last_hidden_state[0]
            parts = [slice(start, min(start + block, len(ids) - 1)) for start in range(0, len(ids) - 1, block)]
            blocks = ((part, support.head.logits(hidden[part])) for part in parts)
        total = 0.0
        for part, logits in blocks:
            chosen = logits.gather(1, tokens[0, part.start + 1 : part.stop + 1, None].to(logits.device))[
                :, 0
            ]  # position t predicts token t + 1
            total += float((logits.logsumexp(dim=1) - chosen).double().sum())
        nats[row] = total / (len(ids) - 1)
        on_step(row + 1, len(texts), "rehearsal texts")
    if not np.isfinite(nats).all():
        raise ModelError("a text's likelihood is not finite: the model or its adapter is broken")
    return nats
