# ruff: noqa: E501  a Hangul syllable counts as two columns
"""The further families and the near-miss pairs: every wording's answer calculated again from the text alone."""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from fractions import Fraction
from itertools import pairwise

import pytest

from prefopt.data.generate import draw_different, standards_of
from prefopt.errors import ConfigError
from prefopt.taxonomy import builtin_taxonomy
from prefopt.tiny.families import all_families, further_families
from prefopt.tiny.near_misses import PAIRS, near_misses
from prefopt.tiny.problems import all_codes, covered_codes, generate, generate_with_answers

FURTHER = [code for code in all_codes() if code not in covered_codes()]


def ints(text):
    return [int(n) for n in re.findall(r"-?\d+", text)]


def nums(text):
    return [int(n) for n in re.findall(r"\d+", text)]


def first(answer):
    return ints(answer)[0]


def root(text):
    """A number written with or without a root sign: 7, √12, -√3, √13+2."""
    found = re.fullmatch(r"(-?)√(\d+)(?:\+(\d+))?|(-?\d+)", text)
    return int(found[4]) if found[4] else (-1 if found[1] else 1) * math.sqrt(int(found[2])) + int(found[3] or 0)


SHAPES = {"삼각형": 3, "사각형": 4}
SIDES = ["삼", "사", "오", "육", "칠", "팔"]
FLAT = {
    "삼각형": "삼각자 트라이앵글 옷걸이 삼각김밥 교통 안전 표지판", "사각형": "공책 칠판 스케치북 액자 색종이 엽서 달력",
    "원": "동전 접시 단추 훌라후프 탬버린 병뚜껑",
}  # fmt: skip
ROUND = {"동전", "컵", "통조림 캔", "풀 뚜껑", "딱풀"}
# largest size of which the smaller unit makes sense, by what is measured
SENSIBLE = {
    "cm": "연필 색연필 숟가락 필통 크레파스 칫솔", "m": "버스 교실 문의 높이 자동차 기차 한 칸 축구장의 긴 쪽 줄넘기 줄",
    "mm": "쌀알의 길이 동전의 두께 개미의 몸길이 공책의 두께 연필심의 굵기", "km": "서울에서 부산까지의 거리 마라톤 경주의 거리 서울에서 대전까지의 거리 한강의 길이",
    "mL": "숟가락 요구르트병 종이컵 주사기 우유갑 안약 병", "L": "욕조 양동이 냉장고 어항 물뿌리개 세숫대야",
    "g": "연필 귤 탁구공 색종이 묶음 지우개 달걀", "kg": "책상 자전거 수박 한 통 쌀 한 포대 어린이 볼링공",
}  # fmt: skip
STEPS = ["탐구 문제", "자료 수집", "정리하여", "해석"]


def unit_fits(text, answer):
    thing = re.search(r"쓰시오\. (.*?): 약|쓰세요\. (.*?): 약|써 보세요\. (.*?): 약|\. ([^.]*?): 약", text)
    return next(t for t in thing.groups() if t) in SENSIBLE[answer]


def polynomial(text, x):
    """A polynomial in x at a whole number: 3x^2-x+4, by its terms."""
    total = 0
    for sign, size, letter, power in re.findall(r"([+-]?)(\d*)(x?)(?:\^(\d))?", text):
        if size or letter:
            total += (-1 if sign == "-" else 1) * int(size or 1) * (x ** int(power or 1) if letter else 1)
    return total


def degree_choice(text, answer, wanted):
    """The one of ㉠㉡㉢ that is a polynomial in x of the wanted degree, found by its differences."""
    shown = dict(re.findall(r"([㉠㉡㉢]) (\S+)", text))

    def values(formula):
        if not formula.startswith("y=") or "/" in formula:
            return None
        if "(" in formula:
            inner = re.fullmatch(r"y=x\(x([+-]\d+)\)-x\^2", formula)
            return [int(inner[1]) * x for x in range(6)]
        return [polynomial(formula[2:], x) for x in range(6)]

    def degree(row):
        steps = 0
        while any(row) and len(row) > 1:
            row, steps = [b - a for a, b in pairwise(row)], steps + 1
        return steps - 1

    return [mark for mark, formula in shown.items() if (row := values(formula)) is not None and degree(row) == wanted] == [answer]


def order_of_steps(text, answer):
    shown = re.findall(r"([㉠㉡㉢㉣]) ([^㉠㉡㉢㉣]+)", text)
    return [next(i for i, s in enumerate(STEPS) if s in dict(shown)[m]) for m in answer.split(", ")] == [0, 1, 2, 3]


def pouches(text, answer):
    a, b, c, e = nums(text)[:4]
    return answer == ("가" if Fraction(a, a + b) > Fraction(c, c + e) else "나")


def lots(text, answer):
    x, wins_x, y, wins_y = nums(text)[:4]
    return answer == ("가" if Fraction(wins_x, x) > Fraction(wins_y, y) else "나")


def constructed(text, answer):
    return (answer == "하나로 작도된다") == ("cm" in text)  # by sides and angles: one; by three angles: none


def quartiles(text, answer):
    values = sorted(nums(text)[:7])
    return ints(answer) == [statistics.median(values[:3]), statistics.median(values[4:])]


def moves(text, answer):
    """Both as a change of place."""
    way = {"오른쪽": (1, 0), "왼쪽": (-1, 0), "위쪽": (0, 1), "아래쪽": (0, -1)}

    def total(steps):
        return tuple(sum(way[w][i] * int(n) for w, n in steps) for i in (0, 1))

    pattern = r"(오른쪽|왼쪽|위쪽|아래쪽)으로 (\d+)(?: cm|칸)"
    went, said = total(re.findall(pattern, text)), total(re.findall(pattern, answer))
    return said == (tuple(-v for v in went) if "돌아가" in text else went)


CHECKS = {
    "2수01-04/apart-and-together-1": lambda t, a: first(a) == nums(t)[0] - nums(t)[1],
    "2수01-04/apart-and-together-2": lambda t, a: first(a) == nums(t)[0] - nums(t)[1],
    "2수01-04/apart-and-together-3": lambda t, a: first(a) == sum(nums(t)),
    "2수01-04/apart-and-together-4": lambda t, a: [p for p in re.findall(r"\(\d+, \d+\)", t) if sum(nums(p)) != nums(t)[0]] == [a],
    "2수03-02/blocks-1": lambda t, a: first(a) == sum(nums(t)),
    "2수03-02/blocks-2": lambda t, a: a == re.search(r"쪽에 (\S+) 쌓기", t)[1],
    "2수03-02/blocks-3": lambda t, a: a == re.findall(r"\S+색", t)[0 if "바로 왼쪽" in t else 2],
    "2수03-03/flat-shapes-around-1": lambda t, a: a in FLAT[re.search(r"삼각형|사각형|원", t.split("중에서")[1])[0]],
    "2수03-03/flat-shapes-around-2": lambda t, a: all(w in FLAT[a] for w in re.search(r"주변에서 (.*?)(?:과|와) (.*?)(?:을|를) 찾", t).groups()),
    "2수03-03/flat-shapes-around-3": lambda t, a: first(a) == sum(nums(t)),
    "2수03-04/drawing-flat-shapes-1": lambda t, a: SHAPES[a] == nums(t)[0],
    "2수03-04/drawing-flat-shapes-2": lambda t, a: [w for w in re.search(r"합니다\. (.*?) 중에서", t)[1].split(", ") if w in ROUND] == [a],
    "2수03-04/drawing-flat-shapes-3": lambda t, a: first(a) == 3 * nums(t)[0] + 4 * nums(t)[1],
    "2수03-05/sides-and-corners-1": lambda t, a: first(a) == SHAPES[t[:3]] * nums(t)[0],
    "2수03-05/sides-and-corners-2": lambda t, a: SHAPES[a] == nums(t)[0] == nums(t)[1],
    "2수03-05/sides-and-corners-3": lambda t, a: first(a) == SHAPES[re.search(r"삼각형|사각형", t)[0]],
    "2수03-10/measuring-1": lambda t, a: first(a) == nums(t)[0] * nums(t)[1],
    "2수03-10/measuring-2": lambda t, a: first(a) == nums(t)[1] - nums(t)[0],
    "2수03-10/measuring-3": lambda t, a: first(a) == nums(t)[0] * nums(t)[1],
    "2수03-12/estimating-length-1": lambda t, a: first(a) == math.prod(nums(t)),
    "2수03-12/estimating-length-2": lambda t, a: (
        a == min(re.findall(r"(\S+?)[은는] 약 (\d+) cm", t), key=lambda p: abs(int(p[1]) - nums(t)[0]))[0]
    ),
    "2수03-12/estimating-length-3": unit_fits,
    "4수03-05/point-moved-1": moves,
    "4수03-05/point-moved-2": moves,
    "4수03-05/point-moved-3": moves,
    "4수03-07/compasses-1": lambda t, a: 2 * first(a) == nums(t)[0],
    "4수03-07/compasses-2": lambda t, a: first(a) == 2 * nums(t)[0],
    "4수03-07/compasses-3": lambda t, a: first(a) == 2 * max(nums(t)),
    "4수03-12/filling-1": lambda t, a: first(a) * nums(t)[2] ** 2 == nums(t)[0] * nums(t)[1],
    "4수03-12/filling-2": lambda t, a: first(a) == math.prod(nums(t)),
    "4수03-12/filling-3": lambda t, a: 2 * first(a) == nums(t)[1],
    "4수03-15/mm-and-km-1": lambda t, a: ints(a) == nums(t),
    "4수03-15/mm-and-km-2": lambda t, a: ints(a) == nums(t)[1:3],
    "4수03-15/mm-and-km-3": unit_fits,
    "4수03-15/mm-and-km-4": lambda t, a: first(a) == nums(t)[1] - nums(t)[0],
    "4수03-17/litres-1": lambda t, a: 1000 * ints(a)[0] + ints(a)[1] == 1000 * nums(t)[0] * nums(t)[1] + nums(t)[2] * nums(t)[3],
    "4수03-17/litres-2": lambda t, a: first(a) == math.prod(nums(t)),
    "4수03-17/litres-3": unit_fits,
    "4수03-20/grams-1": lambda t, a: 1000 * ints(a)[0] + ints(a)[1] == 1000 * nums(t)[1] + nums(t)[0] * nums(t)[2],
    "4수03-20/grams-2": lambda t, a: first(a) == math.prod(nums(t)),
    "4수03-20/grams-3": unit_fits,
    "6수03-04/cuboid-sketch-and-net-1": lambda t, a: first(a) == sum(nums(t)),
    "6수03-04/cuboid-sketch-and-net-2": lambda t, a: first(a) == 4 * sum(nums(t)) - sum(nums(t)),
    "6수03-04/cuboid-sketch-and-net-3": lambda t, a: first(a) == (6 * 4 - 2 * 5) * nums(t)[0],  # 5 of the 6 squares' edges are folds
    "6수03-06/prism-net-1": lambda t, a: first(a) == nums(t)[0] * ("삼정오육칠팔".index(re.search(r"정(\S)각형", t)[1].replace("사", "정")) + 3),
    "6수03-06/prism-net-2": lambda t, a: SIDES.index(a[0]) + 3 == nums(t)[1],
    "6수03-06/prism-net-3": lambda t, a: first(a) == SIDES.index(re.search(r"(\S)각기둥", t)[1]) + 3 + 2,
    "6수03-08/cylinder-net-1": lambda t, a: first(a) == 2 * nums(t)[0] * 3,
    "6수03-08/cylinder-net-2": lambda t, a: first(a) * 2 * 3 == nums(t)[0],
    "6수03-08/cylinder-net-3": lambda t, a: first(a) == 2 * (nums(t)[0] * 3 + nums(t)[1]),
    "6수03-10/views-1": lambda t, a: first(a) == sum(nums(t)),
    "6수03-10/views-2": lambda t, a: first(a) == max(nums(t)),
    "6수03-10/views-3": lambda t, a: ints(a) == [max(p) for p in zip(nums(t)[2:5], nums(t)[5:8], strict=True)],
    "6수04-03/fitting-graph-1": lambda t, a: a == ("띠그래프" if "비율" in t else "꺾은선그래프"),
    "6수04-03/fitting-graph-2": lambda t, a: float(a[:-1]) == 100 * nums(t)[1] / nums(t)[0],
    "6수04-03/fitting-graph-3": order_of_steps,
    "6수04-06/judging-by-likelihood-1": pouches,
    "6수04-06/judging-by-likelihood-2": lambda t, a: Fraction(first(a), nums(t)[2]) == Fraction(nums(t)[1], nums(t)[0]),
    "6수04-06/judging-by-likelihood-3": lots,
    "9수01-09/real-order-1": lambda t, a: a == max(re.search(r"두 수 (\S+), (√\d+) ", t).groups(), key=root),
    "9수01-09/real-order-2": lambda t, a: (root(re.split("[<>]", a)[0]) < root(re.split("[<>]", a)[1])) == ("<" in a),
    "9수01-09/real-order-3": lambda t, a: sorted(map(root, a.split(", "))) == list(map(root, a.split(", "))) and sorted(nums(a)) == sorted(nums(t)),
    "9수02-06/graph-of-situation-1": lambda t, a: ints(a) == [nums(t)[0], sum(nums(t)[:2])],
    "9수02-06/graph-of-situation-2": lambda t, a: first(a) == nums(t)[0] * nums(t)[1] + nums(t)[3] * nums(t)[4],
    "9수02-06/graph-of-situation-3": lambda t, a: first(a) == nums(t)[4] - nums(t)[2],
    "9수02-15/linear-function-1": lambda t, a: first(a) == polynomial(re.search(r"=(\S+?)에", t)[1], int(re.search(r"f\((-?\d+)\)", t)[1])),
    "9수02-15/linear-function-2": lambda t, a: degree_choice(t, a, 1),
    "9수02-15/linear-function-3": lambda t, a: first(a) == polynomial(re.search(r"y=(\S+?)의", t)[1], 0),
    "9수02-17/linear-equation-as-function-1": lambda t, a: all(
        ints(t)[0] * x + polynomial(a[2:], x) == ints(t)[1] for x in range(-3, 4)
    ),
    "9수02-17/linear-equation-as-function-2": lambda t, a: [sum(ints(a)), ints(a)[0] - ints(a)[1]] == [int(n) for n in re.findall(r"=(-?\d+)", t)],
    "9수02-17/linear-equation-as-function-3": lambda t, a: ints(a) == [nums(t)[0], nums(t)[1]],
    "9수02-21/quadratic-function-1": lambda t, a: first(a) == polynomial(re.search(r"=(\S+?)에", t)[1], int(re.search(r"f\((-?\d+)\)", t)[1])),
    "9수02-21/quadratic-function-2": lambda t, a: degree_choice(t, a, 2),
    "9수02-21/quadratic-function-3": lambda t, a: all(polynomial(a[2:], x) == x * (x + nums(t)[0]) for x in range(1, 6)),
    "9수03-03/constructing-triangles-1": lambda t, a: first(a) == sum(2 * max(*nums(t), c) < sum(nums(t)) + c for c in range(1, 50)),
    "9수03-03/constructing-triangles-2": lambda t, a: (a == "있다") == (2 * max(nums(t)) < sum(nums(t))),
    "9수03-03/constructing-triangles-3": constructed,
    "9수04-04/statistics-with-software-1": lambda t, a: first(a) == statistics.mean(nums(t)[2:7]),
    "9수04-04/statistics-with-software-2": lambda t, a: first(a) == sum(v >= nums(t)[-1] for v in nums(t)[:5]),
    "9수04-04/statistics-with-software-3": lambda t, a: nums(t)[0] + (first(a) - 1) * nums(t)[1] <= nums(t)[2] < nums(t)[0] + first(a) * nums(t)[1],
    "9수04-08/box-plot-1": quartiles,
    "9수04-08/box-plot-2": lambda t, a: first(a) == nums(t.split("제3")[1])[0] - nums(t.split("제1사분위수 ")[1])[0],
    "9수04-08/box-plot-3": lambda t, a: a == min([("A 반", nums(t)[3] - nums(t)[2]), ("B 반", nums(t)[5] - nums(t)[4])], key=lambda p: p[1])[0],
}  # fmt: skip


@pytest.fixture(scope="module")
def drawn():
    return generate_with_answers(16, 42, FURTHER) + generate_with_answers(12, 3, FURTHER)


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_answers_agree_with_an_independent_calculation(name, drawn):
    found = [g for g in drawn if g.problem.family == name]
    assert found, "no problem of this wording was drawn"
    for g in found:
        assert CHECKS[name](g.problem.text, g.answer), (g.problem.text, g.answer)


def test_every_wording_of_every_further_family_is_calculated_again(drawn):
    assert {g.problem.family for g in drawn} == set(CHECKS)
    assert len(FURTHER) == 27


def test_with_them_every_standard_has_a_family():
    assert all_codes() == builtin_taxonomy().ids
    assert len({f"{f.code}/{f.name}" for f in (*all_families(), *further_families())}) == len(all_families()) + len(further_families())


def test_the_taught_problems_stay_what_they_are():
    assert {p.label for p in generate(1, 7)} == set(covered_codes())
    assert len(covered_codes()) == 154
    assert generate(3, 7, ["[2수01-06]"]) == [p for p in generate(3, 7) if p.label == "[2수01-06]"]


def test_texts_and_reasons_are_whole_and_without_markers(drawn):
    taxonomy = builtin_taxonomy()
    for g in drawn:
        p = g.problem
        assert not re.search(r"\[[가-힣]+/[가-힣]+\]|None|  ", p.text + p.reason + g.answer + g.steps), p.text
        assert p.text.rstrip()[-1] in ".?□)㉠㉡㉢㉣" or "쓰" in p.text or "기호" in p.text, p.text
        assert len(re.findall(r"[^ ].*?다\.(?= |$)", p.reason)) == 2, p.reason
        assert taxonomy[p.label].name in p.reason
        assert p.level in taxonomy[p.label].levels
        assert 2 <= len(p.concepts) <= 3


# --- near-miss pairs ----------------------------------------------------------------------------------------------------------------------


def fraction(text):
    whole, _, rest = text.replace("와", "과").partition("과 ")
    return Fraction(whole) + (Fraction(rest) if rest else 0)


PAIR_CHECKS = {
    "4수01-15": lambda t, a: fraction(a) == sum(Fraction(n) for n in re.findall(r"\d+/\d+", t)),
    "6수01-08": lambda t, a: fraction(a) == sum(Fraction(n) for n in re.findall(r"\d+/\d+", t)),
    "4수01-06": lambda t, a: first(a) * nums(t)[1] == nums(t)[0],
    "4수01-07": lambda t, a: first(a) * nums(t)[1] == nums(t)[0],
    "2수01-06": lambda t, a: first(a) == sum(nums(t)),
    "4수01-03": lambda t, a: first(a) == sum(nums(t)),
    "6수01-10": lambda t, a: fraction(a) == Fraction(*nums(t)),
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
    "9수02-04": lambda t, a: polynomial(re.search(r" (\S+)=0", t)[1], first(a)) == 0,
    "9수02-20": lambda t, a: [x for x in range(-20, 21) if polynomial(re.search(r" (\S+)=0", t)[1], x) == 0] == ints(a),
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


def test_ten_of_each_standard_are_the_same_again_and_of_the_right_number():
    drawn = draw_different(standards_of("2수,9수04"), 10, 7)
    assert set(Counter(g.problem.label for g in drawn).values()) == {10}
    assert drawn == draw_different(standards_of("2수,9수04"), 10, 7)


def test_standards_are_named_by_their_beginnings():
    assert len(standards_of("all")) == 181
    assert len(standards_of("taught")) == 154
    assert standards_of("2수01-0, [4수04-01]") == (*(f"[2수01-0{i}]" for i in range(1, 10)), "[4수04-01]")
    with pytest.raises(ConfigError, match="begins no standard"):
        standards_of("7수")
