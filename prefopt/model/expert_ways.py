"""Which way a GPU computes how many rows of experts: measured once for a kind of card, and the same from then on.

A few products of one layer are timed as in decoding and as in training, from few rows to many, in both ways (prefopt.model.fused and
prefopt.model.grouped). Rows up to the last count at which decoding in registers was faster are computed so. The result is kept in the
user's cache under card, versions and shapes, so every later load on this machine chooses the same and computes the same bits. Both ways
must agree on each product; where the kernel does not run or computes something else, weights are written out and a warning says so.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from prefopt.model.expert_rows import ExpertRows
from prefopt.model.experts import FUSED_ROWS, ExpertStack, Mxfp4Experts, Way
from prefopt.model.file_facts import keep, recall
from prefopt.model.grouped import SCRATCH, scratch_of
from prefopt.model.out_of_memory import free_failed, is_out_of_memory

logger = logging.getLogger("prefopt.model")

COUNTS = ((4, False), (16, False), (64, False), (256, False), (1024, False), (2048, True), (8192, True))
"""Rows that are timed, and whether with their gradients: tokens times experts of a token."""
ALWAYS = 1 << 40
"""Rows up to which one way is used where it was faster at every count."""
_TIMES = 3  # each product is computed once to compile its kernels, then so often; the quickest counts
_RANK = 8
_APART = 0.02  # norm of the difference of both ways as a share of the norm; bfloat16 gives 0.003

Seconds = Callable[[Callable[[], Tensor]], float]
"""Of a product; the device is done when it returns."""


def choose_ways(model: nn.Module, card: str | None = None) -> None:
    """Set the rows up to which each stack of a loaded model is decoded while it is multiplied, by what was measured for its device.

    Args:
        model: its experts are on a CUDA device, and `scratch` is set.
        card: name of the devices; None to ask torch.
    """
    chosen: dict[torch.device, int] = {}
    for experts in model.modules():
        if not isinstance(experts, Mxfp4Experts):
            continue
        stacks, device = (experts.gate_up, experts.down), experts.gate_up.blocks.device
        if device not in chosen:
            chosen[device] = _kept_or_measured(stacks, experts.down_proj_bias.dtype, card or torch.cuda.get_device_name(device))
        for stack in stacks:
            stack.fused_rows = chosen[device]


def plan_ways(model: nn.Module, device: str, dtype: torch.dtype, memory: int | None, card: str | None) -> None:
    """Let the experts of a model without data be computed as those of a model on a device.

    Args:
        model: its experts are set.
        device: "cuda" or "cpu".
        dtype: that a loaded model computes in.
        memory: bytes of the device; None for enough.
        card: its name; what was measured for it on this machine is used.
    """
    rows: int | None = None
    for experts in model.modules():
        if not isinstance(experts, Mxfp4Experts):
            continue
        stacks = (experts.gate_up, experts.down)
        if rows is None:
            kept = kept_choice(card, stacks, dtype) if card else None
            rows = FUSED_ROWS if kept is None else kept
        for stack in stacks:
            stack.way, stack.fused_rows = ("at_once" if device == "cuda" else "loop"), rows
            stack.scratch = SCRATCH if memory is None else scratch_of(memory)


def kept_choice(card: str, stacks: Sequence[ExpertStack], dtype: torch.dtype) -> int | None:
    """Rows up to which such stacks are decoded while they are multiplied on a card of this machine; None where it was not measured."""
    try:
        return int((recall(_name(card, stacks, dtype)) or {})["fused_rows"])
    except (KeyError, ValueError):
        return None


def fused_rows(model: nn.Module) -> list[int]:
    """The choice for each stack of a model, in the order of its modules."""
    return [module.fused_rows for module in model.modules() if isinstance(module, ExpertStack)]


def use_fused_rows(model: nn.Module, rows: Sequence[int]) -> None:
    """Compute as in another process, whose choice was `fused_rows`."""
    stacks = [module for module in model.modules() if isinstance(module, ExpertStack)]
    for stack, count in zip(stacks, rows, strict=True):
        stack.fused_rows = count


def in_words(rows: int) -> str:
    """A choice, for people."""
    if rows >= ALWAYS:
        return "decoded while they are multiplied"
    return f"decoded while they are multiplied up to {rows:,} rows, else written out" if rows else "written out"


def _kept_or_measured(stacks: Sequence[ExpertStack], dtype: torch.dtype, card: str) -> int:
    kept = kept_choice(card, stacks, dtype)
    if kept is not None:
        return kept
    full, fault = False, ""
    try:
        rows = measured(stacks, dtype, _seconds)
    except Exception as error:  # of a compiler or a driver, of any kind: the other way computes the same
        full, fault, rows = is_out_of_memory(error), str(error), 0
    if full:
        free_failed()  # outside the except block, as there
        logger.warning("%s has no memory to measure experts in; they are %s", card, in_words(FUSED_ROWS))
        return FUSED_ROWS
    if fault:
        logger.warning("%s: experts cannot be decoded while they are multiplied, so they are written out: %s", card, fault)
        return 0
    keep(_name(card, stacks, dtype), {"fused_rows": str(rows)})
    logger.warning("measured on %s: experts are %s", card, in_words(rows))
    first = kept_choice(card, stacks, dtype)  # of another process, if that was quicker
    return rows if first is None else first


def _name(card: str, stacks: Sequence[ExpertStack], dtype: torch.dtype) -> str:
    """Of a record in the user's cache."""
    shapes = [[stack.num_experts, stack.in_features, stack.out_features] for stack in stacks]
    parts = [card, torch.__version__, torch.version.cuda, str(dtype), shapes, COUNTS]
    return f"ways/{hashlib.sha256(json.dumps(parts).encode()).hexdigest()}"


def measured(stacks: Sequence[ExpertStack], dtype: torch.dtype, seconds: Seconds) -> int:
    """The last of COUNTS up to which decoding was faster at every count, 0 for none, ALWAYS for all.

    Raises:
        ValueError: both ways do not agree on a product.
    """
    before, usual = 0, [stack.way for stack in stacks]
    try:
        for rows, gradients in COUNTS:
            spent: dict[Way, float] = {"grouped": 0.0, "fused": 0.0}
            for stack in stacks:
                product = _product_of(stack, dtype, rows, gradients=gradients)
                found = {}
                for way in spent:
                    stack.way = way
                    found[way] = product()
                    spent[way] += seconds(product)
                _refuse_different(found["fused"], found["grouped"], rows)
            if spent["fused"] >= spent["grouped"]:
                return before
            before = rows
        return ALWAYS
    finally:
        for stack, auto in zip(stacks, usual, strict=True):
            stack.way = auto


def _product_of(stack: ExpertStack, dtype: torch.dtype, rows: int, *, gradients: bool) -> Callable[[], Tensor]:
    """A function that computes a product of random rows, and their gradient in its place where asked for."""
    device = stack.blocks.device
    random = torch.Generator(device).manual_seed(rows)
    of_row = torch.arange(rows, device=device) * stack.num_experts // rows
    x = torch.randn(rows, stack.in_features, device=device, generator=random).to(dtype).requires_grad_(gradients)
    above = torch.randn(rows, stack.out_features, device=device, generator=random).to(dtype)
    sizes = (stack.in_features, stack.out_features)
    down, up = (torch.randn(stack.num_experts, _RANK, n, device=device, generator=random) / n**0.5 for n in sizes)
    down.requires_grad_(gradients)

    def product() -> Tensor:
        out: Tensor = stack(x, ExpertRows(of_row, stack.num_experts), down, up)
        return torch.autograd.grad(out, x, above)[0] if gradients else out

    return product


def _refuse_different(fused: Tensor, grouped: Tensor, rows: int) -> None:
    difference = float(torch.linalg.norm(fused.float() - grouped.float()) / torch.linalg.norm(grouped.float()))
    if not difference <= _APART:
        raise ValueError(f"a product of {rows} rows differs by {difference:.2g} of its norm from that of written-out weights")


def _seconds(product: Callable[[], Tensor]) -> float:
    """The shortest of a few times of a product."""
    best = float("inf")
    for _ in range(_TIMES):
        device = product().device  # the queue is not empty while the host prepares the timed one
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        begin = time.perf_counter()
        product()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - begin)
    return best
