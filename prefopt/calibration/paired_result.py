"""Paired comparisons, as stored in calibration.json."""

from __future__ import annotations

from prefopt.grounds import Estimate, Numbers


class Difference(Estimate):
    """A mean of paired differences, this minus another, with the one-sided p values that it is below and above 0."""

    p_below: float
    """Chance of a mean this low or lower if the true one is 0."""
    p_above: float


class Discordance(Numbers):
    """Exact test on the problems where two classifiers differ."""

    lost: int
    """The other is right and this one is wrong (b)."""
    gained: int
    """The other is wrong and this one is right (c)."""
    p_value: float
    """Two-sided: signs of whole clusters flipped (intervals.sign_flip); exact binomial where every problem is its own cluster."""
