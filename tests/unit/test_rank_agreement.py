"""Ordinal agreement: Krippendorff's worked example, cases by hand, and simulations."""

from __future__ import annotations

import random

import numpy as np
import pytest

from prefopt.rankings.alpha import krippendorff_alpha
from prefopt.rankings.rank_agreement import alpha_of_slates, alpha_of_teacher, disagreement_of_slates, ranks_by_slate
from tests.unit.rankings_cases import discarded, none_right, ranked, slate


def test_alpha_equals_the_worked_example():
    # Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), example C: 0.743 nominal, 0.815 ordinal
    observers = [
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    ]
    columns = list(zip(*(row.split() for row in observers), strict=True))
    counts = np.array([[column.count(value) for value in "12345"] for column in columns])
    assert krippendorff_alpha(counts, "nominal") == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(counts, "ordinal") == pytest.approx(0.815, abs=5e-4)


def test_alpha_of_units_without_two_values_or_without_variety_is_unknown():
    assert krippendorff_alpha(np.array([[0, 2, 0], [0, 2, 0]]), "ordinal") is None
    assert krippendorff_alpha(np.array([[1, 0, 0], [0, 1, 0]]), "nominal") is None  # one value a unit
    assert alpha_of_slates({}) is None


def test_two_cards_and_two_teachers_by_hand():
    # one slate, two teachers, opposite orders of two cards: values (0, 1) and (1, 0). n = 4, each category 2: any distance is the same d,
    # observed d, expected d * 2*2*2 / (4*3) = 2/3 d, so alpha = 1 - 3/2
    ranks = ranks_by_slate([slate("s", "ab")], [ranked("s", "kim", "12", "ab"), ranked("s", "lee", "21", "ab")])
    found = alpha_of_slates(ranks)
    assert found is not None
    assert (found.value, found.low, found.slates) == (pytest.approx(-0.5), None, 1)


def test_none_right_is_below_every_rank_and_a_discard_gives_none():
    slates = [slate("s"), slate("t", "ab")]
    given = [ranked("s", "kim", "133"), none_right("s", "lee"), discarded("s", "park"), ranked("t", "kim", "22", "ab")]
    assert ranks_by_slate(slates, given) == {"s": {"kim": (0, 1, 1), "lee": (3, 3, 3)}, "t": {"kim": (0, 0)}}


def by_chance(slates: int, teachers: int, careful: float) -> dict[str, dict[str, tuple[int, ...]]]:
    """Random orders of four cards; each teacher gives the slate's own order with probability `careful`, else another one by chance."""
    dice = random.Random(5)
    ranks = {}
    for number in range(slates):
        truth = dice.sample(range(4), 4)
        ranks[str(number)] = {str(t): tuple(truth if dice.random() < careful else dice.sample(range(4), 4)) for t in range(teachers)}
    return ranks


def test_alpha_is_zero_by_chance_and_the_square_of_care_otherwise():
    found = alpha_of_slates(by_chance(600, 3, 0.0))
    assert found is not None
    assert found.value == pytest.approx(0, abs=0.06)
    assert found.low < found.value < found.high < 0.1
    found = alpha_of_slates(by_chance(600, 3, 0.8))  # two teachers are both careful with probability 0.64, else unrelated
    assert found.value == pytest.approx(0.64, abs=0.05)
    assert found.low < 0.64 < found.high


def test_a_careless_teacher_has_a_lower_alpha():
    ranks = by_chance(200, 3, 1.0)
    dice = random.Random(6)
    ranks = {name: {**given, "2": tuple(dice.sample(range(4), 4))} for name, given in ranks.items()}
    careful, careless = alpha_of_teacher(ranks, "0"), alpha_of_teacher(ranks, "2")
    assert careful == pytest.approx(0.5, abs=0.08)  # agrees with one of the two others
    assert careless == pytest.approx(0, abs=0.12)
    assert alpha_of_teacher(ranks, "nobody") is None


def test_disagreement_of_slates_is_ordered():
    slates = [slate(name) for name in "xyz"]
    given = [ranked("x", "kim", "123"), ranked("x", "lee", "123"), ranked("y", "kim", "123"), ranked("y", "lee", "132")]
    given += [ranked("z", "kim", "123"), ranked("z", "lee", "321")]
    found = disagreement_of_slates(ranks_by_slate(slates, given))
    assert found["x"] == 0
    assert 0 < found["y"] < found["z"]
