"""Decides whether an adapter is promoted, held or rejected, by one written rule (docs/decision.md), with its grounds as numbers."""

from __future__ import annotations

from typing import Literal

from prefopt.calibration.result import Calibration, Comparison, Discordance, Majority
from prefopt.calibration.vetoes import vetoes
from prefopt.config import DecideSettings
from prefopt.errors import CalibrationError
from prefopt.grounds import (
    AccuracyAgainstMajority,
    AccuracyAgainstParent,
    BrierAgainstParent,
    Change,
    Clause,
    Estimate,
    MoreAccurate,
    NotAboveMajority,
    WorseThanParent,
)
from prefopt.records import Decision, Outcome

RULE = "brier-accuracy-2"
REDO = "redo the round from there: prefopt round branch ROUND --at calibrate"


def decide(calibration: Calibration, settings: DecideSettings, *, first: bool) -> Decision:
    """Decide by the rule.

    Args:
        calibration: of the adapter; with its comparison to the parent unless `first`.
        settings: significance level, and the increases and shares that the rule accepts.
        first: the adapter has no parent (round 000).

    Raises:
        CalibrationError: a first adapter comes with a comparison to a parent, or a later one without.
    """
    if first and calibration.parent is not None:
        raise CalibrationError("the calibration of a first adapter has a comparison to a parent", hint=REDO)
    if not first and calibration.parent is None:
        raise CalibrationError("the calibration of a later adapter has no comparison to a parent", hint=REDO)
    if calibration.parent is None:
        decision = _decide_first(calibration, settings)
    else:
        decision = _decide_later(calibration, calibration.parent, settings)
    against = vetoes(calibration, settings) if decision.outcome == "promoted" else []
    if not against:
        return decision
    return Decision(outcome="held", rule=RULE, grounds=(*decision.grounds[:-1], *against, Clause(code="vetoed")))


def accuracy_change(test: Discordance, alpha: float) -> Change:
    """Better or worse by the exact McNemar test, two-sided at alpha."""
    if test.p_value > alpha or test.gained == test.lost:
        return "cannot_tell"
    return "better" if test.gained > test.lost else "worse"


def brier_change(difference: Estimate) -> Change:
    """Better or worse where the whole paired interval is on one side of 0; a lower Brier score is better."""
    if difference.high < 0:
        return "better"
    return "worse" if difference.low > 0 else "cannot_tell"


def outcome_of(comparison: Comparison, settings: DecideSettings) -> Outcome:
    """The rule for an adapter with a parent. decide() promotes only what also beats guessing, as a first adapter must.

    promoted: accuracy is better and the mean Brier score rises by at most max_brier_increase; or Brier is better and accuracy not worse.
    rejected: otherwise, where accuracy or Brier is worse.
    held: otherwise.
    """
    accuracy = accuracy_change(comparison.mcnemar, settings.alpha)
    brier = brier_change(comparison.brier)
    if accuracy == "better" and comparison.brier.value <= settings.max_brier_increase:
        return "promoted"
    if brier == "better" and accuracy != "worse":
        return "promoted"
    return "rejected" if "worse" in (accuracy, brier) else "held"


def _decide_first(calibration: Calibration, settings: DecideSettings) -> Decision:
    majority = calibration.majority
    change = accuracy_change(majority.mcnemar, settings.alpha)
    compared = AccuracyAgainstMajority(
        n=calibration.n,
        accuracy=calibration.accuracy.value,
        majority=majority.label,
        majority_accuracy=majority.accuracy,
        p_value=majority.mcnemar.p_value,
        change=change,
    )
    outcomes: dict[Change, tuple[Outcome, Clause]] = {
        "better": ("promoted", Clause(code="beats_majority")),
        "worse": ("rejected", Clause(code="below_majority")),
        "cannot_tell": ("held", Clause(code="majority_cannot_tell")),
    }
    outcome, clause = outcomes[change]
    return Decision(outcome=outcome, rule=RULE, grounds=(compared, clause))


def _decide_later(calibration: Calibration, comparison: Comparison, settings: DecideSettings) -> Decision:
    accuracy = AccuracyAgainstParent(
        accuracy=calibration.accuracy.value,
        parent_accuracy=comparison.parent_accuracy,
        difference=comparison.accuracy,
        confidence_level=calibration.confidence_level,
        gained=comparison.mcnemar.gained,
        lost=comparison.mcnemar.lost,
        p_value=comparison.mcnemar.p_value,
        change=accuracy_change(comparison.mcnemar, settings.alpha),
    )
    brier = BrierAgainstParent(
        brier=calibration.brier.value,
        parent_brier=comparison.parent_brier,
        difference=comparison.brier,
        confidence_level=calibration.confidence_level,
        change=brier_change(comparison.brier),
    )
    outcome = outcome_of(comparison, settings)
    clause: Clause | MoreAccurate | NotAboveMajority | WorseThanParent = _clause(outcome, accuracy.change, brier.change, settings)
    if outcome == "promoted" and accuracy_change(calibration.majority.mcnemar, settings.alpha) != "better":
        outcome, clause = "held", _not_above(calibration.majority)
    return Decision(outcome=outcome, rule=RULE, grounds=(accuracy, brier, clause))


def _clause(outcome: Outcome, accuracy: Change, brier: Change, settings: DecideSettings) -> Clause | MoreAccurate | WorseThanParent:
    """The row and column of the rule's table that gave this outcome."""
    if outcome == "promoted":
        if accuracy == "better":
            return MoreAccurate(max_brier_increase=settings.max_brier_increase)
        return Clause(code="better_probabilities")
    if outcome == "held":
        return Clause(code="brier_rose" if accuracy == "better" else "parent_cannot_tell")
    changes: tuple[tuple[Literal["accuracy", "brier"], Change], ...] = (("accuracy", accuracy), ("brier", brier))
    return WorseThanParent(scores=tuple(name for name, change in changes if change == "worse"))


def _not_above(majority: Majority) -> NotAboveMajority:
    return NotAboveMajority(majority=majority.label, majority_accuracy=majority.accuracy, p_value=majority.mcnemar.p_value)
