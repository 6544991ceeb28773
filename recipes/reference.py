"""The parent's log-probabilities, computed once before training and kept under the name of all that they depend on.

With them no second adapter lies in memory and no second forward pass is made. They are computed in the batches of the first epoch: the same
shapes give the same bits, so that on a CPU every reward before the first update is exactly 0, which guards.refuse_rewards asks for.
Used again, what is stored is checked: its own digest, its size, and the first batch computed afresh.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
import transformers
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from prefopt.errors import TrainingError
from prefopt.io.files import replacing
from prefopt.model.adapters import weights_of
from prefopt.model.posterior import causal_lm
from recipes import processes
from recipes.guards import adapter_digest, tolerance
from recipes.rows import Row, content
from recipes.shared import add_scoring, score
from recipes.training import Opened

_FORMAT = 1
"""Counts up when what is computed changes."""


def add_reference(
    opened: Opened, rows: Sequence[Row], batches: Sequence[Sequence[int]], collate: Callable[[list[Row]], dict[str, Tensor]], folder: Path
) -> list[Row]:
    """The rows with "reference": the parent's sum of log-probabilities of each of the row's completions.

    Args:
        opened: the base with the parent as its adapter "default", not trained yet.
        batches: indices of the rows in each batch of the first epoch; every row once.
        collate: rows -> what `pack` gives.
        folder: where results are kept between runs.

    Raises:
        TrainingError: the parent gives a value that is not finite, or what is stored is broken or not the parent's.
    """
    key = _key(opened, rows, batches)
    path = folder / f"{key}.safetensors"
    stored = processes.from_first(lambda: _read(path, key, sum(map(len, batches))))
    if stored is not None:
        first = _score(opened, [rows[i] for i in batches[0]], collate)
        _refuse_other(first, stored[: len(batches[0])], path, tolerance(opened.base.device))
        values = stored
    else:
        own = [_score(opened, [rows[i] for i in batch], collate) for batch in batches[processes.number() :: processes.count()]]
        turns = itertools.zip_longest(*processes.gathered(own))
        values = torch.cat([found for turn in turns for found in turn if found is not None])
        if not bool(torch.isfinite(values).all()):
            bad = next(i for i, value in zip((i for batch in batches for i in batch), values, strict=True) if not value.isfinite().all())
            raise TrainingError(
                f"problem {rows[bad]['id']}: the parent's log-probability of an answer is not finite",
                hint="the parent adapter is broken; train the round it comes from again",
            )
        processes.from_first(lambda: _write(path, key, values))
    order = [i for batch in batches for i in batch]
    reference = dict(zip(order, values.tolist(), strict=True))
    return [row | {"reference": reference[i]} for i, row in enumerate(rows)]


def add_references(
    opened: Opened,
    rows: Sequence[Row],
    batches: Sequence[Sequence[int]],
    collate: Callable[[list[Row]], dict[str, Tensor]],
    folder: Path,
    kept: Path | None,
) -> list[Row]:
    """The rows with "reference" of the parent; or, where another adapter is kept as the reference (that of the SFT stage), of that one, and
    with "start" of the parent, where the policy begins. Otherwise as `add_reference`.

    Raises:
        TrainingError: as `add_reference`. ModelError: the kept adapter is broken or another base's.
    """
    starts = add_reference(opened, rows, batches, collate, folder)
    if kept is None:
        return starts
    with weights_of(opened.model, opened.base, kept):
        other = replace(opened, parent=adapter_digest(opened.model, "default"))
        found = add_reference(other, rows, batches, collate, folder)
    return [row | {"start": start["reference"]} for row, start in zip(found, starts, strict=True)]


@torch.no_grad()
def _score(opened: Opened, rows: list[Row], collate: Callable[[list[Row]], dict[str, Tensor]]) -> Tensor:
    """Log-probabilities [B, k] of the rows' k completions under the parent."""
    add_scoring(causal_lm(opened.model))
    opened.model.eval()
    batch = {name: value.to(opened.base.device) for name, value in collate(rows).items()}
    found = score(opened.model, batch, measured=False).log_probs
    opened.model.train()
    return found.view(-1, len(rows)).t().cpu()


def _key(opened: Opened, rows: Sequence[Row], batches: Sequence[Sequence[int]]) -> str:
    device = opened.base.device
    parts = {
        "format": _FORMAT,
        "parent": opened.parent,
        "base": opened.base.fingerprint,
        "rows": content([{name: value for name, value in row.items() if name.endswith("_ids")} for row in rows]),
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
    hint = f"remove {path}: it is computed again"
    try:
        with safe_open(path, "pt") as file:
            values, facts = file.get_tensor("log_probs"), file.metadata()
    except (SafetensorError, OSError) as error:
        raise TrainingError(f"{path}: the stored reference cannot be read: {error}", hint=hint) from error
    if facts != {"key": key, "sha256": _digest(values)} or len(values) != rows:
        raise TrainingError(f"{path}: the stored reference is not what was written ({len(values)} rows, {rows} wanted)", hint=hint)
    return values


def _refuse_other(fresh: Tensor, stored: Tensor, path: Path, allowed: float) -> None:
    apart = (fresh - stored).abs().max().item()
    if not apart <= allowed:
        raise TrainingError(
            f"{path}: the stored reference is {apart:.3g} away from what the parent adapter gives now",
            hint=f"remove {path}: it is computed again",
        )
