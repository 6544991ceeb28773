"""Problems that lost their formulas are found, and problems that are whole are not."""

from __future__ import annotations

import pytest

from benchmarks.lost_formulas import measure, without_formulas
from prefopt.curricula.generator.near_misses import near_misses
from prefopt.curricula.generator.problem_generator import generate
from prefopt.texts.lost_formulas import lost_formula

LOST = (
    "정규분포  을 따르는 모집단에서 크기가  인 표본을 임의추출할 때",
    "정규분포 를 따르는 확률변수 가 있다.",
    "크기가  인 표본을 뽑는다.",
    "크기가 인 표본을 뽑는다.",
    "다음  의 값은?",
    "다음 의 값은? [3점]",
    "다음 \ufffc의 값을 구하시오.",
    "함수  에 대하여 f(2)를 구하시오.",
    "함수 에 대하여 의 값은?",
    "  의 값을 구하시오.",
    "의 값을 구하시오.",
    "x = 3일 때,  의 값을 구하시오.",
    "x = 3일 때, 의 값을 구하시오.",
    "방정식 의 두 근을 , 라 할 때 의 값은?",
    "방정식 의 해는?",
    "두 수 와 의 최대공약수를 구하시오.",
    "다음 식을 계산하시오.",
    "다음을 계산하시오.",
    "12. 다음 식을 간단히 하시오. [3점]",
    "다음 방정식을 푸시오.",
    "부등식 을 만족시키는 정수의 개수는?",
    "수열 이 모든 자연수 에 대하여 을 만족시킬 때, 의 값은?",
    "첫째항이 3이고 공차가 2인 등차수열 의 일반항은? ① ② ③ ④ ⑤",
    "넓이가 가장 큰 것은? ①  ②  ③  ④  ⑤",
    "넓이가 24인 것은?\n①\n②\n③\n④\n⑤",
    "몇 개인가? ① 개 ② 개 ③ 개 ④ 개 ⑤ 개",
    "옳은 것을 모두 고르시오. ㉠  ㉡  ㉢ ",
    "직선 과 점 사이의 거리가 일 때 상수 의 값은?",
    "점 를 지나고 기울기가 인 직선의 방정식을 구하시오.",
    "가로가  cm, 세로가  cm인 직사각형의 넓이를 구하시오.",
    "한 변의 길이가 cm인 정사각형의 둘레는?",
    "\ue035\ue04d의 값을 구하시오.",
    "이차방정식 x 2 2 x 3 0의 해를 구하시오.",
    "(cid:12)(cid:45)의 값은?",
    "다음 수식입니다.의 값을 구하시오.",
    "[수식]의 값을 구하시오.",
    "확률 의 값이 이 되도록 하는 을 구하시오.",
    "내각의 크기의 합이 인 다각형은 몇 각형인가?",
    "집합 , 에 대하여 의 원소의 개수는?",
    "곡선 과 축 및 직선 로 둘러싸인 부분의 넓이는?",
)
WHOLE = (
    "□ 안에 알맞은 수를 써넣으시오.",
    "□ 안에 들어갈 수를 모두 구하시오. 3 < □ < 7",
    "(  ) 안에 알맞은 말을 쓰시오.",
    "( ) 안에 >, =, <를 알맞게 쓰시오. 3 ( ) 5",
    "____에 알맞은 수를 쓰세요.",
    "7 + (   ) = 12",
    "다음 (   ) 안의 값은? 3 + (   ) = 8",
    "영기 는 567걸음을 걸었고 민지 는 500걸음을 걸었습니다. 누가 더 걸었습니까?",
    "철수 는 사과 를 3 개 가지고 있고 영희 는 5 개 가지고 있다. 모두 몇 개 입니까?",
    "꽃은 모두 몇 송이 입니까? 장미 3송이와 백합 4송이가 있습니다.",
    "갑, 을, 병, 정 네 명이 한 줄로 서는 방법은 몇 가지입니까?",
    "가, 나, 다 상자의 무게가 5 kg, 7 kg, 9 kg일 때 가와 나의 합은?",
    "2명이 나갔습니다.  이 때 남은 사람은 몇 명입니까? 처음은 9명입니다.",
    "은 3 g과 구리 5 g을 섞은 합금에서 은의 비율은?",
    "십 모형 4개, 일 모형 5개가 나타내는 수는?",
    "다음 중 가장 큰 수는? ① 3 ② 4 ③ 5 ④ 6 ⑤ 7",
    "①, ②, ③에 알맞은 수를 차례로 쓰시오. 2, ①, 6, ②, ③",
    "㉠과 ㉡에 알맞은 수의 합을 구하시오. 3 + ㉠ = 5, ㉡ - 2 = 4",
    "보기에서 사각형을 고르시오. ㉠ 마름모 ㉡ 원 ㉢ 사다리꼴",
    "x 의 값을 구하시오. 3x = 6",
    "함수 f(x)  에 대하여 f(2)를 구하시오. f(x) = x + 1",
    "정규분포 N(0, 1)\n을 따르는 확률변수 X가 있다.",
    "이차방정식의 근의 공식을 쓰시오.",
    "삼각형의 세 각의 크기의 합을 쓰시오.",
    "직사각형의 정의를 쓰시오.",
    "컵 55개, 라면 65개, 우유 20개가 있습니다. 모두 몇 개입니까?",
    "네 점 A B C D를 이어 만든 도형의 이름은?",
    "수를 차례로 쓰시오. 1 2 3 4 5",
    "천 원짜리 지폐 3장과 백 원짜리 동전 4개는 얼마입니까?",
    "예은 이는 길이 가 3 m인 끈을 샀습니다. 몇 cm입니까?",
    "다음 도형의 이름을 쓰시오.",
    "시계의 짧은바늘이 3을 가리킬 때  몇 시입니까?",
    "1 m는 몇 cm입니까?",
    "mm와 km 중 □에 알맞은 단위를 쓰시오. 연필의 길이는 180 □입니다.",
    "\\frac{3}{4}의 값을 소수로 나타내시오.",
    "오늘은 3일 수요일입니다. 일 주일 뒤는 며칠입니까?",
    "다음 식\n3x + 2 = 5\n를 만족시키는 x의 값은?",
    "이차함수 y=x² 의 그래프의 꼭짓점의 좌표는?",
    "삼각형 ㄱㄴㄷ 의 넓이는? 밑변은 3 cm, 높이는 4 cm입니다.",
    "가 도시의 인구는 3만 명, 나 도시의 인구는 5만 명입니다. 차는?",
    "가 물통에는 3 L, 나 물통에는 5 L의 물이 있습니다. 합은?",
    "은 3 g의 값은 900원입니다. 은 5 g의 값은 얼마입니까?",
    "빈 칸을 채우시오. 3, 6, □, 12",
    "빈 통이 있습니다. 물을 가득 채우는 방법을 쓰시오.",
    "전개도를 접어 만든 입체도형의 이름을 쓰시오.",
    "계산기를 사용하는 방법을 설명하시오.",
    "길이는 cm로, 무게는 g으로 나타내시오. 3 m와 5 kg",
    "넓이는 cm 단위로 재어 구하시오. 가로 3 cm, 세로 4 cm",
    "고 1, 중 2, 중 3 학생이 각각 3명씩 있습니다. 모두 몇 명입니까?",
    "그 의 나이는 12살, 동생의 나이는 9살입니다. 합은?",
    "다음 수직선을 그리는 방법을 설명하시오.",
    "옳은 것을 모두 고르면? (정답 2개) ① 2 < 3 ② 3 > 4 ③ 5 = 5 ④ 1 > 2 ⑤ 7 < 6",
    "다음 조건을 만족시키는 자연수를 구하시오. (가) 5보다 크다. (나) 7보다 작다.",
    "<보기>에서 옳은 것만을 있는 대로 고르시오. ㄱ. 1은 소수이다. ㄴ. 2는 소수이다.",
    "(1) 3 + 4를 계산하시오. (2) 5 + 6을 계산하시오.",
)


@pytest.fixture(scope="module")
def generated() -> list[str]:
    return [problem.text for problem in generate(10, 7)]


@pytest.mark.parametrize("text", LOST)
def test_a_lost_formula_is_found(text: str) -> None:
    found = lost_formula(text)
    assert found is not None
    assert 0 <= found.start < found.end <= len(text)


@pytest.mark.parametrize("text", WHOLE)
def test_a_whole_problem_is_left_alone(text: str) -> None:
    assert lost_formula(text) is None


def test_no_generated_problem_is_said_to_lack_a_formula(generated: list[str]) -> None:
    pairs = [made.problem.text for made in near_misses(60, 7)]
    assert [t for t in [*generated, *pairs] if lost_formula(t)] == []


def test_formulas_are_deleted_as_exporters_do() -> None:
    assert without_formulas("두 직선 y=-x-2와 y=3x의 교점과 7개의 점") == "두 직선 와 의 교점과 7개의 점"
    assert without_formulas("길이가 12 cm인 선분 AB의 중점") == "길이가 12 cm인 선분 의 중점"


def test_nine_of_ten_generated_problems_are_found_without_their_formulas(generated: list[str]) -> None:
    rates = measure(generated, {"itself": generated})
    assert rates["with_formulas"] > 500
    assert rates["found_rate"] >= 0.9, rates
    assert (rates["false_alarms"], rates["files"]) == (0, {"itself": [1810, 0, 0, 0]})
