"""Numbers and sentences: honest rounding, "cannot tell" where the data do not decide, the same numbers in both languages."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from prefopt.calibration import evaluate
from prefopt.calibration.review_result import Acceptance
from prefopt.grounds import Clause, Estimate
from prefopt.records import Decision
from prefopt.report import charts
from prefopt.report.numbers import decimal, excerpt, out_of, percent, points, points_range, signed
from prefopt.report.tables import set_rows
from prefopt.report.wording import first_screen, fitness, sections
from prefopt.report.wording.confidence import confidence_sentences
from prefopt.report.wording.figures import FIGURES, figures_of
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
    contents = report_contents()
    sentences = [
        first_screen.accuracy_tile(contents).text,
        first_screen.change_tile(row).text,
        first_screen.sure_tile(found).text,
        first_screen.accept_tile(found).text,
        sections.accept_sentence(found),
        sections.sets_sentence(found.conformal),
        *confidence_sentences(found),
        fitness.summary(contents.lead.fitness),
        fitness.because(contents.lead.fitness),
        *(line.text for line in (*fitness.goal_lines(contents.lead.fitness), *fitness.today_lines(contents.lead.fitness))),
        *fitness.next_steps(contents),
        sections.temperature_sentence(found.temperature),
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
    log_probs, gold = calibrated(400, len(taxonomy), 5)
    calm, loud = (evaluate(normalized(k * log_probs), gold, ids(400), taxonomy, FAST, 7) for k in (1.0, 3.0))
    assert "판단 불가" in first_screen.sure_tile(calm).big.ko
    assert "판단할 수 없습니다" in confidence_sentences(calm)[1].ko
    assert "과신" in first_screen.sure_tile(loud).big.ko
    assert "over-confident" in first_screen.sure_tile(loud).big.en
    assert not any("cannot" in say.en for say in confidence_sentences(loud))
    assert {b.flag for b in loud.reliability} >= {"over_confident"}


def test_a_bias_is_cannot_tell_where_almost_every_answer_is_right():
    taxonomy = small_taxonomy()
    log_probs, gold = calibrated(200, len(taxonomy), 5)
    log_probs[np.arange(200), gold] += 15
    log_probs[:3] = np.roll(log_probs[:3], 1, axis=1)
    found = evaluate(normalized(log_probs), gold, ids(200), taxonomy, FAST, 7)
    tile = first_screen.sure_tile(found)
    assert (tile.big.ko, tile.big.en, tile.tone) == ("치우침 판단 불가", "Bias: cannot tell", "unsure")
    assert "너무 적습니다" in tile.text.ko
    assert "Too few answers are wrong (or right)" in tile.text.en
    assert numbers(tile.text.ko) == numbers(tile.text.en)
    (interval,) = (row[2] for row in figures_of(found, FIGURES) if row[0] is TEXTS["overconfidence"])
    assert interval == ""


def none_accepted(**more: object) -> Acceptance:
    nothing = {"agreed_error": 0.05, "guarantee": 0.95, "threshold": None, "count": 0, "share": 0.0, "errors": 0}
    return Acceptance.model_validate(nothing | more)


@pytest.mark.parametrize(
    ("found", "tile", "korean", "english"),
    [
        (
            none_accepted(cause="too_few_problems", examined=80, examined_errors=2, needed=102),
            "The hold-out is too small.",
            "검증용 문제가 80개뿐입니다. 한 문제도 틀리지 않더라도 102개는 있어야 합니다.",
            "the hold-out has 80 problems, and even without any error 102 would be needed",
        ),
        (
            none_accepted(cause="confident_errors", examined=150, examined_errors=12),
            "Even its most confident answers are wrong more often.",
            "가장 확신한 150문제에서도 12문제(8.0%)를 틀렸습니다.",
            "even of the 150 most confident answers 12 are wrong (8.0%); more problems would not help",
        ),
        (
            none_accepted(cause="not_sure_yet", examined=150, examined_errors=3, needed=366),
            "It may be within the limit, but too few problems show it.",
            "이만큼 확신하는 문제가 약 366개 있으면 보장할 수 있습니다.",
            "about 366 problems as confident as these would do",
        ),
        (
            none_accepted(cause="not_sure_yet", examined=1000, examined_errors=49),
            "It may be within the limit, but too few problems show it.",
            "허용한 5%와 거의 같아, 검증용 문제를 늘려도 보장하기 어렵습니다.",
            "so close to 5% that more problems would hardly help",
        ),
    ],
)
def test_why_nothing_is_accepted_is_said_with_its_numbers(found, tile, korean, english):
    calibration = report_contents().current.calibration.model_copy(update={"acceptance": found})
    say = sections.accept_sentence(calibration)
    assert korean in say.ko
    assert english in say.en
    assert numbers(say.ko) == numbers(say.en)
    assert first_screen.accept_tile(calibration).text.en.endswith(tile)


@pytest.mark.parametrize("n", [20, 60])  # 60: enough for the thresholds, too few for half of them
def test_sets_of_too_few_problems_are_cannot_tell(n):
    taxonomy = small_taxonomy()
    log_probs, gold = calibrated(n, len(taxonomy), 4)
    found = evaluate(log_probs, gold, ids(n), taxonomy, FAST, 7).conformal
    assert "판단할 수 없습니다" in sections.sets_sentence(found).ko
    assert {row[1:] for row in set_rows(found)} == {("–", "–")}


@pytest.mark.parametrize(("forced", "english"), [(1, "For the hardest problem no label"), (12, "For the 12 hardest problems no label")])
def test_what_happens_with_the_hardest_problems_is_said(forced, english):
    sets = report_contents().current.calibration.conformal
    say = sections.sets_sentence(sets.model_copy(update={"forced": forced}))
    assert f"가장 어려운 문제 {forced}개는" in say.ko
    assert english in say.en
    undecided = sets.groups[0].model_copy(update={"threshold": 0.0})
    few = sections.sets_sentence(sets.model_copy(update={"forced": forced, "groups": (undecided, *sets.groups[1:])}))
    assert "판단할 수 없습니다" in few.ko
    assert f"가장 어려운 문제 {forced}개는" in few.ko
    assert english in few.en
    for earlier in (0, None):
        assert "가장 어려운" not in sections.sets_sentence(sets.model_copy(update={"forced": earlier})).ko


def test_a_problem_whose_one_label_does_not_reach_its_threshold_is_not_said_to_need_only_one():
    sets = report_contents().current.calibration.conformal
    problems = sum(group.judged_on for group in sets.groups)
    half = sets.model_copy(update={"share_single": 1.0, "forced": problems // 2})
    assert f"{100 * (1 - (problems // 2) / problems):.0f}% of the problems need only one" in sections.sets_sentence(half).en


def test_the_next_round_follows_the_decision():
    first, later = report_contents().history
    assert "이 모델에서 시작합니다" in first_screen.next_round(later)[0].ko
    held = type(later)(2, "kto", 1, later.calibration, later.decision.model_copy(update={"outcome": "held"}))
    assert "001" in first_screen.next_round(held)[1].ko
    assert "아직" in first_screen.next_round(held, parent_promoted=False)[0].ko
    lost = type(first)(0, "sft", None, first.calibration, first.decision.model_copy(update={"outcome": "held"}))
    assert "아직" in first_screen.next_round(lost)[0].ko


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


def test_the_next_round_starts_from_an_adapter_that_only_the_baseline_beats():
    row = report_contents().current
    grounds = (*row.decision.grounds[:-1], Clause(code="below_baseline"))
    held = replace(row, decision=Decision(outcome="held", rule=row.decision.rule, grounds=grounds))
    assert "다음 라운드는 이 모델에서 시작" in first_screen.next_round(held, parent_promoted=False)[1].ko
    assert "again" in first_screen.next_round(held, parent_promoted=True)[0].en  # the parent is in use


def test_labels_without_a_problem_are_counted_aloud():
    found = report_contents().current.calibration
    assert sections.unjudged_sentence(found) is None
    for text in sections.unjudged_sentence(found.model_copy(update={"labels": 181, "labels_judged": 150})):
        assert sorted(numbers(text)) == ["181", "31"]
    assert sections.unjudged_sentence(found.model_copy(update={"labels_judged": None})) is None
