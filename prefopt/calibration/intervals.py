"""Intervals and exact tests.

Shares have closed forms that hold at 0 and 1 (Wilson; Bonett & Price for paired ones). All other figures are bootstrapped over
problems, paired between adapters because both use the same resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy import special, stats

from prefopt.calibration.metrics import Floats, Ints
from prefopt.calibration.result import Discordance
from prefopt.grounds import Estimate

CHUNK = 1_000_000
"""Resampled positions in memory at once; limits a bootstrap to some tens of MB."""


def wilson(hits: int, n: int, confidence: float) -> Estimate:
    """Wilson score interval of a share (Wilson 1927); n >= 1."""
    interval = stats.binomtest(hits, n).proportion_ci(confidence, method="wilson")
    return Estimate(value=hits / n, low=float(interval.low), high=float(interval.high))


def paired_shares(lost: int, gained: int, n: int, confidence: float) -> Estimate:
    """Difference of two paired shares, (gained - lost) / n, with the adjusted Wald interval of Bonett & Price (2012).

    One is added to either count, so the interval has a width even where the two never differ.
    """
    z = float(special.ndtri(0.5 + confidence / 2))
    up, down = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    center = up - down
    half = z * float(np.sqrt((up + down - center**2) / (n + 2)))
    return Estimate(value=(gained - lost) / n, low=max(-1.0, center - half), high=min(1.0, center + half))


def mcnemar(this: Floats, other: Floats) -> Discordance:
    """Exact McNemar test of paired correctness (1.0 or 0.0, shape [N]): binomial on the discordant problems, two-sided."""
    lost = int(((this == 0) & (other == 1)).sum())
    gained = int(((this == 1) & (other == 0)).sum())
    p_value = float(stats.binomtest(gained, lost + gained, 0.5).pvalue) if lost + gained else 1.0
    return Discordance(lost=lost, gained=gained, p_value=min(1.0, p_value))


def resamples(n: int, replicates: int, rng: np.random.Generator) -> Iterator[Ints]:
    """Bootstrap resamples of n positions, in chunks of shape [R, n]."""
    step = max(1, CHUNK // n)
    for start in range(0, replicates, step):
        yield rng.integers(0, n, size=(min(step, replicates - start), n))


def bootstrap(n: int, replicates: int, rng: np.random.Generator, statistics: Callable[[Ints], Floats]) -> Floats:
    """Statistics of each resample: `statistics` maps positions [R, n] to [R, K]; the result has shape [replicates, K]."""
    return np.concatenate([statistics(rows) for rows in resamples(n, replicates, rng)])


def percentile(value: float, replicates: Floats, confidence: float) -> Estimate:
    """Percentile interval of bootstrap replicates [R] (Efron 1981)."""
    low, high = np.quantile(replicates, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return Estimate(value=value, low=float(low), high=float(high))


def bca_mean(values: Floats, replicates: Floats, confidence: float) -> Estimate:
    """Bias-corrected and accelerated interval of a mean (Efron 1987), whose acceleration is the skewness of the values [N]."""
    value = float(values.mean())
    centered = values - value
    spread = float((centered**2).sum())
    if spread == 0:
        return Estimate(value=value, low=value, high=value)
    acceleration = float((centered**3).sum()) / (6 * spread**1.5)
    below = (float((replicates < value).mean()) + float((replicates <= value).mean())) / 2
    bias = float(special.ndtri(np.clip(below, 1 / len(replicates), 1 - 1 / len(replicates))))
    z = special.ndtri(np.array([0.5 - confidence / 2, 0.5 + confidence / 2]))
    shares = special.ndtr(bias + (bias + z) / (1 - acceleration * (bias + z)))
    low, high = np.quantile(replicates, shares)
    return Estimate(value=value, low=float(low), high=float(high))


def shifted(value: float, replicates: Floats, confidence: float) -> Estimate:
    """Percentile interval after the mean of the replicates is moved to the estimate, for statistics that resampling biases."""
    return percentile(value, replicates - replicates.mean() + value, confidence)


def poisson_binomial_p(probabilities: Floats, hits: int) -> float:
    """Two-sided exact p-value that `hits` successes come from independent trials with these probabilities: twice the smaller tail."""
    chances = np.ones(1)
    for p in probabilities:
        chances = np.convolve(chances, (1 - p, p))
    return float(min(1.0, 2 * min(chances[: hits + 1].sum(), chances[hits:].sum())))


def holm(p_values: Floats) -> Floats:
    """Holm's adjusted p-values (1979), in the given order."""
    m = len(p_values)
    order = np.argsort(p_values, kind="stable")
    stepped = np.minimum(1.0, np.maximum.accumulate(p_values[order] * (m - np.arange(m)))) if m else p_values
    adjusted = np.empty(m)
    adjusted[order] = stepped
    return adjusted
