"""What counts as a fault of a text, and what only looks like one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefopt.data.checks.finding_kinds import KINDS
from prefopt.data.checks.text_checks import UNFIT, language_of, problem_findings, text_findings, unfit

CLEAN = (
    r"x^{{2}} + 3의 값을 구하시오.",
    r"연립방정식 \begin {cases} x+y=3 \\ x-y=1 \end {cases} 의 해를 구하시오.",
    r"\operatorname {sin} x + \operatorname{cos} x의 최댓값을 구하시오.",
    r"\text {abc} 형태의 식을 구하시오.",
    r"\left ( x + 1 \right ) ^ {2} 를 전개하시오.",
    r"A= {abc} 일 때 A의 값을 구하시오.",
    r"집합 A = {a, b, c}의 부분집합의 개수를 구하시오.",
    "[보기/예시] 중에서 알맞은 것을 고르시오. 3, 4, 5",
    r"{{2}} + {{3}}의 값을 구하시오.",
    "${x}^{2} + 1$의 값을 구하시오.",
    "세 수 a <b> c에서 a < b이고 b > c일 때 가장 큰 수는?",
    r"\nu + \theta \times \tau \neq \nabla 를 간단히 하시오.",
    r"$\notin$, $\triangle ABC$, $\text{넓이}$, \nonumber, \tan x, \to 의 뜻은?",
    "식: (      ) 답: (      )개를 쓰시오. 3 + 4",
    "답: ____ 개라고 쓰시오. 사과 3개와 배 4개는 모두 몇 개입니까?",
    "정답 3개를 고르시오. ① 2 ② 3 ③ 4 ④ 5 ⑤ 6",
    "정답의 개수를 구하시오. 3 + 4 = 7, 2 + 2 = 5",
    "1 & 2 그리고 3 < 4 > 2를 읽으시오.",
)
FAULTY = {
    "{{name}}이 사과 3개를 샀습니다.": "template-mark",
    "{{도형}}의 넓이를 구하시오.": "template-mark",
    "학생{{name}}이 사과 3개를 샀습니다.": "template-mark",
    "문제: {problem} 을 푸시오. 3 + 4": "template-mark",
    "{object}를 3개 샀습니다.": "template-mark",
    "정수 ${x}의 약수를 구하시오.": "template-mark",
    "사과가 %(x)s개 있습니다.": "template-mark",
    "[이름/번호] 사과 3개를 샀습니다.": "template-mark",
    "사과[을/를] 3개 샀습니다.": "template-mark",
    "[앞/뒤/옆]과 [은/는] 중에서 3개": "template-mark",
    "<b>사과</b>가 3개 있습니다.": "markup",
    "<b>사과가 3개 있습니다.": "markup",
    "사과가 3개<br>배가 4개 있습니다.": "markup",
    "사과가 3개입니다.\\n배가 4개입니다.": "escape-literal",
    "사과가 3개입니다.\\nFind the sum.": "escape-literal",
    "\\uc5f0\\ud544이 3자루 있습니다.": "escape-literal",
    "반\\t3\\t4를 더하시오.": "escape-literal",
    "#REF! 사과 3개를 샀습니다.": "error-cell",
    "3과 #N/A의 합을 구하시오.": "error-cell",
    "#VALUE! #DIV/0! #NAME?": "error-cell",
    "3 + 4는 얼마입니까? 정답 ③": "answer-given",
    "3 + 4는 얼마입니까? 답: 7": "answer-given",
    "3 + 4는 얼마입니까? (답) 7": "answer-given",
    "3 + 4는 얼마입니까? [정답] ② 7": "answer-given",
    "3 + 4는 얼마입니까? 정답은 7입니다.": "answer-given",
    "다음 {1} over {3} 의 값을 구하시오.": "hwp-equation",
    "함수 f(x)=x ^{2} +1의 최솟값을 구하시오.": "hwp-equation",
    "LEFT ( 3,4 RIGHT ) 를 지나는 직선을 구하시오.": "hwp-equation",
    "sqrt {abc} TIMES {defg}의 값을 구하시오.": "hwp-equation",
    "rm {sin} 30°의 값을 구하시오.": "hwp-equation",
    "정규분포  을 따르는 확률변수가 있다.": "formula-lost",
    "오른쪽 그림과 같은 도형의 넓이를 구하시오.": "figure-missing",
    "¿¬ÇÊ 9ÀÚ·ç 3 + 4": "mojibake",
}


def kinds(text: str) -> set[str]:
    return {kind for kind, _ in (*text_findings(text, "text"), *problem_findings(text))}


@pytest.mark.parametrize("text", CLEAN)
def test_formulas_and_blanks_are_no_faults(text: str) -> None:
    assert kinds(text) == set()
    assert language_of(text) in ("ko", None)


@pytest.mark.parametrize("text", FAULTY)
def test_each_fault_is_named_once(text: str) -> None:
    assert kinds(text) == {FAULTY[text]}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (r"연립방정식 \begin{cases} ax+by=3 \\ cx+dy=4 \end{cases} 의 해", "ko"),
        (r"\begin{array}{lll} alpha & beta \\ gamma & delta \end{array} 의 값을 구하시오", "ko"),
        (r"행렬 \left( \begin{array}{cc} 1 & 2 \\ 3 & 4 \end{array} \right)의 역행렬", "ko"),
        ("cases{x+y=3#x-y=1} over {sqrt {3}} LEFT ( RIGHT ) 의 값을 구하시오", "ko"),
        ("△ABCD와 선분 PQRSTU의 비", "ko"),
        ("How many apples are there in the box?", "en"),
        ("HOW MANY APPLES ARE THERE", "en"),
        ("Solve 방정식 for the unknown variable in this equation", "en"),
    ],
)
def test_the_language_is_not_that_of_the_formulas(text: str, language: str | None) -> None:
    assert language_of(text) == language


def test_the_detail_of_garbled_text_says_what_was_meant() -> None:
    (found,) = unfit("¿¬ÇÊ 9ÀÚ·ç의 값은 3입니다.")
    assert "CP949 read as Latin-1; it reads as '연필'" in found[1].en
    assert "CP949를 Latin-1로 읽음" in found[1].ko
    assert "연필" in found[1].ko


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("  ", "text-empty"),
        ("다음 \ufffc의 값은?", "formula-lost"),
        ("다음  의 값은? ① ② ③ ④ ⑤", "formula-lost"),
        ("#REF!", "error-cell"),
        ("<|end|> 3 + 4는?", "control-token"),
        ("臾몄젣 3 + 4", "mojibake"),
        ("{name}이 사과 3개를 샀습니다.", "template-mark"),
    ],
)
def test_what_cannot_be_read_is_unfit(text: str, kind: str) -> None:
    assert {found for found, _ in unfit(text)} == {kind}


@pytest.mark.parametrize("text", ["정규분포 \u200b을 따르는 확률변수", "다음 \u110b\u1174 값은?", "다음\u00a0\u200b의 값은?"])
def test_invisible_and_decomposed_letters_hide_no_hole(text: str) -> None:
    assert {found for found, _ in unfit(text)} == {"formula-lost"}


PIECES_TEXT = (
    "가|의|을 | 인 |값은?|다음 |그림|① |②|㉠ |, |{|}|{{|[|/|]|$|\\|\\n|\\frac|^{| _{|over|LEFT|(|)|<b>|&lt;|#REF!|정답|답:|7|x|cm"
    "|臾몄젣|¿¬ÇÊ|?|??|\ufffc|\ufffd|\ue001|\u0301|\u1100|\n"
)
PIECES = st.sampled_from(PIECES_TEXT.split("|"))


@given(st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=40).map("".join)))
@settings(max_examples=500, deadline=None)
def test_any_text_is_checked_without_a_fault(text: str) -> None:
    found = [*text_findings(text, "text"), *problem_findings(text), *unfit(text)]
    assert all(kind in KINDS and what.en and what.ko for kind, what in found)
    assert language_of(text) in ("ko", "ja", "zh", "en", "ru", "other", None)


def test_what_a_person_can_read_is_fit() -> None:
    for text in ("3 + 4는?", "오른쪽 그림의 넓이는? 3 cm", "<b>3</b> + 4는?", "{1} over {2}의 값은?"):
        assert unfit(text) == []
    assert all(kind in KINDS for kind in UNFIT)
