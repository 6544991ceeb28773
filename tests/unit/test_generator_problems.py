"""The generated problems: coverage, determinism, wording. Their answers: test_generator_answers.py."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import pytest

from prefopt.curricula.generator.families import all_families
from prefopt.curricula.generator.problem_generator import covered_codes, generate, generate_with_answers
from prefopt.curricula.generator.textbook_units import units
from prefopt.errors import DataError
from prefopt.taxonomy import builtin_taxonomy


@pytest.fixture(scope="module")
def drawn():
    return generate_with_answers(24, seed=42)


@pytest.fixture(scope="module")
def problems(drawn):
    return [g.problem for g in drawn]


def test_every_standard_of_grades_1_to_9_has_a_family():
    assert covered_codes() == builtin_taxonomy().ids
    assert len(covered_codes()) == 181


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


def test_no_text_belongs_to_two_standards_under_several_seeds():
    owner = {}
    for seed in range(4):
        for p in generate(12, seed):
            assert owner.setdefault(p.text, p.label) == p.label


def test_the_same_seed_gives_the_same_problems_and_another_seed_others():
    assert generate(3, 5) == generate(3, 5)
    first, second = {p.text for p in generate(3, 5)}, {p.text for p in generate(3, 6)}
    assert len(first & second) < len(first) / 10


def test_a_problem_does_not_depend_on_the_other_standards(problems):
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
        assert p.text.rstrip()[-1] in ".?)<>0123456789개㉡㉢☆○△□◇♡…" or "쓰" in p.text or "기호" in p.text, p.text
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
