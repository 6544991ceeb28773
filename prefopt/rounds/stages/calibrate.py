"""calibrate: posteriors of the round's adapter on the hold-out, compared with the gold labels and with the parent's posteriors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from prefopt.config import ProjectConfig
from prefopt.errors import DataError
from prefopt.grounds import Estimate
from prefopt.project.project import ProjectData, RoundKey
from prefopt.records import GeneralScores, Judged, Pair, Slate, SlateVotes
from prefopt.rounds.artifacts import ADAPTER, CALIBRATION, GENERAL, POSTERIORS, PREFERENCES, SLATES, TFIDF
from prefopt.rounds.confidence_line import gap_in_line, smooth_in_line
from prefopt.rounds.looks import Looks, PastLooks
from prefopt.rounds.reads import PROBLEMS, Data, Earlier, GeneralTexts, Later, OfRound, Parent, Texts
from prefopt.rounds.stage import Outcome, Produced, Workspace, stage
from prefopt.texts.same_text import Spelling, as_read

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from prefopt.calibration.evaluate import Opponent
    from prefopt.calibration.posteriors import StoredPosteriors
    from prefopt.calibration.result import Calibration
    from prefopt.rounds.partner import Fitted

Preference = Pair | Judged | SlateVotes


class CalibrateOutcome(Outcome):
    """The figures of the round list."""

    problems: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    brier: float
    ece_debiased: float
    """Cut off at 0, so that it cannot show a small error; kept for other programs, and not printed."""
    confidence_gap: Estimate | None = None
    """Mean confidence minus accuracy; None in rounds of earlier versions, as `smooth_ece`."""
    confidence_gap_known: bool = True
    """False: too few wrong or right answers for its interval."""
    smooth_ece: float | None = None
    smooth_ece_chance: float | None = None
    """What a perfectly calibrated model stays below by chance, at 95 %."""
    never_answered: tuple[str, ...] = ()
    """Labels that are often right and never the most probable answer."""
    baseline_accuracy: float | None = None
    """Of the classical baseline; None in rounds of earlier versions, as `baseline_brier`."""
    baseline_brier: float | None = None
    """After its temperature, as `mixture_brier`."""
    mixture_accuracy: float | None = None
    """Of adapter and baseline mixed; None where no mixture was fitted."""
    mixture_brier: float | None = None
    mixture_used: bool = False
    answers_left_out: int = 0
    """Consensus answers that the baseline did not learn: on problems of one group with a held-out one, or with a label that is gone."""

    def line(self) -> str:
        never = f"; never answered: {', '.join(self.never_answered)}" if self.never_answered else ""
        interval = f"[{self.accuracy_low:.3f}, {self.accuracy_high:.3f}]"
        return (
            f"{self.problems} problems: accuracy {self.accuracy:.3f} {interval}, "
            f"Brier {self.brier:.3f}{self._confidence()}{never}{self._beside()}"
        )

    def _confidence(self) -> str:
        """The gap and smooth ECE, as everywhere else; nothing in rounds of earlier versions."""
        if self.confidence_gap is None:
            return ""
        found = f", confidence - accuracy {gap_in_line(self.confidence_gap, self.confidence_gap_known)}"
        if self.smooth_ece is not None and self.smooth_ece_chance is not None:
            found += f", smooth ECE {smooth_in_line(self.smooth_ece, self.smooth_ece_chance)}"
        return found

    def _beside(self) -> str:
        """The baseline and the mixture, where there are any."""
        if self.baseline_accuracy is None or self.baseline_brier is None:
            return ""
        text = f"; TF-IDF {self.baseline_accuracy:.3f}, Brier {self.baseline_brier:.3f}"
        if self.answers_left_out:
            text += f" (without {self.answers_left_out} answers: of one group with a held-out problem, or a label that is gone)"
        if self.mixture_accuracy is not None and self.mixture_brier is not None:
            used = "used by predict" if self.mixture_used else "not used"
            text += f"; both mixed {self.mixture_accuracy:.3f}, Brier {self.mixture_brier:.3f}: {used}"
        return text


@stage(
    outcome=CalibrateOutcome,
    reads={
        "data": Data(),
        "adapter": ADAPTER,
        "parent": Parent(ADAPTER),
        "parent_posteriors": Parent(POSTERIORS),
        "texts": GeneralTexts(),
        "parent_general": Parent(GENERAL),
        "looks": Looks(),
        "slates": Later(SLATES),
        "preferences": Later(PREFERENCES),
        "earlier_slates": Earlier(SLATES),
        "earlier_preferences": Earlier(PREFERENCES),
    },
    writes=(POSTERIORS, GENERAL, CALIBRATION, TFIDF),
    settings=(*PROBLEMS, "data.general_texts", "model", "prompt", "answer", "posterior", "calibrate"),
    keeps=("scored", "parent_scored"),
)
def calibrate(
    data: ProjectData,
    adapter: Path,
    parent: Path | None,
    parent_posteriors: StoredPosteriors | None,
    texts: Texts | None,
    parent_general: GeneralScores | None,
    looks: PastLooks,
    slates: list[Slate] | None,
    preferences: list[Preference] | None,
    earlier_slates: tuple[OfRound[list[Slate]], ...],
    earlier_preferences: tuple[OfRound[list[Preference]], ...],
    settings: ProjectConfig,
    this: RoundKey,
    work: Workspace,
) -> Produced[CalibrateOutcome]:
    """Score the hold-out and compute every figure of the calibration.

    Raises:
        DataError: nothing is held out, or a general text cannot be scored.
        CalibrationError: the training problems have one label only: the classical baseline cannot be fitted.
        ModelError: a problem does not fit; the adapter was made for another base.
    """
    from prefopt.calibration.evaluate import evaluate  # numpy, scipy and torch: not for commands that only look at a round
    from prefopt.rounds.partner import AskedRound, fit_partner, known_labels
    from prefopt.rounds.scoring import general_change, parent_log_probs, score_holdout

    if not data.holdout:
        raise DataError(
            "no problem is held out: nothing can be judged",
            path=settings.data.gold,
            hint="add gold problems: some of the new ones are held out",
        )
    own = score_holdout(adapter, data, settings, work, "scored")
    before = None
    if parent is not None and parent_posteriors is not None:
        before = parent_log_probs(parent, parent_posteriors, data, settings, work)
    rounds = [AskedRound(found.number, found.value) for found in earlier_slates] + [AskedRound(this.number, slates or [])]
    rows = [*(row for found in earlier_preferences for row in found.value), *(preferences or [])]
    known = known_labels(data, rounds, rows)
    classical = fit_partner(data, known, settings.prompt.spelling)
    result = evaluate(
        own.log_probs,
        own.gold,
        own.problem_ids,
        data.taxonomy,
        settings.calibrate,
        settings.project.seed,
        parent_log_probs=before,
        label_mass=own.label_mass,
        single_log_probs=own.single,
        groups=own.groups,
        baseline=_opponent(classical, data, settings.prompt.spelling),
        partner=classical.partner if settings.calibrate.mixture == "auto" else None,
        look=looks.judged + 1,
    )
    general = None
    if texts is not None:
        general, change = general_change(adapter, parent, parent_general, texts, data, settings, work)
        result = result.model_copy(update={"general": change})
    outcome = _outcome(own, result, known.left_out)
    produced = Produced(outcome).put(POSTERIORS, own).put(CALIBRATION, result).put(TFIDF, classical.model)
    return produced if general is None else produced.put(GENERAL, general)


def _opponent(classical: Fitted, data: ProjectData, spelling: Spelling) -> Opponent:
    """What the classical baseline answers on the hold-out, in the spelling that the model reads."""
    from prefopt.calibration.evaluate import Opponent

    texts = [as_read(p.text, spelling) for p in data.holdout]
    return Opponent(classical.model.log_probs(texts, data.taxonomy.ids), classical.learned)


def _outcome(own: StoredPosteriors, result: Calibration, left_out: int) -> CalibrateOutcome:
    baseline, judged = result.baseline, None if result.mixture is None else result.mixture.judged
    smooth = result.view("smooth")
    return CalibrateOutcome(
        baseline_accuracy=None if baseline is None else baseline.accuracy.value,
        baseline_brier=None if baseline is None or baseline.brier is None else baseline.brier.value,
        mixture_accuracy=None if judged is None else judged.accuracy.value,
        mixture_brier=None if judged is None else judged.brier.value,
        mixture_used=judged is not None and judged.used,
        answers_left_out=left_out,
        problems=len(own.problem_ids),
        accuracy=result.accuracy.value,
        accuracy_low=result.accuracy.low,
        accuracy_high=result.accuracy.high,
        brier=result.brier.value,
        ece_debiased=result.ece.debiased,
        confidence_gap=result.overconfidence,
        confidence_gap_known=result.overconfidence_known,
        smooth_ece=None if smooth is None else smooth.value,
        smooth_ece_chance=None if smooth is None else smooth.floor_95,
        never_answered=never_answered(own.log_probs, own.gold, own.labels),
    )


def never_answered(log_probs: NDArray[np.float64], gold: NDArray[np.int64], labels: Sequence[str], least: int = 10) -> tuple[str, ...]:
    """Labels that are right at least `least` times and never the most probable answer.

    An adapter cannot teach tokens that its base never wrote; a label with such a token stays out of reach whatever it is trained on.

    Args:
        log_probs: [N, L] natural log posteriors.
        gold: [N] columns of the gold labels.
        labels: L label ids.
        least: problems that a label needs to be judged.
    """
    import numpy as np

    right, answered = (np.bincount(columns, minlength=len(labels)) for columns in (gold, log_probs.argmax(axis=1)))
    return tuple(label for label, r, a in zip(labels, right, answered, strict=True) if r >= least and not a)
