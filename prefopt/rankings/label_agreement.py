"""How far teachers agree on the right label of the same slates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from prefopt.rankings.alpha import krippendorff_alpha
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
    """The label that the teacher considers right: that of the one card on top, or the one named where none is right; else None."""
    if ranking.kind == "none_right":
        return ranking.right_label
    if ranking.kind == "discarded":
        return None
    best = min(ranking.ranks.values())
    top = [c.answer.label for c in slate.candidates if ranking.ranks.get(c.id) == best]
    return top[0] if len(top) == 1 else None


def unanimous_gold(slates: Iterable[Slate], rankings: Iterable[Ranking]) -> list[tuple[Slate, bool]]:
    """Slates with a known label on which two or more teachers, and all who did not pass, choose one and the same label; and whether that
    label is wrong: an error that all of them share.
    """
    known = {slate.id: slate for slate in slates if slate.gold is not None}
    chosen: dict[str, list[str | None]] = defaultdict(list)
    for ranking in rankings:
        if ranking.slate_id in known and ranking.kind != "discarded":
            chosen[ranking.slate_id].append(chosen_label(ranking, known[ranking.slate_id]))
    agreed = {name: labels[0] for name, labels in chosen.items() if len(labels) > 1 and len(set(labels)) == 1 and labels[0] is not None}
    return [(known[name], label != known[name].gold) for name, label in agreed.items()]


def agreement(slates: Iterable[Slate], rankings: Iterable[Ranking]) -> Agreement | None:
    """Agreement of the rankings; None where no slate has two teachers who named a label."""
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
    values = sorted({label for labels in units for label in labels})
    counts = np.array([[labels.count(value) for value in values] for labels in units])
    return Agreement(len(units), sum(same) / len(same), krippendorff_alpha(counts, "nominal"))
