"""초등 5~6학년 수와 연산: products and quotients of fractions and decimals."""

from __future__ import annotations

from fractions import Fraction
from math import gcd

from prefopt.curricula.generator.drafting import Draft, Draw, decimal, family
from prefopt.curricula.generator.formulas import text_of, two_denominators
from prefopt.curricula.generator.vocabulary import LIQUIDS, STRINGS


@family("6수01-09", "fraction-times", "분수의 곱셈", "약분")
def fraction_times(d: Draw) -> Draft:
    f, g = two_denominators(d)
    k = d.whole(2, 12)
    a, b = f"{f.numerator}/{f.denominator}", f"{g.numerator}/{g.denominator}"
    liquid = d.word(LIQUIDS)
    return Draft(
        texts=(
            f"{a}×{b}[을/를] 계산하시오.",
            (f"{a}×{k}의 값을 구하시오.", text_of(f * k)),
            (f"한 병에 {a} L씩 든 {liquid}[이/가] {k}병 있습니다. {liquid}[은/는] 모두 몇 L입니까?", f"{text_of(f * k)} L"),
            f"밭의 {a}에 채소를 심고, 채소를 심은 부분의 {b}에 상추를 심었습니다. 상추를 심은 부분은 밭 전체의 몇 분의 몇입니까?",
        ),
        answer=text_of(f * g),
        why="분모는 분모끼리, 분자는 분자끼리 곱하는 분수의 곱셈이다.",
        steps=f"{a}×{b}={text_of(f * g)}",
        difficulty=3,
    )


@family("6수01-10", "quotient-fraction", "나눗셈의 몫", "분수")
def quotient_as_fraction(d: Draw) -> Draft:
    n = d.whole(3, 13)
    a = d.whole(2, 20, avoid=range(n, 40, n))
    quotient, liquid = text_of(Fraction(a, n)), d.word(LIQUIDS)
    return Draft(
        texts=(
            f"{a}÷{n}의 몫을 분수로 나타내시오.",
            (f"{liquid} {a} L를 {n}명이 똑같이 나누어 가질 때 한 사람이 가지는 양은 몇 L인지 분수로 쓰시오.", f"{quotient} L"),
            (f"길이가 {a} m인 끈을 {n}도막으로 똑같이 나누었습니다. 한 도막의 길이를 분수로 나타내면 몇 m입니까?", f"{quotient} m"),
            f"자연수의 나눗셈 {a}÷{n}[을/를] 계산하여 몫을 분수로 쓰시오.",
        ),
        answer=quotient,
        why=f"자연수끼리의 나눗셈 {a}÷{n}의 몫을 분수로 나타낸다.",
        steps=f"{a}÷{n}={a}/{n}",
        difficulty=2,
    )


@family("6수01-11", "fraction-division", "분수의 나눗셈", "역수")
def fraction_division(d: Draw) -> Draft:
    f, g = two_denominators(d)
    k = d.whole(2, 9)
    a, b = f"{f.numerator}/{f.denominator}", f"{g.numerator}/{g.denominator}"
    liquid = d.word(LIQUIDS)
    return Draft(
        texts=(
            f"{a}÷{b}[을/를] 계산하시오.",
            (f"{k}÷{a}의 값을 구하시오.", text_of(k / f)),
            (f"{liquid} {a} L를 {k}명이 똑같이 나누어 마시면 한 사람이 몇 L씩 마시게 됩니까?", f"{text_of(f / k)} L"),
            f"{a} m의 철사는 {b} m의 철사의 몇 배인지 구하시오.",
        ),
        answer=text_of(f / g),
        why="나누는 수의 분모와 분자를 바꾸어 곱하는 분수의 나눗셈이다.",
        steps=f"{a}÷{b}={text_of(f / g)}",
        difficulty=4,
    )


@family("6수01-12", "fraction-decimal", "분수와 소수", "크기 비교")
def fraction_and_decimal(d: Draw) -> Draft:
    n = d.pick([4, 5, 8, 20, 25, 50])
    a = d.pick([k for k in range(1, n) if gcd(k, n) == 1])
    dec = decimal(a * 1000 // n, 3)
    other = d.whole(1, 99, avoid=(100 * a // n,))
    o = decimal(other * 10, 3)
    bigger = f"{a}/{n}" if Fraction(a, n) > Fraction(other, 100) else o
    return Draft(
        texts=(
            f"분수 {a}/{n}[을/를] 소수로 나타내시오.",
            (f"소수 {dec}[을/를] 기약분수로 나타내시오.", f"{a}/{n}"),
            (f"{a}/{n}[과/와] {o} 중에서 더 큰 수를 쓰시오.", bigger),
            (f"분수 {a}/{n}[과/와] 소수 {o}의 크기를 비교하시오.", f"{bigger}[이/가] 더 크다"),
        ),
        answer=dec,
        why="분수를 소수로, 소수를 분수로 바꾸어 두 수의 관계와 크기를 알아본다.",
        steps=f"{a}/{n}={dec}",
        difficulty=3,
    )


@family("6수01-13", "decimal-times", "소수의 곱셈", "소수점")
def decimal_times(d: Draw) -> Draft:
    a, b, k = d.whole(12, 98), d.whole(12, 68), d.whole(3, 9)
    x, y = decimal(a, 1), decimal(b, 1)
    (thing, counter), who = d.thing("개", "장", "자루", "송이"), d.name()
    return Draft(
        texts=(
            f"{x}×{y}[을/를] 계산하시오.",
            (f"{x}×{k}의 값은 얼마입니까?", decimal(a * k, 1)),
            (f"{thing} 한 {counter}의 무게는 {x} g입니다. {thing} {k}{counter}의 무게는 몇 g입니까?", f"{decimal(a * k, 1)} g"),
            (
                f"{who}네 고양이의 무게는 {x} kg이고 개의 무게는 고양이의 무게의 {y}배입니다. 개의 무게를 구하시오.",
                f"{decimal(a * b, 2)} kg",
            ),
        ),
        answer=decimal(a * b, 2),
        why="소수와 자연수, 소수와 소수를 곱하고 소수점의 위치를 정한다.",
        steps=f"{x}×{y}={decimal(a * b, 2)}",
        difficulty=3,
    )


@family("6수01-14", "quotient-decimal", "나눗셈의 몫", "소수")
def quotient_as_decimal(d: Draw) -> Draft:
    n = d.pick([2, 4, 5, 8])
    a = d.whole(3, 60, avoid=range(n, 100, n))
    quotient = decimal(a * 1000 // n, 3)
    liquid = d.word(LIQUIDS)
    return Draft(
        texts=(
            f"{a}÷{n}의 몫을 소수로 나타내시오.",
            (f"{liquid} {a} L를 {n}명이 똑같이 나누어 가질 때 한 사람이 가지는 양은 몇 L인지 소수로 쓰시오.", f"{quotient} L"),
            (f"길이가 {a} m인 끈을 {n}도막으로 똑같이 나누었습니다. 한 도막의 길이를 소수로 나타내면 몇 m입니까?", f"{quotient} m"),
            f"자연수의 나눗셈 {a}÷{n}[을/를] 나누어떨어질 때까지 계산하여 몫을 소수로 구하시오.",
        ),
        answer=quotient,
        why=f"자연수끼리의 나눗셈 {a}÷{n}의 몫을 소수로 나타낸다.",
        steps=f"{a}÷{n}={quotient}",
        difficulty=3,
    )


@family("6수01-15", "decimal-division", "소수의 나눗셈", "몫")
def decimal_division(d: Draw) -> Draft:
    q, b, k = d.whole(2, 24), d.whole(12, 65, avoid=range(0, 70, 10)), d.whole(3, 8)
    x, y = decimal(q * b, 1), decimal(b, 1)
    thing = d.word(STRINGS)
    share = d.whole(11, 59, avoid=[n for n in range(11, 60) if n * k % 10 == 0])  # a whole number divided is another standard
    return Draft(
        texts=(
            f"{x}÷{y}[을/를] 계산하시오.",
            (f"{decimal(share * k, 1)}÷{k}[을/를] 계산하시오.", decimal(share, 1)),
            f"{thing} {x} m를 {y} m씩 자르면 모두 몇 도막이 됩니까?",
            (f"물 {decimal(share * k, 1)} L를 {k}개의 병에 똑같이 나누어 담으면 한 병에 몇 L씩입니까?", f"{decimal(share, 1)} L"),
        ),
        answer=f"{q}",
        why="나누는 수나 나누어지는 수가 소수인 나눗셈을 한다.",
        steps=f"{x}÷{y}={q}",
        difficulty=3,
    )
