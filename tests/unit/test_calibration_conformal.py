"""Label sets: the threshold by hand, coverage by simulation in every group, and groups with too few problems."""

from __future__ import annotations

import numpy as np
import pytest

from prefopt.calibration.conformal import conformal_sets, threshold_for
from tests.unit.posteriors import calibrated, ids, normalized, small_taxonomy


def test_threshold_by_hand():
    of_gold = np.array([0.9, 0.1, 0.5, 0.7, 0.3, 0.8, 0.2, 0.6, 0.4])
    assert threshold_for(of_gold, 0.8) == 0.2  # rank ceil(10 * 0.8) = 8: the eighth largest of nine
    assert threshold_for(of_gold, 0.9) == 0.1
    assert threshold_for(of_gold, 0.95) == 0.0  # nine problems cannot promise 95 %
    assert threshold_for(np.array([]), 0.5) == 0.0


def test_coverage_holds_in_every_group_though_one_is_over_confident():
    taxonomy = small_taxonomy()
    hits: dict[str, list[float]] = {}
    for seed in range(40):
        log_probs, gold = calibrated(400, len(taxonomy), seed, sharpness=1.5)
        log_probs[gold < 6] *= 2.5  # the first band promises too much
        found = conformal_sets(normalized(log_probs), gold, ids(400), taxonomy, level=0.9, confidence=0.95, seed=seed)
        for group in found.groups:
            hits.setdefault(group.group, []).append(group.set_coverage.value)
    assert set(hits) == {"초등", "중학"}
    for name, values in hits.items():
        assert np.mean(values) == pytest.approx(0.905, abs=0.02), name


def test_too_few_problems_put_every_label_of_the_group_into_the_set():
    taxonomy = small_taxonomy()
    log_probs, gold = calibrated(20, len(taxonomy), 1)
    found = conformal_sets(log_probs, gold, ids(20), taxonomy, level=0.95, confidence=0.95, seed=0)
    assert [g.threshold for g in found.groups] == [0.0, 0.0]
    assert found.mean_size == len(taxonomy)
    assert [g.set_coverage.value for g in found.groups if g.set_coverage is not None] == [1.0, 1.0]
