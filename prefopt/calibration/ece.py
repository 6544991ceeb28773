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
    return float(squared_errors_of_rows(gap[None], binned.bin_of[None], binned.bins)[0])


def squared_errors_of_rows(gap: Floats, bin_of: Ints, bins: int) -> Floats:
    """squared_error_debiased of each of R samples at once: gap and bin_of have shape [R, N], the result [R]."""
    rows, n = gap.shape
    flat = (bin_of + bins * np.arange(rows)[:, None]).ravel()
    size = rows * bins
    count = np.bincount(flat, minlength=size).astype(np.float64)
    total = np.bincount(flat, weights=gap.ravel(), minlength=size)
    squares = np.bincount(flat, weights=(gap**2).ravel(), minlength=size)
    usable = count >= 2  # a variance needs two
    safe = np.where(usable, count, 2)
    mean = total / safe
    variance = (squares - safe * mean**2) / (safe - 1)
    terms = np.where(usable, count * (mean**2 - variance / safe), 0.0)
    return np.asarray(terms.reshape(rows, bins).sum(axis=1) / n, dtype=np.float64)


def shrunk(gap: Floats, binned: Binned) -> Floats:
    """Gaps [N] for a bootstrap of the debiased error. The bins' means are shrunk towards 0, so that their mean square is the debiased
    estimate and not the plain one; the residuals around them are widened by sqrt(n / (n - 1)), so that their variance is unbiased (Davison
    & Hinkley 1997, Bootstrap methods and their application, section 2.3).

    Resampling treats the bins' observed gaps as the true ones. Noise makes them larger, and the variance of squares grows with them:
    intervals of the plain gaps are too wide (they cover the truth in 97.5 to 99.6 % of simulations, not in 95 %).
    """
    count = np.bincount(binned.bin_of, minlength=binned.bins)
    mean = np.bincount(binned.bin_of, weights=gap, minlength=binned.bins) / np.maximum(count, 1)
    plain = float((count * mean**2).sum()) / len(gap)
    if plain == 0:
        return gap
    keep = np.sqrt(min(1.0, max(squared_error_debiased(gap, binned), 0.0) / plain))
    wider = np.sqrt(count / np.maximum(count - 1, 1))
    return np.asarray(keep * mean[binned.bin_of] + (gap - mean[binned.bin_of]) * wider[binned.bin_of], dtype=np.float64)


def root(squared: float) -> float:
    """The debiased error in the units of the ECE: its root, or 0 where the estimate is negative."""
    return float(np.sqrt(max(squared, 0.0)))


def debiased(confidence: Floats, correct: Floats, bins: int) -> float:
    """Debiased calibration error over equal-mass bins; see squared_error_debiased."""
    return root(squared_error_debiased(confidence - correct, mass_bins(confidence, bins)))


def noise_floor(confidence: Floats, binned: Binned, rng: np.random.Generator, draws: int = 1000) -> tuple[float, float]:
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
