"""Complete checkpoints, and going on from the newest.

A checkpoint is complete when it holds the file `complete`, which is put there last by one rename. Everything else is taken away before
a run goes on. `checkpoints/job` names what the run is trained on, so that a run never goes on from another one's weights.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from prefopt.errors import TrainingError
from prefopt.io.files import sync, sync_tree, write_text

MARK = "complete"


def mark_complete(checkpoint: Path) -> None:
    """Make all files of a checkpoint durable, then mark it."""
    sync_tree(checkpoint)
    write_text(checkpoint / MARK, "")
    sync(checkpoint.parent)


def newest_complete(folder: Path, job: str) -> Path | None:
    """The newest complete checkpoint under `folder`, which is made where it is missing; incomplete ones are removed.

    Args:
        folder: the checkpoints/ folder of a job.
        job: content of the run (data, options, seed, parent, base); must be the one the checkpoints were made for.

    Raises:
        TrainingError: the checkpoints belong to another run.
    """
    name = folder / "job"
    if name.exists() and name.read_text() != job:
        raise TrainingError(
            f"{folder} holds checkpoints of another run (other data, options, seed, parent or base)",
            hint=f"remove {folder} to start again",
        )
    folder.mkdir(parents=True, exist_ok=True)
    found = [path for path in folder.iterdir() if path.is_dir() and path.name.startswith("checkpoint-")]
    complete = [path for path in found if (path / MARK).exists() and name.exists()]
    for path in set(found) - set(complete):
        shutil.rmtree(path)
    write_text(name, job)
    return max(complete, key=lambda path: int(path.name.removeprefix("checkpoint-")), default=None)
