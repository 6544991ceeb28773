"""KTO's weights of desirable and undesirable rows. Without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence

from prefopt.errors import TrainingError
from recipes.tokenization import unit_mean

MIN_RATIO, MAX_RATIO = 1.0, 4 / 3
"""Of desirable to undesirable weight."""
HEAVIEST = 4.0
"""Largest weight of a row, in units of the mean."""


def class_weights(desirable: Sequence[bool], weights: Sequence[float]) -> list[float]:
    """Weight of each row: its own, times one factor for desirable and one for undesirable rows that bring the ratio of their totals into
    [1, 4/3], and cut off at 4. The mean is 1; rows of equal weight whose ratio is in the band already get exactly 1.

    Raises:
        TrainingError: all rows are desirable, or none is, so that there is nothing to learn from.
    """
    good = math.fsum(w for w, d in zip(weights, desirable, strict=True) if d)
    bad = math.fsum(w for w, d in zip(weights, desirable, strict=True) if not d)
    if not good or not bad:
        which = "desirable" if good else "undesirable"
        raise TrainingError(
            f"all {len(weights)} judged answers are {which}: KTO needs both kinds",
            hint="when more teachers have answered: prefopt round branch N --at collect",
        )
    ratio = good / bad
    factor = min(max(ratio, MIN_RATIO), MAX_RATIO) / ratio  # of the desirable rows; undesirable rows keep 1 until the mean is set
    own = [w * factor if d and factor != 1 else w for w, d in zip(weights, desirable, strict=True)]
    return _cut_off(unit_mean(own))


def class_facts(desirable: Sequence[bool], weights: Sequence[float]) -> tuple[dict[str, float], str]:
    """For the stage's metrics, the ratio of desirable to undesirable weight and how many rows have the largest weight; and a warning where
    the limit keeps the ratio out of [1, 4/3], "" otherwise.
    """
    good = math.fsum(w for w, d in zip(weights, desirable, strict=True) if d)
    ratio, heaviest = good / (math.fsum(weights) - good), sum(w >= HEAVIEST for w in weights)
    facts = {"classes/ratio": ratio, "classes/heaviest_rows": float(heaviest)}
    if MIN_RATIO - 1e-9 <= ratio <= MAX_RATIO + 1e-9:
        return facts, ""
    return facts, (
        f"{sum(desirable)} of {len(desirable)} judged answers are desirable: the ratio of desirable to undesirable weight is {ratio:.2f}, "
        f"outside [1, 1.33], because no answer may weigh more than {HEAVIEST:g} times the mean"
    )


def _cut_off(weights: Sequence[float]) -> list[float]:
    """Weights of mean 1, none above HEAVIEST; what is cut off goes to the others in proportion."""
    kept, full = list(weights), set[int]()
    while over := {row for row, weight in enumerate(kept) if weight > HEAVIEST and row not in full}:
        full |= over
        rest = math.fsum(weight for row, weight in enumerate(weights) if row not in full)
        factor = (len(weights) - HEAVIEST * len(full)) / rest
        kept = [HEAVIEST if row in full else weight * factor for row, weight in enumerate(weights)]
    return kept
