"""The votes on a slate as one row, for recipes that learn from all of a slate's answers at once."""

from __future__ import annotations

from collections.abc import Sequence

from prefopt.records import Answer, Ranking, Slate, SlateVotes, Vote


def slate_votes(slate: Slate, voters: Sequence[Ranking], weights: Sequence[float], certainty: float = 1.0) -> SlateVotes | None:
    """The votes of all teachers who did not pass.

    A teacher who puts all cards level says nothing about which is right: such a vote is kept, and no share counts it.

    Args:
        slate: as published.
        voters: rankings, as consensus.as_meant gives them, without those discarded.
        weights: of their teachers.
        certainty: below 1 where all teachers may share an error.

    Returns:
        None where no vote puts any answer first.
    """
    cards = [candidate.id for candidate in slate.candidates]
    named = sorted({r.right_label for r in voters if r.right_label is not None})
    answers = [*(candidate.answer for candidate in slate.candidates), *(Answer(label=label) for label in named)]
    votes = [
        Vote(weight=weight, ranks=_ranks(ranking, cards, named), best_only=ranking.best_only)
        for ranking, weight in zip(voters, weights, strict=True)
    ]
    said = [vote for ranking, vote in zip(voters, votes, strict=True) if ranking.kind != "ranked" or len(set(ranking.ranks.values())) > 1]
    total = sum(vote.weight for vote in said)
    shares = [0.0] * len(answers)
    for vote in said:
        first = [i for i, rank in enumerate(vote.ranks) if rank == 1]
        for i in first:
            shares[i] += certainty * vote.weight / len(first) / total if total else 0.0
    if not sum(shares):
        return None
    return SlateVotes(problem=slate.problem, slate_id=slate.id, answers=tuple(answers), shares=tuple(shares), votes=tuple(votes))


def _ranks(ranking: Ranking, cards: Sequence[str], named: Sequence[str]) -> tuple[int, ...]:
    """Of each card, then of each named label. Ranks are dense: 1, 2, and so on without gaps, level ones alike."""
    if ranking.kind == "ranked":
        order = sorted(set(ranking.ranks.values()))
        return (*(order.index(ranking.ranks[card]) + 1 for card in cards), *(0 for _ in named))
    return (*(2 for _ in cards), *(int(label == ranking.right_label) for label in named))
