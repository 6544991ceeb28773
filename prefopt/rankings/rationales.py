"""Quality of the reasons on the cards: do they lead to the label they are given for, how many steps do they take, how long are they."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from prefopt.records import Slate
from prefopt.taxonomy import Taxonomy

_STEP = re.compile(r"[.!?。]+(?:\s|$)|\n+")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class ReasonQuality:
    """Of the cards that were shown in a round."""

    cards: int
    with_reason: int
    concluding: int
    """Reasons that name a label of the taxonomy at all, by its code or by its name."""
    right_conclusion: int
    """Of these, reasons that name the label of their own card."""
    median_steps: float
    """Sentences."""
    median_length: float
    """Characters."""


def reason_quality(slates: Iterable[Slate], taxonomy: Taxonomy) -> ReasonQuality | None:
    """None where no card has a reason. A label counts as named where its code or its name stands in the reason, spaces aside."""
    spelled = [(label.id, _bare(label.code), _bare(label.name)) for label in taxonomy]
    answers = [candidate.answer for slate in slates for candidate in slate.candidates]
    reasons = [(answer.label, answer.reason) for answer in answers if answer.reason]
    if not reasons:
        return None
    concluding = right = 0
    for label, reason in reasons:
        text = _bare(reason)
        named = {name for name, code, title in spelled if code in text or title in text}
        concluding += bool(named)
        right += label in named
    return ReasonQuality(
        cards=len(answers),
        with_reason=len(reasons),
        concluding=concluding,
        right_conclusion=right,
        median_steps=float(median(steps(reason) for _, reason in reasons)),
        median_length=float(median(len(reason) for _, reason in reasons)),
    )


def steps(reason: str) -> int:
    """Sentences or lines of a reason; at least 1 where there is any text. A point inside a number ends nothing."""
    return max(1, sum(bool(part.strip()) for part in _STEP.split(reason)))


def _bare(text: str) -> str:
    return _SPACE.sub("", text)
