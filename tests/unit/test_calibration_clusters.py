"""Clusters and the design effect: by hand, and against the sandwich variance of statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefopt.calibration.clusters import Clusters, design_effect, effect_of_part, within_correlation


def test_problems_without_names_are_clusters_of_one():
    found = Clusters.from_names(None, 4)
    assert (found.of.tolist(), found.count, found.single) == ([0, 1, 2, 3], 4, True)
    named = Clusters.from_names(["d", "c", "a", "b"], 4)
    assert (named.count, named.single, sorted(named.of)) == (4, True, [0, 1, 2, 3])


def test_names_in_any_order_make_the_same_clusters():
    found = Clusters.from_names(["b", "a", "b", "c", "a", "b"], 6)
    assert (found.count, found.single) == (3, False)
    assert found.of[0] == found.of[2] == found.of[5]
    assert found.of[1] == found.of[4]
    assert sorted(found.sizes) == [1, 2, 3]
    assert sorted(found.sums(np.array([1.0, 10, 2, 100, 20, 3]))) == [6, 30, 100]


def test_a_part_keeps_who_belongs_together():
    found = Clusters.from_names(["b", "a", "b", "c", "a", "b"], 6)
    part = found.take(np.array([True, False, True, True, False, False]))
    assert (part.count, sorted(part.sizes)) == (2, [1, 2])
    assert part.of[0] == part.of[1] != part.of[2]
    assert found.take(np.array([1, 3])).single


def test_names_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="2 groups for 3 problems"):
        Clusters.from_names(["a", "b"], 3)


def test_design_effect_by_hand():
    # 0 0 | 1 1: centered sums -1, +1; (1 + 1) * 2/1 = 4 over 4 * 0.25 * 4/3 = 4/3
    pairs = Clusters.from_names(["a", "a", "b", "b"], 4)
    assert design_effect(np.array([0.0, 0, 1, 1]), pairs) == pytest.approx(3)
    # 0 1 | 0 1: both sums 0; siblings that differ more than strangers count no more than these
    assert design_effect(np.array([0.0, 1, 0, 1]), pairs) == 1
    # no correlation can be seen where all are equal: (2^2 + 2^2) / 4, and (3^2 + 1) / 4
    assert design_effect(np.ones(4), pairs) == 2
    assert design_effect(np.ones(4), Clusters.from_names(["a", "a", "a", "b"], 4)) == 2.5


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=20))
@settings(max_examples=40, deadline=None)
def test_single_problems_have_a_design_effect_of_exactly_1(values):
    assert design_effect(np.array(values), Clusters.from_names(None, len(values))) == 1.0


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_design_effect_is_the_ratio_of_statsmodels_variances(seed):
    from statsmodels.regression.linear_model import OLS

    rng = np.random.default_rng(seed)
    of = rng.integers(0, 30, 120)
    values = rng.normal(size=30)[of] + rng.normal(size=120)
    model = OLS(values, np.ones(120))
    clustered = model.fit(cov_type="cluster", cov_kwds={"groups": of}).cov_params().item()
    expected = clustered / model.fit().cov_params().item()
    assert expected > 1.5
    assert design_effect(values, Clusters.from_names([f"f{i}" for i in of], 120)) == pytest.approx(expected)


def test_the_correlation_of_siblings_gives_the_design_effect_back():
    rng = np.random.default_rng(3)
    family = np.repeat(np.arange(60), 5)
    values = (rng.random(60)[family] < 0.6).astype(float) * (rng.random(300) < 0.9)
    clusters = Clusters.from_names([f"f{i}" for i in family], 300)
    correlation = within_correlation(values, clusters)
    assert 0 < correlation < 1
    assert effect_of_part(clusters, correlation) == pytest.approx(design_effect(values, clusters))
    pairs = np.flatnonzero(np.arange(300) % 5 < 2)  # two siblings of each family: 1 + (2 - 1) * correlation
    assert effect_of_part(clusters.take(pairs), correlation) == pytest.approx(1 + correlation)
    assert within_correlation(values, Clusters.from_names(None, 300)) == 0.0
