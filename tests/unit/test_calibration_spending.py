"""How looks share the agreed chance: by hand, never more than all of it, and the problems that a later look needs."""

from __future__ import annotations

from math import pi

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefopt.calibration.spending import POWER, groups_for, left, levels, share_of_look

FIRST = 6 / pi**2  # 0.6079


def test_shares_add_up_to_at_most_1():
    assert [share_of_look(look) for look in (1, 2, 3)] == pytest.approx([FIRST, FIRST / 4, FIRST / 9])
    total = sum(share_of_look(look) for look in range(1, 20_000))
    assert 0.9999 < total < 1
    for look in (0, -1):
        with pytest.raises(ValueError, match="count from 1"):
            share_of_look(look)


def test_what_is_left_by_hand():
    assert left(0.05, 0) == pytest.approx(0.95 * 0.05)  # a twentieth is never spent
    assert left(0.05, 2) == pytest.approx(0.95 * 0.05 * (1 - FIRST * 1.25))
    assert 0 < left(0.05, 5000) < 1e-5


def test_a_look_that_passed_hands_its_level_on():
    a = 0.95 * 0.05 * FIRST
    assert levels(0.05, []) == pytest.approx([a])
    assert levels(0.05, [False, False]) == pytest.approx([a, a / 4, a / 9])
    assert levels(0.05, [True, False]) == pytest.approx([a, a / 4 + a, a / 9])
    assert levels(0.05, [False, True, True]) == pytest.approx([a, a / 4, a / 9 + a / 4, a / 16 + a / 9 + a / 4])


@given(st.lists(st.booleans(), max_size=60))
def test_the_looks_that_did_not_pass_and_the_next_one_never_spend_more_than_all(passed):
    # If no child is better, the first pass is the first error; up to it nothing was handed on. If some are, only passes hand on.
    found = levels(0.05, passed)
    assert len(found) == len(passed) + 1
    assert sum(level for level, ok in zip(found, [*passed, False], strict=True) if not ok) <= 0.95 * 0.05


@pytest.mark.parametrize(("level", "first"), [(0.01, 0.05), (0.0025, 0.0152), (0.001, 0.0152)])
def test_the_groups_of_a_later_look_equal_statsmodels_sample_sizes(level, first):
    from statsmodels.stats.power import normal_sample_size_one_tail

    sizes = [normal_sample_size_one_tail(0.1, POWER, alpha, std_null=1) for alpha in (level, first)]
    assert groups_for(level, first, 200) == pytest.approx(200 * (sizes[0] / sizes[1] - 1), abs=1)


def test_groups_by_hand():
    # z of 0.99, 0.95 and 0.8: 2.3263, 1.6449, 0.8416; 100 * ((3.1679 / 2.4865)^2 - 1) = 62.3
    assert groups_for(0.01, 0.05, 100) == 63
    assert groups_for(0.05, 0.05, 100) == 0
    assert groups_for(0.06, 0.05, 100) == 0  # a look that was handed more needs no more
