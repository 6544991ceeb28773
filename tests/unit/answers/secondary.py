"""What the answers of grades 7 to 9 are calculated with: numbers, expressions, equations, figures and data, read from a text."""

from __future__ import annotations

import math
import re
import statistics
from fractions import Fraction
from itertools import combinations, pairwise, product

from tests.unit.answers.reading import at, first, ints, nums, same

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
