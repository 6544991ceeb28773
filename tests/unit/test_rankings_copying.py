"""Teachers who follow the model: the slates that count, the exact test by enumeration, and simulated schools."""

from __future__ import annotations

import random
from itertools import product

import pytest

from prefopt.rankings.consensus import consensus
from prefopt.rankings.copying import Following, following
from prefopt.rankings.reliability import reliability
from prefopt.records import Ranking, Slate
from prefopt.taxonomy import parse_taxonomy
from tests.unit.rankings_cases import discarded, none_right, ranked, slate

TAXONOMY = parse_taxonomy("code,name\na,A\nb,B\nc,C\nd,D\n", source="t.csv")


def answers(name: str, tops: dict[str, str]) -> list[Ranking]:
    """Teacher -> the card on top; "-" for "none is right" without a name, "=" for a tie on top, "x" for a discard."""
    orders = {"a": "123", "b": "213", "c": "231", "=": "112"}
    other = {"-": none_right, "x": discarded}
    return [other[top](name, who) if top in other else ranked(name, who, orders[top]) for who, top in tops.items()]


def test_slates_count_where_two_or_more_agree_on_another_card_and_no_fewer_than_follow_the_model() -> None:
    # a is the model's most probable card
    cases = {
        "counts": {"kim": "a", "lee": "b", "park": "b"},
        "even": {"kim": "a", "lee": "b", "park": "b", "choi": "a"},
        "alone": {"kim": "a", "lee": "b"},
        "split": {"kim": "a", "lee": "b", "park": "c"},
        "outvoted": {"kim": "a", "lee": "b", "park": "b", "choi": "a", "jung": "a"},
        "nobody": {"lee": "b", "park": "b"},
        "unnamed": {"kim": "a", "lee": "-", "park": "-"},
    }
    found = following([slate(s) for s in cases], [r for s, tops in cases.items() for r in answers(s, tops)])
    assert {name: (f.hits, f.n, round(f.expected, 6)) for name, f in found.items()} == {
        "kim": (2, 2, round(1 / 3 + 1 / 2, 6)),
        "lee": (0, 2, round(1 / 3 + 1 / 2, 6)),
        "park": (0, 2, round(1 / 3 + 1 / 2, 6)),
        "choi": (1, 1, 0.5),
    }
    more = following([slate("s")], answers("s", {"kim": "a", "lee": "b", "park": "b", "choi": "=", "jung": "x", "han": "-"}))
    assert {name: (f.hits, f.expected) for name, f in more.items()} == {
        "kim": (1, 0.25), "lee": (0, 0.25), "park": (0, 0.25), "han": (0, 0.25)
    }, "no single card chosen: left out; none is right: does not follow"  # fmt: skip


def test_equally_probable_cards_have_no_favorite_and_second_showings_do_not_count() -> None:
    one = slate("s")
    level = one.model_copy(update={"candidates": tuple(c.model_copy(update={"probability": 0.3}) for c in one.candidates)})
    tops = {"kim": "a", "lee": "b", "park": "b"}
    assert following([level], answers("s", tops)) == {}
    assert following([slate("s", again="t")], answers("s", tops)) == {}


def test_the_p_value_is_that_of_every_exchange_of_teachers_within_slates() -> None:
    slates = [slate(f"s{i}") for i in range(4)]
    tops = [{"kim": "a", "lee": "b", "park": "b"}] * 3 + [{"kim": "b", "lee": "a", "park": "b"}]
    found = following(slates, [r for s, own in zip(slates, tops, strict=True) for r in answers(s.id, own)])
    # kim follows on three of four slates; on each, one of the three teachers does, every one alike: 81 ways
    ways = [sum(who == "kim" for who in way) for way in product(["kim", "lee", "park"], repeat=4)]
    assert found["kim"].p_value == pytest.approx(3 * sum(hits >= 3 for hits in ways) / 81), "Holm: the smallest of three"


def school(
    seed: int, *, careful: int, followers: int, care: float = 0.9, careless: int = 0
) -> tuple[list[Slate], list[Ranking], dict[str, str]]:
    """100 slates whose right card is the model's on half of them; everyone answers every slate."""
    dice = random.Random(seed)
    slates, given, truth = [], [], {}
    for number in range(100):
        name = f"s{number}"
        slates.append(slate(name))
        truth[name] = right = "a" if dice.random() < 0.5 else dice.choice("bc")
        tops = {f"careful{i}": right if dice.random() < care else dice.choice("abc") for i in range(careful)}
        tops |= {f"follower{i}": "a" if dice.random() < 0.9 else dice.choice("abc") for i in range(followers)}
        tops |= {f"careless{i}": dice.choice("abc") for i in range(careless)}
        given += answers(name, tops)
    return slates, given, truth


@pytest.mark.parametrize("seed", range(5))
def test_followers_are_found_and_nobody_else(seed: int) -> None:
    slates, given, _ = school(seed, careful=2, followers=2)
    assert {name for name, f in following(slates, given).items() if f.copies} == {"follower0", "follower1"}
    for others in ({"careful": 4, "followers": 0}, {"careful": 2, "followers": 0, "careless": 2}):
        slates, given, _ = school(seed, **others)
        assert not any(f.copies for f in following(slates, given).values())


def test_a_careful_teacher_whom_the_model_agrees_with_is_not_taken_for_a_follower() -> None:
    flagged = 0
    for seed in range(20):
        slates, given, _ = school(seed, careful=2, followers=0, careless=3, care=0.97)
        flagged += any(f.copies for f in following(slates, given).values())
    assert flagged == 0


def test_the_votes_of_followers_weigh_nothing_and_their_reliability_is_measured_by_the_others() -> None:
    slates, given, truth = school(3, careful=2, followers=2)
    found = reliability(slates, given)
    assert found is not None
    assert found.copycats == {"follower0", "follower1"}
    assert found.weight("follower0") == 0 < found.weight("careful0")
    assert found.teachers["follower0"].right < found.teachers["careful0"].right - 0.2
    right = {copying: _share_right(reliability(slates, given, copying=copying), slates, given, truth) for copying in (False, True)}
    assert right[True] > 0.97
    assert right[True] > right[False] + 0.05
    # a slate that only followers judged says nothing
    extra = [*slates, slate("only")]
    other = [*given, *answers("only", {"follower0": "a", "follower1": "a"})]
    trusted = reliability(extra, other)
    assert trusted is not None
    assert trusted.net("only", "only-a", "only-b") == 0
    assert not [p for p in consensus(extra, other, TAXONOMY, trusted=trusted).pairs if p.slate_id == "only"]


def _share_right(trusted: object, slates: list[Slate], given: list[Ranking], truth: dict[str, str]) -> float:
    """Share of the pairs with the right card that prefer it."""
    found = consensus(slates, given, TAXONOMY, trusted=trusted).pairs  # type: ignore[arg-type]  # a Reliability
    known = [p.chosen.label == truth[p.slate_id] for p in found if truth[p.slate_id] in (p.chosen.label, p.rejected.label)]
    return sum(known) / len(known)


def test_following_takes_two_thirds_of_the_slates_and_more_than_chance() -> None:
    assert Following(24, 36, 12.0, 0.009).copies
    assert not Following(23, 36, 12.0, 0.0001).copies, "a careful teacher among careless ones gets that far"
    assert not Following(3, 3, 1.0, 0.02).copies
