"""Simulated teachers: accounts named simulated-1, simulated-2 …, which answer a round's slates through its feedback source.

They replace people in the demo, the tests and the benchmarks. Any source that satisfies prefopt.protocols.AcceptsAnswers works.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from feedback.judgment import best_of, chance, judge, mistaken_label
from prefopt.errors import FeedbackError
from prefopt.protocols import AcceptsAnswers, PublishedSlates
from prefopt.records import SIMULATED, Ranking, Slate
from prefopt.taxonomy import Taxonomy

COPYING = 0.7
"""How often a copycat gives the model's order."""


@dataclass(frozen=True)
class Simulation:
    """Who answers, and how they err. Every draw depends on the seed, the teacher and the slate alone, not on the order of answering."""

    teachers: int = 3
    error_rate: float = 0.1
    """Of a judgment; see feedback.judgment.judge for this and the following three."""
    disagreement: float = 0.05
    discard_rate: float = 0.0
    label_error: float = 0.0
    position_bias: float = 0.0
    shared_error: float = 0.0
    """Share of the slates on which all teachers take the same wrong label for the right one, as where a problem is ambiguous."""
    fatigue: float = 0.0
    """By how much the error rate grows from a round's first slate to its last."""
    copycats: int = 0
    """The last of the teachers, who give the model's own order with probability COPYING."""
    seed: int = 7

    def line(self) -> str:
        """All rates in words."""
        rising = f" rising by {self.fatigue:.0%} of the judgments to the last slate" if self.fatigue else ""
        return (
            f"simulated: wrong judgments {self.error_rate:.0%}{rising}, wrong names of labels not shown {self.label_error:.0%}, "
            f"slates on which all err alike {self.shared_error:.0%}, first card where unsure {self.position_bias:.0%}, "
            f"other orders {self.disagreement:.0%}, discards {self.discard_rate:.0%}, copycats {self.copycats} of {self.teachers}, "
            f"seed {self.seed}"
        )

    def plain(self) -> dict[str, Any]:
        """As plain JSON types."""
        return asdict(self)


def simulate_teachers(
    published: PublishedSlates, truth: Mapping[str, str], simulation: Simulation | None = None
) -> dict[str, dict[str, int]]:
    """Let simulated teachers answer the published slates of a round; answers that they gave earlier stay.

    Each slate is judged by as many of them as the round wants (feedback.overlap), chosen by the slate's id; where that depends on the
    answers, by one after the other.

    Args:
        published: the round to answer.
        truth: problem id -> id of the right label.
        simulation: who answers and how they err; None for its defaults.

    Returns:
        User name -> kind of ranking -> number of answers entered by this call.

    Raises:
        FeedbackError: too few teachers or too many copycats, no right label for a problem, a source that accepts no answers from
            programs, or an error of the source.
    """
    source, overlap, given = published.source, published.overlap, simulation or Simulation()
    if not isinstance(source, AcceptsAnswers):
        raise FeedbackError(
            f"the feedback source {source.name!r} accepts no answers from simulated teachers",
            hint="give it the method enter_answers (prefopt.protocols.AcceptsAnswers)",
        )
    if given.teachers < overlap:
        raise FeedbackError(
            f"{given.teachers} simulated teachers for slates that want {_judgments(published)}", hint=f"--teachers {overlap}"
        )
    if given.copycats > given.teachers:
        raise FeedbackError(f"{given.copycats} copycats among {given.teachers} simulated teachers", hint=f"--copycats {given.teachers}")
    names = [f"{SIMULATED}{number}" for number in range(1, given.teachers + 1)]
    answers: dict[str, list[Ranking]] = {name: [] for name in names}
    for number, slate in enumerate(published.slates):
        believed = _believed_label(slate, truth, published.taxonomy, given)
        tired = given.fatigue * number / max(1, len(published.slates) - 1)
        own: list[Ranking] = []
        for name in chance(given.seed, "turn", slate.id).sample(names, overlap):
            if len(own) >= published.wanted(slate, own):
                break
            ranking = judge(
                slate,
                believed,
                published.taxonomy,
                chance(given.seed, name, slate.id),
                teacher=name,
                error_rate=given.error_rate + tired,
                disagreement=given.disagreement,
                discard_rate=given.discard_rate,
                label_error=given.label_error,
                position_bias=given.position_bias,
                copying=COPYING if name in names[given.teachers - given.copycats :] else 0.0,
            )
            if published.question == "best":
                ranking = best_of(ranking, chance(given.seed, f"{name} best", slate.id))
            own.append(ranking)
            answers[name].append(ranking)
    entered = source.enter_answers(published.slates, published.receipts, answers)
    return {name: dict(Counter(ranking.kind for ranking in entered[name])) for name in names}


def _judgments(published: PublishedSlates) -> str:
    least = min((published.wanted(slate, ()) for slate in published.slates), default=published.overlap)
    return f"{published.overlap} judgments each" if least == published.overlap else f"up to {published.overlap} judgments each"


def _believed_label(slate: Slate, truth: Mapping[str, str], taxonomy: Taxonomy, simulation: Simulation) -> str:
    """The label that careful teachers take for the right one: it is, but for a shared error."""
    right = _right_label(slate, truth, taxonomy)
    rng = chance(simulation.seed, "shared error", slate.id)
    return mistaken_label(slate, right, taxonomy, rng) if rng.random() < simulation.shared_error else right


def _right_label(slate: Slate, truth: Mapping[str, str], taxonomy: Taxonomy) -> str:
    label = slate.gold or truth.get(slate.problem.id)
    if label is None:
        raise FeedbackError(f"no right label is known for problem {slate.problem.id!r} of slate {slate.id}", hint="add it to --truth")
    if label not in taxonomy:
        raise FeedbackError(
            f"the right label {label!r} of problem {slate.problem.id!r} is not in the taxonomy", hint="correct it in --truth"
        )
    return label
