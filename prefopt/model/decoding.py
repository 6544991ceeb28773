"""Continue prompts token by token, in the quickest way that is right for the model (model/support.py measures which one is)."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import DynamicCache

from prefopt.model.packed import inputs_device

Way = Literal["batched", "cached", "whole"]
"""batched: several prompts, padded on the left, with a cache. cached: one prompt at a time, with a cache. whole: one prompt at a time,
computed from its first token for every new one."""
WAYS: tuple[Way, ...] = ("batched", "cached", "whole")


def own_logits(model: Any, ids: Tensor, last: int, **inputs: Any) -> Tensor:
    """The model's own logits of the last positions, float32 [B, last, V]; ids [B, T]."""
    keep = {"logits_to_keep": last} if "logits_to_keep" in inspect.signature(model.forward).parameters else {}
    return model(input_ids=ids, **inputs, **keep).logits[:, -last:].float()  # type: ignore[no-any-return]  # as above


class Continuation:
    """Prompts and what has been appended to them.

    Args:
        model: a causal LM of transformers, with or without an adapter.
        prompts: token ids; one prompt unless the way is "batched".
        way: how logits are computed.
    """

    def __init__(self, model: Any, prompts: Sequence[Sequence[int]], way: Way) -> None:
        self._model, self._way, self._device = model, way, inputs_device(model)
        longest = max(map(len, prompts))
        padded = [[0] * (longest - len(prompt)) + list(prompt) for prompt in prompts]
        self._new = torch.tensor(padded, device=self._device)
        self._ids = self._new  # with every token, for the way "whole"
        lengths = torch.tensor([len(prompt) for prompt in prompts], device=self._device)[:, None]
        self._mask = (torch.arange(longest, device=self._device)[None] >= longest - lengths).long()
        self._positions = (self._mask.cumsum(1) - 1).clamp(min=0)
        self._cache = None if way == "whole" else DynamicCache(config=model.config)

    def logits(self) -> Tensor:
        """Of the next token of each text, float32 [B, V]."""
        if self._way == "whole":
            return own_logits(self._model, self._ids, 1, use_cache=False)[:, -1]
        inputs: dict[str, Any] = {"past_key_values": self._cache, "use_cache": True}
        if self._way == "batched":  # without padding, a model finds mask and positions itself
            inputs |= {"attention_mask": self._mask, "position_ids": self._positions}
        return own_logits(self._model, self._new, 1, **inputs)[:, -1]

    def append(self, tokens: Sequence[int], kept: Sequence[int]) -> None:
        """Append a token to each text that goes on; `kept` are their indices, the others leave the batch."""
        if self._cache is not None and len(kept) < len(self._mask):
            rows = torch.tensor(list(kept), device=self._device)
            self._cache.batch_select_indices(rows)
            self._mask, self._positions = self._mask[rows], self._positions[rows]
        self._new = torch.tensor(list(tokens), device=self._device)[:, None]
        self._ids = torch.cat([self._ids[list(kept)], self._new], dim=1)
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(kept), 1)], dim=1)
        self._positions = self._positions[:, -1:] + 1
