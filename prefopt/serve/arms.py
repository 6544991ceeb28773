"""A comparison of two adapters while they serve: which of them answers whom, and what the other one would have answered.

paired: the adapter in use answers, and the other one's answer to the same problem is kept beside the record. split: each problem, or each
client, is drawn for one of the two by hash (prefopt.inuse.assignment).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prefopt.deploy.predictor import Prediction
from prefopt.inuse.assignment import Arm, arm_of, first_shown
from prefopt.inuse.records import SecondAnswer, Started
from prefopt.io.stage_folders import now
from prefopt.serve.loaded import Loaded


@dataclass(frozen=True)
class Arms:
    """The comparison that runs, with both adapters in memory."""

    started: Started
    loaded: Mapping[Arm, Loaded]
    in_use: Arm
    """The arm whose adapter is in use."""

    @property
    def other(self) -> Arm:
        """The arm whose adapter is not."""
        return "b" if self.in_use == "a" else "a"

    def of(self, text: str, client: str) -> Arm:
        """The arm that answers a problem."""
        started = self.started
        unit = client if started.unit == "client" else text
        return self.in_use if started.mode == "paired" or not unit else arm_of(started.id, unit, started.share)

    def second(self, prediction: str, found: Prediction) -> SecondAnswer:
        """What the other adapter answered to the problem of a prediction."""
        return SecondAnswer(
            prediction=prediction,
            at=now(),
            arm=self.other,
            label=found.label,
            probability=found.probability,
            adapter=found.adapter,
            round=self.loaded[self.other].round,
        )


def in_drawn_order(comparison: str, prediction: str, in_use: str, other: str, arm: Arm) -> tuple[str, str]:
    """Two labels as a teacher sees them: in an order by hash, so that neither says whose it is.

    Args:
        comparison: its id.
        prediction: id of the answer.
        in_use: the label that was answered.
        other: that of the other adapter.
        arm: of the other adapter.
    """
    return (other, in_use) if first_shown(comparison, prediction) == arm else (in_use, other)
