"""The tokens that all prompts begin with (instructions, taxonomy), computed once: their keys and values are then seen by every prompt.

Nothing is approximated. A layer with a sliding window keeps the whole prefix too; which of it a token sees is the mask's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from prefopt.model.posterior_masks import attention_masks

WORTHWHILE = 16
"""A shorter prefix is computed again with each prompt."""
_CHUNK = 512
"""Prefix tokens computed at once; bounds the attention scores."""


class SharedPrefix:
    """Keys and values of a prefix, of batch size 1, that any batch may attend to. They are read, never written.

    Args:
        model: a causal LM of transformers.
        tokens: the prefix; may be empty.
    """

    def __init__(self, model: Any, tokens: Sequence[int]) -> None:
        self.tokens = list(tokens)
        self._layers: list[tuple[Tensor, Tensor]] = []
        if not self.tokens:
            return
        cache = DynamicCache()  # without a config: every layer keeps everything
        device = next(model.parameters()).device
        for start in range(0, len(self.tokens), _CHUNK):
            queries = torch.arange(start, min(start + _CHUNK, len(self.tokens)), device=device)[None]
            keys = torch.arange(int(queries[0, -1]) + 1, device=device)[None]
            visible = keys[:, None, :] <= queries[:, :, None]
            model.get_decoder()(
                input_ids=torch.tensor([self.tokens], device=device)[:, queries[0]],
                position_ids=queries,
                attention_mask=attention_masks(model, visible, queries, keys),
                past_key_values=cache,
                use_cache=True,
            )
        self._layers = [(layer.keys, layer.values) for layer in cache.layers]

    def __len__(self) -> int:
        return len(self.tokens)

    def cache(self) -> DynamicCache | None:
        """For one forward pass of any batch size; None where there is no prefix."""
        if not self._layers:
            return None
        cache = DynamicCache()
        cache.layers = [_ReadOnly(keys, values) for keys, values in self._layers]
        cache.layer_class_to_replicate = None
        return cache


class _ReadOnly(DynamicLayer):  # type: ignore[misc]  # transformers is without types here
    """Gives each forward pass the prefix before its own keys and values, and keeps nothing of it: memory is that of one layer."""

    def __init__(self, keys: Tensor, values: Tensor) -> None:
        super().__init__()
        self.keys, self.values = keys, values
        self.dtype, self.device = keys.dtype, keys.device
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        rows = len(key_states)
        return (
            torch.cat([self.keys.expand(rows, -1, -1, -1), key_states], dim=-2),
            torch.cat([self.values.expand(rows, -1, -1, -1), value_states], dim=-2),
        )


def common_prefix(prompts: Sequence[Sequence[int]]) -> list[int]:
    """The tokens that all prompts begin with, but for the last token of the shortest, which has to be computed; [] where it is not
    worth while."""
    if len(prompts) < 2:
        return []
    first, last = min(map(list, prompts)), max(map(list, prompts))  # what the two extremes of the order share, all share
    shared = [a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))]
    shared = shared[: min(len(p) for p in prompts) - 1]
    return shared if len(shared) >= WORTHWHILE else []
