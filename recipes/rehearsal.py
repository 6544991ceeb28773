"""Rehearsal against forgetting: a share of the SFT examples and of earlier rounds' preferences among a round's rows, drawn with the seed.

Rehearsed preferences are rows like the round's own. Examples are rendered as the SFT stage renders them: passes over answers alone would
unlearn its reasons. A rehearsed example has a likelihood term only, a mean over tokens: where a recipe's
loss has such a term (sft in dpo, sft_weight in kto, the likelihood in orpo) its tokens join that mean; otherwise the term is added. As a
pair's row an example has two equal answers, which the packed row holds once.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from prefopt.errors import TrainingError
from recipes.label_balance import balanced_rows, scaled
from recipes.options import RehearsalOptions
from recipes.sft import SftConfig, drawn_renderings
from recipes.tokenization import Row, answer_of, example_row, refuse_unknown_labels

if TYPE_CHECKING:
    from prefopt.model.harmony import Renderer
    from prefopt.protocols import TrainingJob
    from prefopt.records import Judged, Pair, Problem, SlateVotes

T = TypeVar("T")
Example = tuple["Problem", str]
"""A labeled problem, and how it is rendered: "answer", "reason" or "explain" (tokenization.example_row)."""


@dataclass(frozen=True)
class Rehearsal:
    """The data that is mixed in."""

    examples: Sequence[Example] = ()
    """Labeled problems, each as often as the SFT stage renders it."""
    preferences: Sequence[Pair] | Sequence[Judged] | Sequence[SlateVotes] = ()

    @property
    def metrics(self) -> dict[str, float]:
        """Counts for the run's metrics; none where nothing is rehearsed."""
        problems = {problem.id for problem, _ in self.examples}
        counts = {"rehearsed/examples": float(len(problems)), "rehearsed/preferences": float(len(self.preferences))}
        return {name: count for name, count in counts.items() if count}


def draw_rehearsal(job: TrainingJob, options: RehearsalOptions) -> Rehearsal:
    """The options' shares of the job's examples and earlier preferences, in an order drawn with the job's seed.

    Raises:
        TrainingError: a share is set, not left at its default, and there is nothing to draw from; or a label is not in the taxonomy.
    """
    if options.rehearse_examples and "rehearse_examples" in options.model_fields_set and not job.rehearsal:
        raise TrainingError(
            "rehearse_examples is set, and the job has no labeled problems", hint="set rehearse_examples = 0 under the recipe's name"
        )
    if "rehearse_preferences" in options.model_fields_set and options.rehearse_preferences and not job.earlier and job.round > 1:
        raise TrainingError(
            "rehearse_preferences is set, and earlier rounds have no preferences of this kind",
            hint="leave rehearse_preferences out under the recipe's name",
        )
    drawn = _drawn(job.rehearsal, options.rehearse_examples, f"{job.seed} examples")
    rehearsal = Rehearsal(
        drawn_renderings(drawn, sft_shares(job), job.seed) if drawn else (),
        _drawn(job.earlier, options.rehearse_preferences, f"{job.seed} preferences"),  # type: ignore[arg-type]  # all of one kind
    )
    refuse_unknown_labels(job, [(problem.id, answer_of(problem)) for problem in drawn])
    return rehearsal


def sft_shares(job: TrainingJob) -> SftConfig:
    """The SFT stage's shares of renderings: answers, reasons before answers, and explanations; its other options are the defaults."""
    shares = ("answer_share", "reason_share", "explain_share")
    return SftConfig(**{name: job.sft_options[name] for name in shares if name in job.sft_options})


def _drawn(values: Sequence[T], share: float, seed: str) -> list[T]:
    return random.Random(seed).sample(list(values), round(share * len(values)))  # noqa: S311 - seeded draw, not a secret


def example_pair_rows(examples: Sequence[Example], renderer: Renderer) -> list[Row]:
    """Examples as rows of pairs: {"id", "prompt_ids", "chosen_ids", "rejected_ids", "weight", "likelihood", "votes", "margin", "tie",
    "example"}.
    """
    rows = [example_row(problem, how, renderer) for problem, how in examples]
    return [
        {"id": row["id"], "prompt_ids": row["prompt_ids"], "chosen_ids": row["completion_ids"], "rejected_ids": row["completion_ids"]}
        | {"weight": 1.0, "likelihood": 1.0, "votes": 1.0, "margin": 0.0, "tie": False, "example": True}
        for row in rows
    ]


def example_judged_rows(examples: Sequence[Example], renderer: Renderer) -> list[Row]:
    """Examples as rows of judged answers: {"id", "prompt_ids", "completion_ids", "label", "weight", "example"}."""
    return [example_row(problem, how, renderer) | {"label": True, "weight": 1.0, "example": True} for problem, how in examples]


def taught(example: Example) -> str:
    """The label that an example teaches where it is rendered as an answer; "" otherwise: a reason is no answer more."""
    problem, how = example
    return str(problem.label) if how == "answer" else ""


def balanced_pairs(rows: Sequence[Row], pairs: Sequence[Pair], examples: Sequence[Example], job: TrainingJob) -> list[Row]:
    """Rows of these pairs, then of these examples, weighed by label_balance; a pair teaches its chosen answer's label."""
    labels = ["" if pair.tie else pair.chosen.label for pair in pairs] + [taught(example) for example in examples]
    return balanced_rows(rows, labels, [str(problem.label) for problem in job.rehearsal])


def balanced_judged(rows: Sequence[Row], judged: Sequence[Judged], examples: Sequence[Example], job: TrainingJob) -> list[Row]:
    """Rows of these judged answers, then of these examples, weighed by label_balance. A slate teaches the label of its desirable answer;
    its other answers get the same weight.
    """
    of_slate = {row.slate_id: row.answer.label for row in judged if row.desirable}
    labels = [row.answer.label if row.desirable else "" for row in judged] + [taught(example) for example in examples]
    found = balanced_rows(rows, labels, [str(problem.label) for problem in job.rehearsal])
    weights = {label: row["balance"] for row, label in zip(found, labels, strict=True) if label}
    return [
        row if labels[place] or place >= len(judged) else scaled(row, weights.get(of_slate.get(judged[place].slate_id, ""), 1.0))
        for place, row in enumerate(found)
    ]
