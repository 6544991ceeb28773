# ruff: noqa: E501  a Hangul syllable counts as two columns
"""Grades 3 and 4: each wording's answer, calculated from the text alone."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from itertools import combinations, pairwise

from tests.unit.answers.reading import amount, at, corners, decs, digit_value, equations, first, fracs, ints, nums, sino, size, sizes

LINES = {"두 점을 곧게 이은": "선분", "한쪽으로 끝없이 늘인": "반직선", "양쪽으로 끝없이 늘인": "직선"}
QUADRILATERALS = {
    "네 변의 길이가 모두 같은": "마름모", "두 쌍의 변이 서로 평행한": "평행사변형", "평행한 변이 한 쌍이라도": "사다리꼴",
    "네 변의 길이와 네 각의 크기가 모두 같은": "정사각형", "네 각이 모두 직각인": "직사각형",
}  # fmt: skip
BACK = {"시계 방향": "시계 반대 방향", "시계 반대 방향": "시계 방향"}
# largest size of which the smaller unit makes sense, by what is measured
SENSIBLE = {
    "mm": "쌀알의 길이 동전의 두께 개미의 몸길이 공책의 두께 연필심의 굵기", "km": "서울에서 부산까지의 거리 마라톤 경주의 거리 서울에서 대전까지의 거리 한강의 길이",
    "mL": "숟가락 요구르트병 종이컵 주사기 우유갑 안약 병", "L": "욕조 양동이 냉장고 어항 물뿌리개 세숫대야",
    "g": "연필 귤 탁구공 색종이 묶음 지우개 달걀", "kg": "책상 자전거 수박 한 통 쌀 한 포대 어린이 볼링공",
}  # fmt: skip
CHANGES = "기온 변화 키의 변화 자란 키 인구 변화"  # what a line graph is for


def unit_fits(text, answer):
    return re.search(r"\. ([^.]*?): 약", text)[1] in SENSIBLE[answer]


def extreme(text, answer):
    return first(answer) == (max if "큰" in text else min)(nums(text))


def quotient(text, answer):
    return nums(answer) == list(divmod(*nums(text)[:2]))


def about(n):
    """To the nearest hundred."""
    return (n + 50) // 100 * 100


def roughly(text, answer):
    return answer == f"약 {about(nums(text)[0]) + about(nums(text)[1])}"


def longer(text, answer):
    found = re.findall(r"(\S+?)[은는] (\d+(?:\.\d+)?) m", text)
    return len(found) == 2 and answer == max(found, key=lambda pair: Fraction(pair[1]))[0]


def ate_more(text, answer):
    found = re.findall(r"(\S+?)[은는] (\d+/\d+)[을를]", text)
    return len(found) == 2 and answer == max(found, key=lambda pair: Fraction(pair[1]))[0]


def largest_below(text, answer):
    n, limit = (Fraction(x) for x in re.search(r"□/(\d+) < (\d+/\d+)", text).groups())
    return first(answer) == max(k for k in range(100) if k / n < limit)


def row_continues(text, answer):
    terms = nums(text.split("합니다")[0].split("놓았")[0])
    k = next(int(x) for x in re.findall(r"(\d+)번째", text))
    row = (
        [int(x) for x in re.findall(r"(\d+)개", text)]
        if "첫째" in text
        else [int(x) for x in re.search(r"(\d+(?:, \d+)+)개", text)[1].split(", ")]
    )
    steps = {b - a for a, b in pairwise(row)}
    return len(terms) > 0 and len(steps) == 1 and first(answer) == row[0] + (k - 1) * steps.pop()


def next_equation(text, answer):
    lines = [nums(e) for e in re.findall(r"\d+\+\d+=\d+", text)]
    expected = [2 * x - y for x, y in zip(lines[-1], lines[-2], strict=True)]
    return equations(text) and nums(answer) == (expected if "+" in answer else expected[-1:])


def equal_choice(text, answer):
    left, right = answer.split("=")
    return text.startswith(left) and [o for o in re.findall(r"[㉠㉡] (\S+)", text) if at(o) == at(left)] == [right]


def steepest(text, answer):
    row = [(when, int(v)) for when, v in re.findall(r"((?:오전|오후) \d+시|\d+일) (\d+)(?:cm|°C)", text)]
    changes = sorted(((abs(y - x), f"{a} {b}") for (a, x), (b, y) in pairwise(row)), reverse=True)
    return len(row) == 5 and changes[0][0] > changes[1][0] and re.sub("[과와] ", " ", answer) == changes[0][1] + " 사이"


def read_off(text, answer):
    asked = re.search(r"니다\. (.*?)에는", text)[1]
    return answer == re.search(rf"{asked} (\d+(?:cm|°C))", text)[1]


def chosen_graph(text, answer):
    return answer == ("꺾은선그래프" if re.search(r"'(.*?)'", text)[1].split()[-1] in CHANGES.split() else "막대그래프")


def line_kind(text, answer):
    return answer == next(LINES[f] for f in LINES if f in text)


def angle_kind(text, answer):
    wanted = re.search(r"(예각|둔각|직각)[을를] 찾", text)[1]
    kinds = {"예각": lambda d: d < 90, "둔각": lambda d: 90 < d < 180, "직각": lambda d: d == 90}
    return [d for d in nums(text)[:3] if kinds[wanted](d)] == [first(answer)]


def clock_angle(text, answer):
    hour = nums(text)[0]
    angle = min(30 * hour, 360 - 30 * hour)
    return answer == ("예각" if angle < 90 else "직각" if angle == 90 else "둔각")


def triangle(text, answer):
    angles = nums(text)[:3]
    return sum(angles) == 180 and answer == ("예각" if max(angles) < 90 else "직각" if max(angles) == 90 else "둔각") + "삼각형"


def diagonals(name):
    n = corners(name)
    return sum(j - i not in (1, n - 1) for i, j in combinations(range(n), 2))


def flipped(text, answer):
    return answer == ("왼쪽과 오른쪽이 바뀐다" if re.search("왼쪽|오른쪽", text) else "위쪽과 아래쪽이 바뀐다")


def quadrilateral(text, answer):
    return answer == next(QUADRILATERALS[f] for f in sorted(QUADRILATERALS, key=len, reverse=True) if f in text)


def moves(text, answer):
    """Both as a change of place."""
    way = {"오른쪽": (1, 0), "왼쪽": (-1, 0), "위쪽": (0, 1), "아래쪽": (0, -1)}

    def total(steps):
        return tuple(sum(way[w][i] * int(n) for w, n in steps) for i in (0, 1))

    pattern = r"(오른쪽|왼쪽|위쪽|아래쪽)으로 (\d+)(?: cm|칸)"
    went, said = total(re.findall(pattern, text)), total(re.findall(pattern, answer))
    return said == (tuple(-v for v in went) if "돌아가" in text else went)


def moments(text):
    """Times of day in seconds: 3시 27분 6초."""
    return [3600 * int(h) + 60 * int(m) + int(s) for h, m, s in re.findall(r"(\d+)시 (\d+)분 (\d+)초", text)]


def place_digit(text, answer):
    return answer == str(digit_value(text)).rstrip("0")


CHECKS = {
    "4수01-01/reading-1": lambda t, a: sino(a) == nums(t)[0],
    "4수01-01/reading-2": lambda t, a: first(a) == sino(t.split("'")[1]),
    "4수01-01/reading-3": lambda t, a: first(a) == sino(re.search(r"인구는 (\S+) 명", t)[1]),
    "4수01-01/reading-4": lambda t, a: first(a) == math.prod(nums(t)),
    "4수01-01/reading-5": lambda t, a: first(a) == 10_000 * nums(t)[0] + 1000 * nums(t)[1] + 100 * nums(t)[2],
    "4수01-01/digit-value-1": lambda t, a: first(a) == digit_value(t),
    "4수01-01/digit-value-2": place_digit,
    "4수01-01/digit-value-3": lambda t, a: first(a) == digit_value(re.sub(r"개입니다\.", "", t)),
    "4수01-02/compare-large-1": extreme,
    "4수01-02/compare-large-2": lambda t, a: (a == ">") == (nums(t)[2] > nums(t)[3]) and (a == "<") == (nums(t)[0] < nums(t)[1]),
    "4수01-02/compare-large-3": extreme,
    "4수01-02/compare-large-4": lambda t, a: first(a) == 2 * nums(t)[2] - nums(t)[1],
    "4수01-03/three-digit-sum-1": lambda t, a: first(a) == sum(nums(t)),
    "4수01-03/three-digit-sum-2": lambda t, a: first(a) == sum(nums(t)),
    "4수01-03/three-digit-sum-3": lambda t, a: first(a) == sum(nums(t)),
    "4수01-03/three-digit-sum-4": lambda t, a: first(a) == sum(nums(t)),
    "4수01-03/three-digit-difference-1": lambda t, a: first(a) == nums(t)[0] - nums(t)[1],
    "4수01-03/three-digit-difference-2": lambda t, a: first(a) == nums(t)[0] - nums(t)[1],
    "4수01-03/three-digit-difference-3": lambda t, a: first(a) == nums(t)[0] - nums(t)[1],
    "4수01-03/three-digit-difference-4": lambda t, a: first(a) == nums(t)[0] - nums(t)[1],
    "4수01-04/multiplication-1": lambda t, a: first(a) == math.prod(nums(t)),
    "4수01-04/multiplication-2": lambda t, a: first(a) == math.prod(nums(t)),
    "4수01-04/multiplication-3": lambda t, a: first(a) == math.prod(nums(t)),
    "4수01-04/multiplication-4": lambda t, a: first(a) == math.prod(nums(t)),
    "4수01-05/sharing-1": lambda t, a: equations(a) and nums(a)[:2] == nums(t),
    "4수01-05/sharing-2": lambda t, a: equations(a) and equations(t) and set(nums(a)) == set(nums(t)) and "×" in a,
    "4수01-05/sharing-3": lambda t, a: equations(a) and len(set(a.split(", "))) == a.count("÷") == 2 and set(nums(a)) == set(nums(t)[:3]),
    "4수01-05/sharing-4": lambda t, a: equations(a) and nums(a) == nums(t)[:3] and nums(t)[0] == nums(t)[1] * nums(t)[2],
    "4수01-06/by-one-digit-1": quotient,
    "4수01-06/by-one-digit-2": quotient,
    "4수01-06/by-one-digit-3": quotient,
    "4수01-06/by-one-digit-4": lambda t, a: divmod(first(a), nums(t)[0]) == tuple(nums(t)[1:]),
    "4수01-07/by-two-digits-1": quotient,
    "4수01-07/by-two-digits-2": quotient,
    "4수01-07/by-two-digits-3": quotient,
    "4수01-07/by-two-digits-4": quotient,
    "4수01-08/estimating-1": roughly,
    "4수01-08/estimating-2": roughly,
    "4수01-08/estimating-3": roughly,
    "4수01-08/estimating-4": lambda t, a: a == f"약 {about(nums(t)[0] - nums(t)[1])}",
    "4수01-09/part-of-whole-1": lambda t, a: nums(a) == nums(t)[::-1],
    "4수01-09/part-of-whole-2": lambda t, a: nums(a) == nums(t)[::-1],
    "4수01-09/part-of-whole-3": lambda t, a: nums(a) == [nums(t)[2], nums(t)[1]] and nums(t)[0] % nums(t)[1] == 0,
    "4수01-09/part-of-whole-4": lambda t, a: first(a) == nums(t)[0] * fracs(t)[0],
    "4수01-10/improper-mixed-1": lambda t, a: amount(a) == fracs(t)[0] and fracs(a)[0] < 1 and nums(a)[2] == nums(t)[1],
    "4수01-10/improper-mixed-2": lambda t, a: fracs(a)[0] == nums(t)[0] + fracs(t)[0] and nums(a)[1] == nums(t)[2],
    "4수01-10/improper-mixed-3": lambda t, a: fracs(a)[0] < 1 < fracs(t)[1] and a == t.split(",")[0],
    "4수01-10/improper-mixed-4": lambda t, a: first(a) == sum(Fraction(k, nums(t)[0]) < 1 for k in range(1, 50)),
    "4수01-11/same-denominator-1": lambda t, a: Fraction(a) == max(fracs(t)),
    "4수01-11/same-denominator-2": lambda t, a: Fraction(a) == max(fracs(t)),
    "4수01-11/same-denominator-3": ate_more,
    "4수01-11/same-denominator-4": largest_below,
    "4수01-12/tenths-1": lambda t, a: Fraction(a) == fracs(t)[0],
    "4수01-12/tenths-2": lambda t, a: Fraction(a) == Fraction(nums(t)[2], 10),
    "4수01-12/tenths-3": lambda t, a: amount(a) == nums(t)[0] + Fraction(nums(t)[1], 10),
    "4수01-12/tenths-4": lambda t, a: Fraction(a) == Fraction(nums(t)[1], nums(t)[0]),
    "4수01-13/hundredths-1": lambda t, a: Fraction(a) == decs(t)[0] % Fraction(1, 10),
    "4수01-13/hundredths-2": lambda t, a: Fraction(a) == sum(x * y for x, y in zip(decs(t)[::2], decs(t)[1::2], strict=True)),
    "4수01-13/hundredths-3": lambda t, a: Fraction(a) == decs(t)[0] * 1000 % 10,
    "4수01-13/hundredths-4": lambda t, a: Fraction(a) == math.prod(decs(t)),
    "4수01-13/hundredths-5": lambda t, a: Fraction(a) == decs(t)[0] / 10,
    "4수01-14/compare-decimals-1": lambda t, a: Fraction(a) == (max if "큰" in t else min)(decs(t)) and len(set(decs(t))) == 3,
    "4수01-14/compare-decimals-2": lambda t, a: Fraction(a) == max(decs(t)) and len(set(decs(t))) == 2,
    "4수01-14/compare-decimals-3": longer,
    "4수01-14/compare-decimals-4": longer,
    "4수01-15/same-denominator-sum-1": lambda t, a: amount(a) == sum(fracs(t)),
    "4수01-15/same-denominator-sum-2": lambda t, a: amount(a) == fracs(t)[0] - fracs(t)[1],
    "4수01-15/same-denominator-sum-3": lambda t, a: amount(a) == sum(fracs(t)) and a.endswith(" L"),
    "4수01-15/same-denominator-sum-4": lambda t, a: amount(a) == fracs(t)[0] - fracs(t)[1] and a.endswith(" m"),
    "4수01-16/decimal-sum-1": lambda t, a: Fraction(a) == sum(decs(t)),
    "4수01-16/decimal-sum-2": lambda t, a: Fraction(a) == decs(t)[0] - decs(t)[1],
    "4수01-16/decimal-sum-3": lambda t, a: amount(a) == sum(decs(t)) and a.endswith(" km"),
    "4수01-16/decimal-sum-4": lambda t, a: amount(a) == decs(t)[0] - decs(t)[1] and a.endswith(" m"),
    "4수02-01/growing-1": row_continues,
    "4수02-01/growing-2": lambda t, a: [nums(a)[0] + k * nums(a)[1] for k in range(4)] == nums(t),
    "4수02-01/growing-3": row_continues,
    "4수02-02/equations-row-1": next_equation,
    "4수02-02/equations-row-2": lambda t, a: equations(t) and first(a) == 10 * nums(t)[-1],
    "4수02-02/equations-row-3": next_equation,
    "4수02-03/equal-sign-1": lambda t, a: sum(nums(t)[:2]) == nums(t)[2] + first(a),
    "4수02-03/equal-sign-2": lambda t, a: sum(nums(t)[:2]) == nums(t)[2] + first(a),
    "4수02-03/equal-sign-3": equal_choice,
    "4수02-03/equal-sign-4": lambda t, a: sum(nums(t)[:2]) == nums(t)[2] + first(a),
    "4수03-01/lines-1": line_kind,
    "4수03-01/lines-2": line_kind,
    "4수03-01/lines-3": lambda t, a: first(a) == len(list(combinations(range(nums(t)[0]), 2))),
    "4수03-01/lines-4": lambda t, a: a == "반직선 " + "".join(re.search(r"점 (\S)에서 시작하여 점 (\S)", t).groups()),
    "4수03-02/angle-kinds-1": angle_kind,
    "4수03-02/angle-kinds-2": clock_angle,
    "4수03-02/angle-kinds-3": lambda t, a: nums(t)[0] < 90 < nums(t)[1] and a == f"{nums(t)[0]}°는 예각, {nums(t)[1]}°는 둔각",
    "4수03-02/angle-kinds-4": lambda t, a: first(a) == 4 * nums(t)[0],
    "4수03-03/perpendicular-1": lambda t, a: (a == "수직") == ("직각" in t),
    "4수03-03/perpendicular-2": lambda t, a: (a == "평행") == ("만나지 않습니다" in t),
    "4수03-03/perpendicular-3": lambda t, a: first(a) == sum(nums(t)) and re.search(r"\((\S)[은는] 가운데", t)[1] == re.search(r"사이의 거리가 \d+ cm, (\S)[과와]", t)[1],
    "4수03-03/perpendicular-4": lambda t, a: (a == "90°") == ("수선" in t),
    "4수03-04/moving-shapes-1": flipped,
    "4수03-04/moving-shapes-2": lambda t, a: (a == "같다") == (nums(t)[0] % 2 == 0),
    "4수03-04/moving-shapes-3": lambda t, a: a == BACK[re.search(r"시계 (?:반대 )?방향", t)[0]] and nums(t)[0] % 180,
    "4수03-04/moving-shapes-4": lambda t, a: (a == "변하지 않는다") == ("밀었을" in t),
    "4수03-05/point-moved-1": moves,
    "4수03-05/point-moved-2": moves,
    "4수03-05/point-moved-3": moves,
    "4수03-06/radius-1": lambda t, a: first(a) == 2 * nums(t)[0],
    "4수03-06/radius-2": lambda t, a: 2 * first(a) == nums(t)[0],
    "4수03-06/radius-3": lambda t, a: first(a) == 2 * math.prod(nums(t)),
    "4수03-06/radius-4": lambda t, a: first(a) == 2 * nums(t)[0],
    "4수03-07/compasses-1": lambda t, a: 2 * first(a) == nums(t)[0],
    "4수03-07/compasses-2": lambda t, a: first(a) == 2 * nums(t)[0],
    "4수03-07/compasses-3": lambda t, a: first(a) == 2 * max(nums(t)),
    "4수03-08/isosceles-1": lambda t, a: first(a) == 2 * nums(t)[0] + nums(t)[1] and 2 * nums(t)[0] > nums(t)[1],
    "4수03-08/isosceles-2": lambda t, a: first(a) == nums(t)[0] < 90,
    "4수03-08/isosceles-3": lambda t, a: 3 * first(a) == nums(t)[0],
    "4수03-08/isosceles-4": lambda t, a: nums(a) == [nums(t)[0], nums(t)[0], 180 // 3],
    "4수03-09/triangle-kinds-1": triangle,
    "4수03-09/triangle-kinds-2": triangle,
    "4수03-09/triangle-kinds-3": triangle,
    "4수03-10/quadrilaterals-1": quadrilateral,
    "4수03-10/quadrilaterals-2": lambda t, a: first(a) + nums(t)[0] == 180,
    "4수03-10/quadrilaterals-3": lambda t, a: first(a) == nums(t)[2] == nums(t)[0],
    "4수03-10/quadrilaterals-4": lambda t, a: first(a) == 4 * nums(t)[0] - nums(t)[0],
    "4수03-11/regular-polygon-1": lambda t, a: corners(a) == nums(t)[0],
    "4수03-11/regular-polygon-2": lambda t, a: first(a) == nums(t)[0] * corners(t),
    "4수03-11/regular-polygon-3": lambda t, a: corners(a) == nums(t)[0] and a.startswith("정"),
    "4수03-11/regular-polygon-4": lambda t, a: first(a) == diagonals(t),
    "4수03-12/filling-1": lambda t, a: first(a) * nums(t)[2] ** 2 == nums(t)[0] * nums(t)[1],
    "4수03-12/filling-2": lambda t, a: first(a) == math.prod(nums(t)),
    "4수03-12/filling-3": lambda t, a: 2 * first(a) == nums(t)[1],
    "4수03-13/seconds-1": lambda t, a: size(a) == nums(t)[0] and ints(a)[1] < 60,
    "4수03-13/seconds-2": lambda t, a: size(a) == size(t) and "분" not in a,
    "4수03-13/seconds-3": lambda t, a: nums(a) == [*nums(t)[:2], 5 * nums(t)[2] % 60],
    "4수03-13/seconds-4": lambda t, a: first(a) == 60 * nums(t)[0],
    "4수03-14/time-sum-1": lambda t, a: moments(a)[0] == moments(t)[0] + sizes(t.split("부터")[1], "분", "초")[0] and max(nums(a)[1:]) < 60,
    "4수03-14/time-sum-2": lambda t, a: size(a) == sum(sizes(t, "분", "초")) and ints(a)[1] < 60,
    "4수03-14/time-sum-3": lambda t, a: size(a) == moments(t)[1] - moments(t)[0],
    "4수03-14/time-sum-4": lambda t, a: size(a) == sum(sizes(t, "분", "초")) and ints(a)[1] < 60,
    "4수03-15/mm-and-km-1": lambda t, a: ints(a) == nums(t),
    "4수03-15/mm-and-km-2": lambda t, a: ints(a) == nums(t)[1:3],
    "4수03-15/mm-and-km-3": unit_fits,
    "4수03-15/mm-and-km-4": lambda t, a: first(a) == nums(t)[1] - nums(t)[0],
    "4수03-16/km-mm-1": lambda t, a: size(a) == size(t) and ints(a)[1] < 1000,
    "4수03-16/km-mm-2": lambda t, a: size(a) == size(t) and "cm" not in a,
    "4수03-16/km-mm-3": lambda t, a: size(a) == size(t) and "km" not in a,
    "4수03-16/km-mm-4": lambda t, a: size(a) == size(t) and ints(a)[1] < 10,
    "4수03-17/litres-1": lambda t, a: 1000 * ints(a)[0] + ints(a)[1] == 1000 * nums(t)[0] * nums(t)[1] + nums(t)[2] * nums(t)[3],
    "4수03-17/litres-2": lambda t, a: first(a) == math.prod(nums(t)),
    "4수03-17/litres-3": unit_fits,
    "4수03-18/litre-1": lambda t, a: size(a) == size(t) and ints(a)[1] < 1000,
    "4수03-18/litre-2": lambda t, a: size(a) == size(t) and " L" not in a,
    "4수03-18/litre-3": lambda t, a: size(a) == size(t) and ints(a)[1] < 1000,
    "4수03-18/litre-4": lambda t, a: size(a) == size(t) and " L" not in a,
    "4수03-19/capacity-sum-1": lambda t, a: size(a) == sum(sizes(t, "L", "mL")) and ints(a)[1] < 1000,
    "4수03-19/capacity-sum-2": lambda t, a: size(a) == sizes(t, "L", "mL")[0] - sizes(t, "L", "mL")[1],
    "4수03-19/capacity-sum-3": lambda t, a: size(a) == sum(sizes(t, "L", "mL")) and ints(a)[1] < 1000,
    "4수03-19/capacity-sum-4": lambda t, a: size(a) == abs(sizes(t, "L", "mL")[0] - sizes(t, "L", "mL")[1]),
    "4수03-20/grams-1": lambda t, a: 1000 * ints(a)[0] + ints(a)[1] == 1000 * nums(t)[1] + nums(t)[0] * nums(t)[2],
    "4수03-20/grams-2": lambda t, a: first(a) == math.prod(nums(t)),
    "4수03-20/grams-3": unit_fits,
    "4수03-21/kilogram-1": lambda t, a: size(a) == size(t) and ints(a)[1] < 1000,
    "4수03-21/kilogram-2": lambda t, a: size(a) == size(t) and "kg" not in a,
    "4수03-21/kilogram-3": lambda t, a: size(a) == size(t) and ints(a)[1] < 1000,
    "4수03-21/kilogram-4": lambda t, a: size(a) == size(t) and "kg" not in a,
    "4수03-22/tonne-1": lambda t, a: size(a) == size(t) and "kg" in a,
    "4수03-22/tonne-2": lambda t, a: size(a) == size(t) and " t" in a,
    "4수03-22/tonne-3": lambda t, a: 1000 * first(a) == math.prod(nums(t)) and " t" in a,
    "4수03-22/tonne-4": lambda t, a: 1000 * first(a) == math.prod(nums(t)) and " t" in a,
    "4수03-22/tonne-5": lambda t, a: size(a) == size(t) and "kg" in a,
    "4수03-23/weight-sum-1": lambda t, a: size(a) == sum(sizes(t, "kg", "g")) and ints(a)[1] < 1000,
    "4수03-23/weight-sum-2": lambda t, a: size(a) == sizes(t, "kg", "g")[0] - sizes(t, "kg", "g")[1],
    "4수03-23/weight-sum-3": lambda t, a: size(a) == sum(sizes(t, "kg", "g")) and ints(a)[1] < 1000,
    "4수03-23/weight-sum-4": lambda t, a: size(a) == sizes(t, "kg", "g")[0] - sizes(t, "kg", "g")[1],
    "4수03-24/measuring-angles-1": lambda t, a: first(a) == sum(nums(t)),
    "4수03-24/measuring-angles-2": lambda t, a: first(a) == sum(nums(t)) < 180,
    "4수03-24/measuring-angles-3": lambda t, a: first(a) * nums(t)[0] == 90,
    "4수03-24/measuring-angles-4": lambda t, a: first(a) == abs(nums(t)[0] - nums(t)[1]) > 0,
    "4수03-25/angle-sums-1": lambda t, a: first(a) + sum(nums(t)) == 180 and first(a) > 0,
    "4수03-25/angle-sums-2": lambda t, a: first(a) + sum(nums(t)) == 360 and first(a) > 0,
    "4수03-25/angle-sums-3": lambda t, a: first(a) + sum(nums(t)) == 180 and first(a) > 0,
    "4수03-25/angle-sums-4": lambda t, a: first(a) + sum(nums(t)) == 2 * 180 and first(a) > 0,
    "4수04-01/bar-graph-1": lambda t, a: first(a) * nums(t)[0] == nums(t)[1],
    "4수04-01/bar-graph-2": lambda t, a: a == max(re.findall(r"(\S+) (\d+)명", t), key=lambda p: int(p[1]))[0] and len(set(nums(t))) == 3,
    "4수04-01/bar-graph-3": lambda t, a: first(a) == nums(t)[0] * nums(t)[2] + nums(t)[1] * nums(t)[3],
    "4수04-01/bar-graph-4": lambda t, a: first(a) == nums(t)[0] * abs(nums(t)[1] - nums(t)[2]),
    "4수04-02/line-graph-1": steepest,
    "4수04-02/line-graph-2": read_off,
    "4수04-02/line-graph-3": steepest,
    "4수04-03/choose-graph-1": chosen_graph,
    "4수04-03/choose-graph-2": chosen_graph,
    "4수04-03/choose-graph-3": chosen_graph,
}  # fmt: skip
