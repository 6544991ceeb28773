"""`prefopt data sft`: labeled problems as Harmony examples for any trainer.

A reason becomes the model's analysis, so it must support the label. Reasons that name another label or none, are in another language, or
only repeat the problem are refused and reported by line.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from prefopt.data.checks.reason_checks import why_reason_is_refused
from prefopt.data.formats.row_writer import write_rows_to
from prefopt.errors import DataError
from prefopt.io.files import write_text
from prefopt.readers.options import AS_IT_IS, ReadOptions
from prefopt.readers.problem_rows import read_problem_rows
from prefopt.records import Answer, Problem
from prefopt.taxonomy import Label, Taxonomy

if TYPE_CHECKING:
    from prefopt.model.harmony import Renderer

Form = Literal["messages", "text", "ids"]
FORMS: tuple[Form, ...] = ("messages", "text", "ids")


@dataclass(frozen=True)
class Examples:
    """Result of a conversion."""

    written: int
    refused: Counter[str]
    """Reason of refusal -> problems."""
    longest: int
    """Tokens of the longest example."""
    effort: str
    language: str
    """Of the reasons; empty: any."""


def sft_file(
    source: Path,
    out: Path,
    renderer: Renderer,
    form: Form,
    *,
    reading: ReadOptions = AS_IT_IS,
    refused: Path | None = None,
) -> Examples:
    """Write one example for each labeled problem with a reason.

    Args:
        source: labeled problems.
        out: its suffix selects the kind of file.
        renderer: of the model; its settings give effort, language of the reasons and the longest row.
        form: messages (roles, the analysis under "thinking", effort in "chat_template_kwargs", as TRL and transformers read them),
            text (prompt and completion as Harmony text) or ids (input_ids and completion_mask).
        reading: which column of the source is what.
        refused: JSONL file for the refused problems: line, id, why.

    Raises:
        DataError: a row that is not a problem, a label outside the taxonomy, an example that is too long, or no example at all.
    """
    settings, taxonomy = renderer.settings, renderer.taxonomy
    rows: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    longest = 0
    for line, problem, label in _labeled(source, taxonomy, reading):
        why = _why_not(problem, label, taxonomy, settings.reasoning_language or None)
        if why is not None:
            rejected.append({"line": line, "id": problem.id, "why": why})
            continue
        row, length = _example(problem, label, renderer, form)
        if length > settings.max_tokens:
            raise DataError(
                f"problem {problem.id!r} has {length} tokens; the limit is {settings.max_tokens}",
                path=source,
                line=line,
                hint="shorten the problem, or raise prompt.max_tokens",
            )
        longest = max(longest, length)
        rows.append(row)
    whys = Counter(str(row["why"]) for row in rejected)
    if not rows:
        summary = ", ".join(f"{n} {why}" for why, n in whys.most_common(3)) or "no labeled problem"
        raise DataError(
            f"every problem is refused: {summary}",
            path=source,
            hint=f"let a model write reasons: `prefopt data augment {source} NEW.jsonl --kind reason --url URL --model NAME`",
        )
    if refused is not None:
        write_text(refused, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rejected))
    return Examples(write_rows_to(out, rows), whys, longest, settings.effort, settings.reasoning_language)


def _labeled(source: Path, taxonomy: Taxonomy, reading: ReadOptions) -> Iterator[tuple[int, Problem, Label]]:
    for row, problem in read_problem_rows(source, reading):
        if problem.label is None:
            continue
        label = taxonomy.find(problem.label)
        if label is None:
            near = ", ".join(taxonomy.nearest(problem.label))
            raise DataError(
                f"label {problem.label!r} is not in {taxonomy.source}",
                path=source,
                line=row.line,
                hint=f"did you mean {near}?" if near else "labels are in the taxonomy",
            )
        yield row.line, problem, label


def _why_not(problem: Problem, label: Label, taxonomy: Taxonomy, language: str | None) -> str | None:
    if problem.reason is None:
        return "no reason"
    return why_reason_is_refused(problem.reason, problem.text, label, taxonomy, language)


def _example(problem: Problem, label: Label, renderer: Renderer, form: Form) -> tuple[dict[str, Any], int]:
    """The example and its length in tokens."""
    answer = Answer(label=label.id, level=problem.level, difficulty=problem.difficulty, concepts=problem.concepts, reason=problem.reason)
    prompt, completion = renderer.prompt(problem, with_reason=True), renderer.completion(answer, with_reason=True)
    length = len(prompt) + len(completion)
    if form == "ids":
        return {"id": problem.id, "input_ids": [*prompt, *completion], "completion_mask": [0] * len(prompt) + [1] * len(completion)}, length
    if form == "text":
        return {"id": problem.id, "prompt": renderer.decode(prompt), "completion": renderer.decode(completion)}, length
    turns = [
        {"role": "developer", "content": renderer.developer_content},
        {"role": "user", "content": renderer.text_of(problem.text)},
        {"role": "assistant", "thinking": problem.reason, "content": renderer.answer_json(answer)},
    ]
    kwargs = {"reasoning_effort": renderer.settings.effort}
    return {"id": problem.id, "messages": turns, "chat_template_kwargs": kwargs}, length
