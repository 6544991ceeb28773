"""Label biases: found where they were planted, and told from ability."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from prefopt.calibration.clusters import Clusters
from prefopt.calibration.label_biases import apply_biases, fit_biases, label_counts, prior_distance, refitted

LABELS = ("a", "b", "c", "d")


def planted(n: int, skill: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated posteriors of a model of this skill, and gold labels drawn from them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, skill, (n, len(LABELS)))
    logs = logits - special.logsumexp(logits, axis=1, keepdims=True)
    gold = (np.exp(logs).cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    return logs, gold


def test_planted_biases_are_found() -> None:
    logs, gold = planted(20_000, 1.5, 1)
    planted_biases = np.array([1.0, -0.5, 0.0, -0.5])
    found = fit_biases(apply_biases(logs, planted_biases), gold)
    assert found - found.mean() == pytest.approx(-planted_biases + planted_biases.mean(), abs=0.06)
    assert fit_biases(logs, gold) == pytest.approx(np.zeros(4), abs=0.05)


def test_without_problems_of_a_label_the_prior_keeps_its_bias_finite() -> None:
    logs, gold = planted(50, 1.0, 2)
    biases = fit_biases(logs[gold != 3], gold[gold != 3])
    assert np.isfinite(biases).all()
    assert -3 < biases[3] < 0


def test_the_optimum_is_that_of_another_optimizer() -> None:
    from scipy import optimize

    logs, gold = planted(300, 1.0, 3)
    shifted = apply_biases(logs, np.array([2.0, 0, 0, -1]))

    def loss(biases: np.ndarray) -> float:
        new = apply_biases(shifted, biases)
        return float(-new[np.arange(len(gold)), gold].sum() + (biases**2).sum() / 2)

    slow = optimize.minimize(loss, np.zeros(4), method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": 10_000})
    assert fit_biases(shifted, gold) == pytest.approx(slow.x, abs=1e-4)


def test_a_shift_is_not_taken_for_a_loss_of_ability_nor_ability_for_a_shift() -> None:
    logs, gold = planted(2_000, 2.0, 4)
    half = np.arange(2_000) % 2 == 0
    clusters = Clusters.from_names(None, 2_000)
    shifted = apply_biases(logs, np.array([3.0, -1.5, 0, 0]))
    plain = (shifted.argmax(1) == gold).mean() - (logs.argmax(1) == gold).mean()
    found = refitted(shifted, logs, gold, half, clusters, 0.95)
    assert plain < -0.08
    assert found.accuracy_change is not None
    assert found.brier_change is not None
    assert found.accuracy_change.low <= 0 <= found.accuracy_change.high
    assert abs(found.brier_change.value) < 0.005
    rng = np.random.default_rng(5)
    worse = logs + rng.normal(0, 2, logs.shape)
    worse -= special.logsumexp(worse, axis=1, keepdims=True)
    lost = refitted(worse, logs, gold, half, clusters, 0.95)
    assert lost.accuracy_change is not None
    assert lost.accuracy_change.high < 0
    assert refitted(logs, None, gold, half, clusters, 0.95).accuracy_change is None


def test_counts_name_what_is_answered_too_often() -> None:
    logs, gold = planted(400, 2.0, 6)
    shifted = apply_biases(logs, np.array([4.0, 0, 0, 0]))
    counts = label_counts(shifted, logs, gold, LABELS, Clusters.from_names(None, len(gold)))
    first = counts[0]
    assert first.label == "a"
    assert first.right == int((gold == 0).sum())
    assert first.answered == int((shifted.argmax(1) == 0).sum()) > first.right + 50
    assert first.parent_answered == int((logs.argmax(1) == 0).sum())
    assert sum(c.expected for c in counts) == pytest.approx(400)
    assert sum(c.answered for c in counts) == sum(c.right for c in counts) == 400
    assert prior_distance(counts) > 0.15 > 0.1 > prior_distance(counts, parent=True)
    assert [count.label for count in counts if count.farther and count.p_value is not None and count.p_value < 0.05] == ["a", "b", "c", "d"]


def test_answers_of_one_family_are_one_vote() -> None:
    """Forty siblings whose answers all move to one label are one family, which shows nothing."""
    logs, gold = planted(400, 2.0, 8)
    child = logs.copy()
    child[:40] = np.log(np.array([0.97, 0.01, 0.01, 0.01]))
    names = ["family" if i < 40 else f"p{i}" for i in range(400)]
    alone = label_counts(child, logs, gold, LABELS, Clusters.from_names(None, 400))[0]
    together = label_counts(child, logs, gold, LABELS, Clusters.from_names(names, 400))[0]
    assert alone.p_value is not None
    assert together.p_value is not None
    assert alone.p_value < 0.001
    assert together.p_value == 1.0
