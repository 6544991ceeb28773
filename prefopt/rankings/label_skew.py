"""Votes that would move how often a label is answered: slates that are nearly all of one label, and teachers who always name one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from prefopt.frozen import Frozen
from prefopt.rankings.consensus import as_meant
from prefopt.records import Ranking, Slate, SlateVotes

SKEWED = 0.25
"""Share of the votes that one label may have, whatever its share of the labeled problems."""
TIMES = 2.0
"""By how much more often than among the labeled problems a label may be voted for."""
ENOUGH = 10
"""Slates that a teacher judged, below which a run of one label shows nothing."""
MOSTLY = 0.8
"""Share of a teacher's answers that one label may have."""
ALPHA = 0.001


class SkewedLabel(Frozen):
    """The label that has more of a round's votes than its share of the labeled problems explains."""

    label: str
    share: float
    """Of the votes for answers."""
    labeled: float
    """Its share of the labeled problems."""


class OneLabel(Frozen):
    """A teacher who names one label on most slates, far more often than the others do on the same slates."""

    teacher: str
    label: str
    slates: int
    """That the teacher judged."""
    share: float
    """On which the teacher puts this label first."""
    others: float
    """Share expected from the others' votes."""


def skewed_label(slates: Sequence[SlateVotes], labeled: Sequence[str]) -> SkewedLabel | None:
    """The most over-represented label, where it has more than SKEWED of the votes and TIMES its share of the labeled problems.

    Args:
        slates: with their votes.
        labeled: labels of the problems that the SFT stage learns.
    """
    votes: dict[str, float] = defaultdict(float)
    for slate in slates:
        for answer, share in zip(slate.answers, slate.shares, strict=True):
            votes[answer.label] += share
    total, counts = sum(votes.values()), Counter(labeled)
    if not total or not labeled:
        return None
    label = max(sorted(votes), key=lambda name: votes[name] / total - counts[name] / len(labeled))
    share, expected = votes[label] / total, counts[label] / len(labeled)
    return SkewedLabel(label=label, share=share, labeled=expected) if share > max(SKEWED, TIMES * expected) else None


def one_label_teachers(slates: Sequence[Slate], rankings: Sequence[Ranking]) -> list[OneLabel]:
    """Teachers who put one label first on more than MOSTLY of at least ENOUGH slates, and more often than the others: on each slate it has
    the probability of the others' votes for it there, or, where nobody else judged the slate, of all the others' votes (exact
    Poisson-binomial test). Of a teacher beside whom nobody judged ENOUGH slates nothing can be said.

    Args:
        slates: as published; those that repeat another or have a known label are left out.
        rankings: of them.
    """
    known = {slate.id: slate for slate in slates if slate.purpose not in ("gold", "repeat")}
    said: dict[str, dict[str, set[str]]] = defaultdict(dict)
    for ranking in rankings:
        if ranking.slate_id in known and (labels := _first(known[ranking.slate_id], ranking)):
            said[ranking.teacher][ranking.slate_id] = labels
    return [found for teacher in sorted(said) if (found := _one_label(teacher, said)) is not None]


def _one_label(teacher: str, said: Mapping[str, Mapping[str, set[str]]]) -> OneLabel | None:
    from prefopt.calibration.intervals import poisson_binomial_p

    answers = said[teacher]
    votes = Counter(label for labels in answers.values() for label in labels)
    others = {name: labels for name, labels in said.items() if name != teacher}
    elsewhere = [labels for of_teacher in others.values() for labels in of_teacher.values()]
    if len(answers) < ENOUGH or len(elsewhere) < ENOUGH:
        return None
    label = max(sorted(votes), key=lambda name: votes[name])
    if votes[label] <= MOSTLY * len(answers):
        return None
    overall = (sum(label in labels for labels in elsewhere) + 1) / (len(elsewhere) + 2)
    chances = []
    for slate in answers:
        here = [label in labels[slate] for labels in others.values() if slate in labels]
        chances.append((sum(here) + overall) / (len(here) + 1))
    if votes[label] <= sum(chances) or poisson_binomial_p(np.array(chances), votes[label]) > ALPHA:
        return None
    share, expected = votes[label] / len(answers), sum(chances) / len(answers)
    return OneLabel(teacher=teacher, label=label, slates=len(answers), share=share, others=expected)


def _first(slate: Slate, ranking: Ranking) -> set[str]:
    """The labels that a teacher puts first; none where all are level, or the teacher passed."""
    meant = as_meant(slate, ranking)
    if meant.kind == "none_right":
        return {meant.right_label} if meant.right_label else set()
    if meant.kind == "discarded" or len(set(meant.ranks.values())) == 1:
        return set()
    best = min(meant.ranks.values())
    return {candidate.answer.label for candidate in slate.candidates if meant.ranks.get(candidate.id) == best}
