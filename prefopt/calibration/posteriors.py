"""posteriors.parquet: the label posteriors of one adapter on the hold-out, with the gold labels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from prefopt.errors import CalibrationError


@dataclass(frozen=True)
class StoredPosteriors:
    """posteriors.parquet: natural log posteriors [N, L] over the labels, gold positions [N], probability mass before normalizing [N]."""

    problem_ids: tuple[str, ...]
    labels: tuple[str, ...]
    log_probs: NDArray[np.float64]
    gold: NDArray[np.int64]
    label_mass: NDArray[np.float64]
    single: NDArray[np.float64] | None = None
    """[N, L] after the first analysis alone, where several were averaged."""
    groups: tuple[str, ...] | None = None
    """Family of each problem; None in files of earlier versions, where every problem counts alone."""
    direct: NDArray[np.float64] | None = None
    """[N, L] without an analysis, where several were averaged: what servers are compared on, which sample other analyses."""


def joined(parts: Sequence[StoredPosteriors]) -> StoredPosteriors:
    """The parts one after the other; all are over the same labels."""
    singles = [part.single for part in parts if part.single is not None]
    directs = [part.direct for part in parts if part.direct is not None]
    return StoredPosteriors(
        tuple(name for part in parts for name in part.problem_ids),
        parts[0].labels,
        np.concatenate([part.log_probs for part in parts]),
        np.concatenate([part.gold for part in parts]),
        np.concatenate([part.label_mass for part in parts]),
        np.concatenate(singles) if singles else None,
        None if any(part.groups is None for part in parts) else tuple(name for part in parts for name in part.groups or ()),
        np.concatenate(directs) if len(directs) == len(parts) else None,
    )


def write_posteriors(path: Path, posteriors: StoredPosteriors) -> None:
    """Write posteriors.parquet, with the label ids in the metadata of its schema."""
    width = len(posteriors.labels)
    columns = {
        "problem_id": pa.array(posteriors.problem_ids, pa.string()),
        "gold": pa.array(posteriors.gold, pa.int32()),
        "label_mass": pa.array(posteriors.label_mass, pa.float64()),
    }
    if posteriors.groups is not None:
        columns["group"] = pa.array(posteriors.groups, pa.string())
    for name, values in (("log_probs", posteriors.log_probs), ("single", posteriors.single), ("direct", posteriors.direct)):
        if values is not None:
            flat = pa.array(np.ascontiguousarray(values, dtype=np.float64).ravel())
            columns[name] = pa.FixedSizeListArray.from_arrays(flat, width)
    table = pa.table(columns).replace_schema_metadata({"labels": json.dumps(posteriors.labels, ensure_ascii=False)})
    pq.write_table(table, path, compression="zstd")


def read_posteriors(path: Path) -> StoredPosteriors:
    """Read posteriors.parquet. Raises CalibrationError where the file is missing or is not one."""
    try:
        table = pq.read_table(path)
        labels = tuple(json.loads(table.schema.metadata[b"labels"]))
        log_probs, single, direct = (
            table[name].combine_chunks().flatten().to_numpy().reshape(table.num_rows, len(labels)) if name in table.column_names else None
            for name in ("log_probs", "single", "direct")
        )
        if log_probs is None:
            raise KeyError("no column log_probs")
    except (OSError, pa.ArrowInvalid, KeyError, TypeError, ValueError) as error:
        raise CalibrationError(
            f"{path} does not contain posteriors: {error}",
            hint="restore the file, or redo the round from there: prefopt round branch ROUND --at calibrate",
        ) from error
    gold = table["gold"].to_numpy().astype(np.int64)
    groups = tuple(table["group"].to_pylist()) if "group" in table.column_names else None
    names, mass = tuple(table["problem_id"].to_pylist()), table["label_mass"].to_numpy()
    return StoredPosteriors(names, labels, log_probs, gold, mass, single, groups, direct)
