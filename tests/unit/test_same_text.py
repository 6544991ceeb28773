"""One spelling and one key for all spellings of a problem, and none for two problems."""

from __future__ import annotations

import random
import re
import time
import unicodedata
from collections import defaultdict
from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from prefopt.curricula.generator.problem_generator import generate
from prefopt.texts.folded import fold, folded, visible
from prefopt.texts.same_text import as_read, canonical, key, name_key
from tests.unit.same_text_cases import CHANGED, FAMILIES, HELD_OUT, NEAR_MISSES, PROBLEMS, RULES, SEEN_ALIKE

ANY_TEXT = st.text(
    st.one_of(
        st.characters(codec="utf-8", exclude_categories=("Mn", "Mc", "Cn", "Cs")),
        st.sampled_from(" 12\n$\\{}()[]<>&;①②가나점번문제.,?!-+²₂½\u200b\u0301\u1100\u1161"),
    ),
    max_size=60,
)
"""Texts with many of the characters that the rules look for."""


def test_the_rules_make_hundreds_of_spellings():
    assert all(len(family) >= 60 for family in FAMILIES.values())
    assert sum(len(family) for family in FAMILIES.values()) >= 1000
    used = {rule for family in FAMILIES.values() for rule, _ in family}
    assert set(RULES) - {"choices in lines"} <= used, "each rule makes a spelling of its own; choices are in lines by 'lines' too"


@pytest.mark.parametrize("name", FAMILIES)
def test_a_problem_has_one_spelling_and_one_key(name):
    printed = PROBLEMS[name]
    other = [(rule, text) for rule, text in FAMILIES[name] if canonical(text) != canonical(printed) or key(text) != key(printed)]
    assert other == []


def test_ten_problems_have_ten_keys():
    assert len({key(text) for text in PROBLEMS.values()}) == len({canonical(text) for text in PROBLEMS.values()}) == len(PROBLEMS)


@pytest.mark.parametrize("text", [*CHANGED.values(), *SEEN_ALIKE])
def test_trivial_changes_of_a_text_change_nothing(text):
    assert (canonical(text), key(text)) == (canonical(HELD_OUT), key(HELD_OUT)) == ("3+4의 값은 얼마입니까", "3+4의값은얼마입니까")


@pytest.mark.parametrize(("one", "other"), NEAR_MISSES)
def test_different_problems_stay_apart(one, other):
    assert key(one) != key(other)
    assert canonical(one) != canonical(other)


def _squeezed(text: str) -> str:
    """What earlier versions compared texts by."""
    text = unicodedata.normalize("NFKC", text.translate({ord(c): f"^{i}" for i, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")})).casefold()
    soft = re.compile(r"""(?<=\d),(?=\d{3}(?!\d))|[.,](?!\d)|[\s?!…"'“”‘’·`~]""")
    return soft.sub("", re.sub(r"(?<=\d)\s+(?=\d)", "_", text))


def test_no_two_generated_problems_become_one():
    problems = generate(10, 7)
    assert len(problems) >= 1810
    texts = defaultdict(set)
    for problem in problems:
        texts[key(problem.text)].add(_squeezed(problem.text))
    assert [found for found in texts.values() if len(found) > 1] == []


@pytest.mark.parametrize("rule", RULES)
def test_every_generated_problem_keeps_its_key_in_every_spelling(rule):
    spell = RULES[rule]
    drawn = random.Random(rule).sample(generate(2, 7), 60)
    texts = [p.text for p in drawn if rule != "(12) before" or not p.text.startswith("-")]  # (12) -7a may be a product
    assert [text for text in texts if key(spell(text)) != key(text)] == []


@given(ANY_TEXT)
@settings(deadline=None, max_examples=400)
def test_folding_is_done_once_and_knows_where_each_character_stood(text):
    assume("&" not in text)
    found = folded(text)
    assert found.text == fold(text) == fold(fold(text))
    assert len(found.text) == len(found.starts) == len(found.ends)
    assert all(0 <= a < b <= len(text) for a, b in zip(found.starts, found.ends, strict=True))
    assert all(a <= b for a, b in zip(found.starts, found.starts[1:], strict=False))


def test_every_character_is_folded_once():
    everyone = (c for c in map(chr, range(1, 0x20000)) if unicodedata.category(c) not in ("Cn", "Cs"))
    assert [c for c in everyone if fold(fold(f"가{c}나")) != fold(f"가{c}나")] == []


@given(ANY_TEXT)
@settings(deadline=None, max_examples=400)
def test_every_unicode_form_and_invisible_character_is_the_same_text(text):
    assume("&" not in text)
    for form in ("NFC", "NFD"):
        assert key(unicodedata.normalize(form, text)) == key(text)
    assert canonical("\u200b".join(["", *text, ""])) == canonical(text)
    assert canonical(visible(text)) == canonical(text)
    assert visible(visible(text)) == visible(text)
    assert name_key(unicodedata.normalize("NFD", text)) == name_key(text)


@given(ANY_TEXT)
@settings(deadline=None, max_examples=200)
def test_a_text_is_never_made_empty(text):
    if fold(text).strip():
        assert canonical(text)
    assert as_read(text, "as written") == text


number = st.integers(0, 999).map(str)
formula = st.lists(st.tuples(st.sampled_from("+-×÷"), number), min_size=1, max_size=4).map(
    lambda found: "".join(a + b for a, b in found)[1:]
)


@given(formula, formula)
@settings(deadline=None, max_examples=300)
def test_two_formulas_are_one_text_only_if_they_are_equal(one, other):
    for frame in ("{}의 값은?", "12. $ {} $ [3점]", "① {} ② 5", "{}"):
        assert (key(frame.format(one)) == key(frame.format(other))) == (one == other)


@given(
    st.lists(number, min_size=2, max_size=4),
    st.sampled_from([" ", ", ", "·", " ~ ", "/", ":", "; "]),
    st.sampled_from([" ", ", ", "·", " ~ ", "/", ":"]),
)
@settings(deadline=None, max_examples=300)
def test_what_parts_two_numbers_counts(numbers, one, other):
    first, second = one.join(numbers), other.join(numbers)
    assert (key(f"수 {first}의 값") == key(f"수 {second}의 값")) == (one == other)
    assert key(f"수 {first}") != key("수 " + "".join(numbers))


@pytest.mark.parametrize(
    ("latex", "plain"),
    [
        (r"각의 크기가 $30^{\circ}$일 때", "각의 크기가 30°일 때"),
        (r"각의 크기가 $30 ^ \circ$일 때", "각의 크기가 30°일 때"),
        (r"길이가 $3 \mathrm{~cm}$인 선분", "길이가 3 cm인 선분"),
        (r"$3 \times 4 \div 2$의 값", "3 × 4 ÷ 2의 값"),
        (r"$x \leq 5$인 수", "x ≤ 5인 수"),
        (r"\[ \sqrt { 2 } + 1 \] 의 값", r"\sqrt{2}+1의 값"),
        (r"$f\left( x \right)$의 값", "f(x)의 값"),
        (r"할인율 $30\%$", "할인율 30%"),
        (r"$x_{1}$과 $x_{12}$", "x₁과 x₁₂"),
        (r"$a^{-1}$", "a⁻¹"),
    ],
)
def test_formulas_are_read_alike_in_latex_and_in_plain_text(latex, plain):
    assert canonical(latex) == canonical(plain)


def test_names_differ_only_in_what_can_be_seen():
    assert name_key("문항1") == name_key("문항1\u200b") == name_key(unicodedata.normalize("NFD", "문항1")) == name_key(" 문항１ ")
    assert name_key("A–1") == name_key("a-1")
    assert len({name_key(name) for name in ("문항1", "문항2", "문항 1", "문항-1", "문항11")}) == 5


HOSTILE: dict[str, Callable[[int], str]] = {
    "dollars": lambda n: "$" * n,
    "dollars and letters": lambda n: "$a" * n,
    "dollar, then text": lambda n: "$" + "a" * n,
    "open braces": lambda n: "{" * n,
    "open and closed braces": lambda n: "{" * n + "}" * n,
    "scripts": lambda n: "x^{" * n,
    "backslashes": lambda n: "\\" * n,
    "text commands": lambda n: "\\text{" * n,
    "open tags": lambda n: "<" * n,
    "breaks without an end": lambda n: "<br a=" * n,
    "raised tags": lambda n: "<sup>" * n,
    "tags": lambda n: "<b>" * n + "</b>" * n,
    "spaces": lambda n: "a" + " " * n + "b",
    "lines": lambda n: "a" + "\n" * n + "b",
    "spaces and marks": lambda n: "? " * n + "a",
    "marks": lambda n: "?" * n + "①",
    "points": lambda n: "[3점] " * n,
    "open points": lambda n: "[3" * n,
    "choices": lambda n: "① " * n,
    "numbers in brackets": lambda n: " (1) (2) (3)" * n,
    "digits": lambda n: "1" * n,
    "thousands": lambda n: "1,234," * n,
    "commas": lambda n: "1" + "," * n,
    "operators": lambda n: "1 + " * n,
    "dashes": lambda n: "-" * n,
    "combining marks": lambda n: "a" + "\u0301\u0316" * n,
    "jamo": lambda n: "\u1100\u1161\u11a8" * n,
    "invisible": lambda n: "\u200b" * n + "a",
    "ampersands": lambda n: "&" * n,
    "references": lambda n: "&#1" * n,
    "item numbers": lambda n: "12. " * n,
    "titles": lambda n: "문제 12 " * n,
    "quotes": lambda n: "f'" * n,
    "dots": lambda n: "." * n + "1",
}


def _work(text: str) -> float:
    """Processor time of all three functions, the least of three runs."""
    taken = []
    for _ in range(3):
        before = time.process_time()
        folded(text)
        visible(text)
        key.__wrapped__(text)
        taken.append(time.process_time() - before)
    return min(taken)


@pytest.mark.parametrize("name", HOSTILE)
def test_the_work_grows_with_the_length_of_a_text_and_not_with_its_square(name):
    """Sixteen times the text: about 16 times the work where it is linear, 256 times where it is a square."""
    make = HOSTILE[name]
    assert _work(make(16_000)) < 100 * _work(make(1_000))
