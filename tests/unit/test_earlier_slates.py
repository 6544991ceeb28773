"""Rounds that an earlier version paired, which kept no votes of slates."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from prefopt.errors import TrainingError
from prefopt.records import Answer, Pair, Problem, SlateVotes, Vote
from prefopt.rounds.reads import OfRound, rows_of_earlier

PROBLEM = Problem(id="p1", text="1 + 1 = ?")
ANSWERS = (Answer(label="a"), Answer(label="b"))
PAIR = Pair(problem=PROBLEM, chosen=ANSWERS[0], rejected=ANSWERS[1], weight=1.0, slate_id="s1", origin="votes")
VOTES = SlateVotes(problem=PROBLEM, slate_id="s1", answers=ANSWERS, shares=(1.0, 0.0), votes=(Vote(ranks=(1, 2)),))


def recipe(needs: str) -> Any:
    return SimpleNamespace(name="mine", needs=needs)


def test_a_round_without_votes_is_named() -> None:
    """Its slates would be missing from a run that starts from the SFT adapter, without a word."""
    pair, votes = (row.model_copy(update={"slate_id": "s2"}) for row in (PAIR, VOTES))
    rounds = [OfRound(1, "dpo", 0, [PAIR]), OfRound(2, "dpo", 1, [pair, votes]), OfRound(3, "dpo", 2, [])]
    with pytest.raises(TrainingError, match="and round 001 has none: an earlier version") as raised:
        rows_of_earlier(recipe("slates"), rounds)
    assert raised.value.hint.endswith("prefopt round --recipe orpo")
    assert rows_of_earlier(recipe("pairs"), rounds) == [PAIR, pair, votes]
    assert rows_of_earlier(recipe("slates"), rounds[1:]) == [pair, votes]


def test_a_slate_that_a_branch_paired_again_counts_once() -> None:
    """A branch has the slates of another round; where more teachers have answered, the newer votes count."""
    other = PAIR.model_copy(update={"slate_id": "s2"})
    newer = PAIR.model_copy(update={"weight": 0.5})
    rounds = [OfRound(1, "dpo", 0, [PAIR, other]), OfRound(2, "dpo", 0, [newer])]
    assert rows_of_earlier(recipe("pairs"), rounds) == [other, newer]
    assert rows_of_earlier(recipe("pairs"), rounds, [newer]) == [other]
