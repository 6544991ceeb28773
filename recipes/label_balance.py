"""Weights with which a run's rows have the label distribution of the SFT stage's examples. Without torch.

A round asks about problems with small margins, so its answers have few of the labels, often one that two others are mistaken for. A run on
them moves how often each label is answered; weighing the rows leaves that as the examples have it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

Shares = Mapping[str, float]
"""Label -> how much of a row is that label: the share of the votes, or the row's weight."""

HEAVIEST = 4.0
"""Largest weight of a row, in units of the mean."""
KEPT = 5.0
"""Rows of a label by which its factor is drawn to 1: of a label with fewer, the shares say little."""


def label_factors(rows: Sequence[Shares], examples: Sequence[str]) -> dict[str, float]:
    """A factor for each label among the rows: (wanted + KEPT) / (found + KEPT), where wanted is the label's share of the examples times
    all rows, and found what the rows have of it.

    Args:
        rows: of the run, its examples among them.
        examples: labels of the SFT stage's examples, whose distribution is wanted; without any, every factor is 1.
    """
    found: dict[str, float] = {}
    for row in rows:
        for label, share in row.items():
            found[label] = found.get(label, 0.0) + share
    if not examples:
        return dict.fromkeys(found, 1.0)
    total, counts = math.fsum(found.values()), Counter(examples)
    return {label: (counts[label] / len(examples) * total + KEPT) / (share + KEPT) for label, share in found.items()}


def balance_weights(rows: Sequence[Shares], examples: Sequence[str]) -> list[float]:
    """A weight for each row: the mean of its labels' factors by its shares. Over the rows that have a label the mean weight is 1; none is
    above HEAVIEST, and a row without labels has 1. Arguments as of `label_factors`.
    """
    factors = label_factors(rows, examples)
    totals = [math.fsum(row.values()) for row in rows]
    own = [
        math.fsum(share * factors[label] for label, share in row.items()) / total if total else 0.0
        for row, total in zip(rows, totals, strict=True)
    ]
    weighed = math.fsum(weight * total for weight, total in zip(own, totals, strict=True))
    scale = math.fsum(totals) / weighed if weighed else 1.0
    return [min(HEAVIEST, weight * scale) if total else 1.0 for weight, total in zip(own, totals, strict=True)]


def balanced_rows(rows: Sequence[dict[str, Any]], labels: Sequence[str], examples: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of pairs or of judged answers, examples among them, with "weight" (and "likelihood", where they have it) times the weight of
    `balance_weights`, which is "balance".

    Args:
        rows: as a recipe renders them.
        labels: of each row, the label that it teaches; "" for one that teaches none.
        examples: as of `label_factors`.
    """
    shares = [{label: row["weight"]} if label else {} for row, label in zip(rows, labels, strict=True)]
    return [scaled(row, weight) for row, weight in zip(rows, balance_weights(shares, examples), strict=True)]


def scaled(row: Mapping[str, Any], weight: float) -> dict[str, Any]:
    """A row whose weights are multiplied by one, which it keeps as "balance"."""
    return dict(row) | {name: row[name] * weight for name in ("weight", "likelihood") if name in row} | {"balance": weight}
