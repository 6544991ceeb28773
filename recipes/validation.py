"""A validation split: rows set aside, scored at every checkpoint; a run ends early where they get no better, with the best adapter.

The rows come from the round's own training data. The hold-out has no part in it: it judges adapters, and must not choose them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Protocol

from transformers import TrainerCallback

from prefopt.errors import TrainingError
from recipes.rows import Row


class Validating(Protocol):
    """The options of a recipe that validates."""

    @property
    def validation_share(self) -> float: ...
    @property
    def patience(self) -> int: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def save_steps(self) -> int: ...


def set_aside(rows: Sequence[Row], options: Validating, seed: int) -> tuple[list[Row], list[Row]]:
    """(rows to train, rows to validate): all rows of a problem on one side, rehearsed examples always trained. Drawn with the seed.

    Raises:
        TrainingError: one side would be empty.
    """
    if not options.validation_share:
        return list(rows), []
    names = sorted({row["id"] for row in rows if not row.get("example", False)})
    drawn = set(random.Random(f"{seed} validation").sample(names, round(options.validation_share * len(names))))  # noqa: S311 - no secret
    if not drawn or len(drawn) == len(names):
        raise TrainingError(
            f"validation_share = {options.validation_share:g} of {len(names)} problems leaves {len(names) - len(drawn)} to train",
            hint="set it to 0, or collect more rankings",
        )
    held = [row["id"] in drawn and not row.get("example", False) for row in rows]
    return [row for row, h in zip(rows, held, strict=True) if not h], [row for row, h in zip(rows, held, strict=True) if h]


def evaluation(options: Validating) -> dict[str, Any]:
    """Settings of a trainer that evaluates at every checkpoint and ends with the best one; none without validation."""
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


class Patience(TrainerCallback):  # type: ignore[misc]  # transformers is not followed by mypy
    """Ends a run whose validation loss has not fallen at `patience` checkpoints in a row. Reads the log, so that a run that goes on knows
    what was before. It must come before what writes metrics.
    """

    def __init__(self, patience: int) -> None:
        self._patience = patience

    def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if "eval_loss" not in state.log_history[-1]:
            return
        seen = [(entry["eval_loss"], entry["step"]) for entry in state.log_history if "eval_loss" in entry]
        best, step = min(seen)
        since = len(seen) - 1 - seen.index((best, step))
        if since >= self._patience:
            why = f"the validation loss was lowest at step {step} ({best:.4f}), {since} checkpoints ago; the adapter is that of step {step}"
            state.log_history[-1]["stopped"] = why
            control.should_training_stop = True
