"""중학교 변화와 관계: functions, lines, factoring, quadratic equations and parabolas."""

from __future__ import annotations

from prefopt.curricula.generator.drafting import Draft, Draw, family
from prefopt.curricula.generator.formulas import polynomial, term


@family("9수02-14", "function-value", "함수", "함숫값")
def function_value(d: Draw) -> Draft:
    a, b, x = d.whole(-6, 7, (0, 1, -1)), d.whole(-9, 9, (0,)), d.whole(-4, 6, (0,))
    k = d.pick([6, 8, 12, 24])
    div = d.pick([n for n in range(2, 7) if k % n == 0])
    return Draft(
        texts=(
            f"함수 f(x)={polynomial(a, b)}에 대하여 f({x})의 값을 구하시오.",
            (f"함수 f(x)={k}/x에서 함숫값 f({div})[을/를] 구하시오.", f"{k // div}"),
            (f"함수 f(x)={polynomial(a, 0)}에 대하여 f(m)={a * x}[이/가] 되는 m의 값을 구하시오.", f"{x}"),
            (
                f"한 변의 길이가 x cm인 정삼각형의 둘레를 y cm라고 하면 y는 x의 함수입니까? 함수이면 y=f(x)에서 f({abs(x) + 1})의 값을 구하시오.",
                f"함수이다, {3 * (abs(x) + 1)}",
            ),
        ),
        answer=f"{a * x + b}",
        why="함수의 뜻을 알고 x에 수를 대입하여 함숫값을 구한다.",
        steps=f"f({x})={a}×({x}){term(b, '')}={a * x + b}",
        difficulty=2,
    )


@family("9수02-16", "line-properties", "일차함수", "기울기", "절편")
def line_properties(d: Draw) -> Draft:
    a, x = d.whole(-5, 6, (0,)), d.whole(-5, 5, (0,))
    b = -a * x
    x1, dx = d.whole(-4, 3), d.whole(1, 5)
    shift = d.whole(1, 7, avoid=(b,))
    return Draft(
        texts=(
            f"일차함수 y={polynomial(a, b)}의 그래프의 x절편을 구하시오.",
            (
                f"두 점 ({x1}, {a * x1 + shift}), ({x1 + dx}, {a * (x1 + dx) + shift})[을/를] 지나는 일차함수의 그래프의 기울기를 구하시오.",
                f"{a}",
            ),
            (
                f"일차함수 y={polynomial(a, 0)}의 그래프를 y축의 방향으로 {shift}만큼 평행이동한 그래프의 식을 구하시오.",
                f"y={polynomial(a, shift)}",
            ),
            (
                f"일차함수 y={polynomial(a, b)}의 그래프와 평행하고 y절편이 {shift}인 직선을 그래프로 하는 일차함수의 식을 구하시오.",
                f"y={polynomial(a, shift)}",
            ),
        ),
        answer=f"{x}",
        why="일차함수의 그래프의 기울기와 절편, 평행이동의 성질을 이용한다.",
        steps=f"y=0을 대입하면 x={x}",
        difficulty=3,
    )


@family("9수02-18", "lines-meet", "두 직선의 교점", "연립방정식", "그래프")
def lines_meet(d: Draw) -> Draft:
    x, y = d.whole(-4, 5), d.whole(-4, 5)
    a, c = d.some([-3, -2, -1, 1, 2, 3], 2)
    b, e = y - a * x, y - c * x
    other = d.whole(1, 9)
    return Draft(
        texts=(
            f"두 일차함수 y={polynomial(a, b)}, y={polynomial(c, e)}의 그래프의 교점의 좌표를 구하시오.",
            (
                f"두 직선 y={polynomial(a, b)}[과/와] y={polynomial(a, b + other)}의 위치 관계를 이용하여 연립방정식의 해의 개수를 구하시오.",
                "0개",
            ),
            (f"두 직선의 교점이 ({x}, {y})입니다. 두 직선의 방정식으로 이루어진 연립방정식의 해를 쓰시오.", f"x={x}, y={y}"),
        ),
        answer=f"({x}, {y})",
        why="두 직선의 교점의 좌표가 연립방정식의 해와 같음을 이용한다.",
        steps=f"{polynomial(a - c, 0)}={e - b}에서 x={x}, y={y}",
        difficulty=4,
    )


@family("9수02-19", "factoring", "인수분해", "다항식의 곱셈", "전개")
def factoring(d: Draw) -> Draft:
    a, b = d.whole(-7, 8, (0,)), d.whole(-7, 8, (0,))
    k = d.whole(2, 9)
    first, second = f"(x{term(a, '')})", f"(x{term(b, '')})"
    product = f"(x{term(a, '')})^2" if a == b else first + second
    return Draft(
        texts=(
            f"{polynomial(1, a + b, a * b)}[을/를] 인수분해하시오.",
            (f"{first}{second}[을/를] 전개하시오.", polynomial(1, a + b, a * b)),
            (f"x^2-{k * k}[을/를] 인수분해하시오.", f"(x+{k})(x-{k})"),
            (f"곱셈 공식을 이용하여 (x{term(a, '')})^2[을/를] 전개하시오.", polynomial(1, 2 * a, a * a)),
        ),
        answer=product,
        why="다항식의 곱을 전개하거나 다항식을 인수의 곱으로 인수분해한다.",
        steps=f"더하면 {a + b}, 곱하면 {a * b}인 두 수는 {a}, {b}",
        difficulty=3,
    )


@family("9수02-20", "quadratic-equation", "이차방정식", "근의 공식", "인수분해")
def quadratic_equation(d: Draw) -> Draft:
    a, b = d.wholes(2, -7, 8)
    n, k = d.whole(5, 15), d.whole(2, 5)
    roots = f"x={min(a, b)} 또는 x={max(a, b)}"
    return Draft(
        texts=(
            f"이차방정식 {polynomial(1, -(a + b), a * b)}=0을 푸시오.",
            (f"이차방정식 (x{term(-a, '')})^2={k * k}의 해를 구하시오.", f"x={a - k} 또는 x={a + k}"),
            (f"연속하는 두 자연수의 곱이 {n * (n + 1)}입니다. 이차방정식을 세워 두 수를 구하시오.", f"{n}, {n + 1}"),
            (
                f"가로가 세로보다 {k} cm 긴 직사각형의 넓이가 {n * (n + k)} cm²입니다. 세로의 길이를 x cm로 놓고 이차방정식을 이용하여 구하시오.",
                f"{n} cm",
            ),
        ),
        answer=roots,
        why="x에 대한 이차방정식을 세우거나 풀어 근을 구한다.",
        steps=f"인수분해하면 {roots}",
        difficulty=4,
    )


@family("9수02-22", "parabola", "이차함수", "꼭짓점", "축의 방정식")
def parabola(d: Draw) -> Draft:
    a, p, q = d.whole(-4, 4, (0,)), d.whole(-6, 6, (0,)), d.whole(-8, 8, (0,))
    inner = f"(x{term(-p, '')})^2"
    text = f"y={'' if a == 1 else '-' if a == -1 else a}{inner}{term(q, '')}"
    return Draft(
        texts=(
            f"이차함수 {text}의 그래프의 꼭짓점의 좌표를 구하시오.",
            (f"이차함수 {text}의 그래프의 축의 방정식을 구하시오.", f"x={p}"),
            (
                f"이차함수 y={term(a, 'x^2', True)}의 그래프를 x축의 방향으로 {p}만큼, y축의 방향으로 {q}만큼 평행이동한 그래프의 식을 쓰시오.",
                text,
            ),
            (f"이차함수 {text}의 그래프는 위로 볼록합니까, 아래로 볼록합니까?", "아래로 볼록" if a > 0 else "위로 볼록"),
        ),
        answer=f"({p}, {q})",
        why="이차함수의 그래프의 꼭짓점, 축, 평행이동의 성질을 이용한다.",
        steps=f"꼭짓점은 ({p}, {q}), 축은 x={p}",
        difficulty=3,
    )
