"""The results of calibration, as stored in calibration.json. Frozen; written and read back exactly.

All probabilities and accuracies are shares in [0, 1]; Brier scores are in [0, 2]; log losses are in nats. "Confidence" is the
probability of the most probable label. A difference is always this adapter minus its parent.
"""

from __future__ import annotations

from typing import Literal

from prefopt.calibration.bias_result import LabelCount, Refitted
from prefopt.calibration.mixture_result import JudgedMixture, Mixture
from prefopt.calibration.paired_result import Difference, Discordance
from prefopt.calibration.review_result import Acceptance, Conformal, RiskPoint
from prefopt.calibration.temperature_result import Figure, Temperature
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


class Majority(Numbers):
    """Always guessing the most frequent gold label, against which a first adapter is judged."""

    label: str
    accuracy: float
    mcnemar: Discordance


class BaselineComparison(Numbers):
    """The adapter against the classical baseline (TF-IDF and logistic regression) trained on the same labels."""

    accuracy: Estimate
    """Of the baseline, on the same hold-out."""
    trained_on: int
    """Labeled problems, and problems with the teachers' consensus answer in all rounds so far."""
    answers: int = 0
    """Of them, consensus answers; 0 in results of earlier versions, which trained on labeled problems alone."""
    unseen: int
    """Held-out problems whose label no training problem has."""
    mcnemar: Discordance
    """Gained: the adapter is right and the baseline wrong."""
    brier: Estimate | None = None
    """After its temperature, cross-fitted, as `log_loss`; None in results of earlier versions, as all that follows."""
    log_loss: Estimate | None = None
    brier_change: Difference | None = None
    """The adapter's Brier score minus the baseline's, both after their own cross-fitted temperature."""
    c: float | None = None
    """Inverse strength of its penalty, chosen by cross-validation on the training labels."""


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
    mixture: Mixture | None = None
    """Of the adapter and the classical baseline; None where it is off, and in results of earlier versions."""

    @property
    def in_use(self) -> JudgedMixture | Calibration:
        """The temperature, threshold and label sets that `predict` applies: of the mixture where it is used, or of the adapter alone."""
        judged = None if self.mixture is None else self.mixture.judged
        return judged if judged is not None and judged.used else self

    def view(self, name: str) -> CalibrationView | None:
        """A view of the calibration error by its name; None in results of earlier versions."""
        return next((view for view in self.views if view.name == name), None)

    def level(self, name: str) -> Estimate:
        """Accuracy at a group of the taxonomy or at "label". Raises KeyError for another level."""
        return {entry.level: entry.accuracy for entry in self.levels}[name]
