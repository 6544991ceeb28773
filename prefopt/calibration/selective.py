"""Accept the confident answers and review the rest: the risk-coverage curve, and the share to accept at an agreed error rate."""

from __future__ import annotations

from math import ceil, log

import numpy as np
from scipy import stats

from prefopt.calibration.metrics import Scores
from prefopt.calibration.result import Acceptance, RiskPoint

POINTS = 100
"""Largest number of points of the curve that are stored."""


def risk_coverage(scores: Scores) -> tuple[tuple[RiskPoint, ...], float]:
    """The risk-coverage curve and the area under it (El-Yaniv & Wiener 2010; Geifman & El-Yaniv 2017).

    Problems of equal confidence are accepted together. The area is the mean, over all accepted counts 1..N, of the risk at that count,
    where the errors of tied problems are spread evenly over them.
    """
    confidence, wrong_before, accepted = _by_confidence(scores)
    n = len(scores)
    risks = wrong_before / accepted
    spread = np.interp(np.arange(1, n + 1), np.r_[0, accepted], np.r_[0, wrong_before])
    area = float((spread / np.arange(1, n + 1)).mean())
    kept = np.unique(np.linspace(0, len(accepted) - 1, min(POINTS, len(accepted))).round().astype(int))
    points = tuple(RiskPoint(accepted_share=float(accepted[i] / n), threshold=float(confidence[i]), risk=float(risks[i])) for i in kept)
    return points, area


def _by_confidence(scores: Scores) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct confidences, highest first, with the wrong answers and all answers at or above each."""
    order = np.argsort(-scores.confidence, kind="stable")
    confidence = scores.confidence[order]
    wrong = np.cumsum(1 - scores.correct[order])
    last = np.flatnonzero(np.r_[confidence[1:] != confidence[:-1], True])
    return confidence[last], wrong[last], last + 1


def error_bound(errors: int, n: int, guarantee: float) -> float:
    """One-sided upper Clopper-Pearson bound of an error rate (1934)."""
    return 1.0 if errors >= n else float(stats.beta.ppf(guarantee, errors + 1, n - errors))


def acceptance(scores: Scores, agreed_error: float, guarantee: float) -> Acceptance:
    """The lowest confidence above which the error is at most the agreed rate, with the given probability.

    Fixed-sequence testing (Angelopoulos et al. 2021, Learn then Test): from the most confident problems on, ever larger accepted sets
    are tested by the exact binomial bound until one fails, so the number of tests needs no correction. The first set is the smallest
    that could pass with no error; the steps depend on N alone.
    """
    n = len(scores)
    confidence, wrong, accepted = _by_confidence(scores)
    first = ceil(log(1 - guarantee) / log(1 - agreed_error))
    step = max(1, n // 50)
    best: int | None = None
    for wanted in [*range(first, n, step), n]:
        at = int(np.searchsorted(accepted, wanted))
        if wanted < first or error_bound(int(wrong[at]), int(accepted[at]), guarantee) > agreed_error:
            break
        best = at
    if best is None:
        return Acceptance(agreed_error=agreed_error, guarantee=guarantee, threshold=None, count=0, share=0.0, errors=0, error_bound=None)
    count, errors = int(accepted[best]), int(wrong[best])
    return Acceptance(
        agreed_error=agreed_error,
        guarantee=guarantee,
        threshold=float(confidence[best]),
        count=count,
        share=count / n,
        errors=errors,
        error_bound=error_bound(errors, count, guarantee),
    )
