"""초등 5~6학년 도형과 측정: congruence, solids, perimeter, area, circles, surface and volume."""

from __future__ import annotations

from prefopt.curricula.generator.drafting import Draft, Draw, decimal, family
from prefopt.curricula.generator.formulas import polygon
from prefopt.curricula.generator.vocabulary import BOXES, FLAT, ROOMS


@family("6수03-01", "congruent", "합동", "대응변", "대응각")
def congruent(d: Draw) -> Draft:
    a, b, angle = d.whole(4, 15), d.whole(4, 15), d.whole(35, 110)
    n = d.pick([3, 4])
    p, q = ("ㄱㄴㄷ", "ㄹㅁㅂ") if n == 3 else ("ㄱㄴㄷㄹ", "ㅁㅂㅅㅇ")
    return Draft(
        texts=(
            f"서로 합동인 {polygon(n)} {p}[과/와] {q}[이/가] 있습니다. 변 {p[:2]}의 길이가 {a} cm일 때 대응변 {q[:2]}의 길이를 구하시오.",
            (f"합동인 두 {polygon(n)} {p}, {q}에서 각 {p[:3]}의 크기가 {angle}°입니다. 대응각 {q[:3]}의 크기는 몇 도입니까?", f"{angle}°"),
            (f"종이 두 장을 포개어 오렸더니 완전히 겹치는 {polygon(n)} 두 개가 생겼습니다. 이 두 도형의 관계를 무엇이라고 합니까?", "합동"),
            (
                f"합동인 두 직사각형이 있습니다. 한 직사각형의 가로가 {a} cm, 세로가 {b} cm이면 다른 직사각형의 둘레는 몇 cm입니까?",
                f"{2 * (a + b)} cm",
            ),
        ),
        answer=f"{a} cm",
        why="포개었을 때 완전히 겹치는 합동인 도형의 대응변과 대응각을 이용한다.",
        steps="합동인 도형은 대응변의 길이와 대응각의 크기가 같다",
        difficulty=3,
    )


@family("6수03-02", "symmetry", "선대칭도형", "점대칭도형", "대칭축")
def symmetry(d: Draw) -> Draft:
    shape, axes = d.pick(
        [("정삼각형", 3), ("정사각형", 4), ("직사각형", 2), ("정오각형", 5), ("정육각형", 6), ("마름모", 2), ("이등변삼각형", 1)]
    )
    a, angle = d.whole(3, 12), d.whole(40, 120)
    return Draft(
        texts=(
            f"선대칭도형인 {shape}의 대칭축은 모두 몇 개입니까?",
            (f"선대칭도형에서 대칭축을 중심으로 한쪽의 변의 길이가 {a} cm입니다. 이 변의 대응변의 길이는 몇 cm입니까?", f"{a} cm"),
            (
                f"점대칭도형에서 대칭의 중심과 한 점 사이의 거리가 {a} cm입니다. 이 점과 대응점을 이은 선분의 길이를 구하시오.",
                f"{2 * a} cm",
            ),
            (
                f"점대칭도형을 대칭의 중심을 중심으로 180° 돌리면 처음 도형과 겹칩니다. 한 각이 {angle}°일 때 대응각의 크기를 구하시오.",
                f"{angle}°",
            ),
        ),
        answer=f"{axes}개",
        why="대칭축이나 대칭의 중심을 이용하여 선대칭도형과 점대칭도형의 성질을 묻는다.",
        steps=f"{shape}의 대칭축은 {axes}개",
        difficulty=3,
    )


@family("6수03-03", "cuboid-parts", "직육면체", "모서리", "꼭짓점")
def cuboid_parts(d: Draw) -> Draft:
    a, b, c = d.whole(3, 12), d.whole(3, 12), d.whole(3, 12)
    part, count = d.pick([("면", 6), ("모서리", 12), ("꼭짓점", 8)])
    return Draft(
        texts=(
            f"직육면체에서 {part}의 수는 몇 개입니까?",
            (f"한 모서리의 길이가 {a} cm인 정육면체의 모든 모서리의 길이의 합을 구하시오.", f"{12 * a} cm"),
            (f"가로 {a} cm, 세로 {b} cm, 높이 {c} cm인 직육면체의 모든 모서리의 길이의 합은 몇 cm입니까?", f"{4 * (a + b + c)} cm"),
            ("직육면체에서 한 면과 수직으로 만나는 면은 모두 몇 개입니까?", "4개"),
            (f"정육면체의 모든 모서리의 길이의 합이 {12 * a} cm입니다. 한 모서리의 길이는 몇 cm입니까?", f"{a} cm"),
        ),
        answer=f"{count}개",
        why="직육면체와 정육면체의 면, 모서리, 꼭짓점의 성질을 이용한다.",
        steps=f"직육면체의 {part}[은/는] {count}개",
        difficulty=2,
    )


@family("6수03-05", "prism-pyramid", "각기둥", "각뿔", "밑면")
def prism_and_pyramid(d: Draw) -> Draft:
    n = d.whole(3, 10)
    kind = d.pick(["각기둥", "각뿔"])
    name = polygon(n).replace("각형", kind)
    counts = {"각기둥": {"면": n + 2, "모서리": 3 * n, "꼭짓점": 2 * n}, "각뿔": {"면": n + 1, "모서리": 2 * n, "꼭짓점": n + 1}}[kind]
    part = d.pick(list(counts))
    return Draft(
        texts=(
            f"{name}의 {part}의 수를 구하시오.",
            (f"밑면의 모양이 {polygon(n)}인 {kind}의 이름을 쓰시오.", name),
            (f"모서리가 {counts['모서리']}개인 {kind}의 이름은 무엇입니까?", name),
            (f"{name}의 면, 모서리, 꼭짓점의 수의 합은 몇 개입니까?", f"{sum(counts.values())}개"),
        ),
        answer=f"{counts[part]}개",
        why=f"{kind}의 밑면의 모양과 면, 모서리, 꼭짓점의 수를 알아본다.",
        steps=f"{name}의 {part}[은/는] {counts[part]}개",
        difficulty=3,
    )


@family("6수03-07", "round-solids", "원기둥", "원뿔", "구")
def round_solids(d: Draw) -> Draft:
    solid, feature = d.pick(
        [
            ("원기둥", "두 밑면이 서로 평행하고 합동인 원으로 된"),
            ("원뿔", "밑면이 원이고 옆면이 굽은 면이며 뾰족한 꼭짓점이 있는"),
            ("구", "어느 방향에서 보아도 원으로 보이는"),
        ]
    )
    r, h = d.whole(2, 12), d.whole(4, 18)
    return Draft(
        texts=(
            f"{feature} 입체도형의 이름을 쓰시오.",
            (
                f"가로가 {r} cm, 세로가 {h} cm인 직사각형을 세로를 기준으로 한 바퀴 돌려 만든 원기둥의 밑면의 지름은 몇 cm입니까?",
                f"{2 * r} cm",
            ),
            (f"지름이 {2 * r} cm인 반원을 지름을 기준으로 한 바퀴 돌려 구를 만들었습니다. 이 구의 반지름을 구하시오.", f"{r} cm"),
            f"원기둥, 원뿔, 구 중에서 {feature} 도형은 무엇입니까?",
        ),
        answer=solid,
        why="원기둥, 원뿔, 구의 구성 요소와 성질을 묻는다.",
        steps=f"{feature} 것은 {solid}",
        difficulty=2,
    )


@family("6수03-09", "unit-cubes", "쌓기나무", "개수", "층")
def unit_cubes(d: Draw) -> Draft:
    a, b, c = d.whole(4, 12), d.whole(2, 8), d.whole(1, 5)
    p, q, r = d.whole(2, 5), d.whole(2, 5), d.whole(2, 4)
    return Draft(
        texts=(
            f"쌓기나무를 1층에 {a}개, 2층에 {b}개, 3층에 {c}개 쌓았습니다. 사용한 쌓기나무는 모두 몇 개입니까?",
            (f"쌓기나무를 가로 {p}개, 세로 {q}개씩 {r}층으로 빈틈없이 쌓았습니다. 쌓기나무는 몇 개 필요합니까?", f"{p * q * r}개"),
            (
                f"위에서 본 모양에 쌓은 수를 쓰면 {a % 3 + 1}, {b % 3 + 1}, {c % 3 + 1}입니다. 똑같은 모양으로 쌓는 데 필요한 쌓기나무의 수를 구하시오.",
                f"{a % 3 + b % 3 + c % 3 + 3}개",
            ),
        ),
        answer=f"{a + b + c}개",
        why="쌓기나무로 만든 모양에서 층별로 세어 개수를 구한다.",
        steps=f"{a}+{b}+{c}={a + b + c}",
        difficulty=3,
    )


@family("6수03-11", "perimeter", "둘레", "변의 길이")
def perimeter(d: Draw) -> Draft:
    a, b, n = d.whole(4, 25), d.whole(4, 25), d.whole(5, 8)
    thing = d.word(FLAT)
    return Draft(
        texts=(
            f"가로가 {a} cm, 세로가 {b} cm인 직사각형의 둘레를 구하시오.",
            (f"한 변의 길이가 {a} cm인 정{polygon(n)}의 둘레는 몇 cm입니까?", f"{a * n} cm"),
            f"가로 {a} cm, 세로 {b} cm인 직사각형 모양 {thing}의 가장자리를 따라 끈을 한 바퀴 두르려고 합니다. 필요한 끈의 길이는 몇 cm입니까?",
            (f"둘레가 {4 * a} cm인 마름모의 한 변의 길이를 구하시오.", f"{a} cm"),
        ),
        answer=f"{2 * (a + b)} cm",
        why="도형의 가장자리 길이인 둘레를 구한다.",
        steps=f"({a}+{b})×2={2 * (a + b)}",
        difficulty=2,
    )


@family("6수03-12", "area-units", "넓이 단위", "cm²", "m²")
def area_units(d: Draw) -> Draft:
    n = d.whole(2, 30)
    place = d.word(ROOMS)
    km = d.whole(2, 9)
    return Draft(
        texts=(
            f"{n} m²는 몇 cm²입니까?",
            (f"{n * 10_000} cm²는 몇 m²입니까?", f"{n} m²"),
            (f"{km} km²는 몇 m²인지 쓰시오.", f"{km * 1_000_000} m²"),
            f"{place}의 넓이는 {n} m²입니다. 이 넓이를 cm²로 나타내시오.",
            (f"어느 마을의 넓이는 {km * 1_000_000} m²입니다. 몇 km²입니까?", f"{km} km²"),
        ),
        answer=f"{n * 10_000} cm²",
        why="1 m²가 10000 cm², 1 km²가 1000000 m²라는 넓이 단위의 관계를 이용한다.",
        steps=f"{n}×10000={n * 10_000}",
        difficulty=3,
    )


@family("6수03-13", "rectangle-area", "직사각형", "정사각형", "넓이")
def rectangle_area(d: Draw) -> Draft:
    a, b = d.whole(4, 28), d.whole(4, 28)
    thing, place = d.word(FLAT), d.word(ROOMS)
    return Draft(
        texts=(
            f"가로가 {a} cm, 세로가 {b} cm인 직사각형의 넓이를 구하시오.",
            (f"한 변의 길이가 {a} cm인 정사각형 모양 {thing}의 넓이는 몇 cm²입니까?", f"{a * a} cm²"),
            (f"가로 {a} m, 세로 {b} m인 직사각형 모양의 {place}[이/가] 있습니다. 넓이는 몇 m²인지 구하시오.", f"{a * b} m²"),
            (f"넓이가 {a * b} cm²인 직사각형의 가로가 {a} cm일 때 세로는 몇 cm입니까?", f"{b} cm"),
        ),
        answer=f"{a * b} cm²",
        why="가로와 세로를 곱하여 직사각형이나 정사각형의 넓이를 구한다.",
        steps=f"{a}×{b}={a * b}",
        difficulty=2,
    )


@family("6수03-14", "other-areas", "삼각형의 넓이", "사다리꼴", "평행사변형")
def other_areas(d: Draw) -> Draft:
    (a, b), h = d.wholes(2, 4, 18), 2 * d.whole(2, 9)
    shape, text, area = d.pick(
        [
            ("삼각형", f"밑변의 길이가 {a} cm, 높이가 {h} cm인 삼각형", a * h // 2),
            ("평행사변형", f"밑변의 길이가 {a} cm, 높이가 {h} cm인 평행사변형", a * h),
            ("사다리꼴", f"윗변이 {a} cm, 아랫변이 {b} cm, 높이가 {h} cm인 사다리꼴", (a + b) * h // 2),
            ("마름모", f"두 대각선의 길이가 {a} cm, {h} cm인 마름모", a * h // 2),
        ]
    )
    thing = d.word(FLAT)
    return Draft(
        texts=(
            f"{text}의 넓이를 구하시오.",
            f"{text} 모양의 {thing}[이/가] 있습니다. 넓이는 몇 cm²입니까?",
            (f"넓이가 {a * h // 2} cm²이고 높이가 {h} cm인 삼각형의 밑변의 길이를 구하시오.", f"{a} cm"),
            (f"밑변이 {a} cm이고 넓이가 {a * h} cm²인 평행사변형의 높이는 몇 cm입니까?", f"{h} cm"),
        ),
        answer=f"{area} cm²",
        why=f"{shape}처럼 직사각형이 아닌 도형의 넓이를 구하는 방법을 이용한다.",
        steps=f"{shape}의 넓이는 {area}",
        difficulty=3,
    )


@family("6수03-15", "pi", "원주율", "원주", "지름")
def pi_ratio(d: Draw) -> Draft:
    r = d.whole(2, 25)
    around = decimal(2 * r * 314, 2)
    thing = d.pick(["접시", "바퀴", "시계", "피자", "훌라후프", "탁자", "쟁반"])
    return Draft(
        texts=(
            (
                f"지름이 {2 * r} cm인 {thing}의 둘레를 재었더니 약 {around} cm였습니다. (원주)÷(지름)의 값을 반올림하여 소수 둘째 자리까지 나타내시오.",
                "3.14",
            ),
            f"여러 가지 원 모양 물건의 원주와 지름을 재어 보았습니다. {thing}의 지름이 {2 * r} cm이고 원주가 {around} cm일 때 원주율을 구하시오.",
            f"{thing}의 지름은 {2 * r} cm, 원주는 {around} cm입니다. 원주는 지름의 몇 배인지 구하고, 지름이 커지면 이 값이 어떻게 되는지 쓰시오.",
        ),
        answer="3.14",
        why="원주를 지름으로 나눈 값인 원주율이 일정함을 알아본다.",
        steps=f"{around}÷{2 * r}=3.14",
        difficulty=3,
    )


@family("6수03-16", "circle-area", "원의 넓이", "원주", "원주율")
def circle_area(d: Draw) -> Draft:
    r = d.whole(2, 20)
    pi, name = d.pick([(300, "3"), (310, "3.1"), (314, "3.14")])
    thing, place = d.pick(["접시", "시계", "피자", "탁자", "쟁반"]), d.pick(["연못", "꽃밭", "광장", "분수대", "운동장"])
    return Draft(
        texts=(
            f"반지름이 {r} cm인 원의 넓이를 구하시오. (원주율: {name})",
            (f"지름이 {2 * r} cm인 원의 원주는 몇 cm입니까? (원주율: {name})", f"{decimal(2 * r * pi, 2)} cm"),
            (
                f"반지름이 {r} m인 원 모양 {place}의 둘레를 따라 한 바퀴 걸었습니다. 걸은 거리는 몇 m입니까? (원주율: {name})",
                f"{decimal(2 * r * pi, 2)} m",
            ),
            f"원 모양 {thing}의 반지름이 {r} cm입니다. 이 {thing}의 넓이는 몇 cm²입니까? (원주율: {name})",
        ),
        answer=f"{decimal(r * r * pi, 2)} cm²",
        why="원주율을 이용하여 원주와 원의 넓이를 구한다.",
        steps=f"{r}×{r}×{name}={decimal(r * r * pi, 2)}",
        difficulty=3,
    )


@family("6수03-17", "surface", "겉넓이", "직육면체", "정육면체")
def surface(d: Draw) -> Draft:
    a, b, c = d.whole(2, 12), d.whole(2, 12), d.whole(2, 12)
    thing = d.word(BOXES)
    return Draft(
        texts=(
            f"가로 {a} cm, 세로 {b} cm, 높이 {c} cm인 직육면체의 겉넓이를 구하시오.",
            (f"한 모서리의 길이가 {a} cm인 정육면체의 겉넓이는 몇 cm²입니까?", f"{6 * a * a} cm²"),
            f"가로 {a} cm, 세로 {b} cm, 높이 {c} cm인 직육면체 모양 {thing}의 모든 면에 색종이를 붙이려고 합니다. 필요한 색종이의 넓이는 적어도 몇 cm²입니까?",
            (f"겉넓이가 {6 * a * a} cm²인 정육면체의 한 면의 넓이를 구하시오.", f"{a * a} cm²"),
        ),
        answer=f"{2 * (a * b + b * c + a * c)} cm²",
        why="직육면체나 정육면체의 여섯 면의 넓이를 더하여 겉넓이를 구한다.",
        steps=f"({a * b}+{b * c}+{a * c})×2={2 * (a * b + b * c + a * c)}",
        difficulty=4,
    )


@family("6수03-18", "volume-units", "부피 단위", "cm³", "m³")
def volume_units(d: Draw) -> Draft:
    n, thing = d.whole(2, 30), d.pick(["창고", "컨테이너", "물탱크", "수영장", "화물칸"])
    return Draft(
        texts=(
            f"{n} m³는 몇 cm³입니까?",
            (f"{n * 1_000_000} cm³는 몇 m³입니까?", f"{n} m³"),
            f"{thing}의 부피는 {n} m³입니다. 이 부피를 cm³로 나타내시오.",
            (f"한 모서리가 1 m인 정육면체 {n}개의 부피는 몇 cm³인지 1 m³와 1 cm³의 관계를 이용하여 구하시오.", f"{n * 1_000_000} cm³"),
        ),
        answer=f"{n * 1_000_000} cm³",
        why="1 m³가 1000000 cm³라는 부피 단위의 관계를 이용한다.",
        steps=f"{n}×1000000={n * 1_000_000}",
        difficulty=3,
    )


@family("6수03-19", "cuboid-volume", "부피", "직육면체", "정육면체")
def cuboid_volume(d: Draw) -> Draft:
    a, b, c = d.whole(2, 14), d.whole(2, 14), d.whole(2, 14)
    thing = d.pick(["수조", "물통", "상자", "어항", "그릇", "보관함"])
    return Draft(
        texts=(
            f"가로 {a} cm, 세로 {b} cm, 높이 {c} cm인 직육면체의 부피를 구하시오.",
            (f"한 모서리의 길이가 {a} cm인 정육면체의 부피는 몇 cm³입니까?", f"{a**3} cm³"),
            f"안치수가 가로 {a} cm, 세로 {b} cm, 높이 {c} cm인 직육면체 모양 {thing}에 가득 들어가는 물의 부피는 몇 cm³입니까?",
            (f"부피가 {a * b * c} cm³이고 밑면의 넓이가 {a * b} cm²인 직육면체의 높이를 구하시오.", f"{c} cm"),
        ),
        answer=f"{a * b * c} cm³",
        why="가로, 세로, 높이를 곱하여 직육면체나 정육면체의 부피를 구한다.",
        steps=f"{a}×{b}×{c}={a * b * c}",
        difficulty=3,
    )
