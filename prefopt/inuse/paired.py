"""Which of two adapters is better, and by how much, from verdicts on problems that they answered differently; see eprocess."""

from __future__ import annotations

from collections.abc import Callable
from math import lgamma, log, log1p
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from prefopt.inuse.eprocess import EProcess, inside_unit, truth
from prefopt.inuse.floats import Bools, Floats

DIFFER_PART = 0.1
"""Part of alpha that difference_bounds spends on how many problems tell the two apart."""


class Paired(EProcess):
    """Which of two adapters is better, from problems that both answered differently: each verdict is a coin if neither is.

    Tested: given everything before it, each verdict is for b with a chance of 1/2. e = B(1 + w, 1 + l) 2^(w + l) with w verdicts for b and
    l for a: the likelihood of all coins, evenly mixed, over that of the fair one (the mixture of Ville 1939; Robbins 1970, Statistical
    methods related to the law of the iterated logarithm).

    Args:
        alpha: as in EProcess; both directions together.

    Raises:
        ValueError: alpha is not in (0, 1).
    """

    def __init__(self, alpha: float) -> None:
        super().__init__(alpha)
        self.wins = 0
        self.losses = 0
        self.better: Literal["a", "b"] | None = None
        """The adapter that had more verdicts when e first reached 1 / alpha; None while it has not."""

    def add(self, for_b: bool) -> None:
        """Count one verdict. Raises ValueError for what is not a bool."""
        self.wins += truth("for_b", for_b)
        self.losses += not for_b
        self._now(_log_beta(1 + self.wins, 1 + self.losses) + (self.wins + self.losses) * log(2))
        if self.better is None and self.alarm:
            self.better = "b" if self.wins > self.losses else "a"


def paired_path(for_b: Bools) -> Floats:
    """Log e of Paired after each verdict of many streams at once. for_b: [..., T]; gives [..., T]."""
    seen = np.arange(for_b.shape[-1])
    wins: NDArray[np.int64] = np.cumsum(for_b, axis=-1) - for_b
    same = np.where(for_b, wins, seen - wins)
    return np.asarray(np.cumsum(np.log(2 * (1 + same) / (2 + seen)), axis=-1))


def share_bounds(hits: int, misses: int, alpha: float) -> tuple[float, float]:
    """Confidence sequence of a share: it lies between the bounds at all times together with a chance of at least 1 - alpha.

    All shares whose e-process (the even mixture of Paired, against this share) is below 1 / alpha now.

    Raises:
        ValueError: a count is negative, or alpha is not in (0, 1).
    """
    if min(hits, misses) < 0:
        raise ValueError(f"counts are at least 0, not {hits} and {misses}")
    least = _log_beta(1 + hits, 1 + misses) + log(inside_unit("alpha", alpha))  # log-likelihood that a share must have

    def likely(p: float) -> bool:
        return (hits * log(p) if hits else 0.0) + (misses * log1p(-p) if misses else 0.0) > least

    top = hits / (hits + misses) if hits + misses else 0.5
    low = 0.0 if not hits else _edge(likely, top, 0.0)
    high = 1.0 if not misses else _edge(likely, top, 1.0)
    return low, high


def difference_bounds(
    wins: int, losses: int, *, same: int, alpha: float, neither: int | None = None, waiting: int = 0
) -> tuple[float, float]:
    """Confidence sequence of how much more often b is right than a, as a share of all problems; see share_bounds.

    The difference is (share of problems with different answers) x (share of these on which just one is right) x (2 x share of these for b
    - 1). A tenth of alpha is spent on the first two and the rest on the last one, so the bounds leave out 0 exactly where
    Paired(0.9 alpha) says so now.

    Args:
        wins: problems on which b is right and a is not.
        losses: problems on which a is right and b is not.
        same: problems with the same answer.
        alpha: as in EProcess.
        neither: problems with different answers, both wrong; None: there cannot be any.
        waiting: problems with different answers and no verdict, which are like those with one.
    """
    judged = wins + losses + (neither or 0)
    differ = share_bounds(judged + waiting, same, DIFFER_PART / 2 * alpha)
    one_right = (1.0, 1.0) if neither is None else share_bounds(wins + losses, neither, DIFFER_PART / 2 * alpha)
    low, high = (2 * p - 1 for p in share_bounds(wins, losses, (1 - DIFFER_PART) * alpha))
    parts = (differ[0] * one_right[0], differ[1] * one_right[1])
    return min(low * part for part in parts), max(high * part for part in parts)


def _edge(likely: Callable[[float], bool], within: float, without: float) -> float:
    """Where a share stops being inside, between one that is and an end of [0, 1] that is not; on the outer side."""
    for _ in range(60):
        middle = (within + without) / 2
        if middle in (within, without):
            break
        within, without = (middle, without) if likely(middle) else (within, middle)
    return without


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
