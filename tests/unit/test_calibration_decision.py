"""The rule, case by case, with its grounds and their sentences."""

from __future__ import annotations

import functools
import json
import math
import re
from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from prefopt.calibration import decide, evaluate
from prefopt.calibration.clusters import Clusters
from prefopt.calibration.decision import accuracy_change, brier_change, clause_of
from prefopt.calibration.intervals import paired_shares
from prefopt.calibration.paired_result import Difference, Discordance
from prefopt.calibration.result import Calibration, Comparison, LabelMass, TemperedBrier
from prefopt.config import DecideSettings
from prefopt.errors import CalibrationError
from prefopt.grounds import AccuracyNotSecured, Clause, Estimate, MoreAccurate, NotAboveMajority, WorseThanParent
from prefopt.records import CLAUSES, Decision
from prefopt.report.wording.grounds import closing_sentence, decision_sentences, ground_sentence
from tests.unit.posteriors import FAST, calibrated, ids, normalized, small_taxonomy

BETTER, WORSE, SAME = (40, 10), (10, 40), (20, 18)
"""Problems gained and lost."""
LOWER, HIGHER, FLAT = (-0.05, 0.001), (0.05, 0.999), (0.001, 0.6)
"""Brier difference and the one-sided p value that it is below 0."""
FIRST_LOOK = 0.95 * 0.05 * 6 / math.pi**2
SECURED, NOT_SECURED = -0.01, -0.05
"""Lower bound of the difference of accuracies; -0.02 is allowed."""


def comparison(gained_lost: tuple[int, int], brier: tuple[float, float], floor: float = SECURED) -> Comparison:
    gained, lost = gained_lost
    value, p_below = brier
    difference = Difference(value=value, low=value - 0.03, high=value + 0.03, p_below=p_below, p_above=1 - p_below)
    this, other = np.r_[np.ones(gained), np.zeros(600 - gained)], np.r_[np.zeros(gained), np.ones(lost), np.zeros(600 - gained - lost)]
    estimate = Estimate(value=value, low=value - 0.03, high=value + 0.03)
    return Comparison(
        parent_accuracy=0.7,
        parent_brier=0.4,
        parent_log_loss=1.0,
        parent_ece_debiased=0.05,
        accuracy=paired_shares(this, other, Clusters.from_names(None, 600), 0.95),
        brier=estimate,
        log_loss=estimate,
        ece_debiased=0.0,
        mcnemar=Discordance(lost=lost, gained=gained, p_value=stats.binomtest(gained, gained + lost, 0.5).pvalue),
        tempered=TemperedBrier(own=0.4 + value, parent=0.4, difference=difference),
        accuracy_floor=floor,
        bias_rise=Estimate(value=0, low=-0.02, high=0.02),
    )


def clause(*drawn, level: float = FIRST_LOOK, settings: DecideSettings | None = None) -> str:
    return clause_of(comparison(*drawn), settings or DecideSettings(), level).code


@pytest.mark.parametrize(
    ("accuracy", "brier", "floor", "code", "outcome"),
    [
        (BETTER, LOWER, SECURED, "more_accurate", "promoted"),
        (BETTER, LOWER, NOT_SECURED, "more_accurate", "promoted"),
        (BETTER, (-0.001, 0.4), SECURED, "more_accurate", "promoted"),
        (BETTER, (0.0, 0.5), SECURED, "more_accurate", "promoted"),
        (BETTER, FLAT, SECURED, "brier_rose", "held"),
        (BETTER, HIGHER, SECURED, "worse_than_parent", "rejected"),
        (SAME, LOWER, SECURED, "better_probabilities", "promoted"),
        (SAME, LOWER, NOT_SECURED, "accuracy_not_secured", "held"),
        (SAME, LOWER, -0.02, "accuracy_not_secured", "held"),
        (SAME, FLAT, SECURED, "parent_cannot_tell", "held"),
        (SAME, HIGHER, SECURED, "worse_than_parent", "rejected"),
        (WORSE, LOWER, SECURED, "worse_than_parent", "rejected"),
        (WORSE, FLAT, NOT_SECURED, "worse_than_parent", "rejected"),
        (WORSE, HIGHER, NOT_SECURED, "worse_than_parent", "rejected"),
    ],
)
def test_every_case_of_the_rule(accuracy, brier, floor, code, outcome):
    assert clause(accuracy, brier, floor) == code
    assert CLAUSES[code] == outcome


def test_a_rejection_names_what_is_worse():
    for gained_lost, brier, worse in ((BETTER, HIGHER, ("brier",)), (WORSE, LOWER, ("accuracy",)), (WORSE, HIGHER, ("accuracy", "brier"))):
        found = clause_of(comparison(gained_lost, brier), DecideSettings(), FIRST_LOOK)
        assert isinstance(found, WorseThanParent)
        assert found.scores == worse


def test_settings_move_the_limits():
    lenient = DecideSettings(max_brier_increase=0.06)
    assert clause(BETTER, HIGHER, settings=lenient) == "more_accurate"
    assert clause(SAME, HIGHER, settings=lenient) == "worse_than_parent"  # only where accuracy is better
    assert clause(SAME, LOWER, NOT_SECURED, settings=DecideSettings(accuracy_margin=0.06)) == "better_probabilities"


def test_better_has_half_of_the_look_on_one_side_and_worse_its_own_level():
    # 30 of 44: p = 0.023 two-sided; 31 of 44: 0.0096
    test = comparison((30, 14), FLAT).mcnemar
    assert 0.02 < test.p_value < 0.025
    assert accuracy_change(test, 0.05, test.p_value / 2) == "better"
    assert accuracy_change(test, 0.05, test.p_value / 2 - 1e-6) == "cannot_tell"
    lost = comparison((14, 30), FLAT).mcnemar
    assert accuracy_change(lost, 0.03, 1e-9) == "worse"
    assert accuracy_change(lost, 0.02, 1e-9) == "cannot_tell"
    for p_below, level, change in (
        (0.01, 0.01, "better"),
        (0.01, 0.009, "cannot_tell"),
        (0.976, 0.01, "worse"),
        (0.974, 0.01, "cannot_tell"),
    ):
        assert brier_change(comparison(SAME, (0.0, p_below)).tempered.difference, 0.05, level) == change
    assert brier_change(comparison(SAME, (0.0, 0.025)).tempered.difference, 0.05) == "better"  # without a look: two-sided at alpha


def test_a_smaller_level_finds_less():
    assert clause((30, 14), (-0.01, 0.2)) == "more_accurate"
    assert clause((30, 14), (-0.01, 0.2), level=FIRST_LOOK / 4) == "parent_cannot_tell"
    assert clause(SAME, (-0.01, 0.0173)) == "better_probabilities"  # 0.6 of 0.0289
    assert clause(SAME, (-0.01, 0.0174)) == "parent_cannot_tell"
    assert clause(SAME, (-0.01, 0.015), level=FIRST_LOOK / 4) == "parent_cannot_tell"
    assert clause((14, 30), (-0.01, 0.2), level=FIRST_LOOK / 4) == "worse_than_parent"  # rejections spend nothing


@pytest.fixture(scope="module")
def pair() -> tuple[Calibration, Calibration]:
    """A first adapter, and one that is clearly better, against it."""
    taxonomy = small_taxonomy()
    log_probs, gold = calibrated(300, len(taxonomy), 1)
    logits = log_probs.copy()
    logits[range(300), gold] += 1.5
    return (
        evaluate(log_probs, gold, ids(300), taxonomy, FAST, 7),
        evaluate(normalized(logits), gold, ids(300), taxonomy, FAST, 7, log_probs),
    )


def codes(decision: Decision) -> list[str]:
    return [ground.code for ground in decision.grounds]


def test_grounds_and_their_sentences_carry_the_numbers(pair):
    first, later = pair
    decision = decide(later, DecideSettings(), first=False)
    assert decision.outcome == "promoted"
    assert decision.rule == "brier-accuracy-3"
    assert codes(decision) == ["accuracy_against_parent", "tempered_brier_against_parent", "look", "more_accurate"]
    accuracy, brier, _, _ = decision.grounds
    tempered = later.parent.tempered
    assert (accuracy.difference, accuracy.gained) == (later.parent.accuracy, later.parent.mcnemar.gained)
    assert (brier.brier, brier.parent_brier, brier.change) == (tempered.own, tempered.parent, "better")
    assert brier.plain_difference == pytest.approx(later.brier.value - first.brier.value)
    sentences = decision_sentences(decision)
    for sentence in sentences[0]:
        for number in (100 * later.accuracy.value, 100 * first.accuracy.value, 100 * later.parent.accuracy.low):
            assert f"{number:.1f}" in sentence
        assert f"{later.parent.mcnemar.gained}" in sentence
    assert all(f"{tempered.own:.3f}" in sentence for sentence in sentences[1])
    assert closing_sentence(decision) == sentences[3]
    assert sentences[3].ko.startswith("채택")


def test_a_decision_is_read_back_as_it_was_written_and_holds_no_prose(pair):
    for decision in (decide(pair[0], DecideSettings(), first=True), decide(pair[1], DecideSettings(), first=False)):
        text = decision.model_dump_json()
        assert Decision.model_validate_json(text) == decision
        strings = [value for ground in json.loads(text)["grounds"] for value in ground.values() if isinstance(value, str)]
        assert not any(re.search(r"\s", value) for value in strings)  # a sentence has spaces; a code and a label have none


def test_the_last_ground_is_the_clause_of_the_outcome(pair):
    decision = decide(pair[1], DecideSettings(), first=False).model_dump()
    *compared, clause = decision["grounds"]
    for wrong in ({"outcome": "held"}, {"grounds": compared}, {"grounds": [clause, *compared]}, {"grounds": [*compared, clause, clause]}):
        with pytest.raises(ValidationError, match="must be a clause"):
            Decision.model_validate({**decision, **wrong})


def test_every_clause_has_its_outcome_and_its_sentence():
    plain = get_args(Clause.model_fields["code"].annotation)
    with_numbers = [kind.model_fields["code"].default for kind in (MoreAccurate, NotAboveMajority, AccuracyNotSecured, WorseThanParent)]
    assert {*plain, *with_numbers} == set(CLAUSES)
    names = {"promoted": ("채택", "Promoted"), "held": ("보류", "Held"), "rejected": ("기각", "Rejected")}
    for code in plain:
        sentence, (korean, english) = ground_sentence(Clause(code=code)), names[CLAUSES[code]]
        assert sentence.ko.startswith(korean)
        assert sentence.en.startswith(english)


def test_an_unknown_ground_or_none_is_refused():
    for grounds in ([], [{"code": "because"}], [{"code": "more_accurate"}], [{"code": "more_accurate", "max_brier_increase": math.inf}]):
        with pytest.raises(ValidationError):
            Decision.model_validate({"outcome": "promoted", "rule": "r", "grounds": grounds})


def test_a_first_adapter_must_beat_the_most_frequent_label(pair):
    assert decide(pair[0], DecideSettings(), first=True).outcome == "promoted"
    taxonomy = small_taxonomy()
    log_probs, gold = calibrated(60, len(taxonomy), 2, sharpness=0.01)
    noise = evaluate(log_probs, gold, ids(60), taxonomy, FAST, 7)
    assert decide(noise, DecideSettings(), first=True).outcome in {"held", "rejected"}


def test_a_first_adapter_worse_than_guessing_is_rejected():
    taxonomy = small_taxonomy()
    log_probs, _ = calibrated(60, len(taxonomy), 3)
    gold = (log_probs.argmin(axis=1) * 0).astype(int)  # always the first label, which is made improbable
    log_probs[:, 0] = -9.0
    found = evaluate(normalized(log_probs), gold, ids(60), taxonomy, FAST, 7)
    decision = decide(found, DecideSettings(), first=True)
    assert (decision.outcome, found.majority.accuracy) == ("rejected", 1.0)


def test_a_better_child_that_does_not_beat_guessing_is_held():
    taxonomy = small_taxonomy()
    gold = np.array([0] * 40 + [1] * 20)
    parent = np.full((60, 12), np.log(0.001 / 11))
    parent[:, 5] = np.log(0.999)  # always wrong, and sure of it
    child = np.full((60, 12), np.log(1 / 12))
    child[range(60), np.where(np.arange(60) < 20, gold, 5)] += 0.5
    found = evaluate(normalized(child), gold, ids(60), taxonomy, FAST, 7, parent)
    assert found.parent is not None
    assert clause_of(found.parent, DecideSettings(), FIRST_LOOK).code == "more_accurate"
    decision = decide(found, DecideSettings(), first=False)
    assert decision.outcome == "held"
    assert codes(decision)[-1] == "not_above_majority"
    assert decision.look is not None
    assert decision.look.passed
    assert decision.grounds[-1].majority_accuracy == pytest.approx(2 / 3)
    assert all("66.7%" in sentence for sentence in closing_sentence(decision))


def test_a_missing_or_unexpected_parent_is_refused(pair):
    first, later = pair
    with pytest.raises(CalibrationError, match="has no comparison"):
        decide(first, DecideSettings(), first=False)
    with pytest.raises(CalibrationError, match="has a comparison"):
        decide(later, DecideSettings(), first=True)


@functools.cache
def improved(*, damaged: bool = False, groups: int = 3) -> Calibration:
    """A child that is right on 80 % where its parent is right on 40 %; where damaged, one cell of 100 problems fell from 80 % to 20 %."""
    taxonomy, rng = small_taxonomy(groups), np.random.default_rng(4)
    gold = np.tile(np.arange(len(taxonomy)), 40)

    def answers(right: np.ndarray) -> np.ndarray:
        answered = np.where(rng.random(len(gold)) < right, gold, (gold + 1) % len(taxonomy))
        logits = np.zeros((len(gold), len(taxonomy)))
        logits[np.arange(len(gold)), answered] = 3.0
        return normalized(logits)

    cell = gold < groups  # the labels of the first cell
    before, after = np.where(cell & damaged, 0.8, 0.4), np.where(cell & damaged, 0.2, 0.8)
    return evaluate(answers(after), gold, ids(len(gold)), taxonomy, FAST, 7, parent_log_probs=answers(before))


def test_a_child_that_is_worse_in_a_cell_is_held_and_the_cell_named():
    assert decide(improved(), DecideSettings(), first=False).outcome == "promoted"
    found = improved(damaged=True)
    assert found.parent is not None
    assert [cell.count for cell in found.parent.cells] == [120, 120, 120, 120]
    assert clause_of(found.parent, DecideSettings(), FIRST_LOOK).code == "more_accurate"
    decision = decide(found, DecideSettings(), first=False)
    assert decision.outcome == "held"
    assert codes(decision)[3:] == ["label_shift", "worse_cell", "vetoed"]
    assert decision.look is not None
    assert decision.look.passed
    veto = decision.grounds[4]
    assert (veto.groups, veto.n) == (("초등", "수와 연산"), 120)
    assert veto.lost > veto.gained
    assert "초등 × 수와 연산에서 나빠졌습니다" in ground_sentence(veto).ko
    assert f"Worse in 초등 × number and operations: of 120 problems {veto.lost} lost" in ground_sentence(veto).en
    assert decide(found, DecideSettings(hold_on_worse_cell=False), first=False).outcome == "promoted"


def test_small_cells_hold_no_adapter_back():
    found = improved(damaged=True)
    assert found.parent is not None
    few = tuple(cell.model_copy(update={"p_value": None, "count": 29}) for cell in found.parent.cells)
    few_cells = found.model_copy(update={"parent": found.parent.model_copy(update={"cells": few})})
    assert decide(few_cells, DecideSettings(), first=False).outcome == "promoted"


def test_a_grown_bias_or_low_label_mass_holds():
    found = improved()
    assert found.parent is not None
    grown = found.parent.model_copy(update={"bias_rise": Estimate(value=0.2, low=0.12, high=0.28)})
    decision = decide(found.model_copy(update={"parent": grown}), DecideSettings(), first=False)
    assert decision.outcome == "held"
    assert codes(decision)[3:] == ["bias_rose", "vetoed"]
    assert "rose by 20.0 points (12.0 to 28.0), more than 10" in ground_sentence(decision.grounds[3]).en
    assert "20.0%p (12.0 ~ 28.0) 커져 허용 범위(10%p)를 넘었습니다" in ground_sentence(decision.grounds[3]).ko
    lenient = DecideSettings(max_ece_increase=0.12)
    assert decide(found.model_copy(update={"parent": grown}), lenient, first=False).outcome == "promoted"
    aside = found.model_copy(update={"label_mass": LabelMass(mean=0.3, lowest=0.0)})
    decision = decide(aside, DecideSettings(), first=False)
    assert decision.outcome == "held"
    assert codes(decision)[3:] == ["low_label_mass", "vetoed"]
    assert "only 30.0% of its probability" in ground_sentence(decision.grounds[3]).en
