"""Temperature scaling (Guo et al. 2017): one number that makes all posteriors flatter or sharper and changes no answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from scipy import optimize, special

from prefopt.calibration import ece as ece_of
from prefopt.calibration.intervals import bca_mean, bootstrap
from prefopt.calibration.metrics import Floats, Ints, Scores, score
from prefopt.calibration.result import Temperature, TemperatureScores

LOWEST, HIGHEST = 0.05, 20.0


def apply_temperature(log_probs: Floats, temperature: float) -> Floats:
    """Posteriors P^(1/T), renormalized: [N, L] logarithms in and out."""
    scaled = log_probs / temperature
    return np.asarray(scaled - special.logsumexp(scaled, axis=1, keepdims=True), dtype=np.float64)


def fit_temperature(log_probs: Floats, gold: Ints) -> float:
    """The temperature of least log loss, searched in [0.05, 20]; the loss is convex in 1/T, so the minimum is the only one."""
    rows = np.arange(len(gold))

    def loss(log_inverse: float) -> float:
        scaled = log_probs * float(np.exp(log_inverse))
        return float((special.logsumexp(scaled, axis=1) - scaled[rows, gold]).mean())

    fitted = optimize.minimize_scalar(loss, bounds=(-np.log(HIGHEST), -np.log(LOWEST)), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(-fitted.x))


def fitting_half(problem_ids: Sequence[str], seed: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which problems the temperature is fitted on: the half with the smallest sha256 of seed and id, whatever their order."""
    keys = [hashlib.sha256(f"temperature:{seed}:{name}".encode()).digest() for name in problem_ids]
    chosen = sorted(range(len(keys)), key=keys.__getitem__)[: len(keys) // 2]
    half = np.zeros(len(keys), dtype=np.bool_)
    half[chosen] = True
    return half


def temperature_of(
    log_probs: Floats, gold: Ints, problem_ids: Sequence[str], *, bins: int, replicates: int, confidence: float, seed: int
) -> Temperature:
    """Fit on one half of the problems, judge on the other.

    Args:
        log_probs: [N, L] normalized natural logarithms.
        gold: [N] column of the right label.
        problem_ids: N distinct ids, which decide the halves.
        bins: of the ECE before and after.
        replicates: of the bootstrap of the change.
        confidence: level of its interval.
        seed: of the halves and of the bootstrap.
    """
    fit = fitting_half(problem_ids, seed)
    value = fit_temperature(log_probs[fit], gold[fit])
    before = score(log_probs[~fit], gold[~fit])
    after = score(apply_temperature(log_probs[~fit], value), gold[~fit])
    change = after.log_loss - before.log_loss
    replicated = bootstrap(len(change), replicates, np.random.default_rng([seed, 4]), lambda rows: change[rows].mean(axis=1)[:, None])
    return Temperature(
        value=value,
        at_bound=not LOWEST * 1.01 < value < HIGHEST / 1.01,
        fitted_on=int(fit.sum()),
        judged_on=len(before),
        before=_scores(before, bins),
        after=_scores(after, bins),
        log_loss_change=bca_mean(change, replicated[:, 0], confidence),
    )


def _scores(scores: Scores, bins: int) -> TemperatureScores:
    return TemperatureScores(
        ece=ece_of.ece(scores.confidence, scores.correct, ece_of.width_bins(scores.confidence, bins)),
        ece_debiased=ece_of.debiased(scores.confidence, scores.correct, bins),
        log_loss=float(scores.log_loss.mean()),
        brier=float(scores.brier.mean()),
    )
