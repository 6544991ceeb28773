"""A problem that points to a figure it does not have is found; one that only uses the word, or holds the table, is not."""

from __future__ import annotations

import pytest

from prefopt.curricula.generator.problem_generator import generate
from prefopt.texts.figures import missing_figure

POINTING = (
    "오른쪽 그림과 같은 삼각형의 넓이를 구하시오.",
    "오른쪽 그림과 같이 한 변의 길이가 4 cm인 정사각형이 있다.",
    "다음 그래프에서 가장 많은 학생이 좋아하는 과일은?",
    "아래 표는 학생들의 키를 나타낸 것이다. 평균을 구하시오.",
    "아래의 그림을 보고 물음에 답하시오.",
    "그림 1은 함수의 그래프이다.",
    "<그림 2>와 같이 도형을 나누었다.",
    "[그림] 색칠한 부분의 넓이는?",
    "[표 1]을 보고 답하시오.",
    "q12.png 넓이를 구하시오.",
    "다음 도형의 이름을 쓰시오.",
    "다음 벤 다이어그램에서 색칠한 부분을 나타내는 집합은?",
    "벤 다이어그램을 보고 집합 A를 구하시오.",
    "그림에서 x의 크기를 구하시오.",
    "그림과 같이 반지름의 길이가 2인 원이 있다.",
    "다음 전개도를 접었을 때 마주 보는 면은?",
    "왼쪽 그래프를 보고 알 수 있는 것을 쓰세요.",
    "위 그림에서 각 A의 크기는?",
    "어두운 부분의 넓이를 구하시오.",
    "다음 수직선에서 점 A가 나타내는 수는?",
    "삼각형의 넓이를 구하시오. (그림 생략)",
    "그림입니다. 원본 그림의 이름: CLP00001.bmp",
    "다음은 학생들이 좋아하는 과일을 조사하여 나타낸 그래프입니다. 가장 많은 것은?",
    "In the figure below, find the area of triangle ABC.",
    "The graph shown below is a parabola. Find its vertex.",
)
NOT_POINTING = (
    "도화지에 그림을 그렸습니다. 그림은 모두 몇 장입니까? 한 사람이 3장씩 4명이 그렸습니다.",
    "그림책 3권과 동화책 4권이 있습니다. 모두 몇 권입니까?",
    "좋아하는 과일을 표로 나타내었더니 감 4명, 딸기 9명, 귤 6명이었습니다. 합계는?",
    "다음 표는 과일 수를 나타낸 것입니다. 사과 3개, 배 4개, 감 5개. 모두 몇 개입니까?",
    "다음 표를 보고 물음에 답하시오.\n반 1 2 3\n학생 수 20 22 21",
    "다음 표에서 |반|1|2|\n|수|20|22| 합은?",
    "일차함수 y = 2x의 그래프에서 x = 1일 때 y의 값은?",
    "방정식 x + y = 1의 그래프와 같은 직선의 식을 쓰시오.",
    "다음 도형 중 네 각이 모두 직각인 것은? ㉠ 마름모 ㉡ 직사각형 ㉢ 사다리꼴",
    "다음 함수의 그래프를 그리시오. y = 2x + 1",
    "입장권 표 3장을 샀습니다. 한 장에 500원이면 모두 얼마입니까?",
    "그림 3장과 사진 4장을 붙였습니다. 모두 몇 장입니까?",
    "줄기와 잎 그림에서 줄기 4에 잎이 0, 1, 3, 8일 때 가장 큰 값은?",
    "자료를 정리한 것(그래프)을 고르는 순서를 3단계로 쓰시오.",
    "그림자의 길이가 3 m인 나무의 높이를 구하시오.",
    "벤 다이어그램을 그려서 나타내시오. A = {1, 2}, B = {2, 3}",
    "무늬가 △ ☆ △ ☆처럼 놓여 있습니다. 다음 도형은 무엇입니까? △ ☆",
    "The table has 4 legs and the graph paper costs 3 dollars.",
    "How many asymptotes does the graph of y = 2/x have?",
)


@pytest.mark.parametrize("text", POINTING)
def test_a_figure_that_is_missing_is_found(text: str) -> None:
    place = missing_figure(text)
    assert place is not None
    assert 0 <= place[0] < place[1] <= len(text)


@pytest.mark.parametrize("text", NOT_POINTING)
def test_a_word_or_a_table_in_the_text_is_no_missing_figure(text: str) -> None:
    assert missing_figure(text) is None


def test_no_generated_problem_lacks_a_figure() -> None:
    assert [problem.text for problem in generate(10, 7) if missing_figure(problem.text)] == []
