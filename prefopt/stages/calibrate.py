"""calibrate: posteriors of the round's adapter on the hold-out, judged against the gold labels and against the parent's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from prefopt.errors import CalibrationError, DataError
from prefopt.project import ProjectData, Round
from prefopt.stages import Facts, StageContext
from prefopt.store import write_text

if TYPE_CHECKING:
    from prefopt.model.policy import Posteriors

NAME = "calibrate"


@dataclass(frozen=True)
class StoredPosteriors:
    """posteriors.parquet: natural log posteriors [N, L] over the labels, gold positions [N], probability mass before normalising [N]."""

    problem_ids: tuple[str, ...]
    labels: tuple[str, ...]
    log_probs: NDArray[np.float64]
    gold: NDArray[np.int64]
    coverage: NDArray[np.float64]


def inputs(round_: Round) -> dict[str, Path]:
    files = {**round_.data_files, "adapter": round_.adapter}
    if round_.parent is not None:
        files["parent posteriors"] = round_.parent.stage("calibrate") / "posteriors.parquet"
    return files


def run(context: StageContext) -> Facts:
    """Writes posteriors.parquet and calibration.json."""
    from prefopt.calibration import evaluate

    round_, config = context.round, context.round.config
    data = round_.load()
    if not data.holdout:
        raise DataError(
            "no problem is held out: nothing can be judged", path=round_.data_file("gold"), hint="add gold problems or raise data.holdout"
        )
    own = stored(data, score(round_, round_.adapter, data, context))
    write_posteriors(context.out / "posteriors.parquet", own)
    parent = None if round_.parent is None else parent_log_probs(round_, data, context)
    result = evaluate(
        own.log_probs,
        own.gold,
        own.problem_ids,
        data.taxonomy,
        config.calibrate,
        round_.config.project.seed,
        parent_log_probs=parent,
        coverage=own.coverage,
    )
    write_text(context.out / "calibration.json", result.model_dump_json(indent=2) + "\n")
    return {
        "problems": len(own.problem_ids),
        "accuracy": result.accuracy.value,
        "accuracy_low": result.accuracy.low,
        "accuracy_high": result.accuracy.high,
        "brier": result.brier.value,
        "ece_debiased": result.ece.debiased.value,
    }


def score(round_: Round, adapter: Path, data: ProjectData, context: StageContext) -> Posteriors:
    """Posteriors of an adapter on the hold-out."""
    from prefopt.model.policy import Policy

    config = round_.config
    policy = Policy.open(config.model, adapter, config.prompt, config.answer, data.taxonomy)
    return policy.posterior(
        data.holdout,
        analyses=config.posterior.analyses,
        batch_size=config.posterior.batch_size,
        memory_mb=config.posterior.memory_mb,
        seed=config.project.seed,  # the same draws in every round: rounds are compared in pairs
        on_step=lambda done, total, _: context.on_step(done, total, "posteriors of the hold-out"),
    )


def stored(data: ProjectData, posteriors: Posteriors) -> StoredPosteriors:
    """Posteriors beside the gold labels, in the order of the hold-out."""
    gold = [data.taxonomy.index(p.label) for p in data.holdout if p.label is not None]
    return StoredPosteriors(
        tuple(posteriors.problem_ids), data.taxonomy.ids, posteriors.log_probs, np.asarray(gold, dtype=np.int64), posteriors.coverage
    )


def parent_log_probs(round_: Round, data: ProjectData, context: StageContext) -> NDArray[np.float64]:
    """The parent's posteriors on the same problems: as stored, or scored again where hold-out or taxonomy have grown since."""
    parent = round_.parent
    assert parent is not None  # noqa: S101  # run() asks only then
    known = read_posteriors(parent.stage("calibrate") / "posteriors.parquet")
    rows = {name: i for i, name in enumerate(known.problem_ids)}
    if known.labels == data.taxonomy.ids and all(p.id in rows for p in data.holdout):
        return np.asarray(known.log_probs[[rows[p.id] for p in data.holdout]])
    return score(round_, parent.adapter, data, context).log_probs


def write_posteriors(path: Path, posteriors: StoredPosteriors) -> None:
    """Write posteriors.parquet; the label ids stand in the schema's metadata."""
    width = len(posteriors.labels)
    flat = pa.array(np.ascontiguousarray(posteriors.log_probs, dtype=np.float64).ravel())
    table = pa.table(
        {
            "problem_id": pa.array(posteriors.problem_ids, pa.string()),
            "gold": pa.array(posteriors.gold, pa.int32()),
            "coverage": pa.array(posteriors.coverage, pa.float64()),
            "log_probs": pa.FixedSizeListArray.from_arrays(flat, width),
        }
    ).replace_schema_metadata({"labels": json.dumps(posteriors.labels, ensure_ascii=False)})
    pq.write_table(table, path, compression="zstd")


def read_posteriors(path: Path) -> StoredPosteriors:
    """Read posteriors.parquet. Raises CalibrationError where it is no such file."""
    try:
        table = pq.read_table(path)
        labels = tuple(json.loads(table.schema.metadata[b"labels"]))
        log_probs = table["log_probs"].combine_chunks().flatten().to_numpy().reshape(table.num_rows, len(labels))
    except (OSError, pa.ArrowInvalid, KeyError, TypeError, ValueError) as error:
        raise CalibrationError(f"{path} holds no posteriors: {error}", hint="restore the file") from error
    gold = table["gold"].to_numpy().astype(np.int64)
    return StoredPosteriors(tuple(table["problem_id"].to_pylist()), labels, log_probs, gold, table["coverage"].to_numpy())
