"""초등 3~4학년 도형과 측정: seconds, mm to km, mL and L, g to t."""

from __future__ import annotations

from prefopt.curricula.generator.drafting import Draft, Draw, family
from prefopt.curricula.generator.vocabulary import FAMILY, HEAVY, LIQUIDS, STRINGS


@family("4수03-13", "seconds", "초", "시각", "1분=60초")
def seconds(d: Draw) -> Draft:
    m, s = d.whole(1, 9), d.whole(1, 59)
    h, five = d.whole(1, 12), d.whole(0, 11)
    return Draft(
        texts=(
            f"{60 * m + s}초는 몇 분 몇 초입니까?",
            (f"{m}분 {s}초는 모두 몇 초입니까?", f"{60 * m + s}초"),
            (
                f"시계가 {h}시 {m * 5}분을 나타내고 초바늘이 숫자 {five or 12}[을/를] 가리킵니다. 몇 시 몇 분 몇 초입니까?",
                f"{h}시 {m * 5}분 {five * 5}초",
            ),
            (f"초바늘이 시계를 {m}바퀴 도는 데 걸리는 시간은 몇 초입니까?", f"{60 * m}초"),
        ),
        answer=f"{m}분 {s}초",
        why="1분이 60초임을 알고 초 단위까지 시각과 시간을 나타낸다.",
        steps=f"60초씩 {m}번과 {s}초",
        difficulty=2,
    )


@family("4수03-14", "time-sum", "시간의 덧셈", "시간의 뺄셈", "초")
def time_sum(d: Draw) -> Draft:
    h, m, s = d.whole(1, 8), d.whole(5, 30), d.whole(5, 25)
    dm, ds = d.whole(10, 28), d.whole(10, 30)
    who, activity = d.name(), d.pick(["달리기를 했", "책을 읽었", "노래를 들었", "청소를 했", "자전거를 탔", "산책을 했"])
    total = (m + dm) * 60 + s + ds
    end = f"{h}시 {total // 60}분 {total % 60}초"
    return Draft(
        texts=(
            f"{who}[은/는] {h}시 {m}분 {s}초부터 {dm}분 {ds}초 동안 {activity}습니다. 끝난 시각을 구하시오.",
            (f"{m}분 {s}초 + {dm}분 {ds}초를 계산하시오.", f"{total // 60}분 {total % 60}초"),
            (f"{who}[은/는] {h}시 {m}분 {s}초에 시작하여 {end}에 일을 마쳤습니다. 걸린 시간은 몇 분 몇 초입니까?", f"{dm}분 {ds}초"),
            (
                f"첫째 바퀴는 {m}분 {s}초, 둘째 바퀴는 {dm}분 {ds}초 걸렸습니다. 두 바퀴를 도는 데 걸린 시간은 모두 몇 분 몇 초입니까?",
                f"{total // 60}분 {total % 60}초",
            ),
        ),
        answer=end,
        why="초 단위까지의 시간을 더하거나 빼어 시각과 시간을 구한다.",
        steps=f"{m}분 {s}초+{dm}분 {ds}초={total // 60}분 {total % 60}초",
        difficulty=4,
    )


@family("4수03-16", "km-mm", "km", "mm", "단위 바꾸기")
def length_units(d: Draw) -> Draft:
    km, m = d.whole(1, 9), d.whole(50, 980)
    cm, mm = d.whole(2, 60), d.whole(1, 9)
    (a, b), thing = (d.place(), d.place()), d.word(STRINGS)
    return Draft(
        texts=(
            f"{1000 * km + m} m는 몇 km 몇 m입니까?",
            (f"{cm} cm {mm} mm는 몇 mm입니까?", f"{10 * cm + mm} mm"),
            (f"{a}에서 {b}까지의 거리는 {km} km {m} m입니다. 이 거리는 몇 m입니까?", f"{1000 * km + m} m"),
            (f"{thing}의 길이가 {10 * cm + mm} mm입니다. 몇 cm 몇 mm인지 쓰시오.", f"{cm} cm {mm} mm"),
        ),
        answer=f"{km} km {m} m",
        why="1 km는 1000 m, 1 cm는 10 mm라는 길이 단위 사이의 관계를 이용한다.",
        steps=f"1000 m가 {km}번이면 {km} km",
        difficulty=2,
    )


@family("4수03-18", "litre", "L", "mL", "단위 바꾸기")
def litre_units(d: Draw) -> Draft:
    litres, ml = d.whole(1, 9), d.whole(50, 950)
    liquid = d.word(LIQUIDS)
    return Draft(
        texts=(
            f"{1000 * litres + ml} mL는 몇 L 몇 mL입니까?",
            (f"{litres} L {ml} mL는 몇 mL입니까?", f"{1000 * litres + ml} mL"),
            f"{liquid}[이/가] {1000 * litres + ml} mL 있습니다. 이 들이를 '몇 L 몇 mL'로 나타내시오.",
            (f"주전자에 {liquid} {litres} L {ml} mL가 들어 있습니다. 이것은 모두 몇 mL입니까?", f"{1000 * litres + ml} mL"),
        ),
        answer=f"{litres} L {ml} mL",
        why="1 L가 1000 mL임을 이용하여 들이의 단위를 바꾼다.",
        steps=f"1000 mL가 {litres}번이면 {litres} L",
        difficulty=2,
    )


@family("4수03-19", "capacity-sum", "들이의 합", "들이의 차", "L와 mL")
def capacity_sum(d: Draw) -> Draft:
    a, b, c, e = d.whole(3, 7), d.whole(400, 650), d.whole(1, 2), d.whole(100, 340)
    liquid, who, other = d.word(LIQUIDS), d.name(), d.word(FAMILY)
    total, left = f"{a + c} L {b + e} mL", f"{a - c} L {b - e} mL"
    return Draft(
        texts=(
            f"{a} L {b} mL + {c} L {e} mL를 계산하시오.",
            (f"{liquid} {a} L {b} mL 중에서 {c} L {e} mL를 썼습니다. 남은 {liquid}[은/는] 몇 L 몇 mL입니까?", left),
            f"{who}[은/는] {liquid}[을/를] {a} L {b} mL, {other}[은/는] {c} L {e} mL 만들었습니다. 두 사람이 만든 양은 모두 몇 L 몇 mL입니까?",
            (f"들이가 {a} L {b} mL인 통과 {c} L {e} mL인 통이 있습니다. 두 통의 들이의 차를 구하시오.", left),
        ),
        answer=total,
        why="들이를 L는 L끼리, mL는 mL끼리 더하거나 뺀다.",
        steps=f"합은 {total}, 차는 {left}",
        difficulty=3,
    )


@family("4수03-21", "kilogram", "kg", "g", "단위 바꾸기")
def kilogram_units(d: Draw) -> Draft:
    kg, g = d.whole(1, 9), d.whole(50, 950)
    thing = d.word(HEAVY)
    return Draft(
        texts=(
            f"{1000 * kg + g} g은 몇 kg 몇 g입니까?",
            (f"{kg} kg {g} g은 몇 g입니까?", f"{1000 * kg + g} g"),
            f"{thing}의 무게를 재었더니 {1000 * kg + g} g이었습니다. '몇 kg 몇 g'으로 나타내시오.",
            (f"{thing} 한 자루의 무게는 {kg} kg {g} g입니다. 이 무게는 모두 몇 g입니까?", f"{1000 * kg + g} g"),
        ),
        answer=f"{kg} kg {g} g",
        why="1 kg이 1000 g임을 이용하여 무게의 단위를 바꾼다.",
        steps=f"1000 g이 {kg}번이면 {kg} kg",
        difficulty=2,
    )


@family("4수03-22", "tonne", "t", "kg", "무게 단위")
def tonne_units(d: Draw) -> Draft:
    t, n = d.whole(2, 9), d.whole(2, 9)
    animal, thing = d.pick(["말", "소", "젖소", "낙타", "물소"]), d.word(HEAVY)
    return Draft(
        texts=(
            f"{t} t은 몇 kg입니까?",
            (f"{1000 * t} kg은 몇 t입니까?", f"{t} t"),
            (f"무게가 500 kg인 {animal} {2 * n}마리의 무게는 모두 몇 t입니까?", f"{n} t"),
            (f"트럭에 {thing}[을/를] 100 kg씩 {10 * n}자루 실었습니다. 실은 무게는 몇 t인지 구하시오.", f"{n} t"),
            f"{thing} {t} t을 창고에 넣었습니다. 이 무게를 kg으로 나타내시오.",
        ),
        answer=f"{1000 * t} kg",
        why="무게의 단위 1 t이 1000 kg과 같다는 관계를 이용한다.",
        steps=f"1 t은 1000 kg이므로 {t} t은 {1000 * t} kg",
        difficulty=2,
    )


@family("4수03-23", "weight-sum", "무게의 합", "무게의 차", "kg과 g")
def weight_sum(d: Draw) -> Draft:
    a, b, c, e = d.whole(3, 8), d.whole(400, 650), d.whole(1, 2), d.whole(100, 340)
    thing, who, other = d.word(HEAVY), d.name(), d.word(FAMILY)
    total, left = f"{a + c} kg {b + e} g", f"{a - c} kg {b - e} g"
    return Draft(
        texts=(
            f"{a} kg {b} g + {c} kg {e} g을 계산하시오.",
            (f"{thing} {a} kg {b} g 가운데 {c} kg {e} g을 썼습니다. 남은 무게는 몇 kg 몇 g입니까?", left),
            f"{who}[은/는] {thing}[을/를] {a} kg {b} g, {other}[은/는] {c} kg {e} g 샀습니다. 두 사람이 산 무게를 더하면 몇 kg 몇 g입니까?",
            (f"{thing}[이/가] 담긴 바구니는 {a} kg {b} g이고 빈 바구니는 {c} kg {e} g입니다. {thing}만의 무게를 구하시오.", left),
        ),
        answer=total,
        why="무게를 kg은 kg끼리, g은 g끼리 더하거나 뺀다.",
        steps=f"합은 {total}, 차는 {left}",
        difficulty=3,
    )
