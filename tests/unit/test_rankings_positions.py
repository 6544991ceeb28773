"""Whether the first card is favored: exact probabilities worked by hand."""

from __future__ import annotations

import pytest

from prefopt.rankings.positions import p_value_of_first, position_bias
from tests.unit.rankings_cases import none_right, ranked, slate


def test_one_favor_a_slate_is_a_binomial():
    # three slates of two cards, A best in all: P(3 of 3) + P(0 of 3) = 2/8
    assert p_value_of_first([[12, 0]] * 3) == pytest.approx(0.25)
    assert p_value_of_first([[12, 0], [0, 12]]) == pytest.approx(1)


def test_teachers_of_one_slate_saw_the_same_order():
    # five teachers agree on one slate: one draw, not five; P(all on A) + P(all on B) = 1
    assert p_value_of_first([[60, 0]]) == pytest.approx(1)
    # mean 1/3 of 12 = 4; A has 12 (8 away, probability 1/3), not A is 4 away
    assert p_value_of_first([[12, 0, 0]]) == pytest.approx(1 / 3)


def test_favors_follow_the_order_of_the_cards_and_are_split_among_ties():
    slates = [slate("s", order=(2, 0, 1)), slate("t")]
    given = [ranked("s", "kim", "221"), ranked("t", "kim", "113"), ranked("t", "lee", "222"), none_right("t", "park")]
    found = position_bias(slates, given)
    assert found is not None
    assert found.favors == 2
    assert found.shares == (pytest.approx(0.75), pytest.approx(0.25), pytest.approx(0))  # c is first in s; a and b share in t
    assert found.expected == (pytest.approx(1 / 3),) * 3
    assert position_bias(slates, [none_right("t", "park")]) is None


def test_a_strong_favor_is_significant_and_none_is_not():
    slates = [slate(str(n)) for n in range(60)]
    biased = position_bias(slates, [ranked(str(n), "kim", "133") for n in range(60)])
    fair = position_bias(slates, [ranked(str(n), "kim", ("133", "313", "331")[n % 3]) for n in range(60)])
    assert biased is not None
    assert fair is not None
    assert biased.p_value < 1e-6 < fair.p_value == pytest.approx(1)
