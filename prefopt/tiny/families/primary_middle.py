"""초등 3~4학년, numbers and change: large numbers, multiplication and division, first fractions and decimals, rules, equality, graphs."""

from __future__ import annotations

from prefopt.tiny.drafting import Draft, Draw, decimal, family, listed
from prefopt.tiny.words import CLUBS, FAMILY, FRUITS, STRINGS

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
    n = d.int(12, 9899) * 10_000
    word = spoken_ten_thousands(n)
    ten = d.int(2, 9)
    return Draft(
        (
            f"{n}[을/를] 읽어 보시오.",
            (f"'{word}'[을/를] 숫자로 쓰시오.", f"{n}"),
            (f"어느 도시의 인구는 {word} 명입니다. 이 도시의 인구를 수로 쓰시오.", f"{n}"),
            (f"10000이 {n // 10_000}개인 수를 쓰시오.", f"{n}"),
            (f"만이 {ten}개, 천이 {ten - 1}개, 백이 {ten - 2}개인 수를 쓰시오.", f"{ten * 10_000 + (ten - 1) * 1000 + (ten - 2) * 100}"),
        ),
        word, "10000보다 큰 다섯 자리 이상의 수를 자릿값에 따라 읽고 쓴다.", f"{n}[은/는] {word}", 2,
    )


@family("4수01-01", "digit-value", "큰 수", "자릿값", "억")
def large_digit_value(d: Draw) -> Draft:
    digits = [d.int(1, 9) for _ in range(d.int(6, 8))]
    n = int("".join(map(str, digits)))
    k = d.int(4, len(digits) - 1)
    place = ["일", "십", "백", "천", "만", "십만", "백만", "천만"][k]
    digit = digits[-1 - k]
    return Draft(
        (
            f"{n}에서 {place}의 자리 숫자가 나타내는 값을 쓰시오.",
            (f"{n}의 {place}의 자리 숫자는 무엇입니까?", f"{digit}"),
            f"올해 공장에서 만든 물건의 수는 {n}개입니다. {place}의 자리 숫자는 얼마를 나타냅니까?",
        ),
        f"{digit * 10**k}", f"만 단위가 넘는 {n}에서 {place}의 자리의 자릿값을 묻는다.", f"{place}의 자리 숫자 {digit}[은/는] {digit * 10**k}", 3,
    )


@family("4수01-02", "compare-large", "큰 수", "크기 비교")
def compare_large(d: Draw) -> Draft:
    base = d.int(11, 98) * 100_000
    a, b, c = (base + n for n in d.ints(3, 1000, 99_999))
    most = d.pick(["큰", "작은"])
    best = max(a, b, c) if most == "큰" else min(a, b, c)
    step = d.pick([10_000, 100_000, 1_000_000])
    return Draft(
        (
            f"{a}, {b}, {c} 중 가장 {most} 수를 찾아 쓰시오.",
            (f"{a}[과/와] {b}의 크기를 비교하여 ○ 안에 >, =, <를 알맞게 써넣으시오. {a} ○ {b}", ">" if a > b else "<"),
            f"세 도시의 인구가 각각 {a}명, {b}명, {c}명입니다. 이 중에서 가장 {most} 수를 구하시오.",
            (f"{base}, {base + step}, {base + 2 * step}, □처럼 뛰어 셀 때 □에 알맞은 수를 쓰시오.", f"{base + 3 * step}"),
        ),
        f"{best}", "다섯 자리가 넘는 큰 수들을 높은 자리부터 견주어 크기와 순서를 정한다.", f"높은 자리부터 비교하면 {best}", 3,
    )


@family("4수01-03", "three-digit-sum", "덧셈", "세 자리 수", "받아올림")
def three_digit_sum(d: Draw) -> Draft:
    a, b = d.int(156, 689), d.int(127, 298)
    (thing, counter), who, other, place = d.thing(), d.name(), d.word(FAMILY), d.place()
    return Draft(
        (
            f"{a}+{b}[을/를] 계산하시오.",
            f"{place}에 {thing}[이/가] {a}{counter} 있습니다. {b}{counter}[을/를] 더 들여왔다면 모두 몇 {counter}입니까?",
            f"{who}[은/는] 줄넘기를 어제 {a}번, 오늘 {b}번 했습니다. 이틀 동안 모두 몇 번 했는지 구하시오.",
            f"{other}[은/는] {thing}[을/를] {a}{counter} 모았고 {who}[은/는] {other}보다 {b}{counter} 더 모았습니다. {who}[이/가] 모은 {thing}[은/는] 몇 {counter}입니까?",
        ),
        f"{a + b}", f"세 자리 수 {a}[과/와] {b}의 합을 구한다.", f"{a}+{b}={a + b}", 3 if (a % 10 + b % 10) >= 10 else 2,
    )


@family("4수01-03", "three-digit-difference", "뺄셈", "세 자리 수", "받아내림")
def three_digit_difference(d: Draw) -> Draft:
    a, b = d.int(512, 954), d.int(137, 389)
    (thing, counter), who = d.thing(), d.name()
    return Draft(
        (
            f"{a}-{b}의 값을 구하시오.",
            f"{thing} {a}{counter} 가운데 {b}{counter}[이/가] 팔렸습니다. 남은 {thing}[은/는] 몇 {counter}입니까?",
            f"{who}[은/는] 전체가 {a}쪽인 책을 {b}쪽까지 읽었습니다. 앞으로 몇 쪽을 더 읽어야 합니까?",
            f"오늘 {d.place()}에 온 사람은 {a}명이고 어제 온 사람은 {b}명입니다. 오늘 온 사람은 어제보다 몇 명 더 많습니까?",
        ),
        f"{a - b}", f"세 자리 수 {a}에서 {b}[을/를] 빼는 계산을 한다.", f"{a}-{b}={a - b}", 3,
    )


@family("4수01-04", "multiplication", "곱셈", "두 자리 수")
def multiplication(d: Draw) -> Draft:
    a, b = d.int(112, 489), d.int(12, 48)
    e, f = d.int(13, 89), d.int(3, 9)
    (thing, counter), place = d.thing(), d.place()
    return Draft(
        (
            f"{a}×{b}[을/를] 계산하시오.",
            (f"{thing}[이/가] 한 상자에 {e}{counter}씩 들어 있습니다. {f}상자에는 모두 몇 {counter}[이/가] 들어 있습니까?", f"{e * f}"),
            f"{place}에서 하루에 {thing}[을/를] {a}{counter}씩 팝니다. {b}일 동안 판 {thing}[은/는] 모두 몇 {counter}인지 구하시오.",
            (f"{e}[과/와] {b}의 곱은 얼마입니까?", f"{e * b}"),
        ),
        f"{a * b}", "세 자리 수나 두 자리 수에 한 자리 또는 두 자리 수를 곱한다.", f"{a}×{b}={a * b}", 3,
    )


@family("4수01-05", "sharing", "나눗셈", "똑같이 나누기", "곱셈식")
def sharing(d: Draw) -> Draft:
    b, q = d.int(2, 9), d.int(3, 9)
    a = b * q
    thing, counter = d.thing("개", "장", "자루", "권")
    return Draft(
        (
            f"{thing} {a}{counter}[을/를] {b}명에게 똑같이 나누어 주는 상황을 나눗셈식으로 나타내시오.",
            (f"{a}÷{b}={q}[을/를] 곱셈식으로 바꾸어 쓰시오.", f"{b}×{q}={a}"),
            (f"곱셈식 {b}×{q}={a}[을/를] 보고 나눗셈식 2개를 만드시오.", f"{a}÷{b}={q}, {a}÷{q}={b}"),
            (f"{a}에서 {b}[을/를] {q}번 빼면 0이 됩니다. 이것을 나눗셈식으로 쓰시오.", f"{a}÷{b}={q}"),
        ),
        f"{a}÷{b}={q}", f"똑같이 나누는 나눗셈의 뜻과, {b}×{q}={a} 같은 곱셈과의 관계를 묻는다.", f"{b}×{q}={a}이므로 {a}÷{b}={q}", 2,
    )


@family("4수01-06", "by-one-digit", "나눗셈", "몫", "나머지")
def divide_by_one_digit(d: Draw) -> Draft:
    b, q = d.int(3, 9), d.int(12, 96)
    r = d.int(1, b - 1)
    a = b * q + r
    (thing, counter), who = d.thing(), d.name()
    return Draft(
        (
            f"{a}÷{b}의 몫과 나머지를 구하시오.",
            f"{thing} {a}{counter}[을/를] 한 사람에게 {b}{counter}씩 주려고 합니다. 몇 명에게 줄 수 있고 몇 {counter}[이/가] 남습니까?",
            f"{who}[은/는] {a}쪽인 책을 매일 {b}쪽씩 읽습니다. {b}쪽씩 읽는 날은 며칠이고 남는 쪽은 몇 쪽인지 나눗셈으로 구하시오.",
            (f"어떤 수를 {b}[으로/로] 나누었더니 몫이 {q}, 나머지가 {r}[이었/였]습니다. 어떤 수를 구하시오.", f"{a}"),
        ),
        f"몫 {q}, 나머지 {r}", f"한 자리 수 {b}[으로/로] 나누어 몫과 나머지를 구한다.", f"{b}×{q}={b * q}, {a}-{b * q}={r}", 3,
    )


@family("4수01-07", "by-two-digits", "나눗셈", "두 자리 수", "몫")
def divide_by_two_digits(d: Draw) -> Draft:
    b, q = d.int(13, 48), d.int(11, 19)
    r = d.int(0, b - 1)
    a = b * q + r
    thing, counter = d.thing()
    return Draft(
        (
            f"{a}÷{b}의 몫과 나머지를 구하시오.",
            f"{thing} {a}{counter}[을/를] 한 상자에 {b}{counter}씩 담으면 몇 상자가 되고 몇 {counter}[이/가] 남습니까?",
            f"학생 {a}명이 한 대에 {b}명까지 탈 수 있는 버스에 가득 채워 나누어 타면, 가득 찬 버스는 몇 대이고 남는 학생은 몇 명입니까?",
            f"{a}[을/를] {b}[으로/로] 나누었을 때의 몫과 나머지를 쓰시오.",
        ),
        f"몫 {q}, 나머지 {r}", f"세 자리 수 {a}[을/를] 두 자리 수 {b}[으로/로] 나눈다.", f"{b}×{q}={b * q}, 나머지 {r}", 4,
    )


@family("4수01-08", "estimating", "어림셈", "몇백", "약")
def estimating(d: Draw) -> Draft:
    a, b = d.int(2, 7) * 100 + d.pick([-3, -2, -1, 1, 2, 3]), d.int(1, 5) * 100 + d.pick([-4, -2, 1, 2, 3])
    ra, rb = round(a, -2), round(b, -2)
    (thing, counter), who = d.thing(), d.name()
    return Draft(
        (
            f"{a}+{b}[은/는] 약 얼마인지 몇백쯤으로 어림하여 구하시오.",
            f"{who}[은/는] {a}원짜리 {thing}[과/와] {b}원짜리 물건을 사려고 합니다. 값이 약 얼마인지 어림셈으로 알아보시오.",
            f"{a}[과/와] {b}[을/를] 각각 가까운 몇백으로 어림하여 합을 어림하면 약 얼마입니까?",
            (f"{thing} {a}{counter} 중에서 {min(ra, rb) - 97}{counter}[을/를] 썼습니다. 남은 수는 약 몇백인지 어림하시오.", f"약 {ra - min(ra, rb) + 100}"),
        ),
        f"약 {ra + rb}", "정확히 계산하지 않고 가까운 수로 바꾸어 어림셈을 한다.", f"{a}[은/는] 약 {ra}, {b}[은/는] 약 {rb}이므로 약 {ra + rb}", 3,
    )


@family("4수01-09", "part-of-whole", "분수", "등분", "전체와 부분")
def part_of_whole(d: Draw) -> Draft:
    n = d.int(3, 9)
    k, m = d.int(1, n - 1), d.int(2, 5)
    thing, counter = d.thing("개", "장", "자루")
    food = d.pick(["피자", "케이크", "와플", "식빵", "초콜릿", "색종이", "떡"])
    return Draft(
        (
            f"{food} 한 판을 똑같이 {n}조각으로 나누어 {k}조각을 먹었습니다. 먹은 양은 전체의 얼마인지 분수로 쓰시오.",
            f"전체를 똑같이 {n}[으로/로] 나눈 것 중의 {k}[을/를] 분수로 쓰시오.",
            (f"{thing} {n * m}{counter}[을/를] {n}묶음으로 똑같이 나누었습니다. {k}묶음은 전체의 몇 분의 몇입니까?", f"{k}/{n}"),
            (f"{n * m}의 {k}/{n}[은/는] 얼마입니까?", f"{k * m}"),
        ),
        f"{k}/{n}", f"전체를 똑같이 {n}[으로/로] 나눈 것 중 {k}[을/를] 분수로 나타낸다.", f"똑같이 {n}[으로/로] 나눈 것 중의 {k}[은/는] {k}/{n}", 2,
    )


@family("4수01-10", "improper-mixed", "가분수", "대분수", "진분수")
def improper_and_mixed(d: Draw) -> Draft:
    n, w = d.int(3, 9), d.int(1, 5)
    k = d.int(1, n - 1)
    return Draft(
        (
            f"가분수 {w * n + k}/{n}[을/를] 대분수로 나타내시오.",
            (f"대분수 {w}[과/와] {k}/{n}[을/를] 가분수로 나타내시오.", f"{w * n + k}/{n}"),
            (f"{k}/{n}, {n + k}/{n}, {w}[과/와] {k}/{n} 중에서 진분수를 찾아 쓰시오.", f"{k}/{n}"),
            (f"분모가 {n}인 진분수는 모두 몇 개입니까?", f"{n - 1}개"),
        ),
        f"{w}[과/와] {k}/{n}", "진분수, 가분수, 대분수를 구별하고 서로 바꾼다.", f"{w * n + k}={n}×{w}+{k}", 3,
    )


@family("4수01-11", "same-denominator", "분수", "크기 비교", "같은 분모")
def compare_same_denominator(d: Draw) -> Draft:
    n = d.int(5, 15)
    a, b = d.ints(2, 1, n - 1)
    p, q = d.ints(2, 2, 12)
    who, other, thing = d.name(), d.name(), d.pick(["우유", "주스", "리본", "피자", "케이크", "빵"])
    return Draft(
        (
            (f"{a}/{n}[과/와] {b}/{n} 중에서 더 큰 분수를 쓰시오.", f"{max(a, b)}/{n}"),
            (f"단위분수 1/{p}[과/와] 1/{q} 중 더 큰 것을 고르시오.", f"1/{min(p, q)}"),
            f"{who}[은/는] {thing}의 {a}/{n}[을/를], {other}[은/는] {b}/{n}[을/를] 먹었습니다. 누가 더 많이 먹었습니까?",
            (f"□ 안에 들어갈 수 있는 수 중 가장 큰 수를 구하시오. □/{n} < {max(a, b)}/{n}", f"{max(a, b) - 1}"),
        ),
        who if a > b else other, "분모가 같은 분수나 단위분수끼리 크기를 비교한다.", f"분모가 같으면 분자가 큰 {max(a, b)}/{n}[이/가] 더 크다", 2,
    )


@family("4수01-12", "tenths", "소수", "0.1", "분모가 10인 분수")
def tenths(d: Draw) -> Draft:
    k = d.int(1, 9)
    w = d.int(1, 9)
    return Draft(
        (
            f"{k}/10[을/를] 소수로 나타내시오.",
            (f"0.1이 {10 * w + k}개인 수를 소수로 쓰시오.", f"{w}.{k}"),
            (f"{w} cm {k} mm를 cm 단위의 소수로 나타내면 몇 cm입니까?", f"{w}.{k} cm"),
            (f"색 테이프를 똑같이 10조각으로 나눈 것 중의 {k}조각은 전체의 얼마인지 소수로 쓰시오.", f"0.{k}"),
        ),
        f"0.{k}", "분모가 10인 분수와 이어 소수 한 자리 수를 쓰고 읽는다.", f"{k}/10=0.{k}", 1,
    )


@family("4수01-13", "hundredths", "소수", "소수 두 자리", "자릿값")
def hundredths(d: Draw) -> Draft:
    a, b, c = d.int(1, 9), d.int(1, 9), d.int(1, 9)
    text = f"{a}.{b}{c}"
    e = d.int(1, 9)
    return Draft(
        (
            (f"{text}에서 소수 둘째 자리 숫자가 나타내는 수를 쓰시오.", f"0.0{c}"),
            f"1이 {a}개, 0.1이 {b}개, 0.01이 {c}개인 수를 쓰시오.",
            (f"{text}{e}에서 소수 셋째 자리 숫자는 무엇입니까?", f"{e}"),
            (f"0.001이 {a}{b}{c}개인 수를 소수로 나타내시오.", f"0.{a}{b}{c}"),
            (f"{text}의 1/10은 얼마입니까?", f"0.{a}{b}{c}"),
        ),
        text, "소수 두 자리, 세 자리 수의 자릿값을 이해하고 나타낸다.", f"{a}+0.{b}+0.0{c}={text}", 2,
    )


@family("4수01-14", "compare-decimals", "소수", "크기 비교")
def compare_decimals(d: Draw) -> Draft:
    w = d.int(0, 5)
    a, b, c = (w * 1000 + n for n in d.ints(3, 101, 989))
    shown = [decimal(a, 3), decimal(b - b % 10, 3), decimal(c, 3)]
    most = d.pick(["큰", "작은"])
    key = max if most == "큰" else min
    best = key(shown, key=float)
    who, other = d.name(), d.name()
    thing = d.word(STRINGS)
    longer = who if float(shown[0]) > float(shown[1]) else other
    return Draft(
        (
            f"{listed(shown)} 중에서 가장 {most} 소수를 쓰시오.",
            (f"{shown[0]}[과/와] {shown[1]}의 크기를 비교하여 더 큰 수를 쓰시오.", max(shown[:2], key=float)),
            (f"{who}[은/는] {shown[0]} m, {other}[은/는] {shown[1]} m의 {thing}[을/를] 가지고 있습니다. 누구의 것이 더 깁니까?", longer),
            (f"멀리뛰기에서 {who}[은/는] {shown[0]} m, {other}[은/는] {shown[1]} m를 뛰었습니다. 더 멀리 뛴 사람은 누구입니까?", longer),
        ),
        best, f"{listed(shown[:2])} 같은 소수를 높은 자리부터 견주어 크기를 비교한다.", f"자연수 부분부터 차례로 비교하면 {best}", 2,
    )


@family("4수01-15", "same-denominator-sum", "분수의 덧셈", "분수의 뺄셈", "같은 분모")
def same_denominator_sum(d: Draw) -> Draft:
    n = d.int(5, 13)
    a, b = d.ints(2, 1, n - 1)
    big, small = max(a, b), min(a, b)
    thing, who = d.word(STRINGS), d.name()
    sum_text = f"{a + b}/{n}" if a + b < n else str(1) if a + b == n else f"1과 {a + b - n}/{n}"
    return Draft(
        (
            f"{a}/{n}+{b}/{n}[을/를] 계산하시오.",
            (f"{big}/{n}-{small}/{n}[을/를] 계산하시오.", f"{big - small}/{n}"),
            f"{who}[은/는] 물을 오전에 {a}/{n} L, 오후에 {b}/{n} L 마셨습니다. 하루 동안 마신 물은 모두 몇 L입니까?",
            (f"{thing} {big}/{n} m 중에서 {small}/{n} m를 사용했습니다. 남은 길이는 몇 m인지 구하시오.", f"{big - small}/{n}"),
        ),
        sum_text, f"분모가 {n}[으로/로] 같은 두 분수의 분자끼리 더하거나 뺀다.", f"분모는 그대로 두고 {a}+{b}={a + b}", 2,
    )


@family("4수01-16", "decimal-sum", "소수의 덧셈", "소수의 뺄셈")
def decimal_sum(d: Draw) -> Draft:
    a, b = d.int(215, 789), d.int(104, 198)
    x, y = decimal(a, 2), decimal(b, 2)
    thing, who, other = d.word(STRINGS), d.name(), d.word(FAMILY)
    return Draft(
        (
            f"{x}+{y}[을/를] 계산하시오.",
            (f"{x}-{y}의 값은 얼마입니까?", decimal(a - b, 2)),
            f"{who}[은/는] {x} km, {other}[은/는] {y} km를 걸었습니다. 두 사람이 걸은 거리의 합은 몇 km입니까?",
            (f"길이가 {x} m인 {thing}에서 {y} m를 잘라 냈습니다. 남은 {thing}[은/는] 몇 m입니까?", decimal(a - b, 2)),
        ),
        decimal(a + b, 2), f"소수 {x}[과/와] {y}[을/를] 소수점의 자리를 맞추어 더하거나 뺀다.", f"{x}+{y}={decimal(a + b, 2)}, {x}-{y}={decimal(a - b, 2)}", 3,
    )


@family("4수02-01", "growing", "변화 규칙", "식", "배열")
def growing_pattern(d: Draw) -> Draft:
    first, step = d.int(1, 6), d.int(2, 5)
    terms = [first + i * step for i in range(12)]
    k = d.int(6, 12)
    what = d.pick(["바둑돌", "성냥개비", "쌓기나무", "타일", "구슬", "색종이"])
    return Draft(
        (
            f"{what}[을/를] 첫째에 {terms[0]}개, 둘째에 {terms[1]}개, 셋째에 {terms[2]}개 놓았습니다. 같은 규칙으로 놓을 때 {k}번째에 필요한 {what}의 수를 구하시오.",
            (f"{what}의 수가 {listed(terms[:4])}로 변합니다. 몇 개씩 늘어나는지 규칙을 식으로 나타내시오.", f"{first}에서 시작하여 {step}씩 더한다"),
            f"모양의 배열에서 {what}[이/가] {listed(terms[:4])}개로 바뀝니다. 변화 규칙을 찾아 {k}번째의 수를 구하시오.",
        ),
        f"{terms[k - 1]}개", f"{what}의 수가 {step}개씩 늘어나는 변화 규칙을 찾아 수나 식으로 나타낸다.", f"{first}+{step}×{k - 1}={terms[k - 1]}", 3,
    )


@family("4수02-02", "equations-row", "계산식의 배열", "규칙", "추측")
def equations_row(d: Draw) -> Draft:
    a, b, step = d.int(101, 300), d.int(101, 300), d.pick([10, 100])
    k = d.int(11, 99)
    lines = [f"{a + i * step}+{b}={a + i * step + b}" for i in range(3)]
    times = [f"{k}×{10**i}={k * 10**i}" for i in range(1, 4)]
    return Draft(
        (
            f"계산식 {', '.join(lines)}의 규칙에 따라 다음에 올 계산식을 쓰시오.",
            (f"{', '.join(times)}[과/와] 같은 계산식의 배열을 보고 다음 계산식의 결과를 추측하시오.", f"{k * 10_000}"),
            f"덧셈식의 배열 {', '.join(lines)}에서 규칙을 찾아 넷째 식의 계산 결과를 예상하시오.",
        ),
        f"{a + 3 * step}+{b}={a + 3 * step + b}", "계산식이 늘어놓인 배열에서 규칙을 찾아 다음 결과를 추측한다.", f"더해지는 수가 {step}씩 커진다", 3,
    )


@family("4수02-03", "equal-sign", "등호", "같은 양", "식")
def equal_sign(d: Draw) -> Draft:
    a, b = d.int(12, 49), d.int(11, 38)
    k = d.int(2, 9)
    c = a - k
    return Draft(
        (
            f"{a}+{b}={c}+□가 옳은 식이 되도록 □에 알맞은 수를 쓰시오.",
            f"등호 양쪽의 크기가 같도록 □를 채우시오. {a}+{b}={c}+□",
            (f"{a}+{b}[과/와] 크기가 같은 것을 찾아 등호로 나타내시오. ㉠ {c}+{b + k} ㉡ {c}+{b}", f"{a}+{b}={c}+{b + k}"),
            f"저울의 왼쪽에 {a}g과 {b}g, 오른쪽에 {c}g과 □g의 추를 올렸더니 수평이 되었습니다. 두 양이 같음을 식으로 쓸 때 □에 알맞은 수는 얼마입니까?",
        ),
        f"{b + k}", "등호의 양쪽이 같은 양임을 이용하여 식을 완성한다.", f"{a}이 {c}[으로/로] {k} 작아졌으므로 {b}[은/는] {k} 커진다", 3,
    )


@family("4수04-01", "bar-graph", "막대그래프", "눈금", "그림그래프")
def bar_graph(d: Draw) -> Draft:
    f1, f2, f3 = d.some(FRUITS, 3)
    unit = d.pick([2, 5, 10])
    a, b, c = (unit * n for n in d.ints(3, 2, 9))
    tens, ones = d.int(2, 6), d.int(1, 8)
    place = d.place()
    return Draft(
        (
            (f"막대그래프의 세로 눈금 한 칸이 {unit}명을 나타냅니다. {f1}[을/를] 좋아하는 학생이 {a}명이면 막대를 몇 칸으로 그려야 합니까?", f"{a // unit}칸"),
            f"막대그래프에서 {f1} {a}명, {f2} {b}명, {f3} {c}명입니다. 막대의 길이가 가장 긴 과일은 무엇입니까?",
            (
                f"{place}별 나무 수를 나타낸 그림그래프에서 큰 그림은 10그루, 작은 그림은 1그루입니다. 큰 그림 {tens}개와 작은 그림 {ones}개는 몇 그루를 나타냅니까?",
                f"{10 * tens + ones}그루",
            ),
            (f"눈금 한 칸이 {unit}상자인 막대그래프에서 {f1}의 막대는 {a // unit}칸, {f2}의 막대는 {b // unit}칸입니다. 두 과일의 차는 몇 상자입니까?", f"{abs(a - b)}상자"),
        ),
        max((a, f1), (b, f2), (c, f3))[1], "막대의 길이나 그림의 개수로 수를 나타낸 막대그래프와 그림그래프를 해석한다.", f"눈금 한 칸은 {unit}", 2,
    )


@family("4수04-02", "line-graph", "꺾은선그래프", "변화")
def line_graph(d: Draw) -> Draft:
    start = d.int(2, 12)
    temps = [start]
    for _ in range(4):
        temps.append(temps[-1] + d.pick([-3, -2, -1, 1, 2, 3, 4, 5]))
    hours = ["오전 9시", "오전 11시", "오후 1시", "오후 3시", "오후 5시"]
    jumps = [abs(b - a) for a, b in zip(temps, temps[1:], strict=False)]
    k = jumps.index(max(jumps))
    what = d.pick(["교실의 온도", "강낭콩의 키", "운동장의 기온", "어항의 물 온도"])
    unit = "cm" if "키" in what else "°C"
    i = d.int(0, 4)
    row = ", ".join(f"{h} {t}{unit}" for h, t in zip(hours, temps, strict=True))
    span = f"{hours[k]}와 {hours[k + 1]} 사이"
    return Draft(
        (
            f"{what}[을/를] 조사하여 꺾은선그래프로 나타내었습니다. {row}일 때 변화가 가장 큰 때는 몇 시와 몇 시 사이입니까?",
            (f"꺾은선그래프에서 {what}[이/가] {row}입니다. {hours[i]}에는 얼마입니까?", f"{temps[i]}{unit}"),
            f"{row}. 이 자료를 꺾은선그래프로 그릴 때 선이 가장 많이 기울어진 곳은 어느 때 사이입니까?",
        ),
        span, "시간에 따른 변화를 나타낸 꺾은선그래프를 읽는다.", f"{span}의 변화가 {max(jumps)}{unit}[으로/로] 가장 크다", 3,
    )


@family("4수04-03", "choose-graph", "탐구 문제", "막대그래프", "꺾은선그래프")
def choose_graph(d: Draw) -> Draft:
    line = d.pick([True, False])
    club = d.pick(CLUBS)
    data = d.pick(["하루 동안의 기온 변화", "월별 키의 변화", "식물의 자란 키", "연도별 인구 변화"]) if line else d.pick([f"반별 {club} 회원 수", "마을별 가구 수", "학생들의 취미", "과목별 좋아하는 학생 수"])
    who = d.name()
    return Draft(
        (
            f"{who}[은/는] '{data}'[을/를] 탐구 문제로 정하고 자료를 모았습니다. 막대그래프와 꺾은선그래프 중 어느 것으로 나타내면 좋습니까?",
            f"'{data}'[을/를] 조사하려고 합니다. 자료를 수집하고 정리하여 나타내기에 알맞은 그래프를 막대그래프와 꺾은선그래프 중에서 고르시오.",
            f"탐구 문제 '{data}'에 대하여 자료를 모은 {who}[은/는] 막대그래프와 꺾은선그래프 가운데 무엇을 선택해야 하는지 까닭과 함께 쓰시오.",
        ),
        "꺾은선그래프" if line else "막대그래프", "탐구 문제에 맞게 자료를 정리하여 막대그래프와 꺾은선그래프 중 알맞은 것을 고른다.", "변화를 보려면 꺾은선, 크기를 견주려면 막대", 3,
    )
