"""calibrate: posteriors of the round's adapter on the hold-out, compared with the gold labels and with the parent's posteriors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from prefopt.config import ProjectConfig
from prefopt.errors import DataError
from prefopt.project.project import ProjectData, RoundKey
from prefopt.records import GeneralScores
from prefopt.rounds.artifacts import ADAPTER, CALIBRATION, GENERAL, POSTERIORS
from prefopt.rounds.looks import Looks, PastLooks
from prefopt.rounds.reads import PROBLEMS, Data, GeneralTexts, Parent, Texts
from prefopt.rounds.stage import Outcome, Produced, Workspace, stage
from prefopt.texts.same_text import Spelling, as_read

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from prefopt.calibration.evaluate import Opponent
    from prefopt.calibration.posteriors import StoredPosteriors
    from prefopt.calibration.result import Calibration


class CalibrateOutcome(Outcome):
    """The figures of the round list."""

    problems: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    brier: float
    ece_debiased: float
    never_answered: tuple[str, ...] = ()
    """Labels that are often right and never the most probable answer."""

    def line(self) -> str:
        never = f"; never answered: {', '.join(self.never_answered)}" if self.never_answered else ""
        interval = f"[{self.accuracy_low:.3f}, {self.accuracy_high:.3f}]"
        return (
            f"{self.problems} problems: accuracy {self.accuracy:.3f} {interval}, "
            f"Brier {self.brier:.3f}, debiased ECE {self.ece_debiased:.2f}{never}"
        )


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
    },
    writes=(POSTERIORS, GENERAL, CALIBRATION),
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
        baseline=_baseline(data, settings.prompt.spelling),
        look=looks.judged + 1,
    )
    general = None
    if texts is not None:
        general, change = general_change(adapter, parent, parent_general, texts, data, settings, work)
        result = result.model_copy(update={"general": change})
    produced = Produced(_outcome(own, result)).put(POSTERIORS, own).put(CALIBRATION, result)
    return produced if general is None else produced.put(GENERAL, general)


def _baseline(data: ProjectData, spelling: Spelling) -> Opponent:
    """What a classical classifier answers that was trained on the same gold problems, in the spelling that the model reads."""
    import numpy as np

    from prefopt.calibration.baseline import tfidf_predictions
    from prefopt.calibration.evaluate import Opponent

    labels = [str(p.label) for p in data.train]
    trained, judged = ([as_read(p.text, spelling) for p in problems] for problems in (data.train, data.holdout))
    answers = tfidf_predictions(trained, labels, judged)
    hits = np.array([float(answer == p.label) for answer, p in zip(answers, data.holdout, strict=True)])
    known = set(labels)
    return Opponent(hits, len(labels), sum(p.label not in known for p in data.holdout))


def _outcome(own: StoredPosteriors, result: Calibration) -> CalibrateOutcome:
    return CalibrateOutcome(
        problems=len(own.problem_ids),
        accuracy=result.accuracy.value,
        accuracy_low=result.accuracy.low,
        accuracy_high=result.accuracy.high,
        brier=result.brier.value,
        ece_debiased=result.ece.debiased,
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
