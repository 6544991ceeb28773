"""Calibration errors, sets and tests against the libraries that define or implement them independently (the `oracles` extra).

Each library is imported by the tests that use it: together they take seconds, in every process that collects this file.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin

from prefopt.calibration import ece as ece_of
from prefopt.calibration.clusters import Clusters
from prefopt.calibration.conformal import conformal_sets
from prefopt.calibration.intervals import holm, sign_flip, wilson
from prefopt.calibration.metrics import score
from prefopt.calibration.smooth import smooth_ece
from prefopt.calibration.temperature import fit_temperature, halves
from prefopt.taxonomy import parse_taxonomy
from tests.unit.posteriors import calibrated, ids, normalized

HOLD_OUTS = [(0, 300, 2, 1), (1, 900, 2, 1.6), (3, 450, 1, 0.6)]
"""Seed, problems, sharpness, and the factor on the logarithms: calibrated, over-confident, under-confident."""


def hold_out(seed: int, n: int, sharpness: float, factor: float) -> tuple[np.ndarray, np.ndarray]:
    log_probs, gold = calibrated(n, 12, seed, sharpness)
    return normalized(log_probs * factor), gold


@pytest.mark.parametrize("drawn", HOLD_OUTS)
@pytest.mark.parametrize("bins", [10, 15])
def test_binned_errors_equal_netcal(drawn, bins):
    from netcal.metrics import ECE

    log_probs, gold = hold_out(*drawn)
    scores, probs = score(log_probs, gold), np.exp(log_probs)
    by_width, by_mass = ece_of.width_bins(scores.confidence, bins), ece_of.mass_bins(scores.confidence, bins)
    assert ece_of.ece(scores.confidence, scores.correct, by_width) == pytest.approx(ECE(bins).measure(probs, gold), abs=1e-12)
    equal_mass = ECE(bins, equal_intervals=False).measure(probs, gold)
    assert ece_of.ece(scores.confidence, scores.correct, by_mass) == pytest.approx(equal_mass, abs=1e-12)


@pytest.mark.parametrize("drawn", HOLD_OUTS)
def test_smooth_error_equals_relplot(drawn):
    import relplot

    # relplot searches bandwidths in steps of 0.001. Above about 0.15 it differs: it cuts the kernel off at 0.5
    scores = score(*hold_out(*drawn))
    found = smooth_ece(scores.confidence, scores.correct)
    assert found == pytest.approx(relplot.smECE(scores.confidence, scores.correct, eps=1e-4), abs=1e-3)


@pytest.mark.parametrize("drawn", HOLD_OUTS)
def test_debiased_error_equals_that_of_its_authors(drawn):
    import calibration as verified_calibration  # of the package uncertainty-calibration, by the authors of the debiased error

    # Their variance of a bin is that of the answers alone, ours that of confidence minus correctness: the same up to the bin's width
    log_probs, gold = hold_out(*drawn)
    scores = score(log_probs, gold)
    found = ece_of.squared_error_debiased(scores.confidence - scores.correct, ece_of.mass_bins(scores.confidence, 15))
    options = {"p": 2, "debias": True, "num_bins": 15, "binning_scheme": verified_calibration.get_equal_bins, "mode": "top-label"}
    expected = verified_calibration.lower_bound_scaling_ce(np.exp(log_probs), gold, **options)
    assert ece_of.root(found) == pytest.approx(expected, abs=2e-4)


class Posterior(ClassifierMixin, BaseEstimator):
    """A fitted scikit-learn classifier whose features are its probabilities."""

    def __init__(self, labels: int = 2) -> None:
        self.labels = labels

    def fit(self, probs: np.ndarray, gold: np.ndarray) -> Posterior:
        self.classes_ = np.arange(self.labels)
        return self

    def predict_proba(self, probs: np.ndarray) -> np.ndarray:
        return probs

    def predict(self, probs: np.ndarray) -> np.ndarray:
        return probs.argmax(axis=1)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_label_sets_equal_mapie(level):
    from mapie.classification import SplitConformalClassifier

    labels, names = 12, ids(600)
    taxonomy = parse_taxonomy("code,name\n" + "\n".join(f"L{i:02d},name {i}" for i in range(labels)), "test.csv")
    log_probs, gold = calibrated(600, labels, 3, 1.5)
    probs, half = np.exp(log_probs), halves(names, 7)
    found = conformal_sets(log_probs, gold, half, Clusters.from_names(None, 600), taxonomy, level=level, confidence=0.95)
    sets = np.zeros((600, labels), dtype=bool)
    for fit in (half, ~half):
        oracle = SplitConformalClassifier(Posterior(labels).fit(probs, gold), confidence_level=level, conformity_score="lac", prefit=True)
        sets[~fit] = oracle.conformalize(probs[fit], gold[fit]).predict_set(probs[~fit])[1][:, :, 0]
    assert found.forced == (sets.sum(axis=1) == 0).sum()  # MAPIE leaves them empty
    sets[np.arange(600), probs.argmax(axis=1)] = True
    assert found.mean_size == pytest.approx(sets.sum(axis=1).mean())
    assert found.share_single == pytest.approx((sets.sum(axis=1) == 1).mean())
    assert found.groups[0].set_coverage.value == pytest.approx(sets[np.arange(600), gold].mean())


@pytest.mark.parametrize("drawn", HOLD_OUTS)
def test_fitted_temperature_equals_netcal(drawn):
    from netcal.scaling import TemperatureScaling

    log_probs, gold = hold_out(*drawn)
    oracle = TemperatureScaling()
    oracle.fit(np.exp(log_probs), gold)
    assert fit_temperature(log_probs, gold) == pytest.approx(1 / float(oracle.temperature[0]), rel=1e-3)


@pytest.mark.parametrize("count", [1, 2, 3, 10, 30, 181])
def test_holm_equals_statsmodels(count, monkeypatch):
    from statsmodels.stats import multitest

    monkeypatch.setattr("gc.collect", lambda: 0)  # statsmodels runs a full collection in each call: a third of a second here
    p_values = np.random.default_rng(count).uniform(size=count) ** 3
    p_values[: count // 3] = p_values[0]  # equal ones as well
    assert holm(p_values) == pytest.approx(multitest.multipletests(p_values, method="holm")[1], abs=1e-12)


@given(st.integers(0, 40), st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_mcnemar_equals_statsmodels(gained, lost):
    from statsmodels.stats import contingency_tables

    this = np.r_[np.ones(gained), np.zeros(lost), np.ones(5)]
    other = np.r_[np.zeros(gained), np.ones(lost), np.ones(5)]
    expected = contingency_tables.mcnemar([[5, gained], [lost, 0]], exact=True).pvalue
    assert sign_flip(this, other, Clusters.from_names(None, len(this))).p_value == pytest.approx(expected)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.sampled_from([0.8, 0.95, 0.99]))
@settings(max_examples=60, deadline=None)
def test_wilson_equals_statsmodels(counts, level):
    from statsmodels.stats import proportion

    hits, n = counts
    found = wilson(hits, n, level)
    assert (found.low, found.high) == pytest.approx(proportion.proportion_confint(hits, n, alpha=1 - level, method="wilson"), abs=1e-9)
    assert found.low <= found.value <= found.high
