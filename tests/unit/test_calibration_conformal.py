"""Label sets: the threshold and cross-fitted coverage by hand, coverage by simulation in every group, groups with too few problems."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefopt.calibration.clusters import Clusters
from prefopt.calibration.conformal import below_thresholds, conformal_sets, label_sets, threshold_for
from prefopt.calibration.intervals import share
from prefopt.calibration.review_result import Conformal
from prefopt.calibration.temperature import halves
from prefopt.taxonomy import Taxonomy, parse_taxonomy
from tests.unit.posteriors import calibrated, ids, normalized, small_taxonomy


def sets_of(log_probs: np.ndarray, gold: np.ndarray, taxonomy: Taxonomy, level: float, seed: int = 0) -> Conformal:
    n = len(gold)
    return conformal_sets(log_probs, gold, halves(ids(n), seed), Clusters.from_names(None, n), taxonomy, level=level, confidence=0.95)


def test_threshold_by_hand():
    of_gold = np.array([0.9, 0.1, 0.5, 0.7, 0.3, 0.8, 0.2, 0.6, 0.4])
    assert threshold_for(of_gold, 0.8) == 0.2  # rank ceil(10 * 0.8) = 8: the eighth largest of nine
    assert threshold_for(of_gold, 0.9) == 0.1
    assert threshold_for(of_gold, 0.95) == 0.0  # nine problems cannot promise 95 %
    assert threshold_for(np.array([]), 0.5) == 0.0


def test_each_half_is_judged_with_the_threshold_of_the_other():
    # Two labels; the right one, a, has these probabilities. Level 0.5: rank ceil(5 * 0.5) = 3 of each half
    first, second = [0.9, 0.8, 0.7, 0.6], [0.75, 0.4, 0.3, 0.2]
    of_gold = np.array([*first, *second])
    log_probs, half = np.log(np.stack([of_gold, 1 - of_gold], axis=1)), np.repeat([True, False], 4)
    taxonomy = parse_taxonomy("code,name\na,a\nb,b", "t")
    clusters = Clusters.from_names(None, 8)
    found = conformal_sets(log_probs, np.zeros(8, dtype=int), half, clusters, taxonomy, level=0.5, confidence=0.95)
    # thresholds 0.7 and 0.3. First half, with 0.3: a a a a, and b (0.3, 0.4) of the last two. Second half, with 0.7: a; none,
    # so the most probable, b (0.6); b (0.7); b
    (group,) = found.groups
    assert (group.fitted_on, group.judged_on) == (8, 8)
    assert group.threshold == pytest.approx(0.6)  # all problems: rank ceil(9 * 0.5) = 5
    assert group.set_coverage == share(np.array([1.0, 1, 1, 1, 1, 0, 0, 0]), clusters, 0.95)
    assert found.mean_size == group.mean_size == pytest.approx((1 + 1 + 2 + 2 + 1 + 1 + 1 + 1) / 8)
    assert found.share_single == pytest.approx(6 / 8)
    assert found.forced == 1
    assert below_thresholds(log_probs, np.zeros(8, dtype=int), half, taxonomy, 0.5).tolist() == [False] * 5 + [True] + [False] * 2


def test_coverage_holds_in_every_group_though_one_is_over_confident():
    taxonomy = small_taxonomy()
    hits: dict[str, list[float]] = {}
    for seed in range(40):
        log_probs, gold = calibrated(400, len(taxonomy), seed, sharpness=1.5)
        log_probs[gold < 6] *= 2.5  # the first band promises too much
        for group in sets_of(normalized(log_probs), gold, taxonomy, 0.9, seed).groups:
            hits.setdefault(group.group, []).append(group.set_coverage.value)
    assert set(hits) == {"초등", "중학"}
    for name, values in hits.items():
        assert np.mean(values) == pytest.approx(0.905, abs=0.02), name


def test_siblings_widen_the_interval_of_the_coverage():
    taxonomy = small_taxonomy()
    log_probs, gold = (np.repeat(values, 4, axis=0) for values in calibrated(100, len(taxonomy), 2, sharpness=1.5))
    names = [f"f{i // 4}" for i in range(400)]  # four times the same problem
    half = halves(names, 0)
    assert (half.reshape(100, 4) == half[::4, None]).all()
    apart, together = (
        conformal_sets(log_probs, gold, half, clusters, taxonomy, level=0.8, confidence=0.95)
        for clusters in (Clusters.from_names(None, 400), Clusters.from_names(names, 400))
    )
    for one, other in zip(apart.groups, together.groups, strict=True):
        assert one.set_coverage.value == other.set_coverage.value
        assert other.set_coverage.high - other.set_coverage.low > 1.7 * (one.set_coverage.high - one.set_coverage.low)


def test_too_few_problems_put_every_label_of_the_group_into_the_set():
    taxonomy = small_taxonomy()
    log_probs, gold = calibrated(20, len(taxonomy), 1)
    found = sets_of(log_probs, gold, taxonomy, 0.95)
    assert [g.threshold for g in found.groups] == [0.0, 0.0]
    assert found.mean_size == len(taxonomy)
    assert [g.set_coverage.value for g in found.groups if g.set_coverage is not None] == [1.0, 1.0]


def test_sets_that_only_all_problems_together_determine_are_not_judged():
    taxonomy = small_taxonomy()
    log_probs, gold = calibrated(60, len(taxonomy), 1)  # 19 a group are enough for 95 %, and the halves of it are not
    found = sets_of(log_probs, gold, taxonomy, 0.95)
    assert all(19 <= group.fitted_on < 38 and group.threshold > 0 for group in found.groups)
    assert {(group.set_coverage, group.mean_size) for group in found.groups} == {(None, None)}


def test_the_set_of_a_problem_without_a_sure_label_is_its_most_probable_label():
    probs = np.array([[0.5, 0.3, 0.2], [0.9, 0.05, 0.05], [0.3, 0.3, 0.4], [0.4, 0.4, 0.2], [0.0, 0.0, 1.0]])
    member, forced = label_sets(probs, np.array([0.6, 0.3, 0.6]))
    # 1: b alone reaches its threshold, a is more probable; 3: b reaches, c is more probable; 4: a and b tie, the first is the prediction
    assert member.tolist() == [[1, 1, 0], [1, 0, 0], [0, 1, 1], [1, 1, 0], [0, 0, 1]]
    assert forced.tolist() == [True, False, True, True, False]
    assert label_sets(probs, np.array([2.0, 2.0, 2.0]))[0].sum(axis=1).tolist() == [1] * 5


_VALUE = st.sampled_from([0.0, 1e-300, 0.1, 0.25, 0.5, 1.0])


@given(
    rows=st.lists(st.lists(_VALUE, min_size=4, max_size=4).filter(any), min_size=1, max_size=6),
    thresholds=st.lists(_VALUE, min_size=4, max_size=4),
)
def test_no_set_is_empty_or_lacks_the_most_probable_label(rows, thresholds):
    probs = np.array(rows) / np.array(rows).sum(axis=1, keepdims=True)
    member, forced = label_sets(probs, np.array(thresholds))
    best = probs.argmax(axis=1)
    assert member[np.arange(len(rows)), best].all()
    reaches = probs >= np.array(thresholds)
    assert (member >= reaches).all()  # nothing is taken out, so the coverage can only grow
    assert (member.sum(axis=1) - reaches.sum(axis=1) == forced).all()
