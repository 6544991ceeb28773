# ruff: noqa: E501  a Hangul syllable counts as two columns
"""Grades 5 and 6: each wording's answer, calculated from the text alone."""

from __future__ import annotations

import math
import re
import statistics
from fractions import Fraction

from tests.unit.answers.reading import amount, at, corners, decs, first, fracs, ints, lowest, nums

SIDES = ["삼", "사", "오", "육", "칠", "팔"]
STEPS = ["탐구 문제", "자료 수집", "정리하여", "해석"]
AXES = {"정삼각형": 3, "정사각형": 4, "직사각형": 2, "정오각형": 5, "정육각형": 6, "마름모": 2, "이등변삼각형": 1}
ROUND_SOLIDS = {"두 밑면이 서로 평행하고 합동인": "원기둥", "뾰족한 꼭짓점이": "원뿔", "어느 방향에서 보아도": "구"}
LIKELY = {
    "7이 나올": "불가능하다",
    "해가 동쪽": "확실하다",
    "그림 면": "반반이다",
    "짝수가": "반반이다",
    "1월이": "확실하다",
    "공룡": "불가능하다",
    "1 이상의": "확실하다",
}


def in_range(text, n):
    low, high = (int(x) for x in re.findall(r"(\d+) (?:이상|초과|이하|미만)", text))
    return (n > low if "초과" in text else n >= low) and (n < high if "미만" in text else n <= high)


def listed_in_range(text, answer):
    shown = nums(text.split("중에서")[0])
    return nums(answer) == [n for n in shown if in_range(text, n)] and (answer == "없다") == (not nums(answer))


def rounded(text, answer):
    n, place = nums(text)[0], {"십": 10, "백": 100, "천": 1000}[re.search(r"(\S)의 자리", text)[1]]
    how = {"올림": -(-n // place) * place, "버림": n // place * place, "반올림": math.floor(Fraction(n, place) + Fraction(1, 2)) * place}
    return first(answer) == how[re.search("반올림|올림|버림", text)[0]]


def divisors(n):
    return [k for k in range(1, n + 1) if n % k == 0]


def common_denominator(text, answer):
    one, two = answer.split(", ")
    bottoms = [nums(one)[1], nums(two)[1]]
    return fracs(answer) == fracs(text) and set(bottoms) == {math.lcm(*(f.denominator for f in fracs(text)))}


def ate_more(text, answer):
    found = re.findall(r"(\S+?)[은는] (\d+/\d+)[을를]", text)
    return len(found) == 2 and answer == max(found, key=lambda pair: Fraction(pair[1]))[0]


def values(text):
    """Fractions and decimals of a comparison."""
    return {n: Fraction(n) for n in re.findall(r"\d+/\d+|\d+\.\d+", text)}


def larger(text, answer):
    shown = values(text)
    return len(set(shown.values())) == 2 and shown[re.match(r"[\d./]+", answer)[0]] == max(shown.values())


def rule_holds(text, answer):
    """The formula y=f(x) of an answer at every pair of the text."""
    y, right = answer.split("=")
    x = re.search(r"[□○△☆◇]", right)[0]
    assert x != y

    def of(n):
        return at(right.replace(x, str(n)))

    if "표에서" in text:
        row = nums(text)
        return re.search(r"표에서 (\S)", text)[1] == x and [of(n) for n in row[:4]] == row[4:8]
    named = re.search(r"(?:수를|나이를) (\S), .*?(?:수를|나이를) (\S)[이라]*라고", text)
    pairs = [tuple(nums(text)[:2])] if "살" in text else [(n, n * nums(text)[0]) for n in range(1, 6)]
    return named.groups() == (x, y) and all(of(n) == m for n, m in pairs)


def share(text, answer):
    total, a, b = nums(text)
    return sum(nums(answer)) == total and nums(answer)[0] * b == nums(answer)[1] * a


def chance(text, answer):
    return answer == next(LIKELY[f] for f in LIKELY if f in text)


def more_likely(text, answer):
    pairs = re.findall(r"(\S+색) 공 (\d+)개", text)
    return answer == max(pairs, key=lambda p: int(p[1]))[0] and pairs[0][1] != pairs[1][1]


def likelihood(text, answer):
    """By counting the cases."""
    if "주사위" in text:
        limit = nums(text.split("굴려")[1])[0]
        return Fraction(answer) == Fraction(sum(k > limit for k in range(1, 7)), 6)
    if "동전" in text:
        return Fraction(answer) == Fraction(1, 2)
    if "제비" in text:
        whole, wins = nums(text.split("제비", 1)[1])[:2]
        return Fraction(answer) == Fraction(wins, whole)
    balls = {c: int(n) for c, n in re.findall(r"(\S+색) 공(?:만)? (\d+)개", text)}
    wanted = re.search(r"꺼낼 때 (\S+색) 공이|주머니에서 (\S+색) 공을", text)
    return Fraction(answer) == Fraction(balls.get(wanted[1] or wanted[2], 0), sum(balls.values()))


def order_of_steps(text, answer):
    shown = re.findall(r"([㉠㉡㉢㉣]) ([^㉠㉡㉢㉣]+)", text)
    return [next(i for i, s in enumerate(STEPS) if s in dict(shown)[m]) for m in answer.split(", ")] == [0, 1, 2, 3]


def pouches(text, answer):
    a, b, c, e = nums(text)[:4]
    return answer == ("가" if Fraction(a, a + b) > Fraction(c, c + e) else "나")


def lots(text, answer):
    x, wins_x, y, wins_y = nums(text)[:4]
    return answer == ("가" if Fraction(wins_x, x) > Fraction(wins_y, y) else "나")


def solid_counts(text):
    """Faces, edges and corners of a prism or a pyramid, built from its base and checked by Euler's formula."""
    n = corners(text)
    faces, edges, points = (n + 2, 3 * n, 2 * n) if "각기둥" in text else (n + 1, 2 * n, n + 1)
    assert faces - edges + points == 2
    return {"면": faces, "모서리": edges, "꼭짓점": points}


def area(text, answer):
    n = nums(text)
    expected = {
        "삼각형": lambda: Fraction(n[0] * n[1], 2), "평행사변형": lambda: n[0] * n[1], "마름모": lambda: Fraction(n[0] * n[1], 2),
        "사다리꼴": lambda: Fraction((n[0] + n[1]) * n[2], 2),
    }[re.search("평행사변형|삼각형|마름모|사다리꼴", text)[0]]()  # fmt: skip
    return first(answer) == expected and answer.endswith("cm²")


def around(text):
    """Surface of a cuboid whose three edges stand in the text."""
    a, b, c = nums(text)[:3]
    return 2 * (a * b + b * c + c * a)


def round_solid(text, answer):
    return answer == next(ROUND_SOLIDS[f] for f in ROUND_SOLIDS if f in text)


def pi(text):
    return decs(text)[-1]


CHECKS = {
    "6수01-01/mixed-operations-1": lambda t, a: first(a) == at(re.match(r"[\d+×÷()-]+", t)[0]),
    "6수01-01/mixed-operations-2": lambda t, a: first(a) == at(re.match(r"[\d+×÷()-]+", t)[0]),
    "6수01-01/mixed-operations-3": lambda t, a: first(a) == at(re.search(r"\d[\d+×÷()-]+", t)[0]),
    "6수01-01/mixed-operations-4": lambda t, a: first(a) == nums(t)[0] + nums(t)[1] * nums(t)[2] - nums(t)[3],
    "6수01-02/range-1": listed_in_range,
    "6수01-02/range-2": lambda t, a: first(a) == sum(in_range(t, n) for n in range(200)),
    "6수01-02/range-3": lambda t, a: first(a) == sum(h >= nums(t)[0] for h in nums(t)[1:]),
    "6수01-03/rounding-1": rounded,
    "6수01-03/rounding-2": lambda t, a: first(a) == math.floor(Fraction(*nums(t)[:2])),
    "6수01-03/rounding-3": lambda t, a: first(a) == math.ceil(Fraction(*nums(t)[:2])),
    "6수01-03/rounding-4": rounded,
    "6수01-04/divisors-1": lambda t, a: first(a) == math.gcd(*nums(t)),
    "6수01-04/divisors-2": lambda t, a: nums(a) == divisors(nums(t)[0]),
    "6수01-04/divisors-3": lambda t, a: first(a) == len(set(divisors(nums(t)[0])) & set(divisors(nums(t)[1]))),
    "6수01-04/divisors-4": lambda t, a: first(a) == math.gcd(*nums(t)),
    "6수01-05/multiples-1": lambda t, a: first(a) == math.lcm(*nums(t)),
    "6수01-05/multiples-2": lambda t, a: nums(a) == [k for k in range(1, 1000) if k % nums(t)[0] == 0][: nums(t)[1]],
    "6수01-05/multiples-3": lambda t, a: nums(a) == [k for k in range(1, 2000) if k % nums(t)[0] == k % nums(t)[1] == 0][:3],
    "6수01-05/multiples-4": lambda t, a: first(a) == math.lcm(*nums(t)),
    "6수01-06/reducing-1": lambda t, a: fracs(a)[0] == fracs(t)[0] and lowest(a),
    "6수01-06/reducing-2": common_denominator,
    "6수01-06/reducing-3": lambda t, a: fracs(a) == fracs(t) and nums(a)[1] == nums(t)[2],
    "6수01-06/reducing-4": lambda t, a: fracs(a) == fracs(t) and nums(a)[1] == nums(t)[2],
    "6수01-07/different-denominators-1": lambda t, a: Fraction(a) == max(fracs(t)) and len(set(fracs(t))) == 2,
    "6수01-07/different-denominators-2": ate_more,
    "6수01-07/different-denominators-3": lambda t, a: (a == ">") == (fracs(t)[2] > fracs(t)[3]) and (a == "<") == (fracs(t)[0] < fracs(t)[1]),
    "6수01-07/different-denominators-4": lambda t, a: Fraction(a) == min(fracs(t)) and len(set(fracs(t))) == 2,
    "6수01-08/different-denominators-sum-1": lambda t, a: amount(a) == sum(fracs(t)) and lowest(a),
    "6수01-08/different-denominators-sum-2": lambda t, a: amount(a) == fracs(t)[0] - fracs(t)[1] and lowest(a),
    "6수01-08/different-denominators-sum-3": lambda t, a: amount(a) == sum(fracs(t)) and lowest(a) and a.endswith(" L"),
    "6수01-08/different-denominators-sum-4": lambda t, a: amount(a) == fracs(t)[0] - fracs(t)[1] and lowest(a) and a.endswith(" m"),
    "6수01-09/fraction-times-1": lambda t, a: amount(a) == math.prod(fracs(t)) and lowest(a),
    "6수01-09/fraction-times-2": lambda t, a: amount(a) == fracs(t)[0] * nums(t)[2] and lowest(a),
    "6수01-09/fraction-times-3": lambda t, a: amount(a) == fracs(t)[0] * nums(t)[2] and lowest(a) and a.endswith(" L"),
    "6수01-09/fraction-times-4": lambda t, a: amount(a) == math.prod(fracs(t)) and lowest(a),
    "6수01-10/quotient-fraction-1": lambda t, a: amount(a) == Fraction(*nums(t)) and lowest(a),
    "6수01-10/quotient-fraction-2": lambda t, a: amount(a) == Fraction(*nums(t)) and lowest(a) and a.endswith(" L"),
    "6수01-10/quotient-fraction-3": lambda t, a: amount(a) == Fraction(*nums(t)) and lowest(a) and a.endswith(" m"),
    "6수01-10/quotient-fraction-4": lambda t, a: amount(a) == Fraction(*nums(t)) and lowest(a),
    "6수01-11/fraction-division-1": lambda t, a: amount(a) * fracs(t)[1] == fracs(t)[0] and lowest(a),
    "6수01-11/fraction-division-2": lambda t, a: amount(a) * fracs(t)[0] == nums(t)[0] and lowest(a),
    "6수01-11/fraction-division-3": lambda t, a: amount(a) * nums(t)[2] == fracs(t)[0] and lowest(a) and a.endswith(" L"),
    "6수01-11/fraction-division-4": lambda t, a: amount(a) * fracs(t)[1] == fracs(t)[0] and lowest(a),
    "6수01-12/fraction-decimal-1": lambda t, a: Fraction(a) == fracs(t)[0],
    "6수01-12/fraction-decimal-2": lambda t, a: Fraction(a) == decs(t)[0] and lowest(a),
    "6수01-12/fraction-decimal-3": larger,
    "6수01-12/fraction-decimal-4": larger,
    "6수01-13/decimal-times-1": lambda t, a: Fraction(a) == math.prod(decs(t)),
    "6수01-13/decimal-times-2": lambda t, a: Fraction(a) == math.prod(decs(t)),
    "6수01-13/decimal-times-3": lambda t, a: amount(a) == math.prod(decs(t)) and a.endswith(" g"),
    "6수01-13/decimal-times-4": lambda t, a: amount(a) == math.prod(decs(t)) and a.endswith(" kg"),
    "6수01-14/quotient-decimal-1": lambda t, a: Fraction(a) == Fraction(*nums(t)),
    "6수01-14/quotient-decimal-2": lambda t, a: amount(a) == Fraction(*nums(t)) and a.endswith(" L"),
    "6수01-14/quotient-decimal-3": lambda t, a: amount(a) == Fraction(*nums(t)) and a.endswith(" m"),
    "6수01-14/quotient-decimal-4": lambda t, a: Fraction(a) == Fraction(*nums(t)),
    "6수01-15/decimal-division-1": lambda t, a: Fraction(a) * decs(t)[1] == decs(t)[0] and decs(t)[1].denominator > 1,
    "6수01-15/decimal-division-2": lambda t, a: Fraction(a) * decs(t)[1] == decs(t)[0] and decs(t)[0].denominator > 1,
    "6수01-15/decimal-division-3": lambda t, a: Fraction(a) * decs(t)[1] == decs(t)[0] and decs(t)[1].denominator > 1,
    "6수01-15/decimal-division-4": lambda t, a: amount(a) * decs(t)[1] == decs(t)[0] and a.endswith(" L") and decs(t)[0].denominator > 1,
    "6수02-01/correspondence-1": rule_holds,
    "6수02-01/correspondence-2": rule_holds,
    "6수02-01/correspondence-3": lambda t, a: first(a) == nums(t)[0] * nums(t)[1],
    "6수02-01/correspondence-4": rule_holds,
    "6수02-02/ratio-1": lambda t, a: nums(a) == nums(t),
    "6수02-02/ratio-2": lambda t, a: nums(a) == nums(t)[::-1],
    "6수02-02/ratio-3": lambda t, a: nums(a) == [nums(t)[0], sum(nums(t))],
    "6수02-02/ratio-4": lambda t, a: a == f"기준량 {nums(t)[1]}, 비교하는 양 {nums(t)[0]}",
    "6수02-03/percentage-1": lambda t, a: first(a) * nums(t)[0] == 100 * nums(t)[1],
    "6수02-03/percentage-2": lambda t, a: first(a) * nums(t)[0] == 100 * nums(t)[1],
    "6수02-03/percentage-3": lambda t, a: Fraction(a) == Fraction(*nums(t)),
    "6수02-03/percentage-4": lambda t, a: first(a) == nums(t)[0] * (1 - Fraction(nums(t)[1], 100)),
    "6수02-04/proportion-1": lambda t, a: nums(t)[0] * first(a) == nums(t)[1] * nums(t)[2],
    "6수02-04/proportion-2": lambda t, a: nums(t)[0] * nums(t)[2] == nums(t)[1] * first(a),
    "6수02-04/proportion-3": lambda t, a: first(a) * nums(t)[0] == nums(t)[1] * nums(t)[2],
    "6수02-04/proportion-4": lambda t, a: first(a) * nums(t)[0] == nums(t)[1] * nums(t)[2],
    "6수02-05/proportional-share-1": share,
    "6수02-05/proportional-share-2": share,
    "6수02-05/proportional-share-3": lambda t, a: first(a) * (nums(t)[1] + nums(t)[2]) == nums(t)[0] * nums(t)[1],
    "6수02-05/proportional-share-4": lambda t, a: first(a) * (nums(t)[1] + nums(t)[2]) == nums(t)[0] * max(nums(t)[1:]),
    "6수03-01/congruent-1": lambda t, a: first(a) == nums(t)[0] and re.search(r"변 (\S\S)의", t)[1] in t[:40] and corners(t) == len(re.search(r"각형 ([ㄱ-ㅎ]+)", t)[1]),
    "6수03-01/congruent-2": lambda t, a: first(a) == nums(t)[0] < 180,
    "6수03-01/congruent-3": lambda t, a: (a == "합동") == ("완전히 겹치는" in t),
    "6수03-01/congruent-4": lambda t, a: first(a) == 2 * sum(nums(t)),
    "6수03-02/symmetry-1": lambda t, a: first(a) == AXES[re.search(r"선대칭도형인 (\S+)의", t)[1]],
    "6수03-02/symmetry-2": lambda t, a: first(a) == nums(t)[0],
    "6수03-02/symmetry-3": lambda t, a: first(a) == 2 * nums(t)[0],
    "6수03-02/symmetry-4": lambda t, a: first(a) == nums(t)[1] and nums(t)[0] == 180,
    "6수03-03/cuboid-parts-1": lambda t, a: first(a) == solid_counts("사각기둥")[re.search("면|모서리|꼭짓점", t.split("에서")[1])[0]],
    "6수03-03/cuboid-parts-2": lambda t, a: first(a) == solid_counts("사각기둥")["모서리"] * nums(t)[0],
    "6수03-03/cuboid-parts-3": lambda t, a: first(a) == 4 * sum(nums(t)),
    "6수03-03/cuboid-parts-4": lambda t, a: first(a) == solid_counts("사각기둥")["면"] - 2,
    "6수03-03/cuboid-parts-5": lambda t, a: 12 * first(a) == nums(t)[0],
    "6수03-04/cuboid-sketch-and-net-1": lambda t, a: first(a) == sum(nums(t)),
    "6수03-04/cuboid-sketch-and-net-2": lambda t, a: first(a) == 4 * sum(nums(t)) - sum(nums(t)),
    "6수03-04/cuboid-sketch-and-net-3": lambda t, a: first(a) == (6 * 4 - 2 * 5) * nums(t)[0],  # 5 of the 6 squares' edges are folds
    "6수03-05/prism-pyramid-1": lambda t, a: first(a) == solid_counts(t)[re.search(r"의 (면|모서리|꼭짓점)", t)[1]],
    "6수03-05/prism-pyramid-2": lambda t, a: corners(a) == corners(t) and re.search("각기둥|각뿔", a)[0] == re.search("각기둥|각뿔", t)[0],
    "6수03-05/prism-pyramid-3": lambda t, a: solid_counts(a)["모서리"] == nums(t)[0] and re.search("각기둥|각뿔", a)[0] in t,
    "6수03-05/prism-pyramid-4": lambda t, a: first(a) == sum(solid_counts(t).values()),
    "6수03-06/prism-net-1": lambda t, a: first(a) == nums(t)[0] * ("삼정오육칠팔".index(re.search(r"정(\S)각형", t)[1].replace("사", "정")) + 3),
    "6수03-06/prism-net-2": lambda t, a: SIDES.index(a[0]) + 3 == nums(t)[1],
    "6수03-06/prism-net-3": lambda t, a: first(a) == SIDES.index(re.search(r"(\S)각기둥", t)[1]) + 3 + 2,
    "6수03-07/round-solids-1": round_solid,
    "6수03-07/round-solids-2": lambda t, a: first(a) == 2 * nums(t)[0],
    "6수03-07/round-solids-3": lambda t, a: 2 * first(a) == nums(t)[0],
    "6수03-07/round-solids-4": round_solid,
    "6수03-08/cylinder-net-1": lambda t, a: first(a) == 2 * nums(t)[0] * 3,
    "6수03-08/cylinder-net-2": lambda t, a: first(a) * 2 * 3 == nums(t)[0],
    "6수03-08/cylinder-net-3": lambda t, a: first(a) == 2 * (nums(t)[0] * 3 + nums(t)[1]),
    "6수03-09/unit-cubes-1": lambda t, a: first(a) == sum(nums(t)[1::2]),
    "6수03-09/unit-cubes-2": lambda t, a: first(a) == math.prod(nums(t)),
    "6수03-09/unit-cubes-3": lambda t, a: first(a) == sum(nums(t)),
    "6수03-10/views-1": lambda t, a: first(a) == sum(nums(t)),
    "6수03-10/views-2": lambda t, a: first(a) == max(nums(t)),
    "6수03-10/views-3": lambda t, a: ints(a) == [max(p) for p in zip(nums(t)[2:5], nums(t)[5:8], strict=True)],
    "6수03-11/perimeter-1": lambda t, a: first(a) == 2 * sum(nums(t)),
    "6수03-11/perimeter-2": lambda t, a: first(a) == nums(t)[0] * corners(t),
    "6수03-11/perimeter-3": lambda t, a: first(a) == 2 * sum(nums(t)),
    "6수03-11/perimeter-4": lambda t, a: 4 * first(a) == nums(t)[0],
    "6수03-12/area-units-1": lambda t, a: first(a) == nums(t)[0] * 100**2 and a.endswith(" cm²"),
    "6수03-12/area-units-2": lambda t, a: first(a) * 100**2 == nums(t)[0] and a.endswith(" m²"),
    "6수03-12/area-units-3": lambda t, a: first(a) == nums(t)[0] * 1000**2 and a.endswith(" m²"),
    "6수03-12/area-units-4": lambda t, a: first(a) == nums(t)[0] * 100**2 and a.endswith(" cm²"),
    "6수03-12/area-units-5": lambda t, a: first(a) * 1000**2 == nums(t)[0] and a.endswith(" km²"),
    "6수03-13/rectangle-area-1": lambda t, a: first(a) == math.prod(nums(t)),
    "6수03-13/rectangle-area-2": lambda t, a: first(a) == nums(t)[0] ** 2,
    "6수03-13/rectangle-area-3": lambda t, a: first(a) == math.prod(nums(t)) and a.endswith(" m²"),
    "6수03-13/rectangle-area-4": lambda t, a: first(a) * nums(t)[1] == nums(t)[0],
    "6수03-14/other-areas-1": area,
    "6수03-14/other-areas-2": area,
    "6수03-14/other-areas-3": lambda t, a: first(a) * nums(t)[1] == 2 * nums(t)[0],
    "6수03-14/other-areas-4": lambda t, a: first(a) * nums(t)[0] == nums(t)[1],
    "6수03-15/pi-1": lambda t, a: Fraction(a) == Fraction(round(decs(t)[1] / decs(t)[0] * 100), 100),
    "6수03-15/pi-2": lambda t, a: Fraction(a) * decs(t)[0] == decs(t)[1],
    "6수03-15/pi-3": lambda t, a: Fraction(a) * decs(t)[0] == decs(t)[1],
    "6수03-16/circle-area-1": lambda t, a: decs(a)[0] == decs(t)[0] ** 2 * pi(t) and a.endswith("cm²"),
    "6수03-16/circle-area-2": lambda t, a: decs(a)[0] == decs(t)[0] * pi(t),
    "6수03-16/circle-area-3": lambda t, a: decs(a)[0] == 2 * decs(t)[0] * pi(t) and a.endswith(" m"),
    "6수03-16/circle-area-4": lambda t, a: decs(a)[0] == decs(t)[0] ** 2 * pi(t) and a.endswith("cm²"),
    "6수03-17/surface-1": lambda t, a: first(a) == around(t),
    "6수03-17/surface-2": lambda t, a: first(a) == 6 * nums(t)[0] ** 2,
    "6수03-17/surface-3": lambda t, a: first(a) == around(t),
    "6수03-17/surface-4": lambda t, a: 6 * first(a) == nums(t)[0] and math.isqrt(first(a)) ** 2 == first(a),
    "6수03-18/volume-units-1": lambda t, a: first(a) == nums(t)[0] * 100**3 and a.endswith(" cm³"),
    "6수03-18/volume-units-2": lambda t, a: first(a) * 100**3 == nums(t)[0] and a.endswith(" m³"),
    "6수03-18/volume-units-3": lambda t, a: first(a) == nums(t)[0] * 100**3 and a.endswith(" cm³"),
    "6수03-18/volume-units-4": lambda t, a: first(a) == nums(t)[1] * 100**3 and a.endswith(" cm³"),
    "6수03-19/cuboid-volume-1": lambda t, a: first(a) == math.prod(nums(t)),
    "6수03-19/cuboid-volume-2": lambda t, a: first(a) == nums(t)[0] ** 3,
    "6수03-19/cuboid-volume-3": lambda t, a: first(a) == math.prod(nums(t)),
    "6수03-19/cuboid-volume-4": lambda t, a: first(a) * nums(t)[1] == nums(t)[0],
    "6수04-01/mean-1": lambda t, a: first(a) == statistics.mean(nums(t)),
    "6수04-01/mean-2": lambda t, a: first(a) == statistics.mean(nums(t)),
    "6수04-01/mean-3": lambda t, a: first(a) == nums(t)[0] * nums(t)[1],
    "6수04-01/mean-4": lambda t, a: statistics.mean([*nums(t)[:-1], first(a)]) == nums(t)[-1],
    "6수04-02/band-graph-1": lambda t, a: first(a) + sum(nums(t)) == 100,
    "6수04-02/band-graph-2": lambda t, a: first(a) * 100 == nums(t)[0] * nums(t)[1],
    "6수04-02/band-graph-3": lambda t, a: decs(a)[0] * 100 == nums(t)[0] * nums(t)[1],
    "6수04-02/band-graph-4": lambda t, a: first(a) * nums(t)[0] == nums(t)[1] * 100,
    "6수04-03/fitting-graph-1": lambda t, a: a == ("띠그래프" if "비율" in t else "꺾은선그래프"),
    "6수04-03/fitting-graph-2": lambda t, a: float(a[:-1]) == 100 * nums(t)[1] / nums(t)[0],
    "6수04-03/fitting-graph-3": order_of_steps,
    "6수04-04/chance-words-1": chance,
    "6수04-04/chance-words-2": more_likely,
    "6수04-04/chance-words-3": chance,
    "6수04-04/chance-words-4": lambda t, a: (a == "불가능하다") == (len(set(re.findall(r"\S+색(?= 구슬)", t))) == 2),
    "6수04-05/chance-numbers-1": likelihood,
    "6수04-05/chance-numbers-2": likelihood,
    "6수04-05/chance-numbers-3": likelihood,
    "6수04-06/judging-by-likelihood-1": pouches,
    "6수04-06/judging-by-likelihood-2": lambda t, a: Fraction(first(a), nums(t)[2]) == Fraction(nums(t)[1], nums(t)[0]),
    "6수04-06/judging-by-likelihood-3": lots,
}  # fmt: skip
