"""Ordinal agreement: Krippendorff's own worked example, and what is known without computing."""

from __future__ import annotations

import random

import pytest
from teachers_cases import discarded, none_right, ranked, slate

from prefopt.rankings.alpha import alpha_of_slates, alpha_of_teacher, disagreement_of_slates, ordinal_alpha, said_of_cards


def test_alpha_equals_the_worked_example():
    # Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), example C by the ordinal metric: alpha = 0.815
    observers = [
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    ]
    columns = zip(*(row.split() for row in observers), strict=True)
    assert ordinal_alpha([[int(v) for v in column if v != "."] for column in columns]) == pytest.approx(0.815, abs=5e-4)


def test_alpha_without_variety_is_unknown():
    assert ordinal_alpha([[2, 2], [2, 2]]) is None
    assert ordinal_alpha([]) is None


def test_two_cards_and_two_teachers_by_hand():
    # one slate, two teachers, opposite orders of two cards: values (0, 1) and (1, 0). n = 4, each category 2: any distance is the same d,
    # observed d, expected d * 2*2*2 / (4*3) = 2/3 d, so alpha = 1 - 3/2
    said = said_of_cards([slate("s", "ab")], [ranked("s", "kim", "12", "ab"), ranked("s", "lee", "21", "ab")])
    found = alpha_of_slates(said)
    assert found is not None
    assert (found.value, found.low, found.slates) == (pytest.approx(-0.5), None, 1)


def test_none_right_lies_below_every_rank_and_a_discard_says_nothing():
    slates = [slate("s"), slate("t", "ab")]
    given = [ranked("s", "kim", "133"), none_right("s", "lee"), discarded("s", "park"), ranked("t", "kim", "22", "ab")]
    assert said_of_cards(slates, given) == {"s": {"kim": (0, 1, 1), "lee": (3, 3, 3)}, "t": {"kim": (0, 0)}}


def by_chance(slates: int, teachers: int, careful: float) -> dict[str, dict[str, tuple[int, ...]]]:
    """Random orders of four cards; each teacher gives the slate's own order with probability `careful`, else another one by chance."""
    dice = random.Random(5)
    said = {}
    for number in range(slates):
        truth = dice.sample(range(4), 4)
        said[str(number)] = {str(t): tuple(truth if dice.random() < careful else dice.sample(range(4), 4)) for t in range(teachers)}
    return said


def test_chance_gives_zero_and_care_squared_the_rest():
    found = alpha_of_slates(by_chance(600, 3, 0.0))
    assert found is not None
    assert found.value == pytest.approx(0, abs=0.06)
    assert found.low < found.value < found.high < 0.1
    found = alpha_of_slates(by_chance(600, 3, 0.8))  # two teachers are both careful with probability 0.64, else unrelated
    assert found.value == pytest.approx(0.64, abs=0.05)
    assert found.low < 0.64 < found.high


def test_one_careless_teacher_is_told_apart():
    said = by_chance(200, 3, 1.0)
    dice = random.Random(6)
    said = {name: {**given, "2": tuple(dice.sample(range(4), 4))} for name, given in said.items()}
    careful, careless = alpha_of_teacher(said, "0"), alpha_of_teacher(said, "2")
    assert careful == pytest.approx(0.5, abs=0.08)  # agrees with one of the two others
    assert careless == pytest.approx(0, abs=0.12)
    assert alpha_of_teacher(said, "nobody") is None


def test_slates_by_how_far_they_disagree():
    slates = [slate(name) for name in "xyz"]
    given = [ranked("x", "kim", "123"), ranked("x", "lee", "123"), ranked("y", "kim", "123"), ranked("y", "lee", "132")]
    given += [ranked("z", "kim", "123"), ranked("z", "lee", "321")]
    found = disagreement_of_slates(said_of_cards(slates, given))
    assert found["x"] == 0
    assert 0 < found["y"] < found["z"]
