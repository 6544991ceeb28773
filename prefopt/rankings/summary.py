"""A summary of a round's teachers: agreement, reliability, gold and repeated slates, position bias, time, and slates to discuss."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from statistics import median
from typing import Any

from prefopt.rankings.copying import Following, following
from prefopt.rankings.label_agreement import chosen_label, unanimous_gold
from prefopt.rankings.overlap import SET, Overlap
from prefopt.rankings.positions import Positions, position_bias
from prefopt.rankings.rank_agreement import Alpha, RanksBySlate, alpha_of_slates, alpha_of_teacher, disagreement_of_slates, ranks_by_slate
from prefopt.rankings.reliability import Reliability, Trust, reliability
from prefopt.records import Ranking, Slate
from prefopt.taxonomy import Taxonomy

DISPUTED = 20
"""Slates that are listed for discussion."""


@dataclass(frozen=True)
class Proportion:
    """`hits` of `n`."""

    hits: int
    n: int


@dataclass(frozen=True)
class TeacherRow:
    """One teacher's answers."""

    name: str
    answers: int
    discarded: int
    none_right: int
    alpha: float | None
    """Agreement with the other teachers (ordinal alpha); None without a shared slate."""
    same_label: Proportion
    """Comparisons with another teacher on one slate in which both choose the same label."""
    gold: Proportion
    """Slates with a known label on which they chose it."""
    repeats: Proportion
    """Slates shown twice on which they chose the same both times."""
    trust: Trust | None
    median_seconds: float | None
    """None where the time of fewer than half of the answers is known."""
    follows: Following | None = None
    """How often they side with the model where others agree against it; None without a slate of this kind."""


@dataclass(frozen=True)
class GroupRow:
    """Agreement on the slates of one group (domain): the group of the model's most probable label, not the teachers' choice."""

    group: str
    alpha: Alpha


@dataclass(frozen=True)
class DisputedSlate:
    """A slate on which teachers chose different labels."""

    slate_id: str
    problem_id: str
    text: str
    teachers_by_label: Mapping[str, tuple[str, ...]]
    """Label (or "" for none or several) -> the teachers who chose it."""
    comments: Mapping[str, str]
    """Teacher -> comment."""
    disagreement: float
    """0 is full agreement, 1 is chance."""


@dataclass(frozen=True)
class TeachersSummary:
    """The figures of the report's section on teachers and of `prefopt rankings report`."""

    slates: int
    answers: int
    alpha: Alpha | None
    groups: tuple[GroupRow, ...]
    teachers: tuple[TeacherRow, ...]
    gold: Proportion
    repeats: Proportion
    positions: Positions | None
    median_seconds: float | None
    level: float | None
    """Share of the pairs of cards without a better one, by the reliability model."""
    disputed: tuple[DisputedSlate, ...]
    disputed_slates: int
    """How many there are; `disputed` lists those with the greatest disagreement."""
    shared_errors: Proportion | None = None
    """Of the slates with a known label on which all teachers agreed, those on which they were wrong; None without a known label."""
    drawn: int | None = None
    """Slates drawn at random for two teachers, on which alone agreement is measured; None where it is measured on all."""

    def plain(self) -> dict[str, Any]:
        """As plain JSON types."""
        return asdict(self)


def summarize(
    slates: Sequence[Slate],
    rankings: Sequence[Ranking],
    taxonomy: Taxonomy,
    *,
    overlap: Overlap = SET,
    seed: int = 0,
) -> TeachersSummary:
    """Summarize one round. A second showing of a slate counts only for the repeats and the positions, so that no answer counts twice; the
    agreement of teachers is measured where they were not chosen by their answers (Overlap.unselected).
    """
    known = {slate.id: slate for slate in slates}
    first = [r for r in rankings if known[r.slate_id].repeat_of is None]
    fair = overlap.unselected(slates, first)
    ranks = ranks_by_slate(slates, fair)
    trusted = reliability(slates, first, overlap=overlap)
    names = sorted({r.teacher for r in rankings})
    follows = following(slates, first)
    gold, repeats, same = _gold(known, first), _repeats(known, rankings), _same_label(known, fair)
    disputed = _disputed(known, first, disagreement_of_slates(ranks_by_slate(slates, first)))
    return TeachersSummary(
        slates=len(slates),
        answers=len(rankings),
        alpha=alpha_of_slates(ranks, seed=seed),
        groups=_groups(known, ranks, taxonomy, seed),
        teachers=tuple(
            _teacher(name, rankings, ranks, trusted, same[name], gold[name], repeats[name], follows.get(name)) for name in names
        ),
        gold=_total(gold.values()),
        repeats=_total(repeats.values()),
        positions=position_bias(slates, rankings),
        median_seconds=median_seconds(rankings),
        level=None if trusted is None else trusted.level,
        disputed=disputed[:DISPUTED],
        disputed_slates=len(disputed),
        shared_errors=_shared_errors(slates, first),
        drawn=None if len(fair) == len(first) else len({r.slate_id for r in fair}),
    )


def _shared_errors(slates: Sequence[Slate], rankings: Sequence[Ranking]) -> Proportion | None:
    if not any(slate.gold for slate in slates):
        return None
    found = unanimous_gold(slates, rankings)
    return Proportion(sum(wrong for _, wrong in found), len(found))


def median_seconds(rankings: Sequence[Ranking]) -> float | None:
    """Median time of an answer; None where fewer than half of the times are known."""
    times = [r.seconds for r in rankings if r.seconds is not None]
    return median(times) if times and 2 * len(times) >= len(rankings) else None


def _teacher(
    name: str,
    rankings: Sequence[Ranking],
    ranks: RanksBySlate,
    trusted: Reliability | None,
    same: Proportion,
    gold: Proportion,
    repeats: Proportion,
    follows: Following | None,
) -> TeacherRow:
    own = [r for r in rankings if r.teacher == name]
    kinds = [r.kind for r in own]
    return TeacherRow(
        name=name,
        answers=len(own),
        discarded=kinds.count("discarded"),
        none_right=kinds.count("none_right"),
        alpha=alpha_of_teacher(ranks, name),
        same_label=same,
        gold=gold,
        repeats=repeats,
        trust=None if trusted is None else trusted.teachers.get(name),
        median_seconds=median_seconds(own),
        follows=follows,
    )


def _groups(known: Mapping[str, Slate], ranks: RanksBySlate, taxonomy: Taxonomy, seed: int) -> tuple[GroupRow, ...]:
    """By the innermost group above the labels; () where the taxonomy has none."""
    if not taxonomy.group_names:
        return ()
    of_group: dict[str, dict[str, Mapping[str, Sequence[int]]]] = defaultdict(dict)
    for slate_id, given in ranks.items():
        likely = max(known[slate_id].candidates, key=lambda c: c.probability)
        of_group[taxonomy.group_of(likely.answer.label, taxonomy.group_names[-1])][slate_id] = given
    alphas = {group: alpha_of_slates(part, seed=seed) for group, part in sorted(of_group.items())}
    return tuple(GroupRow(group, alpha) for group, alpha in alphas.items() if alpha is not None)


def _gold(known: Mapping[str, Slate], rankings: Iterable[Ranking]) -> dict[str, Proportion]:
    """Right answers: the known label alone on top, or named; or "none is right" without a label, where no card has the known one."""
    proportions: dict[str, Proportion] = defaultdict(lambda: Proportion(0, 0))
    for ranking in rankings:
        slate = known[ranking.slate_id]
        if slate.gold is None or ranking.kind == "discarded":
            continue
        shown = slate.gold in {c.answer.label for c in slate.candidates}
        unnamed = ranking.kind == "none_right" and ranking.right_label is None and not shown
        proportions[ranking.teacher] = _add(proportions[ranking.teacher], unnamed or chosen_label(ranking, slate) == slate.gold)
    return proportions


def _repeats(known: Mapping[str, Slate], rankings: Sequence[Ranking]) -> dict[str, Proportion]:
    """Same answers: the same labels on top, or "none is right" both times. Only slates that one teacher answered both times."""
    answered = {(r.slate_id, r.teacher): r for r in rankings if r.kind != "discarded"}
    proportions: dict[str, Proportion] = defaultdict(lambda: Proportion(0, 0))
    for (slate_id, teacher), again in answered.items():
        slate = known[slate_id]
        before = answered.get((slate.repeat_of or "", teacher))
        if before is not None:
            same = _top(before, known[before.slate_id]) == _top(again, slate)
            proportions[teacher] = _add(proportions[teacher], same)
    return proportions


def _top(ranking: Ranking, slate: Slate) -> frozenset[str]:
    """Labels that share the best rank; empty for "none is right"."""
    if ranking.kind != "ranked":
        return frozenset()
    best = min(ranking.ranks.values())
    return frozenset(c.answer.label for c in slate.candidates if ranking.ranks[c.id] == best)


def _same_label(known: Mapping[str, Slate], rankings: Iterable[Ranking]) -> dict[str, Proportion]:
    proportions: dict[str, Proportion] = defaultdict(lambda: Proportion(0, 0))
    for labels in _labels(known, rankings).values():
        for (one, a), (other, b) in combinations(labels.items(), 2):
            if a is not None and b is not None:
                proportions[one], proportions[other] = _add(proportions[one], a == b), _add(proportions[other], a == b)
    return proportions


def _disputed(known: Mapping[str, Slate], rankings: Sequence[Ranking], disagreement: Mapping[str, float]) -> tuple[DisputedSlate, ...]:
    """Slates on which teachers chose different labels, the greatest disagreement first."""
    comments = {(r.slate_id, r.teacher): r.comment for r in rankings if r.comment}
    disputed = []
    for slate_id, labels in _labels(known, rankings).items():
        if len({label for label in labels.values() if label is not None}) < 2:
            continue
        teachers: dict[str, list[str]] = defaultdict(list)
        for teacher, label in sorted(labels.items()):
            teachers[label or ""].append(teacher)
        problem = known[slate_id].problem
        own_comments = {teacher: comments[slate_id, teacher] for teacher in sorted(labels) if (slate_id, teacher) in comments}
        by_label = {label: tuple(names) for label, names in sorted(teachers.items())}
        disputed.append(DisputedSlate(slate_id, problem.id, problem.text, by_label, own_comments, disagreement[slate_id]))
    return tuple(sorted(disputed, key=lambda d: (-d.disagreement, d.slate_id)))


def _labels(known: Mapping[str, Slate], rankings: Iterable[Ranking]) -> dict[str, dict[str, str | None]]:
    """Slate id -> teacher -> chosen label (None: several, or none named). Discards are left out."""
    labels: dict[str, dict[str, str | None]] = defaultdict(dict)
    for ranking in rankings:
        if ranking.kind != "discarded":
            labels[ranking.slate_id][ranking.teacher] = chosen_label(ranking, known[ranking.slate_id])
    return labels


def _add(proportion: Proportion, hit: bool) -> Proportion:
    return Proportion(proportion.hits + hit, proportion.n + 1)


def _total(proportions: Iterable[Proportion]) -> Proportion:
    kept = list(proportions)
    return Proportion(sum(p.hits for p in kept), sum(p.n for p in kept))
