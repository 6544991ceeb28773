"""Krippendorff's alpha for ranks (ordinal), with a bootstrap interval over slates.

One card of one slate is a unit; what a teacher says of it is its rank among the cards (1 is best, equals share the better rank), or
"wrong", below every rank, where the teacher says that none is right. Krippendorff 2004, Content analysis, chapter 11; the cards of a
slate are not independent, so slates, not cards, are drawn anew for the interval.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prefopt.records import Ranking, Slate

RESAMPLES = 2000
FEWEST_SLATES = 20
"""Fewer slates with two teachers, and no interval is given: the bootstrap would look surer than it is."""

Said = Mapping[str, Mapping[str, Sequence[int]]]
"""Slate id -> teacher -> category of each candidate, in the slate's own order of candidates; 0 is the best rank."""


@dataclass(frozen=True)
class Alpha:
    """At most 1; 0 is what chance gives. `low` and `high` are None where too few slates tell the interval."""

    value: float
    low: float | None
    high: float | None
    slates: int
    """With at least two teachers who judged."""


def said_of_cards(slates: Iterable[Slate], rankings: Iterable[Ranking]) -> dict[str, dict[str, tuple[int, ...]]]:
    """What every teacher said of every card, as `Said`; discards say nothing."""
    cards = {slate.id: [c.id for c in slate.candidates] for slate in slates}
    worst = max((len(ids) for ids in cards.values()), default=0)
    said: dict[str, dict[str, tuple[int, ...]]] = defaultdict(dict)
    for ranking in rankings:
        if ranking.kind == "discarded" or ranking.slate_id not in cards:
            continue
        ids, ranks = cards[ranking.slate_id], ranking.ranks
        none = ranking.kind == "none_right"
        said[ranking.slate_id][ranking.teacher] = tuple(worst if none else sum(r < ranks[i] for r in ranks.values()) for i in ids)
    return dict(said)


def coincidences(units: Iterable[Sequence[int]], size: int) -> NDArray[np.float64]:
    """How often two teachers' categories met in one unit: each unit of m values counts m. Units of one value tell nothing. -> [K, K]"""
    table = np.zeros((size, size))
    for values in units:
        if len(values) < 2:
            continue
        counts = np.bincount(values, minlength=size).astype(float)
        table += (np.outer(counts, counts) - np.diag(counts)) / (len(values) - 1)
    return table


def alpha_of(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ordinal alpha of coincidence tables; nan where only one category was used. [..., K, K] -> [...]"""
    observed, expected = _disagreement(table)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(expected > 0, 1 - observed / expected, np.nan))


def ordinal_alpha(units: Sequence[Sequence[int]]) -> float | None:
    """Ordinal alpha of units of category numbers (0, 1, 2 … in their order); None where fewer than two categories were used."""
    size = 1 + max((v for values in units for v in values), default=0)
    value = float(alpha_of(coincidences(units, size)))
    return None if np.isnan(value) else value


def alpha_of_slates(said: Said, *, seed: int = 0, confidence: float = 0.95) -> Alpha | None:
    """Alpha over the slates that at least two teachers judged, or None where there are none or all said the same of every card."""
    tables = _tables(said)
    if not len(tables):
        return None
    value = float(alpha_of(tables.sum(axis=0)))
    if np.isnan(value):
        return None
    low = high = None
    if len(tables) >= FEWEST_SLATES:
        draws = np.random.default_rng(seed).multinomial(len(tables), np.full(len(tables), 1 / len(tables)), size=RESAMPLES)
        drawn = alpha_of((draws @ tables.reshape(len(tables), -1)).reshape(RESAMPLES, *tables.shape[1:]))
        low, high = (float(q) for q in np.nanquantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2]))
    return Alpha(value, low, high, len(tables))


def alpha_of_teacher(said: Said, teacher: str) -> float | None:
    """How far one teacher agrees with the others, against what chance would give among all teachers; None without a shared slate."""
    tables = _tables(said)
    if not len(tables):
        return None
    size = tables.shape[1]
    own = np.zeros((size, size))
    for given in said.values():
        others = [values for name, values in given.items() if name != teacher]
        for values in others if teacher in given else ():
            for mine, theirs in zip(given[teacher], values, strict=True):
                own[mine, theirs] += 1 / len(others)
    everyone = tables.sum(axis=0)
    _, expected = _disagreement(everyone)
    if not own.sum() or not expected > 0:
        return None
    return float(1 - (own * _distances(everyone.sum(axis=-1))).sum() / own.sum() / expected)


def disagreement_of_slates(said: Said) -> dict[str, float]:
    """Observed disagreement of each slate that two teachers judged, over what chance gives: 0 is full agreement, 1 is chance."""
    shared = {name: given for name, given in said.items() if len(given) > 1}
    tables = _tables(shared)
    if not len(tables):
        return {}
    everyone = tables.sum(axis=0)
    distances, (_, expected) = _distances(everyone.sum(axis=-1)), _disagreement(everyone)
    if not expected > 0:
        return dict.fromkeys(shared, 0.0)
    return {name: float((t * distances).sum() / t.sum() / expected) for name, t in zip(shared, tables, strict=True)}


def _tables(said: Said) -> NDArray[np.float64]:
    """One coincidence table a slate with two teachers. [S, K, K]"""
    size = 1 + max((c for given in said.values() for values in given.values() for c in values), default=0)
    shared = [given for given in said.values() if len(given) > 1]
    return np.array([coincidences(zip(*given.values(), strict=True), size) for given in shared])


def _distances(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared ordinal distance of every two categories: the answers between their middles. [..., K] -> [..., K, K]"""
    middle = totals.cumsum(axis=-1) - totals / 2
    return np.asarray((middle[..., :, None] - middle[..., None, :]) ** 2)


def _disagreement(table: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Observed and expected disagreement, each a mean squared distance. [..., K, K] -> [...], [...]"""
    totals = table.sum(axis=-1)
    n = totals.sum(axis=-1)
    distances = _distances(totals)
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = (table * distances).sum(axis=(-2, -1)) / n
        expected = (totals[..., :, None] * totals[..., None, :] * distances).sum(axis=(-2, -1)) / (n * (n - 1))
    return observed, expected
