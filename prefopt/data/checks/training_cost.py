"""Estimate an SFT run: rows, steps and tokens are counted, time and memory are computed from stated assumptions.

Operations: 6 N T for N active parameters and T tokens: 2 forward, 2 backward (frozen weights need no weight gradient), 2 for recomputed
activations (Kaplan et al. 2020, adapted to LoRA). In practice a GPU reaches between LOW and HIGH of its peak, so hours are a range. Memory
is the minimum for weights and LoRA state; activations come on top.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefopt.config import AdapterSettings
from prefopt.errors import ModelError

LOW, HIGH = 0.08, 0.35  # share of the peak: experts dequantized one by one with eager attention; fused kernels
PEAKS: Mapping[str, tuple[float, int]] = {
    # dense bf16 teraflops and GiB of memory, from the vendors' data sheets
    "RTX 4090 24 GB": (165, 24),
    "L4 24 GB": (121, 24),
    "L40S 48 GB": (362, 48),
    "A100 80 GB": (312, 80),
    "H100 80 GB": (989, 80),
    "H200 141 GB": (989, 141),
}


@dataclass(frozen=True)
class ModelSize:
    """Parameters of a checkpoint, counted from its config.json."""

    total: float
    active: float
    """Used for one token: attention, embedding's output and the experts that are routed to."""
    expert_bytes: float
    other_bytes: float
    lora: float
    """Trained parameters of the adapter."""


def model_size(folder: Path, adapter: AdapterSettings) -> ModelSize:
    """Sizes of a gpt-oss checkpoint. Raises ModelError where config.json is missing or of another architecture."""
    try:
        c = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if c["model_type"] != "gpt_oss":
            raise ModelError(f"{folder}: sizes are known for gpt_oss, this is {c['model_type']}", hint="leave out the cost estimate")
        h, i, layers, experts = c["hidden_size"], c["intermediate_size"], c["num_hidden_layers"], c["num_local_experts"]
        heads, groups, width = c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"]
        vocabulary, routed = c["vocab_size"], c["num_experts_per_tok"]
    except (OSError, KeyError, ValueError) as error:
        raise ModelError(f"{folder / 'config.json'} cannot be read: {type(error).__name__}: {error}") from None
    attention = h * width * (2 * heads + 2 * groups)
    expert = 3 * h * i
    other = layers * (attention + h * experts) + 2 * vocabulary * h
    pairs = [(h, heads * width), (h, groups * width), (h, groups * width), (heads * width, h)]
    lora = adapter.rank * layers * sum(a + b for a, b in pairs)
    if adapter.experts:
        lora += adapter.rank * layers * experts * ((h + 2 * i) + (i + h))
    return ModelSize(
        total=other + layers * experts * expert,
        active=layers * (attention + h * experts + routed * expert) + vocabulary * h,
        expert_bytes=layers * experts * expert * 17 / 32,  # MXFP4: 4 bits and one scale byte for 32 weights
        other_bytes=2 * other,
        lora=lora,
    )


@dataclass(frozen=True)
class Run:
    """Counts of one SFT run."""

    rows: int
    epochs: float
    rows_per_step: int
    tokens: int
    """Of all rows, once."""

    @property
    def steps(self) -> int:
        return math.ceil(self.epochs * math.ceil(self.rows / self.rows_per_step))  # as recipes/schedule.py: an epoch ends with its update

    @property
    def trained_tokens(self) -> int:
        return round(self.tokens * self.epochs)


def estimate(run: Run, size: ModelSize, *, hourly: float | None = None, per_million: float | None = None) -> dict[str, Any]:
    """Estimate steps, tokens, least memory, and hours on common GPUs as [fast, slow]; prices where a tariff is given.

    Args:
        run: counts of the run.
        size: of the model.
        hourly: price of a GPU hour.
        per_million: price of a million trained tokens.
    """
    operations = 6 * size.active * run.trained_tokens
    memory = (size.expert_bytes + size.other_bytes + 16 * size.lora) / 2**30  # LoRA in fp32: weight, gradient, Adam's two moments
    machines = []
    for name, (peak, gib) in PEAKS.items():
        hours = [operations / (peak * 1e12 * share) / 3600 for share in (HIGH, LOW)]
        row: dict[str, Any] = {"machine": name, "hours": [round(h, 6) for h in hours], "weights fit": gib * 0.95 > memory}
        if hourly is not None:
            row["price"] = [round(h * hourly, 2) for h in hours]
        machines.append(row)
    estimated: dict[str, Any] = {
        "rows": run.rows,
        "epochs": run.epochs,
        "steps": run.steps,
        "trained tokens": run.trained_tokens,
        "active parameters": round(size.active),
        "least memory GiB": round(memory, 1),
        "machines": machines,
        "this machine": this_machine(operations),
    }
    if per_million is not None:
        estimated["price by tokens"] = round(run.trained_tokens / 1e6 * per_million, 2)
    return estimated


def this_machine(operations: float) -> dict[str, Any]:
    """Hours on this machine's CPU, from the speed of a matrix product that is measured for a fifth of a second."""
    import time

    import numpy as np

    a = np.ones((768, 768), dtype=np.float32)
    a @ a
    started, products = time.perf_counter(), 0
    while time.perf_counter() - started < 0.2:
        a @ a
        products += 1
    speed = products * 2 * 768**3 / (time.perf_counter() - started)
    return {"gigaflops": round(speed / 1e9), "hours": [round(operations / (speed * share) / 3600, 6) for share in (HIGH, LOW)]}
