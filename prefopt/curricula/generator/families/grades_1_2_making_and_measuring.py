"""초등 1~2학년: numbers taken apart and put together, building blocks, shapes of things, measuring and estimating lengths."""

from __future__ import annotations

from prefopt.curricula.generator.drafting import Draft, Draw, family, listed
from prefopt.curricula.generator.vocabulary import COLORS, STRINGS

_THINGS = {
    "삼각형": ("삼각자", "트라이앵글", "옷걸이", "삼각김밥", "교통 안전 표지판"),
    "사각형": ("공책", "칠판", "스케치북", "액자", "색종이", "엽서", "달력"),
    "원": ("동전", "접시", "단추", "훌라후프", "탬버린", "병뚜껑"),
}
_LENGTHS = (
    ("연필", 15, "cm"), ("색연필", 18, "cm"), ("숟가락", 20, "cm"), ("필통", 22, "cm"), ("크레파스", 8, "cm"), ("칫솔", 17, "cm"),
    ("버스", 10, "m"), ("교실 문의 높이", 2, "m"), ("자동차", 4, "m"), ("기차 한 칸", 20, "m"), ("축구장의 긴 쪽", 100, "m"), ("줄넘기 줄", 2, "m"),
)  # fmt: skip


@family("2수01-04", "apart-and-together", "가르기", "모으기")
def apart_and_together(d: Draw) -> Draft:
    n = d.whole(7, 18)
    a, c, e = d.wholes(3, 1, n - 1)
    who, (thing, counter) = d.name(), d.thing("개", "장", "자루")
    pairs = d.shuffled([f"({a}, {n - a})", f"({c}, {n - c})", wrong := f"({e}, {n - e + 1})"])
    return Draft(
        texts=(
            f"{n}[은/는] {a}[과/와] 몇으로 가를 수 있습니까?",
            f"{who}[은/는] {thing} {n}{counter}[을/를] 두 곳에 나누어 놓으려고 합니다. 한 곳에 {a}{counter}[을/를] 놓으면 다른 곳에는 몇 {counter}[이/가] 놓입니까?",
            (f"{a}[과/와] {n - a}[을/를] 모으면 얼마가 됩니까?", f"{n}"),
            (f"{n}[을/를] 두 수로 가른 것 가운데 틀린 것을 고르시오. {listed(pairs)}", wrong),
        ),
        answer=f"{n - a}",
        why=f"{n}[을/를] 두 수로 가르거나 두 수를 모아 {n}[을/를] 만든다.",
        steps=f"{n}[은/는] {a}[과/와] {n - a}",
        difficulty=1,
    )


@family("2수03-02", "blocks", "쌓기나무", "위치", "방향")
def blocks(d: Draw) -> Draft:
    a, b = d.whole(2, 6), d.whole(1, 4)
    side, way = d.pick(["왼쪽", "오른쪽"]), d.pick(["왼쪽", "오른쪽"])
    first, second, third = d.some(COLORS, 3)
    return Draft(
        texts=(
            f"쌓기나무 {a}개를 옆으로 나란히 놓고 맨 {side} 쌓기나무의 위에 {b}개를 더 쌓았습니다. 쌓은 쌓기나무는 모두 몇 개입니까?",
            (
                f"{first} 쌓기나무의 {side}에 {second} 쌓기나무가 있고, {second} 쌓기나무의 위에 {third} 쌓기나무가 있습니다. {third} 쌓기나무의 바로 아래에 있는 쌓기나무는 무슨 색입니까?",
                second,
            ),
            (
                f"{first}, {second}, {third} 쌓기나무를 왼쪽부터 차례로 나란히 놓았습니다. {second} 쌓기나무의 바로 {way}에 있는 쌓기나무는 무슨 색입니까?",
                first if way == "왼쪽" else third,
            ),
        ),
        answer=f"{a + b}개",
        why="쌓기나무를 쌓은 모양을 왼쪽, 오른쪽, 위와 같은 위치와 방향으로 말한다.",
        steps=f"나란히 {a}개, 위에 {b}개",
        difficulty=2,
    )


@family("2수03-03", "flat-shapes-around", "삼각형", "사각형", "원")
def flat_shapes_around(d: Draw) -> Draft:
    shape = d.pick(list(_THINGS))
    right, also = d.some(_THINGS[shape], 2)
    options = d.shuffled([right, *(d.pick(_THINGS[s]) for s in _THINGS if s != shape)])
    x, y, z = d.wholes(3, 1, 9)
    who = d.name()
    return Draft(
        texts=(
            f"{listed(options)} 중에서 {shape} 모양을 찾을 수 있는 물건을 고르시오.",
            (
                f"{who}[은/는] 주변에서 {right}[과/와] {also}[을/를] 찾았습니다. 두 물건에서 찾을 수 있는 모양은 삼각형, 사각형, 원 중 무엇입니까?",
                shape,
            ),
            (
                f"{who}[은/는] 삼각형 {x}개, 사각형 {y}개, 원 {z}개를 오려 붙여 로봇 모양을 만들었습니다. 이용한 모양은 모두 몇 개입니까?",
                f"{x + y + z}개",
            ),
        ),
        answer=right,
        why="생활 주변의 물건에서 삼각형, 사각형, 원의 모양을 찾거나 그 모양으로 꾸민다.",
        steps=f"{right}에서 찾을 수 있는 모양은 {shape}",
        difficulty=1,
    )


@family("2수03-04", "drawing-flat-shapes", "삼각형", "사각형", "그리기")
def drawing_flat_shapes(d: Draw) -> Draft:
    shape, points = d.pick([("삼각형", 3), ("사각형", 4)])
    a, b = d.whole(1, 5), d.whole(1, 5)
    who = d.name()
    round_ = d.pick(["동전", "컵", "통조림 캔", "풀 뚜껑", "딱풀"])
    others = d.some(["지우개", "주사위", "삼각자", "우유갑", "필통"], 2)
    return Draft(
        texts=(
            f"{who}[은/는] 종이에 점 {points}개를 찍고 이웃한 점끼리 곧은 선 {points}개로 이어 막힌 모양을 그렸습니다. 그린 모양은 무엇입니까?",
            (
                f"{who}[은/는] 물건을 종이에 대고 본을 떠서 원을 그리려고 합니다. {listed(d.shuffled([round_, *others]))} 중에서 알맞은 물건을 고르시오.",
                round_,
            ),
            (f"점 종이에 삼각형 {a}개와 사각형 {b}개를 서로 떨어지게 그렸습니다. 그린 곧은 선은 모두 몇 개입니까?", f"{3 * a + 4 * b}개"),
        ),
        answer=shape,
        why="곧은 선이나 둥근 물건을 이용하여 삼각형, 사각형, 원을 그린다.",
        steps=f"곧은 선 {points}개로 그린 모양은 {shape}",
        difficulty=2,
    )


@family("2수03-05", "sides-and-corners", "변", "꼭짓점")
def sides_and_corners(d: Draw) -> Draft:
    shape, n = d.pick([("삼각형", 3), ("사각형", 4)])
    what = d.pick(["변", "꼭짓점"])
    a = d.whole(2, 9)
    who = d.name()
    return Draft(
        texts=(
            f"{shape} {a}개에 있는 {what}[은/는] 모두 몇 개입니까?",
            (f"{who}[이/가] 그린 도형은 곧은 선으로 둘러싸여 있고 변이 {n}개, 꼭짓점이 {n}개입니다. 이 도형의 이름은 무엇입니까?", shape),
            (
                f"모양과 크기가 서로 다른 {shape} {a}개가 있습니다. 이 도형들은 {what}의 수가 모두 같습니다. 도형 하나의 {what}[은/는] 몇 개입니까?",
                f"{n}개",
            ),
        ),
        answer=f"{n * a}개",
        why=f"{shape}에서 변과 꼭짓점의 수처럼 공통인 점을 찾는다.",
        steps=f"{shape} 하나의 {what}[은/는] {n}개",
        difficulty=2,
    )


@family("2수03-10", "measuring", "1 cm", "1 m", "길이 재기")
def measuring(d: Draw) -> Draft:
    n, m = d.whole(3, 30), d.whole(2, 9)
    a, size = d.whole(1, 9), d.whole(3, 20)
    thing, where = d.word(STRINGS), d.pick(["교실", "복도", "강당", "무대", "화단"])
    return Draft(
        texts=(
            f"{thing}의 길이는 1 cm로 {n}번 잰 길이와 같습니다. {thing}의 길이는 몇 cm입니까?",
            (
                f"{thing}의 한쪽 끝을 자의 눈금 {a}에 맞추었더니 다른 쪽 끝이 눈금 {a + size}[을/를] 가리켰습니다. {thing}의 길이는 몇 cm입니까?",
                f"{size} cm",
            ),
            (f"1 m 길이의 막대로 {where} 긴 쪽의 길이를 재었더니 꼭 {m}번이었습니다. {where} 긴 쪽의 길이는 몇 m입니까?", f"{m} m"),
        ),
        answer=f"{n} cm",
        why="1 cm나 1 m가 몇 번인지 세거나 자의 눈금을 읽어 길이를 잰다.",
        steps=f"1 cm가 {n}번이면 {n} cm",
        difficulty=1,
    )


@family("2수03-12", "estimating-length", "어림", "길이")
def estimating_length(d: Draw) -> Draft:
    span, n = d.whole(11, 15), d.whole(2, 5)
    real, near, far = d.whole(40, 90), d.whole(1, 4), d.whole(5, 9)
    who, other, thing = d.name(), d.name(), d.word(STRINGS)
    object_, size, unit = d.pick(_LENGTHS)
    guesses = d.shuffled([(who, real + d.pick([-1, 1]) * near), (other, real + d.pick([-1, 1]) * far)])
    return Draft(
        texts=(
            f"{who}의 한 뼘은 약 {span} cm입니다. {thing}의 길이가 {n}뼘쯤일 때 {thing}의 길이를 어림하면 약 몇 cm입니까?",
            (
                f"길이가 {real} cm인 {thing}[을/를] {guesses[0][0]}[은/는] 약 {guesses[0][1]} cm, {guesses[1][0]}[은/는] 약 {guesses[1][1]} cm로 어림하였습니다. 실제 길이에 더 가깝게 어림한 사람은 누구입니까?",
                who,
            ),
            (f"길이를 어림하였습니다. cm와 m 중 □에 알맞은 단위를 쓰시오. {object_}: 약 {size} □", unit),
        ),
        answer=f"약 {span * n} cm",
        why="뼘이나 아는 길이를 이용하여 물건의 길이를 어림한다.",
        steps=f"{span} cm를 {n}번 더하면 {span * n} cm",
        difficulty=2,
    )
