"""Wrong expert labels: how many there are, and what they do to accuracy, over-confidence and the share that can be accepted.

With a share e of the gold labels wrong, and q the chance that a wrong label agrees with a wrong answer, an adapter of accuracy A is seen
to be right on A_obs = A (1 - e) + (1 - A) e q. q = 1 / (L - 1) for L labels if wrong labels are spread evenly and independently of the
adapter's errors. Without that assumption A is only known to lie within A_obs - e and A_obs + e (bounds in the sense of Manski 2003).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from prefopt.calibration.intervals import wilson
from prefopt.grounds import Estimate, Numbers

FEWEST = 10
"""Gold slates without which there is no estimate."""
STEP = 0.002
"""Of the grid of error shares."""


class GoldError(Numbers):
    """Share of the gold labels that are wrong."""

    source: Literal["stated", "estimated", "bounded"]
    """By data.gold_error; from gold slates; or from gold slates with one teacher each, which only give an upper end."""
    error: Estimate
    """With source "bounded", `value` and `high` are the upper end."""
    slates: int = 0
    """Gold slates that teachers named a label on."""
    differ: int = 0
    """Of these, slates on which the label that most teachers name is not the gold label."""
    teacher_error: float | None = None
    """Estimated share of a teacher's answers that are wrong; None where it is not estimated."""


class GoldEffect(Numbers):
    """What the wrong gold labels do to the figures of one calibration."""

    gold: GoldError
    accuracy: float
    """As measured."""
    corrected: Estimate | None
    """Accuracy against right labels; the interval has the uncertainty of accuracy and of the gold error. None where the error is only
    bounded, or as large as chance agreement allows."""
    at_least: float
    at_most: float
    """Bounds of the accuracy whatever the errors are like."""
    ceiling: float
    """Accuracy that an adapter without any error would be measured to have."""
    overconfidence: Estimate
    """Mean confidence minus accuracy, its interval widened by the gold error to both sides."""
    accepts_nothing: bool
    """The gold error alone reaches the agreed error: nothing can be shown to be acceptable, whatever the adapter."""


def stated(error: float) -> GoldError:
    """The gold error as the project states it."""
    return GoldError(source="stated", error=Estimate(value=error, low=error, high=error))


def estimated(votes: Sequence[tuple[str, Sequence[str]]], labels: int, differ: int, level: float = 0.95) -> GoldError | None:
    """The gold error from slates whose known label teachers did not see; None below FEWEST slates.

    The model is that of Dawid and Skene (1979) with one parameter for all teachers and one for the gold label, which is one more rater:
    each is wrong with a probability of its own, on every problem alike, independently of the others, and then names any other label.
    Errors that several teachers share because a problem is ambiguous break it, and make the gold error look larger. The interval is
    that of Jeffreys' prior on the gold error and a flat one on the teachers' (for a share: Brown, Cai & DasGupta
    2001). With one teacher a slate nothing separates the two: then the upper end is that of the share that differs.

    Args:
        votes: gold label and the teachers' labels of every slate, at least one each.
        labels: number of labels in the taxonomy, at least 2.
        differ: slates on which the majority's label is not the gold label, for the record.
        level: of the interval.
    """
    if len(votes) < FEWEST:
        return None
    if all(len(named) == 1 for _, named in votes):
        top = wilson(sum(named[0] != gold for gold, named in votes), len(votes), level).high
        return GoldError(
            source="bounded", error=Estimate(value=min(top, 0.5), low=0.0, high=min(top, 0.5)), slates=len(votes), differ=differ
        )
    grid = np.arange(0.0, 0.5, STEP)
    likelihood = _log_likelihood(votes, labels, grid)
    best = int(likelihood.max(axis=1).argmax())
    low, high = _interval(likelihood, grid, level)
    return GoldError(
        source="estimated",
        error=Estimate(value=float(grid[best]), low=0.0 if best == 0 else min(low, float(grid[best])), high=max(high, float(grid[best]))),
        slates=len(votes),
        differ=differ,
        teacher_error=float(grid[likelihood[best].argmax()]),
    )


def _interval(likelihood: NDArray[np.float64], grid: NDArray[np.float64], level: float) -> tuple[float, float]:
    """Equal-tailed interval of the gold error from the log-likelihood over the grid [G, G]; points of the grid stand for their cells."""
    middle = (grid + np.append(grid[1:], grid[-1] + STEP)) / 2
    prior = stats.beta.cdf(grid + STEP, 0.5, 0.5) - stats.beta.cdf(grid, 0.5, 0.5)
    weight = np.exp(likelihood - likelihood.max()).sum(axis=1) * prior
    share = weight.cumsum() / weight.sum()
    low, high = np.interp([0.5 - level / 2, 0.5 + level / 2], share, middle)
    return float(low), float(high)


def _log_likelihood(votes: Sequence[tuple[str, Sequence[str]]], labels: int, grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-likelihood of gold error (rows) and teachers' error (columns), both over the grid. [G, G]"""
    gold, teacher = grid[:, None], grid[None, :]
    total = np.zeros((len(grid), len(grid)))
    patterns = Counter(
        (sum(x == known for x in named), *sorted(Counter(x for x in named if x != known).values())) for known, named in votes
    )
    with np.errstate(divide="ignore"):
        for (agree, *others), count in patterns.items():
            n = agree + sum(others)

            def teachers(hits: int, n: int = n) -> NDArray[np.float64]:
                return np.asarray((1 - teacher) ** hits * (teacher / (labels - 1)) ** (n - hits))

            wrong = gold / (labels - 1)
            unseen = max(0, labels - 1 - len(others))
            chance = (1 - gold) * teachers(agree) + sum((wrong * teachers(hits) for hits in others), wrong * unseen * teachers(0))
            total += count * np.log(chance)
    return total


def corrected_accuracy(observed: float, error: float, labels: int) -> float:
    """(A_obs - e q) / (1 - e (1 + q)), in [0, 1].

    Raises:
        ValueError: e (1 + q) >= 1, where the gold labels are no better than chance.
    """
    q = 1 / (labels - 1)
    if error * (1 + q) >= 1:
        raise ValueError(f"a gold error of {error} with {labels} labels is chance")
    return float(np.clip((observed - error * q) / (1 - error * (1 + q)), 0.0, 1.0))


def effect(gold: GoldError, accuracy: Estimate, overconfidence: Estimate, labels: int, agreed_error: float) -> GoldEffect:
    """What the gold error does to the figures of a calibration.

    Args:
        gold: stated or estimated.
        accuracy: as measured, with its interval.
        overconfidence: mean confidence minus accuracy, with its interval.
        labels: number of labels in the taxonomy, at least 2.
        agreed_error: calibrate.agreed_error.
    """
    e, most = gold.error.value, gold.error.high
    return GoldEffect(
        gold=gold,
        accuracy=accuracy.value,
        corrected=None if gold.source == "bounded" or most * labels / (labels - 1) >= 1 else _corrected(gold.error, accuracy, labels),
        at_least=max(0.0, accuracy.value - most),
        at_most=min(1.0, accuracy.value + most),
        ceiling=1 - e,
        overconfidence=Estimate(value=overconfidence.value, low=overconfidence.low - most, high=overconfidence.high + most),
        accepts_nothing=gold.source != "bounded" and e >= agreed_error,
    )


def _corrected(error: Estimate, accuracy: Estimate, labels: int) -> Estimate:
    """The corrected accuracy; halves of its interval are the root of the squares of those by either uncertainty (Zou & Donner 2008)."""
    value = corrected_accuracy(accuracy.value, error.value, labels)
    by_accuracy = [corrected_accuracy(observed, error.value, labels) for observed in (accuracy.low, accuracy.high)]
    by_error = [corrected_accuracy(accuracy.value, wrong, labels) for wrong in (error.low, error.high)]
    low = value - float(np.hypot(value - min(by_accuracy), max(0.0, value - min(by_error))))
    high = value + float(np.hypot(max(by_accuracy) - value, max(0.0, max(by_error) - value)))
    return Estimate(value=value, low=max(0.0, low), high=min(1.0, high))
