"""Codes as schools write them: every spelling of every code is found as itself, and what is not a code of the taxonomy is never guessed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefopt.curricula import only_in_2015
from prefopt.project.unknown_labels import why_unknown
from prefopt.taxonomy import builtin_taxonomy, normalize_code, parse_taxonomy
from prefopt.texts.label_codes import read_cell, revision_of

ALL = builtin_taxonomy("ko_math_2022_all")
WIDE = {ord(c): ord(c) + 0xFEE0 for c in "0123456789[]().-_"}


def spellings(code: str, name: str) -> list[str]:
    """Ways in which a cell may hold one code; `name` is that of its label."""
    bare = code.strip("[]")
    head, number = bare.rsplit("-", 1)
    course = head[-4:-2] in ("1-", "2-", "Ⅰ-", "Ⅱ-")
    area, subject = head[-2:], head[:-2]
    short = f"{subject}{int(area)}-{int(number)}"
    return [
        code, bare, f"({bare})", f"〈{bare}〉", f"<{bare}>", f"【{bare}】", f"「{bare}」", f" {code} ", f"{code}.", f"{code},", f"{bare}:",
        f'"{code}"', f"{subject}{area}.{number}", f"[{subject}{area}_{number}]", f"[{subject}{area} {number}]",
        f"[{subject}{area}·{number}]",
        f"{subject}{area}{number}", short, f"[{short}]", f"({short})", f"{subject} {area}-{number}", f"{subject}{area} - {number}",
        *(bare.replace("-", dash) for dash in "‐‑‒–—―−－─"), bare.translate(WIDE), f"[{bare.translate(WIDE)}]",
        unicodedata.normalize("NFD", code), f"\ufeff{code}", f"{bare[:3]}\u200b{bare[3:]}", f"{code}\u00a0", f"{code}\n",
        f"{subject}{area.replace('0', 'O')}-{number.replace('0', 'O')}", f"{subject}{area}-{number.replace('1', 'l')}",
        f"{subject}{area}-{number.replace('1', 'I')}", f"성취기준: {code}", f"성취기준 코드 : {bare}", f"2022:{code}", f"2022 개정 {code}",
        f"{code}(2022)", f"{code} (2022 개정)", f"22개정 {code}", f"{code} {name}", f"{code}{name}", f"{name} {code}", f"{bare} {name}",
        f"[{subject}-{area}-{number}]", f"{subject}{area}~{number}", f"{subject}{area}:{number}", f"- {code}", f"1. {code}", f"① {bare}",
        f"[성취기준] {code}", f"[2022] {code}", f"2022-{bare}", f"{code}-2022", f"수학 {code}",
        f"{code} 다음을 이해하고, 이를 설명할 수 있다.", f"{code} {code}",
        *([bare.replace("-", "", 1), bare.replace("Ⅰ", "I").replace("Ⅱ", "II")] if course else []),
        *([bare.replace("Ⅰ", "1").replace("Ⅱ", "2")] if course else []),
    ]  # fmt: skip


@pytest.mark.parametrize("part", range(6))
def test_every_label_is_found_in_every_spelling(part):
    for label in ALL.labels[part::6]:
        for text in spellings(label.code, label.name):
            assert ALL.find(text) is label, (label.code, text)


def test_there_are_enough_spellings():
    assert len(set(spellings("[9수01-01]", "소인수분해"))) >= 50


def test_codes_of_the_curriculum_have_one_spelling_each():
    assert len({normalize_code(label.code) for label in ALL}) == len(ALL) == 435
    for label in ALL:
        assert normalize_code(label.code) == label.code


@given(st.text(alphabet=[*"0129OlI수미적공기확통Ⅰ[]()-–._ \u200b가사역"], max_size=14))
def test_normalizing_twice_changes_nothing(text):
    once = normalize_code(text)
    assert normalize_code(once) == once
    found = ALL.find(text)
    assert found is None or ALL.find(once) is found


@pytest.mark.parametrize(
    ("text", "why", "near"),
    [
        ("[9수01-01], [9수01-02]", "several", ["[9수01-01]", "[9수01-02]"]),
        ("[9수01-01][9수01-02]", "several", ["[9수01-01]", "[9수01-02]"]),
        ("[9수01-01]/[6수01-02] 소인수분해", "several", ["[9수01-01]", "[6수01-02]"]),
        ("9수01-01, 02", "several", ["[9수01-01]", "[9수01-02]"]),
        ("[9수01-01~03]", "several", ["[9수01-01]", "[9수01-03]"]),
        ("[9수01-01]과 [10수학01-01]", "several", ["[9수01-01]", "[10수학01-01]"]),
        ("[10수학01-01]", "2015", []),
        ("[10수학01-01] 다항식의 사칙연산을 할 수 있다.", "2015", []),
        ("10수학 1-1", "2015", []),
        ("[12수학Ⅰ01-01]", "2015", []),
        ("12수학II03-02", "2015", []),
        ("[12미적01-01]", "2015", []),
        ("[12실수01-02]", "2015", []),
        ("[12심수Ⅰ01-01]", "2015", []),
        ("[12고수Ⅱ01-01]", "2015", []),
        ("[9수05-03]", "2015", []),
        ("[9수04-15]", "2015", []),
        ("[6수05-01]", "2015", []),
        ("[4수02-13]", "2015", []),
        ("2015:[9수01-01]", "revision", []),
        ("[9수01-01] (2015 개정)", "revision", []),
        ("15개정 9수01-01", "revision", []),
        ("2015-9수01-01", "revision", []),
        ("2015 9수01-01", "revision", []),
        ("[9수01-01]-2015", "revision", []),
        ("수학 2015 [9수01-01]", "revision", []),
        ("[9수01-01] 소인수분해 (2015)", "revision", []),
        ("[2015] 성취기준: [9수01-01]", "revision", []),
        ("[9사(역사)01-01]", "unknown", []),
        ("[9과01-01]", "unknown", []),
        ("", "unknown", []),
        ("모름", "unknown", []),
    ],
)
def test_why_a_cell_names_no_label(text, why, near):
    assert ALL.find(text) is None
    found = why_unknown(text, ALL)
    assert (found.why, list(found.near)) == (why, near)


def test_suggestions_are_of_the_same_grade_and_subject():
    found = why_unknown("[9수01-11]", ALL)
    assert found.why == "similar"
    assert all(near.startswith("[9수") for near in found.near)
    assert all(ALL.find(near) is not None for near in found.near)


def test_a_hint_followed_to_the_letter_is_found():
    for text in ("[9수01-11]", "[2수01-50]", "소인수 분해하기"):
        for near in why_unknown(text, ALL).near:
            assert ALL.find(near) is not None


def test_codes_of_both_revisions_are_not_called_codes_of_2015():
    for label in ALL:
        assert not only_in_2015(label.code)


STATED = parse_taxonomy(
    "code,name,revision,statement\n"
    "[9수01-01],소인수분해,2022,소인수분해의 뜻을 알고 자연수를 소인수분해할 수 있다.\n"
    "[9수01-02],최대공약수와 최소공배수,2022,소인수분해를 이용하여 최대공약수와 최소공배수를 구할 수 있다.\n",
    "t.csv",
)


@pytest.mark.parametrize(
    "text",
    ["소인수분해", " 소인수 분해 ", "소인수분해의 뜻을 알고, 자연수를 소인수분해할 수 있다", unicodedata.normalize("NFD", "소인수분해")],
)
def test_a_name_or_statement_alone_is_read_where_it_is_exact(text):
    assert STATED.find(text) is STATED.labels[0]


def test_a_similar_name_or_statement_is_suggested_and_not_read():
    text = "소인수분해의 뜻을 알고, 수를 소인수분해한다."
    assert STATED.find(text) is None
    assert why_unknown(text, STATED).near[0] == "[9수01-01]"


@pytest.mark.parametrize(
    ("text", "contradiction"),
    [
        ("[9수01-01] 최대공약수와 최소공배수", STATED.labels[1]),
        ("[9수01-01] 소인수분해", None),
        ("[9수01-01] 소인수분해의 뜻을 알고, 자연수를 소인수분해 할 수 있다.", None),
        ("[9수01-01] 소인수분해의 뜻을 알고 자연수를 소인수분해", None),
        ("[9수01-01]", None),
        ("[9수01-01] 중요", None),
        ("[9수01-01] 다각형의 외각의 크기를 구할 수 있다.", STATED.labels[0].statement),
    ],
)
def test_words_that_contradict_the_code(text, contradiction):
    assert STATED.find(text) is STATED.labels[0]
    assert STATED.differs_from_statement(text) == contradiction


OTHER = parse_taxonomy(
    "code,name\nA-1,덧셈\nA-2,뺄셈\nhistory.ancient,고대\n[9사(역사)01-01],역사의 뜻\n1학년1-2,도형\n가),비\nC++,씨\nC,언어\nA1,하나\n",
    "t.csv",
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("A-1", "A-1"), ("a-1", "A-1"), ("A–1", "A-1"), ("Ａ－１", "A-1"), ("(A-1)", "A-1"), ("[A-1].", "A-1"), ("A-1\u200b", "A-1"),
        ("A-1 덧셈", "A-1"), ("A-1: 덧셈", "A-1"), ("덧셈", "A-1"), ("History.Ancient", "history.ancient"),
        ("9사(역사)01-01", "[9사(역사)01-01]"),
        ("[9사(역사)1-1] 역사의 뜻", "[9사(역사)01-01]"), ("1학년1-2", "1학년1-2"), ("가", "가)"), ("C++", "C++"), ("c", "C"),
        ("A-1 뺄셈", None), ("A-3", None), ("A 1", None), ("A-1 A-2", None), ("C+", None),
    ],
)  # fmt: skip
def test_codes_of_other_taxonomies_are_found_and_not_changed(text, code):
    found = OTHER.find(text)
    assert (found and found.code) == code


def test_a_year_in_a_label_of_ones_own_is_not_a_revision():
    taxonomy = parse_taxonomy("code,name\n기출 2015,수능\n기출 2022,모의 2022\nA,2015 개정\n", "t.csv")
    assert [taxonomy.find(text).code for text in ("기출  2015", "[기출 2015]", "모의 2022.", "2015 개정")] == ["기출 2015"] * 2 + [
        "기출 2022",
        "A",
    ]


def test_codes_of_other_taxonomies_are_kept_as_written():
    assert [label.code for label in OTHER] == [
        "A-1", "A-2", "history.ancient", "[9사(역사)01-01]", "1학년1-2", "가)", "C++", "C", "A1",
    ]  # fmt: skip


def test_codes_that_differ_in_case_alone_are_found_only_as_written():
    taxonomy = parse_taxonomy("code,name\nab,x\nAB,y\n", "t.csv")
    assert taxonomy.find("AB").name == "y"
    assert taxonomy.find("Ab") is None
    assert why_unknown("Ab", taxonomy).why == "ambiguous"


def test_the_revision_of_a_cell_chooses_between_equal_codes():
    both = parse_taxonomy("code,name,revision\n[6수01-01],약수,2015\n[6수01-01],혼합 계산,2022\n[6수01-02],배수,2015\n", "t.csv")
    for text in ("2015:[6수01-01]", "[6수01-01](2015)", "2015 개정 [6수01-01] 약수를 구한다", "2015:6수1-1"):
        assert both.find(text).name == "약수"
    assert both.find("2022 개정 교육과정 [6수01-01]").name == "혼합 계산"
    assert both.find("[6수01-01]") is None
    assert why_unknown("[6수01-01]", both).near == ("2015:[6수01-01]", "2022:[6수01-01]")
    assert both.find("6수01-02").name == "배수"
    assert both.find("[6수01-02] (2022 개정)") is None


@pytest.mark.parametrize(
    ("value", "year"),
    [("2022", "2022"), (2022, "2022"), (2022.0, "2022"), ("2022 개정", "2022"), ("2015 개정 교육과정", "2015"), ("22개정", "2022"),
     ("２０１５", "2015"), ("2022년 개정", "2022"), ("", ""), ("3", ""), ("2031", ""), ("개정", "")],
)  # fmt: skip
def test_revisions_as_people_write_them(value, year):
    assert revision_of(value) == year


def test_an_invisible_character_in_a_taxonomy_is_dropped():
    taxonomy = parse_taxonomy("code,name\n[2수01-05]\u200b,\ufeff덧셈\n\u200bA\u00ad,나\n", "t.csv")
    assert [(label.id, label.name) for label in taxonomy] == [("[2수01-05]", "덧셈"), ("A", "나")]


def test_words_of_a_statement_are_not_taken_for_codes():
    assert read_cell("연필 2자루와 지우개").codes == ()
    assert ALL.find("[2수01-06] 2개 3-1을 계산한다") is ALL["[2수01-06]"]
