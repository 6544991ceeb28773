"""General ability of a policy: nats per token on texts unrelated to its labels, to detect forgetting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from prefopt.errors import ModelError
from prefopt.model.posterior import causal_lm
from prefopt.model.posterior_masks import attention_masks
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
    device, head = next(lm.parameters()).device, lm.get_output_embeddings()
    nats = np.empty(len(texts))
    for row, ids in enumerate(texts):
        tokens = torch.tensor([list(ids)], device=device)
        positions = torch.arange(tokens.shape[1], device=device)[None]
        visible = positions[:, None, :] <= positions[:, :, None]
        hidden = lm.get_decoder()(
            input_ids=tokens, position_ids=positions, attention_mask=attention_masks(lm, visible, positions), use_cache=False
        ).last_hidden_state
        total = 0.0
        for start in range(0, tokens.shape[1] - 1, block):
            stop = min(start + block, tokens.shape[1] - 1)
            logits = head(hidden[:, start:stop]).float()
            chosen = logits.gather(2, tokens[:, start + 1 : stop + 1, None])[:, :, 0]  # position t predicts token t + 1
            total += float((logits.logsumexp(dim=2) - chosen).double().sum())
        nats[row] = total / (tokens.shape[1] - 1)
        on_step(row + 1, len(texts), "rehearsal texts")
    if not np.isfinite(nats).all():
        raise ModelError("a text's likelihood is not finite: the model or its adapter is broken")
    return nats
