"""초등 3~4학년 수와 연산: large numbers, the four operations, estimating."""

from __future__ import annotations

from prefopt.curricula.generator.drafting import Draft, Draw, family
from prefopt.curricula.generator.vocabulary import FAMILY

DIGITS = " 일이삼사오육칠팔구"


def spoken_ten_thousands(n: int) -> str:
    """A number of whole ten thousands read aloud: 230000 -> 이십삼만."""
    rest = n // 10_000
    out = ""
    for power, word in ((1000, "천"), (100, "백"), (10, "십"), (1, "")):
        digit, rest = divmod(rest, power)
        if digit:
            out += ("" if digit == 1 and word else DIGITS[digit]) + word
    return out + "만"


@family("4수01-01", "reading", "큰 수", "만", "자릿값")
def reading_large(d: Draw) -> Draft:
    n = d.whole(12, 9899) * 10_000
    word = spoken_ten_thousands(n)
    ten = d.whole(2, 9)
    return Draft(
        texts=(
            f"{n}[을/를] 읽어 보시오.",
            (f"'{word}'[을/를] 숫자로 쓰시오.", f"{n}"),
            (f"어느 도시의 인구는 {word} 명입니다. 이 도시의 인구를 수로 쓰시오.", f"{n}"),
            (f"10000이 {n // 10_000}개인 수를 쓰시오.", f"{n}"),
            (f"만이 {ten}개, 천이 {ten - 1}개, 백이 {ten - 2}개인 수를 쓰시오.", f"{ten * 10_000 + (ten - 1) * 1000 + (ten - 2) * 100}"),
        ),
        answer=word,
        why="10000보다 큰 다섯 자리 이상의 수를 자릿값에 따라 읽고 쓴다.",
        steps=f"{n}[은/는] {word}",
        difficulty=2,
    )


@family("4수01-01", "digit-value", "큰 수", "자릿값", "억")
def large_digit_value(d: Draw) -> Draft:
    digits = [d.whole(1, 9) for _ in range(d.whole(6, 8))]
    n = int("".join(map(str, digits)))
    k = d.whole(4, len(digits) - 1)
    place = ["일", "십", "백", "천", "만", "십만", "백만", "천만"][k]
    digit = digits[-1 - k]
    return Draft(
        texts=(
            f"{n}에서 {place}의 자리 숫자가 나타내는 값을 쓰시오.",
            (f"{n}의 {place}의 자리 숫자는 무엇입니까?", f"{digit}"),
            f"올해 공장에서 만든 물건의 수는 {n}개입니다. {place}의 자리 숫자는 얼마를 나타냅니까?",
        ),
        answer=f"{digit * 10**k}",
        why=f"만 단위가 넘는 {n}에서 {place}의 자리의 자릿값을 묻는다.",
        steps=f"{place}의 자리 숫자 {digit}[은/는] {digit * 10**k}",
        difficulty=3,
    )


@family("4수01-02", "compare-large", "큰 수", "크기 비교")
def compare_large(d: Draw) -> Draft:
    base = d.whole(11, 98) * 100_000
    a, b, c = (base + n for n in d.wholes(3, 1000, 99_999))
    most = d.pick(["큰", "작은"])
    best = max(a, b, c) if most == "큰" else min(a, b, c)
    step = d.pick([10_000, 100_000, 1_000_000])
    return Draft(
        texts=(
            f"{a}, {b}, {c} 중 가장 {most} 수를 찾아 쓰시오.",
            (f"{a}[과/와] {b}의 크기를 비교하여 ○ 안에 >, =, <를 알맞게 써넣으시오. {a} ○ {b}", ">" if a > b else "<"),
            f"세 도시의 인구가 각각 {a}명, {b}명, {c}명입니다. 이 중에서 가장 {most} 수를 구하시오.",
            (f"{base}, {base + step}, {base + 2 * step}, □처럼 뛰어 셀 때 □에 알맞은 수를 쓰시오.", f"{base + 3 * step}"),
        ),
        answer=f"{best}",
        why="다섯 자리가 넘는 큰 수들을 높은 자리부터 견주어 크기와 순서를 정한다.",
        steps=f"높은 자리부터 비교하면 {best}",
        difficulty=3,
    )


@family("4수01-03", "three-digit-sum", "덧셈", "세 자리 수", "받아올림")
def three_digit_sum(d: Draw) -> Draft:
    a, b = d.whole(156, 689), d.whole(127, 298)
    (thing, counter), who, other, place = d.thing(), d.name(), d.word(FAMILY), d.place()
    return Draft(
        texts=(
            f"{a}+{b}[을/를] 계산하시오.",
            f"{place}에 {thing}[이/가] {a}{counter} 있습니다. {b}{counter}[을/를] 더 들여왔다면 모두 몇 {counter}입니까?",
            f"{who}[은/는] 줄넘기를 어제 {a}번, 오늘 {b}번 했습니다. 이틀 동안 모두 몇 번 했는지 구하시오.",
            f"{other}[은/는] {thing}[을/를] {a}{counter} 모았고 {who}[은/는] {other}보다 {b}{counter} 더 모았습니다. {who}[이/가] 모은 {thing}[은/는] 몇 {counter}입니까?",
        ),
        answer=f"{a + b}",
        why=f"세 자리 수 {a}[과/와] {b}의 합을 구한다.",
        steps=f"{a}+{b}={a + b}",
        difficulty=3 if (a % 10 + b % 10) >= 10 else 2,
    )


@family("4수01-03", "three-digit-difference", "뺄셈", "세 자리 수", "받아내림")
def three_digit_difference(d: Draw) -> Draft:
    a, b = d.whole(512, 954), d.whole(137, 389)
    (thing, counter), who = d.thing(), d.name()
    return Draft(
        texts=(
            f"{a}-{b}의 값을 구하시오.",
            f"{thing} {a}{counter} 가운데 {b}{counter}[이/가] 팔렸습니다. 남은 {thing}[은/는] 몇 {counter}입니까?",
            f"{who}[은/는] 전체가 {a}쪽인 책을 {b}쪽까지 읽었습니다. 앞으로 몇 쪽을 더 읽어야 합니까?",
            f"오늘 {d.place()}에 온 사람은 {a}명이고 어제 온 사람은 {b}명입니다. 오늘 온 사람은 어제보다 몇 명 더 많습니까?",
        ),
        answer=f"{a - b}",
        why=f"세 자리 수 {a}에서 {b}[을/를] 빼는 계산을 한다.",
        steps=f"{a}-{b}={a - b}",
        difficulty=3,
    )


@family("4수01-04", "multiplication", "곱셈", "두 자리 수")
def multiplication(d: Draw) -> Draft:
    a, b = d.whole(112, 489), d.whole(12, 48)
    e, f = d.whole(13, 89), d.whole(3, 9)
    (thing, counter), place = d.thing(), d.place()
    return Draft(
        texts=(
            f"{a}×{b}[을/를] 계산하시오.",
            (f"{thing}[이/가] 한 상자에 {e}{counter}씩 들어 있습니다. {f}상자에는 모두 몇 {counter}[이/가] 들어 있습니까?", f"{e * f}"),
            f"{place}에서 하루에 {thing}[을/를] {a}{counter}씩 팝니다. {b}일 동안 판 {thing}[은/는] 모두 몇 {counter}인지 구하시오.",
            (f"{e}[과/와] {b}의 곱은 얼마입니까?", f"{e * b}"),
        ),
        answer=f"{a * b}",
        why="세 자리 수나 두 자리 수에 한 자리 또는 두 자리 수를 곱한다.",
        steps=f"{a}×{b}={a * b}",
        difficulty=3,
    )


@family("4수01-05", "sharing", "나눗셈", "똑같이 나누기", "곱셈식")
def sharing(d: Draw) -> Draft:
    b, q = d.wholes(2, 2, 9)
    a = b * q
    thing, counter = d.thing("개", "장", "자루", "권")
    return Draft(
        texts=(
            f"{thing} {a}{counter}[을/를] {b}명에게 똑같이 나누어 주는 상황을 나눗셈식으로 나타내시오.",
            (f"{a}÷{b}={q}[을/를] 곱셈식으로 바꾸어 쓰시오.", f"{b}×{q}={a}"),
            (f"곱셈식 {b}×{q}={a}[을/를] 보고 나눗셈식 2개를 만드시오.", f"{a}÷{b}={q}, {a}÷{q}={b}"),
            (f"{a}에서 {b}[을/를] {q}번 빼면 0이 됩니다. 이것을 나눗셈식으로 쓰시오.", f"{a}÷{b}={q}"),
        ),
        answer=f"{a}÷{b}={q}",
        why=f"똑같이 나누는 나눗셈의 뜻과, {b}×{q}={a} 같은 곱셈과의 관계를 묻는다.",
        steps=f"{b}×{q}={a}이므로 {a}÷{b}={q}",
        difficulty=2,
    )


@family("4수01-06", "by-one-digit", "나눗셈", "몫", "나머지")
def divide_by_one_digit(d: Draw) -> Draft:
    b, q = d.whole(3, 9), d.whole(12, 96)
    r = d.whole(1, b - 1)
    a = b * q + r
    (thing, counter), who = d.thing(), d.name()
    return Draft(
        texts=(
            f"{a}÷{b}의 몫과 나머지를 구하시오.",
            f"{thing} {a}{counter}[을/를] 한 사람에게 {b}{counter}씩 주려고 합니다. 몇 명에게 줄 수 있고 몇 {counter}[이/가] 남습니까?",
            f"{who}[은/는] {a}쪽인 책을 매일 {b}쪽씩 읽습니다. {b}쪽씩 읽는 날은 며칠이고 남는 쪽은 몇 쪽인지 나눗셈으로 구하시오.",
            (f"어떤 수를 {b}[으로/로] 나누었더니 몫이 {q}, 나머지가 {r}[이었/였]습니다. 어떤 수를 구하시오.", f"{a}"),
        ),
        answer=f"몫 {q}, 나머지 {r}",
        why=f"한 자리 수 {b}[으로/로] 나누어 몫과 나머지를 구한다.",
        steps=f"{b}×{q}={b * q}, {a}-{b * q}={r}",
        difficulty=3,
    )


@family("4수01-07", "by-two-digits", "나눗셈", "두 자리 수", "몫")
def divide_by_two_digits(d: Draw) -> Draft:
    b, q = d.whole(13, 48), d.whole(11, 19)
    r = d.whole(1, b - 1)
    a = b * q + r
    thing, counter = d.thing()
    return Draft(
        texts=(
            f"{a}÷{b}의 몫과 나머지를 구하시오.",
            f"{thing} {a}{counter}[을/를] 한 상자에 {b}{counter}씩 담으면 몇 상자가 되고 몇 {counter}[이/가] 남습니까?",
            f"학생 {a}명이 한 대에 {b}명까지 탈 수 있는 버스에 가득 채워 나누어 타면, 가득 찬 버스는 몇 대이고 남는 학생은 몇 명입니까?",
            f"{a}[을/를] {b}[으로/로] 나누었을 때의 몫과 나머지를 쓰시오.",
        ),
        answer=f"몫 {q}, 나머지 {r}",
        why=f"세 자리 수 {a}[을/를] 두 자리 수 {b}[으로/로] 나눈다.",
        steps=f"{b}×{q}={b * q}, 나머지 {r}",
        difficulty=4,
    )


@family("4수01-08", "estimating", "어림셈", "몇백", "약")
def estimating(d: Draw) -> Draft:
    a, b = d.whole(2, 7) * 100 + d.pick([-3, -2, -1, 1, 2, 3]), d.whole(1, 5) * 100 + d.pick([-4, -2, 1, 2, 3])
    ra, rb = round(a, -2), round(b, -2)
    (thing, counter), who = d.thing("개", "장", "자루", "권"), d.name()
    return Draft(
        texts=(
            f"{a}+{b}[은/는] 약 얼마인지 몇백쯤으로 어림하여 구하시오.",
            f"{who}[은/는] {a}원짜리 {thing}[과/와] {b}원짜리 물건을 사려고 합니다. 값이 약 얼마인지 어림셈으로 알아보시오.",
            f"{a}[과/와] {b}[을/를] 각각 가까운 몇백으로 어림하여 합을 어림하면 약 얼마입니까?",
            (
                f"{thing} {a}{counter} 중에서 {min(ra, rb) - 97}{counter}[을/를] 썼습니다. 남은 수는 약 몇백인지 어림하시오.",
                f"약 {ra - min(ra, rb) + 100}",
            ),
        ),
        answer=f"약 {ra + rb}",
        why="정확히 계산하지 않고 가까운 수로 바꾸어 어림셈을 한다.",
        steps=f"{a}[은/는] 약 {ra}, {b}[은/는] 약 {rb}이므로 약 {ra + rb}",
        difficulty=3,
    )
