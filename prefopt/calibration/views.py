"""Views of the calibration error other than bins of confidence, each with what chance alone would show.

smooth      without bins (smooth.py)
classwise   of every label's probability, not only the highest: mean over labels (Kull et al. 2019, classwise ECE)
top_label   within the problems predicted to have the same label (Gupta & Ramdas 2022)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from prefopt.calibration.metrics import Floats, Ints, Scores
from prefopt.calibration.result import CalibrationView
from prefopt.calibration.smooth import CosineBasis

DRAWS = 200
"""Simulated hold-outs behind each floor."""


def calibration_views(log_probs: Floats, scores: Scores, bins: int, rng: np.random.Generator) -> tuple[CalibrationView, ...]:
    """The three views. log_probs [N, L]; bins of the classwise view."""
    confidence, probs = scores.confidence, np.exp(log_probs)
    n, groups = probs.shape
    basis, classwise, gold_of = CosineBasis.of(confidence), Classwise(probs, bins), _gold_sampler(probs)
    residuals = confidence - (rng.random((DRAWS, n)) < confidence)
    by_label = [classwise.error(gold_of(rng)) for _ in range(DRAWS)]
    by_answer = [
        top_label_error(confidence, (rng.random(n) < confidence).astype(np.float64), scores.predicted, groups) for _ in range(DRAWS)
    ]
    return (
        _view("smooth", float(basis.errors((confidence - scores.correct)[None])[0]), basis.errors(residuals)),
        _view("classwise", classwise.error(scores.gold), np.array(by_label)),
        _view("top_label", top_label_error(confidence, scores.correct, scores.predicted, groups), np.array(by_answer)),
    )


def smooth_ece_view(scores: Scores, rng: np.random.Generator) -> CalibrationView:
    """Smooth ECE with its floor, without the other views."""
    confidence = scores.confidence
    basis = CosineBasis.of(confidence)
    residuals = confidence - (rng.random((DRAWS, len(scores))) < confidence)
    return _view("smooth", float(basis.errors((confidence - scores.correct)[None])[0]), basis.errors(residuals))


def top_label_error(confidence: Floats, correct: Floats, predicted: Ints, labels: int) -> float:
    """Mean over problems of |mean confidence - accuracy| among the problems with the same most probable label."""
    gaps = np.bincount(predicted, weights=confidence - correct, minlength=labels)
    return float(np.abs(gaps).sum() / len(confidence))


class Classwise:
    """Bins of equal width of every label's probability [N, L], for any gold labels."""

    def __init__(self, probs: Floats, bins: int) -> None:
        n, self.labels = probs.shape
        self.bin_of = np.clip(np.ceil(probs * bins).astype(np.int64) - 1, 0, bins - 1) + bins * np.arange(self.labels)
        self.size = bins * self.labels
        self.expected = np.bincount(self.bin_of.ravel(), weights=probs.ravel(), minlength=self.size)
        self.rows = np.arange(n)

    def error(self, gold: Ints) -> float:
        """Mean over labels of the ECE of that label's probability."""
        hits = np.bincount(self.bin_of[self.rows, gold], minlength=self.size)
        return float(np.abs(self.expected - hits).sum() / (len(gold) * self.labels))


def _gold_sampler(probs: Floats) -> Callable[[np.random.Generator], Ints]:
    """Draws gold labels from the posteriors, as for a perfectly calibrated model."""
    steps = np.cumsum(probs, axis=1)

    def draw(rng: np.random.Generator) -> Ints:
        at = (steps < rng.random((len(steps), 1)) * steps[:, -1:]).sum(axis=1)
        return np.asarray(at, dtype=np.int64)

    return draw


def _view(name: str, value: float, chance: Floats) -> CalibrationView:
    return CalibrationView(name=name, value=value, floor=float(chance.mean()), floor_95=float(np.quantile(chance, 0.95)))
