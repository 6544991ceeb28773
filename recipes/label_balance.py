"""Weights with which a run's rows have the label distribution of the SFT stage's examples. Without torch.

A round asks about problems with small margins, so its answers have few of the labels, often one that two others are mistaken for. A run on
them moves how often each label is answered; weighing the rows leaves that as the examples have it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

Shares = Mapping[str, float]
"""Label -> how much of a row is that label: the share of the votes, or 1."""

HEAVIEST = 4.0
"""Largest weight of a row, in units of the mean."""
_ROUNDS = 50
PRIOR = 1.0
"""Examples added to each label, so that one without any is not taken for impossible."""


def balance_weights(rows: Sequence[Shares], examples: Sequence[str]) -> list[float]:
    """A weight for each row, of mean 1.

    Args:
        rows: of the run, its examples among them.
        examples: labels of the SFT stage's examples, whose distribution is wanted.

    Returns:
        A row's weight is the mean of its labels' factors; these are raised and lowered in turns until the weighed rows have the wanted
        shares (raking). None is above HEAVIEST.
    """
    labels = sorted({label for row in rows for label in row})
    counts = Counter(examples)
    wanted = {label: (counts[label] + PRIOR) / (len(examples) + PRIOR * len(labels)) for label in labels}
    factors = dict.fromkeys(labels, 1.0)
    weights = [1.0] * len(rows)
    for _ in range(_ROUNDS):
        found = dict.fromkeys(labels, 0.0)
        for row, weight in zip(rows, weights, strict=True):
            for label, share in row.items():
                found[label] += weight * share
        total = math.fsum(found.values())
        factors = {label: factors[label] * wanted[label] * total / found[label] if found[label] else 0.0 for label in labels}
        weights = [_mean(row, factors) for row in rows]
    mean = math.fsum(weights) / len(weights)
    return [min(HEAVIEST, weight / mean) for weight in weights]


def _mean(row: Shares, factors: Mapping[str, float]) -> float:
    total = math.fsum(row.values())
    return math.fsum(share * factors[label] for label, share in row.items()) / total if total else 0.0


def skew(rows: Sequence[Shares], examples: Sequence[str]) -> tuple[str, float, float]:
    """The label that is most over-represented among rows: (label, its share among the rows, its share among the examples)."""
    found: Counter[str] = Counter()
    for row in rows:
        found.update(row)
    total, counts = math.fsum(found.values()), Counter(examples)
    of_rows = {label: count / total for label, count in found.items()}
    of_examples = {label: counts[label] / len(examples) if examples else 0.0 for label in found}
    most = max(sorted(found), key=lambda label: of_rows[label] - of_examples[label])
    return most, of_rows[most], of_examples[most]
