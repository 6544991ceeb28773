"""Label biases: one number a label that is added to its log-probability on every problem.

Training on few labels moves these numbers more than anything else, in either direction by chance, and no accuracy or Brier score can tell
that from ability. So they are fitted again, as little as the problems ask for, on one half of the hold-out, and the other half is judged
with them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from prefopt.calibration.bias_result import LabelCount, Refitted
from prefopt.calibration.clusters import Clusters
from prefopt.calibration.intervals import holm, paired_mean, paired_shares, sign_flip
from prefopt.calibration.metrics import Floats, Ints, score

SPREAD = 1.0
"""Standard deviation, in nats, of the normal prior of a bias. Without it, a label that a half never shows would get minus infinity."""


def apply_biases(log_probs: Floats, biases: Floats) -> Floats:
    """Posteriors times exp(bias), renormalized: [N, L] logarithms in and out."""
    shifted = log_probs + biases
    return np.asarray(shifted - special.logsumexp(shifted, axis=1, keepdims=True), dtype=np.float64)


def fit_biases(log_probs: Floats, gold: Ints, spread: float = SPREAD) -> Floats:
    """The biases [L] of the largest posterior density: least log loss with a normal prior of mean 0. The problem is convex.

    Args:
        log_probs: [N, L] natural logarithms.
        gold: [N] column of the right label.
        spread: standard deviation of the prior, in nats.
    """
    labels = log_probs.shape[1]
    right = np.bincount(gold, minlength=labels).astype(np.float64)

    def loss(biases: Floats) -> tuple[float, Floats]:
        shifted = log_probs + biases
        totals = special.logsumexp(shifted, axis=1)
        expected = np.exp(shifted - totals[:, None]).sum(axis=0)
        value = float(totals.sum() - right @ biases + (biases @ biases) / (2 * spread**2))
        return value, expected - right + biases / spread**2

    found = optimize.minimize(loss, np.zeros(labels), jac=True, method="L-BFGS-B", options={"maxiter": 500, "gtol": 1e-8, "ftol": 1e-14})
    return np.asarray(found.x, dtype=np.float64)


def refit(log_probs: Floats, gold: Ints, half: NDArray[np.bool_]) -> Floats:
    """Each half with the biases of the other: [N, L] logarithms in and out. A half without problems leaves the other as it is."""
    result = log_probs.copy()
    for fit in (half, ~half):
        if fit.any() and (~fit).any():
            result[~fit] = apply_biases(log_probs[~fit], fit_biases(log_probs[fit], gold[fit]))
    return result


def refitted(log_probs: Floats, parent: Floats | None, gold: Ints, half: NDArray[np.bool_], clusters: Clusters, level: float) -> Refitted:
    """Scores of an adapter, and its difference to its parent, without label biases.

    Args:
        log_probs: [N, L] natural logarithms of the adapter's posteriors.
        parent: of its parent on the same problems; None for a first adapter.
        gold: [N] column of the right label.
        half: [N] the two halves of cross-fitting.
        clusters: of the problems.
        level: of the intervals.
    """
    own = score(refit(log_probs, gold, half), gold)
    alone = Refitted(accuracy=float(own.correct.mean()), brier=float(own.brier.mean()))
    if parent is None:
        return alone
    before = score(refit(parent, gold, half), gold)
    return alone.model_copy(
        update={
            "parent_accuracy": float(before.correct.mean()),
            "parent_brier": float(before.brier.mean()),
            "accuracy_change": paired_shares(own.correct, before.correct, clusters, level),
            "brier_change": paired_mean(own.brier - before.brier, clusters, level),
        }
    )


def label_counts(log_probs: Floats, parent: Floats | None, gold: Ints, labels: Sequence[str], clusters: Clusters) -> tuple[LabelCount, ...]:
    """Every label that is right or answered at least once, in the order of the taxonomy. Shapes as in `refitted`; labels: L ids."""
    size = len(labels)
    answers, right = log_probs.argmax(axis=1), np.bincount(gold, minlength=size)
    answered, expected = np.bincount(answers, minlength=size), np.exp(log_probs).sum(axis=0)
    if parent is None:
        return tuple(
            LabelCount(label=label, right=int(right[i]), answered=int(answered[i]), expected=float(expected[i]))
            for i, label in enumerate(labels)
            if right[i] or answered[i]
        )
    theirs, their_expected = parent.argmax(axis=1), np.exp(parent).sum(axis=0)
    their_answered = np.bincount(theirs, minlength=size)
    shown = [i for i in range(size) if right[i] or answered[i] or their_answered[i]]
    p_values = holm(np.array([sign_flip((answers == i).astype(float), (theirs == i).astype(float), clusters).p_value for i in shown]))
    return tuple(
        LabelCount(
            label=labels[i],
            right=int(right[i]),
            answered=int(answered[i]),
            expected=float(expected[i]),
            parent_answered=int(their_answered[i]),
            parent_expected=float(their_expected[i]),
            p_value=float(p_value),
        )
        for i, p_value in zip(shown, p_values, strict=True)
    )


def prior_distance(counts: Sequence[LabelCount], *, parent: bool = False) -> float:
    """Share of the problems whose answers have to change so that every label is answered as often as it is right: half of the sum of the
    differences, over all problems. 0 is best.
    """
    answered = [c.answered if not parent else (c.parent_answered or 0) for c in counts]
    return sum(abs(a - c.right) for a, c in zip(answered, counts, strict=True)) / (2 * sum(c.right for c in counts))
