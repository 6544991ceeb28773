"""초등 1~2학년 변화와 관계, 도형과 측정, 자료와 가능성: patterns, shapes, time, length, sorting."""

from __future__ import annotations

from prefopt.curricula.generator.drafting import Draft, Draw, family, listed
from prefopt.curricula.generator.vocabulary import COLORS, FAMILY, FRUITS, STRINGS, WEEKDAYS


@family("2수02-01", "pattern", "규칙", "배열")
def pattern_in_row(d: Draw) -> Draft:
    kind = d.some(["○", "△", "□", "☆", "◇", "♡"], 3)
    unit = d.pick([kind[:2] + kind[:1], kind, kind[:1] + kind[:1] + kind[1:2], kind[:2]])
    shown = (unit * 4)[: d.whole(8, 10)]
    following = (unit * 6)[len(shown)]
    colors = d.some(COLORS, 3)
    return Draft(
        texts=(
            f"{' '.join(shown)} 다음에 올 모양은 무엇인지 규칙을 찾아 쓰시오.",
            f"무늬가 {' '.join(shown)}처럼 놓여 있습니다. 빈 곳에 이어질 모양은 무엇입니까?",
            (f"구슬을 {', '.join((colors * 3)[:8])} 차례로 꿰었습니다. 규칙에 따라 다음에 꿸 구슬의 색은 무엇입니까?", colors[2]),
            f"규칙을 찾아 다음에 놓을 것을 고르시오. {' '.join(shown)} (   )",
        ),
        answer=following,
        why="되풀이되는 모양이나 색의 배열에서 규칙을 찾는다.",
        steps=f"{' '.join(unit)}[이/가] 되풀이되므로 {following}",
        difficulty=1,
    )


@family("2수02-01", "number-pattern", "규칙", "수 배열")
def number_pattern(d: Draw) -> Draft:
    start, step = d.whole(1, 40), d.whole(2, 9)
    terms = [start + i * step for i in range(6)]
    return Draft(
        texts=(
            f"수가 {listed(terms[:5])}의 순서로 늘어놓여 있습니다. 규칙을 찾아 다음 수를 쓰시오.",
            f"수 배열표에서 색칠된 수는 {listed(terms[:5])}입니다. 이 규칙대로 다음에 색칠할 수는 얼마입니까?",
            (f"{listed(terms[:3])}, □, {terms[4]}에서 수를 늘어놓은 규칙을 찾아 □에 알맞은 수를 구하시오.", f"{terms[3]}"),
        ),
        answer=f"{terms[5]}",
        why=f"{listed(terms[:3])}처럼 놓인 수 배열에서 {step}씩 커지는 규칙을 찾는다.",
        steps=f"{step}씩 커진다",
        difficulty=2,
    )


@family("2수02-02", "own-rule", "규칙 정하기", "배열")
def own_rule(d: Draw) -> Draft:
    a, b = d.some(["○", "△", "□", "☆", "♡", "◇"], 2)
    c1, c2 = d.some(COLORS, 2)
    who = d.name()
    return Draft(
        texts=(
            f"{who}[은/는] {a}[과/와] {b}[을/를] 써서 자기만의 규칙을 정하려고 합니다. 규칙을 하나 정하고 그 규칙에 따라 6개를 놓아 보시오.",
            (f"{c1}[과/와] {c2} 색종이로 규칙을 정하여 무늬를 꾸미시오. 어떤 규칙으로 놓았는지도 쓰시오.", f"{c1}, {c2} 차례로 되풀이"),
            f"내가 만든 규칙에 따라 {a}, {b} 모양을 한 줄로 늘어놓고 규칙을 설명하시오.",
            (
                f"{who}[이/가] 정한 규칙은 '{c1} 다음에 {c2}'입니다. 이 규칙대로 구슬 4개를 놓으면 어떻게 됩니까?",
                f"{c1}, {c2}, {c1}, {c2}",
            ),
        ),
        answer=f"{a}{b}{a}{b}{a}{b}",
        why="스스로 규칙을 정하고 그 규칙에 따라 모양을 늘어놓게 한다.",
        steps=f"{a} 다음에 {b}[을/를] 되풀이하여 놓는다",
        difficulty=2,
    )


@family("2수03-01", "solid-things", "직육면체", "원기둥", "구")
def solid_things(d: Draw) -> Draft:
    things = {
        "상자": ["주사위", "휴지 상자", "벽돌", "냉장고"],
        "둥근기둥": ["통조림 캔", "풀", "북", "물통"],
        "공": ["축구공", "구슬", "수박", "지구본"],
    }
    shape = d.pick(list(things))
    right, others = d.pick(things[shape]), [d.pick(things[s]) for s in things if s != shape]
    options = d.shuffled([right, *others])
    feature = {"상자": "평평한 부분만 있는", "둥근기둥": "평평한 부분도 있고 둥근 부분도 있는", "공": "어느 쪽으로도 잘 굴러가는"}[shape]
    return Draft(
        texts=(
            f"{listed(options)} 중에서 {feature} 물건을 고르시오.",
            (
                f"교실에서 찾은 {listed(options)}[을/를] 모양별로 모으려고 합니다. {right}[은/는] 상자, 둥근기둥, 공 중 어느 모양으로 모아야 합니까?",
                f"{shape} 모양",
            ),
            f"{feature} 모양의 물건을 찾으려고 합니다. {listed(options)} 가운데 알맞은 것은 무엇입니까?",
        ),
        answer=right,
        why=f"{listed(options)} 같은 물건을 보고 입체의 모양을 찾는다.",
        steps=f"{feature} 것은 {right}",
        difficulty=1,
    )


@family("2수03-06", "compare-by-eye", "비교", "길이", "무게")
def compare_quantities(d: Draw) -> Draft:
    word, least, things = d.pick(
        [
            ("길다", "긴", "연필 붓 가위 자 크레파스 숟가락 젓가락 칫솔"),
            ("짧다", "짧은", "연필 붓 가위 자 크레파스 숟가락 젓가락 칫솔"),
            ("무겁다", "무거운", "필통 가위 지우개 동화책 숟가락 물통 배 귤"),
            ("가볍다", "가벼운", "필통 가위 지우개 동화책 숟가락 물통 배 귤"),
            ("넓다", "넓은", "색종이 공책 스케치북 손수건 엽서 달력 액자 우표"),
        ]
    )
    a, b, c = d.some(things.split(), 3)
    return Draft(
        texts=(
            f"{a}[은/는] {b}보다 더 {least} 것이고 {b}[은/는] {c}보다 더 {least} 것입니다. 가장 {least} 것은 무엇입니까?",
            (
                f"'{word}'[을/를] 써서 두 물건을 비교합니다. {a}[이/가] {b}보다 더 {least} 것일 때, 두 물건을 비교하는 말을 쓰시오.",
                f"{a}[은/는] {b}보다 더 {word}",
            ),
            (
                f"{a}, {b}, {c}[을/를] 나란히 놓고 비교하였더니 {a}[이/가] 가장 {least} 것이고 {c}[이/가] 그다음이었습니다. 둘째로 {least} 것은 무엇입니까?",
                c,
            ),
        ),
        answer=a,
        why=f"두 물건을 맞대어 '{word}'처럼 말로 양을 비교한다.",
        steps=f"차례로 비교하면 {a}[이/가] 가장 앞선다",
        difficulty=1,
    )


@family("2수03-07", "clock", "시계", "시각")
def clock_reading(d: Draw) -> Draft:
    hour, five = d.whole(1, 12), d.whole(1, 11)
    after = f"{hour}[과/와] {hour % 12 + 1} 사이"
    who = d.name()
    return Draft(
        texts=(
            f"시계의 짧은바늘이 {after}[을/를] 가리키고 긴바늘이 {five}[을/를] 가리킵니다. 몇 시 몇 분입니까?",
            f"{who}[이/가] 시계를 보았더니 짧은바늘은 {after}, 긴바늘은 {five}에 있었습니다. 이 시각을 쓰시오.",
            f"긴바늘이 숫자 {five}[을/를], 짧은바늘이 {after}[을/를] 가리키는 시계가 나타내는 시각은 몇 시 몇 분입니까?",
        ),
        answer=f"{hour}시 {five * 5}분",
        why="시계의 짧은바늘과 긴바늘을 보고 시각을 읽는다.",
        steps=f"짧은바늘은 {hour}시, 긴바늘 {five}[은/는] {five * 5}분",
        difficulty=2,
    )


@family("2수03-08", "hours-minutes", "시간", "분", "1시간=60분")
def hours_and_minutes(d: Draw) -> Draft:
    hours, minutes = d.whole(1, 3), d.pick([5, 10, 15, 20, 25, 30, 35, 40, 45, 50])
    total = 60 * hours + minutes
    who = d.name()
    activity = d.pick(["책을 읽었", "그림을 그렸", "피아노를 쳤", "운동을 했", "숙제를 했", "영화를 보았"])
    return Draft(
        texts=(
            f"{total}분은 몇 시간 몇 분입니까?",
            (f"{hours}시간 {minutes}분은 모두 몇 분입니까?", f"{total}분"),
            f"{who}[은/는] {total}분 동안 {activity}습니다. {who}[이/가] 보낸 시간을 '몇 시간 몇 분'으로 나타내시오.",
            (f"{who}[은/는] {hours}시간 {minutes}분 동안 {activity}습니다. 이 시간을 '분'으로만 나타내면 몇 분입니까?", f"{total}분"),
        ),
        answer=f"{hours}시간 {minutes}분",
        why=f"1시간이 60분임을 이용하여 {total}분[과/와] {hours}시간 {minutes}분을 바꾼다.",
        steps=f"60분씩 {hours}번이면 {60 * hours}분, 여기에 {minutes}분",
        difficulty=2,
    )


@family("2수03-09", "calendar", "달력", "1주일", "1년")
def calendar(d: Draw) -> Draft:
    day, weeks, extra = d.whole(1, 10), d.whole(2, 4), d.whole(1, 6)
    start = d.whole(0, 6)
    years, months = d.whole(1, 4), d.whole(1, 11)
    variants = [
        (f"{day}일이 {WEEKDAYS[start]}인 달력이 있습니다. 이날부터 2주일 뒤는 며칠입니까?", f"{day + 14}일"),
        (f"{7 * weeks + extra}일은 몇 주일 며칠입니까?", f"{weeks}주일 {extra}일"),
        (f"{d.name()}[은/는] {years}년 {months}개월 동안 수영을 배웠습니다. 모두 몇 개월입니까?", f"{12 * years + months}개월"),
        (f"오늘은 {WEEKDAYS[start]}입니다. 오늘부터 {7 * weeks + extra}일 뒤는 무슨 요일입니까?", WEEKDAYS[(start + extra) % 7]),
    ]
    return Draft(
        texts=tuple(variants),
        answer=variants[0][1],
        why="1주일은 7일, 1년은 12개월이라는 날짜 사이의 관계를 이용한다.",
        steps=f"7일씩 {weeks}번이면 {7 * weeks}일",
        difficulty=3,
    )


@family("2수03-11", "metre-centimetre", "m", "cm", "단위 바꾸기")
def metre_centimetre(d: Draw) -> Draft:
    m, cm = d.whole(1, 9), d.whole(5, 95)
    thing = d.word(STRINGS)
    return Draft(
        texts=(
            f"{100 * m + cm} cm는 몇 m 몇 cm입니까?",
            (f"{m} m {cm} cm는 몇 cm입니까?", f"{100 * m + cm} cm"),
            f"{thing}의 길이를 재었더니 {100 * m + cm} cm였습니다. 이 길이를 '몇 m 몇 cm'로 나타내시오.",
            (f"칠판의 긴 쪽의 길이는 {m} m {cm} cm입니다. 이 길이를 cm로만 나타내면 몇 cm입니까?", f"{100 * m + cm} cm"),
        ),
        answer=f"{m} m {cm} cm",
        why=f"1 m가 100 cm임을 이용하여 {100 * m + cm} cm와 {m} m {cm} cm를 바꾸어 나타낸다.",
        steps=f"100 cm가 {m}번이면 {m} m",
        difficulty=2,
    )


@family("2수03-13", "length-sum", "길이의 합", "길이의 차", "m와 cm")
def length_sum(d: Draw) -> Draft:
    a, b, c, e = d.whole(3, 8), d.whole(40, 80), d.whole(1, 2), d.whole(5, 19)
    thing, who, other = d.word(STRINGS), d.name(), d.word(FAMILY)
    left = f"{a - c} m {b - e} cm"
    return Draft(
        texts=(
            f"{a} m {b} cm와 {c} m {e} cm의 합은 몇 m 몇 cm입니까?",
            (f"길이가 {a} m {b} cm인 {thing}에서 {c} m {e} cm를 잘라 썼습니다. 남은 길이는 몇 m 몇 cm입니까?", left),
            f"{who}[은/는] {a} m {b} cm, {other}[은/는] {c} m {e} cm의 {thing}[을/를] 가지고 있습니다. 두 사람이 가진 길이를 더하면 몇 m 몇 cm입니까?",
            (f"{who}의 종이비행기는 {a} m {b} cm, {other}의 종이비행기는 {c} m {e} cm 날아갔습니다. 날아간 거리의 차를 구하시오.", left),
        ),
        answer=f"{a + c} m {b + e} cm",
        why=f"{a} m {b} cm와 {c} m {e} cm를 m는 m끼리, cm는 cm끼리 계산한다.",
        steps=f"합은 {a + c} m {b + e} cm, 차는 {a - c} m {b - e} cm",
        difficulty=3,
    )


@family("2수04-01", "sorting", "분류", "기준")
def sorting(d: Draw) -> Draft:
    first, second = d.some(COLORS, 2)
    thing = d.pick(["단추", "블록", "색종이", "구슬", "풍선", "양말"])
    a = d.whole(3, 9)
    b = d.whole(2, 8, avoid=(a,))
    return Draft(
        texts=(
            (
                f"{thing}[을/를] 색깔을 기준으로 분류하였더니 {first} {a}개, {second} {b}개였습니다. 더 많은 색은 무엇이고 몇 개입니까?",
                f"{first} {a}개" if a > b else f"{second} {b}개",
            ),
            (
                f"여러 가지 {thing}[을/를] 두 무리로 나누려고 합니다. '예쁜 것과 예쁘지 않은 것'은 분류 기준으로 알맞은지 쓰시오.",
                "알맞지 않다",
            ),
            f"{first} {thing} {a}개와 {second} {thing} {b}개를 섞었습니다. 색깔을 기준으로 다시 분류하고 기준별로 수를 세어 쓰시오.",
        ),
        answer=f"{first} {a}개, {second} {b}개",
        why=f"{thing}[을/를] 정해진 기준에 따라 분류하고 개수를 센다.",
        steps=f"색깔별로 세면 {first} {a}개, {second} {b}개",
        difficulty=1,
    )


@family("2수04-02", "table", "표", "자료", "합계")
def table_of_data(d: Draw) -> Draft:
    f1, f2, f3 = d.some(FRUITS, 3)
    a, b, c = d.wholes(3, 2, 9)
    who = d.name()
    return Draft(
        texts=(
            f"{who}네 반 학생들이 좋아하는 과일을 표로 나타내었더니 {f1} {a}명, {f2} {b}명, {f3} {c}명이었습니다. 표의 합계는 몇 명입니까?",
            (
                f"좋아하는 과일을 조사한 표에서 {f1}[은/는] {a}명, {f2}[은/는] {b}명이고 합계는 {a + b + c}명입니다. 표의 {f3} 칸에 알맞은 수를 쓰시오.",
                f"{c}명",
            ),
            f"조사한 자료 {f1} {a}명, {f2} {b}명, {f3} {c}명을 표로 나타내려고 합니다. 표의 합계 칸에 알맞은 수를 구하시오.",
        ),
        answer=f"{a + b + c}명",
        why=f"{f1}, {f2}, {f3}의 수를 표로 나타내고 합계를 알아본다.",
        steps=f"{a}+{b}+{c}={a + b + c}",
        difficulty=2,
    )


@family("2수04-03", "marks-graph", "그래프", "○ 표시")
def marks_graph(d: Draw) -> Draft:
    f1, f2, f3 = d.some(FRUITS, 3)
    a, b, c = d.wholes(3, 2, 8)
    most = max((a, f1), (b, f2), (c, f3))
    mark = d.pick(["○", "×", "/"])
    return Draft(
        texts=(
            f"좋아하는 과일을 {mark}[으로/로] 나타낸 그래프에서 {f1}에 {mark} {a}개, {f2}에 {mark} {b}개, {f3}에 {mark} {c}개가 있습니다. 가장 많은 학생이 좋아하는 과일은 무엇입니까?",
            (
                f"{f1} {a}명, {f2} {b}명, {f3} {c}명을 {mark}[을/를] 이용한 그래프로 그리려고 합니다. {f2} 칸에는 {mark}[을/를] 몇 개 그려야 합니까?",
                f"{b}개",
            ),
            (
                f"{mark}[을/를] 한 칸에 하나씩 그려 그래프로 나타낼 때, {f1} {a}명, {f2} {b}명, {f3} {c}명을 모두 나타내려면 세로로 적어도 몇 칸이 필요합니까?",
                f"{most[0]}칸",
            ),
        ),
        answer=most[1],
        why=f"수를 {mark} 표시로 나타낸 그래프를 그리거나 읽는다.",
        steps=f"{mark}[이/가] 가장 많은 것은 {most[1]}",
        difficulty=2,
    )
