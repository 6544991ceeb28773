"""One hold-out, many decisions: how much of the agreed error each look at it may spend.

Looks r = 1, 2, 3 … get shares of 6 / (pi r)^2, which add up to 1, so the chance that any of them errs stays at the agreed level however
many there are (alpha spending; Bonferroni). A look whose adapter passed hands its own level on to the next one: the online fallback
procedure of Tian & Ramdas (2021, Online control of the familywise error rate), valid under any dependence between the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, pi

from scipy import special

ACCURACY_PART, BRIER_PART = 0.4, 0.6
"""Of a look's level: what the tests of accuracy and of the Brier score may spend. Either can promote, and the Brier score finds more."""
SPENT = 0.95
"""Part of the level that all looks together spend. The rest is kept for the tests: p values of means are approximate."""
POWER = 0.8


def share_of_look(look: int) -> float:
    """Share of the whole level that look 1, 2, 3 … gets by its number alone."""
    if look < 1:
        raise ValueError(f"looks count from 1, not {look}")
    return 6 / (pi * look) ** 2


def levels(alpha: float, passed: Sequence[bool]) -> list[float]:
    """Level of each past look and of the next one.

    Args:
        alpha: level of all looks together.
        passed: whether the adapter of each past look passed its test, oldest first.
    """
    found: list[float] = []
    for look in range(1, len(passed) + 2):
        handed_on = found[-1] if look > 1 and passed[look - 2] else 0.0
        found.append(SPENT * alpha * share_of_look(look) + handed_on)
    return found


def left(alpha: float, looks: int) -> float:
    """Part of the level that `looks` looks leave to all later ones."""
    return SPENT * alpha * max(0.0, 1 - sum(share_of_look(look) for look in range(1, looks + 1)))


def groups_for(level: float, first: float, groups: int) -> int:
    """Further groups (families) with which a look at `level` finds the gain that the first look, at level `first`, finds in `groups`.

    Both with a power of 80 %, by the normal approximation; tests are one-sided.
    """
    strict, mild = (float(special.ndtri(1 - value) + special.ndtri(POWER)) for value in (level, first))
    return max(0, ceil(groups * ((strict / mild) ** 2 - 1)))
