"""What shows a shift of label biases, as stored in calibration.json: how often each label is answered, and scores without biases."""

from __future__ import annotations

from prefopt.grounds import Estimate, Numbers


class LabelCount(Numbers):
    """How often one label is right and how often it is answered, of the same problems."""

    label: str
    right: int
    answered: int
    """It is the most probable label."""
    expected: float
    """Sum of its probability over all problems: what a calibrated model answers on average."""
    parent_answered: int | None = None
    """By the parent; None for a first adapter, as `parent_expected`."""
    parent_expected: float | None = None
    p_value: float | None = None
    """That the adapter answers it as often as its parent: exact paired test (intervals.sign_flip) after Holm over the labels."""

    @property
    def farther(self) -> bool:
        """Whether the number of answers is farther from the number of right ones than the parent's was."""
        return self.parent_answered is not None and abs(self.answered - self.right) > abs(self.parent_answered - self.right)


class Refitted(Numbers):
    """Scores after one bias a label, cross-fitted: each half of the problems with the biases of the other (label_biases.py).

    A change that is gone here is a shift of label biases; what is left is ability.
    """

    accuracy: float
    brier: float
    parent_accuracy: float | None = None
    parent_brier: float | None = None
    accuracy_change: Estimate | None = None
    """Paired difference, this minus parent, both refitted; None for a first adapter, as `brier_change`."""
    brier_change: Estimate | None = None
