"""Intervals and tests in closed form, by cluster wherever problems come in families.

Nothing here is drawn at random: the same data give the same digits. Shares use Wilson's interval with the design effect of the clusters;
means use Student's t corrected for skewness (Hall 1992); paired answers are tested by flipping the signs of whole clusters, which is
McNemar's exact test where every cluster has one problem. benchmarks/calibration.py measures the coverage.
"""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
from scipy import special, stats

from prefopt.calibration.clusters import Clusters, design_effect, effect_of_part
from prefopt.calibration.metrics import Floats
from prefopt.calibration.paired_result import Difference, Discordance
from prefopt.grounds import Estimate

SKEWNESS_KEPT = 0.85
"""Share of the observed skewness that Hall's correction uses. All of it covers 96 to 98 % where 5 % of 300 answers are wrong, none of it
90 to 95 %."""
FEWEST_EVENTS = 6.0
"""Fewest effective wrong (or right) answers with which a mean of confidence minus correctness has an interval. Where 5 % of 300 answers are
wrong, asking for ten leaves hold-outs with more errors than usual, and the interval covers 97.6 %; with none, families of five get 93 %."""
FEW_CLUSTERS = 12
"""Up to this many clusters, differences are tested by all combinations of signs."""
NO_DIFFERENCE = 1e-12
"""Differences below this are rounding."""


def wilson(hits: int, n: int, confidence: float) -> Estimate:
    """Wilson score interval of a share of independent problems (Wilson 1927); n >= 1."""
    return _wilson(hits / n, float(n), float(special.ndtri(0.5 + confidence / 2)))


def _wilson(p: float, n: float, z: float) -> Estimate:
    center = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)))
    low, high = 0.0 if p == 0 else max(0.0, center - half), 1.0 if p == 1 else min(1.0, center + half)
    return Estimate(value=p, low=low, high=high)


def quantile(clusters: Clusters, confidence: float) -> float:
    """Two-sided quantile: normal for single problems, Student's t with the clusters' degrees of freedom where they have several."""
    if clusters.single:
        return float(special.ndtri(0.5 + confidence / 2))
    return float(special.stdtrit(max(1, clusters.count - 1), 0.5 + confidence / 2))


def share(values: Floats, clusters: Clusters, confidence: float, correlation: float | None = None) -> Estimate:
    """Share of 1.0 among values [N] of 1.0 and 0.0: Wilson's interval with N over the design effect as the number of problems.

    Where problems have siblings the quantile is Student's, with the degrees of freedom of the clusters that count (see paired_mean).

    Args:
        values: one or zero each.
        clusters: of the problems.
        confidence: level.
        correlation: of siblings, known from more problems than these (clusters.within_correlation); None: from the values.
    """
    p, n = float(values.mean()), len(values)
    if correlation is not None:
        return _wilson(p, n / effect_of_part(clusters, correlation), float(special.ndtri(0.5 + confidence / 2)))
    if clusters.single:
        return wilson(int(values.sum()), n, confidence)
    t = float(special.stdtrit(_Standardized.of(values, clusters).freedom, 0.5 + confidence / 2))
    return _wilson(p, n / design_effect(values, clusters), t)


def paired_shares(this: Floats, other: Floats, clusters: Clusters, confidence: float) -> Estimate:
    """Difference of two paired shares (1.0 or 0.0, both [N]), with the adjusted Wald interval of Bonett & Price (2012).

    One is added to either count of differing problems, so the interval has a width even where the two never differ. The variance is
    multiplied by the design effect of the differences; where none differ, siblings count as one problem.
    """
    n, difference = len(this), this - other
    gained, lost = int((difference > 0).sum()), int((difference < 0).sum())
    up, down = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    center = up - down
    variance = design_effect(difference, clusters) * (up + down - center**2) / (n + 2)
    half = quantile(clusters, confidence) * float(np.sqrt(variance))
    return Estimate(value=(gained - lost) / n, low=max(-1.0, center - half), high=min(1.0, center + half))


def sign_flip(this: Floats, other: Floats, clusters: Clusters) -> Discordance:
    """Exact test of paired correctness (1.0 or 0.0, both [N]): every cluster's gained minus lost keeps its size and gets either sign.

    Where every cluster has one problem this is McNemar's exact test (1947), the binomial test on the problems that differ.
    """
    lost = int(((this == 0) & (other == 1)).sum())
    gained = int(((this == 1) & (other == 0)).sum())
    nets = np.rint(np.abs(clusters.sums(this - other))).astype(np.int64)
    return Discordance(lost=lost, gained=gained, p_value=_flipped(nets[nets > 0], abs(gained - lost)))


def _flipped(sizes: np.ndarray, observed: int) -> float:
    """P(|sum of sizes with random signs| >= observed), exactly."""
    if not len(sizes) or observed == 0:
        return 1.0
    if (sizes == 1).all():  # the sum is 2 * binomial - n
        return float(min(1.0, 2 * stats.binom.sf((len(sizes) + observed) // 2 - 1, len(sizes), 0.5)))
    total = int(sizes.sum())
    chances = np.zeros(2 * total + 1)
    chances[total] = 1.0
    for size in sizes.tolist():
        chances = (np.roll(chances, size) + np.roll(chances, -size)) / 2  # the ends hold 0 until all sizes are used
    return float(min(1.0, 2 * chances[total + observed :].sum()))


def mean(values: Floats, clusters: Clusters, confidence: float, *, least: float = -np.inf, most: float = np.inf) -> Estimate:
    """Mean of values [N] with its interval: t on the clusters' totals, corrected for skewness (Hall 1992, Biometrika 79, transformation
    without bootstrap; degrees of freedom from the number of clusters), cut off at the smallest and largest value that is possible."""
    return _interval(_Standardized.of(values, clusters), clusters.count - 1, confidence, least, most)


def paired_mean(values: Floats, clusters: Clusters, confidence: float, *, least: float = -np.inf, most: float = np.inf) -> Estimate:
    """Mean of paired differences [N] with its interval, as `mean`.

    Two adapters agree on most problems, so few clusters carry the difference, and the degrees of freedom are those of the clusters that
    count: twice (sum of squares)^2 / sum of fourth powers, less one, at most those of `mean`. Where totals are normal these are two thirds
    of the clusters.
    """
    found = _Standardized.of(values, clusters)
    return _interval(found, found.freedom, confidence, least, most)


def _interval(found: _Standardized, freedom: float, confidence: float, least: float = -np.inf, most: float = np.inf) -> Estimate:
    if found.unit == 0:
        return Estimate(value=found.value, low=found.value, high=found.value)
    t = float(special.stdtrit(freedom, 0.5 + confidence / 2)) / float(np.sqrt(found.count))
    low, high = (found.value - found.unit * found.back(sign * t) for sign in (1, -1))
    return Estimate(value=found.value, low=max(least, low), high=min(most, high))


def difference(values: Floats, clusters: Clusters, confidence: float) -> Difference:
    """Mean of paired differences [N] with the interval of paired_mean and the one-sided p values of "below 0" and "above 0".

    P values come from the same t as the interval, or, with up to FEW_CLUSTERS clusters, from all ways to flip the signs of the clusters'
    totals: with ten clusters the t promotes too often.
    """
    estimate = paired_mean(values, clusters, confidence)
    below, above = _one_sided(values, clusters) if np.abs(values).max() >= NO_DIFFERENCE else (0.5, 0.5)
    return Difference(value=estimate.value, low=estimate.low, high=estimate.high, p_below=below, p_above=above)


def _one_sided(values: Floats, clusters: Clusters) -> tuple[float, float]:
    """P values of "below 0" and "above 0"; see difference."""
    found, count = _Standardized.of(values, clusters), clusters.count
    if count <= FEW_CLUSTERS:
        totals = clusters.sums(values)
        flipped = _all_signs(count) @ totals
        slack = 1e-12 * float(np.abs(totals).sum())  # the observed signs are among all of them, whatever the rounding
        return float((flipped <= totals.sum() + slack).mean()), float((flipped >= totals.sum() - slack).mean())
    if not found.unit:  # all clusters differ alike: one of the 2^count combinations of signs is as extreme
        chance = float(0.5**count)
        return (chance, 1.0) if found.value < 0 else (1.0, chance)
    t = found.forward(found.value / found.unit) * float(np.sqrt(count))
    return float(special.stdtr(found.freedom, t)), float(special.stdtr(found.freedom, -t))


@cache
def _all_signs(count: int) -> np.ndarray:
    """Every combination of signs [2^count, count]."""
    return np.array(list(product((-1.0, 1.0), repeat=count)))


class _Standardized:
    """A mean in units of the standard deviation of clusters, and Hall's transformation between it and Student's t over sqrt(clusters)."""

    def __init__(self, value: float, unit: float, skewness: float, count: int, freedom: float = 1.0) -> None:
        self.value, self.unit, self.skewness, self.count, self.freedom = value, unit, skewness, count, freedom

    @classmethod
    def of(cls, values: Floats, clusters: Clusters) -> _Standardized:
        value, count = float(values.mean()), clusters.count
        totals = clusters.sums(values - value)
        variance = float((totals**2).mean())
        if count < 2 or variance <= 1e-24 * max(1.0, value * value):
            return cls(value, 0.0, 0.0, count, max(1.0, count - 1.0))
        skewness = SKEWNESS_KEPT * float((totals**3).mean()) / variance**1.5
        effective = float((totals**2).sum()) ** 2 / float((totals**4).sum())
        freedom = min(count - 1.0, max(2.0, 2 * effective - 1))
        return cls(value, float(np.sqrt(variance * count / (count - 1))) * count / len(values), skewness, count, freedom)

    def forward(self, y: float) -> float:
        g = self.skewness
        return y + g * y**2 / 3 + g**2 * y**3 / 27 + g / (6 * self.count)

    def back(self, x: float) -> float:
        g = self.skewness
        return x if abs(g) < 1e-8 else 3 / g * float(np.cbrt(1 + g * (x - g / (6 * self.count))) - 1)


def events(correct: Floats, clusters: Clusters) -> float:
    """Effective number of the rarer of wrong and right answers [N]: its count over the design effect."""
    wrong = float((1 - correct).sum())
    return min(wrong, len(correct) - wrong) / design_effect(correct, clusters)


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
