"""Attention with sinks through torch's fused kernels: exact, trains, and never holds a [T, T] matrix per head.

A sink is a logit that takes part in the softmax of every query and has no value (gpt-oss). Torch's kernels know no sinks, so:

- On a CPU the kernel is asked for its result o and the logarithm l of its normalizer, and the sink s is added afterwards: with
  l' = log(exp l + exp s) the result is o * exp(l - l'). The kernel's own backward computes each weight as exp(score - l), so that with l'
  and the result with sink in their places its gradients are those of attention with a sink. Queries go in blocks, each with the keys only
  that any of them sees: half of the products of a causal mask, and less in a sliding window, are never computed.
- Elsewhere the sink is one more key whose product with any query is the sink, and whose value is zero: queries get a column of ones, keys
  a column of zeros, and the additional key holds the sink there.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention
from transformers.masking_utils import AttentionMaskInterface, eager_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS, AttentionInterface
from transformers.models.gpt_oss.modeling_gpt_oss import eager_attention_forward

FUSED_SINKS = "fused_sinks"
_PLANNED_ON_CPU = "fused_sinks_on_cpu"  # for tensors without data (the memory plan's) that stand for a CPU's
_EXTRA = 8  # columns added to a head: kernels want head sizes that are multiples of eight
_FEW = 8  # queries on a CPU, as after those in a cache: plain products are as fast or faster
_BLOCK = 192  # queries at once on a CPU: with fewer, torch's kernel cuts them into pieces half as long, and takes longer for each


def register_fused_sinks(*, planned_on: str | None = None) -> str:
    """Make it known to transformers; its name for `attn_implementation`. Masks are additive, as for eager attention.

    Args:
        planned_on: type of the device that tensors without data stand for; None for tensors that say it themselves.
    """
    for name, attend in ((FUSED_SINKS, fused_attention), (_PLANNED_ON_CPU, functools.partial(fused_attention, device="cpu"))):
        if name not in ALL_ATTENTION_FUNCTIONS:
            AttentionInterface.register(name, attend)
            AttentionMaskInterface.register(name, eager_mask)
    return _PLANNED_ON_CPU if planned_on == "cpu" else FUSED_SINKS


def fused_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    device: str | None = None,
    **__: Any,
) -> tuple[Tensor, None]:
    """As transformers' eager attention of gpt-oss.

    Args:
        module: with `sinks` [heads] and `num_key_value_groups`.
        query: [B, heads, T, D]; key and value: [B, heads / groups, S, D].
        attention_mask: additive [B, 1, T, S]; None lets every query see every key.
        scaling: of the products.
        dropout: of the attention's weights, while training.
        device: type of the device, where the tensors do not say it.

    Returns:
        [B, T, heads, D], and None for the weights, which never exist.
    """
    groups, on_cpu = module.num_key_value_groups, (device or query.device.type) == "cpu"
    if on_cpu and query.shape[2] < _FEW:
        out, _ = eager_attention_forward(module, query, key, value, attention_mask, scaling, dropout)
        return out, None
    if groups > 1:
        key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    if on_cpu and not dropout and not module.sinks.requires_grad:
        out = _OnCpu.apply(query, key, value, module.sinks, attention_mask, scaling)  # type: ignore[no-untyped-call]  # torch declares apply untyped
    else:
        out = _with_sink_as_key(query, key, value, module.sinks, attention_mask, dropout, scaling)
    return out.transpose(1, 2).contiguous(), None


class _OnCpu(torch.autograd.Function):
    """query, key, value [B, heads, T or S, D], sinks [heads], mask [B, 1, T, S] or None -> [B, heads, T, D]. Sinks get no gradient."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, sinks: Tensor, mask: Tensor | None, scaling: float) -> Tensor:
        attend = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
        ctx.blocks, ctx.scaling = _blocks(query, key, mask), scaling
        out, sinks = torch.empty_like(query), sinks.float()[None, :, None]
        normalizers = []
        for queries, keys in ctx.blocks:
            seen = None if mask is None else mask[:, :, queries, keys]
            found, without = attend(query[:, :, queries], key[:, :, keys], value[:, :, keys], attn_mask=seen, scale=scaling)
            normalizer = torch.logaddexp(without, sinks)
            torch.mul(found, (without - normalizer).exp_()[..., None].to(found.dtype), out=out[:, :, queries])
            normalizers.append(normalizer)
        ctx.save_for_backward(query, key, value, mask, out, *normalizers)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        kernel = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
        query, key, value, mask, out, *normalizers = ctx.saved_tensors
        by_query, by_key, by_value = torch.empty_like(query), torch.zeros_like(key), torch.zeros_like(value)
        for (queries, keys), normalizer in zip(ctx.blocks, normalizers, strict=True):
            seen = None if mask is None else mask[:, :, queries, keys]
            parts = (grads[0][:, :, queries], query[:, :, queries], key[:, :, keys], value[:, :, keys], out[:, :, queries])
            found = kernel(*parts, normalizer, 0.0, False, attn_mask=seen, scale=ctx.scaling)
            by_query[:, :, queries] = found[0]
            by_key[:, :, keys] += found[1]
            by_value[:, :, keys] += found[2]
        return by_query, by_key, by_value, None, None, None


def _blocks(query: Tensor, key: Tensor, mask: Tensor | None) -> list[tuple[slice, slice]]:
    """Queries in blocks, each with the range of keys that any of them sees in any row of the batch; all before its end, without data."""
    length = query.shape[2]
    if mask is None or length <= _BLOCK:
        return [(slice(0, length), slice(0, key.shape[2]))]
    blocks = [slice(start, min(length, start + _BLOCK)) for start in range(0, length, _BLOCK)]
    if query.device.type == "meta":
        return [(block, slice(0, key.shape[2] - length + block.stop)) for block in blocks]
    sees = mask.amax(dim=(0, 1)) > torch.finfo(mask.dtype).min
    seen = [
        sees[block].any(dim=0).nonzero().flatten().tolist() or [0] for block in blocks
    ]  # [0]: of a block of padding, which sees its sinks
    return [(block, slice(keys[0], keys[-1] + 1)) for block, keys in zip(blocks, seen, strict=True)]


def _with_sink_as_key(
    query: Tensor, key: Tensor, value: Tensor, sinks: Tensor, mask: Tensor | None, dropout: float, scaling: float
) -> Tensor:
    """Shapes as above. torch chooses the kernel; for tensors without data (the memory plan's) the one that a GPU takes for a mask."""
    batch, heads, _, size = query.shape
    query = torch.cat([query, query.new_ones(1).expand(*query.shape[:-1], 1)], dim=-1)
    query = pad(query, (0, _EXTRA - 1))
    key = pad(key, (0, _EXTRA))
    sink = (sinks.to(key.dtype) / scaling).view(1, heads, 1, 1).expand(batch, -1, -1, -1)
    key = torch.cat([key, pad(sink, (size, _EXTRA - 1))], dim=2)
    value = pad(value, (0, _EXTRA, 0, 1))
    mask = None if mask is None else pad(mask, (0, 1))
    if query.device.type != "meta":
        return scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout, scale=scaling)[..., :size]
    whole = None if mask is None else mask.expand(*query.shape[:3], key.shape[2])
    kernel = torch.ops.aten._scaled_dot_product_efficient_attention
    out: Tensor = kernel(query, key, value, whole, True, dropout, False, scale=scaling)[0]
    return out[..., :size]
