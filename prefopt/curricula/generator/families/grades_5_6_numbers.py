"""초등 5~6학년 수와 연산: mixed operations, ranges, divisors and multiples, sums of fractions."""

from __future__ import annotations

from math import lcm

from prefopt.curricula.generator.drafting import Draft, Draw, family, listed
from prefopt.curricula.generator.formulas import text_of, two_denominators
from prefopt.curricula.generator.vocabulary import STRINGS


@family("6수01-01", "mixed-operations", "혼합 계산", "계산 순서", "괄호")
def mixed_operations(d: Draw) -> Draft:
    a, b, c, e = d.whole(20, 60), d.whole(2, 9), d.whole(3, 9), d.whole(2, 9)
    q = d.whole(2, 9)
    (thing, counter), who = d.thing(), d.name()
    return Draft(
        texts=(
            f"{a}+{b}×{c}-{e}[을/를] 계산하시오.",
            (f"({a}+{b})×{c}-{e}의 값을 구하시오.", f"{(a + b) * c - e}"),
            (f"계산 순서에 맞게 {a}-{b * q}÷{b}+{c}[을/를] 계산하시오.", f"{a - q + c}"),
            f"{who}[은/는] {thing}[을/를] {a}{counter} 가지고 있었습니다. {b}{counter}씩 든 봉지 {c}개를 더 사고 {e}{counter}[을/를] 썼습니다. 남은 수를 하나의 식으로 나타내어 구하시오.",
        ),
        answer=f"{a + b * c - e}",
        why="덧셈, 뺄셈, 곱셈, 나눗셈이 섞인 식을 계산 순서에 맞게 푼다.",
        steps=f"{b}×{c}={b * c}, {a}+{b * c}-{e}={a + b * c - e}",
        difficulty=3,
    )


@family("6수01-02", "range", "이상", "미만", "수의 범위")
def number_range(d: Draw) -> Draft:
    low, width = d.whole(11, 60), d.whole(4, 9)
    high = low + width
    numbers = sorted(d.wholes(5, low - 4, high + 4))
    w1, w2, inside = d.pick(
        [
            ("이상", "이하", [n for n in numbers if low <= n <= high]),
            ("초과", "미만", [n for n in numbers if low < n < high]),
            ("이상", "미만", [n for n in numbers if low <= n < high]),
            ("초과", "이하", [n for n in numbers if low < n <= high]),
        ]
    )
    count = width + 1 - (w1 == "초과") - (w2 == "미만")
    limit, sport = d.whole(120, 150), d.pick(["놀이 기구", "회전목마", "바이킹", "범퍼카"])
    heights = d.wholes(4, limit - 8, limit + 8)
    return Draft(
        texts=(
            f"{listed(numbers)} 중에서 {low} {w1} {high} {w2}인 수를 모두 쓰시오.",
            (f"{low} {w1} {high} {w2}인 자연수는 모두 몇 개입니까?", f"{count}개"),
            (
                f"키가 {limit} cm 이상인 사람만 {sport}[을/를] 탈 수 있습니다. 키가 {listed(f'{h} cm' for h in heights)}인 학생 중 탈 수 있는 학생은 몇 명입니까?",
                f"{sum(h >= limit for h in heights)}명",
            ),
        ),
        answer=listed(inside) or "없다",
        why="이상, 이하, 초과, 미만으로 나타낸 수의 범위에 드는 수를 찾는다.",
        steps=f"{low} {w1} {high} {w2}",
        difficulty=2,
    )


@family("6수01-03", "rounding", "올림", "버림", "반올림")
def rounding(d: Draw) -> Draft:
    n = d.whole(1012, 9987)
    place, size = d.pick([("십", 10), ("백", 100), ("천", 1000)])
    up, down, near = -(-n // size) * size, n // size * size, (n + size // 2) // size * size
    how, value = d.pick([("올림", up), ("버림", down), ("반올림", near)])
    coin, per = d.whole(120, 980), d.pick([10, 20, 30])
    thing, counter = d.thing()
    return Draft(
        texts=(
            f"{n}[을/를] {how}하여 {place}의 자리까지 나타내시오.",
            (
                f"{thing} {coin}{counter}[을/를] {per}{counter}씩 상자에 담아 팔려고 합니다. 팔 수 있는 상자는 최대 몇 개인지 버림을 이용하여 구하시오.",
                f"{coin // per}개",
            ),
            (
                f"학생 {coin}명이 한 번에 {per}명씩 타는 배를 모두 타려면 배는 적어도 몇 번 운행해야 하는지 올림을 이용하여 구하시오.",
                f"{-(-coin // per)}번",
            ),
            f"어느 경기장의 관람객 {n}명을 {how}하여 {place}의 자리까지 나타내면 몇 명입니까?",
        ),
        answer=f"{value}",
        why="올림, 버림, 반올림 가운데 알맞은 방법으로 어림값을 구한다.",
        steps=f"{place}의 자리 아래를 {how}하면 {value}",
        difficulty=3,
    )


@family("6수01-04", "divisors", "약수", "공약수", "최대공약수")
def divisors(d: Draw) -> Draft:
    g = d.whole(3, 12)
    p, q = d.pick([(2, 3), (3, 4), (2, 5), (3, 5), (4, 5), (2, 7)])
    a, b = g * p, g * q
    of_a = [k for k in range(1, a + 1) if a % k == 0]
    (thing, counter), (other, counter2) = d.thing(), d.thing()
    return Draft(
        texts=(
            f"{a}[과/와] {b}의 최대공약수를 구하시오.",
            (f"{a}의 약수를 모두 쓰시오.", listed(of_a)),
            (f"{a}[과/와] {b}의 공약수는 모두 몇 개입니까?", f"{sum(g % k == 0 for k in range(1, g + 1))}개"),
            f"{thing} {a}{counter}[과/와] {other} {b}{counter2}[을/를] 최대한 많은 사람에게 남김없이 똑같이 나누어 주려고 합니다. 몇 명에게 나누어 줄 수 있습니까?",
        ),
        answer=f"{g}",
        why="약수와 공약수, 최대공약수를 구하는 문제이다.",
        steps=f"{a}={g}×{p}, {b}={g}×{q}이므로 최대공약수는 {g}",
        difficulty=3,
    )


@family("6수01-05", "multiples", "배수", "공배수", "최소공배수")
def multiples(d: Draw) -> Draft:
    g = d.whole(2, 6)
    p, q = d.pick([(2, 3), (3, 4), (2, 5), (3, 5), (1, 3), (1, 4)])
    a, b = g * p, g * q
    m = lcm(a, b)
    who, other = d.name(), d.name()
    return Draft(
        texts=(
            f"{a}[과/와] {b}의 최소공배수를 구하시오.",
            (f"{b}의 배수를 작은 수부터 차례로 5개 쓰시오.", listed(b * i for i in range(1, 6))),
            (f"{a}[과/와] {b}의 공배수를 작은 수부터 3개 쓰시오.", listed(m * i for i in (1, 2, 3))),
            f"{who}[은/는] {a}일마다, {other}[은/는] {b}일마다 수영장에 갑니다. 오늘 함께 갔다면 다음에 처음으로 함께 가는 날은 며칠 뒤입니까?",
        ),
        answer=f"{m}",
        why="배수와 공배수, 최소공배수를 구하는 문제이다.",
        steps=f"{a}[과/와] {b}의 공배수 중 가장 작은 수는 {m}",
        difficulty=3,
    )


@family("6수01-06", "reducing", "약분", "통분", "크기가 같은 분수")
def reducing(d: Draw) -> Draft:
    f, other = two_denominators(d)
    k = d.whole(2, 6)
    a, n = f.numerator, f.denominator
    m = lcm(n, other.denominator)
    common = f"{f.numerator * m // n}/{m}, {other.numerator * m // other.denominator}/{m}"
    return Draft(
        texts=(
            f"{a * k}/{n * k}[을/를] 기약분수로 나타내시오.",
            (f"{a}/{n}[과/와] {other.numerator}/{other.denominator}[을/를] 가장 작은 공통분모로 통분하시오.", common),
            (f"{a}/{n}[과/와] 크기가 같은 분수 중에서 분모가 {n * k}인 분수를 쓰시오.", f"{a * k}/{n * k}"),
            (f"{a * k}/{n * k}[을/를] 약분한 분수 중 분모가 {n}인 것을 구하시오.", f"{a}/{n}"),
        ),
        answer=f"{a}/{n}",
        why="크기가 같은 분수를 만들어 약분하거나 통분한다.",
        steps=f"분모와 분자를 {k}[으로/로] 나누면 {a}/{n}",
        difficulty=2,
    )


@family("6수01-07", "different-denominators", "분수", "크기 비교", "통분")
def compare_different_denominators(d: Draw) -> Draft:
    f, g = two_denominators(d)
    a, b = f"{f.numerator}/{f.denominator}", f"{g.numerator}/{g.denominator}"
    who, other, thing = d.name(), d.name(), d.pick(["피자", "케이크", "와플", "빵", "파이", "떡"])
    return Draft(
        texts=(
            (f"{a}[과/와] {b} 중에서 더 큰 분수를 쓰시오.", a if f > g else b),
            f"크기가 같은 {thing}[을/를] 하나씩 받아 {who}[은/는] {a}[을/를], {other}[은/는] {b}[을/를] 먹었습니다. 누가 더 많이 먹었습니까?",
            (f"두 분수 {a}, {b}의 크기를 비교하여 ○ 안에 >, <를 알맞게 써넣으시오. {a} ○ {b}", ">" if f > g else "<"),
            (f"{a}[과/와] {b}[을/를] 통분하여 크기를 비교하고 더 작은 수를 쓰시오.", b if f > g else a),
        ),
        answer=who if f > g else other,
        why="분모가 다른 두 분수를 통분하여 크기를 비교한다.",
        steps=f"통분하면 {a if f > g else b}[이/가] 더 크다",
        difficulty=3,
    )


@family("6수01-08", "different-denominators-sum", "분수의 덧셈", "분수의 뺄셈", "통분")
def different_denominators_sum(d: Draw) -> Draft:
    f, g = two_denominators(d)
    big, small = max(f, g), min(f, g)
    a, b, x, y = (f"{v.numerator}/{v.denominator}" for v in (f, g, big, small))
    thing, who = d.word(STRINGS), d.name()
    return Draft(
        texts=(
            f"{a}+{b}[을/를] 계산하시오.",
            (f"{x}-{y}[을/를] 계산하시오.", text_of(big - small)),
            (f"{who}[은/는] 물을 오전에 {a} L, 오후에 {b} L 마셨습니다. 하루 동안 마신 물은 모두 몇 L입니까?", f"{text_of(f + g)} L"),
            (f"{thing} {x} m 중에서 {y} m를 사용했습니다. 남은 길이는 몇 m인지 구하시오.", f"{text_of(big - small)} m"),
        ),
        answer=text_of(f + g),
        why="분모가 다른 두 분수를 통분하여 더하거나 뺀다.",
        steps=f"통분하여 계산하면 합은 {text_of(f + g)}, 차는 {text_of(big - small)}",
        difficulty=3,
    )
