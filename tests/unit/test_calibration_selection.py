"""The accuracy of an adapter that was chosen on the problems that measure it, corrected: nothing where nothing was chosen, else by luck."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from prefopt.calibration.clusters import Clusters
from prefopt.calibration.intervals import share
from prefopt.calibration.selection import Candidate, corrected_accuracy
from prefopt.config import DecideSettings

N, SETTINGS = 300, DecideSettings()
SINGLE = Clusters.from_names(None, N)
LEVEL = 0.6
"""Lenient: even a small lead in sample is chosen."""


def corrected(chain: list[Candidate], in_use: int, clusters: Clusters = SINGLE, seed: int = 7):
    return corrected_accuracy(chain, in_use, clusters, SETTINGS, replicates=300, confidence=0.95, seed=seed)


def candidate(correct: np.ndarray, level: float = LEVEL) -> Candidate:
    return Candidate(correct.astype(float), 2 * (1 - correct.astype(float)), level)


def equals(rng: np.random.Generator, size: int = 1) -> tuple[list[Candidate], int]:
    """Ten adapters that are right on 60 % of all problems, and the one that a lenient rule ends with on these."""

    def luck(n: int) -> np.ndarray:
        return np.repeat(rng.normal(size=n // size), size)

    common = luck(N)
    chain = [candidate(np.sqrt(0.7) * common + np.sqrt(0.3) * luck(N) < stats.norm.ppf(0.6)) for _ in range(10)]
    at = 0
    for i in range(1, 10):
        gain = (chain[i].correct - chain[at].correct).reshape(-1, size).mean(axis=1)
        at = i if gain.mean() > stats.norm.ppf(1 - LEVEL / 2) * gain.std() / len(gain) ** 0.5 else at
    return chain, at


def test_there_is_nothing_to_correct_for_the_first_adapter():
    chain, _ = equals(np.random.default_rng(0))
    found = corrected(chain, 0)
    assert (found.accuracy, found.optimism) == (share(chain[0].correct, SINGLE, 0.95), 0)


def test_a_choice_without_a_rival_is_no_optimism():
    rng = np.random.default_rng(1)
    first, far = candidate(rng.random(N) < 0.3), candidate(rng.random(N) < 0.9, 0.03)
    worse = candidate(rng.random(N) < 0.3, 0.01)
    found = corrected([first, far, worse], 1)
    assert found.optimism == pytest.approx(0, abs=1e-12)  # chosen in every replicate
    plain = share(far.correct, SINGLE, 0.95)
    assert (found.accuracy.value, found.accuracy.low, found.accuracy.high) == pytest.approx((plain.value, plain.low, plain.high))


@pytest.mark.parametrize("size", [1, 5])
def test_the_luckiest_of_ten_equals_is_corrected_by_a_good_part_of_its_luck(size):
    clusters = Clusters.from_names([f"f{i // size:03d}" for i in range(N)], N)
    reported, said = [], []
    for seed in range(100):
        chain, at = equals(np.random.default_rng(seed), size)
        found = corrected(chain, at, clusters, seed)
        reported.append(chain[at].correct.mean() - 0.6)
        said.append(found.accuracy.value - 0.6)
        if at:
            assert found.optimism > 0
            assert found.accuracy.value == pytest.approx(chain[at].correct.mean() - found.optimism)
            assert found.accuracy.low < found.accuracy.value < found.accuracy.high
    assert np.mean(reported) > 0.02
    assert abs(np.mean(said)) < 0.5 * np.mean(reported)


def test_optimism_equals_a_replay_on_problems_that_are_drawn_one_family_after_the_other():
    rng = np.random.default_rng(4)
    sizes = rng.integers(1, 8, 30)
    of, n, replicates = np.repeat(np.arange(30), sizes), int(sizes.sum()), 50
    clusters = Clusters.from_names([f"f{i:02d}" for i in of], n)
    shared = rng.normal(size=30)[of]
    chain = [
        Candidate((0.8 * shared + 0.6 * rng.normal(size=n) < 0.3).astype(float), rng.uniform(0, 1, n) - 0.05 * i, 0.5) for i in range(5)
    ]
    found = corrected_accuracy(chain, 3, clusters, SETTINGS, replicates=replicates, confidence=0.95, seed=7).optimism

    def z_of(values: np.ndarray, families: np.ndarray) -> tuple[float, float]:
        """Mean, and standard error as the root of the summed squares of the families' deviations."""
        rest = values - values.mean()
        return values.mean(), np.sqrt(sum(rest[families == f].sum() ** 2 for f in np.unique(families))) / len(values)

    counts = np.random.default_rng([7, 11]).multinomial(30, np.full(30, 1 / 30), size=replicates)
    bars, floor, there, chosen = (stats.norm.isf(0.4 * 0.5), stats.norm.isf(0.6 * 0.5)), stats.norm.ppf(0.8), [], []
    for count in counts:
        rows = np.concatenate([np.flatnonzero(of == f) for f in np.repeat(np.arange(30), count)])
        copies = np.concatenate([np.full(sizes[f], i) for i, f in enumerate(np.repeat(np.arange(30), count))])
        at = 0
        for i, child in enumerate(chain[1:], 1):
            gain, gain_error = z_of((child.correct - chain[at].correct)[rows], copies)
            brier, brier_error = z_of((child.brier - chain[at].brier)[rows], copies)
            secured = gain - floor * gain_error > -SETTINGS.accuracy_margin
            if (gain > bars[0] * gain_error and brier <= 0) or (-brier > bars[1] * brier_error and secured):
                at = i
        there.append([candidate.correct[rows].mean() for candidate in chain])
        chosen.append(at)
    assert len(set(chosen)) > 2
    accuracies = np.array(there)
    expected = (accuracies[np.arange(replicates), chosen] - accuracies.mean(axis=0)[chosen]).mean()
    assert found == pytest.approx(expected)


def test_a_child_without_a_level_is_never_chosen_on_a_replicate():
    rng = np.random.default_rng(2)
    first, better = candidate(rng.random(N) < 0.3), candidate(rng.random(N) < 0.9, 0.0)
    assert corrected([first, better], 1).optimism == pytest.approx(0, abs=1e-12)


def test_it_is_the_same_for_the_same_seed_and_close_for_another():
    chain, at = equals(np.random.default_rng(3))
    once, again, other = (corrected(chain, at, seed=seed) for seed in (7, 7, 8))
    assert once == again
    assert once.optimism != other.optimism
    assert once.optimism == pytest.approx(other.optimism, abs=0.005)
