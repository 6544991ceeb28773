"""중학교 도형과 측정: positions, parallels, congruence, polygons, sectors, solids."""

from __future__ import annotations

from fractions import Fraction

from prefopt.curricula.generator.drafting import Draft, Draw, family
from prefopt.curricula.generator.formulas import pi_times, polygon


@family("9수03-01", "positions", "점과 직선", "평면", "꼬인 위치")
def positions(d: Draw) -> Draft:
    m, k = d.whole(4, 20), d.whole(3, 6)
    p, q, r = d.pick([("A", "B", "C"), ("P", "Q", "R"), ("A", "C", "B")])
    return Draft(
        texts=(
            "직육면체에서 한 모서리와 꼬인 위치에 있는 모서리는 모두 몇 개입니까?"
            if m % 2
            else "정육면체의 한 모서리와 만나지도 않고 평행하지도 않은 모서리의 개수를 구하시오.",
            (f"선분 {p}{q}의 중점이 M이고 {p}{q}={2 * m} cm일 때 선분 {p}M의 길이를 구하시오.", f"{m} cm"),
            (
                f"세 점 {p}, {q}, {r}[이/가] 한 직선 위에 차례로 있고 {p}{q}={m} cm, {q}{r}={k} cm입니다. 두 점 {p}, {r} 사이의 거리를 구하시오.",
                f"{m + k} cm",
            ),
            (f"맞꼭지각의 크기가 각각 {m + 20}°, x°일 때 x의 값을 구하시오.", f"{m + 20}"),
            ("공간에서 두 직선이 만나지도 않고 평행하지도 않을 때, 두 직선의 위치 관계를 무엇이라고 합니까?", "꼬인 위치"),
        ),
        answer="4개",
        why="점과 직선, 평면이 공간에서 어떤 위치 관계에 있는지 묻는다.",
        steps="만나지 않고 평행하지도 않으면 꼬인 위치",
        difficulty=2,
    )


@family("9수03-02", "parallel-angles", "평행선", "동위각", "엇각")
def parallel_angles(d: Draw) -> Draft:
    a, b = d.whole(35, 140), d.whole(20, 60)
    one, two = d.pick([("l", "m"), ("p", "q"), ("a", "b")])
    return Draft(
        texts=(
            f"평행한 두 직선 {one}, {two}[과/와] 다른 한 직선이 만날 때 한 동위각의 크기가 {a}°입니다. 다른 동위각의 크기를 구하시오.",
            f"두 직선 {one}[과/와] {two}[이/가] 평행하고 엇각의 하나가 {a}°일 때, 나머지 엇각의 크기는 몇 도입니까?",
            (f"{one}//{two}일 때 한 각의 동위각이 {a}°이면 그 각과 이웃하여 평각을 이루는 각의 크기를 구하시오.", f"{180 - a}°"),
            (
                f"평행선 {one}, {two} 사이의 꺾인 점에서 꺾인 각이 {b}°와 {b + 15}°의 합과 같습니다. 평행한 보조선과 엇각을 이용하여 꺾인 각의 크기를 구하시오.",
                f"{2 * b + 15}°",
            ),
        ),
        answer=f"{a}°",
        why="평행선에서 동위각과 엇각의 크기가 각각 같다는 성질을 이용한다.",
        steps=f"평행하면 동위각과 엇각이 같으므로 {a}°",
        difficulty=2,
    )


@family("9수03-04", "congruence-conditions", "합동 조건", "SAS", "ASA")
def congruence_conditions(d: Draw) -> Draft:
    a, b, angle = d.whole(4, 14), d.whole(4, 14), d.whole(35, 100)
    kind, given = d.pick(
        [
            ("SAS", f"AB=DE={a} cm, BC=EF={b} cm, ∠B=∠E={angle}°"),
            ("SSS", f"AB=DE={a} cm, BC=EF={b} cm, CA=FD={max(a, b)} cm"),
            ("ASA", f"BC=EF={a} cm, ∠B=∠E={min(angle, 80)}°, ∠C=∠F={180 - min(angle, 80) - 60}°"),
        ]
    )
    return Draft(
        texts=(
            f"두 삼각형 ABC와 DEF에서 {given}입니다. 두 삼각형의 합동 조건을 쓰시오.",
            f"△ABC와 △DEF가 {given}[을/를] 만족시킬 때 SSS, SAS, ASA 중 어떤 합동 조건으로 합동입니까?",
            f"{given}인 △ABC와 △DEF가 서로 합동인지 판별하고 그 조건을 말하시오.",
        ),
        answer=f"{kind} 합동",
        why="두 삼각형이 SSS, SAS, ASA 중 어느 합동 조건을 만족시키는지 판별한다.",
        steps=f"대응하는 변과 각을 보면 {kind} 합동",
        difficulty=3,
    )


@family("9수03-05", "polygon-angles", "내각의 크기의 합", "대각선", "외각")
def polygon_angles(d: Draw) -> Draft:
    n = d.whole(5, 20)
    name = polygon(n) if n <= 10 else f"{n}각형"
    regular = d.pick([5, 6, 8, 9, 10, 12, 15, 18, 20])
    return Draft(
        texts=(
            f"{name}의 내각의 크기의 합을 구하시오.",
            (f"{name}의 대각선의 개수를 구하시오.", f"{n * (n - 3) // 2}"),
            (f"정{polygon(regular) if regular <= 10 else f'{regular}각형'}의 한 외각의 크기는 몇 도입니까?", f"{360 // regular}°"),
            (f"내각의 크기의 합이 {180 * (n - 2)}°인 다각형은 몇 각형입니까?", name),
            (f"한 꼭짓점에서 그을 수 있는 대각선이 {n - 3}개인 다각형의 이름을 쓰시오.", name),
        ),
        answer=f"{180 * (n - 2)}°",
        why="다각형의 내각과 외각의 크기, 대각선의 개수의 성질을 이용한다.",
        steps=f"180°×({n}-2)={180 * (n - 2)}°",
        difficulty=3,
    )


@family("9수03-06", "sector", "부채꼴", "호의 길이", "중심각")
def sector(d: Draw) -> Draft:
    r, angle = d.whole(3, 18), d.pick([30, 40, 45, 60, 72, 80, 90, 120, 135, 150])
    arc, area = pi_times(Fraction(2 * r * angle, 360)), pi_times(Fraction(r * r * angle, 360))
    k = d.whole(2, min(5, r - 1))  # an arc is shorter than the circle
    return Draft(
        texts=(
            f"반지름의 길이가 {r} cm이고 중심각의 크기가 {angle}°인 부채꼴의 호의 길이를 구하시오.",
            (f"반지름의 길이가 {r} cm, 중심각의 크기가 {angle}°인 부채꼴의 넓이를 구하시오.", f"{area} cm²"),
            (
                f"한 원에서 중심각의 크기가 {angle // 2}°인 부채꼴의 호의 길이가 {k} cm입니다. 중심각이 {angle}°인 부채꼴의 호의 길이를 구하시오.",
                f"{2 * k} cm",
            )
            if angle % 2 == 0
            else (f"중심각의 크기가 {angle}°이고 반지름이 {r} cm인 부채꼴의 호의 길이를 구하시오.", f"{arc} cm"),
            (f"호의 길이가 {2 * k}π cm이고 반지름의 길이가 {r} cm인 부채꼴의 넓이를 구하시오.", f"{k * r}π cm²"),
        ),
        answer=f"{arc} cm",
        why="부채꼴의 중심각의 크기와 호의 길이, 넓이의 관계를 이용한다.",
        steps=f"2π×{r}×{angle}/360={arc}",
        difficulty=3,
    )


@family("9수03-07", "polyhedra", "다면체", "회전체", "정다면체")
def polyhedra(d: Draw) -> Draft:
    n = d.whole(3, 9)
    solid, vertices, edges, faces = d.pick(
        [("정사면체", 4, 6, 4), ("정육면체", 8, 12, 6), ("정팔면체", 6, 12, 8), ("정십이면체", 20, 30, 12), ("정이십면체", 12, 30, 20)]
    )
    part, count = d.pick([("꼭짓점", vertices), ("모서리", edges), ("면", faces)])
    shape, turned = d.pick(
        [
            ("직사각형을 한 변을", "원기둥"),
            ("직각삼각형을 직각을 낀 한 변을", "원뿔"),
            ("반원을 지름을", "구"),
            ("사다리꼴을 두 밑변에 수직인 변을", "원뿔대"),
        ]
    )
    return Draft(
        texts=(
            f"{solid}의 {part}의 개수를 구하시오.",
            (f"{shape} 회전축으로 하여 1회전 시킬 때 생기는 회전체의 이름을 쓰시오.", turned),
            (f"{polygon(n).replace('각형', '각뿔대')}는 몇 면체입니까?", f"{n + 2}면체"),
            (f"회전체인 {turned}[을/를] 회전축에 수직인 평면으로 자를 때 생기는 단면은 어떤 도형입니까?", "원"),
            (f"면의 개수가 {faces}인 정다면체의 이름을 쓰시오.", solid),
        ),
        answer=f"{count}",
        why="다면체와 회전체의 성질을 묻는다.",
        steps=f"{solid}의 {part}[은/는] {count}개",
        difficulty=2,
    )


@family("9수03-08", "solid-measures", "겉넓이", "부피", "원뿔")
def solid_measures(d: Draw) -> Draft:
    r, h = d.whole(2, 9), d.whole(3, 12)
    a = d.whole(3, 9)
    return Draft(
        texts=(
            f"밑면의 반지름의 길이가 {r} cm이고 높이가 {h} cm인 원기둥의 부피를 구하시오.",
            (f"밑면의 반지름의 길이가 {r} cm, 높이가 {3 * h} cm인 원뿔의 부피를 구하시오.", f"{r * r * h}π cm³"),
            (f"반지름의 길이가 {3 * r} cm인 구의 겉넓이를 구하시오.", f"{36 * r * r}π cm²"),
            (f"밑면이 한 변의 길이가 {a} cm인 정사각형이고 높이가 {3 * h} cm인 사각뿔의 부피를 구하시오.", f"{a * a * h} cm³"),
            (f"밑면의 반지름의 길이가 {r} cm이고 높이가 {h} cm인 원기둥의 겉넓이를 구하시오.", f"{2 * r * (r + h)}π cm²"),
        ),
        answer=f"{r * r * h}π cm³",
        why="기둥, 뿔, 구의 겉넓이나 부피를 π를 써서 구한다.",
        steps=f"π×{r}^2×{h}={r * r * h}π",
        difficulty=3,
    )
