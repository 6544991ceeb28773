"""General ability of a policy: nats per token on texts unrelated to its labels, to detect forgetting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from prefopt.errors import ModelError
from prefopt.model.decoding import own_logits
from prefopt.model.head import Head, hidden_states_of
from prefopt.model.out_of_memory import FittingRows
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
        ModelError: a text has more tokens than the model has positions; a likelihood is not finite; memory does not hold one text.
    """
    lm = causal_lm(model)
    support, device = support_of(lm), inputs_device(lm)
    refuse_beyond(lm, max(map(len, texts), default=0))
    longest = max(map(len, texts), default=0)
    alone = f"scoring one rehearsal text (the longest has {longest} tokens)"
    fitting = FittingRows(lm, "computing logits at {} positions at once", alone=alone, hint="shorten the longest text")
    nats = np.empty(len(texts))
    for row, ids in enumerate(texts):
        tokens = torch.tensor([list(ids)], device=device)
        if support.decoder is None or support.head is None:
            total, _ = fitting.run(lambda _: _nats(own_logits(lm, tokens, len(ids), use_cache=False)[0, :-1], tokens[0, 1:]), 1)  # noqa: B023 - called at once
        else:
            decoder, head = support.parts
            states, _ = fitting.run(lambda _: _last_states(lm, decoder, tokens), 1)  # noqa: B023 - called at once
            total = _nats_in_blocks(head, states[:-1], tokens[0, 1:], fitting, block)
        nats[row] = total / (len(ids) - 1)
        on_step(row + 1, len(texts), "rehearsal texts")
    if not np.isfinite(nats).all():
        raise ModelError("a text's likelihood is not finite: the model or its adapter is broken")
    return nats


def _last_states(lm: Any, decoder: nn.Module, tokens: Tensor) -> Tensor:
    """Last hidden states [T, H] of one row of tokens [1, T]."""
    with hidden_states_of(decoder) as seen:
        own_logits(lm, tokens, 1, use_cache=False)
    return seen[-1][0]


def _nats_in_blocks(head: Head, states: Tensor, targets: Tensor, fitting: FittingRows, block: int) -> float:
    """Sum of the negative log-probabilities of targets [K] after hidden states [K, H], with the logits of a block at once."""
    total, start = 0.0, 0
    while start < len(states):

        def score(count: int, start: int = start) -> float:
            return _nats(head.logits(states[start : start + count]), targets[start : start + count])

        found, scored = fitting.run(score, min(fitting.at_most(block), len(states) - start))
        total, start = total + found, start + scored
    return total


def _nats(logits: Tensor, targets: Tensor) -> float:
    """Sum of the negative log-probabilities of targets [K] under logits [K, V]."""
    chosen = logits.gather(1, targets[:, None].to(logits.device))[:, 0]
    return float((logits.logsumexp(dim=1) - chosen).double().sum())
