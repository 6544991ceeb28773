"""The generated problems: coverage, determinism, wording, and answers checked by an independent calculation from the text alone."""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter, defaultdict
from fractions import Fraction

import pytest

from prefopt.errors import DataError
from prefopt.taxonomy import builtin_taxonomy
from prefopt.tiny.families import all_families
from prefopt.tiny.problems import covered_codes, generate, generate_with_answers
from prefopt.tiny.units import units


@pytest.fixture(scope="module")
def drawn():
    return generate_with_answers(24, seed=42)


@pytest.fixture(scope="module")
def problems(drawn):
    return [g.problem for g in drawn]


def test_enough_standards_in_every_cell():
    taxonomy = builtin_taxonomy()
    cells = Counter(taxonomy[code].groups for code in covered_codes())
    assert len(covered_codes()) >= 90
    assert len(cells) == 16
    assert min(cells.values()) >= 2


def test_every_family_has_three_wordings_and_all_of_them_appear(problems):
    wordings = defaultdict(set)
    for p in problems:
        name, _, wording = p.family.rpartition("-")
        wordings[name].add(wording)
    assert set(wordings) == {f"{f.code}/{f.name}" for f in all_families()}
    assert min(len(found) for found in wordings.values()) >= 3


def test_names_of_families_are_unique():
    names = Counter(f"{f.code}/{f.name}" for f in all_families())
    assert max(names.values()) == 1


def test_texts_and_ids_are_unique(problems):
    assert max(Counter(p.text for p in problems).values()) == 1
    assert max(Counter(p.id for p in problems).values()) == 1


def test_no_text_stands_for_two_standards_under_any_of_several_seeds():
    owner = {}
    for seed in range(4):
        for p in generate(12, seed):
            assert owner.setdefault(p.text, p.label) == p.label


def test_the_same_seed_gives_the_same_problems_and_another_seed_others():
    assert generate(3, 5) == generate(3, 5)
    first, second = {p.text for p in generate(3, 5)}, {p.text for p in generate(3, 6)}
    assert len(first & second) < len(first) / 10


def test_a_problem_does_not_depend_on_which_other_standards_are_asked_for(problems):
    codes = ["[4수01-15]", "[6수01-08]"]
    assert generate(24, 42, codes) == [p for code in codes for p in problems if p.label == code]


def test_an_uncovered_code_is_refused_by_name():
    with pytest.raises(DataError, match="2수99-99"):
        generate(1, 0, ["[2수99-99]"])


def test_more_problems_than_there_are_texts_are_refused():
    with pytest.raises(DataError, match=r"\[4수01-12\] has only \d+ different problems"):
        generate(5000, 0, ["[4수01-12]"])


def test_texts_are_whole_sentences_without_markers_or_broken_numbers(problems):
    for p in problems:
        assert not re.search(r"\[[가-힣]+/[가-힣]+\]", p.text + p.reason), p.text
        assert p.text.rstrip()[-1] in ".?)<>0123456789개㉡☆○△□◇♡…" or p.text.endswith(")"), p.text
        assert "None" not in p.text, p.text
        assert "  " not in re.sub(r"\( +\)", "()", p.text), p.text
        assert not re.search(r"\d\.\d*0{6,}", p.text), p.text


def test_no_wrong_particle_after_a_digit(problems):
    ends_in_consonant = "013678"
    for p in problems:
        for digit, particle in re.findall(r"(?<![/.^])(?<![/.^]\d)(\d)(을|를|은|는|과|와)(?= )", p.text):
            assert (particle in "을은과") == (digit in ends_in_consonant), p.text


def test_reasons_have_two_sentences_and_end_by_naming_the_label(problems):
    taxonomy = builtin_taxonomy()
    for p in problems:
        sentences = re.findall(r"[^ ].*?다\.(?= |$)", p.reason)
        assert len(sentences) == 2, p.reason
        assert taxonomy[p.label].name in sentences[1], p.reason


def test_level_difficulty_and_concepts_fit_the_standard(problems):
    taxonomy = builtin_taxonomy()
    for p in problems:
        assert p.level in taxonomy[p.label].levels
        assert 1 <= p.difficulty <= 5
        assert 2 <= len(p.concepts) <= 3
        assert all(len(c) <= 14 for c in p.concepts)


def test_every_standard_of_the_curriculum_has_a_unit_and_no_unit_is_a_standard():
    taxonomy = builtin_taxonomy()
    assert set(units()) == set(taxonomy.ids)
    assert len(set(units().values())) < len(taxonomy) / 2


# --- answers, calculated again from the text ---------------------------------------------------------------------------------------------


def numbers(text):
    return [int(n) for n in re.findall(r"(?<![\d.])\d+(?![\d.]*\d)", text)]


def fractions(text):
    return [Fraction(n) for n in re.findall(r"\d+/\d+", text)]


def as_fraction(answer):
    whole, _, rest = answer.replace("와", "과").partition("과 ")
    return Fraction(whole) + (Fraction(rest) if rest else 0)


def decimals(text):
    return [Fraction(n) for n in re.findall(r"\d+(?:\.\d+)?", text)]


def first_number(answer):
    return int(re.search(r"-?\d+", answer)[0])


def stretch(text):
    low, high = numbers(text)[-2:] if "자연수는" not in text else numbers(text)[:2]
    return [n for n in range(low, high + 1) if not (("초과" in text and n == low) or ("미만" in text and n == high))]


CHECKS = {
    "2수01-06/addition-1": lambda t, a: first_number(a) == sum(numbers(t)),
    "2수01-06/addition-3": lambda t, a: first_number(a) == sum(numbers(t)),
    "2수01-06/subtraction-1": lambda t, a: first_number(a) == numbers(t)[0] - numbers(t)[1],
    "2수01-06/subtraction-4": lambda t, a: first_number(a) == numbers(t)[0] - numbers(t)[1],
    "2수01-08/three-numbers-1": lambda t, a: first_number(a) == numbers(t)[0] + numbers(t)[1] - numbers(t)[2],
    "2수01-08/three-numbers-3": lambda t, a: first_number(a) == numbers(t)[0] + numbers(t)[1] - numbers(t)[2],
    "2수01-11/times-table-3": lambda t, a: first_number(a) == math.prod(numbers(t)),
    "2수03-08/hours-minutes-1": lambda t, a: [int(n) for n in re.findall(r"=(\d+)시간 (\d+)분", a)[0]] == list(divmod(numbers(t)[0], 60)),
    "4수01-03/three-digit-sum-2": lambda t, a: first_number(a) == sum(numbers(t)),
    "4수01-03/three-digit-difference-4": lambda t, a: first_number(a) == numbers(t)[0] - numbers(t)[1],
    "4수01-04/multiplication-1": lambda t, a: first_number(a) == math.prod(numbers(t)),
    "4수01-06/by-one-digit-1": lambda t, a: numbers(a) == list(divmod(*numbers(t))),
    "4수01-07/by-two-digits-2": lambda t, a: numbers(a) == list(divmod(*numbers(t))),
    "4수01-11/same-denominator-1": lambda t, a: Fraction(a) == max(fractions(t)),
    "4수01-15/same-denominator-sum-1": lambda t, a: as_fraction(a) == sum(fractions(t)),
    "4수01-15/same-denominator-sum-2": lambda t, a: as_fraction(a) == fractions(t)[0] - fractions(t)[1],
    "4수01-16/decimal-sum-1": lambda t, a: Fraction(a) == sum(decimals(t)),
    "4수01-16/decimal-sum-4": lambda t, a: Fraction(a) == decimals(t)[0] - decimals(t)[1],
    "4수03-25/angle-sums-1": lambda t, a: first_number(a) == 180 - sum(numbers(t)),
    "4수03-25/angle-sums-2": lambda t, a: first_number(a) == 360 - sum(numbers(t)),
    "6수01-01/mixed-operations-1": lambda t, a: first_number(a) == numbers(t)[0] + numbers(t)[1] * numbers(t)[2] - numbers(t)[3],
    "6수01-02/range-2": lambda t, a: first_number(a) == len(stretch(t)),
    "6수01-04/divisors-1": lambda t, a: first_number(a) == math.gcd(*numbers(t)),
    "6수01-05/multiples-1": lambda t, a: first_number(a) == math.lcm(*numbers(t)),
    "6수01-07/different-denominators-1": lambda t, a: Fraction(a) == max(fractions(t)),
    "6수01-08/different-denominators-sum-1": lambda t, a: as_fraction(a) == sum(fractions(t)),
    "6수01-08/different-denominators-sum-4": lambda t, a: as_fraction(a) == fractions(t)[0] - fractions(t)[1],
    "6수01-09/fraction-times-1": lambda t, a: as_fraction(a) == math.prod(fractions(t)),
    "6수01-10/quotient-fraction-1": lambda t, a: as_fraction(a) == Fraction(*numbers(t)),
    "6수01-11/fraction-division-1": lambda t, a: as_fraction(a) == fractions(t)[0] / fractions(t)[1],
    "6수01-13/decimal-times-1": lambda t, a: Fraction(a) == math.prod(decimals(t)),
    "6수01-14/quotient-decimal-1": lambda t, a: Fraction(a) == Fraction(*numbers(t)),
    "6수01-15/decimal-division-1": lambda t, a: Fraction(a) == decimals(t)[0] / decimals(t)[1],
    "6수02-04/proportion-1": lambda t, a: numbers(t)[0] * first_number(a) == numbers(t)[1] * numbers(t)[2],
    "6수02-05/proportional-share-1": lambda t, a: (
        sum(numbers(a)) == numbers(t)[0] and numbers(a)[0] * numbers(t)[2] == numbers(a)[1] * numbers(t)[1]
    ),
    "6수03-11/perimeter-1": lambda t, a: first_number(a) == 2 * sum(numbers(t)),
    "6수03-13/rectangle-area-1": lambda t, a: first_number(a) == math.prod(numbers(t)),
    "6수03-16/circle-area-1": lambda t, a: decimals(a)[0] == decimals(t)[0] ** 2 * decimals(t)[1],
    "6수03-17/surface-1": lambda t, a: first_number(a) == 2 * sum(x * y for x, y in [numbers(t)[:2], numbers(t)[1:], numbers(t)[::2]]),
    "6수03-19/cuboid-volume-1": lambda t, a: first_number(a) == math.prod(numbers(t)),
    "6수04-01/mean-2": lambda t, a: first_number(a) == statistics.mean(numbers(t)),
    "9수01-01/prime-factors-1": lambda t, a: (
        math.prod(int(b) ** int(e or 1) for b, e in re.findall(r"(\d+)(?:\^(\d+))?", a)) == numbers(t)[0]
        and all(int(b) in (2, 3, 5, 7) for b, _ in re.findall(r"(\d+)(?:\^(\d+))?", a))
    ),
    "9수01-06/repeating-1": lambda t, a: round(float(Fraction(a)), 6) == pytest.approx(float(re.search(r"0\.\d+", t)[0]), abs=1e-5),
    "9수02-04/linear-equation-2": lambda t, a: sum(numbers(a)) == numbers(t)[0] and numbers(a)[2] - numbers(a)[0] == 2,
    "9수03-05/polygon-angles-4": lambda t, a: True if not re.match(r"\d", a) else 180 * (first_number(a) - 2) == numbers(t)[0],
    "9수03-15/pythagoras-1": lambda t, a: first_number(a) ** 2 == sum(n * n for n in numbers(t)),
    "9수04-01/median-mode-1": lambda t, a: first_number(a) == statistics.median(numbers(t)),
    "9수04-01/median-mode-2": lambda t, a: first_number(a) == statistics.mode(numbers(t)),
    "9수04-05/counting-2": lambda t, a: first_number(a) == math.factorial(numbers(t)[0]),
    "9수04-07/variance-1": lambda t, a: first_number(a) == statistics.pvariance(numbers(t)),
}


@pytest.mark.parametrize("family", sorted(CHECKS))
def test_answers_agree_with_an_independent_calculation(family, drawn):
    found = [g for g in drawn if g.problem.family == family]
    assert found, f"no problem of {family} was drawn"
    for g in found:
        assert CHECKS[family](g.problem.text, g.answer), (g.problem.text, g.answer)


def test_equations_of_the_middle_school_hold_at_the_answer(drawn):
    checked = 0
    for g in drawn:
        if g.problem.family == "9수02-04/linear-equation-1":
            left, right = re.search(r"일차방정식 (\S+)=(\S+?)(?:을|를) ", g.problem.text).groups()
            x = int(g.answer.removeprefix("x="))
            assert value(left, x) == value(right, x), g.problem.text
            checked += 1
        if g.problem.family == "9수02-20/quadratic-equation-1":
            left = re.search(r"이차방정식 (\S+)=0", g.problem.text)[1]
            assert all(value(left, int(x)) == 0 for x in re.findall(r"x=(-?\d+)", g.answer)), g.problem.text
            checked += 1
    assert checked >= 4


def value(polynomial, x):
    """A polynomial in x, e.g. 3x^2-x+4, at a whole number: term by term."""
    total = 0
    for sign, size, letter, power in re.findall(r"([+-]?)(\d*)(x?)(?:\^(\d))?", polynomial):
        if size or letter:
            total += (-1 if sign == "-" else 1) * int(size or 1) * (x ** int(power or 1) if letter else 1)
    return total
