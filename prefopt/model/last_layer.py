"""The last decoder layer of gpt-oss, computed only for the positions whose result is used.

Scoring completions after a prompt, or the tree of labels, uses the last hidden states of some positions only. In the last layer the other
positions are needed as keys and values, but not as queries, attention outputs or inputs of experts. The remaining arithmetic is the same
on fewer rows, so values and gradients equal those of the whole layer (tests/model/test_model_last_layer.py compares them).
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.gpt_oss.modeling_gpt_oss import GptOssDecoderLayer, eager_attention_forward

from prefopt.model.low_rank import project


def trim_last_layer(decoder: Any) -> bool:
    """Extend a decoder by an argument `kept`, columns [R, Q] of its rows, for which alone it returns last hidden states [R, Q, H].

    Args:
        decoder: of a causal LM of transformers. A second call does nothing.

    Returns:
        Whether the decoder supports this: gpt-oss only. Other decoders do not accept `kept`.
    """
    layers = getattr(decoder, "layers", None)
    if not layers or type(layers[-1]) is not GptOssDecoderLayer:
        return False
    layer: Any = layers[-1]
    if not getattr(layer.forward, "trims", False):
        whole = layer.forward

        def forward(self: Any, hidden_states: Tensor, kept: Tensor | None = None, **kwargs: Any) -> Tensor:
            """The layer's own forward pass, or the one for the kept columns only."""
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
    """GptOssDecoderLayer.forward for some positions.

    Args:
        layer: a GptOssDecoderLayer.
        hidden: [R, T, H].
        kept: columns [R, Q] of `hidden` to compute.
        attention_mask: additive [R, 1, T, S].
        position_embeddings: cosine and sine tables, each [R or 1, T, D / 2].
        past_key_values: cache of earlier tokens; None for none.

    Returns:
        [R, Q, H].
    """
    device = layer.input_layernorm.weight.device  # with several GPUs, inputs arrive from another one
    hidden, kept, attention_mask = hidden.to(device), kept.to(device), attention_mask.to(device)
    attention, normed = layer.self_attn, layer.input_layernorm(hidden)
    together = project if getattr(attention, "projects_together", False) else _one_by_one
    (query,) = together((attention.q_proj,), _rows(normed, kept))
    key, value = together((attention.k_proj, attention.v_proj), normed)
    query, key, value = (_heads(part, attention.head_dim) for part in (query, key, value))
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
    (attended,) = together((attention.o_proj,), out.reshape(*kept.shape, -1))
    left = _rows(hidden, kept) + attended
    return left + layer.mlp(layer.post_attention_layernorm(left))[0]  # type: ignore[no-any-return]  # modules of transformers are untyped


def _one_by_one(layers: Sequence[nn.Module], x: Tensor) -> list[Tensor]:
    return [layer(x) for layer in layers]


def _rows(values: Tensor, kept: Tensor) -> Tensor:
    """Columns `kept` [R, Q] of values [R, T, …] -> [R, Q, …]; index_select, because its backward pass adds whole rows, not elements."""
    count, length = values.shape[:2]
    flat = (kept + length * torch.arange(count, device=kept.device)[:, None]).flatten()
    return values.flatten(0, 1).index_select(0, flat).view(*kept.shape, *values.shape[2:])


def _rotated(values: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """gpt-oss's rotary embedding of values [R, heads, Q, D]; cos and sin are [R, Q, D / 2]."""
    first, second = values.chunk(2, dim=-1)
    cos, sin = cos[:, None], sin[:, None]
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


def _heads(values: Tensor, size: int) -> Tensor:
    """[R, T, heads * size] -> [R, heads, T, size]."""
    return values.view(*values.shape[:-1], -1, size).transpose(1, 2)
