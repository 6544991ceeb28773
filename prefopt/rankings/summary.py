"""What a round's answers tell about the teachers: agreement, reliability, gold, repeats, places, time, and slates to talk about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from statistics import median
from typing import Any

from prefopt.rankings.label_agreement import chosen_label
from prefopt.rankings.positions import Positions, position_bias
from prefopt.rankings.rank_agreement import Alpha, RanksBySlate, alpha_of_slates, alpha_of_teacher, disagreement_of_slates, ranks_by_slate
from prefopt.rankings.reliability import Reliability, Trust, reliability
from prefopt.records import Ranking, Slate
from prefopt.taxonomy import Taxonomy

DISPUTED = 20
"""Slates that are listed for discussion."""


@dataclass(frozen=True)
class Count:
    """So many of so many."""

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
    same_label: Count
    """Of the comparisons with another teacher on one slate: how often both hold the same label for right."""
    gold: Count
    """Slates with a known label: how often they found it."""
    repeats: Count
    """Slates shown twice: how often they held the same for right."""
    trust: Trust | None
    median_seconds: float | None
    """None where the time of fewer than half of the answers can be told."""


@dataclass(frozen=True)
class GroupRow:
    """Agreement on the slates of one group (domain): the group of the model's most probable label, which the teachers do not choose."""

    group: str
    alpha: Alpha


@dataclass(frozen=True)
class DisputedSlate:
    """A slate on which teachers differ, to talk about."""

    slate_id: str
    problem_id: str
    text: str
    said: Mapping[str, tuple[str, ...]]
    """Label (or "" for none or several) -> who holds it for right."""
    comments: Mapping[str, str]
    disagreement: float
    """1 is what chance would give."""


@dataclass(frozen=True)
class TeachersSummary:
    """Everything that the report's section on teachers and `prefopt rankings report` show."""

    slates: int
    answers: int
    alpha: Alpha | None
    groups: tuple[GroupRow, ...]
    teachers: tuple[TeacherRow, ...]
    gold: Count
    repeats: Count
    positions: Positions | None
    median_seconds: float | None
    level: float | None
    """Share of the pairs of cards that are truly level, by the reliability model."""
    disputed: tuple[DisputedSlate, ...]
    disputed_slates: int
    """How many there are in all; `disputed` holds the worst."""

    def plain(self) -> dict[str, Any]:
        """As plain JSON types."""
        return asdict(self)


def summarize(slates: Sequence[Slate], rankings: Sequence[Ranking], taxonomy: Taxonomy, *, seed: int = 0) -> TeachersSummary:
    """Numbers of one round. A second showing of a slate counts for the repeats and the places alone, so that nobody counts twice."""
    known = {slate.id: slate for slate in slates}
    first = [r for r in rankings if known[r.slate_id].repeat_of is None]
    ranks = ranks_by_slate(slates, first)
    trusted = reliability(slates, first)
    names = sorted({r.teacher for r in rankings})
    gold, repeats, same = _gold(known, first), _repeats(known, rankings), _same_label(known, first)
    disputed = _disputed(known, first, disagreement_of_slates(ranks))
    return TeachersSummary(
        slates=len(slates),
        answers=len(rankings),
        alpha=alpha_of_slates(ranks, seed=seed),
        groups=_groups(known, ranks, taxonomy, seed),
        teachers=tuple(_teacher(name, rankings, ranks, trusted, same[name], gold[name], repeats[name]) for name in names),
        gold=_total(gold.values()),
        repeats=_total(repeats.values()),
        positions=position_bias(slates, rankings),
        median_seconds=median_seconds(rankings),
        level=None if trusted is None else trusted.level,
        disputed=disputed[:DISPUTED],
        disputed_slates=len(disputed),
    )


def median_seconds(rankings: Sequence[Ranking]) -> float | None:
    """Median time of an answer; None where the time of fewer than half of them is known: the rest could be anything."""
    told = [r.seconds for r in rankings if r.seconds is not None]
    return median(told) if told and 2 * len(told) >= len(rankings) else None


def _teacher(
    name: str, rankings: Sequence[Ranking], ranks: RanksBySlate, trusted: Reliability | None, same: Count, gold: Count, repeats: Count
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
    )


def _groups(known: Mapping[str, Slate], ranks: RanksBySlate, taxonomy: Taxonomy, seed: int) -> tuple[GroupRow, ...]:
    """By the innermost group above the labels; [] where the taxonomy has none."""
    if not taxonomy.group_names:
        return ()
    of_group: dict[str, dict[str, Mapping[str, Sequence[int]]]] = defaultdict(dict)
    for slate_id, given in ranks.items():
        likely = max(known[slate_id].candidates, key=lambda c: c.probability)
        of_group[taxonomy.group_of(likely.answer.label, taxonomy.group_names[-1])][slate_id] = given
    found = {group: alpha_of_slates(part, seed=seed) for group, part in sorted(of_group.items())}
    return tuple(GroupRow(group, alpha) for group, alpha in found.items() if alpha is not None)


def _gold(known: Mapping[str, Slate], rankings: Iterable[Ranking]) -> dict[str, Count]:
    """Right is: the known label alone on top, or named; or "none is right" without a name, where it is indeed on no card."""
    found: dict[str, Count] = defaultdict(lambda: Count(0, 0))
    for ranking in rankings:
        slate = known[ranking.slate_id]
        if slate.gold is None or ranking.kind == "discarded":
            continue
        shown = slate.gold in {c.answer.label for c in slate.candidates}
        unnamed = ranking.kind == "none_right" and ranking.right_label is None and not shown
        found[ranking.teacher] = _add(found[ranking.teacher], unnamed or chosen_label(ranking, slate) == slate.gold)
    return found


def _repeats(known: Mapping[str, Slate], rankings: Sequence[Ranking]) -> dict[str, Count]:
    """The same is: the same labels on top, or "none is right" both times. Only where one and the same teacher answered both showings."""
    answered = {(r.slate_id, r.teacher): r for r in rankings if r.kind != "discarded"}
    found: dict[str, Count] = defaultdict(lambda: Count(0, 0))
    for (slate_id, teacher), again in answered.items():
        slate = known[slate_id]
        before = answered.get((slate.repeat_of or "", teacher))
        if before is not None:
            same = _top(before, known[before.slate_id]) == _top(again, slate)
            found[teacher] = _add(found[teacher], same)
    return found


def _top(ranking: Ranking, slate: Slate) -> frozenset[str]:
    """Labels that share the best rank; empty for "none is right"."""
    if ranking.kind != "ranked":
        return frozenset()
    best = min(ranking.ranks.values())
    return frozenset(c.answer.label for c in slate.candidates if ranking.ranks[c.id] == best)


def _same_label(known: Mapping[str, Slate], rankings: Iterable[Ranking]) -> dict[str, Count]:
    found: dict[str, Count] = defaultdict(lambda: Count(0, 0))
    for labels in _labels(known, rankings).values():
        for (one, a), (other, b) in combinations(labels.items(), 2):
            if a is not None and b is not None:
                found[one], found[other] = _add(found[one], a == b), _add(found[other], a == b)
    return found


def _disputed(known: Mapping[str, Slate], rankings: Sequence[Ranking], disagreement: Mapping[str, float]) -> tuple[DisputedSlate, ...]:
    """Slates on which two teachers hold different labels for right, the greatest disagreement first."""
    comments = {(r.slate_id, r.teacher): r.comment for r in rankings if r.comment}
    found = []
    for slate_id, labels in _labels(known, rankings).items():
        if len({label for label in labels.values() if label is not None}) < 2:
            continue
        said: dict[str, list[str]] = defaultdict(list)
        for teacher, label in sorted(labels.items()):
            said[label or ""].append(teacher)
        problem = known[slate_id].problem
        told = {teacher: comments[slate_id, teacher] for teacher in sorted(labels) if (slate_id, teacher) in comments}
        who = {label: tuple(names) for label, names in sorted(said.items())}
        found.append(DisputedSlate(slate_id, problem.id, problem.text, who, told, disagreement[slate_id]))
    return tuple(sorted(found, key=lambda d: (-d.disagreement, d.slate_id)))


def _labels(known: Mapping[str, Slate], rankings: Iterable[Ranking]) -> dict[str, dict[str, str | None]]:
    """Slate id -> teacher -> label held for right (None: several, or none named). Discards are left out."""
    labels: dict[str, dict[str, str | None]] = defaultdict(dict)
    for ranking in rankings:
        if ranking.kind != "discarded":
            labels[ranking.slate_id][ranking.teacher] = chosen_label(ranking, known[ranking.slate_id])
    return labels


def _add(count: Count, hit: bool) -> Count:
    return Count(count.hits + hit, count.n + 1)


def _total(counts: Iterable[Count]) -> Count:
    kept = list(counts)
    return Count(sum(c.hits for c in kept), sum(c.n for c in kept))
