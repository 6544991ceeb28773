"""From several teachers' rankings to preferences: weighted pairwise votes.

The rankings of a slate become one vote per teacher and pair of candidates (better, worse, tie); the net share of votes says which answer
is preferred, and how clearly. A teacher who chose the best card alone votes for it against each of the others, and for neither of two
others: this vote counts in the share like a tie, but it does not say that the two are level. Level pairs (all tie, or the votes split
evenly) are left out unless requested. For KTO, a tie of the best gives two desirable answers and a tie further down two undesirable ones.
"None is right" with the right label sets that label against every candidate shown: those who named it against those who ranked the
candidate best. Where a majority ranks the cards, no named label is trained on; where a majority says that none is right, no order of the
cards is.
A slate is one judgment of each teacher, however many pairs it has: the weights of its pairs add up to the strongest net share among them,
and so do the weights of its judged answers.
With a `Reliability` the votes of a pair become the probability that one card is better minus that the other is, and elsewhere a teacher's
vote has the teacher's weight. Slates with a known label and second showings measure teachers and give no preference: the first are in
the training set already, and the second would count a teacher twice.
This belongs to the loop, not to the annotation tool: every feedback source gives the same rankings.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Literal, TypeVar

from prefopt.rankings.slate_votes import slate_votes
from prefopt.records import Answer, Candidate, Cause, Dropped, Judged, Pair, Ranking, Slate, SlateVotes
from prefopt.taxonomy import Taxonomy

if TYPE_CHECKING:
    from prefopt.rankings.reliability import Reliability

Weighted = TypeVar("Weighted", Pair, Judged)


@dataclass
class Preferences:
    """Preferences from the teachers' feedback, and the feedback that gave none, with the cause."""

    pairs: list[Pair] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    slates: list[SlateVotes] = field(default_factory=list)
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
        ties: level candidates become pairs, too, marked as ties, and as split where the votes are even and not all ties; the share of
            the teachers who compared them is in place of the net share.
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
    return ranking.model_copy(update={"kind": "ranked", "ranks": ranks, "best_only": True, "right_label": None})


@dataclass(frozen=True)
class _Votes:
    """The votes on one slate: rankings and "none is right", without discards, each with its teacher's weight."""

    slate: Slate
    voters: Sequence[Ranking]
    weights: Sequence[float]
    total: float
    """Of the weights; 0 where no teacher is better than chance."""
    certainty: float
    """Below 1 where all teachers may share an error."""

    def share(self, vote: Callable[[Ranking], float]) -> float:
        """Sum of the votes, each in [-1, 1], over all voters; 0 where no vote has weight."""
        votes = [vote(ranking) * weight for ranking, weight in zip(self.voters, self.weights, strict=True)]
        return sum(votes) / self.total if self.total else 0.0

    def net(self, vote: Callable[[Ranking], float]) -> float:
        """The share as a net share of the votes, as certain as votes can be."""
        return self.certainty * self.share(vote)

    @property
    def ranked(self) -> float:
        """Share of the voters who ranked the cards; the others say that none is right."""
        return self.share(lambda ranking: ranking.kind == "ranked")

    def drop(self, cause: Cause, detail: str) -> Dropped:
        return Dropped(slate_id=self.slate.id, cause=cause, detail=detail)


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
    weights = [1.0 if trusted is None else trusted.weight(r.teacher) for r in voters]
    votes = _Votes(slate, voters, weights, sum(weights), 1.0 if trusted is None else 1 - trusted.hard)
    found = Preferences()
    _add_pairs(found, votes, min_weight, ties, trusted)
    _add_right_label(found, votes, min_weight)
    _add_judged(found, votes, min_weight)
    ties_only = all(pair.tie for pair in found.pairs)
    result.pairs += _shared_out(found.pairs, counted=[ties_only or not pair.tie for pair in found.pairs])
    result.judged += _shared_out(found.judged, counted=[True] * len(found.judged))
    result.dropped += found.dropped
    row = slate_votes(slate, voters, weights, votes.certainty)
    result.slates += [] if row is None else [row]


def _shared_out(rows: Sequence[Weighted], counted: Sequence[bool]) -> list[Weighted]:
    """The rows with weights, net shares so far, on one scale: those counted add up to the strongest of them. Level pairs, which most
    losses leave out, are counted only where there is nothing else.
    """
    shares = [row.weight for row, counts in zip(rows, counted, strict=True) if counts]
    return [row.model_copy(update={"weight": row.weight * (max(shares) / sum(shares))}) for row in rows]


def _add_pairs(found: Preferences, votes: _Votes, min_weight: float, ties: bool, trusted: Reliability | None) -> None:
    slate, ranked = votes.slate, [r for r in votes.voters if r.kind == "ranked"]
    if ranked and votes.ranked < 0.5 and votes.total:
        detail = (
            f"{len(votes.voters) - len(ranked)} of {len(votes.voters)} teachers say that none is right: the order that {len(ranked)} gave"
        )
        found.dropped.append(votes.drop("none_right", detail))
        return
    for first, second in combinations(slate.candidates, 2) if ranked else ():
        orders = [r.order(first.id, second.id) for r in ranked]
        if all(order is None for order in orders):  # nobody was asked to compare these two
            continue
        better, worse = orders.count(-1), orders.count(1)
        compared = votes.share(lambda r, a=first.id, b=second.id: r.kind == "ranked" and r.order(a, b) is not None)  # type: ignore[misc]  # bound as a default
        net = (better - worse) / len(votes.voters)
        if trusted is not None:
            net = trusted.net(slate.id, first.id, second.id) * votes.ranked
        level, tied = better == worse, better == worse == 0
        if net and abs(net) > min_weight:
            chosen, rejected = (first, second) if net > 0 else (second, first)
            found.pairs.append(_pair(slate, chosen.answer, rejected.answer, abs(net), "votes"))
        elif ties and level and not net and compared > min_weight:
            pair = _pair(slate, first.answer, second.answer, 0.0, "votes")
            found.pairs.append(pair.model_copy(update={"weight": compared, "tie": True, "split": not tied}))
        else:
            detail = f"{first.answer.label} and {second.answer.label}: {better} against {worse} of {len(votes.voters)} teachers"
            found.dropped.append(votes.drop("tie" if tied else "no_majority", detail))


def _add_right_label(found: Preferences, votes: _Votes, min_weight: float) -> None:
    """The label that most of those named who say that none is right, against each card: (named it) - (ranked the card best)."""
    slate = votes.slate
    names = {r.right_label for r in votes.voters if r.kind == "none_right" and r.right_label is not None}
    named = {name: votes.share(lambda r, name=name: r.right_label == name) for name in sorted(names)}  # type: ignore[misc]  # bound as a default
    if not named:
        return
    (label, share), *others = sorted(named.items(), key=lambda item: -item[1])
    decided = votes.ranked <= 0.5 and not (others and others[0][1] == share)
    right = Answer(label=label)
    leads = [(card, votes.net(lambda r, card=card: (r.right_label == label) - (_vote(r, card) > 0))) for card in slate.candidates]  # type: ignore[misc]  # bound as a default
    pairs = [_pair(slate, right, card.answer, lead, "right_label") for card, lead in leads if lead > min_weight and decided]
    if not pairs:
        counts = Counter(r.right_label for r in votes.voters if r.right_label is not None)
        ranked = sum(r.kind == "ranked" for r in votes.voters)
        detail = f"right labels named: {', '.join(f'{name} {counts[name]}' for name in sorted(counts))}"
        detail += f"; {ranked} of {len(votes.voters)} teachers ranked the cards" if ranked else ""
        found.dropped.append(votes.drop("no_majority", detail))
        return
    found.pairs += pairs
    net = votes.net(lambda r: (r.right_label == label) - any(_vote(r, card) > 0 for card in slate.candidates))
    if net > min_weight:
        judged = Judged(problem=slate.problem, answer=right, desirable=True, weight=net, slate_id=slate.id, origin="right_label")
        found.judged.append(judged)


def _add_judged(found: Preferences, votes: _Votes, min_weight: float) -> None:
    slate = votes.slate
    for candidate in slate.candidates:
        net = votes.net(lambda r, card=candidate: _vote(r, card))  # type: ignore[misc]  # bound as a default
        if net and abs(net) > min_weight:
            origin: Literal["tie", "votes"] = "tie" if _tied(candidate, votes.voters) else "votes"
            found.judged.append(
                Judged(problem=slate.problem, answer=candidate.answer, desirable=net > 0, weight=abs(net), slate_id=slate.id, origin=origin)
            )


def _vote(ranking: Ranking, candidate: Candidate) -> int:
    """+1 among the best, -1 below them or where none is right, 0 where all are tied."""
    if ranking.kind == "none_right":
        return -1
    best, worst = min(ranking.ranks.values()), max(ranking.ranks.values())
    return 0 if best == worst else 1 if ranking.ranks[candidate.id] == best else -1


def _tied(candidate: Candidate, voters: Sequence[Ranking]) -> bool:
    """Whether most teachers who ranked tied the candidate with another."""
    ranked = [r for r in voters if r.kind == "ranked"]
    tied = sum(Counter(r.ranks.values())[r.ranks[candidate.id]] > 1 and not r.best_only for r in ranked)
    return 2 * tied > len(ranked)


def _pair(slate: Slate, chosen: Answer, rejected: Answer, net: float, origin: Literal["votes", "right_label"]) -> Pair:
    """A pair whose weight is still its net share of the votes; a level one gets its weight from the caller."""
    share = (1 + net) / 2  # votes for neither count half
    return Pair(problem=slate.problem, chosen=chosen, rejected=rejected, weight=net or 1.0, share=share, slate_id=slate.id, origin=origin)
