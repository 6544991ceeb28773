"""Two adapters on the same problems: every paired figure from its definition, siblings as one, and what a temperature repairs."""

from __future__ import annotations

import numpy as np
import pytest

from prefopt.calibration.clusters import Clusters
from prefopt.calibration.comparison import (
    Learned,
    Tempered,
    accuracy_floor,
    against_baseline,
    against_majority,
    compare,
    general_ability,
    intervals_of,
    tempered_brier,
)
from prefopt.calibration.intervals import paired_mean, paired_shares, share, sign_flip
from prefopt.calibration.metrics import score
from prefopt.calibration.temperature import apply_temperature, cross_fitted, halves
from tests.unit.posteriors import answering, calibrated, ids, normalized

SINGLE = Clusters.from_names(None, 100)


def test_a_comparison_with_itself_is_zero():
    scores = score(*calibrated(100, 5, 3))
    found = compare(scores, scores, SINGLE, bins=15, confidence=0.95)
    for difference in (found.brier, found.log_loss, found.bias_rise):
        assert (difference.value, difference.low, difference.high) == (0, 0, 0)
    assert (found.ece_debiased, found.mcnemar.p_value) == (0, 1.0)
    assert found.accuracy.low < 0 < found.accuracy.high
    both = tempered_brier(scores, scores, SINGLE, 0.95).difference
    assert (both.value, both.p_below, both.p_above) == (0, 0.5, 0.5)


def test_pairing_narrows_the_interval():
    log_probs, gold = calibrated(300, 5, 4)
    ours, theirs, single = score(log_probs, gold), score(normalized(1.02 * log_probs), gold), Clusters.from_names(None, 300)
    paired = compare(ours, theirs, single, bins=15, confidence=0.95).brier
    alone = intervals_of(ours, single, 0.95).brier
    assert paired.high - paired.low < 0.2 * (alone.high - alone.low)


@pytest.mark.parametrize("names", [None, [f"f{i // 4}" for i in range(100)]])
def test_every_figure_is_the_one_of_its_definition(names):
    clusters = Clusters.from_names(names, 100)
    (log_probs, gold), (other, _) = calibrated(100, 6, 5), calibrated(100, 6, 6)
    this, parent = score(log_probs, gold), score(normalized(3 * other), gold)
    found = compare(this, parent, clusters, bins=15, confidence=0.9)
    assert (found.parent_accuracy, found.parent_brier) == (parent.correct.mean(), parent.brier.mean())
    assert found.accuracy == paired_shares(this.correct, parent.correct, clusters, 0.9)
    assert found.brier == paired_mean(this.brier - parent.brier, clusters, 0.9)
    assert found.log_loss == paired_mean(this.log_loss - parent.log_loss, clusters, 0.9)
    assert found.mcnemar == sign_flip(this.correct, parent.correct, clusters)
    assert found.accuracy_floor == paired_shares(this.correct, parent.correct, clusters, 0.6).low  # 80 % on one side
    biases = [abs(s.confidence.mean() - s.correct.mean()) for s in (this, parent)]
    assert found.bias_rise.value == pytest.approx(biases[0] - biases[1])
    assert found.bias_rise.low < found.bias_rise.value < found.bias_rise.high


def test_the_bias_of_an_under_confident_parent_counts_like_that_of_an_over_confident_one():
    log_probs, gold = calibrated(400, 6, 7)
    calm, shy, bold = (score(normalized(k * log_probs), gold) for k in (1.0, 0.4, 3.0))
    single = Clusters.from_names(None, 400)
    for worse in (shy, bold):
        rise = compare(worse, calm, single, bins=15, confidence=0.95).bias_rise
        assert rise.low > 0.05
        assert compare(calm, worse, single, bins=15, confidence=0.95).bias_rise.high < -0.05


def test_the_floor_is_what_one_side_of_80_percent_leaves():
    this, parent = score(*calibrated(100, 6, 8)), score(calibrated(100, 6, 9)[0], calibrated(100, 6, 8)[1])
    gained, lost = (int(((this.correct - parent.correct) == sign).sum()) for sign in (1, -1))
    up, down = (gained + 1) / 102, (lost + 1) / 102
    expected = up - down - 0.8416212 * ((up + down - (up - down) ** 2) / 102) ** 0.5
    assert accuracy_floor(this, parent, SINGLE) == pytest.approx(expected, abs=1e-6)


def test_what_a_temperature_repairs_is_no_gain():
    log_probs, gold = calibrated(400, 6, 10)
    bold, single, half = apply_temperature(log_probs, 0.4), Clusters.from_names(None, 400), halves(ids(400), 7)
    plain = compare(score(log_probs, gold), score(bold, gold), single, bins=15, confidence=0.95).brier
    assert plain.high < -0.05  # a clear gain as the posteriors are
    tempered = [score(cross_fitted(side, gold, half)[0], gold) for side in (log_probs, bold)]
    found = tempered_brier(*tempered, single, 0.95)
    assert found.difference.value == pytest.approx(0, abs=1e-6)  # the temperatures undo the factor
    assert (found.own, found.parent) == pytest.approx([side.brier.mean() for side in tempered])


def test_the_most_frequent_label_and_a_baseline_are_opponents_by_problem():
    log_probs, gold = calibrated(100, 4, 11)
    gold[:40] = 2
    scores = score(log_probs, gold)
    found = against_majority(scores, ("a", "b", "c", "d"), SINGLE)
    assert (found.label, found.accuracy) == ("c", np.mean(gold == 2))
    assert found.mcnemar == sign_flip(scores.correct, (gold == 2).astype(float), SINGLE)
    hits = (np.arange(100) % 3 == 0).astype(float)
    other = score(answering(gold, hits, 4), gold)
    baseline = against_baseline(Tempered(scores, scores), Tempered(other, other), Learned(500, 200, 7, 10.0), SINGLE, 0.95)
    assert (baseline.accuracy, baseline.trained_on, baseline.answers, baseline.unseen) == (share(hits, SINGLE, 0.95), 500, 200, 7)
    assert baseline.brier.value == pytest.approx(other.brier.mean())
    assert baseline.brier_change.value == pytest.approx(scores.brier.mean() - other.brier.mean())
    assert baseline.brier_change.p_below < 0.01
    assert baseline.mcnemar.gained == int(((scores.correct == 1) & (hits == 0)).sum())
    assert baseline.mcnemar.lost == int(((scores.correct == 0) & (hits == 1)).sum())


def test_few_wrong_answers_leave_the_over_confidence_unknown():
    log_probs, gold = calibrated(200, 5, 12)
    sure = log_probs.copy()
    sure[np.arange(200), gold] += 20.0
    for wrong, known in ((5, False), (6, True)):
        answers = normalized(sure)
        answers[:wrong] = normalized(np.roll(sure[:wrong], 1, axis=1))
        found = intervals_of(score(answers, gold), Clusters.from_names(None, 200), 0.95)
        assert found.accuracy.value == 1 - wrong / 200
        assert found.overconfidence_known is known
        assert ((found.overconfidence.low, found.overconfidence.high) == (-1, 1)) is not known


def test_general_texts_are_independent_and_paired():
    rng = np.random.default_rng(13)
    parent = rng.uniform(2, 4, 30)
    now = parent + rng.normal(0.2, 0.05, 30)
    found, first = general_ability(now, parent, confidence=0.95), general_ability(now, None, confidence=0.95)
    assert (found.texts, found.nats.value) == (30, pytest.approx(now.mean()))
    assert found.change is not None
    assert (found.change.value, first.change) == (pytest.approx((now - parent).mean()), None)
    assert 0.15 < found.change.low < found.change.high < 0.25
