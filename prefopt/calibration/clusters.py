"""Problems that are not independent: siblings of one family count as one cluster in every test and interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prefopt.calibration.metrics import Floats, Ints


@dataclass(frozen=True)
class Clusters:
    """Which of N problems belong together: `of` [N] holds cluster numbers 0..count-1."""

    of: Ints
    count: int

    @classmethod
    def from_names(cls, names: Sequence[str] | None, n: int) -> Clusters:
        """Clusters by name, one name per problem; None: every problem is its own cluster.

        Raises:
            ValueError: there are not n names.
        """
        if names is None:
            return cls(np.arange(n), n)
        if len(names) != n:
            raise ValueError(f"{len(names)} groups for {n} problems")
        found, of = np.unique(np.asarray(names, dtype=object).astype(str), return_inverse=True)
        return cls(of.astype(np.int64), len(found))

    @property
    def single(self) -> bool:
        """Whether every cluster has one problem: then all results are those of independent problems."""
        return self.count == len(self.of)

    @property
    def sizes(self) -> Floats:
        """Problems in each cluster [count]."""
        return np.bincount(self.of, minlength=self.count).astype(np.float64)

    def sums(self, values: Floats) -> Floats:
        """Sum of the values [N] in each cluster [count]."""
        return np.asarray(np.bincount(self.of, weights=values, minlength=self.count), dtype=np.float64)

    def take(self, rows: NDArray[Any]) -> Clusters:
        """The clusters of some problems (boolean mask or positions)."""
        found, of = np.unique(self.of[rows], return_inverse=True)
        return Clusters(of.astype(np.int64), len(found))


def design_effect(values: Floats, clusters: Clusters) -> float:
    """Variance of the mean of values [N] over that of N independent problems (Kish 1965, Survey sampling, section 5.4), at least 1.

    Exactly 1 where every cluster has one problem. Where the values are all equal they show no correlation, and siblings count as one
    problem: sum of squared cluster sizes / N.
    """
    if clusters.single:
        return 1.0
    n, count = len(values), clusters.count
    centered = values - values.mean()
    spread = float((centered**2).sum())
    if spread == 0 or count < 2:
        return float((clusters.sizes**2).sum() / n)
    clustered = float((clusters.sums(centered) ** 2).sum()) * count / (count - 1)
    return max(1.0, clustered / (spread * n / (n - 1)))


def within_correlation(values: Floats, clusters: Clusters) -> float:
    """Correlation of siblings that gives values [N] their design effect, in [0, 1]; 0 where there are none.

    A part of the problems then has the design effect 1 + (mean sibling count - 1) * correlation (`effect_of_part`), which is steadier than
    an estimate from the few problems of that part.
    """
    siblings = float((clusters.sizes**2).sum() / len(values)) - 1
    return 0.0 if siblings <= 0 else min(1.0, (design_effect(values, clusters) - 1) / siblings)


def effect_of_part(clusters: Clusters, correlation: float) -> float:
    """Design effect of problems in these clusters whose siblings are correlated; see within_correlation."""
    return 1 + (float((clusters.sizes**2).sum() / len(clusters.of)) - 1) * correlation
