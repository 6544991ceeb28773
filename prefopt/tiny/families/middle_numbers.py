"""중학교 1~3학년, numbers and algebra: prime factors, signed and real numbers, expressions, equations, inequalities, functions."""

from __future__ import annotations

from fractions import Fraction

from prefopt.tiny.drafting import Draft, Draw, family, listed

PRIMES = (2, 3, 5, 7, 11)


def factored(powers: dict[int, int]) -> str:
    """Prime powers as text: {2: 3, 5: 1} -> 2^3×5."""
    return "×".join(str(p) if e == 1 else f"{p}^{e}" for p, e in sorted(powers.items()))


def term(coefficient: int, letter: str, first: bool = False) -> str:
    """A term with its sign: term(-3, "x") -> -3x, term(1, "x") -> +x, first drops a plus."""
    if coefficient == 0:
        return ""
    size = "" if abs(coefficient) == 1 and letter else str(abs(coefficient))
    sign = "-" if coefficient < 0 else "" if first else "+"
    return f"{sign}{size}{letter}"


def polynomial(*coefficients: int, letter: str = "x") -> str:
    """A polynomial from the highest power down: polynomial(1, -3, 2) -> x^2-3x+2."""
    degree = len(coefficients) - 1
    out = ""
    for k, c in enumerate(coefficients):
        power = degree - k
        out += term(c, "" if power == 0 else letter if power == 1 else f"{letter}^{power}", first=not out)
    return out or "0"


def signed(n: int) -> str:
    """A number with its sign: +3, -5."""
    return f"{n:+d}"


@family("9수01-01", "prime-factors", "소인수분해", "소수", "거듭제곱")
def prime_factors(d: Draw) -> Draft:
    p, q = sorted(d.some(PRIMES[:4], 2))
    powers = {p: d.int(1, 4), q: d.int(1, 2)}
    n = p ** powers[p] * q ** powers[q]
    count = (powers[p] + 1) * (powers[q] + 1)
    return Draft(
        (
            f"자연수 {n}[을/를] 소인수분해하시오.",
            (f"{n}의 소인수를 모두 구하시오.", f"{p}, {q}"),
            (f"{n}={p}^a×{q}^b일 때 a+b의 값은 얼마입니까?", f"{powers[p] + powers[q]}"),
            (f"소인수분해를 이용하여 {n}의 약수의 개수를 구하시오.", f"{count}"),
        ),
        factored(powers), "자연수를 소인수만의 곱으로 나타내는 소인수분해를 한다.", f"{n}={factored(powers)}", 2,
    )


@family("9수01-02", "gcd-by-factors", "소인수분해", "최대공약수", "최소공배수")
def gcd_by_factors(d: Draw) -> Draft:
    p, q, r = sorted(d.some(PRIMES[:4], 3))
    a = {p: d.int(1, 3), q: d.int(1, 2)}
    b = {p: d.int(1, 3), q: d.int(1, 2), r: 1}
    low = {k: min(a[k], b[k]) for k in (p, q)}
    high = {k: max(a.get(k, 0), b.get(k, 0)) for k in (p, q, r)}
    return Draft(
        (
            f"두 수 {factored(a)}, {factored(b)}의 최대공약수를 소인수의 곱으로 나타내시오.",
            (f"두 수 {factored(a)}[과/와] {factored(b)}의 최소공배수를 소인수분해를 이용하여 구하시오.", factored(high)),
            (f"{factored(a)}[과/와] {factored(b)}의 공약수의 개수를 구하시오.", f"{(low[p] + 1) * (low[q] + 1)}"),
            (f"소인수분해된 두 수 {factored(a)}, {factored(b)}에 대하여 최대공약수와 최소공배수를 각각 구하시오.", f"{factored(low)}, {factored(high)}"),
        ),
        factored(low), "소인수분해한 꼴에서 지수를 비교하여 최대공약수와 최소공배수를 구한다.", f"지수가 작은 쪽을 택하면 {factored(low)}", 3,
    )


@family("9수01-03", "signed-quantities", "양수", "음수", "유리수")
def signed_quantities(d: Draw) -> Draft:
    a, b = d.int(2, 20), d.int(2, 9)
    up, down, unit = d.pick([("영상", "영하", "°C"), ("이익", "손해", "원"), ("해발", "해저", "m"), ("지상", "지하", "층"), ("증가", "감소", "명")])
    n = a * (100 if unit == "원" else 1)
    numbers = d.shuffled([f"+{a}", f"-{b}", "0", f"-{b}/{b + 1}", f"{a}.5"])
    return Draft(
        (
            f"{up} {n}{unit}[을/를] +{n}{unit}[으로/로] 나타낼 때 {down} {n + b}{unit}[을/를] 부호를 사용하여 나타내시오.",
            (f"{listed(numbers)} 중에서 정수를 모두 고르시오.", listed(x for x in numbers if "/" not in x and "." not in x)),
            (f"{listed(numbers)} 중에서 음수는 모두 몇 개입니까?", "2개"),
            (f"{listed(numbers)} 가운데 정수가 아닌 유리수를 모두 쓰시오.", listed(x for x in numbers if "/" in x or "." in x)),
        ),
        f"-{n + b}{unit}", "양의 부호와 음의 부호를 써서 양수와 음수, 정수와 유리수를 구별한다.", f"{up}[이/가] +이면 {down}[은/는] -", 2,
    )


@family("9수01-04", "order-rationals", "대소 관계", "절댓값", "수직선")
def order_rationals(d: Draw) -> Draft:
    a, b, c = d.ints(3, -12, 12)
    k = d.int(2, 6)
    order = sorted([a, b, c])
    return Draft(
        (
            f"{signed(a)}, {signed(b)}, {signed(c)}[을/를] 작은 것부터 차례로 나열하시오.",
            (f"절댓값이 {k} 이하인 정수는 모두 몇 개입니까?", f"{2 * k + 1}개"),
            (f"두 수 -{k}/{k + 1}[과/와] -{k + 1}/{k + 2}의 대소 관계를 부등호를 사용하여 나타내시오.", f"-{k}/{k + 1}>-{k + 1}/{k + 2}"),
            (f"수직선 위에서 {signed(a)}[과/와] {signed(b)} 중 더 오른쪽에 있는 수를 쓰시오.", signed(max(a, b))),
        ),
        listed(signed(x) for x in order), "부호와 절댓값을 보고 정수와 유리수의 대소 관계를 판단한다.", f"작은 것부터 {listed(signed(x) for x in order)}", 2,
    )


@family("9수01-05", "signed-arithmetic", "정수와 유리수", "사칙계산", "부호")
def signed_arithmetic(d: Draw) -> Draft:
    a, b = d.int(-12, 12, (0,)), d.int(-12, -2)
    c = d.int(-6, 6, (0,))
    e = d.int(2, 4)
    return Draft(
        (
            f"({signed(a)})+({signed(b)})[을/를] 계산하시오.",
            (f"({signed(a)})-({signed(b)})의 값을 구하시오.", signed(a - b)),
            (f"({signed(b)})×({signed(c)})[을/를] 계산하시오.", signed(b * c)),
            (f"({signed(a)})-({signed(b)})×({signed(c)})[을/를] 계산하시오.", signed(a - b * c)),
            (f"(-{e})^3÷({signed(-e)})+({signed(a)})의 값은 얼마입니까?", signed(e * e + a)),
        ),
        signed(a + b), "부호가 있는 정수와 유리수의 사칙계산을 한다.", f"({signed(a)})+({signed(b)})={signed(a + b)}", 3,
    )


@family("9수01-06", "repeating", "순환소수", "순환마디", "유리수")
def repeating(d: Draw) -> Draft:
    digits = d.int(1, 98, avoid=range(0, 100, 11))
    text = f"{digits:02d}"
    f = Fraction(digits, 99)
    n = d.pick([6, 7, 9, 11, 12, 14, 15, 18])
    finite = d.pick([8, 16, 20, 25, 40, 50])
    return Draft(
        (
            f"순환소수 0.{text}{text}{text}…[을/를] 기약분수로 나타내시오.",
            (f"0.{text}{text}{text}…의 순환마디를 구하시오.", text),
            (f"분수 1/{finite}[과/와] 1/{n} 중 유한소수로 나타낼 수 있는 것을 고르시오.", f"1/{finite}"),
            (f"순환소수 0.{text}{text}…에서 소수점 아래 {10 + digits % 30}번째 자리의 숫자를 구하시오.", text[(10 + digits % 30 - 1) % 2]),
        ),
        f"{f.numerator}/{f.denominator}", "순환마디가 되풀이되는 순환소수와 유리수의 관계를 이용한다.", f"{digits}/99={f.numerator}/{f.denominator}", 3,
    )


@family("9수01-07", "square-roots", "제곱근", "근호")
def square_roots(d: Draw) -> Draft:
    a, b = d.int(2, 15), d.int(2, 9)
    n = d.int(a * a - a + 1, a * a + a - 1, (a * a,))
    return Draft(
        (
            f"{a * a}의 제곱근을 구하시오.",
            (f"√{a * a}+(-√{b})^2[을/를] 간단히 하시오.", f"{a + b}"),
            (f"{a}[과/와] √{n}의 대소를 비교하시오.", f"{a}>√{n}" if a * a > n else f"{a}<√{n}"),
            (f"√({b}-{a + b})^2의 값은 얼마입니까?", f"{a}"),
            (f"넓이가 {a * a} cm²인 정사각형의 한 변의 길이를 제곱근을 이용하여 구하시오.", f"{a} cm"),
        ),
        f"±{a}", "제곱하여 어떤 수가 되는 제곱근의 뜻과 성질을 이용한다.", f"{a}^2={a * a}이므로 ±{a}", 2,
    )


@family("9수01-08", "irrational", "무리수", "유리수")
def irrational(d: Draw) -> Draft:
    n = d.int(2, 90, avoid=[k * k for k in range(1, 10)])
    a, p, q = d.int(2, 9), d.int(1, 9), d.int(2, 9)
    shown = d.shuffled([f"√{n}", f"√{a * a}", f"{p}/{q + 1}", f"0.{p}{p}{p}…"])
    return Draft(
        (
            f"{listed(shown)} 중에서 무리수를 찾아 쓰시오.",
            f"다음 수 가운데 순환하지 않는 무한소수로 나타내어지는 것을 고르시오. {listed(shown)}",
            (f"√{n}[은/는] 유리수입니까, 무리수입니까? 까닭을 쓰시오.", "무리수"),
            f"{listed(shown)}에서 분수로 나타낼 수 없는 수는 무엇입니까?",
        ),
        f"√{n}", "유리수가 아닌 수, 곧 순환하지 않는 무한소수인 무리수를 찾는다.", f"{n}[은/는] 제곱수가 아니므로 √{n}[은/는] 무리수", 2,
    )


@family("9수01-10", "radicals", "근호", "분모의 유리화", "제곱근의 계산")
def radicals(d: Draw) -> Draft:
    n = d.pick([2, 3, 5, 6, 7])
    a, b = d.int(2, 7), d.int(2, 7)
    m = d.pick([k for k in (2, 3, 5, 7) if k != n])
    return Draft(
        (
            f"{a}√{n}+{b}√{n}[을/를] 간단히 하시오.",
            (f"√{a * a * n}-√{n}[을/를] 계산하시오.", f"{a - 1}√{n}" if a > 2 else f"√{n}"),
            (f"√{n}×√{m}[을/를] 간단히 하시오.", f"√{n * m}"),
            (f"{a}/√{n}의 분모를 유리화하시오.", f"{a}√{n}/{n}"),
            (f"√{a * a * n}[을/를] a√b 꼴로 나타내시오.", f"{a}√{n}"),
        ),
        f"{a + b}√{n}", "근호를 포함한 식을 간단히 하고 사칙계산을 한다.", f"({a}+{b})√{n}={a + b}√{n}", 3,
    )


@family("9수02-01", "letters", "문자를 사용한 식", "식의 값")
def letters(d: Draw) -> Draft:
    a, b, x = d.int(2, 9), d.int(1, 9), d.int(-5, 6, (0,))
    price = d.int(3, 12) * 100
    thing, counter = d.thing("개", "자루", "권", "장")
    return Draft(
        (
            f"x={x}일 때 {a}x+{b}의 값을 구하시오.",
            (f"한 {counter}에 {price}원인 {thing} x{counter}[을/를] 사고 {price * 20}원을 냈을 때의 거스름돈을 문자를 사용한 식으로 나타내시오.", f"({price * 20}-{price}x)원"),
            (f"가로가 {a} cm, 세로가 x cm인 직사각형의 둘레의 길이를 x를 사용한 식으로 나타내시오.", f"{2}({a}+x) cm"),
            (f"시속 {10 * a} km로 x시간 동안 간 거리를 문자를 사용한 식으로 쓰시오.", f"{10 * a}x km"),
        ),
        f"{a * x + b}", "수량을 문자를 사용한 식으로 나타내거나 식의 값을 구한다.", f"{a}×({x})+{b}={a * x + b}", 2,
    )


@family("9수02-02", "linear-sums", "일차식", "동류항")
def linear_sums(d: Draw) -> Draft:
    a, c = d.int(2, 8), d.int(2, 8)
    b, e, k = d.int(-9, 9, (0,)), d.int(-9, 9, (0,)), d.int(2, 5)
    f, g = polynomial(a, b), polynomial(c, e)
    return Draft(
        (
            f"({f})+({g})[을/를] 계산하시오.",
            (f"({f})-({g})[을/를] 간단히 하시오.", polynomial(a - c, b - e)),
            (f"일차식 {k}({f})-({g})[을/를] 계산하시오.", polynomial(k * a - c, k * b - e)),
            (f"{polynomial(a, b)}{term(c, 'x')}{term(e, '')}에서 동류항끼리 모아 간단히 하시오.", polynomial(a + c, b + e)),
        ),
        polynomial(a + c, b + e), "동류항끼리 모아 일차식의 덧셈과 뺄셈을 한다.", f"x의 계수 {a}+{c}={a + c}", 2,
    )


@family("9수02-03", "equality", "방정식의 해", "등식의 성질", "항등식")
def equality(d: Draw) -> Draft:
    a, x, b = d.int(2, 7), d.int(-4, 6, (0,)), d.int(1, 9)
    c = a * x + b
    wrong = [w for w in range(-5, 8) if w != x]
    options = sorted([x, *d.some(wrong, 2)])
    return Draft(
        (
            f"{listed(options)} 중에서 방정식 {a}x+{b}={c}의 해인 것을 찾으시오.",
            (f"등식 {a}x+{b}={c}의 양변에서 {b}[을/를] 빼면 {a}x={c - b}입니다. 여기에 쓰인 등식의 성질을 쓰시오.", "양변에서 같은 수를 빼어도 등식은 성립한다"),
            (f"a=b이면 a+{b}=b+□입니다. 등식의 성질을 이용하여 □에 알맞은 수를 구하시오.", f"{b}"),
            (f"등식 {a}x+{b}={a}x+□[이/가] 항등식이 되도록 □에 알맞은 수를 쓰시오.", f"{b}"),
        ),
        f"x={x}", "방정식의 해의 뜻과 등식의 성질을 이용한다.", f"x={x}[을/를] 대입하면 {a}×({x})+{b}={c}", 2,
    )


@family("9수02-04", "linear-equation", "일차방정식", "이항", "활용")
def linear_equation(d: Draw) -> Draft:
    x, a, c = d.int(-6, 9, (0,)), d.int(3, 9), d.int(1, 2)
    b = d.int(-9, 9, (0,))
    e = a * x + b - c * x
    age, son = d.int(38, 48), d.int(8, 13)
    years = d.int(2, 9)
    n = d.int(11, 60)
    return Draft(
        (
            f"일차방정식 {polynomial(a, b)}={polynomial(c, e)}[을/를] 푸시오.",
            (f"연속하는 세 자연수의 합이 {3 * n}입니다. 가운데 수를 x로 놓고 방정식을 세워 세 수를 구하시오.", f"{n - 1}, {n}, {n + 1}"),
            (f"현재 어머니는 {age}살, 아들은 {son}살입니다. 두 사람의 나이의 합이 {age + son + 2 * years}살이 되는 것은 몇 년 뒤인지 방정식을 세워 구하시오.", f"{years}년"),
            (f"어떤 수의 {a}배에 {abs(b)}[을/를] 더한 수는 {a * n + abs(b)}입니다. 방정식을 이용하여 어떤 수를 구하시오.", f"{n}"),
        ),
        f"x={x}", "미지수가 하나인 일차방정식을 세우거나 풀어 답을 구한다.", f"{polynomial(a - c, 0)}={e - b}이므로 x={x}", 3,
    )


@family("9수02-05", "coordinates", "순서쌍", "좌표", "사분면")
def coordinates(d: Draw) -> Draft:
    x, y = d.int(-9, 9, (0,)), d.int(-9, 9, (0,))
    p = d.pick(list("ABCPQ"))
    quadrant = {(True, True): 1, (False, True): 2, (False, False): 3, (True, False): 4}[(x > 0, y > 0)]
    return Draft(
        (
            f"점 {p}({x}, {y})는 제몇 사분면 위의 점입니까?",
            (f"x좌표가 {x}이고 y좌표가 {y}인 점 {p}[을/를] 순서쌍으로 나타내시오.", f"{p}({x}, {y})"),
            (f"좌표평면에서 점 ({x}, {y})[과/와] y축에 대하여 대칭인 점의 좌표를 구하시오.", f"({-x}, {y})"),
            (f"x축 위에 있고 x좌표가 {x}인 점의 좌표를 쓰시오.", f"({x}, 0)"),
        ),
        f"제{quadrant}사분면", "순서쌍과 좌표로 좌표평면 위의 점의 위치를 나타낸다.", f"x좌표와 y좌표의 부호를 보면 제{quadrant}사분면", 2,
    )


@family("9수02-07", "variation", "정비례", "반비례", "관계식")
def variation(d: Draw) -> Draft:
    k, x, z = d.int(2, 9), d.int(2, 6), d.int(7, 12)
    per = d.int(2, 8)
    return Draft(
        (
            f"y가 x에 정비례하고 x={x}일 때 y={k * x}입니다. x와 y 사이의 관계식을 구하시오.",
            (f"y가 x에 반비례하고 x={x}일 때 y={k}입니다. x와 y 사이의 관계식을 구하시오.", f"y={k * x}/x"),
            (f"매분 {per} L씩 물을 넣는 수조가 있습니다. x분 동안 넣은 물의 양을 y L라고 할 때 정비례 관계식과 {z}분 뒤의 물의 양을 구하시오.", f"y={per}x, {per * z} L"),
            (f"반비례 관계 y={k * x}/x의 그래프가 점 ({x}, a)를 지날 때 a의 값을 구하시오.", f"{k}"),
            (f"정비례 관계 y={k}x의 그래프가 점 ({z}, b)를 지날 때 b의 값은 얼마입니까?", f"{k * z}"),
        ),
        f"y={k}x", "y가 x에 정비례하거나 반비례하는 관계를 식과 그래프로 나타낸다.", f"{k * x}÷{x}={k}이므로 y={k}x", 3,
    )


@family("9수02-08", "exponents", "지수법칙", "거듭제곱")
def exponents(d: Draw) -> Draft:
    m, n, k = d.int(2, 9), d.int(2, 6), d.int(2, 4)
    base = d.pick(["a", "x", "2", "3", "5", "y"])
    return Draft(
        (
            f"{base}^{m}×{base}^{n}[을/를] 간단히 하시오.",
            (f"({base}^{m})^{k}[을/를] 간단히 하시오.", f"{base}^{m * k}"),
            (f"{base}^{m + n}÷{base}^{n}[을/를] 지수법칙을 이용하여 간단히 하시오.", f"{base}^{m}"),
            (f"{base}^{m}×{base}^□={base}^{m + n}일 때 □에 알맞은 수를 구하시오.", f"{n}"),
        ),
        f"{base}^{m + n}", "밑이 같은 거듭제곱에 지수법칙을 쓴다.", f"지수를 더하면 {m}+{n}={m + n}", 2,
    )


@family("9수02-09", "polynomial-sums", "다항식", "이차식", "동류항")
def polynomial_sums(d: Draw) -> Draft:
    a, b, c = d.int(2, 7), d.int(-7, 7, (0,)), d.int(-9, 9, (0,))
    e, f, g = d.int(1, 6), d.int(-7, 7, (0,)), d.int(-9, 9, (0,))
    p, q = polynomial(a, b, c), polynomial(e, f, g)
    return Draft(
        (
            f"({p})+({q})[을/를] 계산하시오.",
            (f"({p})-({q})[을/를] 간단히 하시오.", polynomial(a - e, b - f, c - g)),
            (f"어떤 다항식에서 {q}[을/를] 뺐더니 {p}[이/가] 되었습니다. 어떤 다항식을 구하시오.", polynomial(a + e, b + f, c + g)),
            (f"({a}x{term(b, 'y')})+({e}x{term(f, 'y')})[을/를] 계산하시오.", term(a + e, "x", True) + term(b + f, "y")),
        ),
        polynomial(a + e, b + f, c + g), "이차식이나 문자가 둘인 다항식을 동류항끼리 더하고 뺀다.", f"x^2의 계수 {a}+{e}={a + e}", 3,
    )


@family("9수02-10", "monomial-times", "단항식", "다항식", "분배법칙")
def monomial_times(d: Draw) -> Draft:
    a, b, c = d.int(2, 7), d.int(2, 7), d.int(-8, 8, (0,))
    return Draft(
        (
            f"{a}x({b}x{term(c, '')})[을/를] 전개하시오.",
            (f"({polynomial(a * b, a * c, 0)})÷{a}x를 계산하시오.", polynomial(b, c)),
            (f"-{a}a×({b}a{term(c, 'b')})[을/를] 간단히 하시오.", f"-{a * b}a^2{term(-a * c, 'ab')}"),
            (f"(단항식)×(다항식) {a}xy({b}x{term(c, 'y')})[을/를] 계산하시오.", f"{a * b}x^2y{term(a * c, 'xy^2')}"),
        ),
        polynomial(a * b, a * c, 0), "단항식과 다항식의 곱셈이나 나눗셈을 분배법칙으로 계산한다.", f"{a}x×{b}x={a * b}x^2", 3,
    )


@family("9수02-11", "inequality-properties", "부등식", "부등식의 성질", "해")
def inequality_properties(d: Draw) -> Draft:
    a, b, k = d.int(2, 9), d.int(1, 9), d.int(2, 7)
    low, high = d.int(-4, 0), d.int(1, 5)
    x = d.int(-3, 4)
    return Draft(
        (
            f"a<b일 때 -{k}a+{b}[과/와] -{k}b+{b} 사이에 알맞은 부등호를 쓰시오.",
            (f"{low}<x<{high}일 때 {a}x-{b}의 값의 범위를 부등식의 성질을 이용하여 구하시오.", f"{a * low - b}<{a}x-{b}<{a * high - b}"),
            (f"x의 값이 {x - 1}, {x}, {x + 1}일 때 부등식 {a}x+{b}>{a * x + b}의 해를 구하시오.", f"x={x + 1}"),
            (f"'어떤 수 x의 {a}배에서 {b}[을/를] 뺀 값은 {a * b} 이상이다.'를 부등식으로 나타내시오.", f"{a}x-{b}≥{a * b}"),
        ),
        ">", "부등식의 뜻과 성질, 그 해의 뜻을 묻는다.", f"음수 -{k}[을/를] 곱하면 부등호의 방향이 바뀐다", 3,
    )


@family("9수02-12", "linear-inequality", "일차부등식", "해", "활용")
def linear_inequality(d: Draw) -> Draft:
    a, c, x = d.int(4, 9), d.int(1, 3), d.int(-4, 7)
    b = d.int(-9, 9, (0,))
    e = (a - c) * x + b
    price, box, money = d.int(5, 12) * 100, d.int(1, 3) * 1000, d.int(10, 20) * 1000
    (thing, counter) = d.thing("개", "송이", "권")
    return Draft(
        (
            f"일차부등식 {polynomial(a, b)}<{polynomial(c, e)}[을/를] 푸시오.",
            (f"부등식 {polynomial(a, b)}≥{polynomial(c, e)}의 해를 구하시오.", f"x≥{x}"),
            (
                f"한 {counter}에 {price}원인 {thing}[을/를] {box}원짜리 상자에 담아 전체 값이 {money}원 이하가 되게 하려고 합니다. {thing}[은/는] 최대 몇 {counter}까지 살 수 있는지 부등식을 세워 구하시오.",
                f"{(money - box) // price}{counter}",
            ),
            (f"어떤 정수의 {a}배에 {abs(b)}[을/를] 더한 수가 {a * abs(x) + abs(b)}보다 클 때, 이를 만족시키는 가장 작은 정수를 일차부등식으로 구하시오.", f"{abs(x) + 1}"),
        ),
        f"x<{x}", "일차부등식을 세우거나 풀어 해를 구한다.", f"{polynomial(a - c, 0)}<{e - b}이므로 x<{x}", 3,
    )


@family("9수02-13", "simultaneous", "연립방정식", "가감법", "대입법")
def simultaneous(d: Draw) -> Draft:
    x, y = d.int(-5, 8, (0,)), d.int(-5, 8, (0,))
    a, b, c = d.int(1, 5), d.int(1, 5), d.int(2, 6)
    p, q = a * x + b * y, c * x - b * y
    n, m = d.int(2, 9), d.int(2, 9)
    return Draft(
        (
            f"연립방정식 {term(a, 'x', True)}{term(b, 'y')}={p}, {term(c, 'x', True)}{term(-b, 'y')}={q}[을/를] 푸시오.",
            (f"두 일차방정식 x+y={x + y}, x-y={x - y}[을/를] 동시에 만족시키는 x, y의 값을 구하시오.", f"x={x}, y={y}"),
            (
                f"500원짜리 사탕과 800원짜리 초콜릿을 합하여 {n + m}개 사고 {500 * n + 800 * m}원을 냈습니다. 미지수가 2개인 연립방정식을 세워 사탕의 개수를 구하시오.",
                f"{n}개",
            ),
            (f"닭과 토끼가 모두 {n + m}마리 있고 다리의 수의 합은 {2 * n + 4 * m}개입니다. 연립방정식으로 토끼의 수를 구하시오.", f"{m}마리"),
        ),
        f"x={x}, y={y}", "미지수가 2개인 두 일차방정식을 함께 풀어 해를 구한다.", f"두 식을 더하면 {a + c}x={p + q}", 4,
    )


@family("9수02-14", "function-value", "함수", "함숫값")
def function_value(d: Draw) -> Draft:
    a, b, x = d.int(-6, 7, (0, 1, -1)), d.int(-9, 9, (0,)), d.int(-4, 6, (0,))
    k = d.pick([6, 8, 12, 24])
    div = d.pick([n for n in range(2, 7) if k % n == 0])
    return Draft(
        (
            f"함수 f(x)={polynomial(a, b)}에 대하여 f({x})의 값을 구하시오.",
            (f"함수 f(x)={k}/x에서 함숫값 f({div})[을/를] 구하시오.", f"{k // div}"),
            (f"함수 f(x)={polynomial(a, 0)}에 대하여 f(m)={a * x}[이/가] 되는 m의 값을 구하시오.", f"{x}"),
            (f"한 변의 길이가 x cm인 정삼각형의 둘레를 y cm라고 하면 y는 x의 함수입니까? 함수이면 y=f(x)에서 f({abs(x) + 1})의 값을 구하시오.", f"함수이다, {3 * (abs(x) + 1)}"),
        ),
        f"{a * x + b}", "함수의 뜻을 알고 x에 수를 대입하여 함숫값을 구한다.", f"f({x})={a}×({x}){term(b, '')}={a * x + b}", 2,
    )


@family("9수02-16", "line-properties", "일차함수", "기울기", "절편")
def line_properties(d: Draw) -> Draft:
    a, x = d.int(-5, 6, (0,)), d.int(-5, 5, (0,))
    b = -a * x
    x1, dx = d.int(-4, 3), d.int(1, 5)
    shift = d.int(1, 7)
    return Draft(
        (
            f"일차함수 y={polynomial(a, b)}의 그래프의 x절편을 구하시오.",
            (f"두 점 ({x1}, {a * x1 + shift}), ({x1 + dx}, {a * (x1 + dx) + shift})[을/를] 지나는 일차함수의 그래프의 기울기를 구하시오.", f"{a}"),
            (f"일차함수 y={polynomial(a, 0)}의 그래프를 y축의 방향으로 {shift}만큼 평행이동한 그래프의 식을 구하시오.", f"y={polynomial(a, shift)}"),
            (f"일차함수 y={polynomial(a, b)}의 그래프와 평행하고 y절편이 {shift}인 직선을 그래프로 하는 일차함수의 식을 구하시오.", f"y={polynomial(a, shift)}"),
        ),
        f"{x}", "일차함수의 그래프의 기울기와 절편, 평행이동의 성질을 이용한다.", f"y=0을 대입하면 x={x}", 3,
    )


@family("9수02-18", "lines-meet", "두 직선의 교점", "연립방정식", "그래프")
def lines_meet(d: Draw) -> Draft:
    x, y = d.int(-4, 5), d.int(-4, 5)
    a, c = d.some([-3, -2, -1, 1, 2, 3], 2)
    b, e = y - a * x, y - c * x
    other = d.int(1, 9)
    return Draft(
        (
            f"두 일차함수 y={polynomial(a, b)}, y={polynomial(c, e)}의 그래프의 교점의 좌표를 구하시오.",
            (f"두 직선 y={polynomial(a, b)}[과/와] y={polynomial(a, b + other)}의 위치 관계를 이용하여 연립방정식의 해의 개수를 구하시오.", "0개"),
            (f"두 직선의 교점이 ({x}, {y})입니다. 두 직선의 방정식으로 이루어진 연립방정식의 해를 쓰시오.", f"x={x}, y={y}"),
        ),
        f"({x}, {y})", "두 직선의 교점의 좌표가 연립방정식의 해와 같음을 이용한다.", f"{polynomial(a - c, 0)}={e - b}에서 x={x}, y={y}", 4,
    )


@family("9수02-19", "factoring", "인수분해", "다항식의 곱셈", "전개")
def factoring(d: Draw) -> Draft:
    a, b = d.int(-7, 8, (0,)), d.int(-7, 8, (0,))
    k = d.int(2, 9)
    first, second = f"(x{term(a, '')})", f"(x{term(b, '')})"
    product = f"(x{term(a, '')})^2" if a == b else first + second
    return Draft(
        (
            f"{polynomial(1, a + b, a * b)}[을/를] 인수분해하시오.",
            (f"{first}{second}[을/를] 전개하시오.", polynomial(1, a + b, a * b)),
            (f"x^2-{k * k}[을/를] 인수분해하시오.", f"(x+{k})(x-{k})"),
            (f"곱셈 공식을 이용하여 (x{term(a, '')})^2[을/를] 전개하시오.", polynomial(1, 2 * a, a * a)),
        ),
        product, "다항식의 곱을 전개하거나 다항식을 인수의 곱으로 인수분해한다.", f"더하면 {a + b}, 곱하면 {a * b}인 두 수는 {a}, {b}", 3,
    )


@family("9수02-20", "quadratic-equation", "이차방정식", "근의 공식", "인수분해")
def quadratic_equation(d: Draw) -> Draft:
    a, b = d.ints(2, -7, 8)
    n, k = d.int(5, 15), d.int(2, 5)
    roots = f"x={min(a, b)} 또는 x={max(a, b)}"
    return Draft(
        (
            f"이차방정식 {polynomial(1, -(a + b), a * b)}=0을 푸시오.",
            (f"이차방정식 (x{term(-a, '')})^2={k * k}의 해를 구하시오.", f"x={a - k} 또는 x={a + k}"),
            (f"연속하는 두 자연수의 곱이 {n * (n + 1)}입니다. 이차방정식을 세워 두 수를 구하시오.", f"{n}, {n + 1}"),
            (f"가로가 세로보다 {k} cm 긴 직사각형의 넓이가 {n * (n + k)} cm²입니다. 세로의 길이를 x cm로 놓고 이차방정식을 이용하여 구하시오.", f"{n} cm"),
        ),
        roots, "x에 대한 이차방정식을 세우거나 풀어 근을 구한다.", f"인수분해하면 {roots}", 4,
    )


@family("9수02-22", "parabola", "이차함수", "꼭짓점", "축의 방정식")
def parabola(d: Draw) -> Draft:
    a, p, q = d.int(-4, 4, (0,)), d.int(-6, 6, (0,)), d.int(-8, 8, (0,))
    inner = f"(x{term(-p, '')})^2"
    text = f"y={'' if a == 1 else '-' if a == -1 else a}{inner}{term(q, '')}"
    return Draft(
        (
            f"이차함수 {text}의 그래프의 꼭짓점의 좌표를 구하시오.",
            (f"이차함수 {text}의 그래프의 축의 방정식을 구하시오.", f"x={p}"),
            (
                f"이차함수 y={term(a, 'x^2', True)}의 그래프를 x축의 방향으로 {p}만큼, y축의 방향으로 {q}만큼 평행이동한 그래프의 식을 쓰시오.",
                text,
            ),
            (f"이차함수 {text}의 그래프는 위로 볼록합니까, 아래로 볼록합니까?", "아래로 볼록" if a > 0 else "위로 볼록"),
        ),
        f"({p}, {q})", "이차함수의 그래프의 꼭짓점, 축, 평행이동의 성질을 이용한다.", f"꼭짓점은 ({p}, {q}), 축은 x={p}", 3,
    )
