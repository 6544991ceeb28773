"""Near-miss pairs, their answers calculated again from the text alone, and `prefopt data generate`."""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from fractions import Fraction

import pytest

from prefopt.curricula.generator.near_misses import PAIRS, near_misses
from prefopt.data.prepare.generate_file import draw_different, standards_of
from prefopt.errors import ConfigError
from tests.unit.answers.reading import amount, at, first, fracs, ints, nums

PAIR_CHECKS = {
    "4수01-15": lambda t, a: amount(a) == sum(fracs(t)),
    "6수01-08": lambda t, a: amount(a) == sum(fracs(t)),
    "4수01-06": lambda t, a: first(a) * nums(t)[1] == nums(t)[0],
    "4수01-07": lambda t, a: first(a) * nums(t)[1] == nums(t)[0],
    "2수01-06": lambda t, a: first(a) == sum(nums(t)),
    "4수01-03": lambda t, a: first(a) == sum(nums(t)),
    "6수01-10": lambda t, a: amount(a) == Fraction(*nums(t)),
    "6수01-14": lambda t, a: Fraction(a) == Fraction(*nums(t)),
    "6수03-11": lambda t, a: first(a) == 2 * sum(nums(t)),
    "6수03-13": lambda t, a: first(a) == math.prod(nums(t)),
    "6수03-17": lambda t, a: first(a) == sum(2 * x * y for x, y in [nums(t)[:2], nums(t)[1:], nums(t)[::2]]),
    "6수03-19": lambda t, a: first(a) == math.prod(nums(t)),
    "6수03-15": lambda t, a: first(a) == 2 * math.prod(nums(t)),
    "6수03-16": lambda t, a: first(a) == nums(t)[0] ** 2 * nums(t)[1],
    "6수01-04": lambda t, a: first(a) == math.gcd(*nums(t)),
    "6수01-05": lambda t, a: first(a) == math.lcm(*nums(t)),
    "9수04-01": lambda t, a: first(a) == statistics.median(nums(t)),
    "9수04-07": lambda t, a: first(a) == statistics.pvariance(nums(t)),
    "9수02-04": lambda t, a: at(re.search(r" (\S+)=0", t)[1], x=first(a)) == 0,
    "9수02-20": lambda t, a: [x for x in range(-20, 21) if at(re.search(r" (\S+)=0", t)[1], x=x) == 0] == ints(a),
}  # fmt: skip


def test_the_answers_of_near_misses_agree_with_an_independent_calculation():
    made = near_misses(60, 5)
    assert {g.problem.label[1:-1] for g in made} == set(PAIR_CHECKS)
    for g in made:
        assert PAIR_CHECKS[g.problem.label[1:-1]](g.problem.text, g.answer), (g.problem.text, g.answer)


def test_a_near_miss_pair_differs_in_little_and_in_the_label():
    import difflib

    made = near_misses(3 * len(PAIRS), 9)
    for one, two in zip(made[::2], made[1::2], strict=True):
        assert one.problem.label != two.problem.label
        assert one.problem.family == two.problem.family
        assert difflib.SequenceMatcher(None, one.problem.text, two.problem.text).ratio() > 0.6, one.problem.text


# --- prefopt data generate ----------------------------------------------------------------------------------------------------------------


def test_generation_is_reproducible_and_complete():
    drawn = draw_different(standards_of("2수,9수04"), 10, 7)
    assert set(Counter(g.problem.label for g in drawn).values()) == {10}
    assert drawn == draw_different(standards_of("2수,9수04"), 10, 7)


def test_standards_are_selected_by_prefixes():
    assert len(standards_of("all")) == 181
    assert standards_of("2수01-0, [4수04-01]") == (*(f"[2수01-0{i}]" for i in range(1, 10)), "[4수04-01]")
    with pytest.raises(ConfigError, match="no standard starts with this"):
        standards_of("7수")
