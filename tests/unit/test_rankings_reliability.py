"""Dawid and Skene on pairs with ties: one step worked by hand, exchange of the cards, known labels, and a simulation."""

from __future__ import annotations

import random
from itertools import permutations

import numpy as np
import pytest

from prefopt.errors import ProjectError
from prefopt.rankings.consensus import consensus
from prefopt.rankings.label_agreement import unanimous_gold
from prefopt.rankings.reliability import hard_share, posteriors, reliability
from prefopt.rounds.stages.pair import trusted_teachers
from prefopt.taxonomy import parse_taxonomy
from tests.unit.rankings_cases import discarded, none_right, ranked, slate

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
    assert error.value.hint.startswith('set votes = "equal" under [pair]')
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
    wrong = {False: 0, True: 0}
    for seed in range(1, 6):
        slates, given, truth, care = simulate(seed)
        for weighed in wrong:
            pairs = consensus(slates, given, TAXONOMY, trusted=reliability(slates, given) if weighed else None).pairs
            assert len(pairs) == 600, "every pair of three votes without ties has an order"
            wrong[weighed] += sum(truth[p.slate_id][p.chosen.label] > truth[p.slate_id][p.rejected.label] for p in pairs)
    assert wrong[True] < 0.8 * wrong[False]


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


def test_errors_that_all_share_are_counted_on_known_labels_where_all_agree() -> None:
    slates = [slate(f"g{i}", gold="b") for i in range(5)] + [slate("s")]
    given = [ranked("g0", "kim", "213"), ranked("g0", "lee", "312")]  # both b: right
    given += [ranked("g1", "kim", "123"), ranked("g1", "lee", "132")]  # both a: wrong
    given += [ranked("g2", "kim", "123"), ranked("g2", "lee", "213")]  # they differ
    given += [ranked("g3", "kim", "123")]  # one alone
    given += [none_right("g4", "kim", "d"), none_right("g4", "lee", "d"), discarded("g4", "park")]  # both d: wrong
    given += [ranked("s", "kim", "123"), ranked("s", "lee", "123")]  # no known label
    assert {found.id: wrong for found, wrong in unanimous_gold(slates, given)} == {"g0": False, "g1": True, "g4": True}
    # by luck votes without information are right on one of three cards, so two errors stand for three slates; the prior is 0.5 of 10
    assert hard_share(slates, given) == pytest.approx((0.5 + 3) / (10 + 3))
    assert hard_share([], []) == 0.05


def test_no_pair_is_surer_than_the_share_of_slates_without_a_shared_error_allows() -> None:
    slates = [slate(f"s{i}", "ab") for i in range(60)] + [slate("g", "ab", gold="a")]
    given = [ranked(s.id, who, "12", "ab") for s in slates for who in ("kim", "lee", "park")]
    sure, found = reliability(slates, given, hard=None), reliability(slates, given)
    assert sure is not None
    assert found is not None
    share = 0.5 / 11  # one known label on which all agreed and were right
    assert (sure.hard, found.hard) == (0, pytest.approx(share))
    key = ("s0", "s0-a", "s0-b")
    assert sure.pairs[key][0] > 0.998
    assert found.pairs[key][0] == pytest.approx((1 - share) * sure.pairs[key][0] + share * (1 - found.level) / 2)
    assert found.net(*key) == pytest.approx((1 - share) * sure.net(*key))
    assert found.net("g", "g-a", "g-b") == 1, "a known label is known"


def test_a_named_right_label_is_no_surer_than_a_pair() -> None:
    slates = [slate(f"s{i}", "ab") for i in range(30)]
    given = [ranked(s.id, who, "12", "ab") for s in slates[1:] for who in ("kim", "lee")]
    given += [none_right("s0", "kim", "c"), none_right("s0", "lee", "c")]
    found = reliability(slates, given)
    assert found is not None
    named = [p for p in consensus(slates, given, TAXONOMY, trusted=found).pairs if p.slate_id == "s0"]
    assert [p.net for p in named] == pytest.approx([0.95, 0.95])
    assert [p.net for p in consensus(slates, given, TAXONOMY).pairs if p.slate_id == "s0"] == pytest.approx([1, 1])


def test_claimed_certainty_is_near_the_share_that_is_right_where_errors_are_shared() -> None:
    """Five teachers who take a random order for the true one together, on 15 % of 200 slates; 60 more have a known label."""
    dice = random.Random(2)
    slates, given, truth = [], [], {}
    for number in range(260):
        name, order = f"s{number}", dice.sample("abcd", 4)
        truth[name] = order
        believed = dice.sample("abcd", 4) if dice.random() < 0.15 else order
        slates.append(slate(name, "abcd", gold=order[0] if number >= 200 else None))
        for who in ("t1", "t2", "t3", "t4", "t5"):
            mine = believed if dice.random() < 0.97 else dice.sample("abcd", 4)
            given.append(ranked(name, who, "".join(str(1 + mine.index(x)) for x in "abcd"), "abcd"))
    claims = {}
    for prior in (None, (0.5, 9.5)):
        pairs = consensus(slates, given, TAXONOMY, trusted=reliability(slates, given, hard=prior)).pairs
        right = sum(truth[p.slate_id].index(p.chosen.label) < truth[p.slate_id].index(p.rejected.label) for p in pairs) / len(pairs)
        claims[prior] = sum((1 + p.net) / 2 for p in pairs) / len(pairs) - right
    assert claims[None] > 0.04
    assert abs(claims[0.5, 9.5]) < 0.03
