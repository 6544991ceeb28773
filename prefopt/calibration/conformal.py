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
    is 1 - P(label), Sadinle et al. 2019). The most probable label is always in the set, also where it does not reach its threshold: no set
    is empty, and the coverage can only grow. A group with too few problems has threshold 0: all its labels are in the set. One that has
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
    names, of_label = _groups(taxonomy)
    rows = np.arange(len(gold))
    group_of = of_label[gold]
    final, first, second = _thresholds(np.exp(log_probs), gold, half, of_label, level)
    known = (final == 0) | ((first > 0) & (second > 0))  # else the halves show all labels where the threshold of all problems would not
    member, forced = _cross_fitted(np.exp(log_probs), half, first[of_label], second[of_label])
    size, hit = member.sum(axis=1), member[rows, gold].astype(np.float64)
    by_group = []
    for g, name in enumerate(names):
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
    return Conformal(
        level=level,
        mean_size=float(size.mean()),
        share_single=float((size == 1).mean()),
        forced=int((forced & (size == 1)).sum()),
        groups=tuple(by_group),
    )


def below_thresholds(log_probs: Floats, gold: Ints, half: NDArray[np.bool_], taxonomy: Taxonomy, level: float) -> NDArray[np.bool_]:
    """[N] whether the most probable label does not reach its threshold, each half with the thresholds of the other: those problems are
    marked for review. The arguments are those of conformal_sets."""
    _, of_label = _groups(taxonomy)
    _, first, second = _thresholds(np.exp(log_probs), gold, half, of_label, level)
    return _cross_fitted(np.exp(log_probs), half, first[of_label], second[of_label])[1]


def _groups(taxonomy: Taxonomy) -> tuple[list[str], Ints]:
    """Names of the first groups, and the position of each label's."""
    names = [label.groups[0] if label.groups else "" for label in taxonomy.labels]
    groups = list(dict.fromkeys(names))
    return groups, np.array([groups.index(name) for name in names])


def _thresholds(probs: Floats, gold: Ints, half: NDArray[np.bool_], of_label: Ints, level: float) -> tuple[Floats, Floats, Floats]:
    """Thresholds of the groups from all problems, from the one half and from the other."""
    of_gold, group_of = probs[np.arange(len(gold)), gold], of_label[gold]

    def fitted(on: NDArray[np.bool_]) -> Floats:
        return np.array([threshold_for(of_gold[on & (group_of == g)], level) for g in range(int(of_label.max()) + 1)])

    return fitted(np.ones(len(gold), dtype=np.bool_)), fitted(half), fitted(~half)


def _cross_fitted(probs: Floats, half: NDArray[np.bool_], first: Floats, second: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    return label_sets(probs, np.where(half[:, None], second, first))


def label_sets(probs: Floats, thresholds: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The labels that reach their threshold, and always the most probable one (of equal ones the first, which is the predicted label).

    Args:
        probs: [N, L] probabilities.
        thresholds: [L] or [N, L] of the labels.

    Returns:
        [N, L] whether a label is in the set, and [N] whether the most probable one is in it without reaching its threshold.
    """
    member, rows = probs >= thresholds, np.arange(len(probs))
    best = probs.argmax(axis=1)
    forced = ~member[rows, best]
    member[rows, best] = True
    return member, forced


def threshold_for(of_gold: Floats, level: float) -> float:
    """The probability that the share `level` of right labels reaches, with the finite-sample correction (n + 1); 0 where n is too small."""
    rank = ceil((len(of_gold) + 1) * level)
    return 0.0 if rank > len(of_gold) else float(np.sort(of_gold)[len(of_gold) - rank])
