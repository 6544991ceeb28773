"""Risk-coverage and the accept rule: worked by hand, the bound by scipy, the guarantee by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from prefopt.calibration.metrics import Scores, score
from prefopt.calibration.selective import acceptance, error_bound, risk_coverage
from tests.unit.posteriors import calibrated


def made(confidence: list[float], correct: list[int]) -> Scores:
    n = len(confidence)
    zeros = np.zeros(n)
    return Scores(zeros.astype(int), zeros.astype(int), np.array(confidence), np.array(correct, dtype=float), zeros, zeros)


def test_risk_coverage_by_hand():
    points, area = risk_coverage(made([0.9, 0.6, 0.8, 0.7], [1, 1, 1, 0]))
    assert [(p.accepted_share, p.risk) for p in points] == [(0.25, 0), (0.5, 0), (0.75, pytest.approx(1 / 3)), (1, 0.25)]
    assert area == pytest.approx((0 + 0 + 1 / 3 + 1 / 4) / 4)


def test_ties_are_accepted_together():
    points, area = risk_coverage(made([0.5] * 4, [1, 1, 0, 0]))
    assert [(p.accepted_share, p.risk) for p in points] == [(1, 0.5)]
    assert area == pytest.approx(0.5)


@pytest.mark.parametrize(("errors", "n"), [(0, 59), (3, 100), (10, 400)])
def test_the_bound_is_clopper_pearson(errors, n):
    assert error_bound(errors, n, 0.95) == pytest.approx(stats.binomtest(errors, n, alternative="less").proportion_ci(0.95).high)


def test_too_few_problems_to_pass_accept_none():
    assert acceptance(made([0.9] * 58, [1] * 58), 0.05, 0.95).threshold is None  # (1 - 0.05)^58 > 0.05
    assert acceptance(made([0.9] * 59, [1] * 59), 0.05, 0.95).count == 59


def test_a_wrong_most_confident_answer_accepts_none():
    confidence = [1 - i / 1000 for i in range(300)]
    assert acceptance(made(confidence, [0] * 30 + [1] * 270), 0.05, 0.95).threshold is None


def test_what_is_accepted_is_above_the_threshold_and_within_the_bound():
    scores = score(*calibrated(800, 6, 3, sharpness=4.0))
    found = acceptance(scores, 0.1, 0.95)
    chosen = scores.confidence >= found.threshold
    assert chosen.sum() == found.count > 0
    assert (1 - scores.correct[chosen]).sum() == found.errors
    assert found.errors / found.count <= found.error_bound <= 0.1


def test_the_agreed_rate_is_kept():
    # True error above a confidence t follows from calibrated posteriors: the mean of 1 - confidence above t.
    population = np.exp(calibrated(100_000, 5, 99, sharpness=3.0)[0]).max(axis=1)
    broken, draws = 0, 250
    for seed in range(draws):
        found = acceptance(score(*calibrated(300, 5, seed, sharpness=3.0)), 0.1, 0.95)
        broken += found.threshold is not None and (1 - population[population >= found.threshold]).mean() > 0.1
    assert broken / draws <= 0.05 + 2 * (0.05 * 0.95 / draws) ** 0.5
