"""Additive attention masks of who sees whom, for models that mix full and sliding attention."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def attention_masks(model: Any, visible: Tensor, queries: Tensor, keys: Tensor | None = None) -> Any:
    """Additive masks [B, 1, Q, K]: one tensor, or one per layer type where the model mixes full and sliding attention.

    Args:
        model: a causal LM of transformers.
        visible: bool [B, Q, K], without the sliding window.
        queries: positions [B, Q].
        keys: positions [B, K], the queries' own where they are the same tokens; a key at least a window behind its query is out of a
            sliding layer's sight.
    """
    keys = queries if keys is None else keys
    config, dtype = model.config, model.dtype
    window = getattr(config, "sliding_window", None)
    kinds = set(getattr(config, "layer_types", None) or ())

    def additive(seen: Tensor) -> Tensor:
        hidden = torch.full((), torch.finfo(dtype).min, dtype=dtype, device=seen.device)
        return torch.where(seen, torch.zeros((), dtype=dtype, device=seen.device), hidden).unsqueeze(1)

    near = visible if window is None else visible & (queries[:, :, None] - keys[:, None, :] < window)
    if "sliding_attention" in kinds:
        return {"full_attention": additive(visible), "sliding_attention": additive(near)}
    return additive(visible if kinds else near)
