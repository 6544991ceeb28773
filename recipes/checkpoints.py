"""Complete checkpoints, and resuming from the newest.

A checkpoint is complete when it holds the file `complete`, which is renamed into place last. Any other checkpoint is deleted before a run
resumes. `checkpoints/job` names what the run is trained on, so that a run never resumes from another one's weights.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from prefopt.errors import TrainingError
from prefopt.io.files import sync, sync_tree, write_text
from prefopt.io.strict import json_value
from prefopt.model.expert_ways import fused_rows, use_fused_rows
from recipes import distributed

MARK = "complete"


def mark_complete(checkpoint: Path) -> None:
    """Flush all files of a checkpoint to the disk, then mark it."""
    sync_tree(checkpoint)
    write_text(checkpoint / MARK, "")
    sync(checkpoint.parent)


def newest_complete(folder: Path, job: str) -> Path | None:
    """The newest complete checkpoint under `folder`, which is made if it is missing; incomplete ones are deleted.

    Args:
        folder: the checkpoints/ folder of a job.
        job: digest of the run (data, options, seed, parent, base); must be the one the checkpoints were made for.

    Raises:
        TrainingError: the checkpoints belong to another run.
    """
    name = folder / "job"
    folder.mkdir(parents=True, exist_ok=True)
    checkpoints = [path for path in folder.iterdir() if path.is_dir() and path.name.startswith("checkpoint-")]
    complete = [path for path in checkpoints if (path / MARK).exists() and name.exists()]
    if complete and name.read_text() != job:  # a run that ended before its first checkpoint leaves nothing to resume from
        raise TrainingError(
            f"{folder} holds checkpoints of another run (other data, options, seed, parent or base)",
            hint=f"delete {folder} to start from the beginning",
        )
    for path in set(checkpoints) - set(complete):
        shutil.rmtree(path)
    write_text(name, job)
    return max(complete, key=lambda path: int(path.name.removeprefix("checkpoint-")), default=None)


def compute_experts_as(folder: Path, model: Any, *, resumed: bool) -> None:
    """Let a run that resumes compute its experts in the ways in which it began, which `folder` keeps: what a card was measured to do best
    may be another card's, or measured again, and other kernels give other last bits.
    """
    note = folder / "experts"

    def kept() -> list[int]:
        if resumed and note.exists():
            known: list[int] = json_value(note.read_bytes())
            return known
        write_text(note, json.dumps(fused_rows(model)))
        return fused_rows(model)

    use_fused_rows(model, distributed.from_main_process(kept))


def discard(checkpoints: Path) -> None:
    """Delete a run's checkpoints. They are renamed first: killed in the middle, no checkpoint is left that is marked and has lost files."""
    gone = checkpoints.with_name(f".{checkpoints.name}.discarded")
    shutil.rmtree(gone, ignore_errors=True)
    checkpoints.rename(gone)
    sync(checkpoints.parent)
    shutil.rmtree(gone)
