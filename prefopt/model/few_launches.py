"""Forward passes of gpt-oss's modules for CUDA devices, where small operators wait for their launches.

RMSNorm, the rotary embedding and the projections of attention take some 60 launches a layer in transformers and PEFT, and three times that
with recomputation and the backward pass; here each is one function with a backward pass of its own. Modules, parameters and their names
stay what they are. On a CPU nothing is replaced, but the same functions run there, and the tests compare them with transformers.
"""

from __future__ import annotations

import types
from typing import Any

import torch
from torch import Tensor, nn
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.gpt_oss.modeling_gpt_oss import GptOssAttention, GptOssRMSNorm, eager_attention_forward

from prefopt.model.attention import is_fused
from prefopt.model.low_rank import project


def launch_less(model: nn.Module) -> None:
    """Replace the forward passes of a gpt-oss's norms and attentions, which must be frozen. Other modules are left alone."""
    module: Any
    for module in model.modules():
        if type(module) is GptOssRMSNorm:
            module.forward = types.MethodType(_norm, module)
        elif type(module) is GptOssAttention:
            module.forward = types.MethodType(_attention, module)
            module.projects_together = True


def _norm(self: Any, hidden_states: Tensor) -> Tensor:
    return rms_norm(hidden_states, self.weight, self.variance_epsilon)


def _attention(
    self: Any,
    hidden_states: Tensor,
    position_embeddings: tuple[Tensor, Tensor],
    attention_mask: Tensor | None,
    past_key_values: Any = None,
    **kwargs: Any,
) -> tuple[Tensor, Tensor | None]:
    """GptOssAttention.forward; keys and values are repeated while they are rotated, unless a cache keeps them."""
    attention = self.config._attn_implementation
    repeats = self.num_key_value_groups if past_key_values is None and is_fused(attention) else 1
    cos, sin = position_embeddings
    query, key, value = project((self.q_proj, self.k_proj, self.v_proj), hidden_states)
    query, key, value = rotated_heads(query, key, value, cos, sin, self.head_dim, repeats)
    if past_key_values is not None:
        key, value = past_key_values.update(key, value, self.layer_idx)
    attend = ALL_ATTENTION_FUNCTIONS.get_interface(attention, eager_attention_forward)
    out, weights = attend(
        self,
        query,
        key,
        value,
        attention_mask,
        dropout=self.attention_dropout if self.training else 0.0,
        scaling=self.scaling,
        sliding_window=self.sliding_window,
        s_aux=self.sinks,
        **kwargs,
    )
    return project((self.o_proj,), out.reshape(*hidden_states.shape[:-1], -1))[0], weights


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """x [..., width] divided by the root of its mean square, times a frozen weight [width]; computed in float32 and rounded once."""
    rows = x.reshape(-1, x.shape[-1]).contiguous()
    result: Tensor = _RmsNorm.apply(rows, weight, eps)  # type: ignore[no-untyped-call]  # torch declares apply untyped
    return result.view(x.shape)


class _RmsNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        out, scale = _normed(x, weight, eps)
        ctx.save_for_backward(x, weight, scale)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, scale = ctx.saved_tensors
        return _norm_backward(grads[0].contiguous(), x, weight, scale), None, None


def _normed(x: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    if x.is_cuda:
        from prefopt.model.kernels.rms_norm import rms_norm_forward  # triton comes with torch's builds for CUDA

        return rms_norm_forward(x, weight, eps)
    if x.device.type == "meta":
        return torch.zeros_like(x), x.new_empty(len(x), dtype=torch.float32)
    wide = x.to(_wide(x))
    scale = torch.rsqrt(wide.square().mean(-1) + eps)
    return (wide * scale[:, None] * weight).to(x.dtype), scale


def _norm_backward(grad: Tensor, x: Tensor, weight: Tensor, scale: Tensor) -> Tensor:
    if x.is_cuda:
        from prefopt.model.kernels.rms_norm import rms_norm_backward  # as above

        return rms_norm_backward(grad, x, weight, scale)
    if x.device.type == "meta":
        return torch.zeros_like(x)
    normed, above = x.to(scale.dtype) * scale[:, None], grad.to(scale.dtype) * weight
    return (scale[:, None] * (above - normed * (above * normed).mean(-1, keepdim=True))).to(x.dtype)


def rotated_heads(
    query: Tensor, key: Tensor, value: Tensor, cos: Tensor, sin: Tensor, size: int, repeats: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Heads of projected hidden states, queries and keys rotated by their positions.

    Args:
        query: [B, T, heads * D].
        key: [B, T, keys * D].
        value: [B, T, keys * D].
        cos: [B or 1, T, D / 2].
        sin: [B or 1, T, D / 2].
        size: D.
        repeats: copies of each key and value, one after the other.

    Returns:
        query [B, heads, T, D], key and value [B, keys * repeats, T, D]; in memory, the heads of a token are side by side.
    """
    batch, length = query.shape[:2]
    heads = [part.reshape(batch * length, -1, size).contiguous() for part in (query, key, value)]
    angles = [table.to(query.device).reshape(-1, size // 2).contiguous() for table in (cos, sin)]
    parts = _Rotated.apply(*heads, *angles, repeats)  # type: ignore[no-untyped-call]  # torch declares apply untyped
    query, key, value = (part.view(batch, length, -1, size).transpose(1, 2) for part in parts)
    return query, key, value


class _Rotated(torch.autograd.Function):
    """q [tokens, heads, D], k and v [tokens, keys, D], cos and sin [period, D / 2]; see prefopt.model.kernels.rotate."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, cos: Tensor, sin: Tensor, repeats: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.repeats = repeats
        ctx.save_for_backward(cos, sin)
        if query.is_cuda:
            from prefopt.model.kernels.rotate import rotate_forward  # as above

            return rotate_forward(query, key, value, cos, sin, repeats)
        if query.device.type == "meta":
            copies = key.new_empty(len(key), key.shape[1] * repeats, key.shape[2])
            return torch.zeros_like(query), copies, torch.empty_like(copies)
        key, value = (part.repeat_interleave(repeats, dim=1) for part in (key, value))
        return _turned(query, cos, sin), _turned(key, cos, sin), value

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value = (grad.contiguous() for grad in grads)
        cos, sin = ctx.saved_tensors
        if query.is_cuda:
            from prefopt.model.kernels.rotate import rotate_backward  # as above

            return *rotate_backward(query, key, value, cos, sin, ctx.repeats), None, None, None
        if query.device.type == "meta":
            single = key.new_empty(len(key), key.shape[1] // ctx.repeats, key.shape[2])
            return torch.zeros_like(query), single, torch.empty_like(single), None, None, None
        summed = [part.view(len(part), -1, ctx.repeats, part.shape[2]).sum(dim=2, dtype=_wide(part)) for part in (key, value)]
        return _turned(query, cos, -sin), _turned(summed[0], cos, -sin).to(key.dtype), summed[1].to(value.dtype), None, None, None


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    wide = _wide(x)
    first, second = x.to(wide).chunk(2, dim=-1)
    cos, sin = (table.to(wide).repeat(len(x) // len(table), 1)[:, None] for table in (cos, sin))
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1).to(x.dtype)


def _wide(x: Tensor) -> torch.dtype:
    """The dtype that a CPU computes in: at least float32."""
    return torch.promote_types(x.dtype, torch.float32)
