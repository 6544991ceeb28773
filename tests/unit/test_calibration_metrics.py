"""Scores and calibration errors against scikit-learn, worked examples, and bounds for any input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, brier_score_loss, f1_score, log_loss

from prefopt.calibration import ece as ece_of
from prefopt.calibration.metrics import macro_f1, score
from tests.unit.posteriors import calibrated, normalized


def test_scores_of_two_problems_by_hand():
    scores = score(np.log([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]]), np.array([0, 1]))
    assert scores.predicted.tolist() == [0, 0]
    assert scores.correct.tolist() == [1.0, 0.0]
    assert scores.confidence == pytest.approx([0.7, 0.5])
    assert scores.brier == pytest.approx([0.3**2 + 0.2**2 + 0.1**2, 0.5**2 + 0.7**2 + 0.2**2])
    assert scores.log_loss == pytest.approx([0.356675, 1.203973], abs=1e-6)


def test_scores_equal_scikit_learn():
    log_probs, gold = calibrated(300, 12, 0)
    gold[:20] = 3  # not calibrated: the formulas must not care
    scores, probs, labels = score(log_probs, gold), np.exp(log_probs), list(range(12))
    assert scores.correct.mean() == pytest.approx(accuracy_score(gold, probs.argmax(axis=1)))
    assert scores.brier.mean() == pytest.approx(brier_score_loss(gold, probs, labels=labels, scale_by_half=False))
    assert scores.log_loss.mean() == pytest.approx(log_loss(gold, probs, labels=labels))


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_macro_f1_equals_scikit_learn_over_the_labels_of_gold(pairs):
    gold, predicted = (np.array(column) for column in zip(*pairs, strict=True))
    expected = f1_score(gold, predicted, labels=np.unique(gold), average="macro", zero_division=0)
    assert macro_f1(gold, predicted) == pytest.approx(expected)


def test_labels_that_are_only_predicted_do_not_change_what_macro_f1_is_the_mean_of():
    gold = np.array([0, 0, 1, 1])
    # label 0: 1 of 2 found, 1 answer: 2/3; label 1: 2 of 2 found, 2 answers: 1. Whatever the wrong answer is
    assert macro_f1(gold, np.array([0, 5, 1, 1])) == pytest.approx(5 / 6)
    assert macro_f1(gold, np.array([0, 9, 1, 1])) == pytest.approx(5 / 6)


@given(st.integers(0, 10_000), st.integers(2, 9), st.floats(0.01, 8))
@settings(max_examples=40, deadline=None)
def test_bounds_hold_for_any_posterior(seed, labels, sharpness):
    rng = np.random.default_rng(seed)
    scores = score(normalized(sharpness * rng.normal(size=(25, labels))), rng.integers(0, labels, 25))
    assert ((scores.brier >= -1e-12) & (scores.brier <= 2 + 1e-12)).all()
    assert (scores.confidence >= 1 / labels - 1e-12).all()
    gap = abs(scores.confidence.mean() - scores.correct.mean())
    for binned in (ece_of.width_bins(scores.confidence, 15), ece_of.mass_bins(scores.confidence, 15)):
        assert gap - 1e-12 <= ece_of.ece(scores.confidence, scores.correct, binned) <= 1


@pytest.mark.parametrize("bins", [5, 10, 15])
def test_equal_width_ece_equals_scikit_learns_curve(bins):
    log_probs, gold = calibrated(500, 6, 2)
    scores = score(log_probs, gold)
    binned = ece_of.width_bins(scores.confidence, bins)
    accuracy, confidence = calibration_curve(scores.correct, scores.confidence, n_bins=bins)
    counts = np.bincount(binned.bin_of, minlength=bins)
    expected = (counts[counts > 0] * np.abs(accuracy - confidence)).sum() / len(scores)
    assert ece_of.ece(scores.confidence, scores.correct, binned) == pytest.approx(expected)


def test_width_bins_are_open_below_and_closed_above():
    assert ece_of.width_bins(np.array([0.0, 0.2, 0.2000001, 1.0]), 5).bin_of.tolist() == [0, 0, 1, 4]


def test_mass_bins_keep_equal_confidences_together_and_are_large_enough():
    confidence = np.array([0.9] * 30 + [0.1 + i / 1000 for i in range(30)])
    binned = ece_of.mass_bins(confidence, 15)
    assert len(set(binned.bin_of[:30])) == 1
    assert np.bincount(binned.bin_of).min() >= 10
    assert ece_of.mass_bins(np.linspace(0, 1, 12), 15).bins == 1


def test_debiased_error_by_hand():
    # One bin: confidence 0.8 always, 5 of 10 right. Gap 0.3, variance of the gap 10/9 * 0.25.
    confidence, correct = np.full(10, 0.8), np.repeat([1.0, 0.0], 5)
    expected = 0.3**2 - (10 / 9 * 0.25) / 10
    assert ece_of.squared_error_debiased(confidence - correct, ece_of.mass_bins(confidence, 15)) == pytest.approx(expected)
    assert ece_of.debiased(confidence, correct, 15) == pytest.approx(expected**0.5)


def test_debiased_error_is_the_root_of_the_mean_over_numbers_of_bins():
    log_probs, gold = calibrated(400, 6, 5)
    scores = score(normalized(2 * log_probs), gold)
    gap = scores.confidence - scores.correct
    squared = [ece_of.squared_error_debiased(gap, ece_of.mass_bins(scores.confidence, bins)) for bins in range(10, 21)]
    assert np.ptp(squared) > 0  # a number of bins alone decides a digit of it
    assert ece_of.debiased(scores.confidence, scores.correct, 15) == pytest.approx(np.mean(squared) ** 0.5)
    assert ece_of.debiased(np.full(40, 0.5), np.tile([0.0, 1.0], 20), 15) == 0  # a negative estimate


def test_debiased_error_is_unbiased_where_the_plain_one_is_not():
    rng = np.random.default_rng(3)
    confidence = rng.uniform(0.3, 0.9, 200)
    binned = ece_of.mass_bins(confidence, 15)
    draws = (rng.random((2000, 200)) < confidence - 0.1).astype(float)  # over-confident by 0.1 everywhere
    squared = np.array([ece_of.squared_error_debiased(confidence - draw, binned) for draw in draws])
    assert squared.mean() == pytest.approx(0.01, abs=4 * squared.std() / 2000**0.5)
    plain = [ece_of.ece(confidence, draw, binned) for draw in draws[:200]]
    assert np.mean(plain) > 0.115


def test_noise_floor_is_what_calibrated_models_show():
    rng = np.random.default_rng(4)
    confidence = rng.uniform(0.2, 1.0, 500)
    binned = ece_of.width_bins(confidence, 15)
    floor, floor_95 = ece_of.noise_floor(confidence, binned, np.random.default_rng(0))
    shown = [ece_of.ece(confidence, (rng.random(500) < confidence).astype(float), binned) for _ in range(1000)]
    assert floor == pytest.approx(np.mean(shown), rel=0.03)
    assert np.mean(np.array(shown) > floor_95) == pytest.approx(0.05, abs=0.025)
