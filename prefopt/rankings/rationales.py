"""Quality of the rationales on the cards: whether they name the label of their card, how many sentences they have, how long they are.

The records and the users' files call a rationale `reason`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from prefopt.records import Slate
from prefopt.taxonomy import Taxonomy

_STEP = re.compile(r"(?<![.!?。])[.!?。]++(?:\s|$)|\n+")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class RationaleQuality:
    """Of the cards that were shown in a round."""

    cards: int
    with_reason: int
    concluding: int
    """Rationales that name a label of the taxonomy, by its code or by its name."""
    right_conclusion: int
    """Of these, rationales that name the label of their own card."""
    median_steps: float
    """Sentences."""
    median_length: float
    """Characters."""


def rationale_quality(slates: Iterable[Slate], taxonomy: Taxonomy) -> RationaleQuality | None:
    """None where no card has a rationale. A label counts as named where its code or its name is in the text, ignoring spaces."""
    spelled = [(label.id, _bare(label.code), _bare(label.name)) for label in taxonomy]
    answers = [candidate.answer for slate in slates for candidate in slate.candidates]
    rationales = [(answer.label, answer.reason) for answer in answers if answer.reason]
    if not rationales:
        return None
    concluding = right = 0
    for label, rationale in rationales:
        text = _bare(rationale)
        named = {name for name, code, title in spelled if code in text or title in text}
        concluding += bool(named)
        right += label in named
    return RationaleQuality(
        cards=len(answers),
        with_reason=len(rationales),
        concluding=concluding,
        right_conclusion=right,
        median_steps=float(median(steps(rationale) for _, rationale in rationales)),
        median_length=float(median(len(rationale) for _, rationale in rationales)),
    )


def steps(rationale: str) -> int:
    """Sentences or lines; at least 1 where there is any text. A decimal point does not end a sentence."""
    return max(1, sum(bool(part.strip()) for part in _STEP.split(rationale)))


def _bare(text: str) -> str:
    return _SPACE.sub("", text)
