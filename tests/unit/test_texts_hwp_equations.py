"""Equation script of HWP files becomes LaTeX where it stands, and nothing else changes."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from prefopt.curricula.generator.problem_generator import generate
from prefopt.texts.hwp_equations import converted, has_script
from prefopt.texts.hwp_parser import to_latex

SCRIPTS = {
    "{1} over {3}": r"\frac{1}{3}",
    "2x over 3": r"\frac{2x}{3}",
    "(a+b) over c": r"\frac{(a+b)}{c}",
    "LEFT ( x RIGHT ) over 2": r"\frac{\left( x \right)}{2}",
    "{f LEFT ( x RIGHT ) -f LEFT ( 1 RIGHT )} over {x-1}": r"\frac{f \left( x \right) -f \left( 1 \right)}{x-1}",
    "{bar{rm{AB}}} =3": r"{\overline{\mathrm{AB}}} =3",
    "^3 sqrt {8}": r"\sqrt[3]{8}",
    "2 ^{{1} over {2}}": r"2^{\frac{1}{2}}",
    "{a} OVER {b} +c": r"\frac{a}{b} +c",
    "sqrt {3} of {5}": r"\sqrt[3]{5}",
    "root {3} of {x+1}": r"\sqrt[3]{x+1}",
    "SQRT {2}": r"\sqrt{2}",
    "LEFT ( x ^{2} +1 RIGHT )": r"\left( x^{2} +1 \right)",
    "LEFT { x|x>0 RIGHT }": r"\left\{ x|x>0 \right\}",
    "LEFT [ 1,2 RIGHT ]": r"\left[ 1,2 \right]",
    "a _{n+1} =2a _{n}": r"a_{n+1} =2a_{n}",
    "{} _{n} rm {C} _{r}": r"{}_{n} \mathrm{C}_{r}",
    "3 TIMES 4 DIV 2": r"3 \times 4 \div 2",
    "3 times 4 div 2": r"3 \times 4 \div 2",
    "rm {AB} =it {x}": r"\mathrm{AB} =x",
    "bold {x}": r"\mathbf{x}",
    "cases{x+y=3#x-y=1}": r"\begin{cases} x+y=3 \\ x-y=1 \end{cases}",
    "cases{x ^{2}&(x>0)#0&(x<=0)}": r"\begin{cases} x^{2} & (x>0) \\ 0 & (x\leq 0) \end{cases}",
    "pmatrix{1&2#3&4}": r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
    "matrix{1&2#3&4}": r"\begin{matrix} 1 & 2 \\ 3 & 4 \end{matrix}",
    "eqalign{x&=1#y&=2}": r"\begin{aligned} x & =1 \\ y & =2 \end{aligned}",
    "x=1#y=2": r"\begin{aligned} x=1 \\ y=2 \end{aligned}",
    "SUM _{k=1} ^{n} k ^{2}": r"\sum_{k=1}^{n} k^{2}",
    "sum from {k=1} to {n} a _{k}": r"\sum_{k=1}^{n} a_{k}",
    "INT _{0} ^{1} x dx": r"\int_{0}^{1} x dx",
    "lim _{n->inf} a _{n}": r"\lim_{n\rightarrow \infty} a_{n}",
    "bar {AB}": r"\overline{AB}",
    "vec {a}": r"\vec{a}",
    "vec {AB}": r"\overrightarrow{AB}",
    "hat {y}": r"\hat{y}",
    "1,2,CDOTS,n": r"1,2,\cdots ,n",
    "x LEQ 3": r"x \leq 3",
    "x<=3": r"x\leq 3",
    "ANGLE A=30°": r"\angle A=30^{\circ}",
    "TRIANGLE ABC": r"\triangle ABC",
    "alpha + beta = 2 pi": r"\alpha + \beta = 2 \pi",
    "f prime (x)": r"f ' (x)",
    "a`b~c": r"a\,b~c",
    "{n} atop {r}": r"{n \atop r}",
    "binom {n} {r}": r"\binom{n}{r}",
    "x=1 PLUSMINUS sqrt {2}": r"x=1 \pm \sqrt{2}",
    "therefore x=2 because y cdot z": r"\therefore x=2 \because y \cdot z",
    '"단" x>0': r"\text{단} x>0",
    "GAMMA Delta ALPHA": r"\Gamma \Delta \mathrm{A}",
}
TEXTS = {
    "다음 {1} over {3} +{1} over {2} 의 값을 구하시오. [3점]": r"다음 $\frac{1}{3} +\frac{1}{2}$ 의 값을 구하시오. [3점]",
    "1. sqrt {3} of {5} 를 간단히 하시오.": r"1. $\sqrt[3]{5}$ 를 간단히 하시오.",
    "함수 f(x)=x ^{2} +1에 대하여 f(2)의 값은?": "함수 $f(x)=x^{2} +1$에 대하여 f(2)의 값은?",
    "${1} over {2}$의 값은?": r"$\frac{1}{2}$의 값은?",
    "[수식: x^2 +1]의 값은?": "$x^{2} +1$의 값은?",
    "① {1} over {2} ② {1} over {3} ③ 2": r"① $\frac{1}{2}$ ② $\frac{1}{3}$ ③ 2",
    "(1) {1} over {2} (2) {1} over {3}": r"(1) $\frac{1}{2}$ (2) $\frac{1}{3}$",
    "확률변수 X가 cases{0&(x<0)#1&(그 외)} 일 때": r"확률변수 X가 $\begin{cases} 0 & (x<0) \\ 1 & (그 외) \end{cases}$ 일 때",
    "선분 {bar{rm{AB}}}의 길이": r"선분 ${\overline{\mathrm{AB}}}$의 길이",
    "함수 f LEFT ( x RIGHT ) =x ^{2}`에 대하여": r"함수 $f \left( x \right) =x^{2}$에 대하여",
    "LEFT ( 1,2 RIGHT ) 를 지나는 직선": r"$\left( 1,2 \right)$ 를 지나는 직선",
    "'{1} over {2}'의 값을 \"{3} over {4}\" 이라 하자.": r"""'$\frac{1}{2}$'의 값을 "$\frac{3}{4}$" 이라 하자.""",
    "값은 $5, {1} over {2} 배": r"값은 $5, $\frac{1}{2}$ 배",
}
LEFT_ALONE = (
    r"\frac{1}{3}의 값을 구하시오.",
    r"$\left( x^{2} \right)$의 값은?",
    r"\begin{cases} x+y=3 \\ x-y=1 \end{cases}의 해는?",
    "A= {abc}, B = {1, 2, 3}의 합집합은?",
    "{name}이 사과를 샀습니다.",
    "영어 낱말 over, times, left, right를 쓰시오.",
    "삼각형 ABC와 DEF가 합동이다. SIM 카드 3장",
    "x^2 + 3x = 4의 해를 구하시오.",
    "$x^{2}+1$의 값은?",
    "Find the sum of 1 over 2 and 3 times 4.",
)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_becomes_latex(script: str) -> None:
    made = to_latex(script)
    assert (made.text, made.unknown) == (SCRIPTS[script], [])


@pytest.mark.parametrize("text", TEXTS)
def test_scripts_become_latex_where_they_stand(text: str) -> None:
    assert has_script(text)
    assert converted(text).text == TEXTS[text]
    assert converted(TEXTS[text]).text == TEXTS[text]
    assert not has_script(TEXTS[text])


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_is_no_script_stays(text: str) -> None:
    assert not has_script(text)
    assert converted(text).text == text


def test_unknown_words_and_unmatched_braces_are_reported_and_stay() -> None:
    assert (to_latex("frobnicate {1} over {2}").text, to_latex("frobnicate {1} over {2}").unknown) == (
        r"frobnicate \frac{1}{2}",
        ["frobnicate"],
    )
    assert (to_latex("{1} over {2").text, to_latex("{1} over {2").unknown) == ("{1} over {2", ["{"])
    assert (to_latex("1} over {2}").text, to_latex("1} over {2}").unknown) == ("1} over {2}", ["}"])
    assert to_latex("LEFT ( x").unknown == ["LEFT"]
    assert to_latex("x RIGHT )").unknown == ["RIGHT"]


def test_no_generated_problem_changes() -> None:
    assert [p.text for p in generate(10, 7) if converted(p.text).text != p.text] == []


_WORDS_TEXT = (
    "over atop sqrt root of LEFT RIGHT ( ) [ ] { } | . < > ^ _ ^{2} _{1} TIMES DIV rm it bold cases matrix pmatrix SUM INT lim from to "
    "bar vec hat CDOTS LEQ <= -> ANGLE alpha GAMMA prime DEG ° ` ~ # & binom choose x 12 3.5 + - = \\ \\{ \\frac $ foo 가 , pile eqalign "
    'sup sub "단" "'
)
WORDS = st.sampled_from(_WORDS_TEXT.split())
TOKENS = st.lists(WORDS, max_size=40)
ARGUMENT = st.sampled_from(["x", "12", "AB", "alpha", "x ^{2}", "a _{n}"])
TREES = st.recursive(
    ARGUMENT,
    lambda part: st.one_of(
        st.builds("{{{}}} over {{{}}}".format, part, part),
        st.builds("sqrt {{{}}} of {{{}}}".format, part, part),
        st.builds("LEFT ( {} RIGHT )".format, part),
        st.builds("bar {{{}}}".format, part),
        st.builds("cases{{{}&x>0#{}&x<0}}".format, part, part),
        st.builds("{} +{}".format, part, part),
        st.builds("SUM _{{k=1}} ^{{{}}} {}".format, part, part),
        st.builds("LEFT {{ {} RIGHT }}".format, part),
    ),
    max_leaves=12,
)


def braces(latex: str) -> int:
    depth = 0
    for mark in re.findall(r"\\.|[{}]", latex, re.S):
        depth += {"{": 1, "}": -1}.get(mark, 0)
        assert depth >= 0, latex
    return depth


@given(TREES)
@settings(max_examples=200, deadline=None)
def test_generated_scripts_are_known_whole(script: str) -> None:
    made = to_latex(script)
    assert made.unknown == []
    assert braces(made.text) == 0
    text = f"다음 {script} 의 값은?"
    assert converted(converted(text).text).text == converted(text).text
    assert made.text.count("\\left") == made.text.count("\\right") + made.text.count("\\leftrightarrow")
    assert not re.search(r"\b(?:over|sqrt|LEFT|RIGHT|cases)\b(?!\})", re.sub(r"\\[a-z]+", "", made.text))


@given(TOKENS)
@example(["over", "RIGHT", "over"])
@settings(max_examples=400, deadline=None)
def test_any_words_convert_without_a_fault_and_only_once(words: list[str]) -> None:
    script = " ".join(words)
    made = to_latex(script)
    if "{" not in made.unknown and "}" not in made.unknown:
        assert braces(made.text) == 0
    text = f"다음 {script} 의 값은?"
    once = converted(text).text
    assert converted(once).text == once


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_converts_only_once(text: str) -> None:
    once = converted(text).text
    assert converted(once).text == once


def test_long_and_deeply_nested_scripts_convert_without_a_fault() -> None:
    for script in ("sqrt " * 5000, "{" * 5000 + "}" * 5000, "{1} over " * 3000 + "{2}", "LEFT ( " * 5000, "x ^{2} " * 5000, "bar " * 9000):
        to_latex(script)
        converted(f"다음 {script} 의 값은?")
