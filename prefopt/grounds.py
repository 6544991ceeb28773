"""The grounds of a decision: a code and the numbers it rests on. `prefopt.report.wording` turns them into sentences.

Accuracies and probabilities are shares in [0, 1]; Brier scores are in [0, 2], lower is better; a difference is this adapter minus its
parent.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from prefopt.frozen import Frozen

Change = Literal["better", "worse", "cannot_tell"]


class Numbers(Frozen):
    """Base of the grounds, and of other numbers that stages write."""


class Estimate(Numbers):
    """A number with its confidence interval."""

    value: float
    low: float
    high: float


class AccuracyAgainstMajority(Numbers):
    """Accuracy on `n` problems against always guessing `majority`, the most frequent gold label; exact McNemar test."""

    code: Literal["accuracy_against_majority"] = "accuracy_against_majority"
    n: int
    accuracy: float
    majority: str
    majority_accuracy: float
    p_value: float
    change: Change


class AccuracyAgainstBaseline(Numbers):
    """Accuracy against the classical baseline trained on the same `trained_on` labels; exact paired test."""

    code: Literal["accuracy_against_baseline"] = "accuracy_against_baseline"
    accuracy: float
    baseline_accuracy: float
    trained_on: int
    answers: int = 0
    """Of them, the teachers' consensus answers; the others are gold problems."""
    gained: int
    lost: int
    p_value: float
    change: Change


class Look(Numbers):
    """One use of the hold-out for a promotion, and what it may spend of the chance of promoting an adapter that is not better."""

    code: Literal["look"] = "look"
    number: int
    """Of the looks at this hold-out that decided on a child, from 1."""
    alpha: float
    """Agreed chance over all looks together."""
    level: float
    """Of this look."""
    left: float
    """What all later looks have together, without what passing looks hand on."""
    passed: bool
    """The adapter was shown to be better than its parent."""
    groups: int
    """Independent groups of held-out problems (families)."""
    groups_for_next: int
    """New groups with which the next look finds the gain that the first look finds."""


class AccuracyAgainstParent(Numbers):
    """Accuracy against the parent's, with the problems gained and lost; exact paired test, signs of whole families flipped."""

    code: Literal["accuracy_against_parent"] = "accuracy_against_parent"
    accuracy: float
    parent_accuracy: float
    difference: Estimate
    confidence_level: float
    gained: int
    lost: int
    p_value: float
    """Two-sided; "better" asks for half of it to be at most its part of the level of the look."""
    change: Change


class TemperedBrierAgainstParent(Numbers):
    """Brier scores after each adapter's own temperature, cross-fitted, with the difference of the scores as they are beside it."""

    code: Literal["tempered_brier_against_parent"] = "tempered_brier_against_parent"
    brier: float
    parent_brier: float
    difference: Estimate
    confidence_level: float
    p_better: float
    """One-sided; "better" asks for at most its part of the level of the look."""
    plain_difference: float
    change: Change


class BrierAgainstParent(Numbers):
    """Brier score against the parent's, by the interval of the paired difference. Only in decisions of earlier versions."""

    code: Literal["brier_against_parent"] = "brier_against_parent"
    brier: float
    parent_brier: float
    difference: Estimate
    confidence_level: float
    change: Change


class CalibrationErrorRose(Numbers):
    """Veto: the whole interval of the rise of the debiased ECE is above `limit`. Only in decisions of earlier versions."""

    code: Literal["calibration_error_rose"] = "calibration_error_rose"
    rise: Estimate
    limit: float


class BiasRose(Numbers):
    """Veto: the whole interval of the rise of |mean confidence - accuracy| is above `limit`."""

    code: Literal["bias_rose"] = "bias_rose"
    rise: Estimate
    limit: float


class WorseCell(Numbers):
    """Veto: of the `n` problems in one crossing of groups, more are lost than gained; p value after Holm over the tested cells."""

    code: Literal["worse_cell"] = "worse_cell"
    groups: tuple[str, ...]
    n: int
    gained: int
    lost: int
    p_value: float


class LowLabelMass(Numbers):
    """Veto: the model gives the taxonomy's labels less than `minimum` of its probability."""

    code: Literal["low_label_mass"] = "low_label_mass"
    label_mass: float
    minimum: float


class ShiftedLabel(Numbers):
    """A label that is answered farther from how often it is right than before, beyond chance; counts of held-out problems."""

    label: str
    right: int
    answered: int
    parent_answered: int
    p_value: float
    """Exact paired test after Holm over the labels."""


class LabelShift(Numbers):
    """Labels of which a round moved the number of answers away from the right one. It does not decide; accuracy and Brier score do."""

    code: Literal["label_shift"] = "label_shift"
    labels: Annotated[tuple[ShiftedLabel, ...], Field(min_length=1)]
    accuracy: Estimate
    """Change of the accuracy, as measured."""
    refitted: Estimate
    """The same with label biases fitted again in both adapters, cross-fitted: what is left is ability."""


class Clause(Numbers):
    """The clause of the rule that gave the outcome, where its numbers are in the grounds before it."""

    code: Literal[
        "beats_majority",  # promoted, without a parent
        "majority_cannot_tell",  # held, without a parent
        "below_majority",  # rejected, without a parent
        "better_probabilities",  # promoted
        "brier_rose",  # held though more accurate
        "parent_cannot_tell",  # held
        "vetoed",  # held though it would be promoted
        "below_baseline",  # held though it would be promoted: the classical baseline is right more often
    ]


class MoreAccurate(Numbers):
    """Clause of a promotion: accuracy is better, and the mean Brier score rises by at most `max_brier_increase`."""

    code: Literal["more_accurate"] = "more_accurate"
    max_brier_increase: float


class NotAboveMajority(Numbers):
    """Clause that holds a child: better than its parent, but not shown to beat always guessing `majority`."""

    code: Literal["not_above_majority"] = "not_above_majority"
    majority: str
    majority_accuracy: float
    p_value: float


class AccuracyNotSecured(Numbers):
    """Clause that holds a child: better probabilities, but its accuracy may be lower than the parent's by more than `margin`."""

    code: Literal["accuracy_not_secured"] = "accuracy_not_secured"
    margin: float
    low: float
    """Lower bound of the difference of accuracies, one-sided at 80 %."""


class WorseThanParent(Numbers):
    """Clause of a rejection: which of the two scores are worse."""

    code: Literal["worse_than_parent"] = "worse_than_parent"
    scores: Annotated[tuple[Literal["accuracy", "brier"], ...], Field(min_length=1)]


class ComparedInUse(Numbers):
    """Ground of a person's promotion: a comparison of two adapters in use said that this one is better (prefopt ab)."""

    code: Literal["compared_in_use"] = "compared_in_use"
    comparison: str
    """Its id in serve/comparisons.jsonl."""
    other: int
    """Round of the other adapter."""
    mode: Literal["paired", "split"]
    problems: int
    decisions: int
    """Of teachers who did not know which adapter had answered what."""
    difference: Estimate
    """How much more often this adapter is right, with a confidence sequence: it holds whenever one looks."""
    confidence_level: float
    e: float
    needed: float
    """The evidence e that decides."""


Veto = CalibrationErrorRose | BiasRose | WorseCell | LowLabelMass
Ground = Annotated[
    AccuracyAgainstMajority
    | AccuracyAgainstBaseline
    | AccuracyAgainstParent
    | TemperedBrierAgainstParent
    | BrierAgainstParent
    | Look
    | AccuracyNotSecured
    | BiasRose
    | CalibrationErrorRose
    | WorseCell
    | LowLabelMass
    | LabelShift
    | Clause
    | MoreAccurate
    | NotAboveMajority
    | WorseThanParent,
    Field(discriminator="code"),
]
