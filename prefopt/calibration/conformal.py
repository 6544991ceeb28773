"""Sets of labels that contain the right one with an agreed probability, group by group (Mondrian split conformal prediction)."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np

from prefopt.calibration.intervals import wilson
from prefopt.calibration.metrics import Floats, Ints
from prefopt.calibration.result import Conformal, ConformalGroup
from prefopt.calibration.temperature import fitting_half
from prefopt.taxonomy import Taxonomy


def conformal_sets(
    log_probs: Floats, gold: Ints, problem_ids: Sequence[str], taxonomy: Taxonomy, *, level: float, confidence: float, seed: int
) -> Conformal:
    """Thresholds from one half of the problems, coverage and set size on the other.

    A label is in the set if its probability reaches the threshold of its own group (the first group of the taxonomy, or all labels as
    one), so the right label is in it with probability `level` within every group (Vovk et al. 2005, label-conditional by group; the score
    is 1 - P(label), Sadinle et al. 2019). A group with too few problems in the first half has threshold 0: all its labels are in the set.

    Args:
        log_probs: [N, L] normalized natural logarithms.
        gold: [N] column of the right label.
        problem_ids: N distinct ids, which decide the halves.
        taxonomy: L labels.
        level: wanted probability that the right label is in the set.
        confidence: of the Wilson intervals of the coverage.
        seed: of the halves.
    """
    names = [label.groups[0] if label.groups else "" for label in taxonomy.labels]
    groups = list(dict.fromkeys(names))
    of_label = np.array([groups.index(name) for name in names])
    probs, fit = np.exp(log_probs), fitting_half(problem_ids, seed)
    of_gold = probs[np.arange(len(gold)), gold]
    thresholds = np.array([threshold_for(of_gold[fit & (of_label[gold] == g)], level) for g in range(len(groups))])
    member = probs >= thresholds[of_label]
    size, hit = member.sum(axis=1), member[np.arange(len(gold)), gold]
    by_group = []
    for g, name in enumerate(groups):
        judged = ~fit & (of_label[gold] == g)
        n = int(judged.sum())
        by_group.append(
            ConformalGroup(
                group=name,
                fitted_on=int((fit & (of_label[gold] == g)).sum()),
                judged_on=n,
                threshold=float(thresholds[g]),
                set_coverage=wilson(int(hit[judged].sum()), n, confidence) if n else None,
                mean_size=float(size[judged].mean()) if n else None,
            )
        )
    return Conformal(level=level, mean_size=float(size[~fit].mean()), share_single=float((size[~fit] == 1).mean()), groups=tuple(by_group))


def threshold_for(of_gold: Floats, level: float) -> float:
    """The probability that the share `level` of right labels reaches, with the finite-sample correction (n + 1); 0 where n is too small."""
    rank = ceil((len(of_gold) + 1) * level)
    return 0.0 if rank > len(of_gold) else float(np.sort(of_gold)[len(of_gold) - rank])
