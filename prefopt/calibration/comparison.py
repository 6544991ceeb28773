"""Bootstrap intervals of one adapter's scores, and of its paired differences against its parent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefopt.calibration import ece as ece_of
from prefopt.calibration.intervals import bca_mean, bootstrap, mcnemar, paired_shares, percentile, shifted, wilson
from prefopt.calibration.metrics import Floats, Ints, Scores, macro_f1, macro_f1_of_rows
from prefopt.calibration.result import Comparison, Discordance, GeneralAbility, Majority
from prefopt.grounds import Estimate


@dataclass(frozen=True)
class Intervals:
    """The bootstrapped figures of one adapter."""

    accuracy: Estimate
    macro_f1: Estimate
    brier: Estimate
    log_loss: Estimate
    overconfidence: Estimate
    ece_debiased: Estimate


def intervals_of(scores: Scores, labels: int, *, bins: int, replicates: int, confidence: float, seed: int) -> Intervals:
    """Intervals over the problems: Wilson for accuracy, BCa for means, shifted percentile for macro-F1 and the debiased ECE.

    Resampling repeats problems, which biases the last two; their replicates are shifted so that their mean is the estimate. The debiased
    ECE is shifted before its root is taken, and its problems' gaps are shrunk before they are resampled (ece.shrunk).

    Args:
        scores: of N problems.
        labels: of the taxonomy.
        bins: of equal mass, for the debiased ECE.
        replicates: of the bootstrap.
        confidence: level of the intervals.
        seed: of the bootstrap.
    """
    binned = ece_of.mass_bins(scores.confidence, bins)
    gap = scores.confidence - scores.correct
    shrunk = ece_of.shrunk(gap, binned)

    def statistics(rows: Ints) -> Floats:
        return np.stack(
            [
                scores.brier[rows].mean(axis=1),
                scores.log_loss[rows].mean(axis=1),
                gap[rows].mean(axis=1),
                macro_f1_of_rows(scores.gold[rows], scores.predicted[rows], labels),
                ece_of.squared_errors_of_rows(shrunk[rows], binned.bin_of[rows], binned.bins),
            ],
            axis=1,
        )

    brier, log_loss, over, f1, squared = bootstrap(len(scores), replicates, np.random.default_rng([seed, 1]), statistics).T
    f1_interval = shifted(macro_f1(scores.gold, scores.predicted, labels), f1, confidence)
    squared_interval = shifted(ece_of.squared_error_debiased(gap, binned), squared, confidence)
    return Intervals(
        accuracy=wilson(int(scores.correct.sum()), len(scores), confidence),
        macro_f1=Estimate(value=f1_interval.value, low=max(0.0, f1_interval.low), high=min(1.0, f1_interval.high)),
        brier=bca_mean(scores.brier, brier, confidence),
        log_loss=bca_mean(scores.log_loss, log_loss, confidence),
        overconfidence=bca_mean(gap, over, confidence),
        ece_debiased=Estimate(
            value=ece_of.root(squared_interval.value), low=ece_of.root(squared_interval.low), high=ece_of.root(squared_interval.high)
        ),
    )


def compare(this: Scores, parent: Scores, *, bins: int, replicates: int, confidence: float, seed: int) -> Comparison:
    """Paired differences, this minus parent.

    Args:
        this: scores of the adapter on N problems.
        parent: scores of its parent on the same problems in the same order.
        bins: of equal mass, for the debiased ECE.
        replicates: of the bootstrap.
        confidence: level of the intervals.
        seed: of the bootstrap.
    """
    brier, log_loss = this.brier - parent.brier, this.log_loss - parent.log_loss
    sides = [(s.confidence - s.correct, ece_of.mass_bins(s.confidence, bins)) for s in (this, parent)]
    resampled = [(ece_of.shrunk(gap, binned), binned) for gap, binned in sides]

    def statistics(rows: Ints) -> Floats:
        squared = [ece_of.squared_errors_of_rows(gap[rows], binned.bin_of[rows], binned.bins) for gap, binned in resampled]
        return np.stack([brier[rows].mean(axis=1), log_loss[rows].mean(axis=1), *squared], axis=1)

    briers, log_losses, *squares = bootstrap(len(this), replicates, np.random.default_rng([seed, 2]), statistics).T
    squared = [ece_of.squared_error_debiased(gap, binned) for gap, binned in sides]
    moved = [np.sqrt(np.maximum(replicated - replicated.mean() + value, 0.0)) for replicated, value in zip(squares, squared, strict=True)]
    roots = [ece_of.root(value) for value in squared]
    test = mcnemar(this.correct, parent.correct)
    return Comparison(
        parent_accuracy=float(parent.correct.mean()),
        parent_brier=float(parent.brier.mean()),
        parent_log_loss=float(parent.log_loss.mean()),
        parent_ece_debiased=roots[1],
        accuracy=paired_shares(test.lost, test.gained, len(this), confidence),
        brier=bca_mean(brier, briers, confidence),
        log_loss=bca_mean(log_loss, log_losses, confidence),
        ece_debiased=percentile(roots[0] - roots[1], moved[0] - moved[1], confidence),
        mcnemar=test,
    )


def against_majority(scores: Scores, label_ids: tuple[str, ...]) -> Majority:
    """The adapter against always guessing the most frequent gold label. The guess knows the hold-out, so the test is conservative."""
    column = int(np.bincount(scores.gold, minlength=len(label_ids)).argmax())
    guess = (scores.gold == column).astype(np.float64)
    test: Discordance = mcnemar(scores.correct, guess)
    return Majority(label=label_ids[column], accuracy=float(guess.mean()), mcnemar=test)


def general_ability(nats: Floats, parent: Floats | None, *, replicates: int, confidence: float, seed: int) -> GeneralAbility:
    """Mean over the texts and its paired change, with BCa intervals. nats and parent: per token of each text, [T]."""

    def estimate(values: Floats) -> Estimate:
        rng = np.random.default_rng([seed, 7])
        return bca_mean(values, bootstrap(len(values), replicates, rng, lambda rows: values[rows].mean(axis=1)[:, None])[:, 0], confidence)

    return GeneralAbility(texts=len(nats), nats=estimate(nats), change=None if parent is None else estimate(nats - parent))
