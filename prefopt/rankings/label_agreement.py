"""How far teachers agree with each other on the same slates: the label that each of them holds for right."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from prefopt.records import Ranking, Slate


@dataclass(frozen=True)
class Agreement:
    """Agreement over the slates that at least two teachers named a label on."""

    slates: int
    same: float
    """Share of the pairs of teachers on one slate that name the same label, on average over the slates."""
    alpha: float | None
    """Krippendorff's alpha for names (nominal), at most 1, 0 is chance; None where all named one and the same label everywhere."""


def chosen_label(ranking: Ranking, slate: Slate) -> str | None:
    """The label that the teacher holds for right: of the one card on top, or named beside the cards; None where neither is there."""
    if ranking.kind == "none_right":
        return ranking.right_label
    if ranking.kind == "discarded":
        return None
    best = min(ranking.ranks.values())
    top = [c.answer.label for c in slate.candidates if ranking.ranks.get(c.id) == best]
    return top[0] if len(top) == 1 else None


def agreement(slates: Iterable[Slate], rankings: Iterable[Ranking]) -> Agreement | None:
    """None where no slate has two teachers who named a label."""
    known = {slate.id: slate for slate in slates}
    named: dict[str, list[str]] = defaultdict(list)
    for ranking in rankings:
        label = chosen_label(ranking, known[ranking.slate_id])
        if label is not None:
            named[ranking.slate_id].append(label)
    units = [labels for labels in named.values() if len(labels) > 1]
    if not units:
        return None
    same = [sum(a == b for a, b in combinations(labels, 2)) / (len(labels) * (len(labels) - 1) / 2) for labels in units]
    return Agreement(len(units), sum(same) / len(same), nominal_alpha(units))


def nominal_alpha(units: Sequence[Sequence[str]]) -> float | None:
    """Krippendorff's alpha for names (Krippendorff 2004, Content analysis, chapter 11), from the counts of values in each unit.

    Args:
        units: the values that were given to each unit, at least two a unit.
    """
    totals: Counter[str] = Counter()
    disagreement = 0.0
    for values in units:
        counts = Counter(values)
        m = len(values)
        totals.update(counts)
        disagreement += (m * m - sum(n * n for n in counts.values())) / (m - 1)
    n = sum(totals.values())
    expected = (n * n - sum(count * count for count in totals.values())) / (n - 1)
    return None if expected == 0 else 1 - disagreement / expected
