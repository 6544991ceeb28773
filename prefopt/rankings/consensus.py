"""From several teachers' rankings to preferences: weighted pairwise votes.

The rankings of a slate become one vote per teacher and pair of candidates (better, worse, tie). The net share of votes is the weight
of the pair. Plain DPO must not learn from ties, so they give no pair unless requested (the pair is then marked). For KTO, a tie of the
best gives two desirable answers and a tie further down two undesirable ones. "None is right" with the right label gives pairs of that
label against every candidate shown.
With a `Reliability` the votes of a pair become the probability that one card is better minus that the other is, and elsewhere a teacher's
vote has the teacher's weight. Slates with a known label and second showings measure teachers and give no preference: the first are in
the training set already, and the second would count a teacher twice.
This belongs to the loop, not to the annotation tool: every feedback source gives the same rankings.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Literal

from prefopt.records import Answer, Candidate, Cause, Dropped, Judged, Pair, Ranking, Slate
from prefopt.taxonomy import Taxonomy

if TYPE_CHECKING:
    from prefopt.rankings.reliability import Reliability


@dataclass
class Preferences:
    """Preferences from the teachers' feedback, and the feedback that gave none, with the cause."""

    pairs: list[Pair] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)


def consensus(
    slates: Sequence[Slate],
    rankings: Iterable[Ranking],
    taxonomy: Taxonomy,
    *,
    min_weight: float = 0.0,
    ties: bool = False,
    trusted: Reliability | None = None,
) -> Preferences:
    """Preferences of all slates, in the order of the slates.

    Args:
        slates: as published.
        rankings: all that was collected; at most one per (slate, teacher).
        taxonomy: right labels that teachers named must be in it (ValueError otherwise).
        min_weight: a pair or judgment needs a net share of votes above this; 0 keeps every majority.
        ties: candidates that all teachers who ranked tied become a pair marked as a tie, with the share of those teachers as weight.
        trusted: how reliable each teacher is; None counts every vote alike.

    Raises:
        ValueError: a ranking of an unknown slate or candidate, or two of one teacher on one slate.
    """
    of_slate: dict[str, list[Ranking]] = defaultdict(list)
    known = {slate.id for slate in slates}
    for ranking in rankings:
        if ranking.slate_id not in known:
            raise ValueError(f"a ranking of slate {ranking.slate_id!r}, which was not published")
        of_slate[ranking.slate_id].append(ranking)
    result = Preferences()
    for slate in slates:
        valid = _valid(slate, of_slate[slate.id], taxonomy)
        if slate.purpose in ("gold", "repeat"):
            result.dropped.append(Dropped(slate_id=slate.id, cause=slate.purpose, detail=f"{len(valid)} answers, which measure teachers"))
        else:
            _add_slate(result, slate, valid, min_weight, ties, trusted)
    return result


def _valid(slate: Slate, rankings: Sequence[Ranking], taxonomy: Taxonomy) -> list[Ranking]:
    """The rankings, checked, each as_meant()."""
    teachers = [r.teacher for r in rankings]
    if len(set(teachers)) < len(teachers):
        raise ValueError(f"slate {slate.id!r}: two rankings by one teacher: {sorted(teachers)}")
    shown = {c.answer.label: c.id for c in slate.candidates}
    checked = []
    for ranking in rankings:
        if ranking.kind == "ranked" and set(ranking.ranks) != set(shown.values()):
            raise ValueError(f"slate {slate.id!r}: ranks for {sorted(ranking.ranks)}, shown were {sorted(shown.values())}")
        if ranking.right_label is not None and ranking.right_label not in taxonomy:
            raise ValueError(f"slate {slate.id!r}: right label {ranking.right_label!r} is not in the taxonomy")
        checked.append(as_meant(slate, ranking))
    return checked


def as_meant(slate: Slate, ranking: Ranking) -> Ranking:
    """The ranking; "none is right" with the name of a label that is shown becomes a ranking with that label first."""
    shown = {c.answer.label: c.id for c in slate.candidates}
    if ranking.right_label not in shown:
        return ranking
    ranks = {i: 1 if i == shown[ranking.right_label] else 2 for i in shown.values()}
    return ranking.model_copy(update={"kind": "ranked", "ranks": ranks, "right_label": None})


def _add_slate(
    result: Preferences, slate: Slate, rankings: Sequence[Ranking], min_weight: float, ties: bool, trusted: Reliability | None
) -> None:
    voters = [r for r in rankings if r.kind != "discarded"]
    if not voters:
        cause: Cause = "discarded" if rankings else "unanswered"
        result.dropped.append(
            Dropped(slate_id=slate.id, cause=cause, detail=f"{len(rankings)} teachers passed" if rankings else "no teacher answered")
        )
        return
    weights = {r.teacher: 1.0 if trusted is None else trusted.weight(r.teacher) for r in voters}
    _add_pairs(result, slate, voters, min_weight, ties, trusted)
    _add_right_labels(result, slate, voters, min_weight, weights)
    _add_judged(result, slate, voters, min_weight, weights)


def _add_pairs(
    result: Preferences, slate: Slate, voters: Sequence[Ranking], min_weight: float, ties: bool, trusted: Reliability | None
) -> None:
    ranked = [r for r in voters if r.kind == "ranked"]
    for first, second in combinations(slate.candidates, 2):
        better = sum(r.ranks[first.id] < r.ranks[second.id] for r in ranked)
        worse = sum(r.ranks[first.id] > r.ranks[second.id] for r in ranked)
        net = (better - worse) / len(voters)
        if trusted is not None:
            net = trusted.net(slate.id, first.id, second.id) * len(ranked) / len(voters)
        if net and abs(net) > min_weight:
            chosen, rejected = (first, second) if net > 0 else (second, first)
            result.pairs.append(_pair(slate, chosen.answer, rejected.answer, abs(net), "votes"))
        elif ties and ranked and better == worse == 0 and len(ranked) / len(voters) > min_weight:
            level = _pair(slate, first.answer, second.answer, len(ranked) / len(voters), "votes")
            result.pairs.append(level.model_copy(update={"tie": True}))
        elif ranked:
            cause: Cause = "tie" if better == worse == 0 else "no_majority"
            detail = f"{first.answer.label} and {second.answer.label}: {better} against {worse} of {len(voters)} teachers"
            result.dropped.append(Dropped(slate_id=slate.id, cause=cause, detail=detail))


def _add_right_labels(
    result: Preferences, slate: Slate, voters: Sequence[Ranking], min_weight: float, weights: Mapping[str, float]
) -> None:
    named: dict[str, float] = defaultdict(float)
    for ranking in voters:
        if ranking.kind == "none_right" and ranking.right_label is not None:
            named[ranking.right_label] += weights[ranking.teacher]
    if not named:
        return
    (label, votes), *others = sorted(named.items(), key=lambda item: -item[1])
    everyone = sum(weights.values())
    weight = votes / everyone if everyone else 0.0
    if (others and others[0][1] == votes) or weight <= min_weight:
        detail = ", ".join(f"{label} {n:g}" for label, n in sorted(named.items()))
        result.dropped.append(Dropped(slate_id=slate.id, cause="no_majority", detail=f"right labels named: {detail}"))
        return
    right = Answer(label=label)
    result.pairs += [_pair(slate, right, c.answer, weight, "right_label") for c in slate.candidates]
    result.judged.append(
        Judged(problem=slate.problem, answer=right, desirable=True, weight=weight, slate_id=slate.id, origin="right_label")
    )


def _add_judged(result: Preferences, slate: Slate, voters: Sequence[Ranking], min_weight: float, weights: Mapping[str, float]) -> None:
    everyone = sum(weights.values())
    for candidate in slate.candidates if everyone else ():
        net = sum(_vote(r, candidate) * weights[r.teacher] for r in voters) / everyone
        if net and abs(net) > min_weight:
            origin: Literal["tie", "votes"] = "tie" if _tied(candidate, voters) else "votes"
            judged = Judged(
                problem=slate.problem, answer=candidate.answer, desirable=net > 0, weight=abs(net), slate_id=slate.id, origin=origin
            )
            result.judged.append(judged)


def _vote(ranking: Ranking, candidate: Candidate) -> int:
    """+1 among the best, -1 below them or where none is right, 0 where all are tied."""
    if ranking.kind == "none_right":
        return -1
    best, worst = min(ranking.ranks.values()), max(ranking.ranks.values())
    return 0 if best == worst else 1 if ranking.ranks[candidate.id] == best else -1


def _tied(candidate: Candidate, voters: Sequence[Ranking]) -> bool:
    """Whether most teachers who ranked tied the candidate with another."""
    ranked = [r for r in voters if r.kind == "ranked"]
    tied = sum(Counter(r.ranks.values())[r.ranks[candidate.id]] > 1 for r in ranked)
    return 2 * tied > len(ranked)


def _pair(slate: Slate, chosen: Answer, rejected: Answer, weight: float, origin: str) -> Pair:
    return Pair.model_validate(
        {"problem": slate.problem, "chosen": chosen, "rejected": rejected, "weight": weight, "slate_id": slate.id, "origin": origin}
    )
