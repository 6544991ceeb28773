"""중학교 도형과 측정: triangles and quadrilaterals, similarity, Pythagoras, trigonometry, circles."""

from __future__ import annotations

from fractions import Fraction

from prefopt.curricula.generator.drafting import Draft, Draw, decimal, family

TRIPLES = (
    (3, 4, 5),
    (5, 12, 13),
    (6, 8, 10),
    (8, 15, 17),
    (9, 12, 15),
    (7, 24, 25),
    (12, 16, 20),
    (10, 24, 26),
    (20, 21, 29),
    (15, 20, 25),
    (9, 40, 41),
    (12, 35, 37),
)


@family("9수03-09", "isosceles-proof", "이등변삼각형", "밑각", "수직이등분")
def isosceles_properties(d: Draw) -> Draft:
    a = 2 * d.whole(15, 65)
    b, base = d.whole(35, 80), d.whole(3, 12)
    return Draft(
        texts=(
            f"AB=AC인 이등변삼각형 ABC에서 꼭지각 ∠A의 크기가 {a}°일 때 ∠B의 크기를 구하시오.",
            (f"AB=AC인 이등변삼각형 ABC에서 밑각 ∠B={b}°일 때 꼭지각 ∠A의 크기를 구하시오.", f"{180 - 2 * b}°"),
            (
                f"AB=AC인 △ABC에서 ∠A의 이등분선이 밑변 BC와 만나는 점을 D라고 합니다. BC={2 * base} cm일 때 BD의 길이를 구하시오.",
                f"{base} cm",
            ),
            (f"∠B=∠C={b}°인 △ABC에서 AB={base} cm일 때 AC의 길이를 구하고 그 까닭을 설명하시오.", f"{base} cm"),
        ),
        answer=f"{(180 - a) // 2}°",
        why="이등변삼각형의 두 밑각의 크기가 같고 꼭지각의 이등분선이 밑변을 수직이등분함을 이용한다.",
        steps=f"(180°-{a}°)÷2={(180 - a) // 2}°",
        difficulty=3,
    )


@family("9수03-10", "centres", "외심", "내심", "외접원")
def centres(d: Draw) -> Draft:
    a, r = d.whole(30, 80), d.whole(3, 12)
    hyp = d.whole(3, 15)
    return Draft(
        texts=(
            f"점 O가 △ABC의 외심이고 ∠A={a}°일 때 ∠BOC의 크기를 구하시오.",
            (f"점 I가 △ABC의 내심이고 ∠A={a}°일 때 ∠BIC의 크기를 구하시오.", f"{decimal(900 + 5 * a, 1)}°"),
            (f"점 O가 △ABC의 외심이고 OA={r} cm일 때 OB의 길이를 구하시오.", f"{r} cm"),
            (f"빗변의 길이가 {2 * hyp} cm인 직각삼각형의 외접원의 반지름의 길이를 구하시오.", f"{hyp} cm"),
            (f"△ABC의 내심 I에서 변 AB까지의 거리가 {r} cm입니다. 점 I에서 변 BC까지의 거리를 구하시오.", f"{r} cm"),
        ),
        answer=f"{2 * a}°",
        why="삼각형의 외심과 내심의 성질을 이용한다.",
        steps=f"∠BOC=2∠A={2 * a}°",
        difficulty=3,
    )


@family("9수03-11", "parallelogram", "평행사변형", "대각선", "마름모")
def parallelogram(d: Draw) -> Draft:
    a, b, angle = d.whole(4, 15), d.whole(4, 15), d.whole(50, 130)
    return Draft(
        texts=(
            f"평행사변형 ABCD에서 AB={a} cm일 때 CD의 길이를 구하시오.",
            (f"평행사변형 ABCD에서 ∠A={angle}°일 때 ∠C의 크기를 구하고 까닭을 설명하시오.", f"{angle}°"),
            (f"평행사변형 ABCD의 두 대각선의 교점이 O이고 AC={2 * a} cm입니다. AO의 길이를 구하시오.", f"{a} cm"),
            (f"직사각형 ABCD의 두 대각선의 교점을 O라 하고 BD={2 * b} cm라 할 때 AO의 길이를 구하시오.", f"{b} cm"),
            (f"평행사변형 ABCD가 마름모가 되려면 AB={a} cm일 때 BC의 길이는 몇 cm이어야 합니까?", f"{a} cm"),
        ),
        answer=f"{a} cm",
        why="평행사변형을 비롯한 사각형의 변, 각, 대각선의 성질을 이용한다.",
        steps="평행사변형의 대변과 대각은 각각 같다",
        difficulty=3,
    )


@family("9수03-12", "similar", "닮음", "닮음비", "대응변")
def similar(d: Draw) -> Draft:
    p, q = d.pick([(2, 3), (3, 4), (1, 2), (3, 5), (4, 5), (2, 5), (1, 3)])
    k = d.whole(2, 6)
    return Draft(
        texts=(
            f"두 닮은 도형에서 대응변의 길이가 {p * k} cm, {q * k} cm일 때 닮음비를 구하시오.",
            (f"△ABC와 △DEF가 서로 닮은 도형이고 닮음비가 {p}:{q}입니다. AB={p * k} cm일 때 DE의 길이를 구하시오.", f"{q * k} cm"),
            (
                f"닮음비가 {p}:{q}인 두 닮은 사각형이 있습니다. 작은 사각형의 둘레의 길이가 {p * k * 2} cm이면 큰 사각형의 둘레의 길이는 몇 cm입니까?",
                f"{q * k * 2} cm",
            ),
            (
                f"서로 닮은 두 직육면체의 높이가 각각 {p * k} cm, {q * k} cm입니다. 닮음비를 이용하여 겉넓이의 비를 구하시오.",
                f"{p * p}:{q * q}",
            ),
        ),
        answer=f"{p}:{q}",
        why="닮은 두 도형의 대응변의 길이의 비인 닮음비를 구하거나 이용한다.",
        steps=f"{p * k}:{q * k}={p}:{q}",
        difficulty=3,
    )


@family("9수03-13", "similarity-conditions", "닮음 조건", "AA 닮음", "SAS 닮음")
def similarity_conditions(d: Draw) -> Draft:
    a, b, k = d.whole(3, 8), d.whole(3, 8), d.whole(2, 4)
    x, y = d.whole(35, 80), d.whole(35, 80)
    kind, given = d.pick(
        [
            ("AA", f"∠A=∠D={x}°, ∠B=∠E={y}°"),
            ("SAS", f"AB={a} cm, DE={a * k} cm, AC={b} cm, DF={b * k} cm, ∠A=∠D={x}°"),
            ("SSS", f"AB={a} cm, BC={b} cm, CA={max(a, b)} cm, DE={a * k} cm, EF={b * k} cm, FD={max(a, b) * k} cm"),
        ]
    )
    return Draft(
        texts=(
            f"△ABC와 △DEF에서 {given}일 때 두 삼각형의 닮음 조건을 쓰시오.",
            f"{given}인 두 삼각형 ABC, DEF는 SSS, SAS, AA 중 어느 닮음 조건을 만족시킵니까?",
            f"두 삼각형 ABC와 DEF가 {given}[을/를] 만족시킵니다. 서로 닮음인지 판별하고 조건을 말하시오.",
        ),
        answer=f"{kind} 닮음",
        why="두 삼각형이 SSS, SAS, AA 중 어느 닮음 조건을 만족시키는지 판별한다.",
        steps=f"대응하는 변의 비와 각을 보면 {kind} 닮음",
        difficulty=3,
    )


@family("9수03-14", "parallel-ratios", "평행선", "선분의 길이의 비", "중점")
def parallel_ratios(d: Draw) -> Draft:
    p, q, k = d.whole(2, 6), d.whole(2, 6), d.whole(2, 5)
    return Draft(
        texts=(
            f"△ABC에서 변 BC와 평행한 직선이 AB, AC와 만나는 점을 각각 D, E라고 합니다. AD={p} cm, DB={q} cm, AE={p * k} cm일 때 EC의 길이를 구하시오.",
            f"세 평행선이 두 직선과 만나 한 직선에서 {p} cm, {q} cm, 다른 직선에서 {p * k} cm, x cm의 선분을 만듭니다. x의 값을 구하시오.",
            (f"△ABC의 두 변 AB, AC의 중점을 각각 M, N이라 하고 BC={2 * p * k} cm일 때 MN의 길이를 구하시오.", f"{p * k} cm"),
            (f"△ABC의 무게중심이 G이고 중선 AD={3 * k} cm일 때 AG의 길이를 구하시오.", f"{2 * k} cm"),
        ),
        answer=f"{q * k} cm",
        why="평행선 사이의 선분의 길이의 비가 같음을 이용한다.",
        steps=f"{p}:{q}={p * k}:□이므로 {q * k}",
        difficulty=3,
    )


@family("9수03-15", "pythagoras", "피타고라스 정리", "직각삼각형", "빗변")
def pythagoras(d: Draw) -> Draft:
    a, b, c = d.pick(TRIPLES)
    m = d.whole(1, 3)
    a, b, c = a * m, b * m, c * m
    return Draft(
        texts=(
            f"직각을 낀 두 변의 길이가 {a} cm, {b} cm인 직각삼각형의 빗변의 길이를 구하시오.",
            (f"빗변의 길이가 {c} cm이고 다른 한 변의 길이가 {a} cm인 직각삼각형의 나머지 한 변의 길이를 구하시오.", f"{b} cm"),
            f"가로가 {a} cm, 세로가 {b} cm인 직사각형의 대각선의 길이를 피타고라스 정리를 이용하여 구하시오.",
            (f"길이가 {c} m인 사다리를 벽에서 {a} m 떨어진 곳에 걸쳐 놓았습니다. 사다리 끝의 높이는 몇 m입니까?", f"{b} m"),
            (f"세 변의 길이가 {a} cm, {b} cm, {c} cm인 삼각형이 직각삼각형인지 판별하시오.", "직각삼각형이다"),
        ),
        answer=f"{c} cm",
        why="직각삼각형에서 빗변의 제곱이 다른 두 변의 제곱의 합과 같다는 피타고라스 정리를 이용한다.",
        steps=f"{a}^2+{b}^2={c}^2",
        difficulty=3,
    )


@family("9수03-16", "trigonometric-ratios", "삼각비", "sin", "cos")
def trigonometric_ratios(d: Draw) -> Draft:
    a, b, c = d.pick(TRIPLES)
    ratio, value = d.pick([("sin A", Fraction(a, c)), ("cos A", Fraction(b, c)), ("tan A", Fraction(a, b))])
    shown = f"{value.numerator}/{value.denominator}"
    special, exact = d.pick(
        [
            ("sin 30°", "1/2"),
            ("cos 60°", "1/2"),
            ("tan 45°", "1"),
            ("sin 60°", "√3/2"),
            ("cos 45°", "√2/2"),
            ("tan 60°", "√3"),
            ("cos 30°", "√3/2"),
        ]
    )
    k = d.whole(2, 9)
    halves = Fraction(k, 2 if exact.endswith("/2") else 1)
    number, root = f"{halves.numerator}", exact.removesuffix("/2").removeprefix("1")
    product = (root if root and number == "1" else number + root) + ("" if halves.denominator == 1 else "/2")
    return Draft(
        texts=(
            f"∠C=90°인 직각삼각형 ABC에서 BC={a}, AC={b}, AB={c}일 때 {ratio}의 값을 구하시오.",
            (f"{k}×{special}의 값을 구하시오.", product),
            (
                f"직각삼각형에서 빗변의 길이가 {c}, 높이가 {a}일 때 밑각 A의 sin 값을 구하시오.",
                f"{Fraction(a, c).numerator}/{Fraction(a, c).denominator}",
            ),
            (
                f"sin A={Fraction(a, c).numerator}/{Fraction(a, c).denominator}일 때 cos A의 값을 구하시오. (0°<A<90°)",
                f"{Fraction(b, c).numerator}/{Fraction(b, c).denominator}",
            ),
        ),
        answer=shown,
        why="직각삼각형의 변의 비인 sin, cos, tan의 값을 구한다.",
        steps=f"{ratio}={shown}",
        difficulty=3,
    )


@family("9수03-17", "trigonometry-use", "삼각비의 활용", "높이", "넓이")
def trigonometry_use(d: Draw) -> Draft:
    k, a, b = d.whole(4, 40), d.whole(4, 14), d.whole(4, 14)
    thing = d.pick(["나무", "건물", "탑", "등대", "전봇대", "기념비"])
    return Draft(
        texts=(
            f"{thing}에서 {k} m 떨어진 곳에서 {thing}의 꼭대기를 올려본각의 크기가 45°입니다. 눈높이를 생각하지 않을 때 {thing}의 높이를 구하시오.",
            (
                f"두 변의 길이가 {a} cm, {2 * b} cm이고 그 끼인각의 크기가 30°인 삼각형의 넓이를 삼각비를 이용하여 구하시오.",
                f"{decimal(a * b * 5, 1)} cm²",
            ),
            (
                f"길이가 {2 * k} m인 줄이 지면과 30°의 각을 이루며 팽팽하게 {thing} 꼭대기에 묶여 있습니다. 꼭대기의 높이를 구하시오.",
                f"{k} m",
            ),
            (f"이웃한 두 변이 {2 * a} cm, {b} cm이고 그 끼인각이 30°인 평행사변형의 넓이를 구하시오.", f"{a * b} cm²"),
        ),
        answer=f"{k} m",
        why="직접 재기 어려운 높이나 넓이를 삼각비를 활용하여 구한다.",
        steps=f"{k}×tan 45°={k}",
        difficulty=4,
    )


@family("9수03-18", "chords", "원의 현", "접선", "수직이등분선")
def chords(d: Draw) -> Draft:
    a, b, c = d.pick(TRIPLES)
    k = d.whole(3, 15)
    return Draft(
        texts=(
            f"원의 중심에서 현에 내린 수선의 길이가 {a} cm이고 반지름의 길이가 {c} cm일 때 현의 길이를 구하시오.",
            (f"원 밖의 한 점 P에서 원에 그은 두 접선의 접점을 A, B라고 합니다. PA={k} cm일 때 PB의 길이를 구하시오.", f"{k} cm"),
            (f"반지름의 길이가 {a} cm인 원의 중심 O에서 {c} cm 떨어진 점 P에서 그은 접선의 길이를 구하시오.", f"{b} cm"),
            (f"한 원의 중심에서 같은 거리에 있는 두 현 중 하나의 길이가 {2 * k} cm입니다. 다른 현의 길이를 구하시오.", f"{2 * k} cm"),
        ),
        answer=f"{2 * b} cm",
        why="원의 중심에서 현에 내린 수선과 접선의 길이에 관한 성질을 이용한다.",
        steps=f"현의 절반은 {b}, 현은 {2 * b}",
        difficulty=4,
    )


@family("9수03-19", "inscribed", "원주각", "중심각", "호")
def inscribed(d: Draw) -> Draft:
    a, b = d.whole(20, 85), d.whole(50, 120)
    return Draft(
        texts=(
            f"한 호에 대한 원주각의 크기가 {a}°일 때 그 호에 대한 중심각의 크기를 구하시오.",
            (f"호 AB에 대한 중심각의 크기가 {2 * a}°입니다. 호 AB에 대한 원주각의 크기는 몇 도입니까?", f"{a}°"),
            (f"네 점 A, B, C, D가 한 원 위에 있고 같은 호에 대한 원주각 ∠ACB={a}°일 때 ∠ADB의 크기를 구하시오.", f"{a}°"),
            (f"원에 내접하는 사각형 ABCD에서 ∠A={b}°일 때 ∠C의 크기를 구하시오.", f"{180 - b}°"),
            (
                f"선분 AB가 원의 지름이고 점 C가 원 위의 점입니다. ∠CAB={a}°일 때 원주각의 성질을 이용하여 ∠ABC의 크기를 구하시오.",
                f"{90 - a}°",
            ),
        ),
        answer=f"{2 * a}°",
        why="원주각의 크기가 그 호에 대한 중심각의 크기의 절반임을 이용한다.",
        steps=f"2×{a}°={2 * a}°",
        difficulty=3,
    )
