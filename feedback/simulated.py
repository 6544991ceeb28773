"""Simulated teachers: accounts named simulated-1, simulated-2 …, which answer a round's slates through its feedback source.

They replace people in the demo, the tests and the benchmarks. Any source that satisfies prefopt.protocols.AcceptsAnswers works.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from feedback.judgment import chance, judge
from prefopt.errors import FeedbackError
from prefopt.io.jsonl import read_rows
from prefopt.protocols import AcceptsAnswers, PublishedSlates
from prefopt.records import SIMULATED, Ranking, Slate
from prefopt.taxonomy import Taxonomy


def simulate_teachers(
    published: PublishedSlates,
    truth: Mapping[str, str],
    *,
    teachers: int = 3,
    error_rate: float = 0.1,
    disagreement: float = 0.05,
    discard_rate: float = 0.0,
    seed: int = 7,
) -> dict[str, dict[str, int]]:
    """Let simulated teachers answer the published slates of a round; answers that they gave earlier stay.

    Each slate is judged by as many of them as the round wants (feedback.overlap), chosen by the slate's id.

    Args:
        published: the round to answer.
        truth: problem id -> id of the right label.
        teachers: number of simulated teachers.
        error_rate, disagreement, discard_rate: see feedback.judgment.judge.
        seed: the same seed gives the same judgments, in whatever order the slates are answered.

    Returns:
        User name -> kind of ranking -> number of answers entered by this call.

    Raises:
        FeedbackError: too few teachers, no right label for a problem, a source that accepts no answers from
            programs, or an error of the source.
    """
    source, taxonomy, overlap = published.source, published.taxonomy, published.overlap
    if not isinstance(source, AcceptsAnswers):
        raise FeedbackError(
            f"the feedback source {source.name!r} accepts no answers from simulated teachers",
            hint="give it the method enter_answers (prefopt.protocols.AcceptsAnswers)",
        )
    if teachers < overlap:
        raise FeedbackError(f"{teachers} simulated teachers for slates that want {overlap} judgments each", hint=f"--teachers {overlap}")
    names = [f"{SIMULATED}{number}" for number in range(1, teachers + 1)]
    judge_slate = partial(judge, taxonomy=taxonomy, error_rate=error_rate, disagreement=disagreement, discard_rate=discard_rate)
    answers: dict[str, list[Ranking]] = {name: [] for name in names}
    for slate in published.slates:
        right = _right_label(slate, truth, taxonomy)
        for name in chance(seed, "turn", slate.id).sample(names, overlap):
            answers[name].append(judge_slate(slate, right, rng=chance(seed, name, slate.id), teacher=name))
    entered = source.enter_answers(published.slates, published.receipts, answers)
    return {name: dict(Counter(ranking.kind for ranking in entered[name])) for name in names}


class TruthRow(BaseModel):
    """The right label of a problem. Other keys of the row are ignored, so that a file of labeled problems can be used."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    id: str
    label: str


def read_truth(path: Path) -> dict[str, str]:
    """Problem id -> right label, from JSONL rows {"id": ..., "label": ...}. Raises DataError with file and line."""
    return {row.id: row.label for row in read_rows(path, TruthRow)}


def _right_label(slate: Slate, truth: Mapping[str, str], taxonomy: Taxonomy) -> str:
    label = slate.gold or truth.get(slate.problem.id)
    if label is None:
        raise FeedbackError(f"no right label is known for problem {slate.problem.id!r} of slate {slate.id}", hint="add it to --truth")
    if label not in taxonomy:
        raise FeedbackError(
            f"the right label {label!r} of problem {slate.problem.id!r} is not in the taxonomy", hint="correct it in --truth"
        )
    return label
