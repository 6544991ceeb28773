"""How a simulated teacher judges a slate: a pure function of the slate, the true label and a random generator.

Simulated teachers replace people in the demo, the tests and the benchmarks; their user names show that they are simulated. They err as
people do: alone, in the name of a label that no card shows, toward the first card, and after the model. An error that all of them share
is not one of a single judgment; `mistaken_label` gives it.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from prefopt.records import Ranking, Slate
from prefopt.taxonomy import Taxonomy


def chance(seed: int, teacher: str, slate_id: str) -> Random:
    """The random generator of one teacher for one slate; independent of the order in which slates are judged."""
    return Random(f"{seed}/{teacher}/{slate_id}")  # noqa: S311 - reproducible simulation, not a secret


def judge(
    slate: Slate,
    truth: str,
    taxonomy: Taxonomy,
    rng: Random,
    *,
    teacher: str,
    error_rate: float = 0.0,
    disagreement: float = 0.0,
    discard_rate: float = 0.0,
    label_error: float = 0.0,
    position_bias: float = 0.0,
    copying: float = 0.0,
) -> Ranking:
    """Judge a slate as a teacher who knows the right label.

    The right label comes first, then labels of the same groups, then labels of the same innermost group (domain), then the rest; equal
    distances are tied. If the right label is not shown, the judgment is "none is right" and names it.

    Args:
        slate: what is judged.
        truth: id of the right label.
        taxonomy: gives the groups of the labels.
        rng: see chance().
        teacher: user name in the Ranking.
        error_rate: probability of a wrong judgment: another candidate swaps places with the right one, or a false "none is right".
        disagreement: probability of an order that another careful teacher would not give: ties are broken at random, or two neighbors
            below the best swap places. The best stays.
        discard_rate: probability of a discard.
        label_error: probability that a label named where none is right is a near one: one of the nearest labels that no card shows.
        position_bias: probability that the first card shown is ranked best where the teacher is unsure: in a wrong judgment, and where a
            card shows a wrong label of the right one's groups.
        copying: probability of the model's own order, the most probable label first.
    """
    discards, errs, disagrees = (rng.random() < rate for rate in (discard_rate, error_rate, disagreement))
    if discards:
        return Ranking(slate_id=slate.id, teacher=teacher, kind="discarded")
    if _happens(copying, rng):
        chances = [candidate.probability for candidate in slate.candidates]
        return _ranking(slate, teacher, [-chance for chance in chances])
    distances = [_distance(candidate.answer.label, truth, taxonomy) for candidate in slate.candidates]
    is_shown = min(distances) == 0
    if (errs or 1 in distances) and _happens(position_bias, rng):
        distances[slate.order[0]] = -1
        return _ranking(slate, teacher, distances)
    if not is_shown and not errs:
        named = nearest_label(slate, truth, taxonomy, rng) if _happens(label_error, rng) else truth
        return Ranking(slate_id=slate.id, teacher=teacher, kind="none_right", right_label=named)
    if is_shown and errs and rng.random() < 0.2:
        return Ranking(slate_id=slate.id, teacher=teacher, kind="none_right")
    if errs and is_shown:
        right = distances.index(0)
        other = rng.choice([i for i in range(len(distances)) if i != right])
        distances[right], distances[other] = distances[other], distances[right]
    if disagrees:
        distances = _reorder(distances, rng)
    return _ranking(slate, teacher, distances)


def best_of(ranking: Ranking, rng: Random) -> Ranking:
    """The judgment of a teacher who is asked for the best card alone; of several at the top one at random. Of two cards a tie stays."""
    best = [card for card, rank in ranking.ranks.items() if rank == min(ranking.ranks.values())]
    if ranking.kind != "ranked" or len(ranking.ranks) == 2:
        return ranking
    chosen = best[0] if len(best) == 1 else rng.choice(best)
    ranks = {card: 1 if card == chosen else 2 for card in ranking.ranks}
    return ranking.model_copy(update={"ranks": ranks, "best_only": True})


def mistaken_label(slate: Slate, truth: str, taxonomy: Taxonomy, rng: Random) -> str:
    """The label that everyone takes for the right one on a slate of a shared error: the nearest wrong one that a card shows, one of them
    at random where several are equally near.
    """
    shown = [candidate.answer.label for candidate in slate.candidates if candidate.answer.label != truth]
    return _nearest(shown, truth, taxonomy, rng)


def nearest_label(slate: Slate, truth: str, taxonomy: Taxonomy, rng: Random) -> str:
    """A wrong label that no card shows, one of the nearest at random; the right one where there is no other."""
    shown = {candidate.answer.label for candidate in slate.candidates}
    return _nearest([label for label in taxonomy.ids if label not in shown and label != truth] or [truth], truth, taxonomy, rng)


def _nearest(labels: Sequence[str], truth: str, taxonomy: Taxonomy, rng: Random) -> str:
    distances = [_distance(label, truth, taxonomy) for label in labels]
    return rng.choice([label for label, distance in zip(labels, distances, strict=True) if distance == min(distances)])


def _happens(rate: float, rng: Random) -> bool:
    """With this probability. A rate of 0 draws nothing, so that the judgments of a seed do not depend on options that are not used."""
    return rate > 0 and rng.random() < rate


def _ranking(slate: Slate, teacher: str, badness: Sequence[float]) -> Ranking:
    """The candidates ranked by badness, the smallest first; equal ones are tied."""
    ids = [candidate.id for candidate in slate.candidates]
    ranks = {id: 1 + sum(other < own for other in badness) for id, own in zip(ids, badness, strict=True)}
    return Ranking(slate_id=slate.id, teacher=teacher, kind="ranked", ranks=ranks)


def _distance(label: str, truth: str, taxonomy: Taxonomy) -> int:
    """0 for the right label, 1 in the same groups, 2 in the same innermost group, 3 elsewhere."""
    if label == truth:
        return 0
    here, there = taxonomy[label].groups, taxonomy[truth].groups
    if here == there:
        return 1
    return 2 if here and here[-1] == there[-1] else 3


def _reorder(distances: list[int], rng: Random) -> list[int]:
    """Break ties at random; if there are none, swap two neighbors below the best."""
    tie_breaks = [rng.random() for _ in distances]
    order = sorted(range(len(distances)), key=lambda i: (distances[i], tie_breaks[i]))
    if len(set(distances)) == len(distances) and len(order) > 2:
        at = rng.randrange(1, len(order) - 1)
        order[at], order[at + 1] = order[at + 1], order[at]
    return [order.index(i) for i in range(len(distances))]
