# ruff: noqa: E501  a Hangul syllable counts as two columns
"""Grades 7 to 9: each wording's answer, calculated from the text alone."""

from __future__ import annotations

import math
import re
import statistics
from fractions import Fraction
from itertools import combinations, pairwise, permutations, product

from tests.unit.answers.reading import at, corners, decs, first, fracs, ints, nums, same

SOLIDS = {"정사면체": (4, 6, 4), "정육면체": (8, 12, 6), "정팔면체": (6, 12, 8), "정십이면체": (20, 30, 12), "정이십면체": (12, 30, 20)}
TURNED = {"직사각형": "원기둥", "직각삼각형": "원뿔", "반원": "구", "사다리꼴": "원뿔대"}
RELATIONS = {
    "양의 상관관계": "키와 몸무게, 여름철 기온과 아이스크림 판매량, 공부 시간과 시험 점수, 자동차의 이동 거리와 연료 사용량",
    "음의 상관관계": "산의 높이와 기온, 물건의 가격과 판매량, 하루 중 낮의 길이와 밤의 길이",
    "상관관계가 없다": "키와 수학 점수, 시력과 발 크기",
}
OPPOSITE = {"영하", "손해", "해저", "지하", "감소"}


def close(one, other):
    return math.isclose(float(one), float(other), rel_tol=1e-9)


def exact(answer, value):
    """A number with a root, in lowest terms and with the smallest root: 3√2/2 stands, √8 and 2√6/6 do not."""
    form = re.fullmatch(r"-?(\d*)(?:√(\d+))?(?:/(\d+))?", answer)
    size, root, under = int(form[1] or 1), int(form[2] or 1), int(form[3] or 1)
    simple = math.gcd(size, under) == 1 and all(root % k**2 for k in range(2, root + 1))
    return simple and close(at(answer), value)


def prime(n):
    return n > 1 and all(n % k for k in range(2, math.isqrt(n) + 1))


def powers(text):
    """Prime powers 2^3×5 as {2: 3, 5: 1}."""
    found = {int(b): int(e or 1) for b, e in re.findall(r"(\d+)(?:\^(\d+))?", text)}
    assert all(map(prime, found))
    return found


def number(text):
    return math.prod(b**e for b, e in powers(text).items())


def two_numbers(text):
    return [number(x) for x in re.findall(r"\d+(?:\^\d+)?(?:×\d+(?:\^\d+)?)+", text)]


def divisors(n):
    return [k for k in range(1, n + 1) if n % k == 0]


def rationals(text):
    return re.findall(r"[+-]?\d+(?:\.\d+|/\d+)?", text.split("중에서")[0].split("가운데")[0])


def repeating(text):
    """Value of 0.212121…: the block of two digits over 99."""
    digits = re.search(r"0\.(\d\d)\1", text)[1]
    return digits, Fraction(int(digits), 99)


def terminates(n):
    while n % 2 == 0:
        n //= 2
    while n % 5 == 0:
        n //= 5
    return n == 1


def irrational(text, answer):
    shown = re.findall(r"√\d+|\d+/\d+|\d\.\d+…", text)
    return [x for x in shown if x.startswith("√") and math.isqrt(int(x[1:])) ** 2 != int(x[1:])] == [answer]


def root(text):
    """A number written with or without a root sign: 7, √12, -√3, √13+2."""
    found = re.fullmatch(r"(-?)√(\d+)(?:\+(\d+))?|(-?\d+)", text)
    return int(found[4]) if found[4] else (-1 if found[1] else 1) * math.sqrt(int(found[2])) + int(found[3] or 0)


def formula(text):
    """The formula that a problem begins with or names: everything up to the particle before the verb."""
    return re.search(r"[-\da-z(√][^가-힣]*", text)[0].strip()


def ordered(answer, wanted):
    """-7/8>-9/10 and its like hold and are about the two numbers of the text."""
    left, sign, right = re.fullmatch(r"(.+)([<>])(.+)", answer).groups()
    return {left, right} == set(wanted) and (at(left) < at(right)) == (sign == "<") and at(left) != at(right)


def degree_choice(text, answer, wanted):
    """The one of ㉠㉡㉢ that is a polynomial in x of the wanted degree, found by its differences."""
    shown = dict(re.findall(r"([㉠㉡㉢]) (\S+)", text))

    def degree(given):
        if not given.startswith("y=") or "/" in given:
            return None
        row, steps = [at(given[2:], x=x) for x in range(6)], 0
        while any(row) and len(row) > 1:
            row, steps = [b - a for a, b in pairwise(row)], steps + 1
        return steps - 1

    return [mark for mark, given in shown.items() if degree(given) == wanted] == [answer]


def solves(text, answer):
    """Every x=… of an answer solves the equation, and a quadratic has two of them."""
    left, right = re.search(r"방정식 (\S+?)=(\S+?)[을를의] ", text).groups()
    found = ints(re.sub(r"x=", " ", answer))
    return bool(found) and all(at(left, x=x) == at(right, x=x) for x in found) and len(set(found)) == (2 if "이차" in text else 1)


def solves_both(text, answer):
    found = re.findall(r"([^\s,]*[xy][^\s,]*)=(-?\d+)", text.split("을 ")[0])
    x, y = ints(re.sub(r"[xy]=", " ", answer))
    return len(found) == 2 and all(at(left, x=x, y=y) == int(right) for left, right in found)


def inequality(text, answer):
    left, sign, right = re.search(r"부등식 (\S+?)([<≥])(\S+?)[을를의] ", text).groups()
    limit = first(re.sub("x[<≥]", "", answer))

    def holds(x):
        return at(left, x=x) < at(right, x=x) if sign == "<" else at(left, x=x) >= at(right, x=x)

    return answer[1] == sign and all(holds(x) == (x < limit if sign == "<" else x >= limit) for x in range(-40, 41))


def inside(text, answer):
    low, mid, high = answer.split("<")
    n = re.match(r"(-?\d+)<x<(-?\d+)일 때 (\S+)의", text)
    return mid == n[3] and int(low) == at(mid, x=int(n[1])) and int(high) == at(mid, x=int(n[2]))


def reversed_sign(text, answer):
    one, two = re.search(r"때 (\S+?)[과와] (\S+) 사이", text).groups()
    pairs = [(at(one, a=a), at(two, b=b)) for a, b in [(-3, 1), (0, 2), (2, 7)]]
    return all((x > y) == (answer == ">") for x, y in pairs) and "a<b" in text


def sum_of(text, answer, letters="x"):
    """The formula of the text is the same function as that of the answer, which has no brackets left."""
    return "(" not in answer and same(formula(text), answer, letters)


def subtracted(text, answer):
    left, right, number, rest_left, rest_right = re.search(r"등식 (\S+)=(-?\d+)의 양변에서 (\d+)[을를] 빼면 (\S+)=(-?\d+)", text).groups()
    holds = int(right) - int(number) == int(rest_right) and all(at(left, x=x) - int(number) == at(rest_left, x=x) for x in range(4))
    return holds and answer == "양변에서 같은 수를 빼어도 등식은 성립한다"


def division(text, answer):
    over, under = re.match(r"\((\S+)\)÷(\S+?)[을를] ", text).groups()
    return all(at(over, x=x) == at(under, x=x) * at(answer, x=x) for x in range(1, 8))


def power_law(text, answer, sign):
    base, m, _, n = re.match(r"(\w)\^(\d+)[×÷](\w)\^(\d+)", text).groups()
    return answer == f"{base}^{int(m) + sign * int(n)}"


def through(text, answer):
    """The line of an answer y=… has the named slope and meets the y axis where it should."""
    lines = re.findall(r"y=(\S+?)의", text)
    shift = nums(text)[-1]
    given, made = lines[0], answer.removeprefix("y=")
    slope = at(given, x=1) - at(given, x=0)
    return at(made, x=1) - at(made, x=0) == slope and at(made, x=0) == shift


def moved(text, answer):
    given, p, q = re.search(r"y=(\S+)의 .*?으로 (-?\d+)만큼.*?으로 (-?\d+)만큼", text).groups()
    return all(at(answer.removeprefix("y="), x=x) == at(given, x=x - int(p)) + int(q) for x in range(-5, 6))


def vertex(text):
    """Where the parabola of a text has its extreme value, by looking along the x axis."""
    given = re.search(r"y=(\S+?)의", text)[1]
    opens_up = at(given, x=100) > at(given, x=0)
    x = (min if opens_up else max)(range(-20, 21), key=lambda v: at(given, x=v))
    return x, at(given, x=x), opens_up


def congruence(text, answer):
    sides, angles = len(re.findall(r"[A-Z]{2}=[A-Z]{2}=", text)), text.count("=∠")
    return answer == {(3, 0): "SSS", (2, 1): "SAS", (1, 2): "ASA"}[sides, angles] + " 합동"


def similarity(text, answer):
    sides, angles = nums(re.sub(r"∠\S+", "", text)), text.count("=∠")
    if angles == 2:
        return answer == "AA 닮음"
    pairs = list(zip(sides[::2], sides[1::2], strict=True)) if angles else list(zip(sides[:3], sides[3:], strict=True))
    return len({Fraction(x, y) for x, y in pairs}) == 1 and answer == ("SAS 닮음" if angles else "SSS 닮음")


def constructed(text, answer):
    return (answer == "하나로 작도된다") == ("cm" in text)  # by sides and angles: one; by three angles: none


def pi_part(answer):
    """The rational factor of π: 12π/5 -> 12/5."""
    return Fraction(at(re.match(r"\S+", answer)[0], p=1))


def diagonals(n):
    return sum(j - i not in (1, n - 1) for i, j in combinations(range(n), 2))


def euler(name):
    points, edges, faces = SOLIDS[name]
    assert points - edges + faces == 2
    return {"꼭짓점": points, "모서리": edges, "면": faces}


def ratio(text, answer):
    bc, ac, ab = nums(text)[1:4]
    expected = {"sin": Fraction(bc, ab), "cos": Fraction(ac, ab), "tan": Fraction(bc, ac)}[re.search("sin|cos|tan", text)[0]]
    return Fraction(answer) == expected and bc**2 + ac**2 == ab**2


def special(text, answer):
    k, name, angle = re.match(r"(\d+)×(sin|cos|tan) (\d+)°", text).groups()
    return exact(answer, int(k) * getattr(math, name)(math.radians(int(angle))))


def leg(text):
    longest, other = max(nums(text)), min(nums(text))
    return math.isqrt(longest**2 - other**2)


def relation(text, answer):
    return any(pair in text for pair in RELATIONS[answer].split(", "))


def dice(total):
    return sum(a + b == total for a, b in product(range(1, 7), repeat=2))


def quartiles(text, answer):
    values = sorted(nums(text)[:7])
    return ints(answer) == [statistics.median(values[:3]), statistics.median(values[4:])]


def signs(text):
    return [x for x in rationals(text) if x.startswith("-")]


CHECKS = {
    "9수01-01/prime-factors-1": lambda t, a: number(a) == nums(t)[0],
    "9수01-01/prime-factors-2": lambda t, a: nums(a) == [p for p in divisors(nums(t)[0]) if prime(p)],
    "9수01-01/prime-factors-3": lambda t, a: [(i, j) for i, j in product(range(12), repeat=2) if nums(t)[1] ** i * nums(t)[2] ** j == nums(t)[0] and i + j == first(a)] != [],
    "9수01-01/prime-factors-4": lambda t, a: first(a) == len(divisors(nums(t)[0])),
    "9수01-02/gcd-by-factors-1": lambda t, a: number(a) == math.gcd(*two_numbers(t)),
    "9수01-02/gcd-by-factors-2": lambda t, a: number(a) == math.lcm(*two_numbers(t)),
    "9수01-02/gcd-by-factors-3": lambda t, a: first(a) == len(divisors(math.gcd(*two_numbers(t)))),
    "9수01-02/gcd-by-factors-4": lambda t, a: [number(x) for x in a.split(", ")] == [math.gcd(*two_numbers(t)), math.lcm(*two_numbers(t))],
    "9수01-03/signed-quantities-1": lambda t, a: first(a) == -nums(t)[2] and t.split("때 ")[1][:2] in OPPOSITE and a.endswith(re.search(r"\d+(\D+?)[을를] 부호", t)[1]),
    "9수01-03/signed-quantities-2": lambda t, a: a.split(", ") == [x for x in rationals(t) if re.fullmatch(r"[+-]?\d+", x)],
    "9수01-03/signed-quantities-3": lambda t, a: first(a) == len(signs(t)),
    "9수01-03/signed-quantities-4": lambda t, a: a.split(", ") == [x for x in rationals(t) if Fraction(x).denominator > 1],
    "9수01-04/order-rationals-1": lambda t, a: [int(x) for x in a.split(", ")] == sorted(int(x) for x in re.findall(r"[+-]?\d+", t)),
    "9수01-04/order-rationals-2": lambda t, a: first(a) == sum(abs(n) <= nums(t)[0] for n in range(-50, 51)),
    "9수01-04/order-rationals-3": lambda t, a: ordered(a, re.findall(r"-\d+/\d+", t)),
    "9수01-04/order-rationals-4": lambda t, a: int(a) == max(int(x) for x in re.findall(r"[+-]?\d+", t)),
    "9수01-05/signed-arithmetic-1": lambda t, a: int(a) == at(formula(t)),
    "9수01-05/signed-arithmetic-2": lambda t, a: int(a) == at(formula(t)),
    "9수01-05/signed-arithmetic-3": lambda t, a: int(a) == at(formula(t)),
    "9수01-05/signed-arithmetic-4": lambda t, a: int(a) == at(formula(t)),
    "9수01-05/signed-arithmetic-5": lambda t, a: int(a) == at(formula(t)),
    "9수01-06/repeating-1": lambda t, a: Fraction(a) == repeating(t)[1] and math.gcd(*nums(a)) == 1,
    "9수01-06/repeating-2": lambda t, a: a == repeating(t)[0] and a[0] != a[1],
    "9수01-06/repeating-3": lambda t, a: [f"1/{n}" for n in nums(t)[1::2] if terminates(n)] == [a],
    "9수01-06/repeating-4": lambda t, a: a == (repeating(t)[0] * 40)[nums(t)[-1] - 1],
    "9수01-07/square-roots-1": lambda t, a: a[0] == "±" and int(a[1:]) ** 2 == nums(t)[0],
    "9수01-07/square-roots-2": lambda t, a: close(first(a), math.sqrt(nums(t)[0]) + nums(t)[1]),
    "9수01-07/square-roots-3": lambda t, a: ordered(a, [str(nums(t)[0]), f"√{nums(t)[1]}"]),
    "9수01-07/square-roots-4": lambda t, a: first(a) == abs(nums(t)[0] - nums(t)[1]),
    "9수01-07/square-roots-5": lambda t, a: first(a) ** 2 == nums(t)[0],
    "9수01-08/irrational-1": irrational,
    "9수01-08/irrational-2": irrational,
    "9수01-08/irrational-3": lambda t, a: (a == "무리수") == (math.isqrt(nums(t)[0]) ** 2 != nums(t)[0]),
    "9수01-08/irrational-4": irrational,
    "9수01-09/real-order-1": lambda t, a: a == max(re.search(r"두 수 (\S+), (√\d+) ", t).groups(), key=root),
    "9수01-09/real-order-2": lambda t, a: re.split("[<>]", a) == re.search(r"두 실수 (\S+), (\S+)의", t)[0][5:-1].split(", ") and (root(re.split("[<>]", a)[0]) < root(re.split("[<>]", a)[1])) == ("<" in a),
    "9수01-09/real-order-3": lambda t, a: sorted(map(root, a.split(", "))) == list(map(root, a.split(", "))) and sorted(nums(a)) == sorted(nums(t)),
    "9수01-10/radicals-1": lambda t, a: exact(a, at(formula(t))),
    "9수01-10/radicals-2": lambda t, a: exact(a, at(formula(t))),
    "9수01-10/radicals-3": lambda t, a: exact(a, at(formula(t))),
    "9수01-10/radicals-4": lambda t, a: exact(a, at(formula(t))) and "√" not in a.partition("/")[2],
    "9수01-10/radicals-5": lambda t, a: exact(a, at(formula(t).split("a")[0])),
    "9수02-01/letters-1": lambda t, a: first(a) == at(re.search(r"때 (\S+)의", t)[1], x=ints(t)[0]),
    "9수02-01/letters-2": lambda t, a: all(at(a.removesuffix("원"), x=x) == nums(t)[1] - nums(t)[0] * x for x in range(9)),
    "9수02-01/letters-3": lambda t, a: all(at(a.removesuffix(" cm"), x=x) == 2 * nums(t)[0] + 2 * x for x in range(9)),
    "9수02-01/letters-4": lambda t, a: all(at(a.removesuffix(" km"), x=x) == nums(t)[0] * x for x in range(9)),
    "9수02-02/linear-sums-1": sum_of,
    "9수02-02/linear-sums-2": sum_of,
    "9수02-02/linear-sums-3": sum_of,
    "9수02-02/linear-sums-4": sum_of,
    "9수02-03/equality-1": lambda t, a: [x for x in ints(t.split("중에서")[0]) if at(re.search(r"방정식 (\S+)=", t)[1], x=x) == ints(t.split("=")[1])[0]] == [first(a[2:])],
    "9수02-03/equality-2": subtracted,
    "9수02-03/equality-3": lambda t, a: first(a) == nums(t)[0],
    "9수02-03/equality-4": lambda t, a: same(re.search(r"등식 (\S+)=", t)[1], re.search(r"=(\S+?)□", t)[1] + a),
    "9수02-04/linear-equation-1": solves,
    "9수02-04/linear-equation-2": lambda t, a: sum(nums(a)) == nums(t)[0] and [y - x for x, y in pairwise(nums(a))] == [1, 1],
    "9수02-04/linear-equation-3": lambda t, a: nums(t)[0] + nums(t)[1] + 2 * first(a) == nums(t)[2],
    "9수02-04/linear-equation-4": lambda t, a: nums(t)[0] * first(a) + nums(t)[1] == nums(t)[2],
    "9수02-05/coordinates-1": lambda t, a: first(a) == {(1, 1): 1, (-1, 1): 2, (-1, -1): 3, (1, -1): 4}[tuple(n // abs(n) for n in ints(t)[:2])],
    "9수02-05/coordinates-2": lambda t, a: ints(a) == ints(t) and a[0] == re.search(r"점 (\S)", t)[1],
    "9수02-05/coordinates-3": lambda t, a: ints(a) == [-ints(t)[0], ints(t)[1]],
    "9수02-05/coordinates-4": lambda t, a: ints(a) == [ints(t)[0], 0],
    "9수02-06/graph-of-situation-1": lambda t, a: ints(a) == [nums(t)[0], sum(nums(t)[:2])],
    "9수02-06/graph-of-situation-2": lambda t, a: first(a) == nums(t)[0] * nums(t)[1] + nums(t)[3] * nums(t)[4],
    "9수02-06/graph-of-situation-3": lambda t, a: first(a) == nums(t)[4] - nums(t)[2],
    "9수02-07/variation-1": lambda t, a: at(a[2:], x=nums(t)[0]) == nums(t)[1] and at(a[2:], x=0) == 0 and a.startswith("y="),
    "9수02-07/variation-2": lambda t, a: all(at(a[2:], x=x) * x == math.prod(nums(t)) for x in range(1, 9)),
    "9수02-07/variation-3": lambda t, a: at(a[2:].split(",")[0], x=1) == nums(t)[0] and nums(a)[-1] == math.prod(nums(t)),
    "9수02-07/variation-4": lambda t, a: first(a) == Fraction(*nums(t)),
    "9수02-07/variation-5": lambda t, a: first(a) == math.prod(nums(t)),
    "9수02-08/exponents-1": lambda t, a: power_law(t, a, 1),
    "9수02-08/exponents-2": lambda t, a: a == f"{t[1]}^{math.prod(nums(t[2:]))}",
    "9수02-08/exponents-3": lambda t, a: power_law(t, a, -1),
    "9수02-08/exponents-4": lambda t, a: first(a) == int(re.search(r"=\w\^(\d+)", t)[1]) - int(re.match(r"\w\^(\d+)", t)[1]),
    "9수02-09/polynomial-sums-1": sum_of,
    "9수02-09/polynomial-sums-2": sum_of,
    "9수02-09/polynomial-sums-3": lambda t, a: all(at(a, x=x) - at(re.search(r"에서 (\S+?)[을를] ", t)[1], x=x) == at(re.search(r"더니 (\S+?)[이가] ", t)[1], x=x) for x in range(7)),
    "9수02-09/polynomial-sums-4": lambda t, a: sum_of(t, a, "xy") and not re.search(r"(?<!\d)1x", t),
    "9수02-10/monomial-times-1": sum_of,
    "9수02-10/monomial-times-2": division,
    "9수02-10/monomial-times-3": lambda t, a: sum_of(t, a, "ab"),
    "9수02-10/monomial-times-4": lambda t, a: sum_of(t.split(") ")[1], a, "xy"),
    "9수02-11/inequality-properties-1": reversed_sign,
    "9수02-11/inequality-properties-2": inside,
    "9수02-11/inequality-properties-3": lambda t, a: [x for x in ints(t)[:3] if at(re.search(r"부등식 (\S+)>", t)[1], x=x) > int(re.search(r">(-?\d+)", t)[1])] == [first(a[2:])],
    "9수02-11/inequality-properties-4": lambda t, a: a.split("≥")[1] == str(nums(t)[2]) and same(a.split("≥")[0], f"x*{nums(t)[0]}-{nums(t)[1]}"),
    "9수02-12/linear-inequality-1": inequality,
    "9수02-12/linear-inequality-2": inequality,
    "9수02-12/linear-inequality-3": lambda t, a: first(a) == max(n for n in range(500) if n * nums(t)[0] + nums(t)[1] <= nums(t)[2]),
    "9수02-12/linear-inequality-4": lambda t, a: first(a) == min(n for n in range(-99, 999) if n * nums(t)[0] + nums(t)[1] > nums(t)[2]),
    "9수02-13/simultaneous-1": solves_both,
    "9수02-13/simultaneous-2": solves_both,
    "9수02-13/simultaneous-3": lambda t, a: nums(t)[0] * first(a) + nums(t)[1] * (nums(t)[2] - first(a)) == nums(t)[3],
    "9수02-13/simultaneous-4": lambda t, a: 4 * first(a) + 2 * (nums(t)[0] - first(a)) == nums(t)[1],
    "9수02-14/function-value-1": lambda t, a: first(a) == at(re.search(r"=(\S+?)에", t)[1], x=int(re.search(r"f\((-?\d+)\)", t)[1])),
    "9수02-14/function-value-2": lambda t, a: first(a) == Fraction(*nums(t)),
    "9수02-14/function-value-3": lambda t, a: at(re.search(r"=(\S+?)에", t)[1], x=first(a)) == int(re.search(r"f\(m\)=(-?\d+)", t)[1]),
    "9수02-14/function-value-4": lambda t, a: a == f"함수이다, {3 * nums(t)[0]}",
    "9수02-15/linear-function-1": lambda t, a: first(a) == at(re.search(r"=(\S+?)에", t)[1], x=int(re.search(r"f\((-?\d+)\)", t)[1])),
    "9수02-15/linear-function-2": lambda t, a: degree_choice(t, a, 1),
    "9수02-15/linear-function-3": lambda t, a: first(a) == at(re.search(r"y=(\S+?)의", t)[1], x=0),
    "9수02-16/line-properties-1": lambda t, a: at(re.search(r"y=(\S+?)의", t)[1], x=first(a)) == 0,
    "9수02-16/line-properties-2": lambda t, a: first(a) * (ints(t)[2] - ints(t)[0]) == ints(t)[3] - ints(t)[1],
    "9수02-16/line-properties-3": through,
    "9수02-16/line-properties-4": lambda t, a: through(t, a) and at(re.search(r"y=(\S+?)의", t)[1], x=0) != nums(t)[-1],
    "9수02-17/linear-equation-as-function-1": lambda t, a: all(ints(t)[0] * x + at(a[2:], x=x) == ints(t)[1] for x in range(-3, 4)),
    "9수02-17/linear-equation-as-function-2": lambda t, a: [sum(ints(a)), ints(a)[0] - ints(a)[1]] == [int(n) for n in re.findall(r"=(-?\d+)", t)],
    "9수02-17/linear-equation-as-function-3": lambda t, a: ints(a) == [nums(t)[0], nums(t)[1]],
    "9수02-18/lines-meet-1": lambda t, a: all(at(line, x=ints(a)[0]) == ints(a)[1] for line in re.findall(r"y=([^\s,]+?)(?=,|의)", t)) and t.count("y=") == 2,
    "9수02-18/lines-meet-2": lambda t, a: first(a) == 0 and len({at(line, x=1) - at(line, x=0) for line in re.findall(r"y=(\S+?)[과와의] ", t)}) == 1 and len(set(re.findall(r"y=(\S+?)[과와의] ", t))) == 2,
    "9수02-18/lines-meet-3": lambda t, a: [int(n) for n in re.findall(r"=(-?\d+)", a)] == ints(t),
    "9수02-19/factoring-1": lambda t, a: same(formula(t), a) and a.count("x") < 3 and "x^2" not in a,
    "9수02-19/factoring-2": sum_of,
    "9수02-19/factoring-3": lambda t, a: same(formula(t), a) and a.count("(") == 2,
    "9수02-19/factoring-4": sum_of,
    "9수02-20/quadratic-equation-1": solves,
    "9수02-20/quadratic-equation-2": solves,
    "9수02-20/quadratic-equation-3": lambda t, a: math.prod(nums(a)) == nums(t)[0] and nums(a)[1] - nums(a)[0] == 1,
    "9수02-20/quadratic-equation-4": lambda t, a: first(a) * (first(a) + nums(t)[0]) == nums(t)[1],
    "9수02-21/quadratic-function-1": lambda t, a: first(a) == at(re.search(r"=(\S+?)에", t)[1], x=int(re.search(r"f\((-?\d+)\)", t)[1])),
    "9수02-21/quadratic-function-2": lambda t, a: degree_choice(t, a, 2),
    "9수02-21/quadratic-function-3": lambda t, a: all(at(a[2:], x=x) == x * (x + nums(t)[0]) for x in range(1, 6)),
    "9수02-22/parabola-1": lambda t, a: tuple(ints(a)) == vertex(t)[:2],
    "9수02-22/parabola-2": lambda t, a: first(a[2:]) == vertex(t)[0],
    "9수02-22/parabola-3": moved,
    "9수02-22/parabola-4": lambda t, a: a == ("아래로 볼록" if vertex(t)[2] else "위로 볼록"),
    "9수03-01/positions-1": lambda t, a: first(a) == 12 - 1 - 3 - 4,  # edges: itself, the parallel ones, those that meet it
    "9수03-01/positions-2": lambda t, a: 2 * first(a) == nums(t)[0],
    "9수03-01/positions-3": lambda t, a: first(a) == sum(nums(t)),
    "9수03-01/positions-4": lambda t, a: first(a) == nums(t)[0] < 180,
    "9수03-01/positions-5": lambda t, a: (a == "꼬인 위치") == ("평행하지도 않을" in t),
    "9수03-02/parallel-angles-1": lambda t, a: first(a) == nums(t)[0],
    "9수03-02/parallel-angles-2": lambda t, a: first(a) == nums(t)[0],
    "9수03-02/parallel-angles-3": lambda t, a: first(a) + nums(t)[0] == 180,
    "9수03-02/parallel-angles-4": lambda t, a: first(a) == sum(nums(t)) < 180,
    "9수03-03/constructing-triangles-1": lambda t, a: first(a) == sum(2 * max(*nums(t), c) < sum(nums(t)) + c for c in range(1, 50)),
    "9수03-03/constructing-triangles-2": lambda t, a: (a == "있다") == (2 * max(nums(t)) < sum(nums(t))),
    "9수03-03/constructing-triangles-3": constructed,
    "9수03-04/congruence-conditions-1": congruence,
    "9수03-04/congruence-conditions-2": congruence,
    "9수03-04/congruence-conditions-3": congruence,
    "9수03-05/polygon-angles-1": lambda t, a: first(a) == 180 * (corners(t) - 2),
    "9수03-05/polygon-angles-2": lambda t, a: first(a) == diagonals(corners(t)),
    "9수03-05/polygon-angles-3": lambda t, a: first(a) * corners(t) == 360,
    "9수03-05/polygon-angles-4": lambda t, a: 180 * (corners(a) - 2) == nums(t)[0],
    "9수03-05/polygon-angles-5": lambda t, a: corners(a) - 3 == nums(t)[0],
    "9수03-06/sector-1": lambda t, a: pi_part(a) == Fraction(2 * nums(t)[0] * nums(t)[1], 360),
    "9수03-06/sector-2": lambda t, a: pi_part(a) == Fraction(nums(t)[0] ** 2 * nums(t)[1], 360) and a.endswith("cm²"),
    "9수03-06/sector-3": lambda t, a: Fraction(first(a), nums(t)[1]) == Fraction(nums(t)[2], nums(t)[0]) if "인 부채꼴의 호의 길이가" in t else pi_part(a) == Fraction(2 * nums(t)[0] * nums(t)[1], 360),
    "9수03-06/sector-4": lambda t, a: pi_part(a) == Fraction(nums(t)[0] * nums(t)[1], 2) and nums(t)[0] < 2 * nums(t)[1],
    "9수03-07/polyhedra-1": lambda t, a: first(a) == euler(t.split("의")[0])[re.search(r"의 (꼭짓점|모서리|면)", t)[1]],
    "9수03-07/polyhedra-2": lambda t, a: a == TURNED[re.match(r"(\S+?)[을를]", t)[1]],
    "9수03-07/polyhedra-3": lambda t, a: first(a) == corners(t) + 2,
    "9수03-07/polyhedra-4": lambda t, a: (a == "원") == ("수직인 평면" in t),
    "9수03-07/polyhedra-5": lambda t, a: euler(a)["면"] == nums(t)[0],
    "9수03-08/solid-measures-1": lambda t, a: pi_part(a) == nums(t)[0] ** 2 * nums(t)[1],
    "9수03-08/solid-measures-2": lambda t, a: pi_part(a) == Fraction(nums(t)[0] ** 2 * nums(t)[1], 3),
    "9수03-08/solid-measures-3": lambda t, a: pi_part(a) == 4 * nums(t)[0] ** 2 and a.endswith("cm²"),
    "9수03-08/solid-measures-4": lambda t, a: first(a) == Fraction(nums(t)[0] ** 2 * nums(t)[1], 3),
    "9수03-08/solid-measures-5": lambda t, a: pi_part(a) == 2 * nums(t)[0] ** 2 + 2 * nums(t)[0] * nums(t)[1] and a.endswith("cm²"),
    "9수03-09/isosceles-proof-1": lambda t, a: 2 * first(a) + nums(t)[0] == 180,
    "9수03-09/isosceles-proof-2": lambda t, a: first(a) + 2 * nums(t)[0] == 180,
    "9수03-09/isosceles-proof-3": lambda t, a: 2 * first(a) == nums(t)[0],
    "9수03-09/isosceles-proof-4": lambda t, a: first(a) == nums(t)[1],
    "9수03-10/centres-1": lambda t, a: first(a) == 2 * nums(t)[0],
    "9수03-10/centres-2": lambda t, a: decs(a)[0] == 180 - Fraction(180 - nums(t)[0], 2),
    "9수03-10/centres-3": lambda t, a: first(a) == nums(t)[0],
    "9수03-10/centres-4": lambda t, a: 2 * first(a) == nums(t)[0],
    "9수03-10/centres-5": lambda t, a: first(a) == nums(t)[0],
    "9수03-11/parallelogram-1": lambda t, a: first(a) == nums(t)[0],
    "9수03-11/parallelogram-2": lambda t, a: first(a) == nums(t)[0],
    "9수03-11/parallelogram-3": lambda t, a: 2 * first(a) == nums(t)[0],
    "9수03-11/parallelogram-4": lambda t, a: 2 * first(a) == nums(t)[0],
    "9수03-11/parallelogram-5": lambda t, a: first(a) == nums(t)[0],
    "9수03-12/similar-1": lambda t, a: Fraction(*nums(a)) == Fraction(*nums(t)) and math.gcd(*nums(a)) == 1,
    "9수03-12/similar-2": lambda t, a: Fraction(nums(t)[2], first(a)) == Fraction(*nums(t)[:2]),
    "9수03-12/similar-3": lambda t, a: Fraction(nums(t)[2], first(a)) == Fraction(*nums(t)[:2]),
    "9수03-12/similar-4": lambda t, a: Fraction(*nums(a)) == Fraction(*nums(t)[:2]) ** 2 and math.gcd(*nums(a)) == 1,
    "9수03-13/similarity-conditions-1": similarity,
    "9수03-13/similarity-conditions-2": similarity,
    "9수03-13/similarity-conditions-3": similarity,
    "9수03-14/parallel-ratios-1": lambda t, a: Fraction(nums(t)[0], nums(t)[1]) == Fraction(nums(t)[2], first(a)),
    "9수03-14/parallel-ratios-2": lambda t, a: Fraction(nums(t)[0], nums(t)[1]) == Fraction(nums(t)[2], first(a)),
    "9수03-14/parallel-ratios-3": lambda t, a: 2 * first(a) == nums(t)[0],
    "9수03-14/parallel-ratios-4": lambda t, a: 3 * first(a) == 2 * nums(t)[0],
    "9수03-15/pythagoras-1": lambda t, a: first(a) ** 2 == sum(n * n for n in nums(t)),
    "9수03-15/pythagoras-2": lambda t, a: first(a) ** 2 == nums(t)[0] ** 2 - nums(t)[1] ** 2,
    "9수03-15/pythagoras-3": lambda t, a: first(a) ** 2 == sum(n * n for n in nums(t)),
    "9수03-15/pythagoras-4": lambda t, a: first(a) ** 2 == nums(t)[0] ** 2 - nums(t)[1] ** 2,
    "9수03-15/pythagoras-5": lambda t, a: (a == "직각삼각형이다") == (2 * max(nums(t)) ** 2 == sum(n * n for n in nums(t))),
    "9수03-16/trigonometric-ratios-1": ratio,
    "9수03-16/trigonometric-ratios-2": special,
    "9수03-16/trigonometric-ratios-3": lambda t, a: Fraction(a) == Fraction(nums(t)[1], nums(t)[0]),
    "9수03-16/trigonometric-ratios-4": lambda t, a: Fraction(a) ** 2 + fracs(t)[0] ** 2 == 1,
    "9수03-17/trigonometry-use-1": lambda t, a: close(first(a), nums(t)[0] * math.tan(math.radians(nums(t)[1]))),
    "9수03-17/trigonometry-use-2": lambda t, a: close(decs(a)[0], nums(t)[0] * nums(t)[1] * math.sin(math.radians(nums(t)[2])) / 2),
    "9수03-17/trigonometry-use-3": lambda t, a: close(first(a), nums(t)[0] * math.sin(math.radians(nums(t)[1]))),
    "9수03-17/trigonometry-use-4": lambda t, a: close(first(a), nums(t)[0] * nums(t)[1] * math.sin(math.radians(nums(t)[2]))),
    "9수03-18/chords-1": lambda t, a: first(a) == 2 * leg(t),
    "9수03-18/chords-2": lambda t, a: first(a) == nums(t)[0],
    "9수03-18/chords-3": lambda t, a: first(a) == leg(t),
    "9수03-18/chords-4": lambda t, a: first(a) == nums(t)[0],
    "9수03-19/inscribed-1": lambda t, a: first(a) == 2 * nums(t)[0],
    "9수03-19/inscribed-2": lambda t, a: 2 * first(a) == nums(t)[0],
    "9수03-19/inscribed-3": lambda t, a: first(a) == nums(t)[0],
    "9수03-19/inscribed-4": lambda t, a: first(a) + nums(t)[0] == 180,
    "9수03-19/inscribed-5": lambda t, a: first(a) + nums(t)[0] == 90,
    "9수04-01/median-mode-1": lambda t, a: first(a) == statistics.median(nums(t)),
    "9수04-01/median-mode-2": lambda t, a: statistics.multimode(nums(t)) == [first(a)],
    "9수04-01/median-mode-3": lambda t, a: first(a) == statistics.median(nums(t)[1:]),
    "9수04-01/median-mode-4": lambda t, a: (a == "중앙값") == (statistics.mean(nums(t)) > 2 * statistics.median(nums(t))),
    "9수04-02/frequency-table-1": lambda t, a: first(a) == sum(int(n) for n in re.findall(r"도수가 (\d+)", t)),
    "9수04-02/frequency-table-2": lambda t, a: first(a) + sum(int(n) for n in re.findall(r"미만 (\d+)명", t)) == nums(t)[0],
    "9수04-02/frequency-table-3": lambda t, a: {b - x for x, b in zip(nums(t)[::2], nums(t)[1::2], strict=True)} == {first(a)},
    "9수04-02/frequency-table-4": lambda t, a: first(a) == max(10 * nums(t)[0] + leaf for leaf in nums(t)[1:]),
    "9수04-03/relative-frequency-1": lambda t, a: Fraction(a) == Fraction(nums(t)[3], nums(t)[0]),
    "9수04-03/relative-frequency-2": lambda t, a: first(a) == decs(t)[0] * decs(t)[1],
    "9수04-03/relative-frequency-3": lambda t, a: first(a) * decs(t)[1] == decs(t)[0],
    "9수04-03/relative-frequency-4": lambda t, a: (a == "상대도수") == (nums(t)[0] != nums(t)[1]),
    "9수04-04/statistics-with-software-1": lambda t, a: first(a) == statistics.mean(nums(t)[2:7]),
    "9수04-04/statistics-with-software-2": lambda t, a: first(a) == sum(v >= nums(t)[-1] for v in nums(t)[:5]),
    "9수04-04/statistics-with-software-3": lambda t, a: nums(t)[0] + (first(a) - 1) * nums(t)[1] <= nums(t)[2] < nums(t)[0] + first(a) * nums(t)[1],
    "9수04-05/counting-1": lambda t, a: first(a) == len(list(product(range(nums(t)[0]), range(nums(t)[1])))),
    "9수04-05/counting-2": lambda t, a: first(a) == len(list(permutations(range(nums(t)[0])))),
    "9수04-05/counting-3": lambda t, a: first(a) == dice(nums(t)[0]),
    "9수04-05/counting-4": lambda t, a: first(a) == len(list(combinations(range(nums(t)[0]), nums(t)[1]))),
    "9수04-05/counting-5": lambda t, a: first(a) == sum(nums(t)),
    "9수04-06/probability-1": lambda t, a: Fraction(a) == Fraction(nums(t)[0], sum(nums(t))),
    "9수04-06/probability-2": lambda t, a: Fraction(a) == Fraction(dice(nums(t)[0]), 36),
    "9수04-06/probability-3": lambda t, a: Fraction(a) == Fraction(sum(any(c) for c in product((0, 1), repeat=nums(t)[0])), 2 ** nums(t)[0]),
    "9수04-06/probability-4": lambda t, a: Fraction(a) == Fraction(sum(n % nums(t)[2] == 0 for n in range(1, nums(t)[1] + 1)), nums(t)[1]),
    "9수04-06/probability-5": lambda t, a: Fraction(a) + fracs(t)[0] == 1,
    "9수04-07/variance-1": lambda t, a: first(a) == statistics.pvariance(nums(t)),
    "9수04-07/variance-2": lambda t, a: exact(a, statistics.pstdev(nums(t))),
    "9수04-07/variance-3": lambda t, a: first(a) + sum(ints(t)) == 0,
    "9수04-07/variance-4": lambda t, a: (a == "A 반") == (nums(t)[0] < nums(t)[1]),
    "9수04-08/box-plot-1": quartiles,
    "9수04-08/box-plot-2": lambda t, a: first(a) == nums(t.split("제3")[1])[0] - nums(t.split("제1사분위수 ")[1])[0],
    "9수04-08/box-plot-3": lambda t, a: a == min([("A 반", nums(t)[3] - nums(t)[2]), ("B 반", nums(t)[5] - nums(t)[4])], key=lambda p: p[1])[0],
    "9수04-09/scatter-1": relation,
    "9수04-09/scatter-2": relation,
    "9수04-09/scatter-3": relation,
}  # fmt: skip
