"""Attention with sinks through torch's scaled_dot_product_attention: exact, trains, and never holds a [T, T] matrix per head.

A sink is a logit that takes part in the softmax of every query and has no value. So it is one more key whose product with any query is
the sink, and whose value is zero: queries get a column of ones, keys a column of zeros, and the additional key holds the sink there.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention
from transformers.masking_utils import AttentionMaskInterface, eager_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS, AttentionInterface

FUSED_SINKS = "fused_sinks"
_EXTRA = 8  # columns added to a head: kernels want head sizes that are multiples of eight


def register_fused_sinks() -> str:
    """Make it known to transformers; its name for `attn_implementation`. Masks are additive, as for eager attention."""
    if FUSED_SINKS not in ALL_ATTENTION_FUNCTIONS:
        AttentionInterface.register(FUSED_SINKS, fused_attention)
        AttentionMaskInterface.register(FUSED_SINKS, eager_mask)
    return FUSED_SINKS


def fused_attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, scaling: float, dropout: float = 0.0, **__: Any
) -> tuple[Tensor, None]:
    """As transformers' eager attention of gpt-oss.

    Args:
        module: with `sinks` [heads] and `num_key_value_groups`.
        query: [B, heads, T, D]; key and value: [B, heads / groups, S, D].
        attention_mask: additive [B, 1, T, S]; None lets every query see every key.
        scaling: of the products.
        dropout: of the attention's weights, while training.

    Returns:
        [B, T, heads, D], and None for the weights, which never exist.
    """
    batch, heads, _, size = query.shape
    groups = module.num_key_value_groups
    query = torch.cat([query, query.new_ones(1).expand(*query.shape[:-1], 1)], dim=-1)
    query = pad(query, (0, _EXTRA - 1))
    key = pad(key.repeat_interleave(groups, dim=1), (0, _EXTRA))
    sink = (module.sinks.to(key.dtype) / scaling).view(1, heads, 1, 1).expand(batch, -1, -1, -1)
    key = torch.cat([key, pad(sink, (size, _EXTRA - 1))], dim=2)
    value = pad(value.repeat_interleave(groups, dim=1), (0, _EXTRA, 0, 1))
    mask = None if attention_mask is None else pad(attention_mask, (0, 1))
    out = _attend(query, key, value, mask, dropout, scaling)
    return out[..., :size].transpose(1, 2).contiguous(), None


def _attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, dropout: float, scaling: float) -> Tensor:
    """torch's choice of kernel; for tensors without data (the memory plan's) the one that a GPU takes for a mask."""
    if query.device.type != "meta":
        return scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout, scale=scaling)
    whole = None if mask is None else mask.expand(*query.shape[:3], key.shape[2])
    kernel = torch.ops.aten._scaled_dot_product_efficient_attention
    out: Tensor = kernel(query, key, value, whole, True, dropout, False, scale=scaling)[0]
    return out
