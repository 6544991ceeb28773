"""The report's words on the classical baseline and the mixture, in both languages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from prefopt.calibration.comparison import Learned
from prefopt.calibration.evaluate import Opponent, Partner, evaluate
from prefopt.calibration.mixture_result import MixtureWeights
from prefopt.report.lead import lead_view
from prefopt.report.page import figures, render
from prefopt.report.wording import first_screen, mixture, sections
from tests.unit.posteriors import FAST, ids, report_contents, small_taxonomy
from tests.unit.test_calibration_mixture import drawn
from tests.unit.test_report_words import numbers

OWN, THEIRS, GOLD = drawn(400, 0.7, 0.7, 1)


def judged(partner: Partner | None, answers: int = 150):
    opponent = Opponent(THEIRS, Learned(300 + answers, answers, 0, 10.0))
    return evaluate(OWN, GOLD, ids(400), small_taxonomy(), FAST, 7, baseline=opponent, partner=partner)


WEIGHTS = MixtureWeights(model=0.7, tfidf=0.72)
HELPS = judged(Partner(140, WEIGHTS))
EARLY = judged(Partner(12, None))
HARMS = judged(Partner(140, MixtureWeights(model=1.0, tfidf=0.0)))


def verdict(value: str):
    changed = HELPS.mixture.judged.model_copy(update={"verdict": value})
    return HELPS.model_copy(update={"mixture": HELPS.mixture.model_copy(update={"judged": changed})})


@pytest.mark.parametrize(
    ("found", "ko", "en"),
    [
        (HELPS, "새 문제에는 둘을 섞어 답합니다", "new problems are answered by both"),
        (EARLY, "지금까지 12문제입니다. 50문제가 되기 전에는", "There are 12 so far; with fewer than 50 nothing is mixed"),
        (HARMS, "근거가 부족해 섞지 않습니다", "that it helps is not shown, so the adapter answers alone"),
        (verdict("less_accurate"), "정확도가 떨어지므로 섞지 않습니다", "it is less accurate, so the adapter answers alone"),
    ],
)
def test_whether_they_are_mixed_and_why(found, ko, en):
    said = mixture.mixture_sentence(found)
    assert ko in said.ko
    assert en in said.en
    assert numbers(said.ko) == numbers(said.en)
    if found.mixture.judged is not None and found is not HARMS:
        assert "0.70 : 0.72" in said.ko
        assert "are 0.70 : 0.72, fitted on 140 asked problems" in said.en


def test_where_the_mixture_is_off_nothing_is_said_of_it():
    assert mixture.mixture_sentence(judged(None)) is None
    assert len(mixture.classifier_rows(judged(None))) == 2


def test_the_brier_score_of_the_baseline_stands_beside_the_adapter():
    said = mixture.baseline_sentence(HELPS)
    assert "같은 전문가 분류 300문제와 교사들이 합의한 150문제로 학습했습니다" in said.ko
    assert "trained on the same 300 gold problems and 150 problems that the teachers agreed on" in said.en
    assert numbers(said.ko) == numbers(said.en)
    assert "같은 전문가 분류 300문제로" in mixture.baseline_sentence(judged(None, 0)).ko
    rows = mixture.classifier_rows(HELPS)
    assert [row[0].en for row in rows] == ["this adapter", "classical baseline (TF-IDF + logistic regression)", "both mixed"]
    assert rows[1][2].startswith(f"{HELPS.baseline.brier.value:.3f} (")
    assert float(rows[2][2].split()[0]) < float(rows[0][2])


def test_the_threshold_is_that_of_the_classifier_in_use():
    used = HELPS.mixture.judged.acceptance.model_copy(update={"threshold": 0.912, "count": 222, "share": 0.555, "errors": 3})
    both = HELPS.mixture.judged.model_copy(update={"acceptance": used})
    found = HELPS.model_copy(update={"mixture": HELPS.mixture.model_copy(update={"judged": both})})
    assert "91.2%" in first_screen.accept_tile(found).text.ko
    said = sections.accept_sentence(found)
    assert said.ko.startswith("이 모델과 고전 분류기를 섞은 답의 기준입니다.")
    assert said.en.startswith("Of the answers of adapter and classical classifier mixed.")
    assert "222" in said.en
    assert "mixed" not in sections.accept_sentence(EARLY).en


def test_the_page_has_the_section_and_the_json_the_numbers():
    contents = report_contents()
    row = replace(contents.current, calibration=HELPS)
    found = replace(contents, history=(*contents.history[:-1], row))
    page = render(found)
    assert 'id="mixture"' in page
    assert mixture.mixture_sentence(HELPS).ko in page
    said = figures(found)["calibration"]["mixture"]
    assert said["judged"]["weights"] == {"model": 0.7, "tfidf": 0.72}
    assert said["judged"]["verdict"] == "helps"
    assert 'id="mixture"' not in render(contents)
    assert np.isfinite(said["judged"]["brier"]["value"])


def test_points_of_the_trend_that_are_mixed_are_named():
    contents = report_contents()
    assert lead_view(contents)["trend_mixed"] is None
    row = replace(contents.current, calibration=HELPS)
    said = lead_view(replace(contents, history=(*contents.history[:-1], row)))["trend_mixed"]
    assert said.ko.startswith(f"{row.round:03d}의 점은 TF-IDF를 섞은 답입니다")
    assert said.en.startswith(f"The points of {row.round:03d} are of answers mixed with TF-IDF's")
