"""Votes worked by hand."""

from __future__ import annotations

from itertools import combinations_with_replacement
from math import comb

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
    """Net share of the votes by (chosen, rejected)."""
    return {(p.chosen.label, p.rejected.label): round(p.net, 6) for p in result.pairs}


def judged(result):
    """Desirable, weight, origin; weights are those of one slate, relative to the strongest."""
    strongest = max((j.weight for j in result.judged), default=1.0)
    return {j.answer.label: (j.desirable, round(j.weight / strongest, 6), j.origin) for j in result.judged}


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
    result = consensus([slate()], [none("kim", "e")], TAXONOMY)
    assert pairs(result) == {("e", "a"): 1, ("e", "b"): 1, ("e", "c"): 1}
    assert all(p.chosen.partial and p.origin == "right_label" for p in result.pairs)
    assert judged(result) == {"e": (True, 1, "right_label"), "a": (False, 1, "votes"), "b": (False, 1, "votes"), "c": (False, 1, "votes")}


def test_none_is_right_counts_against_a_majority():
    voters = [ranked("kim", {"a": 1, "b": 2, "c": 2}), Ranking(slate_id="s1", teacher="lee", kind="none_right")]
    result = consensus([slate()], voters, TAXONOMY)
    assert pairs(result) == {("a", "b"): 0.5, ("a", "c"): 0.5}
    assert judged(result) == {"b": (False, 1, "tie"), "c": (False, 1, "tie")}  # a: one for, one against


def test_a_right_label_that_is_shown_is_a_ranking():
    assert pairs(consensus([slate()], [none("kim", "b")], TAXONOMY)) == {("b", "a"): 1, ("b", "c"): 1}


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
    # a and b level for both teachers, c below; of a and c one says level, one says a: a pair, not a tie
    votes = [ranked("t1", {"a": 1, "b": 1, "c": 2}), ranked("t2", {"a": 1, "b": 1, "c": 1}), none("t3")]
    result = consensus([slate()], votes, TAXONOMY, ties=True)
    found = {(p.chosen.label, p.rejected.label): (p.tie, p.net, round(p.weight, 6)) for p in result.pairs}
    # the two pairs share the strongest net share, 1/3, between them; the tie, which two of three support, is on the same scale
    third, sixth = pytest.approx(1 / 3), round(1 / 6, 6)
    assert found == {("a", "b"): (True, 0, round(1 / 3, 6)), ("a", "c"): (False, third, sixth), ("b", "c"): (False, third, sixth)}
    assert result.dropped == []
    assert [p.tie for p in consensus([slate()], votes, TAXONOMY).pairs] == [False, False]


def none(teacher: str, label: str | None = None) -> Ranking:
    return Ranking(slate_id="s1", teacher=teacher, kind="none_right", right_label=label)


def test_a_label_that_one_of_three_names_is_not_trained_on_against_the_two_who_ranked():
    voters = [none("kim", "e"), ranked("lee", {"a": 1, "b": 2, "c": 2}), ranked("park", {"a": 1, "b": 2, "c": 2})]
    result = consensus([slate()], voters, TAXONOMY)
    assert set(pairs(result)) == {("a", "b"), ("a", "c")}
    assert {answer: desirable for answer, (desirable, _, _) in judged(result).items()} == {"a": True, "b": False, "c": False}
    named = [d for d in result.dropped if d.cause == "no_majority"]
    assert [d.detail for d in named] == ["right labels named: e 1; 2 of 3 teachers ranked the cards"]


def test_the_order_of_one_is_not_trained_on_where_two_of_three_say_that_none_is_right():
    result = consensus([slate()], [none("kim", "e"), none("lee", "d"), ranked("park", {"a": 1, "b": 2, "c": 3})], TAXONOMY)
    assert result.pairs == []
    assert [(d.cause, d.detail) for d in result.dropped] == [
        ("none_right", "2 of 3 teachers say that none is right: the order that 1 gave"),
        ("no_majority", "right labels named: d 1, e 1; 1 of 3 teachers ranked the cards"),
    ]
    assert not any(j.desirable for j in result.judged)


def test_a_label_that_two_of_three_name_is_preferred_by_those_who_ranked_another_card_best_less():
    result = consensus([slate()], [none("kim", "e"), none("lee", "e"), ranked("park", {"a": 1, "b": 2, "c": 3})], TAXONOMY)
    assert pairs(result) == {("e", "a"): pytest.approx(1 / 3, abs=1e-6), ("e", "b"): 0.666667, ("e", "c"): 0.666667}
    # net of the label itself 2 - 1 of 3, of a 1 - 2, of b and c -3 of 3: together the strongest, 1
    assert [(j.answer.label, j.desirable, round(j.weight, 6)) for j in result.judged] == [
        ("e", True, 0.125), ("a", False, 0.125), ("b", False, 0.375), ("c", False, 0.375)
    ]  # fmt: skip


def test_half_and_half_gives_the_pairs_that_no_vote_contradicts():
    result = consensus([slate()], [none("kim", "e"), ranked("lee", {"a": 1, "b": 2, "c": 2})], TAXONOMY)
    assert pairs(result) == {("a", "b"): 0.5, ("a", "c"): 0.5, ("e", "b"): 0.5, ("e", "c"): 0.5}
    assert judged(result) == {"b": (False, 1, "tie"), "c": (False, 1, "tie")}


def test_the_pairs_of_a_slate_add_up_to_its_strongest_net_share_whatever_their_number():
    one, many = slate("s1", "ab"), slate("s2", "abcd")
    votes = [ranked("kim", {"a": 1, "b": 2}), ranked("kim", {"a": 1, "b": 2, "c": 3, "d": 4}, "s2")]
    result = consensus([one, many], [*votes, ranked("lee", {"a": 1, "b": 2, "c": 4, "d": 3}, "s2")], TAXONOMY)
    weights = [p.weight for p in result.pairs]
    assert weights == pytest.approx([1, *[1 / 5] * 5])  # s2: five of six pairs are unanimous; on c and d the two teachers differ
    assert {p.slate_id: sum(j.weight for j in result.judged if j.slate_id == p.slate_id) for p in result.pairs} == pytest.approx(
        {"s1": 1, "s2": 1}
    )


def test_even_splits_are_kept_with_the_ties_and_marked():
    votes = [ranked("kim", {"a": 1, "b": 2, "c": 3}), ranked("lee", {"b": 1, "a": 2, "c": 3})]
    found = consensus([slate()], votes, TAXONOMY, ties=True)
    assert [(p.chosen.label, p.rejected.label, p.tie, p.split, p.share, p.weight) for p in found.pairs] == [
        ("a", "b", True, True, 0.5, 0.5),
        ("a", "c", False, False, 1, 0.5),
        ("b", "c", False, False, 1, 0.5),
    ]
    assert found.dropped == []


ORDERS = [{"a": 1, "b": 2, "c": 3}, {"b": 1, "a": 2, "c": 2}, {"c": 1, "a": 1, "b": 2}, {"a": 1, "b": 1, "c": 1}, {"c": 1, "b": 2, "a": 3}]
"""A vote of each kind: strict orders, a tie below, a tie of the best, all level."""


def all_tables(most: int) -> list[list[Ranking]]:
    """Every table of 1 to `most` voters, whatever their order."""
    kinds: list[object] = [*ORDERS, None, "d", "e"]
    tables = [table for n in range(1, most + 1) for table in combinations_with_replacement(kinds, n)]
    assert len(tables) == sum(comb(len(kinds) + n - 1, n) for n in range(1, most + 1))
    return [[ranked(f"t{i}", v) if isinstance(v, dict) else none(f"t{i}", v) for i, v in enumerate(table)] for table in tables]


def prefers(vote: Ranking, one: str, other: str) -> bool:
    """Whether a vote puts one answer above another: by rank; a named label above every card; the best card above a label not shown."""
    if vote.kind == "none_right":
        return vote.right_label == one
    ranks = {card.removeprefix("s1-"): rank for card, rank in vote.ranks.items()}
    if other in ranks:
        return one in ranks and ranks[one] < ranks[other]
    return ranks[one] == 1 and len(set(ranks.values())) > 1


@pytest.mark.parametrize("ties", [False, True])
def test_no_chosen_answer_has_fewer_votes_than_the_rejected_one_in_any_small_table(ties):
    for table in all_tables(4):
        found = consensus([slate()], table, TAXONOMY, ties=ties)
        said_none = sum(v.kind == "none_right" for v in table)
        for p in found.pairs:
            chosen, rejected = p.chosen.label, p.rejected.label
            for_it, against = (sum(prefers(v, x, y) for v in table) for x, y in ((chosen, rejected), (rejected, chosen)))
            assert for_it > against or (ties and for_it == against), (table, p)
            assert p.net == pytest.approx((for_it - against) / len(table))
            assert p.share == pytest.approx((1 + p.net) / 2)
            majority = 2 * said_none > len(table) if p.origin == "votes" else 2 * said_none < len(table)
            assert not majority, (table, p)
        level = [p.net == 0 for p in found.pairs]
        rows = [p for p, x in zip(found.pairs, level, strict=True) if not x]
        if rows:
            assert sum(p.weight for p in rows) == pytest.approx(max(p.net for p in rows))
        assert all(0 < row.weight <= 1 for row in [*found.pairs, *found.judged])
        chosen_labels = {j.answer.label: j.desirable for j in found.judged if j.origin == "right_label"}
        for label, desirable in chosen_labels.items():
            named = sum(v.right_label == label for v in table)
            against = sum(any(prefers(v, card, label) for card in "abc") for v in table)
            assert desirable
            assert named > against


def test_every_pair_that_any_small_table_gives_is_one_that_the_votes_can_give_in_either_order():
    """Exchanging the names of two cards exchanges them in every pair: no card is favored by its place."""
    swap = {"a": "c", "c": "a"}
    for table in all_tables(2):
        swapped = [
            v.model_copy(update={"ranks": {f"s1-{swap.get(k[-1], k[-1])}": r for k, r in v.ranks.items()}}) if v.ranks else v for v in table
        ]
        one, other = (pairs(consensus([slate()], t, TAXONOMY)) for t in (table, swapped))
        assert other == {tuple(swap.get(x, x) for x in key): net for key, net in one.items()}
