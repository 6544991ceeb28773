# ruff: noqa: E501  a Hangul syllable counts as two columns
"""Grades 1 and 2: each wording's answer, calculated from the text alone."""

from __future__ import annotations

import math
import re

from tests.unit.answers.reading import WEEK, digit_value, equations, first, ints, native, nums, size, sizes

SHAPES = {"삼각형": 3, "사각형": 4}
FLAT = {
    "삼각형": "삼각자 트라이앵글 옷걸이 삼각김밥 교통 안전 표지판", "사각형": "공책 칠판 스케치북 액자 색종이 엽서 달력",
    "원": "동전 접시 단추 훌라후프 탬버린 병뚜껑",
}  # fmt: skip
SOLID = {"상자": "주사위 휴지 상자 벽돌 냉장고", "둥근기둥": "통조림 캔 풀 북 물통", "공": "축구공 구슬 수박 지구본"}
FEATURES = {"평평한 부분만 있는": "상자", "둥근 부분도 있는": "둥근기둥", "어느 쪽으로도 잘 굴러가는": "공"}
ROUND = {"동전", "컵", "통조림 캔", "풀 뚜껑", "딱풀"}
LONG = {"cm": "연필 색연필 숟가락 필통 크레파스 칫솔", "m": "버스 교실 문의 높이 자동차 기차 한 칸 축구장의 긴 쪽 줄넘기 줄"}
STEMS = {"긴": "길다", "짧은": "짧다", "무거운": "무겁다", "가벼운": "가볍다", "넓은": "넓다"}


def extreme(text, answer):
    values = [int(n) for n in re.findall(r"\d{4}", text)]
    return first(answer) == (max if "큰" in text else min)(values)


def story(text, answer):
    a, b = nums(text)[:2]
    return answer == (f"{a}+{b}={a + b}" if "생겼" in text else f"{a}-{b}={a - b}")


def follows(row):
    """What comes after a row that repeats a shortest stretch."""
    period = next(p for p in range(1, len(row)) if all(row[i] == row[i - p] for i in range(p, len(row))))
    return row[len(row) - period]


def shapes(text):
    return re.findall(r"[○△□☆◇♡]", text)


def own_rule(text, answer):
    return set(answer) == set(shapes(text)) and answer[:2] * 3 == answer and answer[0] == shapes(text)[0]


def solid(text, answer):
    wanted = next(FEATURES[f] for f in FEATURES if f in text)
    return answer in text and answer in SOLID[wanted]


def solid_shape(text, answer):
    thing = re.search(r"합니다\. (.*?)[은는] 상자", text)[1]
    return thing in SOLID[answer.removesuffix(" 모양")]


def chain(text, answer):
    a, b, c, _ = re.match(r"(\S+?)[은는] (\S+)보다 더 \S+ 것이고 (\S+?)[은는] (\S+)보다", text).groups()
    return answer == a and b == c


def compared(text, answer):
    a, b, word = re.search(r"비교합니다\. (\S+?)[이가] (\S+)보다 더 (\S+) 것", text).groups()
    return re.fullmatch(rf"{a}[은는] {b}보다 더 {STEMS[word]}", answer) and f"'{STEMS[word]}'" in text


def clock(text, answer, hour=0, minute=2):
    n = nums(text)
    return ints(answer) == [n[hour], 5 * n[minute]] and n[hour + 1] == n[hour] % 12 + 1


def colors(text):
    return [int(n) for n in re.findall(r"\S+색(?: \S+)? (\d+)개", text)]


def most(text, answer, pattern):
    found = re.findall(pattern, text)
    return answer == max(found, key=lambda pair: int(pair[1]))[0]


def unit_fits(text, answer):
    return re.search(r"쓰시오\. (.*?): 약", text)[1] in LONG[answer]


CHECKS = {
    "2수01-01/bundles-1": lambda t, a: first(a) == 10 * nums(t)[1] + nums(t)[2],
    "2수01-01/bundles-2": lambda t, a: first(a) == 10 * nums(t)[1] + nums(t)[2],
    "2수01-01/bundles-3": lambda t, a: first(a) == 10 * nums(t)[1] + nums(t)[2],
    "2수01-01/reading-1": lambda t, a: first(a) == native(t.split("'")[1]),
    "2수01-01/reading-2": lambda t, a: first(a) == native(t.split("'")[1]),
    "2수01-01/reading-3": lambda t, a: first(a) == native(t.split("보다")[0]) + 1 - 1,
    "2수01-02/place-value-1": lambda t, a: first(a) == digit_value(t),
    "2수01-02/place-value-2": lambda t, a: first(a) == digit_value(t),
    "2수01-02/place-value-3": lambda t, a: first(a) == digit_value(t),
    "2수01-02/composing-1": lambda t, a: first(a) == sum(x * y for x, y in zip(nums(t)[::2], nums(t)[1::2], strict=True)),
    "2수01-02/composing-2": lambda t, a: a == "".join(map(str, nums(t))),
    "2수01-02/composing-3": lambda t, a: a == "".join(map(str, nums(t))),
    "2수01-03/largest-1": extreme,
    "2수01-03/largest-2": extreme,
    "2수01-03/largest-3": extreme,
    "2수01-03/skip-counting-1": lambda t, a: first(a) == 2 * nums(t)[2] - nums(t)[1] and nums(t)[2] - nums(t)[1] == nums(t)[1] - nums(t)[0],
    "2수01-03/skip-counting-2": lambda t, a: first(a) == nums(t)[0] + 3 * nums(t)[1],
    "2수01-03/skip-counting-3": lambda t, a: first(a) == nums(t)[0] + 3 * nums(t)[1],
    "2수01-04/apart-and-together-1": lambda t, a: first(a) == nums(t)[0] - nums(t)[1],
    "2수01-04/apart-and-together-2": lambda t, a: first(a) == nums(t)[0] - nums(t)[1],
    "2수01-04/apart-and-together-3": lambda t, a: first(a) == sum(nums(t)),
    "2수01-04/apart-and-together-4": lambda t, a: [p for p in re.findall(r"\(\d+, \d+\)", t) if sum(nums(p)) != nums(t)[0]] == [a],
    "2수01-05/choose-operation-1": story,
    "2수01-05/choose-operation-2": story,
    "2수01-05/choose-operation-3": story,
    "2수01-05/story-for-expression-1": lambda t, a: (a == "덜어 내면") == (nums(t)[4] == nums(t)[2] - nums(t)[3]) and nums(t)[2:4] == nums(t)[:2],
    "2수01-05/story-for-expression-2": lambda t, a: f"{a} {nums(t)[0]}-{nums(t)[1]}" in t,
    "2수01-05/story-for-expression-3": lambda t, a: (a == "주었다") == (nums(t)[2] < nums(t)[3] == nums(t)[0]),
    "2수01-06/addition-1": lambda t, a: first(a) == sum(nums(t)),
    "2수01-06/addition-2": lambda t, a: first(a) == sum(nums(t)),
    "2수01-06/addition-3": lambda t, a: first(a) == sum(nums(t)),
    "2수01-06/addition-4": lambda t, a: first(a) == sum(nums(t)),
    "2수01-06/subtraction-1": lambda t, a: first(a) == nums(t)[0] - nums(t)[1],
    "2수01-06/subtraction-2": lambda t, a: first(a) == nums(t)[0] - nums(t)[1],
    "2수01-06/subtraction-3": lambda t, a: first(a) == nums(t)[0] - nums(t)[1],
    "2수01-06/subtraction-4": lambda t, a: first(a) == nums(t)[0] - nums(t)[1],
    "2수01-07/fact-family-1": lambda t, a: equations(a) and a.count("-") == 2 and len(set(a.split(", "))) == 2 and set(nums(a)) == set(nums(t)[:3]),
    "2수01-07/fact-family-2": lambda t, a: equations(a) and a.count("+") == 2 and len(set(a.split(", "))) == 2 and set(nums(a)) == set(nums(t)),
    "2수01-07/fact-family-3": lambda t, a: equations(a) and a.count("+") == a.count("-") == 1 and set(nums(a)) == set(nums(t)),
    "2수01-07/fact-family-4": lambda t, a: first(a) == nums(t)[3] - nums(t)[4] and equations(t),
    "2수01-08/three-numbers-1": lambda t, a: first(a) == nums(t)[0] + nums(t)[1] - nums(t)[2],
    "2수01-08/three-numbers-2": lambda t, a: first(a) == nums(t)[0] + nums(t)[1] - nums(t)[2],
    "2수01-08/three-numbers-3": lambda t, a: first(a) == nums(t)[0] + nums(t)[1] - nums(t)[2],
    "2수01-08/three-numbers-4": lambda t, a: first(a) == nums(t)[0] + nums(t)[1] - nums(t)[3],
    "2수01-09/unknown-1": lambda t, a: nums(t)[0] + first(a) == nums(t)[1],
    "2수01-09/unknown-2": lambda t, a: nums(t)[0] - first(a) == nums(t)[1],
    "2수01-09/unknown-3": lambda t, a: nums(t)[0] + first(a) == nums(t)[1],
    "2수01-09/unknown-4": lambda t, a: first(a) + nums(t)[0] == nums(t)[1],
    "2수01-10/groups-1": lambda t, a: equations(a) and nums(a)[:2] == nums(t),
    "2수01-10/groups-2": lambda t, a: equations(a) and nums(a)[:2] == [nums(t)[0], len(nums(t))] and nums(a)[2] == sum(nums(t)),
    "2수01-10/groups-3": lambda t, a: equations(a) and nums(a)[:2] == nums(t)[:2] and nums(t)[2] == nums(t)[0],
    "2수01-10/groups-4": lambda t, a: nums(a)[0] == nums(a)[1] and nums(a)[0] * nums(t)[1] == nums(t)[0],
    "2수01-11/times-table-1": lambda t, a: first(a) == nums(t)[1] * nums(t)[2] and nums(t)[0] == nums(t)[1],
    "2수01-11/times-table-2": lambda t, a: first(a) * nums(t)[0] == nums(t)[1] and nums(t)[2] == nums(t)[0],
    "2수01-11/times-table-3": lambda t, a: first(a) == math.prod(nums(t)),
    "2수01-11/times-table-4": lambda t, a: a == max(re.findall(r"\d×\d", t), key=lambda p: math.prod(nums(p))),
    "2수02-01/pattern-1": lambda t, a: a == follows(shapes(t)),
    "2수02-01/pattern-2": lambda t, a: a == follows(shapes(t)),
    "2수02-01/pattern-3": lambda t, a: a == follows(re.findall(r"[가-힣]+색(?=,| 차례)", t)),
    "2수02-01/pattern-4": lambda t, a: a == follows(shapes(t)),
    "2수02-01/number-pattern-1": lambda t, a: first(a) == 2 * nums(t)[4] - nums(t)[3],
    "2수02-01/number-pattern-2": lambda t, a: first(a) == 2 * nums(t)[4] - nums(t)[3],
    "2수02-01/number-pattern-3": lambda t, a: first(a) - nums(t)[2] == nums(t)[3] - first(a) == nums(t)[1] - nums(t)[0],
    "2수02-02/own-rule-1": own_rule,
    "2수02-02/own-rule-2": lambda t, a: re.findall(r"[가-힣]+색(?=[,과와 ])", t)[:2] == re.findall(r"[가-힣]+색", a),
    "2수02-02/own-rule-3": own_rule,
    "2수02-02/own-rule-4": lambda t, a: a.split(", ") == re.search(r"'(\S+) 다음에 (\S+)'", t).expand(r"\1 \2 \1 \2").split(),
    "2수03-01/solid-things-1": solid,
    "2수03-01/solid-things-2": solid_shape,
    "2수03-01/solid-things-3": solid,
    "2수03-02/blocks-1": lambda t, a: first(a) == sum(nums(t)),
    "2수03-02/blocks-2": lambda t, a: a == re.search(r"쪽에 (\S+) 쌓기", t)[1],
    "2수03-02/blocks-3": lambda t, a: a == re.findall(r"\S+색", t)[0 if "바로 왼쪽" in t else 2],
    "2수03-03/flat-shapes-around-1": lambda t, a: a in t.split("중에서")[0] and a in FLAT[re.search(r"삼각형|사각형|원", t.split("중에서")[1])[0]],
    "2수03-03/flat-shapes-around-2": lambda t, a: all(w in FLAT[a] for w in re.search(r"주변에서 (.*?)(?:과|와) (.*?)(?:을|를) 찾", t).groups()),
    "2수03-03/flat-shapes-around-3": lambda t, a: first(a) == sum(nums(t)),
    "2수03-04/drawing-flat-shapes-1": lambda t, a: SHAPES[a] == nums(t)[0],
    "2수03-04/drawing-flat-shapes-2": lambda t, a: [w for w in re.search(r"합니다\. (.*?) 중에서", t)[1].split(", ") if w in ROUND] == [a],
    "2수03-04/drawing-flat-shapes-3": lambda t, a: first(a) == 3 * nums(t)[0] + 4 * nums(t)[1],
    "2수03-05/sides-and-corners-1": lambda t, a: first(a) == SHAPES[t[:3]] * nums(t)[0],
    "2수03-05/sides-and-corners-2": lambda t, a: SHAPES[a] == nums(t)[0] == nums(t)[1],
    "2수03-05/sides-and-corners-3": lambda t, a: first(a) == SHAPES[re.search(r"삼각형|사각형", t)[0]],
    "2수03-06/compare-by-eye-1": chain,
    "2수03-06/compare-by-eye-2": compared,
    "2수03-06/compare-by-eye-3": lambda t, a: a == re.search(r"것이고 (\S+?)[이가] 그다음", t)[1],
    "2수03-07/clock-1": clock,
    "2수03-07/clock-2": clock,
    "2수03-07/clock-3": lambda t, a: clock(t, a, hour=1, minute=0),
    "2수03-08/hours-minutes-1": lambda t, a: size(a) == 60 * nums(t)[0] and ints(a)[1] < 60,
    "2수03-08/hours-minutes-2": lambda t, a: size(a) == size(t) and "시간" not in a,
    "2수03-08/hours-minutes-3": lambda t, a: size(a) == 60 * nums(t)[0] and ints(a)[1] < 60,
    "2수03-08/hours-minutes-4": lambda t, a: size(a) == size(t) and "시간" not in a,
    "2수03-09/calendar-1": lambda t, a: first(a) == nums(t)[0] + 7 * nums(t)[1],
    "2수03-09/calendar-2": lambda t, a: 7 * ints(a)[0] + ints(a)[1] == nums(t)[0] and ints(a)[1] < 7,
    "2수03-09/calendar-3": lambda t, a: first(a) == 12 * nums(t)[0] + nums(t)[1],
    "2수03-09/calendar-4": lambda t, a: a[0] == WEEK[(WEEK.index(re.search(r"(\S)요일", t)[1]) + nums(t)[0]) % 7],
    "2수03-10/measuring-1": lambda t, a: first(a) == nums(t)[0] * nums(t)[1],
    "2수03-10/measuring-2": lambda t, a: first(a) == nums(t)[1] - nums(t)[0],
    "2수03-10/measuring-3": lambda t, a: first(a) == nums(t)[0] * nums(t)[1],
    "2수03-11/metre-centimetre-1": lambda t, a: size(a) == size(t) and ints(a)[1] < 100,
    "2수03-11/metre-centimetre-2": lambda t, a: size(a) == size(t) and " m" not in a,
    "2수03-11/metre-centimetre-3": lambda t, a: size(a) == size(t) and ints(a)[1] < 100,
    "2수03-11/metre-centimetre-4": lambda t, a: size(a) == size(t) and " m" not in a,
    "2수03-12/estimating-length-1": lambda t, a: first(a) == math.prod(nums(t)),
    "2수03-12/estimating-length-2": lambda t, a: a == min(re.findall(r"(\S+?)[은는] 약 (\d+) cm", t), key=lambda p: abs(int(p[1]) - nums(t)[0]))[0],
    "2수03-12/estimating-length-3": unit_fits,
    "2수03-13/length-sum-1": lambda t, a: [size(a)] == [sum(sizes(t, "m", "cm"))] and ints(a)[1] < 100,
    "2수03-13/length-sum-2": lambda t, a: size(a) == sizes(t, "m", "cm")[0] - sizes(t, "m", "cm")[1],
    "2수03-13/length-sum-3": lambda t, a: size(a) == sum(sizes(t, "m", "cm")) and ints(a)[1] < 100,
    "2수03-13/length-sum-4": lambda t, a: size(a) == abs(sizes(t, "m", "cm")[0] - sizes(t, "m", "cm")[1]),
    "2수04-01/sorting-1": lambda t, a: a in t and first(a) == max(nums(t)) and nums(t)[0] != nums(t)[1],
    "2수04-01/sorting-2": lambda t, a: (a == "알맞지 않다") == ("예쁜" in t),
    "2수04-01/sorting-3": lambda t, a: colors(a) == colors(t) and re.findall(r"\S+색", a) == re.findall(r"[가-힣]+색", t)[:2],
    "2수04-02/table-1": lambda t, a: first(a) == sum(nums(t)),
    "2수04-02/table-2": lambda t, a: first(a) == nums(t)[2] - nums(t)[0] - nums(t)[1],
    "2수04-02/table-3": lambda t, a: first(a) == sum(nums(t)),
    "2수04-03/marks-graph-1": lambda t, a: most(t, a, r"(\S+)에 [○×/] (\d+)개"),
    "2수04-03/marks-graph-2": lambda t, a: first(a) == int(re.search(rf"{re.search(r'합니다. (.*?) 칸', t)[1]} (\d+)명", t)[1]),
    "2수04-03/marks-graph-3": lambda t, a: first(a) == max(nums(t)),
}  # fmt: skip
