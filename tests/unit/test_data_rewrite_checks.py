"""What a rewritten problem must keep (numbers, letters, formulas, units, marks), and when two answers agree."""

from __future__ import annotations

import pytest

from prefopt.data.prepare.rewrite_checks import invariants, reveals_answer, same_answer, why_text_is_refused

TEXT = "가로가 12 cm, 세로가 8 cm인 직사각형의 넓이를 구하시오."


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3 + 4는 얼마입니까?", "얼마일까요, 3+4는?"),
        ("길이가 12 cm인 끈", "12cm 길이의 끈"),
        ("1,000원을 냈습니다.", "낸 돈은 1000원입니다."),
        ("x^2 - 5x + 6 = 0을 푸시오.", "x^2-5x+6=0의 해를 구하시오."),
        ("□+3=7에서 □를 구하시오.", "□+3=7일 때 □의 값은?"),
        ("점 (-2, 3)과 원점", "원점과 점 (-2, 3)"),
        ("∠A=50°인 삼각형 ABC", "삼각형 ABC에서 ∠A=50°"),
    ],
)
def test_invariants_are_equal_after_rewording(one, other):
    assert invariants(one) == invariants(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3 + 4는 얼마입니까?", "3 - 4는 얼마입니까?"),
        ("3 + 4는 얼마입니까?", "3 + 4 + 4는 얼마입니까?"),
        ("사과 3개와 배 4개", "사과 3개와 배 5개"),
        ("길이가 12 cm인 끈", "길이가 12 mm인 끈"),
        ("2/3 L의 물", "3/2 L의 물"),
        ("0.5 m", "5 m"),
        ("∠A=50°인 삼각형 ABC", "∠B=50°인 삼각형 ABC"),
        ("x^2-5x+6=0", "x^2+5x+6=0"),
        ("㉠ 3 ㉡ 4", "㉠ 3 ㉢ 4"),
    ],
)
def test_invariants_differ_when_numbers_or_formulas_change(one, other):
    assert invariants(one) != invariants(other)


@pytest.mark.parametrize(
    ("variant", "why"),
    [
        ("넓이가 얼마인지 구해 보세요. 직사각형의 가로는 12 cm이고 세로는 8 cm입니다.", None),
        ("", "empty"),
        ("가로가 12cm, 세로가 8cm인 직사각형의 넓이를 구하시오", "same"),
        ("12 cm 8 cm", "length"),
        ("Find the area of a rectangle that is 12 cm wide and 8 cm high, please.", "language"),
        ("가로가 12 cm, 세로가 9 cm인 직사각형이 있습니다. 넓이는 얼마입니까?", "numbers"),
        ("가로가 12 m, 세로가 8 m인 직사각형이 있습니다. 넓이는 얼마입니까?", "numbers"),
        ("가로가 12 cm인 직사각형의 넓이를 구하시오. 세로는 가로보다 짧습니다.", "numbers"),
        ("<|end|>가로가 12 cm, 세로가 8 cm인 직사각형의 넓이는 얼마입니까?", "numbers"),
        ("가로가 12 cm, 세로가 8 cm인 {{도형}}의 넓이는 얼마인지 써 보세요.", "text: template-mark"),
    ],
)
def test_why_a_rewritten_problem_is_refused(variant, why):
    assert why_text_is_refused(TEXT, variant) == why


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("35", "35개입니다.", True),
        ("3/6", "1/2", True),
        ("96 cm²", "96", True),
        ("1,200원", "1200원", True),
        ("삼각형", "삼각형입니다.", True),
        ("평행", "서로 평행", True),
        ("35", "36", False),
        ("몫 4, 나머지 3", "몫 3, 나머지 4", False),
        ("-3", "3", False),
        ("삼각형", "사각형", False),
        ("있다", "없다", False),
        ("", "35", False),
    ],
)
def test_when_two_answers_are_the_same(one, other, same):
    assert same_answer(one, other) is same


def test_a_rewritten_problem_that_reveals_its_answer_is_detected():
    assert reveals_answer("변이 3개인 도형은?", "변이 3개인 도형, 곧 삼각형은 무엇인가?", "삼각형")
    assert not reveals_answer("삼각형과 사각형 중에서 고르시오.", "고르시오: 삼각형, 사각형", "삼각형")
