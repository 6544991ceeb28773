"""Add a sink to the result of attention without one, in place and in one launch (see prefopt.model.attention)."""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from prefopt.model.kernels.devices import on_its_device


@triton.jit
def _add_sink(o, normalizer, sinks, heads, queries, padded, size, HEADS: tl.constexpr, SIZE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    batch, query = row // queries, row % queries
    head, column = tl.arange(0, HEADS), tl.arange(0, SIZE)
    inside = head < heads
    at = normalizer + (batch * heads + head) * padded + query
    without = tl.load(at, mask=inside, other=0)
    sink = tl.load(sinks + head, mask=inside, other=0).to(tl.float32)
    most = tl.maximum(without, sink)
    joint = most + tl.log(tl.exp(without - most) + tl.exp(sink - most))
    tl.store(at, joint, mask=inside)
    place = o + (row * heads + head[:, None]) * size + column[None, :]
    both = inside[:, None] & (column[None, :] < size)
    values = tl.load(place, mask=both, other=0).to(tl.float32) * tl.exp(without - joint)[:, None]
    tl.store(place, values.to(o.dtype.element_ty), mask=both)


@on_its_device
def add_sink(o: Tensor, normalizer: Tensor, sinks: Tensor) -> None:
    """o [B, queries, heads, D], contiguous, times exp(l - l'), and l' = log(exp l + exp sink) in place of l.

    Args:
        o: the result without sinks.
        normalizer: l [B, heads, at least queries], float32, contiguous.
        sinks: [heads].
    """
    batch, queries, heads, size = o.shape
    if o.numel():
        powers = {"HEADS": triton.next_power_of_2(heads), "SIZE": triton.next_power_of_2(size)}
        _add_sink[(batch * queries,)](o, normalizer, sinks, heads, queries, normalizer.shape[2], size, **powers, num_warps=8)
