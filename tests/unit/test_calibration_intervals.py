"""Intervals and exact tests against scipy, enumeration and cases by hand; coverage by simulation."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from prefopt.calibration.comparison import compare, intervals_of
from prefopt.calibration.intervals import bca_mean, bootstrap, holm, mcnemar, paired_shares, poisson_binomial_p, wilson
from prefopt.calibration.metrics import score
from tests.unit.posteriors import calibrated


def test_wilson_by_hand():
    # 0 of 10 at 95 %: from 0 to z^2 / (n + z^2); 5 of 10: 0.5 -+ z / (2 sqrt(n + z^2))
    z = 1.959964
    assert (wilson(0, 10, 0.95).low, wilson(0, 10, 0.95).high) == pytest.approx((0, z**2 / (10 + z**2)), abs=1e-6)
    half = z / (2 * (10 + z**2) ** 0.5)
    assert (wilson(5, 10, 0.95).low, wilson(5, 10, 0.95).high) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-6)


def test_mcnemar_by_hand():
    # 9 gained, 1 lost: 2 * (C(10,0) + C(10,1)) / 2^10
    this, other = np.array([1.0] * 9 + [0.0] + [1.0] * 5), np.array([0.0] * 9 + [1.0] + [1.0] * 5)
    found = mcnemar(this, other)
    assert (found.lost, found.gained) == (1, 9)
    assert found.p_value == pytest.approx(2 * 11 / 1024)
    assert mcnemar(other, other).p_value == 1.0


def test_paired_shares_by_hand():
    # Bonett & Price with 12 gained, 4 lost of 98: shares 13/100 and 5/100, z = 1.959964
    found = paired_shares(4, 12, 98, 0.95)
    half = 1.959964 * ((0.18 - 0.08**2) / 100) ** 0.5
    assert found.value == pytest.approx(8 / 98)
    assert (found.low, found.high) == pytest.approx((0.08 - half, 0.08 + half), abs=1e-6)
    same = paired_shares(0, 0, 50, 0.95)
    assert same.low < 0 < same.high


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9), st.data())
@settings(max_examples=40, deadline=None)
def test_poisson_binomial_equals_enumeration(chances, data):
    hits = data.draw(st.integers(0, len(chances)))
    mass = np.zeros(len(chances) + 1)
    for outcome in product((0, 1), repeat=len(chances)):
        mass[sum(outcome)] += np.prod([p if o else 1 - p for p, o in zip(chances, outcome, strict=True)])
    expected = min(1.0, 2 * min(mass[: hits + 1].sum(), mass[hits:].sum()))
    assert poisson_binomial_p(np.array(chances), hits) == pytest.approx(expected, abs=1e-12)


def test_holm_by_hand():
    # 0.01 * 4, 0.02 * 3, max(0.06, 0.03 * 2), max(0.06, 0.04 * 1)
    assert holm(np.array([0.04, 0.01, 0.03, 0.02])) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert len(holm(np.array([]))) == 0


def test_bca_agrees_with_scipy():
    values = np.random.default_rng(0).exponential(size=120)
    replicates = bootstrap(120, 20_000, np.random.default_rng(1), lambda rows: values[rows].mean(axis=1)[:, None])[:, 0]
    expected = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(2)).confidence_interval
    found = bca_mean(values, replicates, 0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.012)
    assert bca_mean(np.ones(20), np.ones(100), 0.95).low == 1.0


def test_a_bootstrap_in_chunks_is_the_same_for_the_same_seed():
    values = np.arange(700.0)
    first, second = (bootstrap(700, 3000, np.random.default_rng(9), lambda rows: values[rows].mean(axis=1)[:, None]) for _ in range(2))
    assert first.shape == (3000, 1)
    assert (first == second).all()


def test_intervals_cover_the_truth():
    # Truth is known: labels are drawn from the posteriors, so the expected scores follow from the probabilities alone.
    population, _ = calibrated(40_000, 8, 10)
    probs = np.exp(population)
    true_accuracy = probs.max(axis=1).mean()
    true_brier = 1 - (probs**2).sum(axis=1).mean()
    inside = {"accuracy": 0, "brier": 0, "overconfidence": 0}
    draws = 200
    for seed in range(draws):
        scores = score(*calibrated(150, 8, 1000 + seed))
        found = intervals_of(scores, 8, bins=15, replicates=200, confidence=0.95, seed=seed)
        inside["accuracy"] += found.accuracy.low <= true_accuracy <= found.accuracy.high
        inside["brier"] += found.brier.low <= true_brier <= found.brier.high
        inside["overconfidence"] += found.overconfidence.low <= 0 <= found.overconfidence.high
    for name, hits in inside.items():
        assert 0.90 <= hits / draws <= 0.99, f"{name}: {hits} of {draws}"


def test_a_comparison_with_itself_is_zero():
    scores = score(*calibrated(100, 5, 3))
    found = compare(scores, scores, bins=15, replicates=200, confidence=0.95, seed=0)
    for difference in (found.brier, found.log_loss, found.ece_debiased):
        assert (difference.value, difference.low, difference.high) == (0, 0, 0)
    assert found.mcnemar.p_value == 1.0
    assert found.accuracy.low < 0 < found.accuracy.high


def test_pairing_narrows_the_interval():
    log_probs, gold = calibrated(300, 5, 4)
    ours, theirs = score(log_probs, gold), score(log_probs * 1.02 - np.log(np.exp(log_probs * 1.02).sum(axis=1, keepdims=True)), gold)
    paired = compare(ours, theirs, bins=15, replicates=400, confidence=0.95, seed=0).brier
    alone = intervals_of(ours, 5, bins=15, replicates=400, confidence=0.95, seed=0).brier
    assert paired.high - paired.low < 0.2 * (alone.high - alone.low)
