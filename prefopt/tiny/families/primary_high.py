"""초등 5~6학년, numbers and change: mixed operations, ranges, divisors and multiples, fractions, decimals, ratio, proportion, data, chance."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm

from prefopt.tiny.drafting import Draft, Draw, decimal, family, listed, reduced
from prefopt.tiny.words import COLOURS, FAMILY, FRUITS, LIQUIDS, SPORTS, STRINGS


def text_of(value: Fraction) -> str:
    """A fraction as it is written in an answer: 3/4, 2, 1과 1/2."""
    return reduced(value.numerator, value.denominator)


def two_denominators(d: Draw) -> tuple[Fraction, Fraction]:
    """Two proper fractions in lowest terms with different denominators."""
    while True:
        n, m = d.ints(2, 2, 10)
        a, b = d.int(1, n - 1), d.int(1, m - 1)
        if gcd(a, n) == gcd(b, m) == 1 and Fraction(a, n) != Fraction(b, m):
            return Fraction(a, n), Fraction(b, m)


@family("6수01-01", "mixed-operations", "혼합 계산", "계산 순서", "괄호")
def mixed_operations(d: Draw) -> Draft:
    a, b, c, e = d.int(20, 60), d.int(2, 9), d.int(3, 9), d.int(2, 9)
    q = d.int(2, 9)
    (thing, counter), who = d.thing(), d.name()
    return Draft(
        (
            f"{a}+{b}×{c}-{e}[을/를] 계산하시오.",
            (f"({a}+{b})×{c}-{e}의 값을 구하시오.", f"{(a + b) * c - e}"),
            (f"계산 순서에 맞게 {a}-{b * q}÷{b}+{c}[을/를] 계산하시오.", f"{a - q + c}"),
            f"{who}[은/는] {thing}[을/를] {a}{counter} 가지고 있었습니다. {b}{counter}씩 든 봉지 {c}개를 더 사고 {e}{counter}[을/를] 썼습니다. 남은 수를 하나의 식으로 나타내어 구하시오.",
        ),
        f"{a + b * c - e}", "덧셈, 뺄셈, 곱셈, 나눗셈이 섞인 식을 계산 순서에 맞게 푼다.", f"{b}×{c}={b * c}, {a}+{b * c}-{e}={a + b * c - e}", 3,
    )


@family("6수01-02", "range", "이상", "미만", "수의 범위")
def number_range(d: Draw) -> Draft:
    low, width = d.int(11, 60), d.int(4, 9)
    high = low + width
    numbers = sorted(d.ints(5, low - 4, high + 4))
    w1, w2, inside = d.pick(
        [
            ("이상", "이하", [n for n in numbers if low <= n <= high]),
            ("초과", "미만", [n for n in numbers if low < n < high]),
            ("이상", "미만", [n for n in numbers if low <= n < high]),
            ("초과", "이하", [n for n in numbers if low < n <= high]),
        ]
    )
    count = width + 1 - (w1 == "초과") - (w2 == "미만")
    limit, sport = d.int(120, 150), d.pick(["놀이 기구", "회전목마", "바이킹", "범퍼카"])
    heights = d.ints(4, limit - 8, limit + 8)
    return Draft(
        (
            f"{listed(numbers)} 중에서 {low} {w1} {high} {w2}인 수를 모두 쓰시오.",
            (f"{low} {w1} {high} {w2}인 자연수는 모두 몇 개입니까?", f"{count}개"),
            (f"키가 {limit} cm 이상인 사람만 {sport}[을/를] 탈 수 있습니다. 키가 {listed(f'{h} cm' for h in heights)}인 학생 중 탈 수 있는 학생은 몇 명입니까?", f"{sum(h >= limit for h in heights)}명"),
        ),
        listed(inside) or "없다", "이상, 이하, 초과, 미만으로 나타낸 수의 범위에 드는 수를 찾는다.", f"{low} {w1} {high} {w2}", 2,
    )


@family("6수01-03", "rounding", "올림", "버림", "반올림")
def rounding(d: Draw) -> Draft:
    n = d.int(1012, 9987)
    place, size = d.pick([("십", 10), ("백", 100), ("천", 1000)])
    up, down, near = -(-n // size) * size, n // size * size, (n + size // 2) // size * size
    how, value = d.pick([("올림", up), ("버림", down), ("반올림", near)])
    coin, per = d.int(120, 980), d.pick([10, 20, 30])
    thing, counter = d.thing()
    return Draft(
        (
            f"{n}[을/를] {how}하여 {place}의 자리까지 나타내시오.",
            (f"{thing} {coin}{counter}[을/를] {per}{counter}씩 상자에 담아 팔려고 합니다. 팔 수 있는 상자는 최대 몇 개인지 버림을 이용하여 구하시오.", f"{coin // per}개"),
            (f"학생 {coin}명이 한 번에 {per}명씩 타는 배를 모두 타려면 배는 적어도 몇 번 운행해야 하는지 올림을 이용하여 구하시오.", f"{-(-coin // per)}번"),
            f"어느 경기장의 관람객 {n}명을 {how}하여 {place}의 자리까지 나타내면 몇 명입니까?",
        ),
        f"{value}", "올림, 버림, 반올림 가운데 알맞은 방법으로 어림값을 구한다.", f"{place}의 자리 아래를 {how}하면 {value}", 3,
    )


@family("6수01-04", "divisors", "약수", "공약수", "최대공약수")
def divisors(d: Draw) -> Draft:
    g = d.int(3, 12)
    p, q = d.pick([(2, 3), (3, 4), (2, 5), (3, 5), (4, 5), (2, 7)])
    a, b = g * p, g * q
    of_a = [k for k in range(1, a + 1) if a % k == 0]
    (thing, counter), (other, counter2) = d.thing(), d.thing()
    return Draft(
        (
            f"{a}[과/와] {b}의 최대공약수를 구하시오.",
            (f"{a}의 약수를 모두 쓰시오.", listed(of_a)),
            (f"{a}[과/와] {b}의 공약수는 모두 몇 개입니까?", f"{sum(g % k == 0 for k in range(1, g + 1))}개"),
            f"{thing} {a}{counter}[과/와] {other} {b}{counter2}[을/를] 최대한 많은 사람에게 남김없이 똑같이 나누어 주려고 합니다. 몇 명에게 나누어 줄 수 있습니까?",
        ),
        f"{g}", "약수와 공약수, 최대공약수를 구하는 문제이다.", f"{a}={g}×{p}, {b}={g}×{q}이므로 최대공약수는 {g}", 3,
    )


@family("6수01-05", "multiples", "배수", "공배수", "최소공배수")
def multiples(d: Draw) -> Draft:
    g = d.int(2, 6)
    p, q = d.pick([(2, 3), (3, 4), (2, 5), (3, 5), (1, 3), (1, 4)])
    a, b = g * p, g * q
    m = lcm(a, b)
    who, other = d.name(), d.name()
    return Draft(
        (
            f"{a}[과/와] {b}의 최소공배수를 구하시오.",
            (f"{b}의 배수를 작은 수부터 차례로 5개 쓰시오.", listed(b * i for i in range(1, 6))),
            (f"{a}[과/와] {b}의 공배수를 작은 수부터 3개 쓰시오.", listed(m * i for i in (1, 2, 3))),
            f"{who}[은/는] {a}일마다, {other}[은/는] {b}일마다 수영장에 갑니다. 오늘 함께 갔다면 다음에 처음으로 함께 가는 날은 며칠 뒤입니까?",
        ),
        f"{m}", "배수와 공배수, 최소공배수를 구하는 문제이다.", f"{a}[과/와] {b}의 공배수 중 가장 작은 수는 {m}", 3,
    )


@family("6수01-06", "reducing", "약분", "통분", "크기가 같은 분수")
def reducing(d: Draw) -> Draft:
    f, other = two_denominators(d)
    k = d.int(2, 6)
    a, n = f.numerator, f.denominator
    m = lcm(n, other.denominator)
    common = f"{f.numerator * m // n}/{m}, {other.numerator * m // other.denominator}/{m}"
    return Draft(
        (
            f"{a * k}/{n * k}[을/를] 기약분수로 나타내시오.",
            (f"{a}/{n}[과/와] {other.numerator}/{other.denominator}[을/를] 가장 작은 공통분모로 통분하시오.", common),
            (f"{a}/{n}[과/와] 크기가 같은 분수 중에서 분모가 {n * k}인 분수를 쓰시오.", f"{a * k}/{n * k}"),
            (f"{a * k}/{n * k}[을/를] 약분한 분수 중 분모가 {n}인 것을 구하시오.", f"{a}/{n}"),
        ),
        f"{a}/{n}", "크기가 같은 분수를 만들어 약분하거나 통분한다.", f"분모와 분자를 {k}[으로/로] 나누면 {a}/{n}", 2,
    )


@family("6수01-07", "different-denominators", "분수", "크기 비교", "통분")
def compare_different_denominators(d: Draw) -> Draft:
    f, g = two_denominators(d)
    a, b = f"{f.numerator}/{f.denominator}", f"{g.numerator}/{g.denominator}"
    who, other, thing = d.name(), d.name(), d.pick(["우유", "주스", "리본", "피자", "케이크", "빵"])
    return Draft(
        (
            (f"{a}[과/와] {b} 중에서 더 큰 분수를 쓰시오.", a if f > g else b),
            f"{who}[은/는] {thing}의 {a}[을/를], {other}[은/는] {b}[을/를] 먹었습니다. 누가 더 많이 먹었습니까?",
            (f"두 분수 {a}, {b}의 크기를 비교하여 ○ 안에 >, <를 알맞게 써넣으시오. {a} ○ {b}", ">" if f > g else "<"),
            (f"{a}[과/와] {b}[을/를] 통분하여 크기를 비교하고 더 작은 수를 쓰시오.", b if f > g else a),
        ),
        who if f > g else other, "분모가 다른 두 분수를 통분하여 크기를 비교한다.", f"통분하면 {a if f > g else b}[이/가] 더 크다", 3,
    )


@family("6수01-08", "different-denominators-sum", "분수의 덧셈", "분수의 뺄셈", "통분")
def different_denominators_sum(d: Draw) -> Draft:
    f, g = two_denominators(d)
    big, small = max(f, g), min(f, g)
    a, b, x, y = (f"{v.numerator}/{v.denominator}" for v in (f, g, big, small))
    thing, who = d.word(STRINGS), d.name()
    return Draft(
        (
            f"{a}+{b}[을/를] 계산하시오.",
            (f"{x}-{y}[을/를] 계산하시오.", text_of(big - small)),
            f"{who}[은/는] 물을 오전에 {a} L, 오후에 {b} L 마셨습니다. 하루 동안 마신 물은 모두 몇 L입니까?",
            (f"{thing} {x} m 중에서 {y} m를 사용했습니다. 남은 길이는 몇 m인지 구하시오.", text_of(big - small)),
        ),
        text_of(f + g), "분모가 다른 두 분수를 통분하여 더하거나 뺀다.", f"통분하여 계산하면 합은 {text_of(f + g)}, 차는 {text_of(big - small)}", 3,
    )


@family("6수01-09", "fraction-times", "분수의 곱셈", "약분")
def fraction_times(d: Draw) -> Draft:
    f, g = two_denominators(d)
    k = d.int(2, 12)
    a, b = f"{f.numerator}/{f.denominator}", f"{g.numerator}/{g.denominator}"
    liquid = d.word(LIQUIDS)
    return Draft(
        (
            f"{a}×{b}[을/를] 계산하시오.",
            (f"{a}×{k}의 값을 구하시오.", text_of(f * k)),
            (f"한 병에 {a} L씩 든 {liquid}[이/가] {k}병 있습니다. {liquid}[은/는] 모두 몇 L입니까?", text_of(f * k)),
            f"밭의 {a}에 채소를 심고, 채소를 심은 부분의 {b}에 상추를 심었습니다. 상추를 심은 부분은 밭 전체의 몇 분의 몇입니까?",
        ),
        text_of(f * g), "분모는 분모끼리, 분자는 분자끼리 곱하는 분수의 곱셈이다.", f"{a}×{b}={text_of(f * g)}", 3,
    )


@family("6수01-10", "quotient-fraction", "나눗셈의 몫", "분수")
def quotient_as_fraction(d: Draw) -> Draft:
    n = d.int(3, 13)
    a = d.int(2, 20, avoid=range(n, 40, n))
    liquid, (thing, _) = d.word(LIQUIDS), d.thing()
    return Draft(
        (
            f"{a}÷{n}의 몫을 분수로 나타내시오.",
            f"{liquid} {a} L를 {n}명이 똑같이 나누어 가질 때 한 사람이 가지는 양은 몇 L인지 분수로 쓰시오.",
            f"길이가 {a} m인 끈을 {n}도막으로 똑같이 나누었습니다. 한 도막의 길이를 분수로 나타내면 몇 m입니까?",
            f"자연수의 나눗셈 {a}÷{n}[을/를] 계산하여 몫을 분수로 쓰시오.",
        ),
        text_of(Fraction(a, n)), f"자연수끼리의 나눗셈 {a}÷{n}의 몫을 분수로 나타낸다.", f"{a}÷{n}={a}/{n}", 2,
    )


@family("6수01-11", "fraction-division", "분수의 나눗셈", "역수")
def fraction_division(d: Draw) -> Draft:
    f, g = two_denominators(d)
    k = d.int(2, 9)
    a, b = f"{f.numerator}/{f.denominator}", f"{g.numerator}/{g.denominator}"
    liquid = d.word(LIQUIDS)
    return Draft(
        (
            f"{a}÷{b}[을/를] 계산하시오.",
            (f"{k}÷{a}의 값을 구하시오.", text_of(k / f)),
            (f"{liquid} {a} L를 {k}명이 똑같이 나누어 마시면 한 사람이 몇 L씩 마시게 됩니까?", text_of(f / k)),
            f"{a} m의 철사는 {b} m의 철사의 몇 배인지 구하시오.",
        ),
        text_of(f / g), "나누는 수의 분모와 분자를 바꾸어 곱하는 분수의 나눗셈이다.", f"{a}÷{b}={text_of(f / g)}", 4,
    )


@family("6수01-12", "fraction-decimal", "분수와 소수", "크기 비교")
def fraction_and_decimal(d: Draw) -> Draft:
    n = d.pick([4, 5, 8, 20, 25, 50])
    a = d.pick([k for k in range(1, n) if gcd(k, n) == 1])
    dec = decimal(a * 1000 // n, 3)
    other = d.int(1, 99)
    o = decimal(other * 10, 3)
    bigger = f"{a}/{n}" if Fraction(a, n) > Fraction(other, 100) else o
    return Draft(
        (
            f"분수 {a}/{n}[을/를] 소수로 나타내시오.",
            (f"소수 {dec}[을/를] 기약분수로 나타내시오.", f"{a}/{n}"),
            (f"{a}/{n}[과/와] {o} 중에서 더 큰 수를 쓰시오.", bigger),
            (f"분수 {a}/{n}[과/와] 소수 {o}의 크기를 비교하시오.", f"{bigger}[이/가] 더 크다"),
        ),
        dec, "분수를 소수로, 소수를 분수로 바꾸어 두 수의 관계와 크기를 알아본다.", f"{a}/{n}={dec}", 3,
    )


@family("6수01-13", "decimal-times", "소수의 곱셈", "소수점")
def decimal_times(d: Draw) -> Draft:
    a, b, k = d.int(12, 98), d.int(12, 68), d.int(3, 9)
    x, y = decimal(a, 1), decimal(b, 1)
    (thing, counter), who = d.thing(), d.name()
    return Draft(
        (
            f"{x}×{y}[을/를] 계산하시오.",
            (f"{x}×{k}의 값은 얼마입니까?", decimal(a * k, 1)),
            (f"{thing} 한 {counter}의 무게는 {x} g입니다. {thing} {k}{counter}의 무게는 몇 g입니까?", decimal(a * k, 1)),
            f"{who}의 몸무게는 {x} kg이고 아버지의 몸무게는 {who}의 몸무게의 {y}배입니다. 아버지의 몸무게를 구하시오.",
        ),
        decimal(a * b, 2), "소수와 자연수, 소수와 소수를 곱하고 소수점의 위치를 정한다.", f"{x}×{y}={decimal(a * b, 2)}", 3,
    )


@family("6수01-14", "quotient-decimal", "나눗셈의 몫", "소수")
def quotient_as_decimal(d: Draw) -> Draft:
    n = d.pick([2, 4, 5, 8])
    a = d.int(3, 60, avoid=range(n, 100, n))
    quotient = decimal(a * 1000 // n, 3)
    liquid = d.word(LIQUIDS)
    return Draft(
        (
            f"{a}÷{n}의 몫을 소수로 나타내시오.",
            f"{liquid} {a} L를 {n}명이 똑같이 나누어 가질 때 한 사람이 가지는 양은 몇 L인지 소수로 쓰시오.",
            f"길이가 {a} m인 끈을 {n}도막으로 똑같이 나누었습니다. 한 도막의 길이를 소수로 나타내면 몇 m입니까?",
            f"자연수의 나눗셈 {a}÷{n}[을/를] 나누어떨어질 때까지 계산하여 몫을 소수로 구하시오.",
        ),
        quotient, f"자연수끼리의 나눗셈 {a}÷{n}의 몫을 소수로 나타낸다.", f"{a}÷{n}={quotient}", 3,
    )


@family("6수01-15", "decimal-division", "소수의 나눗셈", "몫")
def decimal_division(d: Draw) -> Draft:
    q, b, k = d.int(2, 24), d.int(12, 65), d.int(3, 8)
    x, y = decimal(q * b, 1), decimal(b, 1)
    thing = d.word(STRINGS)
    share = d.int(11, 59)
    return Draft(
        (
            f"{x}÷{y}[을/를] 계산하시오.",
            (f"{decimal(share * k, 1)}÷{k}[을/를] 계산하시오.", decimal(share, 1)),
            f"{thing} {x} m를 {y} m씩 자르면 모두 몇 도막이 됩니까?",
            (f"물 {decimal(share * k, 1)} L를 {k}개의 병에 똑같이 나누어 담으면 한 병에 몇 L씩입니까?", decimal(share, 1)),
        ),
        f"{q}", "나누는 수나 나누어지는 수가 소수인 나눗셈을 한다.", f"{x}÷{y}={q}", 3,
    )


@family("6수02-01", "correspondence", "대응 관계", "규칙", "식")
def correspondence(d: Draw) -> Draft:
    k, c = d.int(2, 9), d.int(1, 6)
    x, y = d.pick([("□", "△"), ("○", "☆"), ("□", "○"), ("△", "◇")])
    what, part = d.pick([("자전거", "바퀴"), ("탁자", "의자"), ("문어", "다리"), ("상자", "빵"), ("꽃병", "꽃"), ("모둠", "학생")])
    n = d.int(6, 15)
    who = d.name()
    age = d.int(20, 30)
    return Draft(
        (
            f"{what} 하나에 {part}[이/가] {k}개씩 있습니다. {what}의 수를 {x}, {part}의 수를 {y}라고 할 때 두 양 사이의 대응 관계를 식으로 나타내시오.",
            (f"표에서 {x}[이/가] 1, 2, 3, 4일 때 {y}[은/는] {listed(i + c for i in (1, 2, 3, 4))}입니다. {x}[과/와] {y} 사이의 대응 관계를 식으로 쓰시오.", f"{y}={x}+{c}"),
            (f"{what}의 수와 {part}의 수 사이의 대응 관계가 {y}={x}×{k}입니다. {what}[이/가] {n}개일 때 {part}의 수를 구하시오.", f"{n * k}"),
            (f"{who}[이/가] 12살일 때 삼촌은 {12 + age}살입니다. {who}의 나이를 {x}, 삼촌의 나이를 {y}라고 할 때 대응 관계를 식으로 나타내시오.", f"{y}={x}+{age}"),
        ),
        f"{y}={x}×{k}", f"한 양이 변할 때 다른 양이 따라 변하는 대응 관계를 {x}, {y}를 써서 식으로 나타낸다.", f"{part}의 수는 {what}의 수의 {k}배", 3,
    )


@family("6수02-02", "ratio", "비", "비교", "기준량")
def ratio(d: Draw) -> Draft:
    a, b = d.ints(2, 2, 15)
    f1, f2 = d.some(FRUITS, 2)
    club = d.pick(SPORTS)
    return Draft(
        (
            f"바구니에 {f1} {a}개와 {f2} {b}개가 있습니다. {f1} 수와 {f2} 수의 비를 쓰시오.",
            (f"{f1} {a}개에 대한 {f2} {b}개의 비를 나타내시오.", f"{b}:{a}"),
            (f"{club} 모임에 남학생이 {a}명, 여학생이 {b}명 있습니다. 전체 학생 수에 대한 남학생 수의 비를 쓰시오.", f"{a}:{a + b}"),
            (f"비 {a}:{b}에서 기준량과 비교하는 양을 각각 쓰시오.", f"기준량 {b}, 비교하는 양 {a}"),
        ),
        f"{a}:{b}", "두 양의 크기를 비교하여 비로 나타낸다.", f"{f1}:{f2}={a}:{b}", 2,
    )


@family("6수02-03", "percentage", "비율", "백분율", "할인")
def percentage(d: Draw) -> Draft:
    n = d.pick([4, 5, 10, 20, 25, 50])
    a = d.int(1, n - 1)
    k = d.pick([2, 3, 4, 5])
    percent = 100 * a // n
    price, off = d.int(2, 30) * 1000, d.pick([10, 20, 30, 40])
    (thing, _), who = d.thing("개", "권", "자루"), d.name()
    return Draft(
        (
            f"{n * k}에 대한 {a * k}의 비율을 백분율로 나타내시오.",
            f"{who}[은/는] 농구공을 {n * k}번 던져 {a * k}번 넣었습니다. 성공률은 몇 %입니까?",
            (f"비 {a * k}:{n * k}의 비율을 소수로 나타내시오.", decimal(a * 1000 // n, 3)),
            (f"{price}원짜리 {thing}[을/를] {off}% 할인하여 팝니다. 할인된 판매 가격은 얼마입니까?", f"{price * (100 - off) // 100}원"),
        ),
        f"{percent}%", "기준량에 대한 비교하는 양의 크기인 비율을 분수, 소수, 백분율로 나타낸다.", f"{a * k}/{n * k}×100={percent}", 3,
    )


@family("6수02-04", "proportion", "비례식", "외항", "내항")
def proportion(d: Draw) -> Draft:
    a, b = d.ints(2, 2, 9)
    k = d.int(2, 8)
    price = d.int(3, 9) * 100
    thing, counter = d.thing("개", "자루", "권", "장")
    return Draft(
        (
            f"비례식 {a}:{b}={a * k}:□에서 □의 값을 구하시오.",
            (f"{a}:{b}=□:{b * k}의 □에 알맞은 수를 비례식의 성질을 이용하여 구하시오.", f"{a * k}"),
            (f"{thing} {a}{counter}의 값이 {a * price}원입니다. {thing} {a * k}{counter}의 값은 얼마인지 비례식을 세워 구하시오.", f"{a * k * price}원"),
            (f"소금물을 만들 때 소금과 물의 비를 {a}:{b}[으로/로] 하려고 합니다. 소금을 {a * k} g 넣으면 물은 몇 g 넣어야 하는지 비례식으로 구하시오.", f"{b * k} g"),
        ),
        f"{b * k}", "외항의 곱과 내항의 곱이 같다는 비례식의 성질을 이용한다.", f"{a}×□={b}×{a * k}이므로 □={b * k}", 3,
    )


@family("6수02-05", "proportional-share", "비례배분", "비")
def proportional_share(d: Draw) -> Draft:
    a, b = d.pick([(1, 2), (2, 3), (3, 4), (3, 2), (5, 3), (4, 1), (5, 2), (3, 5), (7, 3)])
    k = d.int(3, 20)
    total = (a + b) * k
    (thing, counter), who, other = d.thing(), d.name(), d.word(FAMILY)
    return Draft(
        (
            f"{total}[을/를] {a}:{b}[으로/로] 비례배분하시오.",
            f"{thing} {total}{counter}[을/를] {who}[과/와] {other}[이/가] {a}:{b}[으로/로] 나누어 가지려고 합니다. 두 사람이 가지는 수를 차례로 쓰시오.",
            (f"용돈 {total * 100}원을 {who}[과/와] {other}에게 {a}:{b}의 비로 나누어 줄 때 {who}[이/가] 받는 돈은 얼마입니까?", f"{a * k * 100}원"),
            (f"길이가 {total} cm인 끈을 {a}:{b}[으로/로] 나눌 때 긴 쪽의 길이를 구하시오.", f"{max(a, b) * k} cm"),
        ),
        f"{a * k}, {b * k}", f"전체를 주어진 비 {a}:{b}[으로/로] 나누는 비례배분이다.", f"{total}×{a}/{a + b}={a * k}, {total}×{b}/{a + b}={b * k}", 4,
    )


@family("6수04-01", "mean", "평균", "자료의 값")
def mean(d: Draw) -> Draft:
    n = d.int(3, 5)
    m = d.int(12, 90)
    values = [m + s for s in d.pick([(-3, 1, 2), (-4, 4, 0), (-5, 2, 3)])]
    while len(values) < n:
        values.append(m)
    values = d.shuffled(values)
    what, unit = d.pick([("줄넘기 기록", "번"), ("수학 점수", "점"), ("읽은 쪽수", "쪽"), ("몸무게", "kg"), ("팔린 빵의 수", "개"), ("키", "cm")])
    who = d.name()
    return Draft(
        (
            f"{who}네 모둠의 {what}[이/가] {listed(f'{v}{unit}' for v in values)}입니다. 평균을 구하시오.",
            f"{listed(values)}의 평균은 얼마입니까?",
            (f"{n}명의 {what}의 평균이 {m}{unit}입니다. {n}명의 {what}의 합은 얼마입니까?", f"{m * n}{unit}"),
            (f"{what}[이/가] {listed(f'{v}{unit}' for v in values[:-1])}, □{unit}이고 평균이 {m}{unit}일 때 □의 값을 구하시오.", f"{values[-1]}"),
        ),
        f"{m}", "자료의 값을 모두 더하여 자료의 수로 나눈 평균을 구하거나 이용한다.", f"({'+'.join(map(str, values))})÷{n}={m}", 3,
    )


@family("6수04-02", "band-graph", "띠그래프", "원그래프", "백분율")
def band_graph(d: Draw) -> Draft:
    f1, f2, f3 = d.some(FRUITS, 3)
    a = d.pick([20, 25, 30, 35, 40])
    b = d.pick([10, 15, 20, 25, 30])
    total = d.pick([40, 60, 80, 100, 200, 400])
    graph = d.pick(["띠그래프", "원그래프"])
    cm = d.pick([20, 40])
    return Draft(
        (
            f"좋아하는 과일을 나타낸 {graph}에서 {f1} {a}%, {f2} {b}%이고 나머지는 {f3}입니다. {f3}의 비율은 몇 %입니까?",
            (f"학생 {total}명을 조사한 {graph}에서 {f1}[이/가] {a}%를 차지합니다. {f1}[을/를] 좋아하는 학생은 몇 명입니까?", f"{decimal(total * a, 2)}명"),
            (f"전체 길이가 {cm} cm인 띠그래프에서 {f2}[이/가] {b}%일 때 {f2}[이/가] 차지하는 길이는 몇 cm입니까?", f"{decimal(cm * b, 2)} cm"),
            (f"자료를 {graph}[으로/로] 나타내려고 합니다. 전체 {total}명 중 {decimal(total * a, 2)}명은 몇 %로 나타내야 합니까?", f"{a}%"),
        ),
        f"{100 - a - b}%", f"전체에 대한 각 부분의 비율을 나타낸 {graph}[을/를] 해석한다.", f"100-{a}-{b}={100 - a - b}", 3,
    )


@family("6수04-04", "chance-words", "가능성", "확실하다", "불가능하다")
def chance_words(d: Draw) -> Draft:
    event, word = d.pick(
        [
            ("주사위를 굴리면 7이 나올 것입니다", "불가능하다"),
            ("내일 아침에 해가 동쪽에서 뜰 것입니다", "확실하다"),
            ("동전을 던지면 그림 면이 나올 것입니다", "반반이다"),
            ("주사위를 굴리면 짝수가 나올 것입니다", "반반이다"),
            ("12월 다음에 1월이 올 것입니다", "확실하다"),
            ("공룡이 오늘 학교에 올 것입니다", "불가능하다"),
            ("주사위를 굴리면 1 이상의 수가 나올 것입니다", "확실하다"),
        ]
    )
    c1, c2 = d.some(COLOURS, 2)
    a, b = d.ints(2, 1, 9)
    who = d.name()
    return Draft(
        (
            f"'{event}.' 이 일이 일어날 가능성을 '불가능하다, 반반이다, 확실하다' 중에서 골라 말로 표현하시오.",
            (f"{c1} 공 {a}개와 {c2} 공 {b}개가 든 주머니에서 공을 한 개 꺼낼 때, 어느 색 공이 나올 가능성이 더 큽니까?", c1 if a > b else c2),
            f"{who}[이/가] 말했습니다. '{event}.' 일이 일어날 가능성을 알맞은 말로 나타내시오.",
            (f"{c1} 구슬만 {a}개 든 상자에서 {c2} 구슬을 꺼낼 가능성을 말로 표현하시오.", "불가능하다"),
        ),
        word, "일이 일어날 가능성을 확실하다, 반반이다, 불가능하다 같은 말로 표현한다.", f"일어날 가능성은 '{word}'", 2,
    )


@family("6수04-05", "chance-numbers", "가능성", "0과 1 사이의 수")
def chance_numbers(d: Draw) -> Draft:
    c1, c2 = d.some(COLOURS, 2)
    a, n = d.int(2, 9), d.int(1, 6)
    event, value = d.pick(
        [
            (f"{c1} 공 {a}개와 {c2} 공 {a}개가 든 주머니에서 공 한 개를 꺼낼 때 {c1} 공이 나올", "1/2"),
            (f"{c1} 공만 {a}개 든 주머니에서 {c1} 공을 꺼낼", "1"),
            (f"{c1} 공만 {a}개 든 주머니에서 {c2} 공을 꺼낼", "0"),
            (f"주사위를 한 번 굴려 {n + 6}보다 큰 눈이 나올", "0"),
            ("동전을 한 개 던져 숫자 면이 나올", "1/2"),
            (f"제비 {2 * a}개 중 당첨 제비가 {a}개일 때 하나를 뽑아 당첨될", "1/2"),
        ]
    )
    return Draft(
        (
            f"{event} 가능성을 0, 1/2, 1 중에서 골라 수로 나타내시오.",
            f"{event} 가능성은 얼마인지 수로 표현하시오.",
            f"일이 일어날 가능성을 0부터 1까지의 수로 나타내려고 합니다. {event} 가능성을 수로 쓰시오.",
        ),
        value, "일이 일어날 가능성을 0, 1/2, 1과 같은 수로 나타낸다.", f"가능성은 {value}", 3,
    )
