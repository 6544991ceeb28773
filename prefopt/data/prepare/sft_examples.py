"""`prefopt data sft`: labeled problems as Harmony examples for any trainer, with the reasoning effort and language that are set.

A reason is trained on as the model's analysis, so it has to lead to the label: what names another label, none at all, is in another
language or only repeats the problem is refused, by line, and told.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from prefopt.data.checks.reason_checks import why_reason_is_refused
from prefopt.data.formats.problem_rows import problem_of
from prefopt.data.formats.row_reader import read_rows_of
from prefopt.data.formats.row_writer import write_rows_to
from prefopt.errors import DataError
from prefopt.io.files import write_text
from prefopt.records import Answer, Problem
from prefopt.taxonomy import Label, Taxonomy

if TYPE_CHECKING:
    from prefopt.model.harmony import Renderer

Form = Literal["messages", "text", "ids"]
FORMS: tuple[Form, ...] = ("messages", "text", "ids")


@dataclass(frozen=True)
class Examples:
    """What came of a file."""

    written: int
    refused: Counter[str]
    longest: int
    """Tokens of the longest example."""
    effort: str
    language: str


def sft_file(
    source: Path,
    out: Path,
    renderer: Renderer,
    form: Form,
    *,
    columns: Mapping[str, str] | None = None,
    refused: Path | None = None,
) -> Examples:
    """Write one example a labeled problem with a reason.

    Args:
        source: labeled problems.
        out: file of any kind that prefopt.data.formats.row_writer knows.
        renderer: of the model; its settings give effort, language of the reasons and the longest row.
        form: messages (roles, the analysis under "thinking", effort in "chat_template_kwargs", as TRL and transformers read them),
            text (prompt and completion as Harmony text) or ids (input_ids and completion_mask).
        columns: as of prefopt.data.formats.problem_rows.
        refused: a JSONL file for what was refused: line, id, why.

    Raises:
        DataError: a row that is no problem, a label outside the taxonomy, a row that is too long, or no row that holds.
    """
    settings, taxonomy = renderer.settings, renderer.taxonomy
    rows: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    longest = 0
    for line, problem, label in _labeled(source, taxonomy, columns or {}):
        why = _why_not(problem, label, taxonomy, settings.reasoning_language or None)
        if why is not None:
            bad.append({"line": line, "id": problem.id, "why": why})
            continue
        row, length = _example(problem, label, renderer, form)
        if length > settings.max_tokens:
            raise DataError(
                f"problem {problem.id!r} has {length} tokens, the longest row {settings.max_tokens}",
                path=source,
                line=line,
                hint="shorten it, or set prompt.max_tokens",
            )
        longest = max(longest, length)
        rows.append(row)
    whys = Counter(str(b["why"]) for b in bad)
    if not rows:
        told = ", ".join(f"{n} {why}" for why, n in whys.most_common(3)) or "no labeled problem"
        raise DataError(f"no example holds: {told}", path=source, hint="`prefopt data augment --kind reason` writes reasons")
    if refused is not None:
        write_text(refused, "".join(json.dumps(b, ensure_ascii=False) + "\n" for b in bad))
    return Examples(write_rows_to(out, rows), whys, longest, settings.effort, settings.reasoning_language)


def _labeled(source: Path, taxonomy: Taxonomy, columns: Mapping[str, str]) -> Iterator[tuple[int, Problem, Label]]:
    for row in read_rows_of(source):
        problem = problem_of(row, source, columns, set())
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
    """The example and its tokens."""
    answer = Answer(label=label.id, level=problem.level, difficulty=problem.difficulty, concepts=problem.concepts, reason=problem.reason)
    prompt, completion = renderer.prompt(problem, with_reason=True), renderer.completion(answer, with_reason=True)
    length = len(prompt) + len(completion)
    if form == "ids":
        return {"id": problem.id, "input_ids": [*prompt, *completion], "completion_mask": [0] * len(prompt) + [1] * len(completion)}, length
    if form == "text":
        return {"id": problem.id, "prompt": renderer.decode(prompt), "completion": renderer.decode(completion)}, length
    turns = [
        {"role": "developer", "content": renderer.developer_content},
        {"role": "user", "content": problem.text},
        {"role": "assistant", "thinking": problem.reason, "content": renderer.answer_json(answer)},
    ]
    kwargs = {"reasoning_effort": renderer.settings.effort}
    return {"id": problem.id, "messages": turns, "chat_template_kwargs": kwargs}, length
