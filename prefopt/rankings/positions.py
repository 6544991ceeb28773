"""Position bias: an exact test of whether the first card is favored, given that the order of the cards is random for every slate.

If the position does not matter, each card of a slate could as well be the first: the favors of the first card are then those of one of
its cards, drawn uniformly. Teachers of one slate see the same order, so slates, not answers, are drawn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from prefopt.records import Ranking, Slate

_UNIT = 12
"""A favor is split among cards that share the best rank: 1, 1/2, 1/3 or 1/4, all whole numbers of twelfths."""


@dataclass(frozen=True)
class Positions:
    """Shares of the favors that the cards A, B, C, D have, the shares expected by chance, and the test on card A."""

    favors: int
    """Answers that rank some card above another."""
    shares: tuple[float, ...]
    expected: tuple[float, ...]
    p_value: float
    """Two-sided, exact: probability of a share of A at least this far from the expected one, if the position does not matter."""


def position_bias(slates: Iterable[Slate], rankings: Iterable[Ranking]) -> Positions | None:
    """None where no answer ranks a card above another."""
    known = {slate.id: slate for slate in slates}
    favors: dict[str, list[int]] = defaultdict(list)
    count = 0
    for ranking in rankings:
        slate = known[ranking.slate_id]
        if ranking.kind != "ranked" or len(set(ranking.ranks.values())) == 1:
            continue
        best = min(ranking.ranks.values())
        top = [ranking.ranks[c.id] == best for c in slate.shown]
        given = favors.setdefault(slate.id, [0] * len(top))
        for place, is_top in enumerate(top):
            given[place] += is_top * _UNIT // sum(top)
        count += 1
    if not count:
        return None
    places = max(len(given) for given in favors.values())
    total = sum(sum(given) for given in favors.values())
    shares = [sum(given[p] for given in favors.values() if p < len(given)) / total for p in range(places)]
    expected = [sum(sum(given) / len(given) for given in favors.values() if p < len(given)) / total for p in range(places)]
    return Positions(count, tuple(shares), tuple(expected), p_value_of_first(list(favors.values())))


def p_value_of_first(favors: list[list[int]]) -> float:
    """Exact two-sided p value of the favors of the first cards, with each slate's first card drawn uniformly. Favors are whole numbers."""
    chance = np.ones(1)
    for given in favors:
        step = np.bincount(given).astype(float) / len(given)
        chance = np.convolve(chance, step)
    sums = np.arange(len(chance))
    mean = sum(sum(given) / len(given) for given in favors)
    observed = sum(given[0] for given in favors)
    return float(min(1.0, chance[np.abs(sums - mean) >= abs(observed - mean) - 1e-9].sum()))
