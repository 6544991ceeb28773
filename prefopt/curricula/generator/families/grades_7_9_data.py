"""중학교 자료와 가능성: averages, frequencies, counting, probability, spread."""

from __future__ import annotations

from math import comb, factorial

from prefopt.curricula.generator.drafting import Draft, Draw, decimal, family, listed, reduced
from prefopt.curricula.generator.vocabulary import CLUBS, COLORS, SPORTS


@family("9수04-01", "median-mode", "중앙값", "최빈값", "대푯값")
def median_and_mode(d: Draw) -> Draft:
    values = d.wholes(5, 3, 40)
    median = sorted(values)[2]
    mode = d.pick(values)
    more = d.shuffled([*values, mode, mode])
    unit = d.pick(["점", "회", "분", "권", "시간"])
    return Draft(
        texts=(
            f"자료 {listed(d.shuffled(values))}의 중앙값을 구하시오.",
            (f"자료 {listed(more)}의 최빈값을 구하시오.", f"{mode}"),
            f"학생 5명의 기록이 {listed(f'{v}{unit}' for v in values)}입니다. 기록의 중앙값은 얼마입니까?",
            (
                f"자료 {listed(sorted(values)[:4])}, {max(values) * 20}처럼 매우 큰 값이 있을 때 평균과 중앙값 중 대푯값으로 더 알맞은 것은 무엇입니까?",
                "중앙값",
            ),
        ),
        answer=f"{median}",
        why="중앙값이나 최빈값과 같은 대푯값을 구하고 알맞은 대푯값을 고른다.",
        steps=f"크기순으로 놓으면 가운데 값은 {median}",
        difficulty=2,
    )


@family("9수04-02", "frequency-table", "도수분포표", "계급", "히스토그램")
def frequency_table(d: Draw) -> Draft:
    a, b, c = d.whole(3, 9), d.whole(6, 12), d.whole(2, 8)
    what, low, size = d.pick(
        [
            ("통학 시간", 0, 10),
            ("독서 시간", 10, 20),
            ("키", 140, 5),
            ("몸무게", 40, 5),
            ("수학 점수", 40, 20),
            ("줄넘기 횟수", 20, 10),
        ]
    )
    n = a + b + c
    rows = [f"{low + i * size} 이상 {low + (i + 1) * size} 미만" for i in range(3)]
    chart = d.pick(["도수분포표", "히스토그램"])
    stem = d.whole(2, 8)
    leaves = sorted(d.wholes(4, 0, 9))
    return Draft(
        texts=(
            f"{what}[을/를] 조사한 {chart}에서 계급 {rows[0]}의 도수가 {a}, {rows[1]}의 도수가 {b}, {rows[2]}의 도수가 {c}입니다. 도수의 총합을 구하시오.",
            (
                f"학생 {n}명의 {what}[을/를] 나타낸 도수분포표에서 {rows[0]} {a}명, {rows[1]} A명, {rows[2]} {c}명입니다. A의 값을 구하시오.",
                f"{b}",
            ),
            (f"계급이 {rows[0]}, {rows[1]}, {rows[2]}인 {chart}의 계급의 크기를 구하시오.", f"{size}"),
            (
                f"줄기와 잎 그림에서 줄기 {stem}에 잎이 {listed(leaves)}일 때 이 줄기에 속하는 변량 중 가장 큰 값을 구하시오.",
                f"{10 * stem + leaves[-1]}",
            ),
        ),
        answer=f"{n}",
        why="자료를 계급으로 나눈 도수분포표, 히스토그램, 줄기와 잎 그림을 읽는다.",
        steps=f"{a}+{b}+{c}={n}",
        difficulty=2,
    )


@family("9수04-03", "relative-frequency", "상대도수", "도수", "총합")
def relative_frequency(d: Draw) -> Draft:
    n = d.pick([20, 25, 40, 50, 100])
    a = d.whole(2, n // 2)
    share = decimal(a * 1000 // n, 3)
    low, size = d.pick([10, 20, 40]), d.pick([5, 10])
    row = f"{low} 이상 {low + size} 미만"
    other = d.pick([k for k in (20, 30, 40, 60) if k != n])
    return Draft(
        texts=(
            f"전체 도수가 {n}이고 계급 {row}의 도수가 {a}일 때 이 계급의 상대도수를 구하시오.",
            (f"도수의 총합이 {n}인 자료에서 상대도수가 {share}인 계급의 도수를 구하시오.", f"{a}"),
            (f"어떤 계급의 도수가 {a}이고 상대도수가 {share}일 때 도수의 총합을 구하시오.", f"{n}"),
            (
                f"전체 학생 수가 {n}명인 A 반과 {other}명인 B 반의 분포를 비교하려고 합니다. 도수와 상대도수 중 어느 것을 쓰는 것이 알맞습니까?",
                "상대도수",
            ),
        ),
        answer=share,
        why="각 계급의 도수를 전체 도수로 나눈 상대도수를 구하거나 이용한다.",
        steps=f"{a}÷{n}={share}",
        difficulty=3,
    )


@family("9수04-05", "counting", "경우의 수", "순서", "합과 곱")
def counting(d: Draw) -> Draft:
    a, b, n = d.whole(2, 8), d.whole(2, 8), d.whole(3, 7)
    total = d.whole(2, 12)
    ways = sum(1 for i in range(1, 7) for j in range(1, 7) if i + j == total)
    sport = d.pick(SPORTS)
    return Draft(
        texts=(
            f"서로 다른 티셔츠 {a}벌과 바지 {b}벌이 있습니다. 티셔츠와 바지를 각각 하나씩 골라 입는 경우의 수를 구하시오.",
            (f"{n}명의 학생을 한 줄로 세우는 경우의 수를 구하시오.", f"{factorial(n)}"),
            (f"서로 다른 두 개의 주사위를 동시에 던질 때 나오는 두 눈의 수의 합이 {total}인 경우의 수를 구하시오.", f"{ways}"),
            (f"{sport} 모임의 회원 {n + 2}명 중에서 대표 2명을 뽑는 경우의 수를 구하시오.", f"{comb(n + 2, 2)}"),
            (
                f"집에서 도서관까지 가는 버스 노선이 {a}가지, 지하철 노선이 {b}가지입니다. 버스나 지하철로 가는 경우의 수를 구하시오.",
                f"{a + b}",
            ),
        ),
        answer=f"{a * b}",
        why="어떤 일이 일어날 수 있는 모든 가짓수인 경우의 수를 센다.",
        steps=f"{a}×{b}={a * b}",
        difficulty=3,
    )


@family("9수04-06", "probability", "확률", "경우의 수", "여사건")
def probability(d: Draw) -> Draft:
    c1, c2 = d.some(COLORS, 2)
    a, b = d.whole(2, 9), d.whole(2, 9)
    total = d.whole(2, 12)
    ways = sum(1 for i in range(1, 7) for j in range(1, 7) if i + j == total)
    n = d.whole(2, 4)
    k = d.whole(2, 9)
    return Draft(
        texts=(
            f"{c1} 공 {a}개와 {c2} 공 {b}개가 들어 있는 주머니에서 공 한 개를 꺼낼 때 {c1} 공일 확률을 구하시오.",
            (f"서로 다른 두 개의 주사위를 동시에 던질 때 두 눈의 수의 합이 {total}일 확률을 구하시오.", reduced(ways, 36)),
            (f"동전 {n}개를 동시에 던질 때 적어도 한 개는 앞면이 나올 확률을 구하시오.", reduced(2**n - 1, 2**n)),
            (f"1부터 {10 * k}까지의 수가 적힌 카드에서 한 장을 뽑을 때 {k}의 배수가 나올 확률을 구하시오.", "1/" + str(k)),
            (f"당첨될 확률이 {a}/{a + b}일 때 당첨되지 않을 확률을 구하시오.", reduced(b, a + b)),
        ),
        answer=reduced(a, a + b),
        why="일어날 수 있는 모든 경우에 대한 비율로 사건이 일어날 확률을 구한다.",
        steps=f"전체 {a + b} 중 {a}",
        difficulty=3,
    )


@family("9수04-07", "variance", "분산", "표준편차", "편차")
def variance(d: Draw) -> Draft:
    m, s = d.whole(15, 60), d.whole(1, 6)
    values = [m - 2 * s, m - s, m, m + s, m + 2 * s]
    x = d.whole(-6, 6, (0,))
    y = d.whole(-5, 5, (0,))
    one, two = d.whole(2, 6), d.whole(7, 12)
    return Draft(
        texts=(
            f"자료 {listed(d.shuffled(values))}의 분산을 구하시오.",
            (f"자료 {listed(values)}의 표준편차를 구하시오.", "√2" if s == 1 else f"{s}√2"),
            (f"네 학생의 점수의 편차가 {x}점, {y}점, {-x}점, a점일 때 a의 값을 구하시오.", f"{-y}"),
            (
                f"A 반의 수학 점수의 표준편차는 {one}점, B 반은 {two}점이고 평균은 {m + 20}점으로 같습니다. 점수가 더 고르게 분포된 반은 어느 반입니까?",
                "A 반",
            ),
        ),
        answer=f"{2 * s * s}",
        why="자료가 평균에서 흩어진 정도를 나타내는 분산과 표준편차를 구하거나 해석한다.",
        steps=f"편차의 제곱의 평균은 {2 * s * s}",
        difficulty=4,
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
    n, club = d.whole(12, 30), d.pick(CLUBS)
    pupils = any(word in pair for word in ("키와", "공부", "시력"))
    data = f"{club} 학생 {n}명의 자료로" if pupils else f"조사한 자료 {n}쌍으로"
    return Draft(
        texts=(
            f"{pair} 사이의 산점도를 그릴 때 두 변량 사이에 어떤 상관관계가 있는지 말하시오.",
            f"{data} {pair}의 산점도를 그렸습니다. 두 변량의 상관관계를 쓰시오.",
            f"두 변량 '{pair}'에 대하여 {n}쌍의 자료를 산점도로 나타내면 양의 상관관계, 음의 상관관계, 상관관계가 없음 중 어느 것이 예상됩니까?",
        ),
        answer=relation,
        why="두 변량의 산점도를 보고 상관관계를 판단한다.",
        steps=f"{pair}[은/는] {relation}",
        difficulty=2,
    )
