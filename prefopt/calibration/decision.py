"""Decides whether an adapter is promoted, held or rejected, by one written rule (docs/decision.md), with its grounds as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from prefopt.calibration.result import BaselineComparison, Calibration, Comparison, Difference, Discordance, Majority, TemperedBrier
from prefopt.calibration.spending import ACCURACY_PART, BRIER_PART, groups_for, left, levels
from prefopt.calibration.vetoes import vetoes
from prefopt.config import DecideSettings
from prefopt.errors import CalibrationError
from prefopt.grounds import (
    AccuracyAgainstBaseline,
    AccuracyAgainstMajority,
    AccuracyAgainstParent,
    AccuracyNotSecured,
    Change,
    Clause,
    Estimate,
    Ground,
    LabelShift,
    Look,
    MoreAccurate,
    NotAboveMajority,
    ShiftedLabel,
    TemperedBrierAgainstParent,
    WorseThanParent,
)
from prefopt.records import CLAUSES, Decision

RULE = "brier-accuracy-3"
REDO = "redo the round from there: prefopt round branch ROUND --at calibrate"

FinalClause = Clause | MoreAccurate | NotAboveMajority | AccuracyNotSecured | WorseThanParent


def decide(calibration: Calibration, settings: DecideSettings, *, first: bool, passed: Sequence[bool] = ()) -> Decision:
    """Decide by the rule.

    Args:
        calibration: of the adapter; with its comparison to the parent unless `first`.
        settings: significance level, and the increases and shares that the rule accepts.
        first: the adapter has no parent (round 000).
        passed: whether the adapter passed, for every earlier decision on a child on this hold-out, oldest first. Each has spent a part of
            settings.alpha (spending.py).

    Raises:
        CalibrationError: a first adapter comes with a comparison to a parent, or a later one without, or without Brier scores after
            temperature (calibrated by an earlier version).
    """
    if first and calibration.parent is not None:
        raise CalibrationError("the calibration of a first adapter has a comparison to a parent", hint=REDO)
    if not first and calibration.parent is None:
        raise CalibrationError("the calibration of a later adapter has no comparison to a parent", hint=REDO)
    grounds: list[Ground] = []
    if calibration.parent is None:
        clause = _first(calibration, settings, grounds)
    else:
        clause = _later(calibration, calibration.parent, settings, passed, grounds)
    if _outcome(clause) == "promoted" and settings.hold_below_baseline and calibration.baseline is not None:
        compared = _against_baseline(calibration, calibration.baseline, settings.alpha)
        grounds.append(compared)
        clause = Clause(code="below_baseline") if compared.change == "worse" else clause
    if _outcome(clause) == "promoted" and (against := vetoes(calibration, settings)):
        grounds += against
        clause = Clause(code="vetoed")
    return Decision(outcome=CLAUSES[clause.code], rule=RULE, grounds=(*grounds, clause))


def _outcome(clause: FinalClause) -> str:
    return CLAUSES[clause.code]


def accuracy_change(test: Discordance, alpha: float, level: float | None = None) -> Change:
    """Better or worse by the exact paired test.

    Args:
        test: two-sided; by symmetry either side has half of its p value.
        alpha: two-sided level of "worse", and of "better" where no other is given.
        level: one-sided level of "better".
    """
    if test.gained > test.lost:
        return "better" if test.p_value / 2 <= (alpha / 2 if level is None else level) else "cannot_tell"
    return "worse" if test.gained < test.lost and test.p_value <= alpha else "cannot_tell"


def brier_change(difference: Difference, alpha: float, level: float | None = None) -> Change:
    """Better or worse by the one-sided p values of the difference, with levels as in accuracy_change; a lower Brier score is better."""
    if difference.p_below <= (alpha / 2 if level is None else level):
        return "better"
    return "worse" if difference.p_above <= alpha / 2 else "cannot_tell"


def tempered(comparison: Comparison) -> TemperedBrier:
    """The Brier scores that the rule compares. Raises CalibrationError where an earlier version calibrated."""
    if comparison.tempered is None:
        raise CalibrationError(
            "the adapter was calibrated by an earlier version: its Brier scores after temperature are missing", hint=REDO
        )
    return comparison.tempered


def clause_of(comparison: Comparison, settings: DecideSettings, level: float) -> FinalClause:
    """The rule for an adapter with a parent, before the baselines and the vetoes.

    promoted: accuracy is better and the Brier score after temperature rises by at most max_brier_increase; or that Brier score is better
        and the one-sided 80 % lower bound of the accuracy's difference is above -accuracy_margin. The two share the look's
        level (spending.ACCURACY_PART, BRIER_PART).
    rejected: otherwise, where accuracy or that Brier score is worse.
    held: otherwise.
    """
    brier_difference = tempered(comparison).difference
    accuracy = accuracy_change(comparison.mcnemar, settings.alpha, level * ACCURACY_PART)
    brier = brier_change(brier_difference, settings.alpha, level * BRIER_PART)
    if accuracy == "better" and brier_difference.value <= settings.max_brier_increase:
        return MoreAccurate(max_brier_increase=settings.max_brier_increase)
    floor = -1.0 if comparison.accuracy_floor is None else comparison.accuracy_floor
    if brier == "better" and accuracy != "worse" and floor > -settings.accuracy_margin:
        return Clause(code="better_probabilities")
    changes: tuple[tuple[Literal["accuracy", "brier"], Change], ...] = (("accuracy", accuracy), ("brier", brier))
    if worse := tuple(name for name, change in changes if change == "worse"):
        return WorseThanParent(scores=worse)
    if brier == "better":
        return AccuracyNotSecured(margin=settings.accuracy_margin, low=floor)
    return Clause(code="brier_rose" if accuracy == "better" else "parent_cannot_tell")


def _first(calibration: Calibration, settings: DecideSettings, grounds: list[Ground]) -> FinalClause:
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
    grounds.append(compared)
    clauses: dict[Change, FinalClause] = {
        "better": Clause(code="beats_majority"),
        "worse": Clause(code="below_majority"),
        "cannot_tell": Clause(code="majority_cannot_tell"),
    }
    return clauses[change]


def _later(
    calibration: Calibration, comparison: Comparison, settings: DecideSettings, passed: Sequence[bool], grounds: list[Ground]
) -> FinalClause:
    level, scores = levels(settings.alpha, passed)[-1], tempered(comparison)
    clause = clause_of(comparison, settings, level)
    accuracy = AccuracyAgainstParent(
        accuracy=calibration.accuracy.value,
        parent_accuracy=comparison.parent_accuracy,
        difference=comparison.accuracy,
        confidence_level=calibration.confidence_level,
        gained=comparison.mcnemar.gained,
        lost=comparison.mcnemar.lost,
        p_value=comparison.mcnemar.p_value,
        change=accuracy_change(comparison.mcnemar, settings.alpha, level * ACCURACY_PART),
    )
    brier = TemperedBrierAgainstParent(
        brier=scores.own,
        parent_brier=scores.parent,
        difference=Estimate(value=scores.difference.value, low=scores.difference.low, high=scores.difference.high),
        confidence_level=calibration.confidence_level,
        p_better=scores.difference.p_below,
        plain_difference=comparison.brier.value,
        change=brier_change(scores.difference, settings.alpha, level * BRIER_PART),
    )
    promoted = _outcome(clause) == "promoted"
    grounds += [accuracy, brier, _look(calibration, settings, passed, promoted), *_shift(calibration, comparison, settings.alpha)]
    if promoted and accuracy_change(calibration.majority.mcnemar, settings.alpha) != "better":
        return _not_above(calibration.majority)
    return clause


def _shift(calibration: Calibration, comparison: Comparison, alpha: float) -> list[LabelShift]:
    """The labels that are answered farther from how often they are right than by the parent, beyond chance; the most shifted first."""
    refitted = calibration.refitted
    if refitted is None or refitted.accuracy_change is None:
        return []
    shifted = [
        ShiftedLabel(
            label=count.label, right=count.right, answered=count.answered, parent_answered=count.parent_answered, p_value=count.p_value
        )
        for count in calibration.counts
        if count.farther and count.parent_answered is not None and count.p_value is not None and count.p_value <= alpha
    ]
    shifted.sort(key=lambda label: (-abs(label.answered - label.right), label.label))
    return [LabelShift(labels=tuple(shifted), accuracy=comparison.accuracy, refitted=refitted.accuracy_change)] if shifted else []


def _look(calibration: Calibration, settings: DecideSettings, passed: Sequence[bool], now: bool) -> Look:
    """What this look spent, and what the next one would need."""
    found = levels(settings.alpha, [*passed, now])
    groups = calibration.groups or calibration.n
    return Look(
        number=len(passed) + 1,
        alpha=settings.alpha,
        level=found[-2],
        left=left(settings.alpha, len(passed) + 1),
        passed=now,
        groups=groups,
        groups_for_next=groups_for(found[-1] * BRIER_PART, found[0] * BRIER_PART, groups),
    )


def _against_baseline(calibration: Calibration, baseline: BaselineComparison, alpha: float) -> AccuracyAgainstBaseline:
    return AccuracyAgainstBaseline(
        accuracy=calibration.accuracy.value,
        baseline_accuracy=baseline.accuracy.value,
        trained_on=baseline.trained_on,
        gained=baseline.mcnemar.gained,
        lost=baseline.mcnemar.lost,
        p_value=baseline.mcnemar.p_value,
        change=accuracy_change(baseline.mcnemar, alpha),
    )


def _not_above(majority: Majority) -> NotAboveMajority:
    return NotAboveMajority(majority=majority.label, majority_accuracy=majority.accuracy, p_value=majority.mcnemar.p_value)
