"""Whether the answers of an adapter are fit for use, as stored in report.json: its own question beside "better than its parent"."""

from __future__ import annotations

from typing import Literal

from prefopt.calibration.paired_result import Discordance
from prefopt.calibration.result import Cell
from prefopt.calibration.review_result import NoAcceptance
from prefopt.grounds import Estimate, Numbers

Reached = Literal["met", "missed", "cannot_tell"]
Verdict = Literal["fit", "not_fit", "cannot_tell", "no_goals"]


class Goal(Numbers):
    """One goal of [goals]."""

    kind: Literal["accuracy", "accuracy_in", "accepted_share", "baseline"]
    part: str = ""
    """Of "accuracy_in": the part of the group `each`, e.g. one band."""
    wanted: float | None = None
    """Smallest accuracy or share; None for the baseline, which has a test."""
    accuracy: Estimate | None = None
    """What was reached; None for the accepted share, and in a part without a problem."""
    share: float | None = None
    """Of the problems that can be accepted without review."""
    cause: NoAcceptance | None = None
    """Why none can."""
    baseline: Estimate | None = None
    """Accuracy of the baseline on the same problems; None where it is not known."""
    test: Discordance | None = None
    """Exact paired test. Gained: the answer is right and the baseline wrong."""
    problems: int = 0
    reached: Reached
    more: int | None = None
    """Further held-out problems of the same kind that would settle it; None where it is settled, or no number would be of use."""


class Level(Numbers):
    """A group of the taxonomy: how often the group of the answer is right, and whether problems can be sorted by it."""

    name: str
    accuracy: Estimate
    reached: Reached


class Total(Numbers):
    """All problems of one part of a group: a row or a column of the table of cells."""

    name: str
    count: int
    accuracy: Estimate | None
    """None where there is no problem."""


class LabelNeed(Numbers):
    """A label that wrong answers have to do with."""

    label: str
    errors: int
    """Wrong answers on problems of this label, or with this label as the answer."""
    missed: int
    """Of them, on problems of this label."""
    held_out: int
    labeled: int
    """Labeled problems that the adapter learned from."""
    more: int
    """Labeled problems to add."""


class Fitness(Numbers):
    """What the answers are good for. They are those that `predict` gives with this adapter: of the mixture where it is used."""

    answered_by: Literal["adapter", "mixture"]
    n: int
    """Held-out problems behind all figures."""
    verdict: Verdict
    accuracy: Estimate
    goals: tuple[Goal, ...]
    levels: tuple[Level, ...]
    sorting: float
    """Accuracy at a group from which problems can be sorted by it (goals.min_sorting_accuracy)."""
    accepted_share: float
    agreed_error: float
    set_size: float | None
    """Mean number of labels to show so that the right one is among them at the confidence level; None where it is not known."""
    set_level: float
    cell_groups: tuple[str, ...]
    cells: tuple[Cell, ...]
    rows: tuple[Total, ...]
    """Totals over the first group of the cells."""
    columns: tuple[Total, ...]
    """Over the second; () where there is one group."""
    needs: tuple[LabelNeed, ...]
    """Labels to label more problems of, the one behind most errors first."""
    unlabeled: int
    """Labels without a problem to learn from."""
    unjudged: int
    """Labels without a held-out problem."""
