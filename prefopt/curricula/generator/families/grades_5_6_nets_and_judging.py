"""초등 5~6학년: nets and views of solids, graphs that fit a question, judging by likelihood."""

from __future__ import annotations

from prefopt.curricula.generator.drafting import Draft, Draw, family, listed
from prefopt.curricula.generator.vocabulary import COLORS, SURVEYS

PRISMS = {3: "삼각기둥", 4: "사각기둥", 5: "오각기둥", 6: "육각기둥", 8: "팔각기둥"}
_BASES = {3: "정삼각형", 4: "정사각형", 5: "정오각형", 6: "정육각형", 8: "정팔각형"}
GRAPHS = (
    ("1년 동안 월별 기온의 변화", "꺾은선그래프"), ("한 주 동안 강낭콩의 키의 변화", "꺾은선그래프"), ("하루 동안 시각별 운동장 온도의 변화", "꺾은선그래프"),
    ("10년 동안 마을 인구의 변화", "꺾은선그래프"), ("하루 생활 시간 전체에 대한 각 활동 시간의 비율", "띠그래프"), ("전체 쓰레기에 대한 종류별 쓰레기의 비율", "띠그래프"),
    ("한 달 지출 전체에 대한 항목별 지출의 비율", "띠그래프"), ("전체 도서 수에 대한 종류별 도서 수의 비율", "띠그래프"),
)  # fmt: skip
STEPS = ("탐구 문제 정하기", "자료 수집하기", "자료를 정리하여 그래프로 나타내기", "그래프를 보고 결과 해석하기")


@family("6수03-04", "cuboid-sketch-and-net", "겨냥도", "전개도", "직육면체")
def cuboid_sketch_and_net(d: Draw) -> Draft:
    a, b, c = d.wholes(3, 2, 15)
    return Draft(
        texts=(
            f"가로 {a} cm, 세로 {b} cm, 높이 {c} cm인 직육면체의 겨냥도를 그렸습니다. 점선으로 그린 모서리의 길이의 합은 몇 cm입니까?",
            (
                f"세 모서리의 길이가 {a} cm, {b} cm, {c} cm인 직육면체의 겨냥도에서 실선으로 그린 모서리의 길이의 합은 몇 cm입니까?",
                f"{3 * (a + b + c)} cm",
            ),
            (f"한 모서리의 길이가 {a} cm인 정육면체의 전개도를 그렸습니다. 전개도의 둘레는 몇 cm입니까?", f"{14 * a} cm"),
        ),
        answer=f"{a + b + c} cm",
        why="겨냥도에서 보이는 모서리와 보이지 않는 모서리, 전개도의 변의 길이를 따진다.",
        steps=f"보이지 않는 모서리는 {a} cm, {b} cm, {c} cm 하나씩",
        difficulty=3,
    )


@family("6수03-06", "prism-net", "각기둥", "전개도", "밑면과 옆면")
def prism_net(d: Draw) -> Draft:
    n = d.pick(list(PRISMS))
    a, h, who = d.whole(2, 9), d.whole(4, 15), d.name()
    return Draft(
        texts=(
            f"밑면이 한 변의 길이가 {a} cm인 {_BASES[n]}이고 높이가 {h} cm인 각기둥의 전개도를 그렸습니다. 이어진 옆면 전체가 이루는 직사각형의 가로는 몇 cm입니까? (높이를 세로로 합니다.)",
            (f"어떤 각기둥의 전개도에 밑면 2개와 옆면 {n}개가 그려져 있습니다. 이 전개도를 접어 만든 각기둥의 이름을 쓰시오.", PRISMS[n]),
            (f"{who}[은/는] {PRISMS[n]}의 전개도를 그리려고 합니다. 밑면과 옆면을 합하여 면을 모두 몇 개 그려야 합니까?", f"{n + 2}개"),
        ),
        answer=f"{a * n} cm",
        why=f"각기둥의 전개도에서 밑면 2개와 옆면 {n}개를 따진다.",
        steps=f"밑면의 둘레는 {a}×{n}={a * n}",
        difficulty=3,
    )


@family("6수03-08", "cylinder-net", "원기둥", "전개도", "원주")
def cylinder_net(d: Draw) -> Draft:
    r, h = d.whole(2, 12), d.whole(5, 20)
    return Draft(
        texts=(
            f"밑면의 반지름이 {r} cm, 높이가 {h} cm인 원기둥의 전개도에서 옆면의 가로는 몇 cm입니까? (원주율: 3)",
            (f"원기둥의 전개도에서 옆면의 가로가 {6 * r} cm, 세로가 {h} cm입니다. 밑면의 반지름은 몇 cm입니까? (원주율: 3)", f"{r} cm"),
            (
                f"밑면의 지름이 {2 * r} cm, 높이가 {h} cm인 원기둥의 전개도를 그렸습니다. 옆면인 직사각형의 둘레는 몇 cm입니까? (원주율: 3)",
                f"{2 * (6 * r + h)} cm",
            ),
        ),
        answer=f"{6 * r} cm",
        why="원기둥의 전개도에서 옆면의 가로가 밑면의 둘레와 같음을 이용한다.",
        steps=f"{2 * r}×3={6 * r}",
        difficulty=4,
    )


@family("6수03-10", "views", "쌓기나무", "위·앞·옆")
def views(d: Draw) -> Draft:
    row = [d.whole(1, 4) for _ in range(d.whole(3, 5))]
    back, front = ([d.whole(1, 4) for _ in range(3)] for _ in range(2))
    return Draft(
        texts=(
            f"쌓기나무로 쌓은 모양을 위에서 본 모양의 각 자리에 쌓은 개수를 써넣었더니 왼쪽부터 {listed(row)}였습니다. 똑같이 쌓는 데 필요한 쌓기나무는 모두 몇 개입니까?",
            (
                f"위에서 본 모양이 한 줄인 쌓기나무의 각 자리에 왼쪽부터 {listed(row)}개씩 쌓았습니다. 옆에서 본 모양은 몇 층입니까?",
                f"{max(row)}층",
            ),
            (
                f"위에서 본 모양이 가로 3칸, 세로 2칸인 쌓기나무가 있습니다. 뒷줄에는 왼쪽부터 {listed(back)}개, 앞줄에는 왼쪽부터 {listed(front)}개를 쌓았습니다. 앞에서 본 모양은 왼쪽부터 각각 몇 층입니까?",
                listed(f"{max(pair)}층" for pair in zip(back, front, strict=True)),
            ),
        ),
        answer=f"{sum(row)}개",
        why="쌓기나무로 쌓은 모양을 위, 앞, 옆에서 본 모양으로 나타내거나 추측한다.",
        steps=f"각 자리의 수를 더하면 {sum(row)}",
        difficulty=4,
    )


@family("6수04-03", "fitting-graph", "그래프", "자료 수집", "해석")
def fitting_graph(d: Draw) -> Draft:
    topic, graph = d.pick(GRAPHS)
    total = d.pick([20, 25, 40, 50])
    part = d.whole(2, total // 2)
    survey, who = d.pick(SURVEYS), d.name()
    marks = dict(zip("㉠㉡㉢㉣", d.shuffled(STEPS), strict=True))
    shown = " ".join(f"{mark} {step}" for mark, step in marks.items())
    return Draft(
        texts=(
            f"{who}[은/는] '{topic}'[을/를] 알아보려고 합니다. 꺾은선그래프와 띠그래프 중 더 알맞은 그래프는 무엇입니까?",
            (
                f"'우리 학년의 {survey}'[이/가] 무엇인지 알아보려고 학생 {total}명을 조사하였더니 가장 많은 답이 {part}명이었습니다. 원그래프로 나타낼 때 이 항목은 전체의 몇 %입니까?",
                f"{part * 100 / total:g}%",
            ),
            (
                f"{who}[이/가] '{survey}'[을/를] 탐구하는 과정입니다. 순서대로 기호를 쓰시오. {shown}",
                ", ".join(sorted(marks, key=lambda m: STEPS.index(marks[m]))),
            ),
        ),
        answer=graph,
        why="탐구 문제에 맞게 자료를 모으고 알맞은 그래프로 나타내어 해석한다.",
        steps=f"{topic}[은/는] {graph}",
        difficulty=3,
    )


@family("6수04-06", "judging-by-likelihood", "가능성", "예상", "판단")
def judging_by_likelihood(d: Draw) -> Draft:
    first, second = d.some(COLORS, 2)
    a, b = d.whole(1, 9), d.whole(1, 9)
    c, e = d.pick([(x, y) for x in range(1, 10) for y in range(1, 10) if x * b != y * a])
    days, wet, times = d.pick([10, 20, 30]), d.whole(2, 9), d.whole(2, 5)
    x, y = d.pick([(20, 50), (50, 100), (20, 100), (40, 50)])
    wins_x = d.whole(2, 9)
    wins_y = d.whole(2, 18, avoid=(wins_x * y // x,))
    return Draft(
        texts=(
            f"주머니 가에는 {first} 공 {a}개와 {second} 공 {b}개, 주머니 나에는 {first} 공 {c}개와 {second} 공 {e}개가 있습니다. {first} 공을 꺼내면 이기는 놀이에서는 어느 주머니를 고르는 것이 좋습니까?",
            (
                f"지난 {days}일 가운데 비가 온 날은 {wet}일이었습니다. 비가 올 가능성이 앞으로도 같다면 다음 {days * times}일 동안 비가 오는 날은 며칠쯤으로 예상할 수 있습니까?",
                f"{wet * times}일",
            ),
            (
                f"뽑기 상자 가에는 제비 {x}개 중 당첨 제비가 {wins_x}개, 상자 나에는 제비 {y}개 중 당첨 제비가 {wins_y}개 있습니다. 당첨될 가능성을 비교하여 고를 상자를 정하시오.",
                "가" if wins_x * y > wins_y * x else "나",
            ),
        ),
        answer="가" if a * (c + e) > c * (a + b) else "나",
        why="자료로 일이 일어날 가능성을 예상하고 그에 따라 판단한다.",
        steps=f"전체에 대한 비율을 비교하면 {a}/{a + b}, {c}/{c + e}",
        difficulty=4,
    )
