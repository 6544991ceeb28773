"""How often an adapter is right on the pool, from the slates that teachers answered, whatever way the slates were drawn.

Slates are the hardest problems and a few drawn at random, so the share of right answers among them says little of the pool. Here every
slate counts with the inverse of its inclusion probability (Horvitz & Thompson 1952), and only the difference between teachers and
adapter is estimated from slates, because the adapter's confidence is known for the whole pool (difference estimator, Särndal, Swensson &
Wretman 1992, chapter 6; the same as prediction-powered inference, Angelopoulos et al., Science 2023):

    theta = mean over the pool of p_i  +  1/N  sum over answered slates of (right_i - p_i) / pi_i

p_i is the probability of the most probable label, right_i is 1 where the teachers' majority agrees with that label, pi_i the inclusion
probability given the largest gap that was asked (`given_cutoff`): problems up to that gap were all asked, and those of the random slice
beyond it are a simple random sample of the rest. The probabilities before the draw, which every slate keeps, are unbiased as well, but
their variance has no simple form: with them the interval covers too rarely where a round asks most of what is left.
The adapter is the one that made the slates; it has not been trained on these problems.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from prefopt.calibration.clusters import Clusters
from prefopt.calibration.intervals import share
from prefopt.calibration.pool_frame import PoolFrame
from prefopt.grounds import Estimate, Numbers

FEWEST = 5
"""Answered slates that were drawn by chance, or groups of them, without which there is no estimate."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class JudgedSlate:
    """One slate of the pool and what the teachers say of the adapter's most probable label."""

    confidence: float
    inclusion: float
    """1, or the probability of `given_cutoff`."""
    right: bool | None
    """None where the teachers have no majority."""
    group: Hashable
    """Slates of one group count as one draw."""


class PoolAccuracy(Numbers):
    """Accuracy on the problems of the pool that no earlier round had asked, by the teachers' labels."""

    round: int
    """The round that drew the slates; the adapter is the one that it started from."""
    problems: int
    slates: int
    by_chance: int
    """Answered slates that were not certain to be asked: the interval rests on them."""
    undecided: int
    """Slates without an answer or without a majority. They are left out, and the others of their kind count for them."""
    accuracy: Estimate
    confidence: float
    """Mean probability of the most probable label over the pool."""
    raw: float
    """Share right among the slates as they are: for comparison, it is not the accuracy on the pool."""
    variance: float
    degrees: float | None
    """Of freedom, of the t interval; None where nothing was left to chance."""
    with_asked: Estimate | None = None
    """The same over the whole pool: problems of earlier rounds count as answered when they were asked."""
    with_asked_problems: int = 0


class PoolShift(Numbers):
    """Accuracy on the pool against accuracy on the hold-out problems that would not have been asked either."""

    problems: int
    """Hold-out problems compared."""
    holdout: Estimate
    difference: Estimate
    """Pool minus hold-out."""

    @property
    def cannot_tell(self) -> bool:
        """Whether the interval holds 0."""
        return self.difference.low <= 0 <= self.difference.high


def given_cutoff(frame: PoolFrame, drawn: Sequence[tuple[str, float, float]]) -> list[float]:
    """Inclusion probabilities of the slates of a draw, given the largest gap among those chosen by gap.

    The draw stops at that gap, at a rank which depends on the random slice up to it only. So, given it, every problem up to it was asked,
    and the rest of the random slice is a simple random sample of the problems beyond it.

    Args:
        frame: the pool when the slates were drawn.
        drawn: purpose, gap and unconditional inclusion probability of every slate drawn from it.
    """
    last = min(((-gap, pi) for purpose, gap, pi in drawn if purpose == "margin"), default=None)
    beyond = [purpose == "random" and (last is None or (-gap, pi) < last) for purpose, gap, pi in drawn]
    rest = frame.problems - (len(drawn) - sum(beyond))
    return [sum(beyond) / rest if far else 1.0 for far in beyond]


def pool_accuracy(
    frame: PoolFrame, slates: Sequence[JudgedSlate], earlier: Sequence[bool | None] | None = None, level: float = 0.95
) -> PoolAccuracy | None:
    """Accuracy on the pool, or None where the slates do not show it: no random slice, or too few answers.

    Args:
        frame: the pool when the slates were drawn.
        slates: all that were drawn from it, answered or not.
        earlier: for every problem that earlier rounds asked, whether the label that was most probable then was right; None where they
            are not known.
        level: of the interval.
    """
    decided = [s for s in slates if s.right is not None]
    by_chance = [s for s in decided if s.inclusion < 1]
    census = frame.asked >= frame.problems
    if not decided or (not census and (not frame.random or len({s.group for s in by_chance}) < FEWEST)):
        return None
    total, variance, degrees = _residuals(slates)
    value = frame.mean_confidence + total / frame.problems
    variance /= frame.problems**2
    accuracy = _interval(value, variance, degrees, level)
    whole, count = None, 0
    if earlier and (known := [right for right in earlier if right is not None]):
        count = frame.problems + len(earlier)
        mean = (frame.problems * value + len(earlier) * sum(known) / len(known)) / count
        missing = len(earlier) * (len(earlier) - len(known)) / len(known) * _share_variance(sum(known), len(known))
        whole = _interval(mean, (variance * frame.problems**2 + missing) / count**2, degrees, level)
    return PoolAccuracy(
        round=frame.round,
        problems=frame.problems,
        slates=len(slates),
        by_chance=len(by_chance),
        undecided=len(slates) - len(decided),
        accuracy=accuracy,
        confidence=frame.mean_confidence,
        raw=sum(bool(s.right) for s in decided) / len(decided),
        variance=variance,
        degrees=degrees,
        with_asked=whole,
        with_asked_problems=count,
    )


def _residuals(slates: Sequence[JudgedSlate]) -> tuple[float, float, float | None]:
    """Sum of (right - p) / pi, its variance, and the degrees of freedom (Satterthwaite 1946) of the variance.

    Slates without a majority are as if they had not been drawn: within the certain slates and within the others, the inclusion
    probabilities are multiplied by the share that has a majority.
    """
    total, parts = 0.0, []
    for certain in (True, False):
        drawn = [s for s in slates if (s.inclusion == 1) == certain]
        decided = [s for s in drawn if s.right is not None]
        if not decided:
            continue
        pi = np.array([s.inclusion for s in decided]) * (len(decided) / len(drawn))
        residual = np.array([float(bool(s.right)) - s.confidence for s in decided])
        total += float((residual / pi).sum())
        sure = float(np.mean([s.confidence for s in decided]))
        parts.append(_variance(residual, pi, [s.group for s in decided], sure))
    variance = sum(v for v, _ in parts)
    moving = sum(v**2 / d for v, d in parts if v > 0)
    return total, variance, variance**2 / moving if moving else None


def _variance(residual: Floats, pi: Floats, groups: Sequence[Hashable], sure: float) -> tuple[float, float]:
    """Hájek's variance (1964) of a sum of residuals over inclusion probabilities, by group, and its degrees of freedom.

    One right and one wrong answer at the mean confidence are added, as Agresti and Coull (1998) do for a share: a dozen slates that are
    all right do not show that none is wrong.
    """
    number = {group: i for i, group in enumerate(dict.fromkeys(groups))}
    n = len(number)
    typical = len(pi) / float((1 / pi).sum())
    scaled = np.concatenate([residual / pi, np.array([1 - sure, -sure]) / typical])
    free = np.concatenate([1 - pi, np.full(2, 1 - typical)])
    if not free.any():
        return 0.0, 1.0
    center = float((free * scaled).sum() / free.sum())
    rows = np.array([*(number[group] for group in groups), n, n + 1])
    sums = np.bincount(rows, weights=np.sqrt(free) * (scaled - center))
    return n / (n + 1) * float((sums**2).sum()), max(1.0, n - 1.0)


def _share_variance(hits: int, n: int) -> float:
    """Variance of one answer, with two right and two wrong ones added (Agresti & Coull 1998)."""
    share = (hits + 2) / (n + 4)
    return share * (1 - share)


def _interval(value: float, variance: float, degrees: float | None, level: float) -> Estimate:
    """t interval, or a normal one without degrees of freedom, cut to [0, 1]."""
    half = float(np.sqrt(variance) * stats.t.ppf(0.5 + level / 2, np.inf if degrees is None else degrees))
    low, middle, high = (float(np.clip(x, 0.0, 1.0)) for x in (value - half, value, value + half))
    return Estimate(value=middle, low=low, high=high)


def pool_shift(pool: PoolAccuracy, right: Sequence[bool], level: float = 0.95, groups: Sequence[str] | None = None) -> PoolShift | None:
    """Accuracy on the pool minus accuracy on hold-out problems; None without any.

    Both are samples of what the school has, so the pool counts with the variance of a sample of its size as well. The two intervals are
    joined by the squares of their halves (Newcombe 1998; Zou & Donner 2008).

    Args:
        pool: accuracy of an adapter on the pool.
        right: of the same adapter on the hold-out problems that would not have been asked in earlier rounds.
        level: of the interval.
        groups: family of each of them; None: all are independent.
    """
    if not right:
        return None
    holdout = share(np.array(right, dtype=np.float64), Clusters.from_names(groups, len(right)), level)
    middle = pool.accuracy.value
    spread = pool.variance + middle * (1 - middle) / pool.problems
    of_pool = _interval(middle, spread, pool.degrees, level)
    difference = middle - holdout.value
    low = difference - float(np.hypot(middle - of_pool.low, holdout.high - holdout.value))
    high = difference + float(np.hypot(of_pool.high - middle, holdout.value - holdout.low))
    return PoolShift(problems=len(right), holdout=holdout, difference=Estimate(value=difference, low=max(-1.0, low), high=min(1.0, high)))
