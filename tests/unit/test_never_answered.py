"""Labels that an adapter never gives, though they are right often enough to be missed."""

from __future__ import annotations

import numpy as np

from prefopt.grounds import Estimate
from prefopt.rounds.stages.calibrate import CalibrateOutcome, never_answered

LABELS = ("a", "b", "c", "d")


def test_only_labels_that_are_often_right_and_never_given_are_named() -> None:
    gold = np.array([0] * 12 + [1] * 10 + [2] * 9)  # c is right 9 times, d never
    answers = np.array([0] * 31)
    log_probs = np.log(np.full((31, 4), 0.1) + 0.6 * np.eye(4)[answers])
    assert never_answered(log_probs, gold, LABELS) == ("b",)
    log_probs[3] = np.log([0.1, 0.7, 0.1, 0.1])  # given once, wrongly: it can be written
    assert never_answered(log_probs, gold, LABELS) == ()


def test_the_line_of_calibrate_names_them() -> None:
    figures = {"problems": 31, "accuracy": 0.4, "accuracy_low": 0.2, "accuracy_high": 0.6, "brier": 0.7, "ece_debiased": 0.1}
    assert CalibrateOutcome(**figures).line() == "31 problems: accuracy 0.400 [0.200, 0.600], Brier 0.700"
    assert CalibrateOutcome(**figures, never_answered=("b", "d")).line().endswith("; never answered: b, d")
    gap = Estimate(value=-0.0672, low=-0.115, high=-0.021)
    known = CalibrateOutcome(**figures, confidence_gap=gap, smooth_ece=0.0744, smooth_ece_chance=0.0571)
    assert "Brier 0.700, confidence - accuracy -0.067 [-0.115, -0.021], smooth ECE 0.074 (by chance up to 0.057)" in known.line()
    few = known.model_copy(update={"confidence_gap_known": False})
    assert "confidence - accuracy -0.067 [cannot tell]" in few.line()
