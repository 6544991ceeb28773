"""Trackers named in `report_to` write to this machine only, unless their own environment variables are set."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefopt.protocols import TrainingJob


def tracker_folder(job: TrainingJob) -> Path:
    """Where trackers write: in the job's cache, or in the run's folder where the job has no cache."""
    name = f"{job.round:03d}"
    return (job.folder if job.cache is None else job.cache) / "trackers" / name


@contextmanager
def local_trackers(job: TrainingJob) -> Iterator[None]:
    """Inside, each tracker writes below `tracker_folder(job)`; an environment variable that is set already is kept."""
    folder = tracker_folder(job).resolve()
    variables = {
        "TENSORBOARD_LOGGING_DIR": str(folder / "tensorboard"),
        "TRACKIO_DIR": str(folder / "trackio"),
        "WANDB_DIR": str(folder),
        "WANDB_MODE": "offline",
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
    }
    added = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
