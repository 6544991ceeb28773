"""Sets of labels that contain the right one with an agreed probability, group by group (Mondrian split conformal prediction)."""

from __future__ import annotations

from math import ceil

import numpy as np
from numpy.typing import NDArray

from prefopt.calibration.clusters import Clusters
from prefopt.calibration.intervals import share
from prefopt.calibration.metrics import Floats, Ints
from prefopt.calibration.review_result import Conformal, ConformalGroup
from prefopt.taxonomy import Taxonomy


def conformal_sets(
    log_probs: Floats,
    gold: Ints,
    half: NDArray[np.bool_],
    clusters: Clusters,
    taxonomy: Taxonomy,
    *,
    level: float,
    confidence: float,
) -> Conformal:
    """Thresholds from all problems; coverage and size of the sets by cross-fitting, each half with the thresholds of the other.

    A label is in the set if its probability reaches the threshold of its own group (the first group of the taxonomy, or all labels as
    one), so the right label is in it with probability `level` within every group (Vovk et al. 2005, label-conditional by group; the score
    is 1 - P(label), Sadinle et al. 2019). A group with too few problems has threshold 0: all its labels are in the set. One that has
    enough of them in all but not in each half has no coverage and size.

    Args:
        log_probs: [N, L] normalized natural logarithms.
        gold: [N] column of the right label.
        half: [N] the two halves, siblings together (temperature.halves).
        clusters: of the N problems.
        taxonomy: L labels.
        level: wanted probability that the right label is in the set.
        confidence: of the intervals of the coverage.
    """
    names = [label.groups[0] if label.groups else "" for label in taxonomy.labels]
    groups = list(dict.fromkeys(names))
    of_label = np.array([groups.index(name) for name in names])
    probs, rows = np.exp(log_probs), np.arange(len(gold))
    of_gold, group_of = probs[rows, gold], of_label[gold]

    def thresholds(fit: NDArray[np.bool_]) -> Floats:
        return np.array([threshold_for(of_gold[fit & (group_of == g)], level) for g in range(len(groups))])

    final, first, second = thresholds(np.ones(len(gold), dtype=np.bool_)), thresholds(half), thresholds(~half)
    known = (final == 0) | ((first > 0) & (second > 0))  # else the halves show all labels where the threshold of all problems would not
    member = probs >= np.where(half[:, None], second[of_label], first[of_label])
    size, hit = member.sum(axis=1), member[rows, gold].astype(np.float64)
    by_group = []
    for g, name in enumerate(groups):
        judged = group_of == g
        n = int(judged.sum())
        judge = bool(n and known[g])
        by_group.append(
            ConformalGroup(
                group=name,
                fitted_on=n,
                judged_on=n,
                threshold=float(final[g]),
                set_coverage=share(hit[judged], clusters.take(judged), confidence) if judge else None,
                mean_size=float(size[judged].mean()) if judge else None,
            )
        )
    return Conformal(level=level, mean_size=float(size.mean()), share_single=float((size == 1).mean()), groups=tuple(by_group))


def threshold_for(of_gold: Floats, level: float) -> float:
    """The probability that the share `level` of right labels reaches, with the finite-sample correction (n + 1); 0 where n is too small."""
    rank = ceil((len(of_gold) + 1) * level)
    return 0.0 if rank > len(of_gold) else float(np.sort(of_gold)[len(of_gold) - rank])
