"""Every wording of every family: its answers calculated again from the text alone, by code that shares nothing with the generator."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from prefopt.curricula.generator.problem_generator import generate_with_answers
from prefopt.taxonomy import builtin_taxonomy
from tests.unit.answers import grades_1_2, grades_3_4, grades_5_6, grades_7_9

CHECKS = grades_1_2.CHECKS | grades_3_4.CHECKS | grades_5_6.CHECKS | grades_7_9.CHECKS


@pytest.fixture(scope="module")
def drawn():
    found = defaultdict(list)
    for g in generate_with_answers(40, 42):
        found[g.problem.label].append(g)
    return found


def wrong_answers(answer, others):
    """The answer with one of its numbers changed; without numbers, the other answers of the standard that have none either."""
    numbers = list(re.finditer(r"\d+", answer))
    if not numbers:
        return [o for o in others if o != answer and not re.search(r"\d", o)]
    return [answer[: n.start()] + str(int(n[0]) + k) + answer[n.end() :] for n in numbers for k in (1, 7)]


def agrees(g, answer):
    try:
        return bool(CHECKS[g.problem.family](g.problem.text, answer))
    except (ArithmeticError, AttributeError, IndexError, KeyError, LookupError, TypeError, ValueError, AssertionError, SyntaxError):
        return False  # an answer that cannot even be read


@pytest.mark.parametrize("code", builtin_taxonomy().ids)
def test_answers_agree_with_an_independent_calculation(code, drawn):
    assert {g.problem.family for g in drawn[code]} == {name for name in CHECKS if f"[{name.split('/')[0]}]" == code}
    for g in drawn[code]:
        assert CHECKS[g.problem.family](g.problem.text, g.answer), f"{g.problem.family}: {g.problem.text} -> {g.answer}"


@pytest.mark.parametrize("code", builtin_taxonomy().ids)
def test_the_calculations_refuse_other_answers(code, drawn):
    for g in drawn[code][:12]:
        others = {o.answer for o in drawn[code] if o.problem.family == g.problem.family}
        for wrong in wrong_answers(g.answer, others):
            assert not agrees(g, wrong), f"{g.problem.family}: {g.problem.text} -> {wrong}"
