"""Smooth calibration error: no bins, so no number of bins to choose (Błasiok & Nakkiran 2023, Smooth ECE).

The residuals confidence - correctness are smoothed by a Gaussian that is reflected at 0 and 1; the error is the integral of their
absolute value, at the bandwidth that equals it. A reflected Gaussian damps the cosines of [0, 1], so the smoothing is exact and needs
no grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefopt.calibration.metrics import Floats

SMALLEST = 0.002
"""Smallest bandwidth; a smaller error is reported as the error at this bandwidth."""
_POINTS = 201  # of the integral
_NEGLIGIBLE = 1e-8  # cosines damped below this are left out


@dataclass(frozen=True)
class CosineBasis:
    """The cosines at the confidences [N, K] and at the points of the integral [K, T], for any residuals at these confidences."""

    at_confidence: Floats
    at_point: Floats
    decay: Floats
    """[K] exponent of the damping, over the squared bandwidth."""

    @classmethod
    def of(cls, confidence: Floats) -> CosineBasis:
        """The basis at confidences [N]."""
        count = int(np.ceil(np.sqrt(-2 * np.log(_NEGLIGIBLE)) / (np.pi * SMALLEST)))
        k = np.arange(count + 1)
        weight = np.where(k == 0, 1.0, 2.0)
        return cls(
            np.cos(np.pi * confidence[:, None] * k),
            weight[:, None] * np.cos(np.pi * k[:, None] * np.linspace(0, 1, _POINTS)),
            np.asarray((np.pi * k) ** 2 / 2),
        )

    def error_at(self, coefficients: Floats, bandwidth: float) -> float:
        """Integral over [0, 1] of the absolute smoothed residuals (trapezoids)."""
        kept = int(np.searchsorted(self.decay * bandwidth**2, -np.log(_NEGLIGIBLE))) + 1
        damped = coefficients[:kept] * np.exp(-self.decay[:kept] * bandwidth**2)
        values = np.abs(damped @ self.at_point[:kept])
        return float((values.sum() - (values[0] + values[-1]) / 2) / (_POINTS - 1))

    def errors(self, residuals: Floats) -> Floats:
        """The error that equals its own bandwidth [R], for residuals [R, N]: one product for all of them."""
        coefficients = residuals @ self.at_confidence / residuals.shape[1]
        return np.array([self._error(row) for row in coefficients])

    def _error(self, coefficients: Floats) -> float:
        """The error falls as the bandwidth grows, so bisection finds where both are equal. coefficients [K]."""
        low, high = SMALLEST, 1.0
        if self.error_at(coefficients, low) <= low:
            return self.error_at(coefficients, low)
        while high - low > 1e-4:
            middle = (low + high) / 2
            low, high = (middle, high) if self.error_at(coefficients, middle) > middle else (low, middle)
        return (low + high) / 2


def smooth_ece(confidence: Floats, correct: Floats) -> float:
    """Smooth calibration error of the most probable label. Both [N]."""
    return float(CosineBasis.of(confidence).errors((confidence - correct)[None])[0])
