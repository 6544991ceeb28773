"""Votes of slates, worked by hand."""

from __future__ import annotations

import pytest

from prefopt.rankings.consensus import consensus
from prefopt.records import Ranking, SlateVotes
from tests.unit.test_consensus import TAXONOMY, ranked, slate


def votes_of(rankings: list[Ranking], **options: object) -> SlateVotes:
    (found,) = consensus([slate()], rankings, TAXONOMY, **options).slates  # type: ignore[arg-type]  # options of the function
    return found


def shares(found: SlateVotes) -> dict[str, float]:
    return {answer.label: round(share, 6) for answer, share in zip(found.answers, found.shares, strict=True)}


def test_shares_are_those_of_the_votes_for_the_best():
    found = votes_of(
        [ranked("kim", {"a": 1, "b": 2, "c": 3}), ranked("lee", {"a": 1, "b": 1, "c": 5}), ranked("park", {"c": 2, "a": 4, "b": 4})]
    )
    assert shares(found) == {"a": 0.5, "b": 0.166667, "c": 0.333333}
    assert [vote.ranks for vote in found.votes] == [(1, 2, 3), (1, 1, 2), (2, 2, 1)]
    assert found.answers[0].reason == "because a"


def test_a_named_right_label_is_one_more_answer():
    none = Ranking(slate_id="s1", teacher="lee", kind="none_right", right_label="e")
    bare = Ranking(slate_id="s1", teacher="park", kind="none_right")
    found = votes_of([ranked("kim", {"a": 1, "b": 2, "c": 3}), none, bare])
    assert shares(found) == {"a": 0.333333, "b": 0, "c": 0, "e": 0.333333}
    assert [vote.ranks for vote in found.votes] == [(1, 2, 3, 0), (2, 2, 2, 1), (2, 2, 2, 0)]
    assert found.answers[3].partial


def test_a_shown_label_that_is_named_counts_for_its_card():
    none = Ranking(slate_id="s1", teacher="lee", kind="none_right", right_label="b")
    assert shares(votes_of([none])) == {"a": 0, "b": 1, "c": 0}


def test_all_level_says_nothing_of_what_is_right():
    level = ranked("kim", {"a": 2, "b": 2, "c": 2})
    assert consensus([slate()], [level], TAXONOMY).slates == []
    found = votes_of([level, ranked("lee", {"a": 3, "b": 1, "c": 2})])
    assert shares(found) == {"a": 0, "b": 1, "c": 0}
    assert [vote.ranks for vote in found.votes] == [(1, 1, 1), (3, 1, 2)]


def test_discards_and_slates_that_measure_teachers_give_none():
    passed = Ranking(slate_id="s1", teacher="kim", kind="discarded")
    assert consensus([slate()], [passed], TAXONOMY).slates == []
    known = slate().model_copy(update={"purpose": "repeat", "repeat_of": "s0"})
    assert consensus([known], [ranked("kim", {"a": 1, "b": 2, "c": 3})], TAXONOMY).slates == []


@pytest.mark.parametrize("wrong", [{"shares": (0.5, 0.5)}, {"shares": (0.0, 0.0, 0.0)}, {"shares": (1.0, 0.5, 0.0)}])
def test_a_row_that_does_not_add_up_is_refused(wrong: dict[str, object]):
    row = votes_of([ranked("kim", {"a": 1, "b": 2, "c": 3})])
    with pytest.raises(ValueError, match="shares"):
        SlateVotes.model_validate(row.model_dump() | wrong)
