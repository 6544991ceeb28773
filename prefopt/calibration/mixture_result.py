"""The mixture of an adapter and the classical baseline, as stored in calibration.json."""

from __future__ import annotations

from typing import Literal

from prefopt.calibration.paired_result import Difference, Discordance
from prefopt.calibration.review_result import Acceptance, Conformal, RiskPoint
from prefopt.calibration.temperature_result import Temperature
from prefopt.grounds import Estimate, Numbers

Verdict = Literal["helps", "not_shown", "less_accurate"]
"""The Brier score falls and no loss of accuracy is shown: it is used. The Brier score is not shown to fall; it falls, and accuracy too."""


class MixtureWeights(Numbers):
    """Powers of the two posteriors; 1 and 0 is the adapter alone."""

    model: float
    tfidf: float


class JudgedMixture(Numbers):
    """The mixture on the hold-out, beside the adapter alone. A change is the mixture minus the adapter.

    Brier scores and log losses are of posteriors after their own cross-fitted temperature, of either side: what a temperature repairs
    is no merit of the mixture.
    """

    weights: MixtureWeights
    accuracy: Estimate
    brier: Estimate
    log_loss: Estimate
    accuracy_change: Estimate
    mcnemar: Discordance
    """Gained: the mixture is right and the adapter wrong."""
    brier_change: Difference
    log_loss_change: Estimate
    adapter_brier: float
    level: float
    """One-sided level of "the Brier score falls": this adapter's part of what all adapters judged on this hold-out may spend."""
    verdict: Verdict
    temperature: Temperature
    """Of the mixture, as all that follows."""
    acceptance: Acceptance
    conformal: Conformal
    risk_coverage: tuple[RiskPoint, ...]

    @property
    def used(self) -> bool:
        """Whether `predict` answers by the mixture."""
        return self.verdict == "helps"


class Mixture(Numbers):
    """How many asked problems there are to fit it on, and, where they are enough, what it is worth."""

    asked: int
    """Problems that teachers were asked about, with a consensus among the labels shown: the weights are fitted on them."""
    needed: int
    judged: JudgedMixture | None = None
    """None where `asked` is below `needed`, as in round 000."""
