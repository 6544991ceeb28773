"""Fit for use: the answers against the goals of the project, what they can be used for as they are, and what would help."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np

from prefopt.calibration.cells import cell_table, level_accuracies
from prefopt.calibration.clusters import Clusters
from prefopt.calibration.fitness_result import Fitness, Goal, LabelNeed, Level, Reached, Total, Verdict
from prefopt.calibration.intervals import share, sign_flip, wilson
from prefopt.calibration.metrics import Scores
from prefopt.calibration.mixture_result import JudgedMixture
from prefopt.calibration.result import MIN_CELL, Calibration
from prefopt.calibration.review_result import Acceptance, RiskPoint
from prefopt.config import GoalsSettings
from prefopt.grounds import Estimate
from prefopt.project.goals import refuse_unknown_group
from prefopt.taxonomy import Taxonomy

ENOUGH_LABELED = 20
"""Labeled problems of a label up to which more of them are asked for."""
LEAST_MORE = 10
NEEDS = 3
MOST_TIMES = 20
"""From this many times as many held-out problems on, a number is of no use."""


@dataclass(frozen=True)
class Answers:
    """The answers on the hold-out, and what they are judged with."""

    scores: Scores
    clusters: Clusters
    baseline: Scores | None
    """Of the classical baseline on the same N problems; None where it is not known."""
    by: Literal["adapter", "mixture"]
    labeled: Mapping[str, int]
    """Label -> problems that the adapter learned from."""


def fitness(answers: Answers, calibration: Calibration, taxonomy: Taxonomy, goals: GoalsSettings) -> Fitness:
    """Judge the answers.

    Args:
        answers: on N held-out problems.
        calibration: of the same adapter; acceptance and label sets are those in use.
        taxonomy: of the labels.
        goals: of the project.

    Raises:
        ConfigError: the taxonomy has no group `goals.each`.
    """
    refuse_unknown_group(goals, taxonomy)
    scores, clusters, level = answers.scores, answers.clusters, calibration.confidence_level
    used, accuracy = calibration.in_use, share(scores.correct, clusters, level)
    found = tuple(_goals(answers, accuracy, used, taxonomy, goals, level))
    names, cells = cell_table(scores, taxonomy, clusters, level)
    sets = used.conformal
    decided = sets is not None and not any((g.threshold == 0 or g.mean_size is None) and g.fitted_on + g.judged_on > 0 for g in sets.groups)
    held = Counter(taxonomy.ids[column] for column in scores.gold.tolist())
    return Fitness(
        answered_by=answers.by,
        n=len(scores),
        verdict=_verdict(found),
        accuracy=accuracy,
        goals=found,
        levels=tuple(
            Level(name=e.level, accuracy=e.accuracy, reached=_reached(e.accuracy, goals.min_sorting_accuracy))
            for e in level_accuracies(scores, taxonomy, clusters, level)
            if e.level != "label"
        ),
        sorting=goals.min_sorting_accuracy,
        accepted_share=used.acceptance.share,
        agreed_error=used.acceptance.agreed_error,
        set_size=sets.mean_size if sets is not None and decided else None,
        set_level=level if sets is None else sets.level,
        cell_groups=names,
        cells=cells,
        rows=totals(scores, clusters, taxonomy, 0, level) if taxonomy.group_names else (),
        columns=totals(scores, clusters, taxonomy, 1, level) if len(taxonomy.group_names) > 1 else (),
        needs=_needs(scores, taxonomy, answers.labeled),
        unlabeled=sum(not answers.labeled.get(label) for label in taxonomy.ids),
        unjudged=sum(not held[label] for label in taxonomy.ids),
    )


def totals(scores: Scores, clusters: Clusters, taxonomy: Taxonomy, depth: int, level: float) -> tuple[Total, ...]:
    """Accuracy in every part of one group, by the gold label, in the order of the taxonomy."""
    parts = [label.groups[depth] for label in taxonomy.labels]
    of_problem = np.array(parts)[scores.gold]
    found = []
    for name in dict.fromkeys(parts):
        rows = of_problem == name
        inside = share(scores.correct[rows], clusters.take(rows), level) if rows.any() else None
        found.append(Total(name=name, count=int(rows.sum()), accuracy=inside))
    return tuple(found)


def _verdict(goals: Iterable[Goal]) -> Verdict:
    reached = {goal.reached for goal in goals}
    if not reached:
        return "no_goals"
    return "not_fit" if "missed" in reached else "cannot_tell" if "cannot_tell" in reached else "fit"


def _goals(
    answers: Answers, accuracy: Estimate, used: Calibration | JudgedMixture, taxonomy: Taxonomy, goals: GoalsSettings, level: float
) -> Iterable[Goal]:
    n = len(answers.scores)
    if goals.min_accuracy:
        wanted = goals.min_accuracy
        reached = _reached(accuracy, wanted)
        more = _more(accuracy, wanted, n) if reached == "cannot_tell" else None
        yield Goal(kind="accuracy", wanted=wanted, accuracy=accuracy, problems=n, reached=reached, more=more)
        if goals.each:
            yield from _in_each(answers, taxonomy, goals, level)
    if goals.min_accepted_share:
        yield _accepted(used.acceptance, used.risk_coverage, goals.min_accepted_share, n)
    if goals.beat_baseline:
        yield _against_baseline(answers, accuracy, level)


def _in_each(answers: Answers, taxonomy: Taxonomy, goals: GoalsSettings, level: float) -> Iterable[Goal]:
    """The goal in every part of a group. To be missed in one of k parts takes an interval of level 1 - (1 - level) / k (Bonferroni)."""
    scores, clusters, depth = answers.scores, answers.clusters, taxonomy.group_names.index(goals.each)
    parts = totals(scores, clusters, taxonomy, depth, level)
    strict = {t.name: t.accuracy for t in totals(scores, clusters, taxonomy, depth, 1 - (1 - level) / len(parts))}
    for part in parts:
        wide = strict[part.name]
        reached: Reached = "cannot_tell"
        more = None
        if part.accuracy is not None and wide is not None and part.count >= MIN_CELL:
            reached = "met" if part.accuracy.low >= goals.min_accuracy else "missed" if wide.high < goals.min_accuracy else "cannot_tell"
            more = _more(part.accuracy, goals.min_accuracy, part.count) if reached == "cannot_tell" else None
        elif part.count < MIN_CELL:
            more = MIN_CELL - part.count
        yield Goal(
            kind="accuracy_in",
            part=part.name,
            wanted=goals.min_accuracy,
            accuracy=part.accuracy,
            problems=part.count,
            reached=reached,
            more=more,
        )


def _accepted(acceptance: Acceptance, curve: tuple[RiskPoint, ...], wanted: float, n: int) -> Goal:
    """Missed where more problems could not help: at the wanted share surely more answers are wrong than agreed."""
    at = next((point for point in curve if point.accepted_share >= wanted), curve[-1])
    count = round(at.accepted_share * n)
    surely = wilson(round(at.risk * count), count, acceptance.guarantee).low
    if acceptance.threshold is not None and acceptance.share >= wanted:
        reached: Reached = "met"
    else:
        reached = "missed" if surely > acceptance.agreed_error else "cannot_tell"
    more = None
    if reached == "cannot_tell" and acceptance.needed is not None and acceptance.examined:
        more = max(0, ceil(n * acceptance.needed / acceptance.examined) - n) or None
    return Goal(
        kind="accepted_share", wanted=wanted, share=acceptance.share, cause=acceptance.cause, problems=n, reached=reached, more=more
    )


def _against_baseline(answers: Answers, accuracy: Estimate, level: float) -> Goal:
    if answers.baseline is None:
        return Goal(kind="baseline", accuracy=accuracy, problems=len(answers.scores), reached="cannot_tell")
    own, theirs, n = answers.scores.correct, answers.baseline.correct, len(answers.scores)
    test = sign_flip(own, theirs, answers.clusters)
    sure = test.p_value < 1 - level
    reached: Reached = "cannot_tell" if not sure else "met" if test.gained > test.lost else "missed"
    more = None
    if not sure and test.gained != test.lost:
        times = 3.84 * (test.gained + test.lost) / (test.gained - test.lost) ** 2
        more = ceil(n * (times - 1)) if 1 < times <= MOST_TIMES else None
    return Goal(
        kind="baseline",
        accuracy=accuracy,
        baseline=share(theirs, answers.clusters, level),
        test=test,
        problems=n,
        reached=reached,
        more=more,
    )


def _reached(found: Estimate, wanted: float) -> Reached:
    return "met" if found.low >= wanted else "missed" if found.high < wanted else "cannot_tell"


def _more(found: Estimate, wanted: float, n: int) -> int | None:
    """Problems to add so that the interval, which narrows with the root of their number, no longer contains the goal."""
    gap, half = abs(found.value - wanted), (found.high - found.low) / 2
    times = MOST_TIMES + 1 if gap == 0 else (half / gap) ** 2
    return max(1, ceil(n * (times - 1))) if times <= MOST_TIMES else None


def _needs(scores: Scores, taxonomy: Taxonomy, labeled: Mapping[str, int]) -> tuple[LabelNeed, ...]:
    wrong = scores.correct == 0
    size = len(taxonomy)
    missed = np.bincount(scores.gold[wrong], minlength=size)
    errors = missed + np.bincount(scores.predicted[wrong], minlength=size)
    held = np.bincount(scores.gold, minlength=size)
    order = sorted(range(size), key=lambda i: (-int(errors[i]), labeled.get(taxonomy.ids[i], 0), i))
    return tuple(
        LabelNeed(
            label=taxonomy.ids[i],
            errors=int(errors[i]),
            missed=int(missed[i]),
            held_out=int(held[i]),
            labeled=labeled.get(taxonomy.ids[i], 0),
            more=max(LEAST_MORE, ENOUGH_LABELED - labeled.get(taxonomy.ids[i], 0)),
        )
        for i in order[:NEEDS]
        if errors[i]
    )
