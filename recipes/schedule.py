"""How many updates a run makes, and the learning rate of each: a warm-up, then linear, cosine or constant. Without torch.

transformers' schedules have rate 0 at the first update of a warm-up, so that a run as short as its warm-up learns nothing, and any other
loses its first update. Here no update has rate 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from recipes.validation import split_validation

if TYPE_CHECKING:
    from recipes.options import TrainingOptions, ValidationOptions
    from recipes.tokenization import Row

FEWEST_WITH_WARMUP = 10
"""Updates of a run below which it has no warm-up."""


def planned_updates(rows: int, options: TrainingOptions) -> int:
    """Updates of a run over this many rows, as transformers' trainer counts them: those of an epoch, times the epochs, rounded up."""
    return math.ceil(options.num_train_epochs * options.updates_per_epoch(rows)) if rows else 0


def rows_to_train_on(problems: Sequence[str], examples: int, options: ValidationOptions, seed: int) -> int:
    """Rows of a run without those that its options set aside for validation.

    Args:
        problems: of each row of the round's own, the id of its problem.
        examples: number of rehearsed examples, which are never set aside.
        options: of the recipe.
        seed: of the job.

    Raises:
        TrainingError: as split_validation.
    """
    rows: list[Row] = [{"id": problem} for problem in problems]
    return len(split_validation(rows, options, seed)[0]) + examples


def warmup_updates(ratio: float, updates: int) -> int:
    """Updates of the warm-up: this share of all, rounded up; none in a run of fewer than ten."""
    return 0 if updates < FEWEST_WITH_WARMUP else math.ceil(ratio * updates)


def rate_factor(update: int, *, updates: int, warmup: int, kind: str) -> float:
    """What the learning rate is multiplied by at an update: in (0, 1] at each of the run.

    Args:
        update: from 0. At `updates`, when the run is over, the factor may be 0.
        updates: of the run.
        warmup: of these, the first ones, at which the factor rises from 1 / (warmup + 1).
        kind: "linear" and "cosine" fall to 0 at the end of the run, "constant" and "constant_with_warmup" stay at 1. "constant" has no
            warm-up.

    Raises:
        ValueError: another kind.
    """
    if kind == "constant":
        return 1.0
    if update < warmup:
        return (update + 1) / (warmup + 1)
    left = max(0.0, (updates - update) / max(1, updates - warmup))
    if kind == "linear":
        return left
    if kind == "cosine":
        return math.sin(math.pi / 2 * left) ** 2  # (1 + cos(pi * (1 - left))) / 2, which rounds to 0 where little is left
    if kind == "constant_with_warmup":
        return 1.0
    raise ValueError(f"no learning rate schedule {kind!r}; there are linear, cosine, constant and constant_with_warmup")
