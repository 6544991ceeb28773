"""The results of calibration, as stored in calibration.json. Frozen; written and read back exactly.

All probabilities and accuracies are shares in [0, 1]; Brier scores are in [0, 2]; log losses are in nats. "Confidence" is the
probability of the most probable label. A difference is always this adapter minus its parent.
"""

from __future__ import annotations

from typing import Literal

from prefopt.grounds import Estimate, Numbers

MIN_CELL = 30
"""A cell with fewer problems has no flag: its 95 % interval is wider than ±17 points around 0.6."""

CalibrationFlag = Literal["cannot_tell", "over_confident", "under_confident", "no_fault_found"]


class LevelAccuracy(Numbers):
    """Accuracy at one level: a group of the taxonomy (the group of the most probable label is right) or "label"."""

    level: str
    accuracy: Estimate


class ExpectedError(Numbers):
    """Expected calibration error (ECE), its noise floor, and the debiased figure.

    `floor` and `floor_95` are the mean and the 95 % quantile of the equal-width ECE of a perfectly calibrated model with the same
    confidences and number of problems. An ECE at or below `floor_95` cannot be distinguished from chance.
    """

    equal_width: float
    equal_mass: float
    debiased: Estimate
    """Root of the debiased mean squared gap over equal-mass bins (Kumar, Liang & Ma 2019)."""
    bins: int
    mass_bins: int
    floor: float
    floor_95: float

    @property
    def cannot_tell(self) -> bool:
        """Whether chance alone explains the ECE."""
        return self.equal_width <= self.floor_95


class CalibrationView(Numbers):
    """Another view of the calibration error, with the mean and the 95 % quantile that a perfectly calibrated model shows by chance."""

    name: str
    """smooth, classwise or top_label; see calibration/views.py."""
    value: float
    floor: float
    floor_95: float

    @property
    def cannot_tell(self) -> bool:
        """Whether chance alone explains it."""
        return self.value <= self.floor_95


class SingleAnalysis(Numbers):
    """Scores of one sampled analysis alone, where the posterior is the mean over several."""

    accuracy: float
    brier: float
    same_answer: float
    """Share of the problems on which its label is that of the mean."""


class GeneralAbility(Numbers):
    """General texts, unrelated to the labels: mean nats per token over the texts; lower is better."""

    texts: int
    nats: Estimate
    change: Estimate | None = None
    """Paired difference to the parent, this minus parent; above 0 is forgetting. None for a first adapter."""


class LabelGap(Numbers):
    """Mean confidence minus accuracy among the problems predicted to have this label, as counted and after shrinking (shrinkage.py)."""

    label: str
    count: int
    raw: float
    shrunk: float
    low: float
    high: float


class ReliabilityBin(Numbers):
    """The problems with a confidence in (low, high], and the Wilson interval of their accuracy. Empty bins are left out."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: Estimate
    p_value: float | None
    """As of a cell: exact Poisson-binomial test after Holm over the tested bins; None where count < 30."""
    flag: CalibrationFlag


class TemperatureScores(Numbers):
    """Scores on the judging half."""

    ece: float
    ece_debiased: float
    log_loss: float
    brier: float


class Temperature(Numbers):
    """P(label)^(1/T), renormalized. T is fitted by log loss on one half of the problems and judged on the other."""

    value: float
    at_bound: bool
    """The fit reached its bounds: the fitting half does not determine T."""
    fitted_on: int
    judged_on: int
    before: TemperatureScores
    after: TemperatureScores
    log_loss_change: Estimate
    """After minus before, on the judging half; below 0 the temperature helps."""


class Cell(Numbers):
    """The problems of one crossing of groups, e.g. band x domain. `groups` are the names, outermost first."""

    groups: tuple[str, ...]
    count: int
    accuracy: Estimate | None
    """None where there is no problem."""
    confidence: float | None
    p_value: float | None
    """Exact Poisson-binomial test that the confidences are right, after Holm over the tested cells; None where count < 30."""
    flag: CalibrationFlag


class Confusion(Numbers):
    """Problems of label `gold` that are predicted to be `predicted`; examples are the most confident ones."""

    gold: str
    predicted: str
    count: int
    examples: tuple[str, ...]


class Discordance(Numbers):
    """Exact McNemar test on the problems where two classifiers differ."""

    lost: int
    """The other is right and this one is wrong (b)."""
    gained: int
    """The other is wrong and this one is right (c)."""
    p_value: float
    """Two-sided, exact binomial."""


class Majority(Numbers):
    """Always guessing the most frequent gold label, against which a first adapter is judged."""

    label: str
    accuracy: float
    mcnemar: Discordance


class CellChange(Numbers):
    """One cell: this adapter against its parent."""

    groups: tuple[str, ...]
    count: int
    mcnemar: Discordance
    p_value: float | None
    """Of the McNemar test after Holm over the tested cells; None where count < 30."""


class Comparison(Numbers):
    """This adapter against its parent on the same problems: paired differences, this minus parent."""

    parent_accuracy: float
    parent_brier: float
    parent_log_loss: float
    parent_ece_debiased: float
    accuracy: Estimate
    brier: Estimate
    log_loss: Estimate
    ece_debiased: Estimate
    mcnemar: Discordance
    cells: tuple[CellChange, ...] = ()
    """Of the groups that are crossed in `Calibration.cells`."""


class LabelMass(Numbers):
    """Share of the model's probability that is on the taxonomy's labels, before normalizing over them."""

    mean: float
    lowest: float


class RiskPoint(Numbers):
    """If the most confident share `accepted_share` of the problems is accepted, the share `risk` of the accepted ones is wrong."""

    accepted_share: float
    threshold: float
    risk: float


class Acceptance(Numbers):
    """How many problems may be accepted without review at an agreed error rate.

    `threshold` is None where no share can be accepted: the hold-out is too small, or the adapter is wrong too often.
    """

    agreed_error: float
    guarantee: float
    """Probability over hold-outs that the true error of the accepted problems is at most the agreed rate."""
    threshold: float | None
    count: int
    share: float
    errors: int
    error_bound: float | None
    """Upper Clopper-Pearson bound of the error of the accepted, one-sided at `guarantee`."""


class ConformalGroup(Numbers):
    """One group of the taxonomy, on the judging half."""

    group: str
    fitted_on: int
    judged_on: int
    threshold: float
    """A label of this group is in the set if its probability is at least this."""
    set_coverage: Estimate | None
    """Share of the problems whose right label is in the set; None where there is no problem."""
    mean_size: float | None


class Conformal(Numbers):
    """Sets of labels that contain the right one with probability `level` in every group."""

    level: float
    mean_size: float
    """Labels in a set, on average over the judging half."""
    share_single: float
    """Share of the sets with exactly one label."""
    groups: tuple[ConformalGroup, ...]


class Calibration(Numbers):
    """One adapter's posteriors against the expert labels of the hold-out."""

    schema_version: Literal[1] = 1
    n: int
    labels: int
    confidence_level: float
    bootstrap: int
    seed: int
    accuracy: Estimate
    macro_f1: Estimate
    """As scikit-learn: mean over the labels that occur as gold or as prediction; F1 is 0 where precision and recall are both 0."""
    levels: tuple[LevelAccuracy, ...]
    """Every group of the taxonomy, outermost first, then "label"."""
    brier: Estimate
    log_loss: Estimate
    overconfidence: Estimate
    """Mean confidence minus accuracy: above 0 is over-confident."""
    mean_confidence: float
    ece: ExpectedError
    reliability: tuple[ReliabilityBin, ...]
    temperature: Temperature
    cell_groups: tuple[str, ...]
    """Which groups the cells cross."""
    cells: tuple[Cell, ...]
    confusions: tuple[Confusion, ...]
    majority: Majority
    risk_coverage: tuple[RiskPoint, ...]
    aurc: float
    """Area under the risk-coverage curve (Geifman & El-Yaniv 2017): mean risk over all coverages."""
    acceptance: Acceptance
    conformal: Conformal | None = None
    """Label sets at the confidence level."""
    label_mass: LabelMass | None = None
    single: SingleAnalysis | None = None
    general: GeneralAbility | None = None
    views: tuple[CalibrationView, ...] = ()
    hierarchical: Estimate | None = None
    """Share of a label and the groups above it that is right, on average over the problems (Kiritchenko et al. 2006). All labels are
    equally deep, so hierarchical precision, recall and F1 are this one number."""
    overconfident: tuple[LabelGap, ...] = ()
    """Over-confident labels, the largest gap first."""
    parent: Comparison | None = None

    def level(self, name: str) -> Estimate:
        """Accuracy at a group of the taxonomy or at "label". Raises KeyError for another level."""
        return {entry.level: entry.accuracy for entry in self.levels}[name]
