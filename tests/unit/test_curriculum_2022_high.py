# ruff: noqa: E501  a Hangul syllable counts as two columns
"""High school and both together: counts of 교육부 고시 2022-33 별책 8, code spellings, codes of two revisions, faults of a taxonomy."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from importlib import resources

import pytest

from prefopt.curricula import in_both_revisions
from prefopt.data.checks.taxonomy_checks import colliding_codes, taxonomy_faults
from prefopt.taxonomy import builtin_taxonomy, normalize_code, parse_taxonomy

# Standards per domain of each course.
COURSES = {
    "공통수학1": ("10공수1-", (3, 11, 3, 2)), "공통수학2": ("10공수2-", (7, 8, 5)), "기본수학1": ("10기수1-", (3, 9, 3, 2)), "기본수학2": ("10기수2-", (7, 5, 5)),
    "대수": ("12대수", (8, 3, 7)), "미적분Ⅰ": ("12미적Ⅰ-", (4, 10, 6)), "확률과 통계": ("12확통", (3, 6, 7)), "미적분Ⅱ": ("12미적Ⅱ-", (5, 11, 7)),
    "기하": ("12기하", (4, 5, 5)), "경제 수학": ("12경수", (5, 6, 3, 4)), "인공지능 수학": ("12인수", (3, 3, 3, 4, 2)), "직무 수학": ("12직수", (3, 5, 5, 5)),
    "수학과 문화": ("12수문", (4, 4, 4, 4)), "실용 통계": ("12실통", (3, 4, 4, 2)), "수학과제 탐구": ("12수과", (2, 4, 4)),
}  # fmt: skip
CHECKSUMS = {
    "ko_math_2022": "753d6bfff9ebdec10e1f986e19c52807e5cc5eb48208d49d57e496e74d786557",
    "ko_math_2022_high": "83d9318ac64ea811aa2322f2b3f2e616615a2c2efe3f148841dadb76de1092e6",
}


@pytest.fixture(scope="module")
def high():
    return builtin_taxonomy("ko_math_2022_high")


def test_it_has_the_254_standards_of_15_courses_in_order(high):
    expected = [f"[{p}{i:02d}-{n:02d}]" for p, counts in COURSES.values() for i, count in enumerate(counts, 1) for n in range(1, count + 1)]
    assert len(high) == 254
    assert len(COURSES) == 15
    assert list(high.ids) == expected


def test_courses_and_domains_are_the_groups(high):
    found = Counter(label.groups[0].removeprefix("고등학교 ") for label in high)
    assert found == {course: sum(counts) for course, (_, counts) in COURSES.items()}
    for course, (_, counts) in COURSES.items():
        assert len({label.groups for label in high if label.groups[0] == f"고등학교 {course}"}) == len(counts)


def test_both_together_have_435_labels_with_names_of_their_own():
    everything = builtin_taxonomy("ko_math_2022_all")
    assert len(everything) == 435
    assert len({label.name for label in everything}) == 435
    assert all(4 <= len(label.name) <= 20 for label in everything)
    assert taxonomy_faults(everything) == []


@pytest.mark.parametrize("name", CHECKSUMS)
def test_the_shipped_files_have_the_reviewed_hashes(name):
    data = (resources.files("prefopt.curricula") / f"{name}.csv").read_bytes()
    assert hashlib.sha256(data).hexdigest() == CHECKSUMS[name]


def test_153_codes_exist_in_both_revisions():
    assert len(colliding_codes(builtin_taxonomy("ko_math_2022_all"))) == 153
    assert in_both_revisions("[6수01-15]")
    assert not in_both_revisions("[4수03-15]")
    assert not in_both_revisions("[12미적Ⅰ-01-01]")


@pytest.mark.parametrize(
    ("spelling", "code"),
    [
        ("12미적Ⅰ-01-01", "[12미적Ⅰ-01-01]"),
        ("[12미적I-01-01]", "[12미적Ⅰ-01-01]"),
        ("[12미적Ⅰ01-01]", "[12미적Ⅰ-01-01]"),
        ("12미적2-03-07", "[12미적Ⅱ-03-07]"),
        ("【12 미적Ⅱ－03－07】", "[12미적Ⅱ-03-07]"),
        ("10공수1-02-11", "[10공수1-02-11]"),
        ("10공수Ⅰ-02-11", "[10공수1-02-11]"),
        ("10기수201-07", "[10기수2-01-07]"),
        ("12대수03–07", "[12대수03-07]"),
        ("9수04-08", "[9수04-08]"),
        ("수찾기1", "수찾기1"),
    ],
)
def test_one_spelling_per_code_of_high_school(spelling, code, high):
    assert normalize_code(spelling) == code
    assert normalize_code(code) == code
    if code in high:
        assert high.find(spelling) is high[code]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,덧셈,수\nb,덧 셈,수\n", "2 labels have the name '덧셈'"),
        ("A-1,덧셈,수\na1,뺄셈,수\n", "differ only in punctuation"),
        ("a,덧셈,수,식\nb,뺄셈,식,수\n", "is above"),
        ("a,덧셈,수,수\nb,뺄셈,식,가\n", "is above itself"),
    ],
)
def test_faults_of_a_taxonomy_are_found(rows, message):
    columns = "code,name,outer,inner" if rows.split("\n")[0].count(",") == 3 else "code,name,outer"
    faults = taxonomy_faults(parse_taxonomy(f"{columns}\n{rows}", "t.csv"))
    assert [f.error for f in faults] == [True]
    assert message in faults[0].detail


def test_labels_with_the_same_tokens_are_found():
    taxonomy = parse_taxonomy("code,name\na,덧셈\nb,뺄셈\nc,곱셈\n", "t.csv")
    (fault,) = taxonomy_faults(taxonomy, lambda label: [0] if label in "ab" else [ord(label)])
    assert fault.labels == ("a", "b")
    assert "no model can distinguish them" in fault.detail
    assert not re.search("error", fault.detail)
