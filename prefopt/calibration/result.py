"""The results of calibration, as stored in calibration.json. Frozen; written and read back exactly.

All probabilities and accuracies are shares in [0, 1]; Brier scores are in [0, 2]; log losses are in nats. "Confidence" is the
probability of the most probable label. A difference is always this adapter minus its parent.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, model_validator

from prefopt.calibration.bias_result import LabelCount, Refitted
from prefopt.calibration.review_result import Acceptance, Conformal, RiskPoint
from prefopt.grounds import Estimate, Numbers

MIN_CELL = 30
"""A cell with fewer problems has no flag: its 95 % interval is wider than ±17 points around 0.6."""


def _value(found: Any) -> Any:
    """The value of a figure that earlier versions stored with an interval, which did not cover as it said."""
    return found["value"] if isinstance(found, dict) and "value" in found else found


Figure = Annotated[float, BeforeValidator(_value)]
"""A number without an interval."""

CalibrationFlag = Literal["cannot_tell", "over_confident", "under_confident", "no_fault_found"]


class Difference(Estimate):
    """A mean of paired differences, this minus another, with the one-sided p values that it is below and above 0."""

    p_below: float
    """Chance of a mean this low or lower if the true one is 0."""
    p_above: float


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
    debiased: Figure
    """Root of the debiased mean squared gap over equal-mass bins (Kumar, Liang & Ma 2019), on average over several numbers of bins."""
    bins: int
    mass_bins: int
    floor: float
    floor_95: float

    @property
    def cannot_tell(self) -> bool:
        """Whether chance alone explains the ECE, or the debiased estimate, which has other bins, finds nothing."""
        return self.equal_width <= self.floor_95 or self.debiased == 0


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
    low: float | None = None
    """Only in results of earlier versions, as `high`: the interval ignored that the largest gaps are listed."""
    high: float | None = None


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
    """Scores of the judged problems."""

    ece: float
    ece_debiased: float
    log_loss: float
    brier: float


class Temperature(Numbers):
    """P(label)^(1/T), renormalized. T is fitted by log loss on all problems; it is judged by cross-fitting: each half of the problems with
    the temperature of the other, siblings in the same half."""

    value: float
    at_bound: bool
    """The fit reached its bounds: the problems do not determine T."""
    fitted_on: int
    judged_on: int
    halves: tuple[float, float] | None = None
    """Temperatures of the two halves; None in results of earlier versions, which fitted on one half and judged on the other."""
    before: TemperatureScores
    after: TemperatureScores
    log_loss_change: Figure
    """After minus before, on the judged problems. No interval covers it where few answers are wrong."""
    helps: bool
    """Either half has a lower log loss with the temperature of the other."""

    @model_validator(mode="before")
    @classmethod
    def _of_an_earlier_version(cls, found: Any) -> Any:
        if isinstance(found, dict) and "helps" not in found and isinstance(change := found.get("log_loss_change"), dict):
            return {**found, "helps": change["high"] < 0}
        return found


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
    """Exact test on the problems where two classifiers differ."""

    lost: int
    """The other is right and this one is wrong (b)."""
    gained: int
    """The other is wrong and this one is right (c)."""
    p_value: float
    """Two-sided: signs of whole clusters flipped (intervals.sign_flip); exact binomial where every problem is its own cluster."""


class Majority(Numbers):
    """Always guessing the most frequent gold label, against which a first adapter is judged."""

    label: str
    accuracy: float
    mcnemar: Discordance


class BaselineComparison(Numbers):
    """The adapter against the classical baseline (TF-IDF and logistic regression) trained on the same gold problems."""

    accuracy: Estimate
    """Of the baseline, on the same hold-out."""
    trained_on: int
    unseen: int
    """Held-out problems whose label no training problem has."""
    mcnemar: Discordance
    """Gained: the adapter is right and the baseline wrong."""


class CellChange(Numbers):
    """One cell: this adapter against its parent."""

    groups: tuple[str, ...]
    count: int
    mcnemar: Discordance
    p_value: float | None
    """Of the McNemar test after Holm over the tested cells; None where count < 30."""


class TemperedBrier(Numbers):
    """Brier scores of two adapters after each one's own cross-fitted temperature: what a temperature repairs is not counted as a gain."""

    own: float
    parent: float
    difference: Difference


class Comparison(Numbers):
    """This adapter against its parent on the same problems: paired differences, this minus parent."""

    parent_accuracy: float
    parent_brier: float
    parent_log_loss: float
    parent_ece_debiased: float
    accuracy: Estimate
    brier: Estimate
    log_loss: Estimate
    ece_debiased: Figure
    mcnemar: Discordance
    cells: tuple[CellChange, ...] = ()
    """Of the groups that are crossed in `Calibration.cells`."""
    tempered: TemperedBrier | None = None
    """What the decision rule compares; None in results of earlier versions."""
    accuracy_floor: float | None = None
    """Lower bound of the difference of accuracies, one-sided at 80 %; None as above."""
    bias_rise: Estimate | None = None
    """|mean confidence - accuracy| of this adapter minus that of its parent; None as above."""


class LabelMass(Numbers):
    """Share of the model's probability that is on the taxonomy's labels, before normalizing over them."""

    mean: float
    lowest: float


class Calibration(Numbers):
    """One adapter's posteriors against the expert labels of the hold-out."""

    schema_version: Literal[1] = 1
    n: int
    labels: int
    confidence_level: float
    bootstrap: int
    seed: int
    accuracy: Estimate
    macro_f1: Figure
    """Mean over the labels that occur as gold (metrics.macro_f1). No interval covers it where labels have few problems."""
    labels_judged: int | None = None
    """Labels that have a held-out problem; None in results of earlier versions, whose macro-F1 also counted predicted labels."""
    groups: int | None = None
    """Independent clusters of the n problems (families); None in results of earlier versions."""
    design_effect: float = 1.0
    """Variance of the accuracy over that of n independent problems."""
    levels: tuple[LevelAccuracy, ...]
    """Every group of the taxonomy, outermost first, then "label"."""
    brier: Estimate
    log_loss: Estimate
    overconfidence: Estimate
    """Mean confidence minus accuracy: above 0 is over-confident."""
    overconfidence_known: bool = True
    """False: too few effective wrong or right answers for an interval; low and high then are the bounds -1 and 1."""
    mean_confidence: float
    ece: ExpectedError
    reliability: tuple[ReliabilityBin, ...]
    temperature: Temperature
    cell_groups: tuple[str, ...]
    """Which groups the cells cross."""
    cells: tuple[Cell, ...]
    confusions: tuple[Confusion, ...]
    majority: Majority
    baseline: BaselineComparison | None = None
    """None where it was not computed."""
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
    counts: tuple[LabelCount, ...] = ()
    """Labels that are right or answered at least once; empty in results of earlier versions."""
    refitted: Refitted | None = None
    """Scores without label biases; None as above."""
    parent: Comparison | None = None

    def level(self, name: str) -> Estimate:
        """Accuracy at a group of the taxonomy or at "label". Raises KeyError for another level."""
        return {entry.level: entry.accuracy for entry in self.levels}[name]
