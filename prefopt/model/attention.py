"""Attention with sinks (gpt-oss) through torch's fused kernels: exact, differentiable, and without a [T, T] matrix per head.

A sink is a logit that enters the softmax of every query and has no value. torch's kernels do not support sinks, so this module adds them:

- On a CPU, the kernel returns its result o and the logarithm l of its normalizer, and the sink s is added afterwards: with
  l' = log(exp l + exp s) the result is o * exp(l - l'). The kernel's backward pass computes each weight as exp(score - l); given l' and
  the result with the sink instead of l and o, it returns the gradients of attention with a sink. Queries are processed in blocks, each
  with only those keys that one of its queries attends to: this skips half of the products under a causal mask, and more in a sliding
  window.
- On a CUDA device the same is done with torch's memory-efficient kernel, named explicitly: torch's own choice may be cuDNN, which makes a
  plan for every new length. It reads masks whose rows begin at multiples of 16 bytes, so their rows are padded to 64 keys, once a batch
  where the mask is made here. It has no grouped queries, so keys and values are repeated.
- Sinks that are trained, and dropout, take another way: the sink is one more key with value zero, whose product with every query equals
  the sink. Queries get a column of ones, keys get a column of zeros, and the additional key holds the sink in that column.
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
"""Name of this attention in transformers."""
BLOCK = 192
"""Queries per block on a CPU. In shorter blocks torch's kernel halves its own tiles and takes longer per query."""
_PLANNED_ON_CPU = "fused_sinks_on_cpu"  # for tensors without data (the memory plan's) that represent tensors on a CPU
_EXTRA = 8  # columns added to a head: kernels require head sizes that are multiples of eight
_ALIGNED = 64  # keys to a multiple of which the rows of a mask are padded
_FEW = 8  # queries on a CPU below which plain products are at least as fast, e.g. one token after a cache


def register_fused_sinks(*, planned_on: str | None = None) -> str:
    """Register this attention with transformers and return its name for `attn_implementation`. Masks are additive, as for eager attention.

    Args:
        planned_on: device type that tensors without data represent; None for tensors with data.
    """
    for name, attend in ((FUSED_SINKS, fused_attention), (_PLANNED_ON_CPU, functools.partial(fused_attention, device="cpu"))):
        if name not in ALL_ATTENTION_FUNCTIONS:
            AttentionInterface.register(name, attend)
            AttentionMaskInterface.register(name, _mask)
    return _PLANNED_ON_CPU if planned_on == "cpu" else FUSED_SINKS


def is_fused(attention: str) -> bool:
    """Whether transformers' name of an attention implementation is this one's; it takes keys and values repeated or not."""
    return attention in (FUSED_SINKS, _PLANNED_ON_CPU)


def _mask(*args: Any, **kwargs: Any) -> Tensor | None:
    """transformers' additive mask, with rows as the kernel of a CUDA device reads them."""
    mask: Tensor | None = eager_mask(*args, **kwargs)
    return mask if mask is None else with_aligned_rows(mask)


def with_aligned_rows(mask: Tensor) -> Tensor:
    """The same mask [..., S], as the kernel of a CUDA device reads it: in memory its rows are a multiple of 64 keys long."""
    if mask.device.type == "cpu":
        return mask
    if mask.stride(-1) == 1 and not any(step % _ALIGNED for step in mask.stride()[:-1]):
        return mask
    length = mask.shape[-1]
    padded: Tensor = pad(mask, (0, -length % _ALIGNED))
    return padded[..., :length]


def fused_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    device: str | None = None,
    block: int = BLOCK,
    **__: Any,
) -> tuple[Tensor, None]:
    """Attention with sinks; computes what transformers' eager attention of gpt-oss computes.

    Args:
        module: has `sinks` [heads] and `num_key_value_groups`.
        query: [B, heads, T, D].
        key: [B, heads / groups or heads, S, D].
        value: as key.
        attention_mask: additive [B, 1, T, S]; None lets every query attend to every key.
        scaling: factor of the products.
        dropout: of the attention weights, in training.
        device: device type that tensors without data represent.
        block: queries per block on a CPU.

    Returns:
        [B, T, heads, D], and None for the attention weights, which are never computed as a whole.
    """
    groups, on_cpu = module.num_key_value_groups, (device or query.device.type) == "cpu"
    repeated = key.shape[1] == query.shape[1]
    if on_cpu and query.shape[2] < _FEW and not (repeated and groups > 1):
        out, _ = eager_attention_forward(module, query, key, value, attention_mask, scaling, dropout)
        return out, None
    if not repeated:
        key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    plain = not dropout and not module.sinks.requires_grad
    if on_cpu and plain:
        blocks = _blocks(query, key, attention_mask, block)
        out = _OnCpu.apply(query, key, value, module.sinks, attention_mask, scaling, blocks)  # type: ignore[no-untyped-call]  # torch declares apply untyped
    elif plain and query.shape[-1] % _EXTRA == 0:
        mask = None if attention_mask is None else with_aligned_rows(attention_mask)
        out = _Efficient.apply(query, key, value, module.sinks, mask, scaling)  # type: ignore[no-untyped-call]  # as above
    else:
        out = _with_sink_as_key(query, key, value, module.sinks, attention_mask, dropout, scaling)
    return out.transpose(1, 2).contiguous(), None


class _OnCpu(torch.autograd.Function):
    """query, key, value [B, heads, T or S, D], sinks [heads], mask [B, 1, T, S] or None -> [B, heads, T, D]. Sinks get no gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        sinks: Tensor,
        mask: Tensor | None,
        scaling: float,
        blocks: list[tuple[slice, slice]],
    ) -> Tensor:
        attend = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
        ctx.blocks, ctx.scaling = blocks, scaling
        out, sinks = torch.empty_like(query), sinks.float()[None, :, None]
        normalizers = []
        for queries, keys in blocks:
            part = None if mask is None else mask[:, :, queries, keys]
            # o and l of the module's docstring, then l' and o * exp(l - l'); l and l' are [B, heads, block]
            plain, without_sink = attend(query[:, :, queries], key[:, :, keys], value[:, :, keys], attn_mask=part, scale=scaling)
            with_sink = torch.logaddexp(without_sink, sinks)
            torch.mul(plain, (without_sink - with_sink).exp_()[..., None].to(plain.dtype), out=out[:, :, queries])
            normalizers.append(with_sink)
        ctx.save_for_backward(query, key, value, mask, out, *normalizers)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        kernel = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
        query, key, value, mask, out, *normalizers = ctx.saved_tensors
        by_query, by_key, by_value = torch.empty_like(query), torch.zeros_like(key), torch.zeros_like(value)
        for (queries, keys), normalizer in zip(ctx.blocks, normalizers, strict=True):
            part = None if mask is None else mask[:, :, queries, keys]
            tensors = (grads[0][:, :, queries], query[:, :, queries], key[:, :, keys], value[:, :, keys], out[:, :, queries])
            by_query[:, :, queries], for_keys, for_values = kernel(*tensors, normalizer, 0.0, False, attn_mask=part, scale=ctx.scaling)
            by_key[:, :, keys] += for_keys  # keys and values belong to several blocks of queries
            by_value[:, :, keys] += for_values
        return by_query, by_key, by_value, None, None, None, None


class _Efficient(torch.autograd.Function):
    """As _OnCpu, in one block and with torch's memory-efficient kernel. On a CPU, where it does not exist, with the CPU's for the tests."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, sinks: Tensor, mask: Tensor | None, scaling: float) -> Tensor:
        ctx.scaling = scaling
        if query.device.type == "cpu":
            attend = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
            out, normalizer = attend(query, key, value, attn_mask=mask, scale=scaling)
            normalizer, random = normalizer.contiguous(), ()
        else:
            attend = torch.ops.aten._scaled_dot_product_efficient_attention
            out, normalizer, *random = attend(query, key, value, _for_heads(mask, query), True, 0.0, False, scale=scaling)
        _add_sink(out, normalizer, sinks)
        ctx.save_for_backward(query, key, value, mask, out, normalizer, *random)
        return out  # type: ignore[no-any-return]  # operators of torch.ops have no types

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, mask, out, normalizer, *random = ctx.saved_tensors
        tensors = (grads[0], query, key, value)
        if query.device.type == "cpu":
            kernel = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
            return *kernel(*tensors, out, normalizer, 0.0, False, attn_mask=mask, scale=ctx.scaling), None, None, None
        kernel = torch.ops.aten._scaled_dot_product_efficient_attention_backward
        kept = (_for_heads(mask, query), out, normalizer, *random)
        by_query, by_key, by_value, _ = kernel(*tensors, *kept, 0.0, [True, True, True, False], False, scale=ctx.scaling)
        return by_query, by_key, by_value, None, None, None


def _for_heads(mask: Tensor | None, query: Tensor) -> Tensor | None:
    return None if mask is None else mask.expand(*query.shape[:3], mask.shape[3])


def _add_sink(out: Tensor, normalizer: Tensor, sinks: Tensor) -> None:
    """o -> o * exp(l - l') and l -> l' of the module's docstring, in place: out [B, heads, T, D], normalizer [B, heads, at least T]."""
    if out.is_cuda:
        from prefopt.model.kernels.sink import add_sink  # triton comes with torch's builds for CUDA

        add_sink(out.transpose(1, 2), normalizer, sinks)
    elif out.device.type == "meta":
        out.zero_()  # one launch
    else:
        without = normalizer[..., : out.shape[2]]
        joint = torch.logaddexp(without, sinks.to(without.dtype)[None, :, None])
        out.mul_((without - joint).exp_()[..., None])
        without.copy_(joint)


def _blocks(query: Tensor, key: Tensor, mask: Tensor | None, size: int) -> list[tuple[slice, slice]]:
    """Blocks of at most `size` queries, each with the range of keys that one of them attends to in any row of the batch.

    Tensors without data get every key up to the block's end, as under a causal mask.
    """
    length = query.shape[2]
    if mask is None or length <= size:
        return [(slice(0, length), slice(0, key.shape[2]))]
    blocks = [slice(start, min(length, start + size)) for start in range(0, length, size)]
    if query.device.type == "meta":
        return [(block, slice(0, key.shape[2] - length + block.stop)) for block in blocks]
    attended = mask.amax(dim=(0, 1)) > torch.finfo(mask.dtype).min
    # [0]: a block of padding attends only to its sinks, and the kernel needs at least one key
    visible = [attended[block].any(dim=0).nonzero().flatten().tolist() or [0] for block in blocks]
    return [(block, slice(keys[0], keys[-1] + 1)) for block, keys in zip(blocks, visible, strict=True)]


def _with_sink_as_key(
    query: Tensor, key: Tensor, value: Tensor, sinks: Tensor, mask: Tensor | None, dropout: float, scaling: float
) -> Tensor:
    """The same attention with the sink as one more key; shapes as in fused_attention, except that keys and values are repeated per head.

    torch chooses the kernel. For tensors without data (the memory plan's), this is the kernel that a GPU uses with a mask.
    """
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
