"""Scores of a posterior against the gold label, problem by problem, and macro-F1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Scores:
    """Per problem, each array of shape [N]."""

    gold: Ints
    predicted: Ints
    """Most probable label; of several that tie, the first in the taxonomy."""
    confidence: Floats
    correct: Floats
    """1.0 right, 0.0 wrong."""
    brier: Floats
    """Sum over all labels of (probability - truth)^2, in [0, 2] (Brier 1950, the original, not halved form)."""
    log_loss: Floats
    """-ln P(gold), in nats."""

    def __len__(self) -> int:
        return len(self.gold)

    def take(self, rows: NDArray[Any]) -> Scores:
        """The scores of some rows (boolean mask or positions)."""
        return Scores(*(getattr(self, name)[rows] for name in ("gold", "predicted", "confidence", "correct", "brier", "log_loss")))


def score(log_probs: Floats, gold: Ints) -> Scores:
    """Score posteriors.

    Args:
        log_probs: [N, L] natural logarithms, each row normalized.
        gold: [N] column of the right label.
    """
    rows = np.arange(len(gold))
    probs = np.exp(log_probs)
    predicted = log_probs.argmax(axis=1)
    of_gold = probs[rows, gold]
    return Scores(
        gold=gold,
        predicted=predicted,
        confidence=probs[rows, predicted],
        correct=(predicted == gold).astype(np.float64),
        brier=(probs**2).sum(axis=1) - 2 * of_gold + 1,
        log_loss=-log_probs[rows, gold],
    )


def macro_f1(gold: Ints, predicted: Ints) -> float:
    """Mean F1 over the labels that occur as gold, 0 for a label never hit: scikit-learn's f1_score(labels=gold's, average="macro").

    The set of labels is that of the hold-out, so that two adapters on the same problems are compared over the same labels.
    """
    width = int(max(gold.max(), predicted.max())) + 1
    hits, right, answered = (np.bincount(columns, minlength=width) for columns in (gold[gold == predicted], gold, predicted))
    used = right > 0
    return float((2 * hits[used] / (right[used] + answered[used])).mean())
