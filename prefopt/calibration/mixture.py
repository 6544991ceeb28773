"""A classifier of two: the posterior of an adapter and that of the classical baseline, each to a power, multiplied and normalized.

The powers are fitted on problems that teachers were asked about, with the posterior that the parent had when they were chosen and the
baseline of the labels known then: neither had learned them, so no held-out problem is spent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from prefopt.calibration.metrics import Floats
from prefopt.calibration.mixture_result import MixtureWeights

FEWEST = 50
"""Fewest asked problems that weights are fitted on; with fewer their standard error is about as large as they are."""
HIGHEST = 20.0
"""Largest weight."""
_IMPOSSIBLE = -100.0
"""In place of the logarithm of 0: smaller than any float32 posterior, so that a weight of 0 stays possible."""


@dataclass(frozen=True)
class Asked:
    """Problems that were asked, [N] each with [K] labels shown, as they stood before anybody learned them."""

    model: Floats
    """[N, K] natural logarithms of the parent's probabilities when the problems were chosen; -inf where fewer labels were shown."""
    tfidf: Floats
    """[N, K] of the baseline that was fitted on all labels known then."""
    shares: Floats
    """[N, K] of the votes, each row with the sum 1."""

    def __len__(self) -> int:
        return len(self.shares)


def mix(model: Floats, tfidf: Floats, weights: MixtureWeights) -> Floats:
    """log p = model weight * log p_model + baseline weight * log p_baseline + constant: [N, L] logarithms in and out."""
    raised = weights.model * np.maximum(model, _IMPOSSIBLE) + weights.tfidf * np.maximum(tfidf, _IMPOSSIBLE)
    return np.asarray(raised - special.logsumexp(raised, axis=1, keepdims=True), dtype=np.float64)


def fit_weights(asked: Asked) -> MixtureWeights:
    """The weights, at least 0 and at most HIGHEST, of the largest likelihood of the votes. The problem is convex.

    Which labels a slate shows depends on the problem alone, so the likelihood given that the right one is shown has its maximum at the
    same weights as that over all labels (McFadden 1978), and what the slates keep suffices.
    """
    shown = np.isfinite(asked.model)
    sides = [np.where(shown, np.maximum(logs, _IMPOSSIBLE), 0.0) for logs in (asked.model, asked.tfidf)]
    right = [float((asked.shares * side).sum()) for side in sides]

    def loss(weights: Floats) -> tuple[float, Floats]:
        raised = np.where(shown, weights[0] * sides[0] + weights[1] * sides[1], -np.inf)
        totals = special.logsumexp(raised, axis=1)
        probs = np.exp(raised - totals[:, None])
        slopes = np.array([float((probs * side).sum()) - said for side, said in zip(sides, right, strict=True)])
        return (float(totals.sum()) - weights[0] * right[0] - weights[1] * right[1]) / len(asked), slopes / len(asked)

    limits = [(0.0, HIGHEST), (0.0, HIGHEST)]
    found = optimize.minimize(loss, np.ones(2), jac=True, bounds=limits, method="L-BFGS-B", options={"gtol": 1e-9, "ftol": 1e-14})
    return MixtureWeights(model=float(found.x[0]), tfidf=float(found.x[1]))


def joined(parts: Sequence[Asked]) -> Asked:
    """The problems of several rounds, with as many columns as the widest slate."""
    width = max(part.shares.shape[1] for part in parts)

    def widened(values: NDArray[np.float64], filler: float) -> Floats:
        return np.pad(values, ((0, 0), (0, width - values.shape[1])), constant_values=filler)

    return Asked(
        np.concatenate([widened(part.model, -np.inf) for part in parts]),
        np.concatenate([widened(part.tfidf, -np.inf) for part in parts]),
        np.concatenate([widened(part.shares, 0.0) for part in parts]),
    )
