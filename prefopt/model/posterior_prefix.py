"""Keys and values of the tokens that all prompts begin with (instructions, taxonomy), computed once and read by every prompt.

The result is exact. Layers with a sliding window keep the whole prefix, too; the mask decides which part of it a token attends to.
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
"""Length from which on a prefix is shared; a shorter one is computed with each prompt."""
CHUNK = 512
"""Prefix tokens per forward pass, which limits the size of the attention scores."""


class SharedPrefix:
    """Keys and values of a prefix with batch size 1, for batches of any size. Forward passes do not change them.

    Args:
        decoder: of a causal LM of transformers.
        tokens: the prefix; may be empty.
    """

    def __init__(self, decoder: Any, tokens: Sequence[int]) -> None:
        self.tokens = list(tokens)
        self._layers: list[tuple[Tensor, Tensor]] = []
        if not self.tokens:
            return
        cache = DynamicCache()  # without a config, sliding layers keep all tokens, too
        device = next(decoder.parameters()).device
        for start in range(0, len(self.tokens), CHUNK):
            queries = torch.arange(start, min(start + CHUNK, len(self.tokens)), device=device)[None]
            keys = torch.arange(int(queries[0, -1]) + 1, device=device)[None]
            visible = keys[:, None, :] <= queries[:, :, None]
            decoder(
                input_ids=torch.tensor([self.tokens], device=device)[:, queries[0]],
                position_ids=queries,
                attention_mask=attention_masks(decoder, visible, queries, keys),
                past_key_values=cache,
                use_cache=True,
            )
        self._layers = [(layer.keys, layer.values) for layer in cache.layers]

    def __len__(self) -> int:
        return len(self.tokens)

    def cache(self) -> DynamicCache | None:
        """A cache for one forward pass with any batch size; None if the prefix is empty."""
        if not self._layers:
            return None
        cache = DynamicCache()
        cache.layers = [_ReadOnly(keys, values) for keys, values in self._layers]
        cache.layer_class_to_replicate = None
        return cache


class _ReadOnly(DynamicLayer):  # type: ignore[misc]  # transformers is without types here
    """Puts the prefix before a forward pass's own keys and values and does not store them, so only one layer's copy exists at a time."""

    def __init__(self, keys: Tensor, values: Tensor) -> None:
        super().__init__()
        self.keys, self.values = keys, values
        self.dtype, self.device = keys.dtype, keys.device
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Keys and values [B, heads, T, D] -> with the prefix [B, heads, prefix + T, D]."""
        rows = len(key_states)
        return (
            torch.cat([self.keys.expand(rows, -1, -1, -1), key_states], dim=-2),
            torch.cat([self.values.expand(rows, -1, -1, -1), value_states], dim=-2),
        )


def common_prefix(prompts: Sequence[Sequence[int]]) -> list[int]:
    """Tokens that all prompts begin with, shorter than every prompt, so that each has a token left to compute; [] below WORTHWHILE."""
    if len(prompts) < 2:
        return []
    first, last = (
        min(map(list, prompts)),
        max(map(list, prompts)),
    )  # tokens shared by the first and last in lexicographic order are shared by all
    shared = [a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))]
    shared = shared[: min(len(p) for p in prompts) - 1]
    return shared if len(shared) >= WORTHWHILE else []
