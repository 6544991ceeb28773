"""Results of the previous format (rule brier-accuracy-2) are read, shown, and not decided on."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from prefopt.calibration import decide
from prefopt.calibration.result import Calibration
from prefopt.config import DecideSettings
from prefopt.errors import CalibrationError
from prefopt.grounds import Estimate
from prefopt.records import Decision
from prefopt.report.page import figures, render
from prefopt.report.wording import first_screen, sections
from prefopt.report.wording.grounds import decision_sentences
from tests.unit.posteriors import report_contents


def between(value: float, low: float, high: float) -> dict[str, float]:
    return {"value": value, "low": low, "high": high}


MCNEMAR = {"lost": 1, "gained": 29, "p_value": 5.77e-8}
CALIBRATION: dict[str, Any] = {
    "schema_version": 1,
    "n": 80,
    "labels": 2,
    "confidence_level": 0.95,
    "bootstrap": 2000,
    "seed": 7,
    "accuracy": between(0.9875, 0.933, 0.998),
    "macro_f1": between(0.987, 0.96, 1.0),
    "levels": [{"level": "label", "accuracy": between(0.9875, 0.933, 0.998)}],
    "brier": between(0.042, 0.024, 0.067),
    "log_loss": between(0.107, 0.077, 0.138),
    "overconfidence": between(-0.08, -0.106, -0.05),
    "mean_confidence": 0.908,
    "ece": {
        "equal_width": 0.08,
        "equal_mass": 0.08,
        "debiased": between(0.102, 0.053, 0.139),
        "bins": 3,
        "mass_bins": 3,
        "floor": 0.032,
        "floor_95": 0.067,
    },
    "reliability": [
        {
            "low": 0.333,
            "high": 1.0,
            "count": 80,
            "confidence": 0.908,
            "accuracy": between(0.9875, 0.933, 0.998),
            "p_value": 0.005,
            "flag": "under_confident",
        }
    ],
    "temperature": {
        "value": 0.12,
        "at_bound": False,
        "fitted_on": 40,
        "judged_on": 40,
        "before": {"ece": 0.088, "ece_debiased": 0.121, "log_loss": 0.101, "brier": 0.041},
        "after": {"ece": 0.011, "ece_debiased": 0.011, "log_loss": 0.014, "brier": 0.007},
        "log_loss_change": between(-0.088, -0.127, -0.057),
    },
    "cell_groups": ["label"],
    "cells": [
        {
            "groups": ["a"],
            "count": 80,
            "accuracy": between(0.9875, 0.933, 0.998),
            "confidence": 0.908,
            "p_value": 0.005,
            "flag": "under_confident",
        }
    ],
    "confusions": [{"gold": "초1-01", "predicted": "초1-02", "count": 1, "examples": ["p42"]}],
    "majority": {"label": "초1-01", "accuracy": 0.575, "mcnemar": {"lost": 0, "gained": 33, "p_value": 2.3e-10}},
    "risk_coverage": [{"accepted_share": 1.0, "threshold": 0.513, "risk": 0.0125}],
    "aurc": 0.0002,
    "acceptance": {
        "agreed_error": 0.05,
        "guarantee": 0.95,
        "threshold": 0.516,
        "count": 79,
        "share": 0.9875,
        "errors": 0,
        "error_bound": 0.0372,
    },
    "conformal": {
        "level": 0.95,
        "mean_size": 0.975,
        "share_single": 0.975,
        "groups": [
            {
                "group": "",
                "fitted_on": 40,
                "judged_on": 40,
                "threshold": 0.527,
                "set_coverage": between(0.975, 0.871, 0.996),
                "mean_size": 0.975,
            }
        ],
    },
    "overconfident": [{"label": "초1-01", "count": 12, "raw": 0.3, "shrunk": 0.2, "low": 0.1, "high": 0.3}],
    "parent": {
        "parent_accuracy": 0.6375,
        "parent_brier": 0.417,
        "parent_log_loss": 0.611,
        "parent_ece_debiased": 0.084,
        "accuracy": between(0.35, 0.228, 0.455),
        "brier": between(-0.375, -0.481, -0.295),
        "log_loss": between(-0.504, -0.65, -0.403),
        "ece_debiased": between(0.018, -0.105, 0.137),
        "mcnemar": MCNEMAR,
        "cells": [{"groups": ["a"], "count": 80, "mcnemar": MCNEMAR, "p_value": 5.77e-8}],
    },
}
"""calibration.json of a later round, as the previous version wrote it (rounded, and with few bins)."""

BRIER = {
    "code": "brier_against_parent",
    "brier": 0.042,
    "parent_brier": 0.417,
    "difference": between(-0.375, -0.481, -0.295),
    "confidence_level": 0.95,
    "change": "better",
}
ACCURACY = {
    "code": "accuracy_against_parent",
    "accuracy": 0.9875,
    "parent_accuracy": 0.6375,
    "difference": between(0.35, 0.228, 0.455),
    "confidence_level": 0.95,
    "gained": 29,
    "lost": 1,
    "p_value": 5.77e-8,
    "change": "better",
}
PROMOTED: dict[str, Any] = {
    "outcome": "promoted",
    "rule": "brier-accuracy-2",
    "grounds": [ACCURACY, BRIER, {"code": "more_accurate", "max_brier_increase": 0.0}],
}
VETOED: dict[str, Any] = {
    "outcome": "held",
    "rule": "brier-accuracy-2",
    "grounds": [
        ACCURACY,
        BRIER,
        {"code": "calibration_error_rose", "rise": between(0.2, 0.12, 0.28), "limit": 0.1},
        {"code": "vetoed"},
    ],
}


def calibration() -> Calibration:
    return Calibration.model_validate_json(json.dumps(CALIBRATION))


def test_figures_that_had_an_interval_which_did_not_cover_are_read_without_it():
    found = calibration()
    assert (found.macro_f1, found.ece.debiased) == (0.987, 0.102)
    assert found.parent is not None
    assert found.parent.ece_debiased == 0.018
    assert found.brier == Estimate(value=0.042, low=0.024, high=0.067)
    assert Calibration.model_validate_json(found.model_dump_json()) == found


def test_what_was_not_known_is_absent():
    found = calibration()
    assert (found.groups, found.labels_judged, found.baseline, found.temperature.halves) == (None, None, None, None)
    assert (found.design_effect, found.overconfidence_known, found.acceptance.look, found.acceptance.cause) == (1.0, True, 1, None)
    assert found.parent is not None
    assert (found.parent.tempered, found.parent.accuracy_floor, found.parent.bias_rise) == (None, None, None)


def test_it_is_not_decided_on_again():
    with pytest.raises(
        CalibrationError, match="calibrated by an earlier version: its Brier scores after temperature are missing"
    ) as caught:
        decide(calibration(), DecideSettings(), first=False)
    assert "round branch ROUND --at calibrate" in str(caught.value)
    first = calibration().model_copy(update={"parent": None})
    assert decide(first, DecideSettings(), first=True).outcome == "promoted"  # needs no Brier score


@pytest.mark.parametrize("stored", [PROMOTED, VETOED])
def test_decisions_without_a_look_are_read_and_said(stored):
    found = Decision.model_validate_json(json.dumps(stored))
    assert found.look is None
    assert json.loads(found.model_dump_json()) == stored
    brier = decision_sentences(found)[1]
    assert brier.ko.startswith("브라이어 점수 0.042, 직전 모델 0.417: 차이 −0.375 (95% 신뢰구간 −0.481 ~ −0.295")
    assert brier.en.startswith("Brier score 0.042, parent 0.417: −0.375 (95% interval −0.481 to −0.295")
    assert all(say.ko and say.en for say in decision_sentences(found))


def test_its_promise_is_said_as_it_was_made():
    say = sections.accept_sentence(calibration())
    assert "오답률의 상한은 3.7%입니다(정확 이항 검정, 95%)." in say.ko
    assert "the error is at most 3.7% (exact binomial bound, 95%)" in say.en
    assert "모든 모델" not in say.ko
    none = CALIBRATION["acceptance"] | {"threshold": None, "count": 0, "share": 0.0, "error_bound": None}
    nothing = Calibration.model_validate(CALIBRATION | {"acceptance": none})
    assert sections.accept_sentence(nothing).ko.endswith("검증용 문제를 늘리거나 모델이 나아져야 합니다.")
    assert sections.accept_sentence(nothing).en.endswith("more hold-out problems or a better adapter are needed.")
    assert first_screen.accept_tile(nothing).text.en.rstrip().endswith("review every answer.")


def test_its_report_can_be_written():
    contents = report_contents()
    row = replace(contents.current, calibration=calibration(), decision=Decision.model_validate(VETOED))
    old = replace(contents, history=(*contents.history[:-1], row), lead=None)
    page = render(old)
    assert "0.987" in page
    assert "None" not in page
    assert figures(old)["calibration"]["macro_f1"] == 0.987


def test_a_key_that_no_version_knows_is_refused():
    changed = copy.deepcopy(CALIBRATION)
    changed["parent"]["more"] = 1
    with pytest.raises(ValidationError, match="more"):
        Calibration.model_validate(changed)
