"""A validation split: rows set aside and scored at every checkpoint. callbacks.EarlyStopping ends the run by them.

The rows are part of the round's own training data. The hold-out is not used: it judges adapters, and must not choose them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from prefopt.errors import TrainingError
from recipes.options import ValidationOptions
from recipes.tokenization import Row


def split_validation(rows: Sequence[Row], options: ValidationOptions, seed: int) -> tuple[list[Row], list[Row]]:
    """(rows to train on, rows to validate on), drawn with the seed: all rows of a problem on one side, rehearsed examples always trained.

    Raises:
        TrainingError: one side would be empty.
    """
    if not options.validation_share:
        return list(rows), []
    names = sorted({row["id"] for row in rows if not row.get("example", False)})
    drawn = set(random.Random(f"{seed} validation").sample(names, round(options.validation_share * len(names))))  # noqa: S311 - seeded
    if not drawn or len(drawn) == len(names):
        raise TrainingError(
            f"validation_share = {options.validation_share:g} of {len(names)} problems sets {len(drawn)} aside and leaves "
            f"{len(names) - len(drawn)} to train on: one side is empty",
            hint="set validation_share = 0 under the recipe's name",
        )
    train: list[Row] = []
    validation: list[Row] = []
    for row in rows:
        (validation if row["id"] in drawn and not row.get("example", False) else train).append(row)
    return train, validation


def evaluation_arguments(options: ValidationOptions) -> dict[str, Any]:
    """Arguments of a trainer that evaluates at every checkpoint and ends with the best one; none without validation."""
    if not options.validation_share:
        return {}
    return {
        "eval_strategy": "steps",
        "eval_steps": options.save_steps,
        "per_device_eval_batch_size": options.batch_size,
        "load_best_model_at_end": True,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
    }
