"""Queries, keys and values of one attention in one launch: gpt-oss's rotary embedding, and keys and values repeated for their queries.

Forward, the first halves f and second halves s of queries and keys become f cos - s sin and s cos + f sin. Backward, the gradients of a
key's copies are added up and rotated back. Computed in float32 and rounded once.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from prefopt.model.kernels.devices import on_its_device


@triton.jit
def _places(at, token, HEADS: tl.constexpr, HALF: tl.constexpr, heads, half):
    """Places of the first halves of a token's heads [HEADS, HALF], and which are inside."""
    head, column = tl.arange(0, HEADS)[:, None], tl.arange(0, HALF)[None, :]
    return at + (token * heads + head) * 2 * half + column, (head < heads) & (column < half)


@triton.jit
def _rotate(x, y, token, c, s, heads, half, HEADS: tl.constexpr, HALF: tl.constexpr):
    at, inside = _places(x, token, HEADS, HALF, heads, half)
    to, _ = _places(y, token, HEADS, HALF, heads, half)
    first = tl.load(at, mask=inside, other=0).to(tl.float32)
    second = tl.load(at + half, mask=inside, other=0).to(tl.float32)
    tl.store(to, (first * c - second * s).to(y.dtype.element_ty), mask=inside)
    tl.store(to + half, (second * c + first * s).to(y.dtype.element_ty), mask=inside)


@triton.jit
def _angles(cos, sin, token, period, half, HALF: tl.constexpr):
    column = tl.arange(0, HALF)
    at = (token % period) * half + column
    c = tl.load(cos + at, mask=column < half, other=0).to(tl.float32)
    s = tl.load(sin + at, mask=column < half, other=0).to(tl.float32)
    return c[None, :], s[None, :]


@triton.jit
def _forward(q, k, v, cos, sin, q_out, k_out, v_out, period, heads, keys, repeats, half, HEADS: tl.constexpr, HALF: tl.constexpr):
    token = tl.program_id(0).to(tl.int64)
    c, s = _angles(cos, sin, token, period, half, HALF)
    _rotate(q, q_out, token, c, s, heads, half, HEADS, HALF)
    head, column = tl.arange(0, HEADS)[:, None], tl.arange(0, HALF)[None, :]
    copies = keys * repeats
    inside = (head < copies) & (column < half)
    at = (token * keys + head // repeats) * 2 * half + column
    to = (token * copies + head) * 2 * half + column
    first = tl.load(k + at, mask=inside, other=0).to(tl.float32)
    second = tl.load(k + at + half, mask=inside, other=0).to(tl.float32)
    tl.store(k_out + to, (first * c - second * s).to(k_out.dtype.element_ty), mask=inside)
    tl.store(k_out + to + half, (second * c + first * s).to(k_out.dtype.element_ty), mask=inside)
    tl.store(v_out + to, tl.load(v + at, mask=inside, other=0), mask=inside)
    tl.store(v_out + to + half, tl.load(v + at + half, mask=inside, other=0), mask=inside)


@triton.jit
def _backward(
    q,
    k,
    v,
    cos,
    sin,
    by_q,
    by_k,
    by_v,
    period,
    heads,
    keys,
    repeats,
    half,
    HEADS: tl.constexpr,
    KEYS: tl.constexpr,
    HALF: tl.constexpr,
):
    token = tl.program_id(0).to(tl.int64)
    c, s = _angles(cos, sin, token, period, half, HALF)
    _rotate(q, by_q, token, c, -s, heads, half, HEADS, HALF)
    head, column = tl.arange(0, KEYS)[:, None], tl.arange(0, HALF)[None, :]
    inside = (head < keys) & (column < half)
    first, second = tl.zeros((KEYS, HALF), tl.float32), tl.zeros((KEYS, HALF), tl.float32)
    upper, lower = tl.zeros((KEYS, HALF), tl.float32), tl.zeros((KEYS, HALF), tl.float32)
    for copy in range(repeats):
        at = ((token * keys + head) * repeats + copy) * 2 * half + column
        first += tl.load(k + at, mask=inside, other=0).to(tl.float32)
        second += tl.load(k + at + half, mask=inside, other=0).to(tl.float32)
        upper += tl.load(v + at, mask=inside, other=0).to(tl.float32)
        lower += tl.load(v + at + half, mask=inside, other=0).to(tl.float32)
    to = (token * keys + head) * 2 * half + column
    tl.store(by_k + to, (first * c + second * s).to(by_k.dtype.element_ty), mask=inside)
    tl.store(by_k + to + half, (second * c - first * s).to(by_k.dtype.element_ty), mask=inside)
    tl.store(by_v + to, upper.to(by_v.dtype.element_ty), mask=inside)
    tl.store(by_v + to + half, lower.to(by_v.dtype.element_ty), mask=inside)


@on_its_device
def rotate_forward(q: Tensor, k: Tensor, v: Tensor, cos: Tensor, sin: Tensor, repeats: int) -> tuple[Tensor, Tensor, Tensor]:
    """q [tokens, heads, D], k and v [tokens, keys, D], all contiguous; cos and sin [period, D / 2], of which token t has row t % period.

    Returns:
        q, and k and v [tokens, keys * repeats, D], where each head stands `repeats` times in a row.
    """
    (tokens, heads, size), keys = q.shape, k.shape[1]
    q_out, k_out, v_out = torch.empty_like(q), k.new_empty(tokens, keys * repeats, size), v.new_empty(tokens, keys * repeats, size)
    most, half = triton.next_power_of_2(max(heads, keys * repeats)), triton.next_power_of_2(size // 2)
    if tokens:
        sizes = (len(cos), heads, keys, repeats, size // 2)
        _forward[(tokens,)](q, k, v, cos, sin, q_out, k_out, v_out, *sizes, HEADS=most, HALF=half, num_warps=8)
    return q_out, k_out, v_out


@on_its_device
def rotate_backward(q: Tensor, k: Tensor, v: Tensor, cos: Tensor, sin: Tensor, repeats: int) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients by the arguments of `rotate_forward`, for q, k, v: those by its results."""
    (tokens, heads, size), keys = q.shape, k.shape[1] // repeats
    by_q, by_k, by_v = torch.empty_like(q), k.new_empty(tokens, keys, size), v.new_empty(tokens, keys, size)
    most, some, half = (triton.next_power_of_2(n) for n in (heads, keys, size // 2))
    if tokens:
        sizes = (len(cos), heads, keys, repeats, size // 2)
        _backward[(tokens,)](q, k, v, cos, sin, by_q, by_k, by_v, *sizes, HEADS=most, KEYS=some, HALF=half, num_warps=8)
    return by_q, by_k, by_v
