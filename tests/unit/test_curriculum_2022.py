"""The shipped 2022 curriculum against the counts of 교육부 고시 2022-33 별책 8."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from prefopt.taxonomy import builtin_taxonomy

# Standards per domain 01 수와 연산, 02 변화와 관계, 03 도형과 측정, 04 자료와 가능성, counted in the notice.
COUNTS = {"2": (11, 2, 13, 3), "4": (16, 3, 25, 3), "6": (15, 5, 19, 6), "9": (10, 22, 19, 9)}
BANDS = {"2": "초등 1~2학년", "4": "초등 3~4학년", "6": "초등 5~6학년", "9": "중학교 1~3학년"}
DOMAINS = {"01": "수와 연산", "02": "변화와 관계", "03": "도형과 측정", "04": "자료와 가능성"}
CODE = re.compile(r"\[([2469])수(0[1-4])-(\d\d)\]")


@pytest.fixture(scope="module")
def curriculum():
    return builtin_taxonomy("ko_math_2022")


def test_it_has_the_181_standards_of_primary_and_middle_school(curriculum):
    assert len(curriculum) == 181
    found = Counter(CODE.fullmatch(label.code).group(1, 2) for label in curriculum)
    assert found == {(band, f"0{i}"): n for band, counts in COUNTS.items() for i, n in enumerate(counts, 1)}


def test_codes_are_numbered_without_gaps_and_in_order(curriculum):
    expected = [
        f"[{band}수0{domain}-{number:02d}]"
        for band, counts in COUNTS.items()
        for domain, count in enumerate(counts, 1)
        for number in range(1, count + 1)
    ]
    assert list(curriculum.ids) == expected


def test_groups_follow_from_the_code(curriculum):
    for label in curriculum:
        band, domain, _ = CODE.fullmatch(label.code).groups()
        assert curriculum.group_of(label.id, "band") == BANDS[band]
        assert curriculum.group_of(label.id, "domain") == DOMAINS[domain]
        assert label.revision == "2022"


def test_levels_are_three_in_primary_and_five_in_middle_school(curriculum):
    for label in curriculum:
        assert label.levels == tuple("ABCDE" if label.code[1] == "9" else "ABC")


def test_names_are_short_and_distinct(curriculum):
    names = [label.name for label in curriculum]
    assert len(set(names)) == 181
    assert all(4 <= len(name) <= 20 for name in names)


def test_a_code_is_found_in_any_spelling(curriculum):
    for spelling in ("[2수01-05]", "2수01-05", "【2수01‐05】", " 2수01–05 ", "２수01-05"):
        assert curriculum.find(spelling) is curriculum["[2수01-05]"]
