"""Teachers who follow the model: who puts its most probable card first where others agree on another one.

Looked at are slates on which at least two teachers choose one and the same other label, no fewer than choose the model's: there the model
is probably wrong, and who follows it is not merely as right as it is. A careful teacher among careless ones would stand out otherwise. If
all teachers followed the model equally often, it would be chance which of a slate's n teachers are the k who chose its card, so the number
of slates on which one teacher did is a sum of draws with probability k / n: an exact test, one-sided, with Holm's correction over the
teachers. With two teachers a slate nothing can be said.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from prefopt.calibration.intervals import holm
from prefopt.rankings.label_agreement import chosen_label
from prefopt.records import Ranking, Slate

COPIES = 0.01
MOSTLY = 2 / 3
"""A teacher whose p value is below the one and whose share of hits is at least the other is taken to follow the model. The share spares a
careful teacher among careless ones, who is right where these agree on an error by chance.
"""


@dataclass(frozen=True)
class Following:
    """One teacher on the slates where others agree against the model's most probable card."""

    hits: int
    """Slates on which they put that card first."""
    n: int
    expected: float
    """Hits, had they followed the model as often as the others on the same slates."""
    p_value: float
    """Probability of at least as many hits by chance, after Holm over the teachers."""

    @property
    def copies(self) -> bool:
        """Whether they follow the model, mostly and more often than chance explains."""
        return self.p_value < COPIES and self.hits >= MOSTLY * self.n


def following(slates: Iterable[Slate], rankings: Iterable[Ranking]) -> dict[str, Following]:
    """Teacher -> how they follow the model; without teachers who judged no slate of this kind. Second showings are left out."""
    known = {slate.id: slate for slate in slates if slate.repeat_of is None}
    chosen: dict[str, dict[str, str]] = defaultdict(dict)
    for ranking in rankings:
        if ranking.slate_id in known and ranking.kind != "discarded":
            label = chosen_label(ranking, known[ranking.slate_id])
            if label is not None or ranking.kind == "none_right":
                chosen[ranking.slate_id][ranking.teacher] = label or ""
    odds: dict[str, list[float]] = defaultdict(list)
    hits: Counter[str] = Counter()
    for slate_id, labels in chosen.items():
        favorite = _favorite(known[slate_id])
        if favorite is None or not _contradicted(favorite, labels):
            continue
        share = sum(label == favorite for label in labels.values()) / len(labels)
        for teacher, label in labels.items():
            odds[teacher].append(share)
            hits[teacher] += label == favorite
    names = sorted(odds)
    adjusted = holm(np.array([_at_least(odds[name], hits[name]) for name in names]))
    return {name: Following(hits[name], len(odds[name]), sum(odds[name]), float(p)) for name, p in zip(names, adjusted, strict=True)}


def _favorite(slate: Slate) -> str | None:
    """The label of the most probable card; None where two are equally probable."""
    first, second = sorted(slate.candidates, key=lambda card: -card.probability)[:2]
    return first.answer.label if first.probability > second.probability else None


def _contradicted(favorite: str, labels: Mapping[str, str]) -> bool:
    """Whether some teachers choose the model's favorite, and at least two, no fewer than these, the same other label."""
    counts = Counter(labels.values())
    others = [count for label, count in counts.items() if label not in (favorite, "")]
    return counts[favorite] > 0 and max(others, default=0) >= max(2, counts[favorite])


def _at_least(odds: Sequence[float], hits: int) -> float:
    """P(at least `hits` successes) of independent draws with these probabilities."""
    chances = np.ones(1)
    for p in odds:
        chances = np.convolve(chances, (1 - p, p))
    return float(min(1.0, chances[hits:].sum()))
