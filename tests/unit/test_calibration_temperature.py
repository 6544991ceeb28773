"""Temperature scaling: it recovers a known temperature, changes no answer, and is judged by cross-fitting."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from prefopt.calibration.metrics import score
from prefopt.calibration.temperature import HIGHEST, LOWEST, apply_temperature, cross_fitted, fit_temperature, halves, temperature_of
from tests.unit.posteriors import calibrated, ids, normalized


def judged(log_probs: np.ndarray, gold: np.ndarray):
    n = len(gold)
    return temperature_of(log_probs, gold, halves(ids(n), 7), bins=15)


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


@pytest.mark.parametrize("factor", [0.1, 1.0, 8.0])
def test_the_fit_equals_a_search_without_derivatives(factor):
    log_probs, gold = calibrated(150, 7, 8)
    drawn = normalized(factor * log_probs)
    expected = optimize.minimize_scalar(
        lambda t: score(apply_temperature(drawn, t), gold).log_loss.mean(),
        bounds=(LOWEST, HIGHEST),
        method="bounded",
        options={"xatol": 1e-9},
    ).x
    assert fit_temperature(drawn, gold) == pytest.approx(expected, rel=1e-5)


def test_labels_of_probability_0_keep_it_and_do_not_count():
    log_probs, gold = calibrated(300, 5, 9)
    wide = np.full((300, 8), -np.inf)
    wide[:, :5] = log_probs
    assert fit_temperature(wide, gold) == pytest.approx(fit_temperature(log_probs, gold), rel=1e-9)
    assert (apply_temperature(wide, 2.0)[:, 5:] == -np.inf).all()
    assert apply_temperature(wide, 2.0)[:, :5] == pytest.approx(apply_temperature(log_probs, 2.0))


def test_the_answer_stays_and_rows_stay_normalized():
    log_probs, _ = calibrated(100, 7, 3)
    scaled = apply_temperature(log_probs, 3.0)
    assert (scaled.argmax(axis=1) == log_probs.argmax(axis=1)).all()
    assert np.exp(scaled).sum(axis=1) == pytest.approx(np.ones(100))
    assert apply_temperature(log_probs, 1.0) == pytest.approx(log_probs)


def test_halves_are_equal_and_follow_the_names_not_their_order():
    names = ids(101)
    half = halves(names, 7)
    assert half.sum() == 50
    assert (halves(names[::-1], 7)[::-1] == half).all()
    assert (halves(names, 8) != half).any()


def test_siblings_are_in_one_half():
    names = [f"f{i % 13}" for i in range(60)]
    half = halves(names, 7)
    sides = {name: set(half[[i for i, other in enumerate(names) if other == name]]) for name in names}
    assert all(len(side) == 1 for side in sides.values())
    assert sum(True in side for side in sides.values()) == 6  # of 13 families


def test_each_half_gets_the_temperature_of_the_other():
    log_probs, gold = calibrated(80, 10, 6)
    half = halves(ids(80), 7)
    found, (first, second) = cross_fitted(log_probs, gold, half)
    assert (first, second) == (fit_temperature(log_probs[half], gold[half]), fit_temperature(log_probs[~half], gold[~half]))
    assert abs(first - second) > 0.01
    assert found[~half] == pytest.approx(apply_temperature(log_probs[~half], first))
    assert found[half] == pytest.approx(apply_temperature(log_probs[half], second))


def test_a_half_without_problems_leaves_the_other_as_it_is():
    log_probs, gold = calibrated(30, 4, 7)
    for half in (np.zeros(30, dtype=bool), np.ones(30, dtype=bool)):
        assert (cross_fitted(log_probs, gold, half)[0] == apply_temperature(log_probs, 1.0)).all()


def test_overconfidence_is_corrected_on_problems_that_the_temperature_has_not_seen():
    log_probs, gold = calibrated(1000, 10, 4)
    found = judged(apply_temperature(log_probs, 0.4), gold)
    assert (found.fitted_on, found.judged_on) == (1000, 1000)
    assert found.value == pytest.approx(2.5, rel=0.15)
    assert found.helps
    assert found.after.ece < found.before.ece
    assert found.after.ece_debiased < found.before.ece_debiased
    assert not found.at_bound


def test_its_figures_are_those_of_the_cross_fitted_posteriors():
    log_probs, gold = calibrated(80, 10, 6)
    found = judged(log_probs, gold)
    tempered, fitted = cross_fitted(log_probs, gold, halves(ids(80), 7))
    before, after = score(log_probs, gold), score(tempered, gold)
    assert (found.value, found.halves) == (fit_temperature(log_probs, gold), fitted)
    assert (found.before.log_loss, found.after.log_loss) == pytest.approx([s.log_loss.mean() for s in (before, after)])
    assert (found.before.brier, found.after.brier) == pytest.approx([s.brier.mean() for s in (before, after)])
    assert found.log_loss_change == pytest.approx(found.after.log_loss - found.before.log_loss)
    seen = score(apply_temperature(log_probs, found.value), gold).log_loss.mean()
    assert found.after.log_loss > seen  # a temperature flatters the problems that it was fitted on


def test_a_fit_at_its_bound_is_marked():
    log_probs, _ = calibrated(60, 4, 5)
    found = judged(log_probs, log_probs.argmax(axis=1))
    assert found.at_bound  # every answer is right: no temperature is low enough
    assert found.value == pytest.approx(LOWEST, rel=0.01)
    flat = judged(np.full((60, 4), np.log(0.25)), np.arange(60) % 4)
    assert flat.at_bound  # every temperature is as good as any other


def test_a_temperature_helps_only_where_it_helps_on_either_half():
    log_probs, gold = calibrated(400, 6, 11)
    half = halves(ids(400), 7)
    bold = apply_temperature(log_probs, 0.4)
    assert temperature_of(bold, gold, half, bins=15).helps
    mixed = np.where(half[:, None], bold, apply_temperature(log_probs, 2.5))  # either half asks for what harms the other
    found = temperature_of(mixed, gold, half, bins=15)
    assert found.halves[0] > 1 > found.halves[1]
    assert not found.helps
