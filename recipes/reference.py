"""The reference of dpo and kto: log-probabilities of one adapter, computed once before training and cached.

With them no second adapter is held in memory and no second forward pass is made. They are computed in the batches of the first epoch: the
same shapes give the same bits, so that on a CPU every reward before the first update is exactly 0, which invariants.check_zero_rewards
requires. When a cached file is used again, its digest, its size and the first batch, computed afresh, are compared.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import transformers
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from prefopt.errors import TrainingError
from prefopt.io.files import replacing
from prefopt.model.adapter_card import read_card
from prefopt.model.adapters import weights_of
from prefopt.model.packed import causal_lm
from prefopt.protocols import TrainingJob
from recipes import distributed
from recipes.invariants import adapter_digest, tolerance
from recipes.prompt_sharing import Batch, add_scoring, score
from recipes.tokenization import Row, digest_of, row_tokens
from recipes.training import Opened, refuse_other_lora

Collate = Callable[[list[Row]], Batch]

_FORMAT = 1
"""Increased when the computed values change."""


@dataclass(frozen=True)
class Reference:
    """The adapter that rewards are measured against."""

    cache: Path
    """Folder of computed log-probabilities."""
    adapter: Path | None = None
    """None: the parent, which the policy starts as."""


def reference_of(job: TrainingJob, reference: str) -> Reference:
    """The job's reference, "parent" or "sft", cached with the project, or during this run where the job has no cache.

    Raises:
        TrainingError: "sft", and there is no adapter of an SFT stage, or it has another LoRA shape than the parent.
    """
    cache = (job.folder / "checkpoints" if job.cache is None else job.cache) / "reference"
    if reference == "parent":
        return Reference(cache)
    if job.sft is None:
        raise TrainingError(
            "reference is sft, and the job has no adapter of an SFT stage", hint='set reference = "parent" under the recipe\'s name'
        )
    refuse_other_lora(job, read_card(job.sft))
    return Reference(cache, job.sft)


def add_reference(
    opened: Opened, rows: Sequence[Row], batches: Sequence[Sequence[int]], collate: Collate, reference: Reference
) -> list[Row]:
    """The rows with "reference": sums of log-probabilities of the row's completions under the reference. Where that is not the parent, also
    with "start", the same under the parent, for invariants.check_policy_is_parent.

    Args:
        opened: the base with the parent as its adapter "default", not trained yet.
        rows: of which `collate` makes batches.
        batches: indices of the rows in each batch of the first epoch; every row once.
        collate: rows -> what `pack` makes.
        reference: which adapter, and where its log-probabilities are cached.

    Raises:
        TrainingError: a log-probability is not finite, or a cached file is broken or not the adapter's.
        ModelError: the reference adapter is broken or another base's.
    """
    under_parent = log_probs_of(opened, rows, batches, collate, reference.cache)
    if reference.adapter is None:
        return [row | {"reference": values} for row, values in zip(rows, under_parent, strict=True)]
    with weights_of(opened.model, opened.base, reference.adapter):
        other = replace(opened, parent=adapter_digest(opened.model, "default"))
        under_other = log_probs_of(other, rows, batches, collate, reference.cache)
    return [row | {"reference": values, "start": start} for row, values, start in zip(rows, under_other, under_parent, strict=True)]


def log_probs_of(opened: Opened, rows: Sequence[Row], batches: Sequence[Sequence[int]], collate: Collate, cache: Path) -> list[list[float]]:
    """Sums of log-probabilities of each row's completions under the adapter "default", cached. Otherwise as `add_reference`."""
    key = _key(opened, rows, batches)
    path = cache / f"{key}.safetensors"
    values = distributed.from_main_process(lambda: _read(path, key, sum(map(len, batches))))
    if values is not None:
        first = _log_probs(opened, [rows[i] for i in batches[0]], collate)
        _refuse_different(first, values[: len(batches[0])], path, tolerance(opened.base.device))
    else:
        values = _computed(opened, rows, batches, collate)
        computed = values
        distributed.from_main_process(lambda: _write(path, key, computed))
    order = [i for batch in batches for i in batch]
    by_row: dict[int, list[float]] = dict(zip(order, values.tolist(), strict=True))
    return [by_row[i] for i in range(len(rows))]


def _computed(opened: Opened, rows: Sequence[Row], batches: Sequence[Sequence[int]], collate: Collate) -> Tensor:
    """Log-probabilities in the order of the batches, which the processes share in turns."""
    own = [_log_probs(opened, [rows[i] for i in batch], collate) for batch in batches[distributed.rank() :: distributed.world_size()]]
    turns = itertools.zip_longest(*distributed.all_gather(own))
    values = torch.cat([part for turn in turns for part in turn if part is not None])
    for i, value in zip((i for batch in batches for i in batch), values, strict=True):
        if not value.isfinite().all():
            raise TrainingError(
                f"problem {rows[i]['id']}: the reference's log-probability of an answer is not finite",
                hint="the adapter is broken; train the round that made it again",
            )
    return values


@torch.no_grad()
def _log_probs(opened: Opened, rows: list[Row], collate: Collate) -> Tensor:
    """Log-probabilities [B, k] of the rows' k completions."""
    add_scoring(causal_lm(opened.model), max(map(row_tokens, rows)))
    opened.model.eval()
    batch = {name: value.to(opened.base.device) for name, value in collate(rows).items()}
    log_probs = score(opened.model, batch, log_probs_only=True).log_probs
    opened.model.train()
    return log_probs.view(-1, len(rows)).t().cpu()


def _key(opened: Opened, rows: Sequence[Row], batches: Sequence[Sequence[int]]) -> str:
    """Names a cached file by all that the values depend on."""
    device = opened.base.device
    parts = {
        "format": _FORMAT,
        "parent": opened.parent,
        "base": opened.base.fingerprint,
        "rows": digest_of([{name: value for name, value in row.items() if name.endswith("_ids")} for row in rows]),
        "batches": [list(batch) for batch in batches],
        "dtype": str(next(causal_lm(opened.model).parameters()).dtype),
        "device": device.type if device.type == "cpu" else torch.cuda.get_device_name(device),
        "arithmetic": [torch.__version__, transformers.__version__, torch.backends.cpu.get_cpu_capability(), torch.get_num_threads()],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _digest(values: Tensor) -> str:
    return hashlib.sha256(values.contiguous().numpy().tobytes()).hexdigest()


def _write(path: Path, key: str, values: Tensor) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        save_file({"log_probs": values.contiguous()}, temporary, metadata={"key": key, "sha256": _digest(values)})


def _read(path: Path, key: str, rows: int) -> Tensor | None:
    if not path.exists():
        return None
    hint = f"delete {path}; it is computed again"
    try:
        with safe_open(path, "pt") as file:
            values: Tensor = file.get_tensor("log_probs")
            metadata = file.metadata()
    except (SafetensorError, OSError) as error:
        raise TrainingError(f"{path}: the cached reference cannot be read: {error}", hint=hint) from error
    if metadata != {"key": key, "sha256": _digest(values)} or len(values) != rows:
        raise TrainingError(f"{path}: the cached reference is not what was written ({len(values)} rows, {rows} expected)", hint=hint)
    return values


def _refuse_different(fresh: Tensor, cached: Tensor, path: Path, allowed: float) -> None:
    difference = (fresh - cached).abs().mean().item()
    if not difference <= allowed:
        raise TrainingError(
            f"{path}: the cached reference differs by {difference:.3g} nats on average from what the adapter computes now",
            hint=f"delete {path}; it is computed again",
        )
