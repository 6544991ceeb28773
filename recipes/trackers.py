"""Trackers that `report_to` names keep to this machine, unless a person has set them up otherwise: nothing is sent anywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefopt.protocols import TrainingJob


def folder_of(job: TrainingJob) -> Path:
    """Where trackers write: with the project, or in the run's folder where there is none."""
    name = f"{job.round:03d}"
    return (job.folder if job.cache is None else job.cache) / "trackers" / name


@contextmanager
def kept_local(job: TrainingJob) -> Iterator[None]:
    """Inside, each tracker writes below `folder_of(job)`; a variable that is set already is left as it is."""
    folder = folder_of(job).resolve()
    wanted = {
        "TENSORBOARD_LOGGING_DIR": str(folder / "tensorboard"),
        "TRACKIO_DIR": str(folder / "trackio"),
        "WANDB_DIR": str(folder),
        "WANDB_MODE": "offline",
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
    }
    added = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
