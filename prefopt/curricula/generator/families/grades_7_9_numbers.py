"""중학교 수와 연산: prime factors, signed numbers, repeating decimals, roots."""

from __future__ import annotations

from fractions import Fraction

from prefopt.curricula.generator.drafting import Draft, Draw, family, listed
from prefopt.curricula.generator.formulas import factored, signed

PRIMES = (2, 3, 5, 7, 11)


@family("9수01-01", "prime-factors", "소인수분해", "소수", "거듭제곱")
def prime_factors(d: Draw) -> Draft:
    p, q = sorted(d.some(PRIMES[:4], 2))
    powers = {p: d.whole(1, 4), q: d.whole(1, 2)}
    n = p ** powers[p] * q ** powers[q]
    count = (powers[p] + 1) * (powers[q] + 1)
    return Draft(
        texts=(
            f"자연수 {n}[을/를] 소인수분해하시오.",
            (f"{n}의 소인수를 모두 구하시오.", f"{p}, {q}"),
            (f"{n}={p}^a×{q}^b일 때 a+b의 값은 얼마입니까?", f"{powers[p] + powers[q]}"),
            (f"소인수분해를 이용하여 {n}의 약수의 개수를 구하시오.", f"{count}"),
        ),
        answer=factored(powers),
        why="자연수를 소인수만의 곱으로 나타내는 소인수분해를 한다.",
        steps=f"{n}={factored(powers)}",
        difficulty=2,
    )


@family("9수01-02", "gcd-by-factors", "소인수분해", "최대공약수", "최소공배수")
def gcd_by_factors(d: Draw) -> Draft:
    p, q, r = sorted(d.some(PRIMES[:4], 3))
    a = {p: d.whole(1, 3), q: d.whole(1, 2)}
    b = {p: d.whole(1, 3), q: d.whole(1, 2), r: 1}
    low = {k: min(a[k], b[k]) for k in (p, q)}
    high = {k: max(a.get(k, 0), b.get(k, 0)) for k in (p, q, r)}
    return Draft(
        texts=(
            f"두 수 {factored(a)}, {factored(b)}의 최대공약수를 소인수의 곱으로 나타내시오.",
            (f"두 수 {factored(a)}[과/와] {factored(b)}의 최소공배수를 소인수분해를 이용하여 구하시오.", factored(high)),
            (f"{factored(a)}[과/와] {factored(b)}의 공약수의 개수를 구하시오.", f"{(low[p] + 1) * (low[q] + 1)}"),
            (
                f"소인수분해된 두 수 {factored(a)}, {factored(b)}에 대하여 최대공약수와 최소공배수를 각각 구하시오.",
                f"{factored(low)}, {factored(high)}",
            ),
        ),
        answer=factored(low),
        why="소인수분해한 꼴에서 지수를 비교하여 최대공약수와 최소공배수를 구한다.",
        steps=f"지수가 작은 쪽을 택하면 {factored(low)}",
        difficulty=3,
    )


@family("9수01-03", "signed-quantities", "양수", "음수", "유리수")
def signed_quantities(d: Draw) -> Draft:
    a, b = d.whole(2, 20), d.whole(2, 9)
    up, down, unit = d.pick(
        [("영상", "영하", "°C"), ("이익", "손해", "원"), ("해발", "해저", "m"), ("지상", "지하", "층"), ("증가", "감소", "명")]
    )
    n = a * (100 if unit == "원" else 1)
    numbers = d.shuffled([f"+{a}", f"-{b}", "0", f"-{b}/{b + 1}", f"{a}.5"])
    return Draft(
        texts=(
            f"{up} {n}{unit}[을/를] +{n}{unit}[으로/로] 나타낼 때 {down} {n + b}{unit}[을/를] 부호를 사용하여 나타내시오.",
            (f"{listed(numbers)} 중에서 정수를 모두 고르시오.", listed(x for x in numbers if "/" not in x and "." not in x)),
            (f"{listed(numbers)} 중에서 음수는 모두 몇 개입니까?", "2개"),
            (f"{listed(numbers)} 가운데 정수가 아닌 유리수를 모두 쓰시오.", listed(x for x in numbers if "/" in x or "." in x)),
        ),
        answer=f"-{n + b}{unit}",
        why="양의 부호와 음의 부호를 써서 양수와 음수, 정수와 유리수를 구별한다.",
        steps=f"{up}[이/가] +이면 {down}[은/는] -",
        difficulty=2,
    )


@family("9수01-04", "order-rationals", "대소 관계", "절댓값", "수직선")
def order_rationals(d: Draw) -> Draft:
    a, b, c = d.wholes(3, -12, 12)
    k = d.whole(2, 6)
    order = sorted([a, b, c])
    return Draft(
        texts=(
            f"{signed(a)}, {signed(b)}, {signed(c)}[을/를] 작은 것부터 차례로 나열하시오.",
            (f"절댓값이 {k} 이하인 정수는 모두 몇 개입니까?", f"{2 * k + 1}개"),
            (f"두 수 -{k}/{k + 1}[과/와] -{k + 1}/{k + 2}의 대소 관계를 부등호를 사용하여 나타내시오.", f"-{k}/{k + 1}>-{k + 1}/{k + 2}"),
            (f"수직선 위에서 {signed(a)}[과/와] {signed(b)} 중 더 오른쪽에 있는 수를 쓰시오.", signed(max(a, b))),
        ),
        answer=listed(signed(x) for x in order),
        why="부호와 절댓값을 보고 정수와 유리수의 대소 관계를 판단한다.",
        steps=f"작은 것부터 {listed(signed(x) for x in order)}",
        difficulty=2,
    )


@family("9수01-05", "signed-arithmetic", "정수와 유리수", "사칙계산", "부호")
def signed_arithmetic(d: Draw) -> Draft:
    a, b = d.whole(-12, 12, (0,)), d.whole(-12, -2)
    c = d.whole(-6, 6, (0,))
    e = d.whole(2, 4)
    return Draft(
        texts=(
            f"({signed(a)})+({signed(b)})[을/를] 계산하시오.",
            (f"({signed(a)})-({signed(b)})의 값을 구하시오.", signed(a - b)),
            (f"({signed(b)})×({signed(c)})[을/를] 계산하시오.", signed(b * c)),
            (f"({signed(a)})-({signed(b)})×({signed(c)})[을/를] 계산하시오.", signed(a - b * c)),
            (f"(-{e})^3÷({signed(-e)})+({signed(a)})의 값은 얼마입니까?", signed(e * e + a)),
        ),
        answer=signed(a + b),
        why="부호가 있는 정수와 유리수의 사칙계산을 한다.",
        steps=f"({signed(a)})+({signed(b)})={signed(a + b)}",
        difficulty=3,
    )


@family("9수01-06", "repeating", "순환소수", "순환마디", "유리수")
def repeating(d: Draw) -> Draft:
    digits = d.whole(1, 98, avoid=range(0, 100, 11))
    text = f"{digits:02d}"
    f = Fraction(digits, 99)
    n = d.pick([6, 7, 9, 11, 12, 14, 15, 18])
    finite = d.pick([8, 16, 20, 25, 40, 50])
    return Draft(
        texts=(
            f"순환소수 0.{text}{text}{text}…[을/를] 기약분수로 나타내시오.",
            (f"0.{text}{text}{text}…의 순환마디를 구하시오.", text),
            (f"분수 1/{finite}[과/와] 1/{n} 중 유한소수로 나타낼 수 있는 것을 고르시오.", f"1/{finite}"),
            (f"순환소수 0.{text}{text}…에서 소수점 아래 {10 + digits % 30}번째 자리의 숫자를 구하시오.", text[(10 + digits % 30 - 1) % 2]),
        ),
        answer=f"{f.numerator}/{f.denominator}",
        why="순환마디가 되풀이되는 순환소수와 유리수의 관계를 이용한다.",
        steps=f"{digits}/99={f.numerator}/{f.denominator}",
        difficulty=3,
    )


@family("9수01-07", "square-roots", "제곱근", "근호")
def square_roots(d: Draw) -> Draft:
    a, b = d.whole(2, 15), d.whole(2, 9)
    n = d.whole(a * a - a + 1, a * a + a - 1, (a * a,))
    return Draft(
        texts=(
            f"{a * a}의 제곱근을 구하시오.",
            (f"√{a * a}+(-√{b})^2[을/를] 간단히 하시오.", f"{a + b}"),
            (f"{a}[과/와] √{n}의 대소를 비교하시오.", f"{a}>√{n}" if a * a > n else f"{a}<√{n}"),
            (f"√(({b}-{a + b})^2)의 값은 얼마입니까?", f"{a}"),
            (f"넓이가 {a * a} cm²인 정사각형의 한 변의 길이를 제곱근을 이용하여 구하시오.", f"{a} cm"),
        ),
        answer=f"±{a}",
        why="제곱하여 어떤 수가 되는 제곱근의 뜻과 성질을 이용한다.",
        steps=f"{a}^2={a * a}이므로 ±{a}",
        difficulty=2,
    )


@family("9수01-08", "irrational", "무리수", "유리수")
def irrational(d: Draw) -> Draft:
    n = d.whole(2, 90, avoid=[k * k for k in range(1, 10)])
    a, p, q = d.whole(2, 9), d.whole(1, 8), d.whole(2, 9)
    shown = d.shuffled([f"√{n}", f"√{a * a}", f"{p}/{q + 1}", f"0.{p}{p}{p}…"])
    return Draft(
        texts=(
            f"{listed(shown)} 중에서 무리수를 찾아 쓰시오.",
            f"다음 수 가운데 순환하지 않는 무한소수로 나타내어지는 것을 고르시오. {listed(shown)}",
            (f"√{n}[은/는] 유리수입니까, 무리수입니까? 까닭을 쓰시오.", "무리수"),
            f"{listed(shown)}에서 분수로 나타낼 수 없는 수는 무엇입니까?",
        ),
        answer=f"√{n}",
        why="유리수가 아닌 수, 곧 순환하지 않는 무한소수인 무리수를 찾는다.",
        steps=f"{n}[은/는] 제곱수가 아니므로 √{n}[은/는] 무리수",
        difficulty=2,
    )


@family("9수01-10", "radicals", "근호", "분모의 유리화", "제곱근의 계산")
def radicals(d: Draw) -> Draft:
    n = d.pick([2, 3, 5, 6, 7])
    a, b = d.whole(2, 7), d.whole(2, 7)
    m = d.pick([k for k in (2, 3, 5, 7) if n % k])
    over, under = Fraction(a, n).as_integer_ratio()
    rational = f"{'' if over == 1 else over}√{n}" + ("" if under == 1 else f"/{under}")
    return Draft(
        texts=(
            f"{a}√{n}+{b}√{n}[을/를] 간단히 하시오.",
            (f"√{a * a * n}-√{n}[을/를] 계산하시오.", f"{a - 1}√{n}" if a > 2 else f"√{n}"),
            (f"√{n}×√{m}[을/를] 간단히 하시오.", f"√{n * m}"),
            (f"{a}/√{n}의 분모를 유리화하시오.", rational),
            (f"√{a * a * n}[을/를] a√b 꼴로 나타내시오.", f"{a}√{n}"),
        ),
        answer=f"{a + b}√{n}",
        why="근호를 포함한 식을 간단히 하고 사칙계산을 한다.",
        steps=f"({a}+{b})√{n}={a + b}√{n}",
        difficulty=3,
    )
