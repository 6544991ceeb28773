"""Rehearsal against forgetting: a share of the SFT examples and of earlier rounds' preferences among a round's rows, drawn with the seed.

Rehearsed preferences are rows like the round's own. A rehearsed example has a likelihood term only, a mean over tokens: in a recipe whose
loss has such a term (the sft of dpo, the likelihood of orpo) its tokens join that mean; otherwise the term is added. In a pair's shape an
example is a pair of two equal answers, which the packed row holds once.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from prefopt.errors import TrainingError
from recipes.rows import Row, answer_of, example_row, refuse_unknown_labels

if TYPE_CHECKING:
    from prefopt.model.harmony import Renderer
    from prefopt.protocols import TrainingJob
    from prefopt.records import Judged, Pair, Problem

T = TypeVar("T")


class Shares(Protocol):
    """The options of a recipe that rehearses."""

    @property
    def rehearse_examples(self) -> float: ...
    @property
    def rehearse_preferences(self) -> float: ...


@dataclass(frozen=True)
class Rehearsed:
    """What is mixed in."""

    examples: Sequence[Problem] = ()
    preferences: Sequence[Pair] | Sequence[Judged] = ()

    @property
    def metrics(self) -> dict[str, float]:
        """Counts for the run's metrics; none where nothing is rehearsed."""
        found = {"rehearsed/examples": float(len(self.examples)), "rehearsed/preferences": float(len(self.preferences))}
        return {name: count for name, count in found.items() if count}


def rehearsed(job: TrainingJob, shares: Shares) -> Rehearsed:
    """What the shares say, in an order drawn with the job's seed.

    Raises:
        TrainingError: a share is asked for and there is nothing to draw from, or a label is not in the taxonomy.
    """
    if shares.rehearse_examples and not job.rehearsal:
        raise TrainingError(
            "rehearse_examples is set, and the job brings no labeled problems", hint="set it to 0, or put problems into the gold file"
        )
    if shares.rehearse_preferences and not job.earlier and job.round > 1:
        raise TrainingError("rehearse_preferences is set, and earlier rounds gave no preferences of this kind", hint="set it to 0")
    found = Rehearsed(
        _drawn(job.rehearsal, shares.rehearse_examples, f"{job.seed} examples"),
        _drawn(job.earlier, shares.rehearse_preferences, f"{job.seed} preferences"),  # type: ignore[arg-type]  # of one kind
    )
    refuse_unknown_labels(job, [(problem.id, answer_of(problem)) for problem in found.examples])
    return found


def _drawn(values: Sequence[T], share: float, seed: str) -> list[T]:
    return random.Random(seed).sample(list(values), round(share * len(values)))  # noqa: S311 - seeded chance, no secret


def as_pairs(examples: Sequence[Problem], renderer: Renderer) -> list[Row]:
    """Examples in the shape of a pair's row: {"id", "prompt_ids", "chosen_ids", "rejected_ids", "weight", "margin", "tie", "example"}."""
    rows = [example_row(problem, "answer", renderer) for problem in examples]
    return [
        {"id": row["id"], "prompt_ids": row["prompt_ids"], "chosen_ids": row["completion_ids"], "rejected_ids": row["completion_ids"]}
        | {"weight": 1.0, "margin": 0.0, "tie": False, "example": True}
        for row in rows
    ]


def as_judged(examples: Sequence[Problem], renderer: Renderer) -> list[Row]:
    """Examples in the shape of a judged answer's row: {"id", "prompt_ids", "completion_ids", "label", "weight", "example"}."""
    return [example_row(problem, "answer", renderer) | {"label": True, "weight": 1.0, "example": True} for problem in examples]
