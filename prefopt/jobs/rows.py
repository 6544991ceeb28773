"""What of a round a service gets to see: texts of problems and answers, without names, ids, votes or comments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prefopt.errors import TrainingError
from prefopt.io.leaving import refuse_personal
from prefopt.jobs.service import JobRow
from prefopt.model.harmony_text import HEADING, answer_json, developer_text
from prefopt.protocols import TrainingJob
from prefopt.records import Answer, Pair, Problem
from prefopt.texts.same_text import as_read

LEAST_NET = 0.5
"""Net share of the votes of a pair that is sent: the interfaces have no weights, so a pair on which teachers were of two minds would
count as much as a unanimous one."""
TIE, UNSURE = "ties", f"pairs whose net share of the votes is below {LEAST_NET}"


@dataclass(frozen=True)
class Rows:
    """The rows of a job, and what has no place in them."""

    rows: tuple[JobRow, ...]
    left_out: Mapping[str, int]
    """What -> how many."""


def preference_rows(job: TrainingJob, destination: str) -> Rows:
    """The pairs of a round that a service can learn from.

    Raises:
        TrainingError: none is left, or a label is not in the taxonomy.
        DataError: a text has personal data.
    """
    pairs = [row for row in job.data if isinstance(row, Pair)]
    _refuse_unknown(job, [(pair.problem.id, answer.label) for pair in pairs for answer in (pair.chosen, pair.rejected)])
    kept = [pair for pair in pairs if not pair.tie and pair.net >= LEAST_NET]
    ties = sum(pair.tie for pair in pairs)
    left_out = {TIE: ties, UNSURE: len(pairs) - ties - len(kept)}
    if not kept:
        raise TrainingError(
            f"none of the {len(pairs)} pairs can be sent: {_counted(left_out)}",
            hint="train here, where ties and votes count: prefopt round --recipe dpo",
        )
    rows = []
    for pair in kept:
        alone = pair.chosen.partial or pair.rejected.partial  # otherwise one answer of the pair would have fields, and be known by them
        chosen, rejected = (_final(job, answer, label_alone=alone) for answer in (pair.chosen, pair.rejected))
        rows.append((pair.problem, JobRow(_messages(job, pair.problem.text), chosen, rejected)))
    return Rows(_guarded(rows, destination), {what: count for what, count in left_out.items() if count})


def example_rows(job: TrainingJob, destination: str, *, explain: bool) -> Rows:
    """Labeled problems, each as problem -> answer and, where it has a reason and `explain` is set, as problem and label -> reason.

    Raises:
        TrainingError: a problem has no label, or one that is not in the taxonomy.
        DataError: a text has personal data.
    """
    problems = [row for row in job.data if isinstance(row, Problem)]
    _refuse_unknown(job, [(problem.id, problem.label or "") for problem in problems])
    if not problems:
        raise TrainingError("no labeled problems to train on", hint="put labeled problems into data/gold.jsonl")
    rows = []
    for problem in problems:
        answer = Answer(label=problem.label or "", level=problem.level, difficulty=problem.difficulty, concepts=problem.concepts)
        rows.append((problem, JobRow(_messages(job, problem.text), _final(job, answer))))
        if explain and problem.reason:
            rows.append((problem, JobRow(_messages(job, problem.text, _question(job, answer.label)), problem.reason)))
    return Rows(_guarded(rows, destination), {})


def openai_line(row: JobRow) -> dict[str, Any]:
    """A row in the form of OpenAI's fine-tuning: that of `dpo` for two answers, that of `supervised` for one."""
    messages = [dict(message) for message in row.messages]
    if row.rejected is None:
        return {"messages": [*messages, {"role": "assistant", "content": row.chosen}]}
    return {
        "input": {"messages": messages},
        "preferred_output": [{"role": "assistant", "content": row.chosen}],
        "non_preferred_output": [{"role": "assistant", "content": row.rejected}],
    }


def texts_of(row: JobRow) -> Iterator[tuple[str, ...]]:
    """The conversations of a row, each as its texts: one for each answer."""
    prompt = tuple(message["content"] for message in row.messages)
    yield (*prompt, row.chosen)
    if row.rejected is not None:
        yield (*prompt, row.rejected)


def _messages(job: TrainingJob, text: str, question: str = "") -> tuple[dict[str, str], ...]:
    user = as_read(text, job.prompt.spelling)
    return (
        {"role": "system", "content": developer_text(job.prompt, job.taxonomy).removeprefix(HEADING)},
        {"role": "user", "content": f"{user}\n\n{question}" if question else user},
    )


def _question(job: TrainingJob, label: str) -> str:
    return job.prompt.question.replace("{id}", label).replace("{name}", job.taxonomy[label].name)


def _final(job: TrainingJob, answer: Answer, *, label_alone: bool = False) -> str:
    return answer_json(Answer(label=answer.label) if label_alone else answer, job.answer)


def _refuse_unknown(job: TrainingJob, labels: Sequence[tuple[str, str]]) -> None:
    for problem, label in labels:
        if label not in job.taxonomy:
            raise TrainingError(
                f"problem {problem}: label {label!r} is not in the taxonomy", hint=f"labels are listed in {job.taxonomy.source}"
            )


def _guarded(rows: Sequence[tuple[Problem, JobRow]], destination: str) -> tuple[JobRow, ...]:
    """The rows. Raises DataError where a text has personal data, as it is sent or as it was written: nothing is sent then."""
    texts: dict[str, str] = {}
    for problem, row in rows:
        for text in (problem.text, *(text for conversation in texts_of(row) for text in conversation)):
            texts.setdefault(text, f"problem {problem.id!r}")
    if texts:
        refuse_personal(((name, text) for text, name in texts.items()), destination)
    return tuple(row for _, row in rows)


def _counted(left_out: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in left_out.items() if count) or "there are none"
