"""What the teachers of a slate find by majority, and the labels that they name on slates with a known label."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from prefopt.rankings.label_agreement import chosen_label
from prefopt.records import Candidate, Ranking, Slate


def most_probable(slate: Slate) -> Candidate:
    """The candidate with the label that the adapter gives the highest probability; of equal ones the first."""
    return max(slate.candidates, key=lambda candidate: candidate.probability)


def found_right(slates: Iterable[Slate], rankings: Iterable[Ranking]) -> dict[str, bool | None]:
    """Slate id -> whether a majority of its teachers considers the adapter's most probable label right; None where there is no majority.

    A teacher who ranks another card first, or finds that none is right, says that it is wrong. Ties at the top that include it, and
    discards, say nothing.
    """
    known = {slate.id: slate for slate in slates}
    votes: dict[str, list[bool]] = defaultdict(list)
    for ranking in rankings:
        slate = known.get(ranking.slate_id)
        if slate is not None and (vote := _vote(ranking, slate)) is not None:
            votes[slate.id].append(vote)
    return {name: None if 2 * sum(votes[name]) == len(votes[name]) else 2 * sum(votes[name]) > len(votes[name]) for name in known}


def _vote(ranking: Ranking, slate: Slate) -> bool | None:
    top = most_probable(slate)
    if ranking.kind == "discarded":
        return None
    if ranking.kind == "none_right":
        return ranking.right_label == top.answer.label
    best = min(ranking.ranks.values())
    if ranking.ranks.get(top.id) != best:
        return False
    return True if chosen_label(ranking, slate) is not None else None


@dataclass(frozen=True)
class GoldVotes:
    """A slate with a known label, and the label that each of its teachers considers right."""

    gold: str
    labels: tuple[str, ...]

    @property
    def differs(self) -> bool | None:
        """Whether the label that most teachers name is another one; None where two labels are named equally often."""
        counts = sorted(((self.labels.count(label), label) for label in set(self.labels)), reverse=True)
        if not counts or (len(counts) > 1 and counts[0][0] == counts[1][0]):
            return None
        return counts[0][1] != self.gold


def gold_votes(slates: Sequence[Slate], rankings: Iterable[Ranking]) -> list[GoldVotes]:
    """The votes on every gold slate that a teacher named a label on.

    A teacher who finds none right, among cards that show the known label, and names no other, disagrees with it: such a vote counts as a
    label of its own. Where the known label is not shown, the vote says nothing about it.
    """
    named: dict[str, list[str]] = defaultdict(list)
    known = {slate.id: slate for slate in slates if slate.gold is not None}
    for ranking in rankings:
        slate = known.get(ranking.slate_id)
        if slate is None:
            continue
        label = chosen_label(ranking, slate)
        if label is None and ranking.kind == "none_right" and slate.gold in {c.answer.label for c in slate.candidates}:
            label = f"not named by {ranking.teacher}"
        if label is not None:
            named[slate.id].append(label)
    return [GoldVotes(str(slate.gold), tuple(named[slate.id])) for slate in known.values() if named[slate.id]]
