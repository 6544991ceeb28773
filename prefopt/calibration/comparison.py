"""Figures of one adapter's scores with their intervals, and its paired differences against its parent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefopt.calibration import ece as ece_of
from prefopt.calibration.clusters import Clusters
from prefopt.calibration.intervals import FEWEST_EVENTS, difference, events, mean, paired_mean, paired_shares, share, sign_flip
from prefopt.calibration.metrics import Floats, Scores
from prefopt.calibration.result import BaselineComparison, Comparison, GeneralAbility, Majority, TemperedBrier
from prefopt.grounds import Estimate

FLOOR_CONFIDENCE = 0.8
"""One-sided confidence of the lower bound of the accuracy's difference. The test of the Brier score limits false promotions; the
bound keeps out children with better probabilities and worse answers. At 95 % it would hold most real gains on fewer than 300 problems."""


@dataclass(frozen=True)
class Intervals:
    """The figures of one adapter that have an interval."""

    accuracy: Estimate
    brier: Estimate
    log_loss: Estimate
    overconfidence: Estimate
    overconfidence_known: bool
    """False where wrong or right answers are too few for its interval, which then is [-1, 1]."""


@dataclass(frozen=True)
class Tempered:
    """Scores of one classifier."""

    plain: Scores
    tempered: Scores
    """After its temperature, cross-fitted."""


@dataclass(frozen=True)
class Learned:
    """What the classical baseline learned; see BaselineComparison."""

    trained_on: int
    answers: int
    unseen: int
    c: float


def intervals_of(scores: Scores, clusters: Clusters, confidence: float) -> Intervals:
    """Intervals of the means over N problems in clusters, at the given level."""
    gap = scores.confidence - scores.correct
    over, known = mean(gap, clusters, confidence, least=-1, most=1), events(scores.correct, clusters) >= FEWEST_EVENTS
    return Intervals(
        accuracy=share(scores.correct, clusters, confidence),
        brier=mean(scores.brier, clusters, confidence, least=0, most=2),
        log_loss=mean(scores.log_loss, clusters, confidence, least=0),
        overconfidence=over if known else Estimate(value=over.value, low=-1.0, high=1.0),
        overconfidence_known=known,
    )


def compare(this: Scores, parent: Scores, clusters: Clusters, *, bins: int, confidence: float) -> Comparison:
    """Paired differences, this minus parent.

    Args:
        this: scores of the adapter on N problems.
        parent: scores of its parent on the same problems in the same order.
        clusters: of the problems.
        bins: of equal mass, for the debiased ECE.
        confidence: level of the intervals.
    """
    eces = [ece_of.debiased(s.confidence, s.correct, bins) for s in (this, parent)]
    gaps = [s.confidence - s.correct for s in (this, parent)]
    away = [float(np.sign(gap.mean())) * gap for gap in gaps]  # their means are the distances of confidence from accuracy
    return Comparison(
        parent_accuracy=float(parent.correct.mean()),
        parent_brier=float(parent.brier.mean()),
        parent_log_loss=float(parent.log_loss.mean()),
        parent_ece_debiased=eces[1],
        accuracy=paired_shares(this.correct, parent.correct, clusters, confidence),
        brier=paired_mean(this.brier - parent.brier, clusters, confidence),
        log_loss=paired_mean(this.log_loss - parent.log_loss, clusters, confidence),
        ece_debiased=eces[0] - eces[1],
        mcnemar=sign_flip(this.correct, parent.correct, clusters),
        accuracy_floor=accuracy_floor(this, parent, clusters),
        bias_rise=paired_mean(away[0] - away[1], clusters, confidence, least=-1, most=1),
    )


def accuracy_floor(this: Scores, parent: Scores, clusters: Clusters) -> float:
    """Lower bound of the difference of accuracies, one-sided at FLOOR_CONFIDENCE."""
    return paired_shares(this.correct, parent.correct, clusters, 2 * FLOOR_CONFIDENCE - 1).low


def tempered_brier(this: Scores, parent: Scores, clusters: Clusters, confidence: float) -> TemperedBrier:
    """The comparison of Brier scores; both are of posteriors after their own cross-fitted temperature (temperature.cross_fitted)."""
    return TemperedBrier(
        own=float(this.brier.mean()),
        parent=float(parent.brier.mean()),
        difference=difference(this.brier - parent.brier, clusters, confidence),
    )


def against_majority(scores: Scores, label_ids: tuple[str, ...], clusters: Clusters) -> Majority:
    """The adapter against always guessing the most frequent gold label. The guess knows the hold-out, so the test is conservative."""
    column = int(np.bincount(scores.gold, minlength=len(label_ids)).argmax())
    guess = (scores.gold == column).astype(np.float64)
    return Majority(label=label_ids[column], accuracy=float(guess.mean()), mcnemar=sign_flip(scores.correct, guess, clusters))


def against_baseline(adapter: Tempered, baseline: Tempered, learned: Learned, clusters: Clusters, confidence: float) -> BaselineComparison:
    """The adapter against the baseline on the same N problems; see BaselineComparison."""
    return BaselineComparison(
        accuracy=share(baseline.plain.correct, clusters, confidence),
        **vars(learned),
        mcnemar=sign_flip(adapter.plain.correct, baseline.plain.correct, clusters),
        brier=mean(baseline.tempered.brier, clusters, confidence, least=0, most=2),
        log_loss=mean(baseline.tempered.log_loss, clusters, confidence, least=0),
        brier_change=difference(adapter.tempered.brier - baseline.tempered.brier, clusters, confidence),
    )


def general_ability(nats: Floats, parent: Floats | None, *, confidence: float) -> GeneralAbility:
    """Mean over the texts and its paired change. nats and parent: per token of each text, [T]."""
    texts = Clusters.from_names(None, len(nats))
    change = None if parent is None else paired_mean(nats - parent, texts, confidence)
    return GeneralAbility(texts=len(nats), nats=mean(nats, texts, confidence, least=0), change=change)
