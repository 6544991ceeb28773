"""From last hidden states to logits: the one place that knows a model's output head, whatever it does after the product.

Models multiply their logits (Cohere), divide them (Granite), cap them (Gemma), or scale the hidden states first (MiniCPM), each under a
name of its own in the config. `measure_head` does not read names: it compares the product of hidden states and head with the logits that
the model itself makes of the same hidden states, at their own size and enlarged until a cap shows.
"""

from __future__ import annotations

import math
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

_LARGE = 128.0
"""Logits that the enlarged hidden states reach; caps in use are 15 to 50."""
_COLUMNS = 4096
"""Columns of the vocabulary on which candidates are compared; the one that is found is compared on all."""
_LARGEST_CAP = 1e4
_ROWS = 4096
"""Rows of a head in a narrow type that are widened at once on a CPU."""


@dataclass(frozen=True)
class Head:
    """logits = cap(scale * W h + bias), with cap(x) = c tanh(x / c), in float32 from the product on."""

    weight: Tensor
    """[V, H], in the model's dtype."""
    bias: Tensor | None = None
    """[V]."""
    scale: float = 1.0
    cap: float | None = None

    def __len__(self) -> int:
        return len(self.weight)

    def logits(self, hidden: Tensor, block: slice = slice(None)) -> Tensor:
        """Last hidden states [..., H] -> logits [..., V], float32; `block` selects rows of the vocabulary."""
        values = _product(hidden, self.weight[block])
        if self.scale != 1:
            values = values * self.scale
        if self.bias is not None:
            values = values + self.bias[block].float()
        return values if self.cap is None else torch.tanh(values / self.cap) * self.cap

    def slope(self, logits: Tensor) -> Tensor:
        """Derivative of logits [..., V] with respect to the products W h."""
        return torch.full_like(logits, self.scale) if self.cap is None else (1 - (logits / self.cap).square()) * self.scale


def _product(hidden: Tensor, weight: Tensor) -> Tensor:
    """hidden [..., H] times weight [V, H] transposed -> [..., V], accumulated and kept in float32."""
    if weight.dtype == torch.float32:
        return nn.functional.linear(hidden.float().contiguous(), weight)  # torch is slow on slices of 3-D tensors on a CPU
    if weight.device.type == "cuda":
        rows = hidden.reshape(-1, hidden.shape[-1]).to(weight.dtype)
        return torch.mm(rows, weight.t(), out_dtype=torch.float32).view(*hidden.shape[:-1], len(weight))
    states = hidden.float().contiguous()
    starts = range(0, len(weight), _ROWS)
    return torch.cat([nn.functional.linear(states, weight[start : start + _ROWS].float()) for start in starts], dim=-1)


class _WideProduct(torch.autograd.Function):
    """_product, with the gradient by the hidden states; the weight is frozen."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.dtype = hidden.dtype
        return _product(hidden, weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (weight,) = ctx.saved_tensors
        return (grads[0].to(weight.dtype) @ weight).to(ctx.dtype), None


def _wide_logits(self: Any, hidden: Tensor) -> Tensor:
    if self.weight.requires_grad:
        return nn.functional.linear(hidden, self.weight, self.bias)
    logits: Tensor = _WideProduct.apply(hidden, self.weight)  # type: ignore[no-untyped-call]  # torch declares apply untyped
    return logits if self.bias is None else logits + self.bias.float()


def keep_logits_in_float32(model: Any) -> None:
    """Let a causal LM in a narrow type return logits as its products have them: rounding to bfloat16 moves a log-probability by up to 0.06.
    Its frozen output layer keeps its weights; a model without a plain one is left alone.
    """
    layer = output_layer(model)
    if layer is not None and layer.weight.dtype != torch.float32:
        name = "_old_forward" if hasattr(layer, "_old_forward") else "forward"  # inside a hook of accelerate
        setattr(layer, name, types.MethodType(_wide_logits, layer))


def output_layer(model: Any) -> Any:
    """The linear layer that a causal LM of transformers ends with; None where it has none, or it is quantized or adapted."""
    try:
        layer = model.get_output_embeddings()
    except (AttributeError, NotImplementedError):
        return None
    return layer if type(layer) is nn.Linear else None


@torch.no_grad()
def measure_head(model: Any, decoder: nn.Module, ids: Tensor) -> Head | None:
    """The head with scale, bias and cap such that it repeats the model's logits; None where no such numbers do.

    Args:
        model: a causal LM of transformers in eval mode, not wrapped by PEFT.
        decoder: its part that returns last_hidden_state.
        ids: token ids [1, T] to measure on.
    """
    layer = output_layer(model)
    if layer is None:
        return None
    hidden, small = _own_logits(model, decoder, ids, 1.0)
    largest = float(_product(hidden, layer.weight).abs().max())
    if not math.isfinite(largest) or largest == 0:
        return None
    factor = 2.0 ** round(math.log2(_LARGE / largest))  # a power of two is exact in every dtype
    enlarged, large = _own_logits(model, decoder, ids, factor)
    if small.shape[-1] != len(layer.weight) or enlarged.shape != hidden.shape:
        return None
    sample = slice(None, None, max(1, len(layer.weight) // _COLUMNS))
    for head in _candidates(model, layer, hidden, small, sample):
        if _repeats(head, hidden, small, sample) and _repeats(head, enlarged, large, sample):
            whole = slice(None)
            if _repeats(head, hidden, small, whole) and _repeats(head, enlarged, large, whole):
                return head
    return None


def _own_logits(model: Any, decoder: nn.Module, ids: Tensor, factor: float) -> tuple[Tensor, Tensor]:
    """Hidden states [T, H], multiplied by a factor after the decoder, and what the model makes of them, float32 [T, V]."""
    with hidden_states_of(decoder, factor) as seen:
        logits = model(input_ids=ids, use_cache=False).logits
    return seen[-1][0], logits[0].float()


@contextmanager
def hidden_states_of(decoder: nn.Module, factor: float = 1.0) -> Iterator[list[Tensor]]:
    """Inside, the last hidden states [B, T, H] of every call of the decoder are multiplied by a factor, and collected. A model without
    such a decoder may stand in its place; then nothing is.
    """
    seen: list[Tensor] = []

    def collect(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        if getattr(output, "last_hidden_state", None) is None:
            return output
        if factor != 1:
            output.last_hidden_state = output.last_hidden_state * factor
        seen.append(output.last_hidden_state)
        return output

    hook = decoder.register_forward_hook(collect)
    try:
        yield seen
    finally:
        hook.remove()


def _candidates(model: Any, layer: nn.Linear, hidden: Tensor, logits: Tensor, sample: slice) -> Iterator[Head]:
    """Heads that may repeat the model's logits: without a cap first, then with each number of the config as the cap."""
    numbers = sorted(_numbers(model.config.to_dict()))
    product = _product(hidden, layer.weight[sample]).double()
    own, bias = logits[:, sample].double(), None if layer.bias is None else layer.bias[sample].double()
    largest = float(logits.abs().max())
    for cap in (None, *(number for number in numbers if largest < number < _LARGEST_CAP)):
        before = own if cap is None else cap * torch.atanh(own / cap)
        # scale * (W h + b), then scale * W h + b: the same without a bias
        sums = [product] if bias is None else [product + bias, product]
        for number, total in enumerate(sums):
            shift = 0.0 if bias is None or number == 0 else bias
            scale = _snapped(float(((before - shift) * total).sum() / total.square().sum()), numbers, layer.weight.dtype)
            whole_bias = None if layer.bias is None else layer.bias * (scale if number == 0 else 1.0)
            yield Head(layer.weight, whole_bias, scale, cap)


def _numbers(values: Any) -> set[float]:
    """All positive numbers in a config, nested ones included."""
    if isinstance(values, dict):
        return set[float]().union(*map(_numbers, values.values()))
    if isinstance(values, (list, tuple)):
        return set[float]().union(*map(_numbers, values))
    number = isinstance(values, (int, float)) and not isinstance(values, bool) and math.isfinite(values) and values > 0
    return {float(values)} if number else set()


def _snapped(scale: float, numbers: list[float], dtype: torch.dtype) -> float:
    """A measured scale, or the number that it stands for: 1, or a number of the config or its inverse."""
    near = 1e-4 if dtype == torch.float32 else 1e-2
    exact = [1.0, *numbers, *(1 / number for number in numbers)]
    best = min(exact, key=lambda value: abs(value / scale - 1) if scale else math.inf)
    return best if scale and abs(best / scale - 1) < near else scale


def _repeats(head: Head, hidden: Tensor, logits: Tensor, sample: slice) -> bool:
    """Whether a head makes the model's logits of hidden states, up to rounding in the model's dtype."""
    allowed = float(logits.abs().max()) * (1e-5 if head.weight.dtype == torch.float32 else 2.0**-6) + 1e-6
    ours = head.logits(hidden, sample)
    return bool(((ours - logits[:, sample]).abs().max() <= allowed).item())
