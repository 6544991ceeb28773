"""The section on the school's own problems as sentences: every case, the same numbers in both languages, and the first screen as before."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from prefopt.calibration.gold_error import GoldError, stated
from prefopt.calibration.wordings import by_wording
from prefopt.grounds import Estimate
from prefopt.report import PoolSection, ReportContents
from prefopt.report.page import figures, render
from prefopt.report.wording import school_section as words
from prefopt.report.wording.say import Say
from tests.unit.posteriors import report_contents
from tests.unit.school_cases import pool_of, school_section
from tests.unit.test_report_files import Elements
from tests.unit.test_report_words import numbers

BOUNDED = GoldError(source="bounded", error=Estimate(value=0.2, low=0.0, high=0.2), slates=40, differ=4)


@pytest.fixture(scope="module")
def contents() -> ReportContents:
    plain = report_contents()
    return replace(plain, school=school_section(plain.current.calibration))


def sentences(contents: ReportContents) -> list[Say]:
    """Of all cases."""
    calibration = contents.current.calibration
    said: list[Say] = []
    for gold in (None, stated(0.03), stated(0.08), BOUNDED, school_section(calibration).gold.gold):
        said += words.gold_sentences(school_section(calibration, gold).gold, 0.05, 0.95)
    for right in (20, 70, 195):
        said += words.pool_sentences(school_section(calibration, holdout_right=right).pool, 0.95)
    for missing in words.MISSING:
        said += words.pool_sentences(PoolSection(0, None, missing), 0.95)
    for missing in words.SHIFT_MISSING:
        said += words.pool_sentences(PoolSection(0, pool_of(), "", None, missing), 0.95)
    for new, before in ((60, 10), (10, 60), (30, 30)):
        parts = by_wording([False] * 100, [i < new for i in range(100)], [i < before for i in range(100)])
        said.append(words.wording_sentence(parts, 0, 0.95))
    said += [words.wording_sentence(by_wording([x], [True], None), None, 0.95) for x in (True, False)]
    return said


def test_both_languages_have_the_same_numbers_and_no_number_is_lost(contents):
    said = sentences(contents)
    assert len({s.en for s in said}) > 25
    for say in said:
        assert sorted(numbers(say.ko)) == sorted(numbers(say.en)), say
        assert say.ko.endswith("."), say
        assert not re.search("[가-힣]", say.en), say


def test_every_fixed_text_is_there_in_both_languages():
    for table in (words.WORDS, words.MISSING, words.SHIFT_MISSING):
        for name, say in table.items():
            assert re.search("[가-힣]", say.ko), name
            assert not re.search("[가-힣]", say.en), name


def test_the_shift_is_said_only_where_the_interval_excludes_0(contents):
    low, near, high = (
        words.pool_sentences(school_section(contents.current.calibration, holdout_right=right).pool, 0.95)[-1].en for right in (195, 70, 2)
    )
    assert "right less often" in low
    assert "Cannot tell whether the pool differs" in near
    assert "right more often" in high


def test_wordings_that_did_not_gain_are_said_to_be_unclear(contents):
    page = render(contents)
    assert "처음 보는 표현의 문제에서 라운드 000 모델보다 나아졌는지는 판단할 수 없습니다" in page
    assert "분명히 나아진 것은 비슷한 문제로 배운 문제뿐입니다" in page
    assert "problems with a new wording" in page


def test_the_table_has_both_parts_with_both_adapters(contents):
    table = render(contents).split('<table class="wordings">')[1].split("</table>")[0]
    rows = [re.sub(r"<[^>]+>", " ", row).split() for row in table.split("<tr>")[2:]]
    shown = [[word for word in row if re.search(r"\d", word)] for row in rows]
    # new wordings: 50 of 110 right, the parent 52, 2 lost; learned: 70 of 90 against 30, 40 gained
    assert shown[0][:2] + shown[0][3:5] + shown[0][-2:] == ["110", "45.5%", "47.3%", "−1.8", "0", "2"]
    assert shown[1][:2] + shown[1][3:5] + shown[1][-2:] == ["90", "77.8%", "33.3%", "+44.4", "40", "0"]


def test_a_part_of_a_few_problems_is_counted_and_not_estimated(contents):
    few = by_wording([True] * 4 + [False] * 40, [True] + [False] * 43, [False] * 44)
    shown = render(replace(contents, school=replace(contents.school, wordings=few)))
    rows = shown.split('<table class="wordings">')[1].split("</table>")[0].split("<tr>")[2:]
    assert re.findall(r"\d+ / \d+", rows[1]) == ["1 / 4", "0 / 4", "1 / 0"]  # right, the parent's, gained and lost
    assert "%" not in rows[1]
    new = by_wording([False] * 4 + [True] * 40, [True] + [False] * 43, [False] * 44)
    assert "Only 4 hold-out problems have a new wording: cannot tell" in words.wording_sentence(new, 0, 0.95).en


def test_gold_is_said_to_be_taken_as_right_or_what_its_errors_do(contents):
    calibration = contents.current.calibration
    (taken,) = words.gold_sentences(None, 0.05, 0.95)
    assert "review.csv" in taken.en
    assert "feedback.gold_share" in taken.ko
    many = " ".join(s.en for s in words.gold_sentences(school_section(calibration, stated(0.08)).gold, 0.05, 0.95))
    assert "The errors of the expert labels alone reach the agreed error rate of 5%: nothing can be accepted" in many
    few = " ".join(s.en for s in words.gold_sentences(school_section(calibration, stated(0.03)).gold, 0.05, 0.95))
    assert "nothing can be accepted" not in few
    unsure = " ".join(s.en for s in words.gold_sentences(school_section(calibration).gold, 0.05, 0.95))
    assert "If 5.2% of them are wrong" in unsure


def test_every_number_of_the_section_is_in_the_json(contents):
    section = render(contents).split('id="school"')[1].split('id="reliability"')[0]
    shown = set(re.findall(r"\d+\.\d+", " ".join(Elements(f"<section {section}").words)))
    known: set[str] = set()

    def gather(tree: object) -> None:
        if isinstance(tree, dict):
            for value in tree.values():
                gather(value)
        elif isinstance(tree, float):
            known.update(f"{abs(scale * tree):.{digits}f}" for scale in (1, 100) for digits in (1, 2))

    gather(figures(contents)["school"])
    assert len(shown) > 20
    assert shown - known == set()


def test_the_first_screen_does_not_grow_and_the_section_follows_the_grounds(contents):
    plain = render(replace(contents, school=None))
    page = render(contents)
    marker = 'id="appendix"'
    assert page.split(marker)[0].split("</style>")[1] == plain.split(marker)[0].split("</style>")[1]
    assert re.findall(r'<section class="card" id="(\w+)"', page.split(marker)[1])[:2] == ["school", "reliability"]
    assert figures(replace(contents, school=None))["school"] is None


def test_agreement_of_teachers_is_not_offered_as_the_level_of_people(contents):
    page = render(contents)
    assert "compare the model's accuracy with it" not in page
    assert "나란히 놓고 보세요" not in page
    assert "the two cannot be compared" in page
    assert "agree on little more than 90%" in page
