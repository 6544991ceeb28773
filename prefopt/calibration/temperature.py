"""Temperature scaling (Guo et al. 2017): one number that makes all posteriors flatter or sharper and changes no answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from prefopt.calibration import ece as ece_of
from prefopt.calibration.metrics import Floats, Ints, Scores, score
from prefopt.calibration.temperature_result import Temperature, TemperatureScores

LOWEST, HIGHEST = 0.05, 20.0
_PRECISION = 1e-9
"""Largest last step of ln T: T is known to more digits than any report shows."""


def apply_temperature(log_probs: Floats, temperature: float) -> Floats:
    """Posteriors P^(1/T), renormalized: [N, L] logarithms in and out."""
    scaled = log_probs / temperature
    return np.asarray(scaled - special.logsumexp(scaled, axis=1, keepdims=True), dtype=np.float64)


def fit_temperature(log_probs: Floats, gold: Ints) -> float:
    """The temperature of least log loss in [0.05, 20], by Newton's method in 1/T with bisection as its guard.

    The loss is convex in 1/T: its slope is the mean of (expected minus right) log-probability, its curvature their variance.
    """
    logs = np.where(np.isneginf(log_probs), 0.0, log_probs)  # a label of probability 0 keeps it at every temperature
    possible, right = ~np.isneginf(log_probs), log_probs[np.arange(len(gold)), gold]
    low, high, inverse = 1 / HIGHEST, 1 / LOWEST, 1.0
    for _ in range(60):
        scaled = logs * inverse
        scaled -= scaled.max(axis=1, keepdims=True)
        weights = np.exp(scaled, out=scaled) * possible
        weights /= weights.sum(axis=1, keepdims=True)
        expected = np.einsum("ij,ij->i", weights, logs)
        slope = float((expected - right).mean())
        curvature = float((np.einsum("ij,ij,ij->i", weights, logs, logs) - expected**2).mean())
        low, high = (inverse, high) if slope < 0 else (low, inverse)
        wanted = inverse - slope / curvature if curvature > 0 else (low if slope > 0 else high)
        step = wanted if low < wanted < high else float(np.sqrt(low * high))
        if abs(np.log(step / inverse)) < _PRECISION:
            return 1 / step
        inverse = step
    return 1 / inverse


def halves(names: Sequence[str], seed: int) -> NDArray[np.bool_]:
    """Two halves of the problems, siblings together: True for the groups with the smaller sha256 of seed and name, whatever their order.

    Args:
        names: group of each of N problems (its id where it has no sibling).
        seed: of the halves.
    """
    keys = {name: hashlib.sha256(f"temperature:{seed}:{name}".encode()).digest() for name in set(names)}
    first = set(sorted(keys, key=keys.__getitem__)[: len(keys) // 2])
    return np.array([name in first for name in names], dtype=np.bool_)


def cross_fitted(log_probs: Floats, gold: Ints, half: NDArray[np.bool_]) -> tuple[Floats, tuple[float, float]]:
    """Each half after the temperature of the other: [N, L] logarithms, and the temperatures fitted on the first and the second half.

    A half without problems leaves the other as it is.
    """
    result, fitted = log_probs.copy(), []
    for fit in (half, ~half):
        temperature = fit_temperature(log_probs[fit], gold[fit]) if fit.any() else 1.0
        fitted.append(temperature)
        if (~fit).any():
            result[~fit] = apply_temperature(log_probs[~fit], temperature)
    return result, (fitted[0], fitted[1])


def temperature_of(log_probs: Floats, gold: Ints, half: NDArray[np.bool_], *, bins: int) -> Temperature:
    """Fit on all problems, judge by cross-fitting.

    Args:
        log_probs: [N, L] normalized natural logarithms.
        gold: [N] column of the right label.
        half: [N] the two halves of cross-fitting.
        bins: of the ECE before and after.
    """
    value = fit_temperature(log_probs, gold)
    tempered, fitted = cross_fitted(log_probs, gold, half)
    before, after = score(log_probs, gold), score(tempered, gold)
    change = after.log_loss - before.log_loss
    return Temperature(
        value=value,
        at_bound=not LOWEST * 1.01 < value < HIGHEST / 1.01,
        fitted_on=len(before),
        judged_on=len(before),
        halves=fitted,
        before=_scores(before, bins),
        after=_scores(after, bins),
        log_loss_change=float(change.mean()),
        helps=bool(half.any() and (~half).any() and change[half].mean() < 0 and change[~half].mean() < 0),
    )


def _scores(scores: Scores, bins: int) -> TemperatureScores:
    return TemperatureScores(
        ece=ece_of.ece(scores.confidence, scores.correct, ece_of.width_bins(scores.confidence, bins)),
        ece_debiased=ece_of.debiased(scores.confidence, scores.correct, bins),
        log_loss=float(scores.log_loss.mean()),
        brier=float(scores.brier.mean()),
    )
