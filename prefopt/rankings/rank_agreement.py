"""How far teachers give the cards the same ranks: ordinal alpha, as a whole with an interval, by teacher and by slate.

One card of one slate is a unit. Its value is the rank that a teacher gives it among the cards (0 is best, equals share the better rank),
or the category below every rank where the teacher answers that none is right. Where a teacher of a slate chose the best card alone, all
answers to this slate are compared by that: the best, or below it. The value of alpha comes from the krippendorff package;
its interval, its teachers and its slates need the coincidences slate by slate, which are counted here. The cards of a slate are not
independent, so the bootstrap draws slates, not cards.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prefopt.rankings.alpha import krippendorff_alpha
from prefopt.records import Ranking, Slate

RESAMPLES = 2000
FEWEST_SLATES = 20
"""With fewer slates that two teachers judged there is no interval: a bootstrap of so few would be too narrow."""

RanksBySlate = Mapping[str, Mapping[str, Sequence[int]]]
"""Slate id -> teacher -> rank of each candidate, in the slate's own order of candidates; 0 is best."""


@dataclass(frozen=True)
class Alpha:
    """At most 1; 0 is what chance gives. `low` and `high` are None where there are too few slates for an interval."""

    value: float
    low: float | None
    high: float | None
    slates: int
    """With at least two teachers who judged."""


def ranks_by_slate(slates: Iterable[Slate], rankings: Iterable[Ranking]) -> dict[str, dict[str, tuple[int, ...]]]:
    """Every teacher's rank of every card, as `RanksBySlate`; a discard gives none."""
    cards = {slate.id: [c.id for c in slate.candidates] for slate in slates}
    worst = max((len(ids) for ids in cards.values()), default=0)
    given = list(rankings)
    by_best = {ranking.slate_id for ranking in given if ranking.best_only}
    ranks_of: dict[str, dict[str, tuple[int, ...]]] = defaultdict(dict)
    for ranking in given:
        if ranking.kind == "discarded" or ranking.slate_id not in cards:
            continue
        ids, ranks = cards[ranking.slate_id], ranking.ranks
        if ranking.kind == "none_right":
            own = [worst] * len(ids)
        else:
            better = [sum(r < ranks[i] for r in ranks.values()) for i in ids]
            own = [min(count, 1) for count in better] if ranking.slate_id in by_best else better
        ranks_of[ranking.slate_id][ranking.teacher] = tuple(own)
    return dict(ranks_of)


def alpha_of_slates(ranks: RanksBySlate, *, seed: int = 0, confidence: float = 0.95) -> Alpha | None:
    """Alpha over the slates that at least two teachers judged; None where there are none, or where all ranks are the same."""
    counts = _counts(_shared(ranks))
    value = krippendorff_alpha(np.concatenate(counts), "ordinal") if counts else None
    if value is None:
        return None
    low = high = None
    if len(counts) >= FEWEST_SLATES:
        tables = _coincidences(counts)
        draws = np.random.default_rng(seed).multinomial(len(tables), np.full(len(tables), 1 / len(tables)), size=RESAMPLES)
        drawn = _alphas((draws @ tables.reshape(len(tables), -1)).reshape(RESAMPLES, *tables.shape[1:]))
        low, high = (float(q) for q in np.nanquantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2]))
    return Alpha(value, low, high, len(counts))


def alpha_of_teacher(ranks: RanksBySlate, teacher: str) -> float | None:
    """How far one teacher agrees with the others, against what chance would give among all teachers; None without a shared slate."""
    counts = _counts(_shared(ranks))
    if not counts:
        return None
    everyone = _coincidences(counts).sum(axis=0)
    own = np.zeros_like(everyone)
    for given in ranks.values():
        others = [values for name, values in given.items() if name != teacher]
        for values in others if teacher in given else ():
            for mine, theirs in zip(given[teacher], values, strict=True):
                own[mine, theirs] += 1 / len(others)
    _, expected = _disagreement(everyone)
    if not own.sum() or not expected > 0:
        return None
    return float(1 - (own * _distances(everyone.sum(axis=-1))).sum() / own.sum() / expected)


def disagreement_of_slates(ranks: RanksBySlate) -> dict[str, float]:
    """Observed disagreement of each slate that two teachers judged, over what chance gives: 0 is full agreement, 1 is chance."""
    shared = _shared(ranks)
    if not shared:
        return {}
    tables = _coincidences(_counts(shared))
    everyone = tables.sum(axis=0)
    distances, (_, expected) = _distances(everyone.sum(axis=-1)), _disagreement(everyone)
    if not expected > 0:
        return dict.fromkeys(shared, 0.0)
    return {name: float((t * distances).sum() / t.sum() / expected) for name, t in zip(shared, tables, strict=True)}


def _shared(ranks: RanksBySlate) -> RanksBySlate:
    """The slates that at least two teachers judged."""
    return {name: given for name, given in ranks.items() if len(given) > 1}


def _counts(ranks: RanksBySlate) -> list[NDArray[np.int64]]:
    """For each slate [cards, K]: how many teachers gave each card each rank."""
    size = 1 + max((rank for given in ranks.values() for values in given.values() for rank in values), default=0)
    return [np.array([np.bincount(values, minlength=size) for values in zip(*given.values(), strict=True)]) for given in ranks.values()]


def _coincidences(counts: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """How often two teachers' ranks met on one card; a card with m ranks counts m. [S] x [cards, K] -> [S, K, K]"""
    tables = []
    for cards in counts:
        met = cards[:, :, None] * cards[:, None, :] - cards[:, :, None] * np.eye(cards.shape[1])
        tables.append((met / (cards.sum(axis=1) - 1)[:, None, None]).sum(axis=0))
    return np.array(tables)


def _alphas(tables: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ordinal alpha of coincidence tables; nan where only one rank was given. [..., K, K] -> [...]"""
    observed, expected = _disagreement(tables)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(expected > 0, 1 - observed / expected, np.nan))


def _distances(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared ordinal distance of every two ranks: the answers between their middles. [..., K] -> [..., K, K]"""
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
