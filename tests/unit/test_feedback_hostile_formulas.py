"""Formulas that nobody writes: nested as deeply as a text allows, or many beginnings without an end."""

from __future__ import annotations

import pytest

from feedback.mathematics import TOO_NESTED, to_markup
from prefopt.data.checks.text_checks import unfit
from prefopt.texts.formula_nesting import MAX_NESTING, nesting
from tests.expressions import growth

DEEP = {
    "braces": "{" * 490 + "x" + "}" * 490,
    "roots": r"\sqrt " * 390 + "x",
    "roots in braces": r"\sqrt{" * 280 + "x" + "}" * 280,
    "powers": "x^{" * 400 + "x" + "}" * 400,
    "bases": "{x" * 600 + "^x}" * 600,
    "indices": "x_" * 900 + "x",
    "fractions": r"\frac1{" * 250 + "x" + "}" * 250,
    "fractions above": r"\frac{" * 300 + "1" + "}2" * 300,
    "indices of roots": r"\sqrt[" * 300 + "x" + "]2" * 300,
    "runs of roots in braces": (r"\sqrt" * 30 + "{") * 12 + "x" + "}" * 12,
    "bars": r"\bar " * 390 + "x",
    "open braces": "{" * 1990,
    "closing braces": "}" * 1990,
}
MARKS = (("$", "$"), ("$$", "$$"), (r"\(", r"\)"), (r"\[", r"\]"))


@pytest.mark.parametrize("formula", DEEP.values(), ids=DEEP)
def test_shows_the_source_of_a_deep_formula(formula: str) -> None:
    for opening, closing in MARKS:
        shown = to_markup(f"다음 {opening}{formula}{closing} 값은?")
        assert "<math" not in shown
        assert "다음" in shown
        assert "값은?" in shown


@pytest.mark.parametrize("name", ["braces", "roots", "powers", "fractions", "runs of roots in braces"])
def test_says_why_a_deep_formula_is_shown_as_it_is(name: str) -> None:
    assert TOO_NESTED.replace("</small>", "</small >") in to_markup(f"${DEEP[name]}$")
    assert "formula-nested" in {kind for kind, _ in unfit(f"다음 식의 값을 구하시오. ${DEEP[name]}$")}


def test_formulas_of_the_deepest_level_are_shown() -> None:
    for make in (lambda n: "{" * n + "x" + "}" * n, lambda n: r"\sqrt" * n + " x", lambda n: r"\frac1{" * (n // 2) + "x" + "}" * (n // 2)):
        assert nesting(make(MAX_NESTING)) <= MAX_NESTING
        shown = to_markup(f"${make(MAX_NESTING)}$")
        assert "<math" in shown
        assert TOO_NESTED not in shown


def test_formulas_of_schools_are_not_nested() -> None:
    text = r"$\frac{1}{2}+\sqrt{\frac{3}{4}}=x^{2^{3}}$ 와 \(a_{n+1}\)의 합은?"
    assert nesting(text) < 6
    assert to_markup(text).count("<math") == 2


@pytest.mark.parametrize(
    "pump", [r"\(", r"\[", "$", "$$", r"\( a ", "$a", "{", r"\sqrt", "x^", "|---\n", "|a|\n|---\n", "1/", "</a>", "  ", "a|b\n"]
)
@pytest.mark.parametrize("ending", ["", "\na|b|c|d", "$", r"\)"])
def test_time_grows_with_the_length_of_a_text(pump: str, ending: str) -> None:
    assert growth(to_markup, lambda n: pump * (n // len(pump)) + ending) < 3
