"""Accuracy and confidence in parts: reliability bins, cells of the taxonomy, confusions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from prefopt.calibration.clusters import Clusters, within_correlation
from prefopt.calibration.ece import width_bins
from prefopt.calibration.intervals import difference, holm, poisson_binomial_p, share, sign_flip
from prefopt.calibration.metrics import Floats, Ints, Scores
from prefopt.calibration.result import MIN_CELL, CalibrationFlag, Cell, CellChange, Confusion, LevelAccuracy, ReliabilityBin
from prefopt.taxonomy import Taxonomy

SMALL_TAXONOMY = 40
"""A taxonomy without groups has one cell per label up to this number of labels, and none above it."""


def level_accuracies(scores: Scores, taxonomy: Taxonomy, clusters: Clusters, confidence: float) -> tuple[LevelAccuracy, ...]:
    """Accuracy of the group above the most probable label, for every group, then of the label itself."""
    accuracies = []
    for depth, name in enumerate(taxonomy.group_names):
        groups = np.array([label.groups[depth] for label in taxonomy.labels])
        hits = (groups[scores.gold] == groups[scores.predicted]).astype(np.float64)
        accuracies.append(LevelAccuracy(level=name, accuracy=share(hits, clusters, confidence)))
    accuracies.append(LevelAccuracy(level="label", accuracy=share(scores.correct, clusters, confidence)))
    return tuple(accuracies)


def hierarchical_hits(scores: Scores, taxonomy: Taxonomy) -> Floats:
    """Per problem [N]: share of the gold label and the groups above it that the most probable label shares with it.

    A group is identified together with those above it: the same domain in another band is another domain.
    """
    paths = [[label.groups[: depth + 1] for depth in range(len(label.groups))] + [label.id] for label in taxonomy.labels]
    numbers: dict[object, int] = {}
    columns = np.array([[numbers.setdefault((depth, node), len(numbers)) for depth, node in enumerate(path)] for path in paths])
    return np.asarray((columns[scores.gold] == columns[scores.predicted]).mean(axis=1))


def reliability_table(scores: Scores, clusters: Clusters, bins: int, confidence: float) -> tuple[ReliabilityBin, ...]:
    """Accuracy by confidence in bins of equal width; empty bins are left out."""
    binned = width_bins(scores.confidence, bins)
    correlation = bin_correlation(scores, clusters)
    used = [i for i in range(bins) if (binned.bin_of == i).any()]
    parts = [(scores.take(rows), clusters.take(rows)) for rows in (binned.bin_of == i for i in used)]
    return tuple(
        ReliabilityBin(
            low=i / bins,
            high=(i + 1) / bins,
            count=len(part),
            confidence=float(part.confidence.mean()),
            accuracy=share(part.correct, together, confidence, correlation),
            p_value=p_value,
            flag=_flag(part, p_value, confidence),
        )
        for i, (part, together), p_value in zip(used, parts, _p_values(parts), strict=True)
    )


OF_ALL = 0.35
"""Weight of the correlation of correctness in bin_correlation, chosen so that the bins' intervals cover 93 to 97 % in all simulations."""


def bin_correlation(scores: Scores, clusters: Clusters) -> float:
    """Correlation of siblings in one bin of confidence: between that of correctness, and that of what confidence does not explain.

    With the first alone the intervals of the bins cover up to 98 %, with the second down to 92 % (benchmarks/calibration.py).
    """
    of_all, unexplained = within_correlation(scores.correct, clusters), within_correlation(scores.correct - scores.confidence, clusters)
    return OF_ALL * of_all + (1 - OF_ALL) * unexplained


Part = tuple[Scores, Clusters]
"""Some of the problems, with their clusters."""


def _p_values(parts: Sequence[Part]) -> list[float | None]:
    """P value for every part that is large enough that its confidences are right, after Holm over these parts."""
    raw = [_p_value(scores, clusters) if len(scores) >= MIN_CELL else None for scores, clusters in parts]
    adjusted = iter(holm(np.array([p for p in raw if p is not None])))
    return [None if p is None else float(next(adjusted)) for p in raw]


def _p_value(scores: Scores, clusters: Clusters) -> float:
    """Exact Poisson-binomial test for independent problems; the t test of the mean gap over clusters where some are siblings."""
    if clusters.single:
        return poisson_binomial_p(scores.confidence, int(scores.correct.sum()))
    if clusters.count < 2:
        return 1.0
    found = difference(scores.confidence - scores.correct, clusters, 0.95)
    return min(1.0, 2 * min(found.p_below, found.p_above))


def _flag(scores: Scores, p_value: float | None, confidence: float) -> CalibrationFlag:
    if p_value is None:
        return "cannot_tell"
    if p_value > 1 - confidence:
        return "no_fault_found"
    return "over_confident" if scores.confidence.mean() > scores.correct.mean() else "under_confident"


def cell_table(scores: Scores, taxonomy: Taxonomy, clusters: Clusters, confidence: float) -> tuple[tuple[str, ...], tuple[Cell, ...]]:
    """The groups that are crossed, and their cells: the first two groups, or the first, or the labels of a small taxonomy.

    Every crossing that has a label is included, even without problems. The gold label decides the cell of a problem.
    """
    names, cells, of_label = _crossing(taxonomy)
    parts = [(scores.take(rows), clusters.take(rows)) for rows in (of_label[scores.gold] == i for i in range(len(cells)))]
    correlation = within_correlation(scores.correct, clusters)
    return names, tuple(_cell(key, part, p, confidence, correlation) for key, part, p in zip(cells, parts, _p_values(parts), strict=True))


def _crossing(taxonomy: Taxonomy) -> tuple[tuple[str, ...], list[tuple[str, ...]], Ints]:
    """Names of the groups that are crossed, the crossings that have a label, and the crossing of each label [L]."""
    keys: list[tuple[str, ...]] = [label.groups[:2] for label in taxonomy.labels]
    names: tuple[str, ...] = taxonomy.group_names[:2]
    if not names:
        if len(taxonomy) > SMALL_TAXONOMY:
            return (), [], np.zeros(len(taxonomy), dtype=np.int64)
        keys, names = [(label.id,) for label in taxonomy.labels], ("label",)
    axes = [list(dict.fromkeys(key[i] for key in keys)) for i in range(len(names))]
    existing = set(keys)
    cells = [key for key in product(*axes) if key in existing]
    position = {key: i for i, key in enumerate(cells)}
    return names, cells, np.array([position[key] for key in keys])


def cell_changes(this: Scores, parent: Scores, taxonomy: Taxonomy, clusters: Clusters) -> tuple[CellChange, ...]:
    """Exact paired test (intervals.sign_flip) against the parent in every cell that has problems; Holm over the cells large enough."""
    _, cells, of_label = _crossing(taxonomy)
    rows = [np.flatnonzero(of_label[this.gold] == i) for i in range(len(cells))]
    tests = [sign_flip(this.correct[part], parent.correct[part], clusters.take(part)) for part in rows]
    large = [test.p_value for test, part in zip(tests, rows, strict=True) if len(part) >= MIN_CELL]
    adjusted = iter(holm(np.array(large)))
    return tuple(
        CellChange(groups=key, count=len(part), mcnemar=test, p_value=float(next(adjusted)) if len(part) >= MIN_CELL else None)
        for key, part, test in zip(cells, rows, tests, strict=True)
        if len(part)
    )


def _cell(key: tuple[str, ...], part: Part, p_value: float | None, confidence: float, correlation: float) -> Cell:
    scores, clusters = part
    n = len(scores)
    return Cell(
        groups=key,
        count=n,
        accuracy=share(scores.correct, clusters, confidence, correlation) if n else None,
        confidence=float(scores.confidence.mean()) if n else None,
        p_value=p_value,
        flag=_flag(scores, p_value, confidence),
    )


def confusion_table(
    scores: Scores, problem_ids: Sequence[str], label_ids: Sequence[str], *, most: int = 20, examples: int = 3
) -> tuple[Confusion, ...]:
    """The most frequent (gold, predicted) pairs of wrong answers; of equal counts, the one with the most confident wrong answer first."""
    wrong = np.flatnonzero(scores.correct == 0)
    pairs: dict[tuple[int, int], list[int]] = {}
    for row in wrong:
        pairs.setdefault((int(scores.gold[row]), int(scores.predicted[row])), []).append(int(row))
    ranked = sorted(pairs.items(), key=lambda item: (-len(item[1]), -scores.confidence[item[1]].max(), item[0]))[:most]
    return tuple(
        Confusion(
            gold=label_ids[gold],
            predicted=label_ids[predicted],
            count=len(rows),
            examples=tuple(problem_ids[r] for r in sorted(rows, key=lambda r: (-scores.confidence[r], problem_ids[r]))[:examples]),
        )
        for (gold, predicted), rows in ranked
    )
