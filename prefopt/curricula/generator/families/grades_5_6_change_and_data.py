"""초등 5~6학년 변화와 관계, 자료와 가능성: correspondence, ratio, proportion, mean, graphs, chance."""

from __future__ import annotations

from prefopt.curricula.generator.drafting import Draft, Draw, decimal, family, listed
from prefopt.curricula.generator.vocabulary import COLORS, FAMILY, FRUITS, SPORTS


@family("6수02-01", "correspondence", "대응 관계", "규칙", "식")
def correspondence(d: Draw) -> Draft:
    k, c = d.whole(2, 9), d.whole(1, 6)
    x, y = d.pick([("□", "△"), ("○", "☆"), ("□", "○"), ("△", "◇")])
    what, part, counter = d.pick(
        [
            ("상자", "빵", "개"),
            ("탁자", "의자", "개"),
            ("꽃병", "꽃", "송이"),
            ("모둠", "학생", "명"),
            ("봉지", "사탕", "개"),
            ("접시", "만두", "개"),
        ]
    )
    n = d.whole(6, 15)
    who = d.name()
    age = d.whole(20, 30)
    return Draft(
        texts=(
            f"{what} 하나에 {part}[이/가] {k}{counter}씩 있습니다. {what}의 수를 {x}, {part}의 수를 {y}라고 할 때 두 양 사이의 대응 관계를 식으로 나타내시오.",
            (
                f"표에서 {x}[이/가] 1, 2, 3, 4일 때 {y}[은/는] {listed(i + c for i in (1, 2, 3, 4))}입니다. {x}[과/와] {y} 사이의 대응 관계를 식으로 쓰시오.",
                f"{y}={x}+{c}",
            ),
            (
                f"{what}의 수 {x}[과/와] {part}의 수 {y} 사이의 대응 관계가 {y}={x}×{k}입니다. {what}의 수가 {n}일 때 {part}의 수를 구하시오.",
                f"{n * k}",
            ),
            (
                f"{who}[이/가] 12살일 때 삼촌은 {12 + age}살입니다. {who}의 나이를 {x}, 삼촌의 나이를 {y}라고 할 때 대응 관계를 식으로 나타내시오.",
                f"{y}={x}+{age}",
            ),
        ),
        answer=f"{y}={x}×{k}",
        why=f"한 양이 변할 때 다른 양이 따라 변하는 대응 관계를 {x}, {y}를 써서 식으로 나타낸다.",
        steps=f"{part}의 수는 {what}의 수의 {k}배",
        difficulty=3,
    )


@family("6수02-02", "ratio", "비", "비교", "기준량")
def ratio(d: Draw) -> Draft:
    a, b = d.wholes(2, 2, 15)
    f1, f2 = d.some(FRUITS, 2)
    club = d.pick(SPORTS)
    return Draft(
        texts=(
            f"바구니에 {f1} {a}개와 {f2} {b}개가 있습니다. {f1} 수와 {f2} 수의 비를 쓰시오.",
            (f"{f1} {a}개에 대한 {f2} {b}개의 비를 나타내시오.", f"{b}:{a}"),
            (f"{club} 모임에 남학생이 {a}명, 여학생이 {b}명 있습니다. 전체 학생 수에 대한 남학생 수의 비를 쓰시오.", f"{a}:{a + b}"),
            (f"비 {a}:{b}에서 기준량과 비교하는 양을 각각 쓰시오.", f"기준량 {b}, 비교하는 양 {a}"),
        ),
        answer=f"{a}:{b}",
        why="두 양의 크기를 비교하여 비로 나타낸다.",
        steps=f"{f1}:{f2}={a}:{b}",
        difficulty=2,
    )


@family("6수02-03", "percentage", "비율", "백분율", "할인")
def percentage(d: Draw) -> Draft:
    n = d.pick([4, 5, 10, 20, 25, 50])
    a = d.whole(1, n - 1)
    k = d.pick([2, 3, 4, 5])
    percent = 100 * a // n
    price, off = d.whole(2, 30) * 1000, d.pick([10, 20, 30, 40])
    (thing, _), who = d.thing("개", "권", "자루"), d.name()
    return Draft(
        texts=(
            f"{n * k}에 대한 {a * k}의 비율을 백분율로 나타내시오.",
            f"{who}[은/는] 농구공을 {n * k}번 던져 {a * k}번 넣었습니다. 성공률은 몇 %입니까?",
            (f"비 {a * k}:{n * k}의 비율을 소수로 나타내시오.", decimal(a * 1000 // n, 3)),
            (f"{price}원짜리 {thing}[을/를] {off}% 할인하여 팝니다. 할인된 판매 가격은 얼마입니까?", f"{price * (100 - off) // 100}원"),
        ),
        answer=f"{percent}%",
        why="기준량에 대한 비교하는 양의 크기인 비율을 분수, 소수, 백분율로 나타낸다.",
        steps=f"{a * k}/{n * k}×100={percent}",
        difficulty=3,
    )


@family("6수02-04", "proportion", "비례식", "외항", "내항")
def proportion(d: Draw) -> Draft:
    a, b = d.wholes(2, 2, 9)
    k = d.whole(2, 8)
    price = d.whole(3, 9) * 100
    thing, counter = d.thing("개", "자루", "권", "장")
    return Draft(
        texts=(
            f"비례식 {a}:{b}={a * k}:□에서 □의 값을 구하시오.",
            (f"{a}:{b}=□:{b * k}의 □에 알맞은 수를 비례식의 성질을 이용하여 구하시오.", f"{a * k}"),
            (
                f"{thing} {a}{counter}의 값이 {a * price}원입니다. {thing} {a * k}{counter}의 값은 얼마인지 비례식을 세워 구하시오.",
                f"{a * k * price}원",
            ),
            (
                f"분홍색을 만들려고 빨간색 물감과 흰색 물감을 {a}:{b}의 비로 섞습니다. 빨간색 물감이 {a * k} g이면 흰색 물감은 몇 g 섞어야 하는지 비례식으로 구하시오.",
                f"{b * k} g",
            ),
        ),
        answer=f"{b * k}",
        why="외항의 곱과 내항의 곱이 같다는 비례식의 성질을 이용한다.",
        steps=f"{a}×□={b}×{a * k}이므로 □={b * k}",
        difficulty=3,
    )


@family("6수02-05", "proportional-share", "비례배분", "비")
def proportional_share(d: Draw) -> Draft:
    a, b = d.pick([(1, 2), (2, 3), (3, 4), (3, 2), (5, 3), (4, 1), (5, 2), (3, 5), (7, 3)])
    k = d.whole(3, 20)
    total = (a + b) * k
    (thing, counter), who, other = d.thing(), d.name(), d.word(FAMILY)
    return Draft(
        texts=(
            f"{total}[을/를] {a}:{b}[으로/로] 비례배분하시오.",
            f"{thing} {total}{counter}[을/를] {who}[과/와] {other}[이/가] {a}:{b}[으로/로] 나누어 가지려고 합니다. 두 사람이 가지는 수를 차례로 쓰시오.",
            (
                f"용돈 {total * 100}원을 {who}[과/와] {other}에게 {a}:{b}의 비로 나누어 줄 때 {who}[이/가] 받는 돈은 얼마입니까?",
                f"{a * k * 100}원",
            ),
            (f"길이가 {total} cm인 끈을 {a}:{b}[으로/로] 나눌 때 긴 쪽의 길이를 구하시오.", f"{max(a, b) * k} cm"),
        ),
        answer=f"{a * k}, {b * k}",
        why=f"전체를 주어진 비 {a}:{b}[으로/로] 나누는 비례배분이다.",
        steps=f"{total}×{a}/{a + b}={a * k}, {total}×{b}/{a + b}={b * k}",
        difficulty=4,
    )


@family("6수04-01", "mean", "평균", "자료의 값")
def mean(d: Draw) -> Draft:
    n = d.whole(3, 5)
    what, unit, low, high = d.pick(
        [
            ("줄넘기 기록", "번", 20, 90),
            ("수학 점수", "점", 60, 95),
            ("읽은 쪽수", "쪽", 12, 90),
            ("몸무게", "kg", 30, 50),
            ("팔린 빵의 수", "개", 12, 90),
            ("키", "cm", 130, 160),
        ]
    )
    m = d.whole(low, high)
    values = [m + s for s in d.pick([(-3, 1, 2), (-4, 4, 0), (-5, 2, 3)])]
    while len(values) < n:
        values.append(m)
    values = d.shuffled(values)
    who = d.name()
    return Draft(
        texts=(
            (f"{who}네 모둠의 {what}[이/가] {listed(f'{v}{unit}' for v in values)}입니다. 평균을 구하시오.", f"{m}{unit}"),
            f"{listed(values)}의 평균은 얼마입니까?",
            (f"{n}명의 {what}의 평균이 {m}{unit}입니다. {n}명의 {what}의 합은 얼마입니까?", f"{m * n}{unit}"),
            (
                f"{what}[이/가] {listed(f'{v}{unit}' for v in values[:-1])}, □{unit}이고 평균이 {m}{unit}일 때 □의 값을 구하시오.",
                f"{values[-1]}",
            ),
        ),
        answer=f"{m}",
        why="자료의 값을 모두 더하여 자료의 수로 나눈 평균을 구하거나 이용한다.",
        steps=f"({'+'.join(map(str, values))})÷{n}={m}",
        difficulty=3,
    )


@family("6수04-02", "band-graph", "띠그래프", "원그래프", "백분율")
def band_graph(d: Draw) -> Draft:
    f1, f2, f3 = d.some(FRUITS, 3)
    a = d.pick([20, 25, 30, 35, 40])
    b = d.pick([10, 15, 20, 25, 30])
    total = d.pick([40, 60, 80, 100, 200, 400])
    graph = d.pick(["띠그래프", "원그래프"])
    cm = d.pick([20, 40])
    return Draft(
        texts=(
            f"좋아하는 과일을 나타낸 {graph}에서 {f1} {a}%, {f2} {b}%이고 나머지는 {f3}입니다. {f3}의 비율은 몇 %입니까?",
            (
                f"학생 {total}명을 조사한 {graph}에서 {f1}[이/가] {a}%를 차지합니다. {f1}[을/를] 좋아하는 학생은 몇 명입니까?",
                f"{decimal(total * a, 2)}명",
            ),
            (
                f"전체 길이가 {cm} cm인 띠그래프에서 {f2}[이/가] {b}%일 때 {f2}[이/가] 차지하는 길이는 몇 cm입니까?",
                f"{decimal(cm * b, 2)} cm",
            ),
            (f"자료를 {graph}[으로/로] 나타내려고 합니다. 전체 {total}명 중 {decimal(total * a, 2)}명은 몇 %로 나타내야 합니까?", f"{a}%"),
        ),
        answer=f"{100 - a - b}%",
        why=f"전체에 대한 각 부분의 비율을 나타낸 {graph}[을/를] 해석한다.",
        steps=f"100-{a}-{b}={100 - a - b}",
        difficulty=3,
    )


@family("6수04-04", "chance-words", "가능성", "확실하다", "불가능하다")
def chance_words(d: Draw) -> Draft:
    event, word = d.pick(
        [
            ("주사위를 굴리면 7이 나올 것입니다", "불가능하다"),
            ("내일 아침에 해가 동쪽에서 뜰 것입니다", "확실하다"),
            ("동전을 던지면 그림 면이 나올 것입니다", "반반이다"),
            ("주사위를 굴리면 짝수가 나올 것입니다", "반반이다"),
            ("12월 다음에 1월이 올 것입니다", "확실하다"),
            ("공룡이 오늘 학교에 올 것입니다", "불가능하다"),
            ("주사위를 굴리면 1 이상의 수가 나올 것입니다", "확실하다"),
        ]
    )
    c1, c2 = d.some(COLORS, 2)
    a, b = d.wholes(2, 1, 9)
    who = d.name()
    return Draft(
        texts=(
            f"'{event}.' 이 일이 일어날 가능성을 '불가능하다, 반반이다, 확실하다' 중에서 골라 말로 표현하시오.",
            (
                f"{c1} 공 {a}개와 {c2} 공 {b}개가 든 주머니에서 공을 한 개 꺼낼 때, 어느 색 공이 나올 가능성이 더 큽니까?",
                c1 if a > b else c2,
            ),
            f"{who}[이/가] 말했습니다. '{event}.' 일이 일어날 가능성을 알맞은 말로 나타내시오.",
            (f"{c1} 구슬만 {a}개 든 상자에서 {c2} 구슬을 꺼낼 가능성을 말로 표현하시오.", "불가능하다"),
        ),
        answer=word,
        why="일이 일어날 가능성을 확실하다, 반반이다, 불가능하다 같은 말로 표현한다.",
        steps=f"일어날 가능성은 '{word}'",
        difficulty=2,
    )


@family("6수04-05", "chance-numbers", "가능성", "0과 1 사이의 수")
def chance_numbers(d: Draw) -> Draft:
    c1, c2 = d.some(COLORS, 2)
    a, n = d.whole(2, 9), d.whole(1, 6)
    event, value = d.pick(
        [
            (f"{c1} 공 {a}개와 {c2} 공 {a}개가 든 주머니에서 공 한 개를 꺼낼 때 {c1} 공이 나올", "1/2"),
            (f"{c1} 공만 {a}개 든 주머니에서 {c1} 공을 꺼낼", "1"),
            (f"{c1} 공만 {a}개 든 주머니에서 {c2} 공을 꺼낼", "0"),
            (f"주사위를 한 번 굴려 {n + 6}보다 큰 눈이 나올", "0"),
            ("동전을 한 개 던져 숫자 면이 나올", "1/2"),
            (f"제비 {2 * a}개 중 당첨 제비가 {a}개일 때 하나를 뽑아 당첨될", "1/2"),
        ]
    )
    return Draft(
        texts=(
            f"{event} 가능성을 0, 1/2, 1 중에서 골라 수로 나타내시오.",
            f"{event} 가능성은 얼마인지 수로 표현하시오.",
            f"일이 일어날 가능성을 0부터 1까지의 수로 나타내려고 합니다. {event} 가능성을 수로 쓰시오.",
        ),
        answer=value,
        why="일이 일어날 가능성을 0, 1/2, 1과 같은 수로 나타낸다.",
        steps=f"가능성은 {value}",
        difficulty=3,
    )
