"""What a decision spends of the hold-out, and the classical baseline that an adapter has to reach."""

from __future__ import annotations

import re
from math import pi

import numpy as np
import pytest
from scipy import stats

from prefopt.calibration import decide
from prefopt.calibration.clusters import Clusters
from prefopt.calibration.comparison import Learned, Tempered, against_baseline
from prefopt.calibration.intervals import share, sign_flip
from prefopt.calibration.metrics import Scores
from prefopt.calibration.result import Calibration
from prefopt.config import DecideSettings
from prefopt.grounds import AccuracyNotSecured, Look
from prefopt.records import Decision
from prefopt.report.wording.grounds import closing_sentence, decision_sentences, ground_sentence
from tests.unit.test_calibration_decision import comparison, improved

FIRST, N = 0.95 * 0.05 * 6 / pi**2, 480


def child(gained: int, lost: int, brier: tuple[float, float] = (-0.01, 0.2)) -> Calibration:
    """improved(), with another comparison to its parent."""
    return improved().model_copy(update={"parent": comparison((gained, lost), brier)})


def look_of(decision: Decision) -> Look:
    assert decision.look is not None
    return decision.look


def numbers(text: str) -> list[str]:
    return sorted(re.findall(r"\d[\d.,]*\d|\d", text))


def test_what_earlier_looks_spent_changes_the_outcome():
    borderline = child(30, 14)  # p = 0.023
    assert decide(borderline, DecideSettings(), first=False).outcome == "promoted"
    assert decide(borderline, DecideSettings(), first=False, passed=[False]).outcome == "held"
    assert decide(borderline, DecideSettings(), first=False, passed=[True]).outcome == "promoted"  # it hands its level on
    assert decide(borderline, DecideSettings(), first=False, passed=[True, False]).outcome == "held"
    clear = child(60, 14)
    assert decide(clear, DecideSettings(), first=False, passed=[False] * 9).outcome == "promoted"
    worse = child(14, 30)
    for passed in ([], [False] * 9):
        assert decide(worse, DecideSettings(), first=False, passed=passed).outcome == "rejected"


def test_the_ground_says_what_was_spent_and_what_is_left():
    found = look_of(decide(child(20, 18), DecideSettings(), first=False, passed=[False, True]))
    assert (found.number, found.alpha, found.passed, found.groups) == (3, 0.05, False, N)
    assert found.level == pytest.approx(FIRST / 9 + FIRST / 4)
    assert found.left == pytest.approx(0.95 * 0.05 - FIRST * (1 + 1 / 4 + 1 / 9))
    strict, mild = (stats.norm.ppf(1 - 0.6 * level) + stats.norm.ppf(0.8) for level in (FIRST / 16, FIRST))
    assert found.groups_for_next == pytest.approx(N * ((strict / mild) ** 2 - 1), abs=1)
    other = look_of(decide(child(20, 18), DecideSettings(alpha=0.2), first=False))
    assert (other.alpha, other.level) == (0.2, pytest.approx(4 * FIRST))


def test_the_groups_are_the_families_and_problems_only_where_there_are_none():
    families = child(20, 18).model_copy(update={"groups": 96})
    assert look_of(decide(families, DecideSettings(), first=False)).groups == 96
    unknown = child(20, 18).model_copy(update={"groups": None})
    assert look_of(decide(unknown, DecideSettings(), first=False)).groups == N


def test_a_look_passes_where_the_child_is_better_than_its_parent():
    assert look_of(decide(child(40, 10), DecideSettings(), first=False)).passed
    assert not look_of(decide(child(20, 18), DecideSettings(), first=False)).passed
    assert not look_of(decide(child(40, 10, (0.01, 0.8)), DecideSettings(), first=False)).passed  # its Brier score rose
    after_pass, after_none = (look_of(decide(child(*drawn), DecideSettings(), first=False)) for drawn in ((40, 10), (20, 18)))
    assert after_pass.groups_for_next == 0 < after_none.groups_for_next


def test_a_first_adapter_takes_no_look():
    first = improved().model_copy(update={"parent": None})
    assert decide(first, DecideSettings(), first=True).look is None
    assert decide(first, DecideSettings(), first=True, passed=[False] * 20).outcome == "promoted"


def test_the_look_in_words():
    early = look_of(decide(child(20, 18), DecideSettings(), first=False))
    say = ground_sentence(early)
    assert say.ko.startswith("이 검증용 문제로 내리는 1번째 판정입니다.")
    assert "이번 판정에 2.89%를 썼고 앞으로의 판정에 1.9%가 남았습니다." in say.ko
    assert say.en.startswith("Look 1 at this hold-out.")
    assert "this one spent 2.89%, and 1.9% is left." in say.en
    assert f"{early.groups_for_next:,} new families" in say.en
    enough = ground_sentence(early.model_copy(update={"groups_for_next": 0}))
    assert "묶음" not in enough.ko
    assert "families" not in enough.en


def with_baseline(calibration: Calibration, hits: np.ndarray) -> Calibration:
    """The calibration of improved(), which is right on about 80 % in an order of its own, against a baseline with these hits."""
    right = round(calibration.accuracy.value * calibration.n)
    correct, zeros = (np.arange(calibration.n) < right).astype(float), np.zeros(calibration.n)
    ours, theirs = (Scores(zeros.astype(int), zeros.astype(int), zeros, right, zeros, zeros) for right in (correct, hits))
    sides = Tempered(ours, ours), Tempered(theirs, theirs)
    compared = against_baseline(*sides, Learned(300, 0, 4, 10.0), Clusters.from_names(None, calibration.n), 0.95)
    return calibration.model_copy(update={"baseline": compared})


def hits(accuracy: float) -> np.ndarray:
    return (np.arange(N)[::-1] < accuracy * N).astype(float)


def test_an_adapter_below_the_baseline_is_held_with_the_reason_in_both_languages():
    found = with_baseline(improved(), hits(0.95))
    decision = decide(found, DecideSettings(), first=False)
    assert decision.outcome == "held"
    codes = [ground.code for ground in decision.grounds]
    assert codes[2:] == ["look", "accuracy_against_baseline", "below_baseline"]
    assert look_of(decision).passed  # better than its parent: the next look gets its level
    compared = decision.grounds[3]
    assert (compared.accuracy, compared.baseline_accuracy, compared.trained_on) == (found.accuracy.value, 0.95, 300)
    assert compared.change == "worse"
    say = ground_sentence(compared)
    assert "고전 분류기(TF-IDF)의 정확도는 95.0%" in say.ko
    assert say.ko.endswith("고전 분류기가 더 낫습니다.")
    assert "TF-IDF trained on the same 300 gold problems has an accuracy of 95.0%" in say.en
    assert say.en.endswith("TF-IDF is better.")
    assert closing_sentence(decision).ko.startswith("보류: 같은 문제로 학습한 고전 분류기(TF-IDF)가 더 자주 맞힙니다.")
    assert closing_sentence(decision).en.startswith(
        "Held: a classical classifier (TF-IDF) trained on the same problems is right more often"
    )
    assert decide(found, DecideSettings(hold_below_baseline=False), first=False).outcome == "promoted"


def test_only_a_baseline_that_is_shown_to_be_better_holds():
    for accuracy, change, english in ((0.8, "cannot_tell", "cannot tell which is better."), (0.3, "better", "the adapter is better.")):
        decision = decide(with_baseline(improved(), hits(accuracy)), DecideSettings(), first=False)
        assert decision.outcome == "promoted"
        assert decision.grounds[3].change == change
        assert ground_sentence(decision.grounds[3]).en.endswith(english)


def test_the_baseline_is_no_ground_where_the_adapter_is_not_promoted_anyway():
    decision = decide(with_baseline(child(20, 18), hits(0.95)), DecideSettings(), first=False)
    assert [ground.code for ground in decision.grounds][2:] == ["look", "parent_cannot_tell"]


def test_a_first_adapter_has_to_reach_the_baseline_too():
    first = improved().model_copy(update={"parent": None})
    decision = decide(with_baseline(first, hits(0.95)), DecideSettings(), first=True)
    assert [ground.code for ground in decision.grounds] == ["accuracy_against_majority", "accuracy_against_baseline", "below_baseline"]


def test_the_baseline_is_compared_by_problem():
    found = with_baseline(improved(), hits(0.5)).baseline
    single = Clusters.from_names(None, N)
    correct = (np.arange(N) < round(improved().accuracy.value * N)).astype(float)
    assert found is not None
    assert found.mcnemar == sign_flip(correct, hits(0.5), single)
    assert found.accuracy == share(hits(0.5), single, 0.95)


def test_an_accuracy_that_is_not_secured_is_named_with_its_bound():
    unsure = improved().model_copy(update={"parent": comparison((18, 20), (-0.05, 0.001), -0.031)})
    decision = decide(unsure, DecideSettings(), first=False)
    assert (decision.outcome, decision.grounds[-1]) == ("held", AccuracyNotSecured(margin=0.02, low=-0.031))
    say = closing_sentence(decision)
    assert "2%p 넘게 떨어지지 않았다고 보기 어렵습니다(하한 −3.1%p)" in say.ko
    assert "lower by more than 2 points (lower bound −3.1)" in say.en


def test_both_languages_have_the_same_numbers_in_every_ground():
    decisions = [
        decide(with_baseline(improved(), hits(0.95)), DecideSettings(), first=False, passed=[False]),
        decide(improved(damaged=True), DecideSettings(), first=False),
        decide(improved().model_copy(update={"parent": comparison((18, 20), (-0.05, 0.001), -0.031)}), DecideSettings(), first=False),
    ]
    for say in (say for decision in decisions for say in decision_sentences(decision)):
        assert numbers(say.ko.replace("80%", "")) == numbers(say.en.replace("80%", "")), say
