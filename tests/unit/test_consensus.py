"""Votes worked by hand."""

from __future__ import annotations

import pytest

from prefopt.rankings.consensus import consensus
from prefopt.records import Answer, Candidate, Problem, Ranking, Slate
from prefopt.taxonomy import parse_taxonomy

TAXONOMY = parse_taxonomy("code,name\na,A\nb,B\nc,C\nd,D\ne,E\n", source="t.csv")


def slate(name: str = "s1", labels: str = "abc") -> Slate:
    candidates = tuple(
        Candidate(id=f"{name}-{x}", answer=Answer(label=x, level="A", reason=f"because {x}"), probability=0.3, adapter="0" * 12)
        for x in labels
    )
    return Slate(
        id=name,
        problem=Problem(id=f"p-{name}", text="3 + 4"),
        candidates=candidates,
        order=tuple(range(len(labels))),
        purpose="margin",
        top2_gap=0.1,
    )


def ranked(teacher: str, ranks: dict[str, int], name: str = "s1") -> Ranking:
    return Ranking(slate_id=name, teacher=teacher, kind="ranked", ranks={f"{name}-{x}": r for x, r in ranks.items()})


def pairs(result):
    return {(p.chosen.label, p.rejected.label): round(p.weight, 6) for p in result.pairs}


def judged(result):
    return {j.answer.label: (j.desirable, round(j.weight, 6), j.origin) for j in result.judged}


def test_one_teacher_without_ties_gives_every_pair_with_weight_one():
    result = consensus([slate()], [ranked("kim", {"b": 1, "a": 2, "c": 3})], TAXONOMY)
    assert pairs(result) == {("b", "a"): 1, ("a", "c"): 1, ("b", "c"): 1}
    assert judged(result) == {"a": (False, 1, "votes"), "b": (True, 1, "votes"), "c": (False, 1, "votes")}
    assert result.dropped == []


def test_votes_are_netted_and_an_even_split_is_dropped():
    teachers = [ranked("kim", {"a": 1, "b": 2, "c": 3}), ranked("lee", {"b": 1, "a": 2, "c": 3}), ranked("park", {"a": 1, "c": 2, "b": 3})]
    assert pairs(consensus([slate()], teachers, TAXONOMY)) == {
        ("a", "b"): round(1 / 3, 6),
        ("a", "c"): 1,
        ("b", "c"): round(1 / 3, 6),
    }
    even = consensus([slate()], teachers[:2], TAXONOMY)
    assert pairs(even) == {("a", "c"): 1, ("b", "c"): 1}
    assert [(d.cause, d.detail) for d in even.dropped] == [("no_majority", "a and b: 1 against 1 of 2 teachers")]


def test_a_threshold_drops_weak_majorities():
    teachers = [ranked("kim", {"a": 1, "b": 2, "c": 3}), ranked("lee", {"b": 1, "a": 2, "c": 3}), ranked("park", {"a": 1, "c": 2, "b": 3})]
    assert pairs(consensus([slate()], teachers, TAXONOMY, min_weight=0.5)) == {("a", "c"): 1}


def test_ties_give_no_pair_but_judgments():
    result = consensus([slate(labels="abcd")], [ranked("kim", {"a": 1, "b": 1, "c": 3, "d": 3})], TAXONOMY)
    assert set(pairs(result)) == {("a", "c"), ("a", "d"), ("b", "c"), ("b", "d")}
    assert judged(result) == {"a": (True, 1, "tie"), "b": (True, 1, "tie"), "c": (False, 1, "tie"), "d": (False, 1, "tie")}
    assert [d.cause for d in result.dropped] == ["tie", "tie"]


def test_all_tied_gives_no_preference():
    result = consensus([slate()], [ranked("kim", {"a": 1, "b": 1, "c": 1})], TAXONOMY)
    assert result.pairs == []
    assert result.judged == []
    assert {d.cause for d in result.dropped} == {"tie"}


def test_none_is_right_with_the_right_label():
    none = Ranking(slate_id="s1", teacher="kim", kind="none_right", right_label="e")
    result = consensus([slate()], [none], TAXONOMY)
    assert pairs(result) == {("e", "a"): 1, ("e", "b"): 1, ("e", "c"): 1}
    assert all(p.chosen.partial and p.origin == "right_label" for p in result.pairs)
    assert judged(result) == {"e": (True, 1, "right_label"), "a": (False, 1, "votes"), "b": (False, 1, "votes"), "c": (False, 1, "votes")}


def test_none_is_right_counts_against_a_majority():
    voters = [ranked("kim", {"a": 1, "b": 2, "c": 2}), Ranking(slate_id="s1", teacher="lee", kind="none_right")]
    result = consensus([slate()], voters, TAXONOMY)
    assert pairs(result) == {("a", "b"): 0.5, ("a", "c"): 0.5}
    assert judged(result) == {"b": (False, 1, "tie"), "c": (False, 1, "tie")}  # a: one for, one against


def test_a_right_label_that_is_shown_is_a_ranking():
    none = Ranking(slate_id="s1", teacher="kim", kind="none_right", right_label="b")
    assert pairs(consensus([slate()], [none], TAXONOMY)) == {("b", "a"): 1, ("b", "c"): 1}


def test_different_right_labels_give_no_preference():
    voters = [Ranking(slate_id="s1", teacher=t, kind="none_right", right_label=x) for t, x in (("kim", "d"), ("lee", "e"))]
    result = consensus([slate()], voters, TAXONOMY)
    assert result.pairs == []
    assert [d.detail for d in result.dropped] == ["right labels named: d 1, e 1"]


def test_discarded_and_unanswered_slates_have_different_causes():
    passed = Ranking(slate_id="s1", teacher="kim", kind="discarded")
    result = consensus([slate(), slate("s2")], [passed], TAXONOMY)
    assert [(d.slate_id, d.cause) for d in result.dropped] == [("s1", "discarded"), ("s2", "unanswered")]


@pytest.mark.parametrize(
    ("rankings", "message"),
    [
        ([ranked("kim", {"a": 1, "b": 2})], "ranks for"),
        ([ranked("kim", {"a": 1, "b": 2, "c": 3})] * 2, "two rankings by one teacher"),
        ([ranked("kim", {"a": 1}, name="s9")], "not published"),
        ([Ranking(slate_id="s1", teacher="kim", kind="none_right", right_label="z")], "not in the taxonomy"),
    ],
)
def test_impossible_rankings_are_refused(rankings, message):
    with pytest.raises(ValueError, match=message):
        consensus([slate()], rankings, TAXONOMY)


def test_ties_become_marked_pairs_on_request():
    none = Ranking(slate_id="s1", teacher="t3", kind="none_right")
    # a and b level for both teachers, c below; of a and c one says level, one says a: a pair, not a tie
    votes = [ranked("t1", {"a": 1, "b": 1, "c": 2}), ranked("t2", {"a": 1, "b": 1, "c": 1}), none]
    result = consensus([slate()], votes, TAXONOMY, ties=True)
    found = {(p.chosen.label, p.rejected.label): (p.tie, round(p.weight, 3)) for p in result.pairs}
    assert found == {("a", "b"): (True, 0.667), ("a", "c"): (False, 0.333), ("b", "c"): (False, 0.333)}
    assert result.dropped == []
    assert [p.tie for p in consensus([slate()], votes, TAXONOMY).pairs] == [False, False]
