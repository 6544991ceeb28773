"""Forward passes over rows in which several continuations share their prompt, and the parts of a causal LM that they need.

A row is [prompt | branches | padding]; every token is computed at the position that it has in a row of its own and attends to its own
past only. For models with attention alone the results equal those of separate rows; model/support.py measures whether they do.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from prefopt.model.last_layer import trim_last_layer
from prefopt.model.posterior_masks import attention_masks


def causal_lm(model: Any) -> Any:
    """The transformers model inside a PeftModel (its adapter stays active), or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def text_config(model: Any) -> Any:
    """The config of the text decoder, which checkpoints with several parts keep inside theirs."""
    return model.config.get_text_config(decoder=True)


def inputs_device(model: Any) -> torch.device:
    """Device of the embeddings, where token ids go."""
    return next(model.parameters()).device  # type: ignore[no-any-return]  # a model of transformers is untyped


def packed_hidden(
    decoder: nn.Module,
    ids: Tensor,
    positions: Tensor,
    visible: Tensor,
    kept: Tensor,
    *,
    keys: Tensor | None = None,
    cache: DynamicCache | None = None,
) -> Tensor:
    """Last hidden states [R, Q, H] of rows.

    Args:
        decoder: of a causal LM of transformers.
        ids: token ids [R, T].
        positions: [R, T].
        visible: bool [R, T, S], whether a query attends to a key, without regard to sliding windows.
        kept: columns [R, Q] of the rows whose states are returned.
        keys: positions [R, S] of the keys where a cache comes before the row; None for those of the row.
        cache: of earlier tokens.
    """
    trimmed = trim_last_layer(decoder)
    hidden: Tensor = decoder(
        input_ids=ids,
        position_ids=positions,
        attention_mask=attention_masks(decoder, visible, positions, keys),
        past_key_values=cache,
        use_cache=False,
        **({"kept": kept} if trimmed else {}),
    ).last_hidden_state
    return hidden if trimmed else hidden[torch.arange(len(ids), device=hidden.device)[:, None], kept.to(hidden.device)]
