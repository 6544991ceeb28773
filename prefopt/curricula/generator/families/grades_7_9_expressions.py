"""중학교 변화와 관계: expressions, equations, inequalities, coordinates."""

from __future__ import annotations

from prefopt.curricula.generator.drafting import Draft, Draw, family, listed
from prefopt.curricula.generator.formulas import polynomial, term


@family("9수02-01", "letters", "문자를 사용한 식", "식의 값")
def letters(d: Draw) -> Draft:
    a, b, x = d.whole(2, 9), d.whole(1, 9), d.whole(-5, 6, (0,))
    price = d.whole(3, 12) * 100
    thing, counter = d.thing("개", "자루", "권", "장")
    return Draft(
        texts=(
            f"x={x}일 때 {a}x+{b}의 값을 구하시오.",
            (
                f"한 {counter}에 {price}원인 {thing} x{counter}[을/를] 사고 {price * 20}원을 냈을 때의 거스름돈을 문자를 사용한 식으로 나타내시오.",
                f"({price * 20}-{price}x)원",
            ),
            (f"가로가 {a} cm, 세로가 x cm인 직사각형의 둘레의 길이를 x를 사용한 식으로 나타내시오.", f"{2}({a}+x) cm"),
            (f"시속 {10 * a} km로 x시간 동안 간 거리를 문자를 사용한 식으로 쓰시오.", f"{10 * a}x km"),
        ),
        answer=f"{a * x + b}",
        why="수량을 문자를 사용한 식으로 나타내거나 식의 값을 구한다.",
        steps=f"{a}×({x})+{b}={a * x + b}",
        difficulty=2,
    )


@family("9수02-02", "linear-sums", "일차식", "동류항")
def linear_sums(d: Draw) -> Draft:
    a, c = d.whole(2, 8), d.whole(2, 8)
    b, e, k = d.whole(-9, 9, (0,)), d.whole(-9, 9, (0,)), d.whole(2, 5)
    f, g = polynomial(a, b), polynomial(c, e)
    return Draft(
        texts=(
            f"({f})+({g})[을/를] 계산하시오.",
            (f"({f})-({g})[을/를] 간단히 하시오.", polynomial(a - c, b - e)),
            (f"일차식 {k}({f})-({g})[을/를] 계산하시오.", polynomial(k * a - c, k * b - e)),
            (f"{polynomial(a, b)}{term(c, 'x')}{term(e, '')}에서 동류항끼리 모아 간단히 하시오.", polynomial(a + c, b + e)),
        ),
        answer=polynomial(a + c, b + e),
        why="동류항끼리 모아 일차식의 덧셈과 뺄셈을 한다.",
        steps=f"x의 계수 {a}+{c}={a + c}",
        difficulty=2,
    )


@family("9수02-03", "equality", "방정식의 해", "등식의 성질", "항등식")
def equality(d: Draw) -> Draft:
    a, x, b = d.whole(2, 7), d.whole(-4, 6, (0,)), d.whole(1, 9)
    c = a * x + b
    wrong = [w for w in range(-5, 8) if w != x]
    options = sorted([x, *d.some(wrong, 2)])
    return Draft(
        texts=(
            f"{listed(options)} 중에서 방정식 {a}x+{b}={c}의 해인 것을 찾으시오.",
            (
                f"등식 {a}x+{b}={c}의 양변에서 {b}[을/를] 빼면 {a}x={c - b}입니다. 여기에 쓰인 등식의 성질을 쓰시오.",
                "양변에서 같은 수를 빼어도 등식은 성립한다",
            ),
            (f"a=b이면 a+{b}=b+□입니다. 등식의 성질을 이용하여 □에 알맞은 수를 구하시오.", f"{b}"),
            (f"등식 {a}x+{b}={a}x+□[이/가] 항등식이 되도록 □에 알맞은 수를 쓰시오.", f"{b}"),
        ),
        answer=f"x={x}",
        why="방정식의 해의 뜻과 등식의 성질을 이용한다.",
        steps=f"x={x}[을/를] 대입하면 {a}×({x})+{b}={c}",
        difficulty=2,
    )


@family("9수02-04", "linear-equation", "일차방정식", "이항", "활용")
def linear_equation(d: Draw) -> Draft:
    x, a, c = d.whole(-6, 9, (0,)), d.whole(3, 9), d.whole(1, 2)
    b = d.whole(-9, 9, (0,))
    e = a * x + b - c * x
    age, son = d.whole(38, 48), d.whole(8, 13)
    years = d.whole(2, 9)
    n = d.whole(11, 60)
    return Draft(
        texts=(
            f"일차방정식 {polynomial(a, b)}={polynomial(c, e)}[을/를] 푸시오.",
            (f"연속하는 세 자연수의 합이 {3 * n}입니다. 가운데 수를 x로 놓고 방정식을 세워 세 수를 구하시오.", f"{n - 1}, {n}, {n + 1}"),
            (
                f"현재 어머니는 {age}살, 아들은 {son}살입니다. 두 사람의 나이의 합이 {age + son + 2 * years}살이 되는 것은 몇 년 뒤인지 방정식을 세워 구하시오.",
                f"{years}년",
            ),
            (f"어떤 수의 {a}배에 {abs(b)}[을/를] 더한 수는 {a * n + abs(b)}입니다. 방정식을 이용하여 어떤 수를 구하시오.", f"{n}"),
        ),
        answer=f"x={x}",
        why="미지수가 하나인 일차방정식을 세우거나 풀어 답을 구한다.",
        steps=f"{polynomial(a - c, 0)}={e - b}이므로 x={x}",
        difficulty=3,
    )


@family("9수02-05", "coordinates", "순서쌍", "좌표", "사분면")
def coordinates(d: Draw) -> Draft:
    x, y = d.whole(-9, 9, (0,)), d.whole(-9, 9, (0,))
    p = d.pick(list("ABCPQ"))
    quadrant = {(True, True): 1, (False, True): 2, (False, False): 3, (True, False): 4}[(x > 0, y > 0)]
    return Draft(
        texts=(
            f"점 {p}({x}, {y})[은/는] 제몇 사분면 위의 점입니까?",
            (f"x좌표가 {x}이고 y좌표가 {y}인 점 {p}[을/를] 순서쌍으로 나타내시오.", f"{p}({x}, {y})"),
            (f"좌표평면에서 점 ({x}, {y})[과/와] y축에 대하여 대칭인 점의 좌표를 구하시오.", f"({-x}, {y})"),
            (f"x축 위에 있고 x좌표가 {x}인 점의 좌표를 쓰시오.", f"({x}, 0)"),
        ),
        answer=f"제{quadrant}사분면",
        why="순서쌍과 좌표로 좌표평면 위의 점의 위치를 나타낸다.",
        steps=f"x좌표와 y좌표의 부호를 보면 제{quadrant}사분면",
        difficulty=2,
    )


@family("9수02-07", "variation", "정비례", "반비례", "관계식")
def variation(d: Draw) -> Draft:
    k, x, z = d.whole(2, 9), d.whole(2, 6), d.whole(7, 12)
    per = d.whole(2, 8)
    return Draft(
        texts=(
            f"y가 x에 정비례하고 x={x}일 때 y={k * x}입니다. x와 y 사이의 관계식을 구하시오.",
            (f"y가 x에 반비례하고 x={x}일 때 y={k}입니다. x와 y 사이의 관계식을 구하시오.", f"y={k * x}/x"),
            (
                f"매분 {per} L씩 물을 넣는 수조가 있습니다. x분 동안 넣은 물의 양을 y L라고 할 때 정비례 관계식과 {z}분 뒤의 물의 양을 구하시오.",
                f"y={per}x, {per * z} L",
            ),
            (f"반비례 관계 y={k * x}/x의 그래프가 점 ({x}, a)를 지날 때 a의 값을 구하시오.", f"{k}"),
            (f"정비례 관계 y={k}x의 그래프가 점 ({z}, b)를 지날 때 b의 값은 얼마입니까?", f"{k * z}"),
        ),
        answer=f"y={k}x",
        why="y가 x에 정비례하거나 반비례하는 관계를 식과 그래프로 나타낸다.",
        steps=f"{k * x}÷{x}={k}이므로 y={k}x",
        difficulty=3,
    )


@family("9수02-08", "exponents", "지수법칙", "거듭제곱")
def exponents(d: Draw) -> Draft:
    m, n, k = d.whole(2, 9), d.whole(2, 6), d.whole(2, 4)
    base = d.pick(["a", "x", "2", "3", "5", "y"])
    return Draft(
        texts=(
            f"{base}^{m}×{base}^{n}[을/를] 간단히 하시오.",
            (f"({base}^{m})^{k}[을/를] 간단히 하시오.", f"{base}^{m * k}"),
            (f"{base}^{m + n}÷{base}^{n}[을/를] 지수법칙을 이용하여 간단히 하시오.", f"{base}^{m}"),
            (f"{base}^{m}×{base}^□={base}^{m + n}일 때 □에 알맞은 수를 구하시오.", f"{n}"),
        ),
        answer=f"{base}^{m + n}",
        why="밑이 같은 거듭제곱에 지수법칙을 쓴다.",
        steps=f"지수를 더하면 {m}+{n}={m + n}",
        difficulty=2,
    )


@family("9수02-09", "polynomial-sums", "다항식", "이차식", "동류항")
def polynomial_sums(d: Draw) -> Draft:
    a, b, c = d.whole(2, 7), d.whole(-7, 7, (0,)), d.whole(-9, 9, (0,))
    e, f, g = d.whole(1, 6), d.whole(-7, 7, (0,)), d.whole(-9, 9, (0,))
    p, q = polynomial(a, b, c), polynomial(e, f, g)
    return Draft(
        texts=(
            f"({p})+({q})[을/를] 계산하시오.",
            (f"({p})-({q})[을/를] 간단히 하시오.", polynomial(a - e, b - f, c - g)),
            (f"어떤 다항식에서 {q}[을/를] 뺐더니 {p}[이/가] 되었습니다. 어떤 다항식을 구하시오.", polynomial(a + e, b + f, c + g)),
            (f"({a}x{term(b, 'y')})+({term(e, 'x', True)}{term(f, 'y')})[을/를] 계산하시오.", term(a + e, "x", True) + term(b + f, "y")),
        ),
        answer=polynomial(a + e, b + f, c + g),
        why="이차식이나 문자가 둘인 다항식을 동류항끼리 더하고 뺀다.",
        steps=f"x^2의 계수 {a}+{e}={a + e}",
        difficulty=3,
    )


@family("9수02-10", "monomial-times", "단항식", "다항식", "분배법칙")
def monomial_times(d: Draw) -> Draft:
    a, b, c = d.whole(2, 7), d.whole(2, 7), d.whole(-8, 8, (0,))
    return Draft(
        texts=(
            f"{a}x({b}x{term(c, '')})[을/를] 전개하시오.",
            (f"({polynomial(a * b, a * c, 0)})÷{a}x를 계산하시오.", polynomial(b, c)),
            (f"-{a}a×({b}a{term(c, 'b')})[을/를] 간단히 하시오.", f"-{a * b}a^2{term(-a * c, 'ab')}"),
            (f"(단항식)×(다항식) {a}xy({b}x{term(c, 'y')})[을/를] 계산하시오.", f"{a * b}x^2y{term(a * c, 'xy^2')}"),
        ),
        answer=polynomial(a * b, a * c, 0),
        why="단항식과 다항식의 곱셈이나 나눗셈을 분배법칙으로 계산한다.",
        steps=f"{a}x×{b}x={a * b}x^2",
        difficulty=3,
    )


@family("9수02-11", "inequality-properties", "부등식", "부등식의 성질", "해")
def inequality_properties(d: Draw) -> Draft:
    a, b, k = d.whole(2, 9), d.whole(1, 9), d.whole(2, 7)
    low, high = d.whole(-4, 0), d.whole(1, 5)
    x = d.whole(-3, 4)
    return Draft(
        texts=(
            f"a<b일 때 -{k}a+{b}[과/와] -{k}b+{b} 사이에 알맞은 부등호를 쓰시오.",
            (f"{low}<x<{high}일 때 {a}x-{b}의 값의 범위를 부등식의 성질을 이용하여 구하시오.", f"{a * low - b}<{a}x-{b}<{a * high - b}"),
            (f"x의 값이 {x - 1}, {x}, {x + 1}일 때 부등식 {a}x+{b}>{a * x + b}의 해를 구하시오.", f"x={x + 1}"),
            (f"'어떤 수 x의 {a}배에서 {b}[을/를] 뺀 값은 {a * b} 이상이다.'를 부등식으로 나타내시오.", f"{a}x-{b}≥{a * b}"),
        ),
        answer=">",
        why="부등식의 뜻과 성질, 그 해의 뜻을 묻는다.",
        steps=f"음수 -{k}[을/를] 곱하면 부등호의 방향이 바뀐다",
        difficulty=3,
    )


@family("9수02-12", "linear-inequality", "일차부등식", "해", "활용")
def linear_inequality(d: Draw) -> Draft:
    a, c, x = d.whole(4, 9), d.whole(1, 3), d.whole(-4, 7)
    b = d.whole(-9, 9, (0,))
    e = (a - c) * x + b
    price, box, money = d.whole(5, 12) * 100, d.whole(1, 3) * 1000, d.whole(10, 20) * 1000
    (thing, counter) = d.thing("개", "송이", "권")
    return Draft(
        texts=(
            f"일차부등식 {polynomial(a, b)}<{polynomial(c, e)}[을/를] 푸시오.",
            (f"부등식 {polynomial(a, b)}≥{polynomial(c, e)}의 해를 구하시오.", f"x≥{x}"),
            (
                f"한 {counter}에 {price}원인 {thing}[을/를] {box}원짜리 상자에 담아 전체 값이 {money}원 이하가 되게 하려고 합니다. {thing}[은/는] 최대 몇 {counter}까지 살 수 있는지 부등식을 세워 구하시오.",
                f"{(money - box) // price}{counter}",
            ),
            (
                f"어떤 정수의 {a}배에 {abs(b)}[을/를] 더한 수가 {a * abs(x) + abs(b)}보다 클 때, 이를 만족시키는 가장 작은 정수를 일차부등식으로 구하시오.",
                f"{abs(x) + 1}",
            ),
        ),
        answer=f"x<{x}",
        why="일차부등식을 세우거나 풀어 해를 구한다.",
        steps=f"{polynomial(a - c, 0)}<{e - b}이므로 x<{x}",
        difficulty=3,
    )


@family("9수02-13", "simultaneous", "연립방정식", "가감법", "대입법")
def simultaneous(d: Draw) -> Draft:
    x, y = d.whole(-5, 8, (0,)), d.whole(-5, 8, (0,))
    a, b, c = d.whole(1, 5), d.whole(1, 5), d.whole(2, 6)
    p, q = a * x + b * y, c * x - b * y
    n, m = d.whole(2, 9), d.whole(2, 9)
    return Draft(
        texts=(
            f"연립방정식 {term(a, 'x', True)}{term(b, 'y')}={p}, {term(c, 'x', True)}{term(-b, 'y')}={q}[을/를] 푸시오.",
            (f"두 일차방정식 x+y={x + y}, x-y={x - y}[을/를] 동시에 만족시키는 x, y의 값을 구하시오.", f"x={x}, y={y}"),
            (
                f"500원짜리 사탕과 800원짜리 초콜릿을 합하여 {n + m}개 사고 {500 * n + 800 * m}원을 냈습니다. 미지수가 2개인 연립방정식을 세워 사탕의 개수를 구하시오.",
                f"{n}개",
            ),
            (
                f"닭과 토끼가 모두 {n + m}마리 있고 다리의 수의 합은 {2 * n + 4 * m}개입니다. 연립방정식으로 토끼의 수를 구하시오.",
                f"{m}마리",
            ),
        ),
        answer=f"x={x}, y={y}",
        why="미지수가 2개인 두 일차방정식을 함께 풀어 해를 구한다.",
        steps=f"두 식을 더하면 {a + c}x={p + q}",
        difficulty=4,
    )
