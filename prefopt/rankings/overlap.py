"""How many teachers a slate wants: a set number, or one and more where the first answer is in doubt.

With "adaptive" an answer is in doubt where its teacher is unsure (no one label is named: the best cards are level, none is right without
the right label, or the slate was passed), or where the model gives it less than an even share among the answers that are possible: each of
the cards, and that none is right. By Bayes' rule this is where the answer is likelier wrong than one of which nothing else is known: let
the teacher err with probability e, to each of the k other answers alike, and let the model's posterior of the given one be p. Then

    P(wrong | answer) = (1 - p) e / k  /  (p (1 - e) + (1 - p) e / k)  >  e    just where    p < 1 / (1 + k)

whatever e is: there a second judgment finds more errors than one that is drawn at random. A third teacher is asked where two name
different labels, or where only one of them names a label and that is in doubt. Two who are both unsure leave the slate open: a third would
hardly know better. A comment alone asks for nobody: it may be about the problem, and who is unsure has other means to say so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from prefopt.rankings.label_agreement import chosen_label
from prefopt.records import Ranking, Slate, content_id

MEASURING = ("gold", "repeat")
"""Purposes of slates that measure teachers."""
MOST = 3
"""Teachers of a slate with "adaptive"."""


@dataclass(frozen=True)
class Overlap:
    """How many teachers the slates of a round want."""

    teachers: int | Literal["adaptive"]
    """feedback.overlap."""
    drawn: frozenset[str] = frozenset()
    """Ids of the slates that two teachers judge in any case, drawn by chance: their agreement is that of any two teachers."""

    doubt: float = 1.0
    """An answer is in doubt below this multiple of an even share; what other values cost: benchmarks/adaptive_overlap.py."""

    @classmethod
    def of(cls, slates: Iterable[Slate], teachers: int | Literal["adaptive"], double_share: float) -> Overlap:
        """By the settings of a round. The draw depends on the slates' ids alone, so that it is the same at every reading."""
        if teachers != "adaptive":
            return cls(teachers)
        ids = sorted((slate.id for slate in slates if slate.purpose not in MEASURING), key=lambda name: content_id("twice", name))
        return cls(teachers, frozenset(ids[: round(double_share * len(ids))]))

    @property
    def is_adaptive(self) -> bool:
        """Whether the number depends on the answers."""
        return self.teachers == "adaptive"

    @property
    def most(self) -> int:
        """Teachers that a slate can want."""
        return MOST if self.teachers == "adaptive" else self.teachers

    def wanted(self, slate: Slate, answers: Sequence[Ranking]) -> int:
        """How many answers, with those given, a slate wants. Adaptive: one of slates that measure teachers (with a known label, or shown
        again), since who is right is not the question there.
        """
        if self.teachers != "adaptive":
            return self.teachers
        if slate.purpose in MEASURING:
            return 1
        least = 2 if slate.id in self.drawn else 1
        if not least <= len(answers) < MOST:
            return least if len(answers) < least else MOST
        named = [label for answer in answers if (label := chosen_label(answer, slate)) is not None]
        if len(answers) == 1:
            return 2 if not named or self.is_doubtful(slate, named[0]) else 1
        return MOST if len(set(named)) > 1 or (len(named) == 1 and self.is_doubtful(slate, named[0])) else 2

    def is_doubtful(self, slate: Slate, label: str) -> bool:
        """Whether the model gives a teacher's answer less than an even share among the cards and "none is right". The answer that is given
        with the name of a label that no card shows is the latter: it has what the cards leave.
        """
        shown = {candidate.answer.label: candidate.probability for candidate in slate.candidates}
        return shown.get(label, 1 - sum(shown.values())) < self.doubt / (len(shown) + 1)

    def unselected(self, slates: Iterable[Slate], answers: Sequence[Ranking]) -> list[Ranking]:
        """The answers that show how far any two teachers agree: with "adaptive" the first two to each slate of the draw, where other slates
        have one answer; all otherwise. A second teacher who is asked where the first is in doubt disagrees more often than any would.
        """
        asked, given = {slate.id: slate for slate in slates if slate.purpose not in MEASURING}, of_slates(answers)
        if not self.is_adaptive or all(len(given[name]) != 1 for name in asked):
            return list(answers)
        return [answer for name in asked if name in self.drawn for answer in _first_two(asked[name], given[name])]


SET = Overlap(1)
"""A set number, where it does not matter which: no teacher is asked because of an answer."""


def of_slates(answers: Iterable[Ranking]) -> Mapping[str, list[Ranking]]:
    """Slate id -> its answers; [] for every other."""
    given: dict[str, list[Ranking]] = defaultdict(list)
    for answer in answers:
        given[answer.slate_id].append(answer)
    return given


def _first_two(slate: Slate, answers: Sequence[Ranking]) -> Sequence[Ranking]:
    """By time. Where it is not known, two that do not name one label: only then is a third asked."""
    times = [answer.submitted_at for answer in answers]
    if len(answers) > 2 and None not in times:
        return sorted(answers, key=lambda answer: str(answer.submitted_at))[:2]
    differing = [pair for pair in combinations(answers, 2) if len({chosen_label(answer, slate) for answer in pair}) > 1]
    return differing[0] if len(answers) > 2 and differing else answers[:2]
