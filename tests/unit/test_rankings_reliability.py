"""Dawid and Skene on pairs with ties: one step worked by hand, exchange of the cards, known labels, and a simulation."""

from __future__ import annotations

import random
from itertools import permutations

import numpy as np
import pytest

from prefopt.errors import ProjectError
from prefopt.rankings.consensus import consensus
from prefopt.rankings.reliability import posteriors, reliability
from prefopt.rounds.stages.pair import trusted_teachers
from prefopt.taxonomy import parse_taxonomy
from tests.unit.rankings_cases import none_right, ranked, slate

TAXONOMY = parse_taxonomy("code,name\na,A\nb,B\nc,C\nd,D\n", source="t.csv")


def test_posterior_of_one_pair_by_hand():
    # two teachers vote better, a weak one votes worse; a vote on level cards is a tie with 1/2, either order with 1/4
    unequal = np.array([[0.8, 0.1, 0.1], [0.8, 0.1, 0.1], [0.5, 0.1, 0.4]])
    level = np.array([[0.5, 0.5]] * 3)
    votes = np.array([[0, 0, 0], [0, 1, 0], [0, 2, 2]])
    better, tie, worse = 0.4 * 0.8 * 0.8 * 0.4, 0.2 * 0.25**3, 0.4 * 0.1 * 0.1 * 0.5
    found = posteriors(votes, 1, unequal, level, 0.2)[0]
    assert found == pytest.approx(np.array([better, tie, worse]) / (better + tie + worse))


def votes_of(orders: dict[str, list[str]], labels: str = "ab") -> tuple[list, list]:
    slates = [slate(f"s{i}", labels) for i in range(max(map(len, orders.values())))]
    return slates, [ranked(f"s{i}", name, ranks, labels) for name, own in orders.items() for i, ranks in enumerate(own)]


def test_the_order_of_the_cards_makes_no_difference():
    orders = {"kim": ["12", "21", "11", "12"], "lee": ["12", "21", "11", "21"], "park": ["21", "21", "12", "12"]}
    swapped = {name: [ranks[::-1] for ranks in own] for name, own in orders.items()}
    one, other = (reliability(*votes_of(given)) for given in (orders, swapped))
    assert one is not None
    assert other is not None
    for name, trust in one.teachers.items():
        assert vars(other.teachers[name]) == pytest.approx(vars(trust))
    for key, found in one.pairs.items():
        assert other.pairs[key] == pytest.approx(found[::-1])
    assert one.net("s2", "s2-a", "s2-b") == pytest.approx(-other.net("s2", "s2-a", "s2-b"))


def test_teachers_without_a_shared_slate_have_no_reliability():
    slates, given = votes_of({"kim": ["12", "21"]})
    assert reliability(slates, given) is None
    assert reliability(slates, []) is None


def test_the_pair_stage_refuses_weights_without_shared_slates():
    slates, given = votes_of({"kim": ["12", "21"]})
    with pytest.raises(ProjectError, match=r'votes = "reliability"') as error:
        trusted_teachers(slates, given)
    assert "gold_share" in error.value.hint
    slates, given = votes_of({"kim": ["12"], "lee": ["12"]})
    assert trusted_teachers(slates, [*given, none_right("s0", "park", "b")]).teachers["park"].votes == 1, "b is on a card: it was ranked"


def test_known_labels_give_a_single_teachers_reliability():
    slates = [slate(f"s{i}", "abc", gold="b") for i in range(20)]
    given = [ranked(f"s{i}", "kim", "213") for i in range(20)] + [ranked(f"s{i}", "lee", "123") for i in range(20)]
    found = reliability(slates, given)
    assert found is not None
    # next to the prior 4-1-1: kim has 40 right by the known label, lee 20 right and 20 wrong; of a against c they say the same
    assert found.teachers["kim"].right > 0.9
    assert found.teachers["lee"].right == pytest.approx((4 + 20 + 20) / (6 + 60), abs=0.01)
    assert found.net("s0", "s0-a", "s0-b") == -1
    assert found.weight("somebody new") == pytest.approx(0.5)


def simulate(seed: int) -> tuple[list, list, dict[str, dict[str, int]], dict[str, float]]:
    """200 slates of three cards with a true order, three of five teachers each; `care` is how often a pair is ordered as it truly is."""
    dice = random.Random(seed)
    care = {"t1": 0.97, "t2": 0.95, "t3": 0.9, "t4": 0.55, "t5": 0.5}
    slates, given, truth = [], [], {}
    for number in range(200):
        name = f"s{number}"
        order = dict(zip("abc", dice.sample(range(3), 3), strict=True))
        truth[name] = order
        slates.append(slate(name))
        for teacher in dice.sample(sorted(care), 3):
            ranks = order if dice.random() < care[teacher] else dict(zip("abc", dice.sample(range(3), 3), strict=True))
            given.append(ranked(name, teacher, "".join(str(1 + ranks[x]) for x in "abc")))
    return slates, given, truth, care


def test_careless_teachers_weigh_less():
    slates, given, truth, care = simulate(1)
    found = reliability(slates, given)
    assert found is not None
    for name in care:
        pairs = [
            (r, x, y) for r in given if r.teacher == name for x, y in permutations("abc", 2) if truth[r.slate_id][x] < truth[r.slate_id][y]
        ]
        right = sum(r.ranks[f"{r.slate_id}-{x}"] < r.ranks[f"{r.slate_id}-{y}"] for r, x, y in pairs) / len(pairs)
        assert found.teachers[name].right == pytest.approx(right, abs=0.04), name
    plain, weighed = (
        sum(
            p.weight * (1 if truth[p.slate_id][p.chosen.label] < truth[p.slate_id][p.rejected.label] else -1)
            for p in consensus(slates, given, TAXONOMY, trusted=trusted).pairs
        )
        for trusted in (None, found)
    )
    assert weighed > 1.05 * plain, "more of the weight lies on right pairs"


def test_consensus_with_reliability_follows_the_better_teacher_where_votes_are_even():
    slates = [slate(f"g{i}", "ab", gold="a") for i in range(20)] + [slate("s", "ab")]
    given = [ranked(f"g{i}", "kim", "12", "ab") for i in range(20)]
    given += [ranked(f"g{i}", "lee", ("12", "21")[i % 2], "ab") for i in range(20)]
    given += [ranked("s", "kim", "21", "ab"), ranked("s", "lee", "12", "ab")]
    found = consensus(slates, given, TAXONOMY, trusted=reliability(slates, given))
    assert [(p.chosen.label, p.rejected.label) for p in found.pairs] == [("b", "a")]
    assert 0 < found.pairs[0].weight < 1
    assert [d.cause for d in found.dropped] == ["gold"] * 20, "a slate with a known label is never trained on"
    assert {j.answer.label: j.desirable for j in found.judged} == {"a": False, "b": True}


def test_a_named_right_label_has_the_weight_of_its_teachers():
    slates = [slate(f"g{i}", "ab", gold="a") for i in range(20)] + [slate("s", "ab")]
    given = [ranked(f"g{i}", "kim", "12", "ab") for i in range(20)] + [ranked(f"g{i}", "lee", "21", "ab") for i in range(20)]
    found = consensus(
        slates, [*given, none_right("s", "kim", "c"), none_right("s", "lee", "d")], TAXONOMY, trusted=reliability(slates, given)
    )
    assert {p.chosen.label for p in found.pairs} == {"c"}
    assert consensus(slates, [*given, none_right("s", "kim", "c"), none_right("s", "lee", "d")], TAXONOMY).pairs == []
