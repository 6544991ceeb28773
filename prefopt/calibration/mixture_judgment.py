"""Whether the mixture of adapter and baseline is used: judged on the hold-out beside the adapter alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prefopt.calibration.clusters import Clusters
from prefopt.calibration.conformal import below_thresholds, conformal_sets
from prefopt.calibration.intervals import difference, mean, paired_mean, paired_shares, share, sign_flip
from prefopt.calibration.metrics import Floats, Ints, score
from prefopt.calibration.mixture import mix
from prefopt.calibration.mixture_result import JudgedMixture, MixtureWeights, Verdict
from prefopt.calibration.paired_result import Difference, Discordance
from prefopt.calibration.selective import acceptance, risk_coverage
from prefopt.calibration.spending import share_of_look
from prefopt.calibration.temperature import cross_fitted, temperature_of
from prefopt.config import CalibrateSettings
from prefopt.taxonomy import Taxonomy

CLASSIFIERS = 2
"""Adapter and mixture: the hold-out chooses, so each threshold of acceptance gets half of the chance that either is wrong."""


def judge_mixture(
    model: Floats,
    tfidf: Floats,
    weights: MixtureWeights,
    gold: Ints,
    half: NDArray[np.bool_],
    clusters: Clusters,
    taxonomy: Taxonomy,
    settings: CalibrateSettings,
    look: int,
) -> JudgedMixture:
    """Compare the mixture with the adapter alone on N held-out problems.

    Args:
        model: [N, L] natural logarithms of the adapter's posteriors.
        tfidf: [N, L] of the baseline.
        weights: fitted on other problems.
        gold: [N] column of the right label.
        half: [N] the two halves of cross-fitting.
        clusters: of the problems.
        taxonomy: L labels.
        settings: confidence level, bins, agreed error.
        look: number of this adapter among all that were judged on this hold-out.
    """
    level, mixed = settings.confidence, mix(model, tfidf, weights)
    plain, alone = score(mixed, gold), score(model, gold)
    own, adapter = (score(cross_fitted(logs, gold, half)[0], gold) for logs in (mixed, model))
    brier = difference(own.brier - adapter.brier, clusters, level)
    mcnemar = sign_flip(plain.correct, alone.correct, clusters)
    spent = (1 - level) * share_of_look(look)
    reviewed = below_thresholds(mixed, gold, half, taxonomy, level)
    return JudgedMixture(
        weights=weights,
        accuracy=share(plain.correct, clusters, level),
        brier=mean(own.brier, clusters, level, least=0, most=2),
        log_loss=mean(own.log_loss, clusters, level, least=0),
        accuracy_change=paired_shares(plain.correct, alone.correct, clusters, level),
        mcnemar=mcnemar,
        brier_change=brier,
        log_loss_change=paired_mean(own.log_loss - adapter.log_loss, clusters, level),
        adapter_brier=float(adapter.brier.mean()),
        level=spent,
        verdict=verdict(brier, mcnemar, spent, 1 - level),
        temperature=temperature_of(mixed, gold, half, bins=settings.bins),
        acceptance=acceptance(plain, settings.agreed_error, level, clusters, look, reviewed, classifiers=CLASSIFIERS),
        conformal=conformal_sets(mixed, gold, half, clusters, taxonomy, level=level, confidence=level),
        risk_coverage=risk_coverage(plain)[0],
    )


def verdict(brier: Difference, mcnemar: Discordance, level: float, alpha: float) -> Verdict:
    """The rule.

    Args:
        brier: mixture minus adapter.
        mcnemar: of their answers.
        level: one-sided, of a lower Brier score. Every adapter brings a mixture, so it is spent over the looks as the thresholds of
            acceptance are (spending.py). The rule of promotion spends its own: no mixture can promote an adapter.
        alpha: two-sided, of lower accuracy. It is not divided: that would make a loss harder to show.
    """
    if not (brier.high < 0 and brier.p_below <= level):
        return "not_shown"
    return "less_accurate" if mcnemar.lost > mcnemar.gained and mcnemar.p_value <= alpha else "helps"
