"""Temperature scaling: it recovers a known temperature, changes no answer, and is judged on the other half."""

from __future__ import annotations

import numpy as np
import pytest

from prefopt.calibration.metrics import score
from prefopt.calibration.temperature import apply_temperature, fit_temperature, fitting_half, temperature_of
from tests.unit.posteriors import calibrated, ids


@pytest.mark.parametrize("known", [0.4, 1.0, 2.5])
def test_a_known_temperature_is_recovered(known):
    log_probs, gold = calibrated(4000, 10, 1)
    distorted = apply_temperature(log_probs, 1 / known)
    assert fit_temperature(distorted, gold) == pytest.approx(known, rel=0.06)


def test_the_fit_is_the_best_of_a_grid():
    log_probs, gold = calibrated(200, 6, 2)
    grid = np.exp(np.linspace(np.log(0.06), np.log(19), 400))
    losses = [score(apply_temperature(log_probs, t), gold).log_loss.mean() for t in grid]
    fitted = score(apply_temperature(log_probs, fit_temperature(log_probs, gold)), gold).log_loss.mean()
    assert fitted <= min(losses) + 1e-9


def test_the_answer_stays_and_rows_stay_normalized():
    log_probs, _ = calibrated(100, 7, 3)
    scaled = apply_temperature(log_probs, 3.0)
    assert (scaled.argmax(axis=1) == log_probs.argmax(axis=1)).all()
    assert np.exp(scaled).sum(axis=1) == pytest.approx(np.ones(100))
    assert apply_temperature(log_probs, 1.0) == pytest.approx(log_probs)


def test_halves_are_equal_and_follow_the_ids_not_their_order():
    names = ids(101)
    half = fitting_half(names, 7)
    assert half.sum() == 50
    assert (fitting_half(names[::-1], 7)[::-1] == half).all()
    assert (fitting_half(names, 8) != half).any()


def test_overconfidence_is_corrected_on_the_other_half():
    log_probs, gold = calibrated(1000, 10, 4)
    found = temperature_of(apply_temperature(log_probs, 0.4), gold, ids(1000), bins=15, replicates=300, confidence=0.95, seed=7)
    assert found.fitted_on + found.judged_on == 1000
    assert found.value == pytest.approx(2.5, rel=0.15)
    assert found.log_loss_change.high < 0
    assert found.after.ece < found.before.ece
    assert not found.at_bound


def test_it_is_judged_on_the_half_that_it_was_not_fitted_on():
    log_probs, gold = calibrated(80, 10, 6)
    found = temperature_of(log_probs, gold, ids(80), bins=15, replicates=100, confidence=0.95, seed=7)
    fit = fitting_half(ids(80), 7)
    assert found.value == fit_temperature(log_probs[fit], gold[fit])
    unseen = score(log_probs[~fit], gold[~fit]), score(apply_temperature(log_probs[~fit], found.value), gold[~fit])
    assert (found.before.log_loss, found.after.log_loss) == pytest.approx([s.log_loss.mean() for s in unseen])
    assert (found.before.brier, found.after.brier) == pytest.approx([s.brier.mean() for s in unseen])


def test_a_fit_at_its_bound_is_marked():
    log_probs, _ = calibrated(60, 4, 5)
    found = temperature_of(log_probs, log_probs.argmax(axis=1), ids(60), bins=15, replicates=100, confidence=0.95, seed=7)
    assert found.at_bound  # every answer is right: no temperature is low enough
