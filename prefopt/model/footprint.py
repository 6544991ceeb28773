"""What a training step takes, counted without memory: the step runs on tensors that have shapes and no data (device "meta").

Every storage that an operation makes is counted while it lives, so the count follows the code that will run: attention, experts one at a
time, recomputation under gradient checkpointing. It leaves out what is no tensor: the process, libraries and an allocator's gaps.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch declares its __init_subclass__ untyped
    """Counts the bytes of the storages that are made inside it: `now`, and `peak`, the most there were at once."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.now = self.peak = 0
        self._known: dict[int, Any] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        before = {id(leaf.untyped_storage()) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._see(leaf.untyped_storage(), before)
        return result

    def _see(self, storage: torch.UntypedStorage, before: set[int]) -> None:
        key = id(storage)
        if key in before or key in self._known:  # a view, or a result written into an argument
            return
        size = storage.nbytes()
        self._known[key] = weakref.finalize(storage, self._forget, key, size)
        self.now += size
        self.peak = max(self.peak, self.now)

    def _forget(self, key: int, size: int) -> None:
        del self._known[key]
        self.now -= size


@dataclass(frozen=True)
class StepBytes:
    """Bytes above those of the weights, the gradients and the optimizer."""

    forward: int
    """Kept between forward and backward."""
    peak: int
    """Most at once, without the logits and without the gradients of the parameters."""


@contextmanager
def _layers(model: Any, count: int) -> Iterator[None]:
    """A decoder cut down to its first layers."""
    decoder = model.get_decoder()
    layers, number = decoder.layers, model.config.num_hidden_layers
    decoder.layers, model.config.num_hidden_layers = layers[:count], count
    try:
        yield
    finally:
        decoder.layers, model.config.num_hidden_layers = layers, number


def step_bytes(model: nn.Module, rows: int, tokens: int) -> tuple[StepBytes, StepBytes]:
    """What one training step takes on `rows` rows of `tokens` tokens, and on twice as many.

    Args:
        model: a PeftModel on the device "meta", in training mode. Its layers must repeat with a period of at most two: the step is run on
            two and on three of them and extended to all, each further layer adding what it keeps for the backward pass.
    """
    lm: Any = model.get_base_model()  # type: ignore[operator]  # a PeftModel
    total = lm.config.num_hidden_layers
    few = min(2, total)
    once, twice = _traced(lm, few, rows, tokens), _traced(lm, few, 2 * rows, tokens)
    if total <= 2:
        return once, twice
    further = _traced(lm, 3, rows, tokens)
    kept, peak = further.forward - once.forward, further.peak - once.peak
    single, double = (StepBytes(s.forward + (total - 2) * n * kept, s.peak + (total - 2) * n * peak) for n, s in ((1, once), (2, twice)))
    return single, double


def _traced(lm: Any, layers: int, rows: int, tokens: int) -> StepBytes:
    device = torch.device("meta")
    ids = torch.zeros(rows, tokens, dtype=torch.long, device=device)
    positions = torch.zeros(rows, tokens, dtype=torch.long, device=device)
    hooks = [p.register_post_accumulate_grad_hook(_drop_gradient) for p in lm.parameters() if p.requires_grad]
    with _layers(lm, layers), LiveBytes() as live:
        mask = torch.ones(rows, tokens, dtype=torch.long, device=device)
        hidden = lm.get_decoder()(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False).last_hidden_state
        forward = live.now
        gradient = torch.empty_like(hidden)
        torch.autograd.backward(hidden, gradient)
        del hidden, gradient
        peak = live.peak
    for hook in hooks:
        hook.remove()
    return StepBytes(forward, peak)


def _drop_gradient(parameter: Tensor) -> None:
    parameter.grad = None
