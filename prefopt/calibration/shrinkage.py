"""Over-confident labels, although each has few problems: gaps shrunk towards the mean that all labels share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from prefopt.calibration.metrics import Floats, Scores
from prefopt.calibration.result import LabelGap

MOST = 10
"""Labels that are listed."""
_EDGE = 0.02  # chances are clipped to this distance from 0 and 1 before their variance is computed


def label_gaps(scores: Scores, label_ids: Sequence[str], confidence: float, effect: float = 1.0) -> tuple[LabelGap, ...]:
    """Over-confident labels, largest shrunk gap first; only those whose gap is above 0 with the given posterior probability.

    A label's problems are those predicted to have it. Its gap is mean confidence minus accuracy. Gaps are modeled as normal around a
    mean that all labels share (empirical Bayes; Efron & Morris 1975), with the spread between labels by the moment estimator of
    DerSimonian & Laird (1986). A label with two problems is shrunk almost entirely to that mean. `effect` multiplies the sampling
    variances: the design effect of siblings.
    """
    gap, variance, count = _raw(scores, len(label_ids))
    variance = variance * effect
    if not len(gap.nonzero()[0]):
        return ()
    used = np.flatnonzero(count)
    gap, variance = gap[used], variance[used]
    spread = between_variance(gap, variance)
    weight = 1 / (variance + spread)
    shared = float((weight * gap).sum() / weight.sum())
    keep = spread / (spread + variance)
    shrunk = shared + keep * (gap - shared)
    deviation = np.sqrt(keep * variance + (1 - keep) ** 2 / weight.sum())
    above = special.ndtr(shrunk / deviation)
    order = [i for i in np.argsort(-shrunk, kind="stable") if above[i] >= confidence][:MOST]
    return tuple(
        LabelGap(
            label=label_ids[used[i]],
            count=int(count[used[i]]),
            raw=float(gap[i]),
            shrunk=float(shrunk[i]),
        )
        for i in order
    )


def _raw(scores: Scores, labels: int) -> tuple[Floats, Floats, Floats]:
    """Gap, its variance and the number of problems by predicted label, each [L]; 0 where there is no problem.

    The variance is that of correctness at the confidences shifted by the overall gap: the spread of a handful of problems is not an
    estimate.
    """
    gap = scores.confidence - scores.correct
    chance = np.clip(scores.confidence - gap.mean(), _EDGE, 1 - _EDGE)
    count = np.bincount(scores.predicted, minlength=labels).astype(np.float64)
    safe = np.maximum(count, 1)
    mean = np.bincount(scores.predicted, weights=gap, minlength=labels) / safe
    variance = np.bincount(scores.predicted, weights=chance * (1 - chance), minlength=labels) / safe**2
    return mean, variance, count


def between_variance(gap: Floats, variance: Floats) -> float:
    """Variance between labels beyond the sampling variance within them, at least 0 (DerSimonian & Laird 1986)."""
    weight = 1 / variance
    mean = (weight * gap).sum() / weight.sum()
    excess = (weight * (gap - mean) ** 2).sum() - (len(gap) - 1)
    scale = weight.sum() - (weight**2).sum() / weight.sum()
    return float(max(0.0, excess / scale)) if scale > 0 else 0.0
