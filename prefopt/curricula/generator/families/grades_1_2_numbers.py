"""초등 1~2학년 수와 연산: numbers to four digits, two-digit addition and subtraction, times tables."""

from __future__ import annotations

from prefopt.curricula.generator.drafting import Draft, Draw, family, listed
from prefopt.curricula.generator.vocabulary import FAMILY

TENS = ["열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔"]
ONES = ["하나", "둘", "셋", "넷", "다섯", "여섯", "일곱", "여덟", "아홉"]


@family("2수01-01", "bundles", "묶음", "낱개", "100까지의 수")
def bundles(d: Draw) -> Draft:
    tens, ones = d.whole(2, 9), d.whole(1, 9)
    thing, counter = d.thing("개", "장", "자루")
    n = 10 * tens + ones
    return Draft(
        texts=(
            f"{thing}[이/가] 10{counter}씩 묶음 {tens}개와 낱개 {ones}{counter}[이/가] 있습니다. {thing}[은/는] 모두 몇 {counter}입니까?",
            f"10{counter}씩 묶음이 {tens}개, 낱개가 {ones}개인 {thing}의 수를 쓰시오.",
            f"10개씩 묶음 {tens}개와 낱개 {ones}개인 수를 쓰고 두 가지로 읽으려고 합니다. 이 수는 얼마입니까?",
        ),
        answer=f"{n}",
        why=f"10개씩 묶음 {tens}개와 낱개 {ones}개를 세어 두 자리 수로 나타낸다.",
        steps=f"10이 {tens}개이면 {10 * tens}, 낱개 {ones}개를 더하면 {n}",
        difficulty=1,
    )


@family("2수01-01", "reading", "수 읽기", "100까지의 수")
def reading_two_digits(d: Draw) -> Draft:
    tens, ones = d.whole(1, 9), d.whole(1, 9)
    word = TENS[tens - 1] + ONES[ones - 1]
    n, who = 10 * tens + ones, d.name()
    return Draft(
        texts=(
            f"{who}[이/가] 말한 수 '{word}'[을/를] 숫자로 쓰시오.",
            f"'{word}'[을/를] 수로 나타내면 얼마입니까?",
            f"{word}보다 1만큼 더 큰 수 바로 앞의 수를 숫자로 쓰시오.",
        ),
        answer=f"{n}",
        why=f"'{word}'[이라고/라고] 읽은 100까지의 수를 숫자로 쓰는 문제이다.",
        steps=f"{word}[은/는] {n}",
        difficulty=1,
    )


@family("2수01-02", "place-value", "자릿값", "네 자리 수")
def place_value(d: Draw) -> Draft:
    a, b, c, e = d.whole(1, 9), d.whole(0, 9), d.whole(1, 9), d.whole(0, 9)
    n = 1000 * a + 100 * b + 10 * c + e
    place, value = d.pick([("천", 1000 * a), ("십", 10 * c)])
    return Draft(
        texts=(
            f"{n}에서 {place}의 자리 숫자가 나타내는 값은 얼마입니까?",
            f"네 자리 수 {n}[이/가] 있습니다. {place}의 자리 숫자는 얼마를 나타냅니까?",
            f"수 카드로 만든 {n}에서 {place}의 자리의 숫자가 나타내는 수를 쓰시오.",
        ),
        answer=f"{value}",
        why=f"{n}의 {place}의 자리 숫자가 나타내는 값, 곧 자릿값을 묻는다.",
        steps=f"{place}의 자리 숫자는 {value}[을/를] 나타낸다",
        difficulty=2,
    )


@family("2수01-02", "composing", "자릿값", "천", "네 자리 수")
def composing_four_digits(d: Draw) -> Draft:
    a, b, c, e = d.whole(1, 9), d.whole(1, 9), d.whole(0, 9), d.whole(0, 9)
    n = 1000 * a + 100 * b + 10 * c + e
    return Draft(
        texts=(
            f"1000이 {a}개, 100이 {b}개, 10이 {c}개, 1이 {e}개인 수를 쓰시오.",
            f"천 모형 {a}개, 백 모형 {b}개, 십 모형 {c}개, 일 모형 {e}개가 나타내는 수는 얼마입니까?",
            f"{d.name()}[은/는] 천 원짜리 {a}장, 백 원짜리 {b}개, 십 원짜리 {c}개, 일 원짜리 {e}개를 모았습니다. 모은 돈은 모두 얼마입니까?",
        ),
        answer=f"{n}",
        why=f"1000이 {a}개, 100이 {b}개처럼 각 자리의 개수로 네 자리 수를 나타낸다.",
        steps=f"{1000 * a}+{100 * b}+{10 * c}+{e}={n}",
        difficulty=2,
    )


@family("2수01-03", "largest", "크기 비교", "네 자리 수")
def largest_of_numbers(d: Draw) -> Draft:
    base = d.whole(2, 8) * 1000
    numbers = [base + n for n in d.wholes(3, 101, 999)]
    most = d.pick(["큰", "작은"])
    best = max(numbers) if most == "큰" else min(numbers)
    return Draft(
        texts=(
            f"세 수 {listed(numbers)} 중에서 가장 {most} 수를 쓰시오.",
            f"{listed(numbers)}[을/를] 비교하여 가장 {most} 수를 고르시오.",
            f"세 마을의 주민 수는 {numbers[0]}명, {numbers[1]}명, {numbers[2]}명입니다. 이 중 가장 {most} 수는 얼마입니까?",
        ),
        answer=f"{best}",
        why=f"네 자리 수 {listed(numbers)}[을/를] 높은 자리부터 비교하여 가장 {most} 수를 찾는다.",
        steps=f"천의 자리가 같으므로 백의 자리부터 비교하면 {best}",
        difficulty=2,
    )


@family("2수01-03", "skip-counting", "뛰어 세기", "수의 계열")
def skip_counting(d: Draw) -> Draft:
    step = d.pick([10, 100, 1000])
    start = d.whole(1, 4) * 1000 + d.whole(1, 4) * 100 + d.whole(0, 9)
    terms = [start + i * step for i in range(4)]
    return Draft(
        texts=(
            f"{listed(terms[:3])}, □에서 □에 알맞은 수는 얼마입니까? 뛰어 세는 규칙을 생각하시오.",
            f"{start}에서 {step}씩 3번 뛰어 센 수를 쓰시오.",
            f"{d.name()}[은/는] {start}부터 {step}씩 뛰어 세었습니다. 네 번째로 센 수는 얼마입니까?",
        ),
        answer=f"{terms[3]}",
        why=f"{step}씩 뛰어 세며 네 자리 수의 순서를 아는지 묻는다.",
        steps=f"{listed(terms)}",
        difficulty=2,
    )


@family("2수01-05", "choose-operation", "덧셈", "뺄셈", "상황")
def choose_operation(d: Draw) -> Draft:
    a, b = d.whole(4, 9), d.whole(1, 3)
    thing, counter = d.thing()
    add = d.pick([True, False])
    story = (
        f"{thing}[이/가] {a}{counter} 있었는데 {b}{counter}[이/가] 더 생겼습니다."
        if add
        else f"{thing}[이/가] {a}{counter} 있었는데 {b}{counter}[이/가] 없어졌습니다."
    )
    sign, result = ("+", a + b) if add else ("-", a - b)
    return Draft(
        texts=(
            f"{story} 이 이야기에 알맞은 식을 만들어 쓰시오.",
            f"{story} 지금 있는 {thing}의 수를 구하려면 덧셈과 뺄셈 중 어느 것을 해야 하는지 식으로 쓰시오.",
            f"다음 상황을 식으로 나타내시오. {story}",
        ),
        answer=f"{a}{sign}{b}={result}",
        why=f"수가 {'늘어나는' if add else '줄어드는'} 이야기를 {'덧셈식' if add else '뺄셈식'}으로 나타내는 상황이다.",
        steps=f"{'늘었으므로' if add else '줄었으므로'} {a}{sign}{b}={result}",
        difficulty=1,
    )


@family("2수01-05", "story-for-expression", "덧셈식", "뺄셈식", "이야기")
def story_for_expression(d: Draw) -> Draft:
    a, b = d.whole(5, 9), d.whole(1, 4)
    (thing, counter), who, other = d.thing("개", "장", "자루", "권"), d.name(), d.word(FAMILY)
    return Draft(
        texts=(
            (
                f"{a}-{b}에 알맞은 이야기가 되도록 '더하면'과 '덜어 내면' 중에서 골라 빈칸에 쓰시오. {thing} {a}{counter}에서 {b}{counter}[을/를] (      ) {a - b}{counter}입니다.",
                "덜어 내면",
            ),
            (
                f"{who}[은/는] {thing}[을/를] {a}{counter}, {other}[은/는] {b}{counter} 가지고 있습니다. {who}[이/가] 더 많이 가진 수를 알아보는 식은 어느 것입니까? ㉠ {a}+{b} ㉡ {a}-{b}",
                "㉡",
            ),
            (
                f"식 {a}-{b}={a - b}[을/를] 보고 {thing} {a}{counter}[을/를] 가진 {who}의 이야기를 만들려고 합니다. '주었다'와 '받았다' 중 어느 말을 써야 합니까?",
                "주었다",
            ),
        ),
        answer=f"{a}-{b}={a - b}",
        why=f"{a}-{b}[이/가] 어떤 이야기를 나타내는지, 뺄셈의 뜻과 상황을 잇는다.",
        steps=f"덜어 내거나 비교하므로 {a}-{b}",
        difficulty=2,
    )


@family("2수01-06", "addition", "덧셈", "받아올림", "두 자리 수")
def two_digit_addition(d: Draw) -> Draft:
    a, b = d.whole(15, 69), d.whole(12, 30)
    thing, counter = d.thing()
    carry = a % 10 + b % 10 >= 10
    who, other, place = d.name(), d.word(FAMILY), d.place()
    return Draft(
        texts=(
            f"{who}[은/는] {thing}[을/를] {a}{counter} 모았고 {other}[은/는] {b}{counter} 모았습니다. 두 사람이 모은 {thing}[은/는] 모두 몇 {counter}입니까?",
            f"{place}에 {thing}[이/가] {a}{counter} 있었습니다. 오늘 {b}{counter}[이/가] 더 들어왔다면 모두 몇 {counter}인지 구하시오.",
            f"{a}+{b}[을/를] 계산하시오.",
            f"{a}보다 {b}만큼 더 큰 수를 구하시오.",
        ),
        answer=f"{a + b}",
        why=f"두 자리 수 {a}[과/와] {b}[을/를] {'받아올림하여 ' if carry else ''}더하는 계산이다.",
        steps=f"{a}+{b}={a + b}",
        difficulty=3 if carry else 2,
    )


@family("2수01-06", "subtraction", "뺄셈", "받아내림", "두 자리 수")
def two_digit_subtraction(d: Draw) -> Draft:
    a, b = d.whole(41, 96), d.whole(13, 39)
    thing, counter = d.thing()
    borrow = a % 10 < b % 10
    who, other = d.name(), d.word(FAMILY)
    return Draft(
        texts=(
            f"{who}[은/는] {thing} {a}{counter} 중에서 {b}{counter}[을/를] {other}에게 주었습니다. 남은 {thing}[은/는] 몇 {counter}입니까?",
            f"{thing}[이/가] {a}{counter} 있었는데 {b}{counter}[이/가] 팔렸습니다. 팔리고 남은 것은 몇 {counter}인지 구하시오.",
            f"{a}-{b}[을/를] 계산하시오.",
            f"{a}보다 {b}만큼 더 작은 수는 얼마입니까?",
        ),
        answer=f"{a - b}",
        why=f"두 자리 수 {a}에서 {b}[을/를] {'받아내림하여 ' if borrow else ''}빼는 계산이다.",
        steps=f"{a}-{b}={a - b}",
        difficulty=3 if borrow else 2,
    )


@family("2수01-07", "fact-family", "덧셈식", "뺄셈식", "관계")
def fact_family(d: Draw) -> Draft:
    a, b = d.whole(12, 48), d.whole(6, 9)
    c = a + b
    return Draft(
        texts=(
            f"덧셈식 {a}+{b}={c}[을/를] 뺄셈식 2개로 나타내시오.",
            (f"뺄셈식 {c}-{b}={a}[을/를] 보고 만들 수 있는 덧셈식을 모두 쓰시오.", f"{a}+{b}={c}, {b}+{a}={c}"),
            (f"세 수 {a}, {b}, {c}[을/를] 한 번씩 써서 덧셈식과 뺄셈식을 만드시오.", f"{a}+{b}={c}, {c}-{a}={b}"),
            (f"{a}+{b}={c}[을/를] 이용하여 {c}-{a}의 값을 계산하지 않고 쓰시오.", f"{b}"),
        ),
        answer=f"{c}-{a}={b}, {c}-{b}={a}",
        why=f"덧셈식 {a}+{b}={c}[과/와] 뺄셈식이 서로 바뀌는 관계를 이용한다.",
        steps=f"{a}+{b}={c}이므로 {c}-{a}={b}",
        difficulty=2,
    )


@family("2수01-08", "three-numbers", "세 수의 계산", "덧셈", "뺄셈")
def three_numbers(d: Draw) -> Draft:
    a, b = d.whole(31, 59), d.whole(11, 29)
    c = d.whole(12, a + b - 20)
    thing, counter = d.thing("개", "장", "권", "자루")
    who = d.name()
    return Draft(
        texts=(
            f"{a}+{b}-{c}[을/를] 앞에서부터 차례로 계산하시오.",
            f"{who}[은/는] {thing} {a}{counter}[을/를] 가지고 있었습니다. {b}{counter}[을/를] 더 얻고 {c}{counter}[을/를] 썼다면 남은 것은 몇 {counter}입니까?",
            f"버스에 {a}명이 타고 있었습니다. 정류장에서 {b}명이 타고 {c}명이 내렸다면 지금 버스에는 몇 명이 있습니까?",
            f"세 수 {a}, {b}, {c}[이/가] 있습니다. 앞의 두 수를 더한 뒤 {c}[을/를] 뺀 값을 구하시오.",
        ),
        answer=f"{a + b - c}",
        why=f"{a}, {b}, {c} 세 수를 이어서 더하고 뺀다.",
        steps=f"{a}+{b}={a + b}, {a + b}-{c}={a + b - c}",
        difficulty=3,
    )


@family("2수01-09", "unknown", "□의 값", "덧셈식", "뺄셈식")
def unknown_number(d: Draw) -> Draft:
    a, x = d.whole(12, 45), d.whole(11, 38)
    thing, counter = d.thing("개", "장", "권", "자루")
    who, other = d.name(), d.word(FAMILY)
    return Draft(
        texts=(
            f"{a}+□={a + x}에서 □의 값을 구하시오.",
            f"{a + x}-□={a}일 때 □에 알맞은 수는 얼마입니까?",
            f"{who}[은/는] {thing} {a}{counter}[을/를] 가지고 있었는데 {other}에게 몇 {counter}[을/를] 받아서 {a + x}{counter}[이/가] 되었습니다. 받은 수를 □로 하여 식을 만들고 답을 구하시오.",
            f"어떤 수에 {a}[을/를] 더했더니 {a + x}[이/가] 되었습니다. 어떤 수를 □로 나타낸 식을 쓰고 □의 값을 구하시오.",
        ),
        answer=f"{x}",
        why="모르는 수를 □로 나타낸 식에서 □의 값을 구한다.",
        steps=f"□={a + x}-{a}={x}",
        difficulty=3,
    )


@family("2수01-10", "groups", "묶어 세기", "곱셈", "몇 배")
def groups_of(d: Draw) -> Draft:
    a, b = d.whole(2, 9), d.whole(3, 7)
    thing, counter = d.thing("개", "장", "송이", "마리")
    return Draft(
        texts=(
            f"{thing}[이/가] {a}{counter}씩 {b}묶음 있습니다. 덧셈식과 곱셈식으로 각각 나타내시오.",
            f"{'+'.join([str(a)] * b)}[을/를] 곱셈식으로 나타내시오.",
            f"{a}의 {b}배를 곱셈식으로 쓰시오. {thing}[을/를] {a}{counter}씩 묶어 세면 됩니다.",
            (f"{thing} {a * b}{counter}[은/는] {a}{counter}씩 몇 묶음이며 {a}의 몇 배입니까?", f"{b}묶음, {b}배"),
        ),
        answer=f"{a}×{b}={a * b}",
        why=f"{a}씩 {b}묶음을 곱셈식으로 나타내며 곱셈의 뜻을 묻는다.",
        steps=f"{a}씩 {b}묶음은 {a}×{b}={a * b}",
        difficulty=2,
    )


@family("2수01-11", "times-table", "곱셈구구", "곱셈")
def times_table(d: Draw) -> Draft:
    a, b = d.whole(2, 9), d.whole(2, 9)
    c = d.whole(2, 9, avoid=(a,))
    return Draft(
        texts=(
            f"{a}단 곱셈구구에서 {a}×{b}의 값을 쓰시오.",
            (f"{a}×□={a * b}에서 □에 알맞은 수를 {a}단 곱셈구구를 이용하여 구하시오.", f"{b}"),
            f"의자가 한 줄에 {a}개씩 {b}줄 놓여 있습니다. 곱셈구구를 이용하여 의자는 모두 몇 개인지 구하시오.",
            (f"{a}×{b}[과/와] {c}×{b} 중에서 곱이 더 큰 것을 고르시오.", f"{max(a, c)}×{b}"),
        ),
        answer=f"{a * b}",
        why=f"{a}단의 곱 {a}×{b}[을/를] 곱셈구구로 구한다.",
        steps=f"{a}×{b}={a * b}",
        difficulty=2,
    )
