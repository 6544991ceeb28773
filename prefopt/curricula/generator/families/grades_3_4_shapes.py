"""초등 3~4학년 도형과 측정: lines, angles, circles, triangles, quadrilaterals."""

from __future__ import annotations

from prefopt.curricula.generator.drafting import Draft, Draw, family, listed
from prefopt.curricula.generator.formulas import polygon


@family("4수03-01", "lines", "직선", "선분", "반직선")
def lines(d: Draw) -> Draft:
    kind, meaning = d.pick(
        [
            ("선분", "두 점을 곧게 이은"),
            ("반직선", "한 점에서 시작하여 한쪽으로 끝없이 늘인"),
            ("직선", "양쪽으로 끝없이 늘인 곧은"),
        ]
    )
    p, q = d.some(list("ㄱㄴㄷㄹㅁㅂ"), 2)
    n = d.whole(3, 6)
    return Draft(
        texts=(
            f"점 {p}[과/와] 점 {q}[을/를] 지나는 선 가운데 {meaning} 선의 이름을 쓰시오.",
            f"{meaning} 선을 무엇이라고 합니까? 직선, 선분, 반직선 중에서 고르시오.",
            (
                f"한 직선 위에 있지 않은 점 {n}개가 있습니다. 어느 세 점도 한 직선 위에 있지 않을 때, 두 점을 이어 그을 수 있는 선분은 모두 몇 개입니까?",
                f"{n * (n - 1) // 2}개",
            ),
            (f"점 {p}에서 시작하여 점 {q}[을/를] 지나는 반직선을 기호 없이 말로 쓰시오.", f"반직선 {p}{q}"),
        ),
        answer=kind,
        why="직선, 선분, 반직선을 구별한다.",
        steps=f"{meaning} 선은 {kind}",
        difficulty=2,
    )


@family("4수03-02", "angle-kinds", "예각", "둔각", "직각")
def angle_kinds(d: Draw) -> Draft:
    a, b = d.whole(15, 85), d.whole(95, 170)
    shown = d.shuffled([a, b, 90])
    kind, value = d.pick([("예각", a), ("둔각", b), ("직각", 90)])
    hour, angle = d.pick(
        [
            ("1시", "예각"),
            ("2시", "예각"),
            ("3시", "직각"),
            ("4시", "둔각"),
            ("5시", "둔각"),
            ("9시", "직각"),
            ("10시", "예각"),
            ("11시", "예각"),
        ]
    )
    n = d.whole(3, 6)
    return Draft(
        texts=(
            f"각도가 {shown[0]}°, {shown[1]}°, {shown[2]}°인 각 중에서 {kind}[을/를] 찾아 쓰시오.",
            (f"시계가 {hour}[을/를] 가리킬 때 긴바늘과 짧은바늘이 이루는 작은 쪽의 각은 예각, 직각, 둔각 중 어느 것입니까?", angle),
            (f"{a}°인 각과 {b}°인 각을 직각과 비교하여 각각 예각인지 둔각인지 쓰시오.", f"{a}°는 예각, {b}°는 둔각"),
            (f"네 각이 모두 직각인 도형이 {n}개 있습니다. 직각은 모두 몇 개입니까?", f"{4 * n}개"),
        ),
        answer=f"{value}°",
        why="직각과 비교하여 예각과 둔각을 구별한다.",
        steps=f"{kind}[은/는] {value}°",
        difficulty=2,
    )


@family("4수03-03", "perpendicular", "수직", "평행", "평행선")
def perpendicular_and_parallel(d: Draw) -> Draft:
    a, b, c = d.some(list("가나다라마바"), 3)
    gap1, gap2 = d.whole(2, 9), d.whole(2, 9)
    return Draft(
        texts=(
            f"직선 {a}[과/와] 직선 {b}[이/가] 만나서 이루는 각이 직각입니다. 두 직선은 서로 어떤 관계입니까?",
            (f"직선 {a}에 수직인 두 직선 {b}, {c}[은/는] 서로 만나지 않습니다. 두 직선 {b}[과/와] {c}[은/는] 어떤 관계입니까?", "평행"),
            (
                f"세 직선 {a}, {b}, {c}[이/가] 서로 평행합니다. {a}[과/와] {b} 사이의 거리가 {gap1} cm, {b}[과/와] {c} 사이의 거리가 {gap2} cm일 때 {a}[과/와] {c} 사이의 거리는 몇 cm입니까? ({b}[은/는] 가운데에 있습니다.)",
                f"{gap1 + gap2} cm",
            ),
            (f"직선 {a}에 대한 수선을 {b}라고 할 때 {a}[과/와] {b}[이/가] 이루는 각은 몇 도입니까?", "90°"),
        ),
        answer="수직",
        why="두 직선이 수직인지 평행인지, 그 관계를 묻는다.",
        steps="직각으로 만나면 수직, 만나지 않으면 평행",
        difficulty=2,
    )


@family("4수03-04", "moving-shapes", "뒤집기", "돌리기", "밀기")
def moving_shapes(d: Draw) -> Draft:
    letter = d.pick(list("ㄱㄴㄹㅋFGPR"))  # no mirror leaves them as they are
    turn = d.pick(["시계 방향으로 90°", "시계 방향으로 270°", "시계 반대 방향으로 90°", "시계 반대 방향으로 270°"])
    side = d.pick(["오른쪽", "왼쪽", "위쪽", "아래쪽"])
    twice = d.pick([2, 4, 6])
    cm = d.whole(3, 9)
    return Draft(
        texts=(
            (
                f"글자 {letter}[을/를] {side}으로 뒤집은 모양을 설명하시오.",
                "왼쪽과 오른쪽이 바뀐다" if side in ("오른쪽", "왼쪽") else "위쪽과 아래쪽이 바뀐다",
            ),
            (f"어떤 도형을 {side}으로 {twice}번 뒤집으면 처음 도형과 어떻게 됩니까?", "같다"),
            (
                f"도형을 {turn}만큼 돌렸습니다. 처음 모양으로 되돌리려면 같은 만큼 어느 쪽으로 돌려야 합니까?",
                "시계 반대 방향" if turn.startswith("시계 방향") else "시계 방향",
            ),
            (f"도형 {letter}[을/를] {side}으로 {cm} cm 밀었을 때 모양과 크기는 어떻게 됩니까?", "변하지 않는다"),
        ),
        answer="",
        why="도형을 밀거나 뒤집거나 돌렸을 때의 변화를 생각한다.",
        steps="밀면 위치만, 뒤집거나 돌리면 방향이 바뀐다",
        difficulty=2,
    )


@family("4수03-06", "radius", "반지름", "지름", "원의 중심")
def radius_and_diameter(d: Draw) -> Draft:
    r, n = d.whole(2, 15), d.whole(2, 5)
    return Draft(
        texts=(
            f"반지름이 {r} cm인 원의 지름은 몇 cm입니까?",
            (f"지름이 {2 * r} cm인 원의 반지름은 몇 cm입니까?", f"{r} cm"),
            (
                f"크기가 같은 원 {n}개를 한 줄로 맞닿게 그렸습니다. 원의 반지름이 {r} cm일 때 전체 길이는 몇 cm인지 구하시오.",
                f"{2 * r * n} cm",
            ),
            (f"원의 중심에서 원 위의 한 점까지 이은 선분의 길이가 {r} cm입니다. 이 원에서 가장 긴 선분의 길이를 구하시오.", f"{2 * r} cm"),
        ),
        answer=f"{2 * r} cm",
        why="원의 중심, 반지름, 지름 사이의 관계를 이용한다.",
        steps=f"지름은 반지름의 2배이므로 {r}×2={2 * r}",
        difficulty=2,
    )


@family("4수03-08", "isosceles", "이등변삼각형", "정삼각형")
def isosceles(d: Draw) -> Draft:
    a, b = d.whole(5, 15), d.whole(3, 9)
    angle = d.whole(20, 80)
    return Draft(
        texts=(
            f"길이가 같은 두 변이 각각 {a} cm이고 나머지 한 변이 {b} cm인 이등변삼각형의 세 변의 길이의 합은 몇 cm입니까?",
            (f"이등변삼각형에서 크기가 같은 두 각 중 하나가 {angle}°입니다. 다른 하나의 크기는 몇 도입니까?", f"{angle}°"),
            (f"세 변의 길이의 합이 {3 * a} cm인 정삼각형의 한 변의 길이를 구하시오.", f"{a} cm"),
            (f"정삼각형 모양의 표지판에서 한 변이 {a} cm일 때 나머지 두 변의 길이와 한 각의 크기를 쓰시오.", f"{a} cm, {a} cm, 60°"),
        ),
        answer=f"{2 * a + b} cm",
        why="두 변이나 세 변의 길이가 같은 이등변삼각형과 정삼각형의 성질을 이용한다.",
        steps=f"{a}+{a}+{b}={2 * a + b}",
        difficulty=3,
    )


@family("4수03-09", "triangle-kinds", "예각삼각형", "둔각삼각형", "직각삼각형")
def triangle_kinds(d: Draw) -> Draft:
    kind = d.pick(["예각삼각형", "둔각삼각형", "직각삼각형"])
    if kind == "직각삼각형":
        a, b = 90, d.whole(20, 70)
    elif kind == "둔각삼각형":
        a, b = d.whole(95, 130), d.whole(15, 45)
    else:
        a, b = d.whole(50, 85), d.whole(50, 85)
    c = 180 - a - b
    shown = d.shuffled([a, b, c])
    return Draft(
        texts=(
            f"세 각의 크기가 {shown[0]}°, {shown[1]}°, {shown[2]}°인 삼각형은 예각삼각형, 직각삼각형, 둔각삼각형 중 무엇입니까?",
            f"두 각이 {shown[0]}°, {shown[1]}°이고 나머지 각이 {shown[2]}°인 삼각형을 각의 크기에 따라 분류하시오.",
            f"각의 크기에 따라 삼각형을 분류할 때, 세 각이 {listed(f'{x}°' for x in shown)}인 삼각형의 이름은 무엇입니까?",
        ),
        answer=kind,
        why="각의 크기에 따라 예각삼각형, 직각삼각형, 둔각삼각형으로 분류한다.",
        steps=f"가장 큰 각이 {max(shown)}°이므로 {kind}",
        difficulty=3,
    )


@family("4수03-10", "quadrilaterals", "평행사변형", "마름모", "사다리꼴")
def quadrilaterals(d: Draw) -> Draft:
    a, b = d.whole(4, 14), d.whole(15, 22)
    angle = d.whole(50, 85)
    name, feature = d.pick(
        [
            ("마름모", "네 변의 길이가 모두 같은"),
            ("평행사변형", "마주 보는 두 쌍의 변이 서로 평행한"),
            ("사다리꼴", "평행한 변이 한 쌍이라도 있는"),
            ("정사각형", "네 변의 길이와 네 각의 크기가 모두 같은"),
            ("직사각형", "네 각이 모두 직각인"),
        ]
    )
    return Draft(
        texts=(
            f"{feature} 사각형을 무엇이라고 합니까?",
            (f"평행사변형에서 한 각의 크기가 {angle}°일 때 이웃한 각의 크기를 구하시오.", f"{180 - angle}°"),
            (f"이웃한 두 변이 {a} cm, {b} cm인 평행사변형에서 {a} cm인 변과 마주 보는 변의 길이는 몇 cm입니까?", f"{a} cm"),
            (f"한 변이 {a} cm인 마름모의 나머지 세 변의 길이의 합은 몇 cm입니까?", f"{3 * a} cm"),
        ),
        answer=name,
        why="변과 각의 성질에 따라 사다리꼴, 평행사변형, 마름모 같은 사각형을 구별한다.",
        steps=f"{feature} 사각형은 {name}",
        difficulty=3,
    )


@family("4수03-11", "regular-polygon", "다각형", "정다각형", "대각선")
def regular_polygon(d: Draw) -> Draft:
    n, a = d.whole(5, 10), d.whole(3, 12)
    return Draft(
        texts=(
            f"변이 {n}개이고 선분으로만 둘러싸인 도형의 이름은 무엇입니까?",
            (f"한 변의 길이가 {a} cm인 정{polygon(n)}의 모든 변의 길이의 합을 구하시오.", f"{n * a} cm"),
            (f"변의 길이와 각의 크기가 모두 같은 다각형이 있습니다. 변이 {n}개라면 이 정다각형의 이름을 쓰시오.", f"정{polygon(n)}"),
            (f"{polygon(min(n, 6))}에 그을 수 있는 대각선은 모두 몇 개입니까?", f"{min(n, 6) * (min(n, 6) - 3) // 2}개"),
        ),
        answer=polygon(n),
        why="변의 수로 이름을 붙인 다각형과 정다각형을 이해한다.",
        steps=f"변이 {n}개이면 {polygon(n)}",
        difficulty=2,
    )


@family("4수03-24", "measuring-angles", "각도", "각도기", "각도의 합")
def measuring_angles(d: Draw) -> Draft:
    a = d.whole(25, 95)
    b = d.whole(20, 80, avoid=(a,))
    n = d.pick([2, 3, 5, 6])
    return Draft(
        texts=(
            f"두 각도 {a}°와 {b}°의 합을 구하시오.",
            (
                f"각도기의 밑금에 각의 한 변을 맞추었더니 다른 변이 {a}°를 가리켰습니다. 이 각을 {b}°만큼 더 벌리면 몇 도가 됩니까?",
                f"{a + b}°",
            ),
            (f"직각을 똑같이 {n}[으로/로] 나눈 각 하나의 각도는 몇 도입니까?", f"{90 // n}°"),
            (f"각도기로 잰 두 각이 {a}°와 {b}°입니다. 두 각도의 차는 몇 도입니까?", f"{abs(a - b)}°"),
        ),
        answer=f"{a + b}°",
        why="각도기로 재는 각도의 단위 1도와 각도의 합과 차를 다룬다.",
        steps=f"{a}+{b}={a + b}",
        difficulty=2,
    )


@family("4수03-25", "angle-sums", "내각의 합", "삼각형", "사각형")
def angle_sums(d: Draw) -> Draft:
    a, b = d.whole(35, 85), d.whole(30, 80)
    p, q, r = d.whole(60, 100), d.whole(70, 110), d.whole(60, 95)
    return Draft(
        texts=(
            f"삼각형의 세 각 중 두 각이 {a}°와 {b}°입니다. 나머지 한 각의 크기를 구하시오.",
            (f"사각형의 네 각 중 세 각이 {p}°, {q}°, {r}°입니다. 나머지 한 각의 크기는 몇 도입니까?", f"{360 - p - q - r}°"),
            f"삼각형을 잘라 세 각을 한 점에 모으면 직선이 됩니다. 두 각이 {a}°, {b}°일 때 다른 한 각은 몇 도입니까?",
            (
                f"사각형을 두 개의 삼각형으로 나누어 네 각의 합을 알아보았습니다. 세 각의 합이 {p + q + r}°이면 남은 각은 몇 도입니까?",
                f"{360 - p - q - r}°",
            ),
        ),
        answer=f"{180 - a - b}°",
        why="삼각형의 세 각의 합은 180°, 사각형의 네 각의 합은 360°임을 이용한다.",
        steps=f"180-{a}-{b}={180 - a - b}",
        difficulty=3,
    )
