"""Expected calibration error of the most probable label in its usual forms, and the floor below which it is noise.

The plain ECE is biased upwards: at 500 problems a perfectly calibrated model shows about 0.05. So it is always given together with
the floor that chance alone reaches and with a debiased figure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefopt.calibration.metrics import Floats, Ints

MIN_MASS_BIN = 10
"""Fewest problems in an equal-mass bin; the variance in it must be estimable."""


@dataclass(frozen=True)
class Binned:
    """Problems sorted into bins by confidence: `bin_of` has shape [N], values 0..bins-1."""

    bin_of: Ints
    bins: int


def width_bins(confidence: Floats, bins: int) -> Binned:
    """Bins of equal width, (i/bins, (i+1)/bins]; a confidence of 0 is in the first."""
    edges = np.linspace(0, 1, bins + 1)
    return Binned(np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1), bins)


def mass_bins(confidence: Floats, bins: int) -> Binned:
    """Bins of equal mass, with at least MIN_MASS_BIN problems each where there are that many; equal confidences stay together."""
    wanted = max(1, min(bins, len(confidence) // MIN_MASS_BIN))
    inner = np.quantile(confidence, np.arange(1, wanted) / wanted, method="inverted_cdf")
    raw = np.searchsorted(np.unique(inner), confidence, side="left")
    used, bin_of = np.unique(raw, return_inverse=True)
    return Binned(bin_of.astype(np.int64), len(used))


def ece(confidence: Floats, correct: Floats, binned: Binned) -> float:
    """Mean over problems of |mean confidence - accuracy| of their bin (Naeini et al. 2015; Guo et al. 2017)."""
    gaps = np.bincount(binned.bin_of, weights=confidence - correct, minlength=binned.bins)
    return float(np.abs(gaps).sum() / len(confidence))


def squared_error_debiased(gap: Floats, binned: Binned) -> float:
    """Unbiased estimate of the mean squared calibration error over the bins; may be negative.

    Per bin: (mean gap)^2 - var(gap) / n, weighted by n / N. This is the debiased estimator of Kumar, Liang & Ma (2019, Verified
    uncertainty calibration, section 5) with the variance of confidence - correctness in place of that of correctness, so that it
    also holds where the confidences inside a bin differ.

    Args:
        gap: [N] confidence minus correctness.
        binned: equal-mass bins.
    """
    count = np.bincount(binned.bin_of, minlength=binned.bins).astype(np.float64)
    total = np.bincount(binned.bin_of, weights=gap, minlength=binned.bins)
    squares = np.bincount(binned.bin_of, weights=gap**2, minlength=binned.bins)
    usable = count >= 2  # a variance needs two
    safe = np.where(usable, count, 2)
    mean = total / safe
    variance = (squares - safe * mean**2) / (safe - 1)
    return float(np.where(usable, count * (mean**2 - variance / safe), 0.0).sum() / len(gap))


def root(squared: float) -> float:
    """The debiased error in the units of the ECE: its root, or 0 where the estimate is negative."""
    return float(np.sqrt(max(squared, 0.0)))


def debiased(confidence: Floats, correct: Floats, bins: int) -> float:
    """Debiased calibration error over equal-mass bins; see squared_error_debiased.

    The squared errors of two thirds to four thirds of `bins` are averaged: with one number of bins the figure moves by a tenth when an edge
    moves by one problem.
    """
    wanted = range(max(1, round(2 * bins / 3)), round(4 * bins / 3) + 1)
    return root(float(np.mean([squared_error_debiased(confidence - correct, mass_bins(confidence, count)) for count in wanted])))


def noise_floor(confidence: Floats, binned: Binned, rng: np.random.Generator, draws: int = 10_000) -> tuple[float, float]:
    """Mean and 95 % quantile of the ECE of a perfectly calibrated model with these confidences (Bröcker & Smith 2007)."""
    n = len(confidence)
    errors = np.empty(draws)
    for start in range(0, draws, 200):
        rows = min(200, draws - start)
        gap = confidence - (rng.random((rows, n)) < confidence)
        flat = (binned.bin_of + binned.bins * np.arange(rows)[:, None]).ravel()
        sums = np.bincount(flat, weights=gap.ravel(), minlength=rows * binned.bins).reshape(rows, -1)
        errors[start : start + rows] = np.abs(sums).sum(axis=1) / n
    return float(errors.mean()), float(np.quantile(errors, 0.95))
