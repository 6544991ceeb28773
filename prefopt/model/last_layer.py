"""The last decoder layer of a gpt-oss, computed only where its result is read.

Whoever scores some tokens of a row (completions after a prompt, the tree of labels) reads the last hidden states of those tokens alone. In
the last layer the others are needed as keys and values, and nothing else of theirs is: no query, no attention output, no experts. What is
left is the same arithmetic on fewer rows, so values and gradients are those of the whole layer (tests/model compares both).
"""

from __future__ import annotations

import types
from typing import Any

import torch
from torch import Tensor
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.gpt_oss.modeling_gpt_oss import GptOssDecoderLayer, eager_attention_forward


def trim_last_layer(model: Any) -> bool:
    """Teach a decoder to answer `decoder(..., kept=columns)` with last hidden states [R, Q, H] of the given columns only.

    Args:
        model: a causal LM of transformers, without PEFT around it. A second call does nothing.

    Returns:
        Whether it can: gpt-oss only. Any other decoder must not be given `kept`.
    """
    layers = getattr(model.get_decoder(), "layers", None)
    if not layers or type(layers[-1]) is not GptOssDecoderLayer:
        return False
    layer: Any = layers[-1]
    if not getattr(layer.forward, "trims", False):
        whole = layer.forward

        def forward(self: Any, hidden_states: Tensor, kept: Tensor | None = None, **kwargs: Any) -> Tensor:
            return whole(hidden_states, **kwargs) if kept is None else _trimmed(self, hidden_states, kept, **kwargs)

        forward.trims = True  # type: ignore[attr-defined]  # a mark on a function
        layer.forward = types.MethodType(forward, layer)
    return True


def _trimmed(
    layer: Any,
    hidden: Tensor,
    kept: Tensor,
    *,
    attention_mask: Tensor,
    position_embeddings: tuple[Tensor, Tensor],
    past_key_values: Any = None,
    **_: Any,
) -> Tensor:
    """GptOssDecoderLayer.forward for the queries of the columns kept [R, Q] of hidden [R, T, H]: [R, Q, H]."""
    device = layer.input_layernorm.weight.device  # the layer may lie on another device than the first
    hidden, kept, attention_mask = hidden.to(device), kept.to(device), attention_mask.to(device)
    attention, normed = layer.self_attn, layer.input_layernorm(hidden)
    query = _heads(attention.q_proj(_rows(normed, kept)), attention.head_dim)
    key, value = (_heads(project(normed), attention.head_dim) for project in (attention.k_proj, attention.v_proj))
    cos, sin = (table.to(device).expand(hidden.shape[0], -1, -1) for table in position_embeddings)
    query, key = _rotated(query, _rows(cos, kept), _rows(sin, kept)), _rotated(key, cos, sin)
    if past_key_values is not None:
        key, value = past_key_values.update(key, value, attention.layer_idx)
    attend = ALL_ATTENTION_FUNCTIONS.get_interface(attention.config._attn_implementation, eager_attention_forward)
    out, _weights = attend(
        attention,
        query,
        key,
        value,
        _rows(attention_mask[:, 0], kept)[:, None],
        dropout=attention.attention_dropout if attention.training else 0.0,
        scaling=attention.scaling,
        sliding_window=attention.sliding_window,
        s_aux=attention.sinks,
    )
    left = _rows(hidden, kept) + attention.o_proj(out.reshape(*kept.shape, -1))
    return left + layer.mlp(layer.post_attention_layernorm(left))[0]  # type: ignore[no-any-return]  # modules of transformers are untyped


def _rows(values: Tensor, kept: Tensor) -> Tensor:
    """The given rows [R, Q] of values [R, T, …]: [R, Q, …]. By index_select, whose backward adds whole rows and not single numbers."""
    count, length = values.shape[:2]
    flat = (kept + length * torch.arange(count, device=kept.device)[:, None]).flatten()
    return values.flatten(0, 1).index_select(0, flat).view(*kept.shape, *values.shape[2:])


def _rotated(values: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """gpt-oss' rotary embedding of values [R, heads, Q, D]; cos and sin: [R, Q, D / 2]."""
    first, second = values.chunk(2, dim=-1)
    cos, sin = cos[:, None], sin[:, None]
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


def _heads(values: Tensor, size: int) -> Tensor:
    """[R, T, heads * size] -> [R, heads, T, size]."""
    return values.view(*values.shape[:-1], -1, size).transpose(1, 2)
