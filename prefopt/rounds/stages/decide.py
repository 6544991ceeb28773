"""decide: promote, hold or reject the round's adapter by the written rule (docs/decision.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefopt.config import ProjectConfig
from prefopt.project.project import RoundKey
from prefopt.records import Decision
from prefopt.rounds.artifacts import ADAPTER, CALIBRATION, DECISION, POSTERIORS
from prefopt.rounds.looks import Looks, PastLooks
from prefopt.rounds.stage import Outcome, Produced, stage

if TYPE_CHECKING:
    from prefopt.calibration.result import Calibration


class DecideOutcome(Outcome):
    """What was decided, and on which grounds."""

    decision: Decision

    def line(self) -> str:
        from prefopt.report.wording.grounds import closing_sentence  # the report's words are only needed to print

        return closing_sentence(self.decision).en


@stage(
    outcome=DecideOutcome,
    reads={"calibration": CALIBRATION, "looks": Looks()},
    writes=(DECISION,),
    settings=("decide",),
    verifies=(ADAPTER, POSTERIORS),  # what is decided on must be what was calibrated
    by_content=True,
    exclusive=True,  # no two rounds may take the same look at the hold-out
)
def decide(calibration: Calibration, looks: PastLooks, settings: ProjectConfig, this: RoundKey) -> Produced[DecideOutcome]:
    """Apply the rule to the calibration. Round 000 has no parent to compare with."""
    from prefopt.calibration.decision import decide as by_rule  # scipy: not for every command

    decision = by_rule(calibration, settings.decide, first=this.parent is None, passed=looks.passed)
    return Produced(DecideOutcome(decision=decision)).put(DECISION, decision)
