"""Accept the confident answers and review the rest: the risk-coverage curve, and the share to accept at an agreed error rate."""

from __future__ import annotations

from math import ceil, log

import numpy as np
from numpy.typing import NDArray
from scipy import special

from prefopt.calibration.clusters import Clusters, design_effect
from prefopt.calibration.metrics import Floats, Scores
from prefopt.calibration.review_result import Acceptance, NoAcceptance, RiskPoint
from prefopt.calibration.spending import share_of_look

POINTS = 100
"""Largest number of points of the curve that are stored."""
MOST_NEEDED = 1e6
"""From this number of problems on, the rate of errors is so close to the agreed one that no hold-out will do."""
_ALTERNATIVES = np.arange(1, 20) / 20
"""Error rates below the agreed one, as shares of it, that the e-process bets on in equal parts."""


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


def _by_confidence(scores: Scores) -> tuple[Floats, Floats, Floats]:
    """Distinct confidences, highest first, with the wrong answers and all answers at or above each."""
    order = np.argsort(-scores.confidence, kind="stable")
    confidence = scores.confidence[order]
    wrong = np.cumsum(1 - scores.correct[order])
    last = np.flatnonzero(np.r_[confidence[1:] != confidence[:-1], True])
    return confidence[last], wrong[last], (last + 1).astype(np.float64)


def log_evidence(errors: Floats, accepted: Floats, agreed_error: float) -> Floats:
    """Logarithm of the e-process against "the error is at least the agreed rate a", for `errors` among the first `accepted` problems.

    The mean over rates q below a of (q/a)^errors ((1-q)/(1-a))^(accepted-errors): a nonnegative martingale at error rate a and a
    supermartingale above it, also where the problems' risks differ, as the logarithm of 1 - p + p e^l is concave in p (Waudby-Smith &
    Ramdas 2024, Estimating means of bounded random variables by betting). By Ville's inequality it exceeds 1/delta at any point of the
    order of confidence with a probability of at most delta.
    """
    q = agreed_error * _ALTERNATIVES
    terms = np.multiply.outer(errors, np.log(q / agreed_error)) + np.multiply.outer(accepted - errors, np.log((1 - q) / (1 - agreed_error)))
    return np.asarray(special.logsumexp(terms, axis=-1) - np.log(len(q)), dtype=np.float64)


def acceptance(
    scores: Scores,
    agreed_error: float,
    guarantee: float,
    clusters: Clusters | None = None,
    look: int = 1,
    reviewed: NDArray[np.bool_] | None = None,
    *,
    classifiers: int = 1,
) -> Acceptance:
    """The lowest confidence above which the error is at most the agreed rate, with the given probability.

    The e-process runs from the most confident problem on, and the largest set that passes is taken: valid at all sizes at once, so an
    early error ends nothing. Counts are divided by the design effect of the errors where problems have siblings.

    Args:
        scores: of N problems.
        agreed_error: largest share of wrong answers among the accepted.
        guarantee: probability of keeping it, for all adapters ever judged on this hold-out together.
        clusters: of the problems; None: independent.
        look: number of this adapter among them, from 1; it gets its share of 1 - guarantee (spending.py).
        reviewed: [N] problems that are reviewed whatever their confidence (conformal.below_thresholds); they are among the N of `share`,
            and never accepted.
        classifiers: how many are judged in this look, of which the hold-out then chooses one; each gets an equal part.
    """
    n, delta = len(scores), (1 - guarantee) * share_of_look(look) / classifiers
    agreed = {"agreed_error": agreed_error, "guarantee": guarantee, "look": look}
    nothing = {"threshold": None, "count": 0, "share": 0.0, "errors": 0}
    if reviewed is not None and reviewed.all():
        return Acceptance.model_validate({**agreed, **nothing, "cause": "not_sure_yet"})
    if reviewed is not None and reviewed.any():
        scores = scores.take(~reviewed)
        clusters = None if clusters is None else clusters.take(~reviewed)
    confidence, wrong, accepted = _by_confidence(scores)
    effect = 1.0 if clusters is None else design_effect(1 - scores.correct, clusters)
    evidence = log_evidence(wrong / effect, accepted / effect, agreed_error)
    passed = np.flatnonzero(evidence >= -log(delta))
    if not len(passed):
        cause, examined, errors, needed = _why_none(wrong, accepted, evidence, agreed_error, delta, effect)
        return Acceptance.model_validate(
            {**agreed, **nothing, "cause": cause, "examined": examined, "examined_errors": errors, "needed": needed}
        )
    best = int(passed[-1])
    count = int(accepted[best])
    return Acceptance.model_validate(
        {**agreed, "threshold": float(confidence[best]), "count": count, "share": count / n, "errors": int(wrong[best])}
    )


def _why_none(
    wrong: Floats, accepted: Floats, evidence: Floats, agreed_error: float, delta: float, effect: float
) -> tuple[NoAcceptance, int, int, int | None]:
    """Cause, the problems that came closest with the errors among them, and how many problems would do."""
    faultless = _needed(0.0, agreed_error, delta) * effect
    if faultless > accepted[-1]:
        return "too_few_problems", int(accepted[-1]), int(wrong[-1]), ceil(faultless)
    enough = np.flatnonzero(accepted >= faultless)
    best = int(enough[np.argmax(evidence[enough])])
    rate = float(wrong[best] / accepted[best])
    if rate >= agreed_error:
        return "confident_errors", int(accepted[best]), int(wrong[best]), None
    needed = _needed(rate, agreed_error, delta) * effect
    return "not_sure_yet", int(accepted[best]), int(wrong[best]), ceil(needed) if needed < MOST_NEEDED else None


def _needed(rate: float, agreed_error: float, delta: float) -> float:
    """Independent problems with this share of errors whose evidence reaches 1/delta."""
    low, high = 1.0, 1.0
    while float(log_evidence(np.array(rate * high), np.array(high), agreed_error)) < -log(delta):
        low, high = high, 2 * high
        if high > MOST_NEEDED:
            return high
    while high - low > 0.5:
        middle = (low + high) / 2
        reached = float(log_evidence(np.array(rate * middle), np.array(middle), agreed_error)) >= -log(delta)
        low, high = (low, middle) if reached else (middle, high)
    return high
