"""Which hold-out problems have a learned sibling, against a comparison of all pairs, and the two parts by hand."""

from __future__ import annotations

import re

import pytest

from prefopt.calibration.wordings import by_wording, with_sibling
from prefopt.curricula.generator.problem_generator import generate
from prefopt.project.near_duplicates import links, shingles
from prefopt.records import Problem
from prefopt.texts.same_text import key


def problems(*texts: str, **more: object) -> list[Problem]:
    return [Problem.model_validate({"id": f"{text}-{i}".replace(" ", "_"), "text": text, **more}) for i, text in enumerate(texts)]


def by_all_pairs(holdout: list[Problem], learned: list[Problem]) -> list[bool]:
    def grams(problem: Problem) -> set[str]:
        return shingles(re.sub(r"\d+(\.\d+)?", "#", key(problem.text)))

    known = [grams(p) for p in learned]
    return [any(len(a & b) >= 0.7 * len(a | b) for b in known) for a in map(grams, holdout)]


def test_other_numbers_in_the_same_wording_are_a_sibling_and_other_words_are_not():
    learned = problems("사과 3개와 배 2개를 더하면 모두 몇 개입니까?")
    asked = problems("사과 17개와 배 5개를 더하면 모두 몇 개입니까?", "사각형의 네 각의 크기의 합은 얼마입니까?")
    assert with_sibling(asked, learned) == [True, False]
    assert with_sibling(asked, []) == [False, False]


def test_a_declared_family_is_a_sibling_whatever_the_words():
    learned = problems("삼각형의 넓이를 구하시오.", family="area")
    assert with_sibling(problems("밑변과 높이가 주어졌을 때 계산하시오.", family="area"), learned) == [True]
    assert with_sibling(problems("밑변과 높이가 주어졌을 때 계산하시오.", family="other"), learned) == [False]


def test_it_agrees_with_a_comparison_of_all_pairs_and_misses_nothing_that_links_finds():
    drawn = generate(6, 21, [f"[2수01-{i:02d}]" for i in range(1, 10)] + [f"[2수03-{i:02d}]" for i in range(1, 10)])
    bare = [Problem(id=p.id, text=p.text) for p in drawn]
    learned, holdout = bare[::3], [p for i, p in enumerate(bare) if i % 3]
    found = with_sibling(holdout, learned)
    assert found == by_all_pairs(holdout, learned)
    assert 0 < sum(found) < len(found)
    linked = {
        link.later for link in links([*(p.text for p in learned), *(p.text for p in holdout)], numbers=False) if link.earlier < len(learned)
    }
    assert {i for i in linked if i >= len(learned)} <= {len(learned) + i for i, yes in enumerate(found) if yes}


def test_a_sibling_of_a_rare_wording_among_many_of_a_common_one_is_found():
    common = [f"영수는 사탕을 {i}개 가지고 있고 민지는 {i + 3}개 가지고 있습니다. 모두 몇 개 입니까?" for i in range(60)]
    rare = "영수는 사탕을 4개 가지고 있고 민지는 9개 가지고 있습니다. 누가 더 많이 가지고 있습니까?"
    assert with_sibling(problems(rare.replace("9", "31")), problems(*common, rare)) == [True]
    assert with_sibling(problems(rare.replace("9", "31")), problems(*common)) == by_all_pairs(problems(rare), problems(*common))


def test_both_parts_by_hand():
    sibling = [True] * 10 + [False] * 20
    right = [True] * 8 + [False] * 2 + [True] * 9 + [False] * 11
    parent: list[bool | None] = [False] * 8 + [False] * 2 + [True] * 10 + [False] * 8 + [None] * 2
    found = by_wording(sibling, right, parent)
    assert (found.learned.problems, found.new.problems, found.new.compared) == (10, 20, 18)
    assert found.learned.accuracy is not None
    assert found.learned.accuracy.value == 0.8
    assert found.learned.test is not None
    assert (found.learned.test.gained, found.learned.test.lost) == (8, 0)
    assert found.learned.test.p_value == pytest.approx(2 * 0.5**8)
    assert not found.learned.cannot_tell
    assert found.new.test is not None
    assert (found.new.test.gained, found.new.test.lost, found.new.parent_accuracy) == (0, 1, pytest.approx(10 / 18))
    assert found.new.change is not None
    assert found.new.change.value == pytest.approx(-1 / 18)
    assert found.new.cannot_tell


def test_without_a_parent_or_without_problems_there_is_nothing_to_compare():
    found = by_wording([False, False], [True, False], None)
    assert found.new.change is None
    assert found.new.accuracy is not None
    assert found.learned.accuracy is None
    assert found.learned.problems == 0
