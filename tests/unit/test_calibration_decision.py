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

from prefopt.calibration import decide, evaluate
from prefopt.calibration.decision import outcome_of
from prefopt.calibration.intervals import paired_shares
from prefopt.calibration.result import Calibration, Comparison, Discordance, LabelMass
from prefopt.config import DecideSettings
from prefopt.errors import CalibrationError
from prefopt.grounds import Clause, Estimate, MoreAccurate, NotAboveMajority, WorseThanParent
from prefopt.records import CLAUSES, Decision
from prefopt.report.wording.grounds import closing_sentence, decision_sentences, ground_sentence
from tests.unit.posteriors import FAST, calibrated, ids, normalized, small_taxonomy

BETTER, WORSE, SAME = (40, 10), (10, 40), (20, 18)
"""Problems gained and lost."""
LOWER, HIGHER, FLAT = (-0.05, -0.08, -0.02), (0.05, 0.02, 0.08), (0.001, -0.02, 0.02)
"""Brier difference: value, low, high."""


def comparison(gained_lost: tuple[int, int], brier: tuple[float, float, float]) -> Comparison:
    from scipy import stats

    gained, lost = gained_lost
    difference = Estimate(value=brier[0], low=brier[1], high=brier[2])
    return Comparison(
        parent_accuracy=0.7,
        parent_brier=0.4,
        parent_log_loss=1.0,
        parent_ece_debiased=0.05,
        accuracy=paired_shares(lost, gained, 600, 0.95),
        brier=difference,
        log_loss=difference,
        ece_debiased=difference,
        mcnemar=Discordance(lost=lost, gained=gained, p_value=stats.binomtest(gained, gained + lost, 0.5).pvalue),
    )


@pytest.mark.parametrize(
    ("accuracy", "brier", "outcome"),
    [
        (BETTER, LOWER, "promoted"),
        (BETTER, (-0.001, -0.02, 0.02), "promoted"),
        (BETTER, FLAT, "held"),
        (BETTER, HIGHER, "rejected"),
        (SAME, LOWER, "promoted"),
        (SAME, FLAT, "held"),
        (SAME, HIGHER, "rejected"),
        (WORSE, LOWER, "rejected"),
        (WORSE, FLAT, "rejected"),
        (WORSE, HIGHER, "rejected"),
    ],
)
def test_every_case_of_the_rule(accuracy, brier, outcome):
    assert outcome_of(comparison(accuracy, brier), DecideSettings()) == outcome


def test_a_brier_increase_within_the_limit_is_accepted():
    lenient = DecideSettings(max_brier_increase=0.06)
    assert outcome_of(comparison(BETTER, HIGHER), lenient) == "promoted"
    assert outcome_of(comparison(SAME, HIGHER), lenient) == "rejected"  # only where accuracy is better


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
    assert decision.rule == "brier-accuracy-2"
    assert codes(decision) == ["accuracy_against_parent", "brier_against_parent", "more_accurate"]
    accuracy, brier, _ = decision.grounds
    assert (accuracy.difference, accuracy.gained) == (later.parent.accuracy, later.parent.mcnemar.gained)
    assert (brier.brier, brier.parent_brier, brier.change) == (later.brier.value, first.brier.value, "better")
    sentences = decision_sentences(decision)
    for sentence in sentences[0]:
        for number in (100 * later.accuracy.value, 100 * first.accuracy.value, 100 * later.parent.accuracy.low):
            assert f"{number:.1f}" in sentence
        assert f"{later.parent.mcnemar.gained}" in sentence
    assert all(f"{later.brier.value:.3f}" in sentence for sentence in sentences[1])
    assert closing_sentence(decision) == sentences[2]
    assert sentences[2].ko.startswith("채택")


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
    with_numbers = [kind.model_fields["code"].default for kind in (MoreAccurate, NotAboveMajority, WorseThanParent)]
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
    assert outcome_of(found.parent, DecideSettings()) == "promoted"
    decision = decide(found, DecideSettings(), first=False)
    assert decision.outcome == "held"
    assert codes(decision)[-1] == "not_above_majority"
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
    """A child that is right on 75 % where its parent is right on 40 %; where damaged, one cell of 100 problems fell from 80 % to 20 %."""
    taxonomy, rng = small_taxonomy(groups), np.random.default_rng(4)
    gold = np.tile(np.arange(len(taxonomy)), 40)

    def answers(right: np.ndarray) -> np.ndarray:
        answered = np.where(rng.random(len(gold)) < right, gold, (gold + 1) % len(taxonomy))
        logits = np.zeros((len(gold), len(taxonomy)))
        logits[np.arange(len(gold)), answered] = 3.0
        return normalized(logits)

    cell = gold < groups  # the labels of the first cell
    before, after = np.where(cell & damaged, 0.8, 0.4), np.where(cell & damaged, 0.2, 0.75)
    return evaluate(answers(after), gold, ids(len(gold)), taxonomy, FAST, 7, parent_log_probs=answers(before))


def test_a_child_that_is_worse_in_a_cell_is_held_and_the_cell_named():
    assert decide(improved(), DecideSettings(), first=False).outcome == "promoted"
    found = improved(damaged=True)
    assert found.parent is not None
    assert [cell.count for cell in found.parent.cells] == [120, 120, 120, 120]
    assert outcome_of(found.parent, DecideSettings()) == "promoted"
    decision = decide(found, DecideSettings(), first=False)
    assert decision.outcome == "held"
    assert codes(decision)[2:] == ["worse_cell", "vetoed"]
    veto = decision.grounds[2]
    assert (veto.groups, veto.n) == (("초등", "수와 연산"), 120)
    assert veto.lost > veto.gained
    assert "초등 × 수와 연산에서 나빠졌습니다" in ground_sentence(veto).ko
    assert f"Worse in 초등 × 수와 연산: of 120 problems {veto.lost} lost" in ground_sentence(veto).en
    assert decide(found, DecideSettings(hold_on_worse_cell=False), first=False).outcome == "promoted"


def test_small_cells_hold_no_adapter_back():
    found = improved(damaged=True)
    assert found.parent is not None
    few = tuple(cell.model_copy(update={"p_value": None, "count": 29}) for cell in found.parent.cells)
    few_cells = found.model_copy(update={"parent": found.parent.model_copy(update={"cells": few})})
    assert decide(few_cells, DecideSettings(), first=False).outcome == "promoted"


def test_a_grown_calibration_error_or_low_label_mass_holds():
    found = improved()
    assert found.parent is not None
    grown = found.parent.model_copy(update={"ece_debiased": Estimate(value=0.2, low=0.12, high=0.28)})
    decision = decide(found.model_copy(update={"parent": grown}), DecideSettings(), first=False)
    assert decision.outcome == "held"
    assert codes(decision)[2:] == ["calibration_error_rose", "vetoed"]
    assert "rose by 0.200 (0.120 to 0.280), more than 0.1" in ground_sentence(decision.grounds[2]).en
    lenient = DecideSettings(max_ece_increase=0.12)
    assert decide(found.model_copy(update={"parent": grown}), lenient, first=False).outcome == "promoted"
    aside = found.model_copy(update={"label_mass": LabelMass(mean=0.3, lowest=0.0)})
    decision = decide(aside, DecideSettings(), first=False)
    assert decision.outcome == "held"
    assert codes(decision)[2:] == ["low_label_mass", "vetoed"]
    assert "only 30.0% of its probability" in ground_sentence(decision.grounds[2]).en
