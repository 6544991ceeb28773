"""Where a round's training starts, and the SFT stage's schedule for it.

Rounds that took a tenth of the SFT stage's learning rate and one pass learned a fraction of what their rankings hold (docs/recipes.md).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from prefopt.errors import TrainingError
from recipes.options import RoundOptions
from recipes.sft import SftConfig

if TYPE_CHECKING:
    from prefopt.protocols import TrainingJob

Config = TypeVar("Config", bound=RoundOptions)


def follow_sft(config: Config, job: TrainingJob) -> Config:
    """The options with numbers in place of the zeros that mean "as in the SFT stage"."""
    found = {
        name: job.sft_options.get(name, SftConfig.model_fields[name].default)
        for name in ("num_train_epochs", "learning_rate")
        if not getattr(config, name)
    }
    return config.model_copy(update=found) if found else config


def started(job: TrainingJob, config: RoundOptions) -> TrainingJob:
    """The job with the adapter that the options start from in place of its parent. TrainingError where the job has none."""
    if config.start == "parent":
        return job
    if job.sft is None:
        raise TrainingError(
            "start is sft, and the job has no adapter of an SFT stage", hint='set start = "parent" under the recipe\'s name'
        )
    return replace(job, parent=job.sft)
