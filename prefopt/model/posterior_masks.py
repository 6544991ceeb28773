"""Additive attention masks for models that mix full and sliding attention."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from prefopt.model.attention import with_aligned_rows


def attention_masks(decoder: Any, visible: Tensor, queries: Tensor, keys: Tensor | None = None) -> Any:
    """Additive masks [B, 1, Q, K]: one tensor, or one per layer type where the model mixes full and sliding attention.

    Args:
        decoder: of a causal LM of transformers; its config has the layer types and the window.
        visible: bool [B, Q, K], whether a query attends to a key, without regard to the sliding window.
        queries: positions [B, Q] of the queries.
        keys: positions [B, K] of the keys; None if queries and keys are the same tokens. A sliding layer masks keys that are a window or
            more behind their query.
    """
    keys = queries if keys is None else keys
    config, dtype = decoder.config, decoder.dtype
    window = getattr(config, "sliding_window", None)
    kinds = set(getattr(config, "layer_types", None) or ())

    def additive(allowed: Tensor) -> Tensor:
        """0 where attention is allowed, else the smallest number: -inf gives NaN in a row without any allowed key."""
        masked = torch.full((), torch.finfo(dtype).min, dtype=dtype, device=allowed.device)
        mask = torch.where(allowed, torch.zeros((), dtype=dtype, device=allowed.device), masked).unsqueeze(1)
        return with_aligned_rows(mask)

    near = visible if window is None else visible & (queries[:, :, None] - keys[:, None, :] < window)
    if "sliding_attention" in kinds:
        return {"full_attention": additive(visible), "sliding_attention": additive(near)}
    return additive(visible if kinds else near)
