"""The training job of a round outside the `train` stage: for the processes of accelerate, and for `prefopt tune`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefopt.project.project import Round
from prefopt.protocols import OnStep, Recipe, TrainingJob, ignore_steps
from prefopt.rounds.frozen import refuse_edited
from prefopt.rounds.machine import load_inputs
from prefopt.rounds.reading import Reader
from prefopt.rounds.stages.train import job_of, train


def round_job(
    rnd: Round, folder: Path, *, recipe: tuple[Recipe, Any] | None = None, on_step: OnStep = ignore_steps
) -> tuple[Recipe, Any, TrainingJob]:
    """Read and verify what the `train` stage declares, and make a job of it.

    Args:
        rnd: the round.
        folder: where the recipe writes.
        recipe: recipe and options in place of the round's.
        on_step: progress.

    Returns:
        recipe, options, job.

    Raises:
        PrefoptError: an earlier stage is not done, a file is not the one that its stage wrote, or the round has no rows for the recipe.
    """
    refuse_edited(rnd)
    values = load_inputs(train, Reader(rnd, recipe=recipe))
    chosen, options = values.pop("recipe")
    job = job_of(rnd.key, chosen, rnd.config, folder=folder, cache=rnd.project.cache, on_step=on_step, **values)
    return chosen, options, job
