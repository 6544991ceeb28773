"""Numbers and sentences: honest rounding, "cannot tell" where the data do not decide, the same numbers in both languages."""

from __future__ import annotations

import re

import pytest

from prefopt.calibration import evaluate
from prefopt.grounds import Estimate
from prefopt.report import charts
from prefopt.report.numbers import decimal, excerpt, out_of, percent, points, points_range, signed
from prefopt.report.tables import set_rows
from prefopt.report.wording import first_screen, sections
from prefopt.report.wording.fixed import TEXTS
from tests.unit.posteriors import FAST, calibrated, ids, normalized, report_contents, small_taxonomy


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [
        (0.732, 1, "73.2%"),
        (1.0, 0, "100%"),
        (0.9999, 0, "99.99%"),
        (0.0004, 1, "0.04%"),
        (0.0, 1, "0.0%"),
        (0.9996, 1, "99.96%"),
        (2e-7, 1, "< 0.01%"),
    ],
)
def test_percent_reads_as_0_or_100_only_where_it_is(share, digits, text):
    assert percent(share, digits) == text


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.732, (73, 100)), (1.0, (100, 100)), (0.0, (0, 100)), (0.998, (998, 1000)), (0.9999, (999, 1000)), (0.001, (1, 1000))],
)
def test_out_of_a_hundred_or_a_thousand(share, expected):
    assert out_of(share) == expected


def test_signs():
    assert (points(0.031), points(-0.031), points(0.0001)) == ("+3.1", "−3.1", "0.0")
    assert (signed(-0.0004, 3), decimal(-0.25), decimal(0.0)) == ("0.000", "−0.250", "0")
    assert points_range(Estimate(value=0, low=-0.01, high=0.02)) == "−1.0 ~ +2.0"


def test_excerpt_keeps_short_texts_and_cuts_long_ones():
    assert excerpt(" 사과  3개\n배 2개 ") == "사과 3개 배 2개"
    cut = excerpt("가나다 " * 1000)
    assert len(cut) <= 161
    assert cut.endswith("…")
    assert excerpt("a\u202eb\x00c") == "a\ufffdb\ufffdc"


def numbers(text: str) -> list[str]:
    return sorted(re.findall(r"\d[\d.,]*\d|\d", text))


def test_both_languages_have_the_same_numbers():
    row = report_contents().current
    found = row.calibration
    sentences = [
        first_screen.accuracy_tile(found).text,
        first_screen.change_tile(row).text,
        first_screen.sure_tile(found).text,
        first_screen.accept_tile(found).text,
        sections.accept_sentence(found),
        sections.sets_sentence(found.conformal),
        sections.ece_sentence(found.ece),
        sections.temperature_sentence(found.temperature, 0.95),
    ]
    for say in sentences:
        assert numbers(say.ko) == numbers(say.en), say


def test_every_fixed_text_is_there_in_both_languages():
    for name, say in TEXTS.items():
        assert say.ko, name
        assert say.en, name
        assert not re.search("[가-힣]", say.en), name


def test_calibrated_is_cannot_tell_and_sharpened_is_over_confident():
    taxonomy = small_taxonomy()
    log_probs, gold = calibrated(400, len(taxonomy), 4)
    calm, loud = (evaluate(normalized(k * log_probs), gold, ids(400), taxonomy, FAST, 7) for k in (1.0, 3.0))
    assert "판단 불가" in first_screen.sure_tile(calm).big.ko
    assert "판단할 수 없습니다" in sections.ece_sentence(calm.ece).ko
    assert "과신" in first_screen.sure_tile(loud).big.ko
    assert "over-confident" in first_screen.sure_tile(loud).big.en
    assert "cannot tell" not in sections.ece_sentence(loud.ece).en
    assert {b.flag for b in loud.reliability} >= {"over_confident"}


def test_sets_of_too_few_problems_are_cannot_tell():
    taxonomy = small_taxonomy()
    log_probs, gold = calibrated(40, len(taxonomy), 4)
    found = evaluate(log_probs, gold, ids(40), taxonomy, FAST, 7).conformal
    assert "판단할 수 없습니다" in sections.sets_sentence(found).ko
    assert {row[1:] for row in set_rows(found)} == {("–", "–")}


def test_the_headline_follows_the_decision():
    first, later = report_contents().history
    assert "채택합니다" in first_screen.headline(later)[0].ko
    held = type(later)(2, "kto", 1, later.calibration, later.decision.model_copy(update={"outcome": "held"}))
    assert "001" in first_screen.headline(held)[1].ko
    assert "아직" in first_screen.headline(held, parent_promoted=False)[0].ko
    lost = type(first)(0, "sft", None, first.calibration, first.decision.model_copy(update={"outcome": "held"}))
    assert "아직" in first_screen.headline(lost)[0].ko


def test_a_hundred_dots_for_an_interval():
    kinds = [kind for _, _, kind in charts.dots(Estimate(value=0.73, low=0.69, high=0.77))]
    assert (kinds.count("yes"), kinds.count("maybe"), kinds.count("no")) == (69, 8, 23)


def test_marks_are_inside_the_plot_at_their_numbers():
    found = report_contents().current.calibration
    chart = charts.reliability_chart(found)
    for mark, row in zip(chart.marks, found.reliability, strict=True):
        assert chart.top <= mark.top <= mark.y <= mark.bottom <= chart.bottom
        assert (mark.x - chart.left) / (chart.right - chart.left) == pytest.approx(row.confidence, abs=0.001)
        assert (chart.bottom - mark.y) / (chart.bottom - chart.top) == pytest.approx(row.accuracy.value, abs=0.001)


def test_many_rounds_keep_the_axis_readable():
    contents = report_contents()
    row = contents.history[-1]
    history = tuple(type(row)(i, "dpo", 0, row.calibration, row.decision) for i in range(35))
    chart = charts.trend_chart(history, "brier")
    assert len(chart.marks) == 35
    assert len(chart.xs) <= 10
    assert chart.xs[-1].text == "034"
    assert 3 <= len(chart.ys) <= 9
