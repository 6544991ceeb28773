"""초등 3~4학년: a point moved, circles drawn with compasses, tilings, and measuring in mm, km, L, mL, g and kg."""

from __future__ import annotations

from prefopt.curricula.generator.drafting import Draft, Draw, family
from prefopt.curricula.generator.vocabulary import FRUITS, LIQUIDS, STRINGS

_BACK = {"오른쪽": "왼쪽", "왼쪽": "오른쪽", "위쪽": "아래쪽", "아래쪽": "위쪽"}
_LENGTHS = (
    ("쌀알의 길이", 5, "mm"), ("동전의 두께", 2, "mm"), ("개미의 몸길이", 6, "mm"), ("공책의 두께", 4, "mm"), ("연필심의 굵기", 2, "mm"),
    ("서울에서 부산까지의 거리", 400, "km"), ("마라톤 경주의 거리", 42, "km"), ("서울에서 대전까지의 거리", 160, "km"), ("한강의 길이", 490, "km"),
)  # fmt: skip
_CAPACITIES = (
    ("욕조", 200, "L"), ("양동이", 8, "L"), ("냉장고", 600, "L"), ("어항", 30, "L"), ("물뿌리개", 4, "L"), ("세숫대야", 6, "L"),
    ("숟가락", 10, "mL"), ("요구르트병", 65, "mL"), ("종이컵", 180, "mL"), ("주사기", 5, "mL"), ("우유갑", 200, "mL"), ("안약 병", 15, "mL"),
)  # fmt: skip
_WEIGHTS = (
    ("책상", 12, "kg"), ("자전거", 13, "kg"), ("수박 한 통", 7, "kg"), ("쌀 한 포대", 20, "kg"), ("어린이", 30, "kg"), ("볼링공", 5, "kg"),
    ("연필", 5, "g"), ("귤", 80, "g"), ("탁구공", 3, "g"), ("색종이 묶음", 40, "g"), ("지우개", 20, "g"), ("달걀", 60, "g"),
)  # fmt: skip


@family("4수03-05", "point-moved", "점의 이동", "위치", "방향")
def point_moved(d: Draw) -> Draft:
    a, b, c = d.whole(2, 9), d.whole(2, 9), d.whole(5, 12)
    side, up = d.pick(["왼쪽", "오른쪽"]), d.pick(["위쪽", "아래쪽"])
    return Draft(
        texts=(
            f"모눈종이에서 점을 {side}으로 {a}칸, {up}으로 {b}칸 이동하였습니다. 이 점이 처음 위치로 돌아가려면 어느 쪽으로 몇 칸씩 이동해야 합니까?",
            (
                f"점을 {side}으로 {a} cm 이동한 다음 {_BACK[side]}으로 {a + c} cm 이동하였습니다. 점은 처음 위치에서 어느 쪽으로 몇 cm 떨어져 있습니까?",
                f"{_BACK[side]}으로 {c} cm",
            ),
            (
                f"바둑돌을 {up}으로 {b + c}칸, {side}으로 {a}칸, {_BACK[up]}으로 {b}칸 이동하였습니다. 처음 위치에서 곧바로 가려면 {up}으로 몇 칸, {side}으로 몇 칸 이동하면 됩니까?",
                f"{up}으로 {c}칸, {side}으로 {a}칸",
            ),
        ),
        answer=f"{_BACK[side]}으로 {a}칸, {_BACK[up]}으로 {b}칸",
        why="점이 어느 쪽으로 몇 칸 이동하였는지 위치와 방향으로 설명한다.",
        steps="온 쪽의 반대쪽으로 같은 칸만큼 이동한다",
        difficulty=2,
    )


@family("4수03-07", "compasses", "컴퍼스", "원", "반지름")
def compasses(d: Draw) -> Draft:
    r, a = d.whole(2, 15), d.whole(2, 12)
    b = d.whole(2, 12, avoid=(a,))
    who = d.name()
    return Draft(
        texts=(
            f"컴퍼스로 지름이 {2 * r} cm인 원을 그리려고 합니다. 컴퍼스를 몇 cm만큼 벌려야 합니까?",
            (f"{who}[은/는] 컴퍼스를 {r} cm만큼 벌려 원을 그렸습니다. 그린 원의 지름은 몇 cm입니까?", f"{2 * r} cm"),
            (
                f"컴퍼스의 침과 연필심 사이를 {a} cm로 하여 그린 원과 {b} cm로 하여 그린 원이 있습니다. 더 큰 원의 지름은 몇 cm입니까?",
                f"{2 * max(a, b)} cm",
            ),
        ),
        answer=f"{r} cm",
        why="컴퍼스를 반지름만큼 벌려 원을 그린다.",
        steps=f"지름 {2 * r} cm의 반은 {r} cm",
        difficulty=2,
    )


@family("4수03-12", "filling", "모양 채우기", "모양 조각")
def filling(d: Draw) -> Draft:
    a, b, s, n = d.whole(2, 7), d.whole(2, 6), d.whole(2, 5), d.whole(2, 9)
    who = d.name()
    return Draft(
        texts=(
            f"가로 {a * s} cm, 세로 {b * s} cm인 직사각형을 한 변이 {s} cm인 정사각형 모양 조각으로 겹치지 않게 빈틈없이 채우려면 조각이 몇 개 필요합니까?",
            (
                f"정삼각형 모양 조각 6개로 정육각형 하나를 채울 수 있습니다. 같은 정육각형 {n}개를 채우려면 정삼각형 모양 조각이 몇 개 필요합니까?",
                f"{6 * n}개",
            ),
            (
                f"{who}[은/는] 정삼각형 모양 조각 2개를 붙여 마름모 하나를 만들었습니다. 같은 조각 {2 * n}개로 만들 수 있는 마름모는 모두 몇 개입니까?",
                f"{n}개",
            ),
        ),
        answer=f"{a * b}개",
        why="모양 조각을 겹치지 않게 빈틈없이 놓아 다른 모양을 만들거나 채운다.",
        steps=f"가로에 {a}개, 세로에 {b}개",
        difficulty=3,
    )


@family("4수03-15", "mm-and-km", "1 mm", "1 km", "길이 재기")
def mm_and_km(d: Draw) -> Draft:
    a, b, n = d.whole(2, 15), d.whole(1, 9), d.whole(2, 9)
    thing = d.word(STRINGS)
    what, size, unit = d.pick(_LENGTHS)
    return Draft(
        texts=(
            f"{thing}의 길이를 재었더니 {a} cm보다 {b} mm 더 길었습니다. {thing}의 길이는 몇 cm 몇 mm입니까?",
            f"자의 0에 맞춘 {thing}의 끝이 {a} cm에서 작은 눈금 {b}칸을 더 간 곳에 있습니다. 작은 눈금 한 칸이 1 mm일 때 {thing}의 길이는 몇 cm 몇 mm입니까?",
            (f"mm와 km 중 □에 알맞은 단위를 쓰시오. {what}: 약 {size} □", unit),
            (f"{d.name()}[은/는] 1 km 표지판에서 출발하여 {n} km 표지판까지 걸었습니다. 걸은 거리는 몇 km입니까?", f"{n - 1} km"),
        ),
        answer=f"{a} cm {b} mm",
        why="길이 단위 mm와 km를 알고 알맞은 단위로 길이를 잰다.",
        steps=f"{a} cm와 {b} mm",
        difficulty=1,
    )


@family("4수03-17", "litres", "1 L", "1 mL", "들이 재기")
def litres(d: Draw) -> Draft:
    n, m = d.whole(1, 8), d.whole(1, 9)
    cup, times = d.pick([150, 180, 200, 250]), d.whole(2, 5)
    what, size, unit = d.pick(_CAPACITIES)
    liquid = d.word(LIQUIDS)
    return Draft(
        texts=(
            f"빈 수조에 물을 1 L 그릇으로 {n}번, 100 mL 컵으로 {m}번 부었더니 가득 찼습니다. 수조의 들이는 몇 L 몇 mL입니까?",
            (
                f"들이가 {cup} mL인 컵에 {liquid}[을/를] 가득 담아 {times}번 부었더니 빈 병이 가득 찼습니다. 병의 들이는 몇 mL입니까?",
                f"{cup * times} mL",
            ),
            (f"들이를 나타낼 때 L와 mL 중 □에 알맞은 단위를 쓰시오. {what}: 약 {size} □", unit),
        ),
        answer=f"{n} L {100 * m} mL",
        why="들이 단위 L와 mL를 알고 알맞은 단위로 들이를 잰다.",
        steps=f"1 L가 {n}번, 100 mL가 {m}번",
        difficulty=2,
    )


@family("4수03-20", "grams", "1 g", "1 kg", "무게 재기")
def grams(d: Draw) -> Draft:
    a, b = d.whole(1, 8), d.whole(1, 9)
    each, n = d.pick([120, 150, 180, 200, 210, 250]), d.whole(2, 4)
    what, size, unit = d.pick(_WEIGHTS)
    fruit, who = d.pick(FRUITS), d.name()
    return Draft(
        texts=(
            f"작은 눈금 한 칸이 100 g인 저울의 바늘이 {a} kg에서 작은 눈금 {b}칸을 더 간 곳을 가리킵니다. 물건의 무게는 몇 kg 몇 g입니까?",
            (f"무게가 {each} g인 {fruit} {n}개를 저울에 올렸습니다. 저울이 가리키는 무게는 몇 g입니까?", f"{each * n} g"),
            (f"{who}[이/가] 무게를 어림하였습니다. g과 kg 중 □에 알맞은 단위를 쓰시오. {what}: 약 {size} □", unit),
        ),
        answer=f"{a} kg {100 * b} g",
        why="무게 단위 g과 kg을 알고 알맞은 단위로 무게를 잰다.",
        steps=f"{a} kg과 100 g씩 {b}칸",
        difficulty=2,
    )
