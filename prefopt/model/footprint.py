"""Memory of a training step, counted without using it: the step runs on tensors that have shapes and no data (device "meta").

Every storage that an operation creates is counted while it exists, so the count follows the code of the real step: attention, one expert
at a time, recomputation under gradient checkpointing. It excludes everything but tensors: the process, libraries, an allocator's gaps.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from prefopt.model.counted import StepBytes


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch declares its __init_subclass__ untyped
    """Context that counts the bytes of the storages created inside it: `now`, and `peak`, the maximum of `now`."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.now = self.peak = 0
        self._known: dict[int, Any] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        before = {id(leaf.untyped_storage()) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._count(leaf.untyped_storage(), before)
        return result

    def _count(self, storage: torch.UntypedStorage, before: set[int]) -> None:
        key = id(storage)
        if key in before or key in self._known:  # a view, or a result written into an argument
            return
        size = storage.nbytes()
        self._known[key] = weakref.finalize(storage, self._forget, key, size)  # runs when the storage is freed
        self.now += size
        self.peak = max(self.peak, self.now)

    def _forget(self, key: int, size: int) -> None:
        del self._known[key]
        self.now -= size


@contextmanager
def _layers(model: Any, count: int) -> Iterator[None]:
    """Reduce a decoder to its first `count` layers while the body runs."""
    decoder = model.get_decoder()
    layers, number = decoder.layers, model.config.num_hidden_layers
    decoder.layers, model.config.num_hidden_layers = layers[:count], count
    try:
        yield
    finally:
        decoder.layers, model.config.num_hidden_layers = layers, number


def step_bytes(model: nn.Module, rows: int, tokens: int) -> tuple[StepBytes, StepBytes]:
    """Memory of one training step with `rows` rows, and of one with twice as many.

    The step runs on two layers and on three; the difference is the share of each further layer.

    Args:
        model: a PeftModel on the device "meta", in training mode. Its layers must repeat with a period of at most two.
        rows: rows in a forward pass.
        tokens: length of a row.
    """
    lm: Any = model.get_base_model()  # type: ignore[operator]  # a PeftModel
    total = lm.config.num_hidden_layers
    few = min(2, total)
    once, twice = _traced(lm, few, rows, tokens), _traced(lm, few, 2 * rows, tokens)
    if total <= 2:
        return once, twice
    further = _traced(lm, 3, rows, tokens)
    kept, peak = further.forward - once.forward, further.peak - once.peak
    single, double = (
        StepBytes(forward=s.forward + (total - 2) * n * kept, peak=s.peak + (total - 2) * n * peak) for n, s in ((1, once), (2, twice))
    )
    return single, double


def _traced(lm: Any, layers: int, rows: int, tokens: int) -> StepBytes:
    """Run one forward and backward pass of the decoder, without the head, on the first `layers` layers."""
    device = torch.device("meta")
    ids = torch.zeros(rows, tokens, dtype=torch.long, device=device)
    positions = torch.zeros(rows, tokens, dtype=torch.long, device=device)
    # gradients of parameters are a part of the plan of their own, so they must not count as activations
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
    return StepBytes(forward=forward, peak=peak)


def _drop_gradient(parameter: Tensor) -> None:
    parameter.grad = None
