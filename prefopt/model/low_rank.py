"""LoRA on the linear layers of one attention with few launches: layers that share an input compute their low-rank updates together.

PEFT computes y + s B (A x) by five operators a layer and about a dozen in the backward pass, in float32. `project` leaves the base layers
as they are and adds the updates of all layers in their results' dtype: with A = s [A1; A2; ...] and l = A x, each y_i += B_i l_i.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn


def project(layers: Sequence[nn.Module], x: Tensor) -> list[Tensor]:
    """What each layer computes of x [..., in], [..., out] each. Layers with plain LoRA are computed together, any other by itself."""
    adapters = [_only_adapter(layer) for layer in layers]
    shared = {adapter[2:] for adapter in adapters if adapter}
    if len(shared) != 1:  # no plain LoRA, or updates of different ranks
        return [layer(x) for layer in layers]
    ((rank, scaling),) = shared
    rows = x.reshape(-1, x.shape[-1])
    computed: list[Any] = [layer.base_layer if adapter else layer for layer, adapter in zip(layers, adapters, strict=True)]
    results = [layer(rows) for layer in computed]
    downs, ups = [a[0] for a in adapters if a], [a[1] for a in adapters if a]
    bases = [result for result, adapter in zip(results, adapters, strict=True) if adapter]
    added = iter(_AddLowRank.apply(rows, rank, scaling, len(bases), *bases, *downs, *ups))  # type: ignore[no-untyped-call]  # torch's apply
    results = [next(added) if adapter else result for result, adapter in zip(results, adapters, strict=True)]
    return [result.view(*x.shape[:-1], -1) for result in results]


def _only_adapter(layer: Any) -> tuple[Tensor, Tensor, int, float] | None:
    """A [r, in], B [out, r], r and the scaling of a layer's one active adapter; None if it has none or several, or no plain one."""
    if not isinstance(layer, LoraLayer) or layer.disable_adapters or layer.merged or getattr(layer, "fan_in_fan_out", False):
        return None
    names = [name for name in layer.active_adapters if name in layer.lora_A]
    if len(names) != 1 or names[0] in layer.lora_variant or layer.lora_bias[names[0]]:
        return None
    (name,) = names
    if not isinstance(layer.lora_dropout[name], nn.Identity):
        return None
    down, up = layer.lora_A[name].weight, layer.lora_B[name].weight
    return down, up, len(down), layer.scaling[name]


class _AddLowRank(torch.autograd.Function):
    """Args of `apply`: x [rows, in]; r; s; the number n of layers; their results y [rows, out], overwritten; every A; every B."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rank: int, scaling: float, count: int, *tensors: Tensor) -> tuple[Tensor, ...]:
        results, downs, ups = tensors[:count], tensors[count : 2 * count], tensors[2 * count :]
        down = torch.mul(_joined(downs), scaling, out=x.new_empty(count * rank, x.shape[1]))
        up = _joined(ups).to(x.dtype)
        low = x @ down.t()
        ctx.outputs = [len(part) for part in ups]
        for result, part, columns in zip(results, torch.split(up, ctx.outputs), torch.split(low, rank, dim=1), strict=True):
            result.addmm_(columns, part.t())
        ctx.mark_dirty(*results)
        ctx.rank, ctx.scaling, ctx.dtype = rank, scaling, downs[0].dtype
        ctx.save_for_backward(x, low, down, up)
        return results

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, low, down, up = ctx.saved_tensors
        rank, parts = ctx.rank, torch.split(up, ctx.outputs)
        # y = base + l B.T and l = s x A.T:  dl = dy B,  dx = dl (s A),  dA = s dl.T x,  dB = dy.T l
        by_low, by_up = torch.empty_like(low), torch.empty_like(up)
        columns = zip(
            grads, parts, torch.split(by_low, rank, dim=1), torch.split(low, rank, dim=1), torch.split(by_up, ctx.outputs), strict=True
        )
        for grad, part, to_low, of_low, to_up in columns:
            torch.mm(grad, part, out=to_low)
            torch.mm(grad.t(), of_low, out=to_up)
        by_x = by_low @ down if ctx.needs_input_grad[0] else None
        by_down = torch.mul(by_low.t() @ x, ctx.scaling, out=x.new_empty(down.shape, dtype=ctx.dtype))
        downs, ups = torch.split(by_down, rank), torch.split(by_up.to(ctx.dtype), ctx.outputs)
        return by_x, None, None, None, *grads, *downs, *ups


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))
