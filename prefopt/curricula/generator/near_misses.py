"""Near-miss pairs: two problems that differ in one condition and belong to different standards, the hard cases of a classifier.

Both problems of a pair have the same family, so that no split separates them and no check reports them as duplicates.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

from prefopt.curricula.generator.drafting import Draw, decimal, polish, reduced
from prefopt.curricula.generator.problem_generator import Generated, level_of
from prefopt.errors import DataError
from prefopt.records import Problem
from prefopt.taxonomy import builtin_taxonomy
from prefopt.texts.josa import attach, resolve


@dataclass(frozen=True, kw_only=True)
class Side:
    """One problem of a pair: bare code, text with particle markers, answer, evidence (a sentence that ends in 다.), concepts, difficulty."""

    code: str
    text: str
    answer: str
    why: str
    concepts: tuple[str, ...]
    difficulty: int


Pair = tuple[Side, Side]


def denominators(d: Draw) -> Pair:
    n = d.pick([5, 7, 8, 9, 11])
    m = d.pick([k for k in (3, 4, 6, 10, 12) if n % k and k % n])
    a, b, c = d.whole(1, n - 2), d.whole(1, n - 2), d.whole(1, m - 1)
    ask = "{x}[과/와] {y}의 합을 구하시오."
    same = Side(
        code="4수01-15",
        text=ask.format(x=f"{a}/{n}", y=f"{b}/{n}"),
        answer=reduced(a + b, n),
        why="분모가 같은 두 분수를 더한다.",
        concepts=("분수의 덧셈", "같은 분모"),
        difficulty=2,
    )
    total = Fraction(a, n) + Fraction(c, m)
    other = reduced(total.numerator, total.denominator)
    return same, Side(
        code="6수01-08",
        text=ask.format(x=f"{a}/{n}", y=f"{c}/{m}"),
        answer=other,
        why="분모가 다른 두 분수를 통분하여 더한다.",
        concepts=("분수의 덧셈", "통분"),
        difficulty=3,
    )


def divisors(d: Draw) -> Pair:
    q, one, two = d.whole(12, 40), d.whole(3, 9), d.whole(12, 29)
    (thing, counter), place = d.thing("개", "장", "권"), d.place()
    ask = "{place}에 있는 {thing} {n}{counter}[을/를] 한 모둠에 {k}{counter}씩 나누어 주면 몇 모둠에 줄 수 있습니까?"

    def side(code: str, k: int, why: str, level: int) -> Side:
        text = ask.format(place=place, thing=thing, n=q * k, counter=counter, k=k)
        return Side(code=code, text=text, answer=f"{q}모둠", why=why, concepts=("나눗셈", "나누는 수"), difficulty=level)

    return side("4수01-06", one, "한 자리 수로 나누는 나눗셈을 한다.", 2), side("4수01-07", two, "두 자리 수로 나누는 나눗셈을 한다.", 3)


def digits(d: Draw) -> Pair:
    a, b, c, e = d.whole(11, 48), d.whole(11, 48), d.whole(211, 480), d.whole(111, 480)
    (thing, counter), who = d.thing("개", "장", "자루"), d.name()
    ask = "{who}[은/는] {thing}[을/를] 어제 {x}{counter}, 오늘 {y}{counter} 모았습니다. 모은 {thing}[은/는] 모두 몇 {counter}입니까?"

    def side(code: str, x: int, y: int, why: str, level: int) -> Side:
        text = ask.format(who=who, thing=thing, x=x, y=y, counter=counter)
        return Side(code=code, text=text, answer=f"{x + y}{counter}", why=why, concepts=("덧셈", "자리 수"), difficulty=level)

    return side("2수01-06", a, b, "두 자리 수끼리 더한다.", 2), side("4수01-03", c, e, "세 자리 수끼리 더한다.", 2)


def quotients(d: Draw) -> Pair:
    a, b = d.pick([(a, b) for b in (4, 5, 8) for a in range(1, 40) if a % b])
    ask = "{a}÷{b}의 몫을 {form}로 나타내시오."
    fraction = Side(
        code="6수01-10",
        text=ask.format(a=a, b=b, form="분수"),
        answer=reduced(a, b),
        why="자연수의 나눗셈의 몫을 분수로 나타낸다.",
        concepts=("나눗셈의 몫", "분수"),
        difficulty=2,
    )
    return fraction, Side(
        code="6수01-14",
        text=ask.format(a=a, b=b, form="소수"),
        answer=decimal(a * 1000 // b, 3),
        why="자연수의 나눗셈의 몫을 소수로 나타낸다.",
        concepts=("나눗셈의 몫", "소수"),
        difficulty=3,
    )


def around_and_inside(d: Draw) -> Pair:
    a, b = d.wholes(2, 3, 20)
    ask = "가로 {a} cm, 세로 {b} cm인 직사각형의 {what} 구하시오."
    around = Side(
        code="6수03-11",
        text=ask.format(a=a, b=b, what="둘레를"),
        answer=f"{2 * (a + b)} cm",
        why="직사각형의 둘레를 구한다.",
        concepts=("둘레", "직사각형"),
        difficulty=2,
    )
    return around, Side(
        code="6수03-13",
        text=ask.format(a=a, b=b, what="넓이를"),
        answer=f"{a * b} cm²",
        why="직사각형의 넓이를 구한다.",
        concepts=("넓이", "직사각형"),
        difficulty=2,
    )


def surface_and_volume(d: Draw) -> Pair:
    a, b, c = d.wholes(3, 2, 12)
    ask = "가로 {a} cm, 세로 {b} cm, 높이 {c} cm인 직육면체의 {what} 구하시오."
    shown = {"a": a, "b": b, "c": c}
    surface = Side(
        code="6수03-17",
        text=ask.format(**shown, what="겉넓이를"),
        answer=f"{2 * (a * b + b * c + a * c)} cm²",
        why="직육면체의 겉넓이를 구한다.",
        concepts=("겉넓이", "직육면체"),
        difficulty=4,
    )
    return surface, Side(
        code="6수03-19",
        text=ask.format(**shown, what="부피를"),
        answer=f"{a * b * c} cm³",
        why="직육면체의 부피를 구한다.",
        concepts=("부피", "직육면체"),
        difficulty=3,
    )


def round_and_disc(d: Draw) -> Pair:
    r = d.whole(2, 20)
    ask = "반지름이 {r} cm인 원의 {what} 구하시오. (원주율: 3)"
    around = Side(
        code="6수03-15",
        text=ask.format(r=r, what="원주를"),
        answer=f"{6 * r} cm",
        why="원주율을 이용하여 원주를 구한다.",
        concepts=("원주", "원주율"),
        difficulty=3,
    )
    return around, Side(
        code="6수03-16",
        text=ask.format(r=r, what="넓이를"),
        answer=f"{3 * r * r} cm²",
        why="원주율을 이용하여 원의 넓이를 구한다.",
        concepts=("원의 넓이", "원주율"),
        difficulty=3,
    )


def divisor_or_multiple(d: Draw) -> Pair:
    k = d.whole(2, 8)
    a, b = (k * n for n in d.wholes(2, 2, 9))
    ask = "{a}[과/와] {b}의 {what} 구하시오."
    divisor = Side(
        code="6수01-04",
        text=ask.format(a=a, b=b, what="최대공약수를"),
        answer=f"{gcd(a, b)}",
        why="두 수의 최대공약수를 구한다.",
        concepts=("최대공약수", "약수"),
        difficulty=3,
    )
    return divisor, Side(
        code="6수01-05",
        text=ask.format(a=a, b=b, what="최소공배수를"),
        answer=f"{lcm(a, b)}",
        why="두 수의 최소공배수를 구한다.",
        concepts=("최소공배수", "배수"),
        difficulty=3,
    )


def middle_and_spread(d: Draw) -> Pair:
    m, s = d.whole(20, 60), d.whole(1, 8)
    values = d.shuffled([m - 2 * s, m - s, m, m + s, m + 2 * s])
    ask = f"자료 {', '.join(map(str, values))}의 {{what}} 구하시오."
    middle = Side(
        code="9수04-01",
        text=ask.format(what="중앙값을"),
        answer=f"{m}",
        why="자료의 중앙값을 구한다.",
        concepts=("중앙값", "대푯값"),
        difficulty=2,
    )
    return middle, Side(
        code="9수04-07",
        text=ask.format(what="분산을"),
        answer=f"{2 * s * s}",
        why="자료의 분산을 구한다.",
        concepts=("분산", "편차"),
        difficulty=4,
    )


def value_or_root(d: Draw) -> Pair:
    p, q = d.wholes(2, 1, 9)
    a = d.whole(2, 9)
    linear = Side(
        code="9수02-04",
        text=f"방정식 {a}x-{a * p}=0의 해를 구하시오.",
        answer=f"x={p}",
        why="미지수가 1개인 일차방정식을 푼다.",
        concepts=("일차방정식", "해"),
        difficulty=2,
    )
    return linear, Side(
        code="9수02-20",
        text=f"방정식 x^2-{p + q}x+{p * q}=0의 해를 구하시오.",
        answer=f"x={min(p, q)} 또는 x={max(p, q)}",
        why="인수분해를 이용하여 이차방정식을 푼다.",
        concepts=("이차방정식", "인수분해"),
        difficulty=3,
    )


PAIRS: tuple[Callable[[Draw], Pair], ...] = (
    denominators, divisors, digits, quotients, around_and_inside, surface_and_volume, round_and_disc, divisor_or_multiple, middle_and_spread,
    value_or_root,
)  # fmt: skip


def near_misses(count: int, seed: int) -> list[Generated]:
    """Draw `count` pairs, which are twice as many problems; the kinds of pairs alternate.

    Raises:
        DataError: a kind of pair has too few different texts.
    """
    rng, used, drawn = random.Random(f"near-miss:{seed}"), set[str](), []  # noqa: S311  random problems, not secrets
    for number in range(count):
        kind = PAIRS[number % len(PAIRS)]
        for _ in range(200):
            made = _pair(kind, number, seed, rng)
            texts = {g.problem.text for g in made}
            if not texts & used:
                used |= texts
                drawn += made
                break
        else:
            raise DataError(f"{kind.__name__} has too few different pairs for {count} pairs", hint="ask for fewer pairs")
    return drawn


def _pair(kind: Callable[[Draw], Pair], number: int, seed: int, rng: random.Random) -> list[Generated]:
    taxonomy, sides = builtin_taxonomy(), kind(Draw(rng))
    ending = rng.getstate()
    made = []
    for letter, side in zip("ab", sides, strict=True):
        rng.setstate(ending)  # both get the same ending, so that only the condition differs
        label = taxonomy[f"[{side.code}]"]
        why = resolve(side.why)
        problem = Problem(
            id=f"near-s{seed}-{number:04d}{letter}",
            text=polish(side.text, rng),
            label=label.id,
            reason=f"{why} 따라서 이 문제는 {label.name}에 해당한다.",
            level=level_of(side.difficulty, label.levels),
            difficulty=side.difficulty,
            concepts=side.concepts,
            family=f"near-miss/{kind.__name__.replace('_', '-')}-s{seed}-{number:04d}",
        )
        made.append(Generated(problem, side.answer, attach(side.answer, "이다/다"), why))
    return made
