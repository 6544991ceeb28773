"""초등 3~4학년 수와 연산: first fractions and decimals."""

from __future__ import annotations

from prefopt.curricula.generator.drafting import Draft, Draw, decimal, family, listed
from prefopt.curricula.generator.vocabulary import FAMILY, STRINGS


@family("4수01-09", "part-of-whole", "분수", "등분", "전체와 부분")
def part_of_whole(d: Draw) -> Draft:
    n = d.whole(3, 9)
    k, m = d.whole(1, n - 1), d.whole(2, 5)
    thing, counter = d.thing("개", "장", "자루")
    food = d.pick(["피자 한 판", "케이크 한 개", "와플 한 개", "파이 한 판", "초콜릿 한 개", "빈대떡 한 장", "호떡 한 개"])
    return Draft(
        texts=(
            f"{food}[을/를] 똑같이 {n}조각으로 나누어 {k}조각을 먹었습니다. 먹은 양은 전체의 얼마인지 분수로 쓰시오.",
            f"전체를 똑같이 {n}[으로/로] 나눈 것 중의 {k}[을/를] 분수로 쓰시오.",
            (f"{thing} {n * m}{counter}[을/를] {n}묶음으로 똑같이 나누었습니다. {k}묶음은 전체의 몇 분의 몇입니까?", f"{k}/{n}"),
            (f"{n * m}의 {k}/{n}[은/는] 얼마입니까?", f"{k * m}"),
        ),
        answer=f"{k}/{n}",
        why=f"전체를 똑같이 {n}[으로/로] 나눈 것 중 {k}[을/를] 분수로 나타낸다.",
        steps=f"똑같이 {n}[으로/로] 나눈 것 중의 {k}[은/는] {k}/{n}",
        difficulty=2,
    )


@family("4수01-10", "improper-mixed", "가분수", "대분수", "진분수")
def improper_and_mixed(d: Draw) -> Draft:
    n, w = d.whole(3, 9), d.whole(1, 5)
    k = d.whole(1, n - 1)
    return Draft(
        texts=(
            f"가분수 {w * n + k}/{n}[을/를] 대분수로 나타내시오.",
            (f"대분수 {w}[과/와] {k}/{n}[을/를] 가분수로 나타내시오.", f"{w * n + k}/{n}"),
            (f"{k}/{n}, {n + k}/{n}, {w}[과/와] {k}/{n} 중에서 진분수를 찾아 쓰시오.", f"{k}/{n}"),
            (f"분모가 {n}인 진분수는 모두 몇 개입니까?", f"{n - 1}개"),
        ),
        answer=f"{w}[과/와] {k}/{n}",
        why="진분수, 가분수, 대분수를 구별하고 서로 바꾼다.",
        steps=f"{w * n + k}={n}×{w}+{k}",
        difficulty=3,
    )


@family("4수01-11", "same-denominator", "분수", "크기 비교", "같은 분모")
def compare_same_denominator(d: Draw) -> Draft:
    n = d.whole(5, 15)
    a, b = d.wholes(2, 1, n - 1)
    p, q = d.wholes(2, 2, 12)
    who, other, thing = d.name(), d.name(), d.pick(["피자", "케이크", "와플", "빵", "파이", "떡"])
    return Draft(
        texts=(
            (f"{a}/{n}[과/와] {b}/{n} 중에서 더 큰 분수를 쓰시오.", f"{max(a, b)}/{n}"),
            (f"단위분수 1/{p}[과/와] 1/{q} 중 더 큰 것을 고르시오.", f"1/{min(p, q)}"),
            f"크기가 같은 {thing}[을/를] 하나씩 받아 {who}[은/는] {a}/{n}[을/를], {other}[은/는] {b}/{n}[을/를] 먹었습니다. 누가 더 많이 먹었습니까?",
            (f"□ 안에 들어갈 수 있는 수 중 가장 큰 수를 구하시오. □/{n} < {max(a, b)}/{n}", f"{max(a, b) - 1}"),
        ),
        answer=who if a > b else other,
        why="분모가 같은 분수나 단위분수끼리 크기를 비교한다.",
        steps=f"분모가 같으면 분자가 큰 {max(a, b)}/{n}[이/가] 더 크다",
        difficulty=2,
    )


@family("4수01-12", "tenths", "소수", "0.1", "분모가 10인 분수")
def tenths(d: Draw) -> Draft:
    k = d.whole(1, 9)
    w = d.whole(1, 9)
    return Draft(
        texts=(
            f"{k}/10[을/를] 소수로 나타내시오.",
            (f"0.1이 {10 * w + k}개인 수를 소수로 쓰시오.", f"{w}.{k}"),
            (f"{w} cm {k} mm를 cm 단위의 소수로 나타내면 몇 cm입니까?", f"{w}.{k} cm"),
            (f"색 테이프를 똑같이 10조각으로 나눈 것 중의 {k}조각은 전체의 얼마인지 소수로 쓰시오.", f"0.{k}"),
        ),
        answer=f"0.{k}",
        why="분모가 10인 분수와 이어 소수 한 자리 수를 쓰고 읽는다.",
        steps=f"{k}/10=0.{k}",
        difficulty=1,
    )


@family("4수01-13", "hundredths", "소수", "소수 두 자리", "자릿값")
def hundredths(d: Draw) -> Draft:
    a, b, c = d.whole(1, 9), d.whole(1, 9), d.whole(1, 9)
    text = f"{a}.{b}{c}"
    e = d.whole(1, 9)
    return Draft(
        texts=(
            (f"{text}에서 소수 둘째 자리 숫자가 나타내는 수를 쓰시오.", f"0.0{c}"),
            f"1이 {a}개, 0.1이 {b}개, 0.01이 {c}개인 수를 쓰시오.",
            (f"{text}{e}에서 소수 셋째 자리 숫자는 무엇입니까?", f"{e}"),
            (f"0.001이 {a}{b}{c}개인 수를 소수로 나타내시오.", f"0.{a}{b}{c}"),
            (f"{text}의 1/10은 얼마입니까?", f"0.{a}{b}{c}"),
        ),
        answer=text,
        why="소수 두 자리, 세 자리 수의 자릿값을 이해하고 나타낸다.",
        steps=f"{a}+0.{b}+0.0{c}={text}",
        difficulty=2,
    )


@family("4수01-14", "compare-decimals", "소수", "크기 비교")
def compare_decimals(d: Draw) -> Draft:
    w = d.whole(0, 5)
    a, b, c = (w * 1000 + 10 * n for n in d.wholes(3, 11, 98))
    shown = [decimal(a + d.whole(1, 9), 3), decimal(b, 3), decimal(c + d.whole(1, 9), 3)]
    most = d.pick(["큰", "작은"])
    key = max if most == "큰" else min
    best = key(shown, key=float)
    who, other = d.name(), d.name()
    thing = d.word(STRINGS)
    longer = who if float(shown[0]) > float(shown[1]) else other
    return Draft(
        texts=(
            f"{listed(shown)} 중에서 가장 {most} 소수를 쓰시오.",
            (f"{shown[0]}[과/와] {shown[1]}의 크기를 비교하여 더 큰 수를 쓰시오.", max(shown[:2], key=float)),
            (f"{who}[은/는] {shown[0]} m, {other}[은/는] {shown[1]} m의 {thing}[을/를] 가지고 있습니다. 누구의 것이 더 깁니까?", longer),
            (f"종이비행기를 {who}[은/는] {shown[0]} m, {other}[은/는] {shown[1]} m 날렸습니다. 더 멀리 날린 사람은 누구입니까?", longer),
        ),
        answer=best,
        why=f"{listed(shown[:2])} 같은 소수를 높은 자리부터 견주어 크기를 비교한다.",
        steps=f"자연수 부분부터 차례로 비교하면 {best}",
        difficulty=2,
    )


@family("4수01-15", "same-denominator-sum", "분수의 덧셈", "분수의 뺄셈", "같은 분모")
def same_denominator_sum(d: Draw) -> Draft:
    n = d.whole(5, 13)
    a, b = d.wholes(2, 1, n - 1)
    big, small = max(a, b), min(a, b)
    thing, who = d.word(STRINGS), d.name()
    sum_text = f"{a + b}/{n}" if a + b < n else str(1) if a + b == n else f"1과 {a + b - n}/{n}"
    return Draft(
        texts=(
            f"{a}/{n}+{b}/{n}[을/를] 계산하시오.",
            (f"{big}/{n}-{small}/{n}[을/를] 계산하시오.", f"{big - small}/{n}"),
            (f"{who}[은/는] 물을 오전에 {a}/{n} L, 오후에 {b}/{n} L 마셨습니다. 하루 동안 마신 물은 모두 몇 L입니까?", f"{sum_text} L"),
            (f"{thing} {big}/{n} m 중에서 {small}/{n} m를 사용했습니다. 남은 길이는 몇 m인지 구하시오.", f"{big - small}/{n} m"),
        ),
        answer=sum_text,
        why=f"분모가 {n}[으로/로] 같은 두 분수의 분자끼리 더하거나 뺀다.",
        steps=f"분모는 그대로 두고 {a}+{b}={a + b}",
        difficulty=2,
    )


@family("4수01-16", "decimal-sum", "소수의 덧셈", "소수의 뺄셈")
def decimal_sum(d: Draw) -> Draft:
    a, b = d.whole(215, 789), d.whole(104, 198)
    x, y = decimal(a, 2), decimal(b, 2)
    thing, who, other = d.word(STRINGS), d.name(), d.word(FAMILY)
    return Draft(
        texts=(
            f"{x}+{y}[을/를] 계산하시오.",
            (f"{x}-{y}의 값은 얼마입니까?", decimal(a - b, 2)),
            (
                f"{who}[은/는] {x} km, {other}[은/는] {y} km를 걸었습니다. 두 사람이 걸은 거리의 합은 몇 km입니까?",
                f"{decimal(a + b, 2)} km",
            ),
            (f"길이가 {x} m인 {thing}에서 {y} m를 잘라 냈습니다. 남은 {thing}[은/는] 몇 m입니까?", f"{decimal(a - b, 2)} m"),
        ),
        answer=decimal(a + b, 2),
        why=f"소수 {x}[과/와] {y}[을/를] 소수점의 자리를 맞추어 더하거나 뺀다.",
        steps=f"{x}+{y}={decimal(a + b, 2)}, {x}-{y}={decimal(a - b, 2)}",
        difficulty=3,
    )
