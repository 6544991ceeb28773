"""Accuracy of the adapter in use, corrected for having been chosen on the problems that measure it.

The whole chain of decisions is replayed on resampled families: an adapter that was chosen on a resample is more accurate there than on the
original hold-out, by as much as the choice flatters it (the optimism of Efron 1983; Tibshirani & Tibshirani 2009 for chosen models).
benchmarks/many_rounds.py measures bias and coverage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from prefopt.calibration.clusters import Clusters
from prefopt.calibration.comparison import FLOOR_CONFIDENCE
from prefopt.calibration.intervals import share
from prefopt.calibration.metrics import Floats, Ints
from prefopt.calibration.spending import ACCURACY_PART, BRIER_PART
from prefopt.config import DecideSettings
from prefopt.grounds import Estimate


@dataclass(frozen=True)
class Candidate:
    """One adapter on the N problems that all of the chain were judged on."""

    correct: Floats
    """[N] 1.0 right, 0.0 wrong."""
    brier: Floats
    """[N] after its own cross-fitted temperature."""
    level: float = 0.0
    """What its look may spend; 0 for the first adapter, which no child is."""


@dataclass(frozen=True)
class Corrected:
    """The corrected accuracy, with the mean optimism that was subtracted."""

    accuracy: Estimate
    optimism: float


def corrected_accuracy(
    chain: Sequence[Candidate], in_use: int, clusters: Clusters, settings: DecideSettings, *, replicates: int, confidence: float, seed: int
) -> Corrected:
    """Accuracy of chain[in_use], minus the mean optimism of the chain's choices over the replicates.

    The first adapter was not chosen: its accuracy stays as it is.

    Args:
        chain: the first adapter, then every child that was decided on, in the order of the looks.
        in_use: position of the adapter in use.
        clusters: of the N problems.
        settings: of the rule.
        replicates: of the bootstrap over clusters.
        confidence: level of the interval, which is that of the plain accuracy, moved by the optimism.
        seed: of the bootstrap.
    """
    plain = share(chain[in_use].correct, clusters, confidence)
    if in_use == 0:
        return Corrected(plain, 0.0)
    rng = np.random.default_rng([seed, 11])
    counts = rng.multinomial(clusters.count, np.full(clusters.count, 1 / clusters.count), size=replicates).astype(np.float64)
    chosen = _replay(chain, counts, clusters, settings)
    n = counts @ clusters.sizes
    there = np.stack([counts @ clusters.sums(candidate.correct) / n for candidate in chain], axis=1)
    here = there.mean(axis=0)  # in place of the accuracies themselves: a chain without a choice then has an optimism of exactly 0
    optimism = float((there[np.arange(replicates), chosen] - here[chosen]).mean())
    low, high = max(0.0, plain.low - optimism), min(1.0, plain.high - optimism)
    return Corrected(Estimate(value=min(1.0, max(0.0, plain.value - optimism)), low=low, high=high), optimism)


def _replay(chain: Sequence[Candidate], counts: Floats, clusters: Clusters, settings: DecideSettings) -> Ints:
    """Position of the adapter in use at the end of each replicate [R], where counts [R, clusters] say how often each cluster occurs."""
    chosen = np.zeros(len(counts), dtype=np.int64)
    floor = float(special.ndtri(FLOOR_CONFIDENCE))
    for at, candidate in enumerate(chain[1:], 1):
        bars = [float(-special.ndtri(candidate.level * part)) if candidate.level > 0 else np.inf for part in (ACCURACY_PART, BRIER_PART)]
        passed = np.zeros(len(counts), dtype=np.bool_)
        for current in np.unique(chosen):
            rows = chosen == current
            rival = chain[int(current)]
            gain, gain_error = _mean_and_error(candidate.correct - rival.correct, counts[rows], clusters)
            brier, brier_error = _mean_and_error(candidate.brier - rival.brier, counts[rows], clusters)
            more_accurate = (gain > bars[0] * gain_error) & (brier <= settings.max_brier_increase)
            secured = gain - floor * gain_error > -settings.accuracy_margin
            passed[rows] = more_accurate | ((-brier > bars[1] * brier_error) & secured)
        chosen[passed] = at
    return chosen


def _mean_and_error(values: Floats, counts: Floats, clusters: Clusters) -> tuple[Floats, Floats]:
    """Mean of values [N] and its standard error by cluster in each replicate."""
    sums, sizes = clusters.sums(values), clusters.sizes
    n = counts @ sizes
    mean = counts @ sums / n
    squares = counts @ sums**2 - 2 * mean * (counts @ (sums * sizes)) + mean**2 * (counts @ sizes**2)
    return mean, np.sqrt(np.maximum(squares, 1e-12)) / n
