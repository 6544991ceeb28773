"""중학교: order of real numbers, graphs of situations, linear and quadratic functions, constructing triangles, statistics with software."""

from __future__ import annotations

from math import sqrt

from prefopt.curricula.generator.drafting import Draft, Draw, family, listed

_MARKS = "㉠㉡㉢"


def _signed(n: int) -> str:
    return f"+{n}" if n > 0 else f"-{-n}"


@family("9수01-09", "real-order", "실수", "대소 관계", "제곱근")
def real_order(d: Draw) -> Draft:
    m = d.whole(2, 9)
    a = d.whole(2, 90, avoid=(m * m, 4, 9, 16, 25, 36, 49, 64, 81))
    k, n = d.whole(1, 5), d.whole(3, 12)
    b = d.pick([x for x in range(2, 60) if sqrt(x) != int(sqrt(x)) and x != a])
    order = sorted([(f"√{a}", sqrt(a)), (f"{m}", float(m)), (f"-√{b}", -sqrt(b))], key=lambda pair: pair[1])
    left, right = sqrt(a) + k, float(n)
    return Draft(
        texts=(
            f"두 수 {m}, √{a} 중에서 더 큰 수를 쓰시오.",
            (f"두 실수 √{a}+{k}, {n}의 대소를 부등호로 나타내시오.", f"√{a}+{k}{'>' if left > right else '<'}{n}"),
            (
                f"세 수 {listed(d.shuffled([name for name, _ in order]))}[을/를] 작은 것부터 차례로 쓰시오.",
                listed(name for name, _ in order),
            ),
        ),
        answer=f"√{a}" if a > m * m else f"{m}",
        why="근호가 있는 수와 다른 실수의 대소를 제곱하거나 차를 이용하여 비교한다.",
        steps=f"{m}=√{m * m}이므로 근호 안의 수를 비교한다",
        difficulty=3,
    )


@family("9수02-06", "graph-of-situation", "그래프", "상황", "해석")
def graph_of_situation(d: Draw) -> Draft:
    t, s, u = d.whole(4, 15), d.whole(3, 10), d.whole(4, 12)
    v, w, height = d.whole(2, 9), d.whole(2, 9), d.whole(10, 60)
    who, place = d.name(), d.place()
    return Draft(
        texts=(
            f"{who}[은/는] 집에서 출발하여 {t}분 동안 일정한 속력으로 걷다가 {s}분 동안 쉰 뒤 다시 걸어 {place}에 도착하였습니다. x분 동안 간 거리를 y m라 할 때, 그래프가 x축과 평행한 것은 몇 분부터 몇 분까지입니까?",
            (
                f"빈 물통에 물을 매분 {v} L씩 {t}분 동안 넣고 {s}분 동안 멈춘 다음 매분 {w} L씩 {u}분 동안 넣었습니다. x분 뒤 물의 양을 y L라 할 때 그래프의 오른쪽 끝 점의 y좌표를 구하시오.",
                f"{v * t + w * u}",
            ),
            (
                f"드론의 x초 뒤의 높이 y m를 나타낸 그래프는 점 (0, 0), ({t}, {height}), ({t + s}, {height}), ({t + s + u}, 0)을 차례로 이은 선분입니다. 드론의 높이가 변하지 않은 시간은 몇 초입니까?",
                f"{s}초",
            ),
        ),
        answer=f"{t}분부터 {t + s}분까지",
        why="시간에 따라 변하는 상황을 나타낸 그래프를 그리거나 해석한다.",
        steps=f"쉬는 동안 거리가 변하지 않으므로 {t}분부터 {t + s}분까지",
        difficulty=3,
    )


@family("9수02-15", "linear-function", "일차함수", "함숫값", "평행이동")
def linear_function(d: Draw) -> Draft:
    a, b, c = d.whole(-6, 6, (0, 1, -1)), d.whole(-9, 9, (0,)), d.whole(-5, 5, (0,))
    right = f"y={a}x{_signed(b)}"
    others = d.some([f"y={d.whole(2, 9)}/x", f"y={d.whole(2, 6)}x^2", f"xy={d.whole(2, 12)}", f"y=x^2{_signed(b)}"], 2)
    shown = d.shuffled([right, *others])
    return Draft(
        texts=(
            f"일차함수 f(x)={a}x{_signed(b)}에 대하여 f({c})의 값을 구하시오.",
            (
                f"다음 중 y가 x의 일차함수인 것의 기호를 쓰시오. {' '.join(f'{m} {s}' for m, s in zip(_MARKS, shown, strict=True))}",
                _MARKS[shown.index(right)],
            ),
            (f"일차함수 {right}의 그래프는 y={a}x의 그래프를 y축의 방향으로 얼마만큼 평행이동하여 그린 것입니까?", f"{b}"),
        ),
        answer=f"{a * c + b}",
        why="식이 일차식인 함수의 값을 구하고 평행이동하여 그래프를 그린다.",
        steps=f"{a}×({c}){_signed(b)}={a * c + b}",
        difficulty=2,
    )


@family("9수02-17", "linear-equation-as-function", "일차함수", "일차방정식", "교점")
def linear_equation_as_function(d: Draw) -> Draft:
    p, q = d.whole(2, 9), d.whole(-9, 9, (0,))
    x, y = d.whole(-6, 6, (0,)), d.whole(-6, 6, (0,))
    a, b = d.whole(2, 9), d.whole(1, 12)
    return Draft(
        texts=(
            f"일차방정식 {p}x+y={q}의 그래프와 같은 그래프를 가지는 일차함수의 식을 y=ax+b의 꼴로 나타내시오.",
            (f"두 일차방정식 x+y={x + y}, x-y={x - y}의 그래프를 한 좌표평면에 그렸을 때 교점의 좌표를 구하시오.", f"({x}, {y})"),
            (
                f"일차방정식 {a}x-y+{b}=0의 그래프는 어떤 일차함수의 그래프와 같습니다. 이 직선의 기울기와 y절편을 차례로 구하시오.",
                f"{a}, {b}",
            ),
        ),
        answer=f"y=-{p}x{_signed(q)}",
        why="미지수가 2개인 일차방정식의 그래프를 일차함수의 그래프로 보고 푼다.",
        steps=f"{p}x[을/를] 옮기면 y=-{p}x{_signed(q)}",
        difficulty=3,
    )


@family("9수02-21", "quadratic-function", "이차함수", "함숫값", "이차식")
def quadratic_function(d: Draw) -> Draft:
    a, b, c, k = d.whole(-4, 5, (0, 1, -1)), d.whole(-6, 6, (0, 1, -1)), d.whole(-9, 9, (0,)), d.whole(-3, 4, (0,))
    right = f"y={a}x^2{_signed(c)}"
    others = d.some([f"y={d.whole(2, 9)}x{_signed(c)}", f"y={d.whole(2, 9)}/x", f"y=x(x{_signed(b)})-x^2", f"y=x^3{_signed(c)}"], 2)
    shown = d.shuffled([right, *others])
    m = d.whole(2, 15)
    return Draft(
        texts=(
            f"이차함수 f(x)={a}x^2{_signed(b)}x{_signed(c)}에 대하여 f({k})의 값을 구하시오.",
            (
                f"다음 중 y가 x에 대한 이차함수인 것의 기호를 쓰시오. {' '.join(f'{m} {s}' for m, s in zip(_MARKS, shown, strict=True))}",
                _MARKS[shown.index(right)],
            ),
            (
                f"가로가 x cm이고 세로가 가로보다 {m} cm 더 긴 직사각형의 넓이를 y cm²라 합니다. y를 x에 대한 식으로 나타내시오.",
                f"y=x^2+{m}x",
            ),
        ),
        answer=f"{a * k * k + b * k + c}",
        why="y가 x에 대한 이차식으로 나타나는 함수를 알고 함숫값을 구한다.",
        steps=f"x={k}[을/를] 대입하면 {a * k * k + b * k + c}",
        difficulty=2,
    )


@family("9수03-03", "constructing-triangles", "작도", "삼각형", "세 변의 길이")
def constructing_triangles(d: Draw) -> Draft:
    a, b = d.whole(3, 12), d.whole(3, 12)
    c = d.whole(2, a + b + 4)
    possible = abs(a - b) < c < a + b
    one, two = d.whole(30, 80), d.whole(30, 80)
    given, fixed = d.pick(
        [
            (f"AB={a} cm, BC={b} cm, ∠B={one}°", True),
            (f"BC={a} cm, ∠B={one}°, ∠C={two}°", True),
            (f"∠A={180 - one - two}°, ∠B={one}°, ∠C={two}°", False),
        ]
    )
    return Draft(
        texts=(
            f"두 변의 길이가 {a} cm, {b} cm인 삼각형을 작도하려고 합니다. 나머지 한 변의 길이가 될 수 있는 자연수는 모두 몇 개입니까?",
            (f"길이가 {a} cm, {b} cm, {c} cm인 선분을 세 변으로 하는 삼각형을 작도할 수 있는지 쓰시오.", "있다" if possible else "없다"),
            (f"{given}일 때 삼각형 ABC가 하나로 작도되는지 쓰시오.", "하나로 작도된다" if fixed else "하나로 작도되지 않는다"),
        ),
        answer=f"{2 * min(a, b) - 1}개",
        why="세 변의 길이 사이의 관계나 주어진 변과 각으로 삼각형을 작도할 수 있는지 따진다.",
        steps=f"{abs(a - b)}보다 크고 {a + b}보다 작은 길이",
        difficulty=4,
    )


@family("9수04-04", "statistics-with-software", "공학 도구", "통계 탐구", "자료 분석")
def statistics_with_software(d: Draw) -> Draft:
    values = d.wholes(5, 2, 60)
    values[-1] += -sum(values) % 5
    limit = d.whole(15, 45)
    low, size = d.pick([0, 10, 20]), d.pick([5, 10])
    top = low + d.whole(20, 70)
    what = d.pick(["하루 독서 시간(분)", "통학 시간(분)", "줄넘기 횟수(회)", "휴대 전화 사용 시간(분)"])
    return Draft(
        texts=(
            f"{what}[을/를] 조사하여 스프레드시트의 A1부터 A5까지 {listed(values)}[을/를] 차례로 입력하였습니다. =AVERAGE(A1:A5)의 결과를 구하시오.",
            (
                f'{what}[을/를] 조사한 자료 {listed(values)}[을/를] 스프레드시트의 A1부터 A5까지 입력하였습니다. =COUNTIF(A1:A5,">={limit}")의 결과를 구하시오.',
                f"{sum(v >= limit for v in values)}",
            ),
            (
                f"통계 프로그램에 {what} 자료를 넣고 {low}부터 계급의 크기를 {size}[으로/로] 하여 히스토그램을 그렸습니다. 변량 {top}[은/는] 왼쪽에서 몇 번째 계급에 속합니까?",
                f"{(top - low) // size + 1}번째",
            ),
        ),
        answer=f"{sum(values) // 5}",
        why="공학 도구로 자료를 정리하고 분석하여 통계적 문제를 탐구한다.",
        steps=f"합 {sum(values)}[을/를] 5로 나누면 {sum(values) // 5}",
        difficulty=3,
    )


@family("9수04-08", "box-plot", "상자그림", "사분위수", "분포 비교")
def box_plot(d: Draw) -> Draft:
    values = sorted(d.wholes(7, 2, 60))
    low, q1, q2, q3, high = sorted(d.wholes(5, 10, 95))
    a1, a3 = sorted(d.wholes(2, 40, 90))
    b1, b3 = d.pick([(x, y) for x in range(40, 70, 3) for y in range(x + 4, 95, 5) if y - x != a3 - a1])
    return Draft(
        texts=(
            f"자료 {listed(d.shuffled(values))}[을/를] 상자그림으로 나타내려고 합니다. 제1사분위수와 제3사분위수를 차례로 구하시오.",
            (
                f"상자그림에서 최솟값 {low}, 제1사분위수 {q1}, 중앙값 {q2}, 제3사분위수 {q3}, 최댓값 {high}[을/를] 읽었습니다. 상자의 길이인 사분위수 범위를 구하시오.",
                f"{q3 - q1}",
            ),
            (
                f"두 반의 점수를 상자그림으로 나타내었더니 제1사분위수와 제3사분위수가 A 반은 {a1}점과 {a3}점, B 반은 {b1}점과 {b3}점이었습니다. 가운데 절반의 점수가 더 모여 있는 반은 어느 반입니까?",
                "A 반" if a3 - a1 < b3 - b1 else "B 반",
            ),
        ),
        answer=f"{values[1]}, {values[5]}",
        why="자료의 최솟값, 사분위수, 최댓값으로 그린 상자그림에서 분포를 읽고 비교한다.",
        steps=f"크기순으로 놓으면 아래쪽 절반의 중앙값은 {values[1]}, 위쪽 절반의 중앙값은 {values[5]}",
        difficulty=4,
    )
