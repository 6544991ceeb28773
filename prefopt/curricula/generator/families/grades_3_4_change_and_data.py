"""초등 3~4학년 변화와 관계, 자료와 가능성: rules, equality, graphs."""

from __future__ import annotations

from prefopt.curricula.generator.drafting import Draft, Draw, family, listed
from prefopt.curricula.generator.vocabulary import CLUBS, FRUITS


@family("4수02-01", "growing", "변화 규칙", "식", "배열")
def growing_pattern(d: Draw) -> Draft:
    first, step = d.whole(1, 6), d.whole(2, 5)
    terms = [first + i * step for i in range(12)]
    k = d.whole(6, 12)
    what = d.pick(["바둑돌", "성냥개비", "쌓기나무", "타일", "구슬", "색종이"])
    return Draft(
        texts=(
            f"{what}[을/를] 첫째에 {terms[0]}개, 둘째에 {terms[1]}개, 셋째에 {terms[2]}개 놓았습니다. 같은 규칙으로 놓을 때 {k}번째에 필요한 {what}의 수를 구하시오.",
            (
                f"{what}의 수가 {listed(terms[:4])}로 변합니다. 처음 수와 늘어나는 수를 넣어 변화 규칙을 쓰시오.",
                f"{first}에서 시작하여 {step}씩 더한다",
            ),
            f"모양의 배열에서 {what}[이/가] {listed(terms[:4])}개로 바뀝니다. 변화 규칙을 찾아 {k}번째의 수를 구하시오.",
        ),
        answer=f"{terms[k - 1]}개",
        why=f"{what}의 수가 {step}개씩 늘어나는 변화 규칙을 찾아 수나 식으로 나타낸다.",
        steps=f"{first}+{step}×{k - 1}={terms[k - 1]}",
        difficulty=3,
    )


@family("4수02-02", "equations-row", "계산식의 배열", "규칙", "추측")
def equations_row(d: Draw) -> Draft:
    a, b, step = d.whole(101, 300), d.whole(101, 300), d.pick([10, 100])
    k = d.whole(11, 99)
    lines = [f"{a + i * step}+{b}={a + i * step + b}" for i in range(3)]
    times = [f"{k}×{10**i}={k * 10**i}" for i in range(1, 4)]
    return Draft(
        texts=(
            f"계산식 {', '.join(lines)}의 규칙에 따라 다음에 올 계산식을 쓰시오.",
            (f"{', '.join(times)}[과/와] 같은 계산식의 배열을 보고 다음 계산식의 결과를 추측하시오.", f"{k * 10_000}"),
            (f"덧셈식의 배열 {', '.join(lines)}에서 규칙을 찾아 넷째 식의 계산 결과를 예상하시오.", f"{a + 3 * step + b}"),
        ),
        answer=f"{a + 3 * step}+{b}={a + 3 * step + b}",
        why="계산식이 늘어놓인 배열에서 규칙을 찾아 다음 결과를 추측한다.",
        steps=f"더해지는 수가 {step}씩 커진다",
        difficulty=3,
    )


@family("4수02-03", "equal-sign", "등호", "같은 양", "식")
def equal_sign(d: Draw) -> Draft:
    a, b = d.whole(12, 49), d.whole(11, 38)
    k = d.whole(2, 9)
    c = a - k
    return Draft(
        texts=(
            f"{a}+{b}={c}+□가 옳은 식이 되도록 □에 알맞은 수를 쓰시오.",
            f"등호 양쪽의 크기가 같도록 □를 채우시오. {a}+{b}={c}+□",
            (f"{a}+{b}[과/와] 크기가 같은 것을 찾아 등호로 나타내시오. ㉠ {c}+{b + k} ㉡ {c}+{b}", f"{a}+{b}={c}+{b + k}"),
            f"저울의 왼쪽에 {a}g과 {b}g, 오른쪽에 {c}g과 □g의 추를 올렸더니 수평이 되었습니다. 두 양이 같음을 식으로 쓸 때 □에 알맞은 수는 얼마입니까?",
        ),
        answer=f"{b + k}",
        why="등호의 양쪽이 같은 양임을 이용하여 식을 완성한다.",
        steps=f"{a}[이/가] {c}[으로/로] {k} 작아졌으므로 {b}[은/는] {k} 커진다",
        difficulty=3,
    )


@family("4수04-01", "bar-graph", "막대그래프", "눈금", "그림그래프")
def bar_graph(d: Draw) -> Draft:
    f1, f2, f3 = d.some(FRUITS, 3)
    unit = d.pick([2, 5, 10])
    a, b, c = (unit * n for n in d.wholes(3, 2, 9))
    tens, ones = d.whole(2, 6), d.whole(1, 8)
    places = d.pick(["마을", "학교", "공원", "동네"])
    return Draft(
        texts=(
            (
                f"막대그래프의 세로 눈금 한 칸이 {unit}명을 나타냅니다. {f1}[을/를] 좋아하는 학생이 {a}명이면 막대를 몇 칸으로 그려야 합니까?",
                f"{a // unit}칸",
            ),
            f"막대그래프에서 {f1} {a}명, {f2} {b}명, {f3} {c}명입니다. 막대의 길이가 가장 긴 과일은 무엇입니까?",
            (
                f"{places}별 나무 수를 나타낸 그림그래프에서 큰 그림은 10그루, 작은 그림은 1그루입니다. 큰 그림 {tens}개와 작은 그림 {ones}개는 몇 그루를 나타냅니까?",
                f"{10 * tens + ones}그루",
            ),
            (
                f"눈금 한 칸이 {unit}상자인 막대그래프에서 {f1}의 막대는 {a // unit}칸, {f2}의 막대는 {b // unit}칸입니다. 두 과일의 차는 몇 상자입니까?",
                f"{abs(a - b)}상자",
            ),
        ),
        answer=max((a, f1), (b, f2), (c, f3))[1],
        why="막대의 길이나 그림의 개수로 수를 나타낸 막대그래프와 그림그래프를 해석한다.",
        steps=f"눈금 한 칸은 {unit}",
        difficulty=2,
    )


@family("4수04-02", "line-graph", "꺾은선그래프", "변화")
def line_graph(d: Draw) -> Draft:
    what = d.pick(["교실의 온도", "강낭콩의 키", "운동장의 기온", "어항의 물 온도"])
    grows = what == "강낭콩의 키"
    k, most = d.whole(0, 3), d.whole(4, 6)
    jumps = [d.whole(1, most - 1) * (1 if grows else d.pick([-1, 1])) for _ in range(4)]
    jumps[k] = most  # the largest change stands once
    values = [d.whole(2, 6) if grows else d.whole(12, 20)]
    for jump in jumps:
        values.append(values[-1] + jump)
    unit, ask = ("cm", "며칠과 며칠") if grows else ("°C", "몇 시와 몇 시")
    times = ["1일", "8일", "15일", "22일", "29일"] if grows else ["오전 9시", "오전 11시", "오후 1시", "오후 3시", "오후 5시"]
    i = d.whole(0, 4)
    row = ", ".join(f"{t} {v}{unit}" for t, v in zip(times, values, strict=True))
    span = f"{times[k]}[과/와] {times[k + 1]} 사이"
    return Draft(
        texts=(
            f"{what}[을/를] 조사하여 꺾은선그래프로 나타내었습니다. {row}일 때 변화가 가장 큰 때는 {ask} 사이입니까?",
            (f"꺾은선그래프에서 {what}[이/가] {row}입니다. {times[i]}에는 얼마입니까?", f"{values[i]}{unit}"),
            f"{what}[이/가] {row}입니다. 이 자료를 꺾은선그래프로 그릴 때 선이 가장 많이 기울어진 곳은 {ask} 사이입니까?",
        ),
        answer=span,
        why="시간에 따른 변화를 나타낸 꺾은선그래프를 읽는다.",
        steps=f"{span}의 변화가 {most}{unit}[으로/로] 가장 크다",
        difficulty=3,
    )


@family("4수04-03", "choose-graph", "탐구 문제", "막대그래프", "꺾은선그래프")
def choose_graph(d: Draw) -> Draft:
    line = d.pick([True, False])
    club = d.pick(CLUBS)
    data = (
        d.pick(["하루 동안의 기온 변화", "월별 키의 변화", "식물의 자란 키", "연도별 인구 변화"])
        if line
        else d.pick([f"반별 {club} 회원 수", "마을별 가구 수", "학생들의 취미", "과목별 좋아하는 학생 수"])
    )
    who = d.name()
    return Draft(
        texts=(
            f"{who}[은/는] '{data}'[을/를] 탐구 문제로 정하고 자료를 모았습니다. 막대그래프와 꺾은선그래프 중 어느 것으로 나타내면 좋습니까?",
            f"'{data}'[을/를] 조사하려고 합니다. 자료를 수집하고 정리하여 나타내기에 알맞은 그래프를 막대그래프와 꺾은선그래프 중에서 고르시오.",
            f"탐구 문제 '{data}'에 대하여 자료를 모은 {who}[은/는] 막대그래프와 꺾은선그래프 가운데 무엇을 선택해야 하는지 까닭과 함께 쓰시오.",
        ),
        answer="꺾은선그래프" if line else "막대그래프",
        why="탐구 문제에 맞게 자료를 정리하여 막대그래프와 꺾은선그래프 중 알맞은 것을 고른다.",
        steps="변화를 보려면 꺾은선, 크기를 견주려면 막대",
        difficulty=3,
    )
