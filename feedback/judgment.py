"""How a simulated teacher judges a slate: a pure function of the slate, the true label and chance.

Simulated teachers stand in for people in the demo, the tests and the benchmarks, and are called so wherever they appear.
"""

from __future__ import annotations

from random import Random

from prefopt.records import Ranking, Slate
from prefopt.taxonomy import Taxonomy


def chance(seed: int, teacher: str, slate_id: str) -> Random:
    """The dice of one teacher for one slate: the same whatever was judged before."""
    return Random(f"{seed}/{teacher}/{slate_id}")  # noqa: S311 - reproducible chance, not a secret


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
) -> Ranking:
    """Judge as a teacher would who knows the right label.

    The right label first, then labels of the same groups, then of the same innermost group (domain), then the rest; equals are tied.
    Where the right label is not shown: "none is right", with it.

    Args:
        truth: id of the right label.
        error_rate: probability of a wrong judgment: another candidate takes the place of the right one, or a false "none is right".
        disagreement: probability of an order that another careful teacher would not give: ties are broken by chance, or two neighbors
            below the best change places. The best stays.
        discard_rate: probability of passing.
    """
    passes, errs, differs = (rng.random() < rate for rate in (discard_rate, error_rate, disagreement))
    if passes:
        return Ranking(slate_id=slate.id, teacher=teacher, kind="discarded")
    distances = [_distance(candidate.answer.label, truth, taxonomy) for candidate in slate.candidates]
    is_shown = min(distances) == 0
    if not is_shown and not errs:
        return Ranking(slate_id=slate.id, teacher=teacher, kind="none_right", right_label=truth)
    if is_shown and errs and rng.random() < 0.2:
        return Ranking(slate_id=slate.id, teacher=teacher, kind="none_right")
    if errs and is_shown:
        right = distances.index(0)
        other = rng.choice([i for i in range(len(distances)) if i != right])
        distances[right], distances[other] = distances[other], distances[right]
    if differs:
        distances = _differently(distances, rng)
    ids = [candidate.id for candidate in slate.candidates]
    ranks = {id: 1 + sum(other < distance for other in distances) for id, distance in zip(ids, distances, strict=True)}
    return Ranking(slate_id=slate.id, teacher=teacher, kind="ranked", ranks=ranks)


def _distance(label: str, truth: str, taxonomy: Taxonomy) -> int:
    if label == truth:
        return 0
    here, there = taxonomy[label].groups, taxonomy[truth].groups
    if here == there:
        return 1
    return 2 if here and here[-1] == there[-1] else 3


def _differently(distances: list[int], rng: Random) -> list[int]:
    """Break ties by chance; where there are none, let two neighbors below the best change places."""
    tie_breaks = [rng.random() for _ in distances]
    order = sorted(range(len(distances)), key=lambda i: (distances[i], tie_breaks[i]))
    if len(set(distances)) == len(distances) and len(order) > 2:
        at = rng.randrange(1, len(order) - 1)
        order[at], order[at + 1] = order[at + 1], order[at]
    return [order.index(i) for i in range(len(distances))]
