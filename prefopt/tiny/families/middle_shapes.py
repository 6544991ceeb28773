"""중학교 1~3학년, shapes and data: parallels, polygons, sectors, solids, triangles, similarity, Pythagoras, trigonometry, statistics, probability."""

from __future__ import annotations

from fractions import Fraction
from math import comb, factorial

from prefopt.tiny.drafting import Draft, Draw, decimal, family, listed, reduced
from prefopt.tiny.families.primary_middle_shapes import polygon
from prefopt.tiny.words import CLUBS, COLOURS, SPORTS

TRIPLES = ((3, 4, 5), (5, 12, 13), (6, 8, 10), (8, 15, 17), (9, 12, 15), (7, 24, 25), (12, 16, 20), (10, 24, 26), (20, 21, 29), (15, 20, 25), (9, 40, 41), (12, 35, 37))


def pi_times(value: Fraction) -> str:
    """A multiple of π: 6π, π/2, 7π/3."""
    top = "π" if value.numerator == 1 else f"{value.numerator}π"
    return top if value.denominator == 1 else f"{top}/{value.denominator}"


@family("9수03-01", "positions", "점과 직선", "평면", "꼬인 위치")
def positions(d: Draw) -> Draft:
    m, k = d.int(4, 20), d.int(3, 6)
    p, q, r = d.pick(["ABC", "PQR", "ACB"])
    return Draft(
        (
            "직육면체에서 한 모서리와 꼬인 위치에 있는 모서리는 모두 몇 개입니까?" if m % 2 else "정육면체의 한 모서리와 만나지도 않고 평행하지도 않은 모서리의 개수를 구하시오.",
            (f"선분 {p}{q}의 중점이 M이고 {p}{q}={2 * m} cm일 때 선분 {p}M의 길이를 구하시오.", f"{m} cm"),
            (f"세 점 {p}, {q}, {r}[이/가] 한 직선 위에 차례로 있고 {p}{q}={m} cm, {q}{r}={k} cm입니다. 두 점 {p}, {r} 사이의 거리를 구하시오.", f"{m + k} cm"),
            (f"맞꼭지각의 크기가 각각 {m + 20}°, x°일 때 x의 값을 구하시오.", f"{m + 20}"),
            ("공간에서 두 직선이 만나지도 않고 평행하지도 않을 때, 두 직선의 위치 관계를 무엇이라고 합니까?", "꼬인 위치"),
        ),
        "4개", "점과 직선, 평면이 공간에서 어떤 위치 관계에 있는지 묻는다.", "만나지 않고 평행하지도 않으면 꼬인 위치", 2,
    )


@family("9수03-02", "parallel-angles", "평행선", "동위각", "엇각")
def parallel_angles(d: Draw) -> Draft:
    a, b = d.int(35, 140), d.int(20, 60)
    l, m = d.pick([("l", "m"), ("p", "q"), ("a", "b")])
    return Draft(
        (
            f"평행한 두 직선 {l}, {m}[과/와] 다른 한 직선이 만날 때 한 동위각의 크기가 {a}°입니다. 다른 동위각의 크기를 구하시오.",
            f"두 직선 {l}[과/와] {m}[이/가] 평행하고 엇각의 하나가 {a}°일 때, 나머지 엇각의 크기는 몇 도입니까?",
            (f"{l}//{m}일 때 한 각의 동위각이 {a}°이면 그 각과 이웃하여 평각을 이루는 각의 크기를 구하시오.", f"{180 - a}°"),
            (f"평행선 {l}, {m} 사이의 꺾인 점에서 꺾인 각이 {b}°와 {b + 15}°의 합과 같습니다. 평행한 보조선과 엇각을 이용하여 꺾인 각의 크기를 구하시오.", f"{2 * b + 15}°"),
        ),
        f"{a}°", "평행선에서 동위각과 엇각의 크기가 각각 같다는 성질을 이용한다.", f"평행하면 동위각과 엇각이 같으므로 {a}°", 2,
    )


@family("9수03-04", "congruence-conditions", "합동 조건", "SAS", "ASA")
def congruence_conditions(d: Draw) -> Draft:
    a, b, angle = d.int(4, 14), d.int(4, 14), d.int(35, 100)
    kind, given = d.pick(
        [
            ("SAS", f"AB=DE={a} cm, BC=EF={b} cm, ∠B=∠E={angle}°"),
            ("SSS", f"AB=DE={a} cm, BC=EF={b} cm, CA=FD={max(a, b)} cm"),
            ("ASA", f"BC=EF={a} cm, ∠B=∠E={min(angle, 80)}°, ∠C=∠F={180 - min(angle, 80) - 60}°"),
        ]
    )
    return Draft(
        (
            f"두 삼각형 ABC와 DEF에서 {given}입니다. 두 삼각형의 합동 조건을 쓰시오.",
            f"△ABC와 △DEF가 {given}[을/를] 만족시킬 때 SSS, SAS, ASA 중 어떤 합동 조건으로 합동입니까?",
            f"{given}인 △ABC와 △DEF가 서로 합동인지 판별하고 그 조건을 말하시오.",
        ),
        f"{kind} 합동", "두 삼각형이 SSS, SAS, ASA 중 어느 합동 조건을 만족시키는지 판별한다.", f"대응하는 변과 각을 보면 {kind} 합동", 3,
    )


@family("9수03-05", "polygon-angles", "내각의 크기의 합", "대각선", "외각")
def polygon_angles(d: Draw) -> Draft:
    n = d.int(5, 20)
    name = polygon(n) if n <= 10 else f"{n}각형"
    regular = d.pick([5, 6, 8, 9, 10, 12, 15, 18, 20])
    return Draft(
        (
            f"{name}의 내각의 크기의 합을 구하시오.",
            (f"{name}의 대각선의 개수를 구하시오.", f"{n * (n - 3) // 2}"),
            (f"정{polygon(regular) if regular <= 10 else f'{regular}각형'}의 한 외각의 크기는 몇 도입니까?", f"{360 // regular}°"),
            (f"내각의 크기의 합이 {180 * (n - 2)}°인 다각형은 몇 각형입니까?", name),
            (f"한 꼭짓점에서 그을 수 있는 대각선이 {n - 3}개인 다각형의 이름을 쓰시오.", name),
        ),
        f"{180 * (n - 2)}°", "다각형의 내각과 외각의 크기, 대각선의 개수의 성질을 이용한다.", f"180°×({n}-2)={180 * (n - 2)}°", 3,
    )


@family("9수03-06", "sector", "부채꼴", "호의 길이", "중심각")
def sector(d: Draw) -> Draft:
    r, angle = d.int(3, 18), d.pick([30, 40, 45, 60, 72, 80, 90, 120, 135, 150])
    arc, area = pi_times(Fraction(2 * r * angle, 360)), pi_times(Fraction(r * r * angle, 360))
    k = d.int(2, 5)
    return Draft(
        (
            f"반지름의 길이가 {r} cm이고 중심각의 크기가 {angle}°인 부채꼴의 호의 길이를 구하시오.",
            (f"반지름의 길이가 {r} cm, 중심각의 크기가 {angle}°인 부채꼴의 넓이를 구하시오.", f"{area} cm²"),
            (f"한 원에서 중심각의 크기가 {angle // 2}°인 부채꼴의 호의 길이가 {k} cm입니다. 중심각이 {angle}°인 부채꼴의 호의 길이를 구하시오.", f"{2 * k} cm")
            if angle % 2 == 0
            else (f"중심각의 크기가 {angle}°이고 반지름이 {r} cm인 부채꼴의 호의 길이를 구하시오.", f"{arc} cm"),
            (f"호의 길이가 {2 * k}π cm이고 반지름의 길이가 {r} cm인 부채꼴의 넓이를 구하시오.", f"{k * r}π cm²"),
        ),
        f"{arc} cm", "부채꼴의 중심각의 크기와 호의 길이, 넓이의 관계를 이용한다.", f"2π×{r}×{angle}/360={arc}", 3,
    )


@family("9수03-07", "polyhedra", "다면체", "회전체", "정다면체")
def polyhedra(d: Draw) -> Draft:
    n = d.int(3, 9)
    solid, vertices, edges, faces = d.pick([("정사면체", 4, 6, 4), ("정육면체", 8, 12, 6), ("정팔면체", 6, 12, 8), ("정십이면체", 20, 30, 12), ("정이십면체", 12, 30, 20)])
    part, count = d.pick([("꼭짓점", vertices), ("모서리", edges), ("면", faces)])
    shape, turned = d.pick([("직사각형", "원기둥"), ("직각삼각형", "원뿔"), ("반원", "구"), ("사다리꼴", "원뿔대")])
    return Draft(
        (
            f"{solid}의 {part}의 개수를 구하시오.",
            (f"{shape}[을/를] 한 직선을 회전축으로 하여 1회전 시킬 때 생기는 회전체의 이름을 쓰시오.", turned),
            (f"{polygon(n).replace('각형', '각뿔대')}는 몇 면체입니까?", f"{n + 2}면체"),
            (f"회전체인 {turned}[을/를] 회전축에 수직인 평면으로 자를 때 생기는 단면은 어떤 도형입니까?", "원"),
            (f"면의 개수가 {faces}인 정다면체의 이름을 쓰시오.", solid),
        ),
        f"{count}", "다면체와 회전체의 성질을 묻는다.", f"{solid}의 {part}[은/는] {count}개", 2,
    )


@family("9수03-08", "solid-measures", "겉넓이", "부피", "원뿔")
def solid_measures(d: Draw) -> Draft:
    r, h = d.int(2, 9), d.int(3, 12)
    a = d.int(3, 9)
    return Draft(
        (
            f"밑면의 반지름의 길이가 {r} cm이고 높이가 {h} cm인 원기둥의 부피를 구하시오.",
            (f"밑면의 반지름의 길이가 {r} cm, 높이가 {3 * h} cm인 원뿔의 부피를 구하시오.", f"{r * r * h}π cm³"),
            (f"반지름의 길이가 {3 * r} cm인 구의 겉넓이를 구하시오.", f"{36 * r * r}π cm²"),
            (f"밑면이 한 변의 길이가 {a} cm인 정사각형이고 높이가 {3 * h} cm인 사각뿔의 부피를 구하시오.", f"{a * a * h} cm³"),
            (f"밑면의 반지름의 길이가 {r} cm이고 높이가 {h} cm인 원기둥의 겉넓이를 구하시오.", f"{2 * r * (r + h)}π cm²"),
        ),
        f"{r * r * h}π cm³", "기둥, 뿔, 구의 겉넓이나 부피를 π를 써서 구한다.", f"π×{r}^2×{h}={r * r * h}π", 3,
    )


@family("9수03-09", "isosceles-proof", "이등변삼각형", "밑각", "수직이등분")
def isosceles_properties(d: Draw) -> Draft:
    a = 2 * d.int(15, 65)
    b, base = d.int(35, 80), d.int(3, 12)
    return Draft(
        (
            f"AB=AC인 이등변삼각형 ABC에서 꼭지각 ∠A의 크기가 {a}°일 때 ∠B의 크기를 구하시오.",
            (f"AB=AC인 이등변삼각형 ABC에서 밑각 ∠B={b}°일 때 꼭지각 ∠A의 크기를 구하시오.", f"{180 - 2 * b}°"),
            (f"AB=AC인 △ABC에서 ∠A의 이등분선이 밑변 BC와 만나는 점을 D라고 합니다. BC={2 * base} cm일 때 BD의 길이를 구하시오.", f"{base} cm"),
            (f"∠B=∠C={b}°인 △ABC에서 AB={base} cm일 때 AC의 길이를 구하고 그 까닭을 설명하시오.", f"{base} cm"),
        ),
        f"{(180 - a) // 2}°", "이등변삼각형의 두 밑각의 크기가 같고 꼭지각의 이등분선이 밑변을 수직이등분함을 이용한다.", f"(180°-{a}°)÷2={(180 - a) // 2}°", 3,
    )


@family("9수03-10", "centres", "외심", "내심", "외접원")
def centres(d: Draw) -> Draft:
    a, r = d.int(30, 80), d.int(3, 12)
    hyp = d.int(3, 15)
    return Draft(
        (
            f"점 O가 △ABC의 외심이고 ∠A={a}°일 때 ∠BOC의 크기를 구하시오.",
            (f"점 I가 △ABC의 내심이고 ∠A={a}°일 때 ∠BIC의 크기를 구하시오.", f"{decimal(900 + 5 * a, 1)}°"),
            (f"점 O가 △ABC의 외심이고 OA={r} cm일 때 OB의 길이를 구하시오.", f"{r} cm"),
            (f"빗변의 길이가 {2 * hyp} cm인 직각삼각형의 외접원의 반지름의 길이를 구하시오.", f"{hyp} cm"),
            (f"△ABC의 내심 I에서 변 AB까지의 거리가 {r} cm입니다. 점 I에서 변 BC까지의 거리를 구하시오.", f"{r} cm"),
        ),
        f"{2 * a}°", "삼각형의 외심과 내심의 성질을 이용한다.", f"∠BOC=2∠A={2 * a}°", 3,
    )


@family("9수03-11", "parallelogram", "평행사변형", "대각선", "마름모")
def parallelogram(d: Draw) -> Draft:
    a, b, angle = d.int(4, 15), d.int(4, 15), d.int(50, 130)
    return Draft(
        (
            f"평행사변형 ABCD에서 AB={a} cm일 때 CD의 길이를 구하시오.",
            (f"평행사변형 ABCD에서 ∠A={angle}°일 때 ∠C의 크기를 구하고 까닭을 설명하시오.", f"{angle}°"),
            (f"평행사변형 ABCD의 두 대각선의 교점이 O이고 AC={2 * a} cm입니다. AO의 길이를 구하시오.", f"{a} cm"),
            (f"직사각형 ABCD의 두 대각선의 교점을 O라 하고 BD={2 * b} cm라 할 때 AO의 길이를 구하시오.", f"{b} cm"),
            (f"평행사변형 ABCD가 마름모가 되려면 AB={a} cm일 때 BC의 길이는 몇 cm이어야 합니까?", f"{a} cm"),
        ),
        f"{a} cm", "평행사변형을 비롯한 사각형의 변, 각, 대각선의 성질을 이용한다.", "평행사변형의 대변과 대각은 각각 같다", 3,
    )


@family("9수03-12", "similar", "닮음", "닮음비", "대응변")
def similar(d: Draw) -> Draft:
    p, q = d.pick([(2, 3), (3, 4), (1, 2), (3, 5), (4, 5), (2, 5), (1, 3)])
    k = d.int(2, 6)
    return Draft(
        (
            f"두 닮은 도형에서 대응변의 길이가 {p * k} cm, {q * k} cm일 때 닮음비를 구하시오.",
            (f"△ABC와 △DEF가 서로 닮은 도형이고 닮음비가 {p}:{q}입니다. AB={p * k} cm일 때 DE의 길이를 구하시오.", f"{q * k} cm"),
            (f"닮음비가 {p}:{q}인 두 닮은 사각형의 둘레의 길이의 비를 구하시오. 작은 것의 둘레가 {p * k * 2} cm이면 큰 것은 몇 cm입니까?", f"{q * k * 2} cm"),
            (f"서로 닮은 두 직육면체의 닮음비가 {p}:{q}일 때 겉넓이의 비를 구하시오. 작은 것의 높이는 {p * k} cm입니다.", f"{p * p}:{q * q}"),
        ),
        f"{p}:{q}", "닮은 두 도형의 대응변의 길이의 비인 닮음비를 구하거나 이용한다.", f"{p * k}:{q * k}={p}:{q}", 3,
    )


@family("9수03-13", "similarity-conditions", "닮음 조건", "AA 닮음", "SAS 닮음")
def similarity_conditions(d: Draw) -> Draft:
    a, b, k = d.int(3, 8), d.int(3, 8), d.int(2, 4)
    x, y = d.int(35, 80), d.int(35, 80)
    kind, given = d.pick(
        [
            ("AA", f"∠A=∠D={x}°, ∠B=∠E={y}°"),
            ("SAS", f"AB={a} cm, DE={a * k} cm, AC={b} cm, DF={b * k} cm, ∠A=∠D={x}°"),
            ("SSS", f"AB={a} cm, BC={b} cm, CA={max(a, b)} cm, DE={a * k} cm, EF={b * k} cm, FD={max(a, b) * k} cm"),
        ]
    )
    return Draft(
        (
            f"△ABC와 △DEF에서 {given}일 때 두 삼각형의 닮음 조건을 쓰시오.",
            f"{given}인 두 삼각형 ABC, DEF는 SSS, SAS, AA 중 어느 닮음 조건을 만족시킵니까?",
            f"두 삼각형 ABC와 DEF가 {given}[을/를] 만족시킵니다. 서로 닮음인지 판별하고 조건을 말하시오.",
        ),
        f"{kind} 닮음", "두 삼각형이 SSS, SAS, AA 중 어느 닮음 조건을 만족시키는지 판별한다.", f"대응하는 변의 비와 각을 보면 {kind} 닮음", 3,
    )


@family("9수03-14", "parallel-ratios", "평행선", "선분의 길이의 비", "중점")
def parallel_ratios(d: Draw) -> Draft:
    p, q, k = d.int(2, 6), d.int(2, 6), d.int(2, 5)
    return Draft(
        (
            f"△ABC에서 변 BC와 평행한 직선이 AB, AC와 만나는 점을 각각 D, E라고 합니다. AD={p} cm, DB={q} cm, AE={p * k} cm일 때 EC의 길이를 구하시오.",
            f"세 평행선이 두 직선과 만나 한 직선에서 {p} cm, {q} cm, 다른 직선에서 {p * k} cm, x cm의 선분을 만듭니다. x의 값을 구하시오.",
            (f"△ABC의 두 변 AB, AC의 중점을 각각 M, N이라 하고 BC={2 * p * k} cm일 때 MN의 길이를 구하시오.", f"{p * k} cm"),
            (f"△ABC의 무게중심이 G이고 중선 AD={3 * k} cm일 때 AG의 길이를 구하시오.", f"{2 * k} cm"),
        ),
        f"{q * k} cm", "평행선 사이의 선분의 길이의 비가 같음을 이용한다.", f"{p}:{q}={p * k}:□이므로 {q * k}", 3,
    )


@family("9수03-15", "pythagoras", "피타고라스 정리", "직각삼각형", "빗변")
def pythagoras(d: Draw) -> Draft:
    a, b, c = d.pick(TRIPLES)
    m = d.int(1, 3)
    a, b, c = a * m, b * m, c * m
    return Draft(
        (
            f"직각을 낀 두 변의 길이가 {a} cm, {b} cm인 직각삼각형의 빗변의 길이를 구하시오.",
            (f"빗변의 길이가 {c} cm이고 다른 한 변의 길이가 {a} cm인 직각삼각형의 나머지 한 변의 길이를 구하시오.", f"{b} cm"),
            f"가로가 {a} cm, 세로가 {b} cm인 직사각형의 대각선의 길이를 피타고라스 정리를 이용하여 구하시오.",
            (f"길이가 {c} m인 사다리를 벽에서 {a} m 떨어진 곳에 걸쳐 놓았습니다. 사다리 끝의 높이는 몇 m입니까?", f"{b} m"),
            (f"세 변의 길이가 {a} cm, {b} cm, {c} cm인 삼각형이 직각삼각형인지 판별하시오.", "직각삼각형이다"),
        ),
        f"{c} cm", "직각삼각형에서 빗변의 제곱이 다른 두 변의 제곱의 합과 같다는 피타고라스 정리를 이용한다.", f"{a}^2+{b}^2={c}^2", 3,
    )


@family("9수03-16", "trigonometric-ratios", "삼각비", "sin", "cos")
def trigonometric_ratios(d: Draw) -> Draft:
    a, b, c = d.pick(TRIPLES)
    ratio, value = d.pick([("sin A", Fraction(a, c)), ("cos A", Fraction(b, c)), ("tan A", Fraction(a, b))])
    shown = f"{value.numerator}/{value.denominator}"
    special, exact = d.pick([("sin 30°", "1/2"), ("cos 60°", "1/2"), ("tan 45°", "1"), ("sin 60°", "√3/2"), ("cos 45°", "√2/2"), ("tan 60°", "√3"), ("cos 30°", "√3/2")])
    k = d.int(2, 9)
    return Draft(
        (
            f"∠C=90°인 직각삼각형 ABC에서 BC={a}, AC={b}, AB={c}일 때 {ratio}의 값을 구하시오.",
            (f"{special}의 값을 구하시오. 또 그 값의 {k}배를 쓰시오.", f"{exact}, {exact}×{k}"),
            (f"직각삼각형에서 빗변의 길이가 {c}, 높이가 {a}일 때 밑각 A의 sin 값을 구하시오.", f"{Fraction(a, c).numerator}/{Fraction(a, c).denominator}"),
            (f"sin A={Fraction(a, c).numerator}/{Fraction(a, c).denominator}일 때 cos A의 값을 구하시오. (0°<A<90°)", f"{Fraction(b, c).numerator}/{Fraction(b, c).denominator}"),
        ),
        shown, "직각삼각형의 변의 비인 sin, cos, tan의 값을 구한다.", f"{ratio}={shown}", 3,
    )


@family("9수03-17", "trigonometry-use", "삼각비의 활용", "높이", "넓이")
def trigonometry_use(d: Draw) -> Draft:
    k, a, b = d.int(4, 40), d.int(4, 14), d.int(4, 14)
    thing = d.pick(["나무", "건물", "탑", "등대", "전봇대", "기념비"])
    return Draft(
        (
            f"{thing}에서 {k} m 떨어진 곳에서 {thing}의 꼭대기를 올려본각의 크기가 45°입니다. 눈높이를 생각하지 않을 때 {thing}의 높이를 구하시오.",
            (f"두 변의 길이가 {a} cm, {2 * b} cm이고 그 끼인각의 크기가 30°인 삼각형의 넓이를 삼각비를 이용하여 구하시오.", f"{decimal(a * b * 5, 1)} cm²"),
            (f"길이가 {2 * k} m인 줄이 지면과 30°의 각을 이루며 팽팽하게 {thing} 꼭대기에 묶여 있습니다. 꼭대기의 높이를 구하시오.", f"{k} m"),
            (f"이웃한 두 변이 {2 * a} cm, {b} cm이고 그 끼인각이 30°인 평행사변형의 넓이를 구하시오.", f"{a * b} cm²"),
        ),
        f"{k} m", "직접 재기 어려운 높이나 넓이를 삼각비를 활용하여 구한다.", f"{k}×tan 45°={k}", 4,
    )


@family("9수03-18", "chords", "원의 현", "접선", "수직이등분선")
def chords(d: Draw) -> Draft:
    a, b, c = d.pick(TRIPLES)
    k = d.int(3, 15)
    return Draft(
        (
            f"원의 중심에서 현에 내린 수선의 길이가 {a} cm이고 반지름의 길이가 {c} cm일 때 현의 길이를 구하시오.",
            (f"원 밖의 한 점 P에서 원에 그은 두 접선의 접점을 A, B라고 합니다. PA={k} cm일 때 PB의 길이를 구하시오.", f"{k} cm"),
            (f"반지름의 길이가 {a} cm인 원의 중심 O에서 {c} cm 떨어진 점 P에서 그은 접선의 길이를 구하시오.", f"{b} cm"),
            (f"한 원의 중심에서 같은 거리에 있는 두 현 중 하나의 길이가 {2 * k} cm입니다. 다른 현의 길이를 구하시오.", f"{2 * k} cm"),
        ),
        f"{2 * b} cm", "원의 중심에서 현에 내린 수선과 접선의 길이에 관한 성질을 이용한다.", f"현의 절반은 {b}, 현은 {2 * b}", 4,
    )


@family("9수03-19", "inscribed", "원주각", "중심각", "호")
def inscribed(d: Draw) -> Draft:
    a, b = d.int(20, 85), d.int(50, 120)
    return Draft(
        (
            f"한 호에 대한 원주각의 크기가 {a}°일 때 그 호에 대한 중심각의 크기를 구하시오.",
            (f"호 AB에 대한 중심각의 크기가 {2 * a}°입니다. 호 AB에 대한 원주각의 크기는 몇 도입니까?", f"{a}°"),
            (f"네 점 A, B, C, D가 한 원 위에 있고 같은 호에 대한 원주각 ∠ACB={a}°일 때 ∠ADB의 크기를 구하시오.", f"{a}°"),
            (f"원에 내접하는 사각형 ABCD에서 ∠A={b}°일 때 ∠C의 크기를 구하시오.", f"{180 - b}°"),
            (f"선분 AB가 원의 지름이고 점 C가 원 위의 점입니다. ∠CAB={a}°일 때 원주각의 성질을 이용하여 ∠ABC의 크기를 구하시오.", f"{90 - a}°"),
        ),
        f"{2 * a}°", "원주각의 크기가 그 호에 대한 중심각의 크기의 절반임을 이용한다.", f"2×{a}°={2 * a}°", 3,
    )


@family("9수04-01", "median-mode", "중앙값", "최빈값", "대푯값")
def median_and_mode(d: Draw) -> Draft:
    values = d.ints(5, 3, 40)
    median = sorted(values)[2]
    mode = d.pick(values)
    more = d.shuffled([*values, mode, mode])
    unit = d.pick(["점", "회", "분", "권", "시간"])
    return Draft(
        (
            f"자료 {listed(d.shuffled(values))}의 중앙값을 구하시오.",
            (f"자료 {listed(more)}의 최빈값을 구하시오.", f"{mode}"),
            f"학생 5명의 기록이 {listed(f'{v}{unit}' for v in values)}입니다. 기록의 중앙값은 얼마입니까?",
            (f"자료 {listed(sorted(values)[:4])}, {max(values) * 20}처럼 매우 큰 값이 있을 때 평균과 중앙값 중 대푯값으로 더 알맞은 것은 무엇입니까?", "중앙값"),
        ),
        f"{median}", "중앙값이나 최빈값과 같은 대푯값을 구하고 알맞은 대푯값을 고른다.", f"크기순으로 놓으면 가운데 값은 {median}", 2,
    )


@family("9수04-02", "frequency-table", "도수분포표", "계급", "히스토그램")
def frequency_table(d: Draw) -> Draft:
    a, b, c = d.int(3, 9), d.int(6, 12), d.int(2, 8)
    low, size = d.pick([0, 10, 20, 40]), d.pick([5, 10, 20])
    n = a + b + c
    what = d.pick(["통학 시간", "독서 시간", "키", "몸무게", "수학 점수", "줄넘기 횟수"])
    rows = [f"{low + i * size} 이상 {low + (i + 1) * size} 미만" for i in range(3)]
    chart = d.pick(["도수분포표", "히스토그램"])
    stem = d.int(2, 8)
    leaves = sorted(d.ints(4, 0, 9))
    return Draft(
        (
            f"{what}[을/를] 조사한 {chart}에서 계급 {rows[0]}의 도수가 {a}, {rows[1]}의 도수가 {b}, {rows[2]}의 도수가 {c}입니다. 도수의 총합을 구하시오.",
            (f"학생 {n}명의 {what}[을/를] 나타낸 도수분포표에서 {rows[0]} {a}명, {rows[1]} A명, {rows[2]} {c}명입니다. A의 값을 구하시오.", f"{b}"),
            (f"계급이 {rows[0]}, {rows[1]}, {rows[2]}인 {chart}의 계급의 크기를 구하시오.", f"{size}"),
            (f"줄기와 잎 그림에서 줄기 {stem}에 잎이 {listed(leaves)}일 때 이 줄기에 속하는 변량 중 가장 큰 값을 구하시오.", f"{10 * stem + leaves[-1]}"),
        ),
        f"{n}", "자료를 계급으로 나눈 도수분포표, 히스토그램, 줄기와 잎 그림을 읽는다.", f"{a}+{b}+{c}={n}", 2,
    )


@family("9수04-03", "relative-frequency", "상대도수", "도수", "총합")
def relative_frequency(d: Draw) -> Draft:
    n = d.pick([20, 25, 40, 50, 100])
    a = d.int(2, n // 2)
    share = decimal(a * 1000 // n, 3)
    low, size = d.pick([10, 20, 40]), d.pick([5, 10])
    row = f"{low} 이상 {low + size} 미만"
    other = d.pick([20, 30, 40, 60])
    return Draft(
        (
            f"전체 도수가 {n}이고 계급 {row}의 도수가 {a}일 때 이 계급의 상대도수를 구하시오.",
            (f"도수의 총합이 {n}인 자료에서 상대도수가 {share}인 계급의 도수를 구하시오.", f"{a}"),
            (f"어떤 계급의 도수가 {a}이고 상대도수가 {share}일 때 도수의 총합을 구하시오.", f"{n}"),
            (f"전체 학생 수가 {n}명인 A 반과 {other}명인 B 반의 분포를 비교하려고 합니다. 도수와 상대도수 중 어느 것을 쓰는 것이 알맞습니까?", "상대도수"),
        ),
        share, "각 계급의 도수를 전체 도수로 나눈 상대도수를 구하거나 이용한다.", f"{a}÷{n}={share}", 3,
    )


@family("9수04-05", "counting", "경우의 수", "순서", "합과 곱")
def counting(d: Draw) -> Draft:
    a, b, n = d.int(2, 8), d.int(2, 8), d.int(3, 7)
    total = d.int(2, 12)
    ways = sum(1 for i in range(1, 7) for j in range(1, 7) if i + j == total)
    sport = d.pick(SPORTS)
    return Draft(
        (
            f"서로 다른 티셔츠 {a}벌과 바지 {b}벌이 있습니다. 티셔츠와 바지를 각각 하나씩 골라 입는 경우의 수를 구하시오.",
            (f"{n}명의 학생을 한 줄로 세우는 경우의 수를 구하시오.", f"{factorial(n)}"),
            (f"서로 다른 두 개의 주사위를 동시에 던질 때 나오는 두 눈의 수의 합이 {total}인 경우의 수를 구하시오.", f"{ways}"),
            (f"{sport} 모임의 회원 {n + 2}명 중에서 대표 2명을 뽑는 경우의 수를 구하시오.", f"{comb(n + 2, 2)}"),
            (f"집에서 도서관까지 가는 버스 노선이 {a}가지, 지하철 노선이 {b}가지입니다. 버스나 지하철로 가는 경우의 수를 구하시오.", f"{a + b}"),
        ),
        f"{a * b}", "어떤 일이 일어날 수 있는 모든 가짓수인 경우의 수를 센다.", f"{a}×{b}={a * b}", 3,
    )


@family("9수04-06", "probability", "확률", "경우의 수", "여사건")
def probability(d: Draw) -> Draft:
    c1, c2 = d.some(COLOURS, 2)
    a, b = d.int(2, 9), d.int(2, 9)
    total = d.int(2, 12)
    ways = sum(1 for i in range(1, 7) for j in range(1, 7) if i + j == total)
    n = d.int(2, 4)
    k = d.int(2, 9)
    return Draft(
        (
            f"{c1} 공 {a}개와 {c2} 공 {b}개가 들어 있는 주머니에서 공 한 개를 꺼낼 때 {c1} 공일 확률을 구하시오.",
            (f"서로 다른 두 개의 주사위를 동시에 던질 때 두 눈의 수의 합이 {total}일 확률을 구하시오.", reduced(ways, 36)),
            (f"동전 {n}개를 동시에 던질 때 적어도 한 개는 앞면이 나올 확률을 구하시오.", reduced(2**n - 1, 2**n)),
            (f"1부터 {10 * k}까지의 수가 적힌 카드에서 한 장을 뽑을 때 {k}의 배수가 나올 확률을 구하시오.", "1/" + str(k)),
            (f"당첨될 확률이 {a}/{a + b}일 때 당첨되지 않을 확률을 구하시오.", reduced(b, a + b)),
        ),
        reduced(a, a + b), "일어날 수 있는 모든 경우에 대한 비율로 사건이 일어날 확률을 구한다.", f"전체 {a + b} 중 {a}", 3,
    )


@family("9수04-07", "variance", "분산", "표준편차", "편차")
def variance(d: Draw) -> Draft:
    m, s = d.int(5, 60), d.int(1, 6)
    values = [m - 2 * s, m - s, m, m + s, m + 2 * s]
    x = d.int(-6, 6, (0,))
    y = d.int(-5, 5, (0,))
    one, two = d.int(2, 6), d.int(7, 12)
    return Draft(
        (
            f"자료 {listed(d.shuffled(values))}의 분산을 구하시오.",
            (f"자료 {listed(values)}의 표준편차를 구하시오.", f"√{2 * s * s}"),
            (f"네 학생의 점수의 편차가 {x}점, {y}점, {-x}점, a점일 때 a의 값을 구하시오.", f"{-y}"),
            (f"A 반의 수학 점수의 표준편차는 {one}점, B 반은 {two}점이고 평균은 {m + 20}점으로 같습니다. 점수가 더 고르게 분포된 반은 어느 반입니까?", "A 반"),
        ),
        f"{2 * s * s}", "자료가 평균에서 흩어진 정도를 나타내는 분산과 표준편차를 구하거나 해석한다.", f"편차의 제곱의 평균은 {2 * s * s}", 4,
    )


@family("9수04-09", "scatter", "산점도", "상관관계")
def scatter(d: Draw) -> Draft:
    relation, pair = d.pick(
        [
            ("양의 상관관계", "키와 몸무게"),
            ("양의 상관관계", "여름철 기온과 아이스크림 판매량"),
            ("양의 상관관계", "공부 시간과 시험 점수"),
            ("양의 상관관계", "자동차의 이동 거리와 연료 사용량"),
            ("음의 상관관계", "산의 높이와 기온"),
            ("음의 상관관계", "물건의 가격과 판매량"),
            ("음의 상관관계", "하루 중 낮의 길이와 밤의 길이"),
            ("상관관계가 없다", "키와 수학 점수"),
            ("상관관계가 없다", "시력과 발 크기"),
        ]
    )
    n, club = d.int(12, 30), d.pick(CLUBS)
    return Draft(
        (
            f"{pair} 사이의 산점도를 그릴 때 두 변량 사이에 어떤 상관관계가 있는지 말하시오.",
            f"{club} 학생 {n}명의 자료로 {pair}의 산점도를 그렸습니다. 두 변량의 상관관계를 쓰시오.",
            f"두 변량 '{pair}'에 대하여 {n}쌍의 자료를 산점도로 나타내면 양의 상관관계, 음의 상관관계, 상관관계가 없음 중 어느 것이 예상됩니까?",
        ),
        relation, "두 변량의 산점도를 보고 상관관계를 판단한다.", f"{pair}[은/는] {relation}", 2,
    )
